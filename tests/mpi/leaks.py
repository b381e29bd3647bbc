"""Trains for many steps and counts what is left: ``mpirun -n 2 python tests/mpi/leaks.py 10000``.

After a twentieth of the steps the live objects of the core and of Python, the works and requests of
the group and the resident memory are noted, and again at the end.
"""

from __future__ import annotations

import gc
import sys
from typing import Any

import pullback as pb
import pullback.distributed as dist
import pullback.distributed.nn.functional as collectives
from pullback import nn
from pullback.distributed.optim import ZeroRedundancyOptimizer
from pullback.nn.parallel import DistributedDataParallel

STEPS = int(sys.argv[1])
PAGE = 4096
MOST = 4 << 20  # bytes of resident memory that may come: caches of the allocators


def resident() -> int:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * PAGE


def counts(group: Any) -> dict[str, int]:
    gc.collect()
    return {
        **pb._core.live_objects(),
        "objects": len(gc.get_objects()),
        "pending": len(group._pending) + len(group._waiting) + len(group._kept),
    }


def main() -> None:
    dist.init_process_group("mpi")
    group: Any = dist.group.WORLD
    rank, size = dist.get_rank(), dist.get_world_size()
    net = nn.Sequential(nn.Linear(8, 8), nn.SyncBatchNorm(8), nn.Tanh(), nn.Linear(8, 4))
    ddp = DistributedDataParallel(net, bucket_cap_mb=1e-4)
    optimizer = ZeroRedundancyOptimizer(ddp.parameters(), pb.optim.Adam, lr=1e-3)
    x = pb.randn(6, 8)
    objects: list[Any] = [None] * size

    def step() -> None:
        optimizer.zero_grad()
        ddp(x).square().mean().backward()
        optimizer.step()
        gathered = [pb.empty(3) for _ in range(size)]
        work = dist.all_gather(gathered, pb.full((3,), float(rank)), async_op=True)
        work.get_future().then(lambda done: done.value())
        dist.all_reduce(pb.ones(4, 3).t(), async_op=True)  # nobody waits for this one
        y = pb.ones(2, requires_grad=True)
        collectives.all_reduce(y * 2).sum().backward()
        dist.all_gather_object(objects, rank)
        sent = dist.isend(pb.ones(2), (rank + 1) % size)
        dist.recv(pb.empty(2), (rank - 1) % size)
        for each in (work, sent):
            each.wait()
        dist.barrier()

    early = STEPS // 20
    for _ in range(early):
        step()
    before, memory = counts(group), resident()
    for _ in range(STEPS - early):
        step()
    after, grown = counts(group), resident() - memory
    more = {name: after[name] - n for name, n in before.items() if after[name] > n}
    print(
        f"rank {rank}: {STEPS} steps, {grown} bytes more resident, more objects: {more}", flush=True
    )
    assert all(n <= 2 for n in more.values()), more  # the dictionary of the first counts is one
    assert grown < MOST, grown


main()
