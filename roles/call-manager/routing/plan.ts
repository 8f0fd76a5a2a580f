//! What becomes of a dialled address: devices to ring, a service, or a refusal. Pure: the answers
//! of directory and location at this moment, given as a `Lookups`, decide.

import type { TenantId } from '../../../src/control/ids.ts'
import type { SipUri } from '../../../src/sip/message/uri.ts'
import type { FlowId, Target } from '../../../src/sip/transaction/flow.ts'
import type { Directory, Extension } from '../directory.ts'
import { deviceIdOf, type Binding, type Location } from '../location.ts'
import { canBeCalled, dialledUser } from './dialled.ts'
import { serviceAt, type Service } from './services.ts'

export type Lookups = {
  readonly directory: Pick<Directory, 'tenantOf' | 'extension'>
  readonly location: Pick<Location, 'lookup' | 'byGruu'>
}

export type Wanted = {
  /** Who pays: calls stay within this tenant. */
  readonly tenant: TenantId
  readonly uri: SipUri
  /** Where the caller's device is; calling oneself does not ring it. */
  readonly exceptFlow: FlowId | undefined
  readonly exceptAor: string | undefined
}

export type Plan =
  | {
      readonly kind: 'fork'
      readonly dialled: string
      readonly callee: Extension
      /** Rung together within a group, one group after the other. Never empty. */
      readonly groups: readonly (readonly ForkTarget[])[]
    }
  | { readonly kind: 'service'; readonly dialled: string; readonly service: Service }
  | {
      readonly kind: 'refuse'
      readonly dialled: string
      readonly callee: Extension | undefined
      readonly status: 404 | 416 | 480
      /** Said to the caller before the status, when there is a voice path to say it on. */
      readonly prompt: 'not-available' | 'unknown-number'
    }

/** One device to ring. */
export type ForkTarget = {
  readonly aor: string
  /** See `deviceIdOf`. */
  readonly device?: string | undefined
  /** Display name of its user. */
  readonly name: string
  /** The Request-URI: the contact as registered. */
  readonly uri: string
  /** Route values towards it, first hop first (RFC 3327). */
  readonly route: readonly string[]
  /** The first hop. */
  readonly to: FlowId | Target
  /** The numeric address of the first hop. */
  readonly address: string
}

export function plan(wanted: Wanted, { directory, location }: Lookups): Plan {
  const { tenant, uri } = wanted
  const dialled = dialledUser(uri)
  if (dialled === undefined) return refuse('', undefined, canBeCalled(uri) ? 404 : 416)
  const owner = uri.host === '' ? tenant : directory.tenantOf(uri.host)?.id
  if (owner !== tenant) return refuse(dialled, undefined, 404)
  const service = serviceAt(dialled)
  if (service !== undefined) return { kind: 'service', dialled, service }
  const callee = directory.extension(tenant, dialled)
  if (callee === undefined) return refuse(dialled, undefined, 404)
  if (!callee.enabled) return refuse(dialled, callee, 480)
  const groups = groupsOf(bindingsFor(wanted, callee, location), callee.displayName)
  if (groups.length === 0) return refuse(dialled, callee, 480)
  return { kind: 'fork', dialled, callee, groups }
}

function refuse(dialled: string, callee: Extension | undefined, status: 404 | 416 | 480): Plan {
  const prompt = status === 480 ? 'not-available' : 'unknown-number'
  return { kind: 'refuse', dialled, callee, status, prompt }
}

function bindingsFor(wanted: Wanted, callee: Extension, location: Lookups['location']): Binding[] {
  const { uri } = wanted
  const found = uri.params.has('gr') ? location.byGruu(uri) : location.lookup(callee.aor)
  const self = wanted.exceptAor === callee.aor ? wanted.exceptFlow : undefined
  return found.filter((binding) => {
    // RFC 3261 §26.2.2: a sips: call never leaves TLS.
    const secured = uri.scheme !== 'sips' || binding.transport === 'tls' || isWss(binding)
    return secured && (self === undefined || binding.flow !== self)
  })
}

function isWss(binding: Binding): boolean {
  return binding.transport === 'wss'
}

/** Equal q together, highest q first (RFC 3261 §16.6); `found` comes in that order. */
function groupsOf(found: readonly Binding[], name: string): ForkTarget[][] {
  const groups: ForkTarget[][] = []
  let q: number | undefined
  for (const binding of found) {
    const target: ForkTarget = {
      aor: binding.aor,
      device: deviceIdOf(binding),
      name,
      uri: binding.contact,
      route: binding.path,
      to: binding.flow ?? binding.target,
      address: binding.target.host,
    }
    if (binding.q === q) groups.at(-1)?.push(target)
    else groups.push([target])
    q = binding.q
  }
  return groups
}
