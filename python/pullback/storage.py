"""The memory of tensors as objects: ``UntypedStorage``, ``TypedStorage`` and its typed names.

A storage holds a tensor of bytes over the memory that it stands for, so it counts the same versions
and keeps that memory alive. It has the size it was made with: memory is never moved.
"""

from __future__ import annotations

import functools
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import pullback as pb
from pullback import _arguments, _core, _element_types
from pullback import _storage_checks as checks

__all__ = ["TypedStorage", "UntypedStorage", "is_storage"]

_DEPRECATED = (
    "TypedStorage is deprecated. It will be removed in the future and UntypedStorage will be the "
    "only storage class. This should only matter to you if you are using storages directly.  To "
    "access UntypedStorage directly, use tensor.untyped_storage() instead of tensor.storage()"
)


class _Storage:
    """What both kinds have in common: the memory, and the questions about the device."""

    _memory: Any
    is_cuda = False
    is_hpu = False
    is_sparse = False

    @property
    def device(self) -> Any:
        """The CPU."""
        return self._memory.device

    def get_device(self) -> int:
        """Always -1, which stands for the CPU."""
        return -1

    def data_ptr(self) -> int:
        """The address of the first byte."""
        return int(self._memory.data_ptr())

    def nbytes(self) -> int:
        """The number of bytes."""
        return int(self._memory.numel())

    def untyped(self) -> UntypedStorage:
        """The same memory as bytes."""
        return _untyped(self._memory)

    def cpu(self) -> Any:
        """The storage itself."""
        return self

    def to(self, *, device: Any, non_blocking: bool = False) -> Any:
        """The storage itself: there is one device."""
        del non_blocking
        if pb.device(device).type != "cpu":
            raise RuntimeError(
                f"{type(self).__name__}.to: got device={device!r}, expected 'cpu': pullback runs "
                "on the CPU only."
            )
        return self

    def cuda(self, device: Any = None, non_blocking: bool = False) -> Any:
        """Refuses, with torch's words: there is no GPU."""
        del device, non_blocking
        raise AssertionError("Torch not compiled with CUDA enabled: pullback runs on the CPU only.")

    def is_shared(self) -> bool:
        """Whether other processes can see the memory."""
        return bool(checks.shared_memory().is_shared(self._memory))

    def share_memory_(self) -> Any:
        """Moves the memory to where other processes see it.

        Raises:
            RuntimeError: tensors have the same memory, which cannot be moved under them.
        """
        if not self.is_shared():
            if not _core._is_sole_user(self._memory):
                raise RuntimeError(
                    f"{type(self).__name__}.share_memory_: got a storage whose memory tensors "
                    "have, too, expected one that has it alone: memory cannot be moved under them. "
                    "Use tensor.share_memory_() before others are made of the tensor."
                )
            self._memory = checks.shared_memory().copied(self._memory)
        return self

    def is_pinned(self, device: Any = "cuda") -> bool:
        """Always False: there is no device to pin memory for."""
        del device
        return False

    def pin_memory(self, device: Any = "cuda") -> Any:
        """Refuses: there is no device to pin it for."""
        del device
        raise RuntimeError("Cannot access accelerator device when none is available.")

    def resizable(self) -> bool:
        """Always False: memory is never moved."""
        return False

    def _check_size(self, count: int, size: int) -> None:
        if count != size:
            raise RuntimeError(
                f"Trying to resize storage that is not resizable. It has {size} elements, got "
                f"{count}: use tensor.resize_(...)."
            )


class UntypedStorage(_Storage):
    """Memory as bytes.

    Args:
        size: the number of bytes, or a sequence of them.

    Example:
        >>> import pullback as pb
        >>> x = pb.tensor([1, 2], dtype=pb.uint8)
        >>> storage = x.untyped_storage()
        >>> storage.nbytes(), storage.tolist()
        (2, [1, 2])
        >>> storage[0] = 7
        >>> x
        tensor([7, 2], dtype=torch.uint8)
    """

    def __init__(self, size: Any = 0, *, device: Any = None) -> None:
        """So many bytes, not initialised, or those of a sequence."""
        self._memory = checks.filled("UntypedStorage", "size", size, pb.uint8, device)

    @classmethod
    def from_buffer(
        cls,
        buffer: Any,
        byte_order: str | None = None,
        count: int = -1,
        offset: int = 0,
        *,
        dtype: Any,
    ) -> UntypedStorage:
        """A copy of the bytes of a buffer that holds elements of ``dtype``."""
        checks.expect_layout(dtype, byte_order)
        size = dtype.itemsize
        view = memoryview(buffer).cast("B")
        if not 0 <= offset <= len(view):
            raise ValueError(
                f"offset must be non-negative and no greater than buffer length ({len(view)}), "
                f"but got {offset}"
            )
        rest = len(view) - offset
        if count < 0 and rest % size:
            raise ValueError(
                f"buffer size ({len(view)}) must be a multiple of element size ({size})"
            )
        count = rest // size if count < 0 else count
        if count * size > rest:
            raise ValueError(f"buffer has only {rest // size} elements after offset {offset}")
        made = cls(count * size)
        memoryview(made._memory)[:] = view[offset : offset + count * size]
        if byte_order not in (None, "native", sys.byteorder):
            made.byteswap(dtype)
        return made

    @classmethod
    def from_file(cls, filename: Any, shared: bool = False, nbytes: int = 0) -> UntypedStorage:
        """The bytes of a file as memory; ``shared`` writes what is written to it into the file."""
        import mmap
        import os

        with open(filename, "r+b" if shared else "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if nbytes > size and shared:
                file.truncate(nbytes)
            elif nbytes > size:
                raise RuntimeError(
                    f"from_file: {filename!r} has {size} bytes, {nbytes} are wanted; only "
                    "shared=True makes it longer."
                )
            if nbytes == 0:
                return cls(0)
            access = mmap.ACCESS_WRITE if shared else mmap.ACCESS_COPY
            return _untyped(_core._from_buffer(mmap.mmap(file.fileno(), nbytes, access=access)))

    @classmethod
    def _new_shared(cls, size: int, *, device: Any = "cpu") -> UntypedStorage:
        """So many bytes that other processes can see, zeros."""
        del device
        return _untyped(checks.shared_memory().allocate(size))

    def size(self) -> int:
        """The number of bytes."""
        return self.nbytes()

    def element_size(self) -> int:
        """Always 1."""
        return 1

    def type(self, dtype: Any = None, non_blocking: bool = False) -> Any:
        """The name of the class; there are no other types to change to."""
        del non_blocking
        if dtype is not None and dtype is not UntypedStorage:
            raise RuntimeError(
                f"UntypedStorage.type: got {dtype!r}, expected nothing. Use "
                "TypedStorage(wrap_storage=..., dtype=...)."
            )
        return "torch.storage.UntypedStorage" if dtype is None else self

    def clone(self) -> UntypedStorage:
        """A copy."""
        return _untyped(self._memory.clone())

    def copy_(self, source: Any, non_blocking: bool = False) -> UntypedStorage:
        """Overwrites the bytes with those of another storage of this size."""
        del non_blocking
        checks.expect_storage(source, "copy_")
        self._check_size(source.nbytes(), self.nbytes())
        self._memory.copy_(source._memory)
        return self

    def fill_(self, value: int) -> UntypedStorage:
        """Overwrites every byte."""
        checks.expect_byte(value, "fill_")
        self._memory.fill_(value)
        return self

    def new(self) -> UntypedStorage:
        """An empty storage."""
        return UntypedStorage(0)

    def resize_(self, size: int) -> UntypedStorage:
        """The storage itself if it has that size; memory is never moved."""
        checks.expect_byte(size, "resize_")
        self._check_size(size, self.nbytes())
        return self

    def tolist(self) -> list[int]:
        """The bytes as numbers."""
        return list(memoryview(self._memory))

    def byteswap(self, dtype: Any) -> None:
        """Turns the bytes of every element round; those of complex elements in their halves."""
        checks.expect_elements(dtype, self.nbytes())
        size = dtype.itemsize // (2 if dtype.is_complex else 1)
        memory = memoryview(self._memory)
        for low in range(size // 2):
            high = size - 1 - low
            lower = bytes(memory[low::size])
            memory[low::size] = memory[high::size]
            memory[high::size] = lower
        _core._raise_version(self._memory)

    def __len__(self) -> int:
        return self.nbytes()

    def __iter__(self) -> Iterator[int]:
        return iter(self.tolist())

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            checks.expect_whole(index)
            return _untyped(_over(self._memory[index], pb.uint8))
        checks.expect_place(index, self.nbytes())
        return memoryview(self._memory)[index]

    def __setitem__(self, index: Any, value: int) -> None:
        checks.expect_byte(value, "x[i] = value")
        if isinstance(index, slice):
            checks.expect_whole(index)
        else:
            checks.expect_target(index, self.nbytes())
        self._memory[index] = value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, UntypedStorage):
            return NotImplemented
        return self is other or (
            self.nbytes() == other.nbytes() > 0 and self.data_ptr() == other.data_ptr()
        )

    def __hash__(self) -> int:
        return hash((self.data_ptr(), self.nbytes()))

    def __repr__(self) -> str:
        lines = "".join(f" {byte}\n" for byte in self.tolist())
        return (
            f"{lines}[torch.storage.UntypedStorage(device={self.device}) of size {self.nbytes()}]"
        )

    def __copy__(self) -> UntypedStorage:
        return self.clone()

    def __deepcopy__(self, memo: dict[Any, Any]) -> UntypedStorage:
        from pullback._copies import _copied_memory

        return _untyped(_copied_memory(self._memory, memo))

    def __reduce__(self) -> Any:
        return _loaded, (bytes(memoryview(self._memory)), None)


class TypedStorage(_Storage):
    """Memory as elements of a dtype.

    Args:
        data: the number of elements, or a sequence of them.
        wrap_storage: the storage whose memory it shows instead.
        dtype: the dtype; the default one when it is left out.

    Example:
        >>> import pullback as pb
        >>> pb.IntStorage([1, 2]).tolist()
        [1, 2]
        >>> x = pb.zeros(2)
        >>> storage = pb.TypedStorage(wrap_storage=x.untyped_storage(), dtype=x.dtype)
        >>> storage[1] = 3
        >>> x
        tensor([0., 3.])
    """

    def __init__(
        self,
        data: Any = 0,
        *,
        wrap_storage: UntypedStorage | None = None,
        dtype: Any = None,
        device: Any = None,
        _internal: bool = False,
    ) -> None:
        """So many elements, those of a sequence, or a storage as elements."""
        _arguments.bools("TypedStorage", _internal=_internal)
        self.dtype = pb.get_default_dtype() if dtype is None else dtype
        if not isinstance(self.dtype, pb.dtype):
            _arguments.refuse("TypedStorage", "dtype", "torch.dtype", self.dtype)
        if wrap_storage is None:
            made = checks.filled("TypedStorage", "data", data, self.dtype, device)
            self._memory = _core._memory(made)
        elif isinstance(wrap_storage, UntypedStorage):
            self._memory = wrap_storage._memory
        else:
            _arguments.refuse("TypedStorage", "wrap_storage", "UntypedStorage", wrap_storage)

    @property
    def _elements(self) -> Any:
        return _over(self._memory, self.dtype)

    @property
    def _untyped_storage(self) -> UntypedStorage:
        return self.untyped()

    def size(self) -> int:
        """The number of elements."""
        return self.nbytes() // self.element_size()

    def element_size(self) -> int:
        """Bytes of one element."""
        return int(self.dtype.itemsize)

    def type(self, dtype: Any = None, non_blocking: bool = False) -> Any:
        """Torch's name of the typed storage, or the elements converted to a dtype."""
        del non_blocking
        if dtype is None:
            return f"torch.{self.pickle_storage_type()}"
        return self._converted(dtype)

    def pickle_storage_type(self) -> str:
        """``"FloatStorage"``: the name by which files call it."""
        name = _element_types.name_of(self.dtype)
        if name not in _element_types.STORAGE_OF_DTYPE:
            raise KeyError(f"dtype {self.dtype} is not recognized")
        return _element_types.STORAGE_OF_DTYPE[name]

    def clone(self) -> TypedStorage:
        """A copy."""
        return _typed(self._memory.clone(), self.dtype)

    def copy_(self, source: Any, non_blocking: bool = False) -> TypedStorage:
        """Overwrites the elements with those of another storage of this dtype and size."""
        del non_blocking
        checks.expect_storage(source, "copy_")
        if isinstance(source, TypedStorage) and source.dtype != self.dtype:
            raise RuntimeError(
                f"copy_: got a storage of {source.dtype}, expected {self.dtype}. Use "
                "source.type(dtype)."
            )
        self._check_size(source.nbytes(), self.nbytes())
        self._memory.copy_(source._memory)
        return self

    def fill_(self, value: Any) -> TypedStorage:
        """Overwrites every element."""
        self._elements.fill_(value)
        return self

    def resize_(self, size: int) -> TypedStorage:
        """The storage itself if it has that size; memory is never moved."""
        self._check_size(size, self.size())
        return self

    def tolist(self) -> list[Any]:
        """The elements as numbers."""
        found: list[Any] = self._elements.tolist()
        return found

    @classmethod
    def from_buffer(cls, *args: Any, dtype: Any, **kwargs: Any) -> TypedStorage:
        """A copy of the elements in a buffer; see ``UntypedStorage.from_buffer``."""
        made = UntypedStorage.from_buffer(*args, dtype=dtype, **kwargs)
        return _typed(made._memory, dtype)

    def _converted(self, dtype: Any) -> TypedStorage:
        converted = self._elements.to(dtype, copy=True)
        return _typed(_core._memory(converted), dtype)

    def __len__(self) -> Any:
        return self.size()

    def __iter__(self) -> Iterator[Any]:
        return iter(self.tolist())

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            raise RuntimeError("slices are only supported in UntypedStorage.__getitem__")
        checks.expect_element(index)
        return self._elements[index].item()

    def __setitem__(self, index: Any, value: Any) -> None:
        if not isinstance(index, slice):
            checks.expect_element(index)
        self._elements[index] = value

    def __repr__(self) -> str:
        lines = "".join(f" {number}\n" for number in self.tolist()) or " \n"
        return (
            f"{lines}[torch.storage.TypedStorage(dtype={self.dtype}, device={self.device}) of "
            f"size {self.size()}]"
        )

    def __copy__(self) -> TypedStorage:
        return self.clone()

    def __deepcopy__(self, memo: dict[Any, Any]) -> TypedStorage:
        from pullback._copies import _copied_memory

        return _typed(_copied_memory(self._memory, memo), self.dtype)

    def __reduce__(self) -> Any:
        return _loaded, (bytes(memoryview(self._memory)), _element_types.name_of(self.dtype))


def is_storage(obj: Any, /) -> bool:
    """Whether the object is a storage.

    Example:
        >>> import pullback as pb
        >>> pb.is_storage(pb.ones(2).untyped_storage()), pb.is_storage(pb.ones(2))
        (True, False)
    """
    return isinstance(obj, _Storage)


def _conversion(method: str, name: str) -> Any:
    """The method of ``TypedStorage`` that converts to a dtype."""

    def convert(self: TypedStorage) -> TypedStorage:
        dtype = _element_types.dtype_named(name)
        if dtype is None:
            raise RuntimeError(f"{method}: there is no {name}.")
        return self._converted(dtype)

    convert.__name__, convert.__qualname__ = method, f"TypedStorage.{method}"
    convert.__doc__ = f"The elements as {name}."
    return convert


for _method, _name in {
    "bfloat16": "bfloat16",
    "bool": "bool",
    "byte": "uint8",
    "char": "int8",
    "complex_double": "complex128",
    "complex_float": "complex64",
    "double": "float64",
    "float": "float32",
    "half": "float16",
    "int": "int32",
    "long": "int64",
    "short": "int16",
}.items():
    setattr(TypedStorage, _method, _conversion(_method, _name))


class _OfDtype(type):
    """The class of ``FloatStorage`` and kin: what they make are ``TypedStorage``."""

    dtype: Any

    def __call__(cls, *args: Any, wrap_storage: Any = None, **kwargs: Any) -> Any:
        if "dtype" in kwargs:
            raise RuntimeError(
                f"{cls.__name__}.__new__() got an unexpected keyword argument 'dtype'"
            )
        if len(args) > 1:
            raise TypeError(
                f"{cls.__name__}: got {len(args)} arguments, expected at most 1: a size or a "
                "sequence."
            )
        return TypedStorage(*args, wrap_storage=wrap_storage, dtype=cls.dtype, **kwargs)

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, TypedStorage) and instance.dtype == cls.dtype

    def from_buffer(cls, *args: Any, **kwargs: Any) -> TypedStorage:
        return TypedStorage.from_buffer(*args, dtype=cls.dtype, **kwargs)


_classes: dict[str, _OfDtype] = {}


def __getattr__(name: str) -> Any:
    """``FloatStorage`` and kin, for the dtypes that there are."""
    if name in _classes:
        return _classes[name]
    dtype = (
        _element_types.dtype_named(_element_types.DTYPE_OF_STORAGE[name])
        if name in _element_types.DTYPE_OF_STORAGE
        else None
    )
    if dtype is None:
        wanted = _element_types.DTYPE_OF_STORAGE.get(name)
        reason = f": there is no dtype {wanted}" if wanted else ""
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}{reason}")
    doc = f"Memory as elements of {dtype}: makes a ``TypedStorage``."
    made = _OfDtype(name, (), {"dtype": dtype, "__doc__": doc, "__module__": "pullback.storage"})
    return _classes.setdefault(name, made)


def _over(memory: Any, dtype: Any) -> Any:
    """The whole elements in the memory."""
    return _core._over(memory, dtype, 0, (memory.numel() // dtype.itemsize,), (1,))


def _untyped(memory: Any) -> UntypedStorage:
    """The storage over a tensor of bytes."""
    made = UntypedStorage.__new__(UntypedStorage)
    made._memory = memory
    return made


def _typed(memory: Any, dtype: Any) -> TypedStorage:
    made = TypedStorage.__new__(TypedStorage)
    made._memory = memory
    made.dtype = dtype
    return made


def _loaded(data: bytes, dtype: str | None) -> Any:
    """The storage of a pickle; an untyped one has no dtype."""
    made = UntypedStorage(len(data))
    memoryview(made._memory)[:] = data
    return made if dtype is None else _typed(made._memory, _element_types.dtype_named(dtype))


@functools.cache
def _warn_of_typed() -> None:
    warnings.warn(_DEPRECATED, UserWarning, stacklevel=4)


def _storage_of(tensor: Any) -> TypedStorage:
    """``Tensor.storage``, which warns once."""
    _warn_of_typed()
    return _typed(_core._memory(tensor), tensor.dtype)


def _source_of(storage: Any, dtype: Any) -> Any:
    """The tensor that ``set_`` gets for a storage."""
    if isinstance(storage, TypedStorage) and storage.dtype != dtype:
        raise RuntimeError(
            f"Expected a Storage of type {_element_types.name_of(dtype)} or an UntypedStorage, but "
            f"got type {_element_types.name_of(storage.dtype)} for argument 1 'storage'"
        )
    return _over(storage._memory, dtype)
