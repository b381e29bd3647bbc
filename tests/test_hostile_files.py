"""Files that lie are refused; none runs code, none takes memory that it does not account for."""

from __future__ import annotations

import pickle
import subprocess
import sys
import warnings
from collections import Counter
from pathlib import Path

import pytest

import pullback as pb
from checkpoints import (
    NUMBERS,
    archive,
    error_of,
    loads,
    name,
    storage,
    tensor,
    text,
)
from hostile import crafted, mutated

CRAFTED = crafted()


def test_there_are_many_kinds_of_lies() -> None:
    assert len(CRAFTED) >= 200


@pytest.mark.parametrize("what", CRAFTED)
def test_files_that_lie_are_refused(what: str) -> None:
    kinds = (pickle.UnpicklingError, RuntimeError, *([EOFError] if what == "nothing" else []))
    with pytest.raises(kinds) as caught:
        loads(CRAFTED[what])
    assert str(caught.value)


WATCHED = """
import io, pickle, resource, sys
sys.path[:0] = {paths!r}
import pullback as pb
from hostile import crafted, mutated

files = [*crafted().values(), *mutated({count}, {seed})]
good = io.BytesIO()
pb.save([pb.ones(2), pb.nn.Parameter(pb.ones(1))], good)
good.seek(0)
pb.load(good)
done = []
harmless = {{"object.__getattr__", "object.__setattr__"}}
sys.addaudithook(lambda event, args: done.append(event) if event not in harmless else None)
done.clear()
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
done.clear()
resource.setrlimit(resource.RLIMIT_AS, (used + (64 << 20), -1))
done.clear()
taken = 0
for data in files:
    try:
        pb.load(io.BytesIO(data))
        taken += 1
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        if isinstance(error, MemoryError):
            raise
print(taken, len(files), sorted(set(done)))
"""


@pytest.mark.slow  # a sanitizer needs more memory than the limit leaves
@pytest.mark.skipif(sys.platform != "linux", reason="limits and counts memory as Linux does")
def test_hostile_files_run_nothing_and_take_no_memory(tmp_path: Path) -> None:
    """In a process with 64 MB to spare that writes down every event Python has a hook for."""
    count = 600
    paths = [str(Path(__file__).parent), str(Path(pb.__file__).parents[1])]
    program = WATCHED.format(paths=paths, count=count, seed=1)
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert found.returncode == 0, found.stderr
    taken, total, events = found.stdout.split(" ", 2)
    assert int(total) == count + len(CRAFTED)
    assert int(taken) < count / 10
    assert events.strip() == "[]"
    assert not list(tmp_path.iterdir())


def test_files_that_lie_are_refused_when_they_are_mapped(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    for what, data in CRAFTED.items():
        path.write_bytes(data)
        try:
            pb.load(path, mmap=True)
        except (pickle.UnpicklingError, RuntimeError, EOFError):
            continue
        pytest.fail(f"{what} is taken")


def test_mutations_are_refused_or_harmless() -> None:
    kinds: Counter[str] = Counter()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for data in mutated(2000, 0):
            try:
                found = loads(data)
            except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
                kinds[type(error).__name__] += 1
                continue
            kinds["taken"] += 1
            assert "Tensor" not in repr(type(found)) or found.numel() <= len(data)
    assert kinds["taken"] < 200
    assert kinds["UnpicklingError"] > 300
    assert kinds["RuntimeError"] > 300


def test_texts_that_are_long_are_not_repeated_in_messages() -> None:
    error = error_of(archive(name("m" * 100_000, "n")))
    assert len(str(error)) < 2000
    error = error_of(archive(tensor(storage(key="k" * 100_000))))
    assert len(str(error)) < 2000


def test_the_place_of_an_entry_is_not_believed() -> None:
    """A key is a name among the records of the archive, never a path."""
    file = archive(tensor(storage(key="a/b")), {"a/b": NUMBERS})
    assert loads(file).tolist() == [1.0, 2.0, 3.0]
    assert text("a")[:1] == b"X"
