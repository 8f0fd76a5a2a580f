//! Many phones of one process, over UDP, each whole: RFC 3261's transactions and dialogs, so that
//! what is lost is sent again as long as a phone does it. Driven by lines on stdin, told on stdout.

import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { ScriptedPhone } from '../../harness/phone.ts'
import type { PhoneCall } from '../../harness/phone-call.ts'
import { realSurroundings } from '../../harness/real-surroundings.ts'
import { UdpEnd } from '../../harness/udp-end.ts'
import { DOMAIN } from './agent.ts'

export type Pair = { readonly caller: ScriptedPhone; readonly callee: ScriptedPhone }

const LOOK_MS = 20
/** Longer than any transaction of RFC 3261 lasts: 64*T1 is 32 s. */
const PATIENCE_MS = 40_000
const REGISTER_EVERY_MS = 5
const REGISTER_TRIES = 5
const EXPIRES = 3_600

/** `u0` … are callers, those after them callees; all of them are registered. */
export async function openPairs(server: string, from: string, count: number): Promise<Pair[]> {
  const phones = await Promise.all(
    Array.from({ length: 2 * count }, (_, user) => openPhone(server, from, `u${user}`)),
  )
  await Promise.all(phones.map((phone, place) => registered(phone, place * REGISTER_EVERY_MS)))
  const pairs: Pair[] = []
  for (const [place, caller] of phones.slice(0, count).entries()) {
    const callee = phones[count + place]
    if (callee !== undefined) pairs.push({ caller, callee })
  }
  return pairs
}

async function openPhone(server: string, from: string, user: string): Promise<ScriptedPhone> {
  const target = { transport: 'udp', host: server, port: 5060 } as const
  return new ScriptedPhone({
    world: WORLD,
    endpoint: await UdpEnd.open(from, target),
    server: target,
    name: user,
    user,
    domain: DOMAIN,
    password: `pw-${user}`,
    transport: 'udp',
    supported: ['timer'],
    allowsUpdate: true,
  })
}

const WORLD = realSurroundings()

async function registered(phone: ScriptedPhone, afterMs: number): Promise<void> {
  await sleep(afterMs)
  for (let tries = 0; tries < REGISTER_TRIES; tries++) {
    phone.status = 0
    phone.register(EXPIRES)
    await until(() => phone.status !== 0)
    if (phone.status === 200) return
    await sleep(1_000)
  }
  throw new Error(`${phone.aor} could not register: ${phone.status}`)
}

/** BYE from this end; its final status, 408 when there was none. */
export function bye(call: PhoneCall): Promise<number> {
  return new Promise((resolve) => {
    const heard = (response: { status: number } | undefined): void =>
      resolve(response?.status ?? 408)
    if (!call.inDialog('BYE', {}, heard)) resolve(0)
  })
}

/** False when it was not so in time. */
export async function until(isSo: () => boolean, patience = PATIENCE_MS): Promise<boolean> {
  const deadline = performance.now() + patience
  while (!isSo()) {
    if (performance.now() > deadline) return false
    await sleep(LOOK_MS)
  }
  return true
}

/** To the parent: a line of JSON. */
export function say(what: unknown): void {
  process.stdout.write(`${JSON.stringify(what)}\n`)
}

/** By the parent, a line. */
export function told(what: string): Promise<void> {
  const lines = createInterface({ input: process.stdin })
  return new Promise((resolve) => {
    lines.on('line', (line) => {
      if (line !== what) return
      lines.close()
      resolve()
    })
  })
}
