// The inner loops of softmax and its relatives, one copy per instruction set (softmax_isa.cpp).
//
// A row is n contiguous elements of one floating type, n > 0.  `rows` functions take up to
// kSoftmaxRows of them through one step after the other, so that the CPU has work while it waits
// for the maximum, the sum or the logarithm of one; what they do with a row does not depend on the
// others.  `columns` functions work on kSoftmaxColumns rows at once that lie side by side, their
// elements a stride apart.  The output may be one of the inputs.
#pragma once

#include <cstdint>

namespace pullback::kernels {

inline constexpr int kSoftmaxColumns = 32;
inline constexpr int kSoftmaxRows = 8;

// The beginnings of some rows of the two inputs and of the output.
struct SoftmaxRows {
  const void* a[kSoftmaxRows];
  const void* b[kSoftmaxRows];
  void* out[kSoftmaxRows];
  int count;
};

// Rows side by side: element i of row r is at data[i * stride + r].
struct Columns {
  void* data;
  std::int64_t stride;
};

// One operation; b is the second input of the gradients and not looked at by the others.
struct SoftmaxLoops {
  void (*rows)(const SoftmaxRows& rows, std::int64_t n);
  void (*columns)(Columns a, Columns b, Columns out, std::int64_t n);
};

struct SoftmaxKernels {
  SoftmaxLoops softmax, log_softmax, softmax_grad, log_softmax_grad;
  // sum of exp(x - shift)
  double (*exp_sum)(const void* in, double shift, std::int64_t n);
  // Writes kSoftmaxColumns values side by side.
  void (*logsumexp_columns)(Columns in, void* out, std::int64_t n);
};

}  // namespace pullback::kernels
