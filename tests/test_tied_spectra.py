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


def scaled(a: Any, powers: Any) -> Any:
    """Times powers of two that may themselves overflow."""
    half = np.floor(powers / 2)
    return wide(a) * 2.0**half * 2.0 ** (powers - half)


def powers_of(a: Any) -> Any:
    """The powers of two near the greatest elements of the matrices."""
    size = np.maximum(np.abs(a.real), np.abs(a.imag)).max((-1, -2), keepdims=True, initial=0)
    return np.floor(np.log2(np.where(size == 0, 1, wide(size))))


def unit_of(a: Any, powers: Any = 0) -> float:
    """A few units of rounding for each row, of numbers near 1 before they were scaled."""
    limits = np.finfo(a.dtype)
    least = scaled(limits.smallest_subnormal, -np.min(powers, initial=0)).real
    return float(max(a.shape[-2:]) * (10 * limits.eps + 2 * least))


def eye_of(a: Any) -> Any:
    k = min(a.shape[-2:])
    return np.broadcast_to(np.eye(k), (len(a), k, k))


def check_svd(a: Any) -> None:
    powers = powers_of(a)
    near_one = scaled(a, -powers)
    values = np.linalg.svd(near_one, compute_uv=False)
    bound = unit_of(a, powers) * np.maximum(values[..., 0], 1e-3)
    t = pb.tensor(a)
    assert_near(scaled(pb.linalg.svdvals(t).numpy(), -powers[..., 0]), values, bound)
    u, s, vh = (x.numpy() for x in pb.linalg.svd(t, full_matrices=False))
    s = scaled(s, -powers[..., 0])
    assert_near(s, values, bound)
    assert_near(wide(u) * s[..., None, :] @ wide(vh), near_one, bound)
    assert_near(adjoint(wide(u)) @ u, eye_of(a), unit_of(a))
    assert_near(wide(vh) @ adjoint(wide(vh)), eye_of(a), unit_of(a))


def check_eigh(a: Any) -> None:
    """Of the lower half; the other one is not looked at."""
    powers = powers_of(np.tril(a))
    whole = scaled(np.tril(a, -1), -powers)
    places = np.arange(a.shape[-1])
    whole = whole + adjoint(whole)
    whole[..., places, places] = scaled(a[..., places, places].real, -powers[..., 0])
    values = np.linalg.eigvalsh(whole)
    bound = unit_of(a, powers) * np.maximum(np.abs(values).max(-1), 1e-3)
    t = pb.tensor(a)
    assert_near(scaled(pb.linalg.eigvalsh(t).numpy(), -powers[..., 0]), values, bound)
    w, v = (x.numpy() for x in pb.linalg.eigh(t))
    w, v = scaled(w, -powers[..., 0]), wide(v)
    assert_near(w, values, bound)
    assert_near(whole @ v, v * w[..., None, :], bound)
    assert_near(adjoint(v) @ v, eye_of(a), unit_of(a))


def check_qr(a: Any) -> None:
    m, n = a.shape[-2:]
    powers = powers_of(a)
    q, r = (x.numpy() for x in pb.linalg.qr(pb.tensor(a)))
    assert_near(wide(q) @ scaled(r, -powers), scaled(a, -powers), unit_of(a, powers) * max(m, n))
    assert_near(adjoint(wide(q)) @ q, eye_of(a), unit_of(a))


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


# --- eigenvalues, and everything at every scale ---

SIZES = [1, 2, 3, 5, 8, 9, 12, 13, 15, 16, 17, 24, 28, 32, 40]


def random(generator: Any, *shape: int, dtype: str) -> Any:
    a = generator.standard_normal(shape)
    return a + 1j * generator.standard_normal(shape) if np.dtype(dtype).kind == "c" else a


def special_matrices(generator: Any, stack: int, m: int, n: int, dtype: str) -> dict[str, Any]:
    """Matrices that are not random to a kernel, by name."""
    limits = np.finfo(dtype)
    a = random(generator, stack, m, n, dtype=dtype)
    fall = 10.0 ** -(np.arange(n) * 30.0 / n)
    found = {
        "ones": np.ones((stack, m, n)),
        "zeros": np.zeros((stack, m, n)),
        "identity": np.broadcast_to(np.eye(m, n), (stack, m, n)),
        "near the identity": np.eye(m, n) + 10 * float(limits.tiny) ** 0.4 * a,
        "pairs": np.broadcast_to(np.kron(np.eye(20), np.ones((2, 2)))[:m, :n], (stack, m, n)),
        "path": np.broadcast_to(np.eye(m, n, 1) + np.eye(m, n, -1), (stack, m, n)),
        "arrow": np.broadcast_to(np.minimum.outer(np.arange(m), np.arange(n)) == 0, (stack, m, n)),
        "falling": a * fall,
        "rising": a * fall[::-1],
        "wild": 10.0 ** -generator.uniform(0, 40, (stack, m, n)),
        "huge": a * (float(limits.max) / 100 / max(m, n, 8)),
        "small": a * float(limits.tiny) ** 0.5,
        "tiny": a * float(limits.tiny),
        "subnormal": a * float(limits.tiny) / 1000,
        "last digits": a * float(limits.smallest_subnormal) * 3,
    }
    for rank in (1, 2, n // 2):
        left = random(generator, stack, m, rank, dtype=dtype)
        found[f"rank {rank}"] = left @ random(generator, stack, rank, n, dtype=dtype)
        zeros_and_ones = [generator.rand(stack, *s) < 0.5 for s in ((m, rank), (rank, n))]
        found[f"zeros and ones of rank {rank}"] = zeros_and_ones[0] * 1.0 @ zeros_and_ones[1]
    return {name: x.astype(dtype) for name, x in found.items()}


@pytest.mark.parametrize("stack", [1, 3, 4, 9])
@DTYPES
def test_factors_of_special_matrices(dtype: str, stack: int) -> None:
    generator = np.random.RandomState(stack)
    for n in SIZES:
        m = generator.randint(1, 33)
        for name, a in special_matrices(generator, stack, m, n, dtype).items():
            try:
                check_svd(a)
                check_qr(a)
            except Exception as error:
                raise AssertionError(f"{name} of {m} by {n}") from error


@pytest.mark.parametrize("stack", [1, 3, 4, 9])
@DTYPES
def test_eigenvectors_of_special_matrices(dtype: str, stack: int) -> None:
    generator = np.random.RandomState(stack)
    for n in SIZES:
        matrices = special_matrices(generator, stack, n, n, dtype)
        for rank in (1, 2, 3):
            rows = sparse(generator, stack, n, rank, density=0.5, dtype=dtype)
            matrices[f"Gram matrix of rank {rank}"] = rows @ adjoint(rows)
            rows = random(generator, stack, n, rank, dtype=dtype).astype(dtype)
            matrices[f"random Gram matrix of rank {rank}"] = rows @ adjoint(rows)
        graph = sparse(generator, stack, n, n, density=0.3, dtype=dtype)
        matrices["graph"] = graph + adjoint(graph)
        fall = (10.0 ** -(np.arange(n) * 30.0 / n)).astype(dtype)
        matrices["falling both ways"] = (graph + adjoint(graph)) * fall[:, None] * fall
        matrices["rising both ways"] = matrices["falling both ways"][:, ::-1, ::-1].copy()
        for name, a in matrices.items():
            try:
                check_eigh(a)
            except Exception as error:
                raise AssertionError(f"{name} of {n} rows") from error


# --- what is not finite ---

REFUSED: dict[str, Any] = {
    "svd": pb.linalg.svd,
    "svdvals": pb.linalg.svdvals,
    "cond": pb.linalg.cond,
    "matrix_rank": pb.linalg.matrix_rank,
    "pinv": pb.linalg.pinv,
    "nuclear norm": lambda a: pb.linalg.matrix_norm(a, "nuc"),
    "spectral norm": lambda a: pb.linalg.matrix_norm(a, 2),
    "eigh": pb.linalg.eigh,
    "eigvalsh": pb.linalg.eigvalsh,
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("stack", [1, 5])
@DTYPES
def test_no_spectrum_of_what_is_not_finite(
    name: str, number: float, stack: int, dtype: str
) -> None:
    for n in (1, 2, 9, 17, 33):
        a = random(np.random.RandomState(n), stack, n, n, dtype=dtype).astype(dtype)
        a[-1, -1, 0] = number
        with pytest.raises(pb.linalg.LinAlgError, match=f"Batch element {stack - 1}"):
            REFUSED[name](pb.tensor(a))
