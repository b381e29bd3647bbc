"""Spectra where they are special: repeated and vanishing values, deficient ranks, many sizes.

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


def of(field: str, *shape: int, seed: int = 0) -> Any:
    if field == "real":
        return random(*shape, seed=seed)
    return pb.complex(random(*shape, seed=seed), random(*shape, seed=seed + 100))


FIELDS = pytest.mark.parametrize("field", ["real", "complex"])


def close(a: Any, b: Any, tolerance: float = 1e-10) -> None:
    left = a.detach().numpy() if isinstance(a, pb.Tensor) else np.asarray(a)
    right = b.detach().numpy() if isinstance(b, pb.Tensor) else np.asarray(b)
    np.testing.assert_allclose(left, right, tolerance, tolerance)


def eye(n: int, *stack: int) -> Any:
    return pb.eye(n, dtype=pb.float64).expand(*stack, n, n)


# --- of every size and shape ---


@pytest.mark.parametrize("m", SIZES)
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("mode", ["reduced", "complete"])
@FIELDS
def test_orthogonal_factors(m: int, n: int, mode: str, field: str) -> None:
    a = of(field, 2, m, n)
    q, r = pb.linalg.qr(a, mode)
    close(q @ r, a)
    close(q.mH @ q, eye(q.shape[-1], 2))
    close(r.triu(), r, 0)
    close(pb.linalg.qr(a, "r").R, r[..., : min(m, n), :], 0)
    packed, tau = pb.geqrf(a)
    close(packed.triu()[..., : min(m, n), :], r[..., : min(m, n), :], 0)
    if m >= n:
        close(pb.linalg.householder_product(packed, tau), q[..., :n])
        b = of(field, 2, m, 3)
        close(pb.ormqr(packed, tau, pb.ormqr(packed, tau, b), transpose=True), b)
        row = b.mT
        close(pb.ormqr(packed, tau, pb.ormqr(packed, tau, row, False), False, True), row)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("half", ["L", "U"])
@FIELDS
def test_eigenvectors(n: int, half: str, field: str) -> None:
    """Imaginary parts on the diagonal are not read."""
    a = of(field, 3, n, n)
    strict = a.tril(-1) if half == "L" else a.triu(1)
    whole = strict + strict.mH + pb.diag_embed(a.diagonal(0, -2, -1).real)
    w, v = pb.linalg.eigh(a, half)
    assert w.dtype == pb.float64
    close(whole @ v, v * w.unsqueeze(-2))
    close(v.mH @ v, eye(n, 3))
    close(pb.linalg.eigvalsh(a, half), w)
    assert (w.diff(dim=-1) >= 0).all()


@pytest.mark.parametrize("m", SIZES)
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("full", [True, False])
@FIELDS
def test_singular_vectors(m: int, n: int, full: bool, field: str) -> None:
    a = of(field, 2, m, n)
    u, s, vh = pb.linalg.svd(a, full)
    k = min(m, n)
    assert s.dtype == pb.float64
    close((u[..., :k] * s.unsqueeze(-2)) @ vh[..., :k, :], a)
    close(u.mH @ u, eye(u.shape[-1], 2))
    close(vh @ vh.mH, eye(vh.shape[-2], 2))
    close(pb.linalg.svdvals(a), s)
    assert (s.diff(dim=-1) <= 0).all()


@pytest.mark.parametrize("n", SIZES)
@FIELDS
def test_eigenvectors_of_any_matrix(n: int, field: str) -> None:
    a = of(field, 3, n, n)
    w, v = pb.linalg.eig(a)
    assert w.dtype == v.dtype == pb.complex128
    close(a.cdouble() @ v, v * w.unsqueeze(-2))
    close(v.norm(dim=-2), np.ones((3, n)))
    alone = pb.linalg.eigvals(a).numpy()
    for ours, others in zip(w.numpy(), alone, strict=True):
        close(min(np.abs(others[:, None] - ours).min(0)), 0)
        close(np.sort_complex(ours.round(8)), np.sort_complex(others.round(8)), 1e-7)


def test_eigenvalues_of_a_rotation_are_a_pair() -> None:
    w, v = pb.linalg.eig(pb.tensor([[0.0, -2.0], [2.0, 0.0]], dtype=pb.float64))
    close(w, [2j, -2j])
    close(v[:, 0], v[:, 1].conj(), 0)


@pytest.mark.parametrize("n", SIZES)
def test_systems_of_complex_matrices(n: int) -> None:
    a, b = of("complex", 2, n, n), of("complex", 2, n, 3, seed=1)
    a = a + 3 * eye(n)
    hermitian = a @ a.mH
    close(pb.linalg.inv(a) @ a, eye(n, 2))
    close(a @ pb.linalg.solve(a, b), b)
    close(pb.linalg.solve(a, b.mT, left=False) @ a, b.mT)
    for upper in (False, True):
        factor = pb.linalg.cholesky(hermitian, upper=upper)
        close(factor.mH @ factor if upper else factor @ factor.mH, hermitian)
        close(hermitian @ pb.cholesky_solve(b, factor, upper), b)
        close(hermitian @ pb.cholesky_solve(b, factor.mT.contiguous().mT, upper), b)
        close(hermitian @ pb.cholesky_inverse(factor, upper), eye(n, 2), 1e-8)
        half = a.triu() if upper else a.tril()
        close(half @ pb.linalg.solve_triangular(half, b, upper=upper), b, 1e-8)
    packed, pivots = pb.linalg.lu_factor(a)
    close(a @ pb.linalg.lu_solve(packed, pivots, b), b)
    close(a.mH @ pb.linalg.lu_solve(packed, pivots, b, adjoint=True), b)
    row = b.mT
    close(pb.linalg.lu_solve(packed, pivots, row, left=False) @ a, row)
    close(pb.linalg.lu_solve(packed, pivots, row, left=False, adjoint=True) @ a.mH, row)
    p, lower, upper_factor = pb.linalg.lu(a)
    close(p @ lower @ upper_factor, a)
    sign, log = pb.linalg.slogdet(a)
    assert log.dtype == pb.float64
    close(sign * log.exp(), np.linalg.det(a.numpy()), 1e-8)
    close(pb.linalg.det(a), np.linalg.det(a.numpy()), 1e-8)
    for flag, matrix in ((True, hermitian), (False, a + a.mT)):
        ld, pivots = pb.linalg.ldl_factor(matrix, hermitian=flag)
        close(matrix @ pb.linalg.ldl_solve(ld, pivots, b, hermitian=flag), b, 1e-8)


@pytest.mark.parametrize("hermitian", [True, False])
def test_the_derivative_of_an_ldl_solution(hermitian: bool) -> None:
    a, b = of("complex", 3, 3), of("complex", 3, 2, seed=1).requires_grad_()
    ld, pivots = pb.linalg.ldl_factor(a + (a.mH if hermitian else a.mT), hermitian=hermitian)

    def solution(b: Any) -> Any:
        return pb.linalg.ldl_solve(ld, pivots, b, hermitian=hermitian)

    assert gradcheck(solution, b, check_forward_ad=True)
    assert gradgradcheck(solution, b)


def test_the_inverse_of_a_factor_with_phases_on_its_diagonal() -> None:
    factor = pb.tensor([[1 + 0.5j, 0], [0.3j, 2 - 1j]], dtype=pb.complex128, requires_grad=True)
    close(pb.cholesky_inverse(factor) @ factor @ factor.mH, np.eye(2))
    close(pb.cholesky_inverse(factor.mH, upper=True) @ factor @ factor.mH, np.eye(2))
    assert gradcheck(pb.cholesky_inverse, factor, check_forward_ad=True)


# --- losses of complex vectors ---

DECOMPOSED: dict[str, Any] = {
    "eigh": lambda a: pb.linalg.eigh(a + a.mH)[1],
    "eig": lambda a: pb.linalg.eig(a)[1],
    "eig of real": lambda a: pb.linalg.eig(a.real)[1],
    "svd": lambda a: pb.linalg.svd(a)[0],
    "svd of rows": lambda a: pb.linalg.svd(a[:2], full_matrices=False)[2].mH,
}


@pytest.mark.parametrize("name", DECOMPOSED)
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_a_loss_that_depends_on_phases_is_refused(name: str, scale: float) -> None:
    a = of("complex", 4, 4).requires_grad_()
    with pytest.raises(RuntimeError, match=r"specified up to multiplication by e\^\{i phi\}"):
        (DECOMPOSED[name](a).abs() + DECOMPOSED[name](a).imag * scale).sum().backward()


@pytest.mark.parametrize("name", DECOMPOSED)
def test_a_loss_that_does_not_depend_on_phases_has_derivatives(name: str) -> None:
    a = of("complex", 4, 4).requires_grad_()
    c = of("complex", 4, 4, seed=5)

    def loss(a: Any) -> Any:
        v = DECOMPOSED[name](a)
        return ((v.unsqueeze(-2) * v.conj().unsqueeze(-3)).sum(-1) * c).sum().real + (v**2).abs()

    assert gradcheck(loss, a, check_forward_ad=True, check_batched_grad=True)
    assert gradgradcheck(loss, a)


def test_vectors_of_both_sides_turn_together() -> None:
    """U V^H does not see the phases of the two, which each of them does."""
    a = of("complex", 3, 3).requires_grad_()

    def polar(a: Any) -> Any:
        u, _, vh = pb.linalg.svd(a)
        return u @ vh

    assert gradcheck(polar, a, check_forward_ad=True)
    assert gradgradcheck(polar, a)


# --- repeated values ---


@pytest.mark.parametrize("of_general", [False, True])
def test_a_projector_on_a_repeated_complex_eigenspace(of_general: bool) -> None:
    """That on the vectors of 1, as of the real one below; any basis of the space gives it."""
    turn = pb.linalg.qr(of("complex", 3, 3)).Q
    a = (turn * pb.tensor([1.0, 1.0, 3.0])) @ turn.mH
    a = ((a + a.mH) / 2).requires_grad_()
    c = of("complex", 3, 3, seed=1)
    c = c + c.mH
    if of_general:
        w, v = pb.linalg.eig(a)
        v = v[:, w.real < 2]
        near = v @ pb.linalg.inv(v.mH @ v) @ v.mH
    else:
        _, v = pb.linalg.eigh(a)
        near = v[:, :2] @ v[:, :2].mH
    (found,) = pb.autograd.grad((near * c.conj()).sum().real, a)
    p = turn[:, :2] @ turn[:, :2].mH
    q = eye(3) - p
    # Of the columns alone: that matrix is Hermitian is not what eig knows.
    expected = -(q @ c @ p) if of_general else -(p @ c @ q + q @ c @ p) / 2
    close(found, expected, 1e-9)


def test_sums_over_repeated_eigenvalues_of_any_matrix() -> None:
    turn = of("complex", 3, 3)
    a = turn @ pb.diag(pb.tensor([2.0, 2.0, -1.0])).cdouble() @ pb.linalg.inv(turn)
    a = a.detach().requires_grad_()
    (found,) = pb.autograd.grad((pb.linalg.eigvals(a) ** 2).sum().real, a)
    close(found, 2 * a.mH, 1e-9)


def test_a_defective_matrix_has_no_gradient_of_its_vectors() -> None:
    a = pb.tensor([[0.0, 1.0], [0.0, 0.0]], dtype=pb.float64, requires_grad=True)
    w, v = pb.linalg.eig(a)
    close(w, np.zeros(2))
    try:
        (found,) = pb.autograd.grad(v.abs().sum(), a)
    except pb.linalg.LinAlgError:
        return
    assert not found.isfinite().all()


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_eigenvalues_of_what_is_not_finite(wrong: float) -> None:
    a = pb.tensor([[wrong, 1.0], [1.0, 1.0]])
    with pytest.raises(RuntimeError, match="should not contain infs or NaNs"):
        pb.linalg.eig(a)
    assert pb.linalg.eigvals(a).isnan().all()


def test_a_projector_on_a_repeated_eigenspace() -> None:
    """P = V V^T of the two vectors of 1: dP = -P dA Q / 2 + its transpose, where the other is 3."""
    turn = pb.linalg.qr(random(3, 3)).Q
    a = (turn * pb.tensor([1.0, 1.0, 3.0], dtype=pb.float64)) @ turn.mT
    a = ((a + a.mT) / 2).requires_grad_()
    c = random(3, 3, seed=1)
    c = c + c.mT
    _, v = pb.linalg.eigh(a)
    (found,) = pb.autograd.grad(((v[:, :2] @ v[:, :2].mT) * c).sum(), a)
    p = turn[:, :2] @ turn[:, :2].mT
    q = eye(3) - p
    close(found, -(p @ c @ q + q @ c @ p) / 2, 1e-9)


def test_sums_over_repeated_eigenvalues() -> None:
    a = eye(3).clone().requires_grad_()
    (found,) = pb.autograd.grad((pb.linalg.eigvalsh(a) ** 2).sum(), a)
    close(found, 2 * eye(3))
    w, v = pb.linalg.eigh(a)
    (found,) = pb.autograd.grad((v @ v.mT).sum() * 3, a)
    close(found, np.zeros((3, 3)))
    (found,) = pb.autograd.grad(pb.linalg.eigh(a).eigenvalues.sum(), a)
    close(found, eye(3))
    assert w.shape == (3,)


def test_a_loss_of_values_and_vectors_has_no_gradient_where_values_repeat() -> None:
    """The root of the matrix has one, which values and vectors cannot tell."""
    a = eye(3).clone().requires_grad_()
    w, v = pb.linalg.eigh(a)
    (found,) = pb.autograd.grad(((v * w.sqrt()) @ v.mT).sum(), a)
    assert found.isnan().any()


def test_a_loss_that_depends_on_the_vectors_gets_no_number() -> None:
    a = eye(3).clone().requires_grad_()
    (found,) = pb.autograd.grad(pb.linalg.eigh(a).eigenvectors[0, 1], a)
    assert not found.isfinite().all()


@pytest.mark.parametrize("scale", [1.0, 2.5])
@pytest.mark.parametrize("shape", [(3, 3), (4, 3), (3, 5)], ids=str)
def test_the_polar_factor_at_repeated_singular_values(scale: float, shape: Any) -> None:
    """U V^T of s Q is Q; its derivative along E is (E - Q E^T Q) / 2s, and what is beside Q / s."""
    m, n = shape
    q = pb.linalg.qr(random(m, n)).Q if m >= n else pb.linalg.qr(random(n, m)).Q.mT
    a = (q * scale).requires_grad_()
    c = random(m, n, seed=2)
    u, _, vh = pb.linalg.svd(a, full_matrices=False)
    (found,) = pb.autograd.grad(((u @ vh) * c).sum(), a)
    inside = (q @ q.mT @ c - q @ c.mT @ q) / 2 if m <= n else (c @ q.mT @ q - q @ c.mT @ q) / 2
    inside = inside @ q.mT @ q if m <= n else q @ q.mT @ inside
    beside = c - (c @ q.mT @ q if m <= n else q @ q.mT @ c)
    close(found, (inside + beside) / scale, 1e-9)


def test_the_nuclear_norm_at_repeated_singular_values() -> None:
    a = eye(3).clone().requires_grad_()
    (found,) = pb.autograd.grad(pb.linalg.svdvals(a).sum(), a)
    close(found, eye(3))


@pytest.mark.parametrize("shape", [(4, 2), (2, 4)], ids=str)
def test_vectors_without_a_value(shape: tuple[int, int]) -> None:
    """A loss may depend on the space of the vectors of full_matrices, not on its basis."""
    a = random(*shape).requires_grad_()
    c = random(4, 4, seed=1)

    def of_space(a: Any) -> Any:
        u, _, vh = pb.linalg.svd(a)
        more = u[:, 2:] if shape[0] > 2 else vh[2:].mT
        return (more @ more.mT * c).sum()

    assert gradcheck(of_space, a, check_forward_ad=True)
    u, _, vh = pb.linalg.svd(a)
    loss = u[0, 3] if shape[0] > 2 else vh[3, 0]
    with pytest.raises(RuntimeError, match="Use full_matrices=False"):
        loss.backward()


@pytest.mark.parametrize("scale", [1.0, 2.5])
def test_the_unitary_factor_at_repeated_singular_values(scale: float) -> None:
    q = pb.linalg.qr(of("complex", 3, 3)).Q
    a = (q * scale).requires_grad_()
    c = of("complex", 3, 3, seed=2)
    u, _, vh = pb.linalg.svd(a)
    (found,) = pb.autograd.grad(((u @ vh) * c.conj()).sum().real, a)
    close(found, (c - q @ c.mH @ q) / (2 * scale), 1e-9)


# --- deficient ranks ---


def deficient(m: int, n: int, rank: int) -> Any:
    return random(m, rank) @ random(rank, n, seed=1)


@pytest.mark.parametrize("shape", [(4, 3), (3, 5), (4, 4)], ids=str)
@FIELDS
def test_pseudo_inverses_of_deficient_rank(shape: tuple[int, int], field: str) -> None:
    """Moore's and Penrose's four conditions."""
    a = of(field, shape[0], 2) @ of(field, 2, shape[1], seed=1)
    y = pb.linalg.pinv(a)
    close(a @ y @ a, a)
    close(y @ a @ y, y)
    close((a @ y).mH, a @ y)
    close((y @ a).mH, y @ a)
    assert pb.linalg.matrix_rank(a).item() == 2


@FIELDS
def test_the_gradient_of_a_pseudo_inverse_of_deficient_rank(field: str) -> None:
    """Along matrices of the same rank, which is where it has one."""
    left, right = of(field, 4, 2).requires_grad_(), of(field, 2, 3, seed=1).requires_grad_()

    def of_factors(left: Any, right: Any) -> Any:
        return pb.linalg.pinv(left @ right)

    assert gradcheck(of_factors, (left, right), check_forward_ad=True)
    assert gradgradcheck(of_factors, (left, right))


def test_least_squares_of_deficient_rank_are_the_least() -> None:
    a, b = deficient(5, 3, 2), random(5, 2)
    found = pb.linalg.lstsq(a, b, driver="gelsd")
    close(found.solution, np.linalg.lstsq(a.numpy(), b.numpy(), rcond=1e-10)[0])
    assert found.rank.item() == 2
    assert found.residuals.numel() == 0


@FIELDS
def test_least_squares_of_full_rank(field: str) -> None:
    a, b = of(field, 6, 3), of(field, 6, 2)
    found = pb.linalg.lstsq(a, b, driver="gels")
    solution, residuals, _, _ = np.linalg.lstsq(a.numpy(), b.numpy())
    close(found.solution, solution)
    close(found.residuals, residuals)


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (3, 3)], ids=str)
def test_derivatives_of_least_squares(shape: tuple[int, int]) -> None:
    a, b = random(*shape).requires_grad_(), random(shape[0], 2).requires_grad_()

    def solution(a: Any, b: Any) -> Any:
        return pb.linalg.lstsq(a, b).solution

    assert gradcheck(solution, (a, b), check_forward_ad=True)
    assert gradgradcheck(solution, (a, b))


@pytest.mark.parametrize("driver", [None, "gelsy", "gelsd", "gelss"])
@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (3, 3)], ids=str)
@FIELDS
def test_derivatives_of_least_squares_of_deficient_rank(
    shape: tuple[int, int], driver: str | None, field: str
) -> None:
    """Along matrices of the same rank, which is where there are some."""
    left, right = of(field, shape[0], 2), of(field, 2, shape[1], seed=1)
    b = of(field, shape[0], 2, seed=2)
    inputs = tuple(x.requires_grad_() for x in (left, right, b))

    def solution(left: Any, right: Any, b: Any) -> Any:
        return pb.linalg.lstsq(left @ right, b, driver=driver).solution

    assert gradcheck(solution, inputs, check_forward_ad=True)
    if driver is None:
        assert gradgradcheck(solution, inputs)


def test_condition_numbers_of_singular_matrices() -> None:
    singular = pb.ones(2, 2, dtype=pb.float64)
    assert pb.linalg.cond(singular, 1).item() == float("inf")
    assert pb.linalg.cond(singular).item() > 1e15
    assert pb.linalg.cond(pb.eye(3), -2).item() == 1


# --- exponentials ---


@pytest.mark.parametrize("size", [1e-3, 1.0, 30.0, 300.0])
def test_the_exponential_of_a_rotation(size: float) -> None:
    """The exponential of ((0, -t), (t, 0)) turns by t."""
    t = pb.tensor(size, dtype=pb.float64)
    a = pb.stack([pb.stack([0 * t, -t]), pb.stack([t, 0 * t])])
    turned = [[np.cos(size), -np.sin(size)], [np.sin(size), np.cos(size)]]
    close(pb.linalg.matrix_exp(a), turned, 1e-9)


def test_the_exponential_of_a_nilpotent_matrix() -> None:
    a = pb.tensor([[0.0, 2.0], [0.0, 0.0]], dtype=pb.float64)
    close(pb.matrix_exp(a), [[1, 2], [0, 1]], 1e-15)


def test_the_exponentials_of_a_stack_of_sizes() -> None:
    a = pb.stack([random(3, 3) * scale for scale in (1e-6, 1.0, 20.0)])
    each = pb.stack([pb.matrix_exp(m) for m in a])
    np.testing.assert_allclose(pb.matrix_exp(a).numpy(), each.numpy(), 1e-9, 1e-12)


def test_an_exponential_does_not_depend_on_its_neighbours() -> None:
    small = random(3, 3).float()
    turn = pb.tensor([[0.0, 1e8, 0], [-1e8, 0, 0], [0, 0, 0]])
    close(pb.matrix_exp(pb.stack([small, turn]))[0], pb.matrix_exp(small.double()), 1e-5)
    close(pb.func.vmap(pb.matrix_exp)(pb.stack([small, turn]))[0], pb.matrix_exp(small), 1e-5)


@pytest.mark.parametrize("scale", [1e-20, 1.0, 1e8, 1e20])
def test_the_gradient_of_an_exponential_is_linear_in_what_comes_in(scale: float) -> None:
    def gradient(a: Any, g: Any) -> Any:
        a = a.requires_grad_()
        return pb.autograd.grad(pb.matrix_exp(a), a, g)[0]

    a, g = random(2, 3, 3), random(2, 3, 3, seed=1)
    g[1] *= 1e-3
    found = gradient(a.float(), (g * scale).float())
    close(found.double() / scale, gradient(a.clone(), g), 1e-5)


def test_gradients_of_exponentials_of_great_directions() -> None:
    a = random(2, 3, 3).requires_grad_()

    def values(a: Any) -> Any:
        return pb.matrix_exp(a) * 1e3

    assert gradcheck(values, a, atol=1e-3, check_forward_ad=True)
    assert gradgradcheck(values, a, atol=1e-3)


# --- powers ---


def test_a_power_of_zero_is_the_identity_of_any_matrix() -> None:
    a = pb.tensor([[np.nan, 1.0], [np.inf, 2.0]], requires_grad=True)
    power = pb.linalg.matrix_power(a, 0)
    close(power, np.eye(2))
    power.sum().backward()
    close(a.grad, np.zeros((2, 2)))
    both = pb.func.vmap(lambda m: pb.linalg.matrix_power(m, 0))(pb.stack([a, a]))
    close(both, np.stack([np.eye(2)] * 2))


def test_a_vandermonde_matrix_of_one_column_is_of_ones() -> None:
    x = pb.tensor([np.nan, np.inf, 2.0], requires_grad=True)
    column = pb.vander(x, 1)
    close(column, np.ones((3, 1)))
    column.sum().backward()
    close(x.grad, np.zeros(3))


# --- least squares ---


@pytest.mark.parametrize("shape", [(0, 2), (3, 0), (2, 3, 0), (0, 3, 2)], ids=str)
def test_the_rank_of_least_squares_of_nothing(shape: tuple[int, ...]) -> None:
    found = pb.linalg.lstsq(pb.ones(shape), pb.ones(*shape[:-1], 1))
    assert found.rank.shape == shape[:-2]
    assert not found.rank.any()
