//! Answers of the DNS, for as long as they hold. Bounded. Pure.

import { Lru } from '../../base/lru.ts'
import { after, millis, seconds, type Millis } from '../../base/time.ts'
import type { Answer, Question } from './dns.ts'

const REMEMBERED = 10_000
/** SRV and NAPTR answers come without their lifetime. */
const USUAL = seconds(60)
/** A lifetime of zero would have every request ask; one of a week would outlive every change. */
const SHORTEST = seconds(5)
const LONGEST = seconds(3_600)
const NONE_THERE = seconds(30)
const NOBODY_ANSWERED = seconds(3)

export class DnsMemory {
  readonly #known = new Lru<string, { readonly answer: Answer; readonly until: Millis }>(REMEMBERED)

  keep(question: Question, answer: Answer, now: Millis): void {
    this.#known.set(keyOf(question), { answer, until: after(now, lifetimeOf(answer)) })
  }

  recall(question: Question, now: Millis): Answer | undefined {
    const known = this.#known.get(keyOf(question))
    return known === undefined || known.until <= now ? undefined : known.answer
  }
}

function lifetimeOf({ records, lifetime, failed }: Answer): Millis {
  if (failed === true) return NOBODY_ANSWERED
  if (records.length === 0) return NONE_THERE
  return millis(Math.min(Math.max(lifetime ?? USUAL, SHORTEST), LONGEST))
}

function keyOf({ type, name }: Question): string {
  return `${type} ${name}`
}
