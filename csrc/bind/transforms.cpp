// Forward mode and batching as they are reached from Python.
#include "bind/transforms.h"

#include <vector>

#include "bind/convert.h"
#include "bind/guard.h"
#include "bind/tensor_type.h"
#include "graph/meta.h"
#include "ops/basic.h"

namespace pullback::bind {
namespace {

// Applies `unwrap_one` to the tensors of a result, which may be a tensor or a tuple or list of
// them.
template <typename F>
PyObject* map_result(PyObject* result, F&& unwrap_one) {
  if (is_tensor(result)) return wrap(unwrap_one(unwrap(result)));
  if (!PyTuple_Check(result) && !PyList_Check(result)) return Py_NewRef(result);
  const Py_ssize_t n = PySequence_Fast_GET_SIZE(result);
  Owned tuple(PyTuple_New(n));
  for (Py_ssize_t i = 0; i < n; ++i) {
    PyTuple_SET_ITEM(tuple.get(), i, map_result(PySequence_Fast_ITEMS(result)[i], unwrap_one));
  }
  return tuple.release();
}

Owned call_with(PyObject* function, const std::vector<Tensor>& arguments) {
  Owned args(PyTuple_New(static_cast<Py_ssize_t>(arguments.size())));
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    PyTuple_SET_ITEM(args.get(), static_cast<Py_ssize_t>(i), wrap(arguments[i]));
  }
  return Owned(PyObject_CallObject(function, args.get()));
}

// The innermost batching transform under way on this thread has this number.
thread_local int vmap_level = 0;

struct LevelScope {
  LevelScope() { ++vmap_level; }
  ~LevelScope() { --vmap_level; }
};

}  // namespace

PyObject* jvp(PyObject* function, PyObject* primals, PyObject* tangents) {
  std::vector<Tensor> duals;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(primals); ++i) {
    const Tensor& primal = unwrap(PyTuple_GET_ITEM(primals, i));
    PyObject* tangent = PyTuple_GET_ITEM(tangents, i);
    Tensor dual = primal;
    if (tangent != Py_None) {
      // A view of its own, so that the caller's tensor does not become dual; its history stays.
      dual = permute(primal, [&] {
        Dims order;
        for (int d = 0; d < primal.ndim(); ++d) order.push_back(d);
        return order;
      }());
      set_tangent(dual, unwrap(tangent));
    }
    duals.push_back(dual);
  }
  Owned result = call_with(function, duals);
  Owned values(map_result(result.get(), [](const Tensor& t) {
    Tensor plain = t;
    return plain;
  }));
  Owned derivatives(map_result(result.get(), [](const Tensor& t) {
    return t.has(kDual) ? tangent_of(t) : Tensor::zeros(t.sizes(), t.dtype());
  }));
  return PyTuple_Pack(2, values.get(), derivatives.get());
}

PyObject* vmap(PyObject* function, PyObject* in_dims, PyObject* tensors) {
  const LevelScope scope;
  const int level = vmap_level;
  std::vector<Tensor> batched;
  std::int64_t size = -1;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tensors); ++i) {
    const Tensor& t = unwrap(PyTuple_GET_ITEM(tensors, i));
    PyObject* dim_object = PyTuple_GET_ITEM(in_dims, i);
    if (dim_object == Py_None) {
      batched.push_back(t);
      continue;
    }
    std::int64_t dim;
    check(ErrorKind::Type, to_int(dim_object, dim), "vmap: in_dims must hold ints and None.");
    const int from = wrap_dim(dim, t.ndim());
    check(ErrorKind::Value, size < 0 || size == t.size(from),
          "vmap: Expected all tensors to have the same size in the mapped dimension, got ", size,
          " and ", t.size(from), ".");
    size = t.size(from);
    Dims order{from};
    for (int d = 0; d < t.ndim(); ++d) {
      if (d != from) order.push_back(d);
    }
    batched.push_back(make_batched(permute(t, order), level));
  }
  check(ErrorKind::Value, size >= 0, "vmap: at least one input must have a mapped dimension.");
  Owned result = call_with(function, batched);
  return map_result(result.get(), [&](const Tensor& t) {
    if (t.has(kBatched) && meta_of(t)->level == level) return meta_of(t)->batch;
    Dims sizes = t.shape();
    sizes.insert(0, size);
    return expand(t, sizes);
  });
}

}  // namespace pullback::bind
