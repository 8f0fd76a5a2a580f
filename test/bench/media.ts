//! What media costs: setting calls up and down through the worker, and relaying packets against a
//! plain dgram forwarder that does nothing else. By processor time, so that other work on the
//! machine does not matter much; run alone all the same.

import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { assert } from '../../src/base/assert.ts'
import { setUpCalls } from './media/calls.ts'
import type { FromPart, ToPart } from './media/parts.ts'

/** `ratio` is to the baseline of the same run. */
export type Row = {
  readonly name: string
  readonly value: number
  readonly unit: string
  readonly ratio?: number
}

const CALLS = 200
const WARM_UP_MS = 2_000
const MEASURE_MS = 6_000
const SETTLE_MS = 2_000
const PARTS = fileURLToPath(new URL('./media/parts.ts', import.meta.url))

export async function run(): Promise<readonly Row[]> {
  const setUp = await setUpCalls()
  const plain = await relayed('dgram-forward')
  const batched = await relayed('media-batched')
  const unbatched = await relayed('media-dgram')
  const name = `relayed packets, ${CALLS} calls`
  return [
    { name: 'calls set up and down (offer, answer, release)', value: setUp, unit: '/s/core' },
    { name: 'plain dgram forward', value: plain.perCore, unit: '/s/core', ratio: 1 },
    row(`${name}, batched`, batched, plain),
    row(`${name}, dgram`, unbatched, plain),
  ]
}

type Relayed = { readonly perCore: number; readonly lost: number }

function row(name: string, measured: Relayed, plain: Relayed): Row {
  const lost = `${name}, ${(measured.lost * 100).toFixed(2)} % lost`
  return {
    name: lost,
    value: measured.perCore,
    unit: '/s/core',
    ratio: measured.perCore / plain.perCore,
  }
}

/** Phones in one process, the subject in another: packets a second of its processor time. */
async function relayed(kind: string): Promise<Relayed> {
  const phones = new Part('phones')
  const subject = new Part(kind)
  try {
    const { ports } = await phones.ask({ kind: 'open', calls: CALLS })
    const { ports: targets } = await subject.ask({ kind: 'join', ports })
    await phones.ask({ kind: 'talk', ports: targets })
    await pause(WARM_UP_MS)
    const before = await subject.ask({ kind: 'count' })
    const heardBefore = await phones.ask({ kind: 'count' })
    await pause(MEASURE_MS)
    const after = await subject.ask({ kind: 'count' })
    const heardAfter = await phones.ask({ kind: 'count' })
    await phones.ask({ kind: 'hush' })
    await pause(SETTLE_MS)
    const { sent, received } = await phones.ask({ kind: 'count' })
    const heard = heardAfter.received - heardBefore.received
    return { perCore: heard / ((after.cpuMs - before.cpuMs) / 1000), lost: 1 - received / sent }
  } finally {
    await Promise.all([phones.end(), subject.end()])
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

class Part {
  readonly #child: ChildProcess

  constructor(kind: string) {
    this.#child = fork(PARTS, [kind])
  }

  async ask(question: ToPart): Promise<FromPart> {
    this.#child.send(question)
    const [answer]: unknown[] = await once(this.#child, 'message')
    assert(typeof answer === 'object' && answer !== null, 'a part answers with an object')
    return answer as FromPart
  }

  async end(): Promise<void> {
    const exited = once(this.#child, 'exit')
    this.#child.disconnect()
    await exited
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  for (const { name, value, unit, ratio } of await run())
    console.log(
      `${name.padEnd(60)} ${Math.round(value).toLocaleString('en').padStart(10)}${unit}`,
      ratio?.toFixed(2) ?? '',
    )
