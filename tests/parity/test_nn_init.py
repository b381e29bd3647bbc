"""torch.nn.init: torch's numbers for a seed, of the functions and of their old names."""

from __future__ import annotations

import pytest

import pullback as pb
from parity_both import same
from samples import TOLERANCES

torch = pytest.importorskip("torch")

LINES = """
i.orthogonal_(torch.empty(3, 2))
i.orthogonal_(torch.empty(2, 5), gain=2.5)
i.orthogonal_(torch.empty(4, 4, dtype=torch.float64))
i.orthogonal_(torch.empty(4, 3, 2))
i.orthogonal_(torch.empty(40, 30))
i.orthogonal_(torch.empty(3, 1)), i.orthogonal_(torch.empty(1, 3)), torch.rand(1)
i.orthogonal_(torch.empty(0, 3)), i.orthogonal_(torch.empty(2, 0)), torch.rand(1)
i.orthogonal_(torch.empty(3))
i.orthogonal_(torch.empty(3, 2), generator=torch.Generator().manual_seed(1)), torch.rand(1)
i.orthogonal_(nn.Linear(3, 4).weight)
i.sparse_(torch.empty(4, 3), 0.5), torch.rand(1)
i.sparse_(torch.empty(5, 2), sparsity=0.1, std=2.0)
i.sparse_(torch.empty(5, 2), 0.3, generator=torch.Generator().manual_seed(1))
i.sparse_(torch.empty(5), 0.3)
i.sparse_(torch.empty(3, 2), 0.0), i.sparse_(torch.empty(3, 2), 1.0)
i.dirac_(torch.empty(4, 2, 3)), i.dirac_(torch.empty(2, 4, 3, 4))
i.dirac_(torch.empty(2, 2, 1, 2, 3))
i.dirac_(torch.empty(4, 2, 3), groups=2)
i.dirac_(torch.empty(3, 2, 2), 2)
i.dirac_(torch.empty(3, 2))
i.uniform(torch.empty(2)), i.normal(torch.empty(2)), i.constant(torch.empty(2), 3.0)
i.xavier_uniform(torch.empty(2, 2)), i.xavier_normal(torch.empty(2, 2), 2.0)
i.kaiming_uniform(torch.empty(2, 2)), i.kaiming_normal(torch.empty(2, 2), mode='fan_out')
i.eye(torch.empty(2, 3)), i.dirac(torch.empty(2, 2, 1)), i.orthogonal(torch.empty(2, 2))
i.sparse(torch.empty(3, 2), 0.5)
""".strip().split("\n")


@pytest.mark.parametrize("line", LINES)
def test_a_line(line: str) -> None:
    same(
        f"i, nn = torch.nn.init, torch.nn\ntorch.manual_seed(4)\n{line}",
        tolerance=TOLERANCES["float32"],
    )


def test_every_function_is_here() -> None:
    theirs = {name for name, value in vars(torch.nn.init).items() if callable(value)}
    assert {n for n in theirs if n[0] != "_" and n.islower()} <= set(dir(pb.nn.init))


def test_old_names_warn() -> None:
    with pytest.warns(FutureWarning, match=r"`nn\.init\.uniform` is now deprecated"):
        pb.nn.init.uniform(pb.empty(2))


def test_columns_that_nearly_depend_on_each_other() -> None:
    """Rounding must not make them less orthogonal."""
    drawn = pb.ones(30, 10, dtype=pb.float64) + 1e-9 * pb.randn(30, 10, dtype=pb.float64)
    basis = pb.nn.init._orthonormal(drawn)
    assert pb.allclose(basis.t() @ basis, pb.eye(10, dtype=pb.float64), atol=1e-12)
