"""What all distributions have: shapes, checks of parameters and samples, ``expand``."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import pullback as pb
from pullback import Size, Tensor
from pullback.distributions import constraints
from pullback.distributions.utils import lazy_property, size, text_of

__all__ = ["Distribution"]


class Distribution:
    """The base of all distributions.

    ``batch_shape`` is the shape of the parameters, ``event_shape`` that of one sample for one of
    them. A subclass states its parameters in ``arg_constraints`` and its ``support``.

    Example:
        >>> import pullback as pb
        >>> normal = pb.distributions.Normal(pb.zeros(2), 1.0)
        >>> normal.batch_shape, normal.event_shape
        (torch.Size([2]), torch.Size([]))
    """

    has_rsample: Any = False
    has_enumerate_support: Any = False
    _validate_args: bool = __debug__
    # The tensors that `expand` gives a new batch shape, and how many event dimensions they have.
    _parameters: ClassVar[Any] = None
    # Distributions that are expanded along, and how many dimensions their batch has more.
    _parts: ClassVar[Any] = ()
    _batch_shape: Size
    _event_shape: Size

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Whether distributions check their arguments where they are not told.

        Raises:
            ValueError: ``value`` is neither True nor False.

        Example:
            >>> import pullback as pb
            >>> pb.distributions.Distribution.set_default_validate_args(True)
        """
        if value not in (True, False):
            raise ValueError
        Distribution._validate_args = value

    def __init__(
        self,
        batch_shape: Any = (),
        event_shape: Any = (),
        validate_args: bool | None = None,
    ) -> None:
        self._batch_shape = size(batch_shape)
        self._event_shape = size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            self._check_parameters()

    def _check_parameters(self) -> None:
        try:
            wanted = self.arg_constraints
        except NotImplementedError:
            wanted = {}
            warnings.warn(
                f"{self.__class__} does not define `arg_constraints`. "
                "Please set `arg_constraints = {}` or initialize the distribution "
                "with `validate_args=False` to turn off validation.",
                stacklevel=4,
            )
        for name, constraint in wanted.items():
            if constraints.is_dependent(constraint):
                continue
            computed = isinstance(getattr(type(self), name, None), lazy_property)
            if computed and name not in self.__dict__:
                continue
            value = getattr(self, name)
            if not constraint.check(value).all():
                raise ValueError(
                    f"Expected parameter {name} "
                    f"({type(value).__name__} of shape {tuple(value.shape)}) "
                    f"of distribution {self!r} to satisfy the constraint {constraint!r}, "
                    f"but found invalid values:\n{text_of(value)}"
                )

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """The same distribution, with parameters expanded to ``batch_shape``.

        Raises:
            NotImplementedError: a subclass with an ``__init__`` of its own has no ``expand``.
        """
        classes: tuple[Any, ...] = type(self).__mro__
        owner = next((c for c in classes if "_parameters" in c.__dict__), None)
        if owner is None or owner is Distribution:
            raise NotImplementedError
        new = self._get_checked_instance(owner, _instance)
        shape = size(batch_shape)
        for name, event_dim in owner._parameters.items():
            if name in self.__dict__:
                value = self.__dict__[name]
                event = tuple(value.shape[value.dim() - event_dim :])
                new.__dict__[name] = value.expand((*shape, *event))
        for name, more in owner._parts:
            part = getattr(self, name)
            event = tuple(part.batch_shape[len(part.batch_shape) - more :])
            new.__dict__[name] = part.expand(Size((*shape, *event)))
        self._finish_expand(new, shape)
        return new

    def _finish_expand(self, new: Any, shape: Size) -> None:
        """Gives an expanded instance what is neither a parameter nor a part."""
        Distribution.__init__(new, shape, self._event_shape, validate_args=False)
        new._validate_args = self._validate_args

    def _get_checked_instance(self, cls: Any, _instance: Any = None) -> Any:
        if _instance is None and type(self).__init__ is not cls.__init__:
            raise NotImplementedError(
                f"Subclass {self.__class__.__name__} of {cls.__name__} that defines a custom "
                "__init__ method must also define a custom .expand() method."
            )
        return self.__new__(type(self)) if _instance is None else _instance

    @property
    def batch_shape(self) -> Size:
        """The shape of the parameters."""
        return self._batch_shape

    @property
    def event_shape(self) -> Size:
        """The shape of one sample for one set of parameters."""
        return self._event_shape

    @property
    def arg_constraints(self) -> Any:
        """The constraints of the parameters by their names."""
        raise NotImplementedError

    @property
    def support(self) -> Any:
        """The constraint of the samples."""
        raise NotImplementedError

    @property
    def mean(self) -> Tensor:
        """The mean."""
        raise NotImplementedError

    @property
    def mode(self) -> Tensor:
        """The most probable value."""
        raise NotImplementedError(f"{self.__class__} does not implement mode")

    @property
    def variance(self) -> Tensor:
        """The variance."""
        raise NotImplementedError

    @property
    def stddev(self) -> Tensor:
        """The standard deviation."""
        return self.variance.sqrt()

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Random values of shape ``sample_shape + batch_shape + event_shape``, without history."""
        with pb.no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """The same, as functions of the parameters that can be differentiated."""
        raise NotImplementedError

    def sample_n(self, n: int) -> Tensor:
        """``sample((n,))``, deprecated."""
        warnings.warn(
            "`sample_n(n)` will be deprecated. Use `sample((n,))` instead.",
            FutureWarning,
            stacklevel=2,
        )
        return self.sample(Size((n,)))

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density, or of the probability, at ``value``."""
        raise NotImplementedError

    def cdf(self, value: Tensor) -> Tensor:
        """The probability of a sample that is not above ``value``."""
        raise NotImplementedError

    def icdf(self, value: Tensor) -> Tensor:
        """The inverse of ``cdf``."""
        raise NotImplementedError

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All values that a discrete distribution can have, along dimension 0."""
        raise NotImplementedError

    def entropy(self) -> Tensor:
        """The entropy, in nats."""
        raise NotImplementedError

    def perplexity(self) -> Tensor:
        """The exponential of the entropy."""
        return pb.exp(self.entropy())

    def _extended_shape(self, sample_shape: Any = ()) -> Size:
        return Size((*size(sample_shape), *self._batch_shape, *self._event_shape))

    def _validate_sample(self, value: Any) -> None:
        if not isinstance(value, Tensor):
            raise ValueError("The value argument to log_prob must be a Tensor")
        event_start = value.dim() - len(self._event_shape)
        if value.shape[max(event_start, 0) :] != self._event_shape:
            raise ValueError(
                "The right-most size of value must match event_shape: "
                f"{value.shape} vs {self._event_shape}."
            )
        own = self._batch_shape + self._event_shape
        for i, j in zip(reversed(value.shape), reversed(own), strict=False):
            if i != 1 and j != 1 and i != j:
                raise ValueError(
                    "Value is not broadcastable with batch_shape+event_shape: "
                    f"{value.shape} vs {Size(own)}."
                )
        try:
            support = self.support
        except NotImplementedError:
            warnings.warn(
                f"{self.__class__} does not define `support` to enable sample validation. "
                "Please initialize the distribution with `validate_args=False` "
                "to turn off validation.",
                stacklevel=4,
            )
            return
        if not support.check(value).all():
            raise ValueError(
                "Expected value argument "
                f"({type(value).__name__} of shape {tuple(value.shape)}) "
                f"to be within the support ({support!r}) "
                f"of the distribution {self!r}, but found invalid values:\n{text_of(value)}"
            )

    def _checked(self, value: Tensor) -> Tensor:
        """The value, after it was validated where that is wanted."""
        if self._validate_args:
            self._validate_sample(value)
        return value

    def __repr__(self) -> str:
        shown = []
        for name in self.arg_constraints:
            if name in self.__dict__:
                value = self.__dict__[name]
                shown.append(f"{name}: {text_of(value) if value.numel() == 1 else value.size()}")
        return f"{type(self).__name__}({', '.join(shown)})"
