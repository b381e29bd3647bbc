"""``LinearCrossEntropyOptions``: how ``linear_cross_entropy`` cuts a batch into chunks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import pullback as pb

__all__ = ["LinearCrossEntropyOptions"]

_DTYPES = (pb.float16, pb.bfloat16, pb.float32, pb.float64)
_RATIO = 2


@dataclass(frozen=True, slots=True)
class LinearCrossEntropyOptions:
    """With it ``linear_cross_entropy`` keeps the logits of one chunk of the batch at a time.

    They are computed again in the backward pass, so derivatives of every order and repeated passes
    work whatever ``allow_retain_graph`` says.

    Args:
        allow_retain_graph: PyTorch's; passes may be repeated here anyway.
        batch_chunk_size: the number of examples in a chunk; None for one that fits the method.
        chunking_method: "aspect_ratio:r" for chunks whose logits have at most ``r`` times as many
            elements as the input, without a number and "auto" for ``r = 2``, None for one chunk.
        acc_policy: PyTorch's; sums of narrow dtypes are float32 here whatever it says.
        acc_dtype: the dtype of these sums: None, float32 for narrow dtypes, or that of the input.

    Raises:
        ValueError: a value that is none of these.
    """

    allow_retain_graph: bool = False
    batch_chunk_size: int | None = None
    chunking_method: str | None = "auto"
    acc_policy: Literal["accurate", "balanced", "compact", "auto"] = "auto"
    acc_dtype: Any = None

    def __post_init__(self) -> None:
        size = self.batch_chunk_size
        if size is not None and (not isinstance(size, int) or size <= 0):
            raise ValueError(f"batch_chunk_size must be positive int or None, got {size}")
        if self.acc_policy not in ("accurate", "balanced", "compact", "auto"):
            raise ValueError(f"invalid acc_policy: {self.acc_policy!r}")
        if self.acc_dtype is not None and self.acc_dtype not in _DTYPES:
            raise ValueError(
                "acc_dtype must be one of {None, torch.float16, torch.bfloat16, torch.float32, "
                f"torch.float64}}, got {self.acc_dtype}. Pass acc_dtype=None to let the op pick "
                "automatically."
            )
        self._ratio()

    def _ratio(self) -> int | None:
        method = self.chunking_method
        if method is None:
            return None
        name, colon, number = method.partition(":") if isinstance(method, str) else ("", "", "")
        if (name, colon) in (("auto", ""), ("aspect_ratio", "")):
            return _RATIO
        if name != "aspect_ratio" or not number.isdecimal() or int(number) == 0:
            raise ValueError(f"invalid chunking_method: {method!r}")
        return int(number)

    def _rows(self, batch: int, features: int, classes: int) -> int:
        """The number of examples in a chunk."""
        if self.batch_chunk_size is not None:
            return self.batch_chunk_size
        ratio = self._ratio()
        if ratio is None:
            return max(batch, 1)
        return max(ratio * batch * features // max(classes, 1), 1)
