// What an in-place write does to histories.
//
// NOTE [Rebasing]
// A recorded write into a tensor that is no view gives the tensor a new history: that of the
// result.  A write through a view changes its base: the base's new history is the node CopySlices,
// whose inputs are the base before the write and the result of the operation, and the view's is a
// view (AsStrided) of the new base.  Nodes that exist stay as they are (NOTE [Order]).
//
// The other views of the base learn of it late: a view notes the version of the memory that its
// history belongs to, and who reads the history or the tangents of a tensor gets those of a view
// made anew from the base's when the memory was written since (NOTE [Stale views] in
// core/tensor.h).  Edge refuses a stale view, so a place that went round that is an error and never
// a wrong gradient.
//
// A view and a base of which one got other memory (ops/exchange.h) know nothing of each other's
// writes: the view keeps the history that it has, and what would need a new one is refused.
#pragma once

#include "core/tensor.h"
#include "ops/op.h"

namespace pullback {

// Both, for who is about to compute with the tensor: the history only if that is recorded.
inline void refresh(const Tensor& tensor) {
  if (tensor.body()->is_up_to_date()) [[likely]]
    return;
  refresh_tangents(tensor);
  if (mode.grad) refresh_history(tensor);
}

// A view made without recording, in a transform around which nothing of its base is recorded now:
// it needs no history of what was written.
bool is_silent_inside(const Tensor& tensor);
// What is written into the tensor is recorded: it requires a gradient, or its base does.
bool joins_graph(const Tensor& target);
// Throws when a write into `target` cannot be recorded.
void check_rebase(const char* name, const Tensor& target);
// The tangent of what was written by user code, also for the tensor whose tangent it is a part of.
void rebase_tangent(const Tensor& target, int level, const Tensor& tangent);
// Gives `target`, whose memory holds the value of `result` already, the history and the tangent of
// `result`, which may be `target` itself with the history that the operator gave it.
void rebase(const Tensor& target, const Tensor& result);

}  // namespace pullback
