//! What is asked of the thread that makes an image, reads one, or keeps a shadow, and what it
//! answers. One job a thread.

import type { Batch, Part } from '../schema/restore.ts'
import type { ImageFacts } from './make.ts'

export type ImageJob = ImagePlace &
  (
    | { readonly kind: 'make' }
    | { readonly kind: 'shadow' }
    | { readonly kind: 'read'; /** The backup's. */ readonly key: Uint8Array }
  )

export type ImagePlace = {
  /** The image. */
  readonly file: string
  /** Of this installation: its database and its key. */
  readonly directory: string
  readonly addon: string | undefined
}

export type FromImage =
  | { readonly kind: 'made'; readonly facts: ImageFacts }
  | {
      readonly kind: 'opened'
      /** That the batches are of. */
      readonly schema: number
      readonly rows: ImageFacts['rows']
      readonly replaced: readonly Part[]
    }
  /** None when there are no more; the thread ends then. */
  | { readonly kind: 'batch'; readonly batch: Batch | undefined }
  /** The shadow is like the database was a moment ago. */
  | { readonly kind: 'copied' }
  /** It is not; it is tried again. */
  | { readonly kind: 'not-copied'; readonly why: string }
  /** The image is of no use. The thread ends. */
  | { readonly kind: 'refused'; readonly why: string }

/** The next batch, please. Or, to a shadow: from now on it is kept, or not; it is to end. */
export type ToImage = 'next' | 'on' | 'off' | 'end'
