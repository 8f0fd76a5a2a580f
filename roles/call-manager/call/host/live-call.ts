//! One call as its host keeps it: the machine, its deadline, and the names of its transactions.

import { assert } from '../../../../src/base/assert.ts'
import { deadline, type Deadline } from '../../../../src/base/heap.ts'
import type { CallId, TenantId } from '../../../../src/control/ids.ts'
import type { SipResponse } from '../../../../src/sip/message/message.ts'
import type { RequestFailure, ResponseHandler, SentAs } from '../../../../src/sip/stack.ts'
import type { Source } from '../../../../src/sip/transaction/flow.ts'
import type { ClientKey, ServerKey } from '../../../../src/sip/transaction/keys.ts'
import type { WatchedDialog } from '../../events/watched-dialog.ts'
import type { Mood } from './call-news.ts'
import type { CallInput } from '../io.ts'
import type { CallMachine } from '../machine.ts'
import type { TxId } from '../state.ts'

export class LiveCall {
  readonly id: CallId
  readonly tenant: TenantId
  readonly deadline: Deadline<LiveCall> = deadline(this)
  /** What has come before it may go on; see `goOn`. */
  held: CallInput[] | undefined
  /** INVITEs of ours on their way, for CANCEL and for a successor. */
  clients = new Map<TxId, ClientKey>()
  /** How the INVITEs went out that another process sent. */
  sent: ReadonlyMap<TxId, SentAs> = NOTHING_SENT
  /** AOR of who began it, here and not before a restart. */
  caller: string | undefined
  /** The caller's INVITE, as long as a CANCEL may come for it. */
  inviteKey: ServerKey | undefined
  /** AORs it is listed under. */
  readonly aors: string[] = []
  /** What watchers were told last; undefined while nobody watches. */
  told: readonly WatchedDialog[] | undefined
  /** What listeners were told last. */
  mood: Mood | undefined
  /** Something watchers may see is another now. */
  changed = false
  #machine: CallMachine | undefined

  constructor(id: CallId, tenant: TenantId, machine: CallMachine) {
    this.id = id
    this.tenant = tenant
    this.#machine = machine
  }

  get isOver(): boolean {
    return this.#machine === undefined
  }

  get machine(): CallMachine {
    const machine = this.#machine
    assert(machine !== undefined, 'the call is over')
    return machine
  }

  /** Transactions refer to this for half a minute after the call: they shall hold but a shell. */
  end(): void {
    this.#machine = undefined
    this.clients = NO_CLIENTS
    this.aors.length = 0
    this.told = undefined
  }
}

const NOTHING_SENT: ReadonlyMap<TxId, SentAs> = new Map()
/** A map keeps its room when it is emptied. */
const NO_CLIENTS = new Map<TxId, ClientKey>()

/** One of our requests: what comes back goes to the call that sent it. */
export class SentRequest implements ResponseHandler {
  readonly #live: LiveCall
  readonly #tx: TxId
  readonly #feed: (live: LiveCall, input: CallInput) => void

  constructor(live: LiveCall, tx: TxId, feed: (live: LiveCall, input: CallInput) => void) {
    this.#live = live
    this.#tx = tx
    this.#feed = feed
  }

  onResponse(response: SipResponse, source: Source): void {
    if (response.status >= 200) this.#live.clients.delete(this.#tx)
    this.#feed(this.#live, { kind: 'response', tx: this.#tx, response, source })
  }

  onFailed(cause: RequestFailure): void {
    this.#live.clients.delete(this.#tx)
    this.#feed(this.#live, { kind: 'failed', tx: this.#tx, cause })
  }
}
