// See graph_objects.h.  Every node name is a Python type of its own, made on first sight, as in
// torch, so that `type(x.grad_fn).__name__` and repr read the same.
#include "bind/graph_objects.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "bind/collector.h"
#include "bind/convert.h"
#include "bind/function.h"
#include "bind/guard.h"
#include "bind/hooks.h"
#include "bind/overrides.h"
#include "bind/profile.h"
#include "bind/saved_names.h"
#include "bind/saved_tensors.h"
#include "bind/tensor_type.h"
#include "bind/types.h"
#include "graph/meta.h"
#include "graph/mode.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/rebase.h"
#include "transform/engine.h"

namespace pullback::bind {

PyTypeObject* node_type = nullptr;

namespace {

PyNode* self_of(PyObject* object) { return reinterpret_cast<PyNode*>(object); }

void node_dealloc(PyObject* object) {
  PyNode* self = self_of(object);
  PyTypeObject* type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  forget_holder(object);
  if (self->node && self->node->extra()) self->node->extra()->handle = nullptr;
  if (self->leaf.defined() && meta_of(self->leaf)) meta_of(self->leaf)->accumulator = nullptr;
  self->node.~Ref<Node>();
  self->leaf.~Tensor();
  type->tp_free(object);
  Py_DECREF(type);
}

int node_traverse(PyObject* object, visitproc visit, void* arg) {
  const PyNode* self = self_of(object);
  Py_VISIT(Py_TYPE(object));
  return self->node ? visit_node(object, self->node.get(), visit, arg)
                    : visit_body(object, self->leaf.body(), true, visit, arg);
}

int node_clear(PyObject* object) {
  PyNode* self = self_of(object);
  if (self->node) {
    clear_hooks(*self->node);
  } else {
    clear_hooks(self->leaf);
  }
  return 0;
}

// <MulBackward0 object at 0x7f3c>, without the module, as in PyTorch.
PyObject* node_repr(PyObject* object) {
  const char* name = Py_TYPE(object)->tp_name;
  const char* dot = std::strrchr(name, '.');
  return PyUnicode_FromFormat("<%s object at %p>", dot ? dot + 1 : name, object);
}

// Collects what a node gives outside of a pass.
class DirectCall final : public BackwardCall {
 public:
  DirectCall(Node& node, std::span<Tensor> gradients)
      : BackwardCall(gradients.data(), mode.grad), given(node.edges().size()), node_(node) {}
  bool wants(int input) const override { return node_.wants(input); }
  void give(int input, Tensor gradient) override {
    Tensor& place = given[static_cast<std::size_t>(input)];
    place = place.defined() && gradient.defined() ? add(place, gradient) : std::move(gradient);
  }

  std::vector<Tensor> given;

 private:
  Node& node_;
};

// node(*gradients): what it gives to its inputs, without hooks, as in torch.
PyObject* node_call(PyObject* self, PyObject* args, PyObject* kwargs) {
  return guarded([&] {
    const Ref<Node> node = self_of(self)->node;
    check(ErrorKind::Type, !kwargs || PyDict_GET_SIZE(kwargs) == 0,
          "keyword arguments are not supported");
    const Py_ssize_t expected = node ? node->num_outputs() : 1;
    check(ErrorKind::Type, PyTuple_GET_SIZE(args) == expected, "expected ", expected,
          " arguments, got ", PyTuple_GET_SIZE(args), " instead");
    std::vector<Tensor> gradients;
    for (Py_ssize_t i = 0; i < expected; ++i) {
      PyObject* item = PyTuple_GET_ITEM(args, i);
      check(ErrorKind::Type, item == Py_None || is_tensor(item), "argument ", i,
            " is not a Variable");
      gradients.push_back(item == Py_None ? Tensor() : unwrap(item));
    }
    if (!node) {
      if (gradients[0].defined()) {
        const Tensor leaf = self_of(self)->leaf;
        run_backward({.roots = {&leaf, 1}, .seeds = gradients, .inputs = {}, .accumulate = true});
      }
      return PyTuple_New(0);
    }
    DirectCall call(*node, gradients);
    const bool any = std::any_of(gradients.begin(), gradients.end(),
                                 [](const Tensor& gradient) { return gradient.defined(); });
    if (any) node->apply(call);
    const std::vector<int> shown = shown_inputs(*node);
    Owned result(PyTuple_New(static_cast<Py_ssize_t>(shown.size())));
    for (std::size_t i = 0; i < shown.size(); ++i) {
      Tensor given = shown[i] < 0 ? Tensor() : call.given[static_cast<std::size_t>(shown[i])];
      PyTuple_SET_ITEM(result.get(), static_cast<Py_ssize_t>(i), wrap(std::move(given)));
    }
    if (shown.size() != 1) return result.release();
    return Py_NewRef(PyTuple_GET_ITEM(result.get(), 0));
  });
}

PyTypeObject* type_named(const char* name) {
  static auto* types = new std::map<std::string, PyTypeObject*>;
  PyTypeObject*& type = (*types)[name];
  if (!type) {
    PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(node_dealloc)},
                           {Py_tp_call, reinterpret_cast<void*>(node_call)},
                           {Py_tp_traverse, reinterpret_cast<void*>(node_traverse)},
                           {Py_tp_clear, reinterpret_cast<void*>(node_clear)},
                           {0, nullptr}};
    const auto* full_name = new std::string(std::string("pullback.autograd.graph.") + name);
    PyType_Spec spec{full_name->c_str(), sizeof(PyNode), 0,
                     Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                     slots};
    Owned bases(PyTuple_Pack(1, node_type));
    PyObject* made = PyType_FromSpecWithBases(&spec, bases.get());
    if (!made) throw_python();
    type = reinterpret_cast<PyTypeObject*>(made);
  }
  return type;
}

PyObject* new_node_object(const char* name) {
  PyTypeObject* type = type_named(name);
  PyObject* object = type->tp_alloc(type, 0);
  if (!object) throw_python();
  new (&self_of(object)->node) Ref<Node>;
  new (&self_of(object)->leaf) Tensor;
  return object;
}

PyObject* wrap_accumulator(TensorBody* leaf) {
  AutogradMeta& meta = make_meta(leaf);
  if (meta.accumulator) return Py_NewRef(static_cast<PyObject*>(meta.accumulator));
  PyObject* object = new_node_object("AccumulateGrad");
  self_of(object)->leaf = Tensor(Ref<TensorBody>::share(leaf));
  meta.accumulator = object;
  return object;
}

PyObject* node_name(PyObject* self, PyObject*) {
  const PyNode* node = self_of(self);
  if (!node->node) return PyUnicode_FromString("torch::autograd::AccumulateGrad");
  const std::string_view name = node->node->name();
  // Nodes that torch writes by hand say their namespace.
  const bool by_hand = name == "CopySlices" || name == "CopyBackwards" || name == "Error" ||
                       name == "Identity" || name == "NotImplemented";
  return PyUnicode_FromFormat("%s%s", by_hand ? "torch::autograd::" : "", name.data());
}

// Pairs of target and output number; `all` also for inputs that torch does not know.
template <bool all>
PyObject* next_functions(PyObject* self, void*) {
  return guarded([&] {
    const Ref<Node>& node = self_of(self)->node;
    std::vector<int> shown;
    if (node && !all) shown = shown_inputs(*node);
    for (int i = 0; all && node && i < static_cast<int>(node->edges().size()); ++i) {
      shown.push_back(i);
    }
    Owned result(PyTuple_New(static_cast<Py_ssize_t>(shown.size())));
    for (std::size_t i = 0; i < shown.size(); ++i) {
      const Edge edge = shown[i] < 0 ? Edge() : node->edge(shown[i]);
      Owned target = !edge            ? Owned::share(Py_None)
                     : edge.is_leaf() ? Owned(wrap_accumulator(edge.leaf()))
                                      : Owned(wrap_node(Ref<Node>::share(edge.node())));
      PyObject* pair = Py_BuildValue("(OI)", target.get(), edge.node() ? edge.output_nr() : 0u);
      if (!pair) throw_python();
      PyTuple_SET_ITEM(result.get(), static_cast<Py_ssize_t>(i), pair);
    }
    return result.release();
  });
}

PyObject* sequence_number(PyObject* self, PyObject*) {
  const PyNode* node = self_of(self);
  if (!node->node) return PyLong_FromUnsignedLongLong(UINT64_MAX);
  return PyLong_FromUnsignedLongLong(node->node->sequence());
}

PyObject* node_variable(PyObject* self, void*) {
  return guarded([&]() -> PyObject* {
    if (!self_of(self)->leaf.defined()) {
      PyErr_Format(PyExc_AttributeError, "'%s' object has no attribute 'variable'",
                   Py_TYPE(self)->tp_name);
      throw_python();
    }
    return wrap(self_of(self)->leaf);
  });
}

PyObject* recorded_at(PyObject* self, void*) {
  return guarded([&]() -> PyObject* {
    const PyNode* node = self_of(self);
    const std::string place = node->node ? node->node->where().describe() : "";
    if (place.empty()) Py_RETURN_NONE;
    return PyUnicode_FromString(place.c_str());
  });
}

// What the user hangs on a node; lives as long as the node.
PyObject* node_metadata(PyObject* self, void*) {
  return guarded([&] {
    const PyNode* node = self_of(self);
    return node->node ? notes_of(*node->node) : notes_of(node->leaf);
  });
}

template <bool before>
PyObject* register_hook(PyObject* self, PyObject* function) {
  return guarded([&] {
    const PyNode* node = self_of(self);
    return node->node ? register_node_hook(*node->node, function, before)
                      : register_node_hook(node->leaf, function, before);
  });
}

// `_saved_self` and its like are looked up when nothing else has the name.
PyObject* node_getattro(PyObject* self, PyObject* name) {
  PyObject* found = PyObject_GenericGetAttr(self, name);
  if (found || !self_of(self)->node || !PyErr_ExceptionMatches(PyExc_AttributeError)) return found;
  PyObject *type, *value, *trace;
  PyErr_Fetch(&type, &value, &trace);
  found = guarded([&] {
    const char* text = PyUnicode_AsUTF8(name);
    if (!text) throw_python();
    return saved_attribute(*self_of(self)->node, text);
  });
  if (found || PyErr_Occurred()) {
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(trace);
  } else {
    PyErr_Restore(type, value, trace);
  }
  return found;
}

PyObject* node_dir(PyObject* self, PyObject*) {
  return guarded([&] {
    Owned names(
        PyObject_CallMethod(reinterpret_cast<PyObject*>(&PyBaseObject_Type), "__dir__", "O", self));
    if (!self_of(self)->node) return names.release();
    const Owned saved(saved_names(*self_of(self)->node));
    return PySequence_Concat(names.get(), saved.get());
  });
}

// Pairs of shape and dtype, None for an output that nobody has looked at.
PyObject* input_metadata(PyObject* self, void*) {
  return guarded([&] {
    const PyNode* node = self_of(self);
    const bool leaf = node->leaf.defined();
    Owned result(PyTuple_New(leaf ? 1 : node->node->num_outputs()));
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(result.get()); ++i) {
      PyTuple_SET_ITEM(result.get(), i, Py_NewRef(Py_None));
    }
    const auto put = [&](std::uint32_t i, Sizes sizes, DType dtype) {
      PyObject* pair = Py_BuildValue("(NN)", wrap_sizes(sizes), wrap_dtype(dtype));
      if (!pair || PyTuple_SetItem(result.get(), i, pair) < 0) throw_python();
    };
    if (leaf) {
      put(0, node->leaf.sizes(), node->leaf.dtype());
    } else if (const NodeExtra* extra = node->node->extra()) {
      for (const OutputShape& each : extra->shapes) put(each.output_nr, each.sizes, each.dtype);
    }
    return result.release();
  });
}

PyObject* accumulator(PyObject*, PyObject* tensor) {
  return guarded([&] {
    check(ErrorKind::Type, is_tensor(tensor) && unwrap(tensor).is_leaf(), "_accumulator: got ",
          Py_TYPE(tensor)->tp_name, ", expected a leaf.");
    return wrap_accumulator(unwrap(tensor).body());
  });
}

// For register_multi_grad_hook: what stands for the place where the gradient of a tensor arrives.
// Valid as long as that place lives.
PyObject* edge_key(PyObject*, PyObject* tensor) {
  return guarded([&] {
    check(ErrorKind::Type, is_tensor(tensor), "expected a Tensor, but got ",
          Py_TYPE(tensor)->tp_name);
    const Tensor& t = unwrap(tensor);
    const auto key = t.is_leaf() ? reinterpret_cast<std::uintptr_t>(t.body()) | 1
                                 : reinterpret_cast<std::uintptr_t>(node_of(t));
    return PyLong_FromUnsignedLongLong(key);
  });
}

// The number of the pass that runs on this thread, -1 for none.
PyObject* pass_number(PyObject*, PyObject*) {
  return mode.pass ? PyLong_FromUnsignedLongLong(mode.pass->number()) : PyLong_FromLong(-1);
}

PyObject* pass_reaches(PyObject*, PyObject* object) {
  return guarded([&] {
    const std::uintptr_t key = PyLong_AsUnsignedLongLong(object);
    if (PyErr_Occurred()) throw_python();
    check(mode.pass != nullptr, "_pass_reaches: no backward pass is running on this thread.");
    return PyBool_FromLong(
        key & 1 ? mode.pass->reaches(*reinterpret_cast<const TensorBody*>(key & ~std::uintptr_t{1}))
                : mode.pass->reaches(*reinterpret_cast<const Node*>(key)));
  });
}

PyObject* raise_version(PyObject*, PyObject* tensor) {
  return guarded([&] {
    check(is_tensor(tensor),
          "increment_version expects each element of the iterable to be a tensor");
    unwrap(tensor).bump_version();
    return Py_NewRef(Py_None);
  });
}

PyGetSetDef node_properties[] = {
    {"_input_metadata", input_metadata, nullptr,
     "Pairs of shape and dtype of the outputs as far as they are known.", nullptr},
    {"metadata", node_metadata, nullptr, "A dictionary for the user's notes.", nullptr},
    {"next_functions", next_functions<false>, nullptr,
     "Pairs of node and output number, one for each input that torch knows.", nullptr},
    {"_inputs", next_functions<true>, nullptr,
     "The same for all inputs: indices, masks and numbers, too.", nullptr},
    {"variable", node_variable, nullptr, "Of AccumulateGrad: the leaf.", nullptr},
    {"recorded_at", recorded_at, nullptr, "The line of the user's code that recorded the node.",
     nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};
PyMethodDef node_methods[] = {
    {"__dir__", node_dir, METH_NOARGS, "The attributes, what was saved among them."},
    {"register_hook", register_hook<false>, METH_O,
     "Calls fn(grad_inputs, grad_outputs) after the node has run; returns a handle.\n\n"
     "A tuple that it returns replaces the gradients of the inputs."},
    {"register_prehook", register_hook<true>, METH_O,
     "Calls fn(grad_outputs) before the node runs; returns a handle.\n\n"
     "A tuple that it returns replaces the gradients that arrived."},
    {"name", node_name, METH_NOARGS, "The name of the operation."},
    {"_sequence_nr", sequence_number, METH_NOARGS, "Its place in the order of recording."},
    {nullptr, nullptr, 0, nullptr},
};

// A GradientEdge is a tuple that starts with a node and the number of its output.
bool is_edge(PyObject* object) {
  return PyTuple_Check(object) && PyTuple_GET_SIZE(object) >= 2 &&
         PyObject_TypeCheck(PyTuple_GET_ITEM(object, 0), node_type);
}

Edge edge_of(PyObject* tuple) {
  const Ref<Node>& node = self_of(PyTuple_GET_ITEM(tuple, 0))->node;
  std::int64_t output_nr;
  check(ErrorKind::Type, to_int(PyTuple_GET_ITEM(tuple, 1), output_nr),
        "GradientEdge: got an output_nr of type ", Py_TYPE(PyTuple_GET_ITEM(tuple, 1))->tp_name,
        ", expected int.");
  check(ErrorKind::Index, output_nr >= 0 && output_nr < node->num_outputs(),
        "GradientEdge: got output_nr ", output_nr, ", expected less than ", node->num_outputs(),
        ", the number of outputs of ", node->name(), ".");
  return Edge(node, static_cast<std::uint32_t>(output_nr));
}

// Tensors and, where `edges` is given, GradientEdges of non-leaves with an undefined tensor in
// their place.
std::vector<Tensor> tensors_of(PyObject* sequence, const char* what,
                               std::vector<Edge>* edges = nullptr,
                               ErrorKind kind = ErrorKind::Type) {
  Owned items(PySequence_Fast(sequence, what));
  std::vector<Tensor> tensors;
  if (edges) edges->resize(static_cast<std::size_t>(PySequence_Fast_GET_SIZE(items.get())));
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(items.get()); ++i) {
    PyObject* item = PySequence_Fast_GET_ITEM(items.get(), i);
    if (item == Py_None) {
      tensors.emplace_back();
    } else if (edges && is_edge(item)) {
      const PyNode* node = self_of(PyTuple_GET_ITEM(item, 0));
      tensors.push_back(node->leaf);
      if (node->node) (*edges)[tensors.size() - 1] = edge_of(item);
    } else {
      if (edges && PyTuple_Check(item) && PyTuple_GET_SIZE(item) >= 2) {
        fail("GradientEdge's first object must be an autograd.graph.Node but got ",
             Py_TYPE(PyTuple_GET_ITEM(item, 0))->tp_name);
      }
      check(kind, is_tensor(item), what, ", but got ", Py_TYPE(item)->tp_name);
      tensors.push_back(unwrap(item));
    }
  }
  return tensors;
}

// A flag: a bool or an integer.
bool is_true(const char* function, const char* name, PyObject* object) {
  if (PyBool_Check(object)) [[likely]]
    return object == Py_True;
  check(ErrorKind::Type, PyIndex_Check(object), function, "(): argument '", name,
        "' must be bool, not ", type_name(object));
  const Owned number(PyNumber_Index(object));
  const long value = PyLong_AsLong(number.get());
  if (value == -1 && PyErr_Occurred()) throw_python();
  return value != 0;
}

// _run_backward(roots, seeds, retain_graph, create_graph, inputs, accumulate)
PyObject* run_backward_function(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&]() -> PyObject* {
    check(ErrorKind::Type, n == 6, "_run_backward: got ", n, " arguments, expected 6.");
    std::vector<Edge> root_edges, input_edges;
    const bool accumulate = args[5] == Py_True;
    const char* function = accumulate ? "backward" : "grad";
    const bool create_graph = is_true(function, "create_graph", args[3]);
    const bool retain_graph = is_true(function, "retain_graph", args[2]);
    const char* what = accumulate ? "backward(): argument 'tensors' must hold Tensors"
                                  : "grad(): argument 'outputs' must hold Tensors";
    const std::vector<Tensor> roots = tensors_of(args[0], what, &root_edges);
    for (std::size_t i = 0; i < roots.size(); ++i) {
      const bool any = roots[i].defined() || root_edges[i].node();
      check(ErrorKind::Type, any, what, ", but got NoneType");
    }
    const std::vector<Tensor> seeds =
        tensors_of(args[1], "gradients can be either Tensors or None");
    const std::vector<Tensor> inputs =
        tensors_of(args[4], "all inputs have to be Tensors or GradientEdges", &input_edges,
                   ErrorKind::Runtime);
    const Timed timed("backward");
    check(roots.size() == seeds.size(), "got ", roots.size(), " tensors and ", seeds.size(),
          " gradients");
    std::vector<Tensor> gradients = run_backward({.roots = roots,
                                                  .root_edges = root_edges,
                                                  .seeds = seeds,
                                                  .retain_graph = retain_graph,
                                                  .create_graph = create_graph,
                                                  .inputs = inputs,
                                                  .input_edges = input_edges,
                                                  .accumulate = accumulate});
    return wrap_tensors(std::move(gradients), nullptr);
  });
}

// Tensor.backward without its rarer arguments, which _tensor.py handles.
PyObject* backward_simple(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&]() -> PyObject* {
    check(ErrorKind::Type, n == 4, "_backward: got ", n, " arguments, expected 4.");
    if (!is_plain(args[0])) [[unlikely]] {
      static PyObject* const names =
          Py_BuildValue("(ssss)", "gradient", "retain_graph", "create_graph", "inputs");
      PyObject* const all[] = {args[0], args[1], args[2], args[3], Py_None};
      const Answer answer = ask({Callee::Kind::Name, "backward"}, all, 1, names);
      if (answer.given) return answer.result;
    }
    const Tensor root = unwrap(args[0]);
    Tensor seed;
    if (args[1] != Py_None) {
      check(ErrorKind::Type, is_tensor(args[1]),
            "gradients can be either Tensors or None, but got ", Py_TYPE(args[1])->tp_name);
      seed = unwrap(args[1]);
    }
    const bool create_graph = is_true("backward", "create_graph", args[3]);
    const bool retain_graph = is_true("backward", "retain_graph", args[2]);
    const Timed timed("backward");
    run_backward({.roots = {&root, 1},
                  .seeds = {&seed, 1},
                  .retain_graph = retain_graph,
                  .create_graph = create_graph,
                  .inputs = {},
                  .accumulate = true});
    Py_RETURN_NONE;
  });
}

template <bool Mode::* flag>
PyObject* get_mode(PyObject*, PyObject*) {
  return PyBool_FromLong(mode.*flag);
}

template <bool Mode::* flag>
PyObject* set_mode(PyObject*, PyObject* value) {
  return guarded([&]() -> PyObject* {
    constexpr const char* kWho = flag == &Mode::grad ? "set_grad_enabled" : "inference_mode";
    check(ErrorKind::Type, PyBool_Check(value), kWho, "(): argument 'mode' must be bool, not ",
          Py_TYPE(value)->tp_name);
    mode.*flag = value == Py_True;
    Py_RETURN_NONE;
  });
}

// Of the innermost pass on this thread, -1 outside of one.
PyObject* current_pass(PyObject*, PyObject*) {
  return PyLong_FromLongLong(mode.pass ? static_cast<long long>(mode.pass->number()) : -1);
}

PyObject* pass_selects_inputs(PyObject*, PyObject*) {
  return PyBool_FromLong(mode.pass && mode.pass->selects_inputs());
}

PyCFunction fast(PyObject* (*f)(PyObject*, PyObject* const*, Py_ssize_t)) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(f));
}

PyMethodDef functions[] = {
    {"_run_backward", fast(run_backward_function), METH_FASTCALL,
     "(roots, seeds, retain_graph, create_graph, inputs, accumulate) -> gradients of the inputs"},
    {"_backward", fast(backward_simple), METH_FASTCALL,
     "(root, seed, retain_graph, create_graph): gradients of all leaves"},
    {"_accumulator", accumulator, METH_O, "The AccumulateGrad of a leaf."},
    {"_track_held",
     [](PyObject*, PyObject* function) {
       track_held(function);
       Py_RETURN_NONE;
     },
     METH_O, "Lets the garbage collector see the tensors that a hook holds."},
    {"_edge_key", edge_key, METH_O, "Stands for where the gradient of a tensor arrives."},
    {"_pass_number", pass_number, METH_NOARGS, "Of the pass on this thread; -1 for none."},
    {"_pass_reaches", pass_reaches, METH_O, "Whether the pass is going to reach that place."},
    {"_raise_version", raise_version, METH_O, "Counts an in-place write."},
    {"_current_graph_task_id", current_pass, METH_NOARGS,
     "The number of the backward pass under way on this thread, or -1."},
    {"_pass_selects_inputs", pass_selects_inputs, METH_NOARGS,
     "Whether that pass was started for some inputs only."},
    {"is_grad_enabled", get_mode<&Mode::grad>, METH_NOARGS, "Whether operations are recorded."},
    {"_set_grad_enabled", set_mode<&Mode::grad>, METH_O, "Switches recording on this thread."},
    {"is_inference_mode_enabled", get_mode<&Mode::inference>, METH_NOARGS,
     "Whether inference mode is on."},
    {"_set_inference_mode", set_mode<&Mode::inference>, METH_O,
     "Switches inference mode on this thread."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

int init_graph(PyObject* module) {
  PyType_Slot slots[] = {
      {Py_tp_dealloc, reinterpret_cast<void*>(node_dealloc)},
      {Py_tp_traverse, reinterpret_cast<void*>(node_traverse)},
      {Py_tp_clear, reinterpret_cast<void*>(node_clear)},
      {Py_tp_repr, reinterpret_cast<void*>(node_repr)},
      {Py_tp_getattro, reinterpret_cast<void*>(node_getattro)},
      {Py_tp_getset, node_properties},
      {Py_tp_methods, node_methods},
      {0, nullptr},
  };
  PyType_Spec spec{"pullback.autograd.graph.Node", sizeof(PyNode), 0,
                   Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC |
                       Py_TPFLAGS_DISALLOW_INSTANTIATION,
                   slots};
  PyObject* type = PyType_FromSpec(&spec);
  if (!type) return -1;
  node_type = reinterpret_cast<PyTypeObject*>(type);
  if (PyModule_AddObjectRef(module, "Node", type) < 0) return -1;
  return PyModule_AddFunctions(module, functions);
}

void note_shape(const Tensor& tensor) {
  std::vector<OutputShape>& shapes = node_of(tensor)->make_extra().shapes;
  const std::uint32_t output_nr = output_nr_of(tensor);
  for (const OutputShape& each : shapes) {
    if (each.output_nr == output_nr) return;
  }
  shapes.push_back({output_nr, tensor.shape(), tensor.dtype()});
}

PyObject* wrap_node(Ref<Node> node) {
  if (!node) Py_RETURN_NONE;
  if (PyObject* context = context_of(*node)) return Py_NewRef(context);
  NodeExtra& extra = node->make_extra();
  if (extra.handle) return Py_NewRef(static_cast<PyObject*>(extra.handle));
  PyObject* object = new_node_object(node->name());
  extra.handle = object;
  self_of(object)->node = std::move(node);
  return object;
}

}  // namespace pullback::bind
