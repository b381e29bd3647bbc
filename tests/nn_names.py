"""Names of ``torch.nn`` and ``torch.nn.functional`` that are not here, each with the reason.

``parity/test_nn_names.py`` fails for a public name that is neither here nor there, and for one that
stands in both.
"""

from __future__ import annotations

NOT_YET = "not there yet"
OF_PYTORCH = "of PyTorch's own typing and dispatch"
OTHER_DEVICES = "a kernel of other devices and formats"

MODULES_NOT_YET = """
Buffer FractionalMaxPool2d FractionalMaxPool3d LazyBatchNorm1d LazyBatchNorm2d LazyBatchNorm3d
LazyConv1d LazyConv2d LazyConv3d LazyConvTranspose1d LazyConvTranspose2d LazyConvTranspose3d
LazyInstanceNorm1d LazyInstanceNorm2d LazyInstanceNorm3d LazyLinear LinearCrossEntropyLoss
LinearCrossEntropyOptions UninitializedBuffer UninitializedParameter
"""

FUNCTIONS_NOT_YET = """
fractional_max_pool2d fractional_max_pool2d_with_indices fractional_max_pool3d
fractional_max_pool3d_with_indices linear_cross_entropy
"""

OF_DISPATCH = """
BroadcastingList1 BroadcastingList2 BroadcastingList3 DType GRID_SAMPLE_INTERPOLATION_MODES
GRID_SAMPLE_PADDING_MODES Optional TYPE_CHECKING assert_int_or_pair boolean_dispatch
handle_torch_function has_torch_function has_torch_function_unary has_torch_function_variadic
reproducibility_notes sparse_support_notes tf32_notes
"""

MODULES = dict.fromkeys(MODULES_NOT_YET.split(), NOT_YET) | {
    "Container": "deprecated: Module itself",
    "CrossMapLRN2d": "deprecated: LocalResponseNorm",
    "factory_kwargs": OF_PYTORCH,
}

FUNCTIONS = (
    dict.fromkeys(FUNCTIONS_NOT_YET.split(), NOT_YET)
    | dict.fromkeys(OF_DISPATCH.split(), OF_PYTORCH)
    | {
        "ScalingType": OTHER_DEVICES,
        "SwizzleType": OTHER_DEVICES,
        "grouped_mm": OTHER_DEVICES,
        "scaled_grouped_mm": OTHER_DEVICES,
        "scaled_mm": OTHER_DEVICES,
    }
)
