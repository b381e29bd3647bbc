"""What ``out=`` writes and what it leaves alone: memory around it, its shape, its dtype."""

from __future__ import annotations

import warnings

import pytest

import pullback as pb


def test_ranges_keep_a_shape_with_as_many_elements() -> None:
    x = pb.zeros(2, 3)
    pb.arange(4, out=x[:, 1:])
    assert x.tolist() == [[0, 0, 1], [0, 2, 3]]
    pb.linspace(0, 3, 4, out=x[:, :2].t())
    assert x.tolist() == [[0, 2, 1], [1, 3, 3]]


def test_a_range_that_does_not_fit_is_resized_with_a_warning() -> None:
    x = pb.zeros(3)
    with pytest.warns(UserWarning, match="The number of elements in the out tensor"):
        pb.arange(4, out=x)
    assert x.tolist() == [0, 1, 2, 3]


def test_factories_take_the_dtype_of_out() -> None:
    x = pb.zeros(2, dtype=pb.int64)
    assert pb.full((2,), 1.0, out=x).tolist() == [1, 1]
    assert pb.ones(2, out=x).tolist() == [1, 1]
    with pytest.raises(RuntimeError, match="does not match dtype of out"):
        pb.ones(2, dtype=pb.float32, out=x)


def test_what_casts_nothing_refuses_another_dtype_before_it_writes() -> None:
    values, places = pb.zeros(2, dtype=pb.float64), pb.zeros(2, dtype=pb.float64)
    with pytest.raises(RuntimeError, match="Expected out tensor to have dtype"):
        pb.max(pb.ones(2, 2, dtype=pb.float64), 0, out=(values, places))
    assert values.tolist() == [0, 0]


def test_ranges_of_integers_cut_their_ends_off() -> None:
    assert pb.arange(3.9, dtype=pb.int64).tolist() == [0, 1, 2]
    assert pb.arange(0.0, 5.0, 1.5, dtype=pb.int64).tolist() == [0, 1, 2, 3, 4]
    assert pb.logspace(0.5, 2.9, 4, dtype=pb.int64).tolist() == [1, 4, 21, 100]
    with pytest.raises(ValueError, match="step must be nonzero"):
        pb.arange(0.0, 1.0, 0.25, dtype=pb.int64)


def test_results_that_could_be_intermediate_ones_are_computed_apart() -> None:
    mask = pb.tensor([1, 0, 2], dtype=pb.uint8)
    flags = pb.tensor([True, False, False])
    out = pb.empty(3, dtype=pb.bool)
    with pytest.warns(UserWarning, match="uint8 condition"):
        pb.where(mask, flags, ~flags, out=out)
    assert out.tolist() == [True, True, False]
    number = pb.empty((), dtype=pb.float64)
    ends = pb.tensor(2.0, dtype=pb.float64), pb.tensor(6.0, dtype=pb.float64)
    assert pb.lerp(*ends, pb.tensor(0.25), out=number).item() == 3
    places = pb.tensor([2, 0], dtype=pb.int32)
    chosen = pb.empty(2, dtype=pb.int64)
    assert pb.gather(pb.tensor([7, 8, 9]), 0, places, out=chosen).tolist() == [9, 7]
    total = pb.empty(3)
    assert pb.cumsum(pb.tensor([1, 2, 3]), 0, out=total).tolist() == [1, 3, 6]
    assert pb.softmax(pb.zeros(3, dtype=pb.float64), 0, pb.float32, out=total).sum().item() == 1
    assert pb.cat([pb.tensor([1]), pb.tensor([0.5, 2])], out=total).tolist() == [1, 0.5, 2]
    with pytest.raises(TypeError, match="input types can't be cast"):
        pb.hstack([pb.tensor([0.5]), pb.tensor([1])], out=pb.empty(2, dtype=pb.int64))
    both = pb.add(flags, ~flags, alpha=False, out=out)
    assert both is out
    assert both.tolist() == flags.tolist()


def test_a_warning_s_code_does_not_write_into_out() -> None:
    seen = []

    def show(*_: object, **__: object) -> None:
        seen.append(pb.tensor([1.0, 2.0, 3.0]).mul(2).tolist())

    out = pb.zeros(3)
    x = pb.tensor([1.0, 1.0, 1.0])
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = show
        pb.where(pb.tensor([1, 0, 1], dtype=pb.uint8), x, -x, out=out)
        pb.std(x[:1], out=pb.zeros(()))
    assert seen == [[2.0, 4.0, 6.0]] * 2
    assert out.tolist() == [1, -1, 1]
