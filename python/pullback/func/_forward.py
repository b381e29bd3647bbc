"""Forward mode as transforms of functions: ``jvp``, ``linearize``, ``jacfwd``, ``hessian``.

Each gives the function dual tensors of a level of its own; see NOTE [Levels] in csrc/graph/level.h.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import pullback as pb
from pullback import Tensor, _arguments, _core
from pullback._element_types import is_differentiable
from pullback._level_kinds import GRAD, JVP, LINEAR, VMAP
from pullback._pytree import TreeSpec, tree_flatten, tree_map, tree_unflatten
from pullback.func._levels import (
    Argnums,
    Chosen,
    Entered,
    as_tensor_leaf,
    backward,
    check_aux,
    check_randomness,
    check_real,
    grad_input,
    only_tensors,
    split_aux,
)
from pullback.func._reverse import jacrev

__all__ = ["hessian", "jacfwd", "jvp", "linearize"]

_API = "jvp(f, primals, tangents)"


def _enter(primals: Sequence[Tensor], tangents: Sequence[Tensor], level: int) -> list[Tensor]:
    for primal, tangent in zip(primals, tangents, strict=True):
        for name, each in (("primal", primal), ("tangent", tangent)):
            if not is_differentiable(each.dtype):
                raise ValueError(
                    f"Expected {name} to be floating point or complex, but got: {each.dtype}"
                )
        if primal.shape != tangent.shape:
            raise RuntimeError(
                "Trying to set a forward gradient that has a different size than that of the "
                "original Tensor, this is not supported. Tensor is of size "
                f"{list(primal.shape)} while the given forward gradient is of size "
                f"{list(tangent.shape)}."
            )
    return [_core._dual_enter(p, t, level) for p, t in zip(primals, tangents, strict=True)]


def _leave(outputs: Sequence[Tensor], level: int, strict: bool) -> tuple[list[Any], list[Any]]:
    values, derivatives = [], []
    for output in outputs:
        value, tangent = _core._dual_leave(output, level)
        if tangent is None:
            if strict:
                raise RuntimeError(
                    f"{_API[:-1]}, strict=True): The output of f is independent of the inputs. "
                    "This is not allowed with strict=True."
                )
            tangent = value.new_zeros(value.shape)
        values.append(value)
        derivatives.append(tangent)
    return values, derivatives


def _check_primals(primals: Any, tangents: Any) -> tuple[list[Any], list[Any], TreeSpec]:
    if not isinstance(primals, tuple):
        raise RuntimeError(
            f"{_API}: Expected primals to be a tuple. E.g. it should be valid to call f(*primals)."
        )
    flat, spec = tree_flatten(primals)
    directions, other = tree_flatten(tangents)
    if spec != other:
        raise RuntimeError(
            f"{_API}: Expected primals and tangents to have the same python structure. For "
            "example, if primals is a tuple of 3 tensors, tangents also must be. Got primals with "
            f"structure {spec} and tangents with structure {other}"
        )
    for name, leaves in (("primals", flat), ("tangents", directions)):
        if not leaves:
            raise RuntimeError(f"{_API}: Expected {name} to contain at least one Tensor.")
        for leaf in leaves:
            if not isinstance(leaf, Tensor):
                raise RuntimeError(
                    f"{_API}: Expected {name} to only contain Tensors, got {type(leaf)}"
                )
    return flat, directions, spec


def jvp(
    func: Callable[..., Any],
    primals: Any,
    tangents: Any,
    *,
    strict: bool = False,
    has_aux: bool = False,
) -> Any:
    """The value of ``func`` at ``primals`` and its derivative along ``tangents``.

    Args:
        func: returns tensors or nested containers of them.
        primals: a tuple of the arguments.
        tangents: a tuple of the same structure and shapes.
        strict: raise when an output does not depend on the primals, instead of giving zeros.
        has_aux: ``func`` returns ``(output, aux)``; then so does this, behind the others.

    Returns:
        ``(output, derivative)``, both of the output's structure.

    Example:
        >>> import pullback as pb
        >>> pb.func.jvp(pb.sin, (pb.zeros(2),), (pb.tensor([1.0, 2.0]),))
        (tensor([0., 0.]), tensor([1., 2.]))
    """
    _arguments.functions("jvp", func=func)
    _arguments.flags("jvp", has_aux=has_aux, strict=strict)
    flat, directions, spec = _check_primals(primals, tangents)
    with Entered(JVP) as level:
        result = func(*tree_unflatten(_enter(flat, directions, level), spec))
        aux = None
        if has_aux:
            result, aux = split_aux(result, _API)
            check_aux(aux)
            aux = tree_map(lambda t: _core._dual_leave(t, level)[0], aux)
        outputs, out_spec = only_tensors(result, _API, "f(*primals)")
        values, derivatives = _leave(outputs, level, strict)
    found = tree_unflatten(values, out_spec), tree_unflatten(derivatives, out_spec)
    return (*found, aux) if has_aux else found


def linearize(func: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """The value of ``func`` at ``primals`` and its derivative there as a function of tangents.

    ``func`` runs once, as in ``jvp``. Its derivative is a linear function of the tangents, whose
    gradient is linear in the arriving one; differentiating that gives the derivative along other
    tangents, without another evaluation.

    Returns:
        ``(output, jvp_fn)``; ``jvp_fn`` takes one tangent for each primal and returns the
        derivative in the output's structure.

    Example:
        >>> import pullback as pb
        >>> value, derivative = pb.func.linearize(pb.sin, pb.zeros(2))
        >>> derivative(pb.tensor([1.0, 2.0]))
        tensor([1., 2.])
    """
    _arguments.functions("linearize", func=func)
    flat, spec = tree_flatten(primals)
    with Entered(LINEAR) as level:
        tangents = [grad_input(pb.ones_like(as_tensor_leaf(leaf)), level) for leaf in flat]
        with Entered(JVP) as inner:
            result = func(*tree_unflatten(_enter(flat, tangents, inner), spec))
            outputs, out_spec = only_tensors(
                result, "linearize(f, *primals)", "f(*primals)", may_be_empty=True
            )
            found = [_core._dual_leave(output, inner)[1] for output in outputs]
        derivatives = [tangent for tangent in found if tangent is not None]
        with Entered(GRAD) as transposed:
            seeds = [grad_input(pb.zeros_like(d), transposed) for d in derivatives]
            gradients = backward(derivatives, seeds, tangents, 0)

    def jvp_fn(*arguments: Any) -> Any:
        directions, other = tree_flatten(arguments)
        if other != spec:
            raise RuntimeError(
                f"Expected the tangents {other} to have the same argspec as the primals {spec}"
            )
        for i, (primal, tangent) in enumerate(zip(flat, directions, strict=True)):
            if primal.shape != tangent.shape:
                raise RuntimeError(
                    f"tangent:{i} with shape {tangent.shape} in flattened pytree doesn't match the "
                    f"shape {primal.shape} of the corresponding primal."
                )
            if primal.dtype != tangent.dtype:
                raise RuntimeError(
                    f"tangent:{i} with dtype {tangent.dtype} in flattened pytree doesn't match the "
                    f"dtype {primal.dtype} of the corresponding primal."
                )
        rest = iter(backward(gradients, directions, seeds, 0))
        results = [
            pb.zeros(output.shape, dtype=output.dtype) if tangent is None else next(rest)
            for output, tangent in zip(outputs, found, strict=True)
        ]
        return tree_unflatten(results, out_spec)

    return tree_unflatten(outputs, out_spec), jvp_fn


def _basis(leaves: Sequence[Tensor]) -> list[Tensor]:
    """For each leaf the directions of all elements of all leaves: [directions, *leaf.shape]."""
    sizes = [leaf.numel() for leaf in leaves]
    total = sum(sizes)
    basis, start = [], 0
    for leaf, size in zip(leaves, sizes, strict=True):
        if size == total:
            block = pb.eye(size, dtype=leaf.dtype)
        else:
            block = pb.zeros(total, size, dtype=leaf.dtype)
            block.diagonal(-start).fill_(1)
        basis.append(block.reshape(total, *leaf.shape))
        start += size
    return basis


def jacfwd(
    func: Callable[..., Any],
    argnums: Argnums = 0,
    has_aux: bool = False,
    *,
    randomness: str = "error",
) -> Callable[..., Any]:
    """A function that returns the Jacobian of ``func``, by forward mode.

    Best where ``func`` has fewer inputs than outputs. All columns are computed at once.

    Args:
        func: returns tensors or nested containers of them.
        argnums: the argument, or a tuple of them, to differentiate by.
        has_aux: ``func`` returns ``(output, aux)``, and the new function ``(jacobian, aux)``.
        randomness: as for ``vmap``, over the columns.

    Returns:
        As of ``jacrev``.

    Example:
        >>> import pullback as pb
        >>> pb.func.jacfwd(pb.sin)(pb.zeros(2))
        tensor([[1., 0.],
                [0., 1.]])
    """
    _arguments.functions("jacfwd", func=func)
    _arguments.flags("jacfwd", has_aux=has_aux)
    number = check_randomness(randomness)

    @wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        check_real("jacfwd", "input", args)
        chosen = Chosen(args, argnums)
        leaves = chosen.leaves
        for leaf in leaves:
            if not isinstance(leaf, Tensor):
                raise AttributeError(f"jacfwd: got an argument of type {type(leaf)}, not a Tensor")
        sizes = [leaf.numel() for leaf in leaves]
        with Entered(VMAP, sum(sizes), number) as batch:
            directions = [_core._batch_enter(b, 0, batch) for b in _basis(leaves)]
            with Entered(JVP) as level:
                result = func(*chosen.replaced(_enter(leaves, directions, level)), **kwargs)
                aux = None
                if has_aux:
                    result, aux = split_aux(result, _API)
                    check_aux(aux)
                    aux = tree_map(lambda t: _core._dual_leave(t, level)[0], aux)
                outputs, out_spec = only_tensors(result, _API, "f(*primals)")
                check_real("jacfwd", "output", outputs)
                _, derivatives = _leave(outputs, level, False)
            if has_aux:
                aux = tree_map(lambda t: _same_for_all(t, batch), aux)
            # The directions come last: [*output.shape, directions].
            columns = [_core._batch_leave(d, d.dim(), batch) for d in derivatives]
        jacobians = []
        for column in columns:
            parts = [column] if len(leaves) == 1 else column.split(sizes, -1)
            shaped = [
                part.reshape(tuple(column.shape[:-1]) + tuple(leaf.shape))
                for part, leaf in zip(parts, leaves, strict=True)
            ]
            jacobians.append(tree_unflatten(shaped, chosen.spec))
        found = tree_unflatten(jacobians, out_spec)
        return (found, aux) if has_aux else found

    return wrapper


def _same_for_all(tensor: Tensor, level: int) -> Tensor:
    examples: Tensor = _core._batch_leave(tensor, 0, level)
    return examples[0]


def hessian(func: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """A function that returns the Hessian of ``func``: ``jacfwd(jacrev(func))``.

    Example:
        >>> import pullback as pb
        >>> pb.func.hessian(lambda x: (x ** 3).sum())(pb.tensor([1.0, 2.0]))
        tensor([[ 6.,  0.],
                [ 0., 12.]])
    """
    _arguments.functions("hessian", func=func)
    return jacfwd(jacrev(func, argnums), argnums)
