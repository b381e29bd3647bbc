"""Storages of tensors beside PyTorch's: what they say, what they share, what they refuse."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any

import pytest

import pullback as pb

torch = pytest.importorskip("torch")

# Each is evaluated with x, a tensor of four floats; s and u, its storages; lib, the library.
SAME = [
    "s",
    "u",
    "s.type()",
    "u.type()",
    "isinstance(s, lib.FloatStorage)",
    "isinstance(s, lib.DoubleStorage)",
    "isinstance(u, lib.FloatStorage)",
    "isinstance(lib.FloatStorage(2), lib.TypedStorage)",
    "lib.FloatStorage(3).size()",
    "lib.FloatStorage([1, 2])",
    "lib.FloatStorage()",
    "lib.LongStorage([1, 2]).tolist()",
    "lib.BoolStorage([True, False])",
    "lib.DoubleStorage.dtype",
    "len(u)",
    "len(s)",
    "list(s)",
    "list(u)[:8]",
    "s[1]",
    "u[7]",
    "s[-1]",
    "s[1:3]",
    "u[4:8]",
    "u[0:8:2]",
    "s[9]",
    "u[99]",
    "s.tolist()",
    "u.tolist()",
    "s.nbytes()",
    "u.nbytes()",
    "s.size()",
    "u.size()",
    "s.element_size()",
    "u.element_size()",
    "s.dtype",
    "str(u.device)",
    "str(s.device)",
    "s.data_ptr() == x.data_ptr()",
    "u.data_ptr() == x.data_ptr()",
    "u == x.untyped_storage()",
    "u == u.clone()",
    "u.clone().tolist()",
    "s.clone()",
    "x.storage() == x.storage()",
    "x[2:].untyped_storage() == u",
    "x[2:].storage().tolist()",
    "x.is_shared()",
    "x.is_pinned()",
    "u.is_shared()",
    "u.is_pinned()",
    "s.is_pinned()",
    "u.pin_memory()",
    "x.is_set_to(x.view(4))",
    "x.is_set_to(x.view(2, 2))",
    "x.is_set_to(x[:3])",
    "x.is_set_to(x.clone())",
    "x.is_set_to(3)",
    "lib.is_storage(u)",
    "lib.is_storage(s)",
    "lib.is_storage(x)",
    "lib.tensor([]).set_(s)",
    "lib.tensor([]).set_(u)",
    "lib.tensor([]).set_(x)",
    "lib.tensor([1.0]).set_()",
    "lib.tensor([], dtype=lib.float64).set_(s)",
    "lib.tensor([], dtype=lib.int32).set_(u)",
    "lib.tensor([]).set_(u, 1, (2,), (1,))",
    "lib.tensor([]).set_(s, 1, (2,), (1,))",
    "lib.tensor([]).set_(u, storage_offset=1, size=(2,), stride=(1,))",
    "lib.tensor([]).set_(source=u)",
    "lib.tensor([]).set_(u, 2, (2, 2), (0, 1))",
    "s.double()",
    "s.int()",
    "s.bool()",
    "s.float().data_ptr() == s.data_ptr()",
    "[getattr(s, name)().type() for name in ('double', 'float', 'int', 'long', 'byte', 'bool')]",
    "s.pickle_storage_type()",
    "s.untyped() == u",
    "u.untyped() == u",
    "u.cpu() is u",
    "u.is_cuda",
    "s.is_sparse",
    "lib.UntypedStorage([1, 2])",
    "lib.UntypedStorage(3).nbytes()",
    "lib.UntypedStorage(-1)",
    "lib.TypedStorage([1, 2], dtype=lib.int32)",
    "lib.TypedStorage([1, 2])",
    "lib.TypedStorage(wrap_storage=u, dtype=lib.int32).tolist()",
    "lib.TypedStorage(wrap_storage=u, dtype='x')",
    "lib.TypedStorage(wrap_storage=3, dtype=lib.int32)",
    "lib.FloatStorage(wrap_storage=u)",
    "lib.FloatStorage(2, dtype=lib.int32)",
    "lib.FloatStorage.from_buffer(b'\\0\\0\\x80\\x3f' * 2, 'native')",
    "lib.FloatStorage.from_buffer(b'\\x3f\\x80\\0\\0' * 2, 'big')",
    "lib.FloatStorage.from_buffer(b'\\0\\0\\x80\\x3f' * 3, 'little', 1, 4)",
    "lib.FloatStorage.from_buffer(b'\\0\\0\\x80', 'little')",
    "lib.FloatStorage.from_buffer(b'\\0\\0\\x80\\x3f', 'little', 2)",
    "lib.FloatStorage.from_buffer(b'\\0\\0\\x80\\x3f', 'little', 1, 9)",
    "lib.FloatStorage.from_buffer(b'\\0\\0\\x80\\x3f', 'upside down')",
    "lib.UntypedStorage.from_buffer(b'abcd', dtype=lib.uint8)",
    "s.foo",
    "u.foo",
    "s['a']",
    "s[None]",
    "s[True]",
    "s[1.0]",
    "s[(1,)]",
    "s[lib.tensor(1)]",
    "u[True]",
    "u[lib.tensor(1)]",
    "u.byteswap(None)",
    "u.byteswap('a')",
    "u[:6].byteswap(lib.float32)",
    "lib.FloatStorage(lib.ones(2))",
    "lib.FloatStorage({1})",
    "lib.FloatStorage((1, 2))",
]
# What changes them: the statement, and all of the memory after it.
CHANGES = [
    "s[0] = 7",
    "u[0] = 7",
    "u[4:8] = 1",
    "u[-1] = 1",
    "u[-16] = 1",
    "u[16] = 1",
    "u[True] = 1",
    "u[0:8:2] = 1",
    "u[5:3] = 1",
    "u[4:99] = 1",
    "s[-1] = 7",
    "s[4] = 7",
    "s[None] = 7",
    "s[[1]] = 7",
    "s[(1,)] = 7",
    "s[0:2] = 7",
    "s.fill_(3)",
    "u.fill_(3)",
    "s.copy_(lib.FloatStorage([4, 3, 2, 1]))",
    "u.copy_(lib.UntypedStorage([1] * 16))",
    "u.byteswap(lib.float32)",
    "u.byteswap(lib.float64)",
    "u.byteswap(lib.uint8)",
    "lib.tensor([]).set_(u)[1:].fill_(5)",
    "lib.tensor([]).set_(s, 2, (2,), (1,)).fill_(5)",
    "lib.TypedStorage(wrap_storage=u, dtype=lib.int32)[0] = 1",
    "copy.deepcopy([x, s])[0].fill_(9)",
    "u.resize_(16)",
    "s.resize_(4)",
    "u.fill_(1); lib.UntypedStorage([1, 2]).share_memory_().fill_(3)",
]


def names(lib: Any) -> dict[str, Any]:
    x = lib.arange(4.0)
    return {"lib": lib, "x": x, "s": x.storage(), "u": x.untyped_storage(), "copy": copy}


def outcome(lib: Any, text: str, change: bool) -> Any:
    values = names(lib)
    try:
        if change:
            exec(text, values)
            return values["x"].tolist(), values["u"].tolist()
        found = eval(text, values)
    except Exception as error:  # noqa: BLE001 - its type is compared
        return type(error)
    return repr(found)


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize("text", SAME)
def test_what_storages_say(text: str) -> None:
    assert outcome(pb, text, False) == outcome(torch, text, False)


@pytest.mark.parametrize("text", CHANGES)
def test_what_changes_storages(text: str) -> None:
    assert outcome(pb, text, True) == outcome(torch, text, True)


def test_copies_and_pickles() -> None:
    for lib in (pb, torch):
        x = lib.arange(4.0)
        copied = copy.deepcopy({"x": x, "part": x[1:], "u": x.untyped_storage()})
        assert copied["u"].data_ptr() == copied["x"].data_ptr()
        assert copied["u"].data_ptr() != x.data_ptr()
        # torch cannot read the pickle of an untyped storage that it wrote.
        for storage in (x.storage(), *([x.untyped_storage()] if lib is pb else [])):
            made = pickle.loads(pickle.dumps(storage))
            assert made.tolist() == storage.tolist()
            assert made.data_ptr() != storage.data_ptr()


def test_a_write_into_a_storage_counts_as_a_write() -> None:
    """Other than in torch, where what was saved is then wrong without a word."""
    x = pb.ones(2, requires_grad=True)
    y = x * 2
    z = y * y
    y.detach().untyped_storage().fill_(0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.sum().backward()


def test_files_as_memory(tmp_path: Any) -> None:
    path = tmp_path / "numbers"
    path.write_bytes(bytes(range(16)))
    found = [lib.UntypedStorage.from_file(str(path), False, 16).tolist() for lib in (pb, torch)]
    assert found[0] == found[1] == list(range(16))
    private = pb.UntypedStorage.from_file(path, False, 16)
    private[0] = 9
    shared = pb.UntypedStorage.from_file(path, True, 20)
    shared[1] = 9
    assert list(path.read_bytes()) == [0, 9, *range(2, 16), 0, 0, 0, 0]
    with pytest.raises(RuntimeError, match="has 20 bytes"):
        pb.UntypedStorage.from_file(path, False, 21)


def test_the_warning_is_given_once() -> None:
    from pullback import storage

    storage._warn_of_typed.cache_clear()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        pb.ones(1).storage()
        pb.ones(1).storage()
    (warning,) = caught
    assert "TypedStorage is deprecated" in str(warning.message)
    assert warning.filename == __file__


def test_what_is_refused_here_alone() -> None:
    s = pb.FloatStorage([1.0, 2.0])
    with pytest.raises(RuntimeError, match=r"got a storage of torch\.int32"):
        s.copy_(pb.IntStorage([1, 2]))
    with pytest.raises(TypeError, match="size"):
        pb.UntypedStorage("x")
    with pytest.raises(RuntimeError, match="not resizable"):
        s.resize_(3)
    with pytest.raises(AssertionError, match="CUDA"):
        s.cuda()
    with pytest.raises(RuntimeError, match="CPU only"):
        pb.UntypedStorage(1, device="cuda")
