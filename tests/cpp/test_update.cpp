// Steps of the optimizers on tensors: layouts, versions, refusals, and an optimizer of one's own.
// The numbers themselves are compared with NumPy in tests/test_optim_formulas.py and with PyTorch
// in tests/parity/test_optim.py.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "catch.h"
#include "core/error.h"
#include "graph/meta.h"
#include "optim/update.h"

#define PULLBACK_ISA of_this_test
#include "kernels/optim/describe.h"

using namespace pullback;

// An optimizer in twenty lines: X. Chen et al., "Symbolic Discovery of Optimization Algorithms",
// arXiv:2302.06675. Named in rules/all.h, it would have its class in Python as well.
namespace pullback::kernels::PULLBACK_ISA {
struct Lion : RuleDefaults {
  static constexpr const char* kName = "Lion";
  static constexpr const char* kSignature = "lr=1e-4, betas=(0.9, 0.99), weight_decay=0";
  static constexpr Check kChecks[] = {kRateCheck};
  static constexpr Slot kSlots[] = {{.name = "exp_avg"}};
  static constexpr const char* kReads = "lr betas[2] weight_decay";
  static constexpr const char* kDoc = "Steps by the sign of the momentum.";
  struct Options {
    double lr, beta1, beta2, weight_decay;
  };
  using Constants = Options;
  static Constants prepare(const Options& o, Numbers, bool) { return o; }
  template <unsigned, typename T>
  static PULLBACK_INLINE void step(T& p, T g, T* s, const Constants& c) {
    const T mean = lerp(s[0], g, 1 - c.beta1), zero = T(0);
    const T sign = select(mean > zero, T(1), select(mean < zero, T(-1), zero));
    p = p * T(1 - c.lr * c.weight_decay) - sign * T(c.lr);
    s[0] = lerp(s[0], g, 1 - c.beta2);
  }
};
}  // namespace pullback::kernels::PULLBACK_ISA

namespace {

Tensor counting(Sizes sizes) {
  Tensor made = Tensor::empty(sizes, DType::Float64);
  for (std::int64_t i = 0; i < made.numel(); ++i) made.data<double>()[i] = static_cast<double>(i);
  return made;
}

Tensor transposed(const Tensor& t) {
  return t.alias(Dims{t.size(1), t.size(0)}, Dims{t.stride(1), t.stride(0)});
}

const Optimizer& named(const char* name) {
  for (const Optimizer& each : optimizers()) {
    if (std::strcmp(each.rule().name, name) == 0) return each;
  }
  fail("no such optimizer");
}

Optimizer::Settings settings_of(const Optimizer& optimizer, std::initializer_list<double> numbers) {
  Optimizer::Settings settings{};
  std::copy(numbers.begin(), numbers.end(), settings.numbers);
  optimizer.choose_slots(settings);
  return settings;
}

// lr, momentum, dampening, weight_decay, nesterov, maximize
Optimizer::Settings plain() { return settings_of(named("SGD"), {0.5, 0, 0, 0, 0, 0}); }
Optimizer::Settings momentum() { return settings_of(named("SGD"), {1.0, 0.5, 0, 0, 0, 0}); }

}  // namespace

TEST_CASE("a plain step of gradient descent", "[update]") {
  const Tensor param = counting(Dims{4});
  const Tensor grad = Tensor::full(Dims{4}, Scalar(2.0), DType::Float64);
  const Tensor none;
  const Optimizer& sgd = named("SGD");
  REQUIRE(plain().count == 0);
  const std::uint32_t version = param.version(), before = grad.version();
  sgd.step(param, grad, &none, plain(), false);
  CHECK(param.data<double>()[0] == -1.0);
  CHECK(param.data<double>()[3] == 2.0);
  CHECK(param.version() > version);
  CHECK(grad.version() == before);
  CHECK_FALSE(none.defined());
}

TEST_CASE("momentum begins with the gradient", "[update]") {
  const Tensor param = Tensor::zeros(Dims{2}, DType::Float64);
  const Tensor grad = Tensor::full(Dims{2}, Scalar(1.0), DType::Float64);
  const Optimizer& sgd = named("SGD");
  REQUIRE(momentum().count == 1);
  const Tensor buffer = sgd.initial(0, param, momentum());
  sgd.step(param, grad, &buffer, momentum(), true);
  CHECK(buffer.data<double>()[1] == 1.0);
  sgd.step(param, grad, &buffer, momentum(), false);
  CHECK(buffer.data<double>()[1] == 1.5);
  CHECK(param.data<double>()[1] == -2.5);
}

TEST_CASE("every layout gives the same numbers", "[update]") {
  const Tensor straight = counting(Dims{2, 3});
  const Tensor grad = counting(Dims{2, 3});
  const Tensor stored = counting(Dims{3, 2});
  const Tensor param = transposed(stored);
  for (int i = 0; i < 2; ++i) {
    for (int j = 0; j < 3; ++j) stored.data<double>()[j * 2 + i] = i * 3 + j;
  }
  // lr, betas, eps, weight_decay, amsgrad, maximize, decoupled_weight_decay
  const Optimizer& adam = named("Adam");
  const Optimizer::Settings amsgrad = settings_of(adam, {0.25, 0.9, 0.999, 1e-8, 0, 1, 0, 0});
  Tensor state[2][4];
  for (auto& row : state) {
    for (int i = 0; i < 4; ++i) row[i] = adam.initial(i, straight, amsgrad);
  }
  for (int step = 0; step < 3; ++step) {
    adam.step(straight, grad, state[0], amsgrad, step == 0);
    adam.step(param, grad, state[1], amsgrad, step == 0);
  }
  CHECK(state[0][0].item().to_double() == 3.0);
  for (int i = 0; i < 2; ++i) {
    for (int j = 0; j < 3; ++j) {
      CHECK(stored.data<double>()[j * 2 + i] == straight.data<double>()[i * 3 + j]);
    }
  }
}

TEST_CASE("state that does not fit is refused", "[update]") {
  const Tensor param = counting(Dims{4});
  const Optimizer& sgd = named("SGD");
  Tensor buffer = counting(Dims{3});
  CHECK_THROWS_AS(sgd.step(param, param.detach(), &buffer, momentum(), false), Error);
  buffer = Tensor::zeros(Dims{4}, DType::Float32);
  CHECK_THROWS_AS(sgd.step(param, param.detach(), &buffer, momentum(), false), Error);
  CHECK(param.data<double>()[3] == 3.0);
}

TEST_CASE("a record is all of an optimizer", "[update]") {
  const Optimizer lion(kernels::of_this_test::describe<kernels::of_this_test::Lion>());
  const Optimizer::Settings options = settings_of(lion, {0.5, 0.5, 0.75, 0.1});
  REQUIRE(lion.reads().size() == 3);
  CHECK(lion.reads()[1].count == 2);
  for (const DType dtype : {DType::Float64, DType::Float32, DType::BFloat16}) {
    const Tensor param = Tensor::full(Dims{2, 3}, Scalar(2.0), dtype);
    const Tensor grad = Tensor::full(Dims{2, 3}, Scalar(-8.0), dtype);
    const Tensor mean = lion.initial(0, param, options);
    lion.step(param, grad, &mean, options, true);
    const auto last = static_cast<std::size_t>(5 * item_size(dtype));
    CHECK(Scalar::load(dtype, mean.bytes()).to_double() == -2.0);
    CHECK(std::abs(Scalar::load(dtype, param.bytes() + last).to_double() - 2.4) < 0.01);
  }
}

TEST_CASE("gradients are cleared", "[update]") {
  const Tensor param = counting(Dims{2});
  clear_grad(param, true);
  const Tensor grad = counting(Dims{2});
  make_meta(param).grad = grad;
  clear_grad(param, false);
  CHECK(meta_of(param)->grad.is_same(grad));
  CHECK(grad.data<double>()[1] == 0.0);
  clear_grad(param, true);
  CHECK_FALSE(meta_of(param)->grad.defined());
}
