//! A media server that is not itself any more: whatever it says, who leads it goes on, and so do
//! the calls on other servers.

import { expect, test } from 'vitest'
import { RemoteServer } from '../../../roles/media/remote-server.ts'
import { decodeToServer } from '../../../roles/media/decode.ts'
import type { CallId, NodeId } from '../../../src/control/ids.ts'
import type { MediaEvent, MediaId, Sdp } from '../../../src/control/media-control.ts'
import type { MediaRequest } from '../../../src/media/protocol.ts'
import { World } from '../../harness/world.ts'
import { lead, mediaOffice, passed } from './media-office.ts'

const MEDIA = 'one-a' as MediaId
const OFFER = { call: 'one' as CallId, from: MEDIA, to: 'one-b' as MediaId, sdp: 'v=0' as Sdp }
const SERVER = 'media:server-1' as NodeId

const text = (message: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(message))

test.each([
  'no JSON at all',
  null,
  [],
  { kind: 'here' },
  { kind: 'here', term: 1 },
  { kind: 'here', term: 1, sessions: 5 },
  { kind: 'here', term: 1, sessions: [null] },
  { kind: 'here', term: 1, sessions: [], status: { sessions: 'many' } },
  { kind: 'status', status: 7 },
  { kind: 'event' },
  { kind: 'event', event: null },
  { kind: 'event', event: { kind: 'lost' } },
  { kind: 'event', event: { kind: 'lost', media: 'one-a' } },
  { kind: 'event', event: { kind: 'digit', media: MEDIA, digit: '1'.repeat(1_000) } },
  { kind: 'event', event: { kind: 'rtp-timeout', media: MEDIA } },
  { kind: 'event', event: { kind: 'gone', media: MEDIA } },
  { kind: 'answer' },
  { kind: 'answer', id: 'x', answer: true },
  { kind: 'answer', id: 1_000, answer: true },
  { kind: ['here'], term: 1, sessions: [] },
])('%j is not heard', (message) => {
  const { server, heard } = remote()
  server.connected(true)
  server.take(text(message))
  expect([server.isHere, server.status, heard]).toEqual([false, undefined, []])
})

const release: MediaRequest = { method: 'release', media: [MEDIA] }
const relayOffer: MediaRequest = { method: 'relayOffer', request: { ...OFFER, restated: false } }
const resume: MediaRequest = { method: 'resume', media: [MEDIA] }
const zeros = { packets: 0, octets: 0, lost: 0, jitter: 0 }

test.each([
  [relayOffer, null],
  [relayOffer, undefined],
  [relayOffer, {}],
  [relayOffer, { ok: true }],
  [relayOffer, { ok: true, value: 5 }],
  [relayOffer, { ok: true, value: 'v=0\r\n'.repeat(100_000) }],
  [relayOffer, { ok: false }],
  [relayOffer, { ok: false, error: { kind: 'sdp-rejected' } }],
  [relayOffer, true],
  [resume, { ok: true }],
  [release, {}],
  [release, [{}]],
  [release, [{ media: MEDIA, received: zeros, sent: { ...zeros, packets: 'x' } }]],
  [release, Array.from({ length: 9 }, () => ({ media: MEDIA, received: zeros, sent: zeros }))],
])('asked for %o it says something else: case %#', async (request, answer) => {
  const { server } = remote()
  server.connected(true)
  server.take(text({ kind: 'here', term: 1, sessions: [] }))
  const asked = server.ask(request)
  server.take(text({ kind: 'answer', id: 1, answer }))
  expect(await asked).toBe('unreachable')
})

test('a server tells once what it carries, when it is asked', () => {
  const { server, told } = remote()
  const here = text({ kind: 'here', term: 1, sessions: [MEDIA] })
  server.take(here)
  server.connected(true)
  for (let times = 0; times < 3; times++) server.take(here)
  expect(told).toEqual([[MEDIA]])
})

test('a server loses none but its own sessions', async () => {
  const { office } = await mediaOffice(new World(1), 2)
  const leader = await lead(office, 'node-1')
  await passed(office)
  const sdp = `v=0\r\no=p 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n`
  const offer = { ...OFFER, sdp: `${sdp}m=audio 4000 RTP/AVP 0\r\n` as Sdp, restated: false }
  expect((await leader.media.relayOffer(offer)).ok).toBe(true)
  const lost: MediaEvent = { kind: 'lost', media: [MEDIA, 'of nobody' as MediaId] }
  leader.hears({ from: 'media:server-2' as NodeId, data: text({ kind: 'event', event: lost }) })
  expect(leader.events).toEqual([])
  expect(await leader.media.resume([MEDIA], [])).toBe(true)
})

test.each([
  { kind: 'lead', term: 1 },
  { kind: 'lead', term: 1, nodes: [{ id: 'node-1', host: '10.0.0.1', port: 'x' }] },
  { kind: 'lead', term: -1, nodes: [] },
  { kind: 'ask', term: 1, id: 1 },
  { kind: 'ask', term: 1, id: 1, request: {} },
])('%j does not harm a server', (message) => {
  expect(decodeToServer(text(message))).toBeUndefined()
})

test('who says that it leads in the term of another is not obeyed', async () => {
  const { office } = await mediaOffice(new World(1), 1)
  await lead(office, 'node-1')
  await passed(office)
  const { server } = office.servers.get(SERVER) ?? {}
  const term = 1_000
  server?.take('node-2' as NodeId, text({ kind: 'lead', term, nodes: [] }))
  server?.take('node-3' as NodeId, text({ kind: 'lead', term, nodes: [] }))
  expect(server?.leader).toBe('node-2')
})

function remote() {
  const heard: MediaEvent[] = []
  const told: MediaId[][] = []
  const server = new RemoteServer({
    host: new World(1).host('node-1'),
    id: SERVER,
    send: () => {},
    term: 1,
    nodes: () => [],
    onHere: (_, sessions) => told.push([...sessions]),
    onEvent: (_, event) => heard.push(event),
    onLost: () => {},
  })
  return { server, heard, told }
}
