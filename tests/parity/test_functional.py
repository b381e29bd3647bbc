"""autograd.functional and autograd.forward_ad against torch: values, structure, refusals.

Each program is a function of the library ``t``; the arrays come from ``inputs``.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback._pytree import tree_flatten

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore")

Program = Callable[..., Any]


def inputs(t: Any) -> tuple[Any, Any, Any]:
    x = t.tensor([1.0, 2.0], dtype=t.float64)
    return x, t.tensor([0.5, -1.0], dtype=t.float64, requires_grad=True), t.ones_like(x)


# --- functional ---

# What is called, with x (plain), y (wants a gradient) and o (ones) in scope of the factory.
FUNCTIONS: dict[str, Callable[[Any, Any, Any, Any], Program]] = {
    "square": lambda t, x, y, o: lambda a: a * a,
    "cube": lambda t, x, y, o: lambda a: (a**3).sum(),
    "scalar": lambda t, x, y, o: lambda a: a.sum() * a.sum(),
    "linear": lambda t, x, y, o: lambda a: a.sum() * 1,
    "independent": lambda t, x, y, o: lambda a: o.sum(),
    "independent vector": lambda t, x, y, o: lambda a: o.clone(),
    "of another": lambda t, x, y, o: lambda a: (y * 1).sum(),
    "two results": lambda t, x, y, o: lambda a: (a * a, (a**3).sum()),
    "a number": lambda t, x, y, o: lambda a: 2,
    "a tensor and a number": lambda t, x, y, o: lambda a: (a.sum(), 2),
    "with another": lambda t, x, y, o: lambda a: (a * a * y).sum(),
    "empty": lambda t, x, y, o: lambda a: a[:0] * a[:0],
}
OF_TWO: dict[str, Callable[[Any, Any, Any, Any], Program]] = {
    "product": lambda t, x, y, o: lambda a, b: (a * a * b).sum(),
    "vector": lambda t, x, y, o: lambda a, b: a * b.sum(),
    "first only": lambda t, x, y, o: lambda a, b: (a**3).sum(),
    "two results": lambda t, x, y, o: lambda a, b: (a * b, (a**3).sum()),
}
PRODUCTS = ["vjp", "jvp", "vhp", "hvp"]
VECTORS: dict[str, Callable[[Any, Any], Any]] = {
    "none": lambda t, o: None,
    "ones": lambda t, o: o,
    "one": lambda t, o: t.ones((), dtype=t.float64),
    "tuple": lambda t, o: (o, t.ones((), dtype=t.float64)),
    "both": lambda t, o: (o, o * 2),
    "shape": lambda t, o: t.ones(3),
    "number": lambda t, o: 1,
}
OPTIONS: list[dict[str, Any]] = [
    {},
    {"create_graph": True},
    {"strict": True},
    {"strict": True, "create_graph": True},
]
MATRIX_OPTIONS: list[dict[str, Any]] = [
    *OPTIONS,
    {"vectorize": True},
    {"vectorize": True, "create_graph": True},
    {"vectorize": True, "strict": True},
    {"strategy": "forward-mode"},
    {"strategy": "forward-mode", "vectorize": True},
    {"strategy": "forward-mode", "vectorize": True, "create_graph": True},
    {"strategy": "forward-mode", "vectorize": True, "strict": True},
    {"strategy": "sideways"},
    {"strategy": "sideways", "vectorize": True},
]


def outcome(run: Callable[[], Any]) -> Any:
    try:
        return run()
    except Exception as error:  # noqa: BLE001 - whatever torch raises is compared
        return error


def first_sentence(error: Exception) -> str:
    return " ".join(str(error).split()).split(". ")[0].rstrip(".")


def agree(ours: Any, theirs: Any, grads: bool = True) -> None:
    if isinstance(theirs, Exception):
        assert isinstance(ours, type(theirs)), f"{ours!r} instead of {theirs!r}"
        assert first_sentence(ours) == first_sentence(theirs)
        return
    if isinstance(ours, Exception):
        raise ours
    expected, structure = tree_flatten(theirs)
    found, own = tree_flatten(ours)
    assert str(own) == str(structure)
    for a, b in zip(found, expected, strict=True):
        if b is None:
            assert a is None
            continue
        assert tuple(a.shape) == tuple(b.shape)
        assert str(a.dtype) == str(b.dtype)
        # What torch makes zeros of may want a gradient by accident.
        if grads and b.abs().sum() != 0:
            assert a.requires_grad == b.requires_grad
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-12, atol=1e-12)


def call(t: Any, api: str, factory: Any, of: str, vector: str | None, options: Any) -> Any:
    x, y, o = inputs(t)
    at = {"x": x, "y": y, "xy": (x, y), "(x,)": (x,), "s": x[0].clone(), "list": [x]}[of]
    arguments = [factory(t, x, y, o), at]
    if vector is not None:
        arguments.append(VECTORS[vector](t, o))
    return outcome(lambda: getattr(t.autograd.functional, api)(*arguments, **options))


@pytest.mark.parametrize("api", PRODUCTS)
@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("of", ["x", "y", "s", "(x,)", "list"])
def test_products(api: str, options: dict[str, Any], of: str) -> None:
    for factory, vector in product(FUNCTIONS.values(), VECTORS):
        arguments = (api, factory, of, vector, options)
        agree(call(pb, *arguments), call(torch, *arguments))


@pytest.mark.parametrize("api", PRODUCTS)
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_products_of_two_inputs(api: str, options: dict[str, Any]) -> None:
    for factory, vector in product(OF_TWO.values(), VECTORS):
        arguments = (api, factory, "xy", vector, options)
        agree(call(pb, *arguments), call(torch, *arguments))


@pytest.mark.parametrize("api", PRODUCTS)
def test_products_under_no_grad(api: str) -> None:
    for options, of in product(OPTIONS, ("x", "y")):
        arguments = (api, FUNCTIONS["cube" if api != "jvp" else "square"], of, "ones", options)
        with pb.no_grad(), torch.no_grad():
            agree(call(pb, *arguments), call(torch, *arguments))


def renamed(api: str, options: dict[str, Any]) -> dict[str, Any]:
    if api == "hessian" and "strategy" in options:
        rest = {k: v for k, v in options.items() if k != "strategy"}
        return {**rest, "outer_jacobian_strategy": options["strategy"]}
    return options


@pytest.mark.parametrize("api", ["jacobian", "hessian"])
@pytest.mark.parametrize("options", MATRIX_OPTIONS, ids=str)
@pytest.mark.parametrize("of", ["x", "y", "s", "(x,)", "list"])
def test_matrices(api: str, options: dict[str, Any], of: str) -> None:
    # torch leaves histories on what it computes by forward mode, also without create_graph, and
    # fails over the empty output and names no function in one message: accidents of its way.
    grads = "strategy" not in options
    for name, factory in FUNCTIONS.items():
        if name == "empty" or (name.startswith("a ") and "strategy" in options):
            continue
        arguments = (api, factory, of, None, renamed(api, options))
        agree(call(pb, *arguments), call(torch, *arguments), grads)


@pytest.mark.parametrize("api", ["jacobian", "hessian"])
@pytest.mark.parametrize("options", MATRIX_OPTIONS, ids=str)
def test_matrices_of_two_inputs(api: str, options: dict[str, Any]) -> None:
    grads = "strategy" not in options
    for factory in OF_TWO.values():
        arguments = (api, factory, "xy", None, renamed(api, options))
        agree(call(pb, *arguments), call(torch, *arguments), grads)


@pytest.mark.parametrize("api", ["vjp", "jvp", "vhp", "hvp", "jacobian", "hessian"])
def test_create_graph_is_differentiable(api: str) -> None:
    def run(t: Any) -> Any:
        _, y, o = inputs(t)
        arguments = (o,) if api not in ("jacobian", "hessian") else ()
        found = getattr(t.autograd.functional, api)(
            lambda a: (a**3).sum() if api not in ("vjp", "jvp", "jacobian") else a**3,
            y,
            *arguments,
            create_graph=True,
        )
        result = found[1] if isinstance(found, tuple) else found
        return t.autograd.grad(result.sum(), y)

    agree(run(pb), run(torch))


# --- grad over batches of vectors ---

BATCHED: dict[str, Program] = {
    "eye": lambda t, y: t.autograd.grad(y * y, y, t.eye(2).double(), is_grads_batched=True),
    "three": lambda t, y: t.autograd.grad(y.exp(), y, t.ones(3, 2).double(), is_grads_batched=True),
    "two outputs": lambda t, y: t.autograd.grad(
        (y * y, y.sum()), y, (t.eye(2).double(), t.ones(2).double()), is_grads_batched=True
    ),
    "create_graph": lambda t, y: t.autograd.grad(
        t.autograd.grad(y**3, y, t.eye(2).double(), is_grads_batched=True, create_graph=True)[
            0
        ].sum(),
        y,
    ),
    "unused": lambda t, y: t.autograd.grad(
        y.sum(),
        (y, t.ones(2, requires_grad=True)),
        t.ones(2).double(),
        is_grads_batched=True,
        allow_unused=True,
    ),
    "shape": lambda t, y: t.autograd.grad(y * y, y, t.ones(2).double(), is_grads_batched=True),
}


@pytest.mark.parametrize("program", BATCHED.values(), ids=BATCHED.keys())
def test_is_grads_batched(program: Program) -> None:
    agree(
        outcome(lambda: program(pb, inputs(pb)[1])),
        outcome(lambda: program(torch, inputs(torch)[1])),
    )


# --- forward_ad ---


def fw(t: Any) -> Any:
    import importlib

    return importlib.import_module(f"{t.__name__}.autograd.forward_ad")


def under_no_grad(t: Any, call: Callable[[], Any]) -> Any:
    with t.no_grad():
        return call()


def disabled(f: Any, call: Callable[[], Any]) -> Any:
    with f._set_fwd_grad_enabled(False):
        return call()


# Run inside a level: f is forward_ad, d the dual tensor of y along ones.
DUAL: dict[str, Program] = {
    "itself": lambda t, f, x, y, o, d: f.unpack_dual(d),
    "plain": lambda t, f, x, y, o, d: f.unpack_dual(x),
    "exp": lambda t, f, x, y, o, d: f.unpack_dual(d.exp()),
    "mixed": lambda t, f, x, y, o, d: f.unpack_dual((d * x).sum() + x[0]),
    "detached": lambda t, f, x, y, o, d: f.unpack_dual(d.detach()),
    "of integers": lambda t, f, x, y, o, d: f.unpack_dual(d.long()).tangent,
    "under no_grad": lambda t, f, x, y, o, d: under_no_grad(t, lambda: f.unpack_dual(d.exp())),
    "disabled": lambda t, f, x, y, o, d: disabled(f, lambda: f.unpack_dual(d.exp())),
    "forward over reverse": lambda t, f, x, y, o, d: f.unpack_dual(
        t.autograd.grad((d.exp() * d.sin()).sum(), y)[0]
    ),
    "forward over reverse of saved results": lambda t, f, x, y, o, d: f.unpack_dual(
        t.autograd.grad((d.exp().tanh().sigmoid()).sum(), y)[0]
    ),
    "reverse over forward": lambda t, f, x, y, o, d: t.autograd.grad(
        f.unpack_dual(d.exp() * d.sin()).tangent.sum(), y
    ),
    "reverse over forward of saved results": lambda t, f, x, y, o, d: t.autograd.grad(
        f.unpack_dual(d.exp().tanh().sigmoid()).tangent.sum(), y
    ),
    "by the tangent": lambda t, f, x, y, o, d: t.autograd.grad(
        f.unpack_dual(f.make_dual(x, y).exp()).tangent.sum(), y
    ),
    "views": lambda t, f, x, y, o, d: f.unpack_dual(d[1:].unsqueeze(0).expand(3, 1)),
    "joined": lambda t, f, x, y, o, d: f.unpack_dual(t.stack([d, x])),
    "made twice": lambda t, f, x, y, o, d: f.make_dual(d, o),
    "tangent is dual": lambda t, f, x, y, o, d: f.make_dual(x, d),
    "tangent's shape": lambda t, f, x, y, o, d: f.make_dual(x, t.ones(3)),
    "integer primal": lambda t, f, x, y, o, d: f.make_dual(t.ones(2).long(), o),
    "integer tangent": lambda t, f, x, y, o, d: f.make_dual(x, t.ones(2).long()),
    "another level": lambda t, f, x, y, o, d: f.make_dual(x, o, level=1),
    "nested": lambda t, f, x, y, o, d: f.enter_dual_level(),
    "a number": lambda t, f, x, y, o, d: f.unpack_dual(1),
    "a vmap inside": lambda t, f, x, y, o, d: f.unpack_dual(
        t.vmap(lambda a: (a * d).sum())(t.eye(2).double())
    ),
}


@pytest.mark.parametrize("program", DUAL.values(), ids=DUAL.keys())
def test_dual_tensors(program: Program) -> None:
    def run(t: Any) -> Any:
        x, y, o = inputs(t)
        with fw(t).dual_level():
            result = outcome(lambda: program(t, fw(t), x, y, o, fw(t).make_dual(y, o)))
            # Not a dual tensor outside, whose tangent is gone.
            return result if isinstance(result, Exception) else tuple(tree_flatten(result)[0])

    # A tangent that is zero takes part in torch's products, so more of them want gradients.
    agree(run(pb), run(torch), grads=program not in (DUAL["mixed"], DUAL["a vmap inside"]))


@pytest.mark.parametrize(
    "program",
    [
        lambda t, x, o: fw(t).make_dual(x, o),
        lambda t, x, o: tuple(fw(t).unpack_dual(x)),
        lambda t, x, o: fw(t).exit_dual_level(),
        lambda t, x, o: fw(t).exit_dual_level(level=3),
    ],
)
def test_outside_of_a_level(program: Program) -> None:
    def run(t: Any) -> Any:
        x, _, o = inputs(t)
        return outcome(lambda: program(t, x, o))

    agree(run(pb), run(torch))


def test_a_tangent_dies_with_its_level() -> None:
    def run(t: Any) -> Any:
        x, _, o = inputs(t)
        f = fw(t)
        with f.dual_level():
            dual = f.make_dual(x, o)
            result = dual.exp()
        with f.dual_level():
            return f.unpack_dual(dual).tangent, f.unpack_dual(result * 2).tangent

    agree(run(pb), run(torch))
