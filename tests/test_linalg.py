"""Linear algebra where the input is special: singular, repeated, empty, of many sizes.

Right values are worked out by hand; the samples of the table are in test_ops.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback.autograd import gradcheck, gradgradcheck

SIZES = [1, 2, 3, 8, 16, 17, 40]


def random(*shape: int, seed: int = 0) -> Any:
    return pb.tensor(np.random.RandomState(seed).standard_normal(shape))


def well_conditioned(n: int, *stack: int) -> Any:
    return random(*stack, n, n) + 2 * n**0.5 * pb.eye(n, dtype=pb.float64)


def close(a: Any, b: Any, tolerance: float = 1e-10) -> None:
    np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), tolerance, tolerance)


# --- direct kernels and LAPACK meet at 16 ---


@pytest.mark.parametrize("n", SIZES)
def test_inverses_of_every_size(n: int) -> None:
    a = well_conditioned(n, 3)
    close(pb.linalg.inv(a) @ a, pb.eye(n, dtype=pb.float64).expand(3, n, n))


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("left", [True, False])
def test_systems_of_every_size(n: int, left: bool) -> None:
    a, b = well_conditioned(n, 2), random(2, n, n, seed=1)
    x = pb.linalg.solve(a, b, left=left)
    close(a @ x if left else x @ a, b)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("upper", [True, False])
def test_cholesky_of_every_size(n: int, upper: bool) -> None:
    a = well_conditioned(n, 2)
    a = a @ a.mT
    factor = pb.linalg.cholesky(a, upper=upper)
    close(factor.mT @ factor if upper else factor @ factor.mT, a)
    close(factor.triu() if upper else factor.tril(), factor, 0)
    close(pb.cholesky_inverse(factor, upper) @ a, pb.eye(n, dtype=pb.float64).expand(2, n, n))
    b = random(2, n, 3)
    close(a @ pb.cholesky_solve(b, factor, upper), b)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("upper", [True, False])
@pytest.mark.parametrize("left", [True, False])
@pytest.mark.parametrize("turned", [True, False])
def test_triangles_of_every_size(n: int, upper: bool, left: bool, turned: bool) -> None:
    a = well_conditioned(n)
    a = a.mT.contiguous().mT if turned else a
    b = random(n, n)
    x = pb.linalg.solve_triangular(a, b, upper=upper, left=left)
    half = a.triu() if upper else a.tril()
    close(half @ x if left else x @ half, b)


@pytest.mark.parametrize(("m", "n"), [(3, 5), (5, 3), (16, 17), (17, 16), (40, 20)])
def test_factors_of_rectangles(m: int, n: int) -> None:
    a = random(2, m, n)
    p, lower, upper = pb.linalg.lu(a)
    close(p @ lower @ upper, a)
    for one, two in zip(pb.lu_unpack(*pb.linalg.lu_factor(a)), (p, lower, upper), strict=True):
        close(one, two, 0)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("left", [True, False])
@pytest.mark.parametrize("adjoint", [True, False])
def test_systems_from_factors(n: int, left: bool, adjoint: bool) -> None:
    a, b = well_conditioned(n, 2), random(2, n, n)
    x = pb.linalg.lu_solve(*pb.linalg.lu_factor(a), b, left=left, adjoint=adjoint)
    matrix = a.mT if adjoint else a
    close(matrix @ x if left else x @ matrix, b)


@pytest.mark.parametrize("n", SIZES)
def test_determinants_of_every_size(n: int) -> None:
    a = well_conditioned(n, 2)
    np.testing.assert_allclose(pb.linalg.det(a).numpy(), np.linalg.det(a.numpy()))
    sign, log = pb.linalg.slogdet(a)
    close(sign * log.exp(), pb.linalg.det(a))


def test_a_stack_that_repeats_one_matrix() -> None:
    """Strides of zero in what is read."""
    a = well_conditioned(3).expand(4, 3, 3)
    b = random(4, 3, 2)
    close(a @ pb.linalg.solve(a, b), b)
    x = pb.linalg.solve_triangular(a, b, upper=True)
    close(a.triu() @ x, b)


# --- determinants of singular matrices ---


def cofactors(a: Any) -> np.ndarray:
    n = len(a)
    minors = [[np.delete(np.delete(a, i, 0), j, 1) for j in range(n)] for i in range(n)]
    return np.array(
        [[(-1) ** (i + j) * np.linalg.det(minors[i][j]) for j in range(n)] for i in range(n)]
    )


@pytest.mark.parametrize(
    "rows",
    [
        [[0.0]],
        [[1.0, 2.0], [2.0, 4.0]],
        [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]],
        [[1.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]],
        [[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [0.0, 1.0, 1.0]],
    ],
    ids=str,
)
def test_the_gradient_of_det_is_the_matrix_of_cofactors(rows: list[list[float]]) -> None:
    a = pb.tensor(rows, dtype=pb.float64, requires_grad=True)
    (gradient,) = pb.autograd.grad(pb.linalg.det(a), a)
    np.testing.assert_allclose(gradient.numpy(), cofactors(np.array(rows)), 1e-9, 1e-9)
    assert gradcheck(pb.linalg.det, a, check_forward_ad=True)
    assert gradgradcheck(pb.linalg.det, a)


@pytest.mark.parametrize("is_complex", [False, True])
@pytest.mark.parametrize(("n", "rank"), [(5, 4), (6, 5), (7, 6), (9, 8), (6, 4), (5, 0)])
def test_cofactors_of_large_singular_matrices(n: int, rank: int, is_complex: bool) -> None:
    """Of one rank less they are an outer product, of fewer they are zero."""
    draw = np.random.RandomState(n)
    left, right = draw.standard_normal((n, rank)), draw.standard_normal((rank, n))
    if is_complex:
        left, right = left + 1j * draw.standard_normal((n, rank)), right * (1 + 0.5j)
    # Small integers, whose products are exact, so that the elimination ends in a zero.
    values = np.round(left) @ np.round(right)
    values[:, -1], values[-1] = 0, 0
    a = pb.tensor(np.stack([values, np.eye(n) + values]), requires_grad=True)
    (gradient,) = pb.autograd.grad(pb.linalg.det(a).real.sum(), a)
    for found, matrix in zip(gradient, a.detach(), strict=True):
        wanted = cofactors(matrix.numpy()).conj()
        size = max(np.abs(wanted).max(), 1)
        np.testing.assert_allclose(found.numpy() / size, wanted / size, 1e-9, 1e-9)


def test_cofactors_beside_what_is_not_finite() -> None:
    a = pb.zeros(2, 6, 6, dtype=pb.float64)
    a[0] = pb.eye(6, dtype=pb.float64)
    a[0, 5, 5] = 0
    a[1, 0, 0] = float("nan")
    (gradient,) = pb.autograd.grad(pb.linalg.det(a.requires_grad_()).sum(), a)
    wanted = pb.zeros(6, 6, dtype=pb.float64)
    wanted[5, 5] = 1
    assert pb.equal(gradient[0], wanted)


def test_the_third_derivative_of_det_at_zero() -> None:
    a = pb.zeros(3, 3, dtype=pb.float64, requires_grad=True)

    def mixed(i: int, j: int, k: int) -> float:
        value = pb.linalg.det(a)
        for at in ((0, i), (1, j), (2, k)):
            value = pb.autograd.grad(value, a, create_graph=True)[0][at]
        return value.item()

    assert mixed(0, 1, 2) == pytest.approx(1)
    assert mixed(1, 0, 2) == pytest.approx(-1)
    assert mixed(0, 0, 2) == pytest.approx(0)


def test_one_singular_matrix_in_a_stack() -> None:
    a = pb.stack([well_conditioned(3), pb.ones(3, 3, dtype=pb.float64)]).requires_grad_()
    assert gradcheck(pb.linalg.det, a)


# --- nothing to compute ---


@pytest.mark.parametrize("shape", [(0, 0), (0, 3, 3), (2, 0, 0)], ids=str)
@pytest.mark.parametrize("name", ["inv", "cholesky", "det", "slogdet", "lu", "lu_factor"])
def test_empty(name: str, shape: tuple[int, ...]) -> None:
    a = pb.ones(shape, dtype=pb.float64, requires_grad=True)
    out = getattr(pb.linalg, name)(a)
    parts = [out] if isinstance(out, pb.Tensor) else [p for p in out if p.requires_grad]
    total = sum(p.sum() for p in parts)
    (gradient,) = pb.autograd.grad(total, a, allow_unused=True)
    assert gradient is None or gradient.shape == shape


# --- errors lose nothing ---


def test_a_singular_matrix_among_others_is_named() -> None:
    a = pb.stack([pb.eye(3), pb.zeros(3, 3), pb.eye(3)])
    with pytest.raises(pb.linalg.LinAlgError, match=r"\(Batch element 1\).*diagonal element 1 "):
        pb.linalg.inv(a)
    with pytest.raises(pb.linalg.LinAlgError, match=r"\(Batch element 1\)"):
        pb.vmap(pb.linalg.inv)(a)
    inverse, info = pb.linalg.inv_ex(a)
    assert info.tolist() == [0, 1, 0]
    close(inverse[2], pb.eye(3))


def test_the_gradient_of_a_gradient_of_a_solution() -> None:
    a, b = well_conditioned(3).requires_grad_(), random(3, 2).requires_grad_()
    assert gradgradcheck(pb.linalg.solve, (a, b), check_fwd_over_rev=True)
    hessian = pb.func.hessian(lambda m: pb.linalg.solve(m, b.detach()).sum())(a.detach())
    jacobian = pb.func.jacrev(pb.func.jacrev(lambda m: pb.linalg.solve(m, b.detach()).sum()))
    close(hessian, jacobian(a.detach()))
    twice = pb.func.jacfwd(pb.func.jacfwd(lambda m: pb.linalg.solve(m, b.detach()).sum()))
    close(hessian, twice(a.detach()))


@pytest.mark.parametrize("name", ["eig", "symeig", "solve", "lstsq", "matrix_rank"])
def test_what_has_been_removed_names_its_successor(name: str) -> None:
    with pytest.raises(RuntimeError, match=r"is now removed. Use linalg\."):
        getattr(pb, name)(pb.eye(2), pb.eye(2))
    if name != "matrix_rank":
        with pytest.raises(RuntimeError, match=r"is now removed. Use linalg\."):
            getattr(pb.Tensor, name)(pb.eye(2), pb.eye(2))


@pytest.mark.parametrize("pivots", [[7, 9], [0, 1], [-1, -1]])
def test_pivots_of_rows_that_are_not_there(pivots: list[int]) -> None:
    where = pb.tensor(pivots, dtype=pb.int32)
    with pytest.raises(RuntimeError, match=r"between 1 and LU\.size"):
        pb.lu_unpack(pb.eye(2), where)
    with pytest.raises(RuntimeError, match=r"between 1 and LU\.size"):
        pb.linalg.lu_solve(pb.eye(2), where, pb.ones(2, 1))
    assert pb.lu_unpack(pb.eye(2), where, unpack_pivots=False)[1].equal(pb.eye(2))


@pytest.mark.parametrize("pivots", [[1, 2, 4], [0, 2, 3], [1, 2, -3], [-1, 2, 3], [-2, -2, -3]])
def test_pivots_that_no_symmetric_factors_have(pivots: list[int]) -> None:
    where = pb.tensor(pivots, dtype=pb.int32)
    with pytest.raises(RuntimeError, match="between 1 and 3, or their negatives in pairs"):
        pb.linalg.ldl_solve(pb.eye(3), where, pb.ones(3, 1))


def test_pivots_of_blocks_of_two_are_taken() -> None:
    a = pb.tensor([[0.0, 1, 0], [1, 0, 0], [0, 0, 2]]).expand(2, 3, 3)
    factors = pb.linalg.ldl_factor(a)
    assert bool((factors.pivots < 0).any())
    x = pb.linalg.ldl_solve(*factors, pb.ones(2, 3, 1))
    assert (a @ x).allclose(pb.ones(2, 3, 1))


def test_the_spectral_norm_of_nothing() -> None:
    assert pb.linalg.matrix_norm(pb.zeros(2, 0, 3), 2).equal(pb.zeros(2))


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize("n", [2, 5, 20])
def test_a_zero_pivot_hides_no_nan_below_it(dtype: str, n: int) -> None:
    a = np.eye(n).astype(dtype)
    a[0, 0] = 0
    a[n - 1, 0] = np.nan
    for stack in (a, np.stack([a] * 5)):
        assert pb.linalg.det(pb.tensor(stack)).isnan().all()


def test_a_row_that_is_not_finite_leaves_the_gradient_of_others() -> None:
    """L of a tall matrix has such a row below the square, of which U does not depend."""
    a = pb.tensor([[4.0, 1], [1, 3], [float("nan"), 1]], requires_grad=True)
    _, _, u = pb.linalg.lu(a)
    assert u.isfinite().all()
    (found,) = pb.autograd.grad(u.sum(), a)
    assert found[:2].isfinite().all()


def test_the_gradient_of_how_many_coordinates_differ_is_zero() -> None:
    x = pb.tensor([[float("inf"), 1.0], [2, 3]], requires_grad=True)
    (found,) = pb.autograd.grad(pb.cdist(x, x, p=0.0).sum(), x)
    assert (found == 0).all()
