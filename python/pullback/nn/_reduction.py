"""``torch.nn._reduction``: the names of reductions, as losses of programs read them."""

from __future__ import annotations

from pullback import _core

__all__ = ["get_enum", "legacy_get_enum", "legacy_get_string"]

_NUMBERS = {"none": 0, "mean": 1, "sum": 2}


def get_enum(reduction: str) -> int:
    """0 of "none", 1 of "mean", 2 of "sum".

    Raises:
        ValueError: any other text.

    Example:
        >>> from pullback.nn import _reduction
        >>> _reduction.get_enum("mean")
        1
    """
    if reduction == "elementwise_mean":
        _core._warn(
            "reduction='elementwise_mean' is deprecated. Please use reduction='mean' instead."
        )
        return 1
    if reduction not in _NUMBERS:
        raise ValueError(f"{reduction} is not a valid value for reduction")
    return _NUMBERS[reduction]


def legacy_get_string(
    size_average: bool | None, reduce: bool | None, emit_warning: bool = True
) -> str:
    """The ``reduction`` that the two older arguments stand for; missing ones count as True.

    Example:
        >>> from pullback.nn import _reduction
        >>> _reduction.legacy_get_string(False, True, emit_warning=False)
        'sum'
    """
    if reduce is not None and not reduce:
        reduction = "none"
    elif size_average is None or size_average:
        reduction = "mean"
    else:
        reduction = "sum"
    if emit_warning:
        _core._warn(
            "size_average and reduce args will be deprecated, "
            f"please use reduction='{reduction}' instead.",
        )
    return reduction


def legacy_get_enum(
    size_average: bool | None, reduce: bool | None, emit_warning: bool = True
) -> int:
    """The number of that reduction.

    Example:
        >>> from pullback.nn import _reduction
        >>> _reduction.legacy_get_enum(None, False, emit_warning=False)
        0
    """
    return get_enum(legacy_get_string(size_average, reduce, emit_warning))
