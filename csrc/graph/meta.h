// Autograd metadata of a tensor, made when it is first needed.
#pragma once

#include <cstdint>
#include <memory>

#include "core/tensor.h"
#include "graph/hooks.h"

namespace pullback {

// Ties a tensor that keeps its gradient to the node that made it.
class Retention;

struct AutogradMeta final : TensorMeta {
  AutogradMeta();
  ~AutogradMeta() override;

  Tensor grad;
  std::unique_ptr<LeafHooks> hooks;
  std::unique_ptr<Retention> retention;

  // The Python object AccumulateGrad of a leaf while one exists (weak); owned by bind.
  void* accumulator = nullptr;

  // Forward mode (kDual): the derivative of this tensor along the seeded direction.
  Tensor tangent;

  // Batching (kBatched): the tensor of all examples, the batch being its dimension 0, and the
  // nesting depth of the transform that made it.
  Tensor batch;
  int level = 0;

  // Of a leaf: the pass that walks it and the place it gave it; see transform/engine.h.
  std::uint32_t pass = 0;
  std::uint32_t slot = 0;
};

inline AutogradMeta* meta_of(const Tensor& tensor) {
  return static_cast<AutogradMeta*>(tensor.body()->meta.get());
}

inline AutogradMeta& make_meta(TensorBody* body) {
  if (!body->meta) body->meta = std::make_unique<AutogradMeta>();
  return static_cast<AutogradMeta&>(*body->meta);
}
inline AutogradMeta& make_meta(const Tensor& tensor) { return make_meta(tensor.body()); }

// Keeps the gradient of a non-leaf in its .grad.
void retain_grad(const Tensor& tensor);
// Called when the history of a tensor was replaced: what it keeps is from now on the gradient that
// arrives at its new node.  Hooks stay with the old one.
void move_retention(const Tensor& tensor);

inline const Tensor& tangent_of(const Tensor& tensor) {
  static const Tensor none;
  return tensor.has(kDual) ? meta_of(tensor)->tangent : none;
}

void set_tangent(const Tensor& tensor, Tensor tangent);

// Wraps [B, ...] as one tensor of shape [...].
Tensor make_batched(const Tensor& batch, int level);

}  // namespace pullback
