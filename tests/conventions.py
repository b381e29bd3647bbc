"""Gradients where a function has none, or several: one row for each awkward point.

``POINTS`` maps a name to (function, arguments, gradients). The function takes the library and one
float64 tensor for each argument; the gradients are those of the sum of its result, as PyTorch has
them. test_conventions.py checks the numbers, parity/test_conventions.py that PyTorch has the same.
``UNLIKE`` has those where pullback decides otherwise (docs/differences.md).
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf, nan
from typing import Any

import numpy as np

Row = tuple[Callable[..., Any], list[Any], list[Any]]

POINTS: dict[str, Row] = {
    # kinks
    "abs at 0": (lambda t, x: x.abs(), [[0.0, -0.0, -2.0]], [[0.0, 0.0, -1.0]]),
    "relu at 0": (lambda t, x: t.relu(x), [[0.0, 1.0, -1.0]], [[0.0, 1.0, 0.0]]),
    "leaky_relu at 0": (lambda t, x: F(t).leaky_relu(x, 0.1), [[0.0]], [[0.1]]),
    "elu at 0": (lambda t, x: F(t).elu(x), [[0.0]], [[1.0]]),
    "selu at 0": (lambda t, x: F(t).selu(x), [[0.0]], [[1.7580993408473766]]),
    "celu at 0": (lambda t, x: F(t).celu(x), [[0.0]], [[1.0]]),
    "hardtanh at its edges": (
        lambda t, x: F(t).hardtanh(x),
        [[-1.0, 0.0, 1.0]],
        [[0.0, 1.0, 0.0]],
    ),
    "relu6 at its edges": (lambda t, x: F(t).relu6(x), [[0.0, 3.0, 6.0]], [[0.0, 1.0, 0.0]]),
    "hardsigmoid at its edges": (
        lambda t, x: F(t).hardsigmoid(x),
        [[-3.0, 3.0]],
        [[0.0, 0.0]],
    ),
    "clamp at its bounds": (
        lambda t, x: x.clamp(-1, 1),
        [[-2.0, -1.0, 0.0, 1.0, 2.0]],
        [[0.0, 1.0, 1.0, 1.0, 0.0]],
    ),
    "clamp_min at the bound": (lambda t, x: x.clamp_min(1.0), [[1.0, 0.0]], [[1.0, 0.0]]),
    "clamp_max at the bound": (lambda t, x: x.clamp_max(1.0), [[1.0, 2.0]], [[1.0, 0.0]]),
    "threshold at the threshold": (
        lambda t, x: F(t).threshold(x, 0.5, 7.0),
        [[0.5, 0.6]],
        [[0.0, 1.0]],
    ),
    "hardshrink at lambda": (
        lambda t, x: F(t).hardshrink(x, 0.5),
        [[-0.5, 0.5, 0.6]],
        [[0.0, 0.0, 1.0]],
    ),
    "softshrink at lambda": (
        lambda t, x: F(t).softshrink(x, 0.5),
        [[-0.5, 0.5, 0.6]],
        [[0.0, 0.0, 1.0]],
    ),
    "floor": (lambda t, x: x.floor(), [[1.0, 1.5]], [[0.0, 0.0]]),
    "ceil": (lambda t, x: x.ceil(), [[1.0, 1.5]], [[0.0, 0.0]]),
    "round": (lambda t, x: x.round(), [[1.0, 1.5]], [[0.0, 0.0]]),
    "trunc": (lambda t, x: x.trunc(), [[1.0, 1.5]], [[0.0, 0.0]]),
    "sign": (lambda t, x: x.sign(), [[0.0, -1.5]], [[0.0, 0.0]]),
    "l1_loss at 0": (
        lambda t, x: F(t).l1_loss(x, t.zeros_like(x), reduction="sum"),
        [[0.0, 2.0]],
        [[0.0, 1.0]],
    ),
    # ties
    "max of all": (lambda t, x: x.max(), [[3.0, 1.0, 3.0]], [[0.5, 0.0, 0.5]]),
    "min of all": (lambda t, x: x.min(), [[1.0, 1.0, 3.0, 1.0]], [[1 / 3, 1 / 3, 0.0, 1 / 3]]),
    "amax": (lambda t, x: x.amax(0), [[3.0, 1.0, 3.0]], [[0.5, 0.0, 0.5]]),
    "amin": (lambda t, x: x.amin((0,)), [[3.0, 1.0, 1.0]], [[0.0, 0.5, 0.5]]),
    "max along a dimension": (lambda t, x: x.max(0)[0], [[3.0, 1.0, 3.0]], [[1.0, 0.0, 0.0]]),
    "min along a dimension": (lambda t, x: x.min(0)[0], [[3.0, 1.0, 1.0]], [[0.0, 1.0, 0.0]]),
    "topk": (lambda t, x: x.topk(1)[0], [[3.0, 1.0, 3.0]], [[1.0, 0.0, 0.0]]),
    "kthvalue": (lambda t, x: x.kthvalue(1)[0], [[1.0, 1.0]], [[1.0, 0.0]]),
    "median of all": (lambda t, x: x.median(), [[2.0, 1.0, 2.0]], [[0.5, 0.0, 0.5]]),
    "cummax": (
        lambda t, x: x.cummax(0)[0],
        [[1.0, 3.0, 3.0, 2.0]],
        [[1.0, 1.0, 2.0, 0.0]],
    ),
    "maximum": (lambda t, x, y: t.maximum(x, y), [[1.0], [1.0]], [[0.5], [0.5]]),
    "minimum": (lambda t, x, y: t.minimum(x, y), [[1.0], [1.0]], [[0.5], [0.5]]),
    "fmax": (lambda t, x, y: t.fmax(x, y), [[1.0], [1.0]], [[1.0], [0.0]]),
    "fmin": (lambda t, x, y: t.fmin(x, y), [[1.0], [1.0]], [[1.0], [0.0]]),
    "vector_norm inf": (
        lambda t, x: t.linalg.vector_norm(x, inf),
        [[3.0, -3.0, 1.0]],
        [[0.5, -0.5, 0.0]],
    ),
    # poles and edges of the domain
    "sqrt at 0": (lambda t, x: x.sqrt(), [[0.0]], [[inf]]),
    "log at 0": (lambda t, x: x.log(), [[0.0]], [[inf]]),
    "log2 at 0": (lambda t, x: x.log2(), [[0.0]], [[inf]]),
    "log1p at -1": (lambda t, x: x.log1p(), [[-1.0]], [[inf]]),
    "asin at 1": (lambda t, x: x.asin(), [[1.0]], [[inf]]),
    "acos at 1": (lambda t, x: x.acos(), [[1.0]], [[-inf]]),
    "acosh at 1": (lambda t, x: x.acosh(), [[1.0]], [[inf]]),
    "atanh at 1": (lambda t, x: x.atanh(), [[1.0]], [[inf]]),
    "erfinv at 1": (lambda t, x: x.erfinv(), [[1.0]], [[inf]]),
    "rsqrt at 0": (lambda t, x: x.rsqrt(), [[0.0]], [[-inf]]),
    "reciprocal at 0": (lambda t, x: x.reciprocal(), [[0.0]], [[-inf]]),
    "hypot at the origin": (lambda t, x, y: t.hypot(x, y), [[0.0], [0.0]], [[nan], [nan]]),
    "atan2 at the origin": (lambda t, x, y: t.atan2(x, y), [[0.0], [0.0]], [[0.0], [-0.0]]),
    "sinc at 0": (lambda t, x: t.sinc(x), [[0.0]], [[0.0]]),
    "logit outside eps": (lambda t, x: t.logit(x, 0.1), [[0.05, 0.5]], [[0.0, 4.0]]),
    "nan_to_num": (lambda t, x: x.nan_to_num(), [[nan, inf, -inf, 1.0]], [[0.0, 0.0, 0.0, 1.0]]),
    "copysign at 0": (
        lambda t, x: t.copysign(x, t.tensor([-1.0, -1.0])),
        [[0.0, 2.0]],
        [[0.0, -1.0]],
    ),
    # powers
    "x ** 0 at 0": (lambda t, x: x**0, [[0.0]], [[0.0]]),
    "x ** 0.5 at 0": (lambda t, x: x**0.5, [[0.0]], [[inf]]),
    "x ** 1 at 0": (lambda t, x: x**1, [[0.0]], [[1.0]]),
    "x ** 2 at 0": (lambda t, x: x**2, [[0.0]], [[0.0]]),
    "0 ** e": (lambda t, e: 0.0**e, [[0.0, 1.0, -1.0]], [[0.0, 0.0, -inf]]),
    "(-1) ** e": (lambda t, e: (-1.0) ** e, [[2.0]], [[nan]]),
    "0 ** 0, both": (lambda t, x, e: x**e, [[0.0], [0.0]], [[0.0], [0.0]]),
    "xlogy(0, 0)": (lambda t, x, y: t.xlogy(x, y), [[0.0], [0.0]], [[0.0], [nan]]),
    # norms
    "norm at 0": (lambda t, x: x.norm(), [[0.0, 0.0]], [[0.0, 0.0]]),
    "norm 3 at 0": (lambda t, x: x.norm(3), [[0.0, 0.0]], [[0.0, 0.0]]),
    "norm 1 at 0": (lambda t, x: x.norm(1), [[0.0, -2.0]], [[0.0, -1.0]]),
    "norm 0.5 at 0": (lambda t, x: x.norm(0.5), [[0.0, 0.0]], [[0.0, 0.0]]),
    "vector_norm at 0": (lambda t, x: t.linalg.vector_norm(x), [[0.0, 0.0]], [[0.0, 0.0]]),
    "std of a constant": (lambda t, x: x.std(), [[2.0, 2.0]], [[0.0, 0.0]]),
    "var of a constant": (lambda t, x: x.var(), [[2.0, 2.0]], [[0.0, 0.0]]),
    "cdist at equal points": (
        lambda t, x: t.cdist(x, x.detach()),
        [[[1.0, 2.0]]],
        [[[0.0, 0.0]]],
    ),
    # products
    "prod with one zero": (lambda t, x: x.prod(), [[0.0, 2.0, 3.0]], [[6.0, 0.0, 0.0]]),
    "prod with two zeros": (lambda t, x: x.prod(), [[0.0, 2.0, 0.0]], [[0.0, 0.0, 0.0]]),
    "prod along a dimension": (
        lambda t, x: x.prod(1),
        [[[0.0, 2.0, 3.0], [0.0, 2.0, 0.0], [1.0, 2.0, 3.0]]],
        [[[6.0, 0.0, 0.0], [0.0, 0.0, 0.0], [6.0, 3.0, 2.0]]],
    ),
    "cumprod with a zero": (lambda t, x: x.cumprod(0), [[2.0, 0.0, 3.0]], [[1.0, 8.0, 0.0]]),
    # remainders
    "remainder": (
        lambda t, x, y: t.remainder(x, y),
        [[7.0, -7.0], [2.0, 2.0]],
        [[1.0, 1.0], [-3.0, 4.0]],
    ),
    "fmod": (
        lambda t, x, y: t.fmod(x, y),
        [[7.0, -7.0], [2.0, 2.0]],
        [[1.0, 1.0], [-3.0, 3.0]],
    ),
    # a hidden branch still multiplies by zero
    "where over log": (
        lambda t, x: t.where(x > 0, x.log(), t.zeros_like(x)),
        [[0.0, 2.0]],
        [[nan, 0.5]],
    ),
    "masked_fill over log": (
        lambda t, x: x.log().masked_fill(x <= 0, 0.0),
        [[0.0, 2.0]],
        [[nan, 0.5]],
    ),
    # the value is NaN, so is the gradient
    "softmax of -inf": (lambda t, x: t.softmax(x, 0), [[-inf, -inf]], [[nan, nan]]),
    "log_softmax of -inf": (lambda t, x: t.log_softmax(x, 0), [[-inf, -inf]], [[nan, nan]]),
    "nanmean of nan": (lambda t, x: x.nanmean(), [[nan, nan]], [[nan, nan]]),
    "nansum of nan": (lambda t, x: x.nansum(), [[nan, nan]], [[0.0, 0.0]]),
}

# No probability anywhere: a finite change of -inf changes nothing. PyTorch has NaN in every place
# where an argument is -inf and the value, too.
UNLIKE: dict[str, Row] = {
    "logsumexp of -inf": (lambda t, x: x.logsumexp(0), [[-inf, -inf]], [[0.0, 0.0]]),
    "logsumexp of rows": (
        lambda t, x: x.logsumexp(1),
        [[[-inf, -inf], [-inf, 2.0]]],
        [[[0.0, 0.0], [0.0, 1.0]]],
    ),
    "logaddexp of -inf": (
        lambda t, x, y: t.logaddexp(x, y),
        [[-inf, -inf, 3.0], [-inf, 2.0, -inf]],
        [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0]],
    ),
    "logaddexp2 of -inf": (
        lambda t, x, y: t.logaddexp2(x, y),
        [[-inf, -inf, 3.0], [-inf, 2.0, -inf]],
        [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0]],
    ),
    "logcumsumexp after -inf": (
        lambda t, x: x.logcumsumexp(0),
        [[-inf, -inf, 0.0, -inf]],
        [[0.0, 0.0, 2.0, 0.0]],
    ),
}

REFUSED: dict[str, Callable[..., Any]] = {
    "floor_divide": lambda t, x: t.floor_divide(x, 2.0),
    "floor_divide operator": lambda t, x: x // 2.0,
    "heaviside": lambda t, x: t.heaviside(x, x),
}


def F(lib: Any) -> Any:
    return lib.nn.functional


def found(lib: Any, row: Row) -> list[np.ndarray]:
    function, arguments, _ = row
    leaves = [lib.tensor(a, dtype=lib.float64, requires_grad=True) for a in arguments]
    function(lib, *leaves).sum().backward()
    return [np.array(leaf.grad.numpy()) for leaf in leaves]
