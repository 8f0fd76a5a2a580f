// Real-time priority for one thread (sched(7), setrlimit(2)); programs it starts inherit it, since
// it waits for each until that runs. Bounded: when it has computed for longer than it is given
// without sleeping once, the kernel sends SIGXCPU, and the thread is an ordinary one until it asks
// again. Wants RLIMIT_RTPRIO or CAP_SYS_NICE.

#include <errno.h>
#include <node_api.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>

namespace pbx {
namespace {

// The thread that the bound is for; 0 while there is none.
std::atomic<pid_t> bounded{0};

int Schedule(pid_t thread, int policy, int priority) {
  sched_param parameters;
  memset(&parameters, 0, sizeof parameters);
  parameters.sched_priority = priority;
  return sched_setscheduler(thread, policy, &parameters);
}

// Any thread may be given the signal. Only a system call: safe in a handler.
void OnBoundReached(int) {
  const int before = errno;
  const pid_t thread = bounded.load();
  if (thread != 0) Schedule(thread, SCHED_OTHER, 0);
  errno = before;
}

// The kernel moves the limit on by a second whenever it sends the signal: set anew each time.
bool Bound(int64_t micros) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = OnBoundReached;
  action.sa_flags = SA_RESTART;
  rlimit limit;
  if (sigaction(SIGXCPU, &action, nullptr) != 0) return false;
  if (getrlimit(RLIMIT_RTTIME, &limit) != 0) return false;
  const rlim_t wanted = static_cast<rlim_t>(micros);
  limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
  return setrlimit(RLIMIT_RTTIME, &limit) == 0;
}

int64_t Number(napi_env env, napi_value value) {
  int64_t number = 0;
  napi_get_value_int64(env, value, &number);
  return number;
}

napi_value Text(napi_env env, const char* text) {
  napi_value answer;
  napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &answer);
  return answer;
}

const char* Why(bool done) { return done ? "" : strerror(errno); }

// (priority, microseconds): of this thread.
napi_value ThreadRealTime(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value given[2];
  napi_get_cb_info(env, info, &count, given, nullptr, nullptr);
  if (count < 2) return Text(env, "priority and microseconds are wanted");
  const int priority = static_cast<int>(Number(env, given[0]));
  bounded.store(static_cast<pid_t>(syscall(SYS_gettid)));
  if (!Bound(Number(env, given[1]))) return Text(env, strerror(errno));
  return Text(env, Why(Schedule(0, SCHED_RR, priority) == 0));
}

// (nice): of this thread; what it starts inherits it.
napi_value ThreadNice(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value given[1];
  napi_get_cb_info(env, info, &count, given, nullptr, nullptr);
  if (count < 1) return Text(env, "a nice value is wanted");
  const id_t thread = static_cast<id_t>(syscall(SYS_gettid));
  const int nice = static_cast<int>(Number(env, given[0]));
  return Text(env, Why(setpriority(PRIO_PROCESS, thread, nice) == 0));
}

napi_value IsThreadRealTime(napi_env env, napi_callback_info) {
  napi_value answer;
  napi_get_boolean(env, sched_getscheduler(0) == SCHED_RR, &answer);
  return answer;
}

void Export(napi_env env, napi_value exports, const char* name, napi_callback callback) {
  napi_value function;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, nullptr, &function);
  napi_set_named_property(env, exports, name, function);
}

}  // namespace

void ExportPriority(napi_env env, napi_value exports) {
  Export(env, exports, "threadRealTime", ThreadRealTime);
  Export(env, exports, "threadNice", ThreadNice);
  Export(env, exports, "isThreadRealTime", IsThreadRealTime);
}

}  // namespace pbx
