"""Layers as PyTorch's modules call them, and methods as functions, beside torch."""

from __future__ import annotations

import pytest

from parity_both import same

pytest.importorskip("torch")
HEAD = """
T = torch.tensor
def r(*shape, step=1.7):
    count = 1
    for size in shape: count *= size
    return (torch.arange(float(count)) * step).sin().reshape(shape)
def weights(gates, layers=1, directions=1, bias=True, proj=0, size=3, hidden=4):
    found = []
    for layer in range(layers):
        wide = size if layer == 0 else (proj or hidden) * directions
        for _ in range(directions):
            found += [r(gates * hidden, wide, step=0.9), r(gates * hidden, proj or hidden, step=0.7)]
            if bias: found += [r(gates * hidden, step=0.3), r(gates * hidden, step=0.2)]
            if proj: found += [r(proj, hidden, step=1.1)]
    return found
x, h, c = r(5, 2, 3), r(1, 2, 4), r(1, 2, 4, step=0.4)
seed = torch.manual_seed
"""
LINES = """
torch.lstm(x, [h, c], weights(4), True, 1, 0.0, False, False, False)
torch.lstm(x, (h, c), weights(4, bias=False), False, 1, 0.0, False, False, False)
torch.lstm(x, (r(4, 2, 4), r(4, 2, 4)), weights(4, 2, 2), True, 2, 0.0, True, True, False)
torch.lstm(x.transpose(0, 1), (h, c), weights(4), True, 1, 0.0, False, False, True)
torch.lstm(x, (r(1, 2, 2), c), weights(4, proj=2), True, 1, 0.0, False, False, False)
torch.lstm(r(5, 3), T([2, 2, 1]), (h, c), weights(4), True, 1, 0.0, False, False)
torch.lstm(data=r(5, 3), batch_sizes=T([2, 2, 1]), hx=(h, c), params=weights(4), has_biases=True, num_layers=1, dropout=0.0, train=False, bidirectional=False)
(seed(3), torch.lstm(x, (r(2, 2, 4), r(2, 2, 4)), weights(4, 2), True, 2, 0.5, True, False, False))[1]
torch.lstm(x, [h], weights(4), True, 1, 0.0, False, False, False)
torch.gru(x, h, weights(3), True, 1, 0.0, False, False, False)
torch.gru(r(5, 3), T([2, 2, 1]), h, weights(3), True, 1, 0.0, False, False)
torch.rnn_tanh(x, h, weights(1), True, 1, 0.0, False, False, False)
torch.rnn_relu(x, r(2, 2, 4), weights(1, 1, 2), True, 1, 0.0, False, True, False)
(w := x.clone().requires_grad_(), torch.gru(w, h, weights(3), True, 1, 0.0, False, False, False)[0].square().sum().backward(), w.grad)[2]
torch.conv_tbc(r(5, 2, 3), r(2, 3, 4), r(4), 1)
torch.native_channel_shuffle(r(1, 6, 2), 3)
(seed(3), torch.feature_dropout(r(3, 4, 2), 0.5, True))[1]
(seed(3), torch.feature_dropout(r(3, 4), 0.3, True), torch.feature_dropout(r(3, 4), 0.0, True), torch.rand(2))[1:]
torch.feature_dropout(r(3, 4), 1.0, True), torch.feature_dropout(r(3, 4), 0.5, False)
torch.feature_dropout(r(3), 0.5, True)
torch.feature_dropout(r(3, 4), 1.5, True)
(seed(3), y := r(3, 4, 2), torch.feature_dropout_(y, 0.5, True) is y, y)[2:]
(seed(3), torch.native_dropout(r(20), 0.3, True), torch.native_dropout(r(9), 0.5, None), torch.rand(2))[1:]
torch.native_dropout(r(5), 0.3, False), torch.native_dropout(r(5), 1.0, True)
torch.native_layer_norm(r(2, 3, 4), (3, 4), r(3, 4), None, 1e-5)
torch.native_layer_norm(r(2, 3, 4), [4], None, r(4), 1e-2)
torch.native_group_norm(r(2, 6, 4), r(6), None, 2, 6, 4, 3, 1e-5)
torch.native_batch_norm(r(4, 3), r(3), None, None, None, True, 0.1, 1e-5)
(m := torch.zeros(3), v := torch.ones(3), torch.native_batch_norm(r(4, 3, 2), None, r(3), m, v, True, 0.1, 1e-5), m, v)[2:]
torch.native_batch_norm(r(4, 3, 2), None, None, torch.zeros(3), torch.ones(3), False, 0.1, 1e-5)
(w := r(2, 4).requires_grad_(), torch.native_layer_norm(w, (4,), None, None, 1e-5)[0].square().sum().backward(), w.grad * 0)[2]
torch.as_strided_(r(6), (2,), (3,), 1), torch.zero_(r(2)), torch.get_device(r(2))
(y := r(6), torch.resize_as_(y, r(2, 3)) is y, y.shape)[1:]
(w := r(3), torch.detach_copy(w), torch.detach_copy(w).data_ptr() == w.data_ptr())[1:]
torch.detach_copy(r(3), out=torch.empty(3))
torch.frobenius_norm(r(3, 4), 1), torch.frobenius_norm(r(3, 4), (0, 1), True), torch.frobenius_norm(r(3, 4), ())
torch.frobenius_norm(r(3, 4, 2), (0, 1, 2))
torch.nuclear_norm(r(3, 4)), torch.nuclear_norm(r(2, 3, 4), (0, 2), True), torch.nuclear_norm(r(3, 4), True)
torch.zero_(3)
""".strip().split("\n")


@pytest.mark.parametrize("line", LINES)
def test_a_line(line: str) -> None:
    same(HEAD + line, tolerance=(1e-5, 1e-6))
