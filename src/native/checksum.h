// The Internet checksum (RFC 1071).

#pragma once

#include <arpa/inet.h>
#include <stddef.h>
#include <stdint.h>

namespace pbx {

class Checksum {
 public:
  // All but the last piece are of even length.
  void Add(const void* bytes, size_t size) {
    const uint8_t* at = static_cast<const uint8_t*>(bytes);
    for (size_t place = 0; place + 1 < size; place += 2) sum_ += at[place] << 8 | at[place + 1];
    if (size % 2 == 1) sum_ += at[size - 1] << 8;
  }

  void AddNumber(uint32_t number) { sum_ += (number >> 16) + (number & 0xffff); }

  // In network byte order.
  uint16_t Folded() const {
    uint32_t sum = sum_;
    while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
    return htons(~sum & 0xffff);
  }

 private:
  uint32_t sum_ = 0;
};

}  // namespace pbx
