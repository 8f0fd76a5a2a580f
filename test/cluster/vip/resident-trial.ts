//! Run in a network namespace of its own by `resident.test.ts`.

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { err } from '../../../src/base/result.ts'
import { IP } from '../../../src/cluster/vip/ip.ts'
import { NFT } from '../../../src/cluster/vip/nft.ts'
import { earsOf } from '../../../src/cluster/vip/rivals.ts'
import { takeAllFiles } from '../../harness/open-files.ts'
import { Resident } from '../../../src/cluster/vip/resident.ts'

const ip = new Resident(IP)
const FOUR = '10.77.0.10/24 dev lo'
const SIX = 'fd00:77::10/64 dev lo nodad'

/** What is on the interface besides its own. */
function there(): string {
  const { stdout } = spawnSync('ip', ['-o', 'addr', 'show', 'dev', 'lo'], { encoding: 'utf8' })
  const found = [...stdout.matchAll(/inet6? ([^/\s]*77[^/\s]*)/g)].map(([, address]) => address)
  return found.length === 0 ? 'none' : found.join(' ')
}

async function say(what: string, lines: string, show: readonly ('why' | 'there')[]): Promise<void> {
  const answer = await ip.tell(lines)
  const told = typeof answer === 'string' ? 'done' : answer.kind
  const why = typeof answer !== 'string' && show.includes('why') ? `: ${answer.why}` : ''
  console.log(`${what}: ${told}${why}${show.includes('there') ? `; ${there()}` : ''}`)
}

spawnSync('ip', ['link', 'set', 'lo', 'up'])
await say('two addresses', `addr replace ${FOUR}\naddr replace ${SIX}`, ['there'])
await say('again', `addr replace ${FOUR}\naddr replace ${SIX}`, ['there'])
await say('taken away', `addr del ${FOUR}\naddr del fd00:77::10/64 dev lo`, ['there'])
await say('taken away once more', `addr del ${FOUR}`, ['why'])
await say(
  'of two that are not there one is elsewhere',
  `addr del ${FOUR}\naddr del ${SIX.replace('lo', 'nosuch')}`,
  ['why'],
)
await say('of two lines one', `addr replace 10.77.0.9/24 dev nosuch\naddr replace ${FOUR}`, [
  'why',
  'there',
])
await say('another, which knows what there is now', `addr replace ${FOUR}`, ['there'])
const children = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8')
process.kill(Number(children.trim().split(' ').at(-1)), 'SIGKILL')
await say('when it was killed', `addr del ${FOUR}`, ['there'])
await say('the next', `addr del ${FOUR}`, ['there'])
const many = Array.from({ length: 2_000 }, () => ip.tell(`addr replace ${FOUR}`))
const answers = await Promise.all(many)
console.log(`2,000 at once: ${answers.every((answer) => answer === '') ? 'done' : 'not done'}`)
ip.stop()
const late = new Resident(IP)
const giveBack = takeAllFiles()
const without = await late.tell('link')
console.log(`too many open files: ${typeof without === 'string' ? 'done' : without.why}`)
console.log(`and own addresses: ${earsOf(err('')).own().ok ? 'known' : 'not known'}`)
giveBack()
console.log(`fewer: ${typeof (await late.tell('link show lo')) === 'string' ? 'done' : 'not done'}`)
late.stop()
const none = new Resident({ ...IP, command: 'pbx-no-such-program' })
const said = async (program: Resident): Promise<string> => {
  const answer = await program.tell('x')
  return typeof answer === 'string' ? 'done' : `${answer.kind}: ${answer.why}`
}
console.log(`a program that is not there: ${await said(none)}`)
const dropped = 'setpriv --bounding-set -net_admin --inh-caps -net_admin'
const powerless = new Resident({ ...NFT, command: `${dropped} ${NFT.command}` })
console.log(`nft that may do nothing: ${await said(powerless)}`)
