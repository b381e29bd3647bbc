// Loops that no instruction set makes quicker: special functions, integral division, power.
#include <cmath>
#include <cstdint>

#define PULLBACK_ISA plain
#include "kernels/loops.h"
#include "kernels/special/gamma.h"

namespace pullback::kernels {
namespace PULLBACK_ISA {
namespace {

constexpr double kPi = 3.14159265358979323846;

template <typename T>
inline constexpr double kOfSums = std::is_same_v<T, float> ? 1e-11 : 2e-17;
// The incomplete gamma functions of (a, x), and slopes of quantiles: kernels/special/gamma.h.
template <typename T>
struct LowerGamma {
  T operator()(T a, T x) const {
    return static_cast<T>(lower_gamma(double(a), double(x), kOfSums<T>));
  }
};
const Register<"lower_gamma", PlainBinary, LowerGamma, Floats> kLowerGamma;
template <typename T>
struct UpperGamma {
  T operator()(T a, T x) const {
    return static_cast<T>(upper_gamma(double(a), double(x), kOfSums<T>));
  }
};
const Register<"upper_gamma", PlainBinary, UpperGamma, Floats> kUpperGamma;
template <typename T>
struct GammaSlope {
  T operator()(T a, T x) const {
    return static_cast<T>(gamma_quantile_slope(double(a), double(x)));
  }
};
const Register<"gamma_slope", PlainBinary, GammaSlope, Floats> kGammaSlope;
template <typename T>
struct BetaSlope {
  T operator()(T x, T a, T total) const {
    return static_cast<T>(beta_quantile_slope(double(x), double(a), double(total)));
  }
};
const Register<"beta_slope", PlainTernary, BetaSlope, Floats> kBetaSlope;
template <typename T>
struct Second {
  T operator()(T, T b) const { return b; }
};
const Register<"second", PlainBinary, Second, Floats> kSecond;

template <typename T>
struct Sinc {
  T operator()(T x) const {
    const T angle = static_cast<T>(kPi) * x;
    return x == T(0) ? T(1) : std::sin(angle) / angle;
  }
};
const Register<"sinc", PlainUnary, Sinc, Floats> kSinc;

// A zero divisor has been refused before; should one get here nevertheless it must not trap.
template <typename T>
T quotient(T a, T b) {
  if (b == 0) return 0;
  if constexpr (std::is_signed_v<T>) {
    if (b == -1) return static_cast<T>(0 - static_cast<std::make_unsigned_t<T>>(a));
  }
  return static_cast<T>(a / b);
}
template <typename T>
T rest(T a, T b) {
  if (b == 0) return 0;
  if constexpr (std::is_signed_v<T>) {
    if (b == -1) return 0;
  }
  return static_cast<T>(a % b);
}
template <typename Op, typename T>
struct Division : PlainBinary<Op, T> {
  static constexpr bool kDivides = true;
};
template <typename T>
struct TruncDivide {
  T operator()(T a, T b) const { return quotient(a, b); }
};
const Register<"trunc_divide", Division, TruncDivide, Integers> kTruncDivide;
template <typename T>
struct Fmod {
  T operator()(T a, T b) const { return rest(a, b); }
};
const Register<"fmod", Division, Fmod, Integers> kFmod;
template <typename T>
struct FloorDivide {
  T operator()(T a, T b) const {
    const bool below = rest(a, b) != 0 && (a < 0) != (b < 0);
    return static_cast<T>(quotient(a, b) - (below ? 1 : 0));
  }
};
const Register<"floor_divide", Division, FloorDivide, Integers> kFloorDivide;
template <typename T>
struct Remainder {
  T operator()(T a, T b) const {
    const T r = rest(a, b);
    return static_cast<T>(r != 0 && (r < 0) != (b < 0) ? r + b : r);
  }
};
const Register<"remainder", Division, Remainder, Integers> kRemainder;

template <typename T>
T integral_power(T base, T exponent) {
  if (exponent < 0) {
    if (base == 1) return 1;
    if constexpr (std::is_signed_v<T>) {
      if (base == -1) return exponent % 2 == 0 ? 1 : -1;
    }
    return 0;
  }
  std::uint64_t result = 1;
  std::uint64_t power = static_cast<std::uint64_t>(base);
  for (auto e = static_cast<std::uint64_t>(exponent); e != 0; e >>= 1) {
    if ((e & 1) != 0) result *= power;
    power *= power;
  }
  return static_cast<T>(result);
}
template <typename T>
struct Pow {
  T operator()(T a, T b) const {
    if constexpr (std::is_floating_point_v<T>) {
      return std::pow(a, b);
    } else {
      return integral_power(a, b);
    }
  }
};
const Register<"pow", PlainBinary, Pow, Numbers> kPow;
const Register<"pow_of_number", PlainBinary, Pow, Numbers> kPowOfNumber;
const Register<"pow_number", PlainBinary, Pow, Integers> kPowNumberOfIntegers;

// The common exponents that are numbers are products, roots and quotients; those in a tensor, also
// of one element, are not, since a root and a power differ at -inf and -0.
template <typename Op, typename T>
struct Power : Traits<Cost::Slow> {
  using Out = T;
  static void run(char* out, const char* a, const char* b, int64_t so, int64_t sa, int64_t,
                  int64_t n, const double*) {
    const auto each = [=](auto function) {
      for (int64_t i = 0; i < n; ++i) store<T>(out + i * so, function(load<T>(a + i * sa)));
    };
    const T exponent = load<T>(b);
    const auto as = [=](Unary op) { op->loop(kDTypeOf<T>)(out, a, so, sa, n, nullptr); };
    if (exponent == T(2)) return as(unary<"square">);
    if (exponent == T(-1)) return as(unary<"reciprocal">);
    if (exponent == T(0.5)) return as(unary<"sqrt">);
    if (exponent == T(-0.5)) return as(unary<"rsqrt">);
    if (exponent == T(0)) return each([](T) { return T(1); });
    if (exponent == T(1)) return each([](T x) { return x; });
    if (exponent == T(3)) return each([](T x) { return x * x * x; });
    if (exponent == T(-2)) return each([](T x) { return T(1) / (x * x); });
    return each([=](T x) { return std::pow(x, exponent); });
  }
};
const Register<"pow_number", Power, Pow, Floats> kPowNumber;

}  // namespace
}  // namespace PULLBACK_ISA
}  // namespace pullback::kernels
