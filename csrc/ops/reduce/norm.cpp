// Vector norms, and distances between two tensors.
//
// At the zero vector every norm has the gradient zero; the greatest absolute values share that of
// the infinity norm.
#include <cmath>
#include <limits>

#include "graph/meta.h"
#include "kernels/reduce/reduce.h"
#include "ops/absorb.h"
#include "ops/basic.h"
#include "ops/op.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/pointwise/compare.h"
#include "ops/pointwise/select.h"
#include "ops/reduce/norm.h"
#include "ops/reduce/reduction.h"
#include "ops/table.h"

namespace pullback {
namespace {

struct Norm {
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  struct Attrs {
    DimSet dims;
    double ord;
    int ndim;
    bool keepdim;
    DType dtype;
    DType from_dtype;
    const char* node;
    Attrs batched(std::int64_t) const {
      Attrs b = *this;
      b.dims = dims.batched();
      ++b.ndim;
      return b;
    }
  };
  static const char* node_name(const Attrs& a) { return a.node; }
  static Spec spec(const Attrs& a, In in) {
    return {reduced_sizes(in[0].sizes(), a.dims, a.keepdim), a.dtype};
  }
  static void workspace(const Attrs&, In in, const Tensor& out, Workspace& w) {
    if (in[0].dtype() != out.dtype()) w.need(0, in[0].sizes(), out.dtype());
  }
  static void fill(const Attrs& a, In in, const Tensor& out, const Workspace& w) {
    const Tensor& x = w.dense(0, in[0]);
    kernels::reduce(kernels::Reduce::NormP, KeepView(out, a.dims, x.sizes(), a.keepdim), view_of(x),
                    a.ord);
  }
  static constexpr Reads kReads = kReadsX | kReadsY;

  // t times the derivative, elementwise; y and t broadcast to x.
  static Tensor times_slope(const Attrs& a, const Tensor& t, const Tensor& x, const Tensor& y) {
    const double p = a.ord;
    if (p == 1) return t * sign(x);
    // Zeros over infinity are zero in every order.
    if (p == 2) return t * (x / masked_fill(y, eq(y, 0), std::numeric_limits<double>::infinity()));
    if (std::isinf(p)) return t * (sign(x) * tie_shares(abs(x), y, a.dims, true));
    // Powers of the ratio: those of x and y alone overflow.
    const Tensor none = eq(y, 0);
    const Tensor ratio = x / masked_fill(y, none, 1);
    // A zero keeps out of the power: the next derivative is infinite or 0 * inf there for most
    // orders, and the ratio would carry that to y and so to all elements.
    const Tensor zero = eq(x, 0);
    const Tensor size = abs(masked_fill(ratio, zero, 1));
    Tensor slope = p < 2 ? sign(x) * pow(size, p - 1) : ratio * pow(size, p - 2);
    if (p < 1) return t * masked_fill(slope, logical_or(zero, none), 0);
    // Between 1 and 2 it is infinite at the zero itself, which must not look like a number.
    slope = p < 2 ? where(zero, sign(x) * pow(abs(x), p - 1), slope) : masked_fill(slope, zero, 0);
    return slope * masked_fill(t, none, 0);
  }
  static void vjp(Vjp<Norm>& v) {
    const Attrs& a = v.attrs();
    if (a.ord == 0) return v.give(0, Tensor::zeros(v.in(0).sizes(), a.from_dtype));
    const Tensor x = cast(v.in(0), a.dtype);
    const Tensor y = keep_layout(v.out(), a.dims, a.ndim, a.keepdim);
    const Tensor g = keep_layout(v.grad(), a.dims, a.ndim, a.keepdim);
    v.give(0, cast(absorb(g, times_slope(a, g, x, y)), a.from_dtype));
  }
  static Tensor jvp(Jvp<Norm>& j) {
    const Attrs& a = j.attrs();
    if (a.ord == 0) return {};
    const Tensor y = keep_layout(j.out(), a.dims, a.ndim, a.keepdim);
    return sum(times_slope(a, cast(j.tangent(0), a.dtype), cast(j.in(0), a.dtype), y), a.dims,
               a.keepdim);
  }
};

void check_identity(const Tensor& input, double ord, const std::optional<Dims>& dim, DimSet dims) {
  if (input.numel() != 0 || !(ord < 0 || std::isinf(ord))) return;
  if (!dim || dim->empty()) {
    fail("linalg.vector_norm cannot compute the ", ord,
         " norm on an empty tensor because the operation does not have an identity");
  }
  for (int d = 0; d < input.ndim(); ++d) {
    check(!dims.has(d) || input.size(d) != 0, "linalg.vector_norm cannot compute the ", ord,
          " norm on the dimension ", d,
          " because this dimension is empty and the operation does not have an identity");
  }
}

// Powers from here on overflow for ordinary numbers.
constexpr double kSteep = 32;

// Of the input in units of its greatest (for ord < 0 smallest) absolute value.  The unit is a
// constant: it cancels, in all derivatives too.
Tensor steep_norm(const char* node, const Tensor& input, double ord, DimSet dims, bool keepdim) {
  Dims reduced;
  for (int d = 0; d < input.ndim(); ++d) {
    if (dims.has(d)) reduced.push_back(d);
  }
  const Tensor size = abs(detached(input));
  Tensor unit = size;
  if (!reduced.empty()) unit = ord > 0 ? amax(size, reduced, true) : amin(size, reduced, true);
  unit = masked_fill(unit, logical_or(eq(unit, 0), logical_not(isfinite(unit))), 1);
  const DType dtype = input.dtype();
  const Tensor norm =
      apply<Norm>({dims, ord, input.ndim(), true, dtype, dtype, node}, input / unit);
  return reshape(norm * unit, reduced_sizes(input.sizes(), dims, keepdim));
}

// Of complex numbers, the norm of order 2: that of all parts.
Tensor norm_of_parts(const char* node, const Tensor& input, DimSet dims, bool keepdim) {
  const DType real = real_of(input.dtype());
  const DimSet all(dims.bits() | DimSet::one(input.ndim()).bits());
  const Tensor norm =
      apply<Norm>({all, 2, input.ndim() + 1, keepdim, real, real, node}, view_as_real(input));
  return keepdim ? squeeze_dim(norm, -1) : norm;
}

Tensor norm_of(const char* node, const Tensor& input, double ord, const std::optional<Dims>& dim,
               bool keepdim, std::optional<DType> dtype) {
  const DType result = norm_dtype(input, dtype);
  const DimSet dims = reduced_dims(dim, input.ndim());
  check_identity(input, ord, dim, dims);
  if (std::isnan(ord) && input.numel() == 0) ord = 2;  // of nothing
  if (is_complex(result)) {
    const Tensor x = cast(input, result);
    return ord == 2 ? norm_of_parts(node, x, dims, keepdim)
                    : norm_of(node, abs(x), ord, dim, keepdim, {});
  }
  if (std::abs(ord) >= kSteep && std::isfinite(ord) && input.numel() > 0) {
    return steep_norm(node, cast(input, result), ord, dims, keepdim);
  }
  return apply<Norm>({dims, ord, input.ndim(), keepdim, result, input.dtype(), node}, input);
}

using OptionalDims = const std::optional<Dims>&;

Tensor linalg_vector_norm(const Tensor& x, Scalar ord, OptionalDims dim, bool keepdim,
                          std::optional<DType> dtype) {
  return vector_norm(x, ord.to_double(), dim, keepdim, dtype);
}

Tensor dist(const Tensor& input, const Tensor& other, Scalar p) {
  const DType dtype = result_type(input, other);
  check(is_differentiable(dtype),
        "norm(): input dtype should be either floating point or complex. Got ",
        info(dtype).scalar_name, " instead.");
  return norm_of("DistBackward0", input - other, p.to_double(), {}, false, {});
}

}  // namespace

DType norm_dtype(const Tensor& input, std::optional<DType> dtype) {
  check(is_differentiable(input.dtype()),
        "linalg.vector_norm: Expected a floating point or complex tensor as input. Got ",
        info(input.dtype()).scalar_name);
  if (!dtype) return input.dtype();
  check(is_differentiable(*dtype),
        "linalg.vector_norm: dtype should be floating point or complex, but got ",
        info(*dtype).scalar_name);
  check(is_complex(*dtype) == is_complex(input.dtype()), "linalg.vector_norm: dtype should be ",
        is_complex(input.dtype()) ? "complex" : "real", " for ",
        is_complex(input.dtype()) ? "complex" : "real", " inputs, but got ",
        info(*dtype).scalar_name);
  check(promote_types(input.dtype(), *dtype) == *dtype,
        "linalg.vector_norm: the dtype of the input (", info(input.dtype()).scalar_name,
        ") should be convertible without narrowing to the specified dtype (",
        info(*dtype).scalar_name, ")");
  return *dtype;
}

Tensor vector_norm(const Tensor& input, double ord, const std::optional<Dims>& dim, bool keepdim,
                   std::optional<DType> dtype) {
  return norm_of("LinalgVectorNormBackward0", input, ord, dim, keepdim, dtype);
}

Tensor pairwise_distance(const Tensor& x1, const Tensor& x2, double p, double eps, bool keepdim) {
  return norm_of("NormBackward1", x1 - x2 + eps, p, Dims{-1}, keepdim, {});
}

static const Entry entry_linalg_vector_norm(
    "vector_norm(input, ord=2, dim[1]=None, keepdim=False, *, dtype=None)",
    direct<linalg_vector_norm>, kLinalgForm | kOutForm,
    "The norm of order `ord` over one dimension or several.",
    "x(3,4) | x(3,4), 1, 0 | x(3,4), inf, -1, True | x(3,4), -inf | x(3,4), 2.5, (0,1) "
    "| x(3,4), 0.5, 1 | x(), 3 | xs(3,4), dim=1 | x(3,0), 2, 0 | x(3,4), -1, 0 | x(3,4), 1.5");
static const Entry entry_dist("dist(input, other, p=2)", function<dist>,
                              kFunctionForm | kMethodForm, "The p-norm of input - other.",
                              "x(3,4), x(3,4) | x(3,4), x(4), 1 | x(3), x(3), p=3");
static const Entry entry_pairwise_distance(
    "pairwise_distance(x1, x2, p=2.0, eps=1e-6, keepdim=False)", function<pairwise_distance>,
    kFunctionForm | kNNForm, "The p-norm of x1 - x2 + eps along the last dimension.",
    "x(3,4), x(3,4) | x(3,4), x(4), 3.0, keepdim=True");

}  // namespace pullback
