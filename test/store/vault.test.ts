//! The key of an installation: made once, whole or not at all.

import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openVault, readVault } from '../../src/store/vault.ts'
import { newHome } from './home.ts'

const VAULT = new URL('../../src/store/vault.ts', import.meta.url).href

/** In a process that cannot write a byte to any file, as on a full disk. */
function openWithoutRoom(home: string): number | null {
  const program = `(await import('${VAULT}')).openVault('${home}')`
  const node = `'${process.execPath}' --input-type=module -e "${program}"`
  return spawnSync('sh', ['-c', `ulimit -f 0; ${node}`], { stdio: 'ignore' }).status
}

test('a first start that is broken off leaves no key, and the next one makes it', () => {
  const home = newHome()
  expect(openWithoutRoom(home)).not.toBe(0)
  expect(readdirSync(home)).not.toContain('secret.key')
  openVault(home)
  const key = readFileSync(join(home, 'secret.key'))
  expect(key).toHaveLength(32)
  expect(statSync(join(home, 'secret.key')).mode & 0o777).toBe(0o600)
  expect(readdirSync(home)).toEqual(['secret.key'])
  openVault(home)
  expect(readFileSync(join(home, 'secret.key'))).toEqual(key)
})

test('a key that is not whole is refused with what helps', () => {
  const home = newHome()
  writeFileSync(join(home, 'secret.key'), '', { mode: 0o600 })
  expect(() => openVault(home)).toThrow(
    'holds 0 bytes, not 32: restore it from a backup, or, where there is no database yet, remove',
  )
})

test('who only reads it does not make another one', () => {
  const home = newHome()
  expect(() => readVault(home)).toThrow(/secret\.key is missing: restore it from a backup/)
  expect(readdirSync(home)).toEqual([])
  const sealed = openVault(home).seal('of', Buffer.from('x'))
  expect(readVault(home).open('of', sealed)).toEqual(Buffer.from('x'))
})
