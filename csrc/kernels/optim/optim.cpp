// Fused parameter updates: turning the options into the constants of the inner loops
// (optim_isa.cpp).
#include "kernels/optim/optim.h"

#include <algorithm>
#include <cmath>

#include "kernels/dispatch.h"
#include "kernels/optim/optim_kernels.h"
#include "kernels/rows.h"

namespace pullback::kernels {

PULLBACK_ISA_DECLARE(OptimKernels optim_kernels(DType dtype);)

namespace {

const OptimKernels& kernels_of(DType dtype) {
  static const OptimKernels float32 = PULLBACK_ISA_SELECT(optim_kernels)(DType::Float32);
  static const OptimKernels float64 = PULLBACK_ISA_SELECT(optim_kernels)(DType::Float64);
  return of_floating(dtype, float32, float64);
}

template <typename Void>
Void* shifted(Void* p, std::int64_t bytes) {
  using Char = std::conditional_t<std::is_const_v<Void>, const char, char>;
  return p == nullptr ? nullptr : static_cast<Char*>(p) + bytes;
}

}  // namespace

void sgd(DType dtype, std::int64_t n, void* param, const void* grad, void* momentum_buffer,
         const SgdOptions& options) {
  const auto update = kernels_of(dtype).sgd;
  const auto item = static_cast<std::int64_t>(item_size(dtype));
  parallel_for(n, kBlockElements, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t at = begin * item;
    update(end - begin, shifted(param, at), shifted(grad, at), shifted(momentum_buffer, at),
           options);
  });
}

void adam(DType dtype, std::int64_t n, void* param, const void* grad, void* exp_avg,
          void* exp_avg_sq, void* max_exp_avg_sq, const AdamOptions& options) {
  const auto step = static_cast<double>(options.step);
  AdamConstants constants;
  constants.decay = options.decoupled ? 1 - options.lr * options.weight_decay : 1;
  constants.weight_decay = options.decoupled ? 0 : options.weight_decay;
  constants.lerp = 1 - options.beta1;
  constants.beta2 = options.beta2;
  constants.rest2 = 1 - options.beta2;
  constants.step_size = options.lr / (1 - std::pow(options.beta1, step));
  constants.root = std::sqrt(1 - std::pow(options.beta2, step));
  constants.eps = options.eps;
  constants.maximize = options.maximize;
  const auto update = kernels_of(dtype).adam;
  const auto item = static_cast<std::int64_t>(item_size(dtype));
  parallel_for(n, kBlockElements, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t at = begin * item;
    update(end - begin, shifted(param, at), shifted(grad, at), shifted(exp_avg, at),
           shifted(exp_avg_sq, at), shifted(max_exp_avg_sq, at), constants);
  });
}

}  // namespace pullback::kernels
