"""Divergences of Kullback and Leibler between distributions."""

from __future__ import annotations

from pullback.distributions import _kl_crossed, _kl_registry, _kl_same, _kl_within
from pullback.distributions._kl_registry import kl_divergence, register_kl

__all__ = ["kl_divergence", "register_kl"]

_RULES = (_kl_crossed, _kl_same, _kl_within)  # which register themselves
_KL_REGISTRY = _kl_registry._KL_REGISTRY  # where torch has it
