"""Compilers of graphs: there are none, and their functions raise."""

from __future__ import annotations

from pullback._missing import refusing

__all__ = [
    "aot_function",
    "aot_module",
    "aot_module_simplified",
    "compiled_function",
    "compiled_module",
    "make_boxed_compiler",
    "make_boxed_func",
    "memory_efficient_fusion",
    "min_cut_rematerialization_partition",
    "nop",
    "ts_compile",
]

aot_function = refusing("functorch.compile.aot_function")
aot_module = refusing("functorch.compile.aot_module")
aot_module_simplified = refusing("functorch.compile.aot_module_simplified")
compiled_function = refusing("functorch.compile.compiled_function")
compiled_module = refusing("functorch.compile.compiled_module")
make_boxed_compiler = refusing("functorch.compile.make_boxed_compiler")
make_boxed_func = refusing("functorch.compile.make_boxed_func")
memory_efficient_fusion = refusing("functorch.compile.memory_efficient_fusion")
min_cut_rematerialization_partition = refusing(
    "functorch.compile.min_cut_rematerialization_partition"
)
nop = refusing("functorch.compile.nop")
ts_compile = refusing("functorch.compile.ts_compile")
