// A segment that belongs to no window, as if it came from the far end of a connection of somebody
// else: an ACK of sequence number 0, such as CTDB sends. The host that gets it answers with what it
// expects (RFC 9293 section 3.10.7.4), and as there is no such connection here, is told so (RST).
// Wants CAP_NET_RAW.

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <node_api.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "checksum.h"
#include "why.h"

namespace pbx {
namespace {

struct Ends {
  char from[INET6_ADDRSTRLEN];
  uint32_t from_port;
  char to[INET6_ADDRSTRLEN];
  uint32_t to_port;
};

tcphdr Segment(const Ends& ends) {
  tcphdr segment;
  memset(&segment, 0, sizeof segment);
  segment.source = htons(ends.from_port);
  segment.dest = htons(ends.to_port);
  segment.doff = sizeof segment / 4;
  segment.ack = 1;
  segment.window = htons(1234);
  return segment;
}

uint16_t Summed(const void* addresses, size_t size, const tcphdr& segment) {
  Checksum sum;
  sum.Add(addresses, size);
  sum.AddNumber(IPPROTO_TCP);
  sum.AddNumber(sizeof segment);
  sum.Add(&segment, sizeof segment);
  return sum.Folded();
}

bool SendFour(int fd, const Ends& ends) {
  struct __attribute__((packed)) {
    iphdr ip;
    tcphdr tcp;
  } packet;
  memset(&packet, 0, sizeof packet);
  in_addr addresses[2];
  if (inet_pton(AF_INET, ends.from, &addresses[0]) != 1) return false;
  if (inet_pton(AF_INET, ends.to, &addresses[1]) != 1) return false;
  // The kernel fills in the identification, the length and the checksum (raw(7)).
  packet.ip.version = 4;
  packet.ip.ihl = 5;
  packet.ip.ttl = 64;
  packet.ip.protocol = IPPROTO_TCP;
  packet.ip.saddr = addresses[0].s_addr;
  packet.ip.daddr = addresses[1].s_addr;
  tcphdr segment = Segment(ends);
  segment.check = Summed(addresses, sizeof addresses, segment);
  packet.tcp = segment;
  sockaddr_in to;
  memset(&to, 0, sizeof to);
  to.sin_family = AF_INET;
  to.sin_addr = addresses[1];
  return sendto(fd, &packet, sizeof packet, 0, reinterpret_cast<sockaddr*>(&to), sizeof to) >= 0;
}

bool SendSix(int fd, const Ends& ends) {
  struct __attribute__((packed)) {
    ip6_hdr ip;
    tcphdr tcp;
  } packet;
  memset(&packet, 0, sizeof packet);
  in6_addr addresses[2];
  if (inet_pton(AF_INET6, ends.from, &addresses[0]) != 1) return false;
  if (inet_pton(AF_INET6, ends.to, &addresses[1]) != 1) return false;
  packet.ip.ip6_flow = htonl(6u << 28);
  packet.ip.ip6_plen = htons(sizeof packet.tcp);
  packet.ip.ip6_nxt = IPPROTO_TCP;
  packet.ip.ip6_hlim = 64;
  packet.ip.ip6_src = addresses[0];
  packet.ip.ip6_dst = addresses[1];
  tcphdr segment = Segment(ends);
  segment.check = Summed(addresses, sizeof addresses, segment);
  packet.tcp = segment;
  sockaddr_in6 to;
  memset(&to, 0, sizeof to);
  to.sin6_family = AF_INET6;
  to.sin6_addr = addresses[1];
  return sendto(fd, &packet, sizeof packet, 0, reinterpret_cast<sockaddr*>(&to), sizeof to) >= 0;
}

const char* Tickled(const Ends& ends) {
  const bool is_six = strchr(ends.to, ':') != nullptr;
  // Of this protocol nothing is received: a copy of every segment would be, otherwise.
  const int fd = socket(is_six ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
  if (fd < 0) return WhyRefused();
  const bool is_sent = is_six ? SendSix(fd, ends) : SendFour(fd, ends);
  const int error = errno;
  close(fd);
  return is_sent ? "" : strerror(error);
}

bool Text(napi_env env, napi_value value, char (&into)[INET6_ADDRSTRLEN]) {
  size_t length = 0;
  return napi_get_value_string_utf8(env, value, into, sizeof into, &length) == napi_ok;
}

bool Port(napi_env env, napi_value value, uint32_t& into) {
  return napi_get_value_uint32(env, value, &into) == napi_ok && into > 0 && into < 65536;
}

// (from, its port, to, its port) -> '' or why it was not sent.
napi_value Tickle(napi_env env, napi_callback_info info) {
  size_t count = 4;
  napi_value given[4];
  napi_get_cb_info(env, info, &count, given, nullptr, nullptr);
  Ends ends;
  const bool is_given = count == 4 && Text(env, given[0], ends.from) &&
                        Port(env, given[1], ends.from_port) && Text(env, given[2], ends.to) &&
                        Port(env, given[3], ends.to_port);
  napi_value answer;
  const char* why = is_given ? Tickled(ends) : "no two addresses with ports";
  napi_create_string_utf8(env, why, NAPI_AUTO_LENGTH, &answer);
  return answer;
}

}  // namespace

void ExportTickle(napi_env env, napi_value exports) {
  napi_value function;
  napi_create_function(env, "tickle", NAPI_AUTO_LENGTH, Tickle, nullptr, &function);
  napi_set_named_property(env, exports, "tickle", function);
}

}  // namespace pbx
