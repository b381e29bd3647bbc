"""``pullback.distributed`` over MPI, in jobs of 2 and 4 processes; see ``mpi_jobs.py``."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import pullback as pb
import pullback.distributed as dist
from mpi_jobs import PROGRAMS, checks, job, needs_mpi


@needs_mpi
@pytest.mark.parametrize("processes", [2, 4])
def test_jobs(processes: int) -> None:
    checks(processes, "collectives", "functional", "training", "passes", "beside")


@needs_mpi
@pytest.mark.parametrize("processes", [2, 3, 4])
def test_a_fixed_tree(processes: int) -> None:
    checks(processes, "fixed_tree")


@needs_mpi
def test_nothing_is_left_of_many_steps() -> None:
    done = job(2, str(PROGRAMS / "leaks.py"), "500")
    assert done.code == 0, done.out + done.err
    assert done.out.count("500 steps") == 2


def alone(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(Path(pb.__file__).parent.parent), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        env={**os.environ, "PYTHONPATH": path, **variables},
    )


def test_who_does_not_use_it_imports_nothing_of_it() -> None:
    done = alone(
        "import sys, pullback as pb\n"
        "net = pb.nn.Sequential(pb.nn.Linear(2, 2), pb.nn.BatchNorm1d(2))\n"
        "optimizer = pb.optim.SGD(net.parameters(), lr=0.1)\n"
        "data = pb.utils.data.DataLoader(pb.utils.data.TensorDataset(pb.ones(4, 2)), 2)\n"
        "for x, in data:\n"
        "    net(x).sum().backward()\n"
        "optimizer.step()\n"
        "pb.nn.SyncBatchNorm, pb.nn.DataParallel, pb.utils.data.DistributedSampler\n"
        "print([m for m in sys.modules if 'mpi4py' in m or m.startswith('pullback.distributed')])"
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_questions_do_not_start_mpi() -> None:
    done = alone(
        "import sys, pullback.distributed as dist\n"
        "dist.is_available(), dist.is_initialized(), dist.is_mpi_available()\n"
        "print([m for m in sys.modules if 'mpi4py' in m])"
    )
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.parametrize("backend", ["gloo", "nccl", "ucc", "cuda:nccl", ""])
def test_other_backends_are_refused(backend: str) -> None:
    with pytest.raises(ValueError, match="expected 'mpi'"):
        dist.init_process_group(backend)


def test_another_device_is_refused() -> None:
    with pytest.raises(ValueError, match=r"broadcast_object_list\(\): got device='cuda'"):
        dist.broadcast_object_list([1], device="cuda")
    with pytest.raises(ValueError, match=r"send_object_list\(\): got device='cuda:1'"):
        dist.send_object_list([1], 0, device="cuda:1")
    with pytest.raises(ValueError, match=r"recv_object_list\(\): got device='cuda'"):
        dist.recv_object_list([1], 0, device="cuda")
    with pytest.raises(RuntimeError, match="device_ids not supported for the selected backend"):
        dist.barrier(device_ids=[0])


def test_without_a_group() -> None:
    assert not dist.is_initialized()
    assert not dist.is_gloo_available()
    assert not dist.is_nccl_available()
    for call in (
        dist.get_rank,
        dist.get_world_size,
        dist.barrier,
        dist.destroy_process_group,
        lambda: dist.all_reduce(pb.ones(1)),
        lambda: dist.send(pb.ones(1), 0),
        lambda: dist.new_group([0]),
    ):
        with pytest.raises(ValueError, match="Default process group has not been initialized"):
            call()


@pytest.mark.parametrize(
    ("arguments", "kind", "text"),
    [
        ("3", TypeError, "'backend' must be str"),
        ("'mpi', 'tcp://localhost:1'", ValueError, "expected 'env://'"),
        ("'mpi', timeout=3", TypeError, "'timeout' must be timedelta"),
        ("'mpi', store=1", ValueError, "store=1"),
        ("'mpi', device_id='cuda:0'", ValueError, "expected the CPU"),
    ],
)
def test_what_init_refuses(arguments: str, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text):
        eval(f"dist.init_process_group({arguments})")


@needs_mpi
@pytest.mark.parametrize(
    ("arguments", "variables", "text"),
    [
        ("world_size=2", {}, "world_size=2, but MPI says 1"),
        ("rank=1", {}, "rank=1, but MPI says 0"),
        ("", {"WORLD_SIZE": "4"}, "WORLD_SIZE=4, but MPI says 1"),
        ("", {"RANK": "x"}, "RANK is 'x'"),
        ("rank='0'", {}, "'rank' must be int"),
        ("", {"TORCH_DISTRIBUTED_DEBUG": "much"}, "must be OFF, INFO, or DETAIL"),
    ],
)
def test_what_says_the_same_must_agree(
    arguments: str, variables: dict[str, str], text: str
) -> None:
    done = alone(
        f"import pullback.distributed as d; d.init_process_group('mpi', {arguments})", **variables
    )
    assert done.returncode == 1
    assert text in done.stderr.splitlines()[-1]


@needs_mpi
def test_one_process_without_mpirun() -> None:
    done = alone(
        "import pullback as pb, pullback.distributed as d\n"
        "d.init_process_group(init_method='env://', rank=0, world_size=1)\n"
        "x = pb.ones(2); d.all_reduce(x); d.barrier()\n"
        "print(d.get_rank(), d.get_world_size(), x.tolist(), d.get_backend())\n"
        "d.destroy_process_group(); d.init_process_group(); print(d.is_initialized())\n",
        RANK="0",
        WORLD_SIZE="1",
    )
    assert done.stdout.splitlines() == ["0 1 [1.0, 1.0] mpi", "True"], done.stderr


def test_without_mpi4py() -> None:
    done = alone(
        "import sys; sys.modules['mpi4py'] = None\n"
        "import pullback.distributed as d\n"
        "d.init_process_group('mpi')"
    )
    assert 'pip install "pullback[mpi]"' in done.stderr.splitlines()[-1]


def test_names_of_backends() -> None:
    assert dist.Backend("MPI") == dist.Backend.MPI
    with pytest.raises(ValueError, match="string-ish"):
        dist.Backend(3)
    assert dist.get_node_local_rank(3) == 3 or "LOCAL_RANK" in os.environ
    with pytest.raises(TypeError, match="DebugLevel"):
        dist.set_debug_level(1)


PAGE = (Path(__file__).parents[1] / "docs" / "distributed.md").read_text()
PROGRAMS_OF_THE_PAGE = re.findall(
    r"```python\n((?!>>>).*?)```\n\n```text\n(.*?)```", PAGE, re.DOTALL
)


def test_the_page_has_programs() -> None:
    assert len(PROGRAMS_OF_THE_PAGE) == 3


@needs_mpi
@pytest.mark.parametrize("number", range(3))
def test_a_program_of_the_page(number: int, tmp_path: Path) -> None:
    program, promised = PROGRAMS_OF_THE_PAGE[number]
    (tmp_path / "program.py").write_text(program)
    done = job(2, str(tmp_path / "program.py"))
    assert done.code == 0, done.err
    assert sorted(done.out.splitlines()) == promised.splitlines()
