//! RFC 3261 §18.2.1, RFC 3581 §4: what arrives on the top Via, and that the short way and the long
//! way round write the same.

import { expect, test } from 'vitest'
import { Headers } from '../../../src/sip/message/headers.ts'
import { request } from '../../../src/sip/message/message.ts'
import { parseVia, withReceived } from '../../../src/sip/message/via.ts'
import { topVia } from '../../../src/sip/message/views.ts'
import type { FlowId, Source } from '../../../src/sip/transaction/flow.ts'
import { stampVia } from '../../../src/sip/transport/stamp.ts'

const SOURCE: Source = {
  flow: 'flow' as FlowId,
  transport: 'udp',
  address: '192.0.2.1',
  port: 40_000,
  localAddress: '192.0.2.2',
  localPort: 5060,
}

function stamped(...vias: string[]): readonly string[] {
  const entries = vias.map((value) => ['via', value] as const)
  const message = request('OPTIONS', 'sip:a', Headers.of(entries))
  stampVia(message, SOURCE)
  return message.headers.all('via')
}

test.each([
  [
    'rport and received',
    'SIP/2.0/UDP h;rport;branch=z',
    ';rport=40000;branch=z;received=192.0.2.1',
  ],
  ['rport at the end', 'SIP/2.0/UDP h;branch=z;rport', ';branch=z;rport=40000;received=192.0.2.1'],
  [
    'rport of his own',
    'SIP/2.0/UDP h;rport=9;branch=z',
    ';rport=40000;branch=z;received=192.0.2.1',
  ],
  [
    'received of his own',
    'SIP/2.0/UDP h;received=9.9.9.9;rport',
    ';received=192.0.2.1;rport=40000',
  ],
  ['in upper case', 'SIP/2.0/UDP h;RPORT;RECEIVED=9.9.9.9', ';rport=40000;received=192.0.2.1'],
  ['with blanks', 'SIP/2.0/UDP h ; received = 9.9.9.9 ;rport', ';received=192.0.2.1;rport=40000'],
  ['quoted', 'SIP/2.0/UDP h;x=";rport";branch=z', ';x=";rport";branch=z;received=192.0.2.1'],
  [
    'a name that only begins so',
    'SIP/2.0/UDP h;rportx;branch=z',
    ';rportx;branch=z;received=192.0.2.1',
  ],
  ['another host', 'SIP/2.0/UDP h;branch=z', ';branch=z;received=192.0.2.1'],
])('%s', (_what, before, after) => {
  expect(stamped(before)).toEqual([`SIP/2.0/UDP h${after}`])
})

test('its own address and no rport: nothing to add', () => {
  const via = 'SIP/2.0/UDP 192.0.2.1:5070;branch=z'
  expect(stamped(via)).toEqual([via])
  expect(stamped(`${via};received=9.9.9.9`)).toEqual([`${via};received=192.0.2.1`])
})

test('only the top one, on one line or on two', () => {
  const below = 'SIP/2.0/UDP p;rport;branch=y'
  const top = 'SIP/2.0/UDP h;branch=z;rport=40000;received=192.0.2.1'
  expect(stamped('SIP/2.0/UDP h;branch=z;rport', below)).toEqual([top, below])
  expect(stamped(`SIP/2.0/UDP h;branch=z;rport, ${below}`)).toEqual([top, below])
  expect(stamped('SIP/2.0/UDP 192.0.2.1;branch=z', below)[1]).toBe(below)
})

test('what is no Via stays as it is, or is none after it either', () => {
  expect(stamped('nonsense')).toEqual(['nonsense'])
  const message = request('OPTIONS', 'sip:a', Headers.of([['via', 'nonsense;rport']]))
  stampVia(message, SOURCE)
  expect(topVia(message)).toBeUndefined()
  expect(stamped()).toEqual([])
})

test('what is read afterwards is what the message room would have written', () => {
  const hosts = ['h', '192.0.2.1', '192.0.2.9:5070', '[2001:db8::1]:5060']
  const params = ['', ';rport', ';rport;ttl=1', ';maddr=m;rport', ';x=y', ';rport=7', ' ; rport']
  for (const host of hosts)
    for (const param of params) {
      const before = parseVia(`SIP/2.0/UDP ${host};branch=z${param}`)
      const [after = ''] = stamped(`SIP/2.0/UDP ${host};branch=z${param}`)
      if (before === undefined) throw new Error(param)
      const wanted = withReceived(before, SOURCE.address, SOURCE.port)
      const got = parseVia(after)
      for (const name of ['host', 'port', 'branch', 'received', 'rport', 'maddr', 'ttl'] as const)
        expect(got?.[name], `${name} of ${host}${param}`).toBe(wanted[name])
    }
})
