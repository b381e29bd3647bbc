"""pullback: automatic differentiation on the CPU with the API of torch.autograd.

``import pullback as torch`` runs eager CPU PyTorch code.  The operators come from the table in the
C++ core; importing the package imports neither NumPy nor ``nn``, ``optim`` and the other
subpackages, which are loaded when they are first used.  The types of the names here are in
``__init__.pyi``.
"""

from __future__ import annotations

import os
import sys

from pullback import _core
from pullback._core import (  # noqa: F401 - the public names
    Generator,
    OutOfMemoryError,
    Size,
    Tensor,
    as_tensor,
    bfloat16,
    bool,
    channels_last,
    channels_last_3d,
    complex64,
    complex128,
    contiguous_format,
    default_generator,
    detach,
    detach_,
    device,
    dtype,
    float16,
    float32,
    float64,
    from_dlpack,
    from_numpy,
    get_default_dtype,
    get_num_threads,
    int8,
    int16,
    int32,
    int64,
    is_complex,
    is_floating_point,
    is_grad_enabled,
    is_inference_mode_enabled,
    layout,
    memory_format,
    numel,
    preserve_format,
    set_default_dtype,
    set_num_threads,
    strided,
    tensor,
    uint8,
)
from pullback._grad_mode import (  # noqa: F401
    enable_grad,
    inference_mode,
    no_grad,
    set_grad_enabled,
)
from pullback._tensor import graft

e = 2.718281828459045
pi = 3.141592653589793
inf = float("inf")
nan = float("nan")
newaxis = None

half = float16
float = float32
double = float64
cfloat = complex64
cdouble = complex128
short = int16
int = int32
long = int64

globals().update({k: v for k, v in vars(_core._functions).items() if not k.startswith("__")})
graft()
_core._init_provenance(
    __file__.removesuffix("__init__.py"), os.__file__.replace("os.py", "copy.py")
)


def _folder(path: str) -> object:
    """The path hook of the folders in the package: see ``_folders``."""
    if not path.startswith(__path__[0] + os.sep):
        raise ImportError(path)
    from pullback._folders import Folder

    return Folder(path)


sys.path_hooks.insert(0, _folder)

_SUBMODULES = frozenset(
    {
        "_C",
        "__config__",
        "_dynamo",
        "_jit_internal",
        "_utils",
        "_vmap_internals",
        "accelerator",
        "amp",
        "autograd",
        "backends",
        "compiler",
        "cpu",
        "cuda",
        "distributed",
        "distributions",
        "fft",
        "func",
        "functional",
        "fx",
        "futures",
        "hub",
        "jit",
        "library",
        "linalg",
        "masked",
        "memory",
        "mps",
        "multiprocessing",
        "nn",
        "onnx",
        "optim",
        "overrides",
        "profiler",
        "quasirandom",
        "random",
        "return_types",
        "serialization",
        "signal",
        "sparse",
        "special",
        "storage",
        "testing",
        "torch_version",
        "types",
        "utils",
        "version",
        "xpu",
    }
)

# Names that are imported when they are first used, and where they live.
_LAZY = {
    "__version__": "torch_version",
    "are_deterministic_algorithms_enabled": "_misc",
    "BFloat16Storage": "storage",
    "Future": "futures",
    "complex32": "_complex32",
    "PyTorchFileReader": "_C",
    "BoolStorage": "storage",
    "ByteStorage": "storage",
    "CharStorage": "storage",
    "ComplexDoubleStorage": "storage",
    "ComplexFloatStorage": "storage",
    "DoubleStorage": "storage",
    "FloatStorage": "storage",
    "HalfStorage": "storage",
    "IntStorage": "storage",
    "LongStorage": "storage",
    "ShortStorage": "storage",
    "TypedStorage": "storage",
    "UntypedStorage": "storage",
    "_assert": "_misc",
    "_assert_async": "_misc",
    "asarray": "_creation",
    "autocast": "amp",
    "celu_": "nn.functional",
    "compile": "compiler",
    "diagnose": "diagnosis._diagnose",
    "draw": "diagnosis._drawing",
    "explain": "diagnosis._explain",
    "dropout": "_misc",
    "dropout_": "_misc",
    "finfo": "_dtype_info",
    "frombuffer": "_creation",
    "from_file": "_creation",
    "gradient": "_finite_differences",
    "histogram": "_histogram",
    "histogramdd": "_histogram",
    "range": "_creation",
    "get_default_device": "_misc",
    "get_num_interop_threads": "_misc",
    "get_printoptions": "_printing",
    "get_rng_state": "random",
    "iinfo": "_dtype_info",
    "install_as_torch": "_as_torch",
    "initial_seed": "random",
    "is_anomaly_check_nan_enabled": "autograd.anomaly_mode",
    "is_anomaly_enabled": "autograd.anomaly_mode",
    "is_autocast_available": "amp",
    "is_conj": "_misc",
    "is_neg": "_misc",
    "is_inference": "_misc",
    "is_signed": "_misc",
    "is_storage": "storage",
    "is_tensor": "_misc",
    "load": "serialization",
    "manual_seed": "random",
    "norm_except_dim": "nn.utils.weight_norm",
    "ops": "_ops",
    "memory_budget": "memory",
    "printoptions": "_printing",
    "safe_gradients": "diagnosis._safe",
    "seed": "random",
    "save": "serialization",
    "selu_": "nn.functional",
    "segment_reduce": "_segments",
    "set_anomaly_enabled": "autograd.anomaly_mode",
    "set_default_device": "_misc",
    "set_default_tensor_type": "_tensor_types",
    "set_flush_denormal": "_misc",
    "set_num_interop_threads": "_misc",
    "set_printoptions": "_printing",
    "set_rng_state": "random",
    "threshold_": "nn.functional",
    "to_dlpack": "utils.dlpack",
    "typename": "_misc",
    "use_deterministic_algorithms": "_misc",
    "vmap": "func",
    "why_none": "diagnosis._why_none",
    "why_zero": "diagnosis._why_zero",
}

_LAZY |= dict.fromkeys(["lobpcg", "pca_lowrank", "svd_lowrank"], "_lowrank")
_LAZY |= dict.fromkeys(["eig", "lstsq", "matrix_rank", "solve", "symeig"], "_removed")
_LAZY |= dict.fromkeys(
    [
        "get_deterministic_debug_mode",
        "get_float32_matmul_precision",
        "is_deterministic_algorithms_warn_only_enabled",
        "is_warn_always_enabled",
        "set_deterministic_debug_mode",
        "set_float32_matmul_precision",
        "set_warn_always",
    ],
    "_settings",
)

_LAZY |= dict.fromkeys(
    [
        "broadcast_shapes",
        "is_distributed",
        "is_same_size",
    ],
    "_misc",
)

_LAZY |= dict.fromkeys(
    [
        "BFloat16Tensor",
        "BoolTensor",
        "ByteTensor",
        "CharTensor",
        "DoubleTensor",
        "FloatTensor",
        "HalfTensor",
        "IntTensor",
        "LongTensor",
        "ShortTensor",
    ],
    "_tensor_types",
)

_LAZY |= dict.fromkeys(
    [
        "adaptive_max_pool1d",
        "affine_grid_generator",
        "alpha_dropout",
        "alpha_dropout_",
        "batch_norm",
        "binary_cross_entropy_with_logits",
        "channel_shuffle",
        "constant_pad_nd",
        "convolution",
        "cosine_embedding_loss",
        "ctc_loss",
        "feature_alpha_dropout",
        "feature_alpha_dropout_",
        "grid_sampler",
        "grid_sampler_2d",
        "grid_sampler_3d",
        "group_norm",
        "gru_cell",
        "hinge_embedding_loss",
        "instance_norm",
        "kl_div",
        "layer_norm",
        "lstm_cell",
        "margin_ranking_loss",
        "max_pool1d_with_indices",
        "pdist",
        "pixel_shuffle",
        "pixel_unshuffle",
        "poisson_nll_loss",
        "rms_norm",
        "rnn_relu_cell",
        "rnn_tanh_cell",
        "rrelu",
        "rrelu_",
        "triplet_margin_loss",
    ],
    "_functional_names",
)

_LAZY |= dict.fromkeys(
    [
        "conv_tbc",
        "feature_dropout",
        "feature_dropout_",
        "gru",
        "lstm",
        "native_batch_norm",
        "native_channel_shuffle",
        "native_dropout",
        "native_group_norm",
        "native_layer_norm",
        "rnn_relu",
        "rnn_tanh",
    ],
    "_native_layers",
)

_LAZY |= dict.fromkeys(
    [
        "as_strided_",
        "detach_copy",
        "frobenius_norm",
        "get_device",
        "nuclear_norm",
        "resize_as_",
        "zero_",
    ],
    "_as_functions",
)

_LAZY |= dict.fromkeys(
    [
        "as_strided_scatter",
        "index_reduce",
        "ldexp",
        "ldexp_",
        "narrow_copy",
        "nonzero_static",
        "renorm",
        "slice_copy",
        "unfold_copy",
        "unravel_index",
        "unsafe_chunk",
        "unsafe_split",
        "unsafe_split_with_sizes",
        "view_as_complex_copy",
    ],
    "_compositions",
)

_LAZY |= dict.fromkeys(
    [
        "clear_autocast_cache",
        "get_autocast_cpu_dtype",
        "get_autocast_dtype",
        "is_autocast_cache_enabled",
        "is_autocast_cpu_enabled",
        "is_autocast_enabled",
        "set_autocast_cache_enabled",
        "set_autocast_cpu_dtype",
        "set_autocast_cpu_enabled",
        "set_autocast_dtype",
        "set_autocast_enabled",
    ],
    "amp._settings",
)

_LAZY |= dict.fromkeys(
    [
        "empty_permuted",
        "empty_strided",
    ],
    "_in_memory",
)

# Layouts that no tensor has.
_LAZY |= dict.fromkeys(
    ["jagged", "sparse_bsc", "sparse_bsr", "sparse_coo", "sparse_csc", "sparse_csr"], "_core"
)

# torch's names of dtypes that pullback does not have.
_NO_DTYPES = frozenset(
    [
        "float4_e2m1fn_x2",
        "float8_e4m3fn",
        "float8_e4m3fnuz",
        "float8_e5m2",
        "float8_e5m2fnuz",
        "float8_e8m0fnu",
        "qint32",
        "qint8",
        "quint2x4",
        "quint4x2",
        "quint8",
        "uint16",
        "uint32",
        "uint64",
    ]
)


def __getattr__(name: str) -> object:
    import importlib

    if name in _SUBMODULES:
        module = importlib.import_module(f"pullback.{name}")
        if "torch" in sys.modules and sys.modules["torch"] is sys.modules[__name__]:
            importlib.import_module("pullback._missing").adopt(module)
        return module
    if name in _LAZY:
        found = getattr(importlib.import_module(f"pullback.{_LAZY[name]}"), name)
        globals()[name] = found
        return found
    if name == "chalf":
        return importlib.import_module("pullback._complex32").complex32
    if name.startswith("_foreach_"):
        functions = importlib.import_module("pullback._foreach")
        if hasattr(functions, name):
            return getattr(functions, name)
    if name == "torch":  # programs write torch.torch
        return sys.modules[__name__]
    if name.endswith("Storage"):
        return getattr(importlib.import_module("pullback.storage"), name)
    if name.startswith("_"):
        raise AttributeError(f"module 'pullback' has no attribute {name!r}")
    raise AttributeError(importlib.import_module("pullback._missing").of_module("pullback", name))


def __dir__() -> list[str]:
    return sorted({*globals(), *_SUBMODULES, *_LAZY})
