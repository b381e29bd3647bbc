"""``torch.cuda.nvtx``: marks for the profiler of a GPU, of which there is none."""

from __future__ import annotations

from contextlib import ContextDecorator
from typing import Any, NoReturn

__all__ = ["mark", "range", "range_end", "range_pop", "range_push", "range_start"]


def _refuse(*_: Any, **__: Any) -> NoReturn:
    raise RuntimeError(
        "NVTX functions not installed: pullback runs on the CPU only. "
        "torch.autograd.profiler.record_function names a part of a program."
    )


mark = range_end = range_pop = range_push = range_start = _refuse


class range(ContextDecorator):
    """A named part of a program, as a block or a decorator: raises when it is entered."""

    def __init__(self, msg: str, *_: Any, **__: Any) -> None:
        self.msg = msg

    def __enter__(self) -> None:
        _refuse()

    def __exit__(self, *_: object) -> None:
        """Is not reached."""
