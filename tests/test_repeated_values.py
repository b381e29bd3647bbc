"""Gradients of spectra whose values repeat up to rounding: the right number, or none.

Values that repeat are found a few units apart in any basis but their own, so a quotient of rounding
by rounding looks like a number.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.linalg

import pullback as pb

DTYPES = pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])


def random(generator: Any, *shape: int, dtype: str) -> Any:
    a = generator.standard_normal(shape)
    if dtype.startswith("complex"):
        a = a + 1j * generator.standard_normal(shape)
    return a.astype(dtype)


def basis(generator: Any, n: int, dtype: str) -> Any:
    return np.linalg.qr(random(generator, n, n, dtype=dtype))[0]


def repeated(generator: Any, n: int, dtype: str) -> Any:
    """Hermitian, with a value 1 that half of the vectors share."""
    q = basis(generator, n, dtype)
    values = np.where(np.arange(n) < (n + 1) // 2, 1, generator.uniform(2, 3, n))
    a = ((q * values) @ q.conj().T).astype(dtype)
    return (a + a.conj().T) / 2


def gradient(loss: Any, a: Any) -> Any:
    """Of the real part of a loss, as NumPy has it."""
    leaf = pb.tensor(a).requires_grad_()
    value = loss(leaf)
    (found,) = pb.autograd.grad(value.real if value.is_complex() else value, leaf)
    return found.numpy()


def of_root(c: Any) -> Any:
    def loss(a: Any) -> Any:
        w, v = pb.linalg.eigh(a)
        return (((v * w.sqrt()) @ v.mH) * c).sum()

    return loss


@DTYPES
@pytest.mark.parametrize("n", [3, 5, 10, 33])
def test_a_root_by_values_and_vectors_has_no_number(n: int, dtype: str) -> None:
    """It has a derivative, of which this loss shows the quotient 0 / 0 alone."""
    for seed in range(8):
        generator = np.random.RandomState(seed)
        a = repeated(generator, n, dtype)
        c = pb.tensor(random(generator, n, n, dtype=dtype))
        c = c + c.mH
        assert not np.isfinite(gradient(of_root(c), a)).all()


@DTYPES
def test_a_root_of_values_that_are_near_each_other(dtype: str) -> None:
    """The equation of Sylvester R X + X R = C gives the gradient."""
    step = 1e-2 if dtype in ("float32", "complex64") else 1e-5
    generator = np.random.RandomState(0)
    q = basis(generator, 4, dtype.replace("32", "64") if dtype == "float32" else dtype)
    a = (q * [1, 1 + step, 2, 2 + step]) @ q.conj().T
    a = ((a + a.conj().T) / 2).astype(dtype)
    c = random(generator, 4, 4, dtype=dtype)
    c = c + c.conj().T
    root = scipy.linalg.sqrtm(a.astype(np.complex128))
    right = scipy.linalg.solve_sylvester(root, root, c.conj())
    found = gradient(of_root(pb.tensor(c)), a)
    tolerance = 1e-3 if dtype in ("float32", "complex64") else 1e-8
    np.testing.assert_allclose(found, right if np.iscomplexobj(a) else right.real, 0, tolerance)


@DTYPES
@pytest.mark.parametrize("n", [3, 5, 10])
def test_half_of_the_singular_values_has_no_number(n: int, dtype: str) -> None:
    for seed in range(8):
        generator = np.random.RandomState(seed)
        a = repeated(generator, n, dtype) @ basis(generator, n, dtype)
        c = pb.tensor(random(generator, n, n, dtype=dtype))

        def loss(a: Any, c: Any = c) -> Any:
            u, s, vh = pb.linalg.svd(a, full_matrices=False)
            return (((u * s.sqrt()) @ vh) * c).sum()

        assert not np.isfinite(gradient(loss, a)).all()


@DTYPES
@pytest.mark.parametrize("shape", [(3, 3), (4, 3), (3, 5), (6, 6)], ids=str)
@pytest.mark.parametrize("rank", [0, 1, 2])
def test_a_matrix_of_deficient_rank_made_anew(shape: Any, rank: int, dtype: str) -> None:
    """U S V^H is the matrix, and its gradient the loss's, where there is a number for it."""
    generator = np.random.RandomState(rank)
    left, right = (random(generator, *s, dtype=dtype) for s in ((shape[0], rank), (rank, shape[1])))
    for a in (left @ right, (np.eye(*shape) * (np.arange(shape[1]) < rank)).astype(dtype)):
        c = random(generator, *shape, dtype=dtype)

        def loss(a: Any, c: Any = c) -> Any:
            u, s, vh = pb.linalg.svd(a, full_matrices=False)
            return (((u * s) @ vh) * pb.tensor(c)).sum()

        found = gradient(loss, a)
        if np.isfinite(found).all():
            np.testing.assert_allclose(found, c.conj(), 0, 1e-3 if c.itemsize <= 8 else 1e-9)


@DTYPES
@pytest.mark.parametrize("n", [2, 3, 5])
def test_a_function_of_any_matrix_by_values_and_vectors_has_no_number(n: int, dtype: str) -> None:
    for seed in range(8):
        generator = np.random.RandomState(seed)
        x = random(generator, n, n, dtype=dtype) + 2 * np.eye(n).astype(dtype)
        values = np.where(np.arange(n) < 2, 2, np.arange(n) * 1.5)
        a = ((x * values) @ np.linalg.inv(x)).astype(dtype)
        if np.linalg.cond(x) > 50:
            continue

        def loss(a: Any) -> Any:
            w, v = pb.linalg.eig(a)
            return ((v * w.exp()) @ pb.linalg.inv(v)).sum()

        try:
            found = gradient(loss, a)
        except RuntimeError:
            continue
        assert not np.isfinite(found).all()


@pytest.mark.parametrize("with_values", [False, True])
def test_a_large_matrix_whose_values_are_close(with_values: bool) -> None:
    """Gaps of a thousandth in single precision are no rounding."""
    n = 200
    a = np.random.RandomState(0).standard_normal((n, n))
    a = ((a + a.T) / 2).astype(np.float32)
    c = np.random.RandomState(1).standard_normal((n, n))

    def loss(a: Any) -> Any:
        w, v = pb.linalg.eigh(a)
        part = v[:, ::2] * w[::2] if with_values else v[:, ::2]
        return ((part @ v[:, ::2].mT) * pb.tensor(c).to(a.dtype)).sum()

    right = gradient(loss, a.astype(np.float64))
    found = gradient(loss, a)
    np.testing.assert_allclose(found, right, 0, 1e-2 * np.abs(right).max())


@DTYPES
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("shape", [(4, 3), (3, 5)], ids=str)
def test_vectors_beside_values_that_vanish(shape: Any, turned: bool, dtype: str) -> None:
    """The projector on the space of a matrix of rank 1 moves by what leaves that space."""
    generator = np.random.RandomState(0)
    a = np.zeros(shape, dtype)
    a[0, 0] = 2
    if turned:
        left, right = (basis(generator, n, dtype) for n in shape)
        a = (left @ a @ right).astype(dtype)
    c = random(generator, shape[0], shape[0], dtype=dtype)
    c = c + c.conj().T

    def loss(a: Any) -> Any:
        u, _, _ = pb.linalg.svd(a, full_matrices=False)
        return ((u[:, :1] @ u[:, :1].mH) * pb.tensor(c.conj())).sum()

    u, s, vh = np.linalg.svd(a)
    u, v = u[:, :1], vh[:1].conj().T
    right = 2 * (np.eye(shape[0]) - u @ u.conj().T) @ c @ u @ v.conj().T / s[0]
    tolerance = 1e-3 if c.itemsize <= 8 and dtype != "float64" else 1e-9
    np.testing.assert_allclose(gradient(loss, a), right, 0, tolerance)


@DTYPES
@pytest.mark.parametrize("turned", [False, True])
def test_a_loss_of_vectors_of_values_that_vanish_has_no_number(turned: bool, dtype: str) -> None:
    generator = np.random.RandomState(0)
    a = np.zeros((4, 3), dtype)
    a[0, 0], a[1, 1] = 2, 1
    if turned:
        a = (basis(generator, 4, dtype) @ a @ basis(generator, 3, dtype)).astype(dtype)
    c = random(generator, 4, 4, dtype=dtype)
    c = pb.tensor(c + c.conj().T)

    def loss(a: Any) -> Any:
        u, _, _ = pb.linalg.svd(a, full_matrices=False)
        return ((u @ u.mH) * c).sum()

    assert not np.isfinite(gradient(loss, a)).all()


@pytest.mark.parametrize(
    "shape", [(0, 3), (3, 0), (0, 0), (2, 0, 3), (0, 3, 3), (0, 4, 3)], ids=str
)
def test_gradients_of_vectors_of_no_matrix(shape: Any) -> None:
    leaf = pb.zeros(shape, requires_grad=True)
    u, s, vh = pb.linalg.svd(leaf, full_matrices=False)
    for loss in (u.sum() + vh.sum(), u.sum() + s.sum() + vh.sum()):
        (found,) = pb.autograd.grad(loss, leaf, create_graph=True)
        assert found.shape == shape
    if shape[-1] == shape[-2]:
        w, v = pb.linalg.eigh(leaf)
        (found,) = pb.autograd.grad(w.sum() + v.sum(), leaf)
        assert found.shape == shape
