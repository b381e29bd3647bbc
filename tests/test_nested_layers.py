"""Layers and factorisations in nested transforms: a batch beside a loop.

Some have a backward pass that is one kernel without a derivative, which must not be taken where
somebody outside of a vmap differentiates what it gives.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

import pullback as pb
from pullback import Tensor
from pullback.nn import functional

Map = Callable[[Any], Any]

NUMBERS = pb.arange(60.0, dtype=pb.float64).view(3, 4, 5)
X = (NUMBERS * 1.7).sin()
W = (NUMBERS * 0.9).cos()
MATRIX = pb.eye(4, dtype=pb.float64) * 3 + W[0, :, :4]

LAYERS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "layer_norm": lambda x, s: functional.layer_norm(x, (5,), W[0, 0] * s, W[0, 1] * s),
    "group_norm": lambda x, s: functional.group_norm(x, 2, W[0, :, 0] * s, W[0, :, 1]),
    "batch_norm": lambda x, s: functional.batch_norm(x, None, None, W[0, :, 0] * s, None, True),
    "instance_norm": lambda x, s: functional.instance_norm(x * s),
    "rms_norm": lambda x, s: functional.rms_norm(x, (5,), W[0, 0] * s),
    "attention": lambda x, s: functional.scaled_dot_product_attention(x, W * s, x.cos()),
    "conv1d": lambda x, s: functional.conv1d(x, W[:2, :, :2] * 0 + s),
    "conv_transpose1d": lambda x, s: functional.conv_transpose1d(x, W[0, :, None, :2] + s),
    "det": lambda x, s: pb.linalg.det(MATRIX * s + x[0, :, :4]),
    "solve": lambda x, s: pb.linalg.solve(MATRIX * s, x),
}
TRANSFORMS: dict[str, Callable[[Map], Map]] = {
    "grad": lambda f: pb.func.grad(lambda s: f(s).sum()),
    "jvp": lambda f: lambda s: pb.func.jvp(f, (s,), (s.cos(),))[1],
    "vmap": lambda f: lambda s: pb.func.vmap(f)(pb.stack([s, s * 0.9])),
}
LOOPED = {**TRANSFORMS, "vmap": lambda f: lambda s: pb.stack([f(s), f(s * 0.9)])}
NESTS = [
    nest
    for depth in (1, 2, 3)
    for nest in itertools.product(TRANSFORMS, repeat=depth)
    if nest.count("vmap") == 1
]


@pytest.mark.parametrize("name", LAYERS)
def test_a_batch_gives_what_a_loop_gives(name: str) -> None:
    for nest in NESTS:
        values = []
        for transforms in (TRANSFORMS, LOOPED):

            def f(s: Tensor) -> Any:
                y = LAYERS[name](X * s.sin() + s * X**2, s)
                return y.square().sum() + y.sin().sum()

            for each in reversed(nest):
                f = transforms[each](f)
            values.append(f(pb.tensor(0.8, dtype=pb.float64)))
        pb.testing.assert_close(values[0], values[1], rtol=1e-9, atol=1e-9)
