// Incomplete gamma and beta functions by power series and continued fractions.
//
// The derivatives by a parameter come along as the second component of a Dual, so each expansion is
// written once.  Abramowitz and Stegun, chapters 6 and 26; for large shapes Temme's expansion and
// the one of Cornish and Fisher.  Start reading at lower_gamma.
#include "kernels/special/gamma.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <numbers>

#define PULLBACK_ISA plain
#include "kernels/special/gamma_tables.h"
#include "kernels/special/pieces.h"

namespace pullback::kernels {
namespace {

// What a sum may lack, of its size.
constexpr double kPrecision = 2e-17;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
// From here on expansions in 1 / shape are exact to the last digits that a quotient would have.
constexpr double kLargeShape = 1e5;

// A value and its derivative by the parameter.
struct Dual {
  double value, slope = 0;
};
Dual operator+(Dual a, Dual b) { return {a.value + b.value, a.slope + b.slope}; }
Dual operator-(Dual a, Dual b) { return {a.value - b.value, a.slope - b.slope}; }
Dual operator*(Dual a, Dual b) {
  return {a.value * b.value, a.slope * b.value + a.value * b.slope};
}
Dual operator/(Dual a, Dual b) {
  const double value = a.value / b.value;
  return {value, (a.slope - value * b.slope) / b.value};
}

double value_of(double x) { return x; }
double value_of(Dual x) { return x.value; }
// Whether a sum is done, of which this is the last change.
bool is_done(double value, double change, double precision) {
  return std::abs(change) <= precision * std::abs(value);
}
bool is_done(Dual value, Dual change, double precision) {
  const double unit = precision * std::abs(value.value);
  return std::abs(change.value) <= unit && std::abs(change.slope) <= 10 * unit;
}

// What follows is of doubles or, with the slopes by a parameter, of Duals.

// 1 + x / (a + 1) + x^2 / ((a + 1)(a + 2)) + ..., for x up to about a + 1.
template <typename N>
N lower_series(N a, double x, double precision) {
  const N one{1};
  N term{1}, sum{1};
  for (N n = a + one; value_of(term) > precision * value_of(sum); n = n + one) {
    term = term * (N{x} / n);
    sum = sum + term;
  }
  return sum;
}

// Steed's method: what each numerator p and denominator q of a continued fraction adds to it, so
// that rounding errors shrink as the steps do.
template <typename N>
struct Fraction {
  N d, change, value;

  explicit Fraction(N q) : d(N{1} / q), change(d), value(d) {}
  // Whether it was the last step.
  bool step(N p, N q, double precision) {
    d = N{1} / (p * d + q);
    change = (q * d - N{1}) * change;
    value = value + change;
    return is_done(value, change, precision);
  }
};

// 1 / (x + 1 - a - 1 (1 - a) / (x + 3 - a - ...)), for x from about a on.
template <typename N>
N upper_fraction(N a, double x, double precision) {
  N q = N{x + 1} - a;
  Fraction<N> f(q);
  for (double i = 1; i < 1e6; i += 1) {
    q = q + N{2};
    if (f.step(N{i} * (a - N{i}), q, precision)) break;
  }
  return f.value;
}

// The fraction of the incomplete beta function, for x up to (a + 1) / (a + b + 2).
Dual beta_fraction(Dual a, Dual b, double x) {
  const Dual one{1};
  Fraction<Dual> f(one);
  f.step(Dual{-1} * (a + b) * Dual{x} / (a + one), one, kPrecision);
  for (double i = 1; i < 1e6; i += 1) {
    const Dual m{i}, twice{2 * i}, z{x};
    f.step(m * (b - m) * z / ((a + twice - one) * (a + twice)), one, kPrecision);
    const Dual p = Dual{-1} * (a + m) * (a + b + m) * z / ((a + twice) * (a + twice + one));
    if (f.step(p, one, kPrecision)) break;
  }
  return f.value;
}

// log(gamma(a)) - (a - 1/2) log a + a - log(2 pi) / 2, for a from 10 on.
double stirling_rest(double a) {
  const double z = 1 / (a * a);
  constexpr double kTerms[] = {1.0 / 12,   1.0 / 360,      1.0 / 1260, 1.0 / 1680,
                               1.0 / 1188, 691.0 / 360360, 1.0 / 156,  3617.0 / 122400};
  double sum = 0;
  for (std::size_t k = std::size(kTerms); k-- > 0;) sum = kTerms[k] - z * sum;
  return sum / a;
}

// m - log(1 + m), without cancellation near 0.
double above_logarithm(double m) {
  if (std::abs(m) > 0.4) return m - std::log1p(m);
  double power = m * m, sum = 0;
  for (int n = 2; std::abs(power) > 1e-18 * std::abs(sum) && n < 60; ++n) {
    sum += power / n;
    power *= -m;
  }
  return sum;
}

// gamma(a + 1), for a from 0 to 10.
double gamma_after(double a) {
  double product = 1;
  for (; a > 1; a -= 1) product *= a;
  return product * std::exp(a * plain::by_piece(kLogGamma, a, 2.0));
}

// a - x less what its rounding gave: Knuth's.
double lost_of_difference(double a, double x, double rounded) {
  const double back = a - rounded;
  return (a - (rounded + back)) - (x - back);
}

// x^a exp(-x) / gamma(a + 1).  Powers of halves of the exponents, which do not underflow before the
// whole does.
double gamma_factor(double a, double x) {
  if (a < 10) {
    const double half = std::exp(-0.5 * x);
    return std::pow(x, a) * half / gamma_after(a) * half;
  }
  const double scale = std::exp(-stirling_rest(a)) / std::sqrt(2 * std::numbers::pi * a);
  const double ratio = x / a, above = a - x;
  const double half = std::pow(ratio, 0.5 * a) * std::exp(0.5 * above);
  if (std::abs(above) > 1000 || !(half > 1e-150)) {
    return scale * std::exp(-a * above_logarithm((x - a) / a));
  }
  // What the rounding of the quotient and of the difference took away.
  const double rest = std::fma(-ratio, a, x) / ratio + lost_of_difference(a, x, above);
  return scale * half * half * (1 + rest);
}

// Where the upper function, which is less than the lower one there, comes of its fraction.
bool has_fraction(double a, double x) { return x > std::max(a, 1.1); }

// For a < 1 and x up to 1.1, where the lower function may be all but 1: the alternating series of
// Abramowitz and Stegun 6.5.29 without its first term, and what that one lacks of 1.
double upper_of_small_shape(double a, double x, double precision) {
  double term = 1, sum = 0;
  for (double n = 1; std::abs(term) > precision * std::abs(sum); n += 1) {
    term *= -x / n;
    sum += term / (a + n);
  }
  const double logarithm = a * (std::log(x) - plain::by_piece(kLogGamma, a, 2.0));
  return -std::expm1(logarithm) - a * std::exp(logarithm) * sum;
}

// One of the two functions for large a; accurate to 1e-12.
double gamma_large(double a, double x, bool upper) {
  const double m = (x - a) / a;
  const double eta = std::copysign(std::sqrt(2 * above_logarithm(m)), m);
  const double first = std::abs(eta) < 1e-2
                           ? -1.0 / 3 + eta * (1.0 / 12 - eta * (2.0 / 135 - eta * (1.0 / 864)))
                           : 1 / m - 1 / eta;
  const double rest = std::exp(-0.5 * a * eta * eta) / std::sqrt(2 * std::numbers::pi * a);
  const double side = upper ? 1 : -1;
  return 0.5 * std::erfc(side * eta * std::sqrt(a / 2)) + side * rest * (first - 1.0 / (540 * a));
}

// Both functions have their values at the edges from here, NaN where there are none.
bool at_edge(double a, double x, double& lower) {
  if (!(a >= 0 && x >= 0) || (a == 0 && x == 0) || (std::isinf(a) && std::isinf(x))) {
    lower = kNan;
  } else if (a == 0 || std::isinf(x)) {
    lower = 1;
  } else if (x == 0 || std::isinf(a)) {
    lower = 0;
  } else {
    return false;
  }
  return true;
}

}  // namespace

double digamma(double x) {
  // A table from 1 to 2, and to both sides of it one step of the recurrence; further on as many as
  // lead to 10, then the asymptotic series; reflection for negative arguments.
  if (x == 0.0) return std::copysign(HUGE_VAL, -x);
  double result = 0.0;
  if (x < 0.0) {
    const double fraction = x - std::trunc(x);
    if (!(fraction != 0.0)) return kNan;
    result = -std::numbers::pi / std::tan(std::numbers::pi * fraction);
    x = 1.0 - x;
  }
  if (x <= 3.0) {
    const double within = x < 1.0 ? x : x > 2.0 ? x - 2.0 : x - 1.0;
    const double beside = x < 1.0 ? -1.0 / x : x > 2.0 ? 1.0 / (x - 1.0) : 0.0;
    const double rest = plain::by_piece(kDigamma, within, 2.0);
    return result + (rest * plain::factors(kDigammaZeros, within) + beside);
  }
  for (; x < 10.0; x += 1.0) result -= 1.0 / x;
  const double z = 1.0 / (x * x);
  const double series =
      z * (1.0 / 12 -
           z * (1.0 / 120 -
                z * (1.0 / 252 -
                     z * (1.0 / 240 - z * (1.0 / 132 - z * (691.0 / 32760 - z * (1.0 / 12)))))));
  return result + (std::log(x) - 0.5 / x - series);
}

double lower_gamma(double a, double x, double precision) {
  double edge;
  if (at_edge(a, x, edge)) return edge;
  if (a > kLargeShape && std::abs(x - a) < 0.3 * a) return gamma_large(a, x, false);
  if (has_fraction(a, x)) return 1 - gamma_factor(a, x) * (a * upper_fraction(a, x, precision));
  return gamma_factor(a, x) * lower_series(a, x, precision);
}

double upper_gamma(double a, double x, double precision) {
  double edge;
  if (at_edge(a, x, edge)) return 1 - edge;
  if (a > kLargeShape && std::abs(x - a) < 0.3 * a) return gamma_large(a, x, true);
  if (has_fraction(a, x)) return gamma_factor(a, x) * (a * upper_fraction(a, x, precision));
  if (a < 1) return upper_of_small_shape(a, x, precision);
  return 1 - gamma_factor(a, x) * lower_series(a, x, precision);
}

double gamma_quantile_slope(double a, double x) {
  if (!(a > 0 && x >= 0)) return kNan;
  if (x == 0) return 0;
  if (a > kLargeShape) {
    // x in terms of the normal quantile z: a + z r + (z^2 - 1) / 3 + ..., solved for z.
    const double r = std::sqrt(a);
    double z = (x - a) / r;
    for (int i = 0; i < 6; ++i) {
      z = (x - a - (z * z - 1) / 3 - z * (z * z - 7) / (36 * r)) / r;
    }
    const double square = z * z;
    return 1 + z / (2 * r) - z * (square - 7) / (72 * a * r) +
           (3 * square * square + 7 * square - 16) / (810 * a * a);
  }
  if (x > a + 1) {
    const Dual upper = upper_fraction(Dual{a, 1}, x, kPrecision);
    return x * (upper.value * (std::log(x) - digamma(a)) + upper.slope);
  }
  const Dual lower = lower_series(Dual{a, 1}, x, kPrecision);
  return -x / a * (lower.value * (std::log(x) - digamma(a + 1)) + lower.slope);
}

double beta_quantile_slope(double x, double a, double total) {
  const double b = total - a;
  if (!(a > 0 && b > 0 && x >= 0 && x <= 1)) return kNan;
  if (x == 0) return 0;
  if (x <= (a + 1) / (total + 2)) {
    const Dual part = beta_fraction({a, 1}, {b}, x);
    const double growth = std::log(x) - digamma(a + 1) + digamma(total);
    return -x / a * (part.value * growth + part.slope);
  }
  const Dual part = beta_fraction({b}, {a, 1}, 1 - x);
  const double growth = std::log(x) - digamma(a) + digamma(total);
  return x / b * (part.value * growth + part.slope);
}

}  // namespace pullback::kernels
