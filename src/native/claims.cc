// Who else says that an address is its own: a question that whoever has it answers (an ARP probe,
// RFC 5227 section 2.1.1; for IPv6 that of RFC 4862 section 5.4.2), and all that is said of it.
// Wants CAP_NET_RAW.

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/icmp6.h>
#include <node_api.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <set>
#include <string>
#include <vector>

#include "frames.h"
#include "why.h"

namespace pbx {
namespace {

// A flood of them is not for the thread that keeps the lease.
constexpr int kFramesMax = 256;

// Stays open: to close one waits for the kernel, 10 ms and more.
struct Ear {
  std::string interface;
  std::string address;
  unsigned index;
  int fd;
};

std::vector<Ear>& Ears() {
  thread_local std::vector<Ear> ears;
  return ears;
}

uint32_t Word(const void* bytes) {
  uint32_t word;
  memcpy(&word, bytes, sizeof word);
  return ntohl(word);
}

// Of ARP what has the address as its sender; of IPv6 advertisements of it. The rest, which is all
// that the host receives, is not copied to the socket.
std::vector<sock_filter> Filter(const Address& address) {
  std::vector<sock_filter> filter;
  const auto must = [&](uint16_t size, uint32_t offset, uint32_t value) {
    filter.push_back(BPF_STMT(static_cast<uint16_t>(BPF_LD | BPF_ABS | size), offset));
    filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 1, 0));
    filter.push_back(BPF_STMT(BPF_RET | BPF_K, 0));
  };
  if (address.is_four) {
    must(BPF_W, offsetof(ArpFrame, sender_ip), Word(&address.four));
  } else {
    must(BPF_B, offsetof(NeighbourFrame, ip) + offsetof(ip6_hdr, ip6_nxt), IPPROTO_ICMPV6);
    must(BPF_B, offsetof(NeighbourFrame, advert), ND_NEIGHBOR_ADVERT);
    const uint32_t target =
        offsetof(NeighbourFrame, advert) + offsetof(nd_neighbor_advert, nd_na_target);
    for (uint32_t at = 0; at < 16; at += 4)
      must(BPF_W, target + at, Word(address.six.s6_addr + at));
  }
  filter.push_back(BPF_STMT(BPF_RET | BPF_K, 0xffff));
  return filter;
}

// The filter comes before the binding, so that nothing else is heard.
int Listen(unsigned index, const Address& address) {
  const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  std::vector<sock_filter> filter = Filter(address);
  sock_fprog program = {static_cast<unsigned short>(filter.size()), filter.data()};
  sockaddr_ll at;
  memset(&at, 0, sizeof at);
  at.sll_family = AF_PACKET;
  at.sll_protocol = htons(address.is_four ? ETH_P_ARP : ETH_P_IPV6);
  at.sll_ifindex = index;
  if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0 &&
      bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0)
    return fd;
  const int error = errno;
  close(fd);
  errno = error;
  return -1;
}

// Below 0 when there can be none. An interface that was made anew has another index.
int EarFor(const char* name, const char* text, unsigned index, const Address& address) {
  for (Ear& ear : Ears()) {
    if (ear.interface != name || ear.address != text) continue;
    if (ear.index == index && ear.fd >= 0) return ear.fd;
    if (ear.fd >= 0) close(ear.fd);
    ear.index = index;
    return ear.fd = Listen(index, address);
  }
  Ears().push_back({name, text, index, Listen(index, address)});
  return Ears().back().fd;
}

bool AskFour(int fd, int index, const uint8_t mac[6], const in_addr& address) {
  ArpFrame frame = ArpAbout(mac, address);
  frame.operation = htons(ARPOP_REQUEST);
  memset(frame.sender_ip, 0, 4);
  memset(frame.target_mac, 0, 6);
  return SendFrame(fd, index, ETH_P_ARP, &frame, sizeof frame);
}

// To those whose address ends in the same bytes, from nobody.
bool AskSix(int fd, int index, const uint8_t mac[6], const in6_addr& address) {
  NeighbourFrame frame;
  memset(&frame, 0, sizeof frame);
  in6_addr group;
  inet_pton(AF_INET6, "ff02::1:ff00:0", &group);
  memcpy(group.s6_addr + 13, address.s6_addr + 13, 3);
  frame.advert.nd_na_hdr.icmp6_type = ND_NEIGHBOR_SOLICIT;
  frame.advert.nd_na_target = address;
  // Without an option: who has no address has no neighbours.
  const size_t size = offsetof(NeighbourFrame, option);
  AddressToGroup(frame, mac, in6addr_any, group, size);
  return SendFrame(fd, index, ETH_P_IPV6, &frame, size);
}

const char* Asked(const char* name, const char* text) {
  Address address;
  if (!address.Parse(text)) return "it is no IP address";
  uint8_t mac[6];
  const int sender = Sender();
  if (sender < 0) return WhyRefused();
  const unsigned index = IndexOf(sender, name);
  // Of 0 it would be what is heard at any interface.
  if (index == 0) return WhyRefused();
  const int fd = EarFor(name, text, index, address);
  if (fd < 0) return WhyRefused();
  if (!HardwareAddress(fd, name, mac)) return "the interface has no Ethernet address";
  const bool is_sent =
      address.is_four ? AskFour(fd, index, mac, address.four) : AskSix(fd, index, mac, address.six);
  return is_sent ? "" : "the interface did not take it";
}

std::string Text(const uint8_t mac[6]) {
  char text[18];
  snprintf(text, sizeof text, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
           mac[4], mac[5]);
  return text;
}

// Sorted, with blanks between.
std::string Heard(const char* name, const char* text) {
  std::set<std::string> found;
  for (const Ear& ear : Ears()) {
    if (ear.interface != name || ear.address != text || ear.fd < 0) continue;
    uint8_t frame[256];
    for (int count = 0; count < kFramesMax; count++) {
      const ssize_t size = recv(ear.fd, frame, sizeof frame, MSG_DONTWAIT);
      if (size < 0) break;
      const bool is_four = strchr(text, ':') == nullptr;
      const size_t at = is_four ? offsetof(ArpFrame, sender_mac) : offsetof(ArpFrame, source);
      if (static_cast<size_t>(size) >= at + 6) found.insert(Text(frame + at));
    }
  }
  std::string all;
  for (const std::string& each : found) all += (all.empty() ? "" : " ") + each;
  return all;
}

bool Given(napi_env env, napi_callback_info info, char (&name)[IFNAMSIZ],
           char (&text)[INET6_ADDRSTRLEN]) {
  size_t count = 2;
  napi_value given[2];
  napi_get_cb_info(env, info, &count, given, nullptr, nullptr);
  return count == 2 && TextOf(env, given[0], name, sizeof name) &&
         TextOf(env, given[1], text, sizeof text);
}

napi_value Answer(napi_env env, const std::string& text) {
  napi_value answer;
  napi_create_string_utf8(env, text.data(), text.size(), &answer);
  return answer;
}

// (interface, IP address) -> '' or why it was not sent.
napi_value AskForClaims(napi_env env, napi_callback_info info) {
  char name[IFNAMSIZ] = "";
  char text[INET6_ADDRSTRLEN] = "";
  const bool is_given = Given(env, info, name, text);
  return Answer(env, is_given ? Asked(name, text) : "no interface and address");
}

// (interface, IP address) -> the Ethernet addresses of who has claimed it since the last time.
napi_value Claims(napi_env env, napi_callback_info info) {
  char name[IFNAMSIZ] = "";
  char text[INET6_ADDRSTRLEN] = "";
  return Answer(env, Given(env, info, name, text) ? Heard(name, text) : "");
}

}  // namespace

void ExportClaims(napi_env env, napi_value exports) {
  napi_value function;
  napi_create_function(env, "askForClaims", NAPI_AUTO_LENGTH, AskForClaims, nullptr, &function);
  napi_set_named_property(env, exports, "askForClaims", function);
  napi_create_function(env, "claims", NAPI_AUTO_LENGTH, Claims, nullptr, &function);
  napi_set_named_property(env, exports, "claims", function);
}

}  // namespace pbx
