// Patches of images as columns, and columns added up to images: unfold and fold of nn.functional.
//
// The two are one operator and its transpose.
#include "kernels/nn/conv.h"
#include "ops/basic.h"
#include "ops/nn/patches.h"
#include "ops/op.h"
#include "ops/table.h"

namespace pullback {
namespace {

struct Patches {
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  static constexpr bool kLinear = true;
  static constexpr bool kComplex = true;
  struct Attrs {
    Dims image;  // [channels, height, width]
    Dims kernel;
    Dims stride;
    Dims padding;
    Dims dilation;
    bool back;  // from columns to images

    std::int64_t out(int d) const {
      return (image[d + 1] + 2 * padding[d] - reach(kernel[d], dilation[d])) / stride[d] + 1;
    }
    kernels::ConvShape shape(std::int64_t batch) const {
      return {batch,
              image[0],
              1,
              1,
              {1, image[1], image[2]},
              {1, kernel[0], kernel[1]},
              {1, out(0), out(1)},
              {1, stride[0], stride[1]},
              {0, padding[0], padding[1]},
              {1, dilation[0], dilation[1]}};
    }
  };
  static const char* node_name(const Attrs& a) {
    return a.back ? "Col2ImBackward0" : "Im2ColBackward0";
  }
  static Spec spec(const Attrs& a, In in) {
    if (a.back) return {Dims{in[0].size(0), a.image[0], a.image[1], a.image[2]}, in[0].dtype()};
    const std::int64_t rows = a.image[0] * a.kernel[0] * a.kernel[1];
    return {Dims{in[0].size(0), rows, a.out(0) * a.out(1)}, in[0].dtype()};
  }
  static void workspace(const Attrs&, In in, const Tensor&, Workspace& w) {
    w.need_dense(0, in[0]);
  }
  static void fill(const Attrs& a, In in, const Tensor& out, const Workspace& w) {
    const auto move = a.back ? kernels::columns_to_image : kernels::image_to_columns;
    move(view_of(out), view_of(w.dense(0, in[0])), a.shape(in[0].size(0)));
  }
  static void vjp(Vjp<Patches>& v) {
    Attrs other = v.attrs();
    other.back = !other.back;
    v.give(0, apply<Patches>(other, v.grad()));
  }
  // The examples are more images.
  static Tensor batch(const Attrs& a, In in, int) {
    const detail::Unwrapped u = detail::unwrap(in);
    Dims sizes(u.tensors[0].sizes().subspan(1));
    const std::int64_t images = sizes[0];
    sizes[0] *= u.batch;
    const Tensor all = apply<Patches>(a, reshape(u.tensors[0], sizes));
    Dims result = all.shape();
    result[0] = images;
    result.insert(0, u.batch);
    return make_batched(reshape(all, result), u.level);
  }
};

Dims pair_of(const char* what, const Dims& given, std::int64_t least) {
  check(given.size() == 1 || given.size() == 2, "It is expected ", what,
        " equals to 1 or 2 numbers, but got ", given);
  const Dims both = given.size() == 1 ? Dims{given[0], given[0]} : given;
  check(both[0] >= least && both[1] >= least, what,
        least > 0 ? " should be greater than zero" : " should be non-negative", ", but got ",
        both[0], ", ", both[1]);
  return both;
}

Patches::Attrs moved(const Dims& kernel_size, const Dims& dilation, const Dims& padding,
                     const Dims& stride, bool back) {
  return {Dims(3),
          pair_of("kernel_size", kernel_size, 1),
          pair_of("stride", stride, 1),
          pair_of("padding", padding, 0),
          pair_of("dilation", dilation, 1),
          back};
}

void check_kind(const char* name, const Tensor& input) {
  check(ErrorKind::NotImplemented, is_differentiable(input.dtype()) || input.dtype() == DType::Bool,
        "\"", name, "\" not implemented for '", info(input.dtype()).scalar_name, "'");
}

void check_patches(const Patches::Attrs& a, const Dims& image) {
  check(a.out(0) > 0 && a.out(1) > 0 && image[1] > 0, "Given input with spatial size ", a.image[1],
        ", ", a.image[2], ", kernel_size=", a.kernel, ", dilation=", a.dilation,
        ", padding=", a.padding, ", calculated shape of the array of sliding blocks as (", a.out(0),
        ", ", a.out(1), "), but its components must be at least one.");
}

Tensor unfold(const Tensor& input, const Dims& kernel_size, const Dims& dilation,
              const Dims& padding, const Dims& stride) {
  check(input.ndim() == 3 || input.ndim() == 4,
        "Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero "
        "dimensions for input, but got: ",
        input.shape());
  Patches::Attrs a = moved(kernel_size, dilation, padding, stride, false);
  const Tensor images = input.ndim() == 3 ? unsqueeze(input, 0) : input;
  a.image = Dims(images.sizes().subspan(1));
  check(a.image[0] > 0,
        "Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other "
        "non-zero dimensions for input, but got: ",
        input.shape());
  check_patches(a, a.image);
  check_kind("im2col", input);
  const Tensor columns = apply<Patches>(a, images);
  return input.ndim() == 3 ? squeeze_dim(columns, 0) : columns;
}

Tensor fold(const Tensor& input, const Dims& output_size, const Dims& kernel_size,
            const Dims& dilation, const Dims& padding, const Dims& stride) {
  check(input.ndim() == 2 || input.ndim() == 3,
        "Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and non-zero "
        "dimensions for input, but got: ",
        input.shape());
  Patches::Attrs a = moved(kernel_size, dilation, padding, stride, true);
  const Dims size = pair_of("output_size", output_size, 1);
  const Tensor columns = input.ndim() == 2 ? unsqueeze(input, 0) : input;
  const std::int64_t taps = a.kernel[0] * a.kernel[1];
  check(columns.size(1) % taps == 0,
        "Expected size of input's dimension 1 to be divisible by the "
        "product of kernel_size, but got input.size(1)=",
        columns.size(1), " and kernel_size=", a.kernel, ".");
  a.image = Dims{columns.size(1) / taps, size[0], size[1]};
  check_patches(a, a.image);
  check(columns.size(2) == a.out(0) * a.out(1), "Given output_size=", size,
        ", kernel_size=", a.kernel, ", dilation=", a.dilation, ", padding=", a.padding,
        ", stride=", a.stride,
        ", expected size of input's dimension 2 to match the calculated number of sliding blocks ",
        a.out(0), " * ", a.out(1), " = ", a.out(0) * a.out(1),
        ", but got input.size(2)=", columns.size(2), ".");
  check_kind("col2im", input);
  const Tensor images = apply<Patches>(a, columns);
  return input.ndim() == 2 ? squeeze_dim(images, 0) : images;
}

const Entry entry_unfold(
    "unfold(input, kernel_size[1], dilation[1]=1, padding[1]=0, stride[1]=1)", function<unfold>,
    kNNForm | kPlainNames,
    "The patches of images [batch, channels, height, width] as columns: [batch, channels * kernel, "
    "patches].",
    "x(2,3,4,5), 2 | x(1,2,5,5), (2,3), 2, 1, (1,2) | x(2,4,4), 2 | xs(2,2,4,4), 3, padding=1");
const Entry entry_fold(
    "fold(input, output_size[1], kernel_size[1], dilation[1]=1, padding[1]=0, stride[1]=1)",
    function<fold>, kNNForm | kPlainNames,
    "The transpose of unfold: columns added up to images of output_size.",
    "x(2,12,12), (4,5), 2 | x(1,12,10), (5,5), (2,3), 2, 1, (1,2) | x(8,9), (4,4), 2 "
    "| xs(2,18,16), 4, 3, padding=1");

}  // namespace
}  // namespace pullback
