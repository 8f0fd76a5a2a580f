//! The real litestream, when LITESTREAM_BIN names it: what it has carried away is restored into
//! another system. Without it this is reported as skipped, which is: not run.

import { execFileSync } from 'node:child_process'
import { copyFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Litestream } from '../../src/litestream/litestream.ts'
import { ImageReader } from '../../src/store/image/client.ts'
import { restoreImage } from '../../src/store/restore.ts'
import { countExtensions } from '../../src/store/schema/extension.ts'
import { acme, extension } from '../store/commands.ts'
import { newHome, newStore } from '../store/home.ts'
import { realHost } from '../store/host.ts'

const program = process.env['LITESTREAM_BIN'] ?? ''

test.skipIf(program === '')(
  'what litestream has replicated comes back (LITESTREAM_BIN)',
  { timeout: 120_000 },
  async () => {
    const [data, away] = [newHome(), newHome()]
    const store = await newStore(data)
    await store.propose(acme)
    for (let user = 100; user < 110; user++) await store.propose(extension(String(user)))
    const url = `file://${away}/replica`
    const common = { host: realHost(), data, url, node: 'node-1', credentials: {}, program }
    const litestream = new Litestream({ ...common, worker: undefined, addon: undefined })
    await expect.poll(() => litestream.status.copiedAt, { timeout: 20_000 }).toBeDefined()
    await store.propose(extension('110'))
    await new Promise((resolve) => setTimeout(resolve, 12_000))
    expect(litestream.status.state).toBe('running')
    await litestream.stop(10_000)

    const file = join(away, 'restored.db')
    execFileSync(program, ['restore', '-o', file, `${url}/node-1`], { stdio: 'pipe' })
    const fresh = newHome()
    const target = await newStore(fresh)
    const incoming = join(fresh, 'incoming.db')
    copyFileSync(file, incoming)
    const key = readFileSync(join(data, 'secret.key'))
    const place = { file: incoming, directory: fresh, addon: undefined }
    const image = await ImageReader.open(place, key, undefined)
    if (!image.ok) throw new Error(image.error)
    const options = { name: 'from litestream', onProgress: () => {}, pause: () => sleep(1) }
    expect(await restoreImage(target, image.value, options)).toEqual({ ok: true })
    expect(target.read(countExtensions)).toBe(11)
    await image.value.close()
  },
)
