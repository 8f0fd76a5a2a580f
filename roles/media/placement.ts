//! Which server carries which session.

import { Lru } from '../../src/base/lru.ts'
import type { MediaId } from '../../src/control/media-control.ts'
import type { MediaCarrier } from '../../src/media/by-requests.ts'

const RELEASED_MAX = 4_096

/** Whoever has sessions. */
export type Carrier = Pick<MediaCarrier, 'ask'>

type Place = { readonly at: Carrier; readonly isResumed: boolean; isConfirmed: boolean }

export class Placement {
  readonly #places = new Map<MediaId, Place>()
  readonly #counts = new Map<Carrier, number>()
  /** Of sessions that were released, for a release that is asked again. */
  readonly #left = new Lru<MediaId, Carrier>(RELEASED_MAX)

  of(media: MediaId): Carrier | undefined {
    return this.#places.get(media)?.at
  }

  /** It is being made there. */
  put(media: MediaId, at: Carrier): void {
    this.#put(media, { at, isResumed: false, isConfirmed: false })
  }

  /** It lives there because a server said so, and not because it was made there. */
  resume(media: MediaId, at: Carrier): void {
    this.#put(media, { at, isResumed: true, isConfirmed: true })
  }

  resumedAt(media: MediaId): Carrier | undefined {
    const place = this.#places.get(media)
    return place?.isResumed === true ? place.at : undefined
  }

  /** They are there. */
  confirm(media: readonly MediaId[]): void {
    for (const id of media) {
      const place = this.#places.get(id)
      if (place !== undefined) place.isConfirmed = true
    }
  }

  forget(media: MediaId): void {
    const at = this.of(media)
    if (at === undefined) return
    this.#places.delete(media)
    this.#counts.set(at, this.countOf(at) - 1)
  }

  /** Forgets them, and says who had which. */
  take(media: readonly MediaId[]): readonly (readonly [at: Carrier, media: MediaId[]])[] {
    const found = new Map<Carrier, MediaId[]>()
    for (const id of media) {
      const at = this.of(id) ?? this.#left.get(id)
      if (at === undefined) continue
      this.forget(id)
      this.#left.set(id, at)
      const ids = found.get(at)
      if (ids === undefined) found.set(at, [id])
      else ids.push(id)
    }
    return [...found]
  }

  /** Those made there that are no longer among `live`; all of them when it is left out. */
  missing(at: Carrier, live?: ReadonlySet<MediaId>): readonly MediaId[] {
    return [...this.#places]
      .filter(([id, place]) => place.at === at && place.isConfirmed && live?.has(id) !== true)
      .map(([id]) => id)
  }

  /** How many are or are being made there. */
  countOf(at: Carrier): number {
    return this.#counts.get(at) ?? 0
  }

  #put(media: MediaId, place: Place): void {
    this.forget(media)
    this.#places.set(media, place)
    this.#counts.set(place.at, this.countOf(place.at) + 1)
  }
}
