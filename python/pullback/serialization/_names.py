"""What objects are called in files: by torch's names, which PyTorch finds as well as pullback.

``found`` gives the object of a name, ``torch_name`` the name of an object.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

import pullback as pb
from pullback import storage
from pullback._element_types import DTYPE_NAMES, DTYPE_OF_STORAGE
from pullback.nn.parameter import Parameter
from pullback.serialization import _rebuild

REBUILD: dict[str, Any] = {
    f"torch._utils.{name}": getattr(_rebuild, name)
    for name in (
        "_rebuild_tensor",
        "_rebuild_tensor_v2",
        "_rebuild_tensor_v3",
        "_rebuild_parameter",
        "_rebuild_parameter_with_state",
        "_rebuild_device_tensor_from_numpy",
    )
} | {
    "torch._utils._rebuild_sparse_tensor": _rebuild.refuses("sparse"),
    "torch._utils._rebuild_nested_tensor": _rebuild.refuses("nested"),
    "torch._utils._rebuild_qtensor": _rebuild.refuses("quantized"),
    "torch._utils._rebuild_meta_tensor_no_storage": _rebuild.refuses("meta"),
    "torch._tensor._rebuild_from_type_v2": _rebuild._rebuild_from_type_v2,
    "torch.serialization._get_layout": _rebuild._get_layout,
}

OBJECTS: dict[str, Any] = {
    "torch.Tensor": pb.Tensor,
    "torch._tensor.Tensor": pb.Tensor,
    "torch.Size": pb.Size,
    "torch.device": pb.device,
    "torch._C.Generator": pb.Generator,
    "torch.nn.parameter.Parameter": Parameter,
    "torch.nn.Parameter": Parameter,
    "torch.storage.UntypedStorage": storage.UntypedStorage,
    "torch.UntypedStorage": storage.UntypedStorage,
    "torch.storage.TypedStorage": storage.TypedStorage,
    "torch.TypedStorage": storage.TypedStorage,
}

# Functions of torch that are no Python functions are written as attributes of these.
_FUNCTIONS = ("torch._C._VariableFunctions", "torch._C._VariableFunctionsClass")

_NAMES = {
    pb.Tensor: ("torch", "Tensor"),
    pb.Size: ("torch", "Size"),
    pb.device: ("torch", "device"),
    pb.Generator: ("torch._C", "Generator"),
    Parameter: ("torch.nn.parameter", "Parameter"),
    storage.UntypedStorage: ("torch.storage", "UntypedStorage"),
    storage.TypedStorage: ("torch.storage", "TypedStorage"),
}


def element_type(name: str) -> Any:
    """The dtype or typed storage of a full name like ``torch.float32``; None for another name."""
    short = name.removeprefix("torch.").removeprefix("storage.")
    if not name.startswith("torch."):
        return None
    if short in DTYPE_NAMES:
        return _rebuild.dtype_or_refuse(short)
    if short in DTYPE_OF_STORAGE:
        _rebuild.dtype_or_refuse(DTYPE_OF_STORAGE[short])
        return getattr(storage, short)
    return None


def found(module: str, name: str) -> Any:
    """The object that torch has under that name, as pullback has it.

    Raises:
        AttributeError: pullback has nothing of that name.
    """
    full = f"{module}.{name}"
    if full in _FUNCTIONS:
        return pb
    known = REBUILD.get(full) or OBJECTS.get(full) or element_type(full)
    if known is not None:
        return known
    # A class is looked for in the packages above, too: its module may have another name here.
    place = "pullback" + module[len("torch") :]
    places = [place]
    while place.count(".") > 1:
        place = place.rpartition(".")[0]
        places.append(place)
    for place in places:
        try:
            value: Any = importlib.import_module(place)
        except ModuleNotFoundError:
            continue
        for part in name.split("."):
            value = getattr(value, part, None)
        if value is not None:
            return value
    raise AttributeError(
        f"load: the file refers to {full}, which pullback does not have. Save a state dict, "
        "or only what is needed of it."
    )


def torch_name(value: Any, module: str, name: str) -> tuple[str, str]:
    """The module and the name under which a file refers to an object of that name."""
    try:
        known = _NAMES.get(value)
    except TypeError:
        known = None
    if known is not None:
        return known
    if isinstance(value, storage._OfDtype):
        return "torch", value.__name__
    if module != "pullback" and not module.startswith("pullback."):
        return module, name
    parts = module.split(".")
    for count in range(1, len(parts) + 1):
        place = ".".join(parts[:count])
        if parts[count - 1].startswith("_"):
            break
        package = sys.modules.get(place) or importlib.import_module(place)
        if getattr(package, name, None) is value:
            return "torch" + place[len("pullback") :], name
    return module, name
