"""Classes of custom functions: bases, methods, contexts, old names, errors, beside torch."""

from __future__ import annotations

import functools
import warnings
from typing import Any

import pytest

import pullback as pb
from scenarios import Scenario, check, double, grad_of, leaf, make, saving

torch = pytest.importorskip("torch")

SCENARIOS: list[Scenario] = []


def scenario(run: Scenario) -> Scenario:
    SCENARIOS.append(run)
    return run


def twice(ctx: Any, g: Any, *more: Any) -> Any:
    return g * 2


# --- classes ---


@scenario
def methods_that_are_not_static(t: Any) -> Any:
    class Function(t.autograd.Function):
        def forward(ctx, x: Any) -> Any:
            return x * 2

        def backward(ctx, g: Any) -> Any:
            return g * 2

    return grad_of(t, Function)


@scenario
def methods_of_the_class(t: Any) -> Any:
    class Function(t.autograd.Function):
        factor = 3

        @classmethod
        def forward(cls, ctx: Any, x: Any) -> Any:
            return x * cls.factor

        @classmethod
        def backward(cls, ctx: Any, g: Any) -> Any:
            return g * cls.factor

    return grad_of(t, Function)


@scenario
def a_derived_class(t: Any) -> Any:
    base = make(t, double, twice)

    class Derived(base):  # type: ignore[misc, valid-type]
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return base.forward(ctx, x) + 1

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return base.backward(ctx, g) * 7

    y = Derived.apply(leaf(t))
    return grad_of(t, Derived), y.grad_fn.name(), type(y.grad_fn).__name__


@scenario
def a_mixin(t: Any) -> Any:
    class Backward:
        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 9

    class Function(Backward, t.autograd.Function):  # type: ignore[misc, name-defined]
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

    return grad_of(t, Function)


@scenario
def the_class_of_contexts(t: Any) -> Any:
    function = make(t, double, twice)
    node = function.apply(leaf(t)).grad_fn
    classes = t.autograd.function
    return (
        function._backward_cls.__name__,
        type(node) is function._backward_cls,
        function._backward_cls._forward_cls is function,
        isinstance(node, classes.FunctionCtx),
        isinstance(node, classes.BackwardCFunction),
        isinstance(function, classes.FunctionMeta),
    )


@scenario
def partial_applications(t: Any) -> Any:
    function = make(t, lambda ctx, x, k: x * k, lambda ctx, g: (g * 3, None))
    return functools.partial(function.apply, k=3)(leaf(t))


@scenario
def without_forward(t: Any) -> Any:
    return type(t.autograd.Function)("F", (t.autograd.Function,), {}).apply(leaf(t))


@scenario
def without_backward(t: Any) -> Any:
    return grad_of(t, make(t, double))


@scenario
def the_base_itself(t: Any) -> Any:
    return t.autograd.Function.apply(leaf(t))


@scenario
def an_instance_is_called(t: Any) -> Any:
    return make(t, double, twice)()(leaf(t))


@scenario
def an_instance_applies(t: Any) -> Any:
    return make(t, double, twice)().apply(leaf(t))


@scenario
def vjp_in_the_place_of_backward(t: Any) -> Any:
    return grad_of(t, make(t, double, vjp=twice))


@scenario
def vjp_and_backward(t: Any) -> Any:
    return grad_of(t, make(t, double, twice, vjp=twice))


@scenario
def an_old_base(t: Any) -> Any:
    class Double(t.autograd.function.InplaceFunction):
        @staticmethod
        def forward(ctx: Any, x: Any, inplace: bool = False) -> Any:
            ctx.inplace = inplace
            if inplace:
                ctx.mark_dirty(x)
                return x.mul_(2)
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 2, None

    x = leaf(t)
    y = x * 1
    Double.apply(y, True)
    y.sum().backward()
    return grad_of(t, Double), x.grad, Double(True).inplace


@scenario
def an_old_type(t: Any) -> Any:
    variable = t.autograd.Variable
    x = t.ones(2)
    y = variable(x, requires_grad=True)
    return (
        y,
        type(y) is t.Tensor,
        isinstance(x, variable),
        isinstance(3, variable),
        y.data_ptr() == x.data_ptr(),
        variable(x).requires_grad,
    )


# --- contexts ---


@scenario
def the_old_name_of_what_is_saved(t: Any) -> Any:
    seen: list[Any] = []

    def backward(ctx: Any, g: Any) -> Any:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            seen.append([each.tolist() for each in ctx.saved_variables])
        seen.append([(each.category.__name__, str(each.message)) for each in caught])
        return g

    grad_of(t, make(t, saving, backward))
    return seen


@scenario
def the_class_of_an_error_to_come(t: Any) -> Any:
    once = t.autograd.function.once_differentiable(twice)
    x = leaf(t)
    (g,) = t.autograd.grad(make(t, double, once).apply(x * 1).sum(), x, create_graph=True)
    return once.__name__, g.requires_grad


@scenario
def an_error_to_come_has_a_name(t: Any) -> Any:
    once = t.autograd.function.once_differentiable(lambda ctx, g: g * 2)
    x = leaf(t)
    y = make(t, double, once).apply(x)
    (g,) = t.autograd.grad((y * y).sum(), x, create_graph=True)
    return g.grad_fn.name()


@scenario
def a_mode_that_backward_leaves_behind(t: Any) -> Any:
    log: list[bool] = []

    def backward(ctx: Any, g: Any) -> Any:
        t.set_grad_enabled(True)
        return g

    x = leaf(t)
    x.register_hook(lambda g: log.append(t.is_grad_enabled()))
    with t.no_grad(), t.enable_grad():
        make(t, double, backward).apply(x * 2).sum().backward()
    return log, t.is_grad_enabled(), x.grad


def marking(mark: Any) -> Scenario:
    def run(t: Any) -> Any:
        def forward(ctx: Any, x: Any) -> Any:
            return mark(ctx, x)

        x = leaf(t) * 1
        y = make(t, forward, twice).apply(x)
        return y is x, y.requires_grad, x.requires_grad, x.grad_fn.name(), y

    return run


def dirty_without_gradient(ctx: Any, x: Any) -> Any:
    ctx.mark_dirty(x)
    ctx.mark_non_differentiable(x)
    return x.mul_(2)


def input_without_gradient(ctx: Any, x: Any) -> Any:
    ctx.mark_non_differentiable(x)
    return x


def number_without_gradient(ctx: Any, x: Any) -> Any:
    ctx.mark_non_differentiable(3)
    return x * 2


def dirty_number(ctx: Any, x: Any) -> Any:
    ctx.mark_dirty(3)
    return x * 2


def dirty_and_lost(ctx: Any, x: Any) -> Any:
    ctx.mark_dirty(x.mul_(2))
    return x * 1


MARKS = (
    dirty_without_gradient,
    input_without_gradient,
    number_without_gradient,
    dirty_number,
    dirty_and_lost,
)


@pytest.mark.parametrize("mark", MARKS, ids=lambda mark: mark.__name__)
def test_marks(mark: Any) -> None:
    check(marking(mark), pb, torch)


# --- errors ---


def raising(box: list[Any]) -> Any:
    """A backward that raises what is in the box; it does not hold it, as that would be a cycle."""

    def backward(ctx: Any, g: Any) -> Any:
        raise box.pop()

    return backward


@pytest.mark.parametrize("kind", [KeyError, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_what_is_raised_is_what_is_caught(kind: Any) -> None:
    for t in (pb, torch):
        error = kind("mine")
        x, w = leaf(t), leaf(t)
        loss = (make(t, double, raising([error])).apply(x) + w * w).sum()
        with pytest.raises(kind) as caught:
            loss.backward(retain_graph=True)
        assert caught.value is error
        assert caught.value.__cause__ is None
        assert caught.traceback[-1].name == "backward"
        assert x.grad is None
        assert t.is_grad_enabled()
        error.__traceback__ = None
        del caught


@scenario
def an_error_with_a_cause(t: Any) -> Any:
    def backward(ctx: Any, g: Any) -> Any:
        try:
            return ctx.missing
        except AttributeError as error:
            raise ValueError("mine") from error

    try:
        grad_of(t, make(t, double, backward))
    except ValueError as error:
        return type(error.__cause__).__name__, type(error.__context__).__name__
    return None


@scenario
def an_error_whose_class_takes_two_arguments(t: Any) -> Any:
    class Mine(Exception):
        def __init__(self, a: int, b: int) -> None:
            super().__init__(a, b)
            self.b = b

    try:
        grad_of(t, make(t, double, raising([Mine(1, 2)])))
    except Mine as error:
        return error.args, error.b
    return None


@pytest.mark.parametrize("run", SCENARIOS, ids=lambda run: run.__name__)
def test_scenario(run: Scenario) -> None:
    check(run, pb, torch)
