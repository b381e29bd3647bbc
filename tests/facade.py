"""What is public and not in the operator table: a sample call of each function, by keyword.

The text is the inside of a call, with ``x`` a leaf of two elements, ``y`` a number computed from
it, ``f`` a function to one number and ``layer`` a module. ``public()`` lists what there is, so that
nothing is left out: a name is in ``SAMPLES``, in the tables of ``calls.py`` or in ``EXEMPT``.
"""

from __future__ import annotations

import importlib
import io
import types
from collections.abc import Iterator
from typing import Any

import facade_distributions
import pullback as pb

MODULES = [
    "pullback",
    *(
        f"pullback.{name}"
        for name in (
            "autograd",
            "autograd.functional",
            "autograd.forward_ad",
            "autograd.graph",
            "autograd.profiler",
            "autograd.function",
            "func",
            "nn.functional",
            "nn.init",
            "optim",
            "optim.lr_scheduler",
            "optim.optimizer",
            "optim.swa_utils",
            "utils.checkpoint",
            "random",
            "memory",
            "cuda",
            "distributions",
            "linalg",
            "special",
            "fft",
            "signal.windows",
            "masked",
            "sparse",
            "serialization",
            "utils.data",
            "storage",
        )
    ),
]

_DUAL = "tensor=pb.ones(2), tangent=pb.ones(2)"
_DOUBLE = "func=f, inputs=pb.ones(2, dtype=pb.float64, requires_grad=True)"
_SQUARE = "tensor=pb.ones(2, 2)"
_STORAGE = "storage=pb.ones(1).untyped_storage()"
_SHOWN = "input=x, mask=pb.tensor([True, False]), dtype=pb.float32"
_SGD = "optimizer=pb.optim.SGD([x])"

SAMPLES = {
    **facade_distributions.SAMPLES,
    "Future": "devices=None",
    "autocast": "device_type='cpu', enabled=False",
    "asarray": "obj=[1.0]",
    "broadcast_shapes": "",
    "is_distributed": "input=pb.ones(2)",
    "is_same_size": "input=pb.ones(2), other=pb.ones(2)",
    "histogram": "input=pb.ones(2), bins=2, range=(0.0, 1.0), weight=pb.ones(2)",
    "histogramdd": "input=pb.ones(2, 1), bins=2, range=(0.0, 1.0), weight=pb.ones(2)",
    "index_reduce": "input=pb.ones(2), dim=0, index=pb.tensor([0]), source=pb.ones(1), "
    "reduce='prod', include_self=True",
    "ldexp": "input=pb.ones(2), other=pb.ones(2)",
    "nonzero_static": "input=pb.ones(2), size=1, fill_value=0",
    "renorm": "input=pb.ones(2, 2), p=2.0, dim=0, maxnorm=1.0",
    "view_as_complex_copy": "input=pb.ones(2)",
    "range": "start=0, end=3",
    "set_deterministic_debug_mode": "debug_mode=2",
    "set_float32_matmul_precision": "precision='highest'",
    "set_warn_always": "b=False",
    "celu_": "input=pb.ones(2)",
    "diagnose": "",
    "draw": "tensor=y",
    "dropout": "input=pb.ones(2), p=0.5, train=True",
    "dropout_": "input=pb.ones(2), p=0.5, train=True",
    "enable_grad": "",
    "explain": "tensor=y",
    "finfo": "type=pb.float32",
    **{
        f"masked.{name}": f"{_SHOWN}, dim=0, keepdim=False"
        for name in ("amax", "amin", "argmax", "argmin", "logsumexp", "mean", "prod", "sum")
    },
    **{
        f"masked.{name}": f"{_SHOWN}, dim=0"
        for name in ("cumprod", "cumsum", "log_softmax", "softmax", "softmin")
    },
    **{
        f"masked.{name}": f"{_SHOWN}, dim=0, correction=0.0, keepdim=False"
        for name in ("std", "var")
    },
    "masked.logaddexp": "input=x, other=x, input_mask=pb.tensor(True), "
    "other_mask=pb.tensor(True), dtype=pb.float32",
    "masked.median": f"{_SHOWN}, dim=0, keepdim=False",
    "masked.norm": f"{_SHOWN}, ord=2.0, dim=0, keepdim=False",
    "masked.normalize": f"{_SHOWN}, ord=2.0, dim=0, eps=1e-12",
    "sparse.CSRMatrix": "crow_indices=pb.tensor([0, 1]), col_indices=pb.tensor([0]), "
    "values=pb.ones(1), size=(1, 1)",
    "sparse.from_coordinates": "row=pb.tensor([0]), column=pb.tensor([0]), values=pb.ones(1), "
    "size=(1, 1)",
    "sparse.from_dense": "input=pb.ones(1, 1)",
    "from_file": "filename='/dev/null', shared=False, size=0, dtype=pb.uint8, pin_memory=False",
    "get_autocast_dtype": "device_type='cpu'",
    "is_autocast_enabled": "device_type='cpu'",
    "segment_reduce": "data=pb.ones(2), reduce='sum', lengths=pb.tensor([2]), axis=0, "
    "unsafe=False, initial=1.0",
    "set_anomaly_enabled": "enabled=False, check_nan=True",
    "set_autocast_cache_enabled": "enabled=True",
    "set_autocast_dtype": "device_type='cpu', dtype=pb.bfloat16",
    "set_autocast_enabled": "device_type='cpu', enabled=False",
    "frombuffer": "buffer=bytearray(b'abcd'), dtype=pb.uint8",
    "iinfo": "type=pb.int32",
    "inference_mode": "",
    "is_tensor": "obj=1",
    "load": "f=saved(), map_location='cpu'",
    "manual_seed": "seed=1",
    "memory_budget": "size='1 MB'",
    "no_grad": "",
    "norm_except_dim": "v=pb.ones(2, 2)",
    "save": "obj=1, f=io.BytesIO()",
    "selu_": "input=pb.ones(2)",
    "set_grad_enabled": "mode=True",
    "set_printoptions": "",
    "as_strided_": "input=pb.ones(3), size=(2,), stride=(1,)",
    "detach_copy": "input=pb.ones(3)",
    "frobenius_norm": "input=pb.ones(2, 2), dim=1",
    "get_device": "input=x",
    "nuclear_norm": "input=pb.ones(2, 2)",
    "resize_as_": "input=pb.ones(3), the_template=pb.ones(2)",
    "zero_": "input=pb.ones(3)",
    "is_conj": "input=x",
    "is_inference": "input=x",
    "is_neg": "input=x",
    "lobpcg": "A=pb.eye(6), k=1",
    "pca_lowrank": "A=pb.ones(3, 2), q=1",
    "svd_lowrank": "A=pb.ones(3, 2), q=1",
    "utils.checkpoint.create_selective_checkpoint_contexts": "policy_fn_or_list=[pb.mm]",
    "utils.checkpoint.SelectiveCheckpointContext": "is_recompute=True",
    "is_signed": "input=x",
    "set_default_device": "device='cpu'",
    "set_default_tensor_type": "t=pb.FloatTensor",
    "set_flush_denormal": "mode=False",
    "set_num_interop_threads": "count=1",
    "set_rng_state": "new_state=pb.get_rng_state()",
    "threshold_": "input=pb.ones(2), threshold=0.5, value=1.0",
    "typename": "obj=1",
    "TypedStorage": "data=2",
    "UntypedStorage": "size=2",
    "use_deterministic_algorithms": "mode=True",
    "vmap": "func=f",
    "why_none": "tensor=x",
    "why_zero": "tensor=x",
    "autograd.Variable": "data=pb.ones(2)",
    "autograd.backward": "tensors=y",
    "autograd.detect_anomaly": "",
    "autograd.grad": "outputs=y, inputs=x",
    "autograd.gradcheck": _DOUBLE,
    "autograd.gradgradcheck": _DOUBLE,
    "autograd.set_detect_anomaly": "mode=True",
    "autograd.set_multithreading_enabled": "mode=True",
    "autograd.functional.hessian": "func=f, inputs=x",
    "autograd.functional.hvp": "func=f, inputs=x, v=pb.ones(2)",
    "autograd.functional.jacobian": "func=f, inputs=x",
    "autograd.functional.jvp": "func=f, inputs=x, v=pb.ones(2)",
    "autograd.functional.vhp": "func=f, inputs=x, v=pb.ones(2)",
    "autograd.functional.vjp": "func=f, inputs=x",
    "autograd.forward_ad.exit_dual_level": "",
    "autograd.forward_ad.make_dual": _DUAL,
    "autograd.forward_ad.set_forward_grad_enabled": "mode=True",
    "autograd.forward_ad.unpack_dual": "tensor=pb.ones(2)",
    "autograd.graph.disable_saved_tensors_hooks": "error_message='no'",
    "autograd.graph.get_gradient_edge": "tensor=y",
    "autograd.graph.increment_version": "tensor=pb.ones(2)",
    "autograd.graph.register_multi_grad_hook": "tensors=[x], fn=print",
    "autograd.graph.save_on_cpu": "",
    "autograd.graph.saved_tensors_hooks": "pack_hook=abs, unpack_hook=abs",
    "autograd.profiler.emit_itt": "",
    "autograd.profiler.emit_nvtx": "",
    "autograd.profiler.profile": "",
    "autograd.profiler.record_function": "name='a'",
    "autograd.function.once_differentiable": "fn=abs",
    "func.debug_unwrap": "tensor=pb.ones(2)",
    "func.functionalize": "func=f",
    "func.rearrange": "tensor=pb.ones(2, 3), pattern='a b -> b a'",
    "func.replace_all_batch_norm_modules_": "root=layer",
    "func.functional_call": "module=layer, parameter_and_buffer_dicts={}, args=(pb.ones(2),)",
    "func.grad": "func=f",
    "func.grad_and_value": "func=f",
    "func.hessian": "func=f",
    "func.jacfwd": "func=f",
    "func.jacrev": "func=f",
    "func.jvp": "func=f, primals=(x,), tangents=(pb.ones(2),)",
    "func.linearize": "func=f",
    "func.stack_module_state": "models=[layer]",
    "func.vjp": "func=f",
    "nn.functional.adaptive_avg_pool2d": "input=pb.ones(1, 4, 4), output_size=2",
    "nn.functional.adaptive_avg_pool3d": "input=pb.ones(1, 4, 4, 4), output_size=2",
    "nn.functional.adaptive_max_pool1d": "input=pb.ones(1, 4), output_size=2",
    "nn.functional.adaptive_max_pool2d": "input=pb.ones(1, 4, 4), output_size=2",
    "nn.functional.adaptive_max_pool3d": "input=pb.ones(1, 4, 4, 4), output_size=2",
    "nn.functional.local_response_norm": "input=pb.ones(1, 2, 3), size=2",
    "nn.functional.lp_pool1d": "input=pb.ones(1, 4), norm_type=2.0, kernel_size=2",
    "nn.functional.fractional_max_pool2d": "input=pb.ones(1, 4, 4), kernel_size=2, output_size=2",
    "nn.functional.fractional_max_pool2d_with_indices": "input=pb.ones(1, 4, 4), kernel_size=2, "
    "output_size=2",
    "nn.functional.fractional_max_pool3d": "input=pb.ones(1, 4, 4, 4), kernel_size=2, "
    "output_size=2",
    "nn.functional.fractional_max_pool3d_with_indices": "input=pb.ones(1, 4, 4, 4), kernel_size=2, "
    "output_size=2",
    "nn.functional.lp_pool2d": "input=pb.ones(1, 4, 4), norm_type=2.0, kernel_size=2",
    "nn.functional.lp_pool3d": "input=pb.ones(1, 4, 4, 4), norm_type=2.0, kernel_size=2",
    "nn.functional.max_pool1d": "input=pb.ones(1, 4), kernel_size=2",
    "nn.functional.max_pool2d": "input=pb.ones(1, 4, 4), kernel_size=2",
    "nn.functional.max_pool3d": "input=pb.ones(1, 4, 4, 4), kernel_size=2",
    "nn.functional.max_unpool1d": "input=pb.ones(1, 2), indices=pb.tensor([[0, 3]]), kernel_size=2",
    "nn.functional.max_unpool2d": "input=pb.ones(1, 1, 1), indices=pb.tensor([[[3]]]), "
    "kernel_size=2",
    "nn.functional.max_unpool3d": "input=pb.ones(1, 1, 1, 1), indices=pb.tensor([[[[3]]]]), "
    "kernel_size=2",
    "nn.functional.affine_grid": "theta=pb.ones(1, 2, 3), size=(1, 1, 2, 2), align_corners=True",
    "channel_shuffle": "input=pb.ones(1, 4, 2), groups=2",
    "nn.functional.grid_sample": "input=pb.ones(1, 1, 2, 2), grid=pb.ones(1, 1, 1, 2), "
    "align_corners=True",
    "nn.functional.interpolate": "input=pb.ones(1, 1, 2), size=3",
    "nn.functional.multi_head_attention_forward": "query=pb.ones(2, 1, 2), key=pb.ones(2, 1, 2), "
    "value=pb.ones(2, 1, 2), embed_dim_to_check=2, num_heads=1, in_proj_weight=pb.ones(6, 2), "
    "in_proj_bias=None, bias_k=None, bias_v=None, add_zero_attn=False, dropout_p=0.0, "
    "out_proj_weight=pb.ones(2, 2), out_proj_bias=None",
    "native_channel_shuffle": "input=pb.ones(1, 4, 2), groups=2",
    "pixel_shuffle": "input=pb.ones(4, 2, 2), upscale_factor=2",
    "pixel_unshuffle": "input=pb.ones(1, 2, 2), downscale_factor=2",
    "nn.functional.upsample": "input=pb.ones(1, 1, 2), size=3",
    "nn.functional.upsample_bilinear": "input=pb.ones(1, 1, 2, 2), size=3",
    "nn.functional.upsample_nearest": "input=pb.ones(1, 1, 2), size=3",
    "conv_tbc": "input=pb.ones(3, 1, 2), weight=pb.ones(1, 2, 2), bias=pb.ones(2)",
    "nn.functional.ctc_loss": "log_probs=pb.zeros(3, 1, 2), targets=pb.tensor([[1]]), "
    "input_lengths=(3,), target_lengths=(1,)",
    "pdist": "input=pb.ones(3, 2)",
    "nn.functional.dropout": "input=pb.ones(2)",
    "nn.functional.embedding": "input=pb.tensor([0, 1]), weight=pb.ones(2, 3)",
    "nn.functional.embedding_bag": "input=pb.tensor([[0, 1]]), weight=pb.ones(2, 3)",
    "nn.functional.elu_": "input=pb.ones(2)",
    "nn.functional.alpha_dropout": "input=pb.ones(2)",
    "nn.functional.dropout1d": "input=pb.ones(2, 2)",
    "nn.functional.dropout2d": "input=pb.ones(2, 2, 2, 2)",
    "nn.functional.dropout3d": "input=pb.ones(2, 2, 2, 2, 2)",
    "nn.functional.feature_alpha_dropout": "input=pb.ones(2, 2)",
    "nn.functional.linear_cross_entropy": "input=pb.ones(2, 3), linear_weight=pb.ones(4, 3), "
    "target=pb.tensor([0, 1])",
    "nn.functional.gaussian_nll_loss": "input=pb.ones(2), target=pb.ones(2), var=1.0",
    "nn.functional.gumbel_softmax": "logits=pb.ones(2)",
    "nn.functional.rrelu": "input=pb.ones(2)",
    "nn.functional.rrelu_": "input=pb.ones(2)",
    "nn.functional.triplet_margin_with_distance_loss": (
        "anchor=pb.ones(2), positive=pb.ones(2), negative=pb.ones(2)"
    ),
    "nn.functional.hardtanh_": "input=pb.ones(2)",
    "nn.functional.leaky_relu_": "input=pb.ones(2)",
    "nn.functional.normalize": "input=pb.ones(2, 2)",
    "nn.functional.relu_": "input=pb.ones(2)",
    "nn.init.calculate_gain": "nonlinearity='leaky_relu'",
    "nn.init.constant_": f"{_SQUARE}, val=1.0",
    "nn.init.dirac_": "tensor=pb.ones(2, 2, 2)",
    "nn.init.eye_": _SQUARE,
    "nn.init.kaiming_normal_": _SQUARE,
    "nn.init.kaiming_uniform_": _SQUARE,
    "nn.init.normal_": _SQUARE,
    "nn.init.ones_": _SQUARE,
    "nn.init.orthogonal_": _SQUARE,
    "nn.init.sparse_": f"{_SQUARE}, sparsity=0.5",
    "nn.init.trunc_normal_": _SQUARE,
    "nn.init.uniform_": _SQUARE,
    "nn.init.xavier_normal_": _SQUARE,
    "nn.init.xavier_uniform_": _SQUARE,
    "nn.init.zeros_": _SQUARE,
    "optim.Adafactor": "params=[x]",
    "optim.Adam": "params=[x]",
    "optim.AdamW": "params=[x]",
    "optim.ASGD": "params=[x]",
    "optim.Adadelta": "params=[x]",
    "optim.Adagrad": "params=[x]",
    "optim.Adamax": "params=[x]",
    "optim.LBFGS": "params=[x]",
    "optim.Muon": "params=[pb.ones(2, 2)]",
    "optim.NAdam": "params=[x]",
    "optim.Optimizer": "params=[x], defaults={}",
    "optim.RAdam": "params=[x]",
    "optim.RMSprop": "params=[x]",
    "optim.Rprop": "params=[x]",
    "optim.SGD": "params=[x]",
    "optim.SparseAdam": "params=[x]",
    "optim.lr_scheduler.ChainedScheduler": (
        "schedulers=[pb.optim.lr_scheduler.StepLR(pb.optim.SGD([x]), 1)]"
    ),
    "optim.lr_scheduler.ConstantLR": _SGD,
    "optim.lr_scheduler.CosineAnnealingLR": f"{_SGD}, T_max=3",
    "optim.lr_scheduler.CosineAnnealingWarmRestarts": f"{_SGD}, T_0=3",
    "optim.lr_scheduler.CyclicLR": f"{_SGD}, base_lr=0.1, max_lr=1.0",
    "optim.lr_scheduler.ExponentialLR": f"{_SGD}, gamma=0.5",
    "optim.lr_scheduler.LRScheduler": _SGD,
    "optim.lr_scheduler.LambdaLR": f"{_SGD}, lr_lambda=lambda n: 1.0",
    "optim.lr_scheduler.LinearLR": _SGD,
    "optim.lr_scheduler.MultiplicativeLR": f"{_SGD}, lr_lambda=lambda n: 1.0",
    "optim.lr_scheduler.MultiStepLR": f"{_SGD}, milestones=[1]",
    "optim.lr_scheduler.OneCycleLR": f"{_SGD}, max_lr=1.0, total_steps=9",
    "optim.lr_scheduler.PolynomialLR": _SGD,
    "optim.lr_scheduler.ReduceLROnPlateau": _SGD,
    "optim.swa_utils.AveragedModel": "model=pb.nn.Linear(1, 1)",
    "optim.swa_utils.SWALR": f"{_SGD}, swa_lr=0.1",
    "optim.swa_utils.get_ema_avg_fn": "decay=0.5",
    "optim.swa_utils.get_ema_multi_avg_fn": "decay=0.5",
    "optim.swa_utils.update_bn": "loader=[], model=pb.nn.Linear(1, 1)",
    "optim.optimizer.register_optimizer_step_post_hook": "hook=lambda *args: None",
    "optim.optimizer.register_optimizer_step_pre_hook": "hook=lambda *args: None",
    "optim.lr_scheduler.StepLR": f"{_SGD}, step_size=1",
    "serialization.add_safe_globals": "safe_globals=[]",
    "serialization.default_restore_location": f"{_STORAGE}, location='cpu'",
    "serialization.get_unsafe_globals_in_checkpoint": "f=saved()",
    "serialization.location_tag": _STORAGE,
    "serialization.register_package": "priority=99, tagger=lambda _: None, "
    "deserializer=lambda *_: None",
    "serialization.safe_globals": "safe_globals=[]",
    "serialization.set_crc32_options": "compute_crc32=True",
    "serialization.set_default_load_endianness": "endianness=None",
    "serialization.set_default_mmap_options": "flags=2",
    "serialization.skip_data": "",
    "utils.data.ConcatDataset": "datasets=[[1]]",
    "utils.data.DataLoader": "dataset=[1]",
    "utils.data.DistributedSampler": "dataset=[1], num_replicas=1, rank=0",
    "utils.data.RandomSampler": "data_source=[1]",
    "utils.data.SequentialSampler": "data_source=[1]",
    "utils.data.SubsetRandomSampler": "indices=[1]",
    "utils.data.WeightedRandomSampler": "weights=[1.0], num_samples=1",
    "utils.data.BatchSampler": "sampler=[1], batch_size=1, drop_last=False",
    "utils.data.random_split": "dataset=[1, 2], lengths=[1, 1]",
    "utils.checkpoint.checkpoint": "function=f, use_reentrant=False",
    "utils.checkpoint.checkpoint_sequential": "functions=[layer], segments=1, input=pb.ones(2), "
    "use_reentrant=False",
    "utils.checkpoint.set_checkpoint_debug_enabled": "enabled=True",
    "utils.checkpoint.set_checkpoint_early_stop": "enable=True",
    "signal.windows.general_cosine": "M=3, a=[0.5, 0.5]",
    **dict.fromkeys(
        (
            f"signal.windows.{name}"
            for name in ("bartlett", "blackman", "cosine", "exponential", "gaussian", "nuttall")
        ),
        "M=3",
    ),
    **dict.fromkeys(
        (f"signal.windows.{name}" for name in ("general_hamming", "hamming", "hann", "kaiser")),
        "M=3",
    ),
    **{
        name: "input=pb.ones(2, 3, 4), weight=None, bias=None, running_mean=None, "
        f"running_var=None, {flag}=True, momentum=0.1, eps=1e-5, cudnn_enabled=True"
        for name, flag in {"batch_norm": "training", "instance_norm": "use_input_stats"}.items()
    },
    "group_norm": "input=pb.ones(2, 4, 3), num_groups=2, cudnn_enabled=True",
    "layer_norm": "input=pb.ones(2, 3), normalized_shape=[3], cudnn_enable=True",
    "convolution": "input=pb.ones(1, 1, 5), weight=pb.ones(1, 1, 3), bias=None, stride=[1], "
    "padding=[0], dilation=[1], transposed=False, output_padding=[0], groups=1",
    "memory.report": "",
    "memory.set_bound": "size=2**30",
    "cuda.manual_seed": "seed=1",
}

# Public, but not for users to call with arguments of their own making.
EXEMPT = {
    # Their arguments go to functions of nn.functional, which look at them.
    **dict.fromkeys(
        [
            *("adaptive_max_pool1d", "affine_grid_generator", "alpha_dropout"),
            *("alpha_dropout_", "binary_cross_entropy_with_logits", "constant_pad_nd"),
            *("cosine_embedding_loss", "ctc_loss", "feature_alpha_dropout"),
            *("feature_alpha_dropout_", "grid_sampler"),
            *("gru_cell", "hinge_embedding_loss", "kl_div", "lstm_cell"),
            *("margin_ranking_loss", "max_pool1d_with_indices"),
            *("poisson_nll_loss", "rms_norm"),
            *("rnn_relu_cell", "rnn_tanh_cell", "rrelu"),
            *("rrelu_", "triplet_margin_loss"),
            *("feature_dropout", "feature_dropout_", "native_batch_norm"),
            *("native_dropout", "native_group_norm"),
            *("native_layer_norm", "lstm", "gru", "rnn_relu", "rnn_tanh"),
        ],
        "hands its arguments to nn.functional",
    ),
    # Made of methods, which look at the arguments and say their own name.
    **dict.fromkeys(
        [
            "as_strided_scatter",
            "empty_permuted",
            "empty_strided",
            "gradient",
            "narrow_copy",
            "slice_copy",
            "unfold_copy",
            "unravel_index",
            "unsafe_chunk",
            "unsafe_split",
            "unsafe_split_with_sizes",
        ],
        "the methods that it calls refuse wrong arguments",
    ),
    "ldexp_": "as ldexp",
    "utils.checkpoint.get_device_states": "takes anything: there is one device",
    "utils.checkpoint.set_device_states": "takes what get_device_states gives",
    "cuda.caching_allocator_alloc": "there is no GPU",
    "sparse.from_scipy": "wants SciPy (tests/test_sparse.py)",
    "sparse.spsolve": "wants SciPy (tests/test_sparse.py)",
    "to_dlpack": "the sample of utils.dlpack",
    "set_autocast_cpu_dtype": "as set_autocast_dtype",
    "set_autocast_cpu_enabled": "as set_autocast_enabled",
    "OutOfMemoryError": "an error",
    "PyTorchFileReader": "always an error",
    "distributions.identity_transform": "an object",
    **dict.fromkeys(["eig", "lstsq", "matrix_rank", "solve", "symeig"], "always an error"),
    "optim.lr_scheduler.SequentialLR": "two arguments belong together (tests/test_lr_scheduler.py)",
    "compile": "takes anything, and gives it back",
    "is_autocast_available": "False of any device",
    **{
        f"cuda.{name}": "there is no GPU"
        for name in (
            *("CUDAGraph", "Event", "ExternalStream", "MemPool", "OutOfMemoryError", "Stream"),
            *("device", "device_of", "is_bf16_supported", "max_memory_allocated"),
            *("memory_stats", "memory_stats_as_nested_dict"),
        )
    },
    "cuda.set_rng_state_all": "there is no GPU",
    "cuda.stream": "there is no GPU",
    "Size": "a tuple",
    "Tensor": "has no constructor",
    "device": "in the tables of calls.py, and of two forms",
    "from_dlpack": "takes any object with the protocol, which speaks for itself",
    "from_numpy": "takes one argument, by position",
    "printoptions": "takes what set_printoptions takes",
    "seed": "takes nothing",
    "is_storage": "takes anything",
    "serialization.LoadEndianness": "an enumeration",
    "utils.checkpoint.CheckpointPolicy": "an enumeration",
    "serialization.SourceChangeWarning": "a warning",
    **{
        f"{name}Storage": "takes what TypedStorage takes"
        for name in (
            *("BFloat16", "Bool", "Byte", "Char", "ComplexDouble", "ComplexFloat", "Double"),
            *("Float", "Half", "Int", "Long", "Short"),
        )
    },
    "set_num_threads": "takes one argument, by position",
    **{
        f"nn.init.{name}": "takes what the function with an underscore takes"
        for name in (
            *("constant", "dirac", "eye", "kaiming_normal", "kaiming_uniform", "normal"),
            *("orthogonal", "sparse", "uniform", "xavier_normal", "xavier_uniform"),
        )
    },
    "autograd.GradcheckError": "an error",
    "autograd.GradientEdge": "a tuple",
    "autograd.Function": "is subclassed",
    "autograd.forward_ad.UnpackedDualTensor": "a tuple",
    "autograd.graph.Node": "is made by the graph",
    "autograd.graph.RemovableHandle": "is made by what registers hooks",
    "autograd.graph.allow_mutation_on_saved_tensors": "takes nothing",
    "autograd.profiler.EventList": "is made by the profiler",
    "autograd.profiler.FunctionEvent": "is made by the profiler",
    "autograd.profiler.FunctionEventAvg": "is made by the profiler",
    "autograd.function.BackwardCFunction": "is made by the graph",
    "autograd.function.FunctionMeta": "a metaclass",
    "autograd.function.InplaceFunction": "is subclassed",
    "autograd.function.tree_leaves": "takes any tree",
    "utils.checkpoint.CheckpointError": "an error",
    "utils.checkpoint.CheckpointFunction": "is called by checkpoint",
    "utils.checkpoint.check_backward_validity": "takes any values",
    "utils.checkpoint.detach_variable": "takes any values",
    "utils.checkpoint.fork_rng": "its one argument of meaning is refused when it is true",
    "random.Generator": "takes nothing",
    "utils.data.ChainDataset": "looks at its datasets when it is gone through",
    "utils.data.Dataset": "is subclassed",
    "utils.data.IterableDataset": "is subclassed",
    "utils.data.Sampler": "is subclassed",
    "utils.data.StackDataset": "takes any datasets, one by one",
    "utils.data.TensorDataset": "takes tensors one by one, and names their place",
    "utils.data.Subset": "takes any dataset and any indices of it",
    "utils.data.default_collate": "takes samples of any kind, and names that of the others",
    "utils.data.default_convert": "takes anything",
    "memory.Report": "is made by memory.report",
    "memory.SavedRow": "is made by memory.report",
    "cuda.current_device": "refuses any call",
}


def saved() -> io.BytesIO:
    """A file that was saved."""
    file = io.BytesIO()
    pb.save(pb.ones(1), file)
    file.seek(0)
    return file


# What the samples are written with, beside the tensors and the functions of a test.
WORDS = {"pb": pb, "io": io, "saved": saved}


def public() -> Iterator[tuple[str, Any]]:
    """Name, without the package, and object of everything that can be called."""
    seen = set()
    for module in MODULES:
        space = importlib.import_module(module)
        for name in sorted({*dir(space), *getattr(space, "__all__", ())}):
            found = getattr(space, name, None)
            if name.startswith("_") or not callable(found) or isinstance(found, types.ModuleType):
                continue
            if id(found) in seen or isinstance(found, type(pb.add)):
                continue
            if not str(getattr(found, "__module__", "pullback")).startswith(("pullback", "None")):
                continue
            seen.add(id(found))
            yield f"{module}.{name}".partition(".")[2], found
