"""The sample language of the operator table: argument lists that work for any tensor library.

A row of the table has samples like ``x(3,4), dim=1 | x(), 0``. Between the bars stand Python
argument lists with these makers of tensors (float64 unless said):
``x`` wants a gradient, ``xs`` too and is strided in memory, ``c`` and ``cs`` want none; all of
normal-like distinct values, or uniform with ``low=`` and ``high=``; ``i(shape, high=)`` int64 in
[low, high), ``i(, high=2)`` one of no dimensions, ``p`` pivots of a factorisation, ``b`` bool,
``spd(n)`` symmetric positive definite matrices and ``sym(n)`` symmetric ones, which stay symmetric
in every test, since operators read one half; ``w`` is ``x`` far from singular; ``z``, ``zs``,
``zw``, ``zspd`` and ``zsym`` are the same of complex numbers (the last two Hermitian). Dtypes are
written ``float32`` or ``pb.float32``.
The values follow from the text alone, so that a sample is the same in every run and for every
library: ``parse`` makes ``Sample`` objects with ``Leaf`` places, ``Sample.tensors(lib)`` the
tensors and ``Sample.fill(lib, tensors)`` the arguments.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from statistics import NormalDist
from typing import Any

import numpy as np

DTYPES = ("float32", "float64", "int32", "int64", "uint8", "bool")
COMPLEX_OF = {"float32": "complex64", "float64": "complex128"}

# torch.testing's tolerances: relative and absolute.
TOLERANCES = {"float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7)}
TOLERANCES |= {COMPLEX_OF[name]: of_parts for name, of_parts in TOLERANCES.items()}


@dataclass(frozen=True)
class DType:
    """A dtype by name, of whichever library."""

    name: str


@dataclass(frozen=True)
class Checks:
    """How the results of a row are compared, where that is not as for every other row.

    ``vectors`` names the dimension of a result along which its vectors lie when each of them is
    right up to a factor of absolute value 1: ``{0: -2}``, the columns of the first result.
    ``free``: nothing settles the phases of complex ones, so that no derivative of them is defined.
    """

    dtypes: tuple[str, ...] = ("float64", "float32")
    tolerance: dict[str, tuple[float, float]] = field(default_factory=dict)
    vectors: dict[int, int] = field(default_factory=dict)
    free: bool = False

    def tolerance_of(self, dtype: str) -> tuple[float, float]:
        return self.tolerance.get(dtype) or TOLERANCES[dtype]

    def settled(self, found: np.ndarray, expected: np.ndarray, result: int) -> np.ndarray:
        """Each vector of ``found`` with the sign, or the phase, that it has in ``expected``."""
        if result not in self.vectors or not found.size:
            return found
        inner = (np.conj(found) * expected).sum(axis=self.vectors[result], keepdims=True)
        size = np.abs(inner)
        phases = np.where(size > 0, inner, 1) / np.where(size > 0, size, 1)
        return found * phases.astype(found.dtype)


def parse_checks(text: str) -> Checks:
    """``dtypes=(float64,), tolerance={float64: (1e-6, 1e-6)}``."""
    names = {name: name for name in DTYPES}
    return Checks(**eval(f"dict({text})", names))


@dataclass(eq=False)
class Leaf:
    """The place of a tensor in a sample."""

    array: np.ndarray
    grad: bool = False
    strided: bool = False
    symmetric: bool = False

    @property
    def floating(self) -> bool:
        return self.array.dtype.kind in "fc"

    def named(self, dtype: str) -> str:
        """The dtype, or the complex one whose parts have it if the numbers are complex."""
        return COMPLEX_OF.get(dtype, dtype) if self.array.dtype.kind == "c" else dtype

    def values(self, dtype: str) -> np.ndarray:
        """What ``make`` puts into a tensor, as an array of the same layout."""
        values = self.array.astype(self.named(dtype)) if self.floating else self.array.copy()
        if self.strided and values.ndim == 1:
            return np.repeat(values, 2)[::2]
        return values.copy(order="F") if self.strided else values

    def make(self, lib: Any, dtype: str | None = None, grad: bool | None = None) -> Any:
        dtype = self.named(dtype or self.array.dtype.name)
        if self.strided and self.array.ndim == 1:
            twice = np.stack([self.array, self.array], axis=1).ravel()
            tensor = lib.tensor(twice, dtype=getattr(lib, dtype))[::2]
        elif self.strided and self.array.ndim > 1:
            order = tuple(reversed(range(self.array.ndim)))
            memory = np.ascontiguousarray(self.array.transpose(order))
            tensor = lib.tensor(memory, dtype=getattr(lib, dtype)).permute(order)
        else:
            tensor = lib.tensor(self.array, dtype=getattr(lib, dtype))
        wants = self.grad if grad is None else grad
        differentiable = tensor.is_floating_point() or tensor.is_complex()
        return tensor.detach().requires_grad_(wants and differentiable)


def _walk(value: Any) -> Iterator[Leaf]:
    if isinstance(value, Leaf):
        yield value
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _walk(each)
    elif isinstance(value, dict):
        for each in value.values():
            yield from _walk(each)


def _replaced(value: Any, swap: Callable[[Any], Any]) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value)(_replaced(each, swap) for each in value)
    if isinstance(value, dict):
        return {name: _replaced(each, swap) for name, each in value.items()}
    return swap(value)


@dataclass(eq=False)
class Sample:
    """One argument list."""

    text: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.text

    @cached_property
    def leaves(self) -> list[Leaf]:
        return list(_walk(self.args)) + list(_walk(self.kwargs))

    def tensors(self, lib: Any, dtype: str | None = None, grad: bool | None = None) -> list[Any]:
        """A tensor for every leaf; ``dtype`` replaces that of the floating ones."""
        return [
            leaf.make(lib, dtype if leaf.floating else None, grad if leaf.grad else None)
            for leaf in self.leaves
        ]

    def fill(self, lib: Any, tensors: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments with these tensors in the places of the leaves."""
        waiting = iter(tensors)

        def swap(value: Any) -> Any:
            if isinstance(value, Leaf):
                return next(waiting)
            if isinstance(value, DType):
                return getattr(lib, value.name)
            return value

        args = _replaced(self.args, swap)
        return args, _replaced(self.kwargs, swap)

    def with_leaves(self, change: Callable[[Leaf], Leaf], label: str) -> Sample:
        """The same arguments with other tensors."""

        def swap(value: Any) -> Any:
            return change(value) if isinstance(value, Leaf) else value

        text = f"{self.text} [{label}]"
        return Sample(text, _replaced(self.args, swap), _replaced(self.kwargs, swap))

    def strided(self) -> Sample:
        return self.with_leaves(lambda leaf: replace(leaf, strided=True), "strided")


class _Makers:
    def __init__(self, seed: int) -> None:
        self.random = np.random.RandomState(seed)

    def _floats(self, shape: tuple[int, ...], low: float | None, high: float | None) -> np.ndarray:
        """Distinct values: one in each of as many strata of the distribution as there are."""
        count = int(np.prod(shape))
        where = (np.arange(count) + self.random.uniform(0.1, 0.9, count)) / max(count, 1)
        self.random.shuffle(where)
        if low is None and high is None:
            values = [NormalDist().inv_cdf(p) for p in where]
        else:
            low, high = low or 0.0, 1.0 if high is None else high
            values = [low + (high - low) * p for p in where]
        return np.array(values, dtype=np.float64).reshape(shape)

    def x(self, *shape: int, low: float | None = None, high: float | None = None) -> Leaf:
        return Leaf(self._floats(shape, low, high), grad=True)

    def xs(self, *shape: int, low: float | None = None, high: float | None = None) -> Leaf:
        return Leaf(self._floats(shape, low, high), grad=True, strided=True)

    def z(self, *shape: int, low: float | None = None, high: float | None = None) -> Leaf:
        parts = [self._floats(shape, low, high) for _ in range(2)]
        return Leaf(np.asarray(parts[0] + 1j * parts[1]), grad=True)

    def zs(self, *shape: int, low: float | None = None, high: float | None = None) -> Leaf:
        return replace(self.z(*shape, low=low, high=high), strided=True)

    def c(self, *shape: int, low: float | None = None, high: float | None = None) -> Leaf:
        return Leaf(self._floats(shape, low, high))

    def cs(self, *shape: int, low: float | None = None, high: float | None = None) -> Leaf:
        return Leaf(self._floats(shape, low, high), strided=True)

    def i(self, *shape: int, high: int = 10, low: int = 0) -> Leaf:
        return Leaf(np.asarray(self.random.randint(low, high, shape), dtype=np.int64))

    def p(self, *shape: int) -> Leaf:
        order = np.arange(1, shape[-1] + 1) if shape[-1] else np.zeros(0, int)
        picked = self.random.randint(np.broadcast_to(order, shape), shape[-1] + 1, shape)
        return Leaf(picked.astype(np.int32))

    def b(self, *shape: int) -> Leaf:
        return Leaf(np.asarray(self.random.randint(0, 2, shape), dtype=np.bool_))

    def spd(self, *shape: int) -> Leaf:
        size = shape[-1]
        root = self._floats((*shape[:-1], size, size), None, None)
        square = root @ np.swapaxes(root, -1, -2) + 0.5 * np.eye(size)
        return Leaf(square, grad=True, symmetric=True)

    def w(self, *shape: int) -> Leaf:
        return Leaf(self._floats(shape, None, None) + 3 * np.eye(*shape[-2:]), grad=True)

    def zw(self, *shape: int) -> Leaf:
        return Leaf(self.z(*shape).array + 3 * np.eye(*shape[-2:]), grad=True)

    def zspd(self, *shape: int) -> Leaf:
        size = shape[-1]
        root = self.z(*shape[:-1], size, size).array
        square = root @ np.swapaxes(root.conj(), -1, -2) + 0.5 * np.eye(size)
        return Leaf(square, grad=True, symmetric=True)

    def zsym(self, *shape: int) -> Leaf:
        half = self.z(*shape, shape[-1]).array
        return Leaf((half + np.swapaxes(half.conj(), -1, -2)) / 2, grad=True, symmetric=True)

    def sym(self, *shape: int) -> Leaf:
        half = self._floats((*shape, shape[-1]), None, None)
        return Leaf((half + np.swapaxes(half, -1, -2)) / 2, grad=True, symmetric=True)


MAKERS = ("x", "xs", "z", "zs", "c", "cs", "i", "b", "p", "w", "spd", "sym", "zw", "zspd", "zsym")


class _Names:
    """What ``pb.float32`` means in a sample."""

    def __getattr__(self, name: str) -> Any:
        if name in DTYPES or name in COMPLEX_OF.values():
            return DType(name)
        raise AttributeError(name)


def _split(text: str) -> list[str]:
    parts, depth, start, quote = [], 0, 0, ""
    for at, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter in "([{":
            depth += 1
        elif letter in ")]}":
            depth -= 1
        elif letter == "|" and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    return [part.strip() for part in [*parts, text[start:]]]


def parse(text: str) -> list[Sample]:
    """The samples of one row of the table; a bar with nothing on one side is an empty list."""
    samples = []
    for part in _split(text):
        makers = _Makers(zlib.crc32(part.encode()))
        names: dict[str, Any] = {name: DType(name) for name in (*DTYPES, *COMPLEX_OF.values())}
        names |= {name: getattr(makers, name) for name in MAKERS}
        names |= {"pb": _Names(), "torch": _Names(), "inf": float("inf"), "nan": float("nan")}
        names["collect"] = lambda *args, **kwargs: Sample(part, args, kwargs)  # noqa: B023
        samples.append(eval(f"collect({part.replace('(,', '(')})", names))
    return samples
