//! The gate before the virtual addresses, kept by the kernel (DESIGN §6, ADR 9): shut unless this
//! node has a lease, whatever becomes of this process.
//!
//!     shut ──pend──> pending ──open──> open ──renew──> open
//!      ^                |                |
//!      +── expired, or closed ───────────+      what rests on something expired fails

import { NFT } from './nft.ts'
import { Resident, type Fault } from './resident.ts'
import * as nft from './rules.ts'

export class Gate {
  readonly #addresses: nft.Addresses
  readonly #nft: Resident

  private constructor(addresses: nft.Addresses) {
    this.#addresses = addresses
    this.#nft = new Resident(NFT)
  }

  /** Puts the rules in place, shut. */
  static async prepare(addresses: nft.Addresses): Promise<Gate | Fault> {
    const gate = new Gate(addresses)
    const answer = await gate.#make()
    if (typeof answer === 'string') return gate
    gate.stop()
    return answer
  }

  /**
   * True when from now on, for so long, it may be opened. Rules that are gone (`nft flush ruleset`,
   * a firewall that was started anew) are put in place once more.
   */
  async pend(timeoutMs: number): Promise<boolean> {
    const command = nft.pend(this.#addresses, timeoutMs)
    if (await this.#did(command)) return true
    return typeof (await this.#make()) === 'string' && this.#did(command)
  }

  /** False when `pend` has expired, or was never asked. */
  open(timeoutMs: number): Promise<boolean> {
    return this.#did(nft.open(this.#addresses, timeoutMs))
  }

  /** False when it was not open any more: it is shut, and somebody else may have the address. */
  renew(timeoutMs: number): Promise<boolean> {
    return this.#did(nft.renew(this.#addresses, timeoutMs))
  }

  async close(): Promise<boolean> {
    if (await this.#did(nft.close(this.#addresses))) return true
    return typeof (await this.#make()) === 'string'
  }

  /** Milliseconds for which it is still open; 0 when it is shut. */
  async openFor(): Promise<number> {
    const answer = await this.#nft.tell(nft.look(this.#addresses))
    return typeof answer === 'string' ? nft.openFor(answer) : 0
  }

  /** When no address is left to guard: who stops is a client like any other. */
  async remove(): Promise<void> {
    await this.#nft.tell(nft.none(this.#addresses))
  }

  /** Lets go of nft; the rules stay, and what is open shuts by itself. */
  stop(): void {
    this.#nft.stop()
  }

  #make(): Promise<string | Fault> {
    return this.#nft.tell(nft.rules(this.#addresses))
  }

  async #did(command: string): Promise<boolean> {
    return typeof (await this.#nft.tell(command)) === 'string'
  }
}
