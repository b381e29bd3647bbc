"""One expression for both libraries: what each gives, in a form that can be compared.

An expression is text in which ``torch`` is the library; ``same`` runs it in pullback and in torch
and compares values, containers, dtypes and printed forms, or the types of what is raised.
"""

from __future__ import annotations

import importlib
import warnings
from typing import Any

import numpy as np
import pytest

import pullback as pb

torch = pytest.importorskip("torch")


def _library(name: str, extra: dict[str, Any] | None) -> dict[str, Any]:
    return {"torch": pb if name == "pullback" else torch, "np": np, "name": name, **(extra or {})}


def plain(value: Any) -> Any:
    """The value without a trace of the library that it came from."""
    if isinstance(value, (pb.Tensor, torch.Tensor)):
        kept = value.detach()
        kept = kept.float() if str(value.dtype) == "torch.bfloat16" else kept
        return ("tensor", str(value.dtype), tuple(value.shape), kept.numpy().tolist())
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [type(value).__name__, *map(plain, value)]
    if isinstance(value, (str, int, float, bool, type(None))):
        return value
    return str(value).replace("pullback", "torch")


def outcome(name: str, code: str, extra: dict[str, Any] | None = None) -> Any:
    """What the last line of the code gives, or what is raised."""
    space = _library(name, extra)
    *before, last = code.strip().split("\n")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            for module in space.pop("modules", ()):
                importlib.import_module(f"{name}.{module}")
            exec("\n".join(before), space)
            return plain(eval(last, space))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is compared
            words = str(error).replace("pullback._core", "torch").replace("pullback", "torch")
            return f"{type(error).__name__}: {words}"


def close(ours: Any, theirs: Any, rtol: float = 1e-6, atol: float = 1e-7) -> bool:
    """Whether two outcomes are of the same types and the same up to rounding."""
    if type(ours) is not type(theirs):
        return False
    if isinstance(theirs, list):
        return len(ours) == len(theirs) and all(
            close(a, b, rtol, atol) for a, b in zip(ours, theirs, strict=True)
        )
    if isinstance(theirs, tuple):
        if theirs[1:2] in (("torch.float64",), ("torch.complex128",)):  # a tensor
            rtol = atol = 1e-7
        return close(list(ours), list(theirs), rtol, atol)
    if isinstance(theirs, dict):
        return list(ours) == list(theirs) and all(
            close(ours[key], theirs[key], rtol, atol) for key in theirs
        )
    if isinstance(theirs, complex):
        parts = ([z.real, z.imag] for z in (ours, theirs))
        return close(*parts, rtol, atol)
    if isinstance(theirs, float):
        return bool(np.isclose(ours, theirs, rtol=rtol, atol=atol, equal_nan=True))
    return bool(ours == theirs)


def is_error(value: Any) -> bool:
    """Whether an outcome is what was raised."""
    return isinstance(value, str) and value.split(":")[0].endswith(("Error", "Exception"))


def same(
    code: str,
    modules: tuple[str, ...] = (),
    *,
    tolerance: tuple[float, float] = (1e-6, 1e-7),
    words: bool = False,
) -> None:
    """Runs the code in both; errors need the same type, with ``words`` the same message."""
    ours = outcome("pullback", code, {"modules": modules})
    theirs = outcome("torch", code, {"modules": modules})
    if is_error(theirs) and not words:
        assert is_error(ours), (ours, theirs)
        assert ours.split(":")[0] == theirs.split(":")[0], (ours, theirs)
    else:
        assert close(ours, theirs, *tolerance), f"\n{code}\n  ours:   {ours}\n  theirs: {theirs}"
