// Padding, for convolutions and C++ users.
#pragma once

#include "core/tensor.h"

namespace pullback {

// `value` before and after each of the last dimensions, in pairs from the last dimension on; what
// is negative is taken away.  Recorded.
Tensor constant_pad(const Tensor& input, const Dims& pad, const Scalar& value);

}  // namespace pullback
