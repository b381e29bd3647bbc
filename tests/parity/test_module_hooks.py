"""Hooks of modules side by side with torch."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import pytest

import pullback as pb
from scenarios import Scenario, check

torch = pytest.importorskip("torch")


def leaf(t: Any, *values: float) -> Any:
    return t.tensor(values, dtype=t.float64, requires_grad=True)


def make(t: Any, forward: Any = None) -> Any:
    """A module with one parameter: w * x, or another forward."""

    class Scale(t.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.w = t.nn.Parameter(t.tensor([3.0, 4.0], dtype=t.float64))

        def forward(self, *args: Any, **kwargs: Any) -> Any:
            if forward is not None:
                return forward(self, *args, **kwargs)
            return self.w * args[0] * kwargs.get("scale", 1)

    return Scale()


def say(log: list[Any], name: str, result: Any = None) -> Any:
    def hook(module: Any, *seen: Any) -> Any:
        log.append((name, type(module).__name__, repr(seen)))
        return result(*seen) if result else None

    return hook


# --- forward ---


def order(t: Any) -> Any:
    log: list[Any] = []
    module = make(t)
    x = leaf(t, 1.0, 2.0)
    module.register_forward_hook(say(log, "after 1"))
    module.register_forward_hook(say(log, "after 0"), prepend=True)
    module.register_forward_pre_hook(say(log, "before 1"))
    module.register_forward_pre_hook(say(log, "before 0"), prepend=True)
    module.register_full_backward_hook(say(log, "backward 1"))
    module.register_full_backward_hook(say(log, "backward 0"), prepend=True)
    module.register_full_backward_pre_hook(say(log, "pre 1"))
    module.register_full_backward_pre_hook(say(log, "pre 0"), prepend=True)
    y = module(x)
    y.sum().backward()
    return [(name, kind) for name, kind, _ in log], log[-1], y, x.grad, module.w.grad


def replacing(t: Any) -> Any:
    module = make(t)
    module.register_forward_pre_hook(lambda m, args: args[0] * 2)
    module.register_forward_pre_hook(lambda m, args: (args[0] * 5,))
    module.register_forward_hook(lambda m, args, y: y * 7)
    module.register_forward_hook(lambda m, args, y: None)
    return module(leaf(t, 1.0, 2.0)).detach()


def with_kwargs(t: Any) -> Any:
    log: list[Any] = []
    module = make(t)
    module.register_forward_pre_hook(say(log, "plain"))
    module.register_forward_pre_hook(
        lambda m, args, kwargs: (args, {"scale": kwargs["scale"] + 1}), with_kwargs=True
    )
    module.register_forward_hook(say(log, "plain after"))
    module.register_forward_hook(say(log, "with kwargs"), with_kwargs=True)
    return module(t.ones(2, dtype=t.float64), scale=2).detach(), log


def bad_kwargs(t: Any) -> Any:
    module = make(t)
    module.register_forward_pre_hook(lambda m, args, kwargs: args, with_kwargs=True)
    return module(leaf(t, 1.0, 2.0))


def removing(t: Any) -> Any:
    log: list[Any] = []
    module = make(t)
    handles = [
        module.register_forward_hook(say(log, "a"), with_kwargs=True, always_call=True),
        module.register_forward_pre_hook(say(log, "b"), with_kwargs=True),
        module.register_full_backward_hook(say(log, "c")),
        module.register_full_backward_pre_hook(say(log, "d")),
    ]
    names = [
        "_forward_hooks",
        "_forward_pre_hooks",
        "_backward_hooks",
        "_backward_pre_hooks",
        "_forward_hooks_with_kwargs",
        "_forward_hooks_always_called",
        "_forward_pre_hooks_with_kwargs",
    ]
    before = [len(getattr(module, name)) for name in names]
    for handle in handles:
        handle.remove()
    module(leaf(t, 1.0, 2.0)).sum().backward()
    return before, [len(getattr(module, name)) for name in names], log


def always(t: Any, fail_in: str = "forward") -> Any:
    log: list[str] = []

    def forward(module: Any, x: Any) -> Any:
        if fail_in == "forward":
            raise ValueError("forward")
        return x

    def failing(module: Any, args: Any, y: Any) -> None:
        log.append("failing")
        raise KeyError("hook")

    module = make(t, forward)
    module.register_forward_hook(
        lambda m, a, y: log.append(f"always {y is None}"), always_call=True
    )
    if fail_in == "hook":
        module.register_forward_hook(failing)
    if fail_in == "both":
        module.register_forward_hook(failing, always_call=True)
    module.register_forward_hook(lambda m, a, y: log.append("plain"))
    module.register_forward_hook(lambda m, a, y: log.append("last"), always_call=True)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            module(leaf(t, 1.0))
        except (ValueError, KeyError) as error:
            log.append(repr(error))
    return log, [str(w.message) for w in caught]


def of_all_modules(t: Any) -> Any:
    log: list[Any] = []
    spot = t.nn.modules.module
    handles = [
        spot.register_module_forward_pre_hook(lambda m, a: log.append(("pre", type(m).__name__))),
        spot.register_module_forward_hook(lambda m, a, y: log.append(("after", type(m).__name__))),
        spot.register_module_forward_hook(
            lambda m, a, k, y: log.append(("kwargs", k)), with_kwargs=True
        ),
        spot.register_module_full_backward_pre_hook(lambda m, g: log.append(("back pre", g))),
        spot.register_module_full_backward_hook(lambda m, g, h: log.append(("back", g, h))),
    ]
    try:
        net = t.nn.Sequential(t.nn.ReLU(), t.nn.Identity())
        net[0].register_forward_hook(lambda m, a, y: log.append("own"))
        x = leaf(t, 1.0, -2.0)
        net(x).sum().backward()
    finally:
        for handle in handles:
            handle.remove()
    count = len(log)
    net(x)
    return log, len(log) - count, x.grad


# --- backward ---


def replaced_gradients(t: Any) -> Any:
    log: list[Any] = []
    module = make(t)
    x = leaf(t, 1.0, 2.0)
    module.register_full_backward_pre_hook(say(log, "pre", lambda g: (g[0] * 10,)))
    module.register_full_backward_pre_hook(say(log, "pre again"))
    module.register_full_backward_hook(say(log, "back", lambda g, h: (g[0] * 100,)))
    module.register_full_backward_hook(say(log, "back again"))
    module(x).sum().backward()
    return log, x.grad, module.w.grad


def several_values(t: Any) -> Any:
    log: list[Any] = []
    c = t.ones(2, dtype=t.float64)
    module = make(t, lambda m, a, n, b: (a * b, n, m.w * c, c * 2))
    module.register_full_backward_hook(say(log, "back"))
    a, b = leaf(t, 1.0, 2.0), leaf(t, 3.0, 4.0)
    first, number, second, third = module(a, 5, b)
    (first + second).sum().backward()
    return log, number, third.requires_grad, a.grad, b.grad, module.w.grad


def no_input_requires_a_gradient(t: Any) -> Any:
    log: list[Any] = []
    module = make(t)
    module.register_full_backward_hook(say(log, "back"))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        module(t.ones(2, dtype=t.float64)).sum().backward()
    return log, module.w.grad, [str(w.message)[:60] for w in caught]


def no_input_but_a_replacement(t: Any) -> Any:
    module = make(t)
    module.register_full_backward_hook(lambda m, g, h: (t.ones(2),))
    module(t.ones(2, dtype=t.float64)).sum().backward()


def no_tensor_among_the_inputs(t: Any) -> Any:
    log: list[Any] = []
    module = make(t, lambda m, n: m.w * n)
    module.register_full_backward_hook(say(log, "back"))
    module.register_full_backward_pre_hook(say(log, "pre"))
    module(3).sum().backward()
    return log, module.w.grad


def result_of_another_type(t: Any) -> Any:
    log: list[Any] = []
    module = make(t, lambda m, x: {"y": m.w * x})
    module.register_full_backward_hook(say(log, "back"))
    x = leaf(t, 1.0, 2.0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        module(x)["y"].sum().backward()
    return log, x.grad, [str(w.message).partition("<")[0] for w in caught]


def without_recording(t: Any) -> Any:
    log: list[Any] = []
    module = make(t)
    module.register_full_backward_hook(say(log, "back"))
    with t.no_grad():
        return module(leaf(t, 1.0, 2.0)), log


def an_unused_input(t: Any) -> Any:
    log: list[Any] = []
    module = make(t, lambda m, a, b: m.w * a)
    module.register_full_backward_hook(say(log, "back"))
    a, b = leaf(t, 1.0, 2.0), leaf(t, 3.0, 4.0)
    module(a, b).sum().backward()
    return log, a.grad, b.grad


def second_order(t: Any) -> Any:
    log: list[Any] = []
    module = make(t, lambda m, x: m.w * x * x)
    module.register_full_backward_hook(lambda m, g, h: log.append((g[0].detach(), h[0].detach())))
    x = leaf(t, 1.0, 2.0)
    (g,) = t.autograd.grad(module(x).sum(), x, create_graph=True)
    return t.autograd.grad(g.sum(), x), log


def nodes(t: Any) -> Any:
    module = make(t)
    module.register_full_backward_hook(lambda m, g, h: None)
    y = module(leaf(t, 1.0, 2.0))
    return y.grad_fn.name(), type(y.grad_fn).__name__


def in_place_on_the_result(t: Any) -> Any:
    module = make(t)
    module.register_full_backward_hook(lambda m, g, h: None)
    y = module(leaf(t, 1.0, 2.0))
    y.mul_(2)


def wrong_number(kind: str) -> Scenario:
    def scenario(t: Any) -> Any:
        module = make(t)
        if kind == "pre":
            module.register_full_backward_pre_hook(lambda m, g: (g[0], g[0]))
        else:
            module.register_full_backward_hook(lambda m, g, h: (g[0], g[0]))
        module(leaf(t, 1.0, 2.0)).sum().backward()

    return scenario


def both_kinds(first: str) -> Scenario:
    def scenario(t: Any) -> Any:
        module = make(t)
        names = ["register_backward_hook", "register_full_backward_hook"]
        for name in names if first == "old" else names[::-1]:
            getattr(module, name)(lambda m, g, h: None)

    return scenario


def the_old_kind(t: Any) -> Any:
    log: list[Any] = []
    module = make(t)
    module.register_backward_hook(say(log, "back", lambda g, h: (g[0], g[1] * 10)))
    x = leaf(t, 1.0, 2.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module(x).sum().backward()
    return log, x.grad, module.w.grad


def an_error_in_a_hook(t: Any) -> Any:
    module = make(t)
    module.register_full_backward_hook(lambda m, g, h: {}["missing"])
    module(leaf(t, 1.0, 2.0)).sum().backward()


def copies(t: Any) -> Any:
    log: list[Any] = []
    module = t.nn.Sequential(t.nn.ReLU())
    module[0].register_forward_hook(lambda m, a, y: log.append("called"))
    copy.deepcopy(module)(t.ones(1))
    return len(log)


SCENARIOS: dict[str, Scenario] = {
    "always": always,
    "always, hook fails": lambda t: always(t, "hook"),
    "always, both fail": lambda t: always(t, "both"),
    "wrong number": wrong_number("full"),
    "wrong number before": wrong_number("pre"),
    "old then full": both_kinds("old"),
    "full then old": both_kinds("full"),
} | {
    each.__name__: each
    for each in (
        order,
        replacing,
        with_kwargs,
        bad_kwargs,
        removing,
        of_all_modules,
        replaced_gradients,
        several_values,
        no_input_requires_a_gradient,
        no_input_but_a_replacement,
        no_tensor_among_the_inputs,
        result_of_another_type,
        without_recording,
        an_unused_input,
        second_order,
        nodes,
        in_place_on_the_result,
        the_old_kind,
        an_error_in_a_hook,
        copies,
    )
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(name: str) -> None:
    check(SCENARIOS[name], pb, torch)
