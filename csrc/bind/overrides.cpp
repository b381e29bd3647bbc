// See overrides.h.
#include "bind/overrides.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bind/convert.h"
#include "bind/guard.h"
#include "bind/parameters.h"
#include "bind/provenance.h"
#include "graph/mode.h"

namespace pullback::bind {
namespace {

// Immortal, like the module.
PyObject* attribute = nullptr;           // "__torch_function__"
PyObject* dispatch_attribute = nullptr;  // "__torch_dispatch__"
PyObject* default_say = nullptr;         // what Tensor has
PyObject* no_say = nullptr;              // what Parameter has
PyObject* no_dispatch = nullptr;

enum class Say : std::uint8_t { None, Default, Own };

Say say_of(PyTypeObject* type) {
  PyObject* found = _PyType_Lookup(type, attribute);
  if (!found || found == no_say) return Say::None;
  return found == default_say ? Say::Default : Say::Own;
}

// Types without a say that are met all the time.
bool is_basic(PyObject* object) {
  return PyLong_CheckExact(object) || PyFloat_CheckExact(object) || PyBool_Check(object) ||
         object == Py_None || PyUnicode_CheckExact(object) || PySlice_Check(object);
}

Say say(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  if (type == tensor_type || is_basic(object)) return Say::None;
  if (is_heir(object)) return Say::Default;
  const Say found = say_of(type);
  // Python gives a class that changes all the time no version any more.
  if (type->tp_version_tag == 0) return found;
  if (found == Say::Default) {
    mode.heir = type;
    mode.heir_version = type->tp_version_tag;
  } else if (found == Say::None && is_tensor(object)) {
    mode.quiet = type;
    mode.quiet_version = type->tp_version_tag;
  }
  return found;
}

bool modes_are_on() {
  return mode.function_modes && !mode.modes_off &&
         PyList_GET_SIZE(static_cast<PyObject*>(mode.function_modes)) > 0;
}

// The arguments with a say, one for each class, in the order in which they are asked.
class Overloaded {
 public:
  void add(PyObject* object) {
    const Say found = say(object);
    if (found == Say::None) return;
    for (PyObject* each : objects_) {
      if (Py_TYPE(each) == Py_TYPE(object)) return;
    }
    own_ |= found == Say::Own;
    auto place = objects_.begin();
    while (place != objects_.end() && !PyType_IsSubtype(Py_TYPE(object), Py_TYPE(*place))) ++place;
    objects_.insert(place, object);
  }
  void add_items(PyObject* object) {
    if (!PyTuple_Check(object) && !PyList_Check(object)) return add(object);
    if (Py_TYPE(object) != &PyTuple_Type && Py_TYPE(object) != &PyList_Type) add(object);
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(object); ++i) {
      add(PySequence_Fast_GET_ITEM(object, i));
    }
  }
  bool empty() const { return objects_.empty(); }
  const std::vector<PyObject*>& objects() const { return objects_; }
  // The class of the results when all have Tensor's own __torch_function__; null when somebody must
  // be called, if only to say that there is no such class.
  PyTypeObject* common_class() const {
    if (own_) return nullptr;
    PyTypeObject* first = Py_TYPE(objects_.front());
    for (PyObject* each : objects_) {
      if (!PyType_IsSubtype(first, Py_TYPE(each))) return nullptr;
    }
    return first;
  }

 private:
  std::vector<PyObject*> objects_;
  bool own_ = false;
};

// The usual case, without a list: there is one class at most, which has Tensor's own
// __torch_function__.
bool is_one_class(PyObject* const* args, Py_ssize_t n, PyTypeObject*& cls) {
  for (Py_ssize_t i = 0; i < n; ++i) {
    PyObject* each = args[i];
    if (!each || Py_TYPE(each) == cls || Py_TYPE(each) == tensor_type || is_basic(each)) continue;
    if (PyTuple_Check(each) || PyList_Check(each)) return cls = nullptr, false;
    const Say found = say(each);
    if (found == Say::None) continue;
    if (found == Say::Own || cls) return cls = nullptr, false;
    cls = Py_TYPE(each);
  }
  return true;
}

PyObject* attribute_of_tensor(const char* name) {
  return PyObject_GetAttrString(reinterpret_cast<PyObject*>(tensor_type), name);
}

const char* name_of_method(const void* function) {
  for (const PyMethodDef* list : {tensor_methods, conversion_methods, interop_methods}) {
    for (; list->ml_name; ++list) {
      if (reinterpret_cast<const void*>(list->ml_meth) == function) return list->ml_name;
    }
  }
  fail("internal error: a method that asks is in no table");
}

const char* name_of_property(const void* function) {
  for (const PyGetSetDef* each = tensor_properties; each->name; ++each) {
    if (reinterpret_cast<const void*>(each->get) == function ||
        reinterpret_cast<const void*>(each->set) == function) {
      return each->name;
    }
  }
  fail("internal error: a property that asks is in no table");
}

PyObject* function_of(const Callee& callee, Py_ssize_t num_args) {
  switch (callee.kind) {
    case Callee::Kind::Object:
    case Callee::Kind::Function:
      return Py_NewRef(const_cast<PyObject*>(static_cast<const PyObject*>(callee.what)));
    case Callee::Kind::Name:
      return attribute_of_tensor(static_cast<const char*>(callee.what));
    case Callee::Kind::Core: {
      const Owned core(PyImport_ImportModule("pullback._core"));
      return PyObject_GetAttrString(core.get(), static_cast<const char*>(callee.what));
    }
    case Callee::Kind::Method:
      return attribute_of_tensor(name_of_method(callee.what));
    case Callee::Kind::Getter:
    case Callee::Kind::Setter:
      break;
  }
  const Owned property(attribute_of_tensor(name_of_property(callee.what)));
  const char* part = callee.kind == Callee::Kind::Getter ? "__get__"
                     : num_args == 1                     ? "__delete__"
                                                         : "__set__";
  return PyObject_GetAttrString(property.get(), part);
}

// Removes the innermost mode while it is asked.
class Stash {
 public:
  Stash() : list_(Owned::share(static_cast<PyObject*>(mode.function_modes))) {
    const Py_ssize_t last = PyList_GET_SIZE(list_.get()) - 1;
    innermost_ = Owned::share(PyList_GET_ITEM(list_.get(), last));
    check_status(PyList_SetSlice(list_.get(), last, last + 1, nullptr));
    refresh_plain();
  }
  ~Stash() {
    const ErrorScope keep;
    if (PyList_Append(list_.get(), innermost_.get()) < 0) PyErr_WriteUnraisable(list_.get());
    refresh_plain();
  }
  Stash(const Stash&) = delete;
  Stash& operator=(const Stash&) = delete;
  PyObject* innermost() const { return innermost_.get(); }

 private:
  Owned list_, innermost_;
};

// The call as __torch_function__ gets it.
class Call {
 public:
  Call(const Callee& callee, PyObject* const* args, Py_ssize_t n, PyObject* kwnames,
       const std::vector<PyObject*>& overloaded)
      : function_(function_of(callee, n)),
        types_(PyTuple_New(static_cast<Py_ssize_t>(overloaded.size()))),
        args_(PyTuple_New(n)) {
    for (std::size_t i = 0; i < overloaded.size(); ++i) {
      auto* type = reinterpret_cast<PyObject*>(Py_TYPE(overloaded[i]));
      PyTuple_SET_ITEM(types_.get(), static_cast<Py_ssize_t>(i), Py_NewRef(type));
    }
    for (Py_ssize_t i = 0; i < n; ++i) PyTuple_SET_ITEM(args_.get(), i, Py_NewRef(args[i]));
    if (!kwnames && callee.kind != Callee::Kind::Function) return;
    kwargs_ = Owned(PyDict_New());
    for (Py_ssize_t k = 0; kwnames && k < PyTuple_GET_SIZE(kwnames); ++k) {
      check_status(PyDict_SetItem(kwargs_.get(), PyTuple_GET_ITEM(kwnames, k), args[n + k]));
    }
  }

  // What the object's __torch_function__ gives.
  Owned operator()(PyObject* object) const {
    const Owned asked(PyObject_GetAttr(object, attribute));
    if (PyMethod_Check(asked.get()) && PyMethod_GET_SELF(asked.get()) == object && is_argument_) {
      warn_user(PyExc_UserWarning,
                "Defining your `__torch_function__` as a plain method is deprecated and will be an "
                "error in future, please define it as a classmethod.");
    }
    return Owned(PyObject_CallFunctionObjArgs(asked.get(), function_.get(), types_.get(),
                                              args_.get(), kwargs_.get(), nullptr));
  }
  Owned to_mode(PyObject* innermost) {
    is_argument_ = false;
    Owned result = (*this)(innermost);
    is_argument_ = true;
    return result;
  }
  PyObject* function() const { return function_.get(); }

 private:
  Owned function_, types_, args_, kwargs_;
  bool is_argument_ = true;
};

std::string shown(PyObject* object) {
  const Owned text(PyObject_Repr(object));
  const char* utf8 = PyUnicode_AsUTF8(text.get());
  if (!utf8) throw_python();
  return utf8;
}

// "torch.Tensor.add"
std::string public_name(PyObject* function) {
  const Owned overrides(PyImport_ImportModule("pullback.overrides"));
  const Owned name(PyObject_CallMethod(overrides.get(), "resolve_name", "O", function));
  return name.get() == Py_None ? shown(function) : PyUnicode_AsUTF8(name.get());
}

[[noreturn]] void report_unanswered(const Call& call, PyObject* innermost,
                                    const std::vector<PyObject*>& overloaded) {
  std::string message = "Multiple dispatch failed for '" + public_name(call.function()) +
                        "'; all __torch_function__ handlers returned NotImplemented:\n";
  if (innermost) message += "\n  - mode object " + shown(innermost);
  for (PyObject* each : overloaded) {
    const char* kind = is_tensor(each) ? "tensor subclass " : "class ";
    message += std::string("\n  - ") + kind + shown(reinterpret_cast<PyObject*>(Py_TYPE(each)));
  }
  fail(ErrorKind::Type, message);
}

PyObject* answer_of(const Callee& callee, PyObject* const* args, Py_ssize_t n, PyObject* kwnames,
                    const std::vector<PyObject*>& overloaded, bool with_mode) {
  Call call(callee, args, n, kwnames, overloaded);
  std::optional<Stash> stash;
  if (with_mode) {
    stash.emplace();
    Owned result = call.to_mode(stash->innermost());
    if (result.get() != Py_NotImplemented) return result.release();
  }
  for (PyObject* each : overloaded) {
    Owned result = call(each);
    if (result.get() != Py_NotImplemented) return result.release();
  }
  report_unanswered(call, stash ? stash->innermost() : nullptr, overloaded);
}

// The properties whose values have classes of their own.
bool keeps_own_class(const Callee& callee) {
  if (callee.kind != Callee::Kind::Getter) return false;
  const std::string_view name = name_of_property(callee.what);
  return name == "grad" || name == "_base";
}
// Of bound slots such as None.__str__; from 3.13 on its C name is Python's own.
PyTypeObject* method_wrapper_type() {
  static PyTypeObject* const type = [] {
    const Owned bound(PyObject_GetAttrString(Py_None, "__str__"));
    return Py_TYPE(bound.get());
  }();
  return type;
}
bool keeps_own_class(PyObject* function) {
  if (Py_TYPE(function) != method_wrapper_type()) return false;
  const Owned property(PyObject_GetAttrString(function, "__self__"));
  for (const char* name : {"grad", "_base"}) {
    if (Owned(attribute_of_tensor(name)).get() == property.get()) return true;
  }
  return false;
}

PyObject* call_with(PyObject* function, PyObject* args, PyObject* kwargs) {
  const Owned tuple(args ? PySequence_Tuple(args) : PyTuple_New(0));
  return PyObject_Call(function, tuple.get(), kwargs == Py_None ? nullptr : kwargs);
}

// The elements of a tuple or list, in place when nobody else sees it.
PyObject* keep_class_of_items(PyObject* result, PyTypeObject* cls) {
  Owned held(result);
  bool changes = false;
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(result); ++i) {
    PyObject* item = PySequence_Fast_GET_ITEM(result, i);
    changes |= is_tensor(item) || PyTuple_Check(item) || PyList_Check(item);
  }
  if (!changes) return held.release();
  if (Py_REFCNT(result) == 1) {
    PyObject** items = PySequence_Fast_ITEMS(result);
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(result); ++i) {
      items[i] = keep_class(std::exchange(items[i], Py_NewRef(Py_None)), cls);
      if (!items[i]) {
        items[i] = Py_NewRef(Py_None);
        throw_python();
      }
    }
    return held.release();
  }
  Owned list(PySequence_List(result));
  list = Owned(keep_class_of_items(list.release(), cls));
  return PyObject_CallOneArg(reinterpret_cast<PyObject*>(Py_TYPE(result)), list.get());
}

// --- the functions of Python ---

PyObject* disabled(PyObject*, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  return guarded([&] {
    static const Parameters<4> names("_disabled_torch_function_impl",
                                     {"func", "types", "args", "kwargs"}, 4, 2);
    const auto given = names(args, n, kwnames);
    const OverridesOff off;
    return call_with(given[0], given[2], given[3] ? given[3] : Py_None);
  });
}

PyObject* disabled_dispatch(PyObject*, PyObject*) {
  PyErr_SetString(
      PyExc_NotImplementedError,
      "_disabled_torch_dispatch_impl: it only marks classes without __torch_dispatch__.");
  return nullptr;
}

// _overrides_off(subclasses, modes): what was off; None leaves one as it is.
PyObject* set_off(PyObject*, PyObject* args) {
  PyObject *overrides, *modes;
  if (!PyArg_ParseTuple(args, "OO:_overrides_off", &overrides, &modes)) return nullptr;
  PyObject* before = Py_BuildValue("(OO)", mode.overrides_off ? Py_True : Py_False,
                                   mode.modes_off ? Py_True : Py_False);
  if (overrides != Py_None) mode.overrides_off = overrides == Py_True;
  if (modes != Py_None) mode.modes_off = modes == Py_True;
  refresh_plain();
  return before;
}

// _function_modes(): the list of this thread, innermost last; _modes_changed() after a change.
PyObject* function_modes(PyObject*, PyObject*) {
  return guarded([] {
    if (!mode.function_modes) {
      const Owned list(PyList_New(0));
      check_status(
          PyDict_SetItemString(PyThreadState_GetDict(), "pullback.function_modes", list.get()));
      mode.function_modes = list.get();  // the thread has it
    }
    return Py_NewRef(static_cast<PyObject*>(mode.function_modes));
  });
}
PyObject* modes_changed(PyObject*, PyObject*) {
  refresh_plain();
  Py_RETURN_NONE;
}

PyObject* has_unary(PyObject*, PyObject* object) {
  return PyBool_FromLong(modes_are_on() || has_say(object));
}
PyObject* has_any(PyObject*, PyObject* objects) {
  return guarded([&] {
    const Owned items(PySequence_Fast(objects, "expected a sequence"));
    bool found = modes_are_on();
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(items.get()) && !found; ++i) {
      found = has_say(PySequence_Fast_GET_ITEM(items.get(), i));
    }
    return PyBool_FromLong(found);
  });
}
PyObject* has_variadic(PyObject*, PyObject* const* args, Py_ssize_t n) {
  bool found = modes_are_on();
  for (Py_ssize_t i = 0; i < n && !found; ++i) found = has_say(args[i]);
  return PyBool_FromLong(found);
}

// _handle(function, relevant arguments, args, kwargs)
PyObject* handle(PyObject*, PyObject* given) {
  return guarded([&]() -> PyObject* {
    PyObject *function, *relevant, *args, *kwargs;
    if (!PyArg_ParseTuple(given, "OOO!O!:_handle", &function, &relevant, &PyTuple_Type, &args,
                          &PyDict_Type, &kwargs)) {
      throw_python();
    }
    Overloaded overloaded;
    const Owned items(PySequence_Tuple(relevant));
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(items.get()); ++i) {
      overloaded.add(PyTuple_GET_ITEM(items.get(), i));
    }
    const Owned keywords(PyDict_Keys(kwargs)), values(PyDict_Values(kwargs));
    const Owned names(PyList_AsTuple(keywords.get()));
    std::vector<PyObject*> all;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args); ++i)
      all.push_back(PyTuple_GET_ITEM(args, i));
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(values.get()); ++i) {
      all.push_back(PyList_GET_ITEM(values.get(), i));
    }
    const Callee callee{Callee::Kind::Function, function};
    return answer_of(callee, all.data(), PyTuple_GET_SIZE(args), names.get(), overloaded.objects(),
                     modes_are_on());
  });
}

PyCFunction untyped(FastFunction function) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(function));
}

}  // namespace

void refresh_plain() {
  mode.plain = mode.profile || modes_are_on() ? nullptr : tensor_type;
  if (!mode.plain || mode.overrides_off) mode.quiet = mode.heir = nullptr;
}

bool has_say(PyObject* object) { return !mode.overrides_off && say(object) != Say::None; }

bool any_has_say(PyObject* object) {
  if (!PyTuple_Check(object) && !PyList_Check(object)) return has_say(object);
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(object); ++i) {
    if (has_say(PySequence_Fast_GET_ITEM(object, i))) return true;
  }
  return false;
}

Answer ask(const Callee& callee, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  Answer answer;
  if (!mode.plain) refresh_plain();
  const bool with_mode = modes_are_on();
  if (mode.overrides_off && !with_mode) return answer;
  const Py_ssize_t all = n + (kwnames ? PyTuple_GET_SIZE(kwnames) : 0);
  if (!with_mode && is_one_class(args, all, answer.cls)) {
    if (answer.cls && keeps_own_class(callee)) answer.cls = nullptr;
    return answer;
  }
  answer.given = true;
  answer.result = guarded([&]() -> PyObject* {
    Overloaded overloaded;
    for (Py_ssize_t i = 0; i < all && !mode.overrides_off; ++i) {
      if (args[i]) overloaded.add_items(args[i]);
    }
    if (!with_mode) {
      PyTypeObject* cls = overloaded.empty() ? nullptr : overloaded.common_class();
      if (overloaded.empty() || cls) {
        answer.given = false;
        answer.cls = cls && !keeps_own_class(callee) ? cls : nullptr;
        return nullptr;
      }
    }
    return answer_of(callee, args, n, kwnames, overloaded.objects(), with_mode);
  });
  return answer;
}

Answer ask_mode(const Callee& callee, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  Answer answer;
  if (!mode.plain) refresh_plain();
  if (!modes_are_on()) return answer;
  answer.given = true;
  answer.result = guarded([&] { return answer_of(callee, args, n, kwnames, {}, true); });
  return answer;
}

PyObject* keep_class(PyObject* result, PyTypeObject* cls) {
  if (is_tensor(result)) {
    PyTypeObject* type = Py_TYPE(result);
    // A tensor of no class, which nearly every result is, is of no subclass.
    const bool made = type == tensor_type && cls != tensor_type;
    if (!made && (type == cls || PyType_IsSubtype(type, cls))) return result;
    return guarded([&] { return give_class(result, cls); });
  }
  if (!PyTuple_Check(result) && !PyList_Check(result)) return result;
  return guarded([&] { return keep_class_of_items(result, cls); });
}

PyObject* or_not_implemented(PyObject* result) {
  if (result || !PyErr_ExceptionMatches(PyExc_TypeError)) return result;
  PyErr_Clear();
  Py_RETURN_NOTIMPLEMENTED;
}

PyObject* ask_fast(const void* hook, FastFunction function, PyObject* self, PyObject* const* args,
                   Py_ssize_t n, PyObject* kwnames) {
  std::vector<PyObject*> all{self};
  all.insert(all.end(), args, args + n + (kwnames ? PyTuple_GET_SIZE(kwnames) : 0));
  return asked({Callee::Kind::Method, hook}, all.data(), n + 1, kwnames,
               [&] { return function(self, args, n, kwnames); });
}

PyObject* ask_simple(const void* hook, PyCFunction function, PyObject* self, PyObject* arg) {
  PyObject* const args[] = {self, arg};
  return asked({Callee::Kind::Method, hook}, args, arg ? 2 : 1, nullptr,
               [&] { return function(self, arg); });
}

PyObject* ask_keywords(const void* hook, PyCFunctionWithKeywords function, PyObject* self,
                       PyObject* args, PyObject* kwargs) {
  return guarded([&] {
    std::vector<PyObject*> all{self};
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args); ++i)
      all.push_back(PyTuple_GET_ITEM(args, i));
    const auto n = static_cast<Py_ssize_t>(all.size());
    Owned names;
    if (kwargs && PyDict_GET_SIZE(kwargs) > 0) {
      const Owned keys(PyDict_Keys(kwargs));
      names = Owned(PyList_AsTuple(keys.get()));
      for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(names.get()); ++k) {
        all.push_back(PyDict_GetItem(kwargs, PyTuple_GET_ITEM(names.get(), k)));
      }
    }
    return asked({Callee::Kind::Method, hook}, all.data(), n, names.get(),
                 [&] { return function(self, args, kwargs); });
  });
}

PyObject* ask_getter(const void* hook, getter function, PyObject* self) {
  return asked({Callee::Kind::Getter, hook}, &self, 1, nullptr,
               [&] { return function(self, nullptr); });
}

int ask_setter(const void* hook, setter function, PyObject* self, PyObject* value) {
  PyObject* const args[] = {self, value};
  return asked_status({Callee::Kind::Setter, hook}, args, value ? 2 : 1,
                      [&] { return function(self, value, nullptr); });
}

PyObject* default_torch_function(PyObject* cls, PyObject* const* args, Py_ssize_t n,
                                 PyObject* kwnames) {
  return guarded([&]() -> PyObject* {
    static const Parameters<4> names("__torch_function__", {"func", "types", "args", "kwargs"}, 4,
                                     2);
    const auto given = names(args, n, kwnames);
    const Owned types(PySequence_Tuple(given[1]));
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(types.get()); ++i) {
      const int is = PyObject_IsSubclass(cls, PyTuple_GET_ITEM(types.get(), i));
      check_status(is);
      if (!is) Py_RETURN_NOTIMPLEMENTED;
    }
    Owned result;
    {
      const OverridesOff off;
      result = Owned(call_with(given[0], given[2], given[3] ? given[3] : Py_None));
    }
    auto* type = reinterpret_cast<PyTypeObject*>(cls);
    if (type == tensor_type || keeps_own_class(given[0])) return result.release();
    return keep_class(result.release(), type);
  });
}

void refuse_dispatch(PyTypeObject* type) {
  const PyObject* found = _PyType_Lookup(type, dispatch_attribute);
  check(ErrorKind::NotImplemented, !found || found == no_dispatch, type->tp_name,
        ": __torch_dispatch__ is not supported: there is no dispatcher below the operators. "
        "Expected __torch_function__, which sees every public function, method and property.");
}

PyMethodDef override_functions[] = {
    {"_disabled_torch_function_impl", untyped(disabled), METH_FASTCALL | METH_KEYWORDS,
     "The __torch_function__ of classes without a say, such as Parameter."},
    {"_disabled_torch_dispatch_impl", disabled_dispatch, METH_VARARGS,
     "Marks classes without __torch_dispatch__."},
    {"_overrides_off", set_off, METH_VARARGS, "(subclasses, modes): switches them off or on."},
    {"_function_modes", function_modes, METH_NOARGS, "The list of this thread, innermost last."},
    {"_modes_changed", modes_changed, METH_NOARGS, "To be called after that list was changed."},
    {"_has_torch_function_unary", has_unary, METH_O, "Whether the class of the object has a say."},
    {"_has_torch_function", has_any, METH_O, "The same for any object in a sequence."},
    {"_has_torch_function_variadic",
     reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(&has_variadic)), METH_FASTCALL,
     "The same for any of the arguments."},
    {"_handle", handle, METH_VARARGS, "Asks those with a say about a call."},
    {nullptr, nullptr, 0, nullptr},
};

int init_overrides(PyObject* module) {
  return guarded_status([&] {
    attribute = Owned(PyUnicode_InternFromString("__torch_function__")).release();
    dispatch_attribute = Owned(PyUnicode_InternFromString("__torch_dispatch__")).release();
    check_status(PyModule_AddFunctions(module, override_functions));
    no_say = Owned(PyObject_GetAttrString(module, "_disabled_torch_function_impl")).release();
    no_dispatch = Owned(PyObject_GetAttrString(module, "_disabled_torch_dispatch_impl")).release();
    default_say = Py_XNewRef(_PyType_Lookup(tensor_type, attribute));
    check(default_say, "internal error: Tensor has no __torch_function__");
    return 0;
  });
}

}  // namespace pullback::bind
