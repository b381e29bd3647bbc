// Norms of matrices, and torch.norm and linalg.norm, which choose between them and those of
// vectors.
#include <cmath>

#include "ops/linalg/matrices.h"
#include "ops/linalg/norms.h"
#include "ops/linalg/spectral.h"
#include "ops/reduce/norm.h"
#include "ops/reduce/reduction.h"
#include "ops/shape/view.h"
#include "ops/table.h"

namespace pullback {
namespace {

using OptionalDims = const std::optional<Dims>&;

// The greatest or smallest sum of absolute values over rows or columns.
Tensor sum_norm(const Tensor& a, double ord, const Dims& dim, bool keepdim) {
  const int first = wrap_dim(dim[0], a.ndim());
  const int second = wrap_dim(dim[1], a.ndim());
  check(first != second, "linalg.matrix_norm: dims must be different. Got (", dim[0], ", ", dim[1],
        ")");
  const int inner = std::isinf(ord) ? second : first;
  int outer = std::isinf(ord) ? first : second;
  if (!keepdim && inner < outer) --outer;
  const Tensor sums = vector_norm(a, 1, Dims{inner}, keepdim);
  if (ord > 0 && sums.size(outer) == 0) return sum(sums, Dims{outer}, keepdim);
  return ord > 0 ? amax(sums, Dims{outer}, keepdim) : amin(sums, Dims{outer}, keepdim);
}

void check_matrix(const Tensor& a, const Dims& dim) {
  check(is_differentiable(a.dtype()),
        "linalg.matrix_norm: Expected a floating point or complex tensor as input. Got ",
        info(a.dtype()).scalar_name);
  check(a.ndim() >= 2, "linalg.matrix_norm: The input tensor A must have at least 2 dimensions.");
  check(dim.size() == 2, "linalg.matrix_norm: dim must be a 2-tuple. Got ", dim);
}

Tensor in_dtype(const Tensor& a, std::optional<DType> dtype) {
  return dtype ? cast(a, norm_dtype(a, dtype)) : a;
}

// The singular values along two dimensions, put at the end; then a function of their vector.
template <typename Function>
Tensor norm_of_values(const Tensor& a, const Dims& dim, bool keepdim, Function&& of_values) {
  const int first = wrap_dim(dim[0], a.ndim());
  const int second = wrap_dim(dim[1], a.ndim());
  check(first != second, "linalg.matrix_norm: dims must be different. Got (", dim[0], ", ", dim[1],
        ")");
  const Tensor norm = of_values(svdvals(movedim(a, Dims{first, second}, Dims{-2, -1})));
  if (!keepdim) return norm;
  return unsqueeze(unsqueeze(norm, std::min(first, second)), std::max(first, second));
}

void check_norm_dims(const Tensor& a, OptionalDims dim, bool has_ord) {
  if (dim && dim->size() != 1 && dim->size() != 2) {
    fail("linalg.norm: If dim is specified, it must be of length 1 or 2. Got ", *dim);
  }
  if (has_ord && !dim && a.ndim() != 1 && a.ndim() != 2) {
    fail("linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got ",
         a.ndim(), "D.");
  }
}

Tensor linalg_norm(const Tensor& a, const std::optional<Scalar>& ord, OptionalDims dim,
                   bool keepdim, std::optional<DType> dtype) {
  check_norm_dims(a, dim, ord.has_value());
  if (!ord) return vector_norm(a, 2, dim, keepdim, dtype);
  const bool matrix = dim ? dim->size() == 2 : a.ndim() == 2;
  if (!matrix) return vector_norm(a, ord->to_double(), dim, keepdim, dtype);
  return matrix_norm(a, ord->to_double(), dim.value_or(Dims{0, 1}), keepdim, dtype);
}

Tensor linalg_norm_named(const Tensor& a, std::string_view ord, OptionalDims dim, bool keepdim,
                         std::optional<DType> dtype) {
  check_norm_dims(a, dim, true);
  return matrix_norm_named(a, ord, dim.value_or(Dims{-2, -1}), keepdim, dtype);
}

Tensor matrix_norm_number(const Tensor& a, Scalar ord, const Dims& dim, bool keepdim,
                          std::optional<DType> dtype) {
  return matrix_norm(a, ord.to_double(), dim, keepdim, dtype);
}

// torch.norm: always that of a vector.
Tensor norm_number(const Tensor& input, const std::optional<Scalar>& p, OptionalDims dim,
                   bool keepdim, std::optional<DType> dtype) {
  return vector_norm(input, p ? p->to_double() : 2, dim, keepdim, dtype);
}

Tensor norm_named(const Tensor& input, std::string_view p, OptionalDims dim, bool keepdim,
                  std::optional<DType> dtype) {
  if (p == "fro") return vector_norm(input, 2, dim, keepdim, dtype);
  return matrix_norm_named(input, p, dim.value_or(Dims{-2, -1}), keepdim, dtype);
}

}  // namespace

Tensor matrix_norm(const Tensor& a, double ord, const Dims& dim, bool keepdim,
                   std::optional<DType> dtype) {
  check_matrix(a, dim);
  if (std::abs(ord) == 1 || std::isinf(ord)) {
    return sum_norm(in_dtype(a, dtype), ord, dim, keepdim);
  }
  check(std::abs(ord) == 2, "linalg.matrix_norm: Order ", ord, " not supported.");
  check_wide("linalg.matrix_norm", a);
  return norm_of_values(in_dtype(a, dtype), dim, keepdim, [&](const Tensor& s) {
    if (ord < 0) return amin(s, Dims{-1});
    return columns_of(s) == 0 ? sum(s, Dims{-1}) : amax(s, Dims{-1});
  });
}

Tensor matrix_norm_named(const Tensor& a, std::string_view ord, const Dims& dim, bool keepdim,
                         std::optional<DType> dtype) {
  check_matrix(a, dim);
  if (ord == "fro") return vector_norm(a, 2, dim, keepdim, dtype);
  check(ord == "nuc", "linalg.matrix_norm: Order ", ord, " not supported.");
  check_wide("linalg.matrix_norm", a);
  return norm_of_values(in_dtype(a, dtype), dim, keepdim,
                        [](const Tensor& s) { return sum(s, Dims{-1}); });
}
static const Entry entry_norm("norm(input, p='fro', dim[1]=None, keepdim=False, *, dtype=None)",
                              function<norm_named>, kBoth | kPlainNames,
                              "The Frobenius norm, that is the 2-norm of the elements.",
                              "x(3,4) | x(3,4), 'fro', 1 | x(3,4), dim=(0,1), keepdim=True | x()");
static const Entry entry_norm_number(
    "norm(input, p, dim[1]=None, keepdim=False, *, dtype=None)", direct<norm_number>,
    kBoth | kPlainNames, "The p-norm of the elements, p any number.",
    "x(3,4), 1 | x(3,4), 3, 1 | x(3,4), inf, 0, True | x(3,4), p=0.5 | xs(3,4), 2, dim=0");
static const Entry entry_linalg_norm(
    "norm(input, ord=None, dim[1]=None, keepdim=False, *, dtype=None)", function<linalg_norm>,
    kLinalgForm | kOutForm, "A vector norm, or a matrix norm when two dimensions are meant.",
    "x(3,4) | x(4), 3 | x(3,4), 1 | x(3,4), -inf, (0,1), True | x(3,4), 2, 0");
static const Entry entry_linalg_norm_named(
    "norm(input, ord, dim[1]=None, keepdim=False, *, dtype=None)", function<linalg_norm_named>,
    kLinalgForm | kOutForm, "A matrix norm by name.",
    "x(3,4), 'fro' | x(2,3,4), 'fro', (0,1), True");
static const Entry entry_linalg_matrix_norm(
    "matrix_norm(input, ord='fro', dim=(-2,-1), keepdim=False, *, dtype=None)",
    function<matrix_norm_named>, kLinalgForm | kOutForm, "A matrix norm by name.",
    "x(3,4) | x(2,3,4), 'fro', (0,1), True | x(2,3,4), 'nuc' | x(2,3,4), 'nuc', (0,2), True | "
    "z(2,3), 'nuc' | z(2,3)");
static const Entry entry_linalg_matrix_norm_number(
    "matrix_norm(input, ord, dim=(-2,-1), keepdim=False, *, dtype=None)",
    function<matrix_norm_number>, kLinalgForm | kOutForm, "A matrix norm by number.",
    "x(3,4), 1 | x(2,3,4), inf, (0,1), True | x(3,4), 2 | x(2,3,4), -2 | x(2,3,4), 2, (2,0), True "
    "| z(2,3), 2 | z(2,3), 1");

}  // namespace pullback
