// Why a call about the network was refused, in words for whoever has to mend it.

#pragma once

#include <errno.h>
#include <string.h>

namespace pbx {

// Of the call that has just failed.
inline const char* WhyRefused() {
  switch (errno) {
    case EPERM:
    case EACCES:
      return "it wants CAP_NET_RAW";
    case ENODEV:
      return "there is no such interface";
    default:
      return strerror(errno);
  }
}

}  // namespace pbx
