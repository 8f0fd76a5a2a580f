//! The API's description for machines and for people who write them.

import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import type { ConsoleContext } from '../context.ts'

/** Must come before the routes it describes. */
export function describeApi(app: FastifyInstance, { version }: ConsoleContext): void {
  void app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'pbx', version, description: 'The same operations the CLI uses.' },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
      security: [{ token: [] }],
    },
  })
}
