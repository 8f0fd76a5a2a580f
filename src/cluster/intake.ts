//! What servers say, on its way from the thread that keeps the lease to the one that serves: in
//! batches, of each server one at a time. What comes while that is worked off makes the next one;
//! when it is more than a batch, the server is not read until then. So neither thread ever has more
//! before it than it can do, and a server that floods makes only itself wait. Pure.

import type { NodeId } from '../control/ids.ts'

const FRAMES_MAX = 256
/** One frame may be longer: then it is a batch by itself. */
const BYTES_MAX = 256 << 10

/** Frames end to end, and where each ends. Both buffers are its own. */
export type Batch = {
  readonly from: NodeId
  readonly data: Uint8Array<ArrayBuffer>
  readonly ends: Uint32Array<ArrayBuffer>
}

export type IntakeParts = {
  readonly post: (batch: Batch) => void
  /** Nothing more of it is to be read, or again. */
  readonly hold: (server: NodeId, isHeld: boolean) => void
}

type Lane = { frames: Uint8Array[]; bytes: number; isPosted: boolean; isHeld: boolean }

export class Intake {
  readonly #parts: IntakeParts
  readonly #lanes = new Map<NodeId, Lane>()

  constructor(parts: IntakeParts) {
    this.#parts = parts
  }

  take(from: NodeId, frame: Uint8Array): void {
    const lane = this.#lanes.get(from) ?? newLane()
    this.#lanes.set(from, lane)
    lane.frames.push(frame)
    lane.bytes += frame.length
    this.#goOn(from, lane)
  }

  /** Its batch has been worked off. */
  heard(from: NodeId): void {
    const lane = this.#lanes.get(from)
    if (lane === undefined) return
    lane.isPosted = false
    if (lane.frames.length === 0) this.#lanes.delete(from)
    else this.#goOn(from, lane)
  }

  /** Its connection is another now, or gone: it says again what matters. */
  begin(from: NodeId): void {
    const lane = this.#lanes.get(from)
    // A batch may be under way still.
    if (lane !== undefined) this.#lanes.set(from, { ...newLane(), isPosted: lane.isPosted })
  }

  #goOn(from: NodeId, lane: Lane): void {
    if (!lane.isPosted) {
      lane.isPosted = true
      this.#parts.post(batchOf(from, lane))
    }
    const isHeld = lane.frames.length > FRAMES_MAX || lane.bytes > BYTES_MAX
    if (isHeld === lane.isHeld) return
    lane.isHeld = isHeld
    this.#parts.hold(from, isHeld)
  }
}

function newLane(): Lane {
  return { frames: [], bytes: 0, isPosted: false, isHeld: false }
}

/** Takes the first of what waits. */
function batchOf(from: NodeId, lane: Lane): Batch {
  let bytes = 0
  const over = lane.frames.findIndex((frame, place) => {
    bytes += frame.length
    return place === FRAMES_MAX || (place > 0 && bytes > BYTES_MAX)
  })
  const frames = lane.frames.splice(0, over === -1 ? lane.frames.length : over)
  const ends = new Uint32Array(frames.length)
  let end = 0
  for (const [place, frame] of frames.entries()) ends[place] = end += frame.length
  const data = new Uint8Array(end)
  for (const [place, frame] of frames.entries()) data.set(frame, (ends[place] ?? 0) - frame.length)
  lane.bytes -= end
  return { from, data, ends }
}

/** As they came; parts of the batch. */
export function framesOf({ data, ends }: Omit<Batch, 'from'>): readonly Uint8Array[] {
  return Array.from(ends, (end, place) => data.subarray(ends[place - 1] ?? 0, end))
}
