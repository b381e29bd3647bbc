// Tensors made from sizes and numbers: zeros, full, arange, eye, ...
//
// The table's flag kFactory makes the binding take device=, layout=, requires_grad= and
// pin_memory=. Random factories are in random.cpp; tensor(data) is the binding's.
#include "ops/make/factory.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "core/error.h"
#include "core/half.h"
#include "kernels/rows.h"
#include "ops/basic.h"
#include "ops/destination.h"
#include "ops/format.h"
#include "ops/levels.h"
#include "ops/make/generate.h"
#include "ops/op.h"
#include "ops/table.h"

namespace pullback {
namespace {

using OptionalDType = std::optional<DType>;
using OptionalFormat = std::optional<MemoryFormat>;

constexpr std::uint32_t kMake = kFunctionForm | kCastOutForm | kFactory | kNoGrad;
constexpr std::uint32_t kMakeRange = kMake | kFlatOut;
constexpr std::uint32_t kMakeLike = kFunctionForm | kFactory | kNoGrad;
constexpr std::uint32_t kMakeNew = kMethodForm | kFactory | kNoGrad;

// Ranges are of numbers.
void check_numeric(DType dtype, const char* name) {
  check(ErrorKind::NotImplemented, dtype != DType::Bool && !is_complex(dtype), "\"", name,
        "_cpu\" not implemented for '", info(dtype).scalar_name, "'");
}

// The dtype of a number given without one.
DType dtype_of(const Scalar& value) {
  switch (value.category()) {
    case Category::Bool:
      return DType::Bool;
    case Category::Integral:
      return DType::Int64;
    case Category::Floating:
      return default_dtype();
    case Category::Complex:
      return complex_of(default_dtype());
  }
  __builtin_unreachable();
}

Tensor empty_like(const Tensor& input, OptionalDType dtype, OptionalFormat format) {
  const DType type = dtype.value_or(input.dtype());
  const MemoryFormat wanted = format.value_or(MemoryFormat::Preserve);
  if (!input.has(kBatched)) {
    if (wanted == MemoryFormat::Preserve) return empty_strided_like(input, type);
    return empty_in(wanted, input.sizes(), type);
  }
  check_outside_of_batch(wanted);
  return make_for_batch(input, input.sizes(), [&](Sizes all) { return Tensor::empty(all, type); });
}
Tensor filled(const Tensor& input, Sizes sizes, Scalar value, OptionalDType dtype) {
  const DType type = dtype.value_or(input.dtype());
  fitting(value, type);
  return make_for_batch(input, sizes, [&](Sizes all) { return Tensor::full(all, value, type); });
}
Tensor filled_like(const Tensor& input, Scalar value, OptionalDType dtype, OptionalFormat format) {
  if (input.has(kBatched)) {
    check_outside_of_batch(format.value_or(MemoryFormat::Preserve));
    return filled(input, input.sizes(), value, dtype);
  }
  Tensor out = empty_like(input, dtype, format);
  const Tensor source = Tensor::scalar(fitting(value, out.dtype()), out.dtype());
  copy_values(out, source);
  return out;
}

// What is in out= stays.
Tensor empty(const Dims& size, OptionalDType dtype, std::optional<MemoryFormat> format) {
  check_row_major("empty", format);
  const DType type = dtype.value_or(default_dtype());
  checked(size);
  Destination* const target = Destination::claim();
  const Tensor out = target ? target->take(size, type) : Tensor();
  return out.defined() ? out : empty_in(format.value_or(MemoryFormat::Contiguous), size, type);
}
Tensor zeros(const Dims& size, OptionalDType dtype) {
  return Tensor::zeros(checked(size), dtype.value_or(default_dtype()));
}
Tensor ones(const Dims& size, OptionalDType dtype) {
  return Tensor::full(checked(size), Scalar(1), dtype.value_or(default_dtype()));
}
Tensor full(const Dims& size, Scalar fill_value, OptionalDType dtype) {
  const DType type = dtype.value_or(dtype_of(fill_value));
  return Tensor::full(checked(size), fitting(fill_value, type), type);
}
Tensor zeros_like(const Tensor& input, OptionalDType dtype, OptionalFormat format) {
  return filled_like(input, Scalar(0), dtype, format);
}
Tensor ones_like(const Tensor& input, OptionalDType dtype, OptionalFormat format) {
  return filled_like(input, Scalar(1), dtype, format);
}
Tensor full_like(const Tensor& input, Scalar fill_value, OptionalDType dtype,
                 OptionalFormat format) {
  return filled_like(input, fill_value, dtype, format);
}
Tensor new_empty(const Tensor& input, const Dims& size, OptionalDType dtype) {
  const DType type = dtype.value_or(input.dtype());
  return make_for_batch(input, checked(size), [&](Sizes all) { return Tensor::empty(all, type); });
}
Tensor new_zeros(const Tensor& input, const Dims& size, OptionalDType dtype) {
  return filled(input, checked(size), Scalar(0), dtype);
}
Tensor new_ones(const Tensor& input, const Dims& size, OptionalDType dtype) {
  return filled(input, checked(size), Scalar(1), dtype);
}
Tensor new_full(const Tensor& input, const Dims& size, Scalar fill_value, OptionalDType dtype) {
  return filled(input, checked(size), fill_value, dtype);
}
Tensor scalar_tensor(Scalar s, OptionalDType dtype) {
  const DType type = dtype.value_or(default_dtype());
  return Tensor::scalar(fitting(s, type), type);
}

Tensor arange_end(Scalar end, OptionalDType dtype) {
  return arange(Scalar(0), end, Scalar(1), dtype);
}
Tensor arange_start(Scalar start, Scalar end, OptionalDType dtype) {
  return arange(start, end, Scalar(1), dtype);
}

// The number as an element of the dtype holds it.
double stored(const Scalar& number, DType dtype) {
  Element element;
  fitting(number, dtype).store(dtype, &element);
  return Scalar::load(dtype, &element).to_double();
}

// start + step * i in torch's roundings, bit by bit: a point of a line is fused, or rounded to 16
// bits after each operation; an exponent is neither.
struct Fused {
  template <typename T>
  T operator()(T start, T step, T i) const {
    return std::fma(step, i, start);
  }
  template <typename T>
  std::complex<T> operator()(std::complex<T> start, std::complex<T> step, std::complex<T> i) const {
    return {std::fma(step.real(), i.real(), start.real()),
            std::fma(step.imag(), i.real(), start.imag())};
  }
};
struct Unfused {
  template <typename T>
  T operator()(T start, T step, T i) const {
    return start + step * i;
  }
};

float rounded(float value, DType dtype) {
  if (dtype == DType::Float16) return to_float(to_half(value));
  return dtype == DType::BFloat16 ? to_float(to_bfloat16(value)) : value;
}

// Counted from both ends, so that the last value is exact.
template <typename T, typename At>
T spaced_value(T first, T last, std::int64_t steps, std::int64_t i, At at) {
  const auto step = (last - first) / static_cast<T>(steps - 1);
  return i < steps / 2 ? at(first, step, static_cast<T>(i))
                       : at(last, -step, static_cast<T>(steps - 1 - i));
}

template <typename Real, typename At, typename F>
Tensor spaced_complex(const Scalar& start, const Scalar& end, std::int64_t steps, At at, F&& map) {
  using Complex = std::complex<Real>;
  const Tensor out = Tensor::empty(Dims{steps}, kDTypeOf<Complex>);
  const Complex first(start.to_complex()), last(end.to_complex());
  for (std::int64_t i = 0; i < steps; ++i) {
    out.data<Complex>()[i] = map(steps == 1 ? first : spaced_value(first, last, steps, i, at));
  }
  return out;
}

// The points of a line in a dtype of 16 bits.
Tensor spaced_narrow(double from, double to, std::int64_t steps, DType type) {
  const auto r = [type](float value) { return rounded(value, type); };
  const auto first = static_cast<float>(from);
  const auto last = static_cast<float>(to);
  const float step = r(r(last - first) / r(static_cast<float>(steps - 1)));
  return generate(steps, type, [&](std::int64_t i) {
    const bool front = i < steps / 2;
    const float away = r(step * r(static_cast<float>(front ? i : steps - 1 - i)));
    return static_cast<double>(r(front ? first + away : last - away));
  });
}

// Complex if an end is.
DType spaced_dtype(const Scalar& start, const Scalar& end, OptionalDType dtype, const char* name) {
  if (!start.is_complex() && !end.is_complex()) return dtype.value_or(default_dtype());
  const DType inferred = complex_of(default_dtype());
  check(!dtype || is_complex(*dtype), "torch.", name, "(): inferred dtype ", info(inferred).c_name,
        " can't be safely cast to passed dtype ", info(dtype.value_or(inferred)).scalar_name);
  return dtype.value_or(inferred);
}

template <typename At, typename F>
Tensor spaced(Scalar start, Scalar end, std::int64_t steps, OptionalDType dtype, const char* name,
              At at, F&& map) {
  check(steps >= 0, name, ": number of steps must be non-negative, got ", steps, ".");
  const DType type = spaced_dtype(start, end, dtype, name);
  if (type == DType::Complex64) return spaced_complex<float>(start, end, steps, at, map);
  if (type == DType::Complex128) return spaced_complex<double>(start, end, steps, at, map);
  if (steps == 0) return Tensor::empty(Dims{0}, type);
  if (steps == 1) return generate(1, type, [&](std::int64_t) { return map(start.to_double()); });
  check_numeric(type, name);
  const double from = stored(start, type);
  const double to = stored(end, type);
  const auto count = [&](auto first, auto last, auto value_at) {
    return generate(steps, type, [&](std::int64_t i) {
      return map(static_cast<double>(spaced_value(first, last, steps, i, value_at)));
    });
  };
  if (!is_floating(type)) return count(from, to, Unfused());
  if (type == DType::Float64) return count(from, to, at);
  if (is_narrow(type) && std::is_same_v<At, Fused>) return spaced_narrow(from, to, steps, type);
  return count(static_cast<float>(from), static_cast<float>(to), at);
}

// Ends that are tensors are read; what is made of them has no history.
void check_ends(const char* name, const Operand& start, const Operand& end) {
  if (start.ndim() == 0 && end.ndim() == 0) return;
  if (start.is_tensor() && end.is_tensor()) {
    fail(name, " only supports 0-dimensional start and end tensors, but got start with ",
         start.ndim(), " dimension(s) and end with ", end.ndim(), " dimension(s).");
  }
  fail(name, " only supports 0-dimensional start and end tensors, but got ",
       start.is_tensor() ? "start" : "end", " with ", std::max(start.ndim(), end.ndim()),
       " dimension(s).");
}
Scalar number_in(const Operand& x) { return x.is_tensor() ? x.tensor().item() : x.number(); }

Tensor linspace(const Operand& start, const Operand& end, std::int64_t steps, OptionalDType dtype) {
  check_ends("linspace", start, end);
  return spaced(number_in(start), number_in(end), steps, dtype, "linspace", Fused(),
                [](auto v) { return v; });
}
Tensor logspace(const Operand& start, const Operand& end, std::int64_t steps, double base,
                OptionalDType dtype) {
  check_ends("logspace", start, end);
  const auto power = [&]<typename V>(V v) {
    if constexpr (std::is_same_v<V, double>)
      return std::pow(base, v);
    else
      return std::pow(static_cast<typename V::value_type>(base), v);
  };
  return spaced(number_in(start), number_in(end), steps, dtype, "logspace", Unfused(), power);
}

Tensor eye(std::int64_t n, std::int64_t columns, OptionalDType dtype) {
  check(n >= 0, "n must be greater or equal to 0, got ", n);
  check(columns >= 0, "m must be greater or equal to 0, got ", columns);
  Tensor out = Tensor::zeros(Dims{n, columns}, dtype.value_or(default_dtype()));
  const auto item = static_cast<std::int64_t>(item_size(out.dtype()));
  for (std::int64_t i = 0; i < std::min(n, columns); ++i) {
    Scalar(1).store(out.dtype(), out.bytes() + i * (columns + 1) * item);
  }
  return out;
}

Tensor square_eye(std::int64_t n, OptionalDType dtype) { return eye(n, n, dtype); }

// How many elements the lower triangle has; sizes may be larger than memory.
__int128 count_lower(__int128 row, __int128 col, __int128 offset) {
  const __int128 begin = std::max<__int128>(0, -offset);
  if (begin >= row || col == 0) return 0;
  const __int128 first = begin + offset + 1;
  const __int128 growing = std::clamp<__int128>(col - first, 0, row - begin);
  return growing * first + growing * (growing - 1) / 2 + (row - begin - growing) * col;
}

Tensor triangle_indices(std::int64_t row, std::int64_t col, std::int64_t offset, bool lower,
                        OptionalDType dtype) {
  const char* const name = lower ? "tril_indices" : "triu_indices";
  check(row >= 0 && col >= 0, name, ": got ", row, " rows and ", col,
        " columns, expected non-negative numbers.");
  const DType type = dtype.value_or(DType::Int64);
  check(ErrorKind::NotImplemented, type == DType::Int64 || type == DType::Int32, "\"", name,
        "\" not implemented for '", info(type).scalar_name, "'");
  const __int128 all = lower ? count_lower(row, col, offset)
                             : __int128{row} * col - count_lower(row, col, __int128{offset} - 1);
  check(all < __int128{1} << 58, name, ": got ", row, " rows and ", col,
        " columns, whose indices are more than memory holds.");
  const auto n = static_cast<std::int64_t>(all);
  const Tensor out = Tensor::empty(Dims{2, n}, type);
  // Rows without elements may be very many.
  offset = std::clamp<std::int64_t>(offset, -row - 1, col);
  const std::int64_t begin = lower ? std::max<std::int64_t>(0, -offset) : 0;
  const std::int64_t end = n == 0 ? begin : lower ? row : std::min(row, col - offset);
  kernels::visit(out.dtype(), [&]<typename T>() {
    T* rows = out.data<T>();
    T* cols = rows + n;
    for (std::int64_t r = begin; r < end; ++r) {
      const std::int64_t edge = r + offset;
      const std::int64_t first = lower ? 0 : std::clamp<std::int64_t>(edge, 0, col);
      const std::int64_t last = lower ? std::clamp<std::int64_t>(edge + 1, 0, col) : col;
      rows = std::fill_n(rows, last - first, static_cast<T>(r));
      for (std::int64_t c = first; c < last; ++c) *cols++ = static_cast<T>(c);
    }
  });
  return out;
}
Tensor tril_indices(std::int64_t row, std::int64_t col, std::int64_t offset, OptionalDType dtype) {
  return triangle_indices(row, col, offset, true, dtype);
}
Tensor triu_indices(std::int64_t row, std::int64_t col, std::int64_t offset, OptionalDType dtype) {
  return triangle_indices(row, col, offset, false, dtype);
}

DType result_type_of(const Tensor& tensor, const Operand& other) {
  return result_type(tensor, other);
}
DType result_type_scalar(Scalar scalar, const Tensor& tensor) {
  return result_type(scalar, tensor);
}
DType result_type_scalars(Scalar scalar1, Scalar scalar2) { return result_type(scalar1, scalar2); }
DType promote_types_of(DType type1, DType type2) { return promote_types(type1, type2); }
bool can_cast_to(DType from, DType to) { return can_cast(from, to); }

}  // namespace

const Dims& checked(const Dims& size) {
  for (const std::int64_t n : size) {
    check(n >= 0, "Trying to create tensor with negative dimension ", n, ": ", size);
  }
  return size;
}

Tensor arange(Scalar start, Scalar end, Scalar step, OptionalDType dtype) {
  const bool floating = start.is_floating() || end.is_floating() || step.is_floating();
  const DType type = dtype.value_or(floating ? default_dtype() : DType::Int64);
  check_numeric(type, "arange");
  const double from = start.to_double();
  const double to = end.to_double();
  const double by = step.to_double();
  check(by > 0 || by < 0, "step must be nonzero");
  check(std::isfinite(from) && std::isfinite(to), "unsupported range: ", from, " -> ", to);
  check(by > 0 ? from <= to : from >= to,
        "upper bound and lower bound inconsistent with step sign");
  // Integers are counted in integers: their fractions are cut off before.
  const auto whole = [](const Scalar& number) { return fitting(number, DType::Int64).to_int(); };
  std::int64_t count;
  bool counts;
  if (type == DType::Int64 || !floating) {
    std::int64_t width;
    counts = !__builtin_sub_overflow(whole(end), whole(start), &width);
    const std::int64_t stride = whole(step);
    check(ErrorKind::Value, stride != 0, "step must be nonzero");
    count = counts && width != 0 ? (width - (width > 0 ? 1 : -1)) / stride + 1 : 0;
  } else {
    const double size = std::ceil((to - from) / by);
    counts = size < 0x1p63;
    count = counts ? static_cast<std::int64_t>(size) : 0;
  }
  check(counts, "invalid size, possible overflow?");
  if (!is_floating(type)) {
    return generate(count, type, [first = whole(start), stride = whole(step)](std::int64_t i) {
      return first + i * stride;
    });
  }
  return generate(count, type, [&](std::int64_t i) { return from + static_cast<double>(i) * by; });
}

static const Entry entry_empty("empty(*size, *, dtype=None, memory_format=None)", direct<empty>,
                               kMake, "A tensor of the given sizes whose values are not set.",
                               "0 | 0, 3 | (2, 0)");
static const Entry entry_zeros("zeros(*size, *, dtype=None)", function<zeros>, kMake,
                               "A tensor of zeros of the given sizes.", "2, 3 | (2, 3) | () | 0");
static const Entry entry_ones("ones(*size, *, dtype=None)", function<ones>, kMake,
                              "A tensor of ones of the given sizes.", "2, 3 | (2, 3) | () | 0");
static const Entry entry_full("full(size, fill_value, *, dtype=None)", function<full>, kMake,
                              "A tensor of the given sizes with one value everywhere.",
                              "(2, 3), 1.5 | (2,), 3 | (), True | (0,), 1.0");
static const Entry entry_empty_like("empty_like(input, *, dtype=None, memory_format=None)",
                                    function<empty_like>, kMakeLike,
                                    "A tensor like input whose values are not set.",
                                    "c(0, 3) | c(0)");
static const Entry entry_zeros_like("zeros_like(input, *, dtype=None, memory_format=None)",
                                    function<zeros_like>, kMakeLike,
                                    "Zeros in the shape and dtype of input.",
                                    "c(2, 3) | c() | i(3, high=4) | c(0, 2)");
static const Entry entry_ones_like("ones_like(input, *, dtype=None, memory_format=None)",
                                   function<ones_like>, kMakeLike,
                                   "Ones in the shape and dtype of input.",
                                   "c(2, 3) | c() | i(3, high=4) | c(0, 2)");
static const Entry entry_full_like(
    "full_like(input, fill_value, *, dtype=None, "
    "memory_format=None)",
    function<full_like>, kMakeLike, "One value everywhere in the shape and dtype of input.",
    "c(2, 3), 1.5 | c(), 2 | i(3, high=4), 7");
static const Entry entry_new_empty("new_empty(input, *size, *, dtype=None)", function<new_empty>,
                                   kMakeNew, "A tensor of the dtype of input, values not set.",
                                   "c(2), 0 | c(2), (0, 3)");
static const Entry entry_new_zeros("new_zeros(input, *size, *, dtype=None)", function<new_zeros>,
                                   kMakeNew, "Zeros of the dtype of input.",
                                   "c(2), 2, 3 | i(2, high=3), (2,)");
static const Entry entry_new_ones("new_ones(input, *size, *, dtype=None)", function<new_ones>,
                                  kMakeNew, "Ones of the dtype of input.",
                                  "c(2), 2, 3 | i(2, high=3), (2,)");
static const Entry entry_new_full("new_full(input, size, fill_value, *, dtype=None)",
                                  function<new_full>, kMakeNew,
                                  "One value everywhere, of the dtype of input.",
                                  "c(2), (2, 3), 1.5 | i(2, high=3), (2,), 4");
static const Entry entry_scalar_tensor("scalar_tensor(s, *, dtype=None)", function<scalar_tensor>,
                                       kMakeLike, "A tensor without dimensions with one number.",
                                       "2 | 2.5 | True");
static const Entry entry_arange1("arange(end, *, dtype=None)", function<arange_end>, kMakeRange,
                                 "The numbers 0, 1, ... below end.", "5 | 5.5 | 0");
static const Entry entry_arange2("arange(start, end, *, dtype=None)", function<arange_start>,
                                 kMakeRange, "The numbers start, start + 1, ... below end.",
                                 "1, 5 | 1.5, 4.0 | 3, 3");
static const Entry entry_arange3("arange(start, end, step, *, dtype=None)", function<arange>,
                                 kMakeRange, "The numbers start, start + step, ... before end.",
                                 "1, 10, 3 | 0.0, 1.0, 0.25 | 5, 0, -2");
static const Entry entry_linspace("linspace(start, end, steps, *, dtype=None)", function<linspace>,
                                  kMakeRange,
                                  "Numbers at equal distances from start to end, inclusive.",
                                  "0, 1, 5 | -1.5, 2.0, 7 | 3, 4, 1 | 0, 1, 0");
static const Entry entry_logspace("logspace(start, end, steps, base=10.0, *, dtype=None)",
                                  function<logspace>, kMakeRange,
                                  "Powers of base, their exponents at equal distances.",
                                  "0, 2, 5 | 0, 3, 4, 2.0");
static const Entry entry_eye("eye(n:index, *, dtype=None)", function<square_eye>, kMake,
                             "A square matrix with ones on the diagonal and zeros elsewhere.",
                             "3 | 0");
static const Entry entry_eye_of("eye(n:index, m:index, *, dtype=None)", function<eye>, kMake,
                                "A matrix with ones on the diagonal and zeros elsewhere.", "2, 4");
static const Entry entry_tril_indices("tril_indices(row, col, offset=0, *, dtype=None)",
                                      function<tril_indices>, kMakeLike,
                                      "Row and column numbers of the lower triangle.",
                                      "3, 4 | 3, 3, -1 | 3, 3, 1 | 0, 2");
static const Entry entry_triu_indices("triu_indices(row, col, offset=0, *, dtype=None)",
                                      function<triu_indices>, kMakeLike,
                                      "Row and column numbers of the upper triangle.",
                                      "3, 4 | 3, 3, -1 | 3, 3, 1 | 0, 2");
static const Entry entry_result_type("result_type(tensor, other)", function<result_type_of>,
                                     kFunctionForm | kNoGrad,
                                     "The dtype of an operation on two operands.",
                                     "c(2), i(2, high=3) | i(2, high=3), 1.5 | c(2), c()");
static const Entry entry_result_type_scalar("result_type(scalar, tensor)",
                                            function<result_type_scalar>, kFunctionForm | kNoGrad,
                                            "The dtype of an operation on two operands.",
                                            "1.5, i(2, high=3) | True, c(2)");
static const Entry entry_result_type_scalars("result_type(scalar1, scalar2)",
                                             function<result_type_scalars>, kFunctionForm | kNoGrad,
                                             "The dtype of an operation on two operands.",
                                             "1, 2.5 | True, 3");
static const Entry entry_promote_types("promote_types(type1, type2)", function<promote_types_of>,
                                       kFunctionForm | kNoGrad,
                                       "The smallest dtype that holds both.",
                                       "int, float | float64, int32 | uint8, bool");
static const Entry entry_can_cast("can_cast(from_, to)", function<can_cast_to>,
                                  kFunctionForm | kNoGrad,
                                  "Whether a result of one dtype may be stored in another.",
                                  "float64, int32 | int32, float64 | uint8, bool");

}  // namespace pullback
