// One contiguous row of floating numbers reduced in lanes, for the files that are compiled per
// instruction set.
//
// Lanes of accumulators are held in vectors of the instruction set's width and combined by halves.
// Start reading at float_row().
#pragma once

#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#if defined(__AVX__)
#include <immintrin.h>
#endif

#include "kernels/dispatch.h"
#include "kernels/reduce/reduce_kernels.h"
#include "kernels/vectors.h"

namespace pullback::kernels::PULLBACK_ISA {
namespace {

constexpr int kLanes = 32;

template <typename T>
constexpr bool kIsFloat = std::is_floating_point_v<T>;

template <RowOp op, typename T>
struct AccumulatorOf {
  using type =
      std::conditional_t<op == RowOp::Max || op == RowOp::Min, T,
                         std::conditional_t<!kIsFloat<T>, std::uint64_t,
                                            std::conditional_t<op == RowOp::Prod, T, double>>>;
};
template <RowOp op, typename T>
using Accumulator = typename AccumulatorOf<op, T>::type;

template <RowOp op, typename A>
constexpr A identity() {
  if constexpr (op == RowOp::Prod) return A(1);
  if constexpr (op == RowOp::Max) {
    return kIsFloat<A> ? -std::numeric_limits<A>::infinity() : std::numeric_limits<A>::lowest();
  }
  if constexpr (op == RowOp::Min) {
    return kIsFloat<A> ? std::numeric_limits<A>::infinity() : std::numeric_limits<A>::max();
  }
  return A(0);
}

// Scalars and vectors alike: a is the accumulator, x the element, already of its type.
template <RowOp op, typename V>
PULLBACK_INLINE V fold(V a, V x) {
  if constexpr (op == RowOp::Sum) return a + x;
  if constexpr (op == RowOp::SumSq) return a + x * x;
  if constexpr (op == RowOp::Prod) return a * x;
  if constexpr (op == RowOp::Max) return (x > a) | (x != x) ? x : a;
  if constexpr (op == RowOp::Min) return (x < a) | (x != x) ? x : a;
}
template <RowOp op, typename V>
PULLBACK_INLINE V merge(V a, V b) {
  return fold < op == RowOp::SumSq ? RowOp::Sum : op > (a, b);
}

// A vector of accumulators from as many contiguous elements.
template <typename V>
PULLBACK_INLINE V widened(const double* p, const V&) {
  V v;
  std::memcpy(&v, p, sizeof(v));
  return v;
}
template <typename V>
PULLBACK_INLINE V widened(const float* p, const V&) {
  if constexpr (std::is_same_v<std::remove_reference_t<decltype(V{}[0])>, float>) {
    V v;
    std::memcpy(&v, p, sizeof(v));
    return v;
  } else {
    // The compiler's own conversion of whole vectors goes through memory.
#if defined(__AVX512F__)
    return _mm512_maskz_cvtps_pd(0xff, _mm256_loadu_ps(p));
#elif defined(__AVX__)
    return _mm256_cvtps_pd(_mm_loadu_ps(p));
#else
    return V{static_cast<double>(p[0]), static_cast<double>(p[1])};
#endif
  }
}

// The elements of a vector merged by halves.
template <RowOp op, typename A, int width, typename V>
PULLBACK_INLINE A merged(const V& v) {
  if constexpr (width == 2) {
    return merge<op>(v[0], v[1]);
  } else {
    typedef A Half __attribute__((vector_size(width / 2 * sizeof(A))));
    Half halves[2];
    std::memcpy(halves, &v, sizeof(v));
    return merged<op, A, width / 2>(merge<op>(halves[0], halves[1]));
  }
}

// Whether a NaN was among vectors of T.
template <typename T>
class SeenNan {
 public:
  typedef T V __attribute__((vector_size(kVectorBytes)));
#if defined(__AVX512F__)
  PULLBACK_INLINE void look(V x) {
    if constexpr (sizeof(T) == 4) {
      seen_ |= _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
    } else {
      seen_ |= _mm512_cmp_pd_mask(x, x, _CMP_UNORD_Q);
    }
  }
  PULLBACK_INLINE bool any() const { return seen_ != 0; }

 private:
  unsigned seen_ = 0;
#else
  PULLBACK_INLINE void look(V x) { seen_ |= x != x; }
  PULLBACK_INLINE bool any() const {
    bool found = false;
    for (int l = 0; l < kVectorBytes / static_cast<int>(sizeof(T)); ++l) found |= seen_[l] != 0;
    return found;
  }

 private:
  decltype(V{} != V{}) seen_ = V{} != V{};
#endif
};

// x if it is beyond a, else a, also where x is NaN: one instruction.
template <RowOp op, typename V>
PULLBACK_INLINE V further(V x, V a) {
#if defined(__AVX512F__)
  if constexpr (std::is_same_v<std::remove_cvref_t<decltype(x[0])>, float>) {
    return op == RowOp::Max ? _mm512_maskz_max_ps(0xffff, x, a) : _mm512_maskz_min_ps(0xffff, x, a);
  } else {
    return op == RowOp::Max ? _mm512_maskz_max_pd(0xff, x, a) : _mm512_maskz_min_pd(0xff, x, a);
  }
#else
  return (op == RowOp::Max ? x > a : x < a) ? x : a;
#endif
}

// The maximum or minimum, n >= kLanes: NaNs are noted beside the comparisons.
template <RowOp op, typename T>
T extreme_row(const T* p, std::int64_t n) {
  constexpr int width = kVectorBytes / sizeof(T);
  constexpr int vectors = kLanes / width;
  typedef T V __attribute__((vector_size(kVectorBytes)));
  V lanes[vectors];
#pragma GCC unroll 8
  for (int v = 0; v < vectors; ++v) lanes[v] = V{} + identity<op, T>();
  SeenNan<T> nan;
  const auto take = [&](const T* from) __attribute__((always_inline)) {
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) {
      V x;
      std::memcpy(&x, from + v * width, sizeof(x));
      lanes[v] = further<op>(x, lanes[v]);
      nan.look(x);
    }
  };
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) take(p + i);
  if (i < n) take(p + n - kLanes);  // some elements twice
#pragma GCC unroll 8
  for (int half = vectors / 2; half > 0; half /= 2) {
#pragma GCC unroll 8
    for (int v = 0; v < half; ++v) lanes[v] = further<op>(lanes[v + half], lanes[v]);
  }
  if (nan.any()) return std::numeric_limits<T>::quiet_NaN();
  return merged<op, T, width>(lanes[0]);
}

template <RowOp op, typename T>
Accumulator<op, T> float_row(const T* p, std::int64_t n) {
  using A = Accumulator<op, T>;
  if constexpr (op == RowOp::Max || op == RowOp::Min) {
    if (n >= kLanes) return extreme_row<op, T>(p, n);
  }
  constexpr int width = kVectorBytes / sizeof(A);
  constexpr int vectors = kLanes / width;
  typedef A VA __attribute__((vector_size(width * sizeof(A))));
  VA lanes[vectors];
#pragma GCC unroll 16
  for (int v = 0; v < vectors; ++v) lanes[v] = VA{} + identity<op, A>();
  const auto fold_lanes = [&lanes](const T* from) __attribute__((always_inline)) {
#pragma GCC unroll 16
    for (int v = 0; v < vectors; ++v)
      lanes[v] = fold<op>(lanes[v], widened(from + v * width, lanes[v]));
  };
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) fold_lanes(p + i);
  if (i < n) {
    T rest[kLanes];
    for (int l = 0; l < kLanes; ++l) rest[l] = identity<op, T>();
    std::memcpy(rest, p + i, static_cast<std::size_t>(n - i) * sizeof(T));
    fold_lanes(rest);
  }
#pragma GCC unroll 16
  for (int half = vectors / 2; half > 0; half /= 2) {
#pragma GCC unroll 16
    for (int v = 0; v < half; ++v) lanes[v] = merge<op>(lanes[v], lanes[v + half]);
  }
  return merged<op, A, width>(lanes[0]);
}

}  // namespace
}  // namespace pullback::kernels::PULLBACK_ISA
