"""The window functions, computed in their dtype.

All take the number of points ``M`` and, by name, ``sym`` (False: periodic, for spectra), ``dtype``
(float32 or float64, by default the default dtype), ``layout``, ``device`` and ``requires_grad``,
and return a tensor of shape [M], which is [1.] for one point. They raise ``ValueError`` for a
negative M and for another dtype or layout. Start reading at ``_points``.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, cast

import pullback as _pb
from pullback import _arguments
from pullback._core import Tensor

if TYPE_CHECKING:
    from typing_extensions import Unpack

_F = TypeVar("_F", bound=Callable[..., Tensor])
_NUMBERS = ("alpha", "beta", "center", "std", "tau")


class _Options(TypedDict, total=False):
    """What every window takes by name."""

    sym: bool
    dtype: _pb.dtype | None
    layout: Any
    device: Any
    requires_grad: bool


_DEFAULTS: _Options = {
    "sym": True,
    "dtype": None,
    "layout": _pb.strided,
    "device": None,
    "requires_grad": False,
}


def _window(function: _F) -> _F:
    """The function, which looks at its arguments before, and names its options."""
    name = function.__name__
    own = inspect.signature(function)
    named = [p for p in own.parameters.values() if p.kind is not p.VAR_KEYWORD]
    named += [
        inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=value)
        for key, value in _DEFAULTS.items()
    ]
    known = {each.name for each in named}

    @functools.wraps(function)
    def checking(M: Any, **given: Any) -> Tensor:
        for key in given:
            if key not in known:
                raise TypeError(f"{name}() got an unexpected keyword argument {key!r}")
        _arguments.whole(name, M=M)
        _arguments.bools(name, **{k: v for k, v in given.items() if k in ("sym", "requires_grad")})
        kinds: dict[str, Any] = {
            "dtype": _pb.dtype,
            "layout": _pb.layout,
            "device": (str, int, _pb.device),
        }
        for key, value in given.items():
            if key in _NUMBERS and not (key == "center" and value is None):
                _arguments.numbers(name, **{key: value})
            elif key in kinds and value is not None and not isinstance(value, kinds[key]):
                _arguments.refuse(name, key, f"torch.{key}", value)
            elif key == "a" and not isinstance(value, Iterable):
                _arguments.refuse(name, key, "a list or tuple of numbers", value)
        return function(M, **given)

    vars(checking)["__signature__"] = own.replace(parameters=named)
    return cast("_F", checking)


def _checked(name: str, M: int, options: _Options) -> dict[str, Any]:
    """What a factory takes of the options."""
    if M < 0:
        raise ValueError(f"{name} requires non-negative window length, got M={M}")
    layout = options.get("layout", _pb.strided)
    if layout is not _pb.strided:
        raise ValueError(f"{name} is implemented for strided tensors only, got: {layout}")
    kind = options.get("dtype") or _pb.get_default_dtype()
    if kind not in (_pb.float32, _pb.float64):
        raise ValueError(f"{name} expects float32 or float64 dtypes, got: {kind}")
    wanted = options.get("requires_grad", False)
    return {"dtype": kind, "device": options.get("device"), "requires_grad": wanted}


def _points(M: int, start: float, step: float, options: dict[str, Any]) -> Tensor:
    return _pb.linspace(start, start + (M - 1) * step, M, **options)


def _sym(options: _Options) -> bool:
    return options.get("sym", True)


def _intervals(M: int, options: _Options) -> int:
    """What the window spans."""
    return M if not _sym(options) and M > 1 else M - 1


@_window
def bartlett(
    M: int,
    **options: Unpack[_Options],
) -> Tensor:
    """A triangle that is zero at the ends.

    Example:
        >>> import pullback as pb
        >>> pb.signal.windows.bartlett(5)
        tensor([0.0000, 0.5000, 1.0000, 0.5000, 0.0000])
    """
    made = _checked("bartlett", M, options)
    if M < 2:
        return _pb.ones(M, **made)
    return 1 - _pb.abs(_points(M, -1, 2 / _intervals(M, options), made))


@_window
def blackman(
    M: int,
    **options: Unpack[_Options],
) -> Tensor:
    """The general cosine window of 0.42, 0.5 and 0.08.

    Example:
        >>> import pullback as pb
        >>> pb.signal.windows.blackman(7)[1:4]
        tensor([0.1300, 0.6300, 1.0000])
    """
    return general_cosine(
        M,
        a=[0.42, 0.5, 0.08],
        **options,
    )


@_window
def cosine(
    M: int,
    **options: Unpack[_Options],
) -> Tensor:
    """Half a period of a sine, which is zero half a point outside of the window.

    Example:
        >>> import pullback as pb
        >>> pb.signal.windows.cosine(3)
        tensor([0.5000, 1.0000, 0.5000])
    """
    made = _checked("cosine", M, options)
    if M == 0:
        return _pb.empty(0, **made)
    step = math.pi / (M + 1 if not _sym(options) and M > 1 else M)
    return _pb.sin(_points(M, 0.5 * step, step, made))


@_window
def exponential(
    M: int,
    *,
    center: float | None = None,
    tau: float = 1.0,
    **options: Unpack[_Options],
) -> Tensor:
    """exp(-abs(n - center) / tau).

    Args:
        M: the number of points.
        center: where the window is 1; the middle by default, and of a symmetric one always.
        tau: how far it is to 1 / e.
        options: see above.

    Example:
        >>> import pullback as pb
        >>> pb.signal.windows.exponential(3, tau=2.0)
        tensor([0.6065, 1.0000, 0.6065])
    """
    made = _checked("exponential", M, options)
    if tau <= 0:
        raise ValueError(f"Tau must be positive, got: {tau} instead.")
    if _sym(options) and center is not None:
        raise ValueError("Center must be None for symmetric windows")
    if M == 0:
        return _pb.empty(0, **made)
    middle = _intervals(M, options) / 2 if center is None else center
    return _pb.exp(-_pb.abs(_points(M, -middle / tau, 1 / tau, made)))


@_window
def gaussian(
    M: int,
    *,
    std: float = 1.0,
    **options: Unpack[_Options],
) -> Tensor:
    """exp(-(n - middle)^2 / (2 std^2)).

    Example:
        >>> import pullback as pb
        >>> pb.signal.windows.gaussian(3)
        tensor([0.6065, 1.0000, 0.6065])
    """
    made = _checked("gaussian", M, options)
    if std <= 0:
        raise ValueError(f"Standard deviation must be positive, got: {std} instead.")
    if M == 0:
        return _pb.empty(0, **made)
    step = 1 / (std * math.sqrt(2))
    return _pb.exp(-_pb.square(_points(M, -_intervals(M, options) / 2 * step, step, made)))


@_window
def general_cosine(
    M: int,
    *,
    a: Iterable[float],
    **options: Unpack[_Options],
) -> Tensor:
    """The sum of (-1)^k a[k] cos(2 pi k n / N), N being M - 1, or M if periodic.

    Args:
        M: the number of points.
        a: the weights.
        options: see above.

    Example:
        >>> import pullback as pb
        >>> pb.signal.windows.general_cosine(3, a=[0.5, 0.3, 0.2])
        tensor([0.4000, 1.0000, 0.4000])
    """
    made = _checked("general_cosine", M, options)
    if M == 0:
        return _pb.empty(0, **made)
    if M == 1:
        return _pb.ones(1, **made)
    if not a:
        raise ValueError("Coefficients cannot be empty")
    weights = [(-1) ** k * weight for k, weight in enumerate(a)]
    turns = _points(M, 0, 2 * math.pi / _intervals(M, options), made)
    total: Tensor = weights[0] + 0 * turns
    for k, weight in enumerate(weights[1:], 1):
        total = total + weight * _pb.cos(k * turns)
    return total


@_window
def general_hamming(
    M: int,
    *,
    alpha: float = 0.54,
    **options: Unpack[_Options],
) -> Tensor:
    """Alpha - (1 - alpha) cos(2 pi n / N).

    Example:
        >>> import pullback as pb
        >>> pb.signal.windows.general_hamming(3, alpha=0.75)
        tensor([0.5000, 1.0000, 0.5000])
    """
    return general_cosine(
        M,
        a=[alpha, 1 - alpha],
        **options,
    )


@_window
def hamming(
    M: int,
    **options: Unpack[_Options],
) -> Tensor:
    """The general Hamming window of 0.54.

    Example:
        >>> import pullback as pb
        >>> pb.signal.windows.hamming(3)
        tensor([0.0800, 1.0000, 0.0800])
    """
    return general_hamming(M, **options)


@_window
def hann(
    M: int,
    **options: Unpack[_Options],
) -> Tensor:
    """The general Hamming window of 0.5, zero at the ends.

    Example:
        >>> import pullback as pb
        >>> pb.signal.windows.hann(4, sym=False)
        tensor([0.0000, 0.5000, 1.0000, 0.5000])
    """
    return general_hamming(
        M,
        alpha=0.5,
        **options,
    )


@_window
def kaiser(
    M: int,
    *,
    beta: float = 12.0,
    **options: Unpack[_Options],
) -> Tensor:
    """The Kaiser window, I0(beta sqrt(1 - (2 n / N - 1)^2)) / I0(beta).

    Example:
        >>> import pullback as pb
        >>> pb.signal.windows.kaiser(3, beta=1.0)
        tensor([0.7898, 1.0000, 0.7898])
    """
    made = _checked("kaiser", M, options)
    if beta < 0:
        raise ValueError(f"beta must be non-negative, got: {beta} instead.")
    window: Tensor = _pb.kaiser_window(M, not _sym(options), float(beta), **made)
    return window


@_window
def nuttall(
    M: int,
    **options: Unpack[_Options],
) -> Tensor:
    """The cosine window of four weights with small side lobes.

    A. H. Nuttall, "Some windows with very good sidelobe behavior", IEEE ASSP 29 (1981).

    Example:
        >>> import pullback as pb
        >>> pb.signal.windows.nuttall(7)[1:4]
        tensor([0.0613, 0.5292, 1.0000])
    """
    return general_cosine(
        M,
        a=[0.3635819, 0.4891775, 0.1365995, 0.0106411],
        **options,
    )
