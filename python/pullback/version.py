"""Which PyTorch this behaves as, and which pullback it is."""

from __future__ import annotations

from pullback import _core

__all__ = ["__version__", "cuda", "debug", "git_version", "hip", "pullback", "rocm", "xpu"]

__version__ = "2.13.0+pullback"
pullback: str = _core.__version__  # the version of this package
debug = False
git_version = "unknown"
cuda: str | None = None
hip: str | None = None
rocm: str | None = None
xpu: str | None = None
