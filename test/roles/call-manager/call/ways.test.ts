//! From a hop to a destination: devices named by a GRUU are found where they are registered now.

import { expect, test } from 'vitest'
import { millis } from '../../../../src/base/time.ts'
import type { DialogId } from '../../../../src/sip/dialog/dialog.ts'
import { Headers } from '../../../../src/sip/message/headers.ts'
import { request } from '../../../../src/sip/message/message.ts'
import { parseUri } from '../../../../src/sip/message/uri.ts'
import type { FlowId, Target } from '../../../../src/sip/transaction/flow.ts'
import { wayBack, wayTo, type Ways } from '../../../../roles/call-manager/call/host/ways.ts'
import { waysTo } from '../../../../roles/call-manager/events/reach.ts'
import { deviceOf, type Binding } from '../../../../roles/call-manager/location.ts'

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

test('who opens connections is known by another port, nobody else by its place', () => {
  const at = (port: number, made: Partial<Binding> = {}): Binding => {
    const contact = `sip:erin@10.1.2.3:${port};transport=tcp`
    const uri = parseUri(contact) ?? binding().uri
    return { ...binding(), transport: 'tcp', contact, uri, ...made }
  }
  const asked = at(40_000).contact
  const before = at(40_000, { flow: undefined })
  const older = at(40_001, { registeredAt: millis(1) })
  const newer = at(40_002, { registeredAt: millis(2) })
  expect(deviceOf([before, newer, older], asked)).toBe(newer)
  expect(deviceOf([at(40_000), newer], asked)?.contact).toBe(asked)
  const udp = at(40_003, { transport: 'udp' })
  const mobile = { ...newer, uri: parseUri('sip:erin@10.1.2.4:40002') ?? newer.uri }
  expect(deviceOf([before, udp, mobile], asked)).toBe(before)
  expect(deviceOf([udp, mobile], asked)).toBeUndefined()
})

test('what a watcher is told goes by the connection that it has now', () => {
  const contact = 'sip:erin@10.1.2.3:40000;transport=tcp'
  const anew = 'sip:erin@10.1.2.3:40001;transport=tcp'
  const uri = parseUri(anew) ?? binding().uri
  const live = { ...binding(), contact: anew, uri, transport: 'tcp', path: [] } as const
  const location = { bindings: () => [live], byGruu: () => [] }
  const notify = request('NOTIFY', contact, new Headers())
  const hop = { to: undefined, address: '192.0.2.7', aor: undefined }
  const id = 'id' as DialogId
  const watched = { id, request: notify, nextHop: contact, hop, watcher: live.aor }
  const [first] = waysTo({ kind: 'notify', ...watched }, location)
  expect(first).toMatchObject({ to: live.flow, request: { uri: anew } })
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
