"""The parts of ``pullback.nn.functional`` that are written in Python, one file a subject."""

from __future__ import annotations

from pullback.nn._parts import embedding, losses, random

ALL = (embedding, losses, random)
