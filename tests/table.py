"""The rows of the operator table as the tests see them: how to call one, and its samples.

``OPS`` has an ``Op`` for every row; rows of one name are overloads and are told apart in ``id``.
``cases`` are their samples in every dtype that the row is compared in, for ``each`` test.
A call seeds the generator first, so that an operator that draws random numbers is a function too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from operator import attrgetter
from typing import Any

import numpy as np
import pytest

from pullback import _core
from samples import Checks, Sample, parse, parse_checks


class Op:
    def __init__(self, row: dict[str, Any], overload: int) -> None:
        self.row = row
        self.name: str = row["name"]
        self.id = self.name if overload == 0 else f"{self.name}.{overload}"

    def __getattr__(self, flag: str) -> Any:
        return self.__dict__["row"][flag]

    def __repr__(self) -> str:
        return self.id

    @cached_property
    def samples(self) -> list[Sample]:
        return parse(self.row["samples"])

    @cached_property
    def checks(self) -> Checks:
        return parse_checks(self.row["checks"])

    @property
    def parameters(self) -> list[str]:
        """The names in the signature, without ``*`` and ``/``."""
        inside = self.row["signature"].partition("(")[2].rpartition(")")[0]
        names = [part.split("=")[0].strip() for part in split_commas(inside)]
        return [name for name in names if name not in ("*", "/", "")]

    @property
    def differentiable(self) -> bool:
        return not (self.no_grad or self.factory)

    def forms(self, lib: Any) -> list[Callable[..., Any]]:
        """All that the row promises, besides those in place and with ``out=``."""
        spaces = []
        if self.row["function"]:
            spaces.append(lib)
        if self.row["space"]:
            spaces.append(attrgetter(self.row["space"])(lib))
        if self.row["method"]:
            spaces.append(lib.Tensor)
        return [getattr(space, self.name) for space in spaces]

    def function(self, lib: Any) -> Callable[..., Any]:
        """The first of its forms, drawing the same random numbers in every call."""
        return seeded(lib, self.forms(lib)[0])

    def of_tensors(self, lib: Any, sample: Sample, form: Callable[..., Any] | None = None) -> Any:
        """The operator as a function of the tensors of a sample."""
        form = form or self.function(lib)
        symmetric = [leaf.symmetric for leaf in sample.leaves]

        def call(*tensors: Any) -> Any:
            halves = [(t + t.mH) / 2 if s else t for t, s in zip(tensors, symmetric, strict=True)]
            args, kwargs = sample.fill(lib, halves)
            return form(*args, **kwargs)

        return call


def split_commas(text: str) -> list[str]:
    parts, depth, start = [], 0, 0
    for at, letter in enumerate(text):
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    return [*parts, text[start:]]


def seeded(lib: Any, form: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        lib.manual_seed(0)
        return form(*args, **kwargs)

    return call


def _rows() -> list[Op]:
    seen: dict[str, int] = {}
    ops = []
    for row in _core.operator_table():
        ops.append(Op(row, seen.get(row["name"], 0)))
        seen[row["name"]] = seen.get(row["name"], 0) + 1
    return ops


OPS = _rows()

# Rows of pullback.sparse, which PyTorch has not: tests beside PyTorch take the others.
OURS = frozenset(["_sampled_product", "_sparse_product"])
TORCH_OPS = [op for op in OPS if op.name not in OURS]


@dataclass(frozen=True)
class Case:
    """One sample of a row, with its floating tensors in one dtype."""

    op: Op
    sample: Sample
    dtype: str = "float64"

    def __str__(self) -> str:
        other = "" if self.dtype == "float64" else f": {self.dtype}"
        return f"{self.op.id}({self.sample}){other}"

    @property
    def wanted(self) -> list[int]:
        """Which of the tensors want a gradient."""
        return [i for i, leaf in enumerate(self.sample.leaves) if leaf.grad]

    @property
    def tolerance(self) -> tuple[float, float]:
        return self.op.checks.tolerance_of(self.dtype)

    def tensors(self, lib: Any, grad: bool | None = None) -> list[Any]:
        return self.sample.tensors(lib, self.dtype, grad)

    def call(self, lib: Any, form: Callable[..., Any] | None = None) -> Callable[..., Any]:
        """The operator as a function of the tensors."""
        return self.op.of_tensors(lib, self.sample, form)

    def without_phases(self, out: Any) -> Any:
        """The results; where a row leaves a factor open, their squares, whose slope has none."""
        if not self.op.checks.vectors:
            return out
        open_ = self.op.checks.vectors
        return tuple(r * r.conj() if k in open_ else r for k, r in enumerate(out))

    def smooth(self, lib: Any) -> Callable[..., Any]:
        """The operator as a function that has derivatives: complex vectors by their squares."""
        call = self.call(lib)
        return lambda *tensors: self.settled(call(*tensors))

    def settled(self, out: Any) -> Any:
        """The results; of vectors whose phases are free the squares, which have derivatives."""
        checks = self.op.checks
        if not checks.free or not any(out[k].is_complex() for k in checks.vectors):
            return out
        return self.without_phases(out)

    def changed(self, sample: Sample) -> Case:
        return replace(self, sample=sample)


def cases(
    *flags: str,
    without: Sequence[str] = (),
    grad: bool = False,
    dtypes: Sequence[str] | None = None,
    but: Callable[[Case], Any] = lambda _: False,
) -> list[Case]:
    """Samples of the rows that have all flags and none of the others, in the row's dtypes.

    ``grad``: only those that want a gradient; ``dtypes``: no others; ``but``: which are left out.
    """
    found = []
    for op in OPS:
        if not all(getattr(op, f) for f in flags) or any(op.row[f] for f in without):
            continue
        for sample in op.samples:
            leaves = sample.leaves
            if grad and not any(leaf.grad for leaf in leaves):
                continue
            floating = any(leaf.floating for leaf in leaves)
            defined = op.checks.dtypes if floating else ("float64",)
            found += [Case(op, sample, d) for d in defined if dtypes is None or d in dtypes]
    return [case for case in found if not but(case)]


def torch_cases(*flags: str, **options: Any) -> list[Case]:
    """``cases`` without the rows that PyTorch has not."""
    return [case for case in cases(*flags, **options) if case.op.name not in OURS]


def each(of: Sequence[Case]) -> pytest.MarkDecorator:
    assert of
    return pytest.mark.parametrize("case", of, ids=str)


def results(lib: Any, out: Any) -> list[Any]:
    """The tensors in what an operator returned."""
    if isinstance(out, lib.Tensor):
        return [out]
    if isinstance(out, (tuple, list)):
        return [each for each in out if isinstance(each, lib.Tensor)]
    return []


def differentiable(lib: Any, out: Any) -> list[Any]:
    return [each for each in results(lib, out) if each.requires_grad]


def array(tensor: Any) -> np.ndarray:
    return np.array(tensor.detach().numpy())


def gradients(lib: Any, outputs: Sequence[Any], inputs: Sequence[Any]) -> list[np.ndarray]:
    """Of a fixed weighted sum of the outputs; zeros where an input does not matter."""
    grads = lib.autograd.grad(
        outputs, inputs, [weights(lib, o) for o in outputs], allow_unused=True
    )
    return [
        np.zeros(i.shape) if g is None else array(g) for g, i in zip(grads, inputs, strict=True)
    ]


def weights(lib: Any, like: Any, seed: int = 0) -> Any:
    """A constant tensor of different numbers between -1 and 1, in both parts of complex ones."""
    random = np.random.RandomState(seed + 1)
    values = random.uniform(-1, 1, tuple(like.shape))
    if like.is_complex():
        values = values + 1j * random.uniform(-1, 1, tuple(like.shape))
    return lib.tensor(np.asarray(values), dtype=like.dtype)


def same(a: Any, b: Any, rtol: float = 1e-7, atol: float = 1e-7, what: str = "") -> None:
    """Of the same shape and values, within PyTorch's tolerances for float64 unless told."""
    a, b = np.asarray(a), np.asarray(b)
    assert a.shape == b.shape, f"{what}: shapes {a.shape} and {b.shape}"
    np.testing.assert_allclose(a, b, rtol=rtol, atol=atol, err_msg=what)


@contextmanager
def about(op: Op, sample: Sample) -> Iterator[None]:
    """Names the sample in what goes wrong inside the block."""
    try:
        yield
    except Exception as error:
        message = f"{op.name}({sample}): {type(error).__name__}: {error}"
        raise AssertionError(message) from error
