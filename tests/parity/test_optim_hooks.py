"""Hooks of optimizers compared with PyTorch."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

import pullback as pb

torch = pytest.importorskip("torch")


def test_hooks_run_in_the_order_of_torch() -> None:
    logs = []
    for lib in (pb, torch):
        log: list[Any] = []
        module = importlib.import_module(f"{lib.__name__}.optim.optimizer")
        p = lib.ones(2, requires_grad=True)
        optimizer = lib.optim.SGD([p], lr=0.1, momentum=0.9)

        def note(name: str, log: Any = log) -> Any:
            return lambda *args: log.append((name, len(args)))

        handles = [
            module.register_optimizer_step_post_hook(note("all after")),
            module.register_optimizer_step_pre_hook(note("all before")),
            optimizer.register_step_post_hook(note("after")),
            optimizer.register_step_pre_hook(note("before")),
            optimizer.register_state_dict_pre_hook(note("save")),
            optimizer.register_state_dict_post_hook(note("saved")),
            optimizer.register_state_dict_post_hook(note("saved first"), prepend=True),
            optimizer.register_load_state_dict_pre_hook(note("load")),
            optimizer.register_load_state_dict_post_hook(note("loaded")),
        ]
        (p * p).sum().backward()
        optimizer.step()
        optimizer.load_state_dict(optimizer.state_dict())
        for handle in handles:
            handle.remove()
        optimizer.step()
        optimizer.state_dict()
        logs.append(log)
    assert logs[0] == logs[1]


def test_hooks_change_what_is_given() -> None:
    for lib in (pb, torch):
        p = lib.ones(2, requires_grad=True)
        optimizer = lib.optim.SGD([p], lr=0.1)
        calls = []
        optimizer.register_step_pre_hook(
            lambda o, args, kwargs, c=calls: ((o, lambda: c.append(1)), {})
        )
        optimizer.step()
        assert calls == [1]
        optimizer.register_step_pre_hook(lambda *args: 3)
        with pytest.raises(RuntimeError, match="must return None or a tuple of"):
            optimizer.step()
        renamed = lib.optim.SGD([p], lr=0.1)
        renamed.register_state_dict_post_hook(lambda o, s: {**s, "more": 1})
        renamed.register_load_state_dict_pre_hook(
            lambda o, s: {k: v for k, v in s.items() if k != "more"}
        )
        assert renamed.state_dict()["more"] == 1
        renamed.load_state_dict(renamed.state_dict())
