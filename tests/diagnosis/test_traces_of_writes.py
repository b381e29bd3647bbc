"""What copies, sorts, reports and frozen leaves leave behind, and errors with a line."""

from __future__ import annotations

from typing import Any

import pytest

import pullback as pb
from pullback import _core, nn, optim


def param(*values: float) -> Any:
    return pb.tensor(list(values), requires_grad=True)


def used(leaf: Any) -> str:
    return str(_core._traces(leaf)[0])


def copy_under_no_grad(w: Any) -> Any:
    made = pb.zeros(2)
    with pb.no_grad():
        made.copy_(w)
    return made


def copy_of_data(w: Any) -> Any:
    return pb.zeros(2).copy_(w.data)


def copy_in_inference_mode(w: Any) -> Any:
    with pb.inference_mode():
        return pb.zeros(2).copy_(w)


@pytest.mark.parametrize(
    ("copy", "words"),
    [
        (copy_under_no_grad, "under no_grad"),
        (copy_of_data, "by .data"),
        (copy_in_inference_mode, "in inference mode"),
    ],
)
def test_a_copy_is_a_use(copy: Any, words: str) -> None:
    w = param(1.0, 2.0)
    w.detach()
    made = copy(w)
    for text in (used(w), made._origin):
        assert words in text
        assert copy.__name__ in text


def test_a_copy_into_a_leaf_leaves_the_leaf_its_origin() -> None:
    w, target = param(1.0, 2.0), param(0.0, 0.0)
    made = target._origin
    with pb.no_grad():
        target.copy_(w)
    assert target._origin == made
    assert "under no_grad" in used(w)
    assert target.tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    "use",
    [
        lambda w: w.argsort(),
        lambda w: pb.argsort(w, stable=True),
        lambda w: w.nonzero(as_tuple=True),
        lambda w: w.isclose(pb.ones(2)),
        lambda w: w.count_nonzero(),
    ],
)
def test_operators_without_derivative_say_so(use: Any) -> None:
    w = param(1.0, 2.0)
    use(w)
    assert "by an operation without derivative" in used(w)
    with pb.no_grad():
        use(w)
    assert "under no_grad" in used(w)


def test_what_argsort_gives_says_so() -> None:
    found = param(1.0, 2.0).argsort()
    assert "operation without derivative" in found._origin


def test_diagnose_is_no_use() -> None:
    model = nn.Linear(2, 2)
    model.weight = nn.Parameter(pb.ones(2, 2).t())
    step = optim.SGD(model.parameters(), lr=0.1)
    before = [used(p) for p in model.parameters()]
    with pb.diagnose(quiet=True) as report:
        model(pb.ones(1, 2)).sum().backward()
        step.step()
    assert report.findings == []
    assert [used(p) for p in model.parameters()] == before


def test_explain_is_no_use() -> None:
    w = param(-1.0, 2.0)
    loss = w.sqrt().sum()
    before = used(w)
    loss.backward(retain_graph=True)
    pb.explain(loss)
    assert used(w) == before


def test_a_thawed_leaf_is_not_frozen() -> None:
    w = param(1.0)
    w.requires_grad_(False)
    assert "told not to require" in w._origin
    w.requires_grad_(True)
    assert "told not to require" not in w._origin
    assert "test_a_thawed_leaf_is_not_frozen" in w._origin


def test_a_root_made_of_a_number_names_the_reading() -> None:
    w = param(1.0, 2.0)
    number = ((w * 2) ** 2).sum().item()
    root = pb.tensor(number)
    with pytest.raises(RuntimeError, match=r"It was made at .* was read as a number at"):
        root.backward()


def test_errors_name_the_line() -> None:
    y = param(1.0, 2.0) * 2
    with pytest.raises(RuntimeError, match="Recorded by MulBackward0 at "):
        y.resize_(3)
    with pytest.raises(RuntimeError, match=r"non-leaf tensors.* by MulBackward0 at "):
        y.register_post_accumulate_grad_hook(lambda p: None)


def run_step(model: Any, step: Any, *, early: bool) -> Any:
    with pb.diagnose(quiet=True) as report:
        model(pb.ones(1, 2)).sum().backward()
        if early:
            step.zero_grad()
        step.step()
        step.zero_grad()
    return report


def test_a_gradient_that_is_cleared_too_early() -> None:
    model = nn.Linear(2, 2)
    step = optim.SGD(model.parameters(), lr=0.1)
    for _ in range(2):
        (found,) = run_step(model, step, early=True).findings
        assert found.kind == "cleared"
        assert "weight" in found.text
        assert "in run_step" in str(found.place)
    assert run_step(model, step, early=False).findings == []


def test_gradients_that_are_returned_are_not_cleared() -> None:
    model = nn.Linear(2, 2)
    model(pb.ones(1, 2)).sum().backward()
    model.zero_grad()
    with pb.diagnose(quiet=True) as report:
        pb.autograd.grad(model(pb.ones(1, 2)).sum(), [*model.parameters()])
    assert report.findings == []
