"""``segment_reduce``: reductions of runs of positions along a dimension.

A composition: each position gets the number of its run, and ``scatter_reduce`` does the rest. What
lies in no run falls into one more, which is cut off.
"""

from __future__ import annotations

import pullback as pb
from pullback import Tensor, _arguments, _core

__all__ = ["segment_reduce"]

_NAMES = {
    "sum": "sum",
    "mean": "mean",
    "prod": "prod",
    "max": "amax",
    "min": "amin",
    "amax": "amax",
    "amin": "amin",
}
_OF_NOTHING = {"sum": 0.0, "mean": 0.0, "prod": 1.0, "amax": -float("inf"), "amin": float("inf")}


def _edges(
    data: Tensor, lengths: Tensor | None, offsets: Tensor | None, axis: int, unsafe: bool
) -> Tensor:
    """Where runs begin and end, ``[..., runs + 1]``, after the checks."""
    given = lengths if offsets is None else offsets
    if given is None:
        raise RuntimeError("segment_reduce(): Either lengths or offsets must be defined.")
    if given.dtype not in (pb.int32, pb.int64):
        raise NotImplementedError(
            f"segment_reduce(): got lengths or offsets of {given.dtype}, expected int32 or int64"
        )
    if data.ndim < given.ndim or given.ndim == 0:
        raise RuntimeError(
            f"segment_reduce(): got lengths or offsets of {given.ndim} dimensions, expected 1 to "
            f"{data.ndim}, those of data"
        )
    if axis != given.ndim - 1 or given.shape[:-1] != data.shape[:axis]:
        raise RuntimeError(
            "segment_reduce(): Expected axis to be the last dimension of lengths but got "
            f"{axis}: the shape {list(given.shape)} for data of {list(data.shape)}."
        )
    if offsets is not None:
        if not unsafe and bool((offsets.diff() < 0).any()):
            raise RuntimeError("segment_reduce(): offsets must not decrease")
        return offsets.long()
    if not unsafe:
        if given.numel() and int(given.min()) < 0:
            raise RuntimeError("lengths contains negative value!")
        if not bool((given.sum(-1) == data.shape[axis]).all()):
            raise RuntimeError(
                "segment_reduce(): Expected all rows of lengths along axis to sum to "
                "data.size(lengths.dim()-1) when !unsafe."
            )
    start = pb.zeros(*given.shape[:-1], 1, dtype=pb.int64)
    return pb.cat([start, given.long().cumsum(-1)], -1)


@_core._overridable
def segment_reduce(
    data: Tensor,
    reduce: str,
    *,
    lengths: Tensor | None = None,
    indices: Tensor | None = None,
    offsets: Tensor | None = None,
    axis: int = 0,
    unsafe: bool = False,
    initial: float | None = None,
) -> Tensor:
    """The reductions of runs of positions along a dimension, one after the other.

    Args:
        data: floating-point numbers, ``[..., positions, ...]``.
        reduce: ``sum``, ``mean``, ``prod``, ``max`` or ``min``.
        lengths: int32 or int64, ``[..., runs]``: how long each run is.
        indices: refused, as in PyTorch.
        offsets: instead of lengths, where each begins, and where the last one ends.
        axis: the dimension, the last one of lengths.
        unsafe: whether lengths are not checked; positions in no run are left out.
        initial: what each reduction starts with. Without it a mean of no position is NaN, the
            others are 0, 1 and the infinities.

    Returns:
        ``[..., runs, ...]``. Equal greatest and least numbers share the gradient.

    Raises:
        RuntimeError: there are no lengths, they do not fit, or the reduction is another one.
        NotImplementedError: a dtype is another one.

    Example:
        >>> import pullback as pb
        >>> pb.segment_reduce(pb.tensor([1.0, 3.0, 2.0]), "max", lengths=pb.tensor([2, 1]))
        tensor([3., 2.])
    """
    _arguments.tensors("segment_reduce", data=data)
    _arguments.maybe(_arguments.tensors, "segment_reduce", lengths=lengths, indices=indices)
    _arguments.maybe(_arguments.tensors, "segment_reduce", offsets=offsets)
    _arguments.texts("segment_reduce", reduce=reduce)
    _arguments.whole("segment_reduce", axis=axis)
    _arguments.bools("segment_reduce", unsafe=unsafe)
    _arguments.maybe(_arguments.numbers, "segment_reduce", initial=initial)
    if indices is not None:
        raise RuntimeError("segment_reduce(): indices based reduction is not supported yet.")
    most = max(data.ndim, 1)
    if not -most <= axis < most:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-most}, {most - 1}], but got "
            f"{axis})"
        )
    name = _NAMES.get(reduce)
    if name is None:
        raise RuntimeError(
            f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}"
        )
    if not data.is_floating_point():
        raise NotImplementedError(
            f"segment_reduce(): got data of {data.dtype}, expected floating-point numbers"
        )
    at = axis % most
    edges = _edges(data, lengths, offsets, at, unsafe)
    runs = edges.shape[-1] - 1
    places = pb.arange(data.shape[at]).expand(*edges.shape[:-1], data.shape[at]).contiguous()
    run = pb.searchsorted(edges, places, right=True) - 1
    run = pb.where((run < 0) | (run >= runs), runs, run)
    run = run.reshape(*run.shape, *[1] * (data.ndim - run.ndim)).expand(data.shape)
    shape = [*data.shape[:at], runs + 1, *data.shape[at + 1 :]]
    start = data.new_full(shape, _OF_NOTHING[name])
    if name == "mean":
        total = start.scatter_add(at, run, data)
        count = start.scatter_add(at, run, pb.ones_like(data))
        found = total / count
        if initial is not None:
            found = pb.where(count == 0, initial, (total + initial) / count)
    else:
        found = start.scatter_reduce(at, run, data, name, include_self=False)
        if initial is not None:
            found = {
                "sum": lambda: found + initial,
                "prod": lambda: found * initial,
                "amax": lambda: pb.where(found < initial, initial, found),
                "amin": lambda: pb.where(found > initial, initial, found),
            }[name]()
    return found.narrow(at, 0, runs).to(data.dtype)
