"""A seeded generator of calls: every function and method, well and badly called.

A call is Python text in which ``t`` is the library and the makers of ``samples.py`` make tensors:
``t.sum(x(3, 4), dim=1)``. ``calls(seed)`` gives them: for every row of the operator table and of
``HAND`` (what is bound by hand), in every form (function, method, in place, ``out=``), the
arguments of a sample by position, by keyword or mixed, and then as they are or with one thing
wrong: an argument that is replaced by something odd, left out, given twice or once too often, or
under a name that is not its own. ``outcome(lib, call)`` is what comes of it, in a form that can be
compared and sent from one process to another: a call may kill the interpreter, so ``Worker`` makes
them in a process of its own.
"""

from __future__ import annotations

import ast
import contextlib
import faulthandler
import importlib
import json
import os
import random
import resource
import subprocess
import sys
import warnings
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from samples import DTYPES, MAKERS, _Makers, _split
from table import TORCH_OPS, split_commas

# What stands in place of an argument.
ODD = """
True | 1 | 0 | -1 | 3 | 1.0 | 0.5 | None | 'a' | 'mean' | b'a' | [] | () | [0] | (1,) | [0, 1]
[1.0] | [0, 1.5] | [True] | [0, True] | ['a'] | [None] | range(2) | {0} | {}
object() | len | 2**62
2**63 | 2**64 | -2**63 | [2**64] | 1e300 | float('nan') | float('inf')
t.tensor(1) | t.tensor(True) | t.tensor(1.0) | t.tensor(1.0, requires_grad=True) | t.tensor([1])
t.tensor([True]) | t.tensor([0, 1]) | t.tensor([[1.0]]) | t.tensor(1, dtype=t.int32) | t.ones(0)
t.ones(2, 3) | t.ones(3, 4, dtype=t.float64) | [t.tensor(1)] | [t.ones(2)] | [t.tensor(1.0)]
np.int64(1) | np.float64(0.5) | np.float32(1) | np.array(1) | np.array([0, 1]) | np.array([1.0])
[np.int64(1)] | Index() | Float() | t.float64 | t.int64 | float | int | t.strided | t.device('cpu')
'cpu' | 'cuda' | t.contiguous_format | t.preserve_format | t.Size([1])
""".replace("\n", " | ")

# Names that are not those of a parameter, or are of another one.
NAMES = ["axis", "keepdims", "keepdim", "dim", "self", "input", "x", "other", "x1", "x2"]
NAMES += ["a", "out", "dtype", "size", "value", "wrong"]


class Index:
    """An integer by ``__index__`` only."""

    def __index__(self) -> int:
        return 1


class Float:
    """A number by ``__float__`` only."""

    def __float__(self) -> float:
        return 1.0


@dataclass
class Parameters:
    """The names of a signature: those by position, the rest, and whether the last takes many."""

    positional: list[str] = field(default_factory=list)
    keyword: list[str] = field(default_factory=list)
    variadic: bool = False

    @classmethod
    def of(cls, signature: str) -> Parameters:
        found = cls()
        names = found.positional
        for part in split_commas(signature.partition("(")[2].rpartition(")")[0]):
            name = part.split("=")[0].strip()
            if name.startswith("*"):
                found.variadic = found.variadic or len(name) > 1
                if len(name) > 1:
                    names.append(name[1:])
                names = found.keyword
            elif name:
                names.append(name)
        return found


@dataclass
class Target:
    """A function or a method with samples of its arguments."""

    name: str
    path: str  # "t.", "t.linalg.", or "" for a method
    suffix: str  # "_" for the form in place
    parameters: Parameters
    samples: list[str]
    out: bool = False
    random: bool = False

    def __str__(self) -> str:
        return f"{self.path or 'Tensor.'}{self.name}{self.suffix}"

    @property
    def dunder(self) -> bool:
        """Python's own operators take no keywords."""
        return self.name.startswith("__")


# What is not in the table: signature and samples, of methods and of functions.
METHODS = {
    "size(input, dim=None)": "x(2,3) | x(2,3), 0 | x(2,3), dim=-1",
    "stride(input, dim=None)": "x(2,3) | x(2,3), 0 | x(2,3), dim=-1",
    "numel(input)": "x(2,3)",
    "nelement(input)": "x(2,3)",
    "dim(input)": "x(2,3)",
    "ndimension(input)": "x(2,3)",
    "item(input)": "x() | i(1) | x(2)",
    "tolist(input)": "x(2) | i(2,2) | b(2)",
    "element_size(input)": "x(2)",
    "storage_offset(input)": "x(2)",
    "is_contiguous(input, *, memory_format=None)": "xs(2,3) | x(2,3) | "
    "x(2), memory_format=t.contiguous_format",
    "is_floating_point(input)": "x(2) | i(2)",
    "is_complex(input)": "x(2)",
    "is_signed(input)": "x(2)",
    "is_inference(input)": "x(2)",
    "is_same_size(input, other)": "x(2), x(2) | x(2), x(3)",
    "get_device(input)": "x(2)",
    "detach(input)": "x(2)",
    "detach_(input)": "c(2)",
    "retain_grad(input)": "x(2) | x(2) * 2 | c(2)",
    "requires_grad_(input, requires_grad=True)": "c(2) | c(2), False | i(2)",
    "float(input, *, memory_format=None)": "x(2) | xs(2,3), memory_format=t.contiguous_format",
    "double(input, *, memory_format=None)": "i(2) | xs(2,3), memory_format=t.preserve_format",
    "int(input, *, memory_format=None)": "x(2)",
    "long(input, *, memory_format=None)": "x(2)",
    "byte(input, *, memory_format=None)": "b(2)",
    "bool(input, *, memory_format=None)": "x(2)",
    "cpu(input, *, memory_format=None)": "x(2) | xs(2,3), memory_format=t.contiguous_format",
    "to(input, dtype, non_blocking=False, copy=False, *, memory_format=None)": "x(2), t.float32 | "
    "x(2), t.float32, True, True | x(2), dtype=t.int64",
    "to(input, device=None, dtype=None, non_blocking=False, copy=False, *, memory_format=None)": ""
    "x(2), 'cpu' | x(2), 'cpu', t.float32 | x(2), t.device('cpu'), t.int64, False, True",
    "to(input, other, non_blocking=False, copy=False, *, memory_format=None)": ""
    "x(2), i(2) | x(2), x(2), False, True",
    "type(input, dtype=None, non_blocking=False)": "x(2) | x(2), t.float32 | "
    "x(2), 'torch.LongTensor', True",
    "type_as(input, other)": "x(2), i(2)",
    "copy_(input, other, non_blocking=False)": "c(2), c(2) | c(2,3), i(3), True | c(2), 2.5",
    "zero_(input)": "c(2)",
    "new_tensor(input, data, *, dtype=None, device=None, requires_grad=False)": ""
    "x(2), [1, 2] | i(2), 2.5 | x(2), [1], dtype=t.int32, device='cpu'",
    "numpy(input, *, force=False)": "c(2) | x(2), force=True",
    "backward(input, gradient=None, retain_graph=None, create_graph=False, inputs=None)": ""
    "x().sum() | x(2) * 2, c(2) | x(2) * 2, c(2), True",
    "register_hook(input, hook)": "x(2), abs",
    "register_post_accumulate_grad_hook(input, hook)": "x(2), abs",
    "__getitem__(input, key)": "x(2,3), 0 | x(2,3), (0, 1) | x(2,3), [0, 1] | x(4), i(2, high=3)",
    "__setitem__(input, key, value)": "c(2,3), 0, 1 | c(4), i(2, high=3), c(2)",
    "__add__(input, other)": "x(2), x(2) | x(2), 1",
    "__radd__(input, other)": "x(2), 1",
    "__pow__(input, other)": "x(2), 2",
    "__matmul__(input, other)": "x(2,2), x(2)",
    "__eq__(input, other)": "x(2), x(2)",
    "__lt__(input, other)": "x(2), x(2)",
    "__and__(input, other)": "i(2), i(2)",
    "__iadd__(input, other)": "c(2), 1",
    "__contains__(input, element)": "i(4), 2",
    "__len__(input)": "x(2)",
    "__bool__(input)": "x() | x(2)",
    "__float__(input)": "c() | c(2)",
    "__int__(input)": "c() | c(2)",
    "__index__(input)": "i() | c()",
}
FUNCTIONS = {
    "tensor(data, *, dtype=None, device=None, requires_grad=False, pin_memory=False)": ""
    "[1, 2] | 2.5 | [[1.0, 2.0]], dtype=t.float64, device='cpu', requires_grad=True",
    "as_tensor(data, *, dtype=None, device=None)": "[1, 2] | c(2) | 1.5, dtype=t.float64",
    "asarray(obj, *, dtype=None, device=None, copy=None, requires_grad=False)": "[1, 2] | c(2)",
    "is_tensor(obj)": "x(2) | 2",
    "is_floating_point(input)": "x(2)",
    "is_complex(input)": "x(2)",
    "numel(input)": "x(2)",
    "detach(input)": "x(2)",
    "typename(obj)": "x(2) | 3",
    "device(type, index=None)": "'cpu' | 'cuda', 1 | 'cpu:0'",
    "finfo(type)": "t.float32 | t.float64",
    "iinfo(type)": "t.int32",
    "set_grad_enabled(mode)": "True",
    "set_default_dtype(d)": "t.float32",
    "autograd.grad(outputs, inputs, grad_outputs=None, retain_graph=None, create_graph=False, "
    "allow_unused=None, is_grads_batched=False, materialize_grads=False)": "(x(2) * 2).sum(), x(2)",
    "nn.functional.normalize(input, p=2.0, dim=1, eps=1e-12, out=None)": "x(2,3) | x(2,3), 1.0, 0",
    "nn.functional.embedding(input, weight, padding_idx=None, max_norm=None, norm_type=2.0, "
    "scale_grad_by_freq=False, sparse=False)": "i(2,4, high=5), x(5,3) | i(3, high=5), x(5,3), 1",
    "nn.functional.dropout(input, p=0.5, training=True, inplace=False)": ""
    "x(3), 0.0 | x(3), 0.5, False",
}


def targets() -> list[Target]:
    found = []
    for op in TORCH_OPS:
        samples = list(_split(op.row["samples"]))
        parameters = Parameters.of(op.signature)
        paths = ["t."] if op.row["function"] else []
        paths += [f"t.{op.space}."] if op.space else []
        found += [
            Target(op.name, path, "", parameters, samples, op.out, op.random) for path in paths
        ]
        if op.method:
            found.append(Target(op.name, "", "", parameters, samples, False, op.random))
        if op.inplace:
            found.append(Target(op.name, "", "_", parameters, samples, random=op.random))
    for table, path in ((METHODS, ""), (FUNCTIONS, "t.")):
        for signature, samples in table.items():
            name = signature.partition("(")[0]
            found.append(Target(name, path, "", Parameters.of(signature), _split(samples)))
    return found


@dataclass
class Call:
    target: Target
    positional: list[str]
    keywords: list[tuple[str, str]]

    def __str__(self) -> str:
        args = list(self.positional)
        head = self.target.path
        if not head:
            first = args.pop(0)
            if self.target.suffix:
                first += ".detach()"
            head = f"({first})."
        args += [f"{name}={value}" for name, value in self.keywords]
        return f"{head}{self.target.name}{self.target.suffix}({', '.join(args)})"


def parse_sample(text: str) -> tuple[list[str], list[tuple[str, str]]]:
    tree = ast.parse(f"f({text.replace('(,', '(')})", mode="eval").body
    assert isinstance(tree, ast.Call)
    args = [_qualified(each) for each in tree.args]
    return args, [(str(k.arg), _qualified(k.value)) for k in tree.keywords]


class _Qualify(ast.NodeTransformer):
    """``float32`` and ``pb.float32`` of a sample are ``t.float32``."""

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.value, ast.Name) and node.value.id in ("pb", "torch"):
            node.value.id = "t"
        return node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id in DTYPES or node.id in ("inf", "nan"):
            return ast.parse(f"t.{node.id}", mode="eval").body
        return node


def _qualified(node: ast.AST) -> str:
    return ast.unparse(_Qualify().visit(node))


class Generator:
    """Calls of one target after the other, in the order of a seed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.round = 0
        self.random = random.Random()
        self.targets = targets()
        self.odd = [text.strip() for text in ODD.split(" | ") if text.strip()]

    def calls(self) -> Iterator[Call]:
        """One call of every target, whatever the others are."""
        self.round += 1
        for target in self.targets:
            self.random.seed(f"{self.seed} {self.round} {target} {target.parameters}")
            yield self.call(target)

    def call(self, target: Target) -> Call:
        args, keywords = parse_sample(self.random.choice(target.samples))
        call = Call(target, args, keywords)
        self.respell(call)
        if target.out and self.random.random() < 0.1:
            call.keywords.append(("out", "t.empty(0, dtype=t.float64)"))
        if self.random.random() < 0.85:
            self.spoil(call)
        return call

    def first(self, call: Call) -> int:
        """The tensor whose method it is cannot be named or left out."""
        return 0 if call.target.path else 1

    def respell(self, call: Call) -> None:
        """Some of the last positional arguments by keyword."""
        names = call.target.parameters.positional
        if call.target.parameters.variadic or call.target.dunder or self.random.random() < 0.4:
            return
        least = self.first(call)
        keep = self.random.randint(least, len(call.positional)) if call.positional else 0
        moved = call.positional[keep:]
        if keep + len(moved) > len(names):
            return
        call.positional = call.positional[:keep]
        call.keywords = [*zip(names[keep:], moved, strict=False), *call.keywords]
        self.random.shuffle(call.keywords)

    def spoil(self, call: Call) -> None:
        least = self.first(call)
        places: list[Any] = [*range(least, len(call.positional)), *range(len(call.keywords))]
        kinds = ["replace"] * 8 + ["leave out", "one more"]
        if not call.target.dunder:
            kinds += ["rename", "name", "optional"]
        kind = self.random.choice(kinds) if places else "one more"
        where = self.random.randrange(len(places)) if places else 0
        positional = where < len(call.positional) - least
        index = places[where] if places else 0
        odd = self.random.choice(self.odd)
        if kind == "replace":
            if positional:
                call.positional[index] = odd
            else:
                call.keywords[index] = (call.keywords[index][0], odd)
        elif kind == "leave out":
            if positional:
                del call.positional[index]
            else:
                del call.keywords[index]
        elif kind == "one more":
            call.positional.append(odd)
        elif kind == "name":
            call.keywords.append((self.random.choice(NAMES), odd))
        elif kind == "optional":
            self.name_one(call, odd)
        elif call.keywords:
            index = self.random.randrange(len(call.keywords))
            call.keywords[index] = (self.random.choice(NAMES), call.keywords[index][1])
        # A keyword twice is a SyntaxError of Python, not of the call.
        call.keywords = list(dict(call.keywords).items())

    def name_one(self, call: Call, odd: str) -> None:
        """An argument that the sample does not give."""
        parameters = call.target.parameters
        given = {name for name, _ in call.keywords} | {
            *parameters.positional[: len(call.positional)]
        }
        rest = [n for n in parameters.positional + parameters.keyword if n not in given]
        if rest:
            call.keywords.append((self.random.choice(rest), odd))


def namespace(lib: Any, seed: int) -> dict[str, Any]:
    makers = _Makers(seed)

    def maker(name: str) -> Any:
        return lambda *args, **kwargs: getattr(makers, name)(*args, **kwargs).make(lib)

    names: dict[str, Any] = {n: maker(n) for n in MAKERS}
    return names | {"t": lib, "np": np, "Index": Index, "Float": Float}


def describe(lib: Any, value: Any, values: bool, depth: int = 0) -> Any:
    """What can be compared of a result."""
    if isinstance(value, lib.Tensor):
        plain = value.detach()
        content = plain.tolist() if values and plain.numel() < 1000 else None
        dtype = str(value.dtype).split(".")[-1]
        return ("Tensor", dtype, tuple(value.shape), value.requires_grad, content)
    if isinstance(value, (tuple, list)) and depth < 3:
        kind = "list" if isinstance(value, list) else "tuple"
        return (kind, *(describe(lib, each, values, depth + 1) for each in value))
    if value is None or isinstance(value, (bool, int, float, complex, str)):
        return value
    if isinstance(value, np.ndarray):
        return ("ndarray", str(value.dtype), value.tolist())
    return type(value).__name__


def outcome(lib: Any, text: str, values: bool = True) -> tuple[str, Any, str]:
    """("", result, "") or (types of the error, None, message)."""
    names = namespace(lib, zlib.crc32(text.encode()))
    lib.manual_seed(0)
    lib.set_default_dtype(lib.float32)  # the call before may have set another one
    lib.set_grad_enabled(True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            result = eval(text, names)
            return "", describe(lib, result, values), ""
        except Exception as error:  # noqa: BLE001 - the type is compared
            kinds = [kind.__name__ for kind in type(error).__mro__[:-3]]
            return " ".join(kinds), None, str(error)


def encoded(number: complex) -> dict[str, float]:
    return {"real": number.real, "imag": number.imag}


def decoded(parts: dict[str, float]) -> complex:
    return complex(parts["real"], parts["imag"])


MEMORY = 6 << 30  # what a worker may take: a call that wants more fails


class Worker:
    """A process that makes calls with one library."""

    def __init__(self, lib: str) -> None:
        self.lib = lib
        self.start()

    def start(self) -> None:
        command = [sys.executable, __file__, self.lib]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()

    def outcomes(self, calls: Sequence[tuple[str, bool]]) -> Iterator[tuple[str, Any, str]]:
        """What comes of each call; one that ends the process is reported, and a new one started."""
        done = 0
        while done < len(calls):
            rest = calls[done:]
            sent = "".join(json.dumps(call) + "\n" for call in rest)
            assert self.process.stdin is not None
            assert self.process.stdout is not None
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.write(sent.encode())
                self.process.stdin.flush()
            for _ in rest:
                line = self.process.stdout.readline()
                if not line:
                    break
                done += 1
                yield tuple(json.loads(line, object_hook=decoded))
            else:
                return
            code = self.process.wait()
            self.close()
            self.start()
            done += 1
            yield "died", None, f"exit code {code}"


def work(lib: Any) -> None:
    """The worker's side: a line of JSON for each call."""
    faulthandler.enable()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    lib.set_num_threads(1)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # nothing that is printed gets among them
    for line in sys.stdin:
        text, values = json.loads(line)
        faulthandler.dump_traceback_later(120, exit=True)
        answer = json.dumps(outcome(lib, text, values), default=encoded)
        faulthandler.cancel_dump_traceback_later()
        answers.write(answer + "\n")
        answers.flush()


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    work(importlib.import_module(sys.argv[1]))
