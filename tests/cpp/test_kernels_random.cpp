// The generator and the distributions: torch's numbers, and the errors.
//
// The expected numbers were drawn with torch 2.13 on the CPU, in the order of the statements.
#include <cmath>

#include "arrays.h"
#include "catch.h"
#include "core/error.h"
#include "kernels/make/random.h"

namespace {

using namespace pullback;
using namespace pullback::kernels;
using namespace arrays;

using Doubles = std::vector<double>;
using Longs = std::vector<std::int64_t>;

bool close(const Doubles& a, const Doubles& b) {
  for (std::size_t i = 0; i < b.size(); ++i) {
    if (std::abs(a[i] - b[i]) > 1e-15) return false;
  }
  return a.size() == b.size();
}

}  // namespace

TEST_CASE("the numbers of seed 42 are torch's") {
  Generator g(42);
  auto f3 = contiguous<float>({3});
  uniform(f3.view(), 0, 1, g);
  CHECK(f3.values() ==
        std::vector<float>{0.8822692632675171f, 0.9150039553642273f, 0.38286375999450684f});
  auto d2 = contiguous<double>({2}), d3 = contiguous<double>({3});
  uniform(d2.view(), 0, 1, g);
  CHECK(d2.values() == Doubles{0.6744455013246242, 0.8071630471508437});
  normal(d3.view(), 0, 1, g);
  CHECK(close(d3.values(), {-0.21470453472074932, 0.29893549051188345, -0.010696421806068576}));
  auto i6 = contiguous<std::int64_t>({6}), i2 = contiguous<std::int64_t>({2}),
       i8 = contiguous<std::int64_t>({8});
  random_int(i6.view(), 0, 10, g);
  CHECK(i6.values() == Longs{2, 5, 5, 7, 6, 9});
  random_int(i2.view(), 0, std::int64_t{1} << 40, g);
  CHECK(i2.values() == Longs{227504030465, 377237468651});
  permutation(i8.view(), g);
  CHECK(i8.values() == Longs{5, 2, 0, 1, 7, 3, 6, 4});
  exponential(d3.view(), 2, g);
  CHECK(close(d3.values(), {0.04611783717482186, 0.6039601124910476, 0.48828992506889846}));
  auto p = contiguous<float>({8}, std::vector<float>(8, 0.5f));
  auto drawn = contiguous<std::int64_t>({8});
  bernoulli(drawn.view(), p.view(), g);
  CHECK(drawn.values() == Longs{0, 1, 0, 1, 0, 0, 0, 1});
  bernoulli(drawn.view(), 0.3, g);
  CHECK(drawn.values() == Longs{0, 1, 1, 0, 1, 1, 1, 1});
}

TEST_CASE("blocks of normal numbers are torch's") {
  Generator g(42);
  auto doubles = contiguous<double>({20});
  normal(doubles.view(), 0, 1, g);
  CHECK(close({doubles[0], doubles[8], doubles[15], doubles[19]},
              {0.2995562877502637, 0.038435238263354446, 0.855215961472287, -0.33113931395169954}));
  auto floats = contiguous<float>({20});
  normal(floats.view(), 0, 1, g);
  const double expected[] = {0.14533767104148865, -2.5095443725585938, 0.5526348948478699,
                             0.17846599221229553};
  const int at[] = {0, 8, 15, 19};
  for (int i = 0; i < 4; ++i)
    CHECK(std::abs(static_cast<double>(floats[at[i]]) - expected[i]) < 1e-6);
}

TEST_CASE("multinomial samples are torch's") {
  Generator g(5);
  auto p = contiguous<float>({4}, {.1f, .2f, .3f, .4f});
  auto three = contiguous<std::int64_t>({3}), six = contiguous<std::int64_t>({6});
  multinomial(three.view(), p.view(), false, g);
  CHECK(three.values() == Longs{3, 2, 1});
  multinomial(six.view(), p.view(), true, g);
  CHECK(six.values() == Longs{1, 3, 2, 3, 3, 2});
}

TEST_CASE("elements are drawn in memory order") {
  Generator g(7), h(7);
  auto flat = contiguous<double>({6});
  auto turned = contiguous<double>({2, 3});
  turned.strides = {1, 2};
  uniform(flat.view(), -1, 1, g);
  uniform(turned.view(), -1, 1, h);
  CHECK(flat.memory == turned.memory);
}

TEST_CASE("the state can be saved and restored, with the kept normal number") {
  Generator g(3);
  auto one = contiguous<double>({1}), other = contiguous<double>({1});
  normal(one.view(), 0, 1, g);
  const auto state = g.state();
  normal(one.view(), 0, 1, g);
  const std::uint64_t next = g.random64();
  Generator h(99);
  h.set_state(state.data(), state.size());
  CHECK(h.initial_seed() == 3);
  normal(other.view(), 0, 1, h);
  CHECK(one[0] == other[0]);
  CHECK(h.random64() == next);
  CHECK_THROWS_AS(h.set_state(state.data(), 100), Error);
  const std::vector<std::uint8_t> zeros(state.size(), 0);
  CHECK_THROWS_AS(h.set_state(zeros.data(), zeros.size()), Error);
}

TEST_CASE("distributions refuse bad parameters") {
  Generator g;
  auto out = contiguous<float>({2});
  CHECK_THROWS_AS(uniform(out.view(), 2, 1, g), Error);
  CHECK_THROWS_AS(normal(out.view(), 0, -1, g), Error);
  CHECK_THROWS_AS(exponential(out.view(), 0, g), Error);
  CHECK_THROWS_AS(random_int(out.view(), 5, 5, g), Error);
  CHECK_THROWS_AS(bernoulli(out.view(), 1.5, g), Error);
  auto p = contiguous<float>({2}, {0.5f, -1.0f});
  CHECK_THROWS_AS(bernoulli(out.view(), p.view(), g), Error);
  auto drawn = contiguous<std::int64_t>({3});
  CHECK_THROWS_AS(multinomial(drawn.view(), p.view(), true, g), Error);
  p[1] = 1;
  CHECK_THROWS_AS(multinomial(drawn.view(), p.view(), false, g), Error);
  p[0] = p[1] = 0;
  CHECK_THROWS_AS(multinomial(drawn.view(), p.view(), true, g), Error);
}
