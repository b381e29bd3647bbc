"""Special functions, under torch's names; all from the operator table."""

from __future__ import annotations

from pullback import _core

globals().update(
    {k: v for k, v in vars(_core._spaces["special"]).items() if not k.startswith("__")}
)
