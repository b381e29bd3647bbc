"""What users write, for the type checker: `mypy --strict` accepts it and knows the results."""

from __future__ import annotations

from typing_extensions import assert_type

import pullback as pb
from pullback import Tensor, nn, optim


class Net(nn.Module):
    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(2, hidden), nn.ReLU(), nn.Linear(hidden, 1))
        self.scale = nn.Parameter(pb.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.body(x)
        return y * self.scale


def fit(net: nn.Module, x: Tensor, y: Tensor, steps: int = 3) -> list[float]:
    optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    criterion = nn.MSELoss()
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss: Tensor = criterion(net(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def polynomial() -> Tensor:
    a = pb.tensor([2.0, 3.0], requires_grad=True)
    b = pb.tensor([6.0, 4.0], requires_grad=True)
    q = 3 * a**3 - b**2
    assert_type(q, Tensor)
    q.backward(gradient=pb.tensor([1.0, 1.0]))
    assert a.grad is not None
    assert_type(a.grad, Tensor)
    assert_type(9 * a**2 == a.grad, Tensor)
    return a.grad


def operators(x: Tensor) -> None:
    assert_type(x * 2, Tensor)
    assert_type(2 - x, Tensor)
    assert_type(-x / x, Tensor)
    assert_type(x @ x.t(), Tensor)
    assert_type(x > 0, Tensor)
    assert_type(x[0, 1:], Tensor)
    assert_type(x.sum(dim=1, keepdim=True), Tensor)
    assert_type(pb.sin(x).exp().mean(), Tensor)
    assert_type(x.reshape(-1), Tensor)
    assert_type(x.shape, pb.Size)
    assert_type(x.size(0), int)
    assert_type(x.size(), pb.Size)
    assert_type(x.dtype, pb.dtype)
    assert_type(x.requires_grad, bool)
    assert_type(x.to(pb.float64), Tensor)
    assert_type(x.type(), str)
    assert_type(len(x), int)
    assert_type([row for row in x], list[Tensor])  # noqa: C416 - what iteration gives
    assert_type(pb.zeros(2, 3, dtype=pb.int64), Tensor)
    assert_type(pb.stack([x, x], dim=0), Tensor)
    values, positions = x.topk(2)
    assert_type(values, Tensor)
    assert_type(positions, Tensor)
    assert_type(pb.sort(x), pb.return_types.sort)
    assert_type(x.max(0).values, Tensor)
    assert_type(pb.is_grad_enabled(), bool)
    x += 1
    assert_type(x, Tensor)
    with pb.no_grad():
        x.mul_(2).add_(1)


if __name__ == "__main__":
    pb.manual_seed(0)
    data = pb.randn(8, 2)
    print(fit(Net(4), data, data.sum(1, keepdim=True)), polynomial())
    operators(pb.randn(3, 3))
