"""``nextafter`` gives the next number, which is nearer than any tolerance of the table's tests."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb

NUMBERS = [0.0, -0.0, 1.0, -1.0, 1e-45, 3.4028235e38, 2.5, np.inf, -np.inf, np.nan]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_pair(dtype: type) -> None:
    pairs = np.array([(a, b) for a in NUMBERS for b in NUMBERS], dtype).T
    found = pb.nextafter(*(pb.tensor(each) for each in pairs)).numpy()
    assert found.dtype == dtype
    with np.errstate(all="ignore"):
        expected = np.nextafter(*pairs)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(np.signbit(found), np.signbit(expected))
