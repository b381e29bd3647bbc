"""Training in several processes, against one process with the whole batch."""

from __future__ import annotations

import copy
import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest

import pullback as pb
import pullback.distributed as dist
from pullback import nn
from pullback.distributed.algorithms.ddp_comm_hooks import default_hooks
from pullback.nn.parallel import DistributedDataParallel as DDP

STEPS = 50


def rank() -> int:
    return dist.get_rank()


def size() -> int:
    return dist.get_world_size()


def mlp() -> nn.Module:
    return nn.Sequential(
        nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 3)
    )


class SomeUnused(nn.Module):
    """Uses one of three layers, by turns, and a fourth never."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(6, 3) for _ in range(3)])
        self.never = nn.Linear(6, 3)
        self.turn = 0

    def forward(self, x: pb.Tensor) -> pb.Tensor:
        self.turn += 1
        return self.layers[self.turn % 3](x)


def batches(count: int = STEPS, each: int = 12) -> list[tuple[pb.Tensor, pb.Tensor]]:
    generator = pb.Generator().manual_seed(3)
    return [
        (
            pb.randn(each, 6, generator=generator, dtype=pb.float64),
            pb.randint(0, 3, (each,), generator=generator),
        )
        for _ in range(count)
    ]


def mine(x: pb.Tensor) -> pb.Tensor:
    return x[rank() :: size()]


def step(
    net: nn.Module, optimizer: pb.optim.Optimizer, x: pb.Tensor, y: pb.Tensor
) -> list[pb.Tensor | None]:
    optimizer.zero_grad()
    nn.functional.cross_entropy(net(x), y).backward()
    grads = [None if p.grad is None else p.grad.clone() for p in net.parameters()]
    optimizer.step()
    return grads


def agree(found: Any, expected: Any, tolerance: float = 1e-9) -> None:
    for one, other in zip(found, expected, strict=True):
        if other is None:
            assert one is None
        else:
            pb.testing.assert_close(one, other, rtol=tolerance, atol=tolerance)


def against_one_process(
    make: Callable[[], nn.Module], convert: Callable[[nn.Module], nn.Module], **settings: Any
) -> None:
    pb.manual_seed(0)
    alone = make().double()
    pb.manual_seed(rank())  # the processes begin with different values
    net = DDP(convert(make().double()), **settings)
    net.module.load_state_dict(alone.state_dict()) if rank() == 0 else None
    net = DDP(net.module, **settings)  # gives those of process 0 to all
    optimizers = [pb.optim.SGD(each.parameters(), lr=0.1, momentum=0.9) for each in (alone, net)]
    for x, y in batches():
        expected = step(alone, optimizers[0], x, y)
        agree(step(net, optimizers[1], mine(x), mine(y)), expected)
    agree(net.module.state_dict().values(), alone.state_dict().values())


def check_perceptron() -> None:
    for view in (False, True):
        against_one_process(mlp, lambda net: net, gradient_as_bucket_view=view)
    against_one_process(mlp, lambda net: net, bucket_cap_mb=1e-4)
    against_one_process(mlp, lambda net: net, static_graph=True, bucket_cap_mb=1e-4)


def check_batch_norm() -> None:
    def net() -> nn.Module:
        return nn.Sequential(
            nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 8),
            nn.BatchNorm1d(8, momentum=None), nn.Linear(8, 3),
        )  # fmt: skip

    against_one_process(net, nn.SyncBatchNorm.convert_sync_batchnorm)


def check_unused_parameters() -> None:
    for view in (False, True):
        against_one_process(
            SomeUnused,
            lambda net: net,
            find_unused_parameters=True,
            gradient_as_bucket_view=view,
            bucket_cap_mb=1e-4,
        )


def check_unused_somewhere() -> None:
    """What one process uses is averaged in all; what none uses keeps its gradient."""
    for view in (False, True):
        pb.manual_seed(0)
        net = DDP(SomeUnused(), find_unused_parameters=True, gradient_as_bucket_view=view)
        net.module.turn = -1 if rank() == 0 else 0
        net.module.layers[2].bias.grad = pb.full((3,), 5.0)
        net(pb.ones(2, 6)).sum().backward()
        first, second, third = net.module.layers
        assert first.bias.grad.tolist() == [2.0 / size()] * 3
        assert second.bias.grad.tolist() == pytest.approx([2.0 * (size() - 1) / size()] * 3)
        assert third.bias.grad.tolist() == [5.0] * 3
        assert third.weight.grad is None
        assert net.module.never.weight.grad is None


def check_unused_is_an_error() -> None:
    net = DDP(SomeUnused())
    out = net(pb.ones(2, 6)).sum()
    with pytest.raises(RuntimeError, match=r"not used in producing loss: .*never\.weight"):
        out.backward()
    with pytest.raises(RuntimeError, match="find_unused_parameters=True"):
        net(pb.ones(2, 6))


def check_two_passes_of_one_forward() -> None:
    net = DDP(nn.Linear(2, 1))
    out = net(pb.ones(1, 2))
    out.sum().backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="would not be averaged"):
        out.sum().backward()
    net = DDP(nn.Linear(2, 1))
    outs = [net(pb.ones(1, 2)) for _ in range(2)]
    outs[0].sum().backward()
    with pytest.raises(RuntimeError, match="would not be averaged"):
        outs[1].sum().backward()
    net = DDP(nn.Linear(2, 1))
    x = pb.full((1, 2), float(rank()), requires_grad=True)
    (net(x).sum() + net(2 * x).sum()).backward()
    assert net.module.weight.grad.tolist() == [[1.5 * (size() - 1)] * 2]
    out = net(x)
    pb.autograd.grad(out.sum(), [x], retain_graph=True)
    out.sum().backward()
    pb.autograd.grad(net(x).sum(), [x])
    net = DDP(mlp())
    with net.no_sync():
        net(pb.ones(2, 6)).sum().backward()
    net(pb.ones(2, 6)).sum().backward()


def check_no_sync() -> None:
    """Gradients of several batches are added up here and averaged once."""
    pb.manual_seed(0)
    for view in (False, True):
        net = DDP(mlp().double(), gradient_as_bucket_view=view)
        alone = copy.deepcopy(net.module)
        parts = batches(3)
        for number, (x, y) in enumerate(parts):
            nn.functional.cross_entropy(alone(x), y).backward()
            last = number == len(parts) - 1
            if last:
                nn.functional.cross_entropy(net(mine(x)), mine(y)).backward()
                continue
            with net.no_sync():
                nn.functional.cross_entropy(net(mine(x)), mine(y)).backward()
            if size() > 1:
                gathered: list[Any] = [None] * size()
                dist.all_gather_object(gathered, net.module[0].bias.grad.tolist())
                assert any(each != gathered[0] for each in gathered)
        agree([p.grad for p in net.parameters()], [p.grad for p in alone.parameters()])


def check_accumulated_without_zeroing() -> None:
    net = DDP(mlp().double())
    alone = copy.deepcopy(net.module)
    for x, y in batches(3):
        nn.functional.cross_entropy(alone(x), y).backward()
        nn.functional.cross_entropy(net(mine(x)), mine(y)).backward()
    agree([p.grad for p in net.parameters()], [p.grad for p in alone.parameters()])


def check_state_and_settings() -> None:
    net = DDP(nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)))
    assert list(net.state_dict())[:2] == ["module.0.weight", "module.0.bias"]
    net.eval()
    assert not net.module.training
    net.train()
    assert net.module[1].training
    frozen = mlp()
    frozen.requires_grad_(False)
    with pytest.raises(RuntimeError, match="doesn't have any parameters"):
        DDP(frozen)
    for name, value in (("device_ids", [0]), ("device_mesh", 1), ("batched_grad_copy", True)):
        with pytest.raises(ValueError, match=f"got {name}="):
            DDP(mlp(), **{name: value})
    with pytest.raises(TypeError, match="'module' must be Module"):
        DDP(lambda x: x)
    with pytest.raises(dist.DistBackendError, match=r"weight: float32 \[3, 2\]"):
        DDP(nn.Linear(2, 3 if rank() == 0 else 4))
    with pytest.raises(RuntimeError, match="not copied or pickled"):
        copy.deepcopy(net)
    with pb.no_grad():
        assert not net(pb.ones(3, 2)).requires_grad


def check_buffers() -> None:
    """Those of process 0 are in all before each forward, unless it is switched off."""
    for settings, same in (
        ({}, True),
        ({"broadcast_buffers": False}, False),
        ({"forward_sync_buffers": False}, False),
    ):
        net = DDP(nn.BatchNorm1d(2), **settings)
        for _ in range(2):
            net(pb.full((2, 2), float(rank() + 1)) * pb.tensor([[1.0], [2.0]])).sum().backward()
        # After the second forward each has one step of its own from the values of process 0.
        of = 0.1 * 1.5 * (rank() + 1)
        expected = 0.9 * (0.1 * 1.5 if same else of) + of
        assert net.module.running_mean.tolist() == pytest.approx([expected] * 2)


def check_first_values_are_those_of_process_0() -> None:
    pb.manual_seed(rank())
    net = DDP(nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3)))
    pb.manual_seed(0)
    expected = nn.Linear(3, 3)
    agree(net.module[0].parameters(), expected.parameters())
    pb.manual_seed(rank())
    kept = DDP(nn.Linear(3, 3), init_sync=False)
    pb.manual_seed(rank())
    agree(kept.module.parameters(), nn.Linear(3, 3).parameters())
    module = nn.Linear(3, 3)
    module._ddp_params_and_buffers_to_ignore = ["bias"]
    module.bias.data.fill_(float(rank()))
    net = DDP(module)
    net(pb.ones(1, 3)).sum().backward()
    assert module.bias.tolist() == [float(rank())] * 3


def check_buckets() -> None:
    net = DDP(nn.Sequential(*[nn.Linear(8, 8) for _ in range(4)]), bucket_cap_mb=1e-4)
    assert net.reducer.buckets[0].places == [7, 6]
    net(pb.ones(1, 8)).sum().backward()
    net(pb.ones(1, 8)).sum().backward()
    orders: list[Any] = [None] * size()
    dist.all_gather_object(orders, [b.places for b in net.reducer.buckets])
    assert all(each == orders[0] for each in orders)
    assert sorted(place for places in orders[0] for place in places) == list(range(8))
    # Two types are in buckets of their own.
    net = DDP(nn.ModuleDict({"a": nn.Linear(2, 2), "b": nn.Linear(2, 2).double()}))
    assert {b.buffer.dtype for b in net.reducer.buckets} == {pb.float32, pb.float64}


def check_buckets_are_views() -> None:
    net = DDP(mlp(), gradient_as_bucket_view=True)
    for _ in range(3):
        net(pb.ones(2, 6)).sum().backward()
        parts = [view.data_ptr() for bucket in net.reducer.buckets for view in bucket.views]
        assert sorted(p.grad.data_ptr() for p in net.parameters()) == sorted(parts)
    net.zero_grad(set_to_none=False)
    assert all((p.grad == 0).all() for p in net.parameters())


def check_reduction_begins_during_the_pass() -> None:
    net = DDP(nn.Sequential(*[nn.Linear(8, 8) for _ in range(4)]), bucket_cap_mb=1e-4)
    net(pb.ones(1, 8)).sum().backward()
    seen = []
    net.module[0].weight.register_hook(lambda g: seen.append(net.reducer._next))
    net(pb.ones(1, 8)).sum().backward()
    assert seen[0] >= 2  # buckets were on their way when the first layer's gradient came


def check_communication_hooks() -> None:
    seen = []

    def watched(state: Any, bucket: dist.GradBucket) -> Any:
        seen.append((state, bucket.index(), bucket.is_last(), len(bucket.parameters())))
        assert sum(g.numel() for g in bucket.gradients()) == bucket.buffer().numel()
        return default_hooks.allreduce_hook(None, bucket)

    for hook, tolerance in (
        (watched, 1e-12),
        (default_hooks.allreduce_hook, 1e-12),
        (default_hooks.fp16_compress_hook, 2e-3),
        (default_hooks.bf16_compress_hook, 2e-2),
        (default_hooks.fp16_compress_wrapper(default_hooks.allreduce_hook), 2e-3),
        (default_hooks.bf16_compress_wrapper(default_hooks.allreduce_hook), 2e-2),
    ):
        for view in (False, True):
            pb.manual_seed(0)
            net = DDP(mlp().double(), bucket_cap_mb=1e-3, gradient_as_bucket_view=view)
            alone = copy.deepcopy(net.module)
            net.register_comm_hook(None if hook is not watched else "state", hook)
            for x, y in batches(3):
                net.zero_grad(set_to_none=True)
                alone.zero_grad()
                nn.functional.cross_entropy(alone(x), y).backward()
                nn.functional.cross_entropy(net(mine(x)), mine(y)).backward()
                agree(
                    [p.grad for p in net.parameters()],
                    [p.grad for p in alone.parameters()],
                    tolerance,
                )
            with pytest.raises(RuntimeError, match="only be called once"):
                net.register_comm_hook(None, hook)
    assert seen[0][0] == "state"
    assert any(last for _, _, last, _ in seen)
    net = DDP(mlp())
    with pytest.raises(TypeError, match="must be callable"):
        net.register_comm_hook(None, 3)

    def wrong(state: Any, bucket: dist.GradBucket) -> Any:
        future: Any = pb.futures.Future()
        future.set_result(pb.ones(1))
        return future

    net.register_comm_hook(None, wrong)
    with pytest.raises(RuntimeError, match="one tensor with the"):
        net(pb.ones(2, 6)).sum().backward()


def check_checkpoints_inside() -> None:
    from pullback.utils.checkpoint import checkpoint

    class Net(nn.Module):
        def __init__(self, reentrant: bool) -> None:
            super().__init__()
            self.first, self.rest, self.reentrant = nn.Linear(6, 6), mlp(), reentrant

        def forward(self, x: pb.Tensor) -> Any:
            return checkpoint(self.rest, self.first(x), use_reentrant=self.reentrant)

    for reentrant in (False, True):
        pb.manual_seed(0)
        net = DDP(Net(reentrant).double(), bucket_cap_mb=1e-4)
        alone = copy.deepcopy(net.module)
        for x, y in batches(2):
            nn.functional.cross_entropy(alone(x), y).backward()
            nn.functional.cross_entropy(net(mine(x)), mine(y)).backward()
        agree([p.grad for p in net.parameters()], [p.grad for p in alone.parameters()])


def check_uneven_inputs() -> None:
    """Process r has r + 1 inputs; who has none adds zeros."""
    for by_initial in (True, False):
        pb.manual_seed(0)
        net = DDP(mlp().double(), bucket_cap_mb=1e-4)
        alone = copy.deepcopy(net.module)
        optimizer = pb.optim.SGD(net.parameters(), lr=0.1)
        other = pb.optim.SGD(alone.parameters(), lr=0.1)
        inputs = [pb.full((2, 6), 0.1 * r, dtype=pb.float64) for r in range(size())]
        for turn in range(size()):
            active = range(turn, size())
            other.zero_grad()
            divisor = size() if by_initial else len(active)
            (sum(alone(inputs[r]).sin().sum() for r in active) / divisor).backward()
            other.step()
        steps = 0
        with net.join(divide_by_initial_world_size=by_initial):
            for _ in range(rank() + 1):
                optimizer.zero_grad()
                net(inputs[rank()]).sin().sum().backward()
                optimizer.step()
                steps += 1
        assert steps == rank() + 1
        # Everybody has the values of the last one.
        agree(net.module.parameters(), alone.parameters())


def check_uneven_inputs_of_other_kinds() -> None:
    net = DDP(nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4)), find_unused_parameters=True)
    with net.join():  # some have none at all
        for _ in range(2 * rank()):
            net(pb.randn(3, 6)).sum().backward()
    gathered: list[Any] = [None] * size()
    dist.all_gather_object(gathered, [net.module[1].running_mean.tolist()])
    assert all(each == gathered[0] for each in gathered)
    with net.join(enable=False):
        net(pb.randn(3, 6)).sum().backward()
    if size() > 1:
        net = DDP(mlp())
        with (
            pytest.raises(RuntimeError, match="exhausted inputs"),
            net.join(throw_on_early_termination=True),
        ):
            for _ in range(rank() + 1):
                net(pb.ones(2, 6)).sum().backward()
    net = DDP(mlp())
    with net.join(throw_on_early_termination=True):  # even ones raise nothing
        net(pb.ones(2, 6)).sum().backward()


def check_sums() -> None:
    pb.manual_seed(0)
    net = DDP(mlp().double(), average=False)
    alone = copy.deepcopy(net.module)
    ((x, y),) = batches(1)
    nn.functional.cross_entropy(alone(x), y).backward()
    loss = nn.functional.cross_entropy(net(mine(x)), mine(y), reduction="sum")
    (loss / len(x)).backward()
    agree([p.grad for p in net.parameters()], [p.grad for p in alone.parameters()])


def check_what_is_dropped_is_freed() -> None:
    net = DDP(mlp())
    net(pb.ones(2, 6)).sum().backward()
    reducer, module = weakref.ref(net.reducer), net.module
    del net
    gc.collect()
    assert reducer() is None
    module(pb.ones(2, 6)).sum().backward()  # its hooks do nothing any more
