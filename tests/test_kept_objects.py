"""The Python object of a tensor that the graph, a ``.grad`` or a view still holds is kept when
Python would miss it, and dies with the tensor (NOTE [Handles] in csrc/bind/tensor_type.h). Cycles
that a ``.grad`` with a history closes are collected (NOTE [Cycles] in csrc/bind/collector.h)."""

from __future__ import annotations

import copy
import gc
import subprocess
import sys
import weakref
from collections.abc import Callable
from typing import Any

import pytest

import pullback as pb
from cycles import check_collected, leaf
from pullback import _core
from threads import together


def with_grad(*values: float) -> Any:
    x = leaf(*values)
    (x * x).sum().backward()
    return x


class Slotted(pb.nn.Parameter):
    __slots__ = ("extra",)
    extra: Any


def held_by_grad(x: Any) -> Any:
    holder = pb.zeros(x.shape, dtype=x.dtype, requires_grad=True)
    holder.grad = x
    return holder, lambda: holder.grad


def held_by_a_node(x: Any) -> Any:
    y = x * x
    return y, lambda: y.grad_fn._saved_self


def held_by_an_edge(x: Any) -> Any:
    y = x + 1
    return y, lambda: y.grad_fn.next_functions[0][0].variable


def held_by_a_view(x: Any) -> Any:
    v = x[:]
    return v, lambda: v._base


HOLDERS = [held_by_grad, held_by_a_node, held_by_an_edge, held_by_a_view]


@pytest.mark.parametrize("hold", HOLDERS)
def test_attributes_class_slots_and_weak_references(hold: Callable[[Any], Any]) -> None:
    x = Slotted(pb.ones(2, dtype=pb.float64))
    x.tag, x.extra = [1], [2]
    known, died = id(x), []
    reference = weakref.ref(x, died.append)
    holder, get = hold(x)
    del x
    for _ in range(2):
        gc.collect()
        again = get()
        assert id(again) == known
        assert (type(again), again.tag, again.extra) == (Slotted, [1], [2])
        assert reference() is again
        del again
    assert not died
    del holder, get
    assert len(died) == 1
    assert reference() is None


@pytest.mark.parametrize("hold", HOLDERS)
def test_a_weak_reference_makes_a_strong_one(hold: Callable[[Any], Any]) -> None:
    x = leaf(1.0, 2.0)
    reference = weakref.ref(x)
    holder, get = hold(x)
    del x
    strong = reference()
    del holder, get
    gc.collect()
    assert (strong * 2).tolist() == [2.0, 4.0]
    assert reference() is strong
    del strong
    assert reference() is None


@pytest.mark.parametrize("hold", HOLDERS)
def test_a_finalizer_runs_once_and_sees_the_tensor(hold: Callable[[Any], Any]) -> None:
    seen: list[Any] = []

    class Final(pb.nn.Parameter):
        def __del__(self) -> None:
            seen.append((self.detach().sum().item(), self.tag))

    x = Final(pb.ones(2, dtype=pb.float64))
    x.tag = "tag"
    holder, get = hold(x)
    del x
    assert seen == []
    assert get().tag == "tag"
    assert seen == []
    del holder, get
    assert seen == [(2.0, "tag")]


def test_a_finalizer_may_keep_the_object_or_its_tensor() -> None:
    kept: list[Any] = []

    class Stays(pb.nn.Parameter):
        def __del__(self) -> None:
            kept.append(self)

    class Computes(pb.nn.Parameter):
        def __del__(self) -> None:
            kept.append(self * self)

    for cls in (Stays, Computes):
        x = cls(pb.ones(1))
        x.tag = 3
        y = x * 2
        del x, y
    stays, square = kept
    kept.clear()
    assert (type(stays), stays.tag, (stays * 2).tolist()) == (Stays, 3, [2.0])
    again = square.grad_fn._saved_self
    assert (type(again), again.tag) == (Computes, 3)
    (square + stays).sum().backward()
    assert stays.grad.tolist() == [1.0]
    del stays, square, again
    assert len(kept) == 0


def test_the_engine_does_not_write_into_a_gradient_that_python_may_see() -> None:
    seen: list[Any] = []
    x, y = leaf(1.0), leaf(2.0)
    a, b = x * 1, x * 1

    def note(g: Any) -> Any:
        g.tag = len(seen)
        seen.append(weakref.ref(g))

    a.register_hook(note)
    b.register_hook(note)
    (a * y + b * y).sum().backward()
    assert x.grad.tolist() == [4.0]
    strong = [each() for each in seen]
    assert [each.tolist() for each in strong if each is not None] in ([], [[2.0]], [[2.0], [2.0]])


def test_gradients_named_by_weak_references_are_left_alone() -> None:
    """An object that its tensor owns counts as one more who may look at the memory."""
    g = pb.ones(2, dtype=pb.float64)
    g.tag = 1
    reference = weakref.ref(g)

    class Gives(pb.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x.clone()

        @staticmethod
        def backward(ctx: Any, arrived: Any) -> Any:
            return holder.pop()

    x = leaf(1.0, 2.0)
    holder = [g]
    del g
    # A second owner in the core, so that the object stays when backward drops it.
    other = pb.zeros(2, dtype=pb.float64, requires_grad=True)
    other.grad = holder[0]
    (Gives.apply(x) + x * 3).sum().backward()
    assert x.grad.tolist() == [4.0, 4.0]
    x.grad.mul_(5)
    assert reference().tolist() == [1.0, 1.0] == other.grad.tolist()


@pytest.mark.slow
def test_a_long_chain_of_kept_objects_dies_without_recursion() -> None:
    x = leaf(1.0)
    y = x
    for i in range(100_000):
        y = y * y
        y.tag = i
    assert y.grad_fn._saved_self.tag == 99_998
    del x, y


@pytest.mark.slow
def test_a_long_chain_through_slots_dies_without_recursion() -> None:
    before = None
    for _ in range(100_000):
        x = Slotted(pb.ones(1))
        x.extra = before
        before = x
    del x, before


def test_threads_take_and_leave_one_object() -> None:
    x = with_grad(1.0, 2.0)
    x.grad.tag = 0
    reference = weakref.ref(x.grad)

    def work(_: int) -> None:
        for _ in range(2000):
            assert x.grad.tag == 0
            again = reference()
            assert again is x.grad

    together(work)
    assert x.grad.tag == 0


def test_interpreter_exit() -> None:
    program = """
import weakref
import pullback as pb

class Final(pb.nn.Parameter):
    def __del__(self):
        print("del", self.tag, flush=True)

p = Final(pb.ones(2))
p.tag = "p"
y = p * p
p.grad = pb.ones(2)
p.grad.tag = p
r = weakref.ref(p.grad)
v = pb.ones(2, requires_grad=True)
v.exp().sum().backward(create_graph=True)
del p, v
pb.kept = y
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout in ("", "del p\n")


def test_plain_objects_are_not_kept() -> None:
    """The next object takes the memory that the first one had."""
    x = with_grad(1.0)
    known = id(x.grad)
    other = pb.ones(1)
    assert id(other) == known
    assert id(x.grad) != known


# --- cycles of create_graph ---


def first_gradient() -> None:
    v = pb.ones(64, 64, requires_grad=True)
    v.exp().sum().backward(create_graph=True)


def second_pass() -> None:
    v = pb.ones(64, 64, requires_grad=True)
    for _ in range(2):
        v.exp().sum().backward(create_graph=True)


def set_by_hand() -> None:
    v = pb.ones(64, 64, requires_grad=True)
    v.grad = v * v


def written_after_it_was_set() -> None:
    v = pb.ones(64, 64, requires_grad=True)
    v.grad = pb.ones(64, 64)
    v.grad.mul_(v)


def parameters_of_a_module() -> None:
    m = pb.nn.Sequential(pb.nn.Linear(8, 8), pb.nn.Tanh(), pb.nn.Linear(8, 1))
    m(pb.ones(4, 8)).sum().backward(create_graph=True)


def module_in_a_cycle() -> None:
    m = pb.nn.Linear(8, 8)
    m.weight.owner = m
    m.me = [m]
    m(pb.ones(4, 8)).tanh().sum().backward(create_graph=True)


def two_leaves_by_each_other() -> None:
    v, w = pb.ones(64, requires_grad=True), pb.ones(64, requires_grad=True)
    (v * w).sum().backward(create_graph=True)


def leaf_dropped_before_the_pass() -> None:
    v = pb.ones(64, requires_grad=True)
    loss = v.exp().sum()
    del v
    loss.backward(create_graph=True)


def retained() -> None:
    v = pb.ones(64, requires_grad=True)
    y = v * v
    y.retain_grad()
    (y * y * y).sum().backward(create_graph=True)


def attribute_that_leads_back() -> None:
    v = pb.ones(64, requires_grad=True)
    v.exp().sum().backward(create_graph=True)
    v.log = [v.grad, {"node": v.grad.grad_fn}]


def attribute_without_a_gradient() -> None:
    v = pb.ones(64, requires_grad=True)
    v.history = [v.exp()]


def attribute_of_a_gradient() -> None:
    v = pb.ones(64, requires_grad=True)
    v.exp().sum().backward(create_graph=True)
    v.grad.of = v


def hook_that_leads_back() -> None:
    v = pb.ones(64, requires_grad=True)
    v.exp().sum().backward(create_graph=True)
    g = v.grad
    v.register_hook(lambda _: g)


def metadata_that_leads_back() -> None:
    v = pb.ones(64, requires_grad=True)
    y = v.exp()
    y.grad_fn.metadata["y"] = [y]
    y.sum().backward(create_graph=True)
    y.grad_fn.next_functions[0][0].metadata["grad"] = v.grad


def in_anomaly_mode() -> None:
    with pb.autograd.set_detect_anomaly(True):
        v = pb.ones(64, requires_grad=True)
        v.exp().sum().backward(create_graph=True)
    product = v.grad.grad_fn.next_functions[1][0]
    assert product.metadata["parent_"] is product.next_functions[1][0]


def custom_function_on_its_context() -> None:
    class Keeps(pb.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            ctx.x = x
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * ctx.saved_tensors[0] * ctx.x

    v = pb.ones(64, requires_grad=True)
    Keeps.apply(v).sum().backward(create_graph=True)


CYCLES = [
    first_gradient,
    second_pass,
    set_by_hand,
    written_after_it_was_set,
    parameters_of_a_module,
    module_in_a_cycle,
    two_leaves_by_each_other,
    leaf_dropped_before_the_pass,
    retained,
    attribute_that_leads_back,
    attribute_without_a_gradient,
    attribute_of_a_gradient,
    hook_that_leads_back,
    metadata_that_leads_back,
    in_anomaly_mode,
    custom_function_on_its_context,
]


@pytest.mark.parametrize("make", CYCLES, ids=lambda p: p.__name__)
def test_one_collection_frees_the_cycle(make: Callable[[], None]) -> None:
    check_collected(make)


@pytest.mark.parametrize("make", CYCLES, ids=lambda p: p.__name__)
def test_collections_of_every_generation_while_it_is_made(make: Callable[[], None]) -> None:
    thresholds = gc.get_threshold()
    gc.collect()
    before = _core.live_objects()
    gc.set_threshold(1, 2, 2)
    try:
        for _ in range(3):
            make()
    finally:
        gc.set_threshold(*thresholds)
    gc.collect()
    assert _core.live_objects() == before


@pytest.mark.parametrize("held", ["leaf", "grad", "loss", "node", "accumulator"])
def test_what_is_held_keeps_its_gradient(held: str) -> None:
    def make() -> Any:
        v = leaf(1.0, 2.0)
        loss = (v * v * v).sum()
        loss.backward(create_graph=True)
        v.tag = "tag"
        v.grad.tag = "grad"
        return {
            "leaf": v,
            "grad": v.grad,
            "loss": loss,
            "node": loss.grad_fn,
            "accumulator": _core._accumulator(v),
        }[held]

    kept = make()
    for generation in (2, 0, 1, 2, 2):
        gc.collect(generation)
    found = {
        "leaf": lambda: kept,
        "grad": lambda: find_leaf(kept.grad_fn),
        "loss": lambda: find_leaf(kept.grad_fn),
        "node": lambda: find_leaf(kept),
        "accumulator": lambda: kept.variable,
    }[held]()
    assert found.tag == "tag"
    assert found.grad.tag == "grad"
    assert found.grad.tolist() == [3.0, 12.0]
    (again,) = pb.autograd.grad(found.grad.sum(), found)
    assert again.tolist() == [6.0, 12.0]


def find_leaf(node: Any) -> Any:
    while not hasattr(node, "variable"):
        node = next(each for each, _ in node.next_functions if each is not None)
    return node.variable


def test_a_finalizer_of_a_cycle_may_bring_it_back() -> None:
    back: list[Any] = []

    class Back(pb.nn.Parameter):
        def __del__(self) -> None:
            back.append(self)

    def make() -> None:
        v = Back(pb.ones(2, dtype=pb.float64))
        v.tag = [1]
        v.exp().sum().backward(create_graph=True)
        v.grad.tag = [2]

    make()
    gc.collect()
    (v,) = back
    assert (v.tag, v.grad.tag) == ([1], [2])
    (g,) = pb.autograd.grad(v.grad.sum(), v)
    assert g.tolist() == v.detach().exp().tolist()
    back.clear()
    del v, g
    gc.collect()
    assert not back


def test_a_finalizer_beside_a_cycle_may_bring_a_part_back() -> None:
    """The object that is brought back was made anew, from a node."""
    back: list[Any] = []

    class Watcher:
        def __init__(self, node: Any) -> None:
            self.node = node
            self.me = self

        def __del__(self) -> None:
            back.append(find_leaf(self.node))

    def make() -> None:
        v = leaf(1.0, 2.0)
        (v * v * v).sum().backward(create_graph=True)
        v.tag = [1]
        Watcher(v.grad.grad_fn)

    make()
    gc.collect()
    (v,) = back
    assert v.tag == [1]
    assert v.grad.tolist() == [3.0, 12.0]
    (g,) = pb.autograd.grad(v.grad.sum(), v)
    assert g.tolist() == [6.0, 12.0]
    back.clear()


def test_200_steps_leave_memory_where_it_was() -> None:
    def step() -> None:
        v = pb.ones(128, 128, requires_grad=True)
        m = pb.nn.Linear(128, 1)
        m(v.exp()).sum().backward(create_graph=True)
        v.grad = v.grad * v

    step()
    gc.collect()
    before, memory = _core.live_objects(), pb.memory.stats()["allocated"]
    for i in range(200):
        step()
        if i % 20 == 19:
            gc.collect()
            assert _core.live_objects() == before
    assert pb.memory.stats()["allocated"] == memory


def test_no_warning_of_a_reference_cycle(recwarn: pytest.WarningsRecorder) -> None:
    leaf(1.0).exp().sum().backward(create_graph=True)
    assert not recwarn.list


def test_a_deep_copy_of_a_parameter_keeps_its_attributes() -> None:
    m = pb.nn.Linear(2, 1)
    m.weight.tag = [1]
    m.weight.owner = m
    again = copy.deepcopy(m)
    assert again.weight.tag == [1]
    assert again.weight.tag is not m.weight.tag
    assert again.weight.owner is again
    assert again.weight.grad is None
