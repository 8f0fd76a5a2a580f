//! Where a request goes back to, whatever the message says of the way.

import { expect, test } from 'vitest'
import { Headers } from '../../../../src/sip/message/headers.ts'
import { request } from '../../../../src/sip/message/message.ts'
import { parseUri } from '../../../../src/sip/message/uri.ts'
import type { FlowId, TransportName } from '../../../../src/sip/transaction/flow.ts'
import { hopBack, placeAt } from '../../../../roles/call-manager/call/hop.ts'

const INVENTED = 'SIP/2.0/UDP 203.0.113.9;branch=z9hG4bKinvented'
const OWN = 'SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKa;received=192.0.2.7'

const CASES: readonly (readonly [
  name: string,
  transport: TransportName,
  contact: string,
  to: unknown,
])[] = [
  ['the same port', 'udp', 'sip:a@192.0.2.7', 'flow'],
  ['another port of its host', 'udp', 'sip:a@192.0.2.7:5070', at(5070)],
  ['one that says maddr', 'udp', 'sip:a@192.0.2.7:5070;maddr=203.0.113.9', at(5070)],
  ['a private address', 'udp', 'sip:a@10.0.0.7', 'flow'],
  ['a third party', 'udp', 'sip:a@203.0.113.9', 'flow'],
  ['a third party by name', 'udp', 'sip:a@victim.example', 'flow'],
  ['TCP, said over UDP', 'udp', 'sip:a@192.0.2.7:5070;transport=tcp', 'flow'],
  ['another port over a connection', 'tcp', 'sip:a@192.0.2.7:5070;transport=tcp', 'flow'],
  ['nobody', 'ws', 'sip:a@x.invalid;transport=ws', 'flow'],
]

test.each(CASES)('a Contact that names %s', (_, transport, contact, to) => {
  for (const vias of [[OWN], [OWN, INVENTED]]) {
    const headers = new Headers().add('contact', `<${contact}>`)
    for (const via of vias) headers.add('via', via)
    const hop = hopBack(request('INVITE', 'sip:b@pbx.example', headers), source(transport), {
      aor: 'aor',
    })
    expect(hop).toEqual({ to, address: '192.0.2.7', aor: 'aor' })
  }
})

test.each([
  ['sip:a@203.0.113.9', { transport: 'udp', host: '192.0.2.7', port: 5060 }],
  ['sip:a@203.0.113.9:5080;transport=TCP', { transport: 'tcp', host: '192.0.2.7', port: 5080 }],
  [
    'sips:a@phone.example',
    { transport: 'tls', host: '192.0.2.7', port: 5061, serverName: 'phone.example' },
  ],
  ['sip:a@x.invalid;transport=ws', undefined],
])('%s at an address', (text, place) => {
  const uri = parseUri(text)
  expect(uri && placeAt('192.0.2.7', uri)).toEqual(place)
})

function at(port: number) {
  return { transport: 'udp', host: '192.0.2.7', port }
}

function source(transport: TransportName) {
  const local = { localAddress: '192.0.2.1', localPort: 5060 }
  return { flow: 'flow' as FlowId, transport, address: '192.0.2.7', port: 5060, ...local }
}
