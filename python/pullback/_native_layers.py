"""Layers as PyTorch's own modules call them: ``lstm``, ``native_layer_norm`` and their kind.

Their parameters are those of torch's schemas. What they give beside the result (statistics, masks)
is made of recorded operators, so it has derivatives, too. Start reading at ``lstm``.
"""

from __future__ import annotations

from typing import Any

import pullback as pb
from pullback import Tensor, _arguments, _core
from pullback.nn import functional
from pullback.nn._parts.random import dropped
from pullback.nn._parts.recurrent import State, run_layer

__all__ = [
    "conv_tbc",
    "feature_dropout",
    "feature_dropout_",
    "gru",
    "lstm",
    "native_batch_norm",
    "native_channel_shuffle",
    "native_dropout",
    "native_group_norm",
    "native_layer_norm",
    "rnn_relu",
    "rnn_tanh",
]


# --- recurrent layers ---


def _chunks(
    name: str, params: Any, biases: bool, layers: int, directions: int, projected: bool
) -> list[list[Tensor | None]]:
    """The weights of each layer and direction."""
    size = 2 + 2 * biases + projected
    if len(params) != layers * directions * size:
        raise RuntimeError(
            f"{name}: got {len(params)} params, expected {size} for each of {layers} layers and "
            f"{directions} directions"
        )
    found: list[list[Tensor | None]] = []
    for start in range(0, len(params), size):
        own: list[Tensor | None] = list(params[start : start + size])
        if not biases:
            own[2:2] = [None, None]
        found.append(own)
    return found


def _run(
    mode: str, name: str, data: Tensor, sizes: list[int] | None, hx: State, *settings: Any
) -> tuple[Tensor, State]:
    """All layers, on [steps, batch, features] or on the rows of a packed sequence."""
    params, has_biases, num_layers, dropout, train, bidirectional = settings
    _arguments.bools(name, has_biases=has_biases, train=train, bidirectional=bidirectional)
    _arguments.whole(name, num_layers=num_layers)
    directions = 2 if bidirectional else 1
    projected = mode == "LSTM" and hx[0].size(-1) != hx[1].size(-1)
    weights = _chunks(name, params, has_biases, num_layers, directions, projected)
    for part in hx:
        if part.size(0) != num_layers * directions:
            raise RuntimeError(
                f"{name}: got states of {part.size(0)} layers and directions, expected "
                f"{num_layers * directions}"
            )
    last: list[State] = []
    for layer in range(num_layers):
        outputs = []
        for number in range(layer * directions, (layer + 1) * directions):
            start = tuple(part[number] for part in hx)
            back = number % directions == 1
            made, end = run_layer(mode, data, sizes, start, weights[number], back)
            outputs.append(made)
            last.append(end)
        data = outputs[0] if directions == 1 else pb.cat(outputs, -1)
        if dropout and train and layer + 1 < num_layers:
            data = functional.dropout(data, dropout, True)
    return data, tuple(pb.stack(parts, 0) for parts in zip(*last, strict=True))


def _layers(mode: str, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    # Of an LSTM the states are no tensor, of the others the params are none.
    place = 1 if name == "lstm" else 2
    packed = "batch_sizes" in kwargs or (len(args) > place and isinstance(args[place], Tensor))
    given = _PACKED if packed else _PADDED
    if len(args) > len(given):
        raise TypeError(f"{name}(): got {len(args)} arguments, expected at most {len(given)}")
    found = dict(zip(given, args, strict=False))
    for key, value in kwargs.items():
        if key not in given or key in found:
            raise TypeError(f"{name}() got an unexpected keyword argument '{key}'")
        found[key] = value
    absent = [key for key in given if key not in found]
    if absent:
        raise TypeError(f"{name}() missing required arguments: {', '.join(map(repr, absent))}")
    hx = found["hx"] if name == "lstm" else (found["hx"],)
    if len(hx) != (2 if name == "lstm" else 1):
        raise RuntimeError(f"lstm expects two hidden states: got {len(hx)}")
    settings = [found[key] for key in _SETTINGS]
    if packed:
        sizes = found["batch_sizes"].tolist()
        out, state = _run(mode, name, found["data"], sizes, tuple(hx), *settings)
        return out, *state
    first = found["batch_first"]
    data = found["input"].transpose(0, 1) if first else found["input"]
    out, state = _run(mode, name, data, None, tuple(hx), *settings)
    return (out.transpose(0, 1) if first else out), *state


_SETTINGS = ("params", "has_biases", "num_layers", "dropout", "train", "bidirectional")
_PADDED = ("input", "hx", *_SETTINGS, "batch_first")
_PACKED = ("data", "batch_sizes", "hx", *_SETTINGS)


@_core._overridable
def lstm(*args: Any, **kwargs: Any) -> tuple[Tensor, Tensor, Tensor]:
    """The layers of ``nn.LSTM``, in one of two forms.

    ``lstm(input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first)``
    or, of a packed sequence,
    ``lstm(data, batch_sizes, hx, params, has_biases, num_layers, dropout, train, bidirectional)``.

    Args:
        args: ``hx`` is a pair [layers * directions, batch, features] of states; ``params`` the
            weights of each layer and direction, as ``nn.LSTM`` has them.
        kwargs: the same by name.

    Returns:
        Outputs of all steps, the last hidden states, the last cell states.

    Raises:
        RuntimeError: there are too few params, or states of another number of layers.

    Example:
        >>> import pullback as pb
        >>> net = pb.nn.LSTM(3, 4)
        >>> x, state, own = pb.ones(5, 2, 3), [pb.zeros(1, 2, 4)] * 2, list(net.parameters())
        >>> out = pb.lstm(x, state, own, True, 1, 0.0, False, False, False)[0]
        >>> bool((out == net(x)[0]).all())
        True
    """
    out: tuple[Tensor, Tensor, Tensor] = _layers("LSTM", "lstm", args, kwargs)
    return out


@_core._overridable
def gru(*args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
    """The layers of ``nn.GRU``; see ``lstm``, with one tensor as ``hx``."""
    out: tuple[Tensor, Tensor] = _layers("GRU", "gru", args, kwargs)
    return out


@_core._overridable
def rnn_tanh(*args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
    """The layers of ``nn.RNN``; see ``lstm``, with one tensor as ``hx``."""
    out: tuple[Tensor, Tensor] = _layers("RNN_TANH", "rnn_tanh", args, kwargs)
    return out


@_core._overridable
def rnn_relu(*args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
    """The layers of ``nn.RNN`` with ``relu``; see ``lstm``, with one tensor as ``hx``."""
    out: tuple[Tensor, Tensor] = _layers("RNN_RELU", "rnn_relu", args, kwargs)
    return out


# --- normalisation ---


def _statistics(x: Tensor, dims: tuple[int, ...], eps: float) -> tuple[Tensor, Tensor]:
    """Means, and one over the deviations."""
    wide = x.float() if x.dtype in (pb.float16, pb.bfloat16) else x
    var, mean = pb.var_mean(wide, dims, correction=0, keepdim=True)
    return mean.to(x.dtype), (var + eps).rsqrt().to(x.dtype)


@_core._overridable
def native_layer_norm(
    input: Tensor, normalized_shape: Any, weight: Tensor | None, bias: Tensor | None, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """``layer_norm``, with the means and one over the deviations."""
    out = functional.layer_norm(input, normalized_shape, weight, bias, eps)
    dims = tuple(range(-len(normalized_shape), 0))
    return out, *_statistics(input, dims, eps)


@_core._overridable
def native_group_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    N: int,
    C: int,
    HxW: int,
    group: int,
    eps: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """``group_norm``, with the means and one over the deviations, [N, group] each.

    Raises:
        RuntimeError: the sizes are not those of the input.
    """
    if input.numel() != N * C * HxW or input.dim() < 2 or input.size(1) != C:
        raise RuntimeError(
            f"native_group_norm: got N={N}, C={C} and HxW={HxW} for an input of "
            f"{tuple(input.shape)}"
        )
    out = functional.group_norm(input, group, weight, bias, eps)
    mean, rstd = _statistics(input.reshape(N, group, -1), (-1,), eps)
    return out, mean.squeeze(-1), rstd.squeeze(-1)


@_core._overridable
def native_batch_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """``batch_norm``; in training with the means and one over the deviations of the batch."""
    out = functional.batch_norm(
        input, running_mean, running_var, weight, bias, training, momentum, eps
    )
    if not training:
        return out, input.new_empty(0), input.new_empty(0)
    dims = tuple(d for d in range(input.dim()) if d != 1)
    mean, rstd = _statistics(input, dims, eps)
    return out, mean.flatten(), rstd.flatten()


# --- the others ---


@_core._overridable
def native_dropout(input: Tensor, p: float, train: bool | None) -> tuple[Tensor, Tensor]:
    """``dropout``, with the mask of what stayed."""
    if input.numel() == 0:
        return input, pb.empty_like(input)
    if train is not None and not train:
        return input.clone(), pb.ones_like(input, dtype=pb.bool)
    kept = 1.0 - p
    mask = pb.empty_like(input, dtype=pb.bool).bernoulli_(kept)
    return input * mask * (1.0 / kept if kept else 0.0), mask


def _of_channels(input: Tensor, p: float, train: bool, inplace: bool) -> Tensor:
    if not 0 <= p <= 1:
        raise RuntimeError(f"dropout probability has to be between 0 and 1, but got {p}")
    return dropped(input, p, train, inplace, channels=True, alpha=False)


@_core._overridable
def feature_dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """Drops whole channels, dimension 1, like ``nn.functional.dropout2d``."""
    return _of_channels(input, p, train, inplace=False)


@_core._overridable
def feature_dropout_(input: Tensor, p: float, train: bool) -> Tensor:
    """Drops whole channels, dimension 1, in place."""
    return _of_channels(input, p, train, inplace=True)


native_channel_shuffle = functional.native_channel_shuffle
conv_tbc = functional.conv_tbc
