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
//     static constexpr bool kComplex = true;                 // its fill takes complex numbers
//     static constexpr bool kMatrixProduct = true;           // and other traits: describe<Op>
//     static constexpr unsigned kConstants = 1;              // bits: results without derivative
//     static constexpr bool kNotDifferentiable = true;       // no vjp: its inputs are not followed
//     struct Attrs {                                         // everything that is no tensor
//       ...
//       Attrs batched(std::int64_t batch) const;             // the same with a leading batch dim
//     };
//     static Spec spec(const Attrs&, In in);                 // what the result looks like
//     static void fill(const Attrs&, In in, const Tensor& out);         // the kernel call
//     // What each gradient reads (ops/reads.h); one for all of them, or none at all.
//     static constexpr Reads kReads[] = {kReadsB, kReadsA | kReadsY};
//     static void vjp(Vjp<Sum>& v);                          // in recorded operators
//     static Tensor jvp(Jvp<Sum>& j);                        // unless kLinear
//   };
//
// A fill makes no memory: what it needs besides its results it declares in `workspace`
// (ops/workspace.h).  A view has `static Tensor view(const Attrs&, const Tensor&)` in place of spec
// and fill; an operator whose result is not row-major makes it in `make(attrs, in)`, an operator
// with several results fills `std::array<Tensor, kOutputs>` (or makes them in `make_all(attrs, in,
// specs)`). `apply<Sum>(attrs, x)` then computes, records, propagates tangents and batches.
// Elementwise operators: ops/elementwise.h.
//
// NOTE [Batching]
// A batched tensor stands for B tensors (NOTE [Levels] in graph/level.h).  The general rule: every
// input gets its batch as dimension 0 (those without one are expanded), the attributes become
// `attrs.batched(B)`, and the same operator runs once.  So attributes hold dimension numbers
// counted from the front. An operator for which this does not hold has `static Tensor batch(const
// Attrs&, In, level)`.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <memory>
#include <new>
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
#include "ops/operation.h"
#include "ops/reflect.h"

namespace pullback {

// Defined in ops/batching.cpp.
[[noreturn]] void report_batched();

inline kernels::View view_of(const Tensor& t) {
  if (t.has(kBatched)) [[unlikely]]
    report_batched();
  TensorBody* body = t.body();
  return {body->data, body->sizes(), body->strides(), body->ndim, body->dtype};
}

// A number seen as a tensor of these sizes, which must live longer.
class NumberView {
 public:
  NumberView(const Scalar& number, DType dtype, Sizes sizes)
      : strides_(static_cast<int>(sizes.size())) {
    number.store(dtype, &element_);
    view_ = {reinterpret_cast<char*>(&element_), sizes.data(), strides_.data(), strides_.size(),
             dtype};
  }
  NumberView(const NumberView&) = delete;
  NumberView& operator=(const NumberView&) = delete;
  operator const kernels::View&() const { return view_; }  // NOLINT: that is its purpose

 private:
  Element element_;
  Dims strides_;
  kernels::View view_;
};

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

// Its fill moves elements of any dtype without looking at them; others get no narrow ones (NOTE
// [Narrow types] in kernels/narrow.h), and no complex ones.
template <class Op>
concept MovesElements = requires { requires Op::kMoves; };

// Its fill computes with complex numbers as well.
template <class Op>
concept ComputesComplex = requires { requires Op::kComplex; };

template <class Op>
concept HasWorkspace = requires(const typename Op::Attrs& a, In in, const Tensor& out,
                                Workspace& workspace) { Op::workspace(a, in, out, workspace); };

template <class Op>
concept HasLayout = requires(const typename Op::Attrs& a, const Tensor& x) { Op::make(a, x); };

// The same from all inputs.
template <class Op>
concept HasLayoutOfAll =
    requires(const typename Op::Attrs& a, In in, const Spec& spec) { Op::make_for(a, in, spec); };

// Of a fixed number of results.
template <class Op>
using SpecsOf = std::array<Spec, std::size_t(Op::kOutputs > 0 ? Op::kOutputs : 1)>;

template <class Op>
concept HasLayouts = requires(const typename Op::Attrs& a, const Tensor& x,
                              const SpecsOf<Op>& specs) { Op::make_all(a, x, specs); };

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

namespace detail {

// An input was cut off from its history, and perhaps it is not saved: graph/origin.h.
void note_unsaved_cut(Node& node, In in, Reads saved);
// What is saved of an input: a copy, with its history, when its elements are about to be
// overwritten.
bool is_overwritten(const Tensor& tensor);
Tensor copy_before_write(const Tensor& tensor);
inline const Tensor& to_save(const Tensor& tensor, Tensor& copy) {
  if (!mode.overwritten || !is_overwritten(tensor)) [[likely]] {
    return tensor;
  }
  return copy = copy_before_write(tensor);
}

}  // namespace detail

// What a vjp rule sees.
template <class Op>
class Vjp {
 public:
  Vjp(const OpNode& node, BackwardCall& call) : node_(node), call_(call) {}
  const typename Op::Attrs& attrs() const {
    return *static_cast<const typename Op::Attrs*>(node_.attrs());
  }
  // A saved input or output; reading one that kReads did not name is an internal error.
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
  const OpNode& node_;
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
  const TensorBody* const overwritten_;
};

// Inputs of one batched call: those of the highest level unwrapped, the others expanded.
struct Unwrapped {
  memory::Vector<Tensor> tensors;
  memory::Vector<const Tensor*> pointers;
  std::int64_t batch = 0;
  int level = 0;
  In in() const { return {pointers.data(), static_cast<int>(pointers.size())}; }
};
// Defined in ops/batching.cpp.
int batch_level(In in);
Unwrapped unwrap(In in);
// A second body with the same memory, history and tangents of the levels outside of `level`.  The
// graph of the tangent saves it in place of the result, which holds the tangent: saving the result
// itself would be a cycle.  `recorded`: the tangent may get a graph though the result has none.
Tensor twin(const Tensor& result, int level, bool recorded);
inline bool has_graph_or_levels(const Tensor& t) {
  return t.defined() && t.raw_flags() & (kAnyGrad | kDual | kBatched);
}
// The forward levels that this call propagates, as bits by depth.
std::uint64_t levels_to_propagate(In in);
// Gives the results their tangents.  Defined in ops/operation.cpp.
void propagate_tangents(const Operation& op, const void* attrs, In in, std::span<const Tensor> out);
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

template <class Op>
const typename Op::Attrs& attrs_of(const void* attrs) {
  return *static_cast<const typename Op::Attrs*>(attrs);
}

// One result or an array of them.
template <class Results>
void put(Results&& results, Tensor* out) {
  if constexpr (std::is_same_v<std::remove_cvref_t<Results>, Tensor>) {
    *out = std::move(results);
  } else {
    std::move(results.begin(), results.end(), out);
  }
}

template <class Op>
constexpr void describe_results(Operation& op) {
  using A = typename Op::Attrs;
  if constexpr (IsView<Op>) {
    op.view = [](const void* a, const Tensor& x) { return Op::view(attrs_of<Op>(a), x); };
  } else if constexpr (IsMultiView<Op>) {
    op.views = [](const void* a, const Tensor& x) { return Op::views(attrs_of<Op>(a), x); };
  } else if constexpr (requires(const A& a, In in) { Op::spec(a, in); }) {
    static_assert(Op::kOutputs >= 1 && Op::kOutputs <= 4);
    op.spec = [](const void* a, In in, Spec* specs) {
      if constexpr (Op::kOutputs == 1) {
        new (specs) Spec(Op::spec(attrs_of<Op>(a), in));
      } else {
        auto all = Op::spec(attrs_of<Op>(a), in);
        std::uninitialized_move(all.begin(), all.end(), specs);
      }
    };
    if constexpr (HasWorkspace<Op>) {
      op.workspace = [](const void* a, In in, const Tensor* out, Workspace& workspace) {
        Op::workspace(attrs_of<Op>(a), in, *out, workspace);
      };
    }
    op.fill = [](const void* a, In in, const Tensor* out,
                 [[maybe_unused]] const Workspace* workspace) {
      const auto fill = [&](const auto& results) {
        if constexpr (HasWorkspace<Op>) {
          Op::fill(attrs_of<Op>(a), in, results, *workspace);
        } else {
          Op::fill(attrs_of<Op>(a), in, results);
        }
      };
      if constexpr (Op::kOutputs == 1) {
        fill(*out);
      } else {
        Result<Op> results;
        std::copy_n(out, results.size(), results.begin());
        fill(results);
      }
    };
    if constexpr (HasLayout<Op>) {
      op.make = [](const void* a, In in, const Spec*, Tensor* out) {
        *out = Op::make(attrs_of<Op>(a), in[0]);
      };
    } else if constexpr (HasLayoutOfAll<Op>) {
      op.make = [](const void* a, In in, const Spec* spec, Tensor* out) {
        *out = Op::make_for(attrs_of<Op>(a), in, *spec);
      };
    } else if constexpr (HasLayouts<Op>) {
      op.make = [](const void* a, In in, const Spec* specs, Tensor* out) {
        SpecsOf<Op> all;
        std::copy_n(specs, all.size(), all.begin());
        put(Op::make_all(attrs_of<Op>(a), in[0], all), out);
      };
    }
  }
}

template <class Op>
constexpr void describe_reads(Operation& op) {
  if constexpr (std::is_array_v<decltype(Op::kReads)>) {
    static_assert(std::size(Op::kReads) <= kDeclaredInputs);
    static_assert(Op::kInputs != kVariadic && std::size(Op::kReads) <= std::size_t(Op::kInputs));
    std::copy(std::begin(Op::kReads), std::end(Op::kReads), op.reads);
  } else {
    std::fill(std::begin(op.reads), std::end(op.reads), Op::kReads);
  }
  for (const Reads reads : op.reads) op.most_read |= reads;
}

template <class Op>
constexpr void describe_derivatives(Operation& op) {
  op.linear = IsLinear<Op>;
  op.any_dtype = MovesElements<Op>;
  op.computes_complex = ComputesComplex<Op>;
  op.differentiable = !HasNoDerivative<Op>;
  op.matrix_product = requires { requires Op::kMatrixProduct; };
  op.for_one_pass = requires { requires Op::kForOnePass; };
  if constexpr (requires { Op::kConstants; }) op.constants = Op::kConstants;
  if constexpr (!HasNoDerivative<Op>) {
    op.list_attrs = [](const void* a, SavedList& list) { list_attribute(attrs_of<Op>(a), list); };
    if constexpr (requires { Op::kReads; }) describe_reads<Op>(op);
    op.vjp = [](const Node& node, BackwardCall& call) {
      Vjp<Op> v(static_cast<const OpNode&>(node), call);
      Op::vjp(v);
    };
    if constexpr (requires(Jvp<Op>& j) { Op::jvp(j); }) {
      op.jvp = [](const void* a, In in, std::span<const Tensor> tangents,
                  std::span<const Tensor> out, Tensor* result) {
        Jvp<Op> j(attrs_of<Op>(a), in, tangents, out);
        put(Op::jvp(j), result);
      };
    }
  }
}

template <class Op>
constexpr Operation describe() {
  using A = typename Op::Attrs;
  static_assert(sizeof(A) <= kMostAttrs && alignof(A) <= 8);
  Operation op{};
  if constexpr (requires { Op::kNode; }) op.node = Op::kNode;
  if constexpr (requires(const A& a) { Op::node_name(a); }) {
    op.node_name = [](const void* a) -> const char* { return Op::node_name(attrs_of<Op>(a)); };
  }
  op.inputs = Op::kInputs;
  op.outputs = Op::kOutputs;
  op.attrs_size = (sizeof(A) + 7) / 8 * 8;
  if constexpr (!std::is_trivially_copyable_v<A> || sizeof(A) % 8 != 0) {
    op.copy_attrs = [](void* room, const void* a) { new (room) A(attrs_of<Op>(a)); };
  }
  if constexpr (!std::is_trivially_destructible_v<A>) {
    op.destroy_attrs = [](void* a) { static_cast<A*>(a)->~A(); };
  }
  describe_results<Op>(op);
  describe_derivatives<Op>(op);
  if constexpr (HasBatchRule<Op>) {
    op.batch = [](const void* a, In in, int level) -> Tensor {
      return Op::batch(attrs_of<Op>(a), in, level);
    };
  } else if constexpr (requires(const A& a) { a.batched(1); }) {
    op.batched = [](const void* a, std::int64_t batch, void* room) {
      new (room) A(attrs_of<Op>(a).batched(batch));
    };
  }
  return op;
}

template <class Op>
inline constexpr Operation kOperation = describe<Op>();

}  // namespace detail

template <class Op>
Result<Op> apply(const typename Op::Attrs& attrs, In in) {
  if constexpr (Op::kOutputs == 1) {
    OneResult result;
    execute(detail::kOperation<Op>, &attrs, in, result);
    return std::move(result[0]);
  } else if constexpr (Op::kOutputs > 2) {
    std::vector<Tensor> list;
    execute(detail::kOperation<Op>, &attrs, in, list);
    Result<Op> result;
    std::move(list.begin(), list.end(), result.begin());
    return result;
  } else {
    Result<Op> result;
    execute(detail::kOperation<Op>, &attrs, in, result);
    return result;
  }
}

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

// Records results that were made in another way as those of Op.
template <class Op>
Ref<OpNode> make_op_node(const typename Op::Attrs& attrs, In in, std::span<const Tensor> out) {
  return OpNode::make(detail::kOperation<Op>, &attrs, in, out);
}

}  // namespace pullback
