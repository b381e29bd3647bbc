"""Derivatives of functions by ordinary autograd, as in ``torch.autograd.functional``.

The inputs are replaced by fresh tensors that want gradients, so the function's own tensors keep
theirs. ``func`` has the same derivatives as transforms that nest; these here have ``strict`` and
``create_graph``. Start at ``_Call``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pullback as pb
from pullback import Tensor, _arguments
from pullback.autograd import grad

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

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


def _construct_standard_basis_for(tensors: Tensors, tensor_numels: tuple[int, ...]) -> Tensors:
    """An identity matrix, cut into the columns of each tensor: programs import it by this name."""
    parts = pb.eye(sum(tensor_numels)).split(tensor_numels, dim=1)
    return tuple(part.to(like.dtype) for part, like in zip(parts, tensors, strict=True))


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


def vjp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The value of ``func`` and the product of the vector ``v`` with its Jacobian.

    Args:
        func: takes tensors, returns a tensor or a tuple of tensors.
        inputs: a tensor or a tuple of tensors.
        v: of the output's shapes; None for an output with a single element.
        create_graph: record, so that the result can be differentiated.
        strict: raise where an output does not depend on an input, instead of giving zeros.

    Example:
        >>> import pullback as pb
        >>> pb.autograd.functional.vjp(pb.sin, pb.zeros(2), pb.tensor([1.0, 2.0]))
        (tensor([0., 0.]), tensor([1., 2.]))
    """
    _arguments.functions("vjp", func=func)
    _arguments.flags("vjp", create_graph=create_graph, strict=strict)
    with pb.enable_grad():
        call = _Call("vjp", inputs, create_graph, strict)
        call.run(func)
        what_is = "the user-provided function returns"
        vectors = call.vector(v, call.outputs, call.outputs_tuple, what_is)
    gradients = call.product(call.outputs, call.inputs, vectors, call.inputs, "back")
    return call.results(gradients, call.inputs_tuple)


def jvp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The value of ``func`` and the product of its Jacobian with the vector ``v``.

    As in torch this is the derivative of the gradient by the arriving gradient, two backward
    passes; ``pullback.func.jvp`` is one evaluation in forward mode.

    Args:
        func: takes tensors, returns a tensor or a tuple of tensors.
        inputs: a tensor or a tuple of tensors.
        v: of the inputs' shapes; None for an input with a single element.
        create_graph: record, so that the result can be differentiated.
        strict: raise where an output does not depend on an input, instead of giving zeros.

    Example:
        >>> import pullback as pb
        >>> pb.autograd.functional.jvp(pb.sin, pb.zeros(2), pb.tensor([1.0, 2.0]))
        (tensor([0., 0.]), tensor([1., 2.]))
    """
    _arguments.functions("jvp", func=func)
    _arguments.flags("jvp", create_graph=create_graph, strict=strict)
    with pb.enable_grad():
        call = _Call("jvp", inputs, create_graph, strict)
        vectors = call.vector_of_inputs(v)
        call.run(func)
        seeds = tuple(pb.zeros_like(o).requires_grad_() for o in call.outputs)
        gradients = _grads(call.outputs, call.inputs, seeds, True)
        _check_requires_grad(gradients, "grad_inputs", strict)
    derivative = call.product(gradients, seeds, vectors, call.outputs, "back_trick")
    return call.results(derivative, call.outputs_tuple)


def _rows(output: Tensor, inputs: Tensors, create_graph: bool) -> list[tuple[Tensor | None, ...]]:
    """The gradients of every element, one pass each."""
    flat = output.reshape(-1)
    return [
        grad((element,), inputs, retain_graph=True, create_graph=create_graph, allow_unused=True)
        for element in flat.unbind()
    ]


def _jacobian_by_rows(call: _Call) -> tuple[Tensors, ...]:
    jacobians = []
    create, strict = call.create_graph, call.strict
    for i, output in enumerate(call.outputs):
        rows = _rows(output, call.inputs, create) if output.requires_grad else []
        blocks = []
        for j, each in enumerate(call.inputs):
            parts = []
            for row in rows:
                part = row[j]
                if part is None:
                    if strict:
                        raise RuntimeError(
                            f"Output {i} of the user-provided function is independent of input "
                            f"{j}. This is not allowed in strict mode."
                        )
                    part = pb.zeros_like(each)
                elif strict and create and not part.requires_grad:
                    _refuse("graph", i)
                parts.append(part)
            shape = tuple(output.shape) + tuple(each.shape)
            blocks.append(pb.stack(parts).view(shape) if parts else each.new_zeros(shape))
        jacobians.append(tuple(blocks))
    return tuple(jacobians)


def _jacobian_at_once(call: _Call) -> tuple[Tensors, ...]:
    """One pass for each output, with the batch of all unit vectors as arriving gradient."""
    jacobians = []
    for output in call.outputs:
        size = output.numel()
        if output.requires_grad and size:
            basis = pb.eye(size, dtype=output.dtype).view(size, *output.shape)
            found: Sequence[Tensor | None] = grad(
                (output,),
                call.inputs,
                (basis,),
                retain_graph=True,
                create_graph=call.create_graph,
                allow_unused=True,
                is_grads_batched=True,
            )
        else:
            found = [None] * len(call.inputs)
        blocks = []
        for block, each in zip(found, call.inputs, strict=True):
            shape = tuple(output.shape) + tuple(each.shape)
            blocks.append(each.new_zeros(shape) if block is None else block.reshape(shape))
        jacobians.append(tuple(blocks))
    return tuple(jacobians)


def _as_lists(values: Any) -> Any:
    # For several inputs torch returns lists from forward mode where it returns tuples otherwise.
    return [_as_lists(each) for each in values] if isinstance(values, tuple) else values


def _jacobian_forward(func: Function, inputs: Any, vectorize: bool) -> Any:
    inputs_tuple, given = _as_tuple(inputs, "inputs", "jacobian")
    _check_vectorize(vectorize)
    outputs_tuple = False

    def checked(*args: Tensor) -> Tensors:
        nonlocal outputs_tuple
        what = "outputs of the user-provided function"
        outputs_tuple, outputs = _as_tuple(func(*args), what, "jacobian")
        return outputs

    from pullback.func import jacfwd

    positions = tuple(range(len(given)))
    found = jacfwd(checked, positions)(*(each.detach() for each in given))
    result = _tuple_postprocess(_grad_postprocess(found, False), (outputs_tuple, inputs_tuple))
    return _as_lists(result) if inputs_tuple else result


def _check_strategy(strategy: str, create_graph: bool, strict: bool) -> bool:
    """Whether forward mode is wanted."""
    if strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError(
            'Expected strategy to be either "forward-mode" or "reverse-mode". Hint: If your '
            'function has more outputs than inputs, "forward-mode" tends to be more performant. '
            'Otherwise, prefer to use "reverse-mode".'
        )
    if strategy == "reverse-mode":
        return False
    prefix = "torch.autograd.functional.jacobian:"
    if create_graph:
        raise NotImplementedError(
            f'{prefix} `create_graph=True` and `strategy="forward-mode"` are not supported '
            "together (yet). Please either set `create_graph=False` or "
            '`strategy="reverse-mode"`.'
        )
    if strict:
        raise RuntimeError(
            f'{prefix} `strict=True` and `strategy="forward-mode"` are not supported together '
            '(yet). Please either set `strict=False` or `strategy="reverse-mode"`.'
        )
    return True


def _check_vectorize(vectorize: bool) -> None:
    if not vectorize:
        raise NotImplementedError(
            "Computing Jacobian using forward-AD or forward-over-reverse Hessian is"
            "only implemented for `vectorize=True`."
        )


def jacobian(
    func: Function,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """The Jacobian of ``func``: for each output and input a tensor of both shapes.

    Args:
        func: takes tensors, returns a tensor or a tuple of tensors.
        inputs: a tensor or a tuple of tensors.
        create_graph: record, so that the result can be differentiated.
        strict: raise where an output does not depend on an input, instead of giving zeros.
        vectorize: all rows (or columns) in one batched pass instead of one each.
        strategy: ``"reverse-mode"``, or ``"forward-mode"``, which needs ``vectorize``.

    Returns:
        A tensor for one input and one output, else tuples of them: of the outputs, then the inputs.

    Example:
        >>> import pullback as pb
        >>> pb.autograd.functional.jacobian(pb.sin, pb.zeros(2))
        tensor([[1., 0.],
                [0., 1.]])
    """
    _arguments.functions("jacobian", func=func)
    _arguments.flags("jacobian", create_graph=create_graph, strict=strict, vectorize=vectorize)
    if _check_strategy(strategy, create_graph, strict):
        return _jacobian_forward(func, inputs, vectorize)
    with pb.enable_grad():
        call = _Call("jacobian", inputs, create_graph, strict)
        call.run(func)
        if vectorize and strict:
            raise RuntimeError(
                "torch.autograd.functional.jacobian: `strict=True` and `vectorized=True` are not "
                "supported together. Please either set `strict=False` or `vectorize=False`."
            )
        found = _jacobian_at_once(call) if vectorize else _jacobian_by_rows(call)
    return _tuple_postprocess(
        _grad_postprocess(found, create_graph), (call.outputs_tuple, call.inputs_tuple)
    )


def hessian(
    func: Function,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """The Hessian of a function with a single element as result: the Jacobian of its gradient.

    Args:
        func: takes tensors, returns a tensor with a single element.
        inputs: a tensor or a tuple of tensors.
        create_graph: record, so that the result can be differentiated.
        strict: raise where an output does not depend on an input, instead of giving zeros.
        vectorize: all rows in one batched pass instead of one each.
        outer_jacobian_strategy: the mode of the outer derivative; ``"forward-mode"`` needs
            ``vectorize``.

    Returns:
        A tensor for one input, else tuples of tuples.

    Example:
        >>> import pullback as pb
        >>> pb.autograd.functional.hessian(lambda x: (x ** 3).sum(), pb.tensor([1.0, 2.0]))
        tensor([[ 6.,  0.],
                [ 0., 12.]])
    """
    _arguments.functions("hessian", func=func)
    _arguments.flags("hessian", create_graph=create_graph, strict=strict, vectorize=vectorize)
    inputs_tuple, given = _as_tuple(inputs, "inputs", "hessian")
    if _check_strategy(outer_jacobian_strategy, create_graph, strict):
        _check_vectorize(vectorize)
        from pullback.func import hessian as transform

        def checked(*args: Tensor) -> Tensor:
            what = "outputs of the user-provided function"
            outputs_tuple, outputs = _as_tuple(func(*_fresh(args, True, True)), what, "hessian")
            _check_scalar(outputs_tuple, outputs, "hessian")
            return outputs[0].reshape(())

        positions = tuple(range(len(given)))
        found = transform(checked, positions)(*(each.detach() for each in given))
        return _as_lists(
            _tuple_postprocess(_grad_postprocess(found, False), (inputs_tuple, inputs_tuple))
        )

    def gradient(*args: Tensor) -> Tensors:
        what = "outputs of the user-provided function"
        args = _fresh(args, True, True)  # no leaves, which could be cut off
        outputs_tuple, outputs = _as_tuple(func(*args), what, "hessian")
        _check_requires_grad(outputs, "outputs", strict)
        _check_scalar(outputs_tuple, outputs, "hessian")
        found = _grads(outputs, args, None, True)
        for i, each in enumerate(found if strict else ()):
            if each is None or not each.requires_grad:
                _refuse("jacobian", i)
        return _filled(found, args, False, True, "back")

    found = jacobian(gradient, given, create_graph, strict, vectorize)
    return _tuple_postprocess(found, (inputs_tuple, inputs_tuple))


def vhp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The value of ``func`` and the product of the vector ``v`` with its Hessian.

    Args:
        func: takes tensors, returns a tensor with a single element.
        inputs: a tensor or a tuple of tensors.
        v: of the inputs' shapes; None for an input with a single element.
        create_graph: record, so that the result can be differentiated.
        strict: raise where the gradient does not depend on an input, instead of giving zeros.

    Example:
        >>> import pullback as pb
        >>> pb.autograd.functional.vhp(lambda x: (x ** 3).sum(), pb.ones(2), pb.ones(2))
        (tensor(2.), tensor([6., 6.]))
    """
    _arguments.functions("vhp", func=func)
    _arguments.flags("vhp", create_graph=create_graph, strict=strict)
    with pb.enable_grad():
        call = _Call("vhp", inputs, create_graph, strict)
        vectors, gradients = call.vector_and_gradients(func, v)
    product = call.product(gradients, call.inputs, vectors, call.inputs, "double_back")
    return call.results(product, call.inputs_tuple)


def hvp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The value of ``func`` and the product of its Hessian with the vector ``v``.

    The Hessian is symmetric where the second derivatives are continuous, and then ``vhp`` gives the
    same with less work.

    Args:
        func: takes tensors, returns a tensor with a single element.
        inputs: a tensor or a tuple of tensors.
        v: of the inputs' shapes; None for an input with a single element.
        create_graph: record, so that the result can be differentiated.
        strict: raise where the gradient does not depend on an input, instead of giving zeros.

    Example:
        >>> import pullback as pb
        >>> pb.autograd.functional.hvp(lambda x: (x ** 3).sum(), pb.ones(2), pb.ones(2))
        (tensor(2.), tensor([6., 6.]))
    """
    _arguments.functions("hvp", func=func)
    _arguments.flags("hvp", create_graph=create_graph, strict=strict)
    with pb.enable_grad():
        call = _Call("hvp", inputs, create_graph, strict)
        vectors, gradients = call.vector_and_gradients(func, v)
        seeds = tuple(pb.zeros_like(each).requires_grad_() for each in call.inputs)
        double = _grads(gradients, call.inputs, seeds, True)
        _check_requires_grad(double, "hessian", strict)
    product = call.product(double, seeds, vectors, call.inputs, "double_back_trick")
    return call.results(product, call.inputs_tuple)
