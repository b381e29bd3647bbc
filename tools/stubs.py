"""Writes the type stubs of the compiled module, and of the package that takes its names over.

``python tools/stubs.py`` writes ``_core.pyi``, ``__init__.pyi``, ``return_types.pyi``,
``optim/__init__.pyi`` and one for each module that the table names into ``python/pullback``;
``--check`` fails when the files there are not what it would write. The operators come from the
table (``_core.operator_table()``), the optimizers from their rules, attributes and methods from the
Tensor type; what neither knows stands in ``stub_texts.py``. A member of Tensor that is in no place
is an error, so that stubs stay complete.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from stub_texts import (
    ALIASES,
    CONSTANTS,
    CORE_NAMES,
    FUNCTIONS,
    HEAD,
    INTERNAL,
    LONG,
    MEMBERS,
    PUBLIC_FUNCTIONS,
    SLOTS,
    SPACE_STUBS,
    TYPES,
)

import pullback as pb
from pullback import _core, special
from pullback._tensor import Tensor as Facade

PACKAGE = Path(__file__).resolve().parent.parent / "python" / "pullback"

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
        return f"_return_types.{tuple_name(row)}"
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
    found = {tuple_name(row): [f.strip() for f in row["fields"].split(",")] for row in rows}
    return dict(sorted(found.items()))


def tuple_name(row: dict[str, Any]) -> str:
    """Of the named tuple of an operator, in ``return_types``."""
    return f"{row['space']}_{row['name']}" if row["space"] else str(row["name"])


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

class histogramdd(tuple[Tensor, tuple[Tensor, ...]]):
    @property
    def hist(self) -> Tensor: ...
    @property
    def bin_edges(self) -> tuple[Tensor, ...]: ...
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
