"""The strides of results beside PyTorch: operands that are permuted, have gaps or are broadcast."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

import pullback as pb

torch = pytest.importorskip("torch")

LAYOUTS: dict[str, Callable[[Any], Any]] = {
    "row-major": lambda lib: lib.ones(2, 3, 4, 5),
    "permuted": lambda lib: lib.ones(5, 3, 2, 4).permute(2, 1, 3, 0),
    "reversed": lambda lib: lib.ones(5, 4, 3, 2).permute(3, 2, 1, 0),
    "gaps": lambda lib: lib.ones(2, 3, 4, 10)[..., ::2],
    "permuted gaps": lambda lib: lib.ones(5, 6, 2, 4).permute(2, 1, 3, 0)[:, ::2],
    "expanded": lambda lib: lib.ones(3, 1, 5).transpose(0, 2).transpose(0, 2).expand(2, 3, 4, 5),
    "permuted expanded": lambda lib: lib.ones(5, 1, 3).permute(2, 1, 0).expand(2, 3, 4, 5),
    "row": lambda lib: lib.ones(5),
    "column": lambda lib: lib.ones(2, 1, 1, 1),
    "permuted part": lambda lib: lib.ones(5, 1, 3).permute(2, 1, 0),
    "float32": lambda lib: lib.ones(5, 3, 2, 4).permute(2, 1, 3, 0).float(),
    "number": lambda lib: 2.0,
    "no dimensions": lambda lib: lib.ones(()),
}

UNARY: dict[str, Callable[[Any, Any], Any]] = {
    "exp": lambda lib, x: x.exp(),
    "clone": lambda lib, x: x.clone(),
    "contiguous": lambda lib, x: x.contiguous(),
    "to": lambda lib, x: x.to(lib.int32),
    "empty_like": lambda lib, x: lib.empty_like(x),
    "isnan": lambda lib, x: lib.isnan(x),
    "times 2": lambda lib, x: x * 2,
    "sort": lambda lib, x: lib.sort(x, 0)[0],
    "flip": lambda lib, x: x.flip(0),
    "softmax": lambda lib, x: x.softmax(1),
    "cumsum": lambda lib, x: x.cumsum(1),
    "sum": lambda lib, x: x.sum(1),
    "glu": lambda lib, x: lib.nn.functional.glu(x, 0),
}


@pytest.fixture(autouse=True)
def doubles() -> Any:
    pb.set_default_dtype(pb.float64)
    torch.set_default_dtype(torch.float64)
    yield
    pb.set_default_dtype(pb.float32)
    torch.set_default_dtype(torch.float32)


def has_the_dimensions(name: str, layout: str) -> bool:
    if layout == "number":
        return False
    return LAYOUTS[layout](pb).ndim >= 4 or name not in ("sum", "softmax", "cumsum", "glu")


@pytest.mark.parametrize(
    ("name", "layout"), [c for c in itertools.product(UNARY, LAYOUTS) if has_the_dimensions(*c)]
)
def test_one_operand(name: str, layout: str) -> None:
    make = LAYOUTS[layout]
    ours, theirs = (UNARY[name](lib, make(lib)) for lib in (pb, torch))
    assert ours.shape == tuple(theirs.shape)
    assert ours.stride() == theirs.stride()


@pytest.mark.parametrize("first", LAYOUTS)
def test_two_operands(first: str) -> None:
    for second in LAYOUTS:
        if first == second == "number":
            continue
        for function in ("add", "mul", "lt"):
            ours, theirs = (
                getattr(lib, function)(*operands(lib, first, second)) for lib in (pb, torch)
            )
            assert ours.shape == tuple(theirs.shape)
            assert ours.stride() == theirs.stride(), f"{function} of {first} and {second}"


def operands(lib: Any, *names: str) -> list[Any]:
    made = [LAYOUTS[name](lib) for name in names]
    first = made[0]
    return made if isinstance(first, lib.Tensor) else [lib.tensor(first), *made[1:]]


def test_three_operands() -> None:
    tensors = [name for name in LAYOUTS if name not in ("number", "float32")]
    for names in itertools.product(tensors, repeat=3):
        for function in ("where", "addcmul"):
            ours, theirs = (
                getattr(lib, function)(*conditioned(lib, function, names)) for lib in (pb, torch)
            )
            assert ours.stride() == theirs.stride(), f"{function} of {names}"


def conditioned(lib: Any, function: str, names: tuple[str, ...]) -> list[Any]:
    made = operands(lib, *names)
    return [made[0] > 0, *made[1:]] if function == "where" else made


INDICES = """
x[True] | x[False] | x[None, True] | x[:, True] | x[0, True] | x[True, 0] | x[..., True]
x[[0]] | x[..., [0]] | x[..., [0, 1]] | x[:, [0]] | x[:, []] | x[[], ] | x[1:, [0]] | x[True, [0]]
x[None, [0]] | x[[0], None] | x[[0], :, [0]] | x[[[0], [1]], :] | x[:, [[0], [1]]] | x[[0], [1]]
x[:, [0], [1]] | x[[0], [[0], [1]]] | x[[0, 1], :, [[0], [1]]] | x[0, :, [0]] | x[[0], :, 0]
x[x > 3] | x[x[..., 0] > 1] | x[:, T.tensor([True, False, True])] | x[P] | x[:, P] | x[P, :, P]
x.take(P) | x.index_select(1, T.tensor([0, 1])) | T.take_along_dim(x, x[:, :1].long() * 0, 1)
x.gather(1, x.long() * 0) | T.nn.functional.one_hot(x.long()) | x.index_fill(0, P[0], 1)
T.nn.functional.one_hot(x.long(), 200) | x.index_put((P,), x[0, 0, 0, 0]) | x.masked_select(x > 1)
"""


@pytest.mark.parametrize(
    "index", [each.strip() for each in INDICES.replace("\n", "|").split("|") if each.strip()]
)
def test_indices(index: str) -> None:
    layouts = {k: m for k, m in LAYOUTS.items() if k != "number" and m(pb).ndim == 4}
    layouts = {k: make for k, make in layouts.items() if make(pb).shape == (2, 3, 4, 5)}
    assert len(layouts) > 3
    for layout, make in layouts.items():
        found = []
        for lib in (pb, torch):
            x = make(lib)
            x = lib.arange(x.numel(), dtype=x.dtype).view(x.shape) + x * 0
            places = lib.tensor([[0, 1], [1, 0], [0, 0]]).t()
            result = eval(index, {"T": lib, "x": x, "P": places})
            found.append((tuple(result.shape), result.stride(), result.tolist()))
        assert found[0] == found[1], layout
