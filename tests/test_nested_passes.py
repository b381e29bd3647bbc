"""Backward inside of backward, deeper than one stack is high.

Beyond a depth a nested pass runs on another thread while its caller waits: the modes, the context
variables and the exceptions go over and come back as if it had stayed.
"""

from __future__ import annotations

import contextvars
import os
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any

import pytest

import pullback as pb
from pullback import autograd
from pullback.utils.checkpoint import checkpoint
from scenarios import make

DEEP = 20_000
SOME = 1_000  # more than the interpreter's limit of recursion allows on one stack
Step = Callable[[Any, Callable[[Any], Any]], None]


def backward(x: Any, function: Callable[[Any], Any]) -> None:
    function(x).sum().backward()


def nested(bottom: Callable[[], Any] = lambda: None, step: Step = backward) -> Callable[[Any], Any]:
    """A function whose backward runs backward of itself at one less, down to zero."""

    def forward(ctx: Any, x: Any) -> Any:
        with pb.enable_grad():
            ctx.x = x.detach().requires_grad_() - 1
        return ctx.x.detach()

    def inner(ctx: Any, g: Any) -> Any:
        if ctx.x > 0:
            with pb.enable_grad():
                step(ctx.x, apply)
        else:
            bottom()
        return g

    apply: Callable[[Any], Any] = make(pb, forward, inner).apply
    return apply


def run(levels: int, *args: Any) -> Any:
    x = pb.tensor(float(levels), requires_grad=True)
    nested(*args)(x).sum().backward()
    return x.grad


@pytest.mark.slow
def test_twenty_thousand_levels() -> None:
    reached: list[int] = []
    assert run(DEEP, lambda: reached.append(1)).item() == 1
    assert reached == [1]


@pytest.mark.slow
def test_an_exception_from_the_deepest_level() -> None:
    def bottom() -> None:
        raise LookupError("down here")

    with pytest.raises(LookupError, match="down here") as caught:
        run(DEEP, bottom)
    frames = [frame.f_code.co_name for frame, _ in traceback.walk_tb(caught.value.__traceback__)]
    assert frames.count("inner") == DEEP
    assert (frames[1], frames[-1]) == ("run", "bottom")
    assert run(SOME).item() == 1  # nothing is left of it


def test_an_error_of_the_core_from_the_deepest_level() -> None:
    with pytest.raises(RuntimeError, match=r"size of tensor a \(2\) must match"):
        run(SOME, lambda: pb.ones(2) + pb.ones(3))


def test_gradients_are_right_at_every_level() -> None:
    """grad() of the next level, times two each: 2**k is what arrives at level k."""
    found: list[float] = []

    def step(x: Any, function: Callable[[Any], Any]) -> None:
        (g,) = autograd.grad(function(x * 1).sum() * 2, x)
        found.append(g.item())

    run(SOME, lambda: None, step)
    assert found == [2.0] * (SOME - 1)


def test_with_hooks() -> None:
    calls: list[str] = []

    def step(x: Any, function: Callable[[Any], Any]) -> None:
        y = function(x)
        y.register_hook(lambda g: calls.append("tensor"))
        y.grad_fn.register_hook(lambda *_: calls.append("after"))
        y.grad_fn.register_prehook(lambda *_: calls.append("before"))
        y.sum().backward()

    run(SOME, lambda: None, step)
    descent = ["tensor", "before"] * (SOME - 1)
    assert calls == descent + ["after"] * (SOME - 1)


def test_a_hook_that_starts_the_next_pass() -> None:
    depth = 0

    def dive(g: Any) -> None:
        nonlocal depth
        depth += 1
        if depth < SOME:
            with pb.enable_grad():
                x = pb.ones(1, requires_grad=True)
                x.register_hook(dive)
                (x * 2).backward()

    x = pb.ones(1, requires_grad=True)
    x.register_hook(dive)
    (x * 2).backward()
    assert depth == SOME


def test_with_create_graph() -> None:
    found: list[float] = []

    def step(x: Any, function: Callable[[Any], Any]) -> None:
        w = pb.tensor(3.0, requires_grad=True)
        g, _ = autograd.grad((function(x) * w * w).sum(), (w, x), create_graph=True)
        (h,) = autograd.grad(g, w)
        found.append(h.item() / 2)

    run(SOME, lambda: None, step)
    assert found == [float(k) for k in range(SOME - 1)]


def test_checkpoints_inside_of_each_other() -> None:
    def step(x: Any, function: Callable[[Any], Any]) -> None:
        checkpoint(lambda a: function(a * 1), x, use_reentrant=True).sum().backward()

    assert run(SOME, lambda: None, step).item() == 1


@pytest.mark.parametrize("reentrant", [True, False])
def test_a_long_chain_of_checkpoints(reentrant: bool) -> None:
    x = pb.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(SOME):
        y = checkpoint(lambda a: a * 1.001, y, use_reentrant=reentrant)
    y.backward()
    assert x.grad.item() == pytest.approx(1.001**SOME, rel=1e-3)


def test_less_is_enough_for_functions_with_many_frames() -> None:
    """The interpreter's limit is counted, too: a level of thirty frames does not meet it."""

    def down(frames: int, x: Any, function: Callable[[Any], Any]) -> None:
        if frames:
            down(frames - 1, x, function)
        else:
            function(x).sum().backward()

    assert run(200, lambda: None, lambda x, f: down(30, x, f)).item() == 1


# --- what goes over to the other thread ---


def modes() -> tuple[bool, ...]:
    return (
        pb.is_grad_enabled(),
        pb.is_inference_mode_enabled(),
        autograd.forward_ad._is_fwd_grad_enabled(),
        pb.is_anomaly_enabled(),
    )


@pytest.mark.parametrize("levels", [3, SOME])
def test_the_modes_of_a_pass(levels: int) -> None:
    seen: list[Any] = []
    log: list[Any] = []
    hooks = autograd.graph.saved_tensors_hooks(lambda t: log.append(0) or t, lambda t: t)

    def bottom() -> None:
        before = len(log)
        with pb.enable_grad():
            x = pb.ones(1, requires_grad=True)
            _ = x * x
        seen.append((modes(), len(log) - before))

    with hooks, autograd.set_detect_anomaly(True), autograd.forward_ad._set_fwd_grad_enabled(False):
        run(levels, bottom)
    assert seen == [((False, False, False, True), 2)]
    assert modes() == (True, False, True, False)


def test_what_is_left_open_deep_down_is_put_back() -> None:
    entered: list[Any] = []

    def bottom() -> None:
        pb.set_grad_enabled(True)
        entered.append(autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: t))
        entered[0].__enter__()
        raise LookupError

    with pb.no_grad():
        before = modes()
        with pytest.raises(LookupError), pb.enable_grad():
            run(SOME, bottom)
        assert modes() == before
    x = pb.ones(1, requires_grad=True)
    assert not hasattr((x * x).grad_fn._raw_saved_self, "packed")
    with pytest.raises(RuntimeError, match="left more often"):
        entered[0].__exit__(None, None, None)


def test_a_dual_level_around_it() -> None:
    tangents: list[Any] = []
    with autograd.forward_ad.dual_level():
        d = autograd.forward_ad.make_dual(pb.tensor(2.0), pb.tensor(3.0))

        def bottom() -> None:
            tangents.append(autograd.forward_ad.unpack_dual(d * d).tangent.item())
            with pytest.raises(RuntimeError, match="Nested forward mode AD"):
                autograd.forward_ad.enter_dual_level()

        run(SOME, bottom)
    assert tangents == [12.0]


def test_a_transform_deep_down() -> None:
    found: list[float] = []
    run(SOME, lambda: found.append(pb.func.grad(lambda x: x**3)(pb.tensor(2.0)).item()))
    assert found == [12.0]
    # The thread that waited has not lost its own.
    assert pb.func.grad(pb.func.grad(lambda x: x**3))(pb.tensor(2.0)).item() == 12.0


def test_context_variables() -> None:
    variable = contextvars.ContextVar("variable", default="nobody's")
    seen: list[str] = []
    variable.set("mine")
    run(SOME, lambda: seen.append(variable.get()))
    assert seen == ["mine"]


def test_where_a_node_was_recorded_is_known() -> None:
    """The engine records nodes on a thread on which no line of the user's runs."""
    places: list[str] = []

    def step(x: Any, function: Callable[[Any], Any]) -> None:
        w = pb.tensor(3.0, requires_grad=True)
        g, _ = autograd.grad((function(x) * w * w).sum(), (w, x), create_graph=True)
        places.append(g.grad_fn.recorded_at)

    run(200, lambda: None, step)
    assert len(places) == 199
    assert {place.split(" in ")[0] for place in places} == {places[0].split(" in ")[0]}
    assert "test_nested_passes.py" in places[0]


def test_a_second_backward_names_the_pass_that_ran_deep_down() -> None:
    x = pb.tensor(2.0, requires_grad=True)
    y = x.exp()
    run(SOME, lambda: y.backward())
    with pytest.raises(RuntimeError, match=r"Freed by the backward pass at .*test_nested_passes"):
        y.backward()


def test_passes_of_several_threads() -> None:
    results: list[float] = []
    threads = [threading.Thread(target=lambda: results.append(run(300).item())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [1.0] * 4


# --- the threads themselves ---


def test_threads_serve_again() -> None:
    names: set[int] = set()
    for _ in range(20):
        run(70, lambda: names.add(threading.get_ident()))
    assert threading.get_ident() not in names
    assert len(names) < 20


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_in_a_forked_child() -> None:
    run(200)
    child = os.fork()
    if child == 0:
        os._exit(0 if run(200).item() == 1 else 1)
    assert os.waitpid(child, 0)[1] == 0


INTERRUPTED = """
import os, signal, sys, threading
sys.path.insert(0, "tests")
from test_nested_passes import run, pb

class TimeUp(Exception):
    pass

def handler(*_):
    raise TimeUp("from the handler")

# A parent in the background leaves it ignored.
signal.signal(signal.SIGINT, handler if {custom} else signal.default_int_handler)

def bottom():
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
    while True:
        pass

try:
    run({levels}, bottom)
except (KeyboardInterrupt, TimeUp) as error:
    print(type(error).__name__, run(200).item(), pb.is_grad_enabled())
"""


@pytest.mark.parametrize("custom", [False, True], ids=["interrupt", "handler"])
@pytest.mark.parametrize("levels", [3, 200])
def test_a_signal_stops_it(levels: int, custom: bool) -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED.format(levels=levels, custom=custom)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.stdout.split() == ["TimeUp" if custom else "KeyboardInterrupt", "1.0", "True"]
    assert done.returncode == 0, done.stderr
    assert signal.getsignal(signal.SIGINT) is not None
