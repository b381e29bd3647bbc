// NumPy's Fourier transforms for the core: the loops of its generalised ufuncs, by address.
//
// Since NumPy 2.0 the transforms are ufuncs whose loops work on raw memory; they are called without
// the interpreter's lock, from any thread, and no array is made.  Where NumPy has none (1.x), or
// describes them in another way than is known here, its public functions are called on arrays over
// the same memory instead, which is slower and right.  Start at load().
#include "bind/numpy_fft.h"

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <atomic>
#include <complex>
#include <cstddef>
#include <iterator>
#include <memory>
#include <string>

#include "bind/guard.h"
#include "kernels/fft/transform.h"

namespace pullback::bind {
namespace {

namespace py = pybind11;
using kernels::FftLibrary;
using kernels::FftLoop;

static_assert(sizeof(Py_ssize_t) == sizeof(std::int64_t), "NumPy's loops count in npy_intp");

// The beginning of NumPy's PyUFuncObject, which is part of its binary interface.
struct UFunc {
  PyObject_HEAD int nin, nout, nargs, identity;
  decltype(FftLoop::function)* functions;
  void** data;  // or null
  int ntypes;
};

struct Transform {
  const char* ufunc;
  const char* types;  // of its loop
  const char* name;   // the public function
  bool from_complex, to_complex;
};
// As FftLibrary::Loops counts them.
constexpr Transform kTransforms[] = {
    {"fft", "Dd->D", "fft", true, true},           {"ifft", "Dd->D", "ifft", true, true},
    {"rfft_n_even", "dd->D", "rfft", false, true}, {"rfft_n_odd", "dd->D", "rfft", false, true},
    {"irfft", "Dd->d", "irfft", true, false},
};

// With the lock, and Python's errors as everywhere in bind.
template <typename F>
auto in_python(F&& body) {
  const py::gil_scoped_acquire lock;
  try {
    return body();
  } catch (py::error_already_set& error) {
    error.restore();
    throw_python();
  }
}

// False where the ufuncs are not what this file knows.
bool take_loops(FftLibrary& library) {
  py::module_ umath;
  try {
    umath = py::module_::import("numpy.fft._pocketfft_umath");
  } catch (py::error_already_set& error) {
    if (!error.matches(PyExc_ImportError)) throw;
    return false;
  }
  const py::object kind = py::module_::import("numpy").attr("ufunc");
  for (std::size_t k = 0; k < std::size(kTransforms); ++k) {
    const py::object found = py::getattr(umath, kTransforms[k].ufunc, py::none());
    if (!py::isinstance(found, kind)) return false;
    const auto& ufunc = *reinterpret_cast<const UFunc*>(found.ptr());
    const py::list types(found.attr("types"));
    const int counts[] = {ufunc.nin, ufunc.nout, ufunc.nargs, ufunc.ntypes};
    const char* const names[] = {"nin", "nout", "nargs", "ntypes"};
    for (std::size_t i = 0; i < std::size(counts); ++i) {
      if (found.attr(names[i]).cast<int>() != counts[i]) return false;
    }
    if (ufunc.nin != 2 || ufunc.nout != 1) return false;
    for (std::size_t t = 0; t < types.size(); ++t) {
      if (types[t].cast<std::string>() != kTransforms[k].types) continue;
      library.loops[k] = {ufunc.functions[t], ufunc.data ? ufunc.data[t] : nullptr};
    }
    if (!library.loops[k].function) return false;
    found.inc_ref();  // its loops are used until the end
  }
  library.one_thread = false;
  return true;
}

void run_public(char** arrays, const std::int64_t* sizes, const std::int64_t* strides, void* data) {
  const auto& transform = *static_cast<const Transform*>(data);
  const auto over = [&](bool complex, char* memory, std::int64_t size, std::int64_t between,
                        std::int64_t step) {
    const py::dtype dtype =
        complex ? py::dtype::of<std::complex<double>>() : py::dtype::of<double>();
    return py::array(dtype, py::array::ShapeContainer{sizes[0], size},
                     py::array::StridesContainer{between, step}, memory, py::none());
  };
  const py::array in = over(transform.from_complex, arrays[0], sizes[1], strides[0], strides[3]);
  const py::array out = over(transform.to_complex, arrays[2], sizes[2], strides[2], strides[4]);
  const py::module_ numpy = py::module_::import("numpy");
  const bool backward = transform.name[0] == 'i';
  const py::object n =
      transform.to_complex ? py::object(py::none()) : py::object(py::int_(sizes[2]));
  const py::object result = numpy.attr("fft").attr(transform.name)(
      in, n, -1, backward ? "forward" : "backward");  // neither divides
  numpy.attr("multiply")(result, *reinterpret_cast<const double*>(arrays[1]), py::arg("out") = out,
                         py::arg("casting") = "same_kind");
}

void call_public(char** arrays, const std::int64_t* sizes, const std::int64_t* strides,
                 void* data) {
  in_python([&] { run_public(arrays, sizes, strides, data); });
}

void take_public_functions(FftLibrary& library) {
  for (std::size_t k = 0; k < std::size(kTransforms); ++k) {
    void* const data = const_cast<Transform*>(&kTransforms[k]);
    library.loops[k] = {&call_public, data};
  }
  library.one_thread = true;
}

// NumPy's transforms take their buffers from malloc.  glibc gives large ones back at once, so that
// every call would have fresh pages, which cost more than the transform; it keeps those of a size
// that was freed before, up to 32 MiB: mallopt(3), M_MMAP_THRESHOLD.
void keep_pages() { PyMem_RawFree(PyMem_RawMalloc(31 * std::size_t{1024} * 1024)); }

std::atomic<const FftLibrary*> loaded{nullptr};

// Without a static of its own: a thread that waited for one would keep the lock that the first one
// needs. Two that come at once find the same.
const FftLibrary& load() {
  if (!loaded.load()) {
    in_python([] {
      auto found = std::make_unique<FftLibrary>();
      if (!take_loops(*found)) take_public_functions(*found);
      keep_pages();
      const FftLibrary* none = nullptr;
      if (loaded.compare_exchange_strong(none, found.get())) found.release();
    });
  }
  return *loaded.load();
}

}  // namespace

void init_numpy_fft() { kernels::set_fft_library(&load); }

}  // namespace pullback::bind
