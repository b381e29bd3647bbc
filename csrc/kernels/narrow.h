// Elementwise loops over operands that are not in the dtype of the loop.
//
// NOTE [Narrow types]
// int8, int16, float16 and bfloat16 have no loops of their own.  The elementwise drivers convert
// blocks of the operands to the wide dtype (int32, float32), run its loop and convert the results
// back, which rounds once, or wraps.  Every other operator gets wide copies of its inputs and fills
// wide results (ops/operation.cpp), so that reductions accumulate wide; operators that only move
// elements say so (`kMoves`) and get them as they are.
#pragma once

#include <array>

#include "kernels/copy.h"
#include "kernels/nest.h"

namespace pullback::kernels {

inline constexpr std::int64_t kNarrowBlock = 256;

// Walks the operands like a driver.  `wanted` are the dtypes that the loop reads, `made` the one
// that it writes; loop(pointers, strides, n) gets the output first.
template <int N, typename Loop>
void run_converted(const std::array<const View*, N + 1>& operands,
                   const std::array<DType, N + 1>& wanted, std::int64_t threshold,
                   std::int64_t grain, Loop loop) {
  const Nest<N + 1> nest(operands);
  if (nest.numel() == 0) return;
  const auto row = [&](const auto& at, std::int64_t n) {
    alignas(64) char buffers[N + 1][kNarrowBlock * sizeof(double)];
    for (std::int64_t i = 0; i < n; i += kNarrowBlock) {
      const std::int64_t m = std::min(kNarrowBlock, n - i);
      std::array<char*, N + 1> pointers;
      std::array<std::int64_t, N + 1> strides;
      for (std::size_t k = 0; k <= N; ++k) {
        strides[k] = nest.inner_stride(static_cast<int>(k));
        pointers[k] = at[k] + i * strides[k];
        if (operands[k]->dtype == wanted[k]) continue;
        const auto size = static_cast<std::int64_t>(item_size(wanted[k]));
        if (k > 0) {
          cast_loop(wanted[k], operands[k]->dtype)(buffers[k], pointers[k], size, strides[k],
                                                   strides[k] == 0 ? 1 : m, nullptr);
        }
        pointers[k] = buffers[k];
        if (k == 0 || strides[k] != 0) strides[k] = size;
      }
      loop(pointers, strides, m);
      if (pointers[0] != buffers[0]) continue;
      const std::int64_t stride = nest.inner_stride(0);
      cast_loop(operands[0]->dtype, wanted[0])(at[0] + i * stride, buffers[0], stride, strides[0],
                                               m, nullptr);
    }
  };
  nest.run(threshold, grain, row);
}

}  // namespace pullback::kernels
