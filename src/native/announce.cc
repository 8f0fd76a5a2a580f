// Tells the neighbours where an address is now: gratuitous ARP (RFC 5227 section 3), and unsolicited
// neighbour advertisements for IPv6 (RFC 4861 section 7.2.6). Linux sends neither of its own accord
// when an address is added. Wants CAP_NET_RAW.

#include <node_api.h>

#include "frames.h"
#include "why.h"

namespace pbx {
namespace {

// Both forms: some stacks learn from requests only, others from replies.
bool SendArp(int fd, int index, const uint8_t mac[6], const in_addr& address) {
  ArpFrame frame = ArpAbout(mac, address);
  const uint16_t operations[] = {ARPOP_REQUEST, ARPOP_REPLY};
  for (uint16_t operation : operations) {
    frame.operation = htons(operation);
    if (!SendFrame(fd, index, ETH_P_ARP, &frame, sizeof frame)) return false;
  }
  return true;
}

// To all nodes, with the override flag: what is known of the address is wrong.
bool SendAdvert(int fd, int index, const uint8_t mac[6], const in6_addr& address) {
  NeighbourFrame frame;
  memset(&frame, 0, sizeof frame);
  in6_addr all_nodes;
  inet_pton(AF_INET6, "ff02::1", &all_nodes);
  frame.advert.nd_na_hdr.icmp6_type = ND_NEIGHBOR_ADVERT;
  frame.advert.nd_na_hdr.icmp6_dataun.icmp6_un_data32[0] = ND_NA_FLAG_OVERRIDE;
  frame.advert.nd_na_target = address;
  frame.option = ND_OPT_TARGET_LINKADDR;
  frame.option_length = 1;
  memcpy(frame.mac, mac, 6);
  AddressToGroup(frame, mac, address, all_nodes, sizeof frame);
  return SendFrame(fd, index, ETH_P_IPV6, &frame, sizeof frame);
}

const char* Announced(const char* name, const char* text) {
  Address address;
  if (!address.Parse(text)) return "it is no IP address";
  const int fd = Sender();
  if (fd < 0) return WhyRefused();
  const unsigned index = IndexOf(fd, name);
  uint8_t mac[6];
  if (index == 0 || !HardwareAddress(fd, name, mac)) return WhyRefused();
  const bool is_sent = address.is_four ? SendArp(fd, index, mac, address.four)
                                       : SendAdvert(fd, index, mac, address.six);
  return is_sent ? "" : "the interface did not take it";
}

// (interface, IP address) -> '' or why it was not sent.
napi_value Announce(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value given[2];
  napi_get_cb_info(env, info, &count, given, nullptr, nullptr);
  char name[IFNAMSIZ] = "";
  char text[INET6_ADDRSTRLEN] = "";
  const bool is_given = count == 2 && TextOf(env, given[0], name, sizeof name) &&
                        TextOf(env, given[1], text, sizeof text);
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
