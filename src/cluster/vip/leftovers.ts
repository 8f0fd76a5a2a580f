//! What the kernel here has left of connections to the virtual addresses. Processes close theirs
//! when they serve no more, or die, and nobody is told while the gate is shut: for minutes it goes
//! on trying. If the address comes back meanwhile, a client that has since connected elsewhere from
//! the same port is answered as if that were this one, and is never told that it is gone.

import { execFile } from 'node:child_process'
import { isIPv6 } from 'node:net'
import type { Log } from '../../base/host.ts'
import type { VirtualAddress } from '../settings.ts'

/** Those in which no process has it any more. */
const STATES = ['fin-wait-1', 'fin-wait-2', 'closing', 'last-ack', 'time-wait']
const PATIENCE_MS = 5_000

/** Lets go of it. Where it cannot, that is in the log: the clients find out late. */
export function dropLeftovers(addresses: readonly VirtualAddress[], log: Log): void {
  const states = STATES.flatMap((state) => ['state', state])
  const ours = addresses.map(({ address }) => (isIPv6(address) ? `[${address}]` : address))
  const of = ours.flatMap((address) => ['or', 'src', address]).slice(1)
  const asked = ['--kill', '--no-header', '--tcp', '--numeric', ...states, ...of]
  execFile('ss', asked, { timeout: PATIENCE_MS, maxBuffer: Infinity }, (error) => {
    if (error === null) return
    const effect = 'a client that connects from a port it had before may notice late'
    log('warn', 'vip.leftovers-kept', { why: error.message, effect })
  })
}
