"""What the workers of the tests load: in a module that a process which starts afresh can import."""

from __future__ import annotations

from typing import Any

import pullback as pb
from pullback.utils.data import get_worker_info


class Numbers:
    """Does something at one index."""

    def __init__(self, count: int, at: int = -1, what: Any = None) -> None:
        self.count, self.at, self.what = count, at, what

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Any:
        return self.what() if index == self.at else pb.full((3,), float(index))


def of_worker(values: Any) -> Any:
    info = get_worker_info()
    assert info is not None
    return info.id, info.num_workers, info.seed, info.dataset.count, len(values)
