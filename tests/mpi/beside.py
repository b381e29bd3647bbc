"""``SyncBatchNorm``, ``DistributedSampler``, ``ZeroRedundancyOptimizer`` in several processes."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from training import agree, batches, mine, mlp, rank, size, step

import pullback as pb
import pullback.distributed as dist
from pullback import nn
from pullback.distributed.algorithms.join import Join
from pullback.distributed.optim import ZeroRedundancyOptimizer as Zero
from pullback.nn.parallel import DistributedDataParallel as DDP

# --- batch norm ---


def check_statistics_of_all() -> None:
    """Values, three gradients and running statistics; batches of several sizes, some empty."""
    for shape, momentum in (((), 0.1), ((5,), None), ((4, 3), 0.3)):
        pb.manual_seed(0)
        sizes = [(r + 1) % 3 if r else 3 for r in range(size())]
        x = pb.randn(sum(sizes), 2, *shape, dtype=pb.float64)
        w = pb.randn_like(x)
        kind = {0: nn.BatchNorm1d, 1: nn.BatchNorm1d, 2: nn.BatchNorm2d}[len(shape)]
        alone = kind(2, momentum=momentum, dtype=pb.float64)
        sync = nn.SyncBatchNorm(2, momentum=momentum, dtype=pb.float64)
        for _ in range(2):
            a = x.clone().requires_grad_()
            (alone(a) * w).sum().backward()
            b = x.split(sizes)[rank()].clone().requires_grad_()
            y = sync(b)
            (y * w.split(sizes)[rank()]).sum().backward()
            agree([y], [alone(x).split(sizes)[rank()]], 1e-9) if momentum is None else None
            agree([b.grad], [a.grad.split(sizes)[rank()]])
        grads = [sync.weight.grad.clone(), sync.bias.grad.clone()]
        for each in grads:
            dist.all_reduce(each)
        agree(grads, [alone.weight.grad, alone.bias.grad])
        if momentum is not None:
            agree([sync.running_mean, sync.running_var], [alone.running_mean, alone.running_var])
        assert int(sync.num_batches_tracked) == 2


def check_statistics_second_order() -> None:
    pb.manual_seed(0)
    x = pb.randn(3 * size(), 2, dtype=pb.float64)
    found = []
    for module, part in (
        (nn.BatchNorm1d(2, dtype=pb.float64), x.clone()),
        (nn.SyncBatchNorm(2, dtype=pb.float64), x.chunk(size())[rank()].clone()),
    ):
        part.requires_grad_()
        (g,) = pb.autograd.grad((module(part) ** 3).sum(), [part], create_graph=True)
        found.append(pb.autograd.grad((g * g).sum(), [part])[0])
    agree([found[1]], [found[0].chunk(size())[rank()]], 1e-8)


def check_statistics_of_eval_and_halves() -> None:
    sync, alone = nn.SyncBatchNorm(2), nn.BatchNorm1d(2)
    for each in (sync, alone):
        each.running_mean.fill_(0.5)
        each.eval()
    x = pb.randn(3, 2)
    agree([sync(x)], [alone(x)])
    half = nn.SyncBatchNorm(2).to(pb.bfloat16)
    assert half(x.bfloat16()).dtype is pb.bfloat16
    with pytest.raises(ValueError, match="at least 2D"):
        sync(pb.ones(2))
    sync.train()
    with pytest.raises(ValueError, match="in all processes together"):
        sync(pb.ones(int(rank() == 0), 2))
    converted = nn.SyncBatchNorm.convert_sync_batchnorm(
        nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.BatchNorm2d(3, eps=1e-3)))
    )
    assert isinstance(converted[1][0], nn.SyncBatchNorm)
    assert converted[1][0].eps == 1e-3


# --- data and optimizers ---


def check_sampler() -> None:
    from pullback.utils.data import DataLoader, DistributedSampler, TensorDataset

    data = TensorDataset(pb.arange(10))
    sampler = DistributedSampler(data, seed=5)
    own = [int(each) for (x,) in DataLoader(data, 2, sampler=sampler) for each in x]
    everyone: list[Any] = [None] * size()
    dist.all_gather_object(everyone, own)
    assert {each for part in everyone for each in part} == set(range(10))
    assert len(own) == len(sampler) == -(-10 // size())
    given = list(DistributedSampler(data, size(), rank(), seed=5))
    assert given == own


def check_divided_optimizer() -> None:
    for kind, settings in (
        (pb.optim.Adam, {"lr": 0.01}),
        (pb.optim.SGD, {"lr": 0.1, "momentum": 0.9}),
        (pb.optim.AdamW, {"lr": 0.01, "weight_decay": 0.1}),
    ):
        pb.manual_seed(0)
        net = DDP(mlp().double())
        alone = copy.deepcopy(net.module)
        divided = Zero(net.parameters(), kind, **settings)
        other = kind(alone.parameters(), **settings)
        schedules = [pb.optim.lr_scheduler.StepLR(each, 2, 0.5) for each in (divided, other)]
        for x, y in batches(6):
            step(alone, other, x, y)
            step(net, divided, mine(x), mine(y))
            for schedule in schedules:
                schedule.step()
            agree(net.parameters(), alone.parameters())
        kept = sum(len(each) for each in divided.optim.state.values())
        total = sum(len(each) for each in other.state.values())
        counts: list[Any] = [None] * size()
        dist.all_gather_object(counts, kept)
        assert sum(counts) == total
        assert max(counts) < total
        with pytest.raises(RuntimeError, match="has not been consolidated"):
            divided.state_dict()
        divided.consolidate_state_dict(to=size() - 1)
        state: list[Any] = [divided.state_dict() if rank() == size() - 1 else None]
        dist.broadcast_object_list(state, size() - 1)
        expected = other.state_dict()
        assert list(state[0]["state"]) == list(expected["state"]) or set(state[0]["state"]) == set(
            expected["state"]
        )
        for index, each in expected["state"].items():
            for name, value in each.items():
                if isinstance(value, pb.Tensor):
                    agree([state[0]["state"][index][name]], [value])
        assert state[0]["param_groups"][0]["lr"] == expected["param_groups"][0]["lr"]
        # Goes on from a state that was loaded.
        again = Zero(net.parameters(), kind, **settings)
        again.load_state_dict(state[0])
        for x, y in batches(2):
            step(alone, other, x, y)
            step(net, again, mine(x), mine(y))
            agree(net.parameters(), alone.parameters())


def check_divided_optimizer_in_a_join() -> None:
    pb.manual_seed(0)
    net = DDP(mlp().double())
    divided = Zero(net.parameters(), pb.optim.Adam, lr=0.01)
    with Join([net, divided]):
        for _ in range(rank() + 1):
            divided.zero_grad()
            net(pb.ones(2, 6, dtype=pb.float64)).sum().backward()
            divided.step()
    everyone: list[Any] = [None] * size()
    dist.all_gather_object(everyone, [p.tolist() for p in net.parameters()])
    assert all(each == everyone[0] for each in everyone)


def check_divided_optimizer_refusals_and_groups() -> None:
    with pytest.raises(ValueError, match="overlap_with_ddp=True"):
        Zero(mlp().parameters(), pb.optim.SGD, overlap_with_ddp=True, lr=0.1)
    net = mlp()
    divided = Zero(net[0].parameters(), pb.optim.SGD, lr=0.1)
    divided.add_param_group({"params": net[2].parameters(), "lr": 0.2})
    for p in net.parameters():
        p.grad = pb.ones_like(p)
    before = [p.detach().clone() for p in net.parameters()]
    divided.step()
    for place, rate in ((0, 0.1), (1, 0.1), (2, 0.2), (3, 0.2), (4, 0.0)):
        agree([list(net.parameters())[place]], [before[place] - rate], 1e-6)
    with pytest.raises(ValueError, match="at least one joinable"):
        Join([])
