// See node.h.
#include "graph/node.h"

#include "core/error.h"
#include "graph/mode.h"

namespace pullback {

thread_local constinit Mode mode{};

std::atomic<std::uint64_t> Node::next_sequence_{1};

void check_fresh(const Tensor& tensor) {
  const TensorBody* body = tensor.body();
  if (!body->has_stale_history()) return;
  // The base was in the graph of a transform that is over.
  const bool is_over = mode.depth == 0 && !(body->base->raw_flags & kRequiresGrad);
  if (is_over && body->storage->version == body->seen_by_history) return;
  fail("internal error: the history of a view is older than its memory. Please report it.");
}

Edge::Edge(Ref<Node> node, std::uint32_t output_nr)
    : target_(reinterpret_cast<std::uintptr_t>(node.release())), output_nr_(output_nr) {}

Edge::Edge(const Edge& other) : target_(other.target_), output_nr_(other.output_nr_) {
  if (!target_) return;
  if (is_leaf()) {
    leaf()->refs.increment();
  } else {
    node()->refs.increment();
  }
}

std::uint32_t Edge::levels() const {
  if (!target_) return 0;
  return is_leaf() ? leaf()->raw_flags & kAnyGrad : node()->levels();
}

void Edge::drop() noexcept {
  if (is_leaf()) {
    Ref<TensorBody>::adopt(leaf());
  } else {
    Ref<Node>::adopt(node());
  }
}

std::uint64_t Node::next_number() { return next_sequence_.load(std::memory_order_relaxed); }

Node::~Node() {
  if (num_edges_ <= kInlineEdges) {
    for (Edge& edge : inline_) edge.~Edge();
  } else {
    delete[] heap_;
  }
  memory::count(memory::Live::Nodes, -1);
}

void Node::take_over(Node& dying) noexcept {
  for (std::uint32_t i = 0; i < num_edges_; ++i) {
    edge_data()[i] = std::move(dying.edge_data()[i]);
  }
  num_outputs_ = dying.num_outputs_;
  levels_ = dying.levels_;
  std::swap(where_.code, dying.where_.code);
  std::swap(where_.offset, dying.where_.offset);
  extra_ = std::move(dying.extra_);
}

void Node::drain_dead() noexcept {
  while (Node* node = mode.dead) {
    mode.dead = reinterpret_cast<Node*>(node->sequence_);
    const std::size_t bytes = node->object_bytes();
    node->~Node();
    memory::deallocate(node, bytes);
  }
}

void Node::retire() noexcept {
  sequence_ = reinterpret_cast<std::uintptr_t>(mode.dead);
  mode.dead = this;
  if (mode.retiring) return;
  mode.retiring = true;
  drain_dead();
  mode.retiring = false;
}

std::string Node::operator_name() const {
  const std::string whole = name();
  return whole.substr(0, whole.rfind("Backward"));
}

void show_recorded(Node& node) {
  for (PassObserver* each = mode.observers; each; each = each->outer) each->recorded(node);
}

std::string Node::recorded_at() const {
  const std::string place = where_.describe();
  std::string text = std::string(" Recorded by ") + name();
  if (!place.empty()) text += " at " + place;
  return text + ".";
}

}  // namespace pullback
