// See taps_kernels.h: one output in each lane, its terms in the order of the taps.
#include <cstdint>

#include "kernels/nn/gathered.h"
#include "kernels/nn/taps_kernels.h"

namespace pullback::kernels::PULLBACK_ISA {
namespace {

template <typename T>
void neighbours(const TapsOfNeighbours<T>& n) {
  constexpr int width = kWidth<T>;
  for (std::int64_t p = 0; p < n.count; p += width) {
    Vector<T> sum{};
    for (std::int64_t t = 0; t < n.num_taps; ++t) {
      const std::int64_t at = t * n.width + p;
      const Vector<T> more = sum + load(n.weights + at) * gathered(n.in, load(n.places + at));
      sum = n.used ? (load(n.used + at) ? more : sum) : more;
    }
    store_first(n.out + p, sum, n.count - p);
  }
}

// Elements `begin` on of a row, vector by vector, and of half the size what is left.
template <typename T, int bytes>
PULLBACK_INLINE void row_from(const TapsOfRows<T>& r, std::int64_t o, std::int64_t begin) {
  using V = typename VectorOf<T, bytes>::type;
  constexpr int width = bytes / sizeof(T);
  for (; begin + width <= r.inner; begin += width) {
    V sum{};
    for (std::int64_t t = r.first[o]; t < r.first[o + 1]; ++t) {
      V seen;
      std::memcpy(&seen, r.in + r.inputs[t] * r.inner + begin, sizeof(seen));
      sum += r.weights[t] * seen;
    }
    std::memcpy(r.out + o * r.inner + begin, &sum, sizeof(sum));
  }
  if constexpr (bytes > 16) {
    if (begin < r.inner) row_from<T, bytes / 2>(r, o, begin);
  } else {
    for (; begin < r.inner; ++begin) {
      T sum{0};
      for (std::int64_t t = r.first[o]; t < r.first[o + 1]; ++t) {
        sum += r.weights[t] * r.in[r.inputs[t] * r.inner + begin];
      }
      r.out[o * r.inner + begin] = sum;
    }
  }
}

template <typename T>
void rows(const TapsOfRows<T>& r) {
  for (std::int64_t o = 0; o < r.outputs; ++o) row_from<T, kVectorBytes>(r, o, 0);
}

}  // namespace

TapsTable taps_table() {
  return {{&neighbours<float>, &rows<float>}, {&neighbours<double>, &rows<double>}};
}

}  // namespace pullback::kernels::PULLBACK_ISA
