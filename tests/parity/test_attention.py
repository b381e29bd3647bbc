"""Attention in blocks and recurrent layers as one operator, beside PyTorch.

Sizes here are beyond one block of the kernels; the small ones are in the samples of the table.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb

torch = pytest.importorskip("torch")
# PyTorch warns of anomalies of its own.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

Made = Callable[..., Any]


def makers() -> tuple[Made, Made]:
    """The same numbers for both libraries."""
    draws = np.random.default_rng(0), np.random.default_rng(0)

    def maker(lib: Any, draw: Any) -> Made:
        def make(*shape: int, dtype: str = "float64") -> Any:
            values = draw.standard_normal(shape)
            return lib.tensor(values.astype(dtype), requires_grad=True)

        return make

    return maker(pb, draws[0]), maker(torch, draws[1])


def close(ours: Any, theirs: Any, bound: float = 1e-9) -> None:
    a, b = np.asarray(ours.detach()), theirs.detach().numpy()
    assert a.shape == b.shape
    np.testing.assert_allclose(a, b, bound, bound)


def check(call: Callable[[Any, Made], tuple[Any, list[Any]]], bound: float = 1e-9) -> None:
    """Values and gradients; ``call`` gives a result and what it is differentiated by."""
    mine, other = makers()
    ours, by = call(pb, mine)
    theirs, by_theirs = call(torch, other)
    close(ours, theirs, bound)
    seed = (
        np.random.default_rng(1)
        .standard_normal(tuple(ours.shape))
        .astype(ours.detach().numpy().dtype)
    )
    found = pb.autograd.grad(ours, by, pb.tensor(seed))
    expected = torch.autograd.grad(theirs, by_theirs, torch.tensor(seed))
    for a, b in zip(found, expected, strict=True):
        close(a, b, bound)


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_what_its_one_node_reads_is_not_written(place: int) -> None:
    """The result or an input: PyTorch refuses here, as it does not where it has several nodes."""
    for lib, make in zip((pb, torch), makers(), strict=True):
        inputs = [make(2, 2, 3, 4) * 1 for _ in range(3)]
        out = lib.nn.functional.scaled_dot_product_attention(*inputs)
        (out, *inputs)[place].mul_(2)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            out.sum().backward()


CASES: dict[str, Callable[[Any, Made], tuple[Any, list[Any]]]] = {}


def case(function: Callable[[Any, Made], tuple[Any, list[Any]]]) -> None:
    CASES[function.__name__] = function


@case
def several_blocks(t: Any, x: Made) -> tuple[Any, list[Any]]:
    q, k, v = x(2, 300, 12), x(2, 1100, 12), x(2, 1100, 7)
    return t.nn.functional.scaled_dot_product_attention(q, k, v), [q, k, v]


@case
def causal_blocks(t: Any, x: Made) -> tuple[Any, list[Any]]:
    q, k, v = x(1, 2, 700, 8), x(1, 2, 700, 8), x(1, 2, 700, 8)
    out = t.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True, scale=0.5)
    return out, [q, k, v]


@case
def causal_with_more_targets(t: Any, x: Made) -> tuple[Any, list[Any]]:
    q, k, v = x(700, 8), x(300, 8), x(300, 5)
    return t.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True), [q, k, v]


@case
def causal_with_more_sources(t: Any, x: Made) -> tuple[Any, list[Any]]:
    q, k, v = x(150, 8), x(900, 8), x(900, 5)
    return t.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True), [q, k, v]


@case
def additive_mask(t: Any, x: Made) -> tuple[Any, list[Any]]:
    q, k, v, mask = x(2, 3, 140, 8), x(2, 3, 600, 8), x(2, 3, 600, 8), x(3, 1, 600)
    return t.nn.functional.scaled_dot_product_attention(q, k, v, mask), [q, k, v, mask]


@case
def bool_mask(t: Any, x: Made) -> tuple[Any, list[Any]]:
    q, k, v = x(2, 140, 8), x(2, 600, 8), x(2, 600, 8)
    mask = (x(2, 140, 600) > 0).detach()
    mask[0, 3] = False
    mask[1, :, :550] = False
    return t.nn.functional.scaled_dot_product_attention(q, k, v, mask), [q, k, v]


@case
def transposed_mask(t: Any, x: Made) -> tuple[Any, list[Any]]:
    q, k, v = x(40, 8), x(600, 8), x(600, 8)
    mask = (x(600, 40) > 0).detach().transpose(0, 1)
    return t.nn.functional.scaled_dot_product_attention(q, k, v, mask), [q, k, v]


@case
def heads_side_by_side(t: Any, x: Made) -> tuple[Any, list[Any]]:
    q, k, v = x(2, 130, 4, 8), x(2, 530, 4, 8), x(2, 530, 4, 8)
    views = [each.transpose(1, 2) for each in (q, k, v)]
    return t.nn.functional.scaled_dot_product_attention(*views), [q, k, v]


@case
def features_far_apart(t: Any, x: Made) -> tuple[Any, list[Any]]:
    q, k, v = x(8, 30), x(8, 40), x(5, 40)
    views = [each.transpose(0, 1) for each in (q, k, v)]
    return t.nn.functional.scaled_dot_product_attention(*views), [q, k, v]


@case
def grouped_heads(t: Any, x: Made) -> tuple[Any, list[Any]]:
    q, k, v = x(2, 6, 30, 8), x(2, 2, 50, 8), x(2, 2, 50, 8)
    mask = (x(2, 1, 30, 50) > 0).detach()
    out = t.nn.functional.scaled_dot_product_attention(q, k, v, mask, enable_gqa=True)
    return out, [q, k, v]


@case
def dropout(t: Any, x: Made) -> tuple[Any, list[Any]]:
    q, k, v = x(2, 3, 150, 8), x(2, 3, 603, 8), x(2, 3, 603, 8)
    t.manual_seed(3)
    out = t.nn.functional.scaled_dot_product_attention(q, k, v, None, 0.3, is_causal=True)
    return out, [q, k, v]


@case
def dropout_of_all(t: Any, x: Made) -> tuple[Any, list[Any]]:
    q, k, v = x(30, 8), x(40, 8), x(40, 8)
    return t.nn.functional.scaled_dot_product_attention(q, k, v, None, 1.0), [q, k, v]


@case
def no_features(t: Any, x: Made) -> tuple[Any, list[Any]]:
    q, k, v = x(3, 0), x(4, 0), x(4, 2)
    return t.nn.functional.scaled_dot_product_attention(q, k, v), [v]


@case
def large_scores(t: Any, x: Made) -> tuple[Any, list[Any]]:
    q, k, v = x(40, 8), x(600, 8), x(600, 8)
    return t.nn.functional.scaled_dot_product_attention(q, k, v, scale=500.0), [q, k, v]


@case
def lstm_of_two_directions(t: Any, x: Made) -> tuple[Any, list[Any]]:
    return recurrent(t, x, 40, bidirectional=True)


@case
def lstm_with_projections(t: Any, x: Made) -> tuple[Any, list[Any]]:
    return recurrent(t, x, 35, proj_size=5, bidirectional=True)


@case
def lstm_of_packed_sequences(t: Any, x: Made) -> tuple[Any, list[Any]]:
    return recurrent(
        t,
        x,
        40,
        lengths=sorted([7, 1, 5, 5, 3] * 8, reverse=True),
        bidirectional=True,
        num_layers=2,
    )


@case
def lstm_of_packed_projections(t: Any, x: Made) -> tuple[Any, list[Any]]:
    return recurrent(t, x, 5, lengths=[7, 1, 5, 5, 3], proj_size=4, bias=False)


def recurrent(
    t: Any, x: Made, batch: int, lengths: list[int] | None = None, **settings: Any
) -> tuple[Any, list[Any]]:
    """All that an LSTM gives, in one vector."""
    layer = t.nn.LSTM(6, 19, dtype=t.float64, **settings)
    with t.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(x(*parameter.shape) * 0.3)
    input = x(7, batch, 6)
    rows = layer.num_layers * (2 if layer.bidirectional else 1)
    state = (x(rows, batch, layer.proj_size or 19), x(rows, batch, 19))
    given = input
    if lengths is not None:
        given = t.nn.utils.rnn.pack_padded_sequence(input, lengths, enforce_sorted=batch > 5)
    output, (hidden, cell) = layer(given, state)
    found = [output if lengths is None else output.data, hidden, cell]
    return t.cat([each.reshape(-1) for each in found]), [input, *state, *layer.parameters()]


@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients(name: str) -> None:
    check(CASES[name])


def test_in_float32() -> None:
    def call(t: Any, x: Made) -> tuple[Any, list[Any]]:
        q, k, v = (x(2, 2, 600, 16, dtype="float32") for _ in range(3))
        return t.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True), [q, k, v]

    check(call, 2e-5)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_in_narrow_types(dtype: str) -> None:
    mine, other = makers()
    ours = [mine(2, 30, 8).detach().to(getattr(pb, dtype)) for _ in range(3)]
    theirs = [other(2, 30, 8).detach().to(getattr(torch, dtype)) for _ in range(3)]
    found = pb.nn.functional.scaled_dot_product_attention(*ours)
    expected = torch.nn.functional.scaled_dot_product_attention(*theirs)
    assert str(found.dtype) == str(expected.dtype)
    close(found.double(), expected.double(), 0.02)


@pytest.mark.parametrize("place", ["query", "key", "value"])
@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_that_are_none(place: str, number: float) -> None:
    at = ("query", "key", "value").index(place)

    def call(t: Any, x: Made) -> Any:
        parts = [x(1, 1, 5, 4).detach() for _ in range(3)]
        parts[at][0, 0, 2, 1] = number
        return t.nn.functional.scaled_dot_product_attention(*parts)

    # Blocks of torch have 0 or NaN, as the width of the processor's vectors has it.
    from torch.nn.attention import SDPBackend, sdpa_kernel

    mine, other = makers()
    with sdpa_kernel(SDPBackend.MATH):
        close(call(pb, mine), call(torch, other))


@pytest.mark.parametrize("shapes", [((0, 3, 4), (0, 5, 4)), ((2, 3), (0, 3)), ((0, 3), (2, 3))])
def test_of_nothing(shapes: tuple[tuple[int, ...], ...]) -> None:
    def call(t: Any, x: Made) -> tuple[Any, list[Any]]:
        q, k, v = x(*shapes[0]), x(*shapes[1]), x(*shapes[1])
        return t.nn.functional.scaled_dot_product_attention(q, k, v), [q, k, v]

    check(call)


REFUSED = {
    "numbers": lambda t, x: t.nn.functional.scaled_dot_product_attention(x(2, 3), 2, x(2, 3)),
    "scale by position": lambda t, x: t.nn.functional.scaled_dot_product_attention(
        x(2, 3), x(2, 3), x(2, 3), None, 0.0, False, 1.0
    ),
    "a mask of integers": lambda t, x: t.nn.functional.scaled_dot_product_attention(
        x(2, 3), x(2, 3), x(2, 3), t.ones(2, 2, dtype=t.int32)
    ),
    "a mask of more dimensions": lambda t, x: t.nn.functional.scaled_dot_product_attention(
        x(2, 3), x(2, 3), x(2, 3), t.ones(4, 2, 2, dtype=t.bool)
    ),
    "a mask that does not fit": lambda t, x: t.nn.functional.scaled_dot_product_attention(
        x(2, 3), x(2, 3), x(2, 3), t.ones(5, 2, dtype=t.bool)
    ),
    "complex numbers": lambda t, x: t.nn.functional.scaled_dot_product_attention(
        *[x(2, 3).to(t.complex128)] * 3
    ),
    "heads that do not fit": lambda t, x: t.nn.functional.scaled_dot_product_attention(
        x(4, 3, 2), x(3, 3, 2), x(3, 3, 2), enable_gqa=True
    ),
    "masks for the heads of the keys": lambda t, x: t.nn.functional.scaled_dot_product_attention(
        x(4, 3, 2), x(2, 3, 2), x(2, 3, 2), x(2, 3, 3), enable_gqa=True
    ),
    "heads without being asked": lambda t, x: t.nn.functional.scaled_dot_product_attention(
        x(4, 3, 2), x(2, 3, 2), x(2, 3, 2)
    ),
    "values of other sources": lambda t, x: t.nn.functional.scaled_dot_product_attention(
        x(4, 2), x(3, 2), x(4, 2)
    ),
    "a state of another dtype": lambda t, x: t.nn.LSTM(2, 3, dtype=t.float64)(
        x(4, 1, 2), (t.zeros(1, 1, 3), t.zeros(1, 1, 3))
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(name: str) -> None:
    mine, other = makers()
    with pytest.raises(Exception) as theirs:
        REFUSED[name](torch, other)
    with pytest.raises(Exception) as ours:
        REFUSED[name](pb, mine)
    assert ours.type.__name__ == theirs.type.__name__
