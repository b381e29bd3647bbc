"""Derivatives of derivatives beside torch: how many orders there are, and their values.

Every sample of every differentiable row is differentiated four times with ``create_graph=True``.
At each order the two libraries agree in which inputs have a gradient, whether it requires one in
turn (a polynomial stays part of the graph until its derivative is zero), and in the values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import pullback as pb
from scenarios import Scenario, check
from table import Case, cases, differentiable, each, weights

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

ORDERS = 4
# After how many orders torch stops where we go on; a name stands for all samples of an operator.
FEWER_IN_TORCH = {
    "cdist": 1,
    "hardsigmoid": 1,
    "logcumsumexp": 2,  # then NaN
    "multi_margin_loss": 0,
    "multilabel_margin_loss": 0,
    "remainder(3.3, x(3, low=0.5, high=2))": 0,
    "scatter(x(3,4), 1, i(3,1, high=4), x(3,2))": 0,
    "scatter(xs(3,4), -1, i(2,1, high=4), xs(2,4))": 0,
    "scatter_add(xs(3,4), -1, i(2,3, high=4), x(3,4))": 0,
    "scatter(x(3,4), 0, i(2,4, high=3), x(2,4), reduce='add')": 0,
    "scatter(x(3,4), 1, i(3,3, high=4), x(3,3), reduce='multiply')": 0,
    "scatter(x(3,4), 0, i(2,4, high=3), 1.5, reduce='add')": 0,
    "scatter(x(3,4), 1, i(3,1, high=4), 2.0, reduce='multiply')": 0,
}
# Of tensors without elements torch's derivative is a constant, or the input itself.
OTHER_WHEN_EMPTY = {
    "cumprod(x(0), 0)",
    "logcumsumexp(x(0,3), 0)",
    "cummax(x(0,3), 0)",
    "cummin(x(0,3), 0)",
}

Order = tuple[str, list[Any]]


def orders(lib: Any, case: Case) -> Iterator[Order]:
    """For each order: what the gradients are, as letters, and their values."""
    tensors = case.tensors(lib)
    leaves = [t for t in tensors if t.requires_grad]
    outputs = differentiable(lib, case.call(lib)(*tensors))
    for k in range(ORDERS):
        outputs = [o for o in outputs if o is not None and o.requires_grad]
        if not outputs or not leaves:
            return
        seeds = [weights(lib, o, k) + 2 for o in outputs]
        outputs = lib.autograd.grad(outputs, leaves, seeds, create_graph=True, allow_unused=True)
        letters = ["none" if g is None else f"{g.requires_grad}" for g in outputs]
        values = [None if g is None else np.array(g.detach().clone().tolist()) for g in outputs]
        yield " ".join(letters), values


def text(case: Case) -> str:
    return f"{case.op.name}({case.sample})"


def depth(case: Case) -> int:
    return FEWER_IN_TORCH.get(case.op.name, FEWER_IN_TORCH.get(text(case), ORDERS))


@each(
    cases(
        "differentiable",
        without=["random"],
        grad=True,
        dtypes=("float64",),
        but=lambda case: text(case) in OTHER_WHEN_EMPTY or depth(case) == 0,
    )
)
def test_orders(case: Case) -> None:
    ours, theirs = orders(pb, case), orders(torch, case)
    for order in range(depth(case)):
        left, right = next(ours, None), next(theirs, None)
        if left is None or right is None:
            assert order > 0
            assert left is right, f"order {order + 1}"
            break
        assert left[0] == right[0], f"order {order + 1}"
        for a, b in zip(left[1], right[1], strict=True):
            if a is not None:
                np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", ["cdist", "hardsigmoid"])
def test_torch_has_fewer(name: str) -> None:
    case = next(case for case in cases("differentiable", grad=True) if case.op.name == name)
    with pytest.raises((NotImplementedError, RuntimeError), match="not implemented"):
        list(orders(torch, case))


POLYNOMIALS: dict[str, Callable[[Any, Any], Any]] = {
    "x ** 2": lambda t, x: x**2,
    "x ** 2.0": lambda t, x: x**2.0,
    "x ** 1": lambda t, x: x**1,
    "x ** 0": lambda t, x: x**0,
    "x ** 3": lambda t, x: x**3,
    "x ** 4.0": lambda t, x: x**4.0,
    "x ** -1": lambda t, x: x**-1,
    "x ** 0.5": lambda t, x: x**0.5,
    "square": lambda t, x: t.square(x),
    "pow": lambda t, x: t.pow(x, 2.0),
    "pow of a tensor": lambda t, x: t.pow(x, t.tensor(2.0)),
    "float_power": lambda t, x: t.float_power(x, 2),
    "pow_": lambda t, x: x.clone().pow_(2),
    "square_": lambda t, x: x.clone().square_(),
    "x * x": lambda t, x: x * x,
    "x * x * x": lambda t, x: x * x * x,
    "a polynomial": lambda t, x: 3 * x**2 - 2 * x + 1,
    "float32": lambda t, x: x.float() ** 2,
    "relu(x) ** 2": lambda t, x: t.relu(x) ** 2,
    "sum": lambda t, x: 5 * x,
}


def until_the_end(t: Any, f: Callable[[Any, Any], Any]) -> Any:
    x = t.tensor([1.5, -0.5], dtype=t.float64, requires_grad=True)
    y = f(t, x)
    found = []
    for _ in range(6):
        (y,) = t.autograd.grad(y.sum(), x, create_graph=True)
        found.append((y.tolist(), y.requires_grad))
    return found


def until_it_fails(t: Any, f: Callable[[Any, Any], Any]) -> Any:
    x = t.tensor([1.5, -0.5], dtype=t.float64, requires_grad=True)
    y = f(t, x)
    found = []
    while len(found) < 6 and y.requires_grad:
        (y,) = t.autograd.grad(y.sum(), x, create_graph=True)
        found.append([f"{each:.10g}" for each in y.tolist()])
    return found


@pytest.mark.parametrize("name", POLYNOMIALS)
def test_polynomials(name: str) -> None:
    f = POLYNOMIALS[name]
    check(lambda t: until_the_end(t, f), pb, torch)
    check(lambda t: until_it_fails(t, f), pb, torch)


SCENARIOS: list[Scenario] = []


def scenario(run: Scenario) -> Scenario:
    SCENARIOS.append(run)
    return run


@scenario
def residual_of_a_differential_equation(t: Any) -> Any:
    """u'' = 2 is solved by x**2 exactly: the residual must still be part of the graph."""
    x = t.linspace(0, 1, 5, requires_grad=True)
    u = x**2
    (u_x,) = t.autograd.grad(u.sum(), x, create_graph=True)
    (u_xx,) = t.autograd.grad(u_x.sum(), x, create_graph=True)
    loss = ((u_xx - 2) ** 2).mean()
    loss.backward()
    return loss.item(), x.grad


@scenario
def a_penalty_on_the_slope_of_steps(t: Any) -> Any:
    x = t.tensor([-2.0, -0.2, 0.3, 4.0], requires_grad=True)
    functional = t.nn.functional
    found = []
    for f in (functional.hardtanh, functional.relu6, functional.hardshrink, functional.softshrink):
        (slope,) = t.autograd.grad(f(x).sum(), x, create_graph=True)
        penalty = (slope**2).sum()
        found.append((penalty.requires_grad, t.autograd.grad(penalty, x)))
    return found


@scenario
def the_gradient_of_a_likelihood(t: Any) -> Any:
    x = t.tensor([[0.5, -2.0, 0.1], [1.0, 3.0, 0.2]], requires_grad=True)
    loss = t.nn.functional.nll_loss(x, t.tensor([0, 2]))
    (slope,) = t.autograd.grad(loss, x, create_graph=True)
    return type(slope.grad_fn).__name__, t.autograd.grad((slope**2).sum(), x)


@scenario
def no_graph_is_kept_without_create_graph(t: Any) -> Any:
    x = t.tensor([1.0, 2.0], requires_grad=True)
    (g,) = t.autograd.grad((x**2).sum(), x)
    return g, g.requires_grad


@pytest.mark.parametrize("run", SCENARIOS, ids=lambda run: run.__name__)
def test_like_torch(run: Scenario) -> None:
    check(run, pb, torch)


def test_the_error_after_the_last_order_says_so() -> None:
    x = pb.tensor([1.0, 2.0], requires_grad=True)
    (g,) = pb.autograd.grad((5 * x).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match=r"constant, or zero, computed at .*test_orders.py"):
        g.sum().backward()
