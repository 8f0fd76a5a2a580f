//! Every bound of the connection-oriented transports, with its default. Pure.

import { millis, seconds, type Millis } from '../../base/time.ts'

export type ConnectionLimits = {
  /** All connections together, and all from one address (an office behind one NAT is one). */
  readonly connections: number
  readonly perSource: number
  /** Of one address: connections that have not sent a whole message or ping yet. */
  readonly strangersPerSource: number
  /** How long a connection may stay such a stranger, TLS handshake included. */
  readonly introduction: Millis
  /** How long an unfinished message may stay unfinished. */
  readonly message: Millis
  /** Bytes of unfinished messages: on all connections together, and on those of one address. */
  readonly partBytes: number
  readonly partBytesPerSource: number
  readonly connect: Millis
  /** The same for a request that goes by TCP because of its size only: there is UDP for it. */
  readonly connectForSize: Millis
  /** Nothing came and nothing went for that long: closed. */
  readonly idle: Millis
  /** Bytes not yet taken by the kernel; above, new messages fail. */
  readonly queuedBytes: number
  /** Nothing of the queue was taken for that long: the peer does not read, closed. */
  readonly stalled: Millis
  /** Nothing heard for that long: a ping; none answered for that long again: closed. */
  readonly ping: Millis
  /** Messages in a row that cannot be read, before the connection is closed. */
  readonly garbage: number
}

export const DEFAULT_LIMITS: ConnectionLimits = {
  connections: 60_000,
  perSource: 5_000,
  strangersPerSource: 100,
  introduction: seconds(20),
  message: seconds(30),
  partBytes: 32 << 20,
  partBytesPerSource: 4 << 20,
  connect: millis(4_000),
  connectForSize: millis(1_500),
  idle: seconds(3_600),
  queuedBytes: 1 << 20,
  stalled: seconds(20),
  ping: seconds(30),
  garbage: 10,
}

/** How often connections are looked over for those of the bounds that are times. */
export const SWEEP: Millis = millis(500)

/** How long a connection may take to say goodbye when all is shut down. */
export const FAREWELL: Millis = millis(500)
