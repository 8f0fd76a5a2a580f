//! Legs that were on their way from one call to another when their process died. Snapshots of the
//! two are of different moments, and say together how far it came: who takes a leg is saved with it
//! before the other one ends. Pure.
//!
//!   a leg is in both calls -----------> it is the taker's, and the giver ends
//!   a picker answered, its leg in one -> the ringing call waits for it
//!   the picker is not there -----------> nobody is waited for

import type { CallId } from '../../../src/control/ids.ts'
import type { CallState } from './state.ts'

/** Returns the calls whose part it was to give a leg. */
export function settleMoves(states: readonly CallState[]): ReadonlySet<CallId> {
  const byId = new Map(states.map((state) => [state.id, state]))
  const left = new Set<CallId>()
  for (const state of states) state.awaitsPicker = false
  for (const taker of states)
    for (const giver of taker.absorbed.flatMap((id) => byId.get(id) ?? [])) {
      giveUp(giver, taker)
      left.add(giver.id)
    }
  for (const { id, pickingUp } of states) {
    const rings = pickingUp === undefined ? undefined : byId.get(pickingUp)
    if (rings !== undefined && !left.has(id)) rings.awaitsPicker = true
  }
  return left
}

function giveUp(giver: CallState, taker: CallState): void {
  const { legs, record, answering, pickingUp } = giver
  const tags = new Set(taker.legs.flatMap(({ dialog }) => dialog?.local.tag ?? []))
  const index = legs.findIndex((leg) => tags.has(leg.dialog?.local.tag ?? answering?.face ?? ''))
  if (index !== -1) legs.splice(index, 1)
  if (pickingUp === undefined) return
  giver.pickingUp = undefined
  giver.invite = undefined
  giver.answering = undefined
  record.answeredAt ??= answering?.at
  record.answeredBy = record.caller
}
