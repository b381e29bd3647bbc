// The channels or groups of all examples of a vmap side by side, so that one call does them all.
#pragma once

#include "ops/basic.h"
#include "ops/shape/view.h"

namespace pullback {

// [B, N, C, ...] as [N, B * C, ...].
inline Tensor beside(const Tensor& t) {
  const Tensor moved = transpose(t, 0, 1);
  Dims sizes(moved.sizes());
  sizes[1] *= sizes[2];
  sizes.erase(2);
  return reshape(moved, sizes);
}
// The reverse of a result.
inline Tensor apart(const Tensor& t, std::int64_t batch) {
  Dims sizes = t.shape();
  sizes[1] /= batch;
  sizes.insert(1, batch);
  return transpose(reshape(t, sizes), 0, 1);
}

}  // namespace pullback
