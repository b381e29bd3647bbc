// Matrix products of two tensors: mm, bmm, mv, dot, and matmul, which chooses among them.
//
// The first three are one operator with three names: `a` is a matrix or a stack of matrices, `b` a
// matrix, a stack or a vector.  Gradients are products with transposed views, never with copies.
// Products with an addend (addmm, linear, ...) are in addmm.cpp, those of several tensors or other
// forms in products.cpp and einsum.cpp.
#include "ops/linalg/matmul.h"

#include "kernels/copy.h"
#include "kernels/linalg/gemm.h"
#include "ops/basic.h"
#include "ops/op.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/reduce/reduction.h"
#include "ops/shape/view.h"
#include "ops/table.h"

namespace pullback {
namespace {

// The examples of a tensor at this level, or the tensor itself when it is the same for all.
Tensor examples(const Tensor& t, int level) {
  return t.has(kBatched) && meta_of(t)->level == level ? meta_of(t)->batch : t;
}
bool is_batched(const Tensor& t, int level) { return !examples(t, level).is_same(t); }

// A vector seen as a column.
class Column {
 public:
  explicit Column(const Tensor& v) : sizes_{v.size(0), 1}, strides_{v.stride(0), 1} {
    view_ = {v.bytes(), sizes_, strides_, 2, v.dtype()};
  }
  Column(const Column&) = delete;
  Column& operator=(const Column&) = delete;
  operator const kernels::View&() const { return view_; }  // NOLINT: that is its purpose

 private:
  std::int64_t sizes_[2];
  std::int64_t strides_[2];
  kernels::View view_;
};

enum class Form : std::uint8_t { Mm, Bmm, Mv };

struct Product {
  static constexpr int kInputs = 2;
  static constexpr int kOutputs = 1;
  static constexpr bool kComplex = true;
  static constexpr bool kMatrixProduct = true;
  struct Attrs {
    Form form;
  };
  static const char* node_name(const Attrs& a) {
    return a.form == Form::Mm    ? "MmBackward0"
           : a.form == Form::Bmm ? "BmmBackward0"
                                 : "MvBackward0";
  }
  static Spec spec(const Attrs& a, In in) {
    Dims sizes = in[0].shape();
    if (a.form == Form::Mv) {
      sizes.erase(1);
    } else {
      sizes[sizes.size() - 1] = in[1].size(in[1].ndim() - 1);
    }
    return {sizes, in[0].dtype()};
  }
  static void fill(const Attrs& a, In in, const Tensor& out) {
    if (out.dtype() == DType::Bool) {
      fill_values(out, Scalar(false));
    } else if (a.form == Form::Mv) {
      kernels::gemm(Column(out), view_of(in[0]), Column(in[1]));
    } else {
      kernels::gemm(view_of(out), view_of(in[0]), view_of(in[1]));
    }
  }
  static Tensor batch(const Attrs& attrs, In in, int level) {
    const Tensor a = examples(in[0], level);
    const Tensor b = examples(in[1], level);
    if (attrs.form != Form::Mv) return make_batched(matmul(a, b), level);
    if (!is_batched(in[1], level)) return make_batched(matmul(a, b), level);
    if (!is_batched(in[0], level)) return make_batched(mm(b, t(a)), level);
    return make_batched(squeeze_dim(bmm(a, unsqueeze(b, -1)), -1), level);
  }
  static constexpr Reads kReads[] = {kReadsB, kReadsA};
  static void vjp(Vjp<Product>& v) {
    const Form form = v.attrs().form;
    if (v.wants(0)) {
      v.give(0, form == Form::Mv ? outer_of_gradient(v.grad(), conj(v.in(1)))
                                 : product_of_gradient(v.grad(), matrix_adjoint(v.in(1))));
    }
    if (v.wants(1)) v.give(1, product_with_gradient(matrix_adjoint(v.in(0)), v.grad()));
  }
  static Tensor jvp(Jvp<Product>& j) {
    Tensor sum;
    if (j.tangent(0).defined()) sum = product(j.tangent(0), j.in(1));
    if (j.tangent(1).defined()) {
      const Tensor right = product(j.in(0), j.tangent(1));
      sum = sum.defined() ? sum + right : right;
    }
    return sum;
  }
};

struct Dot {
  static constexpr int kInputs = 2;
  static constexpr int kOutputs = 1;
  static constexpr bool kComplex = true;
  static constexpr bool kMatrixProduct = true;
  struct Attrs {
    const char* node;
  };
  static const char* node_name(const Attrs& a) { return a.node; }
  static Spec spec(const Attrs&, In in) { return {Dims(), in[0].dtype()}; }
  static void fill(const Attrs&, In in, const Tensor& out) {
    kernels::dot(view_of(out), view_of(in[0]), view_of(in[1]));
  }
  static Tensor batch(const Attrs&, In in, int level) {
    const Tensor a = examples(in[0], level);
    const Tensor b = examples(in[1], level);
    if (!is_batched(in[0], level)) return make_batched(mv(b, a), level);
    if (!is_batched(in[1], level)) return make_batched(mv(a, b), level);
    const Tensor product = bmm(unsqueeze(a, 1), unsqueeze(b, 2));
    return make_batched(reshape(product, Dims{product.size(0)}), level);
  }
  static constexpr Reads kReads[] = {kReadsB, kReadsA};
  static void vjp(Vjp<Dot>& v) {
    if (v.wants(0)) v.give(0, v.grad() * conj(v.in(1)));
    if (v.wants(1)) v.give(1, v.grad() * conj(v.in(0)));
  }
  static Tensor jvp(Jvp<Dot>& j) {
    Tensor sum;
    if (j.tangent(0).defined()) sum = dot(j.tangent(0), j.in(1));
    if (j.tangent(1).defined()) {
      const Tensor right = dot(j.in(0), j.tangent(1));
      sum = sum.defined() ? sum + right : right;
    }
    return sum;
  }
};

// A product that takes no multiplication: then also bool is accepted, as in torch.
bool is_nothing(const Tensor& a, const Tensor& b) { return a.numel() == 0 || b.numel() == 0; }

Tensor check_dot(const char* node, const Tensor& a, const Tensor& b) {
  check(a.ndim() == 1 && b.ndim() == 1, "1D tensors expected, but got ", a.ndim(), "D and ",
        b.ndim(), "D tensors");
  check(a.dtype() == b.dtype(), "dot : expected both vectors to have same dtype, but found ",
        info(a.dtype()).scalar_name, " and ", info(b.dtype()).scalar_name);
  check(a.numel() == b.numel(), "inconsistent tensor size, expected tensor [", a.numel(),
        "] and src [", b.numel(), "] to have the same number of elements, but got ", a.numel(),
        " and ", b.numel(), " elements respectively");
  check(ErrorKind::NotImplemented, a.dtype() != DType::Bool, "\"dot\" not implemented for 'Bool'");
  return apply<Dot>({node}, a, b);
}

// Matrices in the last two dimensions, the others broadcast.
Tensor matmul_stacks(const Tensor& a, const Tensor& b) {
  const auto stack = [](const Tensor& x) { return x.sizes().first(x.sizes().size() - 2); };
  const Dims shape = broadcast(stack(a), stack(b));
  const std::int64_t count = count_elements(shape);
  const auto flat = [&](const Tensor& x) {
    const std::int64_t rows = x.size(x.ndim() - 2);
    const std::int64_t columns = x.size(x.ndim() - 1);
    Dims sizes = shape;
    sizes.push_back(rows);
    sizes.push_back(columns);
    const Tensor whole = same(x.sizes(), sizes) ? x : expand(x, sizes);
    return whole.ndim() == 3 ? whole : reshape(whole, Dims{count, rows, columns});
  };
  const Tensor result = bmm(flat(a), flat(b));
  Dims sizes = shape;
  sizes.push_back(result.size(1));
  sizes.push_back(result.size(2));
  return unsafe_view(result, sizes);
}

}  // namespace

void check_same_dtype(const Tensor& a, const Tensor& b) {
  check(a.dtype() == b.dtype(),
        "expected m1 and m2 to have the same dtype, but got: ", info(a.dtype()).c_name,
        " != ", info(b.dtype()).c_name);
}

void check_product(const Tensor& a, const Tensor& b) {
  if (a.size(1) != b.size(0)) {
    fail("mat1 and mat2 shapes cannot be multiplied (", a.size(0), "x", a.size(1), " and ",
         b.size(0), "x", b.size(1), ")");
  }
  check_same_dtype(a, b);
  check(ErrorKind::NotImplemented, a.dtype() != DType::Bool || is_nothing(a, b),
        "\"addmm_impl_cpu_\" not implemented for 'Bool'");
}

Tensor mm(const Tensor& input, const Tensor& mat2) {
  check(input.ndim() == 2, "self must be a matrix");
  check(mat2.ndim() == 2, "mat2 must be a matrix");
  check_product(input, mat2);
  return apply<Product>({Form::Mm}, input, mat2);
}

Tensor bmm(const Tensor& input, const Tensor& mat2) {
  check(input.ndim() == 3, "batch1 must be a 3D tensor");
  check(mat2.ndim() == 3, "batch2 must be a 3D tensor");
  check(input.size(0) == mat2.size(0) && input.size(2) == mat2.size(1),
        "Expected size for first two dimensions of batch2 tensor to be: [", input.size(0), ", ",
        input.size(2), "] but got: [", mat2.size(0), ", ", mat2.size(1), "].");
  check(input.dtype() == mat2.dtype(), "expected scalar type ", info(input.dtype()).scalar_name,
        " but found ", info(mat2.dtype()).scalar_name);
  check(ErrorKind::NotImplemented, input.dtype() != DType::Bool || is_nothing(input, mat2),
        "\"baddbmm\" not implemented for 'Bool'");
  return apply<Product>({Form::Bmm}, input, mat2);
}

Tensor mv(const Tensor& input, const Tensor& vec) {
  check(input.ndim() == 2 && vec.ndim() == 1, "vector + matrix @ vector expected, got 1, ",
        input.ndim(), ", ", vec.ndim());
  check(input.size(1) == vec.size(0), "size mismatch, got input (", input.size(0), "), mat (",
        input.size(0), "x", input.size(1), "), vec (", vec.size(0), ")");
  if (input.dtype() != vec.dtype()) {
    const char* v = info(vec.dtype()).scalar_name;
    fail("addmv input tensors must have the same dtype, but got ", v, ", ",
         info(input.dtype()).scalar_name, ", and ", v);
  }
  check(ErrorKind::NotImplemented, input.dtype() != DType::Bool || is_nothing(input, vec),
        "\"addmv_impl_cpu\" not implemented for 'Bool'");
  return apply<Product>({Form::Mv}, input, vec);
}

Tensor product(const Tensor& a, const Tensor& b) {
  return b.ndim() == 1 ? mv(a, b) : a.ndim() == 3 ? bmm(a, b) : mm(a, b);
}

Tensor matrix_adjoint(const Tensor& a) { return conj(matrix_transpose(a)); }

Tensor matrix_transpose(const Tensor& a) { return a.ndim() == 2 ? t(a) : transpose(a, -2, -1); }

Tensor dot(const Tensor& input, const Tensor& tensor) {
  return check_dot("DotBackward0", input, tensor);
}

Tensor vdot(const Tensor& input, const Tensor& other) {
  return check_dot("VdotBackward0", conj(input), other);
}

Tensor outer(const Tensor& input, const Tensor& vec2) {
  check(input.ndim() == 1, "outer: Expected 1-D argument self, but got ", input.ndim(), "-D");
  check(vec2.ndim() == 1, "outer: Expected 1-D argument vec2, but got ", vec2.ndim(), "-D");
  return unsqueeze(input, 1) * vec2;
}

Tensor matmul(const Tensor& input, const Tensor& other) {
  const int a = input.ndim();
  const int b = other.ndim();
  if (a == 2 && b == 2) return mm(input, other);
  if (a == 0 || b == 0) {
    fail("both arguments to matmul need to be at least 1D, but they are ", a, "D and ", b, "D");
  }
  if (a == 1 && b == 1) return dot(input, other);
  if (a == 2 && b == 1) return mv(input, other);
  if (a == 1 && b == 2) {
    const Tensor row = mm(unsqueeze(input, 0), other);
    return unsafe_view(row, Dims{row.size(1)}, "SqueezeBackward4");
  }
  Dims sizes;
  if (b <= 2) {
    Dims rows{-1, input.size(a - 1)};
    sizes = input.shape();
    sizes.erase(a - 1);
    rows[0] = count_elements(sizes);
    if (b == 2) sizes.push_back(other.size(1));
    return unsafe_view(product(reshape(input, rows), other), sizes);
  }
  if (a == 1) {
    const Tensor result = matmul_stacks(unsqueeze(input, 0), other);
    sizes = result.shape();
    sizes.erase(result.ndim() - 2);
    return unsafe_view(result, sizes);
  }
  // As in torch: one product, so that the gradient of the matrix is no sum over a stack.
  if (a == 2 && input.requires_grad()) {
    return contiguous(matrix_transpose(matmul(matrix_transpose(other), t(input))));
  }
  return matmul_stacks(input, other);
}

static Tensor matmul_entry(const Tensor& input, const Tensor& other, Target target) {
  const int a = input.ndim();
  const int b = other.ndim();
  const bool is_one_operator = (a == 2 && (b == 1 || b == 2)) || (a == 1 && b == 1);
  const Offer last(is_one_operator ? target : Target());
  return matmul(input, other);
}

static const Entry entry_matmul(
    "matmul(input, other)", function<matmul_entry>, kBoth | kLinalgForm,
    "The product of two vectors, matrices or stacks of matrices; stacks broadcast.",
    "x(3,4), x(4,2) | x(4), x(4) | x(3,4), x(4) | x(4), x(4,2) | x(2,3,4), x(4,5) | x(2,3,4), x(4) "
    "| x(4), x(2,4,3) | x(3,4), x(2,4,5) | x(2,3,4), x(2,4,5) | x(2,1,3,4), x(5,4,2) | xs(3,4), "
    "xs(4,2) | x(0,4), x(4,2) | x(3,0), x(0,2) | x(0), x(0)");
static const Entry entry_mm("mm(input, mat2)", direct<mm>, kBoth, "The product of two matrices.",
                            "x(3,4), x(4,2) | xs(3,4), xs(4,2) | x(3,0), x(0,2) | x(0,3), x(3,2)");
static const Entry entry_bmm("bmm(input, mat2)", direct<bmm>, kBoth,
                             "The products of the matrices in two stacks of equal length.",
                             "x(2,3,4), x(2,4,5) | xs(2,3,4), xs(2,4,5) | x(0,3,4), x(0,4,2) "
                             "| x(2,3,0), x(2,0,2)");
static const Entry entry_mv("mv(input, vec)", direct<mv>, kBoth,
                            "The product of a matrix and a vector.",
                            "x(3,4), x(4) | xs(3,4), x(4) | x(3,0), x(0)");
static const Entry entry_dot("dot(input, tensor)", direct<dot>, kBoth,
                             "The inner product of two vectors.",
                             "x(4), x(4) | x(0), x(0) | x(4), tensor=x(4)");
static const Entry entry_vdot("vdot(input, other)", direct<vdot>, kBoth,
                              "The inner product of two vectors, the first one conjugated.",
                              "x(4), x(4) | x(0), x(0)");
static const Entry entry_outer("outer(input, vec2)", function<outer>, kCastBoth,
                               "The products of the elements of two vectors.",
                               "x(3), x(4) | x(0), x(2)");
static const Entry entry_ger("ger(input, vec2)", function<outer>, kCastBoth, "The same as outer.",
                             "x(3), x(4)");

}  // namespace pullback
