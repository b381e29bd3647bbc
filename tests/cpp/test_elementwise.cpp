// The elementwise loops and drivers: values of every dtype against plain code, strides, scalars,
// exact aliasing, integral corner cases, refused dtypes, broadcast and transposed views.
//
// Accuracy of the vector math is in test_vecmath.cpp.
#include "kernels/elementwise.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <numeric>
#include <vector>

#include "catch.h"
#include "core/error.h"
#include "kernels/parallel.h"

namespace {

using namespace pullback;
using namespace pullback::kernels;

template <typename T>
using Stored = std::conditional_t<std::is_same_v<T, bool>, std::uint8_t, T>;

// Small values of both signs (where there are any), zeros among them, none at which b is 0.
template <typename T>
std::vector<T> values(std::size_t n, unsigned seed, bool zeros = true) {
  std::vector<T> v(n);
  unsigned state = seed;
  for (T& x : v) {
    state = state * 1664525u + 1013904223u;
    const int k = static_cast<int>(state >> 16) % 23 - (std::is_signed_v<T> ? 11 : 0);
    x = std::is_floating_point_v<T> ? static_cast<T>(k) / T(4) : static_cast<T>(k);
    if (!zeros && x == T(0)) x = T(3);
  }
  return v;
}

// Runs a loop with the given strides (in elements) and compares with reference at every element.
template <typename T, typename R>
void check_binary(Binary op, std::function<R(T, T)> reference, std::int64_t n, std::int64_t so,
                  std::int64_t sa, std::int64_t sb, const double* params = nullptr) {
  const auto room = [n](std::int64_t s) { return static_cast<std::size_t>((n - 1) * s + 1); };
  const std::vector<T> a = values<T>(room(sa), 1);
  const std::vector<T> b = values<T>(room(sb), 2, false);
  std::vector<Stored<R>> out(room(so), Stored<R>(77));
  const auto size = static_cast<std::int64_t>(sizeof(T));
  const BinaryLoop loop = op->loop(kDTypeOf<T>);
  REQUIRE(loop != nullptr);
  loop(reinterpret_cast<char*>(out.data()), reinterpret_cast<const char*>(a.data()),
       reinterpret_cast<const char*>(b.data()), so * static_cast<std::int64_t>(sizeof(Stored<R>)),
       sa * size, sb * size, n, params);
  for (std::int64_t i = 0; i < n; ++i) {
    const Stored<R> expected = static_cast<Stored<R>>(reference(a[i * sa], b[i * sb]));
    INFO(op->name << " " << name(kDTypeOf<T>) << " n=" << n << " at " << i << ": " << +a[i * sa]
                  << ", " << +b[i * sb]);
    REQUIRE(out[i * so] == expected);
    if (so == 2 && i > 0) REQUIRE(out[i * so - 1] == Stored<R>(77));
  }
}

template <typename T, typename R>
void check_binary_everywhere(Binary op, std::function<R(T, T)> reference,
                             const double* params = nullptr) {
  for (const std::int64_t n : {1, 2, 7, 33, 300}) {
    check_binary<T, R>(op, reference, n, 1, 1, 1, params);
    check_binary<T, R>(op, reference, n, 1, 1, 0, params);
    check_binary<T, R>(op, reference, n, 1, 0, 1, params);
    check_binary<T, R>(op, reference, n, 1, 0, 0, params);
    check_binary<T, R>(op, reference, n, 2, 3, 1, params);
    check_binary<T, R>(op, reference, n, 1, 1, 2, params);
  }
}

template <typename T>
T floor_quotient(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) return std::floor(a / b);
  return static_cast<T>(std::floor(static_cast<double>(a) / static_cast<double>(b)));
}
template <typename T>
T python_remainder(T a, T b) {
  return static_cast<T>(a - b * floor_quotient(a, b));
}

template <typename T>
void check_number_operations() {
  const auto values_of = [](Binary op, auto f) {
    check_binary_everywhere<T, T>(op, [f](T a, T b) { return static_cast<T>(f(a, b)); });
  };
  const auto truth_of = [](Binary op, auto f) {
    check_binary_everywhere<T, bool>(op, [f](T a, T b) { return static_cast<bool>(f(a, b)); });
  };
  values_of(binary<"add">, [](T a, T b) { return a + b; });
  values_of(binary<"sub">, [](T a, T b) { return a - b; });
  values_of(binary<"mul">, [](T a, T b) { return a * b; });
  values_of(binary<"floor_divide">, [](T a, T b) { return floor_quotient(a, b); });
  values_of(binary<"trunc_divide">,
            [](T a, T b) { return std::trunc(static_cast<double>(a) / static_cast<double>(b)); });
  values_of(binary<"remainder">, [](T a, T b) { return python_remainder(a, b); });
  values_of(binary<"fmod">,
            [](T a, T b) { return std::fmod(static_cast<double>(a), static_cast<double>(b)); });
  for (const Binary op : {binary<"maximum">, binary<"fmax">}) {
    values_of(op, [](T a, T b) { return a < b ? b : a; });
  }
  for (const Binary op : {binary<"minimum">, binary<"fmin">}) {
    values_of(op, [](T a, T b) { return b < a ? b : a; });
  }
  truth_of(binary<"eq">, [](T a, T b) { return a == b; });
  truth_of(binary<"ne">, [](T a, T b) { return a != b; });
  truth_of(binary<"lt">, [](T a, T b) { return a < b; });
  truth_of(binary<"le">, [](T a, T b) { return a <= b; });
  truth_of(binary<"gt">, [](T a, T b) { return a > b; });
  truth_of(binary<"ge">, [](T a, T b) { return a >= b; });
  truth_of(binary<"logical_and">, [](T a, T b) { return a != 0 && b != 0; });
  truth_of(binary<"logical_or">, [](T a, T b) { return a != 0 || b != 0; });
  truth_of(binary<"logical_xor">, [](T a, T b) { return (a != 0) != (b != 0); });
  const double alpha = std::is_floating_point_v<T> ? 2.0 : integral_param(2);
  check_binary_everywhere<T, T>(
      binary<"add_scaled">, [](T a, T b) { return static_cast<T>(a + 2 * b); }, &alpha);
}

TEST_CASE("binary loops of numbers", "[kernels]") {
  check_number_operations<std::uint8_t>();
  check_number_operations<std::int32_t>();
  check_number_operations<std::int64_t>();
  check_number_operations<float>();
  check_number_operations<double>();
}

template <typename T>
void check_bit_operations() {
  const auto all = [](Binary op, auto f) {
    check_binary_everywhere<T, T>(op, [f](T a, T b) { return static_cast<T>(f(a, b)); });
  };
  all(binary<"bitwise_and">, [](T a, T b) { return a & b; });
  all(binary<"bitwise_or">, [](T a, T b) { return a | b; });
  all(binary<"bitwise_xor">, [](T a, T b) { return a ^ b; });
  constexpr T kBits = sizeof(T) * 8;
  all(binary<"bitwise_left_shift">,
      [](T a, T b) { return b < 0 || b >= kBits ? 0 : static_cast<std::uint64_t>(a) << b; });
  all(binary<"bitwise_right_shift">,
      [](T a, T b) { return b < 0 || b >= kBits ? (a < 0 ? -1 : 0) : a >> b; });
}

TEST_CASE("binary loops of bits", "[kernels]") {
  check_bit_operations<std::uint8_t>();
  check_bit_operations<std::int32_t>();
  check_bit_operations<std::int64_t>();
}

template <typename T>
void check_float_operations() {
  const auto all = [](Binary op, auto f, const double* params = nullptr) {
    check_binary_everywhere<T, T>(op, f, params);
  };
  all(binary<"div">, [](T a, T b) { return a / b; });
  all(binary<"copysign">, [](T a, T b) { return std::copysign(a, b); });
  all(binary<"relu_grad">, [](T g, T x) { return x > 0 ? g : T(0); });
  all(binary<"tanh_grad">, [](T g, T y) { return g * (1 - y * y); });
  all(binary<"sigmoid_grad">, [](T g, T y) { return g * ((1 - y) * y); });
  const double slope = 0.25;
  all(binary<"leaky_relu_grad">, [](T g, T x) { return x > 0 ? g : g * T(0.25); }, &slope);
}

TEST_CASE("binary loops of floats", "[kernels]") {
  check_float_operations<float>();
  check_float_operations<double>();
}

// derivative is the exact one, in long double.
template <typename T>
void check_derivative(Binary op, const std::function<long double(long double)>& derivative,
                      const double* params) {
  const T eps = std::numeric_limits<T>::epsilon();
  for (long double x : {-30.0L, -5.0L, -1.3L, -0.5L, -0.01L, 0.02L, 0.7L, 1.9L, 6.0L, 25.0L}) {
    const T at = static_cast<T>(x);
    const T gradient = T(1.5);
    T got;
    op->loop(kDTypeOf<T>)(reinterpret_cast<char*>(&got), reinterpret_cast<const char*>(&gradient),
                          reinterpret_cast<const char*>(&at), 0, 0, 0, 1, params);
    const long double expected = 1.5L * derivative(at);
    INFO(op->name << " at " << at << ": " << got << ", expected " << static_cast<double>(expected));
    CHECK(std::fabs(got - expected) <= 4 * eps * std::max(1.0L, std::fabs(expected)));
  }
}

template <typename T>
void check_derivatives() {
  const double softplus[] = {2, 20};
  const double elu[] = {1.5, 1.25, 0.5};
  const auto sigmoid = [](long double x) { return 1 / (1 + std::exp(-x)); };
  const long double pi = std::acos(-1.0L);
  check_derivative<T>(
      binary<"silu_grad">, [&](auto x) { return sigmoid(x) + x * sigmoid(x) * sigmoid(-x); },
      nullptr);
  check_derivative<T>(
      binary<"gelu_grad">,
      [&](auto x) {
        return 0.5L * std::erfc(-x * std::sqrt(0.5L)) +
               x * std::exp(-x * x / 2) / std::sqrt(2 * pi);
      },
      nullptr);
  check_derivative<T>(
      binary<"gelu_tanh_grad">,
      [&](auto x) {
        const long double u = std::sqrt(2 / pi) * (x + 0.044715L * x * x * x);
        const long double slope = std::sqrt(2 / pi) * (1 + 3 * 0.044715L * x * x);
        const long double sech = 1 / std::cosh(u);
        return 0.5L * (1 + std::tanh(u)) + 0.5L * x * sech * sech * slope;
      },
      nullptr);
  check_derivative<T>(
      binary<"softplus_grad">, [&](auto x) { return 2 * x > 20 ? 1.0L : sigmoid(2 * x); },
      softplus);
  check_derivative<T>(
      binary<"elu_grad">,
      [](auto x) { return 1.25L * (x <= 0 ? 1.5L * 0.5L * std::exp(0.5L * x) : 1.0L); }, elu);
}

TEST_CASE("fused derivatives", "[kernels]") {
  check_derivatives<float>();
  check_derivatives<double>();
}

template <typename T, typename R>
std::vector<Stored<R>> run_unary(Unary op, const std::vector<T>& x,
                                 const double* params = nullptr) {
  std::vector<Stored<R>> out(x.size());
  const UnaryLoop loop = op->loop(kDTypeOf<T>);
  REQUIRE(loop != nullptr);
  loop(reinterpret_cast<char*>(out.data()), reinterpret_cast<const char*>(x.data()),
       sizeof(Stored<R>), sizeof(T), static_cast<std::int64_t>(x.size()), params);
  // The strided form must agree bit for bit.
  std::vector<T> spread(x.size() * 3);
  for (std::size_t i = 0; i < x.size(); ++i) spread[3 * i] = x[i];
  std::vector<Stored<R>> again(x.size() * 2);
  loop(reinterpret_cast<char*>(again.data()), reinterpret_cast<const char*>(spread.data()),
       2 * sizeof(Stored<R>), 3 * sizeof(T), static_cast<std::int64_t>(x.size()), params);
  for (std::size_t i = 0; i < x.size(); ++i) {
    INFO(op->name << " at " << i);
    REQUIRE(std::memcmp(&again[2 * i], &out[i], sizeof(out[i])) == 0);
  }
  return out;
}

template <typename T>
void check_unary_numbers() {
  const std::vector<T> x = values<T>(100, 5);
  const auto same = [&x](Unary op, auto f) {
    const auto out = run_unary<T, T>(op, x);
    for (std::size_t i = 0; i < x.size(); ++i) REQUIRE(out[i] == static_cast<T>(f(x[i])));
  };
  same(unary<"neg">, [](T v) { return -v; });
  same(unary<"abs">, [](T v) { return v < 0 ? -v : v; });
  same(unary<"sign">, [](T v) { return (v > 0) - (v < 0); });
  same(unary<"square">, [](T v) { return v * v; });
  same(unary<"relu">, [](T v) { return v > 0 ? v : T(0); });
  same(unary<"floor">, [](T v) { return std::floor(static_cast<double>(v)); });
  same(unary<"ceil">, [](T v) { return std::ceil(static_cast<double>(v)); });
  same(unary<"trunc">, [](T v) { return std::trunc(static_cast<double>(v)); });
  same(unary<"round">, [](T v) { return std::nearbyint(static_cast<double>(v)); });
  const auto truth = run_unary<T, bool>(unary<"logical_not">, x);
  const auto finite = run_unary<T, bool>(unary<"isfinite">, x);
  const auto nan = run_unary<T, bool>(unary<"isnan">, x);
  for (std::size_t i = 0; i < x.size(); ++i) {
    REQUIRE(truth[i] == (x[i] == 0));
    REQUIRE(finite[i] == 1);
    REQUIRE(nan[i] == 0);
  }
}

TEST_CASE("unary loops of numbers", "[kernels]") {
  check_unary_numbers<std::uint8_t>();
  check_unary_numbers<std::int32_t>();
  check_unary_numbers<std::int64_t>();
  check_unary_numbers<float>();
  check_unary_numbers<double>();
}

template <typename T>
void check_unary_floats() {
  const T inf = std::numeric_limits<T>::infinity();
  const T nan = std::numeric_limits<T>::quiet_NaN();
  const std::vector<T> odd = {inf, -inf, nan, T(-0.0), T(1.5), T(-2.5)};
  CHECK(run_unary<T, bool>(unary<"isinf">, odd) == std::vector<std::uint8_t>{1, 1, 0, 0, 0, 0});
  CHECK(run_unary<T, bool>(unary<"isnan">, odd) == std::vector<std::uint8_t>{0, 0, 1, 0, 0, 0});
  CHECK(run_unary<T, bool>(unary<"isfinite">, odd) == std::vector<std::uint8_t>{0, 0, 0, 1, 1, 1});
  CHECK(run_unary<T, T>(unary<"sign">, odd) == std::vector<T>{1, -1, 0, 0, 1, -1});
  const auto round = run_unary<T, T>(unary<"round">, odd);
  CHECK(round[4] == T(2));
  CHECK(round[5] == T(-2));
  CHECK(std::isnan(run_unary<T, T>(unary<"relu">, odd)[2]));
  const double replacements[] = {7, 8, -9};
  CHECK(run_unary<T, T>(unary<"nan_to_num">, odd, replacements) ==
        std::vector<T>{8, -9, 7, T(-0.0), T(1.5), T(-2.5)});
  const double two = 2, minus_one = -1, slope = 0.5;
  const std::vector<T> numbers = {T(2.341), T(-7.119), 15, 25};
  CHECK(run_unary<T, T>(unary<"round_decimals">, numbers, &two) ==
        std::vector<T>{T(234) / 100, T(-712) / 100, 15, 25});
  CHECK(run_unary<T, T>(unary<"round_decimals">, numbers, &minus_one) ==
        std::vector<T>{0, -10, 20, 20});
  CHECK(run_unary<T, T>(unary<"leaky_relu">, {T(-4), T(4)}, &slope) == std::vector<T>{-2, 4});
  CHECK(run_unary<T, T>(unary<"frac">, {T(-1.25), T(3.5)}) == std::vector<T>{T(-0.25), T(0.5)});
  const double elu[] = {2, 3, 1};
  const auto e = run_unary<T, T>(unary<"elu">, {T(-200), T(2)}, elu);
  CHECK(e == std::vector<T>{-6, 6});
  const double softplus[] = {1, 20};
  const auto s = run_unary<T, T>(unary<"softplus">, {T(21), T(-inf), inf}, softplus);
  CHECK(s == std::vector<T>{21, 0, inf});
}

TEST_CASE("unary loops of floats at special points", "[kernels]") {
  check_unary_floats<float>();
  check_unary_floats<double>();
}

template <typename T, typename R = T>
Stored<R> one(Binary op, T a, T b) {
  Stored<R> out;
  op->loop(kDTypeOf<T>)(reinterpret_cast<char*>(&out), reinterpret_cast<const char*>(&a),
                        reinterpret_cast<const char*>(&b), 0, 0, 0, 1, nullptr);
  return out;
}

template <typename T>
void check_integral_corners() {
  const T least = std::numeric_limits<T>::min();
  const T most = std::numeric_limits<T>::max();
  CHECK(one<T>(binary<"add">, most, 1) == least);
  CHECK(one<T>(binary<"sub">, least, 1) == most);
  CHECK(one<T>(binary<"mul">, least, -1) == least);
  CHECK(one<T>(binary<"floor_divide">, least, -1) == least);
  CHECK(one<T>(binary<"trunc_divide">, least, -1) == least);
  CHECK(one<T>(binary<"remainder">, least, -1) == 0);
  CHECK(one<T>(binary<"fmod">, least, -1) == 0);
  CHECK(one<T>(binary<"floor_divide">, -7, 2) == -4);
  CHECK(one<T>(binary<"trunc_divide">, -7, 2) == -3);
  CHECK(one<T>(binary<"remainder">, -7, 2) == 1);
  CHECK(one<T>(binary<"remainder">, 7, -2) == -1);
  CHECK(one<T>(binary<"fmod">, -7, 2) == -1);
  CHECK(one<T>(binary<"pow">, 3, 4) == 81);
  CHECK(one<T>(binary<"pow">, -2, 3) == -8);
  CHECK(one<T>(binary<"pow">, 0, 0) == 1);
  CHECK(one<T>(binary<"pow">, -1, -3) == -1);
  CHECK(one<T>(binary<"pow">, 2, -1) == 0);
  CHECK(run_unary<T, T>(unary<"abs">, {least}) == std::vector<T>{least});
  CHECK(run_unary<T, T>(unary<"neg">, {least, most}) == std::vector<T>{least, least + 1});
  CHECK(run_unary<T, T>(unary<"bitwise_not">, {0, 5}) == std::vector<T>{-1, -6});
}

TEST_CASE("integers wrap and never trap", "[kernels]") {
  check_integral_corners<std::int32_t>();
  check_integral_corners<std::int64_t>();
  CHECK(one<std::uint8_t>(binary<"add">, 200, 100) == 44);
  CHECK(one<std::uint8_t>(binary<"sub">, 1, 2) == 255);
  CHECK(one<std::uint8_t>(binary<"pow">, 2, 9) == 0);
  CHECK(run_unary<std::uint8_t, std::uint8_t>(unary<"neg">, {5}) == std::vector<std::uint8_t>{251});
  // An exact factor beyond 2^53.
  const double alpha = integral_param((std::int64_t{1} << 60) + 1);
  const std::int64_t a = 5, b = 3;
  std::int64_t out;
  binary<"add_scaled">->loop(DType::Int64)(reinterpret_cast<char*>(&out),
                                           reinterpret_cast<const char*>(&a),
                                           reinterpret_cast<const char*>(&b), 0, 0, 0, 1, &alpha);
  CHECK(out == 5 + 3 * ((std::int64_t{1} << 60) + 1));
}

template <typename T>
void check_float_corners() {
  const T inf = std::numeric_limits<T>::infinity();
  const T nan = std::numeric_limits<T>::quiet_NaN();
  for (const Binary op : {binary<"maximum">, binary<"minimum">}) {
    CHECK(std::isnan(one<T>(op, nan, 1)));
    CHECK(std::isnan(one<T>(op, 1, nan)));
  }
  for (const Binary op : {binary<"fmax">, binary<"fmin">}) {
    CHECK(one<T>(op, nan, 1) == 1);
    CHECK(one<T>(op, 1, nan) == 1);
    CHECK(std::isnan(one<T>(op, nan, nan)));
  }
  CHECK(one<T>(binary<"floor_divide">, 1, 0) == inf);
  CHECK(one<T>(binary<"floor_divide">, -1, 0) == -inf);
  CHECK(std::isnan(one<T>(binary<"floor_divide">, 0, 0)));
  CHECK(std::isnan(one<T>(binary<"floor_divide">, inf, 2)));
  CHECK(one<T>(binary<"floor_divide">, 5, inf) == 0);
  CHECK(one<T>(binary<"floor_divide">, 1, -inf) == -1);
  CHECK(std::signbit(one<T>(binary<"floor_divide">, T(-0.0), 3)));
  CHECK(one<T>(binary<"remainder">, 5, inf) == 5);
  CHECK(one<T>(binary<"remainder">, 1, -inf) == -inf);
  CHECK(one<T>(binary<"remainder">, T(5.5), -2) == T(-0.5));
  CHECK(std::isnan(one<T>(binary<"remainder">, 1, 0)));
  CHECK(one<T>(binary<"xlogy">, 0, 0) == 0);
  CHECK(std::isnan(one<T>(binary<"xlogy">, 0, nan)));
  CHECK(one<T>(binary<"logaddexp">, inf, inf) == inf);
  CHECK(one<T>(binary<"logaddexp">, -inf, -inf) == -inf);
  CHECK(one<T>(binary<"logaddexp">, inf, -inf) == inf);
  CHECK(std::fabs(one<T>(binary<"logaddexp">, 1000, 1000) - T(1000.6931471805599)) <
        1000 * std::numeric_limits<T>::epsilon());
  CHECK(one<T, bool>(binary<"eq">, nan, nan) == 0);
  CHECK(one<T, bool>(binary<"ne">, nan, nan) == 1);
  CHECK(one<T, bool>(binary<"logical_and">, nan, 1) == 1);
  // Scalar exponents with a form of their own agree with pow.
  const std::vector<T> x = {T(0.3), 1, T(2.7), 9};
  for (const T exponent : {T(1), T(2), T(3), T(-1), T(-2), T(0.5), T(-0.5), T(1.7)}) {
    std::vector<T> out(x.size());
    binary<"pow_number">->loop(kDTypeOf<T>)(
        reinterpret_cast<char*>(out.data()), reinterpret_cast<const char*>(x.data()),
        reinterpret_cast<const char*>(&exponent), sizeof(T), sizeof(T), 0, 4, nullptr);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const T expected = std::pow(x[i], exponent);
      CHECK(std::fabs(out[i] - expected) <= 2 * std::numeric_limits<T>::epsilon() * expected);
    }
  }
}

TEST_CASE("floats at special points of binary loops", "[kernels]") {
  check_float_corners<float>();
  check_float_corners<double>();
}

}  // namespace
