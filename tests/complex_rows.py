"""Which rows of the operator table take complex numbers, and their samples with complex tensors.

``complex_table.txt`` has a line for every name: whether PyTorch gives something for a sample whose
floating tensors were made complex. It is written by this file (``python tests/complex_rows.py``,
with PyTorch), and a row without a line fails the tests.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from samples import Leaf, Sample
from table import OPS, Op

FILE = Path(__file__).with_name("complex_table.txt")
GIVES, REFUSES = "gives", "refuses"

# Rows that take complex numbers in PyTorch and refuse them here, at least in one sample.
NOT_HERE: dict[str, str] = {}


def made_complex(leaf: Leaf) -> Leaf:
    """The same numbers, with others of them as imaginary parts."""
    if leaf.array.dtype.kind != "f":
        return leaf
    other = np.roll(leaf.array.ravel()[::-1], 1).reshape(leaf.array.shape) / 2
    if leaf.symmetric:  # so little of it that what was positive definite stays so
        other = np.triu(other, 1) / (4 * other.shape[-1] or 1)
        return replace(leaf, array=leaf.array + 1j * (other - np.swapaxes(other, -1, -2)))
    return replace(leaf, array=np.asarray(leaf.array + 1j * other))


def samples_of(op: Op) -> list[Sample]:
    """Those with tensors that are complex now."""
    return [
        sample.with_leaves(made_complex, "complex")
        for sample in op.samples
        if any(leaf.floating for leaf in sample.leaves)
    ]


ROWS = [op for op in OPS if samples_of(op)]


def table() -> dict[str, str]:
    lines = FILE.read_text().splitlines()
    return dict(line.split(": ") for line in lines)


def outcome(op: Op, sample: Sample, lib: Any) -> Any:
    """What the operator returns, or the exception that it raises."""
    try:
        return op.of_tensors(lib, sample)(*sample.tensors(lib))
    except Exception as error:  # noqa: BLE001 - compared
        return error


def write() -> None:
    import warnings

    import torch

    warnings.simplefilter("ignore")
    found: dict[str, str] = {}
    for op in ROWS:
        given = [outcome(op, sample, torch) for sample in samples_of(op)]
        gives = any(not isinstance(each, Exception) for each in given)
        if gives or found.get(op.name) == GIVES:
            found[op.name] = GIVES
        else:
            found[op.name] = REFUSES
    FILE.write_text("".join(f"{name}: {found[name]}\n" for name in sorted(found)))


if __name__ == "__main__":
    write()
