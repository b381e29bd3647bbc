"""``state_dict`` and ``load_state_dict`` beside torch: extra state, hooks, versions.

A scenario returns the log of what was called with what; the two libraries' logs must be equal.
"""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest

import pullback as pb

torch = pytest.importorskip("torch")


def model(t: Any) -> Any:
    class Counter(t.nn.Module):
        _version = 3

        def __init__(self) -> None:
            super().__init__()
            self.count = 1
            self.weight = t.nn.Parameter(t.ones(2))
            self.register_buffer("shift", t.zeros(1))
            self.register_buffer("cache", t.zeros(1), persistent=False)
            self.register_parameter("none", None)

        def get_extra_state(self) -> Any:
            return {"count": self.count}

        def set_extra_state(self, state: Any) -> None:
            self.count = state["count"]

    outer = t.nn.Module()
    outer.first = Counter()
    outer.second = t.nn.Sequential(t.nn.Linear(1, 1), Counter())
    return outer


def plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else value


def items(state: Any) -> Any:
    return [(key, plain(value)) for key, value in state.items()]


def extra(t: Any) -> Any:
    one, other = model(t), model(t)
    with t.no_grad():
        for p in one.parameters():
            p.fill_(0.5)
    one.first.count = 7
    state = one.state_dict()
    result = other.load_state_dict(state)
    return items(state), repr(result), other.first.count, other.second[1].count


def missing_and_unexpected(t: Any) -> Any:
    log = []
    for change in (
        lambda s: s.pop("first._extra_state"),
        lambda s: s.pop("first.weight"),
        lambda s: s.update({"_extra_state": 1}),
        lambda s: s.update({"second.0._extra_state": 1}),
        lambda s: s.update({"second.0.more": t.ones(1), "third.x": t.ones(1), "x": t.ones(1)}),
        lambda s: s.update({"first.weight": t.ones(3)}),
        lambda s: s.update({"first.weight": 3}),
        lambda s: s.update({"first.none": t.ones(1), "first.cache": t.ones(1)}),
    ):
        for strict in (True, False):
            state = model(t).state_dict()
            change(state)
            try:
                found = model(t).load_state_dict(state, strict=strict)
                log.append((sorted(found.missing_keys), sorted(found.unexpected_keys)))
            except RuntimeError as error:
                log.append(str(error).split("\n")[1:2])
    return log


def only_one_of_the_pair(t: Any) -> Any:
    class Half(t.nn.Module):
        def set_extra_state(self, state: Any) -> None:
            """Nothing."""

    class Other(t.nn.Module):
        def get_extra_state(self) -> Any:
            return 1

    log: list[Any] = [items(Half().state_dict()), items(Other().state_dict())]
    for cls in (Half, Other):
        found = cls().load_state_dict({"_extra_state": 1}, strict=False)
        log += [found.missing_keys, found.unexpected_keys]
        log += cls().load_state_dict({}, strict=False).missing_keys
    for method in ("get_extra_state", "set_extra_state"):
        try:
            getattr(t.nn.Module(), method)(*[1] * (method == "set_extra_state"))
        except RuntimeError:
            log.append("RuntimeError")
    return log


def metadata(t: Any) -> Any:
    state = model(t).state_dict(prefix="p.")
    copied = copy.deepcopy(state)
    sent = pickle.loads(pickle.dumps(state))
    looks = [
        (type(s).__name__, {k: dict(v) for k, v in s._metadata.items()})
        for s in (state, copied, sent, copy.copy(state))
    ]
    mine: dict[str, Any] = {}
    given = model(t).state_dict(destination=mine)
    return looks, given is mine, sorted(mine)


def hooks(t: Any) -> Any:
    log: list[Any] = []
    m = model(t)
    inner = m.second
    inner.register_state_dict_pre_hook(
        lambda module, prefix, keep: log.append(("pre", prefix, keep))
    )

    def drop(module: Any, state: Any, prefix: str, local: Any) -> None:
        log.append(("post", prefix, dict(local), module is inner))
        del state[prefix + "0.bias"]

    handle = inner.register_state_dict_post_hook(drop)
    m._register_state_dict_hook(lambda module, state, prefix, local: {**state, "new": 1})
    log.append(items(m.state_dict(keep_vars=True)))
    handle.remove()
    log.append(sorted(m.state_dict()))

    def before(module: Any, state: Any, prefix: str, local: Any, strict: bool, *lists: Any) -> None:
        log.append(("load", prefix, dict(local), strict, [list(each) for each in lists]))
        state[prefix + "0.bias"] = t.ones(1)

    inner.register_load_state_dict_pre_hook(before)
    inner._register_load_state_dict_pre_hook(lambda state, prefix, *rest: log.append(prefix))
    inner._register_load_state_dict_pre_hook(
        lambda module, *rest: log.append(module is inner), True
    )

    def after(module: Any, keys: Any) -> None:
        log.append(("after", module is inner, list(keys.missing_keys), list(keys.unexpected_keys)))
        keys.missing_keys.clear()

    inner.register_load_state_dict_post_hook(after)
    state = model(t).state_dict()
    del state["second.0.bias"]
    del state["second.0.weight"]
    log.append(repr(m.load_state_dict(state)))
    return log


def hooks_that_return(t: Any) -> Any:
    log = []
    m = t.nn.Linear(1, 1)
    m.register_state_dict_post_hook(lambda *args: {})
    try:
        m.state_dict()
    except RuntimeError as error:
        log.append(str(error))
    m = t.nn.Linear(1, 1)
    m.register_load_state_dict_post_hook(lambda *args: 1)
    try:
        m.load_state_dict(m.state_dict())
    except AssertionError:
        log.append("AssertionError")
    return log


def replaced_methods(t: Any) -> Any:
    log: list[Any] = []

    class Own(t.nn.Linear):
        def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
            super()._save_to_state_dict(destination, prefix, keep_vars)
            destination[prefix + "note"] = 5

        def _load_from_state_dict(
            self, state_dict: Any, prefix: str, local_metadata: Any, *rest: Any
        ) -> None:
            log.append((state_dict.pop(prefix + "note"), dict(local_metadata), len(rest)))
            super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)

    m = t.nn.Sequential(Own(1, 1))
    for assign in (False, True):
        m.load_state_dict(m.state_dict(), assign=assign)
    return log


def assigned(t: Any) -> Any:
    log = []
    for frozen in (False, True):
        for given in (t.ones(1, 1), t.nn.Parameter(t.ones(1, 1), requires_grad=False)):
            m = t.nn.Linear(1, 1, bias=False).requires_grad_(not frozen)
            m.load_state_dict({"weight": given}, assign=True)
            log.append((m.weight is given, type(m.weight).__name__, m.weight.requires_grad))
    return log


SCENARIOS: list[Callable[[Any], Any]] = [
    extra,
    missing_and_unexpected,
    only_one_of_the_pair,
    metadata,
    hooks,
    hooks_that_return,
    replaced_methods,
    assigned,
]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda f: f.__name__)
def test_the_same_is_called_with_the_same(scenario: Callable[[Any], Any]) -> None:
    torch.manual_seed(0)
    pb.manual_seed(0)
    ours = scenario(pb)
    torch.manual_seed(0)
    assert ours == scenario(torch)
