//! The 2xx to an INVITE is the UAS core's to repeat until its ACK comes (RFC 3261 §13.3.1.4): at
//! T1, doubling up to T2, for 64*T1; then the dialog is confirmed all the same, and ended by BYE.
//! One value per INVITE answered, over every transport: a hop further on may be UDP.
//!
//!   start (the 2xx was sent) --wake--> repeat --ACK--> done (the value is dropped)
//!                                        |64*T1
//!                                        +--> gave up

import { after, millis, type Millis } from '../../base/time.ts'
import { HOPE, T1, T2 } from './timers.ts'

export type Ack2xx = {
  /** CSeq number of the INVITE; its ACK carries the same. */
  readonly inviteCseq: number
  readonly interval: Millis
  /** The next repetition, or the end when that comes first. */
  readonly at: Millis
  readonly giveUpAt: Millis
}

export type Ack2xxStep =
  /** Send the 2xx again and keep `next`. */
  | { readonly kind: 'repeat'; readonly next: Ack2xx }
  /** No ACK came: send BYE, drop the value. */
  | { readonly kind: 'gave-up' }
  | { readonly kind: 'early'; readonly next: Ack2xx }

/** Right after the 2xx went out, to wait so long for its ACK. Its deadline is `at`. */
export function awaitAck(inviteCseq: number, now: Millis, patience = HOPE): Ack2xx {
  const giveUpAt = after(now, patience)
  return { inviteCseq, interval: T1, at: after(now, T1), giveUpAt }
}

/** True when this ACK ends the waiting: drop the value. Any other ACK is of an older INVITE. */
export function isAckFor(waiting: Ack2xx, ackCseq: number): boolean {
  return waiting.inviteCseq === ackCseq
}

/** At or after `at`. */
export function wakeAck2xx(waiting: Ack2xx, now: Millis): Ack2xxStep {
  if (now < waiting.at) return { kind: 'early', next: waiting }
  if (now >= waiting.giveUpAt) return { kind: 'gave-up' }
  const interval = millis(Math.min(waiting.interval * 2, T2))
  const at = millis(Math.min(now + interval, waiting.giveUpAt))
  return { kind: 'repeat', next: { ...waiting, interval, at } }
}
