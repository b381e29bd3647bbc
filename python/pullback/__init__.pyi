# Written by tools/stubs.py from the operator table; do not edit.
# Longer than 600 lines because every overload of every operator has a line here.
import builtins
from typing import Any, TypeAlias, overload

from pullback import (
    _C as _C,
)
from pullback import (
    __config__ as __config__,
)
from pullback import (
    _dynamo as _dynamo,
)
from pullback import (
    _jit_internal as _jit_internal,
)
from pullback import (
    _utils as _utils,
)
from pullback import (
    _vmap_internals as _vmap_internals,
)
from pullback import (
    accelerator as accelerator,
)
from pullback import (
    amp as amp,
)
from pullback import (
    autograd as autograd,
)
from pullback import (
    backends as backends,
)
from pullback import (
    compiler as compiler,
)
from pullback import (
    cpu as cpu,
)
from pullback import (
    cuda as cuda,
)
from pullback import (
    distributed as distributed,
)
from pullback import (
    distributions as distributions,
)
from pullback import (
    fft as fft,
)
from pullback import (
    func as func,
)
from pullback import (
    functional as functional,
)
from pullback import (
    futures as futures,
)
from pullback import (
    fx as fx,
)
from pullback import (
    hub as hub,
)
from pullback import (
    jit as jit,
)
from pullback import (
    library as library,
)
from pullback import (
    linalg as linalg,
)
from pullback import (
    masked as masked,
)
from pullback import (
    memory as memory,
)
from pullback import (
    mps as mps,
)
from pullback import (
    multiprocessing as multiprocessing,
)
from pullback import (
    nn as nn,
)
from pullback import (
    onnx as onnx,
)
from pullback import (
    optim as optim,
)
from pullback import (
    overrides as overrides,
)
from pullback import (
    profiler as profiler,
)
from pullback import (
    quasirandom as quasirandom,
)
from pullback import (
    random as random,
)
from pullback import (
    return_types as return_types,
)
from pullback import (
    serialization as serialization,
)
from pullback import (
    signal as signal,
)
from pullback import (
    sparse as sparse,
)
from pullback import (
    special as special,
)
from pullback import (
    storage as storage,
)
from pullback import (
    testing as testing,
)
from pullback import (
    torch_version as torch_version,
)
from pullback import (
    types as types,
)
from pullback import (
    utils as utils,
)
from pullback import (
    version as version,
)
from pullback import (
    xpu as xpu,
)
from pullback._as_functions import (
    as_strided_ as as_strided_,
)
from pullback._as_functions import (
    detach_copy as detach_copy,
)
from pullback._as_functions import (
    frobenius_norm as frobenius_norm,
)
from pullback._as_functions import (
    get_device as get_device,
)
from pullback._as_functions import (
    nuclear_norm as nuclear_norm,
)
from pullback._as_functions import (
    resize_as_ as resize_as_,
)
from pullback._as_functions import (
    zero_ as zero_,
)
from pullback._as_torch import (
    install_as_torch as install_as_torch,
)
from pullback._C import (
    PyTorchFileReader as PyTorchFileReader,
)
from pullback._complex32 import (
    complex32 as complex32,
)
from pullback._compositions import (
    as_strided_scatter as as_strided_scatter,
)
from pullback._compositions import (
    index_reduce as index_reduce,
)
from pullback._compositions import (
    ldexp as ldexp,
)
from pullback._compositions import (
    ldexp_ as ldexp_,
)
from pullback._compositions import (
    narrow_copy as narrow_copy,
)
from pullback._compositions import (
    nonzero_static as nonzero_static,
)
from pullback._compositions import (
    renorm as renorm,
)
from pullback._compositions import (
    slice_copy as slice_copy,
)
from pullback._compositions import (
    unfold_copy as unfold_copy,
)
from pullback._compositions import (
    unravel_index as unravel_index,
)
from pullback._compositions import (
    unsafe_chunk as unsafe_chunk,
)
from pullback._compositions import (
    unsafe_split as unsafe_split,
)
from pullback._compositions import (
    unsafe_split_with_sizes as unsafe_split_with_sizes,
)
from pullback._compositions import (
    view_as_complex_copy as view_as_complex_copy,
)
from pullback._core import (
    DimPair,
    DType,
    Ints,
    Number,
    Sizes,
    Tensors,
    _dtype,
    _memory_format,
    _return_types,
)
from pullback._core import (
    Generator as Generator,
)
from pullback._core import (
    OutOfMemoryError as OutOfMemoryError,
)
from pullback._core import (
    Size as Size,
)
from pullback._core import (
    Tensor as Tensor,
)
from pullback._core import (
    as_tensor as as_tensor,
)
from pullback._core import (
    bfloat16 as bfloat16,
)
from pullback._core import (
    bool as bool,
)
from pullback._core import (
    channels_last as channels_last,
)
from pullback._core import (
    channels_last_3d as channels_last_3d,
)
from pullback._core import (
    complex64 as complex64,
)
from pullback._core import (
    complex128 as complex128,
)
from pullback._core import (
    contiguous_format as contiguous_format,
)
from pullback._core import (
    default_generator as default_generator,
)
from pullback._core import (
    detach as detach,
)
from pullback._core import (
    detach_ as detach_,
)
from pullback._core import (
    device as device,
)
from pullback._core import (
    dtype as dtype,
)
from pullback._core import (
    float16 as float16,
)
from pullback._core import (
    float32 as float32,
)
from pullback._core import (
    float64 as float64,
)
from pullback._core import (
    from_dlpack as from_dlpack,
)
from pullback._core import (
    from_numpy as from_numpy,
)
from pullback._core import (
    get_default_dtype as get_default_dtype,
)
from pullback._core import (
    get_num_threads as get_num_threads,
)
from pullback._core import (
    int8 as int8,
)
from pullback._core import (
    int16 as int16,
)
from pullback._core import (
    int32 as int32,
)
from pullback._core import (
    int64 as int64,
)
from pullback._core import (
    is_complex as is_complex,
)
from pullback._core import (
    is_floating_point as is_floating_point,
)
from pullback._core import (
    is_grad_enabled as is_grad_enabled,
)
from pullback._core import (
    is_inference_mode_enabled as is_inference_mode_enabled,
)
from pullback._core import (
    jagged as jagged,
)
from pullback._core import (
    layout as layout,
)
from pullback._core import (
    memory_format as memory_format,
)
from pullback._core import (
    numel as numel,
)
from pullback._core import (
    preserve_format as preserve_format,
)
from pullback._core import (
    set_default_dtype as set_default_dtype,
)
from pullback._core import (
    set_num_threads as set_num_threads,
)
from pullback._core import (
    sparse_bsc as sparse_bsc,
)
from pullback._core import (
    sparse_bsr as sparse_bsr,
)
from pullback._core import (
    sparse_coo as sparse_coo,
)
from pullback._core import (
    sparse_csc as sparse_csc,
)
from pullback._core import (
    sparse_csr as sparse_csr,
)
from pullback._core import (
    strided as strided,
)
from pullback._core import (
    tensor as tensor,
)
from pullback._core import (
    uint8 as uint8,
)
from pullback._creation import (
    asarray as asarray,
)
from pullback._creation import (
    from_file as from_file,
)
from pullback._creation import (
    frombuffer as frombuffer,
)
from pullback._creation import (
    range as range,
)
from pullback._dtype_info import (
    finfo as finfo,
)
from pullback._dtype_info import (
    iinfo as iinfo,
)
from pullback._finite_differences import (
    gradient as gradient,
)
from pullback._functional_names import (
    adaptive_max_pool1d as adaptive_max_pool1d,
)
from pullback._functional_names import (
    affine_grid_generator as affine_grid_generator,
)
from pullback._functional_names import (
    alpha_dropout as alpha_dropout,
)
from pullback._functional_names import (
    alpha_dropout_ as alpha_dropout_,
)
from pullback._functional_names import (
    batch_norm as batch_norm,
)
from pullback._functional_names import (
    binary_cross_entropy_with_logits as binary_cross_entropy_with_logits,
)
from pullback._functional_names import (
    channel_shuffle as channel_shuffle,
)
from pullback._functional_names import (
    constant_pad_nd as constant_pad_nd,
)
from pullback._functional_names import (
    convolution as convolution,
)
from pullback._functional_names import (
    cosine_embedding_loss as cosine_embedding_loss,
)
from pullback._functional_names import (
    ctc_loss as ctc_loss,
)
from pullback._functional_names import (
    feature_alpha_dropout as feature_alpha_dropout,
)
from pullback._functional_names import (
    feature_alpha_dropout_ as feature_alpha_dropout_,
)
from pullback._functional_names import (
    grid_sampler as grid_sampler,
)
from pullback._functional_names import (
    grid_sampler_2d as grid_sampler_2d,
)
from pullback._functional_names import (
    grid_sampler_3d as grid_sampler_3d,
)
from pullback._functional_names import (
    group_norm as group_norm,
)
from pullback._functional_names import (
    gru_cell as gru_cell,
)
from pullback._functional_names import (
    hinge_embedding_loss as hinge_embedding_loss,
)
from pullback._functional_names import (
    instance_norm as instance_norm,
)
from pullback._functional_names import (
    kl_div as kl_div,
)
from pullback._functional_names import (
    layer_norm as layer_norm,
)
from pullback._functional_names import (
    lstm_cell as lstm_cell,
)
from pullback._functional_names import (
    margin_ranking_loss as margin_ranking_loss,
)
from pullback._functional_names import (
    max_pool1d_with_indices as max_pool1d_with_indices,
)
from pullback._functional_names import (
    pdist as pdist,
)
from pullback._functional_names import (
    pixel_shuffle as pixel_shuffle,
)
from pullback._functional_names import (
    pixel_unshuffle as pixel_unshuffle,
)
from pullback._functional_names import (
    poisson_nll_loss as poisson_nll_loss,
)
from pullback._functional_names import (
    rms_norm as rms_norm,
)
from pullback._functional_names import (
    rnn_relu_cell as rnn_relu_cell,
)
from pullback._functional_names import (
    rnn_tanh_cell as rnn_tanh_cell,
)
from pullback._functional_names import (
    rrelu as rrelu,
)
from pullback._functional_names import (
    rrelu_ as rrelu_,
)
from pullback._functional_names import (
    triplet_margin_loss as triplet_margin_loss,
)
from pullback._grad_mode import (
    enable_grad as enable_grad,
)
from pullback._grad_mode import (
    inference_mode as inference_mode,
)
from pullback._grad_mode import (
    no_grad as no_grad,
)
from pullback._grad_mode import (
    set_grad_enabled as set_grad_enabled,
)
from pullback._histogram import (
    histogram as histogram,
)
from pullback._histogram import (
    histogramdd as histogramdd,
)
from pullback._in_memory import (
    empty_permuted as empty_permuted,
)
from pullback._in_memory import (
    empty_strided as empty_strided,
)
from pullback._lowrank import (
    lobpcg as lobpcg,
)
from pullback._lowrank import (
    pca_lowrank as pca_lowrank,
)
from pullback._lowrank import (
    svd_lowrank as svd_lowrank,
)
from pullback._misc import (
    _assert as _assert,
)
from pullback._misc import (
    _assert_async as _assert_async,
)
from pullback._misc import (
    are_deterministic_algorithms_enabled as are_deterministic_algorithms_enabled,
)
from pullback._misc import (
    broadcast_shapes as broadcast_shapes,
)
from pullback._misc import (
    dropout as dropout,
)
from pullback._misc import (
    dropout_ as dropout_,
)
from pullback._misc import (
    get_default_device as get_default_device,
)
from pullback._misc import (
    get_num_interop_threads as get_num_interop_threads,
)
from pullback._misc import (
    is_conj as is_conj,
)
from pullback._misc import (
    is_distributed as is_distributed,
)
from pullback._misc import (
    is_inference as is_inference,
)
from pullback._misc import (
    is_neg as is_neg,
)
from pullback._misc import (
    is_same_size as is_same_size,
)
from pullback._misc import (
    is_signed as is_signed,
)
from pullback._misc import (
    is_tensor as is_tensor,
)
from pullback._misc import (
    set_default_device as set_default_device,
)
from pullback._misc import (
    set_flush_denormal as set_flush_denormal,
)
from pullback._misc import (
    set_num_interop_threads as set_num_interop_threads,
)
from pullback._misc import (
    typename as typename,
)
from pullback._misc import (
    use_deterministic_algorithms as use_deterministic_algorithms,
)
from pullback._native_layers import (
    conv_tbc as conv_tbc,
)
from pullback._native_layers import (
    feature_dropout as feature_dropout,
)
from pullback._native_layers import (
    feature_dropout_ as feature_dropout_,
)
from pullback._native_layers import (
    gru as gru,
)
from pullback._native_layers import (
    lstm as lstm,
)
from pullback._native_layers import (
    native_batch_norm as native_batch_norm,
)
from pullback._native_layers import (
    native_channel_shuffle as native_channel_shuffle,
)
from pullback._native_layers import (
    native_dropout as native_dropout,
)
from pullback._native_layers import (
    native_group_norm as native_group_norm,
)
from pullback._native_layers import (
    native_layer_norm as native_layer_norm,
)
from pullback._native_layers import (
    rnn_relu as rnn_relu,
)
from pullback._native_layers import (
    rnn_tanh as rnn_tanh,
)
from pullback._ops import (
    ops as ops,
)
from pullback._printing import (
    get_printoptions as get_printoptions,
)
from pullback._printing import (
    printoptions as printoptions,
)
from pullback._printing import (
    set_printoptions as set_printoptions,
)
from pullback._removed import (
    eig as eig,
)
from pullback._removed import (
    lstsq as lstsq,
)
from pullback._removed import (
    matrix_rank as matrix_rank,
)
from pullback._removed import (
    solve as solve,
)
from pullback._removed import (
    symeig as symeig,
)
from pullback._segments import (
    segment_reduce as segment_reduce,
)
from pullback._settings import (
    get_deterministic_debug_mode as get_deterministic_debug_mode,
)
from pullback._settings import (
    get_float32_matmul_precision as get_float32_matmul_precision,
)
from pullback._settings import (
    is_deterministic_algorithms_warn_only_enabled as is_deterministic_algorithms_warn_only_enabled,
)
from pullback._settings import (
    is_warn_always_enabled as is_warn_always_enabled,
)
from pullback._settings import (
    set_deterministic_debug_mode as set_deterministic_debug_mode,
)
from pullback._settings import (
    set_float32_matmul_precision as set_float32_matmul_precision,
)
from pullback._settings import (
    set_warn_always as set_warn_always,
)
from pullback._tensor_types import (
    BFloat16Tensor as BFloat16Tensor,
)
from pullback._tensor_types import (
    BoolTensor as BoolTensor,
)
from pullback._tensor_types import (
    ByteTensor as ByteTensor,
)
from pullback._tensor_types import (
    CharTensor as CharTensor,
)
from pullback._tensor_types import (
    DoubleTensor as DoubleTensor,
)
from pullback._tensor_types import (
    FloatTensor as FloatTensor,
)
from pullback._tensor_types import (
    HalfTensor as HalfTensor,
)
from pullback._tensor_types import (
    IntTensor as IntTensor,
)
from pullback._tensor_types import (
    LongTensor as LongTensor,
)
from pullback._tensor_types import (
    ShortTensor as ShortTensor,
)
from pullback._tensor_types import (
    set_default_tensor_type as set_default_tensor_type,
)
from pullback.amp import (
    autocast as autocast,
)
from pullback.amp import (
    is_autocast_available as is_autocast_available,
)
from pullback.amp._settings import (
    clear_autocast_cache as clear_autocast_cache,
)
from pullback.amp._settings import (
    get_autocast_cpu_dtype as get_autocast_cpu_dtype,
)
from pullback.amp._settings import (
    get_autocast_dtype as get_autocast_dtype,
)
from pullback.amp._settings import (
    is_autocast_cache_enabled as is_autocast_cache_enabled,
)
from pullback.amp._settings import (
    is_autocast_cpu_enabled as is_autocast_cpu_enabled,
)
from pullback.amp._settings import (
    is_autocast_enabled as is_autocast_enabled,
)
from pullback.amp._settings import (
    set_autocast_cache_enabled as set_autocast_cache_enabled,
)
from pullback.amp._settings import (
    set_autocast_cpu_dtype as set_autocast_cpu_dtype,
)
from pullback.amp._settings import (
    set_autocast_cpu_enabled as set_autocast_cpu_enabled,
)
from pullback.amp._settings import (
    set_autocast_dtype as set_autocast_dtype,
)
from pullback.amp._settings import (
    set_autocast_enabled as set_autocast_enabled,
)
from pullback.autograd.anomaly_mode import (
    is_anomaly_check_nan_enabled as is_anomaly_check_nan_enabled,
)
from pullback.autograd.anomaly_mode import (
    is_anomaly_enabled as is_anomaly_enabled,
)
from pullback.autograd.anomaly_mode import (
    set_anomaly_enabled as set_anomaly_enabled,
)
from pullback.compiler import (
    compile as compile,
)
from pullback.diagnosis._diagnose import (
    diagnose as diagnose,
)
from pullback.diagnosis._drawing import (
    draw as draw,
)
from pullback.diagnosis._explain import (
    explain as explain,
)
from pullback.diagnosis._safe import (
    safe_gradients as safe_gradients,
)
from pullback.diagnosis._why_none import (
    why_none as why_none,
)
from pullback.diagnosis._why_zero import (
    why_zero as why_zero,
)
from pullback.func import (
    vmap as vmap,
)
from pullback.futures import (
    Future as Future,
)
from pullback.memory import (
    memory_budget as memory_budget,
)
from pullback.nn.functional import (
    celu_ as celu_,
)
from pullback.nn.functional import (
    selu_ as selu_,
)
from pullback.nn.functional import (
    threshold_ as threshold_,
)
from pullback.nn.utils.weight_norm import (
    norm_except_dim as norm_except_dim,
)
from pullback.random import (
    get_rng_state as get_rng_state,
)
from pullback.random import (
    initial_seed as initial_seed,
)
from pullback.random import (
    manual_seed as manual_seed,
)
from pullback.random import (
    seed as seed,
)
from pullback.random import (
    set_rng_state as set_rng_state,
)
from pullback.serialization import (
    load as load,
)
from pullback.serialization import (
    save as save,
)
from pullback.storage import (
    BFloat16Storage as BFloat16Storage,
)
from pullback.storage import (
    BoolStorage as BoolStorage,
)
from pullback.storage import (
    ByteStorage as ByteStorage,
)
from pullback.storage import (
    CharStorage as CharStorage,
)
from pullback.storage import (
    ComplexDoubleStorage as ComplexDoubleStorage,
)
from pullback.storage import (
    ComplexFloatStorage as ComplexFloatStorage,
)
from pullback.storage import (
    DoubleStorage as DoubleStorage,
)
from pullback.storage import (
    FloatStorage as FloatStorage,
)
from pullback.storage import (
    HalfStorage as HalfStorage,
)
from pullback.storage import (
    IntStorage as IntStorage,
)
from pullback.storage import (
    LongStorage as LongStorage,
)
from pullback.storage import (
    ShortStorage as ShortStorage,
)
from pullback.storage import (
    TypedStorage as TypedStorage,
)
from pullback.storage import (
    UntypedStorage as UntypedStorage,
)
from pullback.storage import (
    is_storage as is_storage,
)
from pullback.utils.dlpack import (
    to_dlpack as to_dlpack,
)

_bool: TypeAlias = builtins.bool
_int: TypeAlias = builtins.int
_float: TypeAlias = builtins.float
__version__: str
float: dtype
double: dtype
int: dtype
long: dtype
e: _float
pi: _float
inf: _float
nan: _float
newaxis: None

def _dirichlet_grad(x: Tensor, alpha: Tensor, total: Tensor) -> Tensor: ...
def _sample_dirichlet(input: Tensor, *, generator: Any = None) -> Tensor: ...
def _sampled_product(a: Tensor, b: Tensor, row: Tensor, column: Tensor) -> Tensor: ...
def _sparse_product(
    values: Tensor, row: Tensor, column: Tensor, x: Tensor, rows: _int
) -> Tensor: ...
def _standard_gamma(input: Tensor, *, generator: Any = None) -> Tensor: ...
def _standard_gamma_grad(input: Tensor, output: Tensor) -> Tensor: ...
def abs(input: Tensor, *, out: Any = None) -> Tensor: ...
def absolute(input: Tensor, *, out: Any = None) -> Tensor: ...
def acos(input: Tensor, *, out: Any = None) -> Tensor: ...
def acosh(input: Tensor, *, out: Any = None) -> Tensor: ...
def adaptive_avg_pool1d(input: Tensor, output_size: Ints) -> Tensor: ...
def add(
    input: Tensor | Number, other: Tensor | Number, *, alpha: Number = 1, out: Any = None
) -> Tensor: ...
def addbmm(
    input: Tensor,
    batch1: Tensor,
    batch2: Tensor,
    *,
    beta: Number = 1,
    alpha: Number = 1,
    out: Any = None,
) -> Tensor: ...
def addcdiv(
    input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1, out: Any = None
) -> Tensor: ...
def addcmul(
    input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1, out: Any = None
) -> Tensor: ...
def addmm(
    input: Tensor,
    mat1: Tensor,
    mat2: Tensor,
    *,
    beta: Number = 1,
    alpha: Number = 1,
    out: Any = None,
) -> Tensor: ...
def addmv(
    input: Tensor, mat: Tensor, vec: Tensor, *, beta: Number = 1, alpha: Number = 1, out: Any = None
) -> Tensor: ...
def addr(
    input: Tensor,
    vec1: Tensor,
    vec2: Tensor,
    *,
    beta: Number = 1,
    alpha: Number = 1,
    out: Any = None,
) -> Tensor: ...
def adjoint(input: Tensor) -> Tensor: ...
def alias_copy(input: Tensor, *, out: Any = None) -> Tensor: ...
@overload
def all(input: Tensor, *, out: Any = None) -> Tensor: ...
@overload
def all(input: Tensor, dim: _int, keepdim: _bool = False, *, out: Any = None) -> Tensor: ...
@overload
def all(
    input: Tensor, dim: Sizes | None = None, keepdim: _bool = False, *, out: Any = None
) -> Tensor: ...
def allclose(
    input: Tensor,
    other: Tensor,
    rtol: _float = 1e-05,
    atol: _float = 1e-08,
    equal_nan: _bool = False,
) -> Any: ...
def amax(
    input: Tensor, dim: Ints | None = (), keepdim: _bool = False, *, out: Any = None
) -> Tensor: ...
def amin(
    input: Tensor, dim: Ints | None = (), keepdim: _bool = False, *, out: Any = None
) -> Tensor: ...
def aminmax(
    input: Tensor, *, dim: _int | None = None, keepdim: _bool = False, out: Any = None
) -> _return_types.aminmax: ...
def angle(input: Tensor, *, out: Any = None) -> Tensor: ...
@overload
def any(input: Tensor, *, out: Any = None) -> Tensor: ...
@overload
def any(input: Tensor, dim: _int, keepdim: _bool = False, *, out: Any = None) -> Tensor: ...
@overload
def any(
    input: Tensor, dim: Sizes | None = None, keepdim: _bool = False, *, out: Any = None
) -> Tensor: ...
@overload
def arange(
    end: Number,
    *,
    dtype: DType | None = None,
    out: Any = None,
    device: Any = None,
    layout: Any = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
@overload
def arange(
    start: Number,
    end: Number,
    *,
    dtype: DType | None = None,
    out: Any = None,
    device: Any = None,
    layout: Any = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
@overload
def arange(
    start: Number,
    end: Number,
    step: Number,
    *,
    dtype: DType | None = None,
    out: Any = None,
    device: Any = None,
    layout: Any = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
def arccos(input: Tensor, *, out: Any = None) -> Tensor: ...
def arccosh(input: Tensor, *, out: Any = None) -> Tensor: ...
def arcsin(input: Tensor, *, out: Any = None) -> Tensor: ...
def arcsinh(input: Tensor, *, out: Any = None) -> Tensor: ...
def arctan(input: Tensor, *, out: Any = None) -> Tensor: ...
def arctan2(input: Tensor, other: Tensor, *, out: Any = None) -> Tensor: ...
def arctanh(input: Tensor, *, out: Any = None) -> Tensor: ...
def argmax(
    input: Tensor, dim: _int | None = None, keepdim: _bool = False, *, out: Any = None
) -> Tensor: ...
def argmin(
    input: Tensor, dim: _int | None = None, keepdim: _bool = False, *, out: Any = None
) -> Tensor: ...
@overload
def argsort(
    input: Tensor, dim: _int = -1, descending: _bool = False, *, out: Any = None
) -> Tensor: ...
@overload
def argsort(
    input: Tensor, *, stable: _bool, dim: _int = -1, descending: _bool = False, out: Any = None
) -> Tensor: ...
def argwhere(input: Tensor) -> Tensor: ...
def as_strided(
    input: Tensor, size: Sizes, stride: Sizes, storage_offset: _int | None = None
) -> Tensor: ...
def as_strided_copy(
    input: Tensor,
    size: Sizes,
    stride: Sizes,
    storage_offset: _int | None = None,
    *,
    out: Any = None,
) -> Tensor: ...
def asin(input: Tensor, *, out: Any = None) -> Tensor: ...
def asinh(input: Tensor, *, out: Any = None) -> Tensor: ...
def atan(input: Tensor, *, out: Any = None) -> Tensor: ...
def atan2(input: Tensor, other: Tensor, *, out: Any = None) -> Tensor: ...
def atanh(input: Tensor, *, out: Any = None) -> Tensor: ...
@overload
def atleast_1d(input: Tensor) -> Tensor: ...
@overload
def atleast_1d(*tensors: Any) -> tuple[Tensor, ...]: ...
@overload
def atleast_2d(input: Tensor) -> Tensor: ...
@overload
def atleast_2d(*tensors: Any) -> tuple[Tensor, ...]: ...
@overload
def atleast_3d(input: Tensor) -> Tensor: ...
@overload
def atleast_3d(*tensors: Any) -> tuple[Tensor, ...]: ...
def avg_pool1d(
    input: Tensor,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    ceil_mode: _bool = False,
    count_include_pad: _bool = True,
) -> Tensor: ...
def baddbmm(
    input: Tensor,
    batch1: Tensor,
    batch2: Tensor,
    *,
    beta: Number = 1,
    alpha: Number = 1,
    out: Any = None,
) -> Tensor: ...
def bartlett_window(
    window_length: _int,
    periodic: _bool = True,
    *,
    dtype: DType | None = None,
    device: Any = None,
    layout: Any = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
@overload
def bernoulli(input: Tensor, *, out: Any = None, generator: Any = None) -> Tensor: ...
@overload
def bernoulli(input: Tensor, p: _float, *, out: Any = None, generator: Any = None) -> Tensor: ...
def bilinear(
    input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None
) -> Tensor: ...
def bincount(input: Tensor, weights: Tensor | None = None, minlength: _int = 0) -> Tensor: ...
def binomial(count: Tensor, prob: Tensor, *, generator: Any = None) -> Tensor: ...
def bitwise_and(input: Tensor | Number, other: Tensor | Number, *, out: Any = None) -> Tensor: ...
def bitwise_left_shift(
    input: Tensor | Number, other: Tensor | Number, *, out: Any = None
) -> Tensor: ...
def bitwise_not(input: Tensor, *, out: Any = None) -> Tensor: ...
def bitwise_or(input: Tensor | Number, other: Tensor | Number, *, out: Any = None) -> Tensor: ...
def bitwise_right_shift(
    input: Tensor | Number, other: Tensor | Number, *, out: Any = None
) -> Tensor: ...
def bitwise_xor(input: Tensor | Number, other: Tensor | Number, *, out: Any = None) -> Tensor: ...
def blackman_window(
    window_length: _int,
    periodic: _bool = True,
    *,
    dtype: DType | None = None,
    device: Any = None,
    layout: Any = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
def block_diag(*tensors: Any) -> Tensor: ...
def bmm(input: Tensor, mat2: Tensor, *, out: Any = None) -> Tensor: ...
def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]: ...
def broadcast_to(input: Tensor, size: Sizes) -> Tensor: ...
def bucketize(
    input: Tensor | Number,
    boundaries: Tensor,
    *,
    out_int32: _bool = False,
    right: _bool = False,
    out: Any = None,
) -> Tensor: ...
def can_cast(from_: DType, to: DType) -> _bool: ...
def cartesian_prod(*tensors: Any) -> Tensor: ...
def cat(tensors: Tensors, dim: _int = 0, *, out: Any = None) -> Tensor: ...
def cdist(
    x1: Tensor,
    x2: Tensor,
    p: _float = 2.0,
    compute_mode: str = "use_mm_for_euclid_dist_if_necessary",
) -> Tensor: ...
def ceil(input: Tensor, *, out: Any = None) -> Tensor: ...
def celu(input: Tensor, alpha: _float = 1.0) -> Tensor: ...
def chain_matmul(*matrices: Any, out: Any = None) -> Tensor: ...
def cholesky(input: Tensor, upper: _bool = False, *, out: Any = None) -> Tensor: ...
def cholesky_inverse(input: Tensor, upper: _bool = False, *, out: Any = None) -> Tensor: ...
def cholesky_solve(
    input: Tensor, input2: Tensor, upper: _bool = False, *, out: Any = None
) -> Tensor: ...
def chunk(input: Tensor, chunks: _int, dim: _int = 0) -> tuple[Tensor, ...]: ...
@overload
def clamp(
    input: Tensor, min: Tensor | None = None, max: Tensor | None = None, *, out: Any = None
) -> Tensor: ...
@overload
def clamp(
    input: Tensor, min: Number | None = None, max: Number | None = None, *, out: Any = None
) -> Tensor: ...
def clamp_max(input: Tensor, max: Tensor | Number, *, out: Any = None) -> Tensor: ...
def clamp_min(input: Tensor, min: Tensor | Number, *, out: Any = None) -> Tensor: ...
@overload
def clip(
    input: Tensor, min: Tensor | None = None, max: Tensor | None = None, *, out: Any = None
) -> Tensor: ...
@overload
def clip(
    input: Tensor, min: Number | None = None, max: Number | None = None, *, out: Any = None
) -> Tensor: ...
def clone(input: Tensor, *, memory_format: _memory_format | None = None) -> Tensor: ...
def column_stack(tensors: Tensors, *, out: Any = None) -> Tensor: ...
def combinations(input: Tensor, r: _int = 2, with_replacement: _bool = False) -> Tensor: ...
def complex(real: Tensor, imag: Tensor, *, out: Any = None) -> Tensor: ...
def concat(tensors: Tensors, dim: _int = 0, *, out: Any = None) -> Tensor: ...
def concatenate(tensors: Tensors, dim: _int = 0, *, out: Any = None) -> Tensor: ...
def conj(input: Tensor) -> Tensor: ...
def conj_physical(input: Tensor, *, out: Any = None) -> Tensor: ...
@overload
def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Ints = 1,
    padding: Ints = 0,
    dilation: Ints = 1,
    groups: _int = 1,
) -> Tensor: ...
@overload
def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Ints = 1,
    padding: str = "valid",
    dilation: Ints = 1,
    groups: _int = 1,
) -> Tensor: ...
@overload
def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Ints = 1,
    padding: Ints = 0,
    dilation: Ints = 1,
    groups: _int = 1,
) -> Tensor: ...
@overload
def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Ints = 1,
    padding: str = "valid",
    dilation: Ints = 1,
    groups: _int = 1,
) -> Tensor: ...
@overload
def conv3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Ints = 1,
    padding: Ints = 0,
    dilation: Ints = 1,
    groups: _int = 1,
) -> Tensor: ...
@overload
def conv3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Ints = 1,
    padding: str = "valid",
    dilation: Ints = 1,
    groups: _int = 1,
) -> Tensor: ...
def conv_transpose1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Ints = 1,
    padding: Ints = 0,
    output_padding: Ints = 0,
    groups: _int = 1,
    dilation: Ints = 1,
) -> Tensor: ...
def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Ints = 1,
    padding: Ints = 0,
    output_padding: Ints = 0,
    groups: _int = 1,
    dilation: Ints = 1,
) -> Tensor: ...
def conv_transpose3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Ints = 1,
    padding: Ints = 0,
    output_padding: Ints = 0,
    groups: _int = 1,
    dilation: Ints = 1,
) -> Tensor: ...
def copysign(input: Tensor, other: Tensor | Number, *, out: Any = None) -> Tensor: ...
def corrcoef(input: Tensor) -> Tensor: ...
def cos(input: Tensor, *, out: Any = None) -> Tensor: ...
def cosh(input: Tensor, *, out: Any = None) -> Tensor: ...
def cosine_similarity(x1: Tensor, x2: Tensor, dim: _int = 1, eps: _float = 1e-8) -> Tensor: ...
@overload
def count_nonzero(input: Tensor, dim: _int | None = None) -> Tensor: ...
@overload
def count_nonzero(input: Tensor, *dim: Any) -> Tensor: ...
def cov(
    input: Tensor,
    *,
    correction: _int = 1,
    fweights: Tensor | None = None,
    aweights: Tensor | None = None,
) -> Tensor: ...
def cross(input: Tensor, other: Tensor, dim: _int | None = None, *, out: Any = None) -> Tensor: ...
def cummax(input: Tensor, dim: _int, *, out: Any = None) -> _return_types.cummax: ...
def cummin(input: Tensor, dim: _int, *, out: Any = None) -> _return_types.cummin: ...
def cumprod(input: Tensor, dim: _int, *, dtype: DType | None = None, out: Any = None) -> Tensor: ...
def cumsum(input: Tensor, dim: _int, *, dtype: DType | None = None, out: Any = None) -> Tensor: ...
@overload
def cumulative_trapezoid(y: Tensor, x: Tensor, *, dim: _int = -1) -> Tensor: ...
@overload
def cumulative_trapezoid(y: Tensor, *, dx: Number = 1, dim: _int = -1) -> Tensor: ...
def deg2rad(input: Tensor, *, out: Any = None) -> Tensor: ...
def det(input: Tensor) -> Tensor: ...
def diag(input: Tensor, diagonal: _int = 0, *, out: Any = None) -> Tensor: ...
def diag_embed(
    input: Tensor, offset: _int = 0, dim1: _int = -2, dim2: _int = -1, *, out: Any = None
) -> Tensor: ...
def diagflat(input: Tensor, offset: _int = 0, *, out: Any = None) -> Tensor: ...
def diagonal(input: Tensor, offset: _int = 0, dim1: _int = 0, dim2: _int = 1) -> Tensor: ...
def diagonal_copy(
    input: Tensor, offset: _int = 0, dim1: _int = 0, dim2: _int = 1, *, out: Any = None
) -> Tensor: ...
def diagonal_scatter(
    input: Tensor, src: Tensor, offset: _int = 0, dim1: _int = 0, dim2: _int = 1
) -> Tensor: ...
def diff(
    input: Tensor,
    n: _int = 1,
    dim: _int = -1,
    prepend: Tensor | None = None,
    append: Tensor | None = None,
    *,
    out: Any = None,
) -> Tensor: ...
def digamma(input: Tensor, *, out: Any = None) -> Tensor: ...
def dist(input: Tensor, other: Tensor, p: Number = 2) -> Tensor: ...
def div(
    input: Tensor | Number,
    other: Tensor | Number,
    *,
    rounding_mode: str | None = None,
    out: Any = None,
) -> Tensor: ...
def divide(
    input: Tensor | Number,
    other: Tensor | Number,
    *,
    rounding_mode: str | None = None,
    out: Any = None,
) -> Tensor: ...
def dot(input: Tensor, tensor: Tensor, *, out: Any = None) -> Tensor: ...
@overload
def dsplit(input: Tensor, sections: _int) -> tuple[Tensor, ...]: ...
@overload
def dsplit(input: Tensor, indices: Sizes) -> tuple[Tensor, ...]: ...
def dstack(tensors: Tensors, *, out: Any = None) -> Tensor: ...
@overload
def einsum(equation: str, *operands: Any, out: Any = None) -> Tensor: ...
@overload
def einsum(*tensors_and_labels: Any, out: Any = None) -> Tensor: ...
def embedding(
    weight: Tensor,
    indices: Tensor,
    padding_idx: _int = -1,
    scale_grad_by_freq: _bool = False,
    sparse: _bool = False,
) -> Tensor: ...
def empty(
    *size: Any,
    dtype: DType | None = None,
    memory_format: _memory_format | None = None,
    out: Any = None,
    device: Any = None,
    layout: Any = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
def empty_like(
    input: Tensor,
    *,
    dtype: DType | None = None,
    memory_format: _memory_format | None = None,
    device: Any = None,
    layout: Any = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
def eq(input: Tensor, other: Tensor | Number, *, out: Any = None) -> Tensor: ...
def equal(input: Tensor, other: Tensor) -> Any: ...
def erf(input: Tensor, *, out: Any = None) -> Tensor: ...
def erfc(input: Tensor, *, out: Any = None) -> Tensor: ...
def erfinv(input: Tensor, *, out: Any = None) -> Tensor: ...
def exp(input: Tensor, *, out: Any = None) -> Tensor: ...
def exp2(input: Tensor, *, out: Any = None) -> Tensor: ...
def expand_copy(
    input: Tensor, size: Sizes, *, implicit: _bool = False, out: Any = None
) -> Tensor: ...
def expm1(input: Tensor, *, out: Any = None) -> Tensor: ...
@overload
def eye(
    n: _int,
    *,
    dtype: DType | None = None,
    out: Any = None,
    device: Any = None,
    layout: Any = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
@overload
def eye(
    n: _int,
    m: _int,
    *,
    dtype: DType | None = None,
    out: Any = None,
    device: Any = None,
    layout: Any = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
def fill(input: Tensor, value: Tensor | Number) -> Tensor: ...
def fix(input: Tensor, *, out: Any = None) -> Tensor: ...
def flatten(input: Tensor, start_dim: _int = 0, end_dim: _int = -1) -> Tensor: ...
def flip(input: Tensor, dims: Sizes) -> Tensor: ...
def fliplr(input: Tensor) -> Tensor: ...
def flipud(input: Tensor) -> Tensor: ...
def float_power(
    input: Tensor | Number, exponent: Tensor | Number, *, out: Any = None
) -> Tensor: ...
def floor(input: Tensor, *, out: Any = None) -> Tensor: ...
def floor_divide(input: Tensor | Number, other: Tensor | Number, *, out: Any = None) -> Tensor: ...
def fmax(input: Tensor, other: Tensor, *, out: Any = None) -> Tensor: ...
def fmin(input: Tensor, other: Tensor, *, out: Any = None) -> Tensor: ...
def fmod(input: Tensor, other: Tensor | Number, *, out: Any = None) -> Tensor: ...
def frac(input: Tensor, *, out: Any = None) -> Tensor: ...
def frexp(input: Tensor, *, out: Any = None) -> _return_types.frexp: ...
def full(
    size: Sizes,
    fill_value: Number,
    *,
    dtype: DType | None = None,
    out: Any = None,
    device: Any = None,
    layout: Any = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
def full_like(
    input: Tensor,
    fill_value: Number,
    *,
    dtype: DType | None = None,
    memory_format: _memory_format | None = None,
    device: Any = None,
    layout: Any = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
def gather(
    input: Tensor, dim: _int, index: Tensor, *, sparse_grad: _bool = False, out: Any = None
) -> Tensor: ...
def gcd(input: Tensor, other: Tensor, *, out: Any = None) -> Tensor: ...
def ge(input: Tensor, other: Tensor | Number, *, out: Any = None) -> Tensor: ...
def geqrf(input: Tensor, *, out: Any = None) -> _return_types.geqrf: ...
def ger(input: Tensor, vec2: Tensor, *, out: Any = None) -> Tensor: ...
def greater(input: Tensor, other: Tensor | Number, *, out: Any = None) -> Tensor: ...
def greater_equal(input: Tensor, other: Tensor | Number, *, out: Any = None) -> Tensor: ...
def gt(input: Tensor, other: Tensor | Number, *, out: Any = None) -> Tensor: ...
@overload
def hamming_window(
    window_length: _int,
    periodic: _bool = True,
    *,
    dtype: DType | None = None,
    device: Any = None,
    layout: Any = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
@overload
def hamming_window(
    window_length: _int,
    periodic: _bool,
    alpha: _float,
    *,
    dtype: DType | None = None,
    device: Any = None,
    layout: Any = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
@overload
def hamming_window(
    window_length: _int,
    periodic: _bool,
    alpha: _float,
    beta: _float,
    *,
    dtype: DType | None = None,
    device: Any = None,
    layout: Any = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
def hann_window(
    window_length: _int,
    periodic: _bool = True,
    *,
    dtype: DType | None = None,
    device: Any = None,
    layout: Any = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
def hardshrink(input: Tensor, lambd: _float = 0.5, *, out: Any = None) -> Tensor: ...
def heaviside(input: Tensor, values: Tensor, *, out: Any = None) -> Tensor: ...
def histc(
    input: Tensor, bins: _int = 100, min: Number = 0, max: Number = 0, *, out: Any = None
) -> Tensor: ...
@overload
def hsplit(input: Tensor, sections: _int) -> tuple[Tensor, ...]: ...
@overload
def hsplit(input: Tensor, indices: Sizes) -> tuple[Tensor, ...]: ...
def hstack(tensors: Tensors, *, out: Any = None) -> Tensor: ...
def hypot(input: Tensor, other: Tensor, *, out: Any = None) -> Tensor: ...
def i0(input: Tensor, *, out: Any = None) -> Tensor: ...
def igamma(input: Tensor, other: Tensor, *, out: Any = None) -> Tensor: ...
def igammac(input: Tensor, other: Tensor, *, out: Any = None) -> Tensor: ...
def imag(input: Tensor) -> Tensor: ...
def index_add(
    input: Tensor, dim: _int, index: Tensor, source: Tensor, *, alpha: Number = 1, out: Any = None
) -> Tensor: ...
def index_copy(
    input: Tensor, dim: _int, index: Tensor, source: Tensor, *, out: Any = None
) -> Tensor: ...
@overload
def index_fill(input: Tensor, dim: _int, index: Tensor, value: Number) -> Tensor: ...
@overload
def index_fill(input: Tensor, dim: _int, index: Tensor, value: Tensor) -> Tensor: ...
def index_put(
    input: Tensor, indices: Tensors, values: Tensor, accumulate: _bool = False
) -> Tensor: ...
def index_select(input: Tensor, dim: _int, index: Tensor, *, out: Any = None) -> Tensor: ...
def inner(input: Tensor, other: Tensor, *, out: Any = None) -> Tensor: ...
def inverse(input: Tensor, *, out: Any = None) -> Tensor: ...
def is_nonzero(input: Tensor) -> Any: ...
def isclose(
    input: Tensor,
    other: Tensor,
    rtol: _float = 1e-05,
    atol: _float = 1e-08,
    equal_nan: _bool = False,
) -> Tensor: ...
def isfinite(input: Tensor, *, out: Any = None) -> Tensor: ...
def isin(
    elements: Tensor | Number,
    test_elements: Tensor | Number,
    *,
    assume_unique: _bool = False,
    invert: _bool = False,
    out: Any = None,
) -> Tensor: ...
def isinf(input: Tensor, *, out: Any = None) -> Tensor: ...
def isnan(input: Tensor, *, out: Any = None) -> Tensor: ...
def isneginf(input: Tensor, *, out: Any = None) -> Tensor: ...
def isposinf(input: Tensor, *, out: Any = None) -> Tensor: ...
def isreal(input: Tensor) -> Tensor: ...
def istft(
    input: Tensor,
    n_fft: _int,
    hop_length: _int | None = None,
    win_length: _int | None = None,
    window: Tensor | None = None,
    center: _bool = True,
    normalized: _bool = False,
    onesided: _bool | None = None,
    length: _int | None = None,
    return_complex: _bool = False,
) -> Tensor: ...
@overload
def kaiser_window(
    window_length: _int,
    periodic: _bool = True,
    *,
    dtype: DType | None = None,
    device: Any = None,
    layout: Any = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
@overload
def kaiser_window(
    window_length: _int,
    periodic: _bool,
    beta: _float,
    *,
    dtype: DType | None = None,
    device: Any = None,
    layout: Any = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
def kron(input: Tensor, other: Tensor, *, out: Any = None) -> Tensor: ...
def kthvalue(
    input: Tensor, k: _int, dim: _int = -1, keepdim: _bool = False, *, out: Any = None
) -> _return_types.kthvalue: ...
def lcm(input: Tensor, other: Tensor, *, out: Any = None) -> Tensor: ...
def le(input: Tensor, other: Tensor | Number, *, out: Any = None) -> Tensor: ...
def lerp(input: Tensor, end: Tensor, weight: Tensor | Number, *, out: Any = None) -> Tensor: ...
def less(input: Tensor, other: Tensor | Number, *, out: Any = None) -> Tensor: ...
def less_equal(input: Tensor, other: Tensor | Number, *, out: Any = None) -> Tensor: ...
def lgamma(input: Tensor, *, out: Any = None) -> Tensor: ...
def linspace(
    start: Tensor | Number,
    end: Tensor | Number,
    steps: _int,
    *,
    dtype: DType | None = None,
    out: Any = None,
    device: Any = None,
    layout: Any = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
def log(input: Tensor, *, out: Any = None) -> Tensor: ...
def log10(input: Tensor, *, out: Any = None) -> Tensor: ...
def log1p(input: Tensor, *, out: Any = None) -> Tensor: ...
def log2(input: Tensor, *, out: Any = None) -> Tensor: ...
def log_softmax(
    input: Tensor, dim: _int, dtype: DType | None = None, *, out: Any = None
) -> Tensor: ...
def logaddexp(input: Tensor, other: Tensor, *, out: Any = None) -> Tensor: ...
def logaddexp2(input: Tensor, other: Tensor, *, out: Any = None) -> Tensor: ...
def logcumsumexp(input: Tensor, dim: _int, *, out: Any = None) -> Tensor: ...
def logdet(input: Tensor) -> Tensor: ...
def logical_and(input: Tensor, other: Tensor, *, out: Any = None) -> Tensor: ...
def logical_not(input: Tensor, *, out: Any = None) -> Tensor: ...
def logical_or(input: Tensor, other: Tensor, *, out: Any = None) -> Tensor: ...
def logical_xor(input: Tensor, other: Tensor, *, out: Any = None) -> Tensor: ...
def logit(input: Tensor, eps: _float | None = None, *, out: Any = None) -> Tensor: ...
def logspace(
    start: Tensor | Number,
    end: Tensor | Number,
    steps: _int,
    base: _float = 10.0,
    *,
    dtype: DType | None = None,
    out: Any = None,
    device: Any = None,
    layout: Any = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
def logsumexp(input: Tensor, dim: Ints, keepdim: _bool = False, *, out: Any = None) -> Tensor: ...
def lt(input: Tensor, other: Tensor | Number, *, out: Any = None) -> Tensor: ...
def lu(A: Tensor, pivot: _bool = True, get_infos: _bool = False) -> Any: ...
def lu_solve(input: Tensor, LU_data: Tensor, LU_pivots: Tensor, *, out: Any = None) -> Tensor: ...
def lu_unpack(
    LU_data: Tensor,
    LU_pivots: Tensor,
    unpack_data: _bool = True,
    unpack_pivots: _bool = True,
    *,
    out: Any = None,
) -> _return_types.lu_unpack: ...
def masked_fill(input: Tensor, mask: Tensor, value: Tensor | Number) -> Tensor: ...
def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor: ...
def masked_select(input: Tensor, mask: Tensor, *, out: Any = None) -> Tensor: ...
def matmul(input: Tensor, other: Tensor, *, out: Any = None) -> Tensor: ...
def matrix_exp(input: Tensor) -> Tensor: ...
def matrix_power(input: Tensor, n: _int, *, out: Any = None) -> Tensor: ...
@overload
def max(input: Tensor, *, out: Any = None) -> Tensor: ...
@overload
def max(input: Tensor, other: Tensor, *, out: Any = None) -> Tensor: ...
@overload
def max(
    input: Tensor, dim: _int, keepdim: _bool = False, *, out: Any = None
) -> _return_types.max: ...
def max_pool1d(
    input: Tensor,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    dilation: Ints = 1,
    ceil_mode: _bool = False,
) -> Tensor: ...
def max_pool2d(
    input: Tensor,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    dilation: Ints = 1,
    ceil_mode: _bool = False,
) -> Tensor: ...
def max_pool3d(
    input: Tensor,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    dilation: Ints = 1,
    ceil_mode: _bool = False,
) -> Tensor: ...
def maximum(input: Tensor, other: Tensor, *, out: Any = None) -> Tensor: ...
@overload
def mean(input: Tensor, *, dtype: DType | None = None, out: Any = None) -> Tensor: ...
@overload
def mean(
    input: Tensor,
    dim: Ints | None,
    keepdim: _bool = False,
    *,
    dtype: DType | None = None,
    out: Any = None,
) -> Tensor: ...
@overload
def median(input: Tensor) -> Tensor: ...
@overload
def median(
    input: Tensor, dim: _int, keepdim: _bool = False, *, out: Any = None
) -> _return_types.median: ...
def meshgrid(*tensors: Any, indexing: str | None = None) -> tuple[Tensor, ...]: ...
@overload
def min(input: Tensor, *, out: Any = None) -> Tensor: ...
@overload
def min(input: Tensor, other: Tensor, *, out: Any = None) -> Tensor: ...
@overload
def min(
    input: Tensor, dim: _int, keepdim: _bool = False, *, out: Any = None
) -> _return_types.min: ...
def minimum(input: Tensor, other: Tensor, *, out: Any = None) -> Tensor: ...
def mm(input: Tensor, mat2: Tensor, *, out: Any = None) -> Tensor: ...
def mode(
    input: Tensor, dim: _int = -1, keepdim: _bool = False, *, out: Any = None
) -> _return_types.mode: ...
@overload
def moveaxis(input: Tensor, source: _int, destination: _int) -> Tensor: ...
@overload
def moveaxis(input: Tensor, source: Sizes, destination: Sizes) -> Tensor: ...
@overload
def movedim(input: Tensor, source: _int, destination: _int) -> Tensor: ...
@overload
def movedim(input: Tensor, source: Sizes, destination: Sizes) -> Tensor: ...
def msort(input: Tensor, *, out: Any = None) -> Tensor: ...
def mul(input: Tensor | Number, other: Tensor | Number, *, out: Any = None) -> Tensor: ...
def multinomial(
    input: Tensor,
    num_samples: _int,
    replacement: _bool = False,
    *,
    out: Any = None,
    generator: Any = None,
) -> Tensor: ...
def multiply(input: Tensor | Number, other: Tensor | Number, *, out: Any = None) -> Tensor: ...
def mv(input: Tensor, vec: Tensor, *, out: Any = None) -> Tensor: ...
def mvlgamma(input: Tensor, p: _int, *, out: Any = None) -> Tensor: ...
def nan_to_num(
    input: Tensor,
    nan: _float | None = None,
    posinf: _float | None = None,
    neginf: _float | None = None,
    *,
    out: Any = None,
) -> Tensor: ...
def nanmean(
    input: Tensor,
    dim: Ints | None = None,
    keepdim: _bool = False,
    *,
    dtype: DType | None = None,
    out: Any = None,
) -> Tensor: ...
@overload
def nanmedian(input: Tensor) -> Tensor: ...
@overload
def nanmedian(
    input: Tensor, dim: _int, keepdim: _bool = False, *, out: Any = None
) -> _return_types.nanmedian: ...
def nanquantile(
    input: Tensor,
    q: Tensor | Number,
    dim: _int | None = None,
    keepdim: _bool = False,
    *,
    interpolation: str = "linear",
    out: Any = None,
) -> Tensor: ...
def nansum(
    input: Tensor,
    dim: Ints | None = None,
    keepdim: _bool = False,
    *,
    dtype: DType | None = None,
    out: Any = None,
) -> Tensor: ...
@overload
def narrow(input: Tensor, dim: _int, start: Tensor, length: _int) -> Tensor: ...
@overload
def narrow(input: Tensor, dim: _int, start: _int, length: _int) -> Tensor: ...
def ne(input: Tensor, other: Tensor | Number, *, out: Any = None) -> Tensor: ...
def neg(input: Tensor, *, out: Any = None) -> Tensor: ...
def negative(input: Tensor, *, out: Any = None) -> Tensor: ...
def nextafter(input: Tensor, other: Tensor, *, out: Any = None) -> Tensor: ...
def nonzero(input: Tensor, *, as_tuple: _bool = False, out: Any = None) -> Any: ...
@overload
def norm(
    input: Tensor,
    p: str = "fro",
    dim: Ints | None = None,
    keepdim: _bool = False,
    *,
    dtype: DType | None = None,
    out: Any = None,
) -> Tensor: ...
@overload
def norm(
    input: Tensor,
    p: Number | None,
    dim: Ints | None = None,
    keepdim: _bool = False,
    *,
    dtype: DType | None = None,
    out: Any = None,
) -> Tensor: ...
@overload
def normal(
    mean: _float,
    std: _float,
    size: Sizes,
    *,
    dtype: DType | None = None,
    out: Any = None,
    generator: Any = None,
    device: Any = None,
    layout: Any = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
@overload
def normal(
    mean: Tensor, std: Tensor | Number = 1.0, *, out: Any = None, generator: Any = None
) -> Tensor: ...
@overload
def normal(mean: Number, std: Tensor, *, out: Any = None, generator: Any = None) -> Tensor: ...
def not_equal(input: Tensor, other: Tensor | Number, *, out: Any = None) -> Tensor: ...
def ones(
    *size: Any,
    dtype: DType | None = None,
    out: Any = None,
    device: Any = None,
    layout: Any = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
def ones_like(
    input: Tensor,
    *,
    dtype: DType | None = None,
    memory_format: _memory_format | None = None,
    device: Any = None,
    layout: Any = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
def orgqr(input: Tensor, input2: Tensor, *, out: Any = None) -> Tensor: ...
def ormqr(
    input: Tensor,
    input2: Tensor,
    input3: Tensor,
    left: _bool = True,
    transpose: _bool = False,
    *,
    out: Any = None,
) -> Tensor: ...
def outer(input: Tensor, vec2: Tensor, *, out: Any = None) -> Tensor: ...
def pairwise_distance(
    x1: Tensor, x2: Tensor, p: _float = 2.0, eps: _float = 1e-6, keepdim: _bool = False
) -> Tensor: ...
def permute(input: Tensor, dims: Sizes) -> Tensor: ...
def permute_copy(input: Tensor, dims: Sizes, *, out: Any = None) -> Tensor: ...
def pinverse(input: Tensor, rcond: _float = 1e-15) -> Tensor: ...
def poisson(input: Tensor, *, generator: Any = None) -> Tensor: ...
def polar(abs: Tensor, angle: Tensor, *, out: Any = None) -> Tensor: ...
def polygamma(n: _int, input: Tensor, *, out: Any = None) -> Tensor: ...
def positive(input: Tensor) -> Tensor: ...
def pow(input: Tensor | Number, exponent: Tensor | Number, *, out: Any = None) -> Tensor: ...
def prelu(input: Tensor, weight: Tensor) -> Tensor: ...
@overload
def prod(input: Tensor, *, dtype: DType | None = None, out: Any = None) -> Tensor: ...
@overload
def prod(
    input: Tensor, dim: _int, keepdim: _bool = False, *, dtype: DType | None = None, out: Any = None
) -> Tensor: ...
def promote_types(type1: DType, type2: DType) -> _dtype: ...
def put(input: Tensor, index: Tensor, source: Tensor, accumulate: _bool = False) -> Tensor: ...
def qr(input: Tensor, some: _bool = True, *, out: Any = None) -> _return_types.qr: ...
def quantile(
    input: Tensor,
    q: Tensor | Number,
    dim: _int | None = None,
    keepdim: _bool = False,
    *,
    interpolation: str = "linear",
    out: Any = None,
) -> Tensor: ...
def rad2deg(input: Tensor, *, out: Any = None) -> Tensor: ...
def rand(
    *size: Any,
    dtype: DType | None = None,
    out: Any = None,
    generator: Any = None,
    device: Any = None,
    layout: Any = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
def rand_like(
    input: Tensor,
    *,
    dtype: DType | None = None,
    memory_format: _memory_format | None = None,
    generator: Any = None,
    device: Any = None,
    layout: Any = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
@overload
def randint(
    high: _int,
    size: Sizes,
    *,
    dtype: DType | None = None,
    out: Any = None,
    generator: Any = None,
    device: Any = None,
    layout: Any = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
@overload
def randint(
    low: _int,
    high: _int,
    size: Sizes,
    *,
    dtype: DType | None = None,
    out: Any = None,
    generator: Any = None,
    device: Any = None,
    layout: Any = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
@overload
def randint_like(
    input: Tensor,
    high: _int,
    *,
    dtype: DType | None = None,
    memory_format: _memory_format | None = None,
    generator: Any = None,
    device: Any = None,
    layout: Any = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
@overload
def randint_like(
    input: Tensor,
    low: _int,
    high: _int,
    *,
    dtype: DType | None = None,
    memory_format: _memory_format | None = None,
    generator: Any = None,
    device: Any = None,
    layout: Any = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
def randn(
    *size: Any,
    dtype: DType | None = None,
    out: Any = None,
    generator: Any = None,
    device: Any = None,
    layout: Any = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
def randn_like(
    input: Tensor,
    *,
    dtype: DType | None = None,
    memory_format: _memory_format | None = None,
    generator: Any = None,
    device: Any = None,
    layout: Any = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
def randperm(
    n: _int,
    *,
    dtype: DType | None = None,
    out: Any = None,
    generator: Any = None,
    device: Any = None,
    layout: Any = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
def ravel(input: Tensor) -> Tensor: ...
def real(input: Tensor) -> Tensor: ...
def reciprocal(input: Tensor, *, out: Any = None) -> Tensor: ...
def relu(input: Tensor, *, out: Any = None) -> Tensor: ...
def remainder(input: Tensor | Number, other: Tensor | Number, *, out: Any = None) -> Tensor: ...
@overload
def repeat_interleave(
    input: Tensor, repeats: Tensor, dim: _int | None = None, *, output_size: _int | None = None
) -> Tensor: ...
@overload
def repeat_interleave(
    input: Tensor, repeats: _int, dim: _int | None = None, *, output_size: _int | None = None
) -> Tensor: ...
@overload
def repeat_interleave(repeats: Tensor, *, output_size: _int | None = None) -> Tensor: ...
def reshape(input: Tensor, shape: Sizes) -> Tensor: ...
def resolve_conj(input: Tensor) -> Tensor: ...
def resolve_neg(input: Tensor) -> Tensor: ...
@overload
def result_type(tensor: Tensor, other: Tensor | Number) -> _dtype: ...
@overload
def result_type(scalar: Number, tensor: Tensor) -> _dtype: ...
@overload
def result_type(scalar1: Number, scalar2: Number) -> _dtype: ...
def roll(input: Tensor, shifts: Ints, dims: Ints | None = ()) -> Tensor: ...
def rot90(input: Tensor, k: _int = 1, dims: Sizes = (0, 1)) -> Tensor: ...
def round(input: Tensor, *, decimals: _int = 0, out: Any = None) -> Tensor: ...
def row_stack(tensors: Tensors, *, out: Any = None) -> Tensor: ...
def rsqrt(input: Tensor, *, out: Any = None) -> Tensor: ...
@overload
def rsub(input: Tensor, other: Number, alpha: Number = 1) -> Tensor: ...
@overload
def rsub(input: Tensor, other: Tensor | Number, *, alpha: Number = 1) -> Tensor: ...
def scalar_tensor(
    s: Number,
    *,
    dtype: DType | None = None,
    device: Any = None,
    layout: Any = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
@overload
def scatter(input: Tensor, dim: _int, index: Tensor, src: Tensor, *, out: Any = None) -> Tensor: ...
@overload
def scatter(
    input: Tensor, dim: _int, index: Tensor, value: Number, *, out: Any = None
) -> Tensor: ...
@overload
def scatter(
    input: Tensor, dim: _int, index: Tensor, src: Tensor, *, reduce: str, out: Any = None
) -> Tensor: ...
@overload
def scatter(
    input: Tensor, dim: _int, index: Tensor, value: Number, *, reduce: str, out: Any = None
) -> Tensor: ...
def scatter_add(
    input: Tensor, dim: _int, index: Tensor, src: Tensor, *, out: Any = None
) -> Tensor: ...
def scatter_reduce(
    input: Tensor,
    dim: _int,
    index: Tensor,
    src: Tensor,
    reduce: str,
    *,
    include_self: _bool = True,
    out: Any = None,
) -> Tensor: ...
def searchsorted(
    sorted_sequence: Tensor,
    input: Tensor | Number,
    *,
    out_int32: _bool = False,
    right: _bool = False,
    side: str | None = None,
    sorter: Tensor | None = None,
    out: Any = None,
) -> Tensor: ...
def select(input: Tensor, dim: _int, index: _int) -> Tensor: ...
def select_copy(input: Tensor, dim: _int, index: _int, *, out: Any = None) -> Tensor: ...
def select_scatter(input: Tensor, src: Tensor, dim: _int, index: _int) -> Tensor: ...
def selu(input: Tensor) -> Tensor: ...
def sgn(input: Tensor, *, out: Any = None) -> Tensor: ...
def sigmoid(input: Tensor, *, out: Any = None) -> Tensor: ...
def sign(input: Tensor, *, out: Any = None) -> Tensor: ...
def signbit(input: Tensor, *, out: Any = None) -> Tensor: ...
def sin(input: Tensor, *, out: Any = None) -> Tensor: ...
def sinc(input: Tensor, *, out: Any = None) -> Tensor: ...
def sinh(input: Tensor, *, out: Any = None) -> Tensor: ...
def slice_scatter(
    input: Tensor,
    src: Tensor,
    dim: _int = 0,
    start: _int | None = None,
    end: _int | None = None,
    step: _int = 1,
    *,
    out: Any = None,
) -> Tensor: ...
def slogdet(input: Tensor, *, out: Any = None) -> _return_types.slogdet: ...
def softmax(input: Tensor, dim: _int, dtype: DType | None = None, *, out: Any = None) -> Tensor: ...
@overload
def sort(
    input: Tensor, dim: _int = -1, descending: _bool = False, *, out: Any = None
) -> _return_types.sort: ...
@overload
def sort(
    input: Tensor,
    *,
    stable: _bool | None,
    dim: _int = -1,
    descending: _bool = False,
    out: Any = None,
) -> _return_types.sort: ...
@overload
def split(tensor: Tensor, split_size_or_sections: _int, dim: _int = 0) -> tuple[Tensor, ...]: ...
@overload
def split(tensor: Tensor, split_size_or_sections: Sizes, dim: _int = 0) -> tuple[Tensor, ...]: ...
@overload
def split(tensor: Tensor, split_size_or_sections: Tensor, dim: _int = 0) -> tuple[Tensor, ...]: ...
def split_copy(input: Tensor, split_size: _int, dim: _int = 0) -> tuple[Tensor, ...]: ...
def split_with_sizes(input: Tensor, split_sizes: Sizes, dim: _int = 0) -> tuple[Tensor, ...]: ...
def split_with_sizes_copy(
    input: Tensor, split_sizes: Sizes, dim: _int = 0
) -> tuple[Tensor, ...]: ...
def sqrt(input: Tensor, *, out: Any = None) -> Tensor: ...
def square(input: Tensor, *, out: Any = None) -> Tensor: ...
@overload
def squeeze(input: Tensor) -> Tensor: ...
@overload
def squeeze(input: Tensor, dim: _int) -> Tensor: ...
@overload
def squeeze(input: Tensor, dim: Sizes) -> Tensor: ...
@overload
def squeeze_copy(input: Tensor, *, out: Any = None) -> Tensor: ...
@overload
def squeeze_copy(input: Tensor, dim: _int, *, out: Any = None) -> Tensor: ...
def stack(tensors: Tensors, dim: _int = 0, *, out: Any = None) -> Tensor: ...
@overload
def std(input: Tensor, unbiased: _bool = True, *, out: Any = None) -> Tensor: ...
@overload
def std(
    input: Tensor,
    dim: Ints | None,
    unbiased: _bool = True,
    keepdim: _bool = False,
    *,
    out: Any = None,
) -> Tensor: ...
@overload
def std(
    input: Tensor,
    dim: Ints | None = None,
    *,
    correction: Number | None = 1,
    keepdim: _bool = False,
    out: Any = None,
) -> Tensor: ...
@overload
def std_mean(input: Tensor, unbiased: _bool = True) -> tuple[Tensor, ...]: ...
@overload
def std_mean(
    input: Tensor, dim: Ints | None, unbiased: _bool = True, keepdim: _bool = False
) -> tuple[Tensor, ...]: ...
@overload
def std_mean(
    input: Tensor, dim: Ints | None = None, *, correction: Number | None = 1, keepdim: _bool = False
) -> tuple[Tensor, ...]: ...
def stft(
    input: Tensor,
    n_fft: _int,
    hop_length: _int | None = None,
    win_length: _int | None = None,
    window: Tensor | None = None,
    center: _bool = True,
    pad_mode: str = "reflect",
    normalized: _bool = False,
    onesided: _bool | None = None,
    return_complex: _bool | None = None,
    align_to_window: _bool | None = None,
) -> Tensor: ...
def sub(
    input: Tensor | Number, other: Tensor | Number, *, alpha: Number = 1, out: Any = None
) -> Tensor: ...
@overload
def subtract(
    input: Tensor | Number, other: Tensor | Number, *, alpha: Number = 1, out: Any = None
) -> Tensor: ...
@overload
def subtract(input: Tensor, other: Number, alpha: Number = 1) -> Tensor: ...
@overload
def sum(input: Tensor, *, dtype: DType | None = None, out: Any = None) -> Tensor: ...
@overload
def sum(
    input: Tensor,
    dim: Ints | None,
    keepdim: _bool = False,
    *,
    dtype: DType | None = None,
    out: Any = None,
) -> Tensor: ...
def svd(
    input: Tensor, some: _bool = True, compute_uv: _bool = True, *, out: Any = None
) -> _return_types.svd: ...
def swapaxes(input: Tensor, axis0: _int, axis1: _int) -> Tensor: ...
def swapdims(input: Tensor, dim0: _int, dim1: _int) -> Tensor: ...
def t(input: Tensor) -> Tensor: ...
def t_copy(input: Tensor, *, out: Any = None) -> Tensor: ...
def take(input: Tensor, index: Tensor, *, out: Any = None) -> Tensor: ...
def take_along_dim(
    input: Tensor, indices: Tensor, dim: _int | None = None, *, out: Any = None
) -> Tensor: ...
def tan(input: Tensor, *, out: Any = None) -> Tensor: ...
def tanh(input: Tensor, *, out: Any = None) -> Tensor: ...
@overload
def tensor_split(
    input: Tensor, tensor_indices_or_sections: Tensor, dim: _int = 0
) -> tuple[Tensor, ...]: ...
@overload
def tensor_split(input: Tensor, sections: _int, dim: _int = 0) -> tuple[Tensor, ...]: ...
@overload
def tensor_split(input: Tensor, indices: Sizes, dim: _int = 0) -> tuple[Tensor, ...]: ...
@overload
def tensordot(a: Tensor, b: Tensor, dims: _int = 2, *, out: Any = None) -> Tensor: ...
@overload
def tensordot(a: Tensor, b: Tensor, dims: DimPair, *, out: Any = None) -> Tensor: ...
def threshold(input: Tensor, threshold: Number, value: Number, *, out: Any = None) -> Tensor: ...
def tile(input: Tensor, dims: Sizes) -> Tensor: ...
def topk(
    input: Tensor,
    k: _int,
    dim: _int = -1,
    largest: _bool = True,
    sorted: _bool = True,
    *,
    out: Any = None,
) -> _return_types.topk: ...
def trace(input: Tensor, *, out: Any = None) -> Tensor: ...
def transpose(input: Tensor, dim0: _int, dim1: _int) -> Tensor: ...
def transpose_copy(input: Tensor, dim0: _int, dim1: _int, *, out: Any = None) -> Tensor: ...
@overload
def trapezoid(y: Tensor, x: Tensor, *, dim: _int = -1) -> Tensor: ...
@overload
def trapezoid(y: Tensor, *, dx: Number = 1, dim: _int = -1) -> Tensor: ...
@overload
def trapz(y: Tensor, x: Tensor, *, dim: _int = -1) -> Tensor: ...
@overload
def trapz(y: Tensor, *, dx: Number = 1, dim: _int = -1) -> Tensor: ...
def triangular_solve(
    input: Tensor,
    A: Tensor,
    upper: _bool = True,
    transpose: _bool = False,
    unitriangular: _bool = False,
    *,
    out: Any = None,
) -> _return_types.triangular_solve: ...
def tril(input: Tensor, diagonal: _int = 0, *, out: Any = None) -> Tensor: ...
def tril_indices(
    row: _int,
    col: _int,
    offset: _int = 0,
    *,
    dtype: DType | None = None,
    device: Any = None,
    layout: Any = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
def triu(input: Tensor, diagonal: _int = 0, *, out: Any = None) -> Tensor: ...
def triu_indices(
    row: _int,
    col: _int,
    offset: _int = 0,
    *,
    dtype: DType | None = None,
    device: Any = None,
    layout: Any = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
def true_divide(input: Tensor | Number, other: Tensor | Number, *, out: Any = None) -> Tensor: ...
def trunc(input: Tensor, *, out: Any = None) -> Tensor: ...
def unbind(input: Tensor, dim: _int = 0) -> tuple[Tensor, ...]: ...
def unbind_copy(input: Tensor, dim: _int = 0) -> tuple[Tensor, ...]: ...
def unflatten(input: Tensor, dim: _int, sizes: Sizes) -> Tensor: ...
def unique(
    input: Tensor,
    sorted: _bool = True,
    return_inverse: _bool = False,
    return_counts: _bool = False,
    dim: _int | None = None,
) -> Any: ...
def unique_consecutive(
    input: Tensor,
    return_inverse: _bool = False,
    return_counts: _bool = False,
    dim: _int | None = None,
) -> Any: ...
def unsqueeze(input: Tensor, dim: _int) -> Tensor: ...
def unsqueeze_copy(input: Tensor, dim: _int, *, out: Any = None) -> Tensor: ...
def vander(x: Tensor, N: _int | None = None, increasing: _bool = False) -> Tensor: ...
@overload
def var(input: Tensor, unbiased: _bool = True, *, out: Any = None) -> Tensor: ...
@overload
def var(
    input: Tensor,
    dim: Ints | None,
    unbiased: _bool = True,
    keepdim: _bool = False,
    *,
    out: Any = None,
) -> Tensor: ...
@overload
def var(
    input: Tensor,
    dim: Ints | None = None,
    *,
    correction: Number | None = 1,
    keepdim: _bool = False,
    out: Any = None,
) -> Tensor: ...
@overload
def var_mean(input: Tensor, unbiased: _bool = True) -> tuple[Tensor, ...]: ...
@overload
def var_mean(
    input: Tensor, dim: Ints | None, unbiased: _bool = True, keepdim: _bool = False
) -> tuple[Tensor, ...]: ...
@overload
def var_mean(
    input: Tensor, dim: Ints | None = None, *, correction: Number | None = 1, keepdim: _bool = False
) -> tuple[Tensor, ...]: ...
def vdot(input: Tensor, other: Tensor, *, out: Any = None) -> Tensor: ...
def view_as_complex(input: Tensor) -> Tensor: ...
def view_as_real(input: Tensor) -> Tensor: ...
def view_as_real_copy(input: Tensor, *, out: Any = None) -> Tensor: ...
def view_copy(input: Tensor, size: Sizes, *, out: Any = None) -> Tensor: ...
@overload
def vsplit(input: Tensor, sections: _int) -> tuple[Tensor, ...]: ...
@overload
def vsplit(input: Tensor, indices: Sizes) -> tuple[Tensor, ...]: ...
def vstack(tensors: Tensors, *, out: Any = None) -> Tensor: ...
@overload
def where(condition: Tensor) -> tuple[Tensor, ...]: ...
@overload
def where(
    condition: Tensor, input: Tensor | Number, other: Tensor | Number, *, out: Any = None
) -> Tensor: ...
def xlogy(input: Tensor | Number, other: Tensor | Number, *, out: Any = None) -> Tensor: ...
def zeros(
    *size: Any,
    dtype: DType | None = None,
    out: Any = None,
    device: Any = None,
    layout: Any = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
def zeros_like(
    input: Tensor,
    *,
    dtype: DType | None = None,
    memory_format: _memory_format | None = None,
    device: Any = None,
    layout: Any = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
def abs_(input: Tensor) -> Tensor: ...
def absolute_(input: Tensor) -> Tensor: ...
def acos_(input: Tensor) -> Tensor: ...
def acosh_(input: Tensor) -> Tensor: ...
def add_(input: Tensor | Number, other: Tensor | Number, *, alpha: Number = 1) -> Tensor: ...
def addbmm_(
    input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Number = 1, alpha: Number = 1
) -> Tensor: ...
def addcdiv_(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1) -> Tensor: ...
def addcmul_(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1) -> Tensor: ...
def addmm_(
    input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Number = 1, alpha: Number = 1
) -> Tensor: ...
def addmv_(
    input: Tensor, mat: Tensor, vec: Tensor, *, beta: Number = 1, alpha: Number = 1
) -> Tensor: ...
def addr_(
    input: Tensor, vec1: Tensor, vec2: Tensor, *, beta: Number = 1, alpha: Number = 1
) -> Tensor: ...
def arccos_(input: Tensor) -> Tensor: ...
def arccosh_(input: Tensor) -> Tensor: ...
def arcsin_(input: Tensor) -> Tensor: ...
def arcsinh_(input: Tensor) -> Tensor: ...
def arctan_(input: Tensor) -> Tensor: ...
def arctan2_(input: Tensor, other: Tensor) -> Tensor: ...
def arctanh_(input: Tensor) -> Tensor: ...
def asin_(input: Tensor) -> Tensor: ...
def asinh_(input: Tensor) -> Tensor: ...
def atan_(input: Tensor) -> Tensor: ...
def atan2_(input: Tensor, other: Tensor) -> Tensor: ...
def atanh_(input: Tensor) -> Tensor: ...
def baddbmm_(
    input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Number = 1, alpha: Number = 1
) -> Tensor: ...
def bitwise_and_(input: Tensor | Number, other: Tensor | Number) -> Tensor: ...
def bitwise_left_shift_(input: Tensor | Number, other: Tensor | Number) -> Tensor: ...
def bitwise_not_(input: Tensor) -> Tensor: ...
def bitwise_or_(input: Tensor | Number, other: Tensor | Number) -> Tensor: ...
def bitwise_right_shift_(input: Tensor | Number, other: Tensor | Number) -> Tensor: ...
def bitwise_xor_(input: Tensor | Number, other: Tensor | Number) -> Tensor: ...
def ceil_(input: Tensor) -> Tensor: ...
@overload
def clamp_(input: Tensor, min: Tensor | None = None, max: Tensor | None = None) -> Tensor: ...
@overload
def clamp_(input: Tensor, min: Number | None = None, max: Number | None = None) -> Tensor: ...
def clamp_max_(input: Tensor, max: Tensor | Number) -> Tensor: ...
def clamp_min_(input: Tensor, min: Tensor | Number) -> Tensor: ...
@overload
def clip_(input: Tensor, min: Tensor | None = None, max: Tensor | None = None) -> Tensor: ...
@overload
def clip_(input: Tensor, min: Number | None = None, max: Number | None = None) -> Tensor: ...
def conj_physical_(input: Tensor) -> Tensor: ...
def copysign_(input: Tensor, other: Tensor | Number) -> Tensor: ...
def cos_(input: Tensor) -> Tensor: ...
def cosh_(input: Tensor) -> Tensor: ...
def cumprod_(input: Tensor, dim: _int, *, dtype: DType | None = None) -> Tensor: ...
def cumsum_(input: Tensor, dim: _int, *, dtype: DType | None = None) -> Tensor: ...
def deg2rad_(input: Tensor) -> Tensor: ...
def digamma_(input: Tensor) -> Tensor: ...
def div_(
    input: Tensor | Number, other: Tensor | Number, *, rounding_mode: str | None = None
) -> Tensor: ...
def divide_(
    input: Tensor | Number, other: Tensor | Number, *, rounding_mode: str | None = None
) -> Tensor: ...
def eq_(input: Tensor, other: Tensor | Number) -> Tensor: ...
def erf_(input: Tensor) -> Tensor: ...
def erfc_(input: Tensor) -> Tensor: ...
def erfinv_(input: Tensor) -> Tensor: ...
def exp_(input: Tensor) -> Tensor: ...
def exp2_(input: Tensor) -> Tensor: ...
def expm1_(input: Tensor) -> Tensor: ...
def fill_(input: Tensor, value: Tensor | Number) -> Tensor: ...
def fix_(input: Tensor) -> Tensor: ...
def float_power_(input: Tensor | Number, exponent: Tensor | Number) -> Tensor: ...
def floor_(input: Tensor) -> Tensor: ...
def floor_divide_(input: Tensor | Number, other: Tensor | Number) -> Tensor: ...
def fmod_(input: Tensor, other: Tensor | Number) -> Tensor: ...
def frac_(input: Tensor) -> Tensor: ...
def gcd_(input: Tensor, other: Tensor) -> Tensor: ...
def ge_(input: Tensor, other: Tensor | Number) -> Tensor: ...
def greater_(input: Tensor, other: Tensor | Number) -> Tensor: ...
def greater_equal_(input: Tensor, other: Tensor | Number) -> Tensor: ...
def gt_(input: Tensor, other: Tensor | Number) -> Tensor: ...
def heaviside_(input: Tensor, values: Tensor) -> Tensor: ...
def hypot_(input: Tensor, other: Tensor) -> Tensor: ...
def i0_(input: Tensor) -> Tensor: ...
def igamma_(input: Tensor, other: Tensor) -> Tensor: ...
def igammac_(input: Tensor, other: Tensor) -> Tensor: ...
def index_add_(
    input: Tensor, dim: _int, index: Tensor, source: Tensor, *, alpha: Number = 1
) -> Tensor: ...
def index_copy_(input: Tensor, dim: _int, index: Tensor, source: Tensor) -> Tensor: ...
@overload
def index_fill_(input: Tensor, dim: _int, index: Tensor, value: Number) -> Tensor: ...
@overload
def index_fill_(input: Tensor, dim: _int, index: Tensor, value: Tensor) -> Tensor: ...
def index_put_(
    input: Tensor, indices: Tensors, values: Tensor, accumulate: _bool = False
) -> Tensor: ...
def lcm_(input: Tensor, other: Tensor) -> Tensor: ...
def le_(input: Tensor, other: Tensor | Number) -> Tensor: ...
def lerp_(input: Tensor, end: Tensor, weight: Tensor | Number) -> Tensor: ...
def less_(input: Tensor, other: Tensor | Number) -> Tensor: ...
def less_equal_(input: Tensor, other: Tensor | Number) -> Tensor: ...
def lgamma_(input: Tensor) -> Tensor: ...
def log_(input: Tensor) -> Tensor: ...
def log10_(input: Tensor) -> Tensor: ...
def log1p_(input: Tensor) -> Tensor: ...
def log2_(input: Tensor) -> Tensor: ...
def logical_and_(input: Tensor, other: Tensor) -> Tensor: ...
def logical_not_(input: Tensor) -> Tensor: ...
def logical_or_(input: Tensor, other: Tensor) -> Tensor: ...
def logical_xor_(input: Tensor, other: Tensor) -> Tensor: ...
def logit_(input: Tensor, eps: _float | None = None) -> Tensor: ...
def lt_(input: Tensor, other: Tensor | Number) -> Tensor: ...
def masked_fill_(input: Tensor, mask: Tensor, value: Tensor | Number) -> Tensor: ...
def masked_scatter_(input: Tensor, mask: Tensor, source: Tensor) -> Tensor: ...
def mul_(input: Tensor | Number, other: Tensor | Number) -> Tensor: ...
def multiply_(input: Tensor | Number, other: Tensor | Number) -> Tensor: ...
def mvlgamma_(input: Tensor, p: _int) -> Tensor: ...
def nan_to_num_(
    input: Tensor,
    nan: _float | None = None,
    posinf: _float | None = None,
    neginf: _float | None = None,
) -> Tensor: ...
def ne_(input: Tensor, other: Tensor | Number) -> Tensor: ...
def neg_(input: Tensor) -> Tensor: ...
def negative_(input: Tensor) -> Tensor: ...
def nextafter_(input: Tensor, other: Tensor) -> Tensor: ...
def not_equal_(input: Tensor, other: Tensor | Number) -> Tensor: ...
def polygamma_(input: Tensor, n: _int) -> Tensor: ...
def pow_(input: Tensor | Number, exponent: Tensor | Number) -> Tensor: ...
def put_(input: Tensor, index: Tensor, source: Tensor, accumulate: _bool = False) -> Tensor: ...
def rad2deg_(input: Tensor) -> Tensor: ...
def reciprocal_(input: Tensor) -> Tensor: ...
def relu_(input: Tensor) -> Tensor: ...
def remainder_(input: Tensor | Number, other: Tensor | Number) -> Tensor: ...
def round_(input: Tensor, *, decimals: _int = 0) -> Tensor: ...
def rsqrt_(input: Tensor) -> Tensor: ...
@overload
def scatter_(input: Tensor, dim: _int, index: Tensor, src: Tensor) -> Tensor: ...
@overload
def scatter_(input: Tensor, dim: _int, index: Tensor, value: Number) -> Tensor: ...
@overload
def scatter_(input: Tensor, dim: _int, index: Tensor, src: Tensor, *, reduce: str) -> Tensor: ...
@overload
def scatter_(input: Tensor, dim: _int, index: Tensor, value: Number, *, reduce: str) -> Tensor: ...
def scatter_add_(input: Tensor, dim: _int, index: Tensor, src: Tensor) -> Tensor: ...
def scatter_reduce_(
    input: Tensor, dim: _int, index: Tensor, src: Tensor, reduce: str, *, include_self: _bool = True
) -> Tensor: ...
def sgn_(input: Tensor) -> Tensor: ...
def sigmoid_(input: Tensor) -> Tensor: ...
def sign_(input: Tensor) -> Tensor: ...
def sin_(input: Tensor) -> Tensor: ...
def sinc_(input: Tensor) -> Tensor: ...
def sinh_(input: Tensor) -> Tensor: ...
def sqrt_(input: Tensor) -> Tensor: ...
def square_(input: Tensor) -> Tensor: ...
def sub_(input: Tensor | Number, other: Tensor | Number, *, alpha: Number = 1) -> Tensor: ...
@overload
def subtract_(input: Tensor | Number, other: Tensor | Number, *, alpha: Number = 1) -> Tensor: ...
@overload
def subtract_(input: Tensor, other: Number, alpha: Number = 1) -> Tensor: ...
def tan_(input: Tensor) -> Tensor: ...
def tanh_(input: Tensor) -> Tensor: ...
def tril_(input: Tensor, diagonal: _int = 0) -> Tensor: ...
def triu_(input: Tensor, diagonal: _int = 0) -> Tensor: ...
def true_divide_(input: Tensor | Number, other: Tensor | Number) -> Tensor: ...
def trunc_(input: Tensor) -> Tensor: ...
def xlogy_(input: Tensor | Number, other: Tensor | Number) -> Tensor: ...
