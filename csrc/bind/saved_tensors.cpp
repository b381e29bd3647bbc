// See saved_tensors.h.
#include "bind/saved_tensors.h"

#include <string>
#include <string_view>
#include <vector>

#include "bind/collector.h"
#include "bind/convert.h"
#include "bind/guard.h"
#include "bind/saved_names.h"
#include "bind/tensor_type.h"
#include "bind/types.h"
#include "core/error.h"
#include "graph/mode.h"
#include "graph/saved.h"

namespace pullback::bind {
namespace {

class PyPacked final : public PackedTensor {
 public:
  PyPacked(PyObject* object, PyObject* unpack) : pair_(PyList_New(2)) {
    PyList_SET_ITEM(pair_.get(), 0, Py_NewRef(object));
    PyList_SET_ITEM(pair_.get(), 1, Py_NewRef(unpack));
    owned_made();
    track_held(object);
  }
  ~PyPacked() override { owned_gone(); }
  Tensor unpack() override {
    check(PyList_GET_SIZE(pair_.get()) == 2, "internal error: the saved tensor was collected.");
    const Owned object = Owned::share(PyList_GET_ITEM(pair_.get(), 0));
    const Owned unpack = Owned::share(PyList_GET_ITEM(pair_.get(), 1));
    const Owned result(PyObject_CallOneArg(unpack.get(), object.get()));
    check(ErrorKind::Type, is_tensor(result.get()),
          "Output of saved tensor unpack_hook expected to be a Tensor but got result of type ",
          Py_TYPE(result.get())->tp_name);
    return unwrap(result.get());
  }
  void* owned_object() const override { return pair_.get(); }

 private:
  // What pack gave and the function that unpacks it: a list, which the collector can empty.
  Owned pair_;
};

class PySavedHooks final : public SavedHooks {
 public:
  PySavedHooks(PyObject* pack, PyObject* unpack)
      : pack_(Owned::share(pack)), unpack_(Owned::share(unpack)) {
    track_held(unpack);
  }
  std::unique_ptr<PackedTensor> pack(const Tensor& tensor) override {
    // The functions may take this pair off the list while they run.
    const Owned unpack = Owned::share(unpack_.get());
    const Owned argument(wrap(tensor));
    const Owned packed(PyObject_CallOneArg(pack_.get(), argument.get()));
    return std::make_unique<PyPacked>(packed.get(), unpack.get());
  }

 private:
  Owned pack_;
  Owned unpack_;
};

PyObject* push_hooks(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    PyObject *pack, *unpack;
    if (!PyArg_ParseTuple(args, "OO:_push_saved_hooks", &pack, &unpack)) throw_python();
    check(ErrorKind::Type, PyCallable_Check(pack) && PyCallable_Check(unpack),
          "saved_tensors_hooks: incompatible arguments: got (", Py_TYPE(pack)->tp_name, ", ",
          Py_TYPE(unpack)->tp_name, "), expected two functions.");
    check_saved_hooks_allowed();
    push_saved_hooks(Ref<SavedHooks>::adopt(new PySavedHooks(pack, unpack)));
    Py_RETURN_NONE;
  });
}

PyObject* pop_hooks(PyObject*, PyObject*) {
  return guarded([&]() -> PyObject* {
    check(pop_saved_hooks(), "saved_tensors_hooks: left more often than entered.");
    Py_RETURN_NONE;
  });
}

// Hooks are refused with this text on this thread; returns what was set before.
PyObject* set_refusal(PyObject*, PyObject* text) {
  return guarded([&]() -> PyObject* {
    check(ErrorKind::Type, text == Py_None || PyUnicode_Check(text),
          "disable_saved_tensors_hooks: got ", Py_TYPE(text)->tp_name, ", expected str.");
    if (text != Py_None && mode.saved_hooks) {
      PyErr_SetObject(PyExc_RuntimeError, text);
      throw_python();
    }
    Ref<SavedRefusal> refusal;
    if (text != Py_None) {
      const char* words = PyUnicode_AsUTF8(text);
      if (!words) throw_python();
      refusal = Ref<SavedRefusal>::adopt(new SavedRefusal(words));
    }
    const Ref<SavedRefusal> before = exchange_counted(mode.saved_refusal, std::move(refusal));
    if (!before) Py_RETURN_NONE;
    return PyUnicode_FromString(before->text.c_str());
  });
}

class PyWatch final : public WriteWatch {
 public:
  explicit PyWatch(PyObject* function) : function_(Owned::share(function)) {}
  void before_write(const Tensor& target) override {
    const Owned argument(wrap(target));
    Owned(PyObject_CallOneArg(function_.get(), argument.get()));
  }

 private:
  Owned function_;
};

// Calls the function before every in-place write on this thread; None for no more.
PyObject* set_watch(PyObject*, PyObject* function) {
  return guarded([&]() -> PyObject* {
    check(!mode.watch || function == Py_None,
          "allow_mutation_on_saved_tensors contexts cannot be nested");
    Ref<WriteWatch> watch;
    if (function != Py_None) watch = Ref<WriteWatch>::adopt(new PyWatch(function));
    const Ref<WriteWatch> before = exchange_counted(mode.watch, std::move(watch));
    Py_RETURN_NONE;
  });
}

// _set_version(tensor, version)
PyObject* set_version(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    PyObject* tensor;
    unsigned version;
    if (!PyArg_ParseTuple(args, "O!I:_set_version", tensor_type, &tensor, &version)) {
      throw_python();
    }
    unwrap(tensor).body()->storage->version = version;
    Py_RETURN_NONE;
  });
}

PyMethodDef functions[] = {
    {"_set_version", set_version, METH_VARARGS, "(tensor, version): hides in-place writes."},
    {"_set_write_watch", set_watch, METH_O, "Called before every in-place write; or None."},
    {"_push_saved_hooks", push_hooks, METH_VARARGS, "(pack, unpack): for this thread."},
    {"_pop_saved_hooks", pop_hooks, METH_NOARGS, "Takes the innermost pair away."},
    {"_set_saved_refusal", set_refusal, METH_O, "Refuses hooks with this text, or not (None)."},
    {nullptr, nullptr, 0, nullptr},
};

// A place in a node; `saved` is null where an operation got None.
struct PySaved {
  PyObject_HEAD Ref<Node> node;
  SavedTensor* saved;
};
PyTypeObject* saved_type = nullptr;

PySaved* self_of(PyObject* object) { return reinterpret_cast<PySaved*>(object); }

void saved_dealloc(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  self_of(object)->node.~Ref<Node>();
  type->tp_free(object);
  Py_DECREF(type);
}

PyObject* saved_new(PyTypeObject*, PyObject*, PyObject*) {
  PyErr_SetString(PyExc_RuntimeError,
                  "Trying to create a SavedTensor object from Python is forbidden.");
  return nullptr;
}

SavedList list_of(Node& node) {
  SavedList list;
  node.list_saved(list);
  // x ** 2 is an operator of its own, which needs no exponent.
  const bool squares = std::string_view(node.name()) == "PowBackward0" && list.items.size() < 2;
  if (squares) list.add_input(1, Scalar(2));
  return list;
}

bool is_released(Node& node) { return list_of(node).released; }

PyObject* register_hooks(PyObject* self, PyObject* args) {
  return guarded([&]() -> PyObject* {
    PyObject *pack, *unpack;
    if (!PyArg_ParseTuple(args, "OO:register_hooks", &pack, &unpack)) throw_python();
    check(ErrorKind::Type, PyCallable_Check(pack) && PyCallable_Check(unpack),
          "register_hooks(): incompatible function arguments: got (", Py_TYPE(pack)->tp_name, ", ",
          Py_TYPE(unpack)->tp_name, "), expected two functions.");
    SavedTensor* const place = self_of(self)->saved;
    if (!place || !place->defined()) {
      check(!place || !is_released(*self_of(self)->node),
            "Calling register_hooks on a saved tensor after it has been freed. Saved intermediate "
            "values of the graph are freed when you call .backward() or autograd.grad(). Specify "
            "retain_graph=True if you need to backward through the graph a second time or if you "
            "need to access saved variables after calling backward.");
      fail("Calling register_hooks on a saved tensor with value None is forbidden");
    }
    PySavedHooks hooks(pack, unpack);
    place->register_hooks(hooks);
    Py_RETURN_NONE;
  });
}

Tensor read(Node& node, const SavedTensor& saved, bool released) {
  if (!saved.defined() && released) report_released(node);
  return saved.read(node);
}

PyObject* unpack(PyObject* self, PyObject*) {
  return guarded([&] {
    if (!self_of(self)->saved) return Py_NewRef(Py_None);
    Node& node = *self_of(self)->node;
    return wrap(read(node, *self_of(self)->saved, is_released(node)));
  });
}

PyMethodDef saved_methods[] = {
    {"register_hooks", register_hooks, METH_VARARGS,
     "Puts pack(tensor) in the place of the saved tensor; unpack gives it back."},
    {"unpack", unpack, METH_NOARGS, "The saved tensor."},
    {nullptr, nullptr, 0, nullptr},
};

PyObject* wrap_raw(Node& node, SavedTensor* saved) {
  PyObject* object = saved_type->tp_alloc(saved_type, 0);
  if (!object) throw_python();
  new (&self_of(object)->node) Ref<Node>(Ref<Node>::share(&node));
  self_of(object)->saved = saved;
  return object;
}

PyObject* wrap_value(Node& node, const SavedItem& item, bool released) {
  struct Wrap {
    Node& node;
    bool released;
    PyObject* operator()(std::monostate) const { Py_RETURN_NONE; }
    PyObject* operator()(SavedTensor* saved) const { return wrap(read(node, *saved, released)); }
    PyObject* operator()(const Scalar& number) const { return wrap_number(number); }
    PyObject* operator()(bool value) const { return PyBool_FromLong(value); }
    PyObject* operator()(std::int64_t value) const { return PyLong_FromLongLong(value); }
    PyObject* operator()(double value) const { return PyFloat_FromDouble(value); }
    PyObject* operator()(DType value) const { return wrap_dtype(value); }
    PyObject* operator()(const Dims& value) const {
      Owned tuple(PyTuple_New(value.size()));
      for (int i = 0; i < value.size(); ++i) {
        PyTuple_SET_ITEM(tuple.get(), i, PyLong_FromLongLong(value[i]));
      }
      return tuple.release();
    }
  };
  return std::visit(Wrap{node, released}, item.value);
}

// Of a tensor without dimensions the list is empty.
PyObject* wrap_dim(const SavedItem& item) {
  const Dims& dims = std::get<Dims>(item.value);
  return PyLong_FromLongLong(dims.size() ? dims[0] : 0);
}

// What a node keeps, under torch's names.
struct Named {
  SavedName name;
  const SavedItem* item;
};

class NamedList {
 public:
  explicit NamedList(Node& node) : node_(node), names_(names_of(node)), list_(list_of(node)) {
    for (const SavedItem& item : list_.items) {
      const SavedName name = saved_name(names_, item);
      if (!name.text.empty()) items_.push_back({name, &item});
    }
  }

  PyObject* get(std::string_view name, bool raw) const {
    for (const Named& each : items_) {
      if (each.name.text != name) continue;
      if (each.name.is_list) return get_list(name, raw);
      if (!raw && each.name.one_dim) return wrap_dim(*each.item);
      if (each.name.negated) {
        const double* real = std::get_if<double>(&each.item->value);
        return real ? PyFloat_FromDouble(-*real)
                    : wrap_number(-std::get<Scalar>(each.item->value).to_complex());
      }
      if (!raw) return wrap_value(node_, *each.item, list_.released);
      SavedTensor* const* tensor = std::get_if<SavedTensor*>(&each.item->value);
      return tensor ? wrap_raw(node_, *tensor) : nullptr;
    }
    return raw ? nullptr : get_more(name);
  }

  PyObject* all() const {
    Owned names(PyList_New(0));
    const auto add = [&](const char* prefix, std::string_view name) {
      const Owned text(PyUnicode_FromFormat("%s%s", prefix, std::string(name).c_str()));
      check_status(PyList_Append(names.get(), text.get()));
    };
    for (std::size_t k = 0; k < items_.size(); ++k) {
      const Named& each = items_[k];
      if (each.name.is_list && k > 0 && items_[k - 1].name.text == each.name.text) continue;
      add("_saved_", each.name.text);
      if (std::holds_alternative<SavedTensor*>(each.item->value)) {
        add("_raw_saved_", each.name.text);
      }
    }
    std::string_view rest = names_.more;
    while (!rest.empty()) {
      const std::string_view word = rest.substr(0, rest.find(' '));
      rest.remove_prefix(std::min(rest.size(), word.size() + 1));
      const std::string_view name = word.substr(0, word.find('='));
      if (find(name)) continue;
      if (word == name && !is_known(name)) continue;
      add("_saved_", name);
    }
    return names.release();
  }

 private:
  const SavedItem* find(std::string_view name) const {
    for (const Named& each : items_) {
      if (each.name.text == name) return each.item;
    }
    return nullptr;
  }

  // The indices of an indexing operation: None for a dimension that has none.
  PyObject* get_list(std::string_view name, bool raw) const {
    const Dims& dims = std::get<Dims>(list_of_dims());
    Owned tuple(PyTuple_New(dims.size() ? dims[dims.size() - 1] + 1 : 0));
    for (Py_ssize_t d = 0; d < PyTuple_GET_SIZE(tuple.get()); ++d) {
      PyTuple_SET_ITEM(tuple.get(), d, raw ? wrap_raw(node_, nullptr) : Py_NewRef(Py_None));
    }
    int next = 0;
    for (const Named& each : items_) {
      if (each.name.text != name) continue;
      SavedTensor* saved = std::get<SavedTensor*>(each.item->value);
      PyObject* value = raw ? wrap_raw(node_, saved) : wrap(read(node_, *saved, list_.released));
      check_status(PyTuple_SetItem(tuple.get(), dims[next++], value));
    }
    return tuple.release();
  }

  // The first attribute of an indexing operation says which dimensions have an index.
  const SavedItem::Value& list_of_dims() const {
    for (const SavedItem& item : list_.items) {
      if (item.role == SavedItem::Role::Attribute) return item.value;
    }
    fail("internal error: this node has no list of dimensions.");
  }

  // Whether get_more has something to tell, or the error that it was released.
  bool is_known(std::string_view name) const {
    const SavedItem* item = find(name.substr(0, name.find("_sym_")));
    const SavedTensor* const* tensor = item ? std::get_if<SavedTensor*>(&item->value) : nullptr;
    return !tensor || (*tensor)->defined() || list_.released;
  }

  // A constant, or what follows from a saved tensor or from sizes; null when it is not known.
  PyObject* get_more(std::string_view name) const {
    std::string_view rest = names_.more;
    while (!rest.empty()) {
      const std::string_view word = rest.substr(0, rest.find(' '));
      rest.remove_prefix(std::min(rest.size(), word.size() + 1));
      if (word == name) return derive(name);
      if (!word.starts_with(name) || word[name.size()] != '=') continue;
      const std::string value(word.substr(name.size() + 1));
      if (value == "None") Py_RETURN_NONE;
      if (value == "False") Py_RETURN_FALSE;
      if (value == "True") Py_RETURN_TRUE;
      return PyLong_FromString(value.c_str(), nullptr, 10);
    }
    return nullptr;
  }

  PyObject* derive(std::string_view name) const {
    const std::size_t end = name.find("_sym_");
    const std::string_view what = name.substr(end + 5);
    const std::string of(name.substr(0, end));
    if (what == "numel") {
      const SavedItem* sizes = find(of + "_sym_sizes");
      std::int64_t count = 1;
      for (const std::int64_t size : std::get<Dims>(sizes->value)) count *= size;
      return PyLong_FromLongLong(count);
    }
    const SavedItem* item = find(of);
    const SavedTensor& saved = *std::get<SavedTensor*>(item->value);
    if (!saved.defined() && !list_.released) return nullptr;
    const Tensor tensor = read(node_, saved, list_.released);
    return wrap_value(
        node_,
        {SavedItem::Role::Attribute, 0, Dims(what == "sizes" ? tensor.sizes() : tensor.strides())},
        false);
  }

  Node& node_;
  const SavedNames names_;
  const SavedList list_;
  std::vector<Named> items_;
};

}  // namespace

PyObject* saved_attribute(Node& node, const char* attribute) {
  std::string_view name = attribute;
  const bool raw = name.starts_with("_raw_saved_");
  if (!raw && !name.starts_with("_saved_")) return nullptr;
  name.remove_prefix(raw ? 11 : 7);
  return NamedList(node).get(name, raw);
}

PyObject* saved_names(Node& node) { return NamedList(node).all(); }

PyObject* raw_saved(Node& node, std::span<SavedTensor* const> tensors) {
  Owned tuple(PyTuple_New(static_cast<Py_ssize_t>(tensors.size())));
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    PyTuple_SET_ITEM(tuple.get(), static_cast<Py_ssize_t>(i), wrap_raw(node, tensors[i]));
  }
  return tuple.release();
}

int init_saved_tensors(PyObject* module) {
  PyType_Slot slots[] = {
      {Py_tp_dealloc, reinterpret_cast<void*>(saved_dealloc)},
      {Py_tp_new, reinterpret_cast<void*>(saved_new)},
      {Py_tp_methods, saved_methods},
      {0, nullptr},
  };
  PyType_Spec spec{"pullback.autograd.graph.SavedTensor", sizeof(PySaved), 0, Py_TPFLAGS_DEFAULT,
                   slots};
  PyObject* type = PyType_FromSpec(&spec);
  if (!type) return -1;
  saved_type = reinterpret_cast<PyTypeObject*>(type);
  if (PyModule_AddObjectRef(module, "SavedTensor", type) < 0) return -1;
  return PyModule_AddFunctions(module, functions);
}

}  // namespace pullback::bind
