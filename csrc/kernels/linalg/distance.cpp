// See distance.h.  One row of x1 at a time; sums over a row run in kLanes partial sums, so that the
// compiler can keep them in one vector.
#include "kernels/linalg/distance.h"

#include <algorithm>
#include <cmath>

#include "kernels/rows.h"

namespace pullback::kernels {
namespace {

constexpr int kLanes = 8;
constexpr std::int64_t kGrain = 16384;

template <typename T, typename Term>
T sum_terms(const T* a, const T* b, std::int64_t n, Term term) {
  T lanes[kLanes] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (int k = 0; k < kLanes; ++k) lanes[k] += term(std::abs(a[i + k] - b[i + k]));
  }
  for (int k = 0; i < n; ++i, ++k) lanes[k] += term(std::abs(a[i] - b[i]));
  for (int half = kLanes / 2; half > 0; half /= 2) {
    for (int k = 0; k < half; ++k) lanes[k] += lanes[k + half];
  }
  return lanes[0];
}

template <typename T>
T greatest(const T* a, const T* b, std::int64_t n) {
  T best = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    const T d = std::abs(a[i] - b[i]);
    if (d > best || std::isnan(d)) best = d;
    if (std::isnan(best)) break;
  }
  return best;
}

template <typename T>
T distance(const T* a, const T* b, std::int64_t n, double p) {
  if (p == 2) return std::sqrt(sum_terms(a, b, n, [](T d) { return d * d; }));
  if (p == 1) return sum_terms(a, b, n, [](T d) { return d; });
  if (p == 0) return sum_terms(a, b, n, [](T d) { return d != 0 ? T(1) : T(0); });
  if (std::isinf(p)) return greatest(a, b, n);
  const T power = static_cast<T>(p);
  return std::pow(sum_terms(a, b, n, [power](T d) { return std::pow(d, power); }), 1 / power);
}

template <typename T>
void run(T* out, const T* x1, const T* x2, const PairSizes& s, double p) {
  const std::int64_t work = std::max<std::int64_t>(s.rows2 * s.width, 1);
  parallel_for(s.batch * s.rows1, std::max<std::int64_t>(kGrain / work, 1),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t row = begin; row < end; ++row) {
                   const T* others = x2 + row / s.rows1 * s.rows2 * s.width;
                   for (std::int64_t j = 0; j < s.rows2; ++j) {
                     out[row * s.rows2 + j] =
                         distance(x1 + row * s.width, others + j * s.width, s.width, p);
                   }
                 }
               });
}

}  // namespace

void pair_distances(DType dtype, char* out, const char* x1, const char* x2, const PairSizes& sizes,
                    double p) {
  visit_floating(dtype, "cdist", [&]<typename T>() {
    run(reinterpret_cast<T*>(out), reinterpret_cast<const T*>(x1), reinterpret_cast<const T*>(x2),
        sizes, p);
  });
}

}  // namespace pullback::kernels
