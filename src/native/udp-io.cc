//! Batches of datagrams between the kernel and the shared memory of a hub.

#include <arpa/inet.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/ip_icmp.h>
#include <string.h>
#include <time.h>

#include <algorithm>

#include "udp-hub.h"

namespace pbx {

namespace {

constexpr uint32_t kTxWords = 4;
constexpr size_t kFailuresMax = 256;

PeerKey KeyOf(const sockaddr_in6& name, const msghdr& header, uint32_t socket) {
  PeerKey key;
  memset(&key, 0, sizeof key);
  key.socket = socket;
  if (name.sin6_family == AF_INET6) {
    key.family = 6;
    key.port = name.sin6_port;
    key.scope = name.sin6_scope_id;
    memcpy(key.remote, &name.sin6_addr, 16);
  } else {
    const auto* four = reinterpret_cast<const sockaddr_in*>(&name);
    key.family = 4;
    key.port = four->sin_port;
    memcpy(key.remote, &four->sin_addr, 4);
  }
  auto* mutableHeader = const_cast<msghdr*>(&header);
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part; part = CMSG_NXTHDR(mutableHeader, part)) {
    if (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_PKTINFO)
      memcpy(key.local, &reinterpret_cast<in_pktinfo*>(CMSG_DATA(part))->ipi_spec_dst, 4);
    if (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_PKTINFO)
      memcpy(key.local, &reinterpret_cast<in6_pktinfo*>(CMSG_DATA(part))->ipi6_addr, 16);
  }
  return key;
}

/** Has the datagram leave from the local address its peer talks to (a virtual one, say). */
size_t WriteSource(const PeerKey& key, uint8_t* control) {
  auto* part = reinterpret_cast<cmsghdr*>(control);
  memset(control, 0, kControl);
  if (key.family == 4) {
    part->cmsg_level = IPPROTO_IP;
    part->cmsg_type = IP_PKTINFO;
    part->cmsg_len = CMSG_LEN(sizeof(in_pktinfo));
    memcpy(&reinterpret_cast<in_pktinfo*>(CMSG_DATA(part))->ipi_spec_dst, key.local, 4);
    return CMSG_SPACE(sizeof(in_pktinfo));
  }
  part->cmsg_level = IPPROTO_IPV6;
  part->cmsg_type = IPV6_PKTINFO;
  part->cmsg_len = CMSG_LEN(sizeof(in6_pktinfo));
  auto* info = reinterpret_cast<in6_pktinfo*>(CMSG_DATA(part));
  memcpy(&info->ipi6_addr, key.local, 16);
  info->ipi6_ifindex = key.scope;
  return CMSG_SPACE(sizeof(in6_pktinfo));
}

bool HasLocal(const PeerKey& key) {
  return std::any_of(key.local, key.local + 16, [](uint8_t byte) { return byte != 0; });
}

void Address(Hub* hub, uint32_t at, const PeerKey& key, bool wildcard) {
  msghdr& header = hub->outbox[at].msg_hdr;
  header.msg_name = &hub->outboxNames[at];
  header.msg_namelen = NameOf(key, &hub->outboxNames[at]);
  header.msg_control = nullptr;
  header.msg_controllen = 0;
  if (!wildcard || !HasLocal(key)) return;
  uint8_t* control = &hub->outboxControl[at * kControl];
  header.msg_controllen = WriteSource(key, control);
  header.msg_control = control;
}

void Fail(Hub* hub, uint32_t socket, int error, const void* to, size_t length) {
  if (hub->failures.size() >= kFailuresMax) return;
  Failure failure;
  memset(&failure, 0, sizeof failure);
  failure.socket = socket;
  failure.error = error;
  memcpy(&failure.to, to, std::min(length, sizeof failure.to));
  hub->failures.push_back(failure);
  hub->counters->failures++;
}

/** An error the kernel kept from an earlier datagram, not the fault of the one being sent. */
bool Stale(int error) {
  return error == ECONNREFUSED || error == EHOSTUNREACH || error == ENETUNREACH ||
         error == EHOSTDOWN || error == EPROTO || error == ENOPROTOOPT || error == EMSGSIZE;
}

bool Full(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS; }

/** Milliseconds since the kernel stamped the datagram; 0 when it did not. */
double Waited(msghdr* header) {
  for (cmsghdr* part = CMSG_FIRSTHDR(header); part; part = CMSG_NXTHDR(header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_TIMESTAMPNS) continue;
    timespec then, now;
    memcpy(&then, CMSG_DATA(part), sizeof then);
    clock_gettime(CLOCK_REALTIME, &now);
    return (now.tv_sec - then.tv_sec) * 1e3 + (now.tv_nsec - then.tv_nsec) / 1e6;
  }
  return 0;
}

/** What the kernel shortened in the header of a datagram received, made full again. */
void ExpectAny(msghdr* header) {
  header->msg_namelen = sizeof(sockaddr_in6);
  header->msg_controllen = kControl;
}

void HoldBack(Socket* socket, uint32_t from, uint32_t count, const uint32_t* slots) {
  Hub* hub = socket->hub;
  for (uint32_t at = from; at < count; at++) {
    const iovec& part = hub->outboxParts[at];
    if (socket->pendingBytes + part.iov_len > hub->pendingMax) {
      hub->counters->sendDropped++;
      continue;
    }
    const auto* bytes = static_cast<const uint8_t*>(part.iov_base);
    socket->pending.push_back({hub->peers.key(slots[at]), {bytes, bytes + part.iov_len}});
    socket->pendingBytes += part.iov_len;
  }
  Watch(socket);
}

/** Sends outbox[0..count); returns how many are done with (sent, or failed for good). */
uint32_t SendSome(Socket* socket, uint32_t count) {
  Hub* hub = socket->hub;
  uint32_t done = 0;
  bool retried = false;
  while (done < count) {
    const int sent = sendmmsg(socket->fd, &hub->outbox[done], count - done, MSG_DONTWAIT);
    hub->counters->sendCalls++;
    if (sent > 0) {
      hub->counters->sent += sent;
      done += sent;
      retried = false;
      continue;
    }
    const int error = errno;
    if (error == EINTR) continue;
    if (Full(error)) break;
    if (Stale(error) && !retried) {
      if (socket->errors) DrainErrors(socket);
      retried = true;
      continue;
    }
    const msghdr& header = hub->outbox[done].msg_hdr;
    Fail(hub, socket->id, error, header.msg_name, header.msg_namelen);
    retried = false;
    done++;
  }
  return done;
}

}  // namespace

socklen_t NameOf(const PeerKey& key, sockaddr_in6* name) {
  memset(name, 0, sizeof *name);
  if (key.family == 4) {
    auto* four = reinterpret_cast<sockaddr_in*>(name);
    four->sin_family = AF_INET;
    four->sin_port = key.port;
    memcpy(&four->sin_addr, key.remote, 4);
    return sizeof(sockaddr_in);
  }
  name->sin6_family = AF_INET6;
  name->sin6_port = key.port;
  name->sin6_scope_id = key.scope;
  memcpy(&name->sin6_addr, key.remote, 16);
  return sizeof(sockaddr_in6);
}

void PrepareBatches(Hub* hub) {
  hub->inbox.resize(hub->slots);
  hub->inboxParts.resize(hub->slots);
  hub->inboxNames.resize(hub->slots);
  hub->inboxControl.resize(hub->slots * kControl);
  for (uint32_t at = 0; at < hub->slots; at++) {
    hub->inboxParts[at] = {hub->rxSlab + static_cast<size_t>(at) * hub->stride, hub->stride};
    memset(&hub->inbox[at], 0, sizeof(mmsghdr));
    msghdr& header = hub->inbox[at].msg_hdr;
    header.msg_name = &hub->inboxNames[at];
    header.msg_iov = &hub->inboxParts[at];
    header.msg_iovlen = 1;
    header.msg_control = &hub->inboxControl[at * kControl];
    ExpectAny(&header);
  }
  hub->outbox.resize(hub->txSlots);
  hub->outboxParts.resize(hub->txSlots);
  hub->outboxNames.resize(hub->txSlots);
  hub->outboxControl.resize(hub->txSlots * kControl);
  hub->outboxSlots.resize(hub->txSlots);
  for (uint32_t at = 0; at < hub->txSlots; at++) {
    memset(&hub->outbox[at], 0, sizeof(mmsghdr));
    hub->outbox[at].msg_hdr.msg_iov = &hub->outboxParts[at];
    hub->outbox[at].msg_hdr.msg_iovlen = 1;
  }
}

/** Receives behind what is `filled` already; returns the new count. */
uint32_t Receive(Hub* hub, Socket* socket, uint32_t filled) {
  const uint32_t room = hub->slots - filled;
  hub->counters->receiveCalls++;
  const int got = recvmmsg(socket->fd, &hub->inbox[filled], room, MSG_DONTWAIT, nullptr);
  if (got <= 0) return filled;
  hub->counters->received += got;
  hub->counters->waited =
      std::max(hub->counters->waited, Waited(&hub->inbox[filled].msg_hdr));
  const uint32_t end = filled + static_cast<uint32_t>(got);
  for (uint32_t at = filled; at < end; at++) {
    msghdr& header = hub->inbox[at].msg_hdr;
    bool fresh;
    const PeerKey key = KeyOf(hub->inboxNames[at], header, socket->id);
    hub->rx[2 * at] = hub->peers.Intern(key, true, &fresh);
    if (fresh) hub->rx[2 * at] |= kFresh;
    const bool whole = (header.msg_flags & MSG_TRUNC) == 0;
    if (!whole) hub->counters->truncated++;
    hub->rx[2 * at + 1] = whole ? hub->inbox[at].msg_len : 0;  // an empty one is passed over
    ExpectAny(&header);
  }
  return end;
}

/** Sends everything queued by JavaScript, in order, one system call per run of one socket. */
void Flush(Hub* hub) {
  const uint32_t count = std::min(hub->tx[0], hub->txSlots);
  hub->tx[0] = 0;
  std::vector<uint32_t>& slots = hub->outboxSlots;
  for (uint32_t at = 0; at < count;) {
    Socket* socket = nullptr;
    uint32_t run = 0;
    for (; at < count; at++) {
      const uint32_t* entry = &hub->tx[1 + at * kTxWords];
      const size_t end = static_cast<size_t>(entry[2]) + entry[3];
      const size_t bound =
          entry[1] ? static_cast<size_t>(hub->slots) * hub->stride : hub->txBytes;
      if (!hub->peers.live(entry[0]) || end > bound) {
        hub->counters->sendDropped++;
        continue;
      }
      const PeerKey& key = hub->peers.key(entry[0]);
      Socket* of = hub->sockets[key.socket];
      if (socket != nullptr && of != socket) break;
      socket = of;
      slots[run] = entry[0];
      hub->outboxParts[run] = {(entry[1] ? hub->rxSlab : hub->txSlab) + entry[2], entry[3]};
      Address(hub, run, key, of->wildcard);
      run++;
    }
    if (socket == nullptr) continue;
    // What is held back goes first, or the order within one peer would turn.
    const uint32_t done = socket->pending.empty() ? SendSome(socket, run) : 0;
    if (done < run) HoldBack(socket, done, run, slots.data());
  }
}

/** The kernel has room again. */
void FlushPending(Socket* socket) {
  Hub* hub = socket->hub;
  while (!socket->pending.empty()) {
    const uint32_t count =
        std::min<uint32_t>(hub->txSlots, static_cast<uint32_t>(socket->pending.size()));
    for (uint32_t at = 0; at < count; at++) {
      Pending& held = socket->pending[at];
      hub->outboxParts[at] = {held.bytes.data(), held.bytes.size()};
      Address(hub, at, held.key, socket->wildcard);
    }
    const uint32_t done = SendSome(socket, count);
    for (uint32_t at = 0; at < done; at++)
      socket->pendingBytes -= socket->pending[at].bytes.size();
    socket->pending.erase(socket->pending.begin(), socket->pending.begin() + done);
    if (done < count) return;
  }
  Watch(socket);
}

/** Reads what ICMP said of earlier datagrams; the name is where the datagram was going. */
void DrainErrors(Socket* socket) {
  for (int round = 0; round < 64; round++) {
    sockaddr_storage name;
    uint8_t control[512], byte;
    iovec part = {&byte, 1};
    msghdr header;
    memset(&header, 0, sizeof header);
    header.msg_name = &name;
    header.msg_namelen = sizeof name;
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    if (recvmsg(socket->fd, &header, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) return;
    for (cmsghdr* each = CMSG_FIRSTHDR(&header); each; each = CMSG_NXTHDR(&header, each)) {
      const bool four = each->cmsg_level == IPPROTO_IP && each->cmsg_type == IP_RECVERR;
      const bool six = each->cmsg_level == IPPROTO_IPV6 && each->cmsg_type == IPV6_RECVERR;
      if (!four && !six) continue;
      const auto* error = reinterpret_cast<const sock_extended_err*>(CMSG_DATA(each));
      Fail(socket->hub, socket->id, error->ee_errno, &name, header.msg_namelen);
    }
  }
}

}  // namespace pbx
