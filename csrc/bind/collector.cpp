// See collector.h.  Start reading at traverse().
#include "bind/collector.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "bind/function.h"
#include "bind/guard.h"
#include "bind/hooks.h"
#include "bind/saved_tensors.h"
#include "bind/tensor_type.h"
#include "graph/meta.h"
#include "graph/saved.h"

namespace pullback::bind {

std::int64_t live_owned = 0;

namespace {

// The function by which the collector subtracts references; found out by a probe.
visitproc subtract = nullptr;

enum class Phase : std::uint8_t { Idle, Subtracting, Reaching };
Phase phase = Phase::Idle;
bool found = false;  // an owned object was visited while references were subtracted

int probe_traverse(PyObject*, visitproc visit, void*) {
  if (!subtract) subtract = visit;
  return 0;
}

PyObject* collection_starts_or_stops(PyObject*, PyObject*) {
  phase = Phase::Idle;
  Py_RETURN_NONE;
}
PyMethodDef callback{"collection_starts_or_stops", collection_starts_or_stops, METH_VARARGS,
                     "Of gc.callbacks."};

void probe_collector() {
  PyType_Slot slots[] = {{Py_tp_traverse, reinterpret_cast<void*>(probe_traverse)}, {0, nullptr}};
  PyType_Spec spec{"pullback._core.Probe", sizeof(PyObject), 0,
                   Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, slots};
  const Owned type(PyType_FromSpec(&spec));
  const Owned probe(PyObject_CallNoArgs(type.get()));
  const Owned gc(PyImport_ImportModule("gc"));
  const Owned callbacks(PyObject_GetAttrString(gc.get(), "callbacks"));
  const Owned function(PyCFunction_New(&callback, nullptr));
  check_status(PyList_Append(callbacks.get(), function.get()));
  // Does nothing inside another collection: then the next hook tries again.
  const Owned collected(PyObject_CallMethod(gc.get(), "collect", "i", 0));
  if (!subtract)
    check_status(PyList_SetSlice(callbacks.get(), PyList_GET_SIZE(callbacks.get()) - 1,
                                 PyList_GET_SIZE(callbacks.get()), nullptr));
}

// A walk through the core from one Python object.
class Walk {
 public:
  Walk(visitproc visit, void* arg) : visit_(visit), arg_(arg) {}

  void arrive(TensorBody* body) {
    if (body && counts(body, body->refs.get())) bodies_.push_back(body);
  }
  void arrive(Node* node) {
    if (node && counts(node, node->refs.get())) nodes_.push_back(node);
  }
  void arrive(const Edge& edge) {
    arrive(edge.node());
    if (edge.is_leaf()) arrive(edge.leaf());
  }
  int run() {
    while (status_ == 0 && (!bodies_.empty() || !nodes_.empty())) {
      if (!bodies_.empty()) {
        TensorBody* body = bodies_.back();
        bodies_.pop_back();
        expand(body);
      } else {
        Node* node = nodes_.back();
        nodes_.pop_back();
        expand(node);
      }
    }
    return status_;
  }
  static void forget() {
    arrivals_.clear();
    traversed_.clear();
  }
  // False when this phase has seen the object before.
  static bool traverse(PyObject* object) { return traversed_.insert(object).second; }

 private:
  // Whether the walk goes on behind this one.
  static bool counts(const void* key, std::uint32_t references) {
    const std::uint32_t arrived = ++arrivals_[key];
    return phase == Phase::Subtracting ? arrived == references : arrived == 1;
  }

  void expand(TensorBody* body) {
    show(hook_dictionaries(*body));
    auto* node = static_cast<Node*>(body->raw_grad_fn.get());
    arrive(node);
    arrive(body->base.get());
    const auto* meta = static_cast<const AutogradMeta*>(body->meta.get());
    if (!meta) return;
    if (meta->retention) arrive(node);
    if (meta->grad.defined()) arrive(meta->grad.body());
  }

  void expand(Node* node) {
    show(hook_dictionaries(*node));
    if (PyObject* context = owned_context_of(*node)) show({context});
    for (const Edge& edge : node->edges()) arrive(edge);
    SavedList list;
    node->list_saved(list);
    for (const SavedItem& item : list.items) {
      SavedTensor* const* saved = std::get_if<SavedTensor*>(&item.value);
      if (!saved || !(*saved)->defined()) continue;
      if (!(*saved)->is_packed()) {
        arrive((*saved)->body());
      } else {
        arrive((*saved)->packed_history());
        if (PyObject* owned = owned_by((*saved)->packed())) show({owned});
      }
    }
  }

  void show(const std::vector<PyObject*>& owned) {
    for (PyObject* object : owned) {
      if (status_ == 0) status_ = visit_(object, arg_);
      found = true;
    }
  }

  static std::unordered_map<const void*, std::uint32_t> arrivals_;
  static std::unordered_set<const void*> traversed_;

  visitproc visit_;
  void* arg_;
  int status_ = 0;
  std::vector<TensorBody*> bodies_;
  std::vector<Node*> nodes_;
};
std::unordered_map<const void*, std::uint32_t> Walk::arrivals_;
std::unordered_set<const void*> Walk::traversed_;

// While the core owns nothing that may lead back to it, there is only the class of a context.
bool walks() {
#ifdef Py_GIL_DISABLED
  return false;
#endif
  return live_owned != 0 && subtract;
}

template <typename T>
int traverse(PyObject* self, T* held, visitproc visit, void* arg) {
  if (!walks() || !held) return 0;
  if (visit == subtract) {
    // A second traversal of one object: references are being subtracted anew.
    if (phase != Phase::Subtracting || !Walk::traverse(self)) {
      Walk::forget();
      Walk::traverse(self);
      phase = Phase::Subtracting;
      found = false;
    }
  } else {
    if (phase == Phase::Subtracting) {
      Walk::forget();
      phase = Phase::Reaching;
    }
    if (phase != Phase::Reaching || !found) return 0;
  }
  Walk walk(visit, arg);
  walk.arrive(held);
  return walk.run();
}

}  // namespace

void owned_made() {
  ++live_owned;
#ifndef Py_GIL_DISABLED
  if (!subtract) probe_collector();
#endif
}

int visit_body(PyObject* self, TensorBody* body, visitproc visit, void* arg) {
  if (!walks()) Py_VISIT(body ? only_context_of(*body) : nullptr);
  return traverse(self, body, visit, arg);
}

int visit_node(PyObject* self, Node* node, visitproc visit, void* arg) {
  return traverse(self, node, visit, arg);
}

static void track_attributes(PyObject* object, int depth) {
  PyObject* dict = PyObject_GenericGetDict(object, nullptr);
  if (!dict) PyErr_Clear();
  track_held(dict, depth - 1);
  Py_XDECREF(dict);
}

void track_held(PyObject* object, int depth) {
  constexpr Py_ssize_t kMany = 64;
  if (!object || depth == 0) return;
  if (is_tensor(object)) {
    if (!PyObject_GC_IsTracked(object)) PyObject_GC_Track(object);
  } else if (PyTuple_Check(object) || PyList_Check(object)) {
    for (Py_ssize_t i = 0; i < std::min(PySequence_Fast_GET_SIZE(object), kMany); ++i) {
      track_held(PySequence_Fast_GET_ITEM(object, i), depth - 1);
    }
  } else if (PyDict_Check(object)) {
    PyObject *key, *value;
    Py_ssize_t position = 0;
    for (Py_ssize_t i = 0; i < kMany && PyDict_Next(object, &position, &key, &value); ++i) {
      track_held(value, depth - 1);
    }
  } else if (PyCell_Check(object)) {
    track_held(PyCell_GET(object), depth);
  } else if (PyFunction_Check(object)) {
    track_held(PyFunction_GET_CLOSURE(object), depth);
    track_held(PyFunction_GET_DEFAULTS(object), depth);
    track_held(PyFunction_GET_KW_DEFAULTS(object), depth);
  } else if (PyMethod_Check(object)) {
    track_attributes(PyMethod_GET_SELF(object), depth);
    track_held(PyMethod_GET_FUNCTION(object), depth - 1);
  } else if (PyCallable_Check(object) && !PyType_Check(object)) {
    track_attributes(object, depth);
  }
}

}  // namespace pullback::bind
