"""Complex numbers, for which there are no operators, do not come in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb

DOORS: dict[str, Callable[[Any], Any]] = {
    "from_numpy": pb.from_numpy,
    "tensor": pb.tensor,
    "as_tensor": pb.as_tensor,
    "asarray": pb.asarray,
    "from_dlpack": pb.from_dlpack,
    "an operand": lambda array: pb.ones(2) + array,
    "its old type": lambda _: pb.ones(2).type("torch.ComplexFloatTensor"),
    "a number": lambda _: pb.tensor(1j),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_complex_numbers_do_not_come_in(door: str, dtype: str) -> None:
    """There are no operators for them: each door refuses, and none lets one in by half."""
    with pytest.raises((TypeError, ValueError, RuntimeError, NotImplementedError), match=r"\w"):
        DOORS[door](np.array([1j, 2], dtype))
