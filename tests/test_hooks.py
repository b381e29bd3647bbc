"""Hooks of tensors, leaves and nodes: what torch does is compared in parity/test_hooks.py; here are
lifetimes, cycles, errors, handles and what hooks mean together with other features."""

from __future__ import annotations

import gc
import pickle
import warnings
import weakref
from typing import Any

import pytest

import pullback as pb
from pullback import _core
from pullback.utils.hooks import RemovableHandle, unserializable_hook


def leaf(*values: float) -> Any:
    return pb.tensor(values, dtype=pb.float64, requires_grad=True)


# --- replacing gradients ---


def test_a_hook_replaces_the_gradient_of_a_leaf() -> None:
    x = leaf(1.0, 2.0)
    x.register_hook(lambda g: g * 10)
    (x * 3).sum().backward()
    assert x.grad.tolist() == [30.0, 30.0]


def test_a_hook_of_a_non_leaf_changes_what_flows_on() -> None:
    x = leaf(1.0)
    y = x * 2
    y.register_hook(lambda g: g + 1)
    (y * 3).backward()
    assert x.grad.tolist() == [8.0]


def test_a_hook_sees_the_whole_gradient_once() -> None:
    seen = []
    x = leaf(1.0)
    y = x * 2
    y.register_hook(lambda g: seen.append(g.tolist()))
    x.register_hook(lambda g: seen.append(g.tolist()))
    (y * 3 + y * 4 + x).backward()
    assert seen == [[7.0], [15.0]]


def test_the_gradient_that_a_hook_kept_is_not_overwritten() -> None:
    kept = []
    x = leaf(1.0)
    x.register_hook(kept.append)
    (x * 2).backward()
    (x * 3).backward()
    assert [g.tolist() for g in kept] == [[2.0], [3.0]]
    assert x.grad.tolist() == [5.0]


def test_an_optimizer_step_after_accumulation() -> None:
    x = leaf(1.0, 1.0)

    def step(p: Any) -> None:
        with pb.no_grad():
            p -= 0.5 * p.grad
        p.grad = None

    x.register_post_accumulate_grad_hook(step)
    for _ in range(2):
        (x * x).sum().backward()
    assert x.tolist() == [0.0, 0.0]
    assert x.grad is None


def test_node_hooks_replace_both_sides() -> None:
    x = leaf(1.0)
    y = x * 3
    y.grad_fn.register_prehook(lambda g: (g[0] * 2,))
    y.grad_fn.register_hook(lambda given, arrived: (given[0] + arrived[0], None))
    y.backward()
    assert x.grad.tolist() == [8.0]


def test_hooks_of_a_node_with_several_inputs_and_outputs() -> None:
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
    seen = []
    a, b = pb.stack([x, w]).unbind()
    a.grad_fn.register_hook(lambda given, arrived: seen.append((len(given), len(arrived))))
    stack = a.grad_fn.next_functions[0][0]
    stack.register_hook(lambda given, arrived: (given[1], given[0]))
    (a * 2 + b * 5).sum().backward()
    assert seen == [(1, 2)]
    assert (x.grad.tolist(), w.grad.tolist()) == ([5.0, 5.0], [2.0, 2.0])


# --- lifetimes ---


def test_hooks_die_with_the_graph() -> None:
    class Hook:
        def __call__(self, *_: Any) -> None:
            pass

    x = leaf(1.0)
    y = x * 2
    hooks = [Hook() for _ in range(4)]
    gone = [weakref.ref(h) for h in hooks]
    y.register_hook(hooks[0])
    y.grad_fn.register_hook(hooks[1])
    y.grad_fn.register_prehook(hooks[2])
    x.register_hook(hooks[3])
    del hooks[:]
    (y * 1).backward()
    assert all(ref() is not None for ref in gone)
    del y
    assert [ref() is None for ref in gone] == [True, True, True, False]
    del x
    assert gone[3]() is None


def test_hooks_outlive_the_object_of_their_tensor() -> None:
    seen = []
    x = leaf(1.0)
    y = x * 2
    y.register_hook(lambda g: seen.append("y"))
    x.register_hook(lambda g: seen.append("x"))
    z = y * 3
    del x, y
    z.backward()
    assert seen == ["y", "x"]


def test_a_hook_that_refers_to_its_tensor_still_runs_after_a_collection() -> None:
    seen = []
    x = leaf(1.0)

    def graph() -> Any:
        y = x * 2
        y.register_hook(lambda g: seen.append(y.tolist()))
        y.grad_fn.register_hook(lambda given, arrived: seen.append(y.grad_fn.name()))
        return y * 3

    z = graph()
    gc.collect()
    z.backward()
    assert seen == [[2.0], "MulBackward0"]


@pytest.mark.parametrize("kind", ["leaf", "accumulated", "non-leaf", "retained", "node"])
def test_cycles_are_collected(kind: str) -> None:
    def make() -> None:
        x = leaf(1.0)
        y = x * 2
        if kind == "leaf":
            x.register_hook(lambda g: x)
        elif kind == "accumulated":
            x.register_post_accumulate_grad_hook(lambda p: x.zero_())
        elif kind == "non-leaf":
            y.register_hook(lambda g: y)
        elif kind == "retained":
            y.retain_grad()
            y.register_hook(lambda g: y.grad)
        else:
            y.grad_fn.register_hook(lambda given, arrived: y.grad_fn)

    before = _core.live_objects()
    make()
    assert _core.live_objects() != before
    gc.collect()
    assert _core.live_objects() == before


def test_a_cycle_through_a_node_object() -> None:
    def make() -> None:
        node = (leaf(1.0) * 2).grad_fn
        node.register_hook(lambda given, arrived: node)
        node.metadata["self"] = node

    before = _core.live_objects()
    make()
    assert _core.live_objects() != before
    gc.collect()
    assert _core.live_objects() == before


# --- handles ---


def test_handles_are_weak_and_removing_twice_is_fine() -> None:
    x = leaf(1.0)
    handles = [
        x.register_hook(lambda g: g * 2),
        x.register_post_accumulate_grad_hook(lambda p: p.grad.mul_(5) and None),
        (y := x * 1).register_hook(lambda g: g * 3),
        y.grad_fn.register_hook(lambda given, arrived: (given[0] * 7, None)),
        y.grad_fn.register_prehook(lambda arrived: (arrived[0] * 11,)),
    ]
    y.backward(retain_graph=True)
    assert x.grad.tolist() == [2.0 * 5 * 3 * 7 * 11]
    for handle in handles:
        assert isinstance(handle, RemovableHandle)
        handle.remove()
        handle.remove()
    x.grad = None
    y.backward()
    assert x.grad.tolist() == [1.0]
    gone = weakref.ref(x)
    del x, y
    assert gone() is None
    handles[0].remove()


def test_handles_pickle() -> None:
    x = leaf(1.0)
    handle = x.register_hook(print)
    copied = pickle.loads(pickle.dumps(handle))
    assert copied.id == handle.id
    copied.remove()
    assert x.register_hook(print).id > handle.id


def test_pickling_a_tensor_warns_about_its_hooks() -> None:
    x = leaf(1.0)
    x.register_hook(print)
    with pytest.warns(UserWarning, match="will not be serialized"):
        pickle.dumps(x)
    x._backward_hooks = None

    @unserializable_hook
    def hook(g: Any) -> None:
        pass

    x.register_hook(hook)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert pickle.loads(pickle.dumps(x))._backward_hooks is None


def test_the_dictionary_can_be_replaced_while_it_runs() -> None:
    seen = []
    x = leaf(1.0)

    def hook(g: Any) -> None:
        seen.append("first")
        x._backward_hooks = None

    x.register_hook(hook)
    x.register_hook(lambda g: seen.append("second"))
    (x * 1).backward()
    (x * 1).backward()
    assert seen == ["first", "second"]


def test_a_hook_registered_inside_a_hook() -> None:
    seen = []
    x = leaf(1.0)
    y = x * 2
    y.register_hook(lambda g: y.register_hook(lambda g: seen.append("late")) and None)
    y.backward(retain_graph=True)
    assert seen == []
    y.backward()
    assert seen == ["late"]


# --- errors ---


@pytest.mark.parametrize(
    "register",
    [
        lambda x, y, f: x.register_hook(f),
        lambda x, y, f: y.register_hook(f),
        lambda x, y, f: x.register_post_accumulate_grad_hook(f),
        lambda x, y, f: y.grad_fn.register_prehook(f),
        lambda x, y, f: y.grad_fn.register_hook(f),
        lambda x, y, f: y.grad_fn.next_functions[0][0].register_hook(f),
    ],
)
def test_the_error_of_a_hook_reaches_the_caller(register: Any) -> None:
    class CustomError(Exception):
        pass

    boom = CustomError("boom", 3)

    def hook(*_: Any) -> None:
        raise boom

    x = leaf(1.0)
    y = x * 2
    handle = register(x, y, hook)
    with pytest.raises(CustomError) as caught:
        y.backward(retain_graph=True)
    assert caught.value is boom
    assert [entry.name for entry in caught.traceback][-1] == "hook"
    handle.remove()
    x.grad = None
    y.backward()
    assert x.grad.tolist() == [2.0]


def test_what_was_accumulated_before_the_error_stays() -> None:
    x, w = leaf(2.0), leaf(3.0)
    y = x * 5

    def hook(g: Any) -> None:
        raise ValueError("stop")

    y.register_hook(hook)
    z = y * w
    with pytest.raises(ValueError, match="stop"):
        z.backward()
    assert x.grad is None
    assert w.grad.tolist() == [10.0]


def test_a_keyboard_interrupt_inside_a_hook() -> None:
    x = leaf(1.0)

    def hook(g: Any) -> None:
        raise KeyboardInterrupt

    handle = x.register_hook(hook)
    with pytest.raises(KeyboardInterrupt):
        (x * 2).backward()
    handle.remove()
    (x * 2).backward()
    assert x.grad.tolist() == [2.0]


# --- with other features ---


def test_nested_passes_three_deep_over_one_graph() -> None:
    seen: list[Any] = []
    x = leaf(2.0)
    y = x * x
    z = [y * x]

    def hook(g: Any) -> None:
        if len(seen) < 3:
            seen.append(None)
            seen.append(pb.autograd.grad(z, x, retain_graph=True)[0].tolist())

    y.register_hook(hook)
    z[0].backward(retain_graph=True)
    z.clear()
    assert seen == [None, None, [12.0], [12.0]] or seen[-1] == [12.0]
    assert x.grad.tolist() == [12.0]


def test_many_hooks_on_a_long_chain() -> None:
    count = 0

    def hook(g: Any) -> None:
        nonlocal count
        count += 1

    x = y = leaf(1.0)
    for _ in range(2000):
        y = y * 1
        y.register_hook(hook)
        y.grad_fn.register_hook(lambda given, arrived: hook(None))
    y.backward()
    assert count == 4000
    assert x.grad.tolist() == [1.0]


def test_second_order_goes_through_hooks() -> None:
    x = leaf(3.0)
    y = x * x
    handle = y.register_hook(lambda g: g * x * x)
    (g,) = pb.autograd.grad(y, x, create_graph=True)  # 2 x^3
    handle.remove()
    assert pb.autograd.grad(g, x)[0].tolist() == [54.0]


def test_an_in_place_operation_leaves_hooks_with_the_old_value() -> None:
    seen = []
    x = leaf(1.0)
    y = x * 1
    y.register_hook(lambda g: seen.append(("old", g.tolist())))
    y.retain_grad()
    y.mul_(5)
    y.register_hook(lambda g: seen.append(("new", g.tolist())))
    (y * 2).backward()
    assert seen == [("new", [2.0]), ("old", [10.0])]
    assert y.grad.tolist() == [2.0]


def test_a_parameter_has_hooks() -> None:
    linear = pb.nn.Linear(2, 1)
    linear.weight.register_hook(lambda g: g * 0)
    linear(pb.ones(3, 2)).sum().backward()
    assert linear.weight.grad.tolist() == [[0.0, 0.0]]
    assert linear.bias.grad.tolist() == [3.0]


# --- misuse ---


def test_what_is_refused() -> None:
    with pytest.raises(RuntimeError, match="cannot register a hook on a tensor that doesn't"):
        pb.zeros(1).register_hook(print)
    with pytest.raises(RuntimeError, match="cannot be registered on non-leaf tensors"):
        (leaf(1.0) * 2).register_post_accumulate_grad_hook(print)
    with pytest.raises(RuntimeError, match="can't retain_grad on Tensor"):
        pb.zeros(1).retain_grad()
    x = leaf(1.0)
    x.register_hook(lambda g: g.expand(2, 1))
    with pytest.raises(RuntimeError, match="has changed the size of value"):
        (x * 1).backward()
