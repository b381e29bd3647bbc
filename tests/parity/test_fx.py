"""torch.fx: the same graphs, code and results of the same programs, and the same refusals."""

from __future__ import annotations

import functools
import importlib
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import facade
import pullback as pb
from parity_both import same
from pullback.fx import _code, _symbolic_trace
from samples import TOLERANCES

torch = pytest.importorskip("torch")

HEAD = """
import math, operator
import operator as op
fx, nn, F = torch.fx, torch.nn, torch.nn.functional
T = torch.tensor
class Mine(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.linear = nn.Linear(3, 2)
        self.scale = nn.Parameter(torch.ones(2))
        self.register_buffer('shift', torch.full((2,), 0.5))
    def forward(self, x, factor=2):
        y = torch.relu(self.linear(x)) * self.scale
        y = y.view(-1, 2) + self.shift
        a, b = y.chunk(2, dim=-1)
        return {'sum': a + b, 'both': (torch.tanh(a), b[:, 0].size(0) * factor)}
class Outer(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = Mine()
        self.body = nn.Sequential(nn.Linear(1, 4), nn.Tanh())
    def forward(self, x):
        return self.body(self.inner(x)['sum'])
def f(x, y, *, z=1.5):
    w = x @ y - torch.sin(x).sum(dim=0, keepdim=True)
    return torch.cat([w, -w], 1).clamp(min=-z) ** 2
x = torch.arange(6.).view(2, 3) / 10
y = torch.ones(3, 3)
def shape(g):
    return [(n.op, n.name, str(n.args), str(n.kwargs), len(n.users)) for n in g.graph.nodes]
def code(g):
    return g.code.strip()
m = fx.symbolic_trace(Mine())
"""

LINES = r"""
shape(m), code(m), sorted(m.state_dict()), m(x)['sum'], m(x, 3)['both']
str(m.graph)
(g := fx.symbolic_trace(f), shape(g), code(g), g(T([[1., 2., 3.]] * 3), y), g(y, y, z=0.5))[1:]
(g := fx.symbolic_trace(Outer()), shape(g), code(g), g(x), sorted(g.state_dict()))[1:]
code(fx.symbolic_trace(lambda x: x + 1)), code(fx.symbolic_trace(lambda x: 2 * x - x / 3 // 4 % 5))
code(fx.symbolic_trace(lambda x: (x < 1) & (x > -1) | (x == 0) ^ ~(x >= 2)))
code(fx.symbolic_trace(lambda x: x[1:, ..., None] @ x.T))
code(fx.symbolic_trace(lambda x: x.shape[0]))
code(fx.symbolic_trace(lambda x: (x.mean(), [x, {'a': x}], slice(None, x.size(0)))))
(g := fx.symbolic_trace(lambda x: x + math.sqrt(x.size(0)) + math.pi), shape(g), g(x))[1:]
code(fx.symbolic_trace(lambda x: x.to(torch.float64).sum(dtype=torch.float32)))
fx.symbolic_trace(lambda x: x if x.sum() > 0 else -x)
fx.symbolic_trace(lambda x: [i for i in x])
fx.symbolic_trace(lambda x: len(x))
fx.symbolic_trace(lambda x: range(x))
(g := fx.symbolic_trace(lambda x, flag=None: x if flag is None else -x, {'flag': None}), g(x))[1]
(g := fx.symbolic_trace(lambda x, n: x * n if n > 1 else x, {'n': 3}), g(x, 3))[1]
(g := fx.symbolic_trace(lambda x, n: x * n if n > 1 else x, {'n': 3}), g(x, 4))
(g := fx.symbolic_trace(lambda *xs: torch.add(*xs[0:1], 1) if False else xs[0] + 1), code(g))[1]
m.graph.lint(), len(m.graph.nodes), [n.name for n in reversed(m.graph.nodes)]
[n.name for n in m.graph.find_nodes(op='call_function', target=torch.relu)]
m.graph.output_node().name, [n.all_input_nodes for n in m.graph.nodes][-1]
fx.Interpreter(m).run(x)['sum'], fx.Interpreter(m).run(x, 5)['both']
fx.Interpreter(m).run()
fx.Interpreter(fx.symbolic_trace(lambda x: x.max(1).values * x.size().numel())).run(x)
fx.Interpreter(fx.symbolic_trace(lambda x: torch.cat([x, x][:2]))).run(x)
(g := fx.symbolic_trace(torch.no_grad()(lambda x, n=2: x * n)), code(g), g(x), g(x, 3))[1:]
(g := fx.symbolic_trace(lambda x, n: x * n, {'n': y}), g(y, y), g(y, y.clone()))[1:]
(g := fx.symbolic_trace(lambda x: F.dropout(x, 0.0) + F.normalize(x)), g(x), [n.op for n in g.graph.nodes])[1:]
(g := fx.symbolic_trace(lambda x, w: F.max_pool1d(F.embedding(x, w), 2)), g(T([1, 0]), y), len(g.graph.nodes))[1:]
(g := fx.symbolic_trace(lambda x: torch.relu_(x) + torch.detach(x)), code(g), g(x))[1:]
fx.Transformer(m).transform()(x)['sum'], code(fx.Transformer(m).transform())
(g := fx.symbolic_trace(nn.Sequential(nn.Linear(3, 2), nn.Tanh())), shape(g), code(g))[1:]
(g := fx.symbolic_trace(nn.Linear(3, 2)), shape(g), sorted(g.state_dict()))[1:]
(t := fx.Tracer(), g := t.trace(nn.Sequential(nn.Tanh())), type(g).__name__, [n.op for n in g.nodes])[2:]
type(m).__name__, isinstance(m, fx.GraphModule), isinstance(m, nn.Module), m.training
[n.format_node() for n in m.graph.nodes]
(g := fx.Graph(), a := g.placeholder('x'), b := g.call_function(torch.neg, (a,)), g.output(b), fx.GraphModule({}, g)(x))[4]
(g := fx.Graph(), a := g.placeholder('x'), b := g.call_function(torch.neg, (a,)), g.erase_node(a))
(g := fx.Graph(), g.create_node('jump', 'x'))
(g := fx.Graph(), g.call_function('neg', ()))
(g := fx.Graph(), a := g.placeholder('a'), b := g.placeholder('a'), c := g.placeholder('a_1'), [a, b, c])[4]
(g := fx.Graph(), a := g.placeholder('in'), b := g.placeholder('1x'), c := g.placeholder('sum'), [b, c])[4]
torch.fx.node.map_arg((1, [2, {'a': 3}]), lambda n: n), torch.fx.node.map_aggregate([1, (2,)], str)
m.add_submodule('deep.er', nn.Tanh()), [n for n, _ in m.named_modules()], m.delete_submodule('deep.er')
(m.add_submodule('deep.er', nn.Tanh()), m.delete_all_unused_submodules(), [n for n, _ in m.named_modules()])[2]
""".strip().split("\n")

BLOCKS = {
    "a function is exchanged": """
for n in m.graph.nodes:
    if n.op == 'call_function' and n.target is torch.relu:
        with m.graph.inserting_after(n):
            new = m.graph.call_function(torch.tanh, n.args, n.kwargs)
        n.replace_all_uses_with(new)
        m.graph.erase_node(n)
m.recompile()
m.graph.lint()
shape(m), code(m), m(x)['sum']""",
    "a target is set": """
for n in m.graph.nodes:
    if n.target is operator.add:
        n.target = operator.mul
m.graph.lint()
m.recompile()
code(m), m(x)['sum']""",
    "dead code": """
g = fx.Graph()
a = g.placeholder('a')
b = g.call_function(torch.neg, (a,))
c = g.call_function(torch.sin, (b,))
g.output(a)
before = len(g.nodes)
done = g.eliminate_dead_code()
before, len(g.nodes), done, g.eliminate_dead_code(), str(g)""",
    "places of insertion": """
g = fx.Graph()
a = g.placeholder('a')
b = g.call_function(torch.neg, (a,))
with g.inserting_before(b):
    c = g.call_function(torch.sin, (a,))
    d = g.call_function(torch.cos, (a,))
with g.inserting_after(a):
    e = g.call_method('abs', (a,))
    e2 = g.call_method('exp', (e,))
with g.inserting_before():
    z = g.placeholder('z')
g.output((b, c, d))
a.append(d)
b.prepend(c)
[n.name for n in g.nodes], a.next.name, b.prev.name""",
    "arguments are changed": """
g = fx.Graph()
a, b = g.placeholder('a'), g.placeholder('b')
c = g.call_function(torch.add, (a, 1), {'alpha': 2})
c.update_arg(1, b)
c.update_kwarg('alpha', 3)
c.insert_arg(0, b)
c.replace_input_with(a, b)
c.args, c.kwargs, list(a.users), list(b.users), c.all_input_nodes""",
    "arguments cannot be changed in place": """
g = fx.Graph()
a = g.placeholder('a')
c = g.call_function(torch.cat, ([a, a],))
c.args[0].append(a)""",
    "a graph that is out of order": """
g = fx.Graph()
a = g.placeholder('a')
b = g.call_function(torch.neg, (a,))
b.append(a)
g.lint()""",
    "a pattern": """
class P(nn.Module):
    def forward(self, x):
        a = torch.relu(x) + 1
        return torch.relu(a) + 1, torch.neg(a)
g = fx.symbolic_trace(P())
found = fx.replace_pattern(g, lambda a: torch.relu(a) + 1, lambda a: torch.sigmoid(a))
g.graph.lint()
len(found), g(x)""",
    "a pattern with two inputs": """
g = fx.symbolic_trace(lambda x, y: (x * y).sum() + x * 2)
found = fx.replace_pattern(g, lambda a, b: torch.sum(a * b), lambda a, b: torch.dot(a, b))
other = fx.replace_pattern(g, lambda a, b: (a * b).sum(), lambda a, b: (a - b).mean())
len(found), len(other), g(x, x)""",
    "assertions are kept": """
def checked(x):
    torch._assert(x.sum() > 0, "must be positive")
    return x * 2
g = fx.symbolic_trace(checked)
before = [n.op for n in g.graph.nodes]
g.graph.eliminate_dead_code()
g.recompile()
try:
    g(-x)
    said = "nothing"
except AssertionError as error:
    said = str(error)
before, [n.op for n in g.graph.nodes], said, g(x.abs() + 1)""",
    "constants are told apart by their types": """
def adds(c): return lambda x: torch.add(x, c)
def permutes(c): return lambda x: torch.permute(x, c)
def picks(c): return lambda x: x[c]
counts = []
for made, constants in (
    (adds, (1, 1.0, True, 0, False, 2.0, -1)),
    (permutes, ([0, 1], (0, 1), [1, 0])),
    (picks, (slice(0, 1), slice(0, 2), slice(0, 1, 1), 0, True)),
):
    for c in constants:
        for d in constants:
            g = fx.symbolic_trace(made(d))
            counts.append(len(fx.replace_pattern(g, made(c), lambda x: -x)))
counts""",
    "a constant stands for an input": """
g = fx.symbolic_trace(lambda x: torch.add(x, 2) * torch.add(x, x))
found = fx.replace_pattern(g, lambda a, b: torch.add(a, b), lambda a, b: torch.sub(b, a))
same = fx.symbolic_trace(lambda x: torch.clamp(x, 1, 1) + torch.clamp(x, 1, 2))
twice = fx.replace_pattern(same, lambda a, b: torch.clamp(a, b, b), lambda a, b: torch.sub(a, b))
len(found), g(x), len(twice), same(x)""",
    "a pattern whose inner values are read outside": """
def h(x):
    a = torch.relu(x)
    return a + 1, a
g = fx.symbolic_trace(h)
len(fx.replace_pattern(g, lambda a: torch.relu(a) + 1, lambda a: torch.neg(a)))""",
    "a tracer of its own": """
class Every(fx.Tracer):
    def is_leaf_module(self, m, name):
        return isinstance(m, Mine)
g = fx.GraphModule(o := Outer(), Every().trace(o))
shape(g), g(x)""",
    "an interpreter of its own": """
class Names(fx.Interpreter):
    seen = []
    def run_node(self, n):
        self.seen.append(n.name)
        return super().run_node(n)
    def call_module(self, target, args, kwargs):
        return super().call_module(target, args, kwargs) * 0
out = Names(m).run(x)
Names.seen, out['sum']""",
    "copies": """
import copy
c = copy.deepcopy(m)
with torch.no_grad():
    c.linear.weight.zero_()
for n in c.graph.nodes:
    if n.op == 'call_function' and n.target is torch.relu:
        n.target = torch.neg
c.recompile()
code(m), code(c), m(x)['sum'], c(x)['sum']""",
    "gradients": """
out = m(x)['sum'].sum()
out.backward()
m.linear.weight.grad, m.scale.grad""",
    "parameters that are used directly": """
class D(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.ones(3, 2))
    def forward(self, x):
        return x @ self.w + self.w.t().sum() + torch.matmul(x, self.w)
g = fx.symbolic_trace(D())
with torch.no_grad():
    g.w.mul_(2)
shape(g), code(g), g(x)""",
    "shapes": """
from importlib import import_module
sp = import_module(('pullback' if name == 'pullback' else 'torch') + '.fx.passes.shape_prop')
sp.ShapeProp(m).propagate(x)
[(n.name, n.meta['tensor_meta'].shape) for n in m.graph.nodes if 'sum' not in n.name and hasattr(n.meta.get('tensor_meta'), 'dtype')]""",
    "a constant": """
class C(nn.Module):
    def forward(self, x):
        return x + torch.ones(3)
g = fx.symbolic_trace(C())
shape(g), g(x)""",
}


@pytest.mark.parametrize("line", LINES)
def test_a_line(line: str) -> None:
    same(HEAD + line, ("fx", "fx.node"))


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block(block: str) -> None:
    same(
        HEAD + BLOCKS[block].strip(),
        ("fx", "fx.passes.shape_prop"),
        tolerance=TOLERANCES["float32"],
    )


def test_names() -> None:
    assert {n for n in torch.fx.__all__ if hasattr(pb.fx, n)} >= set(pb.fx.__all__) & set(
        torch.fx.__all__
    )
    missing = set(getattr(torch.fx, "__all__", ())) - set(pb.fx.__all__)
    assert missing <= {"CodeGen", "PH", "ProxyableClassMeta"}, missing


def test_what_torch_leaves_open() -> None:
    """Nodes of another graph, shapes of parameters, and copies by pickle are refused."""
    g, h = pb.fx.Graph(), pb.fx.Graph()
    with pytest.raises(RuntimeError, match="belongs to another graph"):
        g.call_function(pb.neg, (h.placeholder("a"),))
    with pytest.raises(NotImplementedError, match="param_shapes_constant=True"):
        pb.fx.Tracer(param_shapes_constant=True)
    with pytest.raises(NotImplementedError, match="cannot be pickled"):
        pickle.dumps(pb.fx.symbolic_trace(pb.nn.Tanh()))
    with pytest.raises(RuntimeError, match="was not provided in `root`"):
        g.call_module("nothing")
        pb.fx.GraphModule({}, g)
    traced = pb.fx.symbolic_trace(lambda x: x)
    with pytest.raises(ValueError, match="must compute one result"):
        pb.fx.replace_pattern(traced, lambda a: a, lambda a: a)
    with pytest.raises(ValueError, match="expected the same number"):
        pb.fx.replace_pattern(traced, lambda a: -a, lambda a, b: a)


def test_every_function_is_recorded() -> None:
    """Whatever it is made of: operators of the core, functions in Python, in-place forms."""
    functional = pb.nn.functional
    functions = {n: f for n, f in vars(functional).items() if n[0] != "_" and callable(f)}
    missed = [
        name
        for name, each in functions.items()
        if getattr(torch.nn.functional, name, None) is not None
        and not isinstance(each, type)
        and not _symbolic_trace._is_function(each)
    ]
    assert len(functions) > 100
    assert not missed


def test_functions_that_load_late_are_recorded() -> None:
    late = {name: getattr(pb, name) for name in pb._LAZY}
    recorded = {name for name, each in late.items() if _symbolic_trace._is_function(each)}
    assert {pb._LAZY[name] for name in recorded} == set(_symbolic_trace._LATE)
    graph = pb.fx.symbolic_trace(lambda x: pb.ldexp(pb.layer_norm(x, (2,)), x)).graph
    assert [n.target for n in graph.nodes][1:3] == [pb.layer_norm, pb.ldexp]


def test_functions_of_all_modules_are_recorded() -> None:
    """But those that are asked of a pass or of a mode, and not of a tensor alone."""
    others = {"autograd", "autograd.functional", "overrides"}
    recorded = {id(f) for space in _code.spaces().values() for f in vars(space).values()}
    for module in [*facade.MODULES, "pullback.masked", "pullback.overrides"]:
        for name, each in vars(importlib.import_module(module)).items():
            if name[0] == "_" or not _symbolic_trace._is_function(each):
                continue
            short = module.removeprefix("pullback.")
            assert (id(each) in recorded) != (short in others), f"{module}.{name}"


@pytest.mark.parametrize("call", ["fft.rfft(x, n=3)", "fft.fftshift(x)", "masked.sum(x)"])
def test_functions_of_modules_are_written_by_their_paths(call: str) -> None:
    traced = pb.fx.symbolic_trace(eval(f"lambda x: pb.{call}", {"pb": pb}))
    path = call.partition("(")[0]
    assert f"= torch.{path}(x" in traced.code
    x = pb.arange(4.0)
    assert pb.equal(traced(x), eval(f"pb.{call}", {"pb": pb, "x": x}))


FRESH = """
import pullback as torch
print(torch.fx.symbolic_trace(lambda x: {call}).code)
"""


@pytest.mark.parametrize(
    "call", ["torch.ldexp(x, x)", "torch.layer_norm(x, (2,))", "torch.fft.fft(x)"]
)
def test_tracing_does_not_depend_on_what_ran_before(call: str) -> None:
    command = [sys.executable, "-c", FRESH.format(call=call)]
    fresh = subprocess.run(command, capture_output=True, text=True, env=os.environ, check=True)
    here = pb.fx.symbolic_trace(eval(f"lambda x: {call}", {"torch": pb})).code
    assert fresh.stdout.strip() == here.strip()


@pytest.mark.parametrize(
    "line",
    [
        "pb.relu_(x)",
        "x.relu_()",
        "pb.nn.functional.relu(x, inplace=True)",
        "pb.nn.functional.relu(x, True)",
        "pb.nn.functional.dropout(x, 1.0, True, True)",
        "pb.nn.functional.dropout(x, 1.0, inplace=True)",
        "pb.neg(x, out=x)",
    ],
)
def test_what_writes_is_not_dead(line: str) -> None:
    """PyTorch erases most of them, after which the program gives other numbers."""

    def program(x: pb.Tensor) -> pb.Tensor:
        eval(line, {"pb": pb, "x": x})
        return x * 1

    traced = pb.fx.symbolic_trace(program)
    assert not traced.graph.eliminate_dead_code()
    traced.recompile()
    pb.testing.assert_close(traced(pb.tensor([-2.0, 1.0])), program(pb.tensor([-2.0, 1.0])))


def test_a_module_that_writes_is_not_dead() -> None:
    class Net(pb.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.relu = pb.nn.ReLU(inplace=True)
            self.tanh = pb.nn.Tanh()

        def forward(self, x: pb.Tensor) -> pb.Tensor:
            self.relu(x)
            self.tanh(x)
            return x

    traced = pb.fx.symbolic_trace(Net())
    assert traced.graph.eliminate_dead_code()
    assert [n.name for n in traced.graph.nodes] == ["x", "relu", "output"]


def test_decorated_functions() -> None:
    """They run with their decorators; what those hide cannot be asked for by ``*``."""

    def doubled(function: Any) -> Any:
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return 2 * function(*args, **kwargs)

        return wrapper

    assert pb.fx.symbolic_trace(doubled(lambda x, *, n=3: x * n))(pb.ones(1)) == 6
    assert pb.fx.symbolic_trace(functools.partial(lambda x, n: x * n, n=3))(pb.ones(1)) == 3
    with pytest.raises(TypeError, match="below a decorator or partial"):
        pb.fx.symbolic_trace(doubled(lambda *xs: xs[0]))


def test_constants_of_patterns_are_told_apart_by_their_values() -> None:
    """Each program numbers its constants from 0 on."""
    one, two, x = pb.full((2,), 1.0), pb.full((2,), 2.0), pb.ones(2)
    traced = pb.fx.symbolic_trace(lambda x: (x + one).neg() * (x + two))
    found = pb.fx.replace_pattern(traced, lambda a: a + two, lambda a: a * pb.full((2,), 5.0))
    assert len(found) == 1
    assert traced(x).tolist() == [-10.0, -10.0]
    assert len(pb.fx.replace_pattern(traced, lambda a: a.neg(), lambda a: a - one)) == 1
    assert traced(x).tolist() == [5.0, 5.0]


@pytest.mark.parametrize(
    "name", ["histogram", "is_signed", "is_same_size", "svd_lowrank", "lobpcg", "norm_except_dim"]
)
def test_functions_are_recorded_also_if_nobody_has_used_them(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(vars(pb), name, raising=False)
    traced = pb.fx.symbolic_trace(lambda x: getattr(pb, name)(x, x))
    assert [n.target for n in traced.graph.nodes][1] is getattr(pb, name)


def test_functions_of_anything_else_are_called() -> None:
    traced = pb.fx.symbolic_trace(lambda x: x * 2 if pb.is_tensor(x) else x * 3)
    assert traced(pb.ones(1)).item() == 3.0
    assert torch.fx.symbolic_trace(lambda x: x * 2 if torch.is_tensor(x) else x * 3)(1) == 3


def test_tracing_leaves_nothing_behind() -> None:
    """Also when the program raises; and another thread does not see it."""
    before = (pb.relu, pb.nn.Module.__call__, pb.nn.functional.softplus)
    layer = pb.nn.Linear(2, 2)
    seen = []

    def program(x: pb.fx.Proxy) -> None:
        with ThreadPoolExecutor(1) as pool:
            seen.append(pool.submit(lambda: pb.relu(pb.ones(1)).item()).result())
        raise KeyError(pb.relu(x))

    with pytest.raises(KeyError):
        pb.fx.symbolic_trace(program)
    assert seen == [1.0]
    pb.fx.symbolic_trace(layer)
    assert isinstance(layer.weight, pb.nn.Parameter)
    assert (pb.relu, pb.nn.Module.__call__, pb.nn.functional.softplus) == before


def test_a_long_program_needs_no_recursion() -> None:
    def program(x: pb.fx.Proxy) -> pb.fx.Proxy:
        for _ in range(3000):
            x = x + 1
        return x

    traced = pb.fx.symbolic_trace(program)
    assert traced(pb.zeros(1)).item() == 3000
    assert pb.fx.Interpreter(traced).run(pb.zeros(1)).item() == 3000
    assert not pb.fx.replace_pattern(traced, lambda a: a - 1, lambda a: a)


def test_a_table_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    pb.fx.symbolic_trace(lambda x: pb.relu(x)).graph.print_tabular()
    head, line, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["opcode", "name", "target", "args", "kwargs"]
    assert set(line) == {"-", " "}
    assert rows[1].split() == ["call_function", "relu", "torch.relu", "(x,)", "{}"]


def test_wrapped_functions() -> None:
    traced = pb.fx.symbolic_trace(lambda x: length(x) + 1)
    assert [n.op for n in traced.graph.nodes] == [
        "placeholder",
        "call_function",
        "call_function",
        "output",
    ]
    assert traced(pb.ones(3)) == 4
    with pytest.raises(NotImplementedError, match="top level"):
        pb.fx.wrap("length")


def length(x: pb.Tensor) -> int:
    return len(x)


pb.fx.wrap("length")
