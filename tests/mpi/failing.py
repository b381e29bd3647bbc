"""Jobs that end badly; the first argument says how."""

from __future__ import annotations

import os
import signal
import sys
import time
from datetime import timedelta

import pullback as pb
import pullback.distributed as dist
from pullback.nn.parallel import DistributedDataParallel

seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 60
if sys.argv[1] == "does not begin":
    from mpi4py import MPI

    if MPI.COMM_WORLD.Get_rank() == 0:
        time.sleep(100)
dist.init_process_group("mpi", timeout=timedelta(seconds=seconds))
rank, last = dist.get_rank(), dist.get_world_size() - 1
how = sys.argv[1]
x = pb.ones(3)
dist.all_reduce(x)

if how == "raises":
    if rank == last:
        raise ValueError("of its own")
    dist.all_reduce(x)
elif how == "raises in backward":
    net = DistributedDataParallel(pb.nn.Linear(3, 1))

    def hook(grad: pb.Tensor) -> None:
        if rank == last:
            raise ValueError("of its own")

    out = net(pb.ones(1, 3))
    out.register_hook(hook)
    out.sum().backward()
    dist.barrier()
elif how == "is killed":
    if rank == last:
        os.kill(os.getpid(), signal.SIGKILL)
    dist.all_reduce(x)
elif how == "exits":
    if rank == last:
        sys.exit(3)
    dist.all_reduce(x)
elif how == "differs":
    dist.all_reduce(pb.ones(3 + (rank == last)))
elif how == "differs later":
    work = dist.all_reduce(pb.ones(3 + (rank == last)), async_op=True)
    print("went on", flush=True)
    work.wait()
elif how == "does not call":
    if rank == last:
        time.sleep(100)
    dist.broadcast(x, 0)
elif how == "does not make the group":
    if rank == last:
        time.sleep(100)
    dist.new_group([0, last], use_local_synchronization=True)
elif how == "does not send":
    if rank == last:
        time.sleep(100)
    elif rank == 0:
        dist.recv(x, last)
    dist.barrier()
elif how == "sends another type":
    if rank == 0:
        dist.recv(x, last, tag=7)
    elif rank == last:
        dist.send(x.double(), 0, tag=7)
    time.sleep(100)
elif how == "does not come":
    if rank == last:
        time.sleep(100)
    if rank == 0:
        dist.monitored_barrier(timeout=timedelta(seconds=1))
    time.sleep(100)
elif how == "catches":
    # An error that is caught is no end.
    try:
        dist.all_reduce(pb.ones(3 + (rank == last)))
    except dist.DistBackendError:
        dist.all_reduce(x)
    print("done", flush=True)
else:
    raise AssertionError(how)
