"""Linear algebra beside PyTorch, beyond the samples of the table: what is refused, and how."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import pullback as pb

torch = pytest.importorskip("torch")

# Of the library `t`: singular input, wrong shapes and dtypes.
REFUSED = """
t.linalg.inv(t.zeros(3, 3))
t.linalg.inv(t.zeros(2, 3, 3))
t.linalg.inv(t.ones(2, 3))
t.linalg.inv(t.ones(3))
t.linalg.inv(t.ones(2, 2, dtype=t.int64))
t.linalg.inv(t.ones(2, 2, dtype=t.float16))
t.linalg.inv_ex(t.zeros(2, 2), check_errors=True)
t.inverse(t.zeros(2, 2))
t.linalg.solve(t.zeros(3, 3), t.ones(3))
t.linalg.solve(t.zeros(2, 3, 3), t.ones(2, 3))
t.linalg.solve(t.eye(3), t.ones(4))
t.linalg.solve(t.eye(3), t.ones(4, 2))
t.linalg.solve(t.eye(3), t.ones(2, 4), left=False)
t.linalg.solve(t.eye(3), t.ones(3), left=False)
t.linalg.solve(t.eye(3), t.ones(3, dtype=t.float64))
t.linalg.solve_ex(t.zeros(3, 3), t.ones(3), check_errors=True)
t.linalg.cholesky(-t.eye(3))
t.linalg.cholesky(t.stack([t.eye(3), -t.eye(3)]))
t.linalg.cholesky(t.full((2, 2), float("nan")))
t.linalg.cholesky(t.full((20, 20), float("nan")))
t.linalg.cholesky(t.full((40, 40), float("nan"), dtype=t.complex128))
t.linalg.cholesky(t.full((2, 40, 40), float("nan")))
t.linalg.cholesky(t.ones(2, 3))
t.linalg.cholesky(t.ones(3))
t.linalg.cholesky(t.eye(2, dtype=t.int64))
t.linalg.cholesky(t.eye(2, dtype=t.float16))
t.linalg.cholesky_ex(-t.eye(3), check_errors=True)
t.cholesky_inverse(t.zeros(2, 2))
t.cholesky_inverse(t.ones(2, 3))
t.cholesky_solve(t.ones(3, 1), t.ones(2, 2))
t.cholesky_solve(t.ones(3), t.ones(3, 3))
t.linalg.solve_triangular(t.ones(3, 3), t.ones(2, 2), upper=True)
t.linalg.solve_triangular(t.ones(3, 2), t.ones(2, 2), upper=True)
t.linalg.lu_factor(t.zeros(2, 2))
t.linalg.lu_factor(t.zeros(2, 2, 2))
t.linalg.lu_factor(t.eye(2), pivot=False)
t.linalg.lu_factor(t.ones(2))
t.linalg.lu_factor(t.ones(2, 2, dtype=t.int64))
t.linalg.lu_factor_ex(t.zeros(2, 2), check_errors=True)
t.linalg.lu(t.ones(2))
t.linalg.det(t.ones(2, 3))
t.linalg.det(t.ones(2))
t.linalg.det(t.eye(2, dtype=t.int64))
t.linalg.slogdet(t.eye(2, dtype=t.float16))
t.linalg.eigh(t.full((2, 3, 3), float("nan")))
t.linalg.eigh(t.ones(2, 3))
t.linalg.eigh(t.ones(2))
t.linalg.eigh(t.eye(2, dtype=t.int64))
t.linalg.eigh(t.eye(2), "X")
t.linalg.eigvalsh(t.ones(2, 3))
t.linalg.svd(t.full((2, 2), float("nan")))
t.linalg.svd(t.full((2, 3, 2), float("nan")))
t.linalg.svd(t.ones(2))
t.linalg.svd(t.eye(2, dtype=t.int64))
t.linalg.svd(t.eye(2, dtype=t.float16))
t.linalg.svdvals(t.ones(2))
t.linalg.qr(t.ones(2))
t.linalg.qr(t.ones(2, 2), "all")
t.linalg.qr(t.eye(2, dtype=t.int64))
t.linalg.qr(t.eye(2, dtype=t.float16))
t.linalg.qr(t.ones(2, 2, requires_grad=True), "r").R.sum().backward()
t.linalg.qr(t.ones(3, 2, requires_grad=True), "complete").Q.sum().backward()
t.linalg.householder_product(t.ones(2, 3), t.ones(2))
t.linalg.householder_product(t.ones(3, 2), t.ones(3))
t.linalg.pinv(t.ones(2))
t.linalg.pinv(t.eye(2, dtype=t.int64))
t.linalg.pinv(t.full((2, 2), float("nan")))
t.linalg.cond(t.ones(2))
t.linalg.cond(t.ones(2, 3), 1)
t.linalg.matrix_power(t.ones(2, 3), 2)
t.linalg.matrix_power(t.zeros(2, 2), -1)
t.linalg.matrix_exp(t.ones(2, 3))
t.linalg.matrix_exp(t.ones(2, 2, dtype=t.int64))
t.linalg.matrix_norm(t.ones(2, 2), 3)
t.linalg.tensorinv(t.ones(2, 3, 4))
t.tensordot(t.ones(2, 2), t.ones(2, 2), ([0, 0], [0, 1]))
t.tensordot(t.ones(2, 2), t.ones(2, 2), ([0, 1], [1, -1]))
t.tensordot(t.ones(2, 2), t.ones(2, 2), ([0, -2], [0, 1]))
t.linalg.tensorinv(t.ones(2, 2), 0)
t.linalg.vander(t.ones(3), N=1)
t.linalg.eig(t.full((2, 2), float("nan")))
t.linalg.eig(t.full((2, 3, 3), float("inf"), dtype=t.complex64))
t.linalg.eig(t.ones(2, 3))
t.linalg.eig(t.ones(3))
t.linalg.eig(t.eye(2, dtype=t.int64))
t.linalg.eig(t.eye(2, dtype=t.float16))
t.linalg.eigvals(t.ones(2, 3))
t.linalg.eigvals(t.ones(3))
t.linalg.eigvals(t.eye(2, dtype=t.int64))
t.linalg.inv(t.zeros(2, 2, dtype=t.complex64))
t.linalg.solve(t.zeros(2, 3, 3, dtype=t.complex128), t.ones(2, 3, dtype=t.complex128))
t.linalg.solve(t.eye(3), t.ones(3, dtype=t.complex64))
t.linalg.cholesky(-t.eye(3, dtype=t.complex64))
t.linalg.svd(t.full((2, 2), float("nan"), dtype=t.complex64))
t.linalg.lu_factor(t.zeros(2, 2, dtype=t.complex64))
"""


def refusal(lib: Any, line: str) -> tuple[str, str]:
    """The type and the sentence, up to the first number that depends on the library."""
    with pytest.raises((RuntimeError, TypeError, ValueError, NotImplementedError)) as caught:
        eval(line, {"t": lib})
    sentence = str(caught.value).splitlines()[0]
    return type(caught.value).__name__, re.sub(r"^torch\.", "", sentence)


@pytest.mark.parametrize("line", REFUSED.strip().splitlines())
def test_refusals(line: str) -> None:
    assert refusal(pb, line) == refusal(torch, line)


def test_the_error_has_a_name() -> None:
    assert issubclass(pb.linalg.LinAlgError, RuntimeError)
    with pytest.raises(pb.linalg.LinAlgError):
        pb.linalg.inv(pb.zeros(2, 2))


NAN = """
t.linalg.inv(n)
t.linalg.solve(n, t.ones(3))
t.linalg.det(n)
t.linalg.slogdet(n)
t.linalg.lu_factor(n)
t.linalg.solve_triangular(n, t.ones(3, 1), upper=True)
"""


@pytest.mark.parametrize("line", NAN.strip().splitlines())
@pytest.mark.parametrize("size", [3, 20])
def test_nan_goes_through(line: str, size: int) -> None:
    def found(lib: Any) -> np.ndarray:
        n = lib.full((size, size), float("nan"))
        out = eval(line.replace("ones(3", f"ones({size}"), {"t": lib, "n": n})
        return np.isnan((out if isinstance(out, lib.Tensor) else out[0]).numpy())

    assert (found(pb) == found(torch)).all()


@pytest.mark.parametrize("number", [float("inf"), -float("inf"), float("nan"), 800.0, -800.0, 0.0])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_exponential_of_one_number(number: float, dtype: str) -> None:
    def found(lib: Any) -> list[Any]:
        a = lib.tensor([[number]], dtype=getattr(lib, dtype), requires_grad=True)
        y = lib.linalg.matrix_exp(a)
        (slope,) = lib.autograd.grad(y.sum(), a)
        return [y.detach().numpy(), slope.numpy() if abs(number) < 800 else y.detach().numpy()]

    for ours, theirs in zip(found(pb), found(torch), strict=True):
        np.testing.assert_allclose(ours, theirs, 1e-6)
