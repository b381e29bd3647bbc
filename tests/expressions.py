"""Python's expressions, evaluated with pullback or torch as ``T`` and shown as text.

The text tells the type, the values, the shape, the dtype, the history and the layout of what came
out, or the type of the error. Several lines are statements and, in the last one, the expression.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

import pullback as pb


def shown(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"ndarray {value.dtype} {value.shape} {value.tolist()}"
    if isinstance(value, np.generic):
        return f"{type(value).__name__} {value!r}"
    if type(value) in (tuple, list):
        return f"{type(value).__name__} [{', '.join(map(shown, value))}]"
    if isinstance(value, dict):
        items = ", ".join(f"{key!r}: {shown(each)}" for key, each in value.items())
        return f"{type(value).__name__} {{{items}}}"
    text = f"{type(value).__name__} {value!r}"
    if hasattr(value, "stride"):
        text += f" {tuple(value.shape)} {value.stride()} leaf={value.is_leaf}"
    return text.replace("pullback", "torch").replace("torch::autograd::", "")


def outcomes(codes: list[str], t: Any, setup: str = "", fresh: str = "") -> list[str]:
    """What each expression gives, or the type of what it raises.

    ``setup`` is run once and ``fresh`` before every expression.
    """
    env: dict[str, Any] = {"T": t, "np": np}
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(setup, env)
        renew = compile(fresh, "fresh", "exec")
        for code in codes:
            exec(renew, env)
            *statements, last = code.strip().split("\n")
            try:
                if statements:
                    exec("\n".join(statements), env)
                found.append(shown(eval(last, env)))
            except Exception as error:  # noqa: BLE001 - the type is compared
                found.append(f"raises {type(error).__name__}")
    return found


def check_same(codes: Iterable[str], torch: Any, setup: str = "", fresh: str = "") -> None:
    """Fails with the expressions that differ, each with both outcomes."""
    codes = list(codes)
    both = [outcomes(codes, lib, setup, fresh) for lib in (pb, torch)]
    found = [
        f"{code}\n  torch    {theirs}\n  pullback {ours}"
        for code, ours, theirs in zip(codes, *both, strict=True)
        if ours != theirs
    ]
    assert not found, "\n".join(found)
