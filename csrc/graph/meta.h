// Autograd metadata of a tensor, made when it is first needed.
#pragma once

#include <cstdint>
#include <memory>

#include "core/tensor.h"

namespace pullback {

// Hooks live above the graph: bind derives from this and the engine calls it.
class TensorHooks {
 public:
  virtual ~TensorHooks() = default;
  // May replace the gradient.
  virtual Tensor run(const Tensor& gradient) = 0;
};

// Ties a tensor that keeps its gradient to the node that made it; see transform/engine.h.
class TensorRetention {
 public:
  virtual ~TensorRetention() = default;
  // The tensor has got a new history.
  virtual void follow(const Tensor& tensor) = 0;
};

struct AutogradMeta final : TensorMeta {
  Tensor grad;
  std::unique_ptr<TensorHooks> hooks;
  std::unique_ptr<TensorRetention> retention;

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

inline const Tensor& tangent_of(const Tensor& tensor) {
  static const Tensor none;
  return tensor.has(kDual) ? meta_of(tensor)->tangent : none;
}

void set_tangent(const Tensor& tensor, Tensor tangent);

// Wraps [B, ...] as one tensor of shape [...].
Tensor make_batched(const Tensor& batch, int level);

}  // namespace pullback
