// cdist: the distances between the rows of two matrices.
//
// For p = 2 the derivatives are matrix products of the size of the inputs; for other p they go
// through the differences of all pairs.  At equal points the gradient is zero.
#include <cmath>

#include "kernels/linalg/distance.h"
#include "ops/basic.h"
#include "ops/linalg/matmul.h"
#include "ops/op.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/pointwise/compare.h"
#include "ops/pointwise/select.h"
#include "ops/reduce/reduction.h"
#include "ops/table.h"

namespace pullback {
namespace {

Tensor row_sums(const Tensor& x) { return sum(x, Dims{-1}); }

struct Cdist {
  static constexpr const char* kNode = "CdistBackward0";
  static constexpr int kInputs = 2;
  static constexpr int kOutputs = 1;
  struct Attrs {
    double p;
    Attrs batched(std::int64_t) const { return *this; }
  };
  static Spec spec(const Attrs&, In in) {
    Dims sizes = in[0].shape();
    sizes[sizes.size() - 1] = in[1].size(in[1].ndim() - 2);
    return {sizes, in[0].dtype()};
  }
  static void workspace(const Attrs&, In in, const Tensor&, Workspace& w) {
    w.need_dense(0, in[0]);
    w.need_dense(1, in[1]);
  }
  static void fill(const Attrs& a, In in, const Tensor& out, const Workspace& w) {
    const Tensor& x1 = w.dense(0, in[0]);
    const Tensor& x2 = w.dense(1, in[1]);
    const int rows = x1.ndim() - 2;
    const kernels::PairSizes sizes{count_elements(x1.sizes().first(std::size_t(rows))),
                                   x1.size(rows), x2.size(rows), x1.size(rows + 1)};
    kernels::pair_distances(out.dtype(), out.bytes(), x1.bytes(), x2.bytes(), sizes, a.p);
  }
  static constexpr Reads kReads = kReadsA | kReadsB | kReadsY;

  // t / y, zero where the points are equal.
  static Tensor over_distance(const Tensor& t, const Tensor& y) {
    return masked_fill(t / y, eq(y, 0), 0);
  }
  // For every pair and coordinate t times the slope; t broadcasts.
  static Tensor pairwise(double p, const Tensor& t, const Tensor& x1, const Tensor& x2,
                         const Tensor& y) {
    const Tensor d = unsqueeze(x1, -2) - unsqueeze(x2, -3);
    if (p == 0) return Tensor::zeros(d.sizes(), d.dtype());
    if (p == 1) return t * sign(d);
    if (std::isinf(p)) return t * (sign(d) * eq(abs(d), y));
    const Tensor powers = masked_fill(pow(abs(d), p - 1), eq(d, 0), 0);
    return sign(d) * powers * masked_fill(t / pow(y, p - 1), eq(y, 0), 0);
  }

  static void vjp(Vjp<Cdist>& v) {
    const double p = v.attrs().p;
    const Tensor x1 = v.in(0);
    const Tensor x2 = v.in(1);
    if (p == 2) {
      const Tensor w = over_distance(v.grad(), v.out());
      const Tensor wt = transpose(w, -2, -1);
      if (v.wants(0)) v.give(0, unsqueeze(row_sums(w), -1) * x1 - matmul(w, x2));
      if (v.wants(1)) v.give(1, unsqueeze(row_sums(wt), -1) * x2 - matmul(wt, x1));
      return;
    }
    const Tensor slopes = pairwise(p, unsqueeze(v.grad(), -1), x1, x2, unsqueeze(v.out(), -1));
    if (v.wants(0)) v.give(0, sum(slopes, Dims{-2}));
    if (v.wants(1)) v.give(1, neg(sum(slopes, Dims{-3})));
  }

  static Tensor jvp(Jvp<Cdist>& j) {
    const double p = j.attrs().p;
    const Tensor& x1 = j.in(0);
    const Tensor& x2 = j.in(1);
    const Tensor& t1 = j.tangent(0);
    const Tensor& t2 = j.tangent(1);
    Tensor total;
    const auto add_part = [&](const Tensor& part) {
      total = total.defined() ? total + part : part;
    };
    if (p == 2) {
      if (t1.defined()) {
        add_part(unsqueeze(row_sums(t1 * x1), -1) - matmul(t1, transpose(x2, -2, -1)));
      }
      if (t2.defined()) {
        add_part(unsqueeze(row_sums(t2 * x2), -2) - matmul(x1, transpose(t2, -2, -1)));
      }
      return over_distance(total, j.out());
    }
    if (t1.defined()) add_part(unsqueeze(t1, -2));
    if (t2.defined()) add_part(neg(unsqueeze(t2, -3)));
    return row_sums(pairwise(p, total, x1, x2, unsqueeze(j.out(), -1)));
  }
};

Tensor cdist(const Tensor& x1, const Tensor& x2, double p, std::string_view compute_mode) {
  check(x1.ndim() >= 2, "cdist only supports at least 2D tensors, X1 got: ", x1.ndim(), "D");
  check(x2.ndim() >= 2, "cdist only supports at least 2D tensors, X2 got: ", x2.ndim(), "D");
  check(is_floating(x1.dtype()),
        "cdist only supports floating-point dtypes, X1 got: ", info(x1.dtype()).scalar_name);
  check(is_floating(x2.dtype()),
        "cdist only supports floating-point dtypes, X2 got: ", info(x2.dtype()).scalar_name);
  check(x1.size(x1.ndim() - 1) == x2.size(x2.ndim() - 1),
        "X1 and X2 must have the same number of columns. X1: ", x1.size(x1.ndim() - 1),
        " X2: ", x2.size(x2.ndim() - 1));
  check(p >= 0, "cdist only supports non-negative p values");
  check(x1.dtype() == x2.dtype(), "expected scalar type ", info(x1.dtype()).scalar_name,
        " but found ", info(x2.dtype()).scalar_name);
  check(ErrorKind::Value,
        compute_mode == "use_mm_for_euclid_dist_if_necessary" ||
            compute_mode == "use_mm_for_euclid_dist" ||
            compute_mode == "donot_use_mm_for_euclid_dist",
        compute_mode, " is not a valid value for compute_mode");
  // As in torch, which reaches its kernel only when there is something to compute.
  const bool empty = x1.numel() == 0 || x2.numel() == 0;
  check(ErrorKind::NotImplemented, empty || !is_narrow(x1.dtype()),
        "\"cdist\" not implemented for '", info(x1.dtype()).scalar_name, "'");
  const auto stack = [](const Tensor& x) { return x.sizes().first(x.sizes().size() - 2); };
  const Dims shape = broadcast(stack(x1), stack(x2));
  const auto whole = [&](const Tensor& x) {
    Dims sizes = shape;
    sizes.push_back(x.size(x.ndim() - 2));
    sizes.push_back(x.size(x.ndim() - 1));
    return same(x.sizes(), sizes) ? x : expand(x, sizes);
  };
  return apply<Cdist>({p}, whole(x1), whole(x2));
}

}  // namespace

static const Entry entry_cdist(
    "cdist(x1, x2, p=2.0, compute_mode:name='use_mm_for_euclid_dist_if_necessary')",
    function<cdist>, kFunctionForm | kPlainNames,
    "The p-norms of the differences of all rows of x1 and x2.  The distances are always summed "
    "directly, whatever compute_mode says.",
    "x(3,4), x(2,4) | x(3,4), x(2,4), 1 | x(3,4), x(2,4), 3.0 | x(3,4), x(2,4), 1.5 "
    "| x(2,3,4), x(2,4) | x(2,1,3,4), x(5,2,4), p=inf | x(0,4), x(2,4) | xs(3,4), xs(2,4)");

}  // namespace pullback
