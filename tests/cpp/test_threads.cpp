// Several threads in forward and backward at once, for ThreadSanitizer too (the tsan preset).
#include <atomic>
#include <functional>
#include <thread>
#include <vector>

#include "catch.h"
#include "graph/meta.h"
#include "ops/assign.h"
#include "ops/basic.h"
#include "ops/index/indexing.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/pointwise/math.h"
#include "ops/reduce/reduction.h"
#include "ops/shape/view.h"
#include "transform/engine.h"

#if PULLBACK_ATOMIC_REFS

namespace {

using namespace pullback;

constexpr int kThreads = 4;
constexpr int kRounds = 50;

Tensor leaf(double value) {
  const Tensor t = Tensor::full(Dims{3}, Scalar(value), DType::Float64);
  t.set(kRequiresGrad, true);
  return t;
}

void backward(const Tensor& root) {
  const Tensor seed;
  run_backward({.roots = {&root, 1},
                .seeds = {&seed, 1},
                .retain_graph = true,
                .create_graph = false,
                .inputs = {},
                .accumulate = true});
}

double first(const Tensor& t) { return t.data<double>()[0]; }

void together(const std::function<void(int)>& work) {
  std::atomic<int> ready{0};
  std::vector<std::thread> threads;
  for (int k = 0; k < kThreads; ++k) {
    threads.emplace_back([&, k] {
      ++ready;
      while (ready < kThreads) std::this_thread::yield();
      work(k);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace

TEST_CASE("threads on graphs of their own", "[threads]") {
  std::vector<double> found(kThreads);
  together([&](int k) {
    const Tensor x = leaf(1.0 + k);
    for (int i = 0; i < kRounds; ++i) backward(sum(x * x * x));
    found[static_cast<std::size_t>(k)] = first(meta_of(x)->grad);
  });
  for (int k = 0; k < kThreads; ++k) {
    CHECK(found[static_cast<std::size_t>(k)] == kRounds * 3 * (1.0 + k) * (1.0 + k));
  }
}

TEST_CASE("threads that share a leaf add up exactly", "[threads]") {
  const Tensor x = leaf(1);
  together([&](int) {
    for (int i = 0; i < kRounds; ++i) backward(sum(x * 2.0));
  });
  CHECK(first(meta_of(x)->grad) == 2 * kRounds * kThreads);
}

TEST_CASE("threads that walk one graph", "[threads]") {
  const Tensor x = leaf(1);
  Tensor y = x;
  for (int i = 0; i < 20; ++i) y = y * 1.0 + exp(x * 0.0) - 1.0;
  const Tensor loss = sum(y * y);
  together([&](int) {
    for (int i = 0; i < kRounds; ++i) backward(loss);
  });
  CHECK(first(meta_of(x)->grad) == 2 * kRounds * kThreads);
}

// The first to use a view after a write makes its history anew.
TEST_CASE("threads that use one stale view at once", "[threads]") {
  for (int i = 0; i < kRounds; ++i) {
    const Tensor x = leaf(2);
    const Tensor base = x * 1.0;
    const Tensor view = slice(base, 0, 0, 2, 1);
    copy_into(base, base * 3.0);
    std::vector<double> found(kThreads);
    together([&](int k) {
      const Tensor own = sum(view * view);
      const Tensor seed;
      const auto grads = run_backward({.roots = {&own, 1},
                                       .seeds = {&seed, 1},
                                       .retain_graph = true,
                                       .create_graph = false,
                                       .inputs = {&x, 1},
                                       .accumulate = false});
      found[static_cast<std::size_t>(k)] = first(grads[0]);
    });
    for (const double each : found) CHECK(each == 36);
  }
}

TEST_CASE("threads whose passes and hooks reach for each other's leaves", "[threads]") {
  struct Nested final : TensorHooks {
    explicit Nested(Tensor other) : loss(std::move(other)) {}
    void run(Tensor&) override { backward(loss); }
    Tensor loss;
  };
  const Tensor a = leaf(1);
  const Tensor b = leaf(1);
  const Tensor to_a = sum(a * 2.0);
  const Tensor to_b = sum(b * 2.0);
  together([&](int k) {
    const Tensor& own = k % 2 ? a : b;
    const Tensor middle = own * 1.0;
    node_of(middle)->make_extra().outputs.push_back(
        {0, kRequiresGrad, std::make_unique<Nested>(k % 2 ? to_b : to_a)});
    middle.set(kHooked, true);
    const Tensor loss = sum(middle);
    for (int i = 0; i < kRounds; ++i) backward(loss);
  });
  CHECK(first(meta_of(a)->grad) == 3 * kRounds * kThreads / 2);
  CHECK(first(meta_of(b)->grad) == 3 * kRounds * kThreads / 2);
}

#endif
