// Pooling: the greatest element or the mean of windows, whose sizes are given or follow from the
// size of the result (adaptive pooling).
//
// A maximum is gathered by its position, so its derivatives are gather and scatter_add.  A mean is
// a sparse map along each dimension (ops/nn/taps.h).  Start reading at Settings.
#include "kernels/nn/pool.h"

#include <array>
#include <limits>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "ops/basic.h"
#include "ops/format.h"
#include "ops/index/indexing.h"
#include "ops/nn/patches.h"
#include "ops/nn/taps.h"
#include "ops/op.h"
#include "ops/reduce/reduction.h"
#include "ops/table.h"

namespace pullback {
namespace {

using AllWindows = std::shared_ptr<const std::vector<kernels::Windows>>;

// The last dimensions as one.
Dims flat_sizes(Sizes sizes, int dims) {
  Dims flat(sizes.first(sizes.size() - static_cast<std::size_t>(dims)));
  flat.push_back(count_elements(sizes.last(static_cast<std::size_t>(dims))));
  return flat;
}

// Results: values and positions in the plane.
struct MaxOfWindows {
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 2;
  struct Attrs {
    AllWindows windows;
    const char* node;
    Attrs batched(std::int64_t) const { return *this; }
    int dims() const { return static_cast<int>(windows->size()); }
    // The name of the gradient, which is constant in the input but stays part of the graph.
    const char* constant() const {
      if (std::string_view(node).starts_with("Adaptive")) {
        return dims() == 3 ? "AdaptiveMaxPool3DBackwardBackward0"
                           : "AdaptiveMaxPool2DBackwardBackward0";
      }
      return dims() == 3 ? "MaxPool3DWithIndicesBackwardBackward0"
                         : "MaxPool2DWithIndicesBackwardBackward0";
    }
    // Of the input from those of a result.
    Dims whole(Sizes sizes) const {
      Dims all(sizes);
      const int first = all.size() - dims();
      for (int d = 0; d < dims(); ++d) {
        all[first + d] = (*windows)[static_cast<std::size_t>(d)].size;
      }
      return all;
    }
  };
  static const char* node_name(const Attrs& a) { return a.node; }
  static std::array<Spec, 2> spec(const Attrs& a, In in) {
    Dims sizes = in[0].shape();
    const int first = sizes.size() - a.dims();
    for (int d = 0; d < a.dims(); ++d) {
      sizes[first + d] = (*a.windows)[static_cast<std::size_t>(d)].count();
    }
    return {Spec{sizes, in[0].dtype()}, Spec{sizes, DType::Int64}};
  }
  static std::array<Tensor, 2> make_all(const Attrs&, const Tensor& x,
                                        const std::array<Spec, 2>& specs) {
    const MemoryFormat format = format_of(x);
    return {empty_in(format, specs[0].sizes, specs[0].dtype),
            empty_in(format, specs[1].sizes, specs[1].dtype)};
  }
  static void workspace(const Attrs&, In in, const Tensor& out, Workspace& w) {
    w.need_dense(0, in[0]);
    w.need_dense(1, out);
    if (!out.is_contiguous()) w.need(2, out.sizes(), DType::Int64);
  }
  static void fill(const Attrs& a, In in, const std::array<Tensor, 2>& out, const Workspace& w) {
    const Laid values(out[0], w, 1), places(out[1], w, 2);
    kernels::greatest_in_windows(view_of(values.memory()), view_of(places.memory()),
                                 view_of(w.dense(0, in[0])), *a.windows);
    values.finish();
    places.finish();
  }
  static constexpr Reads kReads = kReadsZ;
  static void vjp(Vjp<MaxOfWindows>& v) {
    const Attrs& a = v.attrs();
    const Tensor& g = v.grad();
    if (!g.defined()) return v.give(0, g);
    const Dims flat = flat_sizes(g.sizes(), a.dims());
    const Dims whole = a.whole(g.sizes());
    const Tensor zeros = expanded_zeros(flat_sizes(whole, a.dims()), g.dtype());
    const Tensor sums = scatter_add(zeros, -1, reshape(v.out(1), flat), reshape(g, flat));
    const Tensor gradient = laid_out(reshape(sums, whole), format_of(g));
    v.give(0, mode.grad ? stepwise(a.constant(), gradient, v.history_of(0)) : gradient);
  }
  static std::array<Tensor, 2> jvp(Jvp<MaxOfWindows>& j) {
    const int dims = j.attrs().dims();
    const Tensor& t = j.tangent(0);
    const Tensor index = reshape(j.out(1), flat_sizes(j.out(1).sizes(), dims));
    const Tensor picked = gather(reshape(t, flat_sizes(t.sizes(), dims)), -1, index);
    return {reshape(picked, j.out(0).sizes()), Tensor()};
  }
};

// --- arguments ---

const char* of_dims(const char* const (&names)[3], int dims) { return names[dims - 1]; }

Dims numbers(const char* name, const char* what, const Dims& given, int dims) {
  check(given.size() == 1 || given.size() == dims, name, ": ", what,
        " must either be a single int, or a tuple of ", dims, " ints: got ", given);
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  for (const std::int64_t n : given) {
    check(n <= kMost, name, ": integer out of range: ", what, " must be at most ", kMost, ": got ",
          given);
  }
  return given.size() == 1 ? Dims(dims, given[0]) : given;
}

struct Settings {
  Dims kernel;
  Dims stride;
  Dims padding;
  Dims dilation;
  bool ceil = false;

  Settings(const char* name, int dims, const Dims& kernel_size, const std::optional<Dims>& strides,
           const Dims& pad, const Dims& dilations, bool ceil_mode)
      : kernel(numbers(name, "kernel_size", kernel_size, dims)),
        stride(strides && !strides->empty() ? numbers(name, "stride", *strides, dims) : kernel),
        padding(numbers(name, "padding", pad, dims)),
        dilation(numbers(name, "dilation", dilations, dims)),
        ceil(ceil_mode) {
    for (int d = 0; d < dims; ++d) {
      check(kernel[d] > 0, name, ": kernel size should be greater than zero, but got ", kernel);
      check(stride[d] > 0, name, ": stride should be greater than zero, but got ", stride);
      check(dilation[d] > 0, name, ": dilation should be greater than zero, but got ", dilation);
      check(padding[d] >= 0, name, ": pad must be non-negative, but got pad: ", padding[d]);
      check(padding[d] <= kernel[d] / 2, name,
            ": pad should be smaller than or equal to half of kernel size, but got pad=",
            padding[d], " and kernel_size=", kernel[d]);
    }
  }
  std::int64_t out(int d, std::int64_t in) const {
    const std::int64_t room = in + 2 * padding[d] - reach(kernel[d], dilation[d]);
    std::int64_t n = (room < 0 ? -1 : room / stride[d]) + 1;
    if (ceil && room >= 0 && room % stride[d] != 0) ++n;
    if (ceil && room < 0 && room + stride[d] - 1 >= 0) n = 1;
    // The last window begins inside of the input or its padding on the left.
    if (ceil && (n - 1) * stride[d] >= in + padding[d]) --n;
    return n;
  }
};

void check_planes(const char* name, const Tensor& input, int dims) {
  check(input.ndim() == dims + 1 || input.ndim() == dims + 2, name, ": Expected ", dims + 1,
        "D or ", dims + 2, "D (batch mode) tensor for input, but got: ", input.shape());
  for (int d = input.ndim() - dims - 1; d < input.ndim(); ++d) {
    check(input.size(d) > 0, name, ": Expected input with non-zero dimensions behind the batch, ",
          "but got: ", input.shape());
  }
}

void check_kind(const char* name, const Tensor& input, bool floats) {
  const bool taken = floats ? is_floating(input.dtype()) : input.dtype() != DType::Bool;
  check(ErrorKind::NotImplemented, taken, "\"", name, "\" not implemented for '",
        info(input.dtype()).scalar_name, "'");
}

void check_out(const char* name, const Tensor& input, std::int64_t out) {
  check(out > 0, name, ": Given input size: ", input.shape(), ". Calculated output size: ", out,
        ". Output size is too small");
}

constexpr const char* kMaxNames[3] = {"max_pool1d", "max_pool2d", "max_pool3d"};
constexpr const char* kMaxNodes[3] = {"MaxPool1DWithIndicesBackward0",
                                      "MaxPool2DWithIndicesBackward0",
                                      "MaxPool3DWithIndicesBackward0"};
constexpr const char* kAdaptiveMaxNodes[3] = {
    "AdaptiveMaxPool1DBackward0", "AdaptiveMaxPool2DBackward0", "AdaptiveMaxPool3DBackward0"};
constexpr const char* kMeanNames[3] = {"avg_pool1d", "avg_pool2d", "avg_pool3d"};
constexpr const char* kMeanNodes[3] = {"AvgPool1DBackward0", "AvgPool2DBackward0",
                                       "AvgPool3DBackward0"};
constexpr const char* kMeanConstants[3] = {
    "AvgPool2DBackwardBackward0", "AvgPool2DBackwardBackward0", "AvgPool3DBackwardBackward0"};
constexpr const char* kAdaptiveMaxNames[3] = {"adaptive_max_pool1d", "adaptive_max_pool2d",
                                              "adaptive_max_pool3d"};
constexpr const char* kAdaptiveMeanNames[3] = {"adaptive_avg_pool1d", "adaptive_avg_pool2d",
                                               "adaptive_avg_pool3d"};
constexpr const char* kAdaptiveMeanNodes[3] = {
    "AdaptiveAvgPool1DBackward0", "AdaptiveAvgPool2DBackward0", "AdaptiveAvgPool3DBackward0"};
constexpr const char* kAdaptiveMeanConstants[3] = {"AdaptiveAvgPool2DBackwardBackward0",
                                                   "AdaptiveAvgPool2DBackwardBackward0",
                                                   "AdaptiveAvgPool3DBackwardBackward0"};

template <int dims>
std::array<Tensor, 2> max_pool_with_indices(const Tensor& input, const Dims& kernel_size,
                                            const std::optional<Dims>& stride, const Dims& padding,
                                            const Dims& dilation, bool ceil_mode,
                                            [[maybe_unused]] bool return_indices) {
  const char* const name = of_dims(kMaxNames, dims);
  const Settings s(name, dims, kernel_size, stride, padding, dilation, ceil_mode);
  check_planes(name, input, dims);
  check_kind(name, input, false);
  std::vector<kernels::Windows> all;
  for (int d = 0; d < dims; ++d) {
    const std::int64_t in = input.size(input.ndim() - dims + d);
    kernels::Windows w{in, s.dilation[d], {}, {}};
    const std::int64_t count = s.out(d, in);
    check_out(name, input, count);
    for (std::int64_t o = 0; o < count; ++o) {
      std::int64_t begin = o * s.stride[d] - s.padding[d];
      w.end.push_back(std::min(begin + reach(s.kernel[d], s.dilation[d]), in));
      while (begin < 0) begin += s.dilation[d];
      w.begin.push_back(begin);
    }
    all.push_back(std::move(w));
  }
  return apply<MaxOfWindows>({std::make_shared<const std::vector<kernels::Windows>>(std::move(all)),
                              of_dims(kMaxNodes, dims)},
                             input);
}

template <int dims>
Tensor max_pool(const Tensor& input, const Dims& kernel_size, const std::optional<Dims>& stride,
                const Dims& padding, const Dims& dilation, bool ceil_mode) {
  if (dims == 1) check_kind(of_dims(kMaxNames, dims), input, true);
  return max_pool_with_indices<dims>(input, kernel_size, stride, padding, dilation, ceil_mode,
                                     false)[0];
}

// The part of `in` elements that output o of `out` stands for.
std::pair<std::int64_t, std::int64_t> share_of(std::int64_t o, std::int64_t out, std::int64_t in) {
  return {o * in / out, ((o + 1) * in + out - 1) / out};
}

Dims adaptive_sizes(const char* name, const Tensor& input, const Dims& output_size, int dims) {
  check(input.ndim() == dims + 1 || input.ndim() == dims + 2, name, "(): Expected ", dims + 1,
        "D or ", dims + 2, "D tensor, but got ", input.shape());
  for (int d = input.ndim() - dims; d < input.ndim(); ++d) {
    check(input.size(d) > 0, name,
          "(): Expected input to have non-zero size for non-batch "
          "dimensions, but input has sizes ",
          input.shape(), " with dimension ", d, " being empty");
  }
  const Dims sizes = numbers(name, "output_size", output_size, dims);
  for (const std::int64_t n : sizes) {
    check(n >= 0, name,
          ": elements of output_size must be greater than or equal to 0 but received ", sizes);
  }
  return sizes;
}

template <int dims>
std::array<Tensor, 2> adaptive_max_pool(const Tensor& input, const Dims& output_size,
                                        [[maybe_unused]] bool return_indices) {
  const char* const name = of_dims(kAdaptiveMaxNames, dims);
  const Dims sizes = adaptive_sizes(name, input, output_size, dims);
  check_kind(name, input, true);
  std::vector<kernels::Windows> all;
  for (int d = 0; d < dims; ++d) {
    kernels::Windows w{input.size(input.ndim() - dims + d), 1, {}, {}};
    for (std::int64_t o = 0; o < sizes[d]; ++o) {
      const auto [begin, end] = share_of(o, sizes[d], w.size);
      w.begin.push_back(begin);
      w.end.push_back(end);
    }
    all.push_back(std::move(w));
  }
  return apply<MaxOfWindows>({std::make_shared<const std::vector<kernels::Windows>>(std::move(all)),
                              of_dims(kAdaptiveMaxNodes, dims)},
                             input);
}

template <int dims>
Tensor mean_pool(const Tensor& input, const Dims& kernel_size, const std::optional<Dims>& stride,
                 const Dims& padding, bool ceil_mode, bool count_include_pad,
                 std::optional<std::int64_t> divisor_override) {
  const char* const name = of_dims(kMeanNames, dims);
  const Settings s(name, dims, kernel_size, stride, padding, Dims{1}, ceil_mode);
  check(!divisor_override || *divisor_override != 0, "divisor must be not zero");
  check_planes(name, input, dims);
  check(ErrorKind::NotImplemented, dims < 3 || !is_narrow(input.dtype()), "\"", name,
        "\" not implemented for '", info(input.dtype()).scalar_name, "'");
  check_kind(name, input, true);
  const auto pooled = [&](Tensor result) {
    for (int d = dims - 1; d >= 0; --d) {
      const int dim = input.ndim() - dims + d;
      const std::int64_t in = input.size(dim);
      const std::int64_t count = s.out(d, in);
      check_out(name, input, count);
      kernels::Taps taps;
      taps.num_inputs = in;
      for (std::int64_t o = 0; o < count; ++o) {
        const std::int64_t from = o * s.stride[d] - s.padding[d];
        const std::int64_t to = std::min(from + s.kernel[d], in + s.padding[d]);
        const std::int64_t begin = std::max<std::int64_t>(from, 0), end = std::min(to, in);
        auto divisor = static_cast<double>(count_include_pad ? to - from : end - begin);
        if (divisor_override) divisor = d == 0 ? static_cast<double>(*divisor_override) : 1;
        for (std::int64_t i = begin; i < end; ++i) taps.add(i, 1 / divisor);
        taps.end_output();
      }
      result = apply_taps(result, dim, share(std::move(taps)), of_dims(kMeanNodes, dims),
                          d == dims - 1 ? of_dims(kMeanConstants, dims) : nullptr);
    }
    return result;
  };
  return rounded_once(input, pooled);
}

Tensor mean_pool1d(const Tensor& input, const Dims& kernel_size, const std::optional<Dims>& stride,
                   const Dims& padding, bool ceil_mode, bool count_include_pad) {
  return mean_pool<1>(input, kernel_size, stride, padding, ceil_mode, count_include_pad, {});
}

template <int dims>
Tensor adaptive_mean_pool(const Tensor& input, const Dims& output_size) {
  const char* const name = of_dims(kAdaptiveMeanNames, dims);
  const Dims sizes = adaptive_sizes(name, input, output_size, dims);
  check_kind(name, input, true);
  if (count_elements(sizes) == 1) {
    Dims reduced;
    for (int d = 0; d < dims; ++d) reduced.push_back(d - dims);
    return mean(input, reduced, true);
  }
  const char* const constant = of_dims(kAdaptiveMeanConstants, dims);
  const auto pooled = [&](Tensor result) {
    for (int d = dims - 1; d >= 0; --d) {
      const int dim = input.ndim() - dims + d;
      kernels::Taps taps;
      taps.num_inputs = input.size(dim);
      for (std::int64_t o = 0; o < sizes[d]; ++o) {
        const auto [begin, end] = share_of(o, sizes[d], taps.num_inputs);
        for (std::int64_t i = begin; i < end; ++i) {
          taps.add(i, 1 / static_cast<double>(end - begin));
        }
        taps.end_output();
      }
      result = apply_taps(result, dim, share(std::move(taps)), of_dims(kAdaptiveMeanNodes, dims),
                          d == dims - 1 ? constant : nullptr);
    }
    return result;
  };
  return rounded_once(input, pooled);
}

const char kMaxDoc[] = "The greatest element of each window of the last dimensions.";
const char kMaxIndicesDoc[] = "The same with its position in the plane.";
const char kMeanDoc[] = "The mean of each window of the last dimensions.";
const char kAdaptiveMaxDoc[] =
    "The greatest element, and its position, of as many equal parts as output_size says.";
const char kAdaptiveMeanDoc[] = "The mean of as many equal parts as output_size says.";
constexpr Forms kInBoth = Forms(kFunctionForm) | kNNForm;
constexpr Forms kInNN = kNNForm | kPlainNames;

const Entry entry_max_pool1d(
    "max_pool1d(input, kernel_size[1], stride[1]=None, padding[1]=0, dilation[1]=1, "
    "ceil_mode=False)",
    function<max_pool<1>>, kFunctionForm, kMaxDoc, "x(2,3,7), 2 | x(3,8), 3, 2, 1, 2, True");
const Entry entry_max_pool2d(
    "max_pool2d(input, kernel_size[1], stride[1]=None, padding[1]=0, dilation[1]=1, "
    "ceil_mode=False)",
    function<max_pool<2>>, kFunctionForm, kMaxDoc,
    "x(2,3,5,4), 2 | x(3,6,7), (3,2), 2, 1, (1,2), True");
const Entry entry_max_pool3d(
    "max_pool3d(input, kernel_size[1], stride[1]=None, padding[1]=0, dilation[1]=1, "
    "ceil_mode=False)",
    function<max_pool<3>>, kFunctionForm, kMaxDoc,
    "x(1,2,4,4,4), 2 | x(1,3,4,5), (1,2,3), 1, (0,1,1)");
const Entry entry_max_pool1d_indices(
    "max_pool1d_with_indices(input, kernel_size[1], stride[1]=None, padding[1]=0, dilation[1]=1, "
    "ceil_mode=False, return_indices=False)",
    function<max_pool_with_indices<1>>, kInNN, kMaxIndicesDoc, "x(2,3,7), 2 | xs(2,3,7), 3, 1");
const Entry entry_max_pool2d_indices(
    "max_pool2d_with_indices(input, kernel_size[1], stride[1]=None, padding[1]=0, dilation[1]=1, "
    "ceil_mode=False, return_indices=False)",
    function<max_pool_with_indices<2>>, kInNN, kMaxIndicesDoc,
    "x(2,3,5,4), 2 | x(1,2,5,5), 3, 2, 1 | xs(2,2,4,4), 2, 1 | x(0,3,4,4), 2");
const Entry entry_max_pool3d_indices(
    "max_pool3d_with_indices(input, kernel_size[1], stride[1]=None, padding[1]=0, dilation[1]=1, "
    "ceil_mode=False, return_indices=False)",
    function<max_pool_with_indices<3>>, kInNN, kMaxIndicesDoc,
    "x(1,2,4,4,4), 2 | x(1,4,4,4), 2, 1");
const Entry entry_adaptive_max_pool1d(
    "adaptive_max_pool1d_with_indices(input, output_size[1], return_indices=False)",
    function<adaptive_max_pool<1>>, kInNN, kAdaptiveMaxDoc, "x(2,3,7), 3 | x(3,5), 2");
const Entry entry_adaptive_max_pool2d(
    "adaptive_max_pool2d_with_indices(input, output_size[1], return_indices=False)",
    function<adaptive_max_pool<2>>, kInNN, kAdaptiveMaxDoc, "x(2,3,5,7), (2,3) | x(3,5,4), 2");
const Entry entry_adaptive_max_pool3d(
    "adaptive_max_pool3d_with_indices(input, output_size[1], return_indices=False)",
    function<adaptive_max_pool<3>>, kInNN, kAdaptiveMaxDoc, "x(1,2,4,5,3), (2,3,1)");
const Entry entry_avg_pool1d(
    "avg_pool1d(input, kernel_size[1], stride[1]=None, padding[1]=0, ceil_mode=False, "
    "count_include_pad=True)",
    function<mean_pool1d>, kInBoth, kMeanDoc,
    "x(2,3,7), 2 | x(2,3,7), 2, () | x(3,8), 3, 2, 1, True, False | xs(2,3,7), 3, 2, 1, True");
const Entry entry_avg_pool2d(
    "avg_pool2d(input, kernel_size[1], stride[1]=None, padding[1]=0, ceil_mode=False, "
    "count_include_pad=True, divisor_override=None)",
    function<mean_pool<2>>, kInNN | kOutForm, kMeanDoc,
    "x(2,3,5,4), 2 | x(3,6,7), (3,2), 2, 1, True | x(1,2,5,5), 3, 2, 1, False, False "
    "| xs(2,2,4,5), 2, 1, 0, False, True, 3");
const Entry entry_avg_pool3d(
    "avg_pool3d(input, kernel_size[1], stride[1]=None, padding[1]=0, ceil_mode=False, "
    "count_include_pad=True, divisor_override=None)",
    function<mean_pool<3>>, kInNN | kOutForm, kMeanDoc,
    "x(1,2,4,4,5), 2 | x(1,3,4,5), (1,2,3), 2, (0,1,1), True");
const Entry entry_adaptive_avg_pool1d("adaptive_avg_pool1d(input, output_size[1])",
                                      function<adaptive_mean_pool<1>>, kInBoth, kAdaptiveMeanDoc,
                                      "x(2,3,7), 3 | x(3,5), 2 | xs(2,3,4), 6");
const Entry entry_adaptive_avg_pool2d("adaptive_avg_pool2d(input, output_size[1])",
                                      function<adaptive_mean_pool<2>>, kInNN, kAdaptiveMeanDoc,
                                      "x(2,3,5,7), (2,3) | x(3,5,4), 2 | xs(2,2,4,4), 3");
const Entry entry_adaptive_avg_pool3d("adaptive_avg_pool3d(input, output_size[1])",
                                      function<adaptive_mean_pool<3>>, kInNN, kAdaptiveMeanDoc,
                                      "x(1,2,4,5,3), (2,3,1)");

}  // namespace
}  // namespace pullback
