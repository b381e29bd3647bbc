"""``torch.complex32``, which no tensor has: programs compare with it."""

from __future__ import annotations

from pullback import dtype, float16

__all__ = ["complex32"]


class _Complex32:
    """The name of a dtype. It is no ``dtype``: whatever takes one refuses it."""

    is_complex = True
    is_floating_point = False
    is_signed = True
    itemsize = 4

    def to_real(self) -> dtype:
        """The dtype of its parts."""
        return float16

    def __repr__(self) -> str:
        return "torch.complex32"

    def __reduce__(self) -> str:
        return "complex32"


_Complex32.__name__ = _Complex32.__qualname__ = "complex32"  # what errors call it
complex32 = _Complex32()
