//! Talks to the console's API over HTTP or HTTPS; every failure comes back as a sentence.

import { readFileSync } from 'node:fs'
import { type IncomingMessage, request as httpRequest, type RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { join, resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { readRunFile } from '../config/run-file.ts'
import { CliFailure } from './errors.ts'
import type { Target } from './invocation.ts'

const PATIENCE_MS = 30_000

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
    const received = await textOf(incoming)
    if ((incoming.statusCode ?? 500) >= 300) throw this.#refused(incoming.statusCode, received)
    // The answer was made by the schema that its type was made from.
    return (received === '' ? undefined : JSON.parse(received)) as Shape
  }

  /** Sends a stream and yields the answer's lines while it goes on. */
  async *stream(path: string, type: string, source: Readable): AsyncGenerator<string> {
    const { outgoing, answer } = this.#open('POST', path, { 'content-type': type }, 0)
    // An answer that ends early says why itself; the broken pipe behind it adds nothing.
    const sent = pipeline(source, outgoing).catch((error: unknown) => error)
    const incoming = await answer
    if (incoming.statusCode !== 200)
      throw this.#refused(incoming.statusCode, await textOf(incoming))
    incoming.setEncoding('utf8')
    let rest = ''
    for await (const piece of incoming) {
      const lines = (rest + String(piece)).split('\n')
      rest = lines.pop() ?? ''
      yield* lines
    }
    const error = await sent
    if (error instanceof Error) throw new CliFailure(`the upload broke: ${error.message}`)
  }

  /** What a stream of bytes is read from, and how many there are. */
  async download(
    method: 'GET' | 'POST',
    path: string,
  ): Promise<{ readonly size: number; readonly bytes: Readable }> {
    const { outgoing, answer } = this.#open(method, path, {}, 0)
    outgoing.end()
    const bytes = await answer
    if (bytes.statusCode !== 200) throw this.#refused(bytes.statusCode, await textOf(bytes))
    return { size: Number(bytes.headers['content-length'] ?? '0'), bytes }
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

  #refused(status: number | undefined, body: string): CliFailure {
    if (status === 401) return new CliFailure(`${this.#api} does not accept this token`)
    const why = errorIn(body) ?? `${this.#api} answered ${status ?? 'nothing'}`
    return new CliFailure(why, status === 400 ? 2 : 1)
  }
}

/** The system that runs with this data directory. */
function local(data: string): { api: string; token: string } {
  const directory = resolve(data)
  const running = readRunFile(directory)
  if (running === undefined)
    throw new CliFailure(
      `no pbx runs with the data directory ${directory}: ` +
        'start it, or name another with --data DIR, or with --api URL --token TOKEN',
    )
  return { api: running.api, token: readText(join(directory, 'api.token'), 'the API token').trim() }
}

function readText(file: string, what: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const because = error instanceof Error ? error.message : String(error)
    throw new CliFailure(`${what} ${file} cannot be read: ${because}`)
  }
}

async function textOf(incoming: IncomingMessage): Promise<string> {
  incoming.setEncoding('utf8')
  let text = ''
  for await (const piece of incoming) text += String(piece)
  return text
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
