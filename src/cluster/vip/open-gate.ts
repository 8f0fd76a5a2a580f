//! Where there is no nftables: the same answers by this process's clock, and nothing that holds
//! when the process does not run.

import type { Host } from '../../base/host.ts'

export class OpenGate {
  readonly #host: Host
  #pendingUntil = 0
  #openUntil = 0

  constructor(host: Host) {
    this.#host = host
  }

  pend(timeoutMs: number): Promise<boolean> {
    this.#pendingUntil = this.#host.now() + timeoutMs
    return Promise.resolve(true)
  }

  open(timeoutMs: number): Promise<boolean> {
    return this.#prolong(this.#pendingUntil, timeoutMs)
  }

  renew(timeoutMs: number): Promise<boolean> {
    return this.#prolong(this.#openUntil, timeoutMs)
  }

  close(): Promise<boolean> {
    this.#pendingUntil = 0
    this.#openUntil = 0
    return Promise.resolve(true)
  }

  remove(): Promise<void> {
    return Promise.resolve()
  }

  stop(): void {
    void this.close()
  }

  #prolong(allowedUntil: number, timeoutMs: number): Promise<boolean> {
    const now = this.#host.now()
    if (now >= allowedUntil) return Promise.resolve(false)
    this.#openUntil = now + timeoutMs
    return Promise.resolve(true)
  }
}
