//! The token of a host that becomes a node, as it is printed and as it is given.

import { mkdtempSync, rmSync } from 'node:fs'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readToken } from '../../src/cluster/join/token.ts'
import { tokensIn } from '../cluster/live/trio.ts'
import { run } from './run.ts'

const address = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ family }) => family === 'IPv4')?.address

let data: string
let own: readonly string[]
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'pbx-token-'))
  own = ['--data', data, '--address', address ?? '', '--name', 'one']
})
afterEach(() => rmSync(data, { recursive: true }))

const idsIn = (said: string): readonly unknown[] =>
  tokensIn(said).map((text) => readToken(text)?.id)

test('cluster init prints one a host, cluster token another; none is in the command', async () => {
  const first = await run(['cluster', 'init', ...own])
  expect(first.code).toBe(0)
  expect(idsIn(first.out)).toEqual(['node-2', 'node-3'])
  const another = await run(['cluster', 'token', '--data', data])
  expect(idsIn(another.out)).toEqual(['node-2'])
  for (const { out } of [first, another])
    expect(out).toContain(`\n  pbx cluster join - --data ${data} --address ADDRESS-OF-THAT-HOST\n`)
})

test.each([
  ['', 'stdin holds no token'],
  ['half a tok\n', 'the token is not whole'],
])('a token that is read from stdin: %j', async (stdin, why) => {
  const refused = await run(['cluster', 'join', '-', ...own], stdin)
  expect(refused.error).toContain(why)
  expect(refused.code).not.toBe(0)
})
