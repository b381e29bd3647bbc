// Copies of elements: repeat, tile, repeat_interleave.
#include "kernels/copy.h"
#include "ops/basic.h"
#include "ops/index/indexing.h"
#include "ops/op.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/shape/view.h"
#include "ops/table.h"

namespace pullback {
namespace {

struct Repeat {
  static constexpr const char* kNode = "RepeatBackward0";
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  static constexpr bool kLinear = true;
  struct Attrs {
    Dims repeats;
    Dims from;  // as many dimensions as `repeats`
    Attrs batched(std::int64_t batch) const {
      Attrs b = *this;
      b.repeats.insert(0, 1);
      b.from.insert(0, batch);
      return b;
    }
  };
  // r0, s0, r1, s1, ...
  static Dims interleave(const Dims& a, const Dims& b) {
    Dims both;
    for (int d = 0; d < a.size(); ++d) {
      both.push_back(a[d]);
      both.push_back(b[d]);
    }
    return both;
  }
  static Dims sizes(const Attrs& a) {
    Dims sizes = a.from;
    for (int d = 0; d < sizes.size(); ++d) sizes[d] *= a.repeats[d];
    return sizes;
  }
  static Spec spec(const Attrs& a, In in) { return {sizes(a), in[0].dtype()}; }
  static void fill(const Attrs& a, In in, const Tensor& out) {
    const Dims to = interleave(a.repeats, a.from);
    Dims strides;
    for (int d = 0; d < a.from.size(); ++d) {
      strides.push_back(out.stride(d) * a.from[d]);
      strides.push_back(out.stride(d));
    }
    const Dims from = interleave(Dims(a.from.size()), Dims(in[0].strides()));
    kernels::copy(view_of(out.alias(to, strides)), view_of(in[0].alias(to, from)));
  }
  static constexpr std::uint32_t saves(std::uint32_t) { return 0; }
  static void vjp(Vjp<Repeat>& v) {
    const Attrs& a = v.attrs();
    const Tensor blocks = reshape(v.grad(), interleave(a.repeats, a.from));
    v.give(0, reshape(sum_to(blocks, interleave(Dims(a.from.size(), 1), a.from)), a.from));
  }
};

}  // namespace

static Tensor repeat(const Tensor& input, const Dims& repeats) {
  const int lead = repeats.size() - input.ndim();
  check(lead >= 0,
        "Number of dimensions of repeat dims can not be smaller than number of dimensions of "
        "tensor");
  Dims from(input.sizes());
  for (int k = 0; k < lead; ++k) from.insert(0, 1);
  for (int d = 0; d < repeats.size(); ++d) {
    check(repeats[d] >= 0, "Trying to create tensor with negative dimension ", repeats[d] * from[d],
          ": ", Repeat::sizes({repeats, from}));
  }
  Tensor x = input;
  for (int k = 0; k < lead; ++k) x = unsqueeze(x, 0);
  return apply<Repeat>({repeats, from}, x);
}

static Tensor tile(const Tensor& input, const Dims& dims) {
  Dims repeats = dims;
  while (repeats.size() < input.ndim()) repeats.insert(0, 1);
  return repeat(input, repeats);
}

static Tensor repeat_interleave_int(const Tensor& input, std::int64_t repeats,
                                    std::optional<std::int64_t> dim,
                                    std::optional<std::int64_t> output_size) {
  const Tensor x = dim && input.ndim() > 0 ? input : flatten(input);
  const int d = wrap_dim(dim.value_or(0), x.ndim());
  check(repeats >= 0, "Repeats must be non-negative");
  Dims sizes = x.shape();
  check(!output_size || *output_size == sizes[d] * repeats,
        "repeat_interleave: Invalid output_size, got ", output_size.value_or(0), ", expected ",
        sizes[d] * repeats, ".");
  sizes.insert(d + 1, repeats);
  const Tensor copies = clone(expand(unsqueeze(x, d + 1), sizes), MemoryFormat::Contiguous);
  sizes[d] *= repeats;
  sizes.erase(d + 1);
  return reshape(copies, sizes);
}

// Position i as often as repeats[i] says; the examples of a batch have equally many positions.
struct RepeatedPositions {
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  static constexpr bool kNotDifferentiable = true;
  struct Attrs {
    std::optional<std::int64_t> output_size;
    int lead = 0;  // dimensions of batches in front
    Attrs batched(std::int64_t) const { return {output_size, lead + 1}; }
  };
  static Spec spec(const Attrs& a, In in) {
    const Tensor counts = copy_to_dtype(in[0], DType::Int64);
    Dims sizes(counts.sizes().first(static_cast<std::size_t>(a.lead)));
    const std::int64_t each = counts.size(counts.ndim() - 1);
    const std::int64_t examples = count_elements(sizes);
    const auto* count = counts.data<std::int64_t>();
    std::int64_t first = 0;
    for (std::int64_t e = 0; e < examples; ++e) {
      std::int64_t total = 0;
      for (std::int64_t i = 0; i < each; ++i) {
        check(*count >= 0, "repeats can not be negative");
        total += *count++;
      }
      check(!a.output_size || *a.output_size == total,
            "allocated size does not match required size");
      if (e == 0) first = total;
      check(total == first, "stack expects each tensor to be equal size, but got [", first,
            "] at entry 0 and [", total, "] at entry ", e,
            ": the results for the examples inside vmap differ in size.");
    }
    sizes.push_back(first);
    return {sizes, DType::Int64};
  }
  static void fill(const Attrs&, In in, const Tensor& out) {
    const Tensor counts = copy_to_dtype(in[0], DType::Int64);
    const std::int64_t each = counts.size(counts.ndim() - 1);
    const auto* count = counts.data<std::int64_t>();
    std::int64_t* to = out.data<std::int64_t>();
    for (std::int64_t n = 0; n < counts.numel(); ++n) to = std::fill_n(to, count[n], n % each);
  }
};

static Tensor repeated_positions(const Tensor& repeats, std::optional<std::int64_t> output_size) {
  check(ErrorKind::NotImplemented,
        repeats.dtype() == DType::Int64 || repeats.dtype() == DType::Int32,
        "\"repeat_interleave_cpu\" not implemented for '", info(repeats.dtype()).scalar_name, "'");
  check(repeats.ndim() == 1, "repeat_interleave only accept 1D vector as repeat");
  return apply<RepeatedPositions>({output_size}, repeats);
}

static Tensor repeat_interleave(const Tensor& input, const Tensor& repeats,
                                std::optional<std::int64_t> dim,
                                std::optional<std::int64_t> output_size) {
  const Tensor x = dim ? input : flatten(input);
  const int d = wrap_dim(dim.value_or(0), x.ndim());
  const std::int64_t size = x.ndim() == 0 ? 1 : x.size(d);
  Tensor counts = repeats;
  if (counts.ndim() == 0 || (counts.ndim() == 1 && counts.size(0) == 1)) {
    counts = expand(counts.ndim() == 0 ? unsqueeze(counts, 0) : counts, {{size}});
  }
  check(counts.ndim() == 1, "repeats must be 0-dim or 1-dim tensor");
  check(counts.size(0) == size,
        "repeats must have the same size as input along dim, but got repeats.size(0) = ",
        counts.size(0), " and input.size(", d, ") = ", size);
  return index_select(x, d, repeated_positions(counts, output_size));
}

static const Entry entry_repeat("repeat(input, *repeats)", function<repeat>, kMethodForm,
                                "Copies of the tensor, side by side along each dimension.",
                                "x(2,3), 2, 1 | x(2,3), (3,1,2) | x(), 2 | xs(2,3), 1, 2 | x(2), "
                                "(0,)");
static const Entry entry_tile("tile(input, dims)", function<tile>, kFunctionForm,
                              "Copies of the tensor; missing repeats are ones in front.",
                              "x(2,3), (2,) | x(3), (2,2) | x(), (2,)");
static const Entry entry_tile_method("tile(input, *dims)", function<tile>, kMethodForm,
                                     "Copies of the tensor; missing repeats are ones in front.",
                                     "x(2,3), 2 | x(3), 2, 2 | x(3), (2,2)");
static const Entry entry_repeat_interleave(
    "repeat_interleave(input, repeats, dim=None, *, output_size:index=None)",
    function<repeat_interleave>, kView, "Each element as often in a row as `repeats` says.",
    "x(2,3), i(2, high=4), 0 | x(2,3), i(6, high=3) | x(2,3), i(1, high=3), 1");
static const Entry entry_repeat_interleave_int(
    "repeat_interleave(input, repeats:index, dim=None, *, output_size:index=None)",
    function<repeat_interleave_int>, kView, "Each element `repeats` times in a row.",
    "x(2,3), 2 | x(2,3), 2, 1 | xs(2,3), 3, dim=0 | x(), 2 | x(2,3), 0, 0");
static const Entry entry_repeated_positions("repeat_interleave(repeats, *, output_size:index=None)",
                                            function<repeated_positions>, kFunctionForm | kNoGrad,
                                            "Position i as often as repeats[i] says.",
                                            "i(4, high=3)");

}  // namespace pullback
