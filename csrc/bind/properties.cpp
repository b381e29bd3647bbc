// The attributes and the plain methods of a tensor that are computed in C++.
//
// What is nicer to read in Python is in python/pullback/_tensor.py; operators come from the table.
#include <optional>

#include "bind/convert.h"
#include "bind/device.h"
#include "bind/graph_objects.h"
#include "bind/guard.h"
#include "bind/hooks.h"
#include "bind/interop.h"
#include "bind/overrides.h"
#include "bind/parameters.h"
#include "bind/provenance.h"
#include "bind/tensor_type.h"
#include "bind/types.h"
#include "core/warning.h"
#include "graph/meta.h"
#include "graph/mode.h"
#include "graph/node.h"
#include "graph/origin.h"
#include "ops/as_strided.h"
#include "ops/basic.h"
#include "ops/exchange.h"
#include "ops/levels.h"
#include "ops/rebase.h"
#include "ops/shape/view.h"
#include "transform/engine.h"

namespace pullback::bind {
namespace {

// A property whose value is a function of the tensor.
template <auto function>
PyObject* read(PyObject* self, void*) {
  return guarded([&] { return function(unwrap(self)); });
}
template <auto function>
PyObject* getter(PyObject* self, void*) {
  if (is_plain(self)) [[likely]]
    return read<function>(self, nullptr);
  constexpr ::getter own = getter<function>;
  return ask_getter(reinterpret_cast<const void*>(own), read<function>, self);
}

PyObject* get_shape(const Tensor& t) { return wrap_sizes(t.sizes()); }
PyObject* get_dtype(const Tensor& t) { return wrap_dtype(t.dtype()); }
PyObject* get_device(const Tensor&) { return cpu_device(); }
PyObject* get_ndim(const Tensor& t) { return PyLong_FromLong(t.ndim()); }
PyObject* get_requires_grad(const Tensor& t) { return PyBool_FromLong(t.requires_grad()); }
PyObject* get_is_leaf(const Tensor& t) {
  return PyBool_FromLong(t.is_leaf() || is_level_input(t.body()));
}
PyObject* get_version(const Tensor& t) {
  check(!t.has(kInference), "Inference tensors do not track version counter.");
  return PyLong_FromUnsignedLong(t.version());
}
PyObject* get_output_nr(const Tensor& t) {
  return PyLong_FromUnsignedLong(t.is_leaf() ? 0 : output_nr_of(t));
}
PyObject* get_base(const Tensor& t) { return wrap(Tensor(t.body()->base)); }
PyObject* get_itemsize(const Tensor& t) { return PyLong_FromSize_t(item_size(t.dtype())); }
PyObject* get_nbytes(const Tensor& t) {
  return PyLong_FromSize_t(item_size(t.dtype()) * static_cast<std::size_t>(t.numel()));
}
PyObject* get_retains_grad(const Tensor& t) { return PyBool_FromLong(t.has(kRetainsGrad)); }
PyObject* get_transpose(const Tensor& t) {
  if (t.ndim() == 0) {
    warn("Tensor.T is deprecated on 0-D tensors. This function is the identity in these cases.");
  } else if (t.ndim() != 2) {
    warn(
        "The use of `x.T` on tensors of dimension other than 2 to reverse their shape is "
        "deprecated and it will throw an error in a future release. Consider `x.mT` to transpose "
        "batches of matrices or `x.permute(*torch.arange(x.ndim - 1, -1, -1))` to reverse the "
        "dimensions of a tensor.");
  }
  Dims order;
  for (int d = t.ndim() - 1; d >= 0; --d) order.push_back(d);
  return wrap(permute(t, order));
}
PyObject* get_matrix_transpose(const Tensor& t) {
  if (t.ndim() == 0) {
    warn("Tensor.mT is deprecated on 0-D tensors. This function is the identity in these cases.");
    return wrap(t);
  }
  check(t.ndim() >= 2, "tensor.mT is only supported on matrices or batches of matrices. Got ",
        t.ndim(), "-D tensor.");
  return wrap(transpose(t, -2, -1));
}
PyObject* get_real(const Tensor& t) { return wrap(real(t)); }
PyObject* get_imaginary(const Tensor& t) { return wrap(imag(t)); }
// Writes into the view.
template <Tensor (*part)(const Tensor&)>
int set_part(PyObject* self, PyObject* value, void*) {
  return guarded_status([&] {
    check(value, "Deleting tensor.", part == real ? "real" : "imag", " is not allowed.");
    const Owned view(wrap(part(unwrap(self))));
    Owned(PyObject_CallMethod(view.get(), is_tensor(value) ? "copy_" : "fill_", "O", value));
    return 0;
  });
}
PyObject* get_hermitian(const Tensor& t) {
  if (t.ndim() == 0) {
    warn("Tensor.H is deprecated on 0-D tensors. Consider using x.conj().");
    return wrap(conj(t));
  }
  check(t.ndim() == 2, "tensor.H is only supported on matrices (2-D tensors). Got ", t.ndim(),
        "-D tensor.", t.ndim() > 2 ? " For batches of matrices, consider using tensor.mH" : "");
  return wrap(conj(transpose(t, 0, 1)));
}
PyObject* get_matrix_hermitian(const Tensor& t) {
  if (t.ndim() == 0) {
    warn("Tensor.mH is deprecated on 0-D tensors. Consider using x.conj().");
    return wrap(conj(t));
  }
  check(t.ndim() >= 2, "tensor.mH is only supported on matrices or batches of matrices. Got ",
        t.ndim(), "-D tensor.");
  return wrap(conj(transpose(t, -2, -1)));
}
PyObject* get_grad_fn(const Tensor& t) {
  if (t.is_leaf() || is_level_input(t.body())) Py_RETURN_NONE;
  // The node may get hooks that refer to the tensor; see NOTE [Handles].
  auto* self = static_cast<PyObject*>(t.body()->handle);
  if (!PyObject_GC_IsTracked(self)) PyObject_GC_Track(self);
  note_shape(t);
  return wrap_node(Ref<Node>::share(node_of(t)));
}
PyObject* get_grad(const Tensor& t) {
  const AutogradMeta* meta = meta_of(t);
  const bool has_grad = meta && meta->grad.defined();
  if (!has_grad && raw_node_of(t) && !t.has(kRetainsGrad)) {
    warn_user(PyExc_UserWarning,
              "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its "
              ".grad attribute won't be populated during autograd.backward(). If you indeed want "
              "the .grad field to be populated for a non-leaf Tensor, use .retain_grad() on the "
              "non-leaf Tensor.");
  }
  return wrap(has_grad ? meta->grad : Tensor());
}

int set_grad(PyObject* self, PyObject* value, void*) {
  return guarded_status([&] {
    const Tensor& t = unwrap(self);
    if (!value || value == Py_None) {
      AutogradMeta* meta = meta_of(t);
      if (meta && std::exchange(meta->grad, Tensor()).defined()) {
        note_grad(t);
        meta->cleared.capture();
      }
      return 0;
    }
    check(ErrorKind::Type, is_tensor(value),
          "assigned grad expected to be a Tensor or None but got "
          "grad of type ",
          Py_TYPE(value)->tp_name);
    const Tensor& grad = unwrap(value);
    check(!grad.is_same(t), "can't assign Variable as its own grad");
    if (!same(grad.sizes(), t.sizes())) {
      fail("attempting to assign a gradient of size '", grad.shape(), "' to a tensor of size '",
           t.shape(), "'. Please ensure that the gradient and the tensor are the same size.");
    }
    if (grad.dtype() != t.dtype()) {
      fail("attempting to assign a gradient with dtype '", info(grad.dtype()).c_name,
           "' to a tensor with grad_dtype '", info(t.dtype()).scalar_name,
           "'. The gradient must have the dtype of the tensor.");
    }
    make_meta(t).grad = grad;
    note_grad(t);
    return 0;
  });
}

// requires_grad_() and the attribute; what is made with requires_grad=True is no matter.
void refuse_in_transform(bool wanted) {
  if (!wanted || !mode.depth || !in_transform()) return;
  fail(
      "You are attempting to call Tensor.requires_grad_() (or perhaps using "
      "torch.autograd.functional.* APIs) inside of a function being transformed by a functorch "
      "transform. This is unsupported, please attempt to use the functorch transforms (e.g. grad, "
      "vjp, jacrev, jacfwd, hessian) or call requires_grad_() outside of a function being "
      "transformed instead.");
}

int set_requires_grad(PyObject* self, PyObject* value, void*) {
  return guarded_status([&] {
    const Tensor& t = unwrap(self);
    check(value && PyBool_Check(value), "requires_grad must be a bool");
    refuse_in_transform(value == Py_True);
    check(t.is_leaf() || value == Py_False,
          "you can only change requires_grad flags of leaf variables. This one is a result, which "
          "requires a gradient when an operand does.");
    require_grad(t, value == Py_True);
    return 0;
  });
}

// `made` shares the memory of `t` and not its history.
PyObject* wrap_cut(Tensor made, const Tensor& t, Origin origin) {
  if (t.requires_grad()) {
    note_origin(made, origin);
    if (called_by_user()) note_leaf_cut(t, origin, made.body()->made);
  } else if (t.has(kCut)) {
    note_cut(made, t);
  }
  return wrap(std::move(made));
}
// A tensor over the same memory whose version counter is its own (torch's .data).
Tensor data_of(const Tensor& t) {
  if (t.has(kBatched)) return make_batched(data_of(meta_of(t)->batch), meta_of(t)->level);
  Tensor data =
      Tensor::over(twin_storage(t.body()->storage), t.bytes(), t.sizes(), t.strides(), t.dtype());
  data.set(kInference, t.has(kInference));
  return data;
}
PyObject* get_data(const Tensor& t) { return wrap_cut(data_of(t), t, Origin::Data); }

int set_data(PyObject* self, PyObject* value, void*) {
  return guarded_status([&] {
    check(value, "Deleting tensor data is not allowed. Delete tensor instead!");
    check(ErrorKind::Type, is_tensor(value), "Variable data has to be a tensor, but got ",
          Py_TYPE(value)->tp_name);
    const Tensor& t = unwrap(self);
    const Tensor& source = unwrap(value);
    check(!t.requires_grad() || is_differentiable(source.dtype()),
          "data set to a tensor that requires gradients must be floating point or complex dtype");
    exchange_memory(t, source);
    return 0;
  });
}

// The dimension that was asked for, or nullopt.
std::optional<int> asked_dim(const ParameterNames& names, PyObject* object, const Tensor& t) {
  if (!object || object == Py_None) return std::nullopt;
  std::int64_t dim;
  if (!to_int(object, dim)) names.refuse(0, "int", object);
  return wrap_own_dim(dim, t.ndim());
}

PyObject* method_size(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  return guarded([&] {
    static const Parameters<1> names("size", {"dim"});
    const Tensor& t = unwrap(self);
    const auto dim = asked_dim(names, names(args, n, kwnames)[0], t);
    return dim ? PyLong_FromLongLong(t.size(*dim)) : wrap_sizes(t.sizes());
  });
}

PyObject* method_stride(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  return guarded([&] {
    static const Parameters<1> names("stride", {"dim"});
    const Tensor& t = unwrap(self);
    const auto dim = asked_dim(names, names(args, n, kwnames)[0], t);
    if (dim) return PyLong_FromLongLong(t.stride(*dim));
    Owned tuple(PyTuple_New(t.ndim()));
    for (int d = 0; d < t.ndim(); ++d) {
      PyTuple_SET_ITEM(tuple.get(), d, PyLong_FromLongLong(t.stride(d)));
    }
    return tuple.release();
  });
}

constexpr const char kNumel[] = "numel";
constexpr const char kIsFloatingPoint[] = "is_floating_point";
constexpr const char kIsComplex[] = "is_complex";
constexpr const char kDetach[] = "detach";
constexpr const char kDetachInPlace[] = "detach_";

// numel(input) and the like: the method as a function.
template <const char* name>
PyObject* of_tensor(PyObject*, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  return guarded([&] {
    static const Parameters<1> names(name, {"input"}, 1, 1);
    PyObject* input = names(args, n, kwnames)[0];
    const auto compute = [&] {
      if (!is_tensor(input)) names.refuse(0, "Tensor", input);
      return PyObject_CallMethod(input, name, nullptr);
    };
    if (is_plain(input)) return compute();
    return asked({Callee::Kind::Core, name}, args, n, kwnames, [&] { return guarded(compute); });
  });
}

template <auto function>
PyObject* simple_method(PyObject* self, PyObject*) {
  return guarded([&] { return function(unwrap(self)); });
}
template <auto function>
constexpr PyCFunction method = hooked<simple_method<function>>;

PyObject* dim(const Tensor& t) { return PyLong_FromLong(t.ndim()); }

PyObject* numel(const Tensor& t) { return PyLong_FromLongLong(t.numel()); }
PyObject* item(const Tensor& t) {
  refuse_item(t);
  if (t.numel() != 1) {
    fail("a Tensor with ", t.numel(), " elements cannot be converted to Scalar.", described(t));
  }
  note_user_reading(t, Origin::Number);
  return wrap_number(t.item());
}
PyObject* storage_offset(const Tensor& t) { return PyLong_FromLongLong(memory_offset(t)); }
PyObject* data_ptr(const Tensor& t) {
  refuse_memory(t);
  return PyLong_FromVoidPtr(t.bytes());
}
PyObject* storage_ptr(const Tensor& t) { return PyLong_FromVoidPtr(t.body()->storage->data); }
PyObject* is_contiguous_now(const Tensor& t) { return PyBool_FromLong(t.is_contiguous()); }
PyObject* is_view(const Tensor& t) { return PyBool_FromLong(static_cast<bool>(t.body()->base)); }
PyObject* is_inference(const Tensor& t) { return PyBool_FromLong(t.has(kInference)); }
PyObject* is_floating_point(const Tensor& t) { return PyBool_FromLong(is_floating(t.dtype())); }
PyObject* is_complex(const Tensor& t) { return PyBool_FromLong(pullback::is_complex(t.dtype())); }
PyObject* detach(const Tensor& t) { return wrap_cut(detached(t), t, Origin::Detach); }
PyObject* detach_in_place(const Tensor& t) {
  check(!t.body()->base, "Can't detach views in-place. Use detach() instead.");
  if (t.requires_grad()) {
    SavedInput::forget(*t.body());
    note_origin(t, Origin::Detach);
  }
  drop_history(t);
  drop_tangents(t);
  if (t.has(kBatched)) meta_of(t)->batch = detached(meta_of(t)->batch);
  move_retention(t);
  return wrap(t);
}
PyObject* keep_grad(const Tensor& t) {
  if (!t.requires_grad()) {
    fail("can't retain_grad on Tensor that has requires_grad=False.", origin_of(t));
  }
  check(!in_transform(),
        "You are attempting to call Tensor.retain_grad() inside of a function being transformed by "
        "a functorch transform. This is unsupported, please attempt to use the functorch "
        "transforms (e.g. grad, vjp, jacrev, jacfwd, hessian) or call retain_grad() outside of a "
        "function being transformed instead.");
  retain_grad(t);
  Py_RETURN_NONE;
}
PyObject* to_list(const Tensor& t) {
  refuse_memory(t);
  note_user_reading(t, Origin::Number);
  struct Walk {
    const Tensor& t;
    PyObject* at(int dim, const char* data) const {
      if (dim == t.ndim()) return wrap_number(Scalar::load(t.dtype(), data));
      const auto n = static_cast<Py_ssize_t>(t.size(dim));
      const auto step = t.stride(dim) * static_cast<std::int64_t>(item_size(t.dtype()));
      Owned list(PyList_New(n));
      for (Py_ssize_t i = 0; i < n; ++i)
        PyList_SET_ITEM(list.get(), i, at(dim + 1, data + i * step));
      return list.release();
    }
  };
  return Walk{t}.at(0, t.bytes());
}

PyObject* requires_grad_in_place(PyObject* self, PyObject* const* args, Py_ssize_t n,
                                 PyObject* kwnames) {
  return guarded([&]() -> PyObject* {
    static const Parameters<1> names("requires_grad_", {"requires_grad"});
    PyObject* given = names(args, n, kwnames)[0];
    const bool wanted = !given || names.flag(0, given);
    refuse_in_transform(wanted);
    require_grad(unwrap(self), wanted);
    return Py_NewRef(self);
  });
}

PyObject* make_subclass(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    PyObject *cls, *data;
    int wants_grad = 0;
    if (!PyArg_ParseTuple(args, "OO|p:_make_subclass", &cls, &data, &wants_grad)) throw_python();
    check(ErrorKind::Type, PyType_Check(cls) && is_tensor(data), "_make_subclass: got (",
          Py_TYPE(cls)->tp_name, ", ", Py_TYPE(data)->tp_name,
          "), expected a subclass of Tensor and a Tensor.");
    const Tensor& t = unwrap(data);
    Tensor twin = detached(t);
    note_origin(twin, Origin::Made);
    if (wants_grad) require_grad(twin, true);
    return wrap_as(reinterpret_cast<PyTypeObject*>(cls), std::move(twin));
  });
}

PyObject* refuse_wrapper(PyObject*, PyObject*, PyObject*) {
  return guarded([]() -> PyObject* {
    fail(ErrorKind::NotImplemented,
         "_make_wrapper_subclass: a tensor without memory is there for __torch_dispatch__, which "
         "is not supported. Expected _make_subclass(cls, data), or a class with "
         "__torch_function__ that holds a tensor.");
  });
}
const auto no_wrapper = reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(&refuse_wrapper));

// The same memory and history as a tensor of another class.
PyObject* as_subclass(PyObject* self, PyObject* cls) {
  return guarded([&] {
    check(ErrorKind::Type,
          PyType_Check(cls) && PyType_IsSubtype(reinterpret_cast<PyTypeObject*>(cls), tensor_type),
          "as_subclass: got ", Py_TYPE(cls)->tp_name, ", expected a class derived from Tensor.");
    return wrap_as(reinterpret_cast<PyTypeObject*>(cls), alias_view(unwrap(self)));
  });
}

PyCFunction fast(PyObject* (*f)(PyObject*, PyObject* const*, Py_ssize_t, PyObject*)) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(f));
}

// See NOTE [Handles]: an object with a dictionary is tracked by the collector.
PyObject* get_dict(PyObject* self, void* context) {
  PyObject* dict = PyObject_GenericGetDict(self, context);
  if (dict && !PyObject_GC_IsTracked(self)) PyObject_GC_Track(self);
  return dict;
}

}  // namespace

void require_grad(const Tensor& t, bool wanted) {
  if (!t.is_leaf()) {
    if (wanted) return;
    fail(
        "you can only change requires_grad flags of leaf variables. If you want to use a computed "
        "variable in a subgraph that doesn't require differentiation use var_no_grad = "
        "var.detach().",
        origin_of(t));
  }
  check(!wanted || is_differentiable(t.dtype()),
        "only Tensors of floating point dtype can require gradients");
  if (wanted && t.has(kInference) && !mode.inference) {
    fail("Setting requires_grad=True on inference tensor outside InferenceMode is not allowed.",
         origin_of(t));
  }
  const bool frozen = !wanted && t.requires_grad();
  t.set(kRequiresGrad, wanted);
  if (frozen) note_origin(t, Origin::Frozen);
  const Origin origin = t.body()->origin;
  if (wanted && (origin == Origin::None || origin == Origin::Frozen)) note_origin(t, Origin::Made);
}

static Py_ssize_t length(PyObject* self) {
  const Tensor& t = unwrap(self);
  if (t.ndim() == 0) {
    PyErr_SetString(PyExc_TypeError, "len() of a 0-d tensor");
    return -1;
  }
  return static_cast<Py_ssize_t>(t.size(0));
}

Py_ssize_t tensor_length(PyObject* self) {
  if (is_plain(self)) return length(self);
  const Answer answer = ask({Callee::Kind::Name, "__len__"}, &self, 1, nullptr);
  if (!answer.given) return length(self);
  if (!answer.result) return -1;
  const Py_ssize_t found = PyNumber_AsSsize_t(answer.result, PyExc_OverflowError);
  Py_DECREF(answer.result);
  if (found < 0 && !PyErr_Occurred()) {
    PyErr_SetString(PyExc_ValueError, "__len__() should return >= 0");
    return -1;
  }
  return found;
}

// Where a tensor comes from, as a sentence, or "".
static PyObject* get_origin(PyObject* self, void*) {
  return guarded([&] {
    std::string text = origin_of(unwrap(self));
    if (!text.empty()) text.erase(0, 1);
    return PyUnicode_FromString(text.c_str());
  });
}

PyGetSetDef tensor_properties[] = {
    {"__dict__", get_dict, PyObject_GenericSetDict, "What Python code keeps here.", nullptr},
    {"shape", getter<get_shape>, nullptr, "The sizes, a Size.", nullptr},
    {"dtype", getter<get_dtype>, nullptr, "The element type.", nullptr},
    {"device", getter<get_device>, nullptr, "Always device(type='cpu').", nullptr},
    {"ndim", getter<get_ndim>, nullptr, "The number of dimensions.", nullptr},
    {"requires_grad", getter<get_requires_grad>, hooked_setter<set_requires_grad>,
     "Whether gradients flow to this tensor.", nullptr},
    {"grad", getter<get_grad>, hooked_setter<set_grad>, "The accumulated gradient, or None.",
     nullptr},
    {"grad_fn", getter<get_grad_fn>, nullptr, "The node that made the tensor, or None.", nullptr},
    {"is_leaf", getter<get_is_leaf>, nullptr, "Whether no recorded operation made it.", nullptr},
    {"retains_grad", getter<get_retains_grad>, nullptr,
     "Whether the gradient of this non-leaf is kept.", nullptr},
    {"_backward_hooks", getter<get_backward_hooks>, hooked_setter<set_backward_hooks>,
     "The functions of register_hook by number, or None.", nullptr},
    {"_post_accumulate_grad_hooks", getter<get_accumulation_hooks>,
     hooked_setter<set_accumulation_hooks>,
     "The functions of register_post_accumulate_grad_hook by number, or None.", nullptr},
    {"data", getter<get_data>, hooked_setter<set_data>,
     "A tensor over the same memory without history and with a version counter of its own.",
     nullptr},
    {"_version", getter<get_version>, nullptr, "Raised by every in-place write.", nullptr},
    {"_origin", get_origin, nullptr, "Where it was made, recorded or cut off: a sentence.",
     nullptr},
    {"_base", getter<get_base>, nullptr, "Of a view: the tensor it is a view of.", nullptr},
    {"output_nr", getter<get_output_nr>, nullptr, "Which output of grad_fn it is.", nullptr},
    {"itemsize", getter<get_itemsize>, nullptr, "Bytes of one element.", nullptr},
    {"nbytes", getter<get_nbytes>, nullptr, "Bytes of all elements.", nullptr},
    {"T", getter<get_transpose>, nullptr, "A view with the dimensions reversed.", nullptr},
    {"mT", getter<get_matrix_transpose>, nullptr, "A view with the last two dimensions exchanged.",
     nullptr},
    {"real", getter<get_real>, hooked_setter<set_part<real>>,
     "A view of the real parts; a real tensor itself. Writing copies into it.", nullptr},
    {"imag", getter<get_imaginary>, hooked_setter<set_part<imag>>,
     "A view of the imaginary parts; an error for a real tensor. Writing copies into it.", nullptr},
    {"H", getter<get_hermitian>, nullptr,
     "The conjugate transpose of a matrix; of a real one a view.", nullptr},
    {"mH", getter<get_matrix_hermitian>, nullptr,
     "The conjugate transposes of matrices; of real ones a view.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

PyMethodDef tensor_methods[] = {
    {"size", fast(hooked_fast<method_size>), METH_FASTCALL | METH_KEYWORDS,
     "size(dim=None)\n\nThe sizes, or the size of one dimension."},
    {"stride", fast(hooked_fast<method_stride>), METH_FASTCALL | METH_KEYWORDS,
     "stride(dim=None)\n\nThe strides in elements, or one of them."},
    {"numel", method<numel>, METH_NOARGS, "The number of elements."},
    {"nelement", method<numel>, METH_NOARGS, "The number of elements."},
    {"dim", method<dim>, METH_NOARGS, "The number of dimensions."},
    {"ndimension", method<dim>, METH_NOARGS, "The number of dimensions."},
    {"item", method<item>, METH_NOARGS, "The value of a tensor with one element, as a number."},
    {"tolist", method<to_list>, METH_NOARGS, "The values as nested lists."},
    {"element_size", method<get_itemsize>, METH_NOARGS, "Bytes of one element."},
    {"storage_offset", method<storage_offset>, METH_NOARGS, "Elements before the first one."},
    {"data_ptr", method<data_ptr>, METH_NOARGS, "The address of the first element."},
    {"_storage_ptr", method<storage_ptr>, METH_NOARGS, "The address of the storage."},
    {"_is_row_major", method<is_contiguous_now>, METH_NOARGS, "Row-major without gaps."},
    {"_is_view", method<is_view>, METH_NOARGS, "Whether it shares memory with a base."},
    {"is_inference", method<is_inference>, METH_NOARGS, "Whether it was made in inference mode."},
    {"is_floating_point", method<is_floating_point>, METH_NOARGS, "Whether elements are floats."},
    {"is_complex", method<is_complex>, METH_NOARGS, "Whether elements are complex numbers."},
    {"detach", method<detach>, METH_NOARGS, "A view without history."},
    {"detach_", method<detach_in_place>, METH_NOARGS, "Drops the history of this tensor."},
    {"retain_grad", method<keep_grad>, METH_NOARGS, "Keeps the gradient of a non-leaf in .grad."},
    {"requires_grad_", fast(hooked_fast<requires_grad_in_place>), METH_FASTCALL | METH_KEYWORDS,
     "Makes gradients flow to this leaf, or not."},
    {"as_subclass", as_subclass, METH_O,
     "as_subclass(cls)\n\nThis tensor as an object of a class derived from Tensor: the same "
     "memory, "
     "and in the graph.\n\nExample:\n    >>> import pullback as pb\n    >>> class "
     "Points(pb.Tensor):\n    ...     pass\n    >>> "
     "type(pb.ones(2).as_subclass(Points)).__name__\n    'Points'"},
    {"__torch_function__", fast(default_torch_function), METH_FASTCALL | METH_KEYWORDS | METH_CLASS,
     "__torch_function__(func, types, args=(), kwargs=None)\n\nWhat classes derived from Tensor do "
     "with a call unless they say otherwise: the results become objects of the class."},
    {"_make_wrapper_subclass", no_wrapper, METH_VARARGS | METH_KEYWORDS | METH_STATIC,
     "Refuses: such a tensor has no memory, and is there for __torch_dispatch__."},
    {"_make_subclass", make_subclass, METH_VARARGS | METH_STATIC,
     "A tensor of a subclass over the memory of another one."},
    {nullptr, nullptr, 0, nullptr},
};

PyMethodDef tensor_functions[] = {
    {kNumel, fast(of_tensor<kNumel>), METH_FASTCALL | METH_KEYWORDS,
     "numel(input)\n\nThe number of elements."},
    {kIsFloatingPoint, fast(of_tensor<kIsFloatingPoint>), METH_FASTCALL | METH_KEYWORDS,
     "is_floating_point(input)\n\nWhether the elements are floating-point numbers."},
    {kIsComplex, fast(of_tensor<kIsComplex>), METH_FASTCALL | METH_KEYWORDS,
     "is_complex(input)\n\nWhether the elements are complex numbers."},
    {kDetach, fast(of_tensor<kDetach>), METH_FASTCALL | METH_KEYWORDS,
     "detach(input)\n\nThe same memory without history."},
    {kDetachInPlace, fast(of_tensor<kDetachInPlace>), METH_FASTCALL | METH_KEYWORDS,
     "detach_(input)\n\nDrops the history of the tensor itself."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace pullback::bind
