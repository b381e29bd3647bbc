// The rows of softmax and its relatives (see softmax_kernels.h).
//
// Maxima and sums go through the row kernels of the reductions, so their order is fixed; the loops
// here are vectorised by the compiler.
#include "kernels/softmax_kernels.h"

#include "kernels/dispatch.h"
#include "kernels/reduce_kernels.h"
#include "kernels/vecmath.h"

namespace pullback::kernels::PULLBACK_ISA {

RowKernel row_kernel(RowOp op, DType dtype);

namespace {

constexpr std::int64_t kPart = 256;
constexpr std::int64_t kPad = 16;

template <typename T>
T maximum(const T* x, std::int64_t n) {
  static const RowKernel::Function rows = row_kernel(RowOp::Max, kDTypeOf<T>).rows;
  T result;
  rows(x, 0, 1, n, &result);
  return result;
}

template <typename T>
double sum(const T* x, std::int64_t n) {
  static const RowKernel::Function rows = row_kernel(RowOp::Sum, kDTypeOf<T>).rows;
  double result;
  rows(x, 0, 1, n, &result);
  return result;
}

// The sum of function(i), a part at a time.
template <typename T, typename Function>
double sum_of(std::int64_t n, Function function) {
  alignas(64) T part[kPart];
  double total = 0;
  for (std::int64_t first = 0; first < n; first += kPart) {
    const std::int64_t size = n - first < kPart ? n - first : kPart;
    for (std::int64_t i = 0; i < size; ++i) part[i] = function(first + i);
    total += sum(part, size);
  }
  return total;
}

template <typename T>
double exp_sum(const T* x, T shift, std::int64_t n) {
  return sum_of<T>(n, [=](std::int64_t i) { return exp(x[i] - shift); });
}

template <typename T>
void softmax_row(const T* x, T* y, std::int64_t n) {
  const T top = maximum(x, n);
#pragma GCC ivdep
  for (std::int64_t i = 0; i < n; ++i) y[i] = exp(x[i] - top);
  const T total = static_cast<T>(sum(y, n));
  for (std::int64_t i = 0; i < n; ++i) y[i] = y[i] / total;
}

template <typename T>
void log_softmax_row(const T* x, T* y, std::int64_t n) {
  const T top = maximum(x, n);
  const T rest = static_cast<T>(__builtin_log(exp_sum(x, top, n)));
#pragma GCC ivdep
  for (std::int64_t i = 0; i < n; ++i) y[i] = (x[i] - top) - rest;
}

template <typename T>
void softmax_grad_row(const T* g, const T* y, T* o, std::int64_t n) {
  const T total = static_cast<T>(sum_of<T>(n, [=](std::int64_t i) { return g[i] * y[i]; }));
#pragma GCC ivdep
  for (std::int64_t i = 0; i < n; ++i) o[i] = y[i] * (g[i] - total);
}

template <typename T>
void log_softmax_grad_row(const T* g, const T* y, T* o, std::int64_t n) {
  const T total = static_cast<T>(sum(g, n));
#pragma GCC ivdep
  for (std::int64_t i = 0; i < n; ++i) o[i] = g[i] - exp(y[i]) * total;
}

// A short row goes through a full set of lanes, so that the vector loops have no rest.
template <typename T>
struct Padded {
  alignas(64) T values[kPad];

  Padded(const T* x, std::int64_t n, T padding) {
    for (int i = 0; i < kPad; ++i) values[i] = padding;
    for (std::int64_t i = 0; i < n; ++i) values[i] = x[i];
  }
  void write(T* to, std::int64_t n) const {
    for (std::int64_t i = 0; i < n; ++i) to[i] = values[i];
  }
};

template <typename T, void row(const T*, T*, std::int64_t)>
void forward(const void* in, void* out, std::int64_t n) {
  const T* x = static_cast<const T*>(in);
  T* y = static_cast<T*>(out);
  if (n > kPad) return row(x, y, n);
  Padded<T> padded(x, n, -kInf<T>);
  row(padded.values, padded.values, kPad);
  padded.write(y, n);
}

template <typename T, void row(const T*, const T*, T*, std::int64_t)>
void backward(const void* grad, const void* result, void* out, std::int64_t n) {
  const T* g = static_cast<const T*>(grad);
  const T* y = static_cast<const T*>(result);
  T* o = static_cast<T*>(out);
  if (n > kPad) return row(g, y, o, n);
  Padded<T> left(g, n, T(0));
  const Padded<T> right(y, n, T(0));
  row(left.values, right.values, left.values, kPad);
  left.write(o, n);
}

template <typename T>
double shifted_exp_sum(const void* in, double shift, std::int64_t n) {
  return exp_sum(static_cast<const T*>(in), static_cast<T>(shift), n);
}

template <typename T>
SoftmaxRows rows_of() {
  return {&forward<T, softmax_row<T>>, &forward<T, log_softmax_row<T>>,
          &backward<T, softmax_grad_row<T>>, &backward<T, log_softmax_grad_row<T>>,
          &shifted_exp_sum<T>};
}

}  // namespace

SoftmaxRows softmax_rows(DType dtype) {
  return dtype == DType::Float32 ? rows_of<float>() : rows_of<double>();
}

}  // namespace pullback::kernels::PULLBACK_ISA
