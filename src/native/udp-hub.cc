//! The life of a hub and of its sockets, and its turn on the loop: sockets that became readable in
//! the poll phase are drained in the check phase right behind it, together, into one batch.

#include "udp-hub.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>

namespace pbx {

namespace {

void CallJs(Hub* hub, uint32_t count) {
  napi_env env = hub->env;
  napi_handle_scope scope;
  napi_value onBatch, global, argument;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  napi_get_reference_value(env, hub->onBatch, &onBatch);
  napi_get_global(env, &global);
  napi_create_uint32(env, count, &argument);
  // Microtasks and ticks run inside this call, so what they send goes out with the batch.
  const napi_status status =
      napi_make_callback(env, hub->context, global, onBatch, 1, &argument, nullptr);
  if (status == napi_pending_exception) {
    napi_value error;
    napi_get_and_clear_last_exception(env, &error);
    napi_fatal_exception(env, error);
  }
  napi_close_handle_scope(env, scope);
}

void Deliver(Hub* hub, uint32_t count) {
  CallJs(hub, count);
  if (!hub->open) return;
  Flush(hub);
}

void NewBatch(Hub* hub) {
  hub->peers.NewBatch();
  hub->counters->waited = 0;
}

void OnCheck(uv_check_t* check) {
  Hub* hub = static_cast<Hub*>(check->data);
  if (hub->ready.empty()) return;
  Flush(hub);  // what waits names peers that this batch may push out
  hub->readyNow.swap(hub->ready);
  NewBatch(hub);
  uint32_t filled = 0;
  for (size_t at = 0; at < hub->readyNow.size(); at++) {
    Socket* socket = hub->readyNow[at];
    if (socket == nullptr) continue;  // closed by an earlier batch of this turn
    socket->ready = false;
    filled = Receive(hub, socket, filled);
    if (filled < hub->slots) continue;
    Deliver(hub, filled);
    if (!hub->open) return;
    NewBatch(hub);
    filled = 0;
  }
  hub->readyNow.clear();
  if (filled > 0 || !hub->failures.empty()) Deliver(hub, filled);
}

void OnPoll(uv_poll_t* poll, int status, int events) {
  Socket* socket = static_cast<Socket*>(poll->data);
  if (status < 0) {  // EPOLLERR: libuv has stopped polling; the error queue must be emptied
    DrainErrors(socket);
    int error;
    socklen_t length = sizeof error;
    getsockopt(socket->fd, SOL_SOCKET, SO_ERROR, &error, &length);
    Watch(socket);
  }
  if (events & UV_WRITABLE) FlushPending(socket);
  if (socket->ready) return;
  socket->ready = true;
  socket->hub->ready.push_back(socket);
}

void Release(Hub* hub) {
  if (hub->handles > 0 || hub->open) return;
  if (hub->cleanup != nullptr) {
    napi_remove_async_cleanup_hook(hub->cleanup);
    hub->cleanup = nullptr;
  }
  if (hub->finalized) delete hub;
}

void OnSocketClosed(uv_handle_t* handle) {
  Socket* socket = static_cast<Socket*>(handle->data);
  Hub* hub = socket->hub;
  delete socket;
  hub->handles--;
  Release(hub);
}

void OnCheckClosed(uv_handle_t* handle) {
  Hub* hub = static_cast<Hub*>(handle->data);
  hub->handles--;
  Release(hub);
}

void OnEnvironmentGone(napi_async_cleanup_hook_handle, void* data) {
  Hub* hub = static_cast<Hub*>(data);
  CloseHub(hub);
}

/** Asks for big kernel buffers, beyond the system's limit where we may. */
void SizeBuffers(int fd, int bytes) {
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0)
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes) != 0)
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

bool Wildcard(const sockaddr_storage& bound) {
  if (bound.ss_family == AF_INET)
    return reinterpret_cast<const sockaddr_in*>(&bound)->sin_addr.s_addr == INADDR_ANY;
  return IN6_IS_ADDR_UNSPECIFIED(&reinterpret_cast<const sockaddr_in6*>(&bound)->sin6_addr);
}

/** Sets the options and binds; zero or an errno. */
int Bind(int fd, const sockaddr_storage& bound, int flags) {
  const int on = 1;
  const bool four = bound.ss_family == AF_INET;
  if (flags & kReusePort && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0)
    return errno;
  if (!four && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) return errno;
  if (Wildcard(bound)) {
    const int level = four ? IPPROTO_IP : IPPROTO_IPV6;
    const int name = four ? IP_PKTINFO : IPV6_RECVPKTINFO;
    if (setsockopt(fd, level, name, &on, sizeof on) != 0) return errno;
  }
  if (flags & kTimestamps && setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) != 0)
    return errno;
  if (flags & kReportErrors) {
    const int level = four ? IPPROTO_IP : IPPROTO_IPV6;
    const int name = four ? IP_RECVERR : IPV6_RECVERR;
    if (setsockopt(fd, level, name, &on, sizeof on) != 0) return errno;
  }
  const socklen_t length = four ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
  return bind(fd, reinterpret_cast<const sockaddr*>(&bound), length) == 0 ? 0 : errno;
}

}  // namespace

void StartHub(Hub* hub) {
  PrepareBatches(hub);
  uv_check_init(hub->loop, &hub->check);
  hub->check.data = hub;
  uv_check_start(&hub->check, OnCheck);
  uv_unref(reinterpret_cast<uv_handle_t*>(&hub->check));
  hub->handles = 1;
  hub->open = true;
  napi_add_async_cleanup_hook(hub->env, OnEnvironmentGone, hub, &hub->cleanup);
}

void CloseHub(Hub* hub) {
  if (!hub->open) return Release(hub);
  for (Socket* socket : std::vector<Socket*>(hub->sockets))
    if (socket != nullptr) CloseSocket(socket);
  hub->open = false;
  uv_close(reinterpret_cast<uv_handle_t*>(&hub->check), OnCheckClosed);
  napi_delete_reference(hub->env, hub->onBatch);
  napi_delete_reference(hub->env, hub->lent);
  napi_async_destroy(hub->env, hub->context);
}

/** Zero and the socket, or an errno. */
int OpenSocket(Hub* hub, const sockaddr_storage& bound, int flags, int buffers, Socket** out) {
  const int type = SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
  const int fd = socket(bound.ss_family, type, 0);
  if (fd < 0) return errno;
  SizeBuffers(fd, buffers);
  const int error = Bind(fd, bound, flags);
  if (error != 0) {
    close(fd);
    return error;
  }
  Socket* made = new Socket();
  made->hub = hub;
  made->fd = fd;
  made->open = true;
  made->family = bound.ss_family;
  made->wildcard = Wildcard(bound);
  made->errors = (flags & kReportErrors) != 0;
  const int failed = uv_poll_init(hub->loop, &made->poll, fd);
  if (failed != 0) {
    close(fd);
    delete made;
    return -failed;
  }
  made->poll.data = made;
  hub->handles++;
  const auto free = std::find(hub->sockets.begin(), hub->sockets.end(), nullptr);
  made->id = static_cast<uint32_t>(free - hub->sockets.begin());
  if (free == hub->sockets.end()) hub->sockets.push_back(made);
  else *free = made;
  Watch(made);
  *out = made;
  return 0;
}

/** Polls for what the socket waits for. */
void Watch(Socket* socket) {
  if (!socket->open) return;
  uv_poll_start(&socket->poll, UV_READABLE | (socket->pending.empty() ? 0 : UV_WRITABLE), OnPoll);
}

void CloseSocket(Socket* socket) {
  if (!socket->open) return;
  Hub* hub = socket->hub;
  Flush(hub);
  socket->open = false;
  for (auto* list : {&hub->ready, &hub->readyNow})
    std::replace(list->begin(), list->end(), socket, static_cast<Socket*>(nullptr));
  hub->peers.RemoveSocket(socket->id);
  hub->sockets[socket->id] = nullptr;
  uv_close(reinterpret_cast<uv_handle_t*>(&socket->poll), OnSocketClosed);
  close(socket->fd);
}

}  // namespace pbx
