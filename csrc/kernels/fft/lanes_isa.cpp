// See lanes.h.  Stockham's algorithm, decimated in frequency: a stage of radix r takes elements
// that lie n / r apart and leaves their transforms in order, so nothing is permuted (Van Loan,
// Computational Frameworks for the Fast Fourier Transform, 1992, section 1.7).  A backward
// transform is a forward one of numbers with real and imaginary parts exchanged.  Start reading at
// run().
#include <cstring>

#include "kernels/dispatch.h"
#include "kernels/fft/lanes.h"
#include "kernels/vectors.h"

namespace pullback::kernels::PULLBACK_ISA {
namespace {

#if defined(__AVX__)
constexpr int kBytes = 32;
#else
constexpr int kBytes = 16;
#endif

template <typename T>
inline constexpr int kLanes = kBytes / int(sizeof(T));
template <typename T>
using V = typename VectorOf<T, kBytes>::type;

// A complex number of each line.
template <typename T>
struct C {
  V<T> re, im;
};

template <typename T>
PULLBACK_INLINE C<T> operator+(const C<T>& a, const C<T>& b) {
  return {a.re + b.re, a.im + b.im};
}
template <typename T>
PULLBACK_INLINE C<T> operator-(const C<T>& a, const C<T>& b) {
  return {a.re - b.re, a.im - b.im};
}
template <typename T>
PULLBACK_INLINE C<T> operator*(const C<T>& a, const C<T>& b) {
  return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}
template <typename T>
PULLBACK_INLINE C<T> scaled(T s, const C<T>& a) {
  return {s * a.re, s * a.im};
}
template <typename T>
PULLBACK_INLINE C<T> times_minus_i(const C<T>& a) {
  return {a.im, -a.re};
}
template <typename T>
PULLBACK_INLINE C<T> spread(const T* pair) {
  return {V<T>{} + pair[0], V<T>{} + pair[1]};
}

// Two vectors of neighbouring complex numbers, and the parts of these.  The order of lanes is that
// of the cheapest shuffles, the same both ways.
#if defined(__AVX__)
PULLBACK_INLINE C<float> parted(V<float> a, V<float> b) {
  return {__builtin_shufflevector(a, b, 0, 2, 8, 10, 4, 6, 12, 14),
          __builtin_shufflevector(a, b, 1, 3, 9, 11, 5, 7, 13, 15)};
}
PULLBACK_INLINE C<double> parted(V<double> a, V<double> b) {
  return {__builtin_shufflevector(a, b, 0, 4, 2, 6), __builtin_shufflevector(a, b, 1, 5, 3, 7)};
}
PULLBACK_INLINE void joined(const C<float>& c, V<float>* two) {
  two[0] = __builtin_shufflevector(c.re, c.im, 0, 8, 1, 9, 4, 12, 5, 13);
  two[1] = __builtin_shufflevector(c.re, c.im, 2, 10, 3, 11, 6, 14, 7, 15);
}
PULLBACK_INLINE void joined(const C<double>& c, V<double>* two) {
  two[0] = __builtin_shufflevector(c.re, c.im, 0, 4, 2, 6);
  two[1] = __builtin_shufflevector(c.re, c.im, 1, 5, 3, 7);
}
#else
template <typename T>
PULLBACK_INLINE C<T> parted_one_by_one(V<T> a, V<T> b) {
  C<T> c;
  for (int k = 0; k < kLanes<T>; ++k) {
    c.re[k] = 2 * k < kLanes<T> ? a[2 * k] : b[2 * k - kLanes<T>];
    c.im[k] = 2 * k < kLanes<T> ? a[2 * k + 1] : b[2 * k + 1 - kLanes<T>];
  }
  return c;
}
PULLBACK_INLINE C<float> parted(V<float> a, V<float> b) { return parted_one_by_one<float>(a, b); }
PULLBACK_INLINE C<double> parted(V<double> a, V<double> b) {
  return parted_one_by_one<double>(a, b);
}
template <typename T>
PULLBACK_INLINE void joined(const C<T>& c, V<T>* two) {
  for (int k = 0; k < kLanes<T>; ++k) {
    two[2 * k / kLanes<T>][2 * k % kLanes<T>] = c.re[k];
    two[(2 * k + 1) / kLanes<T>][(2 * k + 1) % kLanes<T>] = c.im[k];
  }
}
#endif

template <typename T>
PULLBACK_INLINE C<T> parted_at(const T* p) {
  V<T> two[2];
  std::memcpy(two, p, sizeof(two));
  return parted(two[0], two[1]);
}

// A square of complex numbers, one row in each vector, and its transpose.
template <typename T>
inline constexpr int kSquare = kLanes<T> / 2;
#if defined(__AVX__)
PULLBACK_INLINE void transpose(V<float>* rows) {
  V<double> r[4];
  std::memcpy(r, rows, sizeof(r));
  const V<double> a = __builtin_shufflevector(r[0], r[1], 0, 4, 2, 6);
  const V<double> b = __builtin_shufflevector(r[0], r[1], 1, 5, 3, 7);
  const V<double> c = __builtin_shufflevector(r[2], r[3], 0, 4, 2, 6);
  const V<double> d = __builtin_shufflevector(r[2], r[3], 1, 5, 3, 7);
  r[0] = __builtin_shufflevector(a, c, 0, 1, 4, 5);
  r[1] = __builtin_shufflevector(b, d, 0, 1, 4, 5);
  r[2] = __builtin_shufflevector(a, c, 2, 3, 6, 7);
  r[3] = __builtin_shufflevector(b, d, 2, 3, 6, 7);
  std::memcpy(rows, r, sizeof(r));
}
PULLBACK_INLINE void transpose(V<double>* rows) {
  const V<double> a = rows[0], b = rows[1];
  rows[0] = __builtin_shufflevector(a, b, 0, 1, 4, 5);
  rows[1] = __builtin_shufflevector(a, b, 2, 3, 6, 7);
}
#else
template <typename VT>
PULLBACK_INLINE void transpose(VT* rows) {
  constexpr int n = sizeof(VT) / sizeof(rows[0][0]) / 2;
  VT made[n];
  for (int i = 0; i < n; ++i) {
    for (int j = 0; j < n; ++j) {
      made[j][2 * i] = rows[i][2 * j];
      made[j][2 * i + 1] = rows[i][2 * j + 1];
    }
  }
  std::memcpy(rows, made, sizeof(made));
}
#endif

template <typename T>
PULLBACK_INLINE void exchange(C<T>& c, bool wanted) {
  if (!wanted) return;
  const V<T> re = c.re;
  c.re = c.im;
  c.im = re;
}

// n elements; `exchanged`: with real and imaginary parts exchanged.
template <typename T>
void load(const LaneGroup<T>& g, C<T>* to, std::int64_t n, bool exchanged) {
  const std::int64_t step = 2 * g.in.step, between = 2 * g.in.between;
  if (g.in.between == 1 && g.count == kLanes<T>) {
    for (std::int64_t i = 0; i < n; ++i) {
      to[i] = parted_at(g.in.data + i * step);
      exchange(to[i], exchanged);
    }
    return;
  }
  const T* line[kLanes<T>];
  for (int k = 0; k < kLanes<T>; ++k) line[k] = g.in.data + (k < g.count ? k : 0) * between;
  std::int64_t i = 0;
  constexpr int square = kSquare<T>;
  for (; step == 2 && i + square <= n; i += square) {
    V<T> rows[2][square];
    for (int k = 0; k < square; ++k) {
      std::memcpy(&rows[0][k], line[k] + 2 * i, kBytes);
      std::memcpy(&rows[1][k], line[k + square] + 2 * i, kBytes);
    }
    transpose(rows[0]);
    transpose(rows[1]);
    for (int k = 0; k < square; ++k) {
      to[i + k] = parted(rows[0][k], rows[1][k]);
      exchange(to[i + k], exchanged);
    }
  }
  for (; i < n; ++i) {
    T pairs[2 * kLanes<T>];
    for (int k = 0; k < kLanes<T>; ++k) {
      pairs[2 * k] = line[k][i * step];
      pairs[2 * k + 1] = line[k][i * step + 1];
    }
    to[i] = parted_at(pairs);
    exchange(to[i], exchanged);
  }
}

template <typename T>
void store(const LaneGroup<T>& g, C<T>* from, std::int64_t n) {
  const bool exchanged = g.backward;
  const std::int64_t step = 2 * g.out.step, between = 2 * g.out.between;
  if (g.factor != 1) {
    for (std::int64_t i = 0; i < n; ++i) from[i] = scaled(g.factor, from[i]);
  }
  if (g.twist.high) {
    constexpr int low = LaneTwist<T>::kLow;
    for (std::int64_t i = 0; i < n; ++i) {
      const C<T> high = parted_at(g.twist.high + i / low * 2 * kLanes<T>);
      from[i] = from[i] * (high * parted_at(g.twist.low + i % low * 2 * kLanes<T>));
    }
  }
  V<T> two[2];
  if (g.out.between == 1 && g.count == kLanes<T>) {
    for (std::int64_t i = 0; i < n; ++i) {
      exchange(from[i], exchanged);
      joined(from[i], two);
      std::memcpy(g.out.data + i * step, two, sizeof(two));
    }
    return;
  }
  std::int64_t i = 0;
  constexpr int square = kSquare<T>;
  for (; step == 2 && g.count == kLanes<T> && i + square <= n; i += square) {
    V<T> rows[2][square];
    for (int k = 0; k < square; ++k) {
      exchange(from[i + k], exchanged);
      joined(from[i + k], two);
      rows[0][k] = two[0];
      rows[1][k] = two[1];
    }
    transpose(rows[0]);
    transpose(rows[1]);
    for (int k = 0; k < square; ++k) {
      std::memcpy(g.out.data + k * between + 2 * i, &rows[0][k], kBytes);
      std::memcpy(g.out.data + (k + square) * between + 2 * i, &rows[1][k], kBytes);
    }
  }
  for (; i < n; ++i) {
    exchange(from[i], exchanged);
    joined(from[i], two);
    T pairs[2 * kLanes<T>];
    std::memcpy(pairs, two, sizeof(two));
    for (int k = 0; k < g.count; ++k) {
      g.out.data[k * between + i * step] = pairs[2 * k];
      g.out.data[k * between + i * step + 1] = pairs[2 * k + 1];
    }
  }
}

// The transform of r numbers in place.
template <int r, typename T>
PULLBACK_INLINE void butterfly(C<T>* x) {
  if constexpr (r == 2) {
    const C<T> a = x[0], b = x[1];
    x[0] = a + b;
    x[1] = a - b;
  } else if constexpr (r == 3) {
    constexpr T kSin = T(0.86602540378443864676372317075294);  // sin(pi / 3)
    const C<T> sum = x[1] + x[2], turned = times_minus_i(scaled(kSin, x[1] - x[2]));
    const C<T> middle = x[0] - scaled(T(0.5), sum);
    x[0] = x[0] + sum;
    x[1] = middle + turned;
    x[2] = middle - turned;
  } else if constexpr (r == 4) {
    const C<T> a = x[0] + x[2], b = x[0] - x[2], c = x[1] + x[3];
    const C<T> d = times_minus_i(x[1] - x[3]);
    x[0] = a + c;
    x[1] = b + d;
    x[2] = a - c;
    x[3] = b - d;
  } else {
    constexpr T kCos1 = T(0.30901699437494742410229341718282);   // cos(2 pi / 5)
    constexpr T kCos2 = T(-0.80901699437494742410229341718282);  // cos(4 pi / 5)
    constexpr T kSin1 = T(0.95105651629515357211643933337938);   // sin(2 pi / 5)
    constexpr T kSin2 = T(0.58778525229247312916870595463907);   // sin(4 pi / 5)
    const C<T> a = x[1] + x[4], b = x[2] + x[3], c = x[1] - x[4], d = x[2] - x[3];
    const C<T> even1 = x[0] + scaled(kCos1, a) + scaled(kCos2, b);
    const C<T> even2 = x[0] + scaled(kCos2, a) + scaled(kCos1, b);
    const C<T> odd1 = times_minus_i(scaled(kSin1, c) + scaled(kSin2, d));
    const C<T> odd2 = times_minus_i(scaled(kSin2, c) - scaled(kSin1, d));
    x[0] = x[0] + a + b;
    x[1] = even1 + odd1;
    x[2] = even2 + odd2;
    x[3] = even2 - odd2;
    x[4] = even1 - odd1;
  }
}

// Transforms of length `length` at stride `s`, s of them side by side; length * s is n.
template <int r, typename T>
void stage(const C<T>* from, C<T>* to, std::int64_t length, std::int64_t s, const T* table) {
  const std::int64_t m = length / r;
  for (std::int64_t p = 0; p < m; ++p) {
    C<T> w[r];
    for (int k = 1; k < r; ++k) w[k] = spread(table + 2 * p * k * s);
    const C<T>* const in = from + s * p;
    C<T>* const out = to + s * r * p;
    for (std::int64_t q = 0; q < s; ++q) {
      C<T> x[r];
#pragma GCC unroll 5
      for (int j = 0; j < r; ++j) x[j] = in[q + s * m * j];
      butterfly<r>(x);
      out[q] = x[0];
#pragma GCC unroll 5
      for (int k = 1; k < r; ++k) out[q + s * k] = p == 0 ? x[k] : x[k] * w[k];
    }
  }
}

template <typename T>
PULLBACK_INLINE C<T> conjugate(const C<T>& a) {
  return {a.re, -a.im};
}
template <typename T>
PULLBACK_INLINE C<T> exchanged(const C<T>& a) {
  return {a.im, a.re};
}

// z has the even numbers of real lines as real parts and the odd ones as imaginary parts, in x are
// the transforms of the lines.
template <typename T>
void spectra_of_real(const LanePlan<T>& plan, const C<T>* z, C<T>* x) {
  const std::int64_t n = plan.n;
  x[0] = {z[0].re + z[0].im, V<T>{}};
  x[n] = {z[0].re - z[0].im, V<T>{}};
  for (std::int64_t k = 1; 2 * k <= n; ++k) {
    const C<T> a = z[k], b = conjugate(z[n - k]);
    const C<T> even = scaled(T(0.5), a + b), odd = times_minus_i(scaled(T(0.5), a - b));
    const C<T> turned = odd * spread(plan.real_table + 2 * k);
    x[n - k] = conjugate(even - turned);
    x[k] = even + turned;
  }
}

// The other way, times 2, with real and imaginary parts of z exchanged.
template <typename T>
void real_of_spectra(const LanePlan<T>& plan, const C<T>* x, C<T>* z) {
  const std::int64_t n = plan.n;
  z[0] = {x[0].re - x[n].re, x[0].re + x[n].re};
  for (std::int64_t k = 1; 2 * k <= n; ++k) {
    const C<T> a = x[k], b = conjugate(x[n - k]);
    const C<T> even = a + b, odd = (a - b) * conjugate(spread(plan.real_table + 2 * k));
    const C<T> turned = times_minus_i(odd);
    z[n - k] = exchanged(conjugate(even + turned));
    z[k] = exchanged(even - turned);
  }
}

template <typename T>
void run(const LaneGroup<T>& g) {
  const LanePlan<T>& plan = *g.plan;
  C<T>* from = reinterpret_cast<C<T>*>(g.room);
  C<T>* to = from + plan.n + 1;
  const auto turn = [&] {
    C<T>* const last = from;
    from = to;
    to = last;
  };
  if (g.kind == LaneKind::Whole) {
    load(g, from, plan.n + 1, false);
    real_of_spectra(plan, from, to);
    turn();
  } else {
    load(g, from, plan.n, g.backward);
  }
  std::int64_t length = plan.n, s = 1;
  for (int k = 0; k < plan.stages; ++k) {
    const int r = plan.radix[k];
    if (r == 4) stage<4>(from, to, length, s, plan.table);
    if (r == 2) stage<2>(from, to, length, s, plan.table);
    if (r == 3) stage<3>(from, to, length, s, plan.table);
    if (r == 5) stage<5>(from, to, length, s, plan.table);
    length /= r;
    s *= r;
    turn();
  }
  if (g.kind == LaneKind::Half) {
    spectra_of_real(plan, from, to);
    return store(g, to, plan.n + 1);
  }
  store(g, from, plan.n);
}

}  // namespace

FftLanes fft_lanes() { return {kLanes<float>, kLanes<double>, &run<float>, &run<double>}; }

}  // namespace pullback::kernels::PULLBACK_ISA
