// Adam and AdamW. D. P. Kingma, J. Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015;
// S. J. Reddi, S. Kale, S. Kumar, "On the Convergence of Adam and Beyond", ICLR 2018 (amsgrad);
// I. Loshchilov, F. Hutter, "Decoupled Weight Decay Regularization", ICLR 2019.
#pragma once

#include <cmath>

#include "kernels/optim/describe.h"

namespace pullback::kernels::PULLBACK_ISA {

struct Adam : RuleDefaults {
  static constexpr const char* kName = "Adam";
  static constexpr const char* kSignature =
      "lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, amsgrad=False, *, foreach=None, "
      "maximize=False, capturable=False, differentiable=False, fused=None, "
      "decoupled_weight_decay=False";
  static constexpr const char* kOrder =
      "lr betas eps weight_decay amsgrad maximize foreach capturable differentiable "
      "fused decoupled_weight_decay";
  static constexpr Check kChecks[] = {
      {"not isinstance(lr, Tensor) or not foreach or capturable",
       "lr as a Tensor is not supported for capturable=False and foreach=True"},
      kRateCheck,
      kEpsCheck,
      kBeta1Check,
      kBeta2Check,
      kDecayCheck,
      {"any(all(isinstance(b, kind) for b in betas) for kind in (float, Tensor))",
       "betas must be either both floats or both Tensors"}};
  static constexpr Slot kSlots[] = {{.name = "step", .number = true},
                                    {.name = "exp_avg"},
                                    {.name = "exp_avg_sq"},
                                    {.name = "max_exp_avg_sq", .when = "amsgrad"}};
  static constexpr const char* kReads =
      "lr betas[2] eps weight_decay amsgrad maximize decoupled_weight_decay";
  static constexpr const char* kDoc =
      R"(Gradient descent with running means of the gradient and of its square (Kingma and Ba,
ICLR 2015).

With ``m = betas[0] * m + (1 - betas[0]) * g`` and ``v = betas[1] * v + (1 - betas[1]) * g**2``, both
divided by ``1 - beta**step``, the step is ``-lr * m / (sqrt(v) + eps)``; ``amsgrad`` takes the
largest ``v`` so far. Weight decay is added to the gradient, or with ``decoupled_weight_decay``
taken off the parameter.)";

  struct Options {
    double lr, beta1, beta2, eps, weight_decay, amsgrad, maximize, decoupled_weight_decay;
  };
  struct Constants {
    double keep;  // multiplies the parameter first: decoupled weight decay
    double weight_decay, beta1, beta2, step_size, root, eps;
    double maximize;
  };
  static Constants prepare(const Options& o, Numbers numbers, bool) {
    const double step = numbers[0] += 1;
    const bool decoupled = o.decoupled_weight_decay != 0;
    return {.keep = decoupled ? 1 - o.lr * o.weight_decay : 1,
            .weight_decay = decoupled ? 0 : o.weight_decay,
            .beta1 = o.beta1,
            .beta2 = o.beta2,
            .step_size = o.lr / (1 - std::pow(o.beta1, step)),
            .root = std::sqrt(1 - std::pow(o.beta2, step)),
            .eps = o.eps,
            .maximize = o.maximize};
  }
  template <unsigned has, typename T>
  static PULLBACK_INLINE void step(T& p, T grad, T* s, const Constants& c) {
    const T x = p * T(c.keep);
    const T g = descent(x, grad, c);
    s[0] = lerp(s[0], g, 1 - c.beta1);
    s[1] = mean_square(s[1], g, c.beta2);
    T largest = s[1];
    if constexpr (has & 4) largest = s[2] = larger(s[2], s[1]);
    p = x + T(-c.step_size) * s[0] / (square_root(largest) / T(c.root) + T(c.eps));
  }
};

struct AdamW : Adam {
  static constexpr const char* kName = "AdamW";
  static constexpr const char* kBase = "Adam";
  static constexpr const char* kSignature =
      "lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2, amsgrad=False, *, maximize=False, "
      "foreach=None, capturable=False, differentiable=False, fused=None";
  static constexpr const char* kFixed = "decoupled_weight_decay=True";
  static constexpr const char* kDoc =
      R"(``Adam`` whose weight decay is taken off the parameter instead of joining the gradient
(Loshchilov and Hutter, ICLR 2019).)";
  static constexpr const char* kExample = "lr=0.1, weight_decay=0.5";
  static constexpr const char* kExampleResult = "[0.8500, 1.8000]";
};

}  // namespace pullback::kernels::PULLBACK_ISA
