"""Every collective: the twelve types, strides, empty, a million elements, groups, misuse."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

import pullback as pb
import pullback.autograd.forward_ad as fwAD
import pullback.distributed as dist
from pullback.distributed import ReduceOp, _mpi

DTYPES = [
    *(pb.float16, pb.bfloat16, pb.float32, pb.float64, pb.complex64, pb.complex128),
    *(pb.int8, pb.int16, pb.int32, pb.int64, pb.uint8, pb.bool),
]
LAYOUTS = ("plain", "strided", "transposed", "0-d", "empty", "offset")


def rank() -> int:
    return dist.get_rank()


def size() -> int:
    return dist.get_world_size()


def values(of: int, dtype: Any, shape: tuple[int, ...] = (3, 4)) -> pb.Tensor:
    """Small whole numbers, so that sums and products are exact in every type."""
    count = 1
    for each in shape:
        count *= each
    whole = (pb.arange(count) + of) % 3 + (1 if dtype is not pb.bool else 0)
    if dtype.is_complex:
        return pb.complex(whole.double(), (whole - of % 2).double()).to(dtype).view(shape)
    return whole.to(dtype).view(shape)


def laid(tensor: pb.Tensor, layout: str) -> pb.Tensor:
    """The same values in another layout."""
    if layout == "strided":
        wide = pb.zeros(*tensor.shape[:-1], 2 * tensor.shape[-1], dtype=tensor.dtype)
        view = wide[..., ::2]
    elif layout == "transposed":
        view = pb.zeros(*reversed(tensor.shape), dtype=tensor.dtype).t()
    elif layout == "offset":
        view = pb.zeros(tensor.numel() + 5, dtype=tensor.dtype)[5:].view(tensor.shape)
    elif layout == "0-d":
        return tensor.reshape(-1)[0].clone()
    elif layout == "empty":
        return pb.empty(0, 3, dtype=tensor.dtype)
    else:
        return tensor.clone()
    view.copy_(tensor)
    return view


def same(found: pb.Tensor, expected: pb.Tensor) -> None:
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    assert found.tolist() == expected.tolist()


def everyones(dtype: Any, layout: str) -> list[pb.Tensor]:
    return [laid(values(r, dtype), layout).contiguous() for r in range(size())]


def cases() -> Iterator[tuple[Any, str]]:
    return itertools.product(DTYPES, LAYOUTS)


def operations(dtype: Any) -> list[ReduceOp]:
    if dtype.is_complex:
        return [ReduceOp.SUM, ReduceOp.PRODUCT, ReduceOp.AVG]
    always = [ReduceOp.SUM, ReduceOp.PRODUCT, ReduceOp.MIN, ReduceOp.MAX]
    if dtype.is_floating_point:
        return [*always, ReduceOp.AVG]
    return [*always, ReduceOp.BAND, ReduceOp.BOR, ReduceOp.BXOR]


def together(tensors: list[pb.Tensor], op: ReduceOp) -> pb.Tensor:
    function = {
        ReduceOp.SUM: pb.add,
        ReduceOp.AVG: pb.add,
        ReduceOp.PRODUCT: pb.mul,
        ReduceOp.MIN: pb.minimum,
        ReduceOp.MAX: pb.maximum,
        ReduceOp.BAND: pb.bitwise_and,
        ReduceOp.BOR: pb.bitwise_or,
        ReduceOp.BXOR: pb.bitwise_xor,
    }[op]
    total = tensors[0]
    for each in tensors[1:]:
        total = function(total, each)
    return total / len(tensors) if op is ReduceOp.AVG else total


def check_all_reduce_and_reduce() -> None:
    for dtype, layout in cases():
        for op in operations(dtype)[: None if layout == "plain" else 1]:
            expected = together(everyones(dtype, layout), op)
            x = laid(values(rank(), dtype), layout)
            assert dist.all_reduce(x, op) is None
            same(x, expected)
            own = laid(values(rank(), dtype), layout)
            root = size() - 1
            x = own.clone() if layout == "plain" else laid(values(rank(), dtype), layout)
            assert dist.reduce(x, root, op) is None
            same(x, expected if rank() == root else own)


def check_broadcast() -> None:
    for dtype, layout in cases():
        for root in (0, size() - 1):
            x = laid(values(rank(), dtype), layout)
            dist.broadcast(x, root)
            same(x, everyones(dtype, layout)[root])


def check_gathers() -> None:
    for dtype, layout in cases():
        x = laid(values(rank(), dtype), layout)
        everyone = everyones(dtype, layout)
        found = [laid(pb.zeros_like(values(0, dtype)), layout) for _ in everyone]
        dist.all_gather(found, x)
        for one, other in zip(found, everyone, strict=True):
            same(one, other)
        stacked = pb.stack(everyone)
        whole = pb.zeros_like(stacked)
        dist.all_gather_into_tensor(whole, x)
        same(whole, stacked)
        if x.dim():
            wide = pb.zeros(stacked.numel(), 2, dtype=dtype)[:, 0]
            dist.all_gather_into_tensor(wide, x)
            same(wide, stacked.view(-1))
        root = size() - 1
        found = [laid(pb.zeros_like(values(0, dtype)), layout) for _ in everyone]
        dist.gather(x, found if rank() == root else None, dst=root)
        if rank() == root:
            for one, other in zip(found, everyone, strict=True):
                same(one, other)


def check_scatter() -> None:
    for dtype, layout in cases():
        everyone = [laid(values(r, dtype), layout) for r in range(size())]
        x = laid(pb.zeros_like(values(0, dtype)), layout)
        root = size() - 1
        dist.scatter(x, everyone if rank() == root else None, src=root)
        same(x, everyone[rank()].contiguous())


def check_reduce_scatters() -> None:
    for dtype, layout in cases():
        for op in operations(dtype)[: None if layout == "plain" else 1]:
            parts = [laid(values(rank() + place, dtype), layout) for place in range(size())]
            expected = together(
                [laid(values(r + rank(), dtype), layout).contiguous() for r in range(size())], op
            )
            out = laid(pb.zeros_like(values(0, dtype)), layout)
            dist.reduce_scatter(out, parts, op)
            same(out, expected)
            out = laid(pb.zeros_like(values(0, dtype)), layout)
            dist.reduce_scatter_tensor(out, pb.stack(parts), op)
            same(out, expected)


def check_reduce_scatter_onto_its_own_input() -> None:
    x = pb.stack([values(rank() + place, pb.float32) for place in range(size())])
    expected = together([values(r + rank(), pb.float32) for r in range(size())], ReduceOp.SUM)
    dist.reduce_scatter_tensor(x[rank()], x)
    same(x[rank()], expected)


def check_all_to_all() -> None:
    for dtype, layout in cases():
        give = [laid(values(rank() * size() + place, dtype), layout) for place in range(size())]
        take = [laid(pb.zeros_like(values(0, dtype)), layout) for _ in range(size())]
        dist.all_to_all(take, give)
        for place, each in enumerate(take):
            expected = laid(values(place * size() + rank(), dtype), layout).contiguous()
            same(each, expected)
    # The number of elements may be another one for each pair.
    give = [pb.full((rank() + place,), float(rank())) for place in range(size())]
    take = [pb.zeros(place + rank()) for place in range(size())]
    dist.all_to_all(take, give)
    for place, each in enumerate(take):
        same(each, pb.full((place + rank(),), float(place)))


def check_all_to_all_single() -> None:
    for dtype in DTYPES:
        x = values(rank(), dtype, (2 * size(), 3))
        out = pb.zeros_like(x)
        dist.all_to_all_single(out, x)
        blocks = [values(r, dtype, (2 * size(), 3))[2 * rank() :][:2] for r in range(size())]
        same(out, pb.cat(blocks))
        wide = pb.zeros(2 * size(), 6, dtype=dtype)[:, ::2]
        dist.all_to_all_single(wide, laid(x, "strided"))
        same(wide, pb.cat(blocks))
    sizes = list(range(size()))
    x = pb.arange(float(sum(sizes))) + 100 * rank()
    out = pb.zeros(rank() * size())
    dist.all_to_all_single(out, x, [rank()] * size(), sizes)
    start = sum(range(rank()))
    rows = [pb.arange(float(start), float(start + rank())) + 100 * r for r in range(size())]
    same(out, pb.cat(rows))


def check_large_tensors_go_in_pieces() -> None:
    before = _mpi.set_chunk_bytes(1 << 16)
    try:
        for dtype, count in ((pb.float32, 1_000_000), (pb.bfloat16, 65_537), (pb.bool, 200_001)):
            of = [values(r, dtype, (count,)) for r in range(size())]
            x = of[rank()].clone()
            dist.all_reduce(x)
            assert (x == together(of, ReduceOp.SUM)).all()
            x = of[rank()].clone()
            dist.broadcast(x, 0)
            assert (x == of[0]).all()
            found = [pb.zeros_like(x) for _ in of]
            dist.all_gather(found, of[rank()])
            assert all((a == b).all() for a, b in zip(found, of, strict=True))
            whole = pb.zeros(size(), count, dtype=dtype)
            work = dist.all_gather_into_tensor(whole, of[rank()], async_op=True)
            assert work.result()[0] is whole
            assert (whole == pb.stack(of)).all()
            wide = pb.zeros(size(), count, 2, dtype=dtype)[..., 1]
            dist.all_gather_into_tensor(wide, of[rank()])
            assert (wide == whole).all()
            out = pb.zeros_like(x)
            dist.reduce_scatter(out, [of[rank()]] * size())
            assert (out == together(of, ReduceOp.SUM)).all()
            x = of[rank()].clone()
            dist.reduce(x, 0, ReduceOp.MAX)
            if rank() == 0:
                assert (x == together(of, ReduceOp.MAX)).all()
            work = dist.isend(of[rank()], (rank() + 1) % size())
            source = dist.recv(x.zero_())
            assert (x == of[source]).all()
            work.wait()
    finally:
        _mpi.set_chunk_bytes(before)
    with pytest.raises(ValueError, match="multiple of 16"):
        _mpi.set_chunk_bytes(24)


def check_a_million_elements() -> None:
    x = values(rank(), pb.float32, (1000, 1000))
    everyone = [values(r, pb.float32, (1000, 1000)) for r in range(size())]
    total = together(everyone, ReduceOp.SUM)
    y = x.t()
    dist.all_reduce(y)
    assert (x == total).all()
    whole = pb.empty(size(), 1000, 1000)
    dist.all_gather_into_tensor(whole, everyone[rank()])
    assert (whole == pb.stack(everyone)).all()
    out = pb.empty(1000 // size(), 1000)
    dist.reduce_scatter_tensor(out, everyone[rank()])
    assert (out == total.chunk(size())[rank()]).all()


def check_asynchronous_forms() -> None:
    x, y = pb.full((3,), float(rank())), pb.full((5,), 2.0)
    total = float(sum(range(size())))
    works = [dist.all_reduce(x, async_op=True), dist.all_reduce(y, async_op=True)]
    works.append(dist.barrier(async_op=True))
    gathered = pb.zeros(size(), 3)
    for work in reversed(works):
        assert work.wait() is True
        assert work.is_completed()
        assert work.is_success()
        assert work.exception() is None
    same(x, pb.full((3,), total))
    same(y, pb.full((5,), 2.0 * size()))
    assert works[0].result()[0] is x
    work = dist.all_gather_into_tensor(gathered, x, async_op=True)
    future = work.get_future()
    chained = future.then(lambda f: f.value()[0] * 2).then(lambda f: f.value() + 1)
    same(chained.wait(), pb.full((size(), 3), 2 * total + 1))
    assert future.done()
    assert future.value()[0] is gathered
    futures = [dist.all_reduce(pb.ones(1), async_op=True).get_future() for _ in range(3)]
    done = pb.futures.collect_all(futures).wait()
    assert [f.value()[0].item() for f in done] == [size()] * 3
    # One that nobody waits for is not lost, and keeps its memory.
    dist.all_reduce(pb.ones(1000), async_op=True)
    dist.barrier()
    work = dist.broadcast(pb.ones(2), 0, async_op=True)
    assert work.wait(timedelta(seconds=30)) is True


def check_messages() -> None:
    after, before = (rank() + 1) % size(), (rank() - 1) % size()
    for dtype, layout in cases():
        work = dist.isend(laid(values(rank(), dtype), layout), after)
        x = laid(pb.zeros_like(values(0, dtype)), layout)
        assert dist.recv(x, before) == before
        same(x, everyones(dtype, layout)[before])
        work.wait()
    # Two receipts of one sender get their messages in order, whichever is waited for first.
    sent = [dist.isend(pb.full((2,), float(n)), after, tag=5) for n in range(2)]
    come = [pb.zeros(2), pb.zeros(2)]
    receipts = [dist.irecv(each, before, tag=5) for each in come]
    receipts[1].wait()
    receipts[0].wait()
    assert [each.tolist() for each in come] == [[0.0, 0.0], [1.0, 1.0]]
    assert receipts[0].source_rank() == before
    for each in sent:
        each.wait()
    a, b = pb.full((2,), float(rank())), pb.zeros(2)
    operations = [dist.P2POp(dist.isend, a, after), dist.P2POp(dist.irecv, b, before)]
    for work in dist.batch_isend_irecv(operations):
        work.wait()
    same(b, pb.full((2,), float(before)))
    if rank() == 0:
        found = sorted(dist.recv(pb.zeros(1)) for _ in range(size() - 1))
        assert found == list(range(1, size()))
    else:
        dist.send(pb.ones(1), 0)
    dist.barrier()
    if rank() == 0:
        with pytest.raises(dist.DistBackendError, match=r"expected 8 bytes"):
            dist.recv(pb.zeros(2), 1)
    if rank() == 1:
        dist.send(pb.zeros(3), 0)


def check_objects() -> None:
    mine = {"rank": rank(), "text": "x" * (10 * rank()), "tensor": pb.ones(rank())}
    found: list[Any] = [None] * size()
    dist.all_gather_object(found, mine)
    assert [f["rank"] for f in found] == list(range(size()))
    assert [len(f["text"]) for f in found] == [10 * r for r in range(size())]
    assert [f["tensor"].shape for f in found] == [(r,) for r in range(size())]
    three: list[Any] = [1, "two", [3]] if rank() == 0 else [None] * 3
    dist.broadcast_object_list(three)
    assert three == [1, "two", [3]]
    found = [None] * size()
    dist.gather_object(rank(), found if rank() == 0 else None)
    if rank() == 0:
        assert found == list(range(size()))
    one: list[Any] = [None]
    dist.scatter_object_list(one, [f"for {r}" for r in range(size())] if rank() == 0 else None)
    assert one == [f"for {rank()}"]
    if rank() == 0:
        dist.send_object_list(["a", {"b": 2}], 1)
    if rank() == 1:
        two: list[Any] = [None, None]
        assert dist.recv_object_list(two, 0) == 0
        assert two == ["a", {"b": 2}]


def check_groups() -> None:
    world = dist.group.WORLD
    assert world is not None
    assert dist.get_backend() == "mpi"
    assert world.name() == "mpi"
    assert dist.get_node_local_rank() == rank()
    last = dist.new_group([size() - 1, 0])
    alone = [dist.new_group([r]) for r in range(size())]
    if rank() in (0, size() - 1):
        x = pb.tensor([float(rank())])
        dist.all_reduce(x, group=last)
        assert x.item() == size() - 1
        assert dist.get_process_group_ranks(last) == [0, size() - 1]
        assert dist.get_group_rank(last, size() - 1) == 1
        assert dist.get_global_rank(last, 1) == size() - 1
        assert dist.get_world_size(last) == 2
        x = pb.tensor([float(rank())])
        dist.broadcast(x, group_src=1, group=last)
        assert x.item() == size() - 1
        dist.broadcast(x.zero_(), 0, group=last)
        assert x.item() == 0
    else:
        assert last is dist.GroupMember.NON_GROUP_MEMBER
        assert dist.get_rank(last) == dist.get_world_size(last) == -1
        with pytest.warns(UserWarning, match="does not belong to the given group"):
            assert dist.all_reduce(pb.ones(1), group=last) is None
    pair = [rank() // 2 * 2, rank() // 2 * 2 + 1]
    if pair[1] < size():
        together_ = dist.new_group(pair, use_local_synchronization=True)
        x = pb.tensor([float(rank())])
        dist.all_reduce(x, group=together_)
        assert x.item() == sum(pair)
    own = alone[rank()]
    x = pb.ones(2)
    dist.all_reduce(x, group=own)
    gathered = [pb.zeros(2)]
    dist.all_gather(gathered, x, group=own)
    assert gathered[0].tolist() == [1.0, 1.0]
    dist.destroy_process_group(last)
    if rank() in (0, size() - 1):
        with pytest.raises(ValueError, match="has been destroyed"):
            dist.all_reduce(x, group=last)


def check_what_is_overwritten_counts_as_modified() -> None:
    x = pb.ones(2, requires_grad=True)
    y = x * 2
    z = (y * y).sum()
    dist.all_reduce(y)
    assert y.grad_fn is None
    with pytest.raises(RuntimeError, match="modified"):
        z.backward()
    loss = (x * x).sum()
    loss.backward()
    dist.all_reduce(loss)  # to print it, as programs do
    assert loss.item() == 2.0 * size()
    with pytest.raises(RuntimeError, match="does not require grad"):
        loss.backward()
    before = x._version
    dist.broadcast(x, 0)  # a leaf keeps its place
    assert x.requires_grad
    assert x._version == before + (rank() != 0)


def check_a_part_of_a_tensor_with_a_history() -> None:
    """What is overwritten is a constant for the tensor whose part it is."""
    x = pb.ones(2, requires_grad=True)
    y = x * 2
    dist.all_reduce(y[:1])
    assert y.tolist() == [2.0 * size(), 2.0]
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0.0, 2.0]
    y = x * 2
    part = y[:1]
    dist.all_reduce(y)
    with pytest.raises(RuntimeError, match="does not require grad"):
        part.sum().backward()
    # Of a leaf only where nothing is recorded.
    with pb.no_grad():
        flat = x.view(-1)
        for _ in range(2):
            dist.all_reduce(flat)
    assert x.tolist() == [float(size() ** 2)] * 2
    with pytest.raises(RuntimeError, match="a view of a leaf Variable that requires grad"):
        dist.all_reduce(x.view(-1))


def check_results_in_the_memory_of_arguments() -> None:
    """As if the arguments were read before anything is written."""
    count = 200_000  # more than goes at once
    own = [pb.full((count,), float(r + 1)) for r in range(size())]
    expected = pb.stack(own)
    for place in (rank(), 0, size() - 1):
        whole = pb.zeros(size(), count)
        whole[place] = own[rank()]
        dist.all_gather_into_tensor(whole, whole[place])
        same(whole, expected)
        whole[place] = own[rank()]
        dist.all_gather(list(whole), whole[place])
        same(whole, expected)
    x = pb.arange(float(size() * count)) + rank()
    out = pb.empty_like(x)
    dist.all_to_all_single(out, x.clone())
    dist.all_to_all_single(x, x)
    same(x, out)
    for root in range(size()):
        values_ = [pb.full((count,), float(10 * root + r)) for r in range(size())]
        x = values_[0]
        dist.scatter(x, values_ if rank() == root else None, src=root)
        assert (x == 10 * root + rank()).all()
    inputs = pb.stack(own)
    dist.reduce_scatter(inputs[0], list(inputs))
    assert (inputs[0] == size() * (rank() + 1)).all()


def check_nan_is_everywhere_the_same() -> None:
    for dtype in (pb.float16, pb.bfloat16, pb.float32, pb.float64):
        for op in (ReduceOp.MIN, ReduceOp.MAX):
            for who in range(size()):
                x = pb.tensor([1.0, float(rank())], dtype=dtype)
                if rank() == who:
                    x[0] = float("nan")
                dist.all_reduce(x, op)
                assert x[0].isnan()
                assert x[1].item() == (0 if op is ReduceOp.MIN else size() - 1)


def check_tangents_are_not_lost() -> None:
    with fwAD.dual_level():
        x = fwAD.make_dual(pb.ones(2), pb.ones(2))
        with pytest.raises(RuntimeError, match=r"Give unpack_dual\(tensor\)\.primal"):
            dist.all_reduce(x)
        found = [pb.zeros(2) for _ in range(size())]
        dist.all_gather(found, x)  # reads it
        dist.all_reduce(found[0])
        assert found[0].tolist() == [float(size())] * 2


def check_results_are_in_all_processes() -> None:
    for call in (dist.broadcast, dist.reduce):
        x = pb.ones(2)
        work = call(x, 0, async_op=True)
        assert work.result()[0] is x
        assert work.get_future().wait()[0] is x


def check_the_line_of_a_warning() -> None:
    first = dist.new_group([0])
    if rank() == 0:
        return
    for call in (
        lambda: dist.all_reduce(pb.ones(1), group=first),
        lambda: dist.send(pb.ones(1), 0, first),
        lambda: dist.all_gather_object([None], 1, first),
    ):
        with pytest.warns(UserWarning, match="does not belong") as caught:
            call()
        assert (caught[0].filename, caught[0].lineno) == (
            __file__,
            call.__code__.co_firstlineno,
        )


def check_misuse() -> None:
    x = pb.ones(2)
    for call, kind, text in (
        (lambda: dist.all_reduce([x]), TypeError, "Expected parameter `tensor`"),
        (lambda: dist.all_reduce(x, "sum"), TypeError, "'op' must be ReduceOp"),
        (lambda: dist.all_reduce(x, ReduceOp.BAND), ValueError, "expected an integer type"),
        (lambda: dist.all_reduce(x, ReduceOp.PREMUL_SUM), ValueError, "NCCL"),
        (lambda: dist.all_reduce(x.long(), ReduceOp.AVG), ValueError, "mean"),
        (lambda: dist.all_reduce(x + 1j, ReduceOp.MAX), ValueError, "no order"),
        (lambda: dist.all_reduce(x, group="all"), TypeError, "'group' must be ProcessGroup"),
        (lambda: dist.broadcast(x), ValueError, "expected one of them"),
        (lambda: dist.broadcast(x, 99), ValueError, "rank 99 is not part"),
        (lambda: dist.broadcast(x, 0, group_src=0), ValueError, "expected one of them"),
        (lambda: dist.all_gather([x], x), ValueError, "one for each"),
        (lambda: dist.all_gather(x, x), TypeError, "List"),
        (lambda: dist.all_gather([x] * (size() - 1) + [x[:1]], x), ValueError, "expected float32"),
        (lambda: dist.all_gather_into_tensor(x[:1], x), ValueError, "times the elements"),
        (lambda: dist.reduce_scatter_tensor(x, x), ValueError, "times the elements"),
        (lambda: dist.gather(x, dst=rank()), ValueError, "must be specified on the root"),
        (lambda: dist.scatter(x, [x], src=(rank() + 1) % size()), ValueError, "must NOT"),
        (lambda: dist.send(x, rank()), ValueError, "this process itself"),
        (lambda: dist.recv(x, rank()), ValueError, "this process itself"),
        (lambda: dist.send(x, (rank() + 1) % size(), tag=-1), ValueError, "tag=-1"),
        (lambda: dist.all_to_all_single(x[:1], x[:1]), ValueError, "multiple of"),
        (lambda: dist.all_to_all_single(x, x, [1], [1]), ValueError, "sizes that add up"),
        (lambda: dist.init_process_group("mpi"), ValueError, "twice"),
        (lambda: dist.new_group([0, 0]), ValueError, "each rank once"),
        (lambda: dist.new_group([size()]), ValueError, "is not in"),
        (lambda: dist.new_group([0], backend="gloo"), ValueError, "expected 'mpi'"),
        (lambda: dist.batch_isend_irecv([]), ValueError, "P2POp"),
        (lambda: dist.P2POp(dist.send, x, 0), ValueError, "isend"),
        (lambda: dist.all_gather_object([None], 1), ValueError, "places"),
        (lambda: dist.init_device_mesh("cpu", (1,)), NotImplementedError, "new_group"),
    ):
        with pytest.raises(kind, match=text):
            call()


def check_monitored_barrier() -> None:
    dist.monitored_barrier()
    dist.monitored_barrier(timeout=timedelta(seconds=20), wait_all_ranks=True)


def check_calls_that_differ() -> None:
    """All raise it, with all lines, before and after the data moved."""
    for level in (dist.DebugLevel.OFF, dist.DebugLevel.DETAIL):
        dist.set_debug_level(level)
        try:
            with pytest.raises(dist.DistBackendError) as caught:
                dist.all_reduce(pb.ones(3 + (rank() == 1)))
            text = str(caught.value)
            assert "all_reduce(float32 [3], op=SUM) at " in text
            assert "rank 1: all_reduce(float32 [4], op=SUM) at " in text
            assert "collectives.py:" in text
            with pytest.raises(dist.DistBackendError) as caught:
                dist.all_reduce(pb.ones(3, dtype=pb.float64 if rank() == 1 else pb.float32))
            assert "float64 [3]" in str(caught.value)
            with pytest.raises(dist.DistBackendError) as caught:
                if rank() == 1:
                    dist.barrier()
                else:
                    dist.all_gather([pb.ones(2)] * size(), pb.ones(2))
            assert "rank 1: barrier() at " in str(caught.value)
            assert "all_gather(float32 [2]) at " in str(caught.value)
        finally:
            dist.set_debug_level(dist.DebugLevel.OFF)
    with pytest.raises(dist.DistBackendError, match=r"sends \d elements, expected"):
        dist.all_to_all(
            [pb.ones(2)] * size(),
            [pb.ones(2)] * rank() + [pb.ones(3 - 1)] + [pb.ones(3)] * (size() - 1 - rank())
            if rank() == 0
            else [pb.ones(3)] * rank() + [pb.ones(2)] + [pb.ones(3)] * (size() - 1 - rank()),
        )
