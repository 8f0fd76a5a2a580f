//! What whoever is no member any more is told when it dials, so that it need not guess: why, on a
//! connection that ends with it.

import type { TLSSocket } from 'node:tls'
import { headOf } from './frames.ts'

/** For a node that has been told so. */
export const ONCE_REMOVED =
  'stop it and wipe its data, or move that away and join anew (pbx cluster token)'
/** Bytes of text. */
const LENGTH_MAX = 500
/** For so long the connection stays, so that it is heard. */
const PATIENCE_MS = 1_000

export function bidFarewell(socket: TLSSocket, why: string): void {
  const text = Buffer.from(why).subarray(0, LENGTH_MAX)
  socket.on('error', () => socket.destroy())
  socket.setTimeout(PATIENCE_MS, () => socket.destroy())
  socket.write(headOf('farewell', text.length))
  socket.end(text)
}

/** Of the frame's data. */
export function farewellOf(data: Uint8Array): string {
  return Buffer.from(data.subarray(0, LENGTH_MAX)).toString()
}
