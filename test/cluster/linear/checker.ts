//! Whether a history of operations could have happened one after the other, each at some moment
//! between its call and its return (Wing and Gong 1993, with Lowe's memory of what was tried).
//! Pure.
//!
//! An operation of unknown outcome has no return: it may have happened at any time after its call,
//! or never.

export type Operation<Input, Output> = {
  readonly input: Input
  /** Undefined: unknown. */
  readonly output: Output | undefined
  readonly called: number
  /** Nobody looks at it when the outcome is unknown. */
  readonly returned: number
}

export type Model<State, Input, Output> = {
  readonly initial: State
  /** The state afterwards, or `IMPOSSIBLE`. Whatever is unknown is possible. */
  readonly step: (state: State, input: Input, output: Output | undefined) => State | Impossible
  /** Equal for equal states. */
  readonly nameOf: (state: State) => string
}

export const IMPOSSIBLE = Symbol('impossible')
export type Impossible = typeof IMPOSSIBLE

/**
 * `stuck`: the first operation, by its return, that nothing that was tried could go beyond. It is
 * `undecided` when not everything could be tried: then the history is too long for what is unknown.
 */
export type Verdict<Input, Output> =
  | { readonly ok: true }
  | {
      readonly ok: false
      readonly undecided: boolean
      readonly stuck: Operation<Input, Output>
    }

/** Places in the search that are remembered: some hundred megabytes. */
const TRIED_MAX = 1_000_000

type Event = {
  /** Place of the operation in the history. */
  readonly place: number
  /** Of a call that returned. */
  readonly end: Event | undefined
  readonly isCall: boolean
  before: Event | undefined
  next: Event | undefined
}

/** `isFree`: it changed nothing, so that taking it as soon as it can be is never wrong. */
type Taken<State> = { readonly event: Event; readonly before: State; readonly isFree: boolean }

export function check<State, Input, Output>(
  history: readonly Operation<Input, Output>[],
  model: Model<State, Input, Output>,
): Verdict<Input, Output> {
  const head = eventsOf(history)
  const tried = new Set<string>()
  const taken: Taken<State>[] = []
  let [state, done, furthest] = [model.initial, 0n, -1]
  for (let event = head.next; event !== undefined && tried.size < TRIED_MAX;) {
    const operation = history[event.place]
    if (operation === undefined) throw new Error('each event is of an operation')
    if (!event.isCall) {
      // It has returned and nothing allows it: what was taken last was wrong.
      if (furthest === -1 || operation.returned > (history[furthest]?.returned ?? 0))
        furthest = event.place
      let last: Taken<State> | undefined
      do {
        last = taken.pop()
        if (last === undefined) break
        ;[state, done] = [last.before, done ^ (1n << BigInt(last.event.place))]
        putBack(last.event)
      } while (last.isFree)
      event = last?.event.next
      continue
    }
    const after = model.step(state, operation.input, operation.output)
    const then = done | (1n << BigInt(event.place))
    const isIdle = after !== IMPOSSIBLE && model.nameOf(after) === model.nameOf(state)
    if (
      after === IMPOSSIBLE ||
      // Of unknown outcome: it may as well happen later.
      (isIdle && operation.output === undefined) ||
      wasTried(tried, `${then.toString(36)} ${model.nameOf(after)}`)
    ) {
      event = event.next
      continue
    }
    taken.push({ event, before: state, isFree: isIdle })
    takeOut(event)
    ;[state, done, event] = [after, then, head.next]
  }
  // Whatever returned has been taken out, or else its return would have been met.
  if (isThrough(head)) return { ok: true }
  const stuck = history[furthest]
  if (stuck === undefined) throw new Error('it was stuck somewhere')
  return { ok: false, undecided: tried.size >= TRIED_MAX, stuck }
}

function isThrough(head: Event): boolean {
  for (let event = head.next; event !== undefined; event = event.next)
    if (!event.isCall) return false
  return true
}

function wasTried(tried: Set<string>, name: string): boolean {
  if (tried.has(name)) return true
  tried.add(name)
  return false
}

/** Calls and returns by time, behind a head of no meaning. */
function eventsOf<Input, Output>(history: readonly Operation<Input, Output>[]): Event {
  const timed = history.flatMap(({ output, called, returned }, place) => {
    const end: Event | undefined =
      output === undefined
        ? undefined
        : { place, end: undefined, isCall: false, before: undefined, next: undefined }
    const call: Event = { place, end, isCall: true, before: undefined, next: undefined }
    const begun = { at: called, event: call }
    return end === undefined ? [begun] : [begun, { at: returned, event: end }]
  })
  // Those of one moment count as being at the same time: calls first.
  timed.sort((a, b) => a.at - b.at || Number(b.event.isCall) - Number(a.event.isCall))
  const head: Event = {
    place: -1,
    end: undefined,
    isCall: true,
    before: undefined,
    next: undefined,
  }
  let last = head
  for (const { event } of timed) {
    ;[last.next, event.before] = [event, last]
    last = event
  }
  return head
}

function takeOut(call: Event): void {
  for (const event of [call, call.end]) {
    if (event?.before !== undefined) event.before.next = event.next
    if (event?.next !== undefined) event.next.before = event.before
  }
}

/** The last that was taken out: its neighbours are those that it had. */
function putBack(call: Event): void {
  for (const event of [call.end, call]) {
    if (event?.before !== undefined) event.before.next = event
    if (event?.next !== undefined) event.next.before = event
  }
}
