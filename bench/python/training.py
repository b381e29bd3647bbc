"""Whole training steps beside PyTorch: time, and the most memory of a process.

    python bench/python/training.py [--threads 1] [--rounds 5] [--only NAME] [--write]

A step is forward, backward and the optimizer's. Both libraries start from the same numbers, and the
losses of the first steps are compared. Memory is that of a process of its own that makes ten steps:
what was added to it after the import, and in all (`VmHWM` of Linux). Page faults are the most of a
step after the second one. With --write the table goes into docs/benchmarks.md. How time is measured
stands in beside.py.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import report
from beside import DOCS, clock_for, compare, libraries, mean, times

Lib = ModuleType
Step = Callable[[], Any]  # gives the loss

COMPARED = 3


def numbers(t: Lib, *shape: int) -> Any:
    """The same normal numbers for both libraries."""
    import numpy as np

    return t.from_numpy(np.random.default_rng(sum(shape)).standard_normal(shape, dtype=np.float32))


def classes(t: Lib, count: int, high: int) -> Any:
    """The same classes for both."""
    return t.arange(count) * 7919 % high


def trained(t: Lib, model: Any, optimizer: Any, loss_of: Callable[[], Any]) -> Step:
    """The usual step; the model starts from numbers that depend on its names only."""
    with t.no_grad():
        for parameter in model.parameters():
            scale = parameter.shape[-1] ** -0.5 if parameter.dim() > 1 else 0.1
            parameter.copy_(numbers(t, *parameter.shape) * scale)

    def step() -> Any:
        optimizer.zero_grad()
        loss = loss_of()
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


def mlp(t: Lib) -> Step:
    """64 to 10 by 32, a batch of 32 digits, SGD."""
    nn = t.nn
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    x, y = numbers(t, 32, 64), classes(t, 32, 10)
    optimizer = t.optim.SGD(model.parameters(), lr=0.05)
    return trained(t, model, optimizer, lambda: nn.functional.cross_entropy(model(x), y))


def lenet(t: Lib) -> Step:
    """Two convolutions and three layers, a batch of 32 digits of 28x28, SGD with momentum."""
    nn = t.nn
    model = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(400, 120),
        nn.ReLU(),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, 10),
    )
    x, y = numbers(t, 32, 1, 28, 28), classes(t, 32, 10)
    optimizer = t.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    return trained(t, model, optimizer, lambda: nn.functional.cross_entropy(model(x), y))


def resnet18(t: Lib) -> Step:
    """He et al. 2015, a batch of 4 pictures of 64x64, SGD with momentum."""
    nn = t.nn

    class Block(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self, before: int, after: int, stride: int) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(after)
            self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(after)
            self.relu = nn.ReLU(inplace=True)
            self.shortcut = nn.Sequential()
            if stride != 1 or before != after:
                self.shortcut = nn.Sequential(
                    nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after)
                )

        def forward(self, x: Any) -> Any:
            out = self.relu(self.bn1(self.conv1(x)))
            return self.relu(self.bn2(self.conv2(out)) + self.shortcut(x))

    layers: list[Any] = [
        nn.Conv2d(3, 64, 7, 2, 3, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, 2, 1),
    ]
    before = 64
    for number, stride in enumerate((1, 2, 2, 2)):
        after = 64 << number
        layers += [Block(before, after, stride), Block(after, after, 1)]
        before = after
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))
    x, y = numbers(t, 4, 3, 64, 64), classes(t, 4, 10)
    optimizer = t.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)
    return trained(t, model, optimizer, lambda: nn.functional.cross_entropy(model(x), y))


def transformer(t: Lib, fused: bool) -> Step:
    """Characters: four layers of width 128, 4 heads, 8 texts of 128 characters of 65, AdamW."""
    nn, functional = t.nn, t.nn.functional

    class Layer(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(128), nn.LayerNorm(128)
            self.all, self.out = nn.Linear(128, 384), nn.Linear(128, 128)
            self.wide, self.back = nn.Linear(128, 512), nn.Linear(512, 128)
            self.register_buffer("hidden", t.ones(128, 128).triu(1).bool())

        def attention(self, q: Any, k: Any, v: Any) -> Any:
            if fused:
                return functional.scaled_dot_product_attention(q, k, v, is_causal=True)
            scores = (q @ k.transpose(-1, -2)) * 32**-0.5
            return functional.softmax(scores.masked_fill(self.hidden, float("-inf")), -1) @ v

        def forward(self, x: Any) -> Any:
            q, k, v = (
                part.reshape(8, 128, 4, 32).transpose(1, 2)
                for part in self.all(self.norm1(x)).chunk(3, -1)
            )
            mixed = self.attention(q, k, v).transpose(1, 2).reshape(8, 128, 128)
            x = x + self.out(mixed)
            return x + self.back(functional.gelu(self.wide(self.norm2(x))))

    class Characters(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.embedding, self.places = nn.Embedding(65, 128), nn.Embedding(128, 128)
            self.layers = nn.Sequential(*(Layer() for _ in range(4)))
            self.norm, self.head = nn.LayerNorm(128), nn.Linear(128, 65)

        def forward(self, x: Any) -> Any:
            x = self.embedding(x) + self.places(t.arange(128))
            return self.head(self.norm(self.layers(x)))

    model = Characters()
    x, y = classes(t, 1024, 65).reshape(8, 128), classes(t, 1025, 65)[1:]
    optimizer = t.optim.AdamW(model.parameters(), lr=1e-3)
    return trained(
        t, model, optimizer, lambda: functional.cross_entropy(model(x).reshape(1024, 65), y)
    )


def lstm(t: Lib) -> Step:
    """The task of examples/lstm.py: 64 sequences of 40 steps, width 64, Adam."""
    nn = t.nn

    class Adder(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.lstm, self.head = nn.LSTM(2, 64, batch_first=True), nn.Linear(64, 1)

        def forward(self, x: Any) -> Any:
            return self.head(self.lstm(x)[1][0][-1]).squeeze(1)

    model = Adder()
    x, y = numbers(t, 64, 40, 2), numbers(t, 64)
    optimizer = t.optim.Adam(model.parameters(), lr=1e-3)
    return trained(t, model, optimizer, lambda: nn.functional.mse_loss(model(x), y))


def ode(t: Lib) -> Step:
    """A neural ordinary differential equation in two dimensions, 20 steps of Runge-Kutta 4."""
    nn = t.nn
    model = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 2))
    start, end = numbers(t, 2), numbers(t, 1, 2)[0]
    optimizer = t.optim.Adam(model.parameters(), lr=1e-2)

    def loss_of() -> Any:
        x, h = start, 0.05
        for _ in range(20):
            a = model(x)
            b = model(x + h / 2 * a)
            c = model(x + h / 2 * b)
            d = model(x + h * c)
            x = x + h / 6 * (a + 2 * b + 2 * c + d)
        return ((x - end) ** 2).sum()

    return trained(t, model, optimizer, loss_of)


def lbfgs(t: Lib) -> Step:
    """L-BFGS with a line search on the function of Rosenbrock in 50 dimensions, from one start."""
    x = t.nn.Parameter(t.zeros(50))

    def value() -> Any:
        return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()

    def step() -> Any:
        with t.no_grad():
            x.zero_()
        optimizer = t.optim.LBFGS([x], max_iter=20, line_search_fn="strong_wolfe")

        def closure() -> Any:
            optimizer.zero_grad()
            loss = value()
            loss.backward()
            return loss

        return optimizer.step(closure).detach()

    return step


STEPS: dict[str, Callable[[Lib], Step]] = {
    "MLP on digits": mlp,
    "LeNet": lenet,
    "ResNet-18, 4 of 64x64": resnet18,
    "character transformer, fused attention": lambda t: transformer(t, True),
    "character transformer, softmax of scores": lambda t: transformer(t, False),
    "LSTM": lstm,
    "neural ODE, RK4": ode,
    "L-BFGS, Rosenbrock of 50": lbfgs,
}
GOALS = {
    "MLP on digits": 10.0,
    "ResNet-18, 4 of 64x64": 1.1,
    "character transformer, fused attention": 1.1,
    "character transformer, softmax of scores": 1.1,
    "LSTM": 1.5,
    "neural ODE, RK4": 20.0,
}


def memory_of(name: str, library: str, threads: int) -> dict[str, float]:
    """The memory of ten steps in a process of its own."""
    command = [sys.executable, __file__, "--memory", library, "--only", name]
    found = subprocess.check_output([*command, "--threads", str(threads)], text=True)
    result: dict[str, float] = json.loads(found.splitlines()[-1])
    return result


def measure_memory(name: str, library: str, threads: int) -> None:
    """What memory_of reads; only this library is imported."""
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(threads)
    lib = importlib.import_module(library)
    lib.set_num_threads(threads)

    def most() -> float:
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024

    before = most()
    step = STEPS[name](lib)
    faults = []
    for _ in range(10):
        start = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        step()
        faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - start)
    print(json.dumps({"added": most() - before, "most": most(), "faults": max(faults[2:])}))


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="steps whose name contains this")
    parser.add_argument("--write", action="store_true", help="into docs/benchmarks.md")
    parser.add_argument("--memory", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory:
        measure_memory(options.only, options.memory, options.threads)
        return
    libs = libraries(options.threads)
    lines = [
        "| | pullback | torch | ratio | goal | MiB added | torch | MiB | torch | faults | torch |",
        "|---|" + "---:|" * 10,
    ]
    ratios = []
    for name, make in STEPS.items():
        if options.only not in name:
            continue
        steps = [make(lib) for lib in libs]
        compare(name, [[step() for _ in range(COMPARED)] for step in steps], 1e-2)
        ours, theirs = times(steps, options.rounds, clock_for(options.threads))
        ratios.append(theirs / ours)
        cells = [name, report.seconds(ours), report.seconds(theirs), f"**{theirs / ours:.2f}**"]
        cells.append(f"{GOALS.get(name, 1.0):g}")
        memory = [memory_of(name, lib.__name__, options.threads) for lib in libs]
        for what in ("added", "most", "faults"):
            cells += [f"{each[what]:.0f}" for each in memory]
        lines.append("| " + " | ".join(cells) + " |")
        print(lines[-1], flush=True)
    print(f"\ngeometric mean {mean(ratios):.2f}, least {min(ratios):.2f}")
    if options.write:
        command = f"`python bench/python/training.py --threads {options.threads}`"
        text = f"{command}; geometric mean {mean(ratios):.2f}, least {min(ratios):.2f}."
        title = f"Training steps, threads: {options.threads}"
        report.write_section(DOCS, title, f"{text}\n\n" + "\n".join(lines))


if __name__ == "__main__":
    main()
