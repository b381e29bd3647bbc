"""A call of a function whose derivatives are asked for: what ``autograd.functional`` is made of.

The inputs are replaced by fresh tensors that want gradients, so the function's own tensors keep
theirs. The names that PyTorch has, too, are imported by programs. Start at ``_Call``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pullback as pb
from pullback import Tensor
from pullback.autograd import grad

Tensors = tuple[Tensor, ...]
Function = Callable[..., Any]


def _as_tuple(value: Any, argument: str, function: str) -> tuple[bool, Tensors]:
    """Whether it was a tuple, and the tuple; raises unless all are tensors."""
    if isinstance(value, Tensor):
        return False, (value,)
    where = (
        f"The {argument} given to {function} must be either a Tensor or a tuple of Tensors but the"
    )
    if not isinstance(value, tuple):
        raise TypeError(f"{where} given {argument} has type {type(value)}.")
    for i, each in enumerate(value):
        if not isinstance(each, Tensor):
            raise TypeError(f"{where} value at index {i} has type {type(each)}.")
    return True, value


def _tuple_postprocess(res: Any, to_unpack: bool | tuple[bool, bool]) -> Any:
    """Takes away the tuples around what was given, or returned, as a single tensor."""
    if isinstance(to_unpack, tuple):
        outer, inner = to_unpack
        if not inner:
            res = tuple(row[0] for row in res)
        return res if outer else res[0]
    return res if to_unpack else res[0]


def _fresh(inputs: Tensors, create_graph: bool, need_graph: bool) -> Tensors:
    if create_graph:
        return tuple(
            each.view_as(each) if each.requires_grad else each.detach().requires_grad_(need_graph)
            for each in inputs
        )
    return tuple(each.detach().requires_grad_(need_graph) for each in inputs)


def _grad_postprocess(inputs: Any, create_graph: bool) -> Any:
    """Results without a graph, unless one was asked for."""
    if isinstance(inputs, tuple):
        return tuple(_grad_postprocess(each, create_graph) for each in inputs)
    return inputs if create_graph else inputs.detach()


# What strict mode says, by what was found not to depend on input (or entry) {i}.
_STRICT = {
    "outputs": (
        "Output {i} of the user-provided function does not require gradients. The outputs must be "
        "computed in a differentiable manner from the input when running in strict mode."
    ),
    "back": (
        "The output of the user-provided function is independent of input {i}. This is not allowed "
        "in strict mode."
    ),
    "back_trick": (
        "The gradient with respect to the input is independent of entry {i} in the grad_outputs "
        "when using the double backward trick to compute forward mode gradients. This is not "
        "allowed in strict mode."
    ),
    "double_back": (
        "The jacobian of the user-provided function is independent of input {i}. This is not "
        "allowed in strict mode."
    ),
    "double_back_trick": (
        "The hessian of the user-provided function is independent of entry {i} in the "
        "grad_jacobian. This is not allowed in strict mode as it prevents from using the double "
        "backward trick to replace forward mode AD."
    ),
    "grad_inputs": (
        "The gradient with respect to input {i} is independent of the inputs of the user-provided "
        "function. This is not allowed in strict mode."
    ),
    "jacobian": (
        "While computing the hessian, found that the jacobian of the user-provided function with "
        "respect to input {i} is independent of the input. This is not allowed in strict mode. You "
        "should ensure that your function is twice differentiable and that the jacobian depends on "
        "the inputs (this would be violated by a linear function for example)."
    ),
    "hessian": (
        "The hessian of the user-provided function with respect to input {i} is independent of the "
        "input. This is not allowed in strict mode. You should ensure that your function is thrice "
        "differentiable and the hessian depends on the inputs."
    ),
    "graph": (
        "The jacobian of the user-provided function is independent of input {i}. This is not "
        "allowed in strict mode when create_graph=True."
    ),
    "double graph": (
        "The hessian of the user-provided function is independent of input {i}. This is not "
        "allowed in strict mode when create_graph=True."
    ),
}


def _refuse(kind: str, i: int) -> None:
    raise RuntimeError(_STRICT[kind].format(i=i))


def _check_requires_grad(values: Sequence[Tensor | None], kind: str, strict: bool) -> None:
    for i, each in enumerate(values if strict else ()):
        if each is None:
            _refuse("back", i)
        elif not each.requires_grad:
            _refuse(kind, i)


def _check_vector(v: Tensors, like: Tensors, was_tuple: bool) -> None:
    if len(like) != 1 or was_tuple:
        if len(v) != len(like):
            raise RuntimeError(
                f"v is a tuple of invalid length: should be {len(like)} but got {len(v)}."
            )
    elif len(v) != 1:
        raise RuntimeError("The given v should contain a single Tensor.")
    for i, (each, model) in enumerate(zip(v, like, strict=True)):
        if each.shape != model.shape:
            prefix = f"Entry {i} in " if len(like) > 1 or was_tuple else ""
            raise RuntimeError(
                f"{prefix}v has invalid size: should be {model.shape} but got {each.shape}."
            )


def _grads(
    outputs: Sequence[Tensor | None],
    inputs: Tensors,
    seeds: Sequence[Tensor] | None,
    create_graph: bool,
) -> tuple[Tensor | None, ...]:
    """Gradients, None where no output depends on an input."""
    vectors = (None,) * len(outputs) if seeds is None else seeds
    pairs = [
        (o, s) for o, s in zip(outputs, vectors, strict=True) if o is not None and o.requires_grad
    ]
    if not pairs:
        return (None,) * len(inputs)
    roots, directions = zip(*pairs, strict=True)
    found: tuple[Tensor | None, ...] = grad(
        roots, inputs, directions, allow_unused=True, create_graph=create_graph
    )
    return found


def _filled(
    found: Sequence[Tensor | None], like: Tensors, strict: bool, create_graph: bool, stage: str
) -> Tensors:
    """Zeros where there is no gradient; in strict mode that is an error."""
    results = []
    for i, (each, model) in enumerate(zip(found, like, strict=True)):
        if each is None:
            if strict:
                _refuse(stage, i)
            results.append(pb.zeros_like(model))
            continue
        if strict and create_graph and not each.requires_grad:
            _refuse("double graph" if "double" in stage else "graph", i)
        results.append(each)
    return tuple(results)


class _Call:
    """Fresh inputs, and one evaluation of the user's function at them."""

    def __init__(self, name: str, inputs: Any, create_graph: bool, strict: bool) -> None:
        self.name, self.create_graph, self.strict = name, create_graph, strict
        self.inputs_tuple, given = _as_tuple(inputs, "inputs", name)
        self.inputs = _fresh(given, create_graph, True)

    def run(self, func: Function, scalar: bool = False) -> None:
        what = "outputs of the user-provided function"
        self.outputs_tuple, self.outputs = _as_tuple(func(*self.inputs), what, self.name)
        _check_requires_grad(self.outputs, "outputs", self.strict)
        if scalar:
            _check_scalar(self.outputs_tuple, self.outputs, self.name)

    def vector(self, v: Any, like: Tensors, was_tuple: bool, what_is: str) -> Tensors:
        """The given vector, or ones for a single tensor with a single element."""
        if v is not None:
            _, vectors = _as_tuple(v, "v", self.name)
            vectors = _fresh(vectors, self.create_graph, False)
            _check_vector(vectors, like, was_tuple)
            return vectors
        if len(like) != 1 or like[0].nelement() != 1:
            raise RuntimeError(
                f"The vector v can only be None if {what_is} a single Tensor with a single element."
            )
        return (pb.ones_like(like[0]),)

    def vector_of_inputs(self, v: Any) -> Tensors:
        what_is = "the input to the user-provided function is"
        return self.vector(v, self.inputs, self.inputs_tuple, what_is)

    def vector_and_gradients(
        self, func: Function, v: Any
    ) -> tuple[Tensors, tuple[Tensor | None, ...]]:
        """For products with the Hessian: the vector, and the recorded gradient of a number."""
        vectors = self.vector_of_inputs(v)
        self.run(func, scalar=True)
        gradients = _grads(self.outputs, self.inputs, None, True)
        _check_requires_grad(gradients, "jacobian", self.strict)
        return vectors, gradients

    def product(
        self,
        gradients: Sequence[Tensor | None],
        by: Tensors,
        vectors: Tensors,
        like: Tensors,
        stage: str,
    ) -> Tensors:
        """The last pass, which is recorded only for ``create_graph``."""
        create = self.create_graph
        with pb.set_grad_enabled(create or pb.is_grad_enabled()):
            found = _grads(gradients, by, vectors, create)
            return _filled(found, like, self.strict, create, stage)

    def results(self, derivative: Tensors, was_tuple: bool) -> tuple[Any, Any]:
        create = self.create_graph
        return (
            _tuple_postprocess(_grad_postprocess(self.outputs, create), self.outputs_tuple),
            _tuple_postprocess(_grad_postprocess(derivative, create), was_tuple),
        )


def _check_scalar(outputs_tuple: bool, outputs: Tensors, name: str) -> None:
    if outputs_tuple:
        raise RuntimeError(f"The function given to {name} should return a single Tensor")
    if outputs[0].numel() != 1:
        raise RuntimeError(
            f"The Tensor returned by the function given to {name} should contain a single element"
        )
