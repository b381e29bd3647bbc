// RAdam: L. Liu et al., "On the Variance of the Adaptive Learning Rate and Beyond", ICLR 2020.
#pragma once

#include <cmath>

#include "kernels/optim/describe.h"

namespace pullback::kernels::PULLBACK_ISA {

struct RAdam : RuleDefaults {
  static constexpr const char* kName = "RAdam";
  static constexpr const char* kSignature =
      "lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, decoupled_weight_decay=False, *, "
      "foreach=None, maximize=False, capturable=False, differentiable=False";
  static constexpr const char* kOrder =
      "lr betas eps weight_decay maximize foreach capturable decoupled_weight_decay "
      "differentiable";
  static constexpr Check kChecks[] = {kRateCheck, kEpsCheck, kBeta1Check, kBeta2Check, kDecayCheck};
  static constexpr Slot kSlots[] = {
      {.name = "step", .number = true}, {.name = "exp_avg"}, {.name = "exp_avg_sq"}};
  static constexpr const char* kReads =
      "lr betas[2] eps weight_decay decoupled_weight_decay maximize";
  static constexpr const char* kDoc =
      R"(``Adam`` that trusts its mean square only when it has seen enough (Liu et al., ICLR 2020).

The step is ``-lr * m`` with the corrected mean ``m`` of ``Adam``, and from the step on at which
``rho = rho_inf - 2 * step * betas[1]**step / (1 - betas[1]**step)`` is above 5, with
``rho_inf = 2 / (1 - betas[1]) - 1``, that of ``Adam`` times
``sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho))``.)";

  struct Options {
    double lr, beta1, beta2, eps, weight_decay, decoupled_weight_decay, maximize;
  };
  struct Constants {
    double lr, keep, weight_decay, beta1, beta2, eps, correction, root, rectified;
    double adaptive, maximize;
  };
  static Constants prepare(const Options& o, Numbers numbers, bool) {
    const double step = numbers[0] += 1;
    const bool decoupled = o.decoupled_weight_decay != 0;
    const double power = std::pow(o.beta2, step), rest = 1 - power;
    const double inf = 2 / (1 - o.beta2) - 1;
    const double rho = inf - 2 * step * power / rest;
    const double square = (rho - 4) * (rho - 2) * inf / ((inf - 4) * (inf - 2) * rho);
    return {.lr = o.lr,
            .keep = decoupled ? 1 - o.lr * o.weight_decay : 1,
            .weight_decay = decoupled ? 0 : o.weight_decay,
            .beta1 = o.beta1,
            .beta2 = o.beta2,
            .eps = o.eps,
            .correction = 1 - std::pow(o.beta1, step),
            .root = std::sqrt(rest),
            .rectified = std::sqrt(square),
            .adaptive = rho > 5.0 ? 1.0 : 0.0,
            .maximize = o.maximize};
  }
  template <unsigned, typename T>
  static PULLBACK_INLINE void step(T& p, T grad, T* s, const Constants& c) {
    const T x = p * T(c.keep);
    const T g = descent(x, grad, c);
    s[0] = lerp(s[0], g, 1 - c.beta1);
    s[1] = mean_square(s[1], g, c.beta2);
    const T plain = s[0] / T(c.correction) * T(c.lr);
    p = c.adaptive != 0 ? x - plain * (T(c.root) / (square_root(s[1]) + T(c.eps))) * T(c.rectified)
                        : x - plain;
  }
};

}  // namespace pullback::kernels::PULLBACK_ISA
