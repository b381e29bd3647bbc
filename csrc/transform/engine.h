// The backward pass.
//
// NOTE [Pass]
// A pass finds the nodes that can be reached from the roots, orders them by falling sequence number
// (NOTE [Order] in graph/node.h) and runs them in one loop over flat arrays.  While it lasts, a
// node holds the number of the pass and its place in the order; a node that another pass holds (a
// backward inside a hook, or one on another thread) is looked up in a side table instead.  A node's
// mark is taken away as soon as it has run: everything that points to it has run before.
//
// A leaf gets its whole gradient once, right after the last node that contributes to it.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "core/tensor.h"
#include "graph/node.h"

namespace pullback {

// The pass that runs on this thread (mode.pass), for hooks.
class ActivePass {
 public:
  // Of all passes of the process.
  virtual std::uint64_t number() const = 0;
  // Whether a gradient is going to arrive, or to be taken, there.
  virtual bool reaches(const Node& node) const = 0;
  virtual bool reaches(const TensorBody& leaf) const = 0;
  // Only some inputs get gradients.
  virtual bool selects_inputs() const = 0;
  // Is called when all gradients are there, after those that were queued before.
  virtual void call_at_end(std::function<void()> function) = 0;

 protected:
  ~ActivePass() = default;
};

struct BackwardRequest {
  std::span<const Tensor> roots;
  // An undefined root or input stands for the edge of the same number.
  std::span<const Edge> root_edges = {};
  // One for each root; an undefined one stands for ones and needs a root with one element.
  std::span<const Tensor> seeds;
  bool retain_graph = false;
  bool create_graph = false;
  // When not empty only these tensors get gradients.  Those of non-leaves are kept from then on
  // when accumulating, as by retain_grad.
  std::span<const Tensor> inputs;
  std::span<const Edge> input_edges = {};
  // Add to .grad; otherwise the gradients of `inputs` are returned and .grad is left alone.
  bool accumulate = true;
};

// The gradients of `inputs` in their order, undefined for those that were not reached; empty when
// accumulating.
std::vector<Tensor> run_backward(const BackwardRequest& request);

}  // namespace pullback
