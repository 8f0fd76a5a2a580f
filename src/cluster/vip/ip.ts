//! ip(8) as a program that stays: it says nothing of what it did, and numbers the lines it did not.

import type { Program } from './resident.ts'

/** A name that the kernel allows (15 bytes): on a longer one the program would end. */
const NAMES = 1_000

export const IP: Program = {
  name: 'ip',
  command: 'ip -force -batch -',
  question: (number) => `link show pbx-asked-${number % NAMES}`,
  answerTo: (question) => {
    const device = question.split(' ').at(-1)
    return new RegExp(`^([^]*?)[^\\n]*${device}\\b[^\\n]*\\nCommand failed -:\\d+\\n`)
  },
  refusal: (answer) => /^(.*)\nCommand failed/m.exec(answer)?.[1],
}
