//! Ports and sockets over the life of many calls, and workers that cannot start or die.

import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import type { Worker } from 'node:worker_threads'
import { expect, test } from 'vitest'
import type { Host } from '../../src/base/host.ts'
import { seededRandom } from '../../src/base/random.ts'
import { millis } from '../../src/base/time.ts'
import { startMedia } from '../../src/media/client.ts'
import { PortPool } from '../../src/media/port-pool.ts'
import { pause, RtpPhone } from '../harness/rtp-phone.ts'
import { DOOM, LIMBO } from './doom.ts'
import { newCall, openMedia, realHost, talking, testSetup, unwrap } from './media-world.ts'

test('1,000 calls leave no socket and no port behind', async () => {
  const media = await openMedia({ ports: { first: 12_000, last: 17_999 } })
  const [alice, bob] = [await RtpPhone.open(), await RtpPhone.open()]
  const calls = async (count: number): Promise<void> => {
    for (let number = 0; number < count; number++) {
      const { call, a, b } = newCall()
      const offer = { call, from: a, to: b, sdp: alice.sdp(), restated: false }
      const told = await media.control.relayOffer(offer)
      if (!told.ok) throw new Error(`call ${number}: ${media.logs.join('; ')}`)
      unwrap(await media.control.relayAnswer({ call, from: b, to: a, sdp: bob.sdp() }))
      await media.control.release([a, b])
    }
  }
  await calls(1000)
  const status = await media.client.status()
  expect(status).toMatchObject({ sessions: 0, ports: { lent: 0 } })
  const { resting = 0, ready = 0, closed = 0 } = status?.ports ?? {}
  expect(resting + ready + closed).toBe(3000)
  // Every open file of ours is one of a pair that rests or is ready.
  // The kernel's table is not read in one go, so a look may miss one.
  await expect.poll(mediaSockets).toBe(2 * (resting + ready))
  alice.close()
  bob.close()
  await media.close()
  await expect.poll(mediaSockets).toBe(0)

  function mediaSockets(): number {
    return openSockets(12_000, 17_999)
  }
})

test('a port that another program has is passed over', async () => {
  const other = createSocket('udp4')
  const listening = once(other, 'listening')
  other.bind(18_001, '127.0.0.1')
  await listening
  const media = await openMedia({ ports: { first: 18_000, last: 18_005 } })
  const { alice, bob, a, b } = await talking(media)
  const told = new Set([alice.target?.port, bob.target?.port])
  expect(told).toEqual(new Set([18_002, 18_004]))
  await media.control.release([a, b])
  for (const phone of [alice, bob]) phone.close()
  await media.close()
  other.close()
})

test('without a port left a call is refused, and goes on when there is one', async () => {
  const media = await openMedia({ ports: { first: 18_010, last: 18_013 } })
  const { alice, bob, a, b } = await talking(media)
  const second = newCall()
  const request = { call: second.call, from: second.a, to: second.b, sdp: alice.sdp() }
  const refused = await media.control.relayOffer({ ...request, restated: false })
  expect(refused).toEqual({ ok: false, error: { kind: 'no-capacity' } })
  expect(media.logs.some((line) => line.includes('media.ports-exhausted'))).toBe(true)
  await media.control.release([a, b])
  const end = performance.now() + 5000
  for (;;) {
    const again = await media.control.relayOffer({ ...request, restated: false })
    if (again.ok) break
    expect(performance.now()).toBeLessThan(end)
    await pause(100)
  }
  for (const phone of [alice, bob]) phone.close()
  await media.close()
})

test('a port that another program has is tried again after a while', () => {
  const pool = new PortPool({ first: 100, last: 103 }, seededRandom(1))
  const [one = 0, two = 0] = [pool.portToOpen(0), pool.portToOpen(0)]
  pool.portTaken(one, 0)
  pool.portTaken(two, 10_000)
  expect(pool.closed).toBe(2)
  expect(pool.portToOpen(29_999)).toBe(undefined)
  expect(pool.portToOpen(30_000)).toBe(one)
  expect(pool.portToOpen(30_000)).toBe(undefined)
  expect(pool.portToOpen(40_000)).toBe(two)
})

test('a port rests after use, and rests on while it is still sent to', () => {
  const pool = new PortPool<{ port: number; lastPacketAt: number }>(
    { first: 101, last: 110 },
    seededRandom(1),
  )
  const ports = Array.from({ length: 6 }, () => pool.portToOpen(0))
  expect(new Set(ports.slice(0, 4))).toEqual(new Set([102, 104, 106, 108]))
  expect(ports.slice(4)).toEqual([undefined, undefined])
  for (const port of [102, 104]) pool.add({ port, lastPacketAt: 0 })
  const [one, two] = [pool.take(), pool.take()]
  if (one === undefined || two === undefined) throw new Error('two were added')
  pool.release(one, 1000)
  pool.release(two, 1000)
  two.lastPacketAt = 5500
  pool.wake(5999, 2, false)
  expect(pool.take()).toBe(undefined)
  pool.wake(6000, 2, false)
  expect(pool.take()).toBe(one)
  expect(pool.take()).toBe(undefined)
  pool.wake(6999, 2, true)
  expect(pool.take()).toBe(undefined)
  pool.wake(7000, 2, true)
  expect(pool.take()).toBe(two)
})

test('what cannot be started says how to mend it', async () => {
  const addresses = { bind: '192.0.2.1', publicAddress: undefined }
  await expect(openMedia({ addresses })).rejects.toThrow(
    /can be opened on 192.0.2.1: if it is no address of this host, name one with --address/,
  )
  const prompts = [['en/broken', new Uint8Array([1, 2, 3])]] as const
  await expect(openMedia({ prompts })).rejects.toThrow(
    /prompt en\/broken.wav is no WAV file; .*sox/,
  )
})

test('a worker that dies is started again, and its sessions are told as lost', async () => {
  const media = await openMedia({ entry: new URL('./doomed-worker.ts', import.meta.url) })
  const { alice, bob, a, b } = await talking(media)
  const reports = await media.control.release([DOOM])
  expect(reports).toMatchObject([{ received: { packets: 0 } }])
  expect(await media.until((event) => event.kind === 'lost')).toEqual({
    kind: 'lost',
    media: [a, b],
  })
  const end = performance.now() + 8000
  while ((await media.client.status()) === undefined) {
    expect(performance.now()).toBeLessThan(end)
    await pause(50)
  }
  const { alice: carol, bob: dave } = await talking(media)
  for (const phone of [alice, bob, carol, dave]) phone.close()
  await media.close()
})

test('a worker that hangs is ended and started again, and its sessions are lost', async () => {
  const entry = new URL('./doomed-worker.ts', import.meta.url)
  const media = await openMedia({ entry, host: hasty })
  const { alice, bob, a, b } = await talking(media)
  await media.control.release([LIMBO])
  // As its status is asked all the time.
  expect(await media.client.status()).toBe(undefined)
  expect(await media.until((event) => event.kind === 'lost')).toMatchObject({ media: [a, b] })
  expect(media.logs).toContainEqual(expect.stringMatching(/^error media.died .*not answered/))
  await expect.poll(() => media.client.status(), { timeout: 8_000 }).toMatchObject({ sessions: 0 })
  for (const phone of [alice, bob]) phone.close()
  await media.close()
})

test('a worker is not taken to hang by a thread that stood still itself', async () => {
  const media = await openMedia({ host: hasty })
  const { alice, bob } = await talking(media)
  for (let times = 0; times < 2; times++) {
    const asked = media.client.status()
    // It is asked at the end of this turn; its answer lies unread for ten seconds.
    await turn()
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_000)
    await asked
    await pause(50)
  }
  expect(await media.client.status()).toMatchObject({ sessions: 2 })
  expect(media.events).toEqual([])
  for (const phone of [alice, bob]) phone.close()
  await media.close()
})

test('a worker that is being started again does not outlive a stop', async () => {
  const workers: Worker[] = []
  const onWorker = (worker: Worker): void => void workers.push(worker)
  process.on('worker', onWorker)
  const logs: string[] = []
  const began = Promise.withResolvers<void>()
  const real = realHost(logs)
  const wake: Host['wake'] = (at, run) =>
    real.wake(at, () => {
      run()
      if (logs.some((line) => line.includes('media.died'))) began.resolve()
    })
  const entry = new URL('./doomed-worker.ts', import.meta.url)
  const started = await startMedia({ entry, setup: await testSetup({}), host: { ...real, wake } })
  const client = unwrap(started)
  void client.ask({ method: 'release', media: [DOOM] })
  await began.promise
  await client.stop()
  process.off('worker', onWorker)
  expect(workers.map(({ threadId }) => threadId)).toEqual([-1, -1])
  expect(logs.filter((line) => line.includes('media.not-started'))).toEqual([])
})

test('a worker whose program is broken fails to start', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'pbx-media-'))
  const entry = join(directory, 'worker.mjs')
  writeFileSync(entry, 'throw new Error("no such luck")')
  const setup = await testSetup({})
  const logs: string[] = []
  const started = await startMedia({ entry, setup, host: realHost(logs) })
  await pause(500)
  expect(logs).toEqual([])
  expect(started).toMatchObject({ ok: false, error: expect.stringContaining('no such luck') })
  rmSync(directory, { recursive: true })
})

/** Ten times as fast. */
function hasty(host: Host): Host {
  const wake: Host['wake'] = (at, run) => host.wake(millis(at / 10), run)
  return { ...host, now: () => millis(10 * host.now()), wake }
}

/** UDP sockets of this process within a range of ports. */
function openSockets(first: number, last: number): number {
  const rows = readFileSync('/proc/net/udp', 'latin1').split('\n').slice(1)
  const ours = new Set(readdirSync('/proc/self/fd').map(linkOf))
  return rows.filter((row) => {
    const [, address = '', , , , , , , , inode] = row.trim().split(/\s+/)
    const port = Number.parseInt(address.split(':')[1] ?? '', 16)
    return port >= first && port <= last && ours.has(`socket:[${inode}]`)
  }).length
}

function linkOf(file: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${file}`)
  } catch {
    // Closed since the directory was read, like the one it was read by.
    return ''
  }
}
