//! Many UDP sockets of one thread, received and sent in batches (recvmmsg, sendmmsg) on libuv's
//! loop. All memory that JavaScript reads or fills is lent by it at the start and shared:
//!
//!   rxSlab   slots x stride bytes; datagram i of a batch lies at i * stride
//!   rx       two words per datagram: peer slot (bit 31 set when the slot was filled anew), length
//!   txSlab   bytes of queued datagrams
//!   tx       tx[0] = datagrams queued; then four words each: peer slot, source (0 txSlab,
//!            1 rxSlab), offset, length
//!
//! JavaScript queues by writing to txSlab and tx, so neither a datagram received nor one sent costs
//! a call across the border: one call per batch.

#pragma once

#include <netinet/in.h>
#include <node_api.h>
#include <sys/socket.h>
#include <uv.h>

#include <vector>

#include "peer-table.h"

namespace pbx {

constexpr uint32_t kFresh = 0x80000000u;

struct Hub;

struct Pending {
  PeerKey key;
  std::vector<uint8_t> bytes;
};

struct Socket {
  uv_poll_t poll;
  Hub* hub;
  int fd;
  uint32_t id;
  sa_family_t family;
  bool open;
  bool ready;     // on the hub's ready list
  bool wildcard;  // bound to all addresses: tells and chooses the local one (IP_PKTINFO)
  bool errors;    // asked for ICMP errors (IP_RECVERR)
  std::vector<Pending> pending;  // what the kernel would not take yet
  size_t pendingBytes;
};

struct Failure {
  uint32_t socket;
  int error;
  sockaddr_storage to;
};

struct Counters {  // doubles, so that JavaScript reads them from a Float64Array
  double received, sent, receiveCalls, sendCalls, truncated, sendDropped, failures, waited;
};

struct Hub {
  napi_env env = nullptr;
  uv_loop_t* loop = nullptr;
  uv_check_t check;
  napi_async_cleanup_hook_handle cleanup = nullptr;
  napi_async_context context = nullptr;
  napi_ref onBatch = nullptr, lent = nullptr;  // `lent` keeps the shared memory alive
  uint8_t* rxSlab = nullptr;
  uint8_t* txSlab = nullptr;
  size_t txBytes = 0;
  uint32_t* rx = nullptr;
  uint32_t* tx = nullptr;
  Counters* counters = nullptr;
  uint32_t slots = 0, stride = 0, txSlots = 0;
  size_t pendingMax = 0;         // bytes a socket may hold back when the kernel's buffer is full
  std::vector<Socket*> sockets;  // by id, null when free
  std::vector<Socket*> ready, readyNow;
  std::vector<Failure> failures;
  std::vector<mmsghdr> inbox, outbox;
  std::vector<iovec> inboxParts, outboxParts;
  std::vector<sockaddr_in6> inboxNames, outboxNames;
  std::vector<uint8_t> inboxControl, outboxControl;
  std::vector<uint32_t> outboxSlots;
  PeerTable peers;
  uint32_t handles = 0;  // libuv handles still open
  bool open = false, finalized = false;

  explicit Hub(uint32_t peerMax) : peers(peerMax) {}
};

// udp-hub.cc: life and the loop
void StartHub(Hub* hub);
void CloseHub(Hub* hub);
int OpenSocket(Hub* hub, const sockaddr_storage& bound, int flags, int buffers, Socket** out);
void CloseSocket(Socket* socket);

// udp-io.cc: batches in and out
constexpr int kReusePort = 1, kReportErrors = 2, kTimestamps = 4;
constexpr size_t kControl = 128;  // room for a local address and a time stamp
void PrepareBatches(Hub* hub);
uint32_t Receive(Hub* hub, Socket* socket, uint32_t filled);
void Flush(Hub* hub);
void FlushPending(Socket* socket);
void DrainErrors(Socket* socket);
void Watch(Socket* socket);

socklen_t NameOf(const PeerKey& key, sockaddr_in6* name);

}  // namespace pbx
