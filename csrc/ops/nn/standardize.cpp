// See standardize.h.
//
// The slope of the values is symmetric, so Standardize and its derivative share StandardizeGrad, in
// which value and moments are inputs like others: so every order exists.
#include "ops/nn/standardize.h"

#include "kernels/nn/standardize.h"
#include "ops/absorb.h"
#include "ops/basic.h"
#include "ops/nn/beside.h"
#include "ops/op.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/reduce/reduction.h"
#include "ops/shape/join.h"
#include "ops/shape/view.h"

namespace pullback {
namespace {

// The mean of each group as [groups, 1].
Tensor group_mean(const Tensor& x) { return reshape(mean(x, Dims{0, 2}), Dims{x.size(1), 1}); }
Tensor group_sum(const Tensor& x) { return sum(x, Dims{0, 2}); }
Tensor moment(const Tensor& moments, std::int64_t which) {
  return unsqueeze(select(moments, 0, which), 1);
}
constexpr int kMean = 0, kVariance = 1, kScale = 2;

// Inputs: gradient, standardized values, moments.
struct StandardizeGrad {
  static constexpr const char* kNode = "NativeBatchNormBackwardBackward0";
  static constexpr int kInputs = 3;
  static constexpr int kOutputs = 1;
  struct Attrs {};
  static Spec spec(const Attrs&, In in) { return {in[1].shape(), in[1].dtype()}; }
  static void workspace(const Attrs&, In in, const Tensor&, Workspace& w) {
    for (int i = 0; i < 3; ++i) w.need_dense(i, in[i]);
  }
  static void fill(const Attrs&, In in, const Tensor& out, const Workspace& w) {
    kernels::standardize_grad(view_of(out), view_of(w.dense(0, in[0])), view_of(w.dense(1, in[1])),
                              view_of(w.dense(2, in[2])));
  }
  static constexpr Reads kReads[] = {kReadsB | kReadsC, kReadsA | kReadsB | kReadsC,
                                     kReadsC | kReadsY};
  static void vjp(Vjp<StandardizeGrad>& v) {
    const Tensor& t = v.grad();
    const Tensor moments = v.in(2);
    const Tensor y = v.wants(0) || v.wants(1) ? v.in(1) : Tensor();
    if (v.wants(0)) v.give(0, apply<StandardizeGrad>({}, t, y, moments));
    if (v.wants(1)) {
      const Tensor g = v.in(0);
      v.give(1, neg(moment(moments, kScale) * (t * group_mean(g * y) + g * group_mean(t * y))));
    }
    if (!v.wants(2)) return;
    const Tensor slope = group_sum(t * v.out()) / select(moments, 0, kScale);
    const Tensor none = expanded_zeros(Dims{2, moments.size(1)}, moments.dtype());
    v.give(2, cat({none, unsqueeze(slope, 0)}, 0));
  }
  static Tensor jvp(Jvp<StandardizeGrad>& j) {
    const Tensor &g = j.in(0), &y = j.in(1);
    const Tensor scale = moment(j.in(2), kScale);
    Tensor result;
    const auto plus = [&](const Tensor& part) { result = result.defined() ? result + part : part; };
    if (j.tangent(0).defined()) plus(apply<StandardizeGrad>({}, j.tangent(0), y, j.in(2)));
    if (j.tangent(1).defined()) {
      const Tensor& t = j.tangent(1);
      plus(neg(scale * (t * group_mean(g * y) + y * group_mean(g * t))));
    }
    if (j.tangent(2).defined()) plus(j.out() * (moment(j.tangent(2), kScale) / scale));
    return result;
  }
  static Tensor batch(const Attrs& a, In in, int) {
    const detail::Unwrapped u = detail::unwrap(in);
    return make_batched(apart(apply<StandardizeGrad>(a, beside(u.tensors[0]), beside(u.tensors[1]),
                                                     beside(u.tensors[2])),
                              u.batch),
                        u.level);
  }
};

// Results: the values and the moments.
struct Standardize {
  static constexpr const char* kNode = "NativeBatchNormBackward0";
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 2;
  struct Attrs {
    double eps;
    std::int64_t examples = 1;  // of a batch, whose groups follow one another
    Attrs batched(std::int64_t batch) const { return {eps, examples * batch}; }
  };
  // [..., outer, groups, inner] with the batches in front of outer.
  static std::array<Spec, 2> spec(const Attrs&, In in) {
    Dims moments = in[0].shape();
    const int n = moments.size();
    moments[n - 3] = 3;
    moments.resize(n - 1);
    return {Spec{in[0].shape(), in[0].dtype()}, Spec{moments, in[0].dtype()}};
  }
  static void workspace(const Attrs&, In in, const Tensor&, Workspace& w) {
    w.need_dense(0, in[0]);
  }
  static void fill(const Attrs& a, In in, const std::array<Tensor, 2>& out, const Workspace& w) {
    const Tensor& x = w.dense(0, in[0]);
    const Dims one(x.sizes().last(3));
    const Dims moments{3, one[1]};
    const std::int64_t each = count_elements(one);
    for (std::int64_t b = 0; b < a.examples; ++b) {
      const auto part = [&](const Tensor& t, const Dims& sizes, std::int64_t offset) {
        return t.alias(sizes, contiguous_strides(sizes), offset);
      };
      kernels::standardize(view_of(part(out[0], one, b * each)),
                           view_of(part(out[1], moments, b * 3 * one[1])),
                           view_of(part(x, one, b * each)), a.eps);
    }
  }
  static constexpr Reads kReads = kReadsY | kReadsZ;
  static void vjp(Vjp<Standardize>& v) {
    const Tensor y = v.out(0), moments = v.out(1);
    Tensor result;
    if (v.grad(0).defined()) result = apply<StandardizeGrad>({}, v.grad(0), y, moments);
    if (!v.grad(1).defined()) return v.give(0, result);
    const Tensor& g = v.grad(1);
    const Tensor scale = moment(moments, kScale);
    const Tensor along = moment(g, kVariance) * 2 / scale - moment(g, kScale) * scale * scale;
    const auto n = static_cast<double>(y.size(0) * y.size(2));
    const Tensor part = (moment(g, kMean) + along * y) / n;
    v.give(0, result.defined() ? result + part : part);
  }
  static std::array<Tensor, 2> jvp(Jvp<Standardize>& j) {
    const Tensor &y = j.out(0), &moments = j.out(1), &t = j.tangent(0);
    const Tensor scale = moment(moments, kScale);
    const Tensor along = group_mean(t * y);
    const Tensor all = cat({group_mean(t), along * 2 / scale, neg(along * scale * scale)}, 1);
    return {apply<StandardizeGrad>({}, t, y, moments), transpose(all, 0, 1)};
  }
};

}  // namespace

std::array<Tensor, 2> standardize(const Tensor& input, double eps) {
  return apply<Standardize>({eps}, input);
}

}  // namespace pullback
