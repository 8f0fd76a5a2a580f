//! A thread for one image: copying and checking a database takes seconds, and nobody waits for it.

import { join } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import { assert } from '../../base/assert.ts'
import { ReadConnection } from '../database.ts'
import { DATABASE } from '../replica/open-replica.ts'
import { schemaVersion } from '../schema/version.ts'
import { readVault, Vault } from '../vault.ts'
import { makeImage } from './make.ts'
import type { FromImage, ImageJob, ToImage } from './protocol.ts'
import { ImageRefused, openImage } from './read.ts'
import { ShadowDatabase } from './shadow.ts'

const SHADOW_EVERY_MS = 5_000
/** It rests so many times as long as it works. */
const SHADOW_SHARE = 20

assert(parentPort !== null, 'an image is worked on in a worker thread')
const port = parentPort
const job = workerData as ImageJob

if (job.kind === 'make') {
  const facts = await makeImage(join(job.directory, DATABASE), job.file, { addon: job.addon })
  say({ kind: 'made', facts })
} else if (job.kind === 'shadow') keepShadow(join(job.directory, DATABASE))
else {
  const { key } = job
  const schema = schemaHere(join(job.directory, DATABASE))
  orRefused(() => {
    const keys = { from: new Vault(key), to: readVault(job.directory) }
    const image = openImage(job.file, keys, { addon: job.addon }, { schema })
    const { rows, replaced } = image
    say({ kind: 'opened', schema, rows, replaced })
    port.on('message', () => orRefused(() => next(image)))
  })
}

function schemaHere(database: string): number {
  const reader = ReadConnection.open(database, { addon: job.addon })
  const schema = schemaVersion(reader)
  reader.close()
  return schema
}

function keepShadow(source: string): void {
  const shadow = new ShadowDatabase(job.file, source, { addon: job.addon })
  let timer: NodeJS.Timeout | undefined
  const round = (): void => {
    const began = performance.now()
    try {
      shadow.copy()
      say({ kind: 'copied' })
    } catch (error) {
      // A full disk, or a lock that is held: the next round may go.
      say({ kind: 'not-copied', why: String(error) })
    }
    const wait = Math.max(SHADOW_EVERY_MS, SHADOW_SHARE * (performance.now() - began))
    timer = setTimeout(round, wait)
  }
  port.on('message', (message: ToImage) => {
    clearTimeout(timer)
    if (message === 'on') round()
    if (message !== 'end') return
    shadow.close()
    port.close()
  })
}

function next(image: ReturnType<typeof openImage>): void {
  const { value: batch, done = false } = image.batches.next()
  say({ kind: 'batch', batch: batch ?? undefined })
  if (!done) return
  image.close()
  port.close()
}

function orRefused(work: () => void): void {
  try {
    work()
  } catch (error) {
    if (!(error instanceof ImageRefused)) throw error
    say({ kind: 'refused', why: error.message })
    port.close()
  }
}

function say(message: FromImage): void {
  port.postMessage(message)
}
