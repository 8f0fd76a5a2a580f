//! An answer of many lines, each told when it happens: for what takes a while.

/** What `work` tells, as lines of JSON. It ends with `work`, which is not to reject. */
export async function* linesOf(
  work: (tell: (line: unknown) => void) => Promise<void>,
): AsyncGenerator<string> {
  const told: unknown[] = []
  let wake = Promise.withResolvers<void>()
  let isOver = false
  const tell = (line: unknown): void => {
    told.push(line)
    wake.resolve()
  }
  const outcome = work(tell).finally(() => {
    isOver = true
    wake.resolve()
  })
  while (!isOver) {
    await wake.promise
    wake = Promise.withResolvers<void>()
    yield told
      .splice(0)
      .map((line) => `${JSON.stringify(line)}\n`)
      .join('')
  }
  await outcome
}
