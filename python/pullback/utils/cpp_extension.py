"""Extensions of PyTorch in C++: setup files can be read, and building refuses."""

from __future__ import annotations

from typing import Any

from pullback._missing import refuse, refusing

__all__ = [
    "BuildExtension",
    "CUDAExtension",
    "CppExtension",
    "SyclExtension",
    "include_paths",
    "load",
    "load_inline",
]

CUDA_HOME: str | None = None
ROCM_HOME: str | None = None
CUDNN_HOME: str | None = None
IS_WINDOWS = False


load = refusing("utils.cpp_extension.load")
load_inline = refusing("utils.cpp_extension.load_inline")
include_paths = refusing("utils.cpp_extension.include_paths")
CppExtension = refusing("utils.cpp_extension.CppExtension")
CUDAExtension = refusing("utils.cpp_extension.CUDAExtension")
SyclExtension = refusing("utils.cpp_extension.SyclExtension")


class BuildExtension:
    """The command of setup files; making one raises."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        del args, kwargs
        refuse("utils.cpp_extension.BuildExtension")

    @classmethod
    def with_options(cls, **options: Any) -> type[BuildExtension]:
        """The class itself."""
        del options
        return cls


def is_ninja_available() -> bool:
    """Always False: nothing is built."""
    return False


def check_compiler_abi_compatibility(compiler: str) -> bool:
    """Always False."""
    del compiler
    return False
