//! The connections that clients have to the virtual addresses, known to every node: whoever takes
//! over tells those clients that their connection is gone, who would find out in hours. The node
//! that serves tells the others what is opened and closed.
//!
//! Class: recoverable. It is in the memory of all nodes, and in no log: losing it costs time only.

import { isIP } from 'node:net'

export type Flow = {
  /** A virtual address. */
  readonly local: string
  readonly localPort: number
  readonly remote: string
  readonly remotePort: number
}

export type FlowNews = {
  /** What was known before is not so. */
  readonly isWhole: boolean
  readonly opened: readonly Flow[]
  readonly closed: readonly Flow[]
}

/** Beyond it clients have to find out by themselves. */
const FLOWS_MAX = 200_000
/** Of one message: more would keep the receiver from its heartbeats. */
const NEWS_MAX = 2_000

export class FlowTable {
  readonly #flows = new Map<string, Flow>()

  get size(): number {
    return this.#flows.size
  }

  take({ isWhole, opened, closed }: FlowNews): void {
    if (isWhole) this.#flows.clear()
    for (const flow of closed) this.#flows.delete(keyOf(flow))
    for (const flow of opened) if (this.#flows.size < FLOWS_MAX) this.#flows.set(keyOf(flow), flow)
  }

  all(): readonly Flow[] {
    return [...this.#flows.values()]
  }
}

/** As messages that are not too long. */
export function inPieces({ isWhole, opened, closed }: FlowNews): readonly FlowNews[] {
  const pieces: FlowNews[] = []
  const longest = Math.max(opened.length, closed.length)
  for (let at = 0; at === 0 || at < longest; at += NEWS_MAX)
    pieces.push({
      isWhole: isWhole && at === 0,
      opened: opened.slice(at, at + NEWS_MAX),
      closed: closed.slice(at, at + NEWS_MAX),
    })
  return pieces
}

export function encodeNews({ isWhole, opened, closed }: FlowNews): Uint8Array {
  const rows = (flows: readonly Flow[]): readonly unknown[][] =>
    flows.map(({ local, localPort, remote, remotePort }) => [local, localPort, remote, remotePort])
  return Buffer.from(JSON.stringify([isWhole, rows(opened), rows(closed)]))
}

/** Undefined when it cannot be read. */
export function decodeNews(data: Uint8Array): FlowNews | undefined {
  try {
    const [isWhole, opened, closed] = JSON.parse(Buffer.from(data).toString()) as unknown[]
    if (typeof isWhole !== 'boolean' || !Array.isArray(opened) || !Array.isArray(closed))
      return undefined
    return { isWhole, opened: opened.map(flowOf), closed: closed.map(flowOf) }
  } catch {
    return undefined // told by whoever asked
  }
}

function flowOf(row: unknown): Flow {
  const [local, localPort, remote, remotePort] = row as unknown[]
  const isPort = (value: unknown): value is number =>
    Number.isInteger(value) && Number(value) > 0 && Number(value) < 65_536
  const isAddress = (value: unknown): value is string =>
    typeof value === 'string' && isIP(value) !== 0
  if (!isAddress(local) || !isAddress(remote) || !isPort(localPort) || !isPort(remotePort))
    throw new Error('no flow')
  return { local, localPort, remote, remotePort }
}

function keyOf({ local, localPort, remote, remotePort }: Flow): string {
  return `${remote} ${remotePort} ${local} ${localPort}`
}
