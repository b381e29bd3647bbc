// Matrix products for derivative formulas, other operators and C++ users.
#pragma once

#include <optional>

#include "core/tensor.h"

namespace pullback {

// Any combination of vectors, matrices and stacks of matrices, as `@`.
Tensor matmul(const Tensor& input, const Tensor& other);
Tensor mm(const Tensor& input, const Tensor& mat2);
Tensor bmm(const Tensor& input, const Tensor& mat2);
Tensor mv(const Tensor& input, const Tensor& vec);
Tensor dot(const Tensor& input, const Tensor& tensor);
Tensor vdot(const Tensor& input, const Tensor& other);
Tensor outer(const Tensor& input, const Tensor& vec2);
Tensor linear(const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias);
Tensor addmm(const Tensor& input, const Tensor& mat1, const Tensor& mat2, Scalar beta = Scalar(1),
             Scalar alpha = Scalar(1));

// mm, bmm or mv, by the number of dimensions.
Tensor product(const Tensor& a, const Tensor& b);
// A matrix or a stack of matrices with the last two dimensions exchanged: a view.
Tensor matrix_transpose(const Tensor& a);
// The same, conjugated: what a gradient is multiplied with.
Tensor matrix_adjoint(const Tensor& a);

// Refusals that the products share.
void check_same_dtype(const Tensor& a, const Tensor& b);
void check_product(const Tensor& a, const Tensor& b);

// A product of matrices without the terms in which the gradient, its left or right factor, is zero,
// in a pass under safe_gradients (ops/absorb.h); else the plain product.
Tensor product_of_gradient(const Tensor& gradient, const Tensor& b);
Tensor product_with_gradient(const Tensor& a, const Tensor& gradient);
Tensor outer_of_gradient(const Tensor& gradient, const Tensor& b);

}  // namespace pullback
