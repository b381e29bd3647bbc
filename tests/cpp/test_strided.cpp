// Drivers over strided views (elementwise, copy, fill), dtypes refused, division by zero, and the
// thread pool.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <cstring>
#include <numeric>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "catch.h"
#include "core/error.h"
#include "kernels/copy.h"
#include "kernels/elementwise.h"
#include "kernels/parallel.h"

namespace {

using namespace pullback;
using namespace pullback::kernels;

// A strided array that owns its memory; strides in elements, offset for negative ones.
template <typename T>
struct Array {
  std::vector<T> memory;
  std::vector<std::int64_t> sizes, strides;
  std::int64_t offset = 0;

  View view(DType dtype = kDTypeOf<T>) {
    return {reinterpret_cast<char*>(memory.data() + offset), sizes.data(), strides.data(),
            static_cast<int>(sizes.size()), dtype};
  }
  T& at(const std::vector<std::int64_t>& index) {
    std::int64_t where = offset;
    for (std::size_t d = 0; d < index.size(); ++d) where += index[d] * strides[d];
    return memory[static_cast<std::size_t>(where)];
  }
};

// Memory laid out in a random order of dimensions, with gaps, reversals and (inputs) broadcasts.
template <typename T>
Array<T> random_array(const std::vector<std::int64_t>& sizes, std::mt19937& random, bool output) {
  Array<T> a;
  a.sizes = sizes;
  a.strides.resize(sizes.size());
  std::vector<std::size_t> order(sizes.size());
  std::iota(order.begin(), order.end(), 0);
  if (random() % 2 == 0) std::shuffle(order.begin(), order.end(), random);
  std::int64_t step = 1 + (random() % 4 == 0 ? 1 : 0);
  for (auto d = order.rbegin(); d != order.rend(); ++d) {
    const bool broadcast = !output && random() % 5 == 0;
    const bool reversed = random() % 6 == 0;
    a.strides[*d] = broadcast ? 0 : reversed ? -step : step;
    if (reversed && !broadcast) a.offset += (sizes[*d] - 1) * step;
    if (!broadcast) step *= std::max<std::int64_t>(sizes[*d], 1);
  }
  a.memory.resize(static_cast<std::size_t>(step) + 1);
  for (T& x : a.memory) x = static_cast<T>(static_cast<int>(random() % 100) - 50);
  return a;
}

template <typename Function>
void for_each_index(const std::vector<std::int64_t>& sizes, Function f) {
  std::int64_t total = 1;
  for (const auto s : sizes) total *= s;
  std::vector<std::int64_t> index(sizes.size(), 0);
  for (std::int64_t i = 0; i < total; ++i) {
    f(index);
    for (std::size_t d = sizes.size(); d-- > 0;) {
      if (++index[d] < sizes[d]) break;
      index[d] = 0;
    }
  }
}

const std::vector<std::vector<std::int64_t>> kShapes = {{},
                                                        {1},
                                                        {5},
                                                        {0},
                                                        {3, 0, 2},
                                                        {4, 7},
                                                        {1, 6, 1},
                                                        {100, 130},
                                                        {2, 3, 4, 5},
                                                        {90, 3},
                                                        {3, 200, 2},
                                                        {70, 65, 3},
                                                        {2, 1, 3, 2, 1, 2, 3, 2, 2, 2}};

TEST_CASE("drivers walk any strides", "[kernels]") {
  std::mt19937 random(7);
  for (const auto& shape : kShapes) {
    for (int repeat = 0; repeat < 12; ++repeat) {
      auto out = random_array<float>(shape, random, true);
      auto a = random_array<float>(shape, random, false);
      auto b = random_array<float>(shape, random, false);
      auto condition = random_array<std::uint8_t>(shape, random, false);
      for (auto& c : condition.memory) c &= 1;
      apply(binary<"sub">, out.view(), {a.view(), b.view()});
      for_each_index(shape, [&](const auto& i) { REQUIRE(out.at(i) == a.at(i) - b.at(i)); });
      apply(unary<"abs">, out.view(), {a.view()});
      for_each_index(shape, [&](const auto& i) { REQUIRE(out.at(i) == std::fabs(a.at(i))); });
      apply(ternary<"where">, out.view(), {condition.view(DType::Bool), a.view(), b.view()});
      for_each_index(shape, [&](const auto& i) {
        REQUIRE(out.at(i) == (condition.at(i) != 0 ? a.at(i) : b.at(i)));
      });
      auto longs = random_array<std::int64_t>(shape, random, true);
      copy(longs.view(), a.view());
      for_each_index(shape, [&](const auto& i) {
        REQUIRE(longs.at(i) == static_cast<std::int64_t>(a.at(i)));
      });
      copy(out.view(), b.view());
      for_each_index(shape, [&](const auto& i) { REQUIRE(out.at(i) == b.at(i)); });
      const float value = repeat == 0 ? 0.0f : 2.5f;
      fill(out.view(), &value);
      for_each_index(shape, [&](const auto& i) { REQUIRE(out.at(i) == value); });
    }
  }
}

TEST_CASE("the output may be an input", "[kernels]") {
  std::mt19937 random(3);
  for (const auto& shape : kShapes) {
    auto a = random_array<double>(shape, random, true);
    auto b = random_array<double>(shape, random, false);
    auto before = a;
    apply(binary<"mul">, a.view(), {a.view(), b.view()});
    for_each_index(shape, [&](const auto& i) { REQUIRE(a.at(i) == before.at(i) * b.at(i)); });
    before = a;
    apply(unary<"exp">, a.view(), {a.view()});
    auto expected = before;
    apply(unary<"exp">, expected.view(), {before.view()});
    for_each_index(shape,
                   [&](const auto& i) { REQUIRE(std::memcmp(&a.at(i), &expected.at(i), 8) == 0); });
  }
}

TEST_CASE("ternary loops", "[kernels]") {
  const double nan = std::nan("");
  for (const std::int64_t n : {1, 3, 40}) {
    const auto size = static_cast<std::size_t>(n);
    std::vector<double> x(size, 5), lo(size, 1), hi(size, 3), out(size);
    const std::vector<std::int64_t> sizes = {n}, flat = {1}, scalar = {0};
    const auto run = [&](Ternary op, bool broadcast, const double* p) {
      const auto& s = broadcast ? scalar : flat;
      const auto as = [&](std::vector<double>& v, const std::vector<std::int64_t>& strides) {
        return View{reinterpret_cast<char*>(v.data()), sizes.data(), strides.data(), 1,
                    DType::Float64};
      };
      apply(op, as(out, flat), {as(x, flat), as(lo, s), as(hi, s)}, p);
      for (const double value : out) REQUIRE((value == out[0] || std::isnan(value)));
      return out[0];
    };
    const double two = 2;
    for (const bool broadcast : {false, true}) {
      CHECK(run(ternary<"clamp">, broadcast, nullptr) == 3);
      CHECK(run(ternary<"addcmul">, broadcast, &two) == 11);
      CHECK(run(ternary<"addcdiv">, broadcast, &two) == 5 + 2.0 / 3.0);
      CHECK(run(ternary<"lerp">, broadcast, nullptr) == -7);
    }
    lo.assign(size, 4);
    CHECK(run(ternary<"clamp">, true, nullptr) == 3);
    lo.assign(size, nan);
    CHECK(std::isnan(run(ternary<"clamp">, true, nullptr)));
    lo.assign(size, 1);
    hi.assign(size, nan);
    CHECK(std::isnan(run(ternary<"clamp">, false, nullptr)));
    hi.assign(size, 3);
    x.assign(size, nan);
    CHECK(std::isnan(run(ternary<"clamp">, true, nullptr)));
  }
}

template <typename From, typename To>
void check_cast(const std::vector<From>& x, DType from, DType to) {
  for (const std::int64_t step : {1, 2}) {
    std::vector<From> in(x.size() * 2);
    for (std::size_t i = 0; i < x.size(); ++i) in[i * static_cast<std::size_t>(step)] = x[i];
    std::vector<To> out(x.size());
    const std::vector<std::int64_t> sizes = {static_cast<std::int64_t>(x.size())};
    const std::vector<std::int64_t> in_strides = {step}, out_strides = {1};
    copy({reinterpret_cast<char*>(out.data()), sizes.data(), out_strides.data(), 1, to},
         {reinterpret_cast<char*>(in.data()), sizes.data(), in_strides.data(), 1, from});
    for (std::size_t i = 0; i < x.size(); ++i) {
      INFO(name(from) << " to " << name(to) << " of " << +x[i]);
      REQUIRE(out[i] == (to == DType::Bool ? static_cast<To>(x[i] != 0) : static_cast<To>(x[i])));
    }
  }
}

template <typename From>
void check_casts(const std::vector<From>& x, DType from) {
  check_cast<From, std::uint8_t>(x, from, DType::Bool);
  check_cast<From, std::uint8_t>(x, from, DType::UInt8);
  check_cast<From, std::int32_t>(x, from, DType::Int32);
  check_cast<From, std::int64_t>(x, from, DType::Int64);
  check_cast<From, float>(x, from, DType::Float32);
  check_cast<From, double>(x, from, DType::Float64);
}

TEST_CASE("casts between all dtypes", "[kernels]") {
  check_casts<std::uint8_t>({0, 1, 1, 0, 1}, DType::Bool);
  check_casts<std::uint8_t>({0, 1, 200, 255, 7, 0}, DType::UInt8);
  check_casts<std::int32_t>({0, 1, 100, 2000000000, -7}, DType::Int32);
  check_casts<std::int64_t>({0, 1, 100, (std::int64_t{1} << 40) + 3, -7}, DType::Int64);
  check_casts<float>({0, 0.5f, 1.9f, 100.99f, 77}, DType::Float32);
  check_casts<double>({0, 0.5, 1.9, 100.99, 77}, DType::Float64);
  float minus_one = -1.0f, nan = std::nanf("");
  std::uint8_t byte;
  View in{reinterpret_cast<char*>(&minus_one), nullptr, nullptr, 0, DType::Float32};
  copy({reinterpret_cast<char*>(&byte), nullptr, nullptr, 0, DType::UInt8}, in);
  CHECK(byte == 255);
  in.data = reinterpret_cast<char*>(&nan);
  copy({reinterpret_cast<char*>(&byte), nullptr, nullptr, 0, DType::Bool}, in);
  CHECK(byte == 1);
}

TEST_CASE("dtypes that PyTorch refuses have no loop", "[kernels]") {
  for (const Unary op : {unary<"neg">, unary<"abs">, unary<"relu">, unary<"floor">, unary<"exp">}) {
    CHECK(op->loop(DType::Bool) == nullptr);
  }
  for (const DType dtype : {DType::UInt8, DType::Int32, DType::Int64}) {
    CHECK(unary<"exp">->loop(dtype) == nullptr);
    CHECK(unary<"frac">->loop(dtype) == nullptr);
    CHECK(binary<"div">->loop(dtype) == nullptr);
    CHECK(ternary<"lerp">->loop(dtype) == nullptr);
  }
  CHECK(unary<"bitwise_not">->loop(DType::Float32) == nullptr);
  CHECK(binary<"bitwise_and">->loop(DType::Float64) == nullptr);
  for (const Binary op :
       {binary<"sub">, binary<"remainder">, binary<"pow">, binary<"bitwise_left_shift">}) {
    CHECK(op->loop(DType::Bool) == nullptr);
  }
  CHECK(ternary<"clamp">->loop(DType::Bool) == nullptr);
  std::uint8_t yes = 1;
  const View view{reinterpret_cast<char*>(&yes), nullptr, nullptr, 0, DType::Bool};
  CHECK_THROWS_AS(apply(binary<"sub">, view, {view, view}), Error);
}

TEST_CASE("bool arithmetic is logic", "[kernels]") {
  std::uint8_t a[] = {0, 0, 1, 1}, b[] = {0, 1, 0, 1}, out[4];
  const std::int64_t sizes[] = {4}, strides[] = {1};
  const auto view = [&](std::uint8_t* p) {
    return View{reinterpret_cast<char*>(p), sizes, strides, 1, DType::Bool};
  };
  const auto result = [&](Binary op) {
    apply(op, view(out), {view(a), view(b)});
    return std::vector<int>(out, out + 4);
  };
  CHECK(result(binary<"add">) == std::vector<int>{0, 1, 1, 1});
  CHECK(result(binary<"mul">) == std::vector<int>{0, 0, 0, 1});
  CHECK(result(binary<"bitwise_xor">) == std::vector<int>{0, 1, 1, 0});
  CHECK(result(binary<"maximum">) == std::vector<int>{0, 1, 1, 1});
  CHECK(result(binary<"lt">) == std::vector<int>{0, 1, 0, 0});
  apply(unary<"bitwise_not">, view(out), {view(a)});
  CHECK(std::vector<int>(out, out + 4) == std::vector<int>{1, 1, 0, 0});
}

TEST_CASE("integral division by zero raises, wherever the zero is", "[kernels]") {
  std::vector<std::int32_t> a(1000, 9), b(1000, 2), out(1000);
  const std::int64_t sizes[] = {1000}, strides[] = {1}, scalar[] = {0};
  const auto view = [&](std::vector<std::int32_t>& v, const std::int64_t* s) {
    return View{reinterpret_cast<char*>(v.data()), sizes, s, 1, DType::Int32};
  };
  const auto divide = [&](Binary op, const std::int64_t* s) {
    apply(op, view(out, strides), {view(a, strides), view(b, s)});
  };
  for (const Binary op :
       {binary<"floor_divide">, binary<"trunc_divide">, binary<"remainder">, binary<"fmod">}) {
    b.assign(1000, 2);
    divide(op, strides);
    b[997] = 0;
    CHECK_THROWS_WITH(divide(op, strides), "ZeroDivisionError");
    divide(op, scalar);
    b[0] = 0;
    CHECK_THROWS_WITH(divide(op, scalar), "ZeroDivisionError");
  }
  CHECK_FALSE(binary<"div">->divides);
  CHECK_FALSE(binary<"pow">->divides);
}

// Restores the number of threads at the end of a test.
struct Threads {
  explicit Threads(int n) { set_num_threads(n); }
  ~Threads() { set_num_threads(before); }
  int before = num_threads();
};

TEST_CASE("blocks cover the range once, at multiples of the grain", "[kernels]") {
  for (const int threads : {1, 2, 5}) {
    const Threads restore(threads);
    std::vector<std::atomic<int>> seen(1003);
    std::atomic<int> misplaced{0};
    parallel_for(1003, 10, [&](std::int64_t begin, std::int64_t end) {
      if (begin % 10 != 0 || end != std::min<std::int64_t>(begin + 10, 1003)) ++misplaced;
      for (std::int64_t i = begin; i < end; ++i) ++seen[static_cast<std::size_t>(i)];
    });
    CHECK(misplaced == 0);
    for (const auto& count : seen) REQUIRE(count == 1);
  }
  CHECK_THROWS_AS(set_num_threads(0), Error);
}

TEST_CASE("an exception of a block reaches the caller, and the pool goes on", "[kernels]") {
  const Threads restore(3);
  for (int repeat = 0; repeat < 20; ++repeat) {
    CHECK_THROWS_WITH(parallel_for(100, 1,
                                   [](std::int64_t begin, std::int64_t) {
                                     if (begin == 50) throw std::runtime_error("block 50");
                                   }),
                      "block 50");
    std::atomic<std::int64_t> sum{0};
    parallel_for(100, 1, [&](std::int64_t begin, std::int64_t) { sum += begin; });
    CHECK(sum == 4950);
  }
}

TEST_CASE("a nested parallel_for runs inline", "[kernels]") {
  const Threads restore(3);
  std::atomic<int> count{0};
  parallel_for(8, 1, [&](std::int64_t, std::int64_t) {
    parallel_for(8, 1, [&](std::int64_t, std::int64_t) { ++count; });
  });
  CHECK(count == 64);
}

TEST_CASE("results have the same bits at any number of threads", "[kernels]") {
  const std::int64_t n = 300007;
  std::vector<float> x(n), one_thread(n), many(n);
  for (std::int64_t i = 0; i < n; ++i) x[i] = static_cast<float>(i % 1771) * 0.01f - 8.0f;
  const std::int64_t sizes[] = {n}, strides[] = {1};
  const auto view = [&](std::vector<float>& v) {
    return View{reinterpret_cast<char*>(v.data()), sizes, strides, 1, DType::Float32};
  };
  for (const Unary op :
       {unary<"exp">, unary<"tanh">, unary<"sin">, unary<"gelu">, unary<"log1p">}) {
    {
      const Threads restore(1);
      apply(op, view(one_thread), {view(x)});
    }
    const Threads restore(4);
    apply(op, view(many), {view(x)});
    CHECK(std::memcmp(one_thread.data(), many.data(), n * sizeof(float)) == 0);
  }
}

TEST_CASE("a forked child computes with threads of its own", "[kernels]") {
  const Threads restore(3);
  const auto sum_to = [](std::int64_t n) {
    std::atomic<std::int64_t> sum{0};
    parallel_for(n, 1, [&](std::int64_t begin, std::int64_t) { sum += begin; });
    return sum.load();
  };
  REQUIRE(sum_to(1000) == 499500);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) _exit(sum_to(1000) == 499500 ? 0 : 1);
  int status = -1;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  CHECK(sum_to(1000) == 499500);
}

}  // namespace
