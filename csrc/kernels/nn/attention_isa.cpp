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

template <typename T>
PULLBACK_INLINE void copy_part(Group<T>& to, const T* from, std::int64_t n, T rest) {
  for (int l = 0; l < kLanes; ++l) to.at[l] = rest;
  for (std::int64_t l = 0; l < n; ++l) to.at[l] = from[l];
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
  for (; i < n; ++i) {
    const T s = score<T, biased>(x[i], scale, biased ? bias[i] : T(0));
    tops.at[0] = s > tops.at[0] ? s : tops.at[0];
  }
  T result = tops.at[0];
  for (int l = 1; l < kLanes; ++l) result = tops.at[l] > result ? tops.at[l] : result;
  return result;
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
    for (std::int64_t l = 0; l < n - i; ++l) {
      x[i + l] = values.at[l];
      sums.at[l] += values.at[l];
    }
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
  for (int l = 0; i < n; ++i, ++l) sums.at[l] += a[i] * b[i];
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
