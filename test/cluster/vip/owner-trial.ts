//! Run in a network namespace of its own by `owner.test.ts`, where nft cannot be used: what the
//! owner of an address does there, a line each.

import { spawn, spawnSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { millis } from '../../../src/base/time.ts'
import { VipOwner } from '../../../src/cluster/vip/owner.ts'
import { realHost } from '../../store/host.ts'

const ADDRESS = '10.77.0.10'
const ip = (command: string): string =>
  spawnSync('ip', command.split(' '), { encoding: 'utf8' }).stdout
const where = (): string => (ip('-o addr show dev v0').includes(ADDRESS) ? 'there' : 'not there')

for (const command of [
  'link add v0 type veth peer name v1',
  'link set v1 up',
  'link set v0 up',
  // Left behind by an earlier life.
  `addr add ${ADDRESS}/24 dev v0`,
])
  ip(command)

const [, , mode] = process.argv
let announced = 0
const owner = await VipOwner.prepare({
  host: {
    ...realHost(),
    log: (level, event, { why, effect, mend } = {}) => {
      if (level === 'warn' && effect !== undefined)
        console.log(`${event}: ${why}; ${effect}; ${mend}`)
    },
  },
  vip: {
    addresses: [{ address: ADDRESS, prefix: 24 }],
    interface: mode === 'missing' ? 'nope0' : 'v0',
  },
  lease: millis(400),
  announce: () => {
    announced++
    return ''
  },
  ears: { askForClaims: () => '', claims: () => '', own: () => new Set() },
  onConflict: () => {},
  onChanged: (isHeld) => console.log(isHeld ? 'held' : 'lost'),
  onPending: () => {},
  onResign: (why) => console.log(`resigned: ${why}`),
  onUnfit: (why) => console.log(why === undefined ? 'fit again' : `unfit: ${why}`),
})
console.log(`prepared: ${where()}`)
if (mode === 'prepare' || mode === 'missing') process.exit()

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
  for (const command of ['link add v0 type veth peer name v1', 'link set v0 up', 'link set v1 up'])
    ip(command)
  await sleep(2_500)
  while (!owner.isHeld) await leads()
  console.log(`leads: ${where()}`)
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
