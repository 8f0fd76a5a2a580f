//! What the replica's thread and the main thread of a node say about the cluster. The first has the
//! clock, the peers and the virtual address; the second serves while the first says so.

import type { Fields, LogLevel } from '../base/host.ts'
import type { NodeId } from '../control/ids.ts'
import type { Urgency } from '../native/priority.ts'
import type { SchemaStanding } from '../store/replica/upgrade.ts'
import type { Concern, Unfit } from './fitness.ts'
import type { FlowNews } from './flows.ts'
import type { Batch } from './intake.ts'
import type { JoinAnswer, JoinRequest } from './join/messages.ts'
import type { SharedSettings } from './peer-settings.ts'
import type { ClusterFiles } from './settings.ts'

/** Given to the thread when it begins. */
export type MemberSettings = {
  readonly cluster: ClusterFiles
  /** Milliseconds: for so long the main thread may be silent while it serves. */
  readonly patience: number
  /** An administrator has drained it, before it began anew. */
  readonly isDrained: boolean
  /** That should be the same on all nodes. */
  readonly shared: SharedSettings
}

export type Standing = {
  readonly id: NodeId
  readonly role: 'follower' | 'pre-candidate' | 'candidate' | 'leader'
  readonly term: number
  readonly leader: NodeId | undefined
  readonly last: number
  readonly applied: number
  /** The newest entry after which the state here was found to be the leader's; 0 for none. */
  readonly compared: number
  readonly schema: SchemaStanding
  /** This node is to serve: it leads, and has the address where there is one. */
  readonly isActive: boolean
  readonly holdsAddress: boolean
  /**
   * Why the kernel itself does not keep a node that was stopped from answering at the address;
   * undefined where it does.
   */
  readonly unguarded?: string | undefined
  /** By how many milliseconds the time of the cluster is ahead of the wall clock here. */
  readonly timeAhead: number
  /** Other nodes say what the wall clock of this one says. */
  readonly isClockSure: boolean
  /** Of the thread that keeps the lease. */
  readonly urgency: Urgency
  readonly members: readonly MemberStanding[]
  /** Why this node is no member any more, as one that is has told it. */
  readonly dismissed?: string | undefined
  /** Who else has the virtual address, and what to do. */
  readonly conflict?: string | undefined
  /** As leader: why who is too far behind is not brought up to date. */
  readonly noSnapshot?: string | undefined
  /** Of the last change of the leader, as seen from here. */
  readonly why: string
  /** When that was, in milliseconds since 1970. */
  readonly since: number
}

export type MemberStanding = {
  readonly id: NodeId
  readonly kind: 'voter' | 'learner'
  /** Whether there is a connection to it; true of oneself. */
  readonly isConnected: boolean
  /** Entries that it is behind, as who leads knows it, or has told. */
  readonly lag: number | undefined
  /** Why it had better not serve. */
  readonly unfit: Unfit | undefined
  /** By how many milliseconds its wall clock is ahead of those of most, where they differ. */
  readonly clockAhead: number | undefined
  /** What is other in its settings than here, and should not be. */
  readonly differs?: string | undefined
}

/** Of each node, by its id: chunks of files that it holds, and that it has not yet. */
export type FileStandings = ReadonlyMap<string, { readonly held: number; readonly missing: number }>

export type FromMember =
  | { readonly kind: 'standing'; readonly standing: Standing }
  | { readonly kind: 'ping' }
  | { readonly kind: 'join'; readonly id: number; readonly request: JoinRequest }
  | { readonly kind: 'done'; readonly id: number; readonly refused: string | undefined }
  /** A server of another role has connected, or is gone. */
  | { readonly kind: 'server-link'; readonly peer: NodeId; readonly isUp: boolean }
  | { readonly kind: 'files'; readonly standings: FileStandings }
  /** What it says; answered by `server-heard`. */
  | ({ readonly kind: 'from-server' } & Batch)
  | {
      readonly kind: 'log'
      readonly level: LogLevel
      readonly event: string
      readonly fields: Fields | undefined
    }

/** What the main thread knows of. */
export type MainConcern = Extract<Concern, 'ports' | 'moved'>

export type ToMember =
  | { readonly kind: 'pong' }
  /** What serves is open, or not any more. */
  | { readonly kind: 'serving'; readonly isServing: boolean }
  /** Why this node had better not serve, as the main thread sees it; undefined when it may. */
  | { readonly kind: 'unfit'; readonly concern: MainConcern; readonly why: string | undefined }
  | { readonly kind: 'join-answer'; readonly id: number; readonly answer: JoinAnswer }
  | { readonly kind: 'to-server'; readonly to: NodeId; readonly data: Uint8Array }
  | { readonly kind: 'server-heard'; readonly from: NodeId }
  | { readonly kind: 'ask'; readonly id: number; readonly wish: Wish }
  | { readonly kind: 'flows'; readonly news: FlowNews }

export type Wish =
  /** `schema`: the newest that it knows. */
  | { readonly kind: 'add'; readonly node: NodeId; readonly schema: number }
  | { readonly kind: 'remove'; readonly node: NodeId }
  /** Undefined: to whoever is best, of those that are fit to serve. */
  | { readonly kind: 'transfer'; readonly to: NodeId | undefined }
  /** To whoever is best, fit or not, and not back again: this node is being stopped. */
  | { readonly kind: 'hand-over' }
  /** Forced: also when nobody could take over. */
  | { readonly kind: 'drain'; readonly isDrained: boolean; readonly isForced: boolean }
  /** Gives up the address and goes; `done` when nobody is answered any more. */
  | { readonly kind: 'leave' }
