// Systems of linear equations and inverses.
//
// A solution keeps the factors of its matrix, by which the gradient is one more solution; where
// somebody may differentiate that in turn it is solved anew, as a function of the matrix.
#include "kernels/linalg/lu.h"
#include "ops/followed.h"
#include "ops/linalg/lu.h"
#include "ops/linalg/matrices.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/table.h"

namespace pullback {
namespace {

struct Solve {
  static constexpr const char* kNode = "LinalgSolveExBackward0";
  static constexpr int kInputs = 2;
  static constexpr int kOutputs = 4;  // X, the factors of A, pivots, info
  static constexpr bool kComplex = true;
  struct Attrs {
    bool left;
    bool vector;  // B and X are without the dimension of columns
    Attrs batched(std::int64_t) const { return *this; }
  };
  static std::array<Spec, 4> spec(const Attrs&, In in) {
    return {Spec{in[1].shape(), in[1].dtype()}, Spec{in[0].shape(), in[0].dtype()},
            Spec{stack_of(in[0], 1), DType::Int32}, info_spec(in[0])};
  }
  static std::array<Tensor, 4> make_all(const Attrs& a, const Tensor&,
                                        const std::array<Spec, 4>& specs) {
    const auto empty = [](const Spec& s) { return Tensor::empty(s.sizes, s.dtype); };
    const bool columns = a.left && specs[0].sizes.size() > 1;
    return {columns ? empty_columns(specs[0]) : empty(specs[0]), empty_columns(specs[1]),
            empty(specs[2]), empty(specs[3])};
  }
  static void workspace(const Attrs& a, In in, const Tensor&, Workspace& w) {
    if (a.vector && in[1].ndim() > 1) w.need(0, in[1].sizes(), in[1].dtype());
  }
  static void fill(const Attrs& a, In in, const std::array<Tensor, 4>& out, const Workspace& w) {
    copy_values(out[1], in[0]);
    kernels::lu(view_of(out[1]), view_of(out[2]), view_of(out[3]));
    // A stack of vectors is laid out as a matrix, in torch as well.
    const Tensor& x = w[0].defined() ? w[0] : out[0];
    copy_values(x, in[1]);
    const Tensor right = a.vector ? column_alias(x) : a.left ? x : transposed_alias(x);
    kernels::solve_lu(view_of(out[1]), view_of(out[2]), view_of(right), !a.left);
    if (w[0].defined()) copy_values(out[0], x);
  }
  static constexpr Reads kReads[] = {kReadsA | kReadsY | kReadsZ | kReadsV,
                                     kReadsA | kReadsZ | kReadsV};
  static Tensor as_matrix(const Attrs& a, const Tensor& t) {
    return a.vector ? unsqueeze(t, -1) : t;
  }
  static Tensor as_given(const Attrs& a, const Tensor& t) {
    return a.vector ? squeeze_dim(t, -1) : t;
  }
  static void vjp(Vjp<Solve>& v) {
    if (!v.grad().defined()) return;
    const Attrs& a = v.attrs();
    const Tensor matrix = v.in(0);
    const Tensor gradient = as_matrix(a, v.grad());
    const bool anew = is_followed({&matrix, &gradient});
    const Tensor right = anew ? solve_system(adjoint(matrix), gradient, a.left)
                              : solve_by_lu(v.out(1), v.out(2), gradient, a.left, true);
    if (v.wants(1)) v.give(1, as_given(a, right));
    if (!v.wants(0)) return;
    const Tensor x = as_matrix(a, v.out());
    v.give(0, neg(a.left ? matmul(right, adjoint(x)) : matmul(adjoint(x), right)));
  }
  static std::array<Tensor, 4> jvp(Jvp<Solve>& j) {
    const Attrs& a = j.attrs();
    Tensor right = j.tangent(1).defined() ? as_matrix(a, j.tangent(1)) : Tensor();
    if (const Tensor& t = j.tangent(0); t.defined()) {
      const Tensor x = as_matrix(a, j.out());
      right = sum_of(right, neg(a.left ? matmul(t, x) : matmul(x, t)));
    }
    return {as_given(a, solve_system(j.in(0), right, a.left)), Tensor(), Tensor(), Tensor()};
  }
};

struct Inverse {
  static constexpr const char* kNode = "LinalgInvExBackward0";
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 2;  // the inverse, info
  static constexpr bool kComplex = true;
  struct Attrs {
    Attrs batched(std::int64_t) const { return *this; }
  };
  static std::array<Spec, 2> spec(const Attrs&, In in) {
    return {Spec{in[0].shape(), in[0].dtype()}, info_spec(in[0])};
  }
  static std::array<Tensor, 2> make_all(const Attrs&, const Tensor&,
                                        const std::array<Spec, 2>& specs) {
    return {empty_columns(specs[0]), Tensor::empty(specs[1].sizes, specs[1].dtype)};
  }
  static void fill(const Attrs&, In in, const std::array<Tensor, 2>& out) {
    copy_values(out[0], in[0]);
    kernels::invert(view_of(out[0]), view_of(out[1]));
  }
  static constexpr Reads kReads = kReadsY;
  static void vjp(Vjp<Inverse>& v) {
    if (!v.grad().defined()) return;
    const Tensor turned = adjoint(v.out());
    v.give(0, neg(matmul(turned, matmul(v.grad(), turned))));
  }
  static std::array<Tensor, 2> jvp(Jvp<Inverse>& j) {
    return {neg(matmul(j.out(), matmul(j.tangent(0), j.out()))), Tensor()};
  }
};

// The shapes as torch has them: B is a vector, or a stack of vectors, if it looks like one.
Solve::Attrs check_system(const Tensor& a, const Tensor& b, bool left) {
  const char* name = "linalg.solve";
  check_floating(name, a);
  check_square(name, a);
  check_same_types(name, a, b);
  const bool vector =
      b.ndim() == 1 || (b.ndim() == a.ndim() - 1 && same(b.sizes(), stack_of(a, 1)));
  if (!vector) check_matrix(name, b, "B");
  const std::int64_t rows = vector ? b.size(b.ndim() - 1) : rows_of(b);
  const std::int64_t columns = vector ? 1 : columns_of(b);
  check(rows_of(a) == (left ? rows : columns), name,
        ": Incompatible shapes of A and B for the equation ", left ? "AX = B" : "XA = B", " (",
        rows_of(a), "x", columns_of(a), " and ", rows, "x", columns, ")");
  check(left || !vector, name,
        ": Vector broadcasting of the left hand side is not supported for left=False. In this case "
        "linalg.solve is equivalent to B / A.squeeze(-1)");
  check_kernel("lu_cpu", a);
  return {left, vector};
}

std::array<Tensor, 4> solved(const Tensor& a, const Tensor& b, const Solve::Attrs& attrs) {
  if (attrs.vector) {
    const Dims sizes = stack_of(a, 1);
    return apply<Solve>(attrs, a, same(b.sizes(), sizes) ? b : expand(b, sizes));
  }
  const auto [matrix, right] = with_one_stack(a, b);
  return apply<Solve>(attrs, matrix, right);
}

void refuse_singular_system(const char* name, const Tensor& info) {
  int element = 0;
  const std::int64_t index = first_failed(info, element);
  if (index < 0) return;
  fail(ErrorKind::LinAlg, name, ": ", batch_element(info, index),
       "The solver failed because the input matrix is singular.");
}

std::array<Tensor, 2> solve_ex(const Tensor& a, const Tensor& b, bool left, bool check_errors) {
  std::array<Tensor, 4> result = solved(a, b, check_system(a, b, left));
  if (check_errors) refuse_singular_system("linalg.solve_ex", result[3]);
  return {std::move(result[0]), std::move(result[3])};
}

Tensor linalg_solve(const Tensor& a, const Tensor& b, bool left) {
  std::array<Tensor, 4> result = solved(a, b, check_system(a, b, left));
  refuse_singular_system("torch.linalg.solve", result[3]);
  return std::move(result[0]);
}

void refuse_singular(const char* name, const Tensor& info) {
  int element = 0;
  const std::int64_t index = first_failed(info, element);
  if (index < 0) return;
  fail(ErrorKind::LinAlg, name, ": ", batch_element(info, index), "The diagonal element ", element,
       " is zero, the inversion could not be completed because the input matrix is singular.");
}

std::array<Tensor, 2> inv_ex(const Tensor& a, bool check_errors) {
  check_wide("linalg.inv", a);
  check_square("linalg.inv", a);
  std::array<Tensor, 2> result = apply<Inverse>({}, a);
  if (check_errors) refuse_singular("linalg.inv_ex", result[1]);
  return result;
}

Tensor inv(const Tensor& a) {
  std::array<Tensor, 2> result = inv_ex(a, false);
  refuse_singular("linalg.inv", result[1]);
  return std::move(result[0]);
}

}  // namespace

Tensor solve_system(const Tensor& a, const Tensor& b, bool left) {
  return solved(a, b, {left, false})[0];
}

Tensor inverse_of(const Tensor& a) { return apply<Inverse>({}, a)[0]; }

Tensor checked_inverse(const Tensor& a) { return inv(a); }

Tensor checked_solution(const Tensor& a, const Tensor& b) { return linalg_solve(a, b, true); }

InverseAndInfo inverse_with_info(const Tensor& a) {
  std::array<Tensor, 2> result = apply<Inverse>({}, a);
  return {std::move(result[0]), std::move(result[1])};
}

static const Entry entry_solve(
    "solve(A, B, *, left=True)", function<linalg_solve>, kLinalgForm | kOutForm,
    "The solutions X of A X = B, or X A = B, for square matrices A (..., n, n) and B (..., n, k), "
    "or one vector for each.  LinAlgError where A is singular.",
    "x(3,3), x(3,2) | x(3,3), x(3) | x(2,3,3), x(2,3) | x(2,3,3), x(3,2) | x(3,3), x(2,3,1) "
    "| x(3,3), x(2,3), left=False | xs(3,3), xs(3,4) | x(2,3,3), x(3) | x(0,0), x(0,2) "
    "| x(3,3), x(3,0) | spd(18), x(18,2) | spd(18), x(2,18), left=False | zw(3,3), z(3,2) "
    "| zw(3,3), z(2,3), left=False");
static const Entry entry_solve_ex(
    "solve_ex(A, B, *, left=True, check_errors=False)", function<solve_ex>, kLinalgForm | kOutForm,
    "The solutions, and for each matrix the number of the first zero on the diagonal of U, or 0.",
    "x(3,3), x(3,2) | x(2,3,3), x(2,3), check_errors=True", "result, info");
static const Entry entry_inv(
    "inv(A)", function<inv>, kLinalgForm | kOutForm,
    "The inverses of square matrices (..., n, n).  LinAlgError where one is singular.",
    "x(3,3) | x(2,3,3) | xs(3,3) | x(1,1) | x(0,0) | x(0,2,2) | spd(18) | zw(3,3)");
static const Entry entry_inv_ex(
    "inv_ex(A, *, check_errors=False)", function<inv_ex>, kLinalgForm | kOutForm,
    "The inverses, and for each matrix the number of the first zero on the diagonal of U, or 0.",
    "x(3,3) | x(2,3,3), check_errors=True", "inverse, info");
static const Entry entry_inverse("inverse(input)", function<inv>, kBoth,
                                 "The same as linalg.inv, under its old name.",
                                 "x(3,3) | x(2,3,3)");

}  // namespace pullback
