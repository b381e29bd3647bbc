// Recording an operation, and what a pass costs for each node of a chain, a fan and a diamond.
//
// Items are nodes, so items_per_second is nodes per second.  A pass is timed without building its
// graph (the graph is kept and walked again), recording without the pass.
#include <benchmark/benchmark.h>

#include "graph/mode.h"
#include "ops/pointwise/arithmetic.h"
#include "transform/engine.h"

namespace {

using pullback::BackwardRequest;
using pullback::DType;
using pullback::Scalar;
using pullback::Tensor;

Tensor vector_of(std::int64_t n, bool requires_grad) {
  const std::int64_t sizes[] = {n};
  const Tensor t = Tensor::full({sizes, 1}, Scalar(1.0), DType::Float32);
  t.set(pullback::kRequiresGrad, requires_grad);
  return t;
}

Tensor scalar(bool requires_grad) {
  const Tensor t = Tensor::scalar(Scalar(1.0), DType::Float32);
  t.set(pullback::kRequiresGrad, requires_grad);
  return t;
}

void walk(const Tensor& root, const Tensor& leaf) {
  const Tensor roots[] = {root};
  const Tensor seeds[] = {Tensor()};
  const Tensor inputs[] = {leaf};
  BackwardRequest request;
  request.roots = roots;
  request.seeds = seeds;
  request.retain_graph = true;
  request.inputs = inputs;
  request.accumulate = false;
  benchmark::DoNotOptimize(pullback::run_backward(request));
}

void record_scalar(benchmark::State& state) {
  const Tensor a = scalar(true), b = scalar(true);
  for (auto _ : state) benchmark::DoNotOptimize(pullback::add(a, b));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(record_scalar);

void record_vector(benchmark::State& state) {
  const Tensor x = vector_of(state.range(0), true), y = vector_of(state.range(0), true);
  for (auto _ : state) benchmark::DoNotOptimize(pullback::mul(x, y));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(record_vector)->Arg(64)->Arg(4096);

void compute_scalar_unrecorded(benchmark::State& state) {
  const pullback::GradMode off(false);
  const Tensor a = scalar(true), b = scalar(true);
  for (auto _ : state) benchmark::DoNotOptimize(pullback::add(a, b));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(compute_scalar_unrecorded);

void pass_chain(benchmark::State& state) {
  const Tensor leaf = scalar(true), factor = scalar(false);
  Tensor z = leaf;
  for (std::int64_t i = 0; i < state.range(0); ++i) z = pullback::mul(z, factor);
  for (auto _ : state) walk(z, leaf);
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(pass_chain)->Arg(1000)->Arg(100000);

// One leaf feeds every term of a sum.
void pass_fan(benchmark::State& state) {
  const Tensor leaf = scalar(true), factor = scalar(false);
  Tensor sum = pullback::mul(leaf, factor);
  for (std::int64_t i = 1; i < state.range(0); ++i) sum = sum + pullback::mul(leaf, factor);
  for (auto _ : state) walk(sum, leaf);
  state.SetItemsProcessed(state.iterations() * (2 * state.range(0) - 1));
}
BENCHMARK(pass_fan)->Arg(1000);

// Every node is used twice by the next one: 2^n paths, n nodes.
void pass_diamond(benchmark::State& state) {
  const Tensor leaf = scalar(true);
  Tensor z = leaf;
  for (std::int64_t i = 0; i < state.range(0); ++i) z = pullback::sub(z, z);
  for (auto _ : state) walk(z, leaf);
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(pass_diamond)->Arg(1000);

void build_and_free_chain(benchmark::State& state) {
  const Tensor leaf = scalar(true), factor = scalar(false);
  for (auto _ : state) {
    Tensor z = leaf;
    for (std::int64_t i = 0; i < state.range(0); ++i) z = pullback::mul(z, factor);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(build_and_free_chain)->Arg(1000)->Arg(100000);

}  // namespace
