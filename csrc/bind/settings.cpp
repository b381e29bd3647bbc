// Settings of the process as Python sees them: the generator of random numbers, threads, dtype.
#include "bind/settings.h"

#include <algorithm>
#include <mutex>
#include <vector>

#include "bind/convert.h"
#include "bind/guard.h"
#include "bind/tensor_type.h"
#include "kernels/make/random.h"
#include "kernels/parallel.h"

namespace pullback::bind {
namespace {

PyObject* manual_seed(PyObject*, PyObject* seed) {
  return guarded([&]() -> PyObject* {
    // As in torch, a negative number stands for itself plus 2**64.
    Owned number(PyNumber_Long(seed));
    const unsigned long long value = PyLong_AsUnsignedLongLongMask(number.get());
    if (PyErr_Occurred()) throw_python();
    kernels::Generator& generator = kernels::default_generator();
    const std::lock_guard<std::mutex> lock(generator.mutex());
    generator.manual_seed(value);
    Py_RETURN_NONE;
  });
}

PyObject* seed(PyObject*, PyObject*) {
  return guarded([] {
    kernels::Generator& generator = kernels::default_generator();
    const std::lock_guard<std::mutex> lock(generator.mutex());
    return PyLong_FromUnsignedLongLong(generator.seed());
  });
}

PyObject* initial_seed(PyObject*, PyObject*) {
  return PyLong_FromUnsignedLongLong(kernels::default_generator().initial_seed());
}

PyObject* get_rng_state(PyObject*, PyObject*) {
  return guarded([] {
    kernels::Generator& generator = kernels::default_generator();
    const std::lock_guard<std::mutex> lock(generator.mutex());
    const std::vector<std::uint8_t> bytes = generator.state();
    const std::int64_t size = static_cast<std::int64_t>(bytes.size());
    Tensor state = Tensor::empty(Sizes(&size, 1), DType::UInt8);
    std::copy(bytes.begin(), bytes.end(), state.data<std::uint8_t>());
    return wrap(std::move(state));
  });
}

PyObject* set_rng_state(PyObject*, PyObject* object) {
  return guarded([&]() -> PyObject* {
    check(ErrorKind::Type, is_tensor(object) && unwrap(object).dtype() == DType::UInt8,
          "RNG state must be a torch.ByteTensor");
    const Tensor& state = unwrap(object);
    check(state.is_contiguous(), "RNG state must be contiguous");
    kernels::Generator& generator = kernels::default_generator();
    const std::lock_guard<std::mutex> lock(generator.mutex());
    generator.set_state(state.data<std::uint8_t>(), static_cast<std::size_t>(state.numel()));
    Py_RETURN_NONE;
  });
}

PyObject* get_num_threads(PyObject*, PyObject*) { return PyLong_FromLong(kernels::num_threads()); }

PyObject* set_num_threads(PyObject*, PyObject* count) {
  return guarded([&]() -> PyObject* {
    std::int64_t n;
    check(to_int(count, n), "set_num_threads expects an int, but got ", Py_TYPE(count)->tp_name);
    check(n >= 1, "set_num_threads expects a positive integer");
    check(n <= 4096, "set_num_threads: got ", n, ", expected at most 4096.");
    kernels::set_num_threads(static_cast<int>(n));
    Py_RETURN_NONE;
  });
}

}  // namespace

PyMethodDef settings_functions[] = {
    {"_manual_seed", manual_seed, METH_O, "Starts the generator from a seed."},
    {"seed", seed, METH_NOARGS,
     "seed()\n\nStarts the generator from a random seed and returns it."},
    {"initial_seed", initial_seed, METH_NOARGS,
     "initial_seed()\n\nThe seed that the generator was started from."},
    {"get_rng_state", get_rng_state, METH_NOARGS,
     "get_rng_state()\n\nThe state of the generator as a tensor of bytes."},
    {"_set_rng_state", set_rng_state, METH_O, "Puts the generator into a state."},
    {"get_num_threads", get_num_threads, METH_NOARGS,
     "get_num_threads()\n\nHow many threads a kernel may use."},
    {"set_num_threads", set_num_threads, METH_O,
     "set_num_threads(int)\n\nSets how many threads a kernel may use; results do not depend on "
     "it."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace pullback::bind
