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

// A complex view seen as pairs of real numbers, along a last dimension of its own.
class Pairs {
 public:
  explicit Pairs(const View& v) : view_{v.data, sizes_, strides_, v.ndim + 1, real_of(v.dtype)} {
    for (int d = 0; d < v.ndim; ++d) {
      sizes_[d] = v.sizes[d];
      strides_[d] = 2 * v.strides[d];
    }
    sizes_[v.ndim] = 2;
    strides_[v.ndim] = 1;
  }
  Pairs(const Pairs&) = delete;
  Pairs& operator=(const Pairs&) = delete;
  operator const View&() const { return view_; }  // NOLINT: that is its purpose
  // The real (0) or imaginary (1) parts alone, in the shape of the complex view.
  View part(int which) const {
    View v = view_;
    --v.ndim;
    v.data += which * static_cast<std::int64_t>(item_size(v.dtype));
    return v;
  }

 private:
  std::int64_t sizes_[kMaxDims + 1];
  std::int64_t strides_[kMaxDims + 1];
  View view_;
};

}  // namespace pullback::kernels
