"""What the distributions have in common: parameters of one shape, chances and log odds."""

from __future__ import annotations

import numbers
from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

import pullback as pb
from pullback import Size, Tensor
from pullback.nn import functional as F

__all__ = [
    "broadcast_all",
    "clamp_probs",
    "euler_constant",
    "lazy_property",
    "logits_to_probs",
    "probs_to_logits",
    "tril_matrix_to_vec",
    "vec_to_tril_matrix",
]

euler_constant = 0.57721566490153286060


def broadcast_all(*values: Any) -> tuple[Tensor, ...]:
    """The values as tensors of one shape; numbers get the dtype of the first tensor.

    Raises:
        ValueError: a value is neither a number nor a tensor.

    Example:
        >>> import pullback as pb
        >>> pb.distributions.utils.broadcast_all(1.0, pb.zeros(2))
        (tensor([1., 1.]), tensor([0., 0.]))
    """
    if not all(isinstance(v, (Tensor, numbers.Number)) for v in values):
        raise ValueError(
            "Input arguments must all be instances of Number, torch.Tensor or objects "
            "implementing __torch_function__."
        )
    dtype = next((v.dtype for v in values if isinstance(v, Tensor)), pb.get_default_dtype())
    tensors = [v if isinstance(v, Tensor) else pb.tensor(v, dtype=dtype) for v in values]
    return tuple(pb.broadcast_tensors(*tensors))


def needs(value: Any, attribute: str, function: str, argument: str, kind: str) -> None:
    """Refuses what is none of a kind, by the attribute that is read first, as in PyTorch.

    Raises:
        AttributeError: there is no such attribute.
    """
    if not hasattr(value, attribute):
        raise AttributeError(
            f"{function}(): argument '{argument}' must be {kind}, not {type(value).__name__}"
        )


def text_of(value: Any) -> str:
    """A tensor without dimensions prints as its number."""
    return str(value.item()) if isinstance(value, Tensor) and value.dim() == 0 else str(value)


def _standard_normal(shape: Any, dtype: Any) -> Tensor:
    """Normal numbers of mean 0 and deviation 1."""
    return pb.empty(shape, dtype=dtype).normal_()


def uniform(shape: Any, dtype: Any) -> Tensor:
    """Uniform numbers of [0, 1)."""
    return pb.rand(tuple(shape), dtype=dtype)


def size(shape: Any) -> Size:
    """Any sequence of integers as a size."""
    return shape if isinstance(shape, Size) else Size(shape)


def _sum_rightmost(value: Tensor, dims: int) -> Tensor:
    """The sum over the last ``dims`` dimensions."""
    return value if dims == 0 else value.sum(tuple(range(-dims, 0)))


def logits_to_probs(logits: Tensor, is_binary: bool = False) -> Tensor:
    """Chances from log odds, or from the logarithms of chances along the last dimension.

    Example:
        >>> import pullback as pb
        >>> pb.distributions.utils.logits_to_probs(pb.zeros(2))
        tensor([0.5000, 0.5000])
    """
    return pb.sigmoid(logits) if is_binary else F.softmax(logits, dim=-1)


def clamp_probs(probs: Tensor) -> Tensor:
    """Chances moved off 0 and 1 by the dtype's epsilon.

    Example:
        >>> import pullback as pb
        >>> bool(pb.distributions.utils.clamp_probs(pb.zeros(1)) > 0)
        True
    """
    eps = pb.finfo(probs.dtype).eps
    return probs.clamp(min=eps, max=1 - eps)


def probs_to_logits(probs: Tensor, is_binary: bool = False) -> Tensor:
    """The inverse of ``logits_to_probs``, of chances that are moved off 0 and 1.

    Example:
        >>> import pullback as pb
        >>> pb.distributions.utils.probs_to_logits(pb.tensor([0.5]), is_binary=True)
        tensor([0.])
    """
    inside = clamp_probs(probs)
    return pb.log(inside) - pb.log1p(-inside) if is_binary else pb.log(inside)


T = TypeVar("T")


class lazy_property(Generic[T]):
    """A property that is computed once and then is an attribute of the instance.

    Example:
        >>> from pullback.distributions.utils import lazy_property
        >>> class Once:
        ...     @lazy_property
        ...     def value(self):
        ...         print("computed")
        ...         return 1
        >>> once = Once()
        >>> once.value + once.value
        computed
        2
    """

    def __init__(self, wrapped: Callable[[Any], T]) -> None:
        self.wrapped = wrapped
        self.__doc__ = wrapped.__doc__
        self.__name__ = wrapped.__name__

    @overload
    def __get__(self, instance: None, owner: Any = None) -> lazy_property[T]: ...
    @overload
    def __get__(self, instance: object, owner: Any = None) -> T: ...
    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        with pb.enable_grad():
            value = self.wrapped(instance)
        setattr(instance, self.__name__, value)
        return value


def tril_matrix_to_vec(mat: Tensor, diag: int = 0) -> Tensor:
    """The lower triangles of matrices, row by row, as vectors.

    Raises:
        ValueError: ``diag`` is no diagonal of the matrices.

    Example:
        >>> import pullback as pb
        >>> pb.distributions.utils.tril_matrix_to_vec(pb.tensor([[1, 2], [3, 4]]))
        tensor([1, 3, 4])
    """
    n = mat.shape[-1]
    if diag < -n or diag >= n:
        raise ValueError(f"diag ({diag}) provided is outside [{-n}, {n - 1}].")
    row, column = pb.tril_indices(n, n, diag)
    return mat[..., row, column]


def vec_to_tril_matrix(vec: Tensor, diag: int = 0) -> Tensor:
    """The inverse of ``tril_matrix_to_vec``; zeros above.

    Raises:
        ValueError: the length is not that of a triangle.

    Example:
        >>> import pullback as pb
        >>> pb.distributions.utils.vec_to_tril_matrix(pb.tensor([1.0, 2.0, 3.0]))
        tensor([[1., 0.],
                [2., 3.]])
    """
    length = vec.shape[-1]
    shift = 1 + 2 * diag
    side = (-shift + (shift**2 + 8 * length + 4 * abs(diag) * (diag + 1)) ** 0.5) / 2
    if side != int(side):
        raise ValueError(
            f"The size of last dimension is {length} which cannot be expressed as "
            "the lower triangular part of a square D x D matrix."
        )
    n = int(side)
    row, column = pb.tril_indices(n, n, diag)
    flat = vec.new_zeros((*vec.shape[:-1], n * n))
    where = (row * n + column).expand(vec.shape)
    return flat.scatter(-1, where, vec).reshape(*vec.shape[:-1], n, n)
