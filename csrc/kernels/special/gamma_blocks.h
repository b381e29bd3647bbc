// The logarithmic derivative of the gamma function, of blocks of numbers; that of one number is in
// gamma.cpp.
#pragma once

#include "kernels/special/blocks.h"
#include "kernels/special/gamma_tables.h"

namespace pullback::kernels {
namespace PULLBACK_ISA {

inline constexpr double kPi = 3.14159265358979323846;

// The terms of the asymptotic series are those of gamma.cpp.
inline void digamma(const double* x, double* out, int n) {
  double right[kBlock], within[kBlock], rest[kBlock];
  for (int i = 0; i < n; ++i) right[i] = x[i] < 0.0 ? 1.0 - x[i] : x[i];
  for (int i = 0; i < n; ++i) {
    const double y = right[i];
    within[i] = y < 1.0 ? y : y > 2.0 ? y - 2.0 : y - 1.0;
  }
  by_pieces<kDigamma>(within, 2.0, rest, n);
  const bool reflects = any_of(x, n, [](double each) { return each < 0.0; });
  for (int i = 0; i < n; ++i) out[i] = 0.0;
  for (int i = 0; reflects && i < n; ++i) {
    const double fraction = x[i] - __builtin_trunc(x[i]);
    const double turned = -kPi / tan_moderate(kPi * fraction);
    out[i] = x[i] < 0.0 ? (fraction == 0.0 ? kNan<double> : turned) : 0.0;
  }
  const bool is_far = any_of(right, n, [](double each) { return each > 3.0; });
  for (int i = 0; is_far && i < n; ++i) {
    double y = right[i], far = out[i];
    for (int k = 0; k < 7; ++k) {
      const bool below = y < 10.0;
      far -= below ? 1.0 / y : 0.0;
      y += below ? 1.0 : 0.0;
    }
    const double z = 1.0 / (y * y);
    const double series =
        z * (1.0 / 12 -
             z * (1.0 / 120 -
                  z * (1.0 / 252 -
                       z * (1.0 / 240 - z * (1.0 / 132 - z * (691.0 / 32760 - z * (1.0 / 12)))))));
    far += log(y) - 0.5 / y - series;
    within[i] = right[i] > 3.0 ? far : within[i];
  }
  for (int i = 0; i < n; ++i) {
    const double y = right[i];
    const double beside = y < 1.0 ? -1.0 / y : y > 2.0 ? 1.0 / (y - 1.0) : 0.0;
    const double near = out[i] + (rest[i] * factors(kDigammaZeros, within[i]) + beside);
    const double value = y > 3.0 ? within[i] : near;
    out[i] = x[i] == 0.0 ? with_sign(kInf<double>, -x[i]) : value;
  }
}

}  // namespace PULLBACK_ISA
}  // namespace pullback::kernels
