// The matrix product of small matrices, one copy per instruction set (gemm_isa.cpp).
#pragma once

#include <cstdint>

namespace pullback::kernels {

// One product c = a @ b, or c += a @ b; strides in elements, any sign.
struct SmallProduct {
  const void* a;
  const void* b;
  void* c;
  std::int64_t m, n, k;
  std::int64_t a_row, a_column, b_row, b_column, c_row, c_column;
  bool accumulate;
};

// At most this many elements of b are copied to bring its columns side by side.
inline constexpr std::int64_t kSmallPack = 8192;

struct SmallGemm {
  using Function = void (*)(const SmallProduct&);
  Function float32;
  Function float64;
};

}  // namespace pullback::kernels
