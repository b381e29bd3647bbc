"""``diagnose``: each finding is provoked, and a healthy step has none."""

from __future__ import annotations

import contextlib
import inspect
import threading
from typing import Any

import pytest

import pullback as pb
from pullback import nn, optim


def line(back: int = 0) -> str:
    """``file:line in`` of the caller, or of a line so many before."""
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return f"{__file__}:{frame.f_back.f_lineno - back} in "


def make_model() -> Any:
    pb.manual_seed(0)
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))


def data() -> tuple[Any, Any]:
    pb.manual_seed(1)
    return pb.randn(32, 8), pb.randint(0, 3, (32,))


def kinds(report: Any) -> list[str]:
    return [finding.kind for finding in report.findings]


# --- nothing ---


@pytest.mark.parametrize("make", [optim.SGD, optim.Adam])
def test_healthy_steps(make: Any, capsys: pytest.CaptureFixture[str]) -> None:
    model, (x, y) = make_model(), data()
    step = make(model.parameters(), lr=0.01)
    with pb.diagnose() as report:
        for _ in range(5):
            step.zero_grad()
            loss = nn.functional.cross_entropy(model(x), y)
            loss.backward()
            step.step()
            loss.item()
    assert report.findings == []
    assert report.passes == 5
    assert capsys.readouterr().out == "pullback.diagnose: 5 backward passes, nothing found\n"


def test_a_pass_without_a_step() -> None:
    model, (x, y) = make_model(), data()
    with pb.diagnose(quiet=True) as report:
        nn.functional.cross_entropy(model(x), y).backward()
    assert report.findings == []


def test_no_pass_at_all(capsys: pytest.CaptureFixture[str]) -> None:
    with pb.diagnose() as report:
        make_model()(pb.ones(1, 8))
    assert report.findings == []
    assert "0 backward passes" in capsys.readouterr().out


def test_a_target_network_is_not_missed() -> None:
    model, target, (x, _) = make_model(), make_model(), data()
    with pb.diagnose(quiet=True) as report:
        with pb.no_grad():
            wanted = target(x)
        (model(x) - wanted - 1).square().mean().backward()
    assert report.findings == []


def test_double_backward_and_gradients_by_hand() -> None:
    w = pb.tensor([1.0, 2.0], requires_grad=True)
    with pb.diagnose(quiet=True) as report:
        (slope,) = pb.autograd.grad((w**3).sum(), w, create_graph=True)
        slope.sum().backward()
        with pb.no_grad():
            w -= 0.1 * w.grad  # type: ignore[misc,operator]
    assert report.findings == []
    assert report.passes == 2


# --- NaN and infinity ---


def test_nan_that_is_born_in_the_forward_pass() -> None:
    x = pb.tensor([0.0, 4.0], requires_grad=True)
    with pb.diagnose(quiet=True) as report:
        y = x / x
        place = line(1)
        (y * y * 2).sum().backward()
    assert kinds(report) == ["nan"]
    assert "DivBackward0 turned finite input into nan in the forward pass" in str(report)
    assert place in str(report)


def test_nan_that_is_born_in_the_backward_pass() -> None:
    x = pb.tensor([0.0, 4.0], requires_grad=True)
    with pb.diagnose(quiet=True) as report:
        y = x.sqrt()
        place = line(1)
        (y * 0).sum().backward()
    assert kinds(report) == ["nan"]
    assert "SqrtBackward0 turned finite gradients into nan" in str(report)
    assert (report.findings[0].place or "").startswith(place)


def test_nan_in_the_data() -> None:
    w = pb.ones(2, requires_grad=True)
    with pb.diagnose(quiet=True) as report:
        table = pb.tensor([1.0, float("nan")])
        place = line(1)
        (w * table).sum().backward()
    assert kinds(report) == ["nan"]
    assert "came in from outside" in str(report)
    assert place in str(report)


def test_the_same_nan_in_many_steps_is_found_once() -> None:
    x = pb.tensor([0.0], requires_grad=True)
    with pb.diagnose(quiet=True) as report:
        for _ in range(3):
            x.sqrt().sum().backward()
    assert kinds(report) == ["nan"]
    assert report.passes == 3


def test_gradients_of_other_layouts() -> None:
    """Expanded, transposed, empty; no gradient at all."""
    x = pb.tensor([[1.0, 0.0]], requires_grad=True)
    with pb.diagnose(quiet=True) as report:
        (x.expand(3, 2).t() * pb.ones(2, 3)).sum().backward()
        (x.t().contiguous() * 2).sum().backward()
        x[:0].sum().backward()
    assert "nan" not in kinds(report)


# --- units, norms, ranges ---


def test_dead_units() -> None:
    model, (x, y) = make_model(), data()
    with pb.no_grad():
        model[0].bias[:12].fill_(-100.0)
    with pb.diagnose(quiet=True) as report:
        h = model[0](x).relu()
        place = line(1)
        nn.functional.cross_entropy(model[2](h), y).backward()
    assert kinds(report) == ["dead units"]
    assert "12 of 16 units of ReluBackward0" in report.findings[0].text
    assert (report.findings[0].place or "").startswith(place)


def test_a_gradient_that_is_zero() -> None:
    model, (x, y) = make_model(), data()
    with pb.no_grad():
        model[0].bias.fill_(-100.0)
    with pb.diagnose(quiet=True) as report:
        nn.functional.cross_entropy(model(x), y).backward()
    assert kinds(report)[0] == "dead units"
    assert kinds(report).count("zero gradient") == 3  # both of the first layer, the next weight
    assert "0.weight" in str(report)


def test_exploding() -> None:
    w = pb.full((2,), 30.0, requires_grad=True)
    with pb.diagnose(quiet=True) as report:
        h = w * 1
        for _ in range(8):
            h = h * 30.0
        place = line(1)
        h.sum().backward()
    assert kinds(report) == ["exploding"]
    assert place in str(report)
    assert "Norms by line" in str(report)


def test_vanishing() -> None:
    first = pb.ones(2, requires_grad=True)
    last = pb.ones(2, requires_grad=True)
    with pb.diagnose(quiet=True) as report:
        h = first * 1
        for _ in range(8):
            h = h * 0.1
        place = line(1)
        (h + last).sum().backward()
    assert kinds(report) == ["vanishing"]
    assert place in str(report)


@pytest.mark.parametrize(("dtype", "size"), [(pb.float32, 1e20), (pb.float64, 1e160)])
def test_values_out_of_range(dtype: Any, size: float) -> None:
    w = pb.ones(2, requires_grad=True, dtype=dtype)
    with pb.diagnose(quiet=True) as report:
        h = w * size
        place = line(1)
        (h * w).sum().backward()
    assert kinds(report)[0] == "range"
    assert place in report.findings[0].text


# --- parameters ---


def test_an_unused_parameter() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used = nn.Linear(2, 1)
            self.spare = nn.Linear(2, 1)

        def forward(self, x: Any) -> Any:
            return self.used(x)

    model = Two()
    for argument in (None, model):
        with pb.diagnose(argument, quiet=True) as report:
            model(pb.ones(4, 2)).sum().backward()
        assert kinds(report) == ["unused", "unused"]
        assert "spare.weight" in str(report)


def test_parts_that_are_called_by_themselves() -> None:
    """Before, after and without the module that has them; modules that raise; no hook is left."""

    class Pair(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(2, 2), nn.Linear(2, 1)
            self.spare = nn.Linear(2, 1)

        def forward(self, x: Any) -> Any:
            return self.second(self.first(x))

    def hooks(module: Any) -> list[Any]:
        return [
            *nn.modules._hooks._all_forward_pre.values(),
            *(hook for part in module.modules() for hook in part._forward_hooks.values()),
            *(hook for part in module.modules() for hook in part._forward_hooks_always_called),
        ]

    x = pb.ones(4, 2)
    pair, other = Pair(), nn.Sequential(nn.Linear(2, 1), nn.ReLU())

    class Wrong(nn.Module):
        def forward(self, x: Any) -> Any:
            assert nn.modules._hooks._all_forward_pre == {}
            raise KeyError("mine")

    uses: dict[str, list[Any]] = {
        "part, whole": [lambda: pair.first(x), lambda: pair(x)],
        "whole, part": [lambda: pair(x), lambda: pair.first(x)],
        "twice": [lambda: pair(x), lambda: pair(x)],
        "after an error": [lambda: Wrong()(x), lambda: pair(x)],
        "two": [lambda: other(x), lambda: pair(x)],
    }
    for name, calls in uses.items():
        with pb.diagnose(quiet=True) as report:
            for call in calls:
                with contextlib.suppress(KeyError):
                    call().sum().backward()
        unused = [each.text for each in report.findings if each.kind == "unused"]
        assert len(unused) == 2, name
        assert all("spare" in each for each in unused), name
        assert hooks(pair) == hooks(other) == []
    with pb.diagnose(quiet=True) as report:
        pair.second(pair.first(x)).sum().backward()
    assert "unused" not in kinds(report)


def test_an_unused_parameter_says_how_it_was_used() -> None:
    class Cut(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(2, 2, bias=False)
            self.second = nn.Linear(2, 1)

        def forward(self, x: Any) -> Any:
            with pb.no_grad():
                h = self.first(x)
            return self.second(h)

    model = Cut()
    with pb.diagnose(quiet=True) as report:
        model(pb.ones(4, 2)).sum().backward()
    assert kinds(report) == ["unused"]
    assert "under no_grad" in str(report)


def test_a_frozen_parameter_is_none_of_these() -> None:
    model = make_model()
    model[0].requires_grad_(False)
    with pb.diagnose(quiet=True) as report:
        nn.functional.cross_entropy(model(data()[0]), data()[1]).backward()
    assert report.findings == []


def test_a_parameter_that_is_not_in_the_optimizer() -> None:
    model, (x, y) = make_model(), data()
    step = optim.SGD(model[0].parameters(), lr=0.1)
    with pb.diagnose(quiet=True) as report:
        nn.functional.cross_entropy(model(x), y).backward()
        step.step()
    assert kinds(report) == ["unchanged", "unchanged"]
    assert "is it in the optimizer? 2.weight" in str(report)


def test_a_learning_rate_of_zero() -> None:
    model, (x, y) = make_model(), data()
    step = optim.SGD(model.parameters(), lr=0.0)
    with pb.diagnose(quiet=True) as report:
        nn.functional.cross_entropy(model(x), y).backward()
        step.step()
    assert kinds(report) == ["unchanged"] * 4
    assert "a learning rate of 0?" in str(report)


# --- the block ---


def test_an_exception_leaves_the_block(capsys: pytest.CaptureFixture[str]) -> None:
    x = pb.tensor([0.0], requires_grad=True)
    with pytest.raises(KeyError), pb.diagnose() as report:
        x.sqrt().sum().backward()
        raise KeyError
    assert kinds(report) == ["nan"]
    assert "1 found" in capsys.readouterr().out
    with pb.diagnose(quiet=True) as again:
        (x + 1).sum().backward()
    assert again.passes == 1


def test_an_exception_in_the_pass() -> None:
    x = pb.tensor([1.0], requires_grad=True)

    def fail(gradient: Any) -> Any:
        raise KeyError

    y = x * 2
    y.register_hook(fail)
    with pytest.raises(KeyError), pb.diagnose(quiet=True):
        y.sum().backward()
    with pb.diagnose(quiet=True) as report:
        (x * 2).sum().backward()
    assert report.findings == []


def test_blocks_within_blocks() -> None:
    x = pb.tensor([4.0], requires_grad=True)
    with pb.diagnose(quiet=True) as outer:
        x.sqrt().sum().backward()
        with pb.diagnose(quiet=True) as inner:
            x.sqrt().sum().backward()
        x.sqrt().sum().backward()
    assert (outer.passes, inner.passes) == (3, 1)
    assert outer.findings == inner.findings == []


def test_the_same_object_twice() -> None:
    x = pb.tensor([4.0], requires_grad=True)
    watch = pb.diagnose(quiet=True)
    with watch as first:
        x.sqrt().sum().backward()
    with watch as second:
        x.sqrt().sum().backward()
    assert (first.passes, second.passes) == (1, 1)


def test_explain_inside_of_the_block() -> None:
    x = pb.tensor([0.0], requires_grad=True)
    with pb.diagnose(quiet=True) as report:
        loss = x.sqrt().sum()
        assert pb.explain(x, loss).operator == "SqrtBackward0"
        loss.backward()
    assert kinds(report) == ["nan"]


def test_another_thread_is_not_watched() -> None:
    x = pb.tensor([0.0], requires_grad=True)
    with pb.diagnose(quiet=True) as report:
        worker = threading.Thread(target=lambda: x.sqrt().sum().backward())
        worker.start()
        worker.join()
    assert (report.passes, report.findings) == (0, [])


def test_gradients_are_the_same_and_nothing_is_recorded() -> None:
    model, (x, y) = make_model(), data()
    nn.functional.cross_entropy(model(x), y).backward()
    plain = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    with pb.diagnose(quiet=True):
        nn.functional.cross_entropy(model(x), y).backward()
    for p, expected in zip(model.parameters(), plain, strict=True):
        assert p.grad.equal(expected)
        assert not p.grad.requires_grad


def test_what_is_no_model() -> None:
    with pytest.raises(TypeError, match="argument 'model' must be Module, not int"):
        pb.diagnose(3)
