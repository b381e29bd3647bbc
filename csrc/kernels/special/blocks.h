// Tables of polynomials read for many numbers at once.
//
// A function of this kind takes n numbers, n a multiple of kGroup and at most kBlock, and computes
// every branch that one of them needs for all of them: loops that the compiler vectorises, and the
// pieces of a table by permutations of registers, where there are vectors of eight doubles.  Start
// reading at by_pieces.
#pragma once

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#include "kernels/loops.h"
#include "kernels/special/pieces.h"

namespace pullback::kernels {
namespace PULLBACK_ISA {

inline constexpr int kBlock = 64;

template <const auto& kTable>
inline constexpr int kPieces = sizeof(kTable) / sizeof(kTable[0]);
template <const auto& kTable>
inline constexpr int kDegrees = sizeof(kTable[0]) / sizeof(double);

#if defined(__AVX512F__)
inline constexpr int kGroup = 8;

// A row for each power, the pieces side by side.
template <const auto& kTable>
struct Columns {
  static constexpr int kRoom = kPieces<kTable> <= 8 ? 8 : kPieces<kTable> <= 16 ? 16 : 32;
  static_assert(kPieces<kTable> <= kRoom);
  alignas(64) double of[kDegrees<kTable>][kRoom];
  constexpr Columns() : of{} {
    for (int d = 0; d < kDegrees<kTable>; ++d) {
      for (int p = 0; p < kPieces<kTable>; ++p) of[d][p] = kTable[p][d];
    }
  }
  PULLBACK_INLINE __m512d at(int d, __m512i piece, __mmask8 upper) const {
    const auto row = [&](int k) { return _mm512_load_pd(of[d] + k); };
    if constexpr (kRoom == 8) {
      return _mm512_maskz_permutexvar_pd(0xff, piece, row(0));
    } else if constexpr (kRoom == 16) {
      return _mm512_permutex2var_pd(row(0), piece, row(8));
    } else {
      return _mm512_mask_blend_pd(upper, _mm512_permutex2var_pd(row(0), piece, row(8)),
                                  _mm512_permutex2var_pd(row(16), piece, row(24)));
    }
  }
};
template <const auto& kTable>
inline constexpr Columns<kTable> kColumns;

template <const auto& kTable, int kVectors>
PULLBACK_INLINE void horner_of(const double* piece, const double* t, double* out) {
  constexpr int kLast = kDegrees<kTable> - 1;
  const __m512d magic = _mm512_set1_pd(0x1.8p52);
  __m512i pieces[kVectors];
  __mmask8 upper[kVectors];
  __m512d at[kVectors], sum[kVectors];
  for (int k = 0; k < kVectors; ++k) {
    pieces[k] = _mm512_castpd_si512(_mm512_loadu_pd(piece + 8 * k) + magic);
    upper[k] = _mm512_test_epi64_mask(pieces[k], _mm512_set1_epi64(16));
    at[k] = _mm512_loadu_pd(t + 8 * k);
    sum[k] = kColumns<kTable>.at(kLast, pieces[k], upper[k]);
  }
#pragma GCC unroll 32
  for (int d = kLast - 1; d >= 0; --d) {
    for (int k = 0; k < kVectors; ++k) {
      sum[k] = _mm512_fmadd_pd(sum[k], at[k], kColumns<kTable>.at(d, pieces[k], upper[k]));
    }
  }
  for (int k = 0; k < kVectors; ++k) _mm512_storeu_pd(out + 8 * k, sum[k]);
}
// The polynomials of the pieces, whose numbers are whole and within the table.
template <const auto& kTable>
PULLBACK_INLINE void horner_at(const double* piece, const double* t, double* out, int n) {
  int i = 0;
  for (; i + 32 <= n; i += 32) horner_of<kTable, 4>(piece + i, t + i, out + i);
  for (; i < n; i += 8) horner_of<kTable, 1>(piece + i, t + i, out + i);
}
#else
inline constexpr int kGroup = 1;

template <const auto& kTable>
PULLBACK_INLINE void horner_at(const double* piece, const double* t, double* out, int n) {
  for (int i = 0; i < n; ++i) out[i] = horner(kTable[static_cast<int>(piece[i])], t[i]);
}
#endif

// by_piece of many; numbers outside of the table give any number, NaN gives NaN.
template <const auto& kTable>
PULLBACK_INLINE void by_pieces(const double* x, double per, double* out, int n) {
  constexpr double kLast = kPieces<kTable> - 1;
  double piece[kBlock], t[kBlock];
  for (int i = 0; i < n; ++i) {
    const double v = x[i] * per;
    const double positive = v > 0.0 ? v : 0.0;
    piece[i] = __builtin_floor(positive < kLast ? positive : kLast);
    t[i] = 2.0 * (v - piece[i]) - 1.0;
  }
  horner_at<kTable>(piece, t, out, n);
}

// by_octave of many, likewise.
template <const auto& kTable>
PULLBACK_INLINE void by_octaves(const double* x, int first, double* out, int n) {
  constexpr std::uint64_t kLast = kPieces<kTable> - 1;
  double piece[kBlock], t[kBlock];
  for (int i = 0; i < n; ++i) {
    const std::uint64_t word = bits(x[i]);
    const std::uint64_t quarter = (word >> 50) - (std::uint64_t(1023 + first) << 2);
    const std::uint64_t inside = quarter < kLast ? quarter : kLast;
    piece[i] = from_bits<double>(inside | bits(0x1p52)) - 0x1p52;
    const std::uint64_t within = ((word << 2) & 0x000fffffffffffffu) | 0x3ff0000000000000u;
    t[i] = x[i] == x[i] ? 2.0 * from_bits<double>(within) - 3.0 : x[i];
  }
  horner_at<kTable>(piece, t, out, n);
}

// Whether the condition holds for one of them.
template <typename Condition>
PULLBACK_INLINE bool any_of(const double* x, int n, Condition condition) {
  int any = 0;
  for (int i = 0; i < n; ++i) any |= static_cast<int>(condition(x[i]));
  return any != 0;
}
// Sines and cosines: by the math library where an angle is too large for vecmath.h.
PULLBACK_INLINE void sines(const double* x, double* sine, double* cosine, int n) {
  for (int i = 0; i < n; ++i) {
    const Angle a = angle(x[i]);
    sine[i] = of_quadrant(a, a.quadrant);
    cosine[i] = of_quadrant(a, a.quadrant + 1);
  }
  if (!any_of(x, n, [](double each) { return absolute(each) > kTrigMax; })) return;
  for (int i = 0; i < n; ++i) {
    if (!(absolute(x[i]) > kTrigMax)) continue;
    sine[i] = std::sin(x[i]);
    cosine[i] = std::cos(x[i]);
  }
}

template <typename T>
PULLBACK_INLINE void read(double* to, const char* from, std::int64_t stride, int n) {
  if (stride == sizeof(T)) {
    for (int i = 0; i < n; ++i) to[i] = reinterpret_cast<const T*>(from)[i];
  } else {
    for (int i = 0; i < n; ++i) to[i] = load<T>(from + i * stride);
  }
}

// The loop of a function of blocks, Op::block(x, out, n).
template <typename Op, typename T>
struct BlockUnary : Traits<Cost::Slow> {
  using Out = T;
  static void run(char* out, const char* in, std::int64_t so, std::int64_t si, std::int64_t n,
                  const double* params) {
    const Op op = make<Op>(params);
    double x[kBlock], y[kBlock];
    for (std::int64_t begin = 0; begin < n; begin += kBlock) {
      const int count = static_cast<int>(n - begin < kBlock ? n - begin : kBlock);
      char* const to = out + begin * so;
      read<T>(x, in + begin * si, si, count);
      int filled = count;
      for (; filled % kGroup != 0; ++filled) x[filled] = x[0];
      op.block(x, y, filled);
      if (so == sizeof(T)) {
        for (int i = 0; i < count; ++i) reinterpret_cast<T*>(to)[i] = static_cast<T>(y[i]);
      } else {
        for (int i = 0; i < count; ++i) store<T>(to + i * so, static_cast<T>(y[i]));
      }
    }
  }
};

// One number by a function of blocks.
template <typename Block>
PULLBACK_INLINE double alone(Block block, double x) {
  double many[kGroup], y[kGroup];
  for (double& each : many) each = x;
  block(many, y, kGroup);
  return y[0];
}

}  // namespace PULLBACK_ISA
}  // namespace pullback::kernels
