// What a description promises: a gradient that reads what it did not declare is refused, by name;
// one without a derivative takes no input that is followed; recipes know matrix products by their
// trait; elementwise operations run from theirs, too.
#include "ops/operation.h"

#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "catch.h"
#include "graph/recipe.h"
#include "graph/saved.h"
#define PULLBACK_ISA plain
#include "kernels/loops.h"
#include "ops/elementwise.h"
#include "ops/linalg/matmul.h"
#include "ops/op.h"
#include "ops/pointwise/activation.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/pointwise/math.h"
#include "ops/reduce/scan.h"
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
                                   kernels::binary<"mul">,
                                   {kReadsB, [](T t, S s) { return t * s.b(); }},
                                   {kReadsNothing, [](T t, S s) { return t * s.a(); }});

Tensor leaf(double value, bool requires_grad) {
  const Tensor t = Tensor::scalar(Scalar(value), DType::Float32);
  t.set(kRequiresGrad, requires_grad);
  return t;
}

template <typename Function>
std::string error_of(Function function) {
  try {
    function();
  } catch (const std::exception& e) {
    return e.what();
  }
  return "";
}

std::string error_of_backward(const Tensor& root) {
  const Tensor seed;
  return error_of([&] {
    run_backward({.roots = {&root, 1},
                  .seeds = {&seed, 1},
                  .retain_graph = false,
                  .create_graph = false,
                  .inputs = {},
                  .accumulate = true});
  });
}

// Twice a number, and nothing said of derivatives, or that it has none.
template <unsigned constants>
struct Doubled {
  static constexpr const char* kNode = "DoubledBackward0";
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  static constexpr bool kNotDifferentiable = true;
  static constexpr unsigned kConstants = constants;
  struct Attrs {};
  static Spec spec(const Attrs&, In in) { return {in[0].shape(), in[0].dtype()}; }
  static void fill(const Attrs&, In in, const Tensor& out) {
    *out.data<float>() = 2 * *in[0].data<float>();
  }
};

TEST_CASE("an operator without a derivative takes no input that is followed", "[ops]") {
  const Tensor followed = leaf(3, true), plain = leaf(3, false);
  const std::string error = error_of([&] { apply<Doubled<0>>({}, followed); });
  CHECK(error.find("DoubledBackward0 has no derivative") != std::string::npos);
  CHECK(apply<Doubled<0>>({}, plain).item().to_double() == 6);
  CHECK(!apply<Doubled<1>>({}, followed).requires_grad());
  const GradMode off(false);
  CHECK(apply<Doubled<0>>({}, followed).item().to_double() == 6);
}

TEST_CASE("a gradient that reads what it did not declare is refused", "[ops]") {
  const std::string wrong = error_of_backward(apply<Forgetful>({}, leaf(2, false), leaf(3, true)));
  CHECK(wrong.find("ForgetfulBackward0 reads input 0") != std::string::npos);
  CHECK(error_of_backward(apply<Forgetful>({}, leaf(2, true), leaf(3, false))) == "");
}

template <typename T>
struct Twice {
  T operator()(T x) const { return x + x; }
};
const kernels::plain::Register<"twice", kernels::plain::PlainUnary, Twice, kernels::plain::Floats>
    kTwice;

TEST_CASE("a record finds the kernel of its name, and says so where there is none", "[ops]") {
  const Elementwise twice("twice", "TwiceBackward0", DTypeRule::Float, kernels::unary<"twice">,
                          {kReadsNothing, [](T t, S) { return t * 2; }});
  CHECK(elementwise(twice, leaf(3, true)).item().to_double() == 6);
  const Tensor half = Tensor::full({}, Scalar(1), DType::Float16);
  CHECK(elementwise(twice, half).dtype() == DType::Float16);
  const Tensor complex = Tensor::zeros({}, DType::Complex64);
  CHECK(error_of([&] { elementwise(twice, complex); }) ==
        "\"twice\" not implemented for 'ComplexFloat'");
  const Elementwise missing("missing", "MissingBackward0", DTypeRule::Float,
                            kernels::unary<"misspelt">, kZeroSlope);
  const std::string error = error_of([&] { elementwise(missing, leaf(3, true)); });
  CHECK(error.find("no kernel of the name that missing gives") != std::string::npos);
}

TEST_CASE("a record with partials for some operands only is refused", "[ops]") {
  const auto error_of_record = [](Elementwise::Partial a, Elementwise::Partial b) {
    return error_of([&] {
      const Elementwise record("half_done", "", DTypeRule::Promote, kernels::binary<"mul">, a, b);
    });
  };
  CHECK(error_of_record(kZeroSlope, kZeroSlope) == "");
  CHECK(error_of_record({}, {}) == "");
  const std::string expected = "the record of half_done has partials for some";
  CHECK(error_of_record(kZeroSlope, {}).find(expected) != std::string::npos);
  CHECK(error_of_record({}, kZeroSlope).find(expected) != std::string::npos);
}

TEST_CASE("so is a partial, also when the other one declared it", "[ops]") {
  for (const bool both : {false, true}) {
    const Tensor y = elementwise(record_forgetful, leaf(2, both), leaf(3, true));
    CHECK(error_of_backward(y).find("forgetful reads operand a") != std::string::npos);
  }
  CHECK(error_of_backward(elementwise(record_forgetful, leaf(2, true), leaf(3, false))) == "");
}

// Keeps what it is told, and packs nothing.
class Recipes final : public SavedHooks {
 public:
  std::unique_ptr<PackedTensor> pack(const Tensor&) override { return nullptr; }
  bool wants_recipes() const override { return true; }
  void note(Node&, std::unique_ptr<Recipe> recipe) override { last = std::move(recipe); }
  std::unique_ptr<Recipe> last;
};

std::unique_ptr<Recipe> recipe_of(const std::function<Tensor()>& operation) {
  auto* recipes = new Recipes;
  const auto hooks = Ref<SavedHooks>::adopt(recipes);
  push_saved_hooks(hooks);
  const Tensor result = operation();
  pop_saved_hooks();
  return std::move(recipes->last);
}

Tensor matrix(double value) {
  const Tensor t = Tensor::full(Dims{8, 8}, Scalar(value), DType::Float64);
  t.set(kRequiresGrad, true);
  return t;
}

TEST_CASE("only matrix products cost more than what they move", "[ops]") {
  const Tensor x = matrix(2);
  const double bytes = 8 * 8 * sizeof(double);
  CHECK(recipe_of([&] { return mm(x, x); })->cost > 4 * bytes);
  CHECK(recipe_of([&] { return x * x; })->cost == 3 * bytes);
  CHECK(recipe_of([&] { return lgamma(x); })->cost == 2 * bytes);
  CHECK(recipe_of([&] { return polygamma(2, x); })->cost == 2 * bytes);
  CHECK(recipe_of([&] { return cumsum(x, Along{0}); })->cost == 2 * bytes);
}

TEST_CASE("a recipe executes the description, numbers and parameters in their places", "[ops]") {
  const Tensor x = matrix(2);
  const GradMode off(false);
  const auto value = [](const std::vector<Tensor>& results) {
    return results.at(0).data<double>()[0];
  };
  const auto recorded = [](const std::function<Tensor()>& operation) {
    const GradMode on(true);
    return recipe_of(operation);
  };
  const Tensor inputs[] = {x, Tensor(), Tensor()};
  CHECK(value(recorded([&] { return x * 3.0; })->run({inputs, 2})) == 6);
  CHECK(value(recorded([&] { return softplus(x, 1.0, 1.5); })->run({inputs, 1})) == 2);
  const Tensor three[] = {x, matrix(4), Tensor()};
  CHECK(value(recorded([&] { return lerp(x, three[1], 0.25); })->run({three, 3})) == 2.5);
}

}  // namespace
