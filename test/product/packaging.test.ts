//! What is shipped around the program: units that systemd accepts, settings that the program does.

import { spawnSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'smol-toml'
import { expect, test } from 'vitest'
import { decodeConfig } from '../../src/config/config.ts'
import { OPTION_NAMES } from '../../src/config/options.ts'

const CONFIG = join(import.meta.dirname, '..', '..', 'config')
const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0

test.runIf(hasSystemd)('systemd-analyze verify accepts the units', () => {
  for (const unit of globSync('systemd/*.service', { cwd: CONFIG })) {
    const run = spawnSync('systemd-analyze', ['verify', unit], { cwd: CONFIG, encoding: 'utf8' })
    expect([unit, run.status, run.stderr]).toEqual([unit, 0, ''])
  }
})

test('every example of settings is accepted', () => {
  for (const name of globSync('*.toml', { cwd: CONFIG })) {
    const values = parse(readFileSync(join(CONFIG, name), 'utf8'))
    const decoded = decodeConfig([{ prefix: `${name}: `, values }], 'host')
    expect(decoded.ok ? [] : decoded.error).toEqual([])
  }
})

test('default.toml names every setting there is, and what it shows would be accepted', () => {
  const text = readFileSync(join(CONFIG, 'default.toml'), 'utf8')
  const shown = text.match(/^# [a-z-]+ = .*$/gm)?.map((line) => line.slice(2)) ?? []
  const values = parse(shown.join('\n'))
  expect(Object.keys(values).sort()).toEqual([...OPTION_NAMES].sort())
  // These two are of a server of one role.
  const { join: _join, token: _token, ...others } = values
  const decoded = decodeConfig([{ prefix: '', values: others }], 'host')
  expect(decoded.ok ? [] : decoded.error).toEqual([])
})

test('package-lock.json names what every system needs, so that npm ci takes it', () => {
  const script = join(CONFIG, '..', 'scripts', 'complete-lock.ts')
  const run = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' })
  expect([run.status, run.stdout]).toEqual([0, ''])
})
