// In place of curl_http.cpp where libcurl was not found.
#include "data/fetch/http.h"

#include "core/check.h"

namespace drift {

HttpEnd http_get(const HttpRequest& request, HttpReceiver&) {
  DRIFT_FAIL(kConfig,
             "this build cannot download, because CMake found no libcurl: install it (Debian: libcurl4-openssl-dev) "
             "and configure again; or download {} by other means and give --data its path, as in cifar10:FILE.tar.gz",
             request.url);
}

}  // namespace drift
