//! An address moves from one host to another, and a client that says nothing has a connection to
//! it: hosts in network namespaces, real kernels.

import type { ChildProcess } from 'node:child_process'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildNative } from '../../src/native/build.ts'
import { canMakeLan, Lan, type LanHost } from '../harness/lan.ts'

const built = await buildNative()
const can = canMakeLan() && built.ok
const ADDRESSES = [
  { family: 'IPv4', address: '10.9.0.100', prefix: 24 },
  { family: 'IPv6', address: 'fd00:9::100', prefix: 64 },
] as const

const SERVER = `require('node:net')
  .createServer((socket) => socket.on('error', () => {}).write('+'))
  .listen(5060, process.argv[1], () => process.stdout.write('listening'))`
const CLIENT = `const socket = require('node:net').connect(5060, process.argv[1])
  socket.on('data', () => process.stdout.write('up ' + socket.localPort))
  socket.on('error', (error) => process.stdout.write(' ' + error.code))`
const TICKLE = `const module_ = { exports: {} }
  process.dlopen(module_, process.argv[1])
  const { announce, tickle } = module_.exports
  const [vip, to, port] = process.argv.slice(2)
  process.stdout.write([announce('eth0', vip), tickle(vip, 5060, to, Number(port))].join('|'))`

let lan: Lan
let first: LanHost
let second: LanHost
let client: LanHost

beforeAll(() => {
  if (!can) return
  lan = new Lan('tickle')
  first = lan.host('first', 1)
  second = lan.host('second', 2)
  client = lan.host('client', 3)
  client.run('ip', 'addr', 'add', 'fd00:9::3/64', 'dev', 'eth0', 'nodad')
})
afterAll(() => lan?.remove())

function heard(child: ChildProcess): { text: string; until: (word: string) => Promise<void> } {
  const so = {
    text: '',
    until: (word: string) =>
      new Promise<void>((resolve) => {
        const look = (): void => void (so.text.includes(word) && resolve())
        child.stdout?.on('data', look)
        look()
      }),
  }
  child.stdout?.prependListener('data', (piece: Buffer) => (so.text += piece.toString()))
  return so
}

test.skipIf(!can).each(ADDRESSES)(
  '$family: a client is told that its connection is gone, and nothing without',
  async ({ address, prefix }) => {
    const own = [`${address}/${prefix}`, 'dev', 'eth0', ...(address.includes(':') ? ['nodad'] : [])]
    first.run('ip', 'addr', 'add', ...own)
    const listening = heard(first.spawn(process.execPath, '-e', SERVER, address))
    await listening.until('listening')
    const idle = heard(client.spawn(process.execPath, '-e', CLIENT, address))
    await idle.until('up')
    const [, port = ''] = /up (\d+)/.exec(idle.text) ?? []
    first.cut()
    second.run('ip', 'addr', 'add', ...own)
    await new Promise((resolve) => void setTimeout(resolve, 300))
    expect(idle.text).toBe(`up ${port}`)
    const to = address.includes(':') ? 'fd00:9::3' : client.address
    const path = built.ok ? built.value : ''
    expect(second.run(process.execPath, '-e', TICKLE, path, address, to, port)).toBe('|')
    await idle.until('ECONNRESET')
    second.run('ip', 'addr', 'del', ...own.slice(0, 3))
    first.mend()
    first.run('ip', 'addr', 'del', ...own.slice(0, 3))
  },
)
