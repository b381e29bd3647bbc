// What hooks look like from below: bind derives from these classes and the engine calls them.
//
// NOTE [Hooks]
// Hooks of a non-leaf belong to (node, output number), so they stay with the node when an in-place
// operation gives the tensor a new one; hooks of a leaf belong to the tensor.  The order at a node
// is torch's: hooks of its outputs, kept gradients, hooks before it, the node, hooks after it.  At
// a leaf: hooks of the tensor, hooks before the accumulation, the accumulation, hooks of the
// accumulated gradient, hooks after it.  A gradient that did not arrive is undefined and reaches
// the hooks all the same.
//
// Nested transforms share one graph (NOTE [Levels] in graph/level.h), so a node is run by the
// passes of several of them.  A hook belongs to the innermost reverse level that its tensor, or
// node, depended on when it was registered, and only the passes whose roots have that level for
// their innermost one run it: what it gave is part of what the outer ones differentiate.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/tensor.h"

namespace pullback {

class Node;

class TensorHooks {
 public:
  virtual ~TensorHooks() = default;
  // May replace the gradient.
  virtual void run(Tensor& gradient) = 0;
};

class NodeHooks {
 public:
  virtual ~NodeHooks() = default;
  // May replace the gradients that arrived at the node's outputs.
  virtual void before(std::span<Tensor> arrived) = 0;
  // Only a node with hooks after it pays for keeping both sides.
  virtual bool has_after() const = 0;
  // May replace the gradients that the node gives to its inputs.
  virtual void after(std::span<Tensor> given, std::span<const Tensor> arrived) = 0;
};

// What hangs on a node beside its hooks: the user's notes, and what anomaly mode noted.
class NodeNotes {
 public:
  virtual ~NodeNotes() = default;
};

// Sees every node that a pass on this thread applies, or that is recorded; they form a list that
// starts at mode.observers.
class PassObserver {
 public:
  virtual ~PassObserver() = default;
  virtual void before(Node& /*node*/, std::span<const Tensor> /*arrived*/) {}
  // `given` is what the node gives to its inputs; it may throw.
  virtual void after(Node& node, std::span<const Tensor> given) = 0;
  // The exception that the node threw is in flight.
  virtual void failed(Node& /*node*/) noexcept {}
  // The same of a leaf: one of its hooks threw.
  virtual void failed(const Tensor& /*leaf*/) noexcept {}
  virtual void recorded(Node& /*node*/) {}
  PassObserver* outer = nullptr;
};

struct OutputHooks {
  std::uint32_t output_nr;
  std::uint32_t level;  // a bit, as those in a tensor's flags
  std::unique_ptr<TensorHooks> hooks;
};

struct LevelHooks {
  std::uint32_t level;
  std::unique_ptr<NodeHooks> hooks;
};

// What became of an output: its tensor may be gone.
struct OutputShape {
  std::uint32_t output_nr;
  Dims sizes;
  DType dtype;
};

// Of a leaf; the tensor has the flag kHooked.
struct LeafHooks {
  std::unique_ptr<TensorHooks> tensor;
  std::unique_ptr<NodeHooks> accumulator;
  std::unique_ptr<TensorHooks> accumulated;  // gets the leaf, may not replace it
  std::unique_ptr<NodeNotes> notes;
};

}  // namespace pullback
