//! Owns the virtual address while this node has the lease: what the lease decides is done here, in
//! the kernel's gate and on the interface.

import { unreachable } from '../../base/assert.ts'
import { readFileSync, writeFileSync } from 'node:fs'
import type { Host, Log } from '../../base/host.ts'
import type { Millis } from '../../base/time.ts'
import { Address, type Announce } from './address.ts'
import { Gate, type OnStarted } from './gate.ts'
import { Lease, type LeaseInput, type LeaseOutput } from './lease.ts'
import { OpenGate } from './open-gate.ts'
import type { VipSettings } from '../settings.ts'

export type OwnerParts = {
  readonly host: Host
  readonly vip: VipSettings
  readonly lease: Millis
  readonly announce: Announce
  /** Of `ip` and `nft`: what the lease rests on. */
  readonly onStarted: OnStarted
  readonly onChanged: (isHeld: boolean) => void
  /** The gate may be opened once a round of heartbeats that begins now is answered. */
  readonly onPending: () => void
  /** This node cannot serve: another may be elected. */
  readonly onResign: (why: string) => void
}

const NONLOCAL_BIND = '/proc/sys/net/ipv4/ip_nonlocal_bind'

/** So that a standby has its sockets open before the address comes. */
function allowForeignAddress(log: Log): void {
  try {
    if (readFileSync(NONLOCAL_BIND, 'utf8').trim() === '1') return
    writeFileSync(NONLOCAL_BIND, '1')
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    const mend = 'run sysctl -w net.ipv4.ip_nonlocal_bind=1'
    log('warn', 'vip.no-standby-sockets', { why, mend })
  }
}

type AnyGate = Pick<Gate, 'pend' | 'open' | 'renew' | 'close' | 'stop'>

export class VipOwner {
  readonly #parts: OwnerParts
  readonly #gate: AnyGate
  readonly #lease: Lease
  readonly #address: Address

  private constructor(parts: OwnerParts, gate: AnyGate) {
    const { vip, announce, onStarted, onResign, host } = parts
    this.#parts = parts
    this.#gate = gate
    this.#lease = new Lease(parts.lease)
    this.#address = new Address({ vip, announce, onStarted, log: host.log, onLost: onResign })
  }

  /** The gate is shut then, and an address that an earlier life left behind is gone. */
  static async prepare(parts: OwnerParts): Promise<VipOwner> {
    const { host, vip } = parts
    const gate = await Gate.prepare(vip.address, parts.onStarted)
    if (!(gate instanceof Gate)) {
      const effect =
        'a node that was stopped for seconds may answer for a moment when it goes on; ' +
        'install nftables and give pbx CAP_NET_ADMIN'
      host.log('warn', 'vip.no-gate', { why: gate.why, effect })
    }
    allowForeignAddress(host.log)
    const owner = new VipOwner(parts, gate instanceof Gate ? gate : new OpenGate(host))
    await owner.#address.remove()
    return owner
  }

  get isHeld(): boolean {
    return this.#lease.isHeld
  }

  /** Just before its heartbeats are sent. */
  roundBegins(round: number): void {
    this.#step({ kind: 'round-begins', round })
  }

  /** `confirmedRound` of Raft's status. */
  look(round: number | undefined): void {
    this.#step({ kind: 'confirmed', round })
  }

  /** Resolves when nobody is answered any more. */
  async handOver(): Promise<void> {
    this.#step({ kind: 'confirmed', round: undefined })
    await this.#gate.close()
  }

  async stop(): Promise<void> {
    await this.handOver()
    await this.#address.remove()
    this.#gate.stop()
  }

  #step(input: LeaseInput): void {
    for (const output of this.#lease.step(input, this.#parts.host.now())) this.#carryOut(output)
  }

  #carryOut(output: LeaseOutput): void {
    const { onChanged, onResign } = this.#parts
    switch (output.kind) {
      case 'pend':
        this.#address.add()
        return void this.#do(this.#gate.pend(output.timeout)).then(this.#parts.onPending)
      case 'open':
        return void this.#do(this.#gate.open(output.timeout))
      case 'renew':
        return void this.#do(this.#gate.renew(output.timeout))
      case 'close':
        void this.#gate.close()
        return void this.#address.remove()
      case 'held':
        this.#address.announce()
        return onChanged(true)
      case 'lost':
        return onChanged(false)
      case 'resign':
        return onResign('the lease had expired when it was to be renewed')
      default:
        return unreachable(output)
    }
  }

  async #do(command: Promise<boolean>): Promise<void> {
    this.#step({ kind: 'done', ok: await command })
  }
}
