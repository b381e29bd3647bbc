// What normalisation does to rows of contiguous elements, one copy per instruction set
// (normalize_isa.cpp).
//
// `weight` and `bias` of the functions on columns have an element for each of the row's, and may be
// null (ones, zeros).  Sums are in double, after three
// roundings.
#pragma once

#include <cstdint>

namespace pullback::kernels {

struct TwoSums {
  double first, second;
};

template <typename T>
struct NormalizeRows {
  double (*sum)(const T* x, std::int64_t n);
  // of (x - shift)^2
  double (*squares)(const T* x, T shift, std::int64_t n);
  // out = (x - mean) factor + shift
  void (*write)(T* out, const T* x, T mean, T factor, T shift, std::int64_t n);
  void (*write_columns)(T* out, const T* x, T mean, T scale, const T* weight, const T* bias,
                        std::int64_t n);
  // of g and of g (x - mean)
  TwoSums (*gradient_sums)(const T* g, const T* x, T mean, std::int64_t n);
  TwoSums (*gradient_sums_columns)(const T* g, const T* x, T mean, const T* weight, std::int64_t n);
  // dx = g factor + (x - mean) slope + shift
  void (*gradient)(T* dx, const T* g, const T* x, T mean, T factor, T slope, T shift,
                   std::int64_t n);
  // The same with factor = scale weight; dw += g (x - mean) scale, db += g.
  void (*gradient_columns)(T* dx, const T* g, const T* x, T mean, T scale, const T* weight, T slope,
                           T shift, T* dw, T* db, std::int64_t n);
};

struct NormalizeKernels {
  NormalizeRows<float> float32;
  NormalizeRows<double> float64;
};

}  // namespace pullback::kernels
