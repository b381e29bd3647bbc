"""torch.library and torch.ops: operators of a program's own, beside torch's."""

from __future__ import annotations

import pytest

import pullback as pb
from parity_both import is_error, outcome, same

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.keeps_objects  # operators stay, and the globals of their functions

HEAD = """
import typing
from typing import List, Optional, Sequence, Tuple
L, Tensor = torch.library, torch.Tensor
def op(name, **options):
    return L.custom_op(f'{name}', mutates_args=options.pop('mutates_args', ()), **options)
x = torch.tensor([0.5, 1.0], requires_grad=True)
@op('pairs::sine')
def sine(x: Tensor, k: float = 2.0) -> Tensor:
    return x.detach().sin() * k
def save(ctx, inputs, output):
    ctx.save_for_backward(inputs[0])
    ctx.k = inputs[1]
def formula(ctx, g):
    return g * ctx.saved_tensors[0].cos() * ctx.k, None
@op('pairs::total')
def total(xs: Sequence[Tensor], n: int) -> Tensor:
    return torch.stack([t.detach() for t in xs]).sum(0) * n
def g(a: Tensor, b: Optional[Tensor], c: List[int], d: bool, e: str = 'x', *,
      f: Optional[float] = None, h: int = 3) -> Tuple[Tensor, int]: ...
"""

BLOCKS = {
    "values": "sine(x), sine(x, 3.0), sine(x, k=1.0), torch.ops.pairs.sine(x), torch.ops.pairs.sine.default(x)",
    "texts": "str(sine), str(torch.ops.pairs.sine)",
    "no formula": "sine(x).sum().backward()",
    "no gradient wanted": "sine(x.detach()).requires_grad, sine(x).requires_grad",
    "no grad mode": "with torch.no_grad():\n    y = sine(x)\ny.requires_grad",
    "a formula": "sine.register_autograd(formula, setup_context=save)\nsine(x, 3.0).sum().backward()\nx.grad",
    "its name": "sine.register_autograd(formula, setup_context=save)\nsine(x).grad_fn.name()",
    "by name": "L.register_autograd('pairs::sine', formula, setup_context=save)\nsine(x).sum().backward()\nx.grad",
    "second derivative": """
sine.register_autograd(formula, setup_context=save)
(d,) = torch.autograd.grad(sine(x).sum(), x, create_graph=True)
torch.autograd.grad(d.sum(), x)""",
    "a list": """
def keep(ctx, inputs, output):
    ctx.n, ctx.l = inputs[1], len(inputs[0])
total.register_autograd(lambda ctx, g: ([g * ctx.n] * ctx.l, None), setup_context=keep)
total([x, x * 2, x.detach()], 3).sum().backward()
x.grad""",
    "arguments by name only": """
@op('pairs::scaled')
def scaled(x: Tensor, *, p: float) -> Tensor:
    return x.detach() * p
def keep(ctx, inputs, keyword_only_inputs, output):
    ctx.p = keyword_only_inputs['p']
scaled.register_autograd(lambda ctx, g: g * ctx.p, setup_context=keep)
scaled(x, p=4.0).sum().backward()
x.grad""",
    "several results": """
@op('pairs::two')
def two(x: Tensor) -> Tuple[Tensor, Tensor]:
    return x.detach() * 2, x.detach() * 3
two.register_autograd(lambda ctx, a, b: a * 2 + b * 3)
a, b = two(x)
(a.sum() + b.square().sum()).backward()
a, b, x.grad""",
    "written arguments": """
@op('pairs::plus', mutates_args={'x'})
def plus(x: Tensor, y: Tensor) -> None:
    x.add_(y)
a = torch.ones(2)
plus(a, torch.ones(2))
a, a._version > 0""",
    "arguments that are written past autograd": """
@op('pairs::seven', mutates_args={'xs'})
def seven(xs: List[Tensor], *, k: int = 7) -> None:
    for x in xs:
        x.detach().numpy()[...] = k
w, a = torch.ones(2, requires_grad=True), torch.ones(2)
y = (w * a).sum()
seven([a])
y.backward()""",
    "a result that is an argument": """
@op('pairs::same')
def same(x: Tensor) -> Tensor:
    return x
same(torch.ones(2))""",
    "a rule for vmap": """
@sine.register_vmap
def rule(info, in_dims, x, k=2.0):
    return sine(x, k), in_dims[0]
torch.vmap(sine)(torch.ones(3, 2))""",
    "wrong type": "sine(1)",
    "wrong number": "sine(x, k='a')",
    "too many": "sine(x, 1.0, 2.0)",
    "no such operator": "torch.ops.pairs.cosine",
    "no such namespace": "torch.ops.nowhere.cosine(x)",
    "a schema": "L.infer_schema(g, mutates_args='unknown'), L.infer_schema(g, mutates_args=['a'])",
    "a schema without annotations": "L.infer_schema(lambda x: x, mutates_args=())",
    "a schema with stars": "def h(*x: Tensor) -> Tensor: ...\nL.infer_schema(h, mutates_args=())",
    "a schema of another type": "def h(x: dict) -> Tensor: ...\nL.infer_schema(h, mutates_args=())",
    "a schema without a result": "def h(x: Tensor): ...\nL.infer_schema(h, mutates_args=())",
    "a bad name": "op('bad')(sine._init_fn)",
    "a library": """
lib = L.Library('pairs2', 'FRAGMENT')
lib.define('foo(Tensor x, float a=2.0) -> Tensor')
lib.impl('foo', lambda x, a=2.0: x * a, 'CPU')
torch.ops.pairs2.foo(torch.ones(2)), torch.ops.pairs2.foo(torch.ones(2), 3.0)""",
    "a composite kernel": """
lib = L.Library('pairs3', 'FRAGMENT')
lib.define('foo(Tensor x) -> Tensor')
lib.impl('foo', lambda x: x * x, 'CompositeImplicitAutograd')
torch.ops.pairs3.foo(x).sum().backward()
x.grad""",
    "a library of another kind": "L.Library('pairs4', 'NEW')",
    "in steps": """
L.define('pairs5::bar', '(Tensor x) -> Tensor')
L.impl('pairs5::bar', 'default', lambda x: x + 1)
torch.ops.pairs5.bar(torch.ones(2))""",
    "a check with nan": "L.opcheck(sine, (x.detach() * float('nan'),), test_utils='test_schema')",
    "a check": "L.opcheck(sine, (x.detach(),), test_utils='test_schema')",
    "a check that fails": """
@op('pairs::wrong')
def wrong(x: Tensor) -> Tensor:
    return x.add_(1).clone()
L.opcheck(wrong, (torch.ones(2),), test_utils='test_schema')""",
    "another kernel": "sine.register_kernel('cpu')(lambda x, k=2.0: x.detach() * k)\nsine(x)",
}


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block(block: str) -> None:
    code = HEAD.replace("pairs", f"pairs_{''.join(filter(str.isalpha, block))}")
    body = BLOCKS[block].strip().replace("pairs", f"pairs_{''.join(filter(str.isalpha, block))}")
    if block == "a check that fails":
        # Their error is of a class of their own.
        for library in ("pullback", "torch"):
            found = outcome(library, code + body, {"modules": ("library",)})
            assert is_error(found)
            assert found.startswith("OpCheckError: opcheck(op, ...): test_schema failed with")
        return
    same(code + body, ("library",))


def test_what_torch_does_otherwise() -> None:
    """It loops over the examples, and writes to an argument that requires a gradient."""

    @pb.library.custom_op("own::twice", mutates_args=())
    def twice(x: pb.Tensor) -> pb.Tensor:
        return 2 * x.detach()

    with pytest.raises(RuntimeError, match="Please use register_vmap"):
        pb.vmap(twice)(pb.ones(3, 2))

    @pb.library.custom_op("own::plus_one", mutates_args={"x"})
    def plus_one(x: pb.Tensor) -> None:
        x.add_(1)

    with pytest.raises(RuntimeError, match="'x' is written to and requires a gradient"):
        plus_one(pb.ones(2, requires_grad=True))

    @pb.library.custom_op("own::all_plus_one", mutates_args={"xs"})
    def all_plus_one(xs: list[pb.Tensor]) -> None:
        for x in xs:
            x.add_(1)

    with pytest.raises(RuntimeError, match="'xs' is written to and requires a gradient"):
        all_plus_one([pb.ones(2), pb.ones(2, requires_grad=True)])
    twice.register_autograd(lambda ctx, g: (g, g))
    with pytest.raises(RuntimeError, match="gave 2 gradients, expected one or None"):
        twice(pb.ones(2, requires_grad=True)).sum().backward()
    with pytest.raises(NotImplementedError, match="test_faketensor"):
        pb.library.opcheck(twice, (pb.ones(1),), test_utils="test_faketensor")
    with pytest.raises(OSError, match="custom_op"):
        pb.ops.load_library("a.so")
    with pytest.raises(NotImplementedError, match="no kernel was registered"):
        pb.library.define("own::empty", "(Tensor x) -> Tensor")
        pb.ops.own.empty(pb.ones(1))
    with pytest.raises(ValueError, match="expected a text like"):
        pb.library.define("own::empty", "Tensor x")
    with pytest.raises(RuntimeError, match="does not exist"):
        pb.library.register_vmap("own::nothing", abs)


def test_operators_of_pullback() -> None:
    same("torch.ops.aten.mul(torch.ones(2), 3), torch.ops.aten.relu(torch.tensor([-1.0]))")
