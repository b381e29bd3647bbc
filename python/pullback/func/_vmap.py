"""``vmap``: a function of one example becomes one of many, without a loop.

Arguments are wrapped as tensors that stand for all examples, the function runs once, and every
operator computes for all of them (NOTE [Batching] in csrc/ops/op.h). Start at ``vmap``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import pullback as pb
from pullback import Tensor, _arguments, _core
from pullback._level_kinds import VMAP
from pullback._pytree import TreeSpec, broadcast_prefix, tree_flatten, tree_unflatten
from pullback.func._levels import RANDOMNESS, Entered, check_randomness, name_of

__all__ = ["vmap"]

Dims = int | tuple[Any, ...] | list[Any] | dict[str, Any] | None
_Leaves = list[Any]


def _flat_in_dims(
    args: tuple[Any, ...], in_dims: Any, function: Callable[..., Any]
) -> tuple[_Leaves, _Leaves, TreeSpec]:
    """The leaves of the arguments, for each its mapped dimension or None, and their structure."""
    where = f"vmap({name_of(function)}, in_dims={in_dims}, ...)(<inputs>)"
    if not isinstance(in_dims, (int, tuple)):
        raise ValueError(
            f"{where}: expected `in_dims` to be int or a (potentially nested) tuple matching the "
            f"structure of inputs, got: {type(in_dims)}."
        )
    if not args:
        raise ValueError(
            f"vmap({name_of(function)})(<inputs>): got no inputs. Maybe you forgot to add inputs, "
            "or you are trying to vmap over a function with no inputs. The latter is unsupported."
        )
    leaves, spec = tree_flatten(args)
    dims = broadcast_prefix(in_dims, spec)
    if dims is None:
        raise ValueError(
            f"{where}: in_dims is not compatible with the structure of `inputs`. in_dims has "
            f"structure {tree_flatten(in_dims)[1]} but inputs has structure {spec}."
        )
    for i, (leaf, dim) in enumerate(zip(leaves, dims, strict=True)):
        if dim is None:
            continue
        if not isinstance(dim, int):
            raise ValueError(
                f"{where}: Got in_dim={dim} for an input but in_dim must be either an integer "
                "dimension or None."
            )
        if not isinstance(leaf, Tensor):
            raise ValueError(
                f"{where}: Got in_dim={dim} for an input but the input is of type {type(leaf)}. We "
                "cannot vmap over non-Tensor arguments, please use None as the respective in_dim"
            )
        if not -leaf.dim() <= dim < leaf.dim():
            raise ValueError(
                f"{where}: Got in_dim={dim} for some input, but that input is a Tensor of "
                f"dimensionality {leaf.dim()} so expected in_dim to satisfy -{leaf.dim()} <= "
                f"in_dim < {leaf.dim()}."
            )
        dims[i] = dim % leaf.dim()
    return leaves, dims, spec


def _batch_size(leaves: _Leaves, dims: _Leaves) -> int:
    sizes = [t.shape[dim] for t, dim in zip(leaves, dims, strict=True) if dim is not None]
    if not sizes:
        raise ValueError("vmap: Expected at least one Tensor to vmap over")
    if any(size != sizes[0] for size in sizes):
        raise ValueError(
            "vmap: Expected all tensors to have the same size in the mapped dimension, got sizes "
            f"{sizes} for the mapped dimension"
        )
    size: int = sizes[0]
    return size


def _flat_out_dims(
    result: Any, spec: TreeSpec, out_dims: Any, function: Callable[..., Any]
) -> _Leaves:
    where = f"vmap({name_of(function)}, ..., out_dims={out_dims})"
    if isinstance(result, Tensor):
        # One tensor may have its dimension alone or in a tuple.
        if isinstance(out_dims, tuple) and len(out_dims) == 1:
            out_dims = out_dims[0]
        dims: _Leaves | None = [out_dims] if isinstance(out_dims, int) or out_dims is None else None
    else:
        dims = broadcast_prefix(out_dims, spec)
    if dims is None and isinstance(out_dims, (tuple, list, dict)):
        raise ValueError(
            f"{where}(<inputs>): out_dims is not compatible with the structure of `outputs`. "
            f"out_dims has structure {tree_flatten(out_dims)[1]} but outputs has structure {spec}."
        )
    if dims is None or not all(dim is None or isinstance(dim, int) for dim in dims):
        raise ValueError(
            f"{where}: `out_dims` must be an int, None or a python collection of ints representing "
            "where in the outputs the vmapped dimension should appear."
        )
    return dims


def leave_batch(tensor: Tensor, dim: int, level: int) -> Tensor:
    """All examples, along ``dim``."""
    ndim = tensor.dim() + 1
    if not -ndim <= dim < ndim:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-ndim}, {ndim - 1}], but got "
            f"{dim})"
        )
    examples: Tensor = _core._batch_leave(tensor, dim % ndim, level)
    return examples


def _leave_all(result: Any, out_dims: Any, level: int, function: Callable[..., Any]) -> Any:
    leaves, spec = tree_flatten(result)
    name = name_of(function)
    dims = _flat_out_dims(result, spec, out_dims, function)
    unwrapped = []
    for leaf, dim in zip(leaves, dims, strict=True):
        if dim is None:
            batch = _core._batch_of(leaf) if isinstance(leaf, Tensor) else None
            if batch is not None and batch[0] >= level:
                raise ValueError(
                    f"vmap({name}, ...): `{name}` can not return a BatchedTensor when out_dim is "
                    "None"
                )
            unwrapped.append(leaf)
            continue
        if not isinstance(leaf, Tensor):
            raise ValueError(
                f"vmap({name}, ...): `{name}` must only return Tensors, got type {type(leaf)}. Did "
                "you mean to set out_dims= to None for output?"
            )
        unwrapped.append(leave_batch(leaf, dim, level))
    return tree_unflatten(unwrapped, spec)


def _enter_all(leaves: _Leaves, dims: _Leaves, level: int) -> _Leaves:
    return [
        leaf if dim is None else _core._batch_enter(leaf, dim, level)
        for leaf, dim in zip(leaves, dims, strict=True)
    ]


def _call(
    function: Callable[..., Any],
    flat: tuple[_Leaves, _Leaves, TreeSpec],
    kwargs: dict[str, Any],
    size: int,
    randomness: int,
    out_dims: Any,
) -> Any:
    leaves, dims, spec = flat
    with Entered(VMAP, size, randomness) as level:
        args = tree_unflatten(_enter_all(leaves, dims, level), spec)
        return _leave_all(function(*args, **kwargs), out_dims, level, function)


def _chunks(size: int, chunk_size: int) -> list[int]:
    whole, rest = divmod(size, chunk_size)
    return [chunk_size] * whole + ([rest] if rest else [])


def _call_chunked(
    function: Callable[..., Any],
    flat: tuple[_Leaves, _Leaves, TreeSpec],
    kwargs: dict[str, Any],
    size: int,
    randomness: int,
    out_dims: Any,
    chunk_size: int,
) -> Any:
    leaves, dims, spec = flat
    results: list[_Leaves] = []
    out_spec = spec
    start = 0
    # The same random numbers for all examples are the same in every chunk.
    state = _core.default_generator.get_state() if randomness == RANDOMNESS["same"] else None
    for length in _chunks(size, chunk_size):
        if state is not None:
            pb.set_rng_state(state)
        part = [
            leaf if dim is None else leaf.narrow(dim, start, length)
            for leaf, dim in zip(leaves, dims, strict=True)
        ]
        result = _call(function, (part, dims, spec), kwargs, length, randomness, out_dims)
        found, out_spec = tree_flatten(result)
        results.append(found)
        start += length
    places = broadcast_prefix(out_dims, out_spec) or []
    joined = [
        parts[0] if dim is None else pb.cat(parts, dim)
        for parts, dim in zip(map(list, zip(*results, strict=True)), places, strict=True)
    ]
    return tree_unflatten(joined, out_spec)


def vmap(
    func: Callable[..., Any],
    in_dims: Dims = 0,
    out_dims: Dims = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """A function that maps ``func`` over a dimension of its arguments, in one call.

    Args:
        func: takes and returns tensors, or nested containers of them.
        in_dims: the dimension to map over, one for all or a tree of the arguments' structure; None
            for an argument that is the same for all examples, as keyword arguments always are.
        out_dims: where the results have the mapped dimension.
        randomness: whether random numbers are refused (``"error"``), the same for all examples
            (``"same"``) or other ones for each (``"different"``).
        chunk_size: how many examples are computed at once; all by default.

    Raises:
        ValueError: the arguments do not fit ``in_dims``, the results not ``out_dims``.
        RuntimeError: ``func`` reads values of its arguments (``item``, ``if``), or an operator has
            no batching rule.

    Example:
        >>> import pullback as pb
        >>> pb.vmap(pb.dot)(pb.ones(3, 2), pb.arange(6.0).view(3, 2))
        tensor([1., 5., 9.])
    """
    _arguments.functions("vmap", func=func)
    if chunk_size is not None:
        _arguments.integers("vmap", chunk_size=chunk_size)
    number = check_randomness(randomness)
    if not (chunk_size is None or chunk_size > 0):
        raise ValueError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")

    @wraps(func)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        flat = _flat_in_dims(args, in_dims, func)
        size = _batch_size(flat[0], flat[1])
        if chunk_size is None:
            return _call(func, flat, kwargs, size, number, out_dims)
        return _call_chunked(func, flat, kwargs, size, number, out_dims, chunk_size)

    return wrapped
