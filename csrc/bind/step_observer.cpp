// See step_observer.h.  Start reading at StepObserver::before and after: every node of a pass is
// looked at once, and what is seen is kept by line and by leaf.
//
// A look at a tensor is one pass over its memory, for the sum of squares; only where that leaves a
// doubt the values are looked at one by one.  The first bad value of a pass is shown to a Python
// function while the graph is still there; the rest is judged at the end, in
// pullback/diagnosis/_diagnose.py.
#include "bind/step_observer.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "bind/graph_objects.h"
#include "bind/guard.h"
#include "bind/tensor_type.h"
#include "graph/hooks.h"
#include "graph/meta.h"
#include "graph/mode.h"
#include "graph/node.h"
#include "graph/saved.h"
#include "kernels/reduce/reduce.h"
#include "ops/basic.h"
#include "transform/engine.h"

namespace pullback::bind {
namespace {

struct Look {
  double squares = 0;
  double largest = 0;  // 0 where the squares did not overflow
  // A sum of finite squares may overflow, so infinity is told by the values.
  bool is_bad() const { return std::isnan(squares) || std::isinf(largest); }
};

// Lanes, since sums of floating point numbers are not reordered by the compiler.
template <typename T>
Look look_closely(const T* values, std::int64_t n) {
  constexpr int kLanes = 8;
  double squares[kLanes] = {};
  double largest[kLanes] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (int k = 0; k < kLanes; ++k) {
      const double value = values[i + k];
      squares[k] += value * value;
      largest[k] = std::max(largest[k], std::abs(value));
    }
  }
  for (; i < n; ++i) {
    const double value = values[i];
    squares[0] += value * value;
    largest[0] = std::max(largest[0], std::abs(value));
  }
  Look look;
  for (int k = 0; k < kLanes; ++k) {
    look.squares += squares[k];
    look.largest = std::max(look.largest, largest[k]);
  }
  return look;
}

// A sum of squares that is finite, and not so small that squares may have vanished, says it all.
template <typename T>
Look look_at(const Tensor& t) {
  T sum = 0;
  constexpr std::int64_t kOne = 1;
  const std::int64_t n = t.numel();
  kernels::reduce(kernels::Reduce::SumSq,
                  {reinterpret_cast<char*>(&sum), &kOne, &kOne, 1, t.dtype()},
                  {t.bytes(), &n, &kOne, 1, t.dtype()});
  constexpr T kSmall = std::numeric_limits<T>::min() / std::numeric_limits<T>::epsilon();
  if (std::isfinite(sum) && sum > kSmall) return {static_cast<double>(sum), 0};
  return look_closely(t.data<T>(), n);
}

// What an expanded tensor repeats is looked at once.
Look look_at(const Tensor& t) {
  if (!t.defined() || !is_floating(t.dtype()) || t.numel() == 0) return {};
  if (t.has(kBatched)) return look_at(meta_of(t)->batch);
  Tensor values = t;
  double times = 1;
  if (!t.is_contiguous()) {
    Dims sizes(t.sizes());
    for (int i = 0; i < t.ndim(); ++i) {
      if (t.strides()[static_cast<std::size_t>(i)] != 0 || sizes[i] <= 1) continue;
      times *= static_cast<double>(sizes[i]);
      sizes[i] = 1;
    }
    values = t.alias(sizes, t.strides());
    if (!is_dense(values.sizes(), values.strides())) {
      const GradMode off(false);
      values = clone(detached(values), MemoryFormat::Contiguous);
    }
  }
  values = widened(values);
  Look look = values.dtype() == DType::Float32 ? look_at<float>(values) : look_at<double>(values);
  look.squares *= times;
  return look;
}

struct Units {
  std::int64_t all = 0;
  std::int64_t dead = 0;
};

// Of the result of a relu, rows of examples: how many columns are zero everywhere.
template <typename T>
Units count_units(const T* values, std::int64_t rows, std::int64_t columns) {
  std::vector<unsigned char> alive(static_cast<std::size_t>(columns));
  for (std::int64_t r = 0; r < rows; ++r) {
    const T* row = values + r * columns;
    for (std::int64_t c = 0; c < columns; ++c) {
      alive[static_cast<std::size_t>(c)] |= static_cast<unsigned char>(row[c] > 0);
    }
  }
  return {columns, std::count(alive.begin(), alive.end(), 0)};
}

Units count_units(const Tensor& t) {
  if (t.has(kBatched) || !t.is_contiguous() || t.ndim() < 1 || t.numel() == 0) return {};
  const std::int64_t columns = t.size(t.ndim() - 1);
  const std::int64_t rows = t.numel() / columns;
  const Tensor values = widened(t);
  return values.dtype() == DType::Float32 ? count_units(values.data<float>(), rows, columns)
                                          : count_units(values.data<double>(), rows, columns);
}

// What was seen of the nodes of one line and name.
struct Line {
  Provenance where;
  std::string name;
  std::uint64_t sequence = 0;  // of the first one that was seen
  double low = std::numeric_limits<double>::infinity();
  double high = 0;        // norms of what it gave, relative to the root's
  double largest = 0;     // of the values that it made or kept
  bool doubles = false;   // dtype of that value
  double dead_least = 2;  // least part of dead units in one pass
  Units units;            // of that pass
};

struct Leaf {
  Tensor tensor;
  Tensor before;
  std::uint32_t version = 0;
  std::uint64_t last_pass = 0;
  double squares = 0;  // in that pass
  double low = std::numeric_limits<double>::infinity();
  double high = 0;
  std::int64_t passes = 0;
  std::int64_t zeros = 0;
  bool accumulated = false;  // by a pass that gave all leaves their gradient
};

class StepObserver final : public PassObserver {
 public:
  explicit StepObserver(PyObject* trouble) : trouble_(Owned::share(trouble)) {}

  void before(Node& node, std::span<const Tensor> arrived) override {
    if (node.sequence() >= last_) start(arrived);
    last_ = node.sequence();
    saved_.items.clear();
    node.list_saved(saved_);
    for (const SavedItem& item : saved_.items) look_at_saved(node, item);
  }

  void after(Node& node, std::span<const Tensor> given) override {
    Line* line = nullptr;
    for (std::size_t i = 0; i < given.size(); ++i) {
      if (!given[i].defined()) continue;
      const Look look = bind::look_at(given[i]);
      if (look.is_bad()) {
        if (!bad_) report("backward", node, given);
        continue;
      }
      if (!line) line = &line_of(node);
      const double norm = std::sqrt(look.squares);
      line->low = std::min(line->low, norm / root_);
      line->high = std::max(line->high, norm / root_);
      const Edge& edge = node.edge(static_cast<int>(i));
      if (edge && edge.is_leaf()) note_leaf(Tensor(Ref<TensorBody>::share(edge.leaf())), look);
    }
  }

  // (passes, lines, leaves), see _diagnose.py.  A place is described when it is asked for.
  PyObject* result() {
    for (auto& [_, leaf] : leaves_) end_pass(leaf);
    const Owned lines(PyList_New(0)), leaves(PyList_New(0));
    for (const auto& [_, line] : lines_) {
      PyObject* code = line.where.code ? static_cast<PyObject*>(line.where.code) : Py_None;
      const Owned row(Py_BuildValue("(s(Oi)KdddOLL)", line.name.c_str(), code, line.where.offset,
                                    static_cast<unsigned long long>(line.sequence), line.low,
                                    line.high, line.largest, line.doubles ? Py_True : Py_False,
                                    static_cast<long long>(line.units.all),
                                    static_cast<long long>(line.units.dead)));
      check_status(PyList_Append(lines.get(), row.get()));
    }
    for (const auto& [_, leaf] : leaves_) {
      const Owned tensor(wrap(leaf.tensor));
      const bool written = leaf.version != leaf.tensor.version();
      const Owned row(Py_BuildValue("(OLLddOOO)", tensor.get(), static_cast<long long>(leaf.passes),
                                    static_cast<long long>(leaf.zeros), leaf.low, leaf.high,
                                    changed(leaf) ? Py_True : Py_False,
                                    written ? Py_True : Py_False,
                                    leaf.accumulated ? Py_True : Py_False));
      check_status(PyList_Append(leaves.get(), row.get()));
    }
    return Py_BuildValue("(KOO)", static_cast<unsigned long long>(passes_), lines.get(),
                         leaves.get());
  }

 private:
  void start(std::span<const Tensor> arrived) {
    ++passes_;
    bad_ = false;
    looked_at_.clear();
    double squares = 0;
    for (const Tensor& gradient : arrived) squares += bind::look_at(gradient).squares;
    root_ = squares > 0 && std::isfinite(squares) ? std::sqrt(squares) : 1;
  }

  void look_at_saved(Node& node, const SavedItem& item) {
    SavedTensor* const* saved = std::get_if<SavedTensor*>(&item.value);
    if (!saved || !(*saved)->defined() || (*saved)->is_packed()) return;
    TensorBody* body = (*saved)->body();
    if (!is_floating(body->dtype) || body->storage->version != (*saved)->version()) return;
    const bool own = item.role == SavedItem::Role::Output;
    const bool relu = own && std::string_view(node.name()) == "ReluBackward0";
    if (!looked_at_.insert(body->data).second && !relu) return;
    const Tensor value(Ref<TensorBody>::share(body));
    const Look look = bind::look_at(value);
    if (look.is_bad()) {
      if (!bad_) report("forward", node, {});
      return;
    }
    Line& line = line_of(own ? node : maker_of(node, item));
    if (look.largest > line.largest) {
      line.largest = look.largest;
      line.doubles = body->dtype == DType::Float64;
    }
    if (!relu) return;
    const Units units = count_units(value);
    const double part = units.all ? static_cast<double>(units.dead) / double(units.all) : 2;
    if (part < line.dead_least) {
      line.dead_least = part;
      line.units = units;
    }
  }

  static const Node& maker_of(const Node& node, const SavedItem& item) {
    const auto place = static_cast<std::size_t>(item.index);
    const Node* maker = place < node.edges().size() ? node.edges()[place].node() : nullptr;
    return maker ? *maker : node;
  }

  void note_leaf(const Tensor& tensor, const Look& look) {
    const auto [found, is_new] = leaves_.try_emplace(tensor.body());
    Leaf& leaf = found->second;
    if (is_new) {
      const GradMode off(false);
      leaf.tensor = tensor;
      leaf.before = clone(detached(tensor), MemoryFormat::Contiguous);
      leaf.version = tensor.version();
    }
    if (leaf.last_pass != passes_) end_pass(leaf);
    leaf.accumulated |= !mode.pass->selects_inputs();
    leaf.last_pass = passes_;
    leaf.squares += look.squares;
  }

  static void end_pass(Leaf& leaf) {
    if (leaf.last_pass != 0) {
      const double count = static_cast<double>(std::max<std::int64_t>(leaf.tensor.numel(), 1));
      const double mean = std::sqrt(leaf.squares / count);
      ++leaf.passes;
      leaf.zeros += leaf.squares == 0;
      leaf.low = std::min(leaf.low, mean);
      leaf.high = std::max(leaf.high, mean);
    }
    leaf.last_pass = 0;
    leaf.squares = 0;
  }

  static bool changed(const Leaf& leaf) {
    const GradMode off(false);
    // Detached: that the leaf is looked at here is no use of it.
    const Tensor values = detached(leaf.tensor);
    const Tensor now = values.is_contiguous() ? values : clone(values, MemoryFormat::Contiguous);
    const auto bytes = static_cast<std::size_t>(now.numel()) * item_size(now.dtype());
    return now.dtype() != leaf.before.dtype() || now.numel() != leaf.before.numel() ||
           std::memcmp(now.bytes(), leaf.before.bytes(), bytes) != 0;
  }

  Line& line_of(const Node& node) {
    const Provenance& where = node.where();
    const auto key = reinterpret_cast<std::uintptr_t>(where.code) * 31 +
                     static_cast<std::uintptr_t>(where.offset) * 17 +
                     reinterpret_cast<std::uintptr_t>(node.name());
    Line& line = lines_[key];
    if (line.name.empty()) {
      line.name = node.name();
      line.where.share(where);
      line.sequence = node.sequence();
    }
    return line;
  }

  void report(const char* when, Node& node, std::span<const Tensor> given) {
    bad_ = true;
    const Owned object(wrap_node(Ref<Node>::share(&node)));
    const Owned tuple(PyTuple_New(static_cast<Py_ssize_t>(given.size())));
    for (std::size_t i = 0; i < given.size(); ++i) {
      PyTuple_SET_ITEM(tuple.get(), static_cast<Py_ssize_t>(i), wrap(given[i]));
    }
    Owned(PyObject_CallFunction(trouble_.get(), "sOO", when, object.get(), tuple.get()));
  }

  Owned trouble_;
  std::uint64_t passes_ = 0;
  std::uint64_t last_ = 0;  // sequence number of the last node: in a pass they fall
  bool bad_ = false;        // a bad value was reported in this pass
  double root_ = 1;         // the norm that the pass started with
  SavedList saved_;
  std::unordered_set<const void*> looked_at_;
  std::unordered_map<std::uintptr_t, Line> lines_;
  std::unordered_map<const TensorBody*, Leaf> leaves_;
};

PyObject* push_step_observer(PyObject*, PyObject* trouble) {
  return guarded([&]() -> PyObject* {
    auto observer = std::make_unique<StepObserver>(trouble);
    observer->outer = mode.observers;
    mode.observers = observer.release();
    Py_RETURN_NONE;
  });
}

// (code, offset) of a line -> "file:line in function"
PyObject* describe_place(PyObject*, PyObject* args) {
  return guarded([&] {
    Provenance place;
    PyObject* code;
    if (!PyArg_ParseTuple(args, "Oi:_describe_place", &code, &place.offset)) throw_python();
    if (PyCode_Check(code)) place.code = Py_NewRef(code);
    return PyUnicode_FromString(place.describe().c_str());
  });
}

PyObject* pop_step_observer(PyObject*, PyObject*) {
  return guarded([&]() -> PyObject* {
    for (PassObserver** link = &mode.observers; *link; link = &(*link)->outer) {
      auto* found = dynamic_cast<StepObserver*>(*link);
      if (!found) continue;
      const std::unique_ptr<StepObserver> removed(found);
      *link = removed->outer;
      return removed->result();
    }
    Py_RETURN_NONE;
  });
}

}  // namespace

PyMethodDef step_observer_functions[] = {
    {"_push_step_observer", push_step_observer, METH_O,
     "(trouble): watches passes on this thread; trouble(when, node, given) at the first bad "
     "value."},
    {"_describe_place", describe_place, METH_VARARGS, "(code, offset) of a line, in words."},
    {"_pop_step_observer", pop_step_observer, METH_NOARGS,
     "(passes, lines, leaves) of the innermost such observer, which is taken away."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace pullback::bind
