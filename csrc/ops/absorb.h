// For passes under safe_gradients: zeros that arrived keep infinity and NaN out of what is given.
//
// Elementwise operators do this in their class, the others call these functions in their vjp, and
// for those that do not the engine gives zeros when nothing but zeros arrived.  Outside of such a
// pass each function is the identity; products of matrices are in linalg/absorb.cpp.
#pragma once

#include "core/tensor.h"
#include "graph/mode.h"

namespace pullback {

namespace detail {
Tensor absorb_elements(const Tensor& arrived, const Tensor& gradient);
Tensor absorb_along(const Tensor& arrived, int dim, const Tensor& gradient);
}  // namespace detail

// Zero where the gradient that arrived is; it broadcasts to the one that is given.
inline Tensor absorb(const Tensor& arrived, Tensor gradient) {
  if (!mode.absorb) [[likely]] {
    return gradient;
  }
  return detail::absorb_elements(arrived, gradient);
}

// Zero in the rows along a dimension (-1: of a tensor without any) of which only zeros arrived.
inline Tensor absorb_rows(const Tensor& arrived, std::int64_t dim, Tensor gradient) {
  if (!mode.absorb) [[likely]] {
    return gradient;
  }
  return detail::absorb_along(arrived, static_cast<int>(dim), gradient);
}

}  // namespace pullback
