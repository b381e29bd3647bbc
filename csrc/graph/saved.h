// A tensor that a node keeps for its derivative.
//
// NOTE [Saved tensors]
// An input is kept as the tensor it is.  The node's own output is kept as data only (with its
// history the node would hold itself alive) and gets its history back when it is read while a
// graph is created.  The storage's version is noted when the tensor is saved and compared whenever
// it is read: a value that was overwritten is an error, never a wrong gradient.
//
// A recorded write gives a tensor that nodes keep a history that may lead to these nodes: a cycle.
// So each storage has a list of what is kept of it, and after such a write these places expire:
// they cannot be read any more, and keep a body without history or base for the message.  A leaf
// that requires a gradient is in no list, since it cannot be written.
//
// Hooks may put something else in the place of the data: then the tensor is made anew from what
// they give back and gets its history back, and no version is compared.
//
// When a pass frees a tensor without history, where it came from stays in the place that its memory
// left (NOTE [Origins] in graph/origin.h).
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "graph/counted.h"
#include "graph/meta.h"
#include "graph/mode.h"
#include "graph/node.h"
#include "graph/recipe.h"

namespace pullback {

// What hooks made of a saved tensor.
class PackedTensor {
 public:
  virtual ~PackedTensor() = default;
  virtual Tensor unpack() = 0;
  // The tensor that is held in memory, if there is one.
  virtual Tensor held() const { return {}; }
  // What it owns of the layer above and what may lead back to it, or null.
  virtual void* owned_object() const { return nullptr; }
};

// A pair of hooks, in a list with the ones that it hides.
class SavedHooks : public Counted {
 public:
  virtual std::unique_ptr<PackedTensor> pack(const Tensor& tensor) = 0;
  // For memory budgets: each new node with the way to compute its results again.
  virtual bool wants_recipes() const { return false; }
  virtual void note(Node&, std::unique_ptr<Recipe>) {}
  Ref<SavedHooks> outer;
  int packing = kMaxLevels;  // while it packs: the number of transforms around that
};
// Not for what the hooks themselves compute by transforms, which record where no_grad is on.
inline bool saving_is_hooked() { return mode.depth <= mode.saved_hooks->packing; }

// That such hooks are not allowed, and why.
class SavedRefusal : public Counted {
 public:
  explicit SavedRefusal(std::string text) : text(std::move(text)) {}
  const std::string text;
};
// Throws while they are refused on this thread.
void check_saved_hooks_allowed();

// See allow_mutation_on_saved_tensors.
class WriteWatch : public Counted {
 public:
  virtual void before_write(const Tensor& target) = 0;
};

// Makes this pair the thread's innermost one.
void push_saved_hooks(Ref<SavedHooks> hooks);
// Takes the innermost one away; false when there is none.
bool pop_saved_hooks();

// Held while a list of saved tensors changes, where threads run without a common lock.
class SavedListLock {
 public:
#if PULLBACK_ATOMIC_REFS
  SavedListLock() : lock_(mutex) {}

 private:
  static inline std::mutex mutex;
  std::lock_guard<std::mutex> lock_;
#else
  SavedListLock() {}
#endif
};

class SavedTensor {
 public:
  SavedTensor() = default;
  SavedTensor(const SavedTensor&) = delete;
  SavedTensor& operator=(const SavedTensor&) = delete;
  ~SavedTensor() { clear(); }

  void save_output(const Tensor& tensor) {
    if (mode.saved_hooks && saving_is_hooked()) [[unlikely]] {
      pack(*mode.saved_hooks, tensor, tensor, true);
      return;
    }
    const Tensor data = tensor.raw_flags() & kDual ? keep_dual(tensor) : plain_twin(tensor);
    data.body()->raw_output_nr = tensor.body()->raw_output_nr;
    hold(data.ref());
    version_ = data.version();
    kind_ = Kind::Output;
  }
  // Hooks for this tensor alone.
  void register_hooks(SavedHooks& hooks);
  bool defined() const { return held_ && kind_ != Kind::Gone; }
  // Where it came from is kept of an input that no gradient was for.
  void release() noexcept {
    if (!defined()) return;
    if (kind_ == Kind::Input && !(raw()->raw_flags & kAnyGrad)) {
      leave_origin();
    } else {
      give();
    }
  }
  // After the release: a sentence with a space before it, or "".
  std::string former_origin() const;

  // Throws when the value was overwritten since it was saved.
  Tensor read(const Node& node) const {
    if (!defined()) return {};
    if (kind_ == Kind::Packed) [[unlikely]]
      return read_packed(node);
    if (raw()->storage->version != version_) [[unlikely]] {
      report_overwritten(node);
    }
    return kind_ == Kind::Output ? read_output(node) : tensor();
  }
  // As register_hooks got it, without history.
  Tensor data() const;
  bool is_packed() const { return kind_ == Kind::Packed; }
  const PackedTensor& packed() const;
  const Edge& packed_history() const;
  // What is in memory: the data, or what hooks hold of it.
  Tensor held() const;
  // What it holds a reference to; when packed, of no tensor.
  TensorBody* body() const { return defined() ? raw() : nullptr; }

  std::uint32_t version() const { return version_; }

 protected:
  // The value with its tangents, until their levels end.
  static Tensor keep_dual(const Tensor& tensor);
  [[noreturn]] static void report_inference(const Tensor& tensor);
  [[noreturn]] void report_overwritten(const Node& node) const;
  Tensor read_output(const Node& node) const;
  Tensor read_packed(const Node& node) const;
  // `shown` is what the hooks see of `tensor`.
  void pack(SavedHooks& hooks, const Tensor& tensor, const Tensor& shown, bool is_output);
  void leave_origin() noexcept;
  // Not when gone.
  TensorBody* raw() const { return static_cast<TensorBody*>(held_); }
  Tensor tensor() const { return Tensor(Ref<TensorBody>::share(raw())); }
  Ref<TensorBody> give() noexcept {
    return Ref<TensorBody>::adopt(static_cast<TensorBody*>(std::exchange(held_, nullptr)));
  }
  void hold(Ref<TensorBody> body) noexcept {
    clear();
    held_ = body.release();
  }
  void clear() noexcept {
    if (!held_) return;
    if (kind_ == Kind::Gone) [[unlikely]] {
      forget_origin();
    } else {
      give();
    }
  }
  void forget_origin() noexcept;
  void take(SavedTensor& other) noexcept;

  enum class Kind : std::uint8_t { Input, Output, Packed, Gone };

  static constexpr std::uint32_t kForgotten = ~std::uint32_t{0};  // a version

  // A TensorBody (when packed: of no tensor, it carries a PackedMeta); when gone, the code object
  // of the place where it came from.
  void* held_ = nullptr;
  std::uint32_t version_ = 0;  // when gone: the offset in the code
  Kind kind_ = Kind::Input;
  Origin origin_ = Origin::None;  // when gone
};
static_assert(sizeof(SavedTensor) == 16);

// The place of an input, which the list of its storage leads to.
class SavedInput final : public SavedTensor, SavedLink {
 public:
  SavedInput() = default;
  SavedInput(SavedInput&& other) noexcept { *this = std::move(other); }
  SavedInput& operator=(SavedInput&& other) noexcept;
  ~SavedInput() { unlink(); }

  void save_input(const Tensor& tensor) {
    if (tensor.has(kInference)) [[unlikely]]
      report_inference(tensor);
    if (mode.saved_hooks && saving_is_hooked()) [[unlikely]] {
      pack(*mode.saved_hooks, tensor, tensor, false);
      return;
    }
    hold(tensor.ref());
    version_ = tensor.version();
    if (!(tensor.raw_flags() & kRequiresGrad) || raw_node_of(tensor)) link();
  }
  void release() noexcept {
    unlink();
    SavedTensor::release();
  }
  // After a recorded write: what was kept of the memory before.
  static void expire(Storage& storage);
  // The body has other memory now.
  static void follow(TensorBody& body, Storage& before);
  // The body loses its history in place, which its derivatives of higher order need.
  static void forget(const TensorBody& body);

 private:
  friend SavedTensor;

  void link() {
    const SavedListLock lock;
    SavedLink*& first = raw()->storage->saved;
    next = first;
    place = &first;
    if (next) next->place = &next;
    first = this;
  }
  void unlink() noexcept {
    const SavedListLock lock;
    if (!place) return;
    *place = next;
    if (next) next->place = place;
    place = nullptr;
  }
};

// What a node keeps, for whoever wants to look at it.
struct SavedItem {
  // A constant is a number among the inputs that no derivative reads.
  enum class Role : std::uint8_t { Input, Output, Attribute, Constant };
  using Value =
      std::variant<std::monostate, SavedTensor*, Scalar, bool, std::int64_t, double, DType, Dims>;
  Role role;
  int index;
  Value value;
};

class SavedList {
 public:
  std::vector<SavedItem> items;
  bool released = false;
  const char* operation = "";  // of an elementwise node

  void add_input(int index, SavedTensor* saved);
  void add_input(int index, const Scalar& number);
  void add_output(int index, SavedTensor* saved);
  // The next attribute.
  void add(const SavedItem::Value& value);

 private:
  int num_attributes_ = 0;
};

// The thread's list of the last passes that dropped what was saved is made when it is needed.
void make_freeing_passes();
// Notes where the user's code starts a pass that drops what was saved.
void note_freeing_pass(std::uint32_t pass);
// How many readings (graph/origin.h) there had been on this thread when the last such pass started
// that was before the node with this number.
std::size_t readings_before_pass(std::uint64_t number);
// "file.py:12 in function" of that pass, "" when it is not known (any more).
std::string freed_at(const Node& node);
// Throws what a node throws when its saved tensors are gone.
[[noreturn]] void report_released(const Node& node);

}  // namespace pullback
