// See budget.h.  Start reading at Ledger::make_room and Ledger::compute.
#include "transform/budget.h"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/error.h"
#include "graph/meta.h"
#include "graph/mode.h"
#include "graph/node.h"
#include "ops/basic.h"

namespace pullback {
namespace {

// An output of a node.
struct Place {
  const Node* node = nullptr;
  std::uint32_t output_nr = 0;
  friend bool operator==(const Place&, const Place&) = default;
};
struct PlaceHash {
  std::size_t operator()(const Place& place) const {
    return std::hash<const Node*>()(place.node) * 31 + place.output_nr;
  }
};

struct Block;

// One tensor that nodes save.
struct Entry {
  Place place;  // nothing for a tensor without history
  Tensor data;  // undefined while it is dropped
  std::uint32_t version = 0;
  Dims sizes;
  Dims strides;
  double cost = 0;  // when it was dropped: of computing it again
  Block* block = nullptr;
};

// The memory that some entries share.
struct Block {
  std::int64_t bytes = 0;
  std::vector<Entry*> entries;
  std::multimap<double, Block*>::iterator queued;
  bool is_queued = false;
};

// A leaf that requires a gradient, or a view of one: it is there with or without the graph.
bool is_users(const Tensor& tensor) {
  const TensorBody* root = tensor.body()->base ? tensor.body()->base.get() : tensor.body();
  return root->raw_flags & kAnyGrad && !root->raw_grad_fn;
}

const Recipe* recipe_of(const Node* node) {
  return node && node->extra() ? node->extra()->recipe.get() : nullptr;
}

}  // namespace

class Ledger {
 public:
  explicit Ledger(std::int64_t bytes) { stats_.budget = bytes; }

  std::shared_ptr<Entry> enter(const Tensor& tensor, const std::shared_ptr<Ledger>& self);
  void leave(Entry& entry);
  void note(Node& node, std::unique_ptr<Recipe> recipe);
  Tensor read(Entry& entry);
  const Budget::Stats& stats() const { return stats_; }

 private:
  void hold(Entry& entry, Tensor data);
  void let_go(Entry& entry);
  bool can_drop(const Block& block) const;
  double cost_again(const Entry& entry) const;
  double score(const Block& block) const;
  void enqueue(Block& block);
  void make_room();
  void drop(Block& block);
  [[noreturn]] void report_full();

  Entry* find(const Place& place) const;
  // Its data, if it is there and still what it was.
  Tensor present(const Place& place) const;
  bool is_available(const Node& node, const Recipe& recipe, std::size_t input) const;
  Tensor compute(const Entry& wanted);
  std::vector<const Node*> missing_nodes(const Node* last);
  const Tensor& unchanged(const Recipe::Source& source, const Node& node);

  Budget::Stats stats_;
  std::unordered_map<Place, std::weak_ptr<Entry>, PlaceHash> entries_;
  std::unordered_map<const Storage*, Block> blocks_;
  std::multimap<double, Block*> queue_;  // what may be dropped, by cost for a byte
};

std::shared_ptr<Entry> Ledger::enter(const Tensor& tensor, const std::shared_ptr<Ledger>& self) {
  const Node* node = node_of(tensor);
  const bool plain = is_single(tensor);
  Place place = plain && node ? Place{node, tensor.body()->raw_output_nr} : Place{};
  const Recipe* recipe = recipe_of(place.node);
  // Overwritten without being recorded: then it is not what its node computes.
  if (recipe && recipe->result_version != tensor.version()) place = {};
  const auto known = place.node ? entries_.find(place) : entries_.end();
  if (known != entries_.end()) {
    if (auto entry = known->second.lock()) {
      // With a recipe the version says that the value is the node's, in whatever memory.
      const bool alike = same(entry->strides, tensor.strides());
      if (alike && !entry->data.defined()) {
        hold(*entry, detached(tensor));
        make_room();
        return entry;
      }
      const bool intact = entry->data.defined() && entry->data.version() == entry->version;
      if (alike && intact && (recipe || entry->version == tensor.version())) return entry;
      place = {};
    }
  }
  std::shared_ptr<Entry> entry(new Entry, [self](Entry* dying) {
    self->leave(*dying);
    delete dying;
  });
  entry->place = place;
  entry->sizes = tensor.shape();
  entry->strides = Dims(tensor.strides());
  if (place.node) entries_[place] = entry;
  if (plain && !is_users(tensor)) {
    hold(*entry, detached(tensor));
    make_room();
  } else {
    entry->data = detached(tensor);
    entry->version = entry->data.version();
  }
  return entry;
}

void Ledger::leave(Entry& entry) {
  let_go(entry);
  const auto found = entries_.find(entry.place);
  if (entry.place.node && found != entries_.end() && found->second.expired()) {
    entries_.erase(found);
  }
}

void Ledger::hold(Entry& entry, Tensor data) {
  entry.data = std::move(data);
  entry.version = entry.data.version();
  const Storage* storage = entry.data.body()->storage.get();
  Block& block = blocks_[storage];
  if (block.entries.empty()) {
    block.bytes = static_cast<std::int64_t>(storage->bytes);
    stats_.held += block.bytes;
  }
  block.entries.push_back(&entry);
  entry.block = &block;
  enqueue(block);
}

void Ledger::let_go(Entry& entry) {
  Block* block = std::exchange(entry.block, nullptr);
  const Tensor data = std::exchange(entry.data, Tensor());
  if (!block) return;
  std::erase(block->entries, &entry);
  if (block->is_queued) queue_.erase(block->queued);
  block->is_queued = false;
  if (block->entries.empty()) {
    stats_.held -= block->bytes;
    blocks_.erase(data.body()->storage.get());
  } else {
    enqueue(*block);
  }
}

bool Ledger::can_drop(const Block& block) const {
  return std::all_of(block.entries.begin(), block.entries.end(),
                     [](const Entry* entry) { return recipe_of(entry->place.node) != nullptr; });
}

// What it takes to make the entry again if it is dropped now.
double Ledger::cost_again(const Entry& entry) const {
  const Recipe& recipe = *recipe_of(entry.place.node);
  double cost = recipe.cost;
  for (std::size_t i = 0; i < recipe.sources.size(); ++i) {
    if (recipe.sources[i].tensor.defined() || recipe.sources[i].absent) continue;
    const Edge& edge = entry.place.node->edge(static_cast<int>(i));
    const Entry* source = find({edge.node(), edge.output_nr()});
    if (!source) {
      const Recipe* before = recipe_of(edge.node());
      if (before) cost += before->chain;
    } else if (!source->data.defined()) {
      cost += source->cost;
    }
  }
  return cost;
}

double Ledger::score(const Block& block) const {
  double cost = 0;
  for (const Entry* entry : block.entries) cost += cost_again(*entry);
  return cost / static_cast<double>(std::max<std::int64_t>(block.bytes, 1));
}

void Ledger::enqueue(Block& block) {
  if (block.is_queued) queue_.erase(block.queued);
  block.is_queued = can_drop(block);
  if (block.is_queued) block.queued = queue_.emplace(score(block), &block);
}

void Ledger::make_room() {
  while (stats_.held > stats_.budget) {
    if (queue_.empty()) report_full();
    Block& block = *queue_.begin()->second;
    // What it is made from may have been dropped since: then others may cost less.
    const double before = queue_.begin()->first;
    enqueue(block);
    if (block.queued->first > before && block.queued != queue_.begin()) continue;
    drop(block);
  }
  stats_.peak = std::max(stats_.peak, stats_.held);
}

void Ledger::drop(Block& block) {
  const std::vector<Entry*> entries = block.entries;
  for (Entry* entry : entries) entry->cost = cost_again(*entry);
  stats_.dropped += static_cast<std::int64_t>(entries.size());
  for (Entry* entry : entries) let_go(*entry);
}

void Ledger::report_full() {
  ++stats_.refused;
  const Block* largest = nullptr;
  for (const auto& [storage, block] : blocks_) {
    if (!largest || block.bytes > largest->bytes) largest = &block;
  }
  const Entry& entry = *largest->entries.front();
  fail("memory_budget: the saved tensors cannot stay under the budget: got ", stats_.held,
       " bytes that cannot be computed again, expected at most ", stats_.budget,
       ". The largest of ", blocks_.size(), " blocks has ", largest->bytes,
       " bytes, a tensor of shape ", entry.sizes, entry.place.node ? "." : " without history.",
       entry.place.node ? entry.place.node->recorded_at() : std::string(),
       " Raise the budget, or save less.");
}

void Ledger::note(Node& node, std::unique_ptr<Recipe> recipe) {
  recipe->chain = recipe->cost;
  for (std::size_t i = 0; i < recipe->sources.size(); ++i) {
    if (!is_available(node, *recipe, i)) return;
    if (recipe->sources[i].tensor.defined() || recipe->sources[i].absent) continue;
    const Edge& edge = node.edge(static_cast<int>(i));
    const Recipe* before = recipe_of(edge.node());
    if (before && !find({edge.node(), edge.output_nr()})) recipe->chain += before->chain;
  }
  node.make_extra().recipe = std::move(recipe);
}

// Keeping a tensor for the recipe alone must not cost memory: one without history is kept if it is
// small, or saved anyway.  A node without recipe will have its result in the ledger if it is saved.
bool Ledger::is_available(const Node& node, const Recipe& recipe, std::size_t input) const {
  constexpr std::size_t kSmall = 4096;
  const Recipe::Source& source = recipe.sources[input];
  if (source.absent) return true;
  const Edge& edge = node.edge(static_cast<int>(input));
  if (source.tensor.defined()) {
    const Storage* storage = source.tensor.body()->storage.get();
    return (edge && edge.is_leaf()) || storage->bytes <= kSmall || blocks_.contains(storage);
  }
  const Recipe* before = recipe_of(edge.node());
  if (before) return before->result_version == source.version;
  const Entry* entry = find({edge.node(), edge.output_nr()});
  return entry && entry->data.defined() && entry->version == source.version;
}

Entry* Ledger::find(const Place& place) const {
  const auto found = entries_.find(place);
  if (found == entries_.end()) return nullptr;
  const auto entry = found->second.lock();
  return entry.get();
}

Tensor Ledger::present(const Place& place) const {
  const Entry* entry = find(place);
  if (!entry || !entry->data.defined() || entry->data.version() != entry->version) return {};
  return entry->data;
}

Tensor Ledger::read(Entry& entry) {
  if (!entry.data.defined()) return compute(entry);
  if (entry.data.version() != entry.version) {
    std::ostringstream what;
    what << "one of the variables needed for gradient computation has been modified by an inplace "
            "operation: [torch."
         << info(entry.data.dtype()).scalar_name << "Tensor " << entry.sizes << "]";
    if (entry.place.node) {
      what << ", which is output " << entry.place.output_nr << " of "
           << entry.place.node->operator_name() << ",";
    }
    fail(what.str(), " is at version ", entry.data.version(), "; expected version ", entry.version,
         " instead.", entry.place.node ? entry.place.node->recorded_at() : std::string());
  }
  return entry.data;
}

// The nodes to run for the results of one, in the order of recording.
std::vector<const Node*> Ledger::missing_nodes(const Node* last) {
  std::vector<const Node*> found{last};
  std::set<const Node*> seen{last};
  for (std::size_t k = 0; k < found.size(); ++k) {
    const Node* node = found[k];
    const Recipe* recipe = recipe_of(node);
    if (!recipe) {
      ++stats_.refused;
      fail("memory_budget: a dropped tensor cannot be computed again: the value of ", node->name(),
           " is gone.", node->recorded_at(),
           " Part of the graph was released before the rest of it was walked.");
    }
    for (std::size_t i = 0; i < recipe->sources.size(); ++i) {
      const Recipe::Source& source = recipe->sources[i];
      if (source.tensor.defined() || source.absent) continue;
      const Edge& edge = node->edge(static_cast<int>(i));
      if (present({edge.node(), edge.output_nr()}).defined()) continue;
      if (seen.insert(edge.node()).second) found.push_back(edge.node());
    }
  }
  std::sort(found.begin(), found.end(),
            [](const Node* a, const Node* b) { return a->sequence() < b->sequence(); });
  return found;
}

namespace {

// A result in the layout that the dropped tensor had, on which later sums may depend.
Tensor in_layout(const Tensor& result, const Entry& entry) {
  if (same(result.strides(), entry.strides) || result.numel() <= 1 ||
      !is_dense(entry.sizes, entry.strides)) {
    return result;
  }
  const Tensor copy = Tensor::empty(entry.sizes, result.dtype()).alias(entry.sizes, entry.strides);
  copy_values(copy, result);
  return copy;
}

}  // namespace

const Tensor& Ledger::unchanged(const Recipe::Source& source, const Node& node) {
  if (source.tensor.version() != source.version) {
    ++stats_.refused;
    fail(
        "one of the variables needed for gradient computation has been modified by an inplace "
        "operation: [torch.",
        info(source.tensor.dtype()).scalar_name, "Tensor ", source.tensor.shape(),
        "] is at version ", source.tensor.version(), "; expected version ", source.version,
        " instead. It is needed to compute what a memory budget dropped.", node.recorded_at());
  }
  return source.tensor;
}

Tensor Ledger::compute(const Entry& wanted) {
  const GradMode no_recording(false);
  const ForwardMode no_tangents(false);
  SavedHooks* const hooks = std::exchange(mode.saved_hooks, nullptr);
  struct Restore {
    SavedHooks* hooks;
    ~Restore() { mode.saved_hooks = hooks; }
  } const restore{hooks};

  const std::vector<const Node*> nodes = missing_nodes(wanted.place.node);
  std::unordered_map<const Node*, std::size_t> last_use;
  for (std::size_t k = 0; k < nodes.size(); ++k) {
    for (const Edge& edge : nodes[k]->edges()) {
      if (edge && !edge.is_leaf()) last_use[edge.node()] = k;
    }
  }
  std::unordered_map<const Node*, std::vector<Tensor>> results;
  Tensor found;
  for (std::size_t k = 0; k < nodes.size(); ++k) {
    const Node* node = nodes[k];
    const Recipe& recipe = *recipe_of(node);
    std::vector<Tensor> inputs;
    for (std::size_t i = 0; i < recipe.sources.size(); ++i) {
      const Recipe::Source& source = recipe.sources[i];
      if (source.absent || source.tensor.defined()) {
        inputs.push_back(source.absent ? Tensor() : unchanged(source, *node));
        continue;
      }
      const Edge& edge = node->edge(static_cast<int>(i));
      const auto made = results.find(edge.node());
      inputs.push_back(made != results.end() ? made->second[edge.output_nr()]
                                             : present({edge.node(), edge.output_nr()}));
    }
    std::vector<Tensor> outputs = recipe.run(inputs);
    ++stats_.recomputed;
    for (std::size_t nr = 0; nr < outputs.size(); ++nr) {
      Entry* entry = find({node, static_cast<std::uint32_t>(nr)});
      if (!entry) continue;
      outputs[nr] = in_layout(outputs[nr], *entry);
      if (entry == &wanted) found = outputs[nr];
      const Storage* storage = outputs[nr].body()->storage.get();
      const auto bytes = static_cast<std::int64_t>(storage->bytes);
      const bool fits = blocks_.contains(storage) || stats_.held + bytes <= stats_.budget;
      if (!entry->data.defined() && fits) hold(*entry, detached(outputs[nr]));
    }
    stats_.peak = std::max(stats_.peak, stats_.held);
    results[node] = std::move(outputs);
    for (const Edge& edge : node->edges()) {
      if (edge && !edge.is_leaf() && last_use[edge.node()] == k) results.erase(edge.node());
    }
  }
  return found;
}

namespace {

class PackedEntry final : public PackedTensor {
 public:
  PackedEntry(std::shared_ptr<Ledger> ledger, std::shared_ptr<Entry> entry)
      : ledger_(std::move(ledger)), entry_(std::move(entry)) {}
  Tensor unpack() override { return ledger_->read(*entry_); }
  Tensor held() const override { return entry_->data; }

 private:
  std::shared_ptr<Ledger> ledger_;
  std::shared_ptr<Entry> entry_;
};

}  // namespace

Budget::Budget(std::int64_t bytes) : ledger_(std::make_shared<Ledger>(bytes)) {}
Budget::~Budget() = default;

std::unique_ptr<PackedTensor> Budget::pack(const Tensor& tensor) {
  return std::make_unique<PackedEntry>(ledger_, ledger_->enter(tensor, ledger_));
}

void Budget::note(Node& node, std::unique_ptr<Recipe> recipe) {
  ledger_->note(node, std::move(recipe));
}

Budget::Stats stats_of(const Ledger& ledger) { return ledger.stats(); }

}  // namespace pullback
