//! Phones with many calls, up or ringing, and the proof of each after a failover:
//! `node calls-client.ts SERVER FROM PAIRS COUNT up|ringing`. Says `ready` and waits for `go`; then
//! both ends of each call send a re-INVITE (those that ring are answered first) and one of them
//! hangs up. Says what became of each: '' when all was answered with 200 and heard by the other.

import { setTimeout as sleep } from 'node:timers/promises'
import type { PhoneCall } from '../../harness/phone-call.ts'
import { bye, openPairs, say, told, until, type Pair } from './many-phones.ts'

export type CallsSaid =
  | { readonly kind: 'ready'; readonly calls: number }
  | { readonly kind: 'done'; readonly outcomes: readonly Outcome[] }
/** `id` is the caller's Call-ID; `again`: re-INVITEs that met one of the server's (491). */
export type Outcome = { readonly id: string; readonly wrong: string; readonly again: number }

type Call = { readonly id: string; readonly out: PhoneCall; readonly incoming: PhoneCall }

const CALLS_A_SECOND = 40
const PROOFS_A_SECOND = 50
const PLACE_TRIES = 5
/** RFC 3261 §14.1, for both ends alike: who asks again first gets through. */
const GLARE_MS = 4_000
/** A stray 491 ends with the phone's timer H. */
const GLARE_PATIENCE_MS = 60_000

const [server = '', from = '', pairCount = '1', count = '1', kind = 'up'] = process.argv.slice(2)
process.on('SIGTERM', () => process.exit(0))
const pairs = await openPairs(server, from, Number(pairCount))
const calls = await placeAll()
say({ kind: 'ready', calls: calls.length } satisfies CallsSaid)
await told('go')
const outcomes = await Promise.all(calls.map((call, place) => outcomeOf(call, place)))
say({ kind: 'done', outcomes } satisfies CallsSaid)

/** Of each pair one after the other: which call of the callee is which of the caller is known. */
async function placeAll(): Promise<readonly Call[]> {
  const each = Math.ceil(Number(count) / pairs.length)
  const every = (1_000 * pairs.length) / CALLS_A_SECOND
  const ofPairs = await Promise.all(
    pairs.map(async (pair, place) => {
      pair.callee.habits.onIncoming = (call) => {
        call.ring()
        if (kind === 'up') call.answer()
      }
      await sleep((place * every) / pairs.length)
      const placed: Call[] = []
      while (placed.length < each) {
        placed.push(await place1(pair))
        if (placed.length < each) await sleep(every)
      }
      return placed
    }),
  )
  return ofPairs.flat()
}

/** A machine that has just begun may refuse a call; those are not what is measured. */
async function place1({ caller, callee }: Pair): Promise<Call> {
  for (let tries = 0; tries < PLACE_TRIES; tries++) {
    const known = callee.calls.length
    const out = caller.call(callee.aor)
    const isThere = kind === 'up' ? 'up' : 'ringing'
    await until(() => out.state === isThere || !out.isLive)
    const incoming = callee.calls[known]
    if (incoming !== undefined && out.state === isThere) return { id: out.id, out, incoming }
    await sleep(1_000)
  }
  throw new Error(`${caller.aor} cannot call: ${caller.calls.at(-1)?.status}`)
}

async function outcomeOf(call: Call, place: number): Promise<Outcome> {
  const tally = { again: 0 }
  await sleep((place * 1_000) / PROOFS_A_SECOND)
  const wrong = (await answered(call)) || (await proved(call, place, tally))
  return { id: call.id, wrong, again: tally.again }
}

async function answered({ out, incoming }: Call): Promise<string> {
  if (kind === 'up') return ''
  if (!out.isLive || !incoming.isLive) return ended(out, incoming)
  incoming.answer()
  if (!(await until(() => out.state === 'up'))) return 'the caller never heard that it was answered'
  const isAcked = await until(() => incoming.awaitingAck === undefined && incoming.isLive)
  return isAcked ? '' : 'the callee never had an ACK'
}

async function proved(call: Call, place: number, tally: { again: number }): Promise<string> {
  const { out, incoming } = call
  if (!out.isLive || !incoming.isLive) return ended(out, incoming)
  for (const [name, end] of [
    ['caller', out],
    ['callee', incoming],
  ] as const) {
    const said = await reinvited(end, tally)
    if (said !== 'INVITE 200') return `re-INVITE by the ${name}: ${said}`
  }
  const [ends, hears] = place % 2 === 0 ? [out, incoming] : [incoming, out]
  const status = await bye(ends)
  if (status !== 200) return `BYE by the ${ends === out ? 'caller' : 'callee'}: ${status}`
  return (await until(() => !hears.isLive)) ? '' : 'the other end heard no BYE'
}

async function reinvited(end: PhoneCall, tally: { again: number }): Promise<string> {
  const deadline = performance.now() + GLARE_PATIENCE_MS
  for (;;) {
    const known = end.heard.length
    const isFree = await until(() => end.offer('INVITE', 'sendrecv') || !end.isLive)
    if (!isFree) return 'an offer of the server was never finished'
    await until(() => !end.busy || !end.isLive)
    const said = end.heard.slice(known).findLast((each) => each.startsWith('INVITE '))
    if (said !== 'INVITE 491' || performance.now() > deadline) return said ?? 'it ended meanwhile'
    tally.again++
    await sleep(Math.random() * GLARE_MS)
  }
}

function ended(out: PhoneCall, incoming: PhoneCall): string {
  const told = (name: string, { isLive, status, reason }: PhoneCall): string =>
    isLive ? '' : `${name} ${status} ${reason}`.trim()
  const by = [told('caller', out), told('callee', incoming)].filter((each) => each !== '')
  return `ended by itself: ${by.join(', ')}`
}
