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
AdaptiveMaxPool2d AdaptiveMaxPool3d AlphaDropout AvgPool1d AvgPool2d AvgPool3d BatchNorm1d
BatchNorm2d BatchNorm3d Bilinear Buffer CTCLoss ChannelShuffle CircularPad1d CircularPad2d
CircularPad3d ConstantPad1d ConstantPad2d ConstantPad3d Conv1d Conv2d Conv3d ConvTranspose1d
ConvTranspose2d ConvTranspose3d CosineEmbeddingLoss Dropout1d Dropout2d Dropout3d
FeatureAlphaDropout Fold FractionalMaxPool2d FractionalMaxPool3d GRU GRUCell GaussianNLLLoss
GroupNorm Hardshrink HingeEmbeddingLoss InstanceNorm1d InstanceNorm2d InstanceNorm3d LPPool1d
LPPool2d LPPool3d LSTM LSTMCell LayerNorm LazyBatchNorm1d LazyBatchNorm2d LazyBatchNorm3d
LazyConv1d LazyConv2d LazyConv3d LazyConvTranspose1d LazyConvTranspose2d LazyConvTranspose3d
LazyInstanceNorm1d LazyInstanceNorm2d LazyInstanceNorm3d LazyLinear LinearCrossEntropyLoss
LinearCrossEntropyOptions LocalResponseNorm MarginRankingLoss MaxPool1d MaxPool2d MaxPool3d
MaxUnpool1d MaxUnpool2d MaxUnpool3d MultiLabelMarginLoss MultiLabelSoftMarginLoss MultiMarginLoss
MultiheadAttention NLLLoss2d ParameterDict ParameterList PixelShuffle PixelUnshuffle
PoissonNLLLoss RMSNorm RNN RNNBase RNNCell RNNCellBase RReLU ReflectionPad1d ReflectionPad2d
ReflectionPad3d ReplicationPad1d ReplicationPad2d ReplicationPad3d SoftMarginLoss Softmax2d
Softshrink SyncBatchNorm Transformer TransformerDecoder TransformerDecoderLayer TransformerEncoder
TransformerEncoderLayer TripletMarginLoss TripletMarginWithDistanceLoss Unfold UninitializedBuffer
UninitializedParameter Upsample UpsamplingBilinear2d UpsamplingNearest2d ZeroPad1d ZeroPad2d
ZeroPad3d
"""

FUNCTIONS_NOT_YET = """
adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d
adaptive_max_pool1d_with_indices adaptive_max_pool2d adaptive_max_pool2d_with_indices
adaptive_max_pool3d adaptive_max_pool3d_with_indices affine_grid alpha_dropout avg_pool1d
avg_pool2d avg_pool3d batch_norm channel_shuffle conv1d conv2d conv3d conv_tbc conv_transpose1d
conv_transpose2d conv_transpose3d cosine_embedding_loss ctc_loss dropout1d dropout2d dropout3d
feature_alpha_dropout fold fractional_max_pool2d fractional_max_pool2d_with_indices
fractional_max_pool3d fractional_max_pool3d_with_indices gaussian_nll_loss grid_sample group_norm
gumbel_softmax hinge_embedding_loss instance_norm interpolate layer_norm linear_cross_entropy
local_response_norm lp_pool1d lp_pool2d lp_pool3d margin_ranking_loss max_pool1d
max_pool1d_with_indices max_pool2d max_pool2d_with_indices max_pool3d max_pool3d_with_indices
max_unpool1d max_unpool2d max_unpool3d multi_head_attention_forward multi_margin_loss
multilabel_margin_loss multilabel_soft_margin_loss native_channel_shuffle pad pdist pixel_shuffle
pixel_unshuffle poisson_nll_loss rms_norm rrelu rrelu_ scaled_dot_product_attention
soft_margin_loss triplet_margin_loss triplet_margin_with_distance_loss unfold upsample
upsample_bilinear upsample_nearest
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
