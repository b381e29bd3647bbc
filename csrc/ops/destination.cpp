// See destination.h.
#include "ops/destination.h"

#include <cctype>
#include <string>
#include <string_view>

#include "core/error.h"
#include "graph/meta.h"
#include "graph/mode.h"
#include "graph/origin.h"
#include "graph/saved.h"
#include "kernels/copy.h"
#include "ops/assign.h"
#include "ops/basic.h"
#include "ops/exchange.h"
#include "ops/levels.h"
#include "ops/op.h"
#include "ops/operand.h"
#include "ops/rebase.h"
#include "ops/undifferentiated.h"

namespace pullback {

// Every element is written once.
static void check_distinct(const char* name, const Tensor& target) {
  if (target.is_contiguous()) return;
  bool repeats = false;
  for (int d = 0; d < target.ndim(); ++d) repeats |= target.stride(d) == 0 && target.size(d) > 1;
  if (!repeats || name == std::string_view("fill") || name == std::string_view("zero")) return;
  fail(
      "unsupported operation: more than one element of the written-to tensor refers to a single "
      "memory location. Please clone() the tensor before performing the operation. Got size ",
      target.shape(), " and stride ", Dims(target.strides()), " in ", name, ".");
}

static void check_inference(const Tensor& target) {
  if (!target.has(kInference) || mode.inference) return;
  fail(
      "Inplace update to inference tensor outside InferenceMode is not allowed. You can make a "
      "clone to get a normal tensor before doing inplace update.",
      origin_of(target));
}

void refuse_out(const char* name, const Tensor& tensor) {
  fail(name,
       "(): functions with out=... arguments don't support automatic differentiation, but one of "
       "the arguments requires grad.",
       tensor.requires_grad() ? described(tensor) : std::string());
}

void check_out(const char* name, const Tensor& target) {
  check_inference(target);
  check_distinct(name, target);
  check(!target.has(kReadOnly), name,
        "(): got out= over read-only memory, expected writable memory. Use x.clone().");
  if (mode.grad && target.requires_grad()) refuse_out(name, target);
  if (mode.watch) [[unlikely]]
    mode.watch->before_write(target);
}

static const Tensor& checked(const char* name, Destination::Kind kind, const Tensor& target) {
  if (kind == Destination::Kind::Out) {
    check_out(name, target);
  } else {
    check_writable(name, target);
  }
  return target;
}

// The checks come before the thread's mode is changed.
Destination::Destination(const char* name, Kind kind, const Tensor& target, bool offered)
    : name_(name),
      kind_(kind),
      target_(checked(name, kind, target)),
      outer_(std::exchange(mode.destination, offered ? this : nullptr)),
      overwritten_(mode.overwritten) {
  if (kind == Kind::InPlace) mode.overwritten = target.body();
}

Destination::~Destination() {
  mode.destination = outer_;
  mode.overwritten = overwritten_;
}

void check_writable(const char* name, const Tensor& target) {
  check(!target.has(kReadOnly), name,
        ": got a tensor over read-only memory, expected a writable one. Use x.clone().");
  check_distinct(name, target);
  check_changeable(name, target);
}

void check_changeable(const char* name, const Tensor& target) {
  check_inference(target);
  if (mode.watch) [[unlikely]]
    mode.watch->before_write(target);
  if (!mode.grad || !joins_graph(target)) return;
  check_rebase(name, target);
  refresh(target);
}

void check_out_dtype(const Tensor& target, DType result) {
  check(result == target.dtype(), "Expected out tensor to have dtype ", info(result).c_name,
        ", but got ", info(target.dtype()).c_name, " instead");
}

DType Target::dtype_or(DType dtype) const {
  return destination_ ? destination_->target().dtype() : dtype;
}

const Tensor* Target::in_place() const {
  const bool writes_over = destination_ && destination_->kind() == Destination::Kind::InPlace;
  return writes_over ? &destination_->target() : nullptr;
}

void Destination::check_cast(DType dtype) const {
  check(can_cast(dtype, target_.dtype()), "result type ", info(dtype).scalar_name,
        " can't be cast to the desired output type ", info(target_.dtype()).scalar_name);
}

void Destination::check_result(DType dtype) const {
  if (is_open()) check_cast(dtype);
}

void Destination::check_fits(Sizes sizes, DType dtype) {
  // Bytes serve for truth, as in torch.
  const bool truth = dtype == DType::Bool && target_.dtype() == DType::UInt8 &&
                     (name_ == std::string_view("any") || name_ == std::string_view("all"));
  if (exact_ && !truth) check_out_dtype(target_, dtype);
  check_cast(dtype);
  if (kind_ == Kind::Out || same(sizes, target_.sizes())) return;
  const std::string_view name = name_;
  check(name != "addmm" && name != "addmv" && name != "baddbmm",
        "Bad in-place call: input tensor size ", target_.shape(), " and output tensor size ",
        Dims(sizes), " should match");
  fail("output with shape ", target_.shape(), " doesn't match the broadcast shape ", Dims(sizes));
}

Tensor Destination::take(Sizes sizes, DType dtype) {
  // The memory of all examples is not that of one.
  if (!is_open() || target_.has(kBatched)) return {};
  state_ = State::Closed;
  // An out= of another shape may be an operand, too: it is resized when the result is there.
  check_fits(sizes, dtype);
  if (dtype != target_.dtype() || !same(sizes, target_.sizes())) return {};
  state_ = State::Taken;
  target_.note_write();
  return target_;
}

Tensor Destination::take_out(In in, const Spec& spec) {
  if (!is_open() || kind_ != Kind::Out) return {};
  // Storages of one memory may be several: NumPy's, and those of .data.
  const Storage& own = *target_.body()->storage;
  for (int i = 0; i < in.size(); ++i) {
    if (!in[i].defined()) continue;
    const Storage& other = *in[i].body()->storage;
    if (own.data <= other.data + other.bytes && other.data <= own.data + own.bytes) return {};
  }
  return take(spec.sizes, spec.dtype);
}

void Destination::add_operand(const Tensor& operand, Sharing sharing) {
  operand_ = &operand;
  const TensorBody* a = target_.body();
  const TensorBody* b = operand.body();
  if (a->numel == 0 || b->numel == 0 || (a == b && sharing == Sharing::InStep)) return;
  // Batched: asked again for the memory of all examples.
  if (target_.has(kBatched) || operand.has(kBatched)) return;
  const auto end = [](const TensorBody* t) {
    auto* body = const_cast<TensorBody*>(t);
    const std::int64_t extent = memory_extent({body->sizes(), t->ndim}, {body->strides(), t->ndim});
    return t->data + extent * static_cast<std::int64_t>(item_size(t->dtype));
  };
  if (a->data >= end(b) || b->data >= end(a)) return;
  const bool dense =
      is_dense(target_.sizes(), target_.strides()) && is_dense(operand.sizes(), operand.strides());
  const bool equal = a->data == b->data && same(target_.sizes(), operand.sizes()) &&
                     same(target_.strides(), operand.strides());
  check(sharing == Sharing::Any || !dense || (equal && sharing == Sharing::InStep),
        "unsupported operation: some elements of the input tensor and the written-to tensor refer "
        "to a single memory location. Please clone() the tensor before performing the operation. "
        "In ",
        name_, ".");
  if (!equal || sharing == Sharing::Any) state_ = State::Closed;
}

void Destination::check_history() const {
  if (is_open() && kind_ == Kind::InPlace) check_rebase(name_, target_);
}

// "log_normal" as "LogNormalBackward0"; comparisons are torch's short names, numbered by operand.
static std::string node_name(const std::string& name, bool has_operand) {
  constexpr const char* kComparisons[][2] = {
      {"eq", "Eq"},      {"ne", "Ne"}, {"not_equal", "Ne"},     {"lt", "Lt"},
      {"less", "Lt"},    {"le", "Le"}, {"less_equal", "Le"},    {"gt", "Gt"},
      {"greater", "Gt"}, {"ge", "Ge"}, {"greater_equal", "Ge"},
  };
  for (const auto& [full, shorter] : kComparisons) {
    if (name == full) return std::string(shorter) + (has_operand ? "Backward1" : "Backward0");
  }
  std::string node;
  bool upper = true;
  for (const char c : name) {
    if (c != '_') node += upper ? static_cast<char>(std::toupper(c)) : c;
    upper = c == '_';
  }
  return node + "Backward0";
}

const Tensor& Destination::finish(const Tensor& result) {
  const bool taken = state_ == State::Taken;
  state_ = State::Closed;
  const bool records = result.requires_grad() && mode.grad;
  if (kind_ == Kind::Out && records) refuse_out(name_, target_);
  if (kind_ == Kind::Out) {
    check(!result.has(kBatched) && !target_.has(kBatched),
          "Batching rule not implemented for aten::", name_,
          ".out; the fallback path doesn't work on out= or view ops. Use the result.");
    check(ErrorKind::NotImplemented, !result.is_dual() && !target_.is_dual(),
          "Trying to use forward AD with ", name_,
          "_out that does not support it because it is an out= function. Use the result instead.");
  }
  if (!result.is_same(target_)) {
    check(!taken,
          "internal error: an intermediate result was written into the target of a function that "
          "is marked as writing its result last. Please report it.");
    check_fits(result.sizes(), result.dtype());
    if (!same(result.sizes(), target_.sizes())) resize_as(name_, target_, result);
    if (records) check_rebase(name_, target_);
    if (result.has(kBatched) || target_.has(kBatched)) {
      write_batch(name_, target_, result);
    } else {
      kernels::copy(view_of(target_), view_of(result));
    }
    if (!target_.has(kBatched)) target_.note_write();  // else the tensor of all examples was
  }
  if (kind_ == Kind::Out) return target_;
  const Tensor value = result.is_same(target_) ? result : cast(result, target_.dtype());
  if (value.requires_grad() || value.is_dual()) {
    rebase(target_, value);
  } else if (has_derivatives(target_)) {
    const Tensor operand = operand_ ? *operand_ : Tensor();
    rebase(target_, without_gradient(target_, node_name(name_, operand_), operand));
  } else if (!joins_graph(target_)) {
    rebase(target_, value);
  }
  return target_;
}

}  // namespace pullback
