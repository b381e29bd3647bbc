"""In-place writes and views where pullback does more than PyTorch; see parity/test_inplace.py."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import pullback as pb
from threads import together


def test_a_value_that_is_read_while_it_is_written_is_read_first() -> None:
    x = pb.arange(6.0)
    x[::2].add_(x[1:4])
    assert x.tolist() == [1, 1, 4, 3, 7, 5]


def test_an_operand_that_is_overwritten_is_saved_before() -> None:
    a = pb.tensor([1.0, 2.0, 3.0], requires_grad=True)
    x = a * 1
    x.mul_(x)  # refused by PyTorch in the backward pass
    x.sum().backward()
    assert a.grad is not None
    assert a.grad.tolist() == [2, 4, 6]


def test_views_that_are_older_than_the_base_s_history_follow_it() -> None:
    x = pb.zeros(3)
    v = x[:2]
    x.requires_grad_()
    (v * pb.tensor([2.0, 3.0])).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [2, 3, 0]


def test_parts_that_are_older_than_the_base_s_history_follow_it() -> None:
    x = pb.zeros(4)
    a, b = x.split(2)
    x.requires_grad_()
    (a * pb.tensor([2.0, 3.0]) + 5 * b).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [2, 3, 5, 5]
    for target in (a, next(iter(x.view(2, 2).clone()))):
        with pytest.raises(RuntimeError, match="function that returns multiple views"):
            target.mul_(2)
    a, b = x.detach().split(2)
    y = a._base
    assert y is not None
    a.mul_(2)
    y.requires_grad_()
    with pytest.raises(RuntimeError, match=r"has been modified inplace .*multiple views"):
        (b * 2).sum()


def test_tangents_follow_writes_through_views() -> None:
    def f(a: pb.Tensor) -> pb.Tensor:
        x = a * 1
        v = x[1:]
        x[0].mul_(a[2])
        v.mul_(v)
        return x * v.sum()

    a = pb.tensor([1.0, 2.0, 3.0], dtype=pb.float64)
    t = pb.tensor([0.5, -1.0, 2.0], dtype=pb.float64)
    _, forward = pb._core._jvp(f, (a,), (t,))
    leaf = a.clone().requires_grad_()
    rows = [pb.autograd.grad(f(leaf)[i], leaf)[0] for i in range(3)]
    expected = [(row * t).sum().item() for row in rows]
    assert forward.tolist() == pytest.approx(expected)


def test_a_write_that_is_refused_changes_nothing() -> None:
    x = pb.ones(3, requires_grad=True)
    y = x * 1
    with pytest.raises(RuntimeError, match="doesn't match the broadcast shape"):
        y[0].add_(pb.ones(2))
    with pytest.raises(RuntimeError, match="view of a leaf"):
        x[0].add_(1)
    with pytest.raises(RuntimeError, match="more than one element"):
        y.expand(2, 3).add_(1)
    assert (x.tolist(), x._version, y.tolist(), y._version) == ([1, 1, 1], 0, [1, 1, 1], 0)
    assert y.grad_fn is not None
    assert y.grad_fn.name() == "MulBackward0"


def test_a_view_that_cannot_follow_is_an_error_when_it_is_used_and_only_then() -> None:
    x = pb.ones(3, requires_grad=True) * 1
    a, _, _ = x.unbind()
    x.mul_(2)
    assert a.item() == 2
    assert a.requires_grad
    assert repr(a) == "tensor(2., grad_fn=<Invalid>)"
    for use in (lambda: a * 1, lambda: a.grad_fn, lambda: a.backward()):
        with pytest.raises(RuntimeError, match="Output 0 of Unbind is a view and its base"):
            use()


def test_many_writes_through_views_of_views() -> None:
    a = pb.ones(8, dtype=pb.float64, requires_grad=True)
    x = a * 1
    for k in range(200):
        view = x.view(2, 4).t()[k % 4][k % 2 : k % 2 + 1]
        view.mul_(1.01).add_(0.001)
    x.sum().backward()
    assert a.grad is not None
    written = 1.01**50
    assert a.grad.tolist() == pytest.approx([written, 1, written, 1, 1, written, 1, written])


def test_a_chain_of_a_hundred_thousand_writes_is_walked_and_freed() -> None:
    a = pb.ones(2, requires_grad=True)
    x = a * 1
    v = x[0]
    for _ in range(100_000):
        v.add_(1.0)
    x.sum().backward()
    assert a.grad is not None
    assert a.grad.tolist() == [1, 1]


def test_threads_write_to_their_own_tensors() -> None:
    a = pb.ones(4, dtype=pb.float64, requires_grad=True)

    def work(_: int) -> None:
        for _ in range(100):
            x = a * 1
            x[1:3].mul_(2)
            x.sum().backward()

    together(work)
    assert a.grad is not None
    assert a.grad.tolist() == [400, 800, 800, 400]


@pytest.mark.parametrize(
    "turn",
    [
        lambda x: x.unsqueeze_(-1),
        lambda x: x.unsqueeze_(0),
        lambda x: x.transpose_(0, 1),
        lambda x: x.as_strided_((4,), (1,)),
        lambda x: x.unsqueeze_(0).squeeze_(0).t_(),
    ],
)
@pytest.mark.parametrize("of_a_view", [False, True])
def test_geometry_that_changes_under_no_grad_is_in_the_history(
    turn: Callable[[pb.Tensor], pb.Tensor], of_a_view: bool
) -> None:
    a = pb.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    x = a * a
    y = x[...] if of_a_view else x
    with pb.no_grad():
        turn(y)
    weights = pb.arange(4.0).view(y.shape)
    (g,) = pb.autograd.grad((y * weights).sum(), a)
    z = a * a
    (expected,) = pb.autograd.grad((turn(z) * weights).sum(), a)
    assert g.tolist() == expected.tolist()


def test_a_kept_gradient_of_another_shape_is_refused() -> None:
    x = pb.ones(2, requires_grad=True) * 2
    x.retain_grad()
    x.sum().backward(retain_graph=True)
    x.unsqueeze_(-1)
    with pytest.raises(RuntimeError, match=r"keeps one of shape \[2\] in its .grad"):
        x.sum().backward(retain_graph=True)
    x.grad = None
    x.sum().backward()
    assert x.grad is not None
    assert x.grad.shape == (2, 1)


@pytest.mark.parametrize("how", ["reshape", "view", "flatten", "pairs"])
@pytest.mark.parametrize("written", ["nothing", "view", "base"])
def test_a_view_whose_tangent_is_a_copy(how: str, written: str) -> None:
    # The tangent of the sum is expanded, so it has no view in these sizes.
    views: dict[str, Callable[[pb.Tensor], pb.Tensor]] = {
        "reshape": lambda y: y.reshape(8, 2),
        "view": lambda y: y.view(-1),
        "flatten": lambda y: y.flatten(0, 1),
        "pairs": lambda y: pb.view_as_real(pb.view_as_complex(y) * 1j),
    }

    def f(s: pb.Tensor) -> pb.Tensor:
        y = pb.ones(2, 4, 2, dtype=pb.float64) + s[:, None, None]
        v = views[how](y)
        if written != "nothing":
            (v if written == "view" else y).mul_(s.sum())
        return pb.cat([(v * v).flatten(), y.flatten() ** 3])

    s = pb.tensor([0.5, -1.5], dtype=pb.float64)
    t = pb.tensor([2.0, 3.0], dtype=pb.float64)
    expected = pb.autograd.functional.jacobian(f, s) @ t
    assert expected.count_nonzero() > 16
    assert pb.allclose(pb.func.jvp(f, (s,), (t,))[1], expected)
    assert pb.allclose(pb.func.vmap(lambda t: pb.func.jvp(f, (s,), (t,))[1])(t[None])[0], expected)
    batch = pb.func.jvp(pb.func.vmap(f), (s[None],), (t[None],))[1]
    assert pb.allclose(batch[0], expected)


@pytest.mark.parametrize("parts", [lambda x: x.unbind(0), lambda x: x.split(1)])
def test_one_of_many_views_from_outside_is_not_written_into(
    parts: Callable[[pb.Tensor], tuple[pb.Tensor, ...]],
) -> None:
    """PyTorch refuses it as a write into what is captured."""
    whole = pb.ones(2, 2)
    part = parts(whole)[0]

    def write(x: pb.Tensor) -> pb.Tensor:
        part.mul_(x[0])
        return (x * whole).sum()

    with pytest.raises(RuntimeError, match="does not depend on what a transform differentiates"):
        pb.func.grad(write)(pb.ones(2, 2))
