"""Random arguments for every distribution, the same for any library with torch's names.

``TABLE`` names the parameters of each distribution and what values they take; ``arguments`` draws
shapes that broadcast, numbers in place of tensors, and a dtype.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Rng = np.random.Generator
Shape = tuple[int, ...]


def real(rng: Rng, shape: Shape) -> Any:
    return rng.normal(size=shape) * 2


def positive(rng: Rng, shape: Shape) -> Any:
    return np.exp(rng.normal(size=shape)) * 0.8 + 0.1


def degrees(rng: Rng, shape: Shape) -> Any:
    return rng.uniform(0.5, 9.0, size=shape)


def unit(rng: Rng, shape: Shape) -> Any:
    return rng.uniform(0.02, 0.98, size=shape)


def middle(rng: Rng, shape: Shape) -> Any:
    """Also inside of the limits of the continuous Bernoulli distribution."""
    return np.where(rng.random(shape) < 0.4, 0.5, rng.uniform(0.05, 0.95, size=shape))


def count(rng: Rng, shape: Shape) -> Any:
    return rng.integers(0, 40, size=shape).astype(float)


def equal_count(rng: Rng, shape: Shape) -> Any:
    return np.full(shape, float(rng.integers(1, 9)))


def tail(rng: Rng, shape: Shape) -> Any:
    return np.where(rng.random(shape) < 0.2, 0.0, rng.uniform(-0.8, 1.3, size=shape))


def low(rng: Rng, shape: Shape) -> Any:
    return rng.uniform(-3, 0, size=shape)


def high(rng: Rng, shape: Shape) -> Any:
    return rng.uniform(0.1, 3, size=shape)


def above_dimension(rng: Rng, shape: Shape) -> Any:
    return rng.uniform(3.2, 9.0, size=shape)


def factor(rng: Rng, shape: Shape) -> Any:
    lower = np.tril(rng.normal(size=shape), -1)
    n = shape[-1]
    return lower + np.eye(n) * rng.uniform(0.4, 2.0, size=(*shape[:-1], 1))


def definite(rng: Rng, shape: Shape) -> Any:
    root = factor(rng, shape)
    return root @ np.swapaxes(root, -1, -2)


Draw = Callable[[Rng, Shape], Any]


@dataclass(frozen=True)
class Parameter:
    name: str
    draw: Draw
    event: Shape = ()  # sizes behind those of the batch
    number: bool = True  # may be a number


def of(**draws: Draw) -> list[Parameter]:
    return [Parameter(name, draw) for name, draw in draws.items()]


def vectors(**draws: Draw) -> list[Parameter]:
    return [Parameter(name, draw, (3,), False) for name, draw in draws.items()]


TABLE: dict[str, list[list[Parameter]]] = {
    "Bernoulli": [of(probs=unit), of(logits=real)],
    "Beta": [of(concentration1=positive, concentration0=positive)],
    "Binomial": [
        of(total_count=count, probs=unit),
        of(total_count=equal_count, probs=unit),
        of(total_count=equal_count, logits=real),
    ],
    "Categorical": [vectors(probs=positive), vectors(logits=real)],
    "Cauchy": [of(loc=real, scale=positive)],
    "Chi2": [of(df=degrees)],
    "ContinuousBernoulli": [of(probs=middle), of(logits=real)],
    "Dirichlet": [vectors(concentration=positive)],
    "Exponential": [of(rate=positive)],
    "FisherSnedecor": [of(df1=degrees, df2=degrees)],
    "Gamma": [of(concentration=positive, rate=positive)],
    "GeneralizedPareto": [of(loc=real, scale=positive, concentration=tail)],
    "Geometric": [of(probs=unit), of(logits=real)],
    "Gumbel": [of(loc=real, scale=positive)],
    "HalfCauchy": [of(scale=positive)],
    "HalfNormal": [of(scale=positive)],
    "InverseGamma": [of(concentration=positive, rate=positive)],
    "Kumaraswamy": [of(concentration1=positive, concentration0=positive)],
    "LKJCholesky": [of(concentration=positive)],
    "Laplace": [of(loc=real, scale=positive)],
    "LogNormal": [of(loc=real, scale=positive)],
    "LogisticNormal": [vectors(loc=real, scale=positive)],
    "LowRankMultivariateNormal": [
        [
            Parameter("loc", real, (3,), False),
            Parameter("cov_factor", real, (3, 2), False),
            Parameter("cov_diag", positive, (3,), False),
        ]
    ],
    "Multinomial": [vectors(probs=positive), vectors(logits=real)],
    "MultivariateNormal": [
        [Parameter("loc", real, (3,), False), Parameter(name, draw, (3, 3), False)]
        for name, draw in (
            ("covariance_matrix", definite),
            ("precision_matrix", definite),
            ("scale_tril", factor),
        )
    ],
    "NegativeBinomial": [
        of(total_count=positive, probs=unit),
        of(total_count=positive, logits=real),
    ],
    "Normal": [of(loc=real, scale=positive)],
    "OneHotCategorical": [vectors(probs=positive), vectors(logits=real)],
    "OneHotCategoricalStraightThrough": [vectors(probs=positive), vectors(logits=real)],
    "Pareto": [of(scale=positive, alpha=degrees)],
    "Poisson": [of(rate=degrees)],
    "RelaxedBernoulli": [of(probs=unit), of(logits=real)],
    "RelaxedOneHotCategorical": [vectors(probs=positive), vectors(logits=real)],
    "StudentT": [of(df=degrees, loc=real, scale=positive), of(df=degrees)],
    "Uniform": [of(low=low, high=high)],
    "VonMises": [of(loc=real, concentration=degrees)],
    "Weibull": [of(scale=positive, concentration=positive)],
    "Wishart": [
        [Parameter("df", above_dimension, (), False), Parameter(name, draw, (3, 3), False)]
        for name, draw in (
            ("covariance_matrix", definite),
            ("precision_matrix", definite),
            ("scale_tril", factor),
        )
    ],
}


def temperature(lib: Any, rng: Rng) -> dict[str, Any]:
    return {"temperature": lib.tensor(float(rng.uniform(0.3, 2.0)), dtype=lib.float64)}


# Arguments that are no tensors of the batch.
FIXED: dict[str, Callable[[Any, Rng], dict[str, Any]]] = {
    "LKJCholesky": lambda lib, rng: {"dim": int(rng.integers(2, 5))},
    "Multinomial": lambda lib, rng: {"total_count": int(rng.integers(1, 12))},
    "RelaxedBernoulli": lambda lib, rng: temperature(lib, rng),
    "RelaxedOneHotCategorical": lambda lib, rng: temperature(lib, rng),
}
BATCHES: list[Shape] = [(), (), (1,), (4,), (2, 3), (2, 1, 3)]


DTYPES = {
    "ContinuousBernoulli": "float64",  # differences of large numbers near 1/2
    "GeneralizedPareto": "float32",  # torch compares with a float32 zero: it refuses float64
    "LKJCholesky": "float64",  # the diagonal is the root of a difference
    "Wishart": "float64",  # matrices that are nearly singular
}


@dataclass(frozen=True)
class Arguments:
    """Values by parameter: numbers or arrays, and what is fixed."""

    name: str
    values: dict[str, Any]
    dtype: str
    seed: int

    def of(self, lib: Any, *, grad: bool = False) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key, value in self.values.items():
            if isinstance(value, float):
                made[key] = value
                continue
            made[key] = lib.tensor(value.tolist(), dtype=getattr(lib, self.dtype)).reshape(
                value.shape
            )
            # How many trials there are is nothing that could be moved a little.
            made[key].requires_grad_(grad and key != "total_count")
        rng = np.random.default_rng(self.seed)
        fixed = FIXED.get(self.name)
        return {**(fixed(lib, rng) if fixed else {}), **made}

    def build(self, lib: Any, **more: Any) -> Any:
        return getattr(lib.distributions, self.name)(**self.of(lib), **more)


def part_of(rng: Rng, shape: Shape) -> Shape:
    """A shape that broadcasts to `shape`."""
    kept = shape[int(rng.integers(0, len(shape) + 1)) :] if rng.random() < 0.4 else shape
    return tuple(1 if rng.random() < 0.2 else n for n in kept)


def arguments(name: str, seed: int, whole: Shape | None = None) -> Arguments:
    """``whole``: the shape that every parameter has, in place of random ones."""
    rng = np.random.default_rng([seed, *name.encode()])
    parameters = TABLE[name][int(rng.integers(len(TABLE[name])))]
    batch = BATCHES[int(rng.integers(len(BATCHES)))]
    dtype = DTYPES.get(name, "float32" if rng.random() < 0.35 else "float64")
    values: dict[str, Any] = {}
    for parameter in parameters:
        shape = part_of(rng, batch) if whole is None else whole
        if parameter.number and not shape and dtype == "float32" and rng.random() < 0.5:
            values[parameter.name] = float(parameter.draw(rng, ()))
        else:
            values[parameter.name] = np.asarray(parameter.draw(rng, (*shape, *parameter.event)))
    return Arguments(name, values, dtype, int(rng.integers(2**31)))
