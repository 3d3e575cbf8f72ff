#include "core/host_name.h"

#include <sys/utsname.h>

namespace drift {

std::string host_name() {
  utsname system{};
  ::uname(&system);
  return system.nodename;
}

}  // namespace drift
