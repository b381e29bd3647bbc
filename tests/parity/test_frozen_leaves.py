"""Leaves that ``requires_grad_(False)`` freezes between forward and backward, beside PyTorch."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

import pullback as pb
from scenarios import check, leaf

torch = pytest.importorskip("torch")


def frozen(t: Any) -> Any:
    w = leaf(t, 3.0)
    y = (w * w).sum()
    w.requires_grad_(False)
    return w, y


def plain(t: Any) -> Any:
    w, y = frozen(t)
    y.backward()
    return w.grad


def beside_a_gradient(t: Any) -> Any:
    w, y = frozen(t)
    w.grad = t.ones(1)
    y.backward()
    return w.grad


def beside_another_leaf(t: Any) -> Any:
    w, v = leaf(t, 3.0), leaf(t, 4.0)
    y = (w * v).sum()
    w.requires_grad_(False)
    y.backward()
    return w.grad, v.grad


def create_graph(t: Any) -> Any:
    w, y = frozen(t)
    y.backward(create_graph=True)
    return w.grad


def of_another_shape(t: Any) -> Any:
    w, y = frozen(t)
    w.data = t.ones(2)
    y.backward()
    return w.grad


def frozen_and_thawed(t: Any) -> Any:
    w, y = frozen(t)
    w.requires_grad_(True)
    y.backward()
    return w.grad


def twice(t: Any) -> Any:
    w, y = frozen(t)
    y.backward(retain_graph=True)
    w.requires_grad_(True)
    y.backward()
    return w.grad


def asked_for(t: Any) -> Any:
    w, y = frozen(t)
    return t.autograd.grad(y, w)


def as_an_input(t: Any) -> Any:
    w, y = frozen(t)
    y.backward(inputs=[w])


def hooked(t: Any) -> Any:
    w = leaf(t, 3.0)
    seen: list[Any] = []
    w.register_hook(lambda g: seen.append(g.clone()))
    y = (w * w).sum()
    w.requires_grad_(False)
    y.backward()
    return w.grad, seen


def view_of_it(t: Any) -> Any:
    w = leaf(t, 3.0)
    view = w.view(1)
    w.requires_grad_(False)
    (view * 2).sum().backward()
    return w.grad


def step(t: Any) -> Any:
    w = leaf(t, 3.0)
    optimizer = t.optim.SGD([w], lr=0.1)
    y = (w * w).sum()
    w.requires_grad_(False)
    y.backward()
    optimizer.step()
    return w


def around_a_transform(t: Any) -> Any:
    w, x = leaf(t, 3.0), leaf(t, 2.0)
    y, _ = t.func.vjp(lambda x: (x * w).sum(), x)
    w.requires_grad_(False)
    y.backward()
    return w.grad, x.grad


def in_a_checkpoint(t: Any) -> Any:
    checkpoint = import_module(f"{t.__name__}.utils.checkpoint").checkpoint
    w, x = leaf(t, 3.0), leaf(t, 2.0)
    y = checkpoint(lambda x: (x * w).sin().sum(), x, use_reentrant=True)
    w.requires_grad_(False)
    y.backward()
    return w.grad, x.grad


def written(t: Any) -> Any:
    w, u = leaf(t, 3.0), leaf(t, 2.0)
    y = (w * 2).sum()
    w.requires_grad_(False)
    w.mul_(u)
    return w, u, y


def moved(t: Any) -> Any:
    written(t)[2].backward()


def moved_by_a_view(t: Any) -> Any:
    w, u = leaf(t, 3.0, 4.0), leaf(t, 2.0)
    y = (w * 2).sum()
    w.requires_grad_(False)
    w[:1].mul_(u)
    y.backward()


def moved_and_used(t: Any) -> Any:
    w, _, y = written(t)
    (y + w.sum()).backward()


def moved_and_kept(t: Any) -> Any:
    w, _, y = written(t)
    w.retain_grad()
    y.backward()


def moved_with_a_hook(t: Any) -> Any:
    w, u = leaf(t, 3.0), leaf(t, 2.0)
    w.register_hook(lambda g: None)
    y = (w * 2).sum()
    w.requires_grad_(False)
    w.mul_(u)
    y.backward()


def moved_beside_inputs(t: Any) -> Any:
    w, v, u = leaf(t, 3.0), leaf(t, 4.0), leaf(t, 2.0)
    y = ((w * 2) * v).sum()
    w.requires_grad_(False)
    w.mul_(u)
    y.backward(inputs=[v])
    return v.grad, w.is_leaf


def moved_and_asked_for(t: Any) -> Any:
    w, _, y = written(t)
    return t.autograd.grad(y, w, allow_unused=True)


def moved_and_detached(t: Any) -> Any:
    w, u, y = written(t)
    w.detach_()
    y.backward()
    return w.grad, u.grad


SCENARIOS = [
    plain,
    beside_a_gradient,
    beside_another_leaf,
    create_graph,
    of_another_shape,
    frozen_and_thawed,
    twice,
    asked_for,
    as_an_input,
    hooked,
    view_of_it,
    step,
    around_a_transform,
    in_a_checkpoint,
    moved,
    moved_by_a_view,
    moved_and_used,
    moved_and_kept,
    moved_with_a_hook,
    moved_beside_inputs,
    moved_and_asked_for,
    moved_and_detached,
]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_frozen(scenario: Any) -> None:
    check(scenario, pb, torch)


def test_the_error_names_the_write() -> None:
    with pytest.raises(RuntimeError, match=r"MulBackward0 at .* in written"):
        moved(pb)
