"""Divergences between distributions that are made of others, or of several dimensions."""

from __future__ import annotations

import pullback as pb
from pullback import Tensor
from pullback.distributions._factor import solve_lower
from pullback.distributions._gaussian import distance, log_diagonal
from pullback.distributions._kl_registry import kl_divergence, register_kl
from pullback.distributions.exp_family import ExponentialFamily
from pullback.distributions.half_normal import HalfNormal
from pullback.distributions.independent import Independent
from pullback.distributions.lowrank_multivariate_normal import LowRankMultivariateNormal
from pullback.distributions.multivariate_normal import MultivariateNormal
from pullback.distributions.one_hot_categorical import OneHotCategorical
from pullback.distributions.transformed_distribution import TransformedDistribution
from pullback.distributions.utils import _sum_rightmost


@register_kl(ExponentialFamily, ExponentialFamily)
def _families(p: ExponentialFamily, q: ExponentialFamily) -> Tensor:
    """Bregman's divergence of the logarithm of the norm."""
    if type(p) is not type(q):
        raise NotImplementedError(
            "The cross KL-divergence between different exponential families cannot "
            "                            be computed using Bregman divergences"
        )
    thetas_p = [theta.detach().requires_grad_() for theta in p._natural_params]
    thetas_q = q._natural_params
    with pb.enable_grad():
        norm_p = p._log_normalizer(*thetas_p)
        gradients = pb.autograd.grad(norm_p.sum(), thetas_p, create_graph=True)
    result = q._log_normalizer(*thetas_q) - norm_p
    for theta_p, theta_q, gradient in zip(thetas_p, thetas_q, gradients, strict=True):
        own = theta_p.dim() - len(p.batch_shape)
        result = result - _sum_rightmost((theta_q - theta_p) * gradient, own)
    return result


@register_kl(HalfNormal, HalfNormal)
def _half_normals(p: HalfNormal, q: HalfNormal) -> Tensor:
    return kl_divergence(p.base_dist, q.base_dist)


@register_kl(OneHotCategorical, OneHotCategorical)
def _one_hots(p: OneHotCategorical, q: OneHotCategorical) -> Tensor:
    return kl_divergence(p._categorical, q._categorical)


@register_kl(Independent, Independent)
def _independents(p: Independent, q: Independent) -> Tensor:
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError
    return _sum_rightmost(kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)


@register_kl(TransformedDistribution, TransformedDistribution)
def _transformed(p: TransformedDistribution, q: TransformedDistribution) -> Tensor:
    # A function that both samples go through changes nothing.
    if p.transforms != q.transforms or p.event_shape != q.event_shape:
        raise NotImplementedError
    return kl_divergence(p.base_dist, q.base_dist)


def _check_events(p: MultivariateNormal, q: MultivariateNormal, names: str) -> None:
    if p.event_shape != q.event_shape:
        raise ValueError(
            f"KL-divergence between two {names} with\n"
            "                          different event shapes cannot be computed"
        )


def _trace(factor: Tensor, root: Tensor) -> Tensor:
    """The trace of the inverse of ``factor @ factor.mT`` times ``root @ root.mT``."""
    shape = (*pb.broadcast_tensors(factor[..., 0, 0], root[..., 0, 0])[0].shape,)
    wide = root.expand((*shape, *root.shape[-2:]))
    return solve_lower(factor, wide).pow(2).sum((-2, -1))


@register_kl(MultivariateNormal, MultivariateNormal)
def _normals(p: MultivariateNormal, q: MultivariateNormal) -> Tensor:
    _check_events(p, q, "Multivariate Normals")
    factor_p, factor_q = p._unbroadcasted_scale_tril, q._unbroadcasted_scale_tril
    spread = _trace(factor_q, factor_p)
    shift = distance(factor_q, q.loc - p.loc)
    grown = log_diagonal(factor_q) - log_diagonal(factor_p)
    return grown + 0.5 * (spread + shift - p.event_shape[0])


@register_kl(MultivariateNormal, LowRankMultivariateNormal)
def _normal_to_low_rank(p: MultivariateNormal, q: LowRankMultivariateNormal) -> Tensor:
    _check_events(p, q, "(Low Rank) Multivariate Normals")  # type: ignore[arg-type]
    return _to_low_rank(
        p, q, [p._unbroadcasted_scale_tril], log_diagonal(p._unbroadcasted_scale_tril)
    )


def _low_rank_roots(p: LowRankMultivariateNormal) -> list[Tensor]:
    """Matrices whose products with their transposes sum to the covariance."""
    return [p._unbroadcasted_cov_factor, pb.diag_embed(p._unbroadcasted_cov_diag.sqrt())]


def _to_low_rank(
    p: MultivariateNormal | LowRankMultivariateNormal,
    q: LowRankMultivariateNormal,
    roots: list[Tensor],
    half_log_det: Tensor,
) -> Tensor:
    """By Woodbury's identity: what the diagonal gives, less what the low rank takes away."""
    difference = (q.loc - p.loc).unsqueeze(-1)
    scaled = q._scaled_factor()
    result = q._half_log_det() - half_log_det - 0.5 * p.event_shape[0]
    for root in (*roots, difference):
        diagonal = (root.pow(2) / q._unbroadcasted_cov_diag.unsqueeze(-1)).sum((-2, -1))
        result = result + 0.5 * (diagonal - _trace(q._capacitance_tril, scaled @ root))
    return result


@register_kl(LowRankMultivariateNormal, LowRankMultivariateNormal)
def _low_ranks(p: LowRankMultivariateNormal, q: LowRankMultivariateNormal) -> Tensor:
    _check_events(p, q, "Low Rank Multivariate Normals")  # type: ignore[arg-type]
    return _to_low_rank(p, q, _low_rank_roots(p), p._half_log_det())


@register_kl(LowRankMultivariateNormal, MultivariateNormal)
def _low_rank_to_normal(p: LowRankMultivariateNormal, q: MultivariateNormal) -> Tensor:
    _check_events(p, q, "(Low Rank) Multivariate Normals")  # type: ignore[arg-type]
    factor = q._unbroadcasted_scale_tril
    result = log_diagonal(factor) - p._half_log_det() - 0.5 * p.event_shape[0]
    for root in _low_rank_roots(p):
        result = result + 0.5 * _trace(factor, root)
    return result + 0.5 * distance(factor, q.loc - p.loc)
