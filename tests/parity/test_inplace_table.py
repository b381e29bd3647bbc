"""Every in-place form of the operator table beside PyTorch, through views and where it is refused.

Values, versions, names of nodes, which tensors require a gradient, gradients of both orders; the
types and first sentences of refusals.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import pullback as pb
from samples import Leaf, Sample
from table import Case, Op, each, same, seeded, torch_cases, weights

torch = pytest.importorskip("torch")

# What PyTorch does not record (it keeps the history of what was overwritten) or differentiate.
NO_DERIVATIVE = {"logical_and", "logical_or", "logical_xor", "logical_not", "asinh", "acosh"}
NO_DERIVATIVE |= {"atanh", "arcsinh", "arccosh", "arctanh", "floor_divide", "heaviside", "scatter"}
NO_DERIVATIVE |= {"scatter_add"}  # of a src that is larger than the index
NO_DERIVATIVE |= {"igamma", "igammac"}  # by the shape, which is what they overwrite
# PyTorch gives the tensor a new shape; says which dimensions it expects instead of which shape.
OTHERWISE = {
    "addbmm(x(5), x(2,3,4), x(2,4,5), beta=0.5, alpha=2)",
    "addr(x(4), x(3), x(4), beta=0.5, alpha=2)",
    # The dtype is refused before the shape.
    "add(x(3), z(2,3), alpha=2)",
    "mul(x(3,1), z(4))",
    "multiply(x(3,1), z(4))",
    "div(x(3,1), z(4))",
    "divide(x(3,1), z(4))",
}


def stacked(lib: Any, x: Any) -> tuple[Any, Any]:
    base = lib.stack([x, x])
    return base[1], base


def deep(lib: Any, x: Any) -> tuple[Any, Any]:
    base = lib.stack([x, x])
    view = base[1:].transpose(0, -1).transpose(0, -1)[0]
    return view.view_as(view), base


def strided(lib: Any, x: Any) -> tuple[Any, Any]:
    base = lib.stack([x, x], -1)
    return base[..., 0], base


def itself(lib: Any, x: Any) -> tuple[Any, Any]:
    result = x * 1
    return result, result


TARGETS = {"itself": itself, "view": stacked, "view of views": deep, "strided view": strided}


def silent_view(lib: Any, x: Any) -> Any:
    base = lib.stack([x, x])
    with lib.no_grad():
        return base[0]


def inference_view(lib: Any, x: Any) -> Any:
    base = lib.stack([x, x])
    with lib.inference_mode():
        return base[0]


def inference(lib: Any, x: Any) -> Any:
    with lib.inference_mode():
        return x.clone()


REFUSED: dict[str, Callable[[Any, Any], Any]] = {
    "leaf": lambda lib, x: x,
    "view of a leaf": lambda lib, x: x.view(tuple(x.shape)),
    "one of many": lambda lib, x: lib.stack([x, x]).unbind()[1],
    "made under no_grad": silent_view,
    "made in inference mode": inference_view,
    "inference tensor": inference,
}


def wants(leaf: Leaf) -> Leaf:
    return replace(leaf, grad=leaf.floating)


def array(x: Any) -> np.ndarray:
    return np.array(x.numpy(force=True))


def arrays(gradients: Any, inputs: Any) -> list[np.ndarray]:
    return [
        np.zeros(tuple(i.shape)) if g is None else array(g)
        for g, i in zip(gradients, inputs, strict=True)
    ]


def sentence(error: Exception) -> str:
    return re.split(r"[.\n]", str(error))[0]


def call(lib: Any, op: Op, sample: Sample, x: Any, more: list[Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "The reduce argument of torch.scatter")
        form = seeded(lib, getattr(lib.Tensor, op.name + "_"))
        assert op.of_tensors(lib, sample, form)(x, *more) is x


def written(lib: Any, case: Case, target: Any) -> Any:
    op, sample = case.op, case.sample.with_leaves(wants, "grad")
    first, *more = sample.tensors(lib)
    x, base = target(lib, first)
    try:
        call(lib, op, sample, x, more)
    except (RuntimeError, TypeError, ValueError, IndexError) as error:
        return type(error).__name__, sentence(error)
    names = [t.grad_fn and t.grad_fn.name() for t in (x, base)]
    if op.name in NO_DERIVATIVE or op.name == "polygamma":  # PolygammaBackward1 in PyTorch
        names = []
    state = [x._version, base._version, x.requires_grad, base.requires_grad, names, x.stride()]
    numbers = [array(x), array(base)]
    inputs = [t for t in (first, *more) if t.requires_grad]
    if op.name in NO_DERIVATIVE or not base.requires_grad:
        return state, numbers
    seeds = weights(lib, base)
    found = lib.autograd.grad(base, inputs, seeds, create_graph=True, allow_unused=True)
    numbers += arrays(found, inputs)
    again = [g for g in found if g is not None and g.requires_grad]
    if again:
        seeds = [weights(lib, g, seed=5) for g in again]
        numbers += arrays(lib.autograd.grad(again, inputs, seeds, allow_unused=True), inputs)
    return state, numbers


def is_written_otherwise(case: Case) -> bool:
    first = next(iter(case.sample.args), None)
    fits = isinstance(first, Leaf) and first.floating
    return not fits or f"{case.op.name}({case.sample})" in OTHERWISE


WRITTEN = torch_cases("inplace", dtypes=("float64",), but=is_written_otherwise)


@pytest.mark.parametrize("target", TARGETS)
@each(WRITTEN)
def test_written_values_and_their_derivatives(case: Case, target: str) -> None:
    ours, theirs = (written(lib, case, TARGETS[target]) for lib in (pb, torch))
    assert ours[0] == theirs[0]
    if isinstance(theirs[0], str):
        assert ours == theirs
        return
    if case.op.random:
        return
    # What PyTorch does not differentiate a second time is zero here.
    for k, number in enumerate(theirs[1]):
        same(ours[1][k], number, 1e-7, 1e-7, what=str(k))


# PyTorch does not look at the target of these.
LOGICAL = {"logical_and", "logical_or", "logical_xor", "logical_not"}
FIRST = {case.op.id: case for case in reversed(WRITTEN) if case.op.name not in LOGICAL}


@each(list(FIRST.values()))
def test_refusals(case: Case) -> None:
    op, sample = case.op, case.sample.with_leaves(wants, "grad")
    for name, target in REFUSED.items():
        said = []
        for lib in (pb, torch):
            first, *more = sample.tensors(lib)
            x = target(lib, first)
            before = array(x)
            with pytest.raises(RuntimeError) as caught:
                call(lib, op, sample, x, more)
            said.append((type(caught.value).__name__, sentence(caught.value)))
            if lib is pb:  # PyTorch looks at inference tensors when it has written
                same(array(x), before, 0, 0, what=name)
        assert said[0] == said[1], name
