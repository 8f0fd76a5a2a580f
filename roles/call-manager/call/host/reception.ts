//! An INVITE at the door: refused before it is a call, or made the first input of one; and what
//! dialled addresses lead to, with our Contact value towards each device.

import type { Random } from '../../../../src/base/random.ts'
import type { SipRequest, SipResponse } from '../../../../src/sip/message/message.ts'
import { reply } from '../../../../src/sip/message/reply.ts'
import { firstContact, requestUri } from '../../../../src/sip/message/views.ts'
import type { SipTransport } from '../../../../src/sip/stack/sip-transport.ts'
import type { Source } from '../../../../src/sip/transaction/flow.ts'
import type { ServerKey } from '../../../../src/sip/transaction/keys.ts'
import type { Directory, Extension } from '../../directory.ts'
import { deviceAt, type Location } from '../../location.ts'
import { plan, type Wanted } from '../../routing/plan.ts'
import { objectionTo } from '../admission.ts'
import type { CallConfig } from '../call.ts'
import { passesPrivately, speaksFor } from '../identity.ts'
import type { Invited, Planned } from '../io.ts'
import { contactFor } from './ways.ts'

export type ReceptionNeeds = {
  readonly random: Random
  readonly config: CallConfig
  readonly localAddress: SipTransport['localAddress']
  readonly directory: Pick<Directory, 'tenantOf' | 'extension'>
  readonly location: Pick<Location, 'lookup' | 'bindings' | 'byGruu'>
}

export type Received =
  | { readonly kind: 'invited'; readonly input: Invited }
  | { readonly kind: 'refused'; readonly response: SipResponse }

export class Reception {
  readonly #needs: ReceptionNeeds

  constructor(needs: ReceptionNeeds) {
    this.#needs = needs
  }

  receive(request: SipRequest, key: ServerKey, source: Source, caller: Extension): Received {
    const { config, directory, localAddress, location } = this.#needs
    const tag = this.#needs.random.token(10)
    const objection = objectionTo(request, config, tag)
    if (objection !== undefined) return { kind: 'refused', response: objection }
    if (!speaksFor(request, caller, directory)) return refused(request, tag, 403)
    const uri = requestUri(request)
    if (uri === undefined) return refused(request, tag, 416)
    const { tenant, aor, user, displayName: name } = caller
    const hidden = passesPrivately(request)
    const wanted = { tenant, uri, exceptFlow: source.flow, exceptAor: aor }
    const secure = uri.scheme === 'sips'
    const contact = contactFor(localAddress(source.flow), uri.user ?? '', secure)
    const planned = this.plan(wanted, hidden ? 'anonymous' : user)
    const device = deviceAt(location, aor, firstContact(request)?.uriText ?? '', source)
    const from = { aor, device, name, user }
    const input = { kind: 'invited', key, request, source, caller: from, contact, planned } as const
    return { kind: 'invited', input }
  }

  /** Before anything else is looked at: we take no calls now. */
  turnAway(request: SipRequest): SipResponse {
    return reply(request, 503, { toTag: this.#needs.random.token(10), headers: RETRY_LATER })
  }

  plan(wanted: Wanted, user: string): Planned {
    const { directory, location, localAddress } = this.#needs
    const found = plan(wanted, { directory, location })
    if (found.kind !== 'fork') return { plan: found, contacts: [] }
    const secure = wanted.uri.scheme === 'sips'
    const contacts: string[] = []
    for (const group of found.groups)
      for (const { to } of group) contacts.push(contactFor(localAddress(to), user, secure))
    return { plan: found, contacts }
  }
}

const RETRY_LATER = [['retry-after', '10']] as const

function refused(request: SipRequest, toTag: string, status: number): Received {
  return { kind: 'refused', response: reply(request, status, { toTag }) }
}
