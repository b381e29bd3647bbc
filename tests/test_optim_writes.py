"""What a step of an optimizer writes, and which way: memory that it may not write, and flags."""

from __future__ import annotations

from typing import Any

import pytest

import pullback as pb


def with_grad(values: list[float], grad: list[float]) -> Any:
    p = pb.tensor(values, dtype=pb.float64, requires_grad=True)
    p.grad = pb.tensor(grad, dtype=pb.float64)
    return p


@pytest.mark.parametrize("name", ["SGD", "RAdam", "ASGD", "Adadelta", "NAdam"])
def test_a_flag_counts_by_its_truth(name: str) -> None:
    def after_step(maximize: Any) -> Any:
        p = with_grad([1.0, 2.0], [1.0, -3.0])
        optimizer = getattr(pb.optim, name)([p], lr=0.1, weight_decay=0.5)
        optimizer.param_groups[0]["maximize"] = maximize
        optimizer.step()
        return p.tolist()

    assert after_step(2) == after_step("yes") == after_step(True)
    assert after_step(None) == after_step(0) == after_step(False) != after_step(True)


def test_memory_that_a_step_may_not_write_is_refused() -> None:
    p = pb.zeros(1).expand(3).requires_grad_()
    p.grad = pb.ones(3)
    for optimizer in (pb.optim.SGD([p], lr=0.1), pb.optim.Adam([p])):
        with pytest.raises(RuntimeError, match="single memory location"):
            optimizer.step()
    assert p.tolist() == [0.0, 0.0, 0.0]

    p = with_grad([1.0, 2.0], [1.0, 1.0])
    adam = pb.optim.Adam([p])
    adam.step()
    before = p.tolist()
    adam.state[p]["exp_avg"] = pb.zeros(1, dtype=pb.float64).expand(2)
    with pytest.raises(RuntimeError, match="single memory location"):
        adam.step()
    with pytest.warns(UserWarning, match="not writable"):
        read_only = pb.frombuffer(bytes(16), dtype=pb.float64)
    adam.state[p]["exp_avg"] = read_only
    with pytest.raises(RuntimeError, match="read-only memory"):
        adam.step()
    adam.state[p]["exp_avg"] = pb.zeros(2, dtype=pb.float64)
    adam.state[p]["step"] = read_only[0]
    with pytest.raises(RuntimeError, match="read-only memory"):
        adam.step()
    assert p.tolist() == before

    with pb.inference_mode():
        p = pb.ones(2)
    p.grad = pb.ones(2)
    sgd = pb.optim.SGD([p], lr=1.0)
    with pytest.raises(RuntimeError, match="inference tensor outside"):
        sgd.step()
    with pb.inference_mode():
        sgd.step()
    assert p.tolist() == [0.0, 0.0]
