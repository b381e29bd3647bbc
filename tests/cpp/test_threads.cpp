// Several threads in forward and backward at once, for ThreadSanitizer too (the tsan preset).
#include <atomic>
#include <functional>
#include <thread>
#include <vector>

#include "catch.h"
#include "graph/meta.h"
#include "ops/arithmetic.h"
#include "ops/basic.h"
#include "ops/math.h"
#include "ops/reduction.h"
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

#endif
