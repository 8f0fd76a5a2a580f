//! Run on a host of a LAN by `shut-gate.test.ts`: `shut` the gate before these addresses, take it
//! away again (`none`), or `announce` them.

import { spawnSync } from 'node:child_process'
import { Gate } from '../../../src/cluster/vip/gate.ts'
import { loadNative } from '../../../src/native/load.ts'
import { buildNative } from '../../../src/native/build.ts'

const [, , what, ...addresses] = process.argv
if (what === 'announce') {
  const built = await buildNative()
  const native = loadNative(built.ok ? built.value : undefined)
  if (!native.ok) throw new Error(native.error)
  for (const address of addresses) process.stdout.write(native.value.announce('eth0', address))
} else {
  const gate = await Gate.prepare(addresses)
  if (!(gate instanceof Gate)) throw new Error(gate.why)
  if (what === 'none') await gate.remove()
  gate.stop()
  process.stdout.write(spawnSync('nft', ['list', 'tables'], { encoding: 'utf8' }).stdout)
}
