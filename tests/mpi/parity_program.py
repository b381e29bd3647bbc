"""The same program for both libraries; every process writes its numbers as JSON into a file.

Arguments: the library, the folder for the files. Processes of torch find each other by the file
"meeting" in the folder, with RANK and WORLD_SIZE in the environment.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

torch: Any = importlib.import_module(sys.argv[1])
dist: Any = importlib.import_module(f"{sys.argv[1]}.distributed")
parallel: Any = importlib.import_module(f"{sys.argv[1]}.nn.parallel")
folder = Path(sys.argv[2])
if sys.argv[1] == "torch":
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo",
        init_method=f"file://{folder}/meeting",
        rank=int(os.environ["RANK"]),
        world_size=int(os.environ["WORLD_SIZE"]),
    )
else:
    dist.init_process_group("mpi")
rank, size = dist.get_rank(), dist.get_world_size()
said: dict[str, Any] = {}


def start(dtype: Any, r: int = rank) -> Any:
    return ((torch.arange(12) * (r + 2)) % 7).to(dtype).view(3, 4)


def listed(tensor: Any) -> Any:
    return (torch.view_as_real(tensor) if tensor.is_complex() else tensor.double()).tolist()


for name in [
    *("float16", "bfloat16", "float32", "float64", "int8", "uint8", "int32", "int64", "complex64"),
]:
    dtype = getattr(torch, name)
    kinds = ["SUM"] if dtype.is_complex else ["SUM", "PRODUCT", "MIN", "MAX"]
    for kind in kinds:
        op = getattr(dist.ReduceOp, kind)
        try:
            x = start(dtype)
            dist.all_reduce(x, op)
            said[f"all_reduce {name} {kind}"] = listed(x)
        except (RuntimeError, ValueError) as error:
            if sys.argv[1] != "torch":
                raise
            said[f"all_reduce {name} {kind}"] = f"refused: {error}"
            dist.barrier()
    x = start(dtype)
    found = [torch.zeros_like(x) for _ in range(size)]
    dist.all_gather(found, x)
    said[f"all_gather {name}"] = [listed(each) for each in found]
    if name not in {"bfloat16", "complex64"}:  # which gloo does not gather
        dist.gather(x, found if rank == 0 else None, dst=0)
        said[f"gather {name}"] = [listed(each) for each in found]
    x = start(dtype)
    dist.broadcast(x, size - 1)
    said[f"broadcast {name}"] = listed(x)
    x = torch.zeros(3, 4, dtype=dtype)
    dist.scatter(x, [start(dtype, r) for r in range(size)] if rank == 0 else None, src=0)
    said[f"scatter {name}"] = listed(x)

x = torch.zeros(3, 4)
dist.reduce_scatter(x, [start(torch.float32, rank + place) for place in range(size)])
said["reduce_scatter"] = listed(x)
x = torch.zeros(3, 4)
whole = torch.cat([start(torch.float32, rank + place) for place in range(size)])
dist.reduce_scatter_tensor(x, whole)
said["reduce_scatter_tensor"] = listed(x)
out = torch.zeros(size * 3, 4)
dist.all_gather_into_tensor(out, start(torch.float32))
said["all_gather_into_tensor"] = listed(out)
out = torch.zeros(size, 4)
dist.all_to_all_single(out, start(torch.float32)[:1].repeat(size, 1) + torch.arange(size)[:, None])
said["all_to_all_single"] = listed(out)
objects: list[Any] = [None] * size
dist.all_gather_object(objects, {"rank": rank})
said["objects"] = objects


def train(settings: dict[str, Any], hook: str = "") -> dict[str, Any]:
    generator = torch.Generator().manual_seed(1)
    torch.manual_seed(5)
    net = torch.nn.Sequential(
        torch.nn.Linear(5, 8),
        torch.nn.BatchNorm1d(8),
        torch.nn.Tanh(),
        torch.nn.Linear(8, 3),
    ).double()
    ddp = parallel.DistributedDataParallel(net, **settings)
    if hook:
        path = f"{sys.argv[1]}.distributed.algorithms.ddp_comm_hooks.default_hooks"
        ddp.register_comm_hook(None, getattr(importlib.import_module(path), hook))
    optimizer = torch.optim.SGD(ddp.parameters(), lr=0.1, momentum=0.9)
    losses = []
    for turn in range(12):
        x = torch.randn(4 * size, 5, generator=generator, dtype=torch.float64)[rank::size]
        y = torch.randint(0, 3, (4 * size,), generator=generator)[rank::size]
        if turn % 4 == 3:
            with ddp.no_sync():
                torch.nn.functional.cross_entropy(ddp(x), y).backward()
            continue
        loss = torch.nn.functional.cross_entropy(ddp(x), y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    return {
        "losses": losses,
        "keys": list(ddp.state_dict()),
        "state": [listed(each) for each in ddp.state_dict().values()],
    }


said["training"] = train({})
said["training with views"] = train({"gradient_as_bucket_view": True})
said["training in small buckets"] = train({"bucket_cap_mb": 1e-4})
said["training that may miss"] = train({"find_unused_parameters": True})
said["training in half the bytes"] = train({}, "fp16_compress_hook")

torch.manual_seed(3)
net = parallel.DistributedDataParallel(torch.nn.Linear(3, 2).double())
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
with net.join():
    for turn in range(rank + 2):
        optimizer.zero_grad()
        net(torch.full((2, 3), float(rank + turn), dtype=torch.float64)).sin().sum().backward()
        optimizer.step()
said["uneven inputs"] = [listed(each.detach()) for each in net.parameters()]


class Chosen(torch.nn.Module):
    """Uses the layers that are named."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = torch.nn.Linear(3, 1).double(), torch.nn.Linear(3, 1).double()

    def forward(self, names: str) -> Any:
        x = torch.full((1, 3), float(rank + 1), dtype=torch.float64)
        return sum(getattr(self, name)(x) for name in names).sum()


def clamp(p: Any) -> None:
    p.grad.clamp_(max=2)


for view in (False, True):
    net = parallel.DistributedDataParallel(
        Chosen(), find_unused_parameters=True, gradient_as_bucket_view=view
    )
    net.module.a.weight.register_post_accumulate_grad_hook(clamp)
    found = []
    for turn, names in enumerate(("ab", "b" if rank else "ab", "a", "ab", "a" if rank else "b")):
        if turn in (1, 3):
            with net.no_sync():
                net(names).backward()
        else:
            net(names).backward()
        found.append([None if p.grad is None else listed(p.grad) for p in net.parameters()])
    said[f"left out by turns, views: {view}"] = found

(folder / f"{sys.argv[1]}{rank}.json").write_text(json.dumps(said))
if sys.argv[1] == "torch":
    # The threads of gloo end some processes with an abort when they are taken down: leave without
    # that, once nobody needs this process any more.
    while not all((folder / f"torch{each}.json").exists() for each in range(size)):
        time.sleep(0.01)
    os._exit(0)
dist.barrier()
dist.destroy_process_group()
