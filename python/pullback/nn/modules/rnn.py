"""Recurrent networks: ``RNN``, ``LSTM`` and ``GRU`` of any number of layers, and their cells.

``RNNBase`` has parameters, checks and the walk over layers and directions; what a step does is in
``nn/_parts/recurrent.py``. Parameters start uniform in ``+-1 / sqrt(hidden_size)``.
"""

from __future__ import annotations

import math
import numbers
from typing import Any

import pullback as pb
from pullback import Tensor, _core
from pullback.nn import functional as F
from pullback.nn import init
from pullback.nn._parts.recurrent import STEPS, State, Weights, run_layer
from pullback.nn.modules.module import Module
from pullback.nn.parameter import Parameter
from pullback.nn.utils.rnn import PackedSequence

__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "RNNBase", "RNNCell", "RNNCellBase"]

_GATES = {"RNN_TANH": 1, "RNN_RELU": 1, "LSTM": 4, "GRU": 3}


def _reordered(state: State, order: Tensor | None) -> State:
    return state if order is None else tuple(part.index_select(1, order) for part in state)


class RNNBase(Module):
    """What all recurrent networks share; ``mode`` is "RNN_TANH", "RNN_RELU", "LSTM" or "GRU"."""

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout) if _is_share(dropout) else dropout
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self._check_settings(dropout)
        self._names: list[list[str]] = []
        size = _GATES[mode] * hidden_size
        state_size = proj_size if proj_size > 0 else hidden_size
        directions = 2 if bidirectional else 1
        for layer in range(num_layers):
            features = input_size if layer == 0 else state_size * directions
            for direction in range(directions):
                shapes: dict[str, tuple[int, ...]] = {
                    "weight_ih": (size, features),
                    "weight_hh": (size, state_size),
                }
                if bias:
                    shapes |= {"bias_ih": (size,), "bias_hh": (size,)}
                if proj_size > 0:
                    shapes["weight_hr"] = (proj_size, hidden_size)
                suffix = f"_l{layer}" + ("_reverse" if direction else "")
                for name, shape in shapes.items():
                    made = pb.empty(shape, device=device, dtype=dtype)
                    self.register_parameter(name + suffix, Parameter(made))
                self._names.append([name + suffix for name in shapes])
        self.reset_parameters()

    def _check_settings(self, dropout: Any) -> None:
        if not isinstance(self.bias, bool):
            raise TypeError(f"bias should be of type bool, got: {type(self.bias).__name__}")
        if self.mode not in _GATES:
            raise ValueError(f"Unrecognized RNN mode: {self.mode}")
        if not _is_share(dropout):
            raise ValueError(
                "dropout should be a number in range [0, 1] representing the probability of an "
                f"element being zeroed: got {dropout!r}"
            )
        if dropout > 0 and self.num_layers == 1:
            _core._warn(
                "dropout option adds dropout after all but last recurrent layer, so non-zero "
                f"dropout expects num_layers greater than 1, but got dropout={dropout} and "
                f"num_layers={self.num_layers}"
            )
        for name in ("hidden_size", "num_layers"):
            value = getattr(self, name)
            if name == "hidden_size" and not isinstance(value, int):
                raise TypeError(f"hidden_size should be of type int, got: {type(value).__name__}")
            if value <= 0:
                raise ValueError(f"{name} must be greater than zero: got {value}")
        if self.proj_size < 0:
            raise ValueError(
                "proj_size should be a positive integer or zero to disable projections: "
                f"got {self.proj_size}"
            )
        if self.proj_size >= self.hidden_size:
            raise ValueError(
                f"proj_size has to be smaller than hidden_size: got {self.proj_size} and "
                f"{self.hidden_size}"
            )

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The parameters of each layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._names]

    # PyTorch's names of the same, which programs read, and set to weights of their own.

    @property
    def _all_weights(self) -> list[list[str]]:
        return self._names

    @property
    def _flat_weights_names(self) -> list[str]:
        return [name for names in self._names for name in names]

    @property
    def _flat_weights(self) -> list[Tensor]:
        return [getattr(self, name) for name in self._flat_weights_names]

    @_flat_weights.setter
    def _flat_weights(self, weights: list[Tensor]) -> None:
        for name, weight in zip(self._flat_weights_names, weights, strict=True):
            if getattr(self, name, None) is not weight:
                # In front of the parameter of the name, which stays one.
                self.__dict__[name] = weight

    def flatten_parameters(self) -> None:
        """Does nothing: it lays parameters out for another device."""

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def _weights(self, number: int) -> Weights:
        """Of one layer and direction: input, state, two biases, and a projection perhaps."""
        names = self._names[number]
        found = {name.rpartition("_l")[0]: getattr(self, name) for name in names}
        order = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")
        return [found.get(name) for name in order]

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}"
        if self.proj_size != 0:
            text += f", proj_size={self.proj_size}"
        if self.num_layers != 1:
            text += f", num_layers={self.num_layers}"
        if self.bias is not True:
            text += f", bias={self.bias}"
        if self.batch_first is not False:
            text += f", batch_first={self.batch_first}"
        if self.dropout != 0:
            text += f", dropout={self.dropout}"
        if self.bidirectional is not False:
            text += f", bidirectional={self.bidirectional}"
        return text

    # --- running ---

    def _state_sizes(self) -> list[int]:
        """Of each part of the state."""
        hidden = self.proj_size if self.proj_size > 0 else self.hidden_size
        return [hidden, self.hidden_size] if self.mode == "LSTM" else [hidden]

    def _check_state(self, state: State, batch: int) -> None:
        rows = self.num_layers * (2 if self.bidirectional else 1)
        for name, part, size in zip(("hidden", "cell"), state, self._state_sizes(), strict=False):
            expected = (rows, batch, size)
            if tuple(part.shape) != expected:
                shown = f"hidden[{('hidden', 'cell').index(name)}]" if len(state) > 1 else "hidden"
                raise RuntimeError(
                    f"Expected {shown} size {expected}, got {list(part.shape)}"
                    f" in {type(self).__name__}"
                )

    def _zeros(self, batch: int, like: Tensor) -> State:
        rows = self.num_layers * (2 if self.bidirectional else 1)
        return tuple(pb.zeros(rows, batch, size, dtype=like.dtype) for size in self._state_sizes())

    def _run(self, input: Tensor, sizes: list[int] | None, state: State) -> tuple[Tensor, State]:
        """All layers; ``input`` is [steps, batch, features] or the data of a packed sequence."""
        directions = 2 if self.bidirectional else 1
        last: list[State] = []
        for layer in range(self.num_layers):
            outputs = []
            for direction in range(directions):
                number = layer * directions + direction
                start = tuple(part[number] for part in state)
                weights = self._weights(number)
                out, end = run_layer(self.mode, input, sizes, start, weights, direction == 1)
                outputs.append(out)
                last.append(end)
            input = outputs[0] if directions == 1 else pb.cat(outputs, -1)
            if self.dropout and self.training and layer + 1 < self.num_layers:
                input = F.dropout(input, self.dropout, True)
        return input, tuple(pb.stack(parts, 0) for parts in zip(*last, strict=True))

    def _check_features(self, input: Tensor) -> None:
        if input.size(-1) != self.input_size:
            raise RuntimeError(
                "input.size(-1) must be equal to input_size. "
                f"Expected {self.input_size}, got {input.size(-1)}"
            )

    def _check_dtype(self, input: Tensor) -> None:
        dtype = getattr(self, self._names[0][0]).dtype
        if input.dtype != dtype:
            raise ValueError(
                f"RNN input dtype ({input.dtype}) does not match weight dtype ({dtype}). Convert "
                f"input: input.to({dtype}), or convert model: model.to({input.dtype})"
            )

    def _forward(self, input: Any, hx: State | None) -> tuple[Any, State]:
        if self.mode == "LSTM" and hx is not None and len(hx) != 2:
            raise RuntimeError(f"LSTM: lstm expects two hidden states: got {len(hx)}")
        if isinstance(input, PackedSequence):
            return self._forward_packed(input, hx)
        name = type(self).__name__
        if input.dim() not in (2, 3):
            raise ValueError(f"{name}: Expected input to be 2D or 3D, got {input.dim()}D instead")
        self._check_features(input)
        self._check_dtype(input)
        batched = input.dim() == 3
        for part in hx or ():
            if part.dim() != input.dim():
                kind = "batched 3-D" if batched else "unbatched 2-D"
                raise RuntimeError(
                    f"{name}: For {kind} input, hx should also be {input.dim()}-D but got "
                    f"{part.dim()}-D tensor"
                )
        if not batched:
            input = input.unsqueeze(1)
            hx = tuple(part.unsqueeze(1) for part in hx) if hx is not None else None
        elif self.batch_first:
            input = input.transpose(0, 1)
        if input.size(0) == 0:
            raise RuntimeError(f"{name}: Expected sequence length to be larger than 0 in RNN")
        state = self._zeros(input.size(1), input) if hx is None else hx
        self._check_state(state, input.size(1))
        output, state = self._run(input, None, state)
        if not batched:
            return output.squeeze(1), tuple(part.squeeze(1) for part in state)
        return (output.transpose(0, 1) if self.batch_first else output), state

    def _forward_packed(self, input: Any, hx: State | None) -> tuple[Any, State]:
        data, batch_sizes, order, inverse = input
        self._check_features(data)
        self._check_dtype(data)
        sizes = batch_sizes.tolist()
        state = self._zeros(sizes[0], data) if hx is None else _reordered(hx, order)
        self._check_state(state, sizes[0])
        output, state = self._run(data, sizes, state)
        packed = PackedSequence(output, batch_sizes, order, inverse)
        return packed, _reordered(state, inverse)


def _is_share(value: Any) -> bool:
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    return number and 0.0 <= float(value) <= 1.0


class _OneState(RNNBase):
    def forward(self, input: Any, hx: Tensor | None = None) -> tuple[Any, Tensor]:
        """Outputs of all steps, and the last state of each layer and direction.

        Args:
            input: [steps, batch, input_size], [batch, steps, input_size] with ``batch_first``,
                [steps, input_size], or a packed sequence.
            hx: the first states, zeros without it.
        """
        output, (hidden,) = self._forward(input, None if hx is None else (hx,))
        return output, hidden


class RNN(_OneState):
    """``h = nonlinearity(x @ w_ih.T + b_ih + h @ w_hh.T + b_hh)``, step by step.

    Args:
        input_size: features of the input.
        hidden_size: features of the state.
        num_layers: each layer reads the outputs of the one before.
        nonlinearity: "tanh" or "relu".
        bias: whether there are biases.
        batch_first: the batch is dimension 0 of input and output.
        dropout: probability of zeros between layers while training.
        bidirectional: a second direction runs from the last step to the first.
        device: "cpu".
        dtype: of the parameters, by default the default dtype.

    Example:
        >>> import pullback as pb
        >>> output, state = pb.nn.RNN(3, 4)(pb.ones(5, 2, 3))
        >>> output.shape, state.shape
        (torch.Size([5, 2, 4]), torch.Size([1, 2, 4]))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(
                f"Unknown nonlinearity {nonlinearity!r}. Select from 'tanh' or 'relu'."
            )
        super().__init__(
            f"RNN_{nonlinearity.upper()}",
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            0,
            device,
            dtype,
        )
        self.nonlinearity = nonlinearity


class GRU(_OneState):
    """A recurrent network with reset and update gates; arguments as of ``RNN``.

    Example:
        >>> import pullback as pb
        >>> output, state = pb.nn.GRU(3, 4, bidirectional=True)(pb.ones(5, 2, 3))
        >>> output.shape, state.shape
        (torch.Size([5, 2, 8]), torch.Size([2, 2, 4]))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            "GRU",
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            0,
            device,
            dtype,
        )


class LSTM(RNNBase):
    """A recurrent network with a cell that input, forget and output gates guard.

    Arguments are those of ``RNN``; ``proj_size`` is the number of features to which the hidden
    state is projected.

    Example:
        >>> import pullback as pb
        >>> output, (hidden, cell) = pb.nn.LSTM(3, 4, proj_size=2)(pb.ones(5, 2, 3))
        >>> output.shape, hidden.shape, cell.shape
        (torch.Size([5, 2, 2]), torch.Size([1, 2, 2]), torch.Size([1, 2, 4]))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            "LSTM",
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            proj_size,
            device,
            dtype,
        )

    def forward(
        self, input: Any, hx: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Any, tuple[Tensor, Tensor]]:
        """Outputs of all steps, and the last hidden and cell states; see ``RNN``."""
        output, state = self._forward(input, None if hx is None else tuple(hx))
        return output, (state[0], state[1])


class RNNCellBase(Module):
    """What all cells share: ``num_chunks`` gates of ``hidden_size`` features."""

    bias_ih: Parameter | None
    bias_hh: Parameter | None
    mode: str

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool,
        num_chunks: int,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        size = num_chunks * hidden_size
        kind = {"device": device, "dtype": dtype}
        self.weight_ih = Parameter(pb.empty(size, input_size, **kind))
        self.weight_hh = Parameter(pb.empty(size, hidden_size, **kind))
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(name, Parameter(pb.empty(size, **kind)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}"
        if self.bias is not True:
            text += f", bias={self.bias}"
        nonlinearity = self.__dict__.get("nonlinearity", "tanh")
        return text if nonlinearity == "tanh" else f"{text}, nonlinearity={nonlinearity}"

    def _step(self, input: Tensor, state: State | None) -> State:
        name = type(self).__name__
        parts = state or ()
        if self.mode == "LSTM" and state is not None and len(parts) != 2:
            raise RuntimeError(f"{name}: lstm_cell expects two hidden states: got {len(parts)}")
        for what, each in (("input", input), *(("hidden", part) for part in parts)):
            if each.dim() not in (1, 2):
                raise ValueError(
                    f"{name}: Expected {what} to be 1D or 2D, got {each.dim()}D instead"
                )
        if input.size(-1) != self.input_size:
            raise RuntimeError(
                f"{name}: input has inconsistent input_size: got {input.size(-1)} expected "
                f"{self.input_size}"
            )
        batched = input.dim() == 2
        rows = input if batched else input.unsqueeze(0)
        if state is None:
            zeros = pb.zeros(rows.size(0), self.hidden_size, dtype=input.dtype)
            parts = (zeros, zeros) if self.mode == "LSTM" else (zeros,)
        elif not batched:
            parts = tuple(part.unsqueeze(0) for part in parts)
        for part in parts:
            if tuple(part.shape) != (rows.size(0), self.hidden_size):
                raise RuntimeError(
                    f"{name}: hidden has inconsistent hidden_size: got {tuple(part.shape)}, "
                    f"expected {(rows.size(0), self.hidden_size)}"
                )
        weights = [self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh]
        gates = F.linear(rows, self.weight_ih, self.bias_ih)
        made = STEPS[self.mode](gates, parts, weights)
        return made if batched else tuple(part.squeeze(0) for part in made)


class RNNCell(RNNCellBase):
    """One step of ``RNN``: the next hidden state of [batch, features] or [features].

    Example:
        >>> import pullback as pb
        >>> pb.nn.RNNCell(3, 4)(pb.ones(2, 3)).shape
        torch.Size([2, 4])
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    @property
    def mode(self) -> str:  # type: ignore[override]
        """The name of the step."""
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(
                f"Unknown nonlinearity: {self.nonlinearity}, expected 'tanh' or 'relu'"
            )
        return f"RNN_{self.nonlinearity.upper()}"

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        return self._step(input, None if hx is None else (hx,))[0]


class GRUCell(RNNCellBase):
    """One step of ``GRU``."""

    mode = "GRU"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        return self._step(input, None if hx is None else (hx,))[0]


class LSTMCell(RNNCellBase):
    """One step of ``LSTM``: the next hidden and cell states."""

    mode = "LSTM"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(
        self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, Tensor]:
        hidden, cell = self._step(input, None if hx is None else tuple(hx))
        return hidden, cell
