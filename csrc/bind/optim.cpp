// The steps of the optimizers over all parameter groups, for python/pullback/optim.
//
// A call gets the number of a rule (kernels/optim/rule.h), the groups and the optimizer's state
// dictionary (parameter -> dictionary of tensors).  It reads the settings and the gradients, skips
// parameters without one, finds the tensors of the state under PyTorch's names or makes them, and
// updates all in place.
#include "bind/optim.h"

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "bind/guard.h"
#include "bind/profile.h"
#include "bind/tensor_type.h"
#include "graph/meta.h"
#include "ops/basic.h"
#include "ops/op.h"
#include "ops/operand.h"
#include "optim/update.h"

namespace pullback::bind {

namespace {

PyObject* interned(const char* text) { return Owned(PyUnicode_InternFromString(text)).release(); }

// An optimizer with its names as objects.
struct Bound {
  explicit Bound(const Optimizer& from) : optimizer(&from) {
    const kernels::Rule& rule = from.rule();
    const std::string given = std::string(", ") + rule.signature + ", " + rule.fixed;
    for (const Optimizer::Read& read : from.reads()) {
      const bool is_flag = given.find(", " + read.name + "=False") != std::string::npos ||
                           given.find(", " + read.name + "=True") != std::string::npos;
      settings.push_back({interned(read.name.c_str()), read.count, is_flag});
    }
    for (const kernels::Slot& slot : rule.slots) slots.push_back(interned(slot.name));
    can_capture = std::strstr(rule.signature, "capturable") != nullptr;
    can_record = std::strstr(rule.signature, "differentiable") != nullptr;
  }
  struct Setting {
    PyObject* key;
    int count;
    bool is_flag;
  };
  const Optimizer* optimizer;
  std::vector<Setting> settings;
  std::vector<PyObject*> slots;
  bool can_capture, can_record;
};

const Bound& bound(Py_ssize_t index) {
  static const std::vector<Bound> all(optimizers().begin(), optimizers().end());
  check(index >= 0 && index < static_cast<Py_ssize_t>(all.size()),
        "internal error: there is no optimizer ", index, ". Please report it.");
  return all[static_cast<std::size_t>(index)];
}

PyObject* params_key() {
  static PyObject* const key = interned("params");
  return key;
}

void check_count(const char* function, Py_ssize_t count, Py_ssize_t expected) {
  check(ErrorKind::Type, count == expected, function, ": got ", count, " arguments, expected ",
        expected, ".");
}

bool truth(PyObject* object) {
  const int value = PyObject_IsTrue(object);
  check_status(value);
  return value != 0;
}

// Calls body(object, parameter) for the parameters of a list.
template <typename F>
void for_each_param(PyObject* params, F&& body) {
  const Owned list(PySequence_Fast(params, "optim: expected a list of parameters."));
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(list.get()); ++i) {
    const Owned item = Owned::share(PySequence_Fast_GET_ITEM(list.get(), i));
    check(ErrorKind::Type, is_tensor(item.get()), "optim: a parameter is a ",
          Py_TYPE(item.get())->tp_name, ", expected a tensor.");
    body(item.get(), unwrap(item.get()));
  }
}

Tensor grad_of(const Tensor& param) {
  const AutogradMeta* meta = meta_of(param);
  return meta ? meta->grad : Tensor();
}

// The dictionary of a parameter, made when there is none.
Owned state_of(PyObject* state, PyObject* param) {
  check(ErrorKind::Type, PyDict_Check(state), "optim: the state is a ", Py_TYPE(state)->tp_name,
        ", expected a dict.");
  PyObject* found = PyDict_GetItemWithError(state, param);
  if (!found && PyErr_Occurred()) throw_python();
  if (!found) {
    Owned made(PyDict_New());
    check_status(PyDict_SetItem(state, param, made.get()));
    return made;
  }
  check(ErrorKind::Type, PyDict_Check(found), "optim: the state of a parameter is a ",
        Py_TYPE(found)->tp_name, ", expected a dict.");
  return Owned::share(found);
}

// A tensor of the state; undefined when it is missing or None.
Tensor find(PyObject* state, PyObject* key) {
  PyObject* found = PyDict_GetItemWithError(state, key);
  if (!found && PyErr_Occurred()) throw_python();
  if (!found || found == Py_None) return {};
  check(ErrorKind::Type, is_tensor(found), "optim: ", PyUnicode_AsUTF8(key), " is a ",
        Py_TYPE(found)->tp_name, ", expected a tensor.");
  return unwrap(found);
}

void store(PyObject* state, PyObject* key, const Tensor& tensor) {
  const Owned object(wrap(tensor));
  check_status(PyDict_SetItem(state, key, object.get()));
}

PyObject* setting(PyObject* group, PyObject* key) {
  PyObject* found = PyDict_GetItemWithError(group, key);
  if (found) return found;
  if (!PyErr_Occurred()) PyErr_SetObject(PyExc_KeyError, key);
  throw_python();
}

// A setting that is no number.
[[noreturn]] void refuse_setting(const Bound& self, PyObject* key, PyObject* value,
                                 const char* expected) {
  PyErr_Clear();
  fail(ErrorKind::Type, self.optimizer->rule().name, ": ", PyUnicode_AsUTF8(key), " is a ",
       Py_TYPE(value)->tp_name, ", expected ", expected, ".");
}

double number(const Bound& self, PyObject* key, PyObject* object) {
  if (PyFloat_CheckExact(object)) return PyFloat_AS_DOUBLE(object);
  const double value =
      PyLong_CheckExact(object) ? PyLong_AsDouble(object) : PyFloat_AsDouble(object);
  if (value == -1.0 && PyErr_Occurred()) {
    if (is_tensor(object) || !PyErr_ExceptionMatches(PyExc_TypeError)) throw_python();
    refuse_setting(self, key, object, "a number");
  }
  return value;
}

// The settings of a group; a flag is 0 or 1.
void read_settings(const Bound& self, PyObject* group, Optimizer::Settings& settings) {
  double* options = settings.numbers;
  for (const auto& [key, count, is_flag] : self.settings) {
    PyObject* value = setting(group, key);
    if (is_flag) {
      *options++ = truth(value) ? 1 : 0;
      continue;
    }
    if (count == 1) {
      *options++ = number(self, key, value);
      continue;
    }
    if (!PySequence_Check(value)) refuse_setting(self, key, value, "a tuple of numbers");
    const Owned items(PySequence_Fast(value, "optim: expected a tuple of numbers."));
    check(ErrorKind::Value, PySequence_Fast_GET_SIZE(items.get()) == count,
          self.optimizer->rule().name, ": ", PyUnicode_AsUTF8(key), " has ",
          PySequence_Fast_GET_SIZE(items.get()), " numbers, expected ", count, ".");
    for (int i = 0; i < count; ++i) {
      *options++ = number(self, key, PySequence_Fast_GET_ITEM(items.get(), i));
    }
  }
  self.optimizer->choose_slots(settings);
}

bool flag(PyObject* group, const char* name) {
  static PyObject* const capturable = interned("capturable");
  static PyObject* const differentiable = interned("differentiable");
  PyObject* found = PyDict_GetItemWithError(group, *name == 'c' ? capturable : differentiable);
  if (!found && PyErr_Occurred()) throw_python();
  return found && truth(found);
}

// A recorded step reads its settings as numbers: they have no gradient.
void refuse_recorded_settings(const Bound& self, PyObject* group) {
  for (const auto& [key, count, is_flag] : self.settings) {
    PyObject* value = setting(group, key);
    check(!is_tensor(value) || !unwrap(value).requires_grad(), self.optimizer->rule().name,
          ": differentiable=True records the parameters and gradients, not the settings: ",
          PyUnicode_AsUTF8(key),
          " requires a gradient. Write the step in operators, or detach it.");
  }
}

// Finds the values of a parameter's state or makes them; whether one was made.
bool gather(const Bound& self, PyObject* all, PyObject* object, const Tensor& param,
            const Optimizer::Settings& settings, Tensor* values) {
  if (settings.count == 0) return false;
  const Optimizer& optimizer = *self.optimizer;
  const Owned state = state_of(all, object);
  const bool is_new = PyDict_GET_SIZE(state.get()) == 0;
  bool made = false;
  for (int i = 0; i < settings.count; ++i) {
    const int slot = settings.slots[i];
    PyObject* const key = self.slots[static_cast<std::size_t>(slot)];
    if (!is_new) values[i] = find(state.get(), key);
    if (values[i].defined()) continue;
    if (!is_new && !optimizer.slot(slot).late) {
      PyErr_SetObject(PyExc_KeyError, key);
      throw_python();
    }
    values[i] = optimizer.initial(slot, param, settings);
    store(state.get(), key, values[i]);
    made = true;
  }
  return made;
}

void step_group(const Bound& self, PyObject* group, PyObject* state, const Provenance& here) {
  check(ErrorKind::Type, PyDict_Check(group), "optim: a parameter group is a ",
        Py_TYPE(group)->tp_name, ", expected a dict.");
  const bool recorded = self.can_record && flag(group, "differentiable");
  if (recorded) refuse_recorded_settings(self, group);
  Optimizer::Settings settings;
  read_settings(self, group, settings);
  const bool captured = self.can_capture && flag(group, "capturable");
  for_each_param(setting(group, params_key()), [&](PyObject* object, const Tensor& param) {
    const Tensor grad = grad_of(param);
    if (!grad.defined()) return;
    Tensor values[kernels::kMaxSlots];
    const bool made = gather(self, state, object, param, settings, values);
    if (captured) {
      PyErr_Format(PyExc_AssertionError,
                   "If capturable=True, params and state_steps must be on supported devices: "
                   "%s captures nothing on the CPU. Leave capturable out.",
                   self.optimizer->rule().name);
      throw_python();
    }
    if (recorded) {
      const GradMode grad_mode(true);
      self.optimizer->step_recorded(param, grad, values, settings, made);
    } else {
      self.optimizer->step(param, grad, values, settings, made);
    }
    param.body()->storage->written.share(here);
  });
}

// number of the optimizer, parameter groups, state
PyObject* optimizer_step(PyObject*, PyObject* const* args, Py_ssize_t count) {
  const Timed timed("Optimizer.step");
  return guarded([&]() -> PyObject* {
    check_count("_optimizer_step", count, 3);
    const Py_ssize_t index = PyLong_AsSsize_t(args[0]);
    if (index == -1 && PyErr_Occurred()) throw_python();
    const Bound& self = bound(index);
    Provenance here;
    here.capture();
    const Owned groups(PySequence_Fast(args[1], "optim: expected a list of parameter groups."));
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(groups.get()); ++i) {
      const Owned group = Owned::share(PySequence_Fast_GET_ITEM(groups.get(), i));
      step_group(self, group.get(), args[2], here);
    }
    Py_RETURN_NONE;
  });
}

// number of the optimizer, group, state: what is there before the first step.
PyObject* optimizer_state(PyObject*, PyObject* const* args, Py_ssize_t count) {
  return guarded([&]() -> PyObject* {
    check_count("_optimizer_state", count, 3);
    const Py_ssize_t index = PyLong_AsSsize_t(args[0]);
    if (index == -1 && PyErr_Occurred()) throw_python();
    const Bound& self = bound(index);
    Optimizer::Settings settings;
    read_settings(self, args[1], settings);
    for_each_param(setting(args[1], params_key()), [&](PyObject* object, const Tensor& param) {
      Tensor values[kernels::kMaxSlots];
      gather(self, args[2], object, param, settings, values);
    });
    Py_RETURN_NONE;
  });
}

// What the classes are made of: a dictionary for each rule.
PyObject* optimizer_rules(PyObject*, PyObject*) {
  return guarded([&]() -> PyObject* {
    Owned rows(PyList_New(0));
    for (const Optimizer& each : optimizers()) {
      const kernels::Rule& rule = each.rule();
      Owned checks(PyList_New(0)), slots(PyList_New(0));
      for (const kernels::Check& check : rule.checks) {
        const Owned pair(Py_BuildValue("(ss)", check.condition, check.message));
        check_status(PyList_Append(checks.get(), pair.get()));
      }
      for (const kernels::Slot& slot : rule.slots) {
        const Owned row(Py_BuildValue("(sNz)", slot.name, PyBool_FromLong(slot.number), slot.when));
        check_status(PyList_Append(slots.get(), row.get()));
      }
      const Owned row(Py_BuildValue(
          "{s:s,s:z,s:s,s:s,s:z,s:N,s:O,s:O,s:s,s:s,s:s}", "name", rule.name, "base", rule.base,
          "signature", rule.signature, "fixed", rule.fixed, "order", rule.order, "at_once",
          PyBool_FromLong(rule.at_once), "checks", checks.get(), "slots", slots.get(), "doc",
          rule.doc, "example", rule.example, "example_result", rule.example_result));
      check_status(PyList_Append(rows.get(), row.get()));
    }
    return rows.release();
  });
}

// params, set_to_none
PyObject* zero_grad(PyObject*, PyObject* const* args, Py_ssize_t count) {
  const Timed timed("Optimizer.zero_grad");
  return guarded([&]() -> PyObject* {
    check_count("_zero_grad", count, 2);
    const bool set_to_none = truth(args[1]);
    for_each_param(args[0],
                   [&](PyObject*, const Tensor& param) { clear_grad(param, set_to_none); });
    Py_RETURN_NONE;
  });
}

PyCFunction fast(PyObject* (*function)(PyObject*, PyObject* const*, Py_ssize_t)) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

}  // namespace

PyMethodDef optim_functions[] = {
    {"_optimizer_step", fast(optimizer_step), METH_FASTCALL, nullptr},
    {"_optimizer_state", fast(optimizer_state), METH_FASTCALL, nullptr},
    {"_optimizer_rules", optimizer_rules, METH_NOARGS, nullptr},
    {"_zero_grad", fast(zero_grad), METH_FASTCALL, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace pullback::bind
