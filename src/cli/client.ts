//! Talks to the console's API over HTTP or HTTPS; every failure comes back as a sentence.

import { readFileSync } from 'node:fs'
import { type IncomingMessage, request as httpRequest, type RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { join, resolve } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { ConfigFault } from '../config/data-directory.ts'
import { readRunFile, type Running } from '../config/run-file.ts'
import { CliFailure } from './errors.ts'
import type { Target } from './invocation.ts'

const PATIENCE_MS = 30_000
const AGAIN = 'try again'

type Piece = Uint8Array | string

export class Client {
  readonly #api: string
  readonly #token: string
  readonly #ca: string | undefined

  constructor(target: Target) {
    const { api, token } = target.api === undefined ? local(target.data) : target
    if (api === undefined || !/^https?:\/\/[^/]+/.test(api))
      throw new CliFailure(`--api "${api}" must be a URL such as https://pbx.example:8887`, 2)
    this.#api = api.replace(/\/+$/, '')
    this.#token = token ?? ''
    this.#ca = target.ca === undefined ? undefined : readText(target.ca, '--ca')
  }

  /** `path` below `/api/v1`. `Shape` is what the API's schema says of the answer. */
  async call<Shape>(method: string, path: string, body?: unknown): Promise<Shape> {
    const text = body === undefined ? undefined : JSON.stringify(body)
    const headers = text === undefined ? {} : { 'content-type': 'application/json' }
    const { outgoing, answer } = this.#open(method, path, headers, PATIENCE_MS)
    outgoing.end(text)
    const incoming = await answer
    if ((incoming.statusCode ?? 500) >= 300) throw await this.#refused(incoming)
    const received = await textOf(incoming, 'see pbx status, and whether it was done')
    // The answer was made by the schema that its type was made from.
    return (received === '' ? undefined : JSON.parse(received)) as Shape
  }

  /**
   * Sends a stream and yields the answer's lines while it goes on. They end early when the system
   * goes away in the middle. Throws what `source` throws.
   */
  async *stream(path: string, type: string, source: AsyncIterable<Piece>): AsyncGenerator<string> {
    const { outgoing, answer } = this.#open('POST', path, { 'content-type': type }, 0)
    const watched = watch(source)
    // What the source throws is kept there; a broken line adds nothing to the answer, or its end.
    pipeline(Readable.from(watched.pieces, { objectMode: false }), outgoing).catch(() => {})
    try {
      const incoming = await answer
      if (incoming.statusCode !== 200) throw await this.#refused(incoming)
      yield* linesOf(incoming)
    } catch (error) {
      watched.rethrow()
      if (!(error instanceof WentAway)) throw error
    }
    watched.rethrow()
  }

  /** What a stream of bytes is read from, and how many there are; `next` as in `WentAway`. */
  async download(
    method: 'GET' | 'POST',
    path: string,
    next = AGAIN,
  ): Promise<{ readonly size: number; readonly bytes: Readable }> {
    const { outgoing, answer } = this.#open(method, path, {}, 0)
    outgoing.end()
    const incoming = await answer
    if (incoming.statusCode !== 200) throw await this.#refused(incoming)
    const bytes = Readable.from(whole(incoming, next), { objectMode: false })
    return { size: Number(incoming.headers['content-length'] ?? '0'), bytes }
  }

  #open(
    method: string,
    path: string,
    headers: Readonly<Record<string, string>>,
    timeout: number,
  ): { outgoing: ReturnType<typeof httpRequest>; answer: Promise<IncomingMessage> } {
    const url = `${this.#api}/api/v1${path}`
    const authorization = `Bearer ${this.#token}`
    const options: RequestOptions & { ca?: string } = {
      method,
      timeout,
      headers: { ...headers, authorization },
      ...(this.#ca === undefined ? {} : { ca: this.#ca }),
    }
    const outgoing = (url.startsWith('https:') ? httpsRequest : httpRequest)(url, options)
    const answer = new Promise<IncomingMessage>((settle, reject) => {
      outgoing.on('response', settle)
      outgoing.on('timeout', () => outgoing.destroy(new Error('no answer in 30 s')))
      outgoing.on('error', (error) => reject(this.#unreachable(error)))
    })
    return { outgoing, answer }
  }

  #unreachable(error: Error): CliFailure {
    const code = 'code' in error ? String(error.code) : ''
    if (/SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER/.test(code))
      return new CliFailure(
        `${this.#api} has a certificate that nobody we trust signed: ` +
          "fetch the server's DATA/tls/certificate.pem and name it with --ca",
      )
    const because = code === 'ECONNREFUSED' ? 'nothing listens there' : error.message
    return new CliFailure(`${this.#api} does not answer (${because}): is pbx running?`)
  }

  async #refused(incoming: IncomingMessage): Promise<CliFailure> {
    const { statusCode: status } = incoming
    // Who does not take an upload may close the line on it: what was refused is known without.
    const body = await textOf(incoming, AGAIN).catch(() => '')
    if (status === 401) return new TokenRefused(`${this.#api} does not accept this token`)
    const why = errorIn(body) ?? `${this.#api} answered ${status ?? 'nothing'}`
    return new CliFailure(why, status === 400 ? 2 : 1)
  }
}

export class TokenRefused extends CliFailure {}

/** The system that runs with this data directory. */
function local(data: string): { api: string; token: string } {
  const directory = resolve(data)
  const running = runningIn(directory)
  if (running === undefined)
    throw new CliFailure(
      `no pbx runs with the data directory ${directory}: ` +
        'start it, or name another with --data DIR, or with --api URL --token TOKEN',
    )
  return { api: running.api, token: readText(join(directory, 'api.token'), 'the API token').trim() }
}

function runningIn(directory: string): Running | undefined {
  try {
    return readRunFile(directory)
  } catch (fault) {
    if (fault instanceof ConfigFault) throw new CliFailure(fault.message)
    throw fault
  }
}

function readText(file: string, what: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const because = error instanceof Error ? error.message : String(error)
    throw new CliFailure(`${what} ${file} cannot be read: ${because}`)
  }
}

/** The connection is gone, and the answer had begun. `next` is what helps. */
class WentAway extends CliFailure {
  constructor(next: string) {
    super(`the system went away in the middle: ${next}`)
  }
}

async function* whole(incoming: IncomingMessage, next: string): AsyncGenerator<Uint8Array, void> {
  try {
    for await (const piece of incoming) yield piece as Uint8Array
  } catch {
    throw new WentAway(next) // all that reading from a connection can come to
  }
}

async function textOf(incoming: IncomingMessage, next: string): Promise<string> {
  const pieces: Uint8Array[] = []
  for await (const piece of whole(incoming, next)) pieces.push(piece)
  return Buffer.concat(pieces).toString('utf8')
}

/** Those that have their end. */
async function* linesOf(incoming: IncomingMessage): AsyncGenerator<string, void> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const piece of whole(incoming, AGAIN)) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
}

/** A source whose own errors can be told from those of the line it is sent over. */
function watch(source: AsyncIterable<Piece>): {
  readonly pieces: AsyncIterable<Piece>
  /** Throws what the source has thrown, if it has. */
  readonly rethrow: () => void
} {
  let thrown: { readonly error: unknown } | undefined
  async function* pieces(): AsyncGenerator<Piece, void> {
    try {
      yield* source
    } catch (error) {
      thrown = { error }
      throw error
    }
  }
  const rethrow = (): void => {
    if (thrown !== undefined) throw thrown.error
  }
  return { pieces: pieces(), rethrow }
}

function errorIn(body: string): string | undefined {
  let answer: unknown
  try {
    answer = JSON.parse(body)
  } catch {
    return undefined // not from our API: a proxy's page, say
  }
  if (typeof answer !== 'object' || answer === null || !('error' in answer)) return undefined
  return String(answer.error)
}
