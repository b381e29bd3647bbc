"""The parts of ``pullback.nn.functional`` that are written in Python, one file a subject."""

from __future__ import annotations

from pullback.nn._parts import (
    attention,
    embedding,
    fractional,
    losses,
    normalization,
    pooling,
    random,
    sequences,
    vision,
)

ALL = (
    *(attention, embedding, fractional, losses, normalization, pooling, random, sequences),
    vision,
)
