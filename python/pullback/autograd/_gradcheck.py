"""Derivatives checked against finite differences: ``gradcheck`` and ``gradgradcheck``.

Everything happens on matrices of NumPy: for input ``i`` and output ``o`` the Jacobian has a row
for each element of the output and a column for each element of the input. ``_numerical`` makes
one from two evaluations a column, ``_backward`` from one backward pass a row, ``_forward`` from
one forward-mode evaluation a column. In fast mode each of them is multiplied by a random
direction on both sides, so that one number stands for the whole matrix.
Start at ``gradcheck`` at the end.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

import pullback as pb
from pullback import Tensor
from pullback.autograd import forward_ad

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]

Array = Any
Function = Callable[..., Any]


class GradcheckError(RuntimeError):
    """What ``gradcheck`` and ``gradgradcheck`` raise when derivatives do not agree."""


def _as_tuple(value: Any) -> tuple[Any, ...]:
    if isinstance(value, tuple):
        return value
    return tuple(value) if isinstance(value, list) else (value,)


def _differentiable(values: tuple[Any, ...]) -> list[Tensor]:
    return [v for v in values if isinstance(v, Tensor) and v.requires_grad]


def _array(tensor: Tensor) -> Array:
    return tensor.detach().numpy()


def _tensor(array: Array, like: Tensor) -> Tensor:
    return pb.tensor(array.reshape(like.shape).tolist(), dtype=like.dtype).reshape(like.shape)


def _units(like: Tensor) -> Iterator[Tensor]:
    for unit in np.eye(like.numel()):
        yield _tensor(unit, like)


def _direction(like: Tensor) -> Array:
    """A random vector of length one without a negative element."""
    vector = _array(pb.rand(like.numel(), dtype=pb.float64)) + 1e-3
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
    if not _differentiable(inputs):
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, "
            "but none of them have requires_grad=True."
        )
    for index, tensor in enumerate(inputs):
        if not isinstance(tensor, Tensor) or not tensor.requires_grad:
            continue
        if tensor.dtype != pb.float64:
            warnings.warn(
                f"Input #{index} requires gradient and is not a double precision floating point "
                "or complex. This check will likely fail if all the inputs are not of double "
                "precision floating point or complex. ",
                stacklevel=3,
            )
        for size, stride in zip(tensor.shape, tensor.stride(), strict=True):
            if size > 1 and stride == 0:
                raise RuntimeError(
                    f"The {index}th input has a dimension with stride 0. gradcheck only supports "
                    "inputs that are non-overlapping to be able to compute the numerical gradients "
                    "correctly. You should call .contiguous on the input before passing it to "
                    "gradcheck."
                )


@contextmanager
def _moved(elements: Array, step: Array) -> Iterator[None]:
    """The elements plus step inside the block, bit for bit as before afterwards."""
    before = elements.copy()
    elements += step
    try:
        yield
    finally:
        elements[...] = before


class _Check:
    """One function at one point, and the tolerances."""

    def __init__(
        self, func: Function, inputs: tuple[Any, ...], eps: float, atol: float, rtol: float
    ) -> None:
        self.func = func
        self.inputs = inputs
        self.eps, self.atol, self.rtol = eps, atol, rtol
        self.wanted = [i for i, v in enumerate(inputs) if isinstance(v, Tensor) and v.requires_grad]
        self.tensors: list[Tensor] = [inputs[i] for i in self.wanted]
        self.all_outputs = _as_tuple(func(*inputs))
        self.outputs = _differentiable(self.all_outputs)

    def _values(self, outputs: list[int] | None) -> list[Array]:
        """Of the outputs numbered so, or of those that want a gradient."""
        found = _as_tuple(self.func(*self.inputs))
        chosen = _differentiable(found) if outputs is None else [found[o] for o in outputs]
        return [_array(t).astype(np.float64).ravel() for t in chosen]

    def _slope(self, tensor: Tensor, step: Array, outputs: list[int] | None) -> list[Array]:
        """The change of every output along ``step``, for a step of one."""
        elements = _array(tensor)
        step = step.reshape(elements.shape)
        with _moved(elements, self.eps * step):
            after = self._values(outputs)
        with _moved(elements, -self.eps * step):
            before = self._values(outputs)
        pairs = zip(after, before, strict=True)
        return [(a - b) / (2 * self.eps) for a, b in pairs]

    def numerical(self, outputs: list[int] | None = None) -> list[list[Array]]:
        """``jacobian[i][o]`` by central differences."""
        jacobians = []
        for tensor in self.tensors:
            units = np.eye(tensor.numel())
            columns = [self._slope(tensor, unit, outputs) for unit in units]
            if columns:
                jacobians.append([np.stack(each, axis=1) for each in zip(*columns, strict=True)])
            else:
                jacobians.append([np.zeros((len(v), 0)) for v in self._values(outputs)])
        return jacobians

    def gradients(
        self, outputs: Sequence[Tensor], seeds: Sequence[Tensor | None]
    ) -> tuple[Tensor | None, ...]:
        grads: tuple[Tensor | None, ...] = pb.autograd.grad(
            outputs, self.tensors, seeds, retain_graph=True, allow_unused=True
        )
        return grads

    def row(self, output: Tensor, seed: Tensor, check_dtypes: bool) -> list[Array]:
        """The product of one seed and the Jacobian, for every input."""
        rows = []
        for grad, tensor in zip(self.gradients([output], [seed]), self.tensors, strict=True):
            if grad is None:
                rows.append(np.zeros(tensor.numel()))
                continue
            if grad.shape != tensor.shape:
                raise GradcheckError("Analytical gradient has incorrect size")
            if check_dtypes and grad.dtype != tensor.dtype:
                raise GradcheckError("Gradient has dtype mismatch")
            rows.append(_array(grad).astype(np.float64).ravel())
        return rows

    def backward(
        self, output: Tensor, seeds: Sequence[Tensor], nondet_tol: float, check_dtypes: bool
    ) -> list[Array]:
        """The Jacobian of one output for every input, one backward pass a row."""
        runs = []
        for _ in range(2):
            rows = [self.row(output, seed, check_dtypes) for seed in seeds]
            empty = [np.zeros((len(seeds), t.numel())) for t in self.tensors]
            runs.append([np.stack(r) for r in zip(*rows, strict=True)] if rows else empty)
        for first, second in zip(*runs, strict=True):
            same = (first == second) | (np.isnan(first) & np.isnan(second))
            with np.errstate(invalid="ignore"):
                if not np.all(same | (np.abs(first - second) <= nondet_tol)):
                    raise GradcheckError(
                        "Backward is not reentrant, i.e., running backward with same input and "
                        "grad_output multiple times gives different values, although analytical "
                        "gradient matches numerical gradient. The tolerance for nondeterminism "
                        f"was {nondet_tol}."
                    )
        return runs[0]

    def forward(self, i: int, directions: Sequence[Tensor]) -> list[Array]:
        """The product of the Jacobians for input i and each direction, for every output."""
        columns = []
        for direction in directions:
            tangents = self.push({i: direction})
            columns.append([_array(t).astype(np.float64).ravel() for t in tangents])
        if not columns:
            return [np.zeros((o.numel(), 0)) for o in self.outputs]
        return [np.stack(each, axis=1) for each in zip(*columns, strict=True)]

    def push(self, directions: Mapping[int, Tensor]) -> list[Tensor]:
        """The derivative of every output along directions of some of the wanted inputs."""
        values = list(self.inputs)
        with forward_ad.dual_level():
            for i, direction in directions.items():
                values[self.wanted[i]] = forward_ad.make_dual(self.tensors[i], direction)
            outputs = _differentiable(_as_tuple(self.func(*values)))
            tangents = [forward_ad.unpack_dual(o).tangent for o in outputs]
        return [
            pb.zeros_like(o) if t is None else t
            for o, t in zip(self.outputs, tangents, strict=True)
        ]

    def compare(
        self,
        numerical: Array,
        analytical: Array,
        o: int,
        i: int,
        scale: float = 1.0,
        *,
        forward: bool = False,
        fast: bool = False,
    ) -> None:
        if np.allclose(analytical, numerical, rtol=self.rtol, atol=self.atol * scale):
            return
        mode = "computed with forward mode " if forward else ""
        note = (
            "\nThe above quantities relating the numerical and analytical jacobians are computed "
            "in fast mode: along one random direction of the input and one of the output. With "
            "fast_mode=False the whole matrices are shown.\n"
        )
        raise GradcheckError(
            f"Jacobian {mode}mismatch for output {o} with respect to input {i},\n"
            f"numerical:{pb.tensor(numerical.tolist(), dtype=pb.float64)}\n"
            f"analytical:{pb.tensor(analytical.tolist(), dtype=pb.float64)}\n"
            + (note if fast else "")
        )


def _check_constants(check: _Check) -> None:
    """Outputs that want no gradient must not change with the inputs."""
    floats = [
        o
        for o, value in enumerate(check.all_outputs)
        if isinstance(value, Tensor) and value.is_floating_point()
    ]
    for per_output in check.numerical(floats):
        for jacobian in per_output:
            if not np.allclose(jacobian, 0, rtol=0, atol=check.eps):
                raise GradcheckError("Numerical gradient for function expected to be zero")


def _check_whole(
    check: _Check, forward: bool, backward: bool, nondet_tol: float, check_dtypes: bool
) -> None:
    numerical = check.numerical()
    if backward:
        for o, output in enumerate(check.outputs):
            jacobians = check.backward(output, list(_units(output)), nondet_tol, check_dtypes)
            for i, jacobian in enumerate(jacobians):
                check.compare(numerical[i][o], jacobian, o, check.wanted[i])
    if forward:
        for i, tensor in enumerate(check.tensors):
            for o, jacobian in enumerate(check.forward(i, list(_units(tensor)))):
                check.compare(numerical[i][o], jacobian, o, check.wanted[i], forward=True)


def _check_directions(
    check: _Check, forward: bool, backward: bool, nondet_tol: float, check_dtypes: bool
) -> None:
    lefts = [_direction(t) for t in check.outputs]
    rights = [_direction(t) for t in check.tensors]
    slopes = [check._slope(t, right, None) for t, right in zip(check.tensors, rights, strict=True)]
    for by_forward in [False] * backward + [True] * forward:
        for o, (output, left) in enumerate(zip(check.outputs, lefts, strict=True)):
            rows = []
            if not by_forward:
                rows = check.backward(output, [_tensor(left, output)], nondet_tol, check_dtypes)
            for i, (tensor, right) in enumerate(zip(check.tensors, rights, strict=True)):
                scale = float(left.sum() * right.sum())
                if by_forward:
                    product = left @ check.forward(i, [_tensor(right, tensor)])[o][:, 0]
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


def _check_linear_in_seed(check: _Check) -> None:
    zeros = [pb.zeros_like(o) for o in check.outputs]
    for grad, tensor in zip(check.gradients(check.outputs, zeros), check.tensors, strict=True):
        if grad is None:
            continue
        if not bool((grad == 0).all()):
            raise GradcheckError("backward not multiplied by grad_output")
        if grad.dtype != tensor.dtype:
            raise GradcheckError("grad is incorrect type")
        if grad.shape != tensor.shape:
            raise GradcheckError("grad is incorrect size")


def _check_undefined(check: _Check) -> None:
    """A gradient that does not arrive must count as zeros: with each output alone, and without."""
    if len(check.outputs) < 2:
        return
    ones = [pb.ones_like(o) for o in check.outputs]
    zeros = [pb.zeros_like(o) for o in check.outputs]
    every = range(len(check.outputs))
    for chosen in [[o] for o in every] + [[p for p in every if p != o] for o in every]:
        some = check.gradients([check.outputs[o] for o in chosen], [ones[o] for o in chosen])
        seeds = [ones[o] if o in chosen else zeros[o] for o in every]
        for a, b in zip(some, check.gradients(check.outputs, seeds), strict=True):
            left = 0.0 if a is None else _array(a)
            right = 0.0 if b is None else _array(b)
            if not np.allclose(left, right, rtol=1e-7, atol=1e-7, equal_nan=True):
                raise GradcheckError(
                    "Expected backward function to handle undefined output grads: outputs "
                    f"{chosen} alone gave {left}, with zeros for the others {right}."
                )


def _check_undefined_forward(check: _Check) -> None:
    """A tangent that an input does not have must count as zeros."""
    if len(check.tensors) < 2:
        return
    every = range(len(check.tensors))
    for chosen in every:
        direction = pb.ones_like(check.tensors[chosen])
        zeros = {i: pb.zeros_like(check.tensors[i]) for i in every if i != chosen}
        pairs = zip(
            check.push({chosen: direction}), check.push({chosen: direction, **zeros}), strict=True
        )
        for a, b in pairs:
            if not np.allclose(_array(a), _array(b), rtol=1e-7, atol=1e-7, equal_nan=True):
                raise GradcheckError(
                    "Expected forward mode to handle undefined input tangents: the tangent of "
                    f"input {check.wanted[chosen]} alone gave {a.tolist()}, with zeros for the "
                    f"others {b.tolist()}."
                )


def _compare_batched(loop: list[Array], batched: Array, what: str, o: int, i: int) -> None:
    if not np.allclose(np.stack(loop), batched, rtol=1e-7, atol=1e-7, equal_nan=True):
        raise GradcheckError(
            f"For output {o} and input {i}:\n\n{what} computed with vmap differ from those of a "
            f"loop.\n\nGot:\n{batched}\n\nExpected:\n{np.stack(loop)}"
        )


def _rand_like(tensor: Tensor, *batch: int) -> Tensor:
    return pb.rand((*batch, *tensor.shape), dtype=tensor.dtype)


def _check_batched(check: _Check) -> None:
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
            found = pb.zeros((2, *tensor.shape)) if batched[i] is None else batched[i]
            each = [pb.zeros_like(tensor) if g is None else g for g in (row[i] for row in loop)]
            _compare_batched(
                [_array(g) for g in each], _array(found), "gradients", o, check.wanted[i]
            )


def _check_batched_forward(check: _Check) -> None:
    """The same for forward mode and two directions."""
    for i, tensor in enumerate(check.tensors):
        directions = _rand_like(tensor, 2)
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
                [_array(row[o]) for row in loop], _array(found), "tangents", o, check.wanted[i]
            )


def gradcheck(
    func: Function,
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
    masked: bool | None = None,  # noqa: ARG001
) -> bool:
    """Compare the derivatives of ``func`` at ``inputs`` with finite differences.

    ``func`` takes the inputs and returns a tensor or a tuple of tensors. Every input that wants
    a gradient is moved by ``eps`` in each element, so it must not overlap itself in memory and
    should be float64. Returns True, or raises ``GradcheckError`` (with ``raise_exception=False``
    returns False) when a derivative is not within ``atol + rtol * |numerical|``, is not the same
    in two runs (up to ``nondet_tol``), is not linear in the arriving gradient, or takes a gradient
    that does not arrive for anything but zeros. ``fast_mode`` compares along one random direction.
    ``check_forward_ad`` checks forward mode, too; ``check_batched_grad`` and
    ``check_batched_forward_grad`` compare ``vmap`` over the derivatives with a loop. ``masked`` is
    about the elements that sparse tensors leave out; a dense one has none, so both values are one.

    Example:
        >>> import pullback as pb
        >>> x = pb.tensor([0.5, 2.0], dtype=pb.float64, requires_grad=True)
        >>> pb.autograd.gradcheck(lambda x: (x * x).sum(), (x,))
        True
    """
    _check_switches(
        check_forward_ad, check_backward_ad, check_batched_grad, check_batched_forward_grad
    )
    inputs = _as_tuple(inputs)
    _check_inputs(inputs)
    try:
        check = _Check(func, inputs, eps, atol, rtol)
        if not check.outputs:
            _check_constants(check)
            return True
        compare = _check_directions if fast_mode else _check_whole
        compare(check, check_forward_ad, check_backward_ad, nondet_tol, check_grad_dtypes)
        if check_batched_forward_grad:
            _check_batched_forward(check)
        if check_batched_grad:
            _check_batched(check)
        if check_forward_ad and check_undefined_grad:
            _check_undefined_forward(check)
        if check_backward_ad:
            _check_linear_in_seed(check)
            if check_undefined_grad:
                _check_undefined(check)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def _random_seed(output: Tensor, strided: bool) -> Tensor:
    dtype = output.dtype if output.is_floating_point() else pb.float64
    seed = pb.rand(output.shape, dtype=dtype) * 2 - 1
    if strided and output.numel() > 1:
        seed = pb.stack([seed, seed], dim=-1)[..., 0]
    return seed.detach().requires_grad_()


def gradgradcheck(
    func: Function,
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
    inputs = _as_tuple(inputs)
    if grad_outputs is None:
        outputs = _differentiable(_as_tuple(func(*inputs)))
        seeds = tuple(_random_seed(o, gen_non_contig_grad_outputs) for o in outputs)
    else:
        seeds = _as_tuple(grad_outputs)
    count = len(seeds)

    def first_derivative(*args: Any) -> tuple[Tensor, ...]:
        values, arriving = args[: len(args) - count], args[len(args) - count :]
        grads = pb.autograd.grad(
            _differentiable(_as_tuple(func(*values))),
            _differentiable(values),
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
