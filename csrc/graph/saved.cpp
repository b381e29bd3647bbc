// See saved.h.
#include "graph/saved.h"

#include <algorithm>
#include <array>
#include <memory>

#include "core/error.h"
#include "graph/identity.h"
#include "graph/meta.h"
#include "graph/mode.h"
#include "graph/origin.h"

namespace pullback {
namespace {

struct PackedMeta final : TensorMeta {
  std::unique_ptr<PackedTensor> packed;
  Edge history;     // of an input
  Tensor tangents;  // what has them; undefined when there are none
  bool is_output = false;
  std::uint32_t output_nr = 0;
};

// Stands for the maker of a tensor that was overwritten, for the message.
class FormerMaker final : public Node {
 public:
  explicit FormerMaker(const char* name) : Node(0), name_(name) {}
  const char* name() const override { return name_.c_str(); }
  std::size_t object_bytes() const override { return sizeof(*this); }
  void apply(BackwardCall&) override {}

 private:
  const std::string name_;
};

// Without elements, but with the tangents of `tensor` until their levels end.
Tensor tangents_of(const Tensor& tensor) {
  if (!tensor.is_dual()) return {};
  Tensor bearer = Tensor::empty({{0}}, tensor.dtype());
  give_tangents(bearer, tensor, ~std::uint64_t{0});
  end_with_levels(bearer);
  return bearer;
}

// While the user's functions run: what they compute is not part of what is being computed.
using Aside = ModeScope<&Mode::overwritten>;

class Packing {
 public:
  explicit Packing(SavedHooks& hooks)
      : hooks_(Ref<SavedHooks>::share(&hooks)), before_(std::exchange(hooks.packing, mode.depth)) {}
  ~Packing() { hooks_->packing = before_; }
  Packing(const Packing&) = delete;
  Packing& operator=(const Packing&) = delete;

 private:
  const Ref<SavedHooks> hooks_;
  const int before_;
};

}  // namespace

SavedInput& SavedInput::operator=(SavedInput&& other) noexcept {
  if (this == &other) return *this;
  unlink();
  const bool linked = other.place;
  other.unlink();
  take(other);
  if (linked) link();
  return *this;
}

void SavedTensor::take(SavedTensor& other) noexcept {
  clear();
  held_ = std::exchange(other.held_, nullptr);
  version_ = other.version_;
  kind_ = other.kind_;
  origin_ = other.origin_;
}

void SavedTensor::leave_origin() noexcept {
  const Ref<TensorBody> body = give();
  if (body->origin == Origin::None || !body->made.code) return;
  Provenance made;
  made.share(body->made);
  held_ = std::exchange(made.code, nullptr);
  version_ = static_cast<std::uint32_t>(made.offset);
  origin_ = body->origin;
  kind_ = Kind::Gone;
}

void SavedTensor::forget_origin() noexcept {
  Provenance dying;
  dying.code = std::exchange(held_, nullptr);
  kind_ = Kind::Input;
}

std::string SavedTensor::former_origin() const {
  return kind_ == Kind::Gone ? origin_sentence(origin_, held_, static_cast<std::int32_t>(version_))
                             : "";
}

void SavedInput::expire(Storage& storage) {
  std::vector<Ref<TensorBody>> dropped;  // dies without the lock
  const SavedListLock lock;
  for (SavedLink* link = storage.saved; link;) {
    auto& saved = static_cast<SavedInput&>(*link);
    link = link->next;
    if (saved.version_ == storage.version) continue;
    *saved.place = link;
    if (link) link->place = saved.place;
    saved.place = nullptr;
    const Tensor tensor = saved.tensor();
    const Tensor rest = detached(tensor);
    if (const Node* maker = raw_node_of(tensor)) {
      set_history(rest, make_node<FormerMaker>(maker->name()).get(), tensor.body()->raw_output_nr);
    }
    dropped.push_back(saved.give());
    saved.hold(rest.ref());
  }
}

void SavedInput::follow(TensorBody& body, Storage& before) {
  for (SavedLink* link = before.saved; link;) {
    auto& saved = static_cast<SavedInput&>(*link);
    link = link->next;
    if (saved.raw() != &body) continue;
    saved.unlink();
    saved.link();
  }
}

void SavedInput::forget(const TensorBody& body) {
  const SavedListLock lock;
  for (SavedLink* link = body.storage->saved; link; link = link->next) {
    auto& saved = static_cast<SavedInput&>(*link);
    if (saved.raw() == &body) saved.version_ = kForgotten;
  }
}

void check_saved_hooks_allowed() {
  if (mode.saved_refusal) fail(mode.saved_refusal->text);
}

void push_saved_hooks(Ref<SavedHooks> hooks) {
  hooks->outer = Ref<SavedHooks>::adopt(mode.saved_hooks);
  mode.saved_hooks = hooks.release();
}

bool pop_saved_hooks() {
  if (!mode.saved_hooks) return false;
  const Ref<SavedHooks> top = exchange_counted(mode.saved_hooks, mode.saved_hooks->outer);
  return true;
}

void SavedTensor::pack(SavedHooks& hooks, const Tensor& tensor, const Tensor& shown,
                       bool is_output) {
  const GradMode off(false);
  const Aside aside{nullptr};
  auto meta = std::make_unique<PackedMeta>();
  meta->is_output = is_output;
  meta->output_nr = tensor.body()->raw_output_nr;
  if (!is_output && tensor.requires_grad()) {
    refresh_history(tensor);
    meta->history = Edge(tensor);
  }
  meta->tangents = tangents_of(tensor);
  const std::uint32_t version = shown.version();
  {
    const Packing now(hooks);
    meta->packed = hooks.pack(shown);
  }
  check(shown.version() == version,
        "A saved tensor pack hook is modifying its input in place. Tensors provided as input to "
        "pack hook cannot be modified by in-place operations as this can lead to unexpected "
        "side-effects. Please open an issue if you need to perform in-place operations on the "
        "input to a pack hook.");
  const Tensor carrier = Tensor::over(Storage::foreign(nullptr, 0, nullptr, [](void*) {}), nullptr,
                                      {}, {}, tensor.dtype());
  carrier.body()->meta = std::move(meta);
  if (!is_output) static_cast<SavedInput*>(this)->unlink();
  hold(carrier.ref());
  kind_ = Kind::Packed;
}

void SavedTensor::register_hooks(SavedHooks& hooks) {
  check(kind_ != Kind::Packed,
        "Calling register_hooks on a saved tensor whose hooks have already been set. Hint: only "
        "one pair of hooks is allowed at a time.");
  const Tensor tensor = this->tensor();
  pack(hooks, tensor, data(), kind_ == Kind::Output);
}

const PackedTensor& SavedTensor::packed() const {
  return *static_cast<const PackedMeta&>(*raw()->meta).packed;
}

const Edge& SavedTensor::packed_history() const {
  return static_cast<const PackedMeta&>(*raw()->meta).history;
}

Tensor SavedTensor::held() const {
  if (!defined()) return {};
  return kind_ == Kind::Packed ? packed().held() : tensor();
}

Tensor SavedTensor::data() const {
  const Tensor tensor = this->tensor();
  return kind_ == Kind::Output ? tensor : plain_twin(tensor);
}

Tensor SavedTensor::read_packed(const Node& node) const {
  const auto& meta = static_cast<const PackedMeta&>(*raw()->meta);
  // The hooks may release what the node holds, this too.
  const Tensor held = tensor();
  Tensor value;
  {
    const Aside aside{nullptr};
    value = meta.packed->unpack();
  }
  // As in torch, what has nothing to lose is given as it is.
  const bool plain = !meta.is_output && !meta.history && !meta.tangents.defined();
  if (plain && !value.requires_grad() && !value.is_dual()) return value;
  value = plain_twin(value);
  if (!is_differentiable(value.dtype())) return value;
  if (meta.tangents.defined()) give_tangents(value, meta.tangents, mode.dual);
  if (meta.is_output) {
    set_history(value, const_cast<Node*>(&node), meta.output_nr);
  } else if (meta.history && meta.history.node()) {
    set_history(value, meta.history.node(), meta.history.output_nr());
  } else if (meta.history && mode.grad) {
    set_history(value, make_identity(meta.history).get());
  }
  return value;
}

Tensor SavedTensor::keep_dual(const Tensor& tensor) {
  Tensor data = dual_twin(tensor, ~std::uint64_t{0});
  end_with_levels(data);
  return data;
}

Tensor SavedTensor::read_output(const Node& node) const {
  const Tensor data = tensor();
  if (!mode.grad || !is_differentiable(data.dtype())) return data;
  const Tensor output = dual_twin(data, mode.dual);
  set_history(output, const_cast<Node*>(&node), raw()->raw_output_nr);
  return output;
}

void SavedTensor::report_inference(const Tensor& tensor) {
  fail(
      "Inference tensors cannot be saved for backward. Please do not use Tensors created in "
      "inference mode in computation tracked by autograd. To work around this, you can make a "
      "clone to get a normal tensor and use it in autograd, or use `torch.no_grad()` instead of "
      "`torch.inference_mode()`.",
      origin_of(tensor));
}

void SavedTensor::report_overwritten(const Node& node) const {
  if (version_ == kForgotten) {
    fail(
        "Trying to use a saved tensor that has been detached in-place, i.e. with .detach_().This "
        "is not supported, please use out-of-place `.detach()` instead",
        node.recorded_at());
  }
  const Tensor tensor = this->tensor();
  const Node* maker = kind_ == Kind::Output ? &node : raw_node_of(tensor);
  std::ostringstream what;
  what << "one of the variables needed for gradient computation has been modified by an inplace "
          "operation: [torch."
       << info(tensor.dtype()).scalar_name << "Tensor " << tensor.shape() << "]";
  if (maker) {
    what << ", which is output " << tensor.body()->raw_output_nr << " of " << maker->operator_name()
         << ",";
  }
  const std::string written = raw()->storage->written.describe();
  fail(what.str(), " is at version ", tensor.version(), "; expected version ", version_,
       " instead.", node.recorded_at(),
       written.empty() ? "" : " Last modified in place at " + written + ".",
       " Write the in-place operation out of place (x = x + 1 for x += 1), or clone the tensor "
       "before it is modified.");
}

void SavedList::add_input(int index, SavedTensor* saved) {
  items.push_back({SavedItem::Role::Input, index, saved});
}
void SavedList::add_input(int index, const Scalar& number) {
  items.push_back({SavedItem::Role::Input, index, number});
}
void SavedList::add_output(int index, SavedTensor* saved) {
  items.push_back({SavedItem::Role::Output, index, saved});
}
void SavedList::add(const SavedItem::Value& value) {
  items.push_back({SavedItem::Role::Attribute, num_attributes_++, value});
}

// The last passes of a thread that dropped what was saved.  Places are not given back when the
// thread ends: nobody may hold Python's lock then.
class FreeingPasses {
 public:
  void note(std::uint32_t pass) {
    Entry& entry = entries_[pass % kKept];
    entry.pass = pass;
    entry.sequence = Node::next_number();
    entry.readings = count_readings();
    entry.where.capture();
  }
  std::string place_of(std::uint32_t pass) const {
    const Entry& entry = entries_[pass % kKept];
    return entry.pass == pass ? entry.where.describe() : std::string();
  }
  std::size_t readings_before(std::uint64_t number) const {
    std::size_t most = 0;
    for (const Entry& entry : entries_) {
      if (entry.sequence <= number) most = std::max(most, entry.readings);
    }
    return most;
  }

 private:
  static constexpr std::size_t kKept = 16;
  struct Entry {
    std::uint32_t pass = 0;
    std::uint64_t sequence = 0;  // of the next node then
    std::size_t readings = 0;    // so far
    union {
      Provenance where;
    };
    Entry() : where() {}
    ~Entry() {}
  };
  std::array<Entry, kKept> entries_;
};

void make_freeing_passes() {
  if (mode.freeing_passes) return;
  // On the heap: libraries have little room for what belongs to a thread.
  thread_local std::unique_ptr<FreeingPasses> own;
  if (!own) own = std::make_unique<FreeingPasses>();
  mode.freeing_passes = own.get();
}

void note_freeing_pass(std::uint32_t pass) {
  make_freeing_passes();
  mode.freeing_passes->note(pass);
}

std::size_t readings_before_pass(std::uint64_t number) {
  make_freeing_passes();
  return mode.freeing_passes->readings_before(number);
}

std::string freed_at(const Node& node) {
  make_freeing_passes();
  return node.freed_by ? mode.freeing_passes->place_of(node.freed_by) : std::string();
}

void report_released(const Node& node) {
  const std::string first = freed_at(node);
  fail(
      "Trying to backward through the graph a second time (or directly access saved tensors after "
      "they have already been freed). Saved intermediate values of the graph are freed when you "
      "call .backward() or autograd.grad(). Specify retain_graph=True if you need to backward "
      "through the graph a second time or if you need to access saved tensors after calling "
      "backward.",
      node.recorded_at(), first.empty() ? "" : " Freed by the backward pass at " + first + ".");
}

}  // namespace pullback
