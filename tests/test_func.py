"""pullback.func: derivatives of derivatives, what is and is not recorded, errors, speed of growth.

Values beside PyTorch are in parity/test_func.py; here against formulas, finite differences and each
other, and what PyTorch does not have (linearize inside other transforms, transforms in a
dual_level, custom functions).
"""

from __future__ import annotations

import math
import threading
from typing import Any

import pytest

import pullback as pb
import pullback.autograd.forward_ad as fw
from pullback import _core
from pullback.func import (
    functional_call,
    grad,
    grad_and_value,
    hessian,
    jacfwd,
    jacrev,
    jvp,
    linearize,
    stack_module_state,
    vjp,
    vmap,
)

Tensor = pb.Tensor
F64 = pb.float64


def scalar(value: float, requires_grad: bool = False) -> Tensor:
    return pb.tensor(value, dtype=F64, requires_grad=requires_grad)


def close(a: Any, b: Any) -> None:
    assert pb.allclose(pb.as_tensor(a, dtype=F64), pb.as_tensor(b, dtype=F64)), f"{a} != {b}"


@pytest.fixture(autouse=True)
def _levels_are_clean() -> Any:
    yield
    assert _core._level_kinds() == ()


# --- every order of derivative by every mix of modes ---


def by_reverse(f: Any) -> Any:
    return grad(f)


def by_forward(f: Any) -> Any:
    return lambda x: jvp(f, (x,), (pb.ones_like(x),))[1]


def by_jacrev(f: Any) -> Any:
    return jacrev(f)


def by_jacfwd(f: Any) -> Any:
    return jacfwd(f)


def by_linearize(f: Any) -> Any:
    return lambda x: linearize(f, x)[1](pb.ones_like(x))


def by_vjp(f: Any) -> Any:
    return lambda x: vjp(f, x)[1](pb.ones_like(x))[0]


def by_vmap(f: Any) -> Any:
    return lambda x: vmap(grad(f))(x.reshape(1)).reshape(())


def by_duals(f: Any) -> Any:
    def derivative(x: Tensor) -> Tensor:
        with fw.dual_level():
            found = fw.unpack_dual(f(fw.make_dual(x, pb.ones_like(x)))).tangent
        assert found is not None
        return found

    return derivative


MODES = [by_reverse, by_forward, by_jacrev, by_jacfwd, by_linearize, by_vjp, by_vmap]
NAMES = ["reverse", "forward", "jacrev", "jacfwd", "linearize", "vjp", "vmap"]


@pytest.mark.parametrize("first", MODES, ids=NAMES)
@pytest.mark.parametrize("second", MODES, ids=NAMES)
@pytest.mark.parametrize("third", MODES, ids=NAMES)
def test_third_derivative_by_any_three(first: Any, second: Any, third: Any) -> None:
    """f = exp(sin x) keeps results, x**4 keeps inputs."""
    x = 0.4
    s, c = math.sin(x), math.cos(x)
    expected = math.exp(s) * (c**3 - 3 * s * c - c) + 24 * x
    close(third(second(first(lambda x: x.sin().exp() + x**4)))(scalar(x)), expected)


@pytest.mark.parametrize("inner", MODES, ids=NAMES)
@pytest.mark.parametrize("outer", [*MODES, by_duals], ids=[*NAMES, "duals"])
def test_no_derivative_is_taken_for_another(inner: Any, outer: Any) -> None:
    """d/dx [x * d/dy (x + y)] is 1 although x and y go through the same sum."""
    close(outer(lambda x: x * inner(lambda y: x + y)(scalar(1.0)))(scalar(2.0)), 1.0)
    # d/dx [d/dy (x * y**2) at y = x] = d/dx 2 x**2
    close(outer(lambda x: inner(lambda y: x * y * y)(x))(scalar(3.0)), 12.0)
    # The inner one does not depend on x at all.
    close(outer(lambda x: inner(lambda y: y * y)(scalar(5.0)) * x)(scalar(3.0)), 10.0)


def test_ten_levels_of_reverse_and_forward_mode() -> None:
    for mode in (by_reverse, by_forward):
        f: Any = pb.exp
        for _ in range(10):
            f = mode(f)
        close(f(scalar(0.3)), math.exp(0.3))


def test_more_reverse_levels_than_there_are_bits() -> None:
    def nested(depth: int, x: Tensor) -> Tensor:
        if depth == 0:
            return x * x
        return x * grad(lambda y: nested(depth - 1, y) + x * y)(x)

    # n(0) = x^2; n(k) = x (n(k-1)' + x): n(k) = a(k) x^2 with a(k) = 2 a(k-1) + 1.
    a = 1
    for _ in range(18):
        a = 2 * a + 1
    assert nested(18, scalar(2.0)).item() == 4.0 * a


def test_hessian_of_rosenbrock() -> None:
    def rosenbrock(x: Tensor) -> Tensor:
        return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()

    n = 6
    x = pb.linspace(-1, 1, n, dtype=F64)
    expected = pb.zeros(n, n, dtype=F64)
    for i in range(n - 1):
        expected[i, i] += 1200 * x[i] ** 2 - 400 * x[i + 1] + 2
        expected[i, i + 1] = expected[i + 1, i] = -400 * x[i]
        expected[i + 1, i + 1] += 200
    for found in (
        hessian(rosenbrock)(x),
        jacfwd(jacfwd(rosenbrock))(x),
        jacrev(jacrev(rosenbrock))(x),
        jacrev(jacfwd(rosenbrock))(x),
        jacrev(jacrev(rosenbrock), chunk_size=2)(x),
        pb.autograd.functional.hessian(rosenbrock, x),
        pb.autograd.functional.hessian(rosenbrock, x, vectorize=True),
    ):
        close(found, expected)


# --- levels and ordinary autograd ---


def test_transforms_do_not_touch_grad() -> None:
    x, w = scalar(2.0, True), scalar(3.0, True)
    found = grad(lambda x: x * x * w)(x)
    assert x.grad is None
    assert w.grad is None
    found.backward()
    close(x.grad, 6.0)
    close(w.grad, 4.0)


def test_a_result_without_outer_inputs_has_no_history() -> None:
    found, value = grad_and_value(lambda x: (x * x).sum())(pb.ones(2))
    for each in (
        found,
        value,
        jvp(pb.sin, (pb.ones(2),), (pb.ones(2),))[1],
        hessian(lambda x: (x**3).sum())(pb.ones(2)),
    ):
        assert not each.requires_grad
        assert each.grad_fn is None


def test_no_grad_outside_is_not_seen_inside_and_kept() -> None:
    x = scalar(2.0, True)
    with pb.no_grad():
        found = grad(lambda x: x * x)(x)
        assert not pb.is_grad_enabled()
    close(found, 4.0)
    assert not found.requires_grad


def test_no_grad_inside_makes_constants() -> None:
    def f(x: Tensor) -> Tensor:
        with pb.no_grad():
            shift = x * x
        return x * x - shift

    close(grad(f)(scalar(3.0)), 6.0)
    close(grad(grad(f))(scalar(3.0)), 2.0)


def test_detach_stops_every_level() -> None:
    def f(x: Tensor) -> Tensor:
        return x * x.detach()

    close(grad(f)(scalar(3.0)), 3.0)
    close(grad(grad(f))(scalar(3.0)), 0.0)
    close(jvp(grad(f), (scalar(3.0),), (scalar(1.0),))[1], 0.0)
    close(vmap(grad(f))(pb.ones(2, dtype=F64)), [1.0, 1.0])


def test_inside_a_dual_level() -> None:
    with fw.dual_level():
        x = fw.make_dual(scalar(3.0), scalar(1.0))
        gradient = grad(lambda y: y * y * y)(x)
        value, tangent = fw.unpack_dual(gradient)
        close(value, 27.0)
        close(tangent, 18.0)


def test_autograd_inside_a_transform() -> None:
    """d/dw of the gradient by ordinary autograd at w * x."""

    def f(w: Tensor) -> Tensor:
        x = w * 2
        (g,) = pb.autograd.grad(x * x * x, x, create_graph=True)
        return g

    close(grad(f)(scalar(1.5)), 24 * 1.5)


def test_is_grads_batched_inside_a_transform() -> None:
    def f(x: Tensor) -> Tensor:
        (rows,) = pb.autograd.grad(
            x**3, x, pb.eye(2, dtype=F64), create_graph=True, is_grads_batched=True
        )
        return rows.diagonal().sum()

    close(grad(f)(pb.tensor([1.0, 2.0], dtype=F64)), [6.0, 12.0])


def test_threads_have_their_own_levels() -> None:
    started, go = threading.Event(), threading.Event()
    found: list[Any] = []

    def wait(x: Tensor) -> Tensor:
        started.set()
        assert go.wait(30)
        return x * x

    thread = threading.Thread(target=lambda: found.append(grad(wait)(scalar(3.0)).item()))
    thread.start()
    assert started.wait(30)
    assert _core._level_kinds() == ()
    close(hessian(lambda x: x**3)(scalar(2.0)), 12.0)
    go.set()
    thread.join()
    assert found == [6.0]


# --- vjp and linearize as objects ---


def test_vjp_fn_can_be_called_often_and_from_inside_other_transforms() -> None:
    y, pull = vjp(lambda x: x**3, pb.tensor([1.0, 2.0], dtype=F64))
    close(y, [1.0, 8.0])
    for _ in range(3):
        close(pull(pb.ones(2, dtype=F64))[0], [3.0, 12.0])
    close(vmap(pull)(pb.eye(2, dtype=F64))[0], [[3.0, 0.0], [0.0, 12.0]])
    close(jacfwd(lambda v: pull(v)[0])(pb.ones(2, dtype=F64)), [[3.0, 0.0], [0.0, 12.0]])


def test_linearize_runs_the_function_once() -> None:
    calls = []

    def f(x: Tensor) -> Any:
        calls.append(1)
        return {"cube": x**3, "constant": pb.ones(3, dtype=F64), "count": pb.tensor(3)}

    value, push = linearize(f, pb.tensor([1.0, 2.0], dtype=F64))
    for factor in (1.0, 2.0):
        found = push(pb.full((2,), factor, dtype=F64))
        close(found["cube"], [3.0 * factor, 12.0 * factor])
        close(found["constant"], [0.0, 0.0, 0.0])
        assert found["count"].item() == 0
    assert len(calls) == 1
    close(value["cube"], [1.0, 8.0])
    close(vmap(push)(pb.eye(2, dtype=F64))["cube"], [[3.0, 0.0], [0.0, 12.0]])


def test_linearize_inside_grad() -> None:
    close(grad(lambda x: linearize(lambda y: y**3, x)[1](scalar(1.0)))(scalar(2.0)), 12.0)


# --- structure ---


def test_arguments_and_results_in_containers() -> None:
    params = {"layer": [pb.ones(2), (pb.ones(2),)], "scale": pb.tensor(2.0)}

    def loss(p: Any, x: Tensor) -> Tensor:
        return ((p["layer"][0] * x).sum() + (p["layer"][1][0] * x * x).sum()) * p["scale"]

    x = pb.tensor([1.0, 3.0])
    found = grad(loss)(params, x)
    assert pb.equal(found["layer"][0], 2 * x)
    assert pb.equal(found["layer"][1][0], 2 * x * x)
    assert found["scale"].item() == 14.0


def test_empty_inputs_and_outputs() -> None:
    empty = pb.zeros(0, dtype=F64)
    assert grad(lambda x: x.sum())(empty).shape == (0,)
    assert jacrev(lambda x: x * 2)(empty).shape == (0, 0)
    assert jacfwd(lambda x: x * 2)(empty).shape == (0, 0)
    assert jacrev(lambda x: x[:0] * 2)(pb.ones(3, dtype=F64)).shape == (0, 3)
    assert jacfwd(lambda x: x[:0] * 2)(pb.ones(3, dtype=F64)).shape == (0, 3)


def test_names_are_kept() -> None:
    def loss(x: Tensor) -> Tensor:
        """What it is."""
        return x

    for transform in (grad, grad_and_value, jacrev, jacfwd, vmap):
        assert transform(loss).__name__ == "loss"
        assert transform(loss).__doc__ == "What it is."


def test_an_input_cannot_be_written_in_place() -> None:
    x = pb.ones(2)
    with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
        grad(lambda x: x.mul_(2).sum())(x)
    assert pb.equal(x, pb.ones(2))


def test_an_input_is_a_leaf_at_every_level() -> None:
    """Also where it has a history for the levels around."""
    seen = []

    def write(x: Tensor) -> Tensor:
        seen.append((x.is_leaf, x.grad_fn, x.requires_grad))
        return x.mul_(2).sum()

    def write_part(x: Tensor) -> Tensor:
        x[0] = 5.0
        return x.sum()

    plain, wanting = pb.ones(2), pb.ones(2, requires_grad=True)
    for function in (write, write_part):
        for x in (plain, wanting):
            with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
                grad(function)(x)
            with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
                grad(lambda x, f=function: grad(f)(x).sum())(x)
            assert x.tolist() == [1.0, 1.0]
    assert set(seen) == {(True, None, True)}


def test_forward_mode_writes_through_to_its_input() -> None:
    x = pb.ones(2)
    value, derivative = jvp(lambda x: x.mul_(2), (x,), (pb.tensor([1.0, 3.0]),))
    assert x.tolist() == value.tolist() == [2.0, 2.0]
    assert derivative.tolist() == [2.0, 6.0]


def test_leaves_made_inside() -> None:
    def f(x: Tensor) -> Tensor:
        w = pb.ones(2, requires_grad=True)
        (g,) = pb.autograd.grad((w * w * x).sum(), w, create_graph=True)
        return g.sum()

    assert grad(f)(pb.ones(2)).tolist() == [2.0, 2.0]
    with pytest.raises(RuntimeError, match="requires_grad_"):
        grad(lambda x: x.detach().requires_grad_().sum())(pb.ones(2))


def test_under_inference_mode() -> None:
    with pb.inference_mode():
        x = pb.ones(2)
        found = grad(lambda x: (x * x).sum())(x)
        assert pb.is_inference_mode_enabled()
    assert found.tolist() == [2.0, 2.0]
    assert not found.requires_grad


def test_in_place_on_what_was_computed() -> None:
    def f(x: Tensor) -> Tensor:
        y = x * 1
        y[0] = y[1] * 2
        y.mul_(y)
        return y.sum()

    x = pb.tensor([1.0, 2.0], dtype=F64)
    close(grad(f)(x), [0.0, 20.0])
    close(hessian(f)(x), [[0.0, 0.0], [0.0, 10.0]])
    close(jvp(f, (x,), (pb.ones(2, dtype=F64),))[1], 20.0)
    close(jacfwd(jacfwd(f))(x), [[0.0, 0.0], [0.0, 10.0]])


def test_keyword_arguments_are_not_differentiated() -> None:
    close(grad(lambda x, *, w: x * x * w)(scalar(2.0), w=scalar(3.0)), 12.0)


# --- modules ---


def test_functional_call_leaves_the_module_alone() -> None:
    layer = pb.nn.Linear(2, 2)
    before = layer.weight
    found = functional_call(layer, {"weight": pb.zeros(2, 2), "bias": pb.ones(2)}, pb.ones(2))
    assert pb.equal(found, pb.ones(2))
    assert layer.weight is before
    with pytest.raises(ZeroDivisionError):
        functional_call(Failing(), {"weight": pb.zeros(1)}, pb.ones(1))


class Failing(pb.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = pb.nn.Parameter(pb.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        assert not self.weight.requires_grad
        raise ZeroDivisionError


def test_functional_call_with_several_dicts_keywords_and_buffers() -> None:
    class Model(pb.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = pb.nn.Linear(2, 1)
            self.register_buffer("shift", pb.zeros(1))

        def forward(self, x: Tensor, *, scale: float = 1.0) -> Tensor:
            return self.layer(x) * scale + self.shift

    model = Model()
    params = {"layer.weight": pb.ones(1, 2), "layer.bias": pb.zeros(1)}
    found = functional_call(model, (params, {"shift": pb.ones(1)}), (pb.ones(2),), {"scale": 3.0})
    assert found.item() == 7.0
    with pytest.raises(ValueError, match="appeared in multiple dictionaries"):
        functional_call(model, (params, params), (pb.ones(2),))
    functional_call(model, {**params, "layer.other": pb.ones(1)}, (pb.ones(2),))
    assert not hasattr(model.layer, "other")
    with pytest.raises(RuntimeError, match="Unexpected key"):
        functional_call(model, {"other": pb.ones(1)}, (pb.ones(2),), strict=True)
    with pytest.raises(RuntimeError, match="Missing key"):
        functional_call(model, params, (pb.ones(2),), strict=True)


def test_tied_weights_are_replaced_together() -> None:
    class Tied(pb.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = pb.nn.Parameter(pb.ones(1))
            self.b = self.a

        def forward(self, x: Tensor) -> Tensor:
            return self.a * self.b * x

    model = Tied()
    new = {"a": pb.full((1,), 3.0)}
    assert functional_call(model, new, pb.ones(1)).item() == 9.0
    assert functional_call(model, new, pb.ones(1), tie_weights=False).item() == 3.0
    with pytest.raises(ValueError, match="tied"):
        functional_call(model, {"a": pb.ones(1), "b": pb.zeros(1)}, pb.ones(1))


def test_per_sample_gradients_of_a_module() -> None:
    model = pb.nn.Sequential(pb.nn.Linear(3, 4), pb.nn.Tanh(), pb.nn.Linear(4, 1))
    params = {k: v.detach() for k, v in model.named_parameters()}
    x, y = pb.rand(6, 3), pb.rand(6, 1)

    def loss(p: Any, x: Tensor, y: Tensor) -> Tensor:
        return ((functional_call(model, p, x) - y) ** 2).sum()

    found = vmap(grad(loss), in_dims=(None, 0, 0))(params, x, y)
    for i in range(6):
        model.zero_grad()
        ((model(x[i]) - y[i]) ** 2).sum().backward()
        for name, parameter in model.named_parameters():
            assert pb.allclose(found[name][i], parameter.grad, atol=1e-6)


def test_stack_module_state_refuses_what_differs() -> None:
    with pytest.raises(RuntimeError, match="at least one model"):
        stack_module_state([])
    with pytest.raises(RuntimeError, match="same class"):
        stack_module_state([pb.nn.Linear(1, 1), pb.nn.Tanh()])
    with pytest.raises(RuntimeError, match="same training/eval mode"):
        stack_module_state([pb.nn.Linear(1, 1), pb.nn.Linear(1, 1).eval()])


# --- custom functions ---


class Cube(pb.autograd.Function):
    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return x**3

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Tensor) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return 3 * x**2 * gradient

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return 3 * x**2 * tangent


def test_custom_functions_inside_transforms() -> None:
    x = scalar(2.0)
    close(grad(Cube.apply)(x), 12.0)
    close(grad(grad(Cube.apply))(x), 12.0)
    close(jvp(Cube.apply, (x,), (scalar(1.0),))[1], 12.0)
    close(jvp(lambda x: jvp(Cube.apply, (x,), (scalar(1.0),))[1], (x,), (scalar(1.0),))[1], 12.0)


def test_linearize_needs_the_jvp_of_a_function() -> None:
    class Cube(pb.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(x: Any) -> Any:
            return x**3

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.save_for_backward(*inputs)
            ctx.save_for_forward(*inputs)

        @staticmethod
        @pb.autograd.function.once_differentiable
        def backward(ctx: Any, gradient: Any) -> Any:
            (x,) = ctx.saved_tensors
            return 3 * x**2 * gradient

    class Pushed(Cube):
        @staticmethod
        def jvp(ctx: Any, tangent: Any) -> Any:
            (x,) = ctx.saved_tensors
            return 3 * x**2 * tangent

    x = pb.tensor([1.0, 2.0])
    with pytest.raises(NotImplementedError, match="jvp"):
        pb.func.linearize(lambda x: x.sin() + Cube.apply(x * 2), x)
    assert linearize(Pushed.apply, x)[1](pb.ones(2)).tolist() == [3.0, 12.0]
    assert pb.func.grad(lambda x: Cube.apply(x).sum())(x).tolist() == [3.0, 12.0]


@pytest.mark.parametrize("how", ["detach", "no_grad", "constant"])
def test_linearize_refuses_tangents_without_a_history(how: str) -> None:
    class Scale(pb.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(x: Any) -> Any:
            return x * 2

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            pass

        @staticmethod
        def jvp(ctx: Any, tangent: Any) -> Any:
            with pb.set_grad_enabled(how != "no_grad"):
                given = tangent.detach() if how == "detach" else tangent
                return given * 2 if how != "constant" else pb.zeros_like(tangent)

    x = pb.tensor([1.0, 2.0])
    for function in (Scale.apply, lambda x: vmap(Scale.apply)(x).sin()):
        if how == "constant":
            assert linearize(function, x)[1](x).tolist() == [0.0, 0.0]
            continue
        with pytest.raises(RuntimeError, match="Scale gave a tangent that has no history"):
            linearize(function, x)


@pytest.mark.parametrize(
    "function",
    [pb.exp, pb.tanh, lambda x: x.softmax(0), lambda x: x.cumprod(0), lambda x: x.logsumexp(0)],
)
def test_recorded_tangents_of_what_is_not_recorded_leave_no_cycle(function: Any) -> None:
    x, tangent = pb.tensor([1.0, 2.0]), pb.ones(2, requires_grad=True)
    jvp(lambda x: function(x).sin(), (x,), (tangent,))
    linearize(lambda x: jvp(lambda x: function(x).sin(), (x,), (pb.ones(2),))[1], x)
    with pb.autograd.forward_ad.dual_level():
        function(pb.autograd.forward_ad.make_dual(x, tangent)).sin()
