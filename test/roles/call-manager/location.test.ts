import { expect, test } from 'vitest'
import { millis } from '../../../src/base/time.ts'
import { parseUri } from '../../../src/sip/message/uri.ts'
import type { FlowId, Source } from '../../../src/sip/transaction/flow.ts'
import { bindingOf, deviceAt, type Binding } from '../../../roles/call-manager/location.ts'

const AOR = 'sip:alice@pbx.example'
const HOME = 'sip:alice@192.168.1.10:5060;transport=tcp'

function binding(device: string, contact: string, flow?: string, behindNat = true): Binding {
  const uri = parseUri(contact)
  if (uri === undefined) throw new Error(`not a URI: ${contact}`)
  return {
    aor: AOR,
    contact,
    uri,
    q: 1000,
    instance: `urn:uuid:${device}`,
    regId: undefined,
    flow: flow as FlowId | undefined,
    target: { transport: 'tcp', host: '203.0.113.9', port: 61_000 },
    path: [],
    transport: 'tcp',
    behindNat,
    reachable: flow !== undefined,
    userAgent: '',
    callId: device,
    cseq: 1,
    registeredAt: millis(0),
    expiresAt: millis(3_600_000),
    pubGruu: undefined,
  }
}

function by(flow: string): Source {
  const near = { localAddress: '192.0.2.1', localPort: 5060 }
  const far = { transport: 'tcp', address: '203.0.113.9', port: 61_000 } as const
  return { flow: flow as FlowId, ...far, ...near }
}

function at(bindings: readonly Binding[], contact: string, flow: string): string | undefined {
  return deviceAt({ bindings: () => bindings }, AOR, contact, by(flow))
}

test('two devices with the same Contact, in two homes, are two', () => {
  const mobile = binding('mobile', HOME, 'tcp#1')
  const desk = binding('desk', HOME, 'tcp#2')
  expect(bindingOf([mobile, desk], HOME, 'urn:uuid:desk')).toBe(desk)
  expect(at([mobile, desk], HOME, 'tcp#2')).toBe('urn:uuid:desk')
  expect(at([mobile, desk], HOME, 'tcp#3')).toBe(undefined)
})

test('a device that names another Contact now is known all the same', () => {
  const before = binding('desk', HOME)
  const now = binding('desk', 'sip:alice@192.168.1.10:5070;transport=tcp', 'tcp#2')
  expect(bindingOf([before, now], HOME, 'urn:uuid:desk')).toBe(now)
  expect(bindingOf([before], HOME, 'urn:uuid:desk')).toBe(before)
})

test('who has come back under another name is its Contact', () => {
  const rebooted = binding('anew', HOME, 'tcp#2')
  expect(bindingOf([rebooted], HOME, 'urn:uuid:desk')).toBe(rebooted)
})

test('of several devices on the connection of a proxy it is the one that the Contact names', () => {
  const mobile = binding('mobile', 'sip:alice@192.168.1.11:5060;transport=tcp', 'tcp#1', false)
  expect(at([mobile], HOME, 'tcp#1')).toBe(undefined)
  const desk = binding('desk', HOME, 'tcp#1', false)
  expect(at([mobile, desk], HOME, 'tcp#1')).toBe('urn:uuid:desk')
  const other = binding('other', 'sip:alice@192.168.1.10:5070;transport=tcp', 'tcp#1', false)
  const unnamed = 'sip:alice@192.168.1.10:5080;transport=tcp'
  expect(at([mobile, desk], unnamed, 'tcp#1')).toBe('urn:uuid:desk')
  expect(at([desk, other], unnamed, 'tcp#1')).toBe(undefined)
})

test('whose connection it is has any Contact', () => {
  const desk = binding('desk', HOME, 'tcp#1')
  expect(at([desk], 'sip:alice@203.0.113.9:61000;transport=tcp', 'tcp#1')).toBe('urn:uuid:desk')
})

test('who calls before it has registered its connection is who named itself so before', () => {
  expect(at([binding('desk', HOME)], HOME, 'tcp#2')).toBe('urn:uuid:desk')
  expect(at([binding('desk', HOME), binding('mobile', HOME)], HOME, 'tcp#2')).toBe(undefined)
})
