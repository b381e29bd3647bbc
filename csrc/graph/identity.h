// A node that gives every gradient on as it is.
#pragma once

#include "graph/node.h"

namespace pullback {

// Input i and output i belong together.
class IdentityNode final : public Node {
 public:
  IdentityNode(const char* name, int count) : Node(count, count), name_(name) {}
  const char* name() const override { return name_; }
  std::size_t object_bytes() const override { return sizeof(*this); }
  void apply(BackwardCall& call) override {
    for (int i = 0; i < num_outputs(); ++i) {
      if (call.wants(i)) call.give(i, call.take(i));
    }
  }
  bool rerun(std::vector<Tensor>& inputs, std::vector<Tensor>& results) override {
    for (const Tensor& input : inputs) {
      if (!input.defined()) return false;
    }
    results = inputs;
    return true;
  }

 private:
  const char* name_;
};

// Stands before `target`, for a tensor that is to count as the one the edge belongs to.
inline Ref<Node> make_identity(const Edge& target) {
  Ref<IdentityNode> node = make_node<IdentityNode>("AliasBackward0", 1);
  node->set_edge(0, target);
  return Ref<Node>::adopt(node.release());
}

}  // namespace pullback
