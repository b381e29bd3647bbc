"""Anomaly mode beside PyTorch's: errors, warnings, the stack of the forward call, the switches."""

from __future__ import annotations

import re
import threading
import warnings
from collections.abc import Callable
from typing import Any

import pytest

import pullback as pb

torch = pytest.importorskip("torch")

LIBRARIES = [pytest.param(pb, id="pullback"), pytest.param(torch, id="torch")]


def root(x: Any) -> Any:
    return x.sqrt()


def layer(x: Any) -> Any:
    return root(x) * 0


def run(lib: Any, scenario: Callable[[Any], Any]) -> tuple[str, list[str]]:
    """The error, and the warnings, of which only the frames of this file are kept."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        try:
            scenario(lib)
            error = "none"
        except Exception as caught:  # noqa: BLE001 - the error is compared
            error = f"{type(caught).__name__}: {str(caught).partition('. ')[0].rstrip('.')}"
    return error, [shorten(str(each.message)) for each in seen]


def shorten(text: str) -> str:
    head = text.strip().splitlines()[0].rstrip()
    frames = re.findall(
        rf'File "{re.escape(__file__)}", line (\d+), in (\w+|<\w+>)\n\s+(.*)\n', text
    )
    # What runs the scenario differs in nothing.
    return head.split(" (Triggered")[0] + "|" + "|".join(map(str, frames))


def masked_root(lib: Any) -> None:
    x = lib.zeros(2, requires_grad=True)
    with lib.autograd.detect_anomaly():
        layer(x).sum().backward()


def switched_on_for_backward_only(lib: Any) -> None:
    y = layer(lib.zeros(2, requires_grad=True))
    with lib.autograd.set_detect_anomaly(True):
        y.sum().backward()


def infinity(lib: Any) -> None:
    x = lib.zeros(2, requires_grad=True)
    with lib.autograd.set_detect_anomaly(True):
        root(x).sum().backward()


def without_the_search(lib: Any) -> None:
    x = lib.zeros(2, requires_grad=True)
    with lib.autograd.detect_anomaly(check_nan=False):
        layer(x).sum().backward()


def second_derivative(lib: Any) -> None:
    x = lib.zeros(1, requires_grad=True)
    with lib.autograd.set_detect_anomaly(True):
        y = x**1.5
        (slope,) = lib.autograd.grad(y, x, create_graph=True)
        (slope * 0).backward()


def released(lib: Any) -> None:
    x = lib.ones(2, requires_grad=True)
    with lib.autograd.set_detect_anomaly(True):
        y = x.exp().sum()
        y.backward()
        y.backward()


def hook_raises(lib: Any) -> None:
    def refuse(_: Any) -> Any:
        raise KeyError("mine")

    x = lib.ones(2, requires_grad=True)
    with lib.autograd.set_detect_anomaly(True):
        y = x.exp()
        y.register_hook(refuse)
        y.sum().backward()


def refused_by(register: str) -> Callable[[Any], Any]:
    """A hook of a leaf raises: the note is that of the accumulation into it."""

    def scenario(lib: Any) -> None:
        def refuse(*_: Any) -> Any:
            raise KeyError("mine")

        x = lib.ones(2, requires_grad=True)
        with lib.autograd.set_detect_anomaly(True):
            y = layer(x + 1)
            getattr(x, register)(refuse)
            y.sum().backward()

    return scenario


def custom(lib: Any) -> None:
    class Breaks(lib.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 1

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> Any:
            return gradient * float("nan")

    x = lib.ones(2, requires_grad=True)
    with lib.autograd.set_detect_anomaly(True):
        Breaks.apply(x).sum().backward()


def by_grad(lib: Any) -> None:
    x = lib.zeros(2, requires_grad=True)
    with lib.autograd.set_detect_anomaly(True):
        lib.autograd.grad(layer(x).sum(), x)


def in_a_layer(lib: Any) -> None:
    model = lib.nn.Sequential(lib.nn.Linear(2, 2), lib.nn.ReLU())
    with lib.no_grad():
        model[0].weight.zero_()
        model[0].bias.zero_()
    with lib.autograd.set_detect_anomaly(True):
        layer(model(lib.ones(1, 2))).sum().backward()


@pytest.mark.parametrize(
    "scenario",
    [masked_root, infinity, without_the_search, second_derivative, custom, by_grad, in_a_layer],
)
def test_scenario(scenario: Callable[[Any], Any]) -> None:
    mine, their = run(pb, scenario), run(torch, scenario)
    assert mine == their


@pytest.mark.parametrize("scenario", [released, hook_raises])
def test_errors_that_are_no_nan(scenario: Callable[[Any], Any]) -> None:
    mine, their = run(pb, scenario), run(torch, scenario)
    assert mine[0] == their[0]


@pytest.mark.parametrize("register", ["register_hook", "register_post_accumulate_grad_hook"])
def test_errors_of_the_hooks_of_a_leaf(register: str) -> None:
    mine, their = run(pb, refused_by(register)), run(torch, refused_by(register))
    assert mine == their
    assert mine[1][0].startswith("Error detected in torch::autograd::AccumulateGrad. Traceback")


def test_an_error_at_a_leaf_that_was_used_before() -> None:
    def scenario(lib: Any) -> None:
        x = lib.ones(2, requires_grad=True)
        y = x * 2
        x.register_hook(lambda _: 1 / 0)
        with lib.autograd.set_detect_anomaly(True):
            y.sum().backward()

    mine, their = run(pb, scenario), run(torch, scenario)
    assert mine == their
    assert "No forward pass information available" in mine[1][0]


def test_metadata_of_the_accumulation() -> None:
    def found(lib: Any) -> list[Any]:
        class Double(lib.autograd.Function):
            @staticmethod
            def forward(ctx: Any, x: Any) -> Any:
                return x * 2

            @staticmethod
            def backward(ctx: Any, gradient: Any) -> Any:
                return gradient * 2

        seen = []
        for use in (lambda x: x * 2, lambda x: x.view_as(x), Double.apply):
            x = lib.ones(2, requires_grad=True)
            other = lib.ones(2, requires_grad=True)
            before = other * 2
            with lib.autograd.set_detect_anomaly(True):
                y = use(x)
                again = x + 1
            node = y.grad_fn.next_functions[0][0]
            assert again.grad_fn.next_functions[0][0] is node
            seen.append(shorten("\n" + "".join(node.metadata["traceback_"])))
            assert before.grad_fn.next_functions[0][0].metadata == {}
        return seen

    assert found(pb) == found(torch)


def test_the_note_of_a_leaf_is_that_of_the_last_graph() -> None:
    x = pb.ones(2, requires_grad=True)
    with pb.autograd.set_detect_anomaly(True):
        (x * 2).sum().backward()
        (x.exp() + x).sum().backward()
        x.register_hook(lambda _: 1 / 0)
        with pytest.warns(UserWarning, match=r"\n    .*sin"), pytest.raises(ZeroDivisionError):
            (x.sin() + x).sum().backward()


def test_without_the_mode_in_the_forward_pass_the_line_is_known_all_the_same() -> None:
    error, (warning,) = run(pb, switched_on_for_backward_only)
    assert error.startswith("RuntimeError: Function 'SqrtBackward0' returned nan values")
    assert "'root', 'return x.sqrt()'" in warning
    assert "No forward pass information" in run(torch, switched_on_for_backward_only)[1][0]


@pytest.mark.parametrize("lib", LIBRARIES)
def test_switches(lib: Any) -> None:
    assert not lib.is_anomaly_enabled()
    with lib.autograd.set_detect_anomaly(True, check_nan=False):
        assert lib.is_anomaly_enabled()
        assert not lib.is_anomaly_check_nan_enabled()
        with lib.autograd.set_detect_anomaly(False):
            assert not lib.is_anomaly_enabled()
        assert lib.is_anomaly_enabled()
    assert not lib.is_anomaly_enabled()
    assert lib.is_anomaly_check_nan_enabled()
    lib.autograd.set_detect_anomaly(True)
    assert lib.is_anomaly_enabled()
    lib.autograd.set_detect_anomaly(False)
    with pytest.raises(TypeError):
        lib.autograd.set_detect_anomaly(True)(lambda: None)  # type: ignore[operator]
    lib.autograd.set_detect_anomaly(False)


@pytest.mark.parametrize("lib", LIBRARIES)
def test_an_exception_restores_the_mode(lib: Any) -> None:
    with pytest.raises(KeyError), lib.autograd.set_detect_anomaly(True):
        raise KeyError
    assert not lib.is_anomaly_enabled()


def test_the_mode_is_the_threads_own() -> None:
    """In torch it is the process'."""
    seen = []
    with pb.autograd.set_detect_anomaly(True):
        thread = threading.Thread(target=lambda: seen.append(pb.is_anomaly_enabled()))
        thread.start()
        thread.join()
    assert seen == [False]
