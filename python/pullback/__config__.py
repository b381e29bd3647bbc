"""``torch.__config__``: how this package was built, in words."""

from __future__ import annotations

import pullback

__all__ = ["parallel_info", "show"]


def show() -> str:
    """What the package is built with, a line each.

    Example:
        >>> import pullback as pb
        >>> print(pb.__config__.show().splitlines()[0])
        pullback built with:
    """
    return (
        "pullback built with:\n"
        "  - C++20 for the CPU, without a GPU, without MKL and OpenMP\n"
        "  - LAPACK and BLAS of OpenBLAS\n"
        f"  - Build settings: PULLBACK_VERSION={pullback.version.pullback}, "
        "USE_CUDA=OFF, USE_MKL=OFF, USE_MKLDNN=OFF, USE_OPENMP=OFF\n"
    )


def parallel_info() -> str:
    """How many threads operators and the processes' calls have."""
    return (
        f"at::get_num_threads() : {pullback.get_num_threads()}\n"
        f"at::get_num_interop_threads() : {pullback.get_num_interop_threads()}\n"
    )
