//! Nodes compare their states. Now and then, at the same entries, every node notes the digest of
//! its state; the leader puts its own into the log, and who has noted another one stops.

import type { LogIndex } from '../../raft/entry.ts'
import { StoreFault } from '../errors.ts'
import type { StateDigest } from './state-digest.ts'

/** In the log. Proposed by a leader, and by nobody else. */
export type DigestCommand = {
  readonly kind: 'state.digest'
  /** The entry after which the leader's state had this digest. */
  readonly at: LogIndex
  readonly digest: string
}

/** More entries than this many times the interval are never between a note and its comparison. */
const NOTES_MAX = 200

export class Comparison {
  readonly #digest: StateDigest
  readonly #every: number
  /** Oldest first. */
  readonly #notes = new Map<LogIndex, string>()
  #noted: LogIndex | undefined
  #told: LogIndex | undefined
  /** The newest entry after which this state was found to be the leader's; 0 before the first. */
  compared = 0

  /** `every`: how many entries apart, besides the first of each term. */
  constructor(digest: StateDigest, every: number) {
    this.#digest = digest
    this.#every = every
  }

  /** The entry at `index` is applied. */
  applied(index: LogIndex, isFirstOfTerm: boolean): void {
    if (index % this.#every !== 0 && !isFirstOfTerm) return
    this.#notes.set(index, this.#digest.value)
    this.#noted = index
    if (this.#notes.size > NOTES_MAX)
      for (const oldest of this.#notes.keys()) return void this.#notes.delete(oldest)
  }

  /** What a leader has to tell the others; undefined when it has told all. */
  next(): DigestCommand | undefined {
    const at = this.#noted
    const digest = at === undefined || at === this.#told ? undefined : this.#notes.get(at)
    return at === undefined || digest === undefined
      ? undefined
      : { kind: 'state.digest', at, digest }
  }

  /** It is in the log. */
  told({ at }: DigestCommand): void {
    this.#told = at
  }

  /** Throws when the states differ. What was not noted, in an earlier life say, is passed over. */
  compare({ at, digest }: DigestCommand): void {
    const own = this.#notes.get(at)
    if (own === undefined) return
    if (own === digest) this.compared = at
    else throw diverged(at, own, digest)
  }
}

function diverged(at: LogIndex, own: string, leaders: string): StoreFault {
  const found = `this node's state after entry ${at} is ${own}, the leader's is ${leaders}`
  const mend = 'run pbx cluster rejoin on this host, with --data, and start it again'
  return new StoreFault('diverged', `${found}: ${mend}`)
}
