// The position of the extreme value along one dimension.
//
// Contiguous rows: the row kernel finds the value, a second look finds its first position.  Strided
// rows are compared one element at a time.
#include <cmath>

#include "kernels/reduce/reduce.h"
#include "kernels/reduce/reduce_plan.h"
#include "kernels/rows.h"

namespace pullback::kernels {
namespace {

template <typename T>
std::int64_t first_position(const T* p, std::int64_t n, T value) {
  std::int64_t i = 0;
  if (is_nan(value)) {
    while (i < n - 1 && !is_nan(p[i])) ++i;
    return i;
  }
  for (; i + 16 <= n; i += 16) {
    bool found = false;
    for (int j = 0; j < 16; ++j) found |= p[i + j] == value;
    if (found) break;
  }
  while (i < n - 1 && p[i] != value) ++i;
  return i;
}

template <typename T>
std::int64_t strided_position(const char* p, std::int64_t stride, std::int64_t n, bool max) {
  T best = *reinterpret_cast<const T*>(p);
  std::int64_t at = 0;
  for (std::int64_t i = 1; i < n && !is_nan(best); ++i) {
    p += stride;
    const T x = *reinterpret_cast<const T*>(p);
    if ((max ? x > best : x < best) || is_nan(x)) {
      best = x;
      at = i;
    }
  }
  return at;
}

template <typename T>
void arg_rows(bool max, const View& values, const View& indices, const View& in, int dim) {
  const std::int64_t n = dim_size(in, dim);
  const std::int64_t stride = dim_stride(in, dim);
  const Plan plan = make_plan(max ? RowOp::Max : RowOp::Min, in.dtype);
  for_rows(std::array{&in, &indices, values.data == nullptr ? &indices : &values}, dim, n,
           [&](const auto& at) {
             const T* p = reinterpret_cast<const T*>(at[0]);
             std::int64_t position;
             if (stride == 1) {
               T value;
               plan.kernel.rows(p, 0, 1, n, &value);
               position = first_position(p, n, value);
             } else {
               position = strided_position<T>(at[0], stride * static_cast<std::int64_t>(sizeof(T)),
                                              n, max);
             }
             *reinterpret_cast<std::int64_t*>(at[1]) = position;
             if (values.data != nullptr) *reinterpret_cast<T*>(at[2]) = p[position * stride];
           });
}

}  // namespace

void arg_reduce(bool max, const View& values, const View& indices, const View& in, int dim) {
  visit(in.dtype, [&]<typename T>() {
    using U = std::conditional_t<std::is_same_v<T, bool>, std::uint8_t, T>;
    arg_rows<U>(max, values, indices, in, dim);
  });
}

}  // namespace pullback::kernels
