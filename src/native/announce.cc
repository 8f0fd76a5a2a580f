// Tells the neighbours where an address is now: gratuitous ARP (RFC 5227 section 3), and unsolicited
// neighbour advertisements for IPv6 (RFC 4861 section 7.2.6). Linux sends neither of its own accord
// when an address is added. Wants CAP_NET_RAW.

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/icmp6.h>
#include <netinet/ip6.h>
#include <node_api.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "checksum.h"

namespace pbx {
namespace {

struct __attribute__((packed)) ArpFrame {
  uint8_t target[6];
  uint8_t source[6];
  uint16_t type;
  uint16_t hardware;
  uint16_t protocol;
  uint8_t hardware_length;
  uint8_t protocol_length;
  uint16_t operation;
  uint8_t sender_mac[6];
  uint8_t sender_ip[4];
  uint8_t target_mac[6];
  uint8_t target_ip[4];
};

struct __attribute__((packed)) NeighbourFrame {
  uint8_t target[6];
  uint8_t source[6];
  uint16_t type;
  ip6_hdr ip;
  nd_neighbor_advert advert;
  uint8_t option;
  uint8_t option_length;
  uint8_t mac[6];
};

bool Text(napi_env env, napi_value value, char* into, size_t size) {
  size_t length = 0;
  return napi_get_value_string_utf8(env, value, into, size, &length) == napi_ok && length > 0;
}

bool Send(int fd, int index, uint16_t type, const void* frame, size_t size) {
  sockaddr_ll to;
  memset(&to, 0, sizeof to);
  to.sll_family = AF_PACKET;
  to.sll_protocol = htons(type);
  to.sll_ifindex = index;
  to.sll_halen = 6;
  memcpy(to.sll_addr, frame, 6);
  return sendto(fd, frame, size, 0, reinterpret_cast<sockaddr*>(&to), sizeof to) >= 0;
}

// Both forms: some stacks learn from requests only, others from replies.
bool SendArp(int fd, int index, const uint8_t mac[6], const in_addr& address) {
  ArpFrame frame;
  memset(frame.target, 0xff, 6);
  memcpy(frame.source, mac, 6);
  frame.type = htons(ETH_P_ARP);
  frame.hardware = htons(ARPHRD_ETHER);
  frame.protocol = htons(ETH_P_IP);
  frame.hardware_length = 6;
  frame.protocol_length = 4;
  memcpy(frame.sender_mac, mac, 6);
  memcpy(frame.sender_ip, &address, 4);
  memset(frame.target_mac, 0xff, 6);
  memcpy(frame.target_ip, &address, 4);
  const uint16_t operations[] = {ARPOP_REQUEST, ARPOP_REPLY};
  for (uint16_t operation : operations) {
    frame.operation = htons(operation);
    if (!Send(fd, index, ETH_P_ARP, &frame, sizeof frame)) return false;
  }
  return true;
}

// To all nodes, with the override flag: what is known of the address is wrong.
bool SendAdvert(int fd, int index, const uint8_t mac[6], const in6_addr& address) {
  const uint8_t all_nodes_mac[] = {0x33, 0x33, 0, 0, 0, 1};
  NeighbourFrame frame;
  memset(&frame, 0, sizeof frame);
  memcpy(frame.target, all_nodes_mac, 6);
  memcpy(frame.source, mac, 6);
  frame.type = htons(ETH_P_IPV6);
  const size_t payload = sizeof frame - offsetof(NeighbourFrame, advert);
  frame.ip.ip6_flow = htonl(6u << 28);
  frame.ip.ip6_plen = htons(payload);
  frame.ip.ip6_nxt = IPPROTO_ICMPV6;
  frame.ip.ip6_hlim = 255;
  frame.ip.ip6_src = address;
  inet_pton(AF_INET6, "ff02::1", &frame.ip.ip6_dst);
  frame.advert.nd_na_hdr.icmp6_type = ND_NEIGHBOR_ADVERT;
  frame.advert.nd_na_hdr.icmp6_dataun.icmp6_un_data32[0] = ND_NA_FLAG_OVERRIDE;
  frame.advert.nd_na_target = address;
  frame.option = ND_OPT_TARGET_LINKADDR;
  frame.option_length = 1;
  memcpy(frame.mac, mac, 6);
  Checksum sum;
  sum.Add(&frame.ip.ip6_src, 32);
  sum.AddNumber(payload);
  sum.AddNumber(IPPROTO_ICMPV6);
  sum.Add(reinterpret_cast<uint8_t*>(&frame) + offsetof(NeighbourFrame, advert), payload);
  frame.advert.nd_na_hdr.icmp6_cksum = sum.Folded();
  return Send(fd, index, ETH_P_IPV6, &frame, sizeof frame);
}

// Stays open: to close one waits for the kernel (synchronize_net), 10 ms and more, in the thread
// that keeps the lease. Nothing is to be received by it. Below 0 when it may not be had.
int Sender() {
  thread_local int fd = -1;
  if (fd < 0) fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  return fd;
}

const char* Announced(const char* name, const char* text) {
  in_addr four;
  in6_addr six;
  const bool is_four = inet_pton(AF_INET, text, &four) == 1;
  if (!is_four && inet_pton(AF_INET6, text, &six) != 1) return "it is no IP address";
  const unsigned index = if_nametoindex(name);
  const int fd = Sender();
  if (fd < 0) return "it wants CAP_NET_RAW";
  ifreq request;
  memset(&request, 0, sizeof request);
  strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  const uint8_t* mac = reinterpret_cast<const uint8_t*>(request.ifr_hwaddr.sa_data);
  if (index == 0 || ioctl(fd, SIOCGIFHWADDR, &request) < 0) return "there is no such interface";
  const bool is_sent = is_four ? SendArp(fd, index, mac, four) : SendAdvert(fd, index, mac, six);
  return is_sent ? "" : "the interface did not take it";
}

// (interface, IP address) -> '' or why it was not sent.
napi_value Announce(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value given[2];
  napi_get_cb_info(env, info, &count, given, nullptr, nullptr);
  char name[IFNAMSIZ] = "";
  char text[INET6_ADDRSTRLEN] = "";
  const bool is_given = count == 2 && Text(env, given[0], name, sizeof name) &&
                        Text(env, given[1], text, sizeof text);
  const char* why = is_given ? Announced(name, text) : "no interface and address";
  napi_value answer;
  napi_create_string_utf8(env, why, NAPI_AUTO_LENGTH, &answer);
  return answer;
}

}  // namespace

void ExportAnnounce(napi_env env, napi_value exports) {
  napi_value function;
  napi_create_function(env, "announce", NAPI_AUTO_LENGTH, Announce, nullptr, &function);
  napi_set_named_property(env, exports, "announce", function);
}

}  // namespace pbx
