"""Divergences between distributions of different families.

Each is the entropy of p, negative, less the mean of q's log density over samples of p; it is
infinite where p has samples that q cannot have.
"""

from __future__ import annotations

import math
from typing import Any

import pullback as pb
from pullback import Tensor
from pullback.distributions._kl_registry import register_kl
from pullback.distributions.bernoulli import Bernoulli
from pullback.distributions.beta import Beta
from pullback.distributions.binomial import Binomial
from pullback.distributions.continuous_bernoulli import ContinuousBernoulli
from pullback.distributions.exponential import Exponential
from pullback.distributions.gamma import Gamma
from pullback.distributions.gumbel import Gumbel
from pullback.distributions.laplace import Laplace
from pullback.distributions.normal import Normal
from pullback.distributions.pareto import Pareto
from pullback.distributions.poisson import Poisson
from pullback.distributions.uniform import Uniform
from pullback.distributions.utils import euler_constant


def _infinite(p: Any, q: Any) -> Tensor:
    """P has samples outside of q's support, whatever the parameters are."""
    return pb.full_like(p.mean, math.inf)


_OUTSIDE: dict[Any, list[Any]] = {
    Beta: [Pareto],
    ContinuousBernoulli: [Pareto],
    Exponential: [Beta, ContinuousBernoulli, Pareto, Uniform],
    Gamma: [Beta, ContinuousBernoulli, Pareto, Uniform],
    Gumbel: [Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform],
    Laplace: [Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform],
    Normal: [Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform],
    Pareto: [Beta, ContinuousBernoulli, Uniform],
    Poisson: [Bernoulli, Binomial],
}
for _p, _outside in _OUTSIDE.items():
    for _q in _outside:
        register_kl(_p, _q)(_infinite)


def _x_log_x(x: Tensor) -> Tensor:
    return pb.xlogy(x, x)


# The mean of q's log density, negative, from moments of p.


def _cross_exponential(mean: Tensor, q: Exponential) -> Tensor:
    return q.rate * mean - q.rate.log()


def _cross_gamma(mean: Tensor, mean_log: Tensor, q: Gamma) -> Tensor:
    a = q.concentration
    return a.lgamma() - a * q.rate.log() - (a - 1) * mean_log + q.rate * mean


def _cross_normal(mean: Tensor, variance: Tensor, q: Normal) -> Tensor:
    width = q.scale.pow(2)
    return 0.5 * (2 * math.pi * width).log() + 0.5 * (variance + (mean - q.loc).pow(2)) / width


def _cross_bernoulli(mean: Tensor, q: ContinuousBernoulli) -> Tensor:
    return -mean * q.logits - (-q.probs).log1p() - q._cont_bern_log_norm()


def _cross_gumbel(mean: Tensor, mean_exp: Tensor, q: Gumbel) -> Tensor:
    """``mean_exp``: of exp(-z) for z = (x - loc) / scale."""
    return q.scale.log() + (mean - q.loc) / q.scale + mean_exp


def _within_unit(q: Uniform, found: Tensor) -> Tensor:
    """Infinite unless q covers [0, 1]."""
    return pb.where((q.low > 0) | (q.high < 1), math.inf, found)


@register_kl(Bernoulli, Poisson)
def _bernoulli_poisson(p: Bernoulli, q: Poisson) -> Tensor:
    return -p.entropy() - (p.probs * q.rate.log() - q.rate)


@register_kl(Beta, ContinuousBernoulli)
def _beta_continuous_bernoulli(p: Beta, q: ContinuousBernoulli) -> Tensor:
    return -p.entropy() + _cross_bernoulli(p.mean, q)


@register_kl(Beta, Exponential)
def _beta_exponential(p: Beta, q: Exponential) -> Tensor:
    return -p.entropy() + _cross_exponential(p.mean, q)


@register_kl(Beta, Gamma)
def _beta_gamma(p: Beta, q: Gamma) -> Tensor:
    total = p.concentration1 + p.concentration0
    mean_log = p.concentration1.digamma() - total.digamma()
    return -p.entropy() + _cross_gamma(p.mean, mean_log, q)


@register_kl(Beta, Normal)
def _beta_normal(p: Beta, q: Normal) -> Tensor:
    return -p.entropy() + _cross_normal(p.mean, p.variance, q)


@register_kl(Beta, Uniform)
def _beta_uniform(p: Beta, q: Uniform) -> Tensor:
    return _within_unit(q, -p.entropy() + (q.high - q.low).log())


@register_kl(ContinuousBernoulli, Exponential)
def _continuous_bernoulli_exponential(p: ContinuousBernoulli, q: Exponential) -> Tensor:
    return -p.entropy() + _cross_exponential(p.mean, q)


@register_kl(ContinuousBernoulli, Normal)
def _continuous_bernoulli_normal(p: ContinuousBernoulli, q: Normal) -> Tensor:
    return -p.entropy() + _cross_normal(p.mean, p.variance, q)


@register_kl(ContinuousBernoulli, Uniform)
def _continuous_bernoulli_uniform(p: ContinuousBernoulli, q: Uniform) -> Tensor:
    return _within_unit(q, -p.entropy() + (q.high - q.low).log())


@register_kl(Exponential, Gamma)
def _exponential_gamma(p: Exponential, q: Gamma) -> Tensor:
    mean_log = -p.rate.log() - euler_constant
    return -p.entropy() + _cross_gamma(p.mean, mean_log, q)


@register_kl(Exponential, Gumbel)
def _exponential_gumbel(p: Exponential, q: Gumbel) -> Tensor:
    product = p.rate * q.scale
    mean_exp = (q.loc / q.scale).exp() * product / (product + 1)
    return -p.entropy() + _cross_gumbel(p.mean, mean_exp, q)


@register_kl(Exponential, Normal)
def _exponential_normal(p: Exponential, q: Normal) -> Tensor:
    return -p.entropy() + _cross_normal(p.mean, p.variance, q)


@register_kl(Gamma, Exponential)
def _gamma_exponential(p: Gamma, q: Exponential) -> Tensor:
    return -p.entropy() + _cross_exponential(p.mean, q)


@register_kl(Gamma, Gumbel)
def _gamma_gumbel(p: Gamma, q: Gumbel) -> Tensor:
    growth = (1 + (p.rate * q.scale).reciprocal()).pow(-p.concentration)
    mean_exp = (q.loc / q.scale).exp() * growth
    return -p.entropy() + _cross_gumbel(p.mean, mean_exp, q)


@register_kl(Gamma, Normal)
def _gamma_normal(p: Gamma, q: Normal) -> Tensor:
    return -p.entropy() + _cross_normal(p.mean, p.variance, q)


@register_kl(Gumbel, Normal)
def _gumbel_normal(p: Gumbel, q: Normal) -> Tensor:
    return -p.entropy() + _cross_normal(p.mean, p.variance, q)


@register_kl(Laplace, Normal)
def _laplace_normal(p: Laplace, q: Normal) -> Tensor:
    return -p.entropy() + _cross_normal(p.mean, p.variance, q)


@register_kl(Normal, Gumbel)
def _normal_gumbel(p: Normal, q: Gumbel) -> Tensor:
    mean_exp = ((q.loc - p.loc) / q.scale + 0.5 * (p.scale / q.scale).pow(2)).exp()
    return -p.entropy() + _cross_gumbel(p.loc, mean_exp, q)


@register_kl(Normal, Laplace)
def _normal_laplace(p: Normal, q: Laplace) -> Tensor:
    shift = p.loc - q.loc
    ratio = shift / p.scale
    spread = math.sqrt(2 / math.pi) * p.scale * pb.exp(-0.5 * ratio.pow(2))
    mean_distance = spread + shift * pb.erf(math.sqrt(0.5) * ratio)
    return -p.entropy() + (2 * q.scale).log() + mean_distance / q.scale


@register_kl(Pareto, Exponential)
def _pareto_exponential(p: Pareto, q: Exponential) -> Tensor:
    found = -p.entropy() + _cross_exponential(p.mean, q)
    return pb.where(p.alpha <= 1, math.inf, found)


@register_kl(Pareto, Gamma)
def _pareto_gamma(p: Pareto, q: Gamma) -> Tensor:
    mean_log = p.scale.log() + p.alpha.reciprocal()
    found = -p.entropy() + _cross_gamma(p.mean, mean_log, q)
    return pb.where(p.alpha <= 1, math.inf, found)


@register_kl(Pareto, Normal)
def _pareto_normal(p: Pareto, q: Normal) -> Tensor:
    found = -p.entropy() + _cross_normal(p.mean, p.variance, q)
    return pb.where(p.alpha <= 2, math.inf, found)


def _mean_log(p: Uniform) -> Tensor:
    """The mean of log(x)."""
    width = p.high - p.low
    return (_x_log_x(p.high) - _x_log_x(p.low)) / width - 1


@register_kl(Uniform, Beta)
def _uniform_beta(p: Uniform, q: Beta) -> Tensor:
    a, b = q.concentration1, q.concentration0
    width = p.high - p.low
    mean_log_rest = (_x_log_x(1 - p.low) - _x_log_x(1 - p.high)) / width - 1
    norm = a.lgamma() + b.lgamma() - (a + b).lgamma()
    found = norm - width.log() - (a - 1) * _mean_log(p) - (b - 1) * mean_log_rest
    return pb.where((p.high > 1) | (p.low < 0), math.inf, found)


@register_kl(Uniform, ContinuousBernoulli)
def _uniform_continuous_bernoulli(p: Uniform, q: ContinuousBernoulli) -> Tensor:
    found = -p.entropy() + _cross_bernoulli(p.mean, q)
    return pb.where((p.high > 1) | (p.low < 0), math.inf, found)


@register_kl(Uniform, Exponential)
def _uniform_exponential(p: Uniform, q: Exponential) -> Tensor:
    found = -p.entropy() + _cross_exponential(p.mean, q)
    return pb.where(p.low < 0, math.inf, found)


@register_kl(Uniform, Gamma)
def _uniform_gamma(p: Uniform, q: Gamma) -> Tensor:
    found = -p.entropy() + _cross_gamma(p.mean, _mean_log(p), q)
    return pb.where(p.low < 0, math.inf, found)


@register_kl(Uniform, Gumbel)
def _uniform_gumbel(p: Uniform, q: Gumbel) -> Tensor:
    low, high = (p.low - q.loc) / q.scale, (p.high - q.loc) / q.scale
    mean_exp = (pb.exp(-low) - pb.exp(-high)) / (high - low)
    return -p.entropy() + _cross_gumbel(p.mean, mean_exp, q)


@register_kl(Uniform, Normal)
def _uniform_normal(p: Uniform, q: Normal) -> Tensor:
    return -p.entropy() + _cross_normal(p.mean, p.variance, q)


@register_kl(Uniform, Pareto)
def _uniform_pareto(p: Uniform, q: Pareto) -> Tensor:
    log_density = q.alpha.log() + q.alpha * q.scale.log() - (q.alpha + 1) * _mean_log(p)
    return pb.where(p.low < q.scale, math.inf, -p.entropy() - log_density)
