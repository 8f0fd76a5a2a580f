//! What JavaScript calls: decodes arguments at the border, once; a wrong type is a TypeError.
//! Nothing here is on the path of a datagram except `flush`.

#include <arpa/inet.h>
#include <errno.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "udp-hub.h"

#ifndef SO_MEMINFO
#define SO_MEMINFO 55
#endif

namespace pbx {

namespace {

struct Arguments {
  napi_env env;
  napi_value values[8];
  size_t count = 8;
  bool good = true;

  Arguments(napi_env environment, napi_callback_info info) : env(environment) {
    napi_get_cb_info(env, info, &count, values, nullptr, nullptr);
  }
  uint32_t Number(size_t at) {
    uint32_t value = 0;
    if (at >= count || napi_get_value_uint32(env, values[at], &value) != napi_ok) good = false;
    return value;
  }
  bool Text(size_t at, char* out, size_t room) {
    size_t length;
    if (at >= count || napi_get_value_string_utf8(env, values[at], out, room, &length) != napi_ok)
      good = false;
    return good;
  }
  Hub* TheHub() {
    void* data = nullptr;
    if (count == 0 || napi_get_value_external(env, values[0], &data) != napi_ok) good = false;
    return static_cast<Hub*>(data);
  }
  /** Throws when an argument was of the wrong type, or the hub is closed. */
  bool Refuse(const Hub* hub) {
    if (good && hub->open) return false;
    napi_throw_type_error(env, nullptr, good ? "the UDP hub is closed" : "bad argument");
    return true;
  }
};

napi_value Undefined(napi_env env) {
  napi_value value;
  napi_get_undefined(env, &value);
  return value;
}

napi_value Number(napi_env env, double number) {
  napi_value value;
  napi_create_double(env, number, &value);
  return value;
}

napi_value Text(napi_env env, const char* text) {
  napi_value value;
  napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value);
  return value;
}

napi_value List(napi_env env, std::initializer_list<napi_value> items) {
  napi_value list;
  napi_create_array_with_length(env, items.size(), &list);
  uint32_t at = 0;
  for (napi_value item : items) napi_set_element(env, list, at++, item);
  return list;
}

/** A numeric address ("192.0.2.1", "2001:db8::1", "fe80::1%eth0"); false when it is none. */
bool Parse(const char* text, uint32_t port, sockaddr_storage* out) {
  memset(out, 0, sizeof *out);
  auto* four = reinterpret_cast<sockaddr_in*>(out);
  if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
    four->sin_family = AF_INET;
    four->sin_port = htons(static_cast<uint16_t>(port));
    return true;
  }
  char plain[INET6_ADDRSTRLEN + IF_NAMESIZE + 1];
  strncpy(plain, text, sizeof plain - 1);
  plain[sizeof plain - 1] = 0;
  auto* six = reinterpret_cast<sockaddr_in6*>(out);
  char* zone = strchr(plain, '%');
  if (zone != nullptr) {
    *zone++ = 0;
    six->sin6_scope_id = if_nametoindex(zone);
    if (six->sin6_scope_id == 0) six->sin6_scope_id = static_cast<uint32_t>(atoi(zone));
  }
  if (inet_pton(AF_INET6, plain, &six->sin6_addr) != 1) return false;
  six->sin6_family = AF_INET6;
  six->sin6_port = htons(static_cast<uint16_t>(port));
  return true;
}

void Format(uint8_t family, const uint8_t* bytes, uint32_t scope, char* out, size_t room) {
  inet_ntop(family == 4 ? AF_INET : AF_INET6, bytes, out, static_cast<socklen_t>(room));
  if (scope == 0) return;
  char name[IF_NAMESIZE];
  if (if_indextoname(scope, name) == nullptr) return;
  strncat(out, "%", room - strlen(out) - 1);
  strncat(out, name, room - strlen(out) - 1);
}

template <typename T>
T* Bytes(napi_env env, napi_value object, const char* name, size_t* length) {
  napi_value value;
  void* data = nullptr;
  napi_typedarray_type type;
  *length = 0;
  if (napi_get_named_property(env, object, name, &value) != napi_ok ||
      napi_get_typedarray_info(env, value, &type, length, &data, nullptr, nullptr) != napi_ok)
    return nullptr;
  return static_cast<T*>(data);
}

uint32_t Field(napi_env env, napi_value object, const char* name) {
  napi_value value;
  uint32_t number = 0;
  if (napi_get_named_property(env, object, name, &value) == napi_ok)
    napi_get_value_uint32(env, value, &number);
  return number;
}

void OnFinalized(napi_env, void* data, void*) {
  Hub* hub = static_cast<Hub*>(data);
  hub->finalized = true;
  CloseHub(hub);
}

/** open({rxSlab, rx, txSlab, tx, counters, slots, stride, txSlots, …}, onBatch) → hub */
napi_value Open(napi_env env, napi_callback_info info) {
  Arguments in(env, info);
  if (in.count < 2) {
    napi_throw_type_error(env, nullptr, "open(lent, onBatch)");
    return nullptr;
  }
  napi_value lent = in.values[0];
  size_t rxSlab, rx, tx, counters;
  Hub* hub = new Hub(Field(env, lent, "peerMax"));
  hub->env = env;
  hub->slots = Field(env, lent, "slots");
  hub->stride = Field(env, lent, "stride");
  hub->txSlots = Field(env, lent, "txSlots");
  hub->pendingMax = Field(env, lent, "pendingMax");
  hub->rxSlab = Bytes<uint8_t>(env, lent, "rxSlab", &rxSlab);
  hub->txSlab = Bytes<uint8_t>(env, lent, "txSlab", &hub->txBytes);
  hub->rx = Bytes<uint32_t>(env, lent, "rx", &rx);
  hub->tx = Bytes<uint32_t>(env, lent, "tx", &tx);
  hub->counters = Bytes<Counters>(env, lent, "counters", &counters);
  const bool enough = hub->slots > 0 && hub->txSlots > 0 &&
                      rxSlab >= static_cast<size_t>(hub->slots) * hub->stride &&
                      rx >= 2 * hub->slots && tx >= 1 + 4 * hub->txSlots &&
                      counters * sizeof(double) >= sizeof(Counters) &&
                      Field(env, lent, "peerMax") >= 2 * hub->slots;
  if (!enough) {
    delete hub;
    napi_throw_type_error(env, nullptr, "the memory lent does not fit the sizes named");
    return nullptr;
  }
  napi_value external;
  napi_create_external(env, hub, OnFinalized, nullptr, &external);
  napi_get_uv_event_loop(env, &hub->loop);
  napi_create_reference(env, in.values[1], 1, &hub->onBatch);
  napi_create_reference(env, lent, 1, &hub->lent);
  napi_async_init(env, lent, Text(env, "pbx.udp"), &hub->context);
  StartHub(hub);
  return external;
}

/** bind(hub, address, port, flags, bufferBytes) → [id, port, receive buffer] or an errno's name */
napi_value Bind(napi_env env, napi_callback_info info) {
  Arguments in(env, info);
  Hub* hub = in.TheHub();
  char address[128];
  in.Text(1, address, sizeof address);
  const uint32_t port = in.Number(2), flags = in.Number(3), buffers = in.Number(4);
  if (in.Refuse(hub)) return nullptr;
  sockaddr_storage bound;
  if (!Parse(address, port, &bound)) return Text(env, "EINVAL");
  Socket* socket;
  const int error = OpenSocket(hub, bound, flags, static_cast<int>(buffers), &socket);
  if (error != 0) return Text(env, uv_err_name(-error));
  socklen_t length = sizeof bound;
  getsockname(socket->fd, reinterpret_cast<sockaddr*>(&bound), &length);
  int received = 0;
  length = sizeof received;
  getsockopt(socket->fd, SOL_SOCKET, SO_RCVBUF, &received, &length);
  const uint16_t taken = ntohs(reinterpret_cast<sockaddr_in*>(&bound)->sin_port);
  return List(env, {Number(env, socket->id), Number(env, taken), Number(env, received)});
}

Socket* SocketOf(const Hub* hub, uint32_t id) {
  return id < hub->sockets.size() ? hub->sockets[id] : nullptr;
}

napi_value Close(napi_env env, napi_callback_info info) {
  Arguments in(env, info);
  Hub* hub = in.TheHub();
  const uint32_t id = in.Number(1);
  if (in.Refuse(hub)) return nullptr;
  Socket* socket = SocketOf(hub, id);
  if (socket != nullptr) CloseSocket(socket);
  return Undefined(env);
}

napi_value CloseAll(napi_env env, napi_callback_info info) {
  Arguments in(env, info);
  Hub* hub = in.TheHub();
  if (in.good && hub->open) CloseHub(hub);
  return Undefined(env);
}

/** peer(hub, socket, address, port, local address or '') → slot (bit 31: filled anew), or -1 when it cannot be */
napi_value Peer(napi_env env, napi_callback_info info) {
  Arguments in(env, info);
  Hub* hub = in.TheHub();
  const uint32_t id = in.Number(1), port = in.Number(3);
  char address[128], local[128];
  in.Text(2, address, sizeof address);
  in.Text(4, local, sizeof local);
  if (in.Refuse(hub)) return nullptr;
  sockaddr_storage to, from;
  const Socket* socket = SocketOf(hub, id);
  if (socket == nullptr || !Parse(address, port, &to) || to.ss_family != socket->family)
    return Number(env, -1);
  PeerKey key;
  memset(&key, 0, sizeof key);
  key.socket = id;
  key.port = htons(static_cast<uint16_t>(port));
  key.family = to.ss_family == AF_INET ? 4 : 6;
  const auto* six = reinterpret_cast<const sockaddr_in6*>(&to);
  if (key.family == 6) key.scope = six->sin6_scope_id;
  if (key.family == 4) memcpy(key.remote, &reinterpret_cast<sockaddr_in*>(&to)->sin_addr, 4);
  else memcpy(key.remote, &six->sin6_addr, 16);
  if (socket->wildcard && local[0] != 0 && Parse(local, 0, &from) &&
      from.ss_family == to.ss_family) {
    if (key.family == 4) memcpy(key.local, &reinterpret_cast<sockaddr_in*>(&from)->sin_addr, 4);
    else memcpy(key.local, &reinterpret_cast<sockaddr_in6*>(&from)->sin6_addr, 16);
  }
  bool fresh;
  if (hub->peers.full()) Flush(hub);  // what is queued names peers that may now be pushed out
  const uint32_t slot = hub->peers.Intern(key, false, &fresh);
  return Number(env, fresh ? slot | kFresh : slot);
}

/** describe(hub, slot) → [socket id, address, port, local address or ''] */
napi_value Describe(napi_env env, napi_callback_info info) {
  Arguments in(env, info);
  Hub* hub = in.TheHub();
  const uint32_t slot = in.Number(1);
  if (in.Refuse(hub) || !hub->peers.live(slot)) return Undefined(env);
  const PeerKey& key = hub->peers.key(slot);
  char remote[128], local[128] = "";
  Format(key.family, key.remote, key.scope, remote, sizeof remote);
  static const uint8_t none[16] = {};
  if (memcmp(key.local, none, sizeof none) != 0)
    Format(key.family, key.local, key.scope, local, sizeof local);
  return List(env, {Number(env, key.socket), Text(env, remote), Number(env, ntohs(key.port)),
                    Text(env, local)});
}

/** flush(hub) */
napi_value FlushAll(napi_env env, napi_callback_info info) {
  Arguments in(env, info);
  Hub* hub = in.TheHub();
  if (in.Refuse(hub)) return nullptr;
  Flush(hub);
  return Undefined(env);
}

/** failures(hub) → [[socket id, address, port, errno's name], …], and forgets them */
napi_value Failures(napi_env env, napi_callback_info info) {
  Arguments in(env, info);
  Hub* hub = in.TheHub();
  if (in.Refuse(hub)) return nullptr;
  napi_value list;
  napi_create_array(env, &list);
  uint32_t at = 0;
  for (const Failure& failure : hub->failures) {
    const bool four = failure.to.ss_family == AF_INET;
    const auto* name4 = reinterpret_cast<const sockaddr_in*>(&failure.to);
    const auto* name6 = reinterpret_cast<const sockaddr_in6*>(&failure.to);
    const void* bytes = four ? static_cast<const void*>(&name4->sin_addr) : &name6->sin6_addr;
    char address[128];
    Format(four ? 4 : 6, static_cast<const uint8_t*>(bytes), four ? 0 : name6->sin6_scope_id,
           address, sizeof address);
    napi_set_element(env, list, at++,
                     List(env, {Number(env, failure.socket), Text(env, address),
                                Number(env, ntohs(name4->sin_port)),
                                Text(env, uv_err_name(-failure.error))}));
  }
  hub->failures.clear();
  hub->counters->failures = 0;
  return list;
}

/** backlog(hub, socket) → [bytes waiting in the kernel, datagrams it has dropped so far] */
napi_value Backlog(napi_env env, napi_callback_info info) {
  Arguments in(env, info);
  Hub* hub = in.TheHub();
  const uint32_t id = in.Number(1);
  if (in.Refuse(hub)) return nullptr;
  const Socket* socket = SocketOf(hub, id);
  uint32_t memory[SK_MEMINFO_VARS] = {};
  socklen_t length = sizeof memory;
  if (socket != nullptr) getsockopt(socket->fd, SOL_SOCKET, SO_MEMINFO, memory, &length);
  return List(env, {Number(env, memory[SK_MEMINFO_RMEM_ALLOC]),
                    Number(env, memory[SK_MEMINFO_DROPS])});
}

/** route(address) → the local address the system would send from, '' when there is no way */
napi_value Route(napi_env env, napi_callback_info info) {
  Arguments in(env, info);
  char address[128];
  sockaddr_storage to, from;
  if (!in.Text(0, address, sizeof address) || !Parse(address, 9, &to)) return Text(env, "");
  const int fd = socket(to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return Text(env, "");
  const bool four = to.ss_family == AF_INET;
  socklen_t length = four ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
  char local[128] = "";
  if (connect(fd, reinterpret_cast<sockaddr*>(&to), length) == 0 &&
      getsockname(fd, reinterpret_cast<sockaddr*>(&from), &length) == 0) {
    const auto* six = reinterpret_cast<sockaddr_in6*>(&from);
    const void* bytes =
        four ? static_cast<void*>(&reinterpret_cast<sockaddr_in*>(&from)->sin_addr)
             : static_cast<const void*>(&six->sin6_addr);
    Format(four ? 4 : 6, static_cast<const uint8_t*>(bytes), four ? 0 : six->sin6_scope_id, local,
           sizeof local);
  }
  close(fd);
  return Text(env, local);
}

}  // namespace

void ExportUdp(napi_env env, napi_value exports) {
  const struct {
    const char* name;
    napi_callback call;
  } functions[] = {{"udpOpen", Open},         {"udpBind", Bind},   {"udpClose", Close},
                   {"udpCloseAll", CloseAll}, {"udpPeer", Peer},   {"udpDescribe", Describe},
                   {"udpFlush", FlushAll},    {"udpFailures", Failures},
                   {"udpBacklog", Backlog},   {"udpRoute", Route}};
  for (const auto& each : functions) {
    napi_value function;
    napi_create_function(env, each.name, NAPI_AUTO_LENGTH, each.call, nullptr, &function);
    napi_set_named_property(env, exports, each.name, function);
  }
}

}  // namespace pbx
