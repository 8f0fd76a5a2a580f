//! How the four figures of RFC 3261 §17 are written down and run. A figure is a table: for each
//! state its timers and, for each event, the arrow: where it leads and what is done on the way.
//!
//! A state has at most two timers: one that repeats (A, E, G) and one that ends it (all others).
//! They are armed when a state is entered from another one. Only the first kind is left out on a
//! reliable transport. A timer of zero length is an arrow that is followed at once.
//!
//! Pure. A step allocates nothing: the actions of an arrow are one array, made when the figure was.

import { assert } from '../../base/assert.ts'
import { after, millis, type Millis } from '../../base/time.ts'

export type Repeat<Event> = {
  readonly event: Event
  readonly first: Millis
  readonly cap: Millis
  /** Goes on running from the state before; `first` counts from its next firing. */
  readonly running: boolean
}
export type Expiry<Event> = {
  readonly event: Event
  readonly unreliable: Millis
  readonly reliable: Millis
  readonly running: boolean
}
export type Arrow<State, Action> = readonly [to: State, ...actions: Action[]]
type Row<State, Event extends string, Action> = {
  readonly repeat?: Repeat<Event>
  readonly expiry?: Expiry<Event>
  readonly on: { readonly [event in Event]?: Arrow<State, Action> }
}
export type Rows<State extends string, Event extends string, Action> = {
  readonly [state in State]: Row<State, Event, Action>
}

const NEVER = Number.POSITIVE_INFINITY
/** In a machine, where a small whole number is cheaper to keep than infinity. */
const UNARMED: Millis = millis(-1)

/** Fires after `first`, then after twice as long, and so on up to `cap`. */
export function doubling<Event>(event: Event, first: Millis, cap = millis(NEVER)): Repeat<Event> {
  return { event, first, cap, running: false }
}

/** The repeating timer of the state before goes on, from now on every `interval`. */
export function stillEvery<Event>(event: Event, interval: Millis): Repeat<Event> {
  return { event, first: interval, cap: interval, running: true }
}

export function once<Event>(event: Event, delay: Millis, onReliable = delay): Expiry<Event> {
  return { event, unreliable: delay, reliable: onReliable, running: false }
}

/** The expiry of the state before goes on. */
export function still<Event>(event: Event): Expiry<Event> {
  return { event, unreliable: millis(NEVER), reliable: millis(NEVER), running: true }
}

type Node<State, Event extends string, Action> = {
  readonly name: State
  readonly repeat: Repeat<Event> | undefined
  readonly expiry: Expiry<Event> | undefined
  readonly arrows: ReadonlyMap<Event, Leg<State, Event, Action>>
}
type Leg<State, Event extends string, Action> = {
  readonly to: Node<State, Event, Action>
  readonly actions: readonly Action[]
}

export type Figure<State, Event extends string, Action> = {
  readonly start: Node<State, Event, Action>
  /** What is done on the way in. */
  readonly first: readonly Action[]
  /** All that any state has an arrow for. */
  readonly events: ReadonlySet<Event>
  readonly nodes: ReadonlyMap<string, Node<State, Event, Action>>
}

export function figure<State extends string, Event extends string, Action>(
  [start, ...first]: Arrow<State, Action>,
  rows: Rows<State, Event, Action>,
): Figure<State, Event, Action> {
  const nodes = new Map<string, Node<State, Event, Action>>()
  const events = new Set<Event>()
  const node = (name: State): Node<State, Event, Action> => {
    const known = nodes.get(name)
    if (known !== undefined) return known
    const { repeat, expiry, on } = rows[name]
    const arrows = new Map<Event, Leg<State, Event, Action>>()
    const made = { name, repeat, expiry, arrows }
    nodes.set(name, made)
    for (const event in on) {
      const arrow: Arrow<State, Action> | undefined = on[event]
      if (arrow === undefined) continue
      events.add(event)
      const [to, ...actions] = arrow
      arrows.set(event, { to: node(to), actions })
    }
    for (const timer of [repeat, expiry])
      assert(timer === undefined || arrows.has(timer.event), `${name}: no arrow for timer`)
    return made
  }
  return { start: node(start), first, events, nodes }
}

const NOTHING: readonly never[] = []

/** One walk through a figure. */
export class FigureMachine<State extends string, Event extends string, Action> {
  #node: Node<State, Event, Action>
  #reliable: boolean
  #interval: Millis = millis(0)
  #repeatAt: Millis = UNARMED
  #expireAt: Millis = UNARMED

  /** The caller does `figure.first`, unless the walk goes on from `at`: it began elsewhere. */
  constructor(plan: Figure<State, Event, Action>, reliable: boolean, now: Millis, at?: State) {
    const begun = at === undefined ? plan.start : plan.nodes.get(at)
    assert(begun !== undefined, `no way leads to ${at}`)
    this.#node = begun
    this.#reliable = reliable
    this.#enter(begun, now)
  }

  get state(): State {
    return this.#node.name
  }

  /** What was said may be lost from here on: the timers of the state begin anew. */
  distrust(now: Millis): void {
    if (!this.#reliable) return
    this.#reliable = false
    this.#enter(this.#node, now)
  }

  /** What to do; an event the state has no arrow for is ignored. */
  step(event: Event, now: Millis): readonly Action[] {
    const leg = this.#node.arrows.get(event)
    if (leg === undefined) return NOTHING
    if (leg.to !== this.#node) this.#enter(leg.to, now)
    return leg.actions
  }

  /** Fires the timer that is due, if one is. When both are, the state ends. */
  wake(now: Millis): readonly Action[] {
    const { repeat, expiry } = this.#node
    if (expiry !== undefined && isDue(this.#expireAt, now)) return this.step(expiry.event, now)
    if (repeat === undefined || !isDue(this.#repeatAt, now)) return NOTHING
    this.#interval = millis(
      repeat.running ? repeat.first : Math.min(this.#interval * 2, repeat.cap),
    )
    this.#repeatAt = after(now, this.#interval)
    return this.step(repeat.event, now)
  }

  deadline(): Millis | undefined {
    const repeatAt = this.#repeatAt
    const expireAt = this.#expireAt
    if (repeatAt === UNARMED) return expireAt === UNARMED ? undefined : expireAt
    return expireAt === UNARMED || repeatAt < expireAt ? repeatAt : expireAt
  }

  #enter(node: Node<State, Event, Action>, now: Millis): void {
    this.#node = node
    const { repeat, expiry } = node
    if (repeat === undefined || this.#reliable) this.#repeatAt = UNARMED
    else if (!repeat.running) {
      this.#interval = repeat.first
      this.#repeatAt = after(now, repeat.first)
    }
    if (expiry === undefined) this.#expireAt = UNARMED
    else if (!expiry.running) {
      const delay = this.#reliable ? expiry.reliable : expiry.unreliable
      const leg = node.arrows.get(expiry.event)
      if (delay === 0 && leg !== undefined && leg.actions.length === 0) this.#enter(leg.to, now)
      else this.#expireAt = after(now, delay)
    }
  }
}

function isDue(at: Millis, now: Millis): boolean {
  return at !== UNARMED && at <= now
}
