"""The operators of the table for ``nn.functional``; their types are in the stub."""

from __future__ import annotations

from pullback import _core

globals().update(
    {k: v for k, v in vars(_core._spaces["nn.functional"]).items() if not k.startswith("__")}
)
