//! What a host is told that cannot be the server it is started as.

import { hash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spawnSync } from 'node:child_process'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { joinAsServer, writeServer } from '../../../src/cluster/join/ask-server.ts'
import { makeToken } from '../../../src/cluster/join/token.ts'
import type { NodeId } from '../../../src/control/ids.ts'
import { authority, issue } from '../../../src/x509/issue.ts'

const CA = authority('a cluster', new Date())
const ID = 'media:one' as NodeId
const PBX = join(import.meta.dirname, '..', '..', '..', 'src', 'main.ts')

let data: string
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'pbx-server-'))
})
afterEach(() => rmSync(data, { recursive: true }))

const expires = Date.now() + 60_000
const IN_TOKEN = { purpose: 'server', name: 'one', host: '127.0.0.1', port: 1 } as const
const token = makeToken(CA, { ...IN_TOKEN, expires })

function asked(more: { readonly at?: string; readonly token?: string; readonly name?: string }) {
  const own = { data, name: 'one', role: 'media', at: '127.0.0.1', address: '127.0.0.1' } as const
  return joinAsServer({ ...own, token, ...more })
}

function isServer(by?: string): void {
  const membership = {
    id: ID,
    name: 'one',
    role: 'media',
    nodes: [],
    ...(by === undefined ? {} : { token: by }),
  } as const
  writeServer(data, { membership, identity: issue([ID], CA), authority: CA.certificate })
}

test.each([
  [{ at: '127.0.0.1:99999' }, '--join "127.0.0.1:99999" must be an address'],
  [{ at: '127.0.0.1:0' }, 'must be an address'],
  [{ at: 'a:b:c' }, 'must be an address'],
  [{ at: '[::1' }, 'must be an address'],
  [{ token: 'x' }, 'the token is not whole'],
  [{}, '127.0.0.1 port 1: '],
])('%o is refused by name', async (more, why) => {
  await expect(asked(more)).rejects.toThrow(why)
})

test('a directory that is of something else is left as it is', async () => {
  writeFileSync(join(data, 'pbx.db'), '')
  await expect(asked({})).rejects.toThrow('holds a call manager: name an empty directory')
})

test('a server is itself again without a token, and no other', async () => {
  isServer()
  expect((await asked({})).membership.id).toBe(ID)
  await expect(asked({ name: 'two' })).rejects.toThrow('is of the media server one')
})

test('with another token than the one that let it in it joins anew', async () => {
  isServer(hash('sha256', token))
  expect((await asked({})).membership.id).toBe(ID)
  const other = makeToken(CA, { ...IN_TOKEN, expires: expires + 1 })
  await expect(asked({ token: other })).rejects.toThrow('127.0.0.1 port 1: ')
})

test.each(['', '{', 'null'])('a membership that was damaged (%j) is told', async (text) => {
  mkdirSync(join(data, 'server'))
  writeFileSync(join(data, 'server', 'server.json'), text)
  await expect(asked({})).rejects.toThrow('cannot be read')
})

test('the directory of a server is not made one of a call manager', { timeout: 60_000 }, () => {
  isServer()
  for (const args of [[], ['cluster', 'init', '--address', '127.0.0.1']]) {
    const ended = spawnSync(process.execPath, [PBX, ...args, '--data', data], { encoding: 'utf8' })
    expect([ended.status, ended.stderr]).toEqual([
      args.length === 0 ? 2 : 1,
      expect.stringContaining(`${data} is of a server of one role: `),
    ])
  }
})
