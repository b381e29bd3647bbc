"""``torch.cuda.nvtx``: marks for the profiler of a GPU, of which there is none."""

from __future__ import annotations

from typing import Any, NoReturn

__all__ = ["mark", "range", "range_end", "range_pop", "range_push", "range_start"]


def _refuse(*_: Any, **__: Any) -> NoReturn:
    raise RuntimeError(
        "NVTX functions not installed: pullback runs on the CPU only. "
        "torch.autograd.profiler.record_function names a part of a program."
    )


mark = range = range_end = range_pop = range_push = range_start = _refuse
