//! Bugs that others have had, one edit each. Something has to find every one of them.

export type Planted = {
  readonly name: string
  readonly file: string
  readonly find: string
  readonly replace: string
}

/** Found by worlds of Raft alone, in a few hundred of them. */
export const BY_RAFT_WORLDS: readonly Planted[] = [
  {
    name: 'votes twice in a term',
    file: 'src/raft/election.ts',
    find: 'const isFree = state.vote === from ||',
    replace: 'const isFree = true || state.vote === from ||',
  },
  {
    name: 'skips the fsync of entries, terms and votes',
    file: 'src/raft/gather.ts',
    find: 'mustSync: entries.length > 0 || snapshot !== undefined || promises',
    replace: 'mustSync: false',
  },
  {
    name: 'skips the fsync of a vote',
    file: 'src/raft/gather.ts',
    find: 'mustSync: entries.length > 0 || snapshot !== undefined || promises',
    replace: 'mustSync: entries.length > 0 || snapshot !== undefined',
  },
  {
    name: 'votes for a log that is behind',
    file: 'src/raft/raft-log.ts',
    find: 'return lastIndex >= this.last',
    replace: 'return lastIndex >= 0',
  },
  {
    name: 'counts half of the voters as most',
    file: 'src/raft/quorum.ts',
    find: 'values[values.length >> 1]',
    replace: 'values[(values.length - 1) >> 1]',
  },
  {
    name: 'takes half of the votes for a victory',
    file: 'src/raft/quorum.ts',
    find: 'const needed = (voters.length >> 1) + 1',
    replace: 'const needed = (voters.length + 1) >> 1',
  },
  {
    name: 'acknowledges entries before they are stored',
    file: 'src/raft/following.ts',
    find: 'match = entries.at(-1)?.index ?? previousIndex',
    replace: `match = entries.at(-1)?.index ?? previousIndex
  const early = { from: state.options.id, to: from, term: state.term }
  state.out.early.push({ kind: 'append-answer', match, ...early })`,
  },
  {
    name: 'takes out what a late message does not mention',
    file: 'src/raft/raft-log.ts',
    find: 'if (this.term(entry.index) === entry.term) continue',
    replace: 'if (this.term(entry.index) === entry.term && place > 0) continue',
  },
  {
    name: 'reads what it knows without asking whether it still leads',
    file: 'src/raft/reads.ts',
    find: 'if (confirmedRound === undefined || round > confirmedRound) return true',
    replace: '',
  },
  {
    name: 'reads before an entry of its own term is committed',
    file: 'src/raft/reads.ts',
    find: 'if (log.term(log.committed) !== term) return',
    replace: '',
  },
  {
    name: 'votes against a leader that it has just heard',
    file: 'src/raft/raft-state.ts',
    find: 'return leading !== undefined || ticks - heardAt < options.electionMinTicks',
    replace: 'return leading !== undefined && ticks - heardAt < options.electionMinTicks',
  },
  {
    name: 'has a lease that is longer than an election takes',
    file: 'test/sim/cluster/lease.ts',
    find: 'const LEASE = millis(200)',
    replace: 'const LEASE = millis(900)',
  },
  {
    name: 'renews a lease that has expired',
    file: 'test/sim/cluster/lease.ts',
    find: 'if (now >= (kind ===',
    replace: 'if (now < 0 && now >= (kind ===',
  },
]

const REPLICA = 'src/store/replica/replica.ts'
const UPGRADE = 'src/store/replica/upgrade.ts'
const SNAPSHOTS = 'src/store/replica/snapshot-files.ts'

/** Found by worlds of production replicas. */
export const BY_REPLICA_WORLDS: readonly Planted[] = [
  {
    name: 'notes what was applied in another transaction than it applies in',
    file: REPLICA,
    find: 'if (isToStore(ready)) db.transaction(() => this.#store(ready, schema))',
    replace: `const known = db.get('SELECT applied_index, applied_term, digest FROM replica') ?? {}
    const last = ready.committed.at(-1)
    if (isToStore(ready))
      db.transaction(() => {
        this.#store(ready, schema)
        const set = 'UPDATE replica SET applied_index = ?, applied_term = ?, digest = ?'
        if (last !== undefined && snapshot === undefined) db.run(set, ...Object.values(known))
      })
    if (last !== undefined) {
      const { value } = this.#parts.digest
      db.transaction(() => setApplied(db, { index: last.index, term: last.term, digest: value }))
    }`,
  },
  {
    name: 'alone, leaves entries out of a log that has others yet',
    file: REPLICA,
    find: 'return isEmpty && isAll &&',
    replace: 'return isAll &&',
  },
  {
    name: 'tells the others before it is on disk',
    file: REPLICA,
    find: 'if (ready.early.length > 0) send(ready.early)',
    replace: 'send([...ready.early, ...ready.messages])',
  },
  {
    name: 'forgets which intents it has seen',
    file: REPLICA,
    find: '    remember(db, key, index, refusal)\n',
    replace: '',
  },
  {
    name: 'leaves those waiting whose leader has lost its office',
    file: REPLICA,
    find: "own.slot.outcome = { failure: 'timeout' }",
    replace: '',
  },
  {
    name: 'takes over a snapshot without the intents in it',
    file: SNAPSHOTS,
    find: 'for (const table of replicatedTables(this.#db)) {',
    replace: `for (const table of replicatedTables(this.#db)) {
      if (table === 'idempotency') continue`,
  },
  {
    name: 'takes over a snapshot without its index',
    file: SNAPSHOTS,
    find: 'for (const table of replicatedTables(this.#db)) {',
    replace: `for (const table of replicatedTables(this.#db)) {
      if (table === 'replica') continue`,
  },
  {
    name: 'takes over what a snapshot has, and keeps what it has not',
    file: SNAPSHOTS,
    find: '      this.#db.run(`DELETE FROM main.${table}`)\n',
    replace: '',
  },
  {
    name: 'stores entries in the wrong place',
    file: 'src/store/replica/log-storage.ts',
    find: 'this.#drop(({ index }) => index >= first.index)',
    replace: '',
  },
  {
    name: 'applies what another node applies otherwise',
    file: 'src/store/schema/call.ts',
    find: '        command.snapshot,\n        command.at,',
    replace: '        command.snapshot,\n        Math.floor(performance.now()),',
  },
  {
    name: 'commits without syncing the log',
    file: 'src/store/database.ts',
    find: "database.pragma('synchronous = FULL')",
    replace: "database.pragma('synchronous = NORMAL')",
  },
  {
    name: 'a disk without room for a copy ends the process',
    file: SNAPSHOTS,
    find: 'if (!isOfCopy(error)) return onFault(error)',
    replace: 'return onFault(error)',
  },
  {
    name: 'a snapshot is read from the wrong place',
    file: SNAPSHOTS,
    find: 'readSync(current.file, data, 0, data.length, offset)',
    replace: 'readSync(current.file, data, 0, data.length, 0)',
  },
  {
    name: 'upgrade: each node goes over to the next schema by itself when it opens its database',
    file: 'src/store/schema/version.ts',
    find: 'if (found < BASELINE) db.transaction(() => migrateTo(db, release, BASELINE))',
    replace: 'if (found < newest) db.transaction(() => migrateTo(db, release, newest))',
  },
  {
    name: 'upgrade: goes over when one member knows the next schema',
    file: UPGRADE,
    find: 'const to = Math.min(',
    replace: 'const to = Math.max(',
  },
  {
    name: 'upgrade: takes who is not heard of for one that knows the next schema',
    file: UPGRADE,
    find: '({ knows = 0 }) => knows))',
    replace: '({ knows = this.#newest }) => knows))',
  },
  {
    name: 'upgrade: keeps the digest of the rows of tables that have gone',
    file: 'src/store/replica/state-digest.ts',
    find: '      this.#count(table, -1)\n',
    replace: '',
  },
  {
    name: 'upgrade: the digest leaves out tables that were made anew',
    file: 'src/store/replica/state-digest.ts',
    find: '!marks.has(`mark_${table} ${table}`) ||',
    replace: '',
  },
  {
    name: 'upgrade: the digest leaves out the columns that have come',
    file: 'src/store/replica/state-digest.ts',
    find: ' || String(columnsOf(db, table)) !== String(columns)',
    replace: '',
  },
]

/** Found by worlds of call managers. */
export const BY_CALL_WORLDS: readonly Planted[] = [
  {
    name: 'goes on in a dialog with the CSeqs that its predecessor may have used',
    file: 'src/sip/dialog/dialog.ts',
    find: '  const gap = SUCCESSOR_GAP + Math.ceil(age / REQUEST_MS)\n',
    replace: '  const gap = 0\n',
  },
  {
    name: 'answers the caller before that is committed',
    file: 'roles/call-manager/call/answer.ts',
    find: "  call.save({ kind: 'answer-saved' })",
    replace: `  call.save(undefined)
  answerSaved(call, true)`,
  },
  {
    name: 'writes the record of a call, and leaves the call',
    file: 'src/store/schema/call.ts',
    find: "      db.run('DELETE FROM calls WHERE call = ?', command.id)\n",
    replace: '',
  },
  {
    name: 'tells a phone that has answered nothing of the media that replaced a lost server',
    file: 'roles/call-manager/call/inherit.ts',
    find: '  branch.outdated = branch.told !== 0\n',
    replace: '  branch.outdated = false\n',
  },
  {
    name: 'takes a connection to a media server for the one that it replaces',
    file: 'roles/media/remote-server.ts',
    find: 'if (this.#isHere) {\n      this.#isHere = false\n      this.#awaySince',
    replace: 'if (this.#isHere && !isUp) {\n      this.#isHere = false\n      this.#awaySince',
  },
]

/** They take a coincidence that a world in thousands has; a script below `script` stands for it. */
export const BY_SCRIPTS: readonly (Planted & { readonly script: string })[] = [
  {
    name: 'a membership that was taken back stays in force',
    file: 'src/raft/raft-log.ts',
    script: 'test/raft',
    find: 'this.#memberships = this.#memberships.filter(({ index }) => index < from)',
    replace: '',
  },
  {
    name: 'commits entries of an older term by counting',
    file: 'src/raft/replication.ts',
    script: 'test/raft',
    find: ' || log.term(index) !== state.term) return',
    replace: ') return',
  },
  {
    name: 'changes the membership while the last change is not committed',
    file: 'src/raft/change.ts',
    script: 'test/raft',
    find: "if (log.membershipIndex > log.committed) return { refused: 'one at a time' }",
    replace: '',
  },
  {
    name: 'forgets in a restart that it has heard a leader',
    file: 'src/raft/raft.ts',
    script: 'test/raft',
    find: 'heardAt: 0,',
    replace: 'heardAt: -1_000,',
  },
  {
    name: 'waits for ever for a follower that died in the middle of a snapshot',
    file: 'src/raft/snapshots.ts',
    script: 'test/raft',
    find: 'ticks - sending.heardAt >= patience',
    replace: 'ticks < sending.heardAt',
  },
  {
    name: 'keeps the lease after it has handed over',
    file: 'src/raft/raft.ts',
    script: 'test/raft',
    find: 'leading !== undefined && leading.transfer?.told !== true && ',
    replace: 'leading !== undefined && ',
  },
  {
    name: 'counts the lease from the answer, not from the question',
    file: 'src/cluster/vip/lease.ts',
    script: 'test/cluster/vip/lease',
    find: 'after(began, this.#lease)',
    replace: 'after(now, this.#lease)',
  },
  {
    name: 'goes on telling phones of media that was lost meanwhile',
    file: 'roles/call-manager/call/join.ts',
    script: 'test/ladder',
    find: 'isLost: true,',
    replace: 'isLost: false,',
  },
  {
    name: 'takes who is not back from a connection that broke for gone',
    file: 'roles/call-manager/call/reach.ts',
    script: 'test/ladder',
    find: 'UNREACHED.has(status) && call.now < awaitedUntil(call, leg)',
    replace: 'status === 0 && call.now < awaitedUntil(call, leg)',
  },
  {
    name: 'moves a leg to another call before that is committed',
    file: 'roles/call-manager/call/takeover.ts',
    script: 'test/ladder',
    find: "  call.save({ kind: 'taken-saved', from })\n",
    replace: '  call.save(undefined)\n  takenSaved(call, from)\n',
  },
]
