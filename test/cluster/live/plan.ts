//! Which faults befall whom, and which pairs of them, from a seed. Pure.

import type { Random } from '../../../src/base/random.ts'
import { FAULTS, type Fault } from './faults.ts'

/** `successor`: whoever serves when the second fault comes. */
export type Victim = 'leader' | 'follower' | 'media' | 'same' | 'successor' | 'other'
export type Blow = { readonly fault: Fault; readonly victim: Victim; readonly afterMs: number }
export type Trial = {
  readonly name: string
  readonly blows: readonly Blow[]
  /** In which order they are undone. */
  readonly mendLastFirst: boolean
}

/** Long enough for a failover, or in the middle of one. */
const SECOND_AFTER_MS = [200, 700, 1_200, 3_000] as const
/** What befalls a process that is gone shows nothing. */
const ENDS_PROCESS: ReadonlySet<string> = new Set(['kill', 'power', 'stop'])

export function plan(random: Random, pairs: number, only: readonly string[]): readonly Trial[] {
  const singles = FAULTS.flatMap((fault) => {
    const victims: readonly Victim[] = fault.leaderOnly ? ['leader'] : ['leader', 'follower']
    const all = fault.onMedia === true ? [...victims, 'media' as const] : victims
    return all.map((victim) => single(fault, victim))
  })
  const planned = [...singles, ...LOST_WITH_WRONG_CLOCK.map(lostWith)]
  const chosen = only.length === 0 ? planned : planned.filter((trial) => isAsked(trial, only))
  const wantsPairs = only.length === 0 || only.includes('pairs')
  const drawn = wantsPairs ? Array.from({ length: pairs }, () => pair(random)) : []
  return [...chosen, ...drawn]
}

/** What it dated is judged by another clock. */
const LOST_WITH_WRONG_CLOCK = ['clock-back', 'clock-others'] as const

function lostWith(name: string): Trial {
  const kill = FAULTS.find((each) => each.name === 'kill')
  const fault = FAULTS.find((each) => each.name === name)
  if (kill === undefined || fault === undefined) throw new Error(`there is no ${name}, or no kill`)
  return {
    name: `${name}/leader and kill/same 3000 ms later`,
    blows: [
      { fault, victim: 'leader', afterMs: 0 },
      { fault: kill, victim: 'same', afterMs: 3_000 },
    ],
    mendLastFirst: true,
  }
}

function isAsked({ name }: Trial, only: readonly string[]): boolean {
  return only.some((each) => name === each || name.startsWith(`${each}/`))
}

function single(fault: Fault, victim: Victim): Trial {
  const name = `${fault.name}/${victim}`
  return { name, blows: [{ fault, victim, afterMs: 0 }], mendLastFirst: false }
}

function pair(random: Random): Trial {
  for (;;) {
    const [first, second] = [pick(random, FAULTS), pick(random, FAULTS)]
    const victim = pick(random, ['same', 'successor', 'other'] as const)
    const afterMs = pick(random, SECOND_AFTER_MS)
    if (first === undefined || second === undefined) continue
    if (first.leaderOnly || second.leaderOnly) continue
    if (victim === 'same' && (first === second || ENDS_PROCESS.has(first.name))) continue
    return {
      name: `${first.name}/leader and ${second.name}/${victim} ${afterMs} ms later`,
      blows: [
        { fault: first, victim: 'leader', afterMs: 0 },
        { fault: second, victim, afterMs },
      ],
      mendLastFirst: random.below(2) === 0,
    }
  }
}

function pick<T>(random: Random, from: readonly T[]): T {
  const found = from[random.below(from.length)]
  if (found === undefined) throw new Error('there is nothing to pick')
  return found
}
