//! Registrations and short calls without an end, and what became of every transaction:
//! `node load-client.ts SERVER FROM PAIRS`. Begins at once, says `ready`; on `end` it begins no
//! more and, when all have ended, says how each ended that was not answered well.

import { setTimeout as sleep } from 'node:timers/promises'
import type { PhoneCall } from '../../harness/phone-call.ts'
import type { ScriptedPhone } from '../../harness/phone.ts'
import { bye, openPairs, say, told, until, type Pair } from './many-phones.ts'

export type LoadSaid =
  | { readonly kind: 'ready' }
  | {
      readonly kind: 'done'
      readonly counts: Readonly<Record<string, number>>
      readonly failures: readonly Failure[]
      /** Milliseconds, longest first. */
      readonly longest: readonly number[]
    }
/** When it was begun and how long it took, in milliseconds. */
export type Failure = {
  readonly what: string
  readonly why: string
  readonly at: number
  readonly took: number
}

const REGISTERS_A_SECOND = 40
const CALLS_A_SECOND = 10
const TALK_MS = 1_000
const LONGEST = 5

const [server = '', from = '', pairCount = '50'] = process.argv.slice(2)
process.on('SIGTERM', () => process.exit(0))
const counts: Record<string, number> = {}
const failures: Failure[] = []
const times: number[] = []
let isEnding = false
const pairs = await openPairs(server, from, Number(pairCount))
for (const { callee } of pairs)
  callee.habits.onIncoming = (call) => {
    call.ring()
    call.answer()
  }
const done = Promise.all([
  inTurn(REGISTERS_A_SECOND, ({ caller, callee }, turn) => refresh(turn % 2 ? caller : callee)),
  inTurn(CALLS_A_SECOND, call),
])
say({ kind: 'ready' } satisfies LoadSaid)
await told('end')
isEnding = true
await done
const longest = times.toSorted((a, b) => b - a).slice(0, LONGEST)
say({ kind: 'done', counts, failures, longest } satisfies LoadSaid)

/** Each without waiting for the one before; ends when all have. */
async function inTurn(
  perSecond: number,
  begin: (pair: Pair, turn: number) => Promise<void>,
): Promise<void> {
  const open: Promise<void>[] = []
  const begun = performance.now()
  for (let turn = 0; !isEnding; turn++) {
    const pair = pairs[turn % pairs.length]
    if (pair !== undefined) open.push(begin(pair, Math.floor(turn / pairs.length)))
    await sleep(Math.max(0, begun + ((turn + 1) * 1_000) / perSecond - performance.now()))
  }
  await Promise.all(open)
}

function refresh(phone: ScriptedPhone): Promise<void> {
  return transaction('REGISTER', () => {
    const contact = ['contact', `${phone.contact};expires=3600`] as const
    const request = phone.outside('REGISTER', 'sip:pbx.example', phone.aor, [contact])
    return new Promise((resolve) => phone.ask(request, (said) => resolve(said?.status ?? 408)))
  })
}

async function call({ caller, callee }: Pair): Promise<void> {
  const out = caller.call(callee.aor)
  await transaction('INVITE', async () => {
    const isDone = await until(() => out.state === 'up' || !out.isLive)
    return out.state === 'up' ? 200 : isDone ? out.status : 408
  })
  if (out.state !== 'up') return
  const incoming = callee.calls.findLast(({ isLive }) => isLive)
  await sleep(TALK_MS)
  const ending = performance.now()
  if (out.isLive) await transaction('BYE', () => bye(out))
  else fail('call', `it ended by itself: ${out.reason}`, ending)
  forget(caller.calls, out)
  const isOver = incoming !== undefined && (await until(() => isEnded(incoming)))
  if (!isOver) fail('call', 'the callee had no ACK, or no BYE', ending)
  if (incoming !== undefined) forget(callee.calls, incoming)
}

function isEnded({ isLive, awaitingAck }: PhoneCall): boolean {
  return !isLive && awaitingAck === undefined
}

async function transaction(what: string, run: () => Promise<number>): Promise<void> {
  const began = performance.now()
  const status = await run()
  counts[what] = (counts[what] ?? 0) + 1
  times.push(Math.round(performance.now() - began))
  if (status !== 200) fail(what, String(status), began)
}

function fail(what: string, why: string, began: number): void {
  const at = Math.round(performance.timeOrigin + began)
  failures.push({ what, why, at, took: Math.round(performance.now() - began) })
}

/** A phone looks through all that it knows with each message. */
function forget(calls: PhoneCall[], call: PhoneCall): void {
  const place = calls.indexOf(call)
  if (place !== -1) calls.splice(place, 1)
}
