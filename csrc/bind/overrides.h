// What classes have to say about calls: __torch_function__ of subclasses of Tensor and of foreign
// classes, and function modes.  Start reading at ask.
//
// NOTE [Overrides]
// `mode.plain` is the type of tensors that nobody watches: Tensor itself, and null while a function
// mode or a profiler is on in this thread, and until the thread meets its first tensor.  Entries
// compare the types of operands with it where they tell tensors from other objects anyway; only
// what differs is asked about.  A subclass whose __torch_function__ is Tensor's own is never
// called: the operation runs as for a plain tensor, and its results become objects of that class
// (keep_class).  Foreign classes are looked for when the arguments fit no signature.  Who is asked,
// and in which order, is PyTorch's rule: the innermost mode, then the arguments from left to right,
// subclasses before their bases.
#pragma once

#include <Python.h>

#include "bind/tensor_type.h"
#include "graph/mode.h"

namespace pullback::bind {

// A tensor that needs no care.
inline bool is_plain(PyObject* object) { return Py_TYPE(object) == mode.plain; }
// So is one of a subclass without a say that was met before, Parameter above all.
inline bool is_quiet(PyObject* object) {
  const PyTypeObject* type = Py_TYPE(object);
  return type == mode.plain || (type == mode.quiet && type->tp_version_tag == mode.quiet_version);
}
// A tensor of the subclass that was met last and has Tensor's own __torch_function__.
inline bool is_heir(PyObject* object) {
  const PyTypeObject* type = Py_TYPE(object);
  return type == mode.heir && type->tp_version_tag == mode.heir_version;
}
// The class of what is computed of a tensor like that, or of two of its class, while nobody
// watches; else null.
inline PyTypeObject* heirs_class(PyObject* object) {
  return is_heir(object) && mode.plain ? Py_TYPE(object) : nullptr;
}
inline PyTypeObject* heirs_class(PyObject* a, PyObject* b) {
  return Py_TYPE(a) == Py_TYPE(b) ? heirs_class(a) : nullptr;
}
// Of a tensor that is not plain, or of any object: whether its class may have a say.
bool has_say(PyObject* object);
// The same for what is in a tuple or list, too.
bool any_has_say(PyObject* object);

// What is called: the object that __torch_function__ gets is looked up when it is needed.
struct Callee {
  enum class Kind : std::uint8_t {
    Object,    // `what` itself
    Function,  // the same, of Python: it always gets a dict of keywords
    Name,      // the attribute of Tensor with this name
    Core,      // that of the module
    Method,    // the method of Tensor with this C function
    Getter,    // the property with it
    Setter,
  };
  Kind kind;
  const void* what;
};

// The answer of those who were asked.
struct Answer {
  bool given = false;           // then `result` is all there is to return
  PyObject* result = nullptr;   // null with a Python error
  PyTypeObject* cls = nullptr;  // of the results of the computation, null for Tensor
};

// Asks whoever has a say; throws nothing.
Answer ask(const Callee& callee, PyObject* const* args, Py_ssize_t n, PyObject* kwnames);
// Asks the innermost mode alone: for functions whose arguments are data.
Answer ask_mode(const Callee& callee, PyObject* const* args, Py_ssize_t n, PyObject* kwnames);
// A result as an object of the class, as Tensor.__torch_function__ has it; takes the reference.
PyObject* keep_class(PyObject* result, PyTypeObject* cls);
// After a function mode or a profiler came or went.
void refresh_plain();

// Nobody is asked in its scope.
class OverridesOff {
 public:
  explicit OverridesOff(bool wanted = true) : before_(mode.overrides_off) {
    if (!wanted) return;
    mode.overrides_off = true;
    refresh_plain();
  }
  ~OverridesOff() {
    mode.overrides_off = before_;
    refresh_plain();
  }
  OverridesOff(const OverridesOff&) = delete;
  OverridesOff& operator=(const OverridesOff&) = delete;

 private:
  bool before_;
};

// Asks, then computes: what entries call that found something not plain.
template <typename Compute>
PyObject* asked(const Callee& callee, PyObject* const* args, Py_ssize_t n, PyObject* kwnames,
                Compute compute) {
  const Answer answer = ask(callee, args, n, kwnames);
  if (answer.given) return answer.result;
  PyObject* result = compute();
  return result && answer.cls ? keep_class(result, answer.cls) : result;
}
// The same for what gives a status; what was answered counts as done.
template <typename Compute>
int asked_status(const Callee& callee, PyObject* const* args, Py_ssize_t n, Compute compute) {
  const Answer answer = ask(callee, args, n, nullptr);
  if (!answer.given) return compute();
  Py_XDECREF(answer.result);
  return answer.result ? 0 : -1;
}
// What Python's operators give for a TypeError of those who were asked, so that the other operand
// has its turn.
PyObject* or_not_implemented(PyObject* result);

// Methods and properties of the tensor type that ask when the tensor is not plain.
using FastFunction = PyObject* (*)(PyObject*, PyObject* const*, Py_ssize_t, PyObject*);

PyObject* ask_fast(const void* hook, FastFunction function, PyObject* self, PyObject* const* args,
                   Py_ssize_t n, PyObject* kwnames);
PyObject* ask_simple(const void* hook, PyCFunction function, PyObject* self, PyObject* arg);
PyObject* ask_keywords(const void* hook, PyCFunctionWithKeywords function, PyObject* self,
                       PyObject* args, PyObject* kwargs);
PyObject* ask_getter(const void* hook, getter function, PyObject* self);
int ask_setter(const void* hook, setter function, PyObject* self, PyObject* value);

template <FastFunction function>
PyObject* hooked_fast(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  if (is_plain(self)) [[likely]]
    return function(self, args, n, kwnames);
  constexpr FastFunction own = hooked_fast<function>;
  return ask_fast(reinterpret_cast<const void*>(own), function, self, args, n, kwnames);
}
// A function of the module that only modes are asked about.
template <FastFunction function, const char* name>
PyObject* seen_by_modes(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  if (!mode.plain) [[unlikely]] {
    const Answer answer = ask_mode({Callee::Kind::Core, name}, args, n, kwnames);
    if (answer.given) return answer.result;
  }
  return function(self, args, n, kwnames);
}
// For a method of two tensors.
template <FastFunction function>
PyObject* hooked_pair(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  if (is_plain(self) && n > 0 && is_plain(args[0])) [[likely]]
    return function(self, args, n, kwnames);
  constexpr FastFunction own = hooked_pair<function>;
  return ask_fast(reinterpret_cast<const void*>(own), function, self, args, n, kwnames);
}
template <PyCFunction function>
PyObject* hooked(PyObject* self, PyObject* arg) {
  if (is_plain(self)) [[likely]]
    return function(self, arg);
  constexpr PyCFunction own = hooked<function>;
  return ask_simple(reinterpret_cast<const void*>(own), function, self, arg);
}
template <PyCFunctionWithKeywords function>
PyObject* hooked_keywords(PyObject* self, PyObject* args, PyObject* kwargs) {
  if (is_plain(self)) [[likely]]
    return function(self, args, kwargs);
  constexpr PyCFunctionWithKeywords own = hooked_keywords<function>;
  return ask_keywords(reinterpret_cast<const void*>(own), function, self, args, kwargs);
}
template <setter function>
int hooked_setter(PyObject* self, PyObject* value, void*) {
  if (is_plain(self)) [[likely]]
    return function(self, value, nullptr);
  constexpr setter own = hooked_setter<function>;
  return ask_setter(reinterpret_cast<const void*>(own), function, self, value);
}

// What has the say is known once the tensor type and its methods are there.
int init_overrides(PyObject* module);
// _overridable: overridable.cpp.
int init_overridable(PyObject* module);
extern PyMethodDef override_functions[];
// Tensor.__torch_function__.
PyObject* default_torch_function(PyObject* cls, PyObject* const* args, Py_ssize_t n,
                                 PyObject* kwnames);
// Throws for a class that defines __torch_dispatch__.
void refuse_dispatch(PyTypeObject* type);

}  // namespace pullback::bind
