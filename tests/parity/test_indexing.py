"""``x[key]`` and ``x[key] = value`` compared with PyTorch for random keys of every kind.

Values, shapes, gradients, versions and the types of errors must agree; the keys mix integers,
slices, new axes, ellipses, bools, lists, index tensors and masks of one and two dimensions.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb

torch = pytest.importorskip("torch")

REFUSALS = (IndexError, RuntimeError, TypeError, ValueError)
KINDS = ("int", "slice", "none", "array", "mask", "list", "bool", "matrix mask")


def random_shape(draw: random.Random) -> tuple[int, ...]:
    sizes = (0, 1, 2, 3, 4, 4, 3, 2)
    return tuple(draw.choice(sizes) for _ in range(draw.randint(0, 4)))


def random_key(draw: random.Random, shape: tuple[int, ...]) -> list[Any]:
    numbers = np.random.RandomState(draw.randrange(1 << 30))
    key: list[Any] = []
    dim, length = 0, draw.randint(0, len(shape) + 1)
    while dim < len(shape) and len(key) < length:
        size, kind = shape[dim], draw.choice(KINDS)
        if kind == "int":
            key.append(draw.randint(-size, size))  # one of them is out of range
        elif kind == "slice":
            ends = [None, *range(-size - 1, size + 2)]
            key.append(slice(draw.choice(ends), draw.choice(ends), draw.choice([None, 1, 2])))
        elif kind == "none":
            key.append(None)
        elif kind == "bool":
            key.append(draw.choice([True, False]))
        elif kind == "list":
            key.append(numbers.randint(-size, max(size, 1), size=2).tolist())
        elif kind == "array":
            of = draw.choice([(2,), (1,), (2, 2), (), (0,)])
            key.append(numbers.randint(-size, max(size, 1), size=of))
        elif kind == "mask":
            key.append(numbers.rand(size) > 0.5)
        elif dim + 1 < len(shape):
            key.append(numbers.rand(size, shape[dim + 1]) > 0.5)
            dim += 1
        dim += kind not in ("none", "bool")
    if draw.random() < 0.3:
        # PyTorch does not look at bad positions when the result is empty: no gap in empty shapes.
        key.insert(draw.randint(0, len(key)) if 0 not in shape else len(key), ...)
    return key


def in_library(lib: Any, key: list[Any]) -> Any:
    parts = [
        lib.tensor(np.asarray(k)) if isinstance(k, (np.ndarray, np.integer)) else k for k in key
    ]
    return parts[0] if len(parts) == 1 else tuple(parts)


def values_for(lib: Any, draw: random.Random, shape: tuple[int, ...]) -> Any:
    """A number, a tensor of that shape, or one that broadcasts to it."""
    kind = draw.choice(["number", "tensor", "broadcast"])
    if kind == "number":
        return 2.5
    sizes = tuple(draw.choice([s, 1]) if kind == "broadcast" else s for s in shape)
    numbers = np.random.RandomState(draw.randrange(1 << 30)).randn(*sizes)
    return lib.tensor(np.asarray(numbers), dtype=lib.float64)


def read(lib: Any, array: np.ndarray, key: list[Any]) -> Any:
    x = lib.tensor(array, dtype=lib.float64).requires_grad_()
    try:
        y = x[in_library(lib, key)]
    except REFUSALS as error:
        return type(error)
    weights = np.random.RandomState(1).randn(*y.shape)
    (grad,) = lib.autograd.grad(y, x, lib.tensor(np.asarray(weights), dtype=lib.float64))
    return tuple(y.shape), y.detach().numpy(), grad.numpy()


def write(lib: Any, array: np.ndarray, key: list[Any], seed: int) -> Any:
    x = lib.tensor(array, dtype=lib.float64)
    try:
        shape = tuple(x[in_library(lib, key)].shape)
        x[in_library(lib, key)] = values_for(lib, random.Random(seed), shape)
    except REFUSALS as error:
        return type(error)
    return x._version, x.numpy()


def same(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, type) or isinstance(theirs, type):
        return ours is theirs
    return all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("seed", range(40))
def test_random_keys(seed: int) -> None:
    draw = random.Random(seed)
    for _ in range(25):
        shape = random_shape(draw)
        key = random_key(draw, shape)
        array = np.asarray(np.random.RandomState(seed).randn(*shape))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyTorch warns of what it will change
            theirs = read(torch, array, key), write(torch, array, key, seed)
        ours = read(pb, array, key), write(pb, array, key, seed)
        assert same(ours[0], theirs[0]), (shape, key, ours[0], theirs[0])
        assert same(ours[1], theirs[1]), (shape, key, ours[1], theirs[1])


REFUSED = [
    "x[5]",
    "x[-4]",
    "x[0, 0, 0]",
    "x[::0]",
    "x[::-1]",
    "x[1.5]",
    "x[0:1.5]",
    "s[0]",
    "s[0:1]",
    "x[lib.tensor([5])]",
    "x[lib.tensor([0, 1]), lib.tensor([0, 1, 2])]",
    "x[lib.tensor([1.5])]",
    "x[lib.tensor([True, False])]",
    "x[:, lib.ones(3, dtype=lib.bool)]",
    "x[2**63]",
    "x.gather(0, lib.tensor([0]))",
    "x.gather(0, lib.tensor([[9]]))",
    "x.scatter(0, lib.zeros(2, 2, dtype=lib.int64), lib.ones(1, 1))",
    "x.index_select(0, lib.tensor([9]))",
    "x.index_select(0, lib.tensor([0.0]))",
    "x.index_add(0, lib.tensor([0, 1]), lib.ones(3, 4))",
    "x.index_copy(0, lib.tensor([0, 1]), lib.ones(3, 4))",
    "x.index_put((lib.tensor([0, 1]),), lib.ones(3))",
    "x.masked_select(lib.ones(4))",
    "x.masked_scatter(lib.ones(3, 4, dtype=lib.bool), lib.ones(5))",
    "x.narrow(0, 2, 2)",
    "x.select(0, 5)",
    "x.split([1, 1])",
    "x.unfold(0, 5, 1)",
    "lib.cat([x, lib.ones(5)])",
    "lib.cat([x, lib.ones(3, 5)])",
    "lib.stack([x, s])",
    "x.topk(9)",
    "x.kthvalue(0)",
    "lib.bincount(lib.tensor([-1]))",
]


@pytest.mark.parametrize("call", REFUSED)
def test_refusals(call: str) -> None:
    """The same type of error, and the same words at its beginning."""
    errors = []
    for lib in (torch, pb):
        names = {"lib": lib, "x": lib.ones(3, 4), "s": lib.tensor(1.0)}
        with pytest.raises(REFUSALS) as caught:
            eval(call, names)
        errors.append(caught.value)
    theirs, ours = errors
    assert type(ours) is type(theirs)
    assert str(ours).startswith(str(theirs).split("\n")[0][:40])


def expanded(lib: Any, dim: int, kept: tuple[int, ...], sizes: tuple[int, ...]) -> Any:
    """An index of these sizes that is the same along every dimension that is not kept."""
    shape = [n if d in kept or d == dim else 1 for d, n in enumerate(sizes)]
    count = 1
    for n in shape:
        count *= n
    return (lib.arange(count) * 7 % 4).reshape(shape).expand(sizes)


INPUTS: dict[str, Callable[[Any], Any]] = {
    "row-major": lambda lib: lib.arange(480.0).reshape(4, 6, 20),
    "permuted": lambda lib: lib.arange(480.0).reshape(20, 4, 6).permute(1, 2, 0),
    "reversed": lambda lib: lib.arange(480.0).reshape(20, 6, 4).permute(2, 1, 0),
    "gaps": lambda lib: lib.arange(960.0).reshape(4, 6, 40)[..., ::2],
    "expanded": lambda lib: lib.arange(20.0).expand(4, 6, 20),
}


@pytest.mark.parametrize("layout", INPUTS)
@pytest.mark.parametrize("dim", [0, 1, 2])
@pytest.mark.parametrize("kept", [(), (0,), (1,), (2,), (0, 1), (1, 2), (0, 1, 2)])
def test_indices_that_are_expanded(kept: tuple[int, ...], dim: int, layout: str) -> None:
    def found(lib: Any, grown: int) -> list[Any]:
        x = INPUTS[layout](lib).to(lib.float64).requires_grad_()
        # Along dimension 0 torch is wrong where an expanded index is smaller than x.
        less = int(dim != 0)
        sizes = tuple(n - (n == 6) * less + grown * (d == dim) for d, n in enumerate(x.shape))
        at = expanded(lib, dim, kept, sizes)
        src = (lib.arange(float(at.numel()), dtype=lib.float64)).reshape(at.shape)
        results = [
            x.gather(dim, at),
            x.scatter_add(dim, at, src),
            x.scatter_reduce(dim, at, src, "sum", include_self=False),
            x.detach().to(lib.int32).scatter_add(dim, at, src.to(lib.int32)),
            x.detach().gather(dim, at.int().long()),
            x.scatter(dim, at, 1.5),
        ]
        if at.shape[dim] <= 4:  # else the last of several values counts, in an order of its own
            results.append(x.scatter(dim, at % x.shape[dim], src))
        weights = lib.arange(float(results[0].numel()), dtype=lib.float64)
        (slope,) = lib.autograd.grad((results[0].flatten() * weights).sum(), x)
        return [[each.tolist(), each.dtype == lib.float64] for each in [*results, slope]]

    for grown in (0, 2):
        assert found(pb, grown) == found(torch, grown)


@pytest.mark.parametrize("function", ["gather", "scatter", "scatter_add"])
@pytest.mark.parametrize("wrong", [4, -1, 2**40])
def test_an_expanded_index_is_checked_before_anything_is_written(function: str, wrong: int) -> None:
    def found(lib: Any) -> list[Any]:
        x = lib.zeros(4, 50)
        at = lib.tensor([[0], [1], [wrong]]).expand(3, 50)
        more = () if function == "gather" else (lib.ones(3, 50),)
        with pytest.raises(RuntimeError) as caught:
            getattr(x, function if function == "gather" else function + "_")(0, at, *more)
        return [str(caught.value).strip(), x.sum().item() if lib is pb else 0.0]

    assert found(pb) == found(torch)


def test_an_expanded_index_that_is_smaller_than_the_input() -> None:
    x, at = pb.zeros(4, 3, 2), pb.tensor([0, 3, 2, 1]).reshape(4, 1, 1).expand(4, 2, 2)
    found = x.scatter_add(0, at, pb.arange(16.0).reshape(4, 2, 2))
    assert found[:, :2].tolist() == pb.arange(16.0).reshape(4, 2, 2)[[0, 3, 2, 1]].tolist()
    assert found[:, 2].sum().item() == 0
