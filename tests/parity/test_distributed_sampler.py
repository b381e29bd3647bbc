"""The parts of a dataset that several processes get, in torch's order."""

from __future__ import annotations

import pytest

from parity_both import same

pytest.importorskip("torch")

LINES = [
    "[list(S(range(n), 3, r, shuffle=s)) for n in (0, 1, 5, 8) for r in range(3) for s in (0, 1)]",
    "[list(S(range(n), 3, r, drop_last=True)) for n in (0, 1, 5, 8) for r in range(3)]",
    "list(S(range(5), 1, 0)), list(S(range(5), 1, 0, shuffle=False))",
    "[len(S(range(5), 3, 0, drop_last=d)) for d in (False, True)]",
    "(s := S(range(6), 2, 1, seed=4), list(s), s.set_epoch(3), list(s))[1:]",
    "S(range(5), 2, 2)",
    "S(range(5), 2, -1)",
    "list(torch.utils.data.DataLoader(range(5), batch_size=2, sampler=S(range(5), 2, 0)))",
]


@pytest.mark.parametrize("line", LINES)
def test_a_line(line: str) -> None:
    same(f"S = torch.utils.data.DistributedSampler\n{line}", ("utils.data",))


def test_without_processes() -> None:
    import pullback as pb

    with pytest.raises(ValueError, match="Or give num_replicas and rank"):
        pb.utils.data.DistributedSampler(range(5))
