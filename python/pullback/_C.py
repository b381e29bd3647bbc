"""``torch._C``: the few names of PyTorch's core that public programs read."""

from __future__ import annotations

from typing import Any

from pullback import _core
from pullback._core import (
    Generator,
    Size,
    Tensor,
    _disabled_torch_dispatch_impl,
    _disabled_torch_function_impl,
    _has_torch_function,
    _has_torch_function_unary,
    _has_torch_function_variadic,
    device,
    dtype,
    layout,
    memory_format,
)
from pullback.overrides import DisableTorchFunction, DisableTorchFunctionSubclass

__all__ = [
    "DisableTorchFunction",
    "DisableTorchFunctionSubclass",
    "Generator",
    "PyTorchFileReader",
    "Size",
    "TensorBase",
    "_TensorBase",
    "_TensorMeta",
    "_disabled_torch_dispatch_impl",
    "_disabled_torch_function_impl",
    "_get_tracing_state",
    "_has_torch_function",
    "_has_torch_function_unary",
    "_has_torch_function_variadic",
    "_log_api_usage_once",
    "_nn",
    "device",
    "dtype",
    "layout",
    "memory_format",
]

TensorBase = _TensorBase = Tensor
_TensorMeta = type(Tensor)


class PyTorchFileReader:
    """The reader of PyTorch's files in C++, which programs name in annotations."""

    def __init__(self, *_: Any, **__: Any) -> None:
        raise NotImplementedError(
            "torch.PyTorchFileReader: pullback reads such files in Python, by torch.load"
        )


_LinAlgError = _core._LinAlgError
_VariableFunctions = _VariableFunctionsClass = _core._functions


def _log_api_usage_once(event: str) -> None:
    """Nothing is logged."""
    del event


def _get_tracing_state() -> None:
    """None: nothing is traced."""


def _is_tracing() -> bool:
    """Always False."""
    return False


def _set_grad_enabled(mode: bool) -> None:
    """As ``set_grad_enabled``."""
    from pullback import set_grad_enabled

    set_grad_enabled(mode)


def _is_view_replay_enabled() -> bool:
    """Always False."""
    return False


class _NN:
    """``torch._C._nn``: operators of ``nn``, and how ``Module.to`` reads its arguments."""

    @staticmethod
    def _parse_to(*args: Any, **kwargs: Any) -> tuple[Any, Any, bool, Any]:
        """Device, dtype, ``non_blocking`` and memory format among the arguments of ``to``."""
        places: dict[str, Any] = {"device": None, "dtype": None}
        rest = list(args)
        if rest and isinstance(rest[0], Tensor):
            given = rest.pop(0)
            places.update(device=given.device, dtype=given.dtype)
        elif rest and isinstance(rest[0], dtype):
            places["dtype"] = rest.pop(0)
        elif rest:
            places["device"] = rest.pop(0)
            if rest and isinstance(rest[0], dtype):
                places["dtype"] = rest.pop(0)
        non_blocking = bool(rest.pop(0)) if rest else False
        places.update(kwargs)
        where = places["device"]
        return (
            where if where is None or isinstance(where, device) else device(where),
            places["dtype"],
            bool(places.get("non_blocking", non_blocking)),
            places.get("memory_format"),
        )

    def __getattr__(self, name: str) -> Any:
        from pullback.nn import functional

        return getattr(functional, name)


_nn = _NN()


def __getattr__(name: str) -> Any:
    # Switches of the compiler, which there is not: setting them changes nothing.
    if name.startswith(("_jit_set_", "_jit_override_", "_debug_set_")):
        return lambda *_: False
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
