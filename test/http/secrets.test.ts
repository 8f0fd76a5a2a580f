import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { localToken, TOKEN_FILE } from '../../src/http/secrets.ts'

const data = mkdtempSync(join(tmpdir(), 'pbx-secrets-'))
afterAll(() => rmSync(data, { recursive: true }))

test('a token begins with a letter or a digit, and is kept where only its owner reads it', () => {
  const token = localToken(data)
  expect(token).toMatch(/^[0-9a-f]{48}$/)
  expect(localToken(data)).toBe(token)
  expect(statSync(join(data, TOKEN_FILE)).mode & 0o777).toBe(0o600)
})

test('a token of an older installation stays', () => {
  const token = `-${'a_B-'.repeat(8)}`
  writeFileSync(join(data, TOKEN_FILE), `${token}\n`)
  expect(localToken(data)).toBe(token)
})
