"""``Variable._execution_engine.queue_callback``, and autograd's names beside the main ones."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

import pullback as pb

queue = pb.autograd.Variable._execution_engine.queue_callback


def test_callbacks_run_when_all_gradients_are_there_in_their_order() -> None:
    x, y = pb.ones(2, requires_grad=True), pb.ones(2, requires_grad=True)
    seen: list[Any] = []

    def hook(grad: Any) -> None:
        queue(lambda: seen.append(("first", x.grad is not None, y.grad is not None)))
        queue(lambda: queue(lambda: seen.append("queued by one")))
        queue(lambda: seen.append("second"))
        assert x.grad is None

    z = x * y
    z.register_hook(hook)
    (z * 2).sum().backward()
    assert seen == [("first", True, True), "second", "queued by one"]
    (x * y).sum().backward()
    assert len(seen) == 3


def test_callbacks_belong_to_the_innermost_pass() -> None:
    x = pb.ones(1, requires_grad=True)
    seen = []

    def inner(grad: Any) -> None:
        queue(lambda: seen.append("inner"))

    def outer(grad: Any) -> None:
        y = pb.ones(1, requires_grad=True)
        y.register_hook(inner)
        with pb.enable_grad():
            (y * 2).backward()
        seen.append("after the inner pass")

    x.register_hook(outer)
    x.backward()
    assert seen == ["inner", "after the inner pass"]


def test_a_callback_that_raises_ends_the_pass_and_the_next_one_is_clean() -> None:
    x = pb.ones(1, requires_grad=True)

    def fails() -> None:
        raise KeyError("callback")

    handle = x.register_hook(lambda grad: queue(fails))
    with pytest.raises(KeyError, match="callback"):
        (x * 2).backward()
    assert x.grad is not None
    handle.remove()
    (x * 2).backward()
    assert x.grad.tolist() == [4.0]


def test_a_callback_leaves_the_mode_as_it_was() -> None:
    x = pb.ones(1, requires_grad=True)
    x.register_hook(lambda grad: queue(lambda: pb.set_grad_enabled(False)))
    (x * 2).backward()
    assert pb.is_grad_enabled()


def test_misuse() -> None:
    with pytest.raises(RuntimeError, match="Final callbacks can only be installed during backward"):
        queue(lambda: None)
    x = pb.ones(1, requires_grad=True)
    x.register_hook(lambda grad: queue(3))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="queue_callback: got int, expected a function"):
        x.backward()


def test_writes_that_do_not_count() -> None:
    x = pb.tensor([1.0, 2.0], requires_grad=True)
    y = x.exp()
    z = y * y
    with pb.autograd._unsafe_preserve_version_counter((y,)), pb.no_grad():
        y.fill_(5.0)
    z.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [50.0, 50.0]
    with pytest.raises(TypeError):
        pb.autograd._unsafe_preserve_version_counter(3)
    with pb.autograd._force_original_view_tracking(True):
        assert pb.ones(2)[0].item() == 1


def test_modules_by_their_paths() -> None:
    names = "anomaly_mode forward_ad function functional grad_mode graph profiler variable"
    for name in names.split():
        assert importlib.import_module(f"pullback.autograd.{name}").__name__.endswith(name)
    x = pb.ones(2, dtype=pb.float64, requires_grad=True)
    assert pb.autograd.gradcheck(pb.sin, (x,))
    saved = (x * x).grad_fn
    assert isinstance(saved._raw_saved_self, pb.autograd.SavedTensor)
    fw = pb.autograd.forward_ad
    assert fw._current_level == -1
    with fw.dual_level():
        assert fw._current_level == 0


def test_small_names() -> None:
    assert pb.newaxis is None
    assert pb.ones(2)[pb.newaxis].shape == (1, 2)
    assert pb.is_signed(pb.ones(1))
    assert not pb.is_signed(pb.ones(1, dtype=pb.bool))
    assert pb.int8.is_signed
    assert not pb.is_inference(pb.ones(1))
    assert pb.set_flush_denormal(True) is False
    assert pb.get_num_interop_threads() == 1
    pb.set_num_interop_threads(2)
    with pytest.raises(RuntimeError, match="positive"):
        pb.set_num_interop_threads(0)
    pb.set_default_device("cpu")
    pb.set_default_device(None)
    with pb.device("cpu"):
        assert pb.ones(1).device == pb.get_default_device()
    for device, error in (("meta", NotImplementedError), ("cuda", AssertionError)):
        with pytest.raises(error, match="expected 'cpu'"):
            pb.set_default_device(device)
        with pytest.raises(error, match="expected 'cpu'"), pb.device(device):
            pass
