"""Recording on and off: contexts, decorators and functions, generators, exceptions, threads."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

import pullback as pb

OFF = [pb.no_grad, pb.inference_mode, lambda: pb.set_grad_enabled(False)]
IDS = ["no_grad", "inference_mode", "set_grad_enabled"]


@pytest.fixture(autouse=True)
def _recording_before_and_after() -> Iterator[None]:
    assert pb.is_grad_enabled()
    yield
    restored = pb.is_grad_enabled() and not pb.is_inference_mode_enabled()
    pb.set_grad_enabled(True)
    assert restored


def leaf() -> Any:
    return pb.tensor([2.0], requires_grad=True)


# --- contexts ---


@pytest.mark.parametrize("off", OFF, ids=IDS)
def test_nothing_is_recorded_inside(off: Any) -> None:
    x = leaf()
    with off():
        y = x * 2
        assert not pb.is_grad_enabled()
    assert (y.requires_grad, y.grad_fn, y.is_leaf) == (False, None, True)
    assert pb.is_grad_enabled()
    assert (x * 2).requires_grad


@pytest.mark.parametrize("off", OFF, ids=IDS)
def test_an_exception_restores(off: Any) -> None:
    with pytest.raises(ZeroDivisionError), off():
        raise ZeroDivisionError
    assert pb.is_grad_enabled()


def test_nesting() -> None:
    with pb.no_grad():
        with pb.enable_grad():
            assert pb.is_grad_enabled()
            with pb.set_grad_enabled(False):
                assert not pb.is_grad_enabled()
            assert pb.is_grad_enabled()
        assert not pb.is_grad_enabled()


def test_one_object_entered_twice() -> None:
    off = pb.no_grad()
    for _ in range(2):
        with off:
            assert not pb.is_grad_enabled()
        assert pb.is_grad_enabled()


def test_enable_grad_records() -> None:
    x = leaf()
    with pb.no_grad(), pb.enable_grad():
        y = x * 2
    y.backward()
    assert x.grad.tolist() == [2.0]


def test_leaves_made_inside_want_what_they_say() -> None:
    with pb.no_grad():
        x = pb.tensor([1.0], requires_grad=True)
    assert x.requires_grad
    assert (x * 2).requires_grad


def test_backward_works_inside() -> None:
    x = leaf()
    y = x * x
    with pb.no_grad():
        y.backward()
    assert x.grad.tolist() == [4.0]


# --- the function form ---


def test_set_grad_enabled_acts_at_once() -> None:
    pb.set_grad_enabled(False)
    assert not pb.is_grad_enabled()
    pb.set_grad_enabled(True)
    assert pb.is_grad_enabled()


def test_set_grad_enabled_as_context_restores() -> None:
    with pb.set_grad_enabled(False):
        assert not pb.is_grad_enabled()
    assert pb.is_grad_enabled()


@pytest.mark.parametrize("mode", [True, False])
def test_inference_mode_takes_a_flag(mode: bool) -> None:
    with pb.inference_mode(mode):
        assert pb.is_inference_mode_enabled() == mode
        assert pb.is_grad_enabled() != mode
    assert not pb.is_inference_mode_enabled()


# --- decorators ---


def test_decorator_with_and_without_call() -> None:
    @pb.no_grad
    def bare(x: Any) -> Any:
        "Doc."
        return x * 2

    @pb.no_grad()
    def called(x: Any, *, factor: float) -> Any:
        return x * factor

    assert not bare(leaf()).requires_grad
    assert not called(leaf(), factor=3.0).requires_grad
    assert (bare.__name__, bare.__doc__) == ("bare", "Doc.")
    assert (leaf() * 2).requires_grad


def test_other_decorators() -> None:
    @pb.enable_grad()
    def recorded(x: Any) -> Any:
        return x * 2

    @pb.set_grad_enabled(False)
    def silent(x: Any) -> Any:
        return x * 2

    @pb.inference_mode()
    def inference(x: Any) -> Any:
        return x * 2

    with pb.no_grad():
        assert recorded(leaf()).requires_grad
    assert pb.is_grad_enabled()
    assert not silent(leaf()).requires_grad
    assert inference(leaf()).is_inference()


def test_a_decorated_function_that_raises() -> None:
    @pb.no_grad()
    def fails() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        fails()
    assert pb.is_grad_enabled()


def test_a_decorated_method_and_recursion() -> None:
    class Counter:
        @pb.no_grad()
        def down(self, n: int) -> int:
            assert not pb.is_grad_enabled()
            return 0 if n == 0 else 1 + self.down(n - 1)

    assert Counter().down(5) == 5


# --- generators ---


def test_a_decorated_generator_switches_at_every_step() -> None:
    @pb.no_grad()
    def values() -> Iterator[bool]:
        for _ in range(3):
            yield pb.is_grad_enabled()

    seen = [(inside, pb.is_grad_enabled()) for inside in values()]
    assert seen == [(False, True)] * 3


def test_a_generator_receives_values_exceptions_and_closing() -> None:
    log: list[Any] = []

    @pb.no_grad()
    def talk() -> Any:
        try:
            got = yield 1
            log.append((got, pb.is_grad_enabled()))
            yield 2
        except KeyError:
            log.append(("caught", pb.is_grad_enabled()))
            yield 3
        finally:
            log.append(("closed", pb.is_grad_enabled()))
        return 4

    g = talk()
    assert next(g) == 1
    assert g.send("hello") == 2
    assert g.throw(KeyError("x")) == 3
    assert pb.is_grad_enabled()
    with pytest.raises(StopIteration) as stop:
        next(g)
    assert stop.value.value == 4
    assert log == [("hello", False), ("caught", False), ("closed", False)]
    g = talk()
    next(g)
    g.close()
    assert log[-1] == ("closed", False)
    assert pb.is_grad_enabled()


def test_a_context_inside_an_undecorated_generator() -> None:
    """The mode is the thread's, so it leaks while the generator is suspended, as in PyTorch."""

    def values() -> Iterator[int]:
        with pb.no_grad():
            yield 1

    g = values()
    next(g)
    assert not pb.is_grad_enabled()
    assert next(g, None) is None
    assert pb.is_grad_enabled()


# --- threads ---


def test_the_mode_belongs_to_the_thread() -> None:
    seen = []
    with pb.no_grad():
        thread = threading.Thread(target=lambda: seen.append(pb.is_grad_enabled()))
        thread.start()
        thread.join()
    assert seen == [True]


def test_a_thread_that_ends_inside_a_mode() -> None:
    thread = threading.Thread(target=lambda: pb.set_grad_enabled(False))
    thread.start()
    thread.join()
    assert pb.is_grad_enabled()


# --- inference tensors ---


def test_inference_tensors() -> None:
    with pb.inference_mode():
        t = pb.ones(2)
        view = t[0]
    assert t.is_inference()
    assert view.is_inference()
    assert not pb.ones(2).is_inference()
    assert not t.requires_grad
    x = leaf()
    with pytest.raises(RuntimeError, match="Inference tensors cannot be saved for backward"):
        x * t
    assert (x + t[:1]).requires_grad
    with pytest.raises(RuntimeError, match=r"[Ii]nference"):
        t.requires_grad_()
    with pytest.raises(RuntimeError, match="Inplace update to inference tensor outside"):
        t.add_(1)
    with pytest.raises(RuntimeError, match=r"[Ii]nference tensors do not track version counter"):
        _ = t._version
    with pb.inference_mode():
        t.add_(1)
    assert t.tolist() == [2.0, 2.0]
    assert not t.clone().is_inference()
    assert (x * t.clone()[:1]).requires_grad


def test_normal_tensors_in_inference_mode() -> None:
    x = leaf()
    y = x.clone()
    with pb.inference_mode():
        z = x * 2
        y.add_(1)
        assert z.is_inference()
        assert not y.is_inference()
        assert not y[:1].is_inference()
    y.backward()
    assert x.grad.tolist() == [1.0]


def test_in_place_on_a_leaf_inside_no_grad() -> None:
    x = leaf()
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad is being used"):
        x.add_(1)
    with pb.no_grad():
        x.add_(1)
    assert (x.tolist(), x.requires_grad, x.is_leaf) == ([3.0], True, True)


def test_multithreading_is_accepted() -> None:
    """As in torch without accelerators: the pass runs on the calling thread either way."""
    x = pb.ones(1, requires_grad=True)

    @pb.autograd.set_multithreading_enabled(True)
    def double() -> str:
        (x * 2).backward()
        return threading.current_thread().name

    with pb.autograd.set_multithreading_enabled(False):
        assert double() == threading.current_thread().name
    pb.autograd.set_multithreading_enabled(True)
    assert x.grad.tolist() == [2.0]
    with pytest.raises(TypeError):
        pb.autograd.set_multithreading_enabled(1)  # type: ignore[arg-type]


def test_the_module_of_the_switches() -> None:
    from pullback.autograd import grad_mode

    assert grad_mode.no_grad is pb.no_grad
    assert set(grad_mode.__all__) == {
        "enable_grad",
        "inference_mode",
        "no_grad",
        "set_grad_enabled",
        "set_multithreading_enabled",
    }
