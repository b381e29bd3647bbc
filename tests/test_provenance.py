"""Autograd errors name the file and line that recorded the node."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

import pullback as pb
from pullback import nn


def leaf() -> Any:
    return pb.tensor([1.0, 2.0], dtype=pb.float64, requires_grad=True)


def here() -> int:
    """The line of the caller."""
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return frame.f_back.f_lineno


def message(run: Any) -> str:
    with pytest.raises(RuntimeError) as caught:
        run()
    return str(caught.value)


def test_a_modified_value_names_the_line_that_saved_it() -> None:
    x = leaf()
    y = x * 1
    line = here() + 1
    z = y * y
    y.add_(1)
    assert f"{__file__}:{line} in test_a_modified_value" in message(z.sum().backward)


def test_a_modified_output_names_the_line_that_made_it() -> None:
    x = leaf()
    line = here() + 1
    y = x.exp()
    y.add_(1)
    assert f"{__file__}:{line}" in message(y.sum().backward)


def test_a_released_node_names_its_line() -> None:
    x = leaf()
    line = here() + 1
    y = (x * x).sum()
    y.backward()
    assert f"{__file__}:{line} in test_a_released_node" in message(y.backward)


def test_every_way_to_record() -> None:
    """Operator, function, method, in-place, indexing."""
    x = leaf()
    for record in (
        lambda: x * x,
        lambda: pb.exp(x),
        lambda: x.exp(),
        lambda: (x * 1).pow_(2),
        lambda: pb.mul(x, x),
    ):
        y = record()
        line = record.__code__.co_firstlineno
        y.sum().backward()
        assert f"{__file__}:{line} in <lambda>" in message(y.sum().backward)


def test_the_line_is_the_users_not_the_librarys() -> None:
    layer = nn.Sequential(nn.Linear(2, 2), nn.Tanh())
    line = here() + 1
    y = layer(pb.ones(1, 2))
    y.sum().backward()
    text = message(y.sum().backward)
    assert f"{__file__}:{line}" in text
    assert "container.py" not in text


def test_a_statement_over_several_lines() -> None:
    x = leaf()
    start = here() + 1
    y = (
        x
        * x
    )  # fmt: skip
    y.sum().backward()
    text = message(y.sum().backward)
    assert any(f"{__file__}:{line}" in text for line in range(start, start + 4))


def test_code_without_a_file() -> None:
    names: dict[str, Any] = {"x": leaf()}
    exec(compile("def f():\n\n  return (x * x).sum()\n", "<typed in>", "exec"), names)
    y = names["f"]()
    y.backward()
    assert "<typed in>:3 in f" in message(y.backward)


def test_create_graph_names_the_line_of_the_second_pass() -> None:
    x = leaf()
    line = here() + 1
    (slope,) = pb.autograd.grad((x**3).sum(), x, create_graph=True)
    slope.sum().backward()
    assert f"{__file__}:{line}" in message(slope.sum().backward)


def test_the_code_object_outlives_its_function() -> None:
    names: dict[str, Any] = {"x": leaf()}
    exec(compile("y = (x * x).sum()", "gone.py", "exec"), names)
    y = names.pop("y")
    names.clear()
    y.backward()
    assert "gone.py:1 in <module>" in message(y.backward)


def test_a_second_backward_names_the_pass_that_freed_the_graph() -> None:
    x = leaf()
    y = (x * x).sum()
    y.backward(retain_graph=True)
    line = here() + 1
    pb.autograd.grad(y, x)
    assert f"Freed by the backward pass at {__file__}:{line}" in message(y.backward)
    assert f"Freed by the backward pass at {__file__}:{line}" in message(y.backward)  # not this one


def test_a_pass_that_is_long_gone_is_not_named() -> None:
    x = leaf()
    y = (x * x).sum()
    y.backward()
    for _ in range(20):
        (x * 1).sum().backward()
    text = message(y.backward)
    assert "Recorded by MulBackward0" in text
    assert "Freed by" not in text


def test_the_pass_of_another_thread_is_not_named() -> None:
    import threading

    x = leaf()
    y = (x * x).sum()
    thread = threading.Thread(target=y.backward)
    thread.start()
    thread.join()
    assert "Freed by" not in message(y.backward)


def test_in_place_operators_are_named() -> None:
    x = leaf()
    assert "add_: use x.detach()" in message(lambda: x.__iadd__(1))
    assert "div_: use x.detach()" in message(lambda: x.__itruediv__(2))


@pytest.mark.parametrize(
    "misuse",
    [
        lambda t: t.register_hook(print),
        lambda t: t.register_post_accumulate_grad_hook(print),
        lambda t: t.retain_grad(),
    ],
)
def test_what_needs_a_gradient_names_the_line_that_lost_it(misuse: Any) -> None:
    line = here() + 1
    t = leaf().exp().detach()
    text = message(lambda: misuse(t))
    assert f"by detach() at {__file__}:{line}" in text


def test_what_needs_a_leaf_names_the_line_that_recorded() -> None:
    import copy

    line = here() + 1
    t = leaf().exp()
    for misuse in (lambda: copy.deepcopy(t), lambda: setattr(t, "requires_grad", False)):
        assert f"Recorded by ExpBackward0 at {__file__}:{line}" in message(misuse)
    with pytest.raises(ValueError, match=rf"non-leaf Tensor\. Recorded by .*:{line}"):
        pb.optim.SGD([t], lr=0.1)


def test_a_custom_function_names_its_backward() -> None:
    class Wrong(pb.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 1

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> Any:
            return gradient, gradient

    line = here() + 1
    y = Wrong.apply(leaf())
    text = message(y.sum().backward)
    assert f"Recorded by WrongBackward at {__file__}:{line}" in text
    assert f"Its backward is defined at {__file__}:{Wrong.backward.__code__.co_firstlineno}" in text
