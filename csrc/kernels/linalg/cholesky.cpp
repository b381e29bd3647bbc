// See cholesky.h.
#include "kernels/linalg/cholesky.h"

#include "kernels/linalg/lane_stacks.h"
#include "kernels/linalg/lapack.h"
#include "kernels/linalg/matrices.h"
#include "kernels/linalg/small.h"

namespace pullback::kernels {
namespace {

template <typename T>
void mirror(T* a, int n, int lda) {
  for (int j = 0; j < n; ++j) {
    for (int i = j + 1; i < n; ++i) a[j + i * lda] = conjugate(a[i + j * lda]);
  }
}

// The factor of either half; the other half is zero.
template <typename T>
int factor(T* a, int n, int lda, bool upper) {
  int info = 0;
  if (n > kDirect) {
    info = lapack::potrf(upper ? 'U' : 'L', n, a, lda);
    // Not every LAPACK looks for NaN.
    for (int j = 0; info == 0 && j < n; ++j) {
      if (!(real_part(a[j + j * lda]) > Real<T>(0))) info = j + 1;
    }
  } else if (upper) {
    for (int j = 0; j < n; ++j) {
      for (int i = 0; i < j; ++i) a[j + i * lda] = conjugate(a[i + j * lda]);
    }
    info = small::cholesky(a, n, lda);
    mirror(a, n, lda);
  } else {
    info = small::cholesky(a, n, lda);
  }
  for (int j = 0; j < n; ++j) {
    T* const column = a + j * lda;
    const int begin = upper ? j + 1 : 0;
    const int end = upper ? n : j;
    for (int i = begin; i < end; ++i) column[i] = T(0);
  }
  return info;
}

// LAPACK reads no imaginary parts there.  L L^H stays what it is when a column turns, U^H U when a
// row does.
template <typename T>
void make_diagonal_real(T* a, int n, int lda, bool upper) {
  for (int j = 0; j < n; ++j) {
    const T diagonal = a[j + j * lda];
    if (diagonal.imag() == Real<T>(0)) continue;
    const T back = conjugate(diagonal) / std::abs(diagonal);
    for (int i = 0; i < n; ++i) {
      T& element = upper ? a[j + i * lda] : a[i + j * lda];
      element = product(element, back);
    }
    a[j + j * lda] = std::abs(diagonal);
  }
}

template <typename T>
int invert(T* a, int n, int lda, bool upper) {
  for (int i = 0; i < n; ++i) {
    if (a[i + i * lda] == T(0)) return i + 1;
  }
  if constexpr (kIsComplex<T>) make_diagonal_real(a, n, lda, upper);
  lapack::potri(upper ? 'U' : 'L', n, a, lda);
  for (int j = 0; j < n; ++j) {
    for (int i = j + 1; i < n; ++i) {
      T& below = a[i + j * lda];
      T& above = a[j + i * lda];
      (upper ? below : above) = conjugate(upper ? above : below);
    }
  }
  return 0;
}

}  // namespace

void cholesky(const View& a, const View& info, bool upper) {
  visit_matrices(a.dtype, "cholesky", [&]<typename T>() {
    const Matrices<T> matrices(a);
    const int n = matrices.rows;
    if constexpr (!kIsComplex<T>) {
      if (fit_lanes(matrices.count, n, n)) {
        for_groups<T>(matrices.count, cube(n), [&](auto& f, std::int64_t first, int count) {
          f.cholesky(group_of(matrices, first, count), numbers_of(info, first, count), upper);
        });
        return;
      }
    }
    for_matrices(matrices.count, cube(n), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        number_at<int>(info, i) = factor(matrices.at(i), n, matrices.leading(), upper);
      }
    });
  });
}

void cholesky_inverse(const View& factor, const View& info, bool upper) {
  visit_matrices(factor.dtype, "cholesky_inverse", [&]<typename T>() {
    const Matrices<T> matrices(factor);
    const int n = matrices.rows;
    for_matrices(matrices.count, cube(n), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        number_at<int>(info, i) = invert(matrices.at(i), n, matrices.leading(), upper);
      }
    });
  });
}

}  // namespace pullback::kernels
