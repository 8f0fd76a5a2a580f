import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'smol-toml'
import { decodeConfig } from '../../src/config/config.ts'
import { loadConfig } from '../../src/config/load.ts'
import { walk } from '../harness/datadriven.ts'

/** `decode --name=value …`, the body is the config file; prints what differs from the defaults. */
walk(join(import.meta.dirname, 'testdata'), () => (command) => {
  const defaults = decodeConfig([], 'host')
  const argv = command.words.map((word) => word.replace(/^--/, '').split('='))
  const decoded = decodeConfig(
    [
      { prefix: '--', values: Object.fromEntries(argv.map(([key, value]) => [key, value])) },
      { prefix: 'pbx.toml: ', values: parse(command.body.join('\n')) },
    ],
    'host',
  )
  if (!decoded.ok) return decoded.error.join('\n')
  const usual = new Map(Object.entries(defaults.ok ? defaults.value : {}))
  return Object.entries(decoded.value)
    .filter(([key, value]) => JSON.stringify(usual.get(key)) !== JSON.stringify(value))
    .map(([key, value]) => `${key} = ${JSON.stringify(value)}`)
    .join('\n')
})

test('the config is frozen and its data directory absolute', () => {
  const config = loadConfig({ data: 'somewhere' }, undefined)
  expect(config.ok && config.value.data).toBe(join(process.cwd(), 'somewhere'))
  expect(Object.isFrozen(config.ok && config.value)).toBe(true)
})

test('a config file that is missing or is not TOML is named with the reason', () => {
  const directory = mkdtempSync(join(tmpdir(), 'pbx-config-'))
  const file = join(directory, 'pbx.toml')
  const missing = loadConfig({}, file)
  expect(missing.ok ? [] : missing.error).toEqual([expect.stringContaining('no such file')])
  writeFileSync(file, 'domain = "example.com"\nsip-port 5060\n')
  const broken = loadConfig({}, file)
  expect(broken.ok ? [] : broken.error).toEqual([expect.stringContaining(`${file}: line 2: `)])
  rmSync(directory, { recursive: true })
})
