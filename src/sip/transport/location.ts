//! Where a request for a URI goes: RFC 3263 as a pure machine. Questions to the DNS are outputs,
//! answers are inputs; what was learnt is remembered for as long as it is valid.
//!
//!     locate ──> plan ──all known──────────────────────> located
//!                 ^  └─something missing──> ask ──> (host)   ^
//!                 └───────────────answered─────────────┘     │
//!                                 deadline ──────────────────┘ with what is known by then
//!
//! A plan is made anew from all answers whenever one comes in, so there is no half-made state.

import type { Machine } from '../../base/machine.ts'
import type { Random } from '../../base/random.ts'
import { after, seconds, type Millis } from '../../base/time.ts'
import type { SipUri } from '../message/uri.ts'
import type { Target } from '../transaction/flow.ts'
import { DnsMemory } from './dns-memory.ts'
import type { Answer, Question } from './dns.ts'
import { makePlan } from './location-plan.ts'

export type LocationInput =
  | { readonly kind: 'locate'; readonly id: number; readonly uri: SipUri }
  | { readonly kind: 'answered'; readonly question: Question; readonly answer: Answer }
  | { readonly kind: 'wake' }

export type LocationOutput =
  | { readonly kind: 'ask'; readonly question: Question }
  /** In order of preference; empty when it leads nowhere. */
  | { readonly kind: 'located'; readonly id: number; readonly targets: readonly Target[] }

export type LocationOptions = {
  readonly random: Random
  /** Address families there is a socket for. */
  readonly families: readonly (4 | 6)[]
  /** How long one URI may take. */
  readonly patience?: Millis
}

type Search = { readonly id: number; readonly uri: SipUri; readonly until: Millis }

const PATIENCE = seconds(5)
/** Searches under way; more find nothing at once, or a dead DNS would fill the memory. */
const SEARCHES_MAX = 10_000

export class Location implements Machine<LocationInput, LocationOutput> {
  readonly #options: LocationOptions
  readonly #memory = new DnsMemory()
  readonly #searches = new Map<number, Search>()
  /** Who waits for the answer to a question that was asked. */
  readonly #asked = new Map<string, Set<Search>>()

  constructor(options: LocationOptions) {
    this.#options = options
  }

  step(input: LocationInput, now: Millis): readonly LocationOutput[] {
    const out: LocationOutput[] = []
    switch (input.kind) {
      case 'locate':
        this.#begin(input.id, input.uri, now, out)
        break
      case 'answered':
        this.#answered(input.question, input.answer, now, out)
        break
      case 'wake':
        for (const search of this.#searches.values())
          if (search.until <= now) this.#giveUp(search, now, out)
        break
      default:
        return input satisfies never
    }
    return out
  }

  /** Searches end in the order they began. */
  deadline(): Millis | undefined {
    const [first] = this.#searches.values()
    return first?.until
  }

  #begin(id: number, uri: SipUri, now: Millis, out: LocationOutput[]): void {
    const search = { id, uri, until: after(now, this.#options.patience ?? PATIENCE) }
    if (this.#searches.size >= SEARCHES_MAX) return this.#giveUp(search, now, out)
    this.#searches.set(id, search)
    return this.#advance(search, now, out)
  }

  #answered(question: Question, answer: Answer, now: Millis, out: LocationOutput[]): void {
    const waiting = this.#asked.get(nameOf(question)) ?? []
    this.#asked.delete(nameOf(question))
    this.#memory.keep(question, answer, now)
    for (const search of waiting)
      if (this.#searches.get(search.id) === search) this.#advance(search, now, out)
  }

  #advance(search: Search, now: Millis, out: LocationOutput[]): void {
    const { missing, targets } = this.#plan(search, now)
    if (missing.length === 0) return this.#end(search, targets, out)
    for (const question of missing) {
      const name = nameOf(question)
      const waiting = this.#asked.get(name)
      waiting?.add(search)
      if (waiting !== undefined) continue
      this.#asked.set(name, new Set([search]))
      out.push({ kind: 'ask', question })
    }
    return undefined
  }

  /** Better some of the targets than none. */
  #giveUp(search: Search, now: Millis, out: LocationOutput[]): void {
    this.#end(search, this.#plan(search, now).targets, out)
  }

  #end(search: Search, targets: readonly Target[], out: LocationOutput[]): void {
    this.#searches.delete(search.id)
    out.push({ kind: 'located', id: search.id, targets })
  }

  #plan(search: Search, now: Millis) {
    const { random, families } = this.#options
    const recall = (question: Question): Answer | undefined => this.#memory.recall(question, now)
    return makePlan({ uri: search.uri, random, families, recall })
  }
}

function nameOf({ type, name }: Question): string {
  return `${type} ${name}`
}
