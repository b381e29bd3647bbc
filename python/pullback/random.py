"""The one generator of random numbers."""

from __future__ import annotations

from typing import Any

from pullback import _core
from pullback._core import initial_seed, seed

__all__ = ["default_generator", "initial_seed", "manual_seed", "seed"]


class Generator:
    """The generator that all random functions draw from; there is no other.

    Example:
        >>> import pullback as pb
        >>> pb.manual_seed(3).initial_seed()
        3
    """

    __slots__ = ()

    def manual_seed(self, seed: int) -> Generator:
        """Start from a seed; returns the generator."""
        return manual_seed(seed)

    def initial_seed(self) -> int:
        """The seed it was started from."""
        return initial_seed()

    def seed(self) -> int:
        """Start from a random seed, and return that."""
        return seed()

    def __reduce__(self) -> Any:
        raise TypeError("Generator: the global generator cannot be pickled.")


default_generator = Generator()


def manual_seed(seed: int) -> Generator:
    """Start the generator from a seed; the same numbers follow at any number of threads.

    Example:
        >>> import pullback as pb
        >>> _ = pb.manual_seed(0)
        >>> a = pb.rand(2)
        >>> _ = pb.manual_seed(0)
        >>> bool((pb.rand(2) == a).all())
        True
    """
    number = int(seed)
    if not -(2**63) <= number < 2**64:
        raise ValueError(
            f"Overflow when unpacking long long: got seed {number}, expected -2**63 to 2**64 - 1."
        )
    _core._manual_seed(number)
    return default_generator
