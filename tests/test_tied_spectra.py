"""Spectra of matrices whose columns tie: zeros and ones, low ranks, graded, tiny and huge ones.

Rotations and reflectors take special ways through them that random matrices never show.  Of small
stacks and large ones, as both have kernels of their own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pullback as pb

DTYPES = pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])


def wide(a: Any) -> Any:
    return a.astype(np.complex128 if np.iscomplexobj(a) else np.float64)


def adjoint(a: Any) -> Any:
    return np.conj(a).swapaxes(-1, -2)


def assert_near(a: Any, b: Any, bound: Any) -> None:
    """The difference of stacks of matrices against a bound for each matrix."""
    difference = np.abs(wide(a) - wide(b)).reshape(len(a), -1).max(-1, initial=0)
    wrong = ~(difference <= bound)
    assert not wrong.any(), f"matrix {wrong.argmax()} is {difference[wrong][0]:.3g} off"


def check_svd(a: Any) -> None:
    m, n = a.shape[-2:]
    unit = 10 * max(m, n) * float(np.finfo(a.dtype).eps)
    values = np.linalg.svd(wide(a), compute_uv=False)
    bound = unit * values[..., 0]
    t = pb.tensor(a)
    assert_near(pb.linalg.svdvals(t).numpy(), values, bound)
    u, s, vh = (x.numpy() for x in pb.linalg.svd(t, full_matrices=False))
    assert_near(s, values, bound)
    assert_near(wide(u) * s[..., None, :] @ wide(vh), a, bound)
    eye = np.broadcast_to(np.eye(min(m, n)), (len(a), min(m, n), min(m, n)))
    assert_near(adjoint(wide(u)) @ u, eye, unit)
    assert_near(wide(vh) @ adjoint(vh), eye, unit)


def bits(count: int, size: int) -> Any:
    return np.arange(count)[:, None] >> np.arange(size) & 1


def sparse(generator: Any, *shape: int, density: float, dtype: str) -> Any:
    a = (generator.rand(*shape) < density).astype(dtype)
    if np.iscomplexobj(a):
        a += 1j * (generator.rand(*shape) < density)
    return a


# --- singular values ---


@DTYPES
def test_all_small_matrices_of_zeros_and_ones(dtype: str) -> None:
    check_svd(bits(2**9, 9).reshape(-1, 3, 3).astype(dtype))
    check_svd(bits(2**12, 12).reshape(-1, 4, 3).astype(dtype))
    check_svd(bits(2**12, 12).reshape(-1, 3, 4).astype(dtype))
    for k in range(0, 2**9, 7):
        check_svd(bits(2**9, 9)[k : k + 1].reshape(-1, 3, 3).astype(dtype))


def test_an_exchange_of_columns_is_not_the_end() -> None:
    a = pb.tensor([[0.0, 1, 1], [1, 0, 0], [0, 0, 1]])
    golden = (1 + 5**0.5) / 2
    np.testing.assert_allclose(pb.linalg.svdvals(a).numpy(), [golden, 1, 1 / golden], 1e-6)
    np.testing.assert_allclose(pb.linalg.cond(a).item(), golden**2, 1e-6)
    np.testing.assert_allclose((pb.linalg.pinv(a) @ a).numpy(), np.eye(3), atol=1e-6)
    assert pb.linalg.matrix_rank(a).item() == 3
    b = a @ pb.tensor([[1.0], [2], [3]])
    solved = pb.linalg.lstsq(a, b, driver="gelsd")[0]
    np.testing.assert_allclose(solved.numpy(), [[1], [2], [3]], 1e-5)


@pytest.mark.parametrize("stack", [1, 3, 4, 5, 8, 9, 17])
@DTYPES
def test_singular_values_of_zeros_and_ones(dtype: str, stack: int) -> None:
    generator = np.random.RandomState(stack)
    for n in range(1, 33):
        for density in (0.15, 0.4, 0.7):
            check_svd(sparse(generator, stack, n, n, density=density, dtype=dtype))
        m = generator.randint(1, 33)
        check_svd(sparse(generator, stack, m, n, density=0.4, dtype=dtype))
