"""What an argument of a function in Python must be, in the words of the core's functions.

``numbers("trunc_normal_", mean=mean)`` raises "trunc_normal_(): argument 'mean' must be float, not
str" unless it is one. Functions of the facade begin with such calls, so that a wrong argument is
named and not met somewhere inside.
"""

from __future__ import annotations

from pullback import _core

TYPE_CHECKING = False  # as in _tensor.py
if TYPE_CHECKING:
    from typing import Any, NoReturn, Protocol

    class Check(Protocol):
        def __call__(self, function: str, /, **values: object) -> None: ...


def refuse(function: str, name: str, wanted: str, value: object) -> NoReturn:
    raise TypeError(f"{function}(): argument {name!r} must be {wanted}, not {type(value).__name__}")


# Each takes the name of the function, and values by the names of the arguments. `flags` are bools,
# for which numbers and None serve, too.
tensors: Check = _core._expect_tensors
bools: Check = _core._expect_bools
flags: Check = _core._expect_flags
numbers: Check = _core._expect_numbers
integers: Check = _core._expect_integers
texts: Check = _core._expect_texts
functions: Check = _core._expect_functions


def maybe(check: Check, function: str, /, **values: object) -> None:
    """Those that are not None."""
    given = {name: value for name, value in values.items() if value is not None}
    if given:
        check(function, **given)


def whole(function: str, /, **values: object) -> None:
    """Integers that are no bools, as the core's functions take them."""
    for name, value in values.items():
        if isinstance(value, bool):
            refuse(function, name, "int", value)
    integers(function, **values)


def sizes(function: str, /, **values: object) -> None:
    """One integer, or a tuple or list of them."""
    for name, value in values.items():
        if not isinstance(value, (tuple, list)):
            integers(function, **{name: value})
        else:
            for each in value:
                integers(function, **{name: each})


def wrapped(dim: int, ndim: int) -> int:
    """Counted from the front."""
    most = max(ndim, 1)
    if not -most <= dim < most:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-most}, {most - 1}], but got "
            f"{dim})"
        )
    return dim % most


def tuples(function: str, /, **values: object) -> None:
    """A tuple or list of integers."""
    for name, value in values.items():
        if not isinstance(value, (tuple, list)):
            refuse(function, name, "tuple of ints", value)
        for each in value:
            whole(function, **{name: each})


def factory(function: str, /, dtype: object, layout: object, device: object) -> None:
    """What says of which kind a new tensor is."""
    if dtype is not None and not isinstance(dtype, _core.dtype):
        refuse(function, "dtype", "torch.dtype", dtype)
    if layout is not None and not isinstance(layout, _core.layout):
        refuse(function, "layout", "torch.layout", layout)
    if device is not None and not isinstance(device, (str, int, _core.device)):
        refuse(function, "device", "torch.device", device)


def sized(function: str, /, **values: object) -> None:
    """What has a length."""
    for name, value in values.items():
        if not hasattr(value, "__len__"):
            refuse(function, name, "something with a length", value)


def generators(function: str, /, **values: object) -> None:
    """Generators of random numbers; None stands for the default one."""
    for name, value in values.items():
        if value is not None and not isinstance(value, _core.Generator):
            refuse(function, name, "Generator or None", value)


def elements(function: str, name: str, values: Any, wanted: str) -> tuple[Any, ...]:
    """The elements of an iterable."""
    try:
        return tuple(values)
    except TypeError:
        if hasattr(type(values), "__iter__"):
            raise
    refuse(function, name, wanted, values)
