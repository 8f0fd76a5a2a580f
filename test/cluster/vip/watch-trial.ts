//! Run in a network namespace of its own by `watch.test.ts`: what is seen there, a line each.

import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { takeAllFiles } from '../../harness/open-files.ts'
import { isLinkUp, Watch, type Seen } from '../../../src/cluster/vip/watch.ts'

let last = 'nothing'
const show = (seen: Seen): string =>
  seen.kind === 'removed' ? `removed ${seen.address}` : `link ${seen.isUp ? 'up' : 'down'}`
const watch = new Watch(
  { interface: 'v0' },
  (_, event, fields) => console.log(`${event}: ${fields?.['why']}`),
  (seen) => (last = show(seen)),
)
// The one that is killed, see below.
if (process.argv.includes('die')) await sleep(60_000)

function linkUp(): string {
  const isUp = isLinkUp('v0')
  return isUp === undefined ? 'not known' : `${isUp ? 'up' : 'down'} when looked at`
}

function ip(command: string): void {
  spawnSync('ip', command.split(' '), { stdio: 'inherit' })
}

/** The kernel tells of a link once a second at most, of all of them. */
const LATEST_MS = 3_000

async function say(what: string, command: string, wanted: string): Promise<void> {
  ip(command)
  const seen = (): string => `${last}; ${linkUp()}`
  for (let waited = 0; seen() !== wanted && waited < LATEST_MS; waited += 50) await sleep(50)
  console.log(`${what}: ${seen()}`)
}

/** 0 when it has none. */
function childOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ')[0])
}

for (const command of ['link add v0 type veth peer name v1', 'link set v1 up']) ip(command)
await sleep(200)
// It hears from when the monitor has begun.
for (let told = 0; last === 'nothing' && told < 50; told++) {
  ip(`link set v0 alias v${told}`)
  await sleep(100)
}
await say('new', 'link set v0 alias new', 'link down; down when looked at')
await say('up', 'link set v0 up', 'link up; up when looked at')
ip('addr add 10.7.0.1/24 dev v0')
await say('address taken', 'addr del 10.7.0.1/24 dev v0', 'removed 10.7.0.1; up when looked at')
await say('down', 'link set v1 down', 'link down; down when looked at')
const MONITOR = childOf(childOf(process.pid))
// There are none when it is started again.
const giveBack = takeAllFiles()
process.kill(MONITOR, 'SIGKILL')
await sleep(1_500)
giveBack()
await sleep(1_500)
await say('up again', 'link set v1 up', 'link up; up when looked at')
await say('gone', 'link del v0', 'link down; not known')
const stopping = childOf(childOf(process.pid))
watch.stop()
await sleep(200)
console.log(`stopped: ${existsSync(`/proc/${stopping}`) ? 'it runs on' : 'it has ended'}`)
const other = spawn(process.execPath, [import.meta.filename, 'die'], { stdio: 'ignore' })
await sleep(1_000)
const orphan = childOf(childOf(other.pid ?? 0))
other.kill('SIGKILL')
await sleep(300)
console.log(`killed: ${existsSync(`/proc/${orphan}`) ? 'it runs on' : 'it has ended'}`)
