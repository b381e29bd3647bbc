// See function_call.h.  Start reading at apply_function.
//
// The rules for results are torch's: a result that is an argument comes back as a view of it, one
// that was marked dirty as itself with a new history; a result without derivative has no history;
// what is no tensor passes through.
#include "bind/function_call.h"

#include <algorithm>
#include <array>
#include <bit>
#include <string>
#include <vector>

#include "bind/function_node.h"
#include "bind/guard.h"
#include "bind/profile.h"
#include "bind/provenance.h"
#include "bind/tensor_type.h"
#include "core/error.h"
#include "graph/meta.h"
#include "graph/mode.h"
#include "graph/origin.h"
#include "kernels/index/index.h"
#include "ops/basic.h"
#include "ops/op.h"
#include "ops/rebase.h"

namespace pullback::bind {
namespace {

// A Python call with `first` (if any) before the other arguments, which need not be copied to the
// heap when they are few.
PyObject* call_with(PyObject* function, PyObject* first, PyObject* const* args, Py_ssize_t n) {
  constexpr std::size_t kFew = 8;
  std::array<PyObject*, kFew + 2> few;
  std::vector<PyObject*> many;
  const auto total = static_cast<std::size_t>(n);
  PyObject** stack = few.data();
  if (total > kFew) {
    many.resize(total + 2);
    stack = many.data();
  }
  PyObject** begin = stack + 1;
  PyObject** end = begin;
  if (first) *end++ = first;
  std::copy_n(args, total, end);
  const std::size_t positional = static_cast<std::size_t>(n) + (first ? 1 : 0);
  PyObject* result =
      PyObject_Vectorcall(function, begin, positional | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr);
  if (!result) throw_python();
  return result;
}

bool contains(PyObject* tensors, const Tensor& tensor) {
  if (!tensors) return false;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tensors); ++i) {
    PyObject* item = PyTuple_GET_ITEM(tensors, i);
    if (is_tensor(item) && unwrap(item).is_same(tensor)) return true;
  }
  return false;
}

// Whether the arguments are not simply those of forward(...) in order.
bool needs_binding(PyObject* forward, Py_ssize_t n) {
  if (!PyFunction_Check(forward)) return true;
  const auto* code = reinterpret_cast<PyCodeObject*>(PyFunction_GET_CODE(forward));
  const bool plain = (code->co_flags & (CO_VARARGS | CO_VARKEYWORDS)) == 0;
  return !plain || code->co_kwonlyargcount > 0 || code->co_argcount != n;
}

Owned tuple_of(PyObject* const* items, Py_ssize_t n) {
  Owned tuple(PyTuple_New(n));
  for (Py_ssize_t i = 0; i < n; ++i) PyTuple_SET_ITEM(tuple.get(), i, Py_NewRef(items[i]));
  return tuple;
}

// The level of the innermost vmap among the tensors of an argument, 0 when there is none.
int batch_level_in(PyObject* argument) {
  if (is_tensor(argument)) {
    const Tensor& tensor = unwrap(argument);
    return tensor.has(kBatched) ? meta_of(tensor)->level : 0;
  }
  int level = 0;
  if (PyList_Check(argument) || PyTuple_Check(argument)) {
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(argument); ++i) {
      level = std::max(level, batch_level_in(PySequence_Fast_ITEMS(argument)[i]));
    }
  } else if (PyDict_Check(argument)) {
    PyObject* value;
    for (Py_ssize_t i = 0; PyDict_Next(argument, &i, nullptr, &value);) {
      level = std::max(level, batch_level_in(value));
    }
  }
  return level;
}

// The positional arguments; with a forward that gets no context, defaults are filled in.
Owned bind_arguments(PyObject* forward, PyObject* const* args, Py_ssize_t n, PyObject* kwnames,
                     bool separate) {
  Owned positional = tuple_of(args, n);
  Owned keywords(PyDict_New());
  for (Py_ssize_t k = 0; kwnames && k < PyTuple_GET_SIZE(kwnames); ++k) {
    check_status(PyDict_SetItem(keywords.get(), PyTuple_GET_ITEM(kwnames, k), args[n + k]));
  }
  PyObject* all[] = {forward, positional.get(), keywords.get(), separate ? Py_True : Py_False};
  return Owned(PyObject_Vectorcall(function_defaults.bind_arguments, all, 4, nullptr));
}

// A tensor over the same memory, for an argument that is returned as it is.
Tensor alias_of(const Tensor& tensor, bool is_view) {
  Tensor alias = detached(tensor);
  if (is_view) detail::mark_view(alias, tensor, false);
  return alias;
}

class Call {
 public:
  Call(PyObject* function_class, PyObject* const* args, Py_ssize_t n);
  ~Call();

  PyObject* run(PyObject* forward, PyObject* setup_context);

 private:
  // The tangents of the arguments of one level before the call, which may write the arguments.
  struct Pushed {
    int level;
    std::vector<Tensor> tangents;
    std::vector<std::uint32_t> versions;
  };

  void find_level();
  void check_unsaved(const Tensor& result) const;
  bool is_argument(const Tensor& tensor) const;
  void check_marks() const;
  void mark_custom_view(const Tensor& result);
  void take_dirty(const Tensor& result, int number);
  Tensor settle(const Tensor& result, int number, Shape& shape);
  void settle_results(PyObject* const* raw, Py_ssize_t n);
  Owned call_batched() const;
  std::uint64_t levels_to_push() const;
  bool pushes_transform() const;
  void note_tangents();
  void push_tangents(const Pushed& pushed);
  void check_view_tangent(const Tensor& result, const Tensor& tangent, int level) const;
  void give_tangent(Py_ssize_t k, const Tensor& tangent, const Pushed& pushed);

  PyObject* const class_;
  PyObject* const* const args_;
  const Py_ssize_t n_;
  std::uint32_t flags_ = 0;
  int level_ = 0;  // of the innermost vmap among the arguments
  bool separate_ = false;
  Owned context_object_;
  PyContext* context_;
  Ref<FunctionNode> node_;  // when the call is recorded
  Owned results_;           // a tuple
  Py_ssize_t num_results_ = 0;
  std::vector<bool> has_derivative_;
  std::vector<Pushed> pushed_;
  std::vector<Tensor> views_;  // results that are views
};

Call::Call(PyObject* function_class, PyObject* const* args, Py_ssize_t n)
    : class_(function_class), args_(args), n_(n) {
  Owned type(PyObject_GetAttr(class_, function_names.backward_cls));
  context_object_ = Owned(new_context(reinterpret_cast<PyTypeObject*>(type.get())));
  context_ = reinterpret_cast<PyContext*>(context_object_.get());
  Owned needs(PyTuple_New(n));
  int num_tensors = 0;
  for (Py_ssize_t i = 0; i < n; ++i) {
    bool wants = false;
    if (is_tensor(args[i])) {
      refresh(unwrap(args[i]));
      const std::uint32_t flags = unwrap(args[i]).raw_flags();
      flags_ |= flags;
      wants = flags & kAnyGrad;
      ++num_tensors;
    }
    PyTuple_SET_ITEM(needs.get(), i, Py_NewRef(wants ? Py_True : Py_False));
  }
  context_->needs_input_grad = needs.release();
  find_level();
  if (level_) flags_ |= kBatched;
  const RecordLevels inside(level_ ? mode.record & ~mode.levels[level_].outer_record : mode.record);
  if (!mode.grad || !(flags_ & mode.record)) return;
  node_ = make_node<FunctionNode>(context_object_.get(), num_tensors);
  context_->base.node = Ref<Node>::adopt(node_.get());  // not counted: the node owns the context
  node_->arguments.resize(static_cast<std::size_t>(n));
  int edge = 0;
  for (Py_ssize_t i = 0; i < n; ++i) {
    if (!is_tensor(args[i])) continue;
    const Tensor& t = unwrap(args[i]);
    node_->arguments[static_cast<std::size_t>(i)] = Shape(t);
    node_->set_edge(edge++, t);
    if (t.has(kCut) && !t.requires_grad()) note_cut_operand(*node_, t);
  }
  if (mode.observers) show_recorded(*node_);  // once more, with its inputs
}

// What was marked is not kept, also after an error: it may be what holds the context.
Call::~Call() {
  Py_CLEAR(context_->to_save);
  Py_CLEAR(context_->dirty);
  Py_CLEAR(context_->non_differentiable);
  Py_CLEAR(context_->for_forward);
}

// Also among the tensors that lists and their like hold.
void Call::find_level() {
  if (!mode.depth) return;
  for (Py_ssize_t i = 0; i < n_; ++i) level_ = std::max(level_, batch_level_in(args_[i]));
}

void Call::check_unsaved(const Tensor& result) const {
  const bool saved = contains(context_->to_save, result) || contains(context_->for_forward, result);
  check(!separate_ || !saved,
        "An input that has been returned as-is as output is being saved for backward. This is "
        "not supported if you override setup_context. You should return and save a view of the "
        "input instead, e.g. with x.view_as(x) or setup ctx inside the forward function itself.");
}

bool Call::is_argument(const Tensor& tensor) const {
  for (Py_ssize_t i = 0; i < n_; ++i) {
    if (is_tensor(args_[i]) && unwrap(args_[i]).is_same(tensor)) return true;
  }
  return false;
}

void Call::check_marks() const {
  const auto check_tuple = [](PyObject* marked, const char* name, auto what) {
    if (!marked || marked == Py_None) return;
    check(PyTuple_Check(marked), "autograd internal error: ", name,
          " attribute is expected to be a tuple but is ", Py_TYPE(marked)->tp_name);
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(marked); ++i) {
      PyObject* item = PyTuple_GET_ITEM(marked, i);
      if (!is_tensor(item)) fail(what(i), Py_TYPE(item)->tp_name);
    }
  };
  check_tuple(context_->non_differentiable, "non_differentiable", [](Py_ssize_t) {
    return std::string("mark_non_differentiable only accepts variable arguments, but got ");
  });
  check_tuple(context_->dirty, "dirty_tensors", [](Py_ssize_t i) {
    return "mark_dirty can only accept variables, but argument " + std::to_string(i) +
           " is of type ";
  });
}

// Writing through a view that the user's forward made would bypass the user's backward.
void Call::mark_custom_view(const Tensor& result) {
  TensorBody* body = result.body();
  if (!body->base) return;
  body->view_kind = ViewKind::Custom;
  body->has_seen(body->storage->version);
  views_.push_back(result);
}

// An argument that was modified in place: its history, or its base's, is from now on the node's.
void Call::take_dirty(const Tensor& result, int number) {
  check(!result.requires_grad() || !(result.is_leaf() || is_level_input(result.body())),
        "a leaf Variable that requires grad has been used in an in-place operation.");
  const bool is_view = result.has(kFollowsBase);
  check(!is_view || num_results_ == 1,
        "If your Function modifies inplace an input that is a view of another Tensor, your "
        "Function cannot return more than one Tensor. This is not supported by the current "
        "autograd engine. You should either make sure the input is not a view (using .clone() for "
        "example) or make your Function only return one Tensor (potentially splitting it into two "
        "Functions: one doing the inplace that returns a single Tensor and a second one that does "
        "the other operations).");
  if (is_view) check_rebase(node_->name(), result);
  set_history(result, node_.get(), static_cast<std::uint32_t>(number));
  rebase(result, result);
}

// The tensor that the caller gets for a tensor that forward returned.
Tensor Call::settle(const Tensor& result, int number, Shape& shape) {
  const bool argument = is_argument(result);
  const bool dirty = contains(context_->dirty, result);
  const bool smooth =
      is_differentiable(result.dtype()) && !contains(context_->non_differentiable, result);
  if (flags_ & kDual) {
    const bool follows = argument && separate_ && is_differentiable(result.dtype());
    has_derivative_[static_cast<std::size_t>(number)] = smooth || (follows && pushes_transform());
  }
  shape.differentiable = node_ && smooth;
  if (!shape.differentiable) {
    if (node_ && !smooth && !argument && !result.requires_grad()) {
      note_origin(result, Origin::NotDifferentiable);
    }
    if (!result.requires_grad()) {
      if (!argument || dirty) return result;
      check_unsaved(result);
      const Tensor alias = alias_of(result, true);
      // What is recorded in its base later would bypass the user's backward.
      if (smooth && alias.body()->base) alias.body()->view_kind = ViewKind::NoGrad;
      return alias;
    }
    if (argument) {
      // To torch, what only transforms differentiate by requires no gradient here.
      if (!(result.raw_flags() & kRequiresGrad)) check_unsaved(result);
      return alias_of(result, false);
    }
    if (!result.body()->base) drop_history(result);
    return result;
  }
  if (dirty) {
    if (!argument) {
      warn_user(PyExc_UserWarning,
                "ctx.mark_dirty() received a tensor that was not an input. Only input Tensors that "
                "have been mutated should be passed to ctx.mark_dirty().");
    }
    take_dirty(result, number);
    return result;
  }
  if (argument) {
    check_unsaved(result);
    const Tensor alias = alias_of(result, true);
    set_history(alias, node_.get(), static_cast<std::uint32_t>(number));
    mark_custom_view(alias);
    return alias;
  }
  set_history(result, node_.get(), static_cast<std::uint32_t>(number));
  mark_custom_view(result);
  return result;
}

void Call::settle_results(PyObject* const* raw, Py_ssize_t n) {
  results_ = Owned(PyTuple_New(n));
  num_results_ = n;
  for (Py_ssize_t i = 0; context_->dirty && i < PyTuple_GET_SIZE(context_->dirty); ++i) {
    unwrap(PyTuple_GET_ITEM(context_->dirty, i)).note_write();
  }
  if (flags_ & kDual) has_derivative_.resize(static_cast<std::size_t>(n));
  std::vector<Shape> shapes(static_cast<std::size_t>(n));
  for (Py_ssize_t k = 0; k < n; ++k) {
    if (!is_tensor(raw[k])) {
      PyTuple_SET_ITEM(results_.get(), k, Py_NewRef(raw[k]));
      continue;
    }
    Shape& shape = shapes[static_cast<std::size_t>(k)];
    const Tensor& given = unwrap(raw[k]);
    shape.sizes = given.shape();
    shape.dtype = given.dtype();
    shape.is_tensor = true;
    const Tensor settled = settle(given, static_cast<int>(k), shape);
    PyObject* object = settled.is_same(given) ? Py_NewRef(raw[k]) : wrap(settled);
    PyTuple_SET_ITEM(results_.get(), k, object);
    // See NOTE [Contexts]: the user may hang it on the context.
    if (node_ && !PyObject_GC_IsTracked(object)) PyObject_GC_Track(object);
  }
  for (Py_ssize_t i = 0; context_->dirty && i < PyTuple_GET_SIZE(context_->dirty); ++i) {
    const Tensor& dirty = unwrap(PyTuple_GET_ITEM(context_->dirty, i));
    check(
        std::any_of(raw, raw + n,
                    [&](PyObject* each) { return is_tensor(each) && unwrap(each).is_same(dirty); }),
        "Some elements marked as dirty during the forward method were not returned as output. "
        "The inputs that are modified inplace must all be outputs of the Function.");
  }
  if (!views_.empty() && std::count_if(shapes.begin(), shapes.end(),
                                       [](const Shape& s) { return s.differentiable; }) > 1) {
    for (const Tensor& view : views_) view.body()->view_kind = ViewKind::OneOfMany;
  }
  if (node_) node_->set_results(std::move(shapes));
}

// The call belongs to the levels outside of the innermost vmap; see NOTE [Vmapped functions] in
// python/pullback/autograd/_function_vmap.py.
Owned Call::call_batched() const {
  const Level& vmap = mode.levels[level_];
  const OuterLevels outer(level_);
  const Owned arguments = tuple_of(args_, n_);
  const Owned module(PyImport_ImportModule("pullback.autograd._function_vmap"));
  return Owned(PyObject_CallMethod(module.get(), "apply_batched", "OOiLi", class_, arguments.get(),
                                   level_, static_cast<long long>(vmap.batch),
                                   static_cast<int>(vmap.randomness)));
}

// NOTE [Levels] in graph/level.h.
std::uint64_t Call::levels_to_push() const {
  std::uint64_t levels = 0;
  for (Py_ssize_t i = 0; i < n_; ++i) {
    if (is_tensor(args_[i])) levels |= dual_levels(unwrap(args_[i]));
  }
  return level_ ? levels & mode.dual & ~below(level_ + 1) : levels & mode.dual;
}

// As in torch a transform's function gives its tangent to an argument that is returned, whatever
// setup_context marked.
bool Call::pushes_transform() const {
  return std::any_of(pushed_.begin(), pushed_.end(), [](const Pushed& pushed) {
    return mode.levels[pushed.level].kind == LevelKind::Jvp;
  });
}

void Call::note_tangents() {
  for (std::uint64_t levels = levels_to_push(); levels; levels &= levels - 1) {
    Pushed pushed{std::countr_zero(levels), {}, {}};
    for (Py_ssize_t i = 0; i < n_; ++i) {
      Tensor tangent = is_tensor(args_[i]) ? tangent_of(unwrap(args_[i]), pushed.level) : Tensor();
      pushed.versions.push_back(tangent.defined() ? tangent.version() : 0);
      pushed.tangents.push_back(std::move(tangent));
    }
    pushed_.push_back(std::move(pushed));
  }
}

// linearize differentiates by the tangents, so one that does not depend on them must be zero.
static void check_follows(const Tensor& tangent, int level, PyObject* function) {
  Tensor values = tangent;
  const std::uint32_t wanted = mode.levels[level].always_recorded;
  while (!(values.raw_flags() & wanted) && values.has(kBatched)) values = meta_of(values)->batch;
  if (values.raw_flags() & wanted) return;
  if (kernels::count_nonzero(view_of(widened(values))) == 0) return;
  fail("linearize: the jvp of ", reinterpret_cast<PyTypeObject*>(function)->tp_name,
       " gave a tangent that has no history, though it is not zero. Was it computed under no_grad, "
       "or from detached tangents?");
}

// The user's jvp, with a tangent or zeros for each argument that is a tensor.
void Call::push_tangents(const Pushed& pushed) {
  const int level = pushed.level;
  Owned jvp(PyObject_GetAttr(class_, function_names.jvp));
  std::vector<Owned> tangents;
  std::vector<PyObject*> pointers;
  for (Py_ssize_t i = 0; i < n_; ++i) {
    Tensor tangent;
    if (is_tensor(args_[i])) {
      const Tensor& t = unwrap(args_[i]);
      tangent = pushed.tangents[static_cast<std::size_t>(i)];
      if (!tangent.defined() && context_->materialize && is_differentiable(t.dtype())) {
        tangent = Tensor::zeros(t.sizes(), t.dtype());
      }
    }
    tangents.emplace_back(wrap(std::move(tangent)));
    pointers.push_back(tangents.back().get());
  }
  const OuterLevels outer(level);
  Owned derivatives(call_with(jvp.get(), context_object_.get(), pointers.data(), n_));
  PyObject* single = derivatives.get();
  const bool several = PyTuple_Check(single);
  PyObject* const* items = several ? &PyTuple_GET_ITEM(single, 0) : &single;
  const Py_ssize_t count = several ? PyTuple_GET_SIZE(single) : 1;
  const Py_ssize_t expected = PyTuple_GET_SIZE(results_.get());
  check(count == expected,
        "Function's jvp returned an invalid number of forward gradients (expected ", expected,
        " but got ", count, ")");
  for (Py_ssize_t k = 0; k < count; ++k) {
    PyObject* item = items[k];
    check(item == Py_None || is_tensor(item), "expected Variable or None (got ",
          Py_TYPE(item)->tp_name, ") for grad output ", k, ".");
    PyObject* object = PyTuple_GET_ITEM(results_.get(), k);
    if (is_tensor(object) && contains(context_->dirty, unwrap(object))) {
      check(is_argument(unwrap(object)),
            "Only input Tensors should be given to ctx.mark_dirty(). If a Tensor is not an input, "
            "there is no need to pass it to mark_dirty().");
    }
    if (!is_tensor(object) || !has_derivative_[static_cast<std::size_t>(k)]) {
      check(item == Py_None, "Function's jvp returned a gradient at position ", k,
            ", but the corresponding forward output is not a differentiable Tensor. You should "
            "return None at that position instead.");
      continue;
    }
    if (item == Py_None) continue;
    if (mode.levels[level].always_recorded) check_follows(unwrap(item), level, class_);
    give_tangent(k, unwrap(item), pushed);
  }
}

// The tangent of a view must be a view of a tangent.
void Call::check_view_tangent(const Tensor& result, const Tensor& tangent, int level) const {
  bool fits = true;
  for (Py_ssize_t i = 0; i < n_; ++i) {
    if (!is_tensor(args_[i])) continue;
    const Tensor& argument = unwrap(args_[i]);
    const Tensor& own = tangent_of(argument, level);
    if (!own.defined() || argument.body()->storage != result.body()->storage) continue;
    fits = own.body()->storage == tangent.body()->storage;
    if (fits) return;
  }
  check(fits,
        "A custom Function's forward is returning a view (or an input as-is) but the jvp is not "
        "returning a view.");
}

void Call::give_tangent(Py_ssize_t k, const Tensor& tangent, const Pushed& pushed) {
  const int level = pushed.level;
  PyObject* object = PyTuple_GET_ITEM(results_.get(), k);
  const Tensor& result = unwrap(object);
  if (contains(context_->dirty, result)) {
    for (std::size_t i = 0; i < pushed.tangents.size(); ++i) {
      const Tensor& before = pushed.tangents[i];
      if (args_[i] != object || !before.defined()) continue;
      check(before.version() != pushed.versions[i],
            "An inplace custom Function is not modifying the forward mode gradients inplace. If "
            "the forward is modifying an input inplace, then the jvp function must modify the "
            "corresponding gradient inplace.");
      check(before.is_same(tangent),
            "An inplace custom Function is not returning the forward mode gradients as-is. If the "
            "forward is modifying an input inplace, then the jvp function must modify the gradient "
            "inplace and return it as-is.");
    }
    rebase_tangent(result, level, tangent);
    return;
  }
  const Tensor base(result.body()->base);
  if (base.defined()) check_view_tangent(result, tangent, level);
  check(same(result.sizes(), tangent.sizes()),
        "Trying to set a forward gradient that has a different size than that of the original "
        "Tensor, this is not supported. Tensor is of size ",
        result.shape(), " while the given forward gradient is of size ", tangent.shape(), ".");
  set_tangent(result, level, tangent);
  // The tangent's graph may hold what forward returned, which is what the ctx has.
  if (detail::has_graph_or_levels(tangent)) end_with_level(result, level);
}

PyObject* Call::run(PyObject* forward, PyObject* setup_context) {
  separate_ = setup_context != nullptr;
  Owned raw;
  if (flags_ & kDual && mode.forward) note_tangents();
  if (flags_ & kBatched) {
    raw = call_batched();
    if (!node_ && pushed_.empty()) return raw.release();
  }
  {
    const GradMode no_recording(false);
    const ForwardMode no_tangents(false);
    if (separate_) {
      if (!raw.get()) raw = Owned(call_with(forward, nullptr, args_, n_));
      Owned inputs = tuple_of(args_, n_);
      PyObject* all[] = {context_object_.get(), inputs.get(), raw.get()};
      Owned(PyObject_Vectorcall(setup_context, all, 3, nullptr));
    } else {
      raw = Owned(call_with(forward, context_object_.get(), args_, n_));
    }
  }
  check_marks();
  if (PyTuple_Check(raw.get())) {
    settle_results(&PyTuple_GET_ITEM(raw.get(), 0), PyTuple_GET_SIZE(raw.get()));
  } else {
    PyObject* single = raw.get();
    settle_results(&single, 1);
  }
  for (const Pushed& pushed : pushed_) push_tangents(pushed);
  if (node_ && context_->to_save) node_->save(context_->to_save);
  if (PyTuple_Check(raw.get())) return results_.release();
  return Py_NewRef(PyTuple_GET_ITEM(results_.get(), 0));
}

}  // namespace

PyObject* new_context(PyTypeObject* type) {
  PyObject* object = type->tp_alloc(type, 0);
  if (!object) throw_python();
  auto* context = reinterpret_cast<PyContext*>(object);
  new (&context->base.node) Ref<Node>;
  new (&context->base.leaf) Tensor;
  context->materialize = true;
  context->materialize_all = true;
  return object;
}

PyObject* apply_function(PyObject*, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  return guarded([&] {
    PyObject* function_class = args[0];
    PyObject* const* inputs = args + 1;
    --n;
    const Timed timed(reinterpret_cast<PyTypeObject*>(function_class)->tp_name, inputs, n);
    Owned forward(PyObject_GetAttr(function_class, function_names.forward));
    Owned setup_context(PyObject_GetAttr(function_class, function_names.setup_context));
    const bool separate = setup_context.get() != function_defaults.setup_context;
    Owned bound;
    if (kwnames || (separate && needs_binding(forward.get(), n))) {
      bound = bind_arguments(forward.get(), inputs, n, kwnames, separate);
      inputs = &PyTuple_GET_ITEM(bound.get(), 0);
      n = PyTuple_GET_SIZE(bound.get());
    }
    Call call(function_class, inputs, n);
    return call.run(forward.get(), separate ? setup_context.get() : nullptr);
  });
}

}  // namespace pullback::bind
