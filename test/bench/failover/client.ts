//! Tries all the time what phones do, and says when each was done: `node client.ts SERVER FROM`. A
//! line each: the measure, when it was begun, and when it was done, in milliseconds since 1970; or
//! the measure, `refused`, and why. For sound: since when nothing had been heard, and when it was.

import { setTimeout as sleep } from 'node:timers/promises'
import { Digest, statusOf } from '../load/text.ts'
import { Agent, DOMAIN } from './agent.ts'
import { openChannel, type Channel, type Transport } from './channel.ts'

const TRANSPORTS: readonly Transport[] = ['udp', 'tcp', 'tls', 'wss']
const REST_MS = 50
/** Then it is tried anew: sooner than a phone does, to see when it would have been answered. */
const PATIENCE_MS = 250
const CALL_PATIENCE_MS = 800
/** Of sound that comes every 20 ms. */
const PAUSE_MS = 50
const TOLD_EVERY_MS = 500

const [server = '', from = ''] = process.argv.slice(2)
const digest = new Digest(DOMAIN, (user) => `pw-${user}`)
let serial = 0

process.on('SIGTERM', () => process.exit(0))
for (const [place, transport] of TRANSPORTS.entries())
  void again(`register-${transport}`, PATIENCE_MS, (signal) =>
    register(transport, place + 1, signal),
  )
await sound(11, 12)
await calls(13, 14)

function now(): number {
  return performance.timeOrigin + performance.now()
}

function say(...words: readonly (string | number)[]): void {
  process.stdout.write(`${words.join(' ')}\n`)
}

/** One try after the other, for ever. */
async function again(
  measure: string,
  patience: number,
  attempt: (signal: AbortSignal) => Promise<void>,
): Promise<never> {
  for (;;) {
    const ended = new AbortController()
    const began = now()
    const late = sleep(patience, 'late', { signal: ended.signal }).catch(() => 'ended')
    try {
      const outcome = await Promise.race([attempt(ended.signal), late])
      if (outcome === undefined) say(measure, began, now())
      else say(measure, 'late', began)
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      say(measure, 'refused', began, why.replaceAll(/\s/g, '-'))
    }
    ended.abort()
    await sleep(REST_MS)
  }
}

/** Over a connection of its own, from the first packet to the 200. */
async function register(transport: Transport, user: number, signal: AbortSignal): Promise<void> {
  const heard: ((text: string) => void)[] = []
  const channel = await openChannel(transport, server, from, (text) => {
    if (statusOf(text) >= 200) heard.shift()?.(text)
  })
  signal.addEventListener('abort', () => channel.close())
  if (signal.aborted) return channel.close()
  const id = `r${process.pid}.${++serial}`
  const ask = (cseq: number, proof: string): Promise<string> =>
    new Promise((resolve) => {
      heard.push(resolve)
      channel.send(registerText(transport, channel, user, id, cseq, proof))
    })
  const challenge = await ask(1, '')
  const proof = digest.credentials(challenge, user, 'REGISTER', `sip:${DOMAIN}`)
  const status = statusOf(await ask(2, proof))
  if (status !== 200) throw new Error(`status ${status}`)
}

function registerText(
  transport: Transport,
  { port }: Channel,
  user: number,
  id: string,
  cseq: number,
  proof: string,
): string {
  const by = transport === 'wss' ? 'ws' : transport
  const contact = `<sip:u${user}@${from}:${port};transport=${by}>`
  return (
    `REGISTER sip:${DOMAIN} SIP/2.0\r\n` +
    `Via: SIP/2.0/${transport.toUpperCase()} ${from}:${port};branch=z9hG4bK${id}.${cseq}\r\n` +
    `Max-Forwards: 70\r\nFrom: <sip:u${user}@${DOMAIN}>;tag=${id}\r\n` +
    `To: <sip:u${user}@${DOMAIN}>\r\nCall-ID: ${id}\r\nCSeq: ${cseq} REGISTER\r\n` +
    `Contact: ${contact};expires=60\r\n${proof}Content-Length: 0\r\n\r\n`
  )
}

/** From the INVITE to the 200 of a phone that answers at once, and then the call is ended. */
async function calls(caller: number, callee: number): Promise<never> {
  const [calling, called] = await Promise.all([agent(caller), agent(callee)])
  await called.register()
  return again('call', CALL_PATIENCE_MS, async () => {
    const dialog = await calling.call(callee)
    void dialog.bye().catch(() => {})
  })
}

/** A call that stays; tells of each pause in what either end hears. */
async function sound(caller: number, callee: number): Promise<void> {
  const [calling, called] = await Promise.all([agent(caller), agent(callee)])
  for (const [name, each] of [
    ['sound-to-caller', calling],
    ['sound-to-callee', called],
  ] as const) {
    let last = now()
    let told = last
    each.onSound = () => {
      const heard = now()
      // Now and then also that there was no pause: else one that lasts would look like none.
      if (heard - last > PAUSE_MS || heard - told > TOLD_EVERY_MS) say(name, last, (told = heard))
      last = heard
    }
  }
  await called.register()
  await calling.call(callee)
}

function agent(user: number): Promise<Agent> {
  return Agent.open(user, server, from)
}
