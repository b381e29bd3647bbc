// An operand of an elementwise operation: a tensor or a number; and type promotion.
//
// NOTE [Promotion]
// Operands fall into three classes: tensors with dimensions, tensors without, and numbers.  Within
// a class the widest dtype wins (promote_types); a lower class only matters when its category (bool
// < integral < floating < complex) is higher than that of every class above it.  A floating number
// among integers gives the default dtype, and what is complex among floats the complex dtype of
// those.
#pragma once

#include "core/tensor.h"

namespace pullback {

class Operand {
 public:
  Operand() = default;
  Operand(const Tensor& tensor) : tensor_(tensor) {}        // NOLINT: that is its purpose
  Operand(Tensor&& tensor) : tensor_(std::move(tensor)) {}  // NOLINT
  Operand(const Scalar& number) : number_(number) {}        // NOLINT
  Operand(double number) : number_(number) {}               // NOLINT
  Operand(int number) : number_(number) {}                  // NOLINT
  Operand(std::int64_t number) : number_(number) {}         // NOLINT
  Operand(bool number) : number_(number) {}                 // NOLINT

  bool is_tensor() const { return tensor_.defined(); }
  const Tensor& tensor() const { return tensor_; }
  const Scalar& number() const { return number_; }
  std::uint32_t raw_flags() const { return tensor_.defined() ? tensor_.raw_flags() : 0; }
  bool requires_grad() const { return tensor_.defined() && tensor_.requires_grad(); }
  int ndim() const { return is_tensor() ? tensor_.ndim() : 0; }
  Sizes sizes() const { return is_tensor() ? tensor_.sizes() : Sizes{}; }

 private:
  Tensor tensor_;
  Scalar number_;
};

DType default_dtype();
void set_default_dtype(DType dtype);

// See NOTE [Promotion].
class Promotion {
 public:
  void add(const Operand& operand) {
    if (!operand.is_tensor()) {
      number_ = std::max(number_, operand.number().category());
      has_number_ = true;
    } else {
      add(operand.tensor().dtype(), operand.ndim() > 0);
    }
  }
  void add(DType dtype, bool has_dims) {
    DType& widest = has_dims ? dims_ : zero_dim_;
    bool& any = has_dims ? has_dims_ : has_zero_dim_;
    widest = any ? promote_types(widest, dtype) : dtype;
    any = true;
  }
  DType result() const;

 private:
  DType dims_ = DType::Bool;
  DType zero_dim_ = DType::Bool;
  Category number_ = Category::Bool;
  bool has_dims_ = false;
  bool has_zero_dim_ = false;
  bool has_number_ = false;
};

// Whether the dtype can hold the number.  Negative integers wrap into unsigned dtypes, as in torch.
bool fits(const Scalar& number, DType dtype);
// The number itself; throws torch's error when the dtype cannot hold it.
const Scalar& fitting(const Scalar& number, DType dtype);
// The largest number of a floating dtype.
double largest(DType dtype);
// The same for a number among operands whose results have the dtype that is promoted from them.
void check_fits(const Operand& number, DType dtype);

DType result_type(const Operand& a, const Operand& b);

// May a result of dtype `from` be stored in a tensor of dtype `to`?  Its category must not shrink.
constexpr bool can_cast(DType from, DType to) { return category(from) <= category(to); }

}  // namespace pullback
