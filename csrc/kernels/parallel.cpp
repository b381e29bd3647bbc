// The thread pool behind parallel_for.
//
// A job is published under the pool's mutex; workers join it under that mutex and take blocks from
// an atomic counter; the caller takes blocks too, then closes the job and waits for those that
// joined.  Who waits looks for some microseconds before it sleeps, since being woken takes longer
// than many a job.  A second caller, meanwhile, runs its blocks by itself.  The pool is never
// destroyed: a process may end while workers sleep.  Start reading at run_blocks.
#include "kernels/parallel.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>

#include "core/error.h"

namespace pullback::kernels {
namespace {

// CPUs granted by "max 100000"-like files of cgroup v2 or the two files of v1; 0 if unlimited.
int quota_cpus(const std::string& directory) {
  double quota = 0, period = 0;
  std::string word;
  if (std::ifstream v2(directory + "/cpu.max"); v2 >> word >> period) {
    quota = word == "max" ? 0 : std::strtod(word.c_str(), nullptr);
  } else {
    std::ifstream(directory + "/cpu.cfs_quota_us") >> quota;
    std::ifstream(directory + "/cpu.cfs_period_us") >> period;
  }
  if (quota <= 0 || period <= 0) return 0;
  return std::max(1, static_cast<int>((quota + period - 1) / period));
}

// The quota of a cgroup is the smallest on the way up to the root.
int smallest_quota(const std::string& mount, std::string path) {
  int best = 0;
  for (;;) {
    const int cpus = quota_cpus(mount + path);
    if (cpus > 0 && (best == 0 || cpus < best)) best = cpus;
    const auto slash = path.rfind('/');
    if (path.empty() || slash == std::string::npos) return best;
    path.resize(slash);
  }
}

int default_threads() {
  if (const char* wish = std::getenv("OMP_NUM_THREADS")) {
    if (const int n = std::atoi(wish); n >= 1) return n;
  }
  int cpus = static_cast<int>(std::thread::hardware_concurrency());
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) cpus = CPU_COUNT(&set);
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    // "0::/path" (v2) or "4:cpu,cpuacct:/path" (v1)
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    const bool v2 = controllers.empty();
    if (!v2 && controllers != "cpu" && controllers != "cpu,cpuacct") continue;
    const int quota = smallest_quota(v2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/cpu", path);
    if (quota > 0) cpus = std::min(cpus, quota);
  }
  return std::max(1, cpus);
}

struct Job {
  detail::BlockFunction function;
  const void* body;
  std::int64_t n, grain;
  std::atomic<std::int64_t> next{0};
  std::mutex error_mutex;
  std::exception_ptr error;

  void work() {
    for (;;) {
      const std::int64_t begin = next.fetch_add(grain, std::memory_order_relaxed);
      if (begin >= n) return;
      try {
        function(body, begin, std::min(begin + grain, n));
      } catch (...) {
        const std::lock_guard lock(error_mutex);
        if (error == nullptr) error = std::current_exception();
      }
    }
  }
};

thread_local bool inside = false;

// Shorter jobs are done before the lock has changed hands.
constexpr std::int64_t kReleaseBlocks = 4;

constinit InterpreterLock interpreter_lock{};
thread_local bool keeps_lock = false;

class ReleasedLock {
 public:
  explicit ReleasedLock(bool wanted)
      : state_(wanted && interpreter_lock.release ? interpreter_lock.release() : nullptr) {}
  ~ReleasedLock() {
    if (state_) interpreter_lock.acquire(state_);
  }
  ReleasedLock(const ReleasedLock&) = delete;
  ReleasedLock& operator=(const ReleasedLock&) = delete;

 private:
  void* state_;
};

// Some tens of microseconds, about as long as a thread needs to wake up.
constexpr int kLooks = 1000;

void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

// Looks for a while whether `found` came true.  The CPU is not given away meanwhile: on a busy
// machine a thread that yields gets it back later than one that is woken.
template <typename Found>
void look(Found found) {
  for (int turn = 0; turn < kLooks && !found(); ++turn) relax();
}

class Pool {
 public:
  // Whether the job was run; false if the pool is busy with another caller's.
  bool run(Job& job, int threads) {
    const std::unique_lock caller(caller_mutex_, std::try_to_lock);
    if (!caller.owns_lock()) return false;
    {
      const std::lock_guard lock(mutex_);
      for (; workers_ < threads - 1; ++workers_) {
        std::thread([this, number = workers_] { worker(number); }).detach();
      }
      job_ = &job;
      helpers_ = threads - 1;
      generation_.fetch_add(1, std::memory_order_relaxed);
      if (sleeping_ > 0) wake_.notify_all();
    }
    inside = true;
    job.work();
    inside = false;
    std::unique_lock lock(mutex_);
    job_ = nullptr;
    const auto left = [this] { return joined_.load(std::memory_order_relaxed) == 0; };
    if (left()) return true;
    lock.unlock();
    look(left);
    lock.lock();
    done_.wait(lock, left);
    return true;
  }

 private:
  void worker(int number) {
    inside = true;
    std::uint64_t seen = 0;
    std::unique_lock lock(mutex_);
    for (;;) {
      ++sleeping_;
      wake_.wait(lock,
                 [&] { return job_ != nullptr && generation() != seen && number < helpers_; });
      --sleeping_;
      seen = generation();
      Job* job = job_;
      joined_.fetch_add(1, std::memory_order_relaxed);
      lock.unlock();
      job->work();
      lock.lock();
      if (joined_.fetch_sub(1, std::memory_order_relaxed) == 1) done_.notify_one();
      lock.unlock();
      look([&] { return generation() != seen; });
      lock.lock();
    }
  }

  std::uint64_t generation() const { return generation_.load(std::memory_order_relaxed); }

  std::mutex caller_mutex_;
  std::mutex mutex_;
  std::condition_variable wake_, done_;
  // Written under the mutex; the two that are atomic are looked at without it.
  Job* job_ = nullptr;
  std::atomic<std::uint64_t> generation_{0};
  std::atomic<int> joined_{0};
  int helpers_ = 0;
  int workers_ = 0;
  int sleeping_ = 0;
};

std::atomic<int> thread_count{0};  // 0: not asked for yet
std::atomic<Pool*> the_pool{nullptr};

// In a forked child the workers are gone and the locks in any state: begin anew.
void after_fork() { the_pool.store(nullptr, std::memory_order_relaxed); }

Pool& pool() {
  static const int registered = pthread_atfork(nullptr, nullptr, &after_fork);
  static_cast<void>(registered);
  Pool* current = the_pool.load(std::memory_order_acquire);
  if (current != nullptr) return *current;
  auto* fresh = new Pool;
  if (the_pool.compare_exchange_strong(current, fresh, std::memory_order_acq_rel)) return *fresh;
  delete fresh;
  return *current;
}

}  // namespace

int num_threads() {
  int n = thread_count.load(std::memory_order_relaxed);
  if (n == 0) {
    static const int initial = default_threads();
    n = initial;
    int none = 0;
    if (!thread_count.compare_exchange_strong(none, n)) n = none;
  }
  return n;
}

void set_num_threads(int n) {
  check(n >= 1, "set_num_threads: expects a positive integer: got ", n);
  thread_count.store(n, std::memory_order_relaxed);
}

void set_interpreter_lock(InterpreterLock lock) { interpreter_lock = lock; }

KeepInterpreterLock::KeepInterpreterLock() : before_(keeps_lock) { keeps_lock = true; }
KeepInterpreterLock::~KeepInterpreterLock() { keeps_lock = before_; }

void detail::run_blocks(std::int64_t n, std::int64_t grain, BlockFunction function,
                        const void* body) {
  Job job{function, body, n, std::max<std::int64_t>(grain, 1), {}, {}, {}};
  const std::int64_t blocks = (n + job.grain - 1) / job.grain;
  const int threads = static_cast<int>(std::min<std::int64_t>(num_threads(), blocks));
  {
    const ReleasedLock released(!inside && !keeps_lock && blocks >= kReleaseBlocks);
    if (inside || threads == 1 || !pool().run(job, threads)) job.work();
  }
  if (job.error != nullptr) std::rethrow_exception(job.error);
}

}  // namespace pullback::kernels
