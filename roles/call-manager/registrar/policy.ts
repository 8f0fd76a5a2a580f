//! The registrar's limits.

import { seconds, type Millis } from '../../../src/base/time.ts'

export type RegistrarPolicy = {
  /** When the device does not say. */
  readonly expiryDefault: Millis
  /** Shorter ones are answered 423 (RFC 3261 §10.3 step 7). */
  readonly expiryMin: Millis
  readonly expiryMax: Millis
  /** For UDP behind a NAT, whose mapping would be gone long before. */
  readonly expiryMaxBehindNat: Millis
  /** One more pushes out the one that was heard of least recently. */
  readonly contactsMax: number
  /** REGISTERs of one AOR that wait for an earlier one's commit. */
  readonly queueMax: number
  /** Refreshes of this long go to the store in one command. */
  readonly refreshInterval: Millis
}

export const DEFAULT_POLICY: RegistrarPolicy = {
  expiryDefault: seconds(600),
  expiryMin: seconds(30),
  expiryMax: seconds(7200),
  expiryMaxBehindNat: seconds(120),
  contactsMax: 10,
  queueMax: 8,
  refreshInterval: seconds(1),
}
