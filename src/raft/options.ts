//! What one node of a group needs to know. Times are counted in ticks.

import { assert } from '../base/assert.ts'
import type { Random } from '../base/random.ts'
import type { NodeId } from './entry.ts'
import type { LogStorage } from './log-storage.ts'

export type RaftOptions = {
  readonly id: NodeId
  readonly storage: LogStorage
  /** Draws the election timeouts. */
  readonly random: Random
  readonly heartbeatTicks: number
  /** Nobody votes against a leader heard of more recently; a leader unheard for so long resigns. */
  readonly electionMinTicks: number
  /** Timeouts are drawn below this. */
  readonly electionMaxTicks: number
  /** Of the entries of one message, one `Ready`. */
  readonly bytesPerMessage: number
  /** Messages with entries that a follower has not answered. */
  readonly inflightMax: number
  /** A follower that has not answered for so long is sent no more of a snapshot until it does. */
  readonly silentTicks: number
  /** The same when it has been sent all: it may be taking it over, which is one transaction. */
  readonly takeOverTicks: number
  /** Entries of the leader's own that are not committed; beyond it proposals are refused. */
  readonly uncommittedMax: number
}

export function assertSound(options: RaftOptions): void {
  const { heartbeatTicks, electionMinTicks, electionMaxTicks, inflightMax } = options
  assert(heartbeatTicks > 0, 'a heartbeat takes at least a tick')
  assert(electionMinTicks > 2 * heartbeatTicks, 'two heartbeats in a row may be lost')
  assert(electionMaxTicks > electionMinTicks, 'election timeouts must differ')
  assert(inflightMax > 0, 'something must be on its way')
}
