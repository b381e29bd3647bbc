// Padding, for convolutions and C++ users.
#pragma once

#include <optional>
#include <string_view>

#include "core/tensor.h"

namespace pullback {

// `value` before and after each of the last dimensions, in pairs from the last dimension on; what
// is negative is taken away.  Recorded.
Tensor constant_pad(const Tensor& input, const Dims& pad, const Scalar& value);
// In a mode: "constant", "reflect", "replicate" or "circular".  Recorded.
Tensor pad(const Tensor& input, const Dims& pad, std::string_view mode,
           std::optional<Scalar> value = {});

}  // namespace pullback
