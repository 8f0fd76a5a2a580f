//! The servers of other roles that are connected to this node, as the main thread sees them.

import type { MessagePort } from 'node:worker_threads'
import type { Subscribe } from '../base/host.ts'
import type { NodeId } from '../control/ids.ts'
import { framesOf } from './intake.ts'
import type { FromMember, ToMember } from './protocol.ts'

export type ServerFrame = { readonly from: NodeId; readonly data: Uint8Array }
export type ServerChanged = { readonly peer: NodeId; readonly isUp: boolean }

export class ConnectedServers {
  readonly #port: MessagePort
  readonly #connected = new Set<NodeId>()
  readonly #arrived = new Set<(frame: ServerFrame) => void>()
  readonly #changed = new Set<(change: ServerChanged) => void>()

  constructor(port: MessagePort) {
    this.#port = port
    port.on('message', (message: FromMember) => this.#onMessage(message))
  }

  connected(): readonly NodeId[] {
    return [...this.#connected]
  }

  /** Left out when there is no connection to it. */
  send(to: NodeId, data: Uint8Array): void {
    this.#port.postMessage({ kind: 'to-server', to, data } satisfies ToMember)
  }

  readonly arrived: Subscribe<ServerFrame> = (listener) => {
    this.#arrived.add(listener)
    return () => this.#arrived.delete(listener)
  }

  readonly changed: Subscribe<ServerChanged> = (listener) => {
    this.#changed.add(listener)
    return () => this.#changed.delete(listener)
  }

  #onMessage(message: FromMember): void {
    if (message.kind === 'from-server') {
      const { from } = message
      for (const data of framesOf(message))
        for (const listener of this.#arrived) listener({ from, data })
      this.#port.postMessage({ kind: 'server-heard', from } satisfies ToMember)
    } else if (message.kind === 'server-link') {
      if (message.isUp) this.#connected.add(message.peer)
      else this.#connected.delete(message.peer)
      for (const listener of this.#changed) listener(message)
    }
  }
}
