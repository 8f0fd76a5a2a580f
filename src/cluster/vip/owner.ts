//! Owns the virtual addresses while this node has the lease: what the lease decides is done here,
//! in the kernel's gate and on the interface. What happens to them there is watched.

import { unreachable } from '../../base/assert.ts'
import { readFileSync, writeFileSync } from 'node:fs'
import { isIPv6 } from 'node:net'
import type { Host, Log } from '../../base/host.ts'
import type { Millis } from '../../base/time.ts'
import { Address } from './address.ts'
import type { Announce } from './announcer.ts'
import { BackOff } from './back-off.ts'
import { Gate } from './gate.ts'
import { interfaceNames } from './interfaces.ts'
import { Lease, type LeaseInput, type LeaseOutput } from './lease.ts'
import { noInterface, whyNoAddress, whyNoGate } from './mend.ts'
import { OpenGate } from './open-gate.ts'
import type { Fault } from './resident.ts'
import { Rivals, type Ears } from './rivals.ts'
import type { VipSettings } from '../settings.ts'
import { isLinkUp, Watch, type Seen } from './watch.ts'

export type OwnerParts = {
  readonly host: Host
  readonly vip: VipSettings
  readonly lease: Millis
  readonly announce: Announce
  readonly ears: Ears
  readonly onChanged: (isHeld: boolean) => void
  /** Another host has an address as well, or not any more. */
  readonly onConflict: () => void
  /** The gate may be opened once a round of heartbeats that begins now is answered. */
  readonly onPending: () => void
  /** This node does not own the address any more: another may be elected. */
  readonly onResign: (why: string) => void
  /** This node could not serve if it were elected, for this reason; undefined when it could. */
  readonly onUnfit: (why: string | undefined) => void
}

const LOOK_EVERY_MS = 1_000

/** So that a standby has its sockets open before the address comes. */
function allowForeignAddress(family: 'ipv4' | 'ipv6', log: Log): void {
  const file = `/proc/sys/net/${family}/ip_nonlocal_bind`
  try {
    if (readFileSync(file, 'utf8').trim() === '1') return
    writeFileSync(file, '1')
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    const mend = `run sysctl -w net.${family}.ip_nonlocal_bind=1`
    log('warn', 'vip.no-standby-sockets', { why, mend })
  }
}

/** Its interface by the first of that one's names, once that is known. */
type OwnVip = VipSettings & { interface: string }

type AnyGate = Pick<Gate, 'pend' | 'open' | 'renew' | 'close' | 'remove' | 'stop'>

export class VipOwner {
  readonly #parts: OwnerParts
  readonly #vip: OwnVip
  readonly #gate: AnyGate
  readonly #lease: Lease
  readonly #address: Address
  readonly #rivals: Rivals
  readonly #watch: Watch
  readonly #looking: NodeJS.Timeout
  #isLinkDown = false
  readonly #backOff = new BackOff()
  #failed: { readonly why: string; readonly until: Millis } | undefined
  /** None of the addresses could be put there. */
  #isRefused = false
  /** On standby: why the address could not be put there. */
  #unable: string | undefined
  #unfit: string | undefined
  #isStopped = false

  /** Why the kernel itself does not guard the address, and how to mend it. */
  readonly unguarded: string | undefined

  private constructor(parts: OwnerParts, vip: OwnVip, gate: Gate | Fault, address: Address) {
    const { host } = parts
    this.#parts = parts
    this.#vip = vip
    this.#gate = gate instanceof Gate ? gate : new OpenGate(host)
    this.unguarded = gate instanceof Gate ? undefined : whyNoGate(gate)
    this.#lease = new Lease(parts.lease)
    this.#address = address
    this.#rivals = new Rivals({
      host,
      vip,
      ears: parts.ears,
      isOurs: () => this.isHeld && this.#lease.holdsAt(host.now()),
      defend: () => address.defend(),
      onChanged: parts.onConflict,
    })
    this.#watch = new Watch(vip, host.log, (seen) => this.#onSeen(seen))
    this.#looking = setInterval(() => this.#lookAround(), LOOK_EVERY_MS)
  }

  /** The gate is shut then, and an address that an earlier life left behind is gone. */
  static async prepare(parts: OwnerParts): Promise<VipOwner> {
    const { host, announce } = parts
    const vip = { ...parts.vip }
    const addresses = vip.addresses.map(({ address }) => address)
    const onPut = (fault: Fault | undefined): void => owner.#onPut(fault)
    const isOurs = (): boolean => !owner.#isRefused && owner.#lease.holdsAt(host.now())
    const address = new Address({ vip, announce, host, isOurs, onPut })
    // First: whatever the gate is made of, nobody is answered by an address that is not there.
    const fault = await address.removeAny()
    const gate = await Gate.prepare(addresses)
    const owner = new VipOwner(parts, vip, gate, address)
    if (!(gate instanceof Gate)) {
      const effect = 'a node that was stopped for seconds may answer for a moment when it goes on'
      host.log('warn', 'vip.no-gate', { why: gate.why, effect, mend: owner.unguarded })
    }
    for (const family of new Set(addresses.map((each) => (isIPv6(each) ? 'ipv6' : 'ipv4'))))
      allowForeignAddress(family, host.log)
    await owner.#findInterface()
    owner.#onChecked(fault)
    owner.#lookAtLink()
    return owner
  }

  get isHeld(): boolean {
    return this.#lease.isHeld && !this.#isRefused
  }

  /** Who else has an address, and what to do; undefined when nobody is known to. */
  get conflict(): string | undefined {
    return this.#rivals.conflict
  }

  /** Why this node could not serve if it were elected. */
  get unfit(): string | undefined {
    return this.#unfit
  }

  /** Just before its heartbeats are sent. */
  roundBegins(round: number): void {
    this.#step({ kind: 'round-begins', round })
  }

  /** `confirmedRound` of Raft's status. */
  look(round: number | undefined): void {
    // The only node there is leads on until it is gone.
    if (!this.#isStopped) this.#step({ kind: 'confirmed', round })
  }

  /** Resolves when nobody is answered any more. */
  async handOver(): Promise<void> {
    this.#step({ kind: 'confirmed', round: undefined })
    await this.#gate.close()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    clearInterval(this.#looking)
    this.#watch.stop()
    await this.handOver()
    const fault = await this.#address.remove()
    if (fault === undefined || fault.kind === 'refused') await this.#gate.remove()
    this.#address.stop()
    this.#gate.stop()
  }

  #onSeen(seen: Seen): void {
    if (seen.kind === 'link') return this.#onLink(seen.isUp)
    const { log } = this.#parts.host
    void this.#address.putBack(seen.address).then((isBack) => {
      if (!isBack || !this.isHeld) return
      log('warn', 'vip.put-back', { address: seen.address, why: 'it was taken away' })
      this.#address.announce()
    })
  }

  #lookAround(): void {
    void this.#address.check().then((fault) => {
      this.#onChecked(fault)
      const { interface: given } = this.#parts.vip
      const isFirst = given === this.#vip.interface && isLinkUp(given) !== undefined
      // Its first name may be another's by now. Not before: an `ip` that is asked more is kept.
      if (!isFirst) void this.#findInterface()
    })
    this.#lookAtLink()
  }

  /** By the name that was given; from now on it goes by the one by which the kernel tells of it. */
  async #findInterface(): Promise<void> {
    const { host, vip: given } = this.#parts
    const link = await this.#address.link(given.interface)
    if (link === undefined) return
    const { name } = link
    if (name !== this.#vip.interface)
      host.log('info', 'vip.interface-found', { given: given.interface, interface: name })
    this.#vip.interface = name
    this.#onLink(link.isUp)
  }

  #lookAtLink(): void {
    const isUp = isLinkUp(this.#vip.interface)
    if (isUp !== undefined) this.#onLink(isUp)
    this.#judge()
  }

  #onLink(isUp: boolean): void {
    if (this.#isLinkDown === !isUp) return
    this.#isLinkDown = !isUp
    const event = isUp ? 'vip.link-up' : 'vip.link-down'
    this.#parts.host.log('warn', event, { interface: this.#vip.interface })
    this.#judge()
  }

  #onChecked(fault: Fault | undefined): void {
    if (this.#isStopped) return
    this.#unable = fault && whyNoAddress(fault, this.#vip.interface)
    this.#judge()
  }

  #onPut(fault: Fault | undefined): void {
    const { onChanged } = this.#parts
    const wasHeld = this.isHeld
    if (fault !== undefined) this.#lost(fault)
    else if (this.#isRefused) this.#failed = undefined
    this.#isRefused = fault !== undefined && !this.#address.isThere
    if (this.isHeld === wasHeld) return
    if (this.isHeld) this.#address.announce()
    onChanged(this.isHeld)
  }

  /** Nothing can be put on an interface that is down: it is well again as soon as that is up. */
  #lost(fault: Fault): void {
    const { interface: name } = this.#vip
    if (isLinkUp(name) === false) return this.#onLink(false)
    this.#fail(whyNoAddress(fault, name) ?? fault.why)
  }

  #fail(why: string): void {
    const { host } = this.#parts
    // Whoever failed at the gate or the interface does not try again at once.
    this.#failed = { why, until: this.#backOff.failed(host.now()) }
    this.#judge()
  }

  #judge(): void {
    const { host, onUnfit } = this.#parts
    if (this.#failed !== undefined && host.now() >= this.#failed.until) this.#failed = undefined
    const why = this.#linkTrouble() ?? this.#unable ?? this.#failed?.why
    if (why === this.#unfit) return
    this.#unfit = why
    onUnfit(why)
  }

  #linkTrouble(): string | undefined {
    // Of one that has never been there `ip` tells.
    if (!this.#isLinkDown) return undefined
    const { interface: name } = this.#vip
    if (interfaceNames()?.includes(name) === false) return noInterface(name)
    return `${name} is down: see its cable, or ip link set ${name} up`
  }

  #step(input: LeaseInput): void {
    for (const output of this.#lease.step(input, this.#parts.host.now())) this.#carryOut(output)
  }

  #carryOut(output: LeaseOutput): void {
    const { onChanged, onResign } = this.#parts
    switch (output.kind) {
      case 'pend':
        // nft is told first: starting `ip` holds this thread up for some milliseconds.
        void this.#pend(output.timeout)
        return this.#address.add()
      case 'open':
        return void this.#do(this.#gate.open(output.timeout))
      case 'renew':
        return void this.#do(this.#gate.renew(output.timeout))
      case 'close':
        void this.#gate.close()
        this.#isRefused = false
        return void this.#address.remove().then((fault) => this.#onChecked(fault))
      case 'held':
        this.#address.announce()
        this.#rivals.begin()
        return onChanged(this.isHeld)
      case 'lost':
        this.#rivals.stop()
        return onChanged(false)
      case 'resign':
        return onResign('the kernel did not renew the lease of the address')
      default:
        return unreachable(output)
    }
  }

  async #pend(timeout: Millis): Promise<void> {
    const isPending = await this.#gate.pend(timeout)
    if (!isPending) this.#fail('nftables did not take the rules that guard the address')
    this.#step({ kind: 'done', ok: isPending })
    this.#parts.onPending()
  }

  async #do(command: Promise<boolean>): Promise<void> {
    this.#step({ kind: 'done', ok: await command })
  }
}
