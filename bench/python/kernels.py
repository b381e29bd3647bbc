"""Every family of kernels beside PyTorch, from 1e2 to 1e7 elements, forward and with backward.

    python bench/python/kernels.py [--threads 1] [--rounds 5] [--only FAMILY] [--write]

Prints a row for each call (pullback, torch, torch/pullback), then of each family the geometric mean
and the least ratio. With --write the table of the families and a plot of all ratios go into
docs/benchmarks.md. How it is measured stands in beside.py.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import convolution
import report
from beside import DOCS, Ratios, clock_for, compare, libraries, times

Lib = ModuleType
SIZES = (10**2, 10**4, 10**6, 10**7)


@dataclass(frozen=True)
class Row:
    """One call: inputs by their shapes, normal or what `make` gives, and the function of them."""

    family: str
    name: str
    shapes: tuple[tuple[int, ...], ...]
    function: Callable[..., Any]  # of the library and the inputs
    back: bool = True  # measured with the backward pass, too
    dtype: str = "float32"
    low: float | None = None  # uniform in low..1 in the place of normal
    tolerance: float = 1e-4


def pointwise() -> Iterator[Row]:
    """One to three operands of every size."""

    def named(name: str) -> Callable[..., Any]:
        return lambda t, *xs: getattr(t, name)(*xs)

    def of_nn(name: str) -> Callable[..., Any]:
        return lambda t, *xs: getattr(t.nn.functional, name)(*xs)

    for n in SIZES:
        yield Row("pointwise", f"add {n:.0e}", ((n,), (n,)), named("add"))
        yield Row("pointwise", f"mul {n:.0e}", ((n,), (n,)), named("mul"))
        for name in ("exp", "sigmoid", "tanh", "relu"):
            yield Row("pointwise", f"{name} {n:.0e}", ((n,),), named(name))
        yield Row("pointwise", f"gelu {n:.0e}", ((n,),), of_nn("gelu"))
        yield Row("pointwise", f"log {n:.0e}", ((n,),), named("log"), low=0.1)
    million = ((10**6,),)
    for name in ("sin", "erf", "log1p", "sqrt", "rsqrt", "reciprocal"):
        yield Row("pointwise", f"{name} 1e6", million, named(name), low=0.1)
    yield Row("pointwise", "erfinv 1e6", million, named("erfinv"), low=-0.9)
    for name in ("silu", "softplus", "leaky_relu", "elu"):
        yield Row("pointwise", f"{name} 1e6", million, of_nn(name))
    yield Row("pointwise", "exp 1e6 float64", million, named("exp"), dtype="float64")
    yield Row("pointwise", "add_ 1e6", million * 2, lambda _, x, y: x.add_(y), False, low=0.0)
    yield Row("pointwise", "where 1e6", million * 2, lambda t, x, y: t.where(x > 0, x, y))
    yield Row("pointwise", "1000x1000 times a row", ((1000, 1000), (1000,)), named("mul"))
    yield Row("pointwise", "1000x1000 times a column", ((1000, 1000), (1000, 1)), named("mul"))
    yield Row("pointwise", "transposed add", ((1000, 1000),) * 2, lambda _, x, y: x.t() + y)


def reductions() -> Iterator[Row]:
    """Sums, maxima and scans."""
    for n in SIZES:
        yield Row("reductions", f"sum {n:.0e}", ((n,),), lambda _, x: x.sum())
        yield Row("reductions", f"cumsum {n:.0e}", ((n,),), lambda _, x: x.cumsum(0))
    square = ((1000, 1000),)
    for axis in (0, 1):
        for name in ("sum", "mean", "amax", "cumsum", "logsumexp", "argmax"):
            yield Row(
                "reductions",
                f"{name} of 1000x1000 along {axis}",
                square,
                lambda _, x, name=name, axis=axis: getattr(x, name)(axis),
                name != "argmax",
            )
        yield Row(
            "reductions",
            f"var of 1000x1000 along {axis}",
            square,
            lambda _, x, axis=axis: x.var(axis),
        )
    yield Row("reductions", "sum of 10000x64 along 1", ((10000, 64),), lambda _, x: x.sum(1))
    yield Row("reductions", "norm 1e6", ((10**6,),), lambda _, x: x.norm())
    yield Row("reductions", "prod 1e4", ((10**4,),), lambda _, x: x.prod(), low=0.999)
    yield Row("reductions", "sort 1e5", ((10**5,),), lambda _, x: x.sort(stable=True)[0])
    yield Row("reductions", "topk 10 of 1e5", ((10**5,),), lambda _, x: x.topk(10)[0])


def indexing() -> Iterator[Row]:
    """What moves elements."""

    def index(t: Lib, count: int, high: int, *shape: int) -> Any:
        import numpy as np

        return t.from_numpy(np.random.default_rng(count).integers(0, high, count)).reshape(
            shape or (count,)
        )

    million = (10**6,)
    kept: dict[tuple[str, int], Any] = {}

    def fixed(t: Lib, count: int, high: int, *shape: int) -> Any:
        key = (t.__name__, count * 31 + high)
        if key not in kept:
            kept[key] = index(t, count, high, *shape)
        return kept[key]

    yield Row(
        "indexing", "gather 1e6", (million,), lambda t, x: x.gather(0, fixed(t, 10**6, 10**6))
    )
    yield Row(
        "indexing",
        "scatter_add 1e6 into 1e4",
        ((10**4,), million),
        lambda t, x, y: x.scatter_add(0, fixed(t, 10**6, 10**4), y),
    )
    yield Row(
        "indexing",
        "index_add of 1e4 rows of 64",
        ((1000, 64), (10**4, 64)),
        lambda t, x, y: x.index_add(0, fixed(t, 10**4, 1000), y),
    )
    yield Row(
        "indexing",
        "index_select of 1e4 rows of 64",
        ((1000, 64),),
        lambda t, x: x.index_select(0, fixed(t, 10**4, 1000)),
    )
    yield Row(
        "indexing",
        "embedding of 1e4 rows of 64",
        ((1000, 64),),
        lambda t, w: t.nn.functional.embedding(fixed(t, 10**4, 1000), w),
    )
    yield Row("indexing", "cat of two 1e6", (million, million), lambda t, x, y: t.cat([x, y]))
    yield Row("indexing", "cat along 1", ((1000, 500),) * 2, lambda t, x, y: t.cat([x, y], 1))
    yield Row("indexing", "contiguous transpose", ((1000, 1000),), lambda _, x: x.t().contiguous())
    yield Row("indexing", "a slice", ((1000, 1000),), lambda _, x: x[10:900, 5:800].clone())
    yield Row("indexing", "a mask", (million,), lambda _, x: x[x > 0])
    yield Row("indexing", "flip 1e6", (million,), lambda _, x: x.flip(0))
    yield Row("indexing", "tril of 1000x1000", ((1000, 1000),), lambda _, x: x.tril())
    yield Row("indexing", "tril_indices 1000", (), lambda t: t.tril_indices(1000, 1000), False)


def products() -> Iterator[Row]:
    """Matrix products."""
    shapes = [
        (32, 32, 32),
        (128, 128, 128),
        (256, 256, 256),
        (512, 512, 512),
        (1024, 1024, 1024),
        (10000, 32, 32),
        (10000, 128, 128),
        (16, 1024, 1024),
    ]
    for m, k, n in shapes:
        yield Row("products", f"{m}x{k}x{n}", ((m, k), (k, n)), lambda _, x, y: x @ y)
    yield Row("products", "256 float64", ((256, 256),) * 2, lambda _, x, y: x @ y, dtype="float64")
    yield Row("products", "vector times matrix", ((1000,), (1000, 1000)), lambda _, x, y: x @ y)
    yield Row("products", "matrix times vector", ((1000, 1000), (1000,)), lambda _, x, y: x @ y)
    yield Row("products", "dot 1e6", ((10**6,),) * 2, lambda _, x, y: x @ y)
    yield Row("products", "batched 8x256", ((8, 256, 256),) * 2, lambda _, x, y: x @ y)
    yield Row("products", "batched 256x32", ((256, 32, 32),) * 2, lambda _, x, y: x @ y)
    for m, k, n in ((128, 784, 512), (1024, 128, 384), (64, 256, 10), (8, 256, 256)):
        yield Row(
            "products",
            f"linear {m}x{k}x{n}",
            ((m, k), (n, k), (n,)),
            lambda t, x, w, b: t.nn.functional.linear(x, w, b),
        )


def norms_and_losses() -> Iterator[Row]:
    """Normalisation, softmax, losses, pooling, attention."""

    def targets(t: Lib, count: int, high: int) -> Any:
        return t.arange(count) * 7919 % high

    for n, c in ((128, 10), (512, 64), (4096, 65), (128, 1000)):
        yield Row("softmax", f"{n}x{c}", ((n, c),), lambda t, x: t.softmax(x, 1))
        yield Row("softmax", f"log {n}x{c}", ((n, c),), lambda t, x: t.log_softmax(x, 1))
        yield Row(
            "losses",
            f"cross_entropy {n}x{c}",
            ((n, c),),
            lambda t, x, n=n, c=c: t.nn.functional.cross_entropy(x, targets(t, n, c)),
        )
    yield Row("softmax", "along 0 of 1000x1000", ((1000, 1000),), lambda t, x: t.softmax(x, 0))
    for name in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"):
        for n in (10**4, 10**6):
            yield Row(
                "losses",
                f"{name} {n:.0e}",
                ((n,), (n,)),
                lambda t, x, y, name=name: getattr(t.nn.functional, name)(x, y.detach()),
            )
    yield Row(
        "losses",
        "binary_cross_entropy_with_logits 1e5",
        ((10**5,), (10**5,)),
        lambda t, x, y: t.nn.functional.binary_cross_entropy_with_logits(x, y.detach() * 0 + 0.5),
    )
    for n, c in ((512, 64), (512, 256), (4096, 128), (32, 1024)):
        yield Row(
            "normalisation",
            f"layer_norm {n}x{c}",
            ((n, c), (c,), (c,)),
            lambda t, x, w, b, c=c: t.nn.functional.layer_norm(x, (c,), w, b),
        )
    for shape in ((32, 64, 16, 16), (8, 128, 28, 28)):
        c = shape[1]
        shown = "x".join(map(str, shape))
        yield Row(
            "normalisation",
            f"batch_norm {shown}",
            (shape, (c,), (c,)),
            lambda t, x, w, b: t.nn.functional.batch_norm(x, None, None, w, b, True),
            tolerance=1e-3,
        )
        yield Row(
            "normalisation",
            f"group_norm {shown}",
            (shape, (c,), (c,)),
            lambda t, x, w, b: t.nn.functional.group_norm(x, 8, w, b),
            tolerance=1e-3,
        )
        for name, call in (
            ("max_pool2d 2", lambda t, x: t.nn.functional.max_pool2d(x, 2)),
            ("max_pool2d 3/2", lambda t, x: t.nn.functional.max_pool2d(x, 3, 2, 1)),
            ("avg_pool2d 2", lambda t, x: t.nn.functional.avg_pool2d(x, 2)),
            ("adaptive_avg_pool2d", lambda t, x: t.nn.functional.adaptive_avg_pool2d(x, 1)),
        ):
            yield Row("pooling", f"{name} {shown}", (shape,), call)
    for b, h, n, d in ((16, 4, 16, 8), (8, 4, 64, 16), (4, 8, 128, 32), (2, 8, 256, 64)):
        for causal in (False, True):
            yield Row(
                "attention",
                f"{b}x{h}x{n}x{d}" + (" causal" if causal else ""),
                ((b, h, n, d),) * 3,
                lambda t, q, k, v, causal=causal: t.nn.functional.scaled_dot_product_attention(
                    q, k, v, is_causal=causal
                ),
            )
    for kind in ("LSTM", "GRU", "RNN"):
        for steps, batch, features, hidden in ((20, 32, 64, 128), (50, 16, 32, 64)):
            gates = {"LSTM": 4, "GRU": 3, "RNN": 1}[kind] * hidden
            yield Row(
                "recurrent",
                f"{kind} {steps}x{batch}x{features} to {hidden}",
                ((steps, batch, features), (gates, features), (gates, hidden)),
                recurrent(kind, features, hidden),
            )


def recurrent(kind: str, features: int, hidden: int) -> Callable[..., Any]:
    """A layer without biases as a function of its input and parameters."""
    layers: dict[str, Any] = {}

    def run(t: Lib, x: Any, of_input: Any, of_state: Any) -> Any:
        layer = layers.get(t.__name__)
        if layer is None:
            layer = layers[t.__name__] = getattr(t.nn, kind)(features, hidden, bias=False)
        given = {"weight_ih_l0": of_input * 0.1, "weight_hh_l0": of_state * 0.1}
        return t.func.functional_call(layer, given, (x,))[0]

    return run


def convolutions() -> Iterator[Row]:
    """The shapes of convolution.py."""
    for shape in convolution.SHAPES:
        dims = len(shape.image) - 2
        name = f"conv_transpose{dims}d" if shape.transposed else f"conv{dims}d"
        yield Row(
            "convolution",
            shape.name,
            (shape.image, shape.weight),
            lambda t, x, w, name=name, shape=shape: getattr(t.nn.functional, name)(
                x, w, **shape.options
            ),
            tolerance=1e-3,
        )


FAMILIES = (pointwise, reductions, indexing, products, norms_and_losses, convolutions)


def calls(row: Row, lib: Lib, back: bool) -> Callable[[], Any]:
    """The call in one library; with backward it gives the gradients of the inputs."""
    import numpy as np

    inputs = []
    for number, shape in enumerate(row.shapes):
        numbers = np.random.default_rng(number)
        array = (
            numbers.standard_normal(shape)
            if row.low is None
            else numbers.uniform(row.low, 1, shape)
        )
        inputs.append(lib.from_numpy(array.astype(row.dtype)).requires_grad_(back))
    if not back:

        def forward() -> Any:
            with lib.no_grad():
                return row.function(lib, *inputs)

        return forward
    with lib.no_grad():
        shape = row.function(lib, *inputs).shape
    seed = lib.from_numpy(np.random.default_rng(99).standard_normal(tuple(shape)).astype(row.dtype))

    def both() -> Any:
        out = row.function(lib, *inputs)
        return lib.autograd.grad(out, inputs, seed, allow_unused=True)

    return both


def draw(ratios: Ratios, threads: int) -> None:
    """A strip of dots for each family."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "pullback"
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(9, 0.5 * len(ratios.rows) + 1.2), layout="constrained")
    for place, family in enumerate(ratios.rows):
        found = ratios.of(family)
        axes.scatter(found, [place] * len(found), s=14, alpha=0.5, color="#d1495b", linewidths=0)
    axes.axvline(1.0, color="black", linewidth=0.8)
    axes.set_xscale("log")
    axes.set_yticks(range(len(ratios.rows)), list(ratios.rows), fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel(f"torch / pullback, threads: {threads} (log scale)")
    axes.grid(axis="x", alpha=0.3)
    figure.savefig(DOCS / f"benchmarks_kernels_{threads}.svg", metadata={"Date": None})
    plt.close(figure)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="rows whose family or name contains this")
    parser.add_argument("--write", action="store_true", help="into docs/benchmarks.md")
    options = parser.parse_args()
    libs = libraries(options.threads)
    clock = clock_for(options.threads)
    ratios = Ratios()
    for family in FAMILIES:
        for row in family():
            if options.only not in f"{row.family}: {row.name}":
                continue
            for back in (False, True) if row.back else (False,):
                pair = [calls(row, lib, back) for lib in libs]
                if "add_" not in row.name:
                    compare(row.name, [call() for call in pair], row.tolerance)
                found = times(pair, options.rounds, clock)
                ratios.add(row.family, row.name + (" with backward" if back else ""), *found)
    print("\n" + ratios.summary())
    if options.write:
        draw(ratios, options.threads)
        plot = f"![Ratios of all rows](benchmarks_kernels_{options.threads}.svg)"
        text = f"torch/pullback; `python bench/python/kernels.py --threads {options.threads}`."
        title = f"Families of kernels, threads: {options.threads}"
        report.write_section(DOCS, title, f"{text}\n\n{ratios.summary()}\n\n{plot}")


if __name__ == "__main__":
    main()
