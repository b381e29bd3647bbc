// What a description promises: a gradient that reads what it did not declare is refused, by name.
#include "ops/operation.h"

#include <exception>
#include <string>

#include "catch.h"
#include "ops/elementwise.h"
#include "ops/op.h"
#include "ops/pointwise/arithmetic.h"
#include "transform/engine.h"

namespace {

using namespace pullback;

// The product of two tensors, of which one gradient forgets to say what it reads.
struct Forgetful {
  static constexpr const char* kNode = "ForgetfulBackward0";
  static constexpr int kInputs = 2;
  static constexpr int kOutputs = 1;
  struct Attrs {};
  static Spec spec(const Attrs&, In in) { return {in[0].shape(), in[0].dtype()}; }
  static void fill(const Attrs&, In in, const Tensor& out) {
    *out.data<float>() = *in[0].data<float>() * *in[1].data<float>();
  }
  static constexpr Reads kReads[] = {kReadsB, kReadsNothing};
  static void vjp(Vjp<Forgetful>& v) {
    if (v.wants(0)) v.give(0, v.grad() * v.in(1));
    if (v.wants(1)) v.give(1, v.grad() * v.in(0));
  }
  static Tensor jvp(Jvp<Forgetful>& j) { return j.tangent(0); }
};

const Elementwise record_forgetful("forgetful", "ForgetfulMulBackward0", DTypeRule::Promote,
                                   kernels::Binary::Mul,
                                   {kReadsB, [](T t, S s) { return t * s.b(); }},
                                   {kReadsNothing, [](T t, S s) { return t * s.a(); }});

Tensor leaf(double value, bool requires_grad) {
  const Tensor t = Tensor::scalar(Scalar(value), DType::Float32);
  t.set(kRequiresGrad, requires_grad);
  return t;
}

std::string error_of_backward(const Tensor& root) {
  const Tensor seed;
  try {
    run_backward({.roots = {&root, 1},
                  .seeds = {&seed, 1},
                  .retain_graph = false,
                  .create_graph = false,
                  .inputs = {},
                  .accumulate = true});
  } catch (const std::exception& e) {
    return e.what();
  }
  return "";
}

TEST_CASE("a gradient that reads what it did not declare is refused", "[ops]") {
  const std::string wrong = error_of_backward(apply<Forgetful>({}, leaf(2, false), leaf(3, true)));
  CHECK(wrong.find("ForgetfulBackward0 reads input 0") != std::string::npos);
  CHECK(error_of_backward(apply<Forgetful>({}, leaf(2, true), leaf(3, false))) == "");
}

TEST_CASE("so is a partial, also when the other one declared it", "[ops]") {
  for (const bool both : {false, true}) {
    const Tensor y = elementwise(record_forgetful, leaf(2, both), leaf(3, true));
    CHECK(error_of_backward(y).find("forgetful reads operand a") != std::string::npos);
  }
  CHECK(error_of_backward(elementwise(record_forgetful, leaf(2, true), leaf(3, false))) == "");
}

}  // namespace
