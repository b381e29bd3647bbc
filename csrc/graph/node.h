// A node of the graph: one recorded operation.
//
// NOTE [Order]
// Nodes take a sequence number when they are made, an edge points only to an older node and never
// changes afterwards.  So falling sequence number is a topological order, and the backward pass
// needs neither dependency counts nor a queue (transform/engine.h).
//
// NOTE [Retiring]
// Dropping the last reference to the end of a long chain must not recurse: a node that dies while
// another one is being destroyed on this thread waits in a list, which the outermost destruction
// empties in a loop.
//
// Edges to leaves point to the tensor itself: a leaf needs no node.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/allocator.h"
#include "core/provenance.h"
#include "core/tensor.h"
#include "graph/hooks.h"
#include "graph/marks.h"
#include "graph/mode.h"
#include "graph/recipe.h"

namespace pullback {

class Node;

// An edge is made when the operands are up to date: what would be recorded now is younger than the
// node.  A place that forgets that is an error, never a wrong gradient.
void check_fresh(const Tensor& tensor);

// Where a gradient goes: to output `output_nr` of a node, to a leaf, or nowhere.
class Edge {
 public:
  Edge() = default;
  explicit Edge(const Tensor& tensor);
  Edge(Ref<Node> node, std::uint32_t output_nr);
  Edge(Edge&& other) noexcept
      : target_(std::exchange(other.target_, 0)), output_nr_(other.output_nr_) {}
  Edge& operator=(Edge&& other) noexcept {
    std::swap(target_, other.target_);
    std::swap(output_nr_, other.output_nr_);
    return *this;
  }
  Edge(const Edge& other);
  Edge& operator=(const Edge& other) { return *this = Edge(other); }
  ~Edge() {
    if (target_) drop();
  }

  explicit operator bool() const { return target_ != 0; }
  bool is_leaf() const { return target_ & kLeafTag; }
  TensorBody* leaf() const { return reinterpret_cast<TensorBody*>(target_ & ~kLeafTag); }
  Node* node() const { return is_leaf() ? nullptr : reinterpret_cast<Node*>(target_); }
  std::uint32_t output_nr() const { return output_nr_; }
  // The reverse levels of what it points to; see graph/level.h.
  std::uint32_t levels() const;

 private:
  static constexpr std::uintptr_t kLeafTag = 1;
  void drop() noexcept;

  std::uintptr_t target_ = 0;
  std::uint32_t output_nr_ = 0;
};

// Where an operand was cut off from its history, of a node that does not save it.
struct CutOperand {
  Origin origin;
  Provenance made;
};

// Side block for what few nodes have, made on demand.
struct NodeExtra {
  std::vector<LevelHooks> hooks;      // at most one of each level
  std::vector<OutputHooks> outputs;   // in order of registration
  std::vector<TensorBody*> retained;  // outputs whose gradient is kept (weak)
  std::vector<OutputShape> shapes;    // of outputs whose node somebody has asked for
  std::unique_ptr<Recipe> recipe;     // how to compute the outputs again
  std::unique_ptr<CutOperand> cut;    // the first such operand
  std::unique_ptr<NodeNotes> notes;
  void* handle = nullptr;  // the Python object while one exists (weak); owned by bind

  NodeHooks* hooks_of(std::uint32_t level) const {
    for (const LevelHooks& each : hooks) {
      if (each.level == level) return each.hooks.get();
    }
    return nullptr;
  }
};

class BackwardCall;
class SavedList;

class Node : public GraphNode {
 public:
  // Nodes are made by `make_node`, which takes memory for the whole object at once.
  explicit Node(int num_inputs, int num_outputs = 1)
      : num_edges_(static_cast<std::uint32_t>(num_inputs)),
        num_outputs_(static_cast<std::uint32_t>(num_outputs)),
        sequence_(take_number()) {
    if (num_edges_ <= kInlineEdges) {
      for (Edge& edge : inline_) new (&edge) Edge;
    } else {
      heap_ = new Edge[num_edges_];
    }
    memory::count(memory::Live::Nodes, 1);
  }
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  virtual ~Node();

  // "MulBackward0"
  virtual const char* name() const = 0;
  // Reads call.gradient(k) and calls call.give(i, gradient) for each input that wants one.
  virtual void apply(BackwardCall& call) = 0;
  // Whether it is applied also when no gradient arrived at any output.
  virtual bool runs_on_zeros() const { return false; }
  // Drops what was saved; a later apply raises "backward through the graph a second time".
  virtual void release_saved() noexcept {}
  virtual void list_saved(SavedList&) {}
  // Computes the results anew.  What is saved stands in for an undefined input; false when a value
  // is missing or the node cannot tell.
  virtual bool rerun(std::vector<Tensor>& /*inputs*/, std::vector<Tensor>& /*results*/) {
    return false;
  }
  virtual std::size_t object_bytes() const = 0;
  // The object of the layer above that the node owns and that may lead back to it, or null.
  virtual void* owned_object() const { return nullptr; }

  std::uint64_t sequence() const { return sequence_; }
  // What the next node that is made gets.
  static std::uint64_t next_number();
  int num_outputs() const { return num_outputs_; }
  std::span<const Edge> edges() const { return {edge_data(), num_edges_}; }
  const Edge& edge(int i) const { return edge_data()[i]; }
  void set_edge(int i, const Tensor& input) {
    if (!input.defined()) return;
    const std::uint32_t flags = input.raw_flags();
    if (!(flags & mode.record)) {
      if (flags & kFollowsBase) check_fresh(input);
      return;
    }
    levels_ |= flags & mode.record;
    new (&edge_data()[i]) Edge(input);  // it was empty
  }
  void set_edge(int i, Edge edge) {
    levels_ |= edge.levels();
    edge_data()[i] = std::move(edge);
  }
  // The reverse levels it belongs to, as bits of a tensor's flags; see graph/level.h.
  std::uint32_t levels() const { return levels_ ? levels_ : std::uint32_t{kRequiresGrad}; }
  bool wants(int i) const { return static_cast<bool>(edge_data()[i]); }
  // The edges of a new node in one go.  `recorded(i)` is called for each input that gets one;
  // true when one that gets none was cut off from its history.
  template <typename Inputs, typename Recorded>
  bool set_edges(const Inputs& inputs, Recorded recorded);

  const Provenance& where() const { return where_; }
  Provenance& where() { return where_; }
  NodeExtra* extra() const { return extra_.get(); }
  NodeExtra& make_extra() {
    if (!extra_) extra_ = std::make_unique<NodeExtra>();
    return *extra_;
  }
  // "Mul" of MulBackward0, for torch's messages.
  std::string operator_name() const;
  // " Recorded by MulBackward0 at file.py:12 in function." for messages.
  std::string recorded_at() const;

  PassMark mark;
  std::uint32_t freed_by = 0;  // the pass that dropped what was saved

 protected:
  void set_num_outputs(int count) { num_outputs_ = static_cast<std::uint32_t>(count); }
  // Gets edges, place and side block of a node with as many inputs that is being destroyed.
  void take_over(Node& dying) noexcept;

 private:
  void retire() noexcept final;
  static void drain_dead() noexcept;
  Edge* edge_data() { return num_edges_ <= kInlineEdges ? inline_ : heap_; }
  const Edge* edge_data() const { return num_edges_ <= kInlineEdges ? inline_ : heap_; }

  static std::uint64_t take_number() {
#if PULLBACK_ATOMIC_REFS
    return next_sequence_.fetch_add(1, std::memory_order_relaxed);
#else
    const std::uint64_t number = next_sequence_.load(std::memory_order_relaxed);
    next_sequence_.store(number + 1, std::memory_order_relaxed);
    return number;
#endif
  }

  static constexpr std::uint32_t kInlineEdges = 2;

  static std::atomic<std::uint64_t> next_sequence_;
  std::uint32_t num_edges_;
  std::uint32_t num_outputs_;
  std::uint32_t levels_ = 0;
  std::uint64_t sequence_;  // of a dead node in the list: the next one
  Provenance where_;
  std::unique_ptr<NodeExtra> extra_;
  union {
    Edge inline_[kInlineEdges];
    Edge* heap_;
  };
};

static_assert(sizeof(Node) <= 128, "the design's bound for a node with two inline edges");

// Tells the observers of the thread.
void show_recorded(Node& node);

// Makes a node in `bytes` bytes, with the place of the user's code in it.
template <typename T, typename... Args>
[[gnu::always_inline]] inline Ref<T> make_node_of(std::size_t bytes, Args&&... args) {
  void* block = memory::allocate(bytes);
  T* node;
  try {
    node = new (block) T(std::forward<Args>(args)...);
  } catch (...) {
    memory::deallocate(block, bytes);
    throw;
  }
  node->where().capture();
  Ref<T> made = Ref<T>::adopt(node);
  if (mode.observers) [[unlikely]]
    show_recorded(*made);
  return made;
}
template <typename T, typename... Args>
Ref<T> make_node(Args&&... args) {
  return make_node_of<T>(sizeof(T), std::forward<Args>(args)...);
}

// NOTE [Stale views] in core/tensor.h.
inline Node* raw_node_of(const Tensor& tensor) {
  return static_cast<Node*>(tensor.body()->raw_grad_fn.get());
}
inline Edge::Edge(const Tensor& tensor) : output_nr_(tensor.body()->raw_output_nr) {
  TensorBody* body = tensor.body();
  if (body->raw_flags & kFollowsBase) check_fresh(tensor);
  if (Node* node = raw_node_of(tensor)) {
    node->refs.increment();
    target_ = reinterpret_cast<std::uintptr_t>(node);
  } else {
    body->refs.increment();
    target_ = reinterpret_cast<std::uintptr_t>(body) | kLeafTag;
  }
}
inline Node* node_of(const Tensor& tensor) {
  refresh_history(tensor);
  return raw_node_of(tensor);
}
inline std::uint32_t output_nr_of(const Tensor& tensor) {
  refresh_history(tensor);
  return tensor.body()->raw_output_nr;
}

template <typename Inputs, typename Recorded>
inline bool Node::set_edges(const Inputs& inputs, Recorded recorded) {
  Edge* const edges = edge_data();
  const std::uint32_t record = mode.record;
  const int count = inputs.size();
  std::uint32_t levels = 0, others = 0;
  for (int i = 0; i < count; ++i) {
    const Tensor& input = inputs[i];
    if (!input.defined()) continue;
    const std::uint32_t flags = input.raw_flags();
    if (!(flags & record)) {
      if (flags & kFollowsBase) check_fresh(input);
      others |= flags;
      continue;
    }
    levels |= flags & record;
    new (edges + i) Edge(input);  // it was empty
    recorded(i);
  }
  levels_ |= levels;
  return others & kCut;
}

// Makes `output` result number `output_nr` of the node.
inline void set_history(const Tensor& output, Node* node, std::uint32_t output_nr = 0) {
  TensorBody* body = output.body();
  body->raw_grad_fn = Ref<GraphNode>::share(node);
  body->raw_output_nr = output_nr;
  body->raw_flags = (body->raw_flags & ~std::uint32_t{kAnyGrad}) | node->levels();
}
inline void drop_history(const Tensor& tensor) {
  tensor.body()->raw_grad_fn = nullptr;
  tensor.body()->raw_output_nr = 0;
  tensor.set(kAnyGrad, false);
}
// Makes `to` the result that `from` is, of the same node.
inline void copy_history(const Tensor& to, const Tensor& from) {
  Node* node = node_of(from);
  set_history(to, node, from.body()->raw_output_nr);
}

// The gradients that arrive at a node and the ones it gives away; the engine derives from it.
class BackwardCall {
 public:
  BackwardCall(Tensor* gradients, bool create_graph)
      : create_graph(create_graph), gradients_(gradients) {}

  // Undefined when nothing arrived, which stands for zeros.
  const Tensor& gradient(int output = 0) const { return gradients_[output]; }
  // Moves the gradient out: the caller may be its only owner then.
  Tensor take(int output = 0) { return std::move(gradients_[output]); }
  // True for an input whose gradient somebody waits for.
  virtual bool wants(int input) const = 0;
  // Hooks see all that is given, so what was computed anyhow is given, too.
  virtual bool is_watched() const { return false; }
  // An undefined gradient stands for zeros.
  virtual void give(int input, Tensor gradient) = 0;

  const bool create_graph;

 protected:
  ~BackwardCall() = default;
  Tensor* gradients_;
};

}  // namespace pullback
