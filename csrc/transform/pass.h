// A pass under way: NOTE [Pass] in engine.h.  How it finds and orders its nodes is in pass.cpp, how
// it runs them in engine.cpp.
#pragma once

#include <unordered_map>
#include <vector>

#include "graph/meta.h"
#include "graph/node.h"
#include "transform/engine.h"

namespace pullback {

class Pass final : public ActivePass {
 public:
  explicit Pass(const BackwardRequest& request);
  ~Pass();
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

  void call_at_end(std::function<void()> function) override {
    at_end_.push_back(std::move(function));
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
    bool reached = true;  // by an edge to its present accumulator
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
  inline void run_step(std::size_t i);
  void finish_leaf(Leaf& leaf);
  void finish_hooked_leaf(Leaf& leaf, const Tensor& tensor);
  void apply_with_hooks(const Step& step, bool any);
  void apply_observed(Node& node, Call& call, std::span<const Tensor> given);
  void capture_node(std::size_t i);
  void capture_leaf(const Leaf& leaf);
  void run_output_hooks(const Step& step);

  // What the table has was another pass's when it was first met, though it may be free by now.
  bool mark(PassMark& mark, const void* key, std::uint32_t place) {
    if (mark.is(id_) || is_elsewhere(key)) return false;
    if (!mark.claim(id_, place)) [[unlikely]]
      others_.emplace(key, place);
    return true;
  }
  bool is_elsewhere(const void* key) const { return !others_.empty() && others_.contains(key); }
  void unmark(Node* node) { node->mark.leave(id_); }
  void unmark(TensorBody* leaf) { static_cast<AutogradMeta&>(*leaf->meta).mark.leave(id_); }
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
  // Whether it was made since the leaf has its accumulator: others count only when all leaves do.
  static bool is_present(const Edge& edge) {
    return edge.output_nr() == edge.leaf()->raw_output_nr;
  }
  bool is_needed(const Edge& edge) const {
    return edge.is_leaf()
               ? leaves_[place_of(edge.leaf())].needed && is_present(edge)
               : nodes_[place_of(edge.node())].needed || nodes_[place_of(edge.node())].captured;
  }

  const BackwardRequest& request_;
  const std::uint32_t id_;
  std::uint32_t level_ = 0;  // the innermost of the roots: NOTE [Hooks] in graph/hooks.h
  memory::Vector<Edge> roots_;
  memory::Vector<Step> nodes_;
  memory::Vector<Leaf> leaves_;
  memory::Vector<Tensor> slots_;
  memory::Vector<Node*> pending_;
  memory::Vector<Capture> captures_;
  std::vector<Tensor> results_;
  std::vector<std::function<void()>> at_end_;
  std::unordered_map<const void*, std::uint32_t> others_;  // places of what another pass holds
  std::size_t done_ = 0;
};

}  // namespace pullback
