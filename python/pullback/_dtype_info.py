"""finfo and iinfo: the limits of the dtypes, with torch's attributes and printing."""

from __future__ import annotations

from typing import Any

from pullback import _core
from pullback._core import dtype

__all__ = ["finfo", "iinfo"]

_FLOATS = {
    _core.float16: ("float16", 16, 2.0**-10, 2.0**-14, 65504.0, 0.001),
    _core.bfloat16: ("bfloat16", 16, 2.0**-7, 2.0**-126, 2.0**128 - 2.0**120, 0.01),
    _core.float32: ("float32", 32, 2.0**-23, 2.0**-126, 2.0**128 - 2.0**104, 1e-06),
    _core.float64: ("float64", 64, 2.0**-52, 2.0**-1022, (2.0 - 2.0**-52) * 2.0**1023, 1e-15),
}
_INTEGERS = {
    _core.int8: ("int8", 8, -(2**7), 2**7 - 1),
    _core.int16: ("int16", 16, -(2**15), 2**15 - 1),
    _core.uint8: ("uint8", 8, 0, 2**8 - 1),
    _core.int32: ("int32", 32, -(2**31), 2**31 - 1),
    _core.int64: ("int64", 64, -(2**63), 2**63 - 1),
}
_DEFAULT: Any = object()  # None is refused


def _dtype(value: Any, function: str) -> dtype:
    """The dtype that a type of Python stands for, or the dtype itself."""
    of_type: dict[Any, dtype] = {
        complex: _core.complex128,
        float: _core.float64,
        int: _core.int64,
        bool: _core.bool,
    }
    found = of_type.get(value) if isinstance(value, type) else value
    if not isinstance(found, dtype):
        raise TypeError(
            f"{function}(): argument 'type' (position 1) must be torch.dtype, not "
            + type(value).__name__
        )
    return found


class finfo:
    """The limits of a floating dtype, the default dtype when none is given.

    Of a complex dtype: those of its parts.

    Example:
        >>> import pullback as pb
        >>> pb.finfo(pb.float64).eps
        2.220446049250313e-16
    """

    __slots__ = ("bits", "dtype", "eps", "max", "min", "resolution", "smallest_normal", "tiny")

    def __init__(self, type: dtype = _DEFAULT) -> None:
        given = _core.get_default_dtype() if type is _DEFAULT else _dtype(type, "finfo")
        chosen = given.to_real()
        if chosen not in _FLOATS:
            raise TypeError(
                f"torch.finfo() requires a floating point input type. Use torch.iinfo to handle "
                f"'{chosen}'"
            )
        name, bits, eps, tiny, largest, resolution = _FLOATS[chosen]
        self.dtype, self.bits = name, bits
        self.eps, self.tiny, self.smallest_normal = eps, tiny, tiny
        self.max, self.min = largest, -largest
        self.resolution = resolution

    def __repr__(self) -> str:
        fields = ("resolution", "min", "max", "eps", "smallest_normal", "tiny")
        inside = ", ".join(f"{name}={getattr(self, name):g}" for name in fields)
        return f"finfo({inside}, dtype={self.dtype})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, finfo) and self.dtype == other.dtype

    def __hash__(self) -> int:
        return hash(("finfo", self.dtype))


class iinfo:
    """The limits of an integer dtype.

    Example:
        >>> import pullback as pb
        >>> pb.iinfo(pb.uint8)
        iinfo(min=0, max=255, dtype=uint8)
    """

    __slots__ = ("bits", "dtype", "max", "min")

    def __init__(self, type: dtype) -> None:
        type = _dtype(type, "iinfo")
        if type.to_real() in _FLOATS:
            raise TypeError(
                f"torch.iinfo() requires an integer input type. Use torch.finfo to handle '{type}'"
            )
        if type not in _INTEGERS:
            raise TypeError(f"{type} is not supported by torch.iinfo")
        self.dtype, self.bits, self.min, self.max = _INTEGERS[type]

    def __repr__(self) -> str:
        return f"iinfo(min={self.min:g}, max={self.max:g}, dtype={self.dtype})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, iinfo) and self.dtype == other.dtype

    def __hash__(self) -> int:
        return hash(("iinfo", self.dtype))
