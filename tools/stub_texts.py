"""What of the stubs is written by hand: types, and functions that are in no table.

``tools/stubs.py`` puts these texts together with what it makes of the operator table.
"""

from __future__ import annotations

from pullback import _tensor

LONG = "# Longer than 600 lines because every overload of every operator has a line here.\n"
HEAD = f"""# Written by tools/stubs.py from the operator table; do not edit.
{LONG}\
import builtins
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, Literal, NoReturn, TypeAlias, TypeVar, overload

from typing_extensions import Self

"""

TYPES = """
_F = TypeVar("_F")
_bool: TypeAlias = builtins.bool
_int: TypeAlias = builtins.int
_float: TypeAlias = builtins.float

class dtype:
    is_complex: _bool
    is_floating_point: _bool
    is_signed: _bool
    itemsize: _int
    def to_real(self) -> dtype: ...
    def to_complex(self) -> dtype: ...

class layout: ...
class memory_format: ...

class Size(tuple[_int, ...]):
    def numel(self) -> _int: ...

class OutOfMemoryError(RuntimeError, MemoryError): ...

class device:
    type: str
    index: _int | None
    @overload
    def __init__(self, device: device | str | _int) -> None: ...
    @overload
    def __init__(self, type: str, index: _int | None = None) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *args: object) -> None: ...
    def __hash__(self) -> _int: ...

class Generator:
    device: _device
    def __init__(self, device: _device | str | None = None) -> None: ...
    def manual_seed(self, seed: _int, /) -> Self: ...
    def seed(self) -> _int: ...
    def initial_seed(self) -> _int: ...
    def get_state(self) -> Tensor: ...
    def set_state(self, new_state: Tensor, /) -> Self: ...
    def clone_state(self) -> Generator: ...

class Node:
    metadata: dict[Any, Any]
    next_functions: tuple[tuple[Any, _int], ...]
    def name(self) -> str: ...
    def __getattr__(self, name: str) -> Any: ...

_dtype: TypeAlias = dtype
_device: TypeAlias = device
_layout: TypeAlias = layout
_memory_format: TypeAlias = memory_format
Number: TypeAlias = _int | _float | _bool | complex
Sizes: TypeAlias = Sequence[_int]
Ints: TypeAlias = _int | Sizes
Tensors: TypeAlias = Sequence[Tensor]
DimPair: TypeAlias = _int | Sequence[Ints]
DType: TypeAlias = dtype | type

"""

# What the operators' signatures refer to, in the stubs of other modules.
CORE_NAMES = "DType, DimPair, Ints, Number, Sizes, Tensors, _dtype, _memory_format, _return_types"
ALIASES = """
_bool: TypeAlias = builtins.bool
_int: TypeAlias = builtins.int
_float: TypeAlias = builtins.float
"""
# Where the operators of a module are that has functions of its own.
SPACE_STUBS = {"nn.functional": "nn/_operators.pyi"}

CONSTANTS = {
    "bfloat16": "dtype",
    "complex64": "dtype",
    "complex128": "dtype",
    "float16": "dtype",
    "float32": "dtype",
    "float64": "dtype",
    "int8": "dtype",
    "int16": "dtype",
    "int32": "dtype",
    "int64": "dtype",
    "uint8": "dtype",
    "bool": "dtype",
    "strided": "layout",
    "preserve_format": "memory_format",
    "contiguous_format": "memory_format",
    "channels_last": "memory_format",
    "channels_last_3d": "memory_format",
    "default_generator": "Generator",
    "__version__": "str",
}

# Functions of the core that are not in the table.
FUNCTIONS = """
def tensor(
    data: Any,
    *,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
def as_tensor(data: Any, *, dtype: DType | None = None, device: Any = None) -> Tensor: ...
def numel(input: Tensor) -> _int: ...
def is_floating_point(input: Tensor) -> _bool: ...
def is_complex(input: Tensor) -> _bool: ...
def detach(input: Tensor) -> Tensor: ...
def detach_(input: Tensor) -> Tensor: ...
def from_numpy(ndarray: Any, /) -> Tensor: ...
def from_dlpack(ext_tensor: Any, *, device: Any = None, copy: _bool | None = None) -> Tensor: ...
def get_default_dtype() -> dtype: ...
def set_default_dtype(d: DType, /) -> None: ...
def get_num_threads() -> _int: ...
def set_num_threads(count: _int, /) -> None: ...
def is_grad_enabled() -> _bool: ...
def is_inference_mode_enabled() -> _bool: ...
"""
PUBLIC_FUNCTIONS = {line.split("(")[0][4:] for line in FUNCTIONS.splitlines() if line[:4] == "def "}

INTERNAL = """
def operator_table() -> list[dict[str, Any]]: ...
def _dropout_mask(input: Tensor, p: float) -> Tensor: ...
def _lstm_steps(
    gates: Tensor,
    h0: Tensor,
    c0: Tensor,
    weight: Tensor | None,
    projection: Tensor | None,
    counts: tuple[_int, ...],
    back: _bool,
    /,
) -> tuple[Tensor, Tensor]: ...
def _gru_steps(
    gates: Tensor,
    h0: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    counts: tuple[_int, ...],
    back: _bool,
    /,
) -> Tensor: ...
def _rnn_steps(
    gates: Tensor,
    h0: Tensor,
    weight: Tensor | None,
    relu: _bool,
    counts: tuple[_int, ...],
    back: _bool,
    /,
) -> Tensor: ...
def _resample(
    input: Tensor,
    dim: _int,
    size: _int,
    step: float,
    mode: str,
    dims: _int,
    align_corners: _bool,
    antialias: _bool,
) -> Tensor: ...
def _overridable(function: _F) -> _F: ...
def _give_module_attributes(type: type, getattr: Callable[..., Any]) -> None: ...
def _give_module_calls(
    type: type, call: Callable[..., Any], hooks: tuple[dict[int, Any], ...]
) -> None: ...
def live_objects() -> dict[str, _int]: ...
def __getattr__(name: str) -> Any: ...
"""

# Attributes and methods of Tensor: the line in the stub by name.
MEMBERS = {
    "shape": "@property\ndef shape(self) -> Size: ...",
    "dtype": "@property\ndef dtype(self) -> _dtype: ...",
    "device": "@property\ndef device(self) -> _device: ...",
    "ndim": "@property\ndef ndim(self) -> _int: ...",
    "requires_grad": "requires_grad: _bool",
    "grad": "grad: Tensor | None",
    "grad_fn": "@property\ndef grad_fn(self) -> Any: ...",
    "is_leaf": "@property\ndef is_leaf(self) -> _bool: ...",
    "retains_grad": "@property\ndef retains_grad(self) -> _bool: ...",
    "data": "data: Tensor",
    "_version": "@property\ndef _version(self) -> _int: ...",
    "_origin": "@property\ndef _origin(self) -> str: ...",
    "_base": "@property\ndef _base(self) -> Tensor | None: ...",
    "output_nr": "@property\ndef output_nr(self) -> _int: ...",
    "itemsize": "@property\ndef itemsize(self) -> _int: ...",
    "nbytes": "@property\ndef nbytes(self) -> _int: ...",
    "T": "@property\ndef T(self) -> Tensor: ...",
    "mT": "@property\ndef mT(self) -> Tensor: ...",
    "H": "@property\ndef H(self) -> Tensor: ...",
    "mH": "@property\ndef mH(self) -> Tensor: ...",
    "real": "real: Tensor",
    "imag": "imag: Tensor",
    "size": "@overload\ndef size(self, dim: None = None) -> Size: ...\n"
    "@overload\ndef size(self, dim: _int) -> _int: ...",
    "stride": "@overload\ndef stride(self, dim: None = None) -> tuple[_int, ...]: ...\n"
    "@overload\ndef stride(self, dim: _int) -> _int: ...",
    "item": "def item(self) -> Any: ...",
    "tolist": "def tolist(self) -> Any: ...",
    "numpy": "def numpy(self, *, force: _bool = False) -> Any: ...",
    "requires_grad_": "def requires_grad_(self, requires_grad: _bool = True) -> Self: ...",
    "to": "def to(self, *args: Any, **kwargs: Any) -> Tensor: ...",
    "type": "@overload\ndef type(self, dtype: None = None, non_blocking: _bool = ...) -> str: ...\n"
    "@overload\ndef type(self, dtype: DType | str, non_blocking: _bool = False) -> Tensor: ...",
    "type_as": "def type_as(self, other: Tensor) -> Tensor: ...",
    "copy_": "def copy_(self, other: Tensor | Number, non_blocking: _bool = False) -> Self: ...",
    "is_contiguous": "def is_contiguous(\n    self, *, memory_format: _memory_format = ...\n"
    ") -> _bool: ...",
    "new_tensor": "def new_tensor(\n    self,\n    data: Any,\n    *,\n"
    "    dtype: DType | None = None,\n"
    "    device: Any = None,\n    requires_grad: _bool = False,\n) -> Tensor: ...",
    "as_subclass": "def as_subclass(self, cls: type[Any], /) -> Any: ...",
    "new": "def new(self, *args: Any, **kwargs: Any) -> Tensor: ...",
    "retain_grad": "def retain_grad(self) -> None: ...",
    "register_hook": "def register_hook(self, hook: Callable[[Tensor], Any]) -> Any: ...",
    "register_post_accumulate_grad_hook": (
        "def register_post_accumulate_grad_hook(self, hook: Callable[[Tensor], Any]) -> Any: ..."
    ),
    "_backward_hooks": "_backward_hooks: Any",
    "_post_accumulate_grad_hooks": "_post_accumulate_grad_hooks: Any",
    "backward": "def backward(\n    self,\n    gradient: Tensor | None = None,\n"
    "    retain_graph: _bool | None = None,\n    create_graph: _bool = False,\n"
    "    inputs: Any = None,\n) -> None: ...",
    "_make_wrapper_subclass": "@staticmethod\ndef _make_wrapper_subclass("
    "*args: Any, **kwargs: Any) -> NoReturn: ...",
    "_make_subclass": "@staticmethod\ndef _make_subclass(\n    cls: Any, data: Tensor, "
    "require_grad: _bool = False\n) -> Any: ...",
    "apply_": "def apply_(self, callable: Any) -> Tensor: ...",
    "as_strided_scatter": "def as_strided_scatter(\n    self, src: Tensor, size: Sequence[_int], "
    "stride: Sequence[_int], storage_offset: _int | None = None\n) -> Tensor: ...",
    "dim_order": "def dim_order(self, *, ambiguity_check: Any = False) -> tuple[_int, ...]: ...",
    "eig": "def eig(self, eigenvectors: _bool = False) -> NoReturn: ...",
    "fill_diagonal_": "def fill_diagonal_(self, fill_value: Any, wrap: _bool = False) -> Tensor: "
    "...",
    "index_reduce": "def index_reduce(\n    self, dim: _int, index: Tensor, source: Tensor, "
    "reduce: str, *, include_self: _bool = True\n) -> Tensor: ...",
    "index_reduce_": "def index_reduce_(\n    self, dim: _int, index: Tensor, source: Tensor, "
    "reduce: str, *, include_self: _bool = True\n) -> Tensor: ...",
    "ldexp": "def ldexp(self, other: Tensor) -> Tensor: ...",
    "ldexp_": "def ldexp_(self, other: Tensor) -> Tensor: ...",
    "lstsq": "def lstsq(self, other: Tensor) -> NoReturn: ...",
    "map2_": "def map2_(self, x: Tensor, y: Tensor, callable: Any) -> Tensor: ...",
    "map_": "def map_(self, other: Tensor, callable: Any) -> Tensor: ...",
    "narrow_copy": "def narrow_copy(self, dim: _int, start: _int, length: _int) -> Tensor: ...",
    "new_empty_strided": "def new_empty_strided(\n    self, size: Sequence[_int], "
    "stride: Sequence[_int], *, dtype: _dtype | None = None, layout: _layout | None = None, "
    "device: Any = None, requires_grad: _bool = False, pin_memory: _bool = False\n) "
    "-> Tensor: ...",
    "nonzero_static": "def nonzero_static(self, *, size: _int, fill_value: _int = -1) -> Tensor: "
    "...",
    "reinforce": "def reinforce(self, reward: Any) -> NoReturn: ...",
    "renorm": "def renorm(self, p: _float, dim: _int, maxnorm: _float) -> Tensor: ...",
    "renorm_": "def renorm_(self, p: _float, dim: _int, maxnorm: _float) -> Tensor: ...",
    "solve": "def solve(self, other: Tensor) -> NoReturn: ...",
    "symeig": "def symeig(self, eigenvectors: _bool = False) -> NoReturn: ...",
    "unsafe_chunk": "def unsafe_chunk(self, chunks: _int, dim: _int = 0) -> tuple[Tensor, ...]: "
    "...",
    "unsafe_split": "def unsafe_split(\n    self, split_size: _int, dim: _int = 0\n) "
    "-> tuple[Tensor, ...]: ...",
    "unsafe_split_with_sizes": "def unsafe_split_with_sizes(\n    self, split_sizes: "
    "Sequence[_int], dim: _int = 0\n) -> tuple[Tensor, ...]: ...",
    "is_same_size": "def is_same_size(self, other: Tensor) -> _bool: ...",
    "set_": "def set_(self, source: Any = None, *args: Any, **kwargs: Any) -> Self: ...",
    "storage": "def storage(self) -> Any: ...",
    "untyped_storage": "def untyped_storage(self) -> Any: ...",
    "is_set_to": "def is_set_to(self, tensor: Tensor) -> _bool: ...",
    "is_pinned": "def is_pinned(self, device: Any = None) -> _bool: ...",
    "cuda": "def cuda(self, *args: Any, **kwargs: Any) -> NoReturn: ...",
    "layout": "@property\ndef layout(self) -> _layout: ...",
    "histogram": "def histogram(\n    self,\n    bins: _int | Tensor = 100,\n    *,\n"
    "    range: Sequence[_float] | None = None,\n    weight: Tensor | None = None,\n"
    "    density: _bool = False,\n    out: Any = None,\n) -> Any: ...",
    "__array_priority__": "__array_priority__: ClassVar[_int]",
    "__dlpack__": "def __dlpack__(self, **kwargs: Any) -> Any: ...",
    "__array__": "def __array__(self, dtype: Any = None, copy: _bool | None = None) -> Any: ...",
}
RESULTS = {  # of methods without arguments
    "_int": "dim ndimension numel nelement element_size storage_offset data_ptr _storage_ptr "
    "get_device",
    "_bool": "is_shared _is_row_major _is_view is_inference is_floating_point is_complex is_signed "
    "is_conj is_neg",
    "Tensor": "detach",
    "Self": "detach_ zero_ share_memory_ pin_memory",
    "tuple[_int, _int]": "__dlpack_device__",
}
for result, names in RESULTS.items():
    for each in names.split():
        MEMBERS[each] = f"def {each}(self) -> {result}: ..."
CASTS = "float double half bfloat16 cfloat cdouble int long short char byte bool"
for each in (*CASTS.split(), "cpu"):
    MEMBERS[each] = (
        f"def {each}(self, *, memory_format: _memory_format | None = None) -> Tensor: ..."
    )
for each, value in _tensor._CONSTANTS.items():
    if each != "layout":
        kind = "None" if value is None else "_bool"
        MEMBERS[each] = f"@property\ndef {each}(self) -> {kind}: ..."

_BINARY = "add sub mul truediv floordiv mod pow and or xor lshift rshift"
_OPERAND = "other: Tensor | Number"
SLOTS = [f"def __{n}__(self, {_OPERAND}) -> Tensor: ..." for n in _BINARY.split()]
SLOTS += [f"def __r{n}__(self, {_OPERAND}) -> Tensor: ..." for n in _BINARY.split()]
SLOTS += [f"def __i{n}__(self, {_OPERAND}) -> Self: ..." for n in _BINARY.split()]
SLOTS += ["def __matmul__(self, other: Tensor) -> Tensor: ..."]
SLOTS += ["def __rmatmul__(self, other: Any) -> Tensor: ..."]
SLOTS += [f"def __{n}__(self) -> Tensor: ..." for n in ("neg", "pos", "abs", "invert")]
SLOTS += [f"def __{n}__(self, {_OPERAND}) -> Tensor: ..." for n in ("lt", "le", "gt", "ge")]
SLOTS += [
    f"def __{n}__(self, other: object) -> Tensor: ...  # type: ignore[override]"
    for n in ("eq", "ne")
]
SLOTS += [
    "def __hash__(self) -> _int: ...",
    "def __bool__(self) -> _bool: ...",
    "def __int__(self) -> _int: ...",
    "def __float__(self) -> _float: ...",
    "def __complex__(self) -> complex: ...",
    "def __index__(self) -> _int: ...",
    "def __len__(self) -> _int: ...",
    "def __getitem__(self, key: Any) -> Tensor: ...",
    "def __setitem__(self, key: Any, value: Any) -> None: ...",
    "def __iter__(self) -> Iterator[Tensor]: ...",
    "def __contains__(self, element: Any) -> _bool: ...",
    "def __reversed__(self) -> Tensor: ...",
    "def __deepcopy__(self, memo: dict[_int, Any]) -> Self: ...",
]
