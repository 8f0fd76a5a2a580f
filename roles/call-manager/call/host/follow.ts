//! Devices whose connection may be gone before they are told something: who they are, and where
//! what they ask is answered then.

import type { SipRequest } from '../../../../src/sip/message/message.ts'
import { isProxied } from '../../../../src/sip/message/views.ts'
import { isReliable, type Source } from '../../../../src/sip/transaction/flow.ts'
import { deviceAt, type Location } from '../../location.ts'
import type { CallInput, Invited } from '../io.ts'
import type { HeirNeeds } from './heirs.ts'
import type { LiveCall } from './live-call.ts'
import { legBehind } from './snapshot.ts'
import { wayBack } from './ways.ts'

/** Who is in a call may register the connection that it came by later than it came. */
export function recognized(
  location: Pick<Location, 'bindings'>,
  live: LiveCall | undefined,
  request: SipRequest,
  source: Source,
): CallInput | undefined {
  if (live === undefined || !isReliable(source.transport)) return undefined
  const leg = legBehind(live.machine.state, request)
  const { to, aor, device } = leg?.hop ?? {}
  if (leg === undefined || aor === undefined || device !== undefined || to !== source.flow)
    return undefined
  const found = deviceAt(location, aor, leg.dialog?.remoteTarget ?? '', source)
  return found === undefined ? undefined : { kind: 'recognized', leg: leg.id, device: found }
}

/** A 2xx is said again by the call itself, so this is for the others. */
export function follow(
  { stack, ways }: Pick<HeirNeeds, 'stack' | 'ways'>,
  { machine }: LiveCall,
  { key, request, source }: Pick<Invited, 'key' | 'request' | 'source'>,
): void {
  if (request.method !== 'INVITE' || !isReliable(source.transport)) return
  // The proxy that sent it listens where its Via says (RFC 3261 §18.2.2).
  if (isProxied(request)) return
  const sender = legBehind(machine.state, request)?.hop
  stack.seekIfLost(key, () => {
    const hop = legBehind(machine.state, request)?.hop ?? sender
    return hop && wayBack(ways, request, source, hop)
  })
}
