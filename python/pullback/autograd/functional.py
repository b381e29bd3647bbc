"""Derivatives of functions by ordinary autograd, as in ``torch.autograd.functional``.

``func`` has the same derivatives as transforms that nest; these here have ``strict`` and
``create_graph``. What they share is in ``_functional_call.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pullback as pb
from pullback import Tensor, _arguments
from pullback.autograd import grad
from pullback.autograd._functional_call import (
    Function,
    Tensors,
    _as_tuple,
    _Call,
    _check_requires_grad,
    _check_scalar,
    _filled,
    _fresh,
    _grad_postprocess,
    _grads,
    _refuse,
    _tuple_postprocess,
)

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]


def _construct_standard_basis_for(tensors: Tensors, tensor_numels: tuple[int, ...]) -> Tensors:
    """An identity matrix, cut into the columns of each tensor: programs import it by this name."""
    parts = pb.eye(sum(tensor_numels)).split(tensor_numels, dim=1)
    return tuple(part.to(like.dtype) for part, like in zip(parts, tensors, strict=True))


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
