// See triangular.h.  Only the triangle of A is read, so its gradient is zero elsewhere.
#include "ops/linalg/triangular.h"

#include "kernels/linalg/triangular.h"
#include "ops/linalg/matrices.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/shape/view.h"
#include "ops/table.h"

namespace pullback {
namespace {

struct SolveTriangular {
  static constexpr int kInputs = 2;
  static constexpr int kOutputs = 1;
  static constexpr bool kComplex = true;
  struct Attrs {
    Triangular how;
    const char* node = "LinalgSolveTriangularBackward0";
    Attrs batched(std::int64_t) const { return *this; }
  };
  static const char* node_name(const Attrs& a) { return a.node; }
  static Spec spec(const Attrs&, In in) { return {in[1].shape(), in[1].dtype()}; }
  static Tensor make_for(const Attrs&, In, const Spec& spec) { return empty_columns(spec); }
  static void workspace(const Attrs&, In in, const Tensor&, Workspace& w) {
    need_triangle(w, 0, in[0]);
  }
  static void fill(const Attrs& a, In in, const Tensor& out, const Workspace& w) {
    copy_values(out, in[1]);
    kernels::solve_triangular(view_of(triangle(w, 0, in[0])), view_of(out),
                              {a.how.upper, a.how.left, a.how.unit});
  }
  // What of a matrix is read.
  static Tensor part(const Triangular& how, const Tensor& a) {
    return how.upper ? triu(a, how.unit) : tril(a, -std::int64_t{how.unit});
  }
  static constexpr Reads kReads[] = {kReadsA | kReadsY, kReadsA};
  static void vjp(Vjp<SolveTriangular>& v) {
    const Triangular& how = v.attrs().how;
    const Triangular turned{!how.upper, how.left, how.unit};
    const Tensor right = solve_triangular(adjoint(v.in(0)), v.grad(), turned);
    if (v.wants(0)) {
      const Tensor x = adjoint(v.out());
      v.give(0, neg(part(how, how.left ? matmul(right, x) : matmul(x, right))));
    }
    if (v.wants(1)) v.give(1, right);
  }
  static Tensor jvp(Jvp<SolveTriangular>& j) {
    const Triangular& how = j.attrs().how;
    Tensor right = j.tangent(1);
    if (j.tangent(0).defined()) {
      const Tensor change = part(how, j.tangent(0));
      right = sum_of(right, neg(how.left ? matmul(change, j.out()) : matmul(j.out(), change)));
    }
    return solve_triangular(j.in(0), right, how);
  }
};

Tensor linalg_solve_triangular(const Tensor& a, const Tensor& b, bool upper, bool left,
                               bool unitriangular) {
  const char* name = "linalg.solve_triangular";
  check(a.dtype() == b.dtype(), name,
        ": Expected A and B to have the same dtype, but found A of "
        "type ",
        info(a.dtype()).scalar_name, " and B of type ", info(b.dtype()).scalar_name, " instead");
  check_square(name, a);
  check_matrix(name, b, "B");
  check(left ? columns_of(a) == rows_of(b) : columns_of(b) == rows_of(a), name,
        ": Incompatible shapes of A and B for the equation ", left ? "AX = B" : "XA = B", " (",
        rows_of(a), "x", columns_of(a), " and ", rows_of(b), "x", columns_of(b), ")");
  check_kernel("triangular_solve_cpu", b);
  return solve_triangular(a, b, {upper, left, unitriangular});
}

// The old form: the arguments in the other order, and a copy of A with the solution.
std::array<Tensor, 2> triangular_solve(const Tensor& b, const Tensor& a, bool upper, bool transpose,
                                       bool unitriangular) {
  check(b.ndim() >= 2,
        "torch.triangular_solve: Expected b to have at least 2 dimensions, but it "
        "has ",
        b.ndim(), " dimensions instead");
  check(a.ndim() >= 2,
        "torch.triangular_solve: Expected A to have at least 2 dimensions, but it "
        "has ",
        a.ndim(), " dimensions instead");
  check_square("triangular_solve", a);
  check(rows_of(b) == columns_of(a),
        "Incompatible matrix sizes for triangular_solve: each A "
        "matrix is ",
        rows_of(a), " by ", columns_of(a), " but each b matrix is ", rows_of(b), " by ",
        columns_of(b));
  check(a.dtype() == b.dtype(), "expected b and A to have the same dtype, but found b of type ",
        info(b.dtype()).scalar_name, " and A of type ", info(a.dtype()).scalar_name, " instead");
  check_kernel("triangular_solve_cpu", b);
  const auto [matrix, right] = with_one_stack(a, b);
  const Triangular how{upper != transpose, true, unitriangular};
  const SolveTriangular::Attrs attrs{how, "TriangularSolveBackward0"};
  return {apply<SolveTriangular>(attrs, transpose ? matrix_transpose(matrix) : matrix, right),
          matrix_transpose(clone(matrix_transpose(matrix), MemoryFormat::Contiguous))};
}

}  // namespace

void need_triangle(Workspace& w, int k, const Tensor& a) {
  const int last = a.ndim() - 1;
  const std::int64_t n = a.size(last);
  const bool has_columns = a.stride(last - 1) == 1 && a.stride(last) >= n;
  const bool has_rows = a.stride(last) == 1 && a.stride(last - 1) >= n;
  if (!has_columns && !has_rows && n > 1) w.need(k, a.sizes(), a.dtype());
}

Tensor triangle(const Workspace& w, int k, const Tensor& a) {
  if (!w[k].defined()) return a;
  copy_values(w[k], a);
  return w[k];
}

Tensor solve_triangular(const Tensor& a, const Tensor& b, const Triangular& how) {
  const auto [matrix, right] = with_one_stack(a, b);
  return apply<SolveTriangular>({how}, matrix, right);
}

static const Entry entry_solve_triangular(
    "solve_triangular(input, B, *, upper, left=True, unitriangular=False)",
    function<linalg_solve_triangular>, kLinalgForm | kOutForm,
    "The solutions X of A X = B, or X A = B, for triangular matrices A (..., n, n); the other half "
    "is not read, and neither is the diagonal where it is said to be ones.",
    "x(3,3, low=0.5, high=2), x(3,2), upper=True | x(3,3, low=0.5, high=2), x(3,2), upper=False "
    "| x(3,3, low=0.5, high=2), x(2,3), upper=True, left=False "
    "| x(3,3), x(2,3), upper=False, left=False, unitriangular=True "
    "| x(2,3,3, low=0.5, high=2), x(3,1), upper=False | xs(3,3, low=0.5, high=2), xs(3,2), "
    "upper=True "
    "| x(3,3, low=0.5, high=2), x(2,3,2), upper=True, unitriangular=True "
    "| x(0,0), x(0,2), upper=True | x(3,3), x(3,0), upper=True | x(18,18, low=0.9, high=1.1), "
    "x(18,2), upper=False "
    "| x(18,18, low=0.9, high=1.1), x(2,18), upper=True, left=False | zw(3,3), z(3,2), upper=True "
    "| zw(3,3), z(2,3), upper=False, left=False");
static const Entry entry_triangular_solve(
    "triangular_solve(input, A, upper=True, transpose=False, unitriangular=False)",
    function<triangular_solve>, kBoth,
    "The solutions X of A X = input for triangular matrices A, and a copy of A.",
    "x(3,2), x(3,3, low=0.5, high=2) | x(2,3,2), x(3,3, low=0.5, high=2), False "
    "| x(3,2), x(3,3, low=0.5, high=2), True, True | x(3,2), x(3,3), transpose=True, "
    "unitriangular=True | z(3,2), zw(3,3), True, True",
    "solution, cloned_coefficient");

}  // namespace pullback
