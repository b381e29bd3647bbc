"""Derivatives of derivatives beside torch: how many orders there are, and their values.

Every sample of every differentiable row is differentiated four times with ``create_graph=True``.
At each order the two libraries agree in which inputs have a gradient, whether it requires one in
turn (a polynomial stays part of the graph until its derivative is zero), and in the values.
Where torch differs the operator or the sample stands in a table below.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import pullback as pb
from scenarios import Scenario, check
from table import Case, differentiable, each, torch_cases, weights
from unlike_torch import NOT_RECORDED_IN_TORCH

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

ORDERS = 4
# After how many orders torch stops, or is wrong, where we go on; a name stands for all samples.
FEWER_IN_TORCH = {
    # Then the saved mean and deviation count as constants.
    "batch_norm(x(4,3), None, None, training=True)": 2,
    "batch_norm(x(2,3,4), None, None, x(3), x(3), True, 0.1, 0.1)": 2,
    "instance_norm(x(2,3,4))": 2,
    "instance_norm(x(2,3,2,3), None, None, x(3), x(3), eps=0.1)": 2,
    "instance_norm(xs(2,3,4))": 2,
    "layer_norm(x(3,4), (4,))": 2,
    "layer_norm(x(2,3,4), (3,4), x(3,4), x(3,4))": 2,
    "layer_norm(x(2,3,4), [4], x(4), None, 0.1)": 2,
    "layer_norm(xs(3,4), (4,))": 2,
    "cdist": 1,
    "hardsigmoid": 1,
    "ldl_solve": 0,
    "logcumsumexp(x(3,4), 0)": 2,  # then NaN
    "logcumsumexp(x(3,4), -1)": 2,
    "logcumsumexp(xs(3,4), dim=1)": 2,
    "multi_margin_loss": 1,
    "multilabel_margin_loss": 1,
    "remainder(3.3, x(3, low=0.5, high=2))": 0,
    "scatter(x(3,4), 1, i(3,1, high=4), x(3,2))": 0,
    "scatter(xs(3,4), -1, i(2,1, high=4), xs(2,4))": 0,
    "scatter_add(xs(3,4), -1, i(2,3, high=4), x(3,4))": 0,
    "scatter(x(3,4), 0, i(2,4, high=3), x(2,4), reduce='add')": 0,
    "scatter(x(3,4), 1, i(3,3, high=4), x(3,3), reduce='multiply')": 0,
    "scatter(x(3,4), 0, i(2,4, high=3), 1.5, reduce='add')": 0,
    "scatter(x(3,4), 1, i(3,1, high=4), 2.0, reduce='multiply')": 0,
    "vander.1": 0,  # it writes over what it saved, as does cond
    "cond(w(3,3), 1)": 0,
    "cond(w(2,3,3), inf)": 0,
    "cond(w(3,3), -1)": 0,
    "cond(w(3,3), 'fro')": 0,
    "cond(zw(2,2), 1)": 0,
    "embedding_bag(i(2,4, high=5), x(5,3), mode='sum', per_sample_weights=x(2,4))": 1,
    "where(b(3,4), z(4), x(3,1))": 0,  # it gives the real operand a complex gradient
    **dict.fromkeys(NOT_RECORDED_IN_TORCH, 0),
}
# A gradient is constant; torch keeps it in the graph, or for det and frexp we do, with the
# derivative zero.
CONSTANT = {
    # Of the bias, or where there are no images.
    "conv1d(x(2,3,7), x(4,3,3), x(4))",
    "conv1d(x(0,3,5), x(2,3,3))",
    "conv1d(x(2,3,6), x(4,3,4), x(4), padding='same')",
    "conv2d(x(2,3,5,4), x(4,3,3,2), x(4))",
    "conv2d(xs(2,3,4,3), xs(4,3,1,1), x(4))",
    "conv2d(x(3,4,5), x(4,3,3,3), x(4), padding='valid')",
    "conv3d(x(1,2,3,4,3), x(2,2,2,2,2), x(2))",
    "conv_transpose1d(x(2,3,4), x(3,2,3), x(2))",
    "conv_transpose1d(x(2,4,4), x(4,2,3), x(4), 1, 2, 1, 2, 2)",
    "conv_transpose2d(x(2,3,3,4), x(3,2,2,3), x(2))",
    "conv_transpose2d(x(2,4,3,3), x(4,1,3,2), x(2), 2, (1,0), (1,0), 2)",
    "conv_transpose3d(x(1,2,2,3,2), x(2,2,2,2,2), x(2))",
    # Torch has no derivative of it.
    "multi_margin_loss(x(3,4), i(3, high=4))",
    "multi_margin_loss(x(4), i(, high=4))",
    "multi_margin_loss(x(3,4), i(3, high=4), reduction='none')",
    "multilabel_margin_loss",
    "batch_norm(x(2,3,4), None, None, x(3), x(3), True, 0.1, 0.1)",
    "batch_norm(x(2,3,4), c(3), c(3, low=0.5, high=2), x(3), x(3))",
    "batch_norm(x(2,3,2,2), c(3), c(3, low=0.5, high=2))",
    "instance_norm(x(2,3,2,3), None, None, x(3), x(3), eps=0.1)",
    "layer_norm(x(2,3,4), (3,4), x(3,4), x(3,4))",
    "det(x(1,1))",
    "frexp",
    # Of tensors without elements.
    "cumprod(x(0), 0)",
    "logcumsumexp(x(0,3), 0)",
    "cummax(x(0,3), 0)",
    "cummin(x(0,3), 0)",
    "det(x(0,0))",
    "det(x(0,2,2))",
}
# Where the factor stands of which one half is read: torch gives the other half a gradient, too.
READS_ONE_HALF = {"cholesky_solve": 1, "cholesky_inverse": 0}

Order = tuple[str, list[Any]]


def of_one_half(lib: Any, case: Case) -> Callable[..., Any]:
    """The operator of the half of its factor that it reads."""
    at, function = READS_ONE_HALF[case.op.name], case.op.function(lib)

    def form(*args: Any) -> Any:
        half = lib.triu if True in args[at + 1 :] else lib.tril
        return function(*args[:at], half(args[at]), *args[at + 1 :])

    return form


def orders(lib: Any, case: Case) -> Iterator[Order]:
    """For each order: what the gradients are, as letters, and their values."""
    tensors = case.tensors(lib)
    leaves = [t for t in tensors if t.requires_grad]
    form = of_one_half(lib, case) if case.op.name in READS_ONE_HALF else None
    outputs = differentiable(lib, case.without_phases(case.call(lib, form)(*tensors)))
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


def keys(case: Case) -> set[str]:
    return {case.op.name, case.op.id, text(case)}


def depth(case: Case) -> int:
    return min(FEWER_IN_TORCH.get(key, ORDERS) for key in keys(case))


def vanishes(order: Order) -> bool:
    return all(np.allclose(value, 0, atol=1e-12) for value in order[1] if value is not None)


def agreed(case: Case) -> tuple[int, bool]:
    """How many orders have the same values, and whether the same gradients require one in turn."""
    ours, theirs = orders(pb, case), orders(torch, case)
    alike = True
    for order in range(ORDERS):
        left = next(ours, None)
        try:
            right = next(theirs, None)
            if left is None or right is None:
                longer = left or right
                assert longer is None or (order > 0 and vanishes(longer)), f"order {order + 1}"
                return ORDERS, alike and longer is None
            for a, b in zip(left[1], right[1], strict=True):
                if a is None or b is None:
                    assert vanishes(("", [a, b]))
                else:
                    np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-7)
        except (AssertionError, RuntimeError):
            if order >= depth(case):
                return order, alike
            raise
        alike = alike and left[0] == right[0]
    return ORDERS, alike


ALL = torch_cases("differentiable", without=["random"], grad=True, dtypes=("float64",))


@each(ALL)
def test_orders(case: Case) -> None:
    assert agreed(case) == (depth(case), not keys(case) & CONSTANT)


def test_the_tables_name_what_there_is() -> None:
    known = {key for case in ALL for key in keys(case)}
    assert FEWER_IN_TORCH.keys() | CONSTANT <= known


@pytest.mark.parametrize("name", ["cdist", "hardsigmoid"])
def test_torch_has_fewer(name: str) -> None:
    case = next(case for case in torch_cases("differentiable", grad=True) if case.op.name == name)
    with pytest.raises((NotImplementedError, RuntimeError), match="not implemented"):
        list(orders(torch, case))


def test_norms_in_the_third_order() -> None:
    """Torch's own norms are wrong there, so these are compared with their formula in torch."""

    def slopes(lib: Any, norm: Callable[[Any], Any]) -> Any:
        x = lib.linspace(-1, 2, 24, dtype=lib.float64).sin().reshape(2, 3, 4).requires_grad_()
        y, found = norm(x), []
        for k in range(ORDERS):
            (y,) = lib.autograd.grad(y, x, weights(lib, y, k) + 2, create_graph=True)
            found.append(y.tolist())
        return found

    f = pb.nn.functional
    norms = {
        (0, 2): lambda x: f.batch_norm(x, None, None, training=True, eps=0.1),
        (2,): lambda x: f.instance_norm(x, eps=0.1),
        (-1,): lambda x: f.layer_norm(x, (4,), eps=0.1),
    }
    for dims, norm in norms.items():

        def formula(x: Any, dims: tuple[int, ...] = dims) -> Any:
            far = x - x.mean(dims, keepdim=True)
            return far / ((far**2).mean(dims, keepdim=True) + 0.1).sqrt()

        for ours, theirs in zip(slopes(pb, norm), slopes(torch, formula), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)


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
