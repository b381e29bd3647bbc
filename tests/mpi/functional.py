"""``distributed.nn.functional``: values, gradients of two orders, and what is compared."""

from __future__ import annotations

from typing import Any

import pytest

import pullback as pb
import pullback.distributed as dist
import pullback.distributed.nn.functional as F
from pullback.distributed import ReduceOp

FLOATING = [pb.float16, pb.bfloat16, pb.float32, pb.float64, pb.complex64, pb.complex128]


def rank() -> int:
    return dist.get_rank()


def size() -> int:
    return dist.get_world_size()


def start(r: int, dtype: Any, shape: tuple[int, ...] = (2, 3)) -> pb.Tensor:
    """Whole numbers, different in each process."""
    count = 1
    for each in shape:
        count *= each
    x = ((pb.arange(count) * (r + 1)) % 5).to(dtype)
    return (x * (1 + 1j) if dtype.is_complex else x).to(dtype).reshape(shape)


def weight(r: int, dtype: Any, shape: Any) -> pb.Tensor:
    return start(r + 2, dtype, tuple(shape)) + 1


# For each function: what process r gets from the inputs of all, and how it is called. Inputs are
# [processes, 2, 3]: a part for each process where one is wanted.
FUNCTIONS: dict[str, tuple[Any, Any]] = {
    "broadcast": (lambda xs, r: xs[1][0], lambda x: F.broadcast(x[0], 1)),
    "all_reduce": (lambda xs, r: sum(x[0] for x in xs), lambda x: F.all_reduce(x[0])),
    "all_reduce AVG": (
        lambda xs, r: sum(x[0] for x in xs) / len(xs),
        lambda x: F.all_reduce(x[0], ReduceOp.AVG),
    ),
    "reduce": (
        lambda xs, r: sum(x[0] for x in xs) if r == 1 else xs[r][0],
        lambda x: F.reduce(x[0], 1),
    ),
    "reduce AVG": (
        lambda xs, r: sum(x[0] for x in xs) / len(xs) if r == 0 else xs[r][0],
        lambda x: F.reduce(x[0], 0, ReduceOp.AVG),
    ),
    "all_gather": (
        lambda xs, r: pb.stack([x[0] for x in xs]),
        lambda x: pb.stack(F.all_gather(x[0])),
    ),
    "gather": (
        lambda xs, r: pb.stack([x[0] for x in xs]) * (r == 1),
        lambda x: pb.stack(F.gather(x[0], 1)),
    ),
    "scatter": (lambda xs, r: xs[1][r], lambda x: F.scatter(list(x), 1)),
    "reduce_scatter": (
        lambda xs, r: sum(x[r] for x in xs),
        lambda x: F.reduce_scatter(pb.empty_like(x[0]), list(x)),
    ),
    "reduce_scatter AVG": (
        lambda xs, r: sum(x[r] for x in xs) / len(xs),
        lambda x: F.reduce_scatter(pb.empty_like(x[0]), list(x), ReduceOp.AVG),
    ),
    "all_to_all": (
        lambda xs, r: pb.stack([x[r] for x in xs]),
        lambda x: pb.stack(F.all_to_all([pb.empty_like(x[0])] * size(), list(x))),
    ),
    "all_to_all_single": (
        lambda xs, r: pb.stack([x[r] for x in xs]),
        lambda x: F.all_to_all_single(pb.empty_like(x), x),
    ),
}


def close(a: pb.Tensor, b: pb.Tensor) -> None:
    half = a.dtype in (pb.float16, pb.bfloat16)
    pb.testing.assert_close(a, b, rtol=2e-2 if half else 1e-5, atol=2e-2 if half else 1e-5)


def check_nothing_becomes_a_constant_in_a_transform() -> None:
    def squared(x: pb.Tensor, call: Any) -> pb.Tensor:
        y = x * 2
        return (call(y) * x).sum()

    def overwritten(y: pb.Tensor) -> pb.Tensor:
        dist.all_reduce(y)
        return y

    def constant(y: pb.Tensor) -> pb.Tensor:
        return overwritten(y.detach().clone())

    x = pb.ones(2)
    for transform in (pb.func.grad, pb.func.jacrev):
        with pytest.raises(RuntimeError, match="count as a constant from then on"):
            transform(squared)(x, overwritten)
    assert pb.func.grad(squared)(x, constant).tolist() == [2.0 * size()] * 2
    found = pb.func.grad(squared)(x, lambda y: F.all_reduce(y))
    assert found.tolist() == [4.0 * size()] * 2


def check_values_and_gradients() -> None:
    """Against one process that has the inputs of all and adds up all losses."""
    for dtype in FLOATING:
        for shape, strided in (((2, 3), False), ((2, 3), True), ((0, 3), False)):
            for reference, function in FUNCTIONS.values():
                all_inputs = [
                    start(r, dtype, (size(), *shape)).requires_grad_() for r in range(size())
                ]
                results = [reference(all_inputs, r) for r in range(size())]
                losses = [(y * y * weight(r, dtype, y.shape)).sum() for r, y in enumerate(results)]
                total = sum(losses).real if dtype.is_complex else sum(losses)
                expected = pb.autograd.grad(
                    total, all_inputs, allow_unused=True, materialize_grads=True
                )[rank()]
                x = start(rank(), dtype, (size(), *shape))
                if strided:
                    x = pb.stack([x, x], -1)[..., 0]
                    assert not x.is_contiguous()
                x.requires_grad_()
                y = function(x)
                close(y, results[rank()])
                assert y.requires_grad
                loss = (y * y * weight(rank(), dtype, y.shape)).sum()
                (loss.real if dtype.is_complex else loss).backward()
                assert x.grad is not None
                close(x.grad, expected)


def check_second_order() -> None:
    for reference, function in FUNCTIONS.values():
        all_inputs = [start(r, pb.float64, (size(), 2, 3)).requires_grad_() for r in range(size())]
        cubes = [(reference(all_inputs, r) ** 3).sum() for r in range(size())]
        grads = pb.autograd.grad(
            sum(cubes), all_inputs, create_graph=True, allow_unused=True, materialize_grads=True
        )
        expected = pb.autograd.grad(
            sum((g * g).sum() for g in grads),
            all_inputs,
            allow_unused=True,
            materialize_grads=True,
        )[rank()]
        x = start(rank(), pb.float64, (size(), 2, 3)).requires_grad_()
        (g,) = pb.autograd.grad((function(x) ** 3).sum(), [x], create_graph=True)
        (found,) = pb.autograd.grad((g * g).sum(), [x])
        close(found, expected)


def check_third_order_and_strides() -> None:
    x = pb.randn(4, 6).t()[::2].requires_grad_()
    y = (F.all_reduce(x) ** 4).sum()
    for _ in range(3):
        (g,) = pb.autograd.grad(y, [x], create_graph=True)
        y = g.sum()
    total = x.detach().clone()
    dist.all_reduce(total)
    close(g.detach(), 24.0 * size() ** 3 * total)


def check_gradients_of_a_million_elements() -> None:
    rows = 1_000_000 // size() // 1000
    for reference, function in FUNCTIONS.values():
        inputs = [
            pb.full((size(), rows, 1000), float(r + 1)).requires_grad_() for r in range(size())
        ]
        losses = [(reference(inputs, r) ** 2).sum() * (r + 1) for r in range(size())]
        expected = pb.autograd.grad(sum(losses), inputs, allow_unused=True, materialize_grads=True)[
            rank()
        ]
        x = inputs[rank()].detach().clone().requires_grad_()
        ((function(x) ** 2).sum() * (rank() + 1)).backward()
        assert x.grad is not None
        close(x.grad, expected)


def check_a_million_elements() -> None:
    x = pb.full((1000, 1000), float(rank() + 1), requires_grad=True)
    F.all_reduce(x).sum().backward()
    assert x.grad is not None
    assert (x.grad == size()).all()


def check_requires_grad_is_compared() -> None:
    with pytest.raises(dist.DistBackendError, match="requires_grad=True"):
        F.all_reduce(pb.ones(2, requires_grad=rank() == 0))
    with pb.no_grad():
        assert not F.all_reduce(pb.ones(2, requires_grad=rank() == 0)).requires_grad


def check_refusals() -> None:
    x = pb.ones(2, requires_grad=True)
    with pytest.raises(ValueError, match=r"expected ReduceOp\.SUM or AVG"):
        F.all_reduce(x, ReduceOp.MAX)
    with pytest.raises(ValueError, match=r"expected ReduceOp\.SUM or AVG"):
        F.reduce_scatter(x, [x] * size(), ReduceOp.PRODUCT)
    with pytest.raises(TypeError, match="Expected parameter `tensor`"):
        F.broadcast([1.0], 0)
    with pytest.raises(ValueError, match="one for each"):
        F.scatter([x], 0)
    with pytest.raises(ValueError, match="not part of"):
        F.broadcast(x, 77)


def check_linear_layer_divided_by_columns() -> None:
    """A layer whose columns are in several processes: the gradients of the whole layer."""
    pb.manual_seed(0)
    whole, x = pb.randn(2 * size(), 5, dtype=pb.float64), pb.randn(3, 5, dtype=pb.float64)
    w = whole[2 * rank() :][:2].clone().requires_grad_()
    y = pb.cat(F.all_gather(x @ w.t()), 1)
    # Every process has the whole result and one loss of it: the sum of these is k times that.
    (y.sin().sum() / size()).backward()
    other = whole.clone().requires_grad_()
    (x @ other.t()).sin().sum().backward()
    assert w.grad is not None
    assert other.grad is not None
    close(w.grad, other.grad[2 * rank() :][:2])
