"""What is measured: one Case a row, the same statement for pullback and for torch.

A statement sees the library as `t`. HIPS autograd has another interface, so a case that makes sense
there carries its own set-up; it records on autograd's tracer as the others record on their graphs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Namespace = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One row: `statement` is timed in the namespace that `setup` leaves behind.

    With `prepare`, that statement runs untimed before each single timed execution.
    """

    name: str
    statement: str
    setup: str
    goal: float
    prepare: str = ""
    grad: bool = True
    peer: Callable[[], Namespace] | None = None
    peer_statement: str = ""


SCALARS = "a = t.tensor(2.0, requires_grad=True); b = t.tensor(6.0, requires_grad=True)"
VECTORS = (
    "x = t.linspace(0.5, 1.5, 64).requires_grad_(); y = t.linspace(1.5, 0.5, 64).requires_grad_()"
)

CHAIN = """
x = t.linspace(0.5, 1.5, 64).requires_grad_()
y = t.ones(64).requires_grad_()
seed = t.ones(64)
def chain():
    z = x
    for _ in range(1000):
        z = z * y
    z.backward(seed)
"""

DEEP = """
x = t.tensor(1.0, requires_grad=True)
c = t.tensor(1.0)
def deep():
    z = x
    for _ in range(100_000):
        z = z * c
    return z
"""

PARAMETERS = """
parameters = [t.linspace(0.5, 1.5, 64).requires_grad_() for _ in range(10)]
for p in parameters:
    p.grad = t.full((64,), 1e-6)
optimizer = t.optim.SGD(parameters, lr=0.01, momentum=0.9)
optimizer.step()
"""

ROSENBROCK = """
from importlib import import_module
functional = import_module(t.__name__ + ".autograd.functional")
x = t.linspace(-1.0, 1.0, 50)
def f(x):
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()
hessian = t.func.hessian(f)
"""

LAYER = """
W = t.linspace(-1.0, 1.0, 10_000).reshape(100, 100)
b = t.linspace(0.0, 1.0, 100)
x = t.linspace(-1.0, 1.0, 100)
def layer(x):
    return t.tanh(W @ x + b)
jacrev = t.func.jacrev(layer)
jacfwd = t.func.jacfwd(layer)
"""

LARGE = "x = t.linspace(0.0, 1.0, 10_000_000); y = t.linspace(1.0, 0.0, 10_000_000)"


def peer_boxes(**values: Any) -> Namespace:
    """Values recorded on autograd's tracer, as the leaves of the others are on their graphs."""
    import autograd.numpy as anp
    from autograd.core import VJPNode
    from autograd.tracer import new_box

    # Each box is the start of a trace of its own level 0, which stays open for the whole run.
    return {
        "anp": anp,
        **{k: new_box(v, 0, VJPNode.new_root()) for k, v in values.items()},
    }


def peer_scalars() -> Namespace:
    """The 0-d operands, which autograd holds as Python floats."""
    return peer_boxes(a=2.0, b=6.0)


def peer_vectors() -> Namespace:
    """The operands of 64 elements."""
    import numpy as np

    return peer_boxes(
        x=np.linspace(0.5, 1.5, 64, dtype=np.float32),
        y=np.linspace(1.5, 0.5, 64, dtype=np.float32),
    )


def peer_tutorial() -> Namespace:
    """The tutorial's Q, differentiated by both of its arguments."""
    from autograd import grad

    return {"q": grad(lambda a, b: 3 * a**3 - b**2, (0, 1))}


def peer_chain() -> Namespace:
    """The chain of multiplications as a function to differentiate."""
    import numpy as np
    from autograd import elementwise_grad

    def chain(x: Any, y: Any) -> Any:
        z = x
        for _ in range(1000):
            z = z * y
        return z

    x = np.linspace(0.5, 1.5, 64, dtype=np.float32)
    return {"f": elementwise_grad(chain, (0, 1)), "x": x, "y": np.ones(64, dtype=np.float32)}


def peer_deep() -> Namespace:
    """A long trace and autograd's pass over it."""
    from autograd.core import VJPNode, backward_pass
    from autograd.tracer import trace

    def deep(x: Any) -> Any:
        for _ in range(100_000):
            x = x * 1.0
        return x

    return {
        "build": lambda: trace(VJPNode.new_root(), deep, 1.0)[1],
        "backward_pass": backward_pass,
    }


CASES = [
    Case("`a + b`, 0-d, recorded", "a + b", SCALARS, 10, peer=peer_scalars),
    Case("`x * y`, 64 elements, recorded", "x * y", VECTORS, 10, peer=peer_vectors),
    Case("`a + b`, 0-d, `no_grad`", "a + b", SCALARS, 10, grad=False),
    Case("`x * y`, 64 elements, `no_grad`", "x * y", VECTORS, 10, grad=False),
    Case("`x * 2.0`, recorded", "x * 2.0", VECTORS, 12, peer=peer_vectors),
    Case("`tensor(2.0, requires_grad=True)`", "t.tensor(2.0, requires_grad=True)", "", 5),
    Case("`x.sum()`, recorded", "x.sum()", VECTORS, 6, peer=peer_vectors),
    Case(
        "`x.exp()`, recorded",
        "x.exp()",
        VECTORS,
        6,
        peer=peer_vectors,
        peer_statement="anp.exp(x)",
    ),
    Case("`x[0]`, recorded", "x[0]", VECTORS, 6, peer=peer_vectors),
    Case("`x.reshape(8, 8)`, recorded", "x.reshape(8, 8)", VECTORS, 6, peer=peer_vectors),
    Case(
        "`Q = 3*a**3 - b**2; Q.backward()`",
        "Q = 3*a**3 - b**2; Q.backward()",
        SCALARS,
        12,
        peer=peer_tutorial,
        peer_statement="q(2.0, 6.0)",
    ),
    Case(
        "1,000 multiplications of 64 elements, forward and backward",
        "chain()",
        CHAIN,
        10,
        peer=peer_chain,
        peer_statement="f(x, y)",
    ),
    Case(
        "backward alone, 100,000 chained 0-d nodes",
        "z.backward()",
        DEEP,
        10,
        prepare="z = deep()",
        peer=peer_deep,
        peer_statement="backward_pass(1.0, z)",
    ),
    Case("`SGD.step()`, ten parameters of 64 elements", "optimizer.step()", PARAMETERS, 5),
    Case("`func.hessian`, Rosenbrock of 50", "hessian(x)", ROSENBROCK, 5),
    Case(
        "`functional.hessian(vectorize=True)`, Rosenbrock of 50",
        "functional.hessian(f, x, vectorize=True)",
        ROSENBROCK,
        5,
    ),
    Case("`func.jacrev`, layer of 100 to 100", "jacrev(x)", LAYER, 5),
    Case("`func.jacfwd`, layer of 100 to 100", "jacfwd(x)", LAYER, 5),
    Case("`x + y`, 10,000,000 float32", "x + y", LARGE, 3, grad=False),
]
