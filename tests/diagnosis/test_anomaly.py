"""Anomaly mode: torch's sentences with our line."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import pytest

import pullback as pb
from pullback.autograd import detect_anomaly, set_detect_anomaly


def here() -> int:
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return frame.f_back.f_lineno


def zero() -> Any:
    return pb.zeros(2, requires_grad=True)


def test_nan_is_an_error_that_names_the_line() -> None:
    x = zero()
    line = here() + 1
    y = x.sqrt() * 0
    with (
        pytest.warns(UserWarning, match="Error detected in SqrtBackward0") as seen,
        pytest.raises(RuntimeError, match="Function 'SqrtBackward0' returned nan values") as error,
        set_detect_anomaly(True),
    ):
        y.sum().backward()
    assert "in its 0th output." in str(error.value)
    assert f"{__file__}:{line}" in str(error.value)
    text = str(seen[0].message)
    assert f'File "{__file__}", line {line}, in test_nan_is_an_error' in text
    assert "y = x.sqrt() * 0" in text
    assert x.grad is None


def test_infinity_is_none() -> None:
    x = zero()
    with set_detect_anomaly(True):
        x.sqrt().sum().backward()
    assert x.grad.isinf().all()


@pytest.mark.parametrize("shape", [(1,), (1023,), (1024,), (5000,), (3, 7), ()])
@pytest.mark.parametrize("dtype", [pb.float32, pb.float64])
def test_nan_anywhere(shape: tuple[int, ...], dtype: Any) -> None:
    x = pb.ones(shape, dtype=dtype, requires_grad=True)
    count = max(x.numel(), 1)
    for place in {0, count // 2, count - 1}:
        seed = pb.ones(count, dtype=dtype)
        seed[place] = float("nan")
        with (
            warnings.catch_warnings(),
            set_detect_anomaly(True),
            pytest.raises(RuntimeError, match="nan values"),
        ):
            warnings.simplefilter("ignore")
            (x * 2).backward(seed.reshape(shape))


def test_nan_in_an_expanded_gradient() -> None:
    x = pb.ones(3, requires_grad=True)
    with (
        warnings.catch_warnings(),
        set_detect_anomaly(True),
        pytest.raises(RuntimeError, match="'SumBackward0' returned nan"),
    ):
        warnings.simplefilter("ignore")
        x.sum().backward(pb.tensor(float("nan")))


def test_check_nan_off_still_names_the_line_of_an_error() -> None:
    class Broken(pb.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 1

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> Any:
            raise KeyError("mine")

    x = zero()
    line = here() + 1
    y = Broken.apply(x)
    with (
        pytest.warns(UserWarning, match=f"line {line}, in test_check_nan_off"),
        pytest.raises(KeyError, match="mine"),
        set_detect_anomaly(True, check_nan=False),
    ):
        y.sum().backward()
    with set_detect_anomaly(True, check_nan=False):
        (x.sqrt() * 0).sum().backward()
    assert x.grad.isnan().all()


def test_the_node_that_induced_it_is_named() -> None:
    x = pb.zeros(1, requires_grad=True)
    with set_detect_anomaly(True):
        line = here() + 1
        y = x**1.5
        (slope,) = pb.autograd.grad(y, x, create_graph=True)
        with (
            warnings.catch_warnings(record=True) as seen,
            pytest.raises(RuntimeError, match="Function 'PowBackward0' returned nan"),
        ):
            warnings.simplefilter("always")
            (slope * 0).backward()
    texts = [str(each.message) for each in seen]
    assert "Error detected in PowBackward0" in texts[0]
    assert any(
        "Previous calculation was induced by PowBackward0" in text and f"line {line}" in text
        for text in texts
    )


def test_modes_nest_and_are_restored() -> None:
    assert not pb.is_anomaly_enabled()
    with pytest.warns(UserWarning, match="Anomaly Detection has been enabled"):
        anomaly = detect_anomaly(check_nan=False)
    with anomaly:
        assert (pb.is_anomaly_enabled(), pb.is_anomaly_check_nan_enabled()) == (True, False)
        with set_detect_anomaly(False):
            assert not pb.is_anomaly_enabled()
        assert (pb.is_anomaly_enabled(), pb.is_anomaly_check_nan_enabled()) == (True, False)
    assert not pb.is_anomaly_enabled()
    set_detect_anomaly(True)
    assert pb.is_anomaly_enabled()
    set_detect_anomaly(False)
    assert not pb.is_anomaly_enabled()


def test_hooks_see_the_same_under_the_mode() -> None:
    def run() -> list[Any]:
        x = pb.ones(2, requires_grad=True)
        y = x * 3
        seen: list[Any] = []
        y.register_hook(lambda g: seen.append(g.tolist()))
        y.grad_fn.register_hook(lambda given, got: seen.append((given[0].tolist(), len(got))))
        (y * y).sum().backward()
        return [*seen, x.grad.tolist()]

    plain = run()
    with set_detect_anomaly(True):
        assert run() == plain


def inner_function(x: Any) -> Any:
    return x.sqrt() * 0


def outer_function(x: Any) -> Any:
    return inner_function(x)


def frames_of(text: str) -> list[str]:
    return [line.rpartition(" in ")[2] for line in text.splitlines() if line.startswith("  File")]


def warning_of(run: Any) -> str:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        with pytest.raises(RuntimeError, match="nan values"), set_detect_anomaly(True):
            run()
    return str(seen[0].message)


def test_the_whole_stack_of_the_forward_call() -> None:
    text = warning_of(lambda: outer_function(zero()).sum().backward())
    assert frames_of(text)[-4:] == ["warning_of", "<lambda>", "outer_function", "inner_function"]
    assert text.endswith("    return x.sqrt() * 0\n")
    assert "pullback/_tensor.py" not in text


def test_each_node_has_the_stack_of_its_own_call() -> None:
    def first() -> Any:
        return inner_function(zero()).sum()

    def second() -> Any:
        return inner_function(pb.ones(2, requires_grad=True)).sum()

    text = warning_of(lambda: (first(), second())[0].backward())
    assert frames_of(text)[-2:] == ["first", "inner_function"]
    text = warning_of(lambda: [second(), first(), second()][1].backward())
    assert frames_of(text)[-2:] == ["first", "inner_function"]


def test_frames_of_the_package_are_left_out() -> None:
    class Root(pb.nn.Module):
        def forward(self, x: Any) -> Any:
            return x.sqrt() * 0

    model = pb.nn.Sequential(pb.nn.ReLU(), Root())
    text = warning_of(lambda: model(zero()).sum().backward())
    assert frames_of(text)[-2:] == ["<lambda>", "forward"]


def test_a_loop_that_is_longer_than_what_is_kept() -> None:
    """The stack of the oldest calls is forgotten, the line is not."""

    def one(x: Any) -> Any:
        return x + 1

    def other(x: Any) -> Any:
        return x + 1

    def build() -> Any:
        x = inner_function(zero())
        for _ in range(10_001):
            x = other(one(x))
        return x.sum()

    text = warning_of(lambda: build().backward())
    assert frames_of(text) == ["inner_function"]


def test_code_is_let_go_when_the_mode_ends() -> None:
    import gc
    import weakref

    names: dict[str, Any] = {"pb": pb}
    exec("def made_up(x):\n    return x * 2\n", names)
    code = weakref.ref(names["made_up"].__code__)
    with set_detect_anomaly(True):
        exec("made_up(pb.ones(1, requires_grad=True))", names)
        names.clear()
        gc.collect()
    gc.collect()
    assert code() is None
