// The inner loops of the parameter updates, one copy per instruction set (optim_isa.cpp).
#pragma once

#include "kernels/optim/optim.h"

namespace pullback::kernels {

struct AdamConstants {
  double decay;         // multiplies the parameter first (decoupled weight decay)
  double weight_decay;  // adds to the gradient
  double lerp;          // 1 - beta1
  double beta2;
  double rest2;  // 1 - beta2
  double step_size;
  double root;  // square root of the second bias correction
  double eps;
  bool maximize;
};

struct OptimKernels {
  void (*sgd)(std::int64_t n, void* param, const void* grad, void* momentum_buffer,
              const SgdOptions& options);
  void (*adam)(std::int64_t n, void* param, const void* grad, void* exp_avg, void* exp_avg_sq,
               void* max_exp_avg_sq, const AdamConstants& constants);
};

}  // namespace pullback::kernels
