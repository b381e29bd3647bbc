// How the tables of polynomials are read, and products in two parts.
//
// Included by *_isa.cpp only, like vecmath.h.  A table has a row of coefficients for each piece of
// an interval (tools/expansions.py makes them), by a variable that goes from -1 to 1 over the piece
// and is exact, since the bounds are quarters of powers of two.  Functions of this folder are of
// one double, which serves float, too.  Start reading at by_octave.
#pragma once

#include <cmath>
#include <limits>

#include "kernels/vecmath.h"

namespace pullback::kernels {
namespace PULLBACK_ISA {

template <std::size_t D>
PULLBACK_INLINE double horner(const double (&c)[D], double t) {
  double sum = c[D - 1];
  for (std::size_t i = D - 1; i-- > 0;) sum = muladd(sum, t, c[i]);
  return sum;
}

// For x in [0, N / per], pieces of 1 / per, which is a power of two.
template <std::size_t N, std::size_t D>
PULLBACK_INLINE double by_piece(const double (&table)[N][D], double x, double per) {
  const double v = x * per;
  const auto last = static_cast<int>(N) - 1;
  const int piece = static_cast<int>(v) < last ? static_cast<int>(v) : last;
  return horner(table[piece], 2.0 * (v - piece) - 1.0);
}

// For x in [2^first, 2^end), four pieces to an octave.
template <std::size_t N, std::size_t D>
PULLBACK_INLINE double by_octave(const double (&table)[N][D], double x, int first) {
  const std::uint64_t word = bits(x);
  const auto piece = static_cast<std::size_t>((word >> 50) - (std::uint64_t(1023 + first) << 2));
  const std::uint64_t within = ((word << 2) & 0x000fffffffffffffu) | 0x3ff0000000000000u;
  return horner(table[piece < N ? piece : N - 1], 2.0 * from_bits<double>(within) - 3.0);
}

// The product of (x - zero) over zeros that are given in two parts.
template <std::size_t N>
PULLBACK_INLINE double factors(const double (&zeros)[N][2], double x) {
  double product = 1.0;
  for (std::size_t i = 0; i < N; ++i) product *= (x - zeros[i][0]) - zeros[i][1];
  return product;
}

// A number in two parts, the second one below the rounding of the first.
struct Exact {
  double hi, lo;
};

// a * b without rounding: Dekker 1971, where there is no fused product.
PULLBACK_INLINE Exact product(double a, double b) {
  const double hi = a * b;
#if defined(__FMA__) || defined(__aarch64__)
  return {hi, __builtin_fma(a, b, -hi)};
#else
  const auto top = [](double x) { return from_bits<double>(bits(x) & 0xfffffffff8000000u); };
  const double a1 = top(a), b1 = top(b), a2 = a - a1, b2 = b - b1;
  return {hi, ((a1 * b1 - hi) + a1 * b2 + a2 * b1) + a2 * b2};
#endif
}

// exp of a number in two parts.
PULLBACK_INLINE double exp_of(Exact x) {
  const double power = std::exp(x.hi);
  return power == 0.0 || power == kInf<double> ? power : muladd(power, x.lo, power);
}

}  // namespace PULLBACK_ISA
}  // namespace pullback::kernels
