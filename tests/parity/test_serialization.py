"""Files go from PyTorch to pullback and back, bit for bit, and training goes on with them."""

from __future__ import annotations

import io
import pickle
import warnings
import zipfile
from collections import Counter, OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pullback as pb
from checkpoints import NUMBERS, archive, call, name, old_file, plain, storage, tensor
from hostile import crafted
from pullback import _element_types

torch = pytest.importorskip("torch")

FORMS = [True, False]
BOTH = pytest.mark.parametrize("weights_only", [True, False])
NEW = pytest.mark.parametrize("new", FORMS)
DTYPES = [each for each in sorted(_element_types.DTYPE_NAMES) if _element_types.dtype_named(each)]


def file_of(lib: Any, obj: Any, new: bool = True, **kwargs: Any) -> io.BytesIO:
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lib.save(obj, file, _use_new_zipfile_serialization=new, **kwargs)
    file.seek(0)
    return file


def round_trip(obj: Any, new: bool, weights_only: bool) -> tuple[Any, Any]:
    """An object of torch's as pullback loads it, and that as torch loads it."""
    ours = pb.load(file_of(torch, obj, new), weights_only=weights_only)
    return ours, torch.load(file_of(pb, ours, new), weights_only=weights_only)


def bits(value: Any) -> bytes:
    """All of the memory of a tensor."""
    return bytes(value.untyped_storage().tolist())


def same(ours: Any, theirs: Any) -> None:
    """The same types, numbers to the bit, geometries and flags, all the way down."""
    if isinstance(theirs, torch.Tensor):
        assert isinstance(ours, (pb.Tensor, torch.Tensor))
        assert type(ours).__name__ == type(theirs).__name__
        assert str(ours.dtype) == str(theirs.dtype)
        assert tuple(ours.shape) == tuple(theirs.shape)
        assert ours.stride() == theirs.stride()
        assert ours.storage_offset() == theirs.storage_offset()
        assert ours.requires_grad == theirs.requires_grad
        assert ours.is_leaf
        assert bits(ours.detach()) == bits(theirs.detach())
        assert {**ours.__dict__} == {**theirs.__dict__}
    elif isinstance(theirs, dict):
        assert type(ours).__name__ == type(theirs).__name__
        assert list(map(str, ours)) == list(map(str, theirs))
        for mine, other in zip(ours.values(), theirs.values(), strict=True):
            same(mine, other)
        metadata = getattr(theirs, "_metadata", None)
        assert getattr(ours, "_metadata", None) == metadata
    elif isinstance(theirs, (list, tuple)):
        assert type(ours).__name__ == type(theirs).__name__
        assert len(ours) == len(theirs)
        for mine, other in zip(ours, theirs, strict=True):
            same(mine, other)
    elif isinstance(theirs, (torch.dtype, torch.device, torch.layout)):
        assert str(ours) == str(theirs)
    else:
        assert type(ours) is type(theirs)
        assert ours == theirs


def everything(lib: Any) -> dict[str, Any]:
    base = lib.arange(24.0)
    tagged = lib.nn.Parameter(lib.ones(2))
    tagged.note = 3
    marked = lib.zeros(2)
    marked.note = "x"
    return {
        "base": base,
        "turned": base.view(4, 6).t(),
        "part": base[5:9],
        "expanded": base[:1].expand(5),
        "number": base[3],
        "nothing": lib.empty(0, 3),
        "parameter": lib.nn.Parameter(base),
        "frozen": lib.nn.Parameter(base, requires_grad=False),
        "tagged": tagged,
        "marked": marked,
        "leaf": lib.ones(3, requires_grad=True),
        "result": lib.ones(3, requires_grad=True) * 2,
        "containers": [OrderedDict(a=(1, [2.5, {"b": None}])), Counter("aab"), {1, 2}, 1j],
        "numbers": [0, -1, 255, 65536, -(2**31), 2**70, True, "é", b"bytes", bytearray(b"x")],
        "torch": [lib.Size([2, 3]), lib.float64, lib.device("cpu"), lib.strided],
        "state": lib.get_rng_state(),
    }


@BOTH
@NEW
def test_everything_there_and_back(weights_only: bool, new: bool) -> None:
    given = everything(torch)
    ours, back = round_trip(given, new, weights_only)
    expected = torch.load(file_of(torch, given, new), weights_only=weights_only)
    same(ours, expected)
    same(back, expected)
    for found in (ours, back):
        keys = ("turned", "part", "expanded", "number", "parameter", "frozen")
        assert all(
            found[key].untyped_storage().data_ptr() == found["base"].untyped_storage().data_ptr()
            for key in keys
        )
        assert found["marked"].untyped_storage().data_ptr() != found["base"].data_ptr()


@BOTH
@NEW
def test_everything_from_here(weights_only: bool, new: bool) -> None:
    pb.manual_seed(0)
    torch.manual_seed(0)
    found = torch.load(file_of(pb, everything(pb), new), weights_only=weights_only)
    same(found, torch.load(file_of(torch, everything(torch), new), weights_only=weights_only))


@NEW
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype(dtype: str, new: bool) -> None:
    if not new and dtype not in _element_types.STORAGE_OF_DTYPE:
        return
    given = torch.tensor([[0, 1], [2, 100]]).to(getattr(torch, dtype))
    for value in (given, given.t(), given[1], given[:0]):
        ours, back = round_trip(value, new, True)
        same(ours, value)
        same(back, value)


def test_storages() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        given = [torch.IntStorage([1, 2]), torch.BoolStorage([True, False])]
    ours, back = round_trip(given, True, True)
    for found in (ours, back):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert [each.tolist() for each in found] == [[1, 2], [True, False]]
            assert [each.type() for each in found] == ["torch.IntStorage", "torch.BoolStorage"]


def parts(lib: Any) -> tuple[Any, ...]:
    net = lib.nn.Sequential(lib.nn.Linear(3, 4), lib.nn.Dropout(0.5), lib.nn.Linear(4, 1))
    net.register_buffer("count", lib.zeros(2, dtype=lib.int64))
    net.double()
    optimizer = lib.optim.Adam(net.parameters(), lr=0.1, weight_decay=0.01)
    return net, optimizer, lib.optim.lr_scheduler.StepLR(optimizer, 2, 0.5)


def steps(lib: Any, net: Any, optimizer: Any, scheduler: Any, count: int = 4) -> list[float]:
    losses = []
    for _ in range(count):
        optimizer.zero_grad()
        loss = net(lib.rand(5, 3, dtype=lib.float64)).square().sum()
        loss.backward()
        optimizer.step()
        scheduler.step()
        net.count += 1
        losses.append(loss.item())
    return losses


def checkpoint(lib: Any, trained: tuple[Any, ...]) -> dict[str, Any]:
    names = ("net", "optimizer", "scheduler")
    states = {key: each.state_dict() for key, each in zip(names, trained, strict=True)}
    return states | {"random": lib.get_rng_state()}


def restored(lib: Any, found: dict[str, Any]) -> tuple[Any, ...]:
    made = parts(lib)
    for key, each in zip(("net", "optimizer", "scheduler"), made, strict=True):
        each.load_state_dict(found[key])
    lib.set_rng_state(found["random"])
    return made


@BOTH
@NEW
def test_training_goes_on(weights_only: bool, new: bool) -> None:
    """Steps in torch, then here, then in torch again; torch alone gives the same numbers."""
    torch.manual_seed(0)
    trained = parts(torch)
    steps(torch, *trained)
    file = file_of(torch, checkpoint(torch, trained), new)
    saved = torch.load(file)
    file.seek(0)
    alone = steps(torch, *trained, count=8)
    here = restored(pb, pb.load(file, weights_only=weights_only))
    same(checkpoint(pb, here), saved)
    ours = steps(pb, *here)
    file = file_of(pb, checkpoint(pb, here), new)
    there = restored(torch, torch.load(file, weights_only=weights_only))
    ours += steps(torch, *there)
    assert ours == pytest.approx(alone, rel=1e-12)


def test_modules_as_a_whole() -> None:
    nn = torch.nn
    given = nn.Sequential(
        nn.Linear(2, 3), nn.ReLU(), nn.Dropout(0.1), nn.Flatten(), nn.Linear(3, 1, bias=False)
    ).eval()
    ours, back = round_trip(given, True, False)
    assert type(ours) is pb.nn.Sequential
    assert type(back) is nn.Sequential
    x = torch.rand(4, 2)
    assert torch.equal(back(x), given(x))
    same(dict(ours.named_parameters()), dict(given.named_parameters()))
    found = ours(pb.from_numpy(x.numpy())).detach().numpy()
    assert found == pytest.approx(given(x).detach().numpy(), rel=1e-5)


def test_functions_and_classes() -> None:
    given = [
        torch.relu,
        torch.nn.functional.relu,
        torch.nn.Linear,
        torch.optim.Adam,
        torch.optim.lr_scheduler.StepLR,
        torch.Tensor,
        torch.Size,
    ]
    ours, back = round_trip(given, True, False)
    assert back == given
    assert ours[0] is pb.relu
    assert ours[2] is pb.nn.Linear
    optimizer = torch.optim.SGD([torch.ones(2, requires_grad=True)], lr=0.1, momentum=0.9)
    ours, back = round_trip(optimizer, True, False)
    assert type(ours) is pb.optim.SGD
    same(ours.state_dict(), optimizer.state_dict())
    same(back.state_dict(), optimizer.state_dict())


def test_generators() -> None:
    given = torch.Generator().manual_seed(3)
    torch.rand(5, generator=given)
    ours, back = round_trip(given, True, False)
    expected = torch.rand(4, generator=given).tolist()
    assert pb.rand(4, generator=ours).tolist() == expected
    assert torch.rand(4, generator=back).tolist() == expected
    for lib in (pb, torch):
        with pytest.raises(pickle.UnpicklingError):
            lib.load(file_of(torch, given))


def test_the_archives_look_the_same(tmp_path: Path) -> None:
    listed = []
    for lib in (pb, torch):
        path = tmp_path / f"{lib.__name__}.pt"
        lib.save({"a": lib.ones(3), "b": lib.arange(3)}, path)
        with zipfile.ZipFile(path) as made:
            names = [each.removeprefix(lib.__name__) for each in made.namelist()]
            plain_ones = (".format_version", ".storage_alignment", "byteorder", "version")
            listed.append((names, [made.read(f"{lib.__name__}/{each}") for each in plain_ones]))
    assert listed[0] == listed[1]


def test_the_pickles_are_the_same() -> None:
    def pickled(lib: Any) -> bytes:
        made: bytes = zipfile.ZipFile(file_of(lib, everything(lib))).read("archive/data.pkl")
        return made

    torch.manual_seed(0)
    pb.manual_seed(0)
    assert pickled(pb) == pickled(torch)


@pytest.mark.parametrize("mapped", [True, False])
def test_files_by_path(tmp_path: Path, mapped: bool) -> None:
    path = tmp_path / "a.pt"
    for writer, reader in ((pb, torch), (torch, pb)):
        writer.save([writer.arange(5), writer.ones(2)], path)
        assert [each.tolist() for each in reader.load(path, mmap=mapped)] == [
            [0, 1, 2, 3, 4],
            [1.0, 1.0],
        ]


def test_large_archives(monkeypatch: pytest.MonkeyPatch) -> None:
    from pullback.serialization import _zip_writer

    monkeypatch.setattr(_zip_writer, "_LARGE", 300)
    found = torch.load(file_of(pb, [pb.arange(100), pb.arange(3)]))
    assert [each.tolist() for each in found] == [list(range(100)), [0, 1, 2]]


def test_both_without_checksums() -> None:
    for lib, other in ((pb, torch), (torch, pb)):
        lib.serialization.set_crc32_options(False)
        try:
            file = file_of(lib, lib.ones(3))
        finally:
            lib.serialization.set_crc32_options(True)
        assert other.load(file).tolist() == [1.0] * 3


def test_arrays_that_the_user_allows() -> None:
    array = np.arange(6.0).reshape(2, 3)
    given = {"array": array, "number": np.float64(2.5), "text": np.array(["a"])}
    allowed = [
        np._core.multiarray._reconstruct,
        np._core.multiarray.scalar,
        np.ndarray,
        np.dtype,
        type(np.dtype("f8")),
        type(np.dtype("U1")),
    ]
    for lib in (pb, torch):
        file = file_of(lib, given)
        for reader in (pb, torch):
            file.seek(0)
            with pytest.raises(pickle.UnpicklingError):
                reader.load(file)
            file.seek(0)
            with reader.serialization.safe_globals(allowed):
                found = reader.load(file)
            assert found["array"].tolist() == array.tolist()
            assert found["number"] == 2.5
            assert found["text"].tolist() == ["a"]


# What is refused.

OLDEST = call(
    name("torch._utils", "_rebuild_tensor"), storage(), plain(1), plain((2,)), plain((1,))
)
OUTCOMES: dict[str, Callable[[Any], Any]] = {
    "cuda": lambda lib: lib.load(io.BytesIO(archive(tensor(storage(location="cuda:0"))))),
    "to cuda": lambda lib: lib.load(io.BytesIO(archive(tensor())), map_location="cuda"),
    "nowhere": lambda lib: lib.load(io.BytesIO(archive(tensor())), map_location="nowhere"),
    "cuda to cpu": lambda lib: lib.load(
        io.BytesIO(archive(tensor(storage(location="cuda:0")))), map_location="cpu"
    ),
    "a dict of places": lambda lib: lib.load(
        io.BytesIO(archive(tensor(storage(location="cuda:1")))), map_location={"cuda:1": "cpu"}
    ),
    "a function of places": lambda lib: lib.load(
        io.BytesIO(archive(tensor(storage(location="cuda:1")))), map_location=lambda s, _: s
    ),
    "an old file": lambda lib: lib.load(
        io.BytesIO(old_file(tensor(storage(legacy=True)), {"0": NUMBERS}))
    ),
    "the oldest call": lambda lib: lib.load(io.BytesIO(archive(OLDEST))),
    "pickle_module and weights_only": lambda lib: lib.load(
        file_of(lib, 1), pickle_module=pickle, weights_only=True
    ),
    "no file": lambda lib: lib.load("/nonexistent/file"),
    "no folder": lambda lib: lib.save(1, "/nonexistent/file"),
    "at the end": lambda lib: lib.load(io.BytesIO()),
    "mmap of an open file": lambda lib: lib.load(file_of(lib, 1), mmap=True),
    "no attribute write": lambda lib: lib.save(1, None),
    "no attribute seek": lambda lib: lib.load(3),
    "two dtypes": lambda lib: lib.save([each := lib.zeros(4), each.view(lib.int32)], io.BytesIO()),
    "protocol 4": lambda lib: lib.load(file_of(lib, [lib.ones(1)], pickle_protocol=4)),
    "big bytes": lambda lib: lib.load(
        io.BytesIO(archive(tensor(), {"0": NUMBERS[::-1]}, order="big"))
    ),
    "a global": lambda lib: lib.load(file_of(lib, range(3))),
    "unsafe globals": lambda lib: lib.serialization.get_unsafe_globals_in_checkpoint(
        file_of(lib, [range(3), lib.ones(1), Path("a")])
    ),
}


def outcome(lib: Any, what: str) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = OUTCOMES[what](lib)
    except Exception as error:  # noqa: BLE001 - its type is compared
        return type(error)
    if isinstance(found, list):
        return sorted(found)
    return found.tolist() if isinstance(found, lib.Tensor) else found


@pytest.mark.parametrize("what", OUTCOMES)
def test_outcomes(what: str) -> None:
    assert outcome(pb, what) == outcome(torch, what)


# Files that torch takes and that are refused here, with the reason.
STRICTER = {
    "deflated": "a compressed record may be a thousand times as large as the file",
    "a layout": "there are no sparse tensors",
    "a meta tensor": "there is no such device",
    "storage of two dtypes": "no file of torch's has one",
    "counter of a text": "no file of torch's has one",
    "old file without its storage": "torch gives memory that nobody wrote",
    "bytes behind the end": "no file of torch's has them",
    "directory: checksum": "checksums are compared",
    "header of another name": "no file of torch's has one",
    "two records of a name": "no file of torch's has them",
    "records that overlap": "they would be larger than the file",
    "path 'archive/../../harm'": "no file of torch's has one",
}


@pytest.mark.parametrize("what", STRICTER)
def test_what_torch_takes_and_pullback_refuses(what: str) -> None:
    data = crafted()[what]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.load(io.BytesIO(data))
    with pytest.raises((RuntimeError, pickle.UnpicklingError)):
        pb.load(io.BytesIO(data))
