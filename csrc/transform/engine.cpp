// See engine.h.  Start reading at Pass::run.
#include "transform/engine.h"

#include <algorithm>
#include <atomic>
#include <unordered_map>

#include "core/error.h"
#include "graph/meta.h"
#include "graph/mode.h"
#include "graph/node.h"
#include "graph/origin.h"
#include "graph/saved.h"
#include "kernels/elementwise.h"
#include "kernels/parallel.h"
#include "ops/arithmetic.h"
#include "ops/basic.h"
#include "ops/op.h"
#include "ops/rebase.h"
#include "transform/zero.h"

namespace pullback {
namespace {

std::atomic<std::uint32_t> next_pass{1};

// Nobody else can see the tensor or its memory, so it may be overwritten.
bool is_ours(const Tensor& t) {
  const TensorBody* body = t.body();
  constexpr std::uint32_t kShared = kBatched | kDual | kReadOnly | kAnyGrad;
  return body->refs.get() == 1 && body->storage->refs.get() == 1 && !(body->flags & kShared);
}

void add_into(const Tensor& sum, const Tensor& term) {
  const std::int64_t n = sum.numel();
  if (n == 0) return;
  if (sum.is_contiguous() && term.is_contiguous()) {
    const auto item = static_cast<std::int64_t>(item_size(sum.dtype()));
    if (n <= 16384) {
      kernels::binary_loop(kernels::Binary::Add, sum.dtype())(
          sum.bytes(), sum.bytes(), term.bytes(), item, item, item, n, nullptr);
      return;
    }
  }
  kernels::binary(kernels::Binary::Add, view_of(sum), view_of(sum), view_of(term));
}

void add_gradient(Tensor& slot, Tensor gradient, bool create_graph) {
  if (!slot.defined()) {
    slot = std::move(gradient);
  } else if (is_ours(slot) && !gradient.has(kBatched) && !gradient.has(kDual) &&
             !(create_graph && gradient.requires_grad()) && slot.dtype() == gradient.dtype() &&
             same(slot.sizes(), gradient.sizes())) {
    add_into(slot, gradient);
  } else {
    slot = add(slot, gradient);
  }
}

// Makes a pass the thread's active one for a scope.
class Activation {
 public:
  explicit Activation(ActivePass* pass) : outer_(std::exchange(mode.pass, pass)) {}
  ~Activation() { mode.pass = outer_; }
  Activation(const Activation&) = delete;
  Activation& operator=(const Activation&) = delete;

 private:
  ActivePass* outer_;
};

class Pass final : public ActivePass {
 public:
  explicit Pass(const BackwardRequest& request) : request_(request), id_(next_pass.fetch_add(1)) {}
  ~Pass() {
    for (std::size_t i = done_; i < nodes_.size(); ++i) unmark(nodes_[i].node);
    for (Leaf& leaf : leaves_) unmark(leaf.body);
  }
  Pass(const Pass&) = delete;
  Pass& operator=(const Pass&) = delete;

  std::uint64_t number() const override { return id_; }
  bool selects_inputs() const override { return !request_.inputs.empty(); }
  bool reaches(const Node& node) const override {
    if (!is_marked(&node)) return false;
    const Step& step = nodes_[place_of(&node)];
    return step.needed || step.captured;
  }
  bool reaches(const TensorBody& leaf) const override {
    return is_marked(&leaf) && leaves_[place_of(&leaf)].needed;
  }

  std::vector<Tensor> run(std::span<const Tensor> seeds);

 private:
  struct Step {
    Node* node;
    std::uint32_t first_slot = 0;
    bool needed = true;  // its inputs lead to a tensor that wants a gradient
    bool captured = false;
  };
  struct Leaf {
    TensorBody* body;
    Tensor gradient;
    std::int64_t last = -1;  // the step after which its gradient is complete
    bool needed = true;
  };
  struct Capture {
    bool leaf;
    std::uint32_t place;
    std::uint32_t output_nr;
    std::uint32_t input;
  };
  class Call;

  void find_nodes();
  void visit(const Edge& edge);
  void order_nodes();
  void note_last_uses();
  void select_inputs();
  void run_step(std::size_t i);
  void finish_leaf(Leaf& leaf);
  void finish_hooked_leaf(Leaf& leaf, const Tensor& tensor);
  void apply_with_hooks(const Step& step, bool any);
  void apply_observed(Node& node, Call& call, std::span<const Tensor> given);
  void capture_node(std::size_t i);
  void capture_leaf(const Leaf& leaf);
  void run_output_hooks(const Step& step);

  bool mark(PassMark& mark, const void* key, std::uint32_t place);
  bool is_elsewhere(const void* key) const { return !others_.empty() && others_.contains(key); }
  void unmark(Node* node);
  void unmark(TensorBody* leaf);
  std::uint32_t place_of(const Node* node) const {
    return node->mark.is(id_) ? node->mark.slot : others_.at(node);
  }
  std::uint32_t place_of(const TensorBody* leaf) const {
    const auto& meta = static_cast<const AutogradMeta&>(*leaf->meta);
    return meta.mark.is(id_) ? meta.mark.slot : others_.at(leaf);
  }
  bool is_marked(const Node* node) const { return node->mark.is(id_) || is_elsewhere(node); }
  bool is_marked(const TensorBody* leaf) const {
    const auto* meta = static_cast<const AutogradMeta*>(leaf->meta.get());
    return meta && (meta->mark.is(id_) || is_elsewhere(leaf));
  }
  Tensor& slot_of(const Edge& edge) {
    if (edge.is_leaf()) return leaves_[place_of(edge.leaf())].gradient;
    return slots_[nodes_[place_of(edge.node())].first_slot + edge.output_nr()];
  }
  bool is_needed(const Edge& edge) const {
    return edge.is_leaf()
               ? leaves_[place_of(edge.leaf())].needed
               : nodes_[place_of(edge.node())].needed || nodes_[place_of(edge.node())].captured;
  }

  const BackwardRequest& request_;
  const std::uint32_t id_;
  std::vector<Edge> roots_;
  std::vector<Step> nodes_;
  std::vector<Leaf> leaves_;
  std::vector<Tensor> slots_;
  std::vector<Node*> pending_;
  std::vector<Capture> captures_;
  std::vector<Tensor> results_;
  std::unordered_map<const void*, std::uint32_t> others_;  // places of what another pass holds
  std::size_t done_ = 0;
};

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

// What the table has was another pass's when it was first met, though it may be free by now.
bool Pass::mark(PassMark& mark, const void* key, std::uint32_t place) {
  if (mark.is(id_) || is_elsewhere(key)) return false;
  if (!mark.claim(id_, place)) others_.emplace(key, place);
  return true;
}

void Pass::unmark(Node* node) { node->mark.leave(id_); }

void Pass::unmark(TensorBody* leaf) { static_cast<AutogradMeta&>(*leaf->meta).mark.leave(id_); }

void Pass::visit(const Edge& edge) {
  if (!edge) return;
  if (edge.is_leaf()) {
    TensorBody* leaf = edge.leaf();
    const LeafLock lock(leaf);
    if (mark(make_meta(leaf).mark, leaf, static_cast<std::uint32_t>(leaves_.size()))) {
      leaves_.push_back({leaf, {}, -1, true});
    }
  } else {
    Node* node = edge.node();
    if (mark(node->mark, node, static_cast<std::uint32_t>(nodes_.size()))) {
      nodes_.push_back({node});
      pending_.push_back(node);
    }
  }
}

void Pass::find_nodes() {
  for (const Edge& root : roots_) visit(root);
  while (!pending_.empty()) {
    const Node* node = pending_.back();
    pending_.pop_back();
    for (const Edge& edge : node->edges()) visit(edge);
  }
}

void Pass::order_nodes() {
  const auto newer = [](const Step& a, const Step& b) {
    return a.node->sequence() > b.node->sequence();
  };
  if (!std::is_sorted(nodes_.begin(), nodes_.end(), newer)) {
    const auto [low, high] = std::minmax_element(nodes_.begin(), nodes_.end(), newer);
    const std::uint64_t newest = low->node->sequence();
    const std::uint64_t range = newest - high->node->sequence() + 1;
    if (range <= 8 * nodes_.size()) {
      // Sequence numbers are nearly dense: put every node at its number and close the gaps.
      std::vector<Step> ordered(range, Step{nullptr});
      for (const Step& step : nodes_) ordered[newest - step.node->sequence()] = step;
      std::erase_if(ordered, [](const Step& step) { return !step.node; });
      nodes_.swap(ordered);
    } else {
      std::sort(nodes_.begin(), nodes_.end(), newer);
    }
  }
  std::uint32_t slots = 0;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    Step& step = nodes_[i];
    const auto place = static_cast<std::uint32_t>(i);
    if (step.node->mark.is(id_)) {
      step.node->mark.slot = place;
    } else {
      others_[step.node] = place;
    }
    step.first_slot = slots;
    slots += static_cast<std::uint32_t>(step.node->num_outputs());
  }
  slots_.resize(slots);
}

void Pass::note_last_uses() {
  if (leaves_.empty()) return;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    for (const Edge& edge : nodes_[i].node->edges()) {
      if (edge && edge.is_leaf()) {
        leaves_[place_of(edge.leaf())].last = static_cast<std::int64_t>(i);
      }
    }
  }
}

void Pass::select_inputs() {
  if (request_.inputs.empty()) return;
  for (Step& step : nodes_) step.needed = false;
  for (Leaf& leaf : leaves_) leaf.needed = false;
  results_.resize(request_.inputs.size());
  for (std::size_t k = 0; k < request_.inputs.size(); ++k) {
    const Tensor& input = request_.inputs[k];
    const auto number = static_cast<std::uint32_t>(k);
    const Node* node = input.defined() ? node_of(input) : request_.input_edges[k].node();
    if (node) {
      if (!is_marked(node)) continue;
      nodes_[place_of(node)].captured = true;
      const std::uint32_t output_nr =
          input.defined() ? input.body()->output_nr : request_.input_edges[k].output_nr();
      if (!request_.accumulate) captures_.push_back({false, place_of(node), output_nr, number});
    } else if (is_marked(input.body())) {
      leaves_[place_of(input.body())].needed = true;
      if (!request_.accumulate) captures_.push_back({true, place_of(input.body()), 0, number});
    }
  }
  for (std::size_t i = nodes_.size(); i-- > 0;) {
    for (const Edge& edge : nodes_[i].node->edges()) {
      if (edge && is_needed(edge)) nodes_[i].needed = true;
    }
  }
}

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
    extra.outputs[k].hooks->run(slots_[step.first_slot + extra.outputs[k].output_nr]);
  }
  for (TensorBody* body : extra.retained) {
    const Tensor& gradient = slots_[step.first_slot + body->output_nr];
    if (!gradient.defined()) continue;
    Tensor& kept = make_meta(body).grad;
    kept = kept.defined() ? add(kept, gradient) : clone(gradient, MemoryFormat::Contiguous);
  }
}

void Pass::finish_leaf(Leaf& leaf) {
  if (!leaf.needed) return;
  // A leaf of a transform that has ended.
  if (request_.accumulate && (leaf.body->flags & kAnyGrad) > kRequiresGrad) return;
  const Tensor tensor(Ref<TensorBody>::share(leaf.body));
  const bool hooked = tensor.has(kHooked) && meta_of(tensor)->hooks;
  if (!leaf.gradient.defined() && !hooked) return;
  if (leaf.gradient.defined()) {
    if (!same(leaf.gradient.sizes(), tensor.sizes())) {
      fail("backward: got a gradient of shape ", leaf.gradient.shape(), " for a leaf of shape ",
           tensor.shape(), ". This is a defect of the derivative that made it, please report it.");
    }
    if (leaf.gradient.dtype() != tensor.dtype()) {
      leaf.gradient = cast(leaf.gradient, tensor.dtype());
    }
  }
  if (hooked) [[unlikely]] {
    finish_hooked_leaf(leaf, tensor);
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
  if (hooks.accumulator) hooks.accumulator->before({&gradient, 1});
  const Tensor arrived = hooks.accumulator ? gradient : Tensor();
  if (gradient.defined() && tensor.requires_grad()) {
    accumulate_grad(tensor, std::move(gradient), request_.create_graph);
  }
  if (hooks.accumulated) {
    Tensor self = tensor;
    hooks.accumulated->run(self);
  }
  if (hooks.accumulator && hooks.accumulator->has_after()) {
    hooks.accumulator->after({}, {&arrived, 1});
  }
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
  const bool after = node.extra() && node.extra()->hooks && node.extra()->hooks->has_after();
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
  if (after) node.extra()->hooks->after(given, arrived);
  Call call(*this, step);
  for (std::size_t i = 0; i < given.size(); ++i) {
    const int input = static_cast<int>(i);
    if (given[i].defined() && call.wants(input)) call.give(input, std::move(given[i]));
  }
}

void Pass::run_step(std::size_t i) {
  Step& step = nodes_[i];
  Node& node = *step.node;
  Tensor* gradients = slots_.data() + step.first_slot;
  const int outputs = node.num_outputs();
  const bool walked = step.needed || step.captured;
  // torch takes the gradient of an input before its hooks run if the pass goes on from there.
  if (step.captured && step.needed) capture_node(i);
  if (node.extra() && walked) run_output_hooks(step);
  if (step.captured && !step.needed) capture_node(i);
  NodeHooks* hooks = node.extra() && step.needed ? node.extra()->hooks.get() : nullptr;
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
  }
  find_nodes();
  order_nodes();
  note_last_uses();
  select_inputs();
  for (std::size_t k = 0; k < roots_.size(); ++k) {
    add_gradient(slot_of(roots_[k]), seeds[k], request_.create_graph);
  }
  if (!request_.retain_graph) note_freeing_pass(id_);
  const GradMode recording(request_.create_graph);
  const Activation here(this);
  for (Leaf& leaf : leaves_) {
    if (leaf.last < 0) finish_leaf(leaf);
  }
  for (; done_ < nodes_.size(); ++done_) {
    Node* node = nodes_[done_].node;
    run_step(done_);
    if (!leaves_.empty()) {
      for (const Edge& edge : node->edges()) {
        if (!edge || !edge.is_leaf()) continue;
        Leaf& leaf = leaves_[place_of(edge.leaf())];
        if (leaf.last != static_cast<std::int64_t>(done_)) continue;
        leaf.last = -1;  // another edge of the node may lead here too
        finish_leaf(leaf);
      }
    }
    unmark(node);
  }
  return request_.accumulate ? std::vector<Tensor>() : std::move(results_);
}

// `origin` makes the sentence that says where the root comes from.
template <typename Origin>
Tensor make_seed(Sizes sizes, DType dtype, const Tensor& given, std::size_t k, Origin origin) {
  if (!given.defined()) {
    if (count_elements(sizes) != 1) {
      fail("grad can be implicitly created only for scalar outputs. Got shape ", Dims(sizes),
           ": pass gradient= of that shape, or reduce with .sum() or .mean().", origin());
    }
    return Tensor::full(sizes, Scalar(1), dtype);
  }
  if (!same(given.sizes(), sizes)) {
    fail("Mismatch in shape: grad_output[", k, "] has a shape of torch.Size(", given.shape(),
         ") and output[", k, "] has a shape of torch.Size(", Dims(sizes), ").", origin());
  }
  return given.dtype() == dtype ? given : cast(given, dtype);
}

Tensor make_seed(const Tensor& root, const Tensor& given, std::size_t k) {
  if (!root.requires_grad()) {
    fail("element ", k, " of tensors does not require grad and does not have a grad_fn.",
         origin_of(root),
         root.body()->origin == Origin::None
             ? " No tensor that it was computed from requires a gradient: make the parameters with "
               "requires_grad=True."
             : "");
  }
  return make_seed(root.sizes(), root.dtype(), given, k, [&] { return origin_of(root); });
}

// What the output looked like is known when its node was reached through its tensor.
Tensor make_seed(const Edge& root, const Tensor& given, std::size_t k) {
  const Node& node = *root.node();
  if (node.extra()) {
    for (const OutputShape& shape : node.extra()->shapes) {
      if (shape.output_nr != root.output_nr()) continue;
      return make_seed(shape.sizes, shape.dtype, given, k, [&] { return node.recorded_at(); });
    }
  }
  check(given.defined(), "grad can be implicitly created only for scalar outputs. The shape of ",
        "output ", root.output_nr(), " of ", node.name(),
        " is not known. Pass a gradient for it, or make the edge by get_gradient_edge.");
  return given;
}

}  // namespace

std::vector<Tensor> run_backward(const BackwardRequest& request) {
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
    check(input.requires_grad(),
          request.accumulate ? "can't retain_grad on Tensor that has requires_grad=False."
                             : "One of the differentiated Tensors does not require grad.",
          origin_of(input));
    if (request.accumulate) retain_grad(input);
  }
  Pass pass(request);
  std::vector<Tensor> gradients = pass.run(seeds);
  if (!request.create_graph && !mode.pass) {
    for (const Tensor& gradient : gradients) {
      if (gradient.defined() && gradient.is_leaf() && gradient.body()->origin == Origin::None) {
        note_origin(gradient, Origin::Gradient);
      }
    }
  }
  return gradients;
}

// NOTE [Accumulation]
// The first gradient becomes .grad as it is when nobody else holds it and its layout is that of
// the tensor, otherwise a copy does.  Later ones are added in place, so that .grad stays the same
// object, unless a graph is being created: then .grad becomes a new tensor.  Threads that add to
// one leaf take turns.
void accumulate_grad(const Tensor& tensor, Tensor gradient, bool create_graph) {
  const kernels::KeepInterpreterLock whole;
  const LeafLock lock(tensor.body());
  AutogradMeta& meta = make_meta(tensor);
  if (!meta.grad.defined()) {
    const bool fits = is_dense(tensor.sizes(), tensor.strides())
                          ? same(gradient.strides(), tensor.strides()) || tensor.numel() <= 1
                          : gradient.is_contiguous();
    if (gradient.has(kBatched)) {
      meta.grad = gradient;
    } else if (create_graph) {
      meta.grad = fits ? gradient : clone(gradient);
    } else if (fits && is_ours(gradient)) {
      meta.grad = std::move(gradient);
    } else {
      Tensor copy = empty_strided_like(tensor, tensor.dtype());
      copy_values(copy, gradient);
      meta.grad = std::move(copy);
    }
  } else if (create_graph || meta.grad.has(kBatched) || gradient.has(kBatched)) {
    meta.grad = add(meta.grad, gradient);
  } else {
    add_into(meta.grad, gradient);
    meta.grad.bump_version();
  }
}

}  // namespace pullback
