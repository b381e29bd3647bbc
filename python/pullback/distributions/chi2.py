"""The chi-squared distribution."""

from __future__ import annotations

from typing import Any

from pullback import Tensor
from pullback.distributions import constraints
from pullback.distributions.gamma import Gamma

__all__ = ["Chi2"]


class Chi2(Gamma):
    """Sums of ``df`` squares of standard normal numbers.

    Raises:
        ValueError: ``df`` is not positive, and arguments are validated.

    Example:
        >>> import pullback as pb
        >>> pb.distributions.Chi2(3.0).mean
        tensor(3.)
    """

    arg_constraints = {"df": constraints.positive}
    _parameters = Gamma._parameters

    def __init__(self, df: Any, validate_args: bool | None = None) -> None:
        super().__init__(0.5 * df, 0.5, validate_args=validate_args)

    @property
    def df(self) -> Tensor:
        """The degrees of freedom."""
        return self.concentration * 2
