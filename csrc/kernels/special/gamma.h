// The gamma function's relatives for one number: digamma, incomplete gamma, and how the quantiles
// of the gamma and beta distributions move with their parameters.
#pragma once

#include <cmath>

namespace pullback::kernels {

// The math library's lgamma writes a global; this does not.
inline double log_gamma(double x) {
  int sign;
  return ::lgamma_r(x, &sign);
}

double digamma(double x);

// The regularised lower and upper incomplete gamma functions; `precision` is what sums may lack, of
// their size.
double lower_gamma(double a, double x, double precision);
double upper_gamma(double a, double x, double precision);

// Where F is the distribution function of a gamma number of that shape: -(dF / dshape) / (dF / dx).
double gamma_quantile_slope(double shape, double x);
// The same for a beta number by its first parameter a, the second one being total - a; divided by
// 1 - x.
double beta_quantile_slope(double x, double a, double total);

}  // namespace pullback::kernels
