// The table of elementwise loops and the drivers that walk strided operands with them.
#include "kernels/elementwise.h"

#include "core/error.h"
#include "kernels/dispatch.h"
#include "kernels/narrow.h"
#include "kernels/nest.h"

namespace pullback::kernels {

PULLBACK_ISA_DECLARE(void fill_arithmetic(ElementwiseTable&); void fill_compare(ElementwiseTable&);
                     void fill_math(ElementwiseTable&); void fill_activation(ElementwiseTable&);)
namespace plain {
void fill_special(ElementwiseTable&);
}

ElementwiseTable elementwise_table;

namespace {

struct FillTable {
  FillTable() {
    PULLBACK_ISA_SELECT(fill_arithmetic)(elementwise_table);
    PULLBACK_ISA_SELECT(fill_compare)(elementwise_table);
    PULLBACK_ISA_SELECT(fill_math)(elementwise_table);
    PULLBACK_ISA_SELECT(fill_activation)(elementwise_table);
    plain::fill_special(elementwise_table);
  }
};
// Early, so that static initialisers elsewhere may look loops up.
[[gnu::init_priority(200)]] const FillTable fill_table;

// From how many elements on threads pay, and the size of their blocks.
struct Work {
  std::int64_t threshold, grain;
};
constexpr Work kLight{1 << 17, 1 << 15};  // a few instructions per element
constexpr Work kMath{1 << 15, 1 << 13};   // vector math
constexpr Work kSlow{1 << 13, 1 << 11};   // scalar calls

Work work(Unary op) {
  switch (op) {
    case Unary::Erfinv:
    case Unary::Lgamma:
    case Unary::Digamma:
    case Unary::Polygamma:
    case Unary::Logit:
    case Unary::Sinc:
      return kSlow;
    case Unary::LeakyRelu:
    case Unary::Hardswish:
    case Unary::Hardsigmoid:
    case Unary::Hardshrink:
    case Unary::Softshrink:
    case Unary::Threshold:
      return kLight;
    default:
      return op >= Unary::Exp ? kMath : kLight;
  }
}

Work work(Binary op) {
  switch (op) {
    case Binary::FloorDivide:
    case Binary::Remainder:
    case Binary::Fmod:
    case Binary::Pow:
    case Binary::Atan2:
    case Binary::Hypot:
    case Binary::LowerGamma:
    case Binary::UpperGamma:
    case Binary::GammaSlope:
      return kSlow;
    case Binary::Xlogy:
    case Binary::Logaddexp:
    case Binary::SiluGrad:
    case Binary::GeluGrad:
    case Binary::GeluTanhGrad:
    case Binary::SoftplusGrad:
    case Binary::EluGrad:
    case Binary::Logaddexp2:
      return kMath;
    default:
      return kLight;
  }
}

void check_loop(bool found, DType dtype) {
  check(ErrorKind::NotImplemented, found, "elementwise: not implemented for '",
        info(dtype).scalar_name, "'");
}

template <typename T>
bool has_zero(const View& b) {
  const Nest<1> nest({&b});
  const std::int64_t stride = nest.numel() == 0 ? 0 : nest.inner_stride(0);
  bool found = false;
  nest.run(nest.numel() + 1, 1, [&](const auto& at, std::int64_t n) {
    bool any = false;
    for (std::int64_t i = 0; i < n; ++i) {
      any |= *reinterpret_cast<const T*>(at[0] + i * stride) == 0;
    }
    found |= any;
  });
  return found;
}

}  // namespace

void check_divisor(const View& b) {
  bool found = false;
  switch (b.dtype) {
    case DType::UInt8:
      found = has_zero<std::uint8_t>(b);
      break;
    case DType::Int32:
      found = has_zero<std::int32_t>(b);
      break;
    case DType::Int64:
      found = has_zero<std::int64_t>(b);
      break;
    case DType::Int8:
      found = has_zero<std::int8_t>(b);
      break;
    case DType::Int16:
      found = has_zero<std::int16_t>(b);
      break;
    case DType::Bool:
    case DType::Float16:
    case DType::BFloat16:
    case DType::Float32:
    case DType::Float64:
    case DType::Complex64:
    case DType::Complex128:
      break;
  }
  check(!found, "ZeroDivisionError");
}

namespace {

bool is_bool(Unary op) { return op >= Unary::LogicalNot && op <= Unary::IsFinite; }
bool is_bool(Binary op) { return op >= Binary::Eq && op <= Binary::LogicalXor; }

void unary_converted(Unary op, const View& out, const View& in, const double* params) {
  const DType wide = wide_of(in.dtype);
  const UnaryLoop loop = unary_loop(op, wide);
  check_loop(loop != nullptr, in.dtype);
  const Work w = work(op);
  run_converted<1>({&out, &in}, {is_bool(op) ? DType::Bool : wide, wide}, w.threshold, w.grain,
                   [&](const auto& at, const auto& strides, std::int64_t n) {
                     loop(at[0], at[1], strides[0], strides[1], n, params);
                   });
}

void binary_converted(Binary op, const View& out, const View& a, const View& b,
                      const double* params) {
  const DType wide = wide_of(a.dtype);
  const BinaryLoop loop = binary_loop(op, wide);
  check_loop(loop != nullptr, a.dtype);
  if (divides(op) && out.numel() != 0) check_divisor(b);
  const Work w = work(op);
  run_converted<2>({&out, &a, &b}, {is_bool(op) ? DType::Bool : wide, wide, wide}, w.threshold,
                   w.grain, [&](const auto& at, const auto& strides, std::int64_t n) {
                     loop(at[0], at[1], at[2], strides[0], strides[1], strides[2], n, params);
                   });
}

void ternary_converted(Ternary op, const View& out, const View& a, const View& b, const View& c,
                       const double* params) {
  const DType wide = wide_of(c.dtype);
  const TernaryLoop loop = ternary_loop(op, wide);
  check_loop(loop != nullptr, c.dtype);
  run_converted<3>(
      {&out, &a, &b, &c}, {wide, op == Ternary::Where ? DType::Bool : wide, wide, wide},
      kLight.threshold, kLight.grain, [&](const auto& at, const auto& strides, std::int64_t n) {
        loop(at[0], at[1], at[2], at[3], strides[0], strides[1], strides[2], strides[3], n, params);
      });
}

}  // namespace

void unary(Unary op, View out, View in, const double* params) {
  const UnaryLoop loop = unary_loop(op, in.dtype);
  if (loop == nullptr) [[unlikely]]
    return unary_converted(op, out, in, params);
  const Nest<2> nest({&out, &in});
  if (nest.numel() == 0) return;
  const std::int64_t so = nest.inner_stride(0), si = nest.inner_stride(1);
  const Work w = work(op);
  nest.run(w.threshold, w.grain,
           [&](const auto& at, std::int64_t n) { loop(at[0], at[1], so, si, n, params); });
}

void binary(Binary op, View out, View a, View b, const double* params) {
  const BinaryLoop loop = binary_loop(op, a.dtype);
  if (loop == nullptr || b.dtype != a.dtype) [[unlikely]]
    return binary_converted(op, out, a, b, params);
  const Nest<3> nest({&out, &a, &b});
  if (nest.numel() == 0) return;
  if (divides(op)) check_divisor(b);
  const std::int64_t so = nest.inner_stride(0), sa = nest.inner_stride(1),
                     sb = nest.inner_stride(2);
  const Work w = work(op);
  nest.run(w.threshold, w.grain, [&](const auto& at, std::int64_t n) {
    loop(at[0], at[1], at[2], so, sa, sb, n, params);
  });
}

void ternary(Ternary op, View out, View a, View b, View c, const double* params) {
  const TernaryLoop loop = ternary_loop(op, c.dtype);
  if (loop == nullptr || b.dtype != c.dtype) [[unlikely]]
    return ternary_converted(op, out, a, b, c, params);
  const Nest<4> nest({&out, &a, &b, &c});
  if (nest.numel() == 0) return;
  const std::int64_t so = nest.inner_stride(0), sa = nest.inner_stride(1),
                     sb = nest.inner_stride(2), sc = nest.inner_stride(3);
  nest.run(kLight.threshold, kLight.grain, [&](const auto& at, std::int64_t n) {
    loop(at[0], at[1], at[2], at[3], so, sa, sb, sc, n, params);
  });
}

}  // namespace pullback::kernels
