// See eigen.h.
#include "kernels/linalg/eigen.h"

#include <cmath>
#include <limits>
#include <vector>

#include "kernels/linalg/lane_stacks.h"
#include "kernels/linalg/lapack.h"
#include "kernels/linalg/matrices.h"
#include "kernels/linalg/small_orthogonal.h"

namespace pullback::kernels {
namespace {

// What LAPACK says of its argument A.
constexpr int kNotFinite = -4;

// LAPACK may not come back from what is not finite.
template <typename T>
bool all_finite(const T* a, int m, int n, int lda) {
  Real<T> sum(0);
  for (int j = 0; j < n; ++j) {
    for (int i = 0; i < m; ++i) sum += times_zero(a[i + j * lda]);
  }
  return sum == Real<T>(0);
}

template <typename T>
bool half_is_finite(const T* a, int n, int lda, bool upper) {
  Real<T> sum(0);
  for (int j = 0; j < n; ++j) {
    const int begin = upper ? 0 : j;
    const int end = upper ? j + 1 : n;
    for (int i = begin; i < end; ++i) sum += times_zero(a[i + j * lda]);
  }
  return sum == Real<T>(0);
}

// Up to this many rows rotations of complex matrices take less than LAPACK.
constexpr int kRotated = 8;

// Real vectors are settled: the first great element, at least kGreat of the greatest, is positive.
// So they do not depend on how often they turned, nor on how many matrices are in a stack.
constexpr double kGreat = 0.6;
template <typename T>
bool is_turned(const T* x, int n, std::ptrdiff_t step) {
  T greatest(0);
  for (int i = 0; i < n; ++i) greatest = std::max(greatest, std::abs(x[i * step]));
  for (int i = 0; i < n; ++i) {
    if (std::abs(x[i * step]) >= T(kGreat) * greatest) return x[i * step] < T(0);
  }
  return false;
}
template <typename T>
void turn(T* x, int n, std::ptrdiff_t step) {
  for (int i = 0; i < n; ++i) x[i * step] = -x[i * step];
}
template <typename T>
void settle(T* vectors, int n, std::ptrdiff_t lda) {
  for (int j = 0; j < n; ++j) {
    if (is_turned(vectors + j * lda, n, 1)) turn(vectors + j * lda, n, 1);
  }
}
// Left vectors in the k columns of u, right ones in the rows of vh; the longer of the two decides.
template <typename T>
void settle(T* u, std::ptrdiff_t ldu, int m, T* vh, std::ptrdiff_t ldvh, int n, int k) {
  for (int j = 0; j < k; ++j) {
    if (!(m < n ? is_turned(vh + j, n, ldvh) : is_turned(u + j * ldu, m, 1))) continue;
    turn(u + j * ldu, m, 1);
    turn(vh + j, n, ldvh);
  }
}

template <typename T>
int eigh_of_one(T* a, int n, int lda, Real<T>* values, bool upper, bool vectors,
                lapack::Scratch<T>& scratch) {
  if (n == 0) return 0;
  if (!half_is_finite(a, n, lda, upper)) return std::max(n - 1, 1);
  if constexpr (kIsComplex<T>) {
    if (n <= kRotated) {
      for (int j = 0; j < n; ++j) {
        a[j + j * lda] = real_part(a[j + j * lda]);
        for (int i = j + 1; i < n; ++i) {
          T& below = a[i + j * lda];
          T& above = a[j + i * lda];
          (upper ? below : above) = conjugate(upper ? above : below);
        }
      }
      return small::jacobi<kRotated>(a, n, lda, values, vectors) ? 0 : n;
    }
  }
  const int info = lapack::syevd(vectors, upper ? 'U' : 'L', n, a, lda, values, scratch);
  if constexpr (!kIsComplex<T>) {
    if (vectors && n <= kLaneRows) settle(a, n, lda);
  }
  return info;
}

// The eigenvalues of a real matrix as LAPACK has them: the vectors of a conjugate pair are the real
// and the imaginary part of the first.
template <typename R>
void join_parts(int n, const R* real, const R* imaginary, const R* right, std::complex<R>* values,
                std::complex<R>* vectors, int ldv) {
  for (int j = 0; j < n; ++j) values[j] = {real[j], imaginary[j]};
  if (vectors == nullptr) return;
  for (int j = 0; j < n; ++j) {
    const bool paired = imaginary[j] != R(0) && j + 1 < n;
    for (int i = 0; i < n; ++i) {
      const R re = right[i + j * n];
      const R im = paired ? right[i + (j + 1) * n] : R(0);
      vectors[i + j * ldv] = {re, im};
      if (paired) vectors[i + (j + 1) * ldv] = {re, -im};
    }
    if (paired) ++j;
  }
}

// `real`: room for the matrix, the vectors and the values of a matrix without imaginary parts.
template <typename T>
int eig_of_one(const T* a, int n, int lda, T* values, T* vectors, int ldv,
               std::vector<Real<T>>& real, lapack::Scratch<Real<T>>& scratch) {
  const auto size = static_cast<std::size_t>(n);
  real.resize(2 * size * size + 2 * size);
  Real<T>* const matrix = real.data();
  Real<T>* const right = matrix + size * size;
  Real<T>* const parts = right + size * size;
  for (int j = 0; j < n; ++j) {
    for (int i = 0; i < n; ++i) matrix[i + j * n] = real_part(a[i + j * lda]);
  }
  const int info =
      lapack::geev(vectors != nullptr, n, matrix, n, parts, parts + n, right, n, scratch);
  join_parts(n, parts, parts + n, right, values, vectors, ldv);
  return info;
}

}  // namespace

void eigh(const View& a, const View& values, const View& info, bool upper, bool vectors) {
  visit_matrices(a.dtype, "eigh", [&]<typename T>() {
    const Matrices<T> matrices(a);
    const int n = matrices.rows;
    const int lda = matrices.leading();
    if constexpr (!kIsComplex<T>) {
      if (fit_lanes(matrices.count, n, n)) {
        for_groups<T>(matrices.count, 8 * cube(n), [&](auto& f, std::int64_t first, int count) {
          f.eigh(group_of(matrices, first, count), vectors_of<T>(values, first, count, n),
                 numbers_of(info, first, count), upper, vectors);
          for (int k = 0; vectors && k < count; ++k) settle(matrices.at(first + k), n, lda);
        });
        return;
      }
    }
    for_matrices(matrices.count, 8 * cube(n), [&](std::int64_t begin, std::int64_t end) {
      lapack::Scratch<T> scratch;
      for (std::int64_t i = begin; i < end; ++i) {
        number_at<int>(info, i) = eigh_of_one(matrices.at(i), n, lda, vector_at<Real<T>>(values, i),
                                              upper, vectors, scratch);
      }
    });
  });
}

namespace {

// Singular values of a group by lanes.h, in copies of the matrices, which it wants tall.
template <typename T>
void svd_of_group(const LaneFunctions<T>& lanes, const LaneMatrices<T>& a,
                  const LaneMatrices<T>& values, const LaneMatrices<T>& u,
                  const LaneMatrices<T>& vh, const LaneIntegers& info, bool vectors) {
  constexpr int kRoom = kLaneRows * kLaneRows;
  T copies[kMostLanesOf<T> * kRoom];
  T others[kMostLanesOf<T> * kRoom];
  const bool wide = a.rows < a.columns;
  const int m = wide ? a.columns : a.rows;
  const int n = wide ? a.rows : a.columns;
  LaneMatrices<T> tall{{}, a.count, m, n, m};
  LaneMatrices<T> right{{}, a.count, n, n, n};
  bool is_finite[kMostLanes];
  for (int k = 0; k < a.count; ++k) {
    tall.at[k] = copies + k * kRoom;
    right.at[k] = others + k * kRoom;
    is_finite[k] = all_finite(a.at[k], a.rows, a.columns, static_cast<int>(a.leading));
    for (int j = 0; j < n; ++j) {
      for (int i = 0; i < m; ++i) {
        const T element = a.at[k][wide ? j + i * a.leading : i + j * a.leading];
        tall.at[k][i + j * m] = is_finite[k] ? element : T(0);
      }
    }
  }
  lanes.svd(tall, values, right, info, vectors);
  for (int k = 0; k < a.count; ++k) {
    if (!is_finite[k]) *info.at[k] = kNotFinite;
  }
  if (!vectors) return;
  for (int k = 0; k < a.count; ++k) {
    const T* const left_from = wide ? right.at[k] : tall.at[k];
    const T* const right_from = wide ? tall.at[k] : right.at[k];
    for (int j = 0; j < n; ++j) {
      std::copy_n(left_from + j * a.rows, a.rows, u.at[k] + j * u.leading);
      for (int i = 0; i < a.columns; ++i) {
        vh.at[k][j + i * vh.leading] = right_from[i + j * a.columns];
      }
    }
    settle(u.at[k], u.leading, a.rows, vh.at[k], vh.leading, a.columns, n);
  }
}

template <typename T>
int svd_of_one(char job, int m, int n, T* a, int lda, Real<T>* values, T* u, int ldu, T* vh,
               int ldvh, lapack::Scratch<T>& scratch) {
  if (!all_finite(a, m, n, lda)) return kNotFinite;
  const int info = lapack::gesdd(job, m, n, a, lda, values, u, ldu, vh, ldvh, scratch);
  if constexpr (!kIsComplex<T>) {
    const int k = std::min(m, n);
    const bool settled = std::max(m, n) <= kLaneRows && (job == 'S' || (job == 'A' && m == n));
    if (settled) settle(u, ldu, m, vh, ldvh, n, k);
  }
  return info;
}

}  // namespace

void svd(const View& a, const View& values, const View& u, const View& vh, const View& info,
         bool vectors) {
  visit_matrices(a.dtype, "svd", [&]<typename T>() {
    const Matrices<T> matrices(a);
    const Matrices<T> left(u);
    const Matrices<T> right(vh);
    const int m = matrices.rows;
    const int n = matrices.columns;
    const char job = !vectors ? 'N' : left.columns == m && right.rows == n ? 'A' : 'S';
    const double cost = 8.0 * m * n * std::min(m, n);
    const auto by_lapack = [&](std::int64_t i, lapack::Scratch<T>& scratch) {
      return svd_of_one(job, m, n, matrices.at(i), matrices.leading(),
                        vector_at<Real<T>>(values, i), left.at(i), left.leading(), right.at(i),
                        right.leading(), scratch);
    };
    if constexpr (!kIsComplex<T>) {
      if (fit_lanes(matrices.count, m, n) && (job != 'A' || m == n)) {
        for_groups<T>(matrices.count, cost, [&](auto& f, std::int64_t first, int count) {
          svd_of_group(f, group_of(matrices, first, count),
                       vectors_of<T>(values, first, count, std::min(m, n)),
                       group_of(left, first, count), group_of(right, first, count),
                       numbers_of(info, first, count), vectors);
          lapack::Scratch<T> scratch;
          for (std::int64_t i = first; i < first + count; ++i) {
            int& failed = number_at<int>(info, i);
            if (failed != 0) failed = by_lapack(i, scratch);
          }
        });
        return;
      }
    }
    for_matrices(matrices.count, cost, [&](std::int64_t begin, std::int64_t end) {
      lapack::Scratch<T> scratch;
      for (std::int64_t i = begin; i < end; ++i) {
        number_at<int>(info, i) = m == 0 || n == 0 ? 0 : by_lapack(i, scratch);
      }
    });
  });
}

void eig(const View& a, const View& values, const View& vectors, const View& info, bool is_real,
         bool wants_vectors) {
  const auto of_complex = [&]<typename T>() {
    const Matrices<T> matrices(a);
    const Matrices<T> right(vectors);
    const int n = matrices.rows;
    const int lda = matrices.leading();
    for_matrices(matrices.count, 25 * cube(n), [&](std::int64_t begin, std::int64_t end) {
      lapack::Scratch<T> scratch;
      lapack::Scratch<Real<T>> of_parts;
      std::vector<Real<T>> real;
      for (std::int64_t i = begin; i < end; ++i) {
        int& failed = number_at<int>(info, i);
        failed = 0;
        if (n == 0) continue;
        T* const matrix = matrices.at(i);
        T* const found = vector_at<T>(values, i);
        T* const beside = wants_vectors ? right.at(i) : nullptr;
        if (!all_finite(matrix, n, n, lda)) {
          const Real<T> none = std::numeric_limits<Real<T>>::quiet_NaN();
          std::fill_n(found, n, T(none, none));
          failed = wants_vectors ? -1 : 0;
        } else if (is_real) {
          failed = eig_of_one(matrix, n, lda, found, beside, right.leading(), real, of_parts);
        } else {
          T unused(0);
          failed = lapack::geev(wants_vectors, n, matrix, lda, found, static_cast<T*>(nullptr),
                                wants_vectors ? beside : &unused, right.leading(), scratch);
        }
      }
    });
  };
  if (a.dtype == DType::Complex64) return of_complex.template operator()<std::complex<float>>();
  check(a.dtype == DType::Complex128, "eig: not implemented for ", name(a.dtype));
  of_complex.template operator()<std::complex<double>>();
}

}  // namespace pullback::kernels
