//! What has been opened, to be closed in the reverse order.

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
