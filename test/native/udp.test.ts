//! One contract, both hubs: the add-on and plain dgram.

import { createSocket } from 'node:dgram'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { afterEach, describe, expect, test } from 'vitest'
import { assert } from '../../src/base/assert.ts'
import type { Log } from '../../src/base/host.ts'
import { err } from '../../src/base/result.ts'
import { buildNative } from '../../src/native/build.ts'
import { loadNative } from '../../src/native/load.ts'
import { batchedHub } from '../../src/native/udp-batched.ts'
import { dgramHub } from '../../src/native/udp-dgram.ts'
import { udpHub } from '../../src/native/udp-hub.ts'
import type { UdpFailure, UdpHub, UdpHubOptions, UdpPeer, UdpSocket } from '../../src/native/udp.ts'

const built = await buildNative()
assert(built.ok, built.ok ? '' : built.error)
const native = loadNative(built.value)
assert(native.ok, native.ok ? '' : native.error)

type Got = { text: string; peer: UdpPeer<string> }
type Side = {
  hub: UdpHub<string>
  socket: UdpSocket
  got: Got[]
  failures: UdpFailure[]
  forgotten: UdpPeer<string>[]
  until(done: () => boolean): Promise<void>
}

const open: UdpHub<string>[] = []
afterEach(async () => {
  for (const hub of open.splice(0)) await hub.close()
})

const makers = {
  batched: (options: UdpHubOptions<string>) => batchedHub(native.value, options),
  dgram: (options: UdpHubOptions<string>) => dgramHub(options),
}

describe.each(['batched', 'dgram'] as const)('%s', (kind) => {
  async function side(
    address = '127.0.0.1',
    extra: Partial<UdpHubOptions<string>> & { echo?: boolean; reportErrors?: boolean } = {},
  ): Promise<Side> {
    const got: Got[] = []
    const failures: UdpFailure[] = []
    const forgotten: UdpPeer<string>[] = []
    const waiting = new Set<() => void>()
    const changed = (): void => waiting.forEach((check) => check())
    const hub = makers[kind]({
      onBatch(batch) {
        for (let index = 0; index < batch.count; index++) {
          const peer = batch.from(index)
          const start = batch.start(index)
          got.push({ text: batch.slab(index).toString('latin1', start, batch.end(index)), peer })
          if (extra.echo === true) hub.send(peer, batch.bytes(index))
        }
        changed()
      },
      onFailure(failure) {
        failures.push(failure)
        changed()
      },
      onForgotten: (peer) => forgotten.push(peer),
      ...extra,
    })
    open.push(hub)
    const { reportErrors = false } = extra
    const opened = await hub.open({ address, port: 0, reportErrors })
    assert(opened.ok, opened.ok ? '' : opened.error.code)
    const until = (done: () => boolean): Promise<void> =>
      new Promise((resolve) => {
        const check = (): void => {
          if (!done()) return
          waiting.delete(check)
          resolve()
        }
        waiting.add(check)
        check()
      })
    return { hub, socket: opened.value, got, failures, forgotten, until }
  }

  function peerTo(from: Side, to: Side, address = '127.0.0.1'): UdpPeer<string> {
    const peer = from.hub.peer(from.socket, address, to.socket.port)
    assert(peer !== undefined, 'no such peer')
    return peer
  }

  test('a datagram arrives whole, from the address it was sent by', async () => {
    const a = await side()
    const b = await side()
    a.hub.send(peerTo(a, b), Buffer.from('hello'))
    await b.until(() => b.got.length === 1)
    expect(b.got[0]?.text).toBe('hello')
    expect(b.got[0]?.peer.address).toBe('127.0.0.1')
    expect(b.got[0]?.peer.port).toBe(a.socket.port)
    expect(b.got[0]?.peer.localAddress).toBe('127.0.0.1')
  })

  test('a peer is one object: its context is found again', async () => {
    const a = await side()
    const b = await side()
    const to = peerTo(a, b)
    a.hub.send(to, Buffer.from('1'))
    await b.until(() => b.got.length === 1)
    const [first] = b.got
    assert(first !== undefined, 'nothing came')
    first.peer.context = 'known'
    a.hub.send(to, Buffer.from('2'))
    await b.until(() => b.got.length === 2)
    expect(b.got[1]?.peer.context).toBe('known')
    expect(b.hub.peer(b.socket, '127.0.0.1', a.socket.port)).toBe(first.peer)
  })

  test('more than a batch and more than the queue go through, in order', async () => {
    const a = await side()
    const b = await side('127.0.0.1', { echo: true })
    const to = peerTo(a, b)
    const sent = Array.from({ length: 1000 }, (_, index) => `${index}`.padStart(900, '.'))
    for (const text of sent) a.hub.send(to, Buffer.from(text))
    await a.until(() => a.got.length === sent.length)
    expect(a.got.map((each) => each.text)).toEqual(sent)
    expect(b.hub.counters().received).toBe(1000)
    expect(a.hub.counters().sent).toBe(1000)
  })

  test('the largest datagram and an empty one', async () => {
    const a = await side()
    const b = await side()
    const to = peerTo(a, b)
    a.hub.send(to, Buffer.alloc(65_507, 'x'))
    a.hub.send(to, Buffer.alloc(0))
    await b.until(() => b.got.length === 2)
    expect(b.got.map((each) => each.text.length)).toEqual([65_507, 0])
  })

  test('what is longer than datagramMax is counted, never delivered in part', async () => {
    const a = await side()
    const b = await side('127.0.0.1', { datagramMax: 100 })
    const to = peerTo(a, b)
    a.hub.send(to, Buffer.alloc(2000, 'x'))
    a.hub.send(to, Buffer.from('short'))
    await b.until(() => b.got.some((each) => each.text === 'short'))
    expect(b.got.map((each) => each.text).filter((text) => text !== '')).toEqual(['short'])
    expect(b.hub.counters().truncated).toBe(1)
  })

  test('forward sends the datagram at hand onward', async () => {
    const a = await side()
    const c = await side()
    const relay: { to?: UdpPeer<string> } = {}
    const b = await side('127.0.0.1', {
      onBatch(batch) {
        assert(relay.to !== undefined, 'no relay')
        for (let index = 0; index < batch.count; index++) b.hub.forward(batch, index, relay.to)
      },
    })
    relay.to = peerTo(b, c)
    for (let index = 0; index < 300; index++)
      a.hub.send(peerTo(a, b), Buffer.from(`packet ${index}`))
    await c.until(() => c.got.length === 300)
    expect(c.got[299]?.text).toBe('packet 299')
    expect(c.got[0]?.peer.port).toBe(b.socket.port)
  })

  test('a taken port is an outcome, not an exception', async () => {
    const a = await side()
    const again = await a.hub.open({ address: '127.0.0.1', port: a.socket.port })
    expect(again).toMatchObject({ ok: false, error: { code: 'EADDRINUSE' } })
    const wrong = await a.hub.open({ address: 'not.numeric', port: 0 })
    expect(wrong).toMatchObject({ ok: false, error: { code: 'EINVAL' } })
    expect(a.hub.peer(a.socket, 'not.numeric', 5060)).toBeUndefined()
    expect(a.hub.peer(a.socket, '::1', 5060)).toBeUndefined()
    await a.hub.close()
    const late = await a.hub.open({ address: '127.0.0.1', port: 0 })
    expect(late).toMatchObject({ ok: false, error: { code: 'ESHUTDOWN' } })
  })

  test('a port is free at once when its socket is closed; sends to it go nowhere', async () => {
    const a = await side()
    const b = await side()
    const stale = peerTo(a, b)
    a.socket.close()
    a.socket.close()
    a.hub.send(stale, Buffer.from('lost'))
    expect(a.hub.peer(a.socket, '127.0.0.1', 5060)).toBeUndefined()
    const again = await b.hub.open({ address: '127.0.0.1', port: a.socket.port })
    expect(again.ok).toBe(true)
  })

  test('forgotten peers are told of, and can still be sent to', async () => {
    const a = await side('127.0.0.1', { peersMax: 8, batchMax: 4 })
    const b = await side()
    const to = peerTo(a, b)
    for (let port = 20_000; port < 20_020; port++) a.hub.peer(a.socket, '127.0.0.1', port)
    expect(a.forgotten).toContain(to)
    a.hub.send(to, Buffer.from('still there'))
    await b.until(() => b.got.length === 1)
  })

  test('closing some sockets forgets their peers and no others', async () => {
    const { hub } = await side()
    const sockets: UdpSocket[] = []
    for (let count = 0; count < 20; count++) {
      const opened = await hub.open({ address: '127.0.0.1', port: 0 })
      assert(opened.ok, 'no socket')
      sockets.push(opened.value)
    }
    const ports = Array.from({ length: 100 }, (_, index) => 20_000 + index)
    const peersOf = (socket: UdpSocket) => ports.map((port) => hub.peer(socket, '127.0.0.1', port))
    const before = sockets.map(peersOf)
    const closed = sockets.filter((_, index) => index % 3 === 0)
    for (const socket of closed) socket.close()
    sockets.forEach((socket, index) => {
      if (closed.includes(socket)) return
      const now = peersOf(socket)
      expect(now.every((peer, at) => peer === before[index]?.[at])).toBe(true)
    })
  })

  test('IPv6', async () => {
    const a = await side('::1')
    const b = await side('::1', { echo: true })
    a.hub.send(peerTo(a, b, '::1'), Buffer.from('six'))
    await a.until(() => a.got.length === 1)
    expect(a.got[0]?.peer).toMatchObject({ address: '::1', localAddress: '::1' })
  })

  test.runIf(kind === 'batched')('a wildcard socket answers from the address asked', async () => {
    const b = await side('0.0.0.0', { echo: true })
    const phone = createSocket('udp4')
    const answer = new Promise<string>((resolve) => {
      phone.once('message', (_bytes, from) => resolve(from.address))
    })
    phone.send('who?', b.socket.port, '127.0.0.77')
    expect(await answer).toBe('127.0.0.77')
    expect(b.got[0]?.peer.localAddress).toBe('127.0.0.77')
    phone.close()
  })

  test.runIf(kind === 'batched')('ICMP errors name the far end that refused', async () => {
    const a = await side('127.0.0.1', { reportErrors: true })
    const b = await side()
    const gone = await side()
    const { port } = gone.socket
    gone.socket.close()
    const nobody = a.hub.peer(a.socket, '127.0.0.1', port)
    assert(nobody !== undefined, 'no peer')
    a.hub.send(nobody, Buffer.from('anyone?'))
    await a.until(() => a.failures.length > 0)
    expect(a.failures[0]).toMatchObject({ address: '127.0.0.1', port, code: 'ECONNREFUSED' })
    a.hub.send(peerTo(a, b), Buffer.from('unharmed'))
    await b.until(() => b.got.length === 1)
  })

  test.runIf(kind === 'batched')('a batch tells how long it lay in the kernel', async () => {
    const a = await side()
    const seen = { waited: -1 }
    const late = await new Promise<UdpSocket>((resolve) => {
      const hub = makers.batched({
        onBatch: (batch) => (seen.waited = batch.waited),
        onFailure: () => undefined,
      })
      open.push(hub)
      void hub.open({ address: '127.0.0.1', port: 0, timestamps: true }).then((opened) => {
        assert(opened.ok, 'no socket')
        resolve(opened.value)
      })
    })
    const to = a.hub.peer(a.socket, '127.0.0.1', late.port)
    assert(to !== undefined, 'no peer')
    // The kernel begins to stamp some time after it was asked to; without, nothing has waited.
    for (let round = 0; round < 100 && seen.waited < 30; round++) {
      seen.waited = -1
      a.hub.send(to, Buffer.from('late'))
      a.hub.flush()
      // Keeps the loop from reading it.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 30)
      while (seen.waited < 0) await new Promise((resolve) => setImmediate(resolve))
    }
    expect(seen.waited).toBeGreaterThanOrEqual(30)
    expect(seen.waited).toBeLessThan(10_000)
  })

  test.runIf(kind === 'batched')('the backlog shows what waits in the kernel', async () => {
    const a = await side()
    const b = await side()
    for (let index = 0; index < 50; index++) a.hub.send(peerTo(a, b), Buffer.alloc(500))
    a.hub.flush()
    expect(b.socket.backlog()?.bytes).toBeGreaterThan(50 * 500)
    await b.until(() => b.got.length === 50)
    expect(b.socket.backlog()).toEqual({ bytes: 0, dropped: 0 })
  })
})

test('the add-on works in worker threads and lets them end with sockets open', async () => {
  const code = `
    const { parentPort, workerData } = require('node:worker_threads')
    ;(async () => {
      const { loadNative } = await import(workerData.load)
      const { batchedHub } = await import(workerData.batched)
      const hub = batchedHub(loadNative(workerData.path).value, {
        onBatch: (batch) => hub.send(batch.from(0), batch.bytes(0)),
        onFailure: () => {},
      })
      const opened = await hub.open({ address: '127.0.0.1', port: 0 })
      parentPort.postMessage(opened.value.port)
    })()`
  const from = (name: string): string => new URL(`../../src/native/${name}`, import.meta.url).href
  const workerData = {
    path: built.value,
    load: from('load.ts'),
    batched: from('udp-batched.ts'),
  }
  const workers = [1, 2, 3].map(() => new Worker(code, { eval: true, workerData }))
  const ports = workers.map(
    (worker) =>
      new Promise<number>((resolve, reject) => {
        worker.once('message', resolve)
        worker.once('error', reject)
      }),
  )
  const phone = createSocket('udp4')
  for (const port of await Promise.all(ports)) {
    const answer = new Promise<string>((resolve) => {
      phone.once('message', (bytes) => resolve(bytes.toString()))
    })
    phone.send(`to ${port}`, port, '127.0.0.1')
    expect(await answer).toBe(`to ${port}`)
  }
  phone.close()
  const codes = await Promise.all(workers.map((worker) => worker.terminate()))
  expect(codes).toEqual([1, 1, 1])
})

test('the system tells which of its addresses reaches another', () => {
  expect(native.value.udpRoute('127.0.0.1')).toBe('127.0.0.1')
  expect(native.value.udpRoute('::1')).toBe('::1')
  expect(native.value.udpRoute('no address')).toBe('')
})

test('the log tells which hub was chosen, and why not the better one', async () => {
  const lines: string[] = []
  const log: Log = (level, event, fields) => lines.push(`${level} ${event} ${fields?.['reason']}`)
  const quiet = { onBatch: () => undefined, onFailure: () => undefined }
  open.push(udpHub<string>(native, 'sip', log, quiet))
  open.push(udpHub<string>(err('no compiler'), 'sip', log, quiet))
  expect(open.map((hub) => hub.kind)).toEqual(['batched', 'dgram'])
  expect(lines).toEqual(['info udp.batched undefined', 'warn udp.unbatched no compiler'])
})

test('a failed build says why, and leaves nothing behind', async () => {
  const output = mkdtempSync(join(tmpdir(), 'pbx-native-'))
  const missing = await buildNative({ compiler: 'no-such-compiler', output })
  expect(missing).toEqual({
    ok: false,
    error: 'no-such-compiler did not build it: it is not installed',
  })
  expect((await buildNative({ compiler: 'false', output })).ok).toBe(false)
  expect(readdirSync(output)).toEqual([])
  rmSync(output, { recursive: true })
})

test('no add-on is an outcome with its reason', async () => {
  expect(loadNative(undefined)).toEqual({ ok: false, error: 'no add-on was built' })
  const missing = loadNative('/nowhere/pbx-native.node')
  expect(missing.ok ? '' : missing.error).toContain('/nowhere/pbx-native.node did not load')
})
