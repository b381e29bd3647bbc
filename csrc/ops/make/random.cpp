// Random tensors, drawn from the generator of the call: kernels/make/random.h.
//
// The in-place forms (uniform_, normal_, ...) change a tensor without history; dropout and the
// operators with a gradient through their parameters build on them.
#include "kernels/make/random.h"

#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/half.h"
#include "core/warning.h"
#include "kernels/copy.h"
#include "kernels/reduce/reduce.h"
#include "ops/assign.h"
#include "ops/basic.h"
#include "ops/destination.h"
#include "ops/format.h"
#include "ops/make/draw.h"
#include "ops/make/factory.h"
#include "ops/op.h"
#include "ops/table.h"
#include "ops/undifferentiated.h"

namespace pullback {
namespace {

using OptionalFormat = std::optional<MemoryFormat>;

constexpr std::uint32_t kMake = kFunctionForm | kCastOutForm | kFactory | kNoGrad | kRandom;
constexpr std::uint32_t kMakeLike = kFunctionForm | kFactory | kNoGrad | kRandom;

// Binary digits of a floating dtype.
int digits_of(DType dtype) {
  return dtype == DType::BFloat16  ? 8
         : dtype == DType::Float16 ? 11
         : dtype == DType::Float32 ? 24
                                   : 53;
}

// An integer as the dtype holds it; the least integer where that is none of 64 bits.
std::int64_t held(DType dtype, std::int64_t value) {
  double made = dtype == DType::Float64 ? static_cast<double>(value) : static_cast<float>(value);
  if (dtype == DType::Float16) made = to_float(to_half(static_cast<float>(value)));
  if (dtype == DType::BFloat16) made = to_float(to_bfloat16(static_cast<float>(value)));
  return std::abs(made) < 0x1p63 ? static_cast<std::int64_t>(made)
                                 : std::numeric_limits<std::int64_t>::min();
}

// The distance between neighbours of the dtype around a number that it does not hold.
std::int64_t step_at(DType dtype, std::int64_t value) {
  int log = 0;
  for (std::int64_t rest = std::abs(value); rest >>= 1;) ++log;
  return std::int64_t{1} << (log - digits_of(dtype) + 1);
}

// What the dtype cannot hold is refused; what it holds with gaps is warned of.
void check_bound(DType dtype, const char* which, std::int64_t bound) {
  std::int64_t low = std::numeric_limits<std::int64_t>::min();
  std::int64_t high = std::numeric_limits<std::int64_t>::max();
  if (dtype == DType::Bool || dtype == DType::UInt8) {
    low = 0;
    high = dtype == DType::Bool ? 1 : 255;
  } else if (dtype == DType::Int8) {
    low = std::numeric_limits<std::int8_t>::min();
    high = std::numeric_limits<std::int8_t>::max();
  } else if (dtype == DType::Int16) {
    low = std::numeric_limits<std::int16_t>::min();
    high = std::numeric_limits<std::int16_t>::max();
  } else if (dtype == DType::Int32) {
    low = std::numeric_limits<std::int32_t>::min();
    high = std::numeric_limits<std::int32_t>::max();
  }
  if (is_floating(dtype)) {
    const int digits = digits_of(dtype);
    if (std::abs(bound) <= std::int64_t{1} << digits) return;
    warn(which, " is out of bounds [-(2^", digits, "), 2^", digits,
         "]. Due to precision limitations ", info(dtype).c_name,
         " can support discrete uniform distribution only within this range. This warning will "
         "become an error in version 1.7 release, please fix the code in advance");
    return;
  }
  check(bound >= low && bound <= high, which, " is out of bounds for ", name(dtype), ".");
}
struct Range {
  std::int64_t from, to;
};
// The numbers from `from` to before `to`; of a floating dtype those that round to no others.
Range range_of(DType dtype, std::int64_t from, std::int64_t to) {
  check(!is_complex(dtype),
        "check_random_bounds handles only integral, floating-point and boolean types: got torch.",
        name(dtype), ".");
  check(from < to, "random_ expects 'from' to be less than 'to', but got from=", from,
        " >= to=", to);
  if (is_floating(dtype)) {
    const std::int64_t above = held(dtype, from + 1), below = held(dtype, to - 1);
    if (above < from) from = above + step_at(dtype, from + 1);
    if (below >= to) to = below - step_at(dtype, to - 1);
    check(from < to,
          "random_ expects 'from' casted to dtype to be less than 'to' casted to dtype, but got "
          "from=",
          from, " >= to=", to);
  }
  check_bound(dtype, "from", from);
  check_bound(dtype, "to - 1", to - 1);
  return {from, to};
}

// --- operators ---

void fill_uniform(const Tensor& out) { kernels::uniform(view_of(out), 0, 1, generator()); }
void fill_normal(const Tensor& out) { kernels::normal(view_of(out), 0, 1, generator()); }
Fill fill_integers(DType dtype, std::int64_t low, std::int64_t high) {
  const Range range = range_of(dtype, low, high);
  return [range](const Tensor& out) {
    kernels::random_int(view_of(out), range.from, range.to, generator());
  };
}

Tensor rand(const Dims& size, OptionalDType dtype) {
  return draw(checked(size), inexact(dtype, "rand"), fill_uniform);
}
Tensor randn(const Dims& size, OptionalDType dtype) {
  return draw(checked(size), inexact(dtype, "randn"), fill_normal);
}

Tensor randint_between(std::int64_t low, std::int64_t high, const Dims& size, OptionalDType dtype) {
  const DType type = dtype.value_or(DType::Int64);
  return draw(checked(size), type, fill_integers(type, low, high));
}
Tensor randint(std::int64_t high, const Dims& size, OptionalDType dtype) {
  return randint_between(0, high, size, dtype);
}
Tensor randperm(std::int64_t n, OptionalDType dtype) {
  check(n >= 0, "n must be non-negative, got", n);
  const DType type = dtype.value_or(DType::Int64);
  check(ErrorKind::NotImplemented, type != DType::Bool && !is_complex(type),
        "\"randperm\" not implemented for '", info(type).scalar_name, "'");
  if (dtype) fitting(Scalar(n), *dtype);
  const Tensor out = draw(Dims{n}, DType::Int64, [n](const Tensor& all) {
    for (std::int64_t at = 0; at < all.numel(); at += n) {
      const Dims stride{all.stride(all.ndim() - 1)};  // not 1 in out=, which is one permutation
      kernels::permutation(view_of(all.alias(Dims{n}, stride, at)), generator());
    }
  });
  return dtype ? cast(out, *dtype) : out;
}
// What `draw` takes the strides of.
Tensor layout(const Tensor& input, OptionalFormat format) {
  const MemoryFormat wanted = format.value_or(MemoryFormat::Preserve);
  if (input.has(kBatched)) {
    check_outside_of_batch(wanted);
    return {};
  }
  return wanted == MemoryFormat::Preserve ? input : empty_in(wanted, input.sizes(), DType::Bool);
}
Tensor rand_like(const Tensor& input, OptionalDType dtype, OptionalFormat format) {
  const DType type = inexact(dtype.value_or(input.dtype()), "rand");
  return draw(input.sizes(), type, fill_uniform, layout(input, format));
}
Tensor randn_like(const Tensor& input, OptionalDType dtype, OptionalFormat format) {
  const DType type = inexact(dtype.value_or(input.dtype()), "randn");
  return draw(input.sizes(), type, fill_normal, layout(input, format));
}
Tensor randint_like_between(const Tensor& input, std::int64_t low, std::int64_t high,
                            OptionalDType dtype, OptionalFormat format) {
  const DType type = dtype.value_or(input.dtype());
  return draw(input.sizes(), type, fill_integers(type, low, high), layout(input, format));
}
Tensor randint_like(const Tensor& input, std::int64_t high, OptionalDType dtype,
                    OptionalFormat format) {
  return randint_like_between(input, 0, high, dtype, format);
}

Tensor multinomial(const Tensor& input, std::int64_t num_samples, bool replacement) {
  check(input.ndim() == 1 || input.ndim() == 2, "prob_dist must be 1 or 2 dim");
  check(is_floating(input.dtype()),
        "multinomial only supports floating-point dtypes for input, got: ",
        info(input.dtype()).scalar_name);
  check(num_samples > 0, "cannot sample n_sample <= 0 samples");
  check(replacement || num_samples <= input.size(input.ndim() - 1),
        "cannot sample n_sample > prob_dist.size(-1) samples without replacement");
  return draw_from({input}, [&](const std::vector<Tensor>& all) {
    Dims size = all[0].shape();
    const Dims rows{all[0].numel() / size.back(), size.back()};
    const Tensor flat = widened(size.size() <= 2 ? all[0] : reshape(all[0].detach(), rows));
    size[size.size() - 1] = num_samples;
    Tensor out =
        Tensor::empty(flat.ndim() == 1 ? size : Dims{flat.size(0), num_samples}, DType::Int64);
    kernels::multinomial(view_of(out), view_of(flat), replacement, generator());
    return same(out.sizes(), size) ? out : out.alias_row_major(size);
  });
}

Tensor uniform_(const Tensor& input, double from, double to) {
  inexact(input.dtype(), "check_uniform_bounds");
  const char* const name = info(input.dtype()).c_name;
  const double most = largest(real_of(input.dtype()));
  check(std::abs(from) <= most, "from is out of bounds for ", name);
  check(std::abs(to) <= most, "to is out of bounds for ", name);
  check(from <= to, "uniform_ expects to return a [from, to) range, but found from=", from,
        " > to=", to);
  check(to - from <= most, "uniform_ expects to-from <= ", most, ", but found to=", to,
        " and from=", from);
  return overwrite("uniform", "UniformBackward0", input,
                   [&](const kernels::View& out) { kernels::uniform(out, from, to, generator()); });
}
Tensor normal_(const Tensor& input, double mean, double std) {
  check(std >= 0, "normal expects std >= 0.0, but found std ", std);
  inexact(input.dtype(), "normal_kernel_cpu");
  return overwrite("normal", "NormalBackward0", input,
                   [&](const kernels::View& out) { kernels::normal(out, mean, std, generator()); });
}
Tensor exponential_(const Tensor& input, double lambd) {
  check(lambd > 0, "exponential_ expects lambda > 0.0, but found lambda=", lambd);
  check(is_floating(input.dtype()),
        "Exponential distribution is a continuous probability distribution. dtype must be a "
        "floating point but you specified ",
        info(input.dtype()).scalar_name);
  return overwrite("exponential", "ExponentialBackward0", input, [&](const kernels::View& out) {
    kernels::exponential(out, lambd, generator());
  });
}
// The kernels that draw no complex numbers.
void check_not_complex(const Tensor& input, const char* name) {
  check(ErrorKind::NotImplemented, !is_complex(input.dtype()), "\"", name,
        "\" not implemented for '", info(input.dtype()).scalar_name, "'");
}

Tensor random_full(const Tensor& input) {
  check_not_complex(input, "random_kernel_cpu");
  return overwrite("random", "RandomBackward2", input,
                   [](const kernels::View& out) { kernels::random_full(out, generator()); });
}
Tensor random_range(const Tensor& input, std::int64_t from, std::int64_t to, const char* node) {
  const Range range = range_of(input.dtype(), from, to);
  return overwrite("random", node, input, [&](const kernels::View& out) {
    kernels::random_int(out, range.from, range.to, generator());
  });
}
Tensor random_between(const Tensor& input, std::int64_t from, std::optional<std::int64_t> to) {
  if (to) return random_range(input, from, *to, "RandomBackward0");
  check_not_complex(input, "random_from_to");
  check_bound(input.dtype(), "from", from);
  return overwrite("random", "RandomBackward0", input,
                   [&](const kernels::View& out) { kernels::random_from(out, from, generator()); });
}
Tensor random_below(const Tensor& input, std::int64_t to) {
  return random_range(input, 0, to, "RandomBackward1");
}
Tensor bernoulli_number(const Tensor& input, double p) {
  check_not_complex(input, "bernoulli_scalar_cpu_");
  check(p >= 0 && p <= 1, "bernoulli_ expects p to be in [0, 1], but got p=", p);
  return overwrite("bernoulli", "BernoulliBackward2", input,
                   [&](const kernels::View& out) { kernels::bernoulli(out, p, generator()); });
}
Tensor bernoulli_of_shape(const Tensor& input, double p) {
  check_not_complex(input, "bernoulli_scalar_cpu_");
  check(p >= 0 && p <= 1, "bernoulli_ expects p to be in [0, 1], but got p=", p);
  const Tensor drawn = draw(input.sizes(), input.dtype(), [p](const Tensor& out) {
    kernels::bernoulli(view_of(out), p, generator());
  });
  record_refusal(drawn, {&input}, "NotImplemented", "bernoulli");
  return drawn;
}
// In the layout of `out`, in which the numbers are drawn.
void fill_bernoulli(const kernels::View& out, const Tensor& chances) {
  const Tensor p = widened(chances);
  if (!is_narrow(out.dtype)) return kernels::bernoulli(out, view_of(p), generator());
  const auto ndim = static_cast<std::size_t>(out.ndim);
  const Dims sizes(Sizes(out.sizes, ndim)), strides(Sizes(out.strides, ndim));
  const Tensor values =
      Tensor::empty(sizes, wide_of(out.dtype)).alias(sizes, dense_strides(sizes, {&strides, 1}));
  kernels::bernoulli(view_of(values), view_of(p), generator());
  kernels::copy(out, view_of(values));
}
Tensor bernoulli(const Tensor& input, Target to) {
  floating(input.dtype(), "bernoulli_tensor_cpu_p_");
  const DType type = to.dtype_or(input.dtype());
  const Tensor target = take_out(to, {&input}, input.sizes(), type);
  const Tensor drawn = draw_from({input}, [&](const std::vector<Tensor>& all) {
    Tensor out = target.defined() ? target : Tensor::empty(all[0].sizes(), type);
    fill_bernoulli(view_of(out), all[0]);
    return out;
  });
  record_zeros(drawn, {&input}, "BernoulliBackward0");
  return drawn;
}
Tensor bernoulli_tensor(const Tensor& input, const Tensor& p) {
  check_not_complex(input, "bernoulli_tensor_cpu_self_");
  floating(p.dtype(), "bernoulli_tensor_cpu_p_");
  if (p.has(kBatched)) {
    // Every example has chances of its own.
    const GradMode off(false);
    const Tensor drawn = bernoulli(expand(detached(p), input.sizes()), {});
    check_writable("bernoulli", input);
    const Tensor* both[] = {&input, &drawn};
    const int level = detail::batch_level(In(both, 2));
    check(
        input.has(kBatched) && meta_of(input)->level == level,
        "vmap: inplace bernoulli(self, *extra_args) is not possible because there exists a Tensor "
        "`other` in extra_args that has more elements than `self`. This happened due to `other` "
        "being vmapped over but `self` not being vmapped over in a vmap. Please try to use "
        "out-of-place operators instead of inplace bernoulli.");
    return copy_into(input, drawn);
  }
  const auto fill = [&](const kernels::View& out) {
    fill_bernoulli(out, expand(p.detach(), {out.sizes, std::size_t(out.ndim)}));
  };
  return overwrite("bernoulli", "BernoulliBackward1", input, fill, p);
}

Tensor normal_numbers(double mean, double std, const Dims& size, OptionalDType dtype) {
  check(std >= 0, "normal expects std >= 0.0, but found std ", std);
  return draw(checked(size), inexact(dtype, "normal_kernel_cpu"),
              [&](const Tensor& out) { kernels::normal(view_of(out), mean, std, generator()); });
}

void check_deviations(const Tensor& std) {
  if (std.numel() == 0) return;
  const Tensor least = Tensor::empty({}, wide_of(std.dtype()));
  kernels::reduce(kernels::Reduce::Min,
                  view_of(least.alias(Dims(std.ndim(), 1), Dims(std.ndim(), 0))),
                  view_of(widened(std)));
  check(least.item().to_double() >= 0, "normal expects all elements of std >= 0.0");
}

// In the dtype of out=, of the mean or of the deviation.
Tensor normal_by_element(const Operand& mean, const Operand& std, const char* node, Target to) {
  const DType own = mean.is_tensor() ? mean.tensor().dtype() : std.tensor().dtype();
  const DType type = inexact(to.dtype_or(inexact(own, "normal_kernel_cpu")), "normal_kernel_cpu");
  const Dims size = broadcast(mean.sizes(), std.sizes());
  const auto tensor_of = [&](const Operand& x) {
    const DType as = &x == &std ? real_of(type) : type;
    const Tensor t = x.is_tensor() ? cast(x.tensor(), as) : Tensor::scalar(x.number(), as);
    return expand(t, size);
  };
  check(!std.is_tensor() || !is_complex(std.tensor().dtype()),
        "normal expects standard deviation to be non-complex");
  const Tensor target = take_out(to, {&mean.tensor(), &std.tensor()}, size, type);
  const auto sample = [&](const std::vector<Tensor>& all) {
    const Tensor out = target.defined() ? target : Tensor::empty(all[0].sizes(), type);
    if (std.is_tensor()) check_deviations(all[1]);
    kernels::normal(view_of(out), 0, 1, generator());
    const auto scale_and_shift = [&](const kernels::View& part, const kernels::View& by) {
      kernels::apply(kernels::binary<"mul">, part, {part, view_of(all[1])});
      kernels::apply(kernels::binary<"add">, part, {part, by});
    };
    if (!is_complex(type)) {
      scale_and_shift(view_of(out), view_of(all[0]));
      return out;
    }
    const kernels::Pairs values(view_of(out)), means(view_of(all[0]));
    for (const int part : {0, 1}) scale_and_shift(values.part(part), means.part(part));
    return out;
  };
  Tensor drawn;
  {
    const GradMode off(false);
    drawn = draw_from({tensor_of(mean), tensor_of(std)}, sample);
  }
  // An operand that is a number is an undefined tensor.
  record_zeros(drawn, {&mean.tensor(), &std.tensor()}, node);
  return drawn;
}
Tensor normal_of_mean(const Tensor& mean, const Operand& std, Target to) {
  if (std.is_tensor()) return normal_by_element(mean, std, "NormalBackward3", to);
  check(std.number().to_double() >= 0, "normal expects std >= 0.0, but found std ",
        std.number().to_double());
  return normal_by_element(mean, std, "NormalBackward1", to);
}
Tensor normal_of_deviation(Scalar mean, const Tensor& std, Target to) {
  return normal_by_element(mean, std, "NormalBackward2", to);
}

}  // namespace

Tensor dropout_mask(const Tensor& input, double p) {
  const DType dtype = input.dtype();
  check_not_complex(input, "bernoulli_scalar_cpu_");
  check(is_floating(dtype), "result type Float can't be cast to the desired output type ",
        info(dtype).scalar_name);
  const auto fill = [p](const Tensor& out) { kernels::dropout_mask(view_of(out), p, generator()); };
  return draw(input.sizes(), dtype, fill, layout(input, {}));
}

static const Entry entry_rand("rand(*size, *, dtype=None)", direct<rand>, kMake,
                              "Uniform random numbers of [0, 1).", "2, 3 | (2, 3) | () | 0");
static const Entry entry_randn("randn(*size, *, dtype=None)", direct<randn>, kMake,
                               "Normal random numbers with mean 0 and variance 1.",
                               "2, 3 | (20,) | () | 0");
static const Entry entry_randint1("randint(high:index, size, *, dtype=None)", direct<randint>,
                                  kMake, "Random integers of [0, high).", "5, (2, 3) | 1, (2,)");
static const Entry entry_randint2("randint(low:index, high:index, size, *, dtype=None)",
                                  direct<randint_between>, kMake, "Random integers of [low, high).",
                                  "-3, 5, (2, 3) | 2, 4, ()");
static const Entry entry_randperm("randperm(n:index, *, dtype=None)", direct<randperm>, kMake,
                                  "A random permutation of 0, 1, ..., n - 1.", "5 | 0");
static const Entry entry_rand_like("rand_like(input, *, dtype=None, memory_format=None)",
                                   direct<rand_like>, kMakeLike,
                                   "Uniform random numbers in the shape of input.",
                                   "c(2, 3) | c()");
static const Entry entry_randn_like("randn_like(input, *, dtype=None, memory_format=None)",
                                    direct<randn_like>, kMakeLike,
                                    "Normal random numbers in the shape of input.",
                                    "c(2, 3) | c()");
static const Entry entry_randint_like1(
    "randint_like(input, high:index, *, dtype=None, memory_format=None)", direct<randint_like>,
    kMakeLike, "Random integers of [0, high) in the shape of input.", "c(2, 3), 5");
static const Entry entry_randint_like2(
    "randint_like(input, low:index, high:index, *, dtype=None, memory_format=None)",
    direct<randint_like_between>, kMakeLike,
    "Random integers of [low, high) in the shape of input.", "c(2, 3), -2, 5");
static const Entry entry_multinomial(
    "multinomial(input, num_samples:index, replacement=False)", function<multinomial>,
    kBoth | kNoGrad | kNoBatch | kRandom,
    "Positions drawn with the probabilities given by input's rows.",
    "c(4, low=0.1, high=1), 2 | c(2, 3, low=0.1, high=1), 5, True");
static const Entry entry_bernoulli("bernoulli(input)", function<bernoulli>,
                                   kCastBoth | kNoGrad | kNoBatch | kRandom,
                                   "Ones with the probabilities given by input, else zeros.",
                                   "c(2, 3, low=0, high=1) | c(low=0, high=1)");
static const Entry entry_bernoulli_of_shape(
    "bernoulli(input, p)", direct<bernoulli_of_shape>, kCastBoth | kNoGrad | kNoBatch | kRandom,
    "Ones with probability p, else zeros, in the shape and dtype of input.",
    "c(2, 3), 0.2 | c(), 0.5 | i(3, high=4), 1.0");
static const Entry entry_normal1("normal(mean, std, size, *, dtype=None)", direct<normal_numbers>,
                                 kMake, "Normal random numbers with mean and standard deviation.",
                                 "0.0, 1.0, (2, 3) | 1.5, 2.0, (4,)");
static const Entry entry_normal2("normal(mean, std=1.0)", function<normal_of_mean>,
                                 kFunctionForm | kCastOutForm | kNoGrad | kNoBatch | kRandom,
                                 "Normal random numbers, mean and perhaps deviation by element.",
                                 "c(3), c(3, low=0.1, high=1) | c(3) | c(3), 2.0 "
                                 "| c(2,3), c(3, low=0.1, high=1)");
static const Entry entry_normal3("normal(mean, std)", function<normal_of_deviation>,
                                 kFunctionForm | kCastOutForm | kNoGrad | kNoBatch | kRandom,
                                 "Normal random numbers, deviation by element.",
                                 "1.5, c(3, low=0.1, high=1)");
static const Entry entry_uniform_("uniform_(input, from_=0.0, to=1.0)", function<uniform_>,
                                  kFillForm, "Overwrites with uniform random numbers.",
                                  "c(3) | c(3), 2.0, 3.0");
static const Entry entry_normal_("normal_(input, mean=0.0, std=1.0)", function<normal_>, kFillForm,
                                 "Overwrites with normal random numbers.", "c(3) | c(3), 2.0, 3.0");
static const Entry entry_exponential_("exponential_(input, lambd=1.0)", function<exponential_>,
                                      kFillForm, "Overwrites with exponential random numbers.",
                                      "c(3) | c(3), 2.0");
static const Entry entry_random1("random_(input)", function<random_full>, kFillForm,
                                 "Overwrites with random integers of the dtype's range.",
                                 "i(3, high=4)");
static const Entry entry_random2("random_(input, to)", function<random_below>, kFillForm,
                                 "Overwrites with random integers of [0, to).", "i(3, high=4), 5");
static const Entry entry_random3("random_(input, from_, to)", function<random_between>, kFillForm,
                                 "Overwrites with random integers of [from, to).",
                                 "i(3, high=4), -2, 5");
static const Entry entry_bernoulli2("bernoulli_(input, p)", function<bernoulli_tensor>, kFillForm,
                                    "Overwrites with ones, with probabilities p, or zeros.",
                                    "c(3), c(3, low=0, high=1)");
static const Entry entry_bernoulli1("bernoulli_(input, p=0.5)", function<bernoulli_number>,
                                    kFillForm,
                                    "Overwrites with ones, with probability p, or zeros.",
                                    "c(3) | c(3), 0.2");

}  // namespace pullback
