// All steps of a direction of a recurrent layer, of which nn makes its networks.
#include "bind/recurrent.h"

#include "bind/guard.h"
#include "bind/tensor_type.h"
#include "ops/nn/recurrent.h"

namespace pullback::bind {
namespace {

Dims numbers(PyObject* tuple) {
  check(ErrorKind::Type, PyTuple_Check(tuple), "steps: expected a tuple of counts.");
  Dims found;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); ++i) {
    const long long value = PyLong_AsLongLong(PyTuple_GET_ITEM(tuple, i));
    if (value == -1 && PyErr_Occurred()) throw_python();
    found.push_back(value);
  }
  return found;
}

// _lstm_steps(gates, h0, c0, weight, projection, counts, back).
PyObject* lstm(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&]() -> PyObject* {
    check(ErrorKind::Type,
          n == 7 && is_tensor(args[0]) && is_tensor(args[1]) && is_tensor(args[2]) &&
              is_tensor(args[3]) && (args[4] == Py_None || is_tensor(args[4])),
          "_lstm_steps: expected four tensors, a tensor or None, and settings.");
    auto results = lstm_steps(unwrap(args[0]), unwrap(args[1]), unwrap(args[2]), unwrap(args[3]),
                              args[4] == Py_None ? Tensor() : unwrap(args[4]), numbers(args[5]),
                              args[6] == Py_True);
    PyObject* const tuple = PyTuple_New(2);
    if (!tuple) throw_python();
    for (Py_ssize_t i = 0; i < 2; ++i) {
      PyTuple_SET_ITEM(tuple, i, wrap(std::move(results[static_cast<std::size_t>(i)])));
    }
    return tuple;
  });
}

// _gru_steps(gates, h0, weight, bias, counts, back).
PyObject* gru(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&]() -> PyObject* {
    check(ErrorKind::Type,
          n == 6 && is_tensor(args[0]) && is_tensor(args[1]) && is_tensor(args[2]) &&
              (args[3] == Py_None || is_tensor(args[3])),
          "_gru_steps: expected three tensors, a tensor or None, and settings.");
    return wrap(gru_steps(unwrap(args[0]), unwrap(args[1]), unwrap(args[2]),
                          args[3] == Py_None ? Tensor() : unwrap(args[3]), numbers(args[4]),
                          args[5] == Py_True));
  });
}

// _rnn_steps(gates, h0, weight, relu, counts, back).
PyObject* rnn(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&]() -> PyObject* {
    check(ErrorKind::Type, n == 6 && is_tensor(args[0]) && is_tensor(args[1]) && is_tensor(args[2]),
          "_rnn_steps: expected three tensors, and settings.");
    return wrap(rnn_steps(unwrap(args[0]), unwrap(args[1]), unwrap(args[2]), args[3] == Py_True,
                          numbers(args[4]), args[5] == Py_True));
  });
}

PyMethodDef functions[] = {
    {"_lstm_steps", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(&lstm)), METH_FASTCALL,
     "_lstm_steps(gates, h0, c0, weight, projection, counts, back)\n\nThe states and cells of one "
     "direction of one layer."},
    {"_gru_steps", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(&gru)), METH_FASTCALL,
     "_gru_steps(gates, h0, weight, bias, counts, back)\n\nThe states of one direction of one "
     "layer."},
    {"_rnn_steps", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(&rnn)), METH_FASTCALL,
     "_rnn_steps(gates, h0, weight, relu, counts, back)\n\nThe states of one direction of one "
     "layer."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

int init_recurrent(PyObject* module) { return PyModule_AddFunctions(module, functions); }

}  // namespace pullback::bind
