//! Raft's messages as bytes, for the peer link. Whoever can send them is a member of the cluster,
//! proved by its certificate; what cannot be read is dropped all the same, and counted.

import { ByteReader, ByteWriter } from '../../base/bytes.ts'
import { logIndex, term, type Entry, type NodeId, type Payload } from '../../raft/entry.ts'
import type { Membership } from '../../raft/membership.ts'
import type { Content, RaftMessage, Snapshot } from '../../raft/message.ts'

/** Their places are what is sent: new ones go to the end. */
const KINDS = [
  'pre-vote',
  'pre-vote-answer',
  'vote',
  'vote-answer',
  'append',
  'append-answer',
  'append-refused',
  'heartbeat',
  'heartbeat-answer',
  'snapshot',
  'snapshot-answer',
  'timeout-now',
] as const satisfies readonly RaftMessage['kind'][]

export function encodeMessage(message: RaftMessage): Uint8Array {
  const out = new ByteWriter()
  out.number(KINDS.indexOf(message.kind))
  out.text(message.from).text(message.to).number(message.term)
  writeContent(out, message)
  return out.done()
}

/** Undefined when it is none, or of a kind that this release does not know. */
export function decodeMessage(bytes: Uint8Array): RaftMessage | undefined {
  const from = new ByteReader(bytes)
  const kind = KINDS[from.number()]
  if (kind === undefined) return undefined
  const addressed = {
    from: from.text() as NodeId,
    to: from.text() as NodeId,
    term: term(from.number()),
  }
  const message: RaftMessage = { ...readContent(from, kind), ...addressed }
  return from.isThrough ? message : undefined
}

function writeContent(out: ByteWriter, content: Content): void {
  switch (content.kind) {
    case 'pre-vote':
      return void out.number(content.lastIndex).number(content.lastTerm)
    case 'vote':
      return void out.number(content.lastIndex).number(content.lastTerm).number(+content.asked)
    case 'pre-vote-answer':
    case 'vote-answer':
      return void out.number(+content.granted)
    case 'append': {
      const { previousIndex, previousTerm, commit, entries } = content
      out.number(previousIndex).number(previousTerm).number(commit).number(entries.length)
      for (const entry of entries) writeEntry(out, entry)
      return
    }
    case 'append-answer':
      return void out.number(content.match)
    case 'append-refused': {
      const { previousIndex, hintIndex, hintTerm } = content
      return void out.number(previousIndex).number(hintIndex).number(hintTerm)
    }
    case 'heartbeat':
      return void out.number(content.round).number(content.commit)
    case 'heartbeat-answer':
      return void out.number(content.round)
    case 'snapshot': {
      writeSnapshot(out, content.snapshot)
      return void out.number(content.offset).bytes(content.data)
    }
    case 'snapshot-answer':
      return void out.number(content.index).number(content.offset)
    case 'timeout-now':
      return
  }
}

function readContent(from: ByteReader, kind: RaftMessage['kind']): Content {
  const index = () => logIndex(from.number())
  const ofTerm = () => term(from.number())
  const flag = () => from.number() === 1
  switch (kind) {
    case 'pre-vote':
      return { kind, lastIndex: index(), lastTerm: ofTerm() }
    case 'vote':
      return { kind, lastIndex: index(), lastTerm: ofTerm(), asked: flag() }
    case 'pre-vote-answer':
    case 'vote-answer':
      return { kind, granted: flag() }
    case 'append': {
      const [previousIndex, previousTerm, commit] = [index(), ofTerm(), index()]
      return {
        kind,
        previousIndex,
        previousTerm,
        commit,
        entries: from.list(() => readEntry(from)),
      }
    }
    case 'append-answer':
      return { kind, match: index() }
    case 'append-refused':
      return { kind, previousIndex: index(), hintIndex: index(), hintTerm: ofTerm() }
    case 'heartbeat':
      return { kind, round: from.number(), commit: index() }
    case 'heartbeat-answer':
      return { kind, round: from.number() }
    case 'snapshot':
      return { kind, snapshot: readSnapshot(from), offset: from.number(), data: from.bytes() }
    case 'snapshot-answer':
      return { kind, index: index(), offset: from.number() }
    case 'timeout-now':
      return { kind }
  }
}

const PAYLOADS = ['empty', 'command', 'membership'] as const satisfies readonly Payload['kind'][]

function writeEntry(out: ByteWriter, { index, term: of, payload }: Entry): void {
  out.number(index).number(of).number(PAYLOADS.indexOf(payload.kind))
  if (payload.kind === 'command') out.bytes(payload.data)
  if (payload.kind === 'membership') writeMembership(out, payload.membership)
}

function readEntry(from: ByteReader): Entry {
  const [index, of] = [logIndex(from.number()), term(from.number())]
  return { index, term: of, payload: readPayload(from) }
}

function readPayload(from: ByteReader): Payload {
  const kind = PAYLOADS[from.number()]
  // It outlives the frame it came in; `slice` of a Buffer would be a view.
  if (kind === 'command') return { kind, data: new Uint8Array(from.bytes()) }
  if (kind === 'membership') return { kind, membership: readMembership(from) }
  if (kind === undefined) from.fail()
  return { kind: 'empty' }
}

function writeSnapshot(out: ByteWriter, { index, term: of, membership, size }: Snapshot): void {
  out.number(index).number(of).number(size)
  writeMembership(out, membership)
}

function readSnapshot(from: ByteReader): Snapshot {
  const [index, of, size] = [logIndex(from.number()), term(from.number()), from.number()]
  return { index, term: of, size, membership: readMembership(from) }
}

function writeMembership(out: ByteWriter, { voters, learners }: Membership): void {
  for (const ids of [voters, learners]) {
    out.number(ids.length)
    for (const id of ids) out.text(id)
  }
}

function readMembership(from: ByteReader): Membership {
  const ids = () => from.list(() => from.text() as NodeId)
  return { voters: ids(), learners: ids() }
}
