// See lu.h.
#include "kernels/linalg/lu.h"

#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "kernels/linalg/lane_stacks.h"
#include "kernels/linalg/lapack.h"
#include "kernels/linalg/matrices.h"
#include "kernels/linalg/small.h"

namespace pullback::kernels {
namespace {

template <typename T>
int factor(T* a, int m, int n, int lda, int* pivots) {
  if (m == 0 || n == 0) return 0;
  if (m <= kDirect && n <= kDirect) return small::lu(a, m, n, lda, pivots);
  return lapack::getrf(m, n, a, lda, pivots);
}

template <typename T>
int invert_one(T* a, int n, int lda, lapack::Scratch<T>& scratch) {
  if (n == 0) return 0;
  int pivots[kDirect];
  int* const where = n <= kDirect ? pivots : scratch.integers_at_least(n);
  const int info = factor(a, n, n, lda, where);
  if (info != 0) {
    for (int j = 0; j < n; ++j)
      std::fill_n(a + j * lda, n, T(std::numeric_limits<Real<T>>::quiet_NaN()));
    return info;
  }
  if (n > kDirect) {
    lapack::getri(n, a, lda, where, scratch);
    return 0;
  }
  T factors[kDirect * kDirect];
  for (int j = 0; j < n; ++j) std::copy_n(a + j * lda, n, factors + j * n);
  for (int j = 0; j < n; ++j) {
    std::fill_n(a + j * lda, n, T(0));
    a[j + j * lda] = T(1);
    small::solve_lu(factors, n, n, where, false, false, a + j * lda);
  }
  return 0;
}

// Calls body(u) for the elements on the diagonal; the result is the sign of the permutation.
template <typename T, typename Body>
int walk_diagonal(const Matrices<T>& factors, const View& pivots, std::int64_t index, Body body) {
  const T* const matrix = factors.at(index);
  const int* const swaps = vector_at<int>(pivots, index);
  int sign = 1;
  for (int i = 0; i < factors.rows; ++i) {
    if (swaps[i] != i + 1) sign = -sign;
    body(matrix[i * (factors.row_stride + factors.column_stride)]);
  }
  return sign;
}

}  // namespace

void lu(const View& a, const View& pivots, const View& info) {
  visit_matrices(a.dtype, "lu", [&]<typename T>() {
    const Matrices<T> matrices(a);
    const double cost = static_cast<double>(matrices.rows) * matrices.columns *
                        std::min(matrices.rows, matrices.columns);
    if constexpr (!kIsComplex<T>) {
      if (fit_lanes(matrices.count, matrices.rows, matrices.columns)) {
        for_groups<T>(matrices.count, cost, [&](auto& f, std::int64_t first, int count) {
          f.lu(group_of(matrices, first, count), pivots_of(pivots, first, count),
               numbers_of(info, first, count));
        });
        return;
      }
    }
    for_matrices(matrices.count, cost, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        number_at<int>(info, i) = factor(matrices.at(i), matrices.rows, matrices.columns,
                                         matrices.leading(), vector_at<int>(pivots, i));
      }
    });
  });
}

void solve_lu(const View& factors, const View& pivots, const View& b, bool transposed,
              bool conjugated) {
  visit_matrices(b.dtype, "lu_solve", [&]<typename T>() {
    const Matrices<T> lu(factors);
    const Matrices<T> rights(b);
    const int n = rights.rows;
    const int columns = rights.columns;
    if (n == 0 || columns == 0) return;
    const double cost = static_cast<double>(n) * n * columns;
    if constexpr (!kIsComplex<T>) {
      if (fit_lanes(rights.count, n, columns)) {
        for_groups<T>(rights.count, cost, [&](auto& f, std::int64_t first, int count) {
          f.solve_lu(group_of(lu, first, count), pivots_of(pivots, first, count),
                     group_of(rights, first, count), transposed);
        });
        return;
      }
    }
    for_matrices(rights.count, cost, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const int* const swaps = vector_at<int>(pivots, i);
        T* const right = rights.at(i);
        if (n > kDirect) {
          const char trans = !transposed ? 'N' : conjugated ? 'C' : 'T';
          // As in solve_by_blas of triangular.cpp.
          const bool around = conjugated && !transposed && kIsComplex<T>;
          if (around) conjugate_columns(right, n, columns, rights.leading());
          lapack::getrs(trans, n, columns, lu.at(i), lu.leading(), swaps, right, rights.leading());
          if (around) conjugate_columns(right, n, columns, rights.leading());
          continue;
        }
        for (int j = 0; j < columns; ++j) {
          small::solve_lu(lu.at(i), n, lu.leading(), swaps, transposed, conjugated,
                          right + j * rights.column_stride);
        }
      }
    });
  });
}

void invert(const View& a, const View& info) {
  visit_matrices(a.dtype, "inv", [&]<typename T>() {
    const Matrices<T> matrices(a);
    const int n = matrices.rows;
    if constexpr (!kIsComplex<T>) {
      if (fit_lanes(matrices.count, n, n)) {
        for_groups<T>(matrices.count, 2 * cube(n), [&](auto& f, std::int64_t first, int count) {
          f.invert(group_of(matrices, first, count), numbers_of(info, first, count));
        });
        return;
      }
    }
    for_matrices(matrices.count, 2 * cube(n), [&](std::int64_t begin, std::int64_t end) {
      lapack::Scratch<T> scratch;
      for (std::int64_t i = begin; i < end; ++i) {
        number_at<int>(info, i) = invert_one(matrices.at(i), n, matrices.leading(), scratch);
      }
    });
  });
}

void permutations(const View& out, const View& pivots) {
  visit_or_complex(out.dtype, [&]<typename T>() {
    const Matrices<T> matrices(out);
    const int n = matrices.rows;
    const auto swaps = static_cast<int>(pivots.sizes[pivots.ndim - 1]);
    std::vector<int> rows(static_cast<std::size_t>(n));
    for (std::int64_t i = 0; i < matrices.count; ++i) {
      std::iota(rows.begin(), rows.end(), 0);
      const int* const from = vector_at<int>(pivots, i);
      for (int k = 0; k < swaps; ++k) {
        std::swap(rows[static_cast<std::size_t>(k)], rows[static_cast<std::size_t>(from[k] - 1)]);
      }
      T* const matrix = matrices.at(i);
      for (int k = 0; k < n; ++k) {
        matrix[rows[static_cast<std::size_t>(k)] * matrices.row_stride +
               k * matrices.column_stride] = T(1);
      }
    }
  });
}

void determinants(const View& out, const View& factors, const View& pivots) {
  visit_matrices(out.dtype, "det", [&]<typename T>() {
    const Matrices<T> matrices(factors);
    for (std::int64_t i = 0; i < matrices.count; ++i) {
      T whole(1);
      const int sign = walk_diagonal(matrices, pivots, i, [&](T u) { whole = product(whole, u); });
      number_at<T>(out, i) = sign < 0 ? -whole : whole;
    }
  });
}

void log_determinants(const View& sign, const View& log, const View& factors, const View& pivots) {
  visit_matrices(sign.dtype, "slogdet", [&]<typename T>() {
    const Matrices<T> matrices(factors);
    for (std::int64_t i = 0; i < matrices.count; ++i) {
      Real<T> sum(0);
      T signs(1);
      const int swaps = walk_diagonal(matrices, pivots, i, [&](T u) {
        const Real<T> size = std::abs(u);
        sum += std::log(size);
        if constexpr (kIsComplex<T>) {
          signs = size == Real<T>(0) ? T(0) : product(signs, u / size);
        } else {
          signs *= u > T(0) ? T(1) : u < T(0) ? T(-1) : T(0);
        }
      });
      number_at<T>(sign, i) = swaps < 0 ? -signs : signs;
      number_at<Real<T>>(log, i) = sum;
    }
  });
}

bool any_singular(const View& factors) {
  return visit_matrices(factors.dtype, "det", [&]<typename T>() {
    const Matrices<T> matrices(factors);
    for (std::int64_t i = 0; i < matrices.count; ++i) {
      using R = Real<T>;
      R least = std::numeric_limits<R>::infinity();
      R greatest(0);
      for (int k = 0; k < matrices.rows; ++k) {
        const R u = std::abs(matrices.at(i)[k * (matrices.row_stride + matrices.column_stride)]);
        least = std::min(least, u);
        greatest = std::max(greatest, u);
      }
      if (least <= greatest * static_cast<R>(matrices.rows) * std::numeric_limits<R>::epsilon()) {
        return true;
      }
    }
    return false;
  });
}

}  // namespace pullback::kernels
