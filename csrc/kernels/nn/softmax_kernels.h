// The inner loops of softmax and its relatives, one copy per instruction set (softmax_isa.cpp).
//
// A row is n contiguous elements of one floating type, n > 0.  `columns` functions work on
// kSoftmaxColumns rows at once that lie side by side, their elements a stride apart.  The output
// may be one of the inputs.
#pragma once

#include <cstdint>

namespace pullback::kernels {

inline constexpr int kSoftmaxColumns = 32;

// Rows side by side: element i of row r is at data[i * stride + r].
struct Columns {
  void* data;
  std::int64_t stride;
};

// One operation; b is the second input of the gradients and not looked at by the others.
struct SoftmaxLoops {
  void (*row)(const void* a, const void* b, void* out, std::int64_t n);
  void (*columns)(Columns a, Columns b, Columns out, std::int64_t n);
};

struct SoftmaxKernels {
  SoftmaxLoops softmax, log_softmax, softmax_grad, log_softmax_grad;
  // sum of exp(x - shift)
  double (*exp_sum)(const void* in, double shift, std::int64_t n);
};

}  // namespace pullback::kernels
