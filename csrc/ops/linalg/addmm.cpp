// Matrix products with an addend: addmm, addmv, baddbmm, addbmm, addr, and the linear layer.
//
// One operator: beta * input + alpha * (a @ b), where the product is mm, mv or bmm and `input`
// broadcasts to it.
#include "kernels/copy.h"
#include "kernels/elementwise.h"
#include "kernels/linalg/gemm.h"
#include "ops/basic.h"
#include "ops/linalg/matmul.h"
#include "ops/op.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/pointwise/compare.h"
#include "ops/shape/view.h"
#include "ops/table.h"

namespace pullback {
namespace {

Tensor times(const Tensor& x, const Scalar& factor) {
  return factor.is(1) ? x : x * Operand(factor);
}

void scale(const Tensor& out, const Scalar& factor) {
  if (factor.is(1)) return;
  const kernels::View view = view_of(out);
  kernels::apply(kernels::binary<"mul">, view,
                 {view, NumberView(factor, out.dtype(), out.sizes())});
}

struct AddProduct {
  static constexpr int kInputs = 3;
  static constexpr int kOutputs = 1;
  static constexpr bool kComplex = true;
  static constexpr bool kMatrixProduct = true;
  struct Attrs {
    Dims addend;
    Scalar beta;
    Scalar alpha;
    const char* node;
  };
  static const char* node_name(const Attrs& a) { return a.node; }
  static Dims result_sizes(const Tensor& a, const Tensor& b) {
    Dims sizes = a.shape();
    if (b.ndim() == 1) {
      sizes.erase(1);
    } else {
      sizes[sizes.size() - 1] = b.size(b.ndim() - 1);
    }
    return sizes;
  }
  static Spec spec(const Attrs&, In in) { return {result_sizes(in[1], in[2]), in[1].dtype()}; }
  static bool adds_part(const Attrs& a) { return !a.beta.is(0) && !a.alpha.is(1); }
  static void workspace(const Attrs& a, In, const Tensor& out, Workspace& w) {
    if (adds_part(a)) w.need(0, out.sizes(), out.dtype());
  }
  static void fill(const Attrs& a, In in, const Tensor& out, const Workspace& w) {
    if (out.numel() == 0) return;
    const bool adds = !a.beta.is(0);
    if (adds) {
      copy_values(out, in[0]);
      scale(out, a.beta);
    }
    if (!adds_part(a)) {
      multiply(out, in[1], in[2], adds);
      if (!adds) scale(out, a.alpha);
      return;
    }
    const Tensor& part = w[0];
    multiply(part, in[1], in[2], false);
    scale(part, a.alpha);
    kernels::apply(kernels::binary<"add">, view_of(out), {view_of(out), view_of(part)});
  }
  static void multiply(const Tensor& out, const Tensor& a, const Tensor& b, bool accumulate) {
    if (b.ndim() > 1) {
      kernels::gemm(view_of(out), view_of(a), view_of(b), accumulate);
      return;
    }
    const std::int64_t out_sizes[] = {out.size(0), 1};
    const std::int64_t out_strides[] = {out.stride(0), 1};
    const std::int64_t b_sizes[] = {b.size(0), 1};
    const std::int64_t b_strides[] = {b.stride(0), 1};
    kernels::gemm({out.bytes(), out_sizes, out_strides, 2, out.dtype()}, view_of(a),
                  {b.bytes(), b_sizes, b_strides, 2, b.dtype()}, accumulate);
  }
  static Tensor combine(const Attrs& a, const Tensor& addend, const Tensor& product) {
    const Tensor right = times(product, a.alpha);
    return a.beta.is(0) ? right : times(addend, a.beta) + right;
  }
  static Tensor batch(const Attrs& a, In in, int) {
    return combine(a, in[0], product(in[1], in[2]));
  }
  static constexpr Reads kReads[] = {kReadsNothing, kReadsC, kReadsB};
  static void vjp(Vjp<AddProduct>& v) {
    const Attrs& a = v.attrs();
    if (v.wants(0)) v.give(0, times(sum_to(v.grad(), a.addend), a.beta.conj()));
    if (v.wants(1)) {
      const Tensor b = v.in(2);
      const Tensor gradient = b.ndim() == 1 ? outer_of_gradient(v.grad(), conj(b))
                                            : product_of_gradient(v.grad(), matrix_adjoint(b));
      v.give(1, times(gradient, a.alpha.conj()));
    }
    if (v.wants(2)) {
      v.give(2, times(product_with_gradient(matrix_adjoint(v.in(1)), v.grad()), a.alpha.conj()));
    }
  }
  static Tensor jvp(Jvp<AddProduct>& j) {
    const Attrs& a = j.attrs();
    Tensor sum;
    const auto add_part = [&](const Tensor& part) { sum = sum.defined() ? sum + part : part; };
    if (j.tangent(1).defined()) add_part(times(product(j.tangent(1), j.in(2)), a.alpha));
    if (j.tangent(2).defined()) add_part(times(product(j.in(1), j.tangent(2)), a.alpha));
    if (j.tangent(0).defined() && !a.beta.is(0)) {
      add_part(expand(times(j.tangent(0), a.beta), j.out().sizes()));
    }
    return sum.defined() ? sum : Tensor::zeros(j.out().sizes(), j.out().dtype());
  }
};

void check_addend_dtype(const Tensor& input, const Tensor& b) {
  if (input.dtype() == b.dtype()) return;
  fail("self and mat2 must have the same dtype, but got ", info(input.dtype()).scalar_name, " and ",
       info(b.dtype()).scalar_name);
}

Tensor add_product(const char* name, const char* node, const Tensor& input, const Tensor& a,
                   const Tensor& b, Scalar beta, Scalar alpha) {
  check_addend_dtype(input, b);
  if (a.size(a.ndim() - 1) == 0) alpha = 1;  // there is no product
  fitting(beta, a.dtype());
  fitting(alpha, a.dtype());
  if (!is_differentiable(a.dtype())) {  // as in torch, the digits after the point are cut off
    beta = beta.to_int();
    alpha = alpha.to_int();
  }
  const Dims sizes = AddProduct::result_sizes(a, b);
  check(ErrorKind::NotImplemented, a.dtype() != DType::Bool || count_elements(sizes) == 0, "\"",
        name, "\" not implemented for 'Bool'");
  if (!broadcastable_to(input.sizes(), sizes)) expand(input, sizes);  // throws torch's sentence
  return apply<AddProduct>({input.shape(), beta, alpha, node}, input, a, b);
}

}  // namespace

Tensor addmm(const Tensor& input, const Tensor& mat1, const Tensor& mat2, Scalar beta,
             Scalar alpha) {
  check(mat1.ndim() == 2, "mat1 must be a matrix, got ", mat1.ndim(), "-D tensor");
  check(mat2.ndim() == 2, "mat2 must be a matrix, got ", mat2.ndim(), "-D tensor");
  check_addend_dtype(input, mat2);
  if (mat1.dtype() != mat2.dtype()) {
    fail("mat1 and mat2 must have the same dtype, but got ", info(mat1.dtype()).scalar_name,
         " and ", info(mat2.dtype()).scalar_name);
  }
  check_product(mat1, mat2);
  return add_product("addmm", "AddmmBackward0", input, mat1, mat2, beta, alpha);
}

static Tensor addmv(const Tensor& input, const Tensor& mat, const Tensor& vec, Scalar beta,
                    Scalar alpha) {
  check(mat.ndim() == 2 && vec.ndim() == 1 && input.ndim() <= 1,
        "vector + matrix @ vector expected, got ", input.ndim(), ", ", mat.ndim(), ", ",
        vec.ndim());
  const std::int64_t rows = input.ndim() == 0 ? 1 : input.size(0);
  check(mat.size(1) == vec.size(0) && (rows == 1 || rows == mat.size(0)),
        "size mismatch, got input (", rows, "), mat (", mat.size(0), "x", mat.size(1), "), vec (",
        vec.size(0), ")");
  if (mat.dtype() != vec.dtype() || input.dtype() != vec.dtype()) {
    fail("addmv input tensors must have the same dtype, but got ", info(input.dtype()).scalar_name,
         ", ", info(mat.dtype()).scalar_name, ", and ", info(vec.dtype()).scalar_name);
  }
  return add_product("addmv", "AddmvBackward0", input, mat, vec, beta, alpha);
}

static void check_stacks(const Tensor& batch1, const Tensor& batch2) {
  check(batch1.ndim() == 3, "batch1 must be a 3D tensor");
  check(batch2.ndim() == 3, "batch2 must be a 3D tensor");
  check(batch1.size(0) == batch2.size(0) && batch1.size(2) == batch2.size(1),
        "Expected size for first two dimensions of batch2 tensor to be: [", batch1.size(0), ", ",
        batch1.size(2), "] but got: [", batch2.size(0), ", ", batch2.size(1), "].");
  check_same_dtype(batch1, batch2);
}

static Tensor baddbmm(const Tensor& input, const Tensor& batch1, const Tensor& batch2, Scalar beta,
                      Scalar alpha) {
  check_stacks(batch1, batch2);
  return add_product("baddbmm", "BaddbmmBackward0", input, batch1, batch2, beta, alpha);
}

// The sum of the products is one product of long matrices.
static Tensor addbmm(const Tensor& input, const Tensor& batch1, const Tensor& batch2, Scalar beta,
                     Scalar alpha) {
  check_stacks(batch1, batch2);
  const std::int64_t inner = batch1.size(0) * batch1.size(2);
  const Tensor wide = reshape(permute(batch1, Dims{1, 0, 2}), Dims{batch1.size(1), inner});
  const Tensor tall = reshape(batch2, Dims{inner, batch2.size(2)});
  return add_product("addbmm", "AddbmmBackward0", input, wide, tall, beta, alpha);
}

static Tensor addr(const Tensor& input, const Tensor& vec1, const Tensor& vec2, Scalar beta,
                   Scalar alpha) {
  check(vec1.ndim() == 1, "addr: Expected 1-D argument vec1, but got ", vec1.ndim(), "-D");
  check(vec2.ndim() == 1, "addr: Expected 1-D argument vec2, but got ", vec2.ndim(), "-D");
  const DType dtype = promote_types(input.dtype(), promote_types(vec1.dtype(), vec2.dtype()));
  check_factor(dtype, beta, "beta");
  check_factor(dtype, alpha);
  if (dtype == DType::Bool) {
    const Tensor kept = logical_and(input, Tensor::scalar(beta.to_bool(), dtype));
    const Tensor both = logical_and(unsqueeze(vec1, 1), vec2);
    return logical_or(kept, logical_and(both, Tensor::scalar(alpha.to_bool(), dtype)));
  }
  const Tensor addend = cast(input, dtype);
  const Tensor column = unsqueeze(cast(vec1, dtype), 1);
  const Tensor row = unsqueeze(cast(vec2, dtype), 0);
  return add_product("addr", "AddrBackward0", addend, column, row, beta, alpha);
}

Tensor linear(const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias) {
  if (input.ndim() == 0 || weight.ndim() == 0) {
    fail("both arguments to linear need to be at least 1D, but they are ", input.ndim(), "D and ",
         weight.ndim(), "D");
  }
  check(!bias || weight.ndim() == 2, "mat2 must be a matrix, got ", weight.ndim(), "-D tensor");
  const Tensor transposed = t(weight);
  if (!bias) return matmul(input, transposed);
  if (input.ndim() == 2) return addmm(*bias, input, transposed);
  if (input.is_contiguous() && bias->ndim() == 1) {
    Dims sizes = input.shape();
    const std::int64_t width = sizes.back();
    sizes.erase(sizes.size() - 1);
    const Tensor rows = reshape(input, Dims{count_elements(sizes), width});
    sizes.push_back(weight.size(0));
    return unsafe_view(addmm(*bias, rows, transposed), sizes, "ViewBackward0");
  }
  return matmul(input, transposed) + *bias;
}

static const Entry entry_addmm(
    "addmm(input, mat1, mat2, *, beta=1, alpha=1)", direct<addmm>, kBoth | kInPlaceForm,
    "beta * input + alpha * (mat1 @ mat2); input broadcasts.",
    "x(3,2), x(3,4), x(4,2) | x(2), x(3,4), x(4,2), beta=0.5, alpha=2 | x(), xs(3,4), x(4,2) "
    "| x(3,2), x(3,0), x(0,2) | x(3,1), x(3,4), x(4,2), beta=0",
    nullptr, "beta, input, alpha, mat1, mat2 | beta, input, mat1, mat2");
static const Entry entry_addmv("addmv(input, mat, vec, *, beta=1, alpha=1)", direct<addmv>,
                               kBoth | kInPlaceForm, "beta * input + alpha * (mat @ vec).",
                               "x(3), x(3,4), x(4) | x(1), x(3,4), x(4), beta=0.5, alpha=2",
                               nullptr, "beta, input, alpha, mat, vec | beta, input, mat, vec");
static const Entry entry_baddbmm(
    "baddbmm(input, batch1, batch2, *, beta=1, alpha=1)", direct<baddbmm>, kBoth | kInPlaceForm,
    "beta * input + alpha * (batch1 @ batch2), for stacks of matrices; input broadcasts.",
    "x(2,3,5), x(2,3,4), x(2,4,5) | x(5), x(2,3,4), x(2,4,5), beta=0.5, alpha=2", nullptr,
    "beta, input, alpha, batch1, batch2 | beta, input, batch1, batch2");
static const Entry entry_addbmm(
    "addbmm(input, batch1, batch2, *, beta=1, alpha=1)", function<addbmm>, kBoth | kInPlaceForm,
    "beta * input + alpha * the sum of the products of the matrices in two stacks.",
    "x(3,5), x(2,3,4), x(2,4,5) | x(5), x(2,3,4), x(2,4,5), beta=0.5, alpha=2", nullptr,
    "beta, input, alpha, batch1, batch2 | beta, input, batch1, batch2");
static const Entry entry_addr("addr(input, vec1, vec2, *, beta=1, alpha=1)", function<addr>,
                              kCastBoth | kInPlaceForm,
                              "beta * input + alpha * the outer product of vec1 and vec2.",
                              "x(3,4), x(3), x(4) | x(4), x(3), x(4), beta=0.5, alpha=2", nullptr,
                              "beta, input, alpha, vec1, vec2 | beta, input, vec1, vec2");
static const Entry entry_linear(
    "linear(input, weight, bias=None)", function<linear>, kNNForm | kOutForm,
    "input @ weight.T + bias, the layer of a network; weight is (out, in).",
    "x(3,4), x(2,4) | x(3,4), x(2,4), x(2) | x(2,3,4), x(5,4), x(5) | x(4), x(2,4), x(2) "
    "| x(2,3,4), x(5,4) | x(4), x(4) | xs(2,3,4), x(5,4), bias=x(5) | x(0,4), x(2,4), x(2)");

}  // namespace pullback
