// Steps of the optimisers on tensors: layouts, versions, refusals.  The numbers themselves are
// compared with PyTorch in tests/parity/test_optim.py.
#include "catch.h"
#include "core/error.h"
#include "graph/meta.h"
#include "optim/update.h"

using namespace pullback;

namespace {

Tensor counting(Sizes sizes) {
  Tensor made = Tensor::empty(sizes, DType::Float64);
  for (std::int64_t i = 0; i < made.numel(); ++i) made.data<double>()[i] = static_cast<double>(i);
  return made;
}

Tensor transposed(const Tensor& t) {
  return t.alias(Dims{t.size(1), t.size(0)}, Dims{t.stride(1), t.stride(0)});
}

}  // namespace

TEST_CASE("a plain step of gradient descent", "[update]") {
  const Tensor param = counting(Dims{4});
  const Tensor grad = Tensor::full(Dims{4}, Scalar(2.0), DType::Float64);
  Tensor none;
  kernels::SgdOptions options;
  options.lr = 0.5;
  const std::uint32_t version = param.version(), before = grad.version();
  sgd_update(param, grad, none, options);
  CHECK(param.data<double>()[0] == -1.0);
  CHECK(param.data<double>()[3] == 2.0);
  CHECK(param.version() > version);
  CHECK(grad.version() == before);
  CHECK_FALSE(none.defined());
}

TEST_CASE("momentum makes its buffer once", "[update]") {
  const Tensor param = Tensor::zeros(Dims{2}, DType::Float64);
  const Tensor grad = Tensor::full(Dims{2}, Scalar(1.0), DType::Float64);
  Tensor buffer;
  kernels::SgdOptions options;
  options.lr = 1.0;
  options.momentum = 0.5;
  sgd_update(param, grad, buffer, options);
  REQUIRE(buffer.defined());
  const TensorBody* first = buffer.body();
  sgd_update(param, grad, buffer, options);
  CHECK(buffer.body() == first);
  CHECK(buffer.data<double>()[1] == 1.5);
  CHECK(param.data<double>()[1] == -2.5);
}

TEST_CASE("every layout gives the same numbers", "[update]") {
  const Tensor plain = counting(Dims{2, 3});
  const Tensor grad = counting(Dims{2, 3});
  const Tensor stored = counting(Dims{3, 2});
  const Tensor param = transposed(stored);
  for (int i = 0; i < 2; ++i) {
    for (int j = 0; j < 3; ++j) stored.data<double>()[j * 2 + i] = i * 3 + j;
  }
  kernels::AdamOptions options;
  options.lr = 0.25;
  options.amsgrad = true;
  Tensor state[2][3];
  for (auto& row : state) {
    for (Tensor& t : row) t = Tensor::zeros(Dims{2, 3}, DType::Float64);
  }
  for (options.step = 1; options.step <= 3; ++options.step) {
    adam_update(plain, grad, state[0][0], state[0][1], state[0][2], options);
    adam_update(param, grad, state[1][0], state[1][1], state[1][2], options);
  }
  for (int i = 0; i < 2; ++i) {
    for (int j = 0; j < 3; ++j) {
      CHECK(stored.data<double>()[j * 2 + i] == plain.data<double>()[i * 3 + j]);
    }
  }
}

TEST_CASE("state that does not fit is refused", "[update]") {
  const Tensor param = counting(Dims{4});
  kernels::SgdOptions options;
  options.momentum = 0.5;
  Tensor buffer = counting(Dims{3});
  CHECK_THROWS_AS(sgd_update(param, param.detach(), buffer, options), Error);
  buffer = Tensor::zeros(Dims{4}, DType::Float32);
  CHECK_THROWS_AS(sgd_update(param, param.detach(), buffer, options), Error);
  CHECK(param.data<double>()[3] == 3.0);
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
