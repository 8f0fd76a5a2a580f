//! Golden-script tests: `command args` (a heredoc body may follow, each line begun with a tab) /
//! `----` / expected output, blank line between cases. REWRITE=1 accepts the new output; the diff
//! is the review.

import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

export type Command = {
  readonly name: string
  readonly words: readonly string[]
  /** Lines after the command line that began with a tab, without it. */
  readonly body: readonly string[]
  readonly arg: (key: string) => string | undefined
}

type Case = { readonly comment: string; readonly head: readonly string[] }

/** Answers one command; where virtual time and promises mix, later. */
export type Handler = (command: Command) => string | Promise<string>

/** Runs every `*.txt` under `directory`; `open` makes a fresh handler per file. */
export function walk(directory: string, open: () => Handler): void {
  const scripts = readdirSync(directory).filter((name) => name.endsWith('.txt'))
  test(`${directory} holds scripts`, () => expect(scripts.length).toBeGreaterThan(0))
  for (const file of scripts.sort()) test(file, () => run(join(directory, file), open()))
}

async function run(path: string, handle: Handler): Promise<void> {
  const before = readFileSync(path, 'utf8')
  let actual = ''
  for (const { comment, head } of parse(before)) {
    const output = (await handle(command(head))).trimEnd()
    actual += `${comment}${head.join('\n')}\n----\n${output}\n\n`
  }
  if (process.env['REWRITE'] === '1') writeFileSync(path, actual)
  else expect(actual, `${path} differs; run with REWRITE=1 and inspect the diff`).toBe(before)
}

function parse(text: string): Case[] {
  const cases: Case[] = []
  for (const block of text.split(/\n\n+(?=\S)/).filter((part) => part.trim() !== '')) {
    const [head = ''] = block.split(/^----$/m)
    const lines = head.trimEnd().split('\n')
    const first = lines.findIndex((line) => !line.startsWith('#'))
    const comment = lines.slice(0, first).map((each) => `${each}\n`)
    cases.push({ comment: comment.join(''), head: lines.slice(first) })
  }
  return cases
}

function command(head: readonly string[]): Command {
  const [name = '', ...words] = (head[0] ?? '').split(/\s+/)
  return {
    name,
    words,
    body: head.slice(1).map((line) => line.replace(/^\t/, '')),
    arg: (key) => words.find((word) => word.startsWith(`${key}=`))?.slice(key.length + 1),
  }
}
