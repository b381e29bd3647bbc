// What an operator is, and what every operator gets for it.
//
// NOTE [Operators]
// An operator that is not elementwise is a struct in one piece in the file of its family:
//
//   struct Sum {
//     static constexpr const char* kNode = "SumBackward1";  // name of its node, as torch prints it
//     static constexpr int kInputs = 1;                      // or kVariadic
//     static constexpr int kOutputs = 1;                     // or kVariadic (lists of views)
//     static constexpr bool kLinear = true;                  // jvp: the operator itself
//     struct Attrs {                                         // everything that is no tensor
//       ...
//       Attrs batched(std::int64_t batch) const;             // the same with a leading batch dim
//     };
//     static Spec spec(const Attrs&, In in);                 // what the result looks like
//     static void fill(const Attrs&, In in, const Tensor& out);         // the kernel call
//     // Bits: inputs (from 15 on all share bit 15), kOut << k.
//     static constexpr std::uint32_t saves(std::uint32_t needs);
//     static void vjp(Vjp<Sum>& v);                          // in recorded operators
//     static Tensor jvp(Jvp<Sum>& j);                        // unless kLinear
//   };
//
// A view has `static Tensor view(const Attrs&, const Tensor&)` in place of spec and fill; an
// operator whose result is not row-major makes it in `make(attrs, in)`, an operator with several
// results fills `std::array<Tensor, kOutputs>` (or makes them in `make_all(attrs, in, specs)`).
// `apply<Sum>(attrs, x)` then computes, records, propagates tangents and batches.  Elementwise
// operators: ops/elementwise.h.
//
// NOTE [Batching]
// A batched tensor stands for B tensors (NOTE [Levels] in graph/level.h).  The general rule: every
// input gets its batch as dimension 0 (those without one are expanded), the attributes become
// `attrs.batched(B)`, and the same operator runs once.  So attributes hold dimension numbers
// counted from the front. An operator for which this does not hold has `static Tensor batch(const
// Attrs&, In, level)`.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "core/error.h"
#include "core/tensor.h"
#include "graph/meta.h"
#include "graph/mode.h"
#include "graph/node.h"
#include "graph/saved.h"
#include "kernels/view.h"
#include "ops/recipe.h"
#include "ops/reflect.h"

namespace pullback {

inline constexpr int kVariadic = -1;
inline constexpr std::uint32_t kOut = 1u << 16;

struct Spec {
  Dims sizes;
  DType dtype;
};

// The tensor inputs of one call.
class In {
 public:
  In(const Tensor* const* tensors, int count) : tensors_(tensors), count_(count) {}
  const Tensor& operator[](int i) const { return *tensors_[i]; }
  int size() const { return count_; }
  std::uint32_t raw_flags() const {
    std::uint32_t all = 0;
    for (int i = 0; i < count_; ++i) {
      if (tensors_[i]->defined()) all |= tensors_[i]->raw_flags();
    }
    return all;
  }

 private:
  const Tensor* const* tensors_;
  int count_;
};

// Defined in ops/batching.cpp.
[[noreturn]] void report_batched();

inline kernels::View view_of(const Tensor& t) {
  if (t.has(kBatched)) [[unlikely]]
    report_batched();
  TensorBody* body = t.body();
  return {body->data, body->sizes(), body->strides(), body->ndim, body->dtype};
}

template <class Op>
concept IsView = requires(const typename Op::Attrs& a, const Tensor& x) { Op::view(a, x); };
template <class Op>
concept IsMultiView = requires(const typename Op::Attrs& a, const Tensor& x) { Op::views(a, x); };
template <class Op>
concept HasBatchRule = requires(const typename Op::Attrs& a, In in) { Op::batch(a, in, 0); };
template <class Op>
concept IsLinear = requires { requires Op::kLinear; };
template <class Op>
concept HasNoDerivative = requires { requires Op::kNotDifferentiable; };

template <class Op>
concept CanRerun = IsView<Op> || IsMultiView<Op> ||
                   requires(const typename Op::Attrs& a, In in) { Op::spec(a, in); };

template <class Op>
concept HasLayout = requires(const typename Op::Attrs& a, const Tensor& x) { Op::make(a, x); };

// The same from all inputs.
template <class Op>
concept HasLayoutOfAll =
    requires(const typename Op::Attrs& a, In in, const Spec& spec) { Op::make_for(a, in, spec); };

// One result is a Tensor, a fixed number an array, a list of views a vector.
template <class Op>
using Result = std::conditional_t<
    Op::kOutputs == 1, Tensor,
    std::conditional_t<Op::kOutputs == kVariadic, std::vector<Tensor>,
                       std::array<Tensor, std::size_t(Op::kOutputs > 0 ? Op::kOutputs : 1)>>>;

inline std::span<const Tensor> as_span(const Tensor& t) { return {&t, 1}; }
inline std::span<const Tensor> as_span(const std::vector<Tensor>& t) { return t; }
template <std::size_t N>
std::span<const Tensor> as_span(const std::array<Tensor, N>& t) {
  return t;
}

// A new tensor that is made in inference mode can never be recorded; a view of a normal tensor and
// a tensor that was written in place stay normal.
inline void mark_inference(const Tensor& made) {
  if (made.body()->refs.get() == 1 && !made.body()->base) made.set(kInference, true);
}

template <class Op>
class OpNode;

template <class Op>
Result<Op> apply(const typename Op::Attrs& attrs, In in);

namespace detail {

// An input was cut off from its history, and perhaps it is not saved: graph/origin.h.
void note_unsaved_cut(Node& node, In in, std::uint32_t saves);
// What is saved of an input: a copy, with its history, when it is about to be overwritten.
Tensor copy_before_write(const Tensor& tensor);
inline const Tensor& to_save(const Tensor& tensor, Tensor& copy) {
  if (mode.overwritten != tensor.body()) [[likely]] {
    return tensor;
  }
  return copy = copy_before_write(tensor);
}

}  // namespace detail

// What a vjp rule sees.
template <class Op>
class Vjp {
 public:
  Vjp(const OpNode<Op>& node, BackwardCall& call) : node_(node), call_(call) {}
  const typename Op::Attrs& attrs() const { return node_.attrs; }
  // A saved input or output; reading one that `saves` did not name is an internal error.
  Tensor in(int i) const { return node_.read_input(i); }
  Tensor out(int k = 0) const { return node_.read_output(k); }
  // The gradient that arrived at result k; undefined for zeros (only when there are several).
  const Tensor& grad(int k = 0) const { return call_.gradient(k); }
  bool wants(int i) const { return call_.wants(i); }
  void give(int i, Tensor gradient) { call_.give(i, std::move(gradient)); }
  int num_inputs() const { return static_cast<int>(node_.edges().size()); }
  // Has the history of input i and nothing else of it.
  Tensor history_of(int i) const {
    const Edge& edge = node_.edge(i);
    if (edge.is_leaf()) return Tensor(Ref<TensorBody>::share(edge.leaf()));
    const Tensor zero = Tensor::scalar(Scalar(0), DType::Float32);
    set_history(zero, edge.node(), edge.output_nr());
    return zero;
  }
  // For a rule that refuses: where the user's code was, as a sentence.
  std::string recorded_at() const { return node_.recorded_at(); }

 private:
  const OpNode<Op>& node_;
  BackwardCall& call_;
};

// What a jvp rule sees.
template <class Op>
class Jvp {
 public:
  Jvp(const typename Op::Attrs& attrs, In in, std::span<const Tensor> tangents,
      std::span<const Tensor> out)
      : attrs_(attrs), in_(in), tangents_(tangents), out_(out) {}
  const typename Op::Attrs& attrs() const { return attrs_; }
  const Tensor& in(int i) const { return in_[i]; }
  const Tensor& out(int k = 0) const { return out_[static_cast<std::size_t>(k)]; }
  // Undefined for zeros.
  const Tensor& tangent(int i) const { return tangents_[static_cast<std::size_t>(i)]; }
  int num_inputs() const { return in_.size(); }

 private:
  const typename Op::Attrs& attrs_;
  In in_;
  std::span<const Tensor> tangents_;
  std::span<const Tensor> out_;
};

template <class Op>
class OpNode final : public Node {
 public:
  OpNode(const typename Op::Attrs& attributes, In in, std::span<const Tensor> out)
      : Node(in.size(), static_cast<int>(out.size())), attrs(attributes) {
    std::uint32_t needs = 0;
    bool cut = false;
    for (int i = 0; i < in.size(); ++i) {
      set_edge(i, in[i]);
      if (wants(i)) {
        needs |= 1u << (i < 15 ? i : 15);
      } else if (in[i].defined()) {
        cut |= in[i].has(kCut);
      }
    }
    const std::uint32_t saves = Op::saves(needs);
    if (cut) [[unlikely]]
      detail::note_unsaved_cut(*this, in, saves);
    saves_any_ = saves != 0;
    Tensor copy;
    if constexpr (kFixedInputs) {
      for (int i = 0; i < Op::kInputs; ++i) {
        if (saves >> i & 1u && in[i].defined()) {
          inputs_[i].save_input(detail::to_save(in[i], copy));
        }
      }
    } else if (saves & (kOut - 1)) {
      inputs_.resize(static_cast<std::size_t>(in.size()));
      for (int i = 0; i < in.size(); ++i) {
        if (saves >> (i < 15 ? i : 15) & 1u && in[i].defined()) {
          inputs_[static_cast<std::size_t>(i)].save_input(detail::to_save(in[i], copy));
        }
      }
    }
    saved_outputs_ = saves / kOut;
  }

  // After the outputs have their output numbers.
  void save_outputs(std::span<const Tensor> out) {
    if constexpr (Op::kOutputs > 0) {
      for (int k = 0; k < Op::kOutputs; ++k) {
        if (saved_outputs_ >> k & 1u) outputs_[k].save_output(out[static_cast<std::size_t>(k)]);
      }
    }
  }

  const char* name() const override {
    if constexpr (requires(const OpNode& n) { Op::node_name(n.attrs); }) {
      return Op::node_name(attrs);
    } else {
      return Op::kNode;
    }
  }
  std::size_t object_bytes() const override { return sizeof(*this); }

  void apply(BackwardCall& call) override {
    if (released_) [[unlikely]] {
      report_released(*this);
    }
    Vjp<Op> v(*this, call);
    Op::vjp(v);
  }

  void release_saved() noexcept override {
    for (SavedInput& saved : inputs_) saved.release();
    for (SavedTensor& saved : outputs_) saved.release();
    released_ = saves_any_;
  }

  void list_saved(SavedList& list) override {
    list.released = released_;
    const std::uint32_t saves = Op::saves(~0u);
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      if (!(saves >> (i < 15 ? i : 15) & 1u)) continue;
      list.add_input(static_cast<int>(i), &inputs_[i]);
    }
    for (std::size_t k = 0; k < outputs_.size(); ++k) {
      if (!(saves / kOut >> k & 1u)) continue;
      list.add_output(static_cast<int>(k), &outputs_[k]);
    }
    detail::list_attribute(attrs, list);
  }

  bool rerun(std::vector<Tensor>& inputs, std::vector<Tensor>& results) override {
    if constexpr (CanRerun<Op>) {
      std::vector<const Tensor*> pointers;
      if (!fill_in(inputs, pointers)) return false;
      const auto again =
          pullback::apply<Op>(attrs, In(pointers.data(), static_cast<int>(pointers.size())));
      const std::span<const Tensor> out = as_span(again);
      results.assign(out.begin(), out.end());
      return true;
    } else {
      return false;
    }
  }

  Tensor read_input(int i) const { return inputs_[static_cast<std::size_t>(i)].read(*this); }
  Tensor read_output(int k) const { return outputs_[static_cast<std::size_t>(k)].read(*this); }

  const typename Op::Attrs attrs;

 private:
  // Puts what is saved in the place of undefined inputs; false when one is not known.
  bool fill_in(std::vector<Tensor>& inputs, std::vector<const Tensor*>& pointers) const {
    std::uint32_t needs = 0;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (wants(static_cast<int>(i))) needs |= 1u << (i < 15 ? i : 15);
    }
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (!inputs[i].defined() && i < inputs_.size()) inputs[i] = inputs_[i].read(*this);
      // An input that would have been saved was not there.
      const bool absent = !released_ && Op::saves(needs) >> (i < 15 ? i : 15) & 1u;
      if (!inputs[i].defined() && (!absent || wants(static_cast<int>(i)))) return false;
      pointers.push_back(&inputs[i]);
    }
    return true;
  }

  static constexpr bool kFixedInputs = Op::kInputs > 0;
  std::conditional_t<kFixedInputs,
                     std::array<SavedInput, std::size_t(kFixedInputs ? Op::kInputs : 1)>,
                     std::vector<SavedInput>>
      inputs_;
  std::array<SavedTensor, std::size_t(Op::kOutputs > 0 ? Op::kOutputs : 1)> outputs_;
  std::uint32_t saved_outputs_ = 0;
  bool saves_any_ = false;
  bool released_ = false;
};

namespace detail {

// While an operator computes for a whole batch: only the levels outside of it are switched on, and
// what is about to be overwritten is the memory of all examples.
class InsideBatch {
 public:
  explicit InsideBatch(int level) : outer_(level), overwritten_(mode.overwritten) {
    if (!overwritten_ || !(overwritten_->raw_flags & kBatched)) return;
    const auto& meta = static_cast<const AutogradMeta&>(*overwritten_->meta);
    if (meta.level == level) mode.overwritten = meta.batch.body();
  }
  ~InsideBatch() { mode.overwritten = overwritten_; }
  InsideBatch(const InsideBatch&) = delete;
  InsideBatch& operator=(const InsideBatch&) = delete;

 private:
  const OuterLevels outer_;
  const Composition aside_;
  const TensorBody* const overwritten_;
};

// Inputs of one batched call: those of the highest level unwrapped, the others expanded.
struct Unwrapped {
  std::vector<Tensor> tensors;
  std::vector<const Tensor*> pointers;
  std::int64_t batch = 0;
  int level = 0;
  In in() const { return {pointers.data(), static_cast<int>(pointers.size())}; }
};
// Defined in ops/batching.cpp.
int batch_level(In in);
Unwrapped unwrap(In in);
// The out= tensor of this call where the operator can fill it (ops/destination.h).
Tensor take_destination(In in, const Spec& spec);
// A second body with the same memory, history and tangents of the levels outside of `level`.  The
// graph of the tangent saves it in place of the result, which holds the tangent: saving the result
// itself would be a cycle.  `recorded`: the tangent may get a graph though the result has none.
Tensor twin(const Tensor& result, int level, bool recorded);
inline bool has_graph_or_levels(const Tensor& t) {
  return t.defined() && t.raw_flags() & (kAnyGrad | kDual | kBatched);
}
// The forward levels that this call propagates, as bits by depth.
std::uint64_t levels_to_propagate(In in);
// A view knows its root and what its history belongs to.  Both are defined in ops/rebase.cpp.
void mark_view(const Tensor& view, const Tensor& input, bool one_of_many);
void refresh(In in);
// The same for the wrappers inside vmap, if the view has the memory of the input.
void mark_batched_view(const Tensor& view, const Tensor& input, bool one_of_many);
// The results were not recorded though an input has a history, or had one: see graph/origin.h.
void note_cuts(In in, std::span<const Tensor> results);
// The tangent where there is one, else zeros (for operators that are linear in all inputs at once).
std::vector<Tensor> tangents_or_zeros(In in, int level);
// The reverse levels inside of the batch of this call: the others are recorded for the whole batch.
inline std::uint32_t levels_to_record(In in, std::uint32_t flags) {
  if (!(flags & kBatched)) [[likely]] {
    return mode.record;
  }
  return mode.record & ~mode.levels[batch_level(in)].outer_record;
}

}  // namespace detail

template <class Op, class... Tensors>
Result<Op> apply(const typename Op::Attrs& attrs, const Tensor& first, const Tensors&... rest) {
  const Tensor* inputs[] = {&first, &rest...};
  return apply<Op>(attrs, In(inputs, 1 + static_cast<int>(sizeof...(rest))));
}

template <class Op>
Result<Op> apply(const typename Op::Attrs& attrs, const std::vector<Tensor>& inputs) {
  std::vector<const Tensor*> pointers;
  for (const Tensor& t : inputs) pointers.push_back(&t);
  return apply<Op>(attrs, In(pointers.data(), static_cast<int>(pointers.size())));
}

namespace detail {

template <class Op>
Result<Op> compute(const typename Op::Attrs& attrs, In in) {
  if constexpr (IsView<Op>) {
    Tensor view = Op::view(attrs, in[0]);
    mark_view(view, in[0], false);
    return view;
  } else if constexpr (IsMultiView<Op>) {
    Result<Op> views = Op::views(attrs, in[0]);
    for (const Tensor& view : views) mark_view(view, in[0], true);
    return views;
  } else if constexpr (Op::kOutputs == 1) {
    const Spec spec = Op::spec(attrs, in);
    Tensor out;
    if (mode.destination) [[unlikely]]
      out = take_destination(in, spec);
    if (!out.defined()) {
      if constexpr (HasLayout<Op>) {
        out = Op::make(attrs, in[0]);
      } else if constexpr (HasLayoutOfAll<Op>) {
        out = Op::make_for(attrs, in, spec);
      } else {
        out = Tensor::empty(spec.sizes, spec.dtype);
      }
    }
    Op::fill(attrs, in, out);
    return out;
  } else {
    const auto specs = Op::spec(attrs, in);
    Result<Op> out;
    if constexpr (requires { Op::make_all(attrs, in[0], specs); }) {
      out = Op::make_all(attrs, in[0], specs);
    } else {
      for (std::size_t k = 0; k < out.size(); ++k) {
        out[k] = Tensor::empty(specs[k].sizes, specs[k].dtype);
      }
    }
    Op::fill(attrs, in, out);
    return out;
  }
}

template <class Op>
Result<Op> compute_batched(const typename Op::Attrs& attrs, In in) {
  const InsideBatch inside(batch_level(in));
  Result<Op> result;
  if constexpr (HasBatchRule<Op>) {
    result = Op::batch(attrs, in, batch_level(in));
  } else {
    const Unwrapped u = unwrap(in);
    result = apply<Op>(attrs.batched(u.batch), u.in());
    if constexpr (Op::kOutputs == 1) {
      result = make_batched(result, u.level);
    } else {
      for (Tensor& t : result) t = make_batched(t, u.level);
    }
  }
  if constexpr (IsView<Op>) {
    mark_batched_view(result, in[0], false);
  } else if constexpr (IsMultiView<Op>) {
    for (const Tensor& view : result) mark_batched_view(view, in[0], true);
  }
  return result;
}

template <class Op>
[[gnu::noinline]] void propagate_tangents(const typename Op::Attrs& attrs, In in,
                                          Result<Op>& result) {
  const std::span<const Tensor> out = as_span(result);
  if (out.empty() || !is_floating(out[0].dtype())) return;
  for (std::uint64_t levels = levels_to_propagate(in); levels; levels &= levels - 1) {
    const int level = std::countr_zero(levels);
    const OuterLevels outer(level);
    Result<Op> tangent;
    if constexpr (IsLinear<Op>) {
      tangent = apply<Op>(attrs, tangents_or_zeros(in, level));
    } else {
      std::vector<Tensor> tangents;
      bool recorded = false;
      for (int i = 0; i < in.size(); ++i) {
        tangents.push_back(in[i].defined() ? tangent_of(in[i], level) : Tensor());
        recorded |= has_graph_or_levels(tangents.back());
      }
      std::vector<Tensor> twins;
      for (const Tensor& t : out) twins.push_back(twin(t, level, recorded));
      Jvp<Op> j(attrs, in, tangents, twins);
      tangent = Op::jvp(j);
    }
    const std::span<const Tensor> tangents = as_span(tangent);
    for (std::size_t k = 0; k < out.size(); ++k) {
      if (is_floating(out[k].dtype())) set_tangent(out[k], level, tangents[k]);
    }
  }
}

}  // namespace detail

namespace detail {

template <class Op>
class OpRecipe final : public Recipe {
 public:
  explicit OpRecipe(const typename Op::Attrs& attrs) : attrs_(attrs) {}
  std::vector<Tensor> run(std::span<const Tensor> inputs) const override {
    std::vector<const Tensor*> pointers;
    for (const Tensor& t : inputs) pointers.push_back(&t);
    const Result<Op> result =
        apply<Op>(attrs_, In(pointers.data(), static_cast<int>(pointers.size())));
    const std::span<const Tensor> results = as_span(result);
    return {results.begin(), results.end()};
  }

 private:
  const typename Op::Attrs attrs_;
};

template <class Op>
[[gnu::noinline, gnu::cold]] void note_recipe(Node& node, const typename Op::Attrs& attrs, In in,
                                              std::span<const Tensor> out) {
  std::vector<Tensor> inputs;
  std::vector<int> edges;
  for (int i = 0; i < in.size(); ++i) {
    inputs.push_back(in[i]);
    edges.push_back(i);
  }
  std::int64_t bytes = 0;
  for (const Tensor& t : out) {
    bytes += IsView<Op> || IsMultiView<Op>
                 ? 0
                 : t.numel() * static_cast<std::int64_t>(item_size(t.dtype()));
  }
  note_recipe(node, std::make_unique<OpRecipe<Op>>(attrs), inputs, std::move(edges), bytes);
  if (!out.empty()) note_result(node, out[0]);
}

}  // namespace detail

template <class Op>
Result<Op> apply(const typename Op::Attrs& attrs, In in) {
  std::uint32_t flags = in.raw_flags();
  if (flags & kFollowsBase) {
    detail::refresh(in);
    flags = in.raw_flags();
  }
  Result<Op> result =
      flags & kBatched ? detail::compute_batched<Op>(attrs, in) : detail::compute<Op>(attrs, in);
  if constexpr (!HasNoDerivative<Op>) {
    Ref<OpNode<Op>> node;
    if (flags & mode.record && mode.grad) {
      const RecordLevels levels(detail::levels_to_record(in, flags));
      if (flags & mode.record) {
        const std::span<const Tensor> out = as_span(result);
        node = make_node<OpNode<Op>>(attrs, in, out);
        for (std::size_t k = 0; k < out.size(); ++k) {
          if (is_floating(out[k].dtype())) {
            set_history(out[k], node.get(), static_cast<std::uint32_t>(k));
          } else if (!mode.pass) {
            detail::note_cuts(in, out.subspan(k, 1));
          }
        }
        if (detail::wants_recipes()) [[unlikely]] {
          detail::note_recipe<Op>(*node, attrs, in, out);
        }
      }
    }
    if (flags & kDual && mode.forward) [[unlikely]] {
      detail::propagate_tangents<Op>(attrs, in, result);
    }
    // With their tangents, which derivatives of the derivative need.
    if (node) node->save_outputs(as_span(result));
    if (!node && flags & (kRequiresGrad | kCut) && !mode.pass) {
      detail::note_cuts(in, as_span(result));
    }
  } else if (flags & (kRequiresGrad | kCut) && !mode.pass) {
    detail::note_cuts(in, as_span(result));
  }
  if (mode.inference) [[unlikely]] {
    for (const Tensor& t : as_span(result)) mark_inference(t);
  }
  return result;
}

}  // namespace pullback
