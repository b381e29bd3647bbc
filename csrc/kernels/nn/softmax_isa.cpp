// The inner loops of softmax and its relatives (see softmax_kernels.h).
//
// In rows, maxima and sums go by lanes of a fixed number, so their order is fixed; in columns,
// every lane is a row and sums in double.  The loops are vectorised by the compiler.
#include "kernels/nn/softmax_kernels.h"

#include <cstring>

#include "kernels/dispatch.h"
#include "kernels/reduce/reduce_row.h"
#include "kernels/vecmath.h"

namespace pullback::kernels::PULLBACK_ISA {

namespace {

constexpr int kColumns = kSoftmaxColumns;

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
  if (full < n) {
#pragma GCC ivdep
    for (std::int64_t l = 0; l < kGroup; ++l) {
      last[l] = function(a[n - kGroup + l], b[n - kGroup + l]);
    }
  }
#pragma GCC ivdep
  for (std::int64_t i = 0; i < full; ++i) out[i] = function(a[i], b[i]);
  if (full < n) std::memcpy(out + n - kGroup, last, sizeof(last));
}

// The sum of function(a[i], b[i]), each lane of a group in double by itself.
template <typename T, typename Function>
PULLBACK_INLINE double sum_of(const T* a, const T* b, std::int64_t n, Function function) {
  constexpr int width = kVectorBytes / sizeof(double);
  constexpr int vectors = kGroup / width;
  typedef double V __attribute__((vector_size(kVectorBytes)));
  const std::int64_t full = n / kGroup * kGroup;
  if (full == 0) {
    double total = 0;
    for (std::int64_t i = 0; i < n; ++i) total += static_cast<double>(function(a[i], b[i]));
    return total;
  }
  V total[vectors];
#pragma GCC unroll 8
  for (int v = 0; v < vectors; ++v) total[v] = V{};
  alignas(64) T terms[kGroup];
  const auto add = [&]() __attribute__((always_inline)) {
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) total[v] += widened(terms + v * width, total[v]);
  };
  for (std::int64_t i = 0; i < full; i += kGroup) {
#pragma GCC ivdep
    for (int l = 0; l < kGroup; ++l) terms[l] = function(a[i + l], b[i + l]);
    add();
  }
  if (full < n) {
    const std::int64_t first = n - kGroup;
    const int again = static_cast<int>(full - first);
#pragma GCC ivdep
    for (int l = 0; l < kGroup; ++l) {
      const T term = function(a[first + l], b[first + l]);
      terms[l] = l < again ? T(0) : term;
    }
    add();
  }
#pragma GCC unroll 8
  for (int half = vectors / 2; half > 0; half /= 2) {
#pragma GCC unroll 8
    for (int v = 0; v < half; ++v) total[v] += total[v + half];
  }
  return merged<RowOp::Sum, double, width>(total[0]);
}

template <typename T>
PULLBACK_INLINE double sum(const T* x, std::int64_t n) {
  return sum_of(x, x, n, [](T a, T) { return a; });
}
template <typename T>
double exp_sum(const T* x, T shift, std::int64_t n) {
  return sum_of(x, x, n, [=](T a, T) { return exp_falling(a - shift); });
}

template <typename T>
const T* row(const void* p) {
  return static_cast<const T*>(p);
}
template <typename T>
T* row(void* p) {
  return static_cast<T*>(p);
}

// What every row has one of.
template <typename T>
using OfRows = T[kSoftmaxRows];

template <typename T>
void row_maxima(const SoftmaxRows& rows, std::int64_t n, OfRows<T>& top) {
  for (int r = 0; r < rows.count; ++r) top[r] = maximum(row<T>(rows.a[r]), n);
}

template <typename T>
void softmax_rows(const SoftmaxRows& rows, std::int64_t n) {
  OfRows<T> top;
  row_maxima(rows, n, top);
  for (int r = 0; r < rows.count; ++r) {
    const T* x = row<T>(rows.a[r]);
    map(x, x, row<T>(rows.out[r]), n,
        [shift = top[r]](T each, T) { return exp_falling(each - shift); });
  }
  OfRows<double> total;
  for (int r = 0; r < rows.count; ++r) {
    total[r] = sum(static_cast<const T*>(rows.out[r]), n);
  }
  for (int r = 0; r < rows.count; ++r) {
    T* y = row<T>(rows.out[r]);
    map<T>(y, y, y, n,
           [share = static_cast<T>(1.0 / total[r])](T each, T) { return each * share; });
  }
}

template <typename T>
void log_softmax_rows(const SoftmaxRows& rows, std::int64_t n) {
  OfRows<T> top;
  row_maxima(rows, n, top);
  OfRows<double> total = {1, 1, 1, 1, 1, 1, 1, 1};
  for (int r = 0; r < rows.count; ++r) total[r] = exp_sum(row<T>(rows.a[r]), top[r], n);
#pragma GCC ivdep
  for (double& each : total) each = log(each);
  for (int r = 0; r < rows.count; ++r) {
    const T* x = row<T>(rows.a[r]);
    map(x, x, row<T>(rows.out[r]), n, [shift = top[r], rest = static_cast<T>(total[r])](T each, T) {
      return (each - shift) - rest;
    });
  }
}

template <typename T>
void softmax_grad_rows(const SoftmaxRows& rows, std::int64_t n) {
  OfRows<T> total;
  for (int r = 0; r < rows.count; ++r) {
    total[r] = static_cast<T>(
        sum_of(row<T>(rows.a[r]), row<T>(rows.b[r]), n, [](T u, T v) { return u * v; }));
  }
  for (int r = 0; r < rows.count; ++r) {
    map(row<T>(rows.a[r]), row<T>(rows.b[r]), row<T>(rows.out[r]), n,
        [all = total[r]](T u, T v) { return v * (u - all); });
  }
}

template <typename T>
void log_softmax_grad_rows(const SoftmaxRows& rows, std::int64_t n) {
  OfRows<T> total;
  for (int r = 0; r < rows.count; ++r) {
    total[r] = static_cast<T>(sum(row<T>(rows.a[r]), n));
  }
  for (int r = 0; r < rows.count; ++r) {
    map(row<T>(rows.a[r]), row<T>(rows.b[r]), row<T>(rows.out[r]), n,
        [all = total[r]](T u, T v) { return u - exp_falling(v) * all; });
  }
}

// One value per row of a group.
template <typename T>
struct Lanes {
  alignas(64) T at[kColumns];
};

template <typename T>
Lanes<T> column_maxima(const T* x, std::int64_t stride, std::int64_t n) {
  Lanes<T> top;
  for (int l = 0; l < kColumns; ++l) top.at[l] = x[l];
  for (std::int64_t i = 1; i < n; ++i) {
    const T* v = x + i * stride;
    for (int l = 0; l < kColumns; ++l) {
      top.at[l] = (v[l] > top.at[l]) | (v[l] != v[l]) ? v[l] : top.at[l];
    }
  }
  return top;
}

// The sums over i of term(i, l), which is evaluated once, in order.
template <typename T, typename Term>
Lanes<double> column_sums(std::int64_t n, Term term) {
  Lanes<double> total;
  for (int l = 0; l < kColumns; ++l) total.at[l] = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    Lanes<T> terms;
#pragma GCC ivdep
    for (int l = 0; l < kColumns; ++l) terms.at[l] = term(i, l);
    for (int l = 0; l < kColumns; ++l) total.at[l] += static_cast<double>(terms.at[l]);
  }
  return total;
}

template <typename T>
Lanes<T> rounded(const Lanes<double>& from) {
  Lanes<T> to;
  for (int l = 0; l < kColumns; ++l) to.at[l] = static_cast<T>(from.at[l]);
  return to;
}

template <typename Term>
void for_columns(std::int64_t n, Term term) {
  for (std::int64_t i = 0; i < n; ++i) {
#pragma GCC ivdep
    for (int l = 0; l < kColumns; ++l) term(i, l);
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
  for (int l = 0; l < kColumns; ++l) total.at[l] = 1.0 / total.at[l];
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
  for (int l = 0; l < kColumns; ++l) total.at[l] = log(total.at[l]);
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
void logsumexp_columns(Columns a, void* out, std::int64_t n) {
  const T* x = static_cast<const T*>(a.data);
  const Lanes<T> top = column_maxima(x, a.stride, n);
  Lanes<double> total = column_sums<T>(
      n, [&](std::int64_t i, int l) { return exp_falling(x[i * a.stride + l] - top.at[l]); });
  for (int l = 0; l < kColumns; ++l) {
    total.at[l] = log(total.at[l]) + static_cast<double>(top.at[l]);
  }
  T* y = static_cast<T*>(out);
  for (int l = 0; l < kColumns; ++l) {
    y[l] = absolute(top.at[l]) == kInf<T> ? top.at[l] : static_cast<T>(total.at[l]);
  }
}

template <typename T>
double shifted_exp_sum(const void* in, double shift, std::int64_t n) {
  return exp_sum(static_cast<const T*>(in), static_cast<T>(shift), n);
}

template <typename T>
SoftmaxKernels kernels_of() {
  return {{&softmax_rows<T>, &softmax_columns<T>},
          {&log_softmax_rows<T>, &log_softmax_columns<T>},
          {&softmax_grad_rows<T>, &softmax_grad_columns<T>},
          {&log_softmax_grad_rows<T>, &log_softmax_grad_columns<T>},
          &shifted_exp_sum<T>,
          &logsumexp_columns<T>};
}

}  // namespace

SoftmaxKernels softmax_kernels(DType dtype) {
  return dtype == DType::Float32 ? kernels_of<float>() : kernels_of<double>();
}

}  // namespace pullback::kernels::PULLBACK_ISA
