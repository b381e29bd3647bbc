// Interpolation along one dimension; of several dimensions it is done one after the other.
#pragma once

#include <string_view>

#include "core/tensor.h"

namespace pullback {

struct Resampling {
  std::string_view mode;  // nearest, nearest-exact, linear, cubic or lanczos
  int dims;               // of the whole interpolation, for the name in the graph
  bool align_corners;
  bool antialias;
};

// `size` elements along `dim`; they are `step` inputs apart, or evenly spread if it is zero.
// Recorded.
Tensor resample(const Tensor& input, int dim, std::int64_t size, double step,
                const Resampling& how);

}  // namespace pullback
