//! How a group goes over to the next schema: a leader puts that into the log once every member has
//! told that it knows it, and all apply it at that entry. Until then whatever release leads works
//! with the schema in force.

import type { NodeId, Term } from '../../raft/entry.ts'
import { members, type Membership } from '../../raft/membership.ts'
import type { RaftStatus } from '../../raft/raft.ts'
import { StoreFault } from '../errors.ts'
import { isRestoring } from '../schema/restore.ts'
import { migrateTo, newestOf, schemaVersion, type Release } from '../schema/version.ts'
import type { ReplicaDatabase } from './database.ts'
import type { StateDigest } from './state-digest.ts'

/** In the log. Proposed by a leader, and by nobody else. */
export type SchemaCommand = { readonly kind: 'schema.migrate'; readonly to: number }

/** How far the group is, as this node knows. */
export type SchemaStanding = {
  readonly inForce: number
  /** The newest that any member knows. */
  readonly newest: number
  /** Who does not know that one; `knows` undefined: it has not been heard of. */
  readonly waitsFor: readonly { readonly id: NodeId; readonly knows: number | undefined }[]
}

export type UpgradeParts = {
  readonly db: ReplicaDatabase
  readonly digest: StateDigest
  readonly release: Release
  /** The newest schema that another member has told it knows; undefined: it is not heard of. */
  readonly knows: (member: NodeId) => number | undefined
}

export class Upgrade {
  readonly #parts: UpgradeParts
  readonly #newest: number
  #inForce: number
  /** On its way through the log. */
  #proposed: { readonly term: Term; readonly to: number } | undefined

  constructor(parts: UpgradeParts) {
    this.#parts = parts
    this.#newest = newestOf(parts.release)
    this.#inForce = schemaVersion(parts.db)
  }

  /** The schema in force is not this release's newest. */
  get isDue(): boolean {
    return this.#inForce < this.#newest
  }

  /** What whoever becomes a member has to know: in force, or about to be. */
  get promised(): number {
    return Math.max(this.#inForce, this.#proposed?.to ?? 0)
  }

  standing({ id, membership }: RaftStatus): SchemaStanding {
    const known = this.#known(membership, id)
    const newest = Math.max(this.#inForce, ...known.map(({ knows }) => knows ?? 0))
    const waitsFor = known.filter(({ knows = 0 }) => knows < newest)
    return { inForce: this.#inForce, newest, waitsFor }
  }

  /** What a leader has to propose; undefined while that is nothing. */
  next({ id, term, membership }: RaftStatus): SchemaCommand | undefined {
    if (!this.isDue || this.#proposed?.term === term) return undefined
    const to = Math.min(...this.#known(membership, id).map(({ knows = 0 }) => knows))
    // Rows that wait to be restored are of the schema in force.
    if (to <= this.#inForce || isRestoring(this.#parts.db)) return undefined
    return { kind: 'schema.migrate', to }
  }

  /** It is in the log. */
  proposed({ to }: SchemaCommand, term: Term): void {
    this.#proposed = { term, to }
  }

  /** Within the transaction. Nothing, on all replicas alike, when the state does not allow it. */
  apply({ to }: SchemaCommand): void {
    this.#proposed = undefined
    if (to <= this.#inForce || isRestoring(this.#parts.db)) return
    if (to > this.#newest) throw newerSchema(to, this.#newest)
    this.raise(to)
  }

  /** To that of a snapshot, say; within the transaction. */
  raise(to: number): void {
    const { db, digest, release } = this.#parts
    if (to === this.#inForce) return
    digest.migrated(() => migrateTo(db, release, to))
    this.#inForce = to
  }

  #known(membership: Membership, self: NodeId): SchemaStanding['waitsFor'] {
    const knows = (id: NodeId): number | undefined =>
      id === self ? this.#newest : this.#parts.knows(id)
    return members(membership).map((id) => ({ id, knows: knows(id) }))
  }
}

function newerSchema(to: number, known: number): StoreFault {
  const found = `the log goes over to schema ${to}, this release knows ${known}`
  return new StoreFault('newer-schema', `${found}: start the release of the other nodes here`)
}
