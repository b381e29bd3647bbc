// Convolutions, their transposes, and the patches that they see.
//
// Three operators that are each other's derivatives, so every order exists: Convolve (from image
// and weight), ConvolveImage (its transpose in the image, which is the transposed convolution) and
// ConvolveWeight (its transpose in the weight).  Inside vmap the examples become more images if
// only those differ, and otherwise more groups.  Start reading at Geometry.
#include "kernels/nn/conv.h"

#include <algorithm>
#include <limits>
#include <string>

#include "ops/basic.h"
#include "ops/format.h"
#include "ops/nn/beside.h"
#include "ops/nn/pad.h"
#include "ops/nn/patches.h"
#include "ops/op.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/reduce/reduction.h"
#include "ops/shape/view.h"
#include "ops/table.h"

namespace pullback {

Dims spread(const char* what, const Dims& given, int count) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  for (const std::int64_t n : given) {
    check(n <= kMost, what, " must be at most ", kMost, ": got ", what, "=", given);
  }
  if (given.size() == 1) return Dims(count, given[0]);
  check(given.size() == count, "expected ", what, " to be a single integer value or a list of ",
        count, " values to match the convolution dimensions, but got ", what, "=", given);
  return given;
}

namespace {

// Spatial sizes of the image and the kernel, and how one moves over the other.
struct Geometry {
  Dims image;
  Dims kernel;
  Dims stride;
  Dims padding;
  Dims dilation;
  std::int64_t groups;
  // What the result has; fewer than would fit when output_padding is not less than the stride.
  Dims out;

  int dims() const { return image.size(); }
  Geometry with_groups(std::int64_t count) const {
    Geometry g = *this;
    g.groups = count;
    return g;
  }
  kernels::ConvShape shape(std::int64_t batch, std::int64_t channels,
                           std::int64_t out_channels) const {
    kernels::ConvShape s{batch,     channels,  out_channels, groups,    {1, 1, 1},
                         {1, 1, 1}, {1, 1, 1}, {1, 1, 1},    {0, 0, 0}, {1, 1, 1}};
    for (int d = 0; d < dims(); ++d) {
      const auto k = static_cast<std::size_t>(3 - dims() + d);
      s.in[k] = image[d];
      s.kernel[k] = kernel[d];
      s.out[k] = out[d];
      s.stride[k] = stride[d];
      s.padding[k] = padding[d];
      s.dilation[k] = dilation[d];
    }
    return s;
  }
};

Dims joined(std::int64_t first, std::int64_t second, const Dims& rest) {
  Dims sizes{first, second};
  for (const std::int64_t size : rest) sizes.push_back(size);
  return sizes;
}

kernels::View view_or_none(const Tensor& t) {
  return t.defined() ? view_of(t) : kernels::View{nullptr, nullptr, nullptr, 0, DType::Float32};
}

void need_all_dense(In in, Workspace& w) {
  for (int i = 0; i < in.size(); ++i) {
    if (in[i].defined()) w.need_dense(i, in[i]);
  }
}

constexpr int kOut = 3;  // of the workspace: the result, row-major

// In the format of either, channels last if one of them is.
Tensor like_images(In in, const Spec& spec) {
  const MemoryFormat format = format_of(in[0], in[1]);
  return empty_in(format, spec.sizes, spec.dtype);
}

const Tensor& dense_or_none(In in, int i, const Workspace& w) {
  return in[i].defined() ? w.dense(i, in[i]) : in[i];
}

// [B, N, ...] as [B * N, ...], and back.
Tensor merged(const Tensor& t) {
  Dims sizes(t.sizes().subspan(1));
  sizes[0] *= t.size(0);
  return reshape(t, sizes);
}
Tensor unmerged(const Tensor& t, std::int64_t batch) {
  Dims sizes = t.shape();
  sizes[0] /= batch;
  sizes.insert(0, batch);
  return reshape(t, sizes);
}

bool is_batched(const Tensor& t, int level) {
  return t.defined() && t.has(kBatched) && meta_of(t)->level == level;
}

// A bias of each example, seen beside channels of images.
Tensor along_channels(const Tensor& bias, int ndim) {
  Dims sizes(ndim, 1);
  sizes[1] = bias.numel();
  return reshape(bias, sizes);
}

Tensor plus(const Tensor& a, const Tensor& b) { return !a.defined() ? b : b.defined() ? a + b : a; }

Tensor sum_of_channels(const Tensor& gradient) {
  Dims others{0};
  for (int d = 2; d < gradient.ndim(); ++d) others.push_back(d);
  return sum(gradient, others);
}

// Convolve and ConvolveImage with a batch: `Op` of an image or a gradient, a weight and a bias.
template <class Op>
Tensor batch_of_products(const Geometry& a, In in, int level) {
  const detail::Unwrapped u = detail::unwrap(in);
  if (!is_batched(in[1], level) && !is_batched(in[2], level)) {
    return make_batched(unmerged(apply<Op>(a, merged(u.tensors[0]), in[1], in[2]), u.batch), level);
  }
  const Tensor result = apart(apply<Op>(a.with_groups(u.batch * a.groups), beside(u.tensors[0]),
                                        merged(u.tensors[1]), Tensor()),
                              u.batch);
  if (!in[2].defined()) return make_batched(result, level);
  Dims sizes(result.ndim(), 1);
  sizes[0] = u.batch;
  sizes[2] = u.tensors[2].size(1);
  return make_batched(result + reshape(u.tensors[2], sizes), level);
}

// Inputs: image [N, C, ...], weight [O, C / groups, ...], bias [O] or none.
struct Convolve {
  static constexpr const char* kNode = "ConvolutionBackward0";
  static constexpr int kInputs = 3;
  static constexpr int kOutputs = 1;
  static constexpr bool kComplex = true;
  using Attrs = Geometry;
  static Spec spec(const Attrs& a, In in) {
    return {joined(in[0].size(0), in[1].size(0), a.out), in[0].dtype()};
  }
  static Tensor make_for(const Attrs&, In in, const Spec& spec) { return like_images(in, spec); }
  static void workspace(const Attrs&, In in, const Tensor& out, Workspace& w) {
    need_all_dense(in, w);
    w.need_dense(kOut, out);
  }
  static void fill(const Attrs& a, In in, const Tensor& out, const Workspace& w) {
    const Laid laid(out, w, kOut);
    kernels::conv(view_of(laid.memory()), view_of(w.dense(0, in[0])), view_of(w.dense(1, in[1])),
                  view_or_none(dense_or_none(in, 2, w)),
                  a.shape(in[0].size(0), in[0].size(1), in[1].size(0)));
    laid.finish();
  }
  static constexpr Reads kReads[] = {kReadsB, kReadsA, kReadsNothing};
  static void vjp(Vjp<Convolve>& v);
  static Tensor jvp(Jvp<Convolve>& j) {
    const Tensor none;
    Tensor result;
    if (j.tangent(0).defined()) result = apply<Convolve>(j.attrs(), j.tangent(0), j.in(1), none);
    if (j.tangent(1).defined()) {
      result = plus(result, apply<Convolve>(j.attrs(), j.in(0), j.tangent(1), none));
    }
    if (!j.tangent(2).defined()) return result;
    const Tensor shift = along_channels(j.tangent(2), j.out().ndim());
    return result.defined() ? result + shift : expand(shift, j.out().sizes());
  }
  static Tensor batch(const Attrs& a, In in, int level) {
    return batch_of_products<Convolve>(a, in, level);
  }
};

// Inputs: gradient [N, O, ...], weight [O, C / groups, ...], bias [C] or none.
struct ConvolveImage {
  static constexpr const char* kNode = "ConvolutionBackward0";
  static constexpr int kInputs = 3;
  static constexpr int kOutputs = 1;
  static constexpr bool kComplex = true;
  using Attrs = Geometry;
  static Spec spec(const Attrs& a, In in) {
    return {joined(in[0].size(0), in[1].size(1) * a.groups, a.image), in[0].dtype()};
  }
  static Tensor make_for(const Attrs&, In in, const Spec& spec) { return like_images(in, spec); }
  static void workspace(const Attrs&, In in, const Tensor& out, Workspace& w) {
    need_all_dense(in, w);
    w.need_dense(kOut, out);
  }
  static void fill(const Attrs& a, In in, const Tensor& out, const Workspace& w) {
    const Laid laid(out, w, kOut);
    kernels::conv_input(view_of(laid.memory()), view_of(w.dense(0, in[0])),
                        view_of(w.dense(1, in[1])), view_or_none(dense_or_none(in, 2, w)),
                        a.shape(in[0].size(0), out.size(1), in[1].size(0)));
    laid.finish();
  }
  static constexpr Reads kReads[] = {kReadsB, kReadsA, kReadsNothing};
  static void vjp(Vjp<ConvolveImage>& v);
  static Tensor jvp(Jvp<ConvolveImage>& j) {
    const Tensor none;
    Tensor result;
    if (j.tangent(0).defined()) {
      result = apply<ConvolveImage>(j.attrs(), j.tangent(0), j.in(1), none);
    }
    if (j.tangent(1).defined()) {
      result = plus(result, apply<ConvolveImage>(j.attrs(), j.in(0), j.tangent(1), none));
    }
    if (!j.tangent(2).defined()) return result;
    const Tensor shift = along_channels(j.tangent(2), j.out().ndim());
    return result.defined() ? result + shift : expand(shift, j.out().sizes());
  }
  static Tensor batch(const Attrs& a, In in, int level) {
    return batch_of_products<ConvolveImage>(a, in, level);
  }
};

// Inputs: image [N, C, ...], gradient [N, O, ...].
struct ConvolveWeight {
  static constexpr const char* kNode = "ConvolutionBackwardBackward0";
  static constexpr int kInputs = 2;
  static constexpr int kOutputs = 1;
  static constexpr bool kComplex = true;
  using Attrs = Geometry;
  static Spec spec(const Attrs& a, In in) {
    return {joined(in[1].size(1), in[0].size(1) / a.groups, a.kernel), in[0].dtype()};
  }
  static Tensor make_for(const Attrs&, In in, const Spec& spec) { return like_images(in, spec); }
  static void workspace(const Attrs&, In in, const Tensor& out, Workspace& w) {
    need_all_dense(in, w);
    w.need_dense(kOut, out);
  }
  static void fill(const Attrs& a, In in, const Tensor& out, const Workspace& w) {
    const Laid laid(out, w, kOut);
    kernels::conv_weight(view_of(laid.memory()), view_of(w.dense(0, in[0])),
                         view_of(w.dense(1, in[1])),
                         a.shape(in[0].size(0), in[0].size(1), in[1].size(1)));
    laid.finish();
  }
  static constexpr Reads kReads[] = {kReadsB, kReadsA};
  static void vjp(Vjp<ConvolveWeight>& v) {
    const Attrs& a = v.attrs();
    if (v.wants(0)) v.give(0, apply<ConvolveImage>(a, conj(v.in(1)), v.grad(), Tensor()));
    if (v.wants(1)) v.give(1, apply<Convolve>(a, conj(v.in(0)), v.grad(), Tensor()));
  }
  static Tensor jvp(Jvp<ConvolveWeight>& j) {
    Tensor result;
    if (j.tangent(0).defined()) result = apply<ConvolveWeight>(j.attrs(), j.tangent(0), j.in(1));
    if (!j.tangent(1).defined()) return result;
    return plus(result, apply<ConvolveWeight>(j.attrs(), j.in(0), j.tangent(1)));
  }
  static Tensor batch(const Attrs& a, In in, int level) {
    const detail::Unwrapped u = detail::unwrap(in);
    const Tensor all = apply<ConvolveWeight>(a.with_groups(u.batch * a.groups),
                                             beside(u.tensors[0]), beside(u.tensors[1]));
    return make_batched(unmerged(all, u.batch), level);
  }
};

void Convolve::vjp(Vjp<Convolve>& v) {
  const Attrs& a = v.attrs();
  if (v.wants(0)) v.give(0, apply<ConvolveImage>(a, v.grad(), conj(v.in(1)), Tensor()));
  if (v.wants(1)) v.give(1, apply<ConvolveWeight>(a, conj(v.in(0)), v.grad()));
  if (v.wants(2)) v.give(2, sum_of_channels(v.grad()));
}

void ConvolveImage::vjp(Vjp<ConvolveImage>& v) {
  const Attrs& a = v.attrs();
  if (v.wants(0)) v.give(0, apply<Convolve>(a, v.grad(), conj(v.in(1)), Tensor()));
  if (v.wants(1)) v.give(1, apply<ConvolveWeight>(a, v.grad(), conj(v.in(0))));
  if (v.wants(2)) v.give(2, sum_of_channels(v.grad()));
}

// --- arguments ---

struct Settings {
  Dims stride;
  Dims padding;
  Dims dilation;
};

void check_settings(const Settings& s, std::int64_t groups) {
  for (const std::int64_t p : s.padding)
    check(p >= 0, "negative padding is not supported: got ", p);
  for (const std::int64_t p : s.stride) {
    check(p > 0, "non-positive stride is not supported: got ", p);
  }
  for (const std::int64_t p : s.dilation) {
    check(p > 0, "dilation should be greater than zero: got ", p);
  }
  check(groups > 0, "non-positive groups is not supported: got ", groups);
}

void check_kinds(const char* name, const Tensor& input, const Tensor& weight,
                 const std::optional<Tensor>& bias) {
  check(ErrorKind::NotImplemented, input.dtype() != DType::Bool, "\"", name,
        "\" not implemented for 'Bool'");
  check(input.dtype() == weight.dtype(), "Input type (", info(input.dtype()).scalar_name,
        ") and weight type (", info(weight.dtype()).scalar_name, ") should be the same");
  check(!bias || bias->dtype() == input.dtype(), "Input type (", info(input.dtype()).scalar_name,
        ") and bias type (", bias ? info(bias->dtype()).scalar_name : "", ") should be the same");
}

// With a batch; `name` is that of the function.
Tensor with_batch(const char* name, const Tensor& input, int dims) {
  check(input.ndim() == dims + 1 || input.ndim() == dims + 2, "Expected ", dims + 1,
        "D (unbatched) or ", dims + 2, "D (batched) input to ", name,
        ", but got input of size: ", input.shape());
  return input.ndim() == dims + 1 ? unsqueeze(input, 0) : input;
}

void check_weight(const Tensor& weight, int dims, std::int64_t groups) {
  check(weight.ndim() == dims + 2, "Expected ", dims + 2,
        "-dimensional weight for a convolution of ", dims,
        " dimensions, but got weight of size: ", weight.shape());
  check(weight.size(0) >= groups && weight.size(0) % groups == 0, "Given groups=", groups,
        ", expected weight to be at least ", groups,
        " at dimension 0 and divisible by it, but got "
        "weight of size ",
        weight.shape(), " instead");
}

void check_bias(const std::optional<Tensor>& bias, const Tensor& weight, std::int64_t channels) {
  check(!bias || (bias->ndim() == 1 && bias->size(0) == channels), "Given weight of size ",
        weight.shape(), ", expected bias to be 1-dimensional with ", channels,
        " elements, but got bias of size ", bias ? bias->shape() : Dims(), " instead");
}

void check_length(const Tensor& image, const Tensor& input) {
  check(
      image.numel() > 0 || image.size(0) == 0 || image.size(1) == 0,
      "Only zero batch or zero channel inputs are supported, but got input shape: ", input.shape());
}

Dims spatial(const Tensor& t) { return Dims(t.sizes().subspan(2)); }

Tensor convolve(const char* name, const Tensor& input, const Tensor& weight,
                const std::optional<Tensor>& bias, const Settings& s, std::int64_t groups) {
  const int dims = s.stride.size();
  const Tensor image = with_batch(name, input, dims);
  check_settings(s, groups);
  check_weight(weight, dims, groups);
  check_kinds(name, input, weight, bias);
  check(image.size(1) == weight.size(1) * groups, "Given groups=", groups, ", weight of size ",
        weight.shape(), ", expected input", input.shape(), " to have ", weight.size(1) * groups,
        " channels, but got ", image.size(1), " channels instead");
  check_bias(bias, weight, weight.size(0));
  const bool dilated = std::ranges::any_of(s.dilation, [](std::int64_t d) { return d != 1; });
  check(ErrorKind::NotImplemented,
        !dilated || is_differentiable(input.dtype()) || input.dtype() == DType::Int64,
        "\"slow_conv_dilated<>\" not implemented for '", info(input.dtype()).scalar_name, "'");
  Geometry g{spatial(image), spatial(weight), s.stride, s.padding, s.dilation, groups, Dims(dims)};
  for (int d = 0; d < dims; ++d) {
    check(g.kernel[d] > 0, "kernel size should be greater than zero, but got weight of size ",
          weight.shape());
    check(g.image[d] + 2 * g.padding[d] >= reach(g.kernel[d], g.dilation[d]),
          "Calculated padded input size per channel: ", g.image[d] + 2 * g.padding[d],
          ". Kernel size: ", reach(g.kernel[d], g.dilation[d]),
          ". Kernel size can't be greater than actual input size (dimension ", d, ")");
    g.out[d] =
        (g.image[d] + 2 * g.padding[d] - reach(g.kernel[d], g.dilation[d])) / g.stride[d] + 1;
  }
  check_length(image, input);
  const Tensor result = apply<Convolve>(g, image, weight, bias.value_or(Tensor()));
  return image.is_same(input) ? result : squeeze_dim(result, 0);
}

template <int dims>
constexpr const char* kName = dims == 1   ? "conv1d"
                              : dims == 2 ? "conv2d"
                                          : "conv3d";
template <int dims>
constexpr const char* kTransposedName = dims == 1   ? "conv_transpose1d"
                                        : dims == 2 ? "conv_transpose2d"
                                                    : "conv_transpose3d";

template <int dims>
Tensor conv(const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias,
            const Dims& stride, const Dims& padding, const Dims& dilation, std::int64_t groups) {
  return convolve(kName<dims>, input, weight, bias,
                  {spread("stride", stride, dims), spread("padding", padding, dims),
                   spread("dilation", dilation, dims)},
                  groups);
}

// Zeros behind the last elements of the last dimensions.
Tensor constant_pad_after(const Tensor& input, const Dims& after) {
  Dims pad;
  for (int d = after.size() - 1; d >= 0; --d) {
    pad.push_back(0);
    pad.push_back(after[d]);
  }
  return constant_pad(input, pad, Scalar(0));
}

template <int dims>
Tensor conv_by_name(const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias,
                    const Dims& stride, std::string_view padding, const Dims& dilation,
                    std::int64_t groups) {
  Settings s{spread("stride", stride, dims), Dims(dims, 0), spread("dilation", dilation, dims)};
  if (padding == "valid") return convolve(kName<dims>, input, weight, bias, s, groups);
  check(padding == "same", "Invalid padding string: '", padding, "', expected 'same' or 'valid'");
  check_weight(weight, dims, std::max<std::int64_t>(1, groups));
  Dims after(dims, 0);
  bool uneven = false;
  for (int d = 0; d < dims; ++d) {
    check(s.stride[d] == 1, "padding='same' is not supported for strided convolutions");
    const std::int64_t total = reach(weight.size(d + 2), s.dilation[d]) - 1;
    s.padding[d] = total / 2;
    after[d] = total % 2;
    uneven |= total % 2 != 0;
  }
  with_batch(kName<dims>, input, dims);
  return convolve(kName<dims>, uneven ? constant_pad_after(input, after) : input, weight, bias, s,
                  groups);
}

template <int dims>
Tensor conv_transposed(const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias,
                       const Dims& stride, const Dims& padding, const Dims& output_padding,
                       std::int64_t groups, const Dims& dilation) {
  const char* const name = kTransposedName<dims>;
  const Settings s{spread("stride", stride, dims), spread("padding", padding, dims),
                   spread("dilation", dilation, dims)};
  const Dims extra = spread("output_padding", output_padding, dims);
  const Tensor gradient = with_batch(name, input, dims);
  check_settings(s, groups);
  check_weight(weight, dims, groups);
  const bool narrow = !is_floating(input.dtype()) && is_narrow(input.dtype());
  check(ErrorKind::NotImplemented, !narrow, "\"", name, "\" not implemented for '",
        info(input.dtype()).scalar_name, "'");
  check_kinds(name, input, weight, bias);
  check(gradient.size(1) == weight.size(0), "Given transposed=1, weight of size ", weight.shape(),
        ", expected input", input.shape(), " to have ", weight.size(0), " channels, but got ",
        gradient.size(1), " channels instead");
  check_bias(bias, weight, weight.size(1) * groups);
  Geometry g{Dims(dims), spatial(weight), s.stride,         s.padding,
             s.dilation, groups,          spatial(gradient)};
  for (int d = 0; d < dims; ++d) {
    check(extra[d] >= 0 && (extra[d] < s.stride[d] || extra[d] < s.dilation[d]),
          "output padding must be smaller than either stride or dilation, but got output_padding: ",
          extra[d], ", stride: ", s.stride[d], ", dilation: ", s.dilation[d]);
    g.image[d] = (gradient.size(d + 2) - 1) * s.stride[d] - 2 * s.padding[d] +
                 reach(g.kernel[d], s.dilation[d]) + extra[d];
    check(g.image[d] >= 0, "Given input size per channel: ", gradient.size(d + 2),
          ". Calculated output size per channel: ", g.image[d], ". Output size is too small");
  }
  check_length(gradient, input);
  const Tensor result = apply<ConvolveImage>(g, gradient, weight, bias.value_or(Tensor()));
  return gradient.is_same(input) ? result : squeeze_dim(result, 0);
}

constexpr Forms kForms = Forms(kFunctionForm) | kNNForm;
const char kConvDoc[] =
    "The sums of weight over the patches of input [batch, channels, sizes...], weight [out, "
    "channels / groups, sizes...]: how PyTorch defines convolution.";
const char kNamedDoc[] =
    "The same with padding 'valid' for none, or 'same' for a result in the size of input.";
const char kTransposedDoc[] =
    "The transpose of a convolution in its input; weight is [channels, out / groups, sizes...].";

const Entry entry_conv1d(
    "conv1d(input, weight, bias=None, stride[1]=1, padding[1]=0, dilation[1]=1, groups:index=1)",
    function<conv<1>>, kForms, kConvDoc,
    "x(2,3,7), x(4,3,3), x(4) | x(2,4,6), x(4,2,3), None, 2, 1, 1, 2 | x(3,7), x(2,3,2) "
    "| xs(2,3,6), xs(4,3,1) | x(0,3,5), x(2,3,3) | x(2,2,9), x(2,1,3), None, 1, 2, 3, 2");
const Entry entry_conv1d_named(
    "conv1d(input, weight, bias=None, stride[1]=1, padding='valid', dilation[1]=1, groups:index=1)",
    function<conv_by_name<1>>, kForms, kNamedDoc,
    "x(2,3,6), x(4,3,3), padding='same' | x(2,3,6), x(4,3,4), x(4), padding='same' "
    "| x(2,3,6), x(4,3,3), padding='valid'");
const Entry entry_conv2d(
    "conv2d(input, weight, bias=None, stride[1]=1, padding[1]=0, dilation[1]=1, groups:index=1)",
    function<conv<2>>, kForms, kConvDoc,
    "x(2,3,5,4), x(4,3,3,2), x(4) | x(2,4,5,5), x(4,2,3,3), None, 2, (1,0), 1, 2 "
    "| x(3,5,4), x(2,3,2,2) | xs(2,3,4,3), xs(4,3,1,1), x(4) "
    "| x(1,2,5,6), x(2,1,2,3), None, (1,2), 1, (2,1), 2");
const Entry entry_conv2d_named(
    "conv2d(input, weight, bias=None, stride[1]=1, padding='valid', dilation[1]=1, groups:index=1)",
    function<conv_by_name<2>>, kForms, kNamedDoc,
    "x(2,3,4,5), x(4,3,3,2), padding='same' | x(3,4,5), x(4,3,3,3), x(4), padding='valid'");
const Entry entry_conv3d(
    "conv3d(input, weight, bias=None, stride[1]=1, padding[1]=0, dilation[1]=1, groups:index=1)",
    function<conv<3>>, kForms, kConvDoc,
    "x(1,2,3,4,3), x(2,2,2,2,2), x(2) | x(1,2,4,3,4), x(2,1,3,1,2), None, (1,2,1), 1, 1, 2");
const Entry entry_conv3d_named(
    "conv3d(input, weight, bias=None, stride[1]=1, padding='valid', dilation[1]=1, groups:index=1)",
    function<conv_by_name<3>>, kForms, kNamedDoc, "x(1,2,3,4,3), x(2,2,2,1,3), padding='same'");
const Entry entry_conv_transpose1d(
    "conv_transpose1d(input, weight, bias=None, stride[1]=1, padding[1]=0, output_padding[1]=0, "
    "groups:index=1, dilation[1]=1)",
    function<conv_transposed<1>>, kForms, kTransposedDoc,
    "x(2,3,4), x(3,2,3), x(2) | x(2,4,4), x(4,2,3), None, 2, 1, 1, 2 | x(3,4), x(3,2,2), None, 1, "
    "0,"
    " 0, 1, 2 | xs(2,3,4), xs(3,2,1) | x(2,4,4), x(4,2,3), x(4), 1, 2, 1, 2, 2");
const Entry entry_conv_transpose2d(
    "conv_transpose2d(input, weight, bias=None, stride[1]=1, padding[1]=0, output_padding[1]=0, "
    "groups:index=1, dilation[1]=1)",
    function<conv_transposed<2>>, kForms, kTransposedDoc,
    "x(2,3,3,4), x(3,2,2,3), x(2) | x(2,4,3,3), x(4,1,3,2), x(2), 2, (1,0), (1,0), 2 "
    "| x(3,3,4), x(3,2,2,2) | x(1,2,3,3), x(2,2,1,1), None, 1, 0, (1,0), 1, 2");
const Entry entry_conv_transpose3d(
    "conv_transpose3d(input, weight, bias=None, stride[1]=1, padding[1]=0, output_padding[1]=0, "
    "groups:index=1, dilation[1]=1)",
    function<conv_transposed<3>>, kForms, kTransposedDoc,
    "x(1,2,2,3,2), x(2,2,2,2,2), x(2) | x(1,2,2,2,3), x(2,1,2,1,2), None, (1,2,1), 0, 0, 2");

}  // namespace
}  // namespace pullback
