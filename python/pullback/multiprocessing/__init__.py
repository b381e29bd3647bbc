"""``torch.multiprocessing``: that of Python, whose messages share the memory of tensors.

Importing it is all: queues, pipes, pools and processes, also those of ``multiprocessing`` itself,
then send tensors, parameters and storages as segments of shared memory. ``docs/data.md`` says what
both sides see.
"""

from __future__ import annotations

import multiprocessing
from multiprocessing import *  # noqa: F403
from typing import Any

from pullback import _core
from pullback.multiprocessing.reductions import init_reductions
from pullback.multiprocessing.spawn import (
    ProcessContext,
    ProcessExitedException,
    ProcessRaisedException,
    SpawnContext,
    spawn,
    start_processes,
)

__all__ = [
    "ProcessContext",
    "ProcessExitedException",
    "ProcessRaisedException",
    "SpawnContext",
    "get_all_sharing_strategies",
    "get_sharing_strategy",
    "init_reductions",
    "set_sharing_strategy",
    "spawn",
    "start_processes",
]
__all__ += multiprocessing.__all__

_STRATEGY = "file_descriptor"


def get_all_sharing_strategies() -> set[str]:
    """``{"file_descriptor"}``: segments have no names, so none is left when a process is killed."""
    return {_STRATEGY}


def get_sharing_strategy() -> str:
    """``"file_descriptor"``."""
    return _STRATEGY


def set_sharing_strategy(new_strategy: str) -> None:
    """Takes ``"file_descriptor"``; of ``"file_system"`` it warns that it stays with that.

    Raises:
        ValueError: it is neither.
    """
    if new_strategy not in (_STRATEGY, "file_system"):
        raise ValueError(
            f"set_sharing_strategy: got {new_strategy!r}, expected 'file_descriptor', the only one."
        )
    if new_strategy != _STRATEGY:
        _core._warn(
            "set_sharing_strategy: there is no 'file_system', tensors go by file descriptors. If "
            "these run out, raise the limit (ulimit -n)."
        )


def __getattr__(name: str) -> Any:
    # Names that multiprocessing makes of its default context.
    return getattr(multiprocessing, name)


init_reductions()
