"""The multinomial distribution."""

from __future__ import annotations

import math
from typing import Any

import pullback as pb
from pullback import Size, Tensor
from pullback.distributions import constraints
from pullback.distributions.binomial import Binomial
from pullback.distributions.categorical import Categorical
from pullback.distributions.distribution import Distribution
from pullback.distributions.utils import broadcast_all, size

__all__ = ["Multinomial"]


class Multinomial(Distribution):
    """How often each category comes in ``total_count`` draws.

    Raises:
        NotImplementedError: ``total_count`` is no number.
        ValueError: not exactly one of ``probs`` and ``logits`` is given, or it has no dimension,
            or, when arguments are validated, ``probs`` is no point of the simplex.

    Example:
        >>> import pullback as pb
        >>> pb.distributions.Multinomial(8, pb.tensor([1.0, 3.0])).mean
        tensor([2., 6.])
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    total_count: int
    _parameters = {}
    _parts = (("_categorical", 0), ("_binomial", 1))

    def __init__(
        self,
        total_count: int = 1,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        if not isinstance(total_count, int):
            raise NotImplementedError("inhomogeneous total_count is not supported")
        self.total_count = total_count
        self._categorical = Categorical(probs=probs, logits=logits)
        self._binomial = Binomial(total_count, probs=self.probs)
        events = self._categorical.param_shape[-1:]
        super().__init__(self._categorical.batch_shape, events, validate_args=validate_args)

    def _finish_expand(self, new: Any, shape: Size) -> None:
        new.total_count = self.total_count
        super()._finish_expand(new, shape)

    @constraints.dependent_property(is_discrete=True, event_dim=1)
    def support(self) -> Any:
        return constraints.multinomial(self.total_count)

    @property
    def probs(self) -> Tensor:
        """The chances."""
        found: Tensor = self._categorical.probs
        return found

    @property
    def logits(self) -> Tensor:
        """The logarithms of the chances."""
        found: Tensor = self._categorical.logits
        return found

    @property
    def param_shape(self) -> Size:
        """The shape of the parameter that was given."""
        return self._categorical.param_shape

    @property
    def mean(self) -> Tensor:
        return self.probs * self.total_count

    @property
    def variance(self) -> Tensor:
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        shape = size(sample_shape)
        places = self._categorical.sample(Size((self.total_count, *shape)))
        places = places.movedim(0, -1)
        counts = pb.zeros(self._extended_shape(shape), dtype=self.probs.dtype)
        return counts.scatter_add_(-1, places, pb.ones_like(places).to(counts.dtype))

    def log_prob(self, value: Tensor) -> Tensor:
        self._checked(value)
        logits, value = broadcast_all(self.logits, value)
        impossible = (value == 0) & (logits == -math.inf)
        logits = logits.masked_fill(impossible, 0)
        ways = pb.lgamma(value.sum(-1) + 1) - pb.lgamma(value + 1).sum(-1)
        return ways + (logits * value).sum(-1)

    def entropy(self) -> Tensor:
        n = pb.tensor(self.total_count, dtype=self.probs.dtype)
        # The expectation of log(k!) by the binomial distribution of each category.
        counts = self._binomial.enumerate_support(expand=False)[1:]
        chances = pb.exp(self._binomial.log_prob(counts))
        repeats = (chances * pb.lgamma(counts + 1)).sum([0, -1])
        return n * self._categorical.entropy() - pb.lgamma(n + 1) + repeats
