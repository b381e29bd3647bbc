"""``assert_close``: whether tensors, numbers and containers of such are equal up to rounding.

Two values are first paired (``_pairs``): containers by place or key, down to tensors, arrays,
numbers, bools and None. Then each pair is compared, and the first that differs is reported with its
place. Start at ``assert_close``.
"""

from __future__ import annotations

import cmath
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import pullback as pb
from pullback import Tensor, _core

__all__ = ["assert_allclose", "assert_close"]

# Relative and absolute tolerance of a dtype; those of integers and bools are zero.
_TOLERANCES: dict[Any, tuple[float, float]] = {
    pb.float16: (1e-3, 1e-5),
    pb.bfloat16: (1.6e-2, 1e-5),
    pb.float32: (1.3e-6, 1e-5),
    pb.float64: (1e-7, 1e-7),
    pb.complex64: (1.3e-6, 1e-5),
    pb.complex128: (1e-7, 1e-7),
}
_Place = tuple[Any, ...]
_Message = str | Callable[[str], str] | None


@dataclass
class _Options:
    """What ``assert_close`` was asked for."""

    allow_subclasses: bool
    rtol: float | None
    atol: float | None
    equal_nan: bool
    check_device: bool
    check_dtype: bool
    check_layout: bool
    check_stride: bool


class _Difference(Exception):  # noqa: N818 - becomes the error of its kind
    """Two values differ, or cannot be compared."""

    def __init__(self, kind: type[Exception], text: str, place: _Place = ()) -> None:
        super().__init__(text)
        self.kind = kind
        self.text = text
        self.place = place


def _mismatch(text: str, place: _Place = ()) -> NoReturn:
    raise _Difference(AssertionError, text, place)


def _is_array(value: object) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, (numpy.ndarray, numpy.generic))


def _is_text(value: object) -> bool:
    return isinstance(value, (str, bytes))


def _is_bool(value: object) -> bool:
    return isinstance(value, bool) or (_is_array(value) and type(value).__name__ == "bool")


def _is_number(value: object) -> bool:
    numpy = sys.modules.get("numpy")
    kinds: tuple[type, ...] = (int, float, complex)
    if numpy is not None:
        kinds = (*kinds, numpy.number)
    return isinstance(value, kinds)


def _no_pair(actual: Any, expected: Any, place: _Place) -> NoReturn:
    raise _Difference(
        TypeError,
        "No comparison pair was able to handle inputs of type "
        f"{type(actual)} and {type(expected)}.",
        place,
    )


def _compare(actual: Any, expected: Any, options: _Options, place: _Place) -> None:
    """Raises the first difference of two values, containers included."""
    if isinstance(actual, Sequence) and isinstance(expected, Sequence) and not _is_text(actual):
        if _is_text(expected):
            _no_pair(actual, expected, place)
        if len(actual) != len(expected):
            lengths = f"{len(actual)} != {len(expected)}"
            _mismatch(f"The length of the sequences mismatch: {lengths}", place)
        for index in range(len(actual)):
            _compare(actual[index], expected[index], options, (*place, index))
    elif isinstance(actual, Mapping) and isinstance(expected, Mapping):
        _check_keys(actual, expected, place)
        for key in sorted(actual, key=str) if len(set(map(str, actual))) == len(actual) else actual:
            _compare(actual[key], expected[key], options, (*place, key))
    else:
        _compare_values(actual, expected, options, place)


def _check_keys(actual: Mapping[Any, Any], expected: Mapping[Any, Any], place: _Place) -> None:
    missing = [key for key in expected if key not in actual]
    additional = [key for key in actual if key not in expected]
    if missing or additional:
        _mismatch(
            "The keys of the mappings do not match:\n"
            f"Missing keys in the actual mapping: {sorted(missing, key=str)}\n"
            f"Additional keys in the actual mapping: {sorted(additional, key=str)}",
            place,
        )


def _compare_values(actual: Any, expected: Any, options: _Options, place: _Place) -> None:
    if actual is None or expected is None:
        if actual is not expected:
            _mismatch(f"None mismatch: {actual} is not {expected}", place)
    elif _is_bool(actual) and _is_bool(expected):
        if bool(actual) is not bool(expected):
            _mismatch(f"Booleans mismatch: {bool(actual)} is not {bool(expected)}", place)
    elif _is_number(actual) and _is_number(expected):
        _compare_numbers(actual, expected, options, place)
    elif isinstance(actual, Tensor) and isinstance(expected, Tensor):
        related = isinstance(actual, type(expected)) or isinstance(expected, type(actual))
        same = type(actual) is type(expected)
        if not (same or (related and options.allow_subclasses)):
            _no_pair(actual, expected, place)
        _compare_tensors(actual, expected, options, place)
    elif _is_array(actual) and _is_array(expected):
        _compare_tensors(pb.as_tensor(actual), pb.as_tensor(expected), options, place)
    else:
        _no_pair(actual, expected, place)


def _tolerances(options: _Options, *dtypes: Any) -> tuple[float, float]:
    if options.rtol is not None and options.atol is not None:
        return options.rtol, options.atol
    known = [_TOLERANCES.get(dtype, (0.0, 0.0)) for dtype in dtypes]
    return max(each[0] for each in known), max(each[1] for each in known)


# --- numbers ---


def _is_close(actual: Any, expected: Any, rtol: float, atol: float, equal_nan: bool) -> bool:
    if actual == expected:
        return True
    if cmath.isnan(actual) or cmath.isnan(expected):
        return equal_nan and cmath.isnan(actual) and cmath.isnan(expected)
    difference = abs(actual - expected)
    return math.isfinite(difference) and difference <= atol + rtol * abs(expected)


def _allowed(tolerance: float, rtol: float, atol: float) -> str:
    return "" if rtol == 0 and atol == 0 else f" (up to {tolerance} allowed)"


def _compare_numbers(actual: Any, expected: Any, options: _Options, place: _Place) -> None:
    if options.check_dtype and type(actual) is not type(expected):
        _mismatch(f"The (d)types do not match: {type(actual)} != {type(expected)}.", place)
    floats = [isinstance(each, (float, complex)) for each in (actual, expected)]
    dtypes = [pb.float64 if each else pb.int64 for each in floats]
    rtol, atol = _tolerances(options, *dtypes)
    _compare_scalars(actual, expected, (rtol, atol, options.equal_nan), place)


def _compare_scalars(
    actual: Any, expected: Any, tolerances: tuple[float, float, bool], place: _Place
) -> None:
    rtol, atol, equal_nan = tolerances
    if _is_close(actual, expected, rtol, atol, equal_nan):
        return
    difference = abs(actual - expected)
    relative = difference / abs(expected) if expected else math.inf
    equality = rtol == 0 and atol == 0
    _mismatch(
        f"Scalars are not {'equal' if equality else 'close'}!\n\n"
        f"Expected {expected} but got {actual}.\n"
        f"Absolute difference: {difference}{_allowed(atol, rtol, atol)}\n"
        f"Relative difference: {relative}{_allowed(rtol, rtol, atol)}",
        place,
    )


# --- tensors ---


def _attributes_differ(name: str, actual: Any, expected: Any, place: _Place) -> NoReturn:
    _mismatch(f"The values for attribute '{name}' do not match: {actual} != {expected}.", place)


def _compare_tensors(actual: Tensor, expected: Tensor, options: _Options, place: _Place) -> None:
    checks = (
        ("shape", True, actual.shape, expected.shape),
        ("layout", options.check_layout, actual.layout, expected.layout),
        ("stride()", options.check_stride, actual.stride(), expected.stride()),
        ("device", options.check_device, actual.device, expected.device),
        ("dtype", options.check_dtype, actual.dtype, expected.dtype),
    )
    for name, wanted, one, other in checks:
        if wanted and one != other:
            _attributes_differ(name, one, other, place)
    rtol, atol = _tolerances(options, actual.dtype, expected.dtype)
    with pb.no_grad():
        a, b = _widened(actual.detach(), expected.detach())
        if a.dim() == 0:
            tolerances = (rtol, atol, options.equal_nan)
            _compare_scalars(a.item(), b.item(), tolerances, place)
            return
        matches = pb.isclose(a, b, rtol=rtol, atol=atol, equal_nan=options.equal_nan)
        if not bool(matches.all()):
            _report(a, b, matches, (rtol, atol), place)


def _widened(actual: Tensor, expected: Tensor) -> tuple[Tensor, Tensor]:
    """Both in one dtype; integers in the widest, so that differences do not wrap around."""
    if actual.dtype != expected.dtype:
        dtype = pb.promote_types(actual.dtype, expected.dtype)
        actual, expected = actual.to(dtype), expected.to(dtype)
    if not (actual.is_floating_point() or actual.is_complex()):
        return actual.to(pb.int64), expected.to(pb.int64)
    return actual, expected


def _report(
    a: Tensor, b: Tensor, matches: Tensor, tolerances: tuple[float, float], place: _Place
) -> NoReturn:
    rtol, atol = tolerances
    wrong = int((~matches).sum())
    absolute = (a - b).abs()
    absolute[matches] = 0  # where both are the same infinity the difference is NaN
    relative = absolute / b.abs()
    relative[matches] = 0

    def greatest(name: str, values: Tensor, tolerance: float) -> str:
        flat = int(values.flatten().argmax())
        index = []
        for size in reversed(a.shape):
            flat, at = divmod(flat, size)
            index.append(at)
        at_index = tuple(reversed(index))
        value = values[at_index].item()
        allowed = _allowed(tolerance, rtol, atol)
        return f"Greatest {name} difference: {value} at index {at_index}{allowed}"

    equality = rtol == 0 and atol == 0
    lines = [
        f"Tensor-likes are not {'equal' if equality else 'close'}!",
        "",
        f"Mismatched elements: {wrong} / {a.numel()} ({wrong / a.numel():.1%})",
        greatest("absolute", absolute, atol),
        greatest("relative", relative, rtol),
    ]
    _mismatch("\n".join(lines), place)


# --- the functions ---


def assert_close(
    actual: Any,
    expected: Any,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: _Message = None,
) -> None:
    """Raise unless ``|actual - expected| <= atol + rtol * |expected|`` everywhere.

    Args:
        actual: a tensor, number, bool, None, NumPy array, or sequences and mappings of such.
        expected: of the same kind, and in containers of the same length or keys.
        allow_subclasses: whether a tensor may be compared with one of a subclass.
        rtol: relative tolerance; by default that of the dtype, 1.3e-6 for float32, 1e-7 for
            float64 (complex dtypes as their parts), 1e-3 for float16, 1.6e-2 for bfloat16 and 0
            for others.
        atol: absolute tolerance; by default 1e-5, 1e-7 for float64 and 0 for integers. Both or
            neither are given.
        equal_nan: whether NaN equals NaN.
        check_device: whether the devices must be equal.
        check_dtype: whether the dtypes must be equal; else both are promoted.
        check_layout: whether the layouts must be equal.
        check_stride: whether the strides must be equal.
        msg: another message, or a function that makes one of the message.

    Raises:
        AssertionError: they differ; the message says how much and where.
        TypeError: values that cannot be compared.
        ValueError: only one of the tolerances was given.

    Example:
        >>> import pullback as pb
        >>> pb.testing.assert_close(pb.tensor([1.0, 2.0]), pb.tensor([1.0, 2.0 + 1e-7]))
        >>> pb.testing.assert_close({"a": 1}, {"a": 2})
        Traceback (most recent call last):
            ...
        AssertionError: Scalars are not equal!
        <BLANKLINE>
        Expected 2 but got 1.
        Absolute difference: 1
        Relative difference: 0.5
        <BLANKLINE>
        The failure occurred for item ['a']
    """
    if (rtol is None) != (atol is None):
        raise ValueError(
            "Both 'rtol' and 'atol' must be either specified or omitted, but got no "
            f"{'rtol' if rtol is None else 'atol'}."
        )
    for name, value in (("rtol", rtol), ("atol", atol)):
        if value is not None and not _is_number(value):
            raise TypeError(
                f"assert_close(): argument {name!r} must be float, not {type(value).__name__}"
            )
    options = _Options(
        allow_subclasses,
        rtol,
        atol,
        equal_nan,
        check_device,
        check_dtype,
        check_layout,
        check_stride,
    )
    found: _Difference | None = None
    try:
        _compare(actual, expected, options, ())
    except _Difference as difference:
        found = difference
    if found is None:
        return
    text = found.text
    if found.place:
        items = "".join(f"[{each!r}]" for each in found.place)
        text += f"\n\nThe failure occurred for item {items}"
    if found.kind is AssertionError and msg is not None:
        text = msg(text) if callable(msg) else msg
    raise found.kind(text)


def assert_allclose(
    actual: Any,
    expected: Any,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = True,
    msg: str = "",
) -> None:
    """The old form of ``assert_close``: dtypes are not compared, NaN equals NaN; it warns.

    Args:
        actual: a tensor, or what makes one.
        expected: a tensor, or what makes one.
        rtol: relative tolerance, given with ``atol`` or not at all.
        atol: absolute tolerance.
        equal_nan: whether NaN equals NaN.
        msg: another message.
    """
    _core._warn(
        "`torch.testing.assert_allclose()` is deprecated since 1.12 and will be removed in a "
        "future release. Please use `torch.testing.assert_close()` instead.",
        FutureWarning,
    )
    actual, expected = pb.as_tensor(actual), pb.as_tensor(expected)
    if rtol is None and atol is None:
        precisions = [_OLD_TOLERANCES.get(t.dtype, (0.0, 0.0)) for t in (actual, expected)]
        rtol, atol = (max(each[i] for each in precisions) for i in (0, 1))
    assert_close(
        actual,
        expected,
        rtol=rtol,
        atol=atol,
        equal_nan=equal_nan,
        check_dtype=False,
        check_layout=False,
        msg=msg or None,
    )


_OLD_TOLERANCES: dict[Any, tuple[float, float]] = {
    pb.float16: (1e-3, 1e-3),
    pb.float32: (1e-4, 1e-5),
    pb.float64: (1e-5, 1e-8),
}
