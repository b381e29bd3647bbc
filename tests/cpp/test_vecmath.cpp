// The accuracy of the vectorised elementary functions: at most 2 ulp from libm
// in wider precision (5 where several rounded quantities meet), over all
// magnitudes, and exact at the special points.
//
// The functions are reached through the table of loops, so that what is tested
// is the variant of this CPU (PULLBACK_ISA in the environment selects another).
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <vector>

#include "catch.h"
#include "kernels/elementwise.h"

namespace {

using namespace pullback;
using namespace pullback::kernels;

using Reference = std::function<long double(long double)>;

template <typename T>
std::vector<T> evaluate(Unary op, const std::vector<T>& x, const double* params = nullptr) {
  std::vector<T> y(x.size());
  const auto size = static_cast<std::int64_t>(sizeof(T));
  op->loop(kDTypeOf<T>)(reinterpret_cast<char*>(y.data()), reinterpret_cast<const char*>(x.data()),
                        size, size, static_cast<std::int64_t>(x.size()), params);
  return y;
}

// The distance of y from the exact value, in units of the last place of T
// there.
template <typename T>
long double ulps(T y, long double exact) {
  const T nearest = static_cast<T>(exact);
  if (std::isnan(exact)) return std::isnan(y) ? 0 : HUGE_VALL;
  if (std::isinf(nearest) || std::isinf(y)) {
    const T neighbour = std::nextafter(std::numeric_limits<T>::infinity(), T(0));
    if (y == nearest) return 0;
    return std::fabs(y) >= neighbour && std::fabs(nearest) >= neighbour ? 1 : HUGE_VALL;
  }
  int exponent;
  std::frexp(static_cast<long double>(nearest), &exponent);
  exponent = std::max(exponent, std::numeric_limits<T>::min_exponent);
  const long double unit = std::ldexp(1.0L, exponent - std::numeric_limits<T>::digits);
  return std::fabs(static_cast<long double>(y) - exact) / unit;
}

// Points over [low, high]: evenly, and evenly in magnitude around 0 down to the
// denormals.
template <typename T>
std::vector<T> points(T low, T high) {
  std::mt19937_64 random(20240229);
  std::vector<T> x;
  std::uniform_real_distribution<double> even(low, high);
  for (int i = 0; i < 40000; ++i) x.push_back(static_cast<T>(even(random)));
  const double least = std::log2(static_cast<double>(std::numeric_limits<T>::denorm_min()));
  const double most = std::log2(std::max(std::fabs(low), std::fabs(high)));
  std::uniform_real_distribution<double> magnitude(least, most);
  std::uniform_real_distribution<double> moderate(-8, std::min(most, 8.0));
  for (int i = 0; i < 40000; ++i) {
    const T m = static_cast<T>(std::exp2(i % 2 == 0 ? magnitude(random) : moderate(random)));
    if (m >= low && m <= high) x.push_back(m);
    if (-m >= low && -m <= high) x.push_back(-m);
  }
  x.push_back(low);
  x.push_back(high);
  return x;
}

template <typename T>
void check_ulps(const char* name, Unary op, T low, T high, const Reference& exact,
                long double bound = 2.0L, const double* params = nullptr) {
  const std::vector<T> x = points(low, high);
  const std::vector<T> y = evaluate(op, x, params);
  long double worst = 0;
  T where = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const long double u = ulps(y[i], exact(x[i]));
    if (!(u <= worst)) {
      worst = u;
      where = x[i];
    }
  }
  INFO(name << (sizeof(T) == 4 ? " float" : " double") << ": " << static_cast<double>(worst)
            << " ulp at " << where);
  CHECK(worst <= bound);
}

template <typename T>
void check_all() {
  const T most = std::numeric_limits<T>::max();
  const T least = std::numeric_limits<T>::denorm_min();
  const T over = sizeof(T) == 4 ? T(95) : T(720);
  check_ulps<T>("exp", unary<"exp">, -over * T(1.2), over, [](auto x) { return std::exp(x); });
  check_ulps<T>("exp2", unary<"exp2">, -over * T(1.6), over * T(1.5),
                [](auto x) { return std::exp2(x); });
  check_ulps<T>("expm1", unary<"expm1">, -over, over, [](auto x) { return std::expm1(x); });
  check_ulps<T>("log", unary<"log">, least, most, [](auto x) { return std::log(x); });
  check_ulps<T>("log near 1", unary<"log">, T(0.5), T(2), [](auto x) { return std::log(x); });
  check_ulps<T>("log2", unary<"log2">, least, most, [](auto x) { return std::log2(x); });
  check_ulps<T>("log2 near 1", unary<"log2">, T(0.5), T(2), [](auto x) { return std::log2(x); });
  check_ulps<T>("log10", unary<"log10">, least, most, [](auto x) { return std::log10(x); });
  check_ulps<T>("log10 near 1", unary<"log10">, T(0.5), T(2), [](auto x) { return std::log10(x); });
  check_ulps<T>("log1p", unary<"log1p">, T(-1), most, [](auto x) { return std::log1p(x); });
  check_ulps<T>("log1p near 0", unary<"log1p">, T(-1), T(3), [](auto x) { return std::log1p(x); });
  check_ulps<T>("sin", unary<"sin">, T(-1000), T(1000), [](auto x) { return std::sin(x); });
  check_ulps<T>("cos", unary<"cos">, T(-1000), T(1000), [](auto x) { return std::cos(x); });
  check_ulps<T>("tan", unary<"tan">, T(-1000), T(1000), [](auto x) { return std::tan(x); }, 2.5L);
  check_ulps<T>("sin large", unary<"sin">, T(-1e6), T(1e6), [](auto x) { return std::sin(x); });
  check_ulps<T>("sin huge", unary<"sin">, -most, most, [](auto x) { return std::sin(x); });
  check_ulps<T>("cos huge", unary<"cos">, -most, most, [](auto x) { return std::cos(x); });
  check_ulps<T>("asin", unary<"asin">, T(-1), T(1), [](auto x) { return std::asin(x); });
  check_ulps<T>("acos", unary<"acos">, T(-1), T(1), [](auto x) { return std::acos(x); });
  check_ulps<T>("atan moderate", unary<"atan">, T(-4), T(4), [](auto x) { return std::atan(x); });
  check_ulps<T>("atan", unary<"atan">, -most, most, [](auto x) { return std::atan(x); });
  check_ulps<T>("sinh", unary<"sinh">, -over, over, [](auto x) { return std::sinh(x); });
  check_ulps<T>("cosh", unary<"cosh">, -over, over, [](auto x) { return std::cosh(x); });
  check_ulps<T>("tanh", unary<"tanh">, T(-30), T(30), [](auto x) { return std::tanh(x); });
  check_ulps<T>("tanh near 0", unary<"tanh">, T(-1), T(1), [](auto x) { return std::tanh(x); });
  check_ulps<T>("asinh", unary<"asinh">, -most, most, [](auto x) { return std::asinh(x); });
  check_ulps<T>("acosh", unary<"acosh">, T(1), most, [](auto x) { return std::acosh(x); });
  check_ulps<T>("acosh near 1", unary<"acosh">, T(1), T(3), [](auto x) { return std::acosh(x); });
  check_ulps<T>("atanh", unary<"atanh">, T(-1), T(1), [](auto x) { return std::atanh(x); });
  check_ulps<T>(
      "sigmoid", unary<"sigmoid">, -over, over, [](auto x) { return 1 / (1 + std::exp(-x)); },
      2.5L);
  check_ulps<T>(
      "silu", unary<"silu">, -over * T(0.9), over, [](auto x) { return x / (1 + std::exp(-x)); },
      3.0L);
  check_ulps<T>("log_sigmoid", unary<"log_sigmoid">, -over, over, [](auto x) {
    return x < 0 ? x - std::log1p(std::exp(x)) : -std::log1p(std::exp(-x));
  });
  check_ulps<T>("erf", unary<"erf">, T(-7), T(7), [](auto x) { return std::erf(x); });
  check_ulps<T>("erfc", unary<"erfc">, T(-7), T(29), [](auto x) { return std::erfc(x); }, 4.0L);
  check_ulps<T>(
      "gelu", unary<"gelu">, sizeof(T) == 4 ? T(-12.5) : T(-37), T(40),
      [](auto x) { return x * 0.5L * std::erfc(-x * 0.70710678118654752440084436210485L); }, 5.0L);
  const auto lgamma = [](auto x) { return std::lgamma(x); };
  check_ulps<T>("lgamma", unary<"lgamma">, T(3), T(1e6), lgamma, 3.0L);
  if (sizeof(T) == 4) {
    check_ulps<T>("lgamma near its roots", unary<"lgamma">, least, T(5), lgamma, 1.0L);
    check_ulps<T>("lgamma, far", unary<"lgamma">, least, most, lgamma, 1.0L);
  }
  const auto softplus = [](auto x) {
    return x < 0 ? std::log1p(std::exp(x)) : x + std::log1p(std::exp(-x));
  };
  const auto elu = [](auto x) { return x < 0 ? std::expm1(x) : x; };
  // In double an inexact product of the factor would be magnified by the exponential.
  for (const double factor : {1.0, sizeof(T) == 4 ? 1.75 : 2.0}) {
    const double of_softplus[] = {factor, 20 * factor * factor};
    const double of_elu[] = {1, 1, factor};
    check_ulps<T>(
        "softplus", unary<"softplus">, -over / 2, T(19) * T(factor),
        [=](auto x) { return softplus(x * factor) / factor; }, 2.0L, of_softplus);
    check_ulps<T>(
        "elu", unary<"elu">, -over / 2, over, [=](auto x) { return x < 0 ? elu(x * factor) : x; },
        2.0L, of_elu);
  }
  // Away from 1/2, where the rounding of the quotient is magnified.
  const double unclamped[] = {-1};
  const auto logit = [](auto x) { return std::log(x / (1 - x)); };
  check_ulps<T>("logit", unary<"logit">, least, T(0.25), logit, 2.0L, unclamped);
  check_ulps<T>("logit near 1", unary<"logit">, T(0.75), T(1), logit, 3.0L, unclamped);
}

template <typename T>
void check_special() {
  const T inf = std::numeric_limits<T>::infinity();
  const T nan = std::numeric_limits<T>::quiet_NaN();
  struct Row {
    const char* name;
    Unary op;
    T x, y;
  };
  const Row rows[] = {
      {"exp", unary<"exp">, -inf, 0},
      {"exp", unary<"exp">, inf, inf},
      {"exp", unary<"exp">, 0, 1},
      {"exp", unary<"exp">, T(-1e30), 0},
      {"exp2", unary<"exp2">, 10, 1024},
      {"exp2", unary<"exp2">, -inf, 0},
      {"exp2", unary<"exp2">, inf, inf},
      {"expm1", unary<"expm1">, -inf, -1},
      {"expm1", unary<"expm1">, inf, inf},
      {"expm1", unary<"expm1">, T(-0.0), T(-0.0)},
      {"log", unary<"log">, 0, -inf},
      {"log", unary<"log">, T(-0.0), -inf},
      {"log", unary<"log">, inf, inf},
      {"log", unary<"log">, -1, nan},
      {"log", unary<"log">, -inf, nan},
      {"log", unary<"log">, 1, 0},
      {"log2", unary<"log2">, 8, 3},
      {"log2", unary<"log2">, 0, -inf},
      {"log10", unary<"log10">, 1000, 3},
      {"log10", unary<"log10">, -inf, nan},
      {"log1p", unary<"log1p">, -1, -inf},
      {"log1p", unary<"log1p">, -2, nan},
      {"log1p", unary<"log1p">, inf, inf},
      {"log1p", unary<"log1p">, T(-0.0), T(-0.0)},
      {"sin", unary<"sin">, T(-0.0), T(-0.0)},
      {"sin", unary<"sin">, inf, nan},
      {"cos", unary<"cos">, 0, 1},
      {"cos", unary<"cos">, -inf, nan},
      {"tan", unary<"tan">, T(-0.0), T(-0.0)},
      {"sinh", unary<"sinh">, T(-0.0), T(-0.0)},
      {"sinh", unary<"sinh">, -inf, -inf},
      {"cosh", unary<"cosh">, -inf, inf},
      {"tanh", unary<"tanh">, -inf, -1},
      {"tanh", unary<"tanh">, inf, 1},
      {"tanh", unary<"tanh">, T(-0.0), T(-0.0)},
      {"asinh", unary<"asinh">, -inf, -inf},
      {"asinh", unary<"asinh">, T(-0.0), T(-0.0)},
      {"acosh", unary<"acosh">, T(0.5), nan},
      {"acosh", unary<"acosh">, 1, 0},
      {"acosh", unary<"acosh">, inf, inf},
      {"atanh", unary<"atanh">, 1, inf},
      {"atanh", unary<"atanh">, -1, -inf},
      {"atanh", unary<"atanh">, 2, nan},
      {"sigmoid", unary<"sigmoid">, -inf, 0},
      {"sigmoid", unary<"sigmoid">, inf, 1},
      {"sigmoid", unary<"sigmoid">, 0, T(0.5)},
      {"log_sigmoid", unary<"log_sigmoid">, -inf, -inf},
      {"log_sigmoid", unary<"log_sigmoid">, inf, 0},
      {"erf", unary<"erf">, -inf, -1},
      {"erf", unary<"erf">, T(-0.0), T(-0.0)},
      {"erfc", unary<"erfc">, -inf, 2},
      {"erfc", unary<"erfc">, inf, 0},
      {"silu", unary<"silu">, inf, inf},
      {"gelu", unary<"gelu">, inf, inf},
      {"gelu_tanh", unary<"gelu_tanh">, inf, inf},
      {"erfinv", unary<"erfinv">, 1, inf},
      {"erfinv", unary<"erfinv">, -1, -inf},
      {"erfinv", unary<"erfinv">, 2, nan},
      {"erfinv", unary<"erfinv">, T(-0.0), T(-0.0)},
      {"digamma", unary<"digamma">, 0, -inf},
      {"digamma", unary<"digamma">, T(-0.0), inf},
      {"digamma", unary<"digamma">, -3, nan},
      {"digamma", unary<"digamma">, -inf, nan},
      {"lgamma", unary<"lgamma">, 0, inf},
  };
  for (const Row& row : rows) {
    // Amid 40 values, so that the vectorised part and the rest both meet it.
    const std::vector<T> y = evaluate(row.op, std::vector<T>(41, row.x));
    for (const T value : y) {
      INFO(row.name << "(" << row.x << ") = " << value << ", expected " << row.y);
      REQUIRE(std::isnan(value) == std::isnan(row.y));
      if (std::isnan(row.y)) continue;
      REQUIRE(value == row.y);
      REQUIRE(std::signbit(value) == std::signbit(row.y));
    }
  }
  for (const Unary op :
       {unary<"reciprocal">, unary<"sqrt">,       unary<"rsqrt">,   unary<"exp">,
        unary<"exp2">,       unary<"expm1">,      unary<"log">,     unary<"log2">,
        unary<"log10">,      unary<"log1p">,      unary<"sin">,     unary<"cos">,
        unary<"tan">,        unary<"asin">,       unary<"acos">,    unary<"atan">,
        unary<"sinh">,       unary<"cosh">,       unary<"tanh">,    unary<"asinh">,
        unary<"acosh">,      unary<"atanh">,      unary<"sigmoid">, unary<"log_sigmoid">,
        unary<"erf">,        unary<"erfc">,       unary<"erfinv">,  unary<"lgamma">,
        unary<"digamma">,    unary<"silu">,       unary<"gelu">,    unary<"gelu_tanh">,
        unary<"softplus">,   unary<"leaky_relu">, unary<"elu">}) {
    const double params[] = {1, 20, 1};
    for (const T value : evaluate(op, std::vector<T>(41, nan), params)) {
      INFO(op->name << " of nan");
      REQUIRE(std::isnan(value));
    }
  }
}

TEST_CASE("elementary functions at special points", "[kernels]") {
  check_special<float>();
  check_special<double>();
}

// Pairs over all magnitudes and signs, zeros and infinities among them.
template <typename T>
void check_binary(Binary op, const std::function<long double(long double, long double)>& exact,
                  long double bound) {
  std::vector<T> some = points(T(-10), T(10));
  some.resize(4000);
  const T most = std::numeric_limits<T>::max();
  const std::vector<T> wide = points(-most, most);
  some.insert(some.end(), wide.begin() + 40000, wide.begin() + 44000);
  const T inf = std::numeric_limits<T>::infinity();
  const std::vector<T> edges = {0, T(-0.0), 1, -1, inf, -inf, most, -most, most / 3, T(0x1p60)};
  std::vector<T> a, b;
  std::mt19937_64 random(1);
  std::shuffle(some.begin(), some.end(), random);
  for (std::size_t i = 0; i + 1 < some.size(); ++i) {
    a.push_back(some[i]);
    b.push_back(some[i + 1]);
  }
  for (const T x : edges) {
    for (const T y : edges) {
      a.push_back(x);
      b.push_back(y);
    }
  }
  std::vector<T> out(a.size());
  const auto size = static_cast<std::int64_t>(sizeof(T));
  op->loop(kDTypeOf<T>)(reinterpret_cast<char*>(out.data()),
                        reinterpret_cast<const char*>(a.data()),
                        reinterpret_cast<const char*>(b.data()), size, size, size,
                        static_cast<std::int64_t>(out.size()), nullptr);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const long double expected = exact(a[i], b[i]);
    INFO("operation of " << a[i] << " and " << b[i] << " = " << out[i]);
    REQUIRE(ulps(out[i], expected) <= bound);
    if (out[i] == 0) REQUIRE(std::signbit(out[i]) == std::signbit(expected));
  }
}

TEST_CASE("atan2, hypot, pow and fmod of pairs", "[kernels]") {
  check_binary<float>(binary<"atan2">, [](auto y, auto x) { return std::atan2(y, x); }, 2);
  check_binary<double>(binary<"atan2">, [](auto y, auto x) { return std::atan2(y, x); }, 2.5L);
  check_binary<float>(binary<"hypot">, [](auto y, auto x) { return std::hypot(y, x); }, 1);
  check_binary<double>(binary<"hypot">, [](auto y, auto x) { return std::hypot(y, x); }, 1);
  check_binary<float>(binary<"pow">, [](auto y, auto x) { return std::pow(y, x); }, 1);
  check_binary<double>(binary<"pow">, [](auto y, auto x) { return std::pow(y, x); }, 1);
  check_binary<float>(binary<"fmod">, [](auto y, auto x) { return std::fmod(y, x); }, 0);
  check_binary<double>(binary<"fmod">, [](auto y, auto x) { return std::fmod(y, x); }, 0);
}

TEST_CASE("erfinv undoes erf", "[kernels]") {
  std::vector<double> x = {1e-300, 1e-9, 1 - 0x1p-40, 1 - 0x1p-53, -1 + 0x1p-50};
  for (int i = -5000; i <= 5000; ++i) x.push_back(i / 5001.0);
  for (int i = 1; i < 5000; ++i) x.push_back(1 - std::exp2(-53.0 * i / 5000));
  const std::vector<double> y = evaluate(unary<"erfinv">, x);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const long double z = y[i];
    const long double slope = 1.1283791670955125739L * std::exp(-z * z);
    const long double error = std::fabs(x[i]) < 0.5 ? std::erf(z) - x[i]
                              : x[i] > 0            ? (1.0L - x[i]) - std::erfc(z)
                                                    : std::erfc(-z) - (1.0L + x[i]);
    INFO("erfinv(" << x[i] << ") = " << y[i] << ", relative error "
                   << static_cast<double>(error / slope / z));
    REQUIRE(std::fabs(error / slope) <= 5e-16L * std::fabs(z));
  }
}

TEST_CASE("digamma satisfies its recurrence and known values", "[kernels]") {
  const double gamma = 0.57721566490153286061;
  const std::vector<double> y =
      evaluate<double>(unary<"digamma">, {1.0, 0.5, 10.0, -0.5, 2.5, 100.0});
  CHECK(std::fabs(y[0] + gamma) < 1e-15);
  CHECK(std::fabs(y[1] + gamma + 2 * std::log(2.0)) < 2e-15);
  CHECK(std::fabs(y[2] - 2.2517525890667211077) < 2e-15);
  CHECK(std::fabs(y[3] - 0.03648997397857652056) < 2e-15);
  CHECK(std::fabs(y[4] - 0.70315664064524318723) < 1e-15);
  CHECK(std::fabs(y[5] - 4.6001618527380874002) < 2e-15);
}

TEST_CASE("elementary functions are at most 2 ulp off, float", "[kernels]") { check_all<float>(); }
TEST_CASE("elementary functions are at most 2 ulp off, double", "[kernels]") {
  check_all<double>();
}

}  // namespace
