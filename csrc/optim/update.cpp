// See update.h.
#include "optim/update.h"

#include <complex>
#include <cstdlib>
#include <cstring>

#include "graph/meta.h"
#include "graph/origin.h"
#include "kernels/copy.h"
#include "ops/assign.h"
#include "ops/basic.h"
#include "ops/op.h"
#include "optim/recorded.h"

namespace pullback {

using kernels::kMaxSlots;
using kernels::kMaxTensors;
using kernels::Slot;

namespace {

// A tensor as flat memory in the layout of `model`, in a dtype that has loops.
class Dense {
 public:
  Dense() = default;
  Dense(const Tensor& model, const Tensor& tensor) : tensor_(&tensor) {
    if (!is_narrow(tensor.dtype()) && fits(model, tensor)) [[likely]] {
      data_ = tensor.bytes();
      return;
    }
    copy_ = empty_strided_like(model, wide_of(tensor.dtype()));
    kernels::copy(view_of(copy_), view_of(tensor));
    data_ = copy_.bytes();
  }

  void* data() const { return data_; }
  // After the kernel has written.
  void written() const {
    if (!tensor_) return;
    if (copy_.defined()) kernels::copy(view_of(*tensor_), view_of(copy_));
    tensor_->bump_version();
  }

 private:
  // Row-major memory stands for itself; another dense layout if it is that of the parameter and so
  // of all the other tensors.
  static bool fits(const Tensor& model, const Tensor& tensor) {
    if (model.is_contiguous()) return tensor.is_contiguous();
    return is_dense(model.sizes(), model.strides()) && same(model.strides(), tensor.strides());
  }

  const Tensor* tensor_ = nullptr;
  void* data_ = nullptr;
  Tensor copy_;
};

// Memory is written here, which a tensor that stands for many does not have.
void refuse_batch(const char* op, const char* what, const Tensor& tensor) {
  check(!tensor.has(kBatched), op, ": ", what, " is a tensor of a vmap, which stands for many. ",
        "Update parameters outside of the vmap.");
}

void check_state(const char* op, const char* what, const Tensor& param, const Tensor& state) {
  if (state.dtype() == param.dtype() && same(state.sizes(), param.sizes()) && !state.has(kBatched))
      [[likely]]
    return;
  refuse_batch(op, what, state);
  check(state.dtype() == param.dtype(), op, ": ", what, " does not match its parameter: got dtype ",
        name(state.dtype()), ", expected ", name(param.dtype()), ".");
  fail(op, ": ", what, " does not match its parameter: got size ", state.shape(), ", expected ",
       param.shape(), ".");
}

// What a step writes, recorded or not.
void check_written(const char* op, const Tensor& tensor) {
  if (tensor.is_contiguous() && !tensor.has(kReadOnly) && !tensor.has(kInference)) [[likely]]
    return;
  const GradMode off(false);
  check_writable(op, tensor);
}

void check_param(const char* op, const Tensor& param, const Tensor& grad) {
  check(is_differentiable(param.dtype()), op, ": the parameter has dtype ", name(param.dtype()),
        ", expected a floating or complex one.");
  refuse_batch(op, "the parameter", param);
  check_written(op, param);
  check_state(op, "the gradient", param, grad);
}

// The layout in which all tensors are flat: the parameter's if it is dense and the others share it.
Tensor common_layout(const Tensor& param, const Tensor& grad, const Tensor* state,
                     const Optimizer::Settings& settings) {
  if (param.is_contiguous()) return param;
  bool shared = is_dense(param.sizes(), param.strides()) && same(param.strides(), grad.strides());
  for (int i = 0; i < settings.count; ++i) {
    if (settings.at[i] >= 0) shared = shared && same(param.strides(), state[i].strides());
  }
  return shared ? param : Tensor::empty(param.sizes(), param.dtype());
}

}  // namespace

Optimizer::Optimizer(const kernels::Rule& rule) : rule_(rule) {
  for (const char* at = rule.reads; *at != 0;) {
    const std::size_t length = std::strcspn(at, " ");
    const std::string word(at, length);
    const std::size_t bracket = word.find('[');
    const bool one = bracket == std::string::npos;
    reads_.push_back({word.substr(0, bracket), one ? 1 : std::atoi(word.c_str() + bracket + 1)});
    at += length + (at[length] == ' ' ? 1 : 0);
  }
  for (int i = 0; i < static_cast<int>(rule.slots.size()); ++i) {
    const Slot& slot = this->slot(i);
    when_[i] = slot.when ? option(slot.when) : -1;
    char* end = nullptr;
    initial_number_[i] = std::strtod(slot.initial, &end);
    initial_option_[i] = *end == 0 ? -1 : option(slot.initial);
  }
}

int Optimizer::option(const char* name) const {
  int at = 0;
  for (const Read& read : reads_) {
    if (read.name == name) return at;
    at += read.count;
  }
  fail("internal error: ", rule_.name, " does not read its setting ", name, ". Please report it.");
}

void Optimizer::choose_slots(Settings& settings) const {
  settings.count = 0;
  int tensors = 0;
  for (int i = 0; i < static_cast<int>(rule_.slots.size()); ++i) {
    const int at = slot(i).number ? -1 : tensors++;
    if (when_[i] >= 0 && settings.numbers[when_[i]] == 0) continue;
    settings.slots[settings.count] = i;
    settings.at[settings.count++] = at;
  }
}

Tensor Optimizer::initial(int slot, const Tensor& param, const Settings& settings) const {
  const int from = initial_option_[slot];
  const double value = from < 0 ? initial_number_[slot] : settings.numbers[from];
  if (this->slot(slot).number) {
    const bool wide = default_dtype() == DType::Float64;
    return Tensor::scalar(Scalar(value), wide ? DType::Float64 : DType::Float32);
  }
  Tensor made = empty_strided_like(param, param.dtype());
  const bool pairs = is_complex(param.dtype());
  fill_values(made, pairs ? Scalar(std::complex<double>(value, value)) : Scalar(value));
  return made;
}

void Optimizer::check_tensors(const Tensor& param, const Tensor& grad, const Tensor* state,
                              const Settings& settings) const {
  check_param(rule_.name, param, grad);
  for (int i = 0; i < settings.count; ++i) {
    const char* const name = slot(settings.slots[i]).name;
    if (settings.at[i] >= 0) {
      check_state(rule_.name, name, param, state[i]);
    } else if (state[i].numel() != 1) {
      fail(rule_.name, ": ", name, " has size ", state[i].shape(), ", expected one element.");
    }
    check_written(rule_.name, state[i]);
  }
}

void Optimizer::prepare(const Tensor* state, const Settings& settings, bool made,
                        void* constants) const {
  double values[kMaxSlots];
  const Tensor* kept[kMaxSlots];
  int count = 0;
  unsigned singles = 0;
  for (int i = 0; i < settings.count; ++i) {
    if (settings.at[i] >= 0) continue;
    if (state[i].dtype() == DType::Float32) singles |= 1u << count;
    kept[count] = &state[i];
    values[count++] = state[i].item().to_double();
  }
  const bool default_single = default_dtype() != DType::Float64;
  rule_.prepare(settings.numbers, {values, singles, default_single}, made, constants);
  for (int i = 0; i < count; ++i) {
    Scalar(values[i]).store(kept[i]->dtype(), kept[i]->bytes());
    kept[i]->bump_version();
  }
}

void Optimizer::step(const Tensor& param, const Tensor& grad, const Tensor* state,
                     const Settings& settings, bool made) const {
  check_tensors(param, grad, state, settings);
  alignas(double) char constants[kernels::kMaxConstants];
  prepare(state, settings, made, constants);
  const Tensor model = common_layout(param, grad, state, settings);
  const Dense p(model, param), g(model, grad);
  Dense kept[kMaxTensors];
  // A complex element is two real ones, as in torch.
  const std::int64_t reals = is_complex(param.dtype()) ? 2 : 1;
  kernels::Flat flat{param.numel() * reals, p.data(), g.data(), {}};
  for (int i = 0; i < settings.count; ++i) {
    const int at = settings.at[i];
    if (at < 0) continue;
    kept[at] = Dense(model, state[i]);
    flat.state[at] = kept[at].data();
  }
  kernels::run(rule_, real_of(wide_of(param.dtype())) == DType::Float64, flat, constants);
  p.written();
  for (const Dense& each : kept) each.written();
}

void Optimizer::step_recorded(const Tensor& param, const Tensor& grad, const Tensor* state,
                              const Settings& settings, bool made) const {
  check_tensors(param, grad, state, settings);
  alignas(double) char constants[kernels::kMaxConstants];
  prepare(state, settings, made, constants);
  // Copies: what the operators save is overwritten below.
  const bool pairs = is_complex(param.dtype());
  const auto taken = [&](const Tensor& t) { return pairs ? view_as_real(clone(t)) : clone(t); };
  const auto given = [&](const Tensor& t) { return pairs ? view_as_complex(t) : t; };
  Tensor values[kMaxTensors];
  for (int i = 0; i < settings.count; ++i) {
    if (settings.at[i] >= 0) values[settings.at[i]] = taken(state[i]);
  }
  copy_into(param, given(recorded_step(rule_, taken(param), taken(grad), values, constants)));
  for (int i = 0; i < settings.count; ++i) {
    if (settings.at[i] >= 0) copy_into(state[i], given(values[settings.at[i]]));
  }
}

const std::vector<Optimizer>& optimizers() {
  static const std::vector<Optimizer> all(kernels::optimizer_rules().begin(),
                                          kernels::optimizer_rules().end());
  return all;
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
