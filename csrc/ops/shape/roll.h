// Rolling, for the order of frequencies.
#pragma once

#include <optional>

#include "core/tensor.h"

namespace pullback {

// The elements moved along dimensions, those that leave at one end coming in at the other.
// Recorded.
Tensor roll(const Tensor& input, const Dims& shifts, const std::optional<Dims>& along);

}  // namespace pullback
