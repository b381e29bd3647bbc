"""What random operators draw: tests of distributions with SciPy, and of what must hold always.

A check draws with the seed of the test, so it gives the same answer in every run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.stats

MANY = 4000
# Of one in a thousand good generators this check would say that it is wrong; the seed is fixed.
CHANCE = 1e-3


def follows(values: Any, distribution: Any) -> None:
    """Continuous values, by the test of Kolmogorov and Smirnov."""
    found = np.asarray(values.numpy(), np.float64).ravel()
    assert found.size == MANY
    assert scipy.stats.kstest(found, distribution.cdf).pvalue > CHANCE


def counts(values: Any, shares: dict[Any, float]) -> None:
    """Discrete values, by a test of their frequencies."""
    found = np.asarray(values.numpy()).ravel()
    shares = {value: share for value, share in shares.items() if share}
    assert set(found.tolist()) == set(shares)
    seen = [int((found == value).sum()) for value in shares]
    wanted = [share * found.size for share in shares.values()]
    assert scipy.stats.chisquare(seen, wanted).pvalue > CHANCE


def evenly(low: int, high: int) -> dict[int, float]:
    return dict.fromkeys(range(low, high), 1 / (high - low))


def whole(values: Any, distribution: Any, below: int) -> None:
    """Whole numbers of a distribution; all from ``below`` on count as one."""
    found = np.minimum(np.asarray(values.numpy(), np.float64).ravel(), below)
    assert (found == np.floor(found)).all()
    shares = [distribution.pmf(k) for k in range(below)]
    shares.append(distribution.sf(below - 1))
    seen = [int((found == k).sum()) for k in range(below + 1)]
    possible = [k for k, share in enumerate(shares) if share > 0]
    assert sum(seen[k] for k in possible) == found.size
    wanted = [shares[k] / sum(shares) * found.size for k in possible]
    assert scipy.stats.chisquare([seen[k] for k in possible], wanted).pvalue > CHANCE


def rand(lib: Any, dtype: Any) -> None:
    follows(lib.rand(MANY, dtype=dtype), scipy.stats.uniform)


def rand_like(lib: Any, dtype: Any) -> None:
    follows(lib.rand_like(lib.empty(2, MANY // 2, dtype=dtype)), scipy.stats.uniform)


def randn(lib: Any, dtype: Any) -> None:
    follows(lib.randn(MANY, dtype=dtype), scipy.stats.norm)


def randn_like(lib: Any, dtype: Any) -> None:
    follows(lib.randn_like(lib.empty(2, MANY // 2, dtype=dtype)), scipy.stats.norm)


def randint(lib: Any, dtype: Any) -> None:
    counts(lib.randint(7, (MANY,)), evenly(0, 7))
    counts(lib.randint(-3, 5, (MANY,), dtype=dtype), evenly(-3, 5))


def randint_like(lib: Any, dtype: Any) -> None:
    like = lib.empty(MANY, dtype=dtype)
    counts(lib.randint_like(like, 5), evenly(0, 5))
    counts(lib.randint_like(like, -2, 5), evenly(-2, 5))


def randperm(lib: Any, dtype: Any) -> None:
    rows = np.array([lib.randperm(5).tolist() for _ in range(MANY // 5)])
    assert (np.sort(rows, axis=1) == np.arange(5)).all()
    for column in rows.T:
        assert scipy.stats.chisquare(np.bincount(column, minlength=5)).pvalue > CHANCE


def multinomial(lib: Any, dtype: Any) -> None:
    weights = lib.tensor([[1.0, 0.0, 2.0, 5.0], [3.0, 3.0, 0.0, 3.0]], dtype=dtype)
    first, second = lib.multinomial(weights, MANY, replacement=True)
    counts(first, {0: 1 / 8, 1: 0, 2: 1 / 4, 3: 5 / 8})
    counts(second, {0: 1 / 3, 1: 1 / 3, 2: 0, 3: 1 / 3})
    pairs = lib.multinomial(weights[:1].expand(MANY, 4), 2).numpy()
    assert (pairs[:, 0] != pairs[:, 1]).all()
    counts(lib.tensor(pairs[:, 0].copy()), {0: 1 / 8, 1: 0, 2: 1 / 4, 3: 5 / 8})
    # Of what is left after the first draw, by its own weights.
    after_3 = lib.tensor(pairs[pairs[:, 0] == 3, 1].copy())
    counts(after_3, {0: 1 / 3, 2: 2 / 3})


def bernoulli(lib: Any, dtype: Any) -> None:
    chances = lib.full((MANY,), 0.3, dtype=dtype)
    counts(lib.bernoulli(chances), {0: 0.7, 1: 0.3})
    counts(lib.bernoulli(chances, 0.8), {0: 0.2, 1: 0.8})


def bernoulli_(lib: Any, dtype: Any) -> None:
    target = lib.empty(MANY, dtype=dtype)
    counts(target.bernoulli_(), {0: 0.5, 1: 0.5})
    counts(target.bernoulli_(0.2), {0: 0.8, 1: 0.2})
    counts(target.bernoulli_(lib.full((MANY,), 0.9, dtype=dtype)), {0: 0.1, 1: 0.9})


def normal(lib: Any, dtype: Any) -> None:
    mean, std = lib.full((MANY,), -2.0, dtype=dtype), lib.full((MANY,), 0.5, dtype=dtype)
    follows(lib.normal(mean, std), scipy.stats.norm(-2, 0.5))
    follows(lib.normal(mean), scipy.stats.norm(-2, 1))
    follows(lib.normal(1.5, std), scipy.stats.norm(1.5, 0.5))
    follows(lib.normal(1.5, 2.0, (MANY,)), scipy.stats.norm(1.5, 2))


def uniform_(lib: Any, dtype: Any) -> None:
    target = lib.empty(MANY, dtype=dtype)
    follows(target.uniform_(), scipy.stats.uniform)
    follows(target.uniform_(-2.0, 3.0), scipy.stats.uniform(-2, 5))


def normal_(lib: Any, dtype: Any) -> None:
    target = lib.empty(MANY, dtype=dtype)
    follows(target.normal_(), scipy.stats.norm)
    follows(target.normal_(2.0, 3.0), scipy.stats.norm(2, 3))


def exponential_(lib: Any, dtype: Any) -> None:
    target = lib.empty(MANY, dtype=dtype)
    follows(target.exponential_(), scipy.stats.expon)
    follows(target.exponential_(2.0), scipy.stats.expon(scale=0.5))


def random_(lib: Any, dtype: Any) -> None:
    target = lib.empty(MANY, dtype=dtype)
    counts(target.random_(5), evenly(0, 5))
    counts(target.random_(-2, 5), evenly(-2, 5))
    # Without bounds: all whole numbers that a mantissa holds, and the positive ones of int64.
    bits = {lib.float32: 24, lib.float64: 53}[dtype]
    follows(target.random_(), scipy.stats.uniform(0, 2.0**bits))
    follows(lib.empty(MANY, dtype=lib.int64).random_(), scipy.stats.uniform(0, 2.0**63))


def poisson(lib: Any, dtype: Any) -> None:
    for rate, below in ((0.7, 4), (4.0, 10), (30.0, 45)):
        found = lib.poisson(lib.full((MANY,), rate, dtype=dtype))
        whole(found, scipy.stats.poisson(rate), below)


def binomial(lib: Any, dtype: Any) -> None:
    for count, chance, below in ((5, 0.3, 6), (50, 0.4, 28), (40, 0.9, 41)):
        counts_ = lib.full((MANY,), count, dtype=dtype)
        found = lib.binomial(counts_, lib.full((MANY,), chance, dtype=dtype))
        whole(found, scipy.stats.binom(count, chance), below)


def standard_gamma(lib: Any, dtype: Any) -> None:
    for shape in (0.3, 1.0, 7.5):
        found = lib._standard_gamma(lib.full((MANY,), shape, dtype=dtype))
        follows(found, scipy.stats.gamma(shape))


def sample_dirichlet(lib: Any, dtype: Any) -> None:
    concentrations = lib.tensor([0.5, 2.0, 3.5], dtype=dtype)
    found = lib._sample_dirichlet(concentrations.expand(MANY, 3))
    np.testing.assert_allclose(found.sum(-1).numpy(), 1, rtol=1e-5)
    for k, own in enumerate((0.5, 2.0, 3.5)):
        follows(found[:, k], scipy.stats.beta(own, 6 - own))


def cauchy_(lib: Any, dtype: Any) -> None:
    target = lib.empty(MANY, dtype=dtype)
    follows(target.cauchy_(), scipy.stats.cauchy)
    follows(target.cauchy_(1.0, 2.0), scipy.stats.cauchy(1, 2))


def log_normal_(lib: Any, dtype: Any) -> None:
    target = lib.empty(MANY, dtype=dtype)
    follows(target.log_normal_(), scipy.stats.lognorm(2, scale=np.exp(1)))
    follows(target.log_normal_(0.5, 0.25), scipy.stats.lognorm(0.25, scale=np.exp(0.5)))


def geometric_(lib: Any, dtype: Any) -> None:
    for chance in (0.5, 0.2):
        whole(lib.empty(MANY, dtype=dtype).geometric_(chance), scipy.stats.geom(chance), 9)


DRAWN: dict[str, Callable[[Any, Any], None]] = {
    check.__name__: check
    for check in (
        bernoulli,
        bernoulli_,
        binomial,
        cauchy_,
        exponential_,
        geometric_,
        log_normal_,
        multinomial,
        normal,
        normal_,
        poisson,
        rand,
        rand_like,
        randint,
        randint_like,
        randn,
        randn_like,
        random_,
        randperm,
        uniform_,
    )
}
DRAWN |= {"_standard_gamma": standard_gamma, "_sample_dirichlet": sample_dirichlet}
