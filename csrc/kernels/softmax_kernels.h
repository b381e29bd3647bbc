// The rows of softmax and its relatives, one copy per instruction set (softmax_isa.cpp).
//
// Every row is contiguous, of one floating type, and not empty; `out` may be one of the inputs.
#pragma once

#include <cstdint>

namespace pullback::kernels {

struct SoftmaxRows {
  void (*softmax)(const void* in, void* out, std::int64_t n);
  void (*log_softmax)(const void* in, void* out, std::int64_t n);
  void (*softmax_grad)(const void* g, const void* y, void* out, std::int64_t n);
  void (*log_softmax_grad)(const void* g, const void* y, void* out, std::int64_t n);
  // sum of exp(x - shift)
  double (*exp_sum)(const void* in, double shift, std::int64_t n);
};

}  // namespace pullback::kernels
