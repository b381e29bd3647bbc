"""What a node keeps: versions, what is saved and what is not, in-place operations, released graphs.

That every operator notices an overwritten value is checked in test_ops.py; here are the rules.
"""

from __future__ import annotations

import weakref
from typing import Any

import pytest

import pullback as pb

MODIFIED = "has been modified by an inplace operation"


def leaf(*values: float) -> Any:
    return pb.tensor(values, dtype=pb.float64, requires_grad=True)


# --- versions ---


def test_versions_count_in_place_operations() -> None:
    x = pb.zeros(2)
    assert x._version == 0
    x.add_(1)
    x.mul_(2)
    x += 1
    x[0] = 5.0
    assert x._version == 4


def test_views_share_the_version() -> None:
    x = pb.zeros(2, 3)
    view, row = x.t(), x[0]
    view.add_(1)
    assert (x._version, view._version, row._version) == (1, 1, 1)
    assert pb.zeros(2).reshape(2)._version == 0


def test_detach_shares_the_version_and_data_does_not() -> None:
    x = pb.zeros(2)
    x.detach().add_(1)
    assert x._version == 1
    x.data.add_(1)
    assert x._version == 1
    assert x.tolist() == [2.0, 2.0]
    data = x.data
    data.add_(1)
    assert (x._version, data._version) == (1, 1)


def test_a_copy_has_its_own_version() -> None:
    x = pb.zeros(2)
    y = x.clone()
    y.add_(1)
    assert (x._version, y._version) == (0, 1)


def test_reading_does_not_count() -> None:
    x = pb.ones(2)
    _ = x + 1, x.sum(), x.tolist(), x[0], x.numpy(), repr(x)
    assert x._version == 0


# --- modified after it was saved ---


def test_an_input_that_was_modified() -> None:
    x = leaf(1.0, 2.0)
    y = x * 1
    z = (y * y).sum()
    y.add_(1)
    with pytest.raises(RuntimeError, match=MODIFIED) as caught:
        z.backward()
    assert "[torch.DoubleTensor [2]]" in str(caught.value)
    assert "is at version 1; expected version 0" in str(caught.value)


def test_an_output_that_was_modified() -> None:
    x = leaf(1.0, 2.0)
    y = x.exp()
    y.mul_(2)
    with pytest.raises(RuntimeError, match="which is output 0 of"):
        y.sum().backward()


def test_through_a_view_and_through_detach() -> None:
    x = leaf(1.0, 2.0)
    y = x * 1
    z = y * y
    y.detach()[0] = 7.0
    with pytest.raises(RuntimeError, match=MODIFIED):
        z.sum().backward()
    y = x * 1
    z = y * y
    with pb.no_grad():
        y[1:].zero_()
    with pytest.raises(RuntimeError, match=MODIFIED):
        z.sum().backward()


def test_a_modified_leaf() -> None:
    x = leaf(2.0)
    y = x * x
    with pb.no_grad():
        x.add_(1)
    with pytest.raises(RuntimeError, match=MODIFIED):
        y.backward()


def test_a_modified_constant() -> None:
    x, c = leaf(2.0), pb.ones(1, dtype=pb.float64)
    y = x * c
    c.add_(1)
    with pytest.raises(RuntimeError, match=MODIFIED):
        y.backward()


def test_data_is_the_way_around() -> None:
    x = leaf(2.0)
    y = x * x
    x.data.add_(1)
    y.backward()
    assert x.grad.tolist() == [6.0]


def test_modified_before_it_was_saved_is_fine() -> None:
    x = leaf(2.0)
    y = x * 1
    y.add_(1)
    (y * y).backward()
    assert x.grad.tolist() == [6.0]


def test_what_is_not_needed_may_be_modified() -> None:
    x, y = leaf(2.0), leaf(3.0)
    a, b = x * 1, y * 1
    s = a + b
    a.add_(100)
    s.backward()
    assert (x.grad.tolist(), y.grad.tolist()) == ([1.0], [1.0])
    c = pb.tensor([5.0], dtype=pb.float64)
    a = x * 1
    product = a * c
    a.add_(100)
    product.backward()
    assert x.grad.tolist() == [1.0 + 5.0]


def test_in_place_operations_are_part_of_the_graph() -> None:
    x = leaf(2.0, 3.0)
    y = x * 1
    y.mul_(4)
    y += x
    y.sub_(1)
    y.sum().backward()
    assert y.tolist() == [9.0, 14.0]
    assert x.grad.tolist() == [5.0, 5.0]
    assert y.grad_fn.name() == "SubBackward0"


def test_an_in_place_operation_makes_a_constant_part_of_the_graph() -> None:
    x = leaf(2.0)
    y = pb.ones(1, dtype=pb.float64)
    y.mul_(x)
    assert y.requires_grad
    assert not y.is_leaf
    y.backward()
    assert x.grad.tolist() == [1.0]


def test_a_leaf_cannot_be_modified() -> None:
    x = leaf(2.0)
    message = "a leaf Variable that requires grad is being used in an in-place operation"
    for modify in (
        lambda: x.add_(1),
        lambda: x.zero_(),
        lambda: x.__iadd__(1),
        lambda: x.copy_(pb.ones(1)),
    ):
        with pytest.raises(RuntimeError, match=message):
            modify()
    assert (x.tolist(), x._version) == ([2.0], 0)
    with pytest.raises(RuntimeError, match="a view of a leaf Variable that requires grad"):
        x[:1].add_(1)
    assert x.tolist() == [2.0]


# --- released ---


SECOND = "Trying to backward through the graph a second time"


def test_a_released_graph_says_what_to_do() -> None:
    x = leaf(2.0)
    y = x * x
    y.backward()
    with pytest.raises(RuntimeError, match=SECOND) as caught:
        y.backward()
    assert "Specify retain_graph=True" in str(caught.value)


def test_grad_releases_too() -> None:
    x = leaf(2.0)
    y = x * x
    pb.autograd.grad(y, x)
    with pytest.raises(RuntimeError, match=SECOND):
        pb.autograd.grad(y, x)


def test_a_shared_part_is_released_once() -> None:
    x = leaf(2.0)
    shared = x * x
    (shared * 2).backward()
    with pytest.raises(RuntimeError, match=SECOND):
        (shared * 3).backward()


# --- lifetimes ---


def test_a_result_does_not_hold_itself() -> None:
    x = leaf(2.0)
    y = x.exp()
    gone = weakref.ref(y)
    del y
    assert gone() is None


def test_the_graph_keeps_what_it_needs() -> None:
    x = leaf(2.0)
    y = (x * 3).exp()
    del x
    ((mul, _),) = y.grad_fn.next_functions
    variable = mul.next_functions[0][0].variable
    y.backward()
    assert variable.grad is not None
    assert variable.tolist() == [2.0]
    assert mul.name() == "MulBackward0"


def test_grad_is_the_same_object() -> None:
    x = leaf(2.0)
    (x * x).backward()
    assert x.grad is x.grad
