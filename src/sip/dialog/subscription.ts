//! What notifier and subscriber share of RFC 6665: states, reasons, and which answers end the
//! subscription. The machines: `notifier.ts`, `subscriber.ts`.

/** §4.1.3. `deactivated`: subscribe again at once; `rejected`, `noresource`, `invariant`: never. */
export type EndReason =
  | 'deactivated'
  | 'probation'
  | 'rejected'
  | 'timeout'
  | 'giveup'
  | 'noresource'
  | 'invariant'

/** §4.2.2, RFC 5057 §5.1: these end the subscription or its dialog, others only the request. */
const ENDING: ReadonlySet<number> = new Set([
  404, 405, 408, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604,
])

export function endsSubscription(status: number): boolean {
  return ENDING.has(status)
}
