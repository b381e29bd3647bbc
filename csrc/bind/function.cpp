// See function.h.  The type of contexts, and what autograd.Function is made of.
//
// The arithmetic of a call is in function_call.cpp, that of the backward pass in function_node.cpp.
#include "bind/function.h"

#include <string>
#include <utility>

#include "bind/collector.h"
#include "bind/function_call.h"
#include "bind/function_node.h"
#include "bind/guard.h"
#include "bind/hooks.h"
#include "bind/provenance.h"
#include "bind/tensor_type.h"
#include "core/error.h"
#include "graph/node.h"

namespace pullback::bind {
namespace {

PyContext* self_of(PyObject* object) { return reinterpret_cast<PyContext*>(object); }

PyObject* context_new(PyTypeObject* type, PyObject*, PyObject*) {
  return guarded([&] { return new_context(type); });
}

int context_traverse(PyObject* object, visitproc visit, void* arg) {
  const PyContext* self = self_of(object);
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(self->to_save);
  Py_VISIT(self->dirty);
  Py_VISIT(self->non_differentiable);
  Py_VISIT(self->for_forward);
  Py_VISIT(self->needs_input_grad);
  Py_VISIT(self->metadata);
  // Hooks of a node that the graph owns are visited from there; see NOTE [Cycles].
  FunctionNode* node = self->node();
  return node && !node->owns_context() ? visit_node(object, node, visit, arg) : 0;
}

int context_clear(PyObject* object) {
  PyContext* self = self_of(object);
  Py_CLEAR(self->to_save);
  Py_CLEAR(self->dirty);
  Py_CLEAR(self->non_differentiable);
  Py_CLEAR(self->for_forward);
  Py_CLEAR(self->needs_input_grad);
  Py_CLEAR(self->metadata);
  FunctionNode* node = self->node();
  if (node && !node->owns_context()) clear_hooks(*node);
  return 0;
}

// Whether tensors may hang on it, now or later.
bool may_hold_tensors(PyObject* value) {
  if (!PyTuple_Check(value)) return PyObject_IS_GC(value);
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(value); ++i) {
    if (PyObject_IS_GC(PyTuple_GET_ITEM(value, i))) return true;
  }
  return false;
}

// See NOTE [Contexts].
int context_setattro(PyObject* object, PyObject* name, PyObject* value) {
  PyContext* self = self_of(object);
  const int status = PyObject_GenericSetAttr(object, name, value);
  if (status != 0 || !value || !may_hold_tensors(value)) return status;
  const bool is_property = value == self->to_save || value == self->dirty ||
                           value == self->non_differentiable || value == self->for_forward ||
                           value == self->needs_input_grad;
  if (is_property) return status;
  watch_context(object);
  track_held(value);
  return status;
}

void context_dealloc(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  PyContext* self = self_of(object);
  PyObject_GC_UnTrack(object);
  forget_holder(object);
  context_clear(object);
  if (self->watched) owned_gone();
  if (FunctionNode* node = self->node()) node->forget_context();
  self->base.node.~Ref<Node>();
  self->base.leaf.~Tensor();
  type->tp_free(object);
  Py_DECREF(type);
}

template <PyObject* PyContext::* field>
PyObject* get_field(PyObject* self, void*) {
  PyObject* value = self_of(self)->*field;
  return Py_NewRef(value ? value : Py_None);
}

template <PyObject* PyContext::* field>
int set_field(PyObject* self, PyObject* value, void*) {
  Py_XINCREF(value);
  Py_XSETREF(self_of(self)->*field, value);
  return 0;
}

template <bool PyContext::* field>
int set_flag(PyObject* self, PyObject* value, void*) {
  return guarded_status([&] {
    check(ErrorKind::Type, value && PyBool_Check(value),
          "set_materialize_grads received an invalid combination of arguments - got (",
          value ? Py_TYPE(value)->tp_name : "", "), but expected (bool)");
    self_of(self)->*field = value == Py_True;
    return 0;
  });
}

bool is_set(PyObject* self, PyObject* name) {
  Owned function_class(
      PyObject_GetAttr(reinterpret_cast<PyObject*>(Py_TYPE(self)), function_names.forward_cls));
  return Owned(PyObject_GetAttr(function_class.get(), name)).get() == Py_True;
}

PyObject* saved_tensors(PyObject* self, void*) {
  return guarded([&]() -> PyObject* {
    PyContext* context = self_of(self);
    if (context->for_forward) return Py_NewRef(context->for_forward);
    FunctionNode* node = context->node();
    if (!node) return PyTuple_New(0);
    Owned tensors(node->saved_tensors());
    if (is_set(self, function_names.clear_saved_tensors_on_access)) node->release_on_access();
    return tensors.release();
  });
}

PyObject* saved_variables(PyObject* self, void* closure) {
  return guarded([&] {
    warn_user(PyExc_DeprecationWarning, "'saved_variables' is deprecated; use 'saved_tensors'");
    return saved_tensors(self, closure);
  });
}

PyObject* raw_saved_tensors(PyObject* self, void*) {
  return guarded([&] {
    FunctionNode* node = self_of(self)->node();
    return node ? node->raw_saved_tensors() : PyTuple_New(0);
  });
}

// While nothing is recorded it belongs to the ctx.
PyObject* context_metadata(PyObject* self, void*) {
  return guarded([&] {
    PyContext* context = self_of(self);
    if (context->node()) return notes_of(*context->node());
    if (!context->metadata) context->metadata = Owned(PyDict_New()).release();
    return Py_NewRef(context->metadata);
  });
}

PyObject* context_name(PyObject* self, PyObject*) {
  return PyUnicode_FromString(Py_TYPE(self)->tp_name);
}

PyObject* clear_saved(PyObject* self, PyObject*) {
  return guarded([&]() -> PyObject* {
    FunctionNode* node = self_of(self)->node();
    if (node && is_set(self, function_names.clear_saved_tensors_on_access))
      node->release_on_access();
    Py_RETURN_NONE;
  });
}

PyObject* always_true(PyObject*, void*) { Py_RETURN_TRUE; }

PyGetSetDef properties[] = {
    {"to_save", get_field<&PyContext::to_save>, set_field<&PyContext::to_save>,
     "What save_for_backward got.", nullptr},
    {"dirty_tensors", get_field<&PyContext::dirty>, set_field<&PyContext::dirty>,
     "What mark_dirty got.", nullptr},
    {"non_differentiable", get_field<&PyContext::non_differentiable>,
     set_field<&PyContext::non_differentiable>, "What mark_non_differentiable got.", nullptr},
    {"saved_for_forward", get_field<&PyContext::for_forward>, set_field<&PyContext::for_forward>,
     "What save_for_forward got.", nullptr},
    {"needs_input_grad", get_field<&PyContext::needs_input_grad>,
     set_field<&PyContext::needs_input_grad>, "For each argument whether it needs a gradient.",
     nullptr},
    {"materialize_grads", nullptr, set_flag<&PyContext::materialize>,
     "Whether zeros stand for gradients that did not arrive.", nullptr},
    {"_materialize_non_diff_grads", nullptr, set_flag<&PyContext::materialize_all>,
     "The same for results that are not differentiable.", nullptr},
    {"saved_tensors", saved_tensors, nullptr, "The tensors of save_for_backward.", nullptr},
    {"_raw_saved_tensors", raw_saved_tensors, nullptr,
     "The places where the node keeps them, for hooks of one tensor.", nullptr},
    {"saved_variables", saved_variables, nullptr, "The old name of saved_tensors.", nullptr},
    {"metadata", context_metadata, nullptr, "A dictionary for the user's notes.", nullptr},
    {"requires_grad", always_true, nullptr, "Always True.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

PyMethodDef methods[] = {
    {"name", context_name, METH_NOARGS, "The name of the operation."},
    {"maybe_clear_saved_tensors", clear_saved, METH_NOARGS,
     "Drops what was saved if the class says clear_saved_tensors_on_access."},
    {nullptr, nullptr, 0, nullptr},
};

// A result of a backward that was not recorded: differentiating it is an error.
class ErrorNode final : public Node {
 public:
  ErrorNode(std::string message, int count) : Node(count, count), message_(std::move(message)) {}
  const char* name() const override { return "Error"; }
  std::size_t object_bytes() const override { return sizeof(*this); }
  void apply(BackwardCall&) override { fail(message_, recorded_at()); }

 private:
  const std::string message_;
};

// _delayed_error(message, tensors): aliases whose node throws.
PyObject* delayed_error(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&] {
    check(ErrorKind::Type, n == 2 && PyUnicode_Check(args[0]) && PyTuple_Check(args[1]),
          "_delayed_error: expected a message and a tuple.");
    const char* message = PyUnicode_AsUTF8(args[0]);
    if (!message) throw_python();
    const Py_ssize_t count = PyTuple_GET_SIZE(args[1]);
    Ref<ErrorNode> node = make_node<ErrorNode>(message, static_cast<int>(count));
    Owned results(PyTuple_New(count));
    for (Py_ssize_t i = 0; i < count; ++i) {
      PyObject* item = PyTuple_GET_ITEM(args[1], i);
      if (is_tensor(item) && is_differentiable(unwrap(item).dtype())) {
        const Tensor leaf = unwrap(item).detach();
        leaf.set(kRequiresGrad, true);
        node->set_edge(static_cast<int>(i), leaf);
        const Tensor result = unwrap(item).detach();
        set_history(result, node.get(), static_cast<std::uint32_t>(i));
        PyTuple_SET_ITEM(results.get(), i, wrap(result));
      } else {
        PyTuple_SET_ITEM(results.get(), i, Py_NewRef(item));
      }
    }
    return results.release();
  });
}

// _set_function_defaults(Function, bind_arguments)
PyObject* set_defaults(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&]() -> PyObject* {
    check(ErrorKind::Type, n == 2, "_set_function_defaults: expected 2 arguments.");
    // The module keeps them for as long as the process lives.
    function_defaults.setup_context =
        Owned(PyObject_GetAttrString(args[0], "setup_context")).release();
    function_defaults.backward = Owned(PyObject_GetAttrString(args[0], "backward")).release();
    function_defaults.vjp = Owned(PyObject_GetAttrString(args[0], "vjp")).release();
    function_defaults.bind_arguments = Py_NewRef(args[1]);
    Py_RETURN_NONE;
  });
}

template <typename F>
PyCFunction fast(F* f) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(f));
}

PyMethodDef functions[] = {
    {"_apply_function", fast(apply_function), METH_FASTCALL | METH_KEYWORDS,
     "(cls, *args, **kwargs): what autograd.Function.apply does."},
    {"_delayed_error", fast(delayed_error), METH_FASTCALL,
     "(message, tensors): the same values; differentiating them is an error."},
    {"_set_function_defaults", fast(set_defaults), METH_FASTCALL,
     "(Function, bind_arguments): what a class has that overrides nothing."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

int init_function(PyObject* module) {
  struct Name {
    PyObject** place;
    const char* text;
  };
  FunctionNames& n = function_names;
  const Name names[] = {{&n.backward_cls, "_backward_cls"},
                        {&n.forward_cls, "_forward_cls"},
                        {&n.forward, "forward"},
                        {&n.setup_context, "setup_context"},
                        {&n.backward, "backward"},
                        {&n.vjp, "vjp"},
                        {&n.jvp, "jvp"},
                        {&n.boxed_grads_call, "boxed_grads_call"},
                        {&n.clear_saved_tensors_on_access, "clear_saved_tensors_on_access"}};
  for (const Name& name : names) {
    *name.place = PyUnicode_InternFromString(name.text);
    if (!*name.place) return -1;
  }
  PyType_Slot slots[] = {
      {Py_tp_new, reinterpret_cast<void*>(context_new)},
      {Py_tp_dealloc, reinterpret_cast<void*>(context_dealloc)},
      {Py_tp_repr, reinterpret_cast<void*>(PyBaseObject_Type.tp_repr)},
      {Py_tp_setattro, reinterpret_cast<void*>(context_setattro)},
      {Py_tp_traverse, reinterpret_cast<void*>(context_traverse)},
      {Py_tp_clear, reinterpret_cast<void*>(context_clear)},
      {Py_tp_getset, properties},
      {Py_tp_methods, methods},
      {0, nullptr},
  };
  PyType_Spec spec{"pullback._core._FunctionBase", sizeof(PyContext), 0,
                   Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, slots};
  PyObject* bases = PyTuple_Pack(1, node_type);
  if (!bases) return -1;
  PyObject* type = PyType_FromSpecWithBases(&spec, bases);
  Py_DECREF(bases);
  if (!type || PyModule_AddObjectRef(module, "_FunctionBase", type) < 0) return -1;
  Py_DECREF(type);
  return PyModule_AddFunctions(module, functions);
}

void watch_context(PyObject* context) {
  PyContext* self = self_of(context);
  if (!self->watched) owned_made();
  self->watched = true;
}

PyObject* context_of(const Node& node) {
  const auto* custom = dynamic_cast<const FunctionNode*>(&node);
  return custom ? reinterpret_cast<PyObject*>(custom->context()) : nullptr;
}

}  // namespace pullback::bind
