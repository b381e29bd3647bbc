// Products of matrices in a pass under safe_gradients.
#include "ops/absorb.h"

#include "kernels/reduce/finite.h"
#include "ops/basic.h"
#include "ops/linalg/matmul.h"
#include "ops/op.h"
#include "ops/pointwise/compare.h"
#include "ops/pointwise/select.h"

namespace pullback {
namespace {

// Only NaN can hide a term that was zero times infinity; unknown counts as yes.
bool may_have_nan(const Tensor& t) {
  if (t.has(kBatched) || !t.is_contiguous()) return true;
  return kernels::has_nan(view_of(is_complex(t.dtype()) ? seen_as_real(t) : widened(t)));
}

Tensor without_zero_terms(const Tensor& a, const Tensor& b, bool left, const Tensor& plain) {
  if (!may_have_nan(plain)) return plain;
  const Tensor& factor = left ? b : a;
  const Tensor bad = logical_not(isfinite(factor));
  const Tensor clean = where(bad, 0, factor);
  const Tensor marks = cast(bad, factor.dtype());
  const Tensor live = cast(ne(left ? a : b, 0), factor.dtype());
  const Tensor reached = left ? product(live, marks) : product(marks, live);
  return where(ne(reached, 0), plain, left ? product(a, clean) : product(clean, b));
}

}  // namespace

Tensor product_of_gradient(const Tensor& gradient, const Tensor& b) {
  const Tensor plain = product(gradient, b);
  return mode.absorb ? without_zero_terms(gradient, b, true, plain) : plain;
}

Tensor product_with_gradient(const Tensor& a, const Tensor& gradient) {
  const Tensor plain = product(a, gradient);
  return mode.absorb ? without_zero_terms(a, gradient, false, plain) : plain;
}

Tensor outer_of_gradient(const Tensor& gradient, const Tensor& b) {
  return absorb(mode.absorb ? unsqueeze(gradient, 1) : gradient, outer(gradient, b));
}

}  // namespace pullback
