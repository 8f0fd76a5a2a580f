//! A duty of who serves: what it asked a media server over a connection that broke, and still waits
//! for, it asks again over the next one as soon as the server says what it carries.

import { assert } from '../../../src/base/assert.ts'
import { decodeFromServer, decodeToServer } from '../../../roles/media/decode.ts'

/** By then it has given up what it asked. */
const WAITS_MS = 5_000
/** By then it takes a server for lost that has not said what it carries. */
const LOST_MS = 1_000

/** Of one who serves and one server. */
export class Unanswered {
  readonly #asked = new Map<number, { readonly connection: number; readonly at: number }>()
  #connection = 0
  #since = 0
  #isNew = false

  /** It is told of a new connection. */
  connected(connection: number, now: number): void {
    this.#connection = connection
    this.#since = now
    this.#isNew = true
  }

  /** It is told that there is none, and may give up what it asked. */
  disconnected(): void {
    this.#asked.clear()
  }

  said(data: Uint8Array, connection: number, now: number): void {
    const message = decodeToServer(data)
    if (message?.kind === 'ask') {
      const { at } = this.#asked.get(message.id) ?? { at: now }
      this.#asked.set(message.id, { connection, at })
      return
    }
    // To one that hangs it says so once more, and has given up what it asked.
    if (!this.#isNew) this.#asked.clear()
    this.#isNew = false
  }

  /** And has done whatever it does then. */
  heard(data: Uint8Array, now: number): void {
    const message = decodeFromServer(data)
    if (message?.kind === 'answer') this.#asked.delete(message.id)
    if (message?.kind !== 'here' || now - this.#since >= LOST_MS) return
    for (const { connection, at } of this.#asked.values())
      assert(
        connection >= this.#connection || now - at >= WAITS_MS,
        'what a media server was asked over a connection that broke is not asked again',
      )
  }
}
