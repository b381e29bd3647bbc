// What each family of kernels makes of the machine, on one thread.
//
// A row calls an operator of the table, without recording, and reports `share`: of the bytes per
// second of a copy between tensors as large, where the row says what it reads and writes, or of the
// floating-point operations per second of the best matrix product, where it says how many it does.
// Both peaks are the quickest of several runs in this process.  Fourier transforms are not here:
// the module gives the core a library for them (kernels/fft/transform.h), see bench/python/fft.py.
// Elements are float32 and float64; what moves memory is taken at 2^16 elements, which the caches
// of a core hold, and at 2^22, which they do not.  `python bench/python/rates.py --write` makes the
// table in docs/benchmarks.md. Start reading at kFamilies.
#include <benchmark/benchmark.h>

#include <time.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "graph/mode.h"
#include "kernels/parallel.h"
#include "ops/basic.h"
#include "ops/table.h"

namespace {

using namespace pullback;

Value of(const Tensor& tensor) {
  Value value;
  value.none = false;
  value.tensor = tensor;
  return value;
}
Value of(const Scalar& number) {
  Value value;
  value.none = false;
  value.number = number;
  return value;
}
Value of(const Dims& ints) {
  Value value;
  value.none = false;
  value.ints = ints;
  return value;
}
using Arguments = std::vector<Value>;

constexpr std::int64_t kSmall = 1 << 16, kLarge = 1 << 22, kRow = 256;

// The entry of this name that takes as many parameters.
const Entry& find(std::string_view name, std::size_t count) {
  for (const Entry* entry = Entry::first(); entry; entry = entry->next) {
    const std::string_view signature = entry->signature;
    if (signature.substr(0, signature.find('(')) == name &&
        static_cast<std::size_t>(entry->function.num_params) == count) {
      return *entry;
    }
  }
  throw std::logic_error("no operator " + std::string(name) + " of " + std::to_string(count));
}

Outcome call(std::string_view name, const Arguments& arguments) {
  Outcome out;
  find(name, arguments.size()).function.call(arguments.data(), out);
  return out;
}

Tensor filled(const Dims& sizes, DType dtype) {
  const Tensor made = Tensor::empty(sizes, dtype);
  call("normal_", {of(made), of(Scalar(0.0)), of(Scalar(1.0))});
  return made;
}
Tensor positions(const Dims& sizes, std::int64_t below) {
  const Tensor made = Tensor::empty(sizes, DType::Int64);
  std::uint64_t state = 1;
  for (std::int64_t i = 0; i < made.numel(); ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    made.data<std::int64_t>()[i] = static_cast<std::int64_t>((state >> 33) % std::uint64_t(below));
  }
  return made;
}

// Time of this thread, as the library takes it for the rows: other programs disturb it less.
double now() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}
double quickest(const std::function<void()>& body, int runs) {
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < runs; ++i) {
    const double begin = now();
    body();
    best = std::min(best, now() - begin);
  }
  return best;
}

// Bytes read and written per second by a copy of as many elements.
double copied_per_second(std::int64_t elements, DType dtype) {
  static std::map<std::pair<std::int64_t, DType>, double> known;
  double& rate = known[{elements, dtype}];
  if (rate == 0) {
    const Tensor from = filled({elements}, dtype);
    const Tensor to = Tensor::empty(from.sizes(), dtype);
    const double seconds = quickest([&] { copy_values(to, from); }, elements > kSmall ? 30 : 2000);
    rate = 2.0 * static_cast<double>(elements) * item_size(dtype) / seconds;
  }
  return rate;
}

// Floating-point operations per second of the best of a few square products.
double multiplied_per_second(DType dtype) {
  static std::map<DType, double> known;
  double& rate = known[dtype];
  if (rate == 0) {
    for (const std::int64_t n : {256, 512, 1024}) {
      const Arguments arguments = {of(filled({n, n}, dtype)), of(filled({n, n}, dtype))};
      const double seconds = quickest([&] { call("matmul", arguments); }, 10);
      rate = std::max(rate, 2.0 * static_cast<double>(n * n * n) / seconds);
    }
  }
  return rate;
}

// A call, and what it moves (in elements of its dtype, read and written) or computes.
struct Work {
  const char* name;
  Arguments arguments;
  double moved = 0;
  double operations = 0;
};

struct Family {
  const char* name;
  Work (*make)(std::int64_t n, DType dtype);  // n = 0: of its own size, compared with a product
  bool moves;
};

const Value kNone;

double flat(std::int64_t n) { return static_cast<double>(n); }
Tensor rows(std::int64_t n, DType dtype) { return filled({n / kRow, kRow}, dtype); }

Work unary(const char* name, std::int64_t n, DType dtype) {
  return {name, {of(filled({n}, dtype))}, 2 * flat(n)};
}

const Family kFamilies[] = {
    {"add",
     [](std::int64_t n, DType d) -> Work {
       return {"add", {of(filled({n}, d)), of(filled({n}, d)), of(Scalar(1))}, 3 * flat(n)};
     },
     true},
    {"mul, a row",
     [](std::int64_t n, DType d) -> Work {
       return {"mul", {of(rows(n, d)), of(filled({kRow}, d))}, 2 * flat(n)};
     },
     true},
    {"relu", [](std::int64_t n, DType d) { return unary("relu", n, d); }, true},
    {"exp", [](std::int64_t n, DType d) { return unary("exp", n, d); }, true},
    {"tanh", [](std::int64_t n, DType d) { return unary("tanh", n, d); }, true},
    {"gelu",
     [](std::int64_t n, DType d) -> Work {
       Value form;
       form.none = false;
       form.text = "none";
       return {"gelu", {of(filled({n}, d)), form}, 2 * flat(n)};
     },
     true},
    {"where",
     [](std::int64_t n, DType d) -> Work {
       const Tensor x = filled({n}, d);
       const Tensor positive = call("gt", {of(x), of(Scalar(0.0))}).tensor;
       // A byte of the condition is a part of an element.
       return {"where",
               {of(positive), of(x), of(filled({n}, d))},
               (3 + 1.0 / static_cast<double>(item_size(d))) * flat(n)};
     },
     true},
    {"sum",
     [](std::int64_t n, DType d) -> Work { return {"sum", {of(filled({n}, d)), kNone}, flat(n)}; },
     true},
    {"sum, rows",
     [](std::int64_t n, DType d) -> Work {
       return {"sum", {of(rows(n, d)), of(Dims{1}), of(Scalar(false)), kNone}, flat(n)};
     },
     true},
    {"sum, columns",
     [](std::int64_t n, DType d) -> Work {
       return {"sum", {of(rows(n, d)), of(Dims{0}), of(Scalar(false)), kNone}, flat(n)};
     },
     true},
    {"argmax, rows",
     [](std::int64_t n, DType d) -> Work {
       return {"argmax", {of(rows(n, d)), of(Scalar(1)), of(Scalar(false))}, flat(n)};
     },
     true},
    {"cumsum, rows",
     [](std::int64_t n, DType d) -> Work {
       return {"cumsum", {of(rows(n, d)), of(Scalar(1)), kNone}, 2 * flat(n)};
     },
     true},
    {"softmax, rows",
     [](std::int64_t n, DType d) -> Work {
       return {"softmax", {of(rows(n, d)), of(Scalar(1)), kNone}, 2 * flat(n)};
     },
     true},
    {"layer_norm, rows",
     [](std::int64_t n, DType d) -> Work {
       return {"layer_norm",
               {of(rows(n, d)), of(Dims{kRow}), of(filled({kRow}, d)), of(filled({kRow}, d)),
                of(Scalar(1e-5))},
               2 * flat(n)};
     },
     true},
    {"max_pool2d 2",
     [](std::int64_t n, DType d) -> Work {
       return {"max_pool2d",
               {of(filled({n / 1024, 32, 32}, d)), of(Dims{2}), kNone, of(Dims{0}), of(Dims{1}),
                of(Scalar(false))},
               1.25 * flat(n)};
     },
     true},
    {"transposed copy",
     [](std::int64_t n, DType d) -> Work {
       const std::int64_t columns = n / kRow;
       const Tensor x =
           filled({n / columns, columns}, d).alias(Dims{columns, kRow}, Dims{1, columns});
       return {"contiguous",
               {of(x), of(Scalar(static_cast<int>(MemoryFormat::Contiguous)))},
               2 * flat(n)};
     },
     true},
    {"index_select, rows",
     [](std::int64_t n, DType d) -> Work {
       return {"index_select",
               {of(rows(n, d)), of(Scalar(0)), of(positions({n / kRow}, n / kRow))},
               2 * flat(n)};
     },
     true},
    {"gather",
     [](std::int64_t n, DType d) -> Work {
       const double position = 8.0 / static_cast<double>(item_size(d));
       return {"gather",
               {of(rows(n, d)), of(Scalar(1)), of(positions({n / kRow, kRow}, kRow)),
                of(Scalar(false))},
               (2 + position) * flat(n)};
     },
     true},
    {"scatter_add",
     [](std::int64_t n, DType d) -> Work {
       const double position = 8.0 / static_cast<double>(item_size(d));
       return {
           "scatter_add",
           {of(rows(n, d)), of(Scalar(1)), of(positions({n / kRow, kRow}, kRow)), of(rows(n, d))},
           (3 + position) * flat(n)};
     },
     true},
    {"sort, rows",
     [](std::int64_t n, DType d) -> Work {
       const double position = 8.0 / static_cast<double>(item_size(d));
       return {
           "sort", {of(rows(n, d)), of(Scalar(1)), of(Scalar(false))}, (2 + position) * flat(n)};
     },
     true},
    {"uniform_",
     [](std::int64_t n, DType d) -> Work {
       return {"uniform_", {of(filled({n}, d)), of(Scalar(0.0)), of(Scalar(1.0))}, flat(n)};
     },
     true},
    {"normal_",
     [](std::int64_t n, DType d) -> Work {
       return {"normal_", {of(filled({n}, d)), of(Scalar(0.0)), of(Scalar(1.0))}, flat(n)};
     },
     true},
    {"matmul 64",
     [](std::int64_t, DType d) -> Work {
       return {"matmul", {of(filled({64, 64}, d)), of(filled({64, 64}, d))}, 0, 2.0 * 64 * 64 * 64};
     },
     false},
    {"matmul 512",
     [](std::int64_t, DType d) -> Work {
       return {"matmul",
               {of(filled({512, 512}, d)), of(filled({512, 512}, d))},
               0,
               2.0 * 512 * 512 * 512};
     },
     false},
    {"bmm 1000 of 16",
     [](std::int64_t, DType d) -> Work {
       return {"bmm",
               {of(filled({1000, 16, 16}, d)), of(filled({1000, 16, 16}, d))},
               0,
               2.0 * 1000 * 16 * 16 * 16};
     },
     false},
    {"conv2d 3x3, 64 to 64 channels of 32x32",
     [](std::int64_t, DType d) -> Work {
       return {"conv2d",
               {of(filled({4, 64, 32, 32}, d)), of(filled({64, 64, 3, 3}, d)), kNone, of(Dims{1}),
                of(Dims{1}), of(Dims{1}), of(Scalar(1))},
               0,
               2.0 * 4 * 64 * 32 * 32 * 64 * 9};
     },
     false},
    {"conv2d 1x1, 256 to 64 channels of 16x16",
     [](std::int64_t, DType d) -> Work {
       return {"conv2d",
               {of(filled({4, 256, 16, 16}, d)), of(filled({64, 256, 1, 1}, d)), kNone, of(Dims{1}),
                of(Dims{0}), of(Dims{1}), of(Scalar(1))},
               0,
               2.0 * 4 * 256 * 16 * 16 * 64};
     },
     false},
    {"attention, 8 heads of 64, 512 positions",
     [](std::int64_t, DType d) -> Work {
       const Dims sizes{1, 8, 512, 64};
       return {"scaled_dot_product_attention",
               {of(filled(sizes, d)), of(filled(sizes, d)), of(filled(sizes, d)), kNone,
                of(Scalar(0.0)), of(Scalar(false)), kNone, of(Scalar(false))},
               0,
               4.0 * 8 * 512 * 512 * 64};
     },
     false},
    {"inv, 1000 of 8x8",
     [](std::int64_t, DType d) -> Work {
       return {"inv", {of(filled({1000, 8, 8}, d))}, 0, 1000 * 2.0 * 8 * 8 * 8};
     },
     false},
};

void measure(benchmark::State& state, const Family& family, std::int64_t n, DType dtype) {
  const GradMode off(false);
  kernels::set_num_threads(1);
  const Work work = family.make(n, dtype);
  const double peak = family.moves ? copied_per_second(n, dtype) : multiplied_per_second(dtype);
  const double done =
      family.moves ? work.moved * static_cast<double>(item_size(dtype)) : work.operations;
  const Entry& entry = find(work.name, work.arguments.size());
  for (auto _ : state) {
    Outcome out;
    entry.function.call(work.arguments.data(), out);
    benchmark::DoNotOptimize(out);
  }
  const auto all = static_cast<double>(state.iterations());
  state.counters["share"] = benchmark::Counter(all * done / peak, benchmark::Counter::kIsRate);
  state.counters[family.moves ? "bytes" : "flops"] =
      benchmark::Counter(all * done, benchmark::Counter::kIsRate);
}

const bool kRegistered = [] {
  for (const Family& family : kFamilies) {
    for (const DType dtype : {DType::Float32, DType::Float64}) {
      for (const std::int64_t n : {kSmall, kLarge}) {
        const std::string size = family.moves ? std::to_string(n) : "peak";
        const std::string name = std::string("rate/") + family.name + "/" +
                                 (dtype == DType::Float32 ? "float32" : "float64") + "/" + size;
        benchmark::RegisterBenchmark(name.c_str(), [&family, n, dtype](benchmark::State& s) {
          measure(s, family, n, dtype);
        })->MinTime(0.05);
        if (!family.moves) break;
      }
    }
  }
  return true;
}();

}  // namespace
