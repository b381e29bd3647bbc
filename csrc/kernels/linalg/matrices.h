// Stacks of matrices in raw memory, as the kernels of linear algebra walk them.
//
// The last two dimensions of a view are the matrix, those before them the stack, in any strides.
// Matrices of up to kDirect rows and columns have loops of their own in place of LAPACK: a call
// costs more than the work.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/linalg/elements.h"
#include "kernels/rows.h"
#include "kernels/view.h"

namespace pullback::kernels {

inline constexpr int kDirect = 16;

// The first element of what lies at a position of the stack, of which each is `own` dimensions.
template <typename T>
T* element_at(const View& view, int own, std::int64_t index) {
  T* element = reinterpret_cast<T*>(view.data);
  for (int d = view.ndim - own - 1; d >= 0; --d) {
    element += index % view.sizes[d] * view.strides[d];
    index /= view.sizes[d];
  }
  return element;
}

// A vector without gaps for each matrix of a stack, or a number.
template <typename T>
T* vector_at(const View& view, std::int64_t index) {
  return element_at<T>(view, 1, index);
}
template <typename T>
T& number_at(const View& view, std::int64_t index) {
  return *element_at<T>(view, 0, index);
}

template <typename T>
struct Matrices {
  const View view;
  const int rows;
  const int columns;
  const std::int64_t row_stride;
  const std::int64_t column_stride;
  std::int64_t count = 1;

  explicit Matrices(const View& v)
      : view(v),
        rows(static_cast<int>(v.sizes[v.ndim - 2])),
        columns(static_cast<int>(v.sizes[v.ndim - 1])),
        row_stride(v.strides[v.ndim - 2]),
        column_stride(v.strides[v.ndim - 1]) {
    for (int d = 0; d < v.ndim - 2; ++d) count *= v.sizes[d];
  }

  T* at(std::int64_t index) const { return element_at<T>(view, 2, index); }
  // From a column to the next, for LAPACK, which wants at least the number of rows.
  int leading() const { return std::max({1, rows, static_cast<int>(column_stride)}); }
  bool is_small() const { return rows <= kDirect && columns <= kDirect; }
  bool has_columns() const { return row_stride == 1 || rows <= 1; }
};

// Spreads a stack over the threads; `cost` is that of one matrix, in elements.
template <typename Body>
void for_matrices(std::int64_t count, double cost, Body&& body) {
  const double grain = static_cast<double>(kBlockElements) / std::max(cost, 1.0);
  parallel_for(count, std::max<std::int64_t>(1, static_cast<std::int64_t>(grain)), body);
}

template <typename T>
void conjugate_columns(T* a, int rows, int columns, int lda) {
  for (int j = 0; j < columns; ++j) {
    for (int i = 0; i < rows; ++i) a[i + j * lda] = conjugate(a[i + j * lda]);
  }
}

inline double cube(int n) { return static_cast<double>(n) * n * n; }

}  // namespace pullback::kernels
