// See ldl.h.
#include "kernels/linalg/ldl.h"

#include "kernels/linalg/lapack.h"
#include "kernels/linalg/matrices.h"

namespace pullback::kernels {

void ldl(const View& a, const View& pivots, const View& info, bool hermitian) {
  visit_matrices(a.dtype, "ldl_factor", [&]<typename T>() {
    const Matrices<T> matrices(a);
    const int n = matrices.rows;
    for_matrices(matrices.count, cube(n), [&](std::int64_t begin, std::int64_t end) {
      lapack::Scratch<T> scratch;
      for (std::int64_t i = begin; i < end; ++i) {
        number_at<int>(info, i) =
            n == 0 ? 0
                   : lapack::sytrf(hermitian, n, matrices.at(i), matrices.leading(),
                                   vector_at<int>(pivots, i), scratch);
      }
    });
  });
}

void solve_ldl(const View& factors, const View& pivots, const View& b, bool hermitian) {
  visit_matrices(b.dtype, "ldl_solve", [&]<typename T>() {
    const Matrices<T> matrices(factors);
    const Matrices<T> rights(b);
    const int n = rights.rows;
    const int columns = rights.columns;
    if (n == 0 || columns == 0) return;
    const double cost = static_cast<double>(n) * n * columns;
    for_matrices(rights.count, cost, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        lapack::sytrs(hermitian, n, columns, matrices.at(i), matrices.leading(),
                      vector_at<int>(pivots, i), rights.at(i), rights.leading());
      }
    });
  });
}

}  // namespace pullback::kernels
