// Tensors that get other memory or another geometry while they stay the same objects: `x.data = y`,
// `set_`, `resize_`, `out=` of another shape, and the in-place views (`t_`, `squeeze_`, ...).
//
// A view and its base that no longer share their memory (TensorBody::shares_base) stay view and
// base, but a history cannot follow from one to the other: see NOTE [Rebasing].
#pragma once

#include "core/error.h"
#include "core/tensor.h"
#include "graph/meta.h"
#include "graph/mode.h"
#include "graph/node.h"
#include "ops/basic.h"
#include "ops/rebase.h"

namespace pullback {

// The same memory in a storage that has a version counter of its own (.data).
Ref<Storage> twin_storage(const Ref<Storage>& storage);

// Whether no other tensor has the memory of this one, nor anybody else.
bool is_sole_user(const Tensor& t);

// Makes `target` refer to the memory of `source` and share its version counter.
void replace_geometry(const Tensor& target, const Tensor& source);
// The same with a version counter that goes on counting as that of `target` did (`.data = source`).
void exchange_memory(const Tensor& target, const Tensor& source);
// Row-major in these sizes, in the same memory while that is large enough (resize_).
void resize_memory(const char* name, const Tensor& target, Sizes sizes);
// The same with the sizes of `result`, and its strides where it has no gaps (out=).
void resize_as(const char* name, const Tensor& target, const Tensor& result);

// Throws when the tensor, or the one of all examples that it stands for, cannot be changed.
void check_becomes(const char* name, const Tensor& x);
// Gives the tensor the geometry and the history of a view of itself; inside vmap the tensor of all
// examples, too.
void become(const Tensor& x, const Tensor& view);
// The tensor becomes a view of itself, which `make` makes.  What there is of a history and of
// tangents goes along in every mode: as it is, it would not fit the new geometry.
template <typename Make>
Tensor become_view(const char* name, const Tensor& x, Make make) {
  check_becomes(name, x);
  const GradMode record(mode.grad || (x.requires_grad() && !x.is_leaf()));
  const ForwardMode carry(mode.forward || x.is_dual());
  become(x, make());
  return x;
}

}  // namespace pullback
