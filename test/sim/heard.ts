//! Who rings without our knowing: a phone that got none but the last copies of an INVITE.

import type { Millis } from '../../src/base/time.ts'
import type { SipMessage } from '../../src/sip/message/message.ts'
import { HOPE } from '../../src/sip/transaction/timers.ts'
import type { World } from '../harness/world.ts'

/** Of which of our calls anything was heard before Timer B gave them up (RFC 3261 §17.1.1.2). */
export class Heard {
  readonly callIds = new Set<string>()
  readonly #sentAt = new Map<string, Millis>()
  readonly #world: World

  constructor(world: World) {
    this.#world = world
  }

  onMessage(direction: 'in' | 'out', message: SipMessage): void {
    const id = message.headers.get('call-id') ?? ''
    const { now } = this.#world
    const sentAt = this.#sentAt.get(id) ?? now
    this.#sentAt.set(id, sentAt)
    if (direction === 'in' && now - sentAt < HOPE) this.callIds.add(id)
  }
}
