"""Arguments that would read what is not there are errors, not crashes."""

from __future__ import annotations

from typing import Any

import pytest

import pullback as pb


@pytest.mark.parametrize("wrong", [None, 3, "a"])
def test_grad_with_respect_to_no_tensor(wrong: Any) -> None:
    x = pb.ones(2, requires_grad=True)
    with pytest.raises((RuntimeError, TypeError), match="inputs"):
        pb.autograd.grad((x * 2).sum(), [wrong])
    with pytest.raises((RuntimeError, TypeError), match="inputs"):
        (x * 2).sum().backward(inputs=[wrong])


@pytest.mark.parametrize("geometry", [((3,), (4,), 2**62), ((2**40, 2), (2**40, 1), 0)])
def test_a_part_of_memory_that_is_not_there(geometry: Any) -> None:
    with pytest.raises(RuntimeError, match="out of bounds"):
        pb.ones(3, 4).as_strided(*geometry)
