//! HTML from templates: whatever is put in is escaped, unless it is HTML of ours already. Pure.

export class Html {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

type Part = string | number | Html | readonly Html[] | undefined

export function html(texts: TemplateStringsArray, ...parts: readonly Part[]): Html {
  const inserted = (index: number): string => (index < parts.length ? shown(parts[index]) : '')
  return new Html(texts.map((text, index) => text + inserted(index)).join(''))
}

function shown(part: Part): string {
  if (part === undefined) return ''
  if (part instanceof Html) return part.text
  if (typeof part === 'object') return part.map(({ text }) => text).join('')
  return String(part).replaceAll(/[&<>"']/g, (found) => ENTITIES[found] ?? found)
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}
