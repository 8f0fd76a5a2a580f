//! What a command says when nobody reads it, or it cannot be written.

import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'

const TERMINAL = JSON.stringify(new URL('../../src/cli/terminal.ts', import.meta.url).href)
const PROGRAM = `
  const { processTerminal } = await import(${TERMINAL})
  const { out } = processTerminal()
  setInterval(() => out('a line\\n'), 1)
`

async function end(stdout: 'pipe' | number): Promise<readonly [unknown, string]> {
  const program = ['--input-type=module', '-e', PROGRAM]
  const child = spawn(process.execPath, program, { stdio: ['ignore', stdout, 'pipe'] })
  child.stdout?.once('data', () => child.stdout?.destroy())
  let said = ''
  child.stderr?.on('data', (data) => (said += String(data)))
  const [code] = await once(child, 'close')
  return [code, said]
}

test('nobody reads on: it ends, and has nothing more to say', async () => {
  expect(await end('pipe')).toEqual([1, ''])
})

test('it cannot be written: the reason is said', async () => {
  const full = openSync('/dev/full', 'w')
  onTestFinished(() => closeSync(full))
  expect(await end(full)).toEqual([
    1,
    expect.stringMatching(/^pbx: what it says cannot be written: .*ENOSPC/),
  ])
})
