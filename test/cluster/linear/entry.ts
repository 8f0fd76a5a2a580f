//! One name in a directory: made unless it is there, removed if it is, and looked at. Pure.

import { check, IMPOSSIBLE, type Impossible, type Model, type Operation } from './checker.ts'

export type EntryInput =
  | { readonly kind: 'make'; readonly value: string }
  | { readonly kind: 'remove' }
  | { readonly kind: 'read' }
export type EntryOutput =
  | { readonly kind: 'done' }
  /** It was there already, or it was not there: nothing has changed. */
  | { readonly kind: 'refused' }
  | { readonly kind: 'value'; readonly value: string | undefined }

export type EntryOperation = Operation<EntryInput, EntryOutput> & { readonly key: string }

type State = string | undefined

export const entryModel: Model<State, EntryInput, EntryOutput> = {
  initial: undefined,
  step,
  nameOf: (state) => (state === undefined ? '-' : `=${state}`),
}

function step(
  state: State,
  input: EntryInput,
  output: EntryOutput | undefined,
): State | Impossible {
  const isThere = state !== undefined
  switch (input.kind) {
    case 'read':
      return output === undefined || (output.kind === 'value' && output.value === state)
        ? state
        : IMPOSSIBLE
    case 'make':
      return changed(!isThere, output, state, input.value)
    case 'remove':
      return changed(isThere, output, state, undefined)
  }
}

function changed(
  isAllowed: boolean,
  output: EntryOutput | undefined,
  before: State,
  after: State,
): State | Impossible {
  if (output === undefined) return isAllowed ? after : before
  if (output.kind === 'done') return isAllowed ? after : IMPOSSIBLE
  return output.kind === 'refused' && !isAllowed ? before : IMPOSSIBLE
}

/** Each key by itself: linearizable keys make a linearizable whole. What is wrong, readable. */
export function brokenKeys(history: readonly EntryOperation[]): readonly string[] {
  const byKey = Map.groupBy(history, ({ key }) => key)
  return [...byKey].flatMap(([key, operations]) => {
    const verdict = check(operations, entryModel)
    if (verdict.ok) return []
    const place = operations.indexOf(verdict.stuck as EntryOperation)
    const told = operations
      .toSorted((a, b) => a.called - b.called)
      .filter(({ called, returned, output }) => {
        const { stuck } = verdict
        const ends = output === undefined ? Infinity : returned
        return ends > stuck.called - 2_000 && called < stuck.returned
      })
    const what = verdict.undecided ? 'undecided at' : 'impossible:'
    const at = `${key}, ${what} operation ${place} of ${operations.length}`
    return [`${at}:\n${told.map(line).join('\n')}`]
  })
}

function line({ input, output, called, returned }: EntryOperation): string {
  const asked = input.kind === 'make' ? `make ${input.value}` : input.kind
  const times = `${called.toFixed(0)} to ${output === undefined ? '?' : returned.toFixed(0)}`
  return `  ${times}: ${asked} -> ${output === undefined ? 'unknown' : said(output)}`
}

function said(output: EntryOutput): string {
  return output.kind === 'value' ? (output.value ?? 'nothing') : output.kind
}
