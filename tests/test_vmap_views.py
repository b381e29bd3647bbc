"""Views inside vmap: what is written through one arrives in the batch, or the view is refused.

Every operator of the table that gives views is called in batches along the first, second and last
dimension, of every sample, and its results are written: as in a loop over the examples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest

import pullback as pb
from batches import examples
from samples import Sample
from table import Case, cases, each, results

VIEW_ERROR = "view size is not compatible"
SEVERAL = "more than one element of the written-to tensor"
# Counts from where the memory begins, which in a loop is another place in each example.
OF_MEMORY = {"as_strided", "as_strided_"}
PAIRS = "Tensor must have a"  # of view_as_complex


def views_of(case: Case, x: Any, rest: list[Any]) -> list[Any]:
    return results(pb, case.call(pb)(x, *rest))


def gives_views(case: Case) -> bool:
    if not case.sample.leaves or not case.sample.leaves[0].floating:
        return False
    x, *rest = case.tensors(pb, grad=False)
    return any(view._base is x and view.numel() for view in views_of(case, x, rest))


VIEWS = [
    case
    for case in cases(without=["factory", "random", "no_batch"], dtypes=("float64",))
    if gives_views(case)
]


def written(x: Any, case: Case, rest: list[Any]) -> Any:
    for k, view in enumerate(views_of(case, x, rest)):
        shows_numbers = view.dtype in (x.dtype, x.dtype.to_real(), x.dtype.to_complex())
        if shows_numbers and view is not x:
            view.detach().copy_(pb.full(view.shape, 100.0 + k, dtype=view.dtype))
    return x.sum()


def batches_of(sample: Sample) -> Iterator[tuple[int, Any, Any]]:
    """Batches of the first leaf along each dimension, twice; also in turned and in wider memory."""
    leaf = sample.leaves[0]
    for dim in range(leaf.array.ndim + 1):
        stacked = np.stack(examples(leaf, 0), axis=dim)
        turned = tuple(range(stacked.ndim))[::-1]
        for make in (
            lambda a=stacked: pb.tensor(a),
            lambda a=stacked, order=turned: pb.tensor(a.T.copy()).permute(order),
            lambda a=stacked: pb.tensor(a.repeat(2, axis=-1))[..., ::2],
        ):
            yield dim, make(), make()


def refusal(call: Callable[[], Any]) -> str:
    try:
        call()
    except RuntimeError as error:
        return str(error)
    return ""


@each(VIEWS)
def test_writes_through_views_arrive_or_are_refused(case: Case) -> None:
    arrived = refused = 0
    rest = [leaf.make(pb, grad=False) for leaf in case.sample.leaves[1:]]
    write = partial(written, case=case, rest=rest)
    for dim, batch, looped in batches_of(case.sample):
        before = batch.clone()
        of_one = refusal(lambda x=looped, d=dim: [write(e) for e in x.unbind(d)])
        of_all = refusal(lambda x=batch, d=dim: pb.vmap(write, d)(x))
        if case.op.name not in OF_MEMORY:
            assert of_one[:30] == of_all[:30]
            assert of_all or batch.tolist() == looped.tolist()
        assert of_all == "" or any(text in of_all for text in (VIEW_ERROR, SEVERAL, PAIRS))
        refused += SEVERAL in of_all
        arrived += not of_all and before.tolist() != batch.tolist()
    assert arrived or refused


def test_view_is_refused_where_it_would_copy() -> None:
    batch = pb.arange(30.0).view(2, 5, 3)
    with pytest.raises(RuntimeError, match=VIEW_ERROR):
        pb.vmap(lambda v: v.view(6), in_dims=1)(batch)
    with pytest.raises(RuntimeError, match=VIEW_ERROR):
        pb.vmap(lambda v: v.view_as(pb.ones(6)), in_dims=1)(batch)
    with pytest.raises(RuntimeError, match=VIEW_ERROR):
        pb.vmap(pb.vmap(lambda v: v.t().view(6)))(pb.ones(2, 2, 2, 3))
    for shape in ((6,), (3, 2), (-1,)):
        copied = pb.vmap(lambda v, shape=shape: v.reshape(shape), in_dims=1)(batch)
        assert pb.equal(copied, batch.transpose(0, 1).reshape(5, *shape))


def test_gradients_pass_reshapes_that_copy() -> None:
    def function(x: Any) -> Any:
        return (pb.vmap(lambda v: v.t().reshape(6) ** 2, in_dims=1)(x)).sum()

    x = pb.arange(30.0).view(2, 5, 3)
    assert pb.equal(pb.func.grad(function)(x), 2 * x)
    assert pb.equal(pb.func.jvp(function, (x,), (pb.ones(2, 5, 3),))[1], (2 * x).sum())
    assert pb.equal(pb.vmap(pb.func.grad(function))(x.unsqueeze(0)), 2 * x.unsqueeze(0))


WRITES: dict[str, Callable[[Any], Any]] = {
    "mul_": lambda a: a.mul_(2),
    "sigmoid_": lambda a: a.sigmoid_(),
    "copy_": lambda a: a.copy_(a + 1),
    "add_ of itself": lambda a: a.add_(a),
    "items": lambda a: a.__setitem__(..., 1.5 * a),
    "cumsum_": lambda a: a.cumsum_(0),
}


@pytest.mark.parametrize("write", WRITES)
def test_examples_that_share_memory_are_not_written(write: str) -> None:
    """What one example writes would change another one, in an order that nobody knows."""
    x = pb.arange(6.0).reshape(2, 3)
    before = x.clone()
    with pytest.raises(RuntimeError, match=SEVERAL):
        pb.vmap(lambda a: WRITES[write](a.as_strided((2,), (1,))), in_dims=1)(x)
    assert x.equal(before)


def test_examples_that_share_memory_are_filled() -> None:
    """With one number the order does not matter."""
    x = pb.arange(6.0).reshape(2, 3)
    pb.vmap(lambda a: a.as_strided((2,), (1,)).fill_(7), in_dims=1)(x)
    assert x.tolist() == [[7, 7, 7], [7, 4, 5]]


@pytest.mark.parametrize(("size", "stride"), [((2,), (3,)), ((1, 1), (9, 9))])
def test_examples_beside_each_other_are_written(
    size: tuple[int, ...], stride: tuple[int, ...]
) -> None:
    x = pb.arange(6.0).reshape(2, 3)
    pb.vmap(lambda a: a.as_strided(size, stride).mul_(-1), in_dims=1)(x)
    count = int(np.prod(size))
    assert x.flatten().tolist() == [-0.0, -1, -2, *([-3, -4, -5] if count > 1 else [3, 4, 5])]
