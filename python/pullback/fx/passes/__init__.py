"""Passes over graphs: ``shape_prop`` notes shapes and dtypes."""

from pullback.fx.passes import shape_prop

__all__ = ["shape_prop"]
