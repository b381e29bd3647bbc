// References, memory, shapes and tensors without a graph.
#include <atomic>
#include <cmath>
#include <complex>
#include <cstdint>
#include <limits>
#include <set>
#include <thread>
#include <vector>

#include "catch.h"
#include "core/allocator.h"
#include "core/error.h"
#include "core/tensor.h"

namespace {

using namespace pullback;

struct Counted {
  RefCount refs;
  int* deaths;
  static void dispose(Counted* c) noexcept {
    ++*c->deaths;
    delete c;
  }
};

TEST_CASE("a reference keeps its target alive", "[core]") {
  int deaths = 0;
  {
    Ref<Counted> a = Ref<Counted>::adopt(new Counted{{}, &deaths});
    CHECK(a.unique());
    Ref<Counted> b = a;
    CHECK_FALSE(a.unique());
    a = nullptr;
    CHECK(deaths == 0);
    const Ref<Counted> moved = std::move(b);
    CHECK_FALSE(b);
    CHECK(moved.unique());
    const Ref<Counted>& alias = moved;
    CHECK(alias == moved);
  }
  CHECK(deaths == 1);
}

TEST_CASE("assigning a reference to itself changes nothing", "[core]") {
  int deaths = 0;
  Ref<Counted> a = Ref<Counted>::adopt(new Counted{{}, &deaths});
  Ref<Counted>& same = a;
  a = same;
  CHECK(a.unique());
  CHECK(deaths == 0);
}

TEST_CASE("blocks are aligned and accounted for", "[core]") {
  const std::int64_t before = memory::stats().allocated_bytes;
  for (const std::size_t bytes : {1u, 64u, 65u, 1024u, 1025u, 5000u, 1u << 20}) {
    void* block = memory::allocate(bytes);
    CHECK(reinterpret_cast<std::uintptr_t>(block) % memory::kAlignment == 0);
    CHECK(memory::stats().allocated_bytes >= before + static_cast<std::int64_t>(bytes));
    memory::deallocate(block, bytes);
  }
  CHECK(memory::stats().allocated_bytes == before);
}

TEST_CASE("a block may die on another thread", "[core]") {
  const std::int64_t before = memory::stats().allocated_bytes;
  std::vector<void*> blocks;
  std::thread([&] {
    for (int i = 0; i < 1000; ++i) blocks.push_back(memory::allocate(128));
  }).join();
  for (void* block : blocks) memory::deallocate(block, 128);
  CHECK(memory::stats().allocated_bytes == before);
}

#if !defined(__SANITIZE_ADDRESS__)  // which takes every block from the system
TEST_CASE("threads find what threads before them left", "[core][threads]") {
  constexpr int kThreads = 4;
  std::set<void*> found;
  std::size_t after_first = 0;
  for (int round = 0; round < 50; ++round) {
    std::vector<void*> blocks(kThreads);
    std::vector<std::thread> threads;
    std::atomic<int> holding{0};
    for (int k = 0; k < kThreads; ++k) {
      threads.emplace_back([&, k] {
        blocks[static_cast<std::size_t>(k)] = memory::allocate(1000);
        ++holding;
        while (holding < kThreads) std::this_thread::yield();
        memory::deallocate(blocks[static_cast<std::size_t>(k)], 1000);
      });
    }
    for (std::thread& thread : threads) thread.join();
    found.insert(blocks.begin(), blocks.end());
    if (round == 0) after_first = found.size();
  }
  CHECK(found.size() <= 2 * after_first);
}
#endif

TEST_CASE("the cache of large blocks keeps its bound", "[core]") {
  memory::empty_cache();
  CHECK(memory::stats().cached_bytes == 0);
  const std::int64_t bound = memory::stats().bound_bytes;
  memory::set_bound(1 << 20);
  std::vector<void*> blocks;
  for (int i = 0; i < 8; ++i) blocks.push_back(memory::allocate(512 << 10));
  for (void* block : blocks) memory::deallocate(block, 512 << 10);
  CHECK(memory::stats().cached_bytes <= 1 << 20);
  memory::empty_cache();
  CHECK(memory::stats().cached_bytes == 0);
  memory::set_bound(bound);
  CHECK_THROWS_AS(memory::set_bound(-1), Error);
}

TEST_CASE("dims grow beyond the inline capacity and copy", "[core]") {
  Dims dims;
  for (int i = 0; i < 10; ++i) dims.push_back(i);
  CHECK(dims.size() == 10);
  Dims copy = dims;
  dims.erase(0);
  CHECK(copy[0] == 0);
  CHECK(dims[0] == 1);
  Dims moved = std::move(copy);
  CHECK(moved.size() == 10);
  CHECK(copy.empty());
  moved = Dims{1, 2};
  CHECK(moved == Dims{1, 2});
  moved.insert(1, 7);
  CHECK(moved == Dims{1, 7, 2});
}

TEST_CASE("shapes broadcast as in torch", "[core]") {
  CHECK(broadcast(Dims{3, 1}, Dims{4}) == Dims{3, 4});
  CHECK(broadcast(Dims{}, Dims{2, 0}) == Dims{2, 0});
  CHECK(broadcast(Dims{1}, Dims{0}) == Dims{0});
  CHECK_THROWS_AS(broadcast(Dims{3}, Dims{4}), Error);
  CHECK(broadcastable_to(Dims{1, 3}, Dims{5, 2, 3}));
  CHECK_FALSE(broadcastable_to(Dims{2, 3}, Dims{3}));
}

TEST_CASE("contiguity ignores dimensions of size one", "[core]") {
  CHECK(is_contiguous(Dims{2, 1, 3}, Dims{3, 99, 1}));
  CHECK_FALSE(is_contiguous(Dims{2, 3}, Dims{1, 2}));
  CHECK(is_contiguous(Dims{0, 3}, Dims{7, 7}));
  CHECK(is_dense(Dims{2, 3}, Dims{1, 2}));
  CHECK_FALSE(is_dense(Dims{2, 3}, Dims{6, 2}));
}

TEST_CASE("dimension numbers wrap", "[core]") {
  CHECK(wrap_dim(-1, 3) == 2);
  CHECK(wrap_dim(0, 0) == 0);
  CHECK(wrap_dim(-1, 0) == 0);
  CHECK_THROWS_AS(wrap_dim(3, 3), Error);
  CHECK_THROWS_AS(wrap_dim(1, 0), Error);
}

TEST_CASE("tensors hold values of every dtype", "[core]") {
  for (int d = 0; d < kNumDTypes; ++d) {
    const auto dtype = static_cast<DType>(d);
    const Tensor t = Tensor::full(Dims{5}, Scalar(1), dtype);
    CHECK(t.numel() == 5);
    CHECK(t.is_contiguous());
    CHECK(Tensor::scalar(Scalar(1), dtype).item().to_double() == 1);
  }
}

TEST_CASE("numbers keep their kind", "[core]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const double imaginary : {0.0, -0.0, 1.5, -1.5, 1e300, nan}) {
    const Scalar number(std::complex<double>(2, imaginary));
    CHECK(number.category() == Category::Complex);
    const double kept = number.to_complex().imag();
    CHECK((kept == imaginary || (kept != kept && imaginary != imaginary)));
    CHECK(std::signbit(kept) == std::signbit(imaginary));
  }
  CHECK(Scalar(std::complex<double>(2, 0)).to_double() == 2);
  CHECK_THROWS_AS(Scalar(std::complex<double>(2, 1)).to_double(), Error);
  CHECK(Scalar(INT64_MAX).to_int() == INT64_MAX);
  CHECK(Scalar::wide(UINT64_MAX).category() == Category::Integral);
  CHECK(Scalar(true).category() == Category::Bool);
}

TEST_CASE("half and bfloat16 are rounded to even", "[core]") {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const Half half{static_cast<std::uint16_t>(bits)};
    const BFloat16 brain{static_cast<std::uint16_t>(bits)};
    const float a = to_float(half), b = to_float(brain);
    CHECK((a != a || to_half(a).bits == bits));
    CHECK((b != b || to_bfloat16(b).bits == bits));
  }
  CHECK(to_half(65519.0f).bits == 0x7bff);
  CHECK(to_half(65520.0f).bits == 0x7c00);
  CHECK(to_half(0x1p-25f).bits == 0);
  CHECK(to_half(0x1.8p-25f).bits == 1);
  CHECK(to_bfloat16(0x1.01p0f).bits == 0x3f80);
  CHECK(to_bfloat16(0x1.03p0f).bits == 0x3f82);
}

TEST_CASE("views share storage and version", "[core]") {
  const Tensor t = Tensor::zeros(Dims{2, 3}, DType::Float32);
  const Tensor row = t.alias(Dims{3}, Dims{1}, 3);
  row.data<float>()[0] = 5;
  CHECK(t.data<float>()[3] == 5);
  CHECK(row.storage_offset() == 3);
  t.bump_version();
  CHECK(row.version() == 1);
}

TEST_CASE("more dimensions than fit inline", "[core]") {
  Dims sizes(9, 1);
  sizes[8] = 2;
  const Tensor t = Tensor::zeros(sizes, DType::Int64);
  CHECK(t.ndim() == 9);
  CHECK(t.size(8) == 2);
  CHECK(t.stride(8) == 1);
}

TEST_CASE("sizes that overflow are refused", "[core]") {
  const std::int64_t huge = std::int64_t{1} << 40;
  CHECK_THROWS_AS(Tensor::empty(Dims{huge, huge}, DType::Float32), Error);
  CHECK_THROWS_AS(Tensor::zeros(Dims{3}, DType::Float32).item(), Error);
}

TEST_CASE("numbers become elements", "[core]") {
  std::int64_t room = 0;
  Scalar(2.75).store(DType::Int32, &room);
  CHECK(Scalar::load(DType::Int32, &room).to_int() == 2);
  Scalar(true).store(DType::Float64, &room);
  CHECK(Scalar::load(DType::Float64, &room).to_double() == 1.0);
}

TEST_CASE("foreign memory is given back", "[core]") {
  static int released = 0;
  released = 0;
  float data[4] = {1, 2, 3, 4};
  {
    const Tensor t =
        Tensor::over(Storage::foreign(data, sizeof data, &released,
                                      [](void* owner) { ++*static_cast<int*>(owner); }),
                     reinterpret_cast<char*>(data), Dims{2, 2}, Dims{1, 2}, DType::Float32);
    const Tensor view = t.detach();
    CHECK(view.data<float>()[3] == 4);
    CHECK(released == 0);
  }
  CHECK(released == 1);
}

}  // namespace
