//! SIPp, as others test with it: its own scenarios against the running product.

import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { CdrPage, Status } from '../../src/console/api/shapes.ts'
import { endWithUs } from '../harness/children.ts'
import { type Product, startProduct } from '../harness/product.ts'

const USERS = 20
const SCENARIOS = join(import.meta.dirname, 'sipp')

let product: Product
let directory = ''

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'pbx-sipp-'))
  product = await startProduct()
  const rows = Array.from({ length: USERS }, (_, index) => `pbx.example,${3000 + index},sekret`)
  const response = await fetch(`${product.url}/api/v1/import`, {
    method: 'POST',
    headers: { authorization: `Bearer ${product.token}`, 'content-type': 'text/csv' },
    body: rows.join('\n'),
  })
  expect(await response.text()).toContain(`"imported":${USERS}`)
})
afterAll(async () => {
  expect(await product.stop(), product.output()).toBe(0)
  rmSync(directory, { recursive: true })
})

type Run = { readonly code: number; readonly output: string }

function sipp(scenario: string, args: readonly string[]): Promise<Run> {
  const server = `127.0.0.1:${product.ports['udp']}`
  const common = ['-sf', join(SCENARIOS, `${scenario}.xml`), '-i', '127.0.0.1', '-nostdin']
  const limits = ['-timeout', '60', '-timeout_error', '-trace_err', '-error_file', 'errors.log']
  const child = spawn('sipp', [server, ...common, ...limits, ...args], { cwd: directory })
  endWithUs(child)
  let output = ''
  child.stdout.on('data', (piece: Buffer) => void (output += piece.toString()))
  child.stderr.on('data', (piece: Buffer) => void (output += piece.toString()))
  return new Promise((resolve, reject) => {
    child.on('error', () => reject(new Error('SIPp is needed (Debian: sip-tester)')))
    child.on('close', (code) => resolve({ code: code ?? -1, output }))
  })
}

/** `fields`: what follows the user and its credentials on each line. */
function injection(
  name: string,
  users: readonly number[],
  fields: (user: number) => string,
): string {
  const file = join(directory, `${name}.csv`)
  const login = (user: number): string => `[authentication username=${user} password=sekret]`
  const lines = users.map((user) => `${user};${login(user)};${fields(user)}`)
  writeFileSync(file, `SEQUENTIAL\n${lines.join('\n')}\n`)
  return file
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  await new Promise<void>((resolve) => void socket.close(() => resolve()))
  return port
}

const callers = Array.from({ length: USERS / 2 }, (_, index) => 3000 + index)
const callees = callers.map((user) => user + USERS / 2)

/** Callees are registered at `port`, where their scenario waits; callers then run theirs. */
async function run(caller: string, callee: string, calls: number, rate: number): Promise<void> {
  const port = await freePort()
  const registered = injection('register', callees, () => String(port))
  const count = String(callees.length)
  const register = await sipp('register', ['-inf', registered, '-m', count, '-r', '50'])
  expect(register.code, register.output.slice(-2000)).toBe(0)
  const waiting = sipp(callee, ['-p', String(port), '-m', String(calls)])
  const file = injection('call', callers, (user) => String(user + USERS / 2))
  const pace = ['-m', String(calls), '-r', String(rate), '-d', '200']
  const calling = sipp(caller, ['-inf', file, ...pace])
  for (const { code, output } of await Promise.all([calling, waiting]))
    expect(code, output.slice(-3000)).toBe(0)
  await expect.poll(async () => (await product.api<Status>('GET', '/status')).calls).toBe(0)
}

async function lastCdrs(count: number): Promise<CdrPage['items']> {
  return (await product.api<CdrPage>('GET', `/cdrs?limit=${count}`)).items
}

test('200 calls at 50 a second are answered and hung up', async () => {
  await run('call', 'answer', 200, 50)
  const cdrs = await lastCdrs(201)
  expect(cdrs).toHaveLength(200)
  for (const cdr of cdrs) expect(cdr).toMatchObject({ status: 200, endedBy: 'caller' })
})

test('callers give up while it rings', async () => {
  await run('cancel', 'ring', 40, 20)
  for (const cdr of await lastCdrs(40))
    expect(cdr).toMatchObject({ status: 487, endedBy: 'caller', durationMs: 0 })
})

test('a busy phone is busy for its caller', async () => {
  await run('refused', 'busy', 40, 20)
  for (const cdr of await lastCdrs(40)) expect(cdr).toMatchObject({ status: 486, durationMs: 0 })
})
