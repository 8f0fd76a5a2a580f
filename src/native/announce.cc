// Gratuitous ARP (RFC 5227 section 3): tells the neighbours where an address is now. Linux sends
// none of its own accord when an address is added. Wants CAP_NET_RAW.

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <node_api.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

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

bool Text(napi_env env, napi_value value, char* into, size_t size) {
  size_t length = 0;
  return napi_get_value_string_utf8(env, value, into, size, &length) == napi_ok && length > 0;
}

// Both forms: some stacks learn from requests only, others from replies.
bool SendBoth(int fd, int index, const uint8_t mac[6], const in_addr& address) {
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
  sockaddr_ll to;
  memset(&to, 0, sizeof to);
  to.sll_family = AF_PACKET;
  to.sll_protocol = htons(ETH_P_ARP);
  to.sll_ifindex = index;
  to.sll_halen = 6;
  memset(to.sll_addr, 0xff, 6);
  const uint16_t operations[] = {ARPOP_REQUEST, ARPOP_REPLY};
  for (uint16_t operation : operations) {
    frame.operation = htons(operation);
    if (sendto(fd, &frame, sizeof frame, 0, reinterpret_cast<sockaddr*>(&to), sizeof to) < 0)
      return false;
  }
  return true;
}

// (interface, IPv4 address) -> '' or why it was not sent.
napi_value Announce(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value given[2];
  napi_get_cb_info(env, info, &count, given, nullptr, nullptr);
  char name[IFNAMSIZ] = "";
  char text[64] = "";
  in_addr address;
  const char* why = "";
  if (count < 2 || !Text(env, given[0], name, sizeof name) ||
      !Text(env, given[1], text, sizeof text) || inet_pton(AF_INET, text, &address) != 1) {
    why = "no interface and IPv4 address";
  } else {
    const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ARP));
    ifreq request;
    memset(&request, 0, sizeof request);
    strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    const unsigned index = if_nametoindex(name);
    if (fd < 0)
      why = "it wants CAP_NET_RAW";
    else if (index == 0 || ioctl(fd, SIOCGIFHWADDR, &request) < 0)
      why = "there is no such interface";
    else if (!SendBoth(fd, static_cast<int>(index),
                       reinterpret_cast<const uint8_t*>(request.ifr_hwaddr.sa_data), address))
      why = "the interface did not take it";
    if (fd >= 0) close(fd);
  }
  napi_value answer;
  napi_create_string_utf8(env, why, NAPI_AUTO_LENGTH, &answer);
  return answer;
}

}  // namespace

void ExportAnnounce(napi_env env, napi_value exports) {
  napi_value function;
  napi_create_function(env, "arpAnnounce", NAPI_AUTO_LENGTH, Announce, nullptr, &function);
  napi_set_named_property(env, exports, "arpAnnounce", function);
}

}  // namespace pbx
