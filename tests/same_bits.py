"""What comes of a computation has the same bits for any number of threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import pullback as pb

THREADS = (1, 2, 3, 4)


def bits(tensor: Any) -> bytes:
    data: bytes = np.ascontiguousarray(tensor.detach().numpy()).tobytes()
    return data


def assert_same_bits(run: Callable[[], list[Any]]) -> None:
    """`run` gives tensors; twice with one number of threads and once with the others."""
    before = pb.get_num_threads()
    found = []
    try:
        for count in (1, *THREADS):
            pb.set_num_threads(count)
            assert pb.get_num_threads() == count
            found.append([(tuple(t.shape), bits(t)) for t in run()])
    finally:
        pb.set_num_threads(before)
    for count, each in zip(THREADS, found[1:], strict=True):
        same = [a == b for a, b in zip(found[0], each, strict=True)]
        assert all(same), f"{count} threads: results {[k for k, s in enumerate(same) if not s]}"
