//! Calls of real phones over every transport, after the node that carried them was killed: what
//! rings is answered, and in the calls all goes on that can be done in a call.

import { afterAll, expect, test } from 'vitest'
import type { Baresip } from '../harness/baresip.ts'
import { hears } from '../cluster/live/talk.ts'
import type { Trio } from '../cluster/live/trio.ts'
import type { WebPhone } from '../cluster/live/web-phone.ts'
import { can, threeNodes } from './three-nodes.ts'

const TIMEOUT_MS = 120_000
/** A phone whose first REGISTER fell into the outage comes back a minute later. */
const BACK_MS = 95_000
const TARGET = '870'
/** What phones send, in Hz. */
const TONE = 1_017
const uri = (user: string): string => `sip:${user}@pbx.example`

type Pair = {
  readonly transport: 'udp' | 'tcp' | 'tls'
  readonly users: readonly [caller: string, callee: string]
}
const PAIRS: readonly Pair[] = [
  { transport: 'udp', users: ['871', '872'] },
  { transport: 'tcp', users: ['873', '874'] },
  { transport: 'tls', users: ['875', '876'] },
]
const WEB = [
  { transport: 'ws', transfer: 'attended', users: ['877', '878'] },
  { transport: 'wss', transfer: 'blind', users: ['879', '880'] },
] as const
const RINGING = ['881', '882'] as const
/** Last bytes of their addresses. */
const hostOf = (user: string): number => Number(user) - 840

let trio: Trio
let target: Baresip
const phones = new Map<string, Baresip>()
const webPhones = new Map<string, WebPhone>()

threeNodes(TIMEOUT_MS, async (started) => {
  trio = started
  target = await phone(TARGET, 'udp')
  for (const { transport, users } of PAIRS) {
    for (const user of users) await phone(user, transport)
    await dial(users)
  }
  for (const { transport, users } of WEB) {
    for (const user of users)
      webPhones.set(user, await trio.webPhone(user, hostOf(user), transport))
    await dialWeb(users)
  }
  for (const user of RINGING) await phone(user, 'udp')
  of(RINGING[0]).dial(RINGING[1])
  await of(RINGING[0]).event('CALL_RINGING')
  const leader = await trio.leader()
  leader.signal('SIGKILL')
  await leader.stopped()
  await trio.until('another serves, with all calls', async () => (await trio.calls()).length === 6)
})

afterAll(async () => {
  if (!can) return
  const all = [...phones.values()]
  await Promise.all([...all, ...webPhones.values()].map((each) => each.stop()))
  for (const each of all) each.remove()
}, TIMEOUT_MS)

async function phone(user: string, transport: 'udp' | 'tcp' | 'tls'): Promise<Baresip> {
  const made = await trio.phone(user, hostOf(user), transport)
  phones.set(user, made)
  return made
}

function of(user: string): Baresip {
  const found = phones.get(user)
  if (found === undefined) throw new Error(`there is no phone ${user}`)
  return found
}

function web(user: string): WebPhone {
  const found = webPhones.get(user)
  if (found === undefined) throw new Error(`there is no phone ${user}`)
  return found
}

async function dial([from, to]: readonly [string, string]): Promise<void> {
  of(from).dial(to)
  await of(to).event('CALL_INCOMING')
  of(to).accept()
  await of(from).event('CALL_ESTABLISHED')
}

async function dialWeb([from, to]: readonly [string, string]): Promise<void> {
  web(from).tell(`call ${uri(to)}`)
  await until('it rings', () => web(to).call?.state === 'incoming')
  web(to).tell('answer')
  await until('it is up', () => web(from).call?.state === 'up')
}

function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  return trio.until(what, isSo)
}

/** Of the call that this user began. */
async function stateOf(user: string): Promise<string | undefined> {
  const calls = await trio.calls()
  return calls.find(({ caller }) => caller === uri(user))?.state
}

/** Sound goes through the node that serves now: it has them where they are. */
async function talk(users: readonly [string, string]): Promise<void> {
  const checks = users.map((user) => hears(of(user), TONE))
  await trio.until('they hear each other', () => checks.every((isHeard) => isHeard()), BACK_MS)
}

test.skipIf(!can)('a phone that rings is answered', { timeout: TIMEOUT_MS }, async () => {
  const [from, to] = RINGING
  of(to).accept()
  await of(from).event('CALL_ESTABLISHED')
  await talk(RINGING)
  of(from).hangup()
  await of(to).event('CALL_CLOSED')
})

test.skipIf(!can).each(PAIRS)(
  'over $transport: hold, resume, keys, transfer, BYE from the callee',
  { timeout: TIMEOUT_MS },
  async ({ users: [from, to] }) => {
    await talk([from, to])
    of(from).command('hold')
    await until('the call is held', async () => (await stateOf(from)) === 'held')
    of(from).command('resume')
    await until('the call is up', async () => (await stateOf(from)) === 'up')
    of(from).command('sndcode', '5')
    expect(JSON.stringify(await of(to).event('CALL_DTMF_START'))).toContain('5')
    of(from).command('transfer', uri(TARGET))
    await target.event('CALL_INCOMING')
    target.accept()
    await of(from).event('CALL_CLOSED')
    of(to).hangup()
    await target.event('CALL_CLOSED')
  },
)

test.skipIf(!can).each(WEB)(
  'over $transport: sound, hold, resume, refresh, INFO, $transfer transfer, BYE from the caller',
  { timeout: TIMEOUT_MS },
  async ({ transfer, users: [from, to] }) => {
    const [one, other] = [web(from), web(to)]
    for (const each of [one, other]) {
      const before = each.state?.packets ?? 0
      await until('it hears the other', () => (each.state?.packets ?? 0) > before + 100)
    }
    one.tell('hold')
    await until('the other is held', () => other.call?.remote === 'sendonly')
    one.tell('resume')
    await until('the other is not held', () => other.call?.remote === 'sendrecv')
    other.tell('update')
    await until('the session is refreshed', () => heard(other).includes('UPDATE 200'))
    other.tell('send INFO')
    await until('INFO gets through', () => heard(other).includes('INFO 200'))
    other.tell(transfer === 'blind' ? `refer ${uri(TARGET)}` : `call ${uri(TARGET)}`)
    await target.event('CALL_INCOMING')
    target.accept()
    if (transfer === 'attended') {
      const areUp = (): boolean => other.state?.calls.map(({ state }) => state).join() === 'up,up'
      await until('it asks the target', areUp)
      other.tell('attend')
    }
    await until('it is out', () => other.state?.calls.every(isOver) === true)
    one.tell('bye')
    await target.event('CALL_CLOSED')
  },
)

function isOver({ state }: NonNullable<WebPhone['call']>): boolean {
  return state === 'ended'
}

function heard({ call }: WebPhone): readonly string[] {
  return call?.heard ?? []
}

test.skipIf(!can)('each call has one record', { timeout: TIMEOUT_MS }, async () => {
  const asked = WEB.filter(({ transfer }) => transfer === 'attended').map(({ users }) => users[1])
  const began = [...PAIRS, ...WEB].map(({ users }) => users[0])
  const callers = [...began, ...asked, RINGING[0]].map(uri).toSorted()
  await until('all records are there', async () => (await trio.cdrs()).length >= callers.length)
  const records = await trio.cdrs()
  expect(records.map(({ caller }) => caller).toSorted()).toEqual(callers)
  expect(records.map(({ status }) => status)).toEqual(callers.map(() => 200))
})
