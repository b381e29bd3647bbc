"""autograd.functional: agreement among its functions and with func; empty results; leaf state.

Values, options and refusals beside PyTorch are in parity/test_functional.py.
"""

from __future__ import annotations

from typing import Any

import pytest

import pullback as pb
from pullback.autograd import functional as F

Tensor = pb.Tensor
F64 = pb.float64


def close(a: Tensor, b: Any) -> None:
    assert pb.allclose(a, pb.as_tensor(b, dtype=F64))


def point() -> Tensor:
    return pb.tensor([0.5, -1.0, 2.0], dtype=F64)


def curve(x: Tensor) -> Tensor:
    return pb.stack([x[0] * x[1], (x * x).sum(), x[2].exp()])


def energy(x: Tensor) -> Tensor:
    return (x[0] * x[1] * x[2]).sin() + (x**3).sum()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"vectorize": True},
        {"create_graph": True},
        {"vectorize": True, "strategy": "forward-mode"},
    ],
    ids=str,
)
def test_jacobian_and_its_products(options: dict[str, Any]) -> None:
    x, v = point(), pb.tensor([1.0, 2.0, -0.5], dtype=F64)
    jacobian = F.jacobian(curve, x, **options)
    close(jacobian, pb.func.jacrev(curve)(x))
    close(F.vjp(curve, x, v)[1], v @ jacobian)
    close(F.jvp(curve, x, v)[1], jacobian @ v)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"vectorize": True},
        {"create_graph": True},
        {"vectorize": True, "outer_jacobian_strategy": "forward-mode"},
    ],
    ids=str,
)
def test_hessian_and_its_products(options: dict[str, Any]) -> None:
    x, v = point(), pb.tensor([1.0, 2.0, -0.5], dtype=F64)
    hessian = F.hessian(energy, x, **options)
    close(hessian, pb.func.hessian(energy)(x))
    close(hessian, hessian.t())
    close(F.vhp(energy, x, v)[1], v @ hessian)
    close(F.hvp(energy, x, v)[1], hessian @ v)


def test_the_tensors_of_the_caller_are_left_alone() -> None:
    x = point().requires_grad_()
    y = point()
    for function in (F.jacobian, F.hessian):
        function(lambda x, y: (x * y * x).sum(), (x, y))
    assert x.grad is None
    assert x.requires_grad
    assert not y.requires_grad


def test_results_are_not_recorded_unless_asked() -> None:
    x = point().requires_grad_()
    assert not F.jacobian(curve, x).requires_grad
    assert not F.hessian(energy, x, vectorize=True).requires_grad
    value, product = F.hvp(energy, x, point(), create_graph=True)
    assert value.requires_grad
    (third,) = pb.autograd.grad(product.sum(), x)
    expected = pb.func.grad(lambda x: (pb.func.hessian(energy)(x) @ point()).sum())(x.detach())
    close(third, expected)


def test_works_under_no_grad() -> None:
    with pb.no_grad():
        close(F.jacobian(lambda x: x * x, point()), pb.diag(2 * point()))
        close(F.hessian(lambda x: (x**3).sum(), point()), pb.diag(6 * point()))


def test_empty_results_and_inputs() -> None:
    x = point()
    assert F.jacobian(lambda x: x[:0] * 2, x).shape == (0, 3)
    assert F.jacobian(lambda x: x[:0] * 2, x, vectorize=True).shape == (0, 3)
    assert F.jacobian(lambda x: x.sum(), x[:0]).shape == (0,)
    assert F.hessian(lambda x: (x * x).sum(), x[:0], vectorize=True).shape == (0, 0)


def test_rows_of_matrices() -> None:
    x = pb.rand(2, 3, dtype=F64)
    found = F.jacobian(lambda x: x.t() * 2, x, vectorize=True)
    assert found.shape == (3, 2, 2, 3)
    close(found, F.jacobian(lambda x: x.t() * 2, x))


def test_inside_transforms_it_is_refused() -> None:
    with pytest.raises(RuntimeError, match=r"torch\.autograd\.functional"):
        pb.func.grad(lambda x: F.jacobian(lambda y: y * x, x).sum())(point())


# --- autograd.grad over a batch of vectors ---


def test_is_grads_batched_is_a_loop() -> None:
    x = point().requires_grad_()
    y = curve(x)
    vectors = pb.rand(4, 3, dtype=F64)
    (found,) = pb.autograd.grad(y, x, vectors, retain_graph=True, is_grads_batched=True)
    loop = [pb.autograd.grad(y, x, v, retain_graph=True)[0] for v in vectors]
    close(found, pb.stack(loop))


def test_is_grads_batched_with_hooks_and_unused_inputs() -> None:
    x, unused = point().requires_grad_(), point().requires_grad_()
    x.register_hook(lambda g: g * 2)
    y = x * 3
    vectors = pb.eye(3, dtype=F64)
    found, none = pb.autograd.grad(
        y, (x, unused), vectors, is_grads_batched=True, materialize_grads=True
    )
    close(found, 6 * vectors)
    close(none, pb.zeros(3, 3, dtype=F64))


def test_is_grads_batched_refuses_what_does_not_fit() -> None:
    x = point().requires_grad_()
    with pytest.raises(RuntimeError, match="first dimension of each grad_output"):
        pb.autograd.grad(x * 2, x, pb.ones(3, dtype=F64), is_grads_batched=True)
    with pytest.raises(RuntimeError, match="is_grads_batched=True needs"):
        pb.autograd.grad((x * 2).sum(), x, is_grads_batched=True)
