"""What random programs found (tests/programs), as short as they made it, beside PyTorch."""

from __future__ import annotations

import copy
from typing import Any

import pytest

import pullback as pb
from scenarios import check, leaf, make

torch = pytest.importorskip("torch")


def parameter_in_vmap(t: Any) -> Any:
    return t.vmap(lambda a: t.nn.Parameter(a, requires_grad=False))(t.ones(2, 3))


def parameter_in_vmap_of_grad(t: Any) -> Any:
    return t.vmap(t.func.grad(lambda a: t.nn.Parameter(a, requires_grad=False).sum()))(t.ones(2))


def parameter_in_grad(t: Any) -> Any:
    return t.func.grad(lambda a: t.nn.Parameter(a, requires_grad=False).sum())(t.ones(2))


def lerp_with_a_number_twice(t: Any) -> Any:
    x, end = leaf(t), leaf(t, 3.0, 5.0)
    y = t.lerp(x, end, 0.25)
    y.sum().backward()
    y.sum().backward()
    return x.grad, end.grad


def lerp_with_a_tensor_twice(t: Any) -> Any:
    x = leaf(t)
    y = t.lerp(x, x * 2, t.tensor([0.25, 0.5]))
    y.sum().backward()
    y.sum().backward()


def lerp_with_a_number_saved(t: Any) -> Any:
    node = t.lerp(leaf(t), leaf(t), 0.25).grad_fn
    t.autograd.grad(t.lerp(leaf(t), leaf(t), 0.25).sum(), leaf(t), allow_unused=True)
    return node._saved_weight


def product_with_a_number_twice(t: Any) -> Any:
    y = leaf(t) * 2
    y.sum().backward()
    y.sum().backward()


def one_chunk_is_no_view(t: Any) -> Any:
    x = t.ones(2, 3)
    y = t.vmap(lambda a: a[:2], chunk_size=4)(x)
    y.mul_(5)
    return x, y, y._base


def one_chunk_of_a_leaf(t: Any) -> Any:
    x = leaf(t)
    y = t.vmap(lambda a: a, chunk_size=2)(x)
    y.mul_(5)
    y.sum().backward()
    return x, x.grad


def argument_returned_and_written(t: Any) -> Any:
    turned = make(t, lambda ctx, x: x, lambda ctx, g: -g)
    x, w = t.zeros(2), leaf(t)
    y = turned.apply(x)
    x.copy_(w)
    with pytest.raises(RuntimeError, match="A view was created in no_grad mode"):
        y.sum().backward()
    return w.grad


def argument_returned_and_written_plainly(t: Any) -> Any:
    x = t.zeros(2)
    y = make(t, lambda ctx, x: x, lambda ctx, g: -g).apply(x)
    x.add_(2)
    return y, y.is_leaf, y._base is x


def one_element_of_another_dtype(t: Any, key: Any) -> Any:
    x = t.zeros(3)
    x[key] = t.tensor(1.5, dtype=t.float64)
    return x


def random_numbers_in_a_dual(t: Any) -> Any:
    x, y = t.zeros(2), t.zeros(2)
    t.func.jvp(lambda a: a.bernoulli_(1.0), (x,), (t.ones(2),))
    with t.autograd.forward_ad.dual_level():
        t.autograd.forward_ad.make_dual(y, t.ones(2)).uniform_(0.0, 0.0)
    return [(z, z.requires_grad, z.is_leaf, z.grad_fn) for z in (x, y)]


def version_after_vmap(t: Any, write: Any, in_dims: int = 0) -> Any:
    x = t.ones(2, 3)
    t.vmap(write, in_dims=in_dims, randomness="different")(x)
    return x._version


def value_with_leading_ones(t: Any, key: Any) -> Any:
    x, w = t.zeros(1, 3), t.tensor([[[1.0, 2.0, 3.0]]], requires_grad=True)
    x[key] = w
    (x * x).sum().backward()
    return x, w.grad


def mask_without_dimensions(t: Any, key: Any) -> Any:
    x = t.zeros(3)
    x[key] = t.ones(1, dtype=t.float64)
    return x


def tripled(t: Any) -> Any:
    return make(
        t,
        lambda x: x.mul_(3),
        lambda ctx, g: g * 3,
        setup_context=lambda ctx, inputs, output: ctx.mark_dirty(inputs[0]),
    )


def written_leaf_of_a_transform(t: Any) -> Any:
    return t.func.vjp(tripled(t).apply, leaf(t))


def written_input_of_a_transform(t: Any) -> Any:
    return t.func.vjp(tripled(t).apply, t.ones(2))


def hook_sees_what_nobody_wants(t: Any) -> Any:
    seen = []
    add = make(t, lambda ctx, x, y: x + y, lambda ctx, g: (g, g * 2))
    z = add.apply(t.ones(2), leaf(t))
    z.grad_fn.register_hook(lambda i, o: seen.append(i))
    z.sum().backward()
    return seen


def names_of_duals(t: Any) -> Any:
    forward = t.autograd.forward_ad
    y = leaf(t) * 1
    with forward.dual_level():
        dual = forward.make_dual(y, t.ones(2))
        parts = dual, forward.unpack_dual(dual).primal, forward.unpack_dual(y).primal
        return [(x.grad_fn.name(), x._base is y, x) for x in parts]


def written_primal(t: Any) -> Any:
    y = leaf(t) * 1
    with t.autograd.forward_ad.dual_level():
        t.autograd.forward_ad.unpack_dual(y).primal.mul_(2)
    return y


def integers_unpacked(t: Any) -> Any:
    x = t.arange(2)
    with t.autograd.forward_ad.dual_level():
        primal = t.autograd.forward_ad.unpack_dual(x).primal
    return primal is x, primal._base is x


def cumprod_of_one(t: Any) -> Any:
    calls = []
    x = t.tensor([[0.5], [2.0]], requires_grad=True)
    y = x.cumprod(1)
    y.register_hook(lambda g: calls.append(g.shape))
    (g,) = t.autograd.grad((y * y).sum(), x, create_graph=True)
    return t.autograd.grad((g * g).sum(), x), calls


def added_number(t: Any, shape: tuple[int, ...], source: tuple[int, ...]) -> Any:
    return t.zeros(shape).index_add_(0, t.tensor([0]), t.ones(source))


def made_in_inference_mode(t: Any) -> Any:
    x = t.tensor([[3.0, 1.0], [1.0, 0.0]])
    with t.inference_mode():
        made = [
            x.nonzero(),
            t.argwhere(x),
            t.where(x > 1)[0],
            t.unique(x),
            *t.unique(x, dim=0, return_inverse=True),
            t.unique_consecutive(x),
            t.bernoulli(x * 0),
            t.multinomial(x + 1, 1),
            t.normal(x, 1.0),
        ]
    return [each.is_inference() for each in made]


def random_numbers_in_examples_of_a_leaf(t: Any) -> Any:
    t.vmap(lambda a: a.normal_(), randomness="different")(leaf(t))


def written_where_tangents_stop(t: Any, silent: Any, write: Any) -> Any:
    forward = t.autograd.forward_ad
    with forward.dual_level():
        dual = forward.make_dual(t.ones(2, 2), t.ones(2, 2) * 3)
        part, product = dual[0], dual * 1
        with silent(t):
            write(part)
            write(product)
        return [forward.unpack_dual(x) for x in (dual, part, product)]


SILENT = [
    lambda t: t.inference_mode(),
    lambda t: t.autograd.forward_ad._set_fwd_grad_enabled(False),
]
WRITES = [
    lambda x: x.mul_(2),
    lambda x: x.zero_(),
    lambda x: x.normal_(0, 0),
    lambda x: x[0].fill_(2),
    lambda x: x.__setitem__(0, 2),
]


def leaf_that_requires_none_any_more(t: Any, create_graph: bool) -> Any:
    x, w = leaf(t), leaf(t)
    y = (x * w * 2).sum()
    x.requires_grad = False
    y.backward(create_graph=create_graph)
    return x.grad, w.grad


def copied_without_elements(t: Any) -> Any:
    x = t.zeros(2, 0, 3)
    return copy.deepcopy([x[1], x])


def in_a_checkpoint(t: Any, function: Any) -> Any:
    x = t.tensor([[1.25, 2.0], [0.5, 3.0]], dtype=t.float64, requires_grad=True)
    y = t.utils.checkpoint.checkpoint(function, x, use_reentrant=False)
    (g,) = t.autograd.grad((y * y).sum(), x, create_graph=True)
    return g, t.autograd.grad((g * g).sum(), x)


def scanned(t: Any, name: str, shape: tuple[int, ...], dtype: str, into: str) -> Any:
    x = t.ones(shape).to(getattr(t, dtype))
    if into == "place":
        return getattr(x, name + "_")(0)
    if into == "dtype":
        return getattr(x, name + "_")(0, dtype=t.int64)
    out = t.zeros(shape, dtype=t.bool)
    getattr(t, name)(x, 0, out=out)
    return out, getattr(t, name)(x, 0, dtype=t.bool)


def cut_off_in_hessian(t: Any, cut: Any, **more: Any) -> Any:
    def function(a: Any) -> Any:
        cut(a)
        return (a * a).sum()

    return t.autograd.functional.hessian(function, t.tensor([1.0, 2.0]), **more)


def matrix_times_stack(t: Any, rows: int, columns: int, recorded: bool) -> Any:
    x = t.ones(rows, 3, requires_grad=True)
    stack = t.arange(12.0 * columns).reshape(4, 3, columns).requires_grad_(recorded)
    y = x @ stack
    (y * y).sum().backward()
    return y, y.grad_fn.name(), y._base is None, y.stride(), x.grad, stack.grad


def wanted_of_its_own_node(t: Any, function: Any) -> Any:
    y = function(leaf(t, 0.25, 0.5))
    y.backward(t.ones(2), inputs=[y])
    return y.grad


def saved_and_detached(t: Any, create_graph: bool) -> Any:
    x = t.tensor(1.25, dtype=t.float64, requires_grad=True)
    y = x.exp()
    z = x * y
    y.detach_()
    (g,) = t.autograd.grad(z * z, x, create_graph=create_graph)
    return t.autograd.grad(g * g, x)


def saved_before_it_was_detached_and_after(t: Any) -> Any:
    x = t.tensor(1.25, dtype=t.float64, requires_grad=True)
    y = x.exp()
    y.detach_()
    z = x * y
    y.detach_()
    (g,) = t.autograd.grad(z * z, x, create_graph=True)
    return g, t.autograd.grad(g * g, x)


def unpacked_while_switched_off(t: Any) -> Any:
    fw = t.autograd.forward_ad
    with fw.dual_level():
        dual = fw.make_dual(t.ones(2), t.ones(2))
        with fw._set_fwd_grad_enabled(False):
            off = fw.unpack_dual(dual)
        return off.tangent, off.primal is dual, fw.unpack_dual(off.primal), fw.unpack_dual(dual)


def product_in_vjp_twice(t: Any, function: Any) -> Any:
    x = t.tensor([[1.0, 2.0], [3.0, 5.0]], requires_grad=True)
    y, _ = t.func.vjp(lambda a: function(x, a), t.tensor([[1.0, 2.0], [0.5, 0.25]]))
    (g,) = t.autograd.grad((y * y).sum(), x, create_graph=True)
    return g, t.autograd.grad((g * g).sum(), x)


CUTS = [
    lambda a: setattr(a, "requires_grad", False),
    lambda a: a.requires_grad_(False),
    lambda a: a.detach_(),
]


def written_without_recording(t: Any, mode: str, inner: str) -> Any:
    """An example of a leaf, written where nothing is recorded, and differentiated there."""
    x = t.tensor([[1.0, 0.5, 2.0], [0.25, 1.25, 0.75]], requires_grad=True)

    def example(a: Any) -> Any:
        a.neg_()
        slope = t.func.grad(lambda b: (b[:1] ** 3).sum())
        return slope(a) if inner == "grad" else t.func.vjp(t.sin, a)[1](a)[0]

    with getattr(t, mode)():
        return t.vmap(example, in_dims=-1)(x), x.detach()


SCENARIOS = [
    *(
        lambda t, r=r, c=c, k=k: matrix_times_stack(t, r, c, k)  # type: ignore[misc]
        for r in (1, 2)
        for c in (1, 5)
        for k in (True, False)
    ),
    lambda t: product_in_vjp_twice(t, t.mm),
    lambda t: product_in_vjp_twice(t, lambda x, a: t.mm(a, x)),
    lambda t: product_in_vjp_twice(t, t.nn.functional.linear),
    lambda t: saved_and_detached(t, True),
    lambda t: saved_and_detached(t, False),
    saved_before_it_was_detached_and_after,
    unpacked_while_switched_off,
    lambda t: wanted_of_its_own_node(t, lambda x: x // 2),
    lambda t: wanted_of_its_own_node(t, lambda x: 2 // x),
    lambda t: wanted_of_its_own_node(t, lambda x: t.heaviside(x, x)),
    lambda t: wanted_of_its_own_node(t, lambda x: t.bernoulli(x)),
    lambda t: wanted_of_its_own_node(t, lambda x: x * x),
    *(
        lambda t, n=n, s=s, d=d, i=i: scanned(t, n, s, d, i)  # type: ignore[misc]
        for n in ("cumsum", "cumprod")
        for s in ((), (0,), (2, 0), (3,))
        for d in ("bool", "float64", "int32", "int64")
        for i in ("out", "place", "dtype")
    ),
    *(
        lambda t, c=c, m=m: cut_off_in_hessian(t, c, **m)  # type: ignore[misc]
        for c in CUTS
        for m in (
            {},
            {"strict": True},
            {"vectorize": True},
            {"vectorize": True, "outer_jacobian_strategy": "forward-mode"},
        )
    ),
    random_numbers_in_examples_of_a_leaf,
    *(
        lambda t, s=s, w=w: written_where_tangents_stop(t, s, w)  # type: ignore[misc]
        for s in SILENT
        for w in WRITES
    ),
    lambda t: in_a_checkpoint(t, lambda x: (x * 1).index_copy(0, t.tensor([0]), x[1:])),
    lambda t: in_a_checkpoint(t, lambda x: (x * 1).scatter(0, t.tensor([[0, 1]]), x[:1])),
    lambda t: in_a_checkpoint(t, lambda x: t.aminmax(x * 1)[0] + sum(t.aminmax(x, dim=0))),
    copied_without_elements,
    lambda t: in_a_checkpoint(t, lambda x: x.softmax(0)),
    lambda t: leaf_that_requires_none_any_more(t, False),
    lambda t: leaf_that_requires_none_any_more(t, True),
    lambda t: in_a_checkpoint(t, lambda x: (x * 1).masked_scatter(x > 1, x * x)),
    random_numbers_in_a_dual,
    lambda t: version_after_vmap(t, lambda a: a.sin_()),
    lambda t: version_after_vmap(t, lambda a: a.fill_(2), -1),
    lambda t: version_after_vmap(t, lambda a: a.normal_()),
    lambda t: version_after_vmap(t, lambda a: t.vmap(lambda b: b.mul_(2))(a)),
    lambda t: value_with_leading_ones(t, t.tensor([[True, True, True]])),
    lambda t: value_with_leading_ones(t, [0]),
    lambda t: value_with_leading_ones(t, slice(None)),
    lambda t: mask_without_dimensions(t, t.tensor(True)),
    lambda t: mask_without_dimensions(t, t.tensor(False)),
    lambda t: mask_without_dimensions(t, True),
    lambda t: mask_without_dimensions(t, (True, ...)),
    written_leaf_of_a_transform,
    written_input_of_a_transform,
    hook_sees_what_nobody_wants,
    names_of_duals,
    written_primal,
    integers_unpacked,
    cumprod_of_one,
    lambda t: added_number(t, (3,), ()),
    lambda t: added_number(t, (), (1,)),
    lambda t: added_number(t, (), ()),
    lambda t: added_number(t, (3,), (1,)),
    made_in_inference_mode,
    argument_returned_and_written,
    argument_returned_and_written_plainly,
    lambda t: one_element_of_another_dtype(t, [0, -1]),
    lambda t: one_element_of_another_dtype(t, t.tensor([0, 2])),
    lambda t: one_element_of_another_dtype(t, t.tensor([True, False, True])),
    lambda t: one_element_of_another_dtype(t, slice(1, None)),
    parameter_in_vmap,
    parameter_in_vmap_of_grad,
    parameter_in_grad,
    lerp_with_a_number_twice,
    lerp_with_a_tensor_twice,
    lerp_with_a_number_saved,
    product_with_a_number_twice,
    one_chunk_is_no_view,
    one_chunk_of_a_leaf,
    *(
        lambda t, mode=mode, inner=inner: written_without_recording(t, mode, inner)  # type: ignore[misc]
        for mode in ("no_grad", "inference_mode")
        for inner in ("grad", "vjp")
    ),
]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_found(scenario: Any) -> None:
    check(scenario, pb, torch)
