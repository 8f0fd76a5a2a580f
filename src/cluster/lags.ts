//! By how many entries each node is behind. Who leads knows it, and tells the others every second,
//! so that it is known wherever an administrator asks.

import type { Cancel } from '../base/host.ts'
import type { NodeId } from '../control/ids.ts'
import { members } from '../raft/membership.ts'
import type { RaftStatus } from '../raft/raft.ts'
import { isServerId } from '../store/schema/server.ts'
import type { PeerLink } from './peer-link.ts'

const BYTES_MAX = 8_192

type Status = Pick<RaftStatus, 'id' | 'role' | 'leader' | 'last' | 'followers' | 'membership'>

export class Lags {
  readonly #link: Pick<PeerLink, 'send' | 'peers' | 'arrived'>
  /** As each node that led has told them last. */
  #told: { readonly by: NodeId; readonly lags: ReadonlyMap<string, number> } | undefined
  readonly #unsubscribe: Cancel

  constructor(link: Pick<PeerLink, 'send' | 'peers' | 'arrived'>) {
    this.#link = link
    this.#unsubscribe = link.arrived(({ from, channel, data }) => {
      if (channel === 'lags') this.#told = { by: from, lags: decoded(data) }
    })
  }

  /** Entries; undefined where it is not known. */
  of(node: NodeId, { role, leader, last, followers }: Status): number | undefined {
    if (node === leader) return 0
    if (role !== 'leader') return this.#told?.by === leader ? this.#told?.lags.get(node) : undefined
    const match = followers.find(({ id }) => id === node)?.match
    return match === undefined ? undefined : last - match
  }

  /** Once a second. */
  tick(status: Status): void {
    if (status.role !== 'leader') return
    const lags = members(status.membership).map((id) => `${id} ${this.of(id, status) ?? '?'}`)
    const data = Buffer.from(lags.join('\n'))
    for (const peer of this.#link.peers) if (!isServerId(peer)) this.#link.send(peer, 'lags', data)
  }

  stop(): void {
    this.#unsubscribe()
  }
}

function decoded(data: Uint8Array): ReadonlyMap<string, number> {
  const text = Buffer.from(data.subarray(0, BYTES_MAX)).toString('latin1')
  const found = text.matchAll(/^(\S{1,63}) (\d{1,15})$/gm)
  return new Map([...found].map(([, id = '', lag]) => [id, Number(lag)]))
}
