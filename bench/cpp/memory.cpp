// The allocator, and the accumulation of gradients into .grad.
//
// Sizes are bytes for the allocator and elements for the accumulation.
#include "core/allocator.h"

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <cstring>
#include <vector>

#include "core/tensor.h"
#include "transform/accumulate.h"

namespace {

using pullback::DType;
using pullback::Scalar;
using pullback::Tensor;

void allocate_cached(benchmark::State& state) {
  const auto bytes = static_cast<std::size_t>(state.range(0));
  for (auto _ : state) {
    void* block = pullback::memory::allocate(bytes);
    benchmark::DoNotOptimize(block);
    pullback::memory::deallocate(block, bytes);
  }
}
BENCHMARK(allocate_cached)->Arg(64)->Arg(512)->Arg(64 << 10)->Arg(40 << 20);

// What a block costs that is written in full: the page faults of a fresh one show here.
void allocate_and_write(benchmark::State& state) {
  const auto bytes = static_cast<std::size_t>(state.range(0));
  for (auto _ : state) {
    void* block = pullback::memory::allocate(bytes);
    std::memset(block, 1, bytes);
    benchmark::DoNotOptimize(block);
    pullback::memory::deallocate(block, bytes);
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(allocate_and_write)->Arg(40 << 20);

void system_allocate_and_write(benchmark::State& state) {
  const auto bytes = static_cast<std::size_t>(state.range(0));
  for (auto _ : state) {
    void* block = std::malloc(bytes);
    std::memset(block, 1, bytes);
    benchmark::DoNotOptimize(block);
    std::free(block);
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(system_allocate_and_write)->Arg(40 << 20);

void allocate_many_live(benchmark::State& state) {
  std::vector<void*> blocks(1000);
  for (auto _ : state) {
    for (void*& block : blocks) block = pullback::memory::allocate(128);
    for (void* block : blocks) pullback::memory::deallocate(block, 128);
  }
  state.SetItemsProcessed(state.iterations() * 1000);
}
BENCHMARK(allocate_many_live);

void make_tensor(benchmark::State& state) {
  const std::int64_t sizes[] = {state.range(0)};
  for (auto _ : state) benchmark::DoNotOptimize(Tensor::empty({sizes, 1}, DType::Float32));
}
BENCHMARK(make_tensor)->Arg(1)->Arg(64)->Arg(100000);

Tensor leaf_of(std::int64_t n) {
  const std::int64_t sizes[] = {n};
  const Tensor leaf = Tensor::full({sizes, 1}, Scalar(1.0), DType::Float32);
  leaf.set(pullback::kRequiresGrad, true);
  return leaf;
}

// The second gradient and every later one: added in place into the buffer that is ours.
void accumulate_in_place(benchmark::State& state) {
  const Tensor leaf = leaf_of(state.range(0));
  const Tensor gradient = leaf_of(state.range(0)).detach();
  pullback::accumulate_grad(leaf, Tensor::zeros(leaf.sizes(), DType::Float32), false);
  for (auto _ : state) pullback::accumulate_grad(leaf, gradient, false);
}
BENCHMARK(accumulate_in_place)->Arg(1)->Arg(64)->Arg(100000);

// The first gradient is taken over when nobody else holds it; making it is part of the time.
void accumulate_taken_over(benchmark::State& state) {
  for (auto _ : state) {
    const Tensor leaf = leaf_of(state.range(0));
    pullback::accumulate_grad(leaf, Tensor::empty(leaf.sizes(), DType::Float32), false);
  }
}
BENCHMARK(accumulate_taken_over)->Arg(64)->Arg(100000);

}  // namespace
