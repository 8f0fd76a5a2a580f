//! From a hop to a destination: devices named by a GRUU are found where they are registered now.

import { expect, test } from 'vitest'
import { millis } from '../../../../src/base/time.ts'
import { Headers } from '../../../../src/sip/message/headers.ts'
import { request } from '../../../../src/sip/message/message.ts'
import { parseUri } from '../../../../src/sip/message/uri.ts'
import type { FlowId, Target } from '../../../../src/sip/transaction/flow.ts'
import { wayBack, wayTo, type Ways } from '../../../../roles/call-manager/call/host/ways.ts'
import { bindingOf, type Binding } from '../../../../roles/call-manager/location.ts'

const GRUU = 'sip:erin@pbx.example;gr=urn:uuid:1'
const CONTACT = 'sip:erin@192.0.2.7:5066'
const LOCAL = { transport: 'udp', address: '192.0.2.1', port: 5060 } as const
const DEAD = { to: 'udp|dead' as FlowId, address: '192.0.2.7', aor: 'sip:erin@pbx.example' }

test('RFC 5627 §5.3 a GRUU of ours becomes the contact, by Path and flow of today', () => {
  const way = wayTo(waysWith([binding()]), bye(GRUU), DEAD, GRUU)
  expect(way?.request.uri).toBe(CONTACT)
  expect(way?.request.headers.all('route')).toEqual(['<sip:edge.example;lr>'])
  expect(way?.to).toBe('udp|live')
})

test('a GRUU of nobody, like any other name, is looked for where it was seen', () => {
  const way = wayTo(waysWith([]), bye(GRUU), { ...DEAD, to: undefined }, GRUU)
  expect(way?.request.uri).toBe(GRUU)
  expect(way?.to).toEqual({ transport: 'udp', host: '192.0.2.7', port: 5060 })
})

test('a route set is followed whatever the contact is', () => {
  const routed = bye(GRUU)
  routed.headers.add('route', '<sip:proxy.example;lr>')
  const way = wayTo(waysWith([binding()]), routed, DEAD, 'sip:192.0.2.7:5080;lr')
  expect(way?.request.uri).toBe(GRUU)
  expect(way?.to).toEqual({ transport: 'udp', host: '192.0.2.7', port: 5080 })
})

test('a route set that begins elsewhere goes where the proxy was seen', () => {
  const routed = bye(CONTACT)
  routed.headers.add('route', '<sip:203.0.113.9:5080;lr>')
  const live = { ...DEAD, to: 'udp|live' as FlowId }
  const ways = { ...waysWith([]), localAddress: () => LOCAL }
  expect(wayTo(ways, routed, live, 'sip:203.0.113.9:5080;lr')?.to).toBe('udp|live')
  const byName = wayTo(waysWith([]), routed, DEAD, 'sip:proxy.example;transport=tcp;lr')
  expect(byName?.to).toEqual({ transport: 'tcp', host: '192.0.2.7', port: 5060 })
})

test('an INVITE is answered by the way it came, else the one of the call, of the device', () => {
  const invite = bye(GRUU).headers.add('contact', `<${GRUU}>`)
  const asked = request('INVITE', 'sip:bob@pbx.example', invite)
  const flow = 'tcp|first' as FlowId
  const source = { transport: 'tcp', address: '192.0.2.7', port: 40_000, flow } as const
  const local = { localAddress: '192.0.2.1', localPort: 5060 }
  const back = (open: readonly string[]): unknown => {
    const localAddress = (to: FlowId | Target) =>
      typeof to === 'string' && open.includes(to) ? LOCAL : undefined
    const ways = { ...waysWith([binding()]), localAddress }
    const hop = { to: 'tcp|heard' as FlowId, aor: 'sip:erin@pbx.example' }
    return wayBack(ways, asked, { ...source, ...local }, hop)
  }
  expect(back(['tcp|first', 'tcp|heard', 'udp|live'])).toBe('tcp|first')
  expect(back(['tcp|heard', 'udp|live'])).toBe('tcp|heard')
  expect(back(['udp|live'])).toBe('udp|live')
  expect(back([])).toBeUndefined()
})

test('a device that registered another Contact is known by its instance, or its Call-ID', () => {
  const at = (port: number, made: Partial<Binding> = {}): Binding => {
    const contact = `sip:erin@10.1.2.3:${port};transport=tcp`
    return { ...binding(), transport: 'tcp', path: [], contact, ...made }
  }
  const asked = at(40_000).contact
  const before = at(40_000, { flow: undefined })
  const anew = at(40_001)
  const other = at(40_002, { instance: 'urn:uuid:2' })
  expect(bindingOf([before, other, anew], asked, 'urn:uuid:1')).toBe(anew)
  expect(bindingOf([before, other], asked, 'urn:uuid:1')).toBe(before)
  expect(bindingOf([before, other, anew], asked, undefined)).toBe(before)
  expect(bindingOf([at(40_000), anew], asked, 'urn:uuid:1')?.contact).toBe(asked)
  const plain = at(40_003, { instance: undefined, callId: 'c1' })
  expect(bindingOf([other, plain], asked, 'c1')).toBe(plain)
})

function bye(uri: string) {
  return request('BYE', uri, new Headers().add('to', '<sip:erin@pbx.example>;tag=1'))
}

function waysWith(devices: readonly Binding[]): Ways {
  return {
    localAddress: () => undefined,
    location: { bindings: () => [], byGruu: () => devices },
  }
}

function binding(): Binding {
  const uri = parseUri(CONTACT)
  if (uri === undefined) throw new Error('not a URI')
  return {
    aor: 'sip:erin@pbx.example',
    contact: CONTACT,
    uri,
    q: 1000,
    instance: 'urn:uuid:1',
    regId: 1,
    flow: 'udp|live' as FlowId,
    target: { transport: 'udp', host: '192.0.2.7', port: 5066 },
    path: ['<sip:edge.example;lr>'],
    transport: 'udp',
    behindNat: false,
    reachable: true,
    userAgent: '',
    callId: '',
    cseq: 1,
    registeredAt: millis(0),
    expiresAt: millis(1),
    pubGruu: GRUU,
  }
}
