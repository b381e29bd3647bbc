"""Custom functions: what torch has no words for (lifetimes, lines, cycles), and derivatives.

Results, gradients and refusals are compared with torch in parity/test_function.py.
"""

from __future__ import annotations

import gc
import inspect
import traceback
import weakref
from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback import _core
from pullback.autograd import Function, gradcheck, gradgradcheck
from pullback.autograd.function import FunctionCtx, once_differentiable
from threads import together


class Cube(Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x * x * x

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        (x,) = ctx.saved_tensors
        return g * 3 * x * x

    @staticmethod
    def jvp(ctx: Any, t: Any) -> Any:
        (x,) = ctx.saved_tensors
        return t * 3 * x * x


class Exp(Function):
    @staticmethod
    def forward(x: Any) -> Any:
        return x.exp()

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(output)
        ctx.save_for_forward(output)

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        (y,) = ctx.saved_tensors
        return g * y

    @staticmethod
    def jvp(ctx: Any, t: Any) -> Any:
        (y,) = ctx.saved_tensors
        return t * y


def leaf(*values: float) -> Any:
    return pb.tensor(values, dtype=pb.float64, requires_grad=True)


# --- derivatives ---


@pytest.mark.parametrize("function", [Cube, Exp])
def test_first_and_second_derivatives(function: Any) -> None:
    x = leaf(0.5, -1.0, 2.0)
    assert gradcheck(function.apply, (x,))
    assert gradgradcheck(function.apply, (x,))


def test_a_function_of_a_function() -> None:
    x = leaf(0.5, -0.25)
    assert gradcheck(lambda x: Exp.apply(Cube.apply(x) * x), (x,))
    assert gradgradcheck(lambda x: Exp.apply(Cube.apply(x) * x), (x,))


def test_forward_mode() -> None:
    x, t = pb.tensor([0.5, 2.0]), pb.tensor([1.0, 10.0])
    value, tangent = _core._jvp(lambda x: Exp.apply(x * 2), (x,), (t,))
    assert value.tolist() == pytest.approx(np.exp([1.0, 4.0]).tolist())
    assert tangent.tolist() == pytest.approx((2 * np.exp([1.0, 4.0]) * [1.0, 10.0]).tolist())


def test_reverse_over_forward() -> None:
    x = leaf(0.5, 2.0)
    _, tangent = _core._jvp(Exp.apply, (x,), (pb.ones(2, dtype=pb.float64),))
    tangent.sum().backward()
    assert x.grad.tolist() == pytest.approx(np.exp([0.5, 2.0]).tolist())


def test_a_function_without_jvp_refuses_tangents() -> None:
    class F(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

    with pytest.raises(NotImplementedError, match="You must implement the jvp function"):
        _core._jvp(F.apply, (pb.ones(2),), (pb.ones(2),))
    assert F.apply(pb.ones(2)).tolist() == [2.0, 2.0]


@pytest.mark.parametrize(
    ("jvp", "message"),
    [
        (lambda ctx, t: (t, t), r"expected 1 but got 2"),
        (lambda ctx, t: 3, r"expected Variable or None \(got int\) for grad output 0"),
        (
            lambda ctx, t: pb.ones(3),
            r"size \[2\] while the given forward gradient is of size \[3\]",
        ),
    ],
)
def test_a_jvp_that_returns_something_else(jvp: Any, message: str) -> None:
    body = {"forward": staticmethod(lambda ctx, x: x * 2), "jvp": staticmethod(jvp)}
    function: Any = type("F", (Function,), body)
    with pytest.raises(RuntimeError, match=message):
        _core._jvp(function.apply, (pb.ones(2),), (pb.ones(2),))


def test_many_arguments_and_results() -> None:
    class Scale(Function):
        @staticmethod
        def forward(ctx: Any, *xs: Any) -> Any:
            return tuple(x * (k + 1) for k, x in enumerate(xs))

        @staticmethod
        def backward(ctx: Any, *gs: Any) -> Any:
            return tuple(g * (k + 1) for k, g in enumerate(gs))

    xs = [leaf(1.0) for _ in range(100)]
    results = Scale.apply(*xs)
    sum(results).backward()
    assert [x.grad.item() for x in xs] == [k + 1.0 for k in range(100)]
    assert len(results[0].grad_fn.next_functions) == 100


def test_nine_dimensions() -> None:
    x = pb.ones(*[1] * 8, 2, requires_grad=True)
    Cube.apply(x).sum().backward()
    assert x.grad.shape == x.shape
    assert x.grad.flatten().tolist() == [3.0, 3.0]


def test_a_long_chain() -> None:
    x = y = leaf(1.0)
    for _ in range(20000):
        y = Identity.apply(y)
    y.backward()
    assert x.grad.tolist() == [1.0]


class Identity(Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g


def test_a_gradient_passed_on_is_not_changed_by_accumulation() -> None:
    seen = []

    class Keep(Identity):
        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            seen.append(g)
            return g

    x = leaf(1.0)
    y = x * 1
    (Keep.apply(y) + y * 5).backward()
    assert (x.grad.tolist(), seen[0].tolist()) == ([6.0], [1.0])


def test_gradients_returned_from_outside_are_not_written() -> None:
    constant = pb.ones(1, dtype=pb.float64)

    class Constant(Identity):
        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return constant

    x = leaf(1.0)
    (Constant.apply(x) + Constant.apply(x) + Constant.apply(x)).backward()
    assert (x.grad.tolist(), constant.tolist()) == ([3.0], [1.0])


# --- the lines in messages ---


def test_errors_name_the_line_of_the_call() -> None:
    class Wrong(Identity):
        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g, g

    line = inspect.currentframe().f_lineno + 1  # type: ignore[union-attr]
    y = Wrong.apply(leaf(1.0))
    with pytest.raises(RuntimeError, match="incorrect number of gradients") as caught:
        y.backward()
    assert f"Recorded by WrongBackward at {__file__}:{line}" in str(caught.value)


def test_a_released_context_names_its_line_and_the_way_out() -> None:
    y = Cube.apply(leaf(1.0))
    y.backward()
    with pytest.raises(RuntimeError, match="Specify retain_graph=True") as caught:
        y.backward()
    assert f"Recorded by CubeBackward at {__file__}:" in str(caught.value)


def test_the_traceback_of_an_error_in_backward_is_kept() -> None:
    class Oops(Identity):
        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g / ctx.missing

    with pytest.raises(AttributeError) as caught:
        (Oops.apply(leaf(1.0)) * 2).backward()
    lines = "".join(traceback.format_tb(caught.value.__traceback__))
    assert "return g / ctx.missing" in lines


def test_an_error_leaves_the_graph_usable() -> None:
    class Moody(Cube):
        calm = False

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            if not Moody.calm:
                raise ValueError("not now")
            return Cube.backward(ctx, g)

    x = leaf(2.0)
    y = Moody.apply(x)
    with pytest.raises(ValueError, match="not now"):
        y.backward()
    assert x.grad is None
    Moody.calm = True
    y.backward()
    assert x.grad.tolist() == [12.0]


# --- lifetimes ---


def test_a_saved_result_does_not_hold_itself() -> None:
    y = Exp.apply(leaf(1.0))
    gone = weakref.ref(y)
    del y
    assert gone() is None


def test_the_context_dies_with_the_graph() -> None:
    y = Cube.apply(leaf(1.0))
    gone = weakref.ref(y.grad_fn)
    assert gone() is not None
    del y
    assert gone() is None


def test_a_context_that_is_held_keeps_the_graph_and_lets_it_go() -> None:
    x = leaf(1.0)
    before = _core.live_objects()["nodes"]
    node = Cube.apply(x * 1).grad_fn
    assert node.next_functions[0][0].name() == "MulBackward0"
    assert node.saved_tensors[0].tolist() == [1.0]
    assert _core.live_objects()["nodes"] == before + 2
    del node
    assert _core.live_objects()["nodes"] == before


def test_a_held_context_serves_as_the_target_of_other_nodes() -> None:
    x = leaf(2.0)
    y = Cube.apply(x)
    node = y.grad_fn
    z = y * 2
    del y
    z.backward()
    assert x.grad.tolist() == [24.0]
    assert z.grad_fn.next_functions[0][0] is node


def test_results_on_the_context_are_a_cycle_that_is_collected() -> None:
    class Careless(Identity):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.result = x.clone()
            ctx.x = x
            return ctx.result

    before = _core.live_objects()
    x = leaf(1.0)
    for _ in range(10):
        Careless.apply(x).backward()
    del x
    gc.collect()
    assert _core.live_objects() == before


@pytest.mark.parametrize(
    "tie",
    [
        lambda y, node: y.register_hook(lambda g: y),
        lambda y, node: node.register_hook(lambda given, arrived: node and None),
        lambda y, node: node.register_prehook(lambda arrived: y and None),
        lambda y, node: node.metadata.update(node=node, y=y),
    ],
)
def test_hooks_that_hold_the_function_are_collected(tie: Any) -> None:
    before = _core.live_objects()

    def make() -> None:
        y = Cube.apply(leaf(1.0))
        tie(y, y.grad_fn)

    make()
    gc.collect()
    assert _core.live_objects() == before


def test_a_context_that_refers_to_itself() -> None:
    class Narcissus(Identity):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.me = ctx
            return x.clone()

    y = Narcissus.apply(leaf(1.0))
    gone = weakref.ref(y.grad_fn)
    del y
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("place", ["forward", "setup_context", "backward"])
def test_nothing_is_left_after_an_exception(place: str) -> None:
    class Raises(Exp):
        pass

    def fail(*_: Any) -> Any:
        raise KeyError(place)

    setattr(Raises, place, staticmethod(fail))
    before = _core.live_objects()
    for _ in range(3):
        with pytest.raises(KeyError, match=place):
            Raises.apply(leaf(1.0) * 2).backward()
    gc.collect()
    assert _core.live_objects() == before


def test_a_refused_call_leaves_nothing() -> None:
    class Bad(Identity):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward("x")
            return x.clone()

    before = _core.live_objects()
    with pytest.raises(TypeError, match="can only save variables"):
        Bad.apply(leaf(1.0))
    gc.collect()
    assert _core.live_objects() == before


def test_attributes_are_dropped_with_the_context() -> None:
    class Token:
        pass

    tokens: list[Any] = []

    class Holds(Identity):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.token = Token()
            tokens.append(weakref.ref(ctx.token))
            return x.clone()

    y = Holds.apply(leaf(1.0))
    z = Holds.apply(pb.ones(1))
    assert [t() is None for t in tokens] == [False, True]
    del y, z
    assert tokens[0]() is None


# --- interaction ---


def test_with_retained_gradients_and_inputs() -> None:
    x = leaf(2.0)
    y = Cube.apply(x)
    y.retain_grad()
    z = Cube.apply(y)
    z.backward(inputs=[x])
    assert (x.grad.tolist(), y.grad.tolist()) == ([3 * 64.0 * 12], [3 * 64.0])
    y = Cube.apply(x)
    assert pb.autograd.grad(Cube.apply(y), y)[0].tolist() == [192.0]


def test_gradients_that_nobody_wants_are_dropped() -> None:
    class Product(Function):
        @staticmethod
        def forward(ctx: Any, x: Any, y: Any) -> Any:
            ctx.save_for_backward(x, y)
            return x * y

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            x, y = ctx.saved_tensors
            return g * y, g * x

    x, y = leaf(2.0), leaf(5.0)
    product = Product.apply(x * 1, y * 1)
    assert pb.autograd.grad(product, x)[0].tolist() == [5.0]
    assert y.grad is None


def test_once_differentiable_keeps_name_and_results() -> None:
    class Two(Function):
        @staticmethod
        def forward(ctx: Any, x: Any, y: Any) -> Any:
            return x * y

        @staticmethod
        @once_differentiable
        def backward(ctx: Any, g: Any) -> Any:
            """The derivative."""
            return g, None

    assert (Two.backward.__name__, Two.backward.__doc__) == ("backward", "The derivative.")
    x = leaf(2.0)
    (first,) = pb.autograd.grad(Two.apply(x, leaf(1.0)), x, leaf(1.0), create_graph=True)
    assert first.grad_fn.name() == "torch::autograd::Error"
    with pytest.raises(RuntimeError, match="trying to differentiate twice"):
        first.backward()


def test_numpy_inside() -> None:
    class Sort(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.order = np.argsort(x.numpy())
            return pb.from_numpy(x.numpy()[ctx.order])

        @staticmethod
        @once_differentiable
        def backward(ctx: Any, g: Any) -> Any:
            result = np.empty_like(g.numpy())
            result[ctx.order] = g.numpy()
            return pb.from_numpy(result)

    x = leaf(3.0, 1.0, 2.0)
    (Sort.apply(x) * pb.tensor([1.0, 10.0, 100.0], dtype=pb.float64)).sum().backward()
    assert x.grad.tolist() == [100.0, 1.0, 10.0]


def test_a_context_outside_a_call() -> None:
    ctx = FunctionCtx()
    y = Cube.forward(ctx, pb.tensor(2.0))
    assert y.item() == 8.0
    assert [t.item() for t in ctx.to_save] == [2.0]


def test_threads() -> None:
    shared = leaf(2.0)

    def work(_: int) -> None:
        for _ in range(100):
            x = leaf(2.0)
            (Cube.apply(x) + Exp.apply(shared) * 0).backward(inputs=[x])
            assert x.grad.tolist() == [12.0]

    together(work)
