"""Causal masks that ``scaled_dot_product_attention`` knows by their kind.

Example:
    >>> import pullback as pb
    >>> from pullback.nn.attention.bias import causal_lower_right
    >>> q, k = pb.zeros(2, 4), pb.zeros(3, 4)
    >>> pb.nn.functional.scaled_dot_product_attention(q, k, pb.eye(3), causal_lower_right(2, 3))
    tensor([[0.5000, 0.5000, 0.0000],
            [0.3333, 0.3333, 0.3333]])
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import pullback as pb
from pullback import Tensor, _arguments, _core
from pullback.nn import functional as F

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["CausalBias", "CausalVariant", "causal_lower_right", "causal_upper_left"]


class CausalVariant(IntEnum):
    """Which corner the triangle of a causal mask starts from."""

    UPPER_LEFT = 1  # query i reads the keys 0 to i
    LOWER_RIGHT = 2  # the last query reads all keys


class CausalBias(Tensor):
    """A mask [queries, keys] that is True on and below a diagonal, and is not stored.

    Attention takes it as ``attn_mask``; ``UPPER_LEFT``, and a square mask, never make the matrix.
    Every other operation sees the matrix of bools.

    Args:
        variant: a ``CausalVariant``.
        seq_len_q: number of queries.
        seq_len_kv: number of keys. With fewer keys than queries, ``LOWER_RIGHT`` leaves the first
            queries without a key, and warns.

    Example:
        >>> import pullback as pb
        >>> from pullback.nn.attention.bias import CausalBias, CausalVariant
        >>> CausalBias(CausalVariant.LOWER_RIGHT, 2, 3)
        tensor([[ True,  True, False],
                [ True,  True,  True]])
    """

    variant: CausalVariant
    seq_len_q: int
    seq_len_kv: int

    def __new__(cls, variant: CausalVariant, seq_len_q: int, seq_len_kv: int) -> Self:
        del variant
        # The shape of the mask on the memory of one element.
        shown = pb.zeros((), dtype=pb.bool).expand(seq_len_q, seq_len_kv)
        made: Self = shown.as_subclass(cls)
        return made

    def __init__(self, variant: CausalVariant, seq_len_q: int, seq_len_kv: int) -> None:
        if not isinstance(variant, CausalVariant):
            raise AssertionError(f"variant must be a CausalVariant, got {type(variant).__name__}")
        self.variant = variant
        self.seq_len_q = seq_len_q
        self.seq_len_kv = seq_len_kv
        if seq_len_q > seq_len_kv and variant == CausalVariant.LOWER_RIGHT:
            _core._warn(
                "causal_lower_right: the first queries have no key, and attention gives them "
                f"zeros: got {seq_len_q} queries and {seq_len_kv} keys"
            )

    def _materialize(self, device: Any = None) -> Tensor:
        """The matrix of bools."""
        lower = self.variant == CausalVariant.LOWER_RIGHT
        ones = pb.ones(self.seq_len_q, self.seq_len_kv, dtype=pb.bool, device=device)
        return ones.tril(self.seq_len_kv - self.seq_len_q if lower else 0)

    def _attention(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        **settings: Any,
    ) -> Tensor:
        if is_causal:
            raise ValueError("CausalBias should not be used with causal=True")
        for name, size, operand in (("query", 0, query), ("key", 1, key)):
            if operand.size(-2) != self.shape[size]:
                raise RuntimeError(
                    f"CausalBias: {name} has {operand.size(-2)} rows, expected "
                    f"{self.shape[size]} for a mask of {tuple(self.shape)}"
                )
        square = self.seq_len_q == self.seq_len_kv
        plain = square or self.variant == CausalVariant.UPPER_LEFT
        mask = None if plain else self._materialize()
        return F.scaled_dot_product_attention(query, key, value, mask, dropout_p, plain, **settings)

    @classmethod
    def __torch_function__(
        cls,
        func: Callable[..., Any],
        types: Collection[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = dict(kwargs or {})
        if func is F.scaled_dot_product_attention:
            mask = kwargs.pop("attn_mask", None)
            if mask is None and len(args) > 3:
                mask, args = args[3], (*args[:3], *args[4:])
            if isinstance(mask, CausalBias):
                return mask._attention(*args, **kwargs)
            _arguments.refuse("scaled_dot_product_attention", "attn_mask", "CausalBias", mask)
        if func.__name__ == "__get__":
            above: Any = super()
            return above.__torch_function__(func, types, args, kwargs)
        return func(*_stored(args), **_stored(kwargs))

    def __repr__(self, **_: Any) -> str:
        return repr(self._materialize())


def _stored(value: Any) -> Any:
    """The same with matrices in place of masks."""
    if isinstance(value, CausalBias):
        return value._materialize()
    if isinstance(value, (list, tuple)):
        return type(value)(_stored(each) for each in value)
    if isinstance(value, dict):
        return {name: _stored(each) for name, each in value.items()}
    return value


def _causal(name: str, variant: CausalVariant, size: tuple[int, ...]) -> CausalBias:
    if len(size) != 2:
        raise AssertionError(f"{name} only supports 2D tensors")
    return CausalBias(variant, *size)


def causal_upper_left(*size: int) -> CausalBias:
    """A causal mask whose triangle starts in the upper left corner, like ``is_causal=True``.

    Args:
        size: numbers of queries and keys.

    Raises:
        AssertionError: there are not two sizes.

    Example:
        >>> from pullback.nn.attention.bias import causal_upper_left
        >>> causal_upper_left(2, 3)
        tensor([[ True, False, False],
                [ True,  True, False]])
    """
    return _causal("causal_upper_left", CausalVariant.UPPER_LEFT, size)


def causal_lower_right(*size: int) -> CausalBias:
    """A causal mask whose triangle ends in the lower right corner: the last query reads all keys.

    Args:
        size: numbers of queries and keys.

    Raises:
        AssertionError: there are not two sizes.

    Example:
        >>> from pullback.nn.attention.bias import causal_lower_right
        >>> causal_lower_right(2, 3)
        tensor([[ True,  True, False],
                [ True,  True,  True]])
    """
    return _causal("causal_lower_right", CausalVariant.LOWER_RIGHT, size)
