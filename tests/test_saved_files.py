"""Files that save writes and load reads: kinds of files, maps, checksums, protocols, sizes."""

from __future__ import annotations

import copy
import io
import mmap
import os
import pickle
import stat
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

import pullback as pb
from checkpoints import (
    loads,
    saved,
)
from pullback.serialization import _zip_writer

FORMS = [True, False]


def test_kinds_of_files(tmp_path: Path) -> None:
    path = tmp_path / "a model.pt"
    value = {"a": pb.arange(3)}
    for place in (path, str(path)):
        pb.save(value, place)
        assert pb.load(place)["a"].tolist() == [0, 1, 2]
    with zipfile.ZipFile(path) as made:
        assert made.testzip() is None
        assert made.namelist()[0] == "a model/data.pkl"
    for buffering in (-1, 0):
        with path.open("wb", buffering=buffering) as file:
            pb.save(value, file)
        with path.open("rb", buffering=buffering) as file:
            assert pb.load(file)["a"].tolist() == [0, 1, 2]
    with pytest.raises(RuntimeError, match="does not exist"):
        pb.save(value, tmp_path / "missing" / "a.pt")
    with pytest.raises(FileNotFoundError):
        pb.load(tmp_path / "missing.pt")
    with pytest.raises(AttributeError, match="write"):
        pb.save(value, None)
    with pytest.raises(AttributeError, match="seekable"):
        pb.load(3)
    with pytest.raises(TypeError, match="bytes"):
        pb.load(io.StringIO("text"))
    with pytest.raises(EOFError, match="seek"):
        pb.load(io.BytesIO())


def test_a_file_behind_other_bytes() -> None:
    for new in FORMS:
        file = io.BytesIO()
        file.write(b"head")
        pb.save(pb.ones(2), file, _use_new_zipfile_serialization=new)
        file.seek(4)
        assert pb.load(file).tolist() == [1.0, 1.0]


class Slow(io.BytesIO):
    """Gives a few bytes at a time, and cannot read into memory."""

    readinto = None  # type: ignore[assignment]

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(size if size is None or size < 0 else min(size, 1000))


class Counting(io.RawIOBase):
    """Takes bytes, and remembers the largest piece."""

    largest = total = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        taken = min(len(data), 1 << 20)
        self.largest = max(self.largest, len(data))
        self.total += taken
        return taken


def test_large_tensors_are_written_and_read_in_pieces() -> None:
    value = pb.arange(2_000_000)
    assert bool((pb.load(Slow(saved(value))) == value).all())
    file = Counting()
    pb.save(value, file)
    assert file.total > 16_000_000
    assert file.largest <= 1 << 22


def test_a_failure_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    with pytest.raises((AttributeError, pickle.PicklingError)):
        pb.save(lambda: 1, path)
    assert not path.exists()


def test_records_begin_at_multiples_of_64() -> None:
    data = saved([pb.ones(n) for n in range(1, 20)])
    with zipfile.ZipFile(io.BytesIO(data)) as made:
        assert made.testzip() is None
        for entry in made.infolist():
            name_size, extra = data[entry.header_offset + 26], entry.header_offset + 28
            start = (
                entry.header_offset
                + 30
                + name_size
                + int.from_bytes(data[extra : extra + 2], "little")
            )
            assert start % 64 == 0, entry.filename


def test_archives_of_more_than_4_gigabytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fields of large archives, which are written from a smaller size on here."""
    monkeypatch.setattr(_zip_writer, "_LARGE", 300)
    value = [pb.arange(n) for n in (3, 100, 5)]
    data = saved(value)
    assert b"PK\6\6" in data
    with zipfile.ZipFile(io.BytesIO(data)) as made:
        assert made.testzip() is None
    assert [each.tolist() for each in loads(data)] == [each.tolist() for each in value]


def test_mapped_files(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    pb.save([pb.arange(6.0), pb.arange(4), pb.empty(0)], path)
    before = path.read_bytes()
    found = pb.load(path, mmap=True)
    assert [each.tolist() for each in found] == [[0, 1, 2, 3, 4, 5], [0, 1, 2, 3], []]
    found[0].fill_(7)
    assert path.read_bytes() == before
    with pb.serialization.set_default_mmap_options(mmap.MAP_SHARED):
        pb.load(path, mmap=True)[0].fill_(7)
    assert pb.load(path, mmap=True)[0].tolist() == [7.0] * 6
    with pytest.raises(RuntimeError, match="checksum"):
        pb.load(path)
    with pytest.raises(ValueError, match="must be a file path"):
        pb.load(io.BytesIO(before), mmap=True)
    pb.save(pb.ones(1), path, _use_new_zipfile_serialization=False)
    with pytest.raises(RuntimeError, match="mmap can only be used"):
        pb.load(path, mmap=True)


def test_checksums() -> None:
    data = bytearray(saved(pb.tensor([123456789])))
    at = data.index((123456789).to_bytes(8, "little"))
    data[at] ^= 1
    with pytest.raises(RuntimeError, match="checksum"):
        loads(bytes(data))
    pb.serialization.set_crc32_options(False)
    try:
        assert loads(bytes(data)).tolist() == [123456788]
        without = saved(pb.ones(1))
    finally:
        pb.serialization.set_crc32_options(True)
    assert loads(without).tolist() == [1.0]


def test_files_without_data() -> None:
    data = saved(pb.ones(3))
    with pb.serialization.skip_data():
        empty = saved(pb.ones(3))
        assert loads(data).shape == (3,)
    assert len(empty) == len(data)
    assert loads(empty).tolist() == [0.0] * 3
    assert loads(data).tolist() == [1.0] * 3


def test_the_mode_of_a_new_file(tmp_path: Path) -> None:
    pb.save(1, tmp_path / "a.pt")
    expected = 0o666 & ~_umask()
    assert stat.S_IMODE((tmp_path / "a.pt").stat().st_mode) == expected


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("new", FORMS)
def test_protocols(protocol: int, new: bool) -> None:
    value = {"a": pb.ones(2), "b": pb.nn.Linear(1, 1)}
    file = saved(value, pickle_protocol=protocol, _use_new_zipfile_serialization=new)
    assert loads(file, weights_only=False)["a"].tolist() == [1.0, 1.0]
    if protocol > 2:
        with pytest.raises(pickle.UnpicklingError, match="protocol"):
            loads(file)


def test_pickle_modules() -> None:
    class Own:
        """A module with a pickler in Python."""

        Pickler = pickle._Pickler  # type: ignore[attr-defined]
        Unpickler = pickle.Unpickler

    file = saved({"a": pb.ones(2)}, pickle_module=Own)
    assert loads(file)["a"].tolist() == [1.0, 1.0]
    assert loads(file, pickle_module=Own)["a"].tolist() == [1.0, 1.0]
    with pytest.raises(TypeError, match="pickle_module"):
        saved(1, pickle_module=sys)


def test_a_tensor_of_a_transform_is_refused() -> None:
    with pytest.raises(NotImplementedError, match="transform"):
        pb.vmap(lambda x: saved(x))(pb.ones(2, 2))


def test_copies_and_pickles_of_tensors_share_nothing_of_this() -> None:
    value = pb.arange(4.0)[1:3]
    for made in (copy.deepcopy(value), pickle.loads(pickle.dumps(value))):
        assert made.tolist() == [1.0, 2.0]
