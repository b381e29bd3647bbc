"""Custom functions inside ``vmap``: the user's rule, or one that is generated.

NOTE [Vmapped functions]
The call of a function on batched tensors belongs to the levels outside of the vmap, so it is made
there, on the tensors of all examples: by the user's static method ``vmap``, or by another custom
function, whose ``forward`` and ``backward`` run those of the user at a level of their own. What the
user's context keeps goes through ``_Context``, which takes batched tensors apart and puts them
together again. Start reading at ``apply_batched``, which the core calls.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

from pullback import _core
from pullback._level_kinds import VMAP
from pullback._pytree import broadcast_prefix, tree_flatten, tree_leaves, tree_unflatten
from pullback.autograd.function import Function, FunctionCtx, FunctionMeta
from pullback.func._levels import RANDOMNESS, Entered, name_of

__all__ = ["VmapInfo", "apply_batched"]

_HELP = "For more details, please see https://pytorch.org/docs/main/notes/extending.func.html"


class VmapInfo(NamedTuple):
    """What the static method ``vmap`` is told."""

    batch_size: int
    randomness: str


class _Plan:
    """One call: how many examples, and which tensors have them (along dimension 0)."""

    def __init__(self, in_dims: tuple[Any, ...], size: int, randomness: int) -> None:
        self.in_dims = in_dims
        self.out_dims: list[int | None] = []
        self.setting = (VMAP, size, randomness)

    def level(self) -> Entered:
        return Entered(*self.setting)


def _examples(value: Any, level: int) -> tuple[Any, int | None]:
    """The tensor of all examples and 0, or the value and None."""
    batch = _core._batch_of(value) if isinstance(value, _core.Tensor) else None
    return (batch[1], 0) if batch is not None and batch[0] == level else (value, None)


def _wrap(values: Any, dims: Any, level: int) -> list[Any]:
    return [
        value
        if dim is None or not isinstance(value, _core.Tensor)
        else _core._batch_enter(value, dim, level)
        for value, dim in zip(values, dims, strict=True)
    ]


def _arguments(args: tuple[Any, ...], level: int) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """``_examples`` of all arguments; what lists and their like hold is taken apart, too."""
    leaves, spec = tree_flatten(args)
    values, dims = zip(*(_examples(leaf, level) for leaf in leaves), strict=True)
    return tree_unflatten(values, spec), tree_unflatten(dims, spec)


def _wrap_arguments(values: Any, dims: Any, level: int) -> tuple[Any, ...]:
    leaves, spec = tree_flatten(tuple(values))
    return tuple(tree_unflatten(_wrap(leaves, tree_flatten(dims)[0], level), spec))


def apply_batched(function: Any, args: tuple[Any, ...], level: int, size: int, rule: int) -> Any:
    """The results of a call on tensors that are batched at a level."""
    name = name_of(function)
    overridden = function.vmap is not Function.vmap
    if function.setup_context is Function.setup_context:
        raise RuntimeError(
            "In order to use an autograd.Function with functorch transforms (vmap, grad, jvp, "
            f"jacrev, ...), it must override the setup_context staticmethod. {_HELP}"
        )
    if function.generate_vmap_rule and overridden:
        raise RuntimeError(
            f"You tried to vmap over {name}, but it has both generate_vmap_rule=True and an "
            "overridden vmap staticmethod. Please set generate_vmap_rule=False or delete the "
            f"overridden vmap staticmethod to avoid ambiguity. {_HELP}"
        )
    if not function.generate_vmap_rule and not overridden:
        raise RuntimeError(
            f"You tried to vmap over {name}, but it does not have vmap support. Please override "
            f"and implement the vmap staticmethod or set generate_vmap_rule=True. {_HELP}"
        )
    values, in_dims = _arguments(args, level)
    if overridden:
        info = VmapInfo(size, next(k for k, v in RANDOMNESS.items() if v == rule))
        output, out_dims = _two(function.vmap(info, in_dims, *values))
        leaves, spec = tree_flatten(output)
        dims = broadcast_prefix(out_dims, spec)
        if dims is None:
            raise RuntimeError(
                "The autograd.Function's vmap staticmethod returned an incompatible (output, "
                f"out_dims) tuple. Expected out_dims={out_dims} to be compatible with the "
                f"structure of `output`. out_dims has structure {tree_flatten(out_dims)[1]} but "
                f"output has structure {spec}. {_HELP}"
            )
        dims = [dim if dim is None else _front(dim, t) for dim, t in zip(dims, leaves, strict=True)]
        return tree_unflatten(_wrap(leaves, dims, level), spec)
    plan = _Plan(in_dims, size, rule)
    output = _vmapped(function).apply(plan, *values)
    several = isinstance(output, tuple)
    wrapped = _wrap(output if several else (output,), plan.out_dims, level)
    return tuple(wrapped) if several else wrapped[0]


def _two(result: Any) -> tuple[Any, Any]:
    message = (
        "Expected the vmap staticmethod to have two returns, an output and out_dims with pytree "
        "structure compatible with the output. "
    )
    if not isinstance(result, tuple):
        raise RuntimeError(f"{message}Got a {type(result)} instead")
    if len(result) != 2:
        raise RuntimeError(f"{message}Got {len(result)} returns instead")
    return result


def _front(dim: int, tensor: Any) -> int:
    ndim: int = tensor.dim()
    if not -ndim <= dim < ndim:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-ndim}, {ndim - 1}], but got "
            f"{dim})"
        )
    return dim % ndim


class _Context(FunctionCtx):
    """The user's context inside a generated rule; attributes stay here."""

    to_save: Any = ()
    saved_for_forward: Any = None
    dirty_tensors: Any = ()
    non_differentiable: Any = ()
    materialize_grads = True

    def __init__(self, needs_input_grad: tuple[bool, ...]) -> None:
        self.needs_input_grad = needs_input_grad
        self.saved_dims: list[int | None] = []
        self.forward_dims: list[int | None] = []
        self.saved_tensors: tuple[Any, ...] = ()

    def hand_over(self, ctx: Any, known: dict[int, Any], level: int) -> None:
        """Give the context outside what the user saved and marked, as tensors of all examples."""

        def take(tensors: tuple[Any, ...], dims: list[int | None]) -> list[Any]:
            taken = []
            for tensor in tensors:
                examples, dim = _examples(tensor, level)
                # The tensor that came in has its history, which a view of it has not.
                taken.append(known.get(id(tensor), examples))
                dims.append(dim)
            return taken

        if self.dirty_tensors:
            raise NotImplementedError(
                "vmap: a generated rule for an autograd.Function that calls mark_dirty is not "
                "supported. Write the function without in-place operations."
            )
        ctx.save_for_backward(*take(self.to_save, self.saved_dims))
        if self.saved_for_forward is not None:
            ctx.save_for_forward(*take(self.saved_for_forward, self.forward_dims))
        ctx.mark_non_differentiable(*take(self.non_differentiable, []))
        ctx.set_materialize_grads(self.materialize_grads)
        self.to_save = self.non_differentiable = ()
        self.saved_for_forward = None


def _vmapped(function: Any) -> Any:
    """The custom function that runs another one for all examples; made once for each."""
    made = function.__dict__.get("_vmapped")
    if made is None:
        body: dict[str, Any] = {"generate_vmap_rule": True}
        for method in (_forward, _setup_context, _backward, _jvp):
            name = method.__name__.removeprefix("_")
            body[name] = staticmethod(functools.partial(method, function))
        made = FunctionMeta(f"Vmapped{name_of(function)}", (Function,), body)
        function._vmapped = made
    return made


def _forward(function: Any, plan: _Plan, *values: Any) -> Any:
    """The results for all examples."""
    with plan.level() as level:
        output = function.forward(*_wrap_arguments(values, plan.in_dims, level))
        several = isinstance(output, tuple)
        pairs = [_examples(t, level) for t in (output if several else (output,))]
    plan.out_dims = [dim for _, dim in pairs]
    return tuple(value for value, _ in pairs) if several else pairs[0][0]


def _setup_context(function: Any, ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    """Runs the user's, at a level of its own."""
    plan, *values = inputs
    ctx.plan = plan
    ctx.inner = _Context(ctx.needs_input_grad[1:])
    several = isinstance(output, tuple)
    results = output if several else (output,)
    with plan.level() as level:
        wrapped = _wrap_arguments(values, plan.in_dims, level)
        outputs = _wrap(results, plan.out_dims, level)
        ctx.shapes = [getattr(x, "shape", None) for x in wrapped]
        function.setup_context(ctx.inner, wrapped, tuple(outputs) if several else outputs[0])
        pairs = zip(tree_leaves(wrapped), tree_leaves(values), strict=True)
        known = {id(w): v for w, v in pairs}
        known |= {id(w): v for w, v in zip(outputs, results, strict=True)}
        ctx.inner.hand_over(ctx, known, level)


def _backward(function: Any, ctx: Any, *gradients: Any) -> Any:
    """The gradients for all examples; of an argument that all share, the sum."""
    plan, inner = ctx.plan, ctx.inner
    user = function.backward if function.vjp is Function.vjp else function.vjp
    with plan.level() as level:
        inner.saved_tensors = tuple(_wrap(ctx.saved_tensors, inner.saved_dims, level))
        result = user(inner, *_wrap(gradients, plan.out_dims, level))
        given = result if isinstance(result, tuple) else (result,)
        places = zip(given, plan.in_dims, ctx.shapes, strict=False)
        found = [_gradient(g, dim, shape, level) for g, dim, shape in places]
        inner.saved_tensors = ()
    return (None, *found, *given[len(found) :])


def _jvp(function: Any, ctx: Any, _: Any, *tangents: Any) -> Any:
    """The tangents for all examples."""
    plan, inner = ctx.plan, ctx.inner
    with plan.level() as level:
        dims = inner.forward_dims
        inner.saved_tensors = tuple(_wrap(ctx.saved_tensors[: len(dims)], dims, level))
        result = function.jvp(inner, *_wrap(tangents, plan.in_dims, level))
        several = isinstance(result, tuple)
        found = [
            t if dim is None or t is None else _core._batch_leave(t, 0, level)
            for t, dim in zip(result if several else (result,), plan.out_dims, strict=True)
        ]
        inner.saved_tensors = ()
    return tuple(found) if several else found[0]


def _gradient(gradient: Any, dim: int | None, shape: Any, level: int) -> Any:
    if not isinstance(gradient, _core.Tensor):
        return gradient
    if shape is not None and gradient.shape != shape:
        gradient = gradient.sum_to_size(shape)
    if dim is not None:
        return _core._batch_leave(gradient, 0, level)
    examples, found = _examples(gradient, level)
    return examples if found is None else examples.sum(0)
