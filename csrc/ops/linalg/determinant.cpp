// Determinants and their logarithms.
//
// The gradient of det is the matrix of cofactors: det A times the inverse where there is one, and
// where some matrix has none the products of singular values but one between their vectors, which
// are right at any rank.  Where that is followed it is the determinants of the minors, which are
// right to any order, and take n^2 determinants.
#include "kernels/linalg/lu.h"
#include "kernels/reduce/finite.h"
#include "ops/followed.h"
#include "ops/linalg/lu.h"
#include "ops/linalg/matrices.h"
#include "ops/linalg/spectral.h"
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

// The factors of a determinant, column-major, and pivots behind its results.
std::array<Tensor, 2> make_factors(const Spec& lu, const Spec& pivots) {
  return {empty_columns(lu), Tensor::empty(pivots.sizes, pivots.dtype)};
}

void factor(const Tensor& lu, const Tensor& pivots, const Tensor& info, const Tensor& a) {
  copy_values(lu, a);
  kernels::lu(view_of(lu), view_of(pivots), view_of(info));
}

// The sum over each matrix of the products of elements.
Tensor inner_products(const Tensor& a, const Tensor& b) { return sum(conj(a) * b, Dims{-2, -1}); }
Tensor for_matrices(const Tensor& numbers) { return unsqueeze(unsqueeze(numbers, -1), -1); }

Tensor det(const Tensor& a);

// All but one of n along a dimension.
Tensor without(const Tensor& a, std::int64_t dim, std::int64_t at, std::int64_t n) {
  return cat({narrow(a, dim, 0, at), narrow(a, dim, at + 1, n - at - 1)}, dim);
}

Tensor cofactors_by_minors(const Tensor& a) {
  const std::int64_t n = rows_of(a);
  std::vector<Tensor> rows;
  for (std::int64_t i = 0; i < n; ++i) {
    const Tensor fewer = without(a, -2, i, n);
    std::vector<Tensor> minors;
    for (std::int64_t j = 0; j < n; ++j) minors.push_back(without(fewer, -1, j, n));
    rows.push_back(stack(minors, -3));
  }
  const Tensor signs = Tensor::full(Dims{n, n}, Scalar(1), a.dtype());
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t first = i % 2 == 0 ? 1 : 0;
    const std::int64_t count = (n - first + 1) / 2;
    fill_values(signs.alias(Dims{count}, Dims{2}, i * n + first), Scalar(-1));
  }
  return det(stack(rows, -4)) * signs;
}

// Up to this size the minors are as quick, and more exact.
constexpr std::int64_t kByMinors = 4;

bool is_finite(const Tensor& a) {
  return !kernels::has_nan(view_of(contiguous(mul_number(abs(of_all_examples(a)), 0))));
}

// The conjugates of the cofactors of A = U S V^H: det U det V^H conj times U, the products of all
// singular values but one, and V^H (Stewart, On the adjugate matrix, 1998).
Tensor conjugate_cofactors_by_svd(const Tensor& a) {
  const Singular parts = svd(a);
  const Along up{parts.s.ndim() - 1}, down = up.back();
  const Tensor others = shift(cumprod(parts.s, up), up, 1) * shift(cumprod(parts.s, down), down, 1);
  const Tensor turn = conj(det(parts.u) * det(parts.vh));
  return for_matrices(turn) * matmul(parts.u * unsqueeze(others, -2), parts.vh);
}

struct Det {
  static constexpr const char* kNode = "LinalgDetBackward0";
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 3;  // the determinant, the factors of A, pivots
  static constexpr bool kComplex = true;
  struct Attrs {
    Attrs batched(std::int64_t) const { return *this; }
  };
  static std::array<Spec, 3> spec(const Attrs&, In in) {
    return {Spec{stack_of(in[0]), in[0].dtype()}, Spec{in[0].shape(), in[0].dtype()},
            Spec{stack_of(in[0], 1), DType::Int32}};
  }
  static std::array<Tensor, 3> make_all(const Attrs&, const Tensor&,
                                        const std::array<Spec, 3>& specs) {
    std::array<Tensor, 2> factors = make_factors(specs[1], specs[2]);
    return {Tensor::empty(specs[0].sizes, specs[0].dtype), std::move(factors[0]),
            std::move(factors[1])};
  }
  static void workspace(const Attrs&, In in, const Tensor&, Workspace& w) {
    w.need(0, stack_of(in[0]), DType::Int32);
  }
  static void fill(const Attrs&, In in, const std::array<Tensor, 3>& out, const Workspace& w) {
    factor(out[1], out[2], w[0], in[0]);
    kernels::determinants(view_of(out[0]), view_of(out[1]), view_of(out[2]));
  }
  static constexpr Reads kReads = kReadsA | kReadsY | kReadsZ | kReadsV;

  // The gradient of the determinant, times g.
  static Tensor times_cofactors(const Tensor& a, const Tensor& g, const Tensor& det,
                                const Tensor& lu, const Tensor& pivots) {
    if (kernels::any_singular(view_of(of_all_examples(lu)))) {
      const bool few = rows_of(a) <= kByMinors || is_followed({&a, &g}) || !is_finite(a);
      return for_matrices(g) * (few ? conj(cofactors_by_minors(a)) : conjugate_cofactors_by_svd(a));
    }
    const Tensor factor = for_matrices(g * conj(det));
    if (is_followed({&a, &g})) return factor * adjoint(inverse_of(a));
    return solve_by_lu(lu, pivots, factor * identity(rows_of(a), a.dtype()), true, true);
  }
  static void vjp(Vjp<Det>& v) {
    if (!v.grad().defined()) return;
    v.give(0, times_cofactors(v.in(0), v.grad(), v.out(), v.out(1), v.out(2)));
  }
  static std::array<Tensor, 3> jvp(Jvp<Det>& j) {
    const Tensor ones = Tensor::full(Dims{}, Scalar(1), j.out().dtype());
    const Tensor cofactors = times_cofactors(j.in(0), ones, j.out(), j.out(1), j.out(2));
    return {inner_products(cofactors, j.tangent(0)), Tensor(), Tensor()};
  }
};

Tensor det(const Tensor& a) { return apply<Det>({}, a)[0]; }

Tensor linalg_det(const Tensor& a) {
  check_floating("linalg.det", a);
  check_square("linalg.det", a);
  check_kernel("lu_cpu", a);
  return det(a);
}

struct Slogdet {
  static constexpr const char* kNode = "LinalgSlogdetBackward0";
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 4;  // sign, logarithm, the factors of A, pivots
  static constexpr bool kComplex = true;
  struct Attrs {
    Attrs batched(std::int64_t) const { return *this; }
  };
  static std::array<Spec, 4> spec(const Attrs&, In in) {
    const Dims stack = stack_of(in[0]);
    return {Spec{stack, in[0].dtype()}, Spec{stack, real_of(in[0].dtype())},
            Spec{in[0].shape(), in[0].dtype()}, Spec{stack_of(in[0], 1), DType::Int32}};
  }
  static std::array<Tensor, 4> make_all(const Attrs&, const Tensor&,
                                        const std::array<Spec, 4>& specs) {
    std::array<Tensor, 2> factors = make_factors(specs[2], specs[3]);
    const auto empty = [](const Spec& s) { return Tensor::empty(s.sizes, s.dtype); };
    return {empty(specs[0]), empty(specs[1]), std::move(factors[0]), std::move(factors[1])};
  }
  static void workspace(const Attrs&, In in, const Tensor&, Workspace& w) {
    w.need(0, stack_of(in[0]), DType::Int32);
  }
  static void fill(const Attrs&, In in, const std::array<Tensor, 4>& out, const Workspace& w) {
    factor(out[2], out[3], w[0], in[0]);
    kernels::log_determinants(view_of(out[0]), view_of(out[1]), view_of(out[2]), view_of(out[3]));
  }
  static constexpr Reads kReads = kReadsA | kReadsY | kReadsV | kReadsW;
  // A sign of a real matrix stays as it is; that of a complex one turns by the imaginary part of
  // what moves the logarithm.
  static void vjp(Vjp<Slogdet>& v) {
    const Tensor a = v.in(0);
    Tensor whole = v.grad(1);
    if (v.grad(0).defined() && is_complex(a.dtype())) {
      const Tensor turn = v.grad(0) * conj(v.out());
      whole = sum_of(whole, mul_number(turn - conj(turn), 0.5));
    }
    if (!whole.defined())
      return v.give(0, a.numel() == 0 ? Tensor() : expanded_zeros(a.sizes(), a.dtype()));
    const Tensor factor = for_matrices(whole);
    if (is_followed({&a, &factor})) return v.give(0, factor * adjoint(inverse_of(a)));
    const Tensor right = factor * identity(rows_of(a), a.dtype());
    v.give(0, solve_by_lu(v.out(2), v.out(3), right, true, true));
  }
  static std::array<Tensor, 4> jvp(Jvp<Slogdet>& j) {
    const Tensor whole = inner_products(adjoint(inverse_of(j.in(0))), j.tangent(0));
    if (!is_complex(whole.dtype())) return {Tensor(), whole, Tensor(), Tensor()};
    const Tensor turn = mul_number(whole - conj(whole), 0.5);
    return {turn * j.out(), real(whole), Tensor(), Tensor()};
  }
};

std::array<Tensor, 2> slogdet(const Tensor& a) {
  check_wide("linalg.slogdet", a);
  check_square("linalg.slogdet", a);
  std::array<Tensor, 4> result = apply<Slogdet>({}, a);
  return {std::move(result[0]), std::move(result[1])};
}

Tensor logdet(const Tensor& a) {
  check_wide("logdet", a);
  check_square("logdet", a);
  const std::array<Tensor, 2> parts = slogdet(a);
  if (is_complex(a.dtype())) return log(parts[0]) + parts[1];
  return where(eq(parts[0], -1), std::numeric_limits<double>::quiet_NaN(), parts[1]);
}

}  // namespace

static const Entry entry_linalg_det(
    "det(A)", function<linalg_det>, kLinalgForm | kOutForm,
    "The determinants of square matrices (..., n, n).  The gradient is right at singular ones.",
    "x(3,3) | x(2,3,3) | xs(3,3) | x(1,1) | x(0,0) | x(2,2,2,2) | x(0,2,2) | z(3,3)");
static const Entry entry_det("det(input)", function<linalg_det>, kFunctionForm | kMethodForm,
                             "The determinants of square matrices.", "x(3,3) | x(2,3,3)");
static const Entry entry_linalg_slogdet("slogdet(A)", function<slogdet>, kLinalgForm | kOutForm,
                                        "The signs of the determinants of square matrices, and the "
                                        "logarithms of their absolute values.",
                                        "x(3,3) | x(2,3,3) | xs(3,3) | x(0,0) | spd(18) | z(3,3)",
                                        "sign, logabsdet");
static const Entry entry_slogdet("slogdet(input)", function<slogdet>, kBoth,
                                 "The same as linalg.slogdet.", "x(3,3) | x(2,3,3)",
                                 "sign, logabsdet");
static const Entry entry_logdet("logdet(input)", function<logdet>, kFunctionForm | kMethodForm,
                                "The logarithms of the determinants of square matrices; NaN where "
                                "one of a real matrix is negative.",
                                "spd(3) | spd(2,3) | spd(0) | z(3,3)");

}  // namespace pullback
