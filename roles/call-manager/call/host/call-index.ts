//! Calls by what comes in: by id, by the tag of one of their dialogs, by INVITE.

import type { CallId, TenantId } from '../../../../src/control/ids.ts'
import type { MediaId } from '../../../../src/control/media-control.ts'
import type { ServerKey } from '../../../../src/sip/transaction/keys.ts'
import type { LiveCall } from './live-call.ts'

export class CallIndex {
  readonly #calls = new Map<CallId, LiveCall>()
  /** By the calls whose legs went to others: their tags still come in. */
  readonly #moved = new Map<CallId, Set<LiveCall>>()
  readonly #invites = new Map<ServerKey, LiveCall>()
  readonly #ofCaller = new Map<string, number>()
  readonly #ofTenant = new Map<TenantId, number>()

  get size(): number {
    return this.#calls.size
  }

  all(): Iterable<LiveCall> {
    return this.#calls.values()
  }

  add(live: LiveCall): void {
    this.#calls.set(live.id, live)
    if (live.inviteKey !== undefined) this.#invites.set(live.inviteKey, live)
    for (const id of live.machine.state.absorbed) this.#follow(id, live)
    this.#count(live, 1)
  }

  /** Calls that this AOR began. */
  callsOf(caller: string): number {
    return this.#ofCaller.get(caller) ?? 0
  }

  callsOfTenant(tenant: TenantId): number {
    return this.#ofTenant.get(tenant) ?? 0
  }

  get(id: CallId): LiveCall | undefined {
    return this.#calls.get(id)
  }

  byInvite(key: ServerKey): LiveCall | undefined {
    return this.#invites.get(key)
  }

  /** A tag of ours begins with the id of the call it was made in. */
  byTag(tag: string | undefined): LiveCall | undefined {
    const end = tag?.indexOf('-') ?? -1
    if (tag === undefined || end <= 0) return undefined
    return this.#ofCall(tag.slice(0, end) as CallId, ({ machine }) => machine.owns(tag))
  }

  /** A media session is named after its call as well. */
  byMedia(media: MediaId): LiveCall | undefined {
    const id = media.slice(0, media.indexOf('-')) as CallId
    return this.#ofCall(id, ({ machine }) =>
      machine.state.legs.some((leg) => leg.media === media && leg.state !== 'gone'),
    )
  }

  /** Its own legs may be in several calls by now. */
  #ofCall(id: CallId, owns: (live: LiveCall) => boolean): LiveCall | undefined {
    const live = this.#calls.get(id)
    const moved = this.#moved.get(id)
    if (moved === undefined || (live !== undefined && owns(live))) return live
    const all = [...moved]
    return all.find(owns) ?? all.at(-1)
  }

  /** The caller's INVITE has its final answer: no CANCEL can come any more. */
  answered(live: LiveCall, key: ServerKey): void {
    if (live.inviteKey !== key) return
    this.#invites.delete(key)
    live.inviteKey = undefined
  }

  /** A leg goes over: what its tags and its media session name is the other call from now on. */
  move(from: LiveCall, to: LiveCall): void {
    for (const id of [from.id, ...from.machine.state.absorbed]) this.#follow(id, to)
  }

  forget(live: LiveCall): void {
    if (this.#calls.delete(live.id)) this.#count(live, -1)
    for (const id of live.machine.state.absorbed) {
      const moved = this.#moved.get(id)
      if (moved?.delete(live) === true && moved.size === 0) this.#moved.delete(id)
    }
    if (live.inviteKey !== undefined) this.#invites.delete(live.inviteKey)
  }

  #follow(id: CallId, to: LiveCall): void {
    const moved = this.#moved.get(id)
    if (moved === undefined) this.#moved.set(id, new Set([to]))
    else moved.add(to)
  }

  #count({ caller, tenant }: LiveCall, change: 1 | -1): void {
    add(this.#ofTenant, tenant, change)
    if (caller !== undefined) add(this.#ofCaller, caller, change)
  }
}

function add<K>(counts: Map<K, number>, key: K, change: 1 | -1): void {
  const count = (counts.get(key) ?? 0) + change
  if (count === 0) counts.delete(key)
  else counts.set(key, count)
}
