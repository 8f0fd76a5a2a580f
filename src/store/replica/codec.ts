//! Commands as they stand in the log, for ever: JSON, bytes in base64, and behind it, as it is, the
//! one text that is long. The first byte is the version.

import { assert } from '../../base/assert.ts'
import { fromJson, toJson } from '../bytes-json.ts'
import type { Command, IdempotencyKey } from '../store.ts'
import type { DigestCommand } from './comparison.ts'
import type { SchemaCommand } from './upgrade.ts'

/** A command on its way into the log: passwords sealed, all that is random or timed decided. */
export type Sealed = {
  readonly command: Command | DigestCommand | SchemaCommand
  readonly key: IdempotencyKey | undefined
}

const VERSION = 1
/** JSON has no raw line break: the first one ends it. */
const END = '\n'

export function encode({ command, key }: Sealed): Uint8Array {
  if (command.kind !== 'call.saved') return packed({ command, key }, '')
  const { snapshot } = command
  return packed({ command: { ...command, snapshot: '' }, key }, snapshot)
}

/** What another node has encoded, or this one in an earlier life. */
export function decode(data: Uint8Array): Sealed {
  assert(data[0] === VERSION, `the log has an entry of version ${data[0]}: update this node`)
  const text = Buffer.from(data.buffer, data.byteOffset + 1, data.byteLength - 1).toString('utf8')
  const end = text.indexOf(END)
  // Of our own making, so the version vouches for its shape.
  const { command, key } = fromJson(text.slice(0, end)) as Sealed
  if (command.kind !== 'call.saved') return { command, key }
  return { command: { ...command, snapshot: text.slice(end + 1) }, key }
}

function packed(head: Sealed, tail: string): Uint8Array {
  const text = toJson(head) + END + tail
  const data = Buffer.allocUnsafe(1 + Buffer.byteLength(text))
  data[0] = VERSION
  data.write(text, 1)
  return data
}
