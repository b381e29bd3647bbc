"""Distributions beside SciPy and by their own definitions, without torch."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import special, stats

import pullback as pb
from distribution_cases import TABLE, arguments
from pullback import distributions as dist

# The frozen distribution of SciPy from the parameters, in the order of the table.
SCIPY: dict[str, Callable[..., Any]] = {
    "Bernoulli": lambda d: stats.bernoulli(d.probs),
    "Beta": lambda d: stats.beta(d.concentration1, d.concentration0),
    "Binomial": lambda d: stats.binom(d.total_count, d.probs),
    "Cauchy": lambda d: stats.cauchy(d.loc, d.scale),
    "Chi2": lambda d: stats.chi2(d.df),
    "Exponential": lambda d: stats.expon(scale=1 / d.rate),
    "FisherSnedecor": lambda d: stats.f(d.df1, d.df2),
    "Gamma": lambda d: stats.gamma(d.concentration, scale=1 / d.rate),
    "GeneralizedPareto": lambda d: stats.genpareto(d.concentration, d.loc, d.scale),
    "Geometric": lambda d: stats.geom(d.probs, loc=-1),
    "Gumbel": lambda d: stats.gumbel_r(d.loc, d.scale),
    "HalfCauchy": lambda d: stats.halfcauchy(scale=d.scale),
    "HalfNormal": lambda d: stats.halfnorm(scale=d.scale),
    "InverseGamma": lambda d: stats.invgamma(d.concentration, scale=d.rate),
    "Laplace": lambda d: stats.laplace(d.loc, d.scale),
    "LogNormal": lambda d: stats.lognorm(s=d.scale, scale=np.exp(d.loc)),
    "NegativeBinomial": lambda d: stats.nbinom(d.total_count, 1 - d.probs),
    "Normal": lambda d: stats.norm(d.loc, d.scale),
    "Pareto": lambda d: stats.pareto(d.alpha, scale=d.scale),
    "Poisson": lambda d: stats.poisson(d.rate),
    "StudentT": lambda d: stats.t(d.df, d.loc, d.scale),
    "Uniform": lambda d: stats.uniform(d.low, d.high - d.low),
    "VonMises": lambda d: stats.vonmises(d.concentration, d.loc),
    "Weibull": lambda d: stats.weibull_min(d.concentration, scale=d.scale),
}


class AsArrays:
    """The attributes of a distribution as arrays."""

    def __init__(self, distribution: Any) -> None:
        self.distribution = distribution

    def __getattr__(self, name: str) -> Any:
        return getattr(self.distribution, name).detach().numpy()


def optional(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except NotImplementedError:
        return None


@pytest.mark.parametrize("name", SCIPY)
def test_beside_scipy(name: str) -> None:
    for seed in range(12):
        case = arguments(name, seed, (4,))
        values = {k: pb.tensor(v.tolist(), dtype=pb.float64) for k, v in case.values.items()}
        ours = getattr(dist, name)(**values)
        theirs = SCIPY[name](AsArrays(ours))
        x = ours.sample((3,))
        discrete = hasattr(theirs.dist, "pmf")
        log_density = theirs.logpmf if discrete else theirs.logpdf
        rtol = 1e-5 if name == "VonMises" else 1e-8
        np.testing.assert_allclose(ours.log_prob(x), log_density(x.numpy()), rtol=rtol, atol=1e-9)
        cdf = optional(lambda: ours.cdf(x))  # noqa: B023 - called at once
        if cdf is not None:
            np.testing.assert_allclose(cdf, theirs.cdf(x.numpy()), rtol=1e-8, atol=1e-10)
        u = pb.linspace(0.1, 0.9, 4, dtype=pb.float64)
        quantile = optional(lambda: ours.icdf(u))  # noqa: B023
        if quantile is not None:
            np.testing.assert_allclose(quantile, theirs.ppf(u.numpy()), rtol=1e-7, atol=1e-9)
        if name == "VonMises":
            continue  # a circular mean and variance
        for moment, wanted in (("mean", theirs.mean()), ("variance", theirs.var())):
            found = getattr(ours, moment).numpy()
            known = np.isfinite(found) & np.isfinite(wanted)
            np.testing.assert_allclose(found[known], wanted[known], rtol=1e-6)
        entropy = optional(ours.entropy)
        if entropy is not None and name != "Geometric":
            np.testing.assert_allclose(entropy, theirs.entropy(), rtol=1e-6, atol=1e-9)


SAMPLED = sorted(TABLE.keys() - {"Cauchy", "HalfCauchy"})


@pytest.mark.parametrize("name", SAMPLED)
def test_moments_of_samples(name: str) -> None:
    """The means of many samples are within six standard errors."""
    n = 2000
    case = arguments(name, 5, (2,))
    distribution = case.build(pb)
    mean = optional(lambda: distribution.mean)
    variance = optional(lambda: distribution.variance)
    if mean is None or variance is None or name == "VonMises":
        assert distribution.sample((n,)).shape[0] == n
        return
    x = distribution.sample((n,)).to(pb.float64).mean(0)
    error = 6 * (variance / n).sqrt()
    known = pb.isfinite(mean) & pb.isfinite(error)
    assert bool((((x - mean).abs() <= error) | ~known).all())


def quantile_slope(a: float, q: float) -> tuple[float, float]:
    step = 1e-5 * a
    x = special.gammaincinv(a, q)
    return x, (special.gammaincinv(a + step, q) - special.gammaincinv(a - step, q)) / (2 * step)


@pytest.mark.parametrize("a", [0.1, 0.5, 1.0, 3.0, 40.0, 900.0, 9e4, 2e5, 1e6])
@pytest.mark.parametrize("q", [1e-3, 0.05, 0.5, 0.95, 0.999])
def test_gamma_numbers_move_along_their_quantile(a: float, q: float) -> None:
    x, wanted = quantile_slope(a, q)
    arguments = (pb.tensor(v, dtype=pb.float64) for v in (a, x))
    assert pb._standard_gamma_grad(*arguments).item() == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("a", [0.3, 1.0, 4.0, 100.0])
@pytest.mark.parametrize("b", [0.5, 2.0, 30.0, 1e4])
@pytest.mark.parametrize("q", [1e-3, 0.3, 0.9])
def test_beta_numbers_move_along_their_quantile(a: float, b: float, q: float) -> None:
    x, step = special.betaincinv(a, b, q), 1e-5 * a
    wanted = special.betaincinv(a + step, b, q) - special.betaincinv(a - step, b, q)
    wanted /= 2 * step * (1 - x)
    arguments = (pb.tensor([v], dtype=pb.float64) for v in (x, a, a + b))
    assert pb._dirichlet_grad(*arguments).item() == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("a", [0.0, 1e-3, 0.5, 1.0, 7.0, 300.0, 9e4, 2e5])
@pytest.mark.parametrize("q", [0.0, 1e-9, 0.2, 0.5, 0.99, 1.0])
def test_incomplete_gamma_functions(a: float, q: float) -> None:
    x = special.gammaincinv(a, q) if a else q
    for name in ("gammainc", "gammaincc"):
        arguments = (pb.tensor(v, dtype=pb.float64) for v in (a, x))
        found = getattr(pb.special, name)(*arguments).item()
        assert found == pytest.approx(
            getattr(special, name)(a, x), rel=1e-7, abs=1e-12, nan_ok=True
        )
    for a_bad, x_bad in ((-1.0, 1.0), (1.0, -1.0), (math.nan, 1.0)):
        assert math.isnan(pb.igamma(pb.tensor(a_bad), pb.tensor(x_bad)).item())


@pytest.mark.parametrize("a", [1e6, 1e8, 1e10])
@pytest.mark.parametrize("z", [-6.0, -1.0, 0.0, 2.0])
def test_the_incomplete_gamma_function_of_a_large_shape(a: float, z: float) -> None:
    """By quadrature: SciPy is a factor off in the tails."""
    t = np.linspace(z - 9, z, 400001)
    m = t / math.sqrt(a)
    # log(density) of t = (x - a) / sqrt(a), with log1p(m) - m by its series where m is small.
    decay = np.where(np.abs(m) < 1e-4, -(m**2) / 2 + m**3 / 3 - m**4 / 4, np.log1p(m) - m)
    density = np.exp(a * decay - np.log1p(m) - 1 / (12 * a)) / math.sqrt(2 * math.pi)
    wanted = np.sum((density[1:] + density[:-1]) / 2) * (t[1] - t[0])
    x = pb.tensor(a + z * math.sqrt(a), dtype=pb.float64)
    shape = pb.tensor(a, dtype=pb.float64)
    assert pb.igamma(shape, x).item() == pytest.approx(wanted, rel=1e-7)
    assert pb.igammac(shape, x).item() == pytest.approx(1 - wanted, rel=1e-7)


def test_the_incomplete_gamma_function_has_no_derivative_by_the_shape() -> None:
    a = pb.tensor([1.0], requires_grad=True)
    with pytest.raises(RuntimeError, match="igamma"):
        pb.igamma(a, pb.tensor([1.0])).sum().backward()


def test_gamma_numbers_can_be_drawn_in_transforms() -> None:
    concentration = pb.tensor([0.5, 2.0, 9.0])
    pb.manual_seed(0)
    found = pb.vmap(pb._standard_gamma, randomness="different")(concentration)
    pb.manual_seed(0)
    assert bool((found == pb._standard_gamma(concentration)).all())
    _, tangent = pb.func.jvp(pb._standard_gamma, (concentration,), (pb.ones(3),))
    assert tangent.shape == (3,)
    with pb.memory_budget("1 MB"):
        leaf = concentration.clone().requires_grad_()
        drawn = pb._standard_gamma(leaf)
        drawn.sum().backward()
    assert bool((leaf.grad == pb._standard_gamma_grad(concentration, drawn.detach())).all())


def double(values: Any) -> Any:
    return pb.tensor(values, dtype=pb.float64, requires_grad=True)


def seeded(call: Callable[..., Any]) -> Callable[..., Any]:
    def function(*leaves: Any) -> Any:
        pb.manual_seed(4)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return call(*leaves)

    return function


MATRIX = [[1.2, 0.0], [0.4, 0.7]]
GRADIENTS: dict[str, tuple[Callable[..., Any], list[Any]]] = {
    "Wishart": (
        lambda f: dist.Wishart(
            pb.tensor(4.0, dtype=pb.float64), scale_tril=f, validate_args=False
        ).rsample((2,)),
        [MATRIX],
    ),
    "MultivariateNormal of a covariance": (
        lambda m: dist.MultivariateNormal(
            pb.zeros(2, dtype=pb.float64), m @ m.T + pb.eye(2, dtype=pb.float64)
        ).rsample(),
        [MATRIX],
    ),
    "MultivariateNormal of a precision": (
        lambda m: dist.MultivariateNormal(
            pb.zeros(2, dtype=pb.float64),
            precision_matrix=m @ m.T + pb.eye(2, dtype=pb.float64),
        ).rsample(),
        [MATRIX],
    ),
    "Normal": (lambda m, s: dist.Normal(m, s).rsample((3,)), [[0.5, 1.0], [1.0, 2.0]]),
    "VonMises": (
        lambda m, k: dist.VonMises(m, k).log_prob(pb.tensor(0.3, dtype=pb.float64)),
        [[0.5, 1.0], [1.0, 9.0]],
    ),
}


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients_by_differences(name: str) -> None:
    call, values = GRADIENTS[name]
    assert pb.autograd.gradcheck(seeded(call), tuple(double(v) for v in values))


def test_divergence_of_wishart_distributions() -> None:
    matrix = pb.tensor([[2.0, 0.5], [0.5, 1.0]], dtype=pb.float64)
    other = pb.tensor([[1.5, -0.2], [-0.2, 0.8]], dtype=pb.float64)
    p, q = (
        dist.Wishart(pb.tensor(4.5).double(), matrix),
        dist.Wishart(pb.tensor(6.0).double(), other),
    )
    v, w = matrix.numpy(), other.numpy()
    nu, mu = 4.5, 6.0
    mean_log_det = sum(special.digamma((nu - i) / 2) for i in range(2)) + 2 * math.log(2)
    mean_log_det += np.log(np.linalg.det(v))
    norm = mu / 2 * (2 * math.log(2) + np.log(np.linalg.det(w))) + special.multigammaln(mu / 2, 2)
    cross = norm - (mu - 3) / 2 * mean_log_det + nu / 2 * np.trace(np.linalg.inv(w) @ v)
    found = dist.kl_divergence(p, q).item()
    assert found == pytest.approx(cross - p.entropy().item(), rel=1e-9)


PAIRS = [
    ("Beta", "Normal"),
    ("Gamma", "Gumbel"),
    ("Uniform", "Beta"),
    ("Gumbel", "Normal"),
    ("Pareto", "Gamma"),
    ("Laplace", "Normal"),
    ("ContinuousBernoulli", "Uniform"),
    ("ContinuousBernoulli", "Exponential"),
    ("Exponential", "Gumbel"),
    ("Normal", "Laplace"),
    ("LowRankMultivariateNormal", "MultivariateNormal"),
    ("MultivariateNormal", "LowRankMultivariateNormal"),
    ("Dirichlet", "Dirichlet"),
    ("Cauchy", "Cauchy"),
]


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_divergences_are_means_of_logarithms(pair: tuple[str, str]) -> None:
    """Over 20,000 samples, within six standard errors."""
    cases = [arguments(name, 7 + i, (2,)) for i, name in enumerate(pair)]
    values = [{k: pb.tensor(v).double() for k, v in case.values.items()} for case in cases]
    if pair[1] == "Uniform":
        values[1] = {"low": pb.zeros(2).double(), "high": pb.ones(2).double()}
    if pair[0] == "Uniform":
        values[0] = {"low": pb.full((2,), 0.2).double(), "high": pb.full((2,), 0.7).double()}
    if pair[0] == "Pareto":
        values[0]["alpha"] = values[0]["alpha"] + 6
    p, q = (getattr(dist, n)(**v, validate_args=False) for n, v in zip(pair, values, strict=True))
    x = p.sample((20000,))
    ratio = p.log_prob(x) - q.log_prob(x)
    error = 6 * ratio.std(0) / math.sqrt(len(x)) + 1e-9
    assert bool(((dist.kl_divergence(p, q) - ratio.mean(0)).abs() <= error).all())


def test_empty_batches() -> None:
    for distribution in (dist.Beta(pb.ones(0), 1.0), dist.Dirichlet(pb.ones(0, 3))):
        assert distribution.sample((2,)).shape[:2] == (2, 0)
        assert distribution.entropy().shape == (0,)


def test_generalized_pareto_in_double_precision() -> None:
    p = dist.GeneralizedPareto(*(pb.tensor(v, dtype=pb.float64) for v in (0.0, 1.0, 0.0)))
    x = pb.tensor(2.0, dtype=pb.float64)
    assert p.log_prob(x).item() == -2.0
    assert p.log_cdf(x).item() == pytest.approx(math.log1p(-math.exp(-2.0)))
