//! What a datagram costs: an echo server on one core, plain dgram against the batched add-on, the
//! same load from the other core. Reports packets a second and server CPU per packet.

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { performance } from 'node:perf_hooks'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { assert } from '../../src/base/assert.ts'
import { buildNative } from '../../src/native/build.ts'
import { loadNative } from '../../src/native/load.ts'
import { batchedHub } from '../../src/native/udp-batched.ts'
import { dgramHub } from '../../src/native/udp-dgram.ts'
import type { UdpHub, UdpHubOptions } from '../../src/native/udp.ts'
import type { Row } from './parse.ts'

const SELF = fileURLToPath(import.meta.url)
const PAYLOAD = Buffer.alloc(500, 'x')
/** Far ends, and datagrams of each that are on their way at any time. */
const CLIENTS = 64
const WINDOW = 16
const WARM_UP_MS = 1000
const MEASURE_MS = 3000

type Kind = 'batched' | 'dgram'
type Sample = { readonly packets: number; readonly cpuMicros: number }

export async function transportRows(): Promise<Row[]> {
  const built = await buildNative()
  assert(built.ok, built.ok ? '' : built.error)
  const rows: Row[] = []
  let base: { readonly rate: number; readonly cpu: number } | undefined
  for (const kind of ['dgram', 'batched'] as const) {
    const { rate, cpu } = await measure(kind, built.value)
    base ??= { rate, cpu }
    rows.push({
      name: `UDP echo, ${kind}`,
      value: rate,
      unit: 'packets/s',
      ratio: rate / base.rate,
    })
    rows.push({
      name: `UDP echo, ${kind}, by CPU time`,
      value: 1e6 / cpu,
      unit: 'packets/s',
      ratio: base.cpu / cpu,
    })
  }
  return rows
}

async function measure(kind: Kind, native: string): Promise<{ rate: number; cpu: number }> {
  const server = pinned(0, ['serve', kind, native])
  const [port] = await once(server, 'message')
  const load = pinned(1, ['load', 'batched', native, String(port)])
  try {
    await once(load, 'message')
    await sleep(WARM_UP_MS)
    const from = await sample(server)
    const began = performance.now()
    await sleep(MEASURE_MS)
    const to = await sample(server)
    const seconds = (performance.now() - began) / 1000
    const packets = to.packets - from.packets
    return { rate: packets / seconds, cpu: (to.cpuMicros - from.cpuMicros) / packets }
  } finally {
    server.kill()
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

function hubOf<Context>(kind: Kind, path: string, options: UdpHubOptions<Context>) {
  if (kind === 'dgram') return dgramHub(options)
  const native = loadNative(path)
  assert(native.ok, native.ok ? '' : native.error)
  return batchedHub(native.value, options)
}

async function serve(kind: Kind, native: string): Promise<void> {
  let packets = 0
  const hub: UdpHub<undefined> = hubOf(kind, native, {
    onBatch(batch) {
      packets += batch.count
      for (let index = 0; index < batch.count; index++)
        hub.send(batch.from(index), batch.bytes(index))
    },
    onFailure: () => undefined,
  })
  const opened = await hub.open({ address: '127.0.0.1', port: 0 })
  assert(opened.ok, 'no socket')
  process.on('message', () => {
    const { user, system } = process.cpuUsage()
    process.send?.({ packets, cpuMicros: user + system })
  })
  process.send?.(opened.value.port)
}

/** Keeps CLIENTS x WINDOW datagrams on their way; what is lost is put back every 100 ms. */
async function load(kind: Kind, native: string, port: number): Promise<void> {
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
    peer.context = () => hub.send(peer, PAYLOAD)
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

const [mode = '', kind = '', native = '', port = ''] = process.argv.slice(2)
const chosen = kind === 'batched' ? 'batched' : 'dgram'
if (mode === 'serve') await serve(chosen, native)
else if (mode === 'load') await load(chosen, native, Number(port))
else if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  for (const { name, value, unit, ratio } of await transportRows())
    console.log(`${name}: ${Math.round(value)} ${unit}, ${ratio?.toFixed(2)} of dgram`)
