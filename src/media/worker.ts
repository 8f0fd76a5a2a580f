//! The media worker thread: lends the engine a clock, randomness and timers, and carries messages
//! between it and whoever started the thread.

import { randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { assert } from '../base/assert.ts'
import type { Host } from '../base/host.ts'
import { randomFrom } from '../base/random.ts'
import { millis, wallTime } from '../base/time.ts'
import { loadNative } from '../native/load.ts'
import { ownAddresses } from '../native/own-addresses.ts'
import { udpHub } from '../native/udp-hub.ts'
import { MediaEngine } from './engine.ts'
import { familyOf, type Interface } from './faces.ts'
import { opusVoice } from './opus.ts'
import type { Message, ToWorker, WorkerSetup } from './protocol.ts'
import { readRecordings, Sounds } from './sounds.ts'
import { G722, PCMA, PCMU } from './voices.ts'

assert(parentPort !== null, 'the media worker is started as a worker thread')
const port = parentPort
// Decoder: written by `startWorker` in client.ts, of this same version.
const setup = workerData as WorkerSetup

const INTERFACES_MS = 5000

let outbox: Message[] = []
let flushing = false

function post(message: Message): void {
  outbox.push(message)
  if (flushing) return
  flushing = true
  setImmediate(flush)
}

function flush(): void {
  flushing = false
  if (outbox.length === 0) return
  port.postMessage(outbox)
  outbox = []
}

let interfaces: readonly Interface[] = []
let interfacesAt = Number.NEGATIVE_INFINITY

/** Read again now and then: an address may come and go while we run. */
function currentInterfaces(): readonly Interface[] {
  const now = performance.now()
  if (now - interfacesAt < INTERFACES_MS) return interfaces
  interfacesAt = now
  const known = ownAddresses()
  if (!known.ok) {
    // Those known before will do until the next look.
    const fields = { error: known.error }
    post({ kind: 'log', level: 'warn', event: 'media.interfaces', fields })
    return interfaces
  }
  interfaces = known.value.map(({ address, internal, cidr }) => {
    const family = familyOf(address)
    const prefix = Number(cidr?.split('/')[1] ?? (family === 'IP4' ? 32 : 128))
    return { address, internal, family, prefix }
  })
  return interfaces
}

/** Sockets for media: three quarters of the files this process may open, or no limit known. */
function socketsMax(): number {
  try {
    const limits = readFileSync('/proc/self/limits', 'latin1')
    const soft = /^Max open files +(\d+)/m.exec(limits)?.[1]
    return soft === undefined ? Number.POSITIVE_INFINITY : Math.floor(Number(soft) * 0.75)
  } catch {
    // No /proc: the system itself will say when it has enough.
    return Number.POSITIVE_INFINITY
  }
}

const host: Host = {
  now: () => millis(performance.now()),
  wall: () => wallTime(Date.now()),
  random: randomFrom(() => randomInt(2 ** 47) / 2 ** 47),
  wake: (at, run) => {
    const timer = setTimeout(run, Math.max(0, at - performance.now()))
    return () => clearTimeout(timer)
  },
  log: (level, event, fields = {}) => post({ kind: 'log', level, event, fields }),
}

async function main(): Promise<void> {
  const recordings = readRecordings(setup.prompts)
  if (!recordings.ok) return fail(recordings.error.join('; '))
  const sounds = new Sounds([PCMU, PCMA, G722, await opusVoice()], recordings.value)
  const native = loadNative(setup.nativePath)
  const engine = new MediaEngine({ ...setup, socketsMax: socketsMax() }, sounds, {
    ...host,
    openHub: (options) => udpHub(native, 'rtp', host.log, options),
    interfaces: currentInterfaces,
    emit: (event) => post({ kind: 'event', event }),
  })
  const started = await engine.start()
  if (!started.ok) return fail(started.error)
  port.on('message', (batch: ToWorker | 'stop') => {
    if (batch === 'stop') return void stop(engine)
    for (const { id, request } of batch)
      engine.handle(request, (answer) => post({ kind: 'answer', id, answer }))
    flush()
  })
  post({ kind: 'started', path: engine.path })
}

function fail(reason: string): void {
  post({ kind: 'failed', reason })
  flush()
  process.exit(1)
}

async function stop(engine: MediaEngine): Promise<void> {
  await engine.stop()
  flush()
  process.exit(0)
}

await main()
