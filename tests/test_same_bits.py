"""Results have the same bits for any number of threads: 1, 2, 3 and 4.

Every operator of the table runs over a batch of examples that is large enough to be split, forward
and backward; what splits one large input in its own way (sums, scans, products, convolutions,
norms, pools, tables, scatters) is called with one; and three networks are trained for ten steps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb
from networks import NETWORKS
from same_bits import assert_same_bits
from table import OPS, Case, Op, differentiable, results

pytestmark = pytest.mark.slow

ELEMENTS = 1 << 17  # of all examples together
MOST_EXAMPLES = 1 << 14

F = pb.nn.functional


# Rows whose first sample has no rule for vmap: the shape or kind of a result depends on elements.
OF_ONE_EXAMPLE = {
    "masked_select": "the size of the result is counted",
    "narrow": "the start is a tensor",
    "result_type": "the result is a dtype",
    "result_type.1": "the result is a dtype",
    "split.2": "the sizes are a tensor",
    "split.5": "the sizes are a tensor",
    "tensor_split": "the positions are a tensor",
}


def batched(op: Op) -> Callable[[], list[Any]]:
    """The first sample of an operator as a batch of examples whose numbers differ a little."""
    sample = next(sample for sample in op.samples if sample.leaves)
    numel = max(leaf.array.size for leaf in sample.leaves)
    batch = min(ELEMENTS // max(numel, 1), MOST_EXAMPLES)
    numbers = np.random.default_rng(0)
    arrays = []
    for leaf in sample.leaves:
        array = np.broadcast_to(leaf.array, (batch, *leaf.array.shape)).copy()
        if array.dtype.kind == "f":
            array = (array * (1 + 1e-3 * numbers.random(array.shape))).astype(np.float32)
        arrays.append(array)
    wants = [op.differentiable and leaf.grad and leaf.floating for leaf in sample.leaves]
    case = Case(op, sample)
    call = case.call(pb)

    def run() -> list[Any]:
        tensors = [
            pb.tensor(array).requires_grad_(want) for array, want in zip(arrays, wants, strict=True)
        ]
        given = pb.vmap(call, randomness="same")(*tensors)
        out = results(pb, given)
        inputs = [tensor for tensor in tensors if tensor.requires_grad]
        outputs = differentiable(pb, case.settled(given))
        if not inputs or not outputs:
            return out
        weights = [
            pb.linspace(0.5, 1.5, o.numel(), dtype=o.dtype).reshape(o.shape) for o in outputs
        ]
        grads = pb.autograd.grad(outputs, inputs, weights, allow_unused=True)
        return [*out, *(grad for grad in grads if grad is not None)]

    return run


@pytest.mark.parametrize(
    "op",
    [op for op in OPS if not op.no_batch and not op.factory and any(s.leaves for s in op.samples)],
    ids=repr,
)
def test_every_operator_over_many_examples(op: Op) -> None:
    if op.id in OF_ONE_EXAMPLE:
        with pytest.raises((RuntimeError, ValueError), match="vmap"):
            batched(op)()
        return
    assert_same_bits(batched(op))


def x(*shape: int, dtype: Any = pb.float32, low: float = -1.0) -> Any:
    numbers = np.random.default_rng(shape[0]).uniform(low, 1.0, shape)
    return pb.tensor(numbers, dtype=dtype).requires_grad_()


def index(count: int, high: int) -> Any:
    return pb.tensor(np.random.default_rng(count).integers(0, high, count))


LARGE: dict[str, Callable[[], tuple[list[Any], Callable[..., Any]]]] = {
    "sum": lambda: ([x(1_000_003)], lambda a: a.sum()),
    "sum float64": lambda: ([x(500_009, dtype=pb.float64)], lambda a: a.sum()),
    "sum float16": lambda: ([x(300_007, dtype=pb.float16)], lambda a: a.sum()),
    "sum of rows": lambda: ([x(1000, 700)], lambda a: a.sum(1)),
    "sum of columns": lambda: ([x(1000, 700)], lambda a: a.sum(0)),
    "sum of a few columns": lambda: ([x(200_000, 3)], lambda a: a.sum(0)),
    "sum of a transpose": lambda: ([x(700, 900)], lambda a: a.t().sum()),
    "sum of the middle": lambda: ([x(40, 500, 30)], lambda a: a.sum(1)),
    "prod": lambda: ([x(300_000, low=0.99)], lambda a: a.prod()),
    "mean and variance": lambda: ([x(400_001)], lambda a: pb.var_mean(a)),
    "norm": lambda: ([x(700, 900)], lambda a: (a.norm(), a.norm(3, 1))),
    "logsumexp": lambda: ([x(300, 2000)], lambda a: (a.logsumexp(1), a.logsumexp(0))),
    "cumsum": lambda: ([x(600_001)], lambda a: a.cumsum(0)),
    "cumsum of columns": lambda: ([x(800, 700)], lambda a: a.cumsum(0)),
    "cumprod": lambda: ([x(300_000, low=0.999)], lambda a: a.cumprod(0)),
    "cummax": lambda: ([x(300_000)], lambda a: a.cummax(0)[0]),
    "logcumsumexp": lambda: ([x(300_000)], lambda a: a.logcumsumexp(0)),
    "softmax": lambda: ([x(400, 1500)], lambda a: (a.softmax(1), a.log_softmax(0))),
    "amax and argmax": lambda: ([x(500, 900)], lambda a: (a.amax(0), a.argmax(1))),
    "sort": lambda: ([x(300_000)], lambda a: a.sort()[0]),
    "topk": lambda: ([x(300, 1000)], lambda a: a.topk(7, 1)[0]),
    "matmul": lambda: ([x(300, 400), x(400, 350)], lambda a, b: a @ b),
    "matmul float64": lambda: (
        [x(200, 300, dtype=pb.float64), x(300, 250, dtype=pb.float64)],
        lambda a, b: a @ b,
    ),
    "tall matmul": lambda: ([x(20_000, 32), x(32, 32)], lambda a, b: a @ b),
    "matrix times vector": lambda: ([x(1500, 1200), x(1200)], lambda a, b: a @ b),
    "dot": lambda: ([x(500_001), x(500_001)], lambda a, b: a @ b),
    "batched matmul": lambda: ([x(64, 50, 70), x(64, 70, 40)], lambda a, b: a @ b),
    "linear": lambda: ([x(512, 300), x(200, 300), x(200)], F.linear),
    "einsum": lambda: ([x(30, 40, 50), x(50, 30, 20)], lambda a, b: pb.einsum("ijk,kil->jl", a, b)),
    "conv1d": lambda: ([x(8, 16, 900), x(24, 16, 5), x(24)], F.conv1d),
    "conv2d": lambda: ([x(4, 16, 40, 40), x(32, 16, 3, 3), x(32)], F.conv2d),
    "conv2d with strides": lambda: (
        [x(4, 8, 41, 41), x(16, 8, 3, 3)],
        lambda a, w: F.conv2d(a, w, None, 2, 1, 2),
    ),
    "conv2d 1x1": lambda: ([x(4, 64, 30, 30), x(64, 64, 1, 1)], F.conv2d),
    "depthwise": lambda: (
        [x(4, 32, 40, 40), x(32, 1, 3, 3)],
        lambda a, w: F.conv2d(a, w, groups=32),
    ),
    "conv3d": lambda: ([x(2, 4, 12, 16, 16), x(8, 4, 3, 3, 3)], F.conv3d),
    "conv_transpose2d": lambda: (
        [x(4, 16, 20, 20), x(16, 8, 3, 3)],
        lambda a, w: F.conv_transpose2d(a, w, None, 2),
    ),
    "batch_norm": lambda: (
        [x(32, 16, 30, 30), x(16), x(16)],
        lambda a, w, b: F.batch_norm(a, None, None, w, b, True),
    ),
    "layer_norm": lambda: (
        [x(2000, 300), x(300), x(300)],
        lambda a, w, b: F.layer_norm(a, (300,), w, b),
    ),
    "group_norm": lambda: ([x(16, 32, 20, 20)], lambda a: F.group_norm(a, 8)),
    "rms_norm": lambda: ([x(2000, 300), x(300)], lambda a, w: F.rms_norm(a, (300,), w)),
    "max_pool2d": lambda: ([x(8, 16, 60, 60)], lambda a: F.max_pool2d(a, 3, 2, 1)),
    "avg_pool2d": lambda: ([x(8, 16, 60, 60)], lambda a: F.avg_pool2d(a, 3, 2, 1)),
    "adaptive_avg_pool2d": lambda: ([x(8, 64, 30, 30)], lambda a: F.adaptive_avg_pool2d(a, 7)),
    "interpolate": lambda: (
        [x(4, 8, 40, 40)],
        lambda a: F.interpolate(a, scale_factor=2, mode="bilinear"),
    ),
    "embedding": lambda: ([x(500, 64)], lambda w: F.embedding(index(20_000, 500), w)),
    "embedding_bag": lambda: (
        [x(500, 64)],
        lambda w: F.embedding_bag(index(20_000, 500).reshape(1000, 20), w),
    ),
    "scatter_add": lambda: (
        [x(1000), x(300_000)],
        lambda a, b: a.scatter_add(0, index(300_000, 1000), b),
    ),
    "index_add": lambda: (
        [x(500, 40), x(20_000, 40)],
        lambda a, b: a.index_add(0, index(20_000, 500), b),
    ),
    "index_put": lambda: (
        [x(1000), x(200_000)],
        lambda a, b: a.index_put((index(200_000, 1000),), b, accumulate=True),
    ),
    "gather": lambda: ([x(300_000)], lambda a: a.gather(0, index(400_000, 300_000))),
    "cross_entropy": lambda: ([x(5000, 100)], lambda a: F.cross_entropy(a, index(5000, 100))),
    "mse_loss": lambda: ([x(400_000), x(400_000)], F.mse_loss),
    "attention": lambda: (
        [x(4, 4, 256, 32), x(4, 4, 256, 32), x(4, 4, 256, 32)],
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True),
    ),
    "cdist": lambda: ([x(400, 30), x(300, 30)], pb.cdist),
    "cholesky": lambda: ([x(200, 200)], lambda a: pb.linalg.cholesky(a @ a.mT + 200 * pb.eye(200))),
    "dropout": lambda: ([x(400_000)], lambda a: F.dropout(a, 0.3)),
    "random numbers": lambda: ([x(1)], lambda a: (a + pb.randn(300_001), pb.rand(300_001))),
}


@pytest.mark.parametrize("name", LARGE)
def test_one_large_input(name: str) -> None:
    inputs, function = LARGE[name]()

    def run() -> list[Any]:
        pb.manual_seed(0)
        out = results(pb, function(*inputs))
        outputs = [each for each in out if each.requires_grad]
        weights = [
            pb.linspace(0.5, 1.5, o.numel(), dtype=o.dtype).reshape(o.shape) for o in outputs
        ]
        return [*out, *pb.autograd.grad(outputs, inputs, weights)]

    assert_same_bits(run)


@pytest.mark.parametrize("name", NETWORKS)
def test_ten_steps_of_a_network(name: str) -> None:
    build, data, make_optimizer = NETWORKS[name]

    def run() -> list[Any]:
        pb.manual_seed(7)
        model = build(pb)
        optimizer, schedule = make_optimizer(pb, model)
        losses = []
        for step in range(10):
            inputs, classes = data(step)
            of_floats = inputs.dtype.kind == "f"
            inputs = pb.tensor(inputs, dtype=pb.float32 if of_floats else pb.int64)
            optimizer.zero_grad()
            loss = F.cross_entropy(model(inputs), pb.tensor(classes))
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.detach())
        return [*losses, *model.state_dict().values()]

    assert_same_bits(run)
