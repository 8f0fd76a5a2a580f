//! Messages that make no sense together, drawn from small pools so that they meet one another: the
//! layer must take them all, leave nothing behind, and never answer what nobody asked.

import { expect, test } from 'vitest'
import { assert } from '../../src/base/assert.ts'
import { seededRandom, type Random } from '../../src/base/random.ts'
import { millis, type Millis } from '../../src/base/time.ts'
import type { SipRequest } from '../../src/sip/message/message.ts'
import { reply } from '../../src/sip/message/reply.ts'
import { invalidity } from '../../src/sip/message/validate.ts'
import type { FlowId } from '../../src/sip/transaction/flow.ts'
import { clientKeyOf, type ClientKey, type ServerKey } from '../../src/sip/transaction/keys.ts'
import type { LayerInput, LayerOutput } from '../../src/sip/transaction/layer-events.ts'
import { TransactionLayer } from '../../src/sip/transaction/layer.ts'
import { messageOf, requestOf, sourceOf } from '../sip/transaction/messages.ts'

const SEEDS = Number(process.env['SEEDS'] ?? 200)
const FIRST = Number(process.env['SEED'] ?? 1)
const INPUTS = 600
const METHODS = ['INVITE', 'ACK', 'CANCEL', 'BYE', 'REGISTER', 'MESSAGE', 'STRANGE']
const STATUSES = ['100', '180', '200', '202', '302', '401', '486', '503', '603']
const BRANCHES = ['z9hG4bKa', 'z9hG4bKb', 'z9hG4bKc', '1', '', 'z9hG4bK']

class Storm {
  readonly layer = new TransactionLayer({ transactions: 40, lingering: 10 })
  readonly #random: Random
  readonly #open = new Map<ServerKey, SipRequest>()
  readonly #started: ClientKey[] = []
  readonly #waiting = new Set<ClientKey>()
  #sent: Extract<LayerOutput, { kind: 'send' }> | undefined
  #number = 0
  now: Millis = millis(0)

  constructor(seed: number) {
    this.#random = seededRandom(seed)
  }

  step(): void {
    const lot = this.#random.below(100)
    if (lot < 55) return this.#receive()
    if (lot < 70) return this.#respond(this.#pick(STATUSES))
    if (lot < 80) return this.#request()
    if (lot < 85) return this.#cancel()
    if (lot < 90) return this.#fail()
    return this.pass(this.#random.below(this.#random.chance(1, 5) ? 20_000 : 700))
  }

  pass(time: number): void {
    const until = this.now + time
    for (let due = this.layer.deadline(); due !== undefined && due <= until;) {
      this.now = millis(Math.max(due, this.now))
      this.#feed({ kind: 'wake' })
      due = this.layer.deadline()
      if (due !== undefined && due <= this.now) throw new Error('a deadline did not move')
    }
    this.now = millis(until)
  }

  /** The user gives up on everything, and so does time. */
  settle(): void {
    while (this.#open.size > 0) this.#respond('487')
    for (const key of this.#waiting) this.#feed({ kind: 'cancel', key, headers: [] })
    this.pass(200_000)
    expect([...this.#waiting]).toEqual([])
  }

  #receive(): void {
    const words = this.#random.chance(1, 4) ? STATUSES : METHODS
    const command = this.#command(this.#pick(words))
    const message = messageOf(command)
    if (invalidity(message) !== undefined) return
    this.#feed({ kind: 'received', source: sourceOf(command), message })
  }

  #respond(status: string): void {
    const [entry] = [...this.#open].slice(this.#random.below(this.#open.size || 1))
    if (entry === undefined) return
    const [key, asked] = entry
    if (Number(status) >= 200) this.#open.delete(key)
    const response = reply(asked, Number(status), { toTag: 'u' })
    this.#feed({ kind: 'respond', key, response })
  }

  #request(): void {
    const method = this.#pick(['INVITE', 'BYE', 'MESSAGE'])
    const command = this.#command(method, `z9hG4bK${this.#pick(['a', 'b'])}${this.#number++}`)
    const request = requestOf(command, method)
    const key = clientKeyOf(request)
    if (key === undefined) return
    const reliable = this.#random.chance(1, 3)
    this.#started.push(key)
    this.#waiting.add(key)
    this.#feed({ kind: 'request', key, to: 'tcp:x' as FlowId, reliable, request })
    // A response to it, of whatever kind, sooner or later.
    if (this.#random.chance(1, 2)) this.#answerOwn(command, method)
  }

  #answerOwn(command: ReturnType<Storm['command']>, method: string): void {
    for (let count = this.#random.below(4); count > 0; count--) {
      const arg = (key: string): string | undefined =>
        key === 'method' ? method : command.arg(key)
      const answer = { ...command, words: [this.#pick(STATUSES)], arg }
      this.#feed({ kind: 'received', source: sourceOf(command), message: messageOf(answer) })
    }
  }

  #cancel(): void {
    const key = this.#started[this.#random.below(this.#started.length || 1)]
    if (key !== undefined) this.#feed({ kind: 'cancel', key, headers: [] })
  }

  #fail(): void {
    const exactly = this.#random.chance(2, 3)
    if (this.#sent !== undefined && exactly)
      this.#feed({ kind: 'transport-failed', to: this.#sent.to, message: this.#sent.message })
    else this.#feed({ kind: 'transport-failed', to: 'tcp:x' as FlowId, message: undefined })
  }

  #feed(input: LayerInput): void {
    for (const output of this.layer.step(input, this.now)) this.#hear(output)
  }

  #hear(output: LayerOutput): void {
    if (output.kind === 'send') this.#sent = output
    if (output.kind === 'request') this.#open.set(output.key, output.request)
    if (output.kind === 'server-terminated') this.#open.delete(output.key)
    if (output.kind === 'failed') this.#final(output.key)
    if (output.kind === 'response' && output.response.status >= 200)
      this.#waiting.delete(output.key)
  }

  #final(key: ClientKey): void {
    if (!this.#waiting.delete(key)) throw new Error(`${key} failed after its final answer`)
  }

  command(method: string, branch: string) {
    const drawn: Readonly<Record<string, string | undefined>> = {
      branch,
      transport: this.#pick(['udp', 'tcp']),
      'call-id': this.#pick(['c1', 'c2']),
      cseq: this.#pick(['1', '2']),
      'from-tag': this.#pick(['f', 'g']),
      'to-tag': this.#random.chance(1, 2) ? undefined : this.#pick(['t', 'u']),
      method: this.#pick(METHODS),
      'sent-by': this.#pick(['192.0.2.1:5060', '192.0.2.2', '[2001:db8::1]:5070']),
    }
    return { name: '', words: [method], body: [], arg: (key: string) => drawn[key] }
  }

  #command(method: string, branch = this.#pick(BRANCHES)): ReturnType<Storm['command']> {
    return this.command(method, branch)
  }

  #pick<T extends string>(from: readonly T[]): T {
    const picked = from[this.#random.below(from.length)]
    assert(picked !== undefined, 'nothing to pick from')
    return picked
  }
}

test(`strange messages, ${SEEDS} seeds`, () => {
  for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
    const storm = new Storm(seed)
    for (let input = 0; input < INPUTS; input++) storm.step()
    storm.settle()
    const nothing = { clients: 0, places: 0, servers: 0, timers: 0 }
    expect(storm.layer.size, `seed ${seed}`).toEqual(nothing)
  }
})
