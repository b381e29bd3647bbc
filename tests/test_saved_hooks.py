"""Hooks that pack what is saved: lifetimes, threads, other features; the semantics of torch are in
parity/test_graph_objects.py."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import Any

import pytest

import pullback as pb
from pullback import _core
from pullback.autograd import graph
from table import Case, cases, each


def leaf(*values: float) -> Any:
    return pb.tensor(values, dtype=pb.float64, requires_grad=True)


def keep(x: Any) -> Any:
    return x.detach()


def give(x: Any) -> Any:
    return x


OPERATIONS = {
    "mul": lambda x: x * x,
    "exp": lambda x: x.exp(),
    "pow": lambda x: x**x,
    "softmax": lambda x: x.softmax(0),
    "matmul": lambda x: x.view(2, 2) @ x.view(2, 2),
    "prod": lambda x: x.prod(),
    "max": lambda x: x.max(0)[0] ** 2,
    "where": lambda x: pb.where(x > 1, x, x * x),
    "cat": lambda x: pb.cat([x, x * x]),
    "index": lambda x: x[pb.tensor([0, 2])] ** 2,
    "norm": lambda x: pb.linalg.vector_norm(x),
    "std": lambda x: x.std(),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_gradients_of_both_orders_are_the_same(name: str) -> None:
    def derivatives(x: Any) -> Any:
        y = OPERATIONS[name](x).sum()
        (first,) = pb.autograd.grad(y, x, create_graph=True)
        (second,) = pb.autograd.grad((first * first).sum(), x)
        return first.tolist(), second.tolist()

    plain = derivatives(leaf(0.5, 1.5, 2.5, 3.5))
    packed: list[Any] = []
    with graph.saved_tensors_hooks(lambda x: packed.append(1) or x.tolist(), pb.tensor):
        assert packed == []
        with graph.saved_tensors_hooks(lambda x: packed.append(1) or x.detach().clone(), give):
            assert derivatives(leaf(0.5, 1.5, 2.5, 3.5)) == plain
    assert packed


def test_what_is_packed_can_live_elsewhere() -> None:
    disk: dict[int, list[float]] = {}

    def pack(x: Any) -> int:
        disk[len(disk)] = x.tolist()
        return len(disk) - 1

    def unpack(number: int) -> Any:
        return pb.tensor(disk[number], dtype=pb.float64)

    x = leaf(1.0, 2.0)
    with graph.saved_tensors_hooks(pack, unpack):
        y = x.sin().exp()
    assert len(disk) == 2
    y.sum().backward()
    expected = x.detach().cos() * x.detach().sin().exp()
    assert x.grad.tolist() == pytest.approx(expected.tolist())


def test_packed_objects_die_when_the_graph_is_released() -> None:
    class Packed:
        def __init__(self, value: Any) -> None:
            self.value = value

    alive: list[weakref.ref[Packed]] = []

    def pack(x: Any) -> Packed:
        packed = Packed(x.detach())
        alive.append(weakref.ref(packed))
        return packed

    x = leaf(1.0)
    with graph.saved_tensors_hooks(pack, lambda packed: packed.value):
        y = x.sin()
    assert alive[0]() is not None
    y.backward()
    assert alive[0]() is None
    with graph.saved_tensors_hooks(pack, lambda packed: packed.value):
        y = x.exp()
    del y
    assert alive[1]() is None


def test_a_result_that_is_packed_by_value_does_not_hold_itself() -> None:
    before = _core.live_objects()
    x = leaf(1.0)
    with graph.saved_tensors_hooks(keep, give):
        y = x.exp()
    del x, y
    assert _core.live_objects() == before


def test_hooks_belong_to_the_thread() -> None:
    seen: list[str] = []

    def other() -> None:
        leaf(1.0).sin()
        with graph.saved_tensors_hooks(lambda x: seen.append("other"), give):
            leaf(1.0).sin()

    with graph.saved_tensors_hooks(lambda x: seen.append("main"), give):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        leaf(1.0).sin()
    assert seen == ["other", "main"]


def test_an_error_leaves_no_hooks_behind() -> None:
    def fail(x: Any) -> Any:
        raise LookupError("pack")

    x = leaf(1.0)
    with pytest.raises(LookupError, match="pack"), graph.saved_tensors_hooks(fail, give):
        x.sin()
    x.sin().backward()
    assert x.grad is not None
    with graph.saved_tensors_hooks(keep, fail):
        y = x.sin()
    with pytest.raises(LookupError):
        y.backward(retain_graph=True)
    with pytest.raises(LookupError):
        y.backward()


def test_nothing_is_packed_when_nothing_is_saved() -> None:
    seen: list[Any] = []
    with graph.saved_tensors_hooks(seen.append, give):
        pb.ones(2).sin()
        leaf(1.0) + leaf(2.0)
        leaf(1.0).detach().exp()
        with pb.no_grad():
            leaf(1.0).sin()
    assert seen == []


def test_hooks_and_in_place_operations() -> None:
    x = leaf(1.0, 2.0)
    with graph.saved_tensors_hooks(lambda x: x.detach().clone(), give):
        y = x * 1
        y.mul_(y)
        y[0] = y[1] * 3
        y.exp_()
    y.sum().backward()
    plain = leaf(1.0, 2.0)
    z = plain * 1
    z.mul_(z.clone())
    z[0] = z[1] * 3
    z.exp_()
    z.sum().backward()
    assert x.grad.tolist() == plain.grad.tolist()


def test_operations_of_a_pack_hook_do_not_write_into_the_target() -> None:
    with graph.saved_tensors_hooks(lambda x: x.detach() * 100 / 100, give):
        x = leaf(1.0, 2.0)
        y = x * 1
        y.mul_(leaf(3.0, 4.0))
        assert y.tolist() == [3.0, 8.0]
        y.sum().backward()
    assert x.grad.tolist() == [3.0, 4.0]


def test_a_backward_inside_unpack() -> None:
    def unpack(x: Any) -> Any:
        with pb.enable_grad():
            u = leaf(3.0)
            (u * u).backward()
        return x * u.grad / 6.0

    x = leaf(2.0)
    with graph.saved_tensors_hooks(keep, unpack):
        y = x * x
    y.backward()
    assert x.grad.tolist() == [4.0]


def test_save_on_cpu_is_a_pair_of_hooks() -> None:
    x = leaf(2.0)
    with graph.save_on_cpu(pin_memory=True):
        y = x * x
    assert isinstance(graph.save_on_cpu(), graph.saved_tensors_hooks)
    y.backward()
    assert x.grad.tolist() == [4.0]


def test_what_is_refused() -> None:
    with pytest.raises(TypeError, match="expected two functions"):
        graph.saved_tensors_hooks(1, 2).__enter__()
    with pytest.raises(RuntimeError, match="left more often than entered"):
        graph.saved_tensors_hooks(keep, give).__exit__()
    with pytest.raises(TypeError, match="argument 'error_message' must be str, not"):
        graph.disable_saved_tensors_hooks(3).__enter__()


def test_disabling_decorates() -> None:
    @graph.disable_saved_tensors_hooks("not in here")
    def function() -> None:
        with graph.saved_tensors_hooks(keep, give):
            pass

    with pytest.raises(RuntimeError, match="not in here"):
        function()
    with graph.saved_tensors_hooks(keep, give):
        pass


# --- allow_mutation_on_saved_tensors ---


def test_copies_are_made_only_of_what_is_overwritten() -> None:
    with graph.allow_mutation_on_saved_tensors() as context:
        x = leaf(2.0, 3.0)
        y = x.clone()
        z = (y * y).sum() + (x * x).sum()
        assert len(context.cloned) == 0
        y.zero_()
        assert len(context.cloned) == 1
        y.zero_()
        assert len(context.cloned) == 1
        z.backward()
        assert len(context.cloned) == 0
    assert x.grad.tolist() == [8.0, 12.0]


def test_mutation_through_views_detach_and_data() -> None:
    with graph.allow_mutation_on_saved_tensors():
        for write in (
            lambda y: y[1:].zero_(),
            lambda y: y.detach().zero_(),
            lambda y: y.data.zero_(),
            lambda y: y.copy_(pb.zeros(2)),
            lambda y: y.__setitem__(0, 5.0),
            lambda y: pb.add(pb.ones(2).double(), 1, out=y.detach()),
        ):
            x = leaf(2.0, 3.0)
            y = x.clone()
            z = (y * y).sum()
            with pb.no_grad():
                write(y)
            z.backward()
            assert x.grad.tolist() == [4.0, 6.0]


def test_the_context_forgets_everything_at_its_end() -> None:
    with graph.allow_mutation_on_saved_tensors() as context:
        x = leaf(2.0)
        y = x * x
    gc.collect()
    assert len(context.original) == 0
    with pytest.raises(AssertionError, match="Trying to backward outside"):
        y.backward()
    x.detach().zero_()


TRANSFORMS = {
    "grad": lambda x: pb.func.grad(lambda v: (v * v).sum())(x),
    "vjp": lambda x: pb.func.vjp(lambda v: v * v, x)[1](pb.ones_like(x))[0],
    "jacrev": lambda x: pb.func.jacrev(lambda v: v * v)(x).diagonal(),
    "hessian": lambda x: pb.func.hessian(lambda v: (v * v).sum() / 2)(x).diagonal() * x * 2,
    "linearize": lambda x: pb.func.linearize(lambda v: v * v, x)[1](pb.ones_like(x)),
    "vmap of grad": lambda x: pb.vmap(pb.func.grad(lambda v: v * v))(x),
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_what_transforms_in_a_pack_function_save_is_not_packed(name: str) -> None:
    packed, inner = [], []

    def pack(x: Any) -> Any:
        packed.append(TRANSFORMS[name](x).tolist())
        with graph.saved_tensors_hooks(lambda x: inner.append(1) or x, give):
            TRANSFORMS[name](x)
        return x

    x = leaf(1.0, 2.0)
    with graph.saved_tensors_hooks(pack, give):
        y = x * x
        again = x.sin()
    assert packed == [[2.0, 4.0]] * 3
    assert inner  # hooks that the function itself sets are its own affair
    y.sum().backward()
    assert x.grad.tolist() == [2.0, 4.0]
    packed.clear()
    with graph.saved_tensors_hooks(pack, give):
        pb.func.grad(lambda v: (v * v).sum())(x.detach())
    assert packed == [[2.0, 4.0]] * 2
    del again


def differentiable(results: Any) -> list[Any]:
    found = results if isinstance(results, (tuple, list)) else (results,)
    return [y for y in found if isinstance(y, pb.Tensor) and y.requires_grad]


@each(cases("differentiable", grad=True, dtypes=("float64",)))
def test_a_pass_unpacks_what_an_operator_saved_once(case: Case) -> None:
    boxes: list[Any] = []
    unpacked: list[int] = []

    def pack(x: Any) -> int:
        boxes.append(x.detach())
        return len(boxes) - 1

    def unpack(number: int) -> Any:
        unpacked.append(number)
        return boxes[number]

    inputs = case.tensors(pb)
    wanted = [x for x in inputs if x.requires_grad]
    with graph.saved_tensors_hooks(pack, unpack):
        results = differentiable(case.smooth(pb)(*inputs))
        assert results
        for _ in range(2):
            if not results:
                break
            unpacked.clear()
            seeds = [pb.ones_like(y) for y in results]
            found = pb.autograd.grad(results, wanted, seeds, create_graph=True, allow_unused=True)
            assert len(set(unpacked)) == len(unpacked)
            results = differentiable(found)
