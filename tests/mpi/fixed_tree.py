"""``DistributedDataParallel(deterministic=True)`` in 2, 3 and 4 processes."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from training import agree, batches, mine, mlp, rank, size

import pullback as pb
import pullback.distributed as dist
from pullback import nn
from pullback.distributed.algorithms.ddp_comm_hooks import default_hooks
from pullback.nn.parallel import DistributedDataParallel as DDP
from pullback.nn.parallel._fixed_tree import subtrees, tree_sum


def check_the_same_bits() -> None:
    """The same bits with every number of processes: against groups of one process each."""
    alone = [dist.new_group([r]) for r in range(size())][rank()]
    for kinds, average in ((pb.float32, True), (pb.float64, True), (pb.float32, False)):
        if average and size() & (size() - 1):
            continue  # a third of a quarter is no twelfth, in floating point
        pb.manual_seed(0)
        net = nn.Sequential(
            nn.Linear(6, 32), nn.LayerNorm(32), nn.GELU(), nn.Linear(32, 3)
        ).to(kinds)  # fmt: skip
        ones = copy.deepcopy(net)
        many = DDP(net, deterministic=True, average=average)
        one = DDP(ones, deterministic=True, average=average, process_group=alone)
        optimizers = [pb.optim.SGD(each.parameters(), lr=0.1, momentum=0.9) for each in (many, one)]
        for x, y in batches(5, 24):
            x = x.to(kinds)
            for each, optimizer, part in ((many, optimizers[0], mine), (one, optimizers[1], None)):
                a, b = (x, y) if part is None else (part(x), part(y))
                optimizer.zero_grad()
                how = "mean" if average else "sum"
                loss = nn.functional.cross_entropy(each(a), b, reduction=how)
                (loss if average else loss / 24).backward()
                optimizer.step()
            for p, q in zip(many.parameters(), one.parameters(), strict=True):
                assert p.grad.numpy().tobytes() == q.grad.numpy().tobytes()
                assert p.detach().numpy().tobytes() == q.detach().numpy().tobytes()


def check_is_right() -> None:
    pb.manual_seed(0)
    net = DDP(mlp().double(), deterministic=True)
    alone = copy.deepcopy(net.module)
    for x, y in batches(3):
        nn.functional.cross_entropy(alone(x), y).backward()
        nn.functional.cross_entropy(net(mine(x)), mine(y)).backward()
    agree([p.grad for p in net.parameters()], [p.grad for p in alone.parameters()])
    agree([net(mine(x))], [alone(mine(x))])


def check_refusals() -> None:
    with pytest.raises(ValueError, match="BatchNorm1d, which mixes"):
        DDP(nn.BatchNorm1d(2), deterministic=True)
    with pytest.raises(ValueError, match="find_unused_parameters"):
        DDP(mlp(), deterministic=True, find_unused_parameters=True)
    net = DDP(mlp(), deterministic=True)
    with pytest.raises(RuntimeError, match="no_sync"), net.no_sync():
        pass
    with pytest.raises(RuntimeError, match="join"):
        net.join()
    with pytest.raises(RuntimeError, match="no buckets"):
        net.register_comm_hook(None, default_hooks.allreduce_hook)
    with pytest.raises(ValueError, match="first dimension"):
        net(pb.ones(0, 6))
    with pytest.raises(dist.DistBackendError, match="a batch of 2"):
        net(pb.ones(2 + (rank() == 0), 6))

    class Loss(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = mlp()

        def forward(self, x: pb.Tensor) -> Any:
            return self.net(x).sum()

    with pytest.raises(ValueError, match="one row for each example"):
        DDP(Loss(), deterministic=True)(pb.ones(2, 6))


def check_every_leaf_has_one_owner() -> None:
    for processes in range(1, 9):
        for each in (1, 2, 3, 5, 8):
            count = processes * each
            nodes = subtrees(count, processes)
            for owner, own in enumerate(nodes):
                leaves = sorted(place for node in own for place in node)
                assert leaves == list(range(owner, count, processes))
                if processes & (processes - 1) == 0:
                    assert len(own) == 1
            known = {node: pb.tensor(float(sum(node))) for own in nodes for node in own}
            assert tree_sum(tuple(range(count)), known).item() == sum(range(count))


def check_parameters_that_are_left_out_or_used_twice() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.twice, self.never = nn.Linear(6, 6), nn.Linear(6, 3)
            self.last = nn.Linear(6, 3)

        def forward(self, x: pb.Tensor) -> pb.Tensor:
            return self.last(self.twice(self.twice(x)).tanh())

    pb.manual_seed(0)
    net = DDP(Net().double(), deterministic=True)
    alone = copy.deepcopy(net.module)
    for x, y in batches(2):
        nn.functional.cross_entropy(alone(x), y).backward()
        nn.functional.cross_entropy(net(mine(x)), mine(y)).backward()
    for name, p in alone.named_parameters():
        found = net.module.get_parameter(name).grad
        if p.grad is None:
            assert (found == 0).all()
        else:
            agree([found], [p.grad])
