"""What tensors print, as literal text.

Every expected string is what PyTorch 2.13 prints for the same tensor; ``parity/test_printing.py``
makes that comparison over many more tensors where PyTorch is installed.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import pullback as pb

NAN, INF = float("nan"), float("inf")


@pytest.fixture(autouse=True)
def _default_settings() -> Iterator[None]:
    yield
    pb.set_printoptions(profile="default")
    pb.set_default_dtype(pb.float32)


def lines(*parts: str) -> str:
    return "\n".join(parts)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (2.0, "tensor(2.)"),
        (0.1, "tensor(0.1000)"),
        (-0.0, "tensor(-0.)"),
        (1e-5, "tensor(1.0000e-05)"),
        (1e8, "tensor(100000000.)"),
        (3e8, "tensor(3.0000e+08)"),
        (NAN, "tensor(nan)"),
        (-INF, "tensor(-inf)"),
        (7, "tensor(7)"),
        (True, "tensor(True)"),
        ([0.0, 0.0], "tensor([0., 0.])"),
        ([1.0, NAN], "tensor([1., nan])"),
        ([1.0, -INF, 12.0], "tensor([ 1., -inf, 12.])"),
        ([NAN, INF], "tensor([nan, inf])"),
        ([0.1, 100.5], "tensor([1.0000e-01, 1.0050e+02])"),
        ([0.1, 99.0], "tensor([ 0.1000, 99.0000])"),
        ([100000.0, 1.0], "tensor([1.0000e+05, 1.0000e+00])"),
        ([1.0, -10.0, 0.5], "tensor([  1.0000, -10.0000,   0.5000])"),
        ([1, -20, 300], "tensor([  1, -20, 300])"),
        ([True, False], "tensor([ True, False])"),
        ([], "tensor([])"),
        ([[], []], "tensor([], size=(2, 0))"),
    ],
)
def test_small_tensors(data: object, text: str) -> None:
    assert repr(pb.tensor(data)) == text


def test_nested_brackets_align_under_each_other() -> None:
    assert repr(pb.tensor([[1.0, 2.0], [3.0, 4.5]])) == lines(
        "tensor([[1.0000, 2.0000],", "        [3.0000, 4.5000]])"
    )
    assert repr(pb.arange(8).reshape(2, 2, 2)) == lines(
        "tensor([[[0, 1],",
        "         [2, 3]],",
        "",
        "        [[4, 5],",
        "         [6, 7]]])",
    )


def test_long_rows_wrap() -> None:
    assert repr(pb.arange(30)) == lines(
        "tensor([ 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15, 16, 17,",
        "        18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29])",
    )


def test_large_tensors_show_their_edges() -> None:
    assert repr(pb.arange(1001)) == "tensor([   0,    1,    2,  ...,  998,  999, 1000])"
    assert repr(pb.arange(1200).reshape(2, 600)) == lines(
        "tensor([[   0,    1,    2,  ...,  597,  598,  599],",
        "        [ 600,  601,  602,  ..., 1197, 1198, 1199]])",
    )
    assert repr(pb.zeros(10, 200)) == lines(
        "tensor([[0., 0., 0.,  ..., 0., 0., 0.],",
        "        [0., 0., 0.,  ..., 0., 0., 0.],",
        "        [0., 0., 0.,  ..., 0., 0., 0.],",
        "        ...,",
        "        [0., 0., 0.,  ..., 0., 0., 0.],",
        "        [0., 0., 0.,  ..., 0., 0., 0.],",
        "        [0., 0., 0.,  ..., 0., 0., 0.]])",
    )


def test_only_the_shown_values_choose_the_notation() -> None:
    x = pb.ones(2000)
    x[1000] = 1e-9
    assert repr(x) == "tensor([1., 1., 1.,  ..., 1., 1., 1.])"


def test_dtype_is_shown_unless_the_values_tell_it() -> None:
    def name(dtype: object) -> str:
        return f"dtype={dtype}"

    assert repr(pb.tensor([1.0], dtype=pb.float64)) == f"tensor([1.], {name(pb.float64)})"
    assert repr(pb.tensor([1], dtype=pb.int32)) == f"tensor([1], {name(pb.int32)})"
    assert repr(pb.tensor([1], dtype=pb.uint8)) == f"tensor([1], {name(pb.uint8)})"
    assert repr(pb.tensor([], dtype=pb.int64)) == f"tensor([], {name(pb.int64)})"
    assert repr(pb.zeros(0, 3, dtype=pb.bool)) == f"tensor([], size=(0, 3), {name(pb.bool)})"
    pb.set_default_dtype(pb.float64)
    assert repr(pb.tensor([1.0])) == "tensor([1.])"
    assert repr(pb.tensor([1.0], dtype=pb.float32)) == f"tensor([1.], {name(pb.float32)})"


def test_gradient_facts_come_last() -> None:
    x = pb.tensor([1.0, 2.0], requires_grad=True)
    assert repr(x) == "tensor([1., 2.], requires_grad=True)"
    assert repr(x * 3.0) == "tensor([3., 6.], grad_fn=<MulBackward0>)"
    assert repr(x.detach()) == "tensor([1., 2.])"
    y = pb.ones(2, 0, dtype=pb.float64, requires_grad=True)
    assert repr(y) == f"tensor([], size=(2, 0), dtype={pb.float64}, requires_grad=True)"


def test_a_suffix_that_does_not_fit_goes_to_the_next_line() -> None:
    x = pb.arange(18.0, requires_grad=True)
    assert repr(x * 1.0) == lines(
        "tensor([ 0.,  1.,  2.,  3.,  4.,  5.,  6.,  7.,  8.,  9., 10., 11., 12., 13.,",
        "        14., 15., 16., 17.], grad_fn=<MulBackward0>)",
    )
    assert repr(x[:14] * 1.0) == lines(
        "tensor([ 0.,  1.,  2.,  3.,  4.,  5.,  6.,  7.,  8.,  9., 10., 11., 12., 13.],",
        "       grad_fn=<MulBackward0>)",
    )


def test_printing_records_nothing_and_changes_nothing() -> None:
    x = pb.ones(3, requires_grad=True)
    before = x._version
    repr(x)
    assert (x.grad, x.grad_fn, x._version) == (None, None, before)


def test_settings() -> None:
    x = pb.tensor([1.12345, 2.0])
    pb.set_printoptions(precision=2)
    assert repr(x) == "tensor([1.12, 2.00])"
    pb.set_printoptions(precision=4, sci_mode=True)
    assert repr(x) == "tensor([1.1235e+00, 2.0000e+00])"
    pb.set_printoptions(sci_mode=False)
    assert repr(pb.tensor([1e-6, 1.0])) == "tensor([0.0000, 1.0000])"
    pb.set_printoptions(threshold=4, edgeitems=1)
    assert repr(pb.arange(5)) == "tensor([0,  ..., 4])"
    pb.set_printoptions(edgeitems=0)
    assert repr(pb.arange(5)) == "tensor([...], size=(5,))"
    pb.set_printoptions(profile="default", linewidth=20)
    assert repr(pb.arange(8)) == lines("tensor([0, 1, 2, 3,", "        4, 5, 6, 7])")
    pb.set_printoptions(profile="full")
    assert "..." not in repr(pb.zeros(1001))
    pb.set_printoptions(profile="short")
    assert repr(pb.zeros(1001)) == "tensor([0., 0.,  ..., 0., 0.])"


def test_settings_for_a_block() -> None:
    with pb.printoptions(precision=1):
        assert repr(pb.tensor(0.25)) == "tensor(0.2)"
    assert repr(pb.tensor(0.25)) == "tensor(0.2500)"


def test_unknown_profile_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown profile: got 'tiny'"):
        pb.set_printoptions(profile="tiny")
