// Rows of a table by their numbers: embedding and embedding_bag.
//
// LookUp and AddRows are each other's transposes, and a number of -1 stands for no row in both.  So
// the gradient without the padding row is AddRows of numbers in which the padding is -1, and a bag
// is AddRows of the rows under the number of the bag.  Start reading at LookUp.
#include "kernels/nn/lookup.h"

#include <vector>

#include "ops/basic.h"
#include "ops/index/indexing.h"
#include "ops/levels.h"
#include "ops/make/factory.h"
#include "ops/op.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/pointwise/compare.h"
#include "ops/pointwise/select.h"
#include "ops/shape/view.h"
#include "ops/table.h"

namespace pullback {
namespace {

using kernels::kNoRow;

// The numbers of all examples as rows of one table with `rows` for each of them.
Tensor behind_one_another(const Tensor& index, std::int64_t batch, std::int64_t rows) {
  Dims sizes(index.ndim(), 1);
  sizes[0] = batch;
  const Tensor start = reshape(arange(0, batch, 1, DType::Int64) * rows, sizes);
  const Tensor bad = logical_or(lt(index, kNoRow), ge(index, rows));
  const Tensor moved = where(eq(index, kNoRow), index, index + start);
  return where(bad, INT64_MIN, moved);
}

// Reads a table's rows; `skips`: -1 is a row of zeros.
struct LookUp {
  static constexpr const char* kNode = "EmbeddingBackward0";
  static constexpr int kInputs = 2;
  static constexpr int kOutputs = 1;
  static constexpr bool kMoves = true;
  struct Attrs {
    std::int64_t rows;
    std::int64_t padding;  // its row gets no gradient, -1: none
    bool by_frequency;     // a gradient is divided by how often its number is there
    bool skips;
    std::int64_t table_rows;  // vmap lays tables of as many rows behind one another
  };
  static Spec spec(const Attrs&, In in) {
    Dims sizes = in[1].shape();
    sizes.push_back(in[0].size(1));
    return {sizes, in[0].dtype()};
  }
  static void workspace(const Attrs&, In in, const Tensor&, Workspace& w) {
    w.need_dense(0, in[0]);
    w.need_dense(1, in[1]);
  }
  static void fill(const Attrs& a, In in, const Tensor& out, const Workspace& w) {
    const kernels::View index = view_of(w.dense(1, in[1]));
    kernels::check_rows(index, a.rows, a.skips);
    kernels::look_up(view_of(out), view_of(w.dense(0, in[0])), index);
  }
  static constexpr Reads kReads = kReadsB;
  static void vjp(Vjp<LookUp>& v);
  static Tensor jvp(Jvp<LookUp>& j) { return apply<LookUp>(j.attrs(), j.tangent(0), j.in(1)); }
  static Tensor batch(const Attrs& a, In in, int);
};

// The transpose: inputs are rows and their numbers.
struct AddRows {
  static constexpr const char* kNode = "EmbeddingDenseBackward0";
  static constexpr int kInputs = 2;
  static constexpr int kOutputs = 1;
  struct Attrs {
    std::int64_t rows;
  };
  static Spec spec(const Attrs& a, In in) {
    return {Dims{a.rows, in[0].size(in[0].ndim() - 1)}, in[0].dtype()};
  }
  static void workspace(const Attrs&, In in, const Tensor&, Workspace& w) {
    w.need_dense(0, in[0]);
    w.need_dense(1, in[1]);
  }
  static void fill(const Attrs& a, In in, const Tensor& out, const Workspace& w) {
    const kernels::View index = view_of(w.dense(1, in[1]));
    kernels::check_rows(index, a.rows, true);
    kernels::add_rows(view_of(out), view_of(w.dense(0, in[0])), index);
  }
  static constexpr Reads kReads = kReadsB;
  static void vjp(Vjp<AddRows>& v) {
    v.give(0,
           apply<LookUp>({v.attrs().rows, kNoRow, false, true, v.attrs().rows}, v.grad(), v.in(1)));
  }
  static Tensor jvp(Jvp<AddRows>& j) { return apply<AddRows>(j.attrs(), j.tangent(0), j.in(1)); }
  static Tensor batch(const Attrs& a, In in, int) {
    const detail::Unwrapped u = detail::unwrap(in);
    const Tensor index = behind_one_another(u.tensors[1], u.batch, a.rows);
    const Tensor all = apply<AddRows>({u.batch * a.rows}, u.tensors[0], index);
    return make_batched(reshape(all, Dims{u.batch, a.rows, all.size(1)}), u.level);
  }
};

Tensor add_rows(const Tensor& rows, const Tensor& index, std::int64_t count) {
  return apply<AddRows>({count}, rows, index);
}

// The rows divided by how often their number is there.
Tensor shared_by_frequency(const Tensor& rows, const Tensor& index, std::int64_t count) {
  const Tensor flat = reshape(index, Dims{-1});
  const Tensor ones = Tensor::full(Dims{1}, Scalar(1), rows.dtype());
  const Tensor counts =
      scatter_add(expanded_zeros(Dims{count}, rows.dtype()), 0, flat, expand(ones, flat.sizes()));
  return rows / unsqueeze(reshape(gather(counts, 0, flat), index.shape()), -1);
}

void LookUp::vjp(Vjp<LookUp>& v) {
  const Attrs& a = v.attrs();
  const Tensor index = v.in(1);
  const Tensor rows = a.by_frequency ? shared_by_frequency(v.grad(), index, a.rows) : v.grad();
  const auto without_padding = [&] {
    const Tensor row = a.rows == a.table_rows ? index : remainder(index, a.table_rows);
    return where(eq(row, a.padding), kNoRow, index);
  };
  const Tensor kept = a.padding == kNoRow ? index : without_padding();
  v.give(0, add_rows(rows, kept, a.rows));
}

Tensor LookUp::batch(const Attrs& a, In in, int level) {
  const detail::Unwrapped u = detail::unwrap(in);
  const auto is_batched = [&](int i) {
    return in[i].has(kBatched) && meta_of(in[i])->level == level;
  };
  if (!is_batched(0)) return make_batched(apply<LookUp>(a, in[0], u.tensors[1]), level);
  const Tensor& tables = u.tensors[0];
  const std::int64_t width = tables.size(2);
  if (!is_batched(1)) {  // the rows of all examples are one wide row
    const Tensor wide = reshape(transpose(tables, 0, 1), Dims{a.rows, u.batch * width});
    const Tensor rows = apply<LookUp>(a, wide, in[1]);
    Dims sizes = in[1].shape();
    sizes.push_back(u.batch);
    sizes.push_back(width);
    return make_batched(movedim(reshape(rows, sizes), {in[1].ndim()}, {0}), level);
  }
  const Tensor index = behind_one_another(u.tensors[1], u.batch, a.rows);
  const Tensor all = reshape(tables, Dims{u.batch * a.rows, width});
  Attrs of_all = a;
  of_all.rows = u.batch * a.rows;
  return make_batched(apply<LookUp>(of_all, all, index), level);
}

// Positions of the greatest elements of bags; see kernels::greatest_rows.
struct GreatestRows {
  static constexpr int kInputs = 2;
  static constexpr int kOutputs = 1;
  static constexpr bool kNotDifferentiable = true;
  struct Attrs {
    std::int64_t bags;
  };
  static Spec spec(const Attrs& a, In in) { return {Dims{a.bags, in[0].size(1)}, DType::Int64}; }
  static void workspace(const Attrs&, In in, const Tensor&, Workspace& w) {
    w.need_dense(0, in[0]);
    w.need_dense(1, in[1]);
  }
  static void fill(const Attrs&, In in, const Tensor& out, const Workspace& w) {
    kernels::greatest_rows(view_of(out), view_of(w.dense(0, in[0])), view_of(w.dense(1, in[1])));
  }
  static Tensor batch(const Attrs& a, In in, int) {
    const detail::Unwrapped u = detail::unwrap(in);
    const std::int64_t n = u.tensors[0].size(1), width = u.tensors[0].size(2);
    const Tensor all =
        apply<GreatestRows>({u.batch * a.bags}, reshape(u.tensors[0], Dims{u.batch * n, width}),
                            reshape(behind_one_another(u.tensors[1], u.batch, a.bags), Dims{-1}));
    const Tensor at = reshape(all, Dims{u.batch, a.bags, width});
    const Tensor start = reshape(arange(0, u.batch, 1, DType::Int64) * n, Dims{u.batch, 1, 1});
    return make_batched(where(eq(at, kNoRow), at, at - start), u.level);
  }
};

void check_numbers(const char* name, const char* argument, int position, const Tensor& index) {
  check(index.dtype() == DType::Int64 || index.dtype() == DType::Int32,
        "Expected tensor for argument #", position, " '", argument,
        "' to have one of the following scalar types: Long, Int; but got ",
        info(index.dtype()).scalar_name, " instead (while checking arguments for ", name, ")");
}

void check_dense(const char* name, bool sparse) {
  check(!sparse, name,
        ": sparse gradients are not supported: got sparse=True, expected False. Leave sparse out; "
        "the gradient is dense.");
}

Tensor embedding(const Tensor& weight, const Tensor& indices, std::int64_t padding_idx,
                 bool scale_grad_by_freq, bool sparse) {
  check(weight.ndim() == 2, "'weight' must be 2-D: got ", weight.ndim(), " dimensions");
  check_numbers("embedding", "indices", 1, indices);
  check_dense("embedding", sparse);
  return apply<LookUp>({weight.size(0), padding_idx < 0 ? kNoRow : padding_idx, scale_grad_by_freq,
                        false, weight.size(0)},
                       weight, cast(indices, DType::Int64));
}
const Entry entry_embedding(
    "embedding(weight, indices, padding_idx=-1, scale_grad_by_freq=False, sparse=False)",
    function<embedding>, kFunctionForm,
    "The rows of weight, [rows, width], with the numbers in indices, as a new last dimension.",
    "x(5,3), i(2,4, high=5) | x(5,3), i(, high=5) | x(5,3), i(4, high=4), 4 | xs(5,3), i(3, high=5)"
    "| x(5,3), i(2,0, high=5) | x(5,0), i(3, high=5)");

// Which bag each element is in.  Offsets are read here.
Tensor bags_of(const Tensor& offsets, std::int64_t length, bool include_last, std::int64_t& bags) {
  refuse_item(offsets);
  const Tensor starts = contiguous(cast(offsets, DType::Int64));
  const std::int64_t* at = starts.data<std::int64_t>();
  const std::int64_t n = starts.numel();
  check(!include_last || n >= 1,
        "embedding_bag: include_last_offset: numBags should be at least 1");
  bags = include_last ? n - 1 : n;
  if (n > 0) {
    check(at[0] == 0,
          "offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to "
          "start from position 0. However, got ",
          at[0]);
    check(at[n - 1] <= length, "offsets[-1] can not be greater than input's length: got ",
          at[n - 1], ", expected at most ", length);
  }
  const Tensor bag = Tensor::full(Dims{length}, Scalar(kNoRow), DType::Int64);
  for (std::int64_t b = 0; b < bags; ++b) {
    const std::int64_t end = b + 1 < n ? at[b + 1] : length;
    check(at[b] <= end, "embedding_bag: offsets must not fall: got ", end, " behind ", at[b]);
    std::fill(bag.data<std::int64_t>() + at[b], bag.data<std::int64_t>() + end, b);
  }
  return bag;
}

Tensor greatest(const Tensor& rows, const Tensor& bag, std::int64_t bags) {
  if (rows.size(0) == 0) return add_rows(rows, bag, bags);
  const Tensor at = apply<GreatestRows>({bags}, rows, bag);
  const Tensor empty = eq(at, kNoRow);
  return masked_fill(gather(rows, 0, masked_fill(at, empty, 0)), empty, 0);
}

Tensor mean_of(const Tensor& rows, const Tensor& bag, std::int64_t bags) {
  const Tensor ones = Tensor::full(Dims{bag.numel(), 1}, Scalar(1), rows.dtype());
  return add_rows(rows, bag, bags) / clamp_min(add_rows(ones, bag, bags), 1);
}

void check_bags(const Tensor& input, const Tensor& weight, const std::optional<Tensor>& offsets,
                std::string_view mode, const std::optional<Tensor>& weights, bool include_last) {
  check_numbers("embedding_bag", "indices", 1, input);
  if (input.ndim() == 2) {
    check(ErrorKind::Value, !offsets,
          "if input is 2D, then offsets has to be None, as input is "
          "treated is a mini-batch of fixed length sequences. However, found offsets of type "
          "<class 'Tensor'>");
    check(ErrorKind::Value, !include_last,
          "include_last_offset: got True with a 2D input, "
          "expected False, as its bags have one length");
  } else {
    check(ErrorKind::Value, input.ndim() == 1,
          "input has to be 1D or 2D Tensor, but got Tensor of "
          "dimension ",
          input.ndim());
    check(ErrorKind::Value, offsets.has_value(), "offsets has to be a 1D Tensor but got None");
    check(ErrorKind::Value, offsets->ndim() == 1, "offsets has to be a 1D Tensor");
    check_numbers("embedding_bag", "offsets", 1, *offsets);
  }
  check(ErrorKind::Value, weight.ndim() == 2,
        "weight has to be a 2D Tensor, but got Tensor of dimension ", weight.ndim());
  check(weight.dtype() == DType::Bool ? ErrorKind::NotImplemented : ErrorKind::Runtime,
        is_floating(weight.dtype()), "\"embedding_bag\" not implemented for '",
        info(weight.dtype()).scalar_name, "'");
  check(ErrorKind::Value, mode == "sum" || mode == "mean" || mode == "max",
        "mode has to be one of sum, mean or max: got ", mode);
  if (!weights) return;
  check(ErrorKind::Value, same(weights->sizes(), input.sizes()),
        "embedding_bag: If per_sample_weights is not None, then it must have the same shape as the "
        "input: got ",
        weights->shape(), ", expected ", input.shape());
  check(ErrorKind::NotImplemented, mode == "sum",
        "embedding_bag: per_sample_weights was not None. "
        "per_sample_weights is only supported for mode='sum' (got mode='",
        mode, "')");
  check(weights->dtype() == weight.dtype(), "expected scalar type ",
        info(weight.dtype()).scalar_name, " but found ", info(weights->dtype()).scalar_name);
}

// max_norm is applied in Python, before this.
Tensor embedding_bag(const Tensor& input, const Tensor& weight,
                     const std::optional<Tensor>& offsets,
                     [[maybe_unused]] std::optional<double> max_norm,
                     [[maybe_unused]] double norm_type, bool scale_grad_by_freq,
                     std::string_view mode, bool sparse,
                     const std::optional<Tensor>& per_sample_weights, bool include_last_offset,
                     std::optional<std::int64_t> padding_idx) {
  check_bags(input, weight, offsets, mode, per_sample_weights, include_last_offset);
  check_dense("embedding_bag", sparse);
  const std::int64_t rows = weight.size(0);
  std::int64_t padding = kNoRow;
  if (padding_idx) {
    check(*padding_idx >= -rows && *padding_idx < rows,
          "padding_idx must be within the number of "
          "embeddings: got ",
          *padding_idx, ", expected -", rows, " to ", rows - 1);
    padding = *padding_idx < 0 ? *padding_idx + rows : *padding_idx;
  }
  std::int64_t bags = 0;
  Tensor bag;
  if (input.ndim() == 2) {
    bags = input.size(0);
    bag = reshape(expand(unsqueeze(arange(0, bags, 1, DType::Int64), 1), input.sizes()), Dims{-1});
  } else {
    bag = bags_of(*offsets, input.numel(), include_last_offset, bags);
  }
  const Tensor index = reshape(cast(input, DType::Int64), Dims{-1});
  if (padding != kNoRow) bag = where(eq(index, padding), kNoRow, bag);
  Tensor each = apply<LookUp>({rows, padding, scale_grad_by_freq, false, rows}, weight, index);
  if (per_sample_weights) each = each * unsqueeze(reshape(*per_sample_weights, Dims{-1}), 1);
  if (mode == "max") return greatest(each, bag, bags);
  return mode == "mean" ? mean_of(each, bag, bags) : add_rows(each, bag, bags);
}
const Entry entry_embedding_bag(
    "embedding_bag(input, weight, offsets=None, max_norm=None, norm_type=2.0, "
    "scale_grad_by_freq=False, mode:name='mean', sparse=False, per_sample_weights=None, "
    "include_last_offset=False, padding_idx=None)",
    function<embedding_bag>, kNNForm | kPlainNames,
    "The sum, mean or maximum of the rows of weight in each bag: a row of input, or what lies "
    "between two offsets.",
    "i(2,4, high=5), x(5,3) | i(2,4, high=5), x(5,3), mode='sum', per_sample_weights=x(2,4) "
    "| i(2,4, high=5), xs(5,3), mode='max'");

}  // namespace
}  // namespace pullback
