// See collector.h.  Start reading at traverse() and Census::count().
#include "bind/collector.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "bind/graph_objects.h"
#include "bind/guard.h"
#include "bind/hooks.h"
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
// Objects of the core whose owned objects were visited while references were subtracted: what
// leads to one of them is one of them or a holder.
std::unordered_set<const void*> passed;

// While the core owns nothing that may lead back to it, there is only the class of a context.
bool walks() {
#ifdef Py_GIL_DISABLED
  return false;
#endif
  return live_owned != 0 && subtract;
}

PyObject* owned_by(const Node& node) { return static_cast<PyObject*>(node.owned_object()); }

// What is owned by the node of a tensor that is all that keeps it.
PyObject* owned_through(const TensorBody& tensor) {
  const auto* node = static_cast<const Node*>(tensor.raw_grad_fn.get());
  const bool only = tensor.refs.get() == 1 && node && node->refs.get() == 1;
  return only ? owned_by(*node) : nullptr;
}

// A body or a node.
struct Object {
  TensorBody* body = nullptr;
  Node* node = nullptr;

  explicit operator bool() const { return body || node; }
  const void* key() const { return body ? static_cast<const void*>(body) : node; }
  std::uint32_t references() const { return body ? body->refs.get() : node->refs.get(); }
};

// What one object of the core holds.
class Held {
 public:
  std::vector<Object> objects;
  std::vector<PyObject*> owned;

  void list(const Object& object) {
    objects.clear();
    if (object.body) {
      owned = hook_dictionaries(*object.body);
      list(*object.body);
    } else {
      owned = hook_dictionaries(*object.node);
      list(*object.node);
    }
  }

 private:
  void add(TensorBody* body) {
    if (body) objects.push_back({body, nullptr});
  }
  void add(Node* node) {
    if (node) objects.push_back({nullptr, node});
  }
  void add(const Edge& edge) {
    add(edge.node());
    if (edge.is_leaf()) add(edge.leaf());
  }

  void list(const TensorBody& body) {
    if (body.raw_flags & kOwnsHandle) owned.push_back(static_cast<PyObject*>(body.handle));
    auto* node = static_cast<Node*>(body.raw_grad_fn.get());
    add(node);
    add(body.base.get());
    const auto* meta = static_cast<const AutogradMeta*>(body.meta.get());
    if (!meta) return;
    if (meta->retention) add(node);
    if (meta->grad.defined()) add(meta->grad.body());
  }

  void list(Node& node) {
    if (PyObject* context = owned_by(node)) owned.push_back(context);
    add(parent_of(node));
    for (const Edge& edge : node.edges()) add(edge);
    SavedList saved_list;
    node.list_saved(saved_list);
    for (const SavedItem& item : saved_list.items) {
      SavedTensor* const* saved = std::get_if<SavedTensor*>(&item.value);
      if (!saved || !(*saved)->defined()) continue;
      if (!(*saved)->is_packed()) {
        add((*saved)->body());
      } else {
        add((*saved)->packed_history());
        if (void* pair = (*saved)->packed().owned_object()) {
          owned.push_back(static_cast<PyObject*>(pair));
        }
      }
    }
  }
};

// See NOTE [Cycles].
class Census {
 public:
  bool is_under_way() const { return under_way_; }

  void take() {
    const Owned gc(PyImport_ImportModule("gc"));
    const Owned objects(PyObject_CallMethod(gc.get(), "get_objects", nullptr));
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(objects.get()); ++i) {
      PyObject* object = PyList_GET_ITEM(objects.get(), i);
      if (is_tensor(object) || PyObject_TypeCheck(object, node_type)) holders_.insert(object);
    }
    under_way_ = true;
  }
  void end() {
    under_way_ = false;
    holders_.clear();
    doomed_.clear();
  }
  void reached(PyObject* holder) { holders_.erase(holder); }
  void forget(PyObject* holder) {
    holders_.erase(holder);
    doomed_.erase(holder);
  }
  bool is_doomed(PyObject* holder) const { return doomed_.contains(holder); }

  // Visits what garbage owns, if the holders are garbage.
  int count(visitproc visit, void* arg) {
    places_.clear();
    doomed_.clear();
    std::erase_if(holders_, [&](PyObject* holder) {
      const auto [object, holds] = held_by(holder);
      if (object) discover(object).arrivals += holds ? 1u : 0u;
      return !object;
    });
    run([&](const Object& object) { ++discover(object).arrivals; });
    for (auto& [key, place] : places_) {
      if (place.arrivals < place.object.references()) revive(place);
    }
    run([&](const Object& object) { revive(places_.at(object.key())); });
    for (const auto& [key, place] : places_) {
      if (place.alive) continue;
      held_.list(place.object);
      passed.insert(key);
      for (PyObject* owned : held_.owned) {
        if (const int status = visit(owned, arg)) return status;
      }
    }
    for (PyObject* holder : holders_) {
      if (!places_.at(held_by(holder).first.key()).alive) doomed_.insert(holder);
    }
    places_.clear();
    return 0;
  }

 private:
  struct Place {
    Object object;
    std::uint32_t arrivals = 0;
    bool alive = false;
  };

  // And whether that reference counts; nothing for a context that its node owns.
  static std::pair<Object, bool> held_by(PyObject* holder) {
    if (is_tensor(holder)) {
      TensorBody* body = unwrap(holder).body();
      return {{body, nullptr}, body && !(body->raw_flags & kOwnsHandle)};
    }
    const auto* self = reinterpret_cast<const PyNode*>(holder);
    if (self->leaf.defined()) return {{self->leaf.body(), nullptr}, true};
    if (self->node && owned_by(*self->node) == holder) return {};
    return {{nullptr, self->node.get()}, true};
  }

  Place& discover(const Object& object) {
    const auto [place, fresh] = places_.try_emplace(object.key(), Place{object});
    if (fresh) waiting_.push_back(object);
    return place->second;
  }
  void revive(Place& place) {
    if (!std::exchange(place.alive, true)) waiting_.push_back(place.object);
  }
  template <typename Meet>
  void run(Meet&& meet) {
    while (!waiting_.empty()) {
      const Object object = waiting_.back();
      waiting_.pop_back();
      held_.list(object);
      for (const Object& each : held_.objects) meet(each);
    }
  }

  bool under_way_ = false;
  std::unordered_set<PyObject*> holders_;  // that may be garbage
  std::unordered_set<PyObject*> doomed_;
  std::unordered_map<const void*, Place> places_;
  std::vector<Object> waiting_;
  Held held_;
};
Census census;

int probe_traverse(PyObject*, visitproc visit, void*) {
  if (!subtract) subtract = visit;
  return 0;
}

PyObject* collection_starts_or_stops(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    constexpr long kFull = 2;
    phase = Phase::Idle;
    census.end();
    const char* what;
    PyObject* info;
    if (!PyArg_ParseTuple(args, "sO!", &what, &PyDict_Type, &info)) throw_python();
    PyObject* generation = PyDict_GetItemString(info, "generation");
    const bool full = generation && PyLong_AsLong(generation) == kFull;
    if (full && walks() && std::string_view(what) == "start") census.take();
    Py_RETURN_NONE;
  });
}
PyMethodDef callback{"collection_starts_or_stops", collection_starts_or_stops, METH_VARARGS,
                     "Of gc.callbacks."};

// A walk through the core from one holder.
class Walk {
 public:
  Walk(visitproc visit, void* arg) : visit_(visit), arg_(arg) {}

  int run(const Object& start) {
    arrive(start);
    for (int k = 0; !waiting_.empty(); ++k) {
      const Object object = waiting_.back();
      waiting_.pop_back();
      if (phase == Phase::Subtracting) {
        if (k == kMostOfWalk || steps_ == kMostOfCollection) return 0;
        ++steps_;
        passed.insert(object.key());
      }
      held_.list(object);
      for (PyObject* owned : held_.owned) {
        if (const int status = visit_(owned, arg_)) return status;
      }
      for (const Object& each : held_.objects) arrive(each);
    }
    return 0;
  }
  static void forget() {
    arrivals_.clear();
    traversed_.clear();
    steps_ = 0;
  }
  // False when this phase has seen the object before.
  static bool traverse(PyObject* object) { return traversed_.insert(object).second; }

 private:
  // A graph that grows would be walked anew by every collection of young objects; what is left out
  // waits for a full one.
  static constexpr int kMostOfWalk = 1000;
  static constexpr int kMostOfCollection = 20000;

  void arrive(const Object& object) {
    const bool passes = phase == Phase::Subtracting
                            ? ++arrivals_[object.key()] == object.references()
                            : passed.erase(object.key()) != 0;
    if (passes) waiting_.push_back(object);
  }

  static std::unordered_map<const void*, std::uint32_t> arrivals_;
  static std::unordered_set<const void*> traversed_;
  static int steps_;

  visitproc visit_;
  void* arg_;
  std::vector<Object> waiting_;
  Held held_;
};
std::unordered_map<const void*, std::uint32_t> Walk::arrivals_;
std::unordered_set<const void*> Walk::traversed_;
int Walk::steps_ = 0;

int traverse(PyObject* self, const Object& held, bool holds, visitproc visit, void* arg) {
  if (!walks() || !held) return 0;
  if (visit == subtract) {
    // A second traversal of one object: references are being subtracted anew.
    if (phase != Phase::Subtracting || !Walk::traverse(self)) {
      Walk::forget();
      Walk::traverse(self);
      phase = Phase::Subtracting;
      passed.clear();
      if (census.is_under_way()) return census.count(visit, arg);
    }
    if (census.is_under_way() || !holds) return 0;
  } else {
    if (phase == Phase::Subtracting) {
      Walk::forget();
      phase = Phase::Reaching;
    }
    if (phase != Phase::Reaching) return 0;
    census.reached(self);
    if (passed.empty()) return 0;
  }
  return Walk(visit, arg).run(held);
}

}  // namespace

void prepare_collector() {
#ifdef Py_GIL_DISABLED
  return;
#endif
  if (subtract) return;
  PyType_Slot slots[] = {{Py_tp_traverse, reinterpret_cast<void*>(probe_traverse)}, {0, nullptr}};
  PyType_Spec spec{"pullback._core.Probe", sizeof(PyObject), 0,
                   Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, slots};
  const Owned type(PyType_FromSpec(&spec));
  const Owned probe(PyObject_CallNoArgs(type.get()));
  const Owned gc(PyImport_ImportModule("gc"));
  const Owned collected(PyObject_CallMethod(gc.get(), "collect", "i", 0));
  if (!subtract) return;
  const Owned callbacks(PyObject_GetAttrString(gc.get(), "callbacks"));
  const Owned function(PyCFunction_New(&callback, nullptr));
  check_status(PyList_Append(callbacks.get(), function.get()));
}

int visit_body(PyObject* self, TensorBody* body, bool holds, visitproc visit, void* arg) {
  if (!walks()) Py_VISIT(body ? owned_through(*body) : nullptr);
  return traverse(self, {body, nullptr}, holds, visit, arg);
}

int visit_node(PyObject* self, Node* node, visitproc visit, void* arg) {
  return traverse(self, {nullptr, node}, true, visit, arg);
}

void forget_holder(PyObject* holder) {
  if (census.is_under_way()) census.forget(holder);
}

bool is_doomed(PyObject* holder) { return census.is_doomed(holder); }

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
