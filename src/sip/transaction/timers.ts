//! Durations of RFC 3261 Table 4 and RFC 6026.

import { millis, type Millis } from '../../base/time.ts'

/** Round-trip time estimate. */
export const T1: Millis = millis(500)
/** The longest pause between retransmissions, except of an INVITE. */
export const T2: Millis = millis(4_000)
/** The longest time a message stays in the network. Timers I and K, unreliable transport. */
export const T4: Millis = millis(5_000)

/** Timers B, F, H, J, L and M: how long one side keeps hoping. */
export const HOPE: Millis = millis(64 * T1)

/** Timer D, unreliable transport: how long to keep absorbing 3xx-6xx retransmissions. */
export const TIMER_D: Millis = millis(32_000)

/** §17.2.1: an INVITE that has no answer by then gets its 100. */
export const INVITE_TRYING: Millis = millis(200)

/** RFC 4320 §4.1: when the other side's Timer E reaches T2, a non-INVITE request gets its 100. */
export const NON_INVITE_TRYING: Millis = millis(7 * T1)
