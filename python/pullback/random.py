"""The default generator of random numbers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pullback import _arguments
from pullback._core import Generator, default_generator

if TYPE_CHECKING:
    from pullback import Tensor

__all__ = [
    "default_generator",
    "fork_rng",
    "get_rng_state",
    "initial_seed",
    "manual_seed",
    "seed",
    "set_rng_state",
]


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
    _arguments.numbers("manual_seed", seed=seed)
    number = int(seed)
    if not -(2**63) <= number < 2**64:
        raise ValueError(
            f"Overflow when unpacking long long: got seed {number}, expected -2**63 to 2**64 - 1."
        )
    return default_generator.manual_seed(number)


def set_rng_state(new_state: Tensor) -> None:
    """Put the generator into a state that ``get_rng_state`` gave.

    Example:
        >>> import pullback as pb
        >>> state = pb.get_rng_state()
        >>> a = pb.rand(2)
        >>> pb.set_rng_state(state)
        >>> bool((pb.rand(2) == a).all())
        True
    """
    default_generator.set_state(new_state)


def get_rng_state() -> Tensor:
    """The state of the generator as a tensor of bytes, shape [5056].

    Example:
        >>> import pullback as pb
        >>> pb.get_rng_state().shape
        torch.Size([5056])
    """
    return default_generator.get_state()


def seed() -> int:
    """Start the generator from a random seed, and return that."""
    return default_generator.seed()


def initial_seed() -> int:
    """The seed that the generator was started from.

    Example:
        >>> import pullback as pb
        >>> pb.manual_seed(3).initial_seed(), pb.initial_seed()
        (3, 3)
    """
    return default_generator.initial_seed()


@contextmanager
def fork_rng(
    devices: Any = None,
    enabled: bool = True,
    *,
    device_type: str = "cpu",
) -> Iterator[None]:
    """What is drawn inside leaves the generator as it was; there are no other devices.

    Example:
        >>> import pullback as pb
        >>> _ = pb.manual_seed(0)
        >>> with pb.random.fork_rng():
        ...     a = pb.rand(1)
        >>> bool(pb.rand(1) == a)
        True
    """
    del device_type
    if devices:
        raise ValueError(
            f"fork_rng: got devices={devices!r}, expected none: there is only the CPU."
        )
    if not enabled:
        yield
        return
    state = get_rng_state()
    try:
        yield
    finally:
        set_rng_state(state)
