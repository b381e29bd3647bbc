"""SciPy's functions take tensors, whose dtypes NumPy understands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.cluster.vq
import scipy.fft
import scipy.integrate
import scipy.interpolate
import scipy.linalg
import scipy.ndimage
import scipy.optimize
import scipy.signal
import scipy.sparse
import scipy.sparse.linalg
import scipy.spatial
import scipy.special
import scipy.stats

import pullback as pb

A = pb.tensor([[4.0, 1.0], [1.0, 3.0]], dtype=pb.float64)
B = pb.tensor([1.0, 2.0], dtype=pb.float64)
X = pb.linspace(0, 1, 9, dtype=pb.float64)
SPARSE = scipy.sparse.csr_array(np.array([[1.0, 0.0], [2.0, 3.0]]))
ROWS, COLUMNS = pb.tensor([0, 1]), pb.tensor([1, 0])

# A call with tensors; the same with arrays is what it must give.
CALLS: dict[str, Callable[..., Any]] = {
    "linalg.solve": lambda a, b, x: scipy.linalg.solve(a, b),
    "linalg.cho_solve": lambda a, b, x: scipy.linalg.cho_solve(scipy.linalg.cho_factor(a), b),
    "linalg.eigh": lambda a, b, x: scipy.linalg.eigh(a)[0],
    "linalg.expm": lambda a, b, x: scipy.linalg.expm(a),
    "linalg.svd": lambda a, b, x: scipy.linalg.svd(a)[1],
    "linalg.lstsq": lambda a, b, x: scipy.linalg.lstsq(a, b)[0],
    "optimize.nnls": lambda a, b, x: scipy.optimize.nnls(a, b)[0],
    "optimize.linear_sum_assignment": lambda a, b, x: scipy.optimize.linear_sum_assignment(a)[1],
    "sparse.csr_array": lambda a, b, x: scipy.sparse.csr_array(a).toarray(),
    "sparse.csr_array of parts": lambda a, b, x: scipy.sparse.csr_array(
        (b, np.asarray(ROWS), np.asarray([0, 1, 2]))
    ).toarray(),
    "sparse @ matrix": lambda a, b, x: SPARSE @ a,
    "sparse @ vector": lambda a, b, x: SPARSE @ b,
    "sparse / vector": lambda a, b, x: (SPARSE / b).toarray(),
    "sparse / number": lambda a, b, x: (SPARSE / b[1]).toarray(),
    "sparse.diags": lambda a, b, x: scipy.sparse.diags([b, b[:1]], [0, 1]).toarray(),
    "sparse.linalg.cg": lambda a, b, x: scipy.sparse.linalg.cg(
        scipy.sparse.csr_array(a), b, x0=b, rtol=1e-14
    )[0],
    "sparse.linalg.gmres": lambda a, b, x: scipy.sparse.linalg.gmres(SPARSE, b)[0],
    "sparse.linalg.eigsh": lambda a, b, x: scipy.sparse.linalg.eigsh(
        scipy.sparse.csr_array(a), k=1, v0=b
    )[0],
    "sparse.multiply": lambda a, b, x: SPARSE.multiply(a).toarray(),
    "sparse.linalg.spsolve": lambda a, b, x: scipy.sparse.linalg.spsolve(
        scipy.sparse.csc_array(a), b
    ),
    "special.erf": lambda a, b, x: scipy.special.erf(x),
    "special.logsumexp": lambda a, b, x: scipy.special.logsumexp(a, axis=0),
    "integrate.simpson": lambda a, b, x: scipy.integrate.simpson(x * x, x=x),
    "interpolate.CubicSpline": lambda a, b, x: scipy.interpolate.CubicSpline(x, x * x)(b),
    "signal.convolve": lambda a, b, x: scipy.signal.convolve(x, b),
    "signal.lfilter": lambda a, b, x: scipy.signal.lfilter(b, b, x),
    "stats.linregress": lambda a, b, x: scipy.stats.linregress(x, x * x).slope,
    "stats.multivariate_normal": lambda a, b, x: scipy.stats.multivariate_normal(b, a).logpdf(b),
    "spatial.cdist": lambda a, b, x: scipy.spatial.distance.cdist(a, a),
    "spatial.KDTree": lambda a, b, x: scipy.spatial.KDTree(a).query(b)[0],
    "fft.rfft": lambda a, b, x: scipy.fft.rfft(x),
    "ndimage.gaussian_filter": lambda a, b, x: scipy.ndimage.gaussian_filter(a, 1.0),
    "cluster.whiten": lambda a, b, x: scipy.cluster.vq.whiten(a),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_with_tensors_gives_what_arrays_give(name: str) -> None:
    call = CALLS[name]
    given = call(A, B, X)
    wanted = call(A.numpy(), B.numpy(), X.numpy())
    np.testing.assert_allclose(np.asarray(given), wanted, rtol=1e-12, atol=1e-12)


def square_distance(values: Any) -> tuple[float, pb.Tensor]:
    """The value and the gradient of what the optimisers minimise; its minimum is at 1."""
    x = pb.tensor(values, requires_grad=True)
    y = ((x - 1) ** 2).sum()
    (gradient,) = pb.autograd.grad(y, x)
    return y.item(), gradient


@pytest.mark.parametrize("method", ["BFGS", "L-BFGS-B", "CG", "SLSQP", "trust-constr"])
def test_gradients_are_tensors(method: str) -> None:
    start = pb.zeros(3, dtype=pb.float64)
    found = scipy.optimize.minimize(square_distance, start, jac=True, method=method)
    np.testing.assert_allclose(found.x, np.ones(3), atol=1e-5)


def test_a_hessian_is_a_tensor() -> None:
    def hessian(values: Any) -> pb.Tensor:
        return pb.func.hessian(lambda x: ((x - 1) ** 2).sum())(pb.tensor(values))

    start = pb.zeros(3, dtype=pb.float64)
    found = scipy.optimize.minimize(
        square_distance, start, jac=True, hess=hessian, method="trust-exact"
    )
    np.testing.assert_allclose(found.x, np.ones(3), atol=1e-8)


def test_roots_and_residuals_are_tensors() -> None:
    root = scipy.optimize.root(lambda v: pb.tensor(v) ** 2 - 2, B)
    np.testing.assert_allclose(root.x, np.sqrt([2, 2]))
    fit = scipy.optimize.least_squares(lambda v: A @ pb.tensor(v) - B, B, jac=lambda _: A)
    np.testing.assert_allclose(fit.x, np.linalg.solve(A.numpy(), B.numpy()))


def test_a_differential_equation_has_a_tensor_on_its_right() -> None:
    solved = scipy.integrate.solve_ivp(lambda _, y: -pb.tensor(y), (0, 1), B, rtol=1e-8)
    np.testing.assert_allclose(solved.y[:, -1], B.numpy() * np.exp(-1), rtol=1e-6)


def test_an_operator_has_the_dtype_of_a_tensor() -> None:
    linear = scipy.sparse.linalg.LinearOperator(
        (2, 2), matvec=lambda v: A @ pb.tensor(v), dtype=A.dtype
    )
    assert linear.dtype == np.float64
    solution, status = scipy.sparse.linalg.cg(linear, B.numpy(), rtol=1e-12)
    assert status == 0
    np.testing.assert_allclose(solution, np.linalg.solve(A.numpy(), B.numpy()))


@pytest.mark.parametrize("name", ["float32", "float64", "int32", "int64", "uint8", "bool"])
def test_numpy_understands_a_dtype(name: str) -> None:
    dtype = getattr(pb, name)
    assert np.dtype(dtype) == np.dtype(name)
    assert np.zeros(2, dtype=dtype).dtype == np.dtype(name)
    assert np.asarray(pb.ones(2), dtype=dtype).dtype == np.dtype(name)
    assert scipy.sparse.csr_array((2, 2), dtype=pb.float32).dtype == np.float32
    # NumPy before 2.4 reads the attribute.
    assert dtype.dtype == dtype.__numpy_dtype__ == np.dtype(name)


def test_numpy_reads_the_precision_of_a_dtype() -> None:
    assert np.finfo(pb.float32).eps == np.finfo(np.float32).eps
    assert np.iinfo(pb.uint8).max == 255
    assert np.issubdtype(pb.float32, np.floating)
    assert np.result_type(pb.float32, pb.float64) == np.float64
