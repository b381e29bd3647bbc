// See diagnosis.h.  AnomalyObserver is detect_anomaly; PyObserver serves explain and the profiler.
#include "bind/diagnosis.h"

#include <algorithm>
#include <deque>
#include <memory>
#include <vector>

#include "bind/convert.h"
#include "bind/function_node.h"
#include "bind/graph_objects.h"
#include "bind/guard.h"
#include "bind/hooks.h"
#include "bind/stacks.h"
#include "bind/tensor_type.h"
#include "bind/types.h"
#include "graph/mode.h"
#include "graph/node.h"
#include "graph/origin.h"
#include "graph/saved.h"
#include "kernels/reduce/finite.h"
#include "ops/basic.h"
#include "ops/op.h"

namespace pullback::bind {
namespace {

// What an expanded tensor repeats is looked at once.
bool has_nan(const Tensor& t) {
  if (!t.defined() || !is_floating(t.dtype())) return false;
  if (t.has(kBatched)) return has_nan(meta_of(t)->batch);
  Tensor values = t;
  if (!t.is_contiguous()) {
    Dims sizes(t.sizes());
    for (int i = 0; i < t.ndim(); ++i) {
      if (t.strides()[static_cast<std::size_t>(i)] == 0 && sizes[i] > 1) sizes[i] = 1;
    }
    values = t.alias(sizes, t.strides());
    if (!is_dense(values.sizes(), values.strides())) {
      const GradMode off(false);
      values = clone(detached(values), MemoryFormat::Contiguous);
    }
  }
  return kernels::has_nan(view_of(widened(values)));
}

class AnomalyObserver final : public PassObserver {
 public:
  void before(Node& node, std::span<const Tensor>) override {
    first_new_ = next_sequence();
    applied_.push_back(Ref<Node>::share(&node));
  }

  void after(Node& node, std::span<const Tensor> given) override {
    const std::uint64_t next = next_sequence();
    if (next != first_new_) {
      Parent& parent = parents_.emplace_back();
      parent.first = first_new_;
      parent.end = next;
      parent.sequence = node.sequence();
      parent.name = node.name();
      parent.where.share(node.where());
    }
    for (std::size_t i = 0; checks && i < given.size(); ++i) {
      if (!has_nan(given[i])) continue;
      fail("Function '", node.name(), "' returned nan values in its ", i, "th output.",
           node.recorded_at(), " explain() of the result shows the numbers.");
    }
    applied_.pop_back();
  }

  // A warning that tells where the node comes from.
  void failed(Node& node) noexcept override {
    applied_.pop_back();
    tell([&] { return warn(node.name(), node.sequence(), node.where()); });
  }

  void failed(const Tensor& leaf) noexcept override {
    tell([&] {
      const FirstUse* use = first_use_of(leaf);
      constexpr const char* kName = "torch::autograd::AccumulateGrad";
      return use ? warn(kName, use->sequence, use->where) : warn(kName, 0, Provenance());
    });
  }

  void recorded(Node& node) override {
    stacks_->note(node.sequence(), node.where());
    note_anomaly(node, stacks_, applied_.empty() ? nullptr : applied_.back());
    note_anomaly_of_leaves(node, stacks_, first_new_);
  }

  bool checks = true;

 private:
  // The node that made the nodes with these numbers in a pass that was recorded.
  struct Parent {
    std::uint64_t first, end, sequence;
    std::string name;
    Provenance where;
  };

  static std::uint64_t next_sequence() { return Node::next_number(); }

  // While an exception is in flight.
  template <typename Warn>
  static void tell(Warn&& warn) noexcept {
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    PyObject* done = guarded(warn);
    if (!done) PyErr_WriteUnraisable(nullptr);
    Py_XDECREF(done);
    PyErr_Restore(type, value, trace);
  }

  PyObject* warn(const char* failed, std::uint64_t number, const Provenance& recorded) const {
    Owned places(PyList_New(0));
    const auto add = [&](const char* name, std::uint64_t sequence, const Provenance& where) {
      const Owned calls(PyList_New(0));
      for (const std::string& call : stacks_->calls(sequence, where)) {
        const Owned text(PyUnicode_FromString(call.c_str()));
        check_status(PyList_Append(calls.get(), text.get()));
      }
      const Owned entry(Py_BuildValue("(ssO)", name, where.describe().c_str(), calls.get()));
      check_status(PyList_Append(places.get(), entry.get()));
    };
    add(failed, number, recorded);
    for (std::uint64_t child = number;;) {
      const auto parent = std::find_if(parents_.begin(), parents_.end(), [&](const Parent& each) {
        return each.first <= child && child < each.end;
      });
      if (parent == parents_.end()) break;
      add(parent->name.c_str(), parent->sequence, parent->where);
      child = parent->sequence;
    }
    const Owned module(PyImport_ImportModule("pullback.autograd.anomaly_mode"));
    return PyObject_CallMethod(module.get(), "_warn", "O", places.get());
  }

  std::uint64_t first_new_ = 0;
  std::deque<Parent> parents_;
  std::vector<Ref<Node>> applied_;  // now, in nested passes
  const std::shared_ptr<CallStacks> stacks_ = std::make_shared<CallStacks>();
};

PyObject* wrap_all(std::span<const Tensor> tensors) {
  Owned tuple(PyTuple_New(static_cast<Py_ssize_t>(tensors.size())));
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    PyTuple_SET_ITEM(tuple.get(), static_cast<Py_ssize_t>(i), wrap(tensors[i]));
  }
  return tuple.release();
}

// Calls before(node, arrived) and after(node, given).
class PyObserver final : public PassObserver {
 public:
  PyObserver(PyObject* before, PyObject* after)
      : before_(Owned::share(before)), after_(Owned::share(after)) {}
  void before(Node& node, std::span<const Tensor> arrived) override {
    call(before_, node, arrived);
  }
  void after(Node& node, std::span<const Tensor> given) override { call(after_, node, given); }

 private:
  static void call(const Owned& function, Node& node, std::span<const Tensor> gradients) {
    const Owned object(wrap_node(Ref<Node>::share(&node)));
    const Owned tuple(wrap_all(gradients));
    Owned(PyObject_CallFunctionObjArgs(function.get(), object.get(), tuple.get(), nullptr));
  }

  Owned before_;
  Owned after_;
};

AnomalyObserver* find_anomaly() {
  for (PassObserver* each = mode.observers; each; each = each->outer) {
    if (auto* found = dynamic_cast<AnomalyObserver*>(each)) return found;
  }
  return nullptr;
}

template <class Kind>
void remove_innermost() {
  for (PassObserver** link = &mode.observers; *link; link = &(*link)->outer) {
    if (!dynamic_cast<Kind*>(*link)) continue;
    const std::unique_ptr<PassObserver> removed(*link);
    *link = removed->outer;
    return;
  }
}

void push(std::unique_ptr<PassObserver> observer) {
  observer->outer = mode.observers;
  mode.observers = observer.release();
}

// _set_anomaly(enabled, check_nan)
PyObject* set_anomaly(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    int enabled, check_nan;
    if (!PyArg_ParseTuple(args, "pp:_set_anomaly", &enabled, &check_nan)) throw_python();
    if (!enabled) {
      remove_innermost<AnomalyObserver>();
    } else {
      if (!find_anomaly()) push(std::make_unique<AnomalyObserver>());
      find_anomaly()->checks = check_nan;
    }
    Py_RETURN_NONE;
  });
}

PyObject* get_anomaly(PyObject*, PyObject*) {
  const AnomalyObserver* found = find_anomaly();
  return Py_BuildValue("(OO)", found ? Py_True : Py_False,
                       !found || found->checks ? Py_True : Py_False);
}

PyObject* push_observer(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    PyObject *before, *after;
    if (!PyArg_ParseTuple(args, "OO:_push_observer", &before, &after)) throw_python();
    push(std::make_unique<PyObserver>(before, after));
    Py_RETURN_NONE;
  });
}

PyObject* pop_observer(PyObject*, PyObject*) {
  remove_innermost<PyObserver>();
  Py_RETURN_NONE;
}

Node* node_of_object(PyObject* object) {
  check(ErrorKind::Type, PyObject_TypeCheck(object, node_type), "expected a Node, but got ",
        Py_TYPE(object)->tp_name);
  return reinterpret_cast<PyNode*>(object)->node.get();
}

// The hooks that a gradient goes through before it reaches a node or a leaf's accumulator, and
// after the node.
PyObject* hook_places_of(PyObject*, PyObject* object) {
  return guarded([&]() -> PyObject* {
    check(ErrorKind::Type, PyObject_TypeCheck(object, node_type), "expected a Node, but got ",
          Py_TYPE(object)->tp_name);
    const PyNode& handle = *reinterpret_cast<PyNode*>(object);
    std::vector<std::string> places;
    if (handle.node) {
      places = hook_places(hook_dictionaries(*handle.node));
    } else if (handle.leaf.defined()) {
      places = hook_places(hook_dictionaries(*handle.leaf.body()));
    }
    const Owned list(PyList_New(0));
    for (const std::string& place : places) {
      const Owned text(PyUnicode_FromString(place.c_str()));
      check_status(PyList_Append(list.get(), text.get()));
    }
    return Py_NewRef(list.get());
  });
}

// _rerun(node, inputs, record=False): (inputs, results), or None where a value is missing.  New
// nodes keep the line of the old one.
PyObject* rerun(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    PyObject *object, *list;
    int record = 0;
    if (!PyArg_ParseTuple(args, "OO!|p:_rerun", &object, &PyList_Type, &list, &record)) {
      throw_python();
    }
    Node* node = node_of_object(object);
    if (!node) Py_RETURN_NONE;
    std::vector<Tensor> inputs, results;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); ++i) {
      PyObject* item = PyList_GET_ITEM(list, i);
      inputs.push_back(is_tensor(item) ? unwrap(item) : Tensor());
    }
    const GradMode recording(record);
    if (inputs.size() != node->edges().size() || !node->rerun(inputs, results)) Py_RETURN_NONE;
    for (const Tensor& result : results) {
      Node* made = record ? node_of(result) : nullptr;
      if (made && made != node) made->where().share(node->where());
    }
    const Owned before(wrap_all(inputs)), after(wrap_all(results));
    return PyTuple_Pack(2, before.get(), after.get());
  });
}

// Where the operand that the node does not save was cut off, or "".
PyObject* cut_operand(PyObject*, PyObject* object) {
  return guarded([&]() -> PyObject* {
    const Node* node = node_of_object(object);
    return PyUnicode_FromString(node ? cut_operand_of(*node).c_str() : "");
  });
}

// Where the pass started that freed what the node saved, or "".
PyObject* freed_at_of(PyObject*, PyObject* object) {
  return guarded([&]() -> PyObject* {
    const Node* node = node_of_object(object);
    return PyUnicode_FromString(node ? freed_at(*node).c_str() : "");
  });
}

// _saved_origins(node): where the inputs that a pass freed came from, by place.
PyObject* saved_origins(PyObject*, PyObject* object) {
  return guarded([&]() -> PyObject* {
    Node* node = node_of_object(object);
    SavedList list;
    if (node) node->list_saved(list);
    const Owned origins(PyDict_New());
    for (const SavedItem& item : list.items) {
      SavedTensor* const* saved = std::get_if<SavedTensor*>(&item.value);
      if (!saved) continue;
      const std::string text = (*saved)->former_origin();
      if (text.empty()) continue;
      const Owned key(PyLong_FromLong(item.index));
      const Owned value(PyUnicode_FromString(text.c_str() + 1));
      check_status(PyDict_SetItem(origins.get(), key.get(), value.get()));
    }
    return Py_NewRef(origins.get());
  });
}

// The inputs to which a custom function gave None in its last pass.
PyObject* got_none(PyObject*, PyObject* object) {
  return guarded([&]() -> PyObject* {
    const Owned list(PyList_New(0));
    if (const auto* node = dynamic_cast<const FunctionNode*>(node_of_object(object))) {
      for (const int edge : node->got_none()) {
        const Owned number(PyLong_FromLong(edge));
        check_status(PyList_Append(list.get(), number.get()));
      }
    }
    return Py_NewRef(list.get());
  });
}

// (how the leaf was last used without being recorded, where its gradient was taken away),
// sentences.
PyObject* traces_of(PyObject*, PyObject* object) {
  return guarded([&]() -> PyObject* {
    check(ErrorKind::Type, is_tensor(object), "expected a Tensor, but got ",
          Py_TYPE(object)->tp_name);
    const Tensor& t = unwrap(object);
    return Py_BuildValue("(ss)", last_cut_of(t).c_str(), cleared_at(t).c_str());
  });
}

// _readings(oldest, newest): where values left a graph as numbers or arrays, as sentences, the
// latest first; between the pass before one node and another node, given by their numbers.
PyObject* readings_between(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    unsigned long long oldest, newest;
    if (!PyArg_ParseTuple(args, "KK:_readings", &oldest, &newest)) throw_python();
    const Owned list(PyList_New(0));
    for (const std::string& sentence : readings(oldest, newest)) {
      const Owned text(PyUnicode_FromString(sentence.c_str() + 1));
      check_status(PyList_Append(list.get(), text.get()));
    }
    return Py_NewRef(list.get());
  });
}

// Stands for a leaf: another one with a copy of its values and its origin.
PyObject* stand_in(PyObject*, PyObject* object) {
  return guarded([&]() -> PyObject* {
    check(ErrorKind::Type, is_tensor(object), "expected a Tensor, but got ",
          Py_TYPE(object)->tp_name);
    const Tensor& leaf = unwrap(object);
    const GradMode off(false);
    Tensor made = clone(detached(leaf));
    made.body()->origin = leaf.body()->origin;
    made.body()->made.share(leaf.body()->made);
    made.set(kCut, false);
    made.set(kRequiresGrad, true);
    return wrap(std::move(made));
  });
}

// _saved_values(node): (inputs, outputs, released), dictionaries of tensors and numbers by place.
// A value that was overwritten since is left out.  What a custom function saved may be anything: it
// counts as an input, at a place below 0.
PyObject* saved_values(PyObject*, PyObject* object) {
  return guarded([&]() -> PyObject* {
    Node* node = node_of_object(object);
    SavedList list;
    if (node) node->list_saved(list);
    const bool custom = dynamic_cast<FunctionNode*>(node);
    const Owned inputs(PyDict_New()), outputs(PyDict_New());
    for (const SavedItem& item : list.items) {
      if (item.role == SavedItem::Role::Attribute) continue;
      Owned value;
      if (SavedTensor* const* saved = std::get_if<SavedTensor*>(&item.value)) {
        if (!(*saved)->defined()) continue;
        try {
          value = Owned(wrap((*saved)->read(*node)));
        } catch (const Error&) {
          continue;
        }
      } else if (const Scalar* number = std::get_if<Scalar>(&item.value)) {
        value = Owned(wrap_number(*number));
      } else {
        continue;
      }
      const bool output = !custom && item.role == SavedItem::Role::Output;
      const Owned key(PyLong_FromLong(custom ? -1 - item.index : item.index));
      PyObject* dict = output ? outputs.get() : inputs.get();
      check_status(PyDict_SetItem(dict, key.get(), value.get()));
    }
    return PyTuple_Pack(3, inputs.get(), outputs.get(), list.released ? Py_True : Py_False);
  });
}

// Whether zero absorbs infinity and NaN in a pass on this thread; returns what was set before.
PyObject* set_absorb(PyObject*, PyObject* enabled) {
  const bool before = mode.absorb;
  mode.absorb = enabled == Py_True;
  return PyBool_FromLong(before);
}

// Where the memory of a tensor was last written in place.
PyObject* written_at(PyObject*, PyObject* object) {
  return guarded([&]() -> PyObject* {
    check(ErrorKind::Type, is_tensor(object), "expected a Tensor, but got ",
          Py_TYPE(object)->tp_name);
    const std::string place = unwrap(object).body()->storage->written.describe();
    if (place.empty()) Py_RETURN_NONE;
    return PyUnicode_FromString(place.c_str());
  });
}

// The line of the user's code that runs now.
PyObject* current_line(PyObject*, PyObject*) {
  return guarded([&]() -> PyObject* {
    Provenance here;
    here.capture();
    return PyUnicode_FromString(here.describe().c_str());
  });
}

}  // namespace

PyMethodDef diagnosis_functions[] = {
    {"_set_anomaly", set_anomaly, METH_VARARGS, "(enabled, check_nan) on this thread."},
    {"_get_anomaly", get_anomaly, METH_NOARGS, "(enabled, check_nan) on this thread."},
    {"_push_observer", push_observer, METH_VARARGS,
     "(before, after): called as before(node, arrived) and after(node, given) in a pass."},
    {"_pop_observer", pop_observer, METH_NOARGS, "Takes the innermost observer away."},
    {"_rerun", rerun, METH_VARARGS,
     "(node, inputs, record=False) -> (inputs, results) computed anew, or None where a value is "
     "missing."},
    {"_cut_operand", cut_operand, METH_O, "Where an operand that is not saved was cut off."},
    {"_hook_places", hook_places_of, METH_O, "Where the hooks of a node or leaf are defined."},
    {"_saved_values", saved_values, METH_O, "(inputs, outputs, released) of a node, by place."},
    {"_freed_at", freed_at_of, METH_O, "Where the pass started that freed what a node saved."},
    {"_saved_origins", saved_origins, METH_O,
     "Where the inputs that a pass freed came from, by place."},
    {"_got_none", got_none, METH_O, "The inputs to which a custom function gave None."},
    {"_traces", traces_of, METH_O,
     "How a leaf was last used without being recorded, and where its gradient was taken away."},
    {"_readings", readings_between, METH_VARARGS,
     "(oldest, newest): where values left a graph as numbers or arrays between these nodes."},
    {"_stand_in", stand_in, METH_O, "Another leaf with the values and the origin of a leaf."},
    {"_set_absorb", set_absorb, METH_O, "Whether a gradient of zero absorbs infinity and NaN."},
    {"_written_at", written_at, METH_O, "Where the tensor's memory was last written in place."},
    {"_current_line", current_line, METH_NOARGS, "Where the user's code is."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace pullback::bind
