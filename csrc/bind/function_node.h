// The node of a custom function; see NOTE [Contexts] in function.h.
//
// It has an edge for each argument that is a tensor, as in torch, and remembers sizes and dtypes of
// arguments and results: a gradient that was returned must fit its argument, one that did not
// arrive is replaced by zeros.
#pragma once

#include <Python.h>

#include <vector>

#include "bind/graph_objects.h"
#include "core/shape.h"
#include "graph/node.h"
#include "graph/saved.h"

namespace pullback::bind {

class FunctionNode;

// The Python object ctx.  `base.node` is its node, or nothing when nothing is recorded; it counts
// as a reference only if the node does not own the ctx.
struct PyContext {
  PyNode base;
  PyObject* to_save;
  PyObject* dirty;
  PyObject* non_differentiable;
  PyObject* for_forward;
  PyObject* needs_input_grad;
  PyObject* metadata;  // while there is no node
  bool materialize;
  bool materialize_all;  // also for results that are not differentiable
  bool watched;          // the user may hang tensors on it; see NOTE [Cycles]

  FunctionNode* node() const;
};

struct Shape {
  Dims sizes;
  DType dtype = DType::Float32;
  bool is_tensor = false;
  bool differentiable = false;  // of a result
  bool got_none = false;        // of an argument: in the last pass, though a gradient was wanted

  Shape() = default;
  explicit Shape(const Tensor& t) : sizes(t.sizes()), dtype(t.dtype()), is_tensor(true) {}
};

class FunctionNode final : public Node {
 public:
  // Owns the context from now on.
  FunctionNode(PyObject* context, int num_tensors);
  ~FunctionNode() override;

  const char* name() const override;
  void apply(BackwardCall& call) override;
  bool runs_on_zeros() const override { return true; }
  void release_saved() noexcept override;
  void list_saved(SavedList& list) override;
  std::size_t object_bytes() const override { return sizeof(*this); }
  void* owned_object() const override { return owns_ ? context_ : nullptr; }

  PyContext* context() const { return context_; }
  bool owns_context() const { return owns_; }
  // The context is dying.
  void forget_context() noexcept { context_ = nullptr; }

  // The results are there: what is missing from now on is what is saved.
  void set_results(std::vector<Shape> results);
  void save(PyObject* tensors);
  // Throws after the release, and for a value that was overwritten.
  PyObject* saved_tensors() const;
  PyObject* raw_saved_tensors();
  // For classes with clear_saved_tensors_on_access.
  void release_on_access() noexcept;

  // The inputs to which the user's backward gave None in the last pass.
  std::vector<int> got_none() const;

  std::vector<Shape> arguments;

 private:
  void check_saved() const;
  PyObject* call_backward(BackwardCall& call);
  // For messages: where it was recorded, and where its backward is defined.
  std::string origin() const;

  PyContext* context_;
  bool owns_ = true;
  bool released_ = false;
  bool accessed_ = false;
  std::vector<Shape> results_;
  std::vector<SavedInput> saved_;
};

inline FunctionNode* PyContext::node() const { return static_cast<FunctionNode*>(base.node.get()); }

// The attributes of autograd.Function that the user's class did not override.
struct FunctionDefaults {
  PyObject* setup_context;
  PyObject* backward;
  PyObject* vjp;
  PyObject* bind_arguments;  // (forward, args, kwargs, separate) -> args
};
extern FunctionDefaults function_defaults;

// Attributes that are looked up at every call, as interned strings.
struct FunctionNames {
  PyObject *backward_cls, *forward_cls, *forward, *setup_context, *backward, *vjp, *jvp,
      *boxed_grads_call, *clear_saved_tensors_on_access;
};
extern FunctionNames function_names;

}  // namespace pullback::bind
