//! What nodes say about chunks, as bytes on the peer link. Pure.

import { ByteReader, ByteWriter } from '../base/bytes.ts'

export type FileMessage =
  /** The piece of that chunk from `offset` on, please. */
  | { readonly kind: 'ask'; readonly digest: string; readonly offset: number }
  | {
      readonly kind: 'piece'
      readonly digest: string
      readonly offset: number
      /** Of the whole chunk. */
      readonly size: number
      readonly data: Uint8Array
    }
  | { readonly kind: 'absent'; readonly digest: string }
  /** What you sent of it was not right: look at yours. */
  | { readonly kind: 'doubt'; readonly digest: string }
  /** How many chunks the sender has, and how many it has not yet. */
  | { readonly kind: 'standing'; readonly held: number; readonly missing: number }

/** Their places are what is sent: new ones go to the end. */
const KINDS = ['ask', 'piece', 'absent', 'doubt', 'standing'] as const

export function encodeFileMessage(message: FileMessage): Uint8Array {
  const out = new ByteWriter().number(KINDS.indexOf(message.kind))
  if (message.kind === 'standing') return out.number(message.held).number(message.missing).done()
  out.text(message.digest)
  if (message.kind === 'ask') out.number(message.offset)
  if (message.kind === 'piece') out.number(message.offset).number(message.size).bytes(message.data)
  return out.done()
}

/** Undefined when it is none. */
export function decodeFileMessage(bytes: Uint8Array): FileMessage | undefined {
  const from = new ByteReader(bytes)
  const kind = KINDS[from.number()]
  const message = kind === undefined ? undefined : read(from, kind)
  if (message === undefined || !from.isThrough) return undefined
  return 'digest' in message && !/^[0-9a-f]{64}$/.test(message.digest) ? undefined : message
}

function read(from: ByteReader, kind: FileMessage['kind']): FileMessage {
  if (kind === 'standing') return { kind, held: from.number(), missing: from.number() }
  const digest = from.text()
  if (kind === 'ask') return { kind, digest, offset: from.number() }
  if (kind !== 'piece') return { kind, digest }
  return { kind, digest, offset: from.number(), size: from.number(), data: from.bytes() }
}
