"""There is no GPU: what scripts ask before they would use one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from pullback import OutOfMemoryError, _arguments
from pullback import _nvtx as nvtx

__all__ = [
    "BFloat16Tensor",
    "BoolTensor",
    "ByteTensor",
    "CUDAGraph",
    "CharTensor",
    "DoubleTensor",
    "Event",
    "ExternalStream",
    "FloatTensor",
    "HalfTensor",
    "IntTensor",
    "LongTensor",
    "MemPool",
    "OutOfMemoryError",
    "ShortTensor",
    "Stream",
    "caching_allocator_alloc",
    "caching_allocator_delete",
    "can_device_access_peer",
    "change_current_allocator",
    "clock_rate",
    "cudart",
    "current_blas_handle",
    "current_device",
    "current_stream",
    "default_generators",
    "default_stream",
    "device",
    "device_count",
    "device_of",
    "empty_cache",
    "get_allocator_backend",
    "get_arch_list",
    "get_device_capability",
    "get_device_name",
    "get_device_properties",
    "get_gencode_flags",
    "get_per_process_memory_fraction",
    "get_rng_state",
    "get_rng_state_all",
    "get_sync_debug_mode",
    "graph_pool_handle",
    "has_half",
    "has_magma",
    "init",
    "initial_seed",
    "ipc_collect",
    "is_available",
    "is_bf16_supported",
    "is_current_stream_capturing",
    "is_initialized",
    "is_tf32_supported",
    "list_gpu_processes",
    "make_graphed_callables",
    "manual_seed",
    "manual_seed_all",
    "max_memory_allocated",
    "max_memory_cached",
    "max_memory_reserved",
    "mem_get_info",
    "memory_allocated",
    "memory_cached",
    "memory_reserved",
    "memory_snapshot",
    "memory_stats",
    "memory_stats_as_nested_dict",
    "memory_summary",
    "memory_usage",
    "nvtx",
    "power_draw",
    "reset_accumulated_memory_stats",
    "reset_max_memory_allocated",
    "reset_max_memory_cached",
    "reset_peak_memory_stats",
    "seed",
    "seed_all",
    "set_device",
    "set_per_process_memory_fraction",
    "set_rng_state",
    "set_rng_state_all",
    "set_stream",
    "set_sync_debug_mode",
    "stream",
    "synchronize",
    "temperature",
    "utilization",
]


def is_available() -> bool:
    """Always False.

    Example:
        >>> import pullback as pb
        >>> "cuda" if pb.cuda.is_available() else "cpu"
        'cpu'
    """
    return False


def device_count() -> int:
    """Always 0."""
    return 0


def manual_seed(seed: int) -> None:
    """Nothing to seed; ``pullback.manual_seed`` is the one that counts."""
    _arguments.numbers("manual_seed", seed=seed)


manual_seed_all = manual_seed


def empty_cache() -> None:
    """Nothing to empty; ``pullback.memory.empty_cache`` is the one of the CPU."""


def is_initialized() -> bool:
    """Always False."""
    return False


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """Always False."""
    del including_emulation
    return False


def memory_allocated(device: Any = None) -> int:
    """Always 0: nothing lies on a GPU."""
    del device
    return 0


max_memory_allocated = max_memory_reserved = memory_reserved = memory_allocated
max_memory_cached = memory_cached = memory_allocated
default_generators: tuple[Any, ...] = ()
has_half = True
has_magma = False


def memory_stats(device: Any = None) -> dict[str, Any]:
    """Always empty."""
    del device
    return {}


memory_stats_as_nested_dict = memory_stats


def is_tf32_supported() -> bool:
    """Always False."""
    return False


def get_gencode_flags() -> str:
    """Always empty."""
    return ""


def get_arch_list() -> list[str]:
    """Always empty."""
    return []


def get_rng_state_all() -> list[Any]:
    """Always empty: the generator of the CPU is ``pullback.default_generator``."""
    return []


def set_rng_state_all(new_states: Any) -> None:
    """Takes the empty list that ``get_rng_state_all`` gives."""
    if list(new_states):
        _refuse()


def seed() -> None:
    """Nothing to seed."""


seed_all = seed


@contextmanager
def stream(stream: Any) -> Iterator[None]:
    """A context without effect, for None; there are no streams."""
    if stream is not None:
        _refuse()
    yield


@contextmanager
def device_of(obj: Any) -> Iterator[None]:
    """A context without effect: every tensor is on the CPU."""
    del obj
    yield


class device:
    """A context for a GPU; with None or -1 it has no effect."""

    def __init__(self, device: Any) -> None:
        self.idx = device

    def __enter__(self) -> None:
        """Raises unless no device was named."""
        if self.idx not in (None, -1):
            _refuse()

    def __exit__(self, *error: object) -> None:
        """Nothing to put back."""


def _refuse(*_: Any, **__: Any) -> Any:
    raise AssertionError("Torch not compiled with CUDA enabled: pullback runs on the CPU only.")


current_device = current_stream = default_stream = get_device_capability = _refuse
get_device_name = get_device_properties = get_rng_state = init = initial_seed = _refuse
ipc_collect = mem_get_info = reset_peak_memory_stats = set_device = synchronize = _refuse
caching_allocator_alloc = caching_allocator_delete = can_device_access_peer = _refuse
change_current_allocator = clock_rate = cudart = current_blas_handle = _refuse
get_allocator_backend = get_per_process_memory_fraction = get_sync_debug_mode = _refuse
graph_pool_handle = is_current_stream_capturing = list_gpu_processes = _refuse
make_graphed_callables = memory_snapshot = memory_summary = memory_usage = power_draw = _refuse
reset_accumulated_memory_stats = reset_max_memory_allocated = reset_max_memory_cached = _refuse
set_per_process_memory_fraction = set_rng_state = set_stream = set_sync_debug_mode = _refuse
temperature = utilization = _refuse


class _Absent:
    """What lies on a GPU: its type can be named and asked for, and none can be made."""

    def __init__(self, *_: Any, **__: Any) -> None:
        _refuse()


class CUDAGraph(_Absent):
    """A recorded sequence of kernels."""


class Event(_Absent):
    """A mark in a stream."""


class MemPool(_Absent):
    """A pool of memory."""


class Stream(_Absent):
    """A queue of kernels."""


class ExternalStream(Stream):
    """A queue of another library."""


class _Type(type):
    """Of the types of tensors on a GPU, of which there are none."""

    def __instancecheck__(cls, instance: object) -> bool:
        return False

    def __call__(cls, *_: Any, **__: Any) -> Any:
        raise TypeError(
            f"type torch.cuda.{cls.__name__} not available. Torch not compiled with CUDA enabled."
        )


BFloat16Tensor = _Type("BFloat16Tensor", (), {"__module__": "torch.cuda"})
BoolTensor = _Type("BoolTensor", (), {"__module__": "torch.cuda"})
ByteTensor = _Type("ByteTensor", (), {"__module__": "torch.cuda"})
CharTensor = _Type("CharTensor", (), {"__module__": "torch.cuda"})
DoubleTensor = _Type("DoubleTensor", (), {"__module__": "torch.cuda"})
FloatTensor = _Type("FloatTensor", (), {"__module__": "torch.cuda"})
HalfTensor = _Type("HalfTensor", (), {"__module__": "torch.cuda"})
IntTensor = _Type("IntTensor", (), {"__module__": "torch.cuda"})
LongTensor = _Type("LongTensor", (), {"__module__": "torch.cuda"})
ShortTensor = _Type("ShortTensor", (), {"__module__": "torch.cuda"})


def __getattr__(name: str) -> Any:
    if name == "amp":
        return import_module("pullback.amp._cuda")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
