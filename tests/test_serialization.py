"""save and load without torch: files by hand, what goes through, what is shared or refused."""

from __future__ import annotations

import io
import os
import pickle
from collections import Counter, OrderedDict
from pathlib import Path
from typing import Any

import pytest

import pullback as pb
from checkpoints import (
    NUMBERS,
    archive,
    call,
    error_of,
    loads,
    name,
    old_file,
    plain,
    saved,
    storage,
    tensor,
    through,
)
from pullback import _element_types

FORMS = [True, False]
DTYPES = [
    dtype
    for each in sorted(_element_types.DTYPE_NAMES)
    if (dtype := _element_types.dtype_named(each)) is not None
]


class Point:
    def __init__(self, x: Any) -> None:
        self.x = x


class Marked(pb.Tensor):
    pass


class Harm:
    def __reduce__(self) -> Any:
        return os.mkdir, ("harm",)


# What is read.


def test_a_file_by_hand() -> None:
    found = loads(archive(tensor()))
    assert found.tolist() == [1.0, 2.0, 3.0]
    assert found.dtype == pb.float32
    assert not found.requires_grad


def test_an_old_file_by_hand() -> None:
    both = b"(" + tensor(storage(legacy=True)) + tensor(storage(legacy=True), 1, (2,)) + b"t"
    first, second = loads(old_file(both, {"0": NUMBERS}))
    assert first.tolist() == [1.0, 2.0, 3.0]
    second.fill_(7)
    assert first.tolist() == [1.0, 7.0, 7.0]


def test_a_view_of_a_storage_in_an_old_file() -> None:
    part = storage(legacy=True).replace(b"NtQ", plain(("1", 1, 2)) + b"tQ")
    found = loads(old_file(tensor(part, size=(2,)), {"0": NUMBERS}))
    assert found.tolist() == [2.0, 3.0]


def test_the_oldest_call_of_a_tensor() -> None:
    body = call(name("torch._utils", "_rebuild_tensor"), storage(), *map(plain, (1, (2,), (1,))))
    assert loads(archive(body)).tolist() == [2.0, 3.0]


def test_texts_of_python_2() -> None:
    body = b"U\x03abcT\x02\x00\x00\x00\xc3\xa9\x86"
    assert loads(archive(body)) == ("abc", "é")
    assert loads(archive(body), encoding="latin1") == ("abc", "Ã©")
    assert loads(archive(body), encoding="bytes") == (b"abc", b"\xc3\xa9")


def test_the_order_of_bytes() -> None:
    turned = b"".join(NUMBERS[at : at + 4][::-1] for at in (0, 4, 8))
    big = pb.serialization.LoadEndianness.BIG
    assert loads(archive(tensor(), {"0": turned}, order="big")).tolist() == [1.0, 2.0, 3.0]
    unsaid = archive(tensor(), {"0": turned}, order=None)
    assert loads(unsaid).tolist() != [1.0, 2.0, 3.0]
    pb.serialization.set_default_load_endianness(big)
    try:
        assert pb.serialization.get_default_load_endianness() is big
        assert loads(unsaid).tolist() == [1.0, 2.0, 3.0]
    finally:
        pb.serialization.set_default_load_endianness(None)


def test_folders_that_other_programs_pack() -> None:
    assert loads(archive(tensor(), more={"archive/data/": b""})).tolist() == [1.0, 2.0, 3.0]


# What goes through.


@pytest.mark.parametrize("new", FORMS)
@pytest.mark.parametrize("weights_only", [True, False])
def test_containers_and_numbers(new: bool, weights_only: bool) -> None:
    recursive: list[Any] = [1]
    recursive.append(recursive)
    value = {
        "numbers": [0, 1, -1, 255, 256, 65536, -(2**31), 2**31, 2**70, -(2**2100), 1.5, 1j],
        "others": (None, True, False, "é\n", b"", b"bytes", bytearray(b"x"), ()),
        "nested": OrderedDict([((1, "a"), {2: [3, {4}]}), ("b", Counter("aab"))]),
        "torch": [pb.Size([2, 3]), pb.float64, pb.device("cpu"), pb.strided],
        ("tuple", 1): set(),
        "same": [recursive, recursive],
    }
    found = through(value, weights_only, _use_new_zipfile_serialization=new)
    same = found.pop("same")
    assert same[0] is same[1]
    assert same[0][1] is same[0]
    value.pop("same")
    assert found == value
    assert type(found["nested"]) is OrderedDict
    assert type(found["torch"][0]) is pb.Size


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("new", FORMS)
def test_every_dtype(dtype: Any, new: bool) -> None:
    values = pb.tensor([[0, 1], [2, 100]]).to(dtype)
    found = through([values, values[0], values[:0]], _use_new_zipfile_serialization=new)
    assert [each.dtype for each in found] == [dtype] * 3
    assert found[0].tolist() == values.tolist()
    assert found[1].tolist() == values[0].tolist()
    assert found[2].shape == (0, 2)


@pytest.mark.parametrize("new", FORMS)
@pytest.mark.parametrize("weights_only", [True, False])
def test_shared_and_strided_tensors(new: bool, weights_only: bool) -> None:
    base = pb.arange(24.0)
    given = {
        "base": base,
        "turned": base.view(4, 6).t(),
        "part": base[5:9],
        "steps": base[1::3],
        "expanded": base[:1].expand(5),
        "number": base[3],
        "data": base.data,
        "nothing": base[:0],
        "alone": pb.ones(2),
    }
    found = through(given, weights_only, _use_new_zipfile_serialization=new)
    for key, value in given.items():
        assert found[key].tolist() == value.tolist(), key
        assert found[key].stride() == value.stride(), key
    memory = found["base"].untyped_storage()
    assert memory.nbytes() == base.untyped_storage().nbytes()
    found["turned"].fill_(7)
    for key in ("base", "part", "steps", "expanded", "number", "data"):
        assert found[key].untyped_storage() == memory, key
        assert bool((found[key] == 7).all()), key
    assert found["alone"].tolist() == [1.0, 1.0]


def test_the_whole_storage_of_a_view_is_saved() -> None:
    assert through(pb.arange(5.0)[1:2]).untyped_storage().nbytes() == 20


@pytest.mark.parametrize("weights_only", [True, False])
def test_parameters_gradients_and_attributes(weights_only: bool) -> None:
    weight = pb.nn.Parameter(pb.ones(2))
    frozen = pb.nn.Parameter(pb.ones(2), requires_grad=False)
    tagged = pb.nn.Parameter(pb.ones(2))
    tagged.note = {"a": [1]}
    leaf = pb.ones(2, requires_grad=True)
    plain_one = pb.ones(2)
    plain_one.note = "b"
    result = weight * 2
    found = through([weight, frozen, tagged, leaf, plain_one, result, weight], weights_only)
    assert [type(each) for each in found[:3]] == [pb.nn.Parameter] * 3
    assert [each.requires_grad for each in found] == [True, False, True, True, False, True, True]
    assert all(each.is_leaf and each.grad is None for each in found)
    assert found[2].note == {"a": [1]}
    assert found[4].note == "b"
    assert found[6] is found[0]


def test_hooks_are_left_with_a_warning() -> None:
    leaf = pb.ones(2, requires_grad=True)
    leaf.register_hook(lambda grad: grad * 2)
    with pytest.warns(UserWarning, match="hooks"):
        found = through(leaf)
    assert not found._backward_hooks


def test_storages() -> None:
    base = pb.arange(3.0)
    bytes_, typed, values = through(
        [pb.UntypedStorage([1, 2]), pb.IntStorage([3]), base], weights_only=False
    )
    assert bytes_.tolist() == [1, 2]
    assert typed.tolist() == [3]
    assert values.tolist() == [0.0, 1.0, 2.0]
    value, memory = through([base, pb.TypedStorage(wrap_storage=base.untyped_storage())])
    memory[0] = 5.0
    assert value.tolist() == [5.0, 1.0, 2.0]


def test_one_memory_as_two_dtypes_is_refused() -> None:
    base = pb.zeros(4)
    with pytest.raises(RuntimeError, match="view the same data as different types"):
        saved([base, base.view(pb.int32)])
    with pytest.raises(RuntimeError, match="view the same data as different types"):
        saved([base, base.untyped_storage()])


@pytest.mark.parametrize("new", FORMS)
def test_a_training_goes_on(new: bool) -> None:
    """The numbers of a training that was saved in the middle are those of one that was not."""

    def parts() -> Any:
        net = pb.nn.Sequential(pb.nn.Linear(3, 4), pb.nn.Dropout(0.5), pb.nn.Linear(4, 1))
        optimizer = pb.optim.Adam(net.parameters(), lr=0.1)
        return net, optimizer, pb.optim.lr_scheduler.StepLR(optimizer, 2, 0.5)

    def steps(net: Any, optimizer: Any, scheduler: Any) -> list[float]:
        losses = []
        for _ in range(3):
            optimizer.zero_grad()
            loss = net(pb.rand(5, 3)).square().sum()
            loss.backward()
            optimizer.step()
            scheduler.step()
            losses.append(loss.item())
        return losses

    pb.manual_seed(0)
    first = parts()
    steps(*first)
    state = {str(n): each.state_dict() for n, each in enumerate(first)}
    file = saved(state | {"random": pb.get_rng_state()}, _use_new_zipfile_serialization=new)
    expected = steps(*first)
    found = loads(file)
    second = parts()
    for n, each in enumerate(second):
        each.load_state_dict(found[str(n)])
    pb.set_rng_state(found["random"])
    assert steps(*second) == expected


def test_a_module_as_a_whole() -> None:
    net = pb.nn.Sequential(pb.nn.Linear(2, 2), pb.nn.ReLU())
    file = saved(net)
    with pytest.raises(pickle.UnpicklingError, match=r"torch\.nn\.Sequential was not an allowed"):
        loads(file)
    found = loads(file, weights_only=False)
    x = pb.rand(3, 2)
    assert type(found) is pb.nn.Sequential
    assert bool((found(x) == net(x)).all())


def test_a_subclass_of_tensor() -> None:
    value = Marked._make_subclass(Marked, pb.ones(2))
    value.note = 3
    file = saved(value)
    with pytest.raises(pickle.UnpicklingError, match="was not an allowed global"):
        loads(file)
    with pb.serialization.safe_globals([Marked]):
        found = loads(file)
    assert type(found) is Marked
    assert found.note == 3


# Names that the user allows.


def test_allowed_names() -> None:
    file = saved([Point(pb.ones(1)), range(3)])
    full = f"{Point.__module__}.Point"
    unsafe = pb.serialization.get_unsafe_globals_in_checkpoint(io.BytesIO(file))
    assert unsafe == [full, "builtins.range"]
    with pytest.raises(pickle.UnpicklingError, match="Unsupported global"):
        loads(file)
    with pb.serialization.safe_globals([Point, (range, "builtins.range")]):
        point, numbers = loads(file)
        assert not pb.serialization.get_unsafe_globals_in_checkpoint(io.BytesIO(file))
    assert point.x.tolist() == [1.0]
    assert list(numbers) == [0, 1, 2]
    assert pb.serialization.get_safe_globals() == []
    pb.serialization.add_safe_globals([Point])
    pb.serialization.add_safe_globals([Point])
    assert pb.serialization.get_safe_globals() == [Point]
    pb.serialization.clear_safe_globals()
    assert pb.serialization.get_safe_globals() == []
    for wrong in ([3], [(Point,)], [(Point, 3)]):
        with pytest.raises(ValueError, match="safe_globals"):
            pb.serialization.add_safe_globals(wrong)


def test_some_modules_are_never_allowed() -> None:
    file = archive(call(name("os", "getcwd")))
    with (
        pb.serialization.safe_globals([(os.getcwd, "os.getcwd")]),
        pytest.raises(pickle.UnpicklingError, match="is blocked"),
    ):
        loads(file)


def test_code_runs_only_when_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = archive(pickle.dumps(Harm(), 2)[2:-1])
    with pytest.raises(pickle.UnpicklingError):
        loads(file)
    assert not os.path.exists("harm")
    loads(file, weights_only=False)
    assert os.path.exists("harm")


def test_what_decides_about_weights_only(monkeypatch: pytest.MonkeyPatch) -> None:
    file = saved(range(3))
    assert loads(file, pickle_module=pickle) == range(3)
    with pytest.raises(RuntimeError, match="explicit pickle_module"):
        loads(file, pickle_module=pickle, weights_only=True)
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    assert loads(file) == range(3)
    with pytest.raises(pickle.UnpicklingError):
        loads(file, weights_only=True)
    monkeypatch.setenv("TORCH_FORCE_WEIGHTS_ONLY_LOAD", "1")
    with pytest.raises(RuntimeError, match="Only one of"):
        loads(file)
    monkeypatch.delenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD")
    with pytest.raises(pickle.UnpicklingError):
        loads(file, weights_only=False)


def test_names_that_there_are_not() -> None:
    file = archive(name("torch.nn.modules.quantum", "Layer"))
    with pytest.raises(AttributeError, match=r"torch\.nn\.modules\.quantum\.Layer"):
        loads(file, weights_only=False)
    error = error_of(archive(tensor(storage(kind="QInt8Storage"))))
    assert "torch.QInt8Storage was not an allowed global" in str(error)
    error = error_of(archive(name("torch", "float8_e4m3fn")))
    assert isinstance(error, RuntimeError)
    assert "float8_e4m3fn" in str(error)


# Places.


def test_places() -> None:
    file = archive(tensor(storage(location="cuda:0")))
    with pytest.raises(RuntimeError, match=r"map_location=torch\.device"):
        loads(file)
    seen: list[Any] = []

    def here(memory: Any, place: str) -> Any:
        seen.append((type(memory), place))
        return memory

    for place in ("cpu", pb.device("cpu"), {"cuda:0": "cpu"}, here):
        assert loads(file, map_location=place).tolist() == [1.0, 2.0, 3.0]
    assert seen == [(pb.UntypedStorage, "cuda:0")]
    with pytest.raises(RuntimeError, match=r"map_location=torch\.device"):
        loads(file, map_location=lambda *_: None)
    with pytest.raises(RuntimeError, match=r"map_location=torch\.device"):
        loads(archive(tensor()), map_location="cuda")
    with pytest.raises(RuntimeError, match="don't know how to restore"):
        loads(archive(tensor()), map_location="nowhere")
    with pytest.raises(RuntimeError, match="not recognized: mps"):
        loads(archive(tensor(storage(location="mps"))))


def test_places_of_the_user() -> None:
    from pullback.serialization import _locations

    before = list(_locations._registry)
    try:
        pb.serialization.register_package(
            5,
            lambda memory: "here" if memory.nbytes() == 4 else None,
            lambda memory, place: memory if place == "here" else None,
        )
        assert pb.serialization.location_tag(pb.ones(1).untyped_storage()) == "here"
        assert pb.serialization.location_tag(pb.ones(2).untyped_storage()) == "cpu"
        file = saved(pb.ones(1))
        assert loads(file).tolist() == [1.0]
    finally:
        _locations._registry[:] = before
    with pytest.raises(RuntimeError, match="tagged with here"):
        loads(file)


@pytest.mark.parametrize("weights_only", [True, False])
@pytest.mark.parametrize("value", [3, 12345, [1], None])
def test_a_pickle_of_something_else_is_no_checkpoint(value: Any, weights_only: bool) -> None:
    """PyTorch raises a RuntimeError, or an UnpicklingError where it does not read the protocol."""
    for kind in (RuntimeError, pickle.UnpicklingError):
        for protocol in (2, 4):
            file = io.BytesIO(pickle.dumps(value, protocol))
            with pytest.raises(kind, match="no checkpoint"):
                pb.load(file, weights_only=weights_only)
