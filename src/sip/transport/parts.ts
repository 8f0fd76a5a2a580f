//! Bytes of messages that are not complete yet, over all streams and by source. Each stream has a
//! bound of its own (sip/message/limits.ts), but there may be 60,000 streams. When all together, or
//! those of one source, hold too much, whoever holds most has to go; of equals the oldest. Pure.

import type { ConnectionLimits } from './limits.ts'

type Share<Holder> = { bytes: number; readonly holders: Map<Holder, number> }

export class Parts<Holder> {
  readonly #limits: Pick<ConnectionLimits, 'partBytes' | 'partBytesPerSource'>
  readonly #sources = new Map<string, Share<Holder>>()
  #bytes = 0

  constructor(limits: Pick<ConnectionLimits, 'partBytes' | 'partBytesPerSource'>) {
    this.#limits = limits
  }

  get bytes(): number {
    return this.#bytes
  }

  /** So much it holds now; nothing when it is closed. */
  hold(holder: Holder, address: string, bytes: number): void {
    let share = this.#sources.get(address)
    const before = share?.holders.get(holder) ?? 0
    if (bytes === before) return
    if (share === undefined) this.#sources.set(address, (share = { bytes: 0, holders: new Map() }))
    this.#bytes += bytes - before
    share.bytes += bytes - before
    if (bytes > 0) share.holders.set(holder, bytes)
    else if (share.holders.delete(holder) && share.holders.size === 0) this.#sources.delete(address)
  }

  /** Who has to be closed, so that `address` and all together are within their bounds again. */
  over(address: string): Holder | undefined {
    const share = this.#sources.get(address)
    if (share !== undefined && share.bytes > this.#limits.partBytesPerSource) return largest(share)
    if (this.#bytes <= this.#limits.partBytes) return undefined
    let most: Share<Holder> | undefined
    for (const each of this.#sources.values())
      if (most === undefined || each.bytes > most.bytes) most = each
    return most && largest(most)
  }
}

function largest<Holder>({ holders }: Share<Holder>): Holder | undefined {
  let found: Holder | undefined
  let most = 0
  for (const [holder, bytes] of holders)
    if (bytes > most) {
      most = bytes
      found = holder
    }
  return found
}
