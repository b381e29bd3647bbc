// Products made of others: inner, kron, tensordot, cross, vecdot, multi_dot, bilinear.
#include <vector>

#include "core/warning.h"
#include "kernels/elementwise.h"
#include "ops/basic.h"
#include "ops/linalg/matmul.h"
#include "ops/op.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/reduce/reduction.h"
#include "ops/shape/view.h"
#include "ops/table.h"

namespace pullback {
namespace {

// A size of 1 is broadcast: the other side is summed, which is the same.
Tensor tensordot_dims(const Tensor& first, const Tensor& second, const Dims& dims_a,
                      const Dims& dims_b) {
  check(dims_a.size() == dims_b.size(), "both dimension lists should have same length");
  check(first.dtype() == second.dtype(), "both inputs should have same dtype");
  Tensor a = first;
  Tensor b = second;
  std::int64_t contracted = 1;
  Dims left;
  Dims right;
  for (int k = 0; k < dims_a.size(); ++k) {
    left.push_back(wrap_dim(dims_a[k], a.ndim()));
    right.push_back(wrap_dim(dims_b[k], b.ndim()));
    const std::int64_t size = a.size(static_cast<int>(left.back()));
    const std::int64_t other = b.size(static_cast<int>(right.back()));
    if (other == 1 && size != 1) {
      a = sum(a, Dims{left.back()}, true, a.dtype());
    } else if (size == 1 && other != 1) {
      b = sum(b, Dims{right.back()}, true, b.dtype());
    } else {
      check(size == other, "contracted dimensions need to match, but first has size ", size,
            " in dim ", dims_a[k], " and second has size ", other, " in dim ", dims_b[k]);
      contracted *= size;
    }
  }
  left = wrap_dims(left, a.ndim());
  right = wrap_dims(right, b.ndim());
  Dims order_a;
  Dims sizes;
  std::int64_t rows = 1;
  for (int d = 0; d < a.ndim(); ++d) {
    if (left.contains(d)) continue;
    order_a.push_back(d);
    sizes.push_back(a.size(d));
    rows *= a.size(d);
  }
  Dims order_b = right;
  for (const std::int64_t d : left) order_a.push_back(d);
  std::int64_t columns = 1;
  for (int d = 0; d < b.ndim(); ++d) {
    if (right.contains(d)) continue;
    order_b.push_back(d);
    sizes.push_back(b.size(d));
    columns *= b.size(d);
  }
  const Tensor product = mm(reshape(permute(a, order_a), Dims{rows, contracted}),
                            reshape(permute(b, order_b), Dims{contracted, columns}));
  return unsafe_view(product, sizes, "ViewBackward0");
}

Tensor tensordot_pair(const Tensor& a, const Tensor& b, const DimPair& dims) {
  return tensordot_dims(a, b, dims.first, dims.second);
}

Tensor tensordot(const Tensor& a, const Tensor& b, std::int64_t dims) {
  check(dims >= 0, "tensordot expects dims >= 0, but got dims=", dims);
  check(dims <= a.ndim() && dims <= b.ndim(),
        "tensordot expects dims < ndim_a or ndim_b, but got dims=", dims);
  Dims left;
  Dims right;
  for (std::int64_t k = 0; k < dims; ++k) {
    left.push_back(k - dims);
    right.push_back(k);
  }
  return tensordot_dims(a, b, left, right);
}

Tensor inner(const Tensor& input, const Tensor& other) {
  if (input.ndim() == 0 || other.ndim() == 0) return input * other;
  check(input.size(input.ndim() - 1) == other.size(other.ndim() - 1),
        "inner() the last dimension must match on both input tensors but got shapes ",
        input.shape(), " and ", other.shape());
  return tensordot_dims(input, other, Dims{-1}, Dims{-1});
}

Tensor kron(const Tensor& input, const Tensor& other) {
  const int ndim = std::max(input.ndim(), other.ndim());
  Dims a_sizes;
  Dims b_sizes;
  Dims sizes;
  for (int d = 0; d < ndim; ++d) {
    const int in_a = d - (ndim - input.ndim());
    const int in_b = d - (ndim - other.ndim());
    const std::int64_t a = in_a < 0 ? 1 : input.size(in_a);
    const std::int64_t b = in_b < 0 ? 1 : other.size(in_b);
    a_sizes.push_back(a);
    a_sizes.push_back(1);
    b_sizes.push_back(1);
    b_sizes.push_back(b);
    sizes.push_back(a * b);
  }
  return unsafe_view(reshape(input, a_sizes) * reshape(other, b_sizes), sizes);
}

// One of three components, and the two that follow it in the cycle.
struct Cross {
  static constexpr const char* kNode = "LinalgCrossBackward0";
  static constexpr int kInputs = 2;
  static constexpr int kOutputs = 1;
  static constexpr bool kComplex = true;
  struct Attrs {
    int dim;
    Attrs batched(std::int64_t) const { return {dim + 1}; }
  };
  static Spec spec(const Attrs&, In in) { return {in[0].shape(), in[0].dtype()}; }
  static Dims component(const Attrs& a, const Tensor& out) {
    Dims sizes = out.shape();
    sizes[a.dim] = 1;
    return sizes;
  }
  static void workspace(const Attrs& a, In, const Tensor& out, Workspace& w) {
    w.need(0, component(a, out), out.dtype());
  }
  static void fill(const Attrs& a, In in, const Tensor& out, const Workspace& w) {
    const Dims sizes = component(a, out);
    const auto part = [&](const Tensor& t, int k) {
      return t.alias(sizes, t.strides(), k % 3 * t.stride(a.dim));
    };
    const Tensor& scratch = w[0];
    for (int k = 0; k < 3; ++k) {
      const Tensor result = part(out, k);
      kernels::apply(kernels::binary<"mul">, view_of(result),
                     {view_of(part(in[0], k + 1)), view_of(part(in[1], k + 2))});
      kernels::apply(kernels::binary<"mul">, view_of(scratch),
                     {view_of(part(in[0], k + 2)), view_of(part(in[1], k + 1))});
      kernels::apply(kernels::binary<"sub">, view_of(result), {view_of(result), view_of(scratch)});
    }
  }
  static constexpr Reads kReads[] = {kReadsB, kReadsA};
  static void vjp(Vjp<Cross>& v) {
    const Attrs& a = v.attrs();
    if (v.wants(0)) v.give(0, apply<Cross>(a, conj(v.in(1)), v.grad()));
    if (v.wants(1)) v.give(1, apply<Cross>(a, v.grad(), conj(v.in(0))));
  }
  static Tensor jvp(Jvp<Cross>& j) {
    Tensor sum;
    if (j.tangent(0).defined()) sum = apply<Cross>(j.attrs(), j.tangent(0), j.in(1));
    if (j.tangent(1).defined()) {
      const Tensor part = apply<Cross>(j.attrs(), j.in(0), j.tangent(1));
      sum = sum.defined() ? sum + part : part;
    }
    return sum;
  }
};

Tensor linalg_cross(const Tensor& input, const Tensor& other, std::int64_t dim) {
  check(input.ndim() == other.ndim(),
        "linalg.cross: inputs must have the same number of "
        "dimensions.");
  const int d = wrap_dim(dim, input.ndim());
  if (input.ndim() == 0 || input.size(d) != 3 || other.size(d) != 3) {
    fail("linalg.cross: inputs dimension ", dim, " must have length 3. Got ",
         input.ndim() == 0 ? 1 : input.size(d), " and ", other.ndim() == 0 ? 1 : other.size(d));
  }
  check(input.dtype() == other.dtype(), "expected scalar type ", info(input.dtype()).scalar_name,
        " but found ", info(other.dtype()).scalar_name);
  const Dims sizes = broadcast(input.sizes(), other.sizes());
  const auto whole = [&](const Tensor& t) { return same(t.sizes(), sizes) ? t : expand(t, sizes); };
  return apply<Cross>({d}, whole(input), whole(other));
}

// Without dim: along the first dimension of size 3.
Tensor cross(const Tensor& input, const Tensor& other, std::optional<std::int64_t> dim) {
  if (dim) return linalg_cross(input, other, *dim);
  warn(
      "Using torch.cross without specifying the dim arg is deprecated.\nPlease either pass the dim "
      "explicitly or simply use torch.linalg.cross.\nThe default value of dim will change to agree "
      "with that of linalg.cross in a future release.");
  for (int d = 0; d < input.ndim(); ++d) {
    if (input.size(d) == 3) return linalg_cross(input, other, d);
  }
  fail("no dimension of size 3 in input");
}

Tensor vecdot(const Tensor& x, const Tensor& y, std::int64_t dim) {
  if (x.dtype() != y.dtype()) {
    fail("linalg.vecdot: Expected x and y to have the same dtype, but found x of type ",
         info(x.dtype()).scalar_name, " and y of type ", info(y.dtype()).scalar_name, " instead");
  }
  check(is_differentiable(x.dtype()),
        "linalg.vecdot: Expected a floating point or complex tensor as input. Got ",
        info(x.dtype()).scalar_name);
  if (x.ndim() == 1 && y.ndim() == 1 && x.numel() == y.numel()) return vdot(x, y);
  return sum(conj(x) * y, Dims{dim});
}

// The order of a chain of matrix products that costs the fewest multiplications.
class Chain {
 public:
  explicit Chain(const std::vector<Tensor>& matrices) : matrices_(matrices), n_(matrices.size()) {
    cost_.assign(n_ * n_, 0);
    cut_.assign(n_ * n_, 0);
    for (std::size_t length = 1; length < n_; ++length) {
      for (std::size_t i = 0; i + length < n_; ++i) find_cut(i, i + length);
    }
  }
  Tensor multiply(std::size_t first, std::size_t last) const {
    if (first == last) return matrices_[first];
    const std::size_t cut = cut_[first * n_ + last];
    return mm(multiply(first, cut), multiply(cut + 1, last));
  }

 private:
  void find_cut(std::size_t i, std::size_t j) {
    double best = -1;
    for (std::size_t k = i; k < j; ++k) {
      const double cost = cost_[i * n_ + k] + cost_[(k + 1) * n_ + j] +
                          static_cast<double>(matrices_[i].size(0)) *
                              static_cast<double>(matrices_[k].size(1)) *
                              static_cast<double>(matrices_[j].size(1));
      if (best >= 0 && cost >= best) continue;
      best = cost;
      cut_[i * n_ + j] = k;
    }
    cost_[i * n_ + j] = best;
  }

  const std::vector<Tensor>& matrices_;
  std::size_t n_;
  std::vector<double> cost_;
  std::vector<std::size_t> cut_;
};

Tensor multi_dot(const std::vector<Tensor>& tensors) {
  const std::size_t n = tensors.size();
  check(n >= 2, "multi_dot(): expected at least 2 tensors but got ", n);
  std::vector<Tensor> matrices = tensors;
  for (std::size_t k = 0; k < n; ++k) {
    const bool end = k == 0 || k + 1 == n;
    check(tensors[k].ndim() == 2 || (end && tensors[k].ndim() == 1), "multi_dot(): ",
          k == 0 ? "the first tensor must be 1D or 2D but got "
          : end  ? "the last tensor must be 1D or 2D but got "
                 : "expected all tensors between the first and last to be 2D but got ",
          tensors[k].ndim(), "D");
    check(tensors[k].dtype() == tensors[0].dtype(),
          "multi_dot(): all tensors must have be the "
          "same dtype but tensor 0 is ",
          info(tensors[0].dtype()).scalar_name, " and tensor ", k, " ",
          info(tensors[k].dtype()).scalar_name);
  }
  const bool row = tensors.front().ndim() == 1;
  const bool column = tensors.back().ndim() == 1;
  if (row) matrices.front() = unsqueeze(matrices.front(), 0);
  if (column) matrices.back() = unsqueeze(matrices.back(), 1);
  for (std::size_t k = 0; k + 1 < n; ++k) {
    check(matrices[k].size(1) == matrices[k + 1].size(0), "multi_dot(): tensors ", k, " and ",
          k + 1, " with shapes ", tensors[k].shape(), " and ", tensors[k + 1].shape(),
          " cannot be multiplied");
  }
  const Tensor product = Chain(matrices).multiply(0, n - 1);
  Dims sizes;
  if (!row) sizes.push_back(product.size(0));
  if (!column) sizes.push_back(product.size(1));
  return unsafe_view(product, sizes, "ViewBackward0");
}

Tensor chain_matmul(const std::vector<Tensor>& matrices) {
  check(ErrorKind::Type, !matrices.empty(), "chain_matmul(): Expected one or more matrices");
  for (const Tensor& each : matrices) {
    check(each.ndim() == 2, "chain_matmul(): Expected all tensors to be 2-D, got ", each.ndim(),
          "-D");
  }
  return matrices.size() == 1 ? matrices[0] : multi_dot(matrices);
}

// y[..., o] = sum over i, j of a[..., i] w[o, i, j] b[..., j].
Tensor bilinear(const Tensor& input1, const Tensor& input2, const Tensor& weight,
                const std::optional<Tensor>& bias) {
  check(weight.ndim() == 3, "bilinear(): weight must be a 3-D tensor, got ", weight.ndim(), "-D");
  check(input1.ndim() > 0 && input1.ndim() == input2.ndim(),
        "bilinear(): input dimensions do not match: got ", input1.ndim(), " and ", input2.ndim());
  for (int d = 0; d + 1 < input1.ndim(); ++d) {
    check(input1.size(d) == input2.size(d),
          "bilinear(): input batch dimensions do not match at "
          "dim ",
          d, ": got ", input1.size(d), " and ", input2.size(d));
  }
  const int last = input1.ndim() - 1;
  check(input1.size(last) == weight.size(1),
        "bilinear(): input1 size does not match weight size: "
        "got ",
        input1.size(last), " but expected ", weight.size(1));
  check(input2.size(last) == weight.size(2),
        "bilinear(): input2 size does not match weight size: "
        "got ",
        input2.size(last), " but expected ", weight.size(2));
  for (const Tensor& each : {input2, weight, bias.value_or(weight)}) {
    if (each.dtype() == input1.dtype()) continue;
    fail("All tensors must have the same dtype, got input1: ", info(input1.dtype()).c_name,
         ", input2: ", info(input2.dtype()).c_name, ", weight: ", info(weight.dtype()).c_name,
         bias ? ", bias: " : "", bias ? info(bias->dtype()).c_name : "");
  }
  const std::int64_t outputs = weight.size(0);
  Dims sizes = input1.shape();
  sizes.erase(last);
  const std::int64_t rows = count_elements(sizes);
  sizes.push_back(outputs);
  const Tensor a = reshape(input1, Dims{rows, weight.size(1)});
  const Tensor b = reshape(input2, Dims{rows, 1, weight.size(2)});
  const Tensor flat =
      reshape(permute(weight, Dims{1, 0, 2}), Dims{weight.size(1), outputs * weight.size(2)});
  const Tensor partial = reshape(mm(a, flat), Dims{rows, outputs, weight.size(2)});
  const Tensor result =
      unsafe_view(sum(partial * b, Dims{-1}, false, a.dtype()), sizes, "ViewBackward0");
  return bias ? result + *bias : result;
}

}  // namespace

static const Entry entry_inner("inner(input, other)", function<inner>, kBoth,
                               "The sums of products over the last dimensions.",
                               "x(4), x(4) | x(3,4), x(4) | x(3,4), x(2,4) | x(3), x()");
static const Entry entry_kron("kron(input, other)", function<kron>, kCastBoth,
                              "The Kronecker product.",
                              "x(2,3), x(2,2) | x(3), x(2) | x(3), x(2,2) | x(), x(2)");
static const Entry entry_tensordot("tensordot(a, b, dims=2)", function<tensordot>,
                                   kFunctionForm | kOutForm | kPlainNames,
                                   "The product over the last dims dimensions of a and the first "
                                   "ones of b.",
                                   "x(2,3,4), x(3,4,2) | x(2,3), x(3,4), 1 | x(2), x(3), 0");
static const Entry entry_tensordot_dims(
    "tensordot(a, b, dims)", function<tensordot_pair>, kFunctionForm | kOutForm | kPlainNames,
    "The product over pairs of dimensions, those of a and those of b.",
    "x(2,3,4), x(4,5,2), ((0,2),(2,0)) | x(2,3), x(4,3), ([1],[1])");
static const Entry entry_cross("cross(input, other, dim=None)", function<cross>, kBoth | kOutApart,
                               "The cross product along dim, by default the first one of size 3.",
                               "x(2,3), x(2,3), 1 | x(3,4), x(3,4), 0 | x(1,3), x(2,3), dim=-1");
static const Entry entry_linalg_cross("cross(input, other, *, dim=-1)", function<linalg_cross>,
                                      kLinalgForm | kOutForm | kOutApart,
                                      "The cross product along dim.",
                                      "x(2,3), x(2,3) | x(3,2), x(3,1), dim=0");
static const Entry entry_vecdot("vecdot(x, y, *, dim=-1)", function<vecdot>, kLinalgForm | kOutForm,
                                "The inner products of vectors along dim.",
                                "x(3,4), x(3,4) | x(3,4), x(4) | x(3,4), x(3,4), dim=0");
static const Entry entry_multi_dot("multi_dot(tensors)", function<multi_dot>,
                                   kLinalgForm | kOutForm,
                                   "The product of a chain of matrices in the cheapest order.",
                                   "[x(2,3), x(3,4), x(4,2)] | [x(3), x(3,4), x(4)] "
                                   "| [x(2,3), x(3,4)]");
static const Entry entry_chain_matmul("chain_matmul(*matrices:each)", function<chain_matmul>,
                                      kFunctionForm | kOutForm,
                                      "The product of a chain of matrices in the cheapest order.",
                                      "x(2,3), x(3,4), x(4,2) | x(2,3), x(3,4)");
static const Entry entry_bilinear(
    "bilinear(input1, input2, weight, bias=None)", function<bilinear>, kFunctionForm | kNNForm,
    "For each output a bilinear form of the two inputs; weight is (out, in1, in2).",
    "x(5,3), x(5,4), x(2,3,4) | x(5,3), x(5,4), x(2,3,4), x(2) | x(2,3), x(2,4), x(2,3,4)");

}  // namespace pullback
