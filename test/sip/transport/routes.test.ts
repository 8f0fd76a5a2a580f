//! Which address of ours another host sees, where the system does not say.

import { syncBuiltinESMExports } from 'node:module'
import os, { type NetworkInterfaceInfo } from 'node:os'
import { afterEach, expect, test } from 'vitest'
import { seconds, type Millis } from '../../../src/base/time.ts'
import { Routes } from '../../../src/sip/transport/routes.ts'

const { networkInterfaces } = os

/** `undefined`: it may open no more files. */
function hostHas(all: readonly string[] | undefined): void {
  os.networkInterfaces = () => {
    if (all === undefined) throw new Error('EMFILE')
    return { eth0: all.map(own) }
  }
  syncBuiltinESMExports()
}

function own(cidr: string): NetworkInterfaceInfo {
  const [address = ''] = cidr.split('/')
  const shared = { netmask: '', mac: '02:00:00:00:00:01', internal: false } as const
  return { ...shared, address, cidr, family: 'IPv4' }
}

afterEach(() => {
  os.networkInterfaces = networkInterfaces
  syncBuiltinESMExports()
})

test('with too many open files it is guessed from what the host had before', () => {
  let now = seconds(0)
  const said: string[] = []
  const routes = new Routes({
    host: {
      now: () => now,
      log: (...[, event, fields]) => said.push(`${event}: ${fields?.['why']}`),
    },
    native: undefined,
    publicAddress: undefined,
  })
  const seen = (host: string): string => {
    // It is not asked each time.
    now = (now + seconds(11)) as Millis
    return routes.local(host)
  }
  hostHas(undefined)
  expect(seen('10.1.0.7')).toBe('127.0.0.1')
  hostHas(['10.0.0.1/8', '10.1.0.1/24', '192.0.2.1/24'])
  expect(seen('10.1.0.7')).toBe('10.1.0.1')
  hostHas(undefined)
  expect(seen('10.1.0.7')).toBe('10.1.0.1')
  expect(seen('192.0.2.9')).toBe('192.0.2.1')
  expect(said).toEqual(['sip.addresses-unknown: Error: EMFILE'])
})
