"""Copies and pickles of tensors and of what goes with them, beside torch; and that every public
function, class and dtype pickles as its name.
"""

from __future__ import annotations

import copy
import importlib
import pickle
from typing import Any

import pytest

import pullback as pb
from expressions import check_same

torch = pytest.importorskip("torch")

SETUP = """
import copy, io, pickle
nn = T.nn
def again(x, protocol=4): return pickle.loads(pickle.dumps(x, protocol))
def address(x):
    return x._storage_ptr() if hasattr(x, "_storage_ptr") else x.untyped_storage().data_ptr()
def shares(a, b): return address(a) == address(b)
def state(x, original):
    kept = sorted(k for k in vars(x) if not k.startswith("_"))
    flags = x.requires_grad, x.is_leaf, x.grad_fn is None, x.is_inference()
    told = type(x).__name__, x.tolist(), x.stride(), x.dtype, x.grad
    return told, flags, kept, shares(x, original)
def after_write(copied, original):
    with T.no_grad(): copied.add_(1)
    return original.tolist(), copied.tolist()
def leaf(*values): return T.tensor(values, requires_grad=True)
def with_gradient():
    x = leaf(1.0, 2.0)
    (x * x).sum().backward()
    return x
def with_attributes(x):
    x.tag, x.things = "a", [1, 2]
    return x
def in_inference(make):
    with T.inference_mode(): return make()
m = T.arange(6.0).reshape(2, 3)
"""
TENSORS = {
    "plain": "T.tensor([1.0, 2.0])",
    "leaf": "leaf(1.0, 2.0)",
    "result": "leaf(1.0, 2.0) * 2",
    "part of a result": "(leaf(1.0, 2.0) * 2)[1:]",
    "part of a leaf": "leaf(1.0, 2.0)[1:]",
    "view": "m[0]",
    "transposed": "m.t()",
    "with gaps": "m[:, ::2]",
    "expanded": "T.ones(1).expand(3)",
    "number": "T.tensor(2.0)",
    "integers": "T.tensor([1, 2])",
    "bools": "T.tensor([True])",
    "bytes": "T.tensor([1], dtype=T.uint8)",
    "doubles": "T.tensor([1.0], dtype=T.float64)",
    "with a gradient": "with_gradient()",
    "a gradient": "with_gradient().grad",
    "detached": "(leaf(1.0, 2.0) * 2).detach()",
    "data": "leaf(1.0, 2.0).data",
    "with attributes": "with_attributes(T.ones(2))",
    "parameter": "nn.Parameter(T.ones(2))",
    "frozen parameter": "nn.Parameter(T.ones(2), requires_grad=False)",
    "transposed parameter": "nn.Parameter(T.arange(6.0).reshape(2, 3).t())",
    "from inference mode": "in_inference(lambda: T.ones(2))",
}
COPIES = ["copy.copy", "copy.deepcopy", *(f"(lambda x: again(x, {p}))" for p in range(6))]


@pytest.mark.parametrize("name", TENSORS)
def test_tensors(name: str) -> None:
    cases = [f"state({function}(x), x)" for function in COPIES]
    cases += [f"after_write({function}(x), x)" for function in COPIES if name != "part of a leaf"]
    if name == "from inference mode":
        # A shallow copy is an inference tensor here.
        cases = [case for case in cases if "copy.copy" not in case]
    check_same(cases, torch, SETUP, f"x = {TENSORS[name]}")


CASES = [
    "a, b = copy.deepcopy((m, m[0]))\nshares(a, b), b",
    "a, b = copy.deepcopy((m, m.t()))\nshares(a, b), b.stride()",
    "a, b = copy.deepcopy((m, m.detach()))\nshares(a, b), a is b",
    "a, b = copy.deepcopy((m, m))\na is b",
    "a, b = copy.deepcopy((m[0], m[1]))\nshares(a, b), a.storage_offset(), b.storage_offset()",
    "a, b = copy.deepcopy((m, m.t()))\na.add_(1)\nb",
    "a, b = again((m, m))\na is b",
    "a, b = again((m, m.t()))\nshares(a, b), b.stride()",
    "a, b = copy.deepcopy((nn.Parameter(m), m))\nshares(a, b)",
    "x = with_gradient()\na, b = copy.deepcopy([x, x.grad])\na.grad is b",
    "memo = {}\nc = copy.deepcopy(m, memo)\nmemo[id(m)] is c",
    "copy.deepcopy(m, {id(m): 'known'})",
    "copy.deepcopy(leaf(1.0) * 2)",
    "copy.deepcopy([{'a': leaf(1.0) * 2}])",
    "m.__deepcopy__({})",
    "x = leaf(1.0)\nx.register_hook(print)\nbool(copy.deepcopy(x)._backward_hooks)",
    "x = leaf(1.0)\nx.register_hook(print)\nbool(copy.copy(x)._backward_hooks)",
    "x = leaf(1.0)\nx.register_hook(print)\nbool(again(x)._backward_hooks)",
    "x = leaf(1.0)\nx.register_post_accumulate_grad_hook(print)\ncopy.deepcopy(x).grad",
    "x = with_attributes(T.ones(1))\nc = copy.copy(x)\nc.things is x.things, c.tag",
    "x = with_attributes(T.ones(1))\nc = copy.deepcopy(x)\nc.things is x.things, c.things",
    "x = with_attributes(T.ones(1))\nagain(x).things",
    "x = with_attributes(nn.Parameter(T.ones(1)))\ncopy.copy(x).tag, again(x).tag",
    "x = leaf(1.0, 2.0)\nc = copy.copy(x)\n(c * c).sum().backward()\nc.grad, x.grad",
    "x = nn.Parameter(T.ones(2))\nc = again(x)\n(c * c).sum().backward()\nc.grad, x.grad",
    "with T.no_grad(): c = again(leaf(1.0) * 2)\nc",
    "with T.inference_mode(): c = again(leaf(1.0))\nc, c.is_inference()",
    "with T.inference_mode(): c = copy.deepcopy(m)\nc, c.is_inference()",
    "again(T.zeros(0, 3)).shape, copy.deepcopy(T.zeros(0, 3)).resize_(2, 3).shape",
    "T.func.vmap(copy.copy)(T.ones(2, 2))",
    "T.func.vmap(copy.deepcopy)(T.ones(2, 2))",
    "T.func.vmap(again)(T.ones(2, 2))",
    "T.func.grad(lambda x: copy.copy(x).sum())(T.ones(2))",
    "T.func.grad(lambda x: copy.deepcopy(x).sum())(T.ones(2))",
    "T.func.grad(lambda x: again(x).sum())(T.ones(2))",
    "T.func.jvp(copy.copy, (T.ones(2),), (T.ones(2),))",
    "T.func.jvp(copy.deepcopy, (T.ones(2),), (T.ones(2),))",
    "T.func.jvp(again, (T.ones(2),), (T.ones(2),))",
    # Sizes.
    "s = m.shape\n[type(f(s)).__name__ for f in (copy.copy, copy.deepcopy, again)]",
    "[type(again(m.shape, p)).__name__ for p in range(6)]",
    "s = m.shape\n(3,) + s, s + (3,), s + s, [3] + list(s), s[:1], s[-1:], s[::2], s * 2, 2 * s",
    "s = m.shape\n[type(x).__name__ for x in ((3,) + s, s + (3,), s[:1], s[0], 2 * s)]",
    "m.shape + [1]",
    "[1] + m.shape",
    "m.shape + (1.5,)",
    "(1.5,) + m.shape",
    "('a',) + m.shape",
    "(None,) + m.shape",
    "() + m.shape, m.shape + ()",
    "m.shape + T.Size([1]), T.Size([1]) + m.shape",
    "hash(m.shape) == hash((2, 3)), m.shape == (2, 3), (2, 3) == m.shape, m.shape == [2, 3]",
    "m.shape.numel(), T.Size([]).numel(), T.Size([0, 2]).numel()",
    "T.Size((2,)).index(2), m.shape.count(3)",
    "T.Size([T.tensor(2), np.int64(3)])",
    "T.Size([2.0])",
    "T.Size('ab')",
    "T.Size(3)",
    "T.Size(range(3)), T.Size(x for x in (1, 2)), T.Size(m.shape), T.Size()",
    "T.zeros(m.shape + (1,)).shape, T.zeros((2,) + m.shape).shape, T.zeros(*m.shape).shape",
    "sorted(T.Size([3, 1])), tuple(m.shape), list(m.shape), repr(m.shape), str(m.shape)",
    "m.shape < (2, 4), max(m.shape), sum(m.shape), 2 in m.shape, len(m.shape), {m.shape: 1}[2, 3]",
    "{(2, 3): 1}[m.shape], isinstance(m.shape, tuple)",
    "x, y = m.shape\nx, y",
    "f'{m.shape}', '%s' % (m.shape,), '%s %s' % m.shape",
    "np.zeros(m.shape).shape, np.prod(m.shape), range(*m.shape)",
    # Dtypes, devices, layouts, named results, modules.
    "[f(T.float32) is T.float32 for f in (copy.copy, copy.deepcopy)]",
    "[again(d, p) is d for p in range(6) for d in (T.float32, T.int64, T.bool, T.double)]",
    "[again(T.device('cpu'), p) for p in range(6)], again(T.device('cpu', 0))",
    "copy.deepcopy(T.device('cpu'))",
    "again(T.max(m, 0)), again(T.sort(m, 0)), again(m.median(0)).values",
    "again(T.return_types.max).__name__",
    "copy.copy(T.max(m, 0)), copy.deepcopy(T.max(m, 0))",
    "[again(x) is x for x in (T.Tensor, nn.Parameter, T.Size, T.dtype, T.device)]",
    "again((leaf(1.0) * 2).grad_fn)",
    "copy.copy((leaf(1.0) * 2).grad_fn)",
    "layer = nn.Linear(2, 1)\ncopy.copy(layer).weight is layer.weight",
    "layer = nn.Linear(2, 1)\nlayer.act = nn.functional.relu\nagain(layer).act is layer.act",
    "layer = nn.Linear(2, 1)\nlayer.act = nn.functional.mse_loss\ncopy.deepcopy(layer).act(m, m)",
    "state = nn.Linear(2, 1).state_dict()\ntype(state).__name__, state._metadata",
    "type(again(nn.Linear(2, 1).state_dict())).__name__",
    "repr(nn.Linear(1, 1, bias=False).state_dict())[:12]",
    "s = nn.Linear(2, 1).state_dict()\n[f(s)._metadata for f in (copy.copy, copy.deepcopy, again)]",
    "[f(m.sum)() for f in (copy.copy, copy.deepcopy, again)], again(m.size)(), again(m.add)(1)",
]


def test_objects() -> None:
    check_same(CASES, torch, SETUP)


MODULES = [
    *("pullback", "pullback.nn.functional", "pullback.linalg", "pullback.special", "pullback.nn"),
    *("pullback.autograd", "pullback.autograd.functional", "pullback.autograd.forward_ad"),
    *("pullback.func", "pullback.optim", "pullback.return_types", "pullback.utils.checkpoint"),
    *("pullback.autograd.graph", "pullback.nn.init", "pullback.memory", "pullback.random"),
]
TENSOR_METHODS = [name for name in dir(pb.Tensor) if not name.startswith("_")]


def named_objects(module: Any) -> list[tuple[str, Any]]:
    """The functions, classes, dtypes and the like that a module gives to its users."""
    names = [name for name in dir(module) if not name.startswith("_")]
    found = [(name, getattr(module, name)) for name in names]
    constants = (pb.dtype, pb.layout, pb.memory_format)
    return [
        (name, x)
        for name, x in found
        if isinstance(x, constants)
        or (callable(x) and str(getattr(x, "__module__", "")).startswith("pullback"))
    ]


@pytest.mark.parametrize("module", MODULES)
def test_every_public_object_pickles_as_its_name(module: str) -> None:
    objects = named_objects(importlib.import_module(module))
    assert objects
    for name, x in objects:
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            assert pickle.loads(pickle.dumps(x, protocol)) is x, (module, name)
        assert copy.deepcopy(x) is x, (module, name)


def test_every_method_pickles_as_its_name() -> None:
    methods = [n for n in TENSOR_METHODS if callable(getattr(pb.Tensor, n))]
    assert len(methods) > 200
    for name in methods:
        x = getattr(pb.Tensor, name)
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            assert pickle.loads(pickle.dumps(x, protocol)) is x, name


def test_between_processes() -> None:
    """What multiprocessing sends, it pickles."""
    import multiprocessing
    import operator

    with multiprocessing.get_context("spawn").Pool(1) as pool:
        x = pb.ones(2, requires_grad=True)
        # A worker that cannot read its task ends without an answer, so the wait has an end.
        found = pool.apply_async(operator.itemgetter(0), ([x],)).get(timeout=60)
    assert (found.tolist(), found.requires_grad, found.is_leaf) == ([1.0, 1.0], True, True)
