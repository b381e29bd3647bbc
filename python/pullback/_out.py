"""``out=`` of functions that are written in Python: what may be written to, and how."""

from __future__ import annotations

import pullback as pb
from pullback import Tensor, _arguments

__all__ = ["check", "write"]


def check(function: str, out: Tensor | None, *operands: Tensor, dtype: pb.dtype | None) -> None:
    """Raises unless a result of that dtype may be written to ``out``; None for any dtype."""
    if out is None:
        return
    _arguments.tensors(function, out=out)
    if pb.is_grad_enabled() and any(each.requires_grad for each in (out, *operands)):
        raise RuntimeError(
            f"{function}(): functions with out=... arguments don't support automatic "
            "differentiation, but one of the arguments requires grad."
        )
    if dtype is not None and out.dtype != dtype:
        raise RuntimeError(
            f"{function}: Expected out tensor to have dtype {dtype}, but got {out.dtype} instead"
        )


def write(result: Tensor, out: Tensor | None) -> Tensor:
    """The result, or ``out``, which has its values and shape by then."""
    if out is None:
        return result
    return pb.alias_copy(result.to(out.dtype), out=out)
