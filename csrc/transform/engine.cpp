// See engine.h.  Start reading at Pass::run.
#include "transform/engine.h"

#include <algorithm>
#include <bit>

#include "core/error.h"
#include "graph/meta.h"
#include "graph/mode.h"
#include "graph/node.h"
#include "graph/origin.h"
#include "graph/saved.h"
#include "ops/basic.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/rebase.h"
#include "transform/accumulate.h"
#include "transform/kept_mode.h"
#include "transform/other_stack.h"
#include "transform/pass.h"
#include "transform/seeds.h"
#include "transform/zero.h"

namespace pullback {
namespace {

// Makes a pass the thread's active one for a scope.
class Activation {
 public:
  explicit Activation(ActivePass* pass) : outer_(std::exchange(mode.pass, pass)) {
    ++mode.passes_on_stack;
  }
  ~Activation() {
    mode.pass = outer_;
    --mode.passes_on_stack;
  }
  Activation(const Activation&) = delete;
  Activation& operator=(const Activation&) = delete;

 private:
  ActivePass* outer_;
};

}  // namespace

class Pass::Call final : public BackwardCall {
 public:
  // Results go to `given` when it is there, else to the slots of the inputs.
  Call(Pass& pass, const Step& step, Tensor* given = nullptr)
      : BackwardCall(pass.slots_.data() + step.first_slot, pass.request_.create_graph),
        pass_(pass),
        node_(*step.node),
        given_(given) {
    absorbs_ = mode.absorb && are_zero({gradients_, std::size_t(node_.num_outputs())});
  }
  bool wants(int input) const override {
    const Edge& edge = node_.edge(input);
    return edge && (pass_.request_.inputs.empty() || pass_.is_needed(edge));
  }
  bool is_watched() const override { return given_; }
  void give(int input, Tensor gradient) override {
    if (!gradient.defined()) return;
    if (absorbs_) gradient = Tensor::zeros(gradient.sizes(), gradient.dtype());
    Tensor& slot = given_ ? given_[input] : pass_.slot_of(node_.edge(input));
    add_gradient(slot, std::move(gradient), create_graph);
  }

 private:
  Pass& pass_;
  Node& node_;
  Tensor* given_;
  bool absorbs_ = false;  // only zeros arrived, so only zeros are given
};

void Pass::capture_node(std::size_t i) {
  for (const Capture& capture : captures_) {
    if (capture.leaf || capture.place != i) continue;
    results_[capture.input] = slots_[nodes_[i].first_slot + capture.output_nr];
  }
}

void Pass::capture_leaf(const Leaf& leaf) {
  const auto place = static_cast<std::uint32_t>(&leaf - leaves_.data());
  for (const Capture& capture : captures_) {
    if (capture.leaf && capture.place == place) results_[capture.input] = leaf.gradient;
  }
}

// Hooks of the outputs in order of registration, then the gradients that are kept.
void Pass::run_output_hooks(const Step& step) {
  NodeExtra& extra = *step.node->extra();
  // Hooks may register others: an iterator would not survive that.
  for (std::size_t k = 0; k < extra.outputs.size(); ++k) {
    if (extra.outputs[k].level != level_) continue;
    extra.outputs[k].hooks->run(slots_[step.first_slot + extra.outputs[k].output_nr]);
  }
  // What is kept may make Python objects, and these a collection that drops others.
  for (std::size_t k = 0; k < extra.retained.size(); ++k) {
    TensorBody* const body = extra.retained[k];
    const Tensor& gradient = slots_[step.first_slot + body->raw_output_nr];
    if (!gradient.defined()) continue;
    Tensor& kept = make_meta(body).grad;
    if (kept.defined() && !same(kept.sizes(), gradient.sizes())) {
      fail("backward: got a gradient of shape ", gradient.shape(),
           " for a tensor that keeps one of shape ", kept.shape(),
           " in its .grad: its shape was changed in place since. Set .grad to None before.");
    }
    kept = kept.defined() ? add(kept, gradient) : clone(gradient, MemoryFormat::Contiguous);
    if (request_.create_graph) note_grad(Tensor(Ref<TensorBody>::share(body)));
  }
}

void Pass::finish_leaf(Leaf& leaf) {
  if (!leaf.needed) return;
  const std::uint32_t flags = leaf.body->raw_flags;
  // A leaf of a transform that has ended.
  if (request_.accumulate && (flags & kAnyGrad) > kRequiresGrad) return;
  const Tensor tensor(Ref<TensorBody>::share(leaf.body));
  const bool hooked = flags & kHooked && meta_of(tensor)->hooks;
  if (request_.accumulate && leaf.gradient.defined()) {
    if (const Node* node = raw_node_of(tensor)) [[unlikely]] {
      fail(
          "leaf variable has been moved into the graph interior: a leaf that was used was written "
          "in place after requires_grad_(False). Write to a copy.",
          node->recorded_at());
    }
    // Frozen since it was used: only its hooks see the gradient.
    if (!hooked && !(flags & kRequiresGrad)) return;
  }
  if (!leaf.gradient.defined() && !hooked) return;
  if (leaf.gradient.defined()) {
    if (request_.accumulate && !same(leaf.gradient.sizes(), tensor.sizes())) {
      fail("backward: got a gradient of shape ", leaf.gradient.shape(),
           " for a leaf that has shape ", tensor.shape(),
           " now: it was given another shape (by .data = ... or set_) after it was used. Call "
           "backward before that, or autograd.grad, which returns the gradient as it is.");
    }
    if (leaf.gradient.dtype() != tensor.dtype()) {
      leaf.gradient = cast_gradient(leaf.gradient, tensor.dtype());
    }
  }
  if (hooked) [[unlikely]] {
    try {
      finish_hooked_leaf(leaf, tensor);
    } catch (...) {
      for (PassObserver* each = mode.observers; each; each = each->outer) each->failed(tensor);
      throw;
    }
  } else if (request_.accumulate) {
    accumulate_grad(tensor, std::move(leaf.gradient), request_.create_graph);
  } else {
    capture_leaf(leaf);
  }
}

void Pass::finish_hooked_leaf(Leaf& leaf, const Tensor& tensor) {
  // A hook may replace the hooks, the objects behind these pointers hold themselves.
  LeafHooks& hooks = *meta_of(tensor)->hooks;
  Tensor& gradient = leaf.gradient;
  if (hooks.tensor) hooks.tensor->run(gradient);
  if (!request_.accumulate) {
    capture_leaf(leaf);
    return;
  }
  const bool after = hooks.accumulator && hooks.accumulator->has_after();
  if (hooks.accumulator) hooks.accumulator->before({&gradient, 1});
  const Tensor arrived = after ? gradient : Tensor();
  if (gradient.defined() && tensor.requires_grad()) {
    accumulate_grad(tensor, std::move(gradient), request_.create_graph, after ? 2 : 1);
  }
  if (hooks.accumulated) {
    Tensor self = tensor;
    hooks.accumulated->run(self);
  }
  if (after && hooks.accumulator) hooks.accumulator->after({}, {&arrived, 1});
}

void Pass::apply_observed(Node& node, Call& call, std::span<const Tensor> given) {
  const std::span<const Tensor> arrived(&call.gradient(0),
                                        static_cast<std::size_t>(node.num_outputs()));
  for (PassObserver* each = mode.observers; each; each = each->outer) each->before(node, arrived);
  try {
    node.apply(call);
    for (PassObserver* each = mode.observers; each; each = each->outer) each->after(node, given);
  } catch (...) {
    for (PassObserver* each = mode.observers; each; each = each->outer) each->failed(node);
    throw;
  }
}

// A node whose results go through hooks, or are looked at, before they are given on.
void Pass::apply_with_hooks(const Step& step, bool any) {
  Node& node = *step.node;
  const auto outputs = static_cast<std::size_t>(node.num_outputs());
  NodeHooks* hooks = node.extra() ? node.extra()->hooks_of(level_) : nullptr;
  const bool after = hooks && hooks->has_after();
  std::vector<Tensor> arrived;
  if (after) {
    arrived.assign(slots_.data() + step.first_slot, slots_.data() + step.first_slot + outputs);
  }
  std::vector<Tensor> given(node.edges().size());
  if (any) {
    Call call(*this, step, given.data());
    if (mode.observers) {
      apply_observed(node, call, given);
    } else {
      node.apply(call);
    }
  }
  if (after) node.extra()->hooks_of(level_)->after(given, arrived);
  Call call(*this, step);
  for (std::size_t i = 0; i < given.size(); ++i) {
    const int input = static_cast<int>(i);
    if (given[i].defined() && call.wants(input)) call.give(input, std::move(given[i]));
  }
}

[[gnu::always_inline]] inline void Pass::run_step(std::size_t i) {
  Step& step = nodes_[i];
  Node& node = *step.node;
  Tensor* gradients = slots_.data() + step.first_slot;
  const int outputs = node.num_outputs();
  const bool walked = step.needed || step.captured;
  // torch takes the gradient of an input before its hooks run if the pass goes on from there.
  if (step.captured && step.needed) capture_node(i);
  if (node.extra() && walked) run_output_hooks(step);
  if (step.captured && !step.needed) capture_node(i);
  NodeHooks* hooks = node.extra() && step.needed ? node.extra()->hooks_of(level_) : nullptr;
  if (hooks) hooks->before({gradients, static_cast<std::size_t>(outputs)});
  const bool any =
      std::any_of(gradients, gradients + outputs, [](const Tensor& g) { return g.defined(); }) ||
      node.runs_on_zeros();
  if ((hooks && hooks->has_after()) || (mode.observers && step.needed)) {
    apply_with_hooks(step, any);
  } else if (step.needed && any) {
    Call call(*this, step);
    node.apply(call);
  }
  if (step.needed && !request_.retain_graph) {
    node.release_saved();
    node.freed_by = id_;
  }
  for (int k = 0; k < outputs; ++k) gradients[k] = Tensor();
}

std::vector<Tensor> Pass::run(std::span<const Tensor> seeds) {
  for (std::size_t k = 0; k < request_.roots.size(); ++k) {
    const Tensor& root = request_.roots[k];
    roots_.push_back(root.defined() ? Edge(root) : request_.root_edges[k]);
    level_ = std::max(level_, root.defined() ? std::bit_floor(root.raw_flags() & kAnyGrad)
                                             : hook_level(roots_.back().levels()));
  }
  find_nodes();
  order_nodes();
  note_last_uses();
  select_inputs();
  for (std::size_t k = 0; k < roots_.size(); ++k) {
    add_gradient(slot_of(roots_[k]), seeds[k], request_.create_graph);
  }
  if (!request_.retain_graph) note_freeing_pass(id_);
  KeptMode kept(request_.create_graph);
  const Activation here(this);
  for (Leaf& leaf : leaves_) {
    if (leaf.last < 0) finish_leaf(leaf);
    kept.put_back();
  }
  for (; done_ < nodes_.size(); ++done_) {
    Node* node = nodes_[done_].node;
    run_step(done_);
    kept.put_back();
    if (!leaves_.empty()) {
      for (const Edge& edge : node->edges()) {
        if (!edge || !edge.is_leaf()) continue;
        Leaf& leaf = leaves_[place_of(edge.leaf())];
        if (leaf.last != static_cast<std::int64_t>(done_)) continue;
        leaf.last = -1;  // another edge of the node may lead here too
        finish_leaf(leaf);
        kept.put_back();
      }
    }
    unmark(node);
  }
  for (std::size_t i = 0; i < at_end_.size(); ++i) {  // one may queue others
    std::exchange(at_end_[i], nullptr)();
    kept.put_back();
  }
  return request_.accumulate ? std::vector<Tensor>() : std::move(results_);
}

// A pass on this stack.
static std::vector<Tensor> run_here(const BackwardRequest& request) {
  if (request.accumulate && mode.depth && in_transform()) {
    fail(
        "backward() called inside a functorch transform. This is not supported, please use "
        "functorch.grad or functorch.vjp instead or call backward() outside of functorch "
        "transforms.");
  }
  for (const Tensor& root : request.roots) {
    if (root.defined()) refresh_history(root);
  }
  std::vector<Tensor> seeds;
  seeds.reserve(request.roots.size());
  for (std::size_t k = 0; k < request.roots.size(); ++k) {
    const Tensor& root = request.roots[k];
    seeds.push_back(root.defined() ? make_seed(root, request.seeds[k], k)
                                   : make_seed(request.root_edges[k], request.seeds[k], k));
  }
  for (const Tensor& input : request.inputs) {
    if (!input.defined()) continue;
    refresh_history(input);
    if (!input.requires_grad()) {
      fail(request.accumulate ? "can't retain_grad on Tensor that has requires_grad=False."
                              : "One of the differentiated Tensors does not require grad.",
           origin_of(input));
    }
    if (request.accumulate) retain_grad(input);
  }
  Pass pass(request);
  std::vector<Tensor> gradients = pass.run(seeds);
  if (mode.pass) return gradients;
  for (const Tensor& gradient : gradients) {
    if (!gradient.defined() || gradient.requires_grad()) continue;
    if (gradient.body()->origin == Origin::None) {
      note_origin(gradient, request.create_graph ? Origin::Constant : Origin::Gradient);
    }
  }
  return gradients;
}

std::vector<Tensor> run_backward(const BackwardRequest& request) {
  if (!mode.pass || !is_stack_full()) [[likely]] {
    return run_here(request);
  }
  std::vector<Tensor> gradients;
  run_on_other_stack([&] { gradients = run_here(request); });
  return gradients;
}

}  // namespace pullback
