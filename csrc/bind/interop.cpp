// See interop.h.
#include "bind/interop.h"

#include <memory>
#include <string_view>

#include "bind/guard.h"

namespace pullback::bind {
namespace {

// The dtype of a buffer's format, "" for none of ours.  Sizes decide, as 'l' differs by platform.
bool dtype_of_format(std::string_view format, Py_ssize_t size, DType& dtype) {
  if (format.starts_with('@') || format.starts_with('=') || format.starts_with('<')) {
    format.remove_prefix(1);
  }
  if (format == "?") {
    dtype = DType::Bool;
  } else if (format == "B" && size == 1) {
    dtype = DType::UInt8;
  } else if ((format == "i" || format == "l" || format == "q") && (size == 4 || size == 8)) {
    dtype = size == 4 ? DType::Int32 : DType::Int64;
  } else if (format == "f") {
    dtype = DType::Float32;
  } else if (format == "d") {
    dtype = DType::Float64;
  } else {
    return false;
  }
  return true;
}

}  // namespace

Tensor tensor_from_array(PyObject* array) {
  auto buffer = std::make_unique<Py_buffer>();
  bool read_only = false;
  if (PyObject_GetBuffer(array, buffer.get(), PyBUF_STRIDES | PyBUF_FORMAT | PyBUF_WRITABLE) < 0) {
    PyErr_Clear();
    read_only = true;
    if (PyObject_GetBuffer(array, buffer.get(), PyBUF_STRIDES | PyBUF_FORMAT) < 0) throw_python();
  }
  const auto release = [](void* owner) {
    const std::unique_ptr<Py_buffer> held(static_cast<Py_buffer*>(owner));
    PyBuffer_Release(held.get());
  };
  Py_buffer* view = buffer.get();
  DType dtype;
  const std::string_view format = view->format ? view->format : "B";
  if (!dtype_of_format(format, view->itemsize, dtype)) {
    const std::string text(format);
    PyBuffer_Release(view);
    fail(ErrorKind::Type, "can't convert an array with format '", text,
         "'. The supported types are: float64, float32, int64, int32, uint8, and bool.");
  }
  Dims sizes(view->ndim);
  Dims strides(view->ndim);
  for (int d = 0; d < view->ndim; ++d) {
    sizes[d] = view->shape[d];
    if (view->strides[d] % view->itemsize != 0) {
      PyBuffer_Release(view);
      fail(
          ErrorKind::Value,
          "given numpy array strides not a multiple of the element byte size. Copy the numpy array "
          "to reallocate the memory.");
    }
    strides[d] = view->strides[d] / view->itemsize;
    if (strides[d] < 0) {
      PyBuffer_Release(view);
      fail(ErrorKind::Value,
           "At least one stride in the given numpy array is negative, and tensors with negative "
           "strides are not currently supported. (You can probably work around this by making a "
           "copy of your array  with array.copy().)");
    }
  }
  char* data = static_cast<char*>(view->buf);
  const auto bytes = static_cast<std::size_t>(view->len);
  Ref<Storage> storage = Storage::foreign(data, bytes, buffer.release(), release);
  storage->read_only = read_only;
  return Tensor::over(std::move(storage), data, sizes, strides, dtype);
}

}  // namespace pullback::bind
