// See recorded.h: the type T of a record is here a tensor or a number.
#include "optim/recorded.h"

#define PULLBACK_ISA recorded
#include "kernels/optim/rules/all.h"
#include "ops/operand.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/pointwise/compare.h"
#include "ops/pointwise/math.h"
#include "ops/pointwise/select.h"

namespace pullback::kernels::recorded {

namespace {

// What a comparison gives, with the dtype of what was compared.
struct Mask {
  Tensor tensor;
  DType dtype = DType::Float32;
};

struct Value {
  Value() = default;
  explicit Value(double number) : operand(number) {}
  explicit Value(Tensor tensor) : operand(std::move(tensor)) {}
  double number() const { return operand.number().to_double(); }
  Operand operand;
};

bool are_numbers(const Value& a, const Value& b) {
  return !a.operand.is_tensor() && !b.operand.is_tensor();
}
Value operator+(const Value& a, const Value& b) {
  if (are_numbers(a, b)) return Value(a.number() + b.number());
  return Value(add(a.operand, b.operand));
}
Value operator-(const Value& a, const Value& b) {
  if (are_numbers(a, b)) return Value(a.number() - b.number());
  return Value(sub(a.operand, b.operand));
}
Value operator*(const Value& a, const Value& b) {
  if (are_numbers(a, b)) return Value(a.number() * b.number());
  return Value(mul(a.operand, b.operand));
}
Value operator/(const Value& a, const Value& b) { return Value(div(a.operand, b.operand, {})); }
Mask operator<(const Value& a, const Value& b) {
  return {lt(a.operand.tensor(), b.operand), a.operand.tensor().dtype()};
}
Mask operator>(const Value& a, const Value& b) {
  return {gt(a.operand.tensor(), b.operand), a.operand.tensor().dtype()};
}
Value muladd(const Value& a, const Value& b, const Value& c) { return a * b + c; }
Value square_root(const Value& a) { return Value(sqrt(a.operand.tensor())); }
Value absolute(const Value& a) { return Value(abs(a.operand.tensor())); }
Value larger(const Value& a, const Value& b) {
  return Value(maximum(a.operand.tensor(), b.operand.tensor()));
}
Value select(const Mask& mask, const Value& a, const Value& b) {
  // Two numbers alone would give the default dtype.
  const Operand first =
      a.operand.is_tensor() ? a.operand : Operand(Tensor::scalar(a.operand.number(), mask.dtype));
  return Value(where(mask.tensor, first, b.operand));
}

using Step = Tensor (*)(const Tensor& param, const Tensor& grad, Tensor* state,
                        const void* constants);

template <typename Record>
Tensor step(const Tensor& param, const Tensor& grad, Tensor* state, const void* constants) {
  typename Record::Constants c;
  std::memcpy(&c, constants, sizeof c);
  Value p(param), s[kMaxTensors];
  unsigned there = 0;
  for (int i = 0; i < kMaxTensors; ++i) {
    if (!state[i].defined()) continue;
    there |= 1u << i;
    s[i] = Value(state[i]);
  }
  with_slots<Record>(there,
                     [&]<unsigned has>() { Record::template step<has>(p, Value(grad), s, c); });
  for (int i = 0; i < kMaxTensors; ++i) {
    if (state[i].defined()) state[i] = s[i].operand.tensor();
  }
  return p.operand.tensor();
}

struct Named {
  const char* name;
  Step step;
};
template <typename List>
constexpr Named kSteps[1] = {};
template <typename... Records>
constexpr Named kSteps<Optimizers<Records...>>[] = {{Records::kName, &step<Records>}...};

}  // namespace

}  // namespace pullback::kernels::recorded

namespace pullback {

Tensor recorded_step(const kernels::Rule& rule, const Tensor& param, const Tensor& grad,
                     Tensor (&state)[kernels::kMaxTensors], const void* constants) {
  using namespace kernels::recorded;
  for (const auto& each : kSteps<AllOptimizers>) {
    if (std::strcmp(each.name, rule.name) == 0) return each.step(param, grad, state, constants);
  }
  fail(rule.name, ": its step is in no list (kernels/optim/rules/all.h) and cannot be recorded.");
}

}  // namespace pullback
