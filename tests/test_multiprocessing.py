"""Tensors in several processes: shared memory, queues, pools, ``spawn``."""

from __future__ import annotations

import gc
import os
import pickle
import subprocess
import sys
import textwrap
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any

import pytest

import crossing
import pullback as pb
import pullback.multiprocessing as mp

# A fresh process costs its imports; a forked one has them.
SPAWN: Any = mp.get_context("spawn")
FORK: Any = mp.get_context("fork")


def across(value: Any) -> Any:
    """What a receiver gets, here in this process."""
    return pickle.loads(ForkingPickler.dumps(value))


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def names() -> set[str]:
    return {name for name in os.listdir("/dev/shm") if name.startswith("pullback-")}


def test_writes_are_seen_by_both_sides() -> None:
    inbox, outbox = SPAWN.Queue(), SPAWN.Queue()
    x, y = pb.zeros(3), pb.ones(2, 2)
    process = SPAWN.Process(target=crossing.write_and_answer, args=(inbox, outbox))
    process.start()
    for each in (x, y, None):
        inbox.put(each)
    answers = [outbox.get(timeout=60).item(), outbox.get(timeout=60).item()]
    process.join(60)
    assert process.exitcode == 0
    assert answers == [7.0, 16.0]
    assert x.tolist() == [7.0, 0.0, 0.0]
    assert y.tolist() == [[7.0, 7.0], [1.0, 1.0]]
    assert x.is_shared()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int8", "bool", "complex64"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0), (4, 5)])
def test_values_shapes_and_strides_cross(dtype: str, shape: tuple[int, ...]) -> None:
    x = (
        pb.arange(0, 20)
        .as_strided(shape, tuple(range(1, len(shape) + 1)))
        .to(getattr(pb, dtype), copy=True)
    )
    for each in (x, x.mT if x.ndim > 1 else x, x[..., ::2] if x.ndim else x):
        got = across(each)
        assert got.dtype is x.dtype
        assert got.shape == each.shape
        assert got.tolist() == each.tolist()


def test_tensors_that_share_memory_go_on_sharing_it() -> None:
    x = pb.zeros(2, 3).share_memory_()
    whole, row, column = across([x, x[1], x[:, 1]])
    whole[1, 1] = 5
    assert row[1] == 5
    assert column[1] == 5
    assert x[1, 1] == 5
    for _ in range(3):
        assert across(x)._storage_ptr() == x._storage_ptr()


def test_of_memory_that_others_have_a_copy_goes() -> None:
    x = pb.zeros(3)
    view = x[1:]
    got = across(view)
    got.fill_(1)
    assert x.tolist() == [0.0, 0.0, 0.0]
    assert not view.is_shared()


def test_parameters_subclasses_and_storages_cross() -> None:
    p = pb.nn.Parameter(pb.ones(2))
    got = across(p)
    assert type(got) is pb.nn.Parameter
    assert got.requires_grad
    got.data[0] = 3
    assert p.tolist() == [3.0, 1.0]
    points = pb.ones(2).as_subclass(crossing.Points)
    assert type(across(points)) is crossing.Points
    storage = pb.UntypedStorage([1, 2, 3])
    sent = across(storage)
    sent[0] = 9
    assert storage.tolist() == [9, 2, 3]
    typed = across(pb.FloatStorage([1.0, 2.0]))
    assert typed.dtype is pb.float32
    assert typed.tolist() == [1.0, 2.0]
    x = pb.ones(2).share_memory_()
    across(x.untyped_storage())[0] = 0
    assert x.untyped_storage().is_shared()


def test_what_cannot_cross_is_refused() -> None:
    x = pb.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="Cowardly refusing to serialize non-leaf tensor"):
        across(x * 2)
    shared, view = pb.ones(2), None
    view = shared[0]
    with pytest.raises(RuntimeError, match="share_memory_: got a tensor whose memory other"):
        shared.share_memory_()
    with pytest.raises(RuntimeError, match="share_memory_: got a storage whose memory"):
        shared.untyped_storage().share_memory_()
    assert view.tolist() == 1.0
    data = ForkingPickler.dumps(pb.ones(2))
    pickle.loads(data)
    with pytest.raises(RuntimeError, match="received twice"):
        pickle.loads(data)


def test_share_memory_keeps_the_tensor_its_gradient_and_its_versions() -> None:
    x = pb.tensor([1.0, 2.0], requires_grad=True)
    y = (x * x).sum()
    version = x._version
    assert x.share_memory_() is x
    assert x.share_memory_().is_shared()
    assert x._version == version
    y.backward()
    assert x.grad is not None
    assert x.grad.tolist() == [2.0, 4.0]
    assert pb.empty(0).share_memory_().is_shared()
    assert pb.tensor(3.0).share_memory_().item() == 3.0
    assert not x.clone().is_shared()


def test_modules_are_shared_with_their_gradients_and_train_in_two_processes() -> None:
    module = pb.nn.Linear(2, 2)
    module(pb.ones(1, 2)).sum().backward()
    assert module.share_memory() is module
    assert all(p.is_shared() for p in module.parameters())
    assert module.weight.grad is not None
    assert module.weight.grad.is_shared()
    parameters = [pb.ones(2, requires_grad=True).share_memory_() for _ in range(2)]
    mp.spawn(crossing.descend, (parameters,), nprocs=2)
    assert [p.tolist() for p in parameters] == [[0.0, 0.0], [0.0, 0.0]]


def test_a_pool_takes_and_gives_tensors() -> None:
    with FORK.Pool(2) as pool:
        tensors = [pb.full((3,), float(k)) for k in range(8)]
        results = pool.map(crossing.add_one, tensors)
    assert [r.tolist() for r in results] == [[k + 1.0] * 3 for k in range(8)]


def test_nothing_is_left_of_a_thousand_transfers() -> None:
    across(pb.ones(10))
    gc.collect()
    files, before = open_files(), names()
    for k in range(1000):
        assert across(pb.full((10,), k)).sum() == 10 * k
    gc.collect()
    assert open_files() == files
    assert names() == before


def test_a_killed_process_leaves_the_memory_of_the_others() -> None:
    before = names()
    x = pb.zeros(2).share_memory_()
    ready = FORK.SimpleQueue()
    process = FORK.Process(target=crossing.wait_to_be_killed, args=(x, ready))
    process.start()
    assert ready.get().sum() == 1000
    process.kill()
    process.join()
    assert x.tolist() == [1.0, 0.0]
    assert names() == before


def test_what_nobody_received_is_gone_with_the_program() -> None:
    program = """
    import os, signal
    import pullback as pb
    import pullback.multiprocessing as mp
    from multiprocessing.reduction import ForkingPickler
    ForkingPickler.dumps(pb.ones(1000))
    print(*[n for n in os.listdir("/dev/shm") if n.startswith(f"pullback-{os.getpid()}-")])
    import sys; sys.stdout.flush()
    os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    (name,) = done.stdout.split()  # the tracker has ended when its end of stderr is closed
    assert "leaked shared_memory" in done.stderr
    assert not (Path("/dev/shm") / name).exists()


@pytest.mark.parametrize(
    ("how", "error", "text"),
    [
        ("raise", "ProcessRaisedException", r"-- Process 1 terminated[\s\S]*from a process"),
        ("exit", "ProcessExitedException", "process 1 terminated with exit code 3"),
        ("kill", "ProcessExitedException", "process 1 terminated with signal SIGKILL"),
    ],
)
def test_a_process_of_spawn_that_fails_ends_the_others(how: str, error: str, text: str) -> None:
    with pytest.raises(getattr(mp, error), match=text) as raised:
        mp.start_processes(crossing.fail, (how,), nprocs=2, start_method="fork")
    assert raised.value.error_index == 1
    again = pickle.loads(pickle.dumps(raised.value))
    assert type(again) is type(raised.value)
    assert again.error_pid == raised.value.error_pid


def test_names_and_strategies() -> None:
    for name in ("Process", "Queue", "SimpleQueue", "Pool", "Pipe", "Lock", "get_context"):
        assert getattr(mp, name) is not None
    assert mp.get_sharing_strategy() in mp.get_all_sharing_strategies()
    mp.set_sharing_strategy("file_descriptor")
    with pytest.warns(UserWarning, match="there is no 'file_system'"):
        mp.set_sharing_strategy("file_system")
    with pytest.raises(ValueError, match="got 'x', expected 'file_descriptor'"):
        mp.set_sharing_strategy("x")
    with pytest.raises(ValueError, match="Use start_processes"):
        mp.spawn(crossing.fail, start_method="fork")
    context = mp.spawn(crossing.descend, ([pb.ones(1, requires_grad=True)],), join=False)
    assert context is not None
    assert len(context.pids()) == 1
    while not context.join(60):
        pass
