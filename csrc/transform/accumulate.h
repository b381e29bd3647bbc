// Sums of gradients: on their way through a pass, and in .grad.
//
// NOTE [Accumulation]
// The engine writes only into buffers that nobody else can see (is_ours): not what a hook kept, a
// custom backward returned and holds, a caller passed or a graph saved, nor memory of NumPy's.  And
// .grad is a tensor that nothing but the leaf holds when it is made.
//
// So the first gradient becomes .grad when nobody else holds it and its layout is that of the leaf,
// otherwise a copy does.  Later ones are added in place, so that .grad stays the same object.
// While a graph is created the first one is always copied, which is recorded, and the sum with a
// later one is a new tensor.  Hooks behind the accumulation see what was taken over, as in torch.
// Threads that add to one leaf take turns.
#pragma once

#include "core/tensor.h"

namespace pullback {

namespace detail {
void add_to_slot(Tensor& slot, const Tensor& gradient, bool create_graph);
}

// Adds what a node gives to what has arrived already.
inline void add_gradient(Tensor& slot, Tensor gradient, bool create_graph) {
  if (!slot.defined()) {
    slot = std::move(gradient);
  } else {
    detail::add_to_slot(slot, gradient, create_graph);
  }
}

// Adds to tensor.grad.  `holders` is how many references to the gradient the engine has.
void accumulate_grad(const Tensor& tensor, Tensor gradient, bool create_graph,
                     std::uint32_t holders = 1);

}  // namespace pullback
