//! One of many strange user agents: an address of its own, a user of its own, and a password it
//! knows. Half of what it says is right, so that it gets past the doors; the rest is broken.

import type { Random } from '../../src/base/random.ts'
import { Digest, header, methodOf, statusOf } from '../bench/load/text.ts'
import {
  answerTagged,
  drawMethod,
  knownByCallee,
  knownByCaller,
  pick,
  PROVEN,
  requestInside,
  requestOutside,
  uriFor,
  type Known,
  type Method,
  type Sender,
} from './fuzz-text.ts'

export type AgentNeeds = {
  readonly sender: Sender
  readonly random: Random
  readonly digest: Digest
  readonly send: (bytes: Uint8Array) => void
  readonly later: (milliseconds: number, run: () => void) => void
  /** Calls need ports and time; true when one more may begin. */
  readonly mayCall: () => boolean
  readonly mutate: (bytes: Uint8Array) => Uint8Array
}

const DIALOGS = 4
const CHALLENGES = 8
const CALL_MS = 1_500

export class FuzzAgent {
  readonly #needs: AgentNeeds
  /** Each is answered once: a nonce counts. */
  readonly #challenges: string[] = []
  readonly #dialogs: Known[] = []
  #lastInvite = ''

  constructor(needs: AgentNeeds) {
    this.#needs = needs
  }

  /** Sends one message, good or broken. */
  speak(): void {
    const { random, send } = this.#needs
    const good = Buffer.from(this.#compose(), 'latin1')
    send(random.chance(1, 5) ? good : this.#broken(good))
  }

  onText(text: string): void {
    const status = statusOf(text)
    if (status === 401 || status === 407) this.#keep(this.#challenges, text, CHALLENGES)
    if (status === 200 && methodOf(text) === 'INVITE') this.#onAccepted(text)
    if (status === 0 && !text.startsWith('ACK ')) this.#onRequest(text)
  }

  #compose(): string {
    const { random, sender } = this.#needs
    const dialog = random.chance(1, 3) ? pick(random, this.#dialogs) : undefined
    const method = drawMethod(random)
    if (dialog !== undefined) return requestInside(method, dialog, sender, random)
    if (method === 'CANCEL' && this.#lastInvite !== '') return cancelOf(this.#lastInvite)
    if (random.chance(1, 20)) return this.#strayAnswer()
    const uri = uriFor(method, sender, random)
    const text = requestOutside({ method, uri, proof: this.#proof(method, uri) }, sender, random)
    if (method === 'INVITE') this.#lastInvite = text
    return text
  }

  #proof(method: Method, uri: string): string {
    const { digest, sender, mayCall } = this.#needs
    if (!PROVEN.has(method) || this.#challenges.length === 0) return ''
    if (method === 'INVITE' && !mayCall()) return ''
    const wanted = this.#challenges.pop() ?? ''
    // The header is the one the method's own challenge would have asked for.
    const challenge = method === 'REGISTER' ? asRegistrar(wanted) : asProxy(wanted)
    return digest.credentials(challenge, sender.user, method, uri)
  }

  #strayAnswer(): string {
    const { random, sender } = this.#needs
    const invite = this.#lastInvite === '' ? requestOf(sender, random) : this.#lastInvite
    const status = pick(random, ['100 Trying', '180 Ringing', '200 OK', '302 Moved', '503 No'])
    return answerTagged(invite, status ?? '200 OK', random.token(5), sender)
  }

  #broken(good: Uint8Array): Uint8Array {
    const { random, mutate } = this.#needs
    let bytes = good
    for (let count = 1 + random.below(3); count > 0; count--) bytes = mutate(bytes)
    return bytes
  }

  #onAccepted(text: string): void {
    const { random, sender, send, later } = this.#needs
    const known = knownByCaller(text)
    this.#keep(this.#dialogs, known, DIALOGS)
    send(Buffer.from(requestInside('ACK', known, sender, random), 'latin1'))
    const bye = (): void => {
      known.cseq += 50
      send(Buffer.from(requestInside('BYE', known, sender, random), 'latin1'))
    }
    later(CALL_MS, bye)
  }

  #onRequest(text: string): void {
    const { random, sender, send } = this.#needs
    const tag = header(text, 'Call-ID')
      .slice(0, 8)
      .replaceAll(/[^a-z0-9]/gi, 'x')
    const say = (status: string, isGood: boolean): void => {
      const good = Buffer.from(answerTagged(text, status, tag, sender), 'latin1')
      send(isGood ? good : this.#broken(good))
    }
    if (!text.startsWith('INVITE '))
      return random.chance(1, 5) ? undefined : say('200 OK', random.chance(3, 4))
    if (header(text, 'To').includes(';tag=')) return say('200 OK', random.chance(3, 4))
    const draw = random.below(100)
    if (draw < 15) return
    if (draw < 30) {
      say('180 Ringing', false)
      say('200 OK', false)
    }
    if (draw < 70) return say('486 Busy Here', true)
    say('180 Ringing', random.chance(1, 2))
    say('200 OK', true)
    this.#keep(this.#dialogs, knownByCallee(text, tag), DIALOGS)
  }

  #keep<T>(list: T[], item: T, most: number): void {
    list.push(item)
    if (list.length > most) list.shift()
  }
}

function requestOf(sender: Sender, random: Random): string {
  return requestOutside({ method: 'OPTIONS', uri: 'sip:x', proof: '' }, sender, random)
}

/** §9.1: the INVITE's Via, CSeq number and the rest, without its body. */
function cancelOf(invite: string): string {
  const head = invite.slice(0, invite.indexOf('\r\n\r\n'))
  const lines = head.split('\r\n').filter((line) => !/^(Content-|Proxy-Auth)/.test(line))
  const text = lines.join('\r\n').replace(/^INVITE /, 'CANCEL ')
  return `${text.replace(/(\r\nCSeq: \d+) INVITE/, '$1 CANCEL')}\r\nContent-Length: 0\r\n\r\n`
}

function asRegistrar(challenge: string): string {
  return challenge
    .replace(/^SIP\/2.0 407/, 'SIP/2.0 401')
    .replaceAll('Proxy-Authenticate', 'WWW-Authenticate')
}

function asProxy(challenge: string): string {
  return challenge
    .replace(/^SIP\/2.0 401/, 'SIP/2.0 407')
    .replaceAll('WWW-Authenticate', 'Proxy-Authenticate')
}
