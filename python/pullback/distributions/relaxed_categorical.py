"""One-hot categorical distributions relaxed to points of the simplex."""

from __future__ import annotations

import math
from typing import Any

import pullback as pb
from pullback import Size, Tensor
from pullback.distributions import constraints
from pullback.distributions._maps import ExpTransform
from pullback.distributions._relaxed import RelaxedDistribution
from pullback.distributions.categorical import Categorical
from pullback.distributions.distribution import Distribution
from pullback.distributions.utils import broadcast_all, clamp_probs, uniform

__all__ = ["ExpRelaxedCategorical", "RelaxedOneHotCategorical"]


class ExpRelaxedCategorical(Distribution):
    """The logarithms of relaxed one-hot vectors.

    Maddison, Mnih and Teh, "The concrete distribution" (2016): Gumbel numbers, shifted by the
    logits and divided by ``temperature``, less the logarithm of the sum of their exponentials.

    Raises:
        ValueError: not exactly one of ``probs`` and ``logits`` is given, or it has no dimension,
            or, when arguments are validated, ``probs`` is no point of the simplex.

    Example:
        >>> import pullback as pb
        >>> from pullback.distributions.relaxed_categorical import ExpRelaxedCategorical
        >>> ExpRelaxedCategorical(pb.tensor(1.0), pb.ones(3)).event_shape
        torch.Size([3])
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    support = constraints.real_vector
    has_rsample = True
    _parameters = {}
    _parts = (("_categorical", 0),)

    def __init__(
        self,
        temperature: Any,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        self._categorical = Categorical(probs, logits)
        self.temperature = temperature
        events = self._categorical.param_shape[-1:]
        super().__init__(self._categorical.batch_shape, events, validate_args=validate_args)

    def _finish_expand(self, new: Any, shape: Size) -> None:
        new.temperature = self.temperature
        super()._finish_expand(new, shape)

    @property
    def _param(self) -> Tensor:
        return self._categorical._param

    @property
    def param_shape(self) -> Size:
        """The shape of the parameter that was given."""
        return self._categorical.param_shape

    @property
    def logits(self) -> Tensor:
        """The logarithms of the chances."""
        found: Tensor = self._categorical.logits
        return found

    @property
    def probs(self) -> Tensor:
        """The chances."""
        found: Tensor = self._categorical.probs
        return found

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        drawn = clamp_probs(uniform(shape, self.logits.dtype))
        gumbel = -((-(drawn.log())).log())
        scores: Tensor = (self.logits + gumbel) / self.temperature
        return scores - scores.logsumexp(dim=-1, keepdim=True)

    def log_prob(self, value: Tensor) -> Tensor:
        k = self._categorical._num_events
        self._checked(value)
        logits, value = broadcast_all(self.logits, value)
        temperature = pb.as_tensor(self.temperature)
        log_scale = math.lgamma(float(k)) + temperature.log() * (k - 1)
        score = logits - value.mul(temperature)
        return (score - score.logsumexp(dim=-1, keepdim=True)).sum(-1) + log_scale


class RelaxedOneHotCategorical(RelaxedDistribution):
    """Points of the simplex that come near to one-hot vectors for a small ``temperature``.

    Raises:
        ValueError: not exactly one of ``probs`` and ``logits`` is given, or it has no dimension,
            or, when arguments are validated, ``probs`` is no point of the simplex.

    Example:
        >>> import pullback as pb
        >>> point = pb.distributions.RelaxedOneHotCategorical(pb.tensor(1.0), pb.ones(3)).sample()
        >>> point.shape
        torch.Size([3])
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    support = constraints.simplex
    _parameters = {}

    def __init__(
        self,
        temperature: Any,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        base = ExpRelaxedCategorical(temperature, probs, logits, validate_args=validate_args)
        super().__init__(base, ExpTransform(), validate_args=validate_args)
