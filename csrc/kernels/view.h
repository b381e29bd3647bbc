// A view of raw memory: what every kernel takes and fills.
//
// Pointers to sizes and strides are borrowed for the duration of the call.  Strides count elements,
// may be zero (broadcast) or negative, and dimensions may be empty.  Kernels know no tensor, no
// graph and no Python; callers have checked shapes and dtypes.
#pragma once

#include <cstdint>

#include "core/dtype.h"

namespace pullback::kernels {

inline constexpr int kMaxDims = 64;

struct View {
  char* data;
  const std::int64_t* sizes;
  const std::int64_t* strides;
  int ndim;
  DType dtype;

  std::int64_t numel() const {
    std::int64_t n = 1;
    for (int d = 0; d < ndim; ++d) n *= sizes[d];
    return n;
  }
};

}  // namespace pullback::kernels
