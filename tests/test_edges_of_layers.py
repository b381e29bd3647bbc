"""Layers of nothing, and paddings that take away what they would repeat.

Beside PyTorch, with random arguments: parity/test_drawn_layers.py.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import pullback as pb

F = pb.nn.functional


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_circular_padding_repeats_what_is_left(n: int) -> None:
    x = pb.arange(n, dtype=pb.float64).reshape(1, 1, n).requires_grad_()
    values = np.arange(n)
    for before, after in itertools.product(range(-n, n + 1), repeat=2):
        left = values[max(0, -before) : n - max(0, -after)]
        room = max(before, after, 0)
        if n + before + after < 0 or (n + before + after > 0 and room > len(left)):
            with pytest.raises(RuntimeError, match=r"more than once|leave nothing"):
                F.pad(x, (before, after), "circular")
            continue
        y = F.pad(x, (before, after), "circular")
        if n + before + after == 0:
            assert y.shape == (1, 1, 0)
            continue
        expected = np.pad(left, (max(0, before), max(0, after)), mode="wrap")
        assert y.flatten().tolist() == expected.tolist()
        (gradient,) = pb.autograd.grad(y.sum(), x)
        assert gradient.flatten().tolist() == [(expected == i).sum() for i in range(n)]


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("shape", [(0, 3, 2), (2, 3, 0), (2, 0, 4), (0, 0)])
@pytest.mark.parametrize("training", [True, False])
def test_batch_norm_of_nothing(shape: tuple[int, ...], training: bool, create_graph: bool) -> None:
    channels = shape[1]
    x = pb.zeros(shape, dtype=pb.float64, requires_grad=True)
    weight = pb.ones(channels, dtype=pb.float64, requires_grad=True)
    bias = pb.zeros(channels, dtype=pb.float64, requires_grad=True)
    running = None if training else pb.ones(channels, dtype=pb.float64)
    y = F.batch_norm(x, running, running, weight, bias, training)
    gradients = pb.autograd.grad(y.sum(), (x, weight, bias), create_graph=create_graph)
    assert y.shape == shape
    for gradient, given in zip(gradients, (x, weight, bias), strict=True):
        assert pb.equal(gradient, pb.zeros_like(given))


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
def test_bags_of_nothing_have_a_history(mode: str) -> None:
    weight = pb.ones(3, 2, requires_grad=True)
    nothing = pb.zeros(0, dtype=pb.int64)
    y = F.embedding_bag(nothing, weight, pb.tensor([0, 0]), mode=mode)
    assert pb.equal(y.detach(), pb.zeros(2, 2))
    assert pb.equal(pb.autograd.grad(y.sum(), weight)[0], pb.zeros(3, 2))


@pytest.mark.parametrize("loss", ["mean", "mse_loss", "smooth_l1_loss", "binary_cross_entropy"])
def test_second_derivatives_of_a_mean_of_nothing(loss: str) -> None:
    x = pb.zeros(0, 3, dtype=pb.float64, requires_grad=True)
    y = x.mean() if loss == "mean" else getattr(F, loss)(x, pb.zeros_like(x))
    factor = pb.ones((), dtype=pb.float64, requires_grad=True)
    (gradient,) = pb.autograd.grad(y, x, factor, create_graph=True)
    (back,) = pb.autograd.grad(gradient, factor, pb.ones_like(gradient))
    assert back.item() == 0


@pytest.mark.parametrize("kind", [pb.nn.LSTM, pb.nn.GRU, pb.nn.RNN])
@pytest.mark.parametrize("counts", [[2, 1, 2], [3, -5, 3], [1, 3], [2, -1]])
def test_packed_steps_that_rise_or_are_negative(
    kind: type[pb.nn.Module], counts: list[int]
) -> None:
    rows = pb.ones(sum(counts), 2)
    packed = pb.nn.utils.rnn.PackedSequence(rows, pb.tensor(counts))
    with pytest.raises(RuntimeError, match="must not rise"):
        kind(2, 3)(packed)


def test_dropout_of_the_channels_of_one_example() -> None:
    """Also with a wrong number of dimensions, of which it warns, as in PyTorch."""
    pb.manual_seed(0)
    with pytest.warns(UserWarning, match="2-D input to dropout3d"):
        kept = F.dropout3d(pb.ones(40, 3), 0.5)
    assert pb.equal(kept, kept[:, :1].expand(40, 3))
    assert sorted(kept[:, 0].unique().tolist()) == [0.0, 2.0]


def test_group_norm_of_nothing() -> None:
    x = pb.zeros(2, 4, 0, dtype=pb.float64, requires_grad=True)
    weight = pb.ones(4, dtype=pb.float64, requires_grad=True)
    for create_graph in (False, True):
        y = F.group_norm(x, 2, weight)
        found = pb.autograd.grad(y.sum(), (x, weight), create_graph=create_graph)
        assert pb.equal(found[1], pb.zeros_like(weight))


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_windows_of_an_infinite_power_have_the_greatest_or_the_least(dims: int) -> None:
    form = (F.lp_pool1d, F.lp_pool2d, F.lp_pool3d)[dims - 1]
    x = pb.tensor([1.0, -3.0, 2.0, 0.5]).reshape(1, 1, *[1] * (dims - 1), 4)
    x = x.expand(1, 1, *[2] * (dims - 1), 4)
    assert form(x, 2, 2).shape == form(x, float("inf"), 2).shape
    assert form(x, float("inf"), 2).flatten().tolist() == [3.0, 2.0]
    assert form(x, -float("inf"), 2).flatten().tolist() == [1.0, 0.5]
