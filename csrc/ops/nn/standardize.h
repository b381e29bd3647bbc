// Standardized values: the part that batch, layer, group and instance normalisation share.
#pragma once

#include <array>

#include "core/tensor.h"

namespace pullback {

// Of [outer, groups, inner]: the values minus the mean of their group, divided by its standard
// deviation, and the moments [3, groups]: mean, variance, 1 / sqrt(variance + eps).  Recorded.
std::array<Tensor, 2> standardize(const Tensor& input, double eps);

}  // namespace pullback
