// Elements chosen again and again: repeat_interleave, combinations.
#include "ops/basic.h"
#include "ops/index/indexing.h"
#include "ops/op.h"
#include "ops/shape/join.h"
#include "ops/shape/view.h"
#include "ops/table.h"

namespace pullback {

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
  static void workspace(const Attrs&, In in, const Tensor&, Workspace& w) {
    w.need_dense(0, in[0], DType::Int64);
  }
  static void fill(const Attrs&, In in, const Tensor& out, const Workspace& w) {
    const Tensor& counts = w.dense(0, in[0]);
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

static Tensor combinations(const Tensor& input, std::int64_t r, bool with_replacement) {
  check(input.ndim() == 1, "Expect a 1D vector, but got shape ", input.shape());
  check(r >= 0, "Expect a non-negative number, but got ", r);
  if (r == 0) return Tensor::empty({{0}}, input.dtype());
  const std::int64_t n = input.size(0);
  std::vector<std::vector<std::int64_t>> columns(static_cast<std::size_t>(r));
  std::vector<std::int64_t> chosen(static_cast<std::size_t>(r));
  const std::int64_t apart = with_replacement ? 0 : 1;
  for (std::int64_t k = 0; k < r; ++k) chosen[static_cast<std::size_t>(k)] = k * apart;
  while (n > 0 && chosen.back() < n) {
    for (std::size_t k = 0; k < columns.size(); ++k) columns[k].push_back(chosen[k]);
    std::int64_t k = r - 1;
    while (k > 0 && chosen[static_cast<std::size_t>(k)] >= n - 1 - (r - 1 - k) * apart) --k;
    const std::int64_t next = ++chosen[static_cast<std::size_t>(k)];
    for (std::int64_t l = k + 1; l < r; ++l) {
      chosen[static_cast<std::size_t>(l)] = next + (l - k) * apart;
    }
  }
  std::vector<Tensor> parts;
  for (const std::vector<std::int64_t>& column : columns) {
    const Tensor at = Tensor::empty({{static_cast<std::int64_t>(column.size())}}, DType::Int64);
    std::copy(column.begin(), column.end(), at.data<std::int64_t>());
    parts.push_back(index_select(input, 0, at));
  }
  return stack(parts, 1);
}

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
static const Entry entry_combinations("combinations(input, r=2, with_replacement=False)",
                                      function<combinations>, kFunctionForm,
                                      "All choices of r elements of a vector, one in a row.",
                                      "x(4) | x(4), 3 | x(3), 2, True | x(2), 3 | x(3), r=1");

}  // namespace pullback
