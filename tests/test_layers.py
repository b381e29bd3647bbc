"""The include arrows of the design, read from the sources.

An arrow means "may include"; nothing points back, only csrc/bind sees Python, and no file grows
beyond 600 lines without saying why in its head. The rules stand in ALLOWED and FORBIDDEN_OUTSIDE,
and those between the families of operators and of kernels in FAMILIES.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CSRC = ROOT / "csrc"

ALLOWED = {
    "core": {"core"},
    "kernels": {"kernels", "core"},
    "graph": {"graph", "core"},
    "ops": {"ops", "graph", "kernels", "core"},
    "transform": {"transform", "ops", "graph", "kernels", "core"},
    "optim": {"optim", "ops", "graph", "kernels", "core"},
    "bind": {"bind", "transform", "optim", "ops", "graph", "kernels", "core"},
}
# Which family may include which others; the files at the root of a layer include no family at all.
FAMILIES = {
    "ops": {
        "pointwise": set(),
        "make": {"pointwise"},
        "shape": set(),
        "reduce": {"index", "pointwise", "shape"},
        "index": {"pointwise", "reduce", "shape"},
        "order": {"index", "pointwise", "reduce", "shape"},
        "linalg": {"pointwise", "reduce", "shape"},
        "fft": {"nn", "pointwise", "reduce", "shape"},
        "nn": {"index", "linalg", "make", "pointwise", "reduce", "shape"},
    },
    "kernels": {
        "pointwise": {"special"},
        "linalg": set(),
        "fft": set(),
        "optim": set(),
        "order": set(),
        "reduce": set(),
        "make": {"order", "special"},
        "special": set(),
        "index": {"reduce"},
        "nn": {"linalg", "reduce"},
    },
}
# Families that include each other, and why.
CYCLES = {
    frozenset({"index", "reduce"}): "the derivative of a maximum scatters, masked_scatter counts",
}
FORBIDDEN_OUTSIDE = {
    "Python": (re.compile(r"Python\.h|structmember\.h|pybind11/|numpy/|frameobject\.h"), "bind"),
    "BLAS headers": (re.compile(r"cblas|lapacke|f77blas"), "nowhere"),
    "OpenMP": (re.compile(r"omp\.h"), "nowhere"),
}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]')
MAX_LINES = 600
# Who may read what a view knew before its memory was written, and why.
RAW_HISTORY = re.compile(r"\braw_(flags|grad_fn|output_nr|tangents|node_of)\b")
READS_RAW_HISTORY = {
    "ops/operation.h": "the quick road asks kFollowsBase with the other flags",
    "ops/operation.cpp": "the same",
    "ops/op.h": "the memory of a batch, and tangents",
    "ops/operand.h": "the same for elementwise operators",
    "ops/elementwise.cpp": "the same",
    "ops/elementwise_node.h": "the same",
    "ops/followed.h": "the bits of the levels under way, after a refresh",
    "ops/index/as_strided.cpp": "records a write, whose operands are up to date",
    "ops/rebase.cpp": "makes histories anew",
    "ops/exchange.cpp": "the flags of geometry",
    "ops/levels.cpp": "the bits of one level, after a refresh",
    "bind/function_call.cpp": "the same of arguments",
    "ops/undifferentiated.cpp": "records a write, whose operands are up to date",
    "transform/accumulate.cpp": "gradients that only the engine holds",
    "transform/engine.cpp": "leaves, and outputs of nodes",
    "transform/pass.cpp": "the accumulator of a leaf",
    "transform/pass.h": "the same",
    "transform/budget.cpp": "places of nodes",
    "bind/interop.cpp": "the bits of the levels under way, after a refresh",
    "bind/collector.cpp": "what is held",
    "bind/properties.cpp": "whether .grad warns, which may not fail",
    "bind/hooks.cpp": "tensors that die",
    "bind/tensor_type.cpp": "who owns the object",
}
# Text that costs something to make, which check() would make for every call that is right.
EAGER = re.compile(r"\b(origin_of|recorded_at|described|describe|to_string|operator_name)\(")
REASON = "Longer than 600 lines because"


def sources() -> list[Path]:
    return sorted(p for p in CSRC.rglob("*") if p.suffix in {".h", ".cpp", ".inc"})


def all_code() -> list[Path]:
    found = sources()
    for folder in ("python", "tests", "bench", "examples", "docs"):
        found += [
            p
            for p in (ROOT / folder).rglob("*")
            if p.suffix in {".py", ".pyi", ".h", ".cpp"} and "__pycache__" not in p.parts
        ]
    return sorted(found)


def wrong_includes(layer: str, text: str) -> list[str]:
    """The include lines in `text` that a file of `layer` must not contain."""
    wrong = []
    for line in text.splitlines():
        match = INCLUDE.match(line)
        if match is None:
            continue
        bracket, name = match.groups()
        for pattern, home in FORBIDDEN_OUTSIDE.values():
            if pattern.search(name) and layer != home:
                wrong.append(line.strip())
        if bracket == '"' and name.split("/")[0] not in ALLOWED[layer]:
            wrong.append(line.strip())
    return wrong


@pytest.mark.parametrize(
    ("layer", "line", "is_wrong"),
    [
        ("core", '#include "graph/node.h"', True),
        ("graph", '#include "ops/operator.h"', True),
        ("graph", '#include "kernels/view.h"', True),
        ("kernels", '#  include "graph/node.h"', True),
        ("ops", '#include "transform/engine.h"', True),
        ("ops", "#include <Python.h>", True),
        ("transform", "#include <pybind11/pybind11.h>", True),
        ("transform", '#include "bind/tensor.h"', True),
        ("core", '#include "dtype.h"', True),
        ("bind", "#include <pybind11/pybind11.h>", False),
        ("bind", '#include "core/dtype.h"', False),
        ("transform", '#include "ops/operator.h"', False),
        ("core", "#include <vector>", False),
    ],
)
def test_the_checker_knows_a_wrong_arrow(layer: str, line: str, is_wrong: bool) -> None:
    assert bool(wrong_includes(layer, line)) is is_wrong


def test_every_folder_is_a_layer() -> None:
    assert {p.name for p in CSRC.iterdir() if p.is_dir()} <= set(ALLOWED)


def test_no_include_points_upwards() -> None:
    wrong = {
        str(path.relative_to(ROOT)): lines
        for path in sources()
        if (lines := wrong_includes(path.relative_to(CSRC).parts[0], path.read_text()))
    }
    assert not wrong


def wrong_families(path: str, text: str) -> list[str]:
    """The include lines in `text` by which a file of ops or kernels breaks FAMILIES."""
    layer, *folders = path.split("/")[:-1]
    allowed = FAMILIES[layer][folders[0]] | {folders[0]} if folders else set()
    wrong = []
    for line in text.splitlines():
        match = INCLUDE.match(line)
        parts = match.group(2).split("/") if match else []
        if len(parts) >= 3 and parts[0] == layer and parts[1] not in allowed:
            wrong.append(line.strip())
    return wrong


@pytest.mark.parametrize(
    ("path", "line", "is_wrong"),
    [
        ("ops/op.h", '#include "ops/shape/view.h"', True),
        ("ops/op.h", '#include "ops/operation.h"', False),
        ("ops/op.h", '#include "kernels/reduce/reduce.h"', False),
        ("ops/shape/view.cpp", '#include "ops/index/indexing.h"', True),
        ("ops/shape/view.cpp", '#include "ops/shape/view.h"', False),
        ("ops/index/scatter.cpp", '#include "ops/shape/view.h"', False),
        ("kernels/nest.h", '#include "kernels/nn/loss.h"', True),
    ],
)
def test_the_checker_knows_a_wrong_family(path: str, line: str, is_wrong: bool) -> None:
    assert bool(wrong_families(path, line)) is is_wrong


def test_families_include_only_what_the_table_names() -> None:
    wrong = {
        path.relative_to(CSRC).as_posix(): lines
        for layer in FAMILIES
        for path in sorted((CSRC / layer).rglob("*"))
        if path.suffix in {".h", ".cpp"}
        if (lines := wrong_families(path.relative_to(CSRC).as_posix(), path.read_text()))
    }
    assert not wrong


def test_the_table_of_families_names_what_there_is() -> None:
    for layer, families in FAMILIES.items():
        assert {p.name for p in (CSRC / layer).iterdir() if p.is_dir()} == set(families)
        for family, others in families.items():
            text = "\n".join(p.read_text() for p in (CSRC / layer / family).rglob("*.*"))
            used = set(re.findall(rf'#include "{layer}/(\w+)/', text))
            assert used - {family} == others, family


def reaches(families: dict[str, set[str]], start: str) -> set[str]:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        new = families[waiting.pop()] - seen
        seen |= new
        waiting += new
    return seen


def test_families_form_cycles_only_with_a_reason() -> None:
    found = {
        frozenset(b for b in families if b in reaches(families, a) and a in reaches(families, b))
        for families in FAMILIES.values()
        for a in families
    }
    assert found - {frozenset()} == set(CYCLES)


def test_quoted_includes_name_existing_files() -> None:
    missing = [
        f"{path.relative_to(ROOT)}: {match.group(2)}"
        for path in sources()
        for line in path.read_text().splitlines()
        if (match := INCLUDE.match(line)) and match.group(1) == '"'
        if not (CSRC / match.group(2)).is_file()
    ]
    assert not missing


def test_long_files_say_why() -> None:
    too_long = [
        f"{path.relative_to(ROOT)}: {len(lines)} lines"
        for path in all_code()
        if len(lines := path.read_text().splitlines()) > MAX_LINES
        and REASON not in " ".join(lines[:15])
    ]
    assert not too_long


def test_files_open_with_a_head() -> None:
    headless = [
        str(path.relative_to(ROOT))
        for path in all_code()
        if not path.read_text().startswith(("//", '"""', "# ", "#!", 'r"""'))
    ]
    assert not headless


def test_histories_are_read_through_what_brings_views_up_to_date() -> None:
    """NOTE [Stale views] in csrc/core/tensor.h."""
    found = {
        path.relative_to(CSRC).as_posix()
        for path in sources()
        if path.relative_to(CSRC).parts[0] not in {"core", "graph"}
        and RAW_HISTORY.search(path.read_text())
    }
    assert found == set(READS_RAW_HISTORY)


FUNCTION = re.compile(r"(\w+)\((?:[^;(){}]|\([^;(){}]*\))*\)(?: const)? \{")
MAKES_MEMORY = re.compile(
    r"Tensor::(?:empty|zeros|full|scalar)\(|\b(?:copy_to_dtype|empty_strided_like|clone)\(|apply<"
)


def body_from(text: str, start: int) -> str:
    depth, end = 1, start
    while depth:
        depth += {"{": 1, "}": -1}.get(text[end], 0)
        end += 1
    return text[start:end]


def fills_that_make_memory(text: str) -> list[str]:
    """What the fills of a file, and the functions of the file that they call, make."""
    text = re.sub(r'"(\\.|[^"\\\n])*"|//.*', "", text)
    bodies: dict[str, list[str]] = {}
    waiting = []
    for match in FUNCTION.finditer(text):
        body = body_from(text, match.end())
        bodies.setdefault(match.group(1), []).append(body)
        if match.group(1) == "fill" and "Attrs&" in match.group(0):
            waiting.append(body)
    found, seen = [], set()
    while waiting:
        body = waiting.pop()
        found += MAKES_MEMORY.findall(body)
        called = set(re.findall(r"(?<![\w:.])(\w+)(?:<T>)?\(", body)) - seen - {"fill"}
        seen |= called
        waiting += [each for name in called for each in bodies.get(name, [])]
    return found


def test_the_checker_knows_a_fill_that_makes_memory() -> None:
    helper = "void help(int a) { copy_to_dtype(x); }\n"
    fill = "  static void fill(const Attrs& a, In in, const Tensor& out) { help(1); }\n"
    assert fills_that_make_memory(helper + fill) == ["copy_to_dtype("]
    assert not fills_that_make_memory(helper + fill.replace("help(1);", "w.dense(0, in[0]);"))


def test_fills_make_no_memory() -> None:
    """What they need they declare (ops/workspace.h)."""
    found = {
        path.relative_to(CSRC).as_posix(): made
        for path in sorted((CSRC / "ops").rglob("*.cpp"))
        if (made := fills_that_make_memory(path.read_text()))
    }
    assert not found


def test_no_unsafe_arithmetic_and_no_openmp() -> None:
    built_from = [*sources(), *ROOT.glob("csrc/**/CMakeLists.txt"), ROOT / "CMakeLists.txt"]
    unsafe = re.compile(r"-ffast-math|-Ofast|-funsafe-math|-fopenmp|#\s*pragma\s+omp")
    assert not [str(path) for path in built_from if unsafe.search(path.read_text())]


def arguments_of_checks(text: str) -> list[str]:
    """What stands between the parentheses of each call of check(), without its strings."""
    text = re.sub(r'"(\\.|[^"\\\n])*"', '""', text)
    found = []
    for call in re.finditer(r"(?<![\w:.])check\(", text):
        depth, end = 1, call.end()
        while depth:
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        found.append(text[call.end() : end - 1])
    return found


def test_the_checker_knows_text_made_for_nothing() -> None:
    assert any(map(EAGER.search, arguments_of_checks('check(ok(")"), "no", x.recorded_at());')))
    assert not any(map(EAGER.search, arguments_of_checks('if (!ok) fail("(", recorded_at());')))


def test_messages_are_made_in_errors_only() -> None:
    eager = [
        f"{path.relative_to(ROOT)}: check({call})"
        for path in sources()
        for call in arguments_of_checks(path.read_text())
        if EAGER.search(call)
    ]
    assert not eager, "\n".join(eager)
