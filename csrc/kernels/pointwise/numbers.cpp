// Loops that read or make the parts of single numbers: divisors, neighbours, signs, exponents.
#include <cmath>
#include <cstdint>
#include <numeric>

#define PULLBACK_ISA plain
#include "kernels/loops.h"

namespace pullback::kernels {
namespace PULLBACK_ISA {
namespace {

// Of absolute values, in unsigned numbers, where the smallest integer has one.
template <typename T>
std::uint64_t magnitude(T x) {
  const auto word = static_cast<std::uint64_t>(x);
  return x < T(0) ? std::uint64_t{0} - word : word;
}
template <typename T>
struct Gcd {
  T operator()(T a, T b) const { return static_cast<T>(std::gcd(magnitude(a), magnitude(b))); }
};
const Register<"gcd", PlainBinary, Gcd, Integers> kGcd;
template <typename T>
struct Lcm {
  T operator()(T a, T b) const {
    const std::uint64_t divisor = std::gcd(magnitude(a), magnitude(b));
    if (divisor == 0) return T(0);
    return static_cast<T>(magnitude(static_cast<T>(magnitude(a) / divisor * magnitude(b))));
  }
};
const Register<"lcm", PlainBinary, Lcm, Integers> kLcm;

template <typename T>
struct Nextafter {
  T operator()(T from, T to) const { return std::nextafter(from, to); }
};
const Register<"nextafter", PlainBinary, Nextafter, Floats> kNextafter;

// The same for half and bfloat16, which are computed in float: among numbers of p0 digits behind
// the point, p1 being the least normal exponent and p2 the largest number.
template <typename T>
struct NarrowNeighbour {
  explicit NarrowNeighbour(const double* p)
      : digits(static_cast<int>(p[0])), least(static_cast<int>(p[1])), largest(p[2]) {}
  T operator()(T from, T to) const {
    if (from != from || to != to) return from + to;
    if (from == to) return to;
    const bool up = from < to;
    if (from == T(0)) return static_cast<T>(std::ldexp(up ? 1.0 : -1.0, least - digits));
    if (std::isinf(from)) return static_cast<T>(std::copysign(largest, from));
    const double x = from;
    const int exponent = std::ilogb(x);
    const bool inward = up == (x < 0.0);
    const bool at_power = std::abs(x) == std::ldexp(1.0, exponent);
    const int step = exponent - (inward && at_power ? 1 : 0);
    const double unit = std::ldexp(1.0, (step < least ? least : step) - digits);
    return static_cast<T>(up ? x + unit : x - unit);
  }
  int digits, least;
  double largest;
};
const Register<"narrow_neighbour", PlainBinary, NarrowNeighbour, Floats> kNarrowNeighbour;

template <typename T>
struct Signbit {
  bool operator()(T x) const {
    if constexpr (std::is_floating_point_v<T>) {
      return std::signbit(x);
    } else {
      return x < T(0);
    }
  }
};
const Register<"signbit", LightUnary, Signbit, BoolAndNumbers> kSignbit;

// x = mantissa * 2^exponent with the mantissa between 1/2 and 1.
template <typename T>
struct Mantissa {
  T operator()(T x) const {
    int exponent;
    return std::frexp(x, &exponent);
  }
};
const Register<"frexp_mantissa", PlainUnary, Mantissa, Floats> kMantissa;
template <typename T>
struct Exponent {
  int32_t operator()(T x) const {
    int exponent = 0;
    if (std::isfinite(x)) std::frexp(x, &exponent);
    return exponent;
  }
};
const Register<"frexp_exponent", PlainUnary, Exponent, Floats> kExponent;
// 2^-exponent.
template <typename T>
struct Unit {
  T operator()(T x) const { return std::ldexp(T(1), -Exponent<T>()(x)); }
};
const Register<"frexp_unit", PlainUnary, Unit, Floats> kUnit;

}  // namespace
}  // namespace PULLBACK_ISA
}  // namespace pullback::kernels
