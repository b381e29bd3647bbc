"""``SobolEngine``: points that fill the unit cube evenly, for integrals and designs.

The direction numbers are those of Joe and Kuo (SIAM J. Sci. Comput. 30, 2008), up to 21,201
dimensions; SciPy has their table, and is asked for it when an engine is made.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

import pullback as pb
from pullback import Tensor, _arguments

__all__ = ["SobolEngine"]


def _directions(dimension: int, bits: int) -> Tensor:
    """Integers [dimension, bits]: the number whose bits the ``k``-th bit of an index flips."""
    try:
        engine = importlib.import_module("scipy.stats.qmc").Sobol
    except ImportError as error:
        raise ImportError(
            "SobolEngine: got no SciPy, expected it for its table of direction numbers. Install "
            "it: pip install scipy"
        ) from error
    numbers = engine(dimension, scramble=False, bits=bits)._sv
    return pb.tensor(np.asarray(numbers, dtype=np.int64))


class SobolEngine:
    """Sobol points of the unit cube, one after the other.

    Each set of the first ``2**m`` points has the same number of points in many equal boxes, so
    that means over them converge nearly as fast as their number grows.

    Args:
        dimension: of the cube, 1 to 21,201.
        scramble: multiply the direction numbers by random triangular matrices of bits and shift
            the points (Owen 1998, Matousek 1998): their means are unbiased.
        seed: of the scrambling; without it the generator of this process is asked.

    Raises:
        ValueError: a dimension out of this range.
        ImportError: SciPy, which has the table of direction numbers, is not installed.

    Example:
        >>> import pullback as pb
        >>> engine = pb.quasirandom.SobolEngine(2)
        >>> engine.draw(4)
        tensor([[0.0000, 0.0000],
                [0.5000, 0.5000],
                [0.7500, 0.2500],
                [0.2500, 0.7500]])
    """

    MAXBIT = 30
    MAXDIM = 21201

    def __init__(self, dimension: int, scramble: bool = False, seed: int | None = None) -> None:
        _arguments.whole("SobolEngine", dimension=dimension)
        if not 1 <= dimension <= self.MAXDIM:
            raise ValueError(
                f"Supported range of dimensionality for SobolEngine is [1, {self.MAXDIM}]"
            )
        self.seed = seed
        self.scramble = scramble
        self.dimension = dimension
        self.sobolstate = _directions(dimension, self.MAXBIT)
        self.shift = pb.zeros(dimension, dtype=pb.int64)
        if scramble:
            self._scramble()
        self.quasi = self.shift.clone()
        self.num_generated = 0

    def _scramble(self) -> None:
        generator = None if self.seed is None else pb.Generator().manual_seed(self.seed)
        size, bits = self.dimension, self.MAXBIT
        powers = 2 ** pb.arange(bits)
        self.shift = (pb.randint(2, (size, bits), generator=generator) * powers).sum(1)
        matrices = pb.randint(2, (size, bits, bits), generator=generator).tril(-1) + pb.eye(
            bits, dtype=pb.int64
        )
        # Bits from the greatest on: [dimension, number, bit].
        digits = (self.sobolstate.unsqueeze(-1) // powers.flip(0)) % 2
        mixed = pb.einsum("dpb,dnb->dnp", matrices, digits) % 2
        self.sobolstate = (mixed * powers.flip(0)).sum(-1)

    def _number(self, index: int) -> Any:
        """The integers of the point of this index: numbers of the bits of its Gray code."""
        gray = index ^ (index >> 1)
        state, number = self.sobolstate.numpy(), self.shift.numpy()
        for k in range(self.MAXBIT):
            if gray >> k & 1:
                number = number ^ state[:, k]
        return number

    def _check_room(self, n: int) -> None:
        if self.num_generated + n > 2**self.MAXBIT:
            raise ValueError(
                f"SobolEngine: got {self.num_generated} and {n} points, expected at most "
                f"2**{self.MAXBIT}"
            )

    def draw(self, n: int = 1, out: Tensor | None = None, dtype: pb.dtype | None = None) -> Tensor:
        """The next ``n`` points [n, dimension].

        Args:
            n: how many.
            out: a tensor that gets the shape and the points.
            dtype: a floating one, the default one by default.

        Raises:
            RuntimeError: a negative number of points.
            ValueError: more than ``2**30`` points in all.
            NotImplementedError: another dtype.
        """
        _arguments.whole("draw", n=n)
        kind = pb.get_default_dtype() if dtype is None else dtype
        if not kind.is_floating_point:
            raise NotImplementedError(f"draw: got dtype {kind}, expected a floating one")
        if n < 0:
            raise RuntimeError(f"draw: got n={n}, expected a number of points")
        self._check_room(n)
        numbers = np.empty((self.dimension, n), dtype=np.int64)
        if n:
            first = self.num_generated
            indices = np.arange(first + 1, first + n)
            lowest = np.log2(indices & -indices).astype(np.int64)  # the bit that Gray codes change
            numbers[:, 0] = self._number(first)
            numbers[:, 1:] = self.sobolstate.numpy()[:, lowest]
            np.bitwise_xor.accumulate(numbers, axis=1, out=numbers)
            self.quasi = pb.tensor(numbers[:, -1])
            self.num_generated += n
        result = pb.tensor(np.ascontiguousarray(numbers.T)).to(kind) * 2.0**-self.MAXBIT
        return result if out is None else out.resize_(result.shape).copy_(result)

    def draw_base2(
        self, m: int, out: Tensor | None = None, dtype: pb.dtype | None = None
    ) -> Tensor:
        """The next ``2**m`` points, where these fill up a power of two.

        Raises:
            ValueError: they do not.
        """
        n = 2**m
        total = self.num_generated + n
        if total & (total - 1):
            raise ValueError(
                "The balance properties of Sobol' points require n to be a power of 2. "
                f"{self.num_generated} points have been previously generated, then: "
                f"n={self.num_generated}+2**{m}={total}. If you still want to do this, please use "
                "'SobolEngine.draw()' instead."
            )
        return self.draw(n=n, out=out, dtype=dtype)

    def reset(self) -> SobolEngine:
        """Begin with the first point again."""
        self.quasi = self.shift.clone()
        self.num_generated = 0
        return self

    def fast_forward(self, n: int) -> SobolEngine:
        """Leave out ``n`` points."""
        _arguments.whole("fast_forward", n=n)
        self._check_room(n)
        self.num_generated += n
        self.quasi = pb.tensor(self._number(max(self.num_generated - 1, 0)))
        return self

    def __repr__(self) -> str:
        texts = [f"dimension={self.dimension}"]
        if self.scramble:
            texts.append("scramble=True")
        if self.seed is not None:
            texts.append(f"seed={self.seed}")
        return f"{type(self).__name__}({', '.join(texts)})"
