// Several views of one tensor recorded as one node: split, chunk, unbind; and those made of slices.
#include "ops/basic.h"
#include "ops/levels.h"
#include "ops/shape/join.h"
#include "ops/shape/view.h"
#include "ops/shape/window.h"
#include "ops/table.h"

namespace pullback {
namespace {

// The gradients of all views, zeros for those that got none; empty when none did.
template <class Op, class SizesOf>
std::vector<Tensor> gradients_or_zeros(Vjp<Op>& v, std::int64_t count, DType dtype,
                                       SizesOf sizes_of) {
  std::vector<Tensor> gradients;
  bool any = false;
  for (int k = 0; k < count; ++k) any |= v.grad(k).defined();
  if (!any) return gradients;
  for (int k = 0; k < count; ++k) {
    gradients.push_back(v.grad(k).defined() ? v.grad(k) : expanded_zeros(sizes_of(k), dtype));
  }
  return gradients;
}

struct Split {
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = kVariadic;
  static constexpr bool kLinear = true;
  struct Attrs {
    int dim;
    std::int64_t size;  // of every part but the last; when negative: `lengths`
    Dims lengths;
    Dims whole;
    DType dtype;
    Attrs batched(std::int64_t batch) const {
      Attrs b = *this;
      ++b.dim;
      b.whole.insert(0, batch);
      return b;
    }
    std::int64_t count() const {
      if (size < 0) return lengths.size();
      return size == 0 ? 1 : std::max<std::int64_t>((whole[dim] + size - 1) / size, 1);
    }
    std::int64_t length(std::int64_t k) const {
      if (size < 0) return lengths[static_cast<int>(k)];
      return std::min(size, whole[dim] - k * size);
    }
  };
  static const char* node_name(const Attrs& a) {
    return a.size < 0 ? "SplitWithSizesBackward0" : "SplitBackward0";
  }
  static std::vector<Tensor> views(const Attrs& a, const Tensor& x) {
    std::vector<Tensor> parts;
    std::int64_t start = 0;
    for (std::int64_t k = 0; k < a.count(); ++k) {
      parts.push_back(Window{Window::Kind::Slice, a.dim, 0, start, a.length(k)}.show(x));
      start += a.length(k);
    }
    return parts;
  }
  static void vjp(Vjp<Split>& v) {
    const Attrs& a = v.attrs();
    const auto sizes_of = [&a](int k) {
      Dims sizes = a.whole;
      sizes[a.dim] = a.length(k);
      return sizes;
    };
    const auto gradients = gradients_or_zeros(v, a.count(), a.dtype, sizes_of);
    if (!gradients.empty()) v.give(0, cat(gradients, a.dim));
  }
};

struct Unbind {
  static constexpr const char* kNode = "UnbindBackward0";
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = kVariadic;
  static constexpr bool kLinear = true;
  struct Attrs {
    int dim;
    Dims whole;
    DType dtype;
    Attrs batched(std::int64_t batch) const {
      Attrs b = *this;
      ++b.dim;
      b.whole.insert(0, batch);
      return b;
    }
  };
  static std::vector<Tensor> views(const Attrs& a, const Tensor& x) {
    std::vector<Tensor> parts;
    for (std::int64_t k = 0; k < a.whole[a.dim]; ++k) {
      parts.push_back(Window{Window::Kind::Select, a.dim, 0, k}.show(x));
    }
    return parts;
  }
  static void vjp(Vjp<Unbind>& v) {
    const Attrs& a = v.attrs();
    Dims sizes = a.whole;
    sizes.erase(a.dim);
    const auto gradients =
        gradients_or_zeros(v, a.whole[a.dim], a.dtype, [&](int) { return sizes; });
    if (!gradients.empty()) v.give(0, stack(gradients, a.dim));
  }
};

}  // namespace

std::vector<Tensor> split(const Tensor& input, std::int64_t split_size, std::int64_t dim) {
  check(input.ndim() > 0, "split expects at least a 1-dimensional tensor");
  check(split_size >= 0,
        "split expects split_size be non-negative, but got split_size=", split_size);
  const int d = wrap_dim(dim, input.ndim());
  check(split_size > 0 || input.size(d) == 0,
        "split_size can only be 0 if dimension size is 0, but got dimension size of ",
        input.size(d));
  return apply<Split>({d, split_size, {}, input.shape(), input.dtype()}, input);
}

std::vector<Tensor> split_with_sizes(const Tensor& input, const Dims& split_sizes,
                                     std::int64_t dim) {
  check(input.ndim() > 0, "split expects at least a 1-dimensional tensor");
  const int d = wrap_dim(dim, input.ndim());
  std::int64_t sum = 0;
  for (const std::int64_t size : split_sizes) {
    check(size >= 0,
          "split_with_sizes expects split_sizes have only non-negative entries, but got "
          "split_sizes=",
          split_sizes);
    sum += size;
  }
  check(sum == input.size(d), "split_with_sizes expects split_sizes to sum exactly to ",
        input.size(d), " (input tensor's size at dimension ", d,
        "), but got split_sizes=", split_sizes);
  return apply<Split>({d, -1, split_sizes, input.shape(), input.dtype()}, input);
}

std::vector<Tensor> unbind(const Tensor& input, std::int64_t dim) {
  return apply<Unbind>({wrap_own_dim(dim, input.ndim()), input.shape(), input.dtype()}, input);
}

static std::vector<Tensor> chunk(const Tensor& input, std::int64_t chunks, std::int64_t dim) {
  check(input.ndim() > 0, "chunk expects at least a 1-dimensional tensor");
  check(chunks > 0, "chunk expects `chunks` to be greater than 0, got: ", chunks);
  const std::int64_t size = input.size(wrap_dim(dim, input.ndim()));
  if (size == 0) return split_with_sizes(input, Dims(static_cast<int>(chunks)), dim);
  return split(input, (size + chunks - 1) / chunks, dim);
}

static std::vector<Tensor> tensor_split(const Tensor& input, std::int64_t sections,
                                        std::int64_t dim) {
  check(input.ndim() > 0,
        "tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims");
  const int d = wrap_dim(dim, input.ndim());
  check(sections > 0, "number of sections must be larger than 0, got ", sections);
  const std::int64_t small = input.size(d) / sections;
  const std::int64_t larger = input.size(d) % sections;
  std::vector<Tensor> parts;
  std::int64_t start = 0;
  for (std::int64_t k = 0; k < sections; ++k) {
    const std::int64_t stop = start + small + (k < larger ? 1 : 0);
    parts.push_back(slice(input, d, start, stop));
    start = stop;
  }
  return parts;
}

static std::vector<Tensor> tensor_split_at(const Tensor& input, const Dims& indices,
                                           std::int64_t dim) {
  check(input.ndim() > 0,
        "tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims");
  const int d = wrap_dim(dim, input.ndim());
  std::vector<Tensor> parts;
  std::int64_t start = 0;
  for (const std::int64_t stop : indices) {
    parts.push_back(slice(input, d, start, stop));
    start = stop;
  }
  parts.push_back(slice(input, d, start, input.size(d)));
  return parts;
}

static std::vector<Tensor> tensor_split_by(const Tensor& input, const Tensor& parts,
                                           std::int64_t dim) {
  check(parts.dtype() == DType::Int64,
        "tensor_split expected tensor_indices_or_sections to have dtype of long, but got ",
        info(parts.dtype()).scalar_name);
  check(parts.ndim() <= 1,
        "tensor_split expected tensor_indices_or_sections to be a zero-dimensional or "
        "one-dimensional tensor, but got a tensor with ",
        parts.ndim(), " dims");
  refuse_item(parts);
  if (parts.ndim() == 0) return tensor_split(input, parts.item().to_int(), dim);
  Dims indices;
  for (std::int64_t k = 0; k < parts.size(0); ++k) {
    indices.push_back(Scalar::load(DType::Int64, parts.bytes() + k * parts.stride(0) * 8).to_int());
  }
  return tensor_split_at(input, indices, dim);
}

// A part's size as a tensor of one element, as torch takes it.
static std::vector<Tensor> split_by(const Tensor& input, const Tensor& split_size,
                                    std::int64_t dim) {
  check(ErrorKind::Type, split_size.numel() == 1,
        "split(): argument 'split_size' must be int or tuple of ints, not a Tensor of shape ",
        split_size.shape());
  refuse_item(split_size);
  return split(input, split_size.item().to_int(), dim);
}

// hsplit, vsplit and dsplit: tensor_split along a fixed dimension, in equal parts.
template <int kWhich>
struct FixedSplit {
  static constexpr const char* kNames[] = {"vsplit", "hsplit", "dsplit"};
  static constexpr int kLeast[] = {2, 1, 3};

  static int dim(const Tensor& x) {
    check(x.ndim() >= kLeast[kWhich], "torch.", kNames[kWhich], " requires a tensor with at least ",
          kLeast[kWhich], " dimension, but got a tensor with ", x.ndim(), " dimensions!");
    return x.ndim() == 1 ? 0 : kWhich;
  }
  static std::vector<Tensor> parts(const Tensor& input, std::int64_t sections) {
    const int d = dim(input);
    check(sections > 0, "number of sections must be larger than 0, got ", sections);
    check(input.size(d) % sections == 0, "torch.", kNames[kWhich],
          " attempted to split along dimension ", d, ", but the size of the dimension ",
          input.size(d), " is not divisible by the split_size ", sections, "!");
    return tensor_split(input, sections, d);
  }
  static std::vector<Tensor> at(const Tensor& input, const Dims& indices) {
    return tensor_split_at(input, indices, dim(input));
  }
};

static constexpr char kSplitDoc[] = "Views of consecutive parts of `split_size` positions.";
static constexpr char kSplitSizesDoc[] = "Views of consecutive parts of the given sizes.";
static const Entry entry_split("split(tensor, split_size_or_sections, dim=0)", function<split>,
                               kFunctionForm | kPlainNames, kSplitDoc,
                               "x(5,2), 2 | x(2,4), 2, 1 | xs(3,4), 3, dim=-1 | x(0,3), 2");
static const Entry entry_split_sizes("split(tensor, split_size_or_sections, dim=0)",
                                     function<split_with_sizes>, kFunctionForm | kPlainNames,
                                     kSplitSizesDoc, "x(5,2), [2,3] | x(2,4), [1,0,3], 1");
static const Entry entry_split_tensor("split(tensor, split_size_or_sections, dim=0)",
                                      function<split_by>, kFunctionForm | kPlainNames, kSplitDoc,
                                      "x(5,2), i(1, low=2, high=3)");
static const Entry entry_split_method("split(input, split_size, dim=0)", function<split>,
                                      kMethodForm | kPlainNames, kSplitDoc,
                                      "x(5,2), 2 | x(2,4), 2, 1");
static const Entry entry_split_method_sizes("split(input, split_size, dim=0)",
                                            function<split_with_sizes>, kMethodForm | kPlainNames,
                                            kSplitSizesDoc, "x(5,2), [2,3] | x(2,4), [1,0,3], 1");
static const Entry entry_split_method_tensor("split(input, split_size, dim=0)", function<split_by>,
                                             kMethodForm | kPlainNames, kSplitDoc,
                                             "x(5,2), i(1, low=2, high=3)");
static const Entry entry_split_with_sizes("split_with_sizes(input, split_sizes, dim=0)",
                                          function<split_with_sizes>, kView,
                                          "Views of consecutive parts of the given sizes.",
                                          "x(5,2), [2,3] | x(2,4), [1,0,3], 1 | xs(3,4), [4], -1");
static const Entry entry_chunk("chunk(input, chunks, dim=0)", function<chunk>, kView,
                               "Views of at most `chunks` equal parts; the last may be shorter.",
                               "x(5,2), 2 | x(2,4), 3, 1 | xs(3,4), 2, dim=-1 | x(0,3), 2");
static const Entry entry_unbind("unbind(input, dim=0)", function<unbind>, kView,
                                "Views of the positions of a dimension, which goes away.",
                                "x(3,2) | x(2,3), 1 | xs(2,3), dim=-1 | x(3)");
static const Entry entry_tensor_split_tensor(
    "tensor_split(input, tensor_indices_or_sections, dim=0)", function<tensor_split_by>, kView,
    "Views of as many parts, or of the parts between the positions, as a tensor says.",
    "x(5,2), i(, low=2, high=3) | x(4), i(3, high=4), 0");
static const Entry entry_tensor_split("tensor_split(input, sections:index, dim=0)",
                                      function<tensor_split>, kView,
                                      "Views of `sections` parts, the first ones longer by one.",
                                      "x(5,2), 2 | x(2,4), 3, 1 | x(2), 3");
static const Entry entry_tensor_split_at("tensor_split(input, indices, dim=0)",
                                         function<tensor_split_at>, kView,
                                         "Views of the parts between the given positions.",
                                         "x(5,2), (1,3) | x(2,4), [2], 1 | x(4), (3,1,9)");
#define PB_FIXED_SPLIT(NAME, WHICH, SAMPLES, SAMPLES_AT)                                           \
  static const Entry entry_##NAME(#NAME "(input, sections)", function<FixedSplit<WHICH>::parts>,   \
                                  kView, "Views of equal parts along a fixed dimension.",          \
                                  SAMPLES);                                                        \
  static const Entry entry_##NAME##_at(#NAME "(input, *indices)", function<FixedSplit<WHICH>::at>, \
                                       kView, "Views of the parts between the given positions.",   \
                                       SAMPLES_AT);
PB_FIXED_SPLIT(vsplit, 0, "x(4,2), 2", "x(4,2), (1,3)")
PB_FIXED_SPLIT(hsplit, 1, "x(2,4), 2 | x(4), 2", "x(2,4), (1,) | x(4), (1,3)")
PB_FIXED_SPLIT(dsplit, 2, "x(2,1,4), 2", "x(2,1,4), (1,3)")
#undef PB_FIXED_SPLIT

}  // namespace pullback
