//! The processes of the relay measurement: phones that talk and listen, and the subjects between
//! them. Driven by messages of the parent; ends with its channel.

import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { Sdp } from '../../../src/control/media-control.ts'
import { findInstallation } from '../../../src/config/installation.ts'
import { loadNative } from '../../../src/native/load.ts'
import type { UdpPeer, UdpSocket } from '../../../src/native/udp.ts'
import { udpHub } from '../../../src/native/udp-hub.ts'
import { writeHeader } from '../../../src/rtp/packet.ts'
import { newCall, openMedia, unwrap } from '../../media/media-world.ts'

export type ToPart =
  | { readonly kind: 'open'; readonly calls: number }
  | { readonly kind: 'join'; readonly ports: readonly number[] }
  | { readonly kind: 'talk'; readonly ports: readonly number[] }
  | { readonly kind: 'hush' }
  | { readonly kind: 'count' }
/** `ports`: two a call, in order. */
export type FromPart = {
  readonly ports: readonly number[]
  readonly sent: number
  readonly received: number
  readonly cpuMs: number
}

type Subject = (ports: readonly number[]) => Promise<readonly number[]>

const ADDRESS = '127.0.0.1'
const FRAME_MS = 20
const BURST_MAX = 400

const [, , kind = ''] = process.argv
if (kind === 'phones') await phones()
else subject(kind === 'dgram-forward' ? dgramForward : mediaOver(kind === 'media-batched'))

function subject(join: Subject): void {
  process.on('message', (question: ToPart) => {
    const ports = question.kind === 'join' ? join(question.ports) : Promise.resolve([])
    void ports.then((each) => answer({ ports: each }))
  })
  process.on('disconnect', () => process.exit(0))
}

function answer(part: Partial<FromPart>): void {
  const { user, system } = process.cpuUsage()
  const cpuMs = (user + system) / 1000
  process.send?.({ ports: [], sent: 0, received: 0, cpuMs, ...part } satisfies FromPart)
}

async function dgramForward(ports: readonly number[]): Promise<readonly number[]> {
  const lookup = (host: string, _: unknown, done: (e: null, a: string, f: number) => void): void =>
    done(null, host, 4)
  const sockets = ports.map(() => createSocket({ type: 'udp4', lookup }))
  const ready = sockets.map((socket) => once(socket, 'listening'))
  for (const socket of sockets) socket.bind(0, ADDRESS)
  await Promise.all(ready)
  sockets.forEach((socket, index) => {
    const other = index % 2 === 0 ? index + 1 : index - 1
    socket.on('message', (bytes) => sockets[other]?.send(bytes, ports[other] ?? 0, ADDRESS))
  })
  return sockets.map((socket) => socket.address().port)
}

function mediaOver(native: boolean): Subject {
  return async (ports) => {
    const { control } = await openMedia({ native, ports: { first: 35_000, last: 65_000 } })
    const told: number[] = []
    for (let index = 0; index < ports.length; index += 2) {
      const { call, a, b } = newCall()
      const offer = sdp(ports[index])
      const toB = unwrap(
        await control.relayOffer({ call, from: a, to: b, sdp: offer, restated: false }),
      )
      const back = { call, from: b, to: a, sdp: sdp(ports[index + 1]) }
      const toA = unwrap(await control.relayAnswer(back))
      told.push(portIn(toA), portIn(toB))
    }
    return told
  }
}

function sdp(port = 0): Sdp {
  const head = `v=0\r\no=- 1 1 IN IP4 ${ADDRESS}\r\ns=-\r\nc=IN IP4 ${ADDRESS}\r\nt=0 0\r\n`
  return `${head}m=audio ${port} RTP/AVP 0\r\n` as Sdp
}

function portIn(told: string): number {
  return Number(/^m=audio (\d+)/m.exec(told)?.[1] ?? 0)
}

/** Everyone sends a PCMU packet every 20 ms, spread over the 20 ms. */
async function phones(): Promise<void> {
  const { native } = await findInstallation()
  const loaded = loadNative(native.ok ? native.value : undefined)
  const hub = udpHub<undefined>(loaded, 'phones', () => undefined, {
    onBatch: () => undefined,
    onFailure: () => undefined,
    datagramMax: 1500,
  })
  const sockets: UdpSocket[] = []
  let talking = true
  process.on('message', (question: ToPart) => {
    if (question.kind === 'open') void open(question.calls)
    else if (question.kind === 'talk') talk(question.ports)
    else if (question.kind === 'hush') {
      talking = false
      answer({})
    } else {
      const { sent, received } = hub.counters()
      answer({ sent, received })
    }
  })
  process.on('disconnect', () => process.exit(0))

  async function open(calls: number): Promise<void> {
    for (let count = 0; count < 2 * calls; count++)
      sockets.push(unwrap(await hub.open({ address: ADDRESS, port: 0, bufferBytes: 1 << 16 })))
    answer({ ports: sockets.map(({ port }) => port) })
  }

  function talk(ports: readonly number[]): void {
    const peers = sockets.map((socket, index) => hub.peer(socket, ADDRESS, ports[index] ?? 0))
    const packet = new Uint8Array(172)
    let start = performance.now()
    let sent = 0
    const tick = (): void => {
      const late = Math.floor(((performance.now() - start) / FRAME_MS) * peers.length)
      // A phone that was held up does not make good: a burst would only fill the kernel's queues.
      const due = Math.min(late, sent + BURST_MAX)
      start += ((late - due) * FRAME_MS) / peers.length
      for (; sent < due; sent++) send(peers[sent % peers.length], packet, sent, peers.length)
      hub.flush()
      if (talking) setTimeout(tick, 1)
    }
    tick()
    answer({})
  }

  function send(
    peer: UdpPeer<undefined> | undefined,
    packet: Uint8Array,
    sent: number,
    count: number,
  ): void {
    const sequence = Math.floor(sent / count) & 0xffff
    const ssrc = 1 + (sent % count)
    const timestamp = sequence * 160
    writeHeader(packet, 0, { payloadType: 0, marker: false, sequence, timestamp, ssrc })
    if (peer !== undefined) hub.send(peer, packet)
  }
}
