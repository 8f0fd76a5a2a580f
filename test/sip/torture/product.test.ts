//! The torture messages sent to the running product over UDP, each from an address of its own: what
//! comes back is what docs/torture.md says. What is `processed` may be challenged or, from a
//! stranger's domain, left without an answer.

import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseMessage } from '../../../src/sip/message/parse.ts'
import { topVia } from '../../../src/sip/message/views.ts'
import { startProduct, type Product } from '../../harness/product.ts'
import { EXPECTATIONS, type Expectation } from './expectations.ts'

/** How long silence must last to be taken for no answer. */
const SILENCE_MS = 400
const DEFAULT_PORT = 5060
/** What says that a message is wrong in form or beyond us. */
const REFUSED: ReadonlySet<number> = new Set([
  400, 405, 406, 415, 416, 420, 482, 500, 501, 505, 513,
])

let product: Product

beforeAll(async () => {
  product = await startProduct({ args: ['--domain', 'example.com', '--log-level', 'error'] })
})

afterAll(async () => {
  expect(await product.stop()).toBe(0)
})

test('every torture message over UDP', async () => {
  const answers = await Promise.all(EXPECTATIONS.map((each, index) => answerTo(each, index)))
  const wrong = EXPECTATIONS.flatMap((each, index) => {
    const got = answers[index]
    return isRight(each, got) ? [] : [`${each.rfc} ${each.name}: ${got ?? 'silence'}`]
  })
  expect(wrong).toEqual([])
  const { health } = await product.api<{ health: { healthy: boolean } }>('GET', '/status')
  expect(health.healthy).toBe(true)
})

/** The final status, or undefined for silence. */
async function answerTo(each: Expectation, index: number): Promise<number | undefined> {
  const bytes = readFileSync(
    join(import.meta.dirname, 'fixtures', `rfc${each.rfc}`, `${each.name}.dat`),
  )
  const address = `127.9.${each.rfc === 4475 ? 1 : 2}.${index + 1}`
  const parsed = parseMessage(bytes)
  const via = parsed.ok ? topVia(parsed.value) : undefined
  // §18.2.2: without rport the answer goes to the port that the Via names.
  const ports = new Set([DEFAULT_PORT, via?.port ?? DEFAULT_PORT])
  const sockets = await Promise.all([...ports].map((port) => open(address, port)))
  try {
    return await exchange(sockets, ofItsOwn(bytes, index))
  } finally {
    for (const socket of sockets) socket.close()
  }
}

async function exchange(
  sockets: readonly Socket[],
  bytes: Uint8Array,
): Promise<number | undefined> {
  let status: number | undefined
  for (const socket of sockets)
    socket.on('message', (answer) => {
      const code = Number(answer.toString('latin1', 8, 11))
      if (code >= 200) status ??= code
    })
  sockets[0]?.send(bytes, product.ports['udp'] ?? 0, '127.0.0.1')
  for (let waited = 0; waited < SILENCE_MS * 5 && status === undefined; waited += SILENCE_MS)
    await sleep(SILENCE_MS)
  return status
}

function isRight({ allows }: Expectation, status: number | undefined): boolean {
  return allows.some((verdict) => {
    if (verdict === 'dropped') return status === undefined
    if (verdict === 'processed') return status === undefined || !REFUSED.has(status)
    return status === verdict
  })
}

/** Several of the RFC's messages share branch or Call-ID: one would be taken for the other. */
function ofItsOwn(bytes: Uint8Array, index: number): Uint8Array {
  const text = Buffer.from(bytes).toString('latin1')
  const own = text
    .replace(/(z9hG4bK[\w.]+)/, `$1n${index}`)
    .replace(/^(Call-ID:\s*)/m, `$1${index}-`)
  return Buffer.from(own, 'latin1')
}

async function open(address: string, port: number): Promise<Socket> {
  const socket = createSocket('udp4').bind(port, address)
  await once(socket, 'listening')
  return socket
}
