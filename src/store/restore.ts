//! Puts the image of a backup in the place of the state: its rows as commands, then one that makes
//! them count.

import { err, ok, type Result } from '../base/result.ts'
import type { ImageReader } from './image/client.ts'
import { isAdding } from './schema/restore.ts'
import type { Command, IdempotencyKey, ProposeFailure, Store } from './store.ts'

export type RestoreFailure =
  /** The image is of no use. Nothing was changed. */
  | { readonly kind: 'refused'; readonly why: string }
  /** `isLast`: nobody knows whether the last command counts. Else nothing was changed. */
  | { readonly kind: 'store'; readonly failure: ProposeFailure; readonly isLast: boolean }
  /** It is restored; the node that serves next adds the records that are left. */
  | { readonly kind: 'adding' }

export type RestoreOptions = {
  /** That no other restore has. */
  readonly name: string
  /** How many batches the store has taken. */
  readonly onProgress: (batches: number) => void
  /** All but call records is as in the image. */
  readonly onTaken?: () => void
  readonly pause: Pause
}

/** A while: the store takes nothing now. */
type Pause = () => Promise<void>

/** Few: the SIP thread's proposals wait in the same queue, heartbeats go over the same line. */
const AT_ONCE = 4
/** The last one may take long: whoever is not told in time asks again. */
const LAST_TRIES = 60

export async function restoreImage(
  store: Store,
  image: ImageReader,
  options: RestoreOptions,
): Promise<Result<void, RestoreFailure>> {
  const { name: restore } = options
  const { schema } = image
  const begun = await store.propose({ kind: 'restore.begun', restore, schema })
  if (!begun.ok) return failed(begun.error)
  let isDone = false
  try {
    const staged = await stage(store, image, options)
    const done = staged.ok ? await finish(store, image, options, staged.value) : staged
    isDone = done.ok
    if (!isDone) return done
    options.onTaken?.()
    const added = await addRecords(store, options.pause)
    return added.ok ? done : err({ kind: 'adding' })
  } finally {
    // What was staged is of no use; without a leader the next one to serve takes it away.
    if (!isDone) await store.propose({ kind: 'restore.dropped' })
  }
}

/**
 * Until there are no more; also for a restore that another node has been in the middle of. Gives up
 * only when another node serves, which goes on with it, or this one ends.
 */
export async function addRecords(
  store: Store,
  pause: Pause,
): Promise<Result<void, ProposeFailure>> {
  let isLeft = store.read(isAdding)
  while (isLeft) {
    const added = await store.propose({ kind: 'restore.added' })
    const failure = added.ok ? undefined : added.error
    // Nothing is read after it: the store may be closed by then.
    if (failure?.kind === 'overloaded') await pause()
    // Refused: another has come to the end of it meanwhile.
    else if (failure === undefined || failure.kind === 'timeout' || failure.kind === 'rejected')
      isLeft = store.read(isAdding)
    else return err(failure)
  }
  return ok(undefined)
}

/** How many batches there are. */
async function stage(
  store: Store,
  image: ImageReader,
  { name: restore, onProgress }: RestoreOptions,
): Promise<Result<number, RestoreFailure>> {
  const commits = new Set<Promise<void>>()
  let failure: ProposeFailure | undefined
  let committed = 0
  const commit = (command: Command): void => {
    const proposed = store.propose(command).then((result) => {
      commits.delete(proposed)
      if (!result.ok) failure ??= result.error
      else onProgress(++committed)
    })
    commits.add(proposed)
  }
  let place = 0
  for (; failure === undefined; place++) {
    const next = await image.next()
    if (!next.ok) return err({ kind: 'refused', why: next.error })
    if (next.value === undefined) break
    commit({ kind: 'restore.staged', restore, place, ...next.value })
    if (commits.size >= AT_ONCE) await Promise.race(commits)
  }
  await Promise.all(commits)
  return failure === undefined ? ok(place) : failed(failure)
}

async function finish(
  store: Store,
  { replaced }: ImageReader,
  { name: restore, pause }: RestoreOptions,
  places: number,
): Promise<Result<void, RestoreFailure>> {
  const command = { kind: 'restore.finished', restore, places, replaced } as const
  const key = `restore ${restore}` as IdempotencyKey
  let isKnown = true
  for (let tries = 1; ; tries++) {
    const finished = await store.propose(command, key)
    if (finished.ok) return ok(undefined)
    const { kind } = finished.error
    // By its key it is refused only when it was refused each time.
    if (kind === 'rejected') return failed(finished.error)
    if (kind === 'timeout') isKnown = false
    const mayDo = kind === 'timeout' || kind === 'overloaded'
    if (!mayDo || tries === LAST_TRIES) return failed(finished.error, !isKnown)
    if (kind === 'overloaded') await pause()
  }
}

function failed(failure: ProposeFailure, isLast = false): Result<never, RestoreFailure> {
  return err({ kind: 'store', failure, isLast })
}
