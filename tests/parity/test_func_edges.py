"""The edges of torch.func beside PyTorch: wrong arguments, rare structures, writes inside.

A program is a function of the library ``t``. Where both refuse, the type and the beginning of the
message are compared; the pairs and triples of transforms that nest are compared by value.
"""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb
import pullback.utils.checkpoint
from pullback._pytree import tree_flatten

torch = pytest.importorskip("torch")
pytest.importorskip("torch.utils.checkpoint")
pytestmark = pytest.mark.filterwarnings("ignore")
Program = Callable[[Any], Any]


def X(t: Any) -> Any:
    return t.tensor([0.3, 1.0, -2.0], dtype=t.float64)


def M(t: Any) -> Any:
    return t.tensor([[0.3, 1.0, -2.0], [1.0, 0.5, 0.25]], dtype=t.float64)


def f(x: Any) -> Any:
    return (x * x.sum()).tanh()


# --- transforms of transforms ---

TRANSFORMS: dict[str, Callable[[Any, Callable[..., Any]], Callable[..., Any]]] = {
    "grad": lambda t, h: t.func.grad(lambda x: h(x).sum()),
    "value": lambda t, h: (
        lambda x: sum(v.sum() for v in t.func.grad_and_value(lambda x: h(x).sum())(x)) + x
    ),
    "jacrev": lambda t, h: t.func.jacrev(h),
    "jacrev in chunks": lambda t, h: t.func.jacrev(h, chunk_size=2),
    "jacfwd": lambda t, h: t.func.jacfwd(h),
    "hessian": lambda t, h: t.func.hessian(lambda x: h(x).sum()),
    "jvp": lambda t, h: lambda x: t.func.jvp(h, (x,), (t.ones_like(x),))[1],
    "vjp": lambda t, h: lambda x: t.func.vjp(h, x)[1](t.ones_like(h(x)))[0],
    "vmap": lambda t, h: lambda x: t.func.vmap(h)(t.stack([x, x * 2], 0)),
    "vmap of the last": lambda t, h: (
        lambda x: t.func.vmap(h, in_dims=-1, out_dims=-1)(t.stack([x, x * 2], -1))
    ),
    "vmap in chunks": lambda t, h: lambda x: t.func.vmap(h, chunk_size=1)(t.stack([x, x * 2], 0)),
    "functional": lambda t, h: lambda x: t.autograd.functional.jacobian(h, x, create_graph=True),
}
TRIPLES = ("grad", "jacfwd", "vmap", "jvp", "vjp", "jacrev")


def both(program: Program, ours: Any = None) -> None:
    compare(outcome(pb, ours or program), outcome(torch, program))


@pytest.mark.parametrize("outer", TRANSFORMS)
def test_pairs(outer: str) -> None:
    for inner in TRANSFORMS:
        both(lambda t, i=inner: TRANSFORMS[outer](t, TRANSFORMS[i](t, f))(X(t)))


@pytest.mark.parametrize("outer", TRIPLES)
def test_triples(outer: str) -> None:
    for names in itertools.product(TRIPLES, repeat=2):
        both(lambda t, n=names: nested(t, (outer, *n))(X(t)))


def nested(t: Any, names: tuple[str, ...]) -> Callable[..., Any]:
    function: Callable[..., Any] = f
    for name in reversed(names):
        function = TRANSFORMS[name](t, function)
    return function


# --- wrong arguments ---


def two(x: Any, y: Any) -> Any:
    return (x * y).sum()


def linearized(t: Any, *tangents: Any) -> Any:
    return t.func.linearize(f, X(t))[1](*tangents)


def pulled(t: Any, cotangents: Any) -> Any:
    return t.func.vjp(lambda x: (x * 2, x), X(t))[1](cotangents)


def batched_seeds(t: Any, *seeds: Any, **keywords: Any) -> Any:
    x = X(t).requires_grad_()
    outputs = (x.exp() * x, x.sum())[: len(seeds)]
    return t.autograd.grad(outputs, x, seeds, is_grads_batched=True, **keywords)


def argnums(which: Any) -> Program:
    return lambda t: t.func.grad(two, argnums=which)(X(t), X(t) * 2)


MISUSE: dict[str, Program] = {
    **{f"argnums {w!r}": argnums(w) for w in ((1, -1), (1, 1), 2, (), [0], "a", (0.0,), (-1, 0))},
    "grad of integers": lambda t: t.func.grad(lambda x: x.sum())(t.tensor([1, 2])),
    "grad of nothing": lambda t: t.func.grad(lambda: t.tensor(1.0))(),
    "grad of a string": lambda t: t.func.grad(lambda x: x)("a"),
    "grad of a number in a dict": lambda t: t.func.grad(lambda d: d["a"].sum())(
        {"a": X(t), "b": 3.0}
    ),
    "grad of None in a dict": lambda t: t.func.grad(lambda d: d["a"].sum())({"a": X(t), "b": None}),
    "grad of a vector": lambda t: t.func.grad(f)(X(t)),
    "grad of a number": lambda t: t.func.grad(lambda x: 3.0)(X(t)),
    "grad of a tuple": lambda t: t.func.grad(lambda x: (x.sum(), x))(X(t)),
    "aux is no tensor": lambda t: t.func.grad(lambda x: (x.sum(), 3), has_aux=True)(X(t)),
    "aux is missing": lambda t: t.func.grad(lambda x: x.sum(), has_aux=True)(X(t)),
    "jvp: aux is no tensor": lambda t: t.func.jvp(lambda x: (x, 3), (X(t),), (X(t),), has_aux=True),
    "jacfwd: aux is no tensor": lambda t: t.func.jacfwd(lambda x: (x, 3), has_aux=True)(X(t)),
    "jacrev: aux is no tensor": lambda t: t.func.jacrev(lambda x: (x, 3), has_aux=True)(X(t)),
    "jvp of a tensor": lambda t: t.func.jvp(f, X(t), X(t)),
    "jvp of lists": lambda t: t.func.jvp(f, [X(t)], [X(t)]),
    "jvp: another structure": lambda t: t.func.jvp(f, (X(t),), (X(t), X(t))),
    "jvp: another shape": lambda t: t.func.jvp(f, (X(t),), (X(t)[:2],)),
    "jvp: another dtype": lambda t: t.func.jvp(f, (X(t),), (X(t).float(),)),
    "jvp of integers": lambda t: t.func.jvp(
        lambda x: x * 2.0, (t.tensor([1, 2]),), (t.tensor([1, 2]),)
    ),
    "jvp: None as tangent": lambda t: t.func.jvp(f, (X(t),), (None,)),
    "jvp of numbers": lambda t: t.func.jvp(lambda x: x * 2, (3.0,), (1.0,)),
    "jvp of a constant": lambda t: t.func.jvp(lambda x: t.ones(2), (X(t),), (X(t),)),
    "jvp of a constant, strictly": lambda t: t.func.jvp(
        lambda x: t.ones(2), (X(t),), (X(t),), strict=True
    ),
    "jacfwd of integers": lambda t: t.func.jacfwd(lambda x: x * 2.0)(t.tensor([1, 2])),
    "jacrev of integers": lambda t: t.func.jacrev(lambda x: x * 2.0)(t.tensor([1, 2])),
    "jacobian of integers": lambda t: t.autograd.functional.jacobian(
        lambda x: x * 2.0, t.tensor([1, 2]), vectorize=True, strategy="forward-mode"
    ),
    "linearize: another structure": lambda t: linearized(t, X(t), X(t)),
    "linearize: another shape": lambda t: linearized(t, t.ones(2)),
    "linearize: another dtype": lambda t: linearized(t, t.ones(3)),
    "vjp: a number": lambda t: pulled(t, (3.0, X(t))),
    "vjp: a list for a tuple": lambda t: pulled(t, [X(t), X(t)]),
    "vjp: another structure": lambda t: pulled(t, X(t)),
    "vjp: another shape": lambda t: pulled(t, (X(t)[:2], X(t))),
    "vjp: no number as result": lambda t: t.func.vjp(lambda x: 3, X(t)),
    "vjp of integers": lambda t: t.func.vjp(lambda x: x * 2.0, t.tensor([1, 2])),
    "batched seeds": lambda t: batched_seeds(t, t.eye(3, dtype=t.float64)),
    "batched seeds of two": lambda t: batched_seeds(
        t, t.eye(3, dtype=t.float64), t.ones(3, dtype=t.float64)
    ),
    "batched seeds of two sizes": lambda t: batched_seeds(
        t, t.eye(3, dtype=t.float64), t.ones(2, dtype=t.float64)
    ),
    "batched seeds of another shape": lambda t: batched_seeds(t, t.ones(2, 2)),
    "chunks of nothing": lambda t: t.func.jacrev(f, chunk_size=0),
    "vmap in chunks of nothing": lambda t: t.func.vmap(f, chunk_size=0),
    "vmap: a list of dims": lambda t: t.func.vmap(two, in_dims=[0, 0])(M(t), M(t)),
    "vmap: dims of a string": lambda t: t.func.vmap(two, in_dims="a")(M(t), M(t)),
    "vmap: too few dims": lambda t: t.func.vmap(two, in_dims=(0,))(M(t), M(t)),
    "vmap of nothing": lambda t: t.func.vmap(two, in_dims=(None, None))(M(t), M(t)),
    "vmap: sizes differ": lambda t: t.func.vmap(two)(M(t), t.ones(3)),
    "vmap: no such dim": lambda t: t.func.vmap(f, in_dims=2)(M(t)),
    "vmap of a number": lambda t: t.func.vmap(two)(M(t), 3),
    "vmap: no such dim of the result": lambda t: t.func.vmap(f, out_dims=2)(M(t)),
    "vmap gives a number": lambda t: t.func.vmap(lambda x: 3)(M(t)),
    "vmap gives a batch for None": lambda t: t.func.vmap(f, out_dims=None)(M(t)),
    "vmap: unknown randomness": lambda t: t.func.vmap(f, randomness="x")(M(t)),
    "vmap: tensor() of an example": lambda t: t.func.vmap(lambda x: t.tensor([x[0], x[1]]))(M(t)),
    "vmap: item()": lambda t: t.func.vmap(lambda x: x.sum().item())(M(t)),
    "vmap: numpy()": lambda t: t.func.vmap(lambda x: x.numpy())(M(t)),
    "vmap: if": lambda t: t.func.vmap(lambda x: x if x.sum() > 0 else -x)(M(t)),
    "vmap: backward": lambda t: t.func.vmap(lambda x: x.sum().backward())(M(t)),
    "grad: backward": lambda t: t.func.grad(lambda x: x.sum().backward())(X(t)),
    "stack of other modules": lambda t: t.func.stack_module_state([t.nn.Linear(2, 2), t.nn.Tanh()]),
    "stack of nothing": lambda t: t.func.stack_module_state([]),
    "retain_grad in grad": lambda t: t.func.grad(lambda x: [y := x.sum(), y.retain_grad(), y][2])(
        X(t)
    ),
    "retain_grad in jvp": lambda t: t.func.jvp(
        lambda x: [c := t.ones(3, requires_grad=True), c.retain_grad(), x][2], (X(t),), (X(t),)
    ),
    "retain_grad in vmap": lambda t: t.func.vmap(
        lambda x: [c := t.ones(3, requires_grad=True) * 2, c.retain_grad(), x][2]
    )(M(t)),
    "retain_grad without a gradient in vmap": lambda t: t.func.vmap(
        lambda x: [y := x * 2, y.retain_grad(), x][2]
    )(M(t).requires_grad_()),
    **{
        f"{name} to {result!r}": lambda t, transform=transform, result=result: transform(
            t, lambda x: result
        )
        for result in ((), [], {}, None, (None,), ([], {}))
        for name, transform in {
            "jvp": lambda t, f: t.func.jvp(f, (X(t),), (X(t),)),
            "vjp": lambda t, f: t.func.vjp(f, X(t))[0],
            "jacfwd": lambda t, f: t.func.jacfwd(f)(X(t)),
            "jacrev": lambda t, f: t.func.jacrev(f)(X(t)),
            "jvp with aux": lambda t, f: t.func.jvp(
                lambda x: (f(x), x), (X(t),), (X(t),), has_aux=True
            ),
        }.items()
    },
    "linearize to nothing": lambda t: t.func.linearize(lambda x: (), X(t))[0],
    "functional_call of a number": lambda t: t.func.functional_call(t.nn.Linear(2, 2), 3, X(t)),
}


@pytest.mark.parametrize("name", MISUSE)
def test_misuse(name: str) -> None:
    both(MISUSE[name])


# --- inside the function ---


def without_recording(t: Any, x: Any) -> Any:
    with t.no_grad():
        y = x**2
    return (x - y).sum()


def written(t: Any, x: Any) -> Any:
    y = x.clone()
    y[1:].mul_(x[:-1])
    y[0] = 3.0
    return (y**2).sum()


def hooked(t: Any, x: Any) -> Any:
    y = x * 2
    y.register_hook(lambda g: g * 10)
    return y.sum()


def differentiated(t: Any, x: Any) -> Any:
    return t.autograd.grad((x**3).sum(), x, create_graph=True)[0].sum()


def one_row_at_a_time(t: Any, x: Any) -> Any:
    """The backward asks for numbers, which vmap refuses."""

    class Largest(t.autograd.Function):
        @staticmethod
        def forward(x: Any) -> Any:
            return x * 2

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            pass

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 2 * g.max().item() + len(g.nonzero())

    return t.func.jacrev(Largest.apply, chunk_size=1)(x).sum()


def looked_at(t: Any, x: Any) -> Any:
    return x.sum() * x[0].item() if x[0] > 0 else -x.sum()


BODIES = (without_recording, written, hooked, differentiated, looked_at)


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.__name__)
def test_bodies(body: Callable[..., Any]) -> None:
    both(lambda t: t.func.grad(lambda x: body(t, x))(X(t)))
    if body is not differentiated:
        both(lambda t: t.func.jvp(lambda x: body(t, x), (X(t),), (X(t),)))
    if body is not looked_at:
        both(lambda t: t.func.vmap(t.func.grad(lambda x: body(t, x)))(M(t)))
        both(lambda t: t.func.jacrev(t.func.grad(lambda x: body(t, x)))(X(t)))


STRUCTURES: dict[str, Program] = {
    "an ordered dict": lambda t: t.func.grad(lambda n: (n["b"] * n["a"]).sum())(
        OrderedDict(b=X(t), a=X(t) * 3)
    ),
    "an empty dict": lambda t: t.func.grad(lambda n, x: x.sum(), argnums=(0, 1))({}, X(t)),
    "a list in a dict in a tuple": lambda t: t.func.grad(lambda n: (n[0]["q"][1] * n[1]).sum())(
        ({"q": [X(t), X(t)]}, X(t))
    ),
    "jacrev of a dict": lambda t: t.func.jacrev(lambda d: d["a"] * d["b"].sum())(
        {"a": X(t), "b": X(t)}
    ),
    "jacfwd to a dict": lambda t: t.func.jacfwd(
        lambda x, y: (x * y, {"q": x.sum()}), argnums=(0, 1)
    )(X(t), X(t) * 2),
    "jacrev to two dtypes": lambda t: t.func.jacrev(lambda x: (x, x.float()))(X(t)),
    "jacrev to an empty tensor": lambda t: t.func.jacrev(lambda x: x[:0])(X(t)),
    "jacfwd by an empty tensor": lambda t: t.func.jacfwd(lambda x: x * 2)(t.zeros(0)),
    "hessian of a dict": lambda t: t.func.hessian(lambda d: (d["a"] * d["b"] ** 2).sum())(
        {"a": X(t), "b": X(t)}
    ),
    "vmap: a prefix of dims": lambda t: t.func.vmap(
        lambda d, y: d["a"] + d["b"] + y, in_dims=(0, None)
    )({"a": M(t), "b": M(t)}, X(t)),
    "vmap to a dict": lambda t: t.func.vmap(
        lambda x: {"a": x, "b": [x.sum(), x]}, out_dims={"a": 1, "b": 0}
    )(M(t)),
    "vmap of no examples": lambda t: t.func.vmap(lambda x: x * 2)(t.zeros(0, 3)),
    "vmap passes None": lambda t: t.func.vmap(lambda x, y: x, in_dims=(0, None))(M(t), None),
    "vmap to None dims": lambda t: t.func.vmap(
        lambda x: (x, t.ones(2), 5), out_dims=(0, None, None)
    )(M(t)),
}


@pytest.mark.parametrize("shape", [(3,), (2, 2), (1,), ()])
def test_rows_without_a_vmap(shape: tuple[int, ...]) -> None:
    both(lambda t: one_row_at_a_time(t, t.ones(shape, dtype=t.float64)))


@pytest.mark.parametrize("name", STRUCTURES)
def test_structures(name: str) -> None:
    both(STRUCTURES[name])


# --- functions that are written in Python, writes at positions, checkpoints ---


def put(x: Any, where: Any, value: Any) -> Any:
    y = x.clone()
    y[where] = value
    return y


def augmented(t: Any, x: Any) -> Any:
    y = t.zeros_like(x)
    y += x
    y *= 2
    y **= 2
    return y


def kept(t: Any, function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x: t.utils.checkpoint.checkpoint(function, x, use_reentrant=False)


def vmapped(function: Callable[..., Any], **keywords: Any) -> Program:
    """Of a row and three positions."""
    at = [[0, 1, 2], [2, 0, 1]]
    return lambda t: t.func.vmap(lambda x, i: function(t, x, i), **keywords)(M(t), t.tensor(at))


BATCHES: dict[str, Program] = {
    "one_hot": vmapped(lambda t, x, i: t.nn.functional.one_hot(i, 3)),
    "one_hot of too few classes": vmapped(lambda t, x, i: t.nn.functional.one_hot(i, 2)),
    "one_hot without a number": vmapped(lambda t, x, i: t.nn.functional.one_hot(i)),
    "normalize": vmapped(lambda t, x, i: t.nn.functional.normalize(x, dim=0)),
    "relu_": vmapped(lambda t, x, i: t.nn.functional.relu_(x.clone())),
    "type_as": vmapped(lambda t, x, i: x.type_as(i) + x.to(i) + x.long()),
    "copy_ of a number": vmapped(lambda t, x, i: t.zeros_like(x).copy_(x[0])),
    "new_zeros": vmapped(lambda t, x, i: put(x.new_zeros(3), 0, x[1])),
    "augmented assignments": vmapped(lambda t, x, i: augmented(t, x)),
    "x[i]": vmapped(lambda t, x, i: x[i]),
    "x[i, i]": vmapped(lambda t, x, i: x.outer(x)[i, i]),
    "x[1:, i]": vmapped(lambda t, x, i: x.outer(x)[1:, i]),
    "x[None, ..., i]": vmapped(lambda t, x, i: x.outer(x)[None, ..., i]),
    "x[i] = number": vmapped(lambda t, x, i: put(x, i, 5.0)),
    "x[i] = x": vmapped(lambda t, x, i: put(x, i, x * 10)),
    "x[i, i] = x": vmapped(lambda t, x, i: put(x.outer(x), (i, i), x)),
    "x[:2] = x[1:]": vmapped(lambda t, x, i: put(x, slice(0, 2), x[1:])),
    "x[...] = number": vmapped(lambda t, x, i: put(x, ..., 7.0)),
    "x[mask] = number": vmapped(lambda t, x, i: put(x, t.tensor([True, False, True]), 7.0)),
    "x[own mask] = number": vmapped(lambda t, x, i: put(x, x > 0, 7.0)),
    "index_put_": vmapped(lambda t, x, i: x.clone().index_put_((i,), x, accumulate=True)),
    "scatter_": vmapped(lambda t, x, i: x.clone().scatter_(0, i, x)),
    "the last dimension": vmapped(lambda t, x, i: x[i].cumsum(0), in_dims=-1, out_dims=-1),
    "a checkpoint": vmapped(lambda t, x, i: kept(t, lambda y: y.sin() * y)(x)),
    "a checkpoint inside grad": lambda t: t.func.grad(lambda x: kept(t, f)(x).sum())(X(t)),
    "a checkpoint inside jvp": lambda t: t.func.jvp(kept(t, f), (X(t),), (X(t),)),
    "a checkpoint inside jacfwd": lambda t: t.func.jacfwd(kept(t, f))(X(t)),
}


@pytest.mark.parametrize("name", BATCHES)
def test_batches(name: str) -> None:
    both(BATCHES[name])


def test_a_checkpoint_of_an_example_that_requires_a_gradient_is_refused() -> None:
    x = M(pb).requires_grad_()
    with pytest.raises(RuntimeError, match="Put vmap inside of the checkpoint"):
        pb.vmap(kept(pb, f))(x)
    (found,) = pb.autograd.grad(kept(pb, pb.vmap(f))(x).sum(), x)
    assert pb.allclose(found, pb.vmap(pb.func.grad(lambda x: f(x).sum()))(x.detach()))


# --- what only PyTorch gets wrong ---


def test_jacfwd_by_the_last_argument() -> None:
    found = pb.func.jacfwd(lambda x, y: x * y * y, argnums=-1)(X(pb), X(pb) * 2)
    assert pb.allclose(found, pb.diag(4 * X(pb) ** 2))


# --- comparing ---


def outcome(t: Any, program: Program) -> Any:
    t.manual_seed(0)
    try:
        leaves, spec = tree_flatten(program(t))
    except Exception as error:  # noqa: BLE001 - whatever it is, the other must raise it too
        words = str(error).split("\n")[0].replace("pullback", "torch")
        return type(error).__name__, words[:60].rstrip(".: ")
    return "returns", str(spec), [plain(t, leaf) for leaf in leaves]


def plain(t: Any, leaf: Any) -> Any:
    if isinstance(leaf, t.Tensor):
        return str(leaf.dtype).split(".")[-1], np.array(leaf.detach().numpy())
    return "function" if callable(leaf) else leaf


def compare(a: Any, b: Any) -> None:
    if isinstance(a, np.ndarray):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)
    elif isinstance(a, (list, tuple)):
        assert len(a) == len(b), f"{a} and {b}"
        for one, other in zip(a, b, strict=True):
            compare(one, other)
    else:
        assert a == b
