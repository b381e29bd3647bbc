"""pullback.func against torch.func: the same program in both, values, structure and refusals.

Every program is a function of the library ``t`` and of tensors made from the arrays below. The
nested ones hold every order of two and three transforms, and the cases where a careless
implementation takes the derivative of one level for that of another.
"""

from __future__ import annotations

import inspect
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import pullback as pb
from pullback._pytree import tree_flatten

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore")

RANDOM = np.random.RandomState(0)
ARRAYS = {
    "x": np.linspace(0.3, 1.7, 4),
    "A": RANDOM.randn(4, 4),
    "X": RANDOM.rand(5, 4) + 0.1,
    "s": np.array(0.7),
    "T": RANDOM.rand(2, 3, 4) + 0.1,
}
Program = Callable[..., Any]


def f(x: Any) -> Any:
    return (x.sin() * x.exp()).sum() + (x[1:] * x[:-1] ** 2).sum()


def g(x: Any, A: Any) -> Any:
    return (A @ x).tanh() * x


def one(t: Any) -> Any:
    return t.ones((), dtype=t.float64)


class Pair(NamedTuple):
    a: Any
    b: Any


FIRST: dict[str, Program] = {
    "grad": lambda t, x: t.func.grad(f)(x),
    "grad and value": lambda t, x: t.func.grad_and_value(f)(x),
    "grad of two": lambda t, x, A: t.func.grad(lambda x, A: g(x, A).sum(), (0, 1))(x, A),
    "grad of the last": lambda t, x, A: t.func.grad(lambda A, x: g(x, A).sum(), -1)(A, x),
    "grad of a dict": lambda t, x, A: t.func.grad(lambda d: g(d["x"], d["A"]).sum())(
        {"x": x, "A": A}
    ),
    "grad of a list in a tuple": lambda t, x, A: t.func.grad(lambda p: g(p[0][0], p[1]).sum())(
        ([x], A)
    ),
    "grad with aux": lambda t, x: t.func.grad(lambda x: (f(x), {"a": x * 2}), has_aux=True)(x),
    "value with aux": lambda t, x: t.func.grad_and_value(lambda x: (f(x), x), has_aux=True)(x),
    "grad with a keyword": lambda t, x, A: t.func.grad(lambda x, *, A: g(x, A).sum())(x, A=A),
    "grad of a constant": lambda t, x: t.func.grad(lambda x: one(t))(x),
    "grad of detach": lambda t, x: t.func.grad(lambda x: (x.detach() * x).sum())(x),
    "vjp": lambda t, x, A: t.func.vjp(g, x, A)[1](x),
    "vjp of a dict": lambda t, x: t.func.vjp(lambda x: {"a": x.sin(), "b": x.sum()}, x)[1](
        {"a": x, "b": one(t)}
    ),
    "vjp value": lambda t, x, A: t.func.vjp(g, x, A)[0],
    "vjp aux": lambda t, x: t.func.vjp(lambda x: (x.sin(), x.cos()), x, has_aux=True)[2],
    "jvp": lambda t, x, A: t.func.jvp(g, (x, A), (x, A * 2)),
    "jvp of a tree": lambda t, x: t.func.jvp(
        lambda d: [d["a"].sin(), (d["b"],)], ({"a": x, "b": x},), ({"a": x, "b": x * 2},)
    ),
    "jvp aux": lambda t, x: t.func.jvp(lambda x: (x.sin(), x.cos()), (x,), (x,), has_aux=True),
    "jvp of a constant": lambda t, x: t.func.jvp(lambda x: t.ones(3), (x,), (x,)),
    "linearize": lambda t, x, A: t.func.linearize(lambda x: g(x, A), x)[1](x * 3),
    "linearize of two": lambda t, x, A: t.func.linearize(g, x, A)[1](x * 3, A),
    "linearize to a dict": lambda t, x: t.func.linearize(lambda x: {"a": x.sin()}, x)[1](x),
    "jacrev": lambda t, x, A: t.func.jacrev(g)(x, A),
    "jacrev of two": lambda t, x, A: t.func.jacrev(g, (0, 1))(x, A),
    "jacrev of one in a tuple": lambda t, x, A: t.func.jacrev(g, (1,))(x, A),
    "jacrev in chunks": lambda t, x, A: t.func.jacrev(g, chunk_size=3)(x, A),
    "jacrev in rows": lambda t, x, A: t.func.jacrev(g, chunk_size=1)(x, A),
    "jacrev to a tree": lambda t, x: t.func.jacrev(lambda x: {"a": x * 2, "b": (x.sum(),)})(x),
    "jacrev of a tree": lambda t, x: t.func.jacrev(lambda d: d["a"] * d["b"].sum())(
        {"a": x, "b": x}
    ),
    "jacrev aux": lambda t, x: t.func.jacrev(lambda x: (x.sin(), x.cos()), has_aux=True)(x),
    "jacfwd": lambda t, x, A: t.func.jacfwd(g)(x, A),
    "jacfwd of two": lambda t, x, A: t.func.jacfwd(g, (0, 1))(x, A),
    "jacfwd to a tree": lambda t, x: t.func.jacfwd(lambda x: {"a": x * 2, "b": (x.sum(),)})(x),
    "jacfwd aux": lambda t, x: t.func.jacfwd(lambda x: (x.sin(), x.cos()), has_aux=True)(x),
    "jacfwd of a constant": lambda t, x: t.func.jacfwd(lambda x: t.ones(2))(x),
    "jacobians of matrices": lambda t, T: t.func.jacrev(lambda T: T.transpose(0, 2).exp())(T),
    "forward jacobians of matrices": lambda t, T: t.func.jacfwd(lambda T: T.sum(1).log())(T),
}

NESTED: dict[str, Program] = {
    "grad grad": lambda t, x: t.func.grad(lambda x: t.func.grad(f)(x).pow(2).sum())(x),
    "grad grad grad": lambda t, s: t.func.grad(
        t.func.grad(t.func.grad(lambda s: s.sin() * s.exp()))
    )(s),
    "hessian": lambda t, x: t.func.hessian(f)(x),
    "hessian of two": lambda t, x, A: t.func.hessian(lambda x, A: g(x, A).sum(), (0, 1))(x, A),
    "forward forward": lambda t, x: t.func.jacfwd(t.func.jacfwd(f))(x),
    "reverse reverse": lambda t, x: t.func.jacrev(t.func.jacrev(f))(x),
    "reverse forward": lambda t, x: t.func.jacrev(t.func.jacfwd(f))(x),
    "three jacobians": lambda t, x: t.func.jacfwd(t.func.jacrev(t.func.jacfwd(f)))(x),
    "three forward": lambda t, x: t.func.jacfwd(t.func.jacfwd(t.func.jacfwd(f)))(x),
    "confusion in reverse": lambda t, s: t.func.grad(
        lambda a: a * t.func.grad(lambda b: a + b)(one(t))
    )(s),
    "confusion in forward": lambda t, s: t.func.jvp(
        lambda a: a * t.func.jvp(lambda b: a + b, (one(t),), (one(t),))[1], (s,), (one(t),)
    ),
    "forward in reverse": lambda t, s: t.func.grad(
        lambda a: a * t.func.jvp(lambda b: a * b * b, (a,), (one(t),))[1]
    )(s),
    "reverse in forward": lambda t, s: t.func.jvp(
        lambda a: a * t.func.grad(lambda b: a * b * b)(a), (s,), (one(t),)
    ),
    "jvp in grad in jvp": lambda t, s: t.func.jvp(
        lambda a: t.func.grad(
            lambda b: t.func.jvp(lambda c: (c * a * b).sin() * c, (b * a,), (b,))[1]
        )(a),
        (s,),
        (s * 2,),
    ),
    "grad in vmap in jvp": lambda t, x, A: t.func.jvp(
        lambda y: t.vmap(lambda r: t.func.grad(lambda z: ((z * y).sin() * r).sum())(y * r))(A),
        (x,),
        (x * 2,),
    ),
    "jvp in vmap in grad": lambda t, x, A: t.func.grad(
        lambda y: t.vmap(
            lambda r: t.func.jvp(lambda z: ((z * y).sin() * r).sum(), (y * r,), (r,))[1]
        )(A).sum()
    )(x),
    "three jvps": lambda t, x: t.func.jvp(
        lambda a: t.func.jvp(
            lambda b: t.func.jvp(lambda c: (c * c).exp(), (b,), (b,))[1], (a,), (a,)
        )[1],
        (x,),
        (x,),
    ),
    "jvp of grad, saved results": lambda t, x: t.func.jvp(
        t.func.grad(lambda a: (a.exp().sigmoid() * a.tanh().sqrt()).sum()), (x,), (x,)
    ),
    "grad of jvp, saved results": lambda t, x: t.func.grad(
        lambda x: t.func.jvp(lambda a: (a.exp().sigmoid() * a.tanh().sqrt()).sum(), (x,), (x,))[1]
    )(x),
    "vmap vmap": lambda t, X: t.vmap(lambda a: t.vmap(lambda b: (a * b).sum())(X))(X),
    "vmap vmap dims": lambda t, x, X: t.vmap(
        t.vmap(lambda a, b: a * b, in_dims=(None, 0)), in_dims=(0, None), out_dims=1
    )(x, X[0]),
    "per-sample gradients": lambda t, X, A: t.vmap(
        t.func.grad(lambda A, x: g(x, A).sum()), in_dims=(None, 0)
    )(A, X),
    "per-sample gradients of batched weights": lambda t, X, T: t.vmap(
        t.func.grad(lambda w, x: (w @ x).tanh().sum()), in_dims=(0, 0)
    )(T, X[:2]),
    "vmap jacrev": lambda t, X, A: t.vmap(t.func.jacrev(g), in_dims=(0, None))(X, A),
    "vmap jacfwd": lambda t, X, A: t.vmap(t.func.jacfwd(g), in_dims=(0, None))(X, A),
    "vmap hessian": lambda t, X: t.vmap(t.func.hessian(f))(X),
    "jacrev vmap": lambda t, X, A: t.func.jacrev(lambda A: t.vmap(lambda x: g(x, A))(X))(A),
    "jacfwd vmap": lambda t, X, A: t.func.jacfwd(lambda A: t.vmap(lambda x: g(x, A))(X))(A),
    "softmax jacobians": lambda t, X: t.vmap(t.func.jacrev(lambda x: x.softmax(0)))(X),
    "softmax second derivatives": lambda t, X: t.vmap(
        t.func.jacfwd(t.func.jacfwd(lambda x: x.softmax(0)))
    )(X),
    "grad of vjp": lambda t, x, A: t.func.grad(
        lambda x: t.func.vjp(lambda y: g(y, A), x)[1](x)[0].sum()
    )(x),
    "grad by the cotangent": lambda t, x, A: t.func.grad(
        lambda v: t.func.vjp(lambda y: g(y, A), x)[1](v)[0].pow(2).sum()
    )(x),
    "jvp of vjp_fn": lambda t, x, A: t.func.jvp(
        t.func.vjp(lambda y: g(y, A), x)[1], (x,), (x * 2,)
    ),
    "vmap of vjp_fn": lambda t, x, A: t.vmap(t.func.vjp(lambda y: g(y, A), x)[1])(A),
    "vmap of linearize": lambda t, x, A: t.vmap(t.func.linearize(lambda y: g(y, A), x)[1])(A),
    "no_grad inside": lambda t, x: t.func.grad(lambda x: stopped(t, x))(x),
    "no_grad inside twice": lambda t, x: t.func.jacrev(t.func.grad(lambda x: stopped(t, x)))(x),
}


def stopped(t: Any, x: Any) -> Any:
    with t.no_grad():
        shift = (x * x).sum()
    return (x * x).sum() * shift


# With ordinary autograd around them: the name in brackets wants a gradient.
AROUND: dict[str, Program] = {
    "grad wants it [x]": lambda t, x: t.func.grad(f)(x),
    "captured [A]": lambda t, x, A: t.func.grad(lambda x: g(x, A).sum())(x),
    "backward through grad [A]": lambda t, x, A: t.autograd.grad(
        t.func.grad(lambda x: g(x, A).sum())(x).sum(), A
    ),
    "backward through hessian [x]": lambda t, x: t.autograd.grad(t.func.hessian(f)(x).sum(), x),
    "backward through vmap [x]": lambda t, x, A: t.autograd.grad(
        t.vmap(lambda a: (a * x).sin().sum())(A).sum(), x
    ),
    "backward through per-sample gradients [A]": lambda t, X, A: t.autograd.grad(
        t.vmap(t.func.grad(lambda A, x: g(x, A).sum()), in_dims=(None, 0))(A, X).pow(2).sum(), A
    ),
    "backward through jvp [x]": lambda t, x, A: t.autograd.grad(
        t.func.jvp(lambda y: g(y, A), (x,), (x,))[1].sum(), x
    ),
    "under no_grad [x]": lambda t, x: without_grad(t, lambda: t.func.grad(f)(x)),
    "hessian under no_grad [x]": lambda t, x: without_grad(t, lambda: t.func.hessian(f)(x)),
    "vjp_fn [x]": lambda t, x, A: t.func.vjp(lambda y: g(y, A), x)[1](x),
}


def without_grad(t: Any, call: Callable[[], Any]) -> Any:
    with t.no_grad():
        return call()


VMAPS: dict[str, Program] = {
    "one": lambda t, X: t.vmap(lambda x: x.sum())(X),
    "along 1": lambda t, X: t.vmap(lambda x: x.sum(), in_dims=1)(X),
    "along -1": lambda t, X: t.vmap(lambda x: x * 2, in_dims=-1)(X),
    "out 1": lambda t, X: t.vmap(lambda x: (x, x * 2), out_dims=(1, 0))(X),
    "out -1": lambda t, T: t.vmap(lambda x: x * 2, out_dims=-1)(T),
    "one out for all": lambda t, X: t.vmap(lambda x: (x, x), out_dims=1)(X),
    "None in": lambda t, X, x: t.vmap(lambda a, b: a * b, in_dims=(0, None))(X, x),
    "not a tensor": lambda t, X: t.vmap(lambda a, b: a * b, in_dims=(0, None))(X, 2),
    "not batched out": lambda t, X: t.vmap(lambda x: t.ones(2))(X),
    "None out": lambda t, X: t.vmap(lambda x: (t.ones(2), x), out_dims=(None, 0))(X),
    "dict": lambda t, X, x: t.vmap(
        lambda d: {"a": d["a"] * d["b"], "c": [d["a"]]}, in_dims=({"a": 0, "b": None},)
    )({"a": X, "b": x}),
    "named tuple": lambda t, X: t.vmap(lambda p: Pair(p.a + p.b, p.a))(Pair(X, X)),
    "ordered dict": lambda t, X: t.vmap(lambda d: d["z"] * d["a"])(OrderedDict(z=X, a=X)),
    "keywords": lambda t, X: t.vmap(lambda x, k: x.sum() + k)(X, k=X),
    "chunks": lambda t, X: t.vmap(lambda x: (x.sin(), x.sum()), chunk_size=2)(X),
    "chunks out 1": lambda t, X, x: t.vmap(
        lambda x, y: x.sin() * y, in_dims=(0, None), out_dims=1, chunk_size=3
    )(X, x),
    "indexed": lambda t, X: t.vmap(lambda x, i: x[i])(X, t.tensor([0, 1, 1, 3, 2])),
    "iterated": lambda t, X: t.vmap(lambda x: sum(i * i for i in x))(X),
    "empty": lambda t, X: t.vmap(lambda x: x.sum())(X[:0]),
    "sorted": lambda t, X: t.vmap(lambda x: tuple(x.sort()))(X),
    "matmul": lambda t, T, x: t.vmap(lambda m: m @ x)(T),
    "where": lambda t, X: t.vmap(lambda x: t.where(x > 0.5, x, -x))(X),
    "shape": lambda t, T: t.vmap(lambda m: m.reshape(-1) * m.shape[0] * m.dim())(T),
}

REFUSED: dict[str, Program] = {
    "grad of a vector": lambda t, x: t.func.grad(lambda x: x * 2)(x),
    "grad of a number": lambda t, x: t.func.grad(lambda x: 2.0)(x),
    "argnum out of range": lambda t, x: t.func.grad(f, argnums=1)(x),
    "argnums twice": lambda t, x: t.func.grad(f, argnums=(0, 0))(x),
    "argnums text": lambda t, x: t.func.grad(f, argnums="a")(x),
    "argnums empty": lambda t, x: t.func.grad(f, argnums=())(x),
    "grad at a number": lambda t, x: t.func.grad(f)(2.0),
    "grad at integers": lambda t, x: t.func.grad(lambda x: x.sum())(t.arange(3)),
    "aux missing": lambda t, x: t.func.grad(f, has_aux=True)(x),
    "aux is three": lambda t, x: t.func.grad(lambda x: (f(x), x, 3), has_aux=True)(x),
    "aux is no tensor": lambda t, x: t.func.grad(lambda x: (f(x), 3), has_aux=True)(x),
    "requires_grad_": lambda t, x: t.func.grad(lambda x: f(x.detach().requires_grad_()))(x),
    "backward": lambda t, x: t.func.grad(lambda x: f(x).backward())(x),
    "in place": lambda t, x: t.func.grad(lambda x: x.mul_(2).sum())(x),
    "cotangent shape": lambda t, x: t.func.vjp(lambda x: x * 2, x)[1](t.ones(3)),
    "cotangent structure": lambda t, x: t.func.vjp(lambda x: (x, x), x)[1](x),
    "vjp of a number": lambda t, x: t.func.vjp(lambda x: 2, x),
    "vjp of nothing": lambda t, x: t.func.vjp(lambda x: [], x),
    "vjp without aux": lambda t, x: t.func.vjp(lambda x: x, x, has_aux=True),
    "vjp at a number": lambda t, x: t.func.vjp(lambda x: x * 2, 3.0),
    "primals no tuple": lambda t, x: t.func.jvp(lambda x: x, x, x),
    "tangents too many": lambda t, x: t.func.jvp(lambda x: x, (x,), (x, x)),
    "no primals": lambda t, x: t.func.jvp(lambda x: x, (), ()),
    "primal a number": lambda t, x: t.func.jvp(lambda x: x, (3.0,), (x,)),
    "tangent shape": lambda t, x: t.func.jvp(lambda x: x, (x,), (t.ones(3),)),
    "jvp of a number": lambda t, x: t.func.jvp(lambda x: 2, (x,), (x,)),
    "jvp without aux": lambda t, x: t.func.jvp(lambda x: x, (x,), (x,), has_aux=True),
    "jvp strict": lambda t, x: t.func.jvp(lambda x: t.ones(3), (x,), (x,), strict=True),
    "jacrev chunk 0": lambda t, x: t.func.jacrev(f, chunk_size=0)(x),
    "jacrev of integers": lambda t, x: t.func.jacrev(lambda x: x.long())(x),
    "jacfwd randomness": lambda t, x: t.func.jacfwd(f, randomness="foo")(x),
    "jacfwd at a number": lambda t, x: t.func.jacfwd(f)(3.0),
    "linearize shape": lambda t, x: t.func.linearize(f, x)[1](t.ones(3)),
    "linearize too many": lambda t, x: t.func.linearize(f, x)[1](x, x),
    "in_dim too large": lambda t, X: t.vmap(f, in_dims=2)(X),
    "in_dim too small": lambda t, X: t.vmap(f, in_dims=-3)(X),
    "in_dims None": lambda t, X: t.vmap(f, in_dims=None)(X),
    "in_dims text": lambda t, X: t.vmap(f, in_dims="a")(X),
    "in_dims list": lambda t, X: t.vmap(f, in_dims=[0])(X),
    "in_dims too many": lambda t, X: t.vmap(f, in_dims=(0, 0))(X),
    "in_dims all None": lambda t, X: t.vmap(f, in_dims=(None,))(X),
    "sizes differ": lambda t, X: t.vmap(lambda a, b: a)(X, X[:2]),
    "map over a number": lambda t, X: t.vmap(lambda a, b: a)(X, 2),
    "no inputs": lambda t, X: t.vmap(lambda: 2)(),
    "vmap of a number": lambda t, X: t.vmap(lambda x: 2)(X),
    "vmap of None": lambda t, X: t.vmap(lambda x: None)(X),
    "out_dims too many": lambda t, X: t.vmap(lambda x: (x, x), out_dims=(1, 0, 1))(X),
    "out_dim too large": lambda t, X: t.vmap(lambda x: x, out_dims=5)(X),
    "out_dims text": lambda t, X: t.vmap(lambda x: x, out_dims="a")(X),
    "batched with out None": lambda t, X: t.vmap(lambda x: x, out_dims=None)(X),
    "control flow": lambda t, X: t.vmap(lambda x: x if x.sum() > 0 else -x)(X),
    "item": lambda t, X: t.vmap(lambda x: x.sum().item())(X),
    "float": lambda t, X: t.vmap(lambda x: float(x.sum()))(X),
    "chunk_size 0": lambda t, X: t.vmap(f, chunk_size=0)(X),
    "randomness": lambda t, X: t.vmap(f, randomness="foo")(X),
    "0-d": lambda t, s: t.vmap(f)(s),
    "backward in vmap": lambda t, X: t.vmap(lambda x: x.backward())(X),
    "requires_grad_ in vmap": lambda t, X: t.vmap(lambda x: x.clone().requires_grad_())(X),
}


def tensors(t: Any, program: Program, wanting: str = "") -> list[Any]:
    names = list(inspect.signature(program).parameters)[1:]
    return [t.tensor(ARRAYS[n], requires_grad=n == wanting) for n in names]


def compare(program: Program, wanting: str = "") -> None:
    theirs = program(torch, *tensors(torch, program, wanting))
    ours = program(pb, *tensors(pb, program, wanting))
    expected, structure = tree_flatten(theirs)
    found, own = tree_flatten(ours)
    assert str(own) == str(structure)
    for a, b in zip(found, expected, strict=True):
        assert isinstance(a, pb.Tensor)
        assert tuple(a.shape) == tuple(b.shape)
        assert str(a.dtype) == str(b.dtype)
        assert a.requires_grad == b.requires_grad
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("program", FIRST.values(), ids=FIRST.keys())
def test_first_derivatives(program: Program) -> None:
    compare(program)


@pytest.mark.parametrize("program", NESTED.values(), ids=NESTED.keys())
def test_nested(program: Program) -> None:
    compare(program)


@pytest.mark.parametrize("name", AROUND)
def test_with_autograd_around(name: str) -> None:
    compare(AROUND[name], name[name.index("[") + 1 : -1])


@pytest.mark.parametrize("program", VMAPS.values(), ids=VMAPS.keys())
def test_vmap(program: Program) -> None:
    compare(program)


def first_sentence(text: str) -> str:
    return " ".join(text.replace("\n", " ").split()).split(". ")[0].rstrip(".")


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_the_same_words(name: str) -> None:
    program = REFUSED[name]
    with pytest.raises(Exception) as theirs:
        program(torch, *tensors(torch, program))
    with pytest.raises(type(theirs.value)) as ours:
        program(pb, *tensors(pb, program))
    if name != "jacfwd at a number":  # an accident of torch's implementation
        assert first_sentence(str(ours.value)) == first_sentence(str(theirs.value))
