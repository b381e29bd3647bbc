"""Names of ``torch.nn`` and ``torch.nn.functional`` that are not here, each with the reason.

``parity/test_nn_names.py`` fails for a public name that is neither here nor there, and for one that
stands in both.
"""

from __future__ import annotations

NOT_YET = "not there yet"
OF_PYTORCH = "of PyTorch's own typing and dispatch"
OTHER_DEVICES = "a kernel of other devices and formats"

MODULES_NOT_YET = """
AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d AdaptiveLogSoftmaxWithLoss AdaptiveMaxPool1d
AdaptiveMaxPool2d AdaptiveMaxPool3d AvgPool1d AvgPool2d AvgPool3d BatchNorm1d BatchNorm2d
BatchNorm3d Buffer CTCLoss ChannelShuffle CircularPad1d CircularPad2d CircularPad3d ConstantPad1d
ConstantPad2d ConstantPad3d Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d
Fold FractionalMaxPool2d FractionalMaxPool3d GRU GRUCell GroupNorm InstanceNorm1d InstanceNorm2d
InstanceNorm3d LPPool1d LPPool2d LPPool3d LSTM LSTMCell LayerNorm LazyBatchNorm1d LazyBatchNorm2d
LazyBatchNorm3d LazyConv1d LazyConv2d LazyConv3d LazyConvTranspose1d LazyConvTranspose2d
LazyConvTranspose3d LazyInstanceNorm1d LazyInstanceNorm2d LazyInstanceNorm3d LazyLinear
LinearCrossEntropyLoss LinearCrossEntropyOptions LocalResponseNorm MaxPool1d MaxPool2d MaxPool3d
MaxUnpool1d MaxUnpool2d MaxUnpool3d MultiheadAttention PixelShuffle PixelUnshuffle RMSNorm RNN
RNNBase RNNCell RNNCellBase ReflectionPad1d ReflectionPad2d ReflectionPad3d ReplicationPad1d
ReplicationPad2d ReplicationPad3d SyncBatchNorm Transformer TransformerDecoder
TransformerDecoderLayer TransformerEncoder TransformerEncoderLayer Unfold UninitializedBuffer
UninitializedParameter Upsample UpsamplingBilinear2d UpsamplingNearest2d ZeroPad1d ZeroPad2d
ZeroPad3d
"""

FUNCTIONS_NOT_YET = """
adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d
adaptive_max_pool1d_with_indices adaptive_max_pool2d adaptive_max_pool2d_with_indices
adaptive_max_pool3d adaptive_max_pool3d_with_indices affine_grid avg_pool1d avg_pool2d avg_pool3d
batch_norm channel_shuffle conv1d conv2d conv3d conv_tbc conv_transpose1d conv_transpose2d
conv_transpose3d ctc_loss fold fractional_max_pool2d fractional_max_pool2d_with_indices
fractional_max_pool3d fractional_max_pool3d_with_indices grid_sample group_norm instance_norm
interpolate layer_norm linear_cross_entropy local_response_norm lp_pool1d lp_pool2d lp_pool3d
max_pool1d max_pool1d_with_indices max_pool2d max_pool2d_with_indices max_pool3d
max_pool3d_with_indices max_unpool1d max_unpool2d max_unpool3d multi_head_attention_forward
native_channel_shuffle pad pdist pixel_shuffle pixel_unshuffle rms_norm scaled_dot_product_attention
unfold upsample upsample_bilinear upsample_nearest
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
