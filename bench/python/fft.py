"""Measures Fourier transforms beside NumPy and torch: one line for each length, batch and dtype.

    python bench/python/fft.py [--seconds 0.2] [--only TEXT]

Each figure is the least time of many calls, the libraries in turn, on one thread, in microseconds;
the ratios are NumPy's and torch's time divided by pullback's. A library that is not installed is
left out. Start reading at ``main``.
"""

from __future__ import annotations

import argparse
import importlib
import os
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np

import pullback as pb

SHAPES = [(8,), (64,), (1000,), (1024,), (10_000,), (16_384,), (100_000,), (131_072,), (1_000_000,)]
SHAPES += [(1_048_576,), (1000, 16), (1000, 64), (100, 1000), (997,), (99_991,)]
KINDS = {
    "fft float32": ("fft", "complex64"),
    "fft float64": ("fft", "complex128"),
    "rfft float32": ("rfft", "float32"),
    "rfft float64": ("rfft", "float64"),
    "irfft float64": ("irfft", "complex128"),
    "fft2 float32": ("fft2", "complex64"),
}
PLANES = [(64, 64), (16, 32, 32), (256, 256), (1024, 1024)]


def load(name: str) -> ModuleType | None:
    """The library, on one thread, or None."""
    try:
        module = importlib.import_module(name)
    except ImportError:
        return None
    module.set_num_threads(1)
    return module


def least(calls: dict[str, Callable[[], Any]], seconds: float) -> dict[str, float]:
    """The least time of each, called in turn for so long."""
    best = dict.fromkeys(calls, float("inf"))
    for call in calls.values():
        call()
    end = time.perf_counter() + seconds * len(calls)
    while time.perf_counter() < end:
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            best[name] = min(best[name], time.perf_counter() - start)
    return best


def measure(shape: tuple[int, ...], name: str, dtype: str, seconds: float) -> dict[str, float]:
    """What one call takes in each library."""
    random = np.random.RandomState(0)
    values = random.standard_normal(shape) + 1j * random.standard_normal(shape)
    x = (values.real if dtype.startswith("float") else values).astype(dtype)
    calls: dict[str, Callable[[], Any]] = {}
    for library in (pb, load("torch")):
        if library is not None:
            function, tensor = getattr(library.fft, name), library.tensor(x)
            calls[library.__name__] = lambda function=function, tensor=tensor: function(tensor)
    calls["numpy"] = lambda: getattr(np.fft, name)(x)
    return least(calls, seconds)


def main() -> None:
    """Prints the lines."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=0.2, help="for each library and line")
    parser.add_argument("--only", default="", help="the lines that contain this")
    options = parser.parse_args()
    pb.set_num_threads(1)
    for kind, (name, dtype) in KINDS.items():
        for shape in PLANES if name == "fft2" else SHAPES:
            line = f"{kind:14} {'x'.join(map(str, shape)):>10}"
            if options.only not in line:
                continue
            best = measure(shape, name, dtype, options.seconds)
            for library, taken in best.items():
                line += f"  {library} {1e6 * taken:9.1f}"
                if library != "pullback":
                    line += f" ({taken / best['pullback']:.2f})"
            print(line, flush=True)


if __name__ == "__main__":
    main()
