//! Litestream beside the running product: a stand-in, since only its being there is looked at; what
//! it would carry away is restored into another system.

import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ExtensionPage, Status } from '../../src/console/api/shapes.ts'
import { WriteConnection } from '../../src/store/database.ts'
import { runProduct, startProduct } from '../harness/product.ts'

let directory = ''
beforeAll(() => void (directory = mkdtempSync(join(tmpdir(), 'pbx-litestream-'))))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

test('it runs while the product does, and what it is given can be restored', async () => {
  const program = join(directory, 'litestream')
  const standIn = new URL('../litestream/stand-in.mjs', import.meta.url).pathname
  writeFileSync(program, `#!/bin/sh\nexec "${process.execPath}" "${standIn}" "$@"\n`)
  chmodSync(program, 0o755)
  mkdirSync(join(directory, 'given'))
  const credentials = join(directory, 'credentials')
  writeFileSync(credentials, `LITESTREAM_STAND_IN=${join(directory, 'given')}\n`, { mode: 0o600 })
  const url = `file://${directory}/replica`
  const asked = ['--litestream-url', url, '--litestream-program', program]
  const args = [...asked, '--litestream-credentials', credentials]
  const product = await startProduct({ args })
  await product.api('POST', '/extensions', { extension: '2001' })
  const replication = async (): Promise<Status['replication']> =>
    (await product.api<Status>('GET', '/status')).replication
  const began = Date.now()
  const copied = async (): Promise<number> =>
    Date.parse((await replication())?.copiedAt ?? '1970-01-01') - began
  await expect.poll(copied, { timeout: 20_000 }).toBeGreaterThan(0)
  expect(await replication()).toMatchObject({ state: 'running', to: `${url}/node-1`, restarts: 0 })
  const status = await runProduct(['status', '--data', product.data])
  expect(status.output).toContain(`replica     ${url}/node-1: litestream is running`)
  const metrics = await (await fetch(`${product.url}/metrics`)).text()
  expect(metrics).toMatch(/^pbx_litestream_up\{.*\} 1$/m)

  const carried = join(directory, 'carried.db')
  copyFileSync(join(product.data, 'litestream', 'pbx.db-wal'), `${carried}-wal`)
  copyFileSync(join(product.data, 'litestream', 'pbx.db'), carried)
  const db = WriteConnection.open(carried, { addon: undefined })
  db.script('CREATE TABLE _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER)')
  db.close()
  const key = join(directory, 'secret.key')
  copyFileSync(join(product.data, 'secret.key'), key)
  expect(await product.stop(), product.output()).toBe(0)
  expect(product.output()).toContain('litestream.stopped')

  const fresh = await startProduct()
  const restore = ['restore', carried, '--yes', '--data', fresh.data]
  const bare = await runProduct(restore)
  expect([bare.code, bare.output]).toEqual([1, expect.stringContaining('with --key SECRET.KEY')])
  const restored = await runProduct([...restore, '--key', key])
  expect(restored.code, restored.output).toBe(0)
  const { items } = await fresh.api<ExtensionPage>('GET', '/extensions')
  expect(items.map(({ extension }) => extension)).toEqual(['1001', '1002', '2001'])
  await fresh.stop()
})

test('credentials that others can read end the start', async () => {
  const credentials = join(directory, 'open')
  writeFileSync(credentials, 'AWS_ACCESS_KEY_ID=x\n', { mode: 0o644 })
  const given = ['--litestream-url', 's3://bucket/x', '--litestream-credentials', credentials]
  const ports = ['--sip-port', '0', '--sip-tls-port', '0', '--http-port', '0', '--https-port', '0']
  const data = join(directory, 'data')
  const ran = await runProduct(['--data', data, '--address', '127.0.0.1', ...ports, ...given])
  expect([ran.code, ran.output]).toEqual([2, expect.stringContaining('chmod 600')])
})
