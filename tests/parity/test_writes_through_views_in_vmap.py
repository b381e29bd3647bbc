"""What is written through a view inside vmap arrives, wherever the batch lies, as in PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import pullback as pb
from scenarios import check

torch = pytest.importorskip("torch")

VIEWS: dict[str, Callable[[Any, Any], Any]] = {
    "view_int32": lambda t, v: v.view(t.int32),
    "view_same": lambda t, v: v.view(t.float32),
    "view_larger": lambda t, v: v.view(t.float64),
    "view_smaller": lambda t, v: v.view(t.uint8),
    "view_flat": lambda t, v: v.view(-1),
    "view_as": lambda t, v: v.view_as(v),
    "unflatten": lambda t, v: v.unflatten(0, (2, -1)),
    "t": lambda t, v: v.t(),
    "unsqueeze": lambda t, v: v.unsqueeze(0),
    "diagonal": lambda t, v: v.diagonal(),
    "unfold": lambda t, v: v.unfold(0, 2, 1),
    "as_strided": lambda t, v: v.as_strided((1,), (1,)),
    "chunk": lambda t, v: v.chunk(2)[0],
    "tensor_split": lambda t, v: v.tensor_split(2)[0],
    "unbind": lambda t, v: v.unbind()[-1],
    "select": lambda t, v: v[1],
    "slice": lambda t, v: v[::2],
    "movedim": lambda t, v: v.movedim(0, -1),
    "flatten": lambda t, v: v.flatten(),
    "ravel": lambda t, v: v.ravel(),
    "reshape": lambda t, v: v.reshape(-1),
    "squeeze": lambda t, v: v.squeeze(),
    "detach": lambda t, v: v.detach(),
    "contiguous": lambda t, v: v.contiguous(),
    "real": lambda t, v: v.real,
    "to": lambda t, v: v.to(v.dtype),
    "expand": lambda t, v: v.expand_as(v),
}
BATCHES = [((2, 4), 1), ((4, 2), 0), ((2, 4, 6), 1), ((2, 4, 6), 2), ((4, 2, 6), 0)]


def scenario(name: str, shape: tuple[int, ...], dim: int, nested: bool) -> Callable[[Any], Any]:
    def run(t: Any) -> Any:
        def write(v: Any) -> Any:
            VIEWS[name](t, v).zero_()
            return v.clone()

        mapped = t.func.vmap(write, in_dims=1) if nested else write
        return t.func.vmap(mapped, in_dims=dim)(t.ones(shape))

    return run


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize(("shape", "dim"), BATCHES)
def test_a_write_arrives(name: str, shape: tuple[int, ...], dim: int) -> None:
    check(scenario(name, shape, dim, nested=False), pb, torch)
    if len(shape) == 3:
        check(scenario(name, shape, dim, nested=True), pb, torch)


@pytest.mark.parametrize("dtype", ["int32", "float64", "uint8"])
def test_an_example_of_no_dimensions(dtype: str) -> None:
    check(lambda t: t.func.vmap(lambda v: v.view(getattr(t, dtype)))(t.ones(2)), pb, torch)
