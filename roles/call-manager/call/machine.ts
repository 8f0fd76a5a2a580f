//! The call machine: inputs in, outputs out, everything in between is features over `Call`.
//!
//!   caller's INVITE --> plan --> attempt: branches ring --2xx--> committed --> 2xx --> up
//!                        |          +-- nobody --> prompt, refusal      |
//!                        +-- service: answered here                     +-- re-offers, transfers
//!                        +-- refused                                    +-- BYE --> ending --> CDR

import { assert, unreachable } from '../../../src/base/assert.ts'
import type { Machine } from '../../../src/base/machine.ts'
import type { Millis } from '../../../src/base/time.ts'
import type { CallId, TenantId } from '../../../src/control/ids.ts'
import { onAck, onAnsweredAgain } from './acked.ts'
import { promptPlayed } from './announce.ts'
import { Call, type CallWorld } from './call.ts'
import { onCancel } from './cancel.ts'
import { deadlineOf, wake } from './deadlines.ts'
import { finish, isOver, settleEnd } from './end.ts'
import { settleAttempt } from './fork.ts'
import { mediaLost } from './media-loss.ts'
import { recover } from './recover.ts'
import { onRecognized, onRequest } from './in-dialog.ts'
import type { CallInput, CallOutput, Invited } from './io.ts'
import { openIn } from './open.ts'
import { refusalOf } from './refusal.ts'
import { onAnswered, onFailed, onResponse, onStray } from './responses.ts'
import { onGiven, onMedia, onPlanned, onReports, onSaved } from './resume.ts'
import { begin, callStateOf } from './setup.ts'
import { probeSilent } from './session.ts'
import type { CallState, Open } from './state.ts'
import { give, handed, pickedUp } from './takeover.ts'

export class CallMachine implements Machine<CallInput, CallOutput> {
  readonly #call: Call

  private constructor(state: CallState, world: CallWorld, inherited: readonly Open[] = []) {
    this.#call = new Call(state, world, inherited)
  }

  /** For the INVITE; step it with the same input. */
  static invited(input: Invited, id: CallId, tenant: TenantId, world: CallWorld): CallMachine {
    return new CallMachine(callStateOf(input, id, tenant, world), world)
  }

  /** From a snapshot; `open`: re-INVITEs that it left unanswered. */
  static resumed(state: CallState, open: readonly Open[], world: CallWorld): CallMachine {
    return new CallMachine(state, world, open)
  }

  get state(): CallState {
    return this.#call.state
  }

  /** Re-INVITEs that wait for the other side, or for the ACK, for a successor to answer. */
  get open(): readonly Open[] {
    return openIn(this.#call)
  }

  get isEnding(): boolean {
    return this.state.phase === 'ending' || this.state.phase === 'ended'
  }

  /** Nothing can come any more: the host forgets it. */
  get over(): boolean {
    return isOver(this.#call)
  }

  /** Whether a dialog with this tag of ours is still this call's. */
  owns(tag: string): boolean {
    const { legs, invite, attempt } = this.state
    const rings = attempt?.lingerUntil === undefined
    return (
      legs.some(({ dialog, state }) => dialog?.local.tag === tag && state !== 'gone') ||
      invite?.faces.some((face) => face.tag === tag) === true ||
      (rings && attempt?.branches.some(({ localTag }) => localTag === tag) === true)
    )
  }

  deadline(): Millis | undefined {
    return deadlineOf(this.#call)
  }

  step(input: CallInput, now: Millis): readonly CallOutput[] {
    const call = this.#call
    assert(now >= call.now, 'time went backwards')
    call.now = now
    call.outputs = []
    take(call, input)
    for (let own = call.inbox.shift(); own !== undefined; own = call.inbox.shift()) take(call, own)
    settleAttempt(call)
    settleEnd(call)
    return call.outputs
  }
}

function take(call: Call, input: CallInput): void {
  switch (input.kind) {
    case 'invited':
      return begin(call, input)
    case 'request':
      return onRequest(call, input, input.source, input.proven)
    case 'ack':
      return onAck(call, input.request, input.source)
    case 'recognized':
      return onRecognized(call, input.leg, input.device)
    case 'cancel':
      return onCancel(call, input.key, input.request, input.source)
    case 'response':
      return onResponse(call, input.tx, input.response, input.source)
    case 'failed':
      return onFailed(call, input.tx, input.cause)
    case 'answered-again':
      return onAnsweredAgain(call, input.leg, input.isSent)
    case 'answered':
      return onAnswered(call, input)
    case 'media':
      return onMedia(call, input)
    case 'reports':
      return onReports(call, input)
    case 'played':
      return promptPlayed(call, input.media)
    case 'silent':
      return probeSilent(call, input.media)
    case 'media-lost':
      return mediaLost(call, input.media)
    case 'saved':
      return onSaved(call, input)
    case 'planned':
      return onPlanned(call, input)
    case 'given':
      return onGiven(call, input)
    case 'take':
      return give(call, input)
    case 'picked-up':
      return pickedUp(call, input)
    case 'handed':
      return handed(call, input.back)
    case 'resumed':
      return recover(call, input)
    case 'stray':
      return onStray(call, input.response, input.source)
    case 'hangup':
      return finish(call, refusalOf(input.status, input.cause))
    case 'wake':
      return wake(call)
    default:
      return unreachable(input)
  }
}
