// The inner loops of softmax and its relatives (see softmax_kernels.h).
//
// In rows, maxima and sums are those of the reductions' rows, so their order is fixed;
// in columns, every lane is a row and sums in double.  The loops are vectorised by the compiler.
#include "kernels/nn/softmax_kernels.h"

#include <cstring>

#include "kernels/dispatch.h"
#include "kernels/reduce/reduce_row.h"
#include "kernels/vecmath.h"

namespace pullback::kernels::PULLBACK_ISA {

namespace {

constexpr std::int64_t kPart = 256;
constexpr int kWidth = kSoftmaxColumns;

constexpr std::int64_t kGroup = 16;

template <typename T>
T maximum(const T* x, std::int64_t n) {
  return float_row<RowOp::Max>(x, n);
}

// out[i] = function(a[i], b[i]), which may be in place.  What is behind the last full group is the
// end of one more, so that it is a vector's work, too.
template <typename T, typename Function>
PULLBACK_INLINE void map(const T* a, const T* b, T* out, std::int64_t n, Function function) {
  const std::int64_t full = n / kGroup * kGroup;
  alignas(64) T last[kGroup];
  if (full == 0) {
    for (std::int64_t i = 0; i < n; ++i) out[i] = function(a[i], b[i]);
    return;
  }
#pragma GCC ivdep
  for (std::int64_t l = 0; l < kGroup; ++l) {
    last[l] = function(a[n - kGroup + l], b[n - kGroup + l]);
  }
#pragma GCC ivdep
  for (std::int64_t i = 0; i < full; ++i) out[i] = function(a[i], b[i]);
  if (full < n) std::memcpy(out + n - kGroup, last, sizeof(last));
}

// The sum of function(a[i], b[i]), a part at a time.
template <typename T, typename Function>
PULLBACK_INLINE double sum_of(const T* a, const T* b, std::int64_t n, Function function) {
  alignas(64) T part[kPart];
  double total = 0;
  for (std::int64_t first = 0; first < n; first += kPart) {
    const std::int64_t size = n - first < kPart ? n - first : kPart;
    map(a + first, b + first, part, size, function);
    total += float_row<RowOp::Sum>(static_cast<const T*>(part), size);
  }
  return total;
}

template <typename T>
double exp_sum(const T* x, T shift, std::int64_t n) {
  return sum_of(x, x, n, [=](T a, T) { return exp_falling(a - shift); });
}

template <typename T>
void softmax_row(const void* a, const void*, void* out, std::int64_t n) {
  const T* x = static_cast<const T*>(a);
  T* y = static_cast<T*>(out);
  const T top = maximum(x, n);
  map(x, x, y, n, [=](T each, T) { return exp_falling(each - top); });
  const T share = static_cast<T>(1.0 / float_row<RowOp::Sum>(static_cast<const T*>(y), n));
  for (std::int64_t i = 0; i < n; ++i) y[i] *= share;
}

template <typename T>
void log_softmax_row(const void* a, const void*, void* out, std::int64_t n) {
  const T* x = static_cast<const T*>(a);
  T* y = static_cast<T*>(out);
  const T top = maximum(x, n);
  const T rest = static_cast<T>(log(exp_sum(x, top, n)));
#pragma GCC ivdep
  for (std::int64_t i = 0; i < n; ++i) y[i] = (x[i] - top) - rest;
}

template <typename T>
void softmax_grad_row(const void* a, const void* b, void* out, std::int64_t n) {
  const T* g = static_cast<const T*>(a);
  const T* y = static_cast<const T*>(b);
  T* o = static_cast<T*>(out);
  const T total = static_cast<T>(sum_of(g, y, n, [](T u, T v) { return u * v; }));
#pragma GCC ivdep
  for (std::int64_t i = 0; i < n; ++i) o[i] = y[i] * (g[i] - total);
}

template <typename T>
void log_softmax_grad_row(const void* a, const void* b, void* out, std::int64_t n) {
  const T* g = static_cast<const T*>(a);
  const T* y = static_cast<const T*>(b);
  T* o = static_cast<T*>(out);
  const T total = static_cast<T>(float_row<RowOp::Sum>(g, n));
  map(g, y, o, n, [=](T u, T v) { return u - exp_falling(v) * total; });
}

// One value per row of a group.
template <typename T>
struct Lanes {
  alignas(64) T at[kWidth];
};

template <typename T>
Lanes<T> column_maxima(const T* x, std::int64_t stride, std::int64_t n) {
  Lanes<T> top;
  for (int l = 0; l < kWidth; ++l) top.at[l] = x[l];
  for (std::int64_t i = 1; i < n; ++i) {
    const T* v = x + i * stride;
    for (int l = 0; l < kWidth; ++l) {
      top.at[l] = (v[l] > top.at[l]) | (v[l] != v[l]) ? v[l] : top.at[l];
    }
  }
  return top;
}

// The sums over i of term(i, l), which is evaluated once, in order.
template <typename T, typename Term>
Lanes<double> column_sums(std::int64_t n, Term term) {
  Lanes<double> total;
  for (int l = 0; l < kWidth; ++l) total.at[l] = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    Lanes<T> terms;
#pragma GCC ivdep
    for (int l = 0; l < kWidth; ++l) terms.at[l] = term(i, l);
    for (int l = 0; l < kWidth; ++l) total.at[l] += static_cast<double>(terms.at[l]);
  }
  return total;
}

template <typename T>
Lanes<T> rounded(const Lanes<double>& from) {
  Lanes<T> to;
  for (int l = 0; l < kWidth; ++l) to.at[l] = static_cast<T>(from.at[l]);
  return to;
}

template <typename Term>
void for_columns(std::int64_t n, Term term) {
  for (std::int64_t i = 0; i < n; ++i) {
#pragma GCC ivdep
    for (int l = 0; l < kWidth; ++l) term(i, l);
  }
}

template <typename T>
void softmax_columns(Columns a, Columns, Columns out, std::int64_t n) {
  const T* x = static_cast<const T*>(a.data);
  T* y = static_cast<T*>(out.data);
  const std::int64_t sx = a.stride, sy = out.stride;
  const Lanes<T> top = column_maxima(x, sx, n);
  Lanes<double> total = column_sums<T>(n, [&](std::int64_t i, int l) {
    return y[i * sy + l] = exp_falling(x[i * sx + l] - top.at[l]);
  });
  for (int l = 0; l < kWidth; ++l) total.at[l] = 1.0 / total.at[l];
  const Lanes<T> share = rounded<T>(total);
  for_columns(n, [&](std::int64_t i, int l) { y[i * sy + l] *= share.at[l]; });
}

template <typename T>
void log_softmax_columns(Columns a, Columns, Columns out, std::int64_t n) {
  const T* x = static_cast<const T*>(a.data);
  T* y = static_cast<T*>(out.data);
  const std::int64_t sx = a.stride, sy = out.stride;
  const Lanes<T> top = column_maxima(x, sx, n);
  Lanes<double> total = column_sums<T>(
      n, [&](std::int64_t i, int l) { return exp_falling(x[i * sx + l] - top.at[l]); });
  for (int l = 0; l < kWidth; ++l) total.at[l] = log(total.at[l]);
  const Lanes<T> rest = rounded<T>(total);
  for_columns(
      n, [&](std::int64_t i, int l) { y[i * sy + l] = (x[i * sx + l] - top.at[l]) - rest.at[l]; });
}

template <typename T>
void softmax_grad_columns(Columns a, Columns b, Columns out, std::int64_t n) {
  const T* g = static_cast<const T*>(a.data);
  const T* y = static_cast<const T*>(b.data);
  T* o = static_cast<T*>(out.data);
  const std::int64_t sg = a.stride, sy = b.stride, so = out.stride;
  const Lanes<T> total = rounded<T>(
      column_sums<T>(n, [&](std::int64_t i, int l) { return g[i * sg + l] * y[i * sy + l]; }));
  for_columns(n, [&](std::int64_t i, int l) {
    o[i * so + l] = y[i * sy + l] * (g[i * sg + l] - total.at[l]);
  });
}

template <typename T>
void log_softmax_grad_columns(Columns a, Columns b, Columns out, std::int64_t n) {
  const T* g = static_cast<const T*>(a.data);
  const T* y = static_cast<const T*>(b.data);
  T* o = static_cast<T*>(out.data);
  const std::int64_t sg = a.stride, sy = b.stride, so = out.stride;
  const Lanes<T> total =
      rounded<T>(column_sums<T>(n, [&](std::int64_t i, int l) { return g[i * sg + l]; }));
  for_columns(n, [&](std::int64_t i, int l) {
    o[i * so + l] = g[i * sg + l] - exp_falling(y[i * sy + l]) * total.at[l];
  });
}

template <typename T>
double shifted_exp_sum(const void* in, double shift, std::int64_t n) {
  return exp_sum(static_cast<const T*>(in), static_cast<T>(shift), n);
}

template <typename T>
SoftmaxKernels kernels_of() {
  return {{&softmax_row<T>, &softmax_columns<T>},
          {&log_softmax_row<T>, &log_softmax_columns<T>},
          {&softmax_grad_row<T>, &softmax_grad_columns<T>},
          {&log_softmax_grad_row<T>, &log_softmax_grad_columns<T>},
          &shifted_exp_sum<T>};
}

}  // namespace

SoftmaxKernels softmax_kernels(DType dtype) {
  return dtype == DType::Float32 ? kernels_of<float>() : kernels_of<double>();
}

}  // namespace pullback::kernels::PULLBACK_ISA
