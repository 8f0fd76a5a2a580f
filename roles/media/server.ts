//! A media server's side of its talk with the call managers: it does what the newest leader says,
//! and goes on with the sound while there is none.

import type { Cancel, Host } from '../../src/base/host.ts'
import { after, seconds } from '../../src/base/time.ts'
import type { NodeId } from '../../src/control/ids.ts'
import type { MediaCarrier } from '../../src/media/by-requests.ts'
import type { MediaStatus } from '../../src/media/protocol.ts'
import { decodeToServer } from './decode.ts'
import { encode, type FromServer, type NodeAddress, type ToServer } from './messages.ts'

const STATUS_EVERY = seconds(1)
/** A worker that could not be reached. */
const ASK_AGAIN_AFTER = seconds(1)

type Leader = { readonly id: NodeId; readonly term: number }

export type MediaServerOptions = {
  readonly host: Host
  readonly media: MediaCarrier
  readonly status: () => MediaStatus | undefined
  readonly send: (to: NodeId, data: Uint8Array) => void
  /** The leader has told of all call managers there are. */
  readonly onNodes: (nodes: readonly NodeAddress[]) => void
}

export class MediaServer {
  readonly #options: MediaServerOptions
  readonly #unsubscribe: Cancel
  #leader: Leader | undefined
  #unwake: Cancel = () => {}

  constructor(options: MediaServerOptions) {
    this.#options = options
    this.#unsubscribe = options.media.events((event) => this.#tell({ kind: 'event', event }))
    this.#report()
  }

  /** Undefined while none has been heard of. */
  get leader(): NodeId | undefined {
    return this.#leader?.id
  }

  stop(): void {
    this.#unsubscribe()
    this.#unwake()
    this.#leader = undefined
  }

  take(from: NodeId, data: Uint8Array): void {
    const { host } = this.#options
    const message = decodeToServer(data)
    if (message === undefined) return host.log('warn', 'media.message-unreadable', { from })
    const { id, term } = this.#leader ?? { id: from, term: 0 }
    // A node that was frozen and wakes up goes on commanding, for a moment: it is not obeyed.
    // A term has one leader.
    if (message.term < term || (message.term === term && from !== id))
      return host.log('warn', 'media.leader-outdated', { from, term: message.term })
    if (message.kind === 'lead') return this.#follow(from, message)
    if (from === this.#leader?.id) return void this.#carryOut(from, message)
    host.log('warn', 'media.not-led-by', { from, term: message.term })
  }

  #follow(id: NodeId, { term, nodes }: ToServer & { kind: 'lead' }): void {
    const { host, onNodes } = this.#options
    if (this.#leader?.id !== id || this.#leader.term !== term)
      host.log('info', 'media.led-by', { node: id, term })
    const leader = { id, term }
    this.#leader = leader
    onNodes(nodes)
    void this.#tellHere(leader)
  }

  /** Once its worker says what lives, and not before: what is left out is given up. */
  async #tellHere(leader: Leader): Promise<void> {
    const { host, media, status } = this.#options
    const sessions = await media.ask({ method: 'sessions' })
    if (this.#leader !== leader) return
    const { id, term } = leader
    if (sessions !== 'unreachable')
      return this.#say(id, { kind: 'here', term, sessions, status: status() })
    host.wake(after(host.now(), ASK_AGAIN_AFTER), () => {
      if (this.#leader === leader) void this.#tellHere(leader)
    })
  }

  async #carryOut(from: NodeId, { id, request }: ToServer & { kind: 'ask' }): Promise<void> {
    const answer = await this.#options.media.ask(request)
    this.#say(from, { kind: 'answer', id, answer })
  }

  #report(): void {
    const { host, status } = this.#options
    this.#tell({ kind: 'status', status: status() })
    this.#unwake = host.wake(after(host.now(), STATUS_EVERY), () => this.#report())
  }

  #tell(message: FromServer): void {
    if (this.#leader !== undefined) this.#say(this.#leader.id, message)
  }

  #say(to: NodeId, message: FromServer): void {
    this.#options.send(to, encode(message))
  }
}
