//! argv as yargs understands it the way it was meant: a value may begin with a dash, and a dash of
//! its own is stdin.

/** The words for yargs, or the first one that it would stumble over. */
export type Words =
  | { readonly kind: 'words'; readonly words: readonly string[] }
  | { readonly kind: 'unknown'; readonly word: string }

/** `isText` says of an option's name whether a value follows it. */
export function wordsOf(args: readonly string[], isText: (option: string) => boolean): Words {
  const words: string[] = []
  for (let at = 0; at < args.length; at++) {
    const word = args[at] ?? ''
    if (word === '--') return { kind: 'words', words: [...words, ...args.slice(at)] }
    if (isNoOption(word)) return { kind: 'unknown', word: word.replace(/=.*/s, '') }
    const next = args[at + 1] ?? ''
    const isValue = /^-([^-]|$)/.test(next) && word.startsWith('--') && isText(word.slice(2))
    if (isValue) {
      words.push(`${word}=${next}`)
      at++
    } else words.push(word === '-' ? '/dev/stdin' : word)
  }
  return { kind: 'words', words }
}

/** One of a letter, but no negative number; or of a name that yargs keeps things of its own by. */
function isNoOption(word: string): boolean {
  if (/^-[^-]/.test(word)) return !/^-\d+$/.test(word)
  const [, name] = /^--([^=]+)/.exec(word) ?? []
  return name !== undefined && (name === '_' || name === '$0' || name in Object.prototype)
}
