// The matrices of a stack: a view whose last two dimensions are those of a matrix.
#pragma once

#include <cstdint>

#include "kernels/view.h"

namespace pullback::kernels {

// The size of the last dimension (1), the one before it (2), ...
inline std::int64_t size_of(const View& v, int from_last) { return v.sizes[v.ndim - from_last]; }
inline std::int64_t row_of(const View& v) { return v.strides[v.ndim - 2]; }

inline std::int64_t count_matrices(const View& v) {
  std::int64_t n = 1;
  for (int d = 0; d + 2 < v.ndim; ++d) n *= v.sizes[d];
  return n;
}

// The first element of the matrix of that number, or of what the last `inner` dimensions are.
template <typename T>
T* matrix(const View& v, std::int64_t number, int inner = 2) {
  std::int64_t offset = 0;
  for (int d = v.ndim - inner - 1; d >= 0; --d) {
    offset += number % v.sizes[d] * v.strides[d];
    number /= v.sizes[d];
  }
  return reinterpret_cast<T*>(v.data) + offset;
}

}  // namespace pullback::kernels
