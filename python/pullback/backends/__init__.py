"""The libraries that PyTorch could use, and whether they are here: none of them is.

Their switches (``cudnn.benchmark = True``) can be set and read, and change nothing.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "cuda",
    "cudnn",
    "cusparselt",
    "kleidiai",
    "mha",
    "miopen",
    "mkl",
    "mkldnn",
    "mps",
    "nnpack",
    "openmp",
    "opt_einsum",
    "quantized",
]


def _nowhere() -> bool:
    """Always False."""
    return False


def _backend(name: str, **switches: Any) -> Any:
    full = f"{__name__}.{name}"
    module = ModuleType(full, f"Switches of {name}, which is not used here.")
    vars(module).update(is_available=_nowhere, **switches)
    sys.modules[full] = module
    return module


def _accepts(tensor: Any) -> bool:
    """Always False, of any tensor."""
    del tensor
    return False


def _ignore(enabled: bool) -> None:
    """A switch without effect."""
    del enabled


def _set_flags(enabled: bool) -> tuple[bool]:
    """The flag as it was."""
    del enabled
    return (False,)


@contextmanager
def _flags(**_: Any) -> Iterator[None]:
    """A context without effect."""
    yield


cudnn = _backend(
    "cudnn",
    allow_tf32=True,
    benchmark=False,
    benchmark_limit=10,
    deterministic=False,
    enabled=True,
    flags=_flags,
    is_acceptable=_accepts,
    version=lambda: None,
)
_matmul = _backend(
    "cuda.matmul",
    allow_bf16_reduced_precision_reduction=True,
    allow_fp16_accumulation=False,
    allow_fp16_reduced_precision_reduction=True,
    allow_tf32=False,
)
cuda = _backend(
    "cuda",
    cufft_plan_cache=None,
    enable_flash_sdp=_ignore,
    enable_math_sdp=_ignore,
    enable_mem_efficient_sdp=_ignore,
    is_built=_nowhere,
    matmul=_matmul,
    sdp_kernel=_flags,
)
mps = _backend("mps", is_built=_nowhere, is_macos13_or_newer=lambda *_: False)
mkl = _backend("mkl", verbose=_flags)
mkldnn = _backend("mkldnn", allow_tf32=False, deterministic=False, enabled=False, flags=_flags)
openmp = _backend("openmp")
opt_einsum = _backend("opt_einsum", enabled=False, get_opt_einsum=lambda: None, strategy=None)
quantized = _backend("quantized", engine="none", supported_engines=["none"])
cusparselt = _backend("cusparselt", get_max_alg_id=lambda: None, version=lambda: None)
kleidiai = _backend("kleidiai")
mha = _backend(
    "mha",
    get_fastpath_enabled=_nowhere,
    set_fastpath_enabled=_ignore,
)
miopen = _backend("miopen", immediate=False, flags=_flags)
nnpack = _backend("nnpack", flags=_flags, set_flags=_set_flags)
