"""What leaves, threads and freed graphs remember, and errors where a value leaves its graph."""

from __future__ import annotations

import copy
import inspect
import pickle
import threading
from typing import Any

import pytest

import pullback as pb
from pullback import _core, nn, optim


def param(*values: float) -> Any:
    return pb.tensor(list(values), requires_grad=True)


def line(back: int = 0) -> str:
    """``file:line in`` of the caller, or of a line so many before."""
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return f"{__file__}:{frame.f_back.f_lineno - back} in "


# --- how a leaf was last used ---


def under_no_grad(w: Any) -> Any:
    with pb.no_grad():
        return w * 2


def in_inference_mode(w: Any) -> Any:
    with pb.inference_mode():
        return pb.matmul(w, w)


@pytest.mark.parametrize(
    ("use", "words"),
    [
        (lambda w: w.detach(), "by detach()"),
        (lambda w: w.data, "by .data"),
        (lambda w: w.tolist(), "as a number"),
        (lambda w: w.long(), "without derivative"),
        (lambda w: w > 1, "without derivative"),
        (lambda w: w.argmax(), "without derivative"),
        (lambda w: w.to(pb.int32), "without derivative"),
        (lambda w: w.numpy(force=True), "as an array"),
        (lambda w: pb.multinomial(w, 1), "without derivative"),
        (under_no_grad, "under no_grad"),
        (in_inference_mode, "in inference mode"),
    ],
)
def test_a_leaf_knows_its_last_use(use: Any, words: str) -> None:
    w = param(1.0, 2.0)
    assert _core._traces(w)[0] == ""
    use(w)
    found = pb.why_none(w)
    assert words in found.text
    assert found.place is not None
    assert found.place.startswith(inspect.getsourcefile(use) or "?")
    first = inspect.getsourcelines(use)[1]
    assert first <= int(found.place.rpartition(" in ")[0].rpartition(":")[2]) <= first + 2


@pytest.mark.parametrize("read", [lambda w: w.item(), lambda w: pb.tensor([w, w]), float, int])
@pytest.mark.filterwarnings("ignore:Converting a tensor:UserWarning")
def test_a_leaf_of_one_element_read_as_a_number(read: Any) -> None:
    w = pb.tensor(3.0, requires_grad=True)
    read(w)
    place = line(1)
    found = pb.why_none(w)
    assert "Its value was last read as a number at" in found.text
    assert __file__ in (found.place or "")
    assert place


def test_the_last_use_wins() -> None:
    w = param(1.0, 2.0)
    w.detach()
    w.tolist()
    place = line(1)
    found = pb.why_none(w)
    assert place in found.text
    assert "detach" not in found.text


@pytest.mark.parametrize(
    "harmless",
    [
        repr,
        lambda w: f"{w}",
        copy.deepcopy,
        lambda w: w * 2,
        lambda w: w.shape,
        lambda w: w.clone(),
        lambda w: nn.Linear(1, 1).register_parameter("w", nn.Parameter(w)),
    ],
)
def test_what_is_no_use(harmless: Any) -> None:
    w = param(1.0, 2.0)
    harmless(w)
    assert _core._traces(w) == ("", "")


def test_what_the_package_does_with_a_parameter_is_no_use() -> None:
    layer = nn.Linear(2, 1)
    layer.state_dict()
    copy.deepcopy(layer)
    pickle.dumps(layer)
    repr(layer.weight)
    assert _core._traces(layer.weight) == ("", "")


def test_tensors_without_a_gradient_remember_nothing() -> None:
    data = pb.tensor([1.0, 2.0])
    data.tolist()
    data.detach()
    assert _core._traces(data) == ("", "")
    h = param(1.0) * 2
    h.item()
    h.detach()
    assert _core._traces(h) == ("", "")


def test_all_leaves_of_an_operation_remember_it() -> None:
    layer = nn.Linear(2, 2)
    with pb.no_grad():
        layer(pb.ones(1, 2))
    place = line(1)
    assert place in pb.why_none(layer.weight).text
    assert place in pb.why_none(layer.bias).text


def test_a_pass_is_no_use() -> None:
    """The products of a backward pass are not recorded, and none of the user's doing."""
    w = param(1.0, 2.0)
    (w * w).sum().backward()
    assert _core._traces(w)[0] == ""


def test_leaves_of_other_threads() -> None:
    w = param(1.0, 2.0)
    worker = threading.Thread(target=w.tolist)
    worker.start()
    worker.join()
    w.tolist()
    place = line(1)
    assert place in pb.why_none(w).text


# --- where a gradient was taken away ---


@pytest.mark.parametrize("way", ["module", "optimizer", "None", "del"])
def test_a_gradient_that_was_taken_away(way: str) -> None:
    layer = nn.Linear(2, 1)
    step = optim.SGD(layer.parameters(), lr=0.1)
    loss = layer(pb.ones(1, 2)).sum()
    loss.backward()
    if way == "module":
        layer.zero_grad()
    elif way == "optimizer":
        step.zero_grad()
    elif way == "None":
        layer.weight.grad = None
    else:
        del layer.weight.grad
    for found in (pb.why_none(layer.weight), pb.why_none(layer.weight, loss)):
        assert "taken away" in found.text
        assert f"{__file__}:" in (found.place or "")
        assert "test_a_gradient_that_was_taken_away" in (found.place or "")


def test_taking_nothing_away_is_not_noted() -> None:
    w = param(1.0)
    w.grad = None
    optim.SGD([w], lr=0.1).zero_grad()
    assert _core._traces(w)[1] == ""


def test_a_gradient_that_was_zeroed() -> None:
    w = param(1.0)
    step = optim.SGD([w], lr=0.1)
    loss = (w * w).sum()
    loss.backward()
    step.zero_grad(set_to_none=False)
    place = line(1)
    assert place in pb.why_zero(w).text
    assert place in pb.why_zero(w, loss).text


# --- values that left as numbers ---


def test_a_root_that_was_made_of_numbers() -> None:
    losses = [param(1.0, 2.0).sum() for _ in range(2)]
    numbers = [each.item() for each in losses]
    place = line(1)
    with pytest.raises(RuntimeError) as raised:
        pb.tensor(numbers).mean().backward()
    assert "does not require grad" in str(raised.value)
    assert place.removesuffix(" in ") in str(raised.value)


def test_readings_before_the_last_pass_and_after_the_graph_are_left_out() -> None:
    w, used = param(1.0), param(2.0)
    early = (w * 2).sum()
    early.item()
    early.backward()
    w.grad = None
    loss = (used * used).sum()
    loss.item()
    late = line(1)
    loss.backward()
    text = pb.why_none(param(3.0), loss).text
    assert "read as a number" not in text
    assert late not in text


# --- what a freed graph knows of its operands ---


def cut(value: Any) -> Any:
    return value.detach()


class Product(pb.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a: Any, b: Any) -> Any:
        ctx.save_for_backward(a, b)
        return a * b

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> Any:
        _, b = ctx.saved_tensors
        return gradient * b, None


@pytest.mark.parametrize(
    "operation",
    [
        lambda a, b: a * b,
        lambda a, b: a + b,
        lambda a, b: a @ b,
        lambda a, b: pb.where(b > 0, a, 0.0),
        lambda a, b: pb.addcmul(a, a, b),
        lambda a, b: pb.cat([a, b]),
        lambda a, b: pb.stack([a] * 20 + [b]),
        lambda a, b: a[b.long() - 1],
        lambda a, b: a.index_select(0, b[0].int() - 1),
        lambda a, b: nn.functional.mse_loss(a, b),
        lambda a, b: nn.functional.linear(a, a, b[0]),
        lambda a, b: pb.einsum("ij,jk->ik", a, b),
        Product.apply,
    ],
)
@pytest.mark.parametrize("keep", [True, False])
def test_an_operand_is_known_after_the_pass(operation: Any, keep: bool) -> None:
    a, b = pb.ones(2, 2, requires_grad=True), pb.ones(2, 2, requires_grad=True)
    loss = operation(a, cut(b)).sum()
    loss.backward(retain_graph=keep)
    found = pb.why_none(b, loss)
    assert "by detach()" in found.text
    first = inspect.getsourcelines(cut)[1] + 1
    assert f"{__file__}:{first} in cut" in found.text


def test_a_freed_operand_is_freed() -> None:
    """The slot keeps where the operand was made, not the operand."""
    weight, data = param(*[1.0] * 1000), pb.ones(1000)
    loss = (weight * data).sum()
    before = pb.memory.stats()["allocated"]
    loss.backward()
    weight.grad = None
    del data
    assert pb.memory.stats()["allocated"] <= before - 4000
    node = loss.grad_fn.next_functions[0][0]
    assert "It was made at" in _core._saved_origins(node)[1]


def test_operands_with_a_history_leave_nothing() -> None:
    a, b = param(1.0), param(2.0)
    loss = (a * b).sum()
    loss.backward()
    assert _core._saved_origins(loss.grad_fn.next_functions[0][0]) == {}


def test_a_function_that_was_asked_again_after_the_pass() -> None:
    """A context outlives its node: what is left of the saved tensors moves with it."""
    a, b = param(1.0), pb.ones(1)
    y = Product.apply(a, b)
    context = y.grad_fn
    y.sum().backward()
    del y
    with pytest.raises(RuntimeError, match="second time"):
        _ = context.saved_tensors


def test_a_leaf_that_was_cut_off_keeps_the_line() -> None:
    w = param(1.0, 2.0)
    h = w.exp().detach()
    place = line(1)
    h.requires_grad_()
    loss = (h * 2).sum()
    loss.backward()
    assert place in pb.why_none(w, loss).text


def test_a_function_that_returned_none_is_known_after_the_pass() -> None:
    class Nothing(pb.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, y: Any) -> Any:
            return x + y

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> Any:
            return None, gradient

    x, y = param(1.0), param(2.0)
    out = Nothing.apply(x * 2, y)
    place = line(1)
    loss = out.sum()
    loss.backward()
    found = pb.why_none(x, loss)
    assert found.operator == "NothingBackward"
    assert (found.place or "").startswith(place)
    assert pb.why_none(y, loss).text == "It has a gradient."


# --- errors where a value leaves its graph ---


@pytest.mark.parametrize(
    "leave",
    [
        lambda y: y.numpy(),
        lambda y: y.__array__(),
        lambda y: y.__dlpack__(),
        lambda y: y.item(),
        lambda y: bool(y),
        copy.deepcopy,
    ],
)
def test_an_error_names_the_line_that_recorded(leave: Any) -> None:
    y = param(1.0, 2.0) * 2
    place = line(1)
    with pytest.raises((RuntimeError, BufferError, ValueError)) as raised:
        leave(y)
    assert f"Recorded by MulBackward0 at {place}" in str(raised.value)


def test_an_error_names_where_a_leaf_was_made() -> None:
    w = pb.ones(2, requires_grad=True)
    place = line(1)
    with pytest.raises(RuntimeError, match="Can't call numpy") as raised:
        w.numpy()
    assert f"It was made at {place}" in str(raised.value)


def test_why_none_does_not_blame_backward_for_what_grad_returned() -> None:
    p = pb.ones(3, requires_grad=True)
    loss = (p * p).sum()
    pb.autograd.grad(loss, p)
    assert "or autograd.grad(), which returns the gradients" in str(pb.why_none(p, loss))
    kept = (p * p).sum()
    pb.autograd.grad(kept, p, retain_graph=True)
    assert "autograd.grad() computed the gradients" in str(pb.why_none(p, kept))
