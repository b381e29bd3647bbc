"""Small functions of the top-level namespace."""

from __future__ import annotations

from typing import Any, TypeGuard

from pullback import _arguments, _core
from pullback._core import Size, Tensor, device

_device = device  # beside parameters of that name

__all__ = [
    "are_deterministic_algorithms_enabled",
    "broadcast_shapes",
    "dropout",
    "dropout_",
    "get_default_device",
    "get_num_interop_threads",
    "is_conj",
    "is_distributed",
    "is_inference",
    "is_neg",
    "is_same_size",
    "is_signed",
    "is_tensor",
    "set_default_device",
    "set_flush_denormal",
    "set_num_interop_threads",
    "typename",
    "use_deterministic_algorithms",
]


def is_tensor(obj: Any, /) -> TypeGuard[Tensor]:
    """Whether the object is a tensor.

    Example:
        >>> import pullback as pb
        >>> pb.is_tensor(pb.ones(2)), pb.is_tensor(2.0)
        (True, False)
    """
    return isinstance(obj, Tensor)


@_core._overridable
def _assert(condition: Any, message: Any) -> None:
    """``assert condition, message``, which a traced program keeps.

    Raises:
        AssertionError: the condition is false.
    """
    if not condition:
        raise AssertionError(message)


@_core._overridable
def _assert_async(input: Tensor, assert_msg: str | None = None) -> None:
    """Raises unless a tensor of one value is nonzero.

    Raises:
        RuntimeError: it is zero, or has not one value.
    """
    if not bool(input):
        default = "Expected Tensor with single nonzero value, but got zero"
        raise RuntimeError(default if assert_msg is None else assert_msg)


def _check_tensor(function: str, name: str, value: object) -> None:
    if not isinstance(value, Tensor):
        kind = type(value).__name__
        raise TypeError(f"{function}(): argument {name!r} (position 1) must be Tensor, not {kind}")


@_core._overridable
def is_conj(input: Tensor) -> bool:
    """Always False: conjugates are computed, not marked.

    Example:
        >>> import pullback as pb
        >>> pb.is_conj(pb.tensor([1j]).conj())
        False
    """
    _check_tensor("is_conj", "input", input)
    return input.is_conj()


@_core._overridable
def is_neg(input: Tensor) -> bool:
    """Always False: negatives are computed, not marked.

    Example:
        >>> import pullback as pb
        >>> pb.is_neg(pb.tensor([1j]).conj().imag)
        False
    """
    _check_tensor("is_neg", "input", input)
    return input.is_neg()


@_core._overridable
def dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """``nn.functional.dropout`` with all arguments given."""
    _arguments.bools("dropout", train=train)
    from pullback.nn import functional

    return functional.dropout(input, p, train)


@_core._overridable
def dropout_(input: Tensor, p: float, train: bool) -> Tensor:
    """The same in place."""
    _arguments.bools("dropout_", train=train)
    from pullback.nn import functional

    return functional.dropout(input, p, train, inplace=True)


def typename(obj: Any, /) -> str:
    """The name of the type of an object, ``torch.FloatTensor`` and the like for tensors.

    Example:
        >>> import pullback as pb
        >>> pb.typename(pb.ones(2))
        'torch.FloatTensor'
    """
    if isinstance(obj, Tensor):
        return str(obj.type())
    kind = obj if hasattr(obj, "__qualname__") else type(obj)
    module = getattr(kind, "__module__", None)
    name = str(kind.__qualname__)
    if module in (None, "builtins"):
        return name
    package, dot, rest = str(module).partition(".")
    return f"{'torch' if package == 'pullback' else package}{dot}{rest}.{name}"


def broadcast_shapes(*shapes: Any) -> Size:
    """The shape that tensors of these shapes have together; a number is a shape of one dimension.

    Raises:
        RuntimeError: they do not broadcast.
        ValueError: a size is negative.

    Example:
        >>> import pullback as pb
        >>> pb.broadcast_shapes((2,), (3, 1), (1, 1, 1))
        torch.Size([1, 3, 2])
    """
    sizes: list[int] = []
    for shape in shapes:
        own = list(shape) if isinstance(shape, (tuple, list)) else [shape]
        _arguments.integers("broadcast_shapes", **{f"shapes[{i}]": n for i, n in enumerate(own)})
        if any(size < 0 for size in own):
            raise ValueError(
                "broadcast_shapes: attempting to broadcast a dimension with negative length: "
                f"got {own}"
            )
        sizes = [1] * (len(own) - len(sizes)) + sizes
        for place, size in enumerate(reversed(own), 1):
            if size != 1 and sizes[-place] not in (1, size):
                raise RuntimeError(
                    "Shape mismatch: objects cannot be broadcast to a single shape: got "
                    f"{', '.join(map(str, shapes))}"
                )
            sizes[-place] = size if size != 1 else sizes[-place]
    return Size(sizes)


@_core._overridable
def is_signed(input: Tensor) -> bool:
    """Whether the dtype has negative numbers."""
    _check_tensor("is_signed", "input", input)
    return input.is_signed()


@_core._overridable
def is_inference(input: Tensor) -> bool:
    """Whether the tensor was made in inference mode."""
    _check_tensor("is_inference", "input", input)
    return input.is_inference()


@_core._overridable
def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Whether two tensors have one shape."""
    _arguments.tensors("is_same_size", input=input, other=other)
    return input.shape == other.shape


@_core._overridable
def is_distributed(input: Tensor) -> bool:
    """Always False: a tensor is in one process."""
    _check_tensor("is_distributed", "input", input)
    return False


def get_default_device() -> device:
    """Always the CPU.

    Example:
        >>> import pullback as pb
        >>> pb.get_default_device()
        device(type='cpu')
    """
    return device("cpu")


def set_default_device(device: Any) -> None:
    """Take the CPU, or None: tensors are made there anyway.

    Args:
        device: ``"cpu"`` or None.

    Raises:
        NotImplementedError: it is another device; an AssertionError for "cuda", as everywhere.

    Example:
        >>> import pullback as pb
        >>> pb.set_default_device("cpu")
    """
    if not isinstance(device, (_device, str, int, type(None))):
        _arguments.refuse("set_default_device", "device", "torch.device", device)
    with _device("cpu" if device is None else device):
        pass


@_core._overridable
def set_flush_denormal(mode: bool) -> bool:
    """Always False, which says that nothing was set: numbers near zero keep all their bits.

    Results would otherwise depend on the thread that a part of them is computed in.

    Example:
        >>> import pullback as pb
        >>> pb.set_flush_denormal(True)
        False
    """
    _arguments.bools("set_flush_denormal", mode=mode)
    return False


def get_num_interop_threads() -> int:
    """Always 1: operators run one after the other, each on ``get_num_threads()`` threads.

    Example:
        >>> import pullback as pb
        >>> pb.get_num_interop_threads()
        1
    """
    return 1


def set_num_interop_threads(count: int, /) -> None:
    """Changes nothing: there are no threads between operators.

    Raises:
        TypeError: ``count`` is no int.
        RuntimeError: it is not positive.
    """
    _arguments.integers("set_num_interop_threads", count=count)
    if count < 1:
        raise RuntimeError("set_num_interop_threads expects a positive integer")


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Changes nothing: every result is the same in every run, at any number of threads."""
    _arguments.bools("use_deterministic_algorithms", mode=mode, warn_only=warn_only)


def are_deterministic_algorithms_enabled() -> bool:
    """Always True; see ``use_deterministic_algorithms``."""
    return True
