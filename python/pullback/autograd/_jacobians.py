"""The Jacobians that ``gradcheck`` compares: by differences, by backward passes, by forward mode.

Everything is a matrix of NumPy: for input ``i`` and output ``o`` the Jacobian has a row for each
element of the output and a column for each element of the input. A complex element counts as two
real ones, its parts: the gradient that PyTorch defines, the conjugate Wirtinger derivative, has as
its parts the derivatives by the parts of the input. Every evaluation of the function
must give as many outputs, of the same shapes and dtypes, as the first one did: a difference of
anything else means nothing. Start at ``Check``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

import pullback as pb
from pullback import Tensor
from pullback._element_types import is_differentiable
from pullback.autograd import forward_ad

__all__ = [
    "Check",
    "GradcheckError",
    "array_of",
    "as_tuple",
    "differentiable",
    "size_of",
    "tensor_like",
    "units",
]

Array = Any
Function = Callable[..., Any]


class GradcheckError(RuntimeError):
    """What ``gradcheck`` and ``gradgradcheck`` raise when derivatives do not agree."""


def as_tuple(value: Any) -> tuple[Any, ...]:
    if isinstance(value, tuple):
        return value
    return tuple(value) if isinstance(value, list) else (value,)


def evaluate(func: Function, inputs: Sequence[Any]) -> tuple[Tensor, ...]:
    """What ``func`` returns, as a tuple of tensors."""
    outputs = as_tuple(func(*inputs))
    for output in outputs:
        if not isinstance(output, Tensor):
            raise TypeError(
                "gradcheck: func must return a tensor or a tuple of tensors: got "
                f"{type(output).__name__} among its outputs. Return only what is to be checked."
            )
    return outputs


def differentiable(values: tuple[Any, ...]) -> list[Tensor]:
    return [v for v in values if isinstance(v, Tensor) and v.requires_grad]


def array_of(tensor: Tensor) -> Array:
    return tensor.detach().numpy()


def parts_of(tensor: Tensor) -> Array:
    """The elements as real numbers, two for a complex one."""
    array = array_of(tensor)
    if tensor.is_complex():
        array = np.stack([array.real, array.imag], axis=-1)
    return array.astype(np.float64).ravel()


def size_of(tensor: Tensor) -> int:
    """How many real numbers these are."""
    return tensor.numel() * (2 if tensor.is_complex() else 1)


def shaped(parts: Array, like: Tensor) -> Array:
    """The array of the tensor's shape that has these real numbers."""
    whole = parts[0::2] + 1j * parts[1::2] if like.is_complex() else parts
    return whole.reshape(like.shape)


def tensor_like(parts: Array, like: Tensor) -> Tensor:
    return pb.tensor(shaped(parts, like).tolist(), dtype=like.dtype).reshape(like.shape)


def units(like: Tensor) -> Iterator[Tensor]:
    for unit in np.eye(size_of(like)):
        yield tensor_like(unit, like)


@contextmanager
def _moved(elements: Array, step: Array) -> Iterator[None]:
    """The elements plus step inside the block, bit for bit as before afterwards."""
    before = elements.copy()
    elements += step
    try:
        yield
    finally:
        elements[...] = before


class Check:
    """One function at one point, and the tolerances."""

    def __init__(
        self, func: Function, inputs: tuple[Any, ...], eps: float, atol: float, rtol: float
    ) -> None:
        self.func = func
        self.inputs = inputs
        self.eps, self.atol, self.rtol = eps, atol, rtol
        self.wanted = [i for i, v in enumerate(inputs) if isinstance(v, Tensor) and v.requires_grad]
        self.tensors: list[Tensor] = [inputs[i] for i in self.wanted]
        self.all_outputs = evaluate(func, inputs)
        # Their numbers: what backward passes start from, and what forward mode gives tangents of.
        self.recorded = [o for o, v in enumerate(self.all_outputs) if v.requires_grad]
        self.floating = [o for o, v in enumerate(self.all_outputs) if is_differentiable(v.dtype)]
        self.outputs = [self.all_outputs[o] for o in self.recorded]

    def _values(self, outputs: Sequence[int]) -> list[Array]:
        """Of the outputs numbered so, which must look as in the first evaluation."""
        found = evaluate(self.func, self.inputs)
        first = self.all_outputs
        if len(found) != len(first):
            raise AssertionError(
                "Expected `func` to return the same number of outputs when inputs are perturbed "
                f"by {self.eps}, but got:\n {len(first)} and {len(found)}."
            )
        for a, b in zip(first, found, strict=True):
            for what, one, other in (("shape", a.shape, b.shape), ("dtype", a.dtype, b.dtype)):
                if one != other:
                    raise AssertionError(
                        f"Expected `func` to return outputs with the same {what} when inputs are "
                        f"perturbed by {self.eps}, but got:\n {what}s {one} and {other}."
                    )
        return [parts_of(found[o]) for o in outputs]

    def slope(self, tensor: Tensor, step: Array, outputs: Sequence[int]) -> list[Array]:
        """The change of every output along ``step``, for a step of one."""
        elements = array_of(tensor)
        step = shaped(step, tensor)
        with _moved(elements, self.eps * step):
            after = self._values(outputs)
        with _moved(elements, -self.eps * step):
            before = self._values(outputs)
        pairs = zip(after, before, strict=True)
        return [(a - b) / (2 * self.eps) for a, b in pairs]

    def numerical(self, outputs: Sequence[int]) -> list[list[Array]]:
        """``jacobian[i][o]`` by central differences."""
        jacobians = []
        for tensor in self.tensors:
            units = np.eye(size_of(tensor))
            columns = [self.slope(tensor, unit, outputs) for unit in units]
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
                rows.append(np.zeros(size_of(tensor)))
                continue
            if grad.shape != tensor.shape:
                raise GradcheckError("Analytical gradient has incorrect size")
            if check_dtypes and grad.dtype != tensor.dtype:
                raise GradcheckError("Gradient has dtype mismatch")
            rows.append(parts_of(grad))
        return rows

    def backward(
        self, output: Tensor, seeds: Sequence[Tensor], nondet_tol: float, check_dtypes: bool
    ) -> list[Array]:
        """The Jacobian of one output for every input, one backward pass a row."""
        runs = []
        for _ in range(2):
            rows = [self.row(output, seed, check_dtypes) for seed in seeds]
            empty = [np.zeros((len(seeds), size_of(t))) for t in self.tensors]
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
        """The product of the Jacobians for input i and each direction, for the floating outputs."""
        columns = []
        for direction in directions:
            tangents = self.push({i: direction})
            columns.append([parts_of(t) for t in tangents])
        if not columns:
            return [np.zeros((size_of(self.all_outputs[o]), 0)) for o in self.floating]
        return [np.stack(each, axis=1) for each in zip(*columns, strict=True)]

    def push(self, directions: Mapping[int, Tensor]) -> list[Tensor]:
        """The derivative of the floating outputs along directions of some of the wanted inputs."""
        values = list(self.inputs)
        with forward_ad.dual_level():
            for i, t in enumerate(self.tensors):
                plain = t.detach()
                dual = forward_ad.make_dual(plain, directions[i]) if i in directions else plain
                values[self.wanted[i]] = dual
            found = evaluate(self.func, values)
            tangents = [forward_ad.unpack_dual(found[o]).tangent for o in self.floating]
        return [
            pb.zeros_like(self.all_outputs[o]) if t is None else t
            for o, t in zip(self.floating, tangents, strict=True)
        ]

    def _part(self, numerical: Array, analytical: Array, o: int) -> str:
        """Which part of a complex output is wrong, where one alone is."""
        output = self.all_outputs[o]
        if not output.is_complex() or numerical.shape[:1] != (size_of(output),):
            return ""
        close: Array = np.isclose(analytical, numerical, rtol=self.rtol, atol=self.atol)
        for which, part in enumerate(("imaginary", "real")):
            if close[which::2].all():
                return f"While considering the {part} part of complex outputs only, "
        return ""

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
            f"{self._part(numerical, analytical, o)}Jacobian {mode}mismatch for output {o} with "
            f"respect to input {i},\n"
            f"numerical:{pb.tensor(numerical.tolist(), dtype=pb.float64)}\n"
            f"analytical:{pb.tensor(analytical.tolist(), dtype=pb.float64)}\n"
            + (note if fast else "")
        )
