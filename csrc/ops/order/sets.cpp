// Search, sets and histograms; nothing here has a derivative, and floating results refuse one.
#include "kernels/copy.h"
#include "kernels/order/sort.h"
#include "ops/basic.h"
#include "ops/index/indexing.h"
#include "ops/levels.h"
#include "ops/op.h"
#include "ops/operand.h"
#include "ops/order/sorting.h"
#include "ops/pointwise/compare.h"
#include "ops/pointwise/select.h"
#include "ops/reduce/reduction.h"
#include "ops/table.h"
#include "ops/undifferentiated.h"

namespace pullback {
namespace {

Tensor dense(const Tensor& t, DType dtype) {
  return t.is_contiguous() && t.dtype() == dtype ? t : copy_to_dtype(t, dtype);
}

bool look_right(bool right, const std::optional<std::string_view>& side) {
  if (!side) return right;
  check(*side == "left" || *side == "right",
        "torch.searchsorted(): side can only be 'left' or 'right' but got ", *side);
  check(!right || *side == "right",
        "torch.searchsorted(): side and right can't be set to opposites, got side of ", *side,
        " while right was True");
  return *side == "right";
}

// Inputs: the sorted sequence, of one dimension or with the leading sizes of the values; values.
struct Search {
  static constexpr int kInputs = 2;
  static constexpr int kOutputs = 1;
  static constexpr bool kNotDifferentiable = true;
  struct Attrs {
    bool right;
    DType result;
  };
  static Tensor batch(const Attrs& a, In in, int level) {
    const bool one_sequence = !in[0].has(kBatched) || meta_of(in[0])->level != level;
    if (one_sequence && in[0].ndim() == 1) {
      return make_batched(apply<Search>(a, in[0], meta_of(in[1])->batch), level);
    }
    const detail::Unwrapped u = detail::unwrap(in);
    const Tensor& values = u.tensors[1];
    if (in[0].ndim() > 1) return make_batched(apply<Search>(a, u.tensors[0], values), level);
    const Tensor rows = reshape(values, {{u.batch, in[1].numel()}});
    return make_batched(reshape(apply<Search>(a, u.tensors[0], rows), values.sizes()), level);
  }
  static Spec spec(const Attrs& a, In in) { return {in[1].shape(), a.result}; }
  static void workspace(const Attrs&, In in, const Tensor&, Workspace& w) {
    const DType dtype = promote_types(in[0].dtype(), in[1].dtype());
    w.need_dense(0, in[0], dtype);
    w.need_dense(1, in[1], dtype);
  }
  static void fill(const Attrs& a, In in, const Tensor& out, const Workspace& w) {
    kernels::searchsorted(view_of(out), view_of(w.dense(0, in[0])), view_of(w.dense(1, in[1])),
                          a.right);
  }
};

Tensor search(const Tensor& sorted, const Tensor& values, bool right, DType result) {
  const DType compared = promote_types(sorted.dtype(), values.dtype());
  check(ErrorKind::NotImplemented, compared != DType::Bool,
        "\"searchsorted_out_cpu\" not implemented for 'Bool'");
  if (values.numel() > 0) refuse_complex("searchsorted_out_cpu", compared);
  if (is_complex(compared)) return Tensor::zeros(values.sizes(), result);
  return apply<Search>({right, result}, sorted, values);
}

Tensor number_or_tensor(const Operand& x) {
  if (x.is_tensor()) return x.tensor();
  return Tensor::scalar(x.number(), x.number().is_floating() ? DType::Float64 : DType::Int64);
}

Tensor searchsorted_entry(const Tensor& sorted_sequence, const Operand& input, bool out_int32,
                          bool right, std::optional<std::string_view> side,
                          std::optional<Tensor> sorter) {
  const Tensor values = number_or_tensor(input);
  bool matches = sorted_sequence.ndim() == values.ndim() && sorted_sequence.ndim() > 0;
  for (int d = 0; matches && d + 1 < values.ndim(); ++d) {
    matches = sorted_sequence.size(d) == values.size(d);
  }
  check(sorted_sequence.ndim() == 1 || matches,
        "torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 dimensions "
        "of boundaries tensor and input value tensor must match, but we got boundaries tensor ",
        sorted_sequence.shape(), " and input value tensor ", values.shape());
  Tensor sorted = detached(sorted_sequence);
  if (sorter) {
    check(same(sorter->sizes(), sorted.sizes()),
          "torch.searchsorted(): boundary and sorter must have the same size, but got boundary "
          "tensor ",
          sorted.shape(), " and got sorter tensor ", sorter->shape());
    check(sorter->dtype() == DType::Int64,
          "torch.searchsorted(): sorter must be a tensor of long dtype but got dtype ",
          info(sorter->dtype()).scalar_name);
    sorted = gather(sorted, -1, *sorter);
  }
  return search(sorted, values, look_right(right, side), out_int32 ? DType::Int32 : DType::Int64);
}

Tensor bucketize(const Operand& input, const Tensor& boundaries, bool out_int32, bool right) {
  check(boundaries.ndim() == 1, "boundaries tensor must be 1 dimension, but got dim(",
        boundaries.ndim(), ")");
  const Tensor values = number_or_tensor(input);
  return search(boundaries, values, right, out_int32 ? DType::Int32 : DType::Int64);
}

// The first `count` elements, without the memory of the others.
Tensor first_elements(const Tensor& t, std::int64_t count) {
  const Tensor out = Tensor::empty({{count}}, t.dtype());
  kernels::copy(view_of(out), view_of(t.alias({{count}}, {{1}})));
  return out;
}

using UniqueKernel = std::int64_t (*)(const kernels::View&, char*, std::int64_t*, std::int64_t*);

OneOrMore unique_of_all(UniqueKernel kernel, const Tensor& input, bool inverse, bool counts) {
  refuse_complex("unique", input.dtype());
  const Tensor x = dense(input, wide_of(input.dtype()));
  const std::int64_t n = x.numel();
  const Tensor values = Tensor::empty({{n}}, x.dtype());
  const Tensor where = Tensor::empty(inverse ? x.shape() : Dims{0}, DType::Int64);
  const Tensor count = Tensor::empty({{counts ? n : 0}}, DType::Int64);
  std::int64_t found = 0;
  if (n > 0) {
    found = kernel(view_of(x.alias({{n}}, {{1}})), values.bytes(),
                   inverse ? where.data<std::int64_t>() : nullptr,
                   counts ? count.data<std::int64_t>() : nullptr);
  }
  OneOrMore result{{cast(first_elements(values, found), input.dtype())}, !inverse && !counts};
  if (inverse) result.tensors.push_back(where);
  if (counts) result.tensors.push_back(first_elements(count, found));
  return result;
}

// Along a dimension: slices are compared element by element, in memory order of a copy that has
// `dim` in front.
OneOrMore unique_slices(const Tensor& input, std::int64_t dim, bool sorted, bool inverse,
                        bool counts) {
  refuse_complex("unique", input.dtype());
  check(ErrorKind::Index, input.ndim() > 0, "Dimension specified as ", dim,
        " but tensor has no dimensions");
  const int d = wrap_dim(dim, input.ndim());
  const Tensor x = dense(transpose(input.detach(), 0, d), input.dtype());
  const std::int64_t n = x.size(0);
  const std::int64_t length = n == 0 ? 0 : x.numel() / n;
  check(n > 0 || x.numel() == 0, "unique: got an empty dimension, expected slices to compare.");
  std::vector<std::int64_t> order(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::int64_t>(i);
  const auto item = [&](std::int64_t slice, std::int64_t k) {
    const std::int64_t at = (slice * length + k) * static_cast<std::int64_t>(item_size(x.dtype()));
    return Scalar::load(x.dtype(), x.bytes() + at);
  };
  const bool floating = is_floating(x.dtype());
  // Negative, zero or positive, as a is before, equal to or behind b.
  const auto compare = [&](std::int64_t a, std::int64_t b) {
    for (std::int64_t k = 0; k < length; ++k) {
      const Scalar p = item(a, k);
      const Scalar q = item(b, k);
      if (floating ? p.to_double() < q.to_double() : p.to_int() < q.to_int()) return -1;
      if (floating ? p.to_double() != q.to_double() : p.to_int() != q.to_int()) return 1;
    }
    return 0;
  };
  if (sorted) {
    std::stable_sort(order.begin(), order.end(),
                     [&](std::int64_t a, std::int64_t b) { return compare(a, b) < 0; });
  }
  std::vector<std::int64_t> firsts;
  std::vector<std::int64_t> sizes;
  const Tensor where = Tensor::empty({{n}}, DType::Int64);
  for (const std::int64_t slice : order) {
    if (firsts.empty() || compare(firsts.back(), slice) != 0) {
      firsts.push_back(slice);
      sizes.push_back(0);
    }
    ++sizes.back();
    where.data<std::int64_t>()[slice] = static_cast<std::int64_t>(firsts.size()) - 1;
  }
  const auto as_tensor = [](const std::vector<std::int64_t>& values) {
    const Tensor t = Tensor::empty({{static_cast<std::int64_t>(values.size())}}, DType::Int64);
    std::copy(values.begin(), values.end(), t.data<std::int64_t>());
    return t;
  };
  OneOrMore result{{index_select(input.detach(), d, as_tensor(firsts))}, !inverse && !counts};
  if (inverse) result.tensors.push_back(where);
  if (counts) result.tensors.push_back(as_tensor(sizes));
  return result;
}

OneOrMore unique_entry(const Tensor& input, bool, bool return_inverse, bool return_counts,
                       std::optional<std::int64_t> dim) {
  OneOrMore found = [&] {
    const GradMode off(false);
    if (dim) return unique_slices(input, *dim, true, return_inverse, return_counts);
    return unique_of_all(kernels::unique, input, return_inverse, return_counts);
  }();
  record_refusal(found.tensors[0], {&input}, dim ? "UniqueDimBackward0" : "Unique2Backward0",
                 dim ? "unique_dim" : "_unique2");
  return found;
}

OneOrMore unique_consecutive(const Tensor& input, bool return_inverse, bool return_counts,
                             std::optional<std::int64_t> dim) {
  OneOrMore found = [&] {
    const GradMode off(false);
    if (dim) return unique_slices(input, *dim, false, return_inverse, return_counts);
    return unique_of_all(kernels::unique_consecutive, input, return_inverse, return_counts);
  }();
  record_refusal(found.tensors[0], {&input}, "UniqueConsecutiveBackward0", "unique_consecutive");
  return found;
}

// What the rows of all examples have in common: their sizes must be the same.
class CommonSize {
 public:
  void add(std::int64_t size) {
    if (entry_ == 0) size_ = size;
    check(size == size_, "stack expects each tensor to be equal size, but got [", size_,
          "] at entry 0 and [", size, "] at entry ", entry_,
          ": the results for the examples inside vmap differ in size.");
    ++entry_;
  }
  std::int64_t size() const { return size_; }

 private:
  std::int64_t size_ = 0;
  std::int64_t entry_ = 0;
};

struct BatchedRows {
  int lead = 0;  // dimensions of batches in front
  Dims leading(const Tensor& t) const {
    return Dims(t.sizes().first(static_cast<std::size_t>(lead)));
  }
};

// [rows, elements of a row].
Tensor as_rows(const Tensor& t, int lead) {
  std::int64_t rows = 1;
  for (int d = 0; d < lead; ++d) rows *= t.size(d);
  return t.alias_row_major({{rows, rows == 0 ? 0 : t.numel() / rows}});
}

Tensor row(const Tensor& rows, std::int64_t i) {
  return rows.alias({{rows.size(1)}}, {{1}}, i * rows.size(1));
}

// Inputs: integers, row-major; their weights, row-major and in the dtype of the result, or none.
struct Bincount {
  static constexpr int kInputs = 2;
  static constexpr int kOutputs = 1;
  static constexpr bool kNotDifferentiable = true;
  struct Attrs : BatchedRows {
    std::int64_t minlength;
    Attrs batched(std::int64_t) const { return {{lead + 1}, minlength}; }
  };
  static std::int64_t count_bins(const Attrs& a, const Tensor& x) {
    const auto item = static_cast<std::int64_t>(item_size(x.dtype()));
    std::int64_t bins = a.minlength;
    for (std::int64_t i = 0; i < x.numel(); ++i) {
      const std::int64_t value = Scalar::load(x.dtype(), x.bytes() + i * item).to_int();
      check(value >= 0, "bincount only supports 1-d non-negative integral inputs.");
      bins = std::max(bins, value + 1);
    }
    return bins;
  }
  static Spec spec(const Attrs& a, In in) {
    const Tensor rows = as_rows(dense(in[0], in[0].dtype()), a.lead);
    CommonSize bins;
    for (std::int64_t r = 0; r < rows.size(0); ++r) bins.add(count_bins(a, row(rows, r)));
    Dims sizes = a.leading(in[0]);
    sizes.push_back(bins.size());
    return {sizes, in[1].defined() ? in[1].dtype() : DType::Int64};
  }
  static void workspace(const Attrs&, In in, const Tensor&, Workspace& w) {
    w.need_dense(0, in[0]);
    if (in[1].defined()) w.need_dense(1, in[1]);
  }
  static void fill(const Attrs& a, In in, const Tensor& out, const Workspace& w) {
    const Tensor rows = as_rows(w.dense(0, in[0]), a.lead);
    const Tensor results = as_rows(out, a.lead);
    Tensor weights;
    if (in[1].defined()) weights = as_rows(w.dense(1, in[1]), a.lead);
    for (std::int64_t r = 0; r < rows.size(0); ++r) {
      const Tensor weight = weights.defined() ? row(weights, r) : Tensor();
      const kernels::View view = weight.defined() ? view_of(weight) : kernels::View{};
      const Tensor target = row(results, r);
      kernels::bincount(view_of(target), view_of(row(rows, r)), weight.defined() ? &view : nullptr);
    }
  }
};

Tensor bincount(const Tensor& input, std::optional<Tensor> weights, std::int64_t minlength) {
  check(minlength >= 0, "minlength should be >= 0");
  if (is_differentiable(input.dtype()) || input.dtype() == DType::Bool) {
    fail(ErrorKind::NotImplemented, "\"bincount_cpu\" not implemented for '",
         info(input.dtype()).scalar_name, "'");
  }
  check(input.ndim() == 1, "bincount only supports 1-d non-negative integral inputs.");
  Tensor w;
  if (weights) {
    check(weights->ndim() == 1 && weights->numel() == input.numel(),
          "weights should be 1-d and have the same length as input");
    const GradMode off(false);
    w = cast(detached(*weights),
             weights->dtype() == DType::Float32 ? DType::Float32 : DType::Float64);
  }
  const Tensor counted = apply<Bincount>({{0}, minlength}, input, w);
  if (weights) record_refusal(counted, {&*weights}, "NotImplemented", "bincount");
  return counted;
}

struct Histc {
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  static constexpr bool kNotDifferentiable = true;
  static constexpr unsigned kConstants = 1;
  struct Attrs : BatchedRows {
    std::int64_t bins;
    double min;
    double max;
    Attrs batched(std::int64_t) const { return {{lead + 1}, bins, min, max}; }
  };
  static Spec spec(const Attrs& a, In in) {
    Dims sizes = a.leading(in[0]);
    sizes.push_back(a.bins);
    return {sizes, in[0].dtype()};
  }
  static void workspace(const Attrs&, In in, const Tensor& out, Workspace& w) {
    w.need_dense(0, in[0]);
    w.need_dense(1, out);
  }
  static void fill(const Attrs& a, In in, const Tensor& out, const Workspace& w) {
    const Tensor rows = as_rows(w.dense(0, in[0]), a.lead);
    const Tensor& counts = out.is_contiguous() ? out : w[1];
    fill_values(counts, Scalar(0));
    const Tensor results = as_rows(counts, a.lead);
    for (std::int64_t r = 0; rows.size(1) > 0 && r < rows.size(0); ++r) {
      kernels::histc(view_of(row(results, r)), view_of(row(rows, r)), a.min, a.max);
    }
    if (!counts.is_same(out)) copy_values(out, counts);
  }
};

Tensor histc(const Tensor& input, std::int64_t bins, Scalar min, Scalar max) {
  if (!is_floating(input.dtype())) {
    fail(ErrorKind::NotImplemented, "\"histogram_cpu\" not implemented for '",
         info(input.dtype()).scalar_name, "'");
  }
  check(bins > 0, "torch.histogram(): bins must be > 0, but got ", bins, " for dimension 0");
  check(min.to_double() <= max.to_double(), "torch.histc: max must be larger than min");
  return apply<Histc>({{0}, bins, min.to_double(), max.to_double()}, input);
}

Tensor isin(const Operand& elements, const Operand& test_elements, bool, bool invert) {
  check(elements.is_tensor() || test_elements.is_tensor(),
        "isin: got two numbers, expected at least one tensor.");
  for (const Operand* each : {&elements, &test_elements}) {
    const DType type = each->is_tensor()                             ? each->tensor().dtype()
                       : each->number().category() == Category::Bool ? DType::Bool
                       : each->number().is_complex()                 ? DType::Complex128
                                                                     : DType::Float64;
    check(type != DType::Bool && !is_complex(type),
          "Unsupported input type encountered for isin(): ", info(type).scalar_name);
  }
  const GradMode off(false);
  const DType dtype = result_type(elements, test_elements);
  const auto as_tensor = [dtype](const Operand& x) {
    return x.is_tensor() ? cast(detached(x.tensor()), dtype) : Tensor::scalar(x.number(), dtype);
  };
  const Tensor x = as_tensor(elements);
  const Tensor known = sort(reshape(as_tensor(test_elements), {{-1}}))[0];
  if (known.numel() == 0) {
    return make_for_batch(x, x.sizes(), [&](Sizes sizes) {
      return Tensor::full(sizes, Scalar(invert), DType::Bool);
    });
  }
  const Tensor at = search(known, reshape(x, {{x.numel()}}), false, DType::Int64);
  const Tensor nearest =
      reshape(gather(known, 0, clamp_max(at, Scalar(known.numel() - 1))), x.sizes());
  return invert ? ne(nearest, x) : eq(nearest, x);
}

Tensor count_nonzero(const Tensor& input, const std::optional<Dims>& dim) {
  return sum(ne(input, Scalar(0)), dim);
}
Tensor count_nonzero_along(const Tensor& input, std::optional<std::int64_t> dim) {
  return count_nonzero(input, dim ? std::optional<Dims>(Dims{*dim}) : std::nullopt);
}

}  // namespace

Tensor searchsorted(const Tensor& sorted, const Tensor& values, bool right) {
  return searchsorted_entry(sorted, values, false, right, std::nullopt, std::nullopt);
}

Tensor unique(const Tensor& input) {
  return unique_of_all(kernels::unique, input, false, false).tensors[0];
}

inline constexpr std::uint32_t kCounts = kFunctionForm | kMethodForm | kNoGrad;
inline constexpr std::uint32_t kReadsValues = kCounts | kNoBatch;

static const Entry entry_searchsorted(
    "searchsorted(sorted_sequence, input|self, *, out_int32=False, right=False, side=None, "
    "sorter=None)",
    function<searchsorted_entry>, kFunctionForm | kOutForm | kNoGrad,
    "Where values go into a sorted last dimension so that it stays sorted.",
    "i(5, high=1), 0.5 | c(1), c(2,3) | c(2,1), c(2,3), right=True | c(1), c(3), side='right'");
static const Entry entry_bucketize(
    "bucketize(input|self, boundaries, *, out_int32=False, right=False)", direct<bucketize>,
    kFunctionForm | kOutForm | kNoGrad, "The bucket of each value, between boundaries.",
    "c(2,3), c(1) | 0.5, c(1) | c(3), c(1), right=True, out_int32=True");
static const Entry entry_unique(
    "unique(input, sorted=True, return_inverse=False, return_counts=False, dim=None)",
    function<unique_entry>, kReadsValues | kPlainNames,
    "The distinct elements, or slices of dim, in rising order; with the place of each element "
    "among "
    "them and their counts when asked for.",
    "i(8, high=4) | i(3,4, high=3), return_inverse=True | i(8, high=4), True, True, True "
    "| i(5,2, high=2), dim=0 | c(0)");
static const Entry entry_unique_consecutive(
    "unique_consecutive(input, return_inverse=False, return_counts=False, dim=None)",
    function<unique_consecutive>, kReadsValues | kPlainNames,
    "The first element, or slice of dim, of each run of equal ones.",
    "i(8, high=2) | i(8, high=2), True, True | i(5,2, high=2), dim=0");
static const Entry entry_bincount("bincount(input, weights=None, minlength:index=0)",
                                  function<bincount>, kCounts,
                                  "How often each integer occurs, or the sum of its weights.",
                                  "i(8, high=4) | i(8, high=4), c(8) | i(3, high=2), minlength=6");
static const Entry entry_histc("histc(input, bins=100, min=0, max=0)", direct<histc>,
                               kCounts | kOutForm,
                               "How many elements fall into each of the bins between min and max.",
                               "c(20), 5 | c(20), 4, -1, 1 | c(3,4), bins=3, min=0, max=2");
static const Entry entry_isin(
    "isin(elements|element, test_elements|test_element, *, assume_unique=False, invert=False)",
    function<isin>, kFunctionForm | kOutForm | kNoGrad,
    "Whether each element occurs among the test elements.",
    "i(3,4, high=5), i(2, high=5) | i(4, high=3), 1 | i(4, high=3), "
    "i(2, high=3), invert=True");
static const Entry entry_count_nonzero("count_nonzero(input, dim=None)",
                                       function<count_nonzero_along>,
                                       kFunctionForm | kMethodForm | kNoGrad,
                                       "How many elements are not zero.",
                                       "i(3,4, high=2) | i(3,4, high=2), 0 | b(3)");
static const Entry entry_count_nonzero_dims("count_nonzero(input, *dim)", function<count_nonzero>,
                                            kFunctionForm | kMethodForm | kNoGrad,
                                            "How many elements are not zero.",
                                            "i(3,4, high=2), dim=(0,1) | i(3,4, high=2), ()");

}  // namespace pullback
