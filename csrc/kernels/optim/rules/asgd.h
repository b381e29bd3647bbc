// ASGD: B. T. Polyak, A. B. Juditsky, "Acceleration of stochastic approximation by averaging", SIAM
// J. Control Optim. 30 (1992).
#pragma once

#include <algorithm>
#include <cmath>

#include "kernels/optim/describe.h"

namespace pullback::kernels::PULLBACK_ISA {

struct ASGD : RuleDefaults {
  static constexpr const char* kName = "ASGD";
  static constexpr const char* kSignature =
      "lr=1e-2, lambd=1e-4, alpha=0.75, t0=1e6, weight_decay=0, foreach=None, maximize=False, "
      "differentiable=False, capturable=False";
  static constexpr Check kChecks[] = {kRateCheck, kDecayCheck};
  static constexpr Slot kSlots[] = {{.name = "step", .number = true},
                                    {.name = "eta", .number = true, .initial = "lr"},
                                    {.name = "mu", .number = true, .initial = "1"},
                                    {.name = "ax"}};
  static constexpr const char* kReads = "lr lambd alpha t0 weight_decay maximize";
  static constexpr const char* kDoc =
      R"(Gradient descent that also keeps the mean of the parameters (Polyak and Juditsky, 1992).

The parameter becomes ``(1 - lambd * eta) * p - eta * g``, where ``eta`` falls as
``lr / (1 + lambd * lr * step)**alpha``; ``ax`` in the state is the mean of the parameters since the
step ``t0``, and the parameter before.)";

  struct Options {
    double lr, lambd, alpha, t0, weight_decay, maximize;
  };
  struct Constants : Options {
    double eta, mu;
  };
  static Constants prepare(const Options& o, Numbers numbers, bool) {
    const double step = numbers[0] += 1;
    const Constants now{o, numbers[1], numbers[2]};
    const auto rounded = [&](double x) {  // as torch's tensor made of a number
      return numbers.default_single ? static_cast<double>(static_cast<float>(x)) : x;
    };
    numbers[1] = rounded(o.lr / std::pow(1 + o.lambd * o.lr * step, o.alpha));
    numbers[2] = rounded(1 / std::max(1.0, step - o.t0));
    return now;
  }
  template <unsigned, typename T>
  static PULLBACK_INLINE void step(T& p, T grad, T* s, const Constants& c) {
    const T g = descent(p, grad, c);
    p = muladd(g, T(-c.eta), p * T(1 - c.lambd * c.eta));
    s[0] = c.mu != 1 ? s[0] + (p - s[0]) * T(c.mu) : p;
  }
};

}  // namespace pullback::kernels::PULLBACK_ISA
