// Factors L D L^T (L D L^H) of symmetric (Hermitian) matrices and systems from them.
//
// The pivots may change anywhere, so the factors have no derivative, as in torch; a solution is a
// linear function of the right side.
#include "kernels/linalg/ldl.h"

#include <cstdlib>

#include "ops/linalg/matrices.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/shape/view.h"
#include "ops/table.h"
#include "ops/undifferentiated.h"

namespace pullback {
namespace {

struct LdlFactor {
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 3;  // L and D in one, pivots, info
  static constexpr bool kComplex = true;
  static constexpr bool kNotDifferentiable = true;
  struct Attrs {
    bool hermitian;
    Attrs batched(std::int64_t) const { return *this; }
  };
  static std::array<Spec, 3> spec(const Attrs&, In in) {
    return {Spec{in[0].shape(), in[0].dtype()}, Spec{stack_of(in[0], 1), DType::Int32},
            info_spec(in[0])};
  }
  static std::array<Tensor, 3> make_all(const Attrs&, const Tensor&,
                                        const std::array<Spec, 3>& specs) {
    return {empty_columns(specs[0]), Tensor::empty(specs[1].sizes, specs[1].dtype),
            Tensor::empty(specs[2].sizes, specs[2].dtype)};
  }
  static void fill(const Attrs& a, In in, const std::array<Tensor, 3>& out) {
    copy_values(out[0], in[0]);
    kernels::ldl(view_of(out[0]), view_of(out[1]), view_of(out[2]), a.hermitian);
  }
};

std::array<Tensor, 3> ldl_factor_ex(const Tensor& a, bool hermitian, bool check_errors) {
  const char* name = "torch.linalg.ldl_factor_ex";
  check_square(name, a);
  check_floating(name, a);
  check_kernel("ldl_factor_kernel_cpu", a);
  std::array<Tensor, 3> result = unfollowed([&] { return apply<LdlFactor>({hermitian}, tril(a)); });
  if (mode.grad) record_refusal(result[0], {&a}, "NotImplemented", "linalg_ldl_factor_ex");
  int element = 0;
  const std::int64_t index = check_errors ? first_failed(result[2], element) : -1;
  if (index >= 0) {
    fail(ErrorKind::LinAlg, name, ": ", batch_element(result[2], index), "The diagonal element ",
         element, " of D is zero, so the matrix is singular.");
  }
  return result;
}

std::array<Tensor, 2> ldl_factor(const Tensor& a, bool hermitian) {
  std::array<Tensor, 3> result = ldl_factor_ex(a, hermitian, true);
  return {std::move(result[0]), std::move(result[1])};
}

struct LdlSolve {
  static constexpr const char* kNode = "LinalgLdlSolveBackward0";
  static constexpr int kInputs = 3;  // the factors, pivots, B
  static constexpr int kOutputs = 1;
  static constexpr bool kComplex = true;
  struct Attrs {
    bool hermitian;
    Attrs batched(std::int64_t) const { return *this; }
  };
  static Spec spec(const Attrs&, In in) { return {in[2].shape(), in[2].dtype()}; }
  static Tensor make_for(const Attrs&, In, const Spec& spec) { return empty_columns(spec); }
  static void workspace(const Attrs&, In in, const Tensor&, Workspace& w) {
    need_columns_unless(w, 0, in[0]);
    w.need_dense(1, in[1]);
  }
  static void fill(const Attrs& a, In in, const Tensor& out, const Workspace& w) {
    copy_values(out, in[2]);
    const Tensor factors = columns_or(w, 0, in[0]);
    kernels::solve_ldl(view_of(factors), view_of(w.dense(1, in[1])), view_of(out), a.hermitian);
  }
  static void refuse_factors(ErrorKind kind) {
    fail(kind, "derivative for aten::linalg_ldl_solve by LD is not implemented");
  }
  static constexpr Reads kReads[] = {kReadsNothing, kReadsNothing, kReadsA | kReadsB};
  static void vjp(Vjp<LdlSolve>& v) {
    if (v.wants(0)) refuse_factors(ErrorKind::Runtime);
    if (!v.wants(2)) return;
    // A symmetric matrix is the conjugate of its adjoint.
    const bool turns = !v.attrs().hermitian;
    const Tensor gradient = turns ? conj(v.grad()) : v.grad();
    const Tensor right = apply<LdlSolve>(v.attrs(), v.in(0), v.in(1), gradient);
    v.give(2, turns ? conj(right) : right);
  }
  static Tensor jvp(Jvp<LdlSolve>& j) {
    if (j.tangent(0).defined()) refuse_factors(ErrorKind::NotImplemented);
    return apply<LdlSolve>(j.attrs(), j.in(0), j.in(1), j.tangent(2));
  }
};

// Rows counted from 1, and in pairs their negatives for blocks of two; others would be outside.
void check_pivots(const char* name, const Tensor& pivots, std::int64_t n) {
  const Tensor all = copy_to_dtype(of_all_examples(pivots), DType::Int32);
  const auto* rows = all.data<std::int32_t>();
  bool paired = false;
  for (std::int64_t i = 0; i < all.numel(); ++i) {
    const std::int64_t row = rows[i];
    const bool opens = row < 0 && !paired;
    check(std::abs(row) >= 1 && std::abs(row) <= n && (row < 0 || !paired) &&
              !(opens && i % n == n - 1),
          name, ": pivots must be rows between 1 and ", n,
          ", or their negatives in pairs, but got ", row, " at position ", i % n,
          ". Pass the pivots that ldl_factor gives with LD.");
    paired = opens;
  }
}

Tensor ldl_solve(const Tensor& ld, const Tensor& pivots, const Tensor& b, bool hermitian) {
  const char* name = "torch.linalg.ldl_solve";
  check_square(name, ld, "LD");
  check_floating(name, ld);
  check_matrix(name, b, "B");
  check(rows_of(b) == columns_of(ld), "Incompatible matrix sizes for ", name, ": each A matrix is ",
        rows_of(ld), " by ", columns_of(ld), " but each b matrix is ", rows_of(b), " by ",
        columns_of(b));
  check(same(pivots.sizes(), stack_of(ld, 1)), name,
        ": Expected LD.shape[:-1] and pivots.shape to be the same, but got pivots with shape ",
        pivots.shape());
  check(pivots.dtype() == DType::Int32, name, ": Expected pivots to be of dtype torch.int32, got ",
        info(pivots.dtype()).scalar_name);
  check_pivots(name, pivots, rows_of(ld));
  check_same_types(name, ld, b);
  check_kernel("ldl_solve_kernel_cpu", ld);
  const auto [factors, right] = with_one_stack(ld, b);
  const Dims sizes = stack_of(factors, 1);
  return apply<LdlSolve>({hermitian}, factors,
                         same(pivots.sizes(), sizes) ? pivots : expand(pivots, sizes), right);
}

}  // namespace

static const Entry entry_ldl_factor(
    "ldl_factor(input, *, hermitian=False)", function<ldl_factor>, kLinalgForm | kOutForm | kNoGrad,
    "L and D of symmetric A = L D L^T in one matrix (with hermitian of A = L D L^H), up to a "
    "permutation, and LAPACK's pivots; the "
    "lower half is read.  LinAlgError where D has a zero.",
    "c(3,3) | c(2,3,3) | cs(4,4) | c(0,0) | c(18,18)", "LD, pivots");
static const Entry entry_ldl_factor_ex(
    "ldl_factor_ex(input, *, hermitian=False, check_errors=False)", function<ldl_factor_ex>,
    kLinalgForm | kOutForm | kNoGrad,
    "The same, and for each matrix the number of the first zero of D, or 0.",
    "c(3,3) | c(2,3,3), check_errors=True", "LD, pivots, info");
static const Entry entry_ldl_solve(
    "ldl_solve(LD, pivots, B, *, hermitian=False)", function<ldl_solve>, kLinalgForm | kOutForm,
    "The solutions X of A X = B from what ldl_factor gives for A.  The gradient is that of B.",
    "c(3,3, low=0.5, high=2), p(3), x(3,2) | c(2,3,3, low=0.5, high=2), p(2,3), x(3,2) "
    "| c(0,0), p(0), x(0,2)");

}  // namespace pullback
