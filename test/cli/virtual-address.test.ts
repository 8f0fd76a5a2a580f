//! What `--vip` may be on a host, and what is said of what it may not.

import type { NetworkInterfaceInfo } from 'node:os'
import { expect, test } from 'vitest'
import { virtualAddresses } from '../../src/cli/virtual-address.ts'

function own(cidr: string): NetworkInterfaceInfo {
  const [address = ''] = cidr.split('/')
  const shared = { address, netmask: '', mac: '02:00:00:00:00:01', internal: false, cidr }
  return cidr.includes(':')
    ? { ...shared, family: 'IPv6', scopeid: 0 }
    : { ...shared, family: 'IPv4' }
}

const HOST = {
  eth0: [own('192.168.1.133/24'), own('fd00:9::133/64'), own('fe80::1/64')],
  eth1: [own('10.1.0.1/31'), own('fe80::2/64')],
}

function said(vip: string, device = 'eth0', isNamed = false): unknown {
  try {
    const { addresses } = virtualAddresses({ vip, interface: device, isNamed }, HOST)
    return addresses.map(({ address, prefix }) => `${address}/${prefix}`).join(',')
  } catch (failure) {
    return failure instanceof Error ? failure.message.replace(`--vip "${vip}" `, '') : failure
  }
}

test.each([
  '192.168.1.130/24',
  '192.168.1.130/32',
  '192.168.1.130/24,fd00:9::130/64',
  'fd00:9::ffff/64',
])('%s', (vip) => {
  expect(said(vip)).toBe(vip)
})

const HOST_ADDRESS = 'take that of a host'
const OF_LAN = 'take a free one of the LAN'
const FORM = 'must be an IP address and its length: 192.0.2.10/24, or 2001:db8::10/64'

test.each([
  ['192.168.1.130', FORM],
  ['192.168.1.130/33', FORM],
  ['pbx.example/24', FORM],
  ['192.168.1.130/24,192.168.1.131/24', 'must be one IPv4 address, one IPv6 address, or both'],
  ['224.0.0.5/24', `is a multicast address: ${OF_LAN}`],
  ['0.0.0.0/24', `is no address of any host: ${OF_LAN}`],
  ['127.0.0.5/8', `is a loopback address: ${OF_LAN}`],
  ['169.254.3.4/16', `is a link-local address: ${OF_LAN}`],
  ['255.255.255.255/24', `is a reserved address: ${OF_LAN}`],
  ['::1/64', `is a loopback address: ${OF_LAN}`],
  ['::/64', `is no address of any host: ${OF_LAN}`],
  ['fe80::10/64', `is a link-local address: ${OF_LAN}`],
  ['ff02::10/64', `is a multicast address: ${OF_LAN}`],
  ['192.168.1.133/24', 'is an address of this host: take one that is free'],
  ['10.1.0.1/24', 'is an address of this host: take one that is free'],
  ['192.168.1.255/24', `is the address of all hosts of the subnet: ${HOST_ADDRESS}`],
  ['192.168.1.255/32', `is the address of all hosts of the subnet: ${HOST_ADDRESS}`],
  ['192.168.1.0/24', `is the address of the subnet itself: ${HOST_ADDRESS}`],
  ['fd00:9::/64', `is the address of all routers of the subnet: ${HOST_ADDRESS}`],
  ['192.168.1.130/1', 'is larger than the subnet of eth0: give 192.168.1.130/24'],
  ['fd00:9::130/48', 'is larger than the subnet of eth0: give fd00:9::130/64'],
  [
    '10.9.9.9/24',
    'is in no subnet of eth0, which has 192.168.1.133/24: take a free address of that one, or ' +
      'name the interface where it is to be with --interface, eth0 if you mean it',
  ],
])('%s is refused', (vip, why) => {
  expect(said(vip)).toBe(why)
})

test('another subnet, where an administrator means it', () => {
  expect(said('10.9.9.9/24', 'eth0', true)).toBe('10.9.9.9/24')
  expect(said('10.9.9.255/24', 'eth0', true)).toContain('all hosts of the subnet')
  expect(said('64.0.0.9/1', 'eth0', true)).toContain('give a length of 8 or more')
  // Of IPv6 it has none but that of the link.
  expect(said('fd00:9::130/64', 'eth1')).toBe('fd00:9::130/64')
  // Both addresses of such a link are hosts (RFC 3021).
  expect(said('10.1.0.0/31', 'eth1')).toBe('10.1.0.0/31')
})
