"""What random programs found (tests/programs), as short as they made it, beside PyTorch."""

from __future__ import annotations

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


SCENARIOS = [
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
]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_found(scenario: Any) -> None:
    check(scenario, pb, torch)
