//! An answer of many lines, each told when it happens: for what takes a while. Who reads it slower
//! than it is told slows the work down; who goes away does not.

export type Tell<Line = unknown> = (line: Line) => void
/** Something to wait for when much has not been read yet; it rejects when nobody reads at all. */
export type Room = () => Promise<void> | undefined

/** So many characters may be unread before the work is to wait. */
const UNREAD_MAX = 64 * 1024
const PATIENCE_MS = 300_000

/**
 * What `work` tells, as lines of JSON. It ends with `work`, which is not to reject, and which waits
 * for room after each line, or tells few.
 */
export async function* linesOf(
  work: (tell: Tell, room: Room) => Promise<void>,
  patienceMs = PATIENCE_MS,
): AsyncGenerator<string> {
  const unread = new Unread(patienceMs)
  let isOver = false
  const tell = (line: unknown): void => unread.add(`${JSON.stringify(line)}\n`)
  const outcome = work(tell, () => unread.room()).finally(() => {
    isOver = true
    unread.wake()
  })
  try {
    for (;;) {
      const text = unread.take()
      if (text !== '') yield text
      else if (isOver) break
      else await unread.more()
    }
    await outcome
  } finally {
    unread.abandon()
  }
}

class Unread {
  readonly #patienceMs: number
  #text: string[] = []
  #length = 0
  #isAbandoned = false
  #more = Promise.withResolvers<void>()
  #room: PromiseWithResolvers<void> | undefined
  #patience: NodeJS.Timeout | undefined

  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs
  }

  add(line: string): void {
    if (this.#isAbandoned) return
    this.#text.push(line)
    this.#length += line.length
    this.wake()
  }

  take(): string {
    const text = this.#text.join('')
    this.#text = []
    this.#length = 0
    this.#more = Promise.withResolvers()
    clearTimeout(this.#patience)
    this.#room?.resolve()
    this.#room = undefined
    return text
  }

  /** Until there is more to take, or there will be no more. */
  more(): Promise<void> {
    return this.#more.promise
  }

  wake(): void {
    this.#more.resolve()
  }

  /** Nobody reads any more: nothing is kept, and nobody waits. */
  abandon(): void {
    this.#isAbandoned = true
    this.take()
  }

  room(): Promise<void> | undefined {
    if (this.#length < UNREAD_MAX) return undefined
    if (this.#room !== undefined) return this.#room.promise
    const room = Promise.withResolvers<void>()
    const why = `nobody has read the answer for ${this.#patienceMs / 1000} seconds`
    this.#patience = setTimeout(() => room.reject(new Error(why)), this.#patienceMs)
    this.#room = room
    return room.promise
  }
}
