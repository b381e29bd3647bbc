"""Parameters, buffers and submodules as attributes: found at once, and all that Python promises of
attributes still holds (csrc/bind/module_attributes.h)."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

import pullback as pb
from pullback import nn


class Both(nn.Module):
    scale = 2.0

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(pb.ones(2))
        self.inner = nn.Linear(2, 2)
        self.register_buffer("count", pb.zeros(1))
        self.plain = "plain"


def python_calls(run: Callable[[], Any]) -> list[str]:
    """The names of the functions in Python that are called."""
    names = []
    sys.setprofile(lambda frame, event, _: names.append(frame.f_code.co_name))
    try:
        run()
    finally:
        sys.setprofile(None)
    return names


@pytest.mark.parametrize("name", ["weight", "inner", "count", "plain", "scale", "training"])
def test_no_function_is_called_for_what_is_there(name: str) -> None:
    module = Both()
    assert "__getattr__" not in python_calls(lambda: getattr(module, name))
    assert "__getattr__" in python_calls(lambda: getattr(module, "missing", None))


def test_they_are_what_the_dictionaries_hold() -> None:
    module = Both()
    assert module.weight is module._parameters["weight"]
    assert module.inner is module._modules["inner"]
    assert module.count is module._buffers["count"]
    other = nn.Parameter(pb.zeros(2))
    module._parameters["weight"] = other
    assert module.weight is other
    del module.weight
    with pytest.raises(AttributeError, match="'Both' object has no attribute 'weight'"):
        module.weight  # noqa: B018


def test_what_the_class_or_the_instance_has_comes_first() -> None:
    class Shadowed(Both):
        pass

    module = Shadowed()
    Shadowed.weight = None
    assert module.weight is None
    assert module._parameters["weight"] is not None
    module = Both()
    module.__dict__["weight"] = 3
    assert module.weight == 3


def test_a_getattr_of_a_subclass_is_asked_for_the_rest() -> None:
    class Wrapper(Both):
        def __getattr__(self, name: str) -> Any:
            if name == "missing":
                return "of the wrapped"
            return super().__getattr__(name)

    class Below(Wrapper):
        pass

    for module in (Wrapper(), Below()):
        assert module.weight is module._parameters["weight"]
        assert module.missing == "of the wrapped"


def test_a_getattr_that_is_given_later() -> None:
    class Late(Both):
        pass

    module = Late()
    Late.__getattr__ = lambda self, name: f"late {name}"  # type: ignore[method-assign]
    assert module.missing == "late missing"
    assert module.plain == "plain"
    assert module.weight == "late weight"
    del Late.__getattr__
    assert module.weight is module._parameters["weight"]


def test_a_getattribute_of_a_subclass_decides() -> None:
    class Decides(Both):
        def __getattribute__(self, name: str) -> Any:
            return "decided" if name == "scale" else super().__getattribute__(name)

    assert Decides().scale == "decided"
    assert Decides().weight.shape == (2,)
    assert isinstance(Decides().inner, nn.Linear)


def test_a_property_that_fails_asks_getattr() -> None:
    class Property(Both):
        @property
        def broken(self) -> Any:
            return self.nothing

        @property
        def wrong(self) -> Any:
            raise ValueError("wrong")

    with pytest.raises(AttributeError, match="'Property' object has no attribute 'broken'"):
        Property().broken  # noqa: B018
    with pytest.raises(ValueError, match="wrong"):
        Property().wrong  # noqa: B018


def test_a_class_that_begins_without_init() -> None:
    class Forgets(nn.Module):
        def __init__(self) -> None:
            pass

    with pytest.raises(AttributeError, match=r"Module.__init__\(\) was not called"):
        Forgets().weight  # noqa: B018


def test_a_call_is_the_forward_that_the_module_has_now() -> None:
    class Doubles(nn.Module):
        def forward(self, x: Any, *more: Any, factor: Any = 2) -> Any:
            return (x * factor, *more) if more else x * factor

    module = Doubles()
    assert module(3) == 6
    assert module(x=3) == 6
    assert module(3, factor=5) == 15
    assert module(*range(1, 12)) == (2, *range(2, 12))
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'x'"):
        module()
    module.forward = lambda x: -x  # type: ignore[method-assign]
    assert module(3) == -3
    del module.forward
    Doubles.forward = lambda self, x: x + 1  # type: ignore[assignment,method-assign]
    assert module(3) == 4
    Doubles.forward = staticmethod(lambda x: x + 2)  # type: ignore[assignment]
    assert module(3) == 5
    handle = module.register_forward_hook(lambda module, args, result: result * 10)
    assert module(3) == 50
    handle.remove()
    assert module(3) == 5
    handle = nn.modules.module.register_module_forward_pre_hook(lambda module, args: (0,))
    assert module(3) == 2
    handle.remove()
    assert module(3) == 5


def test_a_class_calls_in_its_own_way() -> None:
    class Own(nn.Module):
        def __call__(self, x: Any) -> Any:
            return ("own", super().__call__(x))

        def forward(self, x: Any) -> Any:
            return x

    class Mixin:
        def __call__(self, x: Any) -> Any:
            return "mixin"

    class Mixed(Mixin, nn.Module):
        def forward(self, x: Any) -> Any:
            return x

    class Plain(nn.Module):
        def forward(self, x: Any) -> Any:
            return x

    assert Own()(1) == ("own", 1)
    assert Mixed()(1) == "mixin"
    plain = Plain()
    before = nn.Module.__call__
    try:
        nn.Module.__call__ = lambda self, x: "patched"  # type: ignore[method-assign,assignment]
        assert plain(1) == "patched"
        assert Own()(1) == ("own", "patched")
    finally:
        nn.Module.__call__ = before  # type: ignore[method-assign]
    assert plain(1) == 1
    Plain.__call__ = lambda self, x: "late"  # type: ignore[method-assign,assignment]
    assert plain(1) == "late"
    del Plain.__call__
    assert plain(1) == 1


def test_a_module_without_init_says_so_when_it_is_called() -> None:
    class Forgets(nn.Module):
        def __init__(self) -> None:
            pass

        def forward(self, x: Any) -> Any:
            return x

    with pytest.raises(AttributeError, match="_forward_hooks"):
        Forgets()(1)
    with pytest.raises(NotImplementedError, match='missing the required "forward" function'):
        nn.Module()(1)


def test_calls_of_modules_nest_to_the_limit_of_python() -> None:
    class Endless(nn.Module):
        def forward(self, x: Any) -> Any:
            return self(x)

    with pytest.raises(RecursionError):
        Endless()(1)
