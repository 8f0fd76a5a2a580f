import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { cacheDirectory, unpack } from '../../src/config/unpack.ts'

let base = ''
beforeEach(() => void (base = mkdtempSync(join(tmpdir(), 'pbx-unpack-'))))
afterEach(() => rmSync(base, { recursive: true }))

const bytes = new TextEncoder().encode('code')
const own = (): string => join(base, `pbx-${process.getuid?.()}`)

test('the directory is for its owner only, also when it was there with wider rights', () => {
  mkdirSync(own(), { mode: 0o755 })
  chmodSync(own(), 0o755)
  const directory = cacheDirectory({ CACHE_DIRECTORY: base })
  expect(directory).toBe(own())
  expect(statSync(directory).mode & 0o777).toBe(0o700)
})

test('a link in its place, as someone else might lay, is not followed', () => {
  mkdirSync(join(base, 'elsewhere'))
  symlinkSync(join(base, 'elsewhere'), own())
  expect(cacheDirectory({ XDG_CACHE_HOME: base })).not.toBe(own())
})

test('a file is written once, and written anew when it holds anything else', () => {
  const directory = cacheDirectory({ CACHE_DIRECTORY: base })
  const path = unpack(directory, 'native.node', bytes)
  expect(path).toMatch(/native-[0-9a-f]{64}\.node$/)
  const inode = statSync(path).ino
  expect(unpack(directory, 'native.node', bytes)).toBe(path)
  expect(statSync(path).ino).toBe(inode)
  writeFileSync(path, 'evil')
  expect(unpack(directory, 'native.node', bytes)).toBe(path)
  expect(readFileSync(path, 'utf8')).toBe('code')
  expect(statSync(path).mode & 0o777).toBe(0o600)
})
