// Eigenvalues and eigenvectors of any square matrices, which are complex.
//
// With A V = V diag(w) and P = V^-1 dA V the vectors move by V X, X = P / (w_j - w_i), less what
// would change their length.  As in eigh.cpp a quotient is dropped where numerator and gap are
// nothing, which is so where values repeat and a loss does not depend on the choice of vectors.
#include <limits>

#include "kernels/linalg/eigen.h"
#include "ops/followed.h"
#include "ops/linalg/lu.h"
#include "ops/linalg/matrices.h"
#include "ops/linalg/spectral.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/pointwise/compare.h"
#include "ops/pointwise/select.h"
#include "ops/shape/view.h"
#include "ops/table.h"

namespace pullback {
namespace {

// Values that repeat are found less exactly than those of symmetric matrices.
constexpr double kRounding = 128;

struct Eig {
  static constexpr const char* kNode = "LinalgEigBackward0";
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 3;  // values, vectors, info
  static constexpr bool kComplex = true;
  struct Attrs {
    bool vectors;
    DType from;
    Attrs batched(std::int64_t) const { return *this; }
  };
  static std::array<Spec, 3> spec(const Attrs& a, In in) {
    const DType dtype = complex_of(a.from);
    const Dims& vectors = a.vectors ? in[0].shape() : with(stack_of(in[0]), {0, 0});
    return {Spec{stack_of(in[0], 1), dtype}, Spec{vectors, dtype}, info_spec(in[0])};
  }
  static std::array<Tensor, 3> make_all(const Attrs&, const Tensor&,
                                        const std::array<Spec, 3>& specs) {
    return {Tensor::empty(specs[0].sizes, specs[0].dtype), empty_columns(specs[1]),
            Tensor::empty(specs[2].sizes, specs[2].dtype)};
  }
  static void workspace(const Attrs& a, In in, const Tensor&, Workspace& w) {
    w.need(0, transposed_alias(in[0]).sizes(), complex_of(a.from));
  }
  static void fill(const Attrs& a, In in, const std::array<Tensor, 3>& out, const Workspace& w) {
    kernels::eig(view_of(columns(w, 0, in[0])), view_of(out[0]), view_of(out[1]), view_of(out[2]),
                 !is_complex(a.from), a.vectors);
  }

  static Tensor gaps_of(const Tensor& w) { return unsqueeze(w, -2) - unsqueeze(w, -1); }
  static Tensor lengths(const Tensor& couplings) {
    return unsqueeze(real(diagonal(couplings, 0, -2, -1)), -2);
  }
  // NaN where two vectors are one: a defective matrix, of which quotients that vanish say nothing.
  static Tensor without_basis(const Tensor& inner, const Tensor& angles) {
    const Tensor one = [&] {
      const GradMode off(false);
      const ForwardMode no_forward(false);
      const std::int64_t n = rows_of(angles);
      const double bound = 1 - 8 * static_cast<double>(n) * unit_of(angles.dtype());
      return logical_and(ge(abs(angles), bound), logical_not(identity(n, DType::Bool)));
    }();
    return masked_fill(inner, one, std::numeric_limits<double>::quiet_NaN());
  }
  static constexpr Reads kReads = kReadsY | kReadsZ;
  static void vjp(Vjp<Eig>& v) {
    const Tensor& gw = v.grad(0);
    const Tensor& gv = v.grad(1);
    if (!gw.defined() && !gv.defined()) return;
    const Tensor vectors = v.out(1);
    const Tensor turned = adjoint(vectors);
    Tensor right = gw.defined() && !gv.defined() ? unsqueeze(gw, -1) * turned : Tensor();
    if (gv.defined()) {
      const Tensor w = v.out(0);
      const Tensor couplings = matmul(turned, gv);
      check_phases("linalg_eig_backward: The eigenvectors", couplings);
      const Tensor angles = matmul(turned, vectors);
      const Tensor inner = without_basis(couplings - angles * lengths(couplings), angles);
      Tensor middle =
          quotient(inner, conj(gaps_of(w)), {w, couplings, !gw.defined(), true, kRounding});
      if (gw.defined()) middle = middle + diag_embed(gw);
      right = matmul(middle, turned);
    }
    v.give(0, cast_gradient(checked_solution(turned, right), v.attrs().from));
  }
  static std::array<Tensor, 3> jvp(Jvp<Eig>& j) {
    const Tensor& w = j.out(0);
    const Tensor& vectors = j.out(1);
    const Tensor change = cast(j.tangent(0), w.dtype());
    const Tensor moved = checked_solution(vectors, matmul(change, vectors));
    const Tensor turn =
        matmul(vectors, quotient(moved, gaps_of(w), {w, moved, true, true, kRounding}));
    const Tensor longer = lengths(matmul(adjoint(vectors), turn));
    return {diagonal(moved, 0, -2, -1), turn - vectors * longer, Tensor()};
  }
};

std::array<Tensor, 3> decomposed(const char* name, const Tensor& a, bool vectors) {
  check_square(name, a);
  check(is_differentiable(a.dtype()), "Unknown Complex ScalarType for ",
        info(a.dtype()).scalar_name);
  check_kernel("linalg_eig_out_cpu", a);
  std::array<Tensor, 3> result = apply<Eig>({vectors, a.dtype()}, a);
  int code = 0;
  const std::int64_t index = first_failed(result[2], code);
  if (index < 0) return result;
  check(code > 0, "torch.linalg.eig: input tensor should not contain infs or NaNs.");
  fail(ErrorKind::LinAlg, name, ": ", batch_element(result[2], index),
       "The algorithm failed to converge because the input matrix is ill-conditioned or has too "
       "many repeated eigenvalues (error code: ",
       code, ").");
}

std::array<Tensor, 2> eig(const Tensor& a) {
  std::array<Tensor, 3> result = decomposed("linalg.eig", a, true);
  return {std::move(result[0]), std::move(result[1])};
}

Tensor eigvals(const Tensor& a) { return decomposed("linalg.eigvals", a, is_followed({&a}))[0]; }

}  // namespace

static const Entry entry_eig(
    "eig(input)", function<eig>, kLinalgForm | kOutForm,
    "The eigenvalues of square matrices (..., n, n) in no order, and eigenvectors of length 1 as "
    "columns, all complex.  RuntimeError where a matrix is not finite; the gradient of vectors "
    "needs n of them that are independent.",
    "w(3,3) | w(2,3,3) | xs(3,3) | x(1,1) | x(0,0) | zw(3,3) | z(2,2,2)",
    "eigenvalues, eigenvectors", nullptr, "vectors={1: -2}, free=True");
static const Entry entry_eigvals("eigvals(input)", function<eigvals>, kLinalgForm | kOutForm,
                                 "The eigenvalues of square matrices (..., n, n) in no order, "
                                 "which are complex.",
                                 "w(3,3) | w(2,3,3) | xs(3,3) | x(1,1) | x(0,0) | zw(3,3)");

}  // namespace pullback
