"""Tensors made by a type: ``Tensor(2, 3)``, ``FloatTensor([1, 2])``, ``x.new(3)``.

PyTorch's old constructors take sizes, or data, or a tensor. The types ``FloatTensor`` and its kin
stand for a dtype: in ``isinstance``, in ``x.type(...)`` and when they are called;
they are no classes of tensors. Start at ``construct``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pullback as pb
from pullback import _core
from pullback._core import Tensor

__all__ = ["set_default_tensor_type"]

_EXPECTED = """but expected one of:
 * (*, torch.device device = None)
 * (tuple of ints size, *, torch.device device = None)
 * (object data, *, torch.device device = None)
 * (torch.Tensor other)"""


def _kinds(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    given = [type(a).__name__ for a in args]
    return ", ".join([*given, *(f"{k}={type(v).__name__}" for k, v in kwargs.items())])


def _is_size(value: object) -> bool:
    return hasattr(value, "__index__") and not (
        isinstance(value, bool) or hasattr(value, "__len__")
    )


def _check_device(device: Any) -> None:
    kind = pb.device(device).type if device is not None else "cpu"
    if kind != "cpu":
        raise RuntimeError(
            f"legacy constructor expects device type: cpu but device type: {kind} was passed"
        )


def _empty(sizes: Sequence[Any], dtype: pb.dtype) -> Tensor:
    numbers = []
    for i, size in enumerate(sizes):
        if not _is_size(size):
            raise TypeError(
                f"new(): argument 'size' failed to unpack the object at pos {i + 1} with error "
                f'"type must be tuple of ints,but got {type(size).__name__}"'
            )
        number = size.__index__()
        if not -(2**63) <= number < 2**63:
            raise TypeError(
                f"new(): argument 'size' failed to unpack the object at pos {i + 1} with error "
                '"Overflow when unpacking long long"'
            )
        numbers.append(number)
    if any(n < 0 for n in numbers):
        least = next(n for n in numbers if n < 0)
        raise RuntimeError(f"Trying to create tensor with negative dimension {least}: {numbers}")
    return pb.empty(numbers, dtype=dtype)


def _from_data(data: Any, dtype: pb.dtype) -> Tensor:
    if isinstance(data, (str, bytes)):
        raise TypeError(f"new(): invalid data type '{type(data).__name__}'")
    if isinstance(data, dict) or not (hasattr(data, "__len__") and hasattr(data, "__getitem__")):
        kind = type(data)
        name = (
            kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
        )
        raise TypeError(f"new(): data must be a sequence (got {name})")
    return pb.tensor(data, dtype=dtype)


def _from_tensor(other: Tensor, dtype: pb.dtype | None) -> Tensor:
    if dtype is not None and other.dtype != dtype:
        raise TypeError(
            f"new(): got a tensor of {other.dtype}, expected {dtype}. Use tensor.to({dtype})."
        )
    return other[...]


def construct(dtype: pb.dtype | None, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    """The tensor that an old constructor makes.

    Args:
        dtype: of the result; None for the default one, and a tensor of any.
        args: sizes, or data, or a tensor.
        kwargs: ``device``, and ``size`` or ``data`` by name.

    Raises:
        TypeError: the arguments are neither.
        RuntimeError: a size is negative, or the device is not the CPU.
    """
    kwargs = dict(kwargs)
    _check_device(kwargs.pop("device", None))
    made_as = pb.get_default_dtype() if dtype is None else dtype
    if not args and not kwargs:
        return pb.empty(0, dtype=made_as)
    if not args and len(kwargs) == 1:
        (name, value), *_ = kwargs.items()
        if name == "size":
            return _empty([value] if _is_size(value) else value, made_as)
        if name == "data":
            return _from_data(value, made_as)
        if name == "other" and isinstance(value, Tensor):
            return _from_tensor(value, dtype)
    if kwargs or (len(args) > 1 and not _is_size(args[0])):
        raise TypeError(
            f"new() received an invalid combination of arguments - got ({_kinds(args, kwargs)}), "
            f"{_EXPECTED}"
        )
    first = args[0]
    if isinstance(first, Tensor):
        return _from_tensor(first, dtype)
    if isinstance(first, pb.Size):
        return _empty(first, made_as)
    return _empty(args, made_as) if _is_size(first) else _from_data(first, made_as)


def new(cls: type[Tensor], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    """What ``Tensor(...)`` and classes derived from it call."""
    made = construct(None, args, kwargs)
    return made if cls is Tensor else made.as_subclass(cls)


class tensortype(type):
    """The type of ``FloatTensor`` and its kin."""

    dtype: pb.dtype
    layout = pb.strided
    is_cuda = False
    is_sparse = False

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor) and instance.dtype == cls.dtype

    def __call__(cls, *args: Any, **kwargs: Any) -> Tensor:
        return construct(cls.dtype, args, kwargs)

    def __repr__(cls) -> str:
        return f"<class '{cls.__module__}.{cls.__name__}'>"


# The dtypes' names in torch's types.
NAMES = {
    "FloatTensor": "float32",
    "DoubleTensor": "float64",
    "HalfTensor": "float16",
    "BFloat16Tensor": "bfloat16",
    "ByteTensor": "uint8",
    "CharTensor": "int8",
    "ShortTensor": "int16",
    "IntTensor": "int32",
    "LongTensor": "int64",
    "BoolTensor": "bool",
}


def __getattr__(name: str) -> Any:
    if name not in NAMES:
        raise AttributeError(f"module 'pullback._tensor_types' has no attribute {name!r}")
    text = f"A tensor of dtype {NAMES[name]} when called; in isinstance, any such tensor."
    body = {"__module__": "torch", "__doc__": text, "dtype": getattr(pb, NAMES[name])}
    made = tensortype(name, (), body)
    globals()[name] = made
    return made


def set_default_tensor_type(t: Any, /) -> None:
    """Make tensors without a ``dtype`` of this type: its dtype becomes the default.

    Args:
        t: ``FloatTensor``, ``DoubleTensor`` or another floating type, or its name with ``torch.``.

    Raises:
        TypeError: it is no such type.

    Example:
        >>> import pullback as pb
        >>> import warnings
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore")  # it is deprecated
        ...     pb.set_default_tensor_type("torch.FloatTensor")
        >>> pb.ones(1).dtype
        torch.float32
    """
    _core._warn(
        "torch.set_default_tensor_type() is deprecated as of PyTorch 2.1, please use "
        "torch.set_default_dtype() and torch.set_default_device() as alternatives."
    )
    if isinstance(t, str) and t.removeprefix("torch.") in NAMES:
        t = getattr(pb, t.removeprefix("torch."))
    if not isinstance(t, tensortype):
        raise TypeError(
            "invalid type object: only floating-point types are supported as the default type"
        )
    if not t.dtype.is_floating_point:
        raise TypeError("only floating-point types are supported as the default type")
    _core.set_default_dtype(t.dtype)
