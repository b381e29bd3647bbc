"""The kinds of levels, as in csrc/graph/level.h."""

DUAL, JVP, GRAD, VMAP, LINEAR = range(5)
