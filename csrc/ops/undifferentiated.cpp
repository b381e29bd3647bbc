// See undifferentiated.h.
#include "ops/undifferentiated.h"

#include <bit>
#include <initializer_list>
#include <string_view>
#include <utility>
#include <vector>

#include "graph/origin.h"
#include "ops/op.h"
#include "ops/rebase.h"

namespace pullback {
namespace {

// Zeros for every input.
struct ZeroGradients {
  static constexpr int kInputs = kVariadic;
  static constexpr int kOutputs = 1;
  struct Attrs {
    std::string node;
    std::vector<Dims> sizes;
    std::vector<DType> dtypes;
  };
  static const char* node_name(const Attrs& a) { return a.node.c_str(); }
  static void vjp(Vjp<ZeroGradients>& v) {
    for (int i = 0; i < v.num_inputs(); ++i) {
      const auto k = static_cast<std::size_t>(i);
      if (v.wants(i)) v.give(i, Tensor::zeros(v.attrs().sizes[k], v.attrs().dtypes[k]));
    }
  }
};

// An error for every input.
struct Refusal {
  static constexpr int kInputs = kVariadic;
  static constexpr int kOutputs = 1;
  struct Attrs {
    const char* node;
    const char* name;
    bool by_hand() const { return std::string_view(node) == kByHand; }
  };
  static constexpr const char* kByHand = "NotImplemented";
  static const char* node_name(const Attrs& a) { return a.node; }
  static void vjp(Vjp<Refusal>& v) {
    const Attrs& a = v.attrs();
    if (a.by_hand()) fail("derivative for aten::", a.name, " is not implemented.", v.recorded_at());
    fail(ErrorKind::NotImplemented, "the derivative for '", a.name, "' is not implemented.",
         v.recorded_at());
  }
};

template <class Op>
void set_node(const Tensor& result, const typename Op::Attrs& attrs, In inputs) {
  set_history(result, make_op_node<Op>(attrs, inputs, as_span(result)).get());
}

ZeroGradients::Attrs zeros_for(In inputs, std::string node) {
  ZeroGradients::Attrs attrs{std::move(node), {}, {}};
  for (int i = 0; i < inputs.size(); ++i) {
    attrs.sizes.push_back(inputs[i].shape());
    attrs.dtypes.push_back(inputs[i].dtype());
  }
  return attrs;
}

void set_zero_tangents(const Tensor& result, std::uint64_t levels) {
  for (; levels; levels &= levels - 1) {
    set_tangent(result, std::countr_zero(levels), Tensor::zeros(result.sizes(), result.dtype()));
  }
}

// Those that are no numbers.
class Tensors {
 public:
  Tensors(std::initializer_list<const Tensor*> tensors) {
    for (const Tensor* each : tensors) {
      if (each->defined()) defined_.push_back(each);
    }
  }
  In in() const { return {defined_.data(), static_cast<int>(defined_.size())}; }

 private:
  std::vector<const Tensor*> defined_;
};

// Whether the inputs make a node; for the reverse levels inside of their batch.
template <typename Record>
void record(const Tensor& result, In inputs, Record&& set) {
  const std::uint32_t flags = inputs.raw_flags();
  if (flags & mode.record && mode.grad) {
    const RecordLevels levels(detail::levels_to_record(inputs, flags));
    if (flags & mode.record) return set();
  }
  if (flags & (kRequiresGrad | kCut) && !mode.pass) detail::note_cuts(inputs, as_span(result));
}

}  // namespace

void record_zeros(const Tensor& result, std::initializer_list<const Tensor*> tensors,
                  const char* node) {
  const Tensors defined(tensors);
  const In inputs = defined.in();
  detail::refresh(inputs);
  record(result, inputs, [&] { set_node<ZeroGradients>(result, zeros_for(inputs, node), inputs); });
  if (mode.forward) set_zero_tangents(result, detail::levels_to_propagate(inputs));
}

void record_refusal(const Tensor& result, std::initializer_list<const Tensor*> tensors,
                    const char* node, const char* name) {
  const Tensors defined(tensors);
  const In inputs = defined.in();
  detail::refresh(inputs);
  Refusal::Attrs attrs{node, name};
  if (mode.forward && detail::levels_to_propagate(inputs)) {
    const bool by_hand = attrs.by_hand();
    fail(ErrorKind::NotImplemented, "Trying to use forward AD with ", by_hand ? "aten::" : "", name,
         " that does not support it", by_hand ? "." : " because it has not been implemented yet.");
  }
  record(result, inputs, [&] { set_node<Refusal>(result, attrs, inputs); });
}

Tensor without_gradient(const Tensor& target, std::string node, const Tensor& operand) {
  // The edges lead to what was there before the write, of which the operand may be a view as well.
  if (target.has(kFollowsBase)) target.body()->seen_by_history = target.version();
  TensorBody* beside = operand.defined() && operand.has(kFollowsBase) ? operand.body() : nullptr;
  const std::uint32_t seen = beside ? std::exchange(beside->seen_by_history, operand.version()) : 0;
  const Tensor value = plain_twin(target);
  const Tensors inputs{&target, &operand};
  // A tangent alone is no reason to record.
  if (mode.grad && (joins_graph(target) || (operand.defined() && operand.requires_grad())))
    set_node<ZeroGradients>(value, zeros_for(inputs.in(), std::move(node)), inputs.in());
  if (beside) beside->seen_by_history = seen;
  if (mode.forward) set_zero_tangents(value, dual_levels(target) & mode.dual);
  return value;
}

bool has_derivatives(const Tensor& target) {
  return (mode.grad && joins_graph(target)) || target.is_dual();
}

void overwritten(const Tensor& target, const char* node, const Tensor& operand) {
  if (!target.has(kBatched)) target.note_write();  // else the tensor of all examples was
  if (has_derivatives(target)) rebase(target, without_gradient(target, node, operand));
}

}  // namespace pullback
