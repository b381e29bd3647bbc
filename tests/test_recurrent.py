"""An LSTM as one operator: orders, modes, batches and threads; the cells are compositions."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

import pullback as pb
from pullback import Tensor


def made(*shape: int) -> Tensor:
    return pb.randn(*shape, dtype=pb.float64)


def lstm(**settings: Any) -> tuple[Any, Tensor]:
    pb.manual_seed(0)
    return pb.nn.LSTM(3, 4, dtype=pb.float64, **settings), made(5, 2, 3)


def test_an_lstm_is_one_node_for_all_steps() -> None:
    layer, x = lstm()
    node = layer(x)[0].grad_fn
    names = []
    while node is not None and node.next_functions:
        names.append(node.name())
        node = node.next_functions[0][0]
    assert names.count("LstmBackward0") == 1
    assert len(names) < 8


def test_cells_give_what_the_layer_gives() -> None:
    layer, x = lstm()
    cell = pb.nn.LSTMCell(3, 4, dtype=pb.float64)
    with pb.no_grad():
        for mine, other in zip(cell.parameters(), layer.parameters(), strict=True):
            mine.copy_(other)
    state, outputs = None, []
    for each in x:
        state = cell(each, state)
        outputs.append(state[0])
    expected = pb.stack(outputs)
    pb.testing.assert_close(layer(x)[0], expected)
    ours = pb.autograd.grad((layer(x)[0] ** 2).sum(), list(layer.parameters()))
    theirs = pb.autograd.grad((expected**2).sum(), list(cell.parameters()))
    for a, b in zip(ours, theirs, strict=True):
        pb.testing.assert_close(a, b)


def outputs_of(layer: Any, cells: bool) -> Any:
    """What the layer gives as a function of its input and parameters, or the same step by step."""
    names = [name for name, _ in layer.named_parameters()]

    def run(x: Tensor, *parameters: Tensor) -> Tensor:
        given = dict(zip(names, parameters, strict=True))
        if not cells:
            out, (h, c) = pb.func.functional_call(layer, given, (x,))
            return pb.cat([out.reshape(-1), h.reshape(-1), c.reshape(-1)])
        h = c = pb.zeros(x.size(1), layer.hidden_size, dtype=x.dtype)
        weights = [given[f"{name}_l0"] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        found = []
        n = layer.hidden_size
        for step in range(len(x)):
            sums = x[step] @ weights[0].T + weights[2] + h @ weights[1].T + weights[3]
            i, f, g, o = (sums[:, k * n : (k + 1) * n] for k in range(4))
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            found.append(h)
        return pb.cat([pb.stack(found).reshape(-1), h.reshape(-1), c.reshape(-1)])

    return run


def test_three_orders() -> None:
    layer, x = lstm()
    arguments = (x.requires_grad_(), *layer.parameters())
    found = []
    for cells in (False, True):
        outputs, kept = [outputs_of(layer, cells)(*arguments)], []
        for _ in range(3):
            total = sum((each**2).sum() for each in outputs)
            outputs = list(pb.autograd.grad(total, arguments, create_graph=True))
            kept += outputs
        found.append(kept)
    for ours, expected in zip(*found, strict=True):
        pb.testing.assert_close(ours, expected, rtol=1e-9, atol=1e-9)


def test_forward_mode_of_values_and_gradients() -> None:
    layer, x = lstm()
    arguments = (x, *(p.detach() for p in layer.parameters()))
    tangents = tuple(made(*each.shape) for each in arguments)
    found = []
    for cells in (False, True):
        run = outputs_of(layer, cells)
        gradient = pb.func.grad(lambda *a, run=run: (run(*a) ** 3).sum(), tuple(range(5)))
        found.append(
            [*pb.func.jvp(run, arguments, tangents), *pb.func.jvp(gradient, arguments, tangents)[1]]
        )
    for ours, expected in zip(*found, strict=True):
        pb.testing.assert_close(ours, expected)


@pytest.mark.parametrize("settings", [{}, {"bidirectional": True}, {"proj_size": 2}])
def test_gradients_of_an_lstm_per_example(settings: dict[str, Any]) -> None:
    layer, x = lstm(**settings)
    parameters = dict(layer.named_parameters())

    def loss(parameters: dict[str, Tensor], x: Tensor) -> Tensor:
        out: Tensor = pb.func.functional_call(layer, parameters, (x.unsqueeze(1),))[0]
        return (out**2).sum()

    found = pb.vmap(pb.func.grad(loss), in_dims=(None, 1))(parameters, x)
    for name, gradient in found.items():
        for example in range(2):
            expected = pb.func.grad(loss)(parameters, x[:, example])[name]
            pb.testing.assert_close(gradient[example], expected)


def by_hand(p: dict[str, Tensor], x: Tensor) -> Tensor:
    h = c = x[0].new_zeros(*x.shape[1:-1], 4)
    outputs = []
    for each in x:
        z = pb.nn.functional.linear(each, p["weight_ih_l0"], p["bias_ih_l0"])
        z = z + pb.nn.functional.linear(h, p["weight_hh_l0"], p["bias_hh_l0"])
        i, f, g, o = z.chunk(4, -1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        outputs.append(h)
    return pb.stack(outputs)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_nested_transforms_of_an_lstm_and_of_one_written_with_chunks(depth: int) -> None:
    layer, x = lstm()
    p = {name: value.detach() for name, value in layer.named_parameters()}
    transforms: dict[str, Any] = {
        "grad": lambda f: pb.func.grad(lambda s: f(s).sum()),
        "jvp": lambda f: lambda s: pb.func.jvp(f, (s,), (s.cos(),))[1],
        "vmap": lambda f: lambda s: pb.func.vmap(f)(pb.stack([s, s * 0.9])),
    }
    for nest in itertools.product(transforms, repeat=depth):
        values = []
        for run in (by_hand, lambda q, x: pb.func.functional_call(layer, q, (x,))[0]):

            def f(s: Tensor, run: Any = run) -> Any:
                return run({k: v * s for k, v in p.items()}, x * s).square().mean()

            for name in reversed(nest):
                f = transforms[name](f)
            values.append(f(pb.tensor(0.8, dtype=pb.float64)))
        pb.testing.assert_close(values[0], values[1])


def test_the_same_bits_of_an_lstm_on_any_number_of_threads() -> None:
    pb.manual_seed(0)
    layer = pb.nn.LSTM(8, 37)
    x = pb.randn(9, 70, 8)
    before = pb.get_num_threads()
    found = []
    try:
        for threads in (1, 2, 3):
            pb.set_num_threads(threads)
            out = layer(x)[0]
            found.append([out, *pb.autograd.grad((out**2).sum(), list(layer.parameters()))])
    finally:
        pb.set_num_threads(before)
    for other in found[1:]:
        assert all(pb.equal(a, b) for a, b in zip(found[0], other, strict=True))
