"""Results without a derivative join the graph: zeros or a refusal, in every mode; never silence."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import pullback as pb

UNIQUE: dict[str, Callable[[pb.Tensor], pb.Tensor]] = {
    "unique": lambda x: pb.unique(x),
    "with counts": lambda x: x.unique(return_counts=True)[0],
    "of slices": lambda x: pb.unique(x, dim=0),
    "consecutive": lambda x: pb.unique_consecutive(x),
    "of a view": lambda x: pb.unique(x[1:]),
}


@pytest.mark.parametrize("name", UNIQUE)
def test_sets_refuse_and_say_where(name: str) -> None:
    x = pb.tensor([1.0, 2.0, 2.0], requires_grad=True)
    loss = UNIQUE[name](x).sum() + x.sum()
    with pytest.raises(NotImplementedError, match=r"the derivative for .*test_undiff.*\.py:"):
        loss.backward()
    assert x.grad is None


def test_sets_of_integers_and_without_history() -> None:
    x = pb.tensor([1.0, 2.0, 2.0], requires_grad=True)
    with pb.no_grad():
        assert not pb.unique(x).requires_grad
    assert not pb.unique(x.detach()).requires_grad
    assert not pb.unique(x.long()).requires_grad
    _, inverse = pb.unique(x, return_inverse=True)
    assert not inverse.requires_grad


def test_sets_of_a_view_that_missed_a_write() -> None:
    w = pb.tensor([1.0, 2.0], requires_grad=True)
    x = pb.zeros(2)
    head = x[:1]
    x.copy_(w)
    found = pb.unique(head)
    assert found.requires_grad
    with pytest.raises(NotImplementedError):
        found.sum().backward()


def test_weights_of_bins() -> None:
    w = pb.ones(3, requires_grad=True)
    counted = pb.bincount(pb.tensor([0, 1, 1]), w)
    assert counted.tolist() == [1, 2]
    with pytest.raises(RuntimeError, match="derivative for aten::bincount is not implemented"):
        counted.sum().backward()
    with pb.autograd.forward_ad.dual_level():
        dual = pb.autograd.forward_ad.make_dual(pb.ones(3), pb.ones(3))
        with pytest.raises(NotImplementedError, match="forward AD with aten::bincount"):
            pb.bincount(pb.tensor([0, 1, 1]), dual)


DRAWN: dict[str, Callable[[pb.Tensor], pb.Tensor]] = {
    "bernoulli": lambda p: pb.bernoulli(p),
    "mean": lambda p: pb.normal(p, 1.0),
    "deviation": lambda p: pb.normal(0.0, p),
    "both": lambda p: pb.normal(p, p),
    "in place": lambda p: (p * 1).uniform_(),
    "chances": lambda p: pb.zeros(2).bernoulli_(p),
}


@pytest.mark.parametrize("name", DRAWN)
def test_random_numbers_give_zeros(name: str) -> None:
    p = pb.tensor([0.5, 0.25], requires_grad=True)
    draw = DRAWN[name]
    if name == "chances":  # nothing of it depends on what was there
        assert not draw(p).requires_grad
        return
    drawn = draw(p)
    (drawn.sum() + p.sum()).backward()
    assert p.grad is not None
    assert p.grad.tolist() == [1, 1]
    assert pb.func.grad(lambda q: (draw(q) + q).sum())(p.detach()).tolist() == [1, 1]
    _, tangent = pb.func.jvp(draw, (p.detach(),), (pb.ones(2),))
    assert tangent.tolist() == [0, 0]
    rows = pb.tensor([[0.5, 0.25], [0.75, 0.5]])
    slope = pb.func.grad(lambda q: (draw(q) * q).sum() * 0 + q.sum())
    assert pb.vmap(slope, randomness="different")(rows).tolist() == [[1, 1], [1, 1]]


def test_a_broadcast_mean() -> None:
    mean = pb.zeros(3, requires_grad=True)
    std = pb.ones(2, 1, requires_grad=True)
    pb.normal(mean, std).sum().backward()
    assert mean.grad is not None
    assert mean.grad.tolist() == [0, 0, 0]
    assert std.grad is not None
    assert std.grad.tolist() == [[0], [0]]


def test_what_random_numbers_overwrite_has_no_tangent() -> None:
    forward_ad = pb.autograd.forward_ad
    with forward_ad.dual_level():
        x = forward_ad.make_dual(pb.ones(3), pb.ones(3)) * 1
        x[:2].normal_()
        assert forward_ad.unpack_dual(x).tangent.tolist() == [0, 0, 1]
        with pb.no_grad():
            x.uniform_()
        assert forward_ad.unpack_dual(x).tangent.tolist() == [0, 0, 0]


def test_a_late_view_of_a_dual() -> None:
    forward_ad = pb.autograd.forward_ad
    with forward_ad.dual_level():
        x = pb.zeros(3)
        head = x[:2]
        x.copy_(forward_ad.make_dual(pb.ones(3), pb.ones(3)))
        head.normal_()
        assert forward_ad.unpack_dual(x).tangent.tolist() == [0, 0, 1]


def test_comparisons_in_place_give_both_operands_zeros() -> None:
    x = pb.tensor([1.0, 2.0], requires_grad=True)
    y = pb.tensor([[1.5], [1.5]], requires_grad=True)
    z = (x * pb.ones(2, 2)).lt_(y)
    assert z.tolist() == [[1, 0], [1, 0]]
    gradients = pb.autograd.grad(z.sum(), (x, y))
    assert [g.tolist() for g in gradients] == [[0, 0], [[0], [0]]]


def test_other_memory_for_a_dual_is_refused() -> None:
    forward_ad = pb.autograd.forward_ad
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(pb.ones(3), pb.ones(3))
        with pytest.raises(NotImplementedError, match="forward AD with set_"):
            dual.set_(pb.zeros(2))
        with pytest.raises(NotImplementedError, match="forward AD with set_"):
            pb.zeros(3).set_(dual)
        with pytest.raises(RuntimeError, match="cannot resize variables that has a forward grad"):
            dual.resize_(2)


def test_deviations_below_zero() -> None:
    for std in ([-1.0, 1.0], [1.0, float("nan")]):
        with pytest.raises(RuntimeError, match="all elements of std"):
            pb.normal(pb.zeros(2), pb.tensor(std))
        with pytest.raises(RuntimeError, match="all elements of std"):
            pb.normal(0.0, pb.tensor(std))
    with pytest.raises(RuntimeError, match="but found std -1"):
        pb.normal(pb.zeros(2), -1.0)
    assert pb.normal(pb.zeros(0), pb.zeros(0)).numel() == 0
    out = pb.zeros(2)
    assert pb.normal(pb.full((2,), 7.0), 0.0, out=out) is out
    assert out.tolist() == [7, 7]
