"""Layers and losses under the names that torch itself has beside ``nn.functional``.

Their parameters are those of torch's schemas: flags of backends are there and change nothing, a
reduction is 0 (none, the default), 1 (mean) or 2 (sum). Start reading at ``layer_norm``.
"""

from __future__ import annotations

from typing import Any

from pullback import Tensor, _arguments, _core
from pullback.nn import functional
from pullback.nn._parts.random import _leaked
from pullback.nn._parts.recurrent import STEPS

_REDUCTIONS = ("none", "mean", "sum")
_MODES = ("bilinear", "nearest", "bicubic")
_PADDINGS = ("zeros", "border", "reflection")


def _named(function: str, name: str, value: object, names: tuple[str, ...]) -> str:
    """What a number stands for."""
    _arguments.whole(function, **{name: value})
    if not isinstance(value, int) or not 0 <= value < len(names):
        raise ValueError(
            f"{function}: {value} is not a valid value for {name}: expected a number below "
            f"{len(names)}, which stands for one of {', '.join(names)}."
        )
    return names[value]


@_core._overridable
def adaptive_max_pool1d(input: Tensor, output_size: Any) -> tuple[Tensor, Tensor]:
    """``nn.functional.adaptive_max_pool1d`` with the positions."""
    found: tuple[Tensor, Tensor] = functional.adaptive_max_pool1d(
        input, output_size, return_indices=True
    )
    return found


@_core._overridable
def max_pool1d_with_indices(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
) -> tuple[Tensor, Tensor]:
    """``nn.functional.max_pool1d`` with the positions."""
    found: tuple[Tensor, Tensor] = functional.max_pool1d(
        input, kernel_size, stride or None, padding, dilation, ceil_mode, return_indices=True
    )
    return found


@_core._overridable
def affine_grid_generator(theta: Tensor, size: Any, align_corners: bool) -> Tensor:
    """``nn.functional.affine_grid``."""
    return functional.affine_grid(theta, size, align_corners)


@_core._overridable
def alpha_dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """``nn.functional.alpha_dropout`` with all arguments given."""
    return functional.alpha_dropout(input, p, train)


@_core._overridable
def alpha_dropout_(input: Tensor, p: float, train: bool) -> Tensor:
    """The same in place."""
    return functional.alpha_dropout(input, p, train, inplace=True)


@_core._overridable
def feature_alpha_dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """``nn.functional.feature_alpha_dropout`` with all arguments given."""
    return functional.feature_alpha_dropout(input, p, train)


@_core._overridable
def feature_alpha_dropout_(input: Tensor, p: float, train: bool) -> Tensor:
    """The same in place."""
    return functional.feature_alpha_dropout(input, p, train, inplace=True)


@_core._overridable
def batch_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool,
) -> Tensor:
    """``nn.functional.batch_norm``."""
    _arguments.bools("batch_norm", cudnn_enabled=cudnn_enabled)
    return functional.batch_norm(
        input, running_mean, running_var, weight, bias, training, momentum, eps
    )


@_core._overridable
def instance_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    use_input_stats: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool,
) -> Tensor:
    """``nn.functional.instance_norm``."""
    _arguments.bools("instance_norm", cudnn_enabled=cudnn_enabled)
    return functional.instance_norm(
        input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps
    )


@_core._overridable
def layer_norm(
    input: Tensor,
    normalized_shape: Any,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enable: bool = True,
) -> Tensor:
    """``nn.functional.layer_norm``."""
    _arguments.bools("layer_norm", cudnn_enable=cudnn_enable)
    return functional.layer_norm(input, normalized_shape, weight, bias, eps)


@_core._overridable
def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enabled: bool = True,
) -> Tensor:
    """``nn.functional.group_norm``."""
    _arguments.bools("group_norm", cudnn_enabled=cudnn_enabled)
    return functional.group_norm(input, num_groups, weight, bias, eps)


@_core._overridable
def rms_norm(
    input: Tensor, normalized_shape: Any, weight: Tensor | None = None, eps: float | None = None
) -> Tensor:
    """``nn.functional.rms_norm``."""
    return functional.rms_norm(input, normalized_shape, weight, eps)


@_core._overridable
def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    pos_weight: Tensor | None = None,
    reduction: int = 0,
) -> Tensor:
    """``nn.functional.binary_cross_entropy_with_logits``."""
    kind = _named("binary_cross_entropy_with_logits", "reduction", reduction, _REDUCTIONS)
    return functional.binary_cross_entropy_with_logits(
        input, target, weight, reduction=kind, pos_weight=pos_weight
    )


@_core._overridable
def cosine_embedding_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, reduction: int = 0
) -> Tensor:
    """``nn.functional.cosine_embedding_loss``."""
    kind = _named("cosine_embedding_loss", "reduction", reduction, _REDUCTIONS)
    return functional.cosine_embedding_loss(input1, input2, target, margin, reduction=kind)


@_core._overridable
def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: int = 1,
    zero_infinity: bool = False,
) -> Tensor:
    """``nn.functional.ctc_loss``."""
    kind = _named("ctc_loss", "reduction", reduction, _REDUCTIONS)
    return functional.ctc_loss(
        log_probs, targets, input_lengths, target_lengths, blank, kind, zero_infinity
    )


@_core._overridable
def hinge_embedding_loss(
    input: Tensor, target: Tensor, margin: float = 1.0, reduction: int = 0
) -> Tensor:
    """``nn.functional.hinge_embedding_loss``."""
    kind = _named("hinge_embedding_loss", "reduction", reduction, _REDUCTIONS)
    return functional.hinge_embedding_loss(input, target, margin, reduction=kind)


@_core._overridable
def kl_div(
    input: Tensor, target: Tensor, reduction: int = 0, *, log_target: bool = False
) -> Tensor:
    """``nn.functional.kl_div``, without its warning."""
    kind = _named("kl_div", "reduction", reduction, _REDUCTIONS)
    loss = functional.kl_div(input, target, reduction="none", log_target=log_target)
    return loss if kind == "none" else loss.mean() if kind == "mean" else loss.sum()


@_core._overridable
def margin_ranking_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, reduction: int = 0
) -> Tensor:
    """``nn.functional.margin_ranking_loss``."""
    kind = _named("margin_ranking_loss", "reduction", reduction, _REDUCTIONS)
    return functional.margin_ranking_loss(input1, input2, target, margin, reduction=kind)


@_core._overridable
def poisson_nll_loss(
    input: Tensor, target: Tensor, log_input: bool, full: bool, eps: float, reduction: int
) -> Tensor:
    """``nn.functional.poisson_nll_loss``."""
    kind = _named("poisson_nll_loss", "reduction", reduction, _REDUCTIONS)
    return functional.poisson_nll_loss(input, target, log_input, full, eps=eps, reduction=kind)


@_core._overridable
def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: int = 0,
) -> Tensor:
    """``nn.functional.triplet_margin_loss``."""
    kind = _named("triplet_margin_loss", "reduction", reduction, _REDUCTIONS)
    return functional.triplet_margin_loss(
        anchor, positive, negative, margin, p, eps, swap, reduction=kind
    )


@_core._overridable
def grid_sampler(
    input: Tensor, grid: Tensor, interpolation_mode: int, padding_mode: int, align_corners: bool
) -> Tensor:
    """``nn.functional.grid_sample``, its modes as numbers in the order of its documentation."""
    mode = _named("grid_sampler", "interpolation_mode", interpolation_mode, _MODES)
    padding = _named("grid_sampler", "padding_mode", padding_mode, _PADDINGS)
    return functional.grid_sample(input, grid, mode, padding, align_corners)


@_core._overridable
def rrelu(
    input: Tensor,
    lower: float = 0.125,
    upper: float = 1 / 3,
    training: bool = False,
    generator: _core.Generator | None = None,
) -> Tensor:
    """``nn.functional.rrelu``, with a generator."""
    return _leaked(input, lower, upper, training, False, generator)


@_core._overridable
def rrelu_(
    input: Tensor,
    lower: float = 0.125,
    upper: float = 1 / 3,
    training: bool = False,
    generator: _core.Generator | None = None,
) -> Tensor:
    """The same in place."""
    return _leaked(input, lower, upper, training, True, generator)


@_core._overridable
def constant_pad_nd(input: Tensor, pad: Any, value: float = 0) -> Tensor:
    """``nn.functional.pad`` by a constant."""
    return functional.pad(input, pad, "constant", value)


@_core._overridable
def convolution(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Any,
    padding: Any,
    dilation: Any,
    transposed: bool,
    output_padding: Any,
    groups: int,
) -> Tensor:
    """A convolution of one to three dimensions, as the weight has them, or a transposed one.

    Raises:
        RuntimeError: the weight has another number of dimensions, or `output_padding` another
            length, or negative numbers.
    """
    _arguments.tensors("convolution", input=input, weight=weight)
    _arguments.maybe(_arguments.tensors, "convolution", bias=bias)
    _arguments.bools("convolution", transposed=transposed)
    _arguments.whole("convolution", groups=groups)
    lists = {
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
        "output_padding": output_padding,
    }
    for name, each in lists.items():
        if not isinstance(each, (tuple, list)):
            _arguments.refuse("convolution", name, "tuple of ints", each)
    _arguments.sizes("convolution", **lists)
    dims = weight.ndim - 2
    if not 1 <= dims <= 3:
        raise RuntimeError(
            f"convolution: the weight has another number of dimensions: got {weight.ndim}, "
            "expected 3 to 5."
        )
    if len(output_padding) not in (1, dims) or min(output_padding) < 0:
        raise RuntimeError(
            f"convolution: got output_padding={list(output_padding)}, expected one number or "
            f"{dims}, none of them negative."
        )
    function: Any
    if transposed:
        function = getattr(functional, f"conv_transpose{dims}d")
        result: Tensor = function(
            input, weight, bias, stride, padding, output_padding, groups, dilation
        )
    else:
        function = getattr(functional, f"conv{dims}d")
        result = function(input, weight, bias, stride, padding, dilation, groups)
    return result


def _step(
    mode: str, input: Tensor, state: tuple[Tensor, ...], w_ih: Tensor, w_hh: Tensor, *biases: Any
) -> tuple[Tensor, ...]:
    """One step of a cell."""
    rows, size = input.shape[:-1], w_hh.shape[-1]
    for each in state:
        if each.shape != (*rows, size):
            raise RuntimeError(
                f"hidden has inconsistent hidden_size: got {tuple(each.shape)}, expected "
                f"{(*rows, size)}"
            )
    return STEPS[mode](functional.linear(input, w_ih, biases[0]), state, (w_ih, w_hh, *biases))


@_core._overridable
def rnn_tanh_cell(
    input: Tensor,
    hx: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> Tensor:
    """One step of ``nn.RNNCell``."""
    return _step("RNN_TANH", input, (hx,), w_ih, w_hh, b_ih, b_hh)[0]


@_core._overridable
def rnn_relu_cell(
    input: Tensor,
    hx: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> Tensor:
    """One step of ``nn.RNNCell`` with ``relu``."""
    return _step("RNN_RELU", input, (hx,), w_ih, w_hh, b_ih, b_hh)[0]


@_core._overridable
def gru_cell(
    input: Tensor,
    hx: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> Tensor:
    """One step of ``nn.GRUCell``."""
    return _step("GRU", input, (hx,), w_ih, w_hh, b_ih, b_hh)[0]


@_core._overridable
def lstm_cell(
    input: Tensor,
    hx: Any,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """One step of ``nn.LSTMCell``: the new state and the new cell."""
    if not isinstance(hx, (tuple, list)):
        _arguments.refuse("lstm_cell", "hx", "tuple of Tensors", hx)
    if len(hx) != 2:
        raise RuntimeError(f"lstm_cell expects two hidden states: got {len(hx)}")
    state, cell = _step("LSTM", input, tuple(hx), w_ih, w_hh, b_ih, b_hh)
    return state, cell


channel_shuffle = functional.channel_shuffle
pixel_shuffle = functional.pixel_shuffle
pixel_unshuffle = functional.pixel_unshuffle
pdist = functional.pdist
grid_sampler_2d = grid_sampler
grid_sampler_3d = grid_sampler
