"""Methods of tensors as functions of torch, and old names of norms."""

from __future__ import annotations

from typing import Any

import pullback as pb
from pullback import Tensor, _arguments, _core, _out

__all__ = [
    "as_strided_",
    "detach_copy",
    "frobenius_norm",
    "get_device",
    "nuclear_norm",
    "resize_as_",
    "zero_",
]


@_core._overridable
def as_strided_(input: Tensor, size: Any, stride: Any, storage_offset: int | None = None) -> Tensor:
    """``input.as_strided_(size, stride, storage_offset)``.

    Example:
        >>> import pullback as pb
        >>> pb.as_strided_(pb.arange(4), (2,), (3,))
        tensor([0, 3])
    """
    _arguments.tensors("as_strided_", input=input)
    return input.as_strided_(size, stride, storage_offset)


@_core._overridable
def resize_as_(
    input: Tensor, the_template: Tensor, *, memory_format: _core.memory_format | None = None
) -> Tensor:
    """``input.resize_as_(the_template)``.

    Example:
        >>> import pullback as pb
        >>> pb.resize_as_(pb.arange(4), pb.zeros(2, 1)).shape
        torch.Size([2, 1])
    """
    _arguments.tensors("resize_as_", input=input, the_template=the_template)
    return input.resize_as_(the_template, memory_format=memory_format)


@_core._overridable
def zero_(input: Tensor) -> Tensor:
    """``input.zero_()``.

    Example:
        >>> import pullback as pb
        >>> pb.zero_(pb.ones(2))
        tensor([0., 0.])
    """
    _arguments.tensors("zero_", input=input)
    return input.zero_()


@_core._overridable
def get_device(input: Tensor) -> int:
    """-1, which stands for the CPU.

    Example:
        >>> import pullback as pb
        >>> pb.get_device(pb.ones(2))
        -1
    """
    _arguments.tensors("get_device", input=input)
    return input.get_device()


@_core._overridable
def detach_copy(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """A copy without a history.

    Example:
        >>> import pullback as pb
        >>> pb.detach_copy(pb.ones(2, requires_grad=True))
        tensor([1., 1.])
    """
    _arguments.tensors("detach_copy", input=input)
    _out.check("detach_copy", out, input, dtype=input.dtype)
    return _out.write(input.detach().clone(), out)


@_core._overridable
def frobenius_norm(input: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    """The root of the sum of squares along one or two dimensions, all of them for ``()``.

    Example:
        >>> import pullback as pb
        >>> pb.frobenius_norm(pb.tensor([[3.0, 4.0]]), (0, 1))
        tensor(5.)
    """
    _arguments.tensors("frobenius_norm", input=input)
    _arguments.bools("frobenius_norm", keepdim=keepdim)
    dims = (dim,) if isinstance(dim, int) else dim
    _arguments.sizes("frobenius_norm", dim=dims)
    if len(dims) > 2:
        raise RuntimeError(
            f"Expected at most 2 dimensions, but got {len(dims)} dimensions instead."
        )
    made: Tensor = pb.linalg.vector_norm(input, 2, dims or None, keepdim)
    return made


@_core._overridable
def nuclear_norm(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The sum of the singular values of matrices along two dimensions, the last ones by default.

    Example:
        >>> import pullback as pb
        >>> pb.nuclear_norm(pb.diag(pb.tensor([1.0, -2.0])))
        tensor(3.)
    """
    if isinstance(dim, bool):  # the form without dimensions
        dim, keepdim = None, dim
    _arguments.tensors("nuclear_norm", input=input)
    _arguments.bools("nuclear_norm", keepdim=keepdim)
    _arguments.maybe(_arguments.sizes, "nuclear_norm", dim=dim)
    made: Tensor = pb.linalg.matrix_norm(input, "nuc", (-2, -1) if dim is None else dim, keepdim)
    return made
