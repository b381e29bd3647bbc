// See elementwise.h.  Start reading at run(): the quick road for operands of one shape and dtype,
// then the general one; ElementwiseNode is the derivative.
#include "ops/elementwise.h"

#include <bit>

#include "graph/origin.h"
#include "kernels/copy.h"
#include "ops/basic.h"
#include "ops/destination.h"
#include "ops/op.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/pointwise/compare.h"
#include "ops/pointwise/select.h"
#include "ops/rebase.h"
#include "ops/recipe.h"

namespace pullback {
namespace {

// Above this many elements the drivers of kernels/ split the work over threads.
constexpr std::int64_t kFlatLimit = 16384;

template <int N>
using Operands = std::array<const Operand*, N>;

// An input of a recorded operation: a tensor, a number, or nothing when no partial reads it.
class SavedOperand {
 public:
  void save(const Operand& operand) {
    if (operand.is_tensor()) {
      Tensor copy;
      tensor_.save_input(detail::to_save(operand.tensor(), copy));
    } else {
      number_ = operand.number();
    }
  }
  Operand read(const Node& node) const {
    return tensor_.defined() ? Operand(tensor_.read(node)) : Operand(number_);
  }
  // Which no derivative reads, but who computes the result anew does.
  void keep_number(const Scalar& number) { number_ = number; }
  const Scalar& number() const { return number_; }
  void release() noexcept { tensor_.release(); }
  void list(SavedList& list, int index, bool is_number) {
    if (is_number) {
      list.add_input(index, number_);
    } else {
      list.add_input(index, &tensor_);
    }
  }

 private:
  SavedInput tensor_;
  Scalar number_;
};

template <int N>
Tensor run(const Elementwise& op, const Operands<N>& x, const double* params);

template <int N>
class ElementwiseNode final : public Node {
 public:
  ElementwiseNode(const Elementwise& op, const Operands<N>& x, const double* params, Sizes out)
      : Node(N), op_(op) {
    if (params) std::copy_n(params, kMaxParams, params_);
    has_params_ = params != nullptr;
    int reads = 0;
    bool broadcasts = false;
    bool cut = false;
    for (int i = 0; i < N; ++i) {
      const Tensor& t = x[i]->tensor();
      if (!t.defined()) continue;
      dtypes_[i] = t.dtype();
      if (!(t.raw_flags() & mode.record)) {
        cut |= t.has(kCut);
        continue;
      }
      set_edge(i, t);
      reads |= op.partial[i].reads;
      broadcasts |= !same(t.sizes(), out);
    }
    if (broadcasts) {
      shapes_ = std::make_unique<Dims[]>(N);
      for (int i = 0; i < N; ++i) shapes_[i] = Dims(x[i]->sizes());
    }
    reads_ = static_cast<std::uint8_t>(reads);
    for (int i = 0; i < N; ++i) {
      if (!x[i]->is_tensor()) {
        saved_[i].keep_number(x[i]->number());
        constants_ |= static_cast<std::uint8_t>(1 << i);
      }
      if (!(reads >> i & 1)) continue;
      saved_[i].save(*x[i]);
      numbers_ |= static_cast<std::uint8_t>(!x[i]->is_tensor() << i);
    }
    if (cut) [[unlikely]]
      note_cut_operands(x);
  }

  void save_result(const Tensor& result) {
    if (reads_ & kReadsY) result_.save_output(result);
  }

  const char* name() const override { return op_.node; }
  std::size_t object_bytes() const override { return sizeof(*this); }

  void apply(BackwardCall& call) override {
    if (released_) [[unlikely]] {
      report_released(*this);
    }
    if (!op_.partial[N - 1].times) [[unlikely]] {
      fail(ErrorKind::Runtime, "derivative for aten::", op_.name, " is not implemented.",
           recorded_at());
    }
    Saved s;
    s.params = params_;
    for (int i = 0; i < N; ++i) {
      if (reads_ >> i & 1) s.operands[i] = saved_[i].read(*this);
    }
    if (reads_ & kReadsY) s.result = result_.read(*this);
    for (int i = 0; i < N; ++i) {
      if (!call.wants(i)) continue;
      Tensor gradient = op_.partial[i].times(call.gradient(), s);
      if (gradient.defined()) {
        if (mode.absorb) [[unlikely]]
          gradient = pullback::where(eq(call.gradient(), 0), 0, gradient);
        if (shapes_) gradient = sum_to(gradient, shapes_[i]);
        if (gradient.dtype() != dtypes_[i]) gradient = cast(gradient, dtypes_[i]);
      }
      call.give(i, std::move(gradient));
    }
  }

  bool rerun(std::vector<Tensor>& inputs, std::vector<Tensor>& results) override {
    Operand operands[N];
    Operands<N> pointers;
    for (int i = 0; i < N; ++i) {
      Tensor& input = inputs[static_cast<std::size_t>(i)];
      if (constants_ >> i & 1) {
        operands[i] = saved_[i].number();
      } else {
        if (!input.defined() && reads_ >> i & 1) input = saved_[i].read(*this).tensor();
        if (!input.defined()) return false;
        operands[i] = input;
      }
      pointers[static_cast<std::size_t>(i)] = &operands[i];
    }
    results = {run<N>(op_, pointers, has_params_ ? params_ : nullptr)};
    return true;
  }

  void release_saved() noexcept override {
    // The weight of lerp is an attribute, which stays; the factor of mul counts as saved.
    const int kept = N == 3 ? numbers_ : 0;
    for (int i = 0; i < N; ++i) {
      if (!(kept >> i & 1)) saved_[i].release();
    }
    result_.release();
    released_ = (reads_ & ~kept) != 0;
  }

  void list_saved(SavedList& list) override {
    list.released = released_;
    list.operation = op_.name;
    int reads = 0;
    for (const Elementwise::Partial& partial : op_.partial) reads |= partial.reads;
    for (int i = 0; i < N; ++i) {
      if (!(reads >> i & 1)) continue;
      saved_[i].list(list, i, numbers_ >> i & 1);
    }
    if (reads & kReadsY) list.add_output(0, &result_);
    for (int i = 0; has_params_ && i < kMaxParams; ++i) list.add(params_[i]);
    for (int i = 0; i < N; ++i) {
      if (!(constants_ & ~numbers_ & 1 << i)) continue;
      list.items.push_back({SavedItem::Role::Constant, i, saved_[i].number()});
    }
  }

 private:
  void note_cut_operands(const Operands<N>& x) {
    for (int i = 0; i < N; ++i) {
      const Tensor& t = x[i]->tensor();
      const bool kept = reads_ >> i & 1 || wants(i);
      if (t.defined() && !kept && t.has(kCut)) note_cut_operand(*this, t);
    }
  }

  const Elementwise& op_;
  double params_[kMaxParams];
  SavedOperand saved_[N];
  SavedTensor result_;
  std::unique_ptr<Dims[]> shapes_;  // of the operands, when one was broadcast
  DType dtypes_[N];
  std::uint8_t reads_;
  std::uint8_t numbers_ = 0;    // operands that are saved as numbers
  std::uint8_t constants_ = 0;  // operands that are numbers
  bool has_params_;
  bool released_ = false;
};

template <int N>
void call_loop(const Elementwise& op, DType compute, char* out, std::int64_t out_stride,
               const std::array<const char*, N>& in, const std::array<std::int64_t, N>& strides,
               std::int64_t n, const double* params) {
  if constexpr (N == 1) {
    kernels::unary_loop(kernels::Unary(op.kernel), compute)(out, in[0], out_stride, strides[0], n,
                                                            params);
  } else if constexpr (N == 2) {
    kernels::binary_loop(kernels::Binary(op.kernel), compute)(out, in[0], in[1], out_stride,
                                                              strides[0], strides[1], n, params);
  } else {
    kernels::ternary_loop(kernels::Ternary(op.kernel), compute)(
        out, in[0], in[1], in[2], out_stride, strides[0], strides[1], strides[2], n, params);
  }
}

template <int N>
bool has_loop(const Elementwise& op, DType compute) {
  if constexpr (N == 1) return kernels::unary_loop(kernels::Unary(op.kernel), compute);
  if constexpr (N == 2) return kernels::binary_loop(kernels::Binary(op.kernel), compute);
  return kernels::ternary_loop(kernels::Ternary(op.kernel), compute);
}

template <int N>
void call_driver(const Elementwise& op, const kernels::View& out,
                 const std::array<kernels::View, N>& in, const double* params) {
  if constexpr (N == 1) {
    kernels::unary(kernels::Unary(op.kernel), out, in[0], params);
  } else if constexpr (N == 2) {
    kernels::binary(kernels::Binary(op.kernel), out, in[0], in[1], params);
  } else {
    kernels::ternary(kernels::Ternary(op.kernel), out, in[0], in[1], in[2], params);
  }
}

struct DTypes {
  DType compute;
  DType result;
};

// `where` is the only operator whose first operand does not take part in the promotion.
template <int N>
bool is_condition(const Elementwise& op, int operand) {
  return N == 3 && operand == 0 && op.kernel == std::uint16_t(kernels::Ternary::Where);
}

// `target` is what was offered to this call.
template <int N>
DTypes infer_dtypes(const Elementwise& op, const Operands<N>& x, const Destination* target) {
  Promotion promotion;
  for (int i = 0; i < N; ++i) {
    if (!is_condition<N>(op, i)) promotion.add(*x[i]);
  }
  DType compute = promotion.result();
  if (op.rule == DTypeRule::Float && !is_floating(compute)) compute = default_dtype();
  if (!has_loop<N>(op, compute)) {
    if (target) target->check_result(op.rule == DTypeRule::Bool ? DType::Bool : compute);
    fail(ErrorKind::NotImplemented, "\"", op.name, "\" not implemented for '",
         info(compute).scalar_name, "'");
  }
  return {compute, op.rule == DTypeRule::Bool ? DType::Bool : compute};
}

// The operands have one shape, one layout without gaps and one dtype, or are numbers: one flat
// loop.
template <int N>
const Tensor* find_flat(const Elementwise& op, const Operands<N>& x) {
  const Tensor* first = nullptr;
  for (int i = 0; i < N; ++i) {
    if (!x[i]->is_tensor()) {
      if (is_condition<N>(op, i)) return nullptr;
      continue;
    }
    const Tensor& t = x[i]->tensor();
    if (!t.is_contiguous() || is_condition<N>(op, i)) return nullptr;
    if (!first) {
      first = &t;
    } else if (t.dtype() != first->dtype() || !same(t.sizes(), first->sizes())) {
      return nullptr;
    }
  }
  if (!first || first->numel() > kFlatLimit) return nullptr;
  for (int i = 0; i < N; ++i) {
    if (!x[i]->is_tensor() && x[i]->number().category() > category(first->dtype())) return nullptr;
  }
  if (op.rule == DTypeRule::Float && !is_floating(first->dtype())) return nullptr;
  if constexpr (N == 2) {
    if (!is_floating(first->dtype()) && kernels::divides(kernels::Binary(op.kernel)))
      return nullptr;
  }
  return has_loop<N>(op, first->dtype()) ? first : nullptr;
}

template <int N>
Tensor compute_flat(const Elementwise& op, const Operands<N>& x, const Tensor& like,
                    const double* params, Destination* target) {
  const DType compute = like.dtype();
  const DType result = op.rule == DTypeRule::Bool ? DType::Bool : compute;
  Tensor out = target ? target->take(like.sizes(), result) : Tensor::empty(like.sizes(), result);
  if (!out.defined()) [[unlikely]]
    out = Tensor::empty(like.sizes(), result);
  const auto item = static_cast<std::int64_t>(item_size(compute));
  Element numbers[N];
  std::array<const char*, N> in;
  std::array<std::int64_t, N> strides;
  for (int i = 0; i < N; ++i) {
    if (x[i]->is_tensor()) {
      in[i] = x[i]->tensor().bytes();
      strides[i] = item;
    } else {
      x[i]->number().store(compute, &numbers[i]);
      in[i] = reinterpret_cast<const char*>(&numbers[i]);
      strides[i] = 0;
    }
  }
  call_loop<N>(op, compute, out.bytes(), static_cast<std::int64_t>(item_size(result)), in, strides,
               like.numel(), params);
  return out;
}

// A new result for operands of which some are not row-major: their common layout, or a dense one
// with the dimensions in the order that the operands have, the first of them first.
template <int N>
Tensor empty_permuted(const Operands<N>& x, Sizes sizes, DType dtype) {
  const Tensor* model = nullptr;
  bool one_layout = true;
  std::array<Dims, N> strides;
  for (int i = 0; i < N; ++i) {
    if (x[i]->ndim() == 0) continue;
    const Tensor& t = x[i]->tensor();
    one_layout &= same(t.sizes(), sizes) && (!model || same(t.strides(), model->strides()));
    model = &t;
    strides[i] = broadcast_strides(t, sizes);
  }
  if (one_layout) return empty_strided_like(*model, dtype);
  return Tensor::empty(sizes, dtype).alias(sizes, dense_strides(sizes, strides));
}

template <int N>
Tensor empty_result(const Operands<N>& x, Sizes sizes, DType dtype) {
  for (int i = 0; i < N; ++i) {
    if (x[i]->is_tensor() && !x[i]->tensor().is_contiguous()) [[unlikely]] {
      return empty_permuted<N>(x, sizes, dtype);
    }
  }
  return Tensor::empty(sizes, dtype);
}

template <int N>
Tensor compute_general(const Elementwise& op, const Operands<N>& x, const double* params,
                       Destination* target) {
  const DTypes dtypes = infer_dtypes<N>(op, x, target);
  Dims sizes;
  bool any = false;
  for (int i = 0; i < N; ++i) {
    if (!x[i]->is_tensor()) continue;
    sizes = any ? broadcast(sizes, x[i]->sizes()) : Dims(x[i]->sizes());
    any = true;
  }
  Tensor out = target ? target->take(sizes, dtypes.result) : Tensor();
  if (!out.defined()) out = empty_result<N>(x, sizes, dtypes.result);
  Element numbers[N];
  Tensor casts[N];
  Dims strides[N];
  std::array<kernels::View, N> views;
  for (int i = 0; i < N; ++i) {
    const DType dtype = is_condition<N>(op, i) ? DType::Bool : dtypes.compute;
    strides[i] = Dims(sizes.size());
    char* data;
    if (x[i]->is_tensor()) {
      casts[i] = x[i]->tensor();
      if (casts[i].dtype() != dtype) casts[i] = copy_to_dtype(casts[i], dtype);
      strides[i] = broadcast_strides(casts[i], sizes);
      data = casts[i].bytes();
    } else {
      x[i]->number().store(dtype, &numbers[i]);
      data = reinterpret_cast<char*>(&numbers[i]);
    }
    views[i] = {data, sizes.data(), strides[i].data(), sizes.size(), dtype};
  }
  call_driver<N>(op, view_of(out), views, params);
  return out;
}

template <int N>
std::array<const Tensor*, N> tensors_of(const Operands<N>& x) {
  std::array<const Tensor*, N> tensors;
  for (int i = 0; i < N; ++i) tensors[std::size_t(i)] = &x[i]->tensor();
  return tensors;
}

template <int N>
int batch_level(const Operands<N>& x) {
  return detail::batch_level(In(tensors_of<N>(x).data(), N));
}

// See NOTE [Batching]; here an operand without a batch broadcasts, so it is left as it is.
template <int N>
[[gnu::noinline]] Tensor compute_batched(const Elementwise& op, const Operands<N>& x,
                                         const double* params, const Destination* target) {
  const DTypes dtypes = infer_dtypes<N>(op, x, target);
  const int level = batch_level<N>(x);
  const detail::InsideBatch inside(level);
  int ndim = 0;
  for (int i = 0; i < N; ++i) {
    if (x[i]->is_tensor()) ndim = std::max(ndim, x[i]->ndim());
  }
  Operand physical[N];
  Operands<N> pointers;
  for (int i = 0; i < N; ++i) {
    physical[i] = *x[i];
    if (x[i]->is_tensor()) {
      Tensor t = x[i]->tensor();
      if (t.has(kBatched) && meta_of(t)->level == level) {
        const int missing = ndim - t.ndim();
        t = meta_of(t)->batch;
        for (int k = 0; k < missing; ++k) t = unsqueeze(t, 1);
      }
      if (!is_condition<N>(op, i)) t = cast(t, dtypes.compute);
      physical[i] = t;
    }
    pointers[i] = &physical[i];
  }
  return make_batched(run<N>(op, pointers, params), level);
}

template <int N>
[[gnu::noinline]] void propagate_tangents(const Elementwise& op, const Operands<N>& x,
                                          const double* params, const Tensor& result) {
  std::uint64_t levels = detail::levels_to_propagate(In(tensors_of<N>(x).data(), N));
  for (; levels; levels &= levels - 1) {
    const int level = std::countr_zero(levels);
    const OuterLevels outer(level);
    Saved s;
    for (int i = 0; i < N; ++i) s.operands[i] = *x[i];
    bool recorded = false;
    for (int i = 0; i < N; ++i) {
      recorded |=
          x[i]->is_tensor() && detail::has_graph_or_levels(tangent_of(x[i]->tensor(), level));
    }
    s.result = detail::twin(result, level, recorded);
    s.params = params;
    Tensor sum;
    for (int i = 0; i < N; ++i) {
      if (!x[i]->is_tensor()) continue;
      const Tensor& tangent = tangent_of(x[i]->tensor(), level);
      if (!tangent.defined()) continue;
      check(ErrorKind::NotImplemented, op.partial[i].times != nullptr,
            "Trying to use forward AD with aten::", op.name, " that does not support it.");
      Tensor part = op.partial[i].times(tangent, s);
      if (!part.defined()) continue;
      sum = sum.defined() ? add(sum, part) : part;
    }
    if (!sum.defined()) continue;
    if (sum.dtype() != result.dtype()) sum = cast(sum, result.dtype());
    if (!same(sum.sizes(), result.sizes())) sum = expand(sum, result.sizes());
    set_tangent(result, level, sum);
  }
}

template <int N>
class ElementwiseRecipe final : public Recipe {
 public:
  ElementwiseRecipe(const Elementwise& op, const Operands<N>& x, const double* params) : op_(op) {
    for (int i = 0; i < N; ++i) {
      is_tensor_[i] = x[i]->is_tensor();
      if (!is_tensor_[i]) numbers_[i] = *x[i];
    }
    has_params_ = params != nullptr;
    if (params) std::copy_n(params, kMaxParams, params_);
  }
  std::vector<Tensor> run(std::span<const Tensor> inputs) const override {
    Operand operands[N];
    Operands<N> pointers;
    std::size_t next = 0;
    for (int i = 0; i < N; ++i) {
      operands[i] = is_tensor_[i] ? Operand(inputs[next++]) : numbers_[i];
      pointers[i] = &operands[i];
    }
    return {pullback::run<N>(op_, pointers, has_params_ ? params_ : nullptr)};
  }

 private:
  const Elementwise& op_;
  Operand numbers_[N];
  double params_[kMaxParams];
  bool is_tensor_[N];
  bool has_params_;
};

template <int N>
[[gnu::noinline, gnu::cold]] void note_recipe(Node& node, const Elementwise& op,
                                              const Operands<N>& x, const double* params,
                                              std::int64_t bytes) {
  std::vector<Tensor> inputs;
  std::vector<int> edges;
  for (int i = 0; i < N; ++i) {
    if (!x[i]->is_tensor()) continue;
    inputs.push_back(x[i]->tensor());
    edges.push_back(i);
  }
  detail::note_recipe(node, std::make_unique<ElementwiseRecipe<N>>(op, x, params), inputs,
                      std::move(edges), bytes);
}

template <int N>
std::uint32_t refresh_operands(const Operands<N>& x) {
  std::uint32_t flags = 0;
  for (int i = 0; i < N; ++i) {
    if (x[i]->is_tensor()) refresh(x[i]->tensor());
    flags |= x[i]->raw_flags();
  }
  return flags;
}

template <int N>
Tensor run(const Elementwise& op, const Operands<N>& x, const double* params) {
  Destination* target = Destination::claim();
  std::uint32_t flags = 0;
  for (int i = 0; i < N; ++i) flags |= x[i]->raw_flags();
  if (flags & kFollowsBase) flags = refresh_operands<N>(x);
  // The tangent is made of operands, so they must not be overwritten before.
  if (flags & kDual) target = nullptr;
  const bool records = flags & mode.record && mode.grad && op.rule != DTypeRule::Bool;

  Tensor out;
  Ref<ElementwiseNode<N>> node;
  if (flags & kBatched) [[unlikely]] {
    out = compute_batched<N>(op, x, params, target);
    const RecordLevels inner(mode.record & ~mode.levels[batch_level<N>(x)].outer_record);
    if (records && flags & mode.record && is_floating(out.dtype())) {
      node = make_node<ElementwiseNode<N>>(op, x, params, out.sizes());
    }
  } else {
    const Tensor* like = target && target->is_strided() ? nullptr : find_flat<N>(op, x);
    // What is saved of an operand that is about to be overwritten must be saved before that.
    if (records) {
      if (target) target->check_history();
      Dims sizes = like ? Dims(like->sizes()) : Dims();
      if (!like) {
        for (int i = 0; i < N; ++i) sizes = broadcast(sizes, x[i]->sizes());
      }
      node = make_node<ElementwiseNode<N>>(op, x, params, sizes);
      if (detail::wants_recipes()) [[unlikely]] {
        const auto item =
            static_cast<std::int64_t>(item_size(infer_dtypes<N>(op, x, target).result));
        note_recipe<N>(*node, op, x, params, count_elements(sizes) * item);
      }
    }
    out = like ? compute_flat<N>(op, x, *like, params, target)
               : compute_general<N>(op, x, params, target);
  }
  const bool recorded = node && is_floating(out.dtype());
  if (recorded) set_history(out, node.get());
  if (recorded && node->extra()) [[unlikely]]
    detail::note_result(*node, out);
  if (flags & kDual && mode.forward && is_floating(out.dtype())) [[unlikely]] {
    propagate_tangents<N>(op, x, params, out);
  }
  if (recorded) {
    node->save_result(out);
  } else if (flags & (kRequiresGrad | kCut) && !mode.pass) {
    const auto tensors = tensors_of<N>(x);
    detail::note_cuts(In(tensors.data(), N), as_span(out));
  }
  if (mode.inference) [[unlikely]] {
    mark_inference(out);
  }
  return out;
}

}  // namespace

Tensor zero_slope(const Tensor& t, const Saved&) { return Tensor::zeros(t.sizes(), t.dtype()); }

Tensor elementwise(const Elementwise& op, const Operand& x, const double* params) {
  return run<1>(op, {&x}, params);
}

Tensor elementwise(const Elementwise& op, const Operand& a, const Operand& b,
                   const double* params) {
  return run<2>(op, {&a, &b}, params);
}

Tensor elementwise(const Elementwise& op, const Operand& a, const Operand& b, const Operand& c,
                   const double* params) {
  return run<3>(op, {&a, &b, &c}, params);
}

}  // namespace pullback
