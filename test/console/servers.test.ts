//! What is said of a server that cannot be registered.

import { expect, test } from 'vitest'
import type { Peer } from '../../src/cluster/settings.ts'
import type { NodeId } from '../../src/control/ids.ts'
import { faultOf } from '../../src/console/api/servers.ts'

/** Its methods need it, as those of the real one. */
class Cluster {
  readonly vips = ['10.9.0.100']
  readonly #nodes = [{ id: 'node-1' as NodeId, name: 'n1', host: '10.9.0.1', port: 7480 }]
  nodes(): readonly Peer[] {
    return this.#nodes
  }
}
const cluster = new Cluster()
const good = { name: 'media-1', role: 'media', address: '10.9.0.31' }

test.each([
  [{ name: 'a b' }, 'the name "a b" must be 1 to 63 letters, digits, or . _ -'],
  [{ name: 'x'.repeat(64) }, 'must be 1 to 63 letters'],
  [{ name: '' }, 'must be 1 to 63 letters'],
  [{ name: 'a:b' }, 'must be 1 to 63 letters'],
  [{ role: 'mixer' }, 'the role "mixer" must be media'],
  [{ address: 'fd00::31' }, 'the address "fd00::31" must be an IPv4 address'],
  [{ address: 'localhost' }, 'must be an IPv4 address'],
  [{ address: '10.9.0.100' }, '10.9.0.100 is the virtual address'],
  [{ address: '10.9.0.1' }, '10.9.0.1 is the address of the node n1'],
])('%o', (more, why) => {
  expect(faultOf({ ...good, ...more }, cluster)).toContain(why)
})

test('what can be registered has no fault', () => {
  expect(faultOf(good, cluster)).toBeUndefined()
})
