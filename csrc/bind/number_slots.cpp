// Python's operators: +, -, *, /, //, %, **, @, &, |, ^, ~, comparisons, in-place forms.
//
// A slot converts its operands, calls one C++ function and wraps the result; an operand it does not
// know gives NotImplemented, never an exception.  Operands that are not plain tensors take the
// second half of a slot (careful_...), which asks their classes first: NOTE [Overrides].
#include <algorithm>
#include <cstddef>

#include "bind/convert.h"
#include "bind/guard.h"
#include "bind/overrides.h"
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

// What the classes of operands see: torch's names of the methods of the left and right operand.
struct Methods {
  const char* left;
  const char* right;
};
using BinarySlot = PyObject* (*)(PyObject*, PyObject*);

// Whether an operand's class can have no say, at a glance.
bool is_simple(PyObject* object) {
  return is_quiet(object) || PyFloat_CheckExact(object) || PyLong_CheckExact(object);
}

// A tensor on the left calls the method of the left operand, what else is there the right one's.
PyObject* careful_binary(const Methods& methods, BinarySlot compute, PyObject* a, PyObject* b) {
  if (mode.plain && is_simple(a) && is_simple(b)) return compute(a, b);
  if ((is_heir(a) || is_simple(a)) && (is_heir(b) || is_simple(b)) && mode.plain) {
    PyTypeObject* cls = Py_TYPE(is_heir(a) ? a : b);
    PyObject* result = compute(a, b);
    return result ? keep_class(result, cls) : result;
  }
  const bool left = is_tensor(a);
  PyObject* const args[] = {left ? a : b, left ? b : a};
  return or_not_implemented(asked({Callee::Kind::Name, left ? methods.left : methods.right}, args,
                                  2, nullptr, [&] { return compute(a, b); }));
}

template <BinaryFunction function, Name name>
PyObject* compute_binary(PyObject* a, PyObject* b) {
  const Timed timed(name.text, a, b);
  return guarded([&]() -> PyObject* {
    Operand x, y;
    if (!to_operand(a, x) || !to_operand(b, y)) Py_RETURN_NOTIMPLEMENTED;
    return wrap(function(x, y));
  });
}

// Not inlined, so that the compiler spends on the slot itself.
template <BinaryFunction function>
[[gnu::noinline]] PyObject* compute_of_heirs(PyObject* a, PyObject* b, PyTypeObject* cls) {
  return guarded(
      [&] { return wrap_result(function(Operand(unwrap(a)), Operand(unwrap(b))), cls); });
}

template <BinaryFunction function, Name name, Name left = name, Name right = left>
PyObject* binary_slot(PyObject* a, PyObject* b) {
  if (is_quiet(a) && is_quiet(b)) [[likely]] {
    return guarded([&] { return wrap(function(Operand(unwrap(a)), Operand(unwrap(b)))); });
  }
  if (PyTypeObject* cls = heirs_class(a, b)) return compute_of_heirs<function>(a, b, cls);
  constexpr Methods methods{left.text, right.text};
  return careful_binary(methods, compute_binary<function, name>, a, b);
}

// "add" of "add_".
template <Name name>
constexpr auto kBare = [] {
  auto bare = name;
  bare.text[sizeof(bare.text) - 2] = 0;
  return bare;
}();

template <BinaryFunction function, Name name>
PyObject* compute_inplace(PyObject* a, PyObject* b) {
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

template <BinaryFunction function, Name name, Name method = name>
PyObject* inplace_slot(PyObject* a, PyObject* b) {
  if (is_plain(a) && is_plain(b)) [[likely]]
    return compute_inplace<function, name>(a, b);
  constexpr Methods methods{method.text, method.text};
  return careful_binary(methods, compute_inplace<function, name>, a, b);
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
  PyObject* result = binary_slot<quotient, "div", "div", "__rtruediv__">(a, b);
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
PyObject* compute_unary(PyObject* a) {
  const Timed timed(name.text, a, nullptr);
  return guarded([&] { return wrap(function(unwrap(a))); });
}

template <Tensor (*function)(const Tensor&), Name name, Name method = name>
PyObject* unary_slot(PyObject* a) {
  if (is_plain(a)) [[likely]]
    return guarded([&] { return wrap(function(unwrap(a))); });
  if (PyTypeObject* cls = heirs_class(a))
    return guarded([&] { return wrap_result(function(unwrap(a)), cls); });
  return asked({Callee::Kind::Name, method.text}, &a, 1, nullptr,
               [&] { return compute_unary<function, name>(a); });
}

PyObject* power_slot(PyObject* a, PyObject* b, PyObject* modulus) {
  if (modulus != Py_None) {
    PyErr_SetString(PyExc_TypeError, "pow: got a modulus, expected two operands.");
    return nullptr;
  }
  return binary_slot<pow, "pow", "pow", "__rpow__">(a, b);
}

PyObject* inplace_power_slot(PyObject* a, PyObject* b, PyObject*) {
  return inplace_slot<pow, "pow_">(a, b);
}

PyObject* compute_matmul(PyObject* a, PyObject* b) {
  const Timed timed("matmul", a, b);
  return guarded([&]() -> PyObject* {
    if (!is_tensor(a) || !is_tensor(b)) Py_RETURN_NOTIMPLEMENTED;
    return wrap(matmul(unwrap(a), unwrap(b)));
  });
}

PyObject* matmul_slot(PyObject* a, PyObject* b) {
  if (is_plain(a) && is_plain(b)) [[likely]]
    return compute_matmul(a, b);
  return careful_binary({"matmul", "__rmatmul__"}, compute_matmul, a, b);
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

int compute_bool(PyObject* self) {
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

PyObject* compute_float(PyObject* self) {
  return guarded([&] {
    const Tensor& t = single_value(self);
    warn_of_reading(t);
    return PyFloat_FromDouble(t.item().to_double());
  });
}

PyObject* compute_int(PyObject* self) {
  return guarded([&] {
    const Scalar value = single_value(self).item();
    return value.is_floating() ? PyLong_FromDouble(value.to_double())
                               : PyLong_FromLongLong(value.to_int());
  });
}

PyObject* compute_index(PyObject* self) {
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

template <PyObject* (*compute)(PyObject*), Name name>
PyObject* number_of(PyObject* self) {
  if (is_plain(self)) [[likely]]
    return compute(self);
  return asked({Callee::Kind::Name, name.text}, &self, 1, nullptr, [&] { return compute(self); });
}

int bool_slot(PyObject* self) {
  if (is_plain(self)) [[likely]]
    return compute_bool(self);
  const Answer answer = ask({Callee::Kind::Name, "__bool__"}, &self, 1, nullptr);
  if (!answer.given) return compute_bool(self);
  if (!answer.result) return -1;
  const int truth = PyObject_IsTrue(answer.result);
  Py_DECREF(answer.result);
  return truth;
}

template <typename F>
void* slot(F* function) {
  return reinterpret_cast<void*>(function);
}

}  // namespace

static PyObject* compare(PyObject* a, PyObject* b, int op) {
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

PyObject* tensor_richcompare(PyObject* a, PyObject* b, int op) {
  if (mode.plain && is_simple(a) && is_simple(b)) [[likely]]
    return compare(a, b, op);
  constexpr const char* kMethods[] = {"lt", "le", "__eq__", "ne", "gt", "ge"};
  PyObject* const args[] = {a, b};
  return or_not_implemented(asked({Callee::Kind::Name, kMethods[op]}, args, 2, nullptr,
                                  [&] { return compare(a, b, op); }));
}

PyType_Slot number_slots[] = {
    {Py_nb_add, slot(binary_slot<plus, "add">)},
    {Py_nb_subtract, slot(binary_slot<minus, "sub", "sub", "__rsub__">)},
    {Py_nb_multiply, slot(binary_slot<mul, "mul">)},
    {Py_nb_true_divide, slot(divide_slot)},
    {Py_nb_floor_divide,
     slot(binary_slot<floor_divide, "floor_divide", "__floordiv__", "__rfloordiv__">)},
    {Py_nb_remainder, slot(binary_slot<remainder, "remainder", "remainder", "__rmod__">)},
    {Py_nb_power, slot(power_slot)},
    {Py_nb_matrix_multiply, slot(matmul_slot)},
    {Py_nb_and, slot(binary_slot<bitwise_and, "bitwise_and", "__and__", "bitwise_and">)},
    {Py_nb_or, slot(binary_slot<bitwise_or, "bitwise_or", "__or__", "bitwise_or">)},
    {Py_nb_xor, slot(binary_slot<bitwise_xor, "bitwise_xor", "__xor__", "bitwise_xor">)},
    {Py_nb_lshift,
     slot(binary_slot<bitwise_left_shift, "bitwise_left_shift", "__lshift__", "__rlshift__">)},
    {Py_nb_rshift,
     slot(binary_slot<bitwise_right_shift, "bitwise_right_shift", "__rshift__", "__rrshift__">)},
    {Py_nb_inplace_add, slot(inplace_slot<plus, "add_">)},
    {Py_nb_inplace_subtract, slot(inplace_slot<minus, "sub_">)},
    {Py_nb_inplace_multiply, slot(inplace_slot<mul, "mul_">)},
    {Py_nb_inplace_true_divide, slot(inplace_slot<quotient, "div_">)},
    {Py_nb_inplace_floor_divide, slot(inplace_slot<floor_divide, "floor_divide_">)},
    {Py_nb_inplace_remainder, slot(inplace_slot<remainder, "remainder_">)},
    {Py_nb_inplace_power, slot(inplace_power_slot)},
    {Py_nb_inplace_and, slot(inplace_slot<bitwise_and, "bitwise_and_", "__iand__">)},
    {Py_nb_inplace_or, slot(inplace_slot<bitwise_or, "bitwise_or_", "__ior__">)},
    {Py_nb_inplace_xor, slot(inplace_slot<bitwise_xor, "bitwise_xor_", "__ixor__">)},
    {Py_nb_inplace_lshift,
     slot(inplace_slot<bitwise_left_shift, "bitwise_left_shift_", "__ilshift__">)},
    {Py_nb_inplace_rshift,
     slot(inplace_slot<bitwise_right_shift, "bitwise_right_shift_", "__irshift__">)},
    {Py_nb_negative, slot(unary_slot<neg, "neg">)},
    {Py_nb_positive, slot(unary_slot<positive, "positive">)},
    {Py_nb_absolute, slot(unary_slot<abs, "abs">)},
    {Py_nb_invert, slot(unary_slot<invert, "bitwise_not", "__invert__">)},
    {Py_nb_bool, slot(bool_slot)},
    {Py_nb_float, slot(number_of<compute_float, "__float__">)},
    {Py_nb_int, slot(number_of<compute_int, "__int__">)},
    {Py_nb_index, slot(number_of<compute_index, "__index__">)},
    {0, nullptr},
};

}  // namespace pullback::bind
