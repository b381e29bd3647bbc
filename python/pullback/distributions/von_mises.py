"""The von Mises distribution."""

from __future__ import annotations

import math
from typing import Any

import pullback as pb
from pullback import Tensor
from pullback.distributions import constraints
from pullback.distributions.distribution import Distribution
from pullback.distributions.utils import broadcast_all, lazy_property

__all__ = ["VonMises"]


# Polynomials for the modified Bessel functions of orders 0 and 1 (Abramowitz and Stegun, 9.8.1 to
# 9.8.4): in (x / 3.75)^2 up to 3.75, and in 3.75 / x above, there without exp(x) / sqrt(x).
_SMALL = (
    (1.0, 3.5156229, 3.0899424, 1.2067492, 0.2659732, 0.360768e-1, 0.45813e-2),
    (0.5, 0.87890594, 0.51498869, 0.15084934, 0.2658733e-1, 0.301532e-2, 0.32411e-3),
)
_LARGE = (
    (
        0.39894228,
        0.1328592e-1,
        0.225319e-2,
        -0.157565e-2,
        0.916281e-2,
        -0.2057706e-1,
        0.2635537e-1,
        -0.1647633e-1,
        0.392377e-2,
    ),
    (
        0.39894228,
        -0.3988024e-1,
        -0.362018e-2,
        0.163801e-2,
        -0.1031555e-1,
        0.2282967e-1,
        -0.2895312e-1,
        0.1787654e-1,
        -0.420059e-2,
    ),
)


def _polynomial(x: Tensor, coefficients: tuple[float, ...]) -> Tensor:
    result = pb.full_like(x, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        result = coefficient + x * result
    return result


def _log_bessel(x: Tensor, order: int) -> Tensor:
    """The logarithm of the modified Bessel function of order 0 or 1, for positive x."""
    ratio = x / 3.75
    small = _polynomial(ratio * ratio, _SMALL[order])
    small = (x.abs() * small if order else small).log()
    large = x - 0.5 * x.log() + _polynomial(3.75 / x, _LARGE[order]).log()
    return pb.where(x < 3.75, small, large)


class VonMises(Distribution):
    """Angles around ``loc``, with a density proportional to ``exp(concentration * cos(x - loc))``.

    Samples are drawn as Best and Fisher do, "Efficient simulation of the von Mises distribution"
    (1979).

    Raises:
        ValueError: ``concentration`` is not positive, and arguments are validated.

    Example:
        >>> import pullback as pb
        >>> pb.distributions.VonMises(0.5, 2.0).mean
        tensor(0.5000)
    """

    arg_constraints = {"loc": constraints.real, "concentration": constraints.positive}
    support = constraints.real
    has_rsample = False
    _parameters = {"loc": 0, "concentration": 0}

    def __init__(self, loc: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.loc, self.concentration = broadcast_all(loc, concentration)
        super().__init__(self.loc.shape, (), validate_args)

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @lazy_property
    def variance(self) -> Tensor:
        """The circular variance."""
        k = self.concentration
        return 1 - (_log_bessel(k, 1) - _log_bessel(k, 0)).exp()

    @lazy_property
    def _loc(self) -> Tensor:
        return self.loc.to(pb.double)

    @lazy_property
    def _concentration(self) -> Tensor:
        return self.concentration.to(pb.double)

    @lazy_property
    def _proposal_r(self) -> Tensor:
        """The parameter of the wrapped Cauchy distribution that proposals come from."""
        k = self._concentration
        tau = 1 + (1 + 4 * k**2).sqrt()
        rho = (tau - (2 * tau).sqrt()) / (2 * k)
        return pb.where(k < 1e-5, 1 / k + k, (1 + rho**2) / (2 * rho))

    def sample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        with pb.no_grad():
            angle = pb.empty(shape, dtype=pb.double)
            r = self._proposal_r.expand(shape)
            k = self._concentration.expand(shape)
            done = pb.zeros(shape, dtype=pb.bool)
            while not done.all():
                u1, u2, u3 = pb.rand((3, *shape), dtype=pb.double).unbind()
                z = pb.cos(math.pi * u1)
                f = (1 + r * z) / (r + z)
                c = k * (r - f)
                accepted = ((c * (2 - c) - u2) > 0) | ((c / u2).log() + 1 - c >= 0)
                angle = pb.where(accepted, (u3 - 0.5).sign() * f.acos(), angle)
                done = done | accepted
            angle = (angle + math.pi + self._loc) % (2 * math.pi) - math.pi
            return angle.to(self.loc.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        self._checked(value)
        k = self.concentration
        return k * pb.cos(value - self.loc) - math.log(2 * math.pi) - _log_bessel(k, 0)
