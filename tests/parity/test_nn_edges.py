"""Odd arguments of functions of ``nn`` beside torch: the same values, or the same kind of error."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

import pullback as pb

torch = pytest.importorskip("torch")

HUGE = 2**62


def wave(t: Any, *shape: int) -> Any:
    count = 1
    for size in shape:
        count *= size
    return (t.arange(float(count)) * 1.7).sin().reshape(shape)


def ctc(t: Any, targets: Any, steps: Any, lengths: Any) -> Any:
    scores = wave(t, 5, 2, 4).requires_grad_()
    losses = t.nn.functional.ctc_loss(
        scores.log_softmax(-1), t.tensor(targets), steps, lengths, reduction="none"
    )
    losses[losses.isfinite()].sum().backward()
    return losses.detach(), scores.grad


def unpooled(t: Any, *arguments: Any) -> Any:
    index = t.tensor([[[[0, 3], [9, 14]]]])
    return t.nn.functional.max_unpool2d(wave(t, 1, 1, 2, 2), index, *arguments)


def heads(t: Any, **given: Any) -> Any:
    settings = {"in_proj_weight": wave(t, 12, 4), "bias_k": None, "bias_v": None} | given
    return t.nn.functional.multi_head_attention_forward(
        wave(t, 3, 2, 4),
        wave(t, 5, 2, 4),
        wave(t, 5, 2, 4),
        4,
        2,
        in_proj_bias=None,
        add_zero_attn=False,
        dropout_p=0.0,
        out_proj_weight=wave(t, 4, 4),
        out_proj_bias=None,
        **settings,
    )[0]


def sampled(t: Any, mode: str, padding: str, dims: int) -> Any:
    numbers = [float(each) for each in ("nan", "inf", "-inf", "0.3", "1.7")]
    places = t.tensor([[number, 0.2, 0.1][:dims] for number in numbers])
    grid = places.reshape([1] * dims + [len(numbers), dims]).requires_grad_()
    x = wave(t, 1, 2, *[3] * dims).requires_grad_()
    made = t.nn.functional.grid_sample(x, grid, mode, padding, True)
    # In a volume PyTorch's backward pass has NaN in other places than its forward pass; in an image
    # it ends the process where a place is not finite and the padding is not of zeros.
    if dims == 3 or (mode != "nearest" and padding != "zeros"):
        return made.detach()
    return made.detach(), *t.autograd.grad(made.sum(), (x, grid))


CASES: dict[str, Callable[[Any], Any]] = {
    "a convolution of nothing": lambda t: t.conv1d(wave(t, 2, 3, 0), wave(t, 4, 3, 2), padding=1),
    "of no channels": lambda t: t.conv1d(wave(t, 2, 0, 4), wave(t, 0, 0, 2)),
    "of no images": lambda t: t.conv2d(wave(t, 0, 3, 4, 4), wave(t, 2, 3, 2, 2)),
    "a transposed convolution of nothing": lambda t: t.conv_transpose1d(
        wave(t, 2, 3, 0), wave(t, 3, 4, 2)
    ),
    "of no height": lambda t: t.conv_transpose2d(wave(t, 2, 3, 0, 4), wave(t, 3, 4, 2, 2)),
    "to nothing": lambda t: t.conv_transpose1d(wave(t, 2, 3, 1), wave(t, 3, 4, 2), padding=1),
    "to less than nothing": lambda t: t.conv_transpose1d(
        wave(t, 2, 3, 1), wave(t, 3, 4, 1), padding=1
    ),
    "LSTM with three states": lambda t: t.nn.LSTM(2, 3)(wave(t, 4, 1, 2), (wave(t, 1, 1, 3),) * 3),
    **{
        f"sampled, {mode}, {padding}, {dims}": lambda t, given=(mode, padding, dims): sampled(
            t, *given
        )
        for mode in ("nearest", "bilinear")
        for padding in ("zeros", "border", "reflection")
        for dims in (2, 3)
    },
    "lp_pool with stride 0": lambda t: t.nn.functional.lp_pool1d(wave(t, 1, 2, 6), 2, 2, 0),
    "lp_pool with one size": lambda t: t.nn.functional.lp_pool2d(wave(t, 1, 4, 4), 2, (2,)),
    "lp_pool": lambda t: t.nn.functional.lp_pool2d(wave(t, 1, 4, 4), 3, (2, 3), 2, True),
    "unpool": lambda t: unpooled(t, 2, 2, 0, [1, 1, 4, 5]),
    "unpool to one size": lambda t: unpooled(t, 2, 2, 0, [4]),
    "unpool to three sizes": lambda t: unpooled(t, 2, 2, 0, [9, 4, 4]),
    "unpool to less than nothing": lambda t: unpooled(t, 2, 2, 5),
    "unpool of nothing": lambda t: t.nn.functional.max_unpool2d(
        t.zeros(0, 1, 2, 2), t.zeros(0, 1, 2, 2, dtype=t.int64), 2
    ),
    "ctc with padded targets": lambda t: ctc(t, [[1, 2], [3, -1]], (5, 4), (2, 1)),
    "ctc with foreign padding": lambda t: ctc(t, [[1, 2], [3, 99]], (5, 4), (2, 1)),
    "ctc without steps": lambda t: ctc(t, [[1, 2], [3, 1]], (5, 0), (2, 0)),
    "ctc of a target without steps": lambda t: ctc(t, [[1, 2], [3, 1]], (5, 0), (2, 1)),
    "ctc with negative steps": lambda t: ctc(t, [[1, 2], [3, 1]], (-5, 4), (2, 1)),
    "ctc with a negative length": lambda t: ctc(t, [[1, 2], [3, 1]], (5, 4), (-1, 1)),
    "interpolate by 0": lambda t: t.nn.functional.interpolate(wave(t, 1, 1, 4), scale_factor=0),
    "interpolate by infinity": lambda t: t.nn.functional.interpolate(
        wave(t, 1, 1, 4), scale_factor=float("inf")
    ),
    "padding beyond all numbers": lambda t: t.conv1d(
        wave(t, 1, 1, 4), wave(t, 1, 1, 2), None, 1, 2**63 - 1
    ),
    "attention drops with 2": lambda t: t.nn.functional.scaled_dot_product_attention(
        wave(t, 2, 2), wave(t, 2, 2), wave(t, 2, 2), None, 2.0
    ),
    "heads": heads,
    "heads with a narrow mask": lambda t: heads(t, attn_mask=t.zeros(1, 5)),
    "heads with one mask of three": lambda t: heads(t, attn_mask=t.zeros(1, 3, 5)),
    "heads with masks": lambda t: heads(t, attn_mask=wave(t, 4, 3, 5)),
    "heads with half of a bias": lambda t: heads(t, bias_k=wave(t, 1, 1, 4)),
    "heads with the other half": lambda t: heads(t, bias_v=wave(t, 1, 1, 4)),
    "heads without a weight": lambda t: heads(t, in_proj_weight=None),
    "heads without separate weights": lambda t: heads(t, use_separate_proj_weight=True),
    "LSTMCell with one state": lambda t: t.nn.LSTMCell(2, 3)(wave(t, 1, 2), (wave(t, 1, 3),)),
    "an LSTM with input of another dtype": lambda t: t.nn.LSTM(2, 3)(wave(t, 4, 1, 2).double()),
    "packed input of another dtype": lambda t: t.nn.GRU(2, 3)(
        t.nn.utils.rnn.pack_sequence([wave(t, 4, 2).double()])
    ),
    **{
        f"labels {labels}": lambda t, labels=labels: t.nn.functional.multilabel_margin_loss(
            wave(t, 4), t.tensor(labels)
        )
        for labels in ([0, 1, -1, 7], [0, -2, -1, 2], [0, 3, -1, 2], [0, 3, -1, 0], [-1, 3, 3, 3])
    },
    "GRU with a number as bias": lambda t: t.nn.GRU(2, 3, bias=3),
}


def outcome(t: Any, case: Callable[[Any], Any]) -> Any:
    try:
        found = case(t)
    except Exception as error:  # noqa: BLE001 - whatever torch raises is compared
        return type(error).__name__
    return [x.tolist() for x in (found if isinstance(found, tuple) else (found,))]


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", CASES)
def test_the_same_comes_of_it(name: str) -> None:
    ours, theirs = outcome(pb, CASES[name]), outcome(torch, CASES[name])
    if isinstance(theirs, str) or isinstance(ours, str):
        assert ours == theirs
        return
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(
            torch.tensor(a), torch.tensor(b), atol=1e-5, rtol=1.3e-6, equal_nan=True
        )


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
@pytest.mark.parametrize("p", [0.5, 0.3, 1.0])
def test_dropout_of_narrow_numbers(name: str, p: float) -> None:
    def drawn(t: Any) -> list[Any]:
        t.manual_seed(3)
        x = wave(t, 7, 5).to(getattr(t, name)).requires_grad_()
        made = t.nn.functional.dropout(x.mT, p)
        (slope,) = t.autograd.grad(made.float().sum(), x)
        state = t.nn.LSTM(2, 3, 2, dropout=p).to(x.dtype)(wave(t, 4, 1, 2).to(x.dtype))[0]
        layer = t.nn.TransformerEncoderLayer(4, 2, 8, p).to(x.dtype)
        numbers = made, slope, state, layer(wave(t, 3, 2, 4).to(x.dtype))
        return [each.detach().float().tolist() for each in numbers]

    ours, theirs = drawn(pb), drawn(torch)
    assert ours[:2] == theirs[:2]
    unit = torch.finfo(getattr(torch, name)).eps / 4  # of a number from 1/4 to 1/2
    for a, b in zip(ours[2:], theirs[2:], strict=True):
        # The sums of the layers are rounded at other places.
        torch.testing.assert_close(torch.tensor(a), torch.tensor(b), atol=unit, rtol=0)


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize(
    "text",
    [
        *("Hardswish(True)", "Hardsigmoid(True)", "Hardtanh(min_value=-2.0, max_value=3.0)"),
        *("Hardtanh(1, 1)", "Hardtanh(2.0, max_value=1.0)", "Hardtanh(float('nan'), 1)"),
        "ParameterDict({'a': t.ones(2), 'b': t.ones(2, 1).double(), 'c': 3})",
        "ParameterList([t.ones(2), t.ones(2, 1).double()])",
        "RMSNorm(2)(x=t.ones(3, 2))",
        "AdaptiveLogSoftmaxWithLoss(4, 6, [3])(input_=t.ones(1, 4), target_=t.tensor([1]))[1] * 0",
    ],
)
def test_what_a_module_looks_like(text: str) -> None:
    def shown(t: Any) -> str:
        try:
            return str(eval(f"t.nn.{text}", {"t": t}))
        except AssertionError as error:
            return f"{type(error).__name__}: {error}"

    assert shown(pb).split(", grad_fn")[0] == shown(torch).split(", grad_fn")[0]


def test_windows_beyond_all_sizes_are_refused() -> None:
    """The reach of a window is a product, which must not wrap around."""
    x, weight = pb.ones(1, 1, 4), pb.ones(1, 1, 3)
    with pytest.raises(RuntimeError, match="dilation must be at most 2147483647"):
        pb.max_pool1d(x, 3, 1, 0, HUGE)
    with pytest.raises(RuntimeError, match="kernel_size must be at most 2147483647"):
        pb.avg_pool1d(x, HUGE)
    with pytest.raises(RuntimeError, match="dilation must be at most 2147483647"):
        pb.conv1d(x, weight, dilation=HUGE)
    with pytest.raises(RuntimeError, match="stride must be at most 2147483647"):
        pb.conv_transpose1d(x, weight, stride=HUGE)


@pytest.mark.parametrize("given", [{"padding_idx": 1}, {"scale_grad_by_freq": True}, {}], ids=str)
def test_tables_of_examples_have_the_gradient_of_a_loop(given: dict[str, Any]) -> None:
    index = pb.tensor([[[0, 1, 1], [1, 2, 2]], [[3, 1, 0], [1, 1, 1]]])
    factors = wave(pb, 2, 2, 3, 3)

    def rows(table: Any, numbers: Any) -> Any:
        return pb.nn.functional.embedding(numbers, table, **given)

    tables = wave(pb, 2, 2, 4, 3).requires_grad_()
    out = pb.vmap(pb.vmap(rows))(tables, index)
    (batched,) = pb.autograd.grad(out, tables, factors)
    loop = [pb.stack([rows(tables[a, b], index[a, b]) for b in range(2)]) for a in range(2)]
    (expected,) = pb.autograd.grad(pb.stack(loop), tables, factors)
    pb.testing.assert_close(batched, expected)


def test_the_gradient_of_a_length_of_nothing() -> None:
    x, w = pb.ones(2, 3, 1, requires_grad=True), pb.ones(3, 4, 2, requires_grad=True)
    made = pb.conv_transpose1d(x, w, padding=1)
    assert made.shape == (2, 4, 0)
    for found, operand in zip(pb.autograd.grad(made.sum(), (x, w)), (x, w), strict=True):
        assert found.tolist() == pb.zeros_like(operand).tolist()


def test_an_lstm_says_how_many_states_it_needs() -> None:
    for state in ((), (pb.ones(1, 1, 3),)):  # PyTorch: IndexError of its own code
        with pytest.raises(RuntimeError, match=f"expects two hidden states: got {len(state)}"):
            pb.nn.LSTM(2, 3)(pb.ones(4, 1, 2), state)


def test_values_of_nearest_places_do_not_change_with_a_gradient() -> None:
    """Also the sign of a zero stays."""
    x = pb.tensor([-0.0, 1.0, -0.0, 2.0]).reshape(1, 1, 2, 2)
    places = pb.tensor([[-1.0, -1.0], [1.0, 1.0], [float("nan"), float("-inf")]])
    grid = places.reshape(1, 1, 3, 2)
    plain = pb.nn.functional.grid_sample(x, grid, "nearest", "border", True)
    followed = pb.nn.functional.grid_sample(x, grid.requires_grad_(), "nearest", "border", True)
    assert repr(plain.tolist()) == repr(followed.tolist())
    followed.sum().backward()
    assert grid.grad.tolist() == pb.zeros_like(grid).tolist()


CONSTANT_GRADIENTS: dict[str, Callable[[Any, Any], Any]] = {
    "max_pool2d": lambda t, x: t.nn.functional.max_pool2d(x, 2),
    "adaptive_max_pool2d": lambda t, x: t.nn.functional.adaptive_max_pool2d(x, 2),
    "avg_pool2d": lambda t, x: t.nn.functional.avg_pool2d(x, 2),
    "adaptive_avg_pool2d": lambda t, x: t.nn.functional.adaptive_avg_pool2d(x, 2),
    "to one element": lambda t, x: t.nn.functional.adaptive_avg_pool2d(x, 1),
    "reflect": lambda t, x: t.nn.functional.pad(x, (1, 2, 1, 0), "reflect"),
    "replicate": lambda t, x: t.nn.functional.pad(x, (1, 2, 1, 0), "replicate"),
}


@pytest.mark.parametrize("name", CONSTANT_GRADIENTS)
def test_a_constant_gradient_stays_part_of_the_graph(name: str) -> None:
    def found(t: Any) -> Any:
        def function(x: Any) -> Any:
            return (CONSTANT_GRADIENTS[name](t, x) * 2).sum()

        x = wave(t, 1, 2, 4, 4).requires_grad_()
        (first,) = t.autograd.grad(function(x), x, create_graph=True)
        node = first.grad_fn.name() if first.grad_fn else None
        if first.requires_grad:
            first.sum().backward()
        twice = t.func.grad(lambda v: t.func.grad(function)(v).sum())
        rows = t.func.vmap(t.func.grad(function))(wave(t, 3, 1, 2, 4, 4))
        return node, x.grad, first.detach(), twice(x.detach()), rows

    ours, theirs = found(pb), found(torch)
    assert ours[0] == theirs[0]
    for a, b in zip(ours[1:], theirs[1:], strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            torch.testing.assert_close(torch.tensor(a.tolist()), b)


def test_a_constant_gradient_has_no_tangent() -> None:
    x, t = wave(pb, 1, 1, 4, 4), pb.ones(1, 1, 4, 4)
    for function in CONSTANT_GRADIENTS.values():
        slope = pb.func.grad(lambda v, function=function: function(pb, v).sum())
        assert pb.func.jvp(slope, (x,), (t,))[1].tolist() == pb.zeros_like(x).tolist()


TYPES = ("float32", "float64", "bfloat16", "int64", "complex64")
NORMS: dict[str, Callable[..., Any]] = {
    "weight": lambda f, x, w: f.batch_norm(x, None, None, w, None, True),
    "bias": lambda f, x, w: f.batch_norm(x, None, None, None, w, True),
    "running": lambda f, x, w: f.batch_norm(x, w.clone(), w.clone(), None, None, True),
    "fixed": lambda f, x, w: f.batch_norm(x, w.clone(), w.clone(), None, None, False),
    "a weight of the input's type": lambda f, x, w: f.batch_norm(x, w, w, w.to(x.dtype), None),
    "instances": lambda f, x, w: f.instance_norm(x, None, None, w, w),
    "groups": lambda f, x, w: f.group_norm(x, 1, w, w),
    "layers": lambda f, x, w: f.layer_norm(x, (2,), w, w),
}


@pytest.mark.parametrize("form", NORMS)
@pytest.mark.filterwarnings("ignore:Casting complex")
def test_types_of_the_parameters_of_norms(form: str) -> None:
    def found(t: Any, of_input: str, of_weight: str) -> Any:
        x = wave(t, 4, 2, 2).to(getattr(t, of_input))
        try:
            return str(NORMS[form](t.nn.functional, x, t.ones(2).to(getattr(t, of_weight))).dtype)
        except (RuntimeError, NotImplementedError) as error:
            return type(error).__name__

    for types in itertools.product(TYPES, repeat=2):
        assert found(pb, *types) == found(torch, *types), types
