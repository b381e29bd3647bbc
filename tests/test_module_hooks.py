"""Hooks of modules: pickling, cycles, costs and errors; torch's semantics are compared in
parity/test_module_hooks.py."""

from __future__ import annotations

import gc
import pickle
from typing import Any

import pytest

import pullback as pb
from pullback import _core, nn
from pullback.nn.modules import module as spot


def double(module: Any, args: Any, result: Any) -> Any:
    return result * 2


def test_a_forward_hook_sees_what_flows() -> None:
    seen: dict[str, list[int]] = {}
    net = nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 1))
    for name, layer in net.named_children():
        layer.register_forward_hook(
            lambda m, args, y, name=name: seen.update({name: [*args[0].shape, *y.shape]})
        )
    net(pb.ones(5, 3))
    assert seen == {"0": [5, 3, 5, 2], "1": [5, 2, 5, 2], "2": [5, 2, 5, 1]}


def test_gradients_of_a_layer() -> None:
    seen: list[Any] = []
    layer = nn.Linear(2, 2, bias=False)
    layer.register_full_backward_hook(lambda m, given, arrived: seen.append((given, arrived)))
    x = pb.ones(1, 2, requires_grad=True)
    layer(x).sum().backward()
    ((given,), (arrived,)) = seen.pop()
    assert arrived.tolist() == [[1.0, 1.0]]
    assert given.tolist() == x.grad.tolist() == [layer.weight.detach().sum(0).tolist()]


def test_a_module_with_hooks_pickles() -> None:
    layer = nn.ReLU()
    layer.register_forward_hook(double)
    copied = pickle.loads(pickle.dumps(layer))
    assert copied(pb.ones(1)).tolist() == [2.0]


def test_state_and_text_do_not_show_hooks() -> None:
    layer = nn.Linear(1, 1)
    plain = (list(layer.state_dict()), repr(layer))
    layer.register_forward_hook(double)
    layer.register_full_backward_hook(lambda m, g, h: None)
    assert (list(layer.state_dict()), repr(layer)) == plain


@pytest.mark.parametrize("kind", ["forward", "backward"])
def test_a_hook_that_refers_to_its_module(kind: str) -> None:
    def make() -> None:
        layer = nn.Linear(2, 2)
        if kind == "forward":
            layer.register_forward_hook(lambda m, args, y: layer and None)
        else:
            layer.register_full_backward_hook(lambda m, g, h: layer and None)
        y = layer(pb.ones(1, 2, requires_grad=True))
        y.sum().backward()

    before = _core.live_objects()
    make()
    gc.collect()
    assert _core.live_objects() == before


def test_an_error_in_forward_reaches_the_caller_unchanged() -> None:
    boom = ValueError("boom")

    class Failing(nn.Module):
        def forward(self, x: Any) -> Any:
            raise boom

    layer = Failing()
    layer.register_forward_hook(double)
    with pytest.raises(ValueError, match="boom") as caught:
        layer(pb.ones(1))
    assert caught.value is boom
    boom.__traceback__ = None


def test_the_kinds_of_hooks_of_all_modules_do_not_mix() -> None:
    handle = spot.register_module_full_backward_hook(lambda m, g, h: None)
    try:
        with pytest.raises(RuntimeError, match="as a global Module hook"):
            spot.register_module_backward_hook(lambda m, g, h: None)
    finally:
        handle.remove()


def test_a_module_whose_init_was_not_called() -> None:
    class Late(nn.Module):
        def __init__(self) -> None:
            pass

    with pytest.raises(AttributeError, match="_forward_hooks"):
        Late().register_forward_hook(double)
