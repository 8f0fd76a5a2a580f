//! The asking side of a thread that works on an image.

import { Worker } from 'node:worker_threads'
import { assert } from '../../base/assert.ts'
import { err, ok, type Result } from '../../base/result.ts'
import type { Batch, Part } from '../schema/restore.ts'
import type { ImageFacts } from './make.ts'
import type { FromImage, ImageJob, ImagePlace, ToImage } from './protocol.ts'

/** The program, where it is not beside this file (single executable). */
type Program = string | undefined

/** Rejects when the disk fails. */
export async function makeImage(place: ImagePlace, program: Program): Promise<ImageFacts> {
  const thread = new ImageThread({ kind: 'make', ...place }, program)
  const made = await thread.hear()
  assert(made.kind === 'made', 'an image that is made is not refused')
  return made.facts
}

export class ImageReader {
  /** That the batches are of. */
  readonly schema: number
  readonly rows: ImageFacts['rows']
  readonly replaced: readonly Part[]
  readonly #thread: ImageThread

  private constructor(thread: ImageThread, opened: FromImage & { kind: 'opened' }) {
    this.#thread = thread
    this.schema = opened.schema
    this.rows = opened.rows
    this.replaced = opened.replaced
  }

  /** The error says why the image is of no use. Rejects when the disk fails. */
  static async open(
    place: ImagePlace,
    key: Uint8Array,
    program: Program,
  ): Promise<Result<ImageReader, string>> {
    const thread = new ImageThread({ kind: 'read', key, ...place }, program)
    const opened = await thread.hear()
    if (opened.kind === 'refused') return err(opened.why)
    assert(opened.kind === 'opened', 'it is opened first')
    return ok(new ImageReader(thread, opened))
  }

  /** Undefined when there are no more. The error as in `open`. */
  async next(): Promise<Result<Batch | undefined, string>> {
    this.#thread.say('next')
    const said = await this.#thread.hear()
    if (said.kind === 'refused') return err(said.why)
    assert(said.kind === 'batch', 'it was asked for a batch')
    return ok(said.batch)
  }

  async close(): Promise<void> {
    await this.#thread.end()
  }
}

export type ShadowParts = {
  readonly place: ImagePlace
  readonly program: Program
  /** It is like the database was a moment ago. */
  readonly onCopied: () => void
  readonly onFailed: (why: string) => void
}

/** A thread that keeps a second database like the first, while it is told to. */
export class Shadow {
  readonly #worker: Worker
  readonly #ended: Promise<unknown>

  constructor({ place, program, onCopied, onFailed }: ShadowParts) {
    this.#worker = startWorker({ kind: 'shadow', ...place }, program)
    this.#worker.on('message', (message: FromImage) => {
      if (message.kind === 'copied') onCopied()
      else if (message.kind === 'not-copied') onFailed(message.why)
    })
    this.#worker.on('error', (error) => onFailed(String(error)))
    this.#ended = new Promise((resolve) => this.#worker.once('exit', resolve))
  }

  keep(on: boolean): void {
    this.#worker.postMessage((on ? 'on' : 'off') satisfies ToImage)
  }

  async stop(): Promise<void> {
    this.#worker.postMessage('end' satisfies ToImage)
    await this.#ended
  }
}

function startWorker(job: ImageJob, program: Program): Worker {
  const url = program ?? new URL('./worker.ts', import.meta.url)
  return new Worker(url, { workerData: job, name: job.kind })
}

class ImageThread {
  readonly #worker: Worker
  #heard = Promise.withResolvers<FromImage>()

  constructor(job: ImageJob, program: Program) {
    this.#worker = startWorker(job, program)
    this.#worker.on('message', (message: FromImage) => this.#heard.resolve(message))
    this.#worker.on('error', (error) => this.#heard.reject(error))
    this.#worker.on('exit', () => this.#heard.reject(new Error("the image's thread has ended")))
    // Who does not ask again does not want to hear of its end.
    this.#heard.promise.catch(() => {})
  }

  say(message: ToImage): void {
    this.#worker.postMessage(message)
  }

  async hear(): Promise<FromImage> {
    const said = await this.#heard.promise
    this.#heard = Promise.withResolvers()
    this.#heard.promise.catch(() => {})
    return said
  }

  async end(): Promise<void> {
    await this.#worker.terminate()
  }
}
