//! A call as watchers see it (RFC 4235): one dialog an extension, from its own point of view.

import type { DialogState, WatchedDialog } from '../../events/watched-dialog.ts'
import { CALLER, type Branch, type CallState, type Leg, type Party } from '../state.ts'

/** Whose dialogs the call has, or had; one may come twice. */
export function aorsIn(state: CallState): string[] {
  const aors: string[] = []
  for (const { party } of state.legs) if (party.aor !== undefined) aors.push(party.aor)
  for (const { target } of state.attempt?.branches ?? [])
    if (target.aor !== undefined) aors.push(target.aor)
  return aors
}

export function watchedIn(state: CallState): WatchedDialog[] {
  const found: WatchedDialog[] = []
  for (const leg of state.legs) {
    const dialog = ofLeg(state, leg)
    if (dialog !== undefined) found.push(dialog)
  }
  if (state.attempt?.lingerUntil !== undefined) return found
  for (const branch of state.attempt?.branches ?? []) {
    const dialog = ofBranch(state, branch)
    if (dialog !== undefined) found.push(dialog)
  }
  return found
}

function ofLeg(state: CallState, leg: Leg): WatchedDialog | undefined {
  const { party, dialog } = leg
  if (party.aor === undefined || leg.state === 'gone' || leg.state === 'leaving') return undefined
  const face = state.invite?.faces.find((each) => each.dialog !== undefined)
  const shown = leg.state === 'setup' ? face?.dialog : dialog
  const early: DialogState = shown === undefined ? 'trying' : 'early'
  const other = otherParty(state, leg)
  return {
    aor: party.aor,
    id: `${state.id}-${leg.id}`,
    state: leg.state === 'up' ? 'confirmed' : early,
    direction: leg.branch === undefined ? 'initiator' : 'recipient',
    remote: { uri: other.uri, displayName: other.name },
    sip: shown && sipOf(shown.callId, shown.remote.tag, shown.local.tag),
  }
}

function ofBranch(state: CallState, branch: Branch): WatchedDialog | undefined {
  const { target } = branch
  if (branch.state !== 'calling' && branch.state !== 'ringing') return undefined
  const [early] = branch.early
  const caller = callerOf(state)
  return {
    aor: target.aor,
    id: `${state.id}-${branch.leg}`,
    state: branch.state === 'ringing' ? 'early' : 'trying',
    direction: 'recipient',
    remote: { uri: caller.uri, displayName: caller.name },
    sip: early && sipOf(branch.sipCallId, early.dialog.remote.tag, branch.localTag),
  }
}

function sipOf(callId: string, localTag: string, remoteTag: string): WatchedDialog['sip'] {
  return { callId, localTag, remoteTag }
}

const ANONYMOUS: Party = { aor: undefined, name: '', uri: 'sip:anonymous@anonymous.invalid' }

/** Who the callee sees; who hides is hidden from watchers too. */
function callerOf(state: CallState): Party {
  const who = state.transfer?.who ?? CALLER
  const leg = state.legs.find(({ id }) => id === who)
  return leg === undefined || leg.hidden ? ANONYMOUS : leg.party
}

function otherParty(state: CallState, leg: Leg): Party {
  const peer = state.legs.find((each) => each.id === leg.peer)
  if (peer !== undefined) return peer.hidden ? ANONYMOUS : peer.party
  return { aor: undefined, name: '', uri: state.record.callee }
}
