"""Divergences between two distributions of one family."""

from __future__ import annotations

import math

import pullback as pb
from pullback import Tensor
from pullback.distributions._kl_registry import register_kl
from pullback.distributions.bernoulli import Bernoulli
from pullback.distributions.beta import Beta
from pullback.distributions.binomial import Binomial
from pullback.distributions.categorical import Categorical
from pullback.distributions.cauchy import Cauchy
from pullback.distributions.continuous_bernoulli import ContinuousBernoulli
from pullback.distributions.dirichlet import Dirichlet
from pullback.distributions.exponential import Exponential
from pullback.distributions.gamma import Gamma
from pullback.distributions.geometric import Geometric
from pullback.distributions.gumbel import Gumbel
from pullback.distributions.laplace import Laplace
from pullback.distributions.normal import Normal
from pullback.distributions.pareto import Pareto
from pullback.distributions.poisson import Poisson
from pullback.distributions.uniform import Uniform
from pullback.distributions.utils import euler_constant
from pullback.nn import functional as F


@register_kl(Bernoulli, Bernoulli)
def _bernoulli(p: Bernoulli, q: Bernoulli) -> Tensor:
    ones = p.probs * (F.softplus(-q.logits) - F.softplus(-p.logits))
    ones = pb.where(q.probs == 0, math.inf, ones)
    ones = pb.where(p.probs == 0, 0.0, ones)
    zeros = (1 - p.probs) * (F.softplus(q.logits) - F.softplus(p.logits))
    zeros = pb.where(q.probs == 1, math.inf, zeros)
    zeros = pb.where(p.probs == 1, 0.0, zeros)
    return ones + zeros


@register_kl(Beta, Beta)
def _beta(p: Beta, q: Beta) -> Tensor:
    return _dirichlet(p._dirichlet, q._dirichlet)


@register_kl(Binomial, Binomial)
def _binomial(p: Binomial, q: Binomial) -> Tensor:
    # Unless the counts are equal, the sum over the samples has no closed form.
    if (p.total_count < q.total_count).any():
        raise NotImplementedError(
            "KL between Binomials where q.total_count > p.total_count is not implemented"
        )
    each = p.probs * (p.logits - q.logits) + (-p.probs).log1p() - (-q.probs).log1p()
    return pb.where(p.total_count > q.total_count, math.inf, p.total_count * each)


@register_kl(Categorical, Categorical)
def _categorical(p: Categorical, q: Categorical) -> Tensor:
    terms = p.probs * (p.logits - q.logits)
    terms = pb.where(q.probs == 0, math.inf, terms)
    return pb.where(p.probs == 0, 0.0, terms).sum(-1)


@register_kl(Cauchy, Cauchy)
def _cauchy(p: Cauchy, q: Cauchy) -> Tensor:
    # Chyzak and Nielsen (2019).
    both = (p.scale + q.scale).pow(2) + (p.loc - q.loc).pow(2)
    return both.log() - (4 * p.scale * q.scale).log()


@register_kl(ContinuousBernoulli, ContinuousBernoulli)
def _continuous_bernoulli(p: ContinuousBernoulli, q: ContinuousBernoulli) -> Tensor:
    norm_p = p._cont_bern_log_norm() + pb.log1p(-p.probs)
    norm_q = q._cont_bern_log_norm() + pb.log1p(-q.probs)
    return p.mean * (p.logits - q.logits) + norm_p - norm_q


@register_kl(Dirichlet, Dirichlet)
def _dirichlet(p: Dirichlet, q: Dirichlet) -> Tensor:
    a, b = p.concentration, q.concentration
    total = a.sum(-1)
    norms = total.lgamma() - b.sum(-1).lgamma() - (a.lgamma() - b.lgamma()).sum(-1)
    return norms + ((a - b) * (a.digamma() - total.digamma().unsqueeze(-1))).sum(-1)


@register_kl(Exponential, Exponential)
def _exponential(p: Exponential, q: Exponential) -> Tensor:
    ratio = q.rate / p.rate
    return ratio - 1 - ratio.log()


@register_kl(Gamma, Gamma)
def _gamma(p: Gamma, q: Gamma) -> Tensor:
    a, b = p.concentration, q.concentration
    return (
        b * (p.rate / q.rate).log()
        + pb.lgamma(b)
        - pb.lgamma(a)
        + (a - b) * pb.digamma(a)
        + (q.rate - p.rate) * (a / p.rate)
    )


@register_kl(Geometric, Geometric)
def _geometric(p: Geometric, q: Geometric) -> Tensor:
    return -p.entropy() - pb.log1p(-q.probs) / p.probs - q.logits


@register_kl(Gumbel, Gumbel)
def _gumbel(p: Gumbel, q: Gumbel) -> Tensor:
    ratio = p.scale / q.scale
    shift = (q.loc - p.loc) / q.scale
    moment = pb.exp(shift + (1 + ratio).lgamma())
    return -ratio.log() - shift + ratio * euler_constant + moment - (1 + euler_constant)


@register_kl(Laplace, Laplace)
def _laplace(p: Laplace, q: Laplace) -> Tensor:
    ratio = p.scale / q.scale
    shift = (p.loc - q.loc).abs()
    return -ratio.log() + shift / q.scale + ratio * pb.exp(-shift / p.scale) - 1


@register_kl(Normal, Normal)
def _normal(p: Normal, q: Normal) -> Tensor:
    ratio = (p.scale / q.scale).pow(2)
    shift = ((p.loc - q.loc) / q.scale).pow(2)
    return 0.5 * (ratio + shift - 1 - ratio.log())


@register_kl(Pareto, Pareto)
def _pareto(p: Pareto, q: Pareto) -> Tensor:
    ratio = q.alpha / p.alpha
    found = q.alpha * (p.scale / q.scale).log() - ratio.log() + ratio - 1
    return pb.where(p.scale < q.scale, math.inf, found)


@register_kl(Poisson, Poisson)
def _poisson(p: Poisson, q: Poisson) -> Tensor:
    return p.rate * (p.rate.log() - q.rate.log()) - (p.rate - q.rate)


@register_kl(Uniform, Uniform)
def _uniform(p: Uniform, q: Uniform) -> Tensor:
    found = ((q.high - q.low) / (p.high - p.low)).log()
    return pb.where((q.low > p.low) | (q.high < p.high), math.inf, found)
