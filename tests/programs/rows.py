"""Lines that call every row of the operator table, at values near those of its samples.

A sample is made of numbers that suit the operator; `near` adds a little of a variable to them, so
that the variable, its history, its tangents and its batch go through the operator. Rows are left
out whose results are settled up to a sign only, that draw random numbers or read unset memory.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from samples import DType, Leaf, Sample
from table import TORCH_OPS

SOURCE = """
def fit(x, shape):
    count, flat = int(np.prod(shape)), x.reshape(-1)
    if not count: return flat[:0].reshape(shape)
    if not flat.numel(): return T.zeros(shape, dtype=x.dtype)
    return flat.repeat(-(-count // flat.numel()))[:count].reshape(shape)

def near(x, values):
    shape = np.shape(values)
    dtype = x.dtype if np.isrealobj(np.asarray(values)) or x.is_complex() else T.complex128
    return T.tensor(values, dtype=dtype) + fit(x, shape) / 50

def mirrored(x): return (x + x.mH) / 2

def part(found):
    if isinstance(found, T.Tensor): return found
    return [each for each in found if isinstance(each, T.Tensor)][-1]
"""
# Derivatives of their tangents, or tangents, are not PyTorch's (docs/differences.md).
TANGENTS = (
    "det|slogdet|logdet|solve|solve_ex|tensorsolve|lstsq|triangular_solve|householder_product|"
    "orgqr|ormqr|batch_norm|instance_norm|layer_norm|group_norm|rms_norm|pow|scatter_reduce|"
    "logical_and|logical_or|logical_xor|igamma|igammac|logcumsumexp|binary_cross_entropy|"
    "binary_cross_entropy_with_logits|special"
)
MOST_ELEMENTS = 40
# Not set, or other gradients than PyTorch's (docs/differences.md).
LEFT_OUT = {"empty", "empty_like", "new_empty", "cholesky_solve", "cholesky_inverse"}
LEFT_OUT |= {"vander", "cond"}  # PyTorch writes into what it has saved


def lines() -> Iterator[str]:
    for op in TORCH_OPS:
        if op.random or op.checks.vectors or op.name in LEFT_OUT or op.name.startswith("_"):
            continue
        for number, sample in enumerate(op.samples):
            if sum(leaf.array.size for leaf in sample.leaves) > MOST_ELEMENTS:
                continue
            if (arguments := written(sample, number)) is None:
                continue
            called, *rest = arguments
            if op.row["function"]:
                yield f"{{new}} = part(T.{op.name}({', '.join(arguments)}))"
            elif op.space:
                yield f"{{new}} = part(T.{op.space}.{op.name}({', '.join(arguments)}))"
            elif op.row["method"] and not op.name.endswith("_"):
                yield f"{{new}} = part({called}.{op.name}({', '.join(rest)}))"
            if op.inplace and isinstance(sample.args[0], Leaf):
                yield f"{{new}} = ({called} * 1).{op.name}_({', '.join(rest)})"


def written(sample: Sample, number: int) -> list[str] | None:
    """The arguments as text; every second sample has one variable for all tensors."""
    holes = iter(["{f}", "{g}", "{h}"] if number % 2 else ["{f}"] * 9)

    def text(value: Any) -> str:
        if isinstance(value, Leaf):
            return tensor(value, next(holes, "{f}"))
        if isinstance(value, (list, tuple)):
            inside = "".join(f"{text(each)}, " for each in value)
            return f"[{inside}]" if isinstance(value, list) else f"({inside})"
        if isinstance(value, DType):
            return f"T.{value.name}"
        if isinstance(value, slice) or not isinstance(
            value, (int, float, complex, str, type(None))
        ):
            raise TypeError(value)
        return f"float('{value}')" if value in (math.inf, -math.inf) else repr(value)

    try:
        return [text(each) for each in sample.args] + [
            f"{name}={text(each)}" for name, each in sample.kwargs.items()
        ]
    except TypeError:
        return None


def tensor(leaf: Leaf, hole: str) -> str:
    if not leaf.floating:
        dtype = f"T.{leaf.array.dtype.name}"
        return f"T.tensor({leaf.array.tolist()}, dtype={dtype}).reshape({leaf.array.shape})"
    values = np.round(leaf.array, 3).tolist()
    if 0 in leaf.array.shape:
        return f"fit({hole}, {leaf.array.shape})"
    near = f"near({hole}, {values})"
    return f"mirrored({near})" if leaf.symmetric else near


NARROW = """
{new} = {x}.to(T.int8)
{new} = {x}.to(T.int16)
{new} = {f}.to(T.float16)
{new} = {f}.to(T.bfloat16)
{new} = {f}.half() * {c}
{new} = {f}.bfloat16().sum({d})
"""
LINES = {"rows": "\n".join(lines()), "narrow": NARROW}
