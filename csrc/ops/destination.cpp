// See destination.h.
#include "ops/destination.h"

#include "core/error.h"
#include "graph/meta.h"
#include "graph/mode.h"
#include "kernels/copy.h"
#include "ops/basic.h"
#include "ops/op.h"
#include "ops/operand.h"

namespace pullback {

Destination::Destination(const char* name, Kind kind, const Tensor& target)
    : name_(name), kind_(kind), target_(target), outer_(std::exchange(mode.destination, this)) {}

Destination::~Destination() { mode.destination = outer_; }

void check_writable(const char* name, const Tensor& target) {
  check(!target.has(kReadOnly), name,
        ": got a tensor over read-only memory, expected a writable one. Use x.clone().");
  check(!target.has(kInference) || mode.inference,
        "Inplace update to inference tensor outside InferenceMode is not allowed. You can make a "
        "clone to get a normal tensor before doing inplace update.");
  if (!mode.grad || !target.requires_grad()) return;
  const bool view = static_cast<bool>(target.body()->base);
  if (target.is_leaf() && !view) {
    fail("a leaf Variable that requires grad is being used in an in-place operation. ", name,
         "_: use x.detach() or a torch.no_grad() block to change the value of a leaf.");
  }
  if (view && !target.body()->base->grad_fn && target.body()->base->flags & kRequiresGrad) {
    fail("a view of a leaf Variable that requires grad is being used in an in-place operation.");
  }
}

void check_rebase(const char* name, const Tensor& target) {
  const TensorBody* body = target.body();
  const bool may_have_views = body->flags & kHasViews && body->storage->refs.get() > 1;
  if (!body->base && !may_have_views) return;
  fail(ErrorKind::NotImplemented, name,
       "_: in-place writes that are recorded into a tensor that shares its memory (a view, or a "
       "tensor with views) are not supported. Write the operation out of place.");
}

void Destination::check_shape(Sizes sizes, DType dtype) {
  if (!can_cast(dtype, target_.dtype())) {
    fail("result type ", info(dtype).scalar_name, " can't be cast to the desired output type ",
         info(target_.dtype()).scalar_name);
  }
  if (same(sizes, target_.sizes())) return;
  if (kind_ == Kind::InPlace) {
    fail("output with shape ", target_.shape(), " doesn't match the broadcast shape ", Dims(sizes));
  }
  if (target_.numel() != 0) {
    fail(name_, ": got out= with shape ", target_.shape(), ", expected ", Dims(sizes),
         ". Pass a tensor of that shape or an empty one.");
  }
  const Tensor fresh = Tensor::empty(sizes, target_.dtype());
  replace_geometry(target_, fresh);
}

bool Destination::is_strided() {
  const Destination* here = mode.destination;
  return here && here->pending_ && !here->target_.is_contiguous();
}

bool Destination::overwrites(const Tensor& tensor) {
  const Destination* here = mode.destination;
  return here && here->pending_ && here->target_.is_same(tensor);
}

Tensor Destination::take(Sizes sizes, DType dtype) {
  Destination* here = mode.destination;
  if (!here || !here->pending_) [[likely]] {
    return {};
  }
  here->pending_ = false;
  here->check_shape(sizes, dtype);
  if (dtype != here->target_.dtype() || !same(sizes, here->target_.sizes())) return {};
  here->target_.bump_version();
  return here->target_;
}

Tensor Destination::take_out(In in, const Spec& spec) {
  Destination* here = mode.destination;
  if (!here->pending_ || here->kind_ != Kind::Out) return {};
  for (int i = 0; i < in.size(); ++i) {
    if (in[i].defined() && in[i].body()->storage == here->target_.body()->storage) return {};
  }
  return take(spec.sizes, spec.dtype);
}

void Destination::check_history() {
  const Destination* here = mode.destination;
  if (here && here->pending_ && here->kind_ == Kind::InPlace) {
    check_rebase(here->name_, here->target_);
  }
}

const Tensor& Destination::finish(const Tensor& result) {
  pending_ = false;
  const bool records = result.requires_grad() && mode.grad;
  if (kind_ == Kind::Out && records) {
    fail(name_,
         "(): functions with out=... arguments don't support automatic differentiation, but one of "
         "the arguments requires grad.");
  }
  if (!result.is_same(target_)) {
    check_shape(result.sizes(), result.dtype());
    if (result.has(kBatched) || target_.has(kBatched)) {
      fail(ErrorKind::NotImplemented, name_,
           "_: in-place writes inside vmap are not supported. Write the operation out of place.");
    }
    if (records) check_rebase(name_, target_);
    kernels::copy(view_of(target_), view_of(result));
    target_.bump_version();
    if (records) {
      const Tensor cast_result = cast(result, target_.dtype());
      set_history(target_, node_of(cast_result), cast_result.body()->output_nr);
    } else if (mode.grad) {
      target_.body()->grad_fn = nullptr;
      target_.set(kRequiresGrad, false);
    }
  }
  return target_;
}

}  // namespace pullback
