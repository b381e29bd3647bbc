// See normalize.h.
//
// The backward pass is one kernel where nothing is differentiated again; where a graph of it or
// tangents are wanted it is written in recorded operators, from the input on (`Recorded`).
#include "ops/nn/normalize.h"

#include "kernels/nn/normalize.h"
#include "ops/basic.h"
#include "ops/followed.h"
#include "ops/op.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/pointwise/math.h"
#include "ops/reduce/reduction.h"

namespace pullback {
namespace {

struct NormalizeAttrs {
  double eps;
  std::int64_t kinds, channels;
  std::int64_t examples = 1;  // of a batch, in front of the other dimensions

  NormalizeAttrs batched(std::int64_t batch) const {
    return {eps, kinds, channels, examples * batch};
  }
};

// One example of a row-major tensor, of which the last `inner` dimensions are one.
class Example {
 public:
  Example(const Tensor& t, std::int64_t number, int inner)
      : sizes_(t.sizes().last(static_cast<std::size_t>(inner))),
        strides_(contiguous_strides(sizes_)) {
    const std::int64_t offset = number * count_elements(sizes_);
    view_ = {t.bytes() + offset * static_cast<std::int64_t>(item_size(t.dtype())), sizes_.data(),
             strides_.data(), inner, t.dtype()};
  }
  Example(const Example&) = delete;
  Example& operator=(const Example&) = delete;
  operator const kernels::View&() const { return view_; }  // NOLINT: that is its purpose

 private:
  Dims sizes_, strides_;
  kernels::View view_;
};

const void* numbers(const Tensor& t, std::int64_t number, std::int64_t each) {
  if (!t.defined()) return nullptr;
  return t.bytes() + number * each * static_cast<std::int64_t>(item_size(t.dtype()));
}
kernels::Affine affine_of(const NormalizeAttrs& a, const Tensor& weight, const Tensor& bias,
                          std::int64_t number) {
  const std::int64_t each = a.kinds * a.channels;
  return {a.kinds, a.channels, numbers(weight, number, each), numbers(bias, number, each)};
}

// Tensors seen as [..., outer, groups / kinds, kinds, channels, neighbours].
class Parts {
 public:
  explicit Parts(const NormalizeAttrs& a) : a_(a) {}

  Tensor split(const Tensor& x) const {
    Dims sizes = leading(x, 3);
    const int n = x.ndim();
    const std::int64_t inner = x.size(n - 1);
    const auto over = [](std::int64_t a, std::int64_t b) { return b == 0 ? 0 : a / b; };
    for (const std::int64_t size : {x.size(n - 3), over(x.size(n - 2), a_.kinds), a_.kinds,
                                    a_.channels, over(inner, a_.channels)}) {
      sizes.push_back(size);
    }
    return reshape(x, sizes);
  }
  // A weight or a bias along the parts.
  Tensor along(const Tensor& weight) const {
    Dims sizes = leading(weight, 1);
    const std::int64_t one = 1;
    for (const std::int64_t size : {one, one, a_.kinds, a_.channels, one}) sizes.push_back(size);
    return reshape(weight, sizes);
  }
  // The reverse: sums of parts.
  Tensor of_weight(const Tensor& parts) const {
    const int n = parts.ndim();
    Dims sizes = leading(parts, 5);
    sizes.push_back(a_.kinds * a_.channels);
    return reshape(sum(parts, Dims{n - 5, n - 4, n - 1}), sizes);
  }

 protected:
  static Dims leading(const Tensor& t, int last) {
    return Dims(t.sizes().first(static_cast<std::size_t>(t.ndim() - last)));
  }

 private:
  const NormalizeAttrs& a_;
};

// A normalisation in recorded operators.
class Recorded : public Parts {
 public:
  Recorded(const NormalizeAttrs& a, const Tensor& x) : Parts(a), sizes_(x.shape()) {
    const Tensor parts = split(x);
    const Tensor centred = parts - mean_of(parts);
    scale_ = rsqrt(mean_of(square(centred)) + a.eps);
    values = centred * scale_;
  }

  Tensor values;

  Tensor whole(const Tensor& parts) const { return reshape(parts, sizes_); }
  // The derivative of the values, which is symmetric.
  Tensor slope(const Tensor& t) const {
    return scale_ * (t - mean_of(t) - values * mean_of(t * values));
  }

 private:
  static Tensor mean_of(const Tensor& parts) {
    const int n = parts.ndim();
    return mean(parts, Dims{n - 5, n - 2, n - 1}, true);
  }

  Tensor scale_;
  const Dims sizes_;
};

// Inputs: gradient, input, moments, weight.  Results: the gradients of input, weight and bias.
struct NormalizeGrad {
  static constexpr const char* kNode = "NativeBatchNormBackwardBackward0";
  static constexpr int kInputs = 4;
  static constexpr int kOutputs = 3;
  static constexpr bool kNotDifferentiable = true;
  using Attrs = NormalizeAttrs;
  static std::array<Spec, 3> spec(const Attrs& a, In in) {
    Dims weight(in[1].sizes().first(static_cast<std::size_t>(in[1].ndim() - 3)));
    weight.push_back(a.kinds * a.channels);
    const DType dtype = in[1].dtype();
    return {Spec{in[1].shape(), dtype}, Spec{weight, dtype}, Spec{weight, dtype}};
  }
  static void workspace(const Attrs&, In in, const Tensor&, Workspace& w) {
    for (int i = 0; i < 4; ++i) {
      if (in[i].defined()) w.need_dense(i, in[i]);
    }
  }
  static void fill(const Attrs& a, In in, const std::array<Tensor, 3>& out, const Workspace& w) {
    const Tensor g = w.dense(0, in[0]), x = w.dense(1, in[1]), moments = w.dense(2, in[2]);
    const Tensor weight = in[3].defined() ? w.dense(3, in[3]) : Tensor();
    for (std::int64_t e = 0; e < a.examples; ++e) {
      kernels::normalize_grad(Example(out[0], e, 3), Example(out[1], e, 1), Example(out[2], e, 1),
                              Example(g, e, 3), Example(x, e, 3), Example(moments, e, 2),
                              affine_of(a, weight, {}, e));
    }
  }
};

// Inputs: input, weight and bias, which may be missing.  Results: the values and the moments.
struct Normalize {
  static constexpr const char* kNode = "NativeBatchNormBackward0";
  static constexpr int kInputs = 3;
  static constexpr int kOutputs = 2;
  static constexpr unsigned kConstants = 2;  // the moments
  using Attrs = NormalizeAttrs;
  static std::array<Spec, 2> spec(const Attrs&, In in) {
    Dims moments = in[0].shape();
    const int n = moments.size();
    moments[n - 3] = 3;
    moments.resize(n - 1);
    return {Spec{in[0].shape(), in[0].dtype()}, Spec{moments, in[0].dtype()}};
  }
  static void workspace(const Attrs&, In in, const Tensor&, Workspace& w) {
    for (int i = 0; i < 3; ++i) {
      if (in[i].defined()) w.need_dense(i, in[i]);
    }
  }
  static void fill(const Attrs& a, In in, const std::array<Tensor, 2>& out, const Workspace& w) {
    const Tensor x = w.dense(0, in[0]);
    const Tensor weight = in[1].defined() ? w.dense(1, in[1]) : Tensor();
    const Tensor bias = in[2].defined() ? w.dense(2, in[2]) : Tensor();
    for (std::int64_t e = 0; e < a.examples; ++e) {
      kernels::normalize(Example(out[0], e, 3), Example(out[1], e, 2), Example(x, e, 3),
                         affine_of(a, weight, bias, e), a.eps);
    }
  }
  static constexpr Reads kReads = kReadsA | kReadsB | kReadsZ;
  static void vjp(Vjp<Normalize>& v) {
    const Tensor x = v.in(0), weight = v.in(1), &g = v.grad(0);
    Tensor of_input, of_weight, of_bias;
    if (is_followed({&g, &x, &weight})) {
      const Recorded r(v.attrs(), x);
      const Tensor parts = r.split(g);
      if (v.wants(0)) {
        of_input = r.whole(r.slope(weight.defined() ? parts * r.along(weight) : parts));
      }
      if (v.wants(1)) of_weight = r.of_weight(parts * r.values);
      if (v.wants(2)) of_bias = r.of_weight(parts);
    } else {
      const auto all = apply<NormalizeGrad>(v.attrs(), g, x, v.out(1), weight);
      of_input = all[0];
      of_weight = all[1];
      of_bias = all[2];
    }
    if (v.wants(0)) v.give(0, of_input);
    if (v.wants(1)) v.give(1, of_weight);
    if (v.wants(2)) v.give(2, of_bias);
  }
  static std::array<Tensor, 2> jvp(Jvp<Normalize>& j) {
    const Recorded r(j.attrs(), j.in(0));
    Tensor sum;
    const auto plus = [&](const Tensor& part) { sum = sum.defined() ? sum + part : part; };
    if (j.tangent(0).defined()) {
      const Tensor change = r.slope(r.split(j.tangent(0)));
      plus(j.in(1).defined() ? change * r.along(j.in(1)) : change);
    }
    if (j.tangent(1).defined()) plus(r.values * r.along(j.tangent(1)));
    if (j.tangent(2).defined()) plus(expand(r.along(j.tangent(2)), r.values.sizes()));
    return {r.whole(sum), expanded_zeros(j.out(1).sizes(), j.out(1).dtype())};
  }
};

// The sums of gradient times input and of the gradient, for each weight.
struct ChannelSums {
  static constexpr int kInputs = 2;
  static constexpr int kOutputs = 2;
  static constexpr bool kNotDifferentiable = true;
  using Attrs = NormalizeAttrs;
  static std::array<Spec, 2> spec(const Attrs& a, In in) {
    Dims weight(in[1].sizes().first(static_cast<std::size_t>(in[1].ndim() - 3)));
    weight.push_back(a.kinds * a.channels);
    return {Spec{weight, in[1].dtype()}, Spec{weight, in[1].dtype()}};
  }
  static void workspace(const Attrs&, In in, const Tensor&, Workspace& w) {
    for (int i = 0; i < 2; ++i) w.need_dense(i, in[i]);
  }
  static void fill(const Attrs& a, In in, const std::array<Tensor, 2>& out, const Workspace& w) {
    const Tensor g = w.dense(0, in[0]), x = w.dense(1, in[1]);
    for (std::int64_t e = 0; e < a.examples; ++e) {
      kernels::channel_sums(Example(out[0], e, 1), Example(out[1], e, 1), Example(g, e, 3),
                            Example(x, e, 3), affine_of(a, {}, {}, e));
    }
  }
};

// Inputs: input, scale, and shift, which may be missing.
struct ScaleChannels {
  static constexpr const char* kNode = "NativeBatchNormBackward0";
  static constexpr int kInputs = 3;
  static constexpr int kOutputs = 1;
  using Attrs = NormalizeAttrs;
  static Spec spec(const Attrs&, In in) { return {in[0].shape(), in[0].dtype()}; }
  static void workspace(const Attrs&, In in, const Tensor&, Workspace& w) {
    for (int i = 0; i < 3; ++i) {
      if (in[i].defined()) w.need_dense(i, in[i]);
    }
  }
  static void fill(const Attrs& a, In in, const Tensor& out, const Workspace& w) {
    const Tensor x = w.dense(0, in[0]), scale = w.dense(1, in[1]);
    const Tensor shift = in[2].defined() ? w.dense(2, in[2]) : Tensor();
    for (std::int64_t e = 0; e < a.examples; ++e) {
      kernels::scale_channels(Example(out, e, 3), Example(x, e, 3), affine_of(a, scale, shift, e));
    }
  }
  static constexpr Reads kReads[] = {kReadsB, kReadsA, kReadsA};
  static void vjp(Vjp<ScaleChannels>& v) {
    const Attrs& a = v.attrs();
    const Tensor& g = v.grad();
    if (v.wants(0)) v.give(0, apply<ScaleChannels>(a, g, v.in(1), Tensor()));
    if (!v.wants(1) && !v.wants(2)) return;
    const Tensor x = v.in(0);
    std::array<Tensor, 2> sums;
    if (is_followed({&g, &x})) {
      const Parts parts(a);
      const Tensor each = parts.split(g);
      sums = {parts.of_weight(each * parts.split(x)), parts.of_weight(each)};
    } else {
      sums = apply<ChannelSums>(a, g, x);
    }
    for (int i = 1; i < 3; ++i) {
      if (v.wants(i)) v.give(i, sums[std::size_t(i - 1)]);
    }
  }
  static Tensor jvp(Jvp<ScaleChannels>& j) {
    const Attrs& a = j.attrs();
    const Parts parts(a);
    Tensor sum;
    const auto plus = [&](const Tensor& part) { sum = sum.defined() ? sum + part : part; };
    if (j.tangent(0).defined()) plus(apply<ScaleChannels>(a, j.tangent(0), j.in(1), Tensor()));
    if (j.tangent(1).defined()) {
      plus(reshape(parts.split(j.in(0)) * parts.along(j.tangent(1)), j.in(0).sizes()));
    }
    if (j.tangent(2).defined()) {
      const Tensor along = parts.along(j.tangent(2));
      plus(reshape(expand(along, parts.split(j.in(0)).sizes()), j.in(0).sizes()));
    }
    return sum;
  }
};

}  // namespace

std::array<Tensor, 2> normalize(const Tensor& input, const std::optional<Tensor>& weight,
                                const std::optional<Tensor>& bias, NormalizeForm form, double eps) {
  const auto flat = [&](const std::optional<Tensor>& t) {
    return t ? reshape(*t, Dims{form.kinds * form.channels}) : Tensor();
  };
  return apply<Normalize>({eps, form.kinds, form.channels}, input, flat(weight), flat(bias));
}

Tensor scale_channels(const Tensor& input, const Tensor& scale, const Tensor& shift,
                      NormalizeForm form) {
  return apply<ScaleChannels>({0, form.kinds, form.channels}, input, scale, shift);
}

}  // namespace pullback
