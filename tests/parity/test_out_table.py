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
from table import Case, Op, each, results, same, torch_cases
from unlike_torch import NOT_RECORDED_IN_TORCH

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
# The reason, the forms, and where: all rows of a name, one row by its id, or one sample.
DIFFERENCES: list[tuple[str, list[str], list[str]]] = [
    (
        RECORDED,
        ["recorded", "operand requires a gradient"],
        [
            "scatter.2",
            "scatter.3",
            "matrix_power.1(x(2,3,3), 4)",
            "tensorinv",
            "tensorsolve",
            "ldl_solve",
            "norm.2",
            "norm.3",
            "matrix_norm",
            "pinv.1",
            "cond",
            "inner",
            "tensordot",
            "softmax",
            "log_softmax",
            "quantile",
            "nanquantile",
            "slice_scatter",
            "diag",
        ],
    ),
    (
        RECORDED,
        ["recorded"],
        [
            "ldl_factor",
            "ldl_factor_ex",
            "zeros",
            "ones",
            "full((2, 3), 1.5)",
            "arange(5.5)",
            "arange.1(1.5, 4.0)",
            "arange.2(0.0, 1.0, 0.25)",
            "linspace",
            "logspace",
            "eye",
            "rand",
            "normal(0.0, 1.0, (2, 3))",
            "normal(1.5, 2.0, (4,))",
            "floor_divide(c(3,4), c(3,4, low=0.5, high=2))",
            "floor_divide(c(3), 2.5)",
            "heaviside(c(3,4), c(3,4))",
            "heaviside(c(3,1), c(4))",
        ],
    ),
    (RECORDED, ["recorded", "leaf"], ["histc"]),
    (
        RECORDED,
        ["operand requires a gradient"],
        ["ifft(x(3,4))", "ihfft(x(4))", "ihfft(x(3,5))", "ihfft(x(3,4), 6, 0, 'ortho')"],
    ),
    (RECORDED, ["recorded"], ["fftfreq", "rfftfreq"]),
    ("a resized out= of a factory is not warned of", ["larger"], ["fftfreq", "rfftfreq"]),
    (SPURIOUS, ["guarded"], ["fftfreq(5)", "fftfreq(6, 0.5)"]),
    (
        "an out= that is resized has the layout of the result, in PyTorch only in places",
        ["empty", "larger"],
        [
            "fft(z(3,5), 4, 0, 'ortho')",
            "ifft(z(3,5), 4, 0, 'ortho')",
            "rfft(x(3,4), 6, 0, 'ortho')",
            "irfft(z(3,4), 3, 0, 'ortho')",
            "hfft(z(3,4), 3, 0, 'ortho')",
            "hfftn(zs(2,3,4), (4,), (1,), 'ortho')",
            "ihfftn",
            "ihfft2",
            "fft2(z(2,3,4), (4,3), (0,1), 'ortho')",
            "ifft2(z(2,3,4), (4,3), (0,1), 'ortho')",
            "rfft2(x(2,3,4), (4,3), (0,1), 'ortho')",
            "irfft2(z(2,3,4), (4,3), (0,1), 'ortho')",
            "hfft2(z(2,3,4), (4,3), (0,1), 'ortho')",
        ],
    ),
    (
        "the same",
        ["into 0"],
        ["irfft(z(3,4), 3, 0, 'ortho')", "hfft(z(3,4), 3, 0, 'ortho')"],
    ),
    (RECORDED, ["operand requires a gradient"], ["conj_physical", "eigvals"]),
    (RECORDED, ["recorded", "leaf", "operand requires a gradient"], [*NOT_RECORDED_IN_TORCH]),
    (
        RECORDED,
        ["recorded", "operand requires a gradient"],
        [
            "ndtr",
            *("alias_copy", "as_strided_copy", "diagonal_copy", "expand_copy", "permute_copy"),
            *("select_copy", "squeeze_copy", "t_copy", "transpose_copy", "unsqueeze_copy"),
            *("view_as_real_copy", "view_copy"),
        ],
    ),
    (LAYOUT, ["empty", "larger"], ["mvlgamma(xs(3,4, low=2, high=5), 4)"]),
    (UNSAID, ["larger"], ["addbmm", "logsigmoid(x(3,4))", "logsigmoid(x())"]),
    (SPURIOUS, ["guarded", "transposed"], ["linear(x(2,3,4), x(5,4), x(5))", "avg_pool3d"]),
    (SPURIOUS, ["guarded", "transposed", "plain", "empty", "float32"], ["ger"]),
    (
        COLUMNS,
        ["empty", "larger"],
        [
            "cholesky.1",
            "cholesky_solve",
            "tensorinv(x(2,3,6))",
            "tensorinv(x(4,2,2), 1)",
            "quantile(x(3,4), c(3, low=0, high=1), 1)",
            "nanquantile(x(3,4), c(3, low=0, high=1), 1)",
        ],
    ),
    (COLUMNS, ["empty"], ["lstsq"]),
    (
        COLUMNS,
        ["larger"],
        [
            "cholesky_inverse(x(3,3, low=0.5, high=2))",
            "cholesky_inverse(x(2,3,3, low=0.5, high=2), True)",
            "eig(w(3,3))",
            "eig(w(2,3,3))",
            "eig(xs(3,3))",
            "geqrf",
            "householder_product",
            "orgqr",
            "ormqr",
        ],
    ),
    (COLUMNS, ["into 0"], ["cholesky_solve(xs(3,1), xs(3,3, low=0.5, high=2))"]),
    (
        READ_FIRST,
        ["into 0"],
        [
            "matrix_power(x(3,3), 2)",
            "matrix_power(x(2,3,3), 3)",
            "matrix_power.1(x(3,3), 2)",
            "inv(xs(3,3))",
            "svd.1(x(3,3))",
            "normal.1",
            "normal.2",
            "prod.1(x(), 0)",
            "mean(x())",
        ],
    ),
    (READ_FIRST, ["into 1"], ["normal.1(c(3), c(3, low=0.1, high=1))"]),
    ("PyTorch casts, but not squares", ["float32"], ["matrix_power.1(x(3,3), 2)"]),
    ("PyTorch does not resize", ["larger"], ["normal.1", "normal.2"]),
    ("PyTorch does not resize", ["empty"], ["normal.1(c(3))", "normal.1(c(3), 2.0)"]),
    ("PyTorch casts what comes of complex numbers", ["float32", "into 0"], ["absolute(z(3))"]),
    (
        "PyTorch casts for a number as weight, not for a tensor",
        ["float32"],
        ["lerp(x(3,4), x(4), x(3,1))"],
    ),
    (
        "PyTorch casts for tensors, not for numbers",
        ["float32"],
        [
            "clamp_min(x(3,4), 0.1)",
            "clamp_min(x(), 0.0)",
            "clamp_max(x(3,4), 0.1)",
            "clamp_max(x(), 0.0)",
        ],
    ),
    (
        "PyTorch makes the elements bytes before it asks whether they are true",
        ["uint8"],
        ["all(x(3,4))"],
    ),
    (LAYOUT, ["empty", "larger"], ["slice_scatter(xs(3,4), x(3,4))"]),
]
OTHERWISE: dict[str, set[str]] = {}
for _, forms, places in DIFFERENCES:
    for place in places:
        OTHERWISE.setdefault(place, set()).update(forms)


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
        written = [array(t) for t in targets]
        for k in self.op.checks.vectors:  # signs are open: beside the target nothing may differ
            targets[k].detach().zero_()
        return shown, said, written, [array(t) for t in (*memories, *operands)]

    def compare(self, form: str, make: Target, **how: Any) -> None:
        ours, theirs = (self.outcome(lib, make, **how) for lib in (pb, torch))
        if isinstance(ours, str) or isinstance(theirs, str):
            assert ours == theirs, form
            return
        assert ours[:2] == theirs[:2], form
        for k, (a, b) in enumerate(zip(ours[2], theirs[2], strict=True)):
            same(self.op.checks.settled(a, b, k), b, 1.3e-6, 1e-5, what=form)
        for a, b in zip(ours[3], theirs[3], strict=True):
            same(a, b, 1.3e-6, 1e-5, what=form)

    def differences(self) -> dict[str, str]:
        """The forms in which the two differ, with what was found."""
        found: dict[str, str] = {}

        def compare(form: str, make: Target, **how: Any) -> None:
            try:
                self.compare(form, make, **how)
            except AssertionError as error:
                found[form] = str(error)

        for form, make in TARGETS.items():
            compare(form, make)
        compare("operand requires a gradient", plain, grad=None)
        for k, (shape, dtype) in enumerate(self.results):
            for other in DTYPES:
                if other != dtype:
                    compare(other, plain, dtypes={k: other})
            for i, operand in enumerate(self.sample.leaves):
                if operand.array.shape == shape:
                    compare(f"into {i}", plain, alias=(k, i))
        return found


def is_late(case: Case) -> bool:
    return case.op.name == "empty" or case.sample not in case.op.samples[:3]


CASES = torch_cases("out", dtypes=("float64",), but=is_late)


def keys(case: Case) -> set[str]:
    """What an entry of ``OTHERWISE`` calls it: all rows of a name, one of them, one sample."""
    return {case.op.name, case.op.id, str(case)}


@each(CASES)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_out_is_written_and_refused_as_in_torch(case: Case) -> None:
    targets = Targets(case.op, case.sample)
    if not targets.has_out():  # which, says NO_OUT_IN_TORCH of test_ops.py
        assert not isinstance(targets.outcome(pb, plain), str)
        return
    found = targets.differences()
    listed = {form for key in keys(case) for form in OTHERWISE.get(key, ())}
    assert found.keys() <= listed, {form: found[form] for form in found.keys() - listed}
    assert listed <= found.keys(), f"as in PyTorch: {listed - found.keys()}"


def test_the_table_names_what_there_is() -> None:
    known = {key for case in CASES for key in keys(case)}
    assert OTHERWISE.keys() <= known, OTHERWISE.keys() - known


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
