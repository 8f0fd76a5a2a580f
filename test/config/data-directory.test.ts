import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { claimDataDirectory } from '../../src/config/data-directory.ts'
import { readRunFile, removeRunFile, writeRunFile } from '../../src/config/run-file.ts'

let base = ''
beforeEach(() => void (base = mkdtempSync(join(tmpdir(), 'pbx-data-'))))
afterEach(() => rmSync(base, { recursive: true }))

test('one process at a time; the next may have it when the first is gone', async () => {
  const data = join(base, 'a', 'b')
  const release = await claimDataDirectory(data)
  await expect(claimDataDirectory(data)).rejects.toThrow(/another pbx runs with the data directory/)
  release()
  const again = await claimDataDirectory(data)
  again()
})

test('what cannot be a directory is refused with the mend', async () => {
  const file = join(base, 'file')
  writeFileSync(file, '')
  await expect(claimDataDirectory(file)).rejects.toThrow(/no directory.*name another with --data/)
  await expect(claimDataDirectory(join(file, 'below'))).rejects.toThrow(/ENOTDIR/)
})

test('the run file is read back; a torn one counts as none', () => {
  expect(readRunFile(base)).toBeUndefined()
  writeRunFile(base, { pid: 7, api: 'http://127.0.0.1:8888' })
  expect(readRunFile(base)).toEqual({ pid: 7, api: 'http://127.0.0.1:8888' })
  writeFileSync(join(base, 'run.json'), '{"pid":')
  expect(readRunFile(base)).toBeUndefined()
  removeRunFile(base)
  removeRunFile(base)
})
