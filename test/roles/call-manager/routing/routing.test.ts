import { millis } from '../../../../src/base/time.ts'
import type { TenantId } from '../../../../src/control/ids.ts'
import { parseUri } from '../../../../src/sip/message/uri.ts'
import type { FlowId, TransportName } from '../../../../src/sip/transaction/flow.ts'
import type { Extension, Tenant } from '../../../../roles/call-manager/directory.ts'
import type { Binding } from '../../../../roles/call-manager/location.ts'
import {
  plan,
  type ForkTarget,
  type Lookups,
  type Plan,
} from '../../../../roles/call-manager/routing/plan.ts'
import { walk, type Command } from '../../../harness/datadriven.ts'

/**
 *   bind bob 10.0.0.2 q=1000 transport=tls path=edge.example
 *   dial sip:bob@pbx.example [from=alice] [flow=10.0.0.2]
 */
walk(new URL('./testdata', import.meta.url).pathname, () => {
  const office = new Office()
  return (command) => {
    const [first = ''] = command.words
    if (command.name === 'bind') return office.bind(first, command)
    if (command.name === 'disable') return office.disable(first)
    return office.dial(first, command)
  }
})

const DOMAINS = ['pbx.example', 'pbx.test', 'other.example']
const USERS = ['alice', 'bob', '1002', 'o#brien']

class Office {
  readonly #bindings = new Map<string, Binding[]>()
  readonly #disabled = new Set<string>()

  bind(user: string, command: Command): string {
    const host = command.words[1] ?? ''
    const transport = transportOf(command.arg('transport'))
    const contact = `sip:${user}@${host}:5060`
    const uri = parseUri(contact)
    if (uri === undefined) return 'no URI'
    const path = command.arg('path')
    const aor = `sip:${user}@pbx.example`
    const found = this.#bindings.get(aor) ?? []
    const q = Number(command.arg('q') ?? 1000)
    found.push({ ...NOTHING_SPECIAL, aor, contact, uri, q, transport, ...place(host, path) })
    this.#bindings.set(
      aor,
      found.toSorted((a, b) => b.q - a.q),
    )
    return 'ok'
  }

  disable(user: string): string {
    this.#disabled.add(user)
    return 'ok'
  }

  dial(text: string, command: Command): string {
    const uri = parseUri(text)
    if (uri === undefined) return 'no URI'
    const from = command.arg('from')
    const flow = command.arg('flow')
    const wanted = {
      tenant: 'pbx.example' as TenantId,
      uri,
      exceptAor: from === undefined ? undefined : `sip:${from}@pbx.example`,
      exceptFlow: flow === undefined ? undefined : (`udp:${flow}` as FlowId),
    }
    return describe(plan(wanted, this.#lookups()))
  }

  #lookups(): Lookups {
    const lookup = (aor: string): readonly Binding[] => this.#bindings.get(aor) ?? []
    return {
      directory: {
        tenantOf: tenantAt,
        extension: (tenant, user) =>
          USERS.includes(user) && tenant === 'pbx.example'
            ? extension(tenant, user, !this.#disabled.has(user))
            : undefined,
      },
      location: { lookup, byGruu: (uri) => lookup(`sip:${uri.user}@pbx.example`).slice(0, 1) },
    }
  }
}

function tenantAt(domain: string): Tenant | undefined {
  if (!DOMAINS.includes(domain)) return undefined
  const id = (domain === 'pbx.test' ? 'pbx.example' : domain) as TenantId
  return { id, name: id, primaryDomain: id, domains: DOMAINS }
}

function extension(tenant: TenantId, user: string, enabled: boolean): Extension {
  const domain = 'pbx.example'
  return { tenant, user, displayName: user, domain, aor: `sip:${user}@${domain}`, enabled }
}

function describe(found: Plan): string {
  switch (found.kind) {
    case 'service':
      return `service ${found.service.name}`
    case 'refuse':
      return `${found.status}, prompt ${found.prompt}, dialled "${found.dialled}"`
    case 'fork':
      return found.groups.map((group) => group.map(describeTarget).join('\n')).join('\nthen\n')
  }
}

function describeTarget({ uri, to, route }: ForkTarget): string {
  const first = typeof to === 'string' ? to : `${to.transport}:${to.host}:${to.port}`
  return `${uri} by ${first} ${route.join(' ')}`.trim()
}

function transportOf(text: string | undefined): TransportName {
  return text === 'tls' || text === 'tcp' || text === 'ws' || text === 'wss' ? text : 'udp'
}

function place(host: string, path: string | undefined): Pick<Binding, 'flow' | 'target' | 'path'> {
  const flow = `udp:${path ?? host}` as FlowId
  const target = { transport: 'udp', host: path ?? host, port: 5060 } as const
  return { flow, target, path: path === undefined ? [] : [`<sip:${path};lr>`] }
}

const NOTHING_SPECIAL = {
  instance: undefined,
  regId: undefined,
  behindNat: false,
  reachable: true,
  userAgent: '',
  callId: 'r',
  cseq: 1,
  registeredAt: millis(0),
  expiresAt: millis(1e9),
  pubGruu: undefined,
}
