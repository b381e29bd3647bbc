"""Writes the type stubs of the compiled module, and of the package that takes its names over.

``python tools/stubs.py`` writes ``_core.pyi``, ``__init__.pyi``, ``return_types.pyi``,
``optim/__init__.pyi`` and one for each module that the table names into ``python/pullback``;
``--check`` fails when the files there are not what it would write. The operators come from the
table (``_core.operator_table()``), the optimizers from their rules, attributes and methods from the
Tensor type; what neither knows stands in the tables below. A member of Tensor that is in no place
is an error, so that stubs stay complete.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pullback as pb
from pullback import _core, _tensor, special
from pullback._tensor import Tensor as Facade

PACKAGE = Path(__file__).resolve().parent.parent / "python" / "pullback"

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
    "    density: _bool = False,\n) -> Any: ...",
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
for each in _tensor._CONSTANTS:
    if each != "layout":
        MEMBERS[each] = f"@property\ndef {each}(self) -> _bool: ..."

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

KINDS = {
    "int": "_int",
    "float": "_float",
    "bool": "_bool",
    "dtype": "DType",
    "str": "str",
    "memory_format": "_memory_format",
}


def split_commas(text: str) -> list[str]:
    """The parameters of a signature."""
    parts, depth, start = [], 0, 0
    for at, letter in enumerate(text):
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and depth == 0:
            parts.append(text[start:at].strip())
            start = at + 1
    return [part for part in [*parts, text[start:].strip()] if part]


def kind(text: str) -> str:
    """A type of the table in the names of the stub."""
    return " | ".join(KINDS.get(part, part) for part in text.split(" | "))


def parameters(row: dict[str, Any], method: bool) -> list[str]:
    """The parameters of a row with types, and those of its class."""
    inside = row["signature"].partition("(")[2].rpartition(")")[0]
    types = iter(row["types"])
    params, star = [], False
    for part in split_commas(inside):
        if part == "*":
            if not star:
                params.append("*")
            star = True
            continue
        name, equals, default = part.partition("=")
        annotation = kind(next(types))
        if name.startswith("*") and annotation == "Sizes" and params and not method:
            name = name[1:]  # one by one only behind self
        if name.startswith("*"):
            annotation = "Any"
            star = True
        if default in ("inf", "-inf", "nan", "contiguous_format"):
            default = "..."
        params.append(f"{name}: {annotation}" + (f" = {default}" if equals else ""))
    extra = []
    if row["out"]:
        extra.append("out: Any = None")
    if row["random"]:
        extra.append("generator: Any = None")
    if row["factory"]:
        extra += ["device: Any = None", "layout: Any = None", "requires_grad: _bool = False"]
        extra += ["pin_memory: _bool = False"]
    if extra and not star:
        params.append("*")
    return params + extra


def result_of(row: dict[str, Any]) -> str:
    """The type of the result."""
    if row["fields"]:
        return f"_return_types.{row['name']}"
    return "_dtype" if row["result"] == "dtype" else kind(row["result"])


def definitions(name: str, rows: list[dict[str, Any]], method: bool, in_place: bool) -> str:
    """The stub of all overloads of a name."""
    text = []
    seen = set()
    for row in rows:
        params = parameters(row, method)
        if method:
            params[0] = "self"
        if in_place or method:
            params = [p for p in params if not p.startswith("out:")]
            if params[-1] == "*":
                params.pop()
        result = "Self" if in_place and method else result_of(row)
        line = f"def {name}({', '.join(params)}) -> {result}: ..."
        if line not in seen:
            seen.add(line)
            text.append(line)
    if len(text) > 1:
        text = [f"@overload\n{line}" for line in text]
    return "\n".join(text)


def grouped(key: str, value: object = True) -> dict[str, list[dict[str, Any]]]:
    """The rows of a form by name."""
    rows = defaultdict(list)
    for row in _core.operator_table():
        if row[key] == value:
            rows[row["name"]].append(row)
    return dict(sorted(rows.items()))


def functions() -> str:
    """The functions of the package itself."""
    parts = [definitions(n, rows, False, False) for n, rows in grouped("function").items()]
    parts += [definitions(f"{n}_", rows, False, True) for n, rows in grouped("inplace").items()]
    return "\n".join(parts)


# What a module of operators has besides them.
SPACE_TYPES = {"linalg": ["class LinAlgError(RuntimeError): ..."]}


def space_stub(space: str) -> str:
    """The stub of a module of operators."""
    parts = [definitions(n, rows, False, False) for n, rows in grouped("space", space).items()]
    head = HEAD.replace(LONG, "")
    body = "\n".join([*SPACE_TYPES.get(space, ()), *parts]) + "\n"
    aliases = [line for line in ALIASES.splitlines() if line.split(":")[0] in body]
    imports = f"from pullback._core import (\n    {CORE_NAMES},\n    Tensor,\n)\n"
    if space == "special":
        imports = f"import pullback as _pb\n{imports}"
        body += "".join(f"{name} = _pb.{same}\n" for name, same in sorted(special.SAME.items()))
    return head + imports + "\n".join(aliases) + "\n" + body


def tensor_class() -> str:
    """The class Tensor."""
    methods = {n: definitions(n, rows, True, False) for n, rows in grouped("method").items()}
    in_place = grouped("inplace")
    methods |= {f"{n}_": definitions(f"{n}_", rows, True, True) for n, rows in in_place.items()}
    methods |= {name: text for name, text in MEMBERS.items() if name in methods}
    unknown = []
    for name in sorted({*vars(_core.Tensor)} | {n for n in vars(Facade) if n[0] != "_"}):
        if name in methods:
            continue
        if name in MEMBERS:
            methods[name] = MEMBERS[name]
        elif not name.startswith("__"):
            unknown.append(name)
    if unknown:
        sys.exit(f"tools/stubs.py: Tensor has members that MEMBERS does not know: {unknown}")
    body = "\n".join([*SLOTS, *(methods[n] for n in sorted(methods))])
    return "class Tensor:\n" + "\n".join(f"    {line}" for line in body.splitlines())


def core_stub() -> str:
    """``_core.pyi``."""
    constants = "\n".join(f"{name}: {kind}" for name, kind in CONSTANTS.items())
    classes = f"{tensor_class()}\n{named_tuple_classes()}"
    return f"{HEAD}{TYPES}{classes}\n{FUNCTIONS}{INTERNAL}{constants}\n"


def named_tuples() -> dict[str, list[str]]:
    """The fields of the named tuples by name of the operator."""
    rows = [row for row in _core.operator_table() if row["fields"]]
    found = {row["name"]: [f.strip() for f in row["fields"].split(",")] for row in rows}
    return dict(sorted(found.items()))


def named_tuple_classes() -> str:
    """The classes inside of a namespace, so that names like max stay free."""
    text = ["class _return_types:"]
    for name, fields in named_tuples().items():
        text.append(f"    class {name}(tuple[{', '.join(['Tensor'] * len(fields))}]):")
        text += [f"        @property\n        def {f}(self) -> Tensor: ..." for f in fields]
    return "\n".join(text)


HISTOGRAM = """
class histogram(tuple[Tensor, Tensor]):
    @property
    def hist(self) -> Tensor: ...
    @property
    def bin_edges(self) -> Tensor: ...
"""


def return_types_stub() -> str:
    """``return_types.pyi``."""
    names = "\n".join(f"{name} = _return_types.{name}" for name in named_tuples())
    return f"{HEAD}from pullback._core import Tensor, _return_types\n\n{names}\n{HISTOGRAM}"


def package_stub() -> str:
    """``__init__.pyi``."""
    names = sorted(
        {
            *CONSTANTS,
            *PUBLIC_FUNCTIONS,
            "Generator",
            "OutOfMemoryError",
            "Size",
            "Tensor",
            "device",
            "dtype",
            "layout",
        }
    )
    names = [n for n in [*names, "memory_format"] if n != "__version__"]
    lazy = defaultdict(list)
    for name, module in pb._LAZY.items():
        if name != "__version__":
            lazy[module].append(name)
    lazy["_grad_mode"] += ["enable_grad", "inference_mode", "no_grad", "set_grad_enabled"]
    parts = [
        HEAD,
        "from pullback import (",
        *(f"    {m} as {m}," for m in sorted(pb._SUBMODULES)),
        ")",
    ]
    parts += ["from pullback._core import (", f"    {CORE_NAMES},"]
    parts += [*(f"    {n} as {n}," for n in names), ")"]
    for module, found in sorted(lazy.items()):
        parts.append(f"from pullback.{module} import (")
        parts += [*(f"    {n} as {n}," for n in sorted(found)), ")"]
    parts += [ALIASES + "__version__: str"]
    parts += ["float: dtype", "double: dtype", "int: dtype", "long: dtype"]
    parts += [
        "e: _float",
        "pi: _float",
        "inf: _float",
        "nan: _float",
        "newaxis: None",
        "",
        functions(),
        "",
    ]
    return "\n".join(parts)


OPTIM_HEAD = """# Written by tools/stubs.py from the rules of the core; do not edit.
from collections.abc import Callable
from typing import Any

from pullback.optim import lr_scheduler as lr_scheduler
from pullback.optim import swa_utils as swa_utils
from pullback.optim._adafactor import Adafactor as Adafactor
from pullback.optim.lbfgs import LBFGS as LBFGS
from pullback.optim._muon import Muon as Muon
from pullback.optim._sparse_adam import SparseAdam as SparseAdam
from pullback.optim.optimizer import Optimizer as Optimizer
"""
OPTIM_TYPES = {tuple: "tuple[Any, Any]", bool: "bool", type(None): "bool | None"}


def optim_stub() -> str:
    """``optim/__init__.pyi``: a class for each rule, in whose signature all else is written."""
    parts = [OPTIM_HEAD]
    for row in _core._optimizer_rules():
        defaults = eval(f"(lambda {row['signature']}: locals())()")
        params = ["self", "params: Any"]
        for part in split_commas(row["signature"]):
            name, equals, default = part.partition("=")
            annotation = OPTIM_TYPES.get(type(defaults.get(name)), "Any")
            params.append(f"{name}: {annotation} = {default}" if equals else part)
        parts += [
            f"class {row['name']}({row['base'] or 'Optimizer'}):",
            f"    def __init__({', '.join(params)}) -> None: ...",
            "    def step(self, closure: Callable[[], Any] | None = None) -> Any: ...",
        ]
    return "\n".join(parts) + "\n"


def formatted(text: str, name: str) -> str:
    """The text as ruff lays it out."""
    command = [sys.executable, "-m", "ruff"]
    options = ["--quiet", "--stdin-filename", str(PACKAGE / name), "-"]
    run = subprocess.run(
        [*command, "check", "--select", "I,F401", "--fix-only", *options],
        input=text,
        capture_output=True,
        text=True,
        check=True,
    )
    run = subprocess.run(
        [*command, "format", *options], input=run.stdout, capture_output=True, text=True, check=True
    )
    return run.stdout


def main() -> int:
    """Writes or compares the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail when a file is not current")
    check = parser.parse_args().check
    stale = []
    stubs = {
        "_core.pyi": core_stub(),
        "__init__.pyi": package_stub(),
        "return_types.pyi": return_types_stub(),
        "optim/__init__.pyi": optim_stub(),
    }
    for space in _core._spaces:
        stubs[SPACE_STUBS.get(space, f"{space.replace('.', '/')}.pyi")] = space_stub(space)
    for name, text in stubs.items():
        wanted = formatted(text, name)
        path = PACKAGE / name
        if path.exists() and path.read_text() == wanted:
            continue
        if check:
            stale.append(name)
        else:
            path.write_text(wanted)
    if stale:
        print(f"not current: {', '.join(stale)}; run python tools/stubs.py", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
