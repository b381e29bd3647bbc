"""``torch._foreach_*``: an operator over lists of tensors, one by one.

The functions are found by their names in ``pullback``; those that end with an underscore change the
tensors of the first list. Their derivatives and types are the operators'.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pullback as pb
from pullback import Tensor, _arguments

__all__: list[str] = []

_UNARY = (
    "abs acos asin atan ceil cos cosh erf erfc exp expm1 floor frac lgamma log log10 log1p log2 "
    "neg reciprocal round rsqrt sigmoid sign sin sinh sqrt tan tanh trunc"
)
_BINARY = "add clamp_max clamp_min div maximum minimum mul pow sub"


def _list(function: str, name: str, value: Any) -> list[Tensor]:
    if not isinstance(value, (list, tuple)):
        _arguments.refuse(function, name, "tuple of Tensors", value)
    _arguments.tensors(function, **{f"{name}[{i}]": each for i, each in enumerate(value)})
    return list(value)


def _first(function: str, value: Any) -> list[Tensor]:
    tensors = _list(function, "self", value)
    if not tensors:
        raise RuntimeError(f"{function}: Tensor list must have at least one tensor.")
    return tensors


def _as_long(function: str, tensors: list[Tensor], name: str, value: Any) -> list[Tensor]:
    """The tensors of another list, of which there must be as many."""
    others = _list(function, name, value)
    if len(others) != len(tensors):
        raise RuntimeError(
            f"{function}: Tensor lists must have the same number of tensors, got {len(tensors)} "
            f"and {len(others)}"
        )
    return others


def _operands(function: str, tensors: list[Tensor], name: str, value: Any) -> list[Any]:
    """The second operand of each: numbers or tensors, a number or a tensor of one number."""
    if isinstance(value, Tensor):
        if value.ndim != 0:
            raise RuntimeError(
                f"{function}: scalar tensor expected to be 0 dim but it has {value.ndim} "
                f"dimensions and {value.numel()} elements."
            )
        return [value] * len(tensors)
    if not isinstance(value, (list, tuple)):
        _arguments.numbers(function, **{name: value})
        return [value] * len(tensors)
    if any(isinstance(each, Tensor) for each in value):
        return list(_as_long(function, tensors, name, value))
    _arguments.numbers(function, **{f"{name}[{i}]": each for i, each in enumerate(value)})
    if len(value) != len(tensors):
        raise RuntimeError(
            f"{function}: Tensor list must have same number of elements as scalar list, got "
            f"{len(tensors)} and {len(value)}"
        )
    return list(value)


def _given(function: str, names: str, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
    """The one argument that has several names, as the forms of the function call it."""
    known = names.split()
    rest = [name for name in named if name not in known]
    if rest or len(args) + len(named) != 1:
        got = [*("a value" for _ in args), *named]
        raise TypeError(
            f"{function}(): expected one argument, {' or '.join(known)}, after the tensors; got "
            f"{', '.join(got) or 'none'}"
        )
    return args[0] if args else next(iter(named.values()))


def _unary(function: str, method: str, inplace: bool) -> Callable[..., Any]:
    def run(self: Any) -> Any:
        done = [getattr(x, method)() for x in _first(function, self)]
        return self if inplace else tuple(done)

    return run


def _binary(function: str, name: str, suffix: str) -> Callable[..., Any]:
    names = "exponent" if name == "pow" else "other scalar scalars"

    def call(x: Tensor, operand: Any, named: dict[str, Any]) -> Any:
        if name not in ("maximum", "minimum"):
            return getattr(x, name + suffix)(operand, **named)
        if not isinstance(operand, Tensor):
            operand = pb.full((), operand, dtype=pb.result_type(x, operand))
        if not suffix:
            return getattr(pb, name)(x, operand)
        return x.copy_(getattr(pb, name)(x.clone(), operand))  # the derivative reads the old one

    def run(self: Any, *args: Any, **named: Any) -> Any:
        scaled = {}
        if name in ("add", "sub") and "alpha" in named:
            scaled["alpha"] = named.pop("alpha")
            _arguments.numbers(function, **scaled)
        operand = _given(function, names, args, named)
        if name == "pow" and not suffix and not isinstance(self, (list, tuple)):
            _arguments.numbers(function, self=self)
            return tuple(pb.pow(self, x) for x in _list(function, "exponent", operand))
        tensors = _first(function, self)
        operands = _operands(function, tensors, names.partition(" ")[0], operand)
        if scaled and not isinstance(operands[0], Tensor):
            _arguments.refuse(function, "other", "tuple of Tensors where alpha is given", operand)
        done = [call(x, y, scaled) for x, y in zip(tensors, operands, strict=True)]
        return self if suffix else tuple(done)

    return run


def _lerp(function: str, method: str, inplace: bool) -> Callable[..., Any]:
    def run(self: Any, tensors1: Any, *args: Any, **named: Any) -> Any:
        tensors = _first(function, self)
        ends = _as_long(function, tensors, "tensors1", tensors1)
        weight = _given(function, "weight weights", args, named)
        weights = _operands(function, tensors, "weight", weight)
        parts = zip(tensors, ends, weights, strict=True)
        done = [getattr(x, method)(end, w) for x, end, w in parts]
        return self if inplace else tuple(done)

    return run


def _scaled(function: str, method: str, inplace: bool) -> Callable[..., Any]:
    """``addcmul`` and ``addcdiv``."""

    def run(self: Any, tensor1: Any, tensor2: Any, *args: Any, **named: Any) -> Any:
        tensors = _first(function, self)
        lefts = _as_long(function, tensors, "tensor1", tensor1)
        rights = _as_long(function, tensors, "tensor2", tensor2)
        value = _given(function, "value scalars", args, named) if args or named else 1
        if isinstance(value, Tensor) and value.ndim:
            value = value.tolist()
        numbers = _operands(function, tensors, "value", value)
        if isinstance(numbers[0], Tensor):
            numbers = [each.item() for each in numbers]
        parts = zip(tensors, lefts, rights, numbers, strict=True)
        done = [getattr(x, method)(a, b, value=v) for x, a, b, v in parts]
        return self if inplace else tuple(done)

    return run


def _foreach_norm(self: Any, ord: Any = 2, dtype: Any = None) -> tuple[Tensor, ...]:
    tensors = _first("_foreach_norm", self)
    _arguments.numbers("_foreach_norm", ord=ord)
    return tuple(pb.linalg.vector_norm(x, ord, dtype=dtype) for x in tensors)


def _foreach_powsum(self: Any, ord: Any = 2, dtype: Any = None) -> tuple[Tensor, ...]:
    tensors = _first("_foreach_powsum", self)
    _arguments.numbers("_foreach_powsum", ord=ord)
    return tuple((x if dtype is None else x.to(dtype)).abs().pow(ord).sum() for x in tensors)


def _foreach_max(self: Any) -> tuple[Tensor, ...]:
    return tuple(x.max() for x in _first("_foreach_max", self))


def _foreach_mm(self: Any, mat2: Any) -> tuple[Tensor, ...]:
    tensors = _first("_foreach_mm", self)
    others = _as_long("_foreach_mm", tensors, "mat2", mat2)
    return tuple(x.mm(y) for x, y in zip(tensors, others, strict=True))


def _foreach_clone(self: Any, *, memory_format: Any = None) -> tuple[Tensor, ...]:
    tensors = _first("_foreach_clone", self)
    wanted = {} if memory_format is None else {"memory_format": memory_format}
    return tuple(x.clone(**wanted) for x in tensors)


def _foreach_copy_(self: Any, src: Any, non_blocking: bool = False) -> Any:
    tensors = _first("_foreach_copy_", self)
    sources = _as_long("_foreach_copy_", tensors, "src", src)
    for x, source in zip(tensors, sources, strict=True):
        x.copy_(source, non_blocking)
    return self


def _foreach_zero_(self: Any) -> Any:
    for x in _first("_foreach_zero_", self):
        x.zero_()
    return self


def _functions() -> dict[str, Callable[..., Any]]:
    makers: list[tuple[str, Callable[[str, str, Any], Callable[..., Any]]]] = [
        (_UNARY, _unary),
        (_BINARY, _binary),
        ("lerp", _lerp),
        ("addcmul addcdiv", _scaled),
    ]
    made = {}
    for names, make in makers:
        for name in names.split():
            for suffix in ("", "_"):
                full = f"_foreach_{name}{suffix}"
                if make is _binary:
                    function = make(full, name, suffix)
                else:
                    function = make(full, name + suffix, bool(suffix))
                function.__name__ = function.__qualname__ = full
                function.__doc__ = f"``{name}{suffix}`` of every tensor of a list."
                made[full] = function
    return made


globals().update(_functions())
