//! Has this node take no more calls, and take them again. Asked of the node itself, whether it
//! serves or stands by.

import { Type } from 'typebox'
import { HttpRefusal } from '../../http/server.ts'
import type { DrainControl } from '../drain-control.ts'
import * as shapes from './shapes.ts'
import type { Api } from './typed.ts'

const DrainBody = Type.Object(
  { force: Type.Optional(Type.Boolean({ description: 'also when nobody could take over' })) },
  { additionalProperties: false },
)

export function drainRoutes(api: Api, drain: DrainControl): void {
  const response = { 200: shapes.Drained }
  api.put('/drain', { schema: { body: DrainBody, response } }, async ({ body }) => {
    const refused = await drain.begin(body.force === true)
    if (refused !== undefined) throw new HttpRefusal(409, refused)
    return { drained: true }
  })
  api.delete('/drain', { schema: { response } }, async () => {
    await drain.end()
    return { drained: false }
  })
}

/** Of the status; nothing while it takes calls. */
export function drainPart({ state }: DrainControl): { drained?: shapes.DrainedView } {
  return state === undefined ? {} : { drained: { ...state } }
}
