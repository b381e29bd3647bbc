"""The element types by torch's names: dtypes, and the typed storages and letters that go with them.

What is here for a dtype that the core does not have yet is found as soon as it has it.
"""

from __future__ import annotations

from typing import Any

from pullback import _core

# The dtype that a typed storage of torch has.
DTYPE_OF_STORAGE = {
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
    "ComplexDoubleStorage": "complex128",
    "ComplexFloatStorage": "complex64",
}
STORAGE_OF_DTYPE = {dtype: storage for storage, dtype in DTYPE_OF_STORAGE.items()}

# Those that torch has no typed storage for.
_LATER = frozenset(
    [
        "complex32",
        "uint16",
        "uint32",
        "uint64",
        "float8_e4m3fn",
        "float8_e4m3fnuz",
        "float8_e5m2",
        "float8_e5m2fnuz",
        "float8_e8m0fnu",
        "float4_e2m1fn_x2",
    ]
)
DTYPE_NAMES = frozenset(STORAGE_OF_DTYPE) | _LATER


def is_differentiable(dtype: Any) -> bool:
    """Whether tensors of the dtype can have gradients."""
    return bool(dtype.is_floating_point or dtype.is_complex)


def name_of(dtype: Any) -> str:
    """``float32``, without the ``torch.`` that it prints with."""
    return str(dtype).rpartition(".")[2]


def dtype_named(name: str) -> Any:
    """The dtype, or None where this build has none of that name."""
    found = getattr(_core, name, None)
    return found if isinstance(found, _core.dtype) else None
