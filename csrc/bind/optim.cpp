// The steps of the optimisers over a whole parameter group, for python/pullback/optim.
//
// A call gets the list of parameters, the optimiser's state dictionary (parameter -> dictionary of
// tensors) and the settings.  It reads the gradients, skips parameters without one, finds the
// tensors of the state under PyTorch's names or makes them, and updates all in place.
#include "bind/optim.h"

#include <utility>

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

struct Names {
  PyObject* momentum_buffer = PyUnicode_InternFromString("momentum_buffer");
  PyObject* step = PyUnicode_InternFromString("step");
  PyObject* exp_avg = PyUnicode_InternFromString("exp_avg");
  PyObject* exp_avg_sq = PyUnicode_InternFromString("exp_avg_sq");
  PyObject* max_exp_avg_sq = PyUnicode_InternFromString("max_exp_avg_sq");
};

const Names& names() {
  static const Names names;
  return names;
}

void check_count(const char* function, Py_ssize_t count, Py_ssize_t expected) {
  check(ErrorKind::Type, count == expected, function, ": got ", count, " arguments, expected ",
        expected, ".");
}

double number(PyObject* object) {
  const double value = PyFloat_AsDouble(object);
  if (value == -1.0 && PyErr_Occurred()) throw_python();
  return value;
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

Tensor require(PyObject* state, PyObject* key) {
  Tensor found = find(state, key);
  if (!found.defined()) {
    PyErr_SetObject(PyExc_KeyError, key);
    throw_python();
  }
  return found;
}

void store(PyObject* state, PyObject* key, const Tensor& tensor) {
  const Owned object(wrap(tensor));
  check_status(PyDict_SetItem(state, key, object.get()));
}

Tensor zeros_like(const Tensor& param) {
  Tensor made = empty_strided_like(param, param.dtype());
  copy_values(made, Tensor::scalar(Scalar(0.0), param.dtype()));
  return made;
}

// params, state, lr, momentum, dampening, weight_decay, nesterov, maximize
PyObject* sgd_step(PyObject*, PyObject* const* args, Py_ssize_t count) {
  const Timed timed("Optimizer.step");
  return guarded([&]() -> PyObject* {
    check_count("_sgd_step", count, 8);
    kernels::SgdOptions options;
    options.lr = number(args[2]);
    options.momentum = number(args[3]);
    options.dampening = number(args[4]);
    options.weight_decay = number(args[5]);
    options.nesterov = truth(args[6]);
    options.maximize = truth(args[7]);
    Provenance here;
    here.capture();
    for_each_param(args[0], [&](PyObject* object, const Tensor& param) {
      const Tensor grad = grad_of(param);
      if (!grad.defined()) return;
      Tensor buffer;
      Owned state;
      if (options.momentum != 0) {
        state = state_of(args[1], object);
        buffer = find(state.get(), names().momentum_buffer);
      }
      const bool made = state.get() && !buffer.defined();
      sgd_update(param, grad, buffer, options);
      param.body()->storage->written.share(here);
      if (made) store(state.get(), names().momentum_buffer, buffer);
    });
    Py_RETURN_NONE;
  });
}

// params, state, lr, beta1, beta2, eps, weight_decay, amsgrad, maximize, decoupled
PyObject* adam_step(PyObject*, PyObject* const* args, Py_ssize_t count) {
  const Timed timed("Optimizer.step");
  return guarded([&]() -> PyObject* {
    check_count("_adam_step", count, 10);
    kernels::AdamOptions options;
    options.lr = number(args[2]);
    options.beta1 = number(args[3]);
    options.beta2 = number(args[4]);
    options.eps = number(args[5]);
    options.weight_decay = number(args[6]);
    options.amsgrad = truth(args[7]);
    options.maximize = truth(args[8]);
    options.decoupled = truth(args[9]);
    Provenance here;
    here.capture();
    for_each_param(args[0], [&](PyObject* object, const Tensor& param) {
      const Tensor grad = grad_of(param);
      if (!grad.defined()) return;
      const Owned state = state_of(args[1], object);
      if (PyDict_GET_SIZE(state.get()) == 0) {
        // The count of steps is a float tensor, as in PyTorch's checkpoints.
        store(state.get(), names().step, Tensor::scalar(Scalar(0.0), default_dtype()));
        store(state.get(), names().exp_avg, zeros_like(param));
        store(state.get(), names().exp_avg_sq, zeros_like(param));
        if (options.amsgrad) store(state.get(), names().max_exp_avg_sq, zeros_like(param));
      }
      const Tensor step = require(state.get(), names().step);
      const Tensor exp_avg = require(state.get(), names().exp_avg);
      const Tensor exp_avg_sq = require(state.get(), names().exp_avg_sq);
      Tensor max_exp_avg_sq;
      if (options.amsgrad) max_exp_avg_sq = require(state.get(), names().max_exp_avg_sq);
      check(step.numel() == 1, "Adam: step has size ", step.shape(), ", expected one element.");
      kernels::AdamOptions current = options;
      current.step = step.item().to_int() + 1;
      adam_update(param, grad, exp_avg, exp_avg_sq, max_exp_avg_sq, current);
      param.body()->storage->written.share(here);
      Scalar(static_cast<double>(current.step)).store(step.dtype(), step.bytes());
      step.bump_version();
    });
    Py_RETURN_NONE;
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
    {"_sgd_step", fast(sgd_step), METH_FASTCALL, nullptr},
    {"_adam_step", fast(adam_step), METH_FASTCALL, nullptr},
    {"_zero_grad", fast(zero_grad), METH_FASTCALL, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace pullback::bind
