//! What whoever starts the product meets: what it prints, what it refuses, how it stops.

import { spawnSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ExtensionPage, Status } from '../../src/console/api/shapes.ts'
import { type Product, runProduct, startProduct } from '../harness/product.ts'

let base = ''
beforeAll(() => void (base = mkdtempSync(join(tmpdir(), 'pbx-start-'))))
afterAll(() => rmSync(base, { recursive: true }))

const free = ['--sip-port', '0', '--sip-tls-port', '0', '--http-port', '0', '--https-port', '0']

/** The options of a start that must be refused, besides the ones under test. */
function refused(...args: readonly string[]): Promise<{ code: number; output: string }> {
  const data = join(base, `refused-${args.length}`)
  const rtp = ['--rtp-ports', '10000-10100']
  return runProduct(['--data', data, '--address', '127.0.0.1', ...rtp, ...args])
}

/** Another program listens on `taken`. */
async function takenPort(): Promise<{ readonly tcp: Server; readonly taken: number }> {
  const tcp = createServer()
  tcp.listen(0, '127.0.0.1')
  await once(tcp, 'listening')
  const address = tcp.address()
  return { tcp, taken: typeof address === 'object' && address !== null ? address.port : 0 }
}

test.each([
  [['--sip-prot', '5060'], '--sip-prot is not known; did you mean --sip-port?'],
  [['stauts'], 'stauts is no command; did you mean status?'],
  [['--role', 'queue'], 'comes in a later version; this version runs call-manager and media'],
  [['--domain', 'a b'], '--domain "a b" must be a domain name'],
  [['--config', '/nowhere.toml'], '--config "/nowhere.toml" cannot be read'],
  [['--data', '/dev/null'], 'the data directory /dev/null cannot be used'],
  [['--address', '192.0.2.77', ...free], 'is no address of this host'],
])('%j is refused with exit code 2', async (args, message) => {
  const { code, output } = await refused(...args)
  expect([code, output]).toEqual([2, expect.stringContaining(message)])
})

test('an unknown key of the config file is refused by name', async () => {
  const file = join(base, 'pbx.toml')
  writeFileSync(file, 'sip-port = 0\nhtpp-port = 8080\n')
  const { code, output } = await refused('--config', file)
  expect([code, output]).toEqual([
    2,
    expect.stringContaining('pbx.toml: htpp-port is not known; did you mean http-port?'),
  ])
})

test('a taken port is refused with how to find who has it and how to choose another', async () => {
  const udp = createSocket('udp4')
  udp.bind(0, '127.0.0.1')
  await once(udp, 'listening')
  const { port } = udp.address()
  const sip = await refused(...free.slice(2), '--sip-port', String(port))
  expect([sip.code, sip.output]).toEqual([
    2,
    expect.stringMatching(
      new RegExp(`UDP port ${port} on 127.0.0.1 is taken: .*ss -lunp.*--sip-port`),
    ),
  ])
  udp.close()
  const { tcp, taken } = await takenPort()
  for (const option of ['sip-tls-port', 'http-port', 'https-port']) {
    const at = free.indexOf(`--${option}`)
    const { code, output } = await refused(...free.toSpliced(at, 2), `--${option}`, String(taken))
    const message = `TCP port ${taken} on 127.0.0.1 is taken`
    expect([code, output]).toEqual([2, expect.stringContaining(message)])
    expect(output).toContain(`--${option}`)
  }
  tcp.close()
})

test('a first start prints where everything is, a claim link and two extensions', async () => {
  const product = await startProduct({ args: ['--domain', 'example.com'] })
  try {
    const text = product.output()
    expect(text).toContain(`console    ${product.url}`)
    expect(text).toContain(`SIP        127.0.0.1:${product.ports['udp']} (UDP, TCP)`)
    expect(text).toContain(`ws://127.0.0.1:${product.ports['ws']}/sip`)
    expect(text).toMatch(/1001@example\.com {2}password [a-z2-9]{14}\n/)
    expect(text).toMatch(/1002@example\.com {2}password [a-z2-9]{14}\n/)
    await claim(product, /http:\S+\/claim\?token=\S+/.exec(text)?.[0] ?? '')
    const secrets = ['api.token', 'secret.key', 'tls/key.pem']
    for (const name of secrets) expect(statSync(join(product.data, name)).mode & 0o077).toBe(0)
    const second = await runProduct(['--data', product.data, '--address', '127.0.0.1', ...free])
    expect(second.code).toBe(2)
    expect(second.output).toContain('another pbx runs with the data directory')
  } finally {
    expect(await product.stop()).toBe(0)
  }
})

/** The link makes an administrator, once. */
async function claim(product: Product, link: string): Promise<void> {
  const token = new URL(link).searchParams.get('token') ?? ''
  const password = 'correct horse battery'
  const post = (): Promise<Response> =>
    fetch(`${product.url}/claim`, {
      method: 'POST',
      redirect: 'manual',
      body: new URLSearchParams({ token, name: 'ann', password, again: password }),
    })
  expect((await fetch(link)).status).toBe(200)
  expect((await post()).status).toBe(303)
  expect((await post()).status).toBe(410)
}

test('a second start finds everything again, and prints no passwords', async () => {
  const data = join(base, 'kept')
  // A start that was refused has made nothing that only it could show.
  const { tcp, taken } = await takenPort()
  const withTaken = [...free.slice(0, 6), '--https-port', String(taken)]
  expect((await runProduct(['--data', data, '--address', '127.0.0.1', ...withTaken])).code).toBe(2)
  tcp.close()
  const first = await startProduct({ data, args: ['--domain', 'example.com'] })
  expect(first.output()).toMatch(/1001@example\.com {2}password [a-z2-9]{14}\n/)
  await first.api('POST', '/extensions', { extension: '2001', displayName: 'Zoë' })
  expect(await first.stop()).toBe(0)
  expect(() => readFileSync(join(data, 'run.json'))).toThrow(/ENOENT/)
  const second = await startProduct({ data })
  const { items } = await second.api<ExtensionPage>('GET', '/extensions')
  expect(items.map(({ extension }) => extension)).toEqual(['1001', '1002', '2001'])
  expect(second.output()).not.toContain('password')
  expect(second.output()).toContain('/claim?token=')
  expect(await second.stop()).toBe(0)
  const third = await startProduct({ data, args: ['--domain', 'second.example'] })
  await third.api('POST', '/extensions', { extension: '2002', domain: 'second.example' })
  expect(await third.stop()).toBe(0)
})

test('a kill loses nothing that was acknowledged', async () => {
  const data = join(base, 'killed')
  const first = await startProduct({ data })
  await first.api('POST', '/extensions', { extension: '3001' })
  await first.kill()
  const second = await startProduct({ data })
  const { items } = await second.api<ExtensionPage>('GET', '/extensions')
  expect(items.map(({ extension }) => extension)).toContain('3001')
  expect(await second.stop()).toBe(0)
})

test('the port for other nodes is told of when it is taken, and can be changed', async () => {
  const data = join(base, 'peer-port')
  const [held, other] = [await takenPort(), await takenPort()]
  other.tcp.close()
  const own = ['--data', data, '--address', '127.0.0.1']
  await runProduct(['cluster', 'init', ...own, '--cluster-port', String(held.taken)])
  const { code, output } = await runProduct([...own, ...free])
  const message = `pbx: TCP port ${held.taken} on 0.0.0.0 is taken: stop the program that has it`
  expect([code, output]).toEqual([2, expect.stringContaining(message)])
  expect(output).toContain('choose another with --cluster-port of pbx cluster change')
  held.tcp.close()
  await runProduct(['cluster', 'change', '--data', data, '--cluster-port', String(other.taken)])
  const product = await startProduct({ data })
  expect(await product.stop()).toBe(0)
})

test('a node of a cluster whose database is empty is no new one', async () => {
  const data = join(base, 'emptied')
  const { tcp, taken } = await takenPort()
  tcp.close()
  const own = ['--data', data, '--address', '127.0.0.1']
  const made = await runProduct(['cluster', 'init', ...own, '--cluster-port', String(taken)])
  expect(made.output).toContain('of a new cluster')
  const first = await startProduct({ data })
  expect(await first.stop()).toBe(0)
  truncateSync(join(data, 'pbx.db'))
  const { code, output } = await runProduct([...own, ...free])
  expect([code, output]).toEqual([
    2,
    expect.stringContaining(`${data} has lost the database of this node`),
  ])
})

test('the CLI works as a program of its own, on 20,000 rows with bad ones among them', async () => {
  const product = await startProduct()
  try {
    const rows = Array.from({ length: 20_000 }, (_, index) =>
      index % 4_000 === 1_234 ? `oops ${index}` : `pbx.example,${10_000 + index},sekret-${index},N`,
    )
    const file = join(base, 'people.csv')
    writeFileSync(file, `domain,extension,password,display_name\n${rows.join('\n')}\n`)
    const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts')
    const pbx = (...args: readonly string[]): { status: number | null; text: string } => {
      const argv = [main, ...args, '--data', product.data]
      const { status, stdout, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8' })
      return { status, text: stdout + stderr }
    }
    const imported = pbx('import', file)
    expect(imported.status).toBe(1)
    expect(imported.text).toContain('imported 19,995 of 20,000 lines')
    expect(imported.text.match(/^line \d+: 1 fields; expected/gm)).toHaveLength(5)
    expect(pbx('status').text).toMatch(/^health +ok$/m)
    expect(pbx('extension', 'add', '77', '--password', 'sekret77').text).toContain('77@pbx.example')
    expect((await product.api<Status>('GET', '/status')).extensions).toBe(19_998)
    expect(pbx('calls').text).toBe('no calls are up\n')
  } finally {
    expect(await product.stop()).toBe(0)
  }
})
