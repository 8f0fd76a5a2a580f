//! The whole engine over a simulated network and clock, driven by golden scripts: requests in, SDP
//! out; datagrams in, datagrams and events out.

import type { CallId } from '../../src/control/ids.ts'
import type { MediaEvent, MediaId, MediaSource, Sdp } from '../../src/control/media-control.ts'
import { MediaEngine } from '../../src/media/engine.ts'
import type { Addresses, Interface } from '../../src/media/faces.ts'
import type { Answer, MediaRequest } from '../../src/media/protocol.ts'
import { Sounds } from '../../src/media/sounds.ts'
import { G722, PCMA, PCMU } from '../../src/media/voices.ts'
import { writeHeader } from '../../src/rtp/packet.ts'
import { buildRtcp } from '../../src/rtp/rtcp.ts'
import { millis } from '../../src/base/time.ts'
import type { Command } from '../harness/datadriven.ts'
import { World } from '../harness/world.ts'
import { SimHub } from './sim-hub.ts'

const INTERFACES: readonly Interface[] = [
  { address: '127.0.0.1', family: 'IP4', internal: true, prefix: 8 },
  { address: '10.0.0.5', family: 'IP4', internal: false, prefix: 24 },
  { address: '2001:db8::5', family: 'IP6', internal: false, prefix: 64 },
]
const PROMPT = { rate: 8000, samples: new Int16Array(160 * 3) } as const

export class ScriptWorld {
  readonly world = new World(1)
  readonly events: MediaEvent[] = []
  readonly engine: MediaEngine
  hub: SimHub | undefined
  /** What our ports are called: `a`, `a.1` for its second line, `a.rtcp`. */
  readonly #names = new Map<string, number>()
  #seen = 0
  #sequence = 0

  constructor(addresses: Addresses = { bind: '10.0.0.5', publicAddress: undefined }) {
    const sounds = new Sounds([PCMU, PCMA, G722], new Map([['en/sorry', PROMPT]]))
    const ports = { first: 20_000, last: 20_199 }
    const options = { addresses, ports, silenceLimit: 30_000, socketsMax: 1000 }
    this.engine = new MediaEngine(options, sounds, {
      ...this.world.host('media'),
      openHub: (handlers) => (this.hub = new SimHub(handlers)),
      interfaces: () => INTERFACES,
      emit: (event) => this.events.push(event),
    })
  }

  /** Requests are answered at once: with simulated sockets nothing waits. */
  ask(request: MediaRequest): Answer {
    let answer: Answer = undefined
    this.engine.handle(request, (value) => (answer = value))
    return answer
  }

  run(command: Command): string {
    const before = this.#seen
    const said = this.#carryOut(command)
    return [said, ...this.#news(before)].filter((line) => line !== '').join('\n')
  }

  #carryOut(command: Command): string {
    const sdp = command.body.map((line) => `${line}\r\n`).join('') as Sdp
    const media = id(command.arg('media'))
    const toward = command.arg('toward')
    const relay = {
      call: 'call' as CallId,
      from: id(command.arg('from')),
      to: id(command.arg('to')),
      sdp,
      ...(toward === undefined ? {} : { toward }),
    }
    const restated = command.words.includes('restated')
    const { call } = relay
    switch (command.name) {
      case 'relay-offer':
        return this.#told(relay.to, { method: 'relayOffer', request: { ...relay, restated } })
      case 'relay-answer':
        return this.#told(relay.to, { method: 'relayAnswer', request: relay })
      case 'withdraw':
        return this.#told(relay.to, { method: 'withdrawOffer', request: relay })
      case 'connect': {
        const [a, b] = [id(command.arg('a')), id(command.arg('b'))]
        return this.#told(a, { method: 'connect', request: { call, a, b } })
      }
      case 'answer-here': {
        const source = sourceOf(command)
        const request = { call, media, offer: sdp, source }
        const facing = toward === undefined ? request : { ...request, toward }
        return this.#told(media, { method: 'answerHere', request: facing })
      }
      case 'feed':
        return this.#told(media, { method: 'feed', media, source: sourceOf(command) })
      case 'release':
        return JSON.stringify(this.ask({ method: 'release', media: command.words.map(id) }))
      case 'status':
        return JSON.stringify(this.ask({ method: 'status' }))
      case 'drain':
        return this.#told(media, { method: 'drain' })
      case 'rtp':
        return this.#rtp(command)
      case 'rtcp':
        return this.#rtcp(command)
      case 'advance':
        this.world.pass(millis(Number(command.words[0])))
        return ''
      default:
        return `no such command: ${command.name}`
    }
  }

  #told(leg: MediaId, request: MediaRequest): string {
    const text = told(this.ask(request))
    const lines = text.split('\n').filter((line) => line.startsWith('m='))
    lines.forEach((line, index) => {
      const port = Number(line.split(' ')[1])
      const name = index === 0 ? leg : `${leg}.${index}`
      if (port !== 0) this.#names.set(name, port).set(`${name}.rtcp`, port + 1)
    })
    return text
  }

  #portOf(command: Command): number {
    const to = command.arg('to') ?? ''
    return this.#names.get(to) ?? Number(to)
  }

  #nameOf(port: number): string {
    for (const [name, each] of this.#names) if (each === port) return name
    return String(port)
  }

  /**
   * rtp to=LEG[.LINE] from=ADDRESS:PORT, and pt, ssrc, seq, ts, count, every (ms), event,
   * raw (hex)
   */
  #rtp(command: Command): string {
    const number = (key: string, other: number): number => Number(command.arg(key) ?? other)
    const [address, port] = endpoint(command.arg('from'))
    for (let count = number('count', 1); count > 0; count--) {
      const sequence = number('seq', ++this.#sequence)
      const event = command.arg('event')
      const payload = event === undefined ? [1, 2, 3, 4] : [Number(event), 0x8a, 0, 160]
      const bytes = Buffer.alloc(12 + payload.length)
      const timestamp = number('ts', sequence * 160)
      const header = { payloadType: number('pt', 0), marker: false, sequence, timestamp }
      writeHeader(bytes, 0, { ...header, ssrc: number('ssrc', 7) })
      bytes.set(payload, 12)
      const raw = command.arg('raw')
      const datagram = raw === undefined ? bytes : Buffer.from(raw, 'hex')
      this.hub?.deliver(this.#portOf(command), address, port, datagram)
      if (count > 1) this.world.pass(millis(number('every', 0)))
    }
    return ''
  }

  #rtcp(command: Command): string {
    const [address, port] = endpoint(command.arg('from'))
    const lost = command.arg('lost')
    const block = { ssrc: 1, fractionLost: 0, lost: Number(lost), highest: 1, jitter: 16 }
    const reported = lost === undefined ? undefined : block
    const report = { ssrc: 7, name: 'x', sender: undefined, block: reported, bye: false }
    this.hub?.deliver(this.#portOf(command), address, port, buildRtcp(report))
    return ''
  }

  /** What was sent and told since: alike datagrams in a row are one line. */
  #news(before: number): readonly string[] {
    const sent = (this.hub?.sent ?? []).slice(before)
    this.#seen = before + sent.length
    const lines: string[] = []
    for (const each of sent) {
      const from = this.#nameOf(each.fromPort)
      const line = `${from} -> ${each.address}:${each.port} ${described(each.bytes)}`
      const last = lines.at(-1)
      if (last?.replace(/ x\d+$/, '') !== line) lines.push(line)
      else lines[lines.length - 1] = `${line} x${Number(/ x(\d+)$/.exec(last)?.[1] ?? 1) + 1}`
    }
    const events = this.events.splice(0).map((event) => JSON.stringify(event))
    return [...lines, ...events]
  }
}

function described(bytes: Buffer): string {
  const type = bytes[1] ?? 0
  if (type >= 192 && type <= 223) return `rtcp ${type}`
  if ((bytes[0] ?? 0) >> 6 !== 2) return `other ${bytes.length}`
  return `rtp pt=${type & 0x7f} ssrc=${bytes.readUInt32BE(8)}`
}

function told(answer: Answer): string {
  if (answer === undefined) return 'done'
  if (typeof answer === 'boolean' || !('ok' in answer)) return JSON.stringify(answer)
  if (!answer.ok) return `refused: ${JSON.stringify(answer.error)}`
  return answer.value === undefined ? 'done' : answer.value.replaceAll('\r\n', '\n').trimEnd()
}

function sourceOf(command: Command): MediaSource | undefined {
  const [kind, value = ''] = (command.arg('source') ?? '').split(':')
  if (kind === 'echo') return { kind }
  if (kind === 'tone') return { kind, frequencies: [Number(value)], level: -12, cadence: [] }
  if (kind === 'prompt') return { kind, name: value, repeat: command.words.includes('repeat') }
  return undefined
}

function endpoint(text = ''): readonly [address: string, port: number] {
  const colon = text.lastIndexOf(':')
  return [text.slice(0, colon), Number(text.slice(colon + 1))]
}

function id(text = ''): MediaId {
  return text as MediaId
}
