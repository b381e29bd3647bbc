"""What distributions have that take either chances or log odds."""

from __future__ import annotations

from typing import Any, ClassVar

from pullback import Size, Tensor
from pullback.distributions.utils import (
    broadcast_all,
    lazy_property,
    logits_to_probs,
    probs_to_logits,
)

__all__ = ["BinaryChances"]


class BinaryChances:
    """The parameter is ``probs``, or ``logits``, the log odds; the other one follows from it."""

    _param: Tensor
    _parameters: ClassVar[Any] = {"probs": 0, "logits": 0, "_param": 0}

    def _take(self, probs: Any, logits: Any, *more: Any) -> tuple[Tensor, ...]:
        """Keeps the one that is given, with the shape that it has with ``more``; returns these."""
        if (probs is None) == (logits is None):
            raise ValueError("Either `probs` or `logits` must be specified, but not both.")
        *others, self._param = broadcast_all(*more, logits if probs is None else probs)
        self.__dict__["logits" if probs is None else "probs"] = self._param
        return tuple(others)

    @lazy_property
    def logits(self) -> Tensor:
        """The log odds."""
        return probs_to_logits(self.probs, is_binary=True)

    @lazy_property
    def probs(self) -> Tensor:
        """The chances."""
        return logits_to_probs(self.logits, is_binary=True)

    @property
    def param_shape(self) -> Size:
        """The shape of the parameter that was given."""
        return self._param.size()
