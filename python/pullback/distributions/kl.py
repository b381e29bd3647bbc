"""Divergences of Kullback and Leibler between distributions."""

from __future__ import annotations

# The rules register themselves.
from pullback.distributions import _kl_crossed, _kl_same, _kl_within  # noqa: F401
from pullback.distributions._kl_registry import (
    _KL_REGISTRY,  # noqa: F401 - where torch has it
    kl_divergence,
    register_kl,
)

__all__ = ["kl_divergence", "register_kl"]
