"""Recurrent layers, each one operator: orders, modes, batches and threads."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

import pullback as pb
from pullback import Tensor
from same_bits import assert_same_bits

KINDS: dict[str, dict[str, Any]] = {
    "LSTM": {},
    "GRU": {},
    "RNN": {},
    "relu": {"nonlinearity": "relu"},
}


def made(*shape: int) -> Tensor:
    return pb.randn(*shape, dtype=pb.float64)


def network(kind: str = "LSTM", **settings: Any) -> tuple[Any, Tensor]:
    pb.manual_seed(0)
    name = "RNN" if kind == "relu" else kind
    layer = getattr(pb.nn, name)(3, 4, dtype=pb.float64, **KINDS[kind], **settings)
    return layer, made(5, 2, 3)


@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_is_one_node_for_all_steps(kind: str) -> None:
    layer, x = network(kind)
    node = layer(x)[0].grad_fn
    names = []
    while node is not None and node.next_functions:
        names.append(node.name())
        node = node.next_functions[0][0]
    name = {"LSTM": "LstmBackward0", "GRU": "GruBackward0"}.get(kind, "RnnBackward0")
    assert names.count(name) == 1
    assert len(names) < 8


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_cells_give_what_the_layer_gives(kind: str, bias: bool) -> None:
    layer, x = network(kind, bias=bias)
    name = "RNNCell" if kind == "relu" else f"{kind}Cell"
    cell = getattr(pb.nn, name)(3, 4, bias, dtype=pb.float64, **KINDS[kind])
    with pb.no_grad():
        for mine, other in zip(cell.parameters(), layer.parameters(), strict=True):
            mine.copy_(other)
    state, outputs = None, []
    for each in x:
        state = cell(each, state)
        outputs.append(state[0] if kind == "LSTM" else state)
    expected = pb.stack(outputs)
    pb.testing.assert_close(layer(x)[0], expected)
    ours = pb.autograd.grad((layer(x)[0] ** 2).sum(), list(layer.parameters()))
    theirs = pb.autograd.grad((expected**2).sum(), list(cell.parameters()))
    for a, b in zip(ours, theirs, strict=True):
        pb.testing.assert_close(a, b)


def step_by_hand(
    kind: str, of_input: Tensor, of_state: Tensor, state: list[Tensor]
) -> list[Tensor]:
    """The next states, of what comes from the input and from the state."""
    if kind == "LSTM":
        i, f, g, o = (of_input + of_state).chunk(4, -1)
        c = f.sigmoid() * state[1] + i.sigmoid() * g.tanh()
        return [o.sigmoid() * c.tanh(), c]
    if kind == "GRU":
        parts = list(zip(of_input.chunk(3, -1), of_state.chunk(3, -1), strict=True))
        reset, update = ((a + b).sigmoid() for a, b in parts[:2])
        new = (parts[2][0] + reset * parts[2][1]).tanh()
        return [(1 - update) * new + update * state[0]]
    summed = of_input + of_state
    return [summed.relu() if kind == "relu" else summed.tanh()]


def by_hand(kind: str, p: dict[str, Tensor], x: Tensor) -> tuple[Tensor, list[Tensor]]:
    """The states of all steps, and the last ones."""
    linear = pb.nn.functional.linear
    state = [x[0].new_zeros(*x.shape[1:-1], 4) for _ in range(2 if kind == "LSTM" else 1)]
    outputs = []
    for each in x:
        of_input = linear(each, p["weight_ih_l0"], p["bias_ih_l0"])
        of_state = linear(state[0], p["weight_hh_l0"], p["bias_hh_l0"])
        state = step_by_hand(kind, of_input, of_state, state)
        outputs.append(state[0])
    return pb.stack(outputs), state


def outputs_of(kind: str, layer: Any, hand: bool) -> Any:
    """What the layer gives as a function of its input and parameters, or the same step by step."""
    names = [name for name, _ in layer.named_parameters()]

    def run(x: Tensor, *parameters: Tensor) -> Tensor:
        given = dict(zip(names, parameters, strict=True))
        if hand:
            out, state = by_hand(kind, given, x)
        else:
            out, last = pb.func.functional_call(layer, given, (x,))
            state = list(last) if kind == "LSTM" else [last]
        return pb.cat([each.reshape(-1) for each in (out, *state)])

    return run


@pytest.mark.parametrize("kind", KINDS)
def test_three_orders(kind: str) -> None:
    layer, x = network(kind)
    arguments = (x.requires_grad_(), *layer.parameters())
    found = []
    for hand in (False, True):
        outputs, kept = [outputs_of(kind, layer, hand)(*arguments)], []
        for _ in range(3):
            total = sum((each**2).sum() for each in outputs)
            outputs = list(pb.autograd.grad(total, arguments, create_graph=True))
            kept += outputs
        found.append(kept)
    for ours, expected in zip(*found, strict=True):
        pb.testing.assert_close(ours, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_forward_mode_of_values_and_gradients(kind: str) -> None:
    layer, x = network(kind)
    arguments = (x, *(p.detach() for p in layer.parameters()))
    tangents = tuple(made(*each.shape) for each in arguments)
    found = []
    for hand in (False, True):
        run = outputs_of(kind, layer, hand)
        gradient = pb.func.grad(lambda *a, run=run: (run(*a) ** 3).sum(), tuple(range(5)))
        found.append(
            [*pb.func.jvp(run, arguments, tangents), *pb.func.jvp(gradient, arguments, tangents)[1]]
        )
    for ours, expected in zip(*found, strict=True):
        pb.testing.assert_close(ours, expected)


@pytest.mark.parametrize("kind", KINDS)
def test_tangents_of_one_argument_alone(kind: str) -> None:
    layer, x = network(kind)
    arguments = [x, *(p.detach() for p in layer.parameters())]
    for place, moved in enumerate(arguments):
        found = []
        for hand in (False, True):
            run = outputs_of(kind, layer, hand)

            def one(t: Tensor, place: int = place, run: Any = run) -> Any:
                return run(*arguments[:place], t, *arguments[place + 1 :])

            found.append(pb.func.jvp(one, (moved,), (moved.cos(),))[1])
        pb.testing.assert_close(*found)


PACKED = ([5, 3, 2], [4, 4, 1])


@pytest.mark.parametrize("lengths", PACKED)
@pytest.mark.parametrize("kind", KINDS)
def test_packed_sequences_of_both_directions_three_times(kind: str, lengths: list[int]) -> None:
    layer, _ = network(kind, bidirectional=True)
    x = made(max(lengths), 3, 3).requires_grad_()
    pack = pb.nn.utils.rnn.pack_padded_sequence(x, lengths)

    def packed() -> list[Tensor]:
        out, last = layer(pack)
        return [pb.nn.utils.rnn.pad_packed_sequence(out)[0], *(last if kind == "LSTM" else [last])]

    def alone() -> list[Tensor]:
        outputs, ends = [], []
        for k, n in enumerate(lengths):
            out, last = layer(x[:n, k : k + 1])
            outputs.append(pb.nn.functional.pad(out, (0, 0, 0, 0, 0, max(lengths) - n)))
            ends.append(last if kind == "LSTM" else (last,))
        return [pb.cat(outputs, 1), *(pb.cat(part, 1) for part in zip(*ends, strict=True))]

    arguments = (x, *layer.parameters())
    found = []
    for run in (packed, alone):
        outputs = run()
        kept = list(outputs)
        for _ in range(2):
            total = sum((each**3).sum() for each in outputs)
            outputs = list(pb.autograd.grad(total, arguments, create_graph=True))
            kept += outputs
        found.append(kept)
    for ours, expected in zip(*found, strict=True):
        pb.testing.assert_close(ours, expected, rtol=1e-9, atol=1e-9)


def test_relu_of_nan_is_nan_in_its_own_sequence_only() -> None:
    layer, x = network("relu")
    x[0, 0, 0] = float("nan")
    out = layer(x)[0]
    assert out[0, 0].isnan().all()
    assert not out[:, 1].isnan().any()


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        *((kind, {"bidirectional": both}) for kind in KINDS for both in (False, True)),
        ("LSTM", {"proj_size": 2}),
    ],
)
def test_gradients_per_example(kind: str, settings: dict[str, Any]) -> None:
    layer, x = network(kind, **settings)
    parameters = dict(layer.named_parameters())

    def loss(parameters: dict[str, Tensor], x: Tensor) -> Tensor:
        out: Tensor = pb.func.functional_call(layer, parameters, (x.unsqueeze(1),))[0]
        return (out**2).sum()

    found = pb.vmap(pb.func.grad(loss), in_dims=(None, 1))(parameters, x)
    for name, gradient in found.items():
        for example in range(2):
            expected = pb.func.grad(loss)(parameters, x[:, example])[name]
            pb.testing.assert_close(gradient[example], expected)


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_nested_transforms_of_a_layer_and_of_one_written_with_chunks(kind: str, depth: int) -> None:
    layer, x = network(kind)
    p = {name: value.detach() for name, value in layer.named_parameters()}
    transforms: dict[str, Any] = {
        "grad": lambda f: pb.func.grad(lambda s: f(s).sum()),
        "jvp": lambda f: lambda s: pb.func.jvp(f, (s,), (s.cos(),))[1],
        "vmap": lambda f: lambda s: pb.func.vmap(f)(pb.stack([s, s * 0.9])),
    }
    for nest in itertools.product(transforms, repeat=depth):
        values = []
        for run in (
            lambda q, x: by_hand(kind, q, x)[0],
            lambda q, x: pb.func.functional_call(layer, q, (x,))[0],
        ):

            def f(s: Tensor, run: Any = run) -> Any:
                return run({k: v * s for k, v in p.items()}, x * s).square().mean()

            for name in reversed(nest):
                f = transforms[name](f)
            values.append(f(pb.tensor(0.8, dtype=pb.float64)))
        pb.testing.assert_close(values[0], values[1])


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_the_same_bits_on_any_number_of_threads(kind: str) -> None:
    pb.manual_seed(0)
    layer = getattr(pb.nn, kind)(8, 37)
    x = pb.randn(9, 70, 8)

    def run() -> list[pb.Tensor]:
        out = layer(x)[0]
        return [out, *pb.autograd.grad((out**2).sum(), list(layer.parameters()))]

    assert_same_bits(run)
