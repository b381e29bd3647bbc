// Padding: with a number, or with the values inside reflected, repeated or wrapped around.
//
// Padding with a number is copying into a larger tensor, and negative padding copies a part; with
// zeros the two are each other's transposes.  The other modes are sparse maps, one a dimension.
#include "ops/nn/pad.h"

#include "kernels/copy.h"
#include "ops/basic.h"
#include "ops/format.h"
#include "ops/nn/taps.h"
#include "ops/op.h"
#include "ops/table.h"

namespace pullback {
namespace {

// Pairs (before, after), the last dimension first, as torch has them.
struct ConstantPad {
  static constexpr const char* kNode = "ConstantPadNdBackward0";
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  static constexpr bool kMoves = true;
  struct Attrs {
    Dims pad;
    Scalar value;
    Attrs batched(std::int64_t) const { return *this; }
    Attrs back() const {
      Attrs b{pad, Scalar(0)};
      for (std::int64_t& p : b.pad) p = -p;
      return b;
    }
  };
  static Dims padded(const Attrs& a, Sizes sizes) {
    Dims result(sizes);
    for (int k = 0; k < a.pad.size() / 2; ++k) {
      result[result.size() - 1 - k] += a.pad[2 * k] + a.pad[2 * k + 1];
    }
    return result;
  }
  static Spec spec(const Attrs& a, In in) { return {padded(a, in[0].sizes()), in[0].dtype()}; }
  static Tensor make_for(const Attrs&, In in, const Spec& spec) {
    return empty_in(format_of(in[0]), spec.sizes, spec.dtype);
  }
  static void fill(const Attrs& a, In in, const Tensor& out) {
    Element value;
    a.value.store(out.dtype(), &value);
    kernels::fill(view_of(out), &value);
    Dims sizes(in[0].sizes());
    std::int64_t from = 0, to = 0;
    for (int k = 0; k < a.pad.size() / 2; ++k) {
      const int d = sizes.size() - 1 - k;
      const std::int64_t before = a.pad[2 * k];
      const std::int64_t cut = std::max<std::int64_t>(0, -before);
      const std::int64_t shift = std::max<std::int64_t>(0, before);
      sizes[d] = std::min(in[0].size(d) - cut, out.size(d) - shift);
      if (sizes[d] <= 0) return;
      from += cut * in[0].stride(d);
      to += shift * out.stride(d);
    }
    kernels::copy(view_of(out.alias(sizes, out.strides(), to)),
                  view_of(in[0].alias(sizes, in[0].strides(), from)));
  }
  static void vjp(Vjp<ConstantPad>& v) {
    v.give(0, apply<ConstantPad>(v.attrs().back(), v.grad()));
  }
  static Tensor jvp(Jvp<ConstantPad>& j) {
    return apply<ConstantPad>({j.attrs().pad, Scalar(0)}, j.tangent(0));
  }
};

}  // namespace

Tensor constant_pad(const Tensor& input, const Dims& pad, const Scalar& value) {
  const Dims sizes = ConstantPad::padded({pad, value}, input.sizes());
  for (int k = 0; k < pad.size() / 2; ++k) {
    const int d = input.ndim() - 1 - k;
    check(sizes[d] >= 0, "The input size ", input.size(d), ", plus negative padding ", pad[2 * k],
          " and ", pad[2 * k + 1],
          " resulted in a negative output size, which is invalid. Check dimension ", d,
          " of your input.");
  }
  return apply<ConstantPad>({pad, fitting(value, input.dtype())}, input);
}

namespace {

enum class Wrap : std::uint8_t { Reflect, Replicate, Circular };

// What output i, counted from element 0 of the input, reads; what is cut off is not wrapped around.
std::int64_t source(Wrap mode, std::int64_t i, std::int64_t n, std::int64_t before,
                    std::int64_t after) {
  const std::int64_t first = std::max<std::int64_t>(0, -before);
  const std::int64_t end = n + std::min<std::int64_t>(0, after);
  switch (mode) {
    case Wrap::Reflect:
      return i < 0 ? -i : i >= n ? 2 * (n - 1) - i : i;
    case Wrap::Replicate:
      return std::clamp<std::int64_t>(i, 0, n - 1);
    case Wrap::Circular:
      return i < first ? i + end - first : i >= end ? i - end + first : i;
  }
  __builtin_unreachable();
}

const char* node_of(Wrap mode, int dims) {
  static constexpr const char* kReflection[] = {
      "ReflectionPad1DBackward0", "ReflectionPad2DBackward0", "ReflectionPad3DBackward0"};
  static constexpr const char* kReplication[] = {
      "ReplicationPad1DBackward0", "ReplicationPad2DBackward0", "ReplicationPad3DBackward0"};
  if (mode == Wrap::Circular) return "CopySlices";
  return (mode == Wrap::Reflect ? kReflection : kReplication)[dims - 1];
}

const char* constant_of(Wrap mode, int dims) {
  static constexpr const char* kReflection[] = {"ReflectionPad1DBackwardBackward0",
                                                "ReflectionPad2DBackwardBackward0",
                                                "ReflectionPad3DBackwardBackward0"};
  static constexpr const char* kReplication[] = {"ReplicationPad1DBackwardBackward0",
                                                 "ReplicationPad2DBackwardBackward0",
                                                 "ReplicationPad3DBackwardBackward0"};
  if (mode == Wrap::Circular) return nullptr;
  return (mode == Wrap::Reflect ? kReflection : kReplication)[dims - 1];
}

Tensor wrapped(const Tensor& input, const Dims& pad, Wrap mode) {
  const int dims = pad.size() / 2;
  Tensor result = input;
  bool some = mode == Wrap::Circular;  // as in torch, one dimension may keep elements in vain
  for (int k = 0; k < dims; ++k) {
    some |= input.size(input.ndim() - 1 - k) + pad[2 * k] + pad[2 * k + 1] >= 1;
  }
  for (int k = 0; k < dims; ++k) {
    const int d = input.ndim() - 1 - k;
    const std::int64_t n = input.size(d), before = pad[2 * k], after = pad[2 * k + 1];
    check(n + before + after >= (some ? 0 : 1), "pad: input of size ", n, " in dimension ", d,
          " and padding ", before, " and ", after,
          " leave nothing: expected an output of size 1 at least");
    if (mode == Wrap::Reflect) {
      check(before < n && after < n,
            "Padding size should be less than the corresponding input dimension, but got: padding "
            "(",
            before, ", ", after, ") at dimension ", d, " of input ", input.shape());
    } else if (mode == Wrap::Circular) {
      const std::int64_t none = 0, left = n + std::min(before, none) + std::min(after, none);
      check(n + before + after == 0 || (before <= left && after <= left),
            "Padding value causes wrapping around more than once: got ", before, " and ", after,
            " for dimension ", d, " of size ", n);
      check(n + before + after >= 0, "Negative padding value is resulting in an empty dimension");
    }
    check(n > 0 || before + after == 0,
          "pad: a dimension without elements has nothing to repeat: ", "got input ", input.shape());
    kernels::Taps taps;
    taps.num_inputs = n;
    for (std::int64_t o = 0; o < n + before + after; ++o) {
      taps.add(source(mode, o - before, n, before, after), 1);
      taps.end_output();
    }
    result = apply_taps(result, d, share(std::move(taps)), node_of(mode, dims),
                        k == 0 ? constant_of(mode, dims) : nullptr);
  }
  return result;
}

}  // namespace

Tensor pad(const Tensor& input, const Dims& pad, std::string_view mode,
           std::optional<Scalar> value) {
  check(pad.size() % 2 == 0, "Padding length must be divisible by 2: got ", pad.size(), " numbers");
  check(pad.size() / 2 <= input.ndim(),
        "Padding length should be less than or equal to two times "
        "the input dimension but got padding length ",
        pad.size(), " and input of dimension ", input.ndim());
  if (mode == "constant") return constant_pad(input, pad, value.value_or(Scalar(0)));
  check(!value || value->to_double() == 0, "Padding mode \"", mode,
        "\" doesn't take in value argument");
  Wrap how;
  if (mode == "reflect") {
    how = Wrap::Reflect;
  } else if (mode == "replicate") {
    how = Wrap::Replicate;
  } else if (mode == "circular") {
    how = Wrap::Circular;
  } else {
    fail(ErrorKind::NotImplemented, "Unrecognised padding mode ", mode,
         ": expected constant, reflect, replicate or circular");
  }
  check(ErrorKind::NotImplemented, input.dtype() != DType::Bool || how == Wrap::Circular, "\"",
        mode, "_pad\" not implemented for 'Bool'");
  const int dims = pad.size() / 2;
  check(
      ErrorKind::NotImplemented,
      dims >= 1 && dims <= 3 && (input.ndim() == dims + 1 || input.ndim() == dims + 2),
      "Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now: got input of ",
      input.ndim(), " dimensions and ", pad.size(),
      " numbers, expected two numbers for each "
      "dimension behind batch and channels");
  return wrapped(input, pad, how);
}

static const Entry entry_pad(
    "pad(input, pad, mode='constant', value=None)", function<pad>, kNNForm | kPlainNames,
    "The tensor with more elements at the ends of its last dimensions: pad has two numbers, before "
    "and after, for each dimension from the last on; negative ones take elements away.  Modes are "
    "constant, reflect, replicate and circular.",
    "x(3,4), (1,2) | x(3,4), (1,-1,0,2), 'constant', 2.5 | xs(2,3,4), (1,1), 'reflect' "
    "| x(2,3,4), (1,2,2,0), 'replicate' | x(1,2,3,4), (1,2,3,1), mode='circular' | x(3,4), (-1,-1) "
    "| x(0,3), (1,1) | x(2,3,3,4), (1,1,2,1,0,1), 'reflect' | x(2,3,4), (2,-1), 'replicate'");

}  // namespace pullback
