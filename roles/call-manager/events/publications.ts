//! Published event state, RFC 3903 §4: soft state by entity-tag. Pure. Class: ephemeral; after a
//! failover the publisher's next refresh meets 412 and it publishes anew (§4.5).
//!
//! Bounded for each AOR and package; one more pushes out the one refreshed longest ago,
//! as a device that forgot its entity-tag in a restart would otherwise be locked out by its past.

import { deadline, DeadlineHeap, type Deadline } from '../../../src/base/heap.ts'
import type { Millis } from '../../../src/base/time.ts'

export type Publication = {
  readonly aor: string
  readonly event: string
  readonly etag: string
  readonly body: string
  readonly expiresAt: Millis
}

export class Publications {
  readonly #byTag = new Map<string, Deadline<Publication>>()
  /** Oldest first. */
  readonly #byResource = new Map<string, readonly Publication[]>()
  readonly #timers = new DeadlineHeap<Publication>()
  readonly #perResource: number

  constructor(perResource: number) {
    this.#perResource = perResource
  }

  get size(): number {
    return this.#byTag.size
  }

  find(aor: string, event: string, etag: string): Publication | undefined {
    const found = this.#byTag.get(etag)?.owner
    return found?.aor === aor && found.event === event ? found : undefined
  }

  /** Newest first. */
  of(aor: string, event: string): readonly Publication[] {
    return this.#byResource.get(resourceKey(aor, event))?.toReversed() ?? []
  }

  /** A new one, or the successor of `replaced` under a new entity-tag (§6, step 7). */
  put(publication: Publication, replaced: string | undefined): void {
    if (replaced !== undefined) this.remove(replaced)
    const key = resourceKey(publication.aor, publication.event)
    const [oldest, ...others] = this.#byResource.get(key) ?? []
    if (oldest !== undefined && others.length + 1 >= this.#perResource) this.remove(oldest.etag)
    this.#byResource.set(key, [...(this.#byResource.get(key) ?? []), publication])
    const timer = deadline(publication)
    this.#byTag.set(publication.etag, timer)
    this.#timers.set(timer, publication.expiresAt)
  }

  remove(etag: string): void {
    const timer = this.#byTag.get(etag)
    if (timer === undefined) return
    this.#byTag.delete(etag)
    this.#timers.remove(timer)
    const key = resourceKey(timer.owner.aor, timer.owner.event)
    const left = (this.#byResource.get(key) ?? []).filter((each) => each.etag !== etag)
    if (left.length === 0) this.#byResource.delete(key)
    else this.#byResource.set(key, left)
  }

  deadline(): Millis | undefined {
    return this.#timers.first()?.at
  }

  /** Takes out and returns what has run out. */
  expire(now: Millis): Publication[] {
    const gone: Publication[] = []
    for (let first = this.#timers.first(); first !== undefined && first.at <= now;) {
      gone.push(first.owner)
      this.remove(first.owner.etag)
      first = this.#timers.first()
    }
    return gone
  }
}

function resourceKey(aor: string, event: string): string {
  return `${event} ${aor}`
}
