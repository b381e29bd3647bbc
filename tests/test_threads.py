"""Threads: forward and backward at once, on disjoint and on shared graphs, with exact sums.

PULLBACK_STRESS sets how many rounds are run; the values are chosen so that every sum is exact.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

import pullback as pb
from pullback.utils.checkpoint import checkpoint
from threads import THREADS, together

ROUNDS = int(os.environ.get("PULLBACK_STRESS", "20"))


@pytest.fixture(autouse=True)
def switch_often() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def test_one_leaf_gets_the_sum_of_all() -> None:
    x = pb.ones(3, requires_grad=True)

    def work(_: int) -> None:
        for _ in range(50 * ROUNDS):
            (x * 2).sum().backward()

    together(work)
    assert x.grad is not None
    assert x.grad.tolist() == [2 * 50 * ROUNDS * THREADS] * 3


def test_one_large_leaf_whose_kernels_release_the_lock() -> None:
    n = 1 << 18
    x = pb.ones(n, requires_grad=True)

    def work(_: int) -> None:
        for _ in range(ROUNDS):
            (x * 2 + x).sum().backward()

    together(work)
    assert x.grad is not None
    expected = float(3 * ROUNDS * THREADS)
    assert (x.grad.min().item(), x.grad.max().item()) == (expected, expected)


def test_one_graph_walked_by_all() -> None:
    x = pb.ones(4, dtype=pb.float64, requires_grad=True)
    y = x
    for _ in range(200):
        y = y * 1 + x * 0
    loss = (y * y).sum()

    def work(_: int) -> None:
        for _ in range(5 * ROUNDS):
            (gradient,) = pb.autograd.grad(loss, x, retain_graph=True)
            assert gradient.tolist() == [2, 2, 2, 2]
            loss.backward(retain_graph=True)

    together(work)
    assert x.grad is not None
    assert x.grad.tolist() == [2 * 5 * ROUNDS * THREADS] * 4


def test_one_graph_with_hooks_that_let_others_run() -> None:
    x = pb.ones(2, requires_grad=True)
    y = x * 3
    calls: list[int] = []

    def hook(gradient: Any) -> Any:
        calls.append(threading.get_ident())
        return gradient + sum(pb.ones(2)).item() * 0

    y.register_hook(hook)
    loss = (y * 2).sum()

    def work(_: int) -> None:
        for _ in range(10 * ROUNDS):
            loss.backward(retain_graph=True)

    together(work)
    assert len(calls) == 10 * ROUNDS * THREADS
    assert len(set(calls)) == THREADS
    assert x.grad is not None
    assert x.grad.tolist() == [6 * 10 * ROUNDS * THREADS] * 2


def test_a_backward_inside_a_hook_on_every_thread() -> None:
    shared = pb.ones(2, requires_grad=True)
    inner = (shared * shared).sum()

    def work(number: int) -> None:
        x = pb.full((2,), float(number), requires_grad=True)
        y = x * 2

        def hook(gradient: Any) -> None:
            with pb.enable_grad():
                inner.backward(retain_graph=True)

        y.register_hook(hook)
        for _ in range(5 * ROUNDS):
            y.sum().backward(retain_graph=True)
        assert x.grad is not None
        assert x.grad.tolist() == [2 * 5 * ROUNDS] * 2

    together(work)
    assert shared.grad is not None
    assert shared.grad.tolist() == [2 * 5 * ROUNDS * THREADS] * 2


def test_modes_belong_to_their_thread_and_reach_the_pass() -> None:
    def work(number: int) -> None:
        for _ in range(20 * ROUNDS):
            with pb.set_grad_enabled(number % 2 == 0):
                assert pb.is_grad_enabled() == (number % 2 == 0)
                x = pb.ones(2, requires_grad=True)
                assert (x * 2).requires_grad == (number % 2 == 0)
            seen: list[bool] = []
            x = pb.ones(2, requires_grad=True)
            y = x * x
            y.register_hook(lambda g, seen=seen: seen.append(pb.is_grad_enabled()))
            pb.autograd.grad(y.sum(), x, create_graph=number % 2 == 1)
            assert seen == [number % 2 == 1]

    together(work)


def test_custom_functions() -> None:
    class Square(pb.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> Any:
            (x,) = ctx.saved_tensors
            with pb.enable_grad():
                y = x.detach().requires_grad_()
                (inner,) = pb.autograd.grad((y * y).sum(), y)
            return gradient * inner

    x = pb.ones(3, requires_grad=True)

    def work(_: int) -> None:
        for _ in range(10 * ROUNDS):
            Square.apply(x).sum().backward()

    together(work)
    assert x.grad is not None
    assert x.grad.tolist() == [2 * 10 * ROUNDS * THREADS] * 3


def test_double_backward_and_transforms() -> None:
    def work(number: int) -> None:
        for _ in range(2 * ROUNDS):
            a = pb.full((3,), 1.0 + number, dtype=pb.float64, requires_grad=True)
            (first,) = pb.autograd.grad((a**3).sum(), a, create_graph=True)
            (second,) = pb.autograd.grad(first.sum(), a)
            assert second.tolist() == [6 * (1.0 + number)] * 3
            rows = pb.func.vmap(pb.func.grad(lambda t: (t * t).sum()))(pb.ones(2, 3) * number)
            assert rows.tolist() == [[2 * number] * 3] * 2

    together(work)


def test_everything_at_once() -> None:
    leaves = [pb.ones(8, dtype=pb.float64, requires_grad=True) for _ in range(3)]
    counts = [0, 0, 0]
    lock = threading.Lock()

    def work(number: int) -> None:
        draw = random.Random(number)
        for _ in range(20 * ROUNDS):
            k = draw.randrange(3)
            x = leaves[k] * 1
            kind = draw.randrange(5)
            if kind == 0:
                x[draw.randrange(8)].mul_(1)
            elif kind == 1:
                x = x.view(2, 4).t().reshape(-1)
            elif kind == 2:
                x.register_hook(lambda g: g * 1)
            elif kind == 3:
                x = checkpoint(lambda t: t * 1, x, use_reentrant=False)
            with pb.no_grad():
                leaves[k].detach().sum()
            x.sum().backward()
            with lock:
                counts[k] += 1

    together(work)
    for leaf, count in zip(leaves, counts, strict=True):
        assert leaf.grad is not None
        assert leaf.grad.tolist() == [count] * 8


def test_an_exception_on_one_thread_leaves_the_others_alone() -> None:
    x = pb.ones(2, requires_grad=True)
    y = x * 2
    loss = y.sum()

    def hook(gradient: Any) -> None:
        if threading.current_thread().name == "bad":
            raise KeyError("mine")

    y.register_hook(hook)
    done = threading.Event()
    caught: list[BaseException] = []

    def bad() -> None:
        while not done.is_set():
            try:
                loss.backward(retain_graph=True)
            except KeyError as error:
                caught.append(error)

    thread = threading.Thread(target=bad, name="bad")
    thread.start()
    for _ in range(50 * ROUNDS):
        loss.backward(retain_graph=True)
    done.set()
    thread.join()
    assert caught
    assert x.grad is not None
    assert x.grad.tolist() == [2 * 50 * ROUNDS] * 2


def test_one_stale_view_used_by_all() -> None:
    for _ in range(20 * ROUNDS):
        x = pb.full((4,), 2.0, requires_grad=True)
        base = x * 1
        view, other = base[:2], base.view(2, 2)
        base.mul_(3)
        found: list[Any] = [None] * THREADS

        def work(
            number: int, x: Any = x, view: Any = view, other: Any = other, found: Any = found
        ) -> None:
            used = view if number % 2 else other
            found[number] = pb.autograd.grad((used * used).sum(), x, retain_graph=True)[0].tolist()

        together(work)
        assert found == [[36.0] * 4, [36.0, 36.0, 0.0, 0.0]] * (THREADS // 2)


def test_a_hook_that_waits_for_a_pass_of_another_thread() -> None:
    x = pb.ones(2, requires_grad=True)
    shared = x * 2
    failures: list[BaseException] = []

    def inner() -> None:
        try:
            with pb.enable_grad():
                shared.sum().backward(retain_graph=True)
                (x * 3).sum().backward()
        except BaseException as error:  # noqa: BLE001 - it is compared below
            failures.append(error)

    def hook(gradient: Any) -> None:
        if threading.current_thread() is threading.main_thread():
            thread = threading.Thread(target=inner)
            thread.start()
            thread.join(timeout=60)
            assert not thread.is_alive(), "the two passes wait for each other"

    shared.register_hook(hook)
    x.register_hook(lambda g: None)
    x.register_post_accumulate_grad_hook(lambda p: None)
    for _ in range(ROUNDS):
        shared.sum().backward(retain_graph=True)
    assert not failures
    assert x.grad is not None
    assert x.grad.tolist() == [7 * ROUNDS] * 2


def test_two_threads_whose_hooks_reach_for_each_others_leaves() -> None:
    a, b = pb.ones(2, requires_grad=True), pb.ones(2, requires_grad=True)
    meeting = threading.Barrier(2)

    def work(number: int) -> None:
        if number > 1:
            return
        own, other = (a, b) if number else (b, a)
        middle = own * 1

        def hook(gradient: Any) -> None:
            meeting.wait(timeout=60)
            with pb.enable_grad():
                (other * 2).sum().backward()

        middle.register_hook(hook)
        for _ in range(5 * ROUNDS):
            middle.sum().backward(retain_graph=True)

    together(work)
    for leaf in (a, b):
        assert leaf.grad is not None
        assert leaf.grad.tolist() == [3 * 5 * ROUNDS] * 2


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_dies_in_the_middle_of_a_pass() -> None:
    x = pb.ones(2, requires_grad=True)
    y = x * 2
    loss = (y * 3).sum()

    def hook(gradient: Any) -> None:
        if threading.current_thread() is not threading.main_thread():
            raise SystemExit

    handle = y.register_hook(hook)
    for _ in range(ROUNDS):
        thread = threading.Thread(target=lambda: loss.backward(retain_graph=True))
        thread.start()
        thread.join(timeout=60)
        assert not thread.is_alive()
        assert x.grad is None
    loss.backward(retain_graph=True)
    assert x.grad is not None
    assert x.grad.tolist() == [6, 6]
    handle.remove()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_forked_in_the_middle_of_a_pass() -> None:
    n = 1 << 18
    x = pb.ones(n, requires_grad=True)
    (x * 2).sum().backward()  # the pool has threads by now
    inside, go_on = threading.Event(), threading.Event()
    y = x * 1

    def hook(gradient: Any) -> None:
        if threading.current_thread() is not threading.main_thread():
            inside.set()
            go_on.wait(timeout=60)

    handle = y.register_hook(hook)
    thread = threading.Thread(target=lambda: y.sum().backward(retain_graph=True))
    thread.start()
    assert inside.wait(timeout=60)
    child = os.fork()
    if child == 0:
        # The other thread is not here; its pass left marks in the graph.
        y.sum().backward(retain_graph=True)
        assert x.grad is not None
        exact = (x.grad.min().item(), x.grad.max().item()) == (3.0, 3.0)
        os._exit(0 if exact else 1)
    _, status = os.waitpid(child, 0)
    go_on.set()
    thread.join(timeout=60)
    handle.remove()
    assert os.waitstatus_to_exitcode(status) == 0
    assert x.grad is not None
    assert x.grad.max().item() == 3.0


def test_the_interpreter_ends_while_a_thread_is_in_a_pass() -> None:
    code = """
import threading, time
import pullback as pb
x = pb.ones(2, requires_grad=True)
y = x * 2
inside = threading.Event()
y.register_hook(lambda g: (inside.set(), time.sleep(60))[0])
threading.Thread(target=lambda: y.sum().backward(), daemon=True).start()
assert inside.wait(30)
print("end")
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (0, "end\n"), done.stderr
