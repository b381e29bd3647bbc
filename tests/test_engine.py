"""The backward pass: its arguments, what it accumulates and where, and graphs of any size.

Literal numbers throughout. The large graphs run in a thread with a stack of 8 MB, so that a walk
or a release that recurses over the graph overflows whatever the limit of the machine is.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from typing import Any

import pytest

import pullback as pb
from pullback import _core
from pullback.autograd import backward, grad


def leaf(*values: float, dtype: Any = pb.float64) -> Any:
    return pb.tensor(values, dtype=dtype, requires_grad=True)


def scalar(value: float) -> Any:
    return pb.tensor(value, dtype=pb.float64, requires_grad=True)


# --- Tensor.backward ---


def test_a_scalar_needs_no_gradient() -> None:
    x = leaf(1.0, 2.0)
    assert (x * x).sum().backward() is None
    assert x.grad.tolist() == [2.0, 4.0]


def test_one_element_is_a_scalar_of_any_shape() -> None:
    x = leaf(3.0)
    (x * x).reshape(1, 1, 1).backward()
    assert x.grad.tolist() == [6.0]


def test_a_vector_needs_a_gradient() -> None:
    x = leaf(1.0, 2.0)
    message = "grad can be implicitly created only for scalar outputs"
    with pytest.raises(RuntimeError, match=message):
        (x * x).backward()
    (x * x).backward(pb.tensor([1.0, 10.0], dtype=pb.float64))
    assert x.grad.tolist() == [2.0, 40.0]


def test_the_gradient_must_have_the_shape_of_the_output() -> None:
    x = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match="Mismatch in shape"):
        (x * x).backward(pb.ones(3, dtype=pb.float64))


def test_the_gradient_must_be_a_tensor() -> None:
    x = leaf(1.0)
    with pytest.raises(TypeError, match=r"gradients can be either Tensors or None"):
        backward(x * x, [1.0])


def test_a_gradient_of_another_dtype_is_cast() -> None:
    x = leaf(2.0)
    (x * x).backward(pb.tensor([0.5], dtype=pb.float32))
    assert (x.grad.dtype, x.grad.tolist()) == (pb.float64, [2.0])


def test_no_history_is_an_error() -> None:
    message = "element 0 of tensors does not require grad and does not have a grad_fn"
    with pytest.raises(RuntimeError, match=message):
        pb.ones(1).backward()
    with pytest.raises(RuntimeError, match=message):
        grad(pb.ones(1), leaf(1.0))


def test_a_leaf_is_its_own_root() -> None:
    x = leaf(5.0)
    x.backward()
    assert x.grad.tolist() == [1.0]


def test_inputs_choose_where_to_accumulate() -> None:
    x, y = leaf(2.0), leaf(3.0)
    (x * y).backward(inputs=[x])
    assert x.grad.tolist() == [3.0]
    assert y.grad is None
    (x * y).backward(inputs=y)
    assert (x.grad.tolist(), y.grad.tolist()) == ([3.0], [2.0])
    with pytest.raises(RuntimeError, match="cannot be empty"):
        (x * y).backward(inputs=[])


def test_inputs_may_be_in_the_middle() -> None:
    x = leaf(2.0)
    y = x * x
    z = y * y
    y.retain_grad()
    z.backward(inputs=[y])
    assert y.grad.tolist() == [8.0]
    assert x.grad is None


def test_backward_returns_nothing_and_takes_torchs_keywords() -> None:
    x = leaf(2.0)
    y = x**3
    y.backward(gradient=None, retain_graph=True, create_graph=False, inputs=None)
    y.backward(None, False, False, None)
    assert x.grad.tolist() == [24.0]
    with pytest.raises(TypeError):
        y.backward(unknown=1)


# --- many roots ---


def test_many_roots() -> None:
    x = leaf(2.0)
    y = x * x
    backward([y, y * x], [pb.ones(1, dtype=pb.float64), None])
    assert x.grad.tolist() == [4.0 + 12.0]


def test_one_root_twice() -> None:
    x = leaf(2.0)
    y = x * x
    backward([y, y])
    assert x.grad.tolist() == [8.0]


def test_as_many_gradients_as_roots() -> None:
    x = leaf(2.0)
    with pytest.raises(RuntimeError, match="got 2 tensors and 1 gradients"):
        backward([x * x, x * x], [None])


def test_a_root_that_depends_on_another() -> None:
    x = leaf(2.0)
    y = x * x
    z = y * y
    assert grad([y, z], [x, y])[1].tolist() == [1.0 + 8.0]


# --- autograd.grad ---


def test_grad_leaves_grad_alone() -> None:
    x, y = leaf(2.0), leaf(3.0)
    z = x * y
    found = grad(z, [x, y])
    assert isinstance(found, tuple)
    assert [g.tolist() for g in found] == [[3.0], [2.0]]
    assert (x.grad, y.grad) == (None, None)


def test_grad_of_one_tensor_is_a_tuple() -> None:
    x = leaf(2.0)
    (g,) = grad(x * x, x)
    assert g.tolist() == [4.0]
    assert not g.requires_grad


def test_grad_of_the_output_itself() -> None:
    x = leaf(2.0)
    y = x * x
    assert grad(y, y)[0].tolist() == [1.0]
    assert grad(x, x, pb.tensor([7.0], dtype=pb.float64))[0].tolist() == [7.0]


def test_grad_outputs() -> None:
    x = leaf(1.0, 2.0)
    y = x * x
    seed = pb.tensor([1.0, 10.0], dtype=pb.float64)
    assert grad(y, x, grad_outputs=seed)[0].tolist() == [2.0, 40.0]
    assert grad((x * x, x.sum()), x, (seed, None))[0].tolist() == [3.0, 41.0]


def test_one_input_twice() -> None:
    x = leaf(2.0)
    assert [g.tolist() for g in grad(x * x, [x, x])] == [[4.0], [4.0]]


def test_unused() -> None:
    x, y = leaf(2.0), leaf(3.0)
    message = "appears to not have been used in the graph"
    with pytest.raises(RuntimeError, match=message):
        grad(x * x, [x, y])
    first, second = grad(x * x, [x, y], allow_unused=True)
    assert first.tolist() == [4.0]
    assert second is None


def test_unused_that_does_not_require_grad() -> None:
    x = leaf(2.0)
    message = "One of the differentiated Tensors does not require grad"
    with pytest.raises(RuntimeError, match=message):
        grad(x * x, [pb.ones(1)])


def test_materialize_grads() -> None:
    x, y = leaf(2.0), leaf(3.0, 4.0)
    first, second = grad(x * x, [x, y], materialize_grads=True)
    assert (first.tolist(), second.tolist()) == ([4.0], [0.0, 0.0])
    with pytest.raises(ValueError, match="allow_unused"):
        grad(x * x, [x, y], allow_unused=False, materialize_grads=True)


def test_outputs_must_not_be_empty() -> None:
    with pytest.raises((RuntimeError, ValueError)):
        grad([], [leaf(1.0)])


def test_a_part_of_the_graph() -> None:
    """Only what lies between outputs and inputs runs: a released node outside does not matter."""
    x = leaf(2.0)
    y = x**2
    y.backward()
    z = y.detach().requires_grad_() ** 3
    assert grad(y**3, y)[0].tolist() == [48.0]
    assert z.grad_fn is not None


# --- releasing, and running again ---


def test_a_second_backward_is_refused_when_something_was_saved() -> None:
    x = leaf(2.0)
    y = x**2
    y.backward()
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        y.backward()


def test_a_second_backward_is_fine_when_nothing_was_saved() -> None:
    x = leaf(2.0)
    y = x.sum()
    y.backward()
    y.backward()
    assert x.grad.tolist() == [2.0]


def test_retain_graph() -> None:
    x = leaf(2.0)
    y = x**2
    y.backward(retain_graph=True)
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.tolist() == [12.0]


def test_create_graph_retains_by_default() -> None:
    x = leaf(2.0)
    y = x**2
    grad(y, x, create_graph=True)
    assert grad(y, x)[0].tolist() == [4.0]
    y = x**2
    grad(y, x, create_graph=True, retain_graph=False)
    with pytest.raises(RuntimeError, match="a second time"):
        grad(y, x)


def test_backward_releases_what_was_saved() -> None:
    x = leaf(2.0)
    middle = x * 3
    y = middle * middle
    del middle
    before = _core.live_objects()["tensors"]
    y.backward()
    x.grad = None
    assert _core.live_objects()["tensors"] < before


# --- higher order ---


def test_second_and_third_derivative() -> None:
    x = scalar(2.0)
    (first,) = grad(x**4, x, create_graph=True)
    (second,) = grad(first, x, create_graph=True)
    (third,) = grad(second, x)
    assert [d.item() for d in (first, second, third)] == [32.0, 48.0, 48.0]
    assert first.requires_grad
    assert not third.requires_grad


def test_backward_of_a_gradient() -> None:
    x = scalar(2.0)
    (slope,) = grad(x**3, x, create_graph=True)
    (slope**2).backward()
    assert x.grad.item() == 2 * 12.0 * 12.0


def test_create_graph_in_backward() -> None:
    x = scalar(2.0)
    (x**3).backward(create_graph=True)
    assert x.grad.grad_fn is not None
    assert grad(x.grad, x)[0].item() == 12.0
    x.grad = None


def test_without_create_graph_nothing_is_recorded() -> None:
    x = scalar(2.0)
    (x**3).backward()
    assert not x.grad.requires_grad
    assert not grad(x**3, x)[0].requires_grad


def test_create_graph_records_under_no_grad_too() -> None:
    x = scalar(2.0)
    cube = x**3
    with pb.no_grad():
        (slope,) = grad(cube, x, create_graph=True)
    assert slope.requires_grad


# --- the shape of graphs ---


def test_diamond() -> None:
    x = scalar(2.0)
    a = x * x
    (a * x + a * a).backward()
    assert x.grad.item() == 3 * 4.0 + 4 * 8.0


def test_one_tensor_as_both_operands() -> None:
    x = scalar(3.0)
    (x + x).backward()
    assert x.grad.item() == 2.0


def test_several_outputs_of_one_node() -> None:
    x = leaf(1.0, 2.0, 3.0)
    a, b, c = x.unbind()
    (a * 2 + c * 4).backward()
    assert x.grad.tolist() == [2.0, 0.0, 4.0]
    assert (a.output_nr, b.output_nr, c.output_nr) == (0, 1, 2)


def test_constants_get_nothing() -> None:
    x, c = leaf(2.0), pb.tensor([3.0], dtype=pb.float64)
    y = x * c
    y.backward()
    assert (x.grad.tolist(), c.grad) == ([3.0], None)
    assert y.requires_grad
    assert not (c * c).requires_grad


def test_grad_fn_and_next_functions() -> None:
    x = leaf(2.0)
    y = (x * 3).exp()
    assert y.grad_fn.name() == "ExpBackward0"
    ((mul, number),) = y.grad_fn.next_functions
    assert (mul.name(), number) == ("MulBackward0", 0)
    (first, second) = mul.next_functions
    assert first[0].name() == "torch::autograd::AccumulateGrad"
    assert first[0].variable is x
    assert second == (None, 0)
    assert type(y.grad_fn).__name__ == "ExpBackward0"
    assert x.grad_fn is None
    assert y.grad_fn is y.grad_fn


def test_is_leaf() -> None:
    x = leaf(2.0)
    assert x.is_leaf
    assert not (x * 2).is_leaf
    assert pb.ones(1).is_leaf
    assert (pb.ones(1) * 2).is_leaf
    assert (x * 2).detach().is_leaf


# --- leaves of a graph may change what they require ---


def test_requires_grad_of_a_non_leaf_cannot_change() -> None:
    x = leaf(1.0)
    y = x * 2
    with pytest.raises(RuntimeError, match="you can only change requires_grad flags of leaf"):
        y.requires_grad = False
    with pytest.raises(RuntimeError, match="you can only change requires_grad flags of leaf"):
        y.requires_grad_(False)
    assert y.requires_grad_() is y
    x.requires_grad = False
    assert not x.requires_grad


def test_only_floating_tensors_can_require_grad() -> None:
    message = "[Oo]nly Tensors of floating point and complex dtype can require gradients"
    with pytest.raises(RuntimeError, match=message):
        pb.tensor([1, 2], requires_grad=True)
    with pytest.raises(RuntimeError, match="of floating point"):
        pb.tensor([True]).requires_grad_()


def test_integers_are_not_part_of_the_graph() -> None:
    x = leaf(1.5, 2.5)
    assert not x.long().requires_grad
    assert not (x > 2).requires_grad


# --- sizes ---


def with_small_stack(run: Callable[[], Any]) -> None:
    """Runs it in a thread with a stack of 8 MB and hands on what it raises."""
    caught: list[BaseException] = []

    def body() -> None:
        try:
            run()
        except BaseException as error:  # noqa: BLE001
            caught.append(error)

    before = threading.stack_size(8 * 2**20)
    try:
        thread = threading.Thread(target=body)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)
    if caught:
        raise caught[0]


@pytest.mark.slow
def test_a_million_nodes_in_a_chain() -> None:
    def run() -> None:
        x = scalar(1.0)
        y = x
        for _ in range(1_000_000):
            y = y + 1.0
        assert y.item() == 1_000_001.0
        y.backward()
        assert x.grad.item() == 1.0

    with_small_stack(run)


@pytest.mark.slow
def test_a_million_nodes_die_with_the_last_handle() -> None:
    def run() -> None:
        gc.collect()
        before = _core.live_objects()["nodes"]  # a failed test's traceback keeps its graph
        y = scalar(1.0)
        for _ in range(1_000_000):
            y = y * 1.0
        assert _core.live_objects()["nodes"] >= before + 1_000_000
        del y
        gc.collect()
        assert _core.live_objects()["nodes"] == before

    with_small_stack(run)


@pytest.mark.slow
def test_a_million_leaves() -> None:
    def run() -> None:
        leaves = [scalar(1.0) for _ in range(1_000_000)]
        total = leaves[0]
        for x in leaves[1:]:
            total = total + x
        total.backward()
        assert total.item() == 1_000_000.0
        assert all(x.grad.item() == 1.0 for x in leaves[:: 100_000 + 1])
        assert sum(x.grad is not None for x in leaves) == 1_000_000

    with_small_stack(run)


@pytest.mark.slow
def test_a_million_consumers_of_one_leaf() -> None:
    def run() -> None:
        x = scalar(1.0)
        total = scalar(0.0)
        for _ in range(300_000):
            total = total + x
        total.backward()
        assert x.grad.item() == 300_000.0

    with_small_stack(run)


@pytest.mark.slow
def test_a_deep_gradient_graph() -> None:
    def run() -> None:
        x = scalar(1.0)
        y = x
        for _ in range(50_000):
            y = y * x
        (slope,) = grad(y, x, create_graph=True)
        assert slope.item() == 50_001.0
        assert grad(slope, x)[0].item() == 50_001.0 * 50_000.0

    with_small_stack(run)


# --- threads ---


def test_threads_accumulate_into_one_leaf_exactly() -> None:
    x = leaf(1.0)

    def run() -> None:
        for _ in range(50):
            (x * 1.0).sum().backward()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert x.grad.tolist() == [200.0]


def test_threads_walk_one_shared_graph() -> None:
    x = leaf(2.0)
    y = x
    for _ in range(20):
        y = y * 1.0
    found: list[float] = []

    def run() -> None:
        for _ in range(50):
            found.extend(grad(y.sum(), x, retain_graph=True)[0].tolist())

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [1.0] * 200
