// Cholesky factors, systems that are solved by them, and inverses.
//
// The derivative of the factor is that of Murray, "Differentiation of the Cholesky decomposition"
// (2016), section 3.1; the gradient is that of symmetric matrices.
#include "kernels/linalg/cholesky.h"

#include "kernels/linalg/triangular.h"
#include "ops/linalg/matrices.h"
#include "ops/linalg/triangular.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/shape/view.h"
#include "ops/table.h"

namespace pullback {
namespace {

struct Cholesky {
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 2;  // the factor, info
  static constexpr bool kComplex = true;
  struct Attrs {
    bool upper;
    const char* node;
    Attrs batched(std::int64_t) const { return *this; }
  };
  static const char* node_name(const Attrs& a) { return a.node; }
  static std::array<Spec, 2> spec(const Attrs&, In in) {
    return {Spec{in[0].shape(), in[0].dtype()}, info_spec(in[0])};
  }
  static std::array<Tensor, 2> make_all(const Attrs&, const Tensor&,
                                        const std::array<Spec, 2>& specs) {
    return {empty_columns(specs[0]), Tensor::empty(specs[1].sizes, specs[1].dtype)};
  }
  static void fill(const Attrs& a, In in, const std::array<Tensor, 2>& out) {
    copy_values(out[0], in[0]);
    kernels::cholesky(view_of(out[0]), view_of(out[1]), a.upper);
  }
  static constexpr Reads kReads = kReadsY;
  static void vjp(Vjp<Cholesky>& v) {
    if (!v.grad().defined()) return;
    const bool upper = v.attrs().upper;
    const Tensor factor = upper ? adjoint(v.out()) : v.out();
    const Tensor gradient = upper ? adjoint(v.grad()) : v.grad();
    const Tensor half = lower_half(matmul(adjoint(factor), gradient));
    const Tensor symmetric = half + adjoint(half);
    const Tensor left = solve_triangular(adjoint(factor), symmetric, {.upper = true});
    v.give(0, mul_number(solve_triangular(factor, left, {.upper = false, .left = false}), 0.5));
  }
  static std::array<Tensor, 2> jvp(Jvp<Cholesky>& j) {
    const bool upper = j.attrs().upper;
    const Tensor factor = upper ? adjoint(j.out()) : j.out();
    const Tensor left = solve_triangular(factor, j.tangent(0), {.upper = false});
    const Tensor both = solve_triangular(adjoint(factor), left, {.upper = true, .left = false});
    const Tensor tangent = matmul(factor, lower_half(both));
    return {upper ? adjoint(tangent) : tangent, Tensor()};
  }
};

void refuse_indefinite(const char* name, const Tensor& info) {
  int order = 0;
  const std::int64_t index = first_failed(info, order);
  if (index < 0) return;
  fail(ErrorKind::LinAlg, name, ": ", batch_element(info, index),
       "The factorization could not be completed because the input is not positive-definite (the "
       "leading minor of order ",
       order, " is not positive-definite).");
}

std::array<Tensor, 2> cholesky_ex(const Tensor& a, bool upper, bool check_errors) {
  check_square("linalg.cholesky", a);
  check_floating("linalg.cholesky", a);
  check_kernel("cholesky_cpu", a);
  std::array<Tensor, 2> result = apply<Cholesky>({upper, "LinalgCholeskyExBackward0"}, a);
  if (check_errors) refuse_indefinite("linalg.cholesky_ex", result[1]);
  return result;
}

Tensor linalg_cholesky(const Tensor& a, bool upper) {
  std::array<Tensor, 2> result = cholesky_ex(a, upper, false);
  refuse_indefinite("linalg.cholesky", result[1]);
  return std::move(result[0]);
}

Tensor torch_cholesky(const Tensor& a, bool upper) {
  check_square("cholesky", a);
  check_kernel("cholesky_cpu", a);
  std::array<Tensor, 2> result = apply<Cholesky>({upper, "CholeskyBackward0"}, a);
  refuse_indefinite("cholesky", result[1]);
  return std::move(result[0]);
}

// The half of a factor that is read.
Tensor half_of(const Tensor& factor, bool upper) { return upper ? triu(factor) : tril(factor); }

// The gradient of a factor by that of the matrix, and the tangent of the matrix by that of the
// factor.
Tensor gradient_of_factor(const Tensor& gradient, const Tensor& factor, bool upper) {
  const Tensor both = gradient + adjoint(gradient);
  const Tensor half = half_of(factor, upper);
  return half_of(upper ? matmul(half, both) : matmul(both, half), upper);
}
Tensor tangent_of_matrix(const Tensor& tangent, const Tensor& factor, bool upper) {
  const Tensor change = half_of(tangent, upper);
  const Tensor half = half_of(factor, upper);
  const Tensor one = upper ? matmul(adjoint(change), half) : matmul(change, adjoint(half));
  return one + adjoint(one);
}

// X with A X = B, from the factor of A.
struct CholeskySolve {
  static constexpr const char* kNode = "CholeskySolveBackward0";
  static constexpr int kInputs = 2;  // B, the factor
  static constexpr int kOutputs = 1;
  static constexpr bool kComplex = true;
  struct Attrs {
    bool upper;
    Attrs batched(std::int64_t) const { return *this; }
  };
  static Spec spec(const Attrs&, In in) { return {in[0].shape(), in[0].dtype()}; }
  static Tensor make_for(const Attrs&, In, const Spec& spec) { return empty_columns(spec); }
  static void workspace(const Attrs&, In in, const Tensor&, Workspace& w) {
    need_triangle(w, 0, in[1]);
  }
  static void fill(const Attrs& a, In in, const Tensor& out, const Workspace& w) {
    const Tensor factor = triangle(w, 0, in[1]);
    const Tensor turned = transposed_alias(factor);
    const Tensor& lower = a.upper ? turned : factor;
    const Tensor& upper = a.upper ? factor : turned;
    copy_values(out, in[0]);
    kernels::solve_triangular(view_of(lower), view_of(out), {false, true, false, a.upper});
    kernels::solve_triangular(view_of(upper), view_of(out), {true, true, false, !a.upper});
  }
  static constexpr Reads kReads[] = {kReadsB, kReadsB | kReadsY};
  static void vjp(Vjp<CholeskySolve>& v) {
    const Tensor factor = v.in(1);
    const Tensor right = apply<CholeskySolve>(v.attrs(), v.grad(), factor);
    if (v.wants(0)) v.give(0, right);
    if (!v.wants(1)) return;
    const Tensor gradient = neg(matmul(right, adjoint(v.out())));
    v.give(1, gradient_of_factor(gradient, factor, v.attrs().upper));
  }
  static Tensor jvp(Jvp<CholeskySolve>& j) {
    Tensor right = j.tangent(0);
    if (j.tangent(1).defined()) {
      const Tensor change = tangent_of_matrix(j.tangent(1), j.in(1), j.attrs().upper);
      right = sum_of(right, neg(matmul(change, j.out())));
    }
    return apply<CholeskySolve>(j.attrs(), right, j.in(1));
  }
};

Tensor cholesky_solve(const Tensor& b, const Tensor& factor, bool upper) {
  check(b.ndim() >= 2, "b should have at least 2 dimensions, but has ", b.ndim(),
        " dimensions instead");
  check(factor.ndim() >= 2, "u should have at least 2 dimensions, but has ", factor.ndim(),
        " dimensions instead");
  check_square("cholesky_solve", factor);
  check(rows_of(b) == columns_of(factor),
        "Incompatible matrix sizes for cholesky_solve: each A "
        "matrix is ",
        rows_of(factor), " by ", columns_of(factor), " but each b matrix is ", rows_of(b), " by ",
        columns_of(b));
  check(
      b.dtype() == factor.dtype(), "expected b and A to have the same dtype, but found b of type ",
      info(b.dtype()).scalar_name, " and A of type ", info(factor.dtype()).scalar_name, " instead");
  check_kernel("cholesky_solve_cpu", b);
  const auto [right, a] = with_one_stack(b, factor);
  return apply<CholeskySolve>({upper}, right, a);
}

struct CholeskyInverse {
  static constexpr const char* kNode = "CholeskyInverseBackward0";
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 2;  // the inverse, info
  static constexpr bool kComplex = true;
  struct Attrs {
    bool upper;
    Attrs batched(std::int64_t) const { return *this; }
  };
  static std::array<Spec, 2> spec(const Attrs&, In in) {
    return {Spec{in[0].shape(), in[0].dtype()}, info_spec(in[0])};
  }
  static std::array<Tensor, 2> make_all(const Attrs&, const Tensor&,
                                        const std::array<Spec, 2>& specs) {
    return {empty_columns(specs[0]), Tensor::empty(specs[1].sizes, specs[1].dtype)};
  }
  static void fill(const Attrs& a, In in, const std::array<Tensor, 2>& out) {
    copy_values(out[0], in[0]);
    kernels::cholesky_inverse(view_of(out[0]), view_of(out[1]), a.upper);
  }
  static constexpr Reads kReads = kReadsA | kReadsY;
  static void vjp(Vjp<CholeskyInverse>& v) {
    if (!v.grad().defined()) return;
    const Tensor inverse = v.out();
    const Tensor gradient = neg(matmul(inverse, matmul(v.grad(), inverse)));
    v.give(0, gradient_of_factor(gradient, v.in(0), v.attrs().upper));
  }
  static std::array<Tensor, 2> jvp(Jvp<CholeskyInverse>& j) {
    const Tensor change = tangent_of_matrix(j.tangent(0), j.in(0), j.attrs().upper);
    return {neg(matmul(j.out(), matmul(change, j.out()))), Tensor()};
  }
};

Tensor cholesky_inverse(const Tensor& factor, bool upper) {
  check_square("cholesky_inverse", factor);
  check_kernel("cholesky_inverse_out_cpu", factor);
  std::array<Tensor, 2> result = apply<CholeskyInverse>({upper}, factor);
  int element = 0;
  const std::int64_t index = first_failed(result[1], element);
  if (index >= 0) {
    fail(ErrorKind::LinAlg, "cholesky_inverse: ", batch_element(result[1], index),
         "The diagonal element ", element,
         " is zero, the inversion could not be completed because the input matrix is singular.");
  }
  return std::move(result[0]);
}

}  // namespace

static const Entry entry_linalg_cholesky(
    "cholesky(input, *, upper=False)", function<linalg_cholesky>, kLinalgForm | kOutForm,
    "The Cholesky factor of symmetric positive definite matrices (..., n, n), of which one half is "
    "read.  LinAlgError where a matrix is not positive definite.",
    "spd(3) | spd(2,3) | spd(3), upper=True | spd(1) | spd(2,2,2) | spd(0) | spd(18) "
    "| zspd(3) | zspd(2,2), upper=True");
static const Entry entry_linalg_cholesky_ex(
    "cholesky_ex(input, *, upper=False, check_errors=False)", function<cholesky_ex>,
    kLinalgForm | kOutForm,
    "The Cholesky factor, and for each matrix the order of the first leading minor that is not "
    "positive, or 0.",
    "spd(3) | spd(2,3), upper=True | spd(3), check_errors=True | zspd(3)", "L, info");
static const Entry entry_cholesky("cholesky(input, upper=False)", function<torch_cholesky>,
                                  kCastBoth, "The same as linalg.cholesky, under its old name.",
                                  "spd(3) | spd(2,3), upper=True | zspd(2), True");
static const Entry entry_cholesky_solve(
    "cholesky_solve(input, input2, upper=False)", function<cholesky_solve>, kCastBoth,
    "The solutions X of A X = input, where input2 is the Cholesky factor of A.",
    "x(3,2), x(3,3, low=0.5, high=2) | x(2,3,2), x(3,3, low=0.5, high=2), True "
    "| xs(3,1), xs(3,3, low=0.5, high=2) | x(3,0), x(3,3) | x(0,2), x(0,0) "
    "| x(18,2), spd(18) | z(3,2), zw(3,3) | z(3,2), zw(3,3), True");
static const Entry entry_cholesky_inverse(
    "cholesky_inverse(input, upper=False)", function<cholesky_inverse>, kCastBoth,
    "The inverses of the matrices of which these are the Cholesky factors.",
    "x(3,3, low=0.5, high=2) | x(2,3,3, low=0.5, high=2), True | x(0,0) | zspd(3) | zspd(2), True");

}  // namespace pullback
