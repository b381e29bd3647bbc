"""Transforms where a mode is on around them, in all places where user code runs, beside torch.

A transform sets the modes that its own level needs and puts them back: so its numbers are the same
everywhere, and what it returns requires a gradient where it does in torch.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import pullback as pb
from scenarios import make

torch = pytest.importorskip("torch")

Run = Callable[[Any], Any]
VALUES = [1.0, 2.0]


def cube(v: Any) -> Any:
    return v**3


def total(v: Any) -> Any:
    return (v**3).sum()


# Of x**3, each as a vector: the slope, or the value, or the second derivative.
TRANSFORMS: dict[str, Callable[[Any, Any], Any]] = {
    "grad": lambda t, x: t.func.grad(total)(x),
    "vjp": lambda t, x: t.func.vjp(cube, x)[1](t.ones(2))[0],
    "jvp": lambda t, x: t.func.jvp(cube, (x,), (t.ones(2),))[1],
    "jacfwd": lambda t, x: t.func.jacfwd(cube)(x).diagonal(),
    "jacrev": lambda t, x: t.func.jacrev(cube)(x).diagonal(),
    "hessian": lambda t, x: t.func.hessian(total)(x).diagonal(),
    "vmap": lambda t, x: t.vmap(cube)(x),
    "jvp of jvp": lambda t, x: t.func.jvp(lambda v: TRANSFORMS["jvp"](t, v), (x,), (t.ones(2),))[1],
    "jvp of grad": lambda t, x: t.func.jvp(t.func.grad(total), (x,), (t.ones(2),))[1],
    "grad of jvp": lambda t, x: t.func.grad(lambda v: TRANSFORMS["jvp"](t, v).sum())(x),
    "vmap of jvp": lambda t, x: t.vmap(lambda v: t.func.jvp(cube, (v,), (t.ones(()),))[1])(x),
    "jvp of vmap": lambda t, x: t.func.jvp(t.vmap(cube), (x,), (t.ones(2),))[1],
}
RIGHT = {"vmap": [1.0, 8.0], "hessian": [6.0, 12.0]} | {
    name: [6.0, 12.0] for name in ("jvp of jvp", "jvp of grad", "grad of jvp")
}


@contextlib.contextmanager
def both(first: Any, second: Any) -> Iterator[None]:
    with first, second:
        yield


MODES: dict[str, Callable[[Any], Any]] = {
    "plain": lambda t: contextlib.nullcontext(),
    "no_grad": lambda t: t.no_grad(),
    "inference": lambda t: t.inference_mode(),
    "forward off": lambda t: t.autograd.forward_ad._set_fwd_grad_enabled(False),
    "both off": lambda t: both(t.no_grad(), t.autograd.forward_ad._set_fwd_grad_enabled(False)),
    "anomaly": lambda t: t.autograd.detect_anomaly(),
}


def modes_of(t: Any) -> tuple[bool, ...]:
    forward = t.autograd.forward_ad._is_fwd_grad_enabled()
    return t.is_grad_enabled(), t.is_inference_mode_enabled(), forward


def leaf(t: Any) -> Any:
    return t.tensor(VALUES, requires_grad=True)


def bare(t: Any, run: Run) -> None:
    run(leaf(t))
    run(leaf(t).detach())


def forward(t: Any, run: Run) -> None:
    function = make(t, lambda ctx, x: run(x), lambda ctx, g: g)
    function.apply(leaf(t))
    function.apply(leaf(t).detach())


def forward_alone(t: Any, run: Run) -> None:
    make(t, run, lambda ctx, g: g, setup_context=lambda ctx, i, o: None).apply(leaf(t))


def setup_context(t: Any, run: Run) -> None:
    def setup(ctx: Any, inputs: Any, output: Any) -> None:
        run(inputs[0])

    make(t, lambda x: x * 1, lambda ctx, g: g, setup_context=setup).apply(leaf(t))


def saving(ctx: Any, x: Any) -> Any:
    ctx.save_for_backward(x)
    return x * 1


def backward(t: Any, run: Run) -> None:
    function = make(t, saving, lambda ctx, g: run(ctx.saved_tensors[0]) * g)
    function.apply(leaf(t)).sum().backward()


def backward_recorded(t: Any, run: Run) -> None:
    function = make(t, saving, lambda ctx, g: run(ctx.saved_tensors[0]) * g)
    x = leaf(t)
    t.autograd.grad(function.apply(x).sum(), x, create_graph=True)


def checkpoint(t: Any, run: Run) -> None:
    def function(x: Any) -> Any:
        return x * run(x.detach())

    t.utils.checkpoint.checkpoint(function, leaf(t), use_reentrant=False).sum().backward()


def reentrant_checkpoint(t: Any, run: Run) -> None:
    def function(x: Any) -> Any:
        return x * run(x)

    t.utils.checkpoint.checkpoint(function, leaf(t), use_reentrant=True).sum().backward()


def hook(t: Any, run: Run) -> None:
    x = leaf(t)
    y = x * 1
    y.register_hook(lambda g: run(x) * g)
    y.sum().backward()


def node_hook(t: Any, run: Run) -> None:
    x = leaf(t)
    y = x.sin()
    y.grad_fn.register_hook(lambda given, got: (run(x) * given[0],))
    y.sum().backward()


def unpack(t: Any, run: Run) -> None:
    x = leaf(t)

    def unpacked(saved: Any) -> Any:
        run(x)
        return saved

    with t.autograd.graph.saved_tensors_hooks(lambda saved: saved, unpacked):
        y = x.sin()
    y.sum().backward()


PLACES = [
    bare,
    forward,
    forward_alone,
    setup_context,
    backward,
    backward_recorded,
    checkpoint,
    reentrant_checkpoint,
    hook,
    node_hook,
    unpack,
]


def outcome(t: Any, place: Callable[..., None], mode: str, transform: str) -> list[Any]:
    """What it gives each time it runs, with the modes before, inside, after and at the end."""
    seen: list[Any] = []

    def run(x: Any) -> Any:
        around = modes_of(t)
        with MODES[mode](t):
            before = modes_of(t)
            found = TRANSFORMS[transform](t, x)
            seen.append((found.tolist(), found.requires_grad, around, before, modes_of(t)))
        return found.clone()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            place(t, run)
        except RuntimeError as error:
            seen.append(str(error))
    return [*seen, modes_of(t)]


# Recording inside hooks on saved tensors, and outside of inference mode what is left of it.
LIMITS = ("don't yet support saved tensor hooks", "Inference tensors cannot be saved")
REFUSED_ALIKE = ("does not require grad", "none of output has requires_grad=True")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
def test_numbers_and_modes_are_torchs(place: Callable[..., None], mode: str) -> None:
    compared = 0
    for transform in TRANSFORMS:
        ours = outcome(pb, place, mode, transform)
        theirs = outcome(torch, place, mode, transform)
        values = [each for each in ours[:-1] if not isinstance(each, str)]
        assert values, (transform, ours)
        for value, *_ in values:
            assert value == RIGHT.get(transform, [3.0, 12.0]), transform
        refused = [each for each in theirs if isinstance(each, str)]
        if any(limit in words for words in refused for limit in LIMITS):
            continue
        assert ours == theirs, transform
        compared += 1
    assert compared


@pytest.mark.parametrize("transform", ["grad", "vjp", "jvp", "jacfwd", "vmap"])
@pytest.mark.parametrize("mode", MODES)
def test_modes_inside_and_after(mode: str, transform: str) -> None:
    def found(t: Any, throws: bool, changes: bool) -> list[Any]:
        seen: list[Any] = []

        def function(x: Any) -> Any:
            seen.append(modes_of(t))
            if changes:
                t.set_grad_enabled(not t.is_grad_enabled())
                t.autograd.forward_ad._set_fwd_grad_enabled(False)
            if throws:
                raise KeyError
            return x.sum()

        x = t.ones(2)
        calls: dict[str, Callable[[], Any]] = {
            "jvp": lambda: t.func.jvp(function, (x,), (x,)),
            "vjp": lambda: t.func.vjp(function, x),
        }
        try:
            with MODES[mode](t), contextlib.suppress(KeyError):
                calls.get(transform, lambda: getattr(t.func, transform)(function)(x))()
                seen.append(modes_of(t))
            return [*seen, modes_of(t)]
        finally:
            t.set_grad_enabled(True)
            t.autograd.forward_ad._set_fwd_grad_enabled(True)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for throws in (False, True):
            for changes in (False, True):
                assert found(pb, throws, changes) == found(torch, throws, changes)


def test_levels_around_stay_off() -> None:
    def off(t: Any, name: str) -> Any:
        return {
            "no_grad": t.no_grad,
            "inference": t.inference_mode,
            "forward": lambda: t.autograd.forward_ad._set_fwd_grad_enabled(False),
        }[name]()

    def outer(t: Any, name: str, kind: str, inner: str) -> list[Any]:
        x = t.tensor(3.0, requires_grad=True)

        def function(v: Any) -> Any:
            with off(t, name):
                if inner == "jvp":
                    return t.func.jvp(lambda w: w**3 * v, (v,), (t.tensor(1.0),))[1]
                return t.func.grad(lambda w: w**3 * v)(v)

        if kind == "grad":
            return [t.func.grad(function)(x).item()]
        return [each.item() for each in t.func.jvp(function, (x,), (t.tensor(1.0),))]

    for name in ("no_grad", "inference", "forward"):
        for kind in ("grad", "jvp"):
            for inner in ("grad", "jvp"):
                assert outer(pb, name, kind, inner) == outer(torch, name, kind, inner)


def test_inference_mode_switches_forward_mode() -> None:
    def found(t: Any) -> list[Any]:
        seen = []
        with t.inference_mode():
            seen.append(modes_of(t))
            with t.inference_mode(False):
                seen.append(modes_of(t))
            with t.autograd.forward_ad._set_fwd_grad_enabled(True), t.enable_grad():
                seen.append(modes_of(t))
            seen.append(modes_of(t))
        with t.autograd.forward_ad._set_fwd_grad_enabled(False):
            with t.inference_mode(False):
                seen.append(modes_of(t))
            seen.append(modes_of(t))
        return [*seen, modes_of(t)]

    assert found(pb) == found(torch)


# What `no_grad` around a transform leaves of the arguments: each pulled outside of it.
def pulled(t: Any, make_pull: Callable[[Any], Any]) -> Any:
    x = t.tensor(3.0, requires_grad=True)
    with t.no_grad():
        value, pull = make_pull(x)
    (gradient,) = pull(t.tensor(1.0))
    second = t.autograd.grad(gradient, x)[0].item() if gradient.requires_grad else None
    return value.requires_grad, gradient.item(), gradient.requires_grad, second


@pytest.mark.parametrize(
    "function", [lambda v, x: v**2, lambda v, x: v**2 * x, lambda v, x: (v**2) ** 2 + v]
)
def test_pulling_outside_of_no_grad_is_recorded(function: Callable[[Any, Any], Any]) -> None:
    def vjp(t: Any) -> Callable[[Any], Any]:
        return lambda x: t.func.vjp(lambda v: function(v, x), x)

    assert pulled(pb, vjp(pb)) == pulled(torch, vjp(torch))


def test_pulling_outside_of_no_grad_inside_of_transforms() -> None:
    def found(t: Any) -> list[float]:
        def function(v: Any, off: Any) -> Any:
            with off:
                _, pull = t.func.vjp(lambda w: w**2, v)
            return pull(t.tensor(1.0))[0]

        x = t.tensor(3.0)
        forward = t.autograd.forward_ad._set_fwd_grad_enabled
        return [
            t.func.grad(lambda v: function(v, t.no_grad()))(x).item(),
            t.func.jacrev(lambda v: function(v, t.no_grad()))(x).item(),
            t.func.jvp(lambda v: function(v, t.inference_mode()), (x,), (x,))[1].item(),
            t.func.jvp(lambda v: function(v, forward(False)), (x,), (x,))[1].item(),
        ]

    assert found(pb) == found(torch)


def under(t: Any, mode: str, x: Any) -> Any:
    with MODES[mode](t):
        return x**2 * x.sin()


BODIES: dict[str, Callable[[Any, Any, str], Any]] = {
    "all": lambda t, x, mode: under(t, mode, x),
    "part": lambda t, x, mode: under(t, mode, x) * x,
    "grad": lambda t, x, mode: t.func.grad(lambda v: under(t, mode, v).sum() + total(v))(x),
    "write": lambda t, x, mode: under(t, mode, x).mul_(x),
}


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("inside", ["plain", "no_grad", "anomaly"])
@pytest.mark.parametrize("outside", ["plain", "no_grad"])
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
def test_linearize_is_jvp_in_every_mode(outside: str, inside: str, body: str) -> None:
    def found(t: Any, linear: bool, recorded: bool) -> list[Any]:
        x, direction = t.tensor(VALUES, requires_grad=recorded), t.tensor([1.0, -2.0])
        seen = []

        def function(v: Any) -> Any:
            seen.append(modes_of(t))
            return BODIES[body](t, v, inside)

        with MODES[outside](t):
            if linear:
                value, push = t.func.linearize(function, x)
                slope = push(direction)
            else:
                value, slope = t.func.jvp(function, (x,), (direction,))
        return [value.tolist(), slope.tolist(), value.requires_grad, slope.requires_grad, seen]

    # Whether torch's own linearize records the slope is left to what it folds into constants.
    for recorded in (False, True):
        assert found(pb, True, recorded) == found(torch, False, recorded)
    value, slope = found(pb, True, False)[:2]
    assert [value, slope] == found(torch, True, False)[:2]


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
def test_linearize_of_what_is_computed_in_inference_mode() -> None:
    def found(t: Any) -> list[Any]:
        def function(x: Any) -> Any:
            with t.inference_mode():
                y = x**2
            return y + x

        value, push = t.func.linearize(function, t.tensor(VALUES))
        return [value.tolist(), push(t.ones(2)).tolist()]

    assert found(pb) == found(torch) == [[2.0, 6.0], [1.0, 1.0]]


def test_linearize_records_what_jvp_records() -> None:
    x = leaf(pb)
    scale = pb.tensor([2.0, 3.0], requires_grad=True)
    value, push = pb.func.linearize(lambda v: scale * v**3, x)
    tangent = pb.ones(2, requires_grad=True)
    slope = push(tangent)
    assert value.grad_fn.name() == "MulBackward0"
    gradients = pb.autograd.grad(slope.sum(), (x, scale, tangent))
    assert [g.tolist() for g in gradients] == [[12.0, 36.0], [3.0, 12.0], [6.0, 36.0]]
    with pb.no_grad():
        assert not push(tangent).requires_grad
