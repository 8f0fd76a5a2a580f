//! What has been opened, to be closed in the reverse order.

/** Rejects as `open` does, and then nothing is left open. */
export async function openOrClose<T>(open: (opened: Opened) => Promise<T>): Promise<T> {
  const opened = new Opened()
  try {
    return await open(opened)
  } catch (fault) {
    await opened.close()
    throw fault
  }
}

export class Opened {
  readonly #closings: (() => void | Promise<void>)[] = []

  add(close: () => void | Promise<void>): void {
    this.#closings.push(close)
  }

  async close(): Promise<void> {
    for (let close = this.#closings.pop(); close !== undefined; close = this.#closings.pop())
      await close()
  }
}
