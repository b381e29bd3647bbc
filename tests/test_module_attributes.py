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
