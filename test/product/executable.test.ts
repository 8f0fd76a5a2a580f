//! dist/pbx, made here, away from the source tree: a call through it, with nothing else around.

import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { CdrPage, ExtensionSecret } from '../../src/console/api/shapes.ts'
import { Baresip } from '../harness/baresip.ts'
import { startProduct } from '../harness/product.ts'
import { measureTone } from '../harness/sound.ts'
import { readWav } from '../harness/wav.ts'

const ROOT = join(import.meta.dirname, '..', '..')
let directory = ''
let executable = ''

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'pbx-executable-'))
  executable = join(directory, 'pbx')
  execFileSync(process.execPath, [join(ROOT, 'scripts', 'build.ts')], { cwd: ROOT })
  copyFileSync(join(ROOT, 'dist', 'pbx'), executable)
}, 120_000)
afterAll(() => rmSync(directory, { recursive: true }))

test('it says its version, from anywhere', () => {
  const wanted: unknown = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  const said = execFileSync(executable, ['--version'], { cwd: '/', encoding: 'utf8', env: {} })
  expect({ version: said.trim() }).toMatchObject({ version: said.trim() })
  expect(wanted).toMatchObject({ version: said.trim() })
})

test('it needs the C library, libatomic and libstdc++, and nothing else', () => {
  const needed = execFileSync('ldd', [executable], { encoding: 'utf8' })
  const names = [...needed.matchAll(/^\s*(?:\/\S*\/)?([a-z+_-]+)[\d.-]*\.so/gim)].map((m) => m[1])
  const known = ['linux-vdso', 'libatomic', 'libstdc++', 'libgcc_s', 'ld-linux-x']
  const libc = ['libc', 'libm', 'libdl', 'libpthread', 'ld-linux-aarch']
  expect(names.filter((name) => ![...known, ...libc].includes(name ?? ''))).toEqual([])
  expect(statSync(executable).size).toBeLessThan(140 * 1024 * 1024)
})

test('a call goes through it, and both phones hear each other', async () => {
  const product = await startProduct({ executable })
  const phones: Baresip[] = []
  try {
    for (const user of ['2001', '2002']) {
      const { password } = await product.api<ExtensionSecret>('POST', '/extensions', {
        extension: user,
      })
      const server = `127.0.0.1:${product.ports['udp']}`
      phones.push(
        await Baresip.start({ user, password, domain: 'pbx.example', server, codecs: 'pcmu' }),
      )
    }
    const [caller, callee] = phones
    caller?.dial('2002')
    await callee?.event('CALL_INCOMING')
    callee?.accept()
    await caller?.event('CALL_ESTABLISHED')
    await sleep(3_000)
    caller?.hangup()
    await callee?.event('CALL_CLOSED')
    for (const phone of phones) {
      await phone.stop()
      const { rate, samples } = readWav(phone.heard().at(-1) ?? '')
      expect(measureTone(samples, rate, 1017).heardMs).toBeGreaterThan(2_000)
    }
    const { items } = await product.api<CdrPage>('GET', '/cdrs')
    expect(items).toHaveLength(1)
    expect(product.output()).toContain('"event":"udp.batched"')
  } finally {
    for (const phone of phones) {
      await phone.stop()
      phone.remove()
    }
    expect(await product.stop(), product.output()).toBe(0)
  }
})
