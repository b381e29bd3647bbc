// x[...]: basic items are views (window.cpp), tensors and masks one IndexGet behind them.
//
// Masks become the positions of their true elements first.  IndexGet and IndexPut are the transpose
// of each other.  Start reading at index().
#include "ops/index/indexing.h"

#include "core/warning.h"
#include "kernels/copy.h"
#include "kernels/index/index.h"
#include "ops/assign.h"
#include "ops/basic.h"
#include "ops/destination.h"
#include "ops/index/index_plan.h"
#include "ops/op.h"
#include "ops/pointwise/select.h"
#include "ops/rebase.h"
#include "ops/shape/view.h"
#include "ops/shape/window.h"
#include "ops/table.h"

namespace pullback {
namespace {

struct Geometry {
  Dims sizes;
  Dims strides;
  Geometry(const Tensor& t, const Dims& order) {
    for (const std::int64_t d : order) {
      sizes.push_back(t.size(static_cast<int>(d)));
      strides.push_back(t.stride(static_cast<int>(d)));
    }
  }
  kernels::View view(const Tensor& t) const {
    return {t.bytes(), sizes.data(), strides.data(), sizes.size(), t.dtype()};
  }
};

Dims common_shape(In in, int first) {
  Dims sizes;
  for (int i = first; i < in.size(); ++i) sizes = broadcast(sizes, in[i].sizes());
  return sizes;
}

// Calls the kernel with the indices as views of one shape.
template <typename Function>
void with_indices(const IndexPlan& plan, In in, int first, Function&& call) {
  const Dims common = common_shape(in, first);
  const std::size_t count = static_cast<std::size_t>(in.size() - first);
  std::vector<Dims> strides(count);
  std::vector<kernels::View> views(count);
  std::vector<int> dims(count);
  for (std::size_t k = 0; k < count; ++k) {
    const Tensor& index = in[first + static_cast<int>(k)];
    const int lead = common.size() - index.ndim();
    strides[k] = Dims(common.size());
    for (int d = 0; d < index.ndim(); ++d) {
      strides[k][lead + d] = index.size(d) == 1 ? 0 : index.stride(d);
    }
    views[k] = {index.bytes(), common.data(), strides[k].data(), common.size(), index.dtype()};
    dims[k] = static_cast<int>(plan.dims[static_cast<int>(k)]);
  }
  call(views.data(), dims.data(), static_cast<int>(count));
}

// The batch rule of both: an index that differs within the batch makes the batch one more indexed
// dimension.
struct BatchedIndex {
  int level;
  std::int64_t size = 0;
  bool differs = false;  // some index is batched
  IndexPlan plan;
  std::vector<Tensor> indices;

  static bool is_batched(const Tensor& t, int level) {
    return t.has(kBatched) && meta_of(t)->level == level;
  }
  BatchedIndex(const IndexPlan& logical, In in, int first, int level) : level(level) {
    for (int i = 0; i < in.size(); ++i) {
      if (is_batched(in[i], level)) size = meta_of(in[i])->batch.size(0);
    }
    plan = logical.batched(size);
    for (int i = first; i < in.size(); ++i) {
      const bool batched = is_batched(in[i], level);
      differs |= batched;
      Tensor index = batched ? meta_of(in[i])->batch : in[i];
      if (batched) {
        while (index.ndim() < plan.width + 1) index = unsqueeze(index, 1);
      }
      indices.push_back(index);
    }
    if (!differs) return;
    Tensor batch = Tensor::empty({{size}}, DType::Int64);
    for (std::int64_t b = 0; b < size; ++b) batch.data<std::int64_t>()[b] = b;
    while (batch.ndim() < plan.width + 1) batch = unsqueeze(batch, 1);
    indices.insert(indices.begin(), batch);
    plan.dims.insert(0, 0);
    plan.at = 0;
    ++plan.width;
  }
  Tensor physical(const Tensor& t) const {
    if (is_batched(t, level)) return meta_of(t)->batch;
    Dims sizes = t.shape();
    sizes.insert(0, size);
    return expand(t, sizes);
  }
  // The common shape behind the batch, moved from the front to where the logical plan has it.
  Dims order(const IndexPlan& logical) const {
    const int rest = logical.whole.size() - logical.dims.size();
    Dims order{0};
    for (int d = 0; d < logical.at; ++d) order.push_back(1 + logical.width + d);
    for (int d = 0; d < logical.width; ++d) order.push_back(1 + d);
    for (int d = logical.at; d < rest; ++d) order.push_back(1 + logical.width + d);
    return order;
  }
};

Dims inverse(const Dims& order) {
  Dims inverse(order.size());
  for (int d = 0; d < order.size(); ++d) inverse[static_cast<int>(order[d])] = d;
  return inverse;
}

Tensor put(const IndexPlan& plan, const Tensor& x, const Tensor& values,
           const std::vector<Tensor>& indices, bool accumulate, const char* node);

constexpr const char* kTake = "TakeBackward0";  // its result is row-major

// Inputs: x, indices...
struct IndexGet {
  static constexpr int kInputs = kVariadic;
  static constexpr int kOutputs = 1;
  static constexpr bool kMoves = true;
  using Attrs = IndexPlan;
  static const char* node_name(const Attrs& a) { return a.node; }
  static Spec spec(const Attrs& a, In in) {
    return {a.result_sizes(common_shape(in, 1)), in[0].dtype()};
  }
  static Tensor make_for(const Attrs& a, In in, const Spec& spec) {
    const Tensor made = Tensor::empty(spec.sizes, spec.dtype);
    bool plain = true;
    for (int i = 0; i < in.size(); ++i) plain &= in[i].is_contiguous();
    return plain || a.node == kTake ? made
                                    : made.alias(spec.sizes, a.result_strides(in, spec.sizes));
  }
  static void fill(const Attrs& a, In in, const Tensor& out) {
    const Geometry from(in[0], a.front_order());
    const Geometry to(out, a.result_order());
    with_indices(a, in, 1, [&](const kernels::View* indices, const int* dims, int count) {
      kernels::index_get(to.view(out), from.view(in[0]), indices, dims, count);
    });
  }
  static Tensor batch(const Attrs& a, In in, int level) {
    const BatchedIndex b(a, in, 1, level);
    if (b.differs && !BatchedIndex::is_batched(in[0], level)) {
      // Indices [batch, ...] into the plain tensor.
      IndexPlan plan = a;
      plan.at = 0;
      ++plan.width;
      const std::vector<Tensor> indices(b.indices.begin() + 1, b.indices.end());
      return make_batched(permute(get(plan, in[0], indices), b.order(a)), level);
    }
    Tensor result = get(b.plan, b.physical(in[0]), b.indices);
    if (b.differs) result = permute(result, b.order(a));
    return make_batched(result, level);
  }
  static Tensor get(const IndexPlan& plan, const Tensor& x, const std::vector<Tensor>& indices) {
    std::vector<Tensor> inputs{x};
    inputs.insert(inputs.end(), indices.begin(), indices.end());
    return apply<IndexGet>(plan, inputs);
  }
  static constexpr Reads kReads = kReadsAllBehindA;
  static void vjp(Vjp<IndexGet>& v) {
    const Tensor zeros = expanded_zeros(v.attrs().whole, v.attrs().dtype);
    std::vector<Tensor> indices;
    for (int i = 1; i < v.num_inputs(); ++i) indices.push_back(v.in(i));
    v.give(0, put(v.attrs(), zeros, v.grad(), indices, true, "IndexPutImplBackward0"));
  }
  static Tensor jvp(Jvp<IndexGet>& j) {
    std::vector<Tensor> indices;
    for (int i = 1; i < j.num_inputs(); ++i) indices.push_back(j.in(i));
    return get(j.attrs(), j.tangent(0), indices);
  }
};

// Inputs: x, values in the shape of the result of IndexGet, indices...
struct IndexPut {
  static constexpr int kInputs = kVariadic;
  static constexpr int kOutputs = 1;
  static constexpr bool kComplex = true;
  struct Attrs {
    IndexPlan plan;
    bool accumulate;
    const char* node;
  };
  static const char* node_name(const Attrs& a) { return a.node; }
  static Spec spec(const Attrs&, In in) { return {in[0].shape(), in[0].dtype()}; }
  static Tensor make(const Attrs&, const Tensor& x) { return empty_strided_like(x, x.dtype()); }
  static void fill(const Attrs& a, In in, const Tensor& out) {
    kernels::copy(view_of(out), view_of(in[0]));
    write(a.plan, out, in, a.accumulate);
  }
  // in[0] is not read.
  static void write(const IndexPlan& plan, const Tensor& out, In in, bool accumulate) {
    const Geometry to(out, plan.front_order());
    const Geometry from(in[1], plan.result_order());
    with_indices(plan, in, 2, [&](const kernels::View* indices, const int* dims, int count) {
      kernels::index_put(to.view(out), indices, dims, count, from.view(in[1]), accumulate);
    });
  }
  static Tensor batch(const Attrs& a, In in, int level) {
    const BatchedIndex b(a.plan, in, 2, level);
    Tensor values = b.physical(in[1]);
    if (b.differs) values = permute(values, inverse(b.order(a.plan)));
    return make_batched(put(b.plan, b.physical(in[0]), values, b.indices, a.accumulate, a.node),
                        level);
  }
  static constexpr Reads kReads = kReadsAllBehindB;
  static void vjp(Vjp<IndexPut>& v) {
    const Attrs& a = v.attrs();
    std::vector<Tensor> indices;
    for (int i = 2; i < v.num_inputs(); ++i) indices.push_back(v.in(i));
    if (v.wants(1)) v.give(1, IndexGet::get(a.plan, v.grad(), indices));
    if (!v.wants(0)) return;
    if (a.accumulate) return v.give(0, v.grad());
    Dims common;
    for (const Tensor& index : indices) common = broadcast(common, index.sizes());
    const Tensor zeros = expanded_zeros(a.plan.result_sizes(common), v.grad().dtype());
    v.give(0, put(a.plan, v.grad(), zeros, indices, false, a.node));
  }
  static Tensor jvp(Jvp<IndexPut>& j) {
    const auto tangent = [&j](int i) {
      return j.tangent(i).defined() ? j.tangent(i)
                                    : expanded_zeros(j.in(i).sizes(), j.in(i).dtype());
    };
    std::vector<Tensor> indices;
    for (int i = 2; i < j.num_inputs(); ++i) indices.push_back(j.in(i));
    return put(j.attrs().plan, tangent(0), tangent(1), indices, j.attrs().accumulate,
               j.attrs().node);
  }
};

Tensor put(const IndexPlan& plan, const Tensor& x, const Tensor& values,
           const std::vector<Tensor>& indices, bool accumulate, const char* node) {
  std::vector<Tensor> inputs{x, values};
  inputs.insert(inputs.end(), indices.begin(), indices.end());
  return apply<IndexPut>({plan, accumulate, node}, inputs);
}

bool is_mask(const Tensor& t) { return t.dtype() == DType::Bool || t.dtype() == DType::UInt8; }

// Puts the index at dimension `dim` of x; a mask becomes one index for each of its dimensions.
void add_index(std::vector<Tensor>& indices, const Tensor& x, int dim, const Tensor& index) {
  const int covers = is_mask(index) ? index.ndim() : 1;
  if (dim + covers > x.ndim()) {
    fail(ErrorKind::Index, "too many indices for tensor of dimension ", x.ndim());
  }
  indices.resize(static_cast<std::size_t>(dim));
  if (!is_mask(index)) {
    if (index.dtype() != DType::Int64 && index.dtype() != DType::Int32) {
      fail(ErrorKind::Index, "tensors used as indices must be long, int, byte or bool tensors");
    }
    indices.push_back(index);
    return;
  }
  if (index.dtype() == DType::UInt8)
    warn("indexing with dtype torch.uint8 is now deprecated, please use a dtype torch.bool ",
         "instead.");
  for (int k = 0; k < covers; ++k) {
    if (index.size(k) != x.size(dim + k)) {
      fail(ErrorKind::Index, "The shape of the mask ", index.shape(), " at index ", k,
           " does not match the shape of the indexed tensor ", x.shape(), " at index ", dim + k);
    }
  }
  for (const Tensor& column : nonzero_tuple(index)) indices.push_back(column);
}

struct Planned {
  IndexPlan plan;
  std::vector<Tensor> indices;
};

bool can_broadcast(Sizes a, Sizes b) {
  for (std::size_t k = 1; k <= std::min(a.size(), b.size()); ++k) {
    const std::int64_t x = a[a.size() - k];
    const std::int64_t y = b[b.size() - k];
    if (x != y && x != 1 && y != 1) return false;
  }
  return true;
}

[[noreturn]] void refuse_shapes(const std::vector<Tensor>& indices) {
  std::ostringstream shapes;
  for (const Tensor& index : indices) {
    if (index.defined()) shapes << (shapes.tellp() ? ", " : "") << index.shape();
  }
  fail(ErrorKind::Index,
       "shape mismatch: indexing tensors could not be broadcast together with shapes ",
       shapes.str());
}

// `indices` by dimension, undefined for those that are not indexed.
Planned make_plan(const Tensor& x, const std::vector<Tensor>& indices) {
  Planned p;
  Dims common;
  for (std::size_t d = 0; d < indices.size(); ++d) {
    if (!indices[d].defined()) continue;
    p.plan.dims.push_back(static_cast<int>(d));
    p.indices.push_back(indices[d]);
    const Sizes sizes = indices[d].sizes();
    if (!can_broadcast(common, sizes)) refuse_shapes(indices);
    common = broadcast(common, sizes);
  }
  const Dims& dims = p.plan.dims;
  const bool adjacent = dims[dims.size() - 1] - dims[0] + 1 == dims.size();
  p.plan.at = adjacent ? static_cast<int>(dims[0]) : 0;
  p.plan.width = common.size();
  p.plan.whole = x.shape();
  p.plan.dtype = x.dtype();
  return p;
}

// `named`: the dimension for messages, of the tensor that was indexed.
Tensor apply_int(const Tensor& x, int dim, std::int64_t at, int named = 0) {
  if (dim >= x.ndim()) {
    check(ErrorKind::Index, x.ndim() > 0,
          "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in "
          "C++ to convert a 0-dim tensor to a number");
    fail(ErrorKind::Index, "too many indices for tensor of dimension ", x.ndim());
  }
  const std::int64_t size = x.size(dim);
  if (at < -size || at >= size) [[unlikely]] {
    fail(ErrorKind::Index, "index ", at, " is out of bounds for dimension ", named, " with size ",
         size);
  }
  return show({Window::Kind::Select, dim, 0, at < 0 ? at + size : at}, x);
}

Tensor apply_slice(const Tensor& x, int dim, const IndexItem& item) {
  if (x.ndim() > 0 && dim >= x.ndim()) {
    fail(ErrorKind::Index, "too many indices for tensor of dimension ", x.ndim());
  }
  return slice(x, dim, item.start, item.stop, item.step);
}

// The views of the basic items, and the indices that are left, by dimension of the view.
struct Sliced {
  Tensor view;
  std::vector<Tensor> indices;
};

Sliced apply_items(const Tensor& x, std::span<const IndexItem> items) {
  using Kind = IndexItem::Kind;
  int used = 0;
  for (const IndexItem& item : items) {
    if (item.kind == Kind::Int || item.kind == Kind::Slice) ++used;
    if (item.kind == Kind::Tensor) used += is_mask(item.tensor) ? item.tensor.ndim() : 1;
  }
  check(ErrorKind::Index, used <= x.ndim(), "too many indices for tensor of dimension ", x.ndim());
  Sliced s{x, {}};
  int dim = 0;
  int named = 0;
  const int skipped = x.ndim() - used;
  for (const IndexItem& item : items) {
    switch (item.kind) {
      case Kind::Int:
        s.view = apply_int(s.view, dim, item.start, named++);
        break;
      case Kind::Slice: {
        const bool all = item.start == 0 && item.step == 1 && item.stop >= s.view.size(dim);
        if (!all) s.view = apply_slice(s.view, dim, item);
        ++dim;
        ++named;
        break;
      }
      case Kind::NewAxis:
        s.view = unsqueeze(s.view, dim++);
        break;
      case Kind::Ellipsis:
        if (used < x.ndim()) {
          dim += skipped;
          named += skipped;
          used = x.ndim();
        }
        break;
      case Kind::Bool: {
        s.view = unsqueeze(s.view, dim);
        s.indices.resize(static_cast<std::size_t>(dim));
        s.indices.push_back(Tensor::zeros({{item.flag ? 1 : 0}}, DType::Int64));
        ++dim;
        break;
      }
      case Kind::Tensor:
        add_index(s.indices, s.view, dim, item.tensor);
        named += is_mask(item.tensor) ? item.tensor.ndim() : 1;
        dim = static_cast<int>(s.indices.size());
        break;
    }
  }
  return s;
}

}  // namespace

Tensor index(const Tensor& input, std::span<const IndexItem> items) {
  if (items.size() == 1) {
    const IndexItem& item = items[0];
    if (item.kind == IndexItem::Kind::Int) return apply_int(input, 0, item.start);
    if (item.kind == IndexItem::Kind::Slice && !item.in_tuple) return apply_slice(input, 0, item);
  }
  const Sliced s = apply_items(input, items);
  if (!s.indices.empty()) {
    const Planned p = make_plan(s.view, s.indices);
    return IndexGet::get(p.plan, s.view, p.indices);
  }
  return s.view.is_same(input) ? alias_view(input) : s.view;
}

static std::vector<Tensor> expand_masks(const Tensor& input, const std::vector<Tensor>& indices) {
  std::vector<Tensor> expanded;
  bool any = false;
  for (const Tensor& index : indices) {
    if (index.defined()) {
      any = true;
      const int dim = static_cast<int>(expanded.size());
      check(ErrorKind::Index, dim < input.ndim(), "too many indices for tensor of dimension ",
            input.ndim(), " (got ", indices.size(), ")");
      add_index(expanded, input, dim, index);
    } else {
      expanded.emplace_back();
    }
  }
  check(any, "index: got no index tensor, expected at least one.");
  return expanded;
}

Tensor index(const Tensor& input, const std::vector<Tensor>& indices) {
  const Planned p = make_plan(input, expand_masks(input, indices));
  return IndexGet::get(p.plan, input, p.indices);
}

Tensor take(const Tensor& input, const Tensor& index) {
  check(index.dtype() == DType::Int64, "take(): Expected a long tensor for index, but got ",
        info(index.dtype()).scalar_name);
  check(ErrorKind::Index, input.numel() > 0 || index.numel() == 0,
        "take(): tried to take from an empty tensor");
  const Tensor flat = reshape(input, {{-1}});
  Planned p = make_plan(flat, {index});
  p.plan.node = kTake;
  return IndexGet::get(p.plan, flat, p.indices);
}

// Values in the shape that reading at the same positions would have.
static Tensor expand_values(const Planned& p, const Tensor& input, const Tensor& values) {
  check(input.dtype() == values.dtype(),
        "Index put requires the source and destination dtypes match, got ",
        info(input.dtype()).scalar_name, " for the destination and ",
        info(values.dtype()).scalar_name, " for the source.");
  Dims common;
  for (const Tensor& index : p.indices) common = broadcast(common, index.sizes());
  const Dims sizes = p.plan.result_sizes(common);
  check(broadcastable_to(values.sizes(), sizes), "shape mismatch: value tensor of shape ",
        values.shape(), " cannot be broadcast to indexing result of shape ", sizes);
  return same(values.sizes(), sizes) ? values : expand(values, sizes);
}

Tensor index_put(const Tensor& input, const std::vector<Tensor>& indices, const Tensor& values,
                 bool accumulate) {
  const Planned p = make_plan(input, expand_masks(input, indices));
  // As in torch, one mask and one value are masked_fill, which casts.
  const bool fills = !accumulate && values.numel() == 1 && indices.size() == 1 &&
                     indices[0].defined() && is_mask(indices[0]);
  const Tensor source = expand_values(p, input, fills ? cast(values, input.dtype()) : values);
  return put(p.plan, input, source, p.indices, accumulate, "IndexPutBackward0");
}

static constexpr const char* kIndexPut = "index_put";

// The value as a tensor that broadcasts to the part, or to what index tensors choose, which has a
// number of dimensions of its own: leading dimensions of size 1 do not count.
static Tensor value_for(const Sliced& part, const Operand& value) {
  const DType dtype = part.view.dtype();
  Tensor values =
      value.is_tensor() ? value.tensor() : Tensor::scalar(fitting(value.number(), dtype), dtype);
  const int most = part.indices.empty() ? part.view.ndim() : 0;
  while (values.ndim() > most && values.size(0) == 1) values = squeeze_dim(values, 0);
  return values;
}

// One value for one mask is torch's masked_fill, which casts it and takes no mask of bytes.  Masks
// without dimensions are positions to it.
static bool is_masked_fill(const Tensor& value, std::span<const IndexItem> items) {
  if (value.numel() != 1) return false;
  using Kind = IndexItem::Kind;
  const IndexItem* mask = nullptr;
  for (const IndexItem& item : items) {
    if (item.kind != Kind::Tensor && item.kind != Kind::Bool) continue;
    const bool fills = item.kind == Kind::Tensor && is_mask(item.tensor) && item.tensor.ndim() > 0;
    if (mask || !fills) return false;
    mask = &item;
  }
  check(mask->tensor.dtype() == DType::Bool,
        "masked_fill_ only supports boolean masks, but got mask with dtype unsigned char");
  return true;
}

// A source that is broadcast, or the same elements in another shape, may share elements with the
// slice that it is written to.
static Destination::Sharing sharing_with(const Tensor& part, const Tensor& values) {
  const bool whole = values.numel() != part.numel() ||
                     (values.bytes() == part.bytes() && !same(values.sizes(), part.sizes()) &&
                      values.is_contiguous() && part.is_contiguous());
  return whole ? Destination::Sharing::Any : Destination::Sharing::InStep;
}

static void check_fits(const Tensor& values, const Tensor& part) {
  check(broadcastable_to(values.sizes(), part.sizes()), "The expanded size of the tensor (",
        part.shape(), ") must match the existing size (", values.shape(), ").");
}

// Slices are written through a view, index tensors in place: both rebase the target's history.
static void assign_recorded(const Tensor& target, std::span<const IndexItem> items,
                            const Operand& value) {
  const Sliced s = apply_items(target, items);
  Tensor values = value_for(s, value);
  if (s.indices.empty()) {
    check_fits(values, s.view);
    if (values.ndim() == 0 && s.view.ndim() > 0) {
      fill_into(s.view, values);
    } else {
      copy_into(s.view, values, sharing_with(s.view, values));
    }
    return;
  }
  const Planned p = make_plan(s.view, s.indices);
  const bool fills = is_masked_fill(values, items);
  if (fills) values = cast_one(values, target.dtype());
  Destination destination(kIndexPut, Destination::Kind::InPlace, s.view);
  destination.add_operand(values, fills ? Destination::Sharing::Any : Destination::Sharing::None);
  destination.finish(
      put(p.plan, s.view, expand_values(p, s.view, values), p.indices, false, "IndexPutBackward0"));
}

void index_assign(const Tensor& target, std::span<const IndexItem> items, const Operand& value) {
  const bool records = mode.grad && (value.requires_grad() || joins_graph(target));
  const bool single = is_single(target) && (!value.is_tensor() || is_single(value.tensor()));
  if (records || !single) return assign_recorded(target, items, value);
  const GradMode off(false);
  const Sliced s = apply_items(target, items);
  Tensor values = value_for(s, value);
  if (s.indices.empty()) {
    check_fits(values, s.view);
    if (!values.is_same(s.view)) {
      Destination(kIndexPut, Destination::Kind::InPlace, s.view)
          .add_operand(values, sharing_with(s.view, values));
      copy_values(s.view, values);
    }
  } else {
    const Planned p = make_plan(s.view, s.indices);
    const bool fills = is_masked_fill(values, items);
    Destination(kIndexPut, Destination::Kind::InPlace, s.view)
        .add_operand(values, fills ? Destination::Sharing::Any : Destination::Sharing::None);
    if (fills) values = cast_one(values, target.dtype());
    const Tensor expanded = expand_values(p, s.view, values);
    std::vector<const Tensor*> inputs{&s.view, &expanded};
    for (const Tensor& index : p.indices) inputs.push_back(&index);
    IndexPut::write(p.plan, s.view, In(inputs.data(), static_cast<int>(inputs.size())), false);
  }
  target.note_write();
}

static Tensor index_put_entry(const Tensor& input, const std::vector<Tensor>& indices,
                              const Tensor& values, bool accumulate) {
  return index_put(input, indices, values, accumulate);
}
static const Entry entry_index_put(
    "index_put(input, indices, values, accumulate=False)", function<index_put_entry>,
    kFunctionForm | kMethodForm | kInPlaceForm | kWritesPart,
    "A copy with values put, or added, at x[indices].",
    "x(3,4), (i(2, high=3),), x(4), True | x(3,4), (i(2, high=3), i(2, high=4)), x(2), True "
    "| x(3,4), (i(1, high=3),), x(1,4) | x(3,4), (b(3,4),), x() | x(3,4), (i(2,1, high=3), "
    "i(5, high=4)), x(), True | xs(3,4), (i(2, high=3),), x(2,4), accumulate=True");

}  // namespace pullback
