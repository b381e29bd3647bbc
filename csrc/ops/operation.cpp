// See operation.h.  Start reading at execute().
#include "ops/operation.h"

#include <array>
#include <bit>
#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

#include "core/error.h"
#include "graph/meta.h"
#include "ops/basic.h"
#include "ops/destination.h"
#include "ops/levels.h"
#include "ops/op.h"
#include "ops/recipe.h"

namespace pullback {
inline std::size_t OpNode::bytes_for(const Operation& op, int num_inputs) {
  if (!op.most_read) return sizeof(OpNode) + op.attrs_size;
  return sizeof(OpNode) + op.attrs_size +
         static_cast<std::size_t>(num_saved_inputs(op, num_inputs)) * sizeof(SavedInput) +
         static_cast<std::size_t>(num_saved_outputs(op)) * sizeof(SavedTensor);
}

std::size_t OpNode::object_bytes() const {
  return bytes_for(op_, static_cast<int>(edges().size()));
}

[[gnu::always_inline]] inline OpNode::OpNode(const Operation& op, const void* attrs, In in,
                                             std::size_t num_outputs)
    : Node(in.size(), static_cast<int>(num_outputs)), op_(op) {
  Reads reads = kReadsNothing;
  const bool cut = set_edges(in, [&](int i) { reads |= op.reads[declared(i)]; });
  reads_ = reads;
  if (cut) [[unlikely]]
    detail::note_unsaved_cut(*this, in, reads);
  op.copy_attrs_to(this + 1, attrs);
  if (op.most_read) save_inputs(in);
}

namespace {

constexpr int kMostResults = 4;  // of those with a fixed number

// Attributes for a whole batch, on the stack.
class BatchedAttributes {
 public:
  BatchedAttributes(const Operation& op, const void* attrs, std::int64_t batch) : op_(op) {
    op.batched(attrs, batch, room_);
  }
  ~BatchedAttributes() {
    if (op_.destroy_attrs) op_.destroy_attrs(room_);
  }
  BatchedAttributes(const BatchedAttributes&) = delete;
  BatchedAttributes& operator=(const BatchedAttributes&) = delete;
  const void* get() const { return room_; }

 private:
  const Operation& op_;
  alignas(std::max_align_t) std::byte room_[kMostAttrs];
};

[[gnu::cold]] void note_recipe(Node& node, const Operation& op, const void* attrs, In in,
                               std::span<const Tensor> out) {
  std::int64_t bytes = 0;
  for (const Tensor& t : out) {
    bytes += op.is_view() ? 0 : t.numel() * static_cast<std::int64_t>(item_size(t.dtype()));
  }
  detail::note_recipe(node, op, attrs, in, bytes);
  if (!out.empty()) detail::note_result(node, out[0]);
}

// What results will look like, made by the operator in this place.
class Specs {
 public:
  Specs(const Operation& op, const void* attrs, In in) : count_(op.outputs) {
    op.spec(attrs, in, get());
  }
  ~Specs() { std::destroy_n(get(), count_); }
  Specs(const Specs&) = delete;
  Specs& operator=(const Specs&) = delete;
  Spec* get() { return reinterpret_cast<Spec*>(room_); }
  const Spec& operator[](std::size_t k) { return get()[k]; }

 private:
  alignas(Spec) std::byte room_[kMostResults * sizeof(Spec)];
  const int count_;
};

void compute_list(const Operation& op, const void* attrs, In in, std::vector<Tensor>& views) {
  views = op.views(attrs, in[0]);
  for (const Tensor& view : views) detail::mark_view(view, in[0], true);
}

[[gnu::noinline]] void fill_with_workspace(const Operation& op, const void* attrs, In in,
                                           const Tensor* out) {
  Workspace workspace;
  op.workspace(attrs, in, out, workspace);
  workspace.provide();
  op.fill(attrs, in, out, &workspace);
}

void fill(const Operation& op, const void* attrs, In in, const Tensor* out) {
  if (op.workspace) [[unlikely]]
    return fill_with_workspace(op, attrs, in, out);
  op.fill(attrs, in, out, nullptr);
}

// With wide copies of narrow inputs, into wide results.
[[gnu::noinline]] void fill_widened(const Operation& op, const void* attrs, In in,
                                    std::span<const Tensor> out) {
  std::vector<Tensor> inputs, results;
  std::vector<const Tensor*> pointers;
  const auto check_real = [&](const Tensor& t) {
    check(ErrorKind::NotImplemented, op.computes_complex || !is_complex(t.dtype()), "\"",
          op.node_name ? op.node_name(attrs)
          : op.node    ? op.node
                       : "operator",
          "\" not implemented for '", info(t.dtype()).scalar_name, "'");
  };
  for (int i = 0; i < in.size(); ++i) {
    if (in[i].defined()) check_real(in[i]);
    inputs.push_back(in[i].defined() ? widened(in[i]) : Tensor());
  }
  for (const Tensor& t : inputs) pointers.push_back(&t);
  for (const Tensor& t : out) {
    check_real(t);
    results.push_back(is_narrow(t.dtype()) ? empty_strided_like(t, wide_of(t.dtype())) : t);
  }
  fill(op, attrs, In(pointers.data(), in.size()), results.data());
  for (std::size_t k = 0; k < out.size(); ++k) {
    if (!results[k].is_same(out[k])) copy_values(out[k], results[k]);
  }
}

// `flags`: of the inputs.
template <class Results>
void compute(const Operation& op, const void* attrs, In in, std::uint32_t flags, Results& out) {
  if (op.view) {
    out[0] = op.view(attrs, in[0]);
    detail::mark_view(out[0], in[0], false);
    return;
  }
  if constexpr (std::is_same_v<Results, std::vector<Tensor>>) {
    if (op.views) return compute_list(op, attrs, in, out);
  }
  Specs specs(op, attrs, in);
  if (Destination* const target = Destination::claim()) [[unlikely]] {
    if (op.outputs == 1) out[0] = target->take_out(in, specs[0]);
  }
  if (op.make && !out[0].defined()) {
    op.make(attrs, in, specs.get(), out.data());
  } else {
    for (std::size_t k = 0; k < out.size(); ++k) {
      if (!out[k].defined()) out[k] = Tensor::empty(specs[k].sizes, specs[k].dtype);
    }
  }
  for (const Tensor& t : out) flags |= t.raw_flags();
  if (flags & kConverted && !op.any_dtype) [[unlikely]]
    return fill_widened(op, attrs, in, out);
  fill(op, attrs, in, out.data());
}

template <class Results>
[[gnu::noinline]] void compute_batched(const Operation& op, const void* attrs, In in,
                                       Results& out) {
  Destination::claim();
  const detail::InsideBatch inside(detail::batch_level(in));
  if (op.batch) {
    out[0] = op.batch(attrs, in, detail::batch_level(in));
  } else {
    const detail::Unwrapped u = detail::unwrap(in);
    const BatchedAttributes whole(op, attrs, u.batch);
    execute(op, whole.get(), u.in(), out);
    for (Tensor& t : out) t = make_batched(t, u.level);
  }
  if (!op.is_view()) return;
  for (const Tensor& view : out) detail::mark_batched_view(view, in[0], op.views != nullptr);
}

template <class Results>
[[gnu::always_inline]] inline Ref<OpNode> record(const Operation& op, const void* attrs, In in,
                                                 Results& results) {
  Ref<OpNode> node =
      make_node_of<OpNode>(OpNode::bytes_for(op, in.size()), op, attrs, in, results.size());
  const std::span<const Tensor> out = results;
  for (std::size_t k = 0; k < out.size(); ++k) {
    if (is_differentiable(out[k].dtype()) && !(op.constants >> k & 1)) {
      set_history(out[k], node.get(), static_cast<std::uint32_t>(k));
    } else if (!mode.pass) {
      detail::note_cuts(in, out.subspan(k, 1));
    }
  }
  if (detail::wants_recipes()) [[unlikely]]
    note_recipe(*node, op, attrs, in, out);
  return node;
}

// Only for the levels inside of the batch: the others were recorded for the whole of it.
template <class Results>
[[gnu::noinline]] Ref<OpNode> record_batched(const Operation& op, const void* attrs, In in,
                                             Results& out) {
  const std::uint32_t flags = in.raw_flags();
  const RecordLevels levels(detail::levels_to_record(in, flags));
  return flags & mode.record ? record(op, attrs, in, out) : Ref<OpNode>();
}

// Of an operator without a derivative: its results are constant or of no dtype that has one, or its
// inputs are not followed.  Else a gradient would be lost in silence.
[[gnu::noinline]] void check_unfollowed(const Operation& op, const void* attrs, In in,
                                        std::span<const Tensor> out) {
  bool loses = false;
  for (std::size_t k = 0; k < out.size(); ++k) {
    loses |= is_differentiable(out[k].dtype()) && !(op.constants >> k & 1);
  }
  if (!loses) return;
  const std::uint32_t flags = in.raw_flags();
  const bool recorded = mode.grad && flags & detail::levels_to_record(in, flags);
  check(!recorded && !(mode.forward && detail::levels_to_propagate(in)), "internal error: ",
        op.node_name ? op.node_name(attrs)
        : op.node    ? op.node
                     : "an operator",
        " has no derivative, but its inputs have a history or tangents. Please report it.");
}

// A number of tensors that is known only now and seldom large; undefined at first.
class MostlyFew {
 public:
  explicit MostlyFew(std::size_t size) : size_(size) {
    if (size > std::size(few_)) many_.resize(size);
  }
  operator std::span<const Tensor>() { return {data(), size_}; }
  Tensor* data() { return size_ > std::size(few_) ? many_.data() : few_; }
  Tensor& operator[](std::size_t i) { return data()[i]; }

 private:
  std::size_t size_;
  Tensor few_[3];
  memory::Vector<Tensor> many_;
};

void set_tangents(std::span<const Tensor> out, int level, std::span<const Tensor> tangents) {
  for (std::size_t k = 0; k < out.size(); ++k) {
    if (is_differentiable(out[k].dtype())) set_tangent(out[k], level, tangents[k]);
  }
}

}  // namespace

[[gnu::noinline]] void detail::propagate_tangents(const Operation& op, const void* attrs, In in,
                                                  std::span<const Tensor> out) {
  if (out.empty() || !is_differentiable(out[0].dtype())) return;
  for (std::uint64_t levels = detail::levels_to_propagate(in); levels; levels &= levels - 1) {
    const int level = std::countr_zero(levels);
    const OuterLevels outer(level);
    if (op.linear && !op.views && in.size() == 1 && out.size() == 1) {
      const Tensor tangent = tangent_of(in[0], level);
      const Tensor* pointer = &tangent;
      OneResult result;
      execute(op, attrs, In(&pointer, 1), result);
      set_tangent(out[0], level, std::move(result[0]));
      continue;
    }
    if (op.linear) {
      const std::vector<Tensor> of_inputs = detail::tangents_or_zeros(in, level);
      memory::Vector<const Tensor*> pointers;
      for (const Tensor& t : of_inputs) pointers.push_back(&t);
      std::vector<Tensor> tangents;
      execute(op, attrs, In(pointers.data(), in.size()), tangents);
      set_tangents(out, level, tangents);
      continue;
    }
    MostlyFew of_inputs(static_cast<std::size_t>(in.size()));
    bool recorded = false;
    for (int i = 0; i < in.size(); ++i) {
      if (!in[i].defined()) continue;
      of_inputs[std::size_t(i)] = tangent_of(in[i], level);
      recorded |= detail::has_graph_or_levels(of_inputs[std::size_t(i)]);
    }
    MostlyFew twins(out.size());
    for (std::size_t k = 0; k < out.size(); ++k) twins[k] = detail::twin(out[k], level, recorded);
    MostlyFew tangents(out.size());
    op.jvp(attrs, in, of_inputs, twins, tangents.data());
    set_tangents(out, level, tangents);
  }
}

// One result of fixed number, an array of them, or a list.
template <class Results>
static void execute_into(const Operation& op, const void* attrs, In in, Results& out) {
  std::uint32_t flags = in.raw_flags();
  if (flags & kFollowsBase) {
    detail::refresh(in);
    flags = in.raw_flags();
  }
  if (flags & kBatched) [[unlikely]] {
    compute_batched(op, attrs, in, out);
  } else {
    compute(op, attrs, in, flags, out);
  }
  Ref<OpNode> node;
  if (!op.differentiable) [[unlikely]] {
    check_unfollowed(op, attrs, in, out);
  } else {
    if (flags & mode.record && mode.grad) {
      node = flags & kBatched ? record_batched(op, attrs, in, out) : record(op, attrs, in, out);
    }
    if (flags & kDual && mode.forward) [[unlikely]]
      detail::propagate_tangents(op, attrs, in, out);
  }
  if (node) {
    // With their tangents, which derivatives of the derivative need.
    if (op.most_read & kReadsResults) node->save_outputs(out);
  } else if (flags & (kRequiresGrad | kCut) && !mode.pass) {
    detail::note_cuts(in, out);
  }
  if (mode.inference) [[unlikely]] {
    for (const Tensor& t : out) mark_inference(t);
  }
}

void execute(const Operation& op, const void* attrs, In in, OneResult& out) {
  execute_into(op, attrs, in, out);
}
void execute(const Operation& op, const void* attrs, In in, TwoResults& out) {
  execute_into(op, attrs, in, out);
}
void execute(const Operation& op, const void* attrs, In in, std::vector<Tensor>& out) {
  out.resize(op.outputs > 0 ? static_cast<std::size_t>(op.outputs) : 0);
  if (op.run) return op.run(attrs, in, out.data());
  execute_into(op, attrs, in, out);
}

Ref<OpNode> OpNode::make(const Operation& op, const void* attrs, In in,
                         std::span<const Tensor> out) {
  return make_node_of<OpNode>(bytes_for(op, in.size()), op, attrs, in, out.size());
}

void OpNode::save_inputs(In in) {
  std::uninitialized_default_construct_n(inputs(), num_saved_inputs());
  std::uninitialized_default_construct_n(outputs(), num_saved_outputs(op_));
  if (!(reads_ & kReadsInputs)) return;
  try {
    Tensor copy;
    for (int i = 0; i < in.size(); ++i) {
      if (reads_ & reads_input(i) && in[i].defined()) {
        inputs()[i].save_input(detail::to_save(in[i], copy));
      }
    }
  } catch (...) {
    destroy_members();
    throw;
  }
}

void OpNode::destroy_members() noexcept {
  if (op_.most_read) {
    std::destroy_n(outputs(), num_saved_outputs(op_));
    std::destroy_n(inputs(), num_saved_inputs());
  }
  if (op_.destroy_attrs) op_.destroy_attrs(this + 1);
}

void OpNode::save_outputs(std::span<const Tensor> out) {
  if (!(reads_ & kReadsResults)) return;
  for (int k = 0; k < num_saved_outputs(op_); ++k) {
    if (reads_ & reads_result(k)) outputs()[k].save_output(out[static_cast<std::size_t>(k)]);
  }
}

void OpNode::apply(BackwardCall& call) {
  if (released_) [[unlikely]]
    report_released(*this);
  op_.vjp(*this, call);
}

void OpNode::release_saved() noexcept {
  for (int i = 0; i < num_saved_inputs(); ++i) inputs()[i].release();
  for (int k = 0; k < num_saved_outputs(op_); ++k) outputs()[k].release();
  released_ = reads_ || op_.for_one_pass;
}

void OpNode::list_saved(SavedList& list) {
  list.released = released_;
  // Of a list of inputs nothing is told when none is saved.
  const bool tells = op_.inputs != kVariadic || reads_ & kReadsInputs;
  for (int i = 0; tells && i < num_saved_inputs(); ++i) {
    if (op_.most_read & reads_input(i)) list.add_input(i, &inputs()[i]);
  }
  for (int k = 0; k < num_saved_outputs(op_); ++k) {
    if (op_.most_read & reads_result(k)) list.add_output(k, &outputs()[k]);
  }
  op_.list_attrs(attrs(), list);
}

// Puts what is saved in the place of undefined inputs; false when one is not known.
bool OpNode::fill_in(std::vector<Tensor>& in, std::vector<const Tensor*>& pointers) const {
  for (std::size_t i = 0; i < in.size(); ++i) {
    const int k = static_cast<int>(i);
    if (!in[i].defined() && k < num_saved_inputs()) in[i] = inputs()[i].read(*this);
    // An input that would have been saved was not there.
    const bool absent = !released_ && reads_ & reads_input(k);
    if (!in[i].defined() && (!absent || wants(k))) return false;
    pointers.push_back(&in[i]);
  }
  return true;
}

bool OpNode::rerun(std::vector<Tensor>& inputs, std::vector<Tensor>& results) {
  std::vector<const Tensor*> pointers;
  if (!op_.is_executable() || !fill_in(inputs, pointers)) return false;
  execute(op_, attrs(), In(pointers.data(), static_cast<int>(pointers.size())), results);
  return true;
}

void OpNode::report_unnamed(const char* what, int number) const {
  fail("internal error: the derivative of ", name(), " reads ", what, " ", number,
       ", which it did not name in kReads. Please report it.");
}

}  // namespace pullback
