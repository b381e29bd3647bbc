"""Random programs: operators, views, in-place writes, hooks, checkpoints, no_grad.

A program is a list of instructions over numbered variables. `run` interprets it with either library
and notes after every instruction what can be seen; `source` writes it as Python. Instructions name
variables and dimensions by any number, which is taken modulo what there is, so every list is a
program and a shorter list is a simpler one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np
from hypothesis import strategies as st

UNARY = ["sin", "exp", "neg", "sigmoid", "square", "relu", "tanh", "abs", "cumsum0", "clone"]
BINARY = ["add", "mul", "sub", "maximum", "div1"]
REDUCE = ["sum", "mean", "sum0", "amax"]
VIEWS = ["select", "slice", "transpose", "reshape", "unsqueeze", "expand", "diagonal", "alias"]
PARTS = ["unbind", "split", "chunk"]
IN_PLACE_UNARY = [
    "sin_",
    "exp_",
    "neg_",
    "relu_",
    "zero_",
    "fill_",
    "clamp_",
    "sigmoid_",
    "square_",
]
IN_PLACE_BINARY = ["add_", "mul_", "sub_", "copy_", "div1_"]
OTHER = [
    "detach",
    "data",
    "retain_grad",
    "hook",
    "requires_grad_",
    "set_item",
    "index",
    "put",
    "checkpoint",
]

CHECKPOINTED: list[tuple[str, Any]] = [
    ("lambda t, u: t.sin() * t", lambda t, u: t.sin() * t),
    ("lambda t, u: (t * u).exp()", lambda t, u: (t * u).exp()),
    ("lambda t, u: t.exp().mul_(u)[..., :1]", lambda t, u: t.exp().mul_(u)[..., :1]),
]

SHAPES = [(2, 3), (3,), (), (3, 2), (1, 3), (2, 2, 2)]

number = st.integers(0, 11)
kinds = UNARY + BINARY + REDUCE + VIEWS + PARTS + IN_PLACE_UNARY + IN_PLACE_BINARY + OTHER
simple = st.tuples(st.sampled_from(kinds), number, number, number)
blocks = st.tuples(st.just("no_grad"), st.lists(simple, min_size=1, max_size=3))
backwards = st.tuples(st.just("backward"), number, st.booleans())
instruction = st.one_of(simple, simple, simple, simple, simple, blocks, backwards)


@dataclass
class Program:
    """Leaves as (shape, requires_grad), then instructions."""

    leaves: list[tuple[int, bool]]
    body: list[tuple[Any, ...]]

    def __repr__(self) -> str:
        return "\n" + source(self)


programs = st.builds(
    Program,
    st.lists(st.tuples(st.integers(0, len(SHAPES) - 1), st.booleans()), min_size=1, max_size=3),
    st.lists(instruction, min_size=1, max_size=12),
)


@dataclass
class State:
    """The variables of a run, what was noted, and the source of what was done."""

    lib: Any
    variables: list[Any] = field(default_factory=list)
    notes: list[Any] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    recording: bool = True
    # Which variables share memory: the number of the leaf or of the result.
    memory: list[int] = field(default_factory=list)
    hooked: set[int] = field(default_factory=set)  # views with hooks
    checkpointed: set[int] = field(default_factory=set)  # arguments of checkpoints


def leaf_values(k: int, shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(k).uniform(0.4, 1.6, shape)


def dim_of(x: Any, k: int) -> int:
    return k % x.ndim if x.ndim else 0


def make_view(x: Any, kind: str, a: int, b: int) -> tuple[str, Any]:
    """The source of a view of x and the view."""
    d = dim_of(x, a)
    if kind == "alias":
        return "[...]", x[...]
    if kind == "unsqueeze":
        return f".unsqueeze({d})", x.unsqueeze(d)
    if kind == "expand":
        size = (2, *x.shape)
        return f".expand({size})", x.expand(size)
    if x.ndim == 0:
        return ".view(1)", x.view(1)
    if kind == "select":
        i = b % x.shape[d] if x.shape[d] else 0
        return f".select({d}, {i})", x.select(d, i)
    if kind == "slice":
        step = 1 + b % 2
        key = (slice(None),) * d + (slice(b % 2, None, step),)
        return f"[{key}]", x[key]
    if kind == "transpose":
        e = dim_of(x, b)
        return f".transpose({d}, {e})", x.transpose(d, e)
    if kind == "diagonal" and x.ndim >= 2:
        return ".diagonal()", x.diagonal()
    return ".reshape(-1)", x.reshape(-1)


def functions(lib: Any) -> dict[str, Any]:
    return {
        "cumsum0": lambda x: x.cumsum(0),
        "sum0": lambda x: x.sum(0) if x.ndim else x.sum(),
        "div1": lambda x, y: x / (1 + y * y),
        "div1_": lambda x, y: x.div_(1 + y * y),
        "fill_": lambda x: x.fill_(0.5),
        "clamp_": lambda x: x.clamp_(0.5, 1.2),
        "maximum": lib.maximum,
    }


def is_large(*tensors: Any) -> bool:
    """Sines of large numbers amplify what the last bits of the numbers before them are."""
    return any(x.numel() and not bool((x.detach().abs() <= 1e4).all()) for x in tensors)


def step(state: State, kind: str, i: int, j: int, k: int) -> None:
    """Runs one instruction; an exception leaves the variables as they are."""
    lib, variables = state.lib, state.variables
    n = i % len(variables)
    m = j % len(variables)
    x, y = variables[n], variables[m]
    special = functions(lib)
    line = f"v{n}.{kind}(v{m})"
    made: list[Any] = []
    # tests/test_inplace.py has what is read and written at once, where PyTorch's values depend on
    # the order, and writes to elements that share memory, of which it refuses some.
    two = kind in (*IN_PLACE_BINARY, "set_item", "put")
    if two and state.memory[n] == state.memory[m]:
        return
    if kind in ("sin", "sin_", "checkpoint") and is_large(x, y):
        return
    expanded = any(step == 0 and size > 1 for step, size in zip(x.stride(), x.shape, strict=True))
    # PyTorch forgets the hooks of a view that is written into; see docs/differences.md.
    if (expanded or n in state.hooked) and (two or kind in IN_PLACE_UNARY):
        return
    try:
        if kind in UNARY + REDUCE:
            made = [special[kind](x) if kind in special else getattr(x, kind)()]
            line = f"v{n}.{kind}()"
        elif kind in BINARY:
            made = [special[kind](x, y) if kind in special else getattr(x, kind)(y)]
        elif kind in VIEWS:
            text, view = make_view(x, kind, j, k)
            line = f"v{n}{text}"
            # Of a view that is made without recording PyTorch says that it requires a gradient
            # once its base does, which then goes nowhere; see docs/differences.md.
            made = [view] if state.recording else []
        elif kind in PARTS:
            line = f"v{n}.{kind}()"
            if state.recording:
                made = list(
                    {
                        "unbind": lambda: x.unbind(),
                        "split": lambda: x.split(1),
                        "chunk": lambda: x.chunk(2),
                    }[kind]()
                )[:2]
        elif kind in IN_PLACE_UNARY:
            line = f"v{n}.{kind}()"
            special[kind](x) if kind in special else getattr(x, kind)()
        elif kind in IN_PLACE_BINARY:
            special[kind](x, y) if kind in special else getattr(x, kind)(y)
        elif kind == "detach":
            line = f"v{n}.detach()"
            made = [x.detach()]
        elif kind == "data":
            line = f"v{n}.data"
            made = [x.data]
        elif kind == "retain_grad":
            line = f"v{n}.retain_grad()"
            x.retain_grad()
        elif kind == "requires_grad_":
            line = f"v{n}.requires_grad_()"
            # PyTorch loses the gradient of views that are older; see docs/differences.md.
            # It gives wrong ones if the argument of a checkpoint changes its mind.
            older = n in state.checkpointed or any(v._base is x for v in variables)
            if x._base is None and not older:
                x.requires_grad_()
        elif kind == "hook":
            factor = 1 + k % 3
            line = f"v{n}.register_hook(lambda g: g * {factor})"
            if state.recording:  # a view whose base was written crashes PyTorch here
                x.register_hook(lambda g: None if g is None else g * factor)
                if x._base is not None:
                    state.hooked.add(n)
        elif kind == "set_item":
            key = [slice(0, 1), -1, Ellipsis, slice(None)][k % 4]
            line = f"v{n}[{key}] = v{m}"
            x[key] = y
        elif kind == "index":
            line = f"v{n}[[0, -1, 0]]"
            made = [x[lib.tensor([0, -1, 0])]]
        elif kind == "checkpoint":
            text, function = CHECKPOINTED[k % len(CHECKPOINTED)]
            line = f"checkpoint({text}, v{n}, v{m}, use_reentrant=False)"
            checkpoint = import_module(lib.__name__ + ".utils.checkpoint").checkpoint
            made = [checkpoint(function, x, y, use_reentrant=False)]
            state.checkpointed.update((n, m))
        elif kind == "put":
            line = f"v{n}[[-1]] = v{m}"
            if x.numel():  # two things are wrong with an empty one, and the first is reported
                x[lib.tensor([-1])] = y
        state.lines.append(line)
    except (RuntimeError, IndexError, ValueError, TypeError) as error:
        state.lines.append(f"{line}  # {type(error).__name__}")
        state.notes.append(type(error).__name__)
        return
    for tensor in made[: max(0, 14 - len(variables))]:
        state.lines[-1] = f"v{len(variables)} = {line}"
        shares = kind in (*VIEWS, *PARTS, "detach", "data") and (
            kind != "reshape" or tensor._base is not None
        )
        state.memory.append(state.memory[n] if shares else len(variables))
        variables.append(tensor)


def backward(state: State, i: int, retain: bool) -> None:
    n = i % len(state.variables)
    line = f"v{n}.sum().backward(retain_graph={retain})"
    try:
        state.variables[n].sum().backward(retain_graph=retain)
    except RuntimeError as error:
        line += f"  # {type(error).__name__}"
        state.notes.append("backward: " + type(error).__name__)
    state.lines.append(line)


def values(x: Any) -> Any:
    return (x.detach() + 0).tolist()  # PyTorch's tensors of zeros without memory have no tolist


def grad_of(x: Any) -> Any:
    if x.is_leaf or x.retains_grad:
        return None if x.grad is None else values(x.grad)
    return None


def looks(x: Any) -> tuple[Any, ...]:
    """What can be seen of a tensor."""
    try:
        name = x.grad_fn.name() if x.grad_fn is not None else None
        gradient = grad_of(x)
        leaf = x.is_leaf
    except RuntimeError as error:
        name, gradient, leaf = type(error).__name__, None, None
    return (tuple(x.shape), x.requires_grad, leaf, x._version, name, gradient, values(x))


def run(lib: Any, program: Program) -> State:
    state = State(lib)
    for k, (shape, grad) in enumerate(program.leaves):
        values = leaf_values(k, SHAPES[shape]).tolist()
        leaf = lib.tensor(values, dtype=lib.float64, requires_grad=grad)
        state.lines.append(f"v{k} = tensor({values}, dtype=float64, requires_grad={grad})")
        state.memory.append(k)
        state.variables.append(leaf)
    for item in program.body:
        if item[0] == "no_grad":
            state.lines.append("with no_grad():")
            first = len(state.lines)
            state.recording = False
            with lib.no_grad():
                for inner in item[1]:
                    step(state, *inner)
            state.recording = True
            state.lines[first:] = ["    " + line for line in state.lines[first:]]
        elif item[0] == "backward":
            backward(state, item[1], item[2])
        else:
            step(state, *item)
        state.notes.append([looks(x) for x in state.variables])
    finish(state)
    # Kept gradients that have a history are cycles, in PyTorch too.
    for x in state.variables:
        try:
            x.grad = None
        except RuntimeError:
            continue
    return state


def finish(state: State) -> None:
    """Gradients of both orders of everything with respect to the leaves that want one."""
    lib = state.lib
    leaves: list[Any] = []
    for x in state.variables:
        try:
            if x.is_leaf and x.requires_grad and x._base is None:
                leaves.append(x)
        except RuntimeError:
            continue
    total = None
    for x in state.variables:
        try:
            if x.requires_grad and x.grad_fn is not None:
                part = (x * x).sum()
                total = part if total is None else total + part
        except RuntimeError:
            continue
    if total is None or not leaves:
        return
    state.lines.append("first = grad(sum((v * v).sum() for v in all), leaves, create_graph=True)")
    try:
        first = lib.autograd.grad(total, leaves, create_graph=True, allow_unused=True)
        state.notes.append([None if g is None else values(g) for g in first])
        again = [(g * g).sum() for g in first if g is not None and g.requires_grad]
        if again:
            second = lib.autograd.grad(sum(again), leaves, allow_unused=True)
            state.notes.append([None if g is None else values(g) for g in second])
    except RuntimeError as error:
        state.notes.append("grad: " + type(error).__name__)


def source(program: Program) -> str:
    import pullback as pb

    return "\n".join(run(pb, program).lines)
