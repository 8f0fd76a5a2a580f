//! What overload control is worth: a server whose every OPTIONS costs a fixed time, offered half
//! and twice of what it can do. Reports answers a second, their 99th percentile, and refusals.

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { assert } from '../../src/base/assert.ts'
import { err } from '../../src/base/result.ts'
import { buildNative } from '../../src/native/build.ts'
import { loadNative } from '../../src/native/load.ts'
import { batchedHub } from '../../src/native/udp-batched.ts'
import { realHost } from '../../src/observe/real-host.ts'
import { reply } from '../../src/sip/message/reply.ts'
import { createSipStack } from '../../src/sip/stack.ts'
import { openTransport } from '../../src/sip/transport/transport.ts'
import type { Row } from './transaction.ts'

const SELF = fileURLToPath(import.meta.url)
/** Of the server's work for one request, beside what the stack costs. */
const WORK_MS = 0.3
const SETTLE_MS = 2_000
const MEASURE_MS = 4_000

type Kind = 'batched' | 'dgram'
type Outcome = { readonly answered: number; readonly refused: number; readonly p99: number }

export async function overloadRows(): Promise<Row[]> {
  const built = await buildNative()
  assert(built.ok, built.ok ? '' : built.error)
  const rows: Row[] = []
  const capacity = 1_000 / (WORK_MS + 0.05)
  for (const kind of ['batched', 'dgram'] as const)
    for (const share of [0.5, 2]) {
      const offered = Math.round(capacity * share)
      const { answered, refused, p99 } = await measure(kind, built.value, offered)
      const name = `${kind}, ${offered} offered a second`
      rows.push(
        { name: `${name}: answered`, value: answered, unit: '/s', ratio: answered / offered },
        { name: `${name}: refused`, value: refused, unit: '/s', ratio: refused / offered },
        { name: `${name}: 99 % answered within`, value: p99, unit: ' ms' },
      )
    }
  return rows
}

async function measure(kind: Kind, native: string, rate: number): Promise<Outcome> {
  const server = pinned(0, ['serve', kind, native])
  const [port] = await once(server, 'message')
  const load = pinned(1, ['load', native, String(port), String(rate)])
  try {
    const [outcome] = await once(load, 'message')
    return outcome
  } finally {
    server.kill()
    load.kill()
  }
}

function pinned(core: number, args: readonly string[]): ChildProcess {
  const cpu = String(core % availableParallelism())
  return spawn('taskset', ['-c', cpu, process.execPath, SELF, ...args], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
}

async function serve(kind: Kind, path: string): Promise<void> {
  const host = realHost(() => undefined)
  const native = kind === 'batched' ? loadNative(path) : err('the bench wants dgram')
  const addresses = ['127.0.0.1']
  const opened = await openTransport({ host, native, addresses, port: 0, tls: undefined })
  assert(opened.ok, 'no socket')
  let before = performance.eventLoopUtilization()
  const busy = (): number => {
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, before)
    before = now
    return utilization
  }
  const resolve = (_uri: unknown, found: (targets: []) => void): void => found([])
  const stack = createSipStack({ host, transport: opened.value, resolve, busy })
  stack.start({
    onRequest(request, key) {
      for (const until = performance.now() + WORK_MS; performance.now() < until;);
      stack.respond(key, reply(request, 200, { toTag: 'x' }))
    },
    onCancel: () => undefined,
    onAck: () => undefined,
    onStrayResponse: () => undefined,
    onServerFailed: () => undefined,
  })
  process.send?.(opened.value.listening[0]?.port)
}

/** Does not wait for answers: real callers do not either. */
async function load(path: string, port: number, rate: number): Promise<void> {
  const native = loadNative(path)
  assert(native.ok, 'no add-on')
  const sentAt: number[] = []
  const took: number[] = []
  let refused = 0
  let measuring = false
  const hub = batchedHub<undefined>(native.value, {
    onBatch(batch) {
      if (!measuring) return
      const now = performance.now()
      for (let index = 0; index < batch.count; index++) {
        const text = batch.bytes(index).toString('latin1')
        const number = Number(/z9hG4bK(\d+)/.exec(text)?.[1])
        if (text.startsWith('SIP/2.0 503')) refused++
        else took.push(now - (sentAt[number] ?? now))
      }
    },
    onFailure: () => undefined,
  })
  const opened = await hub.open({ address: '127.0.0.1', port: 0 })
  assert(opened.ok, 'no socket')
  const peer = hub.peer(opened.value, '127.0.0.1', port)
  assert(peer !== undefined, 'no peer')
  const began = performance.now()
  setInterval(() => {
    const due = ((performance.now() - began) * rate) / 1_000
    while (sentAt.length < due) {
      hub.send(peer, Buffer.from(options(sentAt.length, opened.value.port), 'latin1'))
      sentAt.push(performance.now())
    }
  }, 1)
  await sleep(SETTLE_MS)
  measuring = true
  await sleep(MEASURE_MS)
  measuring = false
  const seconds = MEASURE_MS / 1_000
  const p99 = took.toSorted((a, b) => a - b)[Math.floor(took.length * 0.99)] ?? Infinity
  process.send?.({ answered: took.length / seconds, refused: refused / seconds, p99 })
}

function options(number: number, port: number): string {
  return (
    `OPTIONS sip:pbx.example.com SIP/2.0\r\nMax-Forwards: 70\r\n` +
    `Via: SIP/2.0/UDP 127.0.0.1:${port};rport;branch=z9hG4bK${number}\r\n` +
    `From: <sip:load@example.com>;tag=1\r\nTo: <sip:pbx.example.com>\r\n` +
    `Call-ID: load-${number}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n`
  )
}

const [mode = '', ...rest] = process.argv.slice(2)
if (mode === 'serve') await serve(rest[0] === 'batched' ? 'batched' : 'dgram', rest[1] ?? '')
else if (mode === 'load') await load(rest[0] ?? '', Number(rest[1]), Number(rest[2]))
else if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  for (const { name, value, unit, ratio } of await overloadRows())
    console.log(`${name.padEnd(52)} ${value.toFixed(1)}${unit} ${ratio?.toFixed(2) ?? ''}`)
