//! What a call of the load is going to do, and what its record must say in the end.

import { unreachable } from '../../src/base/assert.ts'
import type { Random } from '../../src/base/random.ts'
import type { Cdr } from '../../src/store/schema/call.ts'

export type Plan = (typeof MIX)[number][0]

export type Expected = {
  /** Of the CDR, and of the caller's INVITE. */
  readonly status: number
  readonly endedBy: Cdr['endedBy']
  readonly answered: boolean
}

/** In ten-thousandths of all calls. */
const MIX = [
  ['caller ends', 5_400],
  ['callee ends', 3_800],
  ['cancelled', 300],
  ['busy', 300],
  ['declined', 100],
  ['unanswered', 60],
  ['unknown', 40],
] as const

export const PLANS: readonly Plan[] = MIX.map(([plan]) => plan)

export function drawPlan(random: Random): Plan {
  let left = random.below(10_000)
  for (const [plan, share] of MIX) {
    left -= share
    if (left < 0) return plan
  }
  return 'caller ends'
}

export function expectedOf(plan: Plan): Expected {
  switch (plan) {
    case 'caller ends':
      return { status: 200, endedBy: 'caller', answered: true }
    case 'callee ends':
      return { status: 200, endedBy: 'callee', answered: true }
    case 'cancelled':
      return { status: 487, endedBy: 'caller', answered: false }
    case 'busy':
      return { status: 486, endedBy: 'callee', answered: false }
    case 'declined':
      return { status: 603, endedBy: 'callee', answered: false }
    case 'unanswered':
      return { status: 480, endedBy: 'system', answered: false }
    case 'unknown':
      return { status: 404, endedBy: 'system', answered: false }
    default:
      return unreachable(plan)
  }
}
