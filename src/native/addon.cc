//! The one native add-on: everything it speeds up has a fallback in TypeScript. N-API only, so a
//! binary outlives Node's updates; `abi` tells an out-of-date binary from a current one.

#include <node_api.h>

namespace pbx {
void ExportAnnounce(napi_env env, napi_value exports);
void ExportClaims(napi_env env, napi_value exports);
void ExportPriority(napi_env env, napi_value exports);
void ExportTickle(napi_env env, napi_value exports);
void ExportUdp(napi_env env, napi_value exports);
}

NAPI_MODULE_INIT() {
  napi_value abi;
  napi_create_uint32(env, 5, &abi);
  napi_set_named_property(env, exports, "abi", abi);
  pbx::ExportAnnounce(env, exports);
  pbx::ExportClaims(env, exports);
  pbx::ExportPriority(env, exports);
  pbx::ExportTickle(env, exports);
  pbx::ExportUdp(env, exports);
  return exports;
}
