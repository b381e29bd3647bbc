// A tensor that a node keeps for its derivative.
//
// NOTE [Saved tensors]
// An input is kept as the tensor it is.  The node's own output is kept as data only (with its
// history the node would hold itself alive) and gets its history back when it is read while a
// graph is created.  The storage's version is noted when the tensor is saved and compared whenever
// it is read: a value that was overwritten is an error, never a wrong gradient.
#pragma once

#include <cstdint>

#include "graph/meta.h"
#include "graph/node.h"

namespace pullback {

class SavedTensor {
 public:
  void save_input(const Tensor& tensor) {
    if (tensor.has(kInference)) [[unlikely]]
      report_inference();
    body_ = tensor.ref();
    version_ = tensor.version();
  }
  void save_output(const Tensor& tensor) {
    const Tensor data = tensor.has(kDual) ? keep_dual(tensor) : plain_twin(tensor);
    data.body()->output_nr = tensor.body()->output_nr;
    body_ = data.ref();
    version_ = data.version();
    is_output_ = true;
  }
  bool defined() const { return static_cast<bool>(body_); }
  void release() noexcept { body_ = nullptr; }

  // Throws when the value was overwritten since it was saved.
  Tensor read(const Node& node) const {
    if (!body_) return {};
    if (body_->storage->version != version_) [[unlikely]] {
      report_overwritten(node);
    }
    return is_output_ ? read_output(node) : Tensor(body_);
  }

  std::uint32_t version() const { return version_; }

 private:
  // The value with its tangents, until their levels end.
  static Tensor keep_dual(const Tensor& tensor);
  [[noreturn]] static void report_inference();
  [[noreturn]] void report_overwritten(const Node& node) const;
  Tensor read_output(const Node& node) const;

  Ref<TensorBody> body_;
  std::uint32_t version_ = 0;
  bool is_output_ = false;
};

// Throws what a node throws when its saved tensors are gone.
[[noreturn]] void report_released(const Node& node);

}  // namespace pullback
