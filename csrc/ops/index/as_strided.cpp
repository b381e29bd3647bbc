// Views in any geometry.  Their gradient is added up in a copy of the memory, because elements of
// the view and of the input may share memory in any way.
#include "ops/as_strided.h"

#include "ops/basic.h"
#include "ops/exchange.h"
#include "ops/index/indexing.h"
#include "ops/op.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/shape/view.h"
#include "ops/table.h"

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

// The tensor in the elements that the part counts in.
Tensor in_units(const Part& part, const Tensor& t) {
  return part.pairs && is_complex(t.dtype()) ? seen_as_real(t) : t;
}

// What a part of a whole of this dtype looks like, or the whole of such a part.
Spec spec_of(const Part& part, Dims sizes, DType other) {
  if (!part.pairs) return {std::move(sizes), other};
  if (is_complex(other)) return {std::move(sizes), real_of(other)};
  sizes.resize(sizes.size() - 1);
  return {std::move(sizes), complex_of(other)};
}

// Memory for a tensor with the layout of the whole.
Tensor empty_whole(const Part& part, DType dtype) {
  const bool pairs = part.pairs && is_complex(dtype);
  const Tensor whole = Tensor::empty({{memory_extent(part.whole, part.whole_strides)}},
                                     pairs ? real_of(dtype) : dtype)
                           .alias(part.whole, part.whole_strides);
  return pairs ? seen_as_complex(whole) : whole;
}

// Of a tensor of the whole's shape.
bool is_laid_out(const Part& part, const Tensor& t) {
  return same(in_units(part, t).strides(), part.whole_strides) || t.numel() == 0;
}

// With the elements that the part counts in.
Tensor show(const Part& part, const Tensor& laid_out) {
  return in_units(part, laid_out).alias(part.sizes, part.strides, part.offset);
}

// The part lies within the whole, of which every element has memory of its own.  An empty one may
// begin behind the end.
bool is_inside(const Part& part) {
  const std::int64_t extent = memory_extent(part.sizes, part.strides);
  if (extent == 0) return true;
  return part.offset >= 0 && !overlaps(part.whole, part.whole_strides) &&
         part.offset + extent <= memory_extent(part.whole, part.whole_strides);
}

// The part of a tensor, as a copy.
struct TakePart {
  static constexpr const char* kNode = "AsStridedBackward0";
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  static constexpr bool kMoves = true;
  static constexpr bool kLinear = true;
  using Attrs = Part;
  static Spec spec(const Attrs& a, In in) { return spec_of(a, a.sizes, in[0].dtype()); }
  static void workspace(const Attrs& a, In in, const Tensor&, Workspace& w) {
    if (is_laid_out(a, in[0])) return;
    w.need(0, {{memory_extent(a.whole, a.whole_strides)}}, in_units(a, in[0]).dtype());
  }
  static void fill(const Attrs& a, In in, const Tensor& out, const Workspace& w) {
    Tensor whole = in_units(a, in[0]);
    if (w[0].defined()) {
      copy_values(w[0].alias(a.whole, a.whole_strides), whole);
      whole = w[0].alias(a.whole, a.whole_strides);
    }
    copy_values(in_units(a, out), show(a, whole));
  }
  static void vjp(Vjp<TakePart>& v);
};

// Inputs: a whole, and what replaces the part.
struct CopySlices {
  static constexpr const char* kNode = "CopySlices";
  static constexpr int kInputs = 2;
  static constexpr int kOutputs = 1;
  static constexpr bool kMoves = true;
  static constexpr bool kLinear = true;
  using Attrs = Part;
  static Spec spec(const Attrs&, In in) { return {in[0].shape(), in[0].dtype()}; }
  static Tensor make(const Attrs& a, const Tensor& whole) { return empty_whole(a, whole.dtype()); }
  static void fill(const Attrs& a, In in, const Tensor& out) {
    copy_values(out, in[0]);
    copy_values(show(a, out), in_units(a, in[1]));
  }
  template <class Op>
  static void vjp(Vjp<Op>& v) {
    const Attrs& a = v.attrs();
    if (v.wants(1)) v.give(1, apply<TakePart>(a, v.grad()));
    if (!v.wants(0)) return;
    const Spec part = spec_of(a, a.sizes, v.grad().dtype());
    v.give(0, apply<CopySlices>(a, v.grad(), expanded_zeros(part.sizes, part.dtype)));
  }
};

// The history of a base that was written through a view: for one pass, as in torch, though it saves
// neither input.
struct WrittenSlices : CopySlices {
  static constexpr bool kForOnePass = true;
};

void TakePart::vjp(Vjp<TakePart>& v) {
  const Attrs& a = v.attrs();
  const Spec whole = spec_of(a, a.whole, v.grad().dtype());
  v.give(0, apply<CopySlices>(a, expanded_zeros(whole.sizes, whole.dtype), v.grad()));
}

Tensor apply_as_strided(const Tensor& input, const Dims& size, const Dims& stride,
                        std::int64_t offset, bool in_place = false);

struct AsStrided {
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  struct Attrs {
    Dims sizes;
    Dims strides;
    std::int64_t offset;
    Dims whole;
    Dims whole_strides;
    std::int64_t whole_offset;
    bool in_place = false;
  };
  static const char* node_name(const Attrs& a) {
    return a.in_place ? "AsStridedBackward1" : "AsStridedBackward0";
  }
  // Every example as the first, further on in memory.
  static Tensor batch(const Attrs& a, In in, int level) {
    const Tensor& all = meta_of(in[0])->batch;
    Dims sizes = a.sizes;
    Dims strides = a.strides;
    sizes.insert(0, all.size(0));
    strides.insert(0, all.stride(0));
    return make_batched(apply_as_strided(all, sizes, strides, a.offset, a.in_place), level);
  }
  static Tensor view(const Attrs& a, const Tensor& x) {
    return x.alias(a.sizes, a.strides, a.offset - x.storage_offset());
  }
  static std::int64_t first(const Attrs& a) { return std::min(a.offset, a.whole_offset); }
  // The stretch of memory that input and view touch, in a tensor of its own.
  static Tensor empty_memory(const Attrs& a, DType dtype) {
    const std::int64_t end = std::max(a.offset + memory_extent(a.sizes, a.strides),
                                      a.whole_offset + memory_extent(a.whole, a.whole_strides));
    return Tensor::zeros({{end - first(a)}}, dtype);
  }
  // Gradients are added up in a copy of the memory, from where the input reads its own.
  static void vjp(Vjp<AsStrided>& v) {
    const Attrs& a = v.attrs();
    const Part part{a.sizes, a.strides, a.offset - a.whole_offset, a.whole, a.whole_strides};
    if (is_inside(part) && !overlaps(a.sizes, a.strides)) {
      const Tensor none = expanded_zeros(a.whole, v.grad().dtype());
      v.give(0, replace_part(part, none, v.grad()));
      return;
    }
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

Tensor apply_as_strided(const Tensor& input, const Dims& size, const Dims& stride,
                        std::int64_t offset, bool in_place) {
  return apply<AsStrided>(
      {size, stride, offset, input.shape(), Dims(input.strides()), memory_offset(input), in_place},
      input);
}

// An example is not to read what belongs to another one, or to nobody.
void check_within_example(const Tensor& input, const Dims& size, const Dims& stride,
                          std::int64_t offset) {
  const std::int64_t first = memory_offset(input);
  const std::int64_t end = first + memory_extent(input.sizes(), input.strides());
  const std::int64_t length = memory_extent(size, stride);
  check(length == 0 || (offset >= first && offset + length <= end), "result = tensor.as_strided(",
        size, ", ", stride, ", ", offset,
        ") can access memory outside of `tensor`. `result` can access some memory in range [",
        offset, ", ", offset + length - 1, "], but `tensor` can only access some memory in range [",
        first, ", ", end - 1,
        "]. This is not supported inside of vmap, please try to rewrite the `as_strided` call as a "
        "sequence of PyTorch view operations");
}

}  // namespace

Part Part::batched(std::int64_t batch) const {
  const std::int64_t step = memory_extent(whole, whole_strides);
  Part b = *this;
  b.sizes.insert(0, batch);
  b.strides.insert(0, step);
  b.whole.insert(0, batch);
  b.whole_strides.insert(0, step);
  return b;
}

Part part_of(const Tensor& view, const Tensor& base) {
  if (is_complex(view.dtype()) != is_complex(base.dtype())) {
    const auto real = [](const Tensor& t) { return is_complex(t.dtype()) ? seen_as_real(t) : t; };
    Part part = part_of(real(view), real(base));
    part.pairs = true;
    return part;
  }
  return {view.shape(), Dims(view.strides()), memory_offset(view) - memory_offset(base),
          base.shape(), Dims(base.strides())};
}

void check_replaceable(const Part& part) {
  check(is_inside(part) && !overlaps(part.sizes, part.strides),
        "unsupported operation: more than one element of the written-to tensor refers to a single "
        "memory location, or the view reaches out of its base. Please clone() the tensor before "
        "performing the operation. Got a view of size ",
        part.sizes, " and stride ", part.strides, " of a base of size ", part.whole, " and stride ",
        part.whole_strides, ".");
}

Tensor take_part(const Part& part, const Tensor& whole) {
  const std::int64_t end = part.offset + memory_extent(part.sizes, part.strides);
  check(
      part.offset >= 0 && end <= memory_extent(part.whole, part.whole_strides),
      "view: got one that reaches out of the tensor whose history or tangent it follows, of size ",
      part.whole, " and stride ", part.whole_strides, "; expected one within. Use v.detach().");
  return apply<TakePart>(part, whole);
}

Tensor replace_part(const Part& part, const Tensor& whole, const Tensor& values) {
  return apply<CopySlices>(part, whole, values);
}

void record_replaced_part(const Part& part, const Tensor& whole, const Tensor& values) {
  const Tensor* inputs[] = {&whole, &values};
  const In in(inputs, 2);
  const RecordLevels levels(detail::levels_to_record(in, in.raw_flags()));
  const auto node = make_op_node<WrittenSlices>(part, In(inputs, 2), as_span(whole));
  set_history(whole, node.get());
}

Tensor view_as_strided(const Tensor& base, const Tensor& view) {
  if (is_complex(base.dtype()) && !is_complex(view.dtype())) {
    return view_as_strided(view_as_real(base), view);
  }
  if (is_complex(view.dtype()) && !is_complex(base.dtype())) {
    return view_as_complex(view_as_strided(base, seen_as_real(view)));
  }
  return apply_as_strided(base, view.shape(), Dims(view.strides()), view.storage_offset());
}

static std::int64_t check_geometry(const Tensor& input, const Dims& size, const Dims& stride,
                                   std::optional<std::int64_t> storage_offset) {
  check(size.size() == stride.size(), "mismatch in length of strides and shape");
  for (const std::int64_t each : size) {
    check(each >= 0, "as_strided: got a negative size in ", size, ", expected none.");
  }
  for (const std::int64_t each : stride) {
    check(each >= 0,
          "as_strided: Negative strides are not supported at the moment, got strides: ", stride);
  }
  const std::int64_t offset = storage_offset.value_or(memory_offset(input));
  if (input.has(kBatched)) {
    check_within_example(input, size, stride, offset);
    return offset;
  }
  const auto item = static_cast<std::int64_t>(item_size(input.dtype()));
  const auto bytes = static_cast<std::int64_t>(input.body()->storage->bytes);
  check(offset >= 0, "Tensor: invalid storage offset ", offset);
  // In floating numbers, which do not wrap around; what is near the bound is exact.
  double length = 1;
  for (int d = 0; d < size.size(); ++d) {
    length = size[d] == 0 ? 0 : length;
    if (length == 0) break;
    length += static_cast<double>(size[d] - 1) * static_cast<double>(stride[d]);
  }
  const double needed = (static_cast<double>(offset) + length) * static_cast<double>(item);
  check(length == 0 || needed <= static_cast<double>(bytes), "setStorage: sizes ", size,
        ", strides ", stride, ", storage offset ", offset, ", and itemsize ", item,
        " requiring a storage size of ", needed, " are out of bounds for storage of size ", bytes);
  return offset;
}

std::int64_t memory_offset(const Tensor& t) {
  return t.has(kBatched) ? memory_offset(meta_of(t)->batch) : t.storage_offset();
}

Tensor as_strided(const Tensor& input, const Dims& size, const Dims& stride,
                  std::optional<std::int64_t> storage_offset) {
  const std::int64_t offset = check_geometry(input, size, stride, storage_offset);
  return apply_as_strided(input, size, stride, offset);
}

static Tensor as_strided_(const Tensor& input, const Dims& size, const Dims& stride,
                          std::optional<std::int64_t> storage_offset) {
  return become_view("as_strided", input, [&] {
    const std::int64_t offset = check_geometry(input, size, stride, storage_offset);
    return apply_as_strided(input, size, stride, offset, true);
  });
}

static const Entry entry_as_strided("as_strided(input, size, stride, storage_offset:index=None)",
                                    function<as_strided>, kView,
                                    "A view of the memory in any geometry.",
                                    "x(3,4), (2,3), (4,1) | x(3,4), (3,3), (1,2), 1 | x(4), (2,2), "
                                    "(0,1) | xs(3,4), (3,), (4,)");
static const Entry entry_as_strided_("as_strided_(input, size, stride, storage_offset:index=None)",
                                     function<as_strided_>, kMethodForm | kNoGrad,
                                     "Shows the memory in any geometry.",
                                     "c(3,4), (2,3), (4,1) | c(3,4), (3,3), (1,2), 1 | c(4), "
                                     "(2,2), (0,1)");

}  // namespace pullback
