// How the random kernels draw: single numbers, and the order of the elements.
#pragma once

#include <cmath>
#include <cstdint>
#include <mutex>
#include <numbers>
#include <numeric>

#include "kernels/elementwise.h"
#include "kernels/make/random.h"
#include "kernels/narrow.h"
#include "kernels/rows.h"

namespace pullback::kernels {

using Lock = std::lock_guard<std::mutex>;

// A uniform number of [0, 1): 24 bits of one draw or 53 bits of two.
template <typename T>
T uniform01(Generator& g) {
  if constexpr (std::is_same_v<T, float>) {
    return static_cast<float>(g.random32() & 0xffffffu) * 0x1p-24f;
  } else {
    return static_cast<double>(g.random64() & ((std::uint64_t{1} << 53) - 1)) * 0x1p-53;
  }
}

// The dimensions of two views of one shape in the order in which the first lies in memory.
struct MemoryOrder {
  static constexpr int kMost = kMaxDims + 1;  // those of Pairs
  std::int64_t sizes[kMost], strides[kMost], other_strides[kMost];
  View view, other;

  MemoryOrder(const View& v, const View& o) {
    int order[kMost];
    std::iota(order, order + v.ndim, 0);
    std::stable_sort(order, order + v.ndim,
                     [&](int a, int b) { return std::abs(v.strides[a]) > std::abs(v.strides[b]); });
    for (int d = 0; d < v.ndim; ++d) {
      sizes[d] = v.sizes[order[d]];
      strides[d] = v.strides[order[d]];
      other_strides[d] = o.strides[order[d]];
    }
    view = {v.data, sizes, strides, v.ndim, v.dtype};
    other = {o.data, sizes, other_strides, o.ndim, o.dtype};
  }
};

// Draws numbers of type T, of which narrow elements are made block by block.
template <typename T, typename Draw>
void fill_in_order(const View& out, Draw draw) {
  const MemoryOrder order(out, out);
  if (is_narrow(out.dtype)) {
    const UnaryLoop narrowed = cast_loop(out.dtype, kDTypeOf<T>);
    for_elements(std::array{&order.view}, [&](const auto& at, std::int64_t n) {
      const std::int64_t stride = at.inner_stride(0);
      T block[kNarrowBlock];
      for (std::int64_t i = 0; i < n; i += kNarrowBlock) {
        const std::int64_t m = std::min(kNarrowBlock, n - i);
        for (std::int64_t k = 0; k < m; ++k) block[k] = draw();
        narrowed(at[0] + i * stride, reinterpret_cast<const char*>(block), stride, sizeof(T), m,
                 nullptr);
      }
    });
    return;
  }
  for_elements(std::array{&order.view}, [&](const auto& at, std::int64_t n) {
    const std::int64_t stride = at.inner_stride(0);
    char* p = at[0];
    for (std::int64_t i = 0; i < n; ++i, p += stride) *reinterpret_cast<T*>(p) = draw();
  });
}

inline double single_normal(Generator& g) {
  if (g.next_normal.has_value()) {
    const double value = *g.next_normal;
    g.next_normal.reset();
    return value;
  }
  const double u1 = uniform01<double>(g);
  const double u2 = uniform01<double>(g);
  const double radius = std::sqrt(-2.0 * std::log1p(-u2));
  const double theta = 2.0 * std::numbers::pi * u1;
  g.next_normal = radius * std::sin(theta);
  return radius * std::cos(theta);
}

}  // namespace pullback::kernels
