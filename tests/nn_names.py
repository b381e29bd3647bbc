"""Public names of ``torch.nn`` and below it that are not here, each with the reason.

``parity/test_nn_names.py`` fails for a public name that is neither here nor there, and for one that
stands in both. A key is the module below ``torch``.
"""

from __future__ import annotations

OF_PYTORCH = "of PyTorch's own typing and dispatch"
OTHER_DEVICES = "a kernel of other devices and formats"

OF_DISPATCH = """
BroadcastingList1 BroadcastingList2 BroadcastingList3 DType GRID_SAMPLE_INTERPOLATION_MODES
GRID_SAMPLE_PADDING_MODES Optional TYPE_CHECKING assert_int_or_pair boolean_dispatch
handle_torch_function has_torch_function has_torch_function_unary has_torch_function_variadic
reproducibility_notes sparse_support_notes tf32_notes
"""

MISSING: dict[str, dict[str, str]] = {
    "nn": {
        "Container": "deprecated: Module itself",
        "CrossMapLRN2d": "deprecated: LocalResponseNorm",
        "factory_kwargs": OF_PYTORCH,
    },
    "nn.functional": dict.fromkeys(OF_DISPATCH.split(), OF_PYTORCH)
    | {
        "ScalingType": OTHER_DEVICES,
        "SwizzleType": OTHER_DEVICES,
        "grouped_mm": OTHER_DEVICES,
        "scaled_grouped_mm": OTHER_DEVICES,
        "scaled_mm": OTHER_DEVICES,
    },
    "nn.common_types": {"T": OF_PYTORCH},
    "nn.parallel": {"DistributedDataParallelCPU": "deprecated: DistributedDataParallel"},
    "nn.utils.fusion": {"ConvT": OF_PYTORCH, "LinearT": OF_PYTORCH},
    "nn.utils.rnn": {"bind": OF_PYTORCH},
    "nn.utils.spectral_norm": {
        "SpectralNormLoadStateDictPreHook": "files of PyTorch before 1.0",
        "SpectralNormStateDictHook": "files of PyTorch before 1.0",
        "T_module": OF_PYTORCH,
    },
    "nn.utils.weight_norm": {"T_module": OF_PYTORCH},
}

# Public methods of classes that PyTorch's own ``forward`` calls and programs do not, or that need
# what there is not.
OF_RECURRENT = (
    "check_forward_args check_hidden_size check_input get_expected_hidden_size permute_hidden"
)
OF_CLASSES = {
    "DataParallel": "gather parallel_apply replicate scatter",
    "GRU": OF_RECURRENT,
    "LSTM": f"{OF_RECURRENT} get_expected_cell_size",
    "MultiheadAttention": "merge_masks",
    "RNN": OF_RECURRENT,
    "RNNBase": OF_RECURRENT,
}
