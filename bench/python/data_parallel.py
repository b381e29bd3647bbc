"""Data parallel training over MPI: what it costs here, and what a model says of clusters.

``python bench/python/data_parallel.py`` starts itself under mpirun with 1, 2 and 4 processes, each
on one thread, fits the constants of the model, writes the tables between the marks of
``docs/distributed.md`` and draws ``docs/distributed.svg``. Needs mpi4py, mpirun and matplotlib.

The model of one step with k processes, of which f(k) share a core (on this machine travel is what
the all-reduces of the first table take):

    step(k) = f(k) * compute + copies + exposed(k)
    exposed(k) = max((1 - hidden) * travel(k), travel(k) - 2/3 * f(k) * compute)
    travel(k) = the sum over buckets of  call + 4 log2(k) * latency + 2 (k - 1) / k * bytes / rate

``compute`` is a step of one process, ``copies`` what putting gradients into buckets costs,
``hidden`` the share of travel during which the backward pass goes on (which is two thirds of
compute, and hides no more than that), ``call`` the work of one collective in Python. The
4 log2(k) are two small messages up and down a tree, for the comparison of the calls and for the
values; 2 (k - 1) / k is what any all-reduce must send.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pullback as pb
import pullback.distributed as dist
from pullback import nn
from pullback.nn.parallel import DistributedDataParallel

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "distributed.md"
PICTURE = ROOT / "docs" / "distributed.svg"
PROCESSES = (1, 2, 4)
SIZES = [4, 1 << 10, 1 << 14, 1 << 18, 1 << 20, 1 << 22, 1 << 24]  # bytes
ROUNDS, FEW = 25, 9
# Gbit/s, seconds for a message of no bytes, share of the rate that gets through: assumed.
NETWORKS = {"10 Gbit/s": (10e9 / 8 * 0.9, 20e-6), "100 Gbit/s": (100e9 / 8 * 0.9, 3e-6)}
BACKWARD = 2 / 3  # the share of a step in which gradients can travel
MILLI, MICRO = 1e3, 1e6


class Block(nn.Module):
    """Two convolutions around which the input goes."""

    def __init__(self, channels: int, wider: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, wider, 3, stride, 1, bias=False),
            nn.GroupNorm(8, wider),
            nn.ReLU(),
            nn.Conv2d(wider, wider, 3, 1, 1, bias=False),
            nn.GroupNorm(8, wider),
        )
        same = channels == wider and stride == 1
        self.around = nn.Identity() if same else nn.Conv2d(channels, wider, 1, stride, bias=False)

    def forward(self, x: pb.Tensor) -> pb.Tensor:
        """[batch, channels, height, width] to the same with other channels and sizes."""
        return (self.body(x) + self.around(x)).relu()


def perceptron() -> tuple[nn.Module, pb.Tensor]:
    """784-1024-1024-10, batches of 64."""
    net = nn.Sequential(
        nn.Linear(784, 1024), nn.ReLU(), nn.Linear(1024, 1024), nn.ReLU(), nn.Linear(1024, 10)
    )
    return net, pb.randn(64, 784)


def resnet() -> tuple[nn.Module, pb.Tensor]:
    """ResNet-18 for 32x32 images, batches of 4."""
    layers: list[nn.Module] = [
        nn.Conv2d(3, 64, 3, 1, 1, bias=False),
        nn.GroupNorm(8, 64),
        nn.ReLU(),
    ]
    for channels, wider, stride in ((64, 64, 1), (64, 128, 2), (128, 256, 2), (256, 512, 2)):
        layers += [Block(channels, wider, stride), Block(wider, wider, 1)]
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10)]
    return nn.Sequential(*layers), pb.randn(4, 3, 32, 32)


def transformer() -> tuple[nn.Module, pb.Tensor]:
    """Four encoder layers of width 256 over 64 places, batches of 8."""
    layer = nn.TransformerEncoderLayer(256, 4, 1024, dropout=0.0, batch_first=True)
    return nn.TransformerEncoder(layer, 4, enable_nested_tensor=False), pb.randn(8, 64, 256)


NETS = {"perceptron": perceptron, "ResNet-18": resnet, "transformer": transformer}


def best(function: Callable[[], Any], rounds: int) -> float:
    """Seconds of the fastest of some rounds, which all processes begin together."""
    times = []
    for _ in range(rounds):
        dist.barrier()
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    slowest = pb.tensor(times, dtype=pb.float64)
    dist.all_reduce(slowest, dist.ReduceOp.MAX)
    return float(slowest.min())


def measure(path: str) -> None:
    """One job: the first process writes what it found."""
    dist.init_process_group("mpi")
    pb.set_num_threads(1)
    reduced = {}
    for size in SIZES:
        x = pb.ones(size // 4)
        reduced[size] = best(lambda x=x: dist.all_reduce(x), ROUNDS)
    nets = {}
    for name, make in NETS.items():
        pb.manual_seed(0)
        net, x = make()

        def step(module: Any, x: pb.Tensor = x) -> None:
            module.zero_grad(set_to_none=False)
            module(x).square().mean().backward()

        step(net)
        alone = best(lambda step=step, net=net: step(net), FEW)
        ddp = DistributedDataParallel(net)
        for _ in range(2):
            step(ddp)
        together = best(lambda step=step, ddp=ddp: step(ddp), FEW)
        travel = best(ddp.reducer.shadow, FEW)
        buckets = [b.buffer.numel() * b.buffer.element_size() for b in ddp.reducer.buckets]
        tree = DistributedDataParallel(make()[0], deterministic=True)
        step(tree)
        nets[name] = {
            "alone": alone,
            "ddp": together,
            "travel": travel,
            "buckets": buckets,
            "tree": best(lambda step=step, tree=tree: step(tree), 3),
        }
    if dist.get_rank() == 0:
        Path(path).write_text(json.dumps({"reduced": reduced, "nets": nets}))
    dist.destroy_process_group()


def run_all() -> dict[int, Any]:
    """The jobs, one after the other."""
    beside = Path(sys.executable).with_name("mpirun")
    found = {}
    for processes in PROCESSES:
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/found.json"
            command = [str(beside) if beside.exists() else "mpirun", "-n", str(processes)]
            command += [sys.executable, __file__, path]
            subprocess.run(command, check=True, timeout=900)
            found[processes] = json.loads(Path(path).read_text())
    return found


class Model:
    """Constants of this machine, fitted to what 1 and 2 processes take."""

    def __init__(self, found: dict[int, Any]) -> None:
        self.cores = os.cpu_count() or 1
        times = {k: {int(s): t for s, t in found[k]["reduced"].items()} for k in PROCESSES}
        self.times = times
        small, large = SIZES[0], SIZES[-1]
        self.call = times[1][small]
        self.latency = max(0.0, times[2][small] - self.call) / 4
        self.rate = large / (times[2][large] - times[2][small])
        self.nets = {}
        for name, one in found[1]["nets"].items():
            two = found[2]["nets"][name]
            # What two processes on two cores cost each other (memory, caches) is compute.
            shared = two["alone"] / one["alone"]
            exposed = two["ddp"] - two["alone"] - (one["ddp"] - one["alone"])
            self.nets[name] = {
                "compute": one["alone"],
                "shared": shared,
                "copies": max(0.0, one["ddp"] - one["alone"]),
                "hidden": min(1.0, max(0.0, 1 - exposed / two["travel"])),
                "buckets": one["buckets"],
            }

    def travel(self, name: str, k: int, rate: float, latency: float) -> float:
        """Seconds in which the buckets of a network travel."""
        if k == 1:
            return len(self.nets[name]["buckets"]) * self.call
        small = self.call + 4 * math.log2(k) * latency
        return sum(small + 2 * (k - 1) / k * each / rate for each in self.nets[name]["buckets"])

    def _step(self, name: str, compute: float, travel: float) -> float:
        net = self.nets[name]
        exposed = max((1 - net["hidden"]) * travel, travel - BACKWARD * compute)
        return float(compute + net["copies"] + exposed)

    def step(self, name: str, k: int, rate: float, latency: float) -> float:
        """Seconds of one step of processes with cores of their own and a network between them."""
        return self._step(name, self.nets[name]["compute"], self.travel(name, k, rate, latency))

    def here(self, name: str, k: int) -> float:
        """Seconds of one step on this machine, where processes share memory, caches and cores."""
        net = self.nets[name]
        compute = net["compute"] * max(1.0, k / self.cores) * (net["shared"] if k > 1 else 1.0)
        times = self.times[k]

        def reduced(size: int) -> float:
            """Between the measured sizes on a line, beyond them by their last one's rate."""
            above = next((each for each in SIZES if each >= size), None)
            if above is None:
                return times[SIZES[-1]] * size / SIZES[-1]
            below = max((each for each in SIZES if each < above), default=above)
            share = (size - below) / max(above - below, 1)
            return times[below] + share * (times[above] - times[below])

        return self._step(name, compute, sum(map(reduced, net["buckets"])))


def tables(found: dict[int, Any], model: Model) -> str:
    """What stands in the page."""
    lines = ["| an all-reduce of | " + " | ".join(f"{k} processes" for k in PROCESSES[1:]) + " |"]
    lines.append("|---:|" + "---:|" * (len(PROCESSES) - 1))
    for size in SIZES:
        times = [found[k]["reduced"][str(size)] for k in PROCESSES[1:]]
        shown = f"{size} B" if size < 1024 else f"{size >> 10} KiB"
        lines.append(f"| {shown} | " + " | ".join(f"{MILLI * t:.3f} ms" for t in times) + " |")
    lines += [
        "",
        "| network | gradients | buckets | k | alone | DDP | travel | hidden | model | error |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, net in model.nets.items():
        size = sum(net["buckets"])
        for k in PROCESSES:
            each = found[k]["nets"][name]
            predicted = model.here(name, k)
            exposed = each["ddp"] - each["alone"] - net["copies"]
            hidden = min(1.0, max(0.0, 1 - exposed / each["travel"])) if k > 1 else 0.0
            lines.append(
                f"| {name} | {size / 2**20:.1f} MiB | {len(net['buckets'])} | {k} | "
                f"{MILLI * each['alone']:.1f} ms | {MILLI * each['ddp']:.1f} ms | "
                + (
                    f"{MILLI * each['travel']:.1f} ms | {100 * hidden:.0f} % | "
                    if k > 1
                    else "| | "
                )
                + f"{MILLI * predicted:.1f} ms | {100 * (predicted / each['ddp'] - 1):+.0f} % |"
            )
    lines += [
        "",
    ]
    constants = (
        f"A collective costs {MICRO * model.call:.0f} us of Python, a small message "
        f"{MICRO * model.latency:.0f} us; bytes go at {model.rate / 1e9:.2f} GB/s through shared "
        "memory."
    )
    slower = ", ".join(
        f"{each['tree'] / each['ddp']:.1f} ({name})" for name, each in found[2]["nets"].items()
    )
    tree = f"With two processes `deterministic=True` multiplies the time of a step by {slower}."
    worst = {
        k: max(abs(model.here(n, k) / found[k]["nets"][n]["ddp"] - 1) for n in model.nets)
        for k in PROCESSES[1:]
    }
    errors = ", ".join(f"{100 * each:.0f} % with {k}" for k, each in worst.items())
    error = f"The model's largest error is {errors} processes."
    return "\n".join([*lines, constants, "", error, "", tree])


def predictions(model: Model) -> str:
    """The efficiency at some numbers of processes."""
    counts = (2, 8, 64, 1024)
    lines = ["| network | rate | " + " | ".join(f"{k:,}" for k in counts) + " |"]
    lines.append("|---|---|" + "---:|" * len(counts))
    for name in model.nets:
        for rate, (speed, latency) in NETWORKS.items():
            one = model.step(name, 1, speed, latency)
            shares = [one / model.step(name, k, speed, latency) for k in counts]
            lines.append(
                f"| {name} | {rate} | " + " | ".join(f"{100 * s:.0f} %" for s in shares) + " |"
            )
    return "\n".join(lines)


def draw(model: Model) -> None:
    """The efficiency over the number of processes."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "pullback"
    import matplotlib.pyplot as plt

    counts = [2**n for n in range(11)]
    figure, axes = plt.subplots(figsize=(8, 4.2), layout="constrained")
    for number, name in enumerate(model.nets):
        for (rate, (speed, latency)), style in zip(NETWORKS.items(), ("--", "-"), strict=True):
            one = model.step(name, 1, speed, latency)
            shares = [100 * one / model.step(name, k, speed, latency) for k in counts]
            axes.plot(counts, shares, style, color=f"C{number}", label=f"{name}, {rate}")
    axes.set_xscale("log", base=2)
    axes.set(xlabel="processes", ylabel="efficiency, %", ylim=(0, 105), xticks=counts[::2])
    axes.set_xticklabels([f"{k:,}" for k in counts[::2]])
    axes.grid(visible=True, alpha=0.3)
    axes.legend(fontsize=8)
    figure.savefig(PICTURE, metadata={"Date": None})


def put(text: str, mark: str, content: str) -> str:
    """The page with new content between two marks."""
    before, rest = text.split(f"<!-- {mark} -->\n", 1)
    after = rest.split(f"<!-- end of {mark} -->", 1)[1]
    return f"{before}<!-- {mark} -->\n{content}\n<!-- end of {mark} -->{after}"


def report() -> None:
    """Measure, write the page, draw."""
    found = run_all()
    model = Model(found)
    text = put(PAGE.read_text(), "measured", tables(found, model))
    PAGE.write_text(put(text, "predicted", predictions(model)))
    draw(model)
    print(tables(found, model), predictions(model), sep="\n\n")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(sys.argv[1])
    else:
        report()
