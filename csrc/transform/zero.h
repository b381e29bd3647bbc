// Gradients that are zero everywhere, for passes in which zero absorbs infinity and NaN.
#pragma once

#include <span>

#include "core/tensor.h"

namespace pullback {

// An undefined one counts as zero.
bool are_zero(std::span<const Tensor> gradients);

}  // namespace pullback
