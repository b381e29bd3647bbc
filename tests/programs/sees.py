"""What can be seen of a tensor, and whether two libraries show the same."""

from __future__ import annotations

from typing import Any

import numpy as np

from .errors import Raised

# As `torch.testing.assert_close` has them, times 100: what came before has its share in the error.
TOLERANCE = {
    "float16": 5e-2,
    "float64": 1e-5,
    "float32": 1e-3,
    "complex128": 1e-5,
    "complex64": 1e-3,
}


def attempt(function: Any, *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except Exception as error:  # noqa: BLE001 - the type is compared
        return type(error).__name__


def values(x: Any) -> Any:
    if dtype_of(x) == "bfloat16":  # which NumPy has not
        return attempt(lambda: (x.detach() + 0).float().numpy().astype(np.float16))
    try:
        return (
            x.data.clone().resolve_conj().numpy()
        )  # whose memory numpy() has seen is never resized in PyTorch
    except Exception:  # noqa: BLE001 - tensors of levels and of zeros without memory
        return attempt(lambda: (x.detach() + 0).resolve_conj().numpy().copy())


def name_of(x: Any) -> Any:
    name = None if x.grad_fn is None else x.grad_fn.name()
    # After a write PyTorch repeats the steps of a view that shows complex numbers as their parts.
    across = x._base is not None and x._base.is_complex() != x.is_complex()
    return "AsStridedBackward0" if across and name == "ViewAsRealBackward0" else name


def strides(x: Any) -> Any:
    """Without those that place nothing."""
    if x.numel():
        return [step for step, size in zip(x.stride(), x.shape, strict=True) if size > 1]
    return None


def dtype_of(x: Any) -> str:
    return str(x.dtype).split(".")[-1]


def outline(x: Any) -> dict[str, Any]:
    """What needs no memory: also inside transforms."""
    return {
        "dtype": dtype_of(x),
        "shape": tuple(x.shape),
        "requires_grad": attempt(lambda: x.requires_grad),
        "is_leaf": attempt(lambda: x.is_leaf),
        "grad_fn": attempt(lambda: name_of(x)),
    }


def memory(x: Any) -> Any:
    """What identifies its memory, None if it has none that can be told."""
    try:
        if not x.numel():
            return None
        return x.data_ptr() - x.storage_offset() * x.element_size() or None
    except RuntimeError:
        return None


def gradient(lib: Any, x: Any) -> Any:
    if not (x.is_leaf or x.retains_grad):
        return None
    g = x.grad
    return None if g is None else gradient_part(look(lib, g, deep=False))


def tangent(lib: Any, x: Any) -> Any:
    t = lib.autograd.forward_ad.unpack_dual(x).tangent
    return None if t is None else part(look(lib, t, deep=False))


def look(lib: Any, x: Any, *, deep: bool = True) -> dict[str, Any]:
    found = {
        **outline(x),
        "stride": attempt(lambda: strides(x)),
        "version": attempt(lambda: x._version),
        "inference": attempt(lambda: x.is_inference()),
        "values": values(x),
    }
    if deep:
        found["grad"] = attempt(lambda: gradient(lib, x))
        found["retains_grad"] = attempt(lambda: x.retains_grad)
        found["is_view"] = attempt(lambda: x._base is not None)
        found["tangent"] = attempt(lambda: tangent(lib, x))
    return found


def gradient_part(found: dict[str, Any]) -> dict[str, Any]:
    return {**part(found), "requires_grad": found["requires_grad"]}


def part(found: dict[str, Any]) -> dict[str, Any]:
    return {key: found.get(key) for key in ("dtype", "shape", "values", "inference")}


def loosely(found: dict[str, Any]) -> dict[str, Any]:
    """Without what depends on the steps of a transform."""
    return {
        key: value
        for key, value in found.items()
        if key not in ("version", "is_view", "stride", "inference")
    }


def no_base(x: Any) -> bool:
    """What inference tensors are views of depends on the steps of an operator."""
    return x._base is None or x.is_inference()


def sharing(tensors: list[Any]) -> dict[str, Any]:
    """For each the first that has the same memory, and for each view its base."""
    seen: dict[Any, int] = {}
    together = [
        None if (key := memory(x)) is None else seen.setdefault(key, k)
        for k, x in enumerate(tensors)
    ]
    places = {id(x): k for k, x in enumerate(tensors)}
    bases = [
        attempt(lambda x=x: None if no_base(x) else places.get(id(x._base), "another"))
        for x in tensors
    ]
    return {"memory": together, "base": bases}


def difference(
    ours: Any, theirs: Any, where: str = "", least: float = 0
) -> tuple[str, Any, Any] | None:
    """The first thing that is not alike: where, and what either shows.

    `least` is the tolerance of what was computed from narrower numbers.
    """
    if ours is theirs:
        return None
    if isinstance(ours, np.ndarray) and isinstance(theirs, np.ndarray):
        return None if close(ours, theirs, least) else (where, ours, theirs)
    if isinstance(ours, Raised) and isinstance(theirs, Raised):
        return None if ours.is_like(theirs) else (where, ours.kind, theirs.kind)
    if is_nothing(ours) and is_nothing(theirs):
        return None
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in ours.keys() | theirs.keys() if ours.keys() != theirs.keys() else ours:
            if found := difference(ours.get(key), theirs.get(key), f"{where}.{key}", least):
                return found
        return None
    if isinstance(ours, (list, tuple)) and isinstance(theirs, (list, tuple)):
        for k, (a, b) in enumerate(zip(ours, theirs, strict=False)):
            if found := difference(a, b, f"{where}[{k}]", least):
                return found
        return None if len(ours) == len(theirs) else (where + ".length", ours, theirs)
    if isinstance(ours, float) and isinstance(theirs, float):
        return difference(np.array(ours), np.array(theirs), where, least)
    return None if type(ours) is type(theirs) and ours == theirs else (where, ours, theirs)


def is_nothing(found: Any) -> bool:
    """No gradient, or one of zeros."""
    if isinstance(found, dict) and isinstance(found.get("values"), np.ndarray):
        return not found.keys() & {"grad"} and not found["values"].any()
    return found is None


def close(ours: np.ndarray, theirs: np.ndarray, least: float = 0) -> bool:
    if ours.dtype != theirs.dtype or ours.shape != theirs.shape:
        return False
    if ours.tobytes() == theirs.tobytes():
        return True
    tolerance = TOLERANCE.get(ours.dtype.name)
    if tolerance is None:
        return False
    tolerance = max(tolerance, least)
    if np.iscomplexobj(ours):  # a number with an infinite part is infinity, whatever the other is
        infinite = np.isinf(ours) & np.isinf(theirs)
        ours, theirs = (np.where(infinite, np.inf, each) for each in (ours, theirs))
    finite = np.abs(theirs[np.isfinite(theirs)])
    scale = max(1.0, float(finite.max())) if finite.size else 1.0
    return np.allclose(ours, theirs, tolerance, tolerance * scale, equal_nan=True)


def has_gradient(x: Any) -> bool:
    return attempt(lambda: x.is_leaf and x.grad is not None) is True


def is_leaf(x: Any) -> bool:
    return x.is_leaf and x.requires_grad and x._base is None


def is_result(x: Any) -> bool:
    if x.is_inference():  # of which nothing is recorded
        return False
    return x.requires_grad and not x.is_leaf and bool((x.detach().abs() <= 20).all())
