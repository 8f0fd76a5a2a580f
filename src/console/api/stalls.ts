//! Bytes on their way from or to somebody who is still there, and does nothing any more. Only while
//! it is waited for them: what takes the system itself its time stalls nothing.

/** What comes; rejects when nothing more has come for so long. */
export async function* coming(
  pieces: AsyncIterable<Uint8Array>,
  patienceMs: number,
): AsyncGenerator<Uint8Array, void> {
  const source = pieces[Symbol.asyncIterator]()
  for (;;) {
    const { value, done = false } = await within(source.next(), patienceMs)
    if (done) return
    yield value
  }
}

type GoingEvents = {
  /** Nothing more has been taken for so long. */
  readonly onStalled: (why: string) => void
  /** All has been taken, or no more will be. Not told of what nobody has begun to take. */
  readonly onEnd: () => void
}

/** What goes. */
export async function* going(
  pieces: AsyncIterable<Uint8Array>,
  patienceMs: number,
  { onStalled, onEnd }: GoingEvents,
): AsyncGenerator<Uint8Array, void> {
  const why = `nothing has been read for ${patienceMs / 1000} seconds`
  let timer: NodeJS.Timeout | undefined
  try {
    for await (const piece of pieces) {
      timer = setTimeout(() => onStalled(why), patienceMs)
      yield piece
      clearTimeout(timer)
    }
  } finally {
    clearTimeout(timer)
    onEnd()
  }
}

async function within<T>(coming: Promise<T>, patienceMs: number): Promise<T> {
  const stalled = Promise.withResolvers<never>()
  const why = `nothing has come for ${patienceMs / 1000} seconds`
  const timer = setTimeout(() => stalled.reject(new Error(why)), patienceMs)
  try {
    return await Promise.race([coming, stalled.promise])
  } finally {
    clearTimeout(timer)
  }
}
