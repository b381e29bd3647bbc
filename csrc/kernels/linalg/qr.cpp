// See qr.h.
#include "kernels/linalg/qr.h"

#include "kernels/linalg/lapack.h"
#include "kernels/linalg/matrices.h"
#include "kernels/linalg/small_orthogonal.h"

namespace pullback::kernels {

void householder(const View& a, const View& tau) {
  visit_matrices(a.dtype, "geqrf", [&]<typename T>() {
    const Matrices<T> matrices(a);
    const int m = matrices.rows;
    const int n = matrices.columns;
    if (m == 0 || n == 0) return;
    const double cost = 2.0 * m * n * std::min(m, n);
    for_matrices(matrices.count, cost, [&](std::int64_t begin, std::int64_t end) {
      lapack::Scratch<T> scratch;
      for (std::int64_t i = begin; i < end; ++i) {
        T* const matrix = matrices.at(i);
        T* const factors = vector_at<T>(tau, i);
        if (matrices.is_small()) {
          small::householder(matrix, m, n, matrices.leading(), factors);
        } else {
          lapack::geqrf(m, n, matrix, matrices.leading(), factors, scratch);
        }
      }
    });
  });
}

void householder_product(const View& a, const View& tau) {
  visit_matrices(a.dtype, "orgqr", [&]<typename T>() {
    const Matrices<T> matrices(a);
    const int m = matrices.rows;
    const int n = matrices.columns;
    const auto k = static_cast<int>(tau.sizes[tau.ndim - 1]);
    if (m == 0 || n == 0) return;
    const double cost = 2.0 * m * n * std::max(k, 1);
    for_matrices(matrices.count, cost, [&](std::int64_t begin, std::int64_t end) {
      lapack::Scratch<T> scratch;
      for (std::int64_t i = begin; i < end; ++i) {
        T* const matrix = matrices.at(i);
        const T* const factors = vector_at<T>(tau, i);
        if (matrices.is_small()) {
          small::householder_product(matrix, m, n, k, matrices.leading(), factors);
        } else {
          lapack::orgqr(m, n, k, matrix, matrices.leading(), factors, scratch);
        }
      }
    });
  });
}

}  // namespace pullback::kernels
