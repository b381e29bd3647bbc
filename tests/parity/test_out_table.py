"""``out=`` of every row of the operator table beside PyTorch: where it writes, and what it refuses.

Targets of the right dtype, row-major, with gaps, transposed, in memory with guards around it, of
another size, of every other dtype, that is an operand, that requires a gradient. Where PyTorch has
no ``out=`` there is nothing to compare.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import pullback as pb
from samples import DTYPES, Sample
from table import Case, Op, cases, each, results, same

torch = pytest.importorskip("torch")

ERRORS = (RuntimeError, TypeError, ValueError, IndexError, NotImplementedError)
Target = Callable[[Any, tuple[int, ...], Any], tuple[Any, Any]]  # the target and all its memory


def filled(lib: Any, shape: Any, dtype: Any) -> Any:
    return lib.full(tuple(shape), 1, dtype=dtype)


def plain(lib: Any, shape: tuple[int, ...], dtype: Any) -> tuple[Any, Any]:
    target = filled(lib, shape, dtype)
    return target, target


def guarded(lib: Any, shape: tuple[int, ...], dtype: Any) -> tuple[Any, Any]:
    memory = filled(lib, [2 * n + 2 for n in shape] or [3], dtype)
    if not shape:
        return memory[1], memory
    return memory[tuple(slice(1, 1 + 2 * n, 2) for n in shape)], memory


def transposed(lib: Any, shape: tuple[int, ...], dtype: Any) -> tuple[Any, Any]:
    memory = filled(lib, reversed(shape), dtype)
    return memory.permute(tuple(reversed(range(len(shape))))), memory


def empty(lib: Any, shape: tuple[int, ...], dtype: Any) -> tuple[Any, Any]:
    return plain(lib, (0,), dtype)


def larger(lib: Any, shape: tuple[int, ...], dtype: Any) -> tuple[Any, Any]:
    return plain(lib, (3, *shape), dtype)


def leaf(lib: Any, shape: tuple[int, ...], dtype: Any) -> tuple[Any, Any]:
    target = filled(lib, shape, dtype)
    if target.is_floating_point():
        target.requires_grad_()
    return target, target


def recorded(lib: Any, shape: tuple[int, ...], dtype: Any) -> tuple[Any, Any]:
    target = leaf(lib, shape, dtype)[0]
    return (target * 1, target) if target.requires_grad else (target, target)


TARGETS: dict[str, Target] = {
    "plain": plain,
    "guarded": guarded,
    "transposed": transposed,
    "empty": empty,
    "larger": larger,
    "leaf": leaf,
    "recorded": recorded,
}

GIVEN_UP = (
    "torch.chain_matmul is deprecated",
    "The reduce argument of torch.scatter",
    "torch.cholesky is deprecated",
    "torch.qr is deprecated",
    "torch.lu_solve is deprecated",
    "torch.triangular_solve is deprecated",
)
LAYOUT = "PyTorch makes the result row-major, here it keeps the layout of its input"
COLUMNS = "an out= that is resized is column-major as the result is, in PyTorch only in places"
UNSAID = "PyTorch does not say that it resized"
RECORDED = "PyTorch forgets to look whether something requires a gradient, here that is refused"
READ_FIRST = "PyTorch writes before it has read, here the operand is read before"
SPURIOUS = "PyTorch resizes in between, fails or writes outside of the view"
OTHERWISE: dict[str, dict[str, str]] = {
    "absolute": dict.fromkeys(("float32", "into 0"), "PyTorch casts what comes of complex numbers"),
    "logsigmoid": {"empty": LAYOUT, "larger": UNSAID},
    "slice_scatter": {"empty": LAYOUT, "larger": LAYOUT},
    "addbmm": {"larger": UNSAID},
    "mode": {"larger": UNSAID},
    "matmul": dict.fromkeys(("plain", "guarded", "transposed"), SPURIOUS),
    "linear": dict.fromkeys(("plain", "guarded", "transposed", "into 2"), SPURIOUS),
    "ger": dict.fromkeys(("plain", "guarded", "transposed", "empty", "float32"), SPURIOUS),
    "lerp": {"float32": "PyTorch casts for a number as weight, not for a tensor"},
    "clamp_min": {"float32": "PyTorch casts for tensors, not for numbers"},
    "clamp_max": {"float32": "the same"},
    "inner": {"float32": "PyTorch casts for tensors without dimensions only"},
    "all": {"uint8": "PyTorch makes the elements bytes before it asks whether they are true"},
    "cumsum": {"bool": "PyTorch takes bools without dimensions or elements"},
    "cumprod": {"bool": "the same"},
    "randn": dict.fromkeys(("int32", "int64", "uint8", "bool"), "the same"),
}
for name in ("cholesky", "cholesky_solve", "tensorinv", "lstsq", "quantile", "nanquantile"):
    OTHERWISE[name] = {"empty": COLUMNS, "larger": COLUMNS}
OTHERWISE["cholesky_solve"]["into 0"] = COLUMNS
for name in ("cholesky_inverse", "geqrf", "householder_product", "orgqr", "ormqr"):
    OTHERWISE[name] = {"larger": COLUMNS}
# By id where one row of a name differs; "inv" for matrices of columns.
for name in ("matrix_power", "inv", "svd.1"):
    OTHERWISE[name] = {"into 0": READ_FIRST}
OTHERWISE["matrix_power.1"] = {"float32": "PyTorch casts, but not squares"}
for name in ("sum", "mean", "nansum", "nanmean", "prod", "amax", "amin", "normal"):
    OTHERWISE[name] = {"into 0": READ_FIRST, "into 1": READ_FIRST}
OTHERWISE["normal"]["empty"] = OTHERWISE["normal"]["larger"] = "PyTorch does not resize"
# Of the composite operators and the factories PyTorch looks at neither operands nor target.
for name in (
    *(
        "conj_physical",
        "zeros",
        "ones",
        "full",
        "arange",
        "linspace",
        "logspace",
        "eye",
        "rand",
        "randn",
        "normal",
    ),
    *("norm", "matrix_norm", "slice_scatter", "inner", "tensordot", "scatter", "softmax", "diag"),
    *("log_softmax", "histc", "heaviside", "floor_divide", "matrix_power.1", "tensorinv"),
    *("tensorsolve", "ldl_factor", "ldl_factor_ex", "ldl_solve", "pinv.1", "cond", "cond.1"),
    *("quantile", "nanquantile"),
):
    more = dict.fromkeys(("leaf", "recorded", "operand requires a gradient"), RECORDED)
    OTHERWISE[name] = {**OTHERWISE.get(name, {}), **more}


def dtype_name(tensor: Any) -> str:
    return str(tensor.dtype).split(".")[-1]


def array(tensor: Any) -> np.ndarray:
    return np.array(tensor.numpy(force=True))


@pytest.fixture(autouse=True)
def every_warning() -> Iterator[None]:
    torch.set_warn_always(True)
    yield
    torch.set_warn_always(False)


class Targets:
    """One argument list, with the shapes and dtypes that its results have."""

    def __init__(self, op: Op, sample: Sample) -> None:
        self.op, self.sample = op, sample
        args, kwargs = sample.fill(torch, sample.tensors(torch, grad=False))
        made = results(torch, op.function(torch)(*args, **kwargs))
        self.results = [(tuple(each.shape), dtype_name(each)) for each in made]

    def has_out(self) -> bool:
        return "TypeError" not in str(self.outcome(torch, plain))

    def outcome(
        self,
        lib: Any,
        make: Target,
        dtypes: dict[int, str] | None = None,
        grad: bool | None = False,
        alias: tuple[int, int] | None = None,
    ) -> Any:
        """What is in all the memory afterwards, or the type of the error."""
        operands = self.sample.tensors(lib, grad=grad)
        args, kwargs = self.sample.fill(lib, operands)
        targets, memories = [], []
        for k, (shape, dtype) in enumerate(self.results):
            chosen = getattr(lib, (dtypes or {}).get(k, dtype))
            target, memory = make(lib, shape, chosen)
            if alias is not None and alias[0] == k:
                target = memory = operands[alias[1]]
            targets.append(target)
            memories.append(memory)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                out = tuple(targets) if self.op.fields else targets[0]
                made = results(lib, self.op.function(lib)(*args, **kwargs, out=out))
            except ERRORS as error:
                return type(error).__name__
        assert all(a is b for a, b in zip(made, targets, strict=True))
        shown = [
            (dtype_name(t), tuple(t.shape), t.stride() if t.numel() > 1 else None) for t in targets
        ]
        # What PyTorch gives up but is right is no warning here.
        heard = [w for w in caught if not str(w.message).startswith(GIVEN_UP)]
        said = sorted({w.category.__name__ for w in heard})
        written = [array(t) for t in (*targets, *memories, *operands)]
        # Vectors whose signs are open may be in each of them.
        return shown, said, [np.abs(w) for w in written] if self.op.checks.vectors else written

    def compare(self, form: str, make: Target, **how: Any) -> None:
        if any(form in OTHERWISE.get(name, {}) for name in (self.op.name, self.op.id)):
            return
        ours, theirs = (self.outcome(lib, make, **how) for lib in (pb, torch))
        if isinstance(ours, str) or isinstance(theirs, str):
            assert ours == theirs, form
            return
        assert ours[:2] == theirs[:2], form
        for a, b in zip(ours[2], theirs[2], strict=True):
            same(a, b, 1.3e-6, 1e-5, what=form)


def is_late(case: Case) -> bool:
    return case.op.name == "empty" or case.sample not in case.op.samples[:3]


@each(cases("out", dtypes=("float64",), but=is_late))
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_out_is_written_and_refused_as_in_torch(case: Case) -> None:
    targets = Targets(case.op, case.sample)
    if not targets.has_out():  # which, says NO_OUT_IN_TORCH of test_ops.py
        assert not isinstance(targets.outcome(pb, plain), str)
        return
    for form, make in TARGETS.items():
        targets.compare(form, make)
    targets.compare("operand requires a gradient", plain, grad=None)
    for k, (shape, dtype) in enumerate(targets.results):
        for other in DTYPES:
            if other != dtype:
                targets.compare(other, plain, dtypes={k: other})
        for i, operand in enumerate(case.sample.leaves):
            if operand.array.shape == shape:
                targets.compare(f"into {i}", plain, alias=(k, i))


APART = """
T.gather(i, 0, i, out=i) | T.take(i, i, out=i) | T.index_select(x, 0, T.tensor([1, 0]), out=x)
T.cat([x[:1], x[1:]], out=x) | T.masked_select(x[0], x[0] > -9, out=x[0])
T.scatter(x, 0, T.zeros(2, 2, dtype=T.int64), x, out=x) | T.cross(y, y, dim=1, out=y)
T.index_add(x, 0, T.tensor([0, 1]), x, out=x) | T.index_copy(x, 0, T.tensor([1, 0]), x, out=x)
T.scatter_add(x, 0, T.zeros(2, 2, dtype=T.int64), x, out=x)
T.scatter(x, 0, T.zeros(1, 2, dtype=T.int64), T.ones(1, 2), out=x)
T.index_add(x, 0, T.tensor([0]), T.ones(1, 2), out=x) | i.put_(i, i) | i.put_(i.clone(), i)
i.put_(i, i.clone()) | x.scatter_reduce_(0, T.zeros(2, 2, dtype=T.int64), x, 'sum')
T.add(x, x.t(), out=x) | T.add(x[:1], x[1:], out=x[:1]) | T.mul(x[0], 2, out=x[1])
T.cumsum(x, 0, out=x) | T.sort(x, out=(x, T.empty(0, dtype=T.int64))) | T.clamp(x, 0, 1, out=x)
T.tril(x, out=x) | T.logcumsumexp(x, 0, out=x) | T.softmax(x, 0, out=x)
T.max(x, 0, out=(T.empty(2), T.empty(2, dtype=T.float64))) | T.any(x, 0, out=T.empty(2))
T.logcumsumexp(x.double(), 0, out=T.empty(2, 2)) | T.argmax(x, 0, out=T.empty(2))
T.multinomial(x.abs(), 1, out=T.empty(2, 1)) | T.all(x, 0, out=T.empty(2, dtype=T.int32))
T.any(x, 0, out=T.empty(2, dtype=T.uint8)) | T.isposinf(x, out=T.empty(2, 2, dtype=T.uint8))
"""


@pytest.mark.parametrize("call", [c.strip() for c in APART.replace("\n", "|").split("|") if c])
def test_operands_that_share_memory_and_dtypes_that_do_not_fit(call: str) -> None:
    said = []
    for lib in (pb, torch):
        x = lib.tensor([[1.0, -2.0], [3.5, 0.25]])
        y = lib.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 7.0]])
        i = lib.tensor([2, 0, 1])
        try:
            made = eval(call, {"T": lib, "x": x, "y": y, "i": i})
            made = made if isinstance(made, tuple) else (made,)
            said.append([(dtype_name(t), t.flatten().double().tolist()) for t in made])
        except ERRORS as error:
            said.append(type(error).__name__)
    if any(isinstance(each, str) for each in said):
        assert said[0] == said[1]
        return
    for (dtype, values), (other, wanted) in zip(*said, strict=True):
        assert dtype == other
        same(values, wanted, 1e-5, 1e-6)
