//! Run in a network namespace of its own by `owner.test.ts`, where nft cannot be used: what the
//! owner of an address does there, a line each.

import { spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import os from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { ok } from '../../../src/base/result.ts'
import { millis } from '../../../src/base/time.ts'
import { VipOwner } from '../../../src/cluster/vip/owner.ts'
import { realHost } from '../../store/host.ts'

const ADDRESS = '10.77.0.10'
const ip = (command: string): string =>
  spawnSync('ip', command.split(' '), { encoding: 'utf8' }).stdout
const where = (device = 'v0'): string =>
  ip(`-o addr show dev ${device}`).includes(ADDRESS) ? 'there' : 'not there'

for (const command of [
  'link add v0 type veth peer name v1',
  'link set v1 up',
  'link set v0 up',
  // Left behind by an earlier life.
  `addr add ${ADDRESS}/24 dev v0`,
])
  ip(command)
// The kernel takes its time to say that the other end is there.
while (!ip('-o link show dev v0').includes('state UP'));
/** It has no other end, and is up from the first. */
const BRIDGE = (device: string): string => `link add ${device} up type bridge`

const [, , mode] = process.argv
/** Of IPv6, where the kernel is told to have none. */
const SIX = { address: 'fd77::10', prefix: 64 }
if (mode === 'refused' || mode === 'in part')
  spawnSync('sh', ['-c', 'echo 1 >/proc/sys/net/ipv6/conf/v0/disable_ipv6'])
const ADDRESSES = {
  refused: [SIX],
  'in part': [{ address: ADDRESS, prefix: 24 }, SIX],
}
const NAMES = { missing: 'nope0', altname: 'lan-of-the-office' }
if (mode === 'altname') ip(`link property add dev v0 altname ${NAMES.altname}`)
const { networkInterfaces } = os
let canLook = true
os.networkInterfaces = () => {
  if (!canLook) throw new Error('too many open files')
  if (mode === 'silent') console.log('waits for whoever changes interfaces')
  return networkInterfaces()
}
syncBuiltinESMExports()
let announced = 0
const owner = await VipOwner.prepare({
  host: {
    ...realHost(),
    log: (level, event, { why, effect, mend } = {}) => {
      if (level === 'warn' && effect !== undefined)
        console.log(`${event}: ${why}; ${effect}; ${mend}`)
      if (event === 'vip.interfaces-unknown') console.log(`${level} ${event}: ${why}`)
    },
  },
  vip: {
    addresses: ADDRESSES[mode as keyof typeof ADDRESSES] ?? [{ address: ADDRESS, prefix: 24 }],
    interface: NAMES[mode as keyof typeof NAMES] ?? 'v0',
  },
  lease: millis(400),
  announce: () => {
    announced++
    return ''
  },
  ears: { askForClaims: () => '', claims: () => '', own: () => ok(new Set()) },
  onConflict: () => {},
  onChanged: (isHeld) => console.log(isHeld ? 'held' : 'lost'),
  onPending: () => {},
  onResign: (why) => console.log(`resigned: ${why}`),
  onUnfit: (why) => console.log(why === undefined ? 'fit again' : `unfit: ${why}`),
})
console.log(`prepared: ${where()}`)
if (mode === 'prepare' || mode === 'missing') process.exit()

/** The `ip` that stay here. */
function programs(): readonly number[] {
  const own = `/proc/${process.pid}/task/${process.pid}/children`
  const children = readFileSync(own, 'utf8').trim().split(' ').map(Number)
  return children.filter((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('-batch'))
}

let round = 0
async function leads(): Promise<void> {
  owner.roundBegins(++round)
  await sleep(20)
  owner.look(round)
  await sleep(50)
}
/** With all its timers, as SIGSTOP does it, for longer than the lease. */
async function isStopped(): Promise<void> {
  const goOn = 'setTimeout(() => process.kill(Number(process.argv[1]), "SIGCONT"), 1_500)'
  spawn(process.execPath, ['-e', goOn, String(process.pid)], { stdio: 'ignore' })
  process.kill(process.pid, 'SIGSTOP')
  await sleep(100)
}

/** As the host is without this node: of the subnet of the address, and with others in it. */
const own = (): string => {
  const all = ip('-o -4 addr show dev v0 to 10.77.0.0/24').matchAll(/inet (\S+)/g)
  return [...all].map(([, each]) => each).join(' ') || 'none'
}
/** Made anew beneath the virtual address, as ifdown and ifup do it. */
async function ownAnew(): Promise<void> {
  ip('addr flush dev v0')
  await leads()
  ip('addr add 10.77.0.3/24 dev v0')
  ip('addr add 10.77.0.4/24 dev v0')
  console.log(`the host's own made anew: ${own()}`)
}
if (mode === 'own') {
  while (!owner.isHeld) await leads()
  console.log(`a way to ${ip('route get 10.77.0.7').split(' uid')[0]}`)
  await ownAnew()
  owner.look(undefined)
  await sleep(100)
  console.log(`leads no more: ${own()}`)
  while (!owner.isHeld) await leads()
  await ownAnew()
  // Nobody refreshes it: the kernel takes it away.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 6_000)
  console.log(`expired: ${own()}`)
  process.exit()
}
if (mode === 'anew') {
  ip('link del v0')
  // Longer than it takes to look.
  await sleep(2_500)
  ip(BRIDGE('v0'))
  await sleep(2_500)
  while (!owner.isHeld) await leads()
  console.log(`leads: ${where()}`)
  process.exit()
}
if (mode === 'in part') {
  while (!owner.isHeld) await leads()
  canLook = false
  // For longer than the kernel keeps what is not put there again.
  await sleep(3_500)
  console.log(`leads: ${owner.isHeld ? 'held' : 'not held'}, ${where()}`)
  process.exit()
}
if (mode === 'refused') {
  await leads()
  // For longer than it was pending.
  await sleep(600)
  for (let at = 0; at < 3; at++) await leads()
  console.log(`leads: ${owner.isHeld ? 'held' : 'not held'}`)
  process.exit()
}
if (mode === 'altname') {
  while (!owner.isHeld) await leads()
  console.log(`leads: ${where()}`)
  ip(`addr del ${ADDRESS}/32 dev v0`)
  // Sooner than it is put there anyway.
  await sleep(200)
  console.log(`taken away by hand: ${where()}`)
  ip('link set v1 down')
  await sleep(200)
  owner.look(undefined)
  ip('link del v0')
  // Longer than it takes to look.
  await sleep(1_500)
  // It may have another first name when it comes again.
  ip(BRIDGE('v2'))
  ip(`link property add dev v2 altname ${NAMES.altname}`)
  await sleep(2_500)
  while (!owner.isHeld) await leads()
  console.log(`leads: ${where('v2')}`)
  ip('link set v2 down')
  await sleep(200)
  process.exit()
}
if (mode === 'silent') {
  while (!owner.isHeld) await leads()
  for (const program of programs()) process.kill(program, 'SIGSTOP')
  await sleep(2_700)
  console.log(`leads: ${owner.isHeld ? 'held' : 'not held'}`)
  process.exit()
}
if (mode === 'unable') {
  await sleep(2_500)
  for (let at = 0; at < 10; at++) await leads()
  console.log(`leads: ${owner.isHeld ? 'held' : 'not held'}`)
  await sleep(6_000)
  process.exit()
}
if (mode === 'stop') {
  while (!owner.isHeld) await leads()
  console.log(`announced: ${announced > 0 ? 'yes' : 'no'}`)
  announced = 0
  await isStopped()
  console.log(`announced when it goes on: ${announced} times`)
  process.exit()
}
for (let at = 0; at < 5; at++) await leads()
console.log(`leads: ${where()}`)
ip(`addr del ${ADDRESS}/32 dev v0`)
await leads()
console.log(`taken away by hand: ${where()}`)
ip('link set v1 down')
await leads()
ip('link set v1 up')
await leads()
owner.look(undefined)
await sleep(100)
console.log(`leads no more: ${where()}`)
for (let at = 0; at < 3; at++) await leads()
console.log(`leads again: ${where()}`)
const stopping = owner.stop()
await leads()
await stopping
console.log(`stopped: ${where()}`)
