"""What Python hangs on a tensor or a node lives as long as the tensor or node, beside torch."""

from __future__ import annotations

import pytest

from expressions import check_same

torch = pytest.importorskip("torch")

SETUP = """
import copy, gc, weakref
nn = T.nn

def leaf(*values):
    return T.tensor(values, requires_grad=True)

def tagged(x, tag="tag"):
    x.tag = tag
    return x

class Weight(nn.Parameter):
    pass

def parameter(cls=nn.Parameter):
    return tagged(cls(T.ones(2)))

class Doubled(T.autograd.Function):
    seen = []
    @staticmethod
    def forward(ctx, x, w):
        y = tagged(x * 2, "result")
        ctx.save_for_backward(x, w, y)
        return y
    @staticmethod
    def backward(ctx, g):
        Doubled.seen[:] = [(type(t).__name__, getattr(t, "tag", None)) for t in ctx.saved_tensors]
        Doubled.seen.append(getattr(g, "tag", None))
        return g * 2, None

def accumulator(y):
    return y.grad_fn.next_functions[0][0]

def variable(y):
    return accumulator(y).variable

def with_grad(x):
    (x * x).sum().backward()
    return x
"""

CASES = """
x = with_grad(leaf(1.0))
x.grad.tag = 1
gc.collect()
x.grad.tag

x = with_grad(leaf(1.0))
x.grad.tag = 1
with_grad(x)
x.grad.tag, x.grad

x = with_grad(leaf(1.0))
x.grad.tag = 1
x.grad = x.grad.clone()
hasattr(x.grad, 'tag')

x = leaf(1.0, 2.0)
x.grad = parameter()
type(x.grad).__name__, x.grad.tag

x = with_grad(leaf(1.0))
r = weakref.ref(x.grad)
gc.collect()
r() is x.grad

x = with_grad(leaf(1.0))
r = weakref.ref(x.grad)
x.grad = None
r()

x = with_grad(leaf(1.0))
d = weakref.WeakKeyDictionary({x.grad: 1})
list(d.values())

x = with_grad(leaf(1.0))
r = weakref.ref(x.grad)
with_grad(x)
r() is x.grad, r()

x = with_grad(leaf(1.0))
r = weakref.ref(x.grad)
g = r()
x.grad = None
r() is g, g * 2

x = leaf(1.0)
(x * x).sum().backward(create_graph=True)
x.grad.tag = 1
x.grad.tag

y = leaf(1.0) * 2
y.retain_grad()
(y * y).sum().backward()
y.grad.tag = 1
y.grad.tag

x = with_grad(leaf(1.0))
x.grad.tag = 1
i = id(x.grad)
[] and 0
id(x.grad) == i

y = leaf(1.0) * 1
z = tagged(y) * y
del y
z.grad_fn._saved_self.tag

z = parameter() * 2
v = variable(z)
type(v).__name__, v.tag, v

z = parameter(Weight) * 2
type(variable(z)).__name__

p = parameter()
r = weakref.ref(p)
z = p * 2
del p
gc.collect()
r() is variable(z)

p = parameter()
r = weakref.ref(p)
z = p * 2
del p, z
gc.collect()
r()

n = (parameter() * parameter()).grad_fn
[type(t).__name__ for t in (n._saved_self, n._saved_other)]

z = parameter() * 2
z.sum().backward()
variable(z).grad

v = tagged(leaf(1.0, 2.0) * 1)[1:]
v._base.tag

v = tagged(T.ones(3))[1:]
v._base.tag

v = parameter()[1:]
type(v._base).__name__, v._base.tag

v = parameter().view(2, 1)[0]
v._base.tag

b = leaf(1.0, 2.0) * 1
v = b[1:]
r = weakref.ref(b)
del b
gc.collect()
r() is v._base

b = tagged(T.ones(2))
v = b[:]
del b
v.mul_(leaf(2.0, 3.0))
v._base.tag, v._base

x, w = parameter(), parameter(Weight)
Doubled.apply(x, w).sum().backward()
Doubled.seen

y = Doubled.apply(parameter(), parameter(Weight))
y.sum().backward()
Doubled.seen

x = leaf(1.0)
Doubled.apply(x, x).backward(tagged(T.ones(1)))
Doubled.seen

x = leaf(1.0)
y = x * 2
seen = []
y.register_hook(lambda g: seen.append(g.tag))
y.backward(tagged(T.ones(1)))
seen

x = parameter()
seen = []
note = lambda p: seen.append((type(p).__name__, p.tag))
x.register_post_accumulate_grad_hook(note)
z = x * 2
del x
z.sum().backward()
seen

x = leaf(1.0)
y = x * 2
y.register_hook(lambda g: tagged(g * 2))
seen = []
y.register_hook(lambda g: seen.append(g.tag))
y.backward()
seen

seen = []
unpack = lambda t: seen.append(t.tag) or t
with T.autograd.graph.saved_tensors_hooks(lambda t: t, unpack):
    z = parameter() * leaf(1.0, 2.0)
z.grad_fn._saved_self
seen

p = parameter()
p.__class__ = Weight
z = p * 2
del p
type(variable(z)).__name__

m = nn.Linear(1, 1)
m.weight.tag = 1
y = m(T.ones(1))
del m
gc.collect()
y.sum().backward()

copy.copy(parameter()).tag

y = leaf(1.0) * 2
y.grad_fn.metadata['k'] = 1
y.grad_fn.metadata

y = leaf(1.0) * 2
d = y.grad_fn.metadata
d['k'] = 1
d is y.grad_fn.metadata

y = leaf(1.0) * 2
accumulator(y).metadata['k'] = 1
accumulator(y).metadata

y = leaf(1.0) * 2
y.grad_fn.metadata['k'] = 1
z = y.exp()
del y
z.grad_fn.next_functions[0][0].metadata

y = Doubled.apply(leaf(1.0), leaf(1.0))
y.grad_fn.metadata['k'] = 1
y.grad_fn.metadata

y = leaf(1.0) * 2
y.grad_fn.metadata = {}

y = leaf(1.0) * 2
del y.grad_fn.metadata

y = leaf(1.0) * 2
y.grad_fn.metadata['k'] = 1
y.sum().backward()
y.grad_fn.metadata

(leaf(1.0) * 2).grad_fn.metadata
"""

# Where the line numbers and the file are those of this library's caller.
ANOMALY = """
x = leaf(1.0)
with T.autograd.detect_anomaly():
    y = (x * x).exp()
list(y.grad_fn.metadata)

x = leaf(1.0)
with T.autograd.detect_anomaly():
    y = x.exp()
f = y.grad_fn.metadata['traceback_']
type(f).__name__, f[-1]

x = leaf(1.0)
with T.autograd.detect_anomaly():
    y = x.exp()
    g, = T.autograd.grad(y.sum(), x, create_graph=True)
list(g.grad_fn.metadata), g.grad_fn.metadata['parent_'] is y.grad_fn

x = leaf(1.0)
with T.autograd.detect_anomaly():
    y = x.exp()
    g, = T.autograd.grad(y.sum(), x, create_graph=True)
    h, = T.autograd.grad(g.sum(), x, create_graph=True)
h.grad_fn.metadata['parent_'] is g.grad_fn

x = leaf(1.0)
with T.autograd.detect_anomaly():
    y = x.exp()
    y.grad_fn.metadata['k'] = 1
list(y.grad_fn.metadata)

y = leaf(1.0).exp()
with T.autograd.detect_anomaly():
    pass
list(y.grad_fn.metadata)
"""


def test_cases() -> None:
    check_same(CASES.strip().split("\n\n"), torch, SETUP)


def test_what_anomaly_mode_notes() -> None:
    check_same(ANOMALY.strip().split("\n\n"), torch, SETUP)
