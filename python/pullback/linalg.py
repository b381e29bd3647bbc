"""Linear algebra, under torch's names; the functions are from the operator table."""

from __future__ import annotations

from pullback import _core

LinAlgError = _core._LinAlgError
globals().update({k: v for k, v in vars(_core._spaces["linalg"]).items() if not k.startswith("__")})
