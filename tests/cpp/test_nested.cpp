// Passes inside of passes, deeper than one stack is high, without Python; for ThreadSanitizer too.
#include <functional>
#include <stdexcept>
#include <thread>
#include <vector>

#include "catch.h"
#include "graph/meta.h"
#include "graph/mode.h"
#include "graph/saved.h"
#include "ops/pointwise/arithmetic.h"
#include "transform/engine.h"
#include "transform/other_stack.h"

namespace {

using namespace pullback;

Tensor leaf(double value) {
  const Tensor t = Tensor::scalar(Scalar(value), DType::Float64);
  t.set(kRequiresGrad, true);
  return t;
}

Tensor grad(const Tensor& root, const Tensor& input) {
  const Tensor seed;
  return run_backward(
      {.roots = {&root, 1}, .seeds = {&seed, 1}, .inputs = {&input, 1}, .accumulate = false})[0];
}

struct Hook final : TensorHooks {
  explicit Hook(std::function<void(Tensor&)> body) : body(std::move(body)) {}
  void run(Tensor& gradient) override { body(gradient); }
  std::function<void(Tensor&)> body;
};

// The gradient of a leaf with respect to itself, plus what the levels below give.
double dive(int levels, const std::function<void()>& bottom) {
  const Tensor x = leaf(1);
  make_meta(x).hooks = std::make_unique<LeafHooks>();
  x.set(kHooked, true);
  make_meta(x).hooks->tensor = std::make_unique<Hook>([&](Tensor& gradient) {
    if (levels == 0) return bottom();
    const GradMode on(true);
    gradient = gradient + dive(levels - 1, bottom);
  });
  return grad(x * 1.0, x).item().to_double();
}

struct Bottom : std::runtime_error {
  Bottom() : std::runtime_error("bottom") {}
};

struct Nothing final : SavedHooks {
  std::unique_ptr<PackedTensor> pack(const Tensor&) override { return nullptr; }
};

}  // namespace

TEST_CASE("twenty thousand passes inside of each other", "[nested]") {
  CHECK(dive(20000, [] {}) == 20001);
}

TEST_CASE("an exception comes back from the deepest pass", "[nested]") {
  CHECK_THROWS_AS(dive(5000, [] { throw Bottom(); }), Bottom);
  CHECK(mode.pass == nullptr);
  CHECK(mode.passes_on_stack == 0);
  CHECK(dive(100, [] {}) == 101);
}

TEST_CASE("the mode goes over and comes back", "[nested]") {
  const ModeScope<&Mode::absorb> absorbing(true);
  const std::thread::id here = std::this_thread::get_id();
  bool found = false;
  std::vector<int> depths;
  dive(3 * kMostOnOneStack, [&] {
    found = mode.absorb && !mode.grad && mode.pass && std::this_thread::get_id() != here;
    depths.push_back(mode.depth);
    push_level(LevelKind::Dual);  // as in Python, it stays open
    push_saved_hooks(Ref<SavedHooks>::adopt(new Nothing));
  });
  CHECK(found);
  CHECK(depths == std::vector<int>{0});
  CHECK(mode.depth == 1);
  pop_level();
  CHECK(mode.saved_hooks == nullptr);
  CHECK(mode.grad);
}

TEST_CASE("threads with passes inside of passes", "[nested]") {
  std::vector<double> found(4);
  std::vector<std::thread> threads;
  for (std::size_t k = 0; k < found.size(); ++k) {
    threads.emplace_back([&, k] {
      for (int round = 0; round < 3; ++round) found[k] = dive(400, [] {});
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(found == std::vector<double>(4, 401));
}
