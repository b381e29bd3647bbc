// See update.h.
#include "optim/update.h"

#include "graph/meta.h"
#include "graph/origin.h"
#include "kernels/copy.h"
#include "ops/basic.h"
#include "ops/op.h"

namespace pullback {

namespace {

// A tensor as flat memory in the layout of `model`, in a dtype that has loops.
class Flat {
 public:
  Flat(const Tensor& model, const Tensor& tensor) : tensor_(tensor), flat_(tensor) {
    if (!tensor.defined() || (!is_narrow(tensor.dtype()) && fits(model, tensor))) return;
    flat_ = empty_strided_like(model, wide_of(tensor.dtype()));
    kernels::copy(view_of(flat_), view_of(tensor));
  }

  void* data() const { return flat_.defined() ? flat_.bytes() : nullptr; }
  // After the kernel has written.
  void written() const {
    if (!tensor_.defined()) return;
    if (!flat_.is_same(tensor_)) kernels::copy(view_of(tensor_), view_of(flat_));
    tensor_.bump_version();
  }

 private:
  // Row-major memory stands for itself; another dense layout if it is that of the parameter and so
  // of all the other tensors.
  static bool fits(const Tensor& model, const Tensor& tensor) {
    if (model.is_contiguous()) return tensor.is_contiguous();
    return is_dense(model.sizes(), model.strides()) && same(model.strides(), tensor.strides());
  }

  const Tensor& tensor_;
  Tensor flat_;
};

// Memory is written here, which a tensor that stands for many does not have.
void refuse_batch(const char* op, const char* what, const Tensor& tensor) {
  check(!tensor.has(kBatched), op, ": ", what, " is a tensor of a vmap, which stands for many. ",
        "Update parameters outside of the vmap.");
}

void check_state(const char* op, const char* what, const Tensor& param, const Tensor& state) {
  if (!state.defined()) return;
  refuse_batch(op, what, state);
  check(state.dtype() == param.dtype(), op, ": ", what, " does not match its parameter: got dtype ",
        name(state.dtype()), ", expected ", name(param.dtype()), ".");
  check(same(state.sizes(), param.sizes()), op, ": ", what,
        " does not match its parameter: got size ", state.shape(), ", expected ", param.shape(),
        ".");
}

void check_param(const char* op, const Tensor& param, const Tensor& grad) {
  check(is_floating(param.dtype()), op, ": the parameter has dtype ", name(param.dtype()),
        ", expected a floating one.");
  refuse_batch(op, "the parameter", param);
  check(!param.has(kReadOnly), op, ": the memory of the parameter is read-only.");
  check_state(op, "the gradient", param, grad);
}

// The layout in which all tensors are flat: the parameter's if it is dense and the others share it.
Tensor common_layout(const Tensor& param, std::initializer_list<const Tensor*> others) {
  if (param.is_contiguous()) return param;
  bool shared = is_dense(param.sizes(), param.strides());
  for (const Tensor* other : others) {
    shared = shared && (!other->defined() || same(param.strides(), other->strides()));
  }
  return shared ? param : Tensor::empty(param.sizes(), param.dtype());
}

}  // namespace

void sgd_update(const Tensor& param, const Tensor& grad, Tensor& buffer,
                const kernels::SgdOptions& given) {
  check_param("SGD", param, grad);
  kernels::SgdOptions options = given;
  if (options.momentum != 0 && !buffer.defined()) {
    options.first = true;
    buffer = empty_strided_like(param, param.dtype());
  }
  check_state("SGD", "momentum_buffer", param, buffer);
  const Tensor model = common_layout(param, {&grad, &buffer});
  const Flat p(model, param), g(model, grad), b(model, buffer);
  kernels::sgd(wide_of(param.dtype()), param.numel(), p.data(), g.data(), b.data(), options);
  p.written();
  b.written();
}

void adam_update(const Tensor& param, const Tensor& grad, const Tensor& exp_avg,
                 const Tensor& exp_avg_sq, const Tensor& max_exp_avg_sq,
                 const kernels::AdamOptions& options) {
  check_param("Adam", param, grad);
  check_state("Adam", "exp_avg", param, exp_avg);
  check_state("Adam", "exp_avg_sq", param, exp_avg_sq);
  check_state("Adam", "max_exp_avg_sq", param, max_exp_avg_sq);
  const Tensor model = common_layout(param, {&grad, &exp_avg, &exp_avg_sq, &max_exp_avg_sq});
  const Flat p(model, param), g(model, grad), m(model, exp_avg), v(model, exp_avg_sq);
  const Flat top(model, max_exp_avg_sq);
  kernels::adam(wide_of(param.dtype()), param.numel(), p.data(), g.data(), m.data(), v.data(),
                top.data(), options);
  p.written();
  m.written();
  v.written();
  top.written();
}

void clear_grad(const Tensor& param, bool set_to_none) {
  AutogradMeta* meta = meta_of(param);
  if (!meta || !meta->grad.defined()) return;
  if (set_to_none) {
    meta->grad = Tensor();
    note_grad(param);
    note_cleared(param);
    return;
  }
  refuse_batch("zero_grad", "the gradient", meta->grad);
  if (meta->grad.requires_grad()) meta->grad = meta->grad.detach();
  note_grad(param);
  constexpr Element zero;
  kernels::fill(view_of(meta->grad), &zero);
  meta->grad.note_write();
}

}  // namespace pullback
