// See slide_kernels.h: sums stay in registers while the terms run.
//
// A block of weighted rows is up to six rows by two vectors, or fewer rows by more vectors, so that
// there are eight sums at least and the units that multiply never wait.  Start reading at strips().
#include <cstdint>
#include <cstring>
#include <type_traits>

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#include "kernels/dispatch.h"
#include "kernels/nn/slide_kernels.h"
#include "kernels/vectors.h"

namespace pullback::kernels::PULLBACK_ISA {
namespace {

template <typename T>
PULLBACK_INLINE void store(T* p, Vector<T> v) {
  std::memcpy(p, &v, sizeof(v));
}

template <typename T>
PULLBACK_INLINE Vector<T> spread(T x) {
  Vector<T> v;
#pragma GCC unroll 16
  for (int l = 0; l < kWidth<T>; ++l) v[l] = x;
  return v;
}

// a * b + c with one rounding where the instruction set has it.
template <typename T>
PULLBACK_INLINE Vector<T> fused(Vector<T> a, Vector<T> b, Vector<T> c) {
#if defined(__FMA__)
#pragma GCC unroll 16
  for (int l = 0; l < kWidth<T>; ++l) {
    if constexpr (sizeof(T) == 4) {
      c[l] = __builtin_fmaf(a[l], b[l], c[l]);
    } else {
      c[l] = __builtin_fma(a[l], b[l], c[l]);
    }
  }
  return c;
#else
  return a * b + c;
#endif
}

template <typename T, int rows, int vectors>
PULLBACK_INLINE void block(const WeightedRows& w, std::int64_t position) {
  constexpr int width = kWidth<T>;
  Vector<T> sums[rows][vectors];
  T* out = static_cast<T*>(w.out) + position;
#pragma GCC unroll 6
  for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) {
      sums[r][v] = w.accumulate ? load(out + r * w.out_row + v * width) : Vector<T>{};
    }
  }
  const T* weights = static_cast<const T*>(w.weights);
  const T* image = static_cast<const T*>(w.image) + position;
  for (std::int64_t i = 0; i < w.terms; ++i, weights += rows) {
    const T* at = image + w.offsets[i];
    Vector<T> seen[vectors];
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) seen[v] = load(at + v * width);
#pragma GCC unroll 6
    for (int r = 0; r < rows; ++r) {
      const Vector<T> weight = spread(weights[r]);
#pragma GCC unroll 8
      for (int v = 0; v < vectors; ++v) sums[r][v] = fused<T>(weight, seen[v], sums[r][v]);
    }
  }
#pragma GCC unroll 6
  for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) store(out + r * w.out_row + v * width, sums[r][v]);
  }
}

template <typename T, int rows, int vectors>
void strips(const WeightedRows& w) {
  std::int64_t position = 0;
  for (; position + vectors * kWidth<T> <= w.positions; position += vectors * kWidth<T>) {
    block<T, rows, vectors>(w, position);
  }
  if constexpr (vectors > 2) {
    if constexpr (vectors == 8) {
      if (position + 4 * kWidth<T> <= w.positions) {
        block<T, rows, 4>(w, position);
        position += 4 * kWidth<T>;
      }
    }
    constexpr int rest = vectors % 2 == 0 ? 2 : 1;
    for (; position < w.positions; position += rest * kWidth<T>) {
      block<T, rows, rest>(w, position);
    }
  }
}

template <typename T>
void weighted_rows(const WeightedRows& w) {
  switch (w.rows) {
    case 1:
      return strips<T, 1, 8>(w);
    case 2:
      return strips<T, 2, 4>(w);
    case 3:
      return strips<T, 3, 3>(w);
    case 4:
      return strips<T, 4, 2>(w);
    case 5:
      return strips<T, 5, 2>(w);
    default:
      return strips<T, 6, 2>(w);
  }
}

template <typename T, int width>
struct LanesOf {
  typedef T type __attribute__((vector_size(width * sizeof(T))));
};
template <typename T, int width>
using Lanes = typename LanesOf<T, width>::type;

// The sums of the elements at equal places of the quarters, or halves, of 16 bytes.
template <typename T, int width>
PULLBACK_INLINE auto folded(Lanes<T, width> v) {
  if constexpr (width * sizeof(T) == 16) {
    return v;
  } else if constexpr (width == 16) {
    return folded<T, 8>(__builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7) +
                        __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15));
  } else if constexpr (width == 8) {
    return folded<T, 4>(__builtin_shufflevector(v, v, 0, 1, 2, 3) +
                        __builtin_shufflevector(v, v, 4, 5, 6, 7));
  } else {
    return folded<T, 2>(__builtin_shufflevector(v, v, 0, 1) + __builtin_shufflevector(v, v, 2, 3));
  }
}

// to[i] += the sum of the elements of v[i]; each is summed up by halves, however many there are.
template <int count>
PULLBACK_INLINE void add_totals(float* to, const Vector<float>* v) {
  constexpr int width = kWidth<float>;
  int done = 0;
#pragma GCC unroll 3
  for (; done + 4 <= count; done += 4) {
    const Lanes<float, 4> a = folded<float, width>(v[done]), b = folded<float, width>(v[done + 1]);
    const Lanes<float, 4> c = folded<float, width>(v[done + 2]);
    const Lanes<float, 4> d = folded<float, width>(v[done + 3]);
    const Lanes<float, 4> ab =
        __builtin_shufflevector(a, b, 0, 4, 1, 5) + __builtin_shufflevector(a, b, 2, 6, 3, 7);
    const Lanes<float, 4> cd =
        __builtin_shufflevector(c, d, 0, 4, 1, 5) + __builtin_shufflevector(c, d, 2, 6, 3, 7);
    Lanes<float, 4> sums;
    std::memcpy(&sums, to + done, sizeof(sums));
    sums +=
        __builtin_shufflevector(ab, cd, 0, 1, 4, 5) + __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
    std::memcpy(to + done, &sums, sizeof(sums));
  }
#pragma GCC unroll 3
  for (; done < count; ++done) {
    const Lanes<float, 4> a = folded<float, width>(v[done]);
    to[done] += (a[0] + a[2]) + (a[1] + a[3]);
  }
}
template <int count>
PULLBACK_INLINE void add_totals(double* to, const Vector<double>* v) {
#pragma GCC unroll 9
  for (int i = 0; i < count; ++i) {
    const Lanes<double, 2> a = folded<double, kWidth<double>>(v[i]);
    to[i] += a[0] + a[1];
  }
}

template <typename T, int rows, int terms>
void inner_block(const InnerProducts& p, std::int64_t row, std::int64_t term) {
  constexpr int width = kWidth<T>;
  Vector<T> sums[rows][terms];
#pragma GCC unroll 6
  for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 9
    for (int t = 0; t < terms; ++t) sums[r][t] = Vector<T>{};
  }
  const T* left = static_cast<const T*>(p.rows) + row * p.row;
  const T* images[terms];
#pragma GCC unroll 9
  for (int t = 0; t < terms; ++t) {
    images[t] = static_cast<const T*>(p.image) + p.offsets[term + t];
  }
  for (std::int64_t at = 0; at < p.positions; at += width) {
    Vector<T> seen[terms];
#pragma GCC unroll 9
    for (int t = 0; t < terms; ++t) seen[t] = load(images[t] + at);
#pragma GCC unroll 6
    for (int r = 0; r < rows; ++r) {
      const Vector<T> mine = load(left + r * p.row + at);
#pragma GCC unroll 9
      for (int t = 0; t < terms; ++t) sums[r][t] = fused<T>(mine, seen[t], sums[r][t]);
    }
  }
  T* out = static_cast<T*>(p.out) + row * p.out_row + term;
#pragma GCC unroll 6
  for (int r = 0; r < rows; ++r) add_totals<terms>(out + r * p.out_row, sums[r]);
}

// All terms of some rows, which stay in the nearest cache meanwhile: blocks of `terms` terms, and
// smaller ones of what is left.
template <typename T, int rows, int terms>
PULLBACK_INLINE std::int64_t inner_blocks(const InnerProducts& p, std::int64_t row,
                                          std::int64_t term) {
  for (; term + terms <= p.terms; term += terms) inner_block<T, rows, terms>(p, row, term);
  return term;
}

template <typename T, int rows, int... terms>
void inner_row(const InnerProducts& p, std::int64_t row) {
  std::int64_t term = 0;
  ((term = inner_blocks<T, rows, terms>(p, row, term)), ...);
}

#if defined(__AVX512F__)
constexpr int kInnerRows = 6, kInnerTerms = 4;  // of 32 registers
#else
constexpr int kInnerRows = 4, kInnerTerms = 3;  // of 16
#endif

template <typename T>
void inner_products(const InnerProducts& p) {
  std::int64_t row = 0;
  for (; row + kInnerRows <= p.num_rows; row += kInnerRows) {
    inner_row<T, kInnerRows, kInnerTerms, 3, 2, 1>(p, row);
  }
  if constexpr (kInnerRows > 4) {
    if (row + 4 <= p.num_rows) {
      inner_row<T, 4, kInnerTerms, 3, 2, 1>(p, row);
      row += 4;
    }
  }
  if (row + 2 <= p.num_rows) {
    inner_row<T, 2, kInnerTerms, 3, 2, 1>(p, row);
    row += 2;
  }
  if (row < p.num_rows) inner_row<T, 1, 9, 4, 3, 2, 1>(p, row);
}

#if defined(__AVX512F__)
template <typename T>
PULLBACK_INLINE auto first_lanes(std::int64_t count) {
  using Mask = std::conditional_t<sizeof(T) == 4, __mmask16, __mmask8>;
  return static_cast<Mask>(count >= kWidth<T> ? ~0u : (1u << count) - 1);
}
PULLBACK_INLINE Vector<float> load_some(const float* p, __mmask16 lanes) {
  return _mm512_maskz_loadu_ps(lanes, p);
}
PULLBACK_INLINE Vector<double> load_some(const double* p, __mmask8 lanes) {
  return _mm512_maskz_loadu_pd(lanes, p);
}
PULLBACK_INLINE void store_some(float* p, Vector<float> v, __mmask16 lanes) {
  _mm512_mask_storeu_ps(p, lanes, v);
}
PULLBACK_INLINE void store_some(double* p, Vector<double> v, __mmask8 lanes) {
  _mm512_mask_storeu_pd(p, lanes, v);
}
// Of 2 * width neighbours every second one.
PULLBACK_INLINE Vector<float> even(Vector<float> a, Vector<float> b) {
  return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
}
PULLBACK_INLINE Vector<double> even(Vector<double> a, Vector<double> b) {
  return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14);
}
// The first or second half, each element twice.
PULLBACK_INLINE Vector<float> twice(Vector<float> v, bool second) {
  return second ? __builtin_shufflevector(v, v, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13, 14, 14,
                                          15, 15)
                : __builtin_shufflevector(v, v, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
}
PULLBACK_INLINE Vector<double> twice(Vector<double> v, bool second) {
  return second ? __builtin_shufflevector(v, v, 4, 4, 5, 5, 6, 6, 7, 7)
                : __builtin_shufflevector(v, v, 0, 0, 1, 1, 2, 2, 3, 3);
}

template <typename T, int step>
PULLBACK_INLINE void bring_stretch(const T* from, T* to, std::int64_t count) {
  constexpr int width = kWidth<T>;
  for (std::int64_t k = 0; k < count; k += width) {
    const auto lanes = first_lanes<T>(count - k);
    if constexpr (step == 1) {
      store_some(to + k, load_some(from + k, lanes), lanes);
    } else {
      const std::int64_t left = 2 * (count - k) - 1;
      const Vector<T> low = load_some(from + 2 * k, first_lanes<T>(left));
      const Vector<T> high = left > width
                                 ? load_some(from + 2 * k + width, first_lanes<T>(left - width))
                                 : Vector<T>{};
      store_some(to + k, even(low, high), lanes);
    }
  }
}

template <typename T, int step>
PULLBACK_INLINE void put_stretch(const T* from, T* to, std::int64_t count, Vector<T> shift) {
  constexpr int width = kWidth<T>;
  for (std::int64_t k = 0; k < count; k += width) {
    const auto lanes = first_lanes<T>(count - k);
    const Vector<T> v = load_some(from + k, lanes) + shift;
    if constexpr (step == 1) {
      store_some(to + k, v, lanes);
    } else {
      const std::int64_t left = 2 * (count - k) - 1;
      using Mask = decltype(first_lanes<T>(0));
      constexpr auto wanted = static_cast<Mask>(0x5555);
      store_some(to + 2 * k, twice(v, false), static_cast<Mask>(first_lanes<T>(left) & wanted));
      if (left > width) {
        store_some(to + 2 * k + width, twice(v, true),
                   static_cast<Mask>(first_lanes<T>(left - width) & wanted));
      }
    }
  }
}
#else
template <typename T, int step>
PULLBACK_INLINE void bring_stretch(const T* from, T* to, std::int64_t count) {
  std::int64_t k = 0;
  if constexpr (step == 1) {
    for (; k + kWidth<T> <= count; k += kWidth<T>) store(to + k, load(from + k));
    constexpr int few = 16 / sizeof(T);
    for (; k + few <= count; k += few) std::memcpy(to + k, from + k, 16);
  }
  for (; k < count; ++k) to[k] = from[k * step];
}

template <typename T, int step>
PULLBACK_INLINE void put_stretch(const T* from, T* to, std::int64_t count, Vector<T> shift) {
  std::int64_t k = 0;
  if constexpr (step == 1) {
    for (; k + kWidth<T> <= count; k += kWidth<T>) store(to + k, load(from + k) + shift);
  }
  for (; k < count; ++k) to[k * step] = from[k] + shift[0];
}
#endif

template <typename T>
void bring(const Moves& m) {
  for (std::size_t i = 0; i < m.num_stretches; ++i) {
    const Stretch& part = m.stretches[i];
    const T* from = static_cast<const T*>(m.from) + part.from;
    T* to = static_cast<T*>(m.to) + part.to;
    __builtin_prefetch(from + m.ahead);
    if (m.step == 1) {
      bring_stretch<T, 1>(from, to, part.count);
    } else if (m.step == 2) {
      bring_stretch<T, 2>(from, to, part.count);
    } else {
      for (std::int64_t k = 0; k < part.count; ++k) to[k] = from[k * m.step];
    }
  }
}

template <typename T>
void put(const Moves& m, T shift) {
  const Vector<T> shifts = spread(shift);
  for (std::size_t i = 0; i < m.num_stretches; ++i) {
    const Stretch& part = m.stretches[i];
    const T* from = static_cast<const T*>(m.from) + part.from;
    T* to = static_cast<T*>(m.to) + part.to;
    __builtin_prefetch(to + m.ahead, 1);
    if (m.step == 1) {
      put_stretch<T, 1>(from, to, part.count, shifts);
    } else if (m.step == 2) {
      put_stretch<T, 2>(from, to, part.count, shifts);
    } else {
      for (std::int64_t k = 0; k < part.count; ++k) to[k * m.step] = from[k] + shift;
    }
  }
}

// The rows 4 and 5 of four terms beside each other.
template <typename T, int rows>
PULLBACK_INLINE void interleave_rest(const T* from, std::int64_t row, T* to) {
  if constexpr (rows == 6) {
    Lanes<T, 4> a, b;
    std::memcpy(&a, from + 4 * row, sizeof(a));
    std::memcpy(&b, from + 5 * row, sizeof(b));
    const Lanes<T, 4> low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
    const Lanes<T, 4> high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    const Lanes<T, 2> pairs[4] = {
        __builtin_shufflevector(low, low, 0, 1), __builtin_shufflevector(low, low, 2, 3),
        __builtin_shufflevector(high, high, 0, 1), __builtin_shufflevector(high, high, 2, 3)};
#pragma GCC unroll 4
    for (int l = 0; l < 4; ++l) std::memcpy(to + l * rows + 4, &pairs[l], sizeof(pairs[l]));
  } else if constexpr (rows == 5) {
#pragma GCC unroll 4
    for (int l = 0; l < 4; ++l) to[l * rows + 4] = from[4 * row + l];
  }
}

template <typename T, int rows>
void interleave_rows(const Interleaved& p) {
  for (std::int64_t b = 0; b < p.blocks; ++b) {
    const T* from = static_cast<const T*>(p.from) + b * p.block;
    T* to = static_cast<T*>(p.to) + b * p.count * rows;
    std::int64_t done = 0;
    if constexpr (rows >= 4) {
      for (; done + 4 <= p.count; done += 4, from += 4, to += 4 * rows) {
        Lanes<T, 4> c[4];
#pragma GCC unroll 4
        for (int l = 0; l < 4; ++l) std::memcpy(&c[l], from + l * p.row, sizeof(c[l]));
        const Lanes<T, 4> ab0 = __builtin_shufflevector(c[0], c[1], 0, 4, 1, 5);
        const Lanes<T, 4> ab1 = __builtin_shufflevector(c[0], c[1], 2, 6, 3, 7);
        const Lanes<T, 4> cd0 = __builtin_shufflevector(c[2], c[3], 0, 4, 1, 5);
        const Lanes<T, 4> cd1 = __builtin_shufflevector(c[2], c[3], 2, 6, 3, 7);
        const Lanes<T, 4> terms[4] = {__builtin_shufflevector(ab0, cd0, 0, 1, 4, 5),
                                      __builtin_shufflevector(ab0, cd0, 2, 3, 6, 7),
                                      __builtin_shufflevector(ab1, cd1, 0, 1, 4, 5),
                                      __builtin_shufflevector(ab1, cd1, 2, 3, 6, 7)};
#pragma GCC unroll 4
        for (int l = 0; l < 4; ++l) std::memcpy(to + l * rows, &terms[l], sizeof(terms[l]));
        interleave_rest<T, rows>(from, p.row, to);
      }
    }
    for (; done < p.count; ++done, ++from, to += rows) {
#pragma GCC unroll 6
      for (int r = 0; r < rows; ++r) to[r] = from[r * p.row];
    }
  }
}

template <typename T>
void interleave(const Interleaved& p) {
  switch (p.rows) {
    case 1:
      return interleave_rows<T, 1>(p);
    case 2:
      return interleave_rows<T, 2>(p);
    case 3:
      return interleave_rows<T, 3>(p);
    case 4:
      return interleave_rows<T, 4>(p);
    case 5:
      return interleave_rows<T, 5>(p);
    default:
      return interleave_rows<T, 6>(p);
  }
}

template <typename T>
SlideKernels<T> kernels_of() {
  return {&weighted_rows<T>, &inner_products<T>, &interleave<T>, &bring<T>, &put<T>, 2 * kWidth<T>};
}

}  // namespace

SlideTable slide_table() { return {kernels_of<float>(), kernels_of<double>()}; }

}  // namespace pullback::kernels::PULLBACK_ISA
