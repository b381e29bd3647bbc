// Python's operators: +, -, *, /, //, %, **, @, &, |, ^, ~, comparisons, in-place forms.
//
// A slot converts its operands, calls one C++ function and wraps the result; an operand it does not
// know gives NotImplemented, never an exception.
#include <algorithm>
#include <cstddef>

#include "bind/convert.h"
#include "bind/guard.h"
#include "bind/profile.h"
#include "bind/provenance.h"
#include "bind/tensor_type.h"
#include "graph/origin.h"
#include "ops/basic.h"
#include "ops/destination.h"
#include "ops/levels.h"
#include "ops/linalg/matmul.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/pointwise/compare.h"

namespace pullback::bind {
namespace {

using BinaryFunction = Tensor (*)(const Operand&, const Operand&);

// The operator's name as a template argument.
template <std::size_t n>
struct Name {
  consteval Name(const char (&literal)[n]) { std::copy_n(literal, n, text); }  // NOLINT
  char text[n];
};

template <BinaryFunction function, Name name>
PyObject* binary_slot(PyObject* a, PyObject* b) {
  const Timed timed(name.text, a, b);
  return guarded([&]() -> PyObject* {
    Operand x, y;
    if (!to_operand(a, x) || !to_operand(b, y)) Py_RETURN_NOTIMPLEMENTED;
    return wrap(function(x, y));
  });
}

// "add" of "add_".
template <Name name>
constexpr auto kBare = [] {
  auto bare = name;
  bare.text[sizeof(bare.text) - 2] = 0;
  return bare;
}();

template <BinaryFunction function, Name name>
PyObject* inplace_slot(PyObject* a, PyObject* b) {
  const Timed timed(name.text, a, b);
  return guarded([&]() -> PyObject* {
    Operand y;
    if (!to_operand(b, y)) Py_RETURN_NOTIMPLEMENTED;
    const Tensor& self = unwrap(a);
    const auto add_operand = [&](Destination& destination) {
      if (y.is_tensor()) destination.add_operand(y.tensor());
    };
    return wrap(write_in_place(kBare<name>.text, self, true, add_operand,
                               [&] { return function(Operand(self), y); }));
  });
}

Tensor plus(const Operand& a, const Operand& b) { return add(a, b); }
// A number on the left: the operators that torch records there.
Tensor minus(const Operand& a, const Operand& b) {
  return a.is_tensor() ? sub(a, b) : rsub(b.tensor(), a);
}
Tensor quotient(const Operand& a, const Operand& b) {
  return a.is_tensor() ? true_divide(a, b) : mul(reciprocal(b.tensor()), a);
}

// An array of others (SciPy's sparse ones) over a tensor is the product with the reciprocal, which
// they may know, as in torch.
PyObject* divide_slot(PyObject* a, PyObject* b) {
  PyObject* result = binary_slot<quotient, "div">(a, b);
  if (result != Py_NotImplemented || !is_tensor(b)) [[likely]]
    return result;
  if (is_tensor(a) || !PyObject_HasAttrString(a, "shape")) return result;
  Py_DECREF(result);
  return guarded([&] {
    const Owned inverse(wrap(reciprocal(unwrap(b))));
    return PyNumber_Multiply(inverse.get(), a);
  });
}

template <Tensor (*function)(const Tensor&), Name name>
PyObject* unary_slot(PyObject* a) {
  const Timed timed(name.text, a, nullptr);
  return guarded([&] { return wrap(function(unwrap(a))); });
}

PyObject* power_slot(PyObject* a, PyObject* b, PyObject* modulus) {
  if (modulus != Py_None) {
    PyErr_SetString(PyExc_TypeError, "pow: got a modulus, expected two operands.");
    return nullptr;
  }
  return binary_slot<pow, "pow">(a, b);
}

PyObject* inplace_power_slot(PyObject* a, PyObject* b, PyObject*) {
  return inplace_slot<pow, "pow_">(a, b);
}

PyObject* matmul_slot(PyObject* a, PyObject* b) {
  const Timed timed("matmul", a, b);
  return guarded([&]() -> PyObject* {
    if (!is_tensor(a) || !is_tensor(b)) Py_RETURN_NOTIMPLEMENTED;
    return wrap(matmul(unwrap(a), unwrap(b)));
  });
}

const Tensor& single_value(PyObject* self) {
  const Tensor& t = unwrap(self);
  refuse_item(t);
  check(ErrorKind::Value, t.numel() == 1,
        "only one element tensors can be converted to Python scalars: got ", t.numel(),
        " elements");
  note_user_reading(t, Origin::Number);
  return t;
}

int bool_slot(PyObject* self) {
  return guarded_status([&] {
    const Tensor& t = unwrap(self);
    refuse_condition(t);
    if (t.numel() == 0) fail("Boolean value of Tensor with no values is ambiguous");
    if (t.numel() > 1) {
      fail("Boolean value of Tensor with more than one value is ambiguous.", described(t));
    }
    note_user_reading(t, Origin::Number);
    return static_cast<int>(t.item().to_bool());
  });
}

PyObject* float_slot(PyObject* self) {
  return guarded([&] {
    const Tensor& t = single_value(self);
    warn_of_reading(t);
    return PyFloat_FromDouble(t.item().to_double());
  });
}

PyObject* int_slot(PyObject* self) {
  return guarded([&] {
    const Scalar value = single_value(self).item();
    return value.is_floating() ? PyLong_FromDouble(value.to_double())
                               : PyLong_FromLongLong(value.to_int());
  });
}

PyObject* index_slot(PyObject* self) {
  return guarded([&] {
    const Tensor& t = unwrap(self);
    refuse_item(t);
    // torch lets a bool be an index, so that a mask of one element selects element 0 or 1.
    check(ErrorKind::Type, t.numel() == 1 && category(t.dtype()) == Category::Integral,
          "only integer tensors of a single element can be converted to an index");
    note_user_reading(t, Origin::Number);
    return PyLong_FromLongLong(t.item().to_int());
  });
}

template <typename F>
void* slot(F* function) {
  return reinterpret_cast<void*>(function);
}

}  // namespace

PyObject* tensor_richcompare(PyObject* a, PyObject* b, int op) {
  constexpr const char* kNames[] = {"lt", "le", "eq", "ne", "gt", "ge"};
  const Timed timed(kNames[op], a, b);
  return guarded([&]() -> PyObject* {
    Operand other;
    if (!to_operand(b, other)) Py_RETURN_NOTIMPLEMENTED;
    using Comparison = Tensor (*)(const Tensor&, const Operand&);
    constexpr Comparison kFunctions[] = {lt, le, eq, ne, gt, ge};
    return wrap(kFunctions[op](unwrap(a), other));
  });
}

PyType_Slot number_slots[] = {
    {Py_nb_add, slot(binary_slot<plus, "add">)},
    {Py_nb_subtract, slot(binary_slot<minus, "sub">)},
    {Py_nb_multiply, slot(binary_slot<mul, "mul">)},
    {Py_nb_true_divide, slot(divide_slot)},
    {Py_nb_floor_divide, slot(binary_slot<floor_divide, "floor_divide">)},
    {Py_nb_remainder, slot(binary_slot<remainder, "remainder">)},
    {Py_nb_power, slot(power_slot)},
    {Py_nb_matrix_multiply, slot(matmul_slot)},
    {Py_nb_and, slot(binary_slot<bitwise_and, "bitwise_and">)},
    {Py_nb_or, slot(binary_slot<bitwise_or, "bitwise_or">)},
    {Py_nb_xor, slot(binary_slot<bitwise_xor, "bitwise_xor">)},
    {Py_nb_lshift, slot(binary_slot<bitwise_left_shift, "bitwise_left_shift">)},
    {Py_nb_rshift, slot(binary_slot<bitwise_right_shift, "bitwise_right_shift">)},
    {Py_nb_inplace_add, slot(inplace_slot<plus, "add_">)},
    {Py_nb_inplace_subtract, slot(inplace_slot<minus, "sub_">)},
    {Py_nb_inplace_multiply, slot(inplace_slot<mul, "mul_">)},
    {Py_nb_inplace_true_divide, slot(inplace_slot<quotient, "div_">)},
    {Py_nb_inplace_floor_divide, slot(inplace_slot<floor_divide, "floor_divide_">)},
    {Py_nb_inplace_remainder, slot(inplace_slot<remainder, "remainder_">)},
    {Py_nb_inplace_power, slot(inplace_power_slot)},
    {Py_nb_inplace_and, slot(inplace_slot<bitwise_and, "bitwise_and_">)},
    {Py_nb_inplace_or, slot(inplace_slot<bitwise_or, "bitwise_or_">)},
    {Py_nb_inplace_xor, slot(inplace_slot<bitwise_xor, "bitwise_xor_">)},
    {Py_nb_inplace_lshift, slot(inplace_slot<bitwise_left_shift, "bitwise_left_shift_">)},
    {Py_nb_inplace_rshift, slot(inplace_slot<bitwise_right_shift, "bitwise_right_shift_">)},
    {Py_nb_negative, slot(unary_slot<neg, "neg">)},
    {Py_nb_positive, slot(unary_slot<positive, "positive">)},
    {Py_nb_absolute, slot(unary_slot<abs, "abs">)},
    {Py_nb_invert, slot(unary_slot<invert, "bitwise_not">)},
    {Py_nb_bool, slot(bool_slot)},
    {Py_nb_float, slot(float_slot)},
    {Py_nb_int, slot(int_slot)},
    {Py_nb_index, slot(index_slot)},
    {0, nullptr},
};

}  // namespace pullback::bind
