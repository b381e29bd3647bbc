// Adagrad: J. Duchi, E. Hazan, Y. Singer, "Adaptive Subgradient Methods for Online Learning and
// Stochastic Optimization", JMLR 12 (2011).
#pragma once

#include "kernels/optim/describe.h"

namespace pullback::kernels::PULLBACK_ISA {

struct Adagrad : RuleDefaults {
  static constexpr const char* kName = "Adagrad";
  static constexpr const char* kSignature =
      "lr=1e-2, lr_decay=0, weight_decay=0, initial_accumulator_value=0, eps=1e-10, foreach=None, "
      "*, maximize=False, differentiable=False, fused=None";
  static constexpr const char* kOrder =
      "lr lr_decay eps weight_decay initial_accumulator_value foreach maximize "
      "differentiable fused";
  static constexpr Check kChecks[] = {
      kRateCheck,
      {"0.0 <= lr_decay", "Invalid lr_decay value: {lr_decay}"},
      kDecayCheck,
      {"0.0 <= initial_accumulator_value",
       "Invalid initial_accumulator_value value: {initial_accumulator_value}"},
      kEpsCheck};
  static constexpr Slot kSlots[] = {{.name = "step", .number = true},
                                    {.name = "sum", .initial = "initial_accumulator_value"}};
  static constexpr bool kStateAtOnce = true;
  static constexpr const char* kReads =
      "lr lr_decay weight_decay initial_accumulator_value eps maximize";
  static constexpr const char* kDoc =
      R"(Steps that become smaller the more was seen (Duchi, Hazan and Singer, JMLR 12, 2011).

With ``sum = sum + g**2``, the step is ``-lr / (1 + (step - 1) * lr_decay) * g / (sqrt(sum) + eps)``.)";

  struct Options {
    double lr, lr_decay, weight_decay, initial_accumulator_value, eps, maximize;
  };
  struct Constants : Options {
    double rate;
  };
  static Constants prepare(const Options& o, Numbers numbers, bool) {
    const double step = numbers[0] += 1;
    return {o, o.lr / (1 + (step - 1) * o.lr_decay)};
  }
  template <unsigned, typename T>
  static PULLBACK_INLINE void step(T& p, T grad, T* s, const Constants& c) {
    const T g = descent(p, grad, c);
    s[0] = muladd(g, g, s[0]);
    p = p + T(-c.rate) * g / (square_root(s[0]) + T(c.eps));
  }
};

}  // namespace pullback::kernels::PULLBACK_ISA
