// See eigen.h.
#include "kernels/linalg/eigen.h"

#include <cmath>

#include "kernels/linalg/lapack.h"
#include "kernels/linalg/matrices.h"
#include "kernels/linalg/small_orthogonal.h"

namespace pullback::kernels {
namespace {

// LAPACK may not come back from what is not finite.
template <typename T>
bool all_finite(const T* a, int m, int n, int lda) {
  T sum(0);
  for (int j = 0; j < n; ++j) {
    for (int i = 0; i < m; ++i) sum += a[i + j * lda] * T(0);
  }
  return sum == T(0);
}

template <typename T>
bool half_is_finite(const T* a, int n, int lda, bool upper) {
  T sum(0);
  for (int j = 0; j < n; ++j) {
    const int begin = upper ? 0 : j;
    const int end = upper ? j + 1 : n;
    for (int i = begin; i < end; ++i) sum += a[i + j * lda] * T(0);
  }
  return sum == T(0);
}

// Up to this many rows rotations take less than LAPACK.
constexpr int kRotated = 8;

template <typename T>
int eigh_of_one(T* a, int n, int lda, T* values, bool upper, bool vectors,
                lapack::Scratch<T>& scratch) {
  if (n == 0) return 0;
  if (!half_is_finite(a, n, lda, upper)) return std::max(n - 1, 1);
  if (n > kRotated) {
    return lapack::syevd(vectors, upper ? 'U' : 'L', n, a, lda, values, scratch);
  }
  for (int j = 0; j < n; ++j) {
    for (int i = j + 1; i < n; ++i) {
      T& below = a[i + j * lda];
      T& above = a[j + i * lda];
      (upper ? below : above) = upper ? above : below;
    }
  }
  return small::jacobi<T, kRotated>(a, n, lda, values, vectors) ? 0 : n;
}

}  // namespace

void eigh(const View& a, const View& values, const View& info, bool upper, bool vectors) {
  visit_floating(a.dtype, "eigh", [&]<typename T>() {
    const Matrices<T> matrices(a);
    const int n = matrices.rows;
    const int lda = matrices.leading();
    for_matrices(matrices.count, 8 * cube(n), [&](std::int64_t begin, std::int64_t end) {
      lapack::Scratch<T> scratch;
      for (std::int64_t i = begin; i < end; ++i) {
        number_at<int>(info, i) =
            eigh_of_one(matrices.at(i), n, lda, vector_at<T>(values, i), upper, vectors, scratch);
      }
    });
  });
}

void svd(const View& a, const View& values, const View& u, const View& vh, const View& info,
         bool vectors) {
  visit_floating(a.dtype, "svd", [&]<typename T>() {
    const Matrices<T> matrices(a);
    const Matrices<T> left(u);
    const Matrices<T> right(vh);
    const int m = matrices.rows;
    const int n = matrices.columns;
    const char job = !vectors ? 'N' : left.columns == m && right.rows == n ? 'A' : 'S';
    const double cost = 8.0 * m * n * std::min(m, n);
    for_matrices(matrices.count, cost, [&](std::int64_t begin, std::int64_t end) {
      lapack::Scratch<T> scratch;
      for (std::int64_t i = begin; i < end; ++i) {
        T* const matrix = matrices.at(i);
        int& failed = number_at<int>(info, i);
        failed = 0;
        if (m == 0 || n == 0) continue;
        failed =
            all_finite(matrix, m, n, matrices.leading())
                ? lapack::gesdd(job, m, n, matrix, matrices.leading(), vector_at<T>(values, i),
                                left.at(i), left.leading(), right.at(i), right.leading(), scratch)
                : -4;
      }
    });
  });
}

}  // namespace pullback::kernels
