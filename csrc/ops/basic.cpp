// See basic.h: copies and casts, the views behind broadcasting, and summing over them.
//
// The other views are in view.cpp, the other reductions in reduction.cpp.
#include "ops/basic.h"

#include "core/warning.h"
#include "kernels/copy.h"
#include "kernels/reduce/reduce.h"
#include "ops/format.h"
#include "ops/op.h"

namespace pullback {
namespace {

// Copies, possibly to another dtype or layout.
struct Copy {
  enum class Kind : std::uint8_t { Clone, Cast };
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  static constexpr bool kLinear = true;
  static constexpr bool kMoves = true;
  struct Attrs {
    DType to;
    DType from;
    Kind kind;
    MemoryFormat format = MemoryFormat::Preserve;
    Attrs batched(std::int64_t) const {
      check_outside_of_batch(format);
      return *this;
    }
  };
  static const char* node_name(const Attrs& a) {
    return a.kind == Kind::Clone ? "CloneBackward0" : "ToCopyBackward0";
  }
  static Spec spec(const Attrs& a, In in) { return {in[0].shape(), a.to}; }
  static void fill(const Attrs&, In in, const Tensor& out) {
    kernels::copy(view_of(out), view_of(in[0]));
  }
  static Tensor make(const Attrs& a, const Tensor& x) {
    if (a.format == MemoryFormat::Preserve) return empty_strided_like(x, a.to);
    return empty_in(a.format, x.sizes(), a.to);
  }
  static void vjp(Vjp<Copy>& v) { v.give(0, cast_gradient(v.grad(), v.attrs().from)); }
};

// A view whose sizes repeat along dimensions of size 1 and new leading ones.
struct Expand {
  static constexpr const char* kNode = "ExpandBackward0";
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  static constexpr bool kLinear = true;
  struct Attrs {
    Dims sizes;
    Dims from;
    Attrs batched(std::int64_t batch) const {
      // New leading dimensions come behind the batch: the input is viewed with them as ones.
      Attrs b = *this;
      b.sizes.insert(0, batch);
      b.from.insert(0, batch);
      return b;
    }
  };
  static Tensor batch(const Attrs& a, In in, int) {
    const detail::Unwrapped u = detail::unwrap(in);
    Tensor x = u.tensors[0];
    for (int k = static_cast<int>(a.sizes.size()) - (x.ndim() - 1); k > 0; --k) x = unsqueeze(x, 1);
    Dims sizes = a.sizes;
    sizes.insert(0, u.batch);
    return make_batched(expand(x, sizes), u.level);
  }
  // A new dimension of size 1 has the stride of a dense one, as in torch.
  static Tensor view(const Attrs& a, const Tensor& x) {
    Dims strides = broadcast_strides(x, a.sizes);
    if (x.ndim() == 0) return x.alias(a.sizes, strides);
    for (int d = a.sizes.size() - x.ndim() - 1; d >= 0; --d) {
      if (a.sizes[d] == 1) strides[d] = a.sizes[d + 1] * strides[d + 1];
    }
    return x.alias(a.sizes, strides);
  }
  static void vjp(Vjp<Expand>& v) { v.give(0, sum_to(v.grad(), v.attrs().from)); }
};

// Sums over leading dimensions and those where `to` has size 1: the transpose of Expand.
struct SumTo {
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  static constexpr bool kComplex = true;
  static constexpr bool kLinear = true;
  struct Attrs {
    Dims to;
    Dims from;
    Attrs batched(std::int64_t) const { return *this; }
  };
  // In torch this is a sum, and a view where dimensions go.
  static const char* node_name(const Attrs& a) {
    if (a.to.empty()) return "SumBackward0";
    return a.to.size() < a.from.size() ? "ViewBackward0" : "SumBackward1";
  }
  static Tensor batch(const Attrs& a, In in, int) {
    const detail::Unwrapped u = detail::unwrap(in);
    Dims to = a.to;
    while (to.size() < a.from.size()) to.insert(0, 1);
    to.insert(0, u.batch);
    Dims sizes = a.to;
    sizes.insert(0, u.batch);
    return make_batched(reshape(sum_to(u.tensors[0], to), sizes), u.level);
  }
  static Spec spec(const Attrs& a, In in) { return {a.to, in[0].dtype()}; }
  static void fill(const Attrs& a, In in, const Tensor& out) {
    const int lead = a.from.size() - a.to.size();
    Dims keep(a.from.size(), 1);
    Dims strides(a.from.size(), 0);
    for (int d = 0; d < a.to.size(); ++d) {
      keep[lead + d] = a.to[d];
      strides[lead + d] = out.stride(d);
    }
    kernels::View view = view_of(out);
    view.sizes = keep.data();
    view.strides = strides.data();
    view.ndim = keep.size();
    kernels::reduce(kernels::Reduce::Sum, view, view_of(in[0]));
  }
  static void vjp(Vjp<SumTo>& v) { v.give(0, expand(v.grad(), v.attrs().from)); }
};

// The first input; the second one is there for the graph.
struct Stepwise {
  static constexpr int kInputs = 2;
  static constexpr int kOutputs = 1;
  static constexpr bool kMoves = true;
  struct Attrs {
    const char* node;
    Attrs batched(std::int64_t) const { return *this; }
  };
  static const char* node_name(const Attrs& a) { return a.node; }
  static Spec spec(const Attrs&, In in) { return {in[0].shape(), in[0].dtype()}; }
  static void fill(const Attrs&, In in, const Tensor& out) { copy_values(out, in[0]); }
  static void vjp(Vjp<Stepwise>& v) {
    if (v.wants(0)) v.give(0, v.grad());
    if (v.wants(1)) v.give(1, Tensor::zeros(v.grad().sizes(), v.grad().dtype()));
  }
  static Tensor jvp(Jvp<Stepwise>& j) { return j.tangent(0); }
};

}  // namespace

Tensor stepwise(const char* node, const Tensor& slope, const Tensor& x) {
  if (!mode.grad || !(x.requires_grad() || x.has(kBatched))) return slope;
  return apply<Stepwise>({node}, slope, x);
}

Dims broadcast_strides(const Tensor& t, Sizes sizes) {
  const int lead = static_cast<int>(sizes.size()) - t.ndim();
  Dims strides(static_cast<int>(sizes.size()));
  for (int d = 0; d < t.ndim(); ++d) {
    strides[lead + d] = t.size(d) == sizes[static_cast<std::size_t>(lead + d)] ? t.stride(d) : 0;
  }
  return strides;
}

void warn_of_lost_parts(DType from, DType to) {
  if (!is_complex(from) || is_complex(to) || to == DType::Bool) [[likely]]
    return;
  warn("Casting complex values to real discards the imaginary part");
}

Tensor cast_gradient(const Tensor& gradient, DType dtype) {
  return cast(is_complex(dtype) ? gradient : real(gradient), dtype);
}

Tensor cast(const Tensor& input, DType dtype) {
  if (input.dtype() == dtype) return input;
  warn_of_lost_parts(input.dtype(), dtype);
  return apply<Copy>({dtype, input.dtype(), Copy::Kind::Cast}, input);
}

Tensor clone(const Tensor& input, MemoryFormat format) {
  return apply<Copy>({input.dtype(), input.dtype(), Copy::Kind::Clone, format}, input);
}

Tensor to_copy(const Tensor& input, DType dtype, MemoryFormat format) {
  warn_of_lost_parts(input.dtype(), dtype);
  return apply<Copy>({dtype, input.dtype(), Copy::Kind::Cast, format}, input);
}

Tensor contiguous(const Tensor& input) {
  if (input.is_contiguous()) return input;
  return clone(input, MemoryFormat::Contiguous);
}

Tensor expand(const Tensor& input, Sizes sizes) {
  Dims to(sizes);
  const int lead = to.size() - input.ndim();
  if (lead < 0) {
    fail("expand(torch.", info(input.dtype()).scalar_name, "Tensor{", input.shape(), "}, size=", to,
         "): the number of sizes provided (", to.size(),
         ") must be greater or equal to the number of dimensions in the tensor (", input.ndim(),
         ")");
  }
  for (int d = 0; d < to.size(); ++d) {
    if (to[d] == -1) {
      check(d >= lead,
            "The expanded size of the tensor (-1) isn't allowed in a leading, non-existing "
            "dimension ",
            d);
      to[d] = input.size(d - lead);
    }
    check(to[d] >= 0, "expand: got size ", to[d], " at dimension ", d,
          ", expected a size, or -1 to keep the existing one.");
    const std::int64_t from = d < lead ? 1 : input.size(d - lead);
    check(from == to[d] || from == 1, "The expanded size of the tensor (", to[d],
          ") must match the existing size (", from, ") at non-singleton dimension ", d,
          ".  Target sizes: ", to, ".  Tensor sizes: ", input.shape());
  }
  return apply<Expand>({to, input.shape()}, input);
}

Tensor sum_to(const Tensor& input, Sizes sizes) {
  if (same(input.sizes(), sizes)) return input;
  check(broadcastable_to(sizes, input.sizes()), "sum_to_size: got size ", Dims(sizes),
        ", expected one that expands to ", input.shape(), ".");
  return apply<SumTo>({Dims(sizes), input.shape()}, input);
}

Tensor copy_to_dtype(const Tensor& input, DType dtype) {
  Tensor out = Tensor::empty(input.sizes(), dtype);
  kernels::copy(view_of(out), view_of(input));
  return out;
}

void check_row_major(const char* op, std::optional<MemoryFormat> format) {
  check(format != MemoryFormat::Preserve, op,
        "(): unsupported memory format Preserve, expected contiguous_format.");
}

Tensor widened(const Tensor& input) {
  if (!is_narrow(input.dtype())) return input;
  Tensor out = empty_strided_like(input, wide_of(input.dtype()));
  kernels::copy(view_of(out), view_of(input));
  return out;
}

void copy_values(const Tensor& target, const Tensor& source) {
  const Dims strides = broadcast_strides(source, target.sizes());
  kernels::View from = view_of(source);
  from.sizes = target.sizes().data();
  from.strides = strides.data();
  from.ndim = target.ndim();
  kernels::copy(view_of(target), from);
}

void fill_values(const Tensor& target, const Scalar& number) {
  Element element;
  number.store(target.dtype(), &element);
  kernels::fill(view_of(target), &element);
}

const Tensor& Workspace::dense(int k, const Tensor& t) const {
  const Tensor& room = memory_[at(k)];
  if (!room.defined()) return t;
  kernels::copy(view_of(room), view_of(t));
  return room;
}

Tensor empty_strided_like(const Tensor& model, DType dtype) {
  const Tensor made = Tensor::empty(model.sizes(), dtype);
  if (same(model.strides(), made.strides())) return made;
  if (model.is_contiguous() || is_dense(model.sizes(), model.strides())) {
    return made.alias(model.sizes(), model.strides());
  }
  const Dims strides(model.strides());
  return made.alias(model.sizes(), dense_strides(model.sizes(), {&strides, 1}));
}

Tensor expanded_zeros(Sizes sizes, DType dtype) { return expand(Tensor::zeros({}, dtype), sizes); }

Tensor tangent_or_zeros(const Tensor& tangent, const Tensor& like) {
  return tangent.defined() ? tangent : expanded_zeros(like.sizes(), like.dtype());
}

}  // namespace pullback
