// Rows of a normalisation (see normalize_kernels.h).
//
// Sums are made of eight terms in a tree, and of these in lanes of double, in a fixed order.
#include "kernels/nn/normalize_kernels.h"

#include "kernels/dispatch.h"

namespace pullback::kernels::PULLBACK_ISA {
namespace {

constexpr int kLanes = 8;
constexpr int kGroup = 8 * kLanes;

template <typename T>
struct Lanes {
  alignas(64) T at[kLanes];
};

PULLBACK_INLINE double total(Lanes<double>& sums) {
  for (int half = kLanes / 2; half > 0; half /= 2) {
    for (int l = 0; l < half; ++l) sums.at[l] += sums.at[l + half];
  }
  return sums.at[0];
}

// Adds the terms of a group, eight to a lane.
template <typename Term>
PULLBACK_INLINE void add_group(Lanes<double>& sums, std::int64_t i, Term term) {
  for (int l = 0; l < kLanes; ++l) {
    const std::int64_t k = i + l;
    const auto first = (term(k) + term(k + kLanes)) + (term(k + 2 * kLanes) + term(k + 3 * kLanes));
    const auto second = (term(k + 4 * kLanes) + term(k + 5 * kLanes)) +
                        (term(k + 6 * kLanes) + term(k + 7 * kLanes));
    sums.at[l] += static_cast<double>(first + second);
  }
}
template <typename Term>
PULLBACK_INLINE void add_rest(Lanes<double>& sums, std::int64_t i, std::int64_t n, Term term) {
  for (; i + kLanes <= n; i += kLanes) {
    for (int l = 0; l < kLanes; ++l) sums.at[l] += static_cast<double>(term(i + l));
  }
  for (int l = 0; i < n; ++i, ++l) sums.at[l] += static_cast<double>(term(i));
}

// The sum of term(i).
template <typename Term>
PULLBACK_INLINE double sum_of(std::int64_t n, Term term) {
  Lanes<double> sums;
  for (int l = 0; l < kLanes; ++l) sums.at[l] = 0;
  std::int64_t i = 0;
  for (; i + kGroup <= n; i += kGroup) add_group(sums, i, term);
  add_rest(sums, i, n, term);
  return total(sums);
}

// The sums of first(i) and second(i).
template <typename First, typename Second>
PULLBACK_INLINE TwoSums sums_of(std::int64_t n, First first, Second second) {
  Lanes<double> a, b;
  for (int l = 0; l < kLanes; ++l) a.at[l] = b.at[l] = 0;
  std::int64_t i = 0;
  for (; i + kGroup <= n; i += kGroup) {
    add_group(a, i, first);
    add_group(b, i, second);
  }
  add_rest(a, i, n, first);
  add_rest(b, i, n, second);
  return {total(a), total(b)};
}

template <typename T>
double sum(const T* x, std::int64_t n) {
  return sum_of(n, [=](std::int64_t i) { return x[i]; });
}

template <typename T>
double squares(const T* x, T shift, std::int64_t n) {
  return sum_of(n, [=](std::int64_t i) {
    const T d = x[i] - shift;
    return d * d;
  });
}

template <typename T>
void write(T* out, const T* x, T mean, T factor, T shift, std::int64_t n) {
#pragma GCC ivdep
  for (std::int64_t i = 0; i < n; ++i) out[i] = (x[i] - mean) * factor + shift;
}

template <typename T>
void write_columns(T* out, const T* x, T mean, T scale, const T* weight, const T* bias,
                   std::int64_t n) {
  if (weight && bias) {
#pragma GCC ivdep
    for (std::int64_t i = 0; i < n; ++i) out[i] = (x[i] - mean) * scale * weight[i] + bias[i];
  } else if (weight) {
#pragma GCC ivdep
    for (std::int64_t i = 0; i < n; ++i) out[i] = (x[i] - mean) * scale * weight[i];
  } else if (bias) {
#pragma GCC ivdep
    for (std::int64_t i = 0; i < n; ++i) out[i] = (x[i] - mean) * scale + bias[i];
  } else {
#pragma GCC ivdep
    for (std::int64_t i = 0; i < n; ++i) out[i] = (x[i] - mean) * scale;
  }
}

template <typename T>
TwoSums gradient_sums(const T* g, const T* x, T mean, std::int64_t n) {
  return sums_of(
      n, [=](std::int64_t i) { return g[i]; },
      [=](std::int64_t i) { return g[i] * (x[i] - mean); });
}

template <typename T>
TwoSums gradient_sums_columns(const T* g, const T* x, T mean, const T* weight, std::int64_t n) {
  if (!weight) return gradient_sums(g, x, mean, n);
  return sums_of(
      n, [=](std::int64_t i) { return g[i] * weight[i]; },
      [=](std::int64_t i) { return g[i] * weight[i] * (x[i] - mean); });
}

template <typename T>
void gradient(T* dx, const T* g, const T* x, T mean, T factor, T slope, T shift, std::int64_t n) {
#pragma GCC ivdep
  for (std::int64_t i = 0; i < n; ++i) dx[i] = g[i] * factor + ((x[i] - mean) * slope + shift);
}

template <typename T>
void gradient_columns(T* dx, const T* g, const T* x, T mean, T scale, const T* weight, T slope,
                      T shift, T* dw, T* db, std::int64_t n) {
  if (weight) {
#pragma GCC ivdep
    for (std::int64_t i = 0; i < n; ++i) {
      const T d = x[i] - mean;
      dx[i] = g[i] * weight[i] * scale + (d * slope + shift);
      dw[i] += g[i] * (d * scale);
      db[i] += g[i];
    }
    return;
  }
#pragma GCC ivdep
  for (std::int64_t i = 0; i < n; ++i) {
    const T d = x[i] - mean;
    dx[i] = g[i] * scale + (d * slope + shift);
    dw[i] += g[i] * (d * scale);
    db[i] += g[i];
  }
}

template <typename T>
NormalizeRows<T> rows_of() {
  return {&sum<T>,           &squares<T>,         &write<T>,
          &write_columns<T>, &gradient_sums<T>,   &gradient_sums_columns<T>,
          &gradient<T>,      &gradient_columns<T>};
}

}  // namespace

NormalizeKernels normalize_kernels() { return {rows_of<float>(), rows_of<double>()}; }

}  // namespace pullback::kernels::PULLBACK_ISA
