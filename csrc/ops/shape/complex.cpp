// The parts of complex numbers: views as pairs of real numbers, and conjugates.
//
// Conjugates are computed: no tensor is one lazily.  A conjugate is
// linear over the real numbers, and its own vjp and jvp.
#include <algorithm>

#include "core/warning.h"
#include "kernels/copy.h"
#include "kernels/elementwise.h"
#include "ops/as_strided.h"
#include "ops/basic.h"
#include "ops/op.h"
#include "ops/shape/view.h"
#include "ops/table.h"
#include "ops/target.h"

namespace pullback {
namespace {

Tensor seen(const Tensor& t, Sizes sizes, Sizes strides, DType dtype) {
  const Tensor view = Tensor::over(t.body()->storage, t.bytes(), sizes, strides, dtype);
  view.set(kInference, t.has(kInference));
  return view;
}

void check_pairs(const Tensor& x) {
  check(x.ndim() > 0, "Input tensor must have one or more dimensions");
  check(x.size(x.ndim() - 1) == 2, "Tensor must have a last dimension of size 2");
  if (x.numel() == 0) return;
  check(x.stride(x.ndim() - 1) == 1, "Tensor must have a last dimension with stride 1");
  for (int d = 0; d < x.ndim() - 1; ++d) {
    check(x.size(d) == 1 || x.stride(d) % 2 == 0,
          "Tensor must have a stride divisible by 2 for all but last "
          "dimension");
  }
  check(memory_offset(x) % 2 == 0, "Tensor must have a storage_offset divisible by 2");
}

struct ViewAsReal {
  static constexpr const char* kNode = "ViewAsRealBackward0";
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  static constexpr bool kLinear = true;
  struct Attrs {
    Attrs batched(std::int64_t) const { return *this; }
  };
  static Tensor view(const Attrs&, const Tensor& x) { return seen_as_real(x); }
  static void vjp(Vjp<ViewAsReal>& v);
};

struct ViewAsComplex {
  static constexpr const char* kNode = "ViewAsComplexBackward0";
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  using Attrs = ViewAsReal::Attrs;
  static Tensor view(const Attrs&, const Tensor& x) {
    check_pairs(x);
    return seen_as_complex(x);
  }
  static void vjp(Vjp<ViewAsComplex>& v) { v.give(0, view_as_real(v.grad())); }
  // The tangent may lie in memory otherwise.
  static Tensor jvp(Jvp<ViewAsComplex>& j) { return complex_of_pairs(j.tangent(0)); }
};

void ViewAsReal::vjp(Vjp<ViewAsReal>& v) { v.give(0, complex_of_pairs(v.grad())); }

// Of real numbers a copy.
struct Conj {
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  static constexpr bool kLinear = true;
  static constexpr bool kMoves = true;
  struct Attrs {
    const char* node;
    Attrs batched(std::int64_t) const { return *this; }
  };
  static const char* node_name(const Attrs& a) { return a.node; }
  static Spec spec(const Attrs&, In in) { return {in[0].shape(), in[0].dtype()}; }
  static Tensor make(const Attrs&, const Tensor& x) { return empty_strided_like(x, x.dtype()); }
  static void fill(const Attrs&, In in, const Tensor& out) {
    if (!is_complex(out.dtype())) return kernels::copy(view_of(out), view_of(in[0]));
    const kernels::Pairs from(view_of(in[0])), to(view_of(out));
    if (in[0].bytes() != out.bytes()) kernels::copy(to.part(0), from.part(0));
    kernels::apply(kernels::unary<"neg">, to.part(1), {from.part(1)});
  }
  static void vjp(Vjp<Conj>& v) { v.give(0, conj(v.grad())); }
};

// With a target also of real numbers an operator, which counts as a write.
Tensor conj_physical(const Tensor& input, Target target) {
  if (!is_complex(input.dtype()) && !target) return input;
  const bool in_place = bool(target);
  const Offer last(target);
  return apply<Conj>({in_place ? "ConjPhysicalBackward1" : "ConjPhysicalBackward0"}, input);
}

Tensor itself(const Tensor& input) { return input; }

struct IsReal {
  static constexpr const char* kNode = "IsRealBackward0";
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  static constexpr bool kMoves = true;
  static constexpr bool kNotDifferentiable = true;
  using Attrs = ViewAsReal::Attrs;
  static Spec spec(const Attrs&, In in) { return {in[0].shape(), DType::Bool}; }
  static void fill(const Attrs&, In in, const Tensor& out) {
    if (!is_complex(in[0].dtype())) return fill_values(out, Scalar(true));
    const kernels::Pairs pairs(view_of(in[0]));
    const kernels::View imaginary = pairs.part(1);
    const NumberView zero(Scalar(0), imaginary.dtype, out.sizes());
    kernels::apply(kernels::binary<"eq">, view_of(out), {imaginary, zero});
  }
};

Tensor isreal(const Tensor& input) { return apply<IsReal>({}, input); }

Tensor part_of_pairs(const Tensor& input, std::int64_t which) {
  return select(view_as_real(input), -1, which);
}

Tensor adjoint(const Tensor& input) {
  if (input.ndim() == 0) {
    warn("adjoint() is deprecated on 0-D tensors. Consider using x.conj().");
    return conj(input);
  }
  check(input.ndim() >= 2,
        "tensor.adjoint() is only supported on matrices or batches of matrices. Got ", input.ndim(),
        "-D tensor.");
  return conj(transpose(input, -2, -1));
}

}  // namespace

Tensor seen_as_real(const Tensor& t) {
  Dims sizes = t.shape();
  Dims strides(t.strides());
  for (std::int64_t& stride : strides) stride *= 2;
  sizes.push_back(2);
  strides.push_back(1);
  return seen(t, sizes, strides, real_of(t.dtype()));
}

Tensor seen_as_complex(const Tensor& pairs) {
  Dims sizes, strides;
  for (int d = 0; d < pairs.ndim() - 1; ++d) {
    sizes.push_back(pairs.size(d));
    strides.push_back(pairs.stride(d) / 2);
  }
  return seen(pairs, sizes, strides, complex_of(pairs.dtype()));
}

Tensor view_as_real(const Tensor& input) {
  check(is_complex(input.dtype()), "view_as_real is only supported for complex tensors");
  return apply<ViewAsReal>({}, input);
}

Tensor view_as_complex(const Tensor& input) {
  const DType dtype = input.dtype();
  check(dtype != DType::Float16,
        "view_as_complex: got a tensor of float16, whose complex dtype, complex32, is not "
        "supported. Use x.float().");
  check(dtype == DType::Float32 || dtype == DType::Float64,
        "view_as_complex is only supported for half, float and double tensors, but got a tensor of "
        "scalar type: ",
        info(dtype).scalar_name);
  return apply<ViewAsComplex>({}, input);
}

Tensor complex_of_pairs(const Tensor& pairs) {
  const auto even = [](std::int64_t stride) { return stride % 2 == 0; };
  const Sizes strides = pairs.strides();
  // A dimension of one element may have any stride, also where the elements are dense.
  const bool as_is = !pairs.has(kBatched) && pairs.is_contiguous() &&
                     even(pairs.storage_offset()) &&
                     std::all_of(strides.begin(), strides.end() - 1, even);
  return view_as_complex(as_is ? pairs : clone(pairs, MemoryFormat::Contiguous));
}

Tensor real(const Tensor& input) {
  return is_complex(input.dtype()) ? part_of_pairs(input, 0) : input;
}

Tensor imag(const Tensor& input) {
  check(is_complex(input.dtype()),
        "imag is not implemented for tensors with non-complex dtypes. Got torch.",
        name(input.dtype()), ", whose imaginary part is zero: use torch.zeros_like(input).");
  return part_of_pairs(input, 1);
}

Tensor conj(const Tensor& input) {
  return is_complex(input.dtype()) ? apply<Conj>({"ConjBackward0"}, input) : input;
}

static const Entry entry_view_as_real("view_as_real(input)", function<view_as_real>, kFunctionForm,
                                      "A view of complex numbers as pairs of real ones.",
                                      "z(3,4) | z() | zs(3,4)");
static const Entry entry_view_as_complex(
    "view_as_complex(input)", function<view_as_complex>, kFunctionForm,
    "A view of pairs, along the last dimension, as complex numbers.", "x(3,4,2) | x(2) | x(0,2)");
static const Entry entry_real("real(input)", function<real>, kFunctionForm,
                              "A view of the real parts; a real tensor itself.",
                              "z(3,4) | z() | zs(3,4) | x(3) | z(0,3)");
static const Entry entry_imag("imag(input)", function<imag>, kFunctionForm,
                              "A view of the imaginary parts of a complex tensor.",
                              "z(3,4) | z() | zs(3,4) | z(0,3)");
static const Entry entry_isreal("isreal(input)", function<isreal>, kView | kNoGrad,
                                "Where the imaginary part is zero: everywhere, of a real tensor.",
                                "z(3) | c(3,4) | i(3)");
static const Entry entry_conj("conj(input)", function<conj>, kView,
                              "The complex conjugates, as a copy; a real tensor itself.",
                              "z(3,4) | z() | zs(3,4) | x(3) | z(0,3)");
static const Entry entry_conj_physical("conj_physical(input)", function<conj_physical>,
                                       kBoth | kInPlaceForm,
                                       "The complex conjugates; a real tensor itself.",
                                       "z(3,4) | z() | zs(3,4) | z(0,3)");
static const Entry entry_adjoint("adjoint(input)", function<adjoint>, kView,
                                 "The conjugates of the matrices with their last two dimensions "
                                 "exchanged; of real matrices a view.",
                                 "x(3,4) | x(2,3,4) | xs(3,4) | x(0,3) | z(3,4)");
static const Entry entry_resolve_conj("resolve_conj(input)", function<itself>, kView,
                                      "The tensor itself: conjugates are computed.",
                                      "x(3,4) | z(3)");
static const Entry entry_resolve_neg("resolve_neg(input)", function<itself>, kView,
                                     "The tensor itself: negatives are computed.", "x(3,4) | z(3)");

}  // namespace pullback
