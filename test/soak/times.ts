//! Durations of one stretch of time: how many, the middle one, the slow ones.

export class Times {
  #taken: number[] = []

  add(milliseconds: number): void {
    this.#taken.push(milliseconds)
  }

  /** Since it was asked last. */
  take(): { readonly count: number; readonly p50: number; readonly p99: number } {
    const sorted = this.#taken.toSorted((a, b) => a - b)
    this.#taken = []
    const at = (share: number): number =>
      sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
    return { count: sorted.length, p50: at(0.5), p99: at(0.99) }
  }
}
