"""Passes of ``DistributedDataParallel`` that are not plain: left out, hooked, failed, changed."""

from __future__ import annotations

from typing import Any

import pytest

import pullback as pb
import pullback.distributed as dist
from pullback import nn
from pullback.nn.parallel import DistributedDataParallel as DDP


def rank() -> int:
    return dist.get_rank()


def size() -> int:
    return dist.get_world_size()


def mean() -> float:
    """Of 1, 2, ... over the processes."""
    return (size() + 1) / 2


class Two(nn.Module):
    """Two weights of one, of which a forward uses those that are named."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Parameter(pb.ones(1))
        self.b = nn.Parameter(pb.ones(1))

    def forward(self, names: str) -> pb.Tensor:
        x = pb.full((1,), float(rank() + 1))
        return sum((self.get_parameter(name) * x for name in names), pb.zeros(1))


def grads(net: Any) -> list[Any]:
    return [None if p.grad is None else p.grad.item() for p in net.parameters()]


def check_what_is_left_out_keeps_what_it_has_added_up() -> None:
    for view in (False, True):
        settings = {"find_unused_parameters": True, "gradient_as_bucket_view": view}
        # Used by all, then by process 0 alone, which adds 1.
        net = DDP(Two(), **settings)
        net("ab").sum().backward()
        net("ab" if rank() == 0 else "a").sum().backward()
        assert grads(net) == [2 * mean(), mean() + 1 / size()]
        # The first of the two is not averaged by itself.
        net = DDP(Two(), **settings)
        with net.no_sync():
            net("ab").sum().backward()
        net("ab" if rank() == 0 else "a").sum().backward()
        assert grads(net) == [2 * mean(), mean() + 1 / size()]
        # The second uses it nowhere.
        net = DDP(Two(), **settings)
        with net.no_sync():
            net("ab").sum().backward()
        net("a").sum().backward()
        assert grads(net) == [2 * mean(), mean()]
        net("a").sum().backward()
        assert grads(net) == [3 * mean(), mean()]


def check_hooks_of_parameters_run_before_the_average() -> None:
    def clamp(p: pb.Tensor) -> None:
        p.grad.clamp_(max=1)

    for view in (False, True):
        module = Two()
        module.a.register_post_accumulate_grad_hook(clamp)
        net = DDP(module, gradient_as_bucket_view=view)
        module.b.register_post_accumulate_grad_hook(clamp)
        for _ in range(2):
            net.zero_grad()
            net("ab").sum().backward()
            assert grads(net) == [1.0, 1.0]


def check_a_pass_that_fails_is_no_pass() -> None:
    def fail(grad: pb.Tensor) -> None:
        raise ValueError("of its own")

    for settings in ({}, {"find_unused_parameters": True}):
        net = DDP(Two(), **settings)
        out = net("ab")
        out.register_hook(fail)
        with pytest.raises(ValueError, match="of its own"):
            out.sum().backward()
        net("ab").sum().backward()
        assert grads(net) == [mean(), mean()]
        net.zero_grad()
        net("ab").sum().backward()
        assert grads(net) == [mean(), mean()]


def check_derivatives_of_averages_are_refused() -> None:
    for deterministic in (False, True):
        net = DDP(nn.Linear(2, 1), deterministic=deterministic)
        with pytest.raises(RuntimeError, match="derivatives of averaged gradients"):
            net(pb.ones(1, 2)).square().sum().backward(create_graph=True)
    # A penalty on a gradient that is not averaged by itself is one loss.
    net = DDP(Two())
    loss = net("ab").sum() ** 2
    (g,) = pb.autograd.grad(loss, [net.module.a], create_graph=True)
    (loss + g.sum()).backward()
    # With x the rank and one: (2 x) ** 2 + 4 x ** 2, whose derivative is 4 x ** 2 + 2 x ** 2.
    squares = [(r + 1) ** 2 for r in range(size())]
    assert grads(net) == [6 * sum(squares) / size()] * 2


def check_parameters_that_require_a_gradient_later() -> None:
    for deterministic in (False, True):
        module = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
        module[0].requires_grad_(False)
        net = DDP(module, deterministic=deterministic)
        net(pb.ones(1, 2)).sum().backward()
        module[0].requires_grad_(True)
        with pb.no_grad():
            net(pb.ones(1, 2))
        with pytest.raises(RuntimeError, match=r"'0\.weight' would not be averaged"):
            net(pb.ones(1, 2))
        again = DDP(module, deterministic=deterministic)
        again.zero_grad()
        again(pb.full((1, 2), float(rank()))).sum().backward()
        expected = module[1].weight.detach().T * (size() - 1) / 2
        pb.testing.assert_close(module[0].weight.grad, expected.expand(2, 2))


def check_parameters_that_are_replaced() -> None:
    for deterministic in (False, True):
        net = DDP(nn.Linear(2, 1), deterministic=deterministic)
        net(pb.ones(1, 2)).sum().backward()
        values = {f"module.{name}": p for name, p in nn.Linear(2, 1).state_dict().items()}
        net.load_state_dict(values, assign=True)
        with pytest.raises(RuntimeError, match="'weight' would not be averaged"):
            net(pb.ones(1, 2))
    net = DDP(nn.Linear(2, 1))
    net.double()
    with pytest.raises(RuntimeError, match=r"is torch\.float64, and it was torch\.float32"):
        net(pb.ones(1, 2, dtype=pb.float64)).sum().backward()
    # Values that are made of the parameters are differentiated with respect to these.
    net = DDP(nn.Linear(2, 1))
    moved = {name: p * 2 for name, p in net.named_parameters()}
    x = pb.full((1, 2), float(rank() + 1))
    pb.func.functional_call(net, moved, (x,)).sum().backward()
    assert net.module.weight.grad.tolist() == [[2 * mean()] * 2]


def check_groups_that_are_destroyed() -> None:
    group = dist.new_group(list(range(size())))
    plain = DDP(nn.Linear(2, 1), process_group=group)
    fixed = DDP(nn.Linear(2, 1), process_group=group, deterministic=True)
    out = plain(pb.ones(1, 2)).sum()
    dist.destroy_process_group(group)
    for call in (
        out.backward,
        lambda: fixed(pb.ones(1, 2)),
        lambda: DDP(nn.Linear(2, 1), process_group=group),
    ):
        with pytest.raises(ValueError, match="has been destroyed"):
            call()


def check_buffers_that_are_replaced() -> None:
    class Counts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(pb.ones(1))
            self.register_buffer("seen", pb.zeros(1))

        def forward(self) -> pb.Tensor:
            self.seen = self.seen + rank() + 1
            return self.weight * 1

    net = DDP(Counts())
    for _ in range(2):
        net().sum().backward()
    # The first time each adds to zero, the second time to what process 0 has.
    assert net.module.seen.item() == 1 + rank() + 1
    net = DDP(Counts())
    with net.join():
        for _ in range(rank() + 1):
            net().sum().backward()
    everyone: list[Any] = [None] * size()
    dist.all_gather_object(everyone, net.module.seen.item())
    assert all(each == everyone[0] for each in everyone)


def check_forwards_without_an_exchange_in_a_join() -> None:
    """Those of processes that go on, while the others have ended."""
    net = DDP(nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Linear(2, 1)))
    x = pb.randn(3, 2)
    with net.join():
        net(x).sum().backward()
        if rank():
            with net.no_sync():
                net(x).sum().backward()
            with pb.no_grad():
                net(x)
            net(x).sum().backward()
    everyone: list[Any] = [None] * size()
    dist.all_gather_object(everyone, [p.tolist() for p in net.state_dict().values()])
    assert all(each == everyone[0] for each in everyone)
