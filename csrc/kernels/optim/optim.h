// Fused parameter updates over contiguous memory.
//
// One pass over the data with the arithmetic order of torch's single-tensor optimisers, so a
// trajectory equals torch's step by step.  Only float32 and float64.
#pragma once

#include "kernels/view.h"

namespace pullback::kernels {

struct SgdOptions {
  double lr = 1e-3;
  double momentum = 0;
  double dampening = 0;
  double weight_decay = 0;
  bool nesterov = false;
  bool maximize = false;
  bool first = false;  // the momentum buffer is new: it becomes a copy of the gradient
};

// momentum_buffer is null when momentum is 0.
void sgd(DType dtype, std::int64_t n, void* param, const void* grad, void* momentum_buffer,
         const SgdOptions& options);

struct AdamOptions {
  double lr = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0;
  bool amsgrad = false;
  bool maximize = false;
  bool decoupled = false;  // AdamW
  std::int64_t step = 1;   // counted from 1: the number of this step
};

// max_exp_avg_sq is null unless amsgrad.
void adam(DType dtype, std::int64_t n, void* param, const void* grad, void* exp_avg,
          void* exp_avg_sq, void* max_exp_avg_sq, const AdamOptions& options);

}  // namespace pullback::kernels
