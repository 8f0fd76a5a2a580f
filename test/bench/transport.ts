//! What a datagram costs on one core, the same load from the other core: an echo on plain dgram, on
//! the batched add-on, and the SIP transport on either, which parses and answers each request.
//! Reports packets a second and, less shaken by a busy machine, packets a second of CPU time.

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { performance } from 'node:perf_hooks'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { assert } from '../../src/base/assert.ts'
import { err } from '../../src/base/result.ts'
import { buildNative } from '../../src/native/build.ts'
import { loadNative, type Native } from '../../src/native/load.ts'
import { batchedHub } from '../../src/native/udp-batched.ts'
import { dgramHub } from '../../src/native/udp-dgram.ts'
import type { UdpHub, UdpHubOptions } from '../../src/native/udp.ts'
import { realHost } from '../../src/observe/real-host.ts'
import { reply } from '../../src/sip/message/reply.ts'
import { openTransport } from '../../src/sip/transport/transport.ts'
import type { Row } from './parse.ts'

const SELF = fileURLToPath(import.meta.url)
/** Far ends, and datagrams of each that are on their way at any time. */
const CLIENTS = 64
const WINDOW = 16
const WARM_UP_MS = 1500
const MEASURE_MS = 3000

const REGISTER = `REGISTER sip:pbx.example.com SIP/2.0
Via: SIP/2.0/UDP 192.0.2.45:5060;rport;branch=z9hG4bKPj6b2f6f21a8d74be9a3f1
Max-Forwards: 70
From: <sip:alice@pbx.example.com>;tag=9b8f7a6c5d4e3f21
To: <sip:alice@pbx.example.com>
Call-ID: 7f3c9a1e5b2d4c6e8f0a1b2c3d4e5f60
CSeq: 21044 REGISTER
User-Agent: Deskphone T46 108.86.0.20
Contact: <sip:alice@192.0.2.45:5060;ob>;+sip.instance="<urn:uuid:0c67446e-f1a1-11d9-94d3>"
Expires: 300
Allow: PRACK, INVITE, ACK, BYE, CANCEL, UPDATE, INFO, SUBSCRIBE, NOTIFY, REFER, MESSAGE
Content-Length: 0

`.replaceAll('\n', '\r\n')

const SERVERS = { echo: serveEcho, sip: serveSip } as const
type Server = keyof typeof SERVERS
type Kind = 'batched' | 'dgram'
type Sample = { readonly packets: number; readonly cpuMicros: number }
type Figures = { readonly rate: number; readonly cpu: number }

export async function transportRows(): Promise<Row[]> {
  const built = await buildNative()
  assert(built.ok, built.ok ? '' : built.error)
  const rows: Row[] = []
  for (const server of ['echo', 'sip'] as const) {
    let base: Figures | undefined
    for (const kind of ['dgram', 'batched'] as const) {
      const { rate, cpu } = await measure(server, kind, built.value)
      base ??= { rate, cpu }
      const what = server === 'echo' ? 'UDP echo' : 'SIP transport, REGISTER answered'
      rows.push(
        { name: `${what}, ${kind}`, value: rate, unit: ' packets/s', ratio: rate / base.rate },
        {
          name: `${what}, ${kind}, by CPU time`,
          value: 1e6 / cpu,
          unit: ' packets/s',
          ratio: base.cpu / cpu,
        },
      )
    }
  }
  return rows
}

async function measure(server: Server, kind: Kind, native: string): Promise<Figures> {
  const serving = pinned(0, ['serve', kind, native, server])
  const [port] = await once(serving, 'message')
  const load = pinned(1, ['load', 'batched', native, String(port)])
  try {
    await once(load, 'message')
    await sleep(WARM_UP_MS)
    const from = await sample(serving)
    const began = performance.now()
    await sleep(MEASURE_MS)
    const to = await sample(serving)
    const seconds = (performance.now() - began) / 1000
    const packets = to.packets - from.packets
    return { rate: packets / seconds, cpu: (to.cpuMicros - from.cpuMicros) / packets }
  } finally {
    serving.kill()
    load.kill()
  }
}

async function sample(server: ChildProcess): Promise<Sample> {
  const answer = once(server, 'message')
  server.send('sample')
  const [taken] = await answer
  return taken
}

/** A process of its own on one core, where taskset lets us choose. */
function pinned(core: number, args: readonly string[]): ChildProcess {
  const cpu = String(core % availableParallelism())
  return spawn('taskset', ['-c', cpu, process.execPath, SELF, ...args], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
}

function sleep(duration: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, duration)
  })
}

function nativeAt(path: string): Native {
  const native = loadNative(path)
  assert(native.ok, native.ok ? '' : native.error)
  return native.value
}

function hubOf<Context>(kind: Kind, path: string, options: UdpHubOptions<Context>) {
  return kind === 'dgram' ? dgramHub(options) : batchedHub(nativeAt(path), options)
}

async function serveEcho(kind: Kind, native: string): Promise<void> {
  const count = { packets: 0 }
  const hub: UdpHub<undefined> = hubOf(kind, native, {
    onBatch(batch) {
      count.packets += batch.count
      for (let index = 0; index < batch.count; index++)
        hub.send(batch.from(index), batch.bytes(index))
    },
    onFailure: () => undefined,
  })
  const opened = await hub.open({ address: '127.0.0.1', port: 0 })
  assert(opened.ok, 'no socket')
  serve(opened.value.port, count)
}

async function serveSip(kind: Kind, native: string): Promise<void> {
  const count = { packets: 0 }
  const opened = await openTransport({
    host: realHost(() => undefined),
    native: kind === 'dgram' ? err('not wanted here') : loadNative(native),
    addresses: ['127.0.0.1'],
    port: 0,
    tls: undefined,
  })
  assert(opened.ok, 'no socket')
  const transport = opened.value
  transport.received(({ source, message }) => {
    count.packets++
    if (message.kind === 'request')
      transport.send(source.flow, reply(message, 200, { toTag: 'a6c85cf' }))
  })
  serve(transport.listening[0]?.port ?? 0, count)
}

function serve(port: number, count: { readonly packets: number }): void {
  process.on('message', () => {
    const { user, system } = process.cpuUsage()
    process.send?.({ packets: count.packets, cpuMicros: user + system })
  })
  process.send?.(port)
}

/** Keeps CLIENTS x WINDOW datagrams on their way; what is lost is put back. */
async function load(kind: Kind, native: string, port: number): Promise<void> {
  const payload = Buffer.from(REGISTER)
  let received = 0
  const hub: UdpHub<() => void> = hubOf(kind, native, {
    onBatch(batch) {
      received += batch.count
      for (let index = 0; index < batch.count; index++) batch.from(index).context?.()
    },
    onFailure: () => undefined,
  })
  const kicks: (() => void)[] = []
  for (let client = 0; client < CLIENTS; client++) {
    const opened = await hub.open({ address: '127.0.0.1', port: 0 })
    assert(opened.ok, 'no socket')
    const peer = hub.peer(opened.value, '127.0.0.1', port)
    assert(peer !== undefined, 'no peer')
    peer.context = () => hub.send(peer, payload)
    kicks.push(peer.context)
  }
  const fill = (): void => {
    for (const kick of kicks) for (let each = 0; each < WINDOW; each++) kick()
  }
  let before = -1
  setInterval(() => {
    if (received === before) fill()
    before = received
  }, 100)
  fill()
  process.send?.('loading')
}

const [mode = '', kind = '', native = '', last = ''] = process.argv.slice(2)
const chosen = kind === 'batched' ? 'batched' : 'dgram'
if (mode === 'serve') await SERVERS[last === 'sip' ? 'sip' : 'echo'](chosen, native)
else if (mode === 'load') await load(chosen, native, Number(last))
else if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  for (const { name, value, unit, ratio } of await transportRows())
    console.log(`${name}: ${Math.round(value)}${unit}, ${ratio?.toFixed(2)} of dgram`)
