// Adamax: section 7.1 of D. P. Kingma, J. Ba, "Adam: A Method for Stochastic Optimization", ICLR
// 2015.
#pragma once

#include <cmath>

#include "kernels/optim/describe.h"

namespace pullback::kernels::PULLBACK_ISA {

struct Adamax : RuleDefaults {
  static constexpr const char* kName = "Adamax";
  static constexpr const char* kSignature =
      "lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, foreach=None, *, maximize=False, "
      "differentiable=False, capturable=False";
  static constexpr Check kChecks[] = {kRateCheck, kEpsCheck, kBeta1Check, kBeta2Check, kDecayCheck};
  static constexpr Slot kSlots[] = {
      {.name = "step", .number = true}, {.name = "exp_avg"}, {.name = "exp_inf"}};
  static constexpr const char* kReads = "lr betas[2] eps weight_decay maximize";
  static constexpr const char* kDoc =
      R"(``Adam`` by the largest gradient instead of the mean square (Kingma and Ba, ICLR 2015,
section 7.1).

With ``m = betas[0] * m + (1 - betas[0]) * g`` and ``u = max(betas[1] * u, abs(g) + eps)``, the step is
``-lr / (1 - betas[0]**step) * m / u``.)";

  struct Options {
    double lr, beta1, beta2, eps, weight_decay, maximize;
  };
  struct Constants : Options {
    double step_size;
  };
  static Constants prepare(const Options& o, Numbers numbers, bool) {
    const double step = numbers[0] += 1;
    return {o, o.lr / (1 - std::pow(o.beta1, step))};
  }
  template <unsigned, typename T>
  static PULLBACK_INLINE void step(T& p, T grad, T* s, const Constants& c) {
    const T g = descent(p, grad, c);
    s[0] = lerp(s[0], g, 1 - c.beta1);
    s[1] = larger(s[1] * T(c.beta2), absolute(g) + T(c.eps));
    p = p + T(-c.step_size) * s[0] / s[1];
  }
};

}  // namespace pullback::kernels::PULLBACK_ISA
