"""The caching allocator: what it holds, and how much of what is freed it keeps.

Example:
    >>> import pullback as pb
    >>> pb.memory.empty_cache()
    >>> pb.memory.stats()["cached"]
    0
"""

from __future__ import annotations

from pullback import _core

__all__ = ["empty_cache", "reset_peak", "set_bound", "stats"]


def stats() -> dict[str, int]:
    """Bytes in use, the most there were, bytes kept for later, and the bound of those.

    Example:
        >>> import pullback as pb
        >>> sorted(pb.memory.stats())
        ['allocated', 'bound', 'cached', 'peak']
    """
    raw = _core._memory_stats()
    return {name: raw[f"{name}_bytes"] for name in ("allocated", "peak", "cached", "bound")}


def empty_cache() -> None:
    """Give all memory that is kept but not in use back to the system."""
    _core._memory_empty_cache()


def set_bound(size: int) -> None:
    """Keep at most so many bytes of freed memory; what is above is given back now."""
    _core._memory_set_bound(size)


def reset_peak() -> None:
    """Let ``stats()["peak"]`` start again from what is in use."""
    _core._memory_reset_peak()
