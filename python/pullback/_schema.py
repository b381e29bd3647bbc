"""Schemas of operators that programs define: made from annotations, and read from text.

``(Tensor x, float k=2.0, *, SymInt n) -> Tensor``; ``Tensor(a0!)`` is an argument that the operator
writes to. What the types mean is in ``_TYPES``.
"""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable, Iterable, Sequence
from types import NoneType, UnionType
from typing import Any, NamedTuple, NoReturn

from pullback import Tensor, device, dtype

__all__ = ["Parameter", "infer_schema", "parsed"]

_TYPES: dict[Any, str] = {
    Tensor: "Tensor",
    int: "SymInt",
    float: "float",
    bool: "bool",
    str: "str",
    dtype: "ScalarType",
    device: "Device",
}
_SCHEMA = re.compile(
    r"\s*(?:(?P<name>[\w.:]+)\s*)?\((?P<inside>.*)\)\s*->\s*(?P<result>.+)\s*$", re.DOTALL
)


class Parameter(NamedTuple):
    """One parameter of an operator."""

    name: str
    type: str
    writes: bool
    default: Any  # inspect.Parameter.empty if it has none
    keyword_only: bool


def _fail(function: Callable[..., Any], what: str) -> NoReturn:
    raise ValueError(
        f"infer_schema(func): {what} Got func with signature {inspect.signature(function)})"
    )


def _type_text(annotation: Any) -> str | None:
    """How a type is written in schemas; None if it is not known there."""
    if annotation in _TYPES:
        return _TYPES[annotation]
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, UnionType) and NoneType in inner and len(inner) == 2:
        own = _type_text(next(each for each in inner if each is not NoneType))
        return None if own is None else f"{own}?"
    if origin in (list, Sequence, typing.get_origin(Sequence[int])) and len(inner) == 1:
        own = _type_text(inner[0])
        return None if own is None else f"{own}[]"
    if annotation in (int | float, typing.Union[int, float, bool]):  # noqa: UP007
        return "Scalar"
    return None


def _result_text(function: Callable[..., Any], annotation: Any) -> str:
    if annotation is None or annotation is NoneType:
        return "()"
    if typing.get_origin(annotation) is tuple:
        parts = [_type_text(each) for each in typing.get_args(annotation)]
        if None not in parts:
            return f"({', '.join(filter(None, parts))})"
    own = _type_text(annotation)
    if own is None:
        _fail(function, f"Return has unsupported type {annotation}.")
    return own


def _default_text(function: Callable[..., Any], name: str, value: Any) -> str:
    if isinstance(value, str):
        return f'="{value}"'
    if value is None or isinstance(value, (bool, int, float)):
        return f"={value}"
    if isinstance(value, (dtype, device)):
        return f"={str(value).removeprefix('torch.')}"
    _fail(function, f"Parameter {name} has an unsupported default value type {type(value)}.")


def infer_schema(
    prototype_function: Callable[..., Any],
    /,
    *,
    mutates_args: str | Iterable[str],
    op_name: str | None = None,
    tags: Any = (),
) -> str:
    """The schema of a function from its annotations.

    Args:
        prototype_function: a function whose parameters and result are annotated.
        mutates_args: the names of parameters that it writes to, or "unknown" for all tensors.
        op_name: what is put before the schema.
        tags: not used.

    Raises:
        ValueError: an annotation is missing, or of a type that schemas have not.

    Example:
        >>> import pullback as pb
        >>> def f(x: pb.Tensor, n: int = 2) -> pb.Tensor: ...
        >>> pb.library.infer_schema(f, mutates_args=())
        '(Tensor x, SymInt n=2) -> Tensor'
    """
    del tags
    hints = typing.get_type_hints(prototype_function)
    names = [] if mutates_args == "unknown" else list(mutates_args)
    parts: list[str] = []
    writes = 0
    parameters = inspect.signature(prototype_function).parameters
    for name, each in parameters.items():
        if each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD):
            _fail(prototype_function, "We do not support varargs.")
        if each.annotation is each.empty:
            _fail(prototype_function, f"Parameter {name} must have a type annotation.")
        text = _type_text(hints[name])
        if text is None:
            _fail(prototype_function, f"Parameter {name} has unsupported type {hints[name]}.")
        if each.kind is each.KEYWORD_ONLY and "*" not in parts:
            parts.append("*")
        if (mutates_args == "unknown" or name in names) and text.startswith("Tensor"):
            text = f"Tensor(a{writes}!){text[len('Tensor') :]}"
            writes += 1
        elif name in names:
            _fail(prototype_function, f"Parameter {name} is in mutates_args but is no Tensor.")
        known = each.default is not each.empty
        default = _default_text(prototype_function, name, each.default) if known else ""
        parts.append(f"{text} {name}{default}")
    if odd := [name for name in names if name not in parameters]:
        _fail(prototype_function, f"{odd} in mutates_args are no parameters.")
    if "return" not in hints:
        _fail(prototype_function, "No return type annotation was provided.")
    result = _result_text(prototype_function, hints["return"])
    return f"{op_name or ''}({', '.join(parts)}) -> {result}"


def _default_value(text: str) -> Any:
    literal = text.strip()
    known = {"None": None, "True": True, "False": False, "true": True, "false": False}
    if literal in known:
        return known[literal]
    if literal[:1] in "\"'":
        return literal[1:-1]
    if literal == "[]":
        return []
    try:
        return int(literal)
    except ValueError:
        pass
    try:
        return float(literal)
    except ValueError:
        return literal


def parsed(schema: str) -> tuple[str, list[Parameter]]:
    """The name, which may be empty, and the parameters of a schema.

    Raises:
        ValueError: it cannot be read.
    """
    match = _SCHEMA.match(schema)
    if match is None:
        raise ValueError(
            f"schema: got {schema!r}, expected a text like 'name(Tensor x, int n=1) -> Tensor'."
        )
    parameters: list[Parameter] = []
    keyword_only = False
    # Commas inside of brackets belong to a default.
    for part in filter(None, map(str.strip, re.split(r",(?![^\[]*\])", match["inside"]))):
        if part == "*":
            keyword_only = True
            continue
        head, equals, default = part.partition("=")
        kind, _, name = head.strip().rpartition(" ")
        if not kind:
            raise ValueError(f"schema: got the parameter {part!r}, expected a type and a name.")
        value = _default_value(default) if equals else inspect.Parameter.empty
        writes = "!" in kind
        kind = re.sub(r"\([^)]*\)", "", kind)
        parameters.append(Parameter(name, kind, writes, value, keyword_only))
    return match["name"] or "", parameters
