// See triangular.h.  A row-major matrix is the transpose of a column-major one.
#include "kernels/linalg/triangular.h"

#include "kernels/linalg/lapack.h"
#include "kernels/linalg/matrices.h"
#include "kernels/linalg/small.h"

namespace pullback::kernels {
namespace {

template <typename T>
void solve_directly(const Matrices<T>& a, const T* matrix, T* b, int rows, int columns, int ldb,
                    const TriangularSystem& s) {
  if (s.left) {
    const small::Triangle<T> triangle{matrix,  a.row_stride, a.column_stride,
                                      s.upper, s.unit,       s.conjugated};
    for (int j = 0; j < columns; ++j) small::solve_triangle(triangle, rows, b + j * ldb, 1);
  } else {
    // X A = B row by row: A^T x = b.
    const small::Triangle<T> triangle{matrix,   a.column_stride, a.row_stride,
                                      !s.upper, s.unit,          s.conjugated};
    for (int i = 0; i < rows; ++i) small::solve_triangle(triangle, columns, b + i, ldb);
  }
}

template <typename T>
void solve_by_blas(const Matrices<T>& a, const T* matrix, T* b, int rows, int columns, int ldb,
                   const TriangularSystem& s) {
  const bool straight = a.has_columns();
  const int lda = std::max(1, static_cast<int>(straight ? a.column_stride : a.row_stride));
  const char trans = straight ? 'N' : s.conjugated ? 'C' : 'T';
  // BLAS has no conjugate of what is not transposed: conj(A) X = B is A conj(X) = conj(B).
  const bool around = straight && s.conjugated && kIsComplex<T>;
  if (around) conjugate_columns(b, rows, columns, ldb);
  lapack::trsm(s.left ? 'L' : 'R', s.upper == straight ? 'U' : 'L', trans, s.unit ? 'U' : 'N', rows,
               columns, matrix, lda, b, ldb);
  if (around) conjugate_columns(b, rows, columns, ldb);
}

}  // namespace

void solve_triangular(const View& a, const View& b, const TriangularSystem& system) {
  visit_matrices(b.dtype, "solve_triangular", [&]<typename T>() {
    const Matrices<T> triangles(a);
    const Matrices<T> rights(b);
    const int n = triangles.rows;
    const int rows = rights.rows;
    const int columns = rights.columns;
    if (rows == 0 || columns == 0) return;
    const double cost = static_cast<double>(n) * rows * columns;
    for_matrices(rights.count, cost, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const auto solve = n <= kDirect ? &solve_directly<T> : &solve_by_blas<T>;
        solve(triangles, triangles.at(i), rights.at(i), rows, columns, rights.leading(), system);
      }
    });
  });
}

}  // namespace pullback::kernels
