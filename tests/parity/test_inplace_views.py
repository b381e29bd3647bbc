"""squeeze_, transpose_ and the like beside PyTorch: geometry, version, history, views."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb

torch = pytest.importorskip("torch")

CALLS: dict[str, Callable[[Any], Any]] = {
    "unsqueeze_": lambda x: x.unsqueeze_(1),
    "squeeze_": lambda x: x.squeeze_(),
    "squeeze_ dim": lambda x: x.squeeze_(1),
    "squeeze_ dims": lambda x: x.squeeze_((0, 1)),
    "transpose_": lambda x: x.transpose_(0, 2),
    "swapaxes_": lambda x: x.swapaxes_(0, -1),
    "t_": lambda x: x.squeeze_().t_(),
}


def compare(program: Callable[[Any], Any]) -> None:
    def run(lib: Any) -> Any:
        lib.manual_seed(0)
        try:
            return program(lib)
        except (RuntimeError, IndexError) as error:
            return type(error).__name__

    ours, theirs = run(pb), run(torch)
    assert str(ours) == str(theirs)


def leaf(lib: Any) -> Any:
    values = np.arange(6.0).reshape(2, 1, 3)
    return lib.tensor(values, dtype=lib.float64, requires_grad=True)


def state(x: Any) -> list[Any]:
    node = x.grad_fn.name() if x.grad_fn else None
    return [tuple(x.shape), x.stride(), x._version, node, x._is_view(), x.tolist()]


@pytest.mark.parametrize("name", CALLS)
def test_of_a_computed_tensor(name: str) -> None:
    def program(lib: Any) -> Any:
        x = leaf(lib)
        y = x * x
        same = CALLS[name](y)
        assert same is y
        (y * lib.arange(6.0, dtype=lib.float64).reshape(y.shape)).sum().backward()
        return state(y), x.grad.tolist()

    compare(program)


@pytest.mark.parametrize("name", CALLS)
def test_without_history(name: str) -> None:
    def program(lib: Any) -> Any:
        x = leaf(lib).detach()
        CALLS[name](x)
        return state(x)

    compare(program)


@pytest.mark.parametrize("name", CALLS)
def test_a_leaf_is_refused(name: str) -> None:
    compare(lambda lib: CALLS[name](leaf(lib)))
    compare(lambda lib: CALLS[name](leaf(lib)[0:1]))


@pytest.mark.parametrize("name", CALLS)
def test_of_a_view_that_is_written_to_afterwards(name: str) -> None:
    def program(lib: Any) -> Any:
        x = leaf(lib)
        base = x * 2
        view = base[:, :, 1:]
        CALLS[name](view)
        before = state(view)
        view.mul_(3)
        base.sum().backward()
        return before, tuple(view.shape), view.tolist(), base.tolist(), x.grad.tolist()

    compare(program)


@pytest.mark.parametrize("name", CALLS)
def test_a_saved_tensor_has_changed(name: str) -> None:
    def program(lib: Any) -> Any:
        x = leaf(lib)
        y = x * 2
        z = y.exp()
        CALLS[name](z)
        z.sum().backward()
        return x.grad.tolist()

    compare(program)


def test_a_wrong_dimension_changes_nothing() -> None:
    def program(lib: Any) -> Any:
        y = leaf(lib) * 2
        with pytest.raises(IndexError):
            y.unsqueeze_(7)
        with pytest.raises(RuntimeError):
            y.t_()
        return state(y)

    compare(program)


def test_a_second_pass_through_a_base_that_was_written() -> None:
    """The node CopySlices is for one pass, though it keeps no tensor."""

    def program(lib: Any) -> Any:
        x = leaf(lib)
        base = lib.ones(2, 1, 3, dtype=lib.float64)
        base[1:].add_(x[1:])
        base.sum().backward(retain_graph=True)
        base.sum().backward()
        seen = x.grad.tolist()
        try:
            base.sum().backward()
        except RuntimeError as error:
            return seen, str(error)[:50]
        return seen, "went through"

    compare(program)
