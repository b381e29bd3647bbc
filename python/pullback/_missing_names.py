"""Functions and methods of torch that pullback has not, each with the reason.

``REASONS`` is what errors say and what the table in docs/differences.md is made of
(tools/coverage.py, which fails for a name that is neither here nor in the package). A name is
written as below ``torch``: ``nn.functional.scaled_mm``, ``Tensor.coalesce``.
"""

from __future__ import annotations

REASONS: dict[str, str] = {}


def _out(reason: str, space: str, names: str) -> None:
    below = f"{space}." if space else ""
    REASONS.update((below + name, reason) for name in names.split())


_QUANTISED = "it is for quantised tensors"
_out(
    _QUANTISED,
    "",
    "choose_qparams_optimized dequantize empty_quantized fake_quantize_per_channel_affine "
    "fake_quantize_per_tensor_affine fbgemm_linear_fp16_weight "
    "fbgemm_linear_fp16_weight_fp32_activation fbgemm_linear_int8_weight "
    "fbgemm_linear_int8_weight_fp32_activation fbgemm_linear_quantize_weight "
    "fbgemm_pack_gemm_matrix_fp16 fbgemm_pack_quantized_matrix fused_moving_avg_obs_fake_quant "
    "int_repr q_per_channel_axis q_per_channel_scales q_per_channel_zero_points q_scale "
    "q_zero_point quantize_per_channel quantize_per_tensor quantize_per_tensor_dynamic "
    "quantized_batch_norm quantized_gru quantized_gru_cell quantized_lstm quantized_lstm_cell "
    "quantized_max_pool1d quantized_max_pool2d quantized_max_pool3d quantized_rnn_relu_cell "
    "quantized_rnn_tanh_cell",
)
_out(
    _QUANTISED,
    "Tensor",
    "dequantize int_repr q_per_channel_axis q_per_channel_scales q_per_channel_zero_points q_scale "
    "q_zero_point qscheme",
)
_SPARSE = "it is for sparse layouts; `sparse.CSRMatrix` is the one sparse matrix here"
_out(
    _SPARSE,
    "",
    "ccol_indices_copy col_indices_copy crow_indices_copy dsmm hsmm hspmm indices_copy "
    "resize_as_sparse_ row_indices_copy saddmm smm sparse_bsc_tensor sparse_bsr_tensor "
    "sparse_compressed_tensor sparse_coo_tensor sparse_csc_tensor sparse_csr_tensor spmm sspaddmm "
    "values_copy",
)
_out(
    _SPARSE,
    "Tensor",
    "ccol_indices coalesce col_indices crow_indices dense_dim indices is_coalesced "
    "resize_as_sparse_ row_indices smm sparse_dim sparse_mask sparse_resize_ "
    "sparse_resize_and_clear_ sspaddmm to_dense to_sparse to_sparse_bsc to_sparse_bsr "
    "to_sparse_coo to_sparse_csc to_sparse_csr values",
)
_out(
    "`sparse.CSRMatrix` is the one sparse matrix here: see [sparse matrices](sparse.md)",
    "sparse",
    "SparseSemiStructuredTensor SparseSemiStructuredTensorCUSPARSELT "
    "SparseSemiStructuredTensorCUTLASS addmm as_sparse_gradcheck check_sparse_tensor_invariants "
    "log_softmax mm softmax solve sum to_sparse_semi_structured",
)
_DEVICE = "it is for another device, or the library of one"
_out(
    _DEVICE,
    "",
    "batch_norm_backward_elemt batch_norm_backward_reduce batch_norm_elemt "
    "batch_norm_gather_stats batch_norm_gather_stats_with_counts batch_norm_stats "
    "batch_norm_update_stats cudnn_affine_grid_generator cudnn_batch_norm cudnn_convolution "
    "cudnn_convolution_add_relu cudnn_convolution_relu cudnn_convolution_transpose "
    "cudnn_grid_sampler cudnn_is_acceptable get_autocast_gpu_dtype get_autocast_ipu_dtype "
    "get_autocast_xla_dtype get_device_module is_autocast_ipu_enabled is_autocast_xla_enabled "
    "is_vulkan_available miopen_batch_norm miopen_convolution miopen_convolution_add_relu "
    "miopen_convolution_relu miopen_convolution_transpose miopen_ctc_loss "
    "miopen_depthwise_convolution miopen_rnn mkldnn_adaptive_avg_pool2d mkldnn_convolution "
    "mkldnn_linear_backward_weights mkldnn_max_pool2d mkldnn_max_pool3d mkldnn_rnn_layer "
    "profiler_allow_cudagraph_cupti_lazy_reinit_cuda12 set_autocast_gpu_dtype "
    "set_autocast_ipu_dtype set_autocast_ipu_enabled set_autocast_xla_dtype "
    "set_autocast_xla_enabled",
)
_out(_DEVICE, "Tensor", "ipu mtia record_stream to_mkldnn xpu")
_out(
    _DEVICE,
    "autograd.graph",
    "set_override_stale_capture_stream set_warn_on_accumulate_grad_stream_mismatch",
)
_out(_DEVICE, "library", "get_kernel")
_out(
    _DEVICE,
    "nn.attention",
    "activate_flash_attention_impl current_flash_attention_impl list_flash_attention_impls "
    "register_flash_attention_impl restore_flash_attention_impl",
)
_out(_DEVICE, "profiler", "DeviceType")
_out(_DEVICE, "utils", "generate_methods_for_privateuse1_backend rename_privateuse1_backend")
_out(_DEVICE, "utils.checkpoint", "DefaultDeviceType")
_out(_DEVICE, "utils.dlpack", "DLDeviceType")
_out(_DEVICE, "nn.functional", "grouped_mm scaled_grouped_mm scaled_mm")
_out(
    "it is for symbolic shapes",
    "",
    "sym_constrain_range sym_constrain_range_for_size sym_float sym_fresh_size sym_int sym_ite "
    "sym_max sym_min sym_not sym_sqrt sym_sum",
)
_out(
    "it is for compiled programs, which pullback does not make",
    "",
    "cond fork import_ir_module import_ir_module_from_buffer merge_type_from_type_comment parse_ir "
    "parse_schema parse_type_comment unify_type_list wait while_loop",
)
_out("it is for nested tensors", "Tensor", "to_padded_tensor")
_REMOVED = "PyTorch has given it up, and warns"
_out(_REMOVED, "Tensor", "resize resize_as storage_type volatile")
_MACHINERY = "it is a part of PyTorch's own machinery"
_out(
    _MACHINERY,
    "",
    "autocast_decrement_nesting autocast_increment_nesting classproperty "
    "compiled_with_cxx11_abi get_file_path hash_tensor init_num_threads "
    "prepare_multiprocessing_environment slice_inverse thread_safe_generator",
)
_out(
    _MACHINERY,
    "nn.functional",
    "assert_int_or_pair boolean_dispatch handle_torch_function has_torch_function "
    "has_torch_function_unary has_torch_function_variadic",
)
_out(
    _MACHINERY,
    "Tensor",
    "const_data_ptr grad_dtype hash_tensor is_distributed module_load slice_inverse",
)
_out(_MACHINERY, "autograd.profiler", "EnforceUnique KinetoStepTracker MemRecordsAcc")
_out(_MACHINERY, "nn", "factory_kwargs")
_out(_MACHINERY, "profiler", "ExecutionTraceObserver")
_out(_MACHINERY, "random", "thread_safe_generator")
_out(_MACHINERY, "testing", "FileCheck")
_out(_MACHINERY, "utils", "ThroughputBenchmark get_cpp_backtrace set_module")
_out(_MACHINERY, "utils.checkpoint", "SAC_IGNORED_OPS")
_out(_MACHINERY, "utils.data", "_DatasetKind")
_out(_MACHINERY, "utils.hooks", "BackwardHook")
_TRACED = "it takes a graph apart for a compiler or a CUDA graph"
_out(_TRACED, "autograd.graph", "region_activation_memory_budget")
_out(_TRACED, "optim", "swap_in_optimizer_params_and_state")
_out(_TRACED, "utils.checkpoint", "GraphExecGroup")
_LAYOUTS = (
    "gradients have the layout that their operators give them; there is no policy to switch off"
)
_out(_LAYOUTS, "autograd", "enforce_grad_layout_policy")
_out(_LAYOUTS, "autograd.grad_mode", "enforce_grad_layout_policy")
_NESTED = "PyTorch keeps it for old programs only; `autograd.Function` does all of it"
_out(_NESTED, "autograd", "NestedIOFunction")
_out(_NESTED, "autograd.function", "NestedIOFunction")
_out(
    "it reads the files of a profiler of GPUs",
    "autograd.profiler",
    "load_nvprof parse_nvprof_trace",
)
_OLD_LAYERS = "PyTorch keeps it for old programs only: `nn.Sequential`, `nn.LocalResponseNorm`"
_out(_OLD_LAYERS, "nn", "Container CrossMapLRN2d")
_out(_OLD_LAYERS, "nn.modules", "Container CrossMapLRN2d")
_out("an object of Python belongs to one tensor for its life", "utils", "swap_tensors")
_out(
    "PyTorch has given up data pipes",
    "utils.data",
    "DFIterDataPipe DataChunk IterDataPipe MapDataPipe argument_validation functional_datapipe "
    "guaranteed_datapipes_determinism non_deterministic runtime_validation "
    "runtime_validation_disabled",
)
_out(
    "PyTorch's modules alone call it; `nn.functional.embedding_bag` and `embedding` are there",
    "",
    "embedding_bag embedding_renorm_",
)
_out("`norm` is there", "", "native_norm")
_out(
    "the functions of `masked` take `mask=`; there is no class that carries one",
    "masked",
    "MaskedTensor as_masked_tensor is_masked_tensor masked_tensor",
)
_out("it is `x[...]`", "Tensor", "index")
_out("complex numbers of two halves have no dtype here", "Tensor", "chalf")
