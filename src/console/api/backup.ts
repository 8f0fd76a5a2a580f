//! Backups over the API: one goes out as a stream of bytes, one comes in and is answered by lines.
//! Both hold the system's key, so neither goes over an unencrypted line to another machine.

import type { FastifyRequest } from 'fastify'
import { Readable } from 'node:stream'
import { BackupFault } from '../../backup/errors.ts'
import type { BackupFailure, Restored } from '../../backup/backups.ts'
import { isLoopback } from '../../base/address.ts'
import { HttpRefusal } from '../../http/server.ts'
import type { ConsoleContext } from '../context.ts'
import { refusalOf } from '../committed.ts'
import { defined } from './defined.ts'
import { linesOf } from './ndjson.ts'
import type * as shapes from './shapes.ts'
import { coming, going } from './stalls.ts'
import type { Api } from './typed.ts'

const TYPE = 'application/x-pbx-backup'
/** How often a restore tells how far it is. */
const PROGRESS_MS = 250
/** There is one backup or restore at a time: whoever stands still holds up all others. */
const PATIENCE_MS = 60_000

export function backupRoutes(api: Api, context: ConsoleContext): void {
  const { access, backups, host, patienceMs = PATIENCE_MS } = context
  const schema = { summary: 'all that a backup holds' }
  api.post('/backup', { schema }, async (request, reply) => {
    requirePrivacy(request)
    const { name: by } = access.requireAdministrator(request)
    const made = await backups.make()
    if (!made.ok) throw refusalFor(made.error)
    const { size, stream, close } = made.value
    host.log('info', 'backup.made', { by, source: request.ip, bytes: size })
    // `close` is told once: of who went while it was made nothing would tell any more.
    if (reply.raw.destroyed) {
      close()
      return reply.hijack()
    }
    reply.raw.once('close', close)
    const onStalled = (why: string): void => {
      host.log('warn', 'backup.stalled', { by, source: request.ip, why })
      reply.raw.destroy()
    }
    void reply.type(TYPE).header('content-length', size)
    // The last of it may lie unread for ever, and needs no place.
    const leaving = going(stream, patienceMs, { onStalled, onEnd: close })
    return reply.send(Readable.from(leaving, { objectMode: false }))
  })
  api.addContentTypeParser(TYPE, (_request, payload, done) => done(null, payload))
  api.post(
    '/restore',
    {
      bodyLimit: Number.MAX_SAFE_INTEGER,
      config: { slowBody: true },
      schema: { summary: 'a backup takes the place of the configuration' },
    },
    (request, reply) => {
      requirePrivacy(request)
      const source = request.body
      if (!(source instanceof Readable))
        throw new HttpRefusal(415, `send the backup as content-type ${TYPE}`)
      void reply.type('application/x-ndjson')
      const arriving = coming(source, patienceMs)
      const lines = linesOf((tell) => restore(context, request, arriving, tell))
      return reply.send(Readable.from(lines))
    },
  )
}

async function restore(
  context: ConsoleContext,
  request: FastifyRequest,
  source: AsyncIterable<Uint8Array>,
  tell: (line: shapes.RestoreLine) => void,
): Promise<void> {
  const { access, backups, host } = context
  const { name: by } = access.requireAdministrator(request)
  host.log('warn', 'restore.asked', { by, source: request.ip })
  let nextProgress = host.now()
  const onProgress = (step: 'received' | 'restored', done: number): void => {
    if (host.now() < nextProgress) return
    nextProgress = (host.now() + PROGRESS_MS) as typeof nextProgress
    tell({ kind: 'progress', step, done })
  }
  const failed = (reason: string): void => {
    host.log('error', 'restore.failed', { by, reason })
    tell({ kind: 'failed', reason })
  }
  try {
    const restored = await backups.restore(source, {
      onProgress,
      onTaken: () => access.signEverybodyOut(),
    })
    if (!restored.ok) {
      // It counts, or may.
      if (restored.error.kind === 'unknown') access.signEverybodyOut()
      return failed(refusalFor(restored.error).message)
    }
    host.log('warn', 'restore.done', { by, of: restored.value.name, made: restored.value.made })
    tell(doneLine(restored.value))
  } catch (error) {
    // A file of no use, or a line that broke: nothing was changed, and it is told.
    if (!(error instanceof BackupFault)) host.log('warn', 'restore.broken', { why: String(error) })
    failed(error instanceof Error ? error.message : String(error))
  }
}

function doneLine(restored: Restored): shapes.RestoreLine {
  return { kind: 'done', ...defined(restored), rows: { ...restored.rows } }
}

function requirePrivacy({ ip, protocol }: FastifyRequest): void {
  if (protocol === 'https' || isLoopback(ip)) return
  const why = 'a backup holds the key of all passwords, and this line is not encrypted'
  throw new HttpRefusal(403, `${why}: use https`)
}

const STATUS = { busy: 409, refused: 422, 'no-room': 507, unknown: 504 } as const

function refusalFor(failure: BackupFailure): HttpRefusal {
  if (failure.kind === 'store') return refusalOf(failure.failure)
  return new HttpRefusal(STATUS[failure.kind], failure.why)
}
