//! The worker of a media server hangs, and another server is there: whatever a call was asking for
//! it has from the other one, and goes on. Call machine, pool, servers and engines are production
//! code, in virtual time; what phones get is in `bench.lines`.

import { expect, test } from 'vitest'
import type { TenantId } from '../../../src/control/ids.ts'
import { millis } from '../../../src/base/time.ts'
import type { FlowId } from '../../../src/sip/transaction/flow.ts'
import { askMedia, inputsOf } from '../../../roles/call-manager/call/host/media-desk.ts'
import type { Plan } from '../../../roles/call-manager/routing/plan.ts'
import { World } from '../../harness/world.ts'
import type { SimWorker } from '../../media/sim-worker.ts'
import { Bench } from '../call-manager/call/bench.ts'
import { at, counts, lead, mediaOffice, passed, phone, type Office } from './media-office.ts'

const STEP_MS = 100
/** That nobody answers a question is seen after five seconds. */
const SEEN_MS = 6_000
/** Longer than a hung worker goes unnoticed. */
const LONG_MS = 20_000
const ADDRESS = '192.0.2.99'
const CALLEE = {
  tenant: 't1' as TenantId,
  user: 'bob',
  displayName: 'BOB',
  domain: 'pbx.example',
  aor: 'sip:bob@pbx.example',
  enabled: true,
}

class Call extends Bench {
  readonly office: Office

  constructor(office: Office) {
    super()
    this.office = office
  }

  override source(name: string): ReturnType<Bench['source']> {
    return { ...super.source(name), address: ADDRESS }
  }

  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= STEP_MS) {
      await passed(this.office)
      this.office.world.pass(millis(STEP_MS))
      this.wait(STEP_MS)
    }
    await passed(this.office)
  }

  /** Of these phones, in order. */
  heard(name: string): readonly string[] {
    return this.lines.filter((line) => line.startsWith(`${name} <- `))
  }
}

const sdp = (port: number): string => phone(port).trimEnd().split('\r\n').join(',')

function planOf(...groups: string[]): Plan {
  const targets = groups.map((device) => [
    {
      aor: CALLEE.aor,
      name: 'BOB',
      uri: `sip:bob@${device}.host`,
      route: [],
      to: `udp:${device}` as FlowId,
      address: ADDRESS,
    },
  ])
  return { kind: 'fork', dialled: 'bob', callee: CALLEE, groups: targets }
}

/** Alice's call rings, and has its media on `worker`. */
async function ringing(plan: Plan): Promise<{ call: Call; worker: SimWorker | undefined }> {
  const { office, ids } = await mediaOffice(new World(1), 2)
  const leader = await lead(office, 'node-1')
  await passed(office)
  const call = new Call(office)
  call.desk = (output) => askMedia(leader.media, output)
  leader.pool.events((event) => inputsOf(event).forEach(({ input }) => call.feed(input)))
  call.invite('alice', 'sip:bob@pbx.example', plan, { headers: [], sdp: sdp(4_000) })
  await call.pass(300)
  call.answer('desk', 180, { headers: [] })
  const [first] = await counts(office, ids)
  return { call, worker: office.servers.get(at(ids, first === 0 ? 1 : 0))?.worker }
}

const HUNG_FOR = [100, 2_000, 4_000, 5_500, 7_000]

test.each(HUNG_FOR)('bob answers %i ms after it', async (ms) => {
  const { call, worker } = await ringing(planOf('desk'))
  worker?.hang()
  await call.pass(ms)
  call.answer('desk', 200, { headers: [], sdp: sdp(5_000), to: 'INVITE' })
  await call.pass(SEEN_MS)
  expect(call.heard('alice').join()).toContain('200 OK')
})

test.each(HUNG_FOR)('the next group is called %i ms after it', async (ms) => {
  const { call, worker } = await ringing(planOf('desk', 'mobile'))
  worker?.hang()
  await call.pass(ms)
  call.answer('desk', 486, { headers: [], to: 'INVITE' })
  await call.pass(SEEN_MS)
  expect(call.heard('mobile').join()).toContain('INVITE')
})

test.each(HUNG_FOR)('the call is picked up %i ms after it', async (ms) => {
  const { call, worker } = await ringing(planOf('desk'))
  const [caller] = call.machine?.state.legs ?? []
  worker?.hang()
  await call.pass(ms)
  // Carol has been answered in a call of her own.
  const carol = { media: 'call9-0', state: 'up', dialog: undefined, sdp: phone(6_000) }
  call.feed({ kind: 'picked-up', leg: { ...caller, ...carol }, from: 'call9' } as never)
  await call.pass(LONG_MS)
  expect(call.heard('alice').join()).toContain('200 OK')
})

test.each(HUNG_FOR)('bob transfers alice %i ms after it, and hangs up', async (ms) => {
  const { call, worker } = await ringing(planOf('desk'))
  call.plans.set('carol', planOf('carol'))
  call.answer('desk', 200, { headers: [], sdp: sdp(5_000), to: 'INVITE' })
  await call.pass(300)
  call.send('alice', 'ACK', { headers: [] })
  worker?.hang()
  await call.pass(ms)
  call.send('desk', 'REFER', { headers: [['refer-to', '<sip:carol@pbx.example>']] })
  call.answer('desk', 200, { headers: [], to: 'NOTIFY' })
  call.send('desk', 'BYE', { headers: [] })
  await call.pass(LONG_MS)
  expect(call.heard('carol').join()).toContain('INVITE')
  expect(call.heard('alice').join()).not.toContain('BYE')
})
