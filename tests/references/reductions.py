"""What reductions, running forms, sorting and sets give, with NumPy in extended precision.

A reference takes the arguments of a sample with arrays in the places of the tensors.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np


def axes(input: Any, dim: Any) -> Any:
    """NumPy's ``axis``: no dimensions, or none at all, are all of them."""
    if dim is None or dim == () or input.ndim == 0:
        return None
    return tuple(dim) if isinstance(dim, (tuple, list)) else dim


def over(function: Callable[..., Any]) -> Callable[..., Any]:
    """A reduction over dimensions, from one of NumPy."""

    def call(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
        return function(input, axis=axes(input, dim), keepdims=keepdim)

    return call


def place_of(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
        return function(input, axis=axes(input, dim), keepdims=keepdim)

    return call


def extreme(
    value: Callable[..., Any], place: Callable[..., Any], of_two: Callable[..., Any]
) -> Callable[..., Any]:
    def call(input: Any, *args: Any, **kwargs: Any) -> Any:
        if args and isinstance(args[0], np.ndarray):
            return of_two(input, args[0])
        if not args and not kwargs:
            return value(input)
        return [over(value)(input, *args, **kwargs), place_of(place)(input, *args, **kwargs)]

    return call


def aminmax(input: Any, *, dim: int | None = None, keepdim: bool = False) -> Any:
    return [over(np.min)(input, dim, keepdim), over(np.max)(input, dim, keepdim)]


def spread(input: Any, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
    """Variance and mean, with the arguments of all three signatures."""
    if args and isinstance(args[0], bool):
        kwargs["unbiased"] = args[0]
    else:
        kwargs |= dict(zip(("dim", "unbiased", "keepdim"), args, strict=False))
    correction = kwargs.get("correction", int(kwargs.get("unbiased", True)))
    where = {"axis": axes(input, kwargs.get("dim")), "keepdims": kwargs.get("keepdim", False)}
    mean = np.mean(input, axis=where["axis"], keepdims=True)
    squares = np.sum((input - mean) ** 2, **where)
    count = input.size / max(mean.size, 1)
    return squares / (count - correction), np.mean(input, **where)


def deviation(input: Any, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
    variance, mean = spread(input, *args, **kwargs)
    return np.sqrt(variance), mean


def logsumexp(input: Any, dim: Any, keepdim: bool = False) -> Any:
    return np.log(over(np.sum)(np.exp(input), dim, keepdim))


def powers(input: Any, ord: float, axis: Any, keepdims: bool) -> Any:
    size = np.abs(input)
    if ord in (np.inf, -np.inf):
        return (np.max if ord > 0 else np.min)(size, axis=axis, keepdims=keepdims)
    return np.sum(size ** np.longdouble(ord), axis=axis, keepdims=keepdims) ** (
        1 / np.longdouble(ord)
    )


def norm(input: Any, p: Any = "fro", dim: Any = None, keepdim: bool = False) -> Any:
    return powers(input, 2 if p == "fro" else p, axes(input, dim), keepdim)


def vector_norm(input: Any, ord: float = 2, dim: Any = None, keepdim: bool = False) -> Any:
    return powers(input, ord, axes(input, dim), keepdim)


def linalg_norm(input: Any, ord: Any = None, dim: Any = None, keepdim: bool = False) -> Any:
    return np.linalg.norm(input, ord, dim, keepdim)


def matrix_norm(input: Any, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False) -> Any:
    of_values = ord in (2, -2, "nuc")  # LAPACK has no more digits
    digits = np.complex128 if input.dtype.kind == "c" else np.float64
    return np.linalg.norm(input.astype(digits) if of_values else input, ord, dim, keepdim)


def pairwise_distance(
    x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Any:
    return powers(x1 - x2 + eps, p, -1, keepdim)


def cdist(x1: Any, x2: Any, p: float = 2.0) -> Any:
    return powers(x1[..., :, None, :] - x2[..., None, :, :], p, -1, keepdims=False)


# --- running forms ---


def running(combine: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def call(input: Any, dim: int) -> Any:
        made = np.moveaxis(np.array(input).reshape(input.shape or (1,)), dim, 0).copy()
        for k in range(1, len(made)):
            made[k] = combine(made[k - 1], made[k])
        return np.moveaxis(made, 0, dim).reshape(input.shape)

    return call


def running_extreme(better: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """The best so far, and where it stands: of equal ones the last."""

    def call(input: Any, dim: int) -> Any:
        values = np.moveaxis(np.array(input).reshape(input.shape or (1,)), dim, 0).copy()
        places = np.zeros(values.shape, np.int64)
        for k in range(1, len(values)):
            ours = better(values[k], values[k - 1]) | (values[k] == values[k - 1])
            places[k] = np.where(ours, k, places[k - 1])
            values[k] = np.where(ours, values[k], values[k - 1])
        return [np.moveaxis(each, 0, dim).reshape(input.shape) for each in (values, places)]

    return call


def diff(input: Any, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None) -> Any:
    whole = [each for each in (prepend, input, append) if each is not None]
    return np.diff(np.concatenate(whole, axis=dim), n, axis=dim)


def areas(y: Any, x: Any, dx: float, dim: int) -> Any:
    """Of the trapezoids between neighbours, along the last dimension."""
    y = np.moveaxis(y, dim, -1)
    gaps = dx
    if x is not None:
        gaps = np.diff(x if x.ndim < y.ndim else np.moveaxis(x, dim, -1), axis=-1)
    return gaps * (y[..., 1:] + y[..., :-1]) / 2


def trapezoid(y: Any, x: Any = None, *, dx: float = 1, dim: int = -1) -> Any:
    return areas(y, x, dx, dim).sum(axis=-1)


def cumulative_trapezoid(y: Any, x: Any = None, *, dx: float = 1, dim: int = -1) -> Any:
    return np.moveaxis(np.cumsum(areas(y, x, dx, dim), axis=-1), -1, dim)


# --- order ---


def rows(function: Callable[[list[Any]], list[tuple[Any, int]]]) -> Callable[..., Any]:
    """Values and places, from a function of the numbers along ``dim``."""

    def call(input: Any, dim: int, keepdim: bool = True) -> list[Any]:
        whole = np.moveaxis(input.reshape(input.shape or (1,)), dim, -1)
        found = [function(list(row)) for row in whole.reshape(-1, whole.shape[-1])]
        count = len(found[0]) if found else len(function([0] * max(whole.shape[-1], 1)))
        made = []
        for part, kind in ((0, input.dtype), (1, np.int64)):
            flat = np.array([[pair[part] for pair in row] for row in found], kind)
            each = np.moveaxis(flat.reshape(*whole.shape[:-1], count), -1, dim)
            each = each if keepdim or input.ndim == 0 else np.squeeze(each, dim)
            made.append(each.reshape(()) if input.ndim == 0 else each)
        return made

    return call


def in_order(row: list[Any], descending: bool = False) -> list[tuple[Any, int]]:
    """Stable in both directions."""
    return sorted(
        zip(row, range(len(row)), strict=True), key=lambda p: -p[0] if descending else p[0]
    )


def sort(input: Any, dim: int = -1, descending: bool = False, *, stable: bool = True) -> Any:
    if input.size == 0:
        return [input, np.zeros(input.shape, np.int64)]
    return rows(lambda row: in_order(row, descending))(input, dim)


def topk(input: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    return rows(lambda row: in_order(row, largest)[:k])(input, dim)


def kthvalue(input: Any, k: int, dim: int = -1, keepdim: bool = False) -> Any:
    return rows(lambda row: [in_order(row)[k - 1]])(input, dim, keepdim)


def median(input: Any, *args: Any, **kwargs: Any) -> Any:
    """Of an even number the lower one in the middle."""

    def middle(row: list[Any]) -> list[tuple[Any, int]]:
        return [in_order(row)[(len(row) - 1) // 2]]

    if not args and not kwargs:
        return np.array(middle(list(input.ravel()))[0][0])
    return rows(middle)(input, *args, **{"keepdim": False, **kwargs} if len(args) < 2 else kwargs)


def mode(input: Any, dim: int = -1, keepdim: bool = False) -> Any:
    """Of equally frequent values the smallest, at its last place."""

    def most_frequent(row: list[Any]) -> list[tuple[Any, int]]:
        often = Counter(row)
        value = min(often, key=lambda v: (-often[v], v))
        return [(value, len(row) - 1 - row[::-1].index(value))]

    return rows(most_frequent)(input, dim, keepdim)


def places_in_order(values: Any, sequence: Any, right: bool) -> Any:
    """How many come before: of a row those below, or not above."""
    sequence = np.asarray(sequence)
    if sequence.ndim == 1:
        sequence = np.broadcast_to(sequence, (*np.shape(values)[:-1], len(sequence)))
    values = np.asarray(values)
    before = np.less_equal if right else np.less
    if values.ndim == 0:
        return np.asarray(before(sequence, values).sum(), np.int64)
    return before(sequence[..., None, :], values[..., None]).sum(axis=-1)


def searchsorted(
    sorted_sequence: Any, input: Any, *, right: bool = False, side: str | None = None
) -> Any:
    return places_in_order(input, sorted_sequence, right or side == "right")


def bucketize(input: Any, boundaries: Any, *, out_int32: bool = False, right: bool = False) -> Any:
    found = places_in_order(input, boundaries, right)
    return found.astype(np.int32) if out_int32 else found


# --- sets ---


def keys_of(input: Any, dim: int | None) -> list[Any]:
    if dim is None:
        return input.ravel().tolist()
    return [tuple(part.ravel().tolist()) for part in np.moveaxis(input, dim, 0)]


def with_places(
    input: Any, keys: list[Any], firsts: list[Any], inverse: Any, counts: Any, dim: int | None
) -> Any:
    """The values of ``firsts``; if wanted, which of them each key is, and how often it is there."""
    if dim is None:
        values = np.array(firsts, input.dtype)
    else:
        rest = np.moveaxis(input, dim, 0).shape[1:]
        values = np.moveaxis(np.array(firsts, input.dtype).reshape(-1, *rest), 0, dim)
    shape = input.shape if dim is None else (input.shape[dim],)
    made = [values]
    if inverse is not None:
        made.append(np.array(inverse, np.int64).reshape(shape))
    if counts is not None:
        made.append(np.array(counts, np.int64))
    return made if len(made) > 1 else values


def unique(
    input: Any,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    keys = keys_of(input, dim)
    often = Counter(keys)
    firsts = list(often)
    firsts.sort()
    inverse = [firsts.index(key) for key in keys] if return_inverse else None
    counts = [often[key] for key in firsts] if return_counts else None
    return with_places(input, keys, firsts, inverse, counts, dim)


def unique_consecutive(
    input: Any, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    keys = keys_of(input, dim)
    groups = [(key, len(list(group))) for key, group in itertools.groupby(keys)]
    inverse = [k for k, (_, count) in enumerate(groups) for _ in range(count)]
    counts = [count for _, count in groups]
    return with_places(
        input,
        keys,
        [key for key, _ in groups],
        inverse if return_inverse else None,
        counts if return_counts else None,
        dim,
    )


def bincount(input: Any, weights: Any = None, minlength: int = 0) -> Any:
    size = max(minlength, int(input.max()) + 1)
    ones = np.ones(input.shape, np.int64) if weights is None else weights
    return np.array([ones[input == k].sum() for k in range(size)])


def histc(input: Any, bins: int = 100, min: float = 0, max: float = 0) -> Any:
    low, high = (input.min(), input.max()) if min == max else (min, max)
    counts = [0.0] * bins
    for value in input.flat:
        if low <= value <= high:
            at = int((value - low) / (high - low) * bins)
            counts[at if at < bins else bins - 1] += 1
    return np.array(counts)


def isin(
    elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False
) -> Any:
    wanted = set(np.atleast_1d(test_elements).ravel().tolist())
    found = [(value in wanted) != invert for value in elements.ravel().tolist()]
    return np.array(found).reshape(elements.shape)


def count_nonzero(input: Any, dim: Any = None) -> Any:
    return over(np.sum)((input != 0).astype(np.int64), dim)


def quantile_by(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(
        input: Any, q: Any, dim: Any = None, keepdim: bool = False, *, interpolation: str = "linear"
    ) -> Any:
        axis = dim if input.ndim else None
        return function(input, q, axis=axis, keepdims=keepdim, method=interpolation)

    return call


def cov(input: Any, *, correction: int = 1, fweights: Any = None, aweights: Any = None) -> Any:
    weights = np.ones(input.shape[-1], np.longdouble)
    counts = weights if fweights is None else weights * fweights
    share = weights if aweights is None else weights * aweights
    weights = counts * share
    total = weights.sum()
    centred = input - (input * weights).sum(axis=-1, keepdims=True) / total
    freedom = total - correction * (weights * share).sum() / total
    rows = np.atleast_2d(centred)
    return ((rows * weights) @ rows.T / freedom).squeeze()


def corrcoef(input: Any) -> Any:
    covariance = cov(input)
    deviations = np.sqrt(np.diagonal(covariance))
    return covariance / deviations[:, None] / deviations


REFERENCES: dict[str, Callable[..., Any]] = {
    "all": lambda input, *args, **kwargs: (
        over(np.min)(input != 0, *args, **kwargs) if input.size else np.array(True)
    ),
    "amax": over(np.max),
    "amin": over(np.min),
    "aminmax": aminmax,
    "any": lambda input, *args, **kwargs: (
        over(np.max)(input != 0, *args, **kwargs) if input.size else np.array(False)
    ),
    "argmax": place_of(np.argmax),
    "argmin": place_of(np.argmin),
    "argsort": lambda *args, **kwargs: sort(*args, **kwargs)[1],
    "bincount": bincount,
    "bucketize": bucketize,
    "cdist": cdist,
    "count_nonzero": count_nonzero,
    "cummax": running_extreme(np.greater),
    "cummin": running_extreme(np.less),
    "cumprod": running(np.multiply),
    "cumsum": running(np.add),
    "cumulative_trapezoid": cumulative_trapezoid,
    "diff": diff,
    "dist": lambda input, other, p=2: powers(input - other, p, None, keepdims=False),
    "histc": histc,
    "isin": isin,
    "kthvalue": kthvalue,
    "linalg.norm": linalg_norm,
    "linalg.matrix_norm": matrix_norm,
    "linalg.vector_norm": vector_norm,
    "logcumsumexp": running(lambda a, b: np.log(np.exp(a) + np.exp(b))),
    "logsumexp": logsumexp,
    "max": extreme(np.max, np.argmax, np.maximum),
    "mean": over(np.mean),
    "median": median,
    "min": extreme(np.min, np.argmin, np.minimum),
    "mode": mode,
    "msort": lambda input: sort(input, 0)[0],
    "norm": norm,
    "corrcoef": corrcoef,
    "cov": cov,
    "nanquantile": quantile_by(np.nanquantile),
    "pairwise_distance": pairwise_distance,
    "quantile": quantile_by(np.quantile),
    "prod": over(np.prod),
    "searchsorted": searchsorted,
    "sort": sort,
    "std": lambda *args, **kwargs: deviation(*args, **kwargs)[0],
    "std_mean": deviation,
    "sum": over(np.sum),
    "topk": topk,
    "trapezoid": trapezoid,
    "unique": unique,
    "unique_consecutive": unique_consecutive,
    "var": lambda *args, **kwargs: spread(*args, **kwargs)[0],
    "var_mean": spread,
}

# No sample has a nan, which is what these leave out.
OTHER_NAMES = {"nanmean": "mean", "nanmedian": "median", "nansum": "sum", "trapz": "trapezoid"}
