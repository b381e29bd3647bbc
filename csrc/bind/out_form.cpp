// See out_form.h.
#include "bind/out_form.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "bind/convert.h"
#include "bind/guard.h"
#include "bind/tensor_type.h"
#include "core/warning.h"
#include "graph/meta.h"
#include "graph/mode.h"
#include "ops/levels.h"

namespace pullback::bind {
namespace {

void refuse_random_out() {
  for (int level = 1; level <= mode.depth; ++level) {
    check(
        mode.levels[level].kind != LevelKind::Vmap,
        "vmap: We do not support calling out variants of random operations inside of vmap. Please "
        "use non-out variants as a workaround");
  }
}

// What is written into out= has no tangent.
void refuse_dual_out(const Overloads& op, Arguments& arguments) {
  const auto check_plain = [&](const Tensor& t) {
    check(ErrorKind::NotImplemented, !t.defined() || !(dual_levels(t) & mode.dual),
          "Trying to use forward AD with ", op.name,
          "_out that does not support it because it is an out= function");
  };
  for (std::size_t i = 0; mode.forward && mode.dual && i < arguments.size(); ++i) {
    check_plain(arguments.values()[i].tensor);
    for (const Tensor& each : arguments.values()[i].tensors) check_plain(each);
  }
}

// Also where what is written has a dtype that no gradient reaches.
void refuse_grad_out(const Signature& signature, Arguments& arguments) {
  const auto check_operand = [&](const Tensor& t) {
    if (t.defined() && t.requires_grad()) refuse_out(signature.name().c_str(), t);
  };
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    check_operand(arguments.values()[i].tensor);
    for (const Tensor& each : arguments.values()[i].tensors) check_operand(each);
  }
}

// dtype= is that of out= unless it is given.
void take_dtype(const Signature& signature, Arguments& arguments, const Tensor& out) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (signature.params()[i].type.kind != Kind::DType) continue;
    Value& value = arguments.values()[i];
    if (!value.none) {
      check(!(signature.entry().flags & kFactory) || value.dtype == out.dtype(), "dtype ",
            info(value.dtype).scalar_name, " does not match dtype of out parameter (",
            info(out.dtype()).scalar_name, ")");
      check_out_dtype(out, value.dtype);
    } else if (signature.entry().flags & kCastOut) {
      value.none = false;
      value.dtype = out.dtype();
    }
  }
}

// Says that an out= with elements got another shape.
void warn_resized(const Signature& signature, const Dims& before, const Dims& after) {
  if (signature.name() == "arange") {
    const std::int64_t count = count_elements(after);
    warn("The number of elements in the out tensor of shape ", before, " is ",
         count_elements(before), " which does not match the computed number of elements ", count,
         ". Note that this may occur as a result of rounding error. The out tensor will be resized "
         "to a tensor of shape (",
         count, ",).");
  } else if (!(signature.entry().flags & (kFactory | kRandom))) {
    warn("An output with one or more elements was resized since it had shape ", before,
         ", which does not match the required output shape ", after,
         ". This behavior is deprecated, and in a future PyTorch release outputs will not be "
         "resized unless they have zero elements. You can explicitly reuse an out tensor t by "
         "resizing it, inplace, to zero elements with t.resize_(0).");
  }
}

// Puts a result into out=, which takes its shape.
const Tensor& finish_out(const Signature& signature, Destination& destination, const Tensor& target,
                         const Tensor& result) {
  const Dims before = target.shape();
  if (signature.entry().flags & kFlatOut && target.numel() == result.numel() &&
      !same(before, result.sizes())) {
    return destination.finish(result.alias_row_major(before));
  }
  const Tensor& made = destination.finish(result);
  const bool held_elements = count_elements(before) != 0;
  if (held_elements && !same(before, made.sizes())) warn_resized(signature, before, made.shape());
  return made;
}

// In the form that writes self in place, self is no operand.
[[gnu::always_inline]] inline void add_operands(Destination& destination, const Entry& entry,
                                                Arguments& arguments, bool in_place) {
  const std::uint32_t flags = entry.flags;
  for (std::size_t i = in_place; i < arguments.size(); ++i) {
    const Value& value = arguments.values()[i];
    const bool apart = (flags & kWritesPart && i > 0) || (flags & kOutApart && !in_place);
    auto sharing = apart ? Destination::Sharing::None : Destination::Sharing::InStep;
    if (in_place && flags & kSharesLast && i + 1 == arguments.size()) {
      sharing = Destination::Sharing::Any;
    }
    if (value.tensor.defined()) destination.add_operand(value.tensor, sharing);
    for (const Tensor& each : value.tensors) {
      if (each.defined()) destination.add_operand(each, sharing);
    }
  }
}

void call_for_one(const Overloads& op, const Entry& entry, Arguments& arguments, Outcome& outcome) {
  entry.function.call(arguments.values(), outcome);
  check(ErrorKind::Type, outcome.form == Outcome::Form::Tensor, op.name,
        ": out= and in-place forms need an operator with one result.");
}

PyObject* call_into_one(const Overloads& op, const Signature& signature, Arguments& arguments,
                        const Tensor& target) {
  const Entry& entry = signature.entry();
  Destination destination(signature.name().c_str(), Destination::Kind::Out, target,
                          entry.function.offered);
  if (!(entry.flags & kCastOut)) destination.refuse_casts();
  add_operands(destination, entry, arguments, false);
  Outcome outcome;
  call_for_one(op, entry, arguments, outcome);
  return wrap(finish_out(signature, destination, target, outcome.tensor));
}

// All targets are looked at before the first is written.
PyObject* call_into_all(const Overloads& op, const Signature& signature, Arguments& arguments,
                        PyObject* out) {
  const Entry& entry = signature.entry();
  Outcome outcome;
  entry.function.call(arguments.values(), outcome);
  const std::vector<Tensor>& results = outcome.tensors;
  check(ErrorKind::Type,
        outcome.form == Outcome::Form::Tensors &&
            PyTuple_GET_SIZE(out) == static_cast<Py_ssize_t>(results.size()),
        op.name, "(): argument 'out' must be a tuple with a Tensor for each result: got ",
        PyTuple_GET_SIZE(out), ", expected ", results.size());
  std::vector<Tensor> targets;
  for (std::size_t k = 0; k < results.size(); ++k) {
    PyObject* item = PyTuple_GET_ITEM(out, static_cast<Py_ssize_t>(k));
    targets.push_back(unwrap(item));
    const auto earlier = targets.begin() + static_cast<std::ptrdiff_t>(k);
    check(std::none_of(targets.begin(), earlier,
                       [&](const Tensor& t) { return t.body() == targets[k].body(); }),
          op.name, "(): argument 'out' holds one tensor twice, expected one for each result.");
    check_out(signature.name().c_str(), targets[k]);
    if (!(entry.flags & kCastOut)) check_out_dtype(targets[k], results[k].dtype());
  }
  for (std::size_t k = 0; k < results.size(); ++k) {
    Destination destination(signature.name().c_str(), Destination::Kind::Out, targets[k]);
    finish_out(signature, destination, targets[k], results[k]);
  }
  return wrap_tensors(std::move(targets), op.named_tuple);
}

// Whether out= is a tuple; throws unless it is what the results are.
bool check_out_kind(const Overloads& op, const Signature& signature, PyObject* out) {
  const std::string_view result = signature.entry().function.result;
  const bool one = result == "Tensor";
  const bool is_tuple = PyTuple_Check(out);
  if (is_tuple ? one : !is_tensor(out) || result.starts_with("tuple")) {
    fail(ErrorKind::Type, op.name, "(): argument 'out' must be ",
         one ? "Tensor" : "tuple of Tensors", ", not ", type_name(out));
  }
  if (!is_tuple) return false;
  const Py_ssize_t count = PyTuple_GET_SIZE(out);
  if (const char* fields = signature.entry().fields) {
    const Py_ssize_t wanted = 1 + std::count(fields, fields + std::strlen(fields), ',');
    check(ErrorKind::Type, count == wanted, "expected tuple of ", wanted, " elements but got ",
          count, " in argument 'out' of ", op.name, "().");
  }
  for (Py_ssize_t k = 0; k < count; ++k) {
    PyObject* item = PyTuple_GET_ITEM(out, k);
    check(ErrorKind::Type, is_tensor(item), "expected Tensor as element ", k,
          " in argument 'out' of ", op.name, "(), but got ", Py_TYPE(item)->tp_name);
  }
  return true;
}

}  // namespace

PyObject* call_in_place(const Overloads& op, const Signature& signature, Arguments& arguments,
                        const Tensor& self) {
  const Entry& entry = signature.entry();
  Outcome outcome;
  return wrap(write_in_place(
      signature.name().c_str(), self, entry.function.offered,
      [&](Destination& destination) { add_operands(destination, entry, arguments, true); },
      [&]() -> const Tensor& {
        call_for_one(op, entry, arguments, outcome);
        return outcome.tensor;
      }));
}

PyObject* call_out(const Overloads& op, const Signature& signature, Arguments& arguments,
                   const CommonKeywords& common) {
  const std::uint32_t flags = signature.entry().flags;
  if (flags & kRandom) refuse_random_out();
  if (!(flags & kNoGrad)) refuse_dual_out(op, arguments);
  // A list serves, too; as it is now, since another thread may change it meanwhile.
  const Owned out =
      PyList_Check(common.out) ? Owned(PyList_AsTuple(common.out)) : Owned::share(common.out);
  const bool is_tuple = check_out_kind(op, signature, out.get());
  if (mode.grad && !(flags & kNoGrad)) refuse_grad_out(signature, arguments);
  if (is_tuple) return call_into_all(op, signature, arguments, out.get());
  const Tensor& target = unwrap(out.get());
  take_dtype(signature, arguments, target);
  return call_into_one(op, signature, arguments, target);
}

}  // namespace pullback::bind
