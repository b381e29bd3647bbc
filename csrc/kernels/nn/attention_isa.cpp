// Rows of a block of attention (see attention_kernels.h).
//
// Sums run in lanes that are added in a fixed order; what is behind the last full group of lanes is
// filled up with elements that change nothing.
#include "kernels/nn/attention_kernels.h"

#include "kernels/dispatch.h"
#include "kernels/vecmath.h"

namespace pullback::kernels::PULLBACK_ISA {
namespace {

constexpr int kLanes = 16;

template <typename T>
struct Group {
  alignas(64) T at[kLanes];
};

// The lanes added as a tree.
template <typename T>
double total(Group<T>& g) {
#pragma GCC unroll 8
  for (int half = kLanes / 2; half >= 4; half /= 2) {
    for (int l = 0; l < half; ++l) g.at[l] += g.at[l + half];
  }
  return static_cast<double>(g.at[0] + g.at[2]) + static_cast<double>(g.at[1] + g.at[3]);
}

// The first n < kLanes elements, whose number is a condition so that the loops are masked vectors.
template <typename T>
PULLBACK_INLINE void copy_part(Group<T>& to, const T* from, std::int64_t n, T rest) {
  const int part = static_cast<int>(n);
  for (int l = 0; l < kLanes; ++l) to.at[l] = l < part ? from[l] : rest;
}
template <typename T>
PULLBACK_INLINE void store_part(T* to, const Group<T>& from, std::int64_t n) {
  const int part = static_cast<int>(n);
#pragma GCC ivdep
  for (int l = 0; l < kLanes; ++l) {
    if (l < part) to[l] = from.at[l];
  }
}

template <typename T, bool biased>
PULLBACK_INLINE T score(T x, T scale, T bias) {
  return biased ? x * scale + bias : x * scale;
}

template <typename T, bool biased>
T top_of(const T* x, const T* bias, T scale, std::int64_t n) {
  Group<T> tops;
  for (int l = 0; l < kLanes; ++l) tops.at[l] = -kInf<T>;
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (int l = 0; l < kLanes; ++l) {
      const T s = score<T, biased>(x[i + l], scale, biased ? bias[i + l] : T(0));
      tops.at[l] = s > tops.at[l] ? s : tops.at[l];
    }
  }
  if (i < n) {
    const int part = static_cast<int>(n - i);
    Group<T> values, biases;
    copy_part(values, x + i, n - i, T(0));
    if constexpr (biased) copy_part(biases, bias + i, n - i, T(0));
    for (int l = 0; l < kLanes; ++l) {
      const T s = score<T, biased>(values.at[l], scale, biased ? biases.at[l] : T(0));
      tops.at[l] = (s > tops.at[l]) & (l < part) ? s : tops.at[l];
    }
  }
#pragma GCC unroll 8
  for (int half = kLanes / 2; half > 0; half /= 2) {
    for (int l = 0; l < half; ++l) {
      tops.at[l] = tops.at[l + half] > tops.at[l] ? tops.at[l + half] : tops.at[l];
    }
  }
  return tops.at[0];
}
template <typename T>
T top(const T* x, const T* bias, T scale, std::int64_t n) {
  return bias ? top_of<T, true>(x, bias, scale, n) : top_of<T, false>(x, bias, scale, n);
}

template <typename T, bool biased>
double exponentials_of(T* x, const T* bias, T scale, T shift, std::int64_t n) {
  Group<T> sums;
  for (int l = 0; l < kLanes; ++l) sums.at[l] = 0;
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
#pragma GCC ivdep
    for (int l = 0; l < kLanes; ++l) {
      const T b = biased ? bias[i + l] : T(0);
      const T e = exp_falling(score<T, biased>(x[i + l], scale, b) - shift);
      x[i + l] = e;
      sums.at[l] += e;
    }
  }
  if (i < n) {
    Group<T> values, biases;
    copy_part(values, x + i, n - i, T(0));
    if constexpr (biased) copy_part(biases, bias + i, n - i, T(0));
#pragma GCC ivdep
    for (int l = 0; l < kLanes; ++l) {
      const T b = biased ? biases.at[l] : T(0);
      values.at[l] = exp_falling(score<T, biased>(values.at[l], scale, b) - shift);
    }
    store_part(x + i, values, n - i);
    const int part = static_cast<int>(n - i);
    for (int l = 0; l < kLanes; ++l) sums.at[l] += l < part ? values.at[l] : T(0);
  }
  return total(sums);
}
template <typename T>
double exponentials(T* x, const T* bias, T scale, T shift, std::int64_t n) {
  return bias ? exponentials_of<T, true>(x, bias, scale, shift, n)
              : exponentials_of<T, false>(x, bias, scale, shift, n);
}

template <typename T>
void slopes(T* x, const T* p, T mean, T scale, std::int64_t n) {
#pragma GCC ivdep
  for (std::int64_t i = 0; i < n; ++i) x[i] = p[i] * (x[i] - mean) * scale;
}
template <typename T>
void multiply(T* x, const T* by, std::int64_t n) {
#pragma GCC ivdep
  for (std::int64_t i = 0; i < n; ++i) x[i] *= by[i];
}
template <typename T>
void multiply_by(T* x, T by, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) x[i] *= by;
}

template <typename T>
double dot(const T* a, const T* b, std::int64_t n) {
  Group<T> sums;
  for (int l = 0; l < kLanes; ++l) sums.at[l] = 0;
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (int l = 0; l < kLanes; ++l) sums.at[l] += a[i + l] * b[i + l];
  }
  if (i < n) {
    Group<T> u, v;
    copy_part(u, a + i, n - i, T(0));
    copy_part(v, b + i, n - i, T(0));
    for (int l = 0; l < kLanes; ++l) sums.at[l] += u.at[l] * v.at[l];
  }
  return total(sums);
}

template <typename T>
void bias_of(T* bias, const bool* allowed, std::int64_t n) {
  const auto* from = reinterpret_cast<const std::uint8_t*>(allowed);
#pragma GCC ivdep
  for (std::int64_t i = 0; i < n; ++i) bias[i] = from[i] ? T(0) : -kInf<T>;
}

template <typename T>
void kept(T* to, const std::uint8_t* bits, T share, std::int64_t n) {
  const T values[2] = {T(0), share};
  for (std::int64_t i = 0; i < n; ++i) to[i] = values[bits[i / 8] >> (i % 8) & 1];
}

template <typename T>
AttentionRows<T> rows_of() {
  return {&top<T>,         &exponentials<T>, &slopes<T>,  &multiply<T>,
          &multiply_by<T>, &dot<T>,          &bias_of<T>, &kept<T>};
}

}  // namespace

AttentionKernels attention_kernels() { return {rows_of<float>(), rows_of<double>()}; }

}  // namespace pullback::kernels::PULLBACK_ISA
