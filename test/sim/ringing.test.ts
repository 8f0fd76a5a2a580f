//! A hundred calls ring when their process is killed, and are answered at the next one.

import { expect, test } from 'vitest'
import { millis } from '../../src/base/time.ts'
import { countCdrs } from '../../src/store/schema/cdr.ts'
import { ScriptedPhone } from '../harness/phone.ts'
import { pass } from '../harness/settle.ts'
import { SimNetwork } from '../harness/sim-network.ts'
import { DOMAIN, SimPbx } from '../harness/sim-pbx.ts'
import { World } from '../harness/world.ts'

const CALLS = 100
/** From the fault to the first answer of another node. */
const DOWN = millis(1_400)

test('100 ringing calls over UDP are all answered after a failover', async () => {
  const world = new World(1)
  const network = new SimNetwork(world)
  const pbx = await SimPbx.open({ network, address: '10.0.0.1' })
  const phone = (index: number): ScriptedPhone => {
    const user = `u${index}`
    pbx.extension(user, `pw-${user}`)
    const made = new ScriptedPhone({
      world,
      endpoint: network.endpoint(`10.1.${index >> 8}.${index & 255}`),
      server: pbx.endpoint.target('udp'),
      name: user,
      user,
      domain: DOMAIN,
      password: `pw-${user}`,
      transport: 'udp',
      supported: [],
      allowsUpdate: false,
    })
    made.register(3_600)
    return made
  }
  const phones = Array.from({ length: 2 * CALLS }, (_, index) => phone(index))
  const [callers, callees] = [phones.slice(0, CALLS), phones.slice(CALLS)]
  await pass(world, millis(1_000))
  for (const [index, caller] of callers.entries()) caller.call(`sip:u${CALLS + index}@${DOMAIN}`)
  await pass(world, millis(1_000))
  for (const { calls } of callees) calls[0]?.ring()
  await pass(world, millis(1_000))
  pbx.kill(0)
  await pass(world, DOWN)
  pbx.start()
  for (const { calls } of callees) calls[0]?.answer()
  await pass(world, millis(3_000))
  expect(phones.filter(({ calls }) => calls[0]?.state === 'up')).toHaveLength(2 * CALLS)
  const { sessions } = pbx.media
  const joined = [...sessions].filter(([, peer]) => peer !== undefined && sessions.has(peer))
  expect(joined).toHaveLength(2 * CALLS)
  for (const { calls } of callers) calls[0]?.bye()
  await pass(world, millis(100_000))
  expect(pbx.store.read(countCdrs)).toBe(CALLS)
  expect(phones.filter(({ calls }) => calls[0]?.state === 'ended')).toHaveLength(2 * CALLS)
  pbx.role.stop()
})
