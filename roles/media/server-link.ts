//! What a pool needs of the cluster.

import type { Subscribe } from '../../src/base/host.ts'
import type { NodeId } from '../../src/control/ids.ts'
import type { NodeAddress } from './messages.ts'

export type ServerLink = {
  /** Media servers that belong to the system, connected or not. */
  readonly registered: () => readonly NodeId[]
  readonly connected: () => readonly NodeId[]
  /** Of this leader, as long as it leads. */
  readonly term: number
  readonly nodes: () => readonly NodeAddress[]
  readonly send: (to: NodeId, data: Uint8Array) => void
  readonly arrived: Subscribe<{ readonly from: NodeId; readonly data: Uint8Array }>
  readonly changed: Subscribe<{ readonly peer: NodeId; readonly isUp: boolean }>
}
