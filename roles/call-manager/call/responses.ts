//! Answers to our requests, by what each was about.

import type { RequestFailure } from '../../../src/sip/stack.ts'
import type { SipResponse } from '../../../src/sip/message/message.ts'
import { cseq } from '../../../src/sip/message/views.ts'
import type { Source } from '../../../src/sip/transaction/flow.ts'
import { branchFailed, branchResponded } from './branch.ts'
import type { Call } from './call.ts'
import { endpointOf, legOf } from './endpoint.ts'
import { isFromElsewhere } from './hop.ts'
import type { Answered } from './io.ts'
import { joinAnswered } from './join.ts'
import { acknowledge } from './leg.ts'
import { passBack } from './pass.ts'
import type { Sent, SentInLeg } from './pending.ts'
import { answered, connectionLost } from './reach.ts'
import { reofferAnswered } from './reoffer.ts'
import { sdpBody } from './sdp.ts'
import { byeAnswered, probeAnswered, refreshAnswered } from './session.ts'
import type { Leg, TxId } from './state.ts'
import { notifyAnswered } from './transfer.ts'

export function onResponse(call: Call, tx: TxId, response: SipResponse, source: Source): void {
  const sent = call.sent.get(tx)
  if (sent === undefined) return onRepeated2xx(call, tx, response, source)
  if (sent.kind === 'branch') {
    if (call.unheard !== undefined)
      return void call.unheard.push({ kind: 'response', tx, response, source })
    if (response.status >= 200) call.sent.delete(tx)
    if (response.status >= 200 && response.status < 300) call.late.set(tx, sent.branch)
    return branchResponded(call, sent.branch, response, source)
  }
  if (response.status < 200) return
  call.sent.delete(tx)
  settle(call, sent, response)
}

/** No answer in time, or no way to send. */
export function onFailed(call: Call, tx: TxId, cause: RequestFailure): void {
  const sent = call.sent.get(tx)
  if (sent === undefined) return
  if (sent.kind === 'branch' && call.unheard !== undefined)
    return void call.unheard.push({ kind: 'failed', tx, cause })
  call.sent.delete(tx)
  if (sent.kind === 'branch') return branchFailed(call, sent.branch, cause)
  settle(call, sent, cause)
}

type Outcome = Answered['outcome']

/** Whether its connection is there. */
function heed(call: Call, sent: Sent, outcome: Outcome): void {
  const leg = askedOf(call, sent)
  if (leg === undefined) return
  if (typeof outcome !== 'string') answered(call, leg, outcome.status)
  else if (outcome === 'transport') connectionLost(call, leg)
}

function askedOf(call: Call, sent: Sent): Leg | undefined {
  if ('leg' in sent) return call.leg(sent.leg)
  const end = 'to' in sent ? endpointOf(call, sent.to) : undefined
  return end?.kind === 'leg' ? end.leg : undefined
}

/** Its leg came over from a call that had asked it something. */
export function onAnswered(call: Call, { dialog, sent, outcome }: Answered): void {
  const leg = call.state.legs.findLast((each) => each.dialog?.id === dialog)
  if (leg !== undefined) settle(call, { ...sent, leg: leg.id }, outcome)
}

/** To the call that its leg is in now; what stays of it acknowledges a 2xx that is repeated. */
function isHandedOn(call: Call, sent: SentInLeg, outcome: Outcome): boolean {
  const leg = call.leg(sent.leg)
  if (leg?.movedTo === undefined || leg.dialog === undefined) return false
  const number = typeof outcome === 'string' ? undefined : cseq(outcome)
  if (number?.method === 'INVITE') leg.invitedCseq = number.number
  const { movedTo: to, dialog } = leg
  call.outputs.push({ kind: 'answered', to, dialog: dialog.id, sent, outcome })
  return true
}

function settle(call: Call, sent: Exclude<Sent, { kind: 'branch' }>, outcome: Outcome): void {
  if ('leg' in sent && isHandedOn(call, sent, outcome)) return
  heed(call, sent, outcome)
  const response = typeof outcome === 'string' ? undefined : outcome
  switch (sent.kind) {
    case 'quiet':
      return
    case 'bye':
      return byeAnswered(call, sent, response?.status ?? 408)
    case 'relayed':
      return reofferAnswered(call, sent, response)
    case 'join':
      return joinAnswered(call, sent, response)
    case 'refresh':
      return refreshAnswered(call, sent, response)
    case 'probe':
      return probeAnswered(call, sent.leg, response?.status ?? 408)
    case 'passed':
      return passBack(call, sent, response)
    case 'notify':
      return notifyAnswered(call, response)
  }
}

/** A 2xx again, because our ACK was lost; or another one, of a fork further on. */
function onRepeated2xx(call: Call, tx: TxId, response: SipResponse, source: Source): void {
  const { status } = response
  const number = cseq(response)
  if (status < 200 || status >= 300 || number?.method !== 'INVITE') return
  const branch = call.late.get(tx)
  if (branch !== undefined) return branchResponded(call, branch, response, source)
  const leg = legOf(call, response)
  if (leg !== undefined && !leg.owesAck && leg.invitedCseq === number.number)
    acknowledge(call, leg, leg.ackSdp)
}

/**
 * A 2xx to a re-INVITE that another process sent, which did not live to acknowledge it. What was
 * agreed is of no use any more; without the ACK the phone would hang up (RFC 3261 §13.3.1.4).
 */
export function onStray(call: Call, response: SipResponse, source: Source): void {
  const leg = legOf(call, response)
  const number = cseq(response)
  if (leg === undefined || number === undefined || isFromElsewhere(leg.hop, source)) return
  if (leg.owesAck) return
  const known = number.number === leg.invitedCseq
  call.ack(leg, leg.hop, number.number, known ? sdpBody(leg.ackSdp) : {})
}
