"""Dimensions by name."""

from pullback.func import rearrange

__all__ = ["rearrange"]
