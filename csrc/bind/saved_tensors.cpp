// See saved_tensors.h.
#include "bind/saved_tensors.h"

#include <string>
#include <string_view>
#include <vector>

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
  PyPacked(PyObject* object, PyObject* unpack)
      : object_(Owned::share(object)), unpack_(Owned::share(unpack)) {}
  Tensor unpack() override {
    const Owned result(PyObject_CallOneArg(unpack_.get(), object_.get()));
    check(ErrorKind::Type, is_tensor(result.get()),
          "Output of saved tensor unpack_hook expected to be a Tensor but got result of type ",
          Py_TYPE(result.get())->tp_name);
    return unwrap(result.get());
  }

 private:
  Owned object_;
  Owned unpack_;
};

class PySavedHooks final : public SavedHooks {
 public:
  PySavedHooks(PyObject* pack, PyObject* unpack)
      : pack_(Owned::share(pack)), unpack_(Owned::share(unpack)) {}
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
    if (mode.saved_refusal) {
      PyErr_SetObject(PyExc_RuntimeError, static_cast<PyObject*>(mode.saved_refusal));
      throw_python();
    }
    auto hooks = std::make_unique<PySavedHooks>(pack, unpack);
    hooks->outer = mode.saved_hooks;
    mode.saved_hooks = hooks.release();
    Py_RETURN_NONE;
  });
}

PyObject* pop_hooks(PyObject*, PyObject*) {
  return guarded([&]() -> PyObject* {
    check(mode.saved_hooks != nullptr, "saved_tensors_hooks: left more often than entered.");
    const std::unique_ptr<SavedHooks> hooks(mode.saved_hooks);
    mode.saved_hooks = hooks->outer;
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
    auto* before = static_cast<PyObject*>(mode.saved_refusal);
    mode.saved_refusal = text == Py_None ? nullptr : Py_NewRef(text);
    return before ? before : Py_NewRef(Py_None);
  });
}

class PyWatch final : public WriteWatch {
 public:
  explicit PyWatch(PyObject* function) : function_(Owned::share(function)) {}
  void before_write(const Tensor& target) override {
    const Composition aside;
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
    const std::unique_ptr<WriteWatch> before(std::exchange(mode.watch, nullptr));
    if (function != Py_None) mode.watch = new PyWatch(function);
    Py_RETURN_NONE;
  });
}

PyMethodDef functions[] = {
    {"_set_write_watch", set_watch, METH_O, "Called before every in-place write; or None."},
    {"_push_saved_hooks", push_hooks, METH_VARARGS, "(pack, unpack): for this thread."},
    {"_pop_saved_hooks", pop_hooks, METH_NOARGS, "Takes the innermost pair away."},
    {"_set_saved_refusal", set_refusal, METH_O, "Refuses hooks with this text, or not (None)."},
    {nullptr, nullptr, 0, nullptr},
};

// A place in a node.
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
    SavedTensor& saved = *self_of(self)->saved;
    if (!saved.defined()) {
      check(!is_released(*self_of(self)->node),
            "Calling register_hooks on a saved tensor after it has been freed. Saved intermediate "
            "values of the graph are freed when you call .backward() or autograd.grad(). Specify "
            "retain_graph=True if you need to backward through the graph a second time or if you "
            "need to access saved variables after calling backward.");
      fail("Calling register_hooks on a saved tensor with value None is forbidden");
    }
    PySavedHooks hooks(pack, unpack);
    saved.register_hooks(hooks);
    Py_RETURN_NONE;
  });
}

Tensor read(Node& node, const SavedTensor& saved, bool released) {
  if (!saved.defined() && released) report_released(node);
  return saved.read(node);
}

PyObject* unpack(PyObject* self, PyObject*) {
  return guarded([&] {
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

PyObject* wrap_dim(const SavedItem& item) {
  const Dims* dims = std::get_if<Dims>(&item.value);
  check(dims && dims->size() == 1, "internal error: this node has no single dimension.");
  return PyLong_FromLongLong((*dims)[0]);
}

}  // namespace

PyObject* saved_attribute(Node& node, const char* attribute) {
  std::string_view name = attribute;
  const bool raw = name.starts_with("_raw_saved_");
  if (!raw && !name.starts_with("_saved_")) return nullptr;
  name.remove_prefix(raw ? 11 : 7);
  const SavedList list = list_of(node);
  for (const SavedItem& item : list.items) {
    const SavedName found = saved_name(node, item);
    if (found.text != name) continue;
    if (!raw && found.one_dim) return wrap_dim(item);
    if (!raw) return wrap_value(node, item, list.released);
    SavedTensor* const* tensor = std::get_if<SavedTensor*>(&item.value);
    return tensor ? wrap_raw(node, *tensor) : nullptr;
  }
  return nullptr;
}

PyObject* saved_names(Node& node) {
  Owned names(PyList_New(0));
  const SavedList list = list_of(node);
  for (const SavedItem& item : list.items) {
    const std::string name(saved_name(node, item).text);
    if (name.empty()) continue;
    const bool is_tensor = std::holds_alternative<SavedTensor*>(item.value);
    for (const char* prefix : {"_saved_", "_raw_saved_"}) {
      if (prefix[1] == 'r' && !is_tensor) continue;
      const Owned text(PyUnicode_FromFormat("%s%s", prefix, name.c_str()));
      check_status(PyList_Append(names.get(), text.get()));
    }
  }
  return names.release();
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
