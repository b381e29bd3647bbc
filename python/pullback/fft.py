"""Discrete Fourier transforms, under torch's names; the functions are from the operator table."""

from __future__ import annotations

from pullback import _core

globals().update({k: v for k, v in vars(_core._spaces["fft"]).items() if not k.startswith("__")})
