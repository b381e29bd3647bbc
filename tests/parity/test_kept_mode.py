"""What user code in a backward pass does to the thread's modes, and who sees it, beside torch.

A change lasts until the end of the node whose hook or function made it; the next node finds the
mode as the pass began with it, the caller of the pass finds his own, also after an exception.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import pullback as pb
from scenarios import make

torch = pytest.importorskip("torch")


def pair(t: Any, name: str, log: list[str]) -> Any:
    def packing(x: Any) -> Any:
        log.append(f"pack {name}")
        return x

    return t.autograd.graph.saved_tensors_hooks(packing, lambda x: x)


class Program:
    """One pass in which something is done once; ``seen`` is what everybody found."""

    def __init__(self, t: Any) -> None:
        self.t = t
        self.log: list[str] = []
        self.entered: list[Any] = []
        self.seen: list[Any] = []
        self.outer = pair(t, "outer", self.log)

    def enter(self, manager: Any) -> None:
        self.entered.append(manager)
        manager.__enter__()

    def look(self, who: str) -> None:
        t = self.t
        self.log.clear()
        if not t.is_inference_mode_enabled():
            x = t.ones(1, requires_grad=True)
            _ = x * x
        try:
            with pair(t, "", []):
                refused = ""
        except RuntimeError as error:
            refused = str(error)
        forward = t.autograd.forward_ad._is_fwd_grad_enabled()
        modes = t.is_grad_enabled(), t.is_inference_mode_enabled(), forward
        self.seen.append((who, *modes, t.is_anomaly_enabled(), list(self.log), refused))


def grad_off(p: Program) -> None:
    p.t.set_grad_enabled(False)


def grad_on(p: Program) -> None:
    p.t.set_grad_enabled(True)


def inference(p: Program) -> None:
    p.enter(p.t.inference_mode())


def forward_off(p: Program) -> None:
    p.enter(p.t.autograd.forward_ad._set_fwd_grad_enabled(False))


def anomaly(p: Program) -> None:
    p.t.autograd.set_detect_anomaly(True)


def enter_hooks(p: Program) -> None:
    p.enter(pair(p.t, "inner", p.log))


def leave_hooks(p: Program) -> None:
    p.outer.__exit__(None, None, None)


def refuse_hooks(p: Program) -> None:
    p.outer.__exit__(None, None, None)
    p.enter(p.t.autograd.graph.disable_saved_tensors_hooks("none here"))


def a_pass_of_its_own(p: Program) -> None:
    x = p.t.ones(1, requires_grad=True)
    with p.t.enable_grad():
        y = x * 2
    y.register_hook(lambda g: grad_off(p))
    y.register_hook(lambda g: enter_hooks(p))
    y.backward()


DO = [
    grad_off,
    grad_on,
    inference,
    forward_off,
    anomaly,
    enter_hooks,
    leave_hooks,
    refuse_hooks,
    a_pass_of_its_own,
]

Where = Callable[[Program, Callable[..., Any], Any], Any]


def in_a_hook(p: Program, act: Any, y: Any) -> Any:
    y.register_hook(act)
    y.register_hook(lambda g: p.look("the next hook"))
    return y


def before_a_node(p: Program, act: Any, y: Any) -> Any:
    y.grad_fn.register_prehook(act)
    y.grad_fn.register_hook(lambda *_: p.look("after the node"))
    return y


def after_a_node(p: Program, act: Any, y: Any) -> Any:
    y.grad_fn.register_hook(lambda *_: act(None))
    return y


def in_a_custom_backward(p: Program, act: Any, y: Any) -> Any:
    def backward(ctx: Any, g: Any) -> Any:
        act(g)
        return g * 1

    y = make(p.t, lambda ctx, x: x * 1, backward).apply(y)
    y.grad_fn.register_hook(lambda *_: p.look("after the node"))
    return y


def in_unpack(p: Program, act: Any, y: Any) -> Any:
    def unpack(x: Any) -> Any:
        act(x)
        return x

    with p.t.autograd.graph.saved_tensors_hooks(lambda x: x, unpack):
        return y.exp()


def at_a_leaf(p: Program, act: Any, y: Any) -> Any:
    x = p.t.ones(2, requires_grad=True)
    x.register_hook(act)
    x.register_post_accumulate_grad_hook(lambda leaf: p.look("after the accumulation"))
    return y + x


WHERE = [in_a_hook, before_a_node, after_a_node, in_a_custom_backward, in_unpack, at_a_leaf]


def story(t: Any, do: Any, where: Where, raises: bool, create_graph: bool) -> list[Any]:
    p = Program(t)

    def act(*_: Any) -> None:
        p.look("before")
        do(p)
        p.look("behind")
        if raises:
            raise ZeroDivisionError

    x = t.ones(2, requires_grad=True)
    x.register_hook(lambda g: p.look("the leaf"))
    below = x * 2
    below.register_hook(lambda g: p.look("a node below"))
    top = where(p, act, below * 3)
    p.outer.__enter__()
    try:
        (g,) = t.autograd.grad(top.sum(), x, create_graph=create_graph)
        p.seen.append((g.tolist(), g.requires_grad, g.is_inference()))
    except ZeroDivisionError:
        p.seen.append("raised")
    p.look("the caller")
    p.outer.__exit__(None, None, None)
    p.look("outside")
    for manager in reversed(p.entered):  # what was left open belongs to the pass
        with contextlib.suppress(RuntimeError):
            manager.__exit__(None, None, None)
    t.autograd.forward_ad._set_fwd_grad_enabled(True)
    t.autograd.set_detect_anomaly(False)
    t.set_grad_enabled(True)
    return p.seen


@pytest.fixture(autouse=True)
def _modes() -> Iterator[None]:
    yield
    for t in (pb, torch):
        t.autograd.set_detect_anomaly(False)
        assert t.is_grad_enabled()
        assert not t.is_inference_mode_enabled()


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("where", WHERE, ids=lambda f: f.__name__)
@pytest.mark.parametrize("do", DO, ids=lambda f: f.__name__)
def test_who_sees_it(do: Any, where: Where) -> None:
    for raises in (False, True):
        for create_graph in (False, True):
            ours, theirs = (story(t, do, where, raises, create_graph) for t in (pb, torch))
            assert ours == theirs
