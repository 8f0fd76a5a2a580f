//! Takes the add-on when there is one, else plain Node; the log tells which and why.

import type { Log } from '../base/host.ts'
import type { Result } from '../base/result.ts'
import type { Native } from './load.ts'
import type { UdpHub, UdpHubOptions } from './udp.ts'
import { batchedHub } from './udp-batched.ts'
import { dgramHub } from './udp-dgram.ts'

/** `purpose` names the hub in the log: `sip`, `rtp`. */
export function udpHub<Context>(
  native: Result<Native, string>,
  purpose: string,
  log: Log,
  options: UdpHubOptions<Context>,
): UdpHub<Context> {
  if (native.ok) {
    log('info', 'udp.batched', { purpose })
    return batchedHub(native.value, options)
  }
  log('warn', 'udp.unbatched', { purpose, reason: native.error, effect: 'about half the rate' })
  return dgramHub(options)
}
