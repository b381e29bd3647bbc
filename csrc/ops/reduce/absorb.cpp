// See ops/absorb.h.
#include "ops/absorb.h"

#include "ops/pointwise/compare.h"
#include "ops/pointwise/select.h"
#include "ops/reduce/reduction.h"

namespace pullback::detail {

Tensor absorb_elements(const Tensor& arrived, const Tensor& gradient) {
  return where(eq(arrived, 0), 0, gradient);
}

Tensor absorb_along(const Tensor& arrived, int dim, const Tensor& gradient) {
  if (dim < 0 || arrived.numel() == 0) return absorb_elements(arrived, gradient);
  return where(amax(ne(arrived, 0), Dims{dim}, true), gradient, 0);
}

}  // namespace pullback::detail
