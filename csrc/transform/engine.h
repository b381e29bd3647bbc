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

#include <span>
#include <vector>

#include "core/tensor.h"

namespace pullback {

struct BackwardRequest {
  std::span<const Tensor> roots;
  // One for each root; an undefined one stands for ones and needs a root with one element.
  std::span<const Tensor> seeds;
  bool retain_graph = false;
  bool create_graph = false;
  // When not empty only these tensors get gradients.  Those of non-leaves are kept from then on
  // when accumulating, as by retain_grad.
  std::span<const Tensor> inputs;
  // Add to .grad; otherwise the gradients of `inputs` are returned and .grad is left alone.
  bool accumulate = true;
};

// The gradients of `inputs` in their order, undefined for those that were not reached; empty when
// accumulating.
std::vector<Tensor> run_backward(const BackwardRequest& request);

// Adds to tensor.grad by the rules of NOTE [Accumulation] in engine.cpp.
void accumulate_grad(const Tensor& tensor, Tensor gradient, bool create_graph);

}  // namespace pullback
