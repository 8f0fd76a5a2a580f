//! RFC 3261 Table 4, as the user agent core needs it. The transaction room has its own copy: a
//! dialog knows nothing of transactions.

import { millis, type Millis } from '../../base/time.ts'

export const T1: Millis = millis(500)
export const T2: Millis = millis(4_000)

/** 64*T1: how long a 2xx or a reliable provisional response is repeated before giving up. */
export const HOPE: Millis = millis(64 * T1)
