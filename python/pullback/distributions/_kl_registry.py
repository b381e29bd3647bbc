"""Which function computes the divergence of two types."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

from pullback import Tensor
from pullback.distributions.distribution import Distribution

_KL_REGISTRY: dict[tuple[type, type], Callable[..., Any]] = {}


F = TypeVar("F", bound=Callable[..., Any])


def register_kl(type_p: type, type_q: type) -> Callable[[F], F]:
    """A decorator that makes ``kl_divergence`` use a function for two types and what derives.

    Raises:
        TypeError: a type is no class.

    Example:
        >>> import pullback as pb
        >>> from pullback.distributions import Normal, kl_divergence, register_kl
        >>> class Spike(Normal):
        ...     pass
        >>> @register_kl(Spike, Normal)
        ... def from_a_spike(p, q):
        ...     return -q.log_prob(p.loc)
        >>> kl_divergence(Spike(0.0, 1e-9), Normal(0.0, 1.0))
        tensor(0.9189)
    """
    # As in PyTorch any class will do: that of a library's own distributions, for instance.
    if not (isinstance(type_p, type) and isinstance(type_q, type)):
        raise TypeError("issubclass() arg 1 must be a class")

    def decorator(fun: F) -> F:
        _KL_REGISTRY[type_p, type_q] = fun
        _dispatch_kl.cache_clear()
        return fun

    return decorator


@functools.cache
def _dispatch_kl(type_p: Any, type_q: Any) -> Any:
    """The function of the nearest registered types, nearest of p first."""
    above_p, above_q = type_p.__mro__, type_q.__mro__
    found = [
        (above_p.index(p), above_q.index(q))
        for p, q in _KL_REGISTRY
        if p in above_p and q in above_q
    ]
    if not found:
        return None
    left = min(found)
    right = min(found, key=lambda places: (places[1], places[0]))
    function = _KL_REGISTRY[above_p[left[0]], above_q[left[1]]]
    if _KL_REGISTRY[above_p[right[0]], above_q[right[1]]] is not function:
        names = [above_p[left[0]], above_q[right[1]]]
        warnings.warn(
            f"Ambiguous kl_divergence({type_p.__name__}, {type_q.__name__}). "
            f"Please register_kl({names[0].__name__}, {names[1].__name__})",
            RuntimeWarning,
            stacklevel=3,
        )
    return function


def kl_divergence(p: Distribution, q: Distribution) -> Tensor:
    """The mean, over samples of p, of the logarithm of the ratio of the densities of p and q.

    Raises:
        NotImplementedError: nothing is registered for the two types.

    Example:
        >>> import pullback as pb
        >>> from pullback.distributions import Normal, kl_divergence
        >>> kl_divergence(Normal(0.0, 1.0), Normal(1.0, 1.0))
        tensor(0.5000)
    """
    types: Any = (type(p), type(q))
    function = _dispatch_kl(*types)
    if function is None:
        raise NotImplementedError(
            f"No KL(p || q) is implemented for p type {p.__class__.__name__} "
            f"and q type {q.__class__.__name__}"
        )
    found: Tensor = function(p, q)
    return found
