//! Run in a network namespace of its own by `watch.test.ts`: what is seen there, a line each.

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Watch, type Seen } from '../../../src/cluster/vip/watch.ts'

let last = 'nothing'
const show = (seen: Seen): string =>
  seen.kind === 'removed' ? `removed ${seen.address}` : `link ${seen.isUp ? 'up' : 'down'}`
const watch = new Watch(
  'v0',
  (_, event) => console.log(event),
  (seen) => (last = show(seen)),
)

async function say(what: string, command: string): Promise<void> {
  spawnSync('ip', command.split(' '), { stdio: 'inherit' })
  await sleep(200)
  console.log(`${what}: ${last}`)
}

for (const command of ['link add v0 type veth peer name v1', 'link set v1 up'])
  spawnSync('ip', command.split(' '), { stdio: 'inherit' })
await sleep(200)
await say('up', 'link set v0 up')
spawnSync('ip', 'addr add 10.7.0.1/24 dev v0'.split(' '))
await say('address taken', 'addr del 10.7.0.1/24 dev v0')
await say('down', 'link set v1 down')
const [child] = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8').split(' ')
process.kill(Number(child), 'SIGKILL')
await sleep(1_500)
await say('up again', 'link set v1 up')
watch.stop()
