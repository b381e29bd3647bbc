// See transforms.h.  A level is named by its number; the functions take it as the last argument but
// for those of vmap.  `_jvp` and `_vmap` are whole transforms over tuples of tensors.
#include "bind/transforms.h"

#include <vector>

#include "bind/convert.h"
#include "bind/guard.h"
#include "bind/tensor_type.h"
#include "graph/meta.h"
#include "ops/levels.h"
#include "transform/engine.h"

namespace pullback::bind {
namespace {

const Tensor& tensor_at(PyObject* const* args, Py_ssize_t i, const char* name) {
  check(ErrorKind::Type, is_tensor(args[i]), name, ": got ", Py_TYPE(args[i])->tp_name,
        ", expected a Tensor.");
  return unwrap(args[i]);
}

std::int64_t int_at(PyObject* const* args, Py_ssize_t i, const char* name) {
  std::int64_t value = 0;
  check(ErrorKind::Type, to_int(args[i], value), name, ": got ", Py_TYPE(args[i])->tp_name,
        ", expected an int.");
  return value;
}

int level_at(PyObject* const* args, Py_ssize_t i, const char* name) {
  const std::int64_t level = int_at(args, i, name);
  check(level >= 1 && level <= mode.depth, name, ": got level ", level, " of ", mode.depth, ".");
  return static_cast<int>(level);
}

void check_count(Py_ssize_t n, Py_ssize_t expected, const char* name) {
  check(ErrorKind::Type, n == expected, name, ": got ", n, " arguments, expected ", expected, ".");
}

std::vector<Tensor> tensors_of(PyObject* tuple, const char* name) {
  check(ErrorKind::Type, PyTuple_Check(tuple), name, ": got ", Py_TYPE(tuple)->tp_name,
        ", expected a tuple.");
  std::vector<Tensor> tensors;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); ++i) {
    PyObject* item = PyTuple_GET_ITEM(tuple, i);
    tensors.push_back(item == Py_None ? Tensor() : tensor_at(&PyTuple_GET_ITEM(tuple, i), 0, name));
  }
  return tensors;
}

PyObject* wrap_or_none(const Tensor& t) { return t.defined() ? wrap(t) : Py_NewRef(Py_None); }

// --- levels ---

struct LevelScope {
  explicit LevelScope(LevelKind kind) { push_level(kind); }
  ~LevelScope() { pop_level(); }
  LevelScope(const LevelScope&) = delete;
  LevelScope& operator=(const LevelScope&) = delete;
};

// (kind, batch size, randomness): the numbers of LevelKind and Randomness.
PyObject* level_enter(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&] {
    check_count(n, 3, "_level_enter");
    Level& level = push_level(static_cast<LevelKind>(int_at(args, 0, "_level_enter")));
    level.batch = int_at(args, 1, "_level_enter");
    level.randomness = static_cast<Randomness>(int_at(args, 2, "_level_enter"));
    return PyLong_FromLong(mode.depth);
  });
}

PyObject* level_exit(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&] {
    check_count(n, 1, "_level_exit");
    check(int_at(args, 0, "_level_exit") == mode.depth,
          "Trying to exit a forward AD level that was not the last one that was created. This is "
          "not supported.");
    pop_level();
    return Py_NewRef(Py_None);
  });
}

// The kinds of the levels under way, the outermost first.
PyObject* level_kinds(PyObject*, PyObject*) {
  return guarded([&] {
    Owned kinds(PyTuple_New(mode.depth));
    for (int level = 1; level <= mode.depth; ++level) {
      PyTuple_SET_ITEM(kinds.get(), level - 1,
                       PyLong_FromLong(static_cast<long>(mode.levels[level].kind)));
    }
    return kinds.release();
  });
}

// --- reverse mode ---

PyObject* grad_enter(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&] {
    check_count(n, 2, "_grad_enter");
    const Tensor& input = tensor_at(args, 0, "_grad_enter");
    return wrap(enter_grad(input, level_at(args, 1, "_grad_enter")));
  });
}

PyObject* grad_leave(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&] {
    check_count(n, 2, "_grad_leave");
    const Tensor& result = tensor_at(args, 0, "_grad_leave");
    return wrap(leave_grad(result, level_at(args, 1, "_grad_leave")));
  });
}

// (outputs, seeds, inputs, retain_graph, level): the gradients of the inputs, recorded for the
// levels outside of this one; with level 0 for all that are under way.
PyObject* level_backward(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&] {
    check_count(n, 5, "_level_backward");
    const std::vector<Tensor> roots = tensors_of(args[0], "_level_backward");
    const std::vector<Tensor> seeds = tensors_of(args[1], "_level_backward");
    const std::vector<Tensor> inputs = tensors_of(args[2], "_level_backward");
    const std::int64_t level = int_at(args, 4, "_level_backward");
    const RecordLevels outer(level ? mode.record & mode.levels[level].outer_record : mode.record);
    const std::vector<Tensor> gradients =
        run_backward({.roots = roots,
                      .seeds = seeds,
                      .retain_graph = PyObject_IsTrue(args[3]) == 1,
                      .create_graph = mode.grad && mode.record,
                      .inputs = inputs,
                      .accumulate = false});
    Owned tuple(PyTuple_New(static_cast<Py_ssize_t>(gradients.size())));
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      PyTuple_SET_ITEM(tuple.get(), static_cast<Py_ssize_t>(i), wrap_or_none(gradients[i]));
    }
    return tuple.release();
  });
}

// --- forward mode ---

PyObject* dual_enter(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&] {
    check_count(n, 3, "_dual_enter");
    const Tensor& primal = tensor_at(args, 0, "_dual_enter");
    const Tensor tangent = args[1] == Py_None ? Tensor() : tensor_at(args, 1, "_dual_enter");
    return wrap(enter_dual(primal, tangent, level_at(args, 2, "_dual_enter")));
  });
}

PyObject* dual_leave(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&] {
    check_count(n, 2, "_dual_leave");
    const Tensor& result = tensor_at(args, 0, "_dual_leave");
    const int level = level_at(args, 1, "_dual_leave");
    Owned primal(wrap(leave_dual(result, level)));
    Owned tangent(wrap_or_none(tangent_of(result, level)));
    return PyTuple_Pack(2, primal.get(), tangent.get());
  });
}

PyObject* tangent_at(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&] {
    check_count(n, 2, "_tangent");
    const Tensor& t = tensor_at(args, 0, "_tangent");
    return wrap_or_none(tangent_of(t, level_at(args, 1, "_tangent")));
  });
}

template <bool Mode::* flag>
PyObject* get_mode(PyObject*, PyObject*) {
  return PyBool_FromLong(mode.*flag);
}

PyObject* set_forward(PyObject*, PyObject* value) {
  mode.forward = PyObject_IsTrue(value) == 1;
  Py_RETURN_NONE;
}

// --- batching ---

PyObject* batch_enter(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&] {
    check_count(n, 3, "_batch_enter");
    const Tensor& examples = tensor_at(args, 0, "_batch_enter");
    const auto dim = static_cast<int>(int_at(args, 1, "_batch_enter"));
    return wrap(enter_batch(examples, dim, level_at(args, 2, "_batch_enter")));
  });
}

PyObject* batch_leave(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&] {
    check_count(n, 3, "_batch_leave");
    const Tensor& result = tensor_at(args, 0, "_batch_leave");
    const auto dim = static_cast<int>(int_at(args, 1, "_batch_leave"));
    return wrap(leave_batch(result, dim, level_at(args, 2, "_batch_leave")));
  });
}

// (level, batch) of a batched tensor, None of another one.
PyObject* batch_of(PyObject*, PyObject* object) {
  return guarded([&]() -> PyObject* {
    const Tensor& t = tensor_at(&object, 0, "_batch_of");
    if (!t.has(kBatched)) Py_RETURN_NONE;
    Owned batch(wrap(meta_of(t)->batch));
    return Py_BuildValue("(iO)", meta_of(t)->level, batch.get());
  });
}

// --- whole transforms ---

// Applies `leave` to the tensors of a result, which may be a tensor or a tuple or list of them.
template <typename F>
PyObject* map_result(PyObject* result, F&& leave) {
  if (is_tensor(result)) return wrap(leave(unwrap(result)));
  if (!PyTuple_Check(result) && !PyList_Check(result)) return Py_NewRef(result);
  const Py_ssize_t n = PySequence_Fast_GET_SIZE(result);
  Owned tuple(PyTuple_New(n));
  for (Py_ssize_t i = 0; i < n; ++i) {
    PyTuple_SET_ITEM(tuple.get(), i, map_result(PySequence_Fast_ITEMS(result)[i], leave));
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

PyObject* jvp(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&] {
    check_count(n, 3, "_jvp");
    const std::vector<Tensor> primals = tensors_of(args[1], "_jvp");
    const std::vector<Tensor> tangents = tensors_of(args[2], "_jvp");
    const LevelScope scope(LevelKind::Jvp);
    const int level = mode.depth;
    std::vector<Tensor> duals;
    for (std::size_t i = 0; i < primals.size(); ++i) {
      duals.push_back(enter_dual(primals[i], tangents[i], level));
    }
    Owned result = call_with(args[0], duals);
    Owned values(map_result(result.get(), [&](const Tensor& t) { return leave_dual(t, level); }));
    Owned derivatives(map_result(result.get(), [&](const Tensor& t) {
      const Tensor& tangent = tangent_of(t, level);
      return tangent.defined() ? tangent : Tensor::zeros(t.sizes(), t.dtype());
    }));
    return PyTuple_Pack(2, values.get(), derivatives.get());
  });
}

PyObject* vmap(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&] {
    check_count(n, 3, "_vmap");
    PyObject* in_dims = args[1];
    const std::vector<Tensor> tensors = tensors_of(args[2], "_vmap");
    const LevelScope scope(LevelKind::Vmap);
    const int level = mode.depth;
    std::vector<Tensor> batched;
    std::int64_t size = -1;
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      const Tensor& t = tensors[i];
      PyObject* dim_object = PyTuple_GET_ITEM(in_dims, static_cast<Py_ssize_t>(i));
      if (dim_object == Py_None) {
        batched.push_back(t);
        continue;
      }
      const int dim = wrap_dim(int_at(&dim_object, 0, "_vmap"), t.ndim());
      check(ErrorKind::Value, size < 0 || size == t.size(dim),
            "vmap: Expected all tensors to have the same size in the mapped dimension, got ", size,
            " and ", t.size(dim), ".");
      size = mode.levels[level].batch = t.size(dim);
      batched.push_back(enter_batch(t, dim, level));
    }
    check(ErrorKind::Value, size >= 0, "vmap: at least one input must have a mapped dimension.");
    Owned result = call_with(args[0], batched);
    return map_result(result.get(), [&](const Tensor& t) { return leave_batch(t, 0, level); });
  });
}

PyCFunction fast(PyObject* (*f)(PyObject*, PyObject* const*, Py_ssize_t)) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(f));
}

}  // namespace

PyMethodDef transform_functions[] = {
    {"_level_enter", fast(level_enter), METH_FASTCALL, "(kind, batch, randomness) -> level"},
    {"_level_exit", fast(level_exit), METH_FASTCALL, "(level): ends the innermost one."},
    {"_level_kinds", level_kinds, METH_NOARGS, "The kinds of all levels, the outermost first."},
    {"_level_backward", fast(level_backward), METH_FASTCALL,
     "(outputs, seeds, inputs, retain_graph, level) -> gradients"},
    {"_grad_enter", fast(grad_enter), METH_FASTCALL,
     "(tensor, level) -> input to differentiate by"},
    {"_grad_leave", fast(grad_leave), METH_FASTCALL, "(tensor, level) -> result outside"},
    {"_dual_enter", fast(dual_enter), METH_FASTCALL, "(primal, tangent, level) -> dual tensor"},
    {"_dual_leave", fast(dual_leave), METH_FASTCALL, "(tensor, level) -> (primal, tangent)"},
    {"_tangent", fast(tangent_at), METH_FASTCALL, "(tensor, level) -> tangent or None"},
    {"_is_fwd_grad_enabled", get_mode<&Mode::forward>, METH_NOARGS, "Whether tangents propagate."},
    {"_set_fwd_grad_enabled", set_forward, METH_O, "Switches tangents on this thread."},
    {"_batch_enter", fast(batch_enter), METH_FASTCALL, "(tensor, dim, level) -> batched tensor"},
    {"_batch_leave", fast(batch_leave), METH_FASTCALL, "(tensor, dim, level) -> all examples"},
    {"_batch_of", batch_of, METH_O, "(level, all examples) of a batched tensor, else None."},
    {"_jvp", fast(jvp), METH_FASTCALL, "(function, primals, tangents) -> (results, tangents)"},
    {"_vmap", fast(vmap), METH_FASTCALL, "(function, in_dims, tensors) -> results"},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace pullback::bind
