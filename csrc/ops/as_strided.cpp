// Views in any geometry.  Their gradient is added up in a copy of the memory, because elements of
// the view and of the input may share memory in any way.
#include "ops/arithmetic.h"
#include "ops/basic.h"
#include "ops/indexing.h"
#include "ops/op.h"
#include "ops/table.h"
#include "ops/view.h"

namespace pullback {
namespace {

// Positions in memory, counted from the lowest one of `first`, of every element of a geometry.
Tensor positions(const Dims& sizes, const Dims& strides, std::int64_t offset) {
  Tensor at = Tensor::empty({{count_elements(sizes)}}, DType::Int64);
  std::int64_t* out = at.data<std::int64_t>();
  Dims counter(sizes.size());
  for (std::int64_t n = 0; n < at.numel(); ++n) {
    out[n] = offset;
    for (int d = sizes.size() - 1; d >= 0; --d) {
      offset += strides[d];
      if (++counter[d] < sizes[d]) break;
      offset -= counter[d] * strides[d];
      counter[d] = 0;
    }
  }
  return at;
}

std::int64_t extent(const Dims& sizes, const Dims& strides) {
  std::int64_t last = 1;
  for (int d = 0; d < sizes.size(); ++d) {
    if (sizes[d] == 0) return 0;
    last += (sizes[d] - 1) * strides[d];
  }
  return last;
}

struct AsStrided {
  static constexpr const char* kNode = "AsStridedBackward0";
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  struct Attrs {
    Dims sizes;
    Dims strides;
    std::int64_t offset;
    Dims whole;
    Dims whole_strides;
    std::int64_t whole_offset;
  };
  static Tensor batch(const Attrs&, In, int) {
    fail(ErrorKind::NotImplemented,
         "as_strided: not supported inside vmap. Use views that know the shape, such as unfold.");
  }
  static Tensor view(const Attrs& a, const Tensor& x) {
    return x.alias(a.sizes, a.strides, a.offset - x.storage_offset());
  }
  static constexpr std::uint32_t saves(std::uint32_t) { return 0; }
  static std::int64_t first(const Attrs& a) { return std::min(a.offset, a.whole_offset); }
  // The stretch of memory that input and view touch, in a tensor of its own.
  static Tensor empty_memory(const Attrs& a, DType dtype) {
    const std::int64_t end = std::max(a.offset + extent(a.sizes, a.strides),
                                      a.whole_offset + extent(a.whole, a.whole_strides));
    return Tensor::zeros({{end - first(a)}}, dtype);
  }
  // Gradients are added up in a copy of the memory, from where the input reads its own.
  static void vjp(Vjp<AsStrided>& v) {
    const Attrs& a = v.attrs();
    const Tensor zeros = empty_memory(a, v.grad().dtype());
    const Tensor from = positions(a.whole, a.whole_strides, a.whole_offset - first(a));
    const Tensor to = positions(a.sizes, a.strides, a.offset - first(a));
    const Tensor memory = index_add(zeros, 0, to, reshape(v.grad(), {{-1}}));
    // Elements of the input that share memory share its gradient.
    const Tensor ones = Tensor::full({{from.numel()}}, Scalar(1), zeros.dtype());
    const Tensor shared = index_select(index_add(zeros, 0, from, ones), 0, from);
    v.give(0, reshape(index_select(memory, 0, from) / shared, a.whole));
  }
  // The tangent may lie in memory differently.
  static Tensor jvp(Jvp<AsStrided>& j) {
    const Attrs& a = j.attrs();
    const Tensor from = positions(a.whole, a.whole_strides, a.whole_offset - first(a));
    const Tensor to = positions(a.sizes, a.strides, a.offset - first(a));
    const Tensor memory =
        index_copy(empty_memory(a, j.tangent(0).dtype()), 0, from, reshape(j.tangent(0), {{-1}}));
    return reshape(index_select(memory, 0, to), a.sizes);
  }
};

}  // namespace

static Tensor as_strided(const Tensor& input, const Dims& size, const Dims& stride,
                         std::optional<std::int64_t> storage_offset) {
  check(size.size() == stride.size(), "mismatch in length of strides and shape");
  for (const std::int64_t each : stride) {
    check(each >= 0,
          "as_strided: Negative strides are not supported at the moment, got strides: ", stride);
  }
  if (input.has(kBatched)) return apply<AsStrided>({size, stride, 0, {}, {}, 0}, input);
  const std::int64_t offset = storage_offset.value_or(input.storage_offset());
  const auto item = static_cast<std::int64_t>(item_size(input.dtype()));
  const auto bytes = static_cast<std::int64_t>(input.body()->storage->bytes);
  const std::int64_t length = extent(size, stride);
  check(offset >= 0, "Tensor: invalid storage offset ", offset);
  check(length == 0 || (offset + length) * item <= bytes, "setStorage: sizes ", size, ", strides ",
        stride, ", storage offset ", offset, ", and itemsize ", item,
        " requiring a storage size of ", (offset + length) * item,
        " are out of bounds for storage of size ", bytes);
  return apply<AsStrided>(
      {size, stride, offset, input.shape(), Dims(input.strides()), input.storage_offset()}, input);
}

static const Entry entry_as_strided("as_strided(input, size, stride, storage_offset=None)",
                                    function<as_strided>, kView | kNoBatch,
                                    "A view of the memory in any geometry.",
                                    "x(3,4), (2,3), (4,1) | x(3,4), (3,3), (1,2), 1 | x(4), (2,2), "
                                    "(0,1) | xs(3,4), (3,), (4,)");

}  // namespace pullback
