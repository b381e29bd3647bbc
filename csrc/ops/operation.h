// An operator without its types: what it is, as data, and the one way in which it is executed.
//
// NOTE [Operations]
// `describe<Op>()` (ops/op.h) makes an Operation of the struct that an author writes.  Nothing else
// knows the struct: computing, recording, tangents, batches, the node, the recipe of a memory
// budget and the re-run for explain() all go by the description.  Attributes travel as a pointer
// to the struct Op::Attrs; a node and a recipe hold a copy.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "graph/mode.h"
#include "graph/node.h"
#include "graph/saved.h"
#include "ops/reads.h"
#include "ops/workspace.h"

namespace pullback {

inline constexpr int kVariadic = -1;

struct Spec {
  Dims sizes;
  DType dtype;
};

// The tensor inputs of one call.
class In {
 public:
  In(const Tensor* const* tensors, int count) : tensors_(tensors), count_(count) {}
  const Tensor& operator[](int i) const { return *tensors_[i]; }
  int size() const { return count_; }
  std::uint32_t raw_flags() const {
    std::uint32_t all = 0;
    for (int i = 0; i < count_; ++i) {
      if (tensors_[i]->defined()) all |= tensors_[i]->raw_flags();
    }
    return all;
  }

 private:
  const Tensor* const* tensors_;
  int count_;
};

class OpNode;

// No operator has attributes of more bytes.
inline constexpr std::size_t kMostAttrs = 512;

struct Operation {
  const char* node;  // the name of its node, unless node_name tells it
  int inputs;        // or kVariadic
  int outputs;       // or kVariadic: a list of views
  // Traits.
  bool linear;  // its own jvp
  bool differentiable;
  bool any_dtype;                // its fill takes narrow and complex ones as they are
  bool computes_complex;         // its fill takes complex ones as they are
  bool matrix_product;           // of its last two inputs: costs more than moving the bytes
  bool for_one_pass;             // its node serves one pass, though it may save nothing
  unsigned constants;            // results without a derivative, a bit each
  Reads reads[kDeclaredInputs];  // by the gradient of each input
  Reads most_read;               // by all of them

  std::size_t attrs_size;                             // a multiple of 8
  void (*copy_attrs)(void* room, const void* attrs);  // null: bytes
  void (*destroy_attrs)(void* attrs);                 // null: nothing to do
  void (*list_attrs)(const void* attrs, SavedList& list);
  const char* (*node_name)(const void* attrs);

  // In place of execute(): elementwise operations have a shorter road, and nodes of their own.
  void (*run)(const void* attrs, In in, Tensor* out);

  // One of these three; `make` where the results are not row-major.
  Tensor (*view)(const void* attrs, const Tensor& input);
  std::vector<Tensor> (*views)(const void* attrs, const Tensor& input);
  // The workspace is null where `workspace` is.
  void (*fill)(const void* attrs, In in, const Tensor* out, const Workspace* workspace);
  void (*spec)(const void* attrs, In in, Spec* specs);
  void (*make)(const void* attrs, In in, const Spec* specs, Tensor* out);
  void (*workspace)(const void* attrs, In in, const Tensor* out, Workspace& workspace);

  void (*vjp)(const Node& node, BackwardCall& call);
  void (*jvp)(const void* attrs, In in, std::span<const Tensor> tangents,
              std::span<const Tensor> out, Tensor* result);
  // See NOTE [Batching] in ops/op.h: a rule of its own, or the attributes for a batch.
  Tensor (*batch)(const void* attrs, In in, int level);
  void (*batched)(const void* attrs, std::int64_t batch, void* room);

  void copy_attrs_to(void* room, const void* attrs) const {
    if (copy_attrs) return copy_attrs(room, attrs);
    std::memcpy(room, attrs, attrs_size);
  }
  bool is_view() const { return view || views; }
  // It can be executed, and is not only a node.
  bool is_executable() const { return is_view() || fill; }
};

using OneResult = std::array<Tensor, 1>;
using TwoResults = std::array<Tensor, 2>;

// Computes, records, propagates tangents, batches.  The list takes any operation.
void execute(const Operation& op, const void* attrs, In in, OneResult& out);
void execute(const Operation& op, const void* attrs, In in, TwoResults& out);
void execute(const Operation& op, const void* attrs, In in, std::vector<Tensor>& out);

// A copy of an operation's attributes.
class Attributes {
 public:
  Attributes(const Operation& op, const void* attrs)
      : op_(op), room_(std::make_unique<std::max_align_t[]>(units(op.attrs_size))) {
    op.copy_attrs_to(room_.get(), attrs);
  }
  ~Attributes() {
    if (op_.destroy_attrs) op_.destroy_attrs(room_.get());
  }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  const void* get() const { return room_.get(); }

 private:
  static std::size_t units(std::size_t bytes) {
    return (bytes + sizeof(std::max_align_t) - 1) / sizeof(std::max_align_t);
  }

  const Operation& op_;
  std::unique_ptr<std::max_align_t[]> room_;
};

// The node of an operation; behind it in one block lie the attributes, then the saved inputs and
// results that the description can name.
class OpNode final : public Node {
 public:
  // The results must exist; what is saved of them is, once they have their histories.
  static Ref<OpNode> make(const Operation& op, const void* attrs, In in,
                          std::span<const Tensor> out);
  OpNode(const Operation& op, const void* attrs, In in, std::size_t num_outputs);
  static std::size_t bytes_for(const Operation& op, int num_inputs);
  ~OpNode() override { destroy_members(); }

  void save_outputs(std::span<const Tensor> out);

  const char* name() const override { return op_.node_name ? op_.node_name(attrs()) : op_.node; }
  std::size_t object_bytes() const override;
  void apply(BackwardCall& call) override;
  void release_saved() noexcept override;
  void list_saved(SavedList& list) override;
  bool rerun(std::vector<Tensor>& inputs, std::vector<Tensor>& results) override;

  const void* attrs() const { return this + 1; }
  // Reading what the operator did not name in kReads is an internal error.
  Tensor read_input(int i) const {
    if (!(reads_ & reads_input(i))) [[unlikely]]
      report_unnamed("input", i);
    return inputs()[i].read(*this);
  }
  Tensor read_output(int k) const {
    if (!(reads_ & reads_result(k))) [[unlikely]]
      report_unnamed("result", k);
    return outputs()[k].read(*this);
  }

 private:
  void save_inputs(In in);
  void destroy_members() noexcept;
  static int num_saved_inputs(const Operation& op, int num_inputs) {
    return op.most_read & kReadsInputs ? num_inputs : 0;
  }
  static int num_saved_outputs(const Operation& op) {
    return op.most_read & kReadsResults && op.outputs > 0 ? op.outputs : 0;
  }

  SavedInput* inputs() const {
    auto* behind = reinterpret_cast<char*>(const_cast<OpNode*>(this) + 1);
    return reinterpret_cast<SavedInput*>(behind + op_.attrs_size);
  }
  SavedTensor* outputs() const {
    return reinterpret_cast<SavedTensor*>(inputs() + num_saved_inputs());
  }
  int num_saved_inputs() const { return num_saved_inputs(op_, static_cast<int>(edges().size())); }
  bool fill_in(std::vector<Tensor>& inputs, std::vector<const Tensor*>& pointers) const;
  [[noreturn]] void report_unnamed(const char* what, int number) const;

  const Operation& op_;
  Reads reads_ = kReadsNothing;  // by the gradients that are wanted
  bool released_ = false;
};

}  // namespace pullback
