// Nodes, saved tensors and the backward pass, without Python.
#include <pthread.h>

#include <cmath>
#include <functional>
#include <thread>
#include <vector>

#include "catch.h"
#include "core/allocator.h"
#include "core/error.h"
#include "graph/meta.h"
#include "graph/mode.h"
#include "graph/saved.h"
#include "ops/basic.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/pointwise/math.h"
#include "ops/reduce/reduction.h"
#include "transform/engine.h"

namespace {

using namespace pullback;

Tensor leaf(double value) {
  const Tensor t = Tensor::scalar(Scalar(value), DType::Float64);
  t.set(kRequiresGrad, true);
  return t;
}

Tensor vector_leaf(std::int64_t n, double value) {
  const Tensor t = Tensor::full(Dims{n}, Scalar(value), DType::Float64);
  t.set(kRequiresGrad, true);
  return t;
}

void backward(const Tensor& root, bool retain = false, bool create = false) {
  const Tensor seed;
  run_backward({.roots = {&root, 1},
                .seeds = {&seed, 1},
                .retain_graph = retain,
                .create_graph = create,
                .inputs = {},
                .accumulate = true});
}

Tensor grad(const Tensor& root, const Tensor& input, bool create = false) {
  const Tensor seed;
  return run_backward({.roots = {&root, 1},
                       .seeds = {&seed, 1},
                       .retain_graph = create,
                       .create_graph = create,
                       .inputs = {&input, 1},
                       .accumulate = false})[0];
}

bool close(double a, double b) { return std::abs(a - b) <= 1e-12 * std::abs(b); }

double grad_of(const Tensor& t) { return meta_of(t)->grad.item().to_double(); }

// Runs on a thread with a small stack: recursion over a long graph would overflow it.
void on_small_stack(const std::function<void()>& body) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 512 << 10);
  pthread_t thread;
  REQUIRE(pthread_create(
              &thread, &attributes,
              [](void* f) -> void* {
                (*static_cast<const std::function<void()>*>(f))();
                return nullptr;
              },
              const_cast<std::function<void()>*>(&body)) == 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

TEST_CASE("the tutorial's derivative", "[engine]") {
  const Tensor a = leaf(2), b = leaf(6);
  const Tensor q = 3.0 * pow(a, 3) - pow(b, 2);
  backward(q);
  CHECK(grad_of(a) == 36);
  CHECK(grad_of(b) == -12);
}

TEST_CASE("gradients meet in a diamond and at a leaf", "[engine]") {
  const Tensor x = leaf(3);
  const Tensor y = x * x;
  const Tensor z = y * y + y;
  backward(z);
  CHECK(grad_of(x) == 4 * 27 + 6);
}

TEST_CASE("gradients add up over passes in the same tensor", "[engine]") {
  const Tensor x = leaf(3);
  backward(x * x);
  const Tensor first = meta_of(x)->grad;
  backward(x * x);
  CHECK(meta_of(x)->grad.is_same(first));
  CHECK(grad_of(x) == 12);
}

TEST_CASE("derivatives of higher order", "[engine]") {
  const Tensor x = leaf(2);
  Tensor y = pow(x, 4);
  for (const double expected : {32.0, 48.0, 48.0, 24.0}) {
    y = grad(y, x, true);
    CHECK(close(y.item().to_double(), expected));
  }
}

TEST_CASE("a second pass needs what the first one released", "[engine]") {
  const Tensor x = leaf(2);
  const Tensor y = x * x;
  backward(y, true);
  backward(y);
  CHECK_THROWS_AS(backward(y), Error);
  const Tensor sum = x + x;
  backward(sum);
  backward(sum);
  CHECK(grad_of(x) == 4 + 4 + 2 + 2);
}

TEST_CASE("overwriting a saved value is an error", "[engine]") {
  const Tensor x = leaf(2);
  const Tensor y = x * 3.0;
  const Tensor z = y * y;
  y.bump_version();
  CHECK_THROWS_AS(backward(z), Error);
}

TEST_CASE("a failed pass leaves the graph as it was", "[engine]") {
  const Tensor x = leaf(2);
  const Tensor bad = x * x;
  const Tensor middle = bad * 3.0;
  const Tensor z = middle * middle;
  x.body()->storage->version = 7;
  CHECK_THROWS_AS(backward(z, true), Error);
  x.body()->storage->version = 0;
  backward(z);
  CHECK(grad_of(x) == 2 * 9 * 4 * 2 * 2);
}

TEST_CASE("an input that is not a leaf, and one that was not used", "[engine]") {
  const Tensor x = leaf(2), other = leaf(1);
  const Tensor y = x * x;
  const Tensor z = y * 5.0;
  CHECK(grad(z, y).item().to_double() == 5);
  CHECK_FALSE(grad(y * 5.0, other).defined());
  const AutogradMeta* meta = meta_of(x);
  CHECK((!meta || !meta->grad.defined()));
}

TEST_CASE("broadcasting and casts are undone", "[engine]") {
  const Tensor x = vector_leaf(4, 1.0);
  const Tensor s = Tensor::scalar(Scalar(2.0), DType::Float32);
  s.set(kRequiresGrad, true);
  backward(sum(x * s));
  CHECK(meta_of(s)->grad.dtype() == DType::Float32);
  CHECK(grad_of(s) == 4);
  CHECK(meta_of(x)->grad.shape() == Dims{4});
}

TEST_CASE("nothing is recorded without need", "[engine]") {
  const std::int64_t nodes = memory::stats().nodes;
  const Tensor constant = Tensor::scalar(Scalar(1.0), DType::Float64);
  const Tensor x = leaf(2);
  CHECK((constant * constant).is_leaf());
  const GradMode off(false);
  CHECK((x * x).is_leaf());
  CHECK(memory::stats().nodes == nodes);
}

TEST_CASE("a pass inside a pass", "[engine]") {
  // Reads the graph that is being walked, in the middle of its walk.
  class Nested final : public Node {
   public:
    Nested(const Tensor& input, const Tensor& inner) : Node(1), inner_(inner), x_(input) {
      set_edge(0, input);
    }
    const char* name() const override { return "NestedBackward0"; }
    std::size_t object_bytes() const override { return sizeof(*this); }
    void apply(BackwardCall& call) override {
      const Tensor seed;
      const Tensor g = run_backward({.roots = {&inner_, 1},
                                     .seeds = {&seed, 1},
                                     .retain_graph = true,
                                     .create_graph = false,
                                     .inputs = {&x_, 1},
                                     .accumulate = false})[0];
      call.give(0, call.take() * g);
    }

   private:
    Tensor inner_;
    Tensor x_;
  };
  const Tensor x = leaf(3);
  const Tensor square = x * x;
  Tensor out = Tensor::scalar(Scalar(1.0), DType::Float64);
  const Ref<Nested> node = make_node<Nested>(x, square);
  set_history(out, node.get());
  backward(out * square, true);
  CHECK(grad_of(x) == 9 * 6 + 1 * 6);
  backward(square);
  CHECK(grad_of(x) == 60 + 6);
}

TEST_CASE("a chain of a million nodes on a small stack", "[engine]") {
  const std::int64_t nodes = memory::stats().nodes;
  on_small_stack([] {
    const Tensor x = leaf(1);
    Tensor y = x;
    for (int i = 0; i < 1000000; ++i) y = y * 1.0;
    backward(y);
    CHECK(grad_of(x) == 1);
  });
  CHECK(memory::stats().nodes == nodes);
}

TEST_CASE("a sum over a hundred thousand leaves", "[engine]") {
  std::vector<Tensor> leaves;
  Tensor total = Tensor::scalar(Scalar(0.0), DType::Float64);
  for (int i = 0; i < 100000; ++i) {
    leaves.push_back(leaf(i));
    total = total + leaves.back();
  }
  backward(total);
  for (const Tensor& each : leaves) REQUIRE(grad_of(each) == 1);
}

TEST_CASE("a leaf with the last reference in the graph", "[engine]") {
  Tensor y;
  {
    const Tensor x = leaf(2);
    y = x * x;
  }
  backward(y);
  CHECK(y.item().to_double() == 4);
}

TEST_CASE("a retained gradient survives, its tensor may die first", "[engine]") {
  const Tensor x = leaf(2);
  Tensor y = x * x;
  retain_grad(y);
  const Tensor z = y * 3.0;
  backward(z, true);
  CHECK(grad_of(y) == 3);
  y = Tensor();
  backward(z);
  CHECK(grad_of(x) == 24);
}

TEST_CASE("graphs of their own on several threads", "[engine]") {
  std::vector<std::thread> threads;
  std::vector<double> results(4);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&results, t] {
      const Tensor x = leaf(t);
      for (int i = 0; i < 200; ++i) backward(x * x);
      results[static_cast<std::size_t>(t)] = grad_of(x);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int t = 0; t < 4; ++t) CHECK(results[static_cast<std::size_t>(t)] == 400.0 * t);
}

TEST_CASE("forward mode agrees with reverse mode", "[engine]") {
  const Tensor x = leaf(0.7);
  const Tensor dual = expand(x, Dims{});
  push_level(LevelKind::Dual);
  set_tangent(dual, mode.depth, Tensor::scalar(Scalar(1.0), DType::Float64));
  const Tensor y = exp(dual * dual) / (dual + 1.0);
  REQUIRE(y.is_dual());
  const double forward = tangent_of(y, mode.depth).item().to_double();
  pop_level();
  CHECK(close(grad(y, x).item().to_double(), forward));
}

TEST_CASE("a batched operation equals a loop", "[engine]") {
  Tensor batch = Tensor::empty(Dims{3, 2}, DType::Float64);
  for (int i = 0; i < 6; ++i) batch.data<double>()[i] = 0.1 * i;
  const Tensor shared = Tensor::full(Dims{2}, Scalar(2.0), DType::Float64);
  push_level(LevelKind::Vmap);
  const Tensor result = sum(exp(make_batched(batch, mode.depth) * shared), Dims{0});
  REQUIRE(result.has(kBatched));
  const Tensor values = meta_of(result)->batch;
  pop_level();
  REQUIRE(values.shape() == Dims{3});
  for (int i = 0; i < 3; ++i) {
    CHECK(close(values.data<double>()[i], std::exp(0.4 * i) + std::exp(0.4 * i + 0.2)));
  }
}

}  // namespace
