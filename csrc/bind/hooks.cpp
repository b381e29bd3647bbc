// See hooks.h.
#include "bind/hooks.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bind/collector.h"
#include "bind/graph_objects.h"
#include "bind/guard.h"
#include "bind/saved_names.h"
#include "bind/stacks.h"
#include "bind/tensor_type.h"
#include "core/error.h"
#include "graph/meta.h"
#include "ops/rebase.h"
#include "transform/engine.h"

namespace pullback::bind {
namespace {

std::string name_of(PyObject* hook) {
  PyObject* name = PyObject_GetAttrString(hook, "__name__");
  const char* text = name ? PyUnicode_AsUTF8(name) : nullptr;
  const std::string result = text ? text : "<unknown>";
  if (!text) PyErr_Clear();
  Py_XDECREF(name);
  return result;
}

// A line for messages.
std::string defined_at(PyObject* hook) {
  const std::string place = place_of_function(hook);
  return place.empty() ? "" : "\nThe hook is defined at " + place + ".";
}

// Without its module, as torch's messages have it.
std::string_view class_name(PyObject* object) {
  const std::string_view name = Py_TYPE(object)->tp_name;
  return name.substr(name.rfind('.') + 1);
}

std::string type_of(const Tensor& t) {
  return std::string("torch.") + info(t.dtype()).scalar_name + "Tensor";
}

// What a hook puts in the place of a gradient must look the same.
void check_replacement(PyObject* before, PyObject* after, PyObject* hook) {
  if (after == Py_None) return;
  check(before != Py_None, "can't replace a None gradient with a non-None value");
  if (!is_tensor(after)) {
    fail(ErrorKind::Type, "expected Variable, but hook returned '", class_name(after), "'",
         defined_at(hook));
  }
  const Tensor& old_value = unwrap(before);
  const Tensor& value = unwrap(after);
  if (value.dtype() != old_value.dtype()) {
    fail("hook '", name_of(hook), "' has changed the type of value (was ", type_of(old_value),
         " got ", type_of(value), ")", defined_at(hook));
  }
  if (!same(value.sizes(), old_value.sizes())) {
    fail("hook '", name_of(hook), "' has changed the size of value: was ", old_value.shape(),
         ", got ", value.shape(), defined_at(hook));
  }
}

void check_replacements(PyObject* before, PyObject* after, PyObject* hook) {
  if (!PyTuple_Check(after)) {
    fail(ErrorKind::Type, "expected tuple, but hook returned '", class_name(after), "'",
         defined_at(hook));
  }
  const Py_ssize_t n = PyTuple_GET_SIZE(before);
  if (PyTuple_GET_SIZE(after) != n) {
    fail("hook '", name_of(hook), "' has returned an incorrect number of values (got ",
         PyTuple_GET_SIZE(after), ", but expected ", n, ")", defined_at(hook));
  }
  for (Py_ssize_t i = 0; i < n; ++i) {
    check_replacement(PyTuple_GET_ITEM(before, i), PyTuple_GET_ITEM(after, i), hook);
  }
}

Owned wrap_all(std::span<const Tensor> tensors) {
  Owned tuple(PyTuple_New(static_cast<Py_ssize_t>(tensors.size())));
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    PyTuple_SET_ITEM(tuple.get(), static_cast<Py_ssize_t>(i), wrap(tensors[i]));
  }
  return tuple;
}

void unwrap_all(PyObject* tuple, std::span<Tensor> tensors) {
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    PyObject* item = PyTuple_GET_ITEM(tuple, static_cast<Py_ssize_t>(i));
    tensors[i] = item == Py_None ? Tensor() : unwrap(item);
  }
}

// Calls the functions of the dictionary in order; `call(hook)` returns a new reference.  The list
// holds them, so a hook may remove itself and others.
template <typename Call, typename Take>
void for_each_hook(PyObject* dict, Call&& call, Take&& take) {
  const Owned hooks(PyMapping_Values(dict));
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(hooks.get()); ++i) {
    PyObject* hook = PyList_GET_ITEM(hooks.get(), i);
    Owned result(call(hook));
    if (result.get() != Py_None) take(std::move(result), hook);
  }
}

// A dictionary that the core owns; see NOTE [Cycles].
class Dictionary {
 public:
  explicit Dictionary(PyObject* dictionary) : dict_(Owned::share(dictionary)) { owned_made(); }
  ~Dictionary() { owned_gone(); }
  Dictionary(const Dictionary&) = delete;
  Dictionary& operator=(const Dictionary&) = delete;
  PyObject* get() const { return dict_.get(); }

 private:
  Owned dict_;
};

// No member is read after a hook was called: it may have replaced the dictionary.
class PyTensorHooks final : public TensorHooks {
 public:
  explicit PyTensorHooks(PyObject* dictionary) : dict(dictionary) {}
  void run(Tensor& gradient) override {
    Owned value(wrap(gradient));
    for_each_hook(
        dict.get(), [&](PyObject* hook) { return PyObject_CallOneArg(hook, value.get()); },
        [&](Owned result, PyObject* hook) {
          check_replacement(value.get(), result.get(), hook);
          value = std::move(result);
          gradient = unwrap(value.get());
        });
  }

  const Dictionary dict;
};

class PyAccumulationHooks final : public TensorHooks {
 public:
  explicit PyAccumulationHooks(PyObject* dictionary) : dict(dictionary) {}
  void run(Tensor& leaf) override {
    const Owned value(wrap(leaf));
    for_each_hook(
        dict.get(), [&](PyObject* hook) { return PyObject_CallOneArg(hook, value.get()); },
        [&](Owned result, PyObject* hook) {
          if (result.get() == value.get()) return;
          check_replacement(value.get(), result.get(), hook);
          fail("Tensor post accumulate grad hooks should return None.");
        });
  }

  const Dictionary dict;
};

class PyNodeHooks final : public NodeHooks {
 public:
  // `inputs` are the places that hooks see of a node's inputs, -1 for one that is not there.
  explicit PyNodeHooks(std::vector<int> inputs) : inputs_(std::move(inputs)) {}
  void before(std::span<Tensor> arrived) override {
    if (!before_dict) return;
    Owned values = wrap_all(arrived);
    for_each_hook(
        before_dict->get(), [&](PyObject* hook) { return PyObject_CallOneArg(hook, values.get()); },
        [&](Owned result, PyObject* hook) {
          check_replacements(values.get(), result.get(), hook);
          values = std::move(result);
          unwrap_all(values.get(), arrived);
        });
  }
  bool has_after() const override { return after_dict != nullptr; }
  void after(std::span<Tensor> given, std::span<const Tensor> arrived) override {
    const Owned outputs = wrap_all(arrived);
    std::vector<Tensor> shown;
    for (const int place : inputs_) {
      shown.push_back(place < 0 ? Tensor() : given[static_cast<std::size_t>(place)]);
    }
    Owned inputs = wrap_all(shown);
    for_each_hook(
        after_dict->get(),
        [&](PyObject* hook) {
          return PyObject_CallFunctionObjArgs(hook, inputs.get(), outputs.get(), nullptr);
        },
        [&](Owned result, PyObject* hook) {
          check_replacements(inputs.get(), result.get(), hook);
          inputs = std::move(result);
          unwrap_all(inputs.get(), shown);
          for (std::size_t i = 0; i < shown.size(); ++i) {
            if (inputs_[i] >= 0) given[static_cast<std::size_t>(inputs_[i])] = shown[i];
          }
        });
  }

  std::unique_ptr<Dictionary> before_dict;
  std::unique_ptr<Dictionary> after_dict;

 private:
  const std::vector<int> inputs_;
};

class PyNotes final : public NodeNotes {
 public:
  // What anomaly mode noted goes into a new dictionary, under torch's names.
  PyObject* get(std::uint64_t sequence, const Provenance& where) {
    if (dict_) return Py_NewRef(dict_->get());
    const Owned dict(PyDict_New());
    if (stacks) {
      const Owned calls(PyList_New(0));
      for (const std::string& call : stacks->calls(sequence, where)) {
        const Owned text(PyUnicode_FromString(call.c_str()));
        check_status(PyList_Append(calls.get(), text.get()));
      }
      const Owned module(PyImport_ImportModule("pullback.autograd.anomaly_mode"));
      const Owned frames(PyObject_CallMethod(module.get(), "_frames", "sO",
                                             where.describe().c_str(), calls.get()));
      check_status(PyDict_SetItemString(dict.get(), "traceback_", frames.get()));
    }
    if (parent) {
      const Owned object(wrap_node(parent));
      check_status(PyDict_SetItemString(dict.get(), "parent_", object.get()));
    }
    dict_ = std::make_unique<Dictionary>(dict.get());
    return Py_NewRef(dict.get());
  }
  void add_to(std::vector<PyObject*>& found) const {
    if (dict_) found.push_back(dict_->get());
  }

  std::shared_ptr<const CallStacks> stacks;
  Ref<Node> parent;
  FirstUse first_use;  // of a leaf

 private:
  std::unique_ptr<Dictionary> dict_;
};

PyNotes& notes_in(std::unique_ptr<NodeNotes>& notes) {
  if (!notes) notes = std::make_unique<PyNotes>();
  return static_cast<PyNotes&>(*notes);
}

LeafHooks& leaf_hooks(const Tensor& leaf) {
  AutogradMeta& meta = make_meta(leaf);
  if (!meta.hooks) meta.hooks = std::make_unique<LeafHooks>();
  leaf.set(kHooked, true);
  return *meta.hooks;
}

LeafHooks* find_leaf_hooks(const Tensor& tensor) {
  const bool may = tensor.has(kHooked) && !raw_node_of(tensor) && meta_of(tensor);
  return may ? meta_of(tensor)->hooks.get() : nullptr;
}

OutputHooks* find_output_hooks(const Tensor& tensor) {
  const Node* node = node_of(tensor);
  if (!node || !node->extra()) return nullptr;
  const std::uint32_t level = hook_level(tensor.raw_flags());
  for (OutputHooks& each : node->extra()->outputs) {
    if (each.output_nr == output_nr_of(tensor) && each.level == level) return &each;
  }
  return nullptr;
}

PyTensorHooks* find_backward_hooks(const Tensor& tensor) {
  TensorHooks* found = nullptr;
  if (const LeafHooks* leaf = find_leaf_hooks(tensor)) {
    found = leaf->tensor.get();
  } else if (const OutputHooks* output = find_output_hooks(tensor)) {
    found = output->hooks.get();
  }
  return static_cast<PyTensorHooks*>(found);
}

PyObject* or_none(PyObject* object) { return Py_NewRef(object ? object : Py_None); }

// See NOTE [Handles]: an object that holds something of Python's is tracked.
void track(PyObject* tensor) {
  if (!PyObject_GC_IsTracked(tensor)) PyObject_GC_Track(tensor);
}

PyObject* register_in(NodeHooks& hooks, PyObject* function, bool before) {
  auto& mine = static_cast<PyNodeHooks&>(hooks);
  const Owned module(PyImport_ImportModule("pullback.utils.hooks"));
  std::unique_ptr<Dictionary>& dict = before ? mine.before_dict : mine.after_dict;
  const Owned pair(
      PyObject_CallMethod(module.get(), "_register", "OO", dict ? dict->get() : Py_None, function));
  if (!dict) dict = std::make_unique<Dictionary>(PyTuple_GET_ITEM(pair.get(), 0));
  return Py_NewRef(PyTuple_GET_ITEM(pair.get(), 1));
}

// A tensor holds its node, once more when it keeps its gradient.
bool owns_node(const Tensor& tensor, const Node& node) {
  const AutogradMeta* meta = meta_of(tensor);
  return node.refs.get() == (meta && meta->retention ? 2u : 1u);
}

void add_dictionaries(const NodeHooks* hooks, std::vector<PyObject*>& found) {
  if (!hooks) return;
  const auto& mine = static_cast<const PyNodeHooks&>(*hooks);
  if (mine.before_dict) found.push_back(mine.before_dict->get());
  if (mine.after_dict) found.push_back(mine.after_dict->get());
}

void add_notes(const NodeNotes* notes, std::vector<PyObject*>& found) {
  if (notes) static_cast<const PyNotes&>(*notes).add_to(found);
}

void clear_all(Node& node) {
  if (!node.extra()) return;
  const std::vector<OutputHooks> outputs = std::move(node.extra()->outputs);
  const std::vector<LevelHooks> hooks = std::move(node.extra()->hooks);
  const std::unique_ptr<NodeNotes> notes = std::move(node.extra()->notes);
}

}  // namespace

PyObject* get_backward_hooks(const Tensor& tensor) {
  refresh_history(tensor);
  const PyTensorHooks* found = find_backward_hooks(tensor);
  return or_none(found ? found->dict.get() : nullptr);
}

int set_backward_hooks(PyObject* self, PyObject* value, void*) {
  return guarded_status([&] {
    const Tensor& tensor = unwrap(self);
    refresh_history(tensor);
    if (PyTensorHooks* found = find_backward_hooks(tensor)) {
      if (found->dict.get() == value) return 0;
      // The old dictionary dies last: what it holds may be this tensor.
      const Owned old = Owned::share(found->dict.get());
      if (OutputHooks* output = find_output_hooks(tensor)) {
        auto& outputs = node_of(tensor)->extra()->outputs;
        outputs.erase(outputs.begin() + (output - outputs.data()));
      } else {
        leaf_hooks(tensor).tensor = nullptr;
      }
    }
    if (!value || value == Py_None) return 0;
    auto hooks = std::make_unique<PyTensorHooks>(value);
    if (Node* node = node_of(tensor)) {
      node->make_extra().outputs.push_back(
          {output_nr_of(tensor), hook_level(tensor.raw_flags()), std::move(hooks)});
      tensor.set(kHooked, true);
    } else {
      leaf_hooks(tensor).tensor = std::move(hooks);
    }
    track(self);
    return 0;
  });
}

PyObject* get_accumulation_hooks(const Tensor& tensor) {
  const LeafHooks* found = find_leaf_hooks(tensor);
  if (!found || !found->accumulated) Py_RETURN_NONE;
  return or_none(static_cast<const PyAccumulationHooks&>(*found->accumulated).dict.get());
}

int set_accumulation_hooks(PyObject* self, PyObject* value, void*) {
  return guarded_status([&] {
    LeafHooks& hooks = leaf_hooks(unwrap(self));
    const std::unique_ptr<TensorHooks> old = std::move(hooks.accumulated);
    if (value && value != Py_None) hooks.accumulated = std::make_unique<PyAccumulationHooks>(value);
    track(self);
    return 0;
  });
}

PyObject* register_node_hook(Node& node, PyObject* function, bool before) {
  const std::uint32_t level = hook_level(node.levels());
  NodeHooks* hooks = node.make_extra().hooks_of(level);
  if (!hooks) {
    auto made = std::make_unique<PyNodeHooks>(shown_inputs(node));
    hooks = node.extra()->hooks.emplace_back(level, std::move(made)).hooks.get();
  }
  return register_in(*hooks, function, before);
}

PyObject* register_node_hook(const Tensor& leaf, PyObject* function, bool before) {
  std::unique_ptr<NodeHooks>& hooks = leaf_hooks(leaf).accumulator;
  if (!hooks) hooks = std::make_unique<PyNodeHooks>(std::vector<int>());
  return register_in(*hooks, function, before);
}

PyObject* notes_of(Node& node) {
  return notes_in(node.make_extra().notes).get(node.sequence(), node.where());
}

PyObject* notes_of(const Tensor& leaf) {
  PyNotes& notes = notes_in(leaf_hooks(leaf).notes);
  return notes.get(notes.first_use.sequence, notes.first_use.where);
}

void note_anomaly(Node& node, std::shared_ptr<const CallStacks> stacks, Ref<Node> parent) {
  PyNotes& notes = notes_in(node.make_extra().notes);
  notes.stacks = std::move(stacks);
  notes.parent = std::move(parent);
}

void note_anomaly_of_leaves(const Node& node, const std::shared_ptr<const CallStacks>& stacks,
                            std::uint64_t since) {
  for (const Edge& edge : node.edges()) {
    if (!edge.is_leaf()) continue;
    const Tensor leaf(Ref<TensorBody>::share(edge.leaf()));
    PyNotes& notes = notes_in(leaf_hooks(leaf).notes);
    if (notes.stacks == stacks && notes.first_use.sequence >= since) continue;
    notes.stacks = stacks;
    notes.first_use.sequence = node.sequence();
    notes.first_use.where.share(node.where());
  }
}

const FirstUse* first_use_of(const Tensor& leaf) {
  const LeafHooks* hooks = find_leaf_hooks(leaf);
  if (!hooks || !hooks->notes) return nullptr;
  const auto& notes = static_cast<const PyNotes&>(*hooks->notes);
  return notes.stacks ? &notes.first_use : nullptr;
}

Node* parent_of(const Node& node) {
  const NodeExtra* extra = node.extra();
  return extra && extra->notes ? static_cast<const PyNotes&>(*extra->notes).parent.get() : nullptr;
}

std::vector<PyObject*> hook_dictionaries(const Node& node) {
  std::vector<PyObject*> found;
  if (!node.extra()) return found;
  for (const OutputHooks& each : node.extra()->outputs) {
    found.push_back(static_cast<const PyTensorHooks&>(*each.hooks).dict.get());
  }
  for (const LevelHooks& each : node.extra()->hooks) add_dictionaries(each.hooks.get(), found);
  add_notes(node.extra()->notes.get(), found);
  return found;
}

std::string place_of_function(PyObject* function) {
  if (!PyFunction_Check(function)) return "";
  auto* code = reinterpret_cast<PyCodeObject*>(PyFunction_GetCode(function));
  const char* file = PyUnicode_AsUTF8(code->co_filename);
  if (!file) {
    PyErr_Clear();
    return "";
  }
  return std::string(file) + ":" + std::to_string(code->co_firstlineno);
}

std::vector<std::string> hook_places(const std::vector<PyObject*>& dictionaries) {
  std::vector<std::string> places;
  for (PyObject* dictionary : dictionaries) {
    const Owned hooks(PyMapping_Values(dictionary));
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(hooks.get()); ++i) {
      PyObject* hook = PyList_GET_ITEM(hooks.get(), i);
      const std::string place = place_of_function(hook);
      places.push_back((place.empty() ? "an unknown line" : place) + " in " + name_of(hook));
    }
  }
  return places;
}

std::vector<PyObject*> hook_dictionaries(const TensorBody& leaf) {
  std::vector<PyObject*> found;
  const auto* meta = static_cast<const AutogradMeta*>(leaf.meta.get());
  if (leaf.raw_grad_fn || !meta || !meta->hooks) return found;
  const LeafHooks& hooks = *meta->hooks;
  if (hooks.tensor) found.push_back(static_cast<const PyTensorHooks&>(*hooks.tensor).dict.get());
  if (hooks.accumulated) {
    found.push_back(static_cast<const PyAccumulationHooks&>(*hooks.accumulated).dict.get());
  }
  add_dictionaries(hooks.accumulator.get(), found);
  add_notes(hooks.notes.get(), found);
  return found;
}

void clear_hooks(Node& node) {
  if (node.refs.get() == 1) clear_all(node);
}

void clear_hooks(const Tensor& tensor) {
  if (!tensor.defined() || tensor.body()->refs.get() != 1) return;
  if (Node* node = raw_node_of(tensor)) {
    if (owns_node(tensor, *node)) clear_all(*node);
  } else if (find_leaf_hooks(tensor)) {
    const LeafHooks hooks = std::move(*meta_of(tensor)->hooks);
  }
}

namespace {

PyObject* queue_callback(PyObject*, PyObject* function) {
  return guarded([&]() -> PyObject* {
    check(mode.pass, "Final callbacks can only be installed during backward pass.");
    check(ErrorKind::Type, PyCallable_Check(function), "queue_callback: got ",
          Py_TYPE(function)->tp_name, ", expected a function.");
    const auto held = std::make_shared<Owned>(Owned::share(function));
    mode.pass->call_at_end([held] { Owned(PyObject_CallNoArgs(held->get())); });
    Py_RETURN_NONE;
  });
}

}  // namespace

PyMethodDef hook_functions[] = {
    {"_queue_callback", queue_callback, METH_O, "Calls the function at the end of the pass."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace pullback::bind
