// Pseudo-inverses and what stands on singular values: ranks, condition numbers, least squares.
//
// The derivative of a pseudo-inverse is that of Golub and Pereyra, "The differentiation of
// pseudo-inverses and nonlinear least squares problems" (1973), formula 4.12; it holds where the
// rank stays as it is.
#include <algorithm>
#include <limits>
#include <sstream>

#include "ops/linalg/lu.h"
#include "ops/linalg/matrices.h"
#include "ops/linalg/norms.h"
#include "ops/linalg/spectral.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/pointwise/compare.h"
#include "ops/pointwise/select.h"
#include "ops/reduce/reduction.h"
#include "ops/shape/view.h"
#include "ops/table.h"

namespace pullback {
namespace {

using OptionalOperand = const std::optional<Operand>&;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The value of a pseudo-inverse is computed before, from singular values; this gives it its
// derivative, which needs none of them.
struct Pinverse {
  static constexpr const char* kNode = "LinalgPinvBackward0";
  static constexpr int kInputs = 2;  // A, the value
  static constexpr int kOutputs = 1;
  static constexpr bool kComplex = true;
  struct Attrs {
    Attrs batched(std::int64_t) const { return *this; }
  };
  static Spec spec(const Attrs&, In in) { return {in[1].shape(), in[1].dtype()}; }
  static void fill(const Attrs&, In in, const Tensor& out) { copy_values(out, in[1]); }
  static constexpr Reads kReads[] = {kReadsA | kReadsY, kReadsNothing};
  static void vjp(Vjp<Pinverse>& v) {
    if (!v.wants(0)) return;
    const Tensor a = v.in(0);
    const Tensor y = v.out();
    const Tensor turned = adjoint(y);
    const Tensor g = adjoint(v.grad());
    const Tensor right = matmul(g, y);
    const Tensor left = matmul(y, g);
    const Tensor one = matmul(turned, matmul(v.grad(), turned));
    const Tensor two = matmul(right - matmul(a, matmul(y, right)), turned);
    const Tensor three = matmul(turned, left - matmul(matmul(left, y), a));
    v.give(0, two + three - one);
  }
  static Tensor jvp(Jvp<Pinverse>& j) {
    const Tensor& a = j.in(0);
    const Tensor& y = j.out();
    const Tensor& t = j.tangent(0);
    const Tensor turned = adjoint(t);
    const Tensor moved = matmul(t, y);
    const Tensor one = matmul(y, moved);
    const Tensor two = matmul(matmul(y, adjoint(y)), turned - matmul(matmul(turned, a), y));
    const Tensor left = matmul(turned, matmul(adjoint(y), y));
    return two + left - matmul(y, matmul(a, left)) - one;
  }
};

void check_bounds(const char* name, OptionalOperand atol, OptionalOperand rtol) {
  const auto check_real = [name](const char* which, OptionalOperand bound) {
    if (!bound || !bound->is_tensor()) return;
    const DType dtype = bound->tensor().dtype();
    check(!is_complex(dtype), "torch.linalg.", name, ": ", which,
          " tensor of complex type is not supported. Got ", info(dtype).scalar_name);
  };
  check_real("atol", atol);
  check_real("rtol", rtol);
}

// What singular values must exceed: the greater of two bounds, the second times the greatest value.
Tensor cutoff(const Tensor& a, const Tensor& greatest, OptionalOperand atol, OptionalOperand rtol) {
  const double units =
      unit_of(a.dtype()) * static_cast<double>(std::max(rows_of(a), columns_of(a)));
  const DType dtype = real_of(a.dtype());
  const auto bound = [&](OptionalOperand given, double otherwise) {
    if (!given) return Tensor::full(Dims{}, Scalar(otherwise), dtype);
    return given->is_tensor() ? cast(given->tensor(), dtype)
                              : Tensor::full(Dims{}, given->number(), dtype);
  };
  bool absolute = false;
  if (atol) absolute = atol->is_tensor() || atol->number().to_double() > 0;
  const Tensor relative = bound(rtol, absolute ? 0 : units);
  return maximum(bound(atol, 0), relative * greatest);
}

// Absolute values of the eigenvalues of symmetric matrices, or singular values.
Tensor sizes_of_values(const Tensor& a, bool hermitian) {
  return hermitian ? abs(eigvalsh(a)) : svdvals(a);
}

Tensor greatest_of(const Tensor& values) { return amax(values, Dims{-1}, true); }
Tensor with_last(const Tensor& bound) { return unsqueeze(bound, -1); }

Tensor inverse_of_values(const Tensor& values, const Tensor& bound) {
  const Tensor kept = gt(abs(values), bound);
  return where(kept, reciprocal(where(kept, values, 1)), 0);
}

Tensor pinv(const Tensor& a, OptionalOperand atol, OptionalOperand rtol, bool hermitian) {
  const bool fits = a.ndim() >= 2 && is_differentiable(a.dtype()) && !is_narrow(a.dtype());
  if (!fits) {
    fail("linalg.pinv(", info(a.dtype()).scalar_name, "{", a.shape(),
         "}): expected a tensor with 2 or more dimensions of float, double, cfloat or cdouble "
         "types");
  }
  check_bounds("pinv", atol, rtol);
  if (hermitian) check_square("linalg.pinv", a);
  Tensor value;
  {
    const GradMode no_grad(false);
    const ForwardMode no_forward(false);
    if (a.numel() == 0) {
      value = Tensor::zeros(with(stack_of(a), {columns_of(a), rows_of(a)}), a.dtype());
      if (a.has(kBatched)) value = matrix_transpose(a) * 0;
    } else if (hermitian) {
      const auto [w, vectors] = eigh(a);
      const Tensor bound = cutoff(a, greatest_of(abs(w)), atol, rtol);
      const Tensor inverse = inverse_of_values(w, bound);
      value = matmul(vectors * unsqueeze(inverse, -2), adjoint(vectors));
    } else {
      const Singular parts = svd(a);
      const Tensor bound = cutoff(a, greatest_of(parts.s), atol, rtol);
      const Tensor inverse = inverse_of_values(parts.s, bound);
      value = matmul(adjoint(parts.vh) * unsqueeze(inverse, -2), adjoint(parts.u));
    }
  }
  return apply<Pinverse>({}, a, value);
}

std::optional<Operand> bound_for_last(OptionalOperand bound) {
  if (!bound || !bound->is_tensor()) return bound;
  return Operand(with_last(bound->tensor()));
}

Tensor linalg_pinv(const Tensor& a, OptionalOperand atol, OptionalOperand rtol, bool hermitian) {
  return pinv(a, bound_for_last(atol), bound_for_last(rtol), hermitian);
}

Tensor linalg_pinv_rcond(const Tensor& a, const Operand& rcond, bool hermitian) {
  return pinv(a, Operand(0.0), bound_for_last(rcond), hermitian);
}

Tensor pinverse(const Tensor& a, double rcond) {
  return pinv(a, Operand(0.0), Operand(rcond), false);
}

Tensor rank_above(const Tensor& a, OptionalOperand atol, OptionalOperand rtol, bool hermitian) {
  check_matrix("linalg.matrix_rank", a);
  check_bounds("matrix_rank", atol, rtol);
  const GradMode no_grad(false);
  const ForwardMode no_forward(false);
  if (hermitian) check_square("linalg.matrix_rank", a);
  const bool has_unit = is_differentiable(a.dtype()) && !is_narrow(a.dtype());
  check(rtol || has_unit,
        "This function doesn't handle types other than float and double: linalg.matrix_rank "
        "without rtol got ",
        info(a.dtype()).scalar_name);
  const Tensor values = sizes_of_values(a, hermitian);
  if (rows_of(a) == 0 || columns_of(a) == 0) return sum(gt(values, 0), Dims{-1});
  const Tensor bound = cutoff(a, greatest_of(values), bound_for_last(atol), bound_for_last(rtol));
  return sum(gt(values, bound), Dims{-1});
}

Tensor matrix_rank_tol(const Tensor& a, const Operand& tol, bool hermitian) {
  return rank_above(a, tol, Operand(0.0), hermitian);
}

Tensor matrix_rank(const Tensor& a, OptionalOperand atol, OptionalOperand rtol, bool hermitian) {
  return rank_above(a, atol, rtol, hermitian);
}

// --- condition numbers ---

void check_cond(const Tensor& a) {
  check(a.ndim() >= 2, "linalg.cond: The input tensor must have at least 2 dimensions.");
}

Tensor of_empty(const Tensor& a) { return sum(real(a) * 0, Dims{-2, -1}); }

template <typename Order, typename Norm>
Tensor cond_by_norm(const Tensor& a, const Order& order, Norm&& norm) {
  std::ostringstream name;
  name << "linalg.cond(ord=" << order << ")";
  check_square(name.str().c_str(), a);
  check_wide("linalg.inv", a);
  const InverseAndInfo inverse = inverse_with_info(a);
  const Tensor failed = unsqueeze(unsqueeze(gt(inverse.info, 0), -1), -1);
  const Tensor product = norm(a) * norm(masked_fill(inverse.inverse, failed, kInfinity));
  return nan_to_num(product, kInfinity, kInfinity, -kInfinity);
}

Tensor cond(const Tensor& a, const std::optional<Scalar>& p) {
  check_cond(a);
  const double order = p ? p->to_double() : 2;
  if (a.numel() == 0) return of_empty(a);
  if (std::abs(order) == 2) {
    const Tensor s = svdvals(a);
    const std::int64_t k = s.size(s.ndim() - 1);
    const Tensor greatest = narrow(s, -1, 0, 1);
    const Tensor least = narrow(s, -1, k - 1, 1);
    return squeeze_dim(order < 0 ? least / greatest : greatest / least, -1);
  }
  return cond_by_norm(a, order,
                      [&](const Tensor& m) { return matrix_norm(m, order, {-2, -1}, false, {}); });
}

Tensor cond_named(const Tensor& a, std::string_view p) {
  check_cond(a);
  if (a.numel() == 0) return of_empty(a);
  if (p == "nuc") {
    check_floating("linalg.svd", a);
    check_kernel("linalg_svd_cpu", a);
  }
  return cond_by_norm(
      a, p, [&](const Tensor& m) { return matrix_norm_named(m, p, {-2, -1}, false, {}); });
}

// --- least squares ---

enum class Driver : std::uint8_t { Gels, Gelsy, Gelsd, Gelss };

Driver driver_of(const std::optional<std::string_view>& name) {
  if (!name || *name == "gelsy") return Driver::Gelsy;
  if (*name == "gels") return Driver::Gels;
  check(*name == "gelsd" || *name == "gelss",
        "torch.linalg.lstsq: parameter `driver` should be one of (gels, gelsy, gelsd, gelss)");
  return *name == "gelsd" ? Driver::Gelsd : Driver::Gelss;
}

// Singular values up to this share of the greatest count as zero, in LAPACK's reading of rcond:
// gels takes every matrix for one of full rank, the drivers by singular values know numbers that
// stand for the precision.
double share_of(Driver how, double rcond, DType dtype) {
  const double precision = unit_of(dtype) / 2;
  switch (how) {
    case Driver::Gels:
      return 0;
    case Driver::Gelsy:
      return std::clamp(rcond, 0.0, 1 - unit_of(dtype));  // the greatest value counts
    case Driver::Gelsd:
      return rcond <= 0 || rcond >= 1 ? precision : rcond;
    case Driver::Gelss:
      return rcond < 0 ? precision : rcond;
  }
  __builtin_unreachable();
}

std::array<Tensor, 4> lstsq(const Tensor& a, const Tensor& b, std::optional<double> rcond,
                            const std::optional<std::string_view>& driver) {
  const char* name = "torch.linalg.lstsq";
  check(a.ndim() >= 2, name, ": input must have at least 2 dimensions.");
  check(b.ndim() >= 1, name, ": other must have at least 1 dimension.");
  check(a.dtype() == b.dtype(), name,
        ": Expected input and other to have the same dtype, but got "
        "input's dtype ",
        info(a.dtype()).scalar_name, " and other's dtype ", info(b.dtype()).scalar_name);
  check(is_differentiable(a.dtype()) && !is_narrow(a.dtype()),
        "This function doesn't handle types other than float and double");
  const Driver how = driver_of(driver);
  const int difference = a.ndim() - b.ndim();
  check(difference >= 0, name,
        ": input.dim() must be greater or equal to other.dim() and "
        "(input.dim() - other.dim()) <= 1");
  check(difference <= 1, name,
        ": input.dim() must be greater or equal to other.dim() and "
        "(input.dim() - other.dim()) <= 1");
  const bool vector = difference == 1 && same(b.sizes(), stack_of(a, 1));
  check(vector || b.ndim() >= 2, name, ": input.size(-2) should match other.size(-1)");
  const Tensor right = vector ? unsqueeze(b, -1) : b;
  check(rows_of(a) == rows_of(right), name, ": input.size(-2) should match other.size(-2)");
  const std::int64_t m = rows_of(a);
  const std::int64_t n = columns_of(a);
  const double units = unit_of(a.dtype()) * static_cast<double>(std::max(m, n));
  const double relative = share_of(how, rcond.value_or(units), a.dtype());
  const Tensor x = matmul(pinv(a, Operand(0.0), Operand(relative), false), right);
  const auto none = [&](DType dtype) { return Tensor::empty(Dims{0}, dtype); };
  Tensor rank = none(DType::Int64);
  Tensor values = none(real_of(a.dtype()));
  bool full = true;
  if (how != Driver::Gels) {
    const GradMode no_grad(false);
    const ForwardMode no_forward(false);
    const Tensor found = rank_above(a, Operand(0.0), Operand(relative), false);
    const Tensor all = of_all_examples(found);
    for (std::int64_t i = 0; i < all.numel(); ++i) full &= all.data<std::int64_t>()[i] >= n;
    rank = found;
  }
  if ((how == Driver::Gelsd || how == Driver::Gelss) && a.numel() != 0) values = svdvals(a);
  Tensor residuals = none(real_of(a.dtype()));
  if (m > n && full && how != Driver::Gelsy) {
    const Tensor error = matmul(a, x) - right;
    residuals = sum(real(conj(error) * error), Dims{-2});
  }
  return {vector ? squeeze_dim(x, -1) : x, residuals, rank, values};
}

}  // namespace

static const Entry entry_pinv(
    "pinv(input, *, atol=None, rtol=None, hermitian=False)", function<linalg_pinv>,
    kLinalgForm | kCastOutForm,
    "The pseudo-inverses of matrices (..., m, n).  Singular values up to the greater of atol and "
    "rtol times the greatest of them count as zero; rtol is max(m, n) units in the last place "
    "unless one of the two is given.",
    "w(3,3) | w(5,3) | w(3,5) | w(2,3,4) | spd(3), hermitian=True | x(0,3) "
    "| w(4,3), atol=1e-3 | w(4,3), atol=1e-9, rtol=1e-3 "
    "| zw(3,2) | zw(2,3) | zspd(2), hermitian=True");
static const Entry entry_pinv_rcond("pinv(input, rcond, hermitian=False)",
                                    function<linalg_pinv_rcond>, kLinalgForm | kCastOutForm,
                                    "The same with rtol under its old name.",
                                    "w(4,3), 1e-6 | w(2,3), rcond=1e-6");
static const Entry entry_pinverse("pinverse(input, rcond=1e-15)", function<pinverse>,
                                  kFunctionForm | kMethodForm,
                                  "The same as linalg.pinv, under its old name.",
                                  "w(3,4) | w(2,4,3), 1e-6");
static const Entry entry_matrix_rank(
    "matrix_rank(input, *, atol=None, rtol=None, hermitian=False)", function<matrix_rank>,
    kLinalgForm | kCastOutForm | kNoGrad,
    "How many singular values of each matrix exceed the bound, as in pinv.",
    "c(3,4) | c(2,3,3) | spd(3), hermitian=True | c(0,3) | c(3,3), atol=0.5, rtol=0.1");
static const Entry entry_matrix_rank_tol("matrix_rank(input, tol, hermitian=False)",
                                         function<matrix_rank_tol>,
                                         kLinalgForm | kCastOutForm | kNoGrad,
                                         "The same with a bound alone.",
                                         "c(3,4), 0.5 | c(2,3,3), c(2, low=0.1, high=1)");
static const Entry entry_cond("cond(input, p=None)", function<cond>, kLinalgForm | kCastOutForm,
                              "The condition numbers of matrices in the norm of order p, by "
                              "default 2; infinity where one is singular.",
                              "w(3,3) | w(2,3,4) | w(3,3), -2 | w(3,3), 1 | w(2,3,3), inf | "
                              "w(3,3), -1 | zw(3,3) | zw(2,2), 1");
static const Entry entry_cond_named("cond(input, p)", function<cond_named>,
                                    kLinalgForm | kCastOutForm, "The same by the name of the norm.",
                                    "w(3,3), 'fro' | w(3,3), 'nuc'");
static const Entry entry_lstsq(
    "lstsq(input, b, rcond=None, *, driver=None)", function<lstsq>, kLinalgForm | kCastOutForm,
    "The least solutions X of least squares of A X - B, for matrices of any rank; the squared "
    "residuals of overdetermined systems of full rank, ranks and singular values where the driver "
    "gives them (gelsy, the default, gels, gelsd, gelss).",
    "c(5,3), c(5,2) | c(3,5), c(3,2) | c(2,5,3), c(2,5) | c(2,5,3), c(2,5,2), driver='gelsd' "
    "| w(4,3), x(4,2), driver='gels' | zw(4,2), z(4,1), driver='gels'",
    "solution, residuals, rank, singular_values");

}  // namespace pullback
