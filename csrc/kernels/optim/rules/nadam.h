// NAdam: T. Dozat, "Incorporating Nesterov Momentum into Adam", ICLR workshop 2016.
#pragma once

#include <cmath>

#include "kernels/optim/describe.h"

namespace pullback::kernels::PULLBACK_ISA {

struct NAdam : RuleDefaults {
  static constexpr const char* kName = "NAdam";
  static constexpr const char* kSignature =
      "lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, momentum_decay=4e-3, "
      "decoupled_weight_decay=False, *, foreach=None, maximize=False, capturable=False, "
      "differentiable=False";
  static constexpr const char* kOrder =
      "lr betas eps weight_decay momentum_decay decoupled_weight_decay maximize "
      "foreach capturable differentiable";
  static constexpr Check kChecks[] = {
      kRateCheck,  kEpsCheck,
      kBeta1Check, kBeta2Check,
      kDecayCheck, {"0.0 <= momentum_decay", "Invalid momentum_decay value: {momentum_decay}"}};
  static constexpr Slot kSlots[] = {{.name = "step", .number = true},
                                    {.name = "mu_product", .number = true, .initial = "1"},
                                    {.name = "exp_avg"},
                                    {.name = "exp_avg_sq"}};
  static constexpr const char* kReads =
      "lr betas[2] eps weight_decay momentum_decay decoupled_weight_decay maximize";
  static constexpr const char* kDoc =
      R"(``Adam`` with Nesterov's momentum (Dozat, ICLR workshop 2016).

With the means ``m`` and ``v`` of ``Adam`` and the momentum
``mu = betas[0] * (1 - 0.96**(step * momentum_decay) / 2)``, ``mu'`` that of the next step, the step is
``-lr * ((1 - mu) / (1 - M) * g + mu' / (1 - M * mu') * m) / (sqrt(v / (1 - betas[1]**step)) + eps)``,
where ``M`` is the product of all ``mu`` so far.)";
  static constexpr const char* kExampleResult = "[0.8944, 1.8944]";

  struct Options {
    double lr, beta1, beta2, eps, weight_decay, momentum_decay, decoupled_weight_decay, maximize;
  };
  struct Constants {
    double keep, weight_decay, beta1, beta2, correction, eps, of_grad, of_mean;
    double maximize;
  };
  static Constants prepare(const Options& o, Numbers numbers, bool) {
    const double step = numbers[0] += 1;
    const bool decoupled = o.decoupled_weight_decay != 0;
    const double mu = o.beta1 * (1.0 - 0.5 * std::pow(0.96, step * o.momentum_decay));
    const double next = o.beta1 * (1.0 - 0.5 * std::pow(0.96, (step + 1) * o.momentum_decay));
    // As the 0-d tensor rounds it.
    numbers[1] = numbers.single(1) ? static_cast<float>(numbers[1]) * static_cast<float>(mu)
                                   : numbers[1] * mu;
    return {.keep = decoupled ? 1 - o.lr * o.weight_decay : 1,
            .weight_decay = decoupled ? 0 : o.weight_decay,
            .beta1 = o.beta1,
            .beta2 = o.beta2,
            .correction = 1 - std::pow(o.beta2, step),
            .eps = o.eps,
            .of_grad = -o.lr * (1.0 - mu) / (1.0 - numbers[1]),
            .of_mean = -o.lr * next / (1.0 - numbers[1] * next),
            .maximize = o.maximize};
  }
  template <unsigned, typename T>
  static PULLBACK_INLINE void step(T& p, T grad, T* s, const Constants& c) {
    const T x = p * T(c.keep);
    const T g = descent(x, grad, c);
    s[0] = lerp(s[0], g, 1 - c.beta1);
    s[1] = mean_square(s[1], g, c.beta2);
    const T denominator = square_root(s[1] / T(c.correction)) + T(c.eps);
    p = x + T(c.of_grad) * g / denominator;
    p = p + T(c.of_mean) * s[0] / denominator;
  }
};

}  // namespace pullback::kernels::PULLBACK_ISA
