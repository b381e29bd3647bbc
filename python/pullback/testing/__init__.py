"""What tests are written with: ``assert_close`` and ``make_tensor``, as in ``torch.testing``."""

from __future__ import annotations

from pullback.testing._comparison import assert_allclose, assert_close
from pullback.testing._creation import make_tensor

__all__ = ["assert_allclose", "assert_close", "make_tensor"]
