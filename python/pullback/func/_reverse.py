"""Reverse mode as transforms of functions: ``grad``, ``grad_and_value``, ``vjp``, ``jacrev``.

Each gives the function fresh inputs of a level of its own and differentiates by those, so that a
transform never takes a tensor of another one for its own. Start at ``grad_and_value``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import pullback as pb
from pullback import Tensor, _arguments, _core
from pullback._element_types import is_differentiable
from pullback._level_kinds import GRAD, VMAP
from pullback._pytree import TreeSpec, tree_flatten, tree_unflatten
from pullback.func._levels import (
    Argnums,
    Chosen,
    Entered,
    backward,
    check_aux,
    check_real,
    check_seeds,
    grad_input,
    leave_grad,
    only_tensors,
    split_aux,
)

__all__ = ["grad", "grad_and_value", "jacrev", "vjp"]

_API = "grad_and_value(f)(*args)"


def _check_scalar(output: Any) -> None:
    if not isinstance(output, Tensor):
        raise RuntimeError(f"{_API}: Expected f(*args) to return a Tensor, got {type(output)}")
    if output.dim() != 0:
        raise RuntimeError(
            f"{_API}: Expected f(*args) to return a scalar Tensor, got tensor with {output.dim()} "
            "dims. Maybe you wanted to use the vjp or jacrev APIs instead?"
        )


def _grad_and_value(
    func: Callable[..., Any],
    argnums: Argnums,
    has_aux: bool,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> tuple[Any, Any, Any]:
    with Entered(GRAD) as level:
        chosen = Chosen(args, argnums)
        inputs = [grad_input(leaf, level) for leaf in chosen.leaves]
        output = func(*chosen.replaced(inputs), **kwargs)
        aux = None
        if has_aux:
            output, aux = split_aux(output, _API)
            check_aux(aux)
        _check_scalar(output)
        gradients = backward([output], [None], inputs, level)
        found = tree_unflatten([_core._grad_leave(g, level) for g in gradients], chosen.spec)
        return found, _core._grad_leave(output, level), leave_grad(aux, level) if has_aux else None


def grad_and_value(
    func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """A function that returns the gradient of ``func`` and its value.

    As ``grad``, but returns ``(gradient, value)``, with ``has_aux`` ``(gradient, (value, aux))``.

    Example:
        >>> import pullback as pb
        >>> pb.func.grad_and_value(lambda x: x ** 3)(pb.tensor(2.0))
        (tensor(12.), tensor(8.))
    """
    _arguments.functions("grad_and_value", func=func)
    _arguments.flags("grad_and_value", has_aux=has_aux)

    @wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        gradient, value, aux = _grad_and_value(func, argnums, has_aux, args, kwargs)
        return (gradient, (value, aux)) if has_aux else (gradient, value)

    return wrapper


def grad(
    func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """A function that returns the gradient of ``func``.

    Args:
        func: returns a tensor of one element without dimensions.
        argnums: the argument, or a tuple of them, to differentiate by; each a tensor or a nested
            container of tensors.
        has_aux: ``func`` returns ``(value, aux)``, and the new function ``(gradient, aux)``.

    Raises:
        RuntimeError: ``func`` returns something else, or ``argnums`` does not fit.

    Example:
        >>> import pullback as pb
        >>> pb.func.grad(pb.func.grad(pb.sin))(pb.tensor(0.5))
        tensor(-0.4794)
    """
    _arguments.functions("grad", func=func)
    _arguments.flags("grad", has_aux=has_aux)

    @wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        gradient, _, aux = _grad_and_value(func, argnums, has_aux, args, kwargs)
        return (gradient, aux) if has_aux else gradient

    return wrapper


def _stars(spec: TreeSpec) -> str:
    """The structure as it would be written: ``(*, {'a': *})``."""

    class Star:
        def __repr__(self) -> str:
            return "*"

    return repr(tree_unflatten([Star()] * spec.num_leaves, spec))


class _Pulled:
    """What ``vjp`` computed: outputs with their graph, and the inputs it leads to."""

    __slots__ = ("aux", "inputs", "inputs_spec", "outputs", "outputs_spec", "results")

    def __init__(
        self,
        func: Callable[..., Any],
        args: tuple[Any, ...],
        argnums: Argnums | None,
        has_aux: bool,
        kwargs: dict[str, Any] | None = None,
    ) -> None:
        with Entered(GRAD) as level:
            chosen = Chosen(args, argnums)
            self.inputs = [grad_input(leaf, level) for leaf in chosen.leaves]
            self.inputs_spec = chosen.spec
            result = func(*chosen.replaced(self.inputs), **(kwargs or {}))
            self.aux = None
            if has_aux:
                result, aux = split_aux(result, "vjp(f, *primals)")
                check_aux(aux)
                self.aux = leave_grad(aux, level)
            self.outputs, self.outputs_spec = only_tensors(
                result, "vjp(f, *primals)", "f(*primals)"
            )
            for output in self.outputs:
                if not is_differentiable(output.dtype):
                    raise RuntimeError(
                        "vjp(f, ...): All outputs of f must be floating-point or complex Tensors, "
                        f"got Tensor with dtype {output.dtype}"
                    )
            self.results = [_core._grad_leave(output, level) for output in self.outputs]

    def pull(self, cotangents: Any, retain_graph: bool = True) -> list[Tensor]:
        return backward(self.outputs, cotangents, self.inputs, 0, retain_graph)


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """The value of ``func`` at ``primals``, and a function from cotangents to gradients.

    Args:
        func: returns tensors or nested containers of them.
        primals: tensors or nested containers of them.
        has_aux: ``func`` returns ``(output, aux)``; then so does this, behind the others.

    Returns:
        ``(output, vjp_fn)``; ``vjp_fn`` takes cotangents of the output's structure and shapes and
        returns a tuple with the gradient of each primal. It may be called again.

    Example:
        >>> import pullback as pb
        >>> y, vjp_fn = pb.func.vjp(pb.sin, pb.zeros(2))
        >>> vjp_fn(pb.tensor([1.0, 2.0]))
        (tensor([1., 2.]),)
    """
    _arguments.functions("vjp", func=func)
    _arguments.flags("vjp", has_aux=has_aux)
    pulled = _Pulled(func, primals, None, has_aux)

    def vjp_fn(cotangents: Any, retain_graph: bool = True) -> Any:
        seeds, spec = tree_flatten(cotangents)
        if spec != pulled.outputs_spec:
            raise RuntimeError(
                "Expected pytree structure of cotangents to be the same as pytree structure of "
                f"outputs to the function. cotangents: {_stars(spec)}, primal output: "
                f"{_stars(pulled.outputs_spec)}"
            )
        check_seeds(seeds)
        return tree_unflatten(pulled.pull(seeds, retain_graph), pulled.inputs_spec)

    output = tree_unflatten(pulled.results, pulled.outputs_spec)
    return (output, vjp_fn, pulled.aux) if has_aux else (output, vjp_fn)


def _rows(pulled: _Pulled, which: int, start: int, count: int) -> list[Tensor]:
    """Rows of the Jacobian of one output, for every input."""
    output, result = pulled.outputs[which], pulled.results[which]
    size = result.numel()
    if not output.requires_grad:
        return [i.new_zeros((count, *i.shape)) for i in pulled.inputs]
    basis = pb.eye(size, dtype=result.dtype)[start : start + count]
    if count == 1:  # without a vmap, so that the backward may do what vmap refuses
        seed = basis.reshape(result.shape)
        return [g.unsqueeze(0) for g in backward([output], [seed], pulled.inputs, 0)]
    with Entered(VMAP, count) as level:
        seed = _core._batch_enter(basis.reshape(count, *result.shape), 0, level)
        gradients = backward([output], [seed], pulled.inputs, 0)
        return [_core._batch_leave(g, 0, level) for g in gradients]


def _jacobian(pulled: _Pulled, which: int, chunk_size: int | None) -> list[Tensor]:
    """Of one output for every input: the output's shape, then the input's."""
    result = pulled.results[which]
    size = result.numel()
    if size == 0:
        return [i.new_zeros((*result.shape, *i.shape)) for i in pulled.inputs]
    step = chunk_size or size
    parts = [_rows(pulled, which, at, min(step, size - at)) for at in range(0, size, step)]
    shape = tuple(result.shape)
    rows = parts[0] if len(parts) == 1 else [pb.cat(p) for p in zip(*parts, strict=True)]
    return [r.reshape(shape + tuple(r.shape[1:])) for r in rows]


def jacrev(
    func: Callable[..., Any],
    argnums: Argnums = 0,
    *,
    has_aux: bool = False,
    chunk_size: int | None = None,
    _preallocate_and_copy: bool = False,
) -> Callable[..., Any]:
    """A function that returns the Jacobian of ``func``, by reverse mode.

    Best where ``func`` has fewer outputs than inputs.

    Args:
        func: returns tensors or nested containers of them.
        argnums: the argument, or a tuple of them, to differentiate by.
        has_aux: ``func`` returns ``(output, aux)``, and the new function ``(jacobian, aux)``.
        chunk_size: how many rows are computed at once; all by default. With 1 they are computed
            one after the other without a ``vmap``, so the backward may use what ``vmap`` refuses.

    Returns:
        A function whose result has the structure of the output, with a Jacobian of shape
        ``output.shape + input.shape`` in each place (for a tuple of ``argnums`` a tuple of them).

    Raises:
        ValueError: ``chunk_size`` is not positive.
        RuntimeError: an argument or an output is complex.

    Example:
        >>> import pullback as pb
        >>> pb.func.jacrev(pb.sin)(pb.zeros(2))
        tensor([[1., 0.],
                [0., 1.]])
    """
    _arguments.functions("jacrev", func=func)
    _arguments.flags("jacrev", has_aux=has_aux)
    if chunk_size is not None:
        _arguments.integers("jacrev", chunk_size=chunk_size)
    if not (chunk_size is None or chunk_size > 0):
        raise ValueError("jacrev: `chunk_size` should be greater than 0.")

    @wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        check_real("jacrev", "input", args)
        # Rows are joined as they come, so there is nothing to preallocate.
        pulled = _Pulled(func, args, argnums, has_aux, kwargs)
        check_real("jacrev", "output", pulled.outputs)
        jacobians = [
            tree_unflatten(_jacobian(pulled, which, chunk_size), pulled.inputs_spec)
            for which in range(len(pulled.outputs))
        ]
        found = tree_unflatten(jacobians, pulled.outputs_spec)
        return (found, pulled.aux) if has_aux else found

    return wrapper
