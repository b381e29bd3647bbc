"""The pickler of ``save``: it refers to storages by keys and to classes by torch's names.

torch's C pickler would look the names up in a module named torch, which need not be there, so this
one is the Python class of the standard library.
"""

from __future__ import annotations

import functools
import pickle
from collections import OrderedDict
from types import FunctionType
from typing import Any, NamedTuple

import pullback as pb
from pullback import _core
from pullback._copies import _warn_of_hooks
from pullback._element_types import STORAGE_OF_DTYPE, name_of
from pullback.nn.parameter import Parameter
from pullback.serialization import _names, _rebuild
from pullback.serialization._locations import location_tag
from pullback.storage import TypedStorage, UntypedStorage, _typed, _untyped

# Functions of ours that files call by a name of torch's.
_FUNCTIONS = {
    function: tuple(full.rsplit(".", 1))
    for full, function in _names.REBUILD.items()
    if function.__module__ == _rebuild.__name__ and function.__name__ != "refusing"
}


class _OurPickler:
    """What is special, over a pickler of the standard library or one derived from it."""

    write: Any
    save: Any
    memoize: Any
    proto: int

    def __init__(self, file: Any, protocol: int, legacy: bool) -> None:
        super().__init__(file, protocol)  # type: ignore[call-arg]
        self._legacy = legacy
        # Per memory: its key and dtype; a memory is known by its address and size.
        self._keys: dict[tuple[int, int], tuple[str, Any]] = {}
        self.storages: dict[str, tuple[Any, int]] = {}

    def persistent_id(self, value: Any) -> Any:
        """What stands for a storage; None for everything else."""
        if isinstance(value, UntypedStorage):
            return self._described(value, pb.uint8, "UntypedStorage")
        if isinstance(value, TypedStorage):
            kind = STORAGE_OF_DTYPE.get(name_of(value.dtype), "UntypedStorage")
            return self._described(value, value.dtype, kind)
        return None

    def _described(self, storage: Any, dtype: Any, kind: str) -> Any:
        memory = storage._memory
        if kind == "UntypedStorage" and self._legacy:
            kind = "ByteStorage"  # the old format has no other name for bytes
        item = 1 if kind in ("UntypedStorage", "ByteStorage") else dtype.itemsize
        count = memory.numel() // item
        place = memory.data_ptr(), memory.numel()
        known = self._keys.get(place) if memory.numel() else None
        if known is None:
            key = str(len(self.storages))
            self._keys[place] = known = key, dtype
            self.storages[key] = memory[: count * item], item
        if known[1] != dtype:
            raise RuntimeError(
                "Cannot save multiple tensors or storages that view the same data as different "
                "types"
            )
        module = "torch.storage" if kind == "UntypedStorage" else "torch"
        parts = "storage", _named(module, kind), known[0], location_tag(storage), count
        return (*parts, None) if self._legacy else parts

    def reducer_override(self, value: Any) -> Any:
        """How tensors and what belongs to them are written."""
        if isinstance(value, _Named):
            return value.name
        if isinstance(value, FunctionType):  # else written by the base class, past save_global
            return value.__qualname__
        if isinstance(value, pb.Tensor):
            own = type(value).__reduce_ex__
            if own in (pb.Tensor.__reduce_ex__, Parameter.__reduce_ex__):
                return _reduced(value)
        elif isinstance(value, pb.Size):
            return pb.Size, (tuple(value),)
        elif isinstance(value, pb.device):
            return pb.device, (str(value),)
        elif isinstance(value, pb.dtype):
            return name_of(value)
        elif isinstance(value, pb.layout):
            return _rebuild._get_layout, (str(value),)
        return NotImplemented

    def save_global(self, value: Any, name: str | None = None) -> None:
        """Writes a class or a function by the name that torch has for it."""
        place = self._place(value, name)
        if place is None:
            super().save_global(value, name)  # type: ignore[misc]
            return
        if self.proto >= 4:
            for part in place:
                self.save(part)
            self.write(pickle.STACK_GLOBAL)
        else:
            self.write(pickle.GLOBAL + "\n".join((*place, "")).encode())
        self.memoize(value)

    def _place(self, value: Any, name: str | None) -> tuple[str, str] | None:
        if isinstance(value, _Named):
            return value.module, value.name
        if isinstance(value, pb.dtype):
            return "torch", name_of(value)
        try:
            function = _FUNCTIONS.get(value)
        except TypeError:
            function = None
        if function is not None:
            return function[0], function[1]
        module = getattr(value, "__module__", None)
        called = name or getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
        if not isinstance(module, str) or called is None:
            return None
        place = _names.torch_name(value, module, called)
        return None if place == (module, called) else place


class _Named(NamedTuple):
    """A name of torch's for which there need not be an object."""

    module: str
    name: str


@functools.cache
def _named(module: str, name: str) -> _Named:
    """One object for a name, so that a pickle says it once."""
    return _Named(module, name)


def _reduced(tensor: Any) -> tuple[Any, ...]:
    """The call that makes the tensor again."""
    _warn_of_hooks(tensor)
    state = dict(tensor.__dict__) or None
    hooks: OrderedDict[Any, Any] = OrderedDict()
    if isinstance(tensor, Parameter):
        parameter = tensor.data, tensor.requires_grad, hooks
        if state is None:
            return _rebuild._rebuild_parameter, parameter
        return _rebuild._rebuild_parameter_with_state, (*parameter, state)
    function, arguments = _plain(tensor)
    if type(tensor) is pb.Tensor and state is None:
        return function, arguments
    return _rebuild._rebuild_from_type_v2, (function, type(tensor), arguments, state)


def _plain(tensor: Any) -> tuple[Any, tuple[Any, ...]]:
    """The call for the memory and the geometry alone."""
    memory, dtype = _core._memory(tensor), tensor.dtype
    offset, rest = divmod(tensor.data_ptr() - memory.data_ptr(), dtype.itemsize)
    if tensor.numel() == 0:
        offset = rest = 0
    if rest:
        raise RuntimeError(
            "save: the tensor does not begin at a whole element of its memory. Use x.clone()."
        )
    geometry = offset, tuple(tensor.shape), tensor.stride(), tensor.requires_grad
    hooks: OrderedDict[Any, Any] = OrderedDict()
    if name_of(dtype) in STORAGE_OF_DTYPE:
        return _rebuild._rebuild_tensor_v2, (_typed(memory, dtype), *geometry, hooks)
    return _rebuild._rebuild_tensor_v3, (_untyped(memory), *geometry, hooks, dtype)


class Pickler(_OurPickler, pickle._Pickler):
    """The pickler over the standard library's."""


def pickler_of(pickle_module: Any) -> Any:
    """The class over the pickler of a module.

    Raises:
        TypeError: the module has none that can write torch's names.
    """
    if pickle_module is pickle or pickle_module is None:
        return Pickler
    base = getattr(pickle_module, "Pickler", None)
    if not isinstance(base, type) or not issubclass(base, pickle._Pickler):
        raise TypeError(
            "save(): argument 'pickle_module' must be a module whose Pickler derives from Python's "
            "own (pickle._Pickler), which writes torch's names, like pickle and dill, not "
            f"{getattr(pickle_module, '__name__', type(pickle_module).__name__)}"
        )
    return type("Pickler", (_OurPickler, base), {})
