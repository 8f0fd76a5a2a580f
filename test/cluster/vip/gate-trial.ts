//! Run in a network namespace of its own by `gate.test.ts`: what the gate does there for an
//! address, a line each.

import { spawnSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import { Gate } from '../../../src/cluster/vip/gate.ts'

const [, , VIP = ''] = process.argv
const IS_SIX = VIP.includes(':')
const PORT = 5060

/** A datagram to the address, from the same host: the gate is at both ends of its way. */
async function tried(): Promise<string> {
  const socket = createSocket(IS_SIX ? 'udp6' : 'udp4')
  socket.bind(PORT, VIP)
  await once(socket, 'listening')
  const heard = once(socket, 'message').then(() => 'answers')
  // The kernel says EPERM to who sends into a drop.
  socket.on('error', () => {})
  socket.send('?', PORT, VIP, () => {})
  // On a machine that is busy with other tests an answer takes more than 300 ms now and then.
  const outcome = await Promise.race([heard, sleep(700, 'is silent')])
  socket.close()
  return outcome
}

/** What is done again and again, with datagrams to the address all the time. */
async function during(times: number, work: () => Promise<unknown>): Promise<string> {
  const socket = createSocket(IS_SIX ? 'udp6' : 'udp4')
  socket.bind(PORT, VIP)
  await once(socket, 'listening')
  let heard = 0
  socket.on('message', () => heard++)
  socket.on('error', () => {})
  let isOver = false
  const asking = (async () => {
    while (!isOver) {
      socket.send('?', PORT, VIP, () => {})
      await turn()
    }
  })()
  for (let done = 0; done < times; done++) await work()
  isOver = true
  await asking
  await sleep(100)
  socket.close()
  return heard === 0 ? 'is silent' : 'answers now and then'
}

async function say(what: string, outcome: boolean | Promise<boolean>): Promise<void> {
  console.log(`${what}: ${(await outcome) ? 'done' : 'refused'}; the address ${await tried()}`)
}

for (const args of ['link set lo up', `addr add ${VIP} dev lo${IS_SIX ? ' nodad' : ''}`])
  spawnSync('ip', args.split(' '), { stdio: 'inherit' })
console.log(`without a gate the address ${await tried()}`)
const gate = await Gate.prepare([VIP])
if (!(gate instanceof Gate)) throw new Error(`no gate: ${gate.why}`)
await say('prepared', true)
await say('open what is not pending', gate.open(5_000))
await say('renew what is not open', gate.renew(5_000))
await say('pend', gate.pend(5_000))
await say('open', gate.open(1_500))
await say('renew', gate.renew(1_500))
const left = await gate.openFor()
console.log(`open for a while: ${left > 0 && left <= 1_500}`)
await sleep(1_600)
console.log(`expired: open for ${await gate.openFor()}; the address ${await tried()}`)
await say('renew what has expired', gate.renew(5_000))
await gate.pend(200)
await sleep(300)
await say('open what was pending', gate.open(5_000))
await gate.pend(5_000)
await say('open once more', gate.open(5_000))
await say('close', gate.close())
await gate.pend(5_000)
await gate.open(60_000)
gate.stop()
const again = await Gate.prepare([VIP])
await say('another life of the process begins shut', again instanceof Gate)
if (!(again instanceof Gate)) throw new Error('told above')
const remade = await during(20, async () => {
  const gate = await Gate.prepare([VIP])
  if (gate instanceof Gate) gate.stop()
})
console.log(`made anew, 20 times: the address ${remade}`)
await again.pend(5_000)
await again.open(60_000)
spawnSync('nft', ['flush', 'ruleset'])
await say('renew when somebody has flushed all rules', again.renew(5_000))
await say('close then', again.close())
spawnSync('nft', ['flush', 'ruleset'])
await say('pend when they are gone', again.pend(5_000))
await say('open', again.open(60_000))
/** That of the first life may be there still. */
const newest = (): number =>
  Number(
    readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8')
      .trim()
      .split(' ')
      .at(-1),
  )
process.kill(newest(), 'SIGKILL')
await say('renew when nft was killed', again.renew(5_000))
await say('renew again', again.renew(60_000))
process.kill(newest(), 'SIGSTOP')
await say('renew when nft is stuck', again.renew(5_000))
await say('renew again', again.renew(5_000))
again.stop()
