//! The log as the nodes have kept it: of this node's time, and of those before it.

import { Readable } from 'node:stream'
import { Type } from 'typebox'
import type { Files } from '../../files/files.ts'
import { LOGS } from '../../files/log-keeper.ts'
import type { ConsoleContext } from '../context.ts'
import type { Api } from './typed.ts'

const LogQuery = Type.Object(
  {
    node: Type.Optional(
      Type.String({ maxLength: 63, pattern: '^[\\w.-]+$', description: 'name of the node' }),
    ),
    files: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1000, default: 20, description: 'the newest so many' }),
    ),
  },
  { additionalProperties: false },
)

export function logRoute(api: Api, { files }: ConsoleContext): void {
  const schema = { querystring: LogQuery, summary: 'a JSON object a line, oldest first' }
  api.get('/logs', { schema }, (request, reply) => {
    const { node, files: count = 20 } = request.query
    const found = files.list(node === undefined ? LOGS : `${LOGS}${node}/`).slice(-count)
    void reply.type('application/x-ndjson')
    const names = found.map(({ name }) => name)
    return reply.send(Readable.from(linesOf(files, names), { objectMode: false }))
  })
}

async function* linesOf(files: Files, names: readonly string[]): AsyncGenerator<Uint8Array, void> {
  for (const name of names)
    for await (const chunk of files.read(name))
      yield chunk.ok
        ? chunk.value
        : Buffer.from(`${JSON.stringify({ level: 'warn', event: 'log.gap', why: chunk.error })}\n`)
}
