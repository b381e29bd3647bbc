// Gather, scatter, slices by position, advanced indexing, masks: against plain loops, with the
// errors.
#include <string>

#include "arrays.h"
#include "catch.h"
#include "core/error.h"
#include "kernels/index/index.h"
#include "kernels/parallel.h"

namespace {

using namespace pullback;
using namespace pullback::kernels;
using namespace arrays;

Array<std::int64_t> random_index(const Shape& sizes, std::int64_t lo, std::int64_t hi,
                                 std::mt19937& random) {
  auto index = scattered<std::int64_t>(sizes, random);
  for (auto& x : index.memory) {
    x = lo + static_cast<std::int64_t>(random() % static_cast<unsigned>(hi - lo));
  }
  return index;
}

// Coordinates of a row-major position, and back.
Shape coordinates(std::int64_t position, const Shape& sizes) {
  Shape at(sizes.size());
  for (std::size_t d = sizes.size(); d-- > 0; position /= sizes[d]) at[d] = position % sizes[d];
  return at;
}
std::int64_t position(const Shape& at, const Shape& sizes) {
  std::int64_t p = 0;
  for (std::size_t d = 0; d < sizes.size(); ++d) p = p * sizes[d] + at[d];
  return p;
}

template <typename Function>
std::string message(Function function, ErrorKind kind) {
  try {
    function();
  } catch (const Error& e) {
    CHECK(e.kind() == kind);
    return e.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("gather and scatter_add are each other's transpose") {
  std::mt19937 random(1);
  for (int round = 0; round < 40; ++round) {
    const Shape sizes = random_shape(random, 3, 6);
    const auto dim = random() % sizes.size();
    Shape picked = sizes;
    for (std::size_t d = 0; d < sizes.size(); ++d) {
      picked[d] =
          1 + static_cast<std::int64_t>(random() % static_cast<unsigned>(d == dim ? 9 : sizes[d]));
    }
    auto in = random_array<float>(sizes, random);
    auto index = random_index(picked, 0, sizes[dim], random);
    auto out = scattered<float>(picked, random);
    gather(out.view(), in.view(), index.view(), static_cast<int>(dim));
    auto src = random_array<float>(picked, random);
    auto sums = contiguous<float>(sizes);
    scatter_add(sums.view(), index.view(), src.view(), static_cast<int>(dim));
    auto last = contiguous<float>(sizes);
    scatter(last.view(), index.view(), src.view(), static_cast<int>(dim));
    std::vector<float> expected_sums(sums.memory.size()), expected_last(sums.memory.size());
    for (std::int64_t i = 0; i < out.numel(); ++i) {
      Shape at = coordinates(i, picked);
      at[dim] = index[i];
      const std::int64_t p = position(at, sizes);
      CHECK(out[i] == in[p]);
      expected_sums[static_cast<std::size_t>(p)] += src[i];
      expected_last[static_cast<std::size_t>(p)] = src[i];
    }
    CHECK(sums.memory == expected_sums);
    CHECK(last.memory == expected_last);
  }
}

TEST_CASE("slices are selected, added and copied by position") {
  std::mt19937 random(2);
  for (int round = 0; round < 40; ++round) {
    const Shape sizes = random_shape(random, 3, 6);
    const auto dim = random() % sizes.size();
    const int d = static_cast<int>(dim);
    Shape picked = sizes;
    picked[dim] = static_cast<std::int64_t>(random() % 9);
    auto in = random_array<double>(sizes, random);
    auto index = random_index({picked[dim]}, 0, sizes[dim], random);
    auto out = scattered<double>(picked, random);
    index_select(out.view(), in.view(), index.view(), d);
    auto src = random_array<double>(picked, random);
    auto sums = contiguous<double>(sizes), copied = contiguous<double>(sizes);
    index_add(sums.view(), d, index.view(), src.view(), 2);
    index_copy("index_copy_", copied.view(), d, index.view(), src.view());
    std::vector<double> expected_sums(sums.memory.size()), expected_copied(sums.memory.size());
    for (std::int64_t i = 0; i < out.numel(); ++i) {
      Shape at = coordinates(i, picked);
      at[dim] = index[at[dim]];
      const std::int64_t p = position(at, sizes);
      CHECK(out[i] == in[p]);
      expected_sums[static_cast<std::size_t>(p)] += 2 * src[i];
      expected_copied[static_cast<std::size_t>(p)] = src[i];
    }
    CHECK(sums.memory == expected_sums);
    CHECK(copied.memory == expected_copied);
  }
}

TEST_CASE("advanced indexing reads and writes, negative positions count from the end") {
  std::mt19937 random(3);
  for (int round = 0; round < 40; ++round) {
    const Shape sizes = random_shape(random, 3, 5);
    const int n = 1 + static_cast<int>(random() % sizes.size());
    const Shape broadcast = random_shape(random, 2, 4);
    std::vector<Array<std::int64_t>> indices;
    std::vector<View> views;
    for (int k = 0; k < n; ++k) {
      const std::int64_t size = sizes[static_cast<std::size_t>(k)];
      indices.push_back(random_index(broadcast, -size, size, random));
      if (random() % 3 == 0) indices.back().strides[0] = 0;
    }
    for (auto& index : indices) views.push_back(index.view());
    Shape result = broadcast;
    result.insert(result.end(), sizes.begin() + n, sizes.end());
    auto in = random_array<std::int32_t>(sizes, random);
    auto out = scattered<std::int32_t>(result, random);
    index_get(out.view(), in.view(), views.data(), nullptr, n);
    auto src = random_array<std::int32_t>(result, random);
    auto sums = contiguous<std::int32_t>(sizes), last = contiguous<std::int32_t>(sizes);
    index_put(sums.view(), views.data(), nullptr, n, src.view(), true);
    index_put(last.view(), views.data(), nullptr, n, src.view(), false);
    std::vector<std::int32_t> expected_sums(sums.memory.size()), expected_last(sums.memory.size());
    for (std::int64_t i = 0; i < out.numel(); ++i) {
      const Shape at = coordinates(i, result);
      const Shape where(at.begin(), at.begin() + static_cast<std::ptrdiff_t>(broadcast.size()));
      Shape source;
      for (int k = 0; k < n; ++k) {
        const auto ku = static_cast<std::size_t>(k);
        const std::int64_t index = indices[ku][position(where, broadcast)];
        source.push_back(index < 0 ? index + sizes[ku] : index);
      }
      source.insert(source.end(), at.begin() + static_cast<std::ptrdiff_t>(broadcast.size()),
                    at.end());
      const std::int64_t p = position(source, sizes);
      CHECK(out[i] == in[p]);
      expected_sums[static_cast<std::size_t>(p)] += src[i];
      expected_last[static_cast<std::size_t>(p)] = src[i];
    }
    CHECK(sums.memory == expected_sums);
    CHECK(last.memory == expected_last);
  }
}

TEST_CASE("positions out of range raise torch's errors and write nothing") {
  auto in = contiguous<float>({5, 2});
  auto out = contiguous<float>({2, 2});
  auto index = contiguous<std::int64_t>({2}, {0, 7});
  const View views[] = {index.view()};
  const int named[] = {3};
  CHECK(message([&] { index_get(out.view(), in.view(), views, nullptr, 1); }, ErrorKind::Index) ==
        "index 7 is out of bounds for dimension 0 with size 5");
  CHECK(message([&] { index_get(out.view(), in.view(), views, named, 1); }, ErrorKind::Index) ==
        "index 7 is out of bounds for dimension 3 with size 5");
  auto ones = contiguous<float>({2, 2}, {1, 1, 1, 1});
  CHECK(message([&] { index_put(in.view(), views, nullptr, 1, ones.view(), false); },
                ErrorKind::Index) == "index 7 is out of bounds for dimension 0 with size 5");
  CHECK(message([&] { index_add(in.view(), 0, index.view(), ones.view(), 1); },
                ErrorKind::Runtime) == "index 7 is out of bounds for dimension 0 with size 5");
  auto rows = contiguous<std::int64_t>({2, 1}, {0, -1});
  auto column = contiguous<float>({2, 1}, {1, 1});
  CHECK(message([&] { scatter_add(in.view(), rows.view(), column.view(), 0); },
                ErrorKind::Runtime) == "index -1 is out of bounds for dimension 0 with size 5");
  CHECK(in.memory == std::vector<float>(10, 0.0f));
}

TEST_CASE("duplicate positions add up the same at any number of threads") {
  std::mt19937 random(4);
  auto src = contiguous<float>({4000, 256});
  for (float& x : src.memory) x = static_cast<float>(random() % 1000) / 7.0f;
  auto index = random_index({4000}, 0, 3, random);
  const int before = num_threads();
  std::vector<std::vector<float>> results;
  for (const int threads : {1, 4}) {
    set_num_threads(threads);
    auto out = contiguous<float>({3, 256});
    index_add(out.view(), 0, index.view(), src.view(), 1);
    results.push_back(out.memory);
  }
  set_num_threads(before);
  CHECK(results[0] == results[1]);
}

TEST_CASE("masks select, count and fill in row-major order") {
  std::mt19937 random(5);
  for (int round = 0; round < 30; ++round) {
    const Shape sizes = random_shape(random, 3, 6);
    auto in = random_array<std::int64_t>(sizes, random);
    auto mask = scattered<std::uint8_t>(sizes, random);
    mask.dtype = DType::Bool;
    std::vector<std::int64_t> chosen, places;
    for (std::int64_t i = 0; i < in.numel(); ++i) {
      mask[i] = random() % 3 == 0;
      if (mask[i] == 0) continue;
      chosen.push_back(in[i]);
      for (const auto c : coordinates(i, sizes)) places.push_back(c);
    }
    const auto count = static_cast<std::int64_t>(chosen.size());
    CHECK(count_nonzero(mask.view()) == count);
    auto found = contiguous<std::int64_t>({count, static_cast<std::int64_t>(sizes.size())});
    nonzero(mask.view(), found.view());
    CHECK(found.values() == places);
    auto out = contiguous<std::int64_t>({count});
    masked_select(out.view(), in.view(), mask.view());
    CHECK(out.values() == chosen);
    auto target = contiguous<std::int64_t>(sizes);
    masked_scatter(target.view(), mask.view(), out.view());
    for (std::int64_t i = 0; i < in.numel(); ++i) CHECK(target[i] == (mask[i] != 0 ? in[i] : 0));
  }
  auto mask = contiguous<std::uint8_t>({3}, {1, 1, 1});
  mask.dtype = DType::Bool;
  auto target = contiguous<float>({3}), few = contiguous<float>({2});
  CHECK_THROWS_AS(masked_scatter(target.view(), mask.view(), few.view()), Error);
}
