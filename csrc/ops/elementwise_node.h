// The node of elementwise operations, and what they are without their tensors.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "graph/node.h"
#include "graph/origin.h"
#include "graph/saved.h"
#include "ops/absorb.h"
#include "ops/basic.h"
#include "ops/elementwise.h"
#include "ops/op.h"

namespace pullback::detail {

template <int N>
using Operands = std::array<const Operand*, N>;

// An input of a recorded operation: a tensor, a number, or nothing when no partial reads it.
class SavedOperand {
 public:
  SavedOperand() : tensor_() {}
  ~SavedOperand() {
    if (!is_number_) tensor_.~SavedInput();
  }
  SavedOperand(const SavedOperand&) = delete;
  SavedOperand& operator=(const SavedOperand&) = delete;

  void save(const Tensor& tensor) {
    Tensor copy;
    tensor_.save_input(to_save(tensor, copy));
  }
  Operand read(const Node& node) const {
    if (is_number_) return number_;
    return tensor_.defined() ? Operand(tensor_.read(node)) : Operand();
  }
  // Also one that no derivative reads: who computes the result anew does.
  void keep_number(const Scalar& number) {
    new (&number_) Scalar(number);  // nothing ends: an empty place holds nothing
    is_number_ = true;
  }
  const Scalar& number() const { return number_; }
  void release() noexcept {
    if (!is_number_) tensor_.release();
  }
  void list(SavedList& list, int index, bool is_number) {
    if (is_number) {
      list.add_input(index, number_);
    } else {
      list.add_input(index, &tensor_);
    }
  }

 private:
  union {
    SavedInput tensor_;
    Scalar number_;
  };
  bool is_number_ = false;
};

// What an operation is besides its tensors: its record, the operands that are numbers, parameters.
template <int N>
struct ElementwiseAttrs {
  ElementwiseAttrs(const Elementwise& op, const double* values)
      : record(&op), has_params(values != nullptr) {
    if (values) std::copy_n(values, kMaxParams, params);
  }
  ElementwiseAttrs(const Elementwise& op, const Operands<N>& x, const double* values)
      : ElementwiseAttrs(op, values) {
    for (int i = 0; i < N; ++i) numbers[i] = x[i]->number();
  }

  const Elementwise* record;
  Scalar numbers[N];
  double params[kMaxParams] = {};
  std::uint64_t has_params;
};

// Of all operations of N operands; defined in ops/elementwise.cpp.
template <int N>
const Operation& elementwise_operation();

template <int N>
class ElementwiseNode final : public Node {
 public:
  ElementwiseNode(const Elementwise& op, const Operands<N>& x, const double* params, Sizes out)
      : Node(N), op_(op) {
    if (params) std::copy_n(params, kMaxParams, params_);
    has_params_ = params != nullptr;
    int reads = 0;
    bool broadcasts = false;
    bool cut = false;
    for (int i = 0; i < N; ++i) {
      const Tensor& t = x[i]->tensor();
      if (!t.defined()) continue;
      dtypes_[i] = t.dtype();
      if (!(t.raw_flags() & mode.record)) {
        cut |= t.has(kCut);
        continue;
      }
      set_edge(i, t);
      reads |= op.partial[i].reads;
      broadcasts |= !same(t.sizes(), out);
    }
    if (broadcasts) {
      shapes_ = std::make_unique<Dims[]>(N);
      for (int i = 0; i < N; ++i) shapes_[i] = Dims(x[i]->sizes());
    }
    reads_ = static_cast<std::uint8_t>(reads);
    for (int i = 0; i < N; ++i) {
      if (!x[i]->is_tensor()) {
        saved_[i].keep_number(x[i]->number());
        constants_ |= static_cast<std::uint8_t>(1 << i);
      }
      if (!(reads >> i & 1)) continue;
      if (x[i]->is_tensor()) saved_[i].save(x[i]->tensor());
      numbers_ |= static_cast<std::uint8_t>(!x[i]->is_tensor() << i);
    }
    if (cut) [[unlikely]]
      note_cut_operands(x);
  }

  void save_result(const Tensor& result) {
    if (reads_ & kReadsY) result_.save_output(result);
  }

  const char* name() const override { return op_.node; }
  std::size_t object_bytes() const override { return sizeof(*this); }

  void apply(BackwardCall& call) override { give_gradients(call); }

  void give_gradients(BackwardCall& call) const {
    if (released_) [[unlikely]] {
      report_released(*this);
    }
    if (!op_.partial[0].times) [[unlikely]] {
      fail(ErrorKind::Runtime, "derivative for aten::", op_.name, " is not implemented.",
           recorded_at());
    }
    Saved s(op_);
    s.params = params_;
    for (int i = 0; i < N; ++i) {
      if (reads_ >> i & 1) s.operands[i] = saved_[i].read(*this);
    }
    if (reads_ & kReadsY) s.result = result_.read(*this);
    for (int i = 0; i < N; ++i) {
      if (!call.wants(i)) continue;
      s.reads = op_.partial[i].reads;
      Tensor gradient = transposed(op_.partial[i], call.gradient(), s);
      if (gradient.defined()) {
        if (mode.absorb) [[unlikely]]
          gradient = detail::absorb_elements(call.gradient(), gradient);
        if (shapes_) gradient = sum_to(gradient, shapes_[i]);
        if (gradient.dtype() != dtypes_[i]) gradient = cast_gradient(gradient, dtypes_[i]);
      }
      call.give(i, std::move(gradient));
    }
  }

  // NOTE [Complex derivatives]
  static Tensor transposed(const Elementwise::Partial& partial, const Tensor& arrived,
                           const Saved& s) {
    const bool turns = is_complex(arrived.dtype()) && !partial.self_adjoint;
    Tensor gradient = partial.times(turns ? conj(arrived) : arrived, s);
    if (gradient.defined() && is_complex(gradient.dtype()) && !partial.self_adjoint) [[unlikely]]
      gradient = conj(gradient);
    return gradient;
  }

  bool rerun(std::vector<Tensor>& inputs, std::vector<Tensor>& results) override {
    ElementwiseAttrs<N> attrs(op_, has_params_ ? params_ : nullptr);
    std::array<const Tensor*, N> pointers;
    for (int i = 0; i < N; ++i) {
      Tensor& input = inputs[static_cast<std::size_t>(i)];
      const bool is_number = constants_ >> i & 1;
      if (is_number) attrs.numbers[i] = saved_[i].number();
      if (!is_number && !input.defined() && reads_ >> i & 1) {
        input = saved_[i].read(*this).tensor();
      }
      if (!is_number && !input.defined()) return false;
      pointers[static_cast<std::size_t>(i)] = &input;
    }
    execute(elementwise_operation<N>(), &attrs, In(pointers.data(), N), results);
    return true;
  }

  void release_saved() noexcept override {
    // The weight of lerp is an attribute, which stays; the factor of mul counts as saved.
    const int kept = N == 3 ? numbers_ : 0;
    for (int i = 0; i < N; ++i) {
      if (!(kept >> i & 1)) saved_[i].release();
    }
    result_.release();
    released_ = (reads_ & ~kept) != 0;
  }

  void list_saved(SavedList& list) override {
    list.released = released_;
    list.operation = op_.name;
    int reads = 0;
    for (const Elementwise::Partial& partial : op_.partial) reads |= partial.reads;
    for (int i = 0; i < N; ++i) {
      if (!(reads >> i & 1)) continue;
      saved_[i].list(list, i, numbers_ >> i & 1);
    }
    if (reads & kReadsY) list.add_output(0, &result_);
    for (int i = 0; has_params_ && i < kMaxParams; ++i) {
      const bool complex = i == 0 && params_[2] != 0 && has_factor();
      list.add(complex ? SavedItem::Value(Scalar(std::complex(params_[0], params_[2])))
                       : params_[i]);
    }
    for (int i = 0; i < N; ++i) {
      if (!(constants_ & ~numbers_ & 1 << i)) continue;
      list.items.push_back({SavedItem::Role::Constant, i, saved_[i].number()});
    }
  }

 private:
  // Whether the parameters are those of scale_params.
  bool has_factor() const {
    using kernels::ternary;
    return op_.kernel == kernels::binary<"add_scaled"> || op_.kernel == ternary<"addcmul"> ||
           op_.kernel == ternary<"addcdiv">;
  }

  void note_cut_operands(const Operands<N>& x) {
    for (int i = 0; i < N; ++i) {
      const Tensor& t = x[i]->tensor();
      const bool kept = reads_ >> i & 1 || wants(i);
      if (t.defined() && !kept && t.has(kCut)) note_cut_operand(*this, t);
    }
  }

  const Elementwise& op_;
  double params_[kMaxParams];
  SavedOperand saved_[N];
  SavedTensor result_;
  std::unique_ptr<Dims[]> shapes_;  // of the operands, when one was broadcast
  DType dtypes_[N];
  std::uint8_t reads_;
  std::uint8_t numbers_ = 0;    // operands that are saved as numbers
  std::uint8_t constants_ = 0;  // operands that are numbers
  bool has_params_;
  bool released_ = false;
};

}  // namespace pullback::detail
