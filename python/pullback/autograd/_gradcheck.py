"""Derivatives checked against finite differences: ``gradcheck`` and ``gradgradcheck``.

The matrices come from ``_jacobians.py``. In fast mode each of them is multiplied by a random
direction on both sides, so that one number stands for the whole matrix. Start at ``gradcheck`` at
the end.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import pullback as pb
from pullback import Tensor, _arguments
from pullback._element_types import is_differentiable
from pullback.autograd._jacobians import (
    Check,
    GradcheckError,
    array_of,
    as_tuple,
    differentiable,
    evaluate,
    size_of,
    tensor_like,
    units,
)
from pullback.autograd.function import Function

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]

Array = Any


def _direction(like: Tensor) -> Array:
    """A random vector of length one without a negative element."""
    vector = array_of(pb.rand(size_of(like), dtype=pb.float64)) + 1e-3
    return vector / max(np.linalg.norm(vector), 1e-300)


def _check_switches(forward: bool, backward: bool, batched: bool, batched_forward: bool) -> None:
    if not (forward or backward):
        raise AssertionError(
            "Expected at least one of check_forward_ad or check_backward_ad to be True"
        )
    if batched and not backward:
        raise AssertionError(
            "Setting check_batched_grad=True requires check_backward_ad to be True"
        )
    if batched_forward and not forward:
        raise AssertionError(
            "Setting check_batched_forward_grad=True requires check_forward_ad to be True"
        )


def _check_inputs(inputs: tuple[Any, ...]) -> None:
    if not differentiable(inputs):
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, "
            "but none of them have requires_grad=True."
        )
    for index, tensor in enumerate(inputs):
        if not isinstance(tensor, Tensor) or not tensor.requires_grad:
            continue
        if tensor.dtype not in (pb.float64, pb.complex128):
            warnings.warn(
                f"Input #{index} requires gradient and is not a double precision floating point "
                "or complex. This check will likely fail if all the inputs are not of double "
                "precision floating point or complex. ",
                stacklevel=3,
            )
        for size, stride in zip(tensor.shape, tensor.stride(), strict=True):
            if tensor.numel() and size > 1 and stride == 0:
                raise RuntimeError(
                    f"The {index}th input has a dimension with stride 0. gradcheck only supports "
                    "inputs that are non-overlapping to be able to compute the numerical gradients "
                    "correctly. You should call .contiguous on the input before passing it to "
                    "gradcheck."
                )


def _check_constants(check: Check) -> None:
    """Outputs that want no gradient must not change with the inputs."""
    for per_output in check.numerical(check.floating):
        for jacobian in per_output:
            if not np.allclose(jacobian, 0, rtol=0, atol=check.eps):
                raise GradcheckError("Numerical gradient for function expected to be zero")


def _check_whole(
    check: Check, forward: bool, backward: bool, nondet_tol: float, check_dtypes: bool
) -> None:
    # What is recorded is floating, so one set of differences serves both modes.
    numerical = check.numerical(check.floating)
    if backward:
        places = [check.floating.index(number) for number in check.recorded]
        for o, (place, output) in enumerate(zip(places, check.outputs, strict=True)):
            jacobians = check.backward(output, list(units(output)), nondet_tol, check_dtypes)
            for i, jacobian in enumerate(jacobians):
                check.compare(numerical[i][place], jacobian, o, check.wanted[i])
    if forward:
        for i, wanted in enumerate(check.tensors):
            for o, jacobian in enumerate(check.forward(i, list(units(wanted)))):
                check.compare(numerical[i][o], jacobian, o, check.wanted[i], forward=True)


def _check_directions(
    check: Check, forward: bool, backward: bool, nondet_tol: float, check_dtypes: bool
) -> None:
    rights = [_direction(t) for t in check.tensors]
    for by_forward in [False] * backward + [True] * forward:
        numbers = check.floating if by_forward else check.recorded
        slopes = [
            check.slope(t, right, numbers) for t, right in zip(check.tensors, rights, strict=True)
        ]
        for o, output in enumerate([check.all_outputs[number] for number in numbers]):
            left = _direction(output)
            rows = []
            if not by_forward:
                rows = check.backward(output, [tensor_like(left, output)], nondet_tol, check_dtypes)
            for i, (wanted, right) in enumerate(zip(check.tensors, rights, strict=True)):
                scale = float(left.sum() * right.sum())
                if by_forward:
                    product = left @ check.forward(i, [tensor_like(right, wanted)])[o][:, 0]
                else:
                    product = rows[i][0] @ right
                check.compare(
                    np.array(left @ slopes[i][o]),
                    np.array(product),
                    o,
                    check.wanted[i],
                    scale,
                    forward=by_forward,
                    fast=True,
                )


def _check_linear_in_seed(check: Check) -> None:
    zeros = [pb.zeros_like(o) for o in check.outputs]
    for grad, wanted in zip(check.gradients(check.outputs, zeros), check.tensors, strict=True):
        if grad is None:
            continue
        if array_of(grad).any():
            raise GradcheckError("backward not multiplied by grad_output")
        if grad.dtype != wanted.dtype:
            raise GradcheckError("grad is incorrect type")
        if grad.shape != wanted.shape:
            raise GradcheckError("grad is incorrect size")


class _GivesNothing(Function):
    """A value as it is, whose gradient is lost: what arrives behind it is undefined."""

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Nothing is kept."""

    @staticmethod
    def backward(*_: Any) -> None:
        """Nothing goes on."""


def _check_undefined(check: Check) -> None:
    """A gradient that does not arrive must count as zeros: at all outputs, and at each alone."""
    every = range(len(check.outputs))
    for lost in [set(every)] + [{o} for o in every if len(every) > 1]:
        outputs = [
            _GivesNothing.apply(output) if o in lost else output
            for o, output in enumerate(differentiable(evaluate(check.func, check.inputs)))
        ]
        try:
            grads = check.gradients(outputs, [pb.zeros_like(o) for o in outputs])
        except RuntimeError as error:
            raise GradcheckError(
                "Expected backward function to handle undefined output grads: where none arrived "
                f"at outputs {sorted(lost)} it raised {type(error).__name__}: {error}"
            ) from error
        if any(g is not None and array_of(g).any() for g in grads):
            raise GradcheckError(
                "Expected all input grads to be undefined or zero when all output grads are "
                f"undefined or zero: where none arrived at outputs {sorted(lost)}, and zeros at "
                f"the others, got {[None if g is None else g.tolist() for g in grads]}."
            )
    _check_undefined_sums(check)


def _check_undefined_sums(check: Check) -> None:
    """Some outputs alone, and without one, must give what zeros for the others give."""
    if len(check.outputs) < 2:
        return
    ones = [pb.ones_like(o) for o in check.outputs]
    zeros = [pb.zeros_like(o) for o in check.outputs]
    every = range(len(check.outputs))
    for chosen in [[o] for o in every] + [[p for p in every if p != o] for o in every]:
        some = check.gradients([check.outputs[o] for o in chosen], [ones[o] for o in chosen])
        seeds = [ones[o] if o in chosen else zeros[o] for o in every]
        for a, b in zip(some, check.gradients(check.outputs, seeds), strict=True):
            left = 0.0 if a is None else array_of(a)
            right = 0.0 if b is None else array_of(b)
            if not np.allclose(left, right, rtol=1e-7, atol=1e-7, equal_nan=True):
                raise GradcheckError(
                    "Expected backward function to handle undefined output grads: outputs "
                    f"{chosen} alone gave {left}, with zeros for the others {right}."
                )


def _check_undefined_forward(check: Check) -> None:
    """A tangent that an input does not have must count as zeros, whatever the others have."""
    every = range(len(check.tensors))
    for without in every:
        others = {i: pb.ones_like(check.tensors[i]) for i in every if i != without}
        zero = {without: pb.zeros_like(check.tensors[without])}
        pairs = zip(check.push(others), check.push({**others, **zero}), strict=True)
        for o, (a, b) in enumerate(pairs):
            if not np.allclose(array_of(a), array_of(b), rtol=1e-7, atol=1e-7, equal_nan=True):
                raise GradcheckError(
                    "Expected forward mode to handle undefined input tangents: output "
                    f"{check.floating[o]} has the tangent {a.tolist()} where input "
                    f"{check.wanted[without]} has none, and {b.tolist()} where it has zeros."
                )


def _compare_batched(loop: list[Array], batched: Array, what: str, o: int, i: int) -> None:
    if not np.allclose(np.stack(loop), batched, rtol=1e-7, atol=1e-7, equal_nan=True):
        raise GradcheckError(
            f"For output {o} and input {i}:\n\n{what} computed with vmap differ from those of a "
            f"loop.\n\nGot:\n{batched}\n\nExpected:\n{np.stack(loop)}"
        )


def _rand_like(tensor: Tensor, *batch: int) -> Tensor:
    return pb.rand((*batch, *tensor.shape), dtype=tensor.dtype)


def _check_batched(check: Check) -> None:
    """Two vectors at once by is_grads_batched must give what they give one after the other."""
    for o, output in enumerate(check.outputs):
        seeds = _rand_like(output, 2)
        loop = [check.gradients([output], [seed]) for seed in seeds.unbind()]
        try:
            batched = pb.autograd.grad(
                [output],
                check.tensors,
                [seeds],
                retain_graph=True,
                allow_unused=True,
                is_grads_batched=True,
            )
        except RuntimeError as error:
            raise GradcheckError(
                f"While computing batched gradients, got: {error}\n\ngradcheck or gradgradcheck "
                "failed while testing batched gradient computation."
            ) from error
        for i, tensor in enumerate(check.tensors):
            found = (
                pb.zeros((2, *tensor.shape), dtype=tensor.dtype)
                if batched[i] is None
                else batched[i]
            )
            each = [pb.zeros_like(tensor) if g is None else g for g in (row[i] for row in loop)]
            _compare_batched(
                [array_of(g) for g in each], array_of(found), "gradients", o, check.wanted[i]
            )


def _check_batched_forward(check: Check) -> None:
    """The same for forward mode and two directions."""
    for i, wanted in enumerate(check.tensors):
        directions = _rand_like(wanted, 2)
        loop = [check.push({i: direction}) for direction in directions.unbind()]

        def push(direction: Tensor, i: int = i) -> tuple[Tensor, ...]:
            return tuple(check.push({i: direction}))

        try:
            batched = pb.vmap(push)(directions)
        except RuntimeError as error:
            raise GradcheckError(
                f"While computing batched gradients, got: {error}\n\ngradcheck or gradgradcheck "
                "failed while testing forward-mode batched gradient computation."
            ) from error
        for o, found in enumerate(batched):
            _compare_batched(
                [array_of(row[o]) for row in loop], array_of(found), "tangents", o, check.wanted[i]
            )


def gradcheck(
    func: Callable[..., Any],
    inputs: Tensor | Sequence[Any],
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Compare the derivatives of ``func`` at ``inputs`` with finite differences.

    ``func`` takes the inputs and returns a tensor or a tuple of tensors. Every input that wants a
    gradient is moved by ``eps`` in each element, so it must not overlap itself in memory and should
    be float64 or complex128. A complex element is moved in both of its parts. Returns True, or
    raises ``GradcheckError`` (with ``raise_exception=False`` returns False) when a derivative is
    not within ``atol + rtol * |numerical|``, is not the same in two runs (up to ``nondet_tol``), is
    not linear in the arriving gradient, or takes a gradient that does not arrive for anything but
    zeros. ``fast_mode`` compares along one random direction. ``check_forward_ad`` checks forward
    mode, too; ``check_batched_grad`` and ``check_batched_forward_grad`` compare ``vmap`` over the
    derivatives with a loop. ``masked`` is about the elements that sparse tensors leave out; a dense
    one has none, so both values are one.

    Example:
        >>> import pullback as pb
        >>> x = pb.tensor([0.5, 2.0], dtype=pb.float64, requires_grad=True)
        >>> pb.autograd.gradcheck(lambda x: (x * x).sum(), (x,))
        True
    """
    _arguments.functions("gradcheck", func=func)
    _arguments.numbers("gradcheck", eps=eps, atol=atol, rtol=rtol, nondet_tol=nondet_tol)
    _arguments.flags(
        "gradcheck",
        raise_exception=raise_exception,
        check_undefined_grad=check_undefined_grad,
        check_grad_dtypes=check_grad_dtypes,
        check_batched_grad=check_batched_grad,
        check_batched_forward_grad=check_batched_forward_grad,
        check_forward_ad=check_forward_ad,
        check_backward_ad=check_backward_ad,
        fast_mode=fast_mode,
        masked=masked,
    )
    _check_switches(
        check_forward_ad, check_backward_ad, check_batched_grad, check_batched_forward_grad
    )
    inputs = as_tuple(inputs)
    _check_inputs(inputs)
    try:
        check = Check(func, inputs, eps, atol, rtol)
        compare = _check_directions if fast_mode else _check_whole
        if check.outputs:
            compare(check, check_forward_ad, check_backward_ad, nondet_tol, check_grad_dtypes)
        else:
            _check_constants(check)
        if check_batched_forward_grad:
            _check_batched_forward(check)
        if check_forward_ad and check_undefined_grad:
            _check_undefined_forward(check)
        if check_backward_ad and check.outputs:
            if check_batched_grad:
                _check_batched(check)
            _check_linear_in_seed(check)
            if check_undefined_grad:
                _check_undefined(check)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def _random_seed(output: Tensor, strided: bool) -> Tensor:
    dtype = output.dtype if is_differentiable(output.dtype) else pb.float64
    if dtype.is_complex:
        parts = pb.rand((*output.shape, 2), dtype=dtype.to_real()) * 2 - 1
        seed = pb.view_as_complex(parts)
    else:
        seed = pb.rand(output.shape, dtype=dtype) * 2 - 1
    if strided and output.numel() > 1:
        seed = pb.stack([seed, seed], dim=-1)[..., 0]
    return seed.detach().requires_grad_()


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Tensor | Sequence[Any],
    grad_outputs: Tensor | Sequence[Tensor] | None = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """Compare the second derivatives of ``func`` with finite differences of the first.

    Checks the function that takes ``inputs`` and ``grad_outputs`` (random ones in [-1, 1) by
    default) to the gradients, so both the derivative and its dependence on the arriving gradient.
    The other parameters are those of ``gradcheck``.

    Example:
        >>> import pullback as pb
        >>> x = pb.tensor([0.5, 2.0], dtype=pb.float64, requires_grad=True)
        >>> pb.autograd.gradgradcheck(lambda x: x ** 3, (x,))
        True
    """
    if not isinstance(inputs, Tensor):
        _arguments.elements("gradgradcheck", "inputs", inputs, "Tensor or a sequence of Tensors")
    if grad_outputs is not None and not isinstance(grad_outputs, Tensor):
        seeds = _arguments.elements(
            "gradgradcheck", "grad_outputs", grad_outputs, "Tensor or a sequence of Tensors"
        )
        _arguments.tensors(
            "gradgradcheck", **{f"grad_outputs[{i}]": g for i, g in enumerate(seeds)}
        )
    _arguments.functions("gradgradcheck", func=func)
    _arguments.numbers("gradgradcheck", eps=eps, atol=atol, rtol=rtol, nondet_tol=nondet_tol)
    _arguments.flags(
        "gradgradcheck",
        gen_non_contig_grad_outputs=gen_non_contig_grad_outputs,
        raise_exception=raise_exception,
        check_undefined_grad=check_undefined_grad,
        check_grad_dtypes=check_grad_dtypes,
        check_batched_grad=check_batched_grad,
        check_fwd_over_rev=check_fwd_over_rev,
        check_rev_over_rev=check_rev_over_rev,
        fast_mode=fast_mode,
        masked=masked,
    )
    if not (check_fwd_over_rev or check_rev_over_rev):
        raise AssertionError(
            "Expected at least one of check_fwd_over_rev or check_rev_over_rev to be True"
        )
    if check_undefined_grad and not check_rev_over_rev:
        raise AssertionError(
            "Setting check_undefined_grad=True requires check_rev_over_rev to be True"
        )
    if check_batched_grad and not check_rev_over_rev:
        raise AssertionError(
            "Setting check_batched_grad=True requires check_rev_over_rev to be True"
        )
    inputs = as_tuple(inputs)
    if grad_outputs is None:
        outputs = differentiable(evaluate(func, inputs))
        seeds = tuple(_random_seed(o, gen_non_contig_grad_outputs) for o in outputs)
    else:
        seeds = as_tuple(grad_outputs)
    if not seeds:
        raise ValueError(
            "gradgradcheck: no output of func requires a gradient, so there is no first derivative "
            "to check."
        )
    count = len(seeds)
    wanted = {i for i, v in enumerate(inputs) if isinstance(v, Tensor) and v.requires_grad}

    def first_derivative(*args: Any) -> tuple[Tensor, ...]:
        values, arriving = args[: len(args) - count], args[len(args) - count :]
        # Forward mode hands over values cut off from their history.
        values = tuple(v.requires_grad_() if i in wanted else v for i, v in enumerate(values))
        grads = pb.autograd.grad(
            differentiable(evaluate(func, values)),
            differentiable(values),
            arriving,
            create_graph=True,
            allow_unused=True,
        )
        return tuple(g for g in grads if g is not None)

    return gradcheck(
        first_derivative,
        inputs + seeds,
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
        nondet_tol=nondet_tol,
        check_undefined_grad=check_undefined_grad,
        check_grad_dtypes=check_grad_dtypes,
        check_batched_grad=check_batched_grad,
        check_forward_ad=check_fwd_over_rev,
        check_backward_ad=check_rev_over_rev,
        fast_mode=fast_mode,
        masked=masked,
    )
