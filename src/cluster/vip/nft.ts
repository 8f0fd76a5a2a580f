//! nft(8) as a program that stays.

import type { Program } from './resident.ts'

export const NFT: Program = {
  name: 'nft',
  command: 'nft -i',
  question: (number) => `list table ip pbx_asked_${number}`,
  // The error, the line that it is about, and the mark under its end.
  answerTo: (question) => new RegExp(`^([^]*?)Error: [^\\n]*\\n${question}\\n *\\^+\\n`),
  refusal: (answer) => /^Error: (.*)$/m.exec(answer)?.[1],
  denial: /^Operation not permitted\b.*$/m,
}
