"""Views made before the memory that they share was written, through every door, beside torch.

A view learns of the write when its history, its tangent or its batch is next read. ``DOORS`` lists
the places that read them; each is a function of the library and of the stale view. ``MAKERS`` makes
such views out of ``w``, and ``WAYS`` differentiates what the door gives. Where torch refuses, the
type of the error and the beginning of the message are compared.
"""

from __future__ import annotations

import copy
import itertools
import pickle
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import pullback as pb
import pullback.utils.checkpoint
from pullback._pytree import tree_flatten

torch = pytest.importorskip("torch")
pytest.importorskip("torch.utils.checkpoint")
pytestmark = pytest.mark.filterwarnings("ignore")

Door = Callable[[Any, Any], Any]
Way = Callable[[Any, Callable[[Any], Any]], Any]


def W(t: Any) -> Any:
    return t.tensor([0.5, 2.0, -1.5], dtype=t.float64)


# --- how a view gets stale: what is written, the view of it, the write ---


class Maker(NamedTuple):
    base: Callable[[Any, Any], Any]
    view: Callable[[Any], Any]
    write: Callable[[Any, Any, Any], Any]

    def __call__(self, t: Any, w: Any, fresh: bool) -> tuple[Any, Any]:
        """The base and the view; a fresh one is made after the write."""
        base = self.base(t, w)
        view = self.view(base)
        self.write(t, base, w)
        return base, self.view(base) if fresh else view


def head(base: Any) -> Any:
    return base[:2]


def zeros(t: Any, w: Any) -> Any:
    return t.zeros_like(w)


def element_by_element(t: Any, base: Any, w: Any) -> None:
    for i in range(3):
        base[i] = w[i] ** 3


def twice_over(t: Any, base: Any, w: Any) -> None:
    base.mul_(w)
    base[:1].sin_()


MAKERS = {
    "copied": Maker(zeros, head, lambda t, base, w: base.copy_(w**3)),
    "element by element": Maker(zeros, head, element_by_element),
    "through another view": Maker(zeros, head, lambda t, base, w: base[1:].copy_((w**3)[:2])),
    "view of a view": Maker(
        zeros,
        lambda base: base.view(3, 1)[:2].view(2),
        lambda t, base, w: base.view(1, 3)[0].add_(w**3),
    ),
    "of a result": Maker(lambda t, w: w * 2, head, twice_over),
    "one of many": Maker(zeros, lambda base: base.split(2)[0], lambda t, base, w: base.copy_(w**3)),
}

# --- where it goes then ---


def custom(t: Any, forward: Any, backward: Any, setup: Any = None, jvp: Any = None) -> Any:
    body = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    if setup:
        body["setup_context"] = staticmethod(setup)
    if jvp:
        body["jvp"] = staticmethod(jvp)
    body["generate_vmap_rule"] = setup is not None
    return type(t.autograd.Function)("F", (t.autograd.Function,), body)


def into_slice(t: Any, v: Any) -> Any:
    out = t.zeros(3, dtype=t.float64)
    out[1:] = v
    return out


def into_positions(t: Any, v: Any) -> Any:
    out = t.zeros(3, dtype=t.float64)
    out[t.tensor([2, 0])] = v
    return out


def into_mask(t: Any, v: Any) -> Any:
    out = t.zeros(3, dtype=t.float64)
    out[t.tensor([True, False, True])] = v
    return out


def into_elements(t: Any, v: Any) -> Any:
    out = t.zeros(3, dtype=t.float64)
    out[0] = v[1]
    out[2] = v[0]
    return out


def as_argument(t: Any, v: Any) -> Any:
    def setup(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    return custom(
        t,
        lambda x: x**2,
        lambda ctx, g: 2 * g * ctx.saved_tensors[0],
        setup,
        lambda ctx, d: 2 * d * ctx.saved_tensors[0],
    ).apply(v)


def as_argument_without_setup(t: Any, v: Any) -> Any:
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x**2

    return custom(t, forward, lambda ctx, g: 2 * g * ctx.saved_tensors[0]).apply(v)


def saved_without_being_an_argument(t: Any, v: Any) -> Any:
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(v)
        return x * 2

    return custom(t, forward, lambda ctx, g: g * ctx.saved_tensors[0]).apply(v * 1)


def made_in_forward(t: Any, v: Any) -> Any:
    """A view gets stale inside of forward and is what it returns."""

    def forward(ctx: Any, x: Any) -> Any:
        y = t.zeros(3, dtype=t.float64)
        part = y[:2]
        y[:2] = x * 2
        return part

    return custom(t, forward, lambda ctx, g: g * 2).apply(v)


def dirty(t: Any, v: Any) -> Any:
    def forward(ctx: Any, x: Any) -> Any:
        ctx.mark_dirty(x)
        return x.mul_(2)

    return custom(t, forward, lambda ctx, g: g * 2).apply(v) * 1


def packed(t: Any, v: Any) -> Any:
    with t.autograd.graph.saved_tensors_hooks(lambda x: x, lambda x: x):
        return v * v


def packed_as_numbers(t: Any, v: Any) -> Any:
    with t.autograd.graph.saved_tensors_hooks(lambda x: x.detach().clone(), lambda x: x):
        return v.exp() * v


def with_mutation_allowed(t: Any, v: Any) -> Any:
    with t.autograd.graph.allow_mutation_on_saved_tensors():
        y = v * 1
        z = y * y
        y.add_(1)
        return z + y


def moved_into_numpy(t: Any, v: Any) -> Any:
    return t.from_numpy(np.array(v.detach().numpy()))


def set_as_gradient(t: Any, v: Any) -> Any:
    leaf = t.zeros(2, dtype=t.float64)
    leaf.grad = v
    return leaf.grad * 1


DOORS: dict[str, Door] = {
    # the view itself, and what gives back the tensor it got
    "the view": lambda t, v: v,
    "contiguous": lambda t, v: v.contiguous(),
    "to the same dtype": lambda t, v: v.to(v.dtype),
    "double": lambda t, v: v.double(),
    "type": lambda t, v: v.type(t.float64),
    "type_as": lambda t, v: v.type_as(v),
    "cpu": lambda t, v: v.cpu(),
    "reshape": lambda t, v: v.reshape(2),
    "flatten": lambda t, v: v.flatten(),
    "expand": lambda t, v: v.expand(2),
    "view_as": lambda t, v: v.view_as(v),
    "slice": lambda t, v: v[:],
    "ellipsis": lambda t, v: v[...],
    "broadcast_to": lambda t, v: t.broadcast_to(v, (2,)),
    "squeeze": lambda t, v: v.squeeze(),
    "atleast_1d": lambda t, v: t.atleast_1d(v),
    "positive": lambda t, v: +v,
    "in a list": lambda t, v: [v, {"a": v * 2}],
    # operators of each kind
    "elementwise": lambda t, v: v * 2,
    "number first": lambda t, v: 2 - v,
    "product": lambda t, v: v * v,
    "reduction": lambda t, v: v.sum(),
    "join": lambda t, v: t.cat([v, v * 2]),
    "stack": lambda t, v: t.stack([v, v]),
    "choice": lambda t, v: t.where(v > 0, v, 2 * v),
    "clone": lambda t, v: v.clone(),
    "views": lambda t, v: v.unbind()[1],
    "index": lambda t, v: v[t.tensor([1, 0, 1])],
    "matrix product": lambda t, v: t.dot(v, v),
    "einsum": lambda t, v: t.einsum("i,j->ij", v, v),
    "gather": lambda t, v: v.gather(0, t.tensor([1, 1])),
    "norm": lambda t, v: v.norm(),
    # the source of a write
    "copy_": lambda t, v: t.zeros(2, dtype=t.float64).copy_(v),
    "copy_ of another dtype": lambda t, v: t.zeros(2).copy_(v),
    "copy_ with broadcast": lambda t, v: t.zeros(2, 2, dtype=t.float64).copy_(v),
    "fill_": lambda t, v: t.zeros(2, dtype=t.float64).fill_(v[0]),
    "add_": lambda t, v: t.zeros(2, dtype=t.float64).add_(v),
    "index_copy_": lambda t, v: t.zeros(3, dtype=t.float64).index_copy_(0, t.tensor([2, 0]), v),
    "index_put_": lambda t, v: t.zeros(3, dtype=t.float64).index_put_((t.tensor([2, 0]),), v),
    "masked_scatter_": lambda t, v: t.zeros(3, dtype=t.float64).masked_scatter_(
        t.tensor([True, False, True]), v
    ),
    "scatter_": lambda t, v: t.zeros(3, dtype=t.float64).scatter_(0, t.tensor([2, 0]), v),
    "lerp_": lambda t, v: t.zeros(2, dtype=t.float64).lerp_(v, 0.5),
    "into a slice": into_slice,
    "into positions": into_positions,
    "into a mask": into_mask,
    "into elements": into_elements,
    # its target
    "in place": lambda t, v: v.mul_(3),
    "zero_": lambda t, v: v.zero_() + 1,
    "out=": lambda t, v: t.mul(t.ones(2, dtype=t.float64), 2, out=v),
    "copied into": lambda t, v: v.copy_(t.ones(2, dtype=t.float64)) * v,
    "part set": lambda t, v: v.__setitem__(0, 2.0) or v * v,
    # custom functions and what is saved
    "argument of a function": as_argument,
    "argument of a function without setup_context": as_argument_without_setup,
    "saved without being an argument": saved_without_being_an_argument,
    "made in forward": made_in_forward,
    "dirty": dirty,
    "packed": packed,
    "packed as numbers": packed_as_numbers,
    "with mutation allowed": with_mutation_allowed,
    # cut off
    "detach": lambda t, v: v.detach() * v,
    "data": lambda t, v: v.data * 1,
    "under no_grad": lambda t, v: t.no_grad()(lambda: v * 2)(),
    "in inference mode": lambda t, v: t.inference_mode()(lambda: v * 2)() + 1,
    "after no_grad": lambda t, v: t.no_grad()(lambda: v * 2)() * v,
    "after inference mode": lambda t, v: (t.inference_mode()(lambda: v * 2)() + 1) * 2 + v,
    # other transforms inside
    "grad inside": lambda t, v: t.func.grad(lambda x: (x**3).sum())(v),
    "grad inside by another": lambda t, v: t.func.grad(lambda x: (x * v * v).sum())(
        t.ones(2, dtype=t.float64)
    ),
    "vjp inside": lambda t, v: t.func.vjp(lambda x: x**3, v)[1](v)[0],
    "jvp inside": lambda t, v: t.func.jvp(lambda x: x**3, (v,), (v * 2,))[1],
    "tangent of jvp": lambda t, v: t.func.jvp(t.sin, (t.ones_like(v),), (v,))[1],
    "captured by jvp": lambda t, v: t.func.jvp(
        lambda x: x * v, (t.ones(2, dtype=t.float64),), (t.ones(2, dtype=t.float64),)
    )[1],
    "jacrev inside": lambda t, v: t.func.jacrev(lambda x: x**3)(v),
    "jacfwd inside": lambda t, v: t.func.jacfwd(lambda x: x**3)(v),
    "vmap inside": lambda t, v: t.vmap(lambda x: x * 2)(v),
    "vmap of the identity": lambda t, v: t.vmap(lambda x: x)(v),
    "captured by vmap": lambda t, v: t.vmap(lambda x: x * v)(t.ones(3, 2, dtype=t.float64)),
    "given back by vmap": lambda t, v: t.vmap(lambda x: v, out_dims=0)(
        t.ones(3, 2, dtype=t.float64)
    ),
    "linearize inside": lambda t, v: t.func.linearize(lambda x: x**3, v)[0],
    # values for others
    "numpy of the values": moved_into_numpy,
    "item": lambda t, v: t.ones(2, dtype=t.float64) * v[0].item(),
    "tolist": lambda t, v: t.tensor(v.tolist(), dtype=t.float64),
    "as a gradient": set_as_gradient,
}


def value(x: Any) -> Any:
    """Numbers as nested lists of six digits, so that rounding does not count."""
    leaves, spec = tree_flatten(x)
    return repr(spec), [
        np.round(leaf.detach().double().numpy(), 6).tolist() if hasattr(leaf, "detach") else leaf
        for leaf in leaves
    ]


def total(result: Any) -> Any:
    """One number that depends on all there is, and not linearly."""
    leaves, _ = tree_flatten(result)
    return sum((leaf.double() ** 2).sum() for leaf in leaves)


def backward(t: Any, f: Callable[[Any], Any]) -> Any:
    w = W(t).requires_grad_()
    (total(f(w)) + w.sum()).backward()
    return w.grad


def twice(t: Any, f: Callable[[Any], Any]) -> Any:
    w = W(t).requires_grad_()
    (g,) = t.autograd.grad(total(f(w)) + (w**3).sum(), w, create_graph=True)
    return g, t.autograd.grad((g * g).sum(), w)


def tangents(t: Any, f: Callable[[Any], Any]) -> Any:
    with t.autograd.forward_ad.dual_level():
        w = t.autograd.forward_ad.make_dual(W(t), t.ones(3, dtype=t.float64))
        leaves, _ = tree_flatten(f(w))
        return [tuple(t.autograd.forward_ad.unpack_dual(leaf)) for leaf in leaves]


def forward_over_reverse(t: Any, f: Callable[[Any], Any]) -> Any:
    w = W(t).requires_grad_()
    with t.autograd.forward_ad.dual_level():
        dual = t.autograd.forward_ad.make_dual(w, t.ones(3, dtype=t.float64))
        (g,) = t.autograd.grad(total(f(dual)) + (dual**3).sum(), w)
        return tuple(t.autograd.forward_ad.unpack_dual(g))


def pulled(t: Any, f: Callable[[Any], Any]) -> Any:
    result, pull = t.func.vjp(f, W(t))
    return result, pull(result)


def examples(t: Any) -> Any:
    return t.stack([W(t), W(t) * 2, -W(t)])


def is_scalar_of(t: Any, f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda w: total(f(w)) + (w**3).sum()


WAYS: dict[str, Way] = {
    "values": lambda t, f: f(W(t)),
    "backward": backward,
    "second order": twice,
    "dual_level": tangents,
    "forward over reverse": forward_over_reverse,
    "grad": lambda t, f: t.func.grad(is_scalar_of(t, f))(W(t)),
    "vjp": pulled,
    "jvp": lambda t, f: t.func.jvp(f, (W(t),), (t.ones(3, dtype=t.float64),)),
    "jacrev": lambda t, f: t.func.jacrev(f)(W(t)),
    "jacfwd": lambda t, f: t.func.jacfwd(f)(W(t)),
    "vmap": lambda t, f: t.vmap(f)(examples(t)),
    "vmap of grad": lambda t, f: t.vmap(t.func.grad(is_scalar_of(t, f)))(examples(t)),
    "vmap of jvp": lambda t, f: t.vmap(lambda w: t.func.jvp(f, (w,), (w,)))(examples(t)),
    "grad of vmap": lambda t, f: t.func.grad(lambda x: total(t.vmap(f)(x)))(examples(t)),
    "grad of grad": lambda t, f: t.func.grad(
        lambda w: (t.func.grad(is_scalar_of(t, f))(w) ** 2).sum()
    )(W(t)),
    "hessian": lambda t, f: t.func.hessian(is_scalar_of(t, f))(W(t)),
    "backward of vmap": lambda t, f: backward(t, lambda w: t.vmap(f)(t.stack([w, w * 2]))),
    "jvp of vmap": lambda t, f: t.func.jvp(t.vmap(f), (examples(t),), (examples(t),)),
}


def outcome(t: Any, way: Way, maker: Maker, door: Door, fresh: bool = False) -> tuple[str, Any]:
    def program(w: Any) -> Any:
        base, view = maker(t, w, fresh)
        return [door(t, view), base]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return "", value(way(t, program))
        except Exception as error:  # noqa: BLE001 - the type is compared
            return type(error).__name__, str(error)


# What torch cannot do anywhere, or not with a stale view; there a fresh one gives the right value.
REFUSALS = (
    "a leaf Variable that requires grad is being used in an in-place operation",  # is none
    "In order to use an autograd.Function with functorch transforms",
    "don't yet support saved tensor hooks",
    "Nested forward mode AD is not supported",
    "Batching rule not implemented for aten::_make_dual",
    "accessing `data` under vmap transform is not allowed",
    "Cannot access data pointer of Tensor that doesn't have storage",
    "vmap: fill_(self, *extra_args) is not possible",
    "Trying to set a forward gradient that has a different size",  # masked_scatter_
)
# .data cuts off from all transforms, in torch from the innermost.
OTHER_VALUES = {("data", "grad of grad"), ("data", "hessian")}


@pytest.mark.parametrize("door", DOORS)
def test_as_in_torch_and_as_a_fresh_view(door: str) -> None:
    compared = 0
    for way, name in itertools.product(WAYS, MAKERS):
        case = WAYS[way], MAKERS[name], DOORS[door]
        ours, theirs = outcome(pb, *case), outcome(torch, *case)
        if not ours[0]:
            assert ours == outcome(pb, *case, fresh=True), (way, name)
        if theirs[0] and any(sentence in theirs[1] for sentence in REFUSALS):
            continue
        if (door, way) in OTHER_VALUES and not ours[0]:
            continue
        assert ours[0] == theirs[0], (way, name, ours, theirs)
        compared += 1
        if not ours[0]:
            assert ours == theirs, (way, name)
    assert compared


# --- what reads a history outside of operators, in ordinary autograd ---


def in_module(t: Any, name: str) -> Any:
    return getattr(torch.utils.checkpoint if t is torch else pb.utils.checkpoint, name)


def attributes(t: Any, v: Any, base: Any) -> Any:
    return [v.requires_grad, v.is_leaf, v.output_nr, type(v.grad_fn).__name__, v._base is base]


def flag_first(t: Any, v: Any, base: Any) -> Any:
    return v.requires_grad


def leaf_first(t: Any, v: Any, base: Any) -> Any:
    return v.is_leaf


def number_first(t: Any, v: Any, base: Any) -> Any:
    return v.output_nr


def kept_gradient(t: Any, v: Any, base: Any) -> Any:
    v.retain_grad()
    (v * v).sum().backward()
    return v.retains_grad, v.grad


def kept_before_the_write(t: Any, v: Any, base: Any) -> Any:
    v = v * 1
    u = v[:1]
    u.retain_grad()
    v.mul_(3)
    (u * u).sum().backward()
    return u.retains_grad, u.grad


def hooked(t: Any, v: Any, base: Any) -> Any:
    _ = v.grad_fn  # torch ends with a segmentation fault where this is refused
    seen = []
    v.register_hook(lambda g: seen.append(g.clone()))
    (v * v).sum().backward()
    return seen, len(v._backward_hooks)


def hooked_together(t: Any, v: Any, base: Any) -> Any:
    seen: list[Any] = []
    t.autograd.graph.register_multi_grad_hook([v, base], seen.extend)
    ((v * v).sum() + base.sum()).backward()
    return seen


def node_hooked(t: Any, v: Any, base: Any) -> Any:
    v.grad_fn.register_prehook(lambda gs: tuple(g * 2 for g in gs))
    return t.autograd.grad((v * v).sum(), base)


PLAIN: dict[str, Callable[[Any, Any, Any], Any]] = {
    "attributes": attributes,
    "requires_grad": flag_first,
    "is_leaf": leaf_first,
    "output_nr": number_first,
    "kept gradient": kept_gradient,
    "kept before the write": kept_before_the_write,
    "hook": hooked,
    "hook of two": hooked_together,
    "hook of its node": node_hooked,
    "root": lambda t, v, base: v.backward(t.ones_like(v)) or v.detach(),
    "root of grad": lambda t, v, base: t.autograd.grad(v, base, t.ones_like(v)),
    "input": lambda t, v, base: t.autograd.grad((v * v).sum(), v),
    "input, not reached": lambda t, v, base: t.autograd.grad((base * base).sum(), v),
    "input of backward": lambda t, v, base: (v * v).sum().backward(inputs=[v]) or v.grad,
    "gradient edge": lambda t, v, base: t.autograd.grad(
        (v * v).sum(), t.autograd.graph.get_gradient_edge(v)
    ),
    "batched root": lambda t, v, base: t.autograd.grad(
        v, base, t.eye(2, dtype=v.dtype), is_grads_batched=True
    ),
    "numpy": lambda t, v, base: v.numpy(),
    "array": lambda t, v, base: np.asarray(v),
    "memory": lambda t, v, base: np.from_dlpack(v),
    "dlpack": lambda t, v, base: t.from_dlpack(v),
    "forced numpy": lambda t, v, base: v.numpy(force=True),
    "deepcopy": lambda t, v, base: copy.deepcopy(v),
    "pickle": lambda t, v, base: pickle.loads(pickle.dumps(v.detach())),
    "repr": lambda t, v, base: repr(v),
    "requires_grad_": lambda t, v, base: v.requires_grad_().requires_grad,
    "requires_grad_(False)": lambda t, v, base: v.requires_grad_(False),
    "requires_grad = False": lambda t, v, base: setattr(v, "requires_grad", False),
    "detach_": lambda t, v, base: v.detach_(),
    "grad": lambda t, v, base: v.grad,
    "checkpoint": lambda t, v, base: in_module(t, "checkpoint")(
        lambda x: x * x, v, use_reentrant=False
    ),
    "reentrant checkpoint": lambda t, v, base: in_module(t, "checkpoint")(
        lambda x: x * x, v, use_reentrant=True
    ),
    "captured by a checkpoint": lambda t, v, base: in_module(t, "checkpoint")(
        lambda x: x * v, t.ones_like(v), use_reentrant=False
    ),
    "functional": lambda t, v, base: t.autograd.functional.jvp(
        lambda x: x**3, v, v, create_graph=True
    ),
    "functional, captured": lambda t, v, base: t.autograd.functional.vjp(
        lambda x: x**3 * v, t.ones_like(v), v, create_graph=True
    ),
    "set data": lambda t, v, base: setattr(v, "data", t.ones_like(v)) or v * v,
    "deposited": lambda t, v, base: setattr(base, "grad", base * 1) or base.grad,
    "parameter": lambda t, v, base: t.nn.Parameter(v) * v,
    "as a tensor": lambda t, v, base: t.as_tensor(v) * 1,
}


def said(t: Any, maker: Maker, door: Callable[[Any, Any, Any], Any]) -> tuple[str, Any]:
    """What the door gives, and the gradient of all that there is then."""
    w = W(t).requires_grad_()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            base, view = maker(t, w, False)
            result = door(t, view, base)
            leaves = [x for x in tree_flatten(result)[0] if hasattr(x, "detach")]
            text = repr(tree_flatten(result)[0])
            w.grad = None
            (total([base, *leaves]) + w.sum()).backward()
        except Exception as error:  # noqa: BLE001 - the type is compared
            return type(error).__name__, str(error)
    return "", (text, value(w.grad))


# What torch answers without looking whether the view is stale.
BLIND = ("output_nr", "requires_grad_", "requires_grad_(False)", "requires_grad = False")


@pytest.mark.parametrize("door", PLAIN)
def test_in_ordinary_autograd(door: str) -> None:
    for name, maker in MAKERS.items():
        ours, theirs = said(pb, maker, PLAIN[door]), said(torch, maker, PLAIN[door])
        if door in BLIND and ours[0] == "RuntimeError" and not theirs[0]:
            sentences = "is a view", "A view was created in no_grad", "you can only change"
            assert any(sentence in ours[1] for sentence in sentences)
            continue
        assert ours[0] == theirs[0], (name, ours, theirs)
        if not ours[0]:
            assert ours == theirs, name
