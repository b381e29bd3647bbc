"""Reverse mode: ``backward``, ``grad``, the recording modes and the numerical check.

The pass itself is in the core (csrc/transform/engine.h); here arguments are brought into its form.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, overload

from pullback import _arguments, _core
from pullback._grad_mode import enable_grad, inference_mode, no_grad, set_grad_enabled
from pullback.autograd import graph
from pullback.autograd.graph import GradientEdge
from pullback.autograd.variable import Variable

if TYPE_CHECKING:
    from pullback import Tensor

__all__ = [
    "Function",
    "GradcheckError",
    "Variable",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "forward_ad",
    "functional",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "graph",
    "inference_mode",
    "no_grad",
    "profiler",
    "set_detect_anomaly",
    "set_grad_enabled",
    "set_multithreading_enabled",
]

_Tensors = Sequence[Any]


def _as_tuple(tensors: Any, function: str, name: str) -> tuple[Any, ...]:
    if isinstance(tensors, (_core.Tensor, GradientEdge)):
        return (tensors,)
    if type(tensors) is tuple:
        return tensors
    return _arguments.elements(function, name, tensors, "Tensor or a sequence of Tensors")


def _as_inputs(inputs: Any, function: str) -> tuple[Any, ...]:
    if type(inputs) is dict:
        inputs = inputs.values()
    elif type(inputs) is not tuple and isinstance(inputs, Mapping):
        raise TypeError(
            f"`inputs` argument to `{function}()` must be a dict, not {type(inputs).__name__}. "
            "Other Mapping types are not supported."
        )
    found = _as_tuple(inputs, function, "inputs")
    if not found:
        raise RuntimeError(f"`inputs` argument to `{function}()` cannot be empty.")
    for each in found:
        if each is None:
            raise RuntimeError("all inputs have to be Tensors or GradientEdges, but got NoneType")
    return found


def _as_seeds(seeds: Any, count: int, function: str, name: str) -> tuple[Any, ...]:
    if seeds is None:
        return (None,) * count
    return _as_tuple(seeds, function, name)


@_core._overridable
def backward(
    tensors: Tensor | _Tensors,
    grad_tensors: Tensor | _Tensors | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    grad_variables: Tensor | _Tensors | None = None,
    inputs: Tensor | _Tensors | dict[str, Tensor] | None = None,
) -> None:
    """Add the gradients of ``tensors`` to ``.grad`` of the leaves that they were computed from.

    Args:
        tensors: the roots, a tensor or several, or edges of the graph (``graph.GradientEdge``).
        grad_tensors: for each root the vector of the vector-Jacobian product, of the root's shape;
            None for a root with one element stands for 1.
        retain_graph: keep what the graph saved, for another pass; by default as ``create_graph``.
        create_graph: record the pass itself, for derivatives of higher order.
        grad_variables: the old name of ``grad_tensors``.
        inputs: only these tensors get gradients; a dict stands for its values.

    Raises:
        RuntimeError: a root does not require a gradient, has more than one element and no vector,
            or the graph was walked before without ``retain_graph``.

    Example:
        >>> import pullback as pb
        >>> x = pb.tensor([1.0, 2.0], requires_grad=True)
        >>> pb.autograd.backward([x.sum(), (x * x).sum()])
        >>> x.grad
        tensor([3., 5.])
    """
    if grad_variables is not None:
        warnings.warn(
            "`grad_variables` is deprecated. Use `grad_tensors` instead.",
            FutureWarning,
            stacklevel=2,
        )
        if grad_tensors is not None:
            raise RuntimeError(
                "`grad_tensors` and `grad_variables` (deprecated) arguments both passed to "
                "`backward()`. Please only use `grad_tensors`."
            )
        grad_tensors = _as_tuple(grad_variables, "backward", "grad_variables")
    roots = _as_tuple(tensors, "backward", "tensors")
    wanted = () if inputs is None else _as_inputs(inputs, "backward")
    retain = create_graph if retain_graph is None else retain_graph
    seeds = _as_seeds(grad_tensors, len(roots), "backward", "grad_tensors")
    _core._run_backward(roots, seeds, retain, create_graph, wanted, True)


@overload
def grad(
    outputs: Tensor | _Tensors,
    inputs: dict[str, Tensor],
    grad_outputs: Tensor | _Tensors | None = ...,
    retain_graph: bool | None = ...,
    create_graph: bool = ...,
    only_inputs: bool = ...,
    allow_unused: bool | None = ...,
    is_grads_batched: bool = ...,
    materialize_grads: bool = ...,
) -> dict[str, Any]: ...


@overload
def grad(
    outputs: Tensor | _Tensors,
    inputs: Tensor | _Tensors,
    grad_outputs: Tensor | _Tensors | None = ...,
    retain_graph: bool | None = ...,
    create_graph: bool = ...,
    only_inputs: bool = ...,
    allow_unused: bool | None = ...,
    is_grads_batched: bool = ...,
    materialize_grads: bool = ...,
) -> tuple[Any, ...]: ...


@_core._overridable
def grad(
    outputs: Tensor | _Tensors,
    inputs: Tensor | _Tensors | dict[str, Tensor],
    grad_outputs: Tensor | _Tensors | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Any, ...] | dict[str, Any]:
    """The gradients of ``outputs`` with respect to ``inputs``; ``.grad`` is left alone.

    Args:
        outputs: the roots, a tensor or several, or edges of the graph in their place; their
            gradients are summed.
        inputs: the tensors, leaves or not, to differentiate by; or a dict of them.
        grad_outputs: for each root the vector of the vector-Jacobian product, of the root's shape.
        retain_graph: keep what the graph saved, for another pass; by default as ``create_graph``.
        create_graph: record the pass itself, for derivatives of higher order.
        only_inputs: deprecated and ignored, with a warning, as in torch.
        allow_unused: give None for an input that the outputs do not depend on instead of raising.
        is_grads_batched: dimension 0 of ``grad_outputs`` numbers several vectors; the gradients
            get such a dimension, too. All are computed in one pass, as by ``vmap``.
        materialize_grads: give zeros instead of None.

    Returns:
        A tuple with one tensor for each input, of its shape and dtype; a dict with the same keys
        for a dict.

    Raises:
        RuntimeError: an input does not require a gradient or was not used.

    Example:
        >>> import pullback as pb
        >>> x = pb.tensor(3.0, requires_grad=True)
        >>> pb.autograd.grad(x * x, x)
        (tensor(6.),)
    """
    plain = type(only_inputs) is type(is_grads_batched) is type(materialize_grads) is bool
    if not plain or not (allow_unused is None or type(allow_unused) is bool):
        _arguments.flags(
            "grad",
            only_inputs=only_inputs,
            allow_unused=allow_unused,
            is_grads_batched=is_grads_batched,
            materialize_grads=materialize_grads,
        )
    if not only_inputs:
        import warnings

        warnings.warn(
            "only_inputs argument is deprecated and is ignored now (defaults to True). To "
            "accumulate gradient for other parts of the graph, please use torch.autograd.backward.",
            FutureWarning,
            stacklevel=2,
        )
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, but got: "
            "allow_unused=False."
        )
    if allow_unused is None:
        allow_unused = materialize_grads
    roots = _as_tuple(outputs, "grad", "outputs")
    wanted = _as_inputs(inputs, "grad")
    retain = create_graph if retain_graph is None else retain_graph
    seeds = _as_seeds(grad_outputs, len(roots), "grad", "grad_outputs")
    if is_grads_batched:
        found = _backward_batched(roots, seeds, retain, create_graph, wanted)
    else:
        found = _core._run_backward(roots, seeds, retain, create_graph, wanted, False)
    if materialize_grads:
        batch = seeds[0].shape[:1] if is_grads_batched else ()
        found = tuple(
            _zeros(tensor, batch, create_graph) if gradient is None else gradient
            for gradient, tensor in zip(found, wanted, strict=True)
        )
    for index, gradient in enumerate(found):
        if gradient is None and not allow_unused:
            from pullback.diagnosis._names import name_of

            name = name_of(wanted[index])
            raise RuntimeError(
                f"The differentiated Tensor at index {index} appears to not have been used in the "
                "graph. Set allow_unused=True if this is the desired behavior. "
                + (f"It is the parameter {name}. " if name else "")
                + getattr(wanted[index], "_origin", "")
            )
    if type(inputs) is dict:
        return dict(zip(inputs, found, strict=True))
    return tuple(found)


def _zeros(tensor: Any, batch: tuple[int, ...], create_graph: bool) -> Tensor:
    """In the place of a gradient that there is not."""
    if isinstance(tensor, GradientEdge):
        raise RuntimeError(
            "materialize_grads cannot be used when the given input is a GradientEdge"
        )
    result: Tensor = tensor.new_zeros((*batch, *tensor.shape)).requires_grad_(create_graph)
    return result


def _shape_of(root: Any) -> tuple[int, ...]:
    if not isinstance(root, GradientEdge):
        return tuple(root.shape)
    shown = root.node._input_metadata[root.output_nr]
    if shown is None:
        raise RuntimeError(
            "grad: is_grads_batched=True: the shape of a GradientEdge made by hand is not known. "
            "Use graph.get_gradient_edge(tensor)."
        )
    return tuple(shown[0])


def _backward_batched(
    roots: tuple[Any, ...],
    seeds: tuple[Any, ...],
    retain: bool,
    create_graph: bool,
    wanted: tuple[Any, ...],
) -> tuple[Any, ...]:
    """One pass for all vectors that lie along dimension 0 of the seeds."""
    sizes = [seed.shape[0] for seed in seeds if seed is not None and seed.dim()]
    if any(size != sizes[0] for size in sizes):
        raise ValueError(
            "vmap: Expected all tensors to have the same size in the mapped dimension, got sizes "
            f"{sizes} for the mapped dimension"
        )
    for i, (root, seed) in enumerate(zip(roots, seeds, strict=True)):
        if seed is None:
            raise RuntimeError("grad: is_grads_batched=True needs a tensor for each grad_output.")
        shape = _shape_of(root)
        if seed.dim() != len(shape) + 1 or tuple(seed.shape[1:]) != shape:
            raise RuntimeError(
                "If `is_grads_batched=True`, we interpret the first dimension of each grad_output "
                "as the batch dimension. The sizes of the remaining dimensions are expected to "
                "match the shape of corresponding output, but a mismatch was detected: "
                f"grad_output[{i}] has a shape of {seed.shape} and output[{i}] has a shape of "
                f"{_core.Size(shape)}. If you only want some tensors in `grad_output` to be "
                "considered batched, consider using vmap."
            )
    level = _core._level_enter(3, sizes[0], 0)
    try:
        batched = tuple(_core._batch_enter(seed, 0, level) for seed in seeds)
        found = _core._run_backward(roots, batched, retain, create_graph, wanted, False)
        return tuple(None if g is None else _core._batch_leave(g, 0, level) for g in found)
    finally:
        _core._level_exit(level)


def __getattr__(name: str) -> Any:
    if name in ("GradcheckError", "gradcheck", "gradgradcheck"):
        # Not `from pullback.autograd import`, which would ask here again.
        module = import_module("pullback.autograd._gradcheck")
        value = globals()[name] = getattr(module, name)
        return value
    if name == "Function":
        return import_module("pullback.autograd.function").Function
    if name in ("detect_anomaly", "set_detect_anomaly"):
        module = import_module("pullback.autograd.anomaly_mode")
        value = globals()[name] = getattr(module, name)
        return value
    if name in (
        "_force_original_view_tracking",
        "_unsafe_preserve_version_counter",
        "set_multithreading_enabled",
    ):
        return getattr(import_module("pullback.autograd.grad_mode"), name)
    if name == "SavedTensor":
        return _core.SavedTensor
    if name in (
        "anomaly_mode",
        "forward_ad",
        "function",
        "functional",
        "grad_mode",
        "profiler",
        "profiler_util",
    ):
        return import_module(f"pullback.autograd.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
