"""The line a node keeps, in every kind of Python frame that may be running when it is recorded.

The frames are read where the interpreter keeps them, so each kind of them is tried: functions,
generators, coroutines, class bodies, exec, calls out of C, and threads that run no Python code.
"""

from __future__ import annotations

import _thread
import functools
import inspect
import operator
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import pullback as pb


def line_of(t: pb.Tensor) -> int:
    file, _, rest = t.grad_fn.recorded_at.partition(":")
    assert file == __file__, t.grad_fn.recorded_at
    return int(rest.split()[0])


def here() -> int:
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return frame.f_back.f_lineno


def leaf() -> pb.Tensor:
    return pb.tensor([1.0, 2.0], requires_grad=True)


def test_in_a_function_called_anew_every_time() -> None:
    def double(x: pb.Tensor) -> tuple[pb.Tensor, int]:
        return x * 2, here()

    for _ in range(3):
        made, line = double(leaf())
        assert line_of(made) == line
        assert made.grad_fn.recorded_at.endswith(" in double")


def test_lines_of_one_function_differ() -> None:
    x = leaf()
    a, first = x * 2, here()
    b, second = (
        x.exp(),
        here(),
    )
    assert line_of(a) == first
    assert second - 2 <= line_of(b) <= second
    assert first < line_of(b)


def test_in_a_generator() -> None:
    def parts(x: pb.Tensor) -> Iterator[tuple[pb.Tensor, int]]:
        yield x * 2, here()
        yield x.sum(), here()

    for made, line in parts(leaf()):
        assert line_of(made) == line
        assert made.grad_fn.recorded_at.endswith(" in parts")


def test_in_a_coroutine() -> None:
    async def part(x: pb.Tensor) -> tuple[pb.Tensor, int]:
        return x * 2, here()

    async def whole(x: pb.Tensor) -> tuple[pb.Tensor, int]:
        return await part(x)

    run = whole(leaf())
    with pytest.raises(StopIteration) as stop:
        run.send(None)
    made, line = stop.value.value
    assert line_of(made) == line


def test_in_a_class_body_and_in_exec() -> None:
    class Holder:
        made = leaf() * 2
        line = here()

    assert line_of(Holder.made) == Holder.line - 1
    names: dict[str, Any] = {"x": leaf()}
    exec(compile("\n\ny = x * 2", "typed by hand", "exec"), names)
    assert names["y"].grad_fn.recorded_at == "typed by hand:3 in <module>"


@pytest.mark.parametrize(
    "call",
    [
        lambda x: functools.reduce(operator.mul, [x, x]),
        lambda x: next(map(pb.exp, [x])),
        lambda x: functools.partial(operator.mul, x)(x),
        lambda x: max([x], key=lambda t: (t * 2).sum().item()) * 1,
    ],
)
def test_when_c_calls_it(call: Callable[[pb.Tensor], pb.Tensor]) -> None:
    made = call(leaf())
    assert line_of(made) == call.__code__.co_firstlineno
    assert made.grad_fn.recorded_at.endswith(" in <lambda>")


def test_behind_frames_of_the_package() -> None:
    layer = pb.nn.Sequential(pb.nn.Linear(2, 2), pb.nn.Sequential(pb.nn.Tanh()))
    made, line = layer(leaf()), here()
    assert line_of(made) == line


def test_in_a_hook_called_by_the_pass() -> None:
    kept: list[pb.Tensor] = []
    lines: list[int] = []

    def hook(gradient: pb.Tensor) -> None:
        kept.append(gradient * 2)
        lines.append(here() - 1)

    x = leaf()
    x.register_hook(hook)
    (x * x).sum().backward(create_graph=True)
    assert line_of(kept[0]) == lines[0]
    x.grad = None
    kept.clear()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_runs_no_python_code_keeps_no_line() -> None:
    done = threading.Event()
    kept: list[pb.Tensor] = []

    class Result:
        """Calls back once, out of C, when the thread's only call has ended."""

        def __call__(self, made: pb.Tensor) -> None:
            kept.append(made)
            done.set()

    x = leaf()
    # What the thread runs is C from its first frame on: the operator under a partial.
    collect = Result()
    _thread.start_new_thread(map(collect, map(pb.exp, iter([x]))).__next__, ())
    assert done.wait(60)
    assert kept[0].grad_fn.recorded_at is None
    kept[0].sum().backward()
    assert x.grad is not None
    assert (x.grad == x.exp()).all()


def test_the_code_is_let_go_with_the_last_node() -> None:
    def make() -> Callable[[pb.Tensor], pb.Tensor]:
        names: dict[str, Any] = {}
        exec(compile("def f(x): return x * 2", "let go", "exec"), names)
        return names["f"]  # type: ignore[no-any-return]

    f = make()
    before = sys.getrefcount(f.__code__)
    made = [f(leaf()) for _ in range(5)]
    during = sys.getrefcount(f.__code__)
    made.clear()
    after = sys.getrefcount(f.__code__)
    assert (during - before, after - before) == (5, 0)
