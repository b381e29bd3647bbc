"""The parts of ``pullback.nn.functional`` that are written in Python, one file a subject."""

from __future__ import annotations

from pullback.nn._parts import (
    attention,
    embedding,
    losses,
    normalization,
    pooling,
    random,
    sequences,
    vision,
)

ALL = (attention, embedding, losses, normalization, pooling, random, sequences, vision)
