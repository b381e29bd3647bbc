"""svd_lowrank, pca_lowrank and lobpcg: what they find, for which input, and their derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback.autograd import gradcheck


def random(*shape: int, seed: int = 0) -> Any:
    return pb.tensor(np.random.RandomState(seed).standard_normal(shape))


def deficient(*stack: int, m: int = 9, n: int = 6, rank: int = 2) -> Any:
    return random(*stack, m, rank) @ random(*stack, rank, n, seed=1)


@pytest.mark.parametrize("stack", [(), (2,)], ids=str)
@pytest.mark.parametrize(("m", "n"), [(9, 6), (6, 9), (6, 6)])
def test_a_matrix_of_low_rank_is_its_decomposition(stack: tuple[int, ...], m: int, n: int) -> None:
    pb.manual_seed(0)
    a = deficient(*stack, m=m, n=n)
    u, s, v = pb.svd_lowrank(a, q=3)
    np.testing.assert_allclose(((u * s.unsqueeze(-2)) @ v.mT).numpy(), a.numpy(), 1e-9, 1e-9)
    np.testing.assert_allclose(
        s[..., :2].numpy(), pb.linalg.svdvals(a)[..., :2].numpy(), 1e-9, 1e-9
    )
    shifted = pb.svd_lowrank(a + 1, q=3, M=pb.ones(m, n, dtype=pb.float64))
    np.testing.assert_allclose(shifted[1].numpy(), s.numpy(), 1e-8, 1e-8)


def test_principal_components_are_of_what_is_centered() -> None:
    pb.manual_seed(0)
    a = deficient(m=12) + random(1, 6, seed=3)
    centered = a - a.mean(0)
    _, s, v = pb.pca_lowrank(a, q=2, niter=4)
    np.testing.assert_allclose(s.numpy(), pb.linalg.svdvals(centered)[:2].numpy(), 1e-9)
    np.testing.assert_allclose((centered @ v @ v.mT).numpy(), centered.numpy(), 1e-8, 1e-8)


@pytest.mark.parametrize("call", ["q=9", "q=-1", "niter=-1"])
def test_what_pca_refuses(call: str) -> None:
    with pytest.raises(ValueError, match=r"\w=|\(="):
        eval(f"pb.pca_lowrank(pb.ones(4, 3), {call})", {"pb": pb})


def test_the_derivative_of_the_values_of_low_rank() -> None:
    left, right = random(9, 2).requires_grad_(), random(2, 6, seed=1).requires_grad_()

    def values(left: Any, right: Any) -> Any:
        pb.manual_seed(0)
        return pb.svd_lowrank(left @ right, q=2)[1]

    assert gradcheck(values, (left, right))


@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("general", [True, False])
def test_eigenpairs_by_iteration(largest: bool, general: bool) -> None:
    pb.manual_seed(0)
    a = random(15, 15)
    a = a @ a.mT + pb.eye(15, dtype=pb.float64)
    b = random(15, 15, seed=1) if general else None
    b = b @ b.mT + 15 * pb.eye(15, dtype=pb.float64) if b is not None else None
    w, v = pb.lobpcg(a, k=3, B=b, largest=largest, tol=1e-10)
    right = v if b is None else b @ v
    np.testing.assert_allclose((a @ v).numpy(), (right * w).numpy(), 1e-5, 1e-5)
    whole = np.linalg.eigvals(np.linalg.solve(b.numpy(), a.numpy()) if general else a.numpy()).real
    expected = np.sort(whole)[::-1][:3] if largest else np.sort(whole)[:3]
    np.testing.assert_allclose(w.numpy(), expected, 1e-6)


def diagonal(m: int) -> Any:
    return pb.diag(pb.arange(1.0, m + 1, dtype=pb.float64))


def test_eigenpairs_by_as_many_iterations_as_it_takes() -> None:
    pb.manual_seed(0)
    w, _ = pb.lobpcg(diagonal(40), k=1, niter=-1)
    np.testing.assert_allclose(w.numpy(), [40], 1e-9)


def test_each_matrix_of_a_stack_converges() -> None:
    pb.manual_seed(0)
    easy = 1e9 * pb.eye(30, dtype=pb.float64)
    w, _ = pb.lobpcg(pb.stack([diagonal(30), easy]), k=2)
    np.testing.assert_allclose(w.numpy(), [[30, 29], [1e9, 1e9]], 1e-6)


@pytest.mark.parametrize("general", [True, False])
@pytest.mark.parametrize("zero", [True, False])
def test_eigenpairs_from_vectors_of_which_one_is_right(general: bool, zero: bool) -> None:
    x = pb.ones(12, 2)
    x[:, 0] = 0
    x[11, 0] = 1
    a = diagonal(12).float() * (not zero)
    w, _ = pb.lobpcg(a, B=pb.eye(12) if general else None, X=x)
    np.testing.assert_allclose(w.numpy(), [0, 0] if zero else [12, 11], 1e-5)


def test_the_derivative_of_eigenpairs_by_iteration() -> None:
    a = random(9, 9)
    a = (a + a.mT).requires_grad_()

    def values(a: Any) -> Any:
        pb.manual_seed(0)
        return pb.lobpcg((a + a.mT) / 2, k=2)[0]

    assert gradcheck(values, a)


def test_what_lobpcg_refuses() -> None:
    with pytest.raises(AssertionError, match=r"got shape \[8, 9\]"):
        pb.lobpcg(pb.ones(8, 9))
    with pytest.raises(ValueError, match="smaller than 3 x"):
        pb.lobpcg(pb.eye(4), k=2)
    with pytest.raises(ValueError, match="tracker"):
        pb.lobpcg(pb.eye(9), tracker=print)
    with pytest.raises(ValueError, match="method"):
        pb.lobpcg(pb.eye(9), method="qr")
