// See recurrence.h.  One row after another; the rows are found by an odometer over the other
// dimensions.
#include "kernels/reduce/recurrence.h"

#include <vector>

#include "kernels/rows.h"

namespace pullback::kernels {
namespace {

template <typename T>
void run(const View& out, const View& a, const View& b, int dim) {
  const std::int64_t length = out.sizes[dim];
  const std::int64_t rows = length == 0 ? 0 : out.numel() / length;
  std::vector<std::int64_t> at(static_cast<std::size_t>(out.ndim));
  T* to = reinterpret_cast<T*>(out.data);
  const T* factor = reinterpret_cast<const T*>(a.data);
  const T* term = reinterpret_cast<const T*>(b.data);
  for (std::int64_t row = 0; row < rows; ++row) {
    T value = term[0];
    to[0] = value;
    for (std::int64_t k = 1; k < length; ++k) {
      value = term[k * b.strides[dim]] + factor[k * a.strides[dim]] * value;
      to[k * out.strides[dim]] = value;
    }
    for (int d = out.ndim - 1; d >= 0; --d) {
      if (d == dim) continue;
      std::int64_t& i = at[static_cast<std::size_t>(d)];
      const std::int64_t step = ++i < out.sizes[d] ? 1 : 1 - out.sizes[d];
      to += step * out.strides[d];
      factor += step * a.strides[d];
      term += step * b.strides[d];
      if (step == 1) break;
      i = 0;
    }
  }
}

}  // namespace

void recurrence(const View& out, const View& a, const View& b, int dim) {
  if (out.dtype == DType::Complex64) return run<std::complex<float>>(out, a, b, dim);
  if (out.dtype == DType::Complex128) return run<std::complex<double>>(out, a, b, dim);
  visit_floating(out.dtype, "cumprod", [&]<typename T>() { run<T>(out, a, b, dim); });
}

}  // namespace pullback::kernels
