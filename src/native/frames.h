// What ARP and neighbour discovery look like on Ethernet, and how a frame is sent (AF_PACKET).

#pragma once

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

// A solicitation is laid out the same way.
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

struct Address {
  in_addr four;
  in6_addr six;
  bool is_four;

  bool Parse(const char* text) {
    is_four = inet_pton(AF_INET, text, &four) == 1;
    return is_four || inet_pton(AF_INET6, text, &six) == 1;
  }
};

inline bool TextOf(napi_env env, napi_value value, char* into, size_t size) {
  size_t length = 0;
  return napi_get_value_string_utf8(env, value, into, size, &length) == napi_ok && length > 0;
}

inline bool SendFrame(int fd, int index, uint16_t type, const void* frame, size_t size) {
  sockaddr_ll to;
  memset(&to, 0, sizeof to);
  to.sll_family = AF_PACKET;
  to.sll_protocol = htons(type);
  to.sll_ifindex = index;
  to.sll_halen = 6;
  memcpy(to.sll_addr, frame, 6);
  return sendto(fd, frame, size, 0, reinterpret_cast<sockaddr*>(&to), sizeof to) >= 0;
}

// Stays open: to close one waits for the kernel (synchronize_net), 10 ms and more, in the thread
// that keeps the lease. Nothing is to be received by it. Below 0 when it may not be had.
inline int Sender() {
  thread_local int fd = -1;
  if (fd < 0) fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  return fd;
}

// 0 when there is none. if_nametoindex(3) opens a socket, and does not say when it could not.
inline unsigned IndexOf(int fd, const char* name) {
  ifreq request;
  memset(&request, 0, sizeof request);
  strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  return ioctl(fd, SIOCGIFINDEX, &request) < 0 ? 0 : request.ifr_ifindex;
}

inline bool HardwareAddress(int fd, const char* name, uint8_t mac[6]) {
  ifreq request;
  memset(&request, 0, sizeof request);
  strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  if (ioctl(fd, SIOCGIFHWADDR, &request) < 0) return false;
  memcpy(mac, request.ifr_hwaddr.sa_data, 6);
  return true;
}

// To all, from the address, about itself; of no operation yet.
inline ArpFrame ArpAbout(const uint8_t mac[6], const in_addr& address) {
  ArpFrame frame;
  memset(&frame, 0, sizeof frame);
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
  return frame;
}

// Fills in all that is not about what is said; `size` of the whole frame.
inline void AddressToGroup(NeighbourFrame& frame, const uint8_t mac[6], const in6_addr& from,
                     const in6_addr& group, size_t size) {
  const uint8_t multicast[] = {0x33, 0x33};
  memcpy(frame.target, multicast, 2);
  memcpy(frame.target + 2, group.s6_addr + 12, 4);
  memcpy(frame.source, mac, 6);
  frame.type = htons(ETH_P_IPV6);
  const size_t payload = size - offsetof(NeighbourFrame, advert);
  frame.ip.ip6_flow = htonl(6u << 28);
  frame.ip.ip6_plen = htons(payload);
  frame.ip.ip6_nxt = IPPROTO_ICMPV6;
  frame.ip.ip6_hlim = 255;
  frame.ip.ip6_src = from;
  frame.ip.ip6_dst = group;
  Checksum sum;
  sum.Add(&frame.ip.ip6_src, 32);
  sum.AddNumber(payload);
  sum.AddNumber(IPPROTO_ICMPV6);
  sum.Add(reinterpret_cast<uint8_t*>(&frame) + offsetof(NeighbourFrame, advert), payload);
  frame.advert.nd_na_hdr.icmp6_cksum = sum.Folded();
}

}  // namespace pbx
