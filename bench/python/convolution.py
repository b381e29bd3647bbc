"""Convolutions beside PyTorch: forward, gradient of the input, gradient of the weight.

    python bench/python/convolution.py [--threads 1] [--rounds 7] [--only TEXT]

Prints a row for each shape, in milliseconds and as the ratio torch/pullback (above 1: pullback is
faster), and the geometric mean of each column. Results are compared first. One thread is timed by
the processor's clock, which other programs disturb less, several by the wall's; each library's time
is the least of the rounds, which alternate.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from math import exp, log
from time import perf_counter, process_time
from types import ModuleType
from typing import Any

PARTS = ("forward", "input", "weight")
SAMPLE_SECONDS = 0.02


@dataclass(frozen=True)
class Shape:
    """One convolution, by the names of its arguments."""

    name: str
    image: tuple[int, ...]
    weight: tuple[int, ...]
    options: dict[str, int] = field(default_factory=dict)
    transposed: bool = False


SHAPES = [
    Shape("LeNet 1, 32 digits", (32, 1, 28, 28), (6, 1, 5, 5), {"padding": 2}),
    Shape("LeNet 2, 32 digits", (32, 6, 14, 14), (16, 6, 5, 5)),
    Shape("ResNet stem, 4x64x64", (4, 3, 64, 64), (64, 3, 7, 7), {"stride": 2, "padding": 3}),
    Shape("ResNet stem, 224x224", (1, 3, 224, 224), (64, 3, 7, 7), {"stride": 2, "padding": 3}),
    Shape("ResNet 64, 4x16x16", (4, 64, 16, 16), (64, 64, 3, 3), {"padding": 1}),
    Shape("ResNet 64, 56x56", (1, 64, 56, 56), (64, 64, 3, 3), {"padding": 1}),
    Shape("ResNet 128, 4x8x8", (4, 128, 8, 8), (128, 128, 3, 3), {"padding": 1}),
    Shape("ResNet 128, 28x28", (1, 128, 28, 28), (128, 128, 3, 3), {"padding": 1}),
    Shape("ResNet 128, 56x56/2", (1, 64, 56, 56), (128, 64, 3, 3), {"stride": 2, "padding": 1}),
    Shape("ResNet 256, 4x4x4", (4, 256, 4, 4), (256, 256, 3, 3), {"padding": 1}),
    Shape("ResNet 256, 14x14", (1, 256, 14, 14), (256, 256, 3, 3), {"padding": 1}),
    Shape("ResNet 512, 2x2x2", (2, 512, 2, 2), (512, 512, 3, 3), {"padding": 1}),
    Shape("ResNet 512, 7x7", (1, 512, 7, 7), (512, 512, 3, 3), {"padding": 1}),
    Shape("ResNet 1x1/2, 56x56", (1, 64, 56, 56), (128, 64, 1, 1), {"stride": 2}),
    Shape("1x1, 256 to 64, 56x56", (1, 256, 56, 56), (64, 256, 1, 1)),
    Shape("1x1, 64 to 256, 8x14x14", (8, 64, 14, 14), (256, 64, 1, 1)),
    Shape("depthwise 3x3, 112x112", (1, 32, 112, 112), (32, 1, 3, 3), {"padding": 1, "groups": 32}),
    Shape(
        "depthwise 3x3/2, 56x56",
        (1, 128, 56, 56),
        (128, 1, 3, 3),
        {"stride": 2, "padding": 1, "groups": 128},
    ),
    Shape(
        "depthwise 3x3, 8x14x14", (8, 512, 14, 14), (512, 1, 3, 3), {"padding": 1, "groups": 512}
    ),
    Shape("depthwise 5x5, 28x28", (2, 120, 28, 28), (120, 1, 5, 5), {"padding": 2, "groups": 120}),
    Shape("groups of 4, 28x28", (2, 128, 28, 28), (128, 4, 3, 3), {"padding": 1, "groups": 32}),
    Shape("audio 1 to 64, 8000", (2, 1, 8000), (64, 1, 80), {"stride": 4}),
    Shape("audio 64 to 64, 2000", (2, 64, 2000), (64, 64, 3), {"padding": 1}),
    Shape("audio dilated 8, 2000", (2, 64, 2000), (64, 64, 3), {"padding": 8, "dilation": 8}),
    Shape("3d 16 to 32, 12^3", (2, 16, 12, 12, 12), (32, 16, 3, 3, 3), {"padding": 1}),
    Shape(
        "transposed 4x4/2, 16x16",
        (4, 64, 16, 16),
        (64, 32, 4, 4),
        {"stride": 2, "padding": 1},
        True,
    ),
    Shape("transposed 2x2/2, 28x28", (2, 128, 28, 28), (128, 64, 2, 2), {"stride": 2}, True),
]


class Run:
    """One shape in one library."""

    def __init__(self, shape: Shape, lib: ModuleType, clock: Callable[[], float]) -> None:
        import numpy as np

        self.clock = clock

        rng = np.random.default_rng(0)
        dims = len(shape.image) - 2
        name = f"conv_transpose{dims}d" if shape.transposed else f"conv{dims}d"
        convolve = getattr(lib.nn.functional, name)
        image, weight = (
            lib.from_numpy(rng.standard_normal(sizes, dtype=np.float32))
            for sizes in (shape.image, shape.weight)
        )
        self.forward: Any = lambda: convolve(image, weight, **shape.options)
        wanted = image.clone().requires_grad_(), weight.clone().requires_grad_()
        of_image = convolve(wanted[0], weight, **shape.options)
        of_weight = convolve(image, wanted[1], **shape.options)
        gradient = lib.from_numpy(rng.standard_normal(of_image.shape, dtype=np.float32))
        self.input = lambda: lib.autograd.grad(of_image, wanted[0], gradient, retain_graph=True)[0]
        self.weight = lambda: lib.autograd.grad(of_weight, wanted[1], gradient, retain_graph=True)[
            0
        ]
        self.loops = {part: self.calibrated(part) for part in PARTS}

    def calibrated(self, part: str) -> int:
        """Calls that take about SAMPLE_SECONDS."""
        self.seconds(part, 1)
        return max(1, round(SAMPLE_SECONDS / self.seconds(part, 2)))

    def seconds(self, part: str, loops: int) -> float:
        """Of one call."""
        call = getattr(self, part)
        start = self.clock()
        for _ in range(loops):
            call()
        return (self.clock() - start) / loops

    def sample(self, part: str) -> float:
        """Of one call, from as many as were found to be enough."""
        return self.seconds(part, self.loops[part])


def compare(ours: Run, theirs: Run) -> None:
    """Both compute the same."""
    import numpy as np

    for part in PARTS:
        a, b = (getattr(run, part)().numpy() for run in (ours, theirs))
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4 * np.abs(b).max())


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", default="", help="shapes whose name contains this")
    options = parser.parse_args()
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = str(options.threads)
    import torch

    import pullback as pb

    libraries: list[ModuleType] = [pb, torch]
    for lib in libraries:
        lib.set_num_threads(options.threads)
    clock = process_time if options.threads == 1 else perf_counter
    ratios: dict[str, list[float]] = {part: [] for part in PARTS}
    print(f"{'ms, and torch/pullback':26}" + "".join(f"{part:>22}" for part in PARTS))
    for shape in SHAPES:
        if options.only not in shape.name:
            continue
        runs = [Run(shape, lib, clock) for lib in libraries]
        compare(*runs)
        cells = []
        for part in PARTS:
            least = [float("inf")] * 2
            for number in range(options.rounds):
                for k in (0, 1) if number % 2 == 0 else (1, 0):
                    least[k] = min(least[k], runs[k].sample(part))
            ratios[part].append(least[1] / least[0])
            cells.append(f"{least[0] * 1e3:8.3f} {least[1] * 1e3:7.3f} {ratios[part][-1]:5.2f}")
        print(f"{shape.name:26}" + "".join(cells), flush=True)
    means = [exp(sum(map(log, found)) / len(found)) for found in ratios.values()]
    print(f"{'geometric mean':26}" + "".join(f"{mean:22.2f}" for mean in means))
    print(f"least {min(min(found) for found in ratios.values()):.2f}")


if __name__ == "__main__":
    main()
