"""Recurrent networks: what the modules of ``modules/rnn.py`` run.

``Step`` functions make the next state of the part of all steps that depends on the input alone,
which is computed for all of them at once. A state is a tuple: ``(h,)``, of an LSTM ``(h, c)``.
A layer runs over a list of steps; in a packed sequence the number of sequences falls. Of an LSTM
all steps are one operator, and the step here is that of its cell.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

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


def run_steps(
    step: Step, gates: Sequence[Tensor], state: State, weights: Weights
) -> tuple[list[Tensor], State]:
    """All steps of as many sequences; the hidden states and the last state."""
    outputs = []
    for each in gates:
        state = step(each, state, weights)
        outputs.append(state[0])
    return outputs, state


def run_packed(
    step: Step, gates: Sequence[Tensor], state: State, weights: Weights
) -> tuple[list[Tensor], State]:
    """Of sequences that end one after the other, the last one first."""
    outputs: list[Tensor] = []
    ended: list[State] = []
    for each in gates:
        running = each.size(0)
        if running < state[0].size(0):
            ended.append(tuple(part[running:] for part in state))
            state = tuple(part[:running] for part in state)
        state = step(each, state, weights)
        outputs.append(state[0])
    parts = [state, *reversed(ended)]
    return outputs, tuple(pb.cat(part, 0) for part in zip(*parts, strict=True))


def run_packed_backwards(
    step: Step, gates: Sequence[Tensor], state: State, weights: Weights
) -> tuple[list[Tensor], State]:
    """From the last step on, in which sequences begin one after the other."""
    outputs: list[Tensor] = []
    start = state
    state = tuple(part[: gates[-1].size(0)] for part in start)
    for each in reversed(gates):
        running, before = each.size(0), state[0].size(0)
        if running > before:
            pairs = zip(state, start, strict=True)
            state = tuple(pb.cat([part, first[before:running]], 0) for part, first in pairs)
        state = step(each, state, weights)
        outputs.append(state[0])
    return outputs[::-1], state


def run_lstm(
    input: Tensor, sizes: list[int] | None, state: State, weights: Weights, back: bool
) -> tuple[Tensor, State]:
    """``run_layer`` of an LSTM: both biases meet what comes from the input."""
    bias = weights[2] if weights[2] is None or weights[3] is None else weights[2] + weights[3]
    gates = _linear(input, weights[0], bias)
    hidden, cell = state
    projection = weights[4] if len(weights) > 4 else None
    if sizes is None:
        steps, batch = input.size(0), input.size(1)
        flat = gates.reshape(steps * batch, gates.size(-1))
        counts = (batch,) * steps
        out, cells = _core._lstm_steps(flat, hidden, cell, weights[1], projection, counts, back)
        last = 0 if back else (steps - 1) * batch
        ends = tuple(part.narrow(0, last, batch) for part in (out, cells))
        return out.reshape(steps, batch, out.size(-1)), ends
    out, cells = _core._lstm_steps(gates, hidden, cell, weights[1], projection, tuple(sizes), back)
    if back:
        return out, tuple(part.narrow(0, 0, sizes[0]) for part in (out, cells))
    return out, tuple(_last_rows(part, sizes) for part in (out, cells))


def _last_rows(states: Tensor, sizes: list[int]) -> Tensor:
    """The state of each packed sequence after its last step."""
    found = []
    for step, part in reversed(list(enumerate(states.split(sizes)))):
        ending = sizes[step + 1] if step + 1 < len(sizes) else 0
        if ending < sizes[step]:
            found.append(part.narrow(0, ending, sizes[step] - ending))
    return pb.cat(found, 0)


def run_layer(
    step: Step, input: Tensor, sizes: list[int] | None, state: State, weights: Weights, back: bool
) -> tuple[Tensor, State]:
    """One direction of one layer.

    Args:
        step: what happens in a step.
        input: [steps, batch, features], or the data of a packed sequence.
        sizes: the numbers of sequences in each step of a packed sequence.
        state: each part [batch, features].
        weights: of the layer, those of the input first.
        back: from the last step to the first.
    """
    if step is lstm_step:
        return run_lstm(input, sizes, state, weights, back)
    gates = _linear(input, weights[0], weights[2])
    if sizes is not None:
        run = run_packed_backwards if back else run_packed
        outputs, state = run(step, gates.split(sizes), state, weights)
        return pb.cat(outputs, 0), state
    steps: Any = gates.unbind(0)
    outputs, state = run_steps(step, steps[::-1] if back else steps, state, weights)
    return pb.stack(outputs[::-1] if back else outputs, 0), state
