"""``ReduceOp``: how the values of several processes become one."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import TYPE_CHECKING, Any, cast

import pullback as pb
from pullback import Tensor

if TYPE_CHECKING:
    MPI = Any

__all__ = ["ReduceOp", "check_reduction", "combined", "mpi_op", "mpi_type"]


class ReduceOp(IntEnum):
    """SUM, AVG, PRODUCT, MIN, MAX, and BAND, BOR, BXOR of integers and bools.

    Example:
        >>> import pullback as pb
        >>> pb.distributed.ReduceOp.SUM.name
        'SUM'
    """

    SUM = 0
    AVG = 1
    PRODUCT = 2
    MIN = 3
    MAX = 4
    BAND = 5
    BOR = 6
    BXOR = 7
    PREMUL_SUM = 8


_BITS = (ReduceOp.BAND, ReduceOp.BOR, ReduceOp.BXOR)

# What combines two tensors.
_COMBINE: dict[ReduceOp, Callable[..., Any]] = {
    ReduceOp.SUM: pb.add,
    ReduceOp.AVG: pb.add,
    ReduceOp.PRODUCT: pb.mul,
    ReduceOp.MIN: pb.minimum,
    ReduceOp.MAX: pb.maximum,
    ReduceOp.BAND: pb.bitwise_and,
    ReduceOp.BOR: pb.bitwise_or,
    ReduceOp.BXOR: pb.bitwise_xor,
}

# MPI's names of the types that it can reduce itself; the others are combined by pullback, as are
# minima and maxima of numbers that may be NaN.
_TYPES = {
    pb.float32: "FLOAT",
    pb.float64: "DOUBLE",
    pb.complex64: "C_FLOAT_COMPLEX",
    pb.complex128: "C_DOUBLE_COMPLEX",
    pb.int8: "INT8_T",
    pb.uint8: "UINT8_T",
    pb.int16: "INT16_T",
    pb.int32: "INT32_T",
    pb.int64: "INT64_T",
}
_OWN_TYPES = {pb.float16: "UINT16_T", pb.bfloat16: "UINT16_T", pb.bool: "UINT8_T"}
_NAMES = {
    ReduceOp.SUM: "SUM",
    ReduceOp.AVG: "SUM",
    ReduceOp.PRODUCT: "PROD",
    ReduceOp.MIN: "MIN",
    ReduceOp.MAX: "MAX",
    ReduceOp.BAND: "BAND",
    ReduceOp.BOR: "BOR",
    ReduceOp.BXOR: "BXOR",
}

_made: dict[tuple[Any, ReduceOp], Any] = {}  # operations of MPI that call pullback


def check_reduction(function: str, op: Any, dtype: Any) -> ReduceOp:
    """The operation, if values of this type can be reduced so.

    Raises:
        TypeError: it is no ReduceOp.
        ValueError: not for this type, with the types for which.
    """
    if not isinstance(op, ReduceOp):
        raise TypeError(f"{function}(): argument 'op' must be ReduceOp, not {type(op).__name__}")
    name = f"{function}(): ReduceOp.{op.name}"
    if op is ReduceOp.PREMUL_SUM:
        raise ValueError(f"{name} is for NCCL. Multiply the tensor and take ReduceOp.SUM.")
    differentiable = dtype.is_floating_point or dtype.is_complex
    if op in _BITS and differentiable:
        raise ValueError(f"{name} got {dtype}, expected an integer type or bool.")
    if op in (ReduceOp.MIN, ReduceOp.MAX) and dtype.is_complex:
        raise ValueError(
            f"{name} got {dtype}: complex numbers have no order. Expected a real type."
        )
    if op is ReduceOp.AVG and not differentiable:
        raise ValueError(
            f"{name} got {dtype}, expected a floating-point or complex type: a mean of these is no "
            "integer. Convert the tensor first."
        )
    return op


def combined(op: ReduceOp, first: Tensor, second: Tensor, out: Tensor) -> None:
    """Combine two tensors into a third, which may be one of them."""
    _COMBINE[op](first, second, out=out)


def mpi_type(mpi: Any, dtype: Any) -> Any:
    """The type under which MPI reduces elements of a dtype."""
    return getattr(mpi, _TYPES.get(dtype) or _OWN_TYPES[dtype])


def mpi_op(mpi: Any, op: ReduceOp, dtype: Any) -> Any:
    """The operation for elements of a dtype: MPI's, or one that calls pullback."""
    # MPI's minimum of NaN and a number is the first or the second, and not everywhere the same.
    may_be_nan = dtype.is_floating_point and op in (ReduceOp.MIN, ReduceOp.MAX)
    if dtype in _TYPES and not may_be_nan:
        return getattr(mpi, _NAMES[op])
    key = (dtype, op)
    if key not in _made:

        def combine(ours: Any, theirs: Any, _: Any) -> None:
            if len(theirs):
                target = pb.frombuffer(theirs, dtype=dtype)
                combined(op, pb.frombuffer(memoryview(ours).cast("B"), dtype=dtype), target, target)

        _made[key] = mpi.Op.Create(cast("Any", combine), commute=True)
    return _made[key]
