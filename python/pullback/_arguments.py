"""What an argument of a function in Python must be, in the words of the core's functions.

``numbers("trunc_normal_", mean=mean)`` raises "trunc_normal_(): argument 'mean' must be float, not
str" unless it is one. Functions of the facade begin with such calls, so that a wrong argument is
named and not met somewhere inside.
"""

from __future__ import annotations

from pullback import _core

TYPE_CHECKING = False  # as in _tensor.py
if TYPE_CHECKING:
    from typing import Any, NoReturn


def refuse(function: str, name: str, wanted: str, value: object) -> NoReturn:
    raise TypeError(f"{function}(): argument {name!r} must be {wanted}, not {type(value).__name__}")


def tensors(function: str, /, **values: object) -> None:
    for name, value in values.items():
        if not isinstance(value, _core.Tensor):
            refuse(function, name, "Tensor", value)


def bools(function: str, /, **values: object) -> None:
    for name, value in values.items():
        if not isinstance(value, bool):
            refuse(function, name, "bool", value)


def flags(function: str, /, **values: object) -> None:
    """Bools; numbers and None serve, too."""
    for name, value in values.items():
        if value is True or value is False or value is None:
            continue
        if not isinstance(value, float) and not hasattr(value, "__index__"):
            refuse(function, name, "bool", value)


def numbers(function: str, /, **values: object) -> None:
    for name, value in values.items():
        if not isinstance(value, (int, float)) and not _is_number(value):
            refuse(function, name, "float", value)


def integers(function: str, /, **values: object) -> None:
    for name, value in values.items():
        if not hasattr(value, "__index__"):
            refuse(function, name, "int", value)


def texts(function: str, /, **values: object) -> None:
    for name, value in values.items():
        if not isinstance(value, str):
            refuse(function, name, "str", value)


def functions(function: str, /, **values: object) -> None:
    for name, value in values.items():
        if not callable(value):
            refuse(function, name, "a function", value)


def elements(function: str, name: str, values: Any, wanted: str) -> tuple[Any, ...]:
    """The elements of an iterable."""
    try:
        return tuple(values)
    except TypeError:
        if hasattr(type(values), "__iter__"):
            raise
    refuse(function, name, wanted, values)


def _is_number(value: object) -> bool:
    return hasattr(value, "__float__") or hasattr(value, "__index__")
