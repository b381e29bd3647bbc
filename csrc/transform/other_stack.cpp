// See other_stack.h.
#include "transform/other_stack.h"

#include <pthread.h>

#include <cstring>
#include <utility>
#include <vector>

#include "core/error.h"
#include "graph/meta.h"
#include "graph/saved.h"

namespace pullback {
namespace {

constexpr std::size_t kStackBytes = std::size_t{8} << 20;
// Threads that wait for work, and how long they do.
constexpr std::size_t kMostIdle = 4;
constexpr std::chrono::seconds kPatience{2};

constinit Interpreter the_interpreter{};

struct Job {
  Crossing* crossing;
  const std::function<void()>* work;
  Mode mode;
  Arrival arrival;
};

// The last thread to become idle is the first to work again.
class Helpers {
 public:
  void start(std::shared_ptr<Job> job) {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        Place* place = idle_.back();
        idle_.pop_back();
        place->job = std::move(job);
        place->called.notify_one();
        return;
      }
    }
    start_thread(std::move(job));
  }

 private:
  struct Place {
    std::shared_ptr<Job> job;
    std::condition_variable called;
  };
  struct Start {
    Helpers* helpers;
    std::shared_ptr<Job> job;
  };

  void start_thread(std::shared_ptr<Job> job) {
    auto start = std::make_unique<Start>(Start{this, std::move(job)});
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, kStackBytes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_t thread;
    const int error = pthread_create(&thread, &attributes, &Helpers::main, start.get());
    pthread_attr_destroy(&attributes);
    check(error == 0,
          "backward: a pass that is nested deep in others runs on a thread of its own, ",
          "which could not be started: ", std::strerror(error),
          ". Allow more threads (ulimit -u), or nest fewer passes.");
    start.release();
  }

  static void* main(void* argument) {
    const std::unique_ptr<Start> start(static_cast<Start*>(argument));
    for (std::shared_ptr<Job> job = std::move(start->job); job;) {
      run(*job);
      job = nullptr;
      job = start->helpers->next();
    }
    return nullptr;
  }

  static void run(Job& job) {
    const Mode own = std::exchange(mode, job.mode);
    mode.passes_on_stack = 0;
    job.crossing->run(*job.work);
    job.mode = std::exchange(mode, own);
    job.arrival.announce();
  }

  std::shared_ptr<Job> next() {
    std::unique_lock lock(mutex_);
    if (idle_.size() >= kMostIdle) return nullptr;
    Place place;
    idle_.push_back(&place);
    if (!place.called.wait_for(lock, kPatience, [&] { return place.job != nullptr; })) {
      std::erase(idle_, &place);
    }
    return std::move(place.job);
  }

  std::mutex mutex_;
  std::vector<Place*> idle_;
};

std::atomic<Helpers*> the_helpers{nullptr};

// In a forked child the threads are gone and the lock in any state: begin anew.
void after_fork() { the_helpers.store(nullptr, std::memory_order_relaxed); }

// Never destroyed: its threads may outlive main().
Helpers& helpers() {
  static const int registered = pthread_atfork(nullptr, nullptr, &after_fork);
  static_cast<void>(registered);
  Helpers* current = the_helpers.load(std::memory_order_acquire);
  if (current) return *current;
  auto* fresh = new Helpers;
  if (the_helpers.compare_exchange_strong(current, fresh, std::memory_order_acq_rel)) return *fresh;
  delete fresh;
  return *current;
}

}  // namespace

void Arrival::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return done_; });
}

bool Arrival::wait_for(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, time, [this] { return done_; });
}

void Arrival::announce() {
  const std::lock_guard lock(mutex_);
  done_ = true;
  changed_.notify_one();
}

void Crossing::run(const std::function<void()>& work) noexcept {
  try {
    work();
  } catch (...) {
    error_ = std::current_exception();
  }
}

void Crossing::finish() {
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
}

void set_interpreter(Interpreter interpreter) { the_interpreter = interpreter; }

bool is_stack_full() {
  return mode.passes_on_stack >= kMostOnOneStack ||
         (the_interpreter.is_deep && the_interpreter.is_deep());
}

void run_on_other_stack(const std::function<void()>& work) {
  const std::unique_ptr<Crossing> crossing =
      the_interpreter.cross ? the_interpreter.cross() : std::make_unique<Crossing>();
  // What the mode points to must outlive the other thread.
  make_level_stack();
  make_freeing_passes();
  const auto job = std::make_shared<Job>();
  job->crossing = crossing.get();
  job->work = &work;
  job->mode = mode;
  const int passes = mode.passes_on_stack;
  helpers().start(job);
  mode = Mode();
  crossing->wait(job->arrival);
  mode = job->mode;
  mode.passes_on_stack = passes;
  crossing->finish();
}

}  // namespace pullback
