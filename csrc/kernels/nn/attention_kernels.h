// What attention does to the rows of a block, one copy per instruction set (attention_isa.cpp).
//
// A row has n >= 0 contiguous elements of T.  A score is x * scale + bias, without bias where it is
// null.
#pragma once

#include <cstdint>

namespace pullback::kernels {

template <typename T>
struct AttentionRows {
  // The largest score that is no NaN, -inf of none.
  T (*top)(const T* x, const T* bias, T scale, std::int64_t n);
  // x = exp(score - shift); returns the sum.
  double (*exponentials)(T* x, const T* bias, T scale, T shift, std::int64_t n);
  // x = p (x - mean) scale.
  void (*slopes)(T* x, const T* p, T mean, T scale, std::int64_t n);
  void (*multiply)(T* x, const T* by, std::int64_t n);
  void (*multiply_by)(T* x, T by, std::int64_t n);
  double (*dot)(const T* a, const T* b, std::int64_t n);
  // 0 where it is true, -inf where not.
  void (*bias_of)(T* bias, const bool* allowed, std::int64_t n);
  // The bits from `first` on (a multiple of 8): `share` or 0.
  void (*kept)(T* to, const std::uint8_t* bits, T share, std::int64_t n);
};

struct AttentionKernels {
  AttentionRows<float> float32;
  AttentionRows<double> float64;
};

}  // namespace pullback::kernels
