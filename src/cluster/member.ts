//! A node of the cluster, in the replica's thread: the clock that the replica runs by, the peers
//! that it speaks to, and the virtual address.
//!
//!     ticks, messages ──> replica ──> messages, rounds ──> peers, lease ──> gate and address
//!                            └──> standing ──> main thread, which serves while it is told to

import type { Cancel, Host } from '../base/host.ts'
import type { NodeId } from '../control/ids.ts'
import { members } from '../raft/membership.ts'
import type { Urgency } from '../native/priority.ts'
import type { RaftMessage } from '../raft/message.ts'
import type { Raft, RaftStatus } from '../raft/raft.ts'
import { isServerId } from '../store/schema/server.ts'
import type { Replica } from '../store/replica/replica.ts'
import { decodeMessage, encodeMessage } from '../store/replica/wire.ts'
import { Clocks } from './clocks.ts'
import { Dialled } from './dialled.ts'
import { Fitness, rankOf, type Concern } from './fitness.ts'
import { Lags } from './lags.ts'
import type { Arrived, PeerLink } from './peer-link.ts'
import type { MemberStanding, Standing } from './protocol.ts'
import { Succession } from './succession.ts'
import { TICK } from './timings.ts'
import type { Peer } from './settings.ts'
import type { VipOwner } from './vip/owner.ts'
import { changed, successor, wished, type GroupWish, type Peers } from './wishes.ts'

/** Messages of one turn are given to the replica together: they share an fsync. */
const INBOX_MAX = 10_000
/** A learner that is behind by less is made a voter. */
const NEARLY = 500
/** A read that nobody waits for: the replica's own are above 0. */
const NOBODYS = 0
const CHORES_EVERY_TICKS = 50
/** A node that is not connected for so many of them is dialled, whoever's turn it is. */
const MISSED_AFTER_CHORES = 10
const STANDING_EVERY_TICKS = 100
/** In bytes: it is shown to people. */
const WHY_MAX = 300

export type MemberParts = {
  readonly host: Host
  readonly self: Peer
  readonly link: Pick<PeerLink, LinkUse>
  readonly replica: Replica
  readonly vip: VipOwner | undefined
  /** All nodes, as the store knows them. */
  readonly nodes: () => readonly Peer[]
  /** What is other in a node's settings than here, and should not be. */
  readonly differs: (node: NodeId) => string | undefined
  /** Of this thread. */
  readonly urgency: Urgency
  readonly onStanding: (standing: Standing) => void
  /** Runs what must not throw: the disk has failed, or there is a bug. */
  readonly orEnd: (work: () => void) => void
}

type LinkUse =
  | ('send' | 'peers' | 'dial' | 'hangUp')
  | ('partWithUnknown' | 'arrived' | 'changed' | 'dismissed')

export class Member {
  readonly #parts: MemberParts
  #inbox: RaftMessage[] = []
  #ticks = 0
  readonly #dialled: Dialled
  /** For how many chores each of the others has not been connected. */
  readonly #missed = new Map<NodeId, number>()
  /** Dialled too, though they would dial us if they knew of us. */
  readonly #sought = new Set<NodeId>()
  #isReluctant = false
  #told = ''
  #leader: NodeId | undefined
  readonly #succession = new Succession()
  /** Why this node leads no more, until somebody does. */
  #resigning: string | undefined
  #schema: number
  #why = 'this node has just begun'
  #since: number
  readonly #fitness: Fitness
  /** As it is known here. */
  readonly #peers: Peers
  readonly #clocks: Clocks
  readonly #lags: Lags
  readonly #timer: NodeJS.Timeout
  readonly #unsubscribe: readonly Cancel[]

  constructor(parts: MemberParts) {
    const { link, host } = parts
    this.#parts = parts
    this.#dialled = new Dialled(link)
    this.#since = host.wall()
    this.#schema = parts.replica.schema.inForce
    const onChanged = (): void => this.#fitChanged()
    const onOther = (): void => this.#othersChanged()
    this.#fitness = new Fitness({ host, link, onChanged, onOther })
    this.#peers = {
      isUp: (id) => this.#isUp(id),
      unfit: (id) => (id === parts.self.id ? this.#fitness.own : this.#fitness.of(id)),
      promised: () => parts.replica.promised,
    }
    const leader = (): NodeId | undefined => parts.replica.status.leader
    this.#clocks = new Clocks({ host, link, self: parts.self.id, leader })
    this.#lags = new Lags(link)
    this.#unsubscribe = [
      () => this.#fitness.stop(),
      () => this.#clocks.stop(),
      () => this.#lags.stop(),
      link.arrived((frame) => this.#onFrame(frame)),
      link.arrived(({ from, channel, data }) => {
        if (channel === 'leaving') this.#succession.leaves(from, textOf(data), host.now())
      }),
      link.changed(() => this.#othersChanged()),
    ]
    this.#meet()
    this.#timer = setInterval(() => this.#tick(), TICK)
  }

  stop(): void {
    clearInterval(this.#timer)
    for (const each of this.#unsubscribe) each()
  }

  /** From the replica: to be sent, in this order. */
  send(messages: readonly RaftMessage[]): void {
    for (const message of messages) {
      if (message.kind === 'timeout-now') void this.#handOver(message)
      else this.#parts.link.send(message.to, 'raft', encodeMessage(message))
    }
  }

  roundBegins(round: number): void {
    this.#parts.vip?.roundBegins(round)
  }

  /** Undefined when it is done or under way, else why not. */
  wish(wish: GroupWish): string | undefined {
    // Told before it is handed over: nobody hands it back.
    if (wish.kind === 'hand-over') this.setFit('stop', 'it is being stopped')
    const { host, replica } = this.#parts
    let refused: string | undefined
    const resigning = this.#resigning
    // It may be handed over at once, and the reason is told then.
    if (wish.kind === 'transfer') this.#resigning = undefined
    this.#parts.orEnd(() => {
      refused = replica.ask((raft) => wished(raft, wish, this.#peers))
    })
    if (refused !== undefined) this.#resigning = resigning
    if (wish.kind === 'drain' && refused === undefined) {
      const { isDrained, isForced } = wish
      host.log('info', 'node.drain', { isDrained, isForced })
      this.setFit('drain', isDrained ? 'drained' : undefined)
    }
    this.#look()
    return refused
  }

  resign(why: string): void {
    const { host, replica, orEnd } = this.#parts
    if (replica.status.role !== 'leader') return
    host.log('warn', 'leader.resigned', { why })
    this.#resigning = why
    this.#leaves(`resigned (${why})`)
    orEnd(() => replica.ask((raft) => this.#giveUp(raft)))
    this.#look()
  }

  /** To somebody, which is soon over; else to whoever is elected first, us perhaps. */
  #giveUp(raft: Raft): void {
    const to = successor(raft.status(), this.#peers)
    const isUnderWay = to !== undefined && raft.transferTo(to).ok
    if (!isUnderWay) raft.resign()
  }

  /** Why this node had better not serve; undefined when it is as good as any other. */
  setFit(concern: Concern, why: string | undefined): void {
    this.#fitness.set(concern, why)
  }

  #fitChanged(): void {
    this.#stepBack()
    this.#look()
    this.#leaveToOthers()
  }

  #othersChanged(): void {
    this.#stepBack()
    this.#tell(true)
  }

  /**
   * Lets others be elected first, as long as one is there that had better serve. Not whoever led:
   * an election is of use only when that one is gone, which its connection shows seconds later.
   */
  #stepBack(): void {
    const { replica, orEnd } = this.#parts
    const { voters } = replica.status.membership
    const rivals = voters.filter((id) => id !== this.#succession.last)
    const isReluctant = this.#fitness.isAnyBetter(rivals)
    if (isReluctant === this.#isReluctant) return
    this.#isReluctant = isReluctant
    orEnd(() => replica.ask((raft) => raft.setReluctant(isReluctant)))
  }

  /** Asks the others at once whether this node still leads, instead of with the next heartbeat. */
  confirm(): void {
    const { replica, orEnd } = this.#parts
    orEnd(() => replica.ask((raft) => raft.readIndex(NOBODYS)))
  }

  /** The address has come or gone, or another host has it as well. */
  addressChanged(): void {
    this.#tell(true)
  }

  #tick(): void {
    this.#ticks++
    this.#parts.orEnd(() => this.#parts.replica.tick())
    this.#look()
    this.#stepBack()
    if (this.#ticks % CHORES_EVERY_TICKS === 0) {
      this.#meet()
      this.#promote()
      this.#leaveToOthers()
    }
    const isDue = this.#ticks % STANDING_EVERY_TICKS === 0
    if (isDue) this.setFit('clock', this.#clocks.tick())
    if (isDue) this.#lags.tick(this.#parts.replica.status)
    this.#tell(isDue)
  }

  #onFrame({ from, channel, data }: Arrived): void {
    if (channel !== 'raft') return
    const message = decodeMessage(data)
    if (message === undefined || message.from !== from || message.to !== this.#parts.self.id) {
      this.#parts.host.log('warn', 'peer.message-unreadable', { peer: from, bytes: data.length })
      return
    }
    // Raft sends again what matters.
    if (this.#inbox.length >= INBOX_MAX) return
    this.#inbox.push(message)
    if (this.#inbox.length === 1) setImmediate(() => this.#receive())
  }

  #receive(): void {
    const messages = this.#inbox
    this.#inbox = []
    this.#parts.orEnd(() => this.#parts.replica.receive(messages))
    this.#look()
  }

  /** What the replica has come to, as the lease and the main thread see it. */
  #look(): void {
    const { replica, vip } = this.#parts
    vip?.look(replica.status.confirmedRound)
    this.#tell(false)
  }

  /** On a planned move nobody is answered here any more before the other is elected. */
  async #handOver(message: RaftMessage): Promise<void> {
    const why = this.#resigning ?? this.#fitness.own?.why ?? 'an administrator asked for it'
    this.#leaves(`handed over (${why})`)
    this.#tell(true)
    await this.#parts.vip?.handOver()
    this.#parts.link.send(message.to, 'raft', encodeMessage(message))
  }

  /**
   * Of two the one whose id comes first dials. But who was away does not know who has joined since,
   * and leads perhaps; and nobody dials who was removed: whoever is missed for long is dialled too.
   */
  #meet(): void {
    const { link, self, nodes } = this.#parts
    const others = nodes().filter(({ id }) => id !== self.id)
    for (const { id } of others) {
      const missed = link.peers.includes(id) ? 0 : (this.#missed.get(id) ?? 0) + 1
      this.#missed.set(id, missed)
      if (missed > MISSED_AFTER_CHORES) this.#sought.add(id)
    }
    this.#dialled.follow(others.filter(({ id }) => id > self.id || this.#sought.has(id)))
    link.partWithUnknown()
  }

  #promote(): void {
    const { replica, host, orEnd } = this.#parts
    const { role, last, followers, membership } = replica.status
    const [learner] = membership.learners
    if (role !== 'leader' || learner === undefined) return
    const ready = followers.find(
      ({ id, state, match }) =>
        membership.learners.includes(id) && state === 'replicate' && last - match < NEARLY,
    )
    if (ready === undefined) return
    orEnd(() => {
      const refused = replica.ask((raft) =>
        changed(raft, {
          voters: [...membership.voters, ready.id],
          learners: membership.learners.filter((id) => id !== ready.id),
        }),
      )
      if (refused === undefined) host.log('info', 'node.promoted', { id: ready.id })
    })
  }

  /** Who leads, and had better not, hands over: that takes a tenth of an election. */
  #leaveToOthers(): void {
    const { status } = this.#parts.replica
    if (this.#fitness.own === undefined || status.role !== 'leader') return
    const to = successor(status, this.#peers, rankOf(this.#fitness.own.grade))
    if (to !== undefined) this.wish({ kind: 'transfer', to })
  }

  #isUp(id: NodeId): boolean {
    return id === this.#parts.self.id || this.#parts.link.peers.includes(id)
  }

  /** News at once; the rest now and then. */
  #tell(isDue: boolean): void {
    const { replica, vip, urgency, onStanding, host, link } = this.#parts
    const status = replica.status
    const holdsAddress = vip?.isHeld === true
    const isActive =
      status.role === 'leader' &&
      status.confirmedRound !== undefined &&
      (vip === undefined || holdsAddress)
    if (status.leader !== this.#leader) this.#newLeader(status)
    const news = `${status.role} ${status.term} ${status.leader} ${isActive} ${holdsAddress}`
    if (news === this.#told && !isDue) return
    this.#told = news
    const { id, role, term, leader, last, applied } = status
    const { compared, schema } = replica
    if (schema.inForce !== this.#schema)
      host.log('info', 'schema.in-force', { schema: schema.inForce })
    this.#schema = schema.inForce
    const logged = { id, role, term, leader, last, applied, compared, isActive }
    const standing = { ...logged, holdsAddress, unguarded: vip?.unguarded, urgency }
    onStanding({
      ...standing,
      schema,
      members: this.#membersOf(status),
      timeAhead: this.#clocks.time.ahead,
      isClockSure: this.#clocks.isSure,
      dismissed: link.dismissed,
      conflict: vip?.conflict,
      noSnapshot: role === 'leader' ? replica.trouble : undefined,
      why: this.#why,
      since: this.#since,
    })
    host.log('debug', 'member.standing', standing)
  }

  #newLeader({ leader, term, id }: RaftStatus): void {
    const { host } = this.#parts
    if (leader !== undefined) {
      const before = this.#succession.last
      const isConnected = (node: NodeId): boolean => this.#isUp(node)
      this.#why = this.#succession.elected({ leader, term, self: id, isConnected }, host.now())
      host.log('info', 'leader.changed', { leader, term, before, why: this.#why })
      this.#since = host.wall()
      this.#resigning = undefined
    }
    this.#leader = leader
  }

  /** The others know then why there is an election. */
  #leaves(why: string): void {
    const { host, link, self } = this.#parts
    this.#why = `this node ${why}`
    this.#succession.leaves(self.id, why, host.now())
    for (const peer of link.peers)
      if (!isServerId(peer)) link.send(peer, 'leaving', Buffer.from(why).subarray(0, WHY_MAX))
  }

  #membersOf(status: RaftStatus): readonly MemberStanding[] {
    const { membership } = status
    const { voters } = membership
    return members(membership).map((id) => {
      return {
        id,
        kind: voters.includes(id) ? 'voter' : 'learner',
        isConnected: this.#isUp(id),
        lag: this.#lags.of(id, status),
        unfit: this.#peers.unfit(id),
        clockAhead: this.#clocks.off(id),
        differs: this.#parts.differs(id),
      }
    })
  }
}

function textOf(data: Uint8Array): string {
  return Buffer.from(data.subarray(0, WHY_MAX)).toString()
}
