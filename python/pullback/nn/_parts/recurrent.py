"""Recurrent networks: what the modules of ``modules/rnn.py`` run.

``STEPS`` are those of the cells: the next state of the part that depends on the input alone. A
state is a tuple: ``(h,)``, of an LSTM ``(h, c)``. Of a layer the part of all steps that depends on
the input is one product, and all steps are one operator; in a packed sequence the number of
sequences falls from step to step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pullback as pb
from pullback import Tensor, _core
from pullback.nn import _operators

__all__: list[str] = []

State = tuple[Tensor, ...]
Weights = Sequence[Tensor | None]
Step = Callable[[Tensor, State, Weights], State]

_linear: Callable[..., Tensor] = _operators.linear


def tanh_step(gates: Tensor, state: State, weights: Weights) -> State:
    """``tanh`` of what comes from the input and the state."""
    return (pb.tanh(gates + _linear(state[0], weights[1], weights[3])),)


def relu_step(gates: Tensor, state: State, weights: Weights) -> State:
    """``relu`` of what comes from the input and the state."""
    return (pb.relu(gates + _linear(state[0], weights[1], weights[3])),)


def lstm_step(gates: Tensor, state: State, weights: Weights) -> State:
    """Input, forget, cell and output gates; a fifth weight projects the hidden state."""
    hidden, cell = state
    i, f, g, o = (gates + _linear(hidden, weights[1], weights[3])).chunk(4, -1)
    cell = pb.sigmoid(f) * cell + pb.sigmoid(i) * pb.tanh(g)
    hidden = pb.sigmoid(o) * pb.tanh(cell)
    if len(weights) > 4 and weights[4] is not None:
        hidden = _linear(hidden, weights[4])
    return hidden, cell


def gru_step(gates: Tensor, state: State, weights: Weights) -> State:
    """Reset and update gates, and the new state that the reset one gates."""
    (hidden,) = state
    of_state = _linear(hidden, weights[1], weights[3]).chunk(3, -1)
    r, z, n = gates.chunk(3, -1)
    reset = pb.sigmoid(r + of_state[0])
    update = pb.sigmoid(z + of_state[1])
    new = pb.tanh(n + reset * of_state[2])
    return (new + update * (hidden - new),)


STEPS: dict[str, Step] = {
    "RNN_TANH": tanh_step,
    "RNN_RELU": relu_step,
    "LSTM": lstm_step,
    "GRU": gru_step,
}


def _bias_of_input(mode: str, weights: Weights) -> Tensor | None:
    """Both biases meet what comes from the input, but for what the reset gate of a GRU gates."""
    of_input, of_state = weights[2], weights[3]
    if of_input is None or of_state is None:
        return of_input
    if mode != "GRU":
        return of_input + of_state
    hidden = of_state.size(0) // 3
    return of_input + pb.cat([of_state[: 2 * hidden], of_state.new_zeros(hidden)])


def _states(
    mode: str, gates: Tensor, state: State, weights: Weights, counts: tuple[int, ...], back: bool
) -> State:
    """The states after all steps, whose rows follow one another."""
    if mode == "LSTM":
        projection = weights[4] if len(weights) > 4 else None
        hidden, cell = state
        return _core._lstm_steps(gates, hidden, cell, weights[1], projection, counts, back)
    if mode == "GRU":
        bias = weights[3]
        if bias is not None:
            bias = bias[2 * bias.size(0) // 3 :].unsqueeze(0)
        return (_core._gru_steps(gates, state[0], weights[1], bias, counts, back),)
    return (_core._rnn_steps(gates, state[0], weights[1], mode == "RNN_RELU", counts, back),)


def _last_rows(states: Tensor, sizes: list[int]) -> Tensor:
    """The state of each packed sequence after its last step."""
    found = []
    for step, part in reversed(list(enumerate(states.split(sizes)))):
        ending = sizes[step + 1] if step + 1 < len(sizes) else 0
        if ending < sizes[step]:
            found.append(part.narrow(0, ending, sizes[step] - ending))
    return pb.cat(found, 0)


def run_layer(
    mode: str, input: Tensor, sizes: list[int] | None, state: State, weights: Weights, back: bool
) -> tuple[Tensor, State]:
    """One direction of one layer: the hidden states of all steps, and the last state.

    Args:
        mode: a name in ``STEPS``.
        input: [steps, batch, features], or the data of a packed sequence.
        sizes: the numbers of sequences in each step of a packed sequence.
        state: each part [batch, features].
        weights: of the layer, those of the input first.
        back: from the last step to the first.
    """
    gates = _linear(input, weights[0], _bias_of_input(mode, weights))
    if sizes is None:
        steps, batch = input.size(0), input.size(1)
        flat = gates.reshape(steps * batch, gates.size(-1))
        states = _states(mode, flat, state, weights, (batch,) * steps, back)
        last = 0 if back else (steps - 1) * batch
        ends = tuple(part.narrow(0, last, batch) for part in states)
        return states[0].reshape(steps, batch, states[0].size(-1)), ends
    states = _states(mode, gates, state, weights, tuple(sizes), back)
    if back:
        return states[0], tuple(part.narrow(0, 0, sizes[0]) for part in states)
    return states[0], tuple(_last_rows(part, sizes) for part in states)
