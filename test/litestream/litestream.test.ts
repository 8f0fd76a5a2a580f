//! Supervision: the child is a stand-in, everything of ours is real.

import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import type { Fields } from '../../src/base/host.ts'
import { Litestream } from '../../src/litestream/litestream.ts'
import { dumpOf } from '../harness/dump.ts'
import { acme, extension, put } from '../store/commands.ts'
import { newHome, newStore } from '../store/home.ts'
import { realHost } from '../store/host.ts'

const SECRET = 'a-very-secret-key'
const TIMES = { first: 50, most: 400, settled: 60_000, absent: 100 }
const WAIT = { timeout: 20_000 }
const running: Litestream[] = []
afterEach(async () => {
  for (const each of running.splice(0)) await each.stop(0)
})

type Said = { readonly level: string; readonly event: string; readonly fields: Fields }

class World {
  readonly data = newHome()
  readonly directory = join(this.data, 'stand-in')
  readonly log: Said[] = []

  constructor() {
    mkdirSync(this.directory)
    const program = join(this.directory, 'litestream')
    const standIn = new URL('./stand-in.mjs', import.meta.url).pathname
    writeFileSync(program, `#!/bin/sh\nexec "${process.execPath}" "${standIn}" "$@"\n`)
    chmodSync(program, 0o755)
  }

  start(mode: string, program = join(this.directory, 'litestream')): Litestream {
    const log = (level: string, event: string, fields: Fields = {}): void =>
      void this.log.push({ level, event, fields })
    const litestream = new Litestream({
      host: { ...realHost(), log },
      data: this.data,
      url: 's3://bucket/pbx',
      node: 'node-1',
      credentials: {
        AWS_SECRET_ACCESS_KEY: SECRET,
        LITESTREAM_MODE: mode,
        LITESTREAM_STAND_IN: this.directory,
      },
      program,
      worker: undefined,
      addon: undefined,
      times: TIMES,
    })
    running.push(litestream)
    return litestream
  }

  get given(): readonly { pid: number; args: string[]; config: string; env: object }[] {
    const names = readdirSync(this.directory).filter((name) => name.startsWith('given-'))
    return names.map((name) => JSON.parse(readFileSync(join(this.directory, name), 'utf8')))
  }

  events(event: string): readonly Said[] {
    return this.log.filter((each) => each.event === event)
  }
}

function isAlive(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')
  } catch {
    return false // there is no such process any more
  }
}

test('it is given a configuration for its owner only, and a shadow of the database', async () => {
  const world = new World()
  const store = await newStore(world.data)
  await store.propose(acme)
  await store.propose(extension('100'))
  const litestream = world.start('run')
  await expect.poll(() => world.given, WAIT).toHaveLength(1)
  const [given] = world.given
  const config = join(world.data, 'litestream.yml')
  expect(given?.args).toEqual(['replicate', '-config', config, '-no-expand-env'])
  expect(statSync(config).mode & 0o777).toBe(0o600)
  const shadow = join(world.data, 'litestream', 'pbx.db')
  expect(given?.config).toContain(`path: "${shadow}"`)
  expect(given?.env).not.toHaveProperty('VITEST')
  await expect.poll(() => litestream.status.copiedAt, WAIT).toBeDefined()
  expect(litestream.status).toMatchObject({ state: 'running', to: 's3://bucket/pbx/node-1' })
  const rows = (file: string, table: string): unknown =>
    (JSON.parse(dumpOf(file)) as [string, unknown][]).find(([name]) => name === table)?.[1]
  for (const table of ['extensions', 'tenants', 'settings'])
    expect(rows(shadow, table)).toEqual(rows(join(world.data, 'pbx.db'), table))
  expect(statSync(shadow).mode & 0o777).toBe(0o600)
  // And again, with what is gone and what has changed.
  await store.propose({ kind: 'extension.remove', tenant: 'acme' as never, user: '100' })
  await store.propose(put('colour', '"red"'))
  await expect.poll(() => rows(shadow, 'extensions'), WAIT).toEqual([])
  expect(rows(shadow, 'settings')).toHaveLength(1)
})

test('its lines come into our log, without what is secret', async () => {
  const world = new World()
  await newStore(world.data)
  world.start('run')
  await expect.poll(() => world.events('litestream.said'), WAIT).toHaveLength(2)
  expect(world.events('litestream.said')).toEqual(
    expect.arrayContaining([
      {
        level: 'info',
        event: 'litestream.said',
        fields: { line: 'level=INFO msg="started with [redacted]"' },
      },
      {
        level: 'warn',
        event: 'litestream.said',
        fields: { line: 'level=ERROR msg="cannot sync"' },
      },
    ]),
  )
  expect(JSON.stringify(world.log)).not.toContain(SECRET)
})

test('one that ends is started again, later each time', async () => {
  const world = new World()
  await newStore(world.data)
  const litestream = world.start('crash')
  await expect.poll(() => litestream.status.restarts, WAIT).toBeGreaterThanOrEqual(3)
  const [first] = world.events('litestream.ended')
  expect(first).toMatchObject({ level: 'error', fields: { why: 'it ended with 3', restarts: 0 } })
  await litestream.stop(1_000)
  const started = world.given.length
  await new Promise((resolve) => setTimeout(resolve, TIMES.most * 2))
  expect(world.given).toHaveLength(started)
})

test('it is asked to end, and made to when it does not', async () => {
  const world = new World()
  await newStore(world.data)
  const polite = world.start('run')
  await expect.poll(() => world.given, WAIT).toHaveLength(1)
  await polite.stop(10_000)
  expect(existsSync(join(world.directory, 'ended'))).toBe(true)
  const deaf = world.start('deaf')
  await expect.poll(() => world.given, WAIT).toHaveLength(2)
  await deaf.stop(200)
  expect(world.given.map(({ pid }) => isAlive(pid))).toEqual([false, false])
  expect(deaf.status.state).toBe('stopped')
})

test('absent, that is said with what to do, and it is looked for again', async () => {
  const world = new World()
  await newStore(world.data)
  const litestream = world.start('run', join(world.data, 'nowhere', 'litestream'))
  await expect.poll(() => world.events('litestream.absent').length, WAIT).toBeGreaterThan(1)
  expect(world.events('litestream.absent')[0]).toMatchObject({
    level: 'error',
    fields: { effect: 'no replica', mend: expect.stringContaining('install litestream') },
  })
  expect(litestream.status.state).toBe('absent')
})

test('one that a killed process has left behind is ended, and no other process', async () => {
  const world = new World()
  await newStore(world.data)
  world.start('deaf')
  await expect.poll(() => world.given, WAIT).toHaveLength(1)
  const [orphan] = world.given
  // As if this process had been killed: nobody stops the first one.
  world.start('run')
  await expect.poll(() => orphan && isAlive(orphan.pid), WAIT).toBe(false)
  // A number that is somebody else's now.
  writeFileSync(join(world.data, 'litestream', 'pid'), `${process.pid}\n`)
  world.start('run')
  expect(isAlive(process.pid)).toBe(true)
})
