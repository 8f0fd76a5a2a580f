//! What becomes of a call when the server is stopped, or dies, in the middle of it; and a browser's
//! way in.

import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import type { CallList, CdrPage, ExtensionSecret, Trace } from '../../src/console/api/shapes.ts'
import { Baresip } from '../harness/baresip.ts'
import { type Product, startProduct } from '../harness/product.ts'

let data = ''
let phones: Baresip[] = []
beforeEach(() => void (data = mkdtempSync(join(tmpdir(), 'pbx-stop-'))))
afterEach(async () => {
  for (const phone of phones) {
    await phone.stop()
    phone.remove()
  }
  phones = []
  rmSync(data, { recursive: true, force: true })
})

/** Two phones in a call; the call's id. */
async function callUp(product: Product): Promise<string> {
  for (const extension of ['2001', '2002']) {
    const made = await product.api<ExtensionSecret>('POST', '/extensions', { extension })
    const server = `127.0.0.1:${product.ports['udp']}`
    const { password, domain } = made
    phones.push(await Baresip.start({ user: extension, password, domain, server }))
  }
  const [caller, callee] = phones
  caller?.dial('2002')
  await callee?.event('CALL_INCOMING')
  callee?.accept()
  await caller?.event('CALL_ESTABLISHED')
  const { items } = await product.api<CallList>('GET', '/calls')
  expect(items).toHaveLength(1)
  expect(items[0]).toMatchObject({ caller: 'sip:2001@pbx.example', state: 'up' })
  return items[0]?.id ?? ''
}

test('a stop ends calls properly: both phones hear of it, the record says so', async () => {
  const product = await startProduct({ data })
  const call = await callUp(product)
  const closed = Promise.all(phones.map((phone) => phone.event('CALL_CLOSED')))
  expect(await product.stop(), product.output()).toBe(0)
  await closed
  const again = await startProduct({ data })
  const { items } = await again.api<CdrPage>('GET', '/cdrs')
  expect(items).toHaveLength(1)
  expect(items[0]).toMatchObject({ call, status: 200, endedBy: 'system' })
  expect(await again.stop(), again.output()).toBe(0)
})

/** Packets of sound that the running process has passed on. */
async function relayed({ url }: Product): Promise<number> {
  const metrics = await (await fetch(`${url}/metrics`)).text()
  return Number(/^pbx_media_packets\{.*kind="relayed".*\} (\d+)/m.exec(metrics)?.[1] ?? 0)
}

test('a kill does not end a call: whoever serves next goes on with it, to one record', async () => {
  // Phones know it by its port, which must not be one for media.
  const args = ['--sip-port', String(20_000 + (process.pid % 5_000))]
  const product = await startProduct({ data, args })
  const call = await callUp(product)
  await product.kill()
  // Nor does a start that fails when calls are taken over already.
  const squatter = createServer().listen(0, '127.0.0.1')
  await once(squatter, 'listening')
  const { port } = squatter.address() as AddressInfo
  const badly = [...args, '--http-port', String(port)]
  await expect(startProduct({ data, args: badly })).rejects.toThrow('http-port')
  squatter.close()
  const again = await startProduct({ data, args })
  const calls = async (): Promise<CallList['items']> =>
    (await again.api<CallList>('GET', '/calls')).items
  // What was answered in the last seconds is answered once more before it is up.
  await expect
    .poll(calls, { timeout: 20_000 })
    .toEqual([expect.objectContaining({ id: call, state: 'up' })])
  // Both ways for a second: fifty packets a phone.
  await expect.poll(() => relayed(again), { timeout: 20_000 }).toBeGreaterThan(100)
  const closed = Promise.all(phones.map((phone) => phone.event('CALL_CLOSED')))
  phones[0]?.hangup()
  await closed
  const records = async (): Promise<CdrPage['items']> =>
    (await again.api<CdrPage>('GET', '/cdrs')).items
  await expect.poll(records, { timeout: 20_000 }).toHaveLength(1)
  expect((await records())[0]).toMatchObject({ call, endedBy: 'caller', status: 200 })
  expect(await again.stop(), again.output()).toBe(0)
})

test('a call that is up can be traced and hung up by an administrator', async () => {
  const product = await startProduct({ data })
  const call = await callUp(product)
  const trace = await product.api<Trace>('GET', `/calls/${call}/trace`)
  const peers = new Set(trace.messages.map(({ peer }) => peer))
  expect(peers.size).toBe(2)
  expect(trace.messages.some(({ text }) => text.startsWith('INVITE sip:2002@'))).toBe(true)
  const closed = Promise.all(phones.map((phone) => phone.event('CALL_CLOSED')))
  await product.api('DELETE', `/calls/${call}`)
  await closed
  expect(await product.stop(), product.output()).toBe(0)
})

test('a browser reaches SIP by WebSocket on both ports', async () => {
  const product = await startProduct({ data })
  for (const [scheme, port] of [
    ['ws', product.ports['ws']],
    ['wss', product.ports['wss']],
  ]) {
    const url = `${scheme}://127.0.0.1:${port}/sip`
    const socket = new WebSocket(url, 'sip', { rejectUnauthorized: false })
    await new Promise((resolve, reject) => {
      socket.once('open', resolve)
      socket.once('error', reject)
    })
    const answer = new Promise<string>((resolve) => {
      socket.once('message', (bytes: Buffer) => resolve(bytes.toString()))
    })
    socket.send(
      'OPTIONS sip:pbx.example SIP/2.0\r\n' +
        `Via: SIP/2.0/${String(scheme).toUpperCase()} browser.invalid;branch=z9hG4bK1\r\n` +
        'Max-Forwards: 70\r\nFrom: <sip:2001@pbx.example>;tag=1\r\nTo: <sip:pbx.example>\r\n' +
        'Call-ID: browser\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n',
    )
    expect(await answer).toMatch(/^SIP\/2\.0 200 OK\r\n/)
    socket.terminate()
  }
  expect(await product.stop(), product.output()).toBe(0)
})
