//! The console's doors: HTTP and HTTPS on one set of routes. Knows about ports, headers, errors
//! and how long things take, and nothing about what is served.

import fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { Duplex } from 'node:stream'
import type { Log } from '../base/host.ts'
import type { Metrics } from '../observe/metrics.ts'
import { HttpFault, portFault } from './errors.ts'
import type { Identity } from '../x509/issue.ts'

export type HttpOptions = {
  readonly address: string
  /** Where the kernel has no IPv6, if that is what `address` asks for. */
  readonly withoutIpv6?: string
  readonly httpPort: number
  readonly httpsPort: number
  readonly identity: Identity
  readonly log: Log
  readonly metrics: Metrics
  /** Lays the routes. */
  readonly routes: (app: FastifyInstance) => void
  /** A handshake for another protocol; whoever takes it owns the socket. */
  readonly onUpgrade: (upgrade: Upgrade) => void
  readonly bodyTimeoutMs?: number
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What is sent there may take its time, until it is answered. */
    readonly slowBody?: boolean
  }
}

export type Upgrade = {
  readonly path: string
  readonly request: IncomingMessage
  readonly socket: Duplex
  readonly head: Buffer
  readonly secure: boolean
}

export type HttpServers = {
  readonly httpPort: number
  readonly httpsPort: number
  /** Takes nothing new, gives answers under way `graceMs` to finish, then cuts them off. */
  close(graceMs: number): Promise<void>
}

const BODY_MAX = 1024 * 1024
/** An unknown field is an error, not a field to pass over. */
const STRICT = { removeAdditional: false } as const
const HEADERS_TIMEOUT_MS = 10_000
/** Of a request, to its last byte. */
const BODY_TIMEOUT_MS = 30_000
/** A route with `slowBody`: an import of a million rows from a slow line is one request. */
const REQUEST_TIMEOUT_MS = 3_600_000
const HEADERS: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  // With no-referrer a browser's forms say `Origin: null`, also to ourselves.
  'referrer-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
}

export async function openHttp(options: HttpOptions): Promise<HttpServers> {
  const prepared = await prepareHttp(options)
  return prepared.listen()
}

/** All but the ports: laying the routes takes longer than all the rest. */
export type PreparedHttp = {
  /** Once. When a port cannot be had nothing is left open. */
  listen(): Promise<HttpServers>
  discard(): Promise<void>
}

export async function prepareHttp(options: HttpOptions): Promise<PreparedHttp> {
  const app = fastify({ bodyLimit: BODY_MAX, ajv: { customOptions: STRICT } })
  prepare(app, options)
  options.routes(app)
  await app.ready()
  return { listen: () => openDoors(app, options), discard: () => app.close() }
}

async function openDoors(app: FastifyInstance, options: HttpOptions): Promise<HttpServers> {
  const { identity } = options
  const answer = (...args: Parameters<typeof app.routing>): void => app.routing(...args)
  const tls = {
    cert: identity.certificate,
    key: identity.key,
    minVersion: 'TLSv1.2',
    handshakeTimeout: HEADERS_TIMEOUT_MS,
  } as const
  const http = createServer(answer)
  const https = createSecureServer(tls, answer)
  const opened: Server[] = []
  const close = async (graceMs: number): Promise<void> => {
    await Promise.all(opened.map((server) => closeServer(server, graceMs)))
    await app.close()
  }
  const open = async (server: Server, port: number, option: string): Promise<number> => {
    const secure = server === https
    server.headersTimeout = HEADERS_TIMEOUT_MS
    server.requestTimeout = REQUEST_TIMEOUT_MS
    server.on('upgrade', (request, socket, head) => {
      const [path = ''] = (request.url ?? '').split('?', 1)
      options.onUpgrade({ path, request, socket, head, secure })
    })
    const listening = await listenAnyhow(server, options, port, option)
    opened.push(server)
    return listening
  }
  try {
    const httpPort = await open(http, options.httpPort, 'http-port')
    const httpsPort = await open(https, options.httpsPort, 'https-port')
    return { httpPort, httpsPort, close }
  } catch (fault) {
    await close(0)
    throw fault
  }
}

/** What a route throws to say no: shown to the client as it is. */
export class HttpRefusal extends Error {
  override readonly name = 'HttpRefusal'
  readonly statusCode: number
  readonly retryAfter: number | undefined

  constructor(statusCode: number, message: string, retryAfter?: number) {
    super(message)
    this.statusCode = statusCode
    this.retryAfter = retryAfter
  }
}

function prepare(app: FastifyInstance, options: HttpOptions): void {
  const { log, metrics, bodyTimeoutMs = BODY_TIMEOUT_MS } = options
  const time = metrics.histogram(
    'http_request_duration_seconds',
    'Time to answer a request of the console or the API.',
    [0.005, 0.02, 0.1, 0.5, 2, 10],
  )
  app.addHook('onRequest', async (_request, reply) => void reply.headers(HEADERS))
  app.addHook('onRequest', async (request, reply) => expectBody(request, reply, bodyTimeoutMs))
  app.addHook('onResponse', async (_request, reply) => time(reply.elapsedTime / 1000))
  app.setNotFoundHandler((request, reply) => {
    const message = `there is nothing at ${request.method} ${request.url.split('?', 1)[0]}`
    return reply.code(404).send({ error: message })
  })
  app.setErrorHandler((error: FastifyError | HttpRefusal, request, reply) => {
    const status = error.statusCode ?? 500
    if (error instanceof HttpRefusal && error.retryAfter !== undefined)
      void reply.header('retry-after', String(error.retryAfter))
    // What a route says itself, and be it that nobody leads now, is an answer like any other.
    if (status < 500 || error instanceof HttpRefusal)
      return reply.code(status).send({ error: error.message })
    // A bug or a dead disk: told in the log, not to whoever asks.
    log('error', 'http.failed', {
      method: request.method,
      route: request.routeOptions.url,
      error: error.stack ?? error.message,
    })
    return reply.code(status).send({ error: 'the server failed; see its log' })
  })
}

/**
 * Cuts off who does not come to the end of a request. Node's own `requestTimeout` is one for all
 * requests, so it has to be as long as the longest may take.
 */
function expectBody({ raw, routeOptions }: FastifyRequest, reply: FastifyReply, ms: number): void {
  if (raw.headers['content-length'] === undefined && !('transfer-encoding' in raw.headers)) return
  const { socket } = raw
  const mayBeSlow = routeOptions.config.slowBody === true
  const cut = (): void => {
    if (raw.complete) return clearInterval(timer)
    if (mayBeSlow && !reply.raw.writableEnded) return
    clearInterval(timer)
    if (!reply.raw.headersSent) socket.write(TIMED_OUT)
    socket.destroySoon()
  }
  const timer = setInterval(cut, ms).unref()
  raw.once('close', () => clearInterval(timer))
}

const TIMED_OUT = 'HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'

async function listenAnyhow(
  server: Server,
  { address, withoutIpv6 = address, log }: HttpOptions,
  port: number,
  option: string,
): Promise<number> {
  try {
    return await listen(server, address, port, option)
  } catch (fault) {
    const hasNone = fault instanceof HttpFault && fault.code === 'no-ipv6'
    if (!hasNone || withoutIpv6 === address) throw fault
    log('warn', 'http.no-ipv6', { why: fault.message, instead: withoutIpv6 })
    return listen(server, withoutIpv6, port, option)
  }
}

function listen(server: Server, address: string, port: number, option: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      const code = 'code' in error ? String(error.code) : ''
      reject(portFault(code, { protocol: 'TCP', address, port, option }) ?? error)
    })
    server.listen({ host: address, port }, () => {
      const bound = server.address()
      resolve(typeof bound === 'object' && bound !== null ? bound.port : port)
    })
  })
}

/**
 * Nobody is waited for longer: who is in the middle of a TLS handshake, or was given away by an
 * upgrade, is not among the connections that can be cut off here, and may never say a word again.
 */
async function closeServer(server: Server, graceMs: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const cut = setTimeout(() => {
      // What has come while this thread was held up is dealt with before.
      setImmediate(() => {
        server.closeAllConnections()
        resolve()
      })
    }, graceMs)
    server.close(() => {
      clearTimeout(cut)
      resolve()
    })
    server.closeIdleConnections()
  })
}
