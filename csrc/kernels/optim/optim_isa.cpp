// The inner loops of the parameter updates (see optim_kernels.h).
//
// Each statement rounds where the sequence of torch's operators rounds; fused multiply-adds stand
// where torch's vector loops have them.
#include "kernels/optim/optim_kernels.h"

#include "kernels/dispatch.h"
#include "kernels/vecmath.h"

namespace pullback::kernels::PULLBACK_ISA {
namespace {

template <typename T, bool momentum>
void sgd_loop(std::int64_t n, T* __restrict p, const T* __restrict grad, T* __restrict buffer,
              const SgdOptions& o) {
  const T lr = static_cast<T>(-o.lr), decay = static_cast<T>(o.weight_decay);
  const T mu = static_cast<T>(o.momentum), keep = static_cast<T>(1 - o.dampening);
  const T sign = o.maximize ? T(-1) : T(1);
  const bool first = o.first, nesterov = o.nesterov;
  for (std::int64_t i = 0; i < n; ++i) {
    T g = grad[i] * sign;
    g = decay != T(0) ? muladd(p[i], decay, g) : g;
    if constexpr (momentum) {
      const T b = first ? g : muladd(g, keep, buffer[i] * mu);
      buffer[i] = b;
      g = nesterov ? muladd(b, mu, g) : b;
    }
    p[i] = muladd(g, lr, p[i]);
  }
}

template <typename T>
void sgd(std::int64_t n, void* param, const void* grad, void* buffer, const SgdOptions& options) {
  T* p = static_cast<T*>(param);
  const T* g = static_cast<const T*>(grad);
  if (buffer == nullptr) return sgd_loop<T, false>(n, p, g, nullptr, options);
  sgd_loop<T, true>(n, p, g, static_cast<T*>(buffer), options);
}

template <typename T, bool amsgrad>
void adam_loop(std::int64_t n, T* __restrict p, const T* __restrict grad, T* __restrict m,
               T* __restrict v, T* __restrict largest, const AdamConstants& c) {
  const T decay = static_cast<T>(c.decay), weight_decay = static_cast<T>(c.weight_decay);
  const T weight = static_cast<T>(c.lerp), beta2 = static_cast<T>(c.beta2);
  const T rest2 = static_cast<T>(c.rest2), step = static_cast<T>(-c.step_size);
  const T root = static_cast<T>(c.root), eps = static_cast<T>(c.eps);
  const T sign = c.maximize ? T(-1) : T(1);
  const bool small = c.lerp < 0.5;
  for (std::int64_t i = 0; i < n; ++i) {
    T g = grad[i] * sign;
    const T x = p[i] * decay;
    g = weight_decay != T(0) ? muladd(x, weight_decay, g) : g;
    const T difference = g - m[i];
    const T mean = small ? muladd(weight, difference, m[i]) : muladd(difference, weight - T(1), g);
    const T square = muladd(rest2 * g, g, v[i] * beta2);
    m[i] = mean;
    v[i] = square;
    T top = square;
    if constexpr (amsgrad) {
      top = (largest[i] > square) | (largest[i] != largest[i]) ? largest[i] : square;
      largest[i] = top;
    }
    const T denominator = square_root(top) / root + eps;
    p[i] = x + step * mean / denominator;
  }
}

template <typename T>
void adam(std::int64_t n, void* param, const void* grad, void* exp_avg, void* exp_avg_sq,
          void* max_exp_avg_sq, const AdamConstants& c) {
  T* p = static_cast<T*>(param);
  const T* g = static_cast<const T*>(grad);
  T* m = static_cast<T*>(exp_avg);
  T* v = static_cast<T*>(exp_avg_sq);
  if (max_exp_avg_sq == nullptr) return adam_loop<T, false>(n, p, g, m, v, nullptr, c);
  adam_loop<T, true>(n, p, g, m, v, static_cast<T*>(max_exp_avg_sq), c);
}

}  // namespace

OptimKernels optim_kernels(DType dtype) {
  if (dtype == DType::Float32) return {&sgd<float>, &adam<float>};
  return {&sgd<double>, &adam<double>};
}

}  // namespace pullback::kernels::PULLBACK_ISA
