// Powers and exponentials of matrices, inverses and systems of tensors, Vandermonde matrices.
#include "ops/linalg/lu.h"
#include "ops/linalg/matrices.h"
#include "ops/linalg/norms.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/pointwise/compare.h"
#include "ops/pointwise/math.h"
#include "ops/pointwise/select.h"
#include "ops/reduce/reduction.h"
#include "ops/reduce/scan.h"
#include "ops/shape/join.h"
#include "ops/shape/view.h"
#include "ops/table.h"

namespace pullback {
namespace {

Tensor matrix_power(const Tensor& a, std::int64_t n) {
  check_square("linalg.matrix_power", a);
  if (n == 0) {
    const Tensor always = Tensor::full(Dims{}, Scalar(true), DType::Bool);
    return where(always, identity(rows_of(a), a.dtype()), a);
  }
  if (n == 1) return clone(a);
  Tensor base = a;
  if (n < 0) {
    check_wide("linalg.inv", a);
    base = checked_inverse(a);
  }
  std::uint64_t rest =
      n < 0 ? std::uint64_t{0} - static_cast<std::uint64_t>(n) : static_cast<std::uint64_t>(n);
  if (rest == 3) return matmul(matmul(base, base), base);
  Tensor result;
  for (Tensor square = base;; square = matmul(square, square)) {
    if (rest & 1) result = result.defined() ? matmul(result, square) : square;
    rest >>= 1;
    if (rest == 0) return result;
  }
}

// --- the exponential ---

Tensor block(const Tensor& a, const Tensor& b) {
  const Tensor zeros = expanded_zeros(a.sizes(), a.dtype());
  return cat({cat({a, b}, -1), cat({zeros, a}, -1)}, -2);
}

// By a quotient of polynomials of degree 13, scaled by a power of two and squared: Higham, "The
// scaling and squaring method for the matrix exponential revisited" (2005).
Tensor exponential(const Tensor& a) {
  static constexpr double c[] = {64764752532480000.,
                                 32382376266240000.,
                                 7771770303897600.,
                                 1187353796428800.,
                                 129060195264000.,
                                 10559470521600.,
                                 670442572800.,
                                 33522128640.,
                                 1323241920.,
                                 40840800.,
                                 960960.,
                                 16380.,
                                 182.,
                                 1.};
  // Each matrix is squared as often as it needs: more than that would lose its digits.
  constexpr double kLargest = 5.371920351148152;
  const Tensor sizes = matrix_norm(a, 1, {-2, -1}, true, {});
  const Tensor exponents = ceil(log2(mul_number(sizes, 1 / kLargest)));
  const Tensor squarings = clamp_min(nan_to_num(exponents, 0, 0, 0), 0);
  const Tensor all = copy_to_dtype(of_all_examples(amax(squarings)), DType::Float64);
  double most = 0;
  for (std::int64_t i = 0; i < all.numel(); ++i) most = std::max(most, all.data<double>()[i]);
  const Tensor x = a * exp2(neg(squarings));
  const Tensor one = identity(rows_of(a), a.dtype());
  const Tensor x2 = matmul(x, x);
  const Tensor x4 = matmul(x2, x2);
  const Tensor x6 = matmul(x2, x4);
  const auto odd = matmul(x6, x6 * c[13] + x4 * c[11] + x2 * c[9]) + x6 * c[7] + x4 * c[5] +
                   x2 * c[3] + one * c[1];
  const auto even = matmul(x6, x6 * c[12] + x4 * c[10] + x2 * c[8]) + x6 * c[6] + x4 * c[4] +
                    x2 * c[2] + one * c[0];
  const Tensor u = matmul(x, odd);
  Tensor result = solve_system(even - u, even + u);
  for (int i = 0; i < most; ++i) {
    result = where(gt(squarings, i), matmul(result, result), result);
  }
  return result;
}

// The value is computed before; its derivative is a part of the exponential of a matrix of blocks.
struct MatrixExp {
  static constexpr const char* kNode = "LinalgMatrixExpBackward0";
  static constexpr int kInputs = 2;  // A, the value
  static constexpr int kOutputs = 1;
  static constexpr bool kComplex = true;
  struct Attrs {
    Attrs batched(std::int64_t) const { return *this; }
  };
  static Spec spec(const Attrs&, In in) { return {in[1].shape(), in[1].dtype()}; }
  static void fill(const Attrs&, In in, const Tensor& out) { copy_values(out, in[1]); }
  static constexpr Reads kReads[] = {kReadsA, kReadsNothing};
  static Tensor change(const Tensor& a, const Tensor& direction);
  static void vjp(Vjp<MatrixExp>& v) {
    if (v.wants(0)) v.give(0, change(adjoint(v.in(0)), v.grad()));
  }
  static Tensor jvp(Jvp<MatrixExp>& j) { return change(j.in(0), j.tangent(0)); }
};

Tensor matrix_exp(const Tensor& a) {
  check_floating("linalg.matrix_exp", a);
  check_square("linalg.matrix_exp", a);
  if (is_narrow(a.dtype())) return cast(matrix_exp(cast(a, DType::Float32)), a.dtype());
  Tensor value = a;
  if (a.numel() != 0) {
    const GradMode no_grad(false);
    const ForwardMode no_forward(false);
    value = rows_of(a) == 1 ? exp(a) : exponential(a);
  }
  return apply<MatrixExp>({}, a, value);
}

Tensor MatrixExp::change(const Tensor& a, const Tensor& direction) {
  const std::int64_t n = rows_of(a);
  if (n == 1) return direction * matrix_exp(a);
  // Linear in the direction: a great one is made smaller, as it would cost A digits.
  const Tensor unit = [&] {
    const GradMode no_grad(false);
    const ForwardMode no_forward(false);
    const Tensor size = vector_norm(direction, 1, Dims{-2, -1}, true);
    return clamp_min(nan_to_num(size, 1, 1, 1), 1);
  }();
  const Tensor whole = matrix_exp(block(a, direction / unit));
  return narrow(narrow(whole, -2, 0, n), -1, n, n) * unit;
}

// --- tensors as matrices ---

Tensor tensorinv(const Tensor& a, std::int64_t ind) {
  check(ind > 0, "Expected a strictly positive integer for 'ind', but got ", ind);
  const auto cut = static_cast<std::size_t>(std::min<std::int64_t>(ind, a.ndim()));
  const Dims rows = a.sizes().first(cut);
  const Dims columns = a.sizes().subspan(cut);
  const std::int64_t m = count_elements(rows);
  const std::int64_t n = count_elements(columns);
  check(m == n,
        "Expected self to satisfy the requirement prod(self.shape[ind:]) == "
        "prod(self.shape[:ind]), but got ",
        n, " != ", m);
  check_wide("linalg.inv", a);
  Dims sizes = columns;
  for (const std::int64_t size : rows) sizes.push_back(size);
  return reshape(checked_inverse(reshape(a, Dims{m, m})), sizes);
}

Tensor tensorsolve(const Tensor& a, const Tensor& b, const std::optional<Dims>& dims) {
  Tensor matrix = a;
  if (dims) {
    Dims source;
    Dims destination;
    for (int k = 0; k < dims->size(); ++k) {
      source.push_back((*dims)[k]);
      destination.push_back(a.ndim() - dims->size() + k);
    }
    matrix = movedim(a, source, destination);
  }
  check(matrix.ndim() >= b.ndim(),
        "tensorsolve(): A must have at least as many dimensions as B, "
        "got ",
        matrix.ndim(), " and ", b.ndim());
  const Dims sizes = matrix.sizes().subspan(static_cast<std::size_t>(b.ndim()));
  const std::int64_t unknowns = count_elements(sizes);
  const std::int64_t equations = b.numel();
  check(unknowns == equations,
        "Expected self to satisfy the requirement prod(self.shape[other.ndim:]"
        ") == prod(self.shape[:other.ndim]), but got ",
        unknowns, " != ", equations);
  const Tensor square = reshape(matrix, Dims{equations, unknowns});
  return reshape(checked_solution(square, reshape(b, Dims{equations})), sizes);
}

Tensor vander_of_rows(const Tensor& x, std::int64_t n) {
  const Dims stack = x.shape();
  const Tensor base = is_differentiable(x.dtype()) ? x : cast(x, DType::Int64);
  const Tensor ones = Tensor::full(with(stack, {1}), Scalar(1), base.dtype());
  const Tensor powers = expand(unsqueeze(base, -1), with(stack, {n - 1}));
  return cat({ones, cumprod(powers, Along{powers.ndim() - 1})}, -1);
}

Tensor linalg_vander(const Tensor& x, std::optional<std::int64_t> n) {
  check(x.dtype() != DType::Bool && !(is_floating(x.dtype()) && is_narrow(x.dtype())),
        "linalg.vander supports floating point, complex, and integer tensors, but got ",
        info(x.dtype()).scalar_name);
  check(x.ndim() >= 1, "linalg.vander: Expected input to have at least one dimension.");
  const std::int64_t count = n.value_or(x.size(x.ndim() - 1));
  check(count > 1, "N must be greater than 1.");
  return vander_of_rows(x, count);
}

Tensor torch_vander(const Tensor& x, std::optional<std::int64_t> n, bool increasing) {
  check(x.ndim() == 1, "x must be a one-dimensional tensor.");
  const std::int64_t count = n.value_or(x.size(0));
  check(count >= 0, "N must be non-negative.");
  const Tensor base = x.dtype() == DType::Bool ? cast(x, DType::Int64) : x;
  if (count == 0) {
    return Tensor::empty(Dims{x.size(0), 0},
                         is_differentiable(x.dtype()) ? x.dtype() : DType::Int64);
  }
  const Tensor powers = vander_of_rows(base, count);
  return increasing ? powers : flip(powers, Dims{1});
}

Tensor linalg_diagonal(const Tensor& a, std::int64_t offset, std::int64_t dim1, std::int64_t dim2) {
  return diagonal(a, offset, dim1, dim2);
}

}  // namespace

static const Entry entry_linalg_matrix_power(
    "matrix_power(input, n)", function<matrix_power>, kLinalgForm | kOutForm,
    "The n-th power of square matrices; for negative n that of the inverse.",
    "x(3,3), 2 | x(2,3,3), 3 | x(3,3), -2 | x(2,3,3), 5 | x(3,3), 1 | x(2,2), 7 | zw(2,2), 3 | "
    "zw(2,2), -2");
static const Entry entry_matrix_power("matrix_power(input, n)", function<matrix_power>, kCastBoth,
                                      "The same as linalg.matrix_power.",
                                      "x(3,3), 2 | x(2,3,3), 4");
static const Entry entry_linalg_matrix_exp(
    "matrix_exp(input)", function<matrix_exp>, kLinalgForm, "The exponentials of square matrices.",
    "x(3,3) | x(2,3,3) | xs(2,2) | x(0,0) | x(1,1) | z(2,2)");
static const Entry entry_matrix_exp("matrix_exp(input)", function<matrix_exp>,
                                    kFunctionForm | kMethodForm, "The same as linalg.matrix_exp.",
                                    "x(3,3) | x(2,2,2)");
static const Entry entry_tensorinv(
    "tensorinv(input, ind=2)", function<tensorinv>, kLinalgForm | kCastOutForm,
    "The inverse of input as a map from its dimensions from ind on to those before.",
    "x(2,3,6) | x(4,2,2), 1 | x(1,1,1,1) | z(4,2,2), 1");
static const Entry entry_tensorsolve(
    "tensorsolve(input, other, dims[1]=None)", function<tensorsolve>, kLinalgForm | kCastOutForm,
    "X with tensordot(input, X, X.ndim) = other, after `dims` of input were moved to its end.",
    "x(2,3,6), x(2,3) | x(4,2,2), x(4) | x(2,4,2), x(4), (0,2) | z(4,2,2), z(4)");
static const Entry entry_linalg_vander("vander(x, *, N=None)", function<linalg_vander>, kLinalgForm,
                                       "The powers 0 to N - 1 of the elements, along a new last "
                                       "dimension.",
                                       "x(3) | x(2,3) | x(3), N=5 | xs(2,3), N=2");
static const Entry entry_vander("vander(x, N=None, increasing=False)", function<torch_vander>,
                                kFunctionForm,
                                "The powers of the elements of a vector, one row for each, in "
                                "falling order unless it is said otherwise.",
                                "x(3) | x(4), 2 | x(3), 4, True");
static const Entry entry_linalg_diagonal("diagonal(A, *, offset=0, dim1=-2, dim2=-1)",
                                         function<linalg_diagonal>, kLinalgForm,
                                         "A view of the diagonals of matrices.",
                                         "x(3,3) | x(2,3,4) | x(2,3,4), offset=1, dim1=0, dim2=1");

}  // namespace pullback
