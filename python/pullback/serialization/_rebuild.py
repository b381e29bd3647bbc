"""What torch's pickles call to make tensors again: ``torch._utils._rebuild_tensor_v2`` and kin.

The arguments come from a file, so nothing is believed: sizes, strides and offsets must be whole
numbers that stay inside of the storage, which is checked before a tensor is made.
"""

from __future__ import annotations

import pickle
from typing import Any

import pullback as pb
from pullback import _core
from pullback._element_types import dtype_named, name_of
from pullback.nn.parameter import Parameter
from pullback.storage import TypedStorage, UntypedStorage

# More dimensions than any tensor has; the core refuses beyond its own bound.
_MOST_DIMENSIONS = 64


def _refuse(what: str) -> pickle.UnpicklingError:
    return pickle.UnpicklingError(f"{what} The file is damaged, or was made to do harm.")


def _whole_numbers(name: str, values: Any) -> tuple[int, ...]:
    if not isinstance(values, (tuple, list)):
        raise _refuse(f"The {name} of a tensor: got {type(values).__name__}, expected a tuple.")
    if len(values) > _MOST_DIMENSIONS:
        raise _refuse(f"The {name} of a tensor has {len(values)} numbers.")
    for value in values:
        if type(value) is not int or not 0 <= value < 2**63:
            raise _refuse(f"The {name} of a tensor: got {_short(value)}, expected 0 to 2**63 - 1.")
    return tuple(values)


def _short(value: object) -> str:
    kind = type(value)
    if kind is int and -(2**70) < value < 2**70:  # type: ignore[operator]
        return repr(value)
    return kind.__name__ if kind is not int else "a larger number"


def _tensor(storage: Any, dtype: Any, offset: Any, size: Any, stride: Any) -> Any:
    sizes, strides = _whole_numbers("size", size), _whole_numbers("stride", stride)
    (start,) = _whole_numbers("offset", (offset,))
    if len(sizes) != len(strides):
        raise _refuse(f"A tensor has {len(sizes)} sizes and {len(strides)} strides.")
    count = 1
    for extent in sizes:
        count *= extent
    end = start + 1 + sum((n - 1) * step for n, step in zip(sizes, strides, strict=True))
    room = storage.nbytes() // dtype.itemsize
    if count and end > room:
        raise _refuse(
            f"A tensor of size {sizes} with strides {strides} and offset {start} reaches out of "
            f"its storage of {room} elements. Trying to resize storage that is not resizable."
        )
    if count >= 2**60 or any(step >= 2**59 for step in strides):
        raise _refuse(f"A tensor of size {sizes} with strides {strides} is too large.")
    return _core._over(storage._memory, dtype, start * dtype.itemsize, sizes, strides)


def _finished(made: Any, requires_grad: Any, hooks: Any, metadata: Any) -> Any:
    if metadata:
        if not isinstance(metadata, dict) or not set(metadata) <= {"conj", "neg"}:
            raise _refuse("A tensor has metadata that is not known.")
        if metadata.get("conj"):
            made = made.conj().resolve_conj() if hasattr(made, "resolve_conj") else made.conj()
        if metadata.get("neg"):
            made = -made
    if requires_grad not in (True, False):
        raise _refuse("requires_grad of a tensor is not a bool.")
    if requires_grad:
        made.requires_grad_(True)
    if hooks:
        made._backward_hooks = hooks
    return made


def _rebuild_tensor(storage: Any, storage_offset: Any, size: Any, stride: Any) -> Any:
    if not isinstance(storage, TypedStorage):
        raise _refuse(f"A tensor needs a storage: got {type(storage).__name__}.")
    return _tensor(storage, storage.dtype, storage_offset, size, stride)


def _rebuild_tensor_v2(
    storage: Any,
    storage_offset: Any,
    size: Any,
    stride: Any,
    requires_grad: Any,
    backward_hooks: Any,
    metadata: Any = None,
) -> Any:
    made = _rebuild_tensor(storage, storage_offset, size, stride)
    return _finished(made, requires_grad, backward_hooks, metadata)


def _rebuild_tensor_v3(
    storage: Any,
    storage_offset: Any,
    size: Any,
    stride: Any,
    requires_grad: Any,
    backward_hooks: Any,
    dtype: Any,
    metadata: Any = None,
) -> Any:
    if not isinstance(storage, (TypedStorage, UntypedStorage)) or not isinstance(dtype, pb.dtype):
        raise _refuse("A tensor needs a storage and a dtype.")
    made = _tensor(storage, dtype, storage_offset, size, stride)
    return _finished(made, requires_grad, backward_hooks, metadata)


def _rebuild_parameter(data: Any, requires_grad: Any, backward_hooks: Any) -> Any:
    if not isinstance(data, pb.Tensor) or requires_grad not in (True, False):
        raise _refuse("A parameter needs a tensor and a bool.")
    return _finished(Parameter(data, bool(requires_grad)), requires_grad, backward_hooks, None)


def _rebuild_parameter_with_state(
    data: Any, requires_grad: Any, backward_hooks: Any, state: Any
) -> Any:
    made = _rebuild_parameter(data, requires_grad, backward_hooks)
    return _with_state(made, state)


def _with_state(made: Any, state: Any) -> Any:
    """Attributes as ``object.__getstate__`` gives them: a dict, with one of slots beside it."""
    for part in state if isinstance(state, tuple) and len(state) == 2 else (state,):
        if part is None:
            continue
        if not isinstance(part, dict) or not all(type(name) is str for name in part):
            raise _refuse("The state of a tensor is not a dict of attributes.")
        for name, value in part.items():
            if hasattr(type(made), name):
                raise _refuse(f"The state of a tensor sets {name[:40]!r}, which tensors have.")
            made.__dict__[name] = value
    return made


def _rebuild_from_type_v2(func: Any, new_type: Any, args: Any, state: Any) -> Any:
    if not callable(func) or not isinstance(args, tuple):
        raise _refuse("A tensor with attributes has no function that makes it.")
    made = func(*args)
    if not isinstance(made, pb.Tensor):
        raise _refuse(f"A tensor with attributes: got {type(made).__name__} for the tensor.")
    if not isinstance(new_type, type) or not issubclass(new_type, pb.Tensor):
        raise _refuse("The class of a tensor is no class of tensors.")
    if type(made) is not new_type:
        made = pb.Tensor._make_subclass(new_type, made.detach(), made.requires_grad)
    if state is not None and getattr(new_type, "__setstate__", None) is not None:
        made.__setstate__(state)
        return made
    return _with_state(made, state)


def _get_layout(name: Any) -> Any:
    if name != "torch.strided":
        raise _refuse(f"There is no layout {str(name)[:40]!r} here; tensors are strided.")
    return pb.strided


def _rebuild_device_tensor_from_numpy(
    data: Any, dtype: Any, device: Any, requires_grad: Any
) -> Any:
    del device  # there is only the CPU
    made = pb.from_numpy(data).to(dtype)
    return made.requires_grad_(bool(requires_grad))


def refuses(what: str) -> Any:
    """A function of torch's for tensors of a kind that there is not here."""

    def refusing(*_: Any) -> Any:
        raise RuntimeError(f"load: the file has a {what} tensor; pullback has none.")

    return refusing


def unsupported_dtype(name: str) -> RuntimeError:
    """The error for a dtype that torch has and this build has not."""
    have = ", ".join(
        sorted(name_of(each) for each in vars(_core).values() if isinstance(each, pb.dtype))
    )
    return RuntimeError(
        f"load: the file has a tensor of dtype {name}, which is not supported; there are {have}."
    )


def dtype_or_refuse(name: str) -> Any:
    """The dtype of that name of torch."""
    found = dtype_named(name)
    if found is None:
        raise unsupported_dtype(name)
    return found
