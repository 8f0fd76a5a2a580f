//! All the strange agents on UDP, each behind a loopback address of its own, so that one ban does
//! not silence them all. No more is under way than the product takes in at once: after every few
//! messages a ping has to come back.

import { assert } from '../../src/base/assert.ts'
import type { Random } from '../../src/base/random.ts'
import { buildNative } from '../../src/native/build.ts'
import { loadNative } from '../../src/native/load.ts'
import { batchedHub } from '../../src/native/udp-batched.ts'
import { dgramHub } from '../../src/native/udp-dgram.ts'
import type { UdpBatch, UdpHub, UdpPeer } from '../../src/native/udp.ts'
import { Digest } from '../bench/load/text.ts'
import { CORPUS, mutant, mutate } from '../sip/message/fuzz.ts'
import { FuzzAgent } from './fuzz-agent.ts'
import { pick } from './fuzz-text.ts'
import { Window } from './fuzz-window.ts'

export type CrowdOptions = {
  readonly server: { readonly address: string; readonly port: number }
  readonly domain: string
  readonly random: Random
  /** Agent i is user `u{firstUser + i}`. */
  readonly agents: number
  readonly firstUser: number
}

type Mouth = { readonly peer: UdpPeer<Mouth>; agent: FuzzAgent | undefined }

const BATCH = 48
const CALLS_PER_SECOND = 60
/** Of the datagrams a thousand are noise, a third of it the corpus as it is. */
const NOISE = 60
const CORPUS_SHARE = 150

export class FuzzCrowd {
  readonly #options: CrowdOptions
  readonly #hub: UdpHub<Mouth>
  readonly #mouths: Mouth[] = []
  readonly #window: Window
  #sent = 0
  #callBudget = CALLS_PER_SECOND
  readonly #budget: NodeJS.Timeout

  static async open(options: CrowdOptions): Promise<FuzzCrowd> {
    const built = await buildNative()
    const native = loadNative(built.ok ? built.value : undefined)
    const taking = { onBatch: hear, onFailure: () => {} }
    const hub = native.ok ? batchedHub<Mouth>(native.value, taking) : dgramHub<Mouth>(taking)
    const window = await Window.open(options.server, options.domain)
    const crowd = new FuzzCrowd(options, hub, window)
    for (let index = 0; index < options.agents; index++) await crowd.#add(index)
    return crowd
  }

  private constructor(options: CrowdOptions, hub: UdpHub<Mouth>, window: Window) {
    this.#options = options
    this.#hub = hub
    this.#window = window
    this.#budget = setInterval(() => void (this.#callBudget = CALLS_PER_SECOND), 1_000)
  }

  /** Datagrams sent, pings not among them. */
  get sent(): number {
    return this.#sent
  }
  get lostPings(): number {
    return this.#window.lost
  }
  get pings(): number {
    return this.#window.sent
  }

  /** Resolves when so many datagrams have been sent in all, or `until` says so. */
  async run(count: number, until: () => boolean): Promise<void> {
    while (this.#sent < count && !until()) {
      for (let index = 0; index < BATCH; index++) this.#sendOne()
      this.#hub.flush()
      await this.#window.pass()
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#budget)
    this.#window.close()
    await this.#hub.close()
  }

  async #add(index: number): Promise<void> {
    const { server, domain, random, firstUser } = this.#options
    const address = `127.0.${index < 240 ? 0 : 1}.${2 + (index % 240)}`
    const socket = await this.#hub.open({ address, port: 0, bufferBytes: 1 << 18 })
    assert(socket.ok, `no socket on ${address}`)
    const peer = this.#hub.peer(socket.value, server.address, server.port)
    assert(peer !== undefined, `${server.address} is no address`)
    const mouth: Mouth = { peer, agent: undefined }
    peer.context = mouth
    mouth.agent = new FuzzAgent({
      sender: { address, port: socket.value.port, user: firstUser + index, domain },
      random,
      digest: new Digest(domain, (user) => `pw-${user}`),
      send: (bytes) => this.#send(mouth, bytes),
      later: (milliseconds, run) => void setTimeout(run, milliseconds).unref(),
      mayCall: () => this.#callBudget-- > 0,
      mutate: (bytes) => mutate(random, bytes),
    })
    this.#mouths.push(mouth)
  }

  #sendOne(): void {
    const { random } = this.#options
    const mouth = pick(random, this.#mouths)
    if (mouth === undefined) return
    const draw = random.below(1_000)
    if (draw < NOISE) this.#send(mouth, noise(random))
    else if (draw < NOISE + CORPUS_SHARE)
      this.#send(mouth, draw % 3 === 0 ? (pick(random, CORPUS) ?? noise(random)) : mutant(random))
    else mouth.agent?.speak()
  }

  #send({ peer }: Mouth, bytes: Uint8Array): void {
    if (bytes.length > 60_000) return
    this.#sent++
    this.#hub.send(peer, bytes)
  }
}

function hear(batch: UdpBatch<Mouth>): void {
  for (let index = 0; index < batch.count; index++) {
    const mouth = batch.from(index).context
    const text = batch.slab(index).toString('latin1', batch.start(index), batch.end(index))
    mouth?.agent?.onText(text)
  }
}

export function noise(random: Random): Uint8Array {
  const bytes = Buffer.alloc(random.below(random.chance(1, 50) ? 4_000 : 120))
  for (let index = 0; index < bytes.length; index++) bytes[index] = random.below(256)
  return bytes
}
