"""Numbers that a dtype cannot hold, beside PyTorch: refused, wrapped around, or cut."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

import pullback as pb
from scenarios import check, outcome

torch = pytest.importorskip("torch")

VALUES = [math.nan, math.inf, -1, -1.5, 300, 300.7, -300, 2**31, -(2**31) - 1, 2**40, 1e40, 2.5]
DTYPES = ("uint8", "int32", "int64", "bool", "float32", "float64")


def put(x: Any, value: Any) -> Any:
    x[0] = value
    return x


WRITES: dict[str, Callable[[Any, Any, Any], Any]] = {
    "fill_": lambda t, x, value: x.fill_(value),
    "item": lambda t, x, value: put(x, value),
    "full": lambda t, x, value: t.full((2,), value, dtype=x.dtype),
    "full_like": lambda t, x, value: t.full_like(x, value),
    "new_full": lambda t, x, value: x.new_full((1,), value),
    "masked_fill_": lambda t, x, value: x.masked_fill_(t.tensor([True, False]), value),
    "index_fill_": lambda t, x, value: x.index_fill_(0, t.tensor([1]), value),
    "scatter_": lambda t, x, value: x.scatter_(0, t.tensor([1]), value),
    "tensor": lambda t, x, value: t.tensor([value], dtype=x.dtype),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", WRITES)
def test_the_same_is_refused(name: str, dtype: str) -> None:
    for value in VALUES:

        def run(t: Any, value: float = value) -> Any:
            return WRITES[name](t, t.zeros(2, dtype=getattr(t, dtype)), value).tolist()

        check(run, pb, torch)


NUMBERS = [300, 255, -255, -300, 2**31, 2**32, 2**40, 2**53 + 1, -(2**63), -1, 2, True, 2.5, -1.5]
NUMBERS += [math.nan, math.inf, -math.inf, 1e20, 1e300, -1e300]


def square(t: Any, x: Any, *lead: int) -> Any:
    return x.expand(*lead, 3, 3).clone()


def put_at(x: Any, index: Any, value: Any) -> Any:
    x[index] = value
    return x


def mask(t: Any) -> Any:
    return t.tensor([True, False, True])


def nn(t: Any) -> Any:
    return t.nn.functional


# What takes a number besides the tensor x of three elements: one line for each parameter.
PARAMETERS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "add": lambda t, x, v: t.add(x, v),
    "mul_": lambda t, x, v: x.mul_(v),
    "add alpha": lambda t, x, v: t.add(x, x, alpha=v),
    "add number alpha": lambda t, x, v: t.add(x, 2, alpha=v),
    "add_ alpha": lambda t, x, v: x.add_(x.clone(), alpha=v),
    "sub alpha": lambda t, x, v: t.sub(x, x, alpha=v),
    "sub number alpha": lambda t, x, v: t.sub(x, 2, alpha=v),
    "sub_ alpha": lambda t, x, v: x.sub_(x.clone(), alpha=v),
    "subtract alpha": lambda t, x, v: t.subtract(x, x, alpha=v),
    "rsub alpha": lambda t, x, v: t.rsub(x, x, alpha=v),
    "rsub number alpha": lambda t, x, v: t.rsub(x, 2, alpha=v),
    "pow": lambda t, x, v: x**v,
    "pow_": lambda t, x, v: x.pow_(v),
    "addcmul": lambda t, x, v: t.addcmul(x, x, x, value=v),
    "addcmul_": lambda t, x, v: x.addcmul_(x.clone(), x.clone(), value=v),
    "addcdiv": lambda t, x, v: t.addcdiv(x, x, x, value=v),
    "lerp": lambda t, x, v: t.lerp(x, x * 2, v),
    "addmm alpha": lambda t, x, v: t.addmm(square(t, x), square(t, x), square(t, x), alpha=v),
    "addmm beta": lambda t, x, v: t.addmm(square(t, x), square(t, x), square(t, x), beta=v),
    "addmm_ beta": lambda t, x, v: square(t, x).addmm_(square(t, x), square(t, x), beta=v),
    "addmv alpha": lambda t, x, v: t.addmv(x, square(t, x), x, alpha=v),
    "addmv beta": lambda t, x, v: t.addmv(x, square(t, x), x, beta=v),
    "addr alpha": lambda t, x, v: t.addr(x, x, x, alpha=v),
    "addr beta": lambda t, x, v: t.addr(x, x, x, beta=v),
    "baddbmm alpha": lambda t, x, v: t.baddbmm(
        square(t, x, 2), square(t, x, 2), square(t, x, 2), alpha=v
    ),
    "baddbmm beta": lambda t, x, v: t.baddbmm(
        square(t, x, 2), square(t, x, 2), square(t, x, 2), beta=v
    ),
    "addbmm alpha": lambda t, x, v: t.addbmm(
        square(t, x), square(t, x, 2), square(t, x, 2), alpha=v
    ),
    "addbmm beta": lambda t, x, v: t.addbmm(square(t, x), square(t, x, 2), square(t, x, 2), beta=v),
    "clamp min": lambda t, x, v: x.clamp(min=v),
    "clamp max": lambda t, x, v: x.clamp(max=v),
    "clamp both": lambda t, x, v: x.clamp(0, v),
    "clamp_": lambda t, x, v: x.clamp_(max=v),
    "clip": lambda t, x, v: t.clip(x, max=v),
    "clip_": lambda t, x, v: x.clip_(v, 2),
    "clamp_min": lambda t, x, v: x.clamp_min(v),
    "clamp_min_": lambda t, x, v: x.clamp_min_(v),
    "clamp_max": lambda t, x, v: x.clamp_max(v),
    "clamp_max_": lambda t, x, v: x.clamp_max_(v),
    "hardtanh min": lambda t, x, v: nn(t).hardtanh(x, v, 100),
    "hardtanh max": lambda t, x, v: nn(t).hardtanh(x, 0, v),
    "hardtanh, inplace": lambda t, x, v: nn(t).hardtanh(x, 0, v, inplace=True),
    "threshold": lambda t, x, v: t.threshold(x, v, 1),
    "threshold value": lambda t, x, v: t.threshold(x, 1, v),
    "threshold_": lambda t, x, v: nn(t).threshold_(x, 1, v),
    "leaky_relu": lambda t, x, v: nn(t).leaky_relu(x - 2, v),
    "elu": lambda t, x, v: nn(t).elu(x - 2, v),
    "celu": lambda t, x, v: nn(t).celu(x - 2, v),
    "hardshrink": lambda t, x, v: nn(t).hardshrink(x, v),
    "softshrink": lambda t, x, v: nn(t).softshrink(x, v),
    "softplus beta": lambda t, x, v: nn(t).softplus(x, v),
    "softplus threshold": lambda t, x, v: nn(t).softplus(x, 1, v),
    "logit": lambda t, x, v: t.logit(x, v),
    "where other": lambda t, x, v: t.where(mask(t), x, v),
    "where input": lambda t, x, v: t.where(mask(t), v, x),
    "where method": lambda t, x, v: x.where(mask(t), v),
    "where numbers": lambda t, x, v: t.where(mask(t), v, 1),
    "index_add": lambda t, x, v: x.index_add(0, t.tensor([1]), x[:1], alpha=v),
    "index_add_": lambda t, x, v: x.index_add_(0, t.tensor([1]), x[:1].clone(), alpha=v),
    "index_add of one element": lambda t, x, v: x[0].index_add(0, t.tensor([0]), x[0], alpha=v),
    "scatter": lambda t, x, v: x.scatter(0, t.tensor([1]), v),
    "scatter multiply": lambda t, x, v: x.scatter(0, t.tensor([1]), v, reduce="multiply"),
    "masked_fill by a tensor": lambda t, x, v: x.masked_fill(mask(t), t.tensor(v)),
    "masked_fill_ by a tensor": lambda t, x, v: x.masked_fill_(mask(t), t.tensor(v).double()),
    "mask": lambda t, x, v: put_at(x, mask(t), t.tensor(v)),
    "mask, one value": lambda t, x, v: put_at(x, mask(t), t.tensor([v]).double()),
    "isin": lambda t, x, v: t.isin(x, v),
    "trapezoid": lambda t, x, v: t.trapezoid(x, dx=v),
    "cumulative_trapezoid": lambda t, x, v: t.cumulative_trapezoid(x, dx=v),
    "uniform_": lambda t, x, v: x.uniform_(v, v),
    "arange": lambda t, x, v: t.arange(0, 3, v, dtype=x.dtype),
    "linspace": lambda t, x, v: t.linspace(v, 1, 3, dtype=x.dtype),
    "nan_to_num": lambda t, x, v: t.nan_to_num(x / 0, posinf=v),
}
# PyTorch negates alpha first and gets -2**63 again.
WRONG = {("rsub alpha", -(2**63)), ("rsub number alpha", -(2**63))}


@pytest.mark.parametrize("name", PARAMETERS)
def test_the_same_is_computed_or_refused(name: str) -> None:
    for dtype in DTYPES:
        for value in NUMBERS:
            if dtype.startswith("float") and (name, value) in WRONG:
                continue

            def run(t: Any, dtype: str = dtype, value: Any = value) -> Any:
                made = PARAMETERS[name](t, t.tensor([1, 2, 3]).to(getattr(t, dtype)), value)
                numbers = made.flatten().tolist()
                if made.is_floating_point():
                    numbers = [f"{number:.5g}" for number in numbers]
                return str(made.dtype).split(".")[-1], tuple(made.shape), numbers

            ours, theirs = outcome(run, pb), outcome(run, torch)
            case = (dtype, value, ours, theirs)
            assert ours[0] == theirs[0], case
            if theirs[0] == "NotImplementedError":  # it names its kernel
                assert ours[1].endswith(theirs[1].split('"')[-1]), case
            else:
                end = theirs[1].find(". " if "addcdiv is no longer" in theirs[1] else "output type")
                text = theirs[1][: end if end > 0 else None].removesuffix(".").split(", and in")[0]
                assert ours[1].startswith(text), case


@pytest.mark.parametrize("size", [0, 2])
def test_alpha_of_no_product(size: int) -> None:
    for name in ("addmm", "baddbmm", "addbmm"):
        for value in (300, math.nan, 1e300):

            def run(t: Any, name: str = name, value: Any = value) -> Any:
                lead = () if name == "addmm" else (2,)
                x = t.ones(*(lead if name == "baddbmm" else ()), 2, 2, dtype=t.uint8)
                a = t.ones(*lead, 2, size, dtype=t.uint8)
                return getattr(t, name)(x, a, a.mT, alpha=value).tolist()

            check(run, pb, torch)


def test_a_range_with_a_step_that_is_no_number_or_too_large_to_count() -> None:
    for step in (math.nan, 1e-300, 0.0, math.inf):
        check(lambda t, step=step: t.arange(0, 3, step).tolist(), pb, torch)  # type: ignore[misc]
    assert pb.arange(0, 3, 2**63 - 1).tolist() == [0]
    assert pb.arange(3, 0, -(2**63)).tolist() == [3]
    with pytest.raises(RuntimeError, match="possible overflow"):
        pb.arange(-(2**63), 2**63 - 1)
